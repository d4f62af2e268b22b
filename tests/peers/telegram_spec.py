"""Telegram's own description of its Bot API, and whether a call or an object keeps to it.

The description is a file that is not part of this project. `load` finds it through the
environment variable LAPOR_SHARED, and says None in a plain clone.
"""

from __future__ import annotations

import functools
import json
import os
import re
from pathlib import Path
from typing import Any

SPEC_FILE = "telegram_bot_api_10.1.json"

ARRAY = "Array of "
PLAIN: dict[str, tuple[type, ...]] = {
    "String": (str,),
    "Integer": (int,),
    "Float": (int, float),
    "Boolean": (bool,),
    "InputFile": (bytes, str),
}

# How the descriptions state their limits.
LENGTH = re.compile(r"(?:(\d+)-|up to )(\d+) (characters|bytes)")
RANGE = re.compile(r"(?:Values between |[,;] )(\d+)-(\d+)(?: are accepted|[.;]|$)")
ALPHABET = re.compile(r"[Oo]nly (?:characters )?A-Z, a-z, 0-9, _ and - are allowed")
CONSTANT = re.compile(r"(?:always|must be) (?:\"(\w+)\"|([a-z_0-9]+)$)")
CHOICES = re.compile(r"(?:[Oo]ne of|[Cc]an be(?: either| one of)?) (\".*?)(?:\. |\.?$)")
EXACTLY_ONE = re.compile(r"[Ee]xactly one of the fields other than ([\w, ]+?) must be used")
AT_MOST_ONE = re.compile(r"At most one of the optional fields can be present")


class Spec:
    """The methods and types of one version of the Bot API."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.version: str = document["version"]
        self.methods: dict[str, Any] = document["methods"]
        self.types: dict[str, Any] = document["types"]

    def check_call(self, method: str, arguments: dict[str, Any]) -> list[str]:
        """What is wrong with a call of the Bot API, in words; nothing if it is right.

        Arguments that came as text (query, form), or are JSON inside JSON, are parsed as Telegram does.
        """
        found = self.methods.get(method)
        if found is None:
            return [f"{method}: no such method"]
        fields = found.get("fields", [])
        parsed = {name: _parse(value, _types_of(fields, name)) for name, value in arguments.items()}
        return self._check_fields(fields, parsed, method)

    def check_object(self, type_name: str, value: Any, where: str = "") -> list[str]:
        """What is wrong with a value that should be of this type ("Update", "Array of PhotoSize"), in words."""
        where = where or type_name
        if type_name.startswith(ARRAY):
            if not isinstance(value, list):
                return [f"{where}: {_show(value)} is not an array"]
            inner = type_name.removeprefix(ARRAY)
            return [each for at, item in enumerate(value) for each in self.check_object(inner, item, f"{where}[{at}]")]
        if type_name in PLAIN:
            return _check_plain(type_name, value, where)
        described = self.types.get(type_name)
        if described is None:
            return [f"{where}: the description knows no type {type_name}"]
        if "subtypes" in described:
            return self._check_union(described["subtypes"], value, where)
        if not isinstance(value, dict):
            return [f"{where}: {_show(value)} is not a {type_name}"]
        fields = described.get("fields", [])
        return self._check_fields(fields, value, where) + _check_exclusion(described, value, where)

    def _check_fields(self, fields: list[dict[str, Any]], value: dict[str, Any], where: str) -> list[str]:
        known = {field["name"]: field for field in fields}
        problems = [f"{where}: unknown field {name}" for name in value if name not in known]
        required = [name for name, field in known.items() if field["required"]]
        problems += [f"{where}: {name} is missing" for name in required if name not in value]
        for name, given in value.items():
            if name in known:
                inside = f"{where}.{name}"
                wrong = self._check_union(known[name]["types"], given, inside)
                problems += wrong or _check_limits(known[name]["description"], given, inside)
        return problems

    def _check_union(self, types: list[str], value: Any, where: str) -> list[str]:
        """The problems with the type that fits best."""
        best: list[str] | None = None
        for type_name in types:
            problems = self.check_object(type_name, value, where)
            if not problems:
                return []
            # Of several types the one whose own mark ("type", "status") fits is the one that was meant.
            if best is None or (_misses_mark(problems), len(problems)) < (_misses_mark(best), len(best)):
                best = problems
        return best or []


@functools.cache
def load() -> Spec | None:
    """The description, read once; None where LAPOR_SHARED names no folder that has it."""
    shared = os.environ.get("LAPOR_SHARED")
    path = Path(shared) / "peers" / SPEC_FILE if shared else None
    if path is None or not path.is_file():
        return None
    return Spec(json.loads(path.read_text(encoding="utf-8")))


def count_units(text: str) -> int:
    """The length of a text as Telegram counts it: in UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _types_of(fields: list[dict[str, Any]], name: str) -> list[str]:
    return next((field["types"] for field in fields if field["name"] == name), [])


def _parse(value: Any, types: list[str]) -> Any:
    if not isinstance(value, str) or "String" in types or not types:
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _check_plain(type_name: str, value: Any, where: str) -> list[str]:
    is_stray_bool = isinstance(value, bool) and type_name != "Boolean"
    if isinstance(value, PLAIN[type_name]) and not is_stray_bool:
        return []
    return [f"{where}: {_show(value)} is not a {type_name}"]


def _check_limits(description: str, value: Any, where: str) -> list[str]:
    plain = description.replace("“", '"').replace("”", '"')
    if isinstance(value, str):
        return _check_text(plain, value, where)
    if isinstance(value, int) and (limits := RANGE.search(plain)):
        low, high = int(limits[1]), int(limits[2])
        return [] if low <= value <= high else [f"{where}: {value} is not between {low} and {high}"]
    return []


def _check_text(description: str, value: str, where: str) -> list[str]:
    problems = []
    if limits := LENGTH.search(description):
        low, high, unit = int(limits[1] or 0), int(limits[2]), limits[3]
        length = len(value.encode("utf-8", "surrogatepass")) if unit == "bytes" else count_units(value)
        if not low <= length <= high:
            problems.append(f"{where}: {length} {unit}, not {low} to {high}")
    if ALPHABET.search(description) and not re.fullmatch(r"[A-Za-z0-9_-]*", value):
        problems.append(f"{where}: characters other than A-Z, a-z, 0-9, _ and -")
    if constant := CONSTANT.search(description):
        expected = constant[1] or constant[2]
        if value != expected:
            problems.append(f"{where}: {value!r} is not the mark {expected!r}")
    elif (choices := CHOICES.search(description)) and value not in re.findall(r"\"([^\"]+)\"", choices[1]):
        problems.append(f"{where}: {value!r} is none of {choices[1]}")
    return problems


def _check_exclusion(described: dict[str, Any], value: dict[str, Any], where: str) -> list[str]:
    text = " ".join(described["description"])
    if rule := EXACTLY_ONE.search(text):
        aside = set(re.split(r", and |, | and ", rule[1]))
        used = sorted(value.keys() - aside)
        return [] if len(used) == 1 else [f"{where}: exactly one kind must be used, not {used}"]
    if AT_MOST_ONE.search(text):
        optional = {field["name"] for field in described["fields"] if not field["required"]}
        used = sorted(value.keys() & optional)
        return [] if len(used) <= 1 else [f"{where}: at most one may be present, not {used}"]
    return []


def _misses_mark(problems: list[str]) -> bool:
    return any("is not the mark" in each for each in problems)


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
