"""The complaints: filed once, changed only by the verbs below, each of which writes its history row.

A verb takes the connection of a transaction that the shell commits, and returns the `Event` that its
history row is; what follows from an event is decided in one place, `api/reactions.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import holders, moves, tickets
from store.holders import Disposition
from store.statement import Statement
from store.ways import SP4N

TITLE = 100


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: kind is citizen, operator, agency, system; id is that kind's own."""

    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class NewComplaint:
    """A complaint to be filed. `suggested` is the classifier's reading, kept as a training row; `happened_on` the day
    that the citizen's words for the time name, if they do; `code` what stands beside the ticket on the receipt."""

    text: str
    report_class: str
    channel: str
    title: str = ""
    citizen_id: int | None = None
    contact_id: int | None = None
    draft: int | None = None
    place: str | None = None
    region: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    happened: str | None = None
    anonymous: bool = False
    secret: bool = False
    function: str | None = None
    category: str | None = None
    agency: str | None = None
    model: str | None = None
    suggested: Mapping[str, Any] | None = None
    happened_on: date | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened to a complaint: the history row's kind, and what a reaction needs to know."""

    kind: str
    complaint_id: int
    ticket: str
    data: Mapping[str, Any] = field(default_factory=dict)


class NotFound(LookupError):
    """There is no complaint with that ticket number, or none that concerns whoever asks."""


class NotAllowed(ValueError):
    """The status may not follow the present one. `allowed` are those that may."""

    def __init__(self, now: str, wanted: str, allowed: Sequence[str]) -> None:
        super().__init__(f"{wanted!r} cannot follow {now!r}")
        self.now, self.wanted, self.allowed = now, wanted, tuple(allowed)


class Changed(ValueError):
    """Somebody else has changed the complaint since it was read. `version` is the present one."""

    def __init__(self, ticket: str, version: int) -> None:
        super().__init__(f"{ticket} has changed")
        self.ticket, self.version = ticket, version


def title_of(story: str) -> str:
    """A title of at most 100 characters: the first sentence, cut between words."""
    words = " ".join(story.split())
    for end in (". ", "! ", "? "):
        head, found, _ = words.partition(end)
        if found and 15 <= len(head) <= TITLE:
            return head
    if len(words) <= TITLE:
        return words
    return words[: TITLE - 1].rsplit(" ", 1)[0].rstrip(" ,;:") + "…" if " " in words[:TITLE] else words[:TITLE]


# One statement files everything: the complaint, its history, its party, the training row, its files.
# A draft that is filed already gives no row; a ticket number in use does neither, and another is drawn.
_FILE = Statement("""
    WITH filed AS (
        INSERT INTO complaints (ticket, citizen_id, contact_id, draft, channel, report_class, title, text, place,
                                region, latitude, longitude, happened, happened_on, anonymous, secret, status,
                                function, category, agency, code, confidence)
        VALUES (:ticket, :citizen_id, :contact_id, :draft, :channel, :report_class, :title, :text, :place,
                :region, :latitude, :longitude, :happened, :happened_on, :anonymous, :secret, :status,
                :function, :category, :agency, :code, :confidence)
        ON CONFLICT DO NOTHING
        RETURNING id
    ), noted AS (
        INSERT INTO complaint_history (complaint_id, actor_kind, actor_id, event, became, public)
        SELECT id, :actor_kind, :actor_id, 'filed', CAST(:became AS jsonb), true FROM filed
    ), party AS (
        INSERT INTO complaint_parties (complaint_id, citizen_id, role, contact_id)
        SELECT id, :citizen_id, 'pelapor', :contact_id FROM filed WHERE CAST(:citizen_id AS bigint) IS NOT NULL
    ), routed AS (
        INSERT INTO routings (complaint_id, actor_kind, actor_id, model, suggested, function, category, agency)
        SELECT id, 'system', 'classifier', :model, CAST(:suggested AS jsonb), :function, :category, :agency FROM filed
    ), files AS (
        UPDATE media SET complaint_id = filed.id FROM filed WHERE contact_id = :contact_id AND media.draft = :draft
    )
    SELECT id FROM filed
""")
_FILED_DRAFT = text("SELECT id, ticket FROM complaints WHERE contact_id = :contact_id AND draft = :draft")


