"""Requests of other systems that are done once, however often they are sent: by a client, under a key of its own.

What is done is remembered in the transaction that does it: `lock`, then `seen`, and where that has nothing, do it and
`remember`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:client || chr(10) || :key, 0))")
_SEEN = text("""
    SELECT request_sha256 AS digest, ticket FROM idempotency_keys
    WHERE client = :client AND key = :key
      AND (CAST(:within AS interval) IS NULL OR created_at > now() - CAST(:within AS interval))
""")
_REMEMBER = text("""
    INSERT INTO idempotency_keys (client, key, request_sha256, ticket) VALUES (:client, :key, :digest, :ticket)
    ON CONFLICT (client, key) DO UPDATE
    SET request_sha256 = excluded.request_sha256, ticket = excluded.ticket, created_at = now()
""")


@dataclass(frozen=True, slots=True)
class Done:
    """A request that was done: the digest (hex) of what it held, and the ticket of the complaint that it was about."""

    digest: str
    ticket: str


async def lock(connection: AsyncConnection, client: str, key: str) -> None:
    """Have requests of that client under that key wait for each other, until the end of the transaction: before any of
    them does anything."""
    await connection.execute(_LOCK, {"client": client, "key": key})


async def seen(connection: AsyncConnection, client: str, key: str, within: timedelta | None = None) -> Done | None:
    """What was done under that key, if it was: at any time, or `within` so long before now."""
    row = (await connection.execute(_SEEN, {"client": client, "key": key, "within": within})).one_or_none()
    return None if row is None else Done(row.digest, row.ticket)


async def remember(connection: AsyncConnection, client: str, key: str, done: Done) -> None:
    """That was done under that key now. What was too long ago to count is forgotten for it."""
    await connection.execute(_REMEMBER, {"client": client, "key": key, "digest": done.digest, "ticket": done.ticket})
