"""Every message that arrived, once. Taking one also locks its sender's chat until the turn commits."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import deliveries
from store.statement import Statement


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that is new, and the chat it belongs to, locked."""

    line_id: int
    contact_id: int
    citizen_id: int | None
    name: str | None
    conversation: Mapping[str, Any] | None
    # The chat has become part of another one between the look and the lock.
    merged: bool = False
    # How much that waited for this message is due now.
    released: int = 0
    # The service counter at which this chat is, if it is one resident's chat at a counter.
    counter_id: int | None = None


# One statement, so that a repeated message costs one and changes nothing: the contact is touched (and
# locked) only if the message was new. The inbox row comes first in every turn, so no two turns can
# wait for each other; locking the chat first would let them, while the contact does not exist yet.
_TAKE = Statement("""
    WITH arrived AS (
        INSERT INTO inbox (channel, message_id, address, sequence, payload, received_at)
        VALUES (:channel, :message_id, :address, :sequence, CAST(:payload AS jsonb), :received_at)
        ON CONFLICT (channel, message_id) DO NOTHING
        RETURNING id
    ), revived AS (
        -- Whoever was out of reach and writes again gets what could not be delivered meanwhile.
        UPDATE deliveries SET failed_at = NULL, due_at = clock_timestamp(), attempts = 0, problem = NULL
        FROM contacts
        WHERE contacts.channel = :channel AND contacts.address = :address AND contacts.unreachable_since IS NOT NULL
          AND deliveries.contact_id = contacts.id AND deliveries.failed_at IS NOT NULL
          AND CAST(:written AS boolean) AND EXISTS (SELECT 1 FROM arrived)
    )
    INSERT INTO contacts AS known (channel, address, name, last_message_at)
    SELECT :channel, :address, :name, :received_at FROM arrived
    ON CONFLICT (channel, address) DO UPDATE SET
        name = coalesce(excluded.name, known.name),
        last_message_at = CASE WHEN CAST(:written AS boolean) THEN excluded.last_message_at
                               ELSE known.last_message_at END,
        unreachable_since = CASE WHEN CAST(:written AS boolean) THEN NULL ELSE known.unreachable_since END,
        unreachable_reason = CASE WHEN CAST(:written AS boolean) THEN NULL ELSE known.unreachable_reason END
    RETURNING (SELECT id FROM arrived) AS line_id, id AS contact_id, citizen_id, name, conversation,
        merged_into IS NOT NULL AS merged, counter_id
""")


async def take(
    connection: AsyncConnection,
    *,
    channel: str,
    message_id: str,
    address: str,
    sequence: int,
    name: str | None,
    payload: Mapping[str, Any],
    received_at: datetime,
    window_until: datetime | None = None,
    written: bool = True,
) -> Taken | None:
    """Write the message into the inbox and lock its chat; None if it was there before. With `window_until`, until when
    it lets us answer in our own words, what waited for it is due. Where nobody has `written` it just now (a machine
    tells what was in a file), the citizen counts as silent as before."""
    row = await _TAKE.row(
        connection,
        {
            "channel": channel,
            "message_id": message_id,
            "address": address,
            "sequence": sequence,
            "name": name,
            "payload": _json(payload),
            "received_at": received_at,
            "written": written,
        },
    )
    if row is None:
        return None
    released = 0
    if window_until is not None and not row.merged:
        released = await deliveries.open_window(connection, row.contact_id, window_until)
    return Taken(
        row.line_id, row.contact_id, row.citizen_id, row.name, row.conversation, row.merged, released, row.counter_id
    )


_LINE = text("""
    SELECT id FROM inbox WHERE channel = :channel AND message_id = :message_id
      AND (CAST(:address AS text) IS NULL OR address = :address)
""")


async def line_of(connection: AsyncConnection, channel: str, message_id: str, address: str | None = None) -> int | None:
    """The number of a message's line, where that message is here (and in the chat of that address); else None."""
    parameters = {"channel": channel, "message_id": message_id, "address": address}
    found = (await connection.execute(_LINE, parameters)).scalar_one_or_none()
    return None if found is None else int(found)


_KEEP = text("""
    INSERT INTO inbox (channel, message_id, address, payload, received_at)
    VALUES (:channel, :message_id, :address, CAST(:payload AS jsonb), :received_at)
    ON CONFLICT (channel, message_id) DO NOTHING
    RETURNING id
""")


async def keep(
    connection: AsyncConnection, *, channel: str, message_id: str, payload: Any, received_at: datetime
) -> bool:
    """Keep a payload that belongs to no chat we can name; False if it was there before."""
    row = await connection.execute(
        _KEEP,
        {
            "channel": channel,
            "message_id": message_id,
            "address": None,
            "payload": _json(payload),
            "received_at": received_at,
        },
    )
    return row.one_or_none() is not None


# A message is known by its name for as long as its provider may send it again. The name may hold a telephone number.
_FORGET = text("""
    UPDATE inbox SET payload = '{}', sequence = NULL,
        message_id = CASE WHEN received_at < :repeated THEN 'gone:' || id ELSE message_id END
    WHERE id IN (
        SELECT id FROM inbox
        WHERE address IS NULL AND message_id NOT LIKE 'gone:%'
          AND (received_at < :before AND payload <> '{}' OR received_at < :repeated AND payload = '{}')
        ORDER BY received_at LIMIT :most FOR UPDATE SKIP LOCKED)
""")


async def forget(connection: AsyncConnection, before: datetime, repeated: datetime, most: int) -> int:
    """Forget what was kept until `before` and belongs to no chat; and how messages without words were called that came
    until `repeated`, before which no provider repeats anything. At most so many; returns how many."""
    parameters = {"before": before, "repeated": repeated, "most": most}
    return (await connection.execute(_FORGET, parameters)).rowcount


# What PostgreSQL cannot hold, as JSON spells it: a NUL, half a surrogate pair. An escaped backslash and a
# whole pair are matched first, so that they are passed over.
_UNSTORABLE = re.compile(r"\\\\|\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|(?P<bad>\\u0000|\\ud[89a-f][0-9a-f]{2})")


def _json(payload: Any) -> str:
    """The payload as JSON that PostgreSQL can hold: U+FFFD for characters and null for numbers that it cannot.

    Works on the written form, without a recursion of its own: a payload may be nested as deep as JSON is read.
    """
    try:
        written = json.dumps(payload, allow_nan=False)
    except ValueError:
        written = json.dumps(json.loads(json.dumps(payload), parse_constant=lambda _name: None))
    return _UNSTORABLE.sub(lambda found: r"\ufffd" if found["bad"] else found[0], written)
