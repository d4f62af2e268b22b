"""Imports of another system's export: a file becomes staged rows with a verdict each, a person looks at them, and then
they are done, one after the other.

    same     nothing that we do not know, or older than what we know
    changed  one of ours has another status there
    unknown  one of ours that is not confirmed: its ticket stands in the row
    new      not ours: kept, or renewed, as an external complaint
    wrong    cannot be read; nothing is done while there are such, unless an officer leaves them out

Whose report a row is depends on who looks: what an officer may not hand over is none of ours for them, so that nobody
learns from a file which numbers belong to reports of others. A row is decided on when it is staged, and again, under
its lock, when it is done. See docs/decisions/0013.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import complaints, hearing, references
from store.complaints import NotFound
from store.policy import COVERED, Reach, covered

SAME, CHANGED, UNKNOWN, NEW, WRONG = VERDICTS = ("same", "changed", "unknown", "new", "wrong")
# What waits for a person, and what still needs the file.
READ, UNREAD = "read", ("waiting", "reading")
OPEN = (*UNREAD, READ, "doing")
# So long an import waits for whoever handed it in, and so long its rows can be looked at when it is done.
KEPT = timedelta(days=7)
# The columns of external_complaints that a row has.
FACTS = (
    "title",
    "report_class",
    "category_id",
    "category",
    "anonymous",
    "secret",
    "source",
    "parent_agency",
    "agency",
    "raw_status",
    "reason",
    "province",
    "city",
    "district",
    "village",
    "filed_at",
)
# Statuses that nobody has heard of, in the summary of an import.
MOST_STATUSES = 50


@dataclass(frozen=True, slots=True)
class Import:
    """An import. `summary` holds agency, period, generated_at (ISO), notes, missing, strangers, ours (whether it is an
    export of our own), counts by verdict, statuses ([raw status, how many] that are not known to us) and done (counts
    by what came of it); `problem` why it was refused: a key of texts, its parameters in `summary["parameters"]`."""

    id: int
    staff_id: int
    system: str
    name: str
    sha256: str
    size: int
    state: str
    rows_done: int
    rows_all: int | None
    summary: Mapping[str, Any]
    problem: str | None
    without_wrong: bool
    created_at: datetime
    read_at: datetime | None
    begun_at: datetime | None
    done_at: datetime | None

    @property
    def counts(self) -> Mapping[str, int]:
        """How many rows there are of each verdict."""
        known = self.summary.get("counts", {})
        return {verdict: int(known.get(verdict, 0)) for verdict in VERDICTS}

    @property
    def to_do(self) -> int:
        """How many rows would change something."""
        return sum(self.counts[each] for each in (CHANGED, UNKNOWN, NEW))

    @property
    def generated_at(self) -> datetime | None:
        """Of when the file is."""
        said = self.summary.get("generated_at")
        return datetime.fromisoformat(said) if said else None


@dataclass(frozen=True, slots=True)
class Read:
    """A row as it was read: bridges/ringkas.py's `Row`. `facts` are those of `FACTS`, as JSON has them; `own`: its
    ticket stands in place of a number."""

    line: int
    external_id: str | None
    ticket: str | None
    own: bool
    facts: Mapping[str, Any]
    problems: Sequence[tuple[str, str, str]] = ()


@dataclass(frozen=True, slots=True)
class Staged:
    """A staged row. `problems` are (column, key of texts, the number of another row or ""); `was_status` is the status
    there that we knew of, or ours; `ticket` that of our report."""

    line: int
    external_id: str | None
    verdict: str
    problems: Sequence[Sequence[str]]
    reference_id: int | None
    facts: Mapping[str, Any]
    was_status: str | None
    done_at: datetime | None
    ticket: str | None = None


class NotNow(ValueError):
    """The import is in another state by now, or has wrong rows that nobody has left out."""


# --- an import --------------------------------------------------------------------------------------------------

_COLUMNS = """
    id, staff_id, system, name, sha256, size, state, rows_done, rows_all, summary, problem, without_wrong, created_at,
    read_at, begun_at, done_at
"""
_ADD = text("""
    INSERT INTO report_imports (staff_id, system, name, sha256, size) VALUES (:staff_id, :system, :name, :sha256, :size)
    RETURNING id
