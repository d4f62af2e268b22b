"""Service counters (MPP): an officer's account that assists residents on one tablet, in a chat of each resident's own.

A counter is opened for some hours under a random token, of which only the digest is kept. It ends when it is closed,
when its time is over, or when its account may not serve any more. Behind a resident's chat there is nobody once the
resident has gone: it is emptied, and never spoken to again.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import assistances, rights, staff
from store.volunteers import MAY_SERVE, SERVING

CHANNEL = "webchat"
CLOSED = "counter_closed"


@dataclass(frozen=True, slots=True)
class Counter:
    """An open counter: whose account it is, what it is called, where it stands (Kemendagri code), until when."""

    id: int
    staff_id: int
    name: str
    region: str
    expires_at: datetime


_OPEN = text("""
    INSERT INTO counters (staff_id, name, region, token_sha256, opened_at, expires_at)
    VALUES (:staff_id, :name, :region, :digest, :now, :until)
""")


async def open(  # noqa: A001 -- counters.open is what it is called
    connection: AsyncConnection, *, staff_id: int, name: str, region: str, now: datetime, hours: float = 12
) -> str:
    """Open a counter for so many hours; returns its token, which is kept nowhere. Others of the account stay open."""
    token = secrets.token_urlsafe(32)
    parameters = {
        "staff_id": staff_id,
        "name": name,
        "region": region,
        "digest": staff.digest(token),
        "now": now,
        "until": now + timedelta(hours=hours),
    }
    await connection.execute(_OPEN, parameters)
    return token


_CURRENT = text(f"""
    SELECT n.id, n.staff_id, n.name, n.region, n.expires_at FROM counters n
    WHERE n.token_sha256 = :digest AND n.closed_at IS NULL AND n.expires_at > :now AND {MAY_SERVE}
""")  # noqa: S608 (the clause of the rule, and no value)


async def current(connection: AsyncConnection, token: str, now: datetime) -> Counter | None:
    """The counter of that token; None where there is none, where it has ended, or where its account is disabled or
    holds no grant to serve at counters any more."""
    parameters = {"digest": staff.digest(token), "now": now, "serving": SERVING}
    row = (await connection.execute(_CURRENT, parameters)).one_or_none()
    return None if row is None else Counter(*row)


_CLOSE = text("UPDATE counters SET closed_at = coalesce(closed_at, :now) WHERE id = :id")
_ITS_CHATS = text("""
    SELECT id FROM contacts WHERE counter_id = :id AND unreachable_reason IS DISTINCT FROM :closed ORDER BY id
""")


async def close(connection: AsyncConnection, counter_id: int, now: datetime) -> None:
    """Close a counter, with the chats that are open there, in the order of their ids."""
    chats = await connection.execute(_ITS_CHATS, {"id": counter_id, "closed": CLOSED})
    for contact_id in chats.scalars().all():
        await _empty(connection, contact_id, now)
    await connection.execute(_CLOSE, {"id": counter_id, "now": now})


_NEW_CHAT = text("""
    INSERT INTO contacts (channel, address, counter_id) VALUES (:channel, :address, :counter_id) RETURNING id
""")


async def new_chat(connection: AsyncConnection, counter_id: int, *, address: str) -> int:
    """A chat for one resident at a counter, on the page of the chat, under an address that nobody has; returns its
    contact's id."""
    parameters = {"channel": CHANNEL, "address": address, "counter_id": counter_id}
    return int((await connection.execute(_NEW_CHAT, parameters)).scalar_one())


async def close_chat(connection: AsyncConnection, contact_id: int, now: datetime | None = None) -> None:
    """The resident has gone: nothing that was said in this chat of a counter is kept, drafts that were not filed or
    given to the desk are dropped with their files, and nothing is said there any more. `now` is the moment of that
    (None: of this transaction). Does nothing to other chats. To be done again without harm."""
    moment = now or (await connection.execute(text("SELECT now()"))).scalar_one()
    await _empty(connection, contact_id, moment)


_LOCK = text("SELECT id FROM contacts WHERE id = :id AND counter_id IS NOT NULL FOR UPDATE")
# The count of drafts stays, since (chat, number) is one assistance.
_EMPTY = text("""
    UPDATE contacts SET
        name = NULL, unreachable_since = coalesce(unreachable_since, :now), unreachable_reason = :closed,
        conversation = CASE WHEN conversation IS NOT NULL THEN jsonb_build_object(
            'language', coalesce(conversation->'language', '"id"'), 'drafts', coalesce(conversation->'drafts', '0')) END
    WHERE id = :id
""")
_UNSAID = text("DELETE FROM deliveries WHERE contact_id = :id AND sent_at IS NULL AND claimed_at IS NULL")
_DROP_FILES = text("""
    UPDATE media m SET draft = NULL, taken_at_place = NULL
    WHERE m.contact_id = :id AND m.complaint_id IS NULL AND NOT EXISTS (
        SELECT FROM assistances a WHERE a.contact_id = m.contact_id AND a.draft = m.draft AND a.saved IS NOT NULL)
""")


async def _empty(connection: AsyncConnection, contact_id: int, now: datetime) -> None:
    of_chat = {"id": contact_id}
    if (await connection.execute(_LOCK, of_chat)).one_or_none() is None:
        return
    await assistances.drop_open(connection, contact_id, now)
    for statement in (_DROP_FILES, _UNSAID):
        await connection.execute(statement, of_chat)
    await rights.forget_words(connection, contact_id)
    await connection.execute(_EMPTY, {**of_chat, "now": now, "closed": CLOSED})