async def file(connection: AsyncConnection, new: NewComplaint, actor: Actor) -> Event:
    """File a complaint. A draft that was filed before gives its first complaint's event again, with `again` set."""
    for _ in range(5):
        ticket = tickets.new()
        row = await _FILE.row(connection, _file_parameters(new, ticket, actor))
        if row is not None:
            return Event("filed", row.id, ticket)
        if new.draft is not None:
            parameters = {"contact_id": new.contact_id, "draft": new.draft}
            known = (await connection.execute(_FILED_DRAFT, parameters)).one_or_none()
            if known is not None:
                return Event("filed", known.id, known.ticket, {"again": True})
    raise RuntimeError("no free ticket number in five draws")


def _file_parameters(new: NewComplaint, ticket: str, actor: Actor) -> dict[str, Any]:
    return {
        "ticket": ticket,
        "citizen_id": new.citizen_id,
        "contact_id": new.contact_id,
        "draft": new.draft,
        "channel": new.channel,
        "report_class": new.report_class,
        "title": new.title or title_of(new.text),
        "text": new.text,
        "place": new.place,
        "region": new.region,
        "latitude": new.latitude,
        "longitude": new.longitude,
        "happened": new.happened,
        "happened_on": new.happened_on,
        "anonymous": new.anonymous,
        "secret": new.secret,
        "status": moves.FIRST,
        "function": new.function,
        "category": new.category,
        "agency": new.agency,
        "code": new.code,
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "became": json.dumps({"status": moves.FIRST}),
        "model": new.model,
        "suggested": json.dumps(dict(new.suggested)) if new.suggested else None,
        "confidence": _confidence(new.suggested),
    }


def _confidence(suggested: Mapping[str, Any] | None) -> float | None:
    """How sure the classifier was of its first function."""
    functions = (suggested or {}).get("functions")
    return float(functions[0][1]) if functions else None


# --- changes -----------------------------------------------------------------------------------------

_LOCK_CHATS = text("""
    SELECT c.id FROM complaints k JOIN complaint_parties p ON p.complaint_id = k.id
    JOIN contacts c ON c.id = p.contact_id
    WHERE k.ticket = :ticket ORDER BY c.id FOR NO KEY UPDATE OF c
""")
_LOCK = text("""
    SELECT id, ticket, status, version, title, report_class, supervised, anonymous, function, category, agency, region,
           merged_into
    FROM complaints WHERE ticket = :ticket
    FOR NO KEY UPDATE
""")
_NOTE = text("""
    WITH counted AS (UPDATE complaints SET version = version + 1 WHERE id = :complaint_id)
    INSERT INTO complaint_history (complaint_id, actor_kind, actor_id, event, was, became, reason, note, public)
    VALUES (:complaint_id, :actor_kind, :actor_id, :event, CAST(:was AS jsonb), CAST(:became AS jsonb), :reason, :note,
            :public)
""")
_FIND = text("SELECT id FROM complaints WHERE ticket = :ticket")


async def lock(connection: AsyncConnection, ticket: str, expected: int | None = None) -> Any:
    """Lock a complaint for a change by anybody but a citizen in a turn: the chats of its readers first, in the order
    of their ids, then the complaint. Returns what a verb must know of it; raises `NotFound`, and `Changed` where its
    version is not the expected one: whoever decided had read something else.

    The order is that of a turn, which has its own chat locked before it comes to a complaint. Together with `readers`,
    which waits for nobody, it keeps everybody from waiting in a circle.
    """
    await connection.execute(_LOCK_CHATS, {"ticket": ticket})
    row = (await connection.execute(_LOCK, {"ticket": ticket})).one_or_none()
    if row is None:
        raise NotFound(ticket)
    if expected is not None and row.version != expected:
        raise Changed(ticket, row.version)
    return row


