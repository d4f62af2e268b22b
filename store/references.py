"""A complaint in other systems: where it stands on its way there, and under which number.

    waiting    to be sent, by a job or by a person
    sent       a request is under way, or was taken without a number yet
    unknown    nobody knows whether it was taken: a person or an import of the other system's settles it, no machine
    confirmed  it is there, under `external_id`
    failed     it was refused; a person must see to it

Whoever changes a reference locks it; where the complaint's own history is written, the complaint is locked first
(`complaints.lock`), as by every verb.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from store import complaints
from store.complaints import Actor, Event, NotFound

WAITING, SENT, UNKNOWN, CONFIRMED, FAILED = "waiting", "sent", "unknown", "confirmed", "failed"


@dataclass(frozen=True, slots=True)
class Reference:
    """A complaint in another system. `problem` is a key of texts (desk/texts/id/troubles.toml), `detail` goes with it;
    `token` is what the other side called it before it had a number; `check_at` when it is next tried or looked at."""

    id: int
    complaint_id: int
    ticket: str
    system: str
    agency: str | None
    connection_id: int | None
    address: str | None
    state: str
    external_id: str | None
    token: str | None
    raw_status: str | None
    raw_status_at: datetime | None
    problem: str | None
    detail: str | None
    attempts: int
    created_at: datetime
    sent_at: datetime | None
    confirmed_at: datetime | None
    check_at: datetime | None


class Taken(ValueError):
    """That number of that system belongs to another complaint of ours already."""


class NotNow(ValueError):
    """The reference is in another state by now; `state` says which."""

    def __init__(self, state: str) -> None:
        super().__init__(f"the reference is {state}")
        self.state = state


_COLUMNS = """
    r.id, r.complaint_id, k.ticket, r.system, r.agency, r.connection_id, r.address, r.state, r.external_id, r.token,
    r.raw_status, r.raw_status_at, r.problem, r.detail, r.attempts, r.created_at, r.sent_at, r.confirmed_at, r.check_at
"""
_FROM = f"SELECT {_COLUMNS} FROM complaint_references r JOIN complaints k ON k.id = r.complaint_id"  # noqa: S608
_GET = text(f"{_FROM} WHERE r.id = :id")
_LOCK = text(f"{_FROM} WHERE r.id = :id FOR NO KEY UPDATE OF r")
_OF = text(f"{_FROM} WHERE r.complaint_id = :complaint_id ORDER BY r.id")
_BY_EXTERNAL = text(f"{_FROM} WHERE r.system = :system AND r.external_id = :external_id")


async def get(connection: AsyncConnection, reference_id: int) -> Reference:
    """One reference. Raises `NotFound`."""
    return await _one(connection, _GET, reference_id)


async def _one(connection: AsyncConnection, statement: object, reference_id: int) -> Reference:
    row = (await connection.execute(statement, {"id": reference_id})).one_or_none()  # type: ignore[call-overload]
    if row is None:
        raise NotFound(str(reference_id))
    return Reference(*row)


async def of_complaint(connection: AsyncConnection, complaint_id: int) -> list[Reference]:
    """The references of a complaint, the oldest first."""
    return [Reference(*row) for row in await connection.execute(_OF, {"complaint_id": complaint_id})]


async def by_external(connection: AsyncConnection, system: str, external_id: str) -> Reference | None:
    """The reference with that number of that system."""
    found = await connection.execute(_BY_EXTERNAL, {"system": system, "external_id": external_id})
    row = found.one_or_none()
    return None if row is None else Reference(*row)


_PLAN = text("""
    INSERT INTO complaint_references (complaint_id, system, agency, connection_id, address, state, problem, check_at)
    VALUES (:complaint_id, :system, :agency, :connection_id, :address, :state, :problem, now())
    ON CONFLICT (complaint_id, system, agency) DO NOTHING
    RETURNING id
""")


async def plan(
    connection: AsyncConnection,
    complaint_id: int,
    system: str,
    *,
    connection_id: int | None,
    agency: str | None = None,
    address: str | None = None,
    problem: str | None = None,
) -> int | None:
    """A complaint shall go into that system; with a `problem` it cannot, and a person must see to it. Returns the id of
    the reference; None where there is one already."""
    parameters = {
        "complaint_id": complaint_id,
        "system": system,
        "agency": agency,
        "connection_id": connection_id,
        "address": address,
        "state": FAILED if problem else WAITING,
        "problem": problem,
    }
    row = (await connection.execute(_PLAN, parameters)).one_or_none()
    return None if row is None else int(row.id)


_BEGIN = text("""
    UPDATE complaint_references SET state = 'sent', sent_at = now(), attempts = attempts + 1, check_at = NULL,
           problem = NULL, detail = NULL
    WHERE id = :id AND state = 'waiting'
