"""Master data in sheets: what each column means, what is wrong with a row, and what a file would change.

A file becomes a `Plan` by comparing it with the rows of now; nothing is written. To apply it the file is read again
with the table locked, and only a plan with the same digest is carried out: what was shown is what is done. Nothing is
ever deleted: what a file does not name stays as it is.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import Table, and_, bindparam, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import sheets, tables, templates
from store.agencies import load_functions
from store.regions import DATA, Regions
from store.sheets import Cell, Line, Sheet

Values = Mapping[str, Any]
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a sheet. `kind` says how its cells are read; see store/data/sheets.toml."""

    name: str
    heading: str
    kind: str
    note: str
    required: bool = False
    longest: int = 300
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kind:
    """One sort of master data: its table, the columns that a row is known by, and all columns in order."""

    name: str
    table: Table
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(each for each in self.columns if each.name == name)

    def key_of(self, values: Values) -> Key:
        """What a row is known by."""
        return tuple(values[name] for name in self.key)


@cache
def kinds() -> Mapping[str, Kind]:
    """All sorts of master data that can be imported and exported, by name."""
    found = tomllib.loads((DATA / "sheets.toml").read_text(encoding="utf-8"))
    return {
        name: Kind(
            name,
            tables.metadata.tables[sheet["table"]],
            tuple(sheet["key"]),
            tuple(Column(**{**each, "choices": tuple(each.get("choices", ()))}) for each in sheet["columns"]),
        )
        for name, sheet in found.items()
    }


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a cell, or a row (no heading). `key` says what; its parameters hold the cell's own text."""

    line: int
    cell: str
    heading: str
    key: str
    parameters: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Note:
    """What an officer should look at, though nothing is wrong with it."""

    line: int
    key: str
    parameters: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """A column that would change, in the words of the sheet."""

    name: str
    heading: str
    was: str
    becomes: str


@dataclass(frozen=True, slots=True)
class Change:
    """A row that would be "added", "changed" or "ended" (it gets an earlier last day)."""

    line: int
    how: str
    key: Key
    differences: tuple[Difference, ...]
    values: Values

    @property
    def name(self) -> str:
        """What it is known by, in one line."""
        return " · ".join(_written(each) for each in self.key if each is not None)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a file would do. It can be carried out if it has no faults; `same` counts the rows that change nothing."""

    kind: str
    changes: tuple[Change, ...]
    faults: tuple[Fault, ...]
    notes: tuple[Note, ...]
    same: int
    digest: str

    def count(self, how: str) -> int:
        """How many rows would be added, changed or ended."""
        return sum(each.how == how for each in self.changes)


class Outdated(Exception):
    """The rows have changed since the plan was shown, or the file has faults now. `plan` is the present one."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan.digest)
        self.plan = plan


# --- cells ---------------------------------------------------------------------------------------------------


class Wrong(Exception):
    """A value cannot be what its column says. `key` says why."""

    def __init__(self, key: str, **parameters: object) -> None:
        super().__init__(key)
        self.key, self.parameters = key, parameters


_YES, _NO = ("ya", "yes", "y", "1", "true", "benar"), ("tidak", "no", "n", "0", "false", "salah", "")
_MONTHS = (
    "januari februari maret april mei juni juli agustus september oktober november desember".split(),
    "jan feb mar apr mei jun jul agu sep okt nov des".split(),
)
_DAY_FIRST = re.compile(r"(\d{1,2})\s*[-/. ]\s*(\d{1,2}|[A-Za-z]+)\s*[-/. ]\s*(\d{4})")


def a_day(written: str) -> date:
    """A day as people write it: 2026-01-31, 31/01/2026, 31 Januari 2026. Raises `Wrong`."""
    try:
        if found := _DAY_FIRST.fullmatch(written):
            return date(int(found[3]), _month(found[2]), int(found[1]))
        return date.fromisoformat(written)
    except ValueError:
        raise Wrong("not_a_day", said=written[:40]) from None