""")
_GET = text(f"SELECT {_COLUMNS} FROM report_imports WHERE id = :id")  # noqa: S608 (columns, and no value)
_OF = text(f"""
    SELECT {_COLUMNS} FROM report_imports WHERE staff_id = :staff_id ORDER BY id DESC LIMIT :most
""")  # noqa: S608


async def add(connection: AsyncConnection, staff_id: int, system: str, name: str, sha256: str, size: int) -> int:
    """An officer has handed in a file that lies on the shelf; returns the import's id."""
    parameters = {"staff_id": staff_id, "system": system, "name": name, "sha256": sha256, "size": size}
    return int((await connection.execute(_ADD, parameters)).scalar_one())


async def get(connection: AsyncConnection, import_id: int) -> Import | None:
    """One import; None if there is none."""
    row = (await connection.execute(_GET, {"id": import_id})).one_or_none()
    return None if row is None else Import(*row)


async def listed(connection: AsyncConnection, staff_id: int, most: int) -> list[Import]:
    """What this officer has handed in, the newest first."""
    return [Import(*row) for row in await connection.execute(_OF, {"staff_id": staff_id, "most": most})]


_BEGIN_READING = text("""
    UPDATE report_imports SET state = 'reading', rows_all = greatest(rows_all, :rows_all),
           summary = CAST(:summary AS jsonb)
    WHERE id = :id AND state IN ('waiting', 'reading')
    RETURNING (SELECT max(line) FROM report_import_rows WHERE import_id = :id) AS line
""")
_REFUSE = text("""
    WITH refused AS (
        UPDATE report_imports SET state = 'refused', problem = :problem, read_at = now(),
               summary = summary || jsonb_build_object('parameters', CAST(:parameters AS jsonb))
        WHERE id = :id AND state IN ('waiting', 'reading') RETURNING id
    )
    DELETE FROM report_import_rows WHERE import_id IN (SELECT id FROM refused)
""")


async def begin_reading(
    connection: AsyncConnection, import_id: int, expected: int, summary: Mapping[str, Any]
) -> int | None:
    """Its rows are read from now on, about so many; returns the last line that is staged already (0: none), None where
    it is not to be read (any more)."""
    parameters = {"id": import_id, "rows_all": expected, "summary": json.dumps(dict(summary))}
    row = (await connection.execute(_BEGIN_READING, parameters)).one_or_none()
    return None if row is None else int(row.line or 0)


async def refuse(connection: AsyncConnection, import_id: int, problem: str, parameters: Mapping[str, Any]) -> None:
    """The file cannot be read, so that none of its rows stays; `problem` is a key of texts, the parameters numbers and
    names of columns. Where it was read already nothing is changed."""
    said = {"id": import_id, "problem": problem, "parameters": json.dumps(dict(parameters))}
    await connection.execute(_REFUSE, said)


# --- what the rows mean ------------------------------------------------------------------------------------------

# Ours, by their numbers there or by their tickets. `known_at` is of when our last knowledge is: what was asked or heard
# over there, or done here since.
_OURS = text(f"""
    SELECT r.id, r.state, r.external_id, r.raw_status, k.ticket, k.status,
           greatest(CASE WHEN r.raw_status IS NOT NULL THEN coalesce(r.checked_at, r.raw_status_at) END,
                    (SELECT max(h.at) FROM complaint_history h
                     WHERE h.complaint_id = k.id AND h.event <> 'filed' AND jsonb_exists(h.became, 'status'))
           ) AS known_at
    FROM complaints k LEFT JOIN agencies a ON a.code = k.agency
    LEFT JOIN complaint_references r ON r.complaint_id = k.id AND r.system = :system AND r.agency IS NULL
    WHERE k.id IN (SELECT complaint_id FROM complaint_references
                   WHERE system = :system AND state = 'confirmed' AND external_id = ANY(CAST(:numbers AS text[]))
                   UNION SELECT id FROM complaints WHERE ticket = ANY(CAST(:tickets AS text[])))
      AND {COVERED}
""")  # noqa: S608 (the policy's clause, and no value)
_EXTERNAL = text(f"""
    SELECT external_id, seen_at, {", ".join(FACTS)} FROM external_complaints
    WHERE system = :system AND external_id = ANY(CAST(:numbers AS text[]))
""")  # noqa: S608 (columns, and no value)