""")
_END = text("""
    UPDATE complaint_references
    SET state = :state, problem = :problem, detail = :detail, token = coalesce(:token, token), checked_at = now(),
        check_at = :check_at
    WHERE id = :id AND state = ANY(CAST(:from AS text[]))
""")


async def begin(connection: AsyncConnection, reference_id: int) -> Reference | None:
    """It is sent from now on, which must be committed before the request begins; None where it does not wait (any
    more): then nothing may be sent."""
    done = await connection.execute(_BEGIN, {"id": reference_id})
    return await get(connection, reference_id) if done.rowcount else None


async def pending(connection: AsyncConnection, reference_id: int, token: str, check_at: datetime) -> None:
    """The other side has taken it without a number yet."""
    await _end(connection, reference_id, SENT, (SENT,), token=token, check_at=check_at)


async def later(connection: AsyncConnection, reference_id: int, problem: str, detail: str, check_at: datetime) -> None:
    """It was surely not taken, and waits for another try."""
    await _end(connection, reference_id, WAITING, (SENT,), problem, detail, check_at=check_at)


async def failed(connection: AsyncConnection, reference_id: int, problem: str, detail: str = "") -> None:
    """It was refused."""
    await _end(connection, reference_id, FAILED, (WAITING, SENT), problem, detail)


async def unknown(connection: AsyncConnection, reference_id: int, problem: str, detail: str = "") -> None:
    """Nobody knows whether it was taken."""
    await _end(connection, reference_id, UNKNOWN, (SENT,), problem, detail)


async def not_there(connection: AsyncConnection, reference_id: int, check_at: datetime) -> None:
    """A person has looked: it is not in the other system (any more), or what it failed for is mended, and it is to be
    sent (again). Raises `NotNow`."""
    if not await _end(connection, reference_id, WAITING, (UNKNOWN, FAILED), check_at=check_at):
        raise NotNow((await get(connection, reference_id)).state)


async def _end(
    connection: AsyncConnection,
    reference_id: int,
    state: str,
    before: Sequence[str],
    problem: str | None = None,
    detail: str | None = None,
    *,
    token: str | None = None,
    check_at: datetime | None = None,
) -> bool:
    """Give it a state where it has one of those before; whether it had. Whoever comes late changes nothing."""
    parameters = {
        "id": reference_id,
        "state": state,
        "from": list(before),
        "problem": problem,
        "detail": detail or None,
        "token": token,
        "check_at": check_at,
    }
    return bool((await connection.execute(_END, parameters)).rowcount)


_CONFIRM = text("""
    UPDATE complaint_references
    SET state = 'confirmed', external_id = :external_id, raw_status = coalesce(CAST(:raw_status AS text), raw_status),
        raw_status_at = CASE WHEN CAST(:raw_status AS text) IS NULL THEN raw_status_at ELSE now() END, problem = NULL, detail = NULL,
        confirmed_at = now(), checked_at = now(), check_at = now()
    WHERE id = :id
""")


async def confirm(
    connection: AsyncConnection,
    reference_id: int,
    external_id: str,
    actor: Actor,
    *,
    raw_status: str | None = None,
) -> Event | None:
    """It is in the other system under that number, which the pelapor is told: the event "referenced", with system,
    external_id and agency. None where it was confirmed so already.

    Raises `NotNow` where it has another number already, and `Taken` where another complaint has this one.
    """
    known = await get(connection, reference_id)
    row = await complaints.lock(connection, known.ticket)
    known = await _one(connection, _LOCK, reference_id)
    if known.state == CONFIRMED:
        if known.external_id == external_id:
            return None
        raise NotNow(known.state)
    other = await by_external(connection, known.system, external_id)
    if other is not None:
        raise Taken(external_id)
    try:
        async with connection.begin_nested():
            parameters = {"id": reference_id, "external_id": external_id, "raw_status": raw_status}
            await connection.execute(_CONFIRM, parameters)
    except IntegrityError:
        raise Taken(external_id) from None
    said = {"system": known.system, "external_id": external_id}
    await complaints.write(connection, row.id, actor, "referenced", became=said, public=True)
    return complaints.happened(row, actor, "referenced", row.status, **said, to=known.agency)
