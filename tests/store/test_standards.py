"""Service standards: written, changed only by those who saw what they change, ended and never lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from store import standards
from store.standards import NewStandard, Standard, StandardChanged, StandardTaken

DUKCAPIL = "16.71-dukcapil"
TODAY = date(2026, 11, 22)
KTP = NewStandard(
    DUKCAPIL, "Penerbitan KTP-el", "SK Wali Kota 12/2025", working_days=1, cost="Gratis", published_on=date(2025, 3, 1)
)


async def add(engine: AsyncEngine, new: NewStandard) -> Standard:
    async with engine.begin() as connection:
        found = await standards.get(connection, await standards.add(connection, new))
    assert found is not None
    return found


async def test_a_standard_is_kept_as_it_was_written(engine: AsyncEngine) -> None:
    found = await add(engine, KTP)
    assert replace(found, id=0, seen="") == Standard(**{name: getattr(KTP, name) for name in NewStandard.__slots__})
    async with engine.connect() as connection:
        assert await standards.of(connection, "16.71") == [found]
        assert await standards.of(connection, "16.06") == []
        assert await standards.get(connection, found.id + 1) is None


async def test_the_same_service_from_the_same_day_is_refused(engine: AsyncEngine) -> None:
    await add(engine, KTP)
    with pytest.raises(StandardTaken):
        await add(engine, KTP)
    other = await add(engine, replace(KTP, valid_from=date(2027, 1, 1)))
    with pytest.raises(StandardTaken):
        async with engine.begin() as connection:
            await standards.change(connection, other.id, KTP, other.seen)


async def test_nobody_overwrites_what_they_have_not_seen(engine: AsyncEngine) -> None:
    found = await add(engine, KTP)
    async with engine.begin() as connection:
        await standards.change(connection, found.id, replace(KTP, cost="Rp 0"), found.seen)
    with pytest.raises(StandardChanged):
        async with engine.begin() as connection:
            await standards.change(connection, found.id, KTP, found.seen)
    for standard_id in (found.id, found.id + 1):
        with pytest.raises(StandardChanged):
            async with engine.begin() as connection:
                await standards.end(connection, standard_id, TODAY, found.seen)
    async with engine.connect() as connection:
        now = await standards.get(connection, found.id)
    assert now is not None
    assert (now.cost, now.valid_to) == ("Rp 0", None)


async def test_an_ended_standard_stays_and_no_longer_holds(engine: AsyncEngine) -> None:
    found = await add(engine, KTP)
    async with engine.begin() as connection:
        await standards.end(connection, found.id, TODAY, found.seen)
    async with engine.connect() as connection:
        [now] = await standards.of(connection, "16.71")
    assert now.holds(TODAY)
    assert not now.holds(TODAY + timedelta(days=1))


DAYS = st.none() | st.dates(date(2025, 1, 1), date(2027, 12, 31))


@given(st.lists(st.tuples(st.sampled_from(["KTP", "ktp", "Akta"]), DAYS, DAYS, DAYS), max_size=6))
def test_only_published_services_that_hold_are_counted_once(
    found: list[tuple[str, date | None, date | None, date | None]],
) -> None:
    rows = [
        Standard("a", service, "x", published_on=published, valid_from=first, valid_to=last)
        for service, published, first, last in found
    ]
    counted = standards.published(rows, TODAY)
    expected = {
        service.casefold()
        for service, published, first, last in found
        if published and published <= TODAY and (first or TODAY) <= TODAY <= (last or TODAY)
    }
    assert counted.get("a", 0) == len(expected)