@dataclass(frozen=True, slots=True)
class _Known:
    """What we have of these rows: ours by number and by ticket, and the external ones."""

    by_number: Mapping[str, Any]
    by_ticket: Mapping[str, Any]
    external: Mapping[str, Any]


async def _known(connection: AsyncConnection, import_: Import, rows: Sequence[Read], reach: Reach, home: str) -> _Known:
    numbers = [row.external_id for row in rows if row.external_id]
    found_tickets = [row.ticket for row in rows if row.ticket and not row.own]
    asked = {"system": import_.system, "numbers": numbers, "tickets": found_tickets, **covered(reach, home)}
    ours = (await connection.execute(_OURS, asked)).all()
    external = await connection.execute(_EXTERNAL, {"system": import_.system, "numbers": numbers})
    return _Known(
        {row.external_id: row for row in ours if row.state == references.CONFIRMED},
        {row.ticket: row for row in ours},
        {row.external_id: row for row in external},
    )


def _decided(import_: Import, row: Read, known: _Known) -> Staged:
    """What a row is, by what we know now."""
    verdict, ours, problems = _verdict(import_, row, known)
    facts = dict(row.facts) if verdict != WRONG else {}
    if ours is not None and verdict in (CHANGED, UNKNOWN):
        facts["ticket"] = ours.ticket
    return Staged(
        row.line,
        row.external_id,
        verdict,
        [*row.problems, *problems],
        ours.id if ours is not None else None,
        # What changes nothing is not kept either.
        {} if verdict == SAME else facts,
        (ours.raw_status or ours.status) if ours is not None else None,
        None,
        facts.get("ticket"),
    )


def _verdict(import_: Import, row: Read, known: _Known) -> tuple[str, Any, list[tuple[str, str, str]]]:
    if row.problems:
        return WRONG, None, []
    generated, is_ours = import_.generated_at, bool(import_.summary.get("ours"))
    ours = known.by_number.get(row.external_id or "")
    if ours is not None:
        if is_ours or hearing.same(ours.raw_status, row.facts["raw_status"]):
            return SAME, ours, []
        # A file that does not say of when it is may be of any time.
        if ours.known_at is not None and (generated is None or generated < ours.known_at):
            return SAME, ours, [("", "older", "")]
        return CHANGED, ours, []
    if row.own or row.external_id is None:
        return SAME, None, []
    named = known.by_ticket.get(row.ticket or "")
    if named is not None and named.state != references.CONFIRMED:
        return UNKNOWN, named, []
    if is_ours:
        return SAME, None, []
    # Somebody's row with the ticket of a report that has another number there: a person should look at it.
    notes = [("", "other_number", "")] if named is not None else []
    before = known.external.get(row.external_id)
    if before is not None and (generated is None or generated < before.seen_at or _plain(before) == _facts(row.facts)):
        return SAME, None, notes
    return NEW, None, notes


def _facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a row to be compared."""
    at = facts.get("filed_at")
    return {name: facts.get(name) for name in FACTS} | {"filed_at": datetime.fromisoformat(at) if at else None}


def _plain(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in FACTS}


# --- staging -----------------------------------------------------------------------------------------------------

_STAGE = text("""
    INSERT INTO report_import_rows
        (import_id, line, external_id, verdict, problems, reference_id, facts, was_status)
    SELECT :id, line, external_id, verdict, problems, reference_id, facts, was_status
    FROM jsonb_to_recordset(CAST(:rows AS jsonb))
         AS x(line integer, external_id text, verdict text, problems jsonb, reference_id bigint, facts jsonb,
              was_status text)
    ON CONFLICT DO NOTHING
""")
_PROGRESS = text("""
    UPDATE report_imports SET rows_done = greatest(rows_done, :done), rows_all = greatest(rows_all, :done)
    WHERE id = :id AND state = 'reading' RETURNING id
