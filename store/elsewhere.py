"""The other chats of a citizen whose message cannot be said where it was meant to be.

What an office says is understood anywhere; a reply belongs to the conversation in its chat and stays there.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# Of the delivery `d` in the chat `c`.
OTHERS = """
    SELECT o.id, o.channel, o.window_until, o.last_message_at FROM contacts o
    WHERE o.citizen_id = c.citizen_id AND o.id <> c.id AND o.unreachable_since IS NULL AND o.merged_into IS NULL
      AND o.route IS DISTINCT FROM '' AND d.asks IS NULL
"""
# Before the end of a window we say nothing in our own words any more: a message takes its time to get there.
MARGIN_SECONDS = 60.0


_OPEN = text(f"""
    SELECT d.id, (
        SELECT o.id FROM ({OTHERS}) o
        WHERE o.channel <> d.channel AND o.channel <> ALL(CAST(:silent AS text[]))
          AND NOT EXISTS (SELECT FROM channel_health h WHERE h.channel = o.channel AND h.ails IS NOT NULL)
          AND (o.window_until IS NULL OR o.window_until > clock_timestamp() + make_interval(secs => :margin))
        ORDER BY o.last_message_at DESC NULLS LAST, o.id DESC LIMIT 1) AS other
    FROM deliveries d JOIN contacts c ON c.id = d.contact_id WHERE d.id = ANY(CAST(:ids AS bigint[]))
""")  # noqa: S608 -- ours, above


async def find_open(connection: AsyncConnection, ids: Sequence[int], silent: Collection[str]) -> dict[int, int]:
    """For these deliveries, the chat on another channel where the same citizen can be told the same at once: the one
    they wrote in last. Those without any are left out. `silent` are channels that call nobody."""
    if not ids:
        return {}
    parameters = {"ids": list(ids), "silent": sorted(silent), "margin": MARGIN_SECONDS}
    rows = await connection.execute(_OPEN, parameters)
    return {row.id: row.other for row in rows if row.other is not None}


_FREE = text("SELECT id FROM contacts WHERE id = ANY(CAST(:ids AS bigint[])) FOR NO KEY UPDATE SKIP LOCKED")
_LOCK = text("SELECT id FROM contacts WHERE id = ANY(CAST(:ids AS bigint[])) ORDER BY id FOR NO KEY UPDATE")


async def lock_free(connection: AsyncConnection, contacts: Collection[int]) -> set[int]:
    """Lock those of these chats that nobody else works on just now, and wait for none; returns them."""
    if not contacts:
        return set()
    return {row.id for row in await connection.execute(_FREE, {"ids": sorted(contacts)})}


async def lock_all(connection: AsyncConnection, contacts: Collection[int]) -> None:
    """Lock these chats, in the order of their ids."""
    await connection.execute(_LOCK, {"ids": sorted(contacts)})


# It takes a new place in the order of its chat: pages of chats never look back behind a line that they have shown.
_MOVE = text("""
    UPDATE deliveries d SET id = nextval('line_ids'), contact_id = c.id, channel = c.channel, address = c.address,
        due_at = clock_timestamp(), failed_at = NULL, held_at = NULL, problem = NULL, leased_until = NULL,
        claimed_at = NULL, attempts = 0, reopened = 0, refused = NULL
    FROM contacts c
    WHERE d.id = :id AND c.id = :contact_id AND (d.failed_at IS NOT NULL OR d.held_at IS NOT NULL) RETURNING d.id
""")


async def move(connection: AsyncConnection, delivery_id: int, contact_id: int) -> bool:
    """Let a message that has failed or waits be said anew, at the end of this chat, which is locked. False where it
    neither fails nor waits any more."""
    parameters = {"id": delivery_id, "contact_id": contact_id}
    return (await connection.execute(_MOVE, parameters)).scalar_one_or_none() is not None