async def write(
    connection: AsyncConnection,
    complaint_id: int,
    actor: Actor,
    event: str,
    *,
    was: Mapping[str, Any] | None = None,
    became: Mapping[str, Any] | None = None,
    reason: str | None = None,
    note: str | None = None,
    public: bool = False,
) -> None:
    """The history row of a change, which is a new version of the complaint. Every verb ends here."""
    await connection.execute(
        _NOTE,
        {
            "complaint_id": complaint_id,
            "actor_kind": actor.kind,
            "actor_id": actor.id,
            "event": event,
            "was": json.dumps(was) if was is not None else None,
            "became": json.dumps(became) if became is not None else None,
            "reason": reason,
            "note": note,
            "public": public,
        },
    )


_BECOME = text("UPDATE complaints SET status = :status, changed_at = now() WHERE id = :id")


async def become(
    connection: AsyncConnection,
    row: Any,
    status: str,
    actor: Actor,
    event: str,
    *,
    reason: str | None = None,
    note: str | None = None,
    also: Mapping[str, Any] | None = None,
    stays: bool = False,
) -> Event:
    """Give a complaint that `lock` returned another status, in a verb of that name. `also` is written down beside the
    status and told with the event; `stays`: the status that it has is no error.

    What has ended no agency has any more; what is Terdisposisi its agency has. Raises `NotAllowed` where that status
    may not follow the present one.
    """
    if status not in moves.allowed(row.status) and not (stays and status == row.status):
        raise NotAllowed(row.status, status, moves.allowed(row.status))
    await connection.execute(_BECOME, {"status": status, "id": row.id})
    if status in moves.ENDED:
        await holders.end(connection, row.id, "closed")
    elif row.agency is not None:
        await holders.lead(connection, row.id, row.agency, begin=status == moves.DISPOSED)
    more = dict(also or {})
    was, became = {"status": row.status}, {"status": status, **more}
    await write(connection, row.id, actor, event, was=was, became=became, reason=reason, note=note, public=True)
    return happened(row, actor, event, status, reason=reason, note=note, **more)


def happened(row: Any, actor: Actor, event: str, status: str, **more: Any) -> Event:
    """The event of a verb that leaves a locked complaint in that status: with its status before, its agency, its
    region, and the kind of who did it."""
    data = {"status": status, "was": row.status, "agency": row.agency, "region": row.region, "by": actor.kind, **more}
    return Event(event, row.id, row.ticket, data)


async def move(
    connection: AsyncConnection,
    ticket: str,
    status: moves.Status,
    actor: Actor,
    *,
    reason: str | None,
    note: str | None,
    expected: int | None = None,
) -> Event:
    """Give a complaint another status. What an office has sent back to be verified again, no agency has any more; an
    answer counts for the one that leads, in whose name the pelapor is told of it.

    Raises `NotFound`, `NotAllowed` or `Changed`.
    """
    row = await lock(connection, ticket, expected)
    if status.name == moves.FIRST and moves.FIRST in moves.allowed(row.status):
        await holders.send_back(connection, row.id)
    event = await become(connection, row, status.name, actor, "moved", reason=reason, note=note)
    if status.name in moves.ANSWERS and row.agency is not None:
        await holders.responded(connection, row.id, row.agency, answered=True)
    return event


_ROUTED = text("""
    INSERT INTO routings
        (complaint_id, actor_kind, actor_id, model, suggested, function, category, agency, reason, named)
    SELECT :id, :kind, :actor, model, suggested, :function, :category, :agency, :reason, :named
    FROM routings WHERE complaint_id = :id ORDER BY id LIMIT 1
""")


