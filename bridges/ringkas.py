"""SP4N-LAPOR!'s "Laporan Ringkas", as its officers download it: XLSX or CSV, some lines of what it is, then the table
(domain specification 2.10). Our own export has the same shape (desk/export.py) and is read as well.

What leaves this module has no names and no stories. "Nama Pelapor" is never looked at, of what was reported only a
ticket of ours, and a Rahasia row keeps no title. A row with something wrong in it keeps nothing but its number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, tzinfo
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from rapidfuzz.distance import OSA

from bridges import cells, dates
from bridges.cells import Line, Sheet, Unreadable

# SP4N's own columns, in its order and spelling.
COLUMNS = (
    "Tracking ID",
    "Tanggal Laporan Masuk",
    "Waktu Laporan Masuk",
    "Nama Pelapor",
    "Klasifikasi Laporan",
    "ID Kategori",
    "Kategori",
    "Judul Laporan",
    "Isi Laporan Awal",
    "Isi Laporan Akhir",
    "Tipe Laporan",
    "Sumber Laporan",
    "Instansi Induk",
    "ID Instansi Terdisposisi",
    "Instansi Terdisposisi",
    "Status Laporan",
    "Alasan Tunda/Arsip",
    "Provinsi",
    "Kota/Kabupaten",
    "Kecamatan",
    "Kelurahan",
)
TRACKING, DAY, CLOCK, KIND, STATUS = COLUMNS[0], COLUMNS[1], COLUMNS[2], COLUMNS[10], COLUMNS[15]
STORIES = (COLUMNS[8], COLUMNS[9])
# What our own export has beside them: the zone that its times are told in, and the ticket.
ZONE, OUR_TICKET = "Zona Waktu", "Tiket Kanal"
NEEDED = (TRACKING, STATUS)
MOST_ROWS = 200_000
# The lines above the table, by what they begin with.
_ABOVE = {
    "judullaporan": "title",
    "namainstansi": "agency",
    "tanggalgenerate": "generated",
    "tanggalgenerated": "generated",
    "periodemasuk": "period",
    "periode": "period",
}
_HEADINGS_WITHIN = 30
# Other names of a column; a slip of two letters is seen without.
_ALIASES = {
    "trackingidlaporan": TRACKING,
    "idlaporan": TRACKING,
    "nomortracking": TRACKING,
    "notracking": TRACKING,
    "tanggalmasuk": DAY,
    "tgllaporanmasuk": DAY,
    "waktumasuk": CLOCK,
    "klasifikasi": COLUMNS[4],
    "tipe": KIND,
    "sumber": COLUMNS[11],
    "disposisi": COLUMNS[14],
    "instansiterdisposisiid": COLUMNS[13],
    "status": STATUS,
    "alasantunda": COLUMNS[16],
    "alasanarsip": COLUMNS[16],
    "kabupatenkota": COLUMNS[18],
    "kabkota": COLUMNS[18],
    "kotakab": COLUMNS[18],
    "kelurahandesa": COLUMNS[20],
    "desakelurahan": COLUMNS[20],
}
_READ = (*COLUMNS, ZONE, OUR_TICKET)
# Columns whose cells nothing is taken of but a ticket, or nothing at all.
_UNREAD = ("Nama Pelapor", *STORIES)
# The columns that are kept as they are: under which name, and how long one may be.
_KEPT = {
    "Klasifikasi Laporan": ("report_class", 100),
    "ID Kategori": ("category_id", 40),
    "Kategori": ("category", 300),
    "Judul Laporan": ("title", 500),
    "Sumber Laporan": ("source", 300),
    "Instansi Induk": ("parent_agency", 300),
    "Instansi Terdisposisi": ("agency", 1000),
    "Status Laporan": ("raw_status", 300),
    "Alasan Tunda/Arsip": ("reason", 4000),
    "Provinsi": ("province", 200),
    "Kota/Kabupaten": ("city", 200),
    "Kecamatan": ("district", 200),
    "Kelurahan": ("village", 200),
}
_TRACKING_ID = re.compile(r"([0-9]{7,10})(?:[.,]0+)?")
_TICKET = re.compile(r"T-[0-9]{3}-[0-9]{3}-[0-9]{4}", re.IGNORECASE)
# The line that our hand-over puts under a story; SP4N may have changed its capitals and its spaces.
_TICKET_LINE = re.compile(r"tiket\s+kanal\s*:\s*(T-[0-9]{3}-[0-9]{3}-[0-9]{4})(?![0-9])", re.IGNORECASE)
_SERIAL = re.compile(r"[0-9]{5}(\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table; `line` is its number in the file, from 1.

    `external_id` is its Tracking ID where that is SP4N's; `ticket` one of ours that stands in its story, or in place of
    the Tracking ID (`own`: as in our own export, of a report that SP4N has not). `problems` are (column, key of texts,
    the number of another row or ""). `facts` hold title, report_class, category_id, category, anonymous, secret,
    source, parent_agency, agency, raw_status, reason, province, city, district, village, and filed_at in ISO (UTC);
    nothing at all where there are problems.
    """

    line: int
    external_id: str | None
    ticket: str | None
    own: bool
    facts: Mapping[str, Any]
    problems: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Export:
    """A file: what stands above its table, about how many rows it has, which columns are missing and which nobody
    knows, keys of what was noticed (windows, no_generated, no_kind), whether it is one of our own exports, and its
    rows, to be read once, which raise `Unreadable` as well."""

    title: str | None
    agency: str | None
    generated_at: datetime | None
    period: str | None
    expected: int
    missing: tuple[str, ...]
    strangers: tuple[str, ...]
    notes: tuple[str, ...]
    ours: bool
    rows: Iterator[Row]