def _month(written: str) -> int:
    if written.isdigit():
        return int(written)
    for names in _MONTHS:
        if written.lower() in names:
            return names.index(written.lower()) + 1
    raise ValueError(written)


def several(written: str) -> list[str]:
    """The words of a cell with several, each once."""
    return list(dict.fromkeys(filter(None, (each.strip() for each in written.split("|")))))


def _read(column: Column, cell: Cell) -> Any:
    """The value of a cell. Raises `Wrong`."""
    if cell.problem:
        raise Wrong(cell.problem)
    written = cell.text
    if column.kind == "words":
        return several(written)
    if column.kind == "flag":
        if written.lower() not in (*_YES, *_NO):
            raise Wrong("not_a_flag", said=written[:40])
        return written.lower() in _YES
    if not written:
        return None
    if len(written) > column.longest:
        raise Wrong("too_long", most=column.longest)
    if column.kind == "date":
        return a_day(written)
    if column.kind == "number":
        if not re.fullmatch(r"-?\d{1,9}", written):
            raise Wrong("not_a_number", said=written[:40])
        return int(written)
    if column.kind == "choice" and written.lower() in (lower := {each.lower(): each for each in column.choices}):
        return lower[written.lower()]
    return written


def _written(value: Any) -> str:
    """A value as it stands in a sheet."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "ya" if value else "tidak"
    if isinstance(value, list | tuple):
        return "|".join(map(str, value))
    return value.isoformat() if isinstance(value, date) else str(value)


# --- what is wrong with a row --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class World:
    """What rows refer to: the kinds of regions and the parents of categories by code, the codes of agencies, as they
    would be. `home` is the province whose Kominfo gets what belongs nowhere."""

    regions: Mapping[str, str]
    agencies: frozenset[str]
    categories: Mapping[str, str | None]
    home: str


Found = tuple[str, str, Mapping[str, object]]
_CODE = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_REGION_KINDS = (("provinsi",), ("kabupaten", "kota"), ("kecamatan",), ("desa", "kelurahan"))
_REGION_CODE = re.compile(r"\d\d(?:\.\d\d(?:\.\d\d(?:\.\d{4})?)?)?")
_SOURCE = re.compile(r"\[(?:V|V-sec|U)\] \S")
_FUNCTIONS = frozenset(each.function for each in load_functions())


def wrong(kind: Kind, values: Values, world: World) -> list[Found]:
    """What is wrong with a row: the column, what, and its parameters. Columns that are not given are not looked at."""
    found: list[Found] = []
    for column in kind.columns:
        if column.name not in values:
            continue
        value = values[column.name]
        if column.required and value in (None, "", []):
            found.append((column.name, "required", {}))
        elif column.kind == "choice" and value is not None and value not in column.choices:
            found.append((column.name, "not_a_choice", {"choices": ", ".join(column.choices)}))
        elif column.kind == "agency" and value is not None and value not in world.agencies:
            found.append((column.name, "unknown_agency", {"said": str(value)[:80]}))
        elif column.kind == "region" and value is not None and value not in world.regions:
            found.append((column.name, "unknown_region", {"said": str(value)[:80]}))
        elif isinstance(value, list) and any(not each.strip() or "|" in each or len(each) > 120 for each in value):
            found.append((column.name, "words", {}))
        elif isinstance(value, str) and len(value) > column.longest:
            found.append((column.name, "too_long", {"most": column.longest}))
        elif isinstance(value, str) and not sheets.is_writable(value):
            found.append((column.name, "characters", {}))
    begins, ends = values.get("valid_from"), values.get("valid_to")
    if begins and ends and ends < begins:
        found.append(("valid_to", "ends_before", {}))
    seen = {name for name, _, _ in found}
    return found + [each for each in _OWN[kind.name](values, world) if each[0] not in seen]


def _wrong_agency(values: Values, world: World) -> Iterable[Found]:
    code = values.get("code")
    if code and not _CODE.fullmatch(code):
        yield "code", "code", {}
    if strangers := sorted(set(values.get("functions") or ()) - _FUNCTIONS):
        yield "functions", "unknown_function", {"said": ", ".join(strangers)[:80]}
    if code and values.get("parent") == code:
        yield "parent", "own_parent", {}
    if world.regions.get(values.get("region") or "") in ("desa", "kelurahan"):
        yield "region", "region_too_small", {}


def _wrong_region(values: Values, world: World) -> Iterable[Found]:
    code, kind = values.get("code") or "", values.get("kind")
    if not _REGION_CODE.fullmatch(code):
        yield "code", "region_code", {}
        return
    if kind is not None and kind not in _REGION_KINDS[code.count(".")]:
        yield "kind", "region_kind", {"kinds": " / ".join(_REGION_KINDS[code.count(".")])}
    parent = code.rpartition(".")[0]
    if "parent" in values and (values["parent"] or "") != parent:
        yield "parent", "region_parent", {"parent": parent or "–"}
    elif parent and parent not in world.regions:
        yield "parent", "unknown_region", {"said": parent}


def _wrong_category(values: Values, world: World) -> Iterable[Found]:
    code, parent = values.get("code") or "", values.get("parent")
    if not _CODE.fullmatch(code):
        yield "code", "code", {}
    if parent is not None and parent not in world.categories:
        yield "parent", "unknown_category", {"said": str(parent)[:80]}
        return
    above, steps = parent, 0
    while above is not None and steps < 10:
        if above == code:
            yield "parent", "own_parent", {}
            return
        above, steps = world.categories.get(above), steps + 1
    if steps == 10:
        yield "parent", "own_parent", {}
    if (number := values.get("sp4n_id")) is not None and not 0 < number < 10**8:
        yield "sp4n_id", "not_a_number", {"said": str(number)}


def _wrong_day(values: Values, world: World) -> Iterable[Found]:
    if (day := values.get("day")) and not 2000 <= day.year <= 2100:
        yield "day", "not_a_day", {"said": day.isoformat()}


def _wrong_rule(values: Values, world: World) -> Iterable[Found]:
    days, before = values.get("working_days"), values.get("remind_days_before")
    if days is not None and not 1 <= days <= 366:
        yield "working_days", "days", {}
    elif before is not None and not 0 <= before < (days or 367):
        yield "remind_days_before", "remind", {}
    if (source := values.get("source")) and not _SOURCE.match(source):
        yield "source", "source", {}


def _wrong_template(values: Values, world: World) -> Iterable[Found]:
    if values.get("region") and values.get("agency"):
        yield "agency", "two_owners", {}


_OWN: Mapping[str, Callable[[Values, World], Iterable[Found]]] = {
    "instansi": _wrong_agency,
    "wilayah": _wrong_region,
    "kategori": _wrong_category,
    "hari-libur": _wrong_day,
    "aturan-waktu": _wrong_rule,
    "templat": _wrong_template,
}


async def world(connection: AsyncConnection, home: str) -> World:
    """What rows may refer to now."""
    regions = await connection.execute(select(tables.regions.c.code, tables.regions.c.kind))
    categories = await connection.execute(select(tables.categories.c.code, tables.categories.c.parent))
    return World(
        regions={row.code: row.kind for row in regions},
        agencies=frozenset((await connection.execute(select(tables.agencies.c.code))).scalars()),
        categories={row.code: row.parent for row in categories},
        home=home,
    )


# --- what a file would do ------------------------------------------------------------------------------------


async def rows(connection: AsyncConnection, kind: Kind) -> dict[Key, dict[str, Any]]:
    """The rows of now by what they are known by, in the order of an export."""
    names = [each.name for each in kind.columns]
    found = await connection.execute(select(*(kind.table.c[name] for name in names)))
    values = [dict(row) for row in found.mappings()]
    values.sort(key=lambda each: [_written(part) for part in kind.key_of(each)])
    return {kind.key_of(each): each for each in values}


def written(kind: Kind, values: Values) -> list[str]:
    """A row as it stands in a sheet."""
    return [_written(values[each.name]) for each in kind.columns]


def plan(
    kind: Kind,
    content: bytes,
    now: Mapping[Key, Values],
    known: World,
    regions: Regions,
    today: date,
    used: Mapping[str, int] | None = None,
) -> Plan:
    """What a file would do to the rows of `now`; `used` counts the reports that agencies have in hand.

    Slow for a large file: in a thread. Raises `sheets.Unreadable`.
    """
    sheet = sheets.read(
        content, [each.heading for each in kind.columns], [each.heading for each in kind.columns if each.required]
    )
    notes = [Note(0, key) for key in sheet.notes]
    if sheet.strangers:
        notes.append(Note(0, "strangers", {"headings": ", ".join(sheet.strangers)[:200]}))
    faults: list[Fault] = []
    read: list[tuple[Line, dict[str, Any]]] = []
    for line in sheet.lines:
        values, problems = _values(kind, line, sheet, regions, notes)
        faults += problems
        if not problems:
            read.append((line, values))
    would = _would_be(kind, known, [values for _, values in read])
    changes, same = [], 0
    seen: dict[Key, int] = {}
    for line, values in read:
        problems = [_fault(kind, line, sheet.places, *each) for each in wrong(kind, values, would)]
        key = kind.key_of(values)
        if not problems and key in seen:
            problems = [_fault(kind, line, sheet.places, kind.key[0], "twice", {"line": seen[key]})]
        seen.setdefault(key, line.number)
        faults += problems
        if problems:
            continue
        change = _change(kind, line, key, now.get(key), values)
        if change is None:
            same += 1
        else:
            changes.append(change)
            notes += _notes(kind, change, now, used or {})
    faults += _wrong_together(kind, changes, now, known.home, today)
    order = {column.heading: index for index, column in enumerate(kind.columns)}
    return Plan(
        kind.name,
        tuple(changes),
        tuple(sorted(faults, key=lambda each: (each.line, order.get(each.heading, 0)))),
        tuple(_once(notes)),
        same,
        _digest(changes),
    )


def _once(notes: Iterable[Note]) -> Iterable[Note]:
    """The notes; what is said of a year is said once."""
    years: set[object] = set()
    for note in notes:
        year = note.parameters.get("year")
        if year not in years:
            yield note
        if year is not None:
            years.add(year)


def _values(
    kind: Kind, line: Line, sheet: Sheet, regions: Regions, notes: list[Note]
) -> tuple[dict[str, Any], list[Fault]]:
    values: dict[str, Any] = {}
    faults = []
    places = sheet.places
    for column in kind.columns:
        if column.heading not in places:
            continue
        at = places[column.heading]
        cell = line.cells[at] if at < len(line.cells) else Cell("")
        try:
            value = _read(column, cell)
            if value is not None and (
                column.kind == "region" or (kind.name == "wilayah" and column.name in ("code", "parent"))
            ):
                value = _region(column, cell, regions, line, notes)
            values[column.name] = value
        except Wrong as error:
            faults.append(_fault(kind, line, places, column.name, error.key, error.parameters))
    if any(cell.text for cell in line.cells[sheet.width :]):
        # A comma in a text without quotes moves all that follows it.
        faults = [Fault(line.number, sheets.place(sheet.width, line.number), "", "too_many_cells")]
    # A part of the key that the sheet has no column for is empty.
    for name in kind.key:
        if not any(fault.heading == kind.column(name).heading for fault in faults):
            values.setdefault(name, None)
    return values, faults


def _region(column: Column, cell: Cell, regions: Regions, line: Line, notes: list[Note]) -> str:
    """The Kemendagri code that is meant; a code without dots is one of BPS, which numbers some places differently."""
    written = cell.text
    if cell.counted and "." in written:
        # A program has taken 16.10 for a number and dropped its last zero.
        return f"{float(written):.2f}"
    if len(written) <= 2 or "." in written:
        return written
    found = regions.from_bps(written)
    if found is None:
        raise Wrong("unknown_region", said=written[:80])
    if len(written) > 4:
        raise Wrong("bps_too_long", said=written[:80], code=found)
    notes.append(
        Note(
            line.number,
            "bps",
            {"heading": column.heading, "said": written, "code": found, "name": regions.full_name(found)},
        )
    )
    return found


def _fault(
    kind: Kind, line: Line, places: Mapping[str, int], name: str, key: str, parameters: Mapping[str, object]
) -> Fault:
    heading = kind.column(name).heading
    return Fault(
        line.number, sheets.place(places[heading], line.number) if heading in places else "", heading, key, parameters
    )


def _would_be(kind: Kind, known: World, read: Sequence[Values]) -> World:
    """The world with the rows of the file in it: they may refer to each other."""
    if kind.name == "instansi":
        return World(
            known.regions,
            known.agencies | {each["code"] for each in read if each["code"]},
            known.categories,
            known.home,
        )
    if kind.name == "wilayah":
        return World(
            {**known.regions, **{each["code"]: each.get("kind") or "" for each in read if each["code"]}},
            known.agencies, known.categories, known.home,
        )  # fmt: skip
    if kind.name == "kategori":
        named = {each["code"]: each.get("parent") for each in read if each["code"]}
        return World(known.regions, known.agencies, {**known.categories, **named}, known.home)
    return known


def _change(kind: Kind, line: Line, key: Key, was: Values | None, values: Mapping[str, Any]) -> Change | None:
    if was is None:
        whole = {each.name: values.get(each.name, [] if each.kind == "words" else None) for each in kind.columns}
        for each in kind.columns:
            if each.kind == "flag":
                whole[each.name] = bool(whole[each.name])
        differences = tuple(
            Difference(each.name, each.heading, "", shown)
            for each in kind.columns
            if (shown := _written(whole[each.name]))
        )
        return Change(line.number, "added", key, differences, whole)
    whole = {**was, **values}
    differences = tuple(
        Difference(each.name, each.heading, _written(was[each.name]), _written(whole[each.name]))
        for each in kind.columns
        if _plain(was[each.name]) != _plain(whole[each.name])
    )
    if not differences:
        return None
    ends, ended = whole.get("valid_to"), was.get("valid_to")
    how = "ended" if ends is not None and (ended is None or ends < ended) else "changed"
    return Change(line.number, how, key, differences, whole)


def _plain(value: Any) -> str:
    """A value as reading it from a sheet would give it, so that what only differs around the edges is the same."""
    if isinstance(value, list | tuple):
        return "|".join(several("|".join(sheets.clean(str(each)) for each in value)))
    return sheets.clean(_written(value))


def _notes(kind: Kind, change: Change, now: Mapping[Key, Values], used: Mapping[str, int]) -> Iterable[Note]:
    if kind.name == "instansi" and change.how == "ended" and (count := used.get(change.key[0], 0)):
        yield Note(change.line, "in_use", {"count": count})
    if kind.name == "wilayah" and any(each.name == "timezone" for each in change.differences) and change.how != "added":
        yield Note(change.line, "timezone")
    if kind.name == "hari-libur" and change.values["day"].year not in {key[0].year for key in now}:
        yield Note(change.line, "new_year", {"year": change.values["day"].year})
    if kind.name == "templat" and (names := templates.unknown(change.values["body"] or "")):
        yield Note(change.line, "placeholders", {"names": ", ".join(f"{{{each}}}" for each in names)[:120]})


def _wrong_together(
    kind: Kind, changes: Sequence[Change], now: Mapping[Key, Values], home: str, today: date
) -> Iterable[Fault]:
    """What is wrong with all rows together, as they would be."""
    after: dict[Key, Values] = {**now, **{each.key: each.values for each in changes}}
    if kind.name == "kategori":
        numbers: dict[int, Key] = {}
        for key, values in after.items():
            other = numbers.setdefault(values["sp4n_id"], key) if values["sp4n_id"] is not None else key
            if other != key:
                line = next((each.line for each in changes if each.key in (key, other)), 0)
                said = {"number": values["sp4n_id"], "code": other[0]}
                yield Fault(line, "", kind.column("sp4n_id").heading, "number_taken", said)
    if kind.name == "instansi" and changes and not any(is_home_kominfo(each, home, today) for each in after.values()):
        yield Fault(0, "", "", "home_kominfo", {})


def is_home_kominfo(values: Values, home: str, today: date) -> bool:
    """Whether this agency is the one that gets what belongs nowhere: without it no process starts."""
    return (
        "kominfo" in values["functions"]
        and (values["region"], values["level"]) == (home, "provinsi")
        and (values["valid_from"] is None or values["valid_from"] <= today)
        and (values["valid_to"] is None or values["valid_to"] >= today)
    )


def _digest(changes: Iterable[Change]) -> str:
    shown = [
        [each.how, [_written(part) for part in each.key], [[d.name, d.was, d.becomes] for d in each.differences]]
        for each in changes
    ]
    return hashlib.sha256(json.dumps(shown, ensure_ascii=False).encode()).hexdigest()


# --- doing it ------------------------------------------------------------------------------------------------


async def lock(connection: AsyncConnection, kind: Kind) -> None:
    """Let nobody else change these rows until the transaction ends; reading, and referring to them, goes on."""
    await connection.execute(text(f"LOCK TABLE {kind.table.name} IN SHARE ROW EXCLUSIVE MODE"))


async def carry_out(connection: AsyncConnection, kind: Kind, doing: Plan, now: datetime) -> None:
    """Write what the plan says, all of it or nothing. The table must be locked since the plan was made."""
    added = [dict(each.values) for each in doing.changes if each.how == "added"]
    others = [each for each in doing.changes if each.how != "added"]
    if added:
        await connection.execute(insert(kind.table), sorted(added, key=lambda row: _depth(kind, row, added)))
    if not others:
        return
    names = [each.name for each in kind.columns if each.name not in kind.key]
    statement = (
        update(kind.table)
        .where(and_(*(kind.table.c[name].is_not_distinct_from(bindparam(f"key_{name}")) for name in kind.key)))
        .values({name: bindparam(f"to_{name}") for name in names})
    )
    if "changed_at" in kind.table.c:
        statement = statement.values(changed_at=now)
    parameters = [
        {f"key_{name}": part for name, part in zip(kind.key, each.key, strict=True)}
        | {f"to_{name}": each.values[name] for name in names}
        for each in others
    ]
    await connection.execute(statement, parameters)


def _depth(kind: Kind, row: Values, added: Sequence[Values]) -> int:
    """How many of the new rows lie above a row: what it lies in must be there first."""
    if kind.name not in ("wilayah", "kategori"):
        return 0
    if kind.name == "wilayah":
        return str(row["code"]).count(".")
    parents = {each["code"]: each["parent"] for each in added}
    depth, above = 0, row["parent"]
    while above in parents and depth < 10:
        depth, above = depth + 1, parents[above]
    return depth


_IN_HAND = text("SELECT agency, count(*) AS reports FROM dispositions WHERE ended_at IS NULL GROUP BY agency")


async def in_hand(connection: AsyncConnection) -> dict[str, int]:
    """How many reports agencies have in hand."""
    return {row.agency: row.reports for row in await connection.execute(_IN_HAND)}
