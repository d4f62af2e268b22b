"""Speak a text key with its parameters in a language. The words stand in `texts/<language>.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "texts"
LANGUAGES = ("id", "en")


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Every text of a language by its dotted key. An unknown language has Indonesian words."""
    name = language if language in LANGUAGES else "id"
    return dict(_flatten(tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))))


def _flatten(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    flat: list[tuple[str, str]] = []
    for key, value in tree.items():
        if isinstance(value, str):
            flat.append((prefix + key, value.strip()))
        else:
            flat += _flatten(value, f"{prefix}{key}.")
    return flat


def speak(key: str, params: Mapping[str, Any] | None = None, language: str = "id") -> str:
    """The text of `key`. A parameter of the form {"key": ...} is itself spoken in the same language, {"date": ISO day}
    as "Senin, 23 November 2026", {"moment": ISO moment} with the hour, {"time": ISO moment} as the hour alone;
    a list becomes lines.

    A parameter's value is never read as a template. Raises KeyError for a key that no language has:
    that is a defect, and a test walks through all keys.
    """
    words = catalogue(language).get(key) or catalogue("id")[key]
    if not params:
        return words
    return words.format_map({name: spoken(value, language) for name, value in params.items()})


def spoken(value: Any, language: str) -> str:
    """A parameter of a text in a language: see `speak`."""
    match value:
        case list() | tuple():
            return "\n".join(spoken(each, language) for each in value)
        case {"key": key}:
            return speak(key, value.get("params"), language)
        case {"date": day}:
            return _day(date.fromisoformat(day), language)
        case {"moment": moment}:
            at = datetime.fromisoformat(moment)
            return speak("calendar.moment", {"day": _day(at.date(), language), "time": _clock(at, language)}, language)
        case {"time": moment}:
            return _clock(datetime.fromisoformat(moment), language)
    return "" if value is None else str(value)


def _day(day: date, language: str) -> str:
    weekdays, months = (speak(f"calendar.{names}", None, language).split() for names in ("weekdays", "months"))
    names = {"weekday": weekdays[day.weekday()], "month": months[day.month - 1], "day": day.day, "year": day.year}
    return speak("calendar.day", names, language)


# The zones of Indonesia by their offset from UTC in hours.
_ZONES = {7: "WIB", 8: "WITA", 9: "WIT"}


def _clock(at: datetime, language: str) -> str:
    offset = at.utcoffset()
    zone = _ZONES.get(int(offset.total_seconds() // 3600), "") if offset is not None else ""
    return f"{at:%H.%M} {zone}".strip() if language == "id" else f"{at:%H:%M} {zone}".strip()


def knows(key: str) -> bool:
    """Whether there is such a text."""
    return key in catalogue("id")
