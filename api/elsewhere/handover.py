"""Handing reports over to other systems, and what follows them there: at most once, whatever goes wrong.

A request begins when that is committed ("sent"), and its outcome is one more transaction. In between nobody else sends,
and if this process dies there, nobody knows: then a person looks, and no machine tries again (docs/decisions/0013).
"""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from pathlib import Path

import structlog

from api.elsewhere import planning
from api.elsewhere.bridging import open_bridge
from api.elsewhere.outward import Files, file_of, files_of, report_of
from api.house import House
from api.problems import where
from api.queue import DEAD_AFTER, enqueue, enqueue_at, queued, running
from api.unit import Unit, unit
from bot.texts import speak
from bridges.contract import Bridge, Closing, Later, Refused, Taken, Trouble, Unknown
from store import complaints, handovers, holders, moves, posts, references, ways
from store.complaints import Actor, NotFound
from store.database import is_down
from store.posts import ATTACH, CLOSE, Post
from store.references import NotNow, Reference
from store.ways import MACHINES, Connection

log = structlog.get_logger(__name__)

# So many of a kind are put into the queue in one run; the next comes in a minute.
MOST = 500
# What is said of the pelapor, by the verb, where they said nothing to it themselves.
_SENTENCES = {"disputed": "posted.disputed", "confirmed": "posted.confirmed", "withdrawn": "posted.withdrawn"}
# Clocks of several hosts agree to within this.
SOON = timedelta(seconds=1)
# Whatever a bridge does, it ends within this (seconds): well before its worker is taken for dead.
LONGEST = 300.0
# So long the outcome of a request is tried to be written down, while the database is away or busy (seconds).
INSIST = 240.0


@cache
def patience() -> dict[str, dict[str, float]]:
    """api/elsewhere/patience.toml."""
    return tomllib.loads((Path(__file__).parent / "patience.toml").read_text(encoding="utf-8"))


async def insist(house: House, do: Callable[[Unit], Awaitable[None]]) -> None:
    """Write down what has become of something: again and again, as long as the database is away or somebody is in the
    way, up to four minutes. What is lost here, nobody knows any more."""
    loop = asyncio.get_running_loop()
    deadline, pause = loop.time() + INSIST, 0.05
    while True:
        try:
            async with unit(house) as work:
                await do(work)
            return
        except Exception as error:
            if not is_down(error) or loop.time() + pause > deadline:
                raise
        await asyncio.sleep(pause)
        pause = min(2 * pause, 5.0)


# --- a report ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a request: the answer, or what went wrong; and the files that were to go along."""

    result: Taken | Trouble
    files: Files | None = None


async def hand_over(house: House, reference_id: int) -> None:
    """Hand a report over, if it waits for that and its time has come. Any number of these may run at once."""
    async with unit(house) as work:
        begun = await _begin(work, reference_id)
    if begun is None:
        return
    reference, way = begun
    outcome = await _submit(house, reference, way)
    try:
        await insist(house, partial(_settle, reference=reference, outcome=outcome))
    except Exception as error:
        log.error("outcome_not_kept", reference=reference.id, kind=type(error).__name__, where=where(error))
        # The number that they gave is what a person needs to find it.
        number = outcome.result.external_id if isinstance(outcome.result, Taken) else None
        await insist(house, partial(_lost, reference=reference, number=number))


async def _begin(work: Unit, reference_id: int) -> tuple[Reference, Connection] | None:
    try:
        reference = await references.get(work.connection, reference_id)
    except NotFound:
        return None
    soon = work.house.now() + SOON
    if reference.state != references.WAITING or (reference.check_at or soon) > soon:
        return None
    way = await ways.get(work.connection, reference.connection_id) if reference.connection_id is not None else None
    if way is not None and way.kind not in MACHINES:
        return None  # a person does
    facts = await references.bearings(work.connection, reference.complaint_id)
    problem = ways.obstacle(ways.Way(reference.system, way, reference.agency, reference.address), secret=facts.secret)
    if problem is None and facts.status in moves.ENDED:
        problem = "ended"
    if problem is None and not await _is_theirs(work, reference):
        problem = handovers.ELSEWHERE
    if problem is not None or way is None:
        await _fail(work, reference, problem or "no_connection")
        return None
    begun = await references.begin(work.connection, reference_id)
    return None if begun is None else (begun, way)


