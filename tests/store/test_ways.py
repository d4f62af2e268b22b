"""Which way a report goes: the nearest region's when it is filed, its agencies' when it is disposed; and what is in
the way."""

from __future__ import annotations

import pytest
from making import file, run, value
from sqlalchemy.ext.asyncio import AsyncEngine

from store import references, ways
from store.ways import API, EMAIL, MACHINES, MANUAL, OPEN311, Connection, Way

PALEMBANG, SEKAYU, ILIR = "16.71", "16.06", "16.71.02"


async def connect(engine: AsyncEngine, name: str, kind: str, system: str) -> int:
    await run(
        engine,
        "INSERT INTO connections (name, kind, system) VALUES (:name, :kind, :system)",
        name=name,
        kind=kind,
        system=system,
    )
    return int(await value(engine, "SELECT id FROM connections WHERE name = :name", name=name))


async def way(engine: AsyncEngine, system: str, connection_id: int | None, **where: str | None) -> None:
    await run(
        engine,
        "INSERT INTO ways (system, connection_id, region, agency, address)"
        " VALUES (:system, :id, :region, :agency, :address)",
        system=system,
        id=connection_id,
        **({"region": None, "agency": None, "address": None} | where),
    )


async def filed(engine: AsyncEngine, region: str) -> dict[str, str | None]:
    """By system, the name of the connection that a report of that region takes."""
    async with engine.connect() as connection:
        found = await ways.when_filed(connection, region)
    assert len({each.system for each in found}) == len(found)
    return {each.system: each.connection.name if each.connection else None for each in found}


async def test_by_hand_is_the_way_of_the_first_day(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        [found] = await ways.when_filed(connection, PALEMBANG)
    assert found.connection is not None
    assert (found.system, found.connection.kind, found.connection.disabled) == ("sp4n", MANUAL, False)


async def test_the_nearest_region_decides_and_each_system_for_itself(engine: AsyncEngine) -> None:
    palembang = await connect(engine, "palembang-api", API, "sp4n")
    ilir = await connect(engine, "ilir", OPEN311, "kota")
    await way(engine, "sp4n", palembang, region=PALEMBANG)
    await way(engine, "kota", ilir, region=ILIR)
    assert await filed(engine, SEKAYU) == {"sp4n": "sp4n-manual"}
    assert await filed(engine, PALEMBANG) == {"sp4n": "palembang-api"}
    assert await filed(engine, f"{ILIR}.1001") == {"sp4n": "palembang-api", "kota": "ilir"}
    # "16.7" lies in no "16.71", nor the other way round.
    assert await filed(engine, "16.7") == {"sp4n": "sp4n-manual"}


async def test_a_region_can_do_without_a_system(engine: AsyncEngine) -> None:
    await way(engine, "sp4n", None, region=PALEMBANG)
    assert await filed(engine, PALEMBANG) == {"sp4n": None}


async def test_ways_of_agencies_count_when_it_is_disposed_and_only_then(engine: AsyncEngine) -> None:
    mail = await connect(engine, "surat", EMAIL, "surel")
    await way(engine, "surel", mail, agency="16.71-pu", address="pu@example.go.id")
    assert "surel" not in await filed(engine, PALEMBANG)
    async with engine.connect() as connection:
        assert await ways.when_disposed(connection, ["16.71-dishub"]) == []
        [found] = await ways.when_disposed(connection, ["16.71-dishub", "16.71-pu"])
    assert (found.agency, found.address) == ("16.71-pu", "pu@example.go.id")


@pytest.mark.parametrize(
    ("kind", "disabled", "address", "secret", "problem"),
    [
        (MANUAL, False, None, True, None),
        (API, False, None, True, None),
        (API, True, None, False, "no_connection"),
        (OPEN311, False, None, False, None),
        (OPEN311, False, None, True, "secret"),
        (EMAIL, False, "a@example.go.id", True, "secret"),
        (EMAIL, False, "a@example.go.id", False, None),
        (EMAIL, False, None, False, "no_address"),
    ],
)
def test_what_is_in_the_way(kind: str, disabled: bool, address: str | None, secret: bool, problem: str | None) -> None:
    known = Connection(1, "name", kind, "system", disabled=disabled)
    assert ways.obstacle(Way("system", known, address=address), secret=secret) == problem
    assert ways.obstacle(Way("system", None, address=address), secret=secret) == "no_connection"


async def test_what_went_by_hand_is_followed_by_a_machine_of_the_same_system(engine: AsyncEngine) -> None:
    by_hand = int(await value(engine, "SELECT id FROM connections WHERE kind = 'sp4n_manual'"))
    async with engine.begin() as connection:
        event = await file(connection)
        reference = await references.plan(connection, event.complaint_id, "sp4n", connection_id=by_hand)
        assert reference is not None
        assert await ways.for_reference(connection, reference, MACHINES) is None
    first = await connect(engine, "api-1", API, "sp4n")
    own = await connect(engine, "api-2", API, "sp4n")
    await connect(engine, "elsewhere", API, "other")
    async with engine.begin() as connection:
        found = await ways.for_reference(connection, reference, MACHINES)
        assert found is not None
        assert found.id == first
    await run(engine, "UPDATE complaint_references SET connection_id = :own", own=own)
    async with engine.begin() as connection:
        found = await ways.for_reference(connection, reference, MACHINES)
        assert found is not None
        assert found.id == own
    await run(engine, "UPDATE connections SET disabled_at = now() WHERE id = :own", own=own)
    async with engine.begin() as connection:
        found = await ways.for_reference(connection, reference, MACHINES)
        assert found is not None
        assert found.id == first
