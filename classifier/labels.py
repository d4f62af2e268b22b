"""The names that people read for what the model says: classifier/labels.toml, Indonesian and English."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_FILE = Path(__file__).with_name("labels.toml")


@dataclass(frozen=True, slots=True)
class Name:
    """How a label is shown: in Indonesian (id) and in English (en)."""

    id: str
    en: str


@dataclass(frozen=True, slots=True)
class Names:
    """The names of all functions, topics and classes, by label."""

    functions: Mapping[str, Name]
    topics: Mapping[str, Name]
    report_class: Mapping[str, Name]


def read_names(path: Path = _FILE) -> Names:
    """Return the names in a labels.toml; a name without one of its languages is a TypeError."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    kinds = (tables["function"], tables["topic"], tables["class"])
    return Names(*({label: Name(**name) for label, name in kind.items()} for kind in kinds))