async def _is_theirs(work: Unit, reference: Reference) -> bool:
    """Whether it still concerns the agency whose copy it is, where it is one's. Who is just giving it back to them is
    waited for: they find it waiting, and leave it to us."""
    connection, agency = work.connection, reference.agency
    if agency is None or await holders.concerns(connection, reference.complaint_id, agency):
        return True
    await complaints.lock(connection, reference.ticket)
    return await holders.concerns(connection, reference.complaint_id, agency)


async def _submit(house: House, reference: Reference, way: Connection) -> Outcome:
    """Send it, once. Nothing is raised: what we do not know is `Unknown` from the moment on that the bridge begins."""
    begun, taken, files = False, None, None
    try:
        async with house.engine.connect() as connection:
            report = await report_of(house, connection, reference.complaint_id, kind=way.kind)
        files = await files_of(house, reference.complaint_id, anonymous=report.anonymous)
        async with asyncio.timeout(LONGEST), open_bridge(house, way, reference) as bridge:
            begun = True
            taken = await bridge.submit(report, files.going)
    except Trouble as trouble:
        return Outcome(taken or trouble, files)
    except TimeoutError:
        return Outcome(taken or (Unknown("timeout") if begun else Later("ours")), files)
    except Exception as error:
        log.error("hand_over_failed", reference=reference.id, kind=type(error).__name__, where=where(error))
        return Outcome(taken or (Unknown("ours") if begun else Later("ours")), files)
    return Outcome(taken, files)


async def _settle(work: Unit, reference: Reference, outcome: Outcome) -> None:
    connection, result = work.connection, outcome.result
    match result:
        case Taken(external_id=str(number)) if number.strip():
            await _confirm(work, reference, number.strip(), result.raw_status)
        case Taken(token=str(token)) if token.strip():
            check_at = work.house.now() + timedelta(seconds=work.house.settings.bridge_pause_seconds)
            await references.pending(connection, reference.id, token.strip(), check_at)
            await enqueue_at(connection, "follow_reference", check_at, reference_id=reference.id)
        case Taken():
            await _doubt(work, reference, _doubt_of(result))
        case Refused(reason=reason, detail=detail):
            await _fail(work, reference, reason, detail)
        case Later():
            await _put_off(work, reference, result)
            return
        case _:
            await _doubt(work, reference, result.reason, result.detail)
    if not isinstance(result, Refused):
        await _note_files(work, reference, outcome)


async def _confirm(work: Unit, reference: Reference, number: str, raw_status: str | None) -> None:
    actor = Actor("bridge", reference.system)
    try:
        event = await references.confirm(work.connection, reference.id, number, actor, raw_status=raw_status)
    except references.Taken:
        await _doubt(work, reference, "twice", number)
    except NotNow:
        # It was entered under another number meanwhile: now it is there twice, which a person must mend.
        log.warning("confirmed_otherwise", reference=reference.id)
        await planning.ask_person(work, reference.complaint_id, "doubled")
    else:
        if event is not None:
            work.record(event)
        check_at = work.house.now() + timedelta(seconds=work.house.settings.bridge_pause_seconds)
        await enqueue_at(work.connection, "follow_reference", check_at, reference_id=reference.id)


async def _note_files(work: Unit, reference: Reference, outcome: Outcome) -> None:
    """Which files are there with the report, which are to follow it, and which cannot. Of a report that may be there or
    not, nobody knows it of its files either."""
    if outcome.files is None:
        return
    result, ids = outcome.result, outcome.files.ids
    left = set(result.left) if isinstance(result, Taken) else set()
    state, problem = (posts.DONE, None) if _is_there(result) else (posts.UNKNOWN, _doubt_of(result))
    went = [ids[key] for key in ids if key not in left]
    await posts.attach(work.connection, reference.id, went, state, problem)
    await posts.attach(work.connection, reference.id, [ids[key] for key in ids if key in left])
    for media_id, problem in outcome.files.problems.items():
        await posts.attach(work.connection, reference.id, [media_id], posts.FAILED, problem)
    await planning.pass_next(work, reference.id)


