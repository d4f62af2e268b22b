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
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from store import complaints, hearing
from store.complaints import Actor, Event, NotFound
from store.hearing import Said
from store.statement import Statement

WAITING, SENT, UNKNOWN, CONFIRMED, FAILED = "waiting", "sent", "unknown", "confirmed", "failed"


@dataclass(frozen=True, slots=True)
class Reference:
    """A complaint in another system. `problem` is a key of texts (desk/texts/id/troubles.toml), `detail` goes with it;
    `token` is what the other side called it before it had a number; `check_at` when it is next tried or looked at,
    `checked_at` when its status there was last heard, `waiting_since` from when on it was to be sent."""

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
    checked_at: datetime | None
    waiting_since: datetime


class Taken(ValueError):
    """That number of that system belongs to another complaint of ours already."""


class NotNow(ValueError):
    """The reference is in another state by now; `state` says which."""

    def __init__(self, state: str) -> None:
        super().__init__(f"the reference is {state}")
        self.state = state


_COLUMNS = """
    r.id, r.complaint_id, k.ticket, r.system, r.agency, r.connection_id, r.address, r.state, r.external_id, r.token,
    r.raw_status, r.raw_status_at, r.problem, r.detail, r.attempts, r.created_at, r.sent_at, r.confirmed_at, r.check_at,
    r.checked_at, r.waiting_since
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


_PLAN = Statement("""
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
    row = await _PLAN.row(connection, parameters)
    return None if row is None else int(row.id)


# A person has said that it is not needed; what is on its way, or of which nobody knows, no machine touches.
_RENEW = text("""
    UPDATE complaint_references r
    SET state = :state, problem = CAST(:problem AS text), detail = NULL, connection_id = :connection_id,
        address = :address, token = NULL, attempts = 0, waiting_since = now(), check_at = now(), confirmed_at = NULL,
        earlier = CASE WHEN r.external_id IS NULL THEN r.earlier ELSE r.earlier || r.external_id END,
        external_id = NULL
    FROM dispositions d
    WHERE r.complaint_id = :complaint_id AND r.system = :system AND r.agency = :agency
      AND d.complaint_id = r.complaint_id AND d.agency = r.agency AND d.ended_at IS NULL
      AND d.disposed_at > r.waiting_since
      AND (r.state = 'failed' AND r.problem IS DISTINCT FROM 'not_needed' OR r.state = 'confirmed' AND :letter)
    RETURNING r.id
""")
_IN_DOUBT = text("""
    SELECT problem FROM complaint_references
    WHERE complaint_id = :complaint_id AND system = :system AND agency = :agency AND state = 'unknown'
""")


async def renew(
    connection: AsyncConnection,
    complaint_id: int,
    system: str,
    agency: str,
    *,
    connection_id: int,
    address: str | None,
    problem: str | None,
    letter: bool,
) -> int | None:
    """An agency that had lost a complaint has it again: what surely is not there is to be sent, and a `letter` is sent
    anew even where the one of before arrived, whose number is kept. Returns the id of the reference; None where the
    agency has had the complaint all the time since, and where nothing is to be sent.

    To be called in the transaction of the disposition, after `plan` found a reference.
    """
    parameters = {
        "complaint_id": complaint_id,
        "system": system,
        "agency": agency,
        "connection_id": connection_id,
        "address": address,
        "state": FAILED if problem else WAITING,
        "problem": problem,
        "letter": letter,
    }
    found: int | None = (await connection.execute(_RENEW, parameters)).scalar_one_or_none()
    return found


async def doubt(connection: AsyncConnection, complaint_id: int, system: str, agency: str) -> str | None:
    """Why nobody knows whether an agency's copy arrived: a key of texts; None where that is known."""
    asked = {"complaint_id": complaint_id, "system": system, "agency": agency}
    found: str | None = (await connection.execute(_IN_DOUBT, asked)).scalar_one_or_none()
    return found


_BEGIN = text("""
    UPDATE complaint_references SET state = 'sent', sent_at = now(), attempts = attempts + 1, check_at = NULL,
           problem = NULL, detail = NULL, token = NULL
    WHERE id = :id AND state = 'waiting'
""")
_END = text("""
    UPDATE complaint_references
    SET state = :state, problem = :problem, detail = :detail, token = coalesce(:token, token), check_at = :check_at
    WHERE id = :id AND state = ANY(CAST(:from AS text[]))
""")