""")


async def stage(
    connection: AsyncConnection, import_: Import, rows: Sequence[Read], done: int, reach: Reach, home: str
) -> bool:
    """Put these rows, each with its verdict for somebody of that reach, before a person; `done` rows are read then.

    False where the import is not being read any more: then nothing may be committed.
    """
    if (await connection.execute(_PROGRESS, {"id": import_.id, "done": done})).one_or_none() is None:
        return False
    known = await _known(connection, import_, rows, reach, home)
    decided = [_decided(import_, row, known) for row in rows]
    content = [
        {
            "line": each.line,
            "external_id": each.external_id,
            "verdict": each.verdict,
            "problems": each.problems,
            "reference_id": each.reference_id,
            "facts": each.facts,
            "was_status": each.was_status,
        }
        for each in decided
    ]
    await connection.execute(_STAGE, {"id": import_.id, "rows": json.dumps(content)})
    return True


_COUNTS = text("""
    SELECT verdict, count(*) AS rows, count(*) FILTER (WHERE problems @> '[["", "older"]]') AS older
    FROM report_import_rows WHERE import_id = :id GROUP BY verdict
""")
_STATUSES = text("""
    SELECT facts->>'raw_status' AS raw_status, count(*) AS rows FROM report_import_rows
    WHERE import_id = :id AND facts ? 'raw_status' GROUP BY 1 ORDER BY 2 DESC, 1
""")
_END_READING = text("""
    UPDATE report_imports SET state = 'read', read_at = now(), rows_done = :rows, rows_all = :rows,
           summary = summary || CAST(:summary AS jsonb)
    WHERE id = :id AND state = 'reading'
""")


async def statuses(connection: AsyncConnection, import_id: int) -> list[tuple[str, int]]:
    """The statuses that its staged rows have, and how many rows each, the most frequent first."""
    return [(row.raw_status, row.rows) for row in await connection.execute(_STATUSES, {"id": import_id})]


async def end_reading(connection: AsyncConnection, import_id: int, strange: Sequence[tuple[str, int]]) -> None:
    """All of it is staged; `strange` are its statuses that nobody knows, and how many rows each."""
    found = (await connection.execute(_COUNTS, {"id": import_id})).all()
    counts = {row.verdict: row.rows for row in found}
    summary = {
        "counts": counts,
        "older": sum(row.older for row in found),
        "statuses": [[status, count] for status, count in strange[:MOST_STATUSES]],
    }
    parameters = {"id": import_id, "rows": sum(counts.values()), "summary": json.dumps(summary)}
    await connection.execute(_END_READING, parameters)


# --- what a person sees, and decides -----------------------------------------------------------------------------

_ROWS = text("""
    SELECT i.line, i.external_id, i.verdict, i.problems, i.reference_id, i.facts, i.was_status, i.done_at,
           coalesce(k.ticket, i.facts->>'ticket') AS ticket
    FROM report_import_rows i
    LEFT JOIN complaint_references r ON r.id = i.reference_id LEFT JOIN complaints k ON k.id = r.complaint_id
    WHERE i.import_id = :id AND i.verdict = ANY(CAST(:verdicts AS text[])) AND i.line > :after
      AND (NOT :noted OR i.problems <> '[]')
    ORDER BY i.line LIMIT :most
""")


async def rows(
    connection: AsyncConnection,
    import_id: int,
    verdicts: Sequence[str],
    *,
    after: int = 0,
    most: int = 100,
    noted: bool = False,
) -> list[Staged]:
    """Rows of these verdicts below a line, in the order of the file; `noted`: only those with something to say."""
    asked = {"id": import_id, "verdicts": list(verdicts), "after": after, "most": most, "noted": noted}
    return [Staged(*row) for row in await connection.execute(_ROWS, asked)]


_START = text("""
    UPDATE report_imports SET state = 'doing', begun_at = now(), without_wrong = :without_wrong, rows_done = 0,
           rows_all = (SELECT count(*) FROM report_import_rows
                       WHERE import_id = :id AND verdict IN ('changed', 'unknown', 'new'))
    WHERE id = :id AND state = 'read' AND (:without_wrong OR NOT EXISTS (
        SELECT FROM report_import_rows WHERE import_id = :id AND verdict = 'wrong'))
    RETURNING rows_all
""")
_DROP = text("""
    UPDATE report_imports SET state = 'dropped', done_at = now()
    WHERE id = :id AND state IN ('waiting', 'reading', 'read') RETURNING id
