"""One resident after another at a service counter: whose chat is on the tablet, and what was filed there last.

A sitting is the chat of one resident at one counter (store/counters.py), from "next resident" until the screen is
emptied. Nobody comes back to it: after some silence it is over, whether somebody has emptied the screen or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store.counters import CHANNEL, CLOSED
from store.deliveries import RECEIPT

# Counters are open for hours: of one that has been over for so long nothing is left to end.
_LOOKED_BACK = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Sitting:
    """The chat of one resident at a counter, what is remembered of it, and when there was a sign of life there."""

    contact_id: int
    conversation: Mapping[str, Any] | None
    seen_at: datetime


_SEEN_AT = "greatest(c.created_at, c.last_message_at)"
_OF = text(f"""
    SELECT c.id, c.conversation, {_SEEN_AT} AS seen_at FROM contacts c
    WHERE c.channel = :channel AND c.address = :address AND c.counter_id = :counter_id
      AND c.unreachable_reason IS DISTINCT FROM :closed
""")  # noqa: S608 (the clause above, and no value)


async def of(connection: AsyncConnection, counter_id: int, address: str) -> Sitting | None:
    """The chat of that address at that counter, while its screen is not emptied, also after a silence; else None."""
    parameters = {"channel": CHANNEL, "address": address, "counter_id": counter_id, "closed": CLOSED}
    row = (await connection.execute(_OF, parameters)).one_or_none()
    return None if row is None else Sitting(*row)


_SIGN = text("UPDATE contacts SET last_message_at = :now WHERE id = :id AND counter_id IS NOT NULL")


async def sign_of_life(connection: AsyncConnection, contact_id: int, now: datetime) -> None:
    """Somebody has touched the tablet: reading aloud takes longer than writing."""
    await connection.execute(_SIGN, {"id": contact_id, "now": now})


_SILENT = text(f"""
    SELECT c.id FROM counters n JOIN contacts c ON c.counter_id = n.id
    WHERE n.expires_at > :looked_back AND c.unreachable_reason IS DISTINCT FROM :closed AND {_SEEN_AT} <= :before
    ORDER BY c.id
""")  # noqa: S608 (the clause above, and no value)


async def silent(connection: AsyncConnection, before: datetime) -> list[int]:
    """The chats at all counters, closed ones too, that nobody has emptied and that were silent since that moment, by
    the id of their contact."""
    parameters = {"looked_back": before - _LOOKED_BACK, "closed": CLOSED, "before": before}
    return list((await connection.execute(_SILENT, parameters)).scalars())


_AT = text("""
    SELECT id FROM contacts WHERE counter_id = :counter_id AND unreachable_reason IS DISTINCT FROM :closed ORDER BY id
""")


async def at(connection: AsyncConnection, counter_id: int) -> list[int]:
    """The chats at a counter that nobody has emptied, by the id of their contact."""
    return list((await connection.execute(_AT, {"counter_id": counter_id, "closed": CLOSED})).scalars())


# --- counters of an officer --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Open:
    """A counter that an officer has open: what it is called, its region, since when and until when."""

    id: int
    name: str
    region: str
    opened_at: datetime
    expires_at: datetime


_OPEN = text("""
    SELECT id, name, region, opened_at, expires_at FROM counters
    WHERE staff_id = :staff_id AND closed_at IS NULL AND expires_at > :now ORDER BY id
""")
_BEFORE = text("SELECT name, region FROM counters WHERE staff_id = :staff_id ORDER BY id DESC LIMIT 1")


async def open_of(connection: AsyncConnection, staff_id: int, now: datetime) -> Sequence[Open]:
    """The open counters of an officer, the oldest first."""
    return [Open(*row) for row in await connection.execute(_OPEN, {"staff_id": staff_id, "now": now})]


async def opened_before(connection: AsyncConnection, staff_id: int) -> tuple[str, str] | None:
    """The name and the region of the counter that this officer has opened last; None where there was none."""
    row = (await connection.execute(_BEFORE, {"staff_id": staff_id})).one_or_none()
    return None if row is None else (row.name, row.region)


# --- the receipt -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Filed:
    """The receipt that was said last in a chat: its parameters (`ticket`, `code`, `takeover`, `until`), and of the
    report when it was filed and in which region (None where it is Rahasia or not known)."""

    says: Mapping[str, Any]
    filed_at: datetime
    region: str | None


# At a counter the chat is one resident's. In the chat of a volunteer the receipt must be what was said last: whoever
# writes on has come to somebody else.
_FILED = text("""
    SELECT each.say->1 AS says, k.filed_at, CASE WHEN k.secret THEN NULL ELSE k.region END AS region
    FROM contacts c
    JOIN deliveries d ON d.contact_id = c.id AND d.sent_at IS NOT NULL AND d.id > c.shown_after
    CROSS JOIN jsonb_array_elements(d.says) WITH ORDINALITY AS each (say, at)
    JOIN complaints k ON k.ticket = each.say->1->>'ticket'
    WHERE c.channel = :channel AND c.address = :address AND each.say->>0 = :receipt
      AND c.unreachable_reason IS DISTINCT FROM :closed
      AND (c.counter_id IS NOT NULL OR NOT EXISTS (
          SELECT FROM inbox i WHERE i.channel = c.channel AND i.address = c.address AND i.id > d.id))
    ORDER BY d.id DESC, each.at DESC LIMIT 1
""")


async def filed(connection: AsyncConnection, address: str) -> Filed | None:
    """The receipt of what was filed last for a resident in this chat of the chat page; None where there is none to be
    shown any more."""
    parameters = {"channel": CHANNEL, "address": address, "receipt": RECEIPT, "closed": CLOSED}
    row = (await connection.execute(_FILED, parameters)).one_or_none()
    return None if row is None else Filed(row.says, row.filed_at, row.region)


_CLEARED = text("SELECT shown_after FROM contacts WHERE channel = :channel AND address = :address")


async def cleared(connection: AsyncConnection, channel: str, address: str) -> int:
    """The line up to which a chat is not shown any more; 0 where all of it is."""
    parameters = {"channel": channel, "address": address}
    return int((await connection.execute(_CLEARED, parameters)).scalar_one_or_none() or 0)