def _is_there(result: Taken | Trouble) -> bool:
    """Whether they surely have it: they gave it a number, or a token."""
    return isinstance(result, Taken) and bool((result.external_id or "").strip() or (result.token or "").strip())


def _doubt_of(result: Taken | Trouble) -> str:
    """Why nobody knows whether they have it: a key of texts."""
    return "unreadable" if isinstance(result, Taken) else result.reason


async def _fail(work: Unit, reference: Reference, problem: str, detail: str = "") -> None:
    await references.failed(work.connection, reference.id, problem, detail)
    if problem not in ("ended", handovers.ELSEWHERE):  # nobody waits for it any more
        await planning.ask_person(work, reference.complaint_id, problem)


async def _doubt(work: Unit, reference: Reference, problem: str, detail: str = "") -> None:
    """Nobody knows: a person must look."""
    await references.unknown(work.connection, reference.id, problem, detail)
    await planning.ask_person(work, reference.complaint_id, problem)


async def _put_off(work: Unit, reference: Reference, later: Later) -> None:
    now = work.house.now()
    if _tried_enough(reference.waiting_since, reference.attempts, now):
        await _fail(work, reference, later.reason, later.detail)
        return
    check_at = now + _pause(reference.attempts, later.after)
    await references.later(work.connection, reference.id, later.reason, later.detail, check_at)
    await enqueue_at(work.connection, "hand_over", check_at, reference_id=reference.id)


def _tried_enough(since: datetime, attempts: int, now: datetime) -> bool:
    limits = patience()["try"]
    return attempts >= limits["give_up_tries"] and now - since > timedelta(hours=limits["give_up_hours"])


def _pause(attempts: int, asked: float | None) -> timedelta:
    """How long to wait after so many tries; `asked` is what they ask for, in seconds."""
    limits = patience()["try"]
    pause = min(limits["first"] * 2 ** min(attempts - 1, 20), limits["most"])
    return timedelta(seconds=max(pause, min(asked or 0.0, limits["asked_most"])))


async def _lost(work: Unit, reference: Reference, number: str | None) -> None:
    await _doubt(work, reference, "ours", number or "")


# --- what follows it -----------------------------------------------------------------------------------


async def pass_post(house: House, post_id: int) -> None:
    """Pass on something that follows a report, if it is its turn; then what comes after it."""
    async with unit(house) as work:
        begun = await _begin_post(work, post_id)
    if begun is None:
        return
    post, reference, way = begun
    trouble = await _send(house, post, reference, way)
    await insist(house, partial(_settle_post, post=post, reference=reference, trouble=trouble))


async def _begin_post(work: Unit, post_id: int) -> tuple[Post, Reference, Connection] | None:
    with suppress(NotFound):
        reference_id = (await posts.get(work.connection, post_id)).reference_id
        way = await ways.for_reference(work.connection, reference_id, MACHINES)
        post = await posts.begin(work.connection, post_id) if way is not None else None
        if way is None or post is None:
            return None
        reference = await references.get(work.connection, reference_id)
        facts = await references.bearings(work.connection, reference.complaint_id)
        problem = "secret" if facts.secret and way.kind in ways.PUBLIC else None
        if problem is None and await _is_theirs(work, reference):
            return post, reference, way
        await posts.failed(work.connection, post_id, problem or handovers.ELSEWHERE)
        await planning.pass_next(work, reference_id)
    return None


