"""The tables of master data as classes, which starlette-admin wants; mapped here, so that the store stays plain SQL."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy.orm import registry

from store import imports


@cache
def models() -> Mapping[str, type[Any]]:
    """A class for each kind of master data, by its name."""
    mapping = registry()
    found: dict[str, type[Any]] = {}
    for kind in imports.kinds().values():
        found[kind.name] = type(kind.table.name.title().replace("_", ""), (), {})
        mapping.map_imperatively(found[kind.name], kind.table)
    return found
