"""How far reports are in other systems: asked now and then, and what is new told.

Soon after there was news often, later seldom (patience.toml). A report that ended here and there is left alone.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from functools import partial

import structlog

from api.elsewhere import planning
from api.elsewhere.bridging import FOLLOWED, open_bridge
from api.elsewhere.handover import MOST, insist, patience
from api.house import House
from api.problems import where
from api.queue import enqueue, enqueue_at, queued
from api.unit import Unit, unit
from bridges.contract import Later, Standing, Trouble
from store import moves, references, ways
from store.complaints import Actor, NotFound
from store.references import Bearings, Reference, Told, ToldEntry

log = structlog.get_logger(__name__)

# What goes on by itself once somebody has mended it: said at the reference, and nothing is concluded from it.
_SAID = ("key", "not_found", "invalid", "not_offered", "no_connection", "ours")


async def follow(house: House, reference_id: int) -> None:
    """Ask how far a report is, if it is time for that, and tell what is new. Any number of these may run at once."""
    hold = timedelta(seconds=patience()["follow"]["claim"])
    async with unit(house) as work:
        try:
            reference = await references.claim(work.connection, reference_id, house.now() + hold)
        except NotFound:
            return
        if reference is None:
            return
        facts = await references.bearings(work.connection, reference.complaint_id)
        way = await ways.for_reference(work.connection, reference_id, FOLLOWED)
        if _is_over(reference, facts, house.now()):
            await references.looked_at(work.connection, reference_id, None)
            return
        if way is None:  # it was switched off since, and may be switched on again
            again = house.now() + timedelta(seconds=patience()["follow"]["most"])
            await references.looked_at(work.connection, reference_id, again)
            return
    asked_at = house.now()
    try:
        async with open_bridge(house, way, reference) as bridge:
            standing = await bridge.status(reference.external_id, reference.token)
    except Trouble as trouble:
        await insist(house, partial(_see_nothing, reference=reference, trouble=trouble))
        return
    except Exception as error:
        log.error("follow_failed", reference=reference_id, kind=type(error).__name__, where=where(error))
        await insist(house, partial(_see_nothing, reference=reference, trouble=Later("ours")))
        return
    told, agency = _told(house, standing, facts.region, asked_at)
    await insist(house, partial(_hear, reference=reference, told=told, agency=agency))


def _is_over(reference: Reference, facts: Bearings, now: datetime) -> bool:
    """Whether it has ended here, or there, so long ago that no news is expected."""
    before = now - timedelta(days=patience()["follow"]["ended_days"])
    there = moves.read(reference.raw_status) if reference.raw_status else None
    if there is not None and there.ends and reference.raw_status_at is not None and reference.raw_status_at < before:
        return True
    return facts.status in moves.ENDED and facts.changed_at < before


async def _see_nothing(work: Unit, reference: Reference, trouble: Trouble) -> None:
    now = work.house.now()
    if isinstance(trouble, Later):
        pause = max(
            _pause(work.house, now - (await references.news_at(work.connection, reference.id) or now)),
            trouble.after or 0.0,
        )
        problem = None
    else:
        pause, problem = patience()["follow"]["most"], trouble.reason if trouble.reason in _SAID else "invalid"
    if reference.state == references.SENT and trouble.reason == "not_found":
        # They know their own token no more: whether they have the report, nobody knows.
        await references.unknown(work.connection, reference.id, "not_found")
        await planning.ask_person(work, reference.complaint_id, "not_found")
        return
    await _look_again(work, reference.id, timedelta(seconds=_jittered(pause)), problem, trouble.detail)


async def _hear(work: Unit, reference: Reference, told: Told, agency: str | None) -> None:
    actor = Actor("bridge", reference.system)
    try:
        async with work.connection.begin_nested():
            events = await references.heard(work.connection, reference.id, told, actor, agency=agency)
    except references.Taken:
        await references.unknown(work.connection, reference.id, "twice", told.external_id or "")
        await planning.ask_person(work, reference.complaint_id, "twice")
        return
    for event in events:
        work.record(event)
    now = work.house.now()
    quiet = timedelta(0) if events else now - (await references.news_at(work.connection, reference.id) or now)
    await _look_again(work, reference.id, timedelta(seconds=_jittered(_pause(work.house, quiet))))


async def _look_again(
    work: Unit, reference_id: int, pause: timedelta, problem: str | None = None, detail: str = ""
) -> None:
    check_at = work.house.now() + pause
    await references.looked_at(work.connection, reference_id, check_at, problem, detail)
    if pause < timedelta(minutes=1):  # before the next run of `keep_following`
        await enqueue_at(work.connection, "follow_reference", check_at, reference_id=reference_id)


def _pause(house: House, quiet: timedelta) -> float:
    """How long to wait (seconds) after there was no news for so long."""
    limits, first = patience()["follow"], house.settings.bridge_pause_seconds
    return min(max(first, quiet.total_seconds() * limits["share"]), limits["most"])


def _jittered(seconds: float) -> float:
    # No secret: so that not all ask at once.
    share = patience()["follow"]["jitter"]
    return seconds * random.uniform(1 - share, 1 + share)  # noqa: S311  # nosec B311


async def keep_following(house: House) -> None:
    """Put into the queue what it is time to look at, and has no job yet."""
    async with unit(house) as work:
        besides = await queued(work.connection, "follow_reference", "reference_id")
        for reference_id in await references.to_follow(work.connection, FOLLOWED, MOST, besides):
            await enqueue(work.connection, "follow_reference", reference_id=reference_id)


# --- what they tell -------------------------------------------------------------------------------------


def _told(house: House, standing: Standing, region: str | None, asked_at: datetime) -> tuple[Told, str | None]:
    """The same as the store hears it: with the codes of the units that it names, the present status's beside it."""

    def known(raw_status: str | None) -> str | None:
        named = moves.unit_of(raw_status)
        found = house.directory.agencies.called(named, region, house.today(region)) if named else None
        return found.code if found else None

    entries = tuple(
        ToldEntry(each.key, each.at, each.raw_status, each.words, each.by, known(each.raw_status))
        for each in standing.log
    )
    told = Told(standing.raw_status, standing.raw_status_at, entries, standing.external_id, asked_at)
    return told, known(standing.raw_status)
