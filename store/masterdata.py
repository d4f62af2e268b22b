"""Load the shipped master data (regions, agencies, the calendar) into the store, and read it back as a directory.

The files are the first edition; rows that operators have changed since are theirs: loading adds what is
missing and changes nothing that is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, Table, create_engine, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from store import agencies as agencies_data
from store import calendar as calendar_data
from store import regions as regions_data
from store import tables
from store.agencies import Agencies, Agency
from store.calendar import Calendar, Rule
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
    calendar: Calendar


def load(url: str) -> None:
    """Add the shipped regions, agencies, days off and rules that the database does not have yet."""
    engine = create_engine(sqlalchemy_url(url))
    with engine.begin() as connection:
        _load(connection)
        _load_calendar(connection)
    engine.dispose()


def _load(connection: Connection) -> None:
    larger = regions_data.load()
    found = (*larger, *regions_data.load_villages(larger))
    regions = [{name: getattr(region, name) for name in _columns(tables.regions)} for region in found]
    agencies = [
        {name: getattr(agency, name) for name in _columns(tables.agencies)} for agency in agencies_data.load(larger)
    ]
    # A region's parent must be there first.
    regions.sort(key=lambda row: len(row["code"]))
    for table, all_rows in ((tables.regions, regions), (tables.agencies, agencies)):
        # Thousands of villages: what is there is not sent again at every start.
        there = set(connection.execute(select(table.c.code)).scalars())
        rows = [row for row in all_rows if row["code"] not in there]
        for row in rows:
            row["aliases"] = list(row["aliases"])
            row["parent"] = row["parent"] or None
            if "functions" in row:
                row["functions"] = list(row["functions"])
        if rows:
            connection.execute(insert(table).on_conflict_do_nothing(), rows)


def _load_calendar(connection: Connection) -> None:
    """A year with any day off, and a kind with any rule, is the administrators': what they took out stays out."""
    years = {on.year for on in connection.execute(select(tables.holidays.c.day)).scalars()}
    kinds = set(connection.execute(select(tables.clock_rules.c.kind)).scalars())
    days_off = [row for row in calendar_data.load_days_off() if row["day"].year not in years]
    rules = [row for row in calendar_data.load_rules() if row["kind"] not in kinds]
    for table, rows in ((tables.holidays, days_off), (tables.clock_rules, rules)):
        if rows:
            connection.execute(insert(table).on_conflict_do_nothing(), rows)


def _columns(table: Table) -> list[str]:
    return [column.name for column in table.columns]


_DIGEST = text("SELECT md5(string_agg(r::text, '|' ORDER BY r.code)) FROM regions r")


async def directory(connection: AsyncConnection, home: str) -> Directory:
    """The directory as the database has it now; `home` is the province asked when a place is unknown."""
    regions, gazetteer = await _regions(connection)
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
        gazetteer=gazetteer,
        names={agency.code: agency.name for agency in agencies},
        calendar=await _calendar(connection, regions),
    )


_grown: dict[str, tuple[Regions, Gazetteer]] = {}
"""The regions that were read last, by a digest of their rows: the directory is read every minute, and they are many."""


async def _regions(connection: AsyncConnection) -> tuple[Regions, Gazetteer]:
    digest = (await connection.execute(_DIGEST)).scalar_one() or ""
    if digest not in _grown:
        rows = (await connection.execute(select(tables.regions))).mappings().all()
        # A fifth of a second of work, in which citizens should not wait.
        grown = await asyncio.to_thread(_grow, rows)
        _grown.clear()
        _grown[digest] = grown
    return _grown[digest]


def _grow(rows: Sequence[RowMapping]) -> tuple[Regions, Gazetteer]:
    regions = Regions(
        Region(**{**row, "aliases": tuple(row["aliases"]), "parent": row["parent"] or ""}) for row in rows
    )
    return regions, Gazetteer(regions)


async def _calendar(connection: AsyncConnection, regions: Regions) -> Calendar:
    days_off = (await connection.execute(select(tables.holidays.c.day))).scalars().all()
    rules = [Rule(**row) for row in (await connection.execute(select(tables.clock_rules))).mappings()]
    return Calendar(days_off, regions, rules, calendar_data.load_hours())