async def write_routing(
    connection: AsyncConnection,
    complaint_id: int,
    actor: Actor,
    where: Mapping[str, str | None],
    named: Sequence[str],
    reason: str | None,
) -> None:
    """A training row beside the suggestion: `where` has function, category and agency, `named` what was said of it."""
    parameters = {"id": complaint_id, "kind": actor.kind, "actor": actor.id, "reason": reason, "named": list(named)}
    await connection.execute(_ROUTED, {**where, **parameters})


async def route(
    connection: AsyncConnection,
    ticket: str,
    actor: Actor,
    *,
    function: str | None,
    agency: str | None,
    category: str | None,
    reason: str | None,
    expected: int | None = None,
) -> Event:
    """Correct where a complaint belongs; what is None stays. Kept beside the suggestion as a training row.

    If agencies have it already, the named one leads instead of the one that did. Raises `NotFound` or `Changed`.
    """
    row = await lock(connection, ticket, expected)
    was = {"function": row.function, "agency": row.agency, "category": row.category}
    said = {"function": function, "agency": agency, "category": category}
    # Saying again what stands there confirms it; leaving it out says nothing.
    named = [name for name, value in said.items() if value]
    became = {
        "function": function or row.function,
        "agency": agency or row.agency,
        "category": category or row.category,
    }
    await connection.execute(
        text("""
            UPDATE complaints SET function = :function, agency = :agency, category = :category, changed_at = now()
            WHERE id = :id
        """),
        {**became, "id": row.id},
    )
    if agency:
        await holders.lead(connection, row.id, agency, begin=row.status == moves.DISPOSED)
    await write_routing(connection, row.id, actor, became, named, reason)
    await write(connection, row.id, actor, "rerouted", was=was, became=became, reason=reason)
    event = happened(row, actor, "rerouted", row.status, changed=became["agency"] != row.agency)
    return Event(event.kind, event.complaint_id, event.ticket, {**event.data, **became})


async def note(
    connection: AsyncConnection, ticket: str, actor: Actor, words: str, *, public: bool, expected: int | None = None
) -> Event:
    """Add words to a complaint: an officer's internal note, or a message to the citizen (`public`). Raises `NotFound`,
    and for a message `Changed`.

    What citizens say to their complaint is `closure.reply`.
    """
    if public and actor.kind != "citizen":
        row = await lock(connection, ticket, expected)  # it is told, and restarts the clock
    else:
        row = (await connection.execute(_FIND, {"ticket": ticket})).one_or_none()
    if row is None:
        raise NotFound(ticket)
    await write(connection, row.id, actor, "noted", note=words, public=public)
    return Event("noted", row.id, ticket, {"note": words, "public": public, "by": actor.kind})


# --- reading -----------------------------------------------------------------------------------------

_SUMMARY = """
    SELECT k.id, k.ticket, k.status, k.report_class, k.title, k.channel, k.region, k.function, k.category,
           k.agency, a.name AS agency_name, k.anonymous, k.secret, k.filed_at, k.changed_at
    FROM complaints k LEFT JOIN agencies a ON a.code = k.agency
"""
_FILTERS = {
    "status": "k.status = :status",
    "region": "(k.region = :region OR starts_with(k.region, :region || '.'))",
    "agency": "k.agency = :agency",
    "function": "k.function = :function",
    "report_class": "k.report_class = :report_class",
    "channel": "k.channel = :channel",
    "filed_from": "k.filed_at >= :filed_from",
    "filed_to": "k.filed_at < :filed_to",
    "before": "k.id < :before",
}


async def page(connection: AsyncConnection, filters: Mapping[str, Any], most: int) -> Sequence[Any]:
    """Complaints that fit the filters (see `_FILTERS`), newest first; `before` is the id after which it begins."""
    wanted = {name: value for name, value in filters.items() if value is not None}
    where = " AND ".join(_FILTERS[name] for name in wanted) or "true"
    statement = text(f"{_SUMMARY} WHERE {where} ORDER BY k.id DESC LIMIT :most")
    return (await connection.execute(statement, {**wanted, "most": most})).all()


