"""How long somebody must wait who guessed wrong too often: several counts of store/guesses.py, asked as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import guesses


@dataclass(frozen=True, slots=True)
class Count:
    """A kind of guess, whose guesses are counted, and how many wrong ones an hour may have."""

    kind: str
    guesser: str
    most: int


# The guess with which the limit was reached: once it is out of the window, one more is allowed.
_REACHED = text("""
    SELECT at FROM guesses WHERE kind = :kind AND guesser = :guesser AND at > :since
    ORDER BY at DESC OFFSET :most - 1 LIMIT 1
""")


async def until(connection: AsyncConnection, counts: Sequence[Count], now: datetime) -> datetime | None:
    """When one more guess is allowed by all counts; None: now. To be asked in the transaction that also counts it.

    Always in the same order of kinds: those who guess at once wait for each other.
    """
    latest: datetime | None = None
    for each in counts:
        if await guesses.allowed(connection, each.kind, each.guesser, each.most, now):
            continue
        parameters = {"kind": each.kind, "guesser": each.guesser, "most": each.most, "since": now - guesses.WINDOW}
        reached: datetime = (await connection.execute(_REACHED, parameters)).scalar_one()
        latest = max(latest or now, reached + guesses.WINDOW)
    return latest


async def wrong(connection: AsyncConnection, counts: Sequence[Count], now: datetime) -> None:
    """Count a wrong guess."""
    for each in counts:
        await guesses.wrong(connection, each.kind, each.guesser, now)