def read(file: BinaryIO | Path) -> Export:
    """Begin to read a file, which stays open until its rows are read. Slow for a large one: in a thread.

    Times are UTC unless the file says otherwise. Raises `Unreadable`: what `cells.sheets` raises, headings (missing),
    heading_twice (heading), no_rows.
    """
    opened = file.open("rb") if isinstance(file, Path) else file
    found = [(sheet, *_headings(sheet)) for sheet in cells.sheets(opened)]
    sheet, table, above = max(found, key=lambda each: len(each[1].places))
    if missing := [each for each in NEEDED if each not in table.places]:
        broken = next((each.trouble for _, each, _ in found if each.trouble), None)
        raise broken or Unreadable("headings", missing=", ".join(missing))
    if table.twice:
        raise Unreadable("heading_twice", heading=table.twice)
    generated = _generated(above.get("generated", ""))
    notes = [*sheet.notes]
    if generated is None:
        notes.append("no_generated")
    if KIND not in table.places:
        notes.append("no_kind")
    return Export(
        title=above.get("title"),
        agency=above.get("agency"),
        generated_at=generated,
        period=above.get("period"),
        expected=max(sheet.expected - table.line, 0),
        missing=tuple(each for each in COLUMNS if each not in table.places),
        strangers=table.strangers,
        notes=tuple(notes),
        ours=ZONE in table.places and OUR_TICKET in table.places,
        rows=_rows(sheet, table),
    )


# --- above the table ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Table:
    """Where the table is: the line of its headings, these as they are written, the place of each column, how wide it
    is; what was not understood. `trouble` is what kept the beginning of a sheet from being read."""

    line: int = 0
    headings: Sequence[str] = ()
    places: Mapping[str, int] = field(default_factory=dict)
    width: int = 0
    strangers: tuple[str, ...] = ()
    twice: str | None = None
    trouble: Unreadable | None = None


def _headings(sheet: Sheet) -> tuple[_Table, dict[str, str]]:
    """The table of a sheet and what stands above it, by the row, or the two rows where cells are merged, that know most
    columns."""
    first: list[Line] = []
    try:
        first += islice(sheet.lines(), _HEADINGS_WITHIN)
    except Unreadable as trouble:
        if trouble.key in ("bomb", "broken"):
            raise
        return _Table(trouble=trouble), {}
    best, begins = _Table(), 0
    for index, line in enumerate(first):
        one = _table(line.number, line.cells)
        if len(one.places) > len(best.places):
            best, begins = one, index
        if index:
            above = first[index - 1].cells
            width = max(len(above), len(line.cells))
            padded = [*above, *[""] * (width - len(above))], [*line.cells, *[""] * (width - len(line.cells))]
            two = _table(line.number, [lower.strip() or upper for upper, lower in zip(*padded, strict=True)])
            # A row of the table below its headings adds nothing to them.
            if len(two.places) > len(best.places) and len(one.places) > 0:
                best, begins = two, index - 1
    return best, _above(first[:begins])


