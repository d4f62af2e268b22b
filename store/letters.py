"""Letters that came back by e-mail: each once by its key, with what became of it.

    answered   it is an answer of the office, told to the pelapor
    kept       a person must look at it: `problem` says why
    bounced    a letter of ours came back, or is late on its way
    dropped    a person has looked at it and put it away

The letter itself lies on the shelf under `sha256`; of one that is too large its headers, of one with a virus nothing.
Whoever changes a letter locks its row first, and the complaint after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import attention
from store.policy import COVERED, Reach, covered

ANSWERED, KEPT, BOUNCED, DROPPED = "answered", "kept", "bounced", "dropped"
# The kinds of matters that letters raise: one to be read, one of ours that came back, files that nobody can use.
MATTER, CAME_BACK, FILES, MAILBOX = "letter", "letter_bounced", "letter_files", "mailbox"
# Why an officer puts a letter away.
DROP_REASONS = ("spam", "machine", "twice", "elsewhere", "nothing")


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter; `ticket`, `agency`, `address` and `complaint_id` are those of the report that it answers, if it is
    known."""

    id: int
    state: str
    problem: str | None
    sha256: str
    size: int
    received_at: datetime
    settled_at: datetime | None
    reference_id: int | None
    complaint_id: int | None
    ticket: str | None
    title: str | None
    region: str | None
    status: str | None
    agency: str | None


@dataclass(frozen=True, slots=True)
class Thread:
    """What our letter of a number was about: its reference, the complaint, the office that it went to. `earlier`: the
    office got the report back since, and with it a later letter."""

    reference_id: int
    complaint_id: int
    ticket: str
    agency: str | None
    address: str | None
    earlier: bool = False


_THREAD = text("""
    SELECT r.id, r.complaint_id, k.ticket, r.agency, r.address, r.external_id IS DISTINCT FROM :number AS earlier
    FROM complaint_references r JOIN complaints k ON k.id = r.complaint_id
    JOIN connections c ON c.system = r.system AND c.kind = 'email'
    WHERE r.external_id = :number OR r.earlier @> ARRAY[CAST(:number AS text)] LIMIT 1
""")


async def thread(connection: AsyncConnection, number: str) -> Thread | None:
    """What the letter of that number was about; None if it is none of ours (any more)."""
    row = (await connection.execute(_THREAD, {"number": number})).one_or_none()
    return None if row is None else Thread(*row)


_ADD = text("""
    INSERT INTO letters (message_id, reference_id, sha256, size, state, problem)
    VALUES (:key, :reference_id, :sha256, :size, 'kept', :problem)
    ON CONFLICT (message_id) DO NOTHING RETURNING id
""")
_KNOWN = text("SELECT EXISTS (SELECT 1 FROM letters WHERE message_id = :key)")


async def known(connection: AsyncConnection, key: str) -> bool:
    """Whether that letter came before."""
    return bool((await connection.execute(_KNOWN, {"key": key})).scalar_one())


async def add(
    connection: AsyncConnection,
    *,
    key: str,
    reference_id: int | None,
    sha256: str,
    size: int,
    problem: str | None = None,
) -> int | None:
    """A letter has come, and is kept until something becomes of it; returns its id, None where it came before."""
    parameters = {"key": key, "reference_id": reference_id, "sha256": sha256, "size": size, "problem": problem}
    row = (await connection.execute(_ADD, parameters)).one_or_none()
    return None if row is None else int(row.id)


_SETTLE = text("""
    UPDATE letters SET state = :state, problem = :problem, settled_at = now() WHERE id = :id AND state = 'kept'
""")
_CLOSE = text("""
    UPDATE attention SET closed_at = now()
    WHERE kind = :kind AND closed_at IS NULL
      AND complaint_id IS NOT DISTINCT FROM
          (SELECT r.complaint_id FROM letters l LEFT JOIN complaint_references r ON r.id = l.reference_id
           WHERE l.id = :id)
      AND NOT EXISTS (
        SELECT 1 FROM letters o LEFT JOIN complaint_references r ON r.id = o.reference_id
        WHERE o.state = 'kept' AND r.complaint_id IS NOT DISTINCT FROM attention.complaint_id
      )
""")


async def settle(connection: AsyncConnection, letter_id: int, state: str, *, problem: str | None = None) -> bool:
    """Something became of a letter that was kept; False where it is not kept any more. The matter that it raised is
    closed with the last letter that waits for the same report."""
    parameters = {"id": letter_id, "state": state, "problem": problem}
    if not (await connection.execute(_SETTLE, parameters)).rowcount:
        return False
    await connection.execute(_CLOSE, {"kind": MATTER, "id": letter_id})
    return True


