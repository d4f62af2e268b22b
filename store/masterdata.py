"""Load the shipped master data (regions, agencies) into the store, and read it back as a directory.

The files are the first edition; rows that operators have changed since are theirs: loading adds what is
missing and changes nothing that is there.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Table, create_engine, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from store import agencies as agencies_data
from store import regions as regions_data
from store import tables
from store.agencies import Agencies, Agency
from store.database import sqlalchemy_url
from store.gazetteer import Gazetteer
from store.regions import Region, Regions


@dataclass(frozen=True, slots=True)
class Directory:
    """The master data as the running processes use it, indexed."""

    regions: Regions
    agencies: Agencies
    gazetteer: Gazetteer
    names: dict[str, str]


def load(url: str) -> None:
    """Add the shipped regions and agencies that the database does not have yet."""
    engine = create_engine(sqlalchemy_url(url))
    with engine.begin() as connection:
        _load(connection)
    engine.dispose()


def _load(connection: Connection) -> None:
    found = regions_data.load()
    regions = [{name: getattr(region, name) for name in _columns(tables.regions)} for region in found]
    agencies = [
        {name: getattr(agency, name) for name in _columns(tables.agencies)} for agency in agencies_data.load(found)
    ]
    # A region's parent must be there first.
    regions.sort(key=lambda row: len(row["code"]))
    for table, rows in ((tables.regions, regions), (tables.agencies, agencies)):
        for row in rows:
            row["aliases"] = list(row["aliases"])
            row["parent"] = row["parent"] or None
            if "functions" in row:
                row["functions"] = list(row["functions"])
        connection.execute(insert(table).on_conflict_do_nothing(), rows)


def _columns(table: Table) -> list[str]:
    return [column.name for column in table.columns]


async def directory(connection: AsyncConnection, home: str) -> Directory:
    """The directory as the database has it now; `home` is the province asked when a place is unknown."""
    regions = Regions(
        [
            Region(**{**row, "aliases": tuple(row["aliases"]), "parent": row["parent"] or ""})
            for row in (await connection.execute(select(tables.regions))).mappings()
        ]
    )
    agencies = [
        Agency(
            **{
                **row,
                "aliases": tuple(row["aliases"]),
                "functions": tuple(row["functions"]),
                "parent": row["parent"] or "",
            }
        )
        for row in (await connection.execute(select(tables.agencies))).mappings()
    ]
    return Directory(
        regions=regions,
        agencies=Agencies(agencies, regions, home=home),
        gazetteer=Gazetteer(regions),
        names={agency.code: agency.name for agency in agencies},
    )
