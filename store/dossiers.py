"""One report whole, as somebody at the desk reads it: everything in one statement, and what lies around its pin.

No number of a citizen is in it, and no address of a chat: what is not read cannot be shown by mistake. A name only
where the reader asks for it and the report is not Anonim; what stands behind Anonim is read by `hidden_name` alone, and
who assisted the pelapor or how they are reached by `assistances.of_complaint` alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import moves
from store.complaints import NotFound
from store.neighbours import metres


@dataclass(frozen=True, slots=True)
class Happening:
    """A row of the history. `who` is the officer's name, if an officer did it; `own`: the pelapor did."""

    at: datetime
    kind: str
    who: str | None
    own: bool
    event: str
    was: Mapping[str, Any]
    became: Mapping[str, Any]
    reason: str | None
    note: str | None
    public: bool


@dataclass(frozen=True, slots=True)
class File:
    """A file of the report; `office`: an officer attached it, for `agency` if for one."""

    id: int
    kind: str
    name: str | None
    content_type: str | None
    size: int | None
    state: str
    transcript: str | None
    office: bool
    agency: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Running:
    """A running clock; `due_on` is the last day."""

    kind: str
    due_on: date
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """An agency that has the report, or had it."""

    agency: str
    leads: bool
    disposed_at: datetime
    ended_at: datetime | None
    ended_because: str | None


@dataclass(frozen=True, slots=True)
class Joined:
    """Another report about the same matter."""

    ticket: str
    title: str
    status: str


@dataclass(frozen=True, slots=True)
class Assisted:
    """That somebody assisted the pelapor, and what must be known to tell them anything. `kind` is volunteer or counter;
    `reach` how the pelapor wishes to be reached: chat (by a code), phone, place, none (None: unknown); `taken_over`:
    a chat of the pelapor's own has the report; `withdrawn`: they have taken their consent back. Never who, never a
    number or a place."""

    kind: str
    reach: str | None
    taken_over: bool
    withdrawn: bool


@dataclass(frozen=True, slots=True)
class Dossier:
    """A report whole. `name` is None where there is none or it was not asked for; `named` whether there is one at all.

    `language` is the one in which its citizen is spoken to, `told` whether anybody can be told anything in a chat.
    `reading` is the classifier's, as it was filed with the report; `main` the report that this one was joined with;
    `assisted` is None where the pelapor told it alone.
    """

    id: int
    ticket: str
    version: int
    status: str
    report_class: str
    title: str
    text: str
    masked_text: str | None
    place: str | None
    region: str | None
    pin: tuple[float, float] | None
    happened: str | None
    happened_on: date | None
    anonymous: bool
    secret: bool
    supervised: bool | None
    channel: str
    function: str | None
    category: str | None
    agency: str | None
    confidence: float | None
    filed_at: datetime
    changed_at: datetime
    name: str | None
    named: bool
    language: str
    told: bool
    followers: int
    stars: int | None
    comment: str | None
    rated_at: datetime | None
    reading: Mapping[str, Any]
    main: Joined | None
    history: tuple[Happening, ...]
    files: tuple[File, ...]
    clocks: tuple[Running, ...]
    held: tuple[Held, ...]
    joined: tuple[Joined, ...]
    originals: Mapping[str, str | None]
    assisted: Assisted | None

    @property
    def holders(self) -> tuple[Held, ...]:
        """The agencies that have it now."""
        return tuple(each for each in self.held if each.ended_at is None)

    @property
    def ended(self) -> bool:
        """Whether the matter has ended."""
        return self.status in moves.ENDED