""")


async def start(connection: AsyncConnection, import_id: int, *, without_wrong: bool) -> int:
    """It shall be done, with its wrong rows left out where somebody says so; returns how many rows that are.

    Raises `NotNow` where it is not waiting for that, or has wrong rows.
    """
    parameters = {"id": import_id, "without_wrong": without_wrong}
    row = (await connection.execute(_START, parameters)).one_or_none()
    if row is None:
        raise NotNow
    return int(row.rows_all)


async def drop(connection: AsyncConnection, import_id: int) -> bool:
    """Nothing shall be done with it; False where it has begun or ended."""
    return (await connection.execute(_DROP, {"id": import_id})).one_or_none() is not None


# --- doing it ----------------------------------------------------------------------------------------------------

_OURS_LEFT = text("""
    SELECT line FROM report_import_rows
    WHERE import_id = :id AND verdict IN ('changed', 'unknown') AND done_at IS NULL AND line > :after
    ORDER BY line LIMIT :most
""")
_TAKE = text("""
    SELECT i.line, i.external_id, i.verdict, i.problems, i.reference_id, i.facts, i.was_status, i.done_at,
           i.facts->>'ticket' AS ticket
    FROM report_import_rows i JOIN report_imports m ON m.id = i.import_id
    WHERE i.import_id = :id AND i.line = :line AND i.done_at IS NULL AND m.state = 'doing'
    FOR UPDATE OF i
""")
_TOLD = text("""
    UPDATE report_import_rows SET done_at = now(), problems = problems || CAST(:problems AS jsonb)
    WHERE import_id = :id AND line = :line
""")
_STEP = text("UPDATE report_imports SET rows_done = rows_done + :count WHERE id = :id")


async def ours_left(connection: AsyncConnection, import_id: int, after: int, most: int) -> list[int]:
    """The lines of rows of ours that are still to be done, below a line."""
    asked = {"id": import_id, "after": after, "most": most}
    return list((await connection.execute(_OURS_LEFT, asked)).scalars())


async def take(
    connection: AsyncConnection, import_: Import, line: int, reach: Reach, home: str
) -> tuple[Staged, references.Reference | None] | None:
    """A row of ours that nobody has done yet, as it is decided now (its verdict), locked until the transaction ends,
    and its reference. None where it is done."""
    found = (await connection.execute(_TAKE, {"id": import_.id, "line": line})).one_or_none()
    if found is None:
        return None
    staged = Staged(*found)
    if staged.ticket is not None:
        # Nobody else hears anything of it from the decision on until it is done.
        with suppress(NotFound):
            await complaints.lock(connection, staged.ticket)
    row = Read(staged.line, staged.external_id, staged.ticket, False, staged.facts)
    now = _decided(import_, row, await _known(connection, import_, [row], reach, home))
    reference = await references.get(connection, now.reference_id) if now.reference_id is not None else None
    return now, reference


async def told(connection: AsyncConnection, import_id: int, line: int, problem: str | None = None) -> None:
    """A row of ours is done, in the transaction that did it; with a `problem` (a key of texts) nothing was done."""
    problems = json.dumps([["", problem, ""]] if problem else [])
    await connection.execute(_TOLD, {"id": import_id, "line": line, "problems": problems})
    await connection.execute(_STEP, {"id": import_id, "count": 1})


_NOTE_OTHERS = text(f"""
    WITH chosen AS (
        SELECT i.import_id, i.line, i.external_id, i.facts
        FROM report_import_rows i JOIN report_imports m ON m.id = i.import_id AND m.state = 'doing'
        WHERE i.import_id = :id AND i.verdict = 'new' AND i.done_at IS NULL AND i.line > :after
        ORDER BY i.line LIMIT :most FOR UPDATE OF i SKIP LOCKED
    ), noted AS (
        INSERT INTO external_complaints (system, external_id, {", ".join(FACTS)}, seen_at)
        SELECT :system, c.external_id, {", ".join(f"x.{name}" for name in FACTS)}, :seen_at
        FROM chosen c CROSS JOIN LATERAL jsonb_populate_record(CAST(NULL AS external_complaints), c.facts) x
        ORDER BY c.external_id
        ON CONFLICT (system, external_id) DO UPDATE
        SET {", ".join(f"{name} = excluded.{name}" for name in FACTS)}, seen_at = excluded.seen_at
        WHERE external_complaints.seen_at <= excluded.seen_at
    )
    UPDATE report_import_rows i SET done_at = now() FROM chosen c
    WHERE i.import_id = c.import_id AND i.line = c.line
    RETURNING i.line
