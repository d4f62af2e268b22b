"""What officers read: text keys in `texts/<language>/<page>.toml`, and days as they are written in a language.

A key is the file's name and the path in it: "inbox.title" stands in `inbox.toml`. `{name}` in a text is a parameter.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

TEXTS = Path(__file__).parent / "texts"
LANGUAGES = ("id", "en")


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """All texts of a language by key."""
    found: dict[str, str] = {}
    for file in sorted((TEXTS / language).glob("*.toml")):
        found.update(_flat(tomllib.loads(file.read_text(encoding="utf-8")), file.stem))
    return found


def _flat(tree: Mapping[str, Any], prefix: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in tree.items():
        found.update({f"{prefix}.{name}": value} if isinstance(value, str) else _flat(value, f"{prefix}.{name}"))
    return found


def say(language: str, key: str, **parameters: object) -> str:
    """A text with its parameters filled in. KeyError for an unknown key."""
    words = catalogue(language)[key]
    return words.format(**parameters) if parameters else words


def knows(key: str) -> bool:
    """Whether there is a text of that key."""
    return key in catalogue("id")


def day(language: str, on: date, *, weekday: bool = False) -> str:
    """A day: "22 Nov 2026", with its weekday "Min 22 Nov 2026"."""
    names = catalogue(language)
    month = names["calendar.months"].split()[on.month - 1]
    written = f"{on.day} {month} {on.year}"
    return f"{names['calendar.weekdays'].split()[on.weekday()]} {written}" if weekday else written


def moment(language: str, at: datetime, zone: ZoneInfo) -> str:
    """A moment in a time zone: "22 Nov 2026 14.05 WIB"."""
    there = at.astimezone(zone)
    separator = catalogue(language)["calendar.clock_separator"]
    abbreviation = catalogue(language).get(f"calendar.zone.{zone.key.replace('/', '_')}", there.tzname() or "")
    return f"{day(language, there.date())} {there:%H}{separator}{there:%M} {abbreviation}"
