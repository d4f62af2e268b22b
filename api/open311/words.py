"""The words of this server: words.toml, by table and key."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
_WORDS: Mapping[str, Mapping[str, str]] = tomllib.loads((FOLDER / "words.toml").read_text(encoding="utf-8"))


def say(table: str, key: str, **params: Any) -> str:
    """The sentence of that key. KeyError for one that is not there: a test walks through all of them."""
    return _WORDS[table][key].format_map(params)
