"""Reports as the desk reads them: what a decision must know of one, and its inbox, lists and searches."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store.complaints import NotFound
from store.policy import Subject


@dataclass(frozen=True, slots=True)
class Found:
    """A complaint's number and version, and what the policy must know of it."""

    id: int
    ticket: str
    version: int
    subject: Subject


_SUBJECT = text("""
    SELECT k.id, k.ticket, k.version, coalesce(k.region, a.region, :home) AS region,
           ARRAY(SELECT d.agency FROM dispositions d WHERE d.complaint_id = k.id AND d.ended_at IS NULL
                 ORDER BY d.agency) AS agencies
    FROM complaints k LEFT JOIN agencies a ON a.code = k.agency WHERE k.ticket = :ticket
""")


async def subject(connection: AsyncConnection, ticket: str, home: str) -> Found:
    """What must be known of a complaint to decide who may do what with it; `home` is the region of those that tell
    none. Raises `NotFound`."""
    row = (await connection.execute(_SUBJECT, {"ticket": ticket, "home": home})).one_or_none()
    if row is None:
        raise NotFound(ticket)
    return Found(row.id, row.ticket, row.version, Subject(row.region, tuple(row.agencies)))
