"""Reports as they are told outside the house, by Open311: what an office has verified, and to a client what it filed.

A Rahasia report is never among them, not even for whoever filed it. Pins come rounded, and are sought by the rounded
one too: whoever asks with a small circle again and again learns no more than it says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import moves
from store.clocks import SILENCE

# An office has read it and has not put it away. While it waits for the pelapor it may still be no report at all.
VERIFIED = (
    "Terdisposisi",
    *moves.ANSWERS,
    "Ditanggapi oleh Pelapor",
    "Ditutup oleh Sistem",
    "Ditutup oleh Admin",
    "Ditutup oleh Pelapor",
)
# Decimals of a degree: about 110 metres. Enough for a street; people report from where they live.
DECIMALS = 3
# Metres of a degree of latitude.
_DEGREE = 111_195.0


@dataclass(frozen=True, slots=True)
class Circle:
    """Around a point in degrees, with a radius in metres."""

    latitude: float
    longitude: float
    radius: float


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which reports: with these tickets; else filed within two moments (both included), in that region or what lies in
    it, open or closed, with these categories (`others`: or with none of the `known`), within a circle."""

    tickets: Sequence[str] | None = None
    since: datetime | None = None
    until: datetime | None = None
    region: str | None = None
    ended: bool | None = None
    categories: Sequence[str] | None = None
    others: bool = False
    known: Sequence[str] = ()
    circle: Circle | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """A report as it is told. `own`: whoever asks has filed it. `words` are the text without what an operator has
    covered. `name` is the pelapor's, with that of the chat where it has another by now; it is here to be taken out of
    the words, never to be told.

    `answer` is what the agency answered; `said` what any office said to the pelapor last, for the pelapor alone.
    `agency` is the name of the one that has it, `due_at` when it should have answered.
    """

    ticket: str
    status: str
    status_at: datetime
    filed_at: datetime
    changed_at: datetime
    category: str | None
    words: str
    name: str | None
    anonymous: bool
    place: str | None
    region: str | None
    latitude: float | None
    longitude: float | None
    agency: str | None
    answer: str | None
    said: str | None
    due_at: datetime | None
    own: bool

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self.status in moves.ENDED