""")  # noqa: S608 (columns, and no value)


async def note_others(connection: AsyncConnection, import_: Import, after: int, most: int) -> int | None:
    """Keep some rows below a line that are not ours as external complaints; returns the line of the last one, None
    where none is left but those that another run has in hand. What was seen in a newer export stays."""
    asked = {"id": import_.id, "system": import_.system, "after": after, "most": most}
    asked["seen_at"] = import_.generated_at or import_.created_at
    lines = (await connection.execute(_NOTE_OTHERS, asked)).scalars().all()
    if not lines:
        return None
    await connection.execute(_STEP, {"id": import_.id, "count": len(lines)})
    return int(max(lines))


_FINISH = text("""
    UPDATE report_imports SET state = 'done', done_at = now(), summary = summary || jsonb_build_object('done',
        (SELECT jsonb_build_object(
             'ours', count(*) FILTER (WHERE verdict <> 'new' AND problems = '[]'),
             'others', count(*) FILTER (WHERE verdict = 'new'),
             'passed', count(*) FILTER (WHERE verdict <> 'new' AND problems <> '[]'))
         FROM report_import_rows WHERE import_id = :id AND done_at IS NOT NULL))
    WHERE id = :id AND state = 'doing' AND NOT EXISTS (
        SELECT FROM report_import_rows
        WHERE import_id = :id AND done_at IS NULL AND verdict IN ('changed', 'unknown', 'new'))
    RETURNING summary->'done' AS done
""")


async def finish(connection: AsyncConnection, import_id: int) -> Mapping[str, int] | None:
    """It is done, if each of its rows is: how many of ours, how many others, how many were passed over. None where
    something is left, or it was finished before."""
    row = (await connection.execute(_FINISH, {"id": import_id})).one_or_none()
    return None if row is None else row.done


# --- what goes again ---------------------------------------------------------------------------------------------

_FILES = text("""
    SELECT DISTINCT sha256 FROM report_imports WHERE state <> ALL(CAST(:unread AS text[])) AND created_at > :since
""")
_ABANDON = text("""
    UPDATE report_imports SET state = 'dropped', done_at = now()
    WHERE state IN ('waiting', 'reading', 'read') AND coalesce(read_at, created_at) < :before
""")
# The statuses of a summary are words of the file.
_FORGET = text("""
    WITH over AS (
        SELECT id FROM report_imports
        WHERE state IN ('dropped', 'refused') OR (state = 'done' AND done_at < :before)
    ), emptied AS (
        UPDATE report_imports SET summary = summary - 'statuses' - 'strangers'
        WHERE id IN (SELECT id FROM over) AND jsonb_exists_any(summary, ARRAY['statuses', 'strangers'])
    )
    DELETE FROM report_import_rows WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM report_import_rows WHERE import_id IN (SELECT id FROM over) LIMIT :most))
    RETURNING line
""")


async def files(connection: AsyncConnection, since: datetime) -> list[str]:
    """The SHA-256 of files that were handed in since then and are needed no more."""
    asked = {"unread": list(UNREAD), "since": since}
    return list((await connection.execute(_FILES, asked)).scalars())


async def forget(connection: AsyncConnection, now: datetime, most: int) -> int:
    """Drop what nobody has come back for, and forget rows of what is over, so many at a time; returns how many."""
    await connection.execute(_ABANDON, {"before": now - KEPT})
    return len((await connection.execute(_FORGET, {"before": now - KEPT, "most": most})).all())


_BARE = text("""
    UPDATE external_complaints SET title = NULL, reason = NULL
    WHERE id = ANY(ARRAY(SELECT id FROM external_complaints
                         WHERE seen_at < :before AND (title IS NOT NULL OR reason IS NOT NULL) LIMIT :most))
