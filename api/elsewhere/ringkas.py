"""Imports of SP4N's "Laporan Ringkas", as jobs: one reads a file into staged rows, one does what a person has agreed
to.

Both commit as they go and go on where they were when a worker dies; two runs at once do nothing twice. A row of ours is
done in a transaction of its own, with everything that follows from it; rows of others a thousand at a time. The file
goes as soon as its rows are staged: names and stories in it are nobody's business here.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import Any

import structlog

from api import retention
from api.house import House
from api.problems import where
from api.unit import Unit, patiently, unit
from bridges import ringkas as export
from bridges.cells import Unreadable
from store import audit, complaints, moves, policy, presence, references, ringkas
from store.complaints import Actor, NotFound
from store.database import is_down
from store.policy import Reach
from store.references import Told, ToldEntry
from store.ringkas import Import, Read, Staged

log = structlog.get_logger(__name__)

# Whose report a row may be: the rule of what goes into other systems by hand.
RULE = "report.hand_over"
# Rows that are read, and rows of others that are kept, in one transaction.
AT_ONCE = 1_000


# --- reading ---------------------------------------------------------------------------------------------------------


async def read(house: House, import_id: int) -> None:
    """Read a file that was handed in, or go on with it, until its rows wait for a person.

    What cannot be read is refused, with the reason on the page of the import. Raises what says that the database
    cannot be used just now: then it is to be run again.
    """
    async with house.engine.connect() as connection:
        import_ = await ringkas.get(connection, import_id)
    if import_ is None or import_.state not in ringkas.UNREAD:
        return
    try:
        await _read(house, import_)
    except FileNotFoundError:
        await _refuse(house, import_, "gone", {})
    except Unreadable as problem:
        await _refuse(house, import_, problem.key, problem.parameters)
    await retention.put_away(house, [import_.sha256])


async def _read(house: House, import_: Import) -> None:
    content = await asyncio.to_thread(house.shelf.get, import_.sha256)
    found = await asyncio.to_thread(export.read, io.BytesIO(content))
    del content
    async with unit(house) as work:
        last = await ringkas.begin_reading(work.connection, import_.id, found.expected, _summary(import_, found))
    if last is None:
        return
    async with house.engine.connect() as connection:
        begun = await ringkas.get(connection, import_.id)
        grants = await presence.grants(connection, import_.staff_id, house.now())
    if begun is None:  # imports are never deleted
        raise LookupError(import_.id)
    reach, done = policy.reach(grants, RULE), 0
    while rows := await asyncio.to_thread(_some, found.rows):
        done += len(rows)
        if fresh := [row for row in rows if row.line > last]:
            async with unit(house) as work:
                if not await ringkas.stage(work.connection, begun, fresh, done, reach, house.settings.home_region):
                    return
    async with unit(house) as work:
        known = await ringkas.statuses(work.connection, import_.id)
        strange = [(status, count) for status, count in known if moves.read(status) is None]
        await ringkas.end_reading(work.connection, import_.id, strange)


def _some(rows: Iterator[export.Row]) -> list[Read]:
    """The next rows of a file; none at its end. Takes a while: in a thread."""
    return [
        Read(row.line, row.external_id, row.ticket, row.own, row.facts, row.problems) for row in islice(rows, AT_ONCE)
    ]


def _summary(import_: Import, found: export.Export) -> dict[str, Any]:
    # What was generated later than it was handed in has another clock than ours.
    generated = min(found.generated_at, import_.created_at) if found.generated_at else None
    return {
        "agency": found.agency,
        "period": found.period,
        "generated_at": generated.isoformat() if generated else None,
        "notes": list(found.notes),
        "missing": list(found.missing),
        "strangers": list(found.strangers),
        "ours": found.ours,
    }


async def _refuse(house: House, import_: Import, problem: str, parameters: dict[str, Any]) -> None:
    async with unit(house) as work:
        await ringkas.refuse(work.connection, import_.id, problem, parameters)


# --- doing -----------------------------------------------------------------------------------------------------------


async def do(house: House, import_id: int) -> None:
    """Do what an import would change, or go on with it.

    A row of ours on which we fail is passed over and named on the page. Raises what says that the database cannot be
    used just now: then it is to be run again.
    """
    async with house.engine.connect() as connection:
        import_ = await ringkas.get(connection, import_id)
    if import_ is None or import_.state != "doing":
        return
    after = 0
    while lines := await _lines(house, import_, after):
        for line in lines:
            await _row(house, import_, line)
        after = lines[-1]
    last: int | None = 0
    while last is not None:
        async with unit(house) as work:
            last = await ringkas.note_others(work.connection, import_, last, AT_ONCE)
    async with unit(house) as work:
        done = await ringkas.finish(work.connection, import_id)
        if done is not None:
            actor = Actor("operator", f"staff:{import_.staff_id}")
            of = ("import", str(import_id))
            await audit.write(work.connection, actor, "external.imported", of=of, detail=dict(done))


async def _lines(house: House, import_: Import, after: int) -> list[int]:
    async with house.engine.connect() as connection:
        return await ringkas.ours_left(connection, import_.id, after, AT_ONCE)


async def _row(house: House, import_: Import, line: int) -> None:
    async def act(work: Unit) -> None:
        grants = await presence.grants(work.connection, import_.staff_id, house.now())
        problem = await _act(work, import_, line, policy.reach(grants, RULE))
        if problem is not None:
            await ringkas.told(work.connection, import_.id, line, problem or None)

    try:
        await patiently(house, act)
        return
    except references.Taken:
        problem = "taken"
    except references.NotNow:
        problem = "other_number"
    except NotFound:
        problem = "gone"
    except Exception as error:
        if is_down(error):
            raise
        log.error("import_row_failed", kind=type(error).__name__, where=where(error))
        problem = "defect"
    # What the attempt had changed was rolled back with it.
    async with unit(house) as work:
        if await ringkas.take(work.connection, import_, line, Reach(), house.settings.home_region) is not None:
            await ringkas.told(work.connection, import_.id, line, problem)


async def _act(work: Unit, import_: Import, line: int, reach: Reach) -> str | None:
    """Do one row of ours as it is decided now: "" where that was done or is no news any more, a problem, None where
    somebody else has done it."""
    house, connection = work.house, work.connection
    taken = await ringkas.take(connection, import_, line, reach, house.settings.home_region)
    if taken is None:
        return None
    row, reference = taken
    if row.verdict == ringkas.SAME:
        return ""
    if row.verdict not in (ringkas.CHANGED, ringkas.UNKNOWN) or row.ticket is None or row.external_id is None:
        return "forbidden"
    actor = Actor("bridge", import_.system)
    if row.verdict == ringkas.UNKNOWN:
        reference_id = reference.id if reference is not None else await _planned(work, import_, row.ticket)
        operator = Actor("operator", f"staff:{import_.staff_id}")
        event = await references.confirm(connection, reference_id, row.external_id, operator)
        if event is not None:
            work.record(event)
        if import_.summary.get("ours"):
            return ""
    elif reference is not None:
        reference_id = reference.id
    else:  # what has changed is known by its number
        raise LookupError(row.line)
    # What we ask of another system for the first time cannot be older than what it has told us.
    before = reference is not None and reference.raw_status is not None
    told = _told(row, import_, before=before)
    agency = await _agency(work, row, reference_id)
    for event in await references.heard(connection, reference_id, told, actor, agency=agency):
        work.record(event)
    return ""


async def _planned(work: Unit, import_: Import, ticket: str) -> int:
    """The reference of a report that nobody had planned to hand over, and that is there all the same."""
    row = await complaints.lock(work.connection, ticket)
    await references.plan(work.connection, row.id, import_.system, connection_id=None)
    found = await references.of_complaint(work.connection, row.id)
    return next(each.id for each in found if each.system == import_.system and each.agency is None)


def _told(row: Staged, import_: Import, *, before: bool) -> Told:
    status, reason = row.facts["raw_status"], row.facts.get("reason")
    entries = []
    if reason:
        # The same reason with the same status is the same entry in every export.
        digest = hashlib.sha256("\n".join((status, reason)).encode()).hexdigest()
        entries.append(ToldEntry(f"ringkas {digest[:32]}", None, status, reason))
    return Told(status, None, entries, asked_at=import_.generated_at if before else None)


async def _agency(work: Unit, row: Staged, reference_id: int) -> str | None:
    """The code of the unit that a row names, where that is certain."""
    named = moves.unit_of(row.facts["raw_status"]) or row.facts.get("agency")
    if not named:
        return None
    reference = await references.get(work.connection, reference_id)
    region = (await references.bearings(work.connection, reference.complaint_id)).region
    found = work.house.directory.agencies.called(named, region, work.house.today(region))
    return found.code if found else None


# --- what goes again -------------------------------------------------------------------------------------------------


async def clear(house: House) -> None:
    """Forget rows of imports that are over, drop those that nobody has come back for, and remove their files."""
    for _ in range(retention.ROUNDS):
        async with unit(house) as work:
            if not await ringkas.forget(work.connection, house.now(), retention.REPORTS):
                break
    before = house.now() - timedelta(days=house.settings.retention_closed_days)
    for _ in range(retention.ROUNDS):
        async with unit(house) as work:
            if not await ringkas.forget_words(work.connection, before, retention.REPORTS):
                break
    async with house.engine.connect() as connection:
        names = await ringkas.files(connection, house.now() - timedelta(days=2))
    await retention.put_away(house, names)