_OFFICER = "CASE WHEN h.actor_id ~ '^staff:[0-9]{1,18}$' THEN CAST(substr(h.actor_id, 7) AS bigint) END"
_ONE = text(f"""
    SELECT k.id, k.ticket, k.version, k.status, k.report_class, k.title, k.text, k.masked_text, k.place, k.region,
           k.latitude, k.longitude, k.happened, k.happened_on, k.anonymous, k.secret, k.supervised, k.channel,
           k.function, k.category, k.agency, k.confidence, k.filed_at, k.changed_at,
           CASE WHEN :named AND NOT k.anonymous THEN coalesce(c.name, z.name) END AS name,
           coalesce(c.name, z.name) IS NOT NULL AS named,
           coalesce(c.conversation->>'language', z.language, 'id') AS language,
           c.id IS NOT NULL AND c.unreachable_since IS NULL OR EXISTS (
               SELECT 1 FROM complaint_parties p JOIN contacts q ON q.id = p.contact_id
               WHERE p.complaint_id = k.id AND p.role = 'pelapor' AND q.unreachable_since IS NULL) AS told,
           CASE WHEN s.id IS NOT NULL THEN jsonb_build_array(
               CASE WHEN s.counter_id IS NULL THEN 'volunteer' ELSE 'counter' END, s.reach, s.taken_at IS NOT NULL,
               s.withdrawn_at IS NOT NULL) END AS assisted,
           (SELECT count(*) FROM complaint_parties p WHERE p.complaint_id = k.id AND p.role = 'pengikut') AS followers,
           r.stars, r.comment, r.at AS rated_at,
           (SELECT s.suggested FROM routings s WHERE s.complaint_id = k.id ORDER BY s.id LIMIT 1) AS reading,
           (SELECT jsonb_build_array(m.ticket, m.title, m.status) FROM complaints m WHERE m.id = k.merged_into) AS main,
           (SELECT jsonb_agg(jsonb_build_array(
                        h.at, h.actor_kind, w.name,
                        h.actor_kind = 'citizen' AND h.actor_id = CAST(k.citizen_id AS text), h.event,
                        h.was, h.became, h.reason, h.note, h.public) ORDER BY h.id)
            FROM complaint_history h LEFT JOIN staff w ON w.id = {_OFFICER} WHERE h.complaint_id = k.id) AS history,
           (SELECT jsonb_agg(jsonb_build_array(
                        f.id, f.kind, f.name, coalesce(f.clean_type, f.content_type),
                        coalesce(nullif(f.clean_size, 0), f.size), f.state,
                        CASE WHEN :uncovered OR k.masked_text IS NULL OR f.staff_id IS NOT NULL THEN f.transcript END,
                        f.staff_id IS NOT NULL, f.agency, f.created_at) ORDER BY f.id)
            FROM media f WHERE f.complaint_id = k.id) AS files,
           (SELECT jsonb_agg(jsonb_build_array(o.kind, o.due_on, o.due_at) ORDER BY o.due_at)
            FROM clocks o WHERE o.complaint_id = k.id AND o.stopped_at IS NULL) AS clocks,
           (SELECT jsonb_agg(jsonb_build_array(d.agency, d.leads, d.disposed_at, d.ended_at, d.ended_because)
                             ORDER BY d.leads DESC, d.id)
            FROM dispositions d WHERE d.complaint_id = k.id) AS held,
           (SELECT jsonb_agg(jsonb_build_array(j.ticket, j.title, j.status) ORDER BY j.id)
            FROM complaints j WHERE j.merged_into = k.id) AS joined
    FROM complaints k
    LEFT JOIN contacts c ON c.id = k.contact_id
    LEFT JOIN citizens z ON z.id = k.citizen_id
    LEFT JOIN ratings r ON r.complaint_id = k.id AND r.citizen_id = k.citizen_id
    LEFT JOIN assistances s ON s.complaint_id = k.id
    WHERE k.ticket = :ticket
""")  # noqa: S608 (the expression above, and no value)


async def get(connection: AsyncConnection, ticket: str, *, named: bool, uncovered: bool = False) -> Dossier:
    """A report whole, with the name of its pelapor if `named` and it is not Anonim. Raises `NotFound`.

    Where something was covered in its text, what was heard in its recordings is there only if `uncovered`: the same
    words stand in both.
    """
    row = (await connection.execute(_ONE, {"ticket": ticket, "named": named, "uncovered": uncovered})).one_or_none()
    if row is None:
        raise NotFound(ticket)
    facts = dict(row._mapping)
    latitude, longitude = facts.pop("latitude"), facts.pop("longitude")
    history = tuple(_happening(*each) for each in facts.pop("history") or ())
    return Dossier(
        **{
            **facts,
            "pin": None if latitude is None or longitude is None else (latitude, longitude),
            "reading": facts["reading"] or {},
            "main": Joined(*facts["main"]) if facts["main"] else None,
            "assisted": Assisted(*facts["assisted"]) if facts["assisted"] else None,
            "history": history,
            "files": tuple(_file(*each) for each in facts["files"] or ()),
            "clocks": tuple(
                Running(kind, date.fromisoformat(on), _moment(at)) for kind, on, at in facts["clocks"] or ()
            ),
            "held": tuple(
                Held(agency, leads, _moment(at), _moment(end) if end else None, why)
                for agency, leads, at, end, why in facts["held"] or ()
            ),
            "joined": tuple(Joined(*each) for each in facts["joined"] or ()),
            "originals": _originals(facts, history),
        }
    )


def _moment(written: str) -> datetime:
    return datetime.fromisoformat(written)


def _file(id_: int, kind: str, name: str | None, content_type: str | None, size: int | None, *rest: Any) -> File:
    state, transcript, office, agency, at = rest
    return File(id_, kind, name, content_type, size, state, transcript, office, agency, _moment(at))


def _happening(at: str, kind: str, who: str | None, own: bool | None, event: str, *rest: Any) -> Happening:
    was, became, reason, note, public = rest
    return Happening(_moment(at), kind, who, bool(own), event, was or {}, became or {}, reason, note, public)


def _originals(facts: Mapping[str, Any], history: Sequence[Happening]) -> dict[str, str | None]:
    """Title, class and category as they were filed, where they are different now."""
    first: dict[str, str | None] = {}
    for each in history:
        if each.event in ("edited", "rerouted"):
            for name in ("title", "report_class", "category"):
                if name in each.was:
                    first.setdefault(name, each.was[name])
    return {name: value for name, value in first.items() if value != facts[name]}


_NAME = text("""
    SELECT coalesce(c.name, z.name) FROM complaints k
    LEFT JOIN contacts c ON c.id = k.contact_id LEFT JOIN citizens z ON z.id = k.citizen_id WHERE k.id = :id
""")