_ONE = text("""
    SELECT k.*, a.name AS agency_name, coalesce(c.name, z.name) AS citizen_name,
           (SELECT jsonb_build_object('model', r.model, 'reading', r.suggested) FROM routings r
            WHERE r.complaint_id = k.id ORDER BY r.id LIMIT 1) AS suggestion,
           (SELECT count(*) FROM complaint_parties p WHERE p.complaint_id = k.id AND p.role = 'pengikut') AS followers
    FROM complaints k
    LEFT JOIN agencies a ON a.code = k.agency
    LEFT JOIN contacts c ON c.id = k.contact_id
    LEFT JOIN citizens z ON z.id = k.citizen_id
    WHERE k.ticket = :ticket
""")
_HISTORY = text("SELECT * FROM complaint_history WHERE complaint_id = :id ORDER BY id")
_FILES = text("SELECT * FROM media WHERE complaint_id = :id ORDER BY id")
# What silence will do; the deadlines of offices are `clocks.deadlines`.
_CLOCKS = text("""
    SELECT * FROM clocks
    WHERE complaint_id = :id AND stopped_at IS NULL AND kind IN ('archive', 'close') ORDER BY due_at
""")
_RATING = text("""
    SELECT r.* FROM ratings r JOIN complaint_parties p USING (complaint_id, citizen_id)
    WHERE r.complaint_id = :id AND p.role = 'pelapor'
""")


@dataclass(frozen=True, slots=True)
class Whole:
    """A complaint with its history (oldest first), its files, its running clocks, the pelapor's rating, and the
    agencies that have it or had it (see `holders.ever`)."""

    complaint: Any
    history: Sequence[Any]
    files: Sequence[Any]
    clocks: Sequence[Any]
    rating: Any
    dispositions: Sequence[Disposition] = ()


async def get(connection: AsyncConnection, ticket: str) -> Whole:
    """One complaint, whole. Raises `NotFound`."""
    row = (await connection.execute(_ONE, {"ticket": ticket})).one_or_none()
    if row is None:
        raise NotFound(ticket)
    history = (await connection.execute(_HISTORY, {"id": row.id})).all()
    files = (await connection.execute(_FILES, {"id": row.id})).all()
    clocks = (await connection.execute(_CLOCKS, {"id": row.id})).all()
    rating = (await connection.execute(_RATING, {"id": row.id})).one_or_none()
    return Whole(row, history, files, clocks, rating, await holders.ever(connection, row.id))


@dataclass(frozen=True, slots=True)
class Reader:
    """Someone who gets the news of a complaint: the contact, the language of the citizen, and what they are to it
    (pelapor, pengikut). `anonymous`: the pelapor is not to be known to followers."""

    contact_id: int
    channel: str
    address: str
    language: str
    role: str
    anonymous: bool


ROLES = ("pelapor", "pengikut")

# Nobody is waited for. Whoever may wait has locked these chats in `lock`; a turn, which has its own chat and the
# complaint locked, would close a circle with another one that waits for both.
_READERS = text("""
    SELECT c.id, c.channel, c.address, coalesce(c.conversation->>'language', 'id') AS language, p.role, k.anonymous
    FROM complaint_parties p JOIN contacts c ON c.id = p.contact_id JOIN complaints k ON k.id = p.complaint_id
    WHERE p.complaint_id = :id AND NOT (k.secret AND p.role = 'pengikut')
    ORDER BY c.id FOR NO KEY UPDATE OF c NOWAIT
""")


