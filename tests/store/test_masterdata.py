"""The shipped master data is loaded once; what operators changed since is theirs."""

from __future__ import annotations

from making import run, value
from sqlalchemy.ext.asyncio import AsyncEngine

from store import agencies, masterdata, regions
from store.masterdata import Directory


async def directory(engine: AsyncEngine) -> Directory:
    async with engine.connect() as connection:
        return await masterdata.directory(connection, "16")


async def test_the_directory_is_what_is_shipped(engine: AsyncEngine) -> None:
    found = await directory(engine)
    shipped = regions.load()
    assert found.regions.by_code == {region.code: region for region in shipped}
    assert found.names == {agency.code: agency.name for agency in agencies.load(shipped)}
    place = found.gazetteer.find("jalan rusak di Sekayu")
    assert place is not None
    assert place.region.startswith("16.06")


async def test_loading_again_adds_nothing(engine: AsyncEngine, database: str) -> None:
    before = await value(engine, "SELECT count(*) FROM agencies")
    masterdata.load(database)
    assert await value(engine, "SELECT count(*) FROM agencies") == before


async def test_loading_again_leaves_what_operators_changed(engine: AsyncEngine, database: str) -> None:
    await run(engine, "UPDATE agencies SET name = 'Dinas PU' WHERE code = '16-pu'")
    masterdata.load(database)
    assert (await directory(engine)).names["16-pu"] == "Dinas PU"


async def test_loading_again_adds_what_is_missing(engine: AsyncEngine, database: str) -> None:
    await run(engine, "DELETE FROM agencies WHERE code = '16-pu'")
    masterdata.load(database)
    assert "16-pu" in (await directory(engine)).names


async def test_an_agency_that_operators_added_is_in_the_directory(engine: AsyncEngine) -> None:
    await run(
        engine,
        """INSERT INTO agencies (code, name, short, functions, region, level, confirmed, aliases, source)
           VALUES ('16.06-baru', 'Badan Baru', 'BB', '{pu}', '16.06', 'kabkota', true, '{}', 'desk')""",
    )
    assert (await directory(engine)).names["16.06-baru"] == "Badan Baru"
