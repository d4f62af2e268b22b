"""The complaints: filed once, changed only by the verbs below, each of which writes its history row.

A verb takes the connection of a transaction that the shell commits, and returns the `Event` that its
history row is; what follows from an event is decided in one place, `api/reactions.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import moves, tickets
from store.statement import Statement

TITLE = 100


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: kind is citizen, operator, agency, system; id is that kind's own."""

    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class NewComplaint:
    """A complaint to be filed. `suggested` is the classifier's reading, kept as a training row."""

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


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened to a complaint: the history row's kind, and what a reaction needs to know."""

    kind: str
    complaint_id: int
    ticket: str
    data: Mapping[str, Any] = field(default_factory=dict)


class NotFound(LookupError):
    """There is no complaint with that ticket number."""


class NotAllowed(ValueError):
    """The status may not follow the present one. `allowed` are those that may."""

    def __init__(self, now: str, wanted: str, allowed: Sequence[str]) -> None:
        super().__init__(f"{wanted!r} cannot follow {now!r}")
        self.now, self.wanted, self.allowed = now, wanted, tuple(allowed)


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
                                region, latitude, longitude, happened, anonymous, secret, status, function,
                                category, agency)
        VALUES (:ticket, :citizen_id, :contact_id, :draft, :channel, :report_class, :title, :text, :place,
                :region, :latitude, :longitude, :happened, :anonymous, :secret, :status, :function, :category, :agency)
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
        "anonymous": new.anonymous,
        "secret": new.secret,
        "status": moves.FIRST,
        "function": new.function,
        "category": new.category,
        "agency": new.agency,
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "became": json.dumps({"status": moves.FIRST}),
        "model": new.model,
        "suggested": json.dumps(dict(new.suggested)) if new.suggested else None,
    }


# --- changes -----------------------------------------------------------------------------------------

_LOCK = text("""
    SELECT id, ticket, status, function, category, agency FROM complaints WHERE ticket = :ticket FOR NO KEY UPDATE
""")
_NOTE = text("""
    INSERT INTO complaint_history (complaint_id, actor_kind, actor_id, event, was, became, reason, note, public)
    VALUES (:complaint_id, :actor_kind, :actor_id, :event, CAST(:was AS jsonb), CAST(:became AS jsonb), :reason, :note,
            :public)
""")


_FIND = text("SELECT id FROM complaints WHERE ticket = :ticket")


async def _lock(connection: AsyncConnection, ticket: str) -> Any:
    row = (await connection.execute(_LOCK, {"ticket": ticket})).one_or_none()
    if row is None:
        raise NotFound(ticket)
    return row


async def _write(
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
    """The history row of a change. Every verb ends here."""
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


async def move(
    connection: AsyncConnection,
    ticket: str,
    status: moves.Status,
    actor: Actor,
    *,
    reason: str | None,
    note: str | None,
) -> Event:
    """Give a complaint another status. Raises `NotFound` or `NotAllowed`."""
    row = await _lock(connection, ticket)
    if status.name not in moves.allowed(row.status):
        raise NotAllowed(row.status, status.name, moves.allowed(row.status))
    await connection.execute(
        text("UPDATE complaints SET status = :status, changed_at = now() WHERE id = :id"),
        {"status": status.name, "id": row.id},
    )
    await _write(
        connection,
        row.id,
        actor,
        "moved",
        was={"status": row.status},
        became={"status": status.name},
        reason=reason,
        note=note,
        public=True,
    )
    return Event("moved", row.id, ticket, {"status": status.name, "reason": reason, "note": note, "agency": row.agency})


async def route(
    connection: AsyncConnection,
    ticket: str,
    actor: Actor,
    *,
    function: str | None,
    agency: str | None,
    category: str | None,
    reason: str | None,
) -> Event:
    """Correct where a complaint belongs; what is None stays. Kept beside the suggestion as a training row.

    Raises `NotFound`.
    """
    row = await _lock(connection, ticket)
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
    await connection.execute(
        text("""
            INSERT INTO routings
                (complaint_id, actor_kind, actor_id, model, suggested, function, category, agency, reason, named)
            SELECT :id, :kind, :actor, model, suggested, :function, :category, :agency, :reason, :named
            FROM routings WHERE complaint_id = :id ORDER BY id LIMIT 1
        """),
        {**became, "id": row.id, "kind": actor.kind, "actor": actor.id, "reason": reason, "named": named},
    )
    await _write(connection, row.id, actor, "rerouted", was=was, became=became, reason=reason)
    return Event("rerouted", row.id, ticket, {**became, "changed": became["agency"] != row.agency})


async def note(connection: AsyncConnection, ticket: str, actor: Actor, words: str, *, public: bool) -> Event:
    """Add words to a complaint: an operator's internal note, a message to the citizen (`public`), or what
    the citizen adds. Raises `NotFound`."""
    # Not locked: a turn that adds words has its chat locked already, and a move locks them the other way round.
    row = (await connection.execute(_FIND, {"ticket": ticket})).one_or_none()
    if row is None:
        raise NotFound(ticket)
    await _write(connection, row.id, actor, "noted", note=words, public=public)
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
            WHERE r.complaint_id = k.id ORDER BY r.id LIMIT 1) AS suggestion
    FROM complaints k
    LEFT JOIN agencies a ON a.code = k.agency
    LEFT JOIN contacts c ON c.id = k.contact_id
    LEFT JOIN citizens z ON z.id = k.citizen_id
    WHERE k.ticket = :ticket
