"""Wrong guesses count for whoever made them, within an hour, and for nobody else."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from making import value
from sqlalchemy.ext.asyncio import AsyncEngine

from store import guesses

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


async def guess(engine: AsyncEngine, guesser: str, at: datetime = NOW, kind: str = "receipt", most: int = 3) -> bool:
    """One wrong guess; whether it was allowed."""
    async with engine.begin() as connection:
        if not await guesses.allowed(connection, kind, guesser, most, at):
            return False
        await guesses.wrong(connection, kind, guesser, at)
        return True


async def test_after_the_last_one_nothing_is_looked_at_until_the_first_is_an_hour_old(engine: AsyncEngine) -> None:
    minutes = [0, 10, 20]
    assert [await guess(engine, "a", NOW + timedelta(minutes=m)) for m in minutes] == [True, True, True]
    assert not await guess(engine, "a", NOW + timedelta(minutes=59))
    assert await guess(engine, "a", NOW + timedelta(minutes=60))
    assert not await guess(engine, "a", NOW + timedelta(minutes=61))


async def test_one_guesser_takes_nothing_from_another_nor_from_another_kind(engine: AsyncEngine) -> None:
    for _ in range(4):
        await guess(engine, "a")
    assert not await guess(engine, "a")
    assert await guess(engine, "b")
    assert await guess(engine, "a", kind="carryover")


async def test_guesses_that_come_at_once_are_not_more(engine: AsyncEngine) -> None:
    allowed = await asyncio.gather(*(guess(engine, "a") for _ in range(8)))
    assert sum(allowed) == 3
    assert await value(engine, "SELECT count(*) FROM guesses") == 3


async def test_a_question_without_a_wrong_guess_costs_nothing(engine: AsyncEngine) -> None:
    for _ in range(5):
        async with engine.begin() as connection:
            assert await guesses.allowed(connection, "receipt", "a", 1, NOW)


async def test_what_no_longer_counts_is_swept_in_batches(engine: AsyncEngine) -> None:
    for minute in (0, 1, 2, 50):
        await guess(engine, "a", NOW + timedelta(minutes=minute), most=99)
    later = NOW + timedelta(minutes=70)
    swept = []
    for _ in range(3):
        async with engine.begin() as connection:
            swept.append(await guesses.sweep(connection, later, 2))
    assert swept == [2, 1, 0]
    assert await value(engine, "SELECT at FROM guesses") == NOW + timedelta(minutes=50)
