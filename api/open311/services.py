"""Services: the official category tree of SP4N-LAPOR!, as it is in force today, and what each of them asks."""

from __future__ import annotations

import re
import time
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import text

from api.house import House
from api.open311.words import FOLDER, say

# What a report is under whose category we cannot tell.
OTHER = "topik-lainnya"
OTHER_NAME = "TOPIK LAINNYA"
# Seconds.
FRESH = 60.0
ATTRIBUTES: tuple[Mapping[str, Any], ...] = tuple(
    tomllib.loads((FOLDER / "attributes.toml").read_text(encoding="utf-8"))["attribute"]
)
_WORD = re.compile(r"\w{3,}")
# Say nothing of what a category is about.
_EMPTY = {"dan", "yang", "atau", "untuk", "dari", "oleh", "terkait", "lainnya", "lain", "pada", "dengan"}
_ALL = text("SELECT code, name, parent, valid_from, valid_to FROM categories ORDER BY code")


@dataclass(frozen=True, slots=True)
class Service:
    """A category that reports may be filed under; `group` is the name of its topic."""

    code: str
    name: str
    group: str


class Catalogue:
    """The categories: those of today as services, and all of them to know what a report is under."""

    def __init__(self, rows: Iterable[Any], on: date) -> None:
        """Take rows with code, name, parent, valid_from and valid_to."""
        self._rows = {row.code: row for row in rows}
        self._by_name: dict[str, str] = {}
        # A model names topics; the same name may stand in several of them, and in one that has ended.
        for code in sorted(
            self._rows, key=lambda code: (self._rows[code].parent is not None, not self._holds(code, on))
        ):
            self._by_name.setdefault(self._rows[code].name, code)
        self.services: Mapping[str, Service] = {
            code: Service(code, row.name, self._rows[self._line(code)[-1]].name)
            for code, row in self._rows.items()
            if self._holds(code, on)
        }

    def _line(self, code: str) -> list[str]:
        """A category and those above it, the topic last."""
        line = [code]
        while (above := self._rows[line[-1]].parent) is not None and above in self._rows and above not in line:
            line.append(above)
        return line

    def _holds(self, code: str, on: date) -> bool:
        """Whether it and all above it are in force on that day."""
        rows = [self._rows[each] for each in self._line(code)]
        return all(
            (row.valid_from is None or row.valid_from <= on) and (row.valid_to is None or on <= row.valid_to)
            for row in rows
        )

    def of(self, category: str | None) -> tuple[str, str]:
        """The code and name of the service that a report's category is; the store has its official name or its code."""
        code = category if category in self._rows else self._by_name.get(category or "")
        row = self._rows.get(code or OTHER)
        return (row.code, row.name) if row is not None else (OTHER, OTHER_NAME)

    def kept(self, code: str) -> str:
        """What the store keeps for a service: its name, as officers read it; its code where others have that name."""
        name: str = self._rows[code].name
        return name if self._by_name[name] == code else code

    def meant(self, codes: Iterable[str]) -> tuple[list[str], bool]:
        """What the store may have for these services, and whether what it knows no category of is meant too."""
        wanted = set(codes)
        names = {name for name, code in self._by_name.items() if code in wanted}
        return sorted(wanted | names), OTHER in wanted

    def known(self) -> list[str]:
        """All that the store may have for a category."""
        return sorted({*self._rows, *self._by_name})


class Latest:
    """The catalogue of today, read again each minute, as the directory is."""

    def __init__(self) -> None:
        self._found: Catalogue | None = None
        self._for: tuple[date, float] = (date.min, 0.0)

    async def of(self, house: House) -> Catalogue:
        """The catalogue as it is now, or was a minute ago at most."""
        today, now = house.today(None), time.monotonic()
        if self._found is None or self._for[0] != today or now - self._for[1] > FRESH:
            async with house.engine.connect() as connection:
                self._found = Catalogue((await connection.execute(_ALL)).all(), today)
            self._for = (today, now)
        return self._found


def listed(service: Service) -> dict[str, Any]:
    """A service in the list."""
    key = "service" if service.name == service.group else "service_in"
    words = dict.fromkeys(_WORD.findall(f"{service.name} {service.group}".lower()))
    return {
        "service_code": service.code,
        "service_name": service.name,
        "description": say("server", key, name=service.name, group=service.group),
        "metadata": True,
        "type": "realtime",
        "keywords": ", ".join(word for word in words if word not in _EMPTY),
        "group": service.group,
    }


def definition(service: Service) -> dict[str, Any]:
    """What a service asks; all ask the same, and none of it must be told."""
    return {
        "service_code": service.code,
        "attributes": [
            {
                "variable": True,
                "code": each["code"],
                "datatype": each["datatype"],
                "required": False,
                "datatype_description": each["datatype_description"],
                "order": order,
                "description": each["description"],
                "values": list(each.get("values", ())),
            }
            for order, each in enumerate(ATTRIBUTES, start=1)
        ],
    }