@dataclass(frozen=True, slots=True)
class Bearings:
    """What decides where a complaint may go: its region (else that of its agency), whether it is Rahasia, its status,
    and since when."""

    region: str | None
    secret: bool
    status: str
    changed_at: datetime


_BEARINGS = Statement("""
    SELECT coalesce(k.region, a.region) AS region, k.secret, k.status, k.changed_at
    FROM complaints k LEFT JOIN agencies a ON a.code = k.agency WHERE k.id = :id
""")


async def bearings(connection: AsyncConnection, complaint_id: int) -> Bearings:
    """What decides where a complaint may go. Raises `NotFound`."""
    row = await _BEARINGS.row(connection, {"id": complaint_id})
    if row is None:
        raise NotFound(str(complaint_id))
    return Bearings(*row)


_ANEW = text("UPDATE complaint_references SET attempts = 0, waiting_since = now() WHERE id = :id")


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
    await connection.execute(_ANEW, {"id": reference_id})


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
        raw_status_at = CASE WHEN CAST(:raw_status AS text) IS NULL THEN raw_status_at ELSE now() END,
        problem = NULL, detail = NULL,
        confirmed_at = now(), check_at = now(),
        checked_at = CASE WHEN CAST(:raw_status AS text) IS NULL THEN checked_at ELSE now() END
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
    return complaints.happened(row, actor, "referenced", row.status, **said, to=known.agency, reference=reference_id)


# --- what is told ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ToldEntry:
    """Something that the other side tells of a report (bridges/contract.py's `Entry`); `agency` is the code of the unit
    that its status names, where that is known."""

    key: str
    at: datetime | None
    raw_status: str | None = None
    words: str | None = None
    by: str | None = None
    agency: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """How far a report is over there: its status in the other side's own words and since when (None: they do not say),
    what was told of it, the oldest first, and its number where they tell it.

    `asked_at` is when they were asked, by our clock: an answer to an earlier question changes no status. None: now.
    """

    raw_status: str | None
    at: datetime | None
    entries: Sequence[ToldEntry] = ()
    external_id: str | None = None
    asked_at: datetime | None = None


_ENTRIES = text("SELECT key, at, raw_status, words FROM reference_entries WHERE reference_id = :id")
_NOTE = text("""
    INSERT INTO reference_entries (reference_id, key, at, raw_status, words, by)
    VALUES (:reference_id, :key, :at, :raw_status, :words, :by)
""")
_OWN_WORDS = text("""
    SELECT DISTINCT coalesce(note, reason) FROM complaint_history
    WHERE complaint_id = :id AND actor_kind = 'citizen' AND coalesce(note, reason) IS NOT NULL
    UNION SELECT text FROM complaints WHERE id = :id
""")
# Of what has been kept long enough nobody's words are kept any more (store/rights.py).
_FORGOTTEN = text("""
    SELECT EXISTS (SELECT 1 FROM complaint_history WHERE complaint_id = :id AND event = 'anonymised')
""")
_HEARD = text("""
    UPDATE complaint_references
    SET raw_status = :raw_status, checked_at = greatest(checked_at, coalesce(CAST(:asked_at AS timestamptz), now())),
        raw_status_at = CASE WHEN :changed THEN coalesce(CAST(:at AS timestamptz), now()) ELSE raw_status_at END,
        problem = CASE WHEN state = 'confirmed' THEN NULL ELSE problem END,
        detail = CASE WHEN state = 'confirmed' THEN NULL ELSE detail END
    WHERE id = :id
""")


