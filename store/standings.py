"""How complaints stand in other systems, as the desk reads it: each reference with what was told of it there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import references
from store.references import Reference


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that another system has told: when it was there (None: it does not say) and when we heard of it, the
    status in its own words, what was said to the pelapor, and by whom."""

    at: datetime | None
    heard_at: datetime
    raw_status: str | None
    words: str | None
    by: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """A complaint in another system. `connection` is the name and `kind` the kind of the connection that leads there,
    None where there is none any more; `entries` begin with the oldest."""

    reference: Reference
    connection: str | None
    kind: str | None
    entries: tuple[Entry, ...]


_TOLD = text("""
    SELECT r.id, c.name, c.kind,
           (SELECT jsonb_agg(jsonb_build_array(e.at, e.heard_at, e.raw_status, e.words, e.by)
                             ORDER BY coalesce(e.at, e.heard_at), e.heard_at, e.key)
            FROM reference_entries e WHERE e.reference_id = r.id) AS entries
    FROM complaint_references r LEFT JOIN connections c ON c.id = r.connection_id
    WHERE r.complaint_id = :complaint_id
""")


async def of_complaint(connection: AsyncConnection, complaint_id: int) -> list[Standing]:
    """How a complaint stands in other systems, the oldest reference first."""
    known = await references.of_complaint(connection, complaint_id)
    if not known:
        return []
    told = {row.id: row for row in await connection.execute(_TOLD, {"complaint_id": complaint_id})}
    found = []
    for each in known:
        row = told[each.id]
        found.append(Standing(each, row.name, row.kind, tuple(_entry(*entry) for entry in row.entries or ())))
    return found


def _entry(at: str | None, heard_at: str, raw_status: str | None, words: str | None, by: str | None) -> Entry:
    return Entry(datetime.fromisoformat(at) if at else None, datetime.fromisoformat(heard_at), raw_status, words, by)


_TICKETS = text("""
    SELECT DISTINCT k.ticket FROM complaint_references r JOIN complaints k ON k.id = r.complaint_id
    WHERE r.external_id = :number ORDER BY k.ticket
""")


async def tickets_of(connection: AsyncConnection, number: str) -> list[str]:
    """The tickets of the complaints that have this number in any other system."""
    return [str(ticket) for ticket in (await connection.execute(_TICKETS, {"number": number})).scalars()]
