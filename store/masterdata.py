"""Load the shipped master data (regions, agencies, categories, …) into the store, and read it back as a directory.

The files are the first edition; rows that operators have changed since are theirs: loading adds what is
missing and changes nothing that is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, create_engine, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from store import agencies as agencies_data
from store import calendar as calendar_data
from store import regions as regions_data
from store import tables, templates, ways
from store.agencies import Agencies, Agency
from store.calendar import Calendar, Rule
from store.database import sqlalchemy_url
from store.gazetteer import Gazetteer
from store.regions import Region, Regions

# The connection that there is from the first day.
FIRST_CONNECTION = "sp4n-manual"


@dataclass(frozen=True, slots=True)
class Directory:
    """The master data as the running processes use it, indexed."""

    regions: Regions
    agencies: Agencies
    gazetteer: Gazetteer
    names: dict[str, str]
    calendar: Calendar


def load(url: str) -> None:
    """Add the shipped regions, agencies, categories, days off, rules and templates that the database does not have,
    and the way into SP4N by hand."""
    engine = create_engine(sqlalchemy_url(url))
    with engine.begin() as connection:
        _load(connection)
        _load_calendar(connection)
        _load_categories(connection)
        _load_templates(connection)
        _load_ways(connection)
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


def load_categories() -> list[dict[str, Any]]:
    """The first edition of the categories, as rows of their table; topics before what lies in them."""
    rows = [
        {
            **row,
            "parent": row["parent"] or None,
            "sp4n_id": int(row["sp4n_id"]) if row["sp4n_id"] else None,
            "valid_from": regions_data.day(row["valid_from"]),
            "valid_to": regions_data.day(row["valid_to"]),
        }
        for row in regions_data.read("categories.csv")
    ]
    return sorted(rows, key=lambda row: row["parent"] is not None)


def _load_categories(connection: Connection) -> None:
    there = set(connection.execute(select(tables.categories.c.code)).scalars())
    # Nothing is taken for new by its number alone: administrators may have given it to a row of their own.
    taken = set(connection.execute(select(tables.categories.c.sp4n_id)).scalars()) - {None}
    rows = [row for row in load_categories() if row["code"] not in there and row["sp4n_id"] not in taken]
    if rows:
        connection.execute(insert(tables.categories).on_conflict_do_nothing(), rows)


def _load_templates(connection: Connection) -> None:
    """Templates are their offices': once there is any, none is added."""
    if connection.execute(select(tables.answer_templates.c.id).limit(1)).first() is None:
        connection.execute(insert(tables.answer_templates), templates.load())


def _load_ways(connection: Connection) -> None:
    """Reports go into SP4N by hand until an administrator says otherwise: once there is any connection, none is added,
    and no way either."""
    if connection.execute(select(tables.connections.c.id).limit(1)).first() is not None:
        return
    by_hand = {"name": FIRST_CONNECTION, "kind": ways.MANUAL, "system": ways.SP4N}
    added = insert(tables.connections).values(**by_hand).on_conflict_do_nothing().returning(tables.connections.c.id)
    connection_id = connection.execute(added).scalar_one_or_none()
    if connection_id is not None:
        way = {"system": ways.SP4N, "connection_id": connection_id}
        connection.execute(insert(tables.ways).values(**way).on_conflict_do_nothing())


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