async def hidden_name(connection: AsyncConnection, complaint_id: int) -> str | None:
    """The name of the pelapor, also of an Anonim report: whoever reads it is written down in the same transaction."""
    found: str | None = (await connection.execute(_NAME, {"id": complaint_id})).scalar_one_or_none()
    return found


_FILE = text("""
    SELECT kind, sha256, content_type, clean_sha256, clean_type FROM media
    WHERE id = :id AND complaint_id = :complaint_id AND state = 'stored' AND sha256 IS NOT NULL
""")


async def file(connection: AsyncConnection, complaint_id: int, file_id: int) -> Any:
    """A stored file of that report, as `media.handed_out` takes it; None if it has none of that number."""
    return (await connection.execute(_FILE, {"id": file_id, "complaint_id": complaint_id})).one_or_none()


# --- what goes with a draft that is no report yet -------------------------------------------------------------------

_DRAFT_FILES = text("""
    SELECT id, kind, name, coalesce(clean_type, content_type), coalesce(nullif(clean_size, 0), size), state, transcript,
           staff_id IS NOT NULL, agency, created_at
    FROM media WHERE contact_id = :contact_id AND draft = :draft AND complaint_id IS NULL ORDER BY id
""")
_DRAFT_FILE = text("""
    SELECT kind, sha256, content_type, clean_sha256, clean_type FROM media
    WHERE id = :id AND contact_id = :contact_id AND draft = :draft AND complaint_id IS NULL
      AND state = 'stored' AND sha256 IS NOT NULL
""")


async def draft_files(connection: AsyncConnection, contact_id: int, draft: int) -> list[File]:
    """The files of a draft, by its chat and its number there."""
    rows = await connection.execute(_DRAFT_FILES, {"contact_id": contact_id, "draft": draft})
    return [File(*row) for row in rows]


_BECAUSE = text("""
    SELECT CASE WHEN n.closed_at IS NOT NULL OR n.expires_at <= :now THEN 'closed'
                WHEN v.revoked_at IS NOT NULL THEN 'revoked'
                WHEN v.paused_at IS NOT NULL THEN 'paused'
                WHEN v.valid_until < CAST(CAST(:now AS timestamptz) AT TIME ZONE r.timezone AS date) THEN 'expired'
                ELSE 'ended' END
    FROM assistances a LEFT JOIN counters n ON n.id = a.counter_id
    LEFT JOIN volunteers v ON v.id = a.volunteer_id LEFT JOIN regions r ON r.code = v.region WHERE a.id = :id
""")


async def draft_because(connection: AsyncConnection, assistance_id: int, now: datetime) -> str:
    """Why whoever assisted may not go on with a draft, as it is now: closed, revoked, paused or expired; ended where
    nothing of that is so any more."""
    return str((await connection.execute(_BECAUSE, {"id": assistance_id, "now": now})).scalar_one())


async def draft_file(connection: AsyncConnection, contact_id: int, draft: int, file_id: int) -> Any:
    """A stored file of that draft, as `media.handed_out` takes it; None if it has none of that number."""
    if not 0 < file_id < 2**63:
        return None
    parameters = {"id": file_id, "contact_id": contact_id, "draft": draft}
    return (await connection.execute(_DRAFT_FILE, parameters)).one_or_none()


# --- what lies around a pin ----------------------------------------------------------------------------------------

_AROUND = text("""
    SELECT k.ticket, k.title, k.latitude, k.longitude, coalesce(k.region, a.region, :home) AS region
    FROM complaints k LEFT JOIN agencies a ON a.code = k.agency
    WHERE k.latitude BETWEEN :south AND :north AND k.longitude BETWEEN :west AND :east AND k.id <> :id
      AND NOT k.secret AND k.status <> ALL(CAST(:ended AS text[]))
    ORDER BY k.filed_at DESC LIMIT 100
""")
_METRES_A_DEGREE = 111_195.0


@dataclass(frozen=True, slots=True)
class Near:
    """An open report that is not Rahasia, with its pin, its distance in metres, and the region that decides who may
    read it."""

    ticket: str
    title: str
    pin: tuple[float, float]
    metres: float
    region: str


async def around(
    connection: AsyncConnection, complaint_id: int, pin: tuple[float, float], reach: float, home: str
) -> list[Near]:
    """The open reports within so many metres of a pin, the nearest first; `home` is the region of those that tell
    none."""
    latitude, longitude = pin
    high = reach / _METRES_A_DEGREE
    wide = min(180.0, high / max(math.cos(math.radians(latitude)), 0.001))
    box = {"south": latitude - high, "north": latitude + high, "west": longitude - wide, "east": longitude + wide}
    rows = await connection.execute(_AROUND, {**box, "id": complaint_id, "ended": list(moves.ENDED), "home": home})
    found = []
    for row in rows:
        there = (row.latitude, row.longitude)
        if (distance := metres(pin, there)) <= reach:
            found.append(Near(row.ticket, row.title, there, distance, row.region))
    return sorted(found, key=lambda each: (each.metres, each.ticket))
