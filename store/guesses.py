"""Wrong guesses at codes, counted for whoever makes them and never for what is guessed at: nobody can lock out another.

A guesser is a contact of ours, or the digest of a network address. Digests are made by the shell under a key that
changes with the day; this table never sees an address.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

WINDOW = timedelta(hours=1)

# Guesses of one guesser that come at once wait for each other: each is to see what the one before it has added.
_TURN = text("SELECT pg_advisory_xact_lock(hashtextextended('guess ' || :kind || ' ' || :guesser, 0))")
_COUNT = text("SELECT count(*) FROM guesses WHERE kind = :kind AND guesser = :guesser AND at > :since")


async def allowed(connection: AsyncConnection, kind: str, guesser: str, most: int, now: datetime) -> bool:
    """Whether this guesser may try once more: fewer than `most` wrong guesses of this kind within the last hour.

    To be asked before a code is looked at, in the transaction that also counts it, and for right codes too: whoever
    is over the limit must not learn anything.
    """
    await connection.execute(_TURN, {"kind": kind, "guesser": guesser})
    count = await connection.execute(_COUNT, {"kind": kind, "guesser": guesser, "since": now - WINDOW})
    return int(count.scalar_one()) < most


async def wrong(connection: AsyncConnection, kind: str, guesser: str, now: datetime) -> None:
    """Count a wrong guess."""
    statement = text("INSERT INTO guesses (kind, guesser, at) VALUES (:kind, :guesser, :at)")
    await connection.execute(statement, {"kind": kind, "guesser": guesser, "at": now})


_SWEEP = text("""
    DELETE FROM guesses WHERE id IN (SELECT id FROM guesses WHERE at <= :before LIMIT :most FOR UPDATE SKIP LOCKED)
    RETURNING id
""")


async def sweep(connection: AsyncConnection, now: datetime, most: int) -> int:
    """Forget up to `most` guesses that no longer count; returns how many."""
    return len((await connection.execute(_SWEEP, {"before": now - WINDOW, "most": most})).all())
