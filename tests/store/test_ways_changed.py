"""Connections and ways as an administrator changes them: names are once, secrets stay, the wider way follows."""

from __future__ import annotations

import pytest
from making import value
from sqlalchemy.ext.asyncio import AsyncEngine

from store import ways

URL = "https://sp4n.example"


async def test_a_connection_keeps_its_secret_until_it_gets_another_or_none(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        number = await ways.add(connection, "API", ways.API, "sp4n", url=URL, secret="lama")

        async def kept(secret: str | None = None, *, forget: bool = False) -> str | None:
            await ways.change(connection, number, "API", url=URL, secret=secret, parameters={}, forget=forget)
            known = await ways.get(connection, number)
            assert known is not None
            return known.secret

        assert [await kept(), await kept("baru"), await kept(), await kept(forget=True)] == [
            "lama",
            "baru",
            "baru",
            None,
        ]


async def test_a_name_is_one_connections(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        number = await ways.add(connection, "API", ways.API, "sp4n", url=URL)
        with pytest.raises(ways.NameTaken):
            await ways.add(connection, "API", ways.OPEN311, "open311-kota", url=URL)
        with pytest.raises(ways.NameTaken):
            await ways.change(connection, number, "sp4n-manual", url=URL, secret=None, parameters={})
        with pytest.raises(ways.Gone):
            await ways.change(connection, 10**6, "Lain", url=URL, secret=None, parameters={})
        # What was refused has broken nothing.
        assert {each.name for each in await ways.listed(connection)} == {"API", "sp4n-manual"}


async def test_switching_twice_is_news_once(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        [known] = await ways.listed(connection)
        done = [await ways.switch(connection, known.id, disabled=disabled) for disabled in (True, True, False, False)]
    assert done == [True, False, True, False]


async def test_one_way_for_each_scope_and_the_wider_one_without_it(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        number = await ways.add(connection, "API", ways.API, "sp4n", url=URL)

        async def taken(region: str) -> str | None:
            [way] = await ways.when_filed(connection, region)
            return way.connection.name if way.connection else None

        for connection_id in (number, None, number):
            await ways.put(connection, "sp4n", region="16.71", agency=None, connection_id=connection_id, address=None)
        assert await taken("16.71.02") == "API"
        rows = await ways.rows(connection)
        assert [row.region for row in rows] == [None, "16.71"]
        assert await ways.drop(connection, rows[1].id) == rows[1]
        assert await taken("16.71.02") == "sp4n-manual"
        with pytest.raises(ways.Gone):
            await ways.drop(connection, rows[1].id)
    assert await value(engine, "SELECT count(*) FROM ways") == 1