async def keep(connection: AsyncConnection, letter_id: int, problem: str, complaint_id: int | None) -> None:
    """A person must look at it, since `problem`."""
    statement = text("UPDATE letters SET problem = :problem WHERE id = :id")
    await connection.execute(statement, {"id": letter_id, "problem": problem})
    await attention.raise_matter(connection, MATTER, complaint_id=complaint_id)


_MAILBOX = text("""
    INSERT INTO staff (login, name, disabled_at) VALUES (:login, :name, now())
    ON CONFLICT (login) DO UPDATE SET login = excluded.login RETURNING id
""")


async def attaches(connection: AsyncConnection) -> int:
    """The account (staff.id) of those who attach files by e-mail. Nobody can sign in to it: it is there so that such
    files are an office's everywhere, and no citizen's."""
    account = {"login": "surel", "name": "Surel instansi"}
    return int((await connection.execute(_MAILBOX, account)).scalar_one())


_CAME_BACK = text("""
    UPDATE complaint_references SET state = 'failed', problem = 'bounced', detail = :code, check_at = NULL
    WHERE id = :id AND state IN ('sent', 'unknown', 'confirmed')
""")


async def came_back(connection: AsyncConnection, found: Thread, code: str, *, report: bool) -> None:
    """A letter of ours came back with that code: the reference has failed where it was the `report` itself and no later
    one went after it, and in any case a person must see to the address."""
    if report and not found.earlier:
        await connection.execute(_CAME_BACK, {"id": found.reference_id, "code": code or None})
    await attention.raise_matter(connection, CAME_BACK, complaint_id=found.complaint_id, detail=found.agency or code)


# --- what a person sees ----------------------------------------------------------------------------------

_COLUMNS = """
    l.id, l.state, l.problem, l.sha256, l.size, l.received_at, l.settled_at, l.reference_id, r.complaint_id, k.ticket,
    k.title, coalesce(k.region, a.region) AS region, k.status, r.agency
"""
_FROM = f"""
    SELECT {_COLUMNS} FROM letters l
    LEFT JOIN complaint_references r ON r.id = l.reference_id
    LEFT JOIN complaints k ON k.id = r.complaint_id
    LEFT JOIN agencies a ON a.code = k.agency
"""  # noqa: S608 (columns, and no value)
_LISTED = text(f"""
    {_FROM} WHERE {COVERED} AND (l.state = 'kept') = :kept
    ORDER BY CASE WHEN :kept THEN l.received_at END, l.settled_at DESC, l.id DESC LIMIT :most
""")
_ONE = text(f"{_FROM} WHERE {COVERED} AND l.id = :id")
_LOCK = text("SELECT id FROM letters WHERE id = :id AND state = 'kept' FOR UPDATE")


async def listed(
    connection: AsyncConnection, reach: Reach, home: str, *, kept: bool, most: int = 200
) -> Sequence[Letter]:
    """The letters of reports within reach that wait for a person, the oldest first, or those that are settled, the
    newest first. Those of no report are the home region's."""
    parameters = {**covered(reach, home), "kept": kept, "most": most}
    return [Letter(*row) for row in await connection.execute(_LISTED, parameters)]


async def get(connection: AsyncConnection, letter_id: int, reach: Reach, home: str) -> Letter | None:
    """One letter, if it lies within reach."""
    row = (await connection.execute(_ONE, {**covered(reach, home), "id": letter_id})).one_or_none()
    return None if row is None else Letter(*row)


async def lock(connection: AsyncConnection, letter_id: int) -> bool:
    """Lock a letter that waits, before its complaint; False where somebody has settled it."""
    return (await connection.execute(_LOCK, {"id": letter_id})).one_or_none() is not None


# --- retention -------------------------------------------------------------------------------------------

_FORGET = text("""
    WITH gone AS (
        SELECT l.id, l.sha256 FROM letters l
        LEFT JOIN complaint_references r ON r.id = l.reference_id
        WHERE l.sha256 <> '' AND CASE
            WHEN r.id IS NULL THEN l.received_at < :loose
            ELSE EXISTS (SELECT 1 FROM complaint_history h
                         WHERE h.complaint_id = r.complaint_id AND h.event = 'anonymised') END
        ORDER BY l.id LIMIT :most FOR UPDATE OF l SKIP LOCKED
    ), emptied AS (
        UPDATE letters SET sha256 = '', state = CASE WHEN state = 'kept' THEN 'dropped' ELSE state END
        FROM gone WHERE letters.id = gone.id
    )
    SELECT sha256 FROM gone
""")


async def forget(connection: AsyncConnection, *, loose: datetime, most: int) -> tuple[str, ...]:
    """Let go of the words of letters: of reports that were made anonymous, and of no report from before `loose`.

    Returns the SHA-256 of bytes that may be unused once this has committed; the row stays, so that the letter is known
    should it come again.
    """
    rows = await connection.execute(_FORGET, {"loose": loose, "most": most})
    return tuple(row.sha256 for row in rows)