async def _send(house: House, post: Post, reference: Reference, way: Connection) -> Trouble | None:
    """Send it, once; None where it was taken. Nothing is raised."""
    begun = done = False
    try:
        file = await file_of(house, post.media_id or 0) if post.kind == ATTACH else None
        if isinstance(file, str):
            return Refused(file)
        async with asyncio.timeout(LONGEST), open_bridge(house, way, reference) as bridge:
            begun = True
            if file is not None:
                await bridge.attach(reference.external_id or "", file)
            else:
                await _say(bridge, post, reference)
            done = True
    except Trouble as trouble:
        return None if done else trouble
    except TimeoutError:
        return None if done else Unknown("timeout") if begun else Later("ours")
    except Exception as error:
        log.error("post_failed", post=post.id, kind=type(error).__name__, where=where(error))
        return None if done else Unknown("ours") if begun else Later("ours")
    return None


async def _say(bridge: Bridge, post: Post, reference: Reference) -> None:
    number, key = reference.external_id or "", f"{reference.ticket}:{post.id}"
    if post.kind != CLOSE:
        await bridge.reply(number, post.words or _sentence(post), key)
    elif isinstance(bridge, Closing):
        await bridge.close(number, post.words, key)
    else:
        await bridge.reply(number, "\n".join(filter(None, (_sentence(post), post.words))), key)


def _sentence(post: Post) -> str:
    """What the pelapor did, in words. Offices read Indonesian."""
    return speak(_SENTENCES[post.event or ""], None, "id")


async def _settle_post(work: Unit, post: Post, reference: Reference, trouble: Trouble | None) -> None:
    connection, now = work.connection, work.house.now()
    match trouble:
        case None:
            await posts.done(connection, post.id)
            # They may well answer.
            await references.looked_at(
                connection, reference.id, now + timedelta(seconds=work.house.settings.bridge_pause_seconds)
            )
        case Later() if not _tried_enough(post.created_at, post.attempts, now):
            check_at = now + _pause(post.attempts, trouble.after)
            await posts.later(connection, post.id, trouble.reason, check_at)
            await enqueue_at(connection, "pass_post", check_at, post_id=post.id)
        case Unknown():
            await posts.unknown(connection, post.id, trouble.reason)
        case Refused(reason="closed") if post.kind == CLOSE:
            await posts.done(connection, post.id)
        case _:
            await posts.failed(connection, post.id, trouble.reason)
    await planning.pass_next(work, reference.id)


# --- what waits ----------------------------------------------------------------------------------------


async def keep_waiting(house: House) -> None:
    """Put into the queue what waits and has no job: its time has come, or the process died that should have. What is
    under way and no worker is at, is unknown."""
    async with unit(house) as work:
        connection = work.connection
        besides = await queued(connection, "hand_over", "reference_id")
        for reference_id in await references.to_send(connection, MACHINES, MOST, besides):
            await enqueue(connection, "hand_over", reference_id=reference_id)
        waiting = set(await queued(connection, "pass_post", "post_id"))
        for post_id in await posts.due(connection, MACHINES, MOST):
            if post_id not in waiting:
                await enqueue(connection, "pass_post", post_id=post_id)
    await _bury(house)


async def _bury(house: House) -> None:
    before = house.now() - timedelta(seconds=patience()["try"]["died_after"])
    async with house.engine.connect() as connection:
        at_it = set(await running(connection, "hand_over", "reference_id", DEAD_AFTER))
        left = [each for each in await references.sent_before(connection, before, MOST) if each not in at_it]
        posting = set(await running(connection, "pass_post", "post_id", DEAD_AFTER))
        lost = [each for each in await posts.sent_before(connection, before, MOST) if each not in posting]
    for reference_id in left:
        await insist(house, partial(_died, reference_id=reference_id))
    for post_id in lost:
        await insist(house, partial(_post_died, post_id=post_id))


async def _died(work: Unit, reference_id: int) -> None:
    reference = await references.get(work.connection, reference_id)
    if reference.state == references.SENT and reference.token is None:
        log.warning("hand_over_died", reference=reference_id)
        await _doubt(work, reference, "died")


async def _post_died(work: Unit, post_id: int) -> None:
    await posts.unknown(work.connection, post_id, "died")
    await planning.pass_next(work, (await posts.get(work.connection, post_id)).reference_id)
