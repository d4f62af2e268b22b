"""Where people can be reached, and what is remembered of the chat with them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store.statement import Statement

_REMEMBER = Statement("UPDATE contacts SET conversation = CAST(:conversation AS jsonb) WHERE id = :contact_id")


async def remember(connection: AsyncConnection, contact_id: int, conversation: Mapping[str, Any]) -> None:
    """Save the conversation of a chat that this transaction has locked."""
    await _REMEMBER.run(connection, {"contact_id": contact_id, "conversation": json.dumps(conversation)})


_BECOME_CITIZEN = Statement("""
    WITH person AS (INSERT INTO citizens (name, language) VALUES (:name, :language) RETURNING id)
    UPDATE contacts SET citizen_id = person.id FROM person WHERE contacts.id = :contact_id
    RETURNING citizen_id
""")


async def become_citizen(connection: AsyncConnection, contact_id: int, name: str | None, language: str) -> int:
    """Make the person behind a contact a citizen of ours; returns the citizen's id."""
    parameters = {"contact_id": contact_id, "name": name, "language": language}
    return int((await _BECOME_CITIZEN.row(connection, parameters)).citizen_id)


async def new_citizen(connection: AsyncConnection, name: str | None) -> int:
    """A citizen who has no chat with us: somebody filed for them (None: without a name). Returns the citizen's id."""
    statement = text("INSERT INTO citizens (name) VALUES (:name) RETURNING id")
    return int((await connection.execute(statement, {"name": name})).scalar_one())


_UNREACHABLE = text("""
    UPDATE contacts SET unreachable_since = now(), unreachable_reason = :reason
    WHERE id = :contact_id AND unreachable_since IS NULL
""")


async def lose(connection: AsyncConnection, contact_id: int, reason: str) -> None:
    """Remember that this contact cannot be reached any more; a message from there undoes it."""
    await connection.execute(_UNREACHABLE, {"contact_id": contact_id, "reason": reason})


# Reads through all contacts, four times an hour: an index on what every turn changes would cost every turn.
_UNTOUCHED = text("""
    SELECT id FROM contacts
    WHERE ((conversation -> 'draft'::text) <> 'null'::jsonb OR (conversation -> 'parked'::text) <> '[]'::jsonb)
      AND last_message_at < :before
      AND coalesce(CAST(conversation ->> 'warned_at' AS float8), 0) <= :warned
    ORDER BY last_message_at LIMIT :most
""")


async def drafts_untouched(connection: AsyncConnection, before: datetime, warned: datetime, most: int) -> list[int]:
    """The contacts with an open or parked draft that have not written since `before`, the longest silent first; of
    those who were told that it ends, only who was told until `warned`."""
    parameters = {"before": before, "warned": warned.timestamp(), "most": most}
    rows = await connection.execute(_UNTOUCHED, parameters)
    return [row.id for row in rows]


_LOCK = text("SELECT id, channel, address, citizen_id, conversation FROM contacts WHERE id = :id FOR NO KEY UPDATE")


async def lock(connection: AsyncConnection, contact_id: int) -> Any:
    """One contact, locked so that it can be spoken to; None if there is none."""
    return (await connection.execute(_LOCK, {"id": contact_id})).one_or_none()
