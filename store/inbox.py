"""Every message that arrived, once. Taking one also locks its sender's chat until the turn commits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that is new, and the chat it belongs to, locked."""

    line_id: int
    contact_id: int
    citizen_id: int | None
    name: str | None
    conversation: Mapping[str, Any] | None


# One statement, so that a repeated message costs one and changes nothing: the contact is touched (and
# locked) only if the message was new. The inbox row comes first in every turn, so no two turns can
# wait for each other.
_TAKE = text("""
    WITH arrived AS (
        INSERT INTO inbox (channel, message_id, address, sequence, payload, received_at)
        VALUES (:channel, :message_id, :address, :sequence, CAST(:payload AS jsonb), :received_at)
        ON CONFLICT (channel, message_id) DO NOTHING
        RETURNING id
    )
    INSERT INTO contacts AS known (channel, address, name, last_message_at)
    SELECT :channel, :address, :name, :received_at FROM arrived
    ON CONFLICT (channel, address) DO UPDATE SET
        name = coalesce(excluded.name, known.name),
        last_message_at = excluded.last_message_at,
        unreachable_since = NULL,
        unreachable_reason = NULL
    RETURNING (SELECT id FROM arrived) AS line_id, id AS contact_id, citizen_id, name, conversation
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
) -> Taken | None:
    """Write the message into the inbox and lock its chat; None if it was there before."""
    row = (
        await connection.execute(
            _TAKE,
            {
                "channel": channel,
                "message_id": message_id,
                "address": address,
                "sequence": sequence,
                "name": name,
                "payload": json.dumps(_storable(payload)),
                "received_at": received_at,
            },
        )
    ).one_or_none()
    return Taken(row.line_id, row.contact_id, row.citizen_id, row.name, row.conversation) if row else None


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
            "payload": json.dumps(_storable(payload)),
            "received_at": received_at,
        },
    )
    return row.one_or_none() is not None


def _storable(value: Any) -> Any:
    """The payload without what PostgreSQL cannot hold: NUL characters and lone surrogates become U+FFFD."""
    if isinstance(value, str):
        if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
            return "".join("\ufffd" if c == "\x00" or "\ud800" <= c <= "\udfff" else c for c in value)
        return value
    if isinstance(value, Mapping):
        return {_storable(str(key)): _storable(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(each) for each in value]
    return value
