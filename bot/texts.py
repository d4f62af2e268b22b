"""Speak a text key with its parameters in a language. The words stand in `texts/<language>.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
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
    """The text of `key`. A parameter of the form {"key": ...} is itself spoken in the same language.

    A parameter's value is never read as a template. Raises KeyError for a key that no language has:
    that is a defect, and a test walks through all keys.
    """
    words = catalogue(language).get(key) or catalogue("id")[key]
    if not params:
        return words
    return words.format_map({name: _value(value, language) for name, value in params.items()})


def _value(value: Any, language: str) -> str:
    if isinstance(value, Mapping):
        return speak(value["key"], value.get("params"), language)
    return "" if value is None else str(value)


def knows(key: str) -> bool:
    """Whether there is such a text."""
    return key in catalogue("id")
