"""Chats in which we may soon not write any more by ourselves: whose they are, and what waits in them.

Some channels let us answer in our own words for a while after somebody has written (`contacts.window_until`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# Whoever has just been spoken to is not reminded of it.
_QUIET = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Closing:
    """A chat with an open draft, or whose citizen an office waits for (`complaint_id`, its ticket and region): where
    plain words go through until `until`."""

    contact_id: int
    channel: str
    address: str
    conversation: Mapping[str, Any] | None
    until: datetime
    complaint_id: int | None
    ticket: str | None
    region: str | None


# Reads through all contacts, as in store/contacts.py: an index on what every turn changes would cost every turn.
_CLOSING = text("""
    SELECT c.id, c.channel, c.address, c.conversation, c.window_until, waits.id, waits.ticket, waits.region
    FROM contacts c LEFT JOIN LATERAL (
        SELECT k.id, k.ticket, k.region FROM complaint_parties p JOIN complaints k ON k.id = p.complaint_id
        WHERE p.contact_id = c.id AND p.role = 'pelapor' AND k.status = 'Menunggu Kelengkapan Informasi'
        ORDER BY k.id DESC LIMIT 1
    ) waits ON true
    WHERE c.window_until > :now AND c.window_until <= :until AND (CAST(:only AS bigint) IS NULL OR c.id = :only)
      AND c.merged_into IS NULL AND c.unreachable_since IS NULL
      AND (c.reminded_at IS NULL OR c.reminded_at < c.last_message_at)
      AND ((c.conversation -> 'draft'::text) <> 'null'::jsonb OR waits.id IS NOT NULL)
      -- What cannot go out now would come too late to be true.
      AND NOT EXISTS (SELECT FROM channel_health h WHERE h.channel = c.channel AND h.ails IS NOT NULL)
      AND NOT EXISTS (SELECT FROM deliveries d WHERE d.contact_id = c.id AND d.failed_at IS NULL
                      AND (d.sent_at IS NULL OR d.sent_at > :quiet))
    ORDER BY c.window_until, c.id LIMIT :most
""")
_REMINDED = text("UPDATE contacts SET reminded_at = :now WHERE id = :contact_id")
_FORGET = text("""
    DELETE FROM deliveries d USING contacts c
    WHERE c.id = d.contact_id AND d.sent_at IS NULL AND d.failed_at IS NULL
      AND d.says -> 0 ->> 0 = ANY(CAST(:keys AS text[])) AND (d.held_at IS NOT NULL OR c.window_until <= :now)
      AND (d.leased_until IS NULL OR d.leased_until < clock_timestamp())
""")


async def closing(
    connection: AsyncConnection, now: datetime, until: datetime, *, most: int, only: int | None = None
) -> list[Closing]:
    """The chats whose window closes by then, the next first: those of them in which something waits for the citizen,
    who has not been reminded since they wrote, and to whom nothing was said within an hour or is about to be."""
    parameters = {"now": now, "until": until, "quiet": now - _QUIET, "only": only, "most": most}
    return [Closing(*row) for row in await connection.execute(_CLOSING, parameters)]


async def reminded(connection: AsyncConnection, contact_id: int, now: datetime) -> None:
    """Remember that this chat's citizen has been reminded. The contact's row must be locked by this transaction."""
    await connection.execute(_REMINDED, {"contact_id": contact_id, "now": now})


async def forget(connection: AsyncConnection, now: datetime, keys: tuple[str, ...]) -> int:
    """Take back the reminders (messages that begin with one of these texts) that were not said in time; returns how
    many."""
    return (await connection.execute(_FORGET, {"now": now, "keys": list(keys)})).rowcount