def _above(lines: Sequence[Line]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        filled = [each for each in map(cells.clean, line.cells) if each]
        label, colon, rest = filled[0].partition(":") if filled else ("", "", "")
        name = _ABOVE.get(_compact(label))
        value = rest.strip() if colon and rest.strip() else " ".join(filled[1:]).lstrip(": ")
        if name and value:
            found.setdefault(name, value[:300])
    return found


def _generated(written: str) -> datetime | None:
    try:
        return dates.moment(cells.serial(written) if _SERIAL.fullmatch(written) else written).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _compact(written: str) -> str:
    return "".join(each for each in written.casefold() if each.isalnum())


_BY_COMPACT = {_compact(each): each for each in _READ} | _ALIASES


def _table(number: int, headings: Sequence[str]) -> _Table:
    """What these cells are as headings: those that are spelt right first, then what is nearest to the others."""
    compact = {place: _compact(each) for place, each in enumerate(headings) if each.strip()}
    places: dict[str, int] = {}
    twice = None
    for place, name in compact.items():
        if (known := _BY_COMPACT.get(name)) is not None:
            twice = known if known in places else twice
            places.setdefault(known, place)
    taken = set(places.values())
    for place, name in compact.items():
        if place not in taken and len(name) >= 6:
            free = [(OSA.distance(name, _compact(each), score_cutoff=2), each) for each in _READ if each not in places]
            near = sorted(pair for pair in free if pair[0] <= (2 if len(name) >= 10 else 1))
            if near and (len(near) == 1 or near[0][0] < near[1][0]):
                places[near[0][1]] = place
    strangers = tuple(cells.clean(headings[place])[:60] for place in compact if place not in places.values())
    return _Table(number, headings, places, max(compact, default=-1) + 1, strangers, twice)


# --- the table ------------------------------------------------------------------------------------------------------


def _rows(sheet: Sheet, table: _Table) -> Iterator[Row]:
    known: dict[str, int] = {}
    tickets: dict[str, int] = {}
    count, at, heading = 0, table.places[TRACKING], _compact(table.headings[table.places[TRACKING]])
    for line in sheet.lines():
        if line.number <= table.line or (at < len(line.cells) and _compact(line.cells[at]) == heading):
            continue  # the headings again, as on each page
        count += 1
        if count > MOST_ROWS:
            raise Unreadable("too_many")
        row = _Reading(line, table).row(known, tickets)
        if row.external_id is not None:
            known.setdefault(row.external_id, row.line)
        if row.ticket is not None and not row.problems:
            tickets.setdefault(row.ticket, row.line)
        yield row
    if not count:
        raise Unreadable("no_rows")


class _Reading:
    """One row as it is read: what each column says, and what is wrong with it."""

    def __init__(self, line: Line, table: _Table) -> None:
        self._line, self._places = line, table.places
        self._problems: list[tuple[str, str, str]] = []
        odd = {place: name for name, place in table.places.items() if place in line.odd}
        for place, name in odd.items():
            if line.odd[place] in ("formula", "error_value", "too_long") and name not in _UNREAD:
                self._wrong(name, line.odd[place])
        if any(cell.strip() for cell in line.cells[table.width :]):
            self._wrong("", "cells")

    def _wrong(self, column: str, key: str, said: str = "") -> None:
        self._problems.append((column, key, said))

    def _said(self, column: str) -> str:
        place = self._places.get(column)
        return cells.clean(self._line.cells[place]) if place is not None and place < len(self._line.cells) else ""

    def row(self, known: Mapping[str, int], tickets: Mapping[str, int]) -> Row:
        """The row; `known` and `tickets` are those of the rows before, with their lines."""
        external_id, ticket = self._tracking_id(known)
        own = ticket is not None
        if ticket is None:
            ticket = self._ticket()
            if ticket is not None and ticket in tickets:
                self._wrong(STORIES[0], "ticket_twice", str(tickets[ticket]))
        facts = self._facts()
        if self._problems:
            return Row(self._line.number, external_id, None, False, {}, tuple(dict.fromkeys(self._problems)))
        return Row(self._line.number, external_id, ticket, own, facts, ())

    def _tracking_id(self, known: Mapping[str, int]) -> tuple[str | None, str | None]:
        said = self._said(TRACKING)
        if _TICKET.fullmatch(said):
            return None, said.upper()
        found = _TRACKING_ID.fullmatch(said)
        if found is None:
            self._wrong(TRACKING, "not_an_id" if said else "missing")
            return None, None
        if found[1] in known:
            self._wrong(TRACKING, "twice", str(known[found[1]]))
        return found[1], None

    def _ticket(self) -> str | None:
        """A ticket of ours: in our own column, or in the line that our hand-over has put under the story."""
        if _TICKET.fullmatch(said := self._said(OUR_TICKET)):
            return said.upper()
        for column in STORIES:
            place = self._places.get(column)
            if place is not None and place < len(self._line.cells):
                for found in _TICKET_LINE.finditer(self._line.cells[place]):
                    return found[1].upper()
        return None

    def _facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = {}
        for column, (name, longest) in _KEPT.items():
            said = self._said(column)
            if len(said) > longest:
                self._wrong(column, "too_long")
            facts[name] = said or None
        if facts["raw_status"] is None:
            self._wrong(STATUS, "missing")
        facts["anonymous"], facts["secret"] = self._kind()
        if facts["secret"]:
            facts["title"] = facts["reason"] = None
        if facts["category_id"] is not None:
            facts["category_id"] = re.sub(r"\.0+$", "", facts["category_id"])
        facts["filed_at"] = self._filed_at()
        return facts

    def _kind(self) -> tuple[bool, bool]:
        """Whether it is Anonim, and Rahasia. Without that column nobody knows, so that it is held to be both."""
        if KIND not in self._places:
            return True, True
        said = self._said(KIND)
        words = {each.strip(" -") for each in re.split(r"[|,;/&+]|\bdan\b", said.casefold())} - {""}
        if words - {"anonim", "rahasia", "publik", "terbuka", "normal"}:
            self._wrong(KIND, "not_a_kind")
        return "anonim" in words, "rahasia" in words

    def _filed_at(self) -> str | None:
        day, clock, zone = self._said(DAY), self._said(CLOCK), self._zone()
        if not day:
            return None
        at = self._of(DAY, "not_a_day", lambda: dates.moment(_readable(day), zone))
        if at is not None and clock:
            hour = self._of(CLOCK, "not_a_time", lambda: _clock(clock))
            at = None if hour is None else datetime.combine(at.date(), hour, at.tzinfo)
        if at is None:
            return None
        if not 2000 <= at.year < 2100:
            self._wrong(DAY, "not_a_day")
            return None
        filed_at: datetime = at.astimezone(UTC)
        return filed_at.isoformat()

    def _zone(self) -> tzinfo:
        said = self._said(ZONE)
        if said and said.upper() not in dates.ZONES:
            self._wrong(ZONE, "not_a_zone")
        return dates.ZONES.get(said.upper(), UTC)

    def _of(self, column: str, key: str, reads: Callable[[], Any]) -> Any:
        try:
            return reads()
        except (ValueError, OverflowError):
            self._wrong(column, key)
            return None


def _readable(written: str) -> str:
    """A day that a program has kept as a number, as ISO has it."""
    return cells.serial(written) if _SERIAL.fullmatch(written) else written


def _clock(written: str) -> time:
    if re.fullmatch(r"0?\.[0-9]+|0", written):
        return dates.clock(cells.serial(written))
    try:
        return dates.clock(written)
    except ValueError:
        return dates.moment(written).time()
