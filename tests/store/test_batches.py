"""Batches: what is taken back never runs, and a run that is cut off at any point does everything once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from desking import officer
from sqlalchemy.ext.asyncio import AsyncEngine

from store import batches, tickets
from store.batches import MOST, WAITS, Item

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
LATER = NOW + WAITS


async def begun(engine: AsyncEngine, count: int = 3, login: str = "ani") -> tuple[int, int, list[str]]:
    """A batch of so many reports: its id, whose it is, and the tickets."""
    named = [tickets.new() for _ in range(count)]
    async with engine.begin() as connection:
        staff_id, _ = await officer(connection, login=login)
        items = [(ticket, 1) for ticket in named]
        return await batches.begin(connection, staff_id, "accept", {}, items, NOW), staff_id, named


async def test_a_batch_waits_until_its_time(engine: AsyncEngine) -> None:
    batch_id, _, _ = await begun(engine)
    async with engine.begin() as connection:
        assert not await batches.claim(connection, batch_id, LATER - timedelta(microseconds=1))
        assert await batches.claim(connection, batch_id, LATER)


async def test_only_its_owner_takes_it_back_and_then_it_never_runs(engine: AsyncEngine) -> None:
    batch_id, staff_id, _ = await begun(engine)
    async with engine.begin() as connection:
        stranger, _ = await officer(connection, login="budi")
        assert not await batches.undo(connection, batch_id, stranger)
        assert await batches.undo(connection, batch_id, staff_id)
        assert not await batches.undo(connection, batch_id, staff_id)
        assert not await batches.claim(connection, batch_id, LATER)
        assert await batches.take(connection, batch_id, 0) is None
        found = await batches.get(connection, batch_id)
    assert found is not None
    assert found.state == "undone"


async def test_what_has_begun_is_not_taken_back(engine: AsyncEngine) -> None:
    batch_id, staff_id, _ = await begun(engine)
    async with engine.begin() as connection:
        await batches.claim(connection, batch_id, LATER)
        assert not await batches.undo(connection, batch_id, staff_id)


async def test_an_item_has_one_turn(engine: AsyncEngine) -> None:
    batch_id, _, named = await begun(engine)
    async with engine.begin() as connection:
        await batches.claim(connection, batch_id, LATER)
        assert await batches.take(connection, batch_id, 1) == Item(named[1], 1)
        await batches.tell(connection, batch_id, 1, "changed")
        assert await batches.take(connection, batch_id, 1) is None
        assert await batches.take(connection, batch_id, 3) is None
        assert not await batches.finish(connection, batch_id)
        for place in (0, 2):
            await batches.tell(connection, batch_id, place, None)
        assert await batches.finish(connection, batch_id)
        found = await batches.get(connection, batch_id)
    assert found is not None
    assert [(each.done, each.problem) for each in found.items] == [(True, None), (False, "changed"), (True, None)]
    assert found.state == "done"


async def test_a_ticket_that_comes_twice_counts_once(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        staff_id, _ = await officer(connection)
        ticket = tickets.new()
        batch_id = await batches.begin(connection, staff_id, "accept", {}, [(ticket, 1), (ticket, 2)], NOW)
        found = await batches.get(connection, batch_id)
    assert found is not None
    assert found.items == (Item(ticket, 2),)


@pytest.mark.parametrize(("verb", "count"), [("archive", 1), ("accept", 0), ("accept", MOST + 1)])
async def test_what_no_batch_may_be(engine: AsyncEngine, verb: str, count: int) -> None:
    async with engine.begin() as connection:
        staff_id, _ = await officer(connection)
        items = [(tickets.new(), 1) for _ in range(count)]
        with pytest.raises(ValueError, match="200"):
            await batches.begin(connection, staff_id, verb, {}, items, NOW)
