"""The shipped master data is loaded once; what operators changed since is theirs."""

from __future__ import annotations

from datetime import date

import pytest
from making import run, value
from sqlalchemy.ext.asyncio import AsyncEngine

from store import agencies, masterdata, regions, ways
from store.masterdata import Directory


async def directory(engine: AsyncEngine) -> Directory:
    async with engine.connect() as connection:
        return await masterdata.directory(connection, "16")


async def test_the_directory_is_what_is_shipped(engine: AsyncEngine) -> None:
    found = await directory(engine)
    larger = regions.load()
    shipped = (*larger, *regions.load_villages(larger))
    assert found.regions.by_code == {region.code: region for region in shipped}
    assert found.names == {agency.code: agency.name for agency in agencies.load(larger)}
    place = found.gazetteer.find("jalan rusak di Sekayu")
    assert place is not None
    assert place.region.startswith("16.06")


async def test_a_village_is_found_and_has_an_office(engine: AsyncEngine) -> None:
    found = await directory(engine)
    place = found.gazetteer.find("got mampet di 7 Ulu")
    assert place is not None
    office = found.agencies.responsible("pu", place.region, date(2026, 11, 22))
    assert (place.full, office.agency.region) == ("Kelurahan 7 Ulu, Seberang Ulu I, Kota Palembang", "16.71")


async def test_regions_that_nobody_changed_are_not_indexed_again(engine: AsyncEngine) -> None:
    first = await directory(engine)
    assert (await directory(engine)).gazetteer is first.gazetteer


async def test_what_operators_change_about_a_village_is_found(engine: AsyncEngine) -> None:
    before = await directory(engine)
    await run(engine, "UPDATE regions SET aliases = '{Rumah Kucingbatu}' WHERE code = '16.71.02.1006'")
    found = (await directory(engine)).gazetteer.find("di rumah kucingbatu")
    assert found is not None
    assert found.region == "16.71.02.1006"
    assert before.gazetteer.find("di rumah kucingbatu") is None


async def test_a_village_that_operators_renamed_keeps_its_name(engine: AsyncEngine, database: str) -> None:
    await run(engine, "UPDATE regions SET name = 'Tujuh Ulu' WHERE code = '16.71.02.1006'")
    await run(engine, "DELETE FROM regions WHERE code = '16.71.02.1005'")
    masterdata.load(database)
    named = (await directory(engine)).regions.by_code
    assert (named["16.71.02.1006"].name, named["16.71.02.1005"].name) == ("Tujuh Ulu", "5 Ulu")


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


# --- the way into SP4N by hand -------------------------------------------------------------------------------


async def test_from_the_first_day_reports_go_into_sp4n_by_hand(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        [way] = await ways.when_filed(connection, "16.71.01")
    assert way.connection is not None
    assert (way.system, way.connection.kind, way.connection.name) == (ways.SP4N, ways.MANUAL, "sp4n-manual")


@pytest.mark.parametrize(
    "changed",
    [
        "DELETE FROM ways",
        "UPDATE ways SET connection_id = NULL",
        "UPDATE connections SET name = 'dengan tangan', disabled_at = now()",
        "DELETE FROM ways; DELETE FROM connections;"
        "INSERT INTO connections (name, kind, system, url) VALUES ('api', 'sp4n_api', 'sp4n', 'https://sp4n.example')",
    ],
)
async def test_what_administrators_have_made_of_the_ways_stays(
    engine: AsyncEngine, database: str, changed: str
) -> None:
    for statement in changed.split(";"):
        await run(engine, statement)
    standing = """
        SELECT (SELECT json_agg(c ORDER BY c.id) FROM connections c)::text
            || coalesce((SELECT json_agg(w ORDER BY w.id) FROM ways w)::text, 'none')
    """
    before = await value(engine, standing)
    masterdata.load(database)
    assert await value(engine, standing) == before