""")


async def forget_words(connection: AsyncConnection, before: datetime, most: int) -> int:
    """Forget titles and reasons, in which people may be named, of complaints that are not ours and that no import has
    told of since that moment; so many at a time, returns how many. What is counted stays."""
    return (await connection.execute(_BARE, {"before": before, "most": most})).rowcount


# --- numbers of ours, for an export -------------------------------------------------------------------------------

_NUMBERS = text("""
    SELECT k.ticket, r.external_id FROM complaints k
    JOIN complaint_references r ON r.complaint_id = k.id AND r.system = :system AND r.state = 'confirmed'
    WHERE k.ticket = ANY(CAST(:tickets AS text[]))
""")


async def numbers(connection: AsyncConnection, system: str, tickets: Sequence[str]) -> dict[str, str]:
    """The numbers that reports of ours have there, by ticket; only of those that are confirmed."""
    found = await connection.execute(_NUMBERS, {"system": system, "tickets": list(tickets)})
    return {row.ticket: row.external_id for row in found}


# --- complaints that are not ours ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which external complaints: with this status there, of this city or regency, filed before or from these moments
    on. None: all."""

    status: str | None = None
    city: str | None = None
    since: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True, slots=True)
class External:
    """A complaint of another system that is not ours."""

    id: int
    external_id: str
    title: str | None
    report_class: str | None
    category: str | None
    anonymous: bool
    secret: bool
    agency: str | None
    raw_status: str | None
    reason: str | None
    city: str | None
    district: str | None
    filed_at: datetime | None
    seen_at: datetime


# What has turned out to be ours since is shown where ours are.
_NOT_OURS = """
    e.system = :system AND NOT EXISTS (
        SELECT FROM complaint_references r WHERE r.system = e.system AND r.external_id = e.external_id)
"""
_NARROWED = {
    "status": "e.raw_status = :status",
    "city": "e.city = :city",
    "since": "e.filed_at >= :since",
    "before": "e.filed_at < :before",
}


def _where(wanted: Wanted) -> tuple[str, dict[str, Any]]:
    asked = {name: getattr(wanted, name) for name in _NARROWED if getattr(wanted, name) is not None}
    return " AND ".join([_NOT_OURS, *(_NARROWED[name] for name in asked)]), asked


async def external(
    connection: AsyncConnection, system: str, wanted: Wanted, *, before: tuple[datetime | None, int] | None, most: int
) -> list[External]:
    """External complaints, the newest first (those without a day last), from behind this place on: when one was filed,
    and its id."""
    where, asked = _where(wanted)
    if before is not None:
        where += " AND (coalesce(e.filed_at, '-infinity'), e.id) < (CAST(CAST(:at AS text) AS timestamptz), :id)"
        asked |= {"at": before[0].isoformat() if before[0] else "-infinity", "id": before[1]}
    statement = text(f"""
        SELECT e.id, e.external_id, e.title, e.report_class, e.category, e.anonymous, e.secret, e.agency, e.raw_status,
               e.reason, e.city, e.district, e.filed_at, e.seen_at
        FROM external_complaints e WHERE {where}
        ORDER BY coalesce(e.filed_at, '-infinity') DESC, e.id DESC LIMIT :most
    """)  # noqa: S608 (the clauses above, and no value)
    found = await connection.execute(statement, {"system": system, "most": most, **asked})
    return [External(*row) for row in found]


async def external_count(connection: AsyncConnection, system: str, wanted: Wanted) -> int:
    """How many there are of these."""
    where, asked = _where(wanted)
    statement = text(f"SELECT count(*) FROM external_complaints e WHERE {where}")  # noqa: S608
    return int((await connection.execute(statement, {"system": system, **asked})).scalar_one())


async def external_choices(connection: AsyncConnection, system: str) -> tuple[list[str], list[str]]:
    """The statuses, and the cities and regencies, that external complaints have, at most 200 each."""
    found = []
    for column in ("raw_status", "city"):
        statement = text(f"""
            SELECT {column} FROM external_complaints WHERE system = :system AND {column} IS NOT NULL
            GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 200
        """)  # noqa: S608 (a column, and no value)
        found.append(sorted((await connection.execute(statement, {"system": system})).scalars(), key=str.casefold))
    return found[0], found[1]