""")
_HISTORY = text("SELECT * FROM complaint_history WHERE complaint_id = :id ORDER BY id")
_FILES = text("SELECT * FROM media WHERE complaint_id = :id ORDER BY id")


@dataclass(frozen=True, slots=True)
class Whole:
    """A complaint with its history (oldest first) and its files."""

    complaint: Any
    history: Sequence[Any]
    files: Sequence[Any]


async def get(connection: AsyncConnection, ticket: str) -> Whole:
    """One complaint, whole. Raises `NotFound`."""
    row = (await connection.execute(_ONE, {"ticket": ticket})).one_or_none()
    if row is None:
        raise NotFound(ticket)
    history = (await connection.execute(_HISTORY, {"id": row.id})).all()
    files = (await connection.execute(_FILES, {"id": row.id})).all()
    return Whole(row, history, files)


@dataclass(frozen=True, slots=True)
class Reader:
    """Someone who gets the news of a complaint: the contact, and the language of the citizen."""

    contact_id: int
    channel: str
    address: str
    language: str


_READERS = text("""
    SELECT c.id, c.channel, c.address, coalesce(c.conversation->>'language', 'id') AS language
    FROM complaint_parties p JOIN contacts c ON c.id = p.contact_id
    WHERE p.complaint_id = :id ORDER BY c.id FOR UPDATE OF c
""")


async def readers(connection: AsyncConnection, complaint_id: int) -> list[Reader]:
    """The contacts to be told of a change; their chats are locked, so that pushes and replies keep one order."""
    rows = await connection.execute(_READERS, {"id": complaint_id})
    return [Reader(row.id, row.channel, row.address, row.language) for row in rows]


_WAITING = Statement("""
    SELECT k.ticket FROM complaints k JOIN complaint_parties p ON p.complaint_id = k.id
    WHERE p.contact_id = :contact_id AND k.status = 'Menunggu Kelengkapan Informasi' ORDER BY k.id DESC LIMIT 1
""")


async def waiting_for(connection: AsyncConnection, contact_id: int) -> str | None:
    """The ticket of this contact's newest complaint for which an officer waits for more; None if there is none."""
    row = await _WAITING.row(connection, {"contact_id": contact_id})
    return None if row is None else str(row.ticket)


_OWN = text("""
    SELECT k.ticket, k.title, k.status, k.changed_at, k.region, a.name AS agency
    FROM complaints k JOIN complaint_parties p ON p.complaint_id = k.id
    LEFT JOIN agencies a ON a.code = k.agency
    WHERE p.citizen_id = :citizen_id AND (CAST(:ticket AS text) IS NULL OR k.ticket = :ticket)
    ORDER BY k.id DESC LIMIT 5
""")


async def of_citizen(connection: AsyncConnection, citizen_id: int, ticket: str | None = None) -> Sequence[Any]:
    """The newest complaints of a citizen, at most five; with a ticket only that one, if it is theirs."""
    return (await connection.execute(_OWN, {"citizen_id": citizen_id, "ticket": ticket})).all()
