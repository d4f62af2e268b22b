"""What a person must look at: calls for a human, alerts, and messages that cannot be delivered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class Matter:
    """One thing to look at. `kind` is danger (detail: which), call_for_human, undeliverable, ...; no complaint text."""

    id: str
    kind: str
    at: datetime
    channel: str | None
    contact_id: int | None
    ticket: str | None
    detail: str | None


_OPEN = text("""
    INSERT INTO attention (kind, contact_id, complaint_id, detail)
    SELECT :kind, :contact_id, :complaint_id, :detail
    WHERE NOT EXISTS (
        SELECT 1 FROM attention WHERE kind = :kind AND contact_id IS NOT DISTINCT FROM :contact_id
          AND complaint_id IS NOT DISTINCT FROM CAST(:complaint_id AS bigint) AND closed_at IS NULL
    )
""")


async def raise_matter(
    connection: AsyncConnection,
    kind: str,
    *,
    contact_id: int | None = None,
    complaint_id: int | None = None,
    detail: str | None = None,
) -> None:
    """Open a matter, unless the same one is open already."""
    parameters = {"kind": kind, "contact_id": contact_id, "complaint_id": complaint_id, "detail": detail}
    await connection.execute(_OPEN, parameters)


_LIST = text("""
    SELECT * FROM (
    SELECT 'a' || a.id AS id, a.kind, a.opened_at AS at, c.channel, a.contact_id,
           coalesce(k.ticket, (SELECT ticket FROM complaints WHERE contact_id = a.contact_id ORDER BY id DESC LIMIT 1))
               AS ticket,
           a.detail
    FROM attention a LEFT JOIN contacts c ON c.id = a.contact_id LEFT JOIN complaints k ON k.id = a.complaint_id
    WHERE a.closed_at IS NULL
    UNION ALL
    SELECT 'd' || d.id, CASE WHEN c.unreachable_since IS NULL THEN 'undeliverable' ELSE 'unreachable' END, d.failed_at,
           d.channel, d.contact_id,
           coalesce(k.ticket, (SELECT ticket FROM complaints WHERE contact_id = d.contact_id ORDER BY id DESC LIMIT 1)),
           d.problem
    FROM deliveries d JOIN contacts c ON c.id = d.contact_id LEFT JOIN complaints k ON k.id = d.complaint_id
    WHERE d.failed_at IS NOT NULL
    UNION ALL
    SELECT 'c' || c.id, 'unreachable', c.unreachable_since, c.channel, c.id,
           (SELECT ticket FROM complaints WHERE contact_id = c.id ORDER BY id DESC LIMIT 1), c.unreachable_reason
    FROM contacts c
    WHERE c.unreachable_since IS NOT NULL AND EXISTS (SELECT 1 FROM complaints WHERE contact_id = c.id)
      AND NOT EXISTS (SELECT 1 FROM deliveries WHERE contact_id = c.id AND failed_at IS NOT NULL)
    UNION ALL
    SELECT 'd' || d.id, 'delayed', d.created_at, d.channel, d.contact_id, k.ticket, d.problem
    FROM deliveries d LEFT JOIN complaints k ON k.id = d.complaint_id
    WHERE d.sent_at IS NULL AND d.failed_at IS NULL AND d.held_at IS NULL
      AND d.created_at < now() - make_interval(mins => 10)
    ) AS matters
    ORDER BY kind <> 'danger', kind <> 'call_for_human', at DESC LIMIT :most
""")


async def matters(connection: AsyncConnection, most: int = 200) -> list[Matter]:
    """The open matters, newest first."""
    return [
        Matter(row.id, row.kind, row.at, row.channel, row.contact_id, row.ticket, row.detail)
        for row in await connection.execute(_LIST, {"most": most})
    ]


_CALLER = text("""
    SELECT c.id, c.channel, c.address, coalesce(c.conversation->>'language', 'id') AS language
    FROM attention a JOIN contacts c ON c.id = a.contact_id
    WHERE a.id = :id AND a.closed_at IS NULL FOR UPDATE OF c
""")


async def caller(connection: AsyncConnection, matter_id: int) -> Any:
    """The contact behind an open matter, locked so that it can be spoken to; None if there is none."""
    return (await connection.execute(_CALLER, {"id": matter_id})).one_or_none()


async def close(connection: AsyncConnection, matter_id: int) -> bool:
    """Close a matter that was raised; False if it is not open."""
    row = await connection.execute(
        text("UPDATE attention SET closed_at = now() WHERE id = :id AND closed_at IS NULL RETURNING id"),
        {"id": matter_id},
    )
    return row.one_or_none() is not None


async def is_open(connection: AsyncConnection, kind: str, complaint_id: int) -> bool:
    """Whether a matter of that kind about that complaint is open."""
    statement = text("""
        SELECT EXISTS (
            SELECT 1 FROM attention WHERE kind = :kind AND complaint_id = :id AND closed_at IS NULL)
    """)
    return bool((await connection.execute(statement, {"kind": kind, "id": complaint_id})).scalar_one())


async def settle(connection: AsyncConnection, kind: str, complaint_id: int | None = None) -> None:
    """Close the matters of that kind about a complaint (None: those about none): nobody need look at them any more."""
    statement = text("""
        UPDATE attention SET closed_at = now()
        WHERE kind = :kind AND complaint_id IS NOT DISTINCT FROM CAST(:id AS bigint) AND closed_at IS NULL
    """)
    await connection.execute(statement, {"kind": kind, "id": complaint_id})