async def heard(
    connection: AsyncConnection, reference_id: int, told: Told, actor: Actor, *, agency: str | None = None
) -> list[Event]:
    """The other system has told this: what is new of it becomes moves of the complaint, messages to the pelapor, and
    where neither is possible "heard", with `system`, `raw_status`, `office` (who says it, in their words) and `note`.
    A number that was not known is confirmed with it: "referenced". The same again changes nothing.

    `actor` is `Actor("bridge", system)`; `agency` the code of the unit that `told.raw_status` names, where that is
    known. What is older than what was heard already changes no status, but its words are told. Raises `NotFound`, and
    `Taken` where the number is another complaint's.
    """
    known = await get(connection, reference_id)
    row = await complaints.lock(connection, known.ticket)
    events: list[Event] = []
    if told.external_id and known.state != CONFIRMED:
        confirmed = await confirm(connection, reference_id, told.external_id, actor)
        events += [confirmed] if confirmed else []
    known = await _one(connection, _LOCK, reference_id)
    before = (await connection.execute(_ENTRIES, {"id": reference_id})).all()
    late = told.asked_at is not None and known.checked_at is not None and told.asked_at < known.checked_at
    listener = _Listener(connection, known, actor, row, list(before), late)
    known_keys = {each.key for each in before}
    if (await connection.execute(_FORGOTTEN, {"id": known.complaint_id})).scalar_one():
        told = replace(told, entries=[replace(each, words=None, by=None) for each in told.entries])
    fresh = {key: each for each in reversed(told.entries) if (key := hearing.plain(each.key)) and key not in known_keys}
    for entry in _in_order(told, [replace(each, key=key) for key, each in reversed(fresh.items())], late):
        given = agency if entry.raw_status is not None and entry.raw_status == told.raw_status else None
        events += await listener.hear(replace(entry, agency=entry.agency or given))
    if told.raw_status is not None and listener.is_news(told):
        key = f"status {told.at.isoformat()} {told.raw_status}" if told.at else None
        events += await listener.hear(
            ToldEntry(key or "", told.at, told.raw_status, agency=agency), keep=key is not None
        )
    said = {"raw_status": listener.raw_status, "at": listener.at, "changed": listener.raw_status != known.raw_status}
    await connection.execute(_HEARD, {"id": reference_id, "asked_at": told.asked_at, **said})
    return events


def _in_order(told: Told, entries: Sequence[ToldEntry], late: bool) -> list[ToldEntry]:
    """The oldest first; what has no moment stays behind what stood before it. The last one gives its words to a status
    that came with it and is said nowhere else."""
    moment, placed = None, []
    for entry in entries:
        moment = entry.at or moment
        placed.append((moment.timestamp() if moment else 0.0, entry))
    ordered = [entry for _, entry in sorted(placed, key=lambda each: each[0])]
    last = ordered[-1] if ordered else None
    belongs = not late and told.at in (None, moment) and not hearing.by_pelapor(told.raw_status, None)
    if last is not None and last.raw_status is None and last.words and belongs:
        ordered[-1] = replace(last, raw_status=told.raw_status)
    return ordered


class _Listener:
    """What was heard of a reference so far: its status there, since when, and all that was told."""

    def __init__(
        self, connection: AsyncConnection, known: Reference, actor: Actor, row: Any, before: list[Any], late: bool
    ) -> None:
        self._connection, self._known, self._actor, self._row, self._late = connection, known, actor, row, late
        self.raw_status, self.at = known.raw_status, known.raw_status_at
        self._statuses = {(each.raw_status, each.at) for each in before if each.raw_status and each.at}
        self._said = {(each.raw_status, hearing.plain(each.words)) for each in before if each.words}
        self._own: set[str] | None = None

    def is_news(self, told: Told) -> bool:
        """Whether the status that they name by itself is another one than the last that we know of."""
        if told.at is None:
            return not self._late and not hearing.same(self.raw_status, hearing.plain(told.raw_status))
        return (hearing.plain(told.raw_status), told.at) not in self._statuses and not self._is_past(told.at)

    def _is_past(self, at: datetime | None) -> bool:
        newest = max((each for _, each in self._statuses if each), default=None)
        return self._late if at is None or newest is None else at < newest

    async def hear(self, entry: ToldEntry, *, keep: bool = True) -> list[Event]:
        raw_status, by, words = hearing.plain(entry.raw_status), hearing.plain(entry.by), hearing.plain(entry.words)
        if keep:
            kept = {"key": entry.key, "at": entry.at, "raw_status": raw_status, "words": words, "by": by}
            await self._connection.execute(_NOTE, {"reference_id": self._known.id, **kept})
        again = words is not None and (raw_status, words) in self._said and entry.at is None
        if words and (again or hearing.by_pelapor(raw_status, by) or await self._is_own(words)):
            words = None
        counts = raw_status is not None and not self._is_past(entry.at)
        heard = self.raw_status if hearing.same(self.raw_status, raw_status) else raw_status
        said = Said(heard if counts else None, self.raw_status, words, by, entry.agency)
        event = await hearing.say(self._connection, self._row, self._actor, said)
        if entry.words:
            self._said.add((raw_status, hearing.plain(entry.words)))
        if raw_status is not None and entry.at:
            self._statuses.add((raw_status, entry.at))
        if counts:
            self.at = self.at if heard == self.raw_status else entry.at
            self.raw_status = heard
        if event is None:
            return []
        self._row = await complaints.lock(self._connection, self._known.ticket)
        return [event]

    async def _is_own(self, words: str) -> bool:
        """Whether these are the pelapor's own words, which came back."""
        if self._own is None:
            found = await self._connection.execute(_OWN_WORDS, {"id": self._known.complaint_id})
            self._own = {" ".join(each.split()) for each in found.scalars()}
        return " ".join(words.split()) in self._own


