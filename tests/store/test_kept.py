"""What was typed too late is kept for its person and its page, once, for a day."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from store import kept, staff

PAGE = "/desk/laporan/LP-1"


async def somebody(connection: AsyncConnection, login: str = "ibu") -> int:
    return await staff.add(connection, login, "Ibu")


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=200), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_words_come_back_as_they_were_typed(engine: AsyncEngine, fields: dict[str, str]) -> None:
    async with engine.connect() as connection:
        staff_id = await somebody(connection)
        assert await kept.keep(connection, staff_id, PAGE, fields)
        assert await kept.waits(connection, staff_id, PAGE)
        found = await kept.take(connection, staff_id, PAGE)
        await connection.rollback()
    assert found == {name.replace("\0", ""): value.replace("\0", "") for name, value in fields.items()}


async def test_it_is_taken_once_by_its_person_on_its_page(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        mine, theirs = await somebody(connection), await somebody(connection, "bapak")
        await kept.keep(connection, mine, PAGE, {"words": "satu"})
        await kept.keep(connection, mine, PAGE, {"words": "dua"})
        assert await kept.take(connection, theirs, PAGE) is None
        assert await kept.take(connection, mine, PAGE + "0") is None
        assert not await kept.waits(connection, theirs, PAGE)
        assert await kept.take(connection, mine, PAGE) == {"words": "dua"}
        assert await kept.take(connection, mine, PAGE) is None


@pytest.mark.parametrize(("size", "fits"), [(kept.LARGEST - 20, True), (kept.LARGEST, False)])
async def test_there_is_an_end_to_what_is_kept(engine: AsyncEngine, size: int, fits: bool) -> None:
    async with engine.begin() as connection:
        staff_id = await somebody(connection)
        assert await kept.keep(connection, staff_id, PAGE, {"words": "x" * size}) == fits
        assert await kept.waits(connection, staff_id, PAGE) == fits


async def test_nothing_is_not_kept(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        staff_id = await somebody(connection)
        assert not await kept.keep(connection, staff_id, PAGE, {})
        assert not await kept.keep(connection, staff_id, PAGE + "x" * 600, {"words": "x"})


async def test_the_oldest_make_room(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        staff_id = await somebody(connection)
        await connection.commit()
        for number in range(kept.MOST + 3):
            await kept.keep(connection, staff_id, f"{PAGE}/{number}", {"words": "x"})
            await connection.commit()
        waiting = [
            number for number in range(kept.MOST + 3) if await kept.waits(connection, staff_id, f"{PAGE}/{number}")
        ]
    assert waiting == list(range(3, kept.MOST + 3))


async def test_after_a_day_it_is_gone(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        staff_id = await somebody(connection)
        for page in ("a", "b", "c"):
            await kept.keep(connection, staff_id, page, {"words": "x"})
        await connection.execute(text("UPDATE kept_forms SET kept_at = now() - interval '24 hours' WHERE path <> 'c'"))
        assert not await kept.waits(connection, staff_id, "a")
        assert await kept.take(connection, staff_id, "a") is None
        assert await kept.sweep(connection, 10) == 1
        assert await kept.sweep(connection, 10) == 0
        assert await kept.waits(connection, staff_id, "c")
