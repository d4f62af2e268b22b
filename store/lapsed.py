"""Drafts of residents whose volunteer or counter may not go on: where they are open, and whether the desk has any."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# Rather one too many: whoever comes to a chat asks `volunteers.grant_of`.
_CHATS = text("""
    SELECT DISTINCT a.contact_id FROM assistances a JOIN contacts c ON c.id = a.contact_id
    LEFT JOIN volunteers v ON v.id = a.volunteer_id LEFT JOIN counters n ON n.id = a.counter_id
    LEFT JOIN staff z ON z.id = n.staff_id
    WHERE a.outcome IS NULL
      AND (v.revoked_at IS NOT NULL OR v.paused_at IS NOT NULL OR v.valid_until < :today
           OR v.id IS NOT NULL AND c.citizen_id IS DISTINCT FROM v.citizen_id
           OR n.closed_at IS NOT NULL OR n.expires_at <= :now OR z.disabled_at IS NOT NULL)
    ORDER BY a.contact_id LIMIT :most
""")


async def chats(connection: AsyncConnection, *, today: date, now: datetime, most: int) -> list[int]:
    """The ids of at most so many chats in which a draft with consent is open though its grant has ended, is paused, was
    good up to a day before `today`, or is somebody else's since that chat was taken out of a link."""
    found = await connection.execute(_CHATS, {"today": today, "now": now, "most": most})
    return list(found.scalars())


_KEPT = text("SELECT EXISTS (SELECT FROM assistances WHERE saved IS NOT NULL)")


async def any_kept(connection: AsyncConnection) -> bool:
    """Whether any draft waits for an officer."""
    return bool((await connection.execute(_KEPT)).scalar_one())