# --- what is due ----------------------------------------------------------------------------------------

_TO_SEND = text("""
    SELECT r.id FROM complaint_references r JOIN connections c ON c.id = r.connection_id
    WHERE r.state = 'waiting' AND c.kind = ANY(CAST(:kinds AS text[])) AND (r.check_at IS NULL OR r.check_at <= now())
      AND NOT r.id = ANY(CAST(:besides AS bigint[]))
    ORDER BY r.id LIMIT :most
""")
_SENT_SINCE = text("""
    SELECT id FROM complaint_references WHERE state = 'sent' AND token IS NULL AND sent_at < :before
    ORDER BY id LIMIT :most
""")
_DUE_TO_FOLLOW = "r.check_at <= now() AND (r.state = 'confirmed' OR r.state = 'sent' AND r.token IS NOT NULL)"
_TO_FOLLOW = text(f"""
    SELECT r.id FROM complaint_references r
    WHERE {_DUE_TO_FOLLOW} AND NOT r.id = ANY(CAST(:besides AS bigint[]))
      AND EXISTS (SELECT FROM connections c
                  WHERE c.system = r.system AND c.kind = ANY(CAST(:kinds AS text[])) AND c.disabled_at IS NULL)
    ORDER BY r.check_at LIMIT :most
""")  # noqa: S608 (the clause above, and no value)
_CLAIM = text(f"UPDATE complaint_references r SET check_at = :until WHERE r.id = :id AND {_DUE_TO_FOLLOW}")  # noqa: S608
_NEWS = text("""
    SELECT greatest(r.confirmed_at, r.sent_at, max(e.heard_at), max(p.done_at)) AS at FROM complaint_references r
    LEFT JOIN reference_entries e ON e.reference_id = r.id LEFT JOIN reference_posts p ON p.reference_id = r.id
    WHERE r.id = :id GROUP BY r.id
""")
_LOOKED_AT = text("""
    UPDATE complaint_references SET check_at = :check_at,
           problem = CASE WHEN CAST(:problem AS text) IS NULL THEN problem ELSE :problem END,
           detail = CASE WHEN CAST(:problem AS text) IS NULL THEN detail ELSE :detail END
    WHERE id = :id AND state IN ('confirmed', 'sent')
""")


async def to_send(
    connection: AsyncConnection, kinds: Sequence[str], most: int, besides: Sequence[int] = ()
) -> list[int]:
    """The ids of what waits and may be sent now by connections of these kinds, the oldest first, without these."""
    parameters = {"kinds": list(kinds), "most": most, "besides": list(besides)}
    return list((await connection.execute(_TO_SEND, parameters)).scalars())


async def sent_before(connection: AsyncConnection, before: datetime, most: int) -> list[int]:
    """The ids of what has been under way since before that moment, and has no token."""
    return list((await connection.execute(_SENT_SINCE, {"before": before, "most": most})).scalars())


async def to_follow(
    connection: AsyncConnection, kinds: Sequence[str], most: int, besides: Sequence[int] = ()
) -> list[int]:
    """The ids of what is to be looked at now by connections of these kinds, without these."""
    parameters = {"kinds": list(kinds), "most": most, "besides": list(besides)}
    return list((await connection.execute(_TO_FOLLOW, parameters)).scalars())


async def claim(connection: AsyncConnection, reference_id: int, until: datetime) -> Reference | None:
    """It is looked at now, by nobody else before that moment; None where it is not due (any more)."""
    done = await connection.execute(_CLAIM, {"id": reference_id, "until": until})
    return await get(connection, reference_id) if done.rowcount else None


async def news_at(connection: AsyncConnection, reference_id: int) -> datetime | None:
    """When something last went there or came from there."""
    found: datetime | None = (await connection.execute(_NEWS, {"id": reference_id})).scalar_one_or_none()
    return found


async def looked_at(
    connection: AsyncConnection,
    reference_id: int,
    check_at: datetime | None,
    problem: str | None = None,
    detail: str = "",
) -> None:
    """It was looked at, and is to be looked at again then (None: not any more); `problem` is why nothing was seen."""
    parameters = {"id": reference_id, "check_at": check_at, "problem": problem, "detail": detail or None}
    await connection.execute(_LOOKED_AT, parameters)
