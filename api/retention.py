"""Retention: once a night, what has been kept long enough goes (store/rights.py), and files that nobody names. And
what citizens are told of it.

Rounds are small transactions of their own. A worker that dies in the middle leaves the rest to the next night, and
several workers may do it at once. Nothing that is logged tells more than how many.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

import structlog

from api.house import House
from api.settings import Settings
from api.unit import unit
from store import inbox, kept, letters, presence, reported, rights, staff
from store.rights import Erased, Held, Kept, Mask, Policy, Swept

log = structlog.get_logger(__name__)

# Of each kind in one transaction: chats and complaints are locked until it commits.
BATCH = 50
# So many names of messages, which nothing else is locked for.
REPORTS = 5_000
# After this no provider repeats what it has told us: Meta does so for 7 days.
REPEATED = timedelta(days=30)
# A file whose bytes were put this recently has a row on its way (seconds).
QUIET = 600.0
# So many unknown files may be an accident of any size of shelf.
SUSPICIOUS = 20
# A round that finds work is followed by another; so many at most, should anything turn in circles.
ROUNDS = 10_000


def policy(settings: Settings) -> Policy:
    """How long things are kept in this house."""
    return Policy(
        closed_days=settings.retention_closed_days,
        draft_days=settings.retention_draft_days,
        chat_days=settings.retention_chat_days,
    )


def mask_of(house: House) -> Mask:
    """How this house masks personal data.

    A worker reads no texts and has no suggester. It loads the rules when the first complaint is due: the classifier's
    room is large and slow to import.
    """
    return house.suggester.mask if house.suggester else _mask


def _mask(words: str) -> str | None:
    try:
        masked: str = import_module("classifier.personal").mask(words)
    except Exception as error:
        log.error("not_masked", kind=type(error).__name__)
        return None
    return masked


async def retain(house: House) -> Swept:
    """Let go of everything that is due; returns the counts of all rounds (without `freed`)."""
    total = Swept()
    for _ in range(ROUNDS):
        async with unit(house) as work:
            swept = await rights.sweep(work.connection, house.now(), policy(house.settings), mask_of(house), BATCH)
        await put_away(house, swept.freed)
        total = Swept(
            chats=total.chats + swept.chats,
            complaints=total.complaints + swept.complaints,
            unmasked=swept.unmasked,
            files=total.files + swept.files,
            guesses=total.guesses + swept.guesses,
            codes=total.codes + swept.codes,
            drafts=total.drafts + swept.drafts,
            volunteers=total.volunteers + swept.volunteers,
        )
        if swept.done:
            break
    await _tidy_desk(house)
    await _tidy_reports(house)
    await _tidy_inbox(house)
    await _tidy_letters(house)
    orphans = await tidy(house)
    log.info(
        "retained",
        chats=total.chats,
        complaints=total.complaints,
        unmasked=total.unmasked,
        files=total.files,
        drafts=total.drafts,
        volunteers=total.volunteers,
        orphans=orphans,
    )
    return total


async def _tidy_desk(house: House) -> None:
    """Forget what officers left behind: old sessions, forms that nobody came back for, who had which report open."""
    for _ in range(ROUNDS):
        now = house.now()
        async with unit(house) as work:
            gone = await kept.sweep(work.connection, BATCH)
            gone += await staff.sweep(work.connection, now, BATCH)
            await presence.forget(work.connection, now - timedelta(days=1))
        if not gone:
            return


async def _tidy_reports(house: House) -> None:
    """Forget what providers called messages that are forgotten, or were never ours."""
    for _ in range(ROUNDS):
        async with unit(house) as work:
            if not await reported.forget(work.connection, house.now() - timedelta(days=2), REPORTS):
                return


async def _tidy_inbox(house: House) -> None:
    """Forget what came in and belongs to no chat, or not any more: notices, what could not be read, names of messages
    that are forgotten."""
    for _ in range(ROUNDS):
        async with unit(house) as work:
            before = house.now() - timedelta(days=house.settings.retention_chat_days)
            if not await inbox.forget(work.connection, before, house.now() - REPEATED, REPORTS):
                return


async def _tidy_letters(house: House) -> None:
    """Let go of what agencies wrote by e-mail, with its report; of no report, as the words of chats."""
    for _ in range(ROUNDS):
        async with unit(house) as work:
            before = house.now() - timedelta(days=house.settings.retention_chat_days)
            freed = await letters.forget(work.connection, loose=before, most=BATCH)
        if not freed:
            return
        await put_away(house, freed)


async def put_away(house: House, names: Collection[str]) -> int:
    """Remove the bytes of these SHA-256 that no row names any more; returns how many went.

    To be called after the commit that freed them. What it leaves (a worker dies, somebody is just sending the same
    file) is found by the next `tidy`.
    """
    if not names:
        return 0
    async with house.engine.connect() as connection:
        unused = await rights.unused(connection, names)
    return await asyncio.to_thread(lambda: sum(house.shelf.remove(name, QUIET) for name in unused))


async def tidy(house: House) -> int:
    """Remove everything on the shelf that no row names; returns how many files went.

    A shelf of which more than half is unknown belongs to another database, or to a lost one: nothing is removed then.
    """
    removed = await asyncio.to_thread(house.shelf.tidy, 86_400.0)
    there, unused = 0, list[str]()
    for names in await asyncio.to_thread(lambda: list(house.shelf.names())):
        there += len(names)
        async with house.engine.connect() as connection:
            unused += await rights.unused(connection, names)
    if len(unused) > max(SUSPICIOUS, there // 2):
        log.error("shelf_not_ours", files=there, unknown=len(unused))
        return removed
    return removed + await put_away(house, unused)


# --- what citizens are told --------------------------------------------------------------------------


def held_words(house: House, held: Held) -> dict[str, Any]:
    """The parameters of the text `rights.held`."""
    zone = house.zone(None)
    return {
        "name": held.name or {"key": "rights.no_name"},
        "since": _day(held.since.astimezone(zone)),
        "messages": held.heard + held.spoken,
        "drafts": held.drafts,
        "files": held.files,
        "megabytes": f"{held.bytes / 1_000_000:.1f}",
        "complaints": _tickets(held.complaints),
        "follows": held.follows,
        "ratings": held.ratings,
        "chat_days": house.settings.retention_chat_days,
        "closed_days": house.settings.retention_closed_days,
    }


def erased_words(house: House, erased: Erased) -> dict[str, Any]:
    """The parameters of the text `rights.erased`."""
    helped = {"key": "rights.erased_helper"} if erased.helper else None
    return {"kept": _kept_words(house, erased.kept), "helper": helped}


def _kept_words(house: House, kept: Sequence[Kept]) -> dict[str, Any]:
    if not kept:
        return {"key": "rights.kept_none"}
    ends = [each.until for each in kept if each.until is not None]
    # The latest day holds for all of them; while one is open, nobody knows its day.
    key = "rights.kept_open" if len(ends) < len(kept) else "rights.kept_ended"
    params: dict[str, Any] = {"complaints": _tickets(kept), "closed_days": house.settings.retention_closed_days}
    if len(ends) == len(kept):
        params["until"] = _day(max(ends).astimezone(house.zone(None)))
    return {"key": key, "params": params}


def _tickets(kept: Sequence[Kept]) -> Any:
    return ", ".join(each.ticket for each in kept) or {"key": "rights.no_complaints"}


def _day(moment: datetime) -> dict[str, str]:
    return {"date": moment.date().isoformat()}
