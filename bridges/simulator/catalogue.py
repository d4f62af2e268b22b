"""The categories and institutions that the simulator knows.

Ids and names of categories are SP4N's own; those of institutions are names of real offices with ids that we made up.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

MOST = 50


@dataclass(frozen=True, slots=True)
class Topic:
    """A category: `above` is the name of its topic, "" where it is one itself."""

    id: str
    name: str
    above: str


@dataclass(frozen=True, slots=True)
class Unit:
    """An institution: `above` is the name of the government that it belongs to, `kind` what it deals with ("pu"),
    `where` its region."""

    id: str
    name: str
    above: str
    kind: str
    where: str


@cache
def topics() -> dict[str, Topic]:
    """All categories by id."""
    return {row["id"]: Topic(row["id"], row["nama"], row["topik"]) for row in _rows("categories.csv")}


@cache
def units() -> dict[str, Unit]:
    """All institutions by id."""
    return {
        row["id"]: Unit(row["id"], row["nama"], row["induk"], row["bidang"], row["wilayah"])
        for row in _rows("institutions.csv")
    }


def _rows(name: str) -> list[dict[str, str]]:
    text = (files("bridges.simulator") / name).read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def search(words: str) -> list[Unit]:
    """The institutions whose names have all these words, at most 50; all of them where there are none."""
    wanted = words.casefold().split()
    return [unit for unit in units().values() if all(word in unit.name.casefold() for word in wanted)][:MOST]


def named(unit: str | None) -> Unit | None:
    """The institution of that id or name."""
    if not unit:
        return None
    plain = " ".join(unit.split()).casefold()
    return units().get(unit) or next((each for each in units().values() if each.name.casefold() == plain), None)