_OWN = """
    (k.channel = 'open311' AND CAST(:client AS text) IS NOT NULL AND EXISTS (
        SELECT 1 FROM complaint_history f WHERE f.complaint_id = k.id AND f.event = 'filed'
          AND f.actor_kind = 'operator' AND f.actor_id = :client))
"""
_MAY = f"NOT k.secret AND (k.status = ANY(CAST(:statuses AS text[])) OR {_OWN})"
_LATITUDE, _LONGITUDE = (
    f"CAST(round(CAST(k.{name} AS numeric), {DECIMALS}) AS float8)" for name in ("latitude", "longitude")
)
_NARROWED = {
    "tickets": "k.ticket = ANY(CAST(:tickets AS text[]))",
    "since": "k.filed_at >= :since",
    "until": "k.filed_at <= :until",
    "region": "(k.region = :region OR starts_with(k.region, :region || '.'))",
    "ended": "(k.status = ANY(CAST(:ended_statuses AS text[]))) = :ended",
    "categories": """(k.category = ANY(CAST(:categories AS text[]))
        OR (:others AND (k.category IS NULL OR k.category <> ALL(CAST(:known AS text[])))))""",
    "circle": f"""k.latitude BETWEEN :south AND :north AND k.longitude BETWEEN :west AND :east
        AND 2 * 6371000 * asin(least(1, sqrt(
            power(sin(radians({_LATITUDE} - :latitude) / 2), 2) + cos(radians(:latitude)) * cos(radians({_LATITUDE}))
            * power(sin(radians({_LONGITUDE} - :longitude) / 2), 2)))) <= :radius""",
}
_ROWS = f"""
    SELECT k.ticket, k.status, coalesce(became.at, k.filed_at), k.filed_at,
           greatest(k.changed_at, spoken.at), k.category, coalesce(k.masked_text, k.text),
           nullif(concat_ws(' ', c.name, z.name), ''), k.anonymous, k.place, k.region, {_LATITUDE}, {_LONGITUDE},
           CASE WHEN EXISTS (
               SELECT 1 FROM dispositions d WHERE d.complaint_id = k.id AND d.agency = k.agency
                 AND (d.ended_at IS NULL OR d.ended_because = 'closed')
           ) THEN a.name END,
           answer.note, spoken.words, due.at, {_OWN}
    FROM complaints k
    LEFT JOIN agencies a ON a.code = k.agency
    LEFT JOIN contacts c ON c.id = k.contact_id
    LEFT JOIN citizens z ON z.id = k.citizen_id
    LEFT JOIN LATERAL (
        SELECT max(h.at) AS at FROM complaint_history h WHERE h.complaint_id = k.id AND h.became->>'status' = k.status
    ) became ON true
    LEFT JOIN LATERAL (
        SELECT h.note FROM complaint_history h
        WHERE h.complaint_id = k.id AND h.public AND h.actor_kind <> 'citizen' AND h.note IS NOT NULL
          AND h.became->>'status' = ANY(CAST(:answers AS text[]))
        ORDER BY h.id DESC LIMIT 1
    ) answer ON k.status <> 'Terdisposisi'
    LEFT JOIN LATERAL (
        SELECT h.at, coalesce(h.note, nullif(h.reason, :silence)) AS words FROM complaint_history h
        WHERE h.complaint_id = k.id AND h.public AND h.actor_kind <> 'citizen'
          AND (h.note IS NOT NULL OR h.event = 'moved' AND h.reason IS NOT NULL)
        ORDER BY h.id DESC LIMIT 1
    ) spoken ON true
    LEFT JOIN LATERAL (
        SELECT max(x.due_at) AS at FROM clocks x
        WHERE x.complaint_id = k.id AND x.stopped_at IS NULL AND x.kind = 'handle'
    ) due ON true
"""  # noqa: S608 (the clauses above, and no value)


async def read(
    connection: AsyncConnection, client: str | None, wanted: Wanted, *, most: int, skip: int = 0
) -> list[Published]:
    """The reports that are wanted, newest first, at most that many after `skip`: those that an office has verified,
    and those that the client of that name has filed."""
    clauses = [_MAY, *(_NARROWED[name] for name in _NARROWED if getattr(wanted, name) is not None)]
    where = " AND ".join(clauses)
    statement = text(f"{_ROWS} WHERE {where} ORDER BY k.filed_at DESC, k.id DESC LIMIT :most OFFSET :skip")
    parameters = {
        "client": client,
        "statuses": list(VERIFIED),
        "answers": list(moves.ANSWERS),
        "silence": SILENCE,
        "most": most,
        "skip": skip,
        **_parameters(wanted),
    }
    return [Published(*row) for row in await connection.execute(statement, parameters)]


def _parameters(wanted: Wanted) -> Mapping[str, Any]:
    parameters: dict[str, Any] = {
        name: getattr(wanted, name)
        for name in ("since", "until", "region", "ended")
        if getattr(wanted, name) is not None
    }
    if wanted.tickets is not None:
        parameters["tickets"] = list(wanted.tickets)
    if wanted.ended is not None:
        parameters["ended_statuses"] = list(moves.ENDED)
    if wanted.categories is not None:
        parameters |= {"categories": list(wanted.categories), "others": wanted.others, "known": list(wanted.known)}
    if wanted.circle is not None:
        parameters |= _around(wanted.circle)
    return parameters


def _around(circle: Circle) -> Mapping[str, float]:
    """A box that holds the circle, and what a pin may lie beyond it before it is rounded: for the index."""
    high = circle.radius / _DEGREE + 10**-DECIMALS
    wide = min(360.0, high / max(math.cos(math.radians(circle.latitude)), 0.001))
    return {
        "latitude": circle.latitude,
        "longitude": circle.longitude,
        "radius": circle.radius,
        "south": circle.latitude - high,
        "north": circle.latitude + high,
        "west": circle.longitude - wide,
        "east": circle.longitude + wide,
    }