async def readers(connection: AsyncConnection, complaint_id: int) -> list[Reader]:
    """The contacts to be told of a change, each once and as what concerns them most; nobody follows a Rahasia one.

    Their chats are locked, so that pushes and replies keep one order. Raises psycopg's LockNotAvailable (55P03) where
    another transaction has one of them: then this one must be rolled back and done again, after a moment.
    """
    rows = (await connection.execute(_READERS, {"id": complaint_id})).all()
    found: dict[int, Reader] = {}
    for row in sorted(rows, key=lambda row: (row.id, ROLES.index(row.role))):
        reader = Reader(row.id, row.channel, row.address, row.language, row.role, row.anonymous)
        found.setdefault(row.id, reader)
    return list(found.values())


_WAITING = Statement("""
    SELECT k.ticket FROM complaints k JOIN complaint_parties p ON p.complaint_id = k.id
    WHERE p.contact_id = :contact_id AND k.status = 'Menunggu Kelengkapan Informasi' ORDER BY k.id DESC LIMIT 1
""")


async def waiting_for(connection: AsyncConnection, contact_id: int) -> str | None:
    """The ticket of this contact's newest complaint for which an officer waits for more; None if there is none."""
    row = await _WAITING.row(connection, {"contact_id": contact_id})
    return None if row is None else str(row.ticket)


# What an office said last that the citizen may read, or when it answered without a word.
_ANSWER = """
    LEFT JOIN LATERAL (
        SELECT h.note, h.at FROM complaint_history h
        WHERE h.complaint_id = k.id AND h.public AND h.actor_kind <> 'citizen'
          AND h.event IN ('moved', 'noted', 'disposed', 'responded', 'heard')
          AND (h.note IS NOT NULL OR h.became->>'status' = ANY(CAST(:answers AS text[])))
        ORDER BY h.id DESC LIMIT 1
    ) answer ON true
"""
_ROLE = """
    JOIN LATERAL (
        SELECT p.role FROM complaint_parties p WHERE p.complaint_id = k.id AND p.citizen_id = :citizen_id
        ORDER BY array_position(CAST(:roles AS text[]), p.role) LIMIT 1
    ) mine ON NOT (k.secret AND mine.role = 'pengikut')
"""
_OPEN = Statement(f"""
    SELECT k.ticket, k.status, k.title, p.role, answer.at AS answered_at
    FROM contacts c JOIN contacts o ON o.citizen_id = c.citizen_id
    JOIN complaint_parties p ON p.contact_id = o.id JOIN complaints k ON k.id = p.complaint_id {_ANSWER}
    WHERE c.id = :contact_id AND k.status <> ALL(CAST(:ended AS text[]))
      AND NOT (k.secret AND p.role = 'pengikut')
    ORDER BY k.id DESC LIMIT 5
""")  # noqa: S608 (the clause above, and no value)


@dataclass(frozen=True, slots=True)
class Open:
    """An open complaint of a chat: what its citizen is to it, and when an office last said something."""

    ticket: str
    status: str
    title: str
    role: str
    answered_at: datetime | None


async def open_of_contact(connection: AsyncConnection, contact_id: int) -> list[Open]:
    """The complaints of this chat and of those linked with it that have not ended, followed ones too; the newest first,
    at most five.

    One statement: it runs in every turn without a draft. The title of a followed one is somebody else's words.
    """
    parameters = {"contact_id": contact_id, "answers": list(moves.ANSWERS), "ended": list(moves.ENDED)}
    return [Open(*row) for row in await _OPEN.rows(connection, parameters)]


_OWN = text(f"""
    SELECT k.ticket, k.title, k.status, k.changed_at, k.region, mine.role,
           CASE WHEN said.by_name THEN s.name ELSE a.name END AS agency,
           CASE WHEN mine.role <> 'pengikut' OR NOT k.anonymous THEN answer.note END AS answer,
           answer.at AS answered_at,
           EXISTS (SELECT 1 FROM complaint_history h WHERE h.complaint_id = k.id
                     AND h.became->>'status' = ANY(CAST(:answers AS text[]))) AS answered,
           clock.kind AS clock, clock.due_on, r.stars, elsewhere.told AS elsewhere
    FROM complaints k {_ROLE} {_ANSWER}
    LEFT JOIN agencies a ON a.code = k.agency
    LEFT JOIN LATERAL (
        SELECT h.became ? 'answered_by' AS by_name, h.became->>'answered_by' AS code FROM complaint_history h
        WHERE h.complaint_id = k.id AND h.became->>'status' = k.status ORDER BY h.id DESC LIMIT 1
    ) said ON true
    LEFT JOIN agencies s ON s.code = said.code
    LEFT JOIN ratings r ON r.complaint_id = k.id AND r.citizen_id = :citizen_id
    LEFT JOIN LATERAL (
        SELECT c.kind, c.due_on FROM clocks c
        WHERE c.complaint_id = k.id AND c.stopped_at IS NULL AND c.kind IN ('archive', 'close')
        ORDER BY c.due_at LIMIT 1
    ) clock ON true
    LEFT JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_array(e.system, n.name, e.external_id, e.raw_status, e.raw_status_at)
                         ORDER BY e.id) AS told
        FROM complaint_references e LEFT JOIN connections n ON n.id = e.connection_id
        WHERE e.complaint_id = k.id AND e.state = 'confirmed' AND n.kind IS DISTINCT FROM 'email'
          AND mine.role <> 'pengikut'
    ) elsewhere ON true
    WHERE k.id IN (SELECT p.complaint_id FROM complaint_parties p WHERE p.citizen_id = :citizen_id)
      AND (CAST(:ticket AS text) IS NULL OR k.ticket = :ticket)
      AND (CAST(:number AS text) IS NULL OR (mine.role <> 'pengikut' AND EXISTS (
              SELECT 1 FROM complaint_references e
              WHERE e.complaint_id = k.id AND e.system = :sp4n AND e.external_id = :number)))
    ORDER BY k.id DESC LIMIT 5
""")  # noqa: S608 (the clauses above, and no value)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A complaint in another system: under which number, and its status there in that system's own words, since when.
    `name` is that of the connection, if it is known."""

    system: str
    name: str | None
    number: str
    raw_status: str | None
    raw_status_at: datetime | None


@dataclass(frozen=True, slots=True)
class Own:
    """A complaint as its citizen may see it. `agency` is the one that has answered it where that is its status (None:
    Kominfo itself has), else the one that leads. `answer` is what an office said last, `due_on` the last day before the
    clock (close or archive) ends it, `acts` what the citizen may do with it (see `moves.acts`).

    To a pengikut the title and the answer are of somebody else: they are masked before they are shown, and there is no
    answer where the report is Anonim. `elsewhere` is for those whose report it is: a number leads to all of its words.
    """

    ticket: str
    title: str
    status: str
    changed_at: datetime
    region: str | None
    agency: str | None
    role: str
    answer: str | None
    answered_at: datetime | None
    clock: str | None
    due_on: date | None
    stars: int | None
    acts: tuple[str, ...]
    elsewhere: tuple[Elsewhere, ...] = ()


async def of_citizen(
    connection: AsyncConnection, citizen_id: int, ticket: str | None = None, *, number: str | None = None
) -> list[Own]:
    """The newest complaints that a citizen filed or follows, at most five; with a ticket only that one, with a number
    of SP4N only their own that has it, if it is among theirs."""
    parameters = {
        "citizen_id": citizen_id,
        "ticket": ticket,
        "number": number,
        "sp4n": SP4N,
        "answers": list(moves.ANSWERS),
        "roles": list(ROLES),
    }
    found = []
    for row in (await connection.execute(_OWN, parameters)).mappings():
        facts = dict(row)
        acts = moves.acts(facts["status"], facts["role"], answered=facts.pop("answered"))
        elsewhere = tuple(
            Elsewhere(system, name, number, raw_status, datetime.fromisoformat(at) if at else None)
            for system, name, number, raw_status, at in facts.pop("elsewhere") or ()
        )
        found.append(Own(**facts, acts=acts, elsewhere=elsewhere))
    return found
