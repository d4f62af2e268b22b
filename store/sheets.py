"""Sheets of text that people exchange: CSV and XLSX in and out, cell by cell. Their meaning: store/imports.py.

What comes in is somebody's file and is believed nothing: its size, its rows, what it unpacks to, its formulas and its
encoding are looked at before its words are. What goes out cannot become a formula in the reader's program.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

LARGEST = 5 << 20
UNPACKED = 60 << 20
MOST_ROWS = 10_000
# Rows that hold nothing cost time as well: a sheet that somebody has formatted to its end has a million.
_MOST_LINES = 3 * MOST_ROWS
_MOST_COLUMNS = 60
# What a cell of a spreadsheet can hold. A file keeps equal texts once: a longer one, named by many cells, is no sheet.
_LONGEST_CELL = 32_767
# A title, a date and an empty line may stand above the headings.
_HEADINGS_WITHIN = 10
_DELIMITERS = ",;\t"
# A cell that begins so is a formula to a spreadsheet program; an apostrophe before it says that it is text.
_DANGEROUS = re.compile(r"'*[=+\-@\t\r]")
_GUARDED = re.compile(r"'+[=+\-@\t\r]")
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class Unreadable(Exception):
    """A file cannot be read at all. `key` says why, `parameters` where and what."""

    def __init__(self, key: str, **parameters: object) -> None:
        super().__init__(key)
        self.key, self.parameters = key, parameters


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a cell, as text; `problem` says what is wrong with it, `counted` that it was a number."""

    text: str
    problem: str | None = None
    counted: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A row that holds something; `number` is its place in the file, from 1, as programs show it."""

    number: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows below the headings. `places` has for each known heading its column, from 0; `width` counts the columns
    with a heading; `strangers` are the headings that nobody knows; `notes` are keys of what was noticed."""

    places: dict[str, int]
    width: int
    strangers: tuple[str, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...]


def place(column: int, line: int) -> str:
    """The name of a cell, as programs show it: "B7" for column 1 of line 7."""
    return f"{get_column_letter(column + 1)}{line}"


def read(content: bytes, known: Sequence[str], needed: Sequence[str]) -> Sheet:
    """The sheet in a CSV or XLSX file whose headings are among `known` and hold all those `needed`.

    Slow for a large file: in a thread. Raises `Unreadable`.
    """
    if not content.strip():
        raise Unreadable("empty")
    if len(content) > LARGEST:
        raise Unreadable("too_large")
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable("old_excel")
    if content.startswith(b"PK"):
        return _read_xlsx(content, known, needed)
    return _read_csv(content, known, needed)


# --- CSV -----------------------------------------------------------------------------------------------------------


def _read_csv(content: bytes, known: Sequence[str], needed: Sequence[str]) -> Sheet:
    words, notes = _decoded(content)
    # The delimiter is the one by which most headings are found.
    guesses = [(each, _parsed(words, each)) for each in _DELIMITERS]
    scored = [(max((_score(cells, known) for _, cells in _first(lines)), default=0), lines) for _, lines in guesses]
    best = max(scored, key=lambda pair: pair[0])[1]
    if isinstance(best[-1] if best else None, Unreadable):
        raise best[-1]
    rows = [(number, tuple(_from_csv(each) for each in cells)) for number, cells in best]
    return _sheet(rows, known, needed, notes)


def _decoded(content: bytes) -> tuple[str, tuple[str, ...]]:
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(mark):
            return _decode(content, encoding), ()
    try:
        return content.decode("utf-8"), ()
    except UnicodeDecodeError:
        return _decode(content, "cp1252"), ("windows",)


def _decode(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        raise Unreadable("encoding") from None


def _parsed(words: str, delimiter: str) -> list[Any]:
    """The rows with the number of their first line; a row that cannot be read is an `Unreadable` at the end."""
    found: list[Any] = []
    reader = csv.reader(io.StringIO(words, newline=""), delimiter=delimiter, strict=True)
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return found
        except csv.Error:
            return [*found, Unreadable("quotes", line=number)]
        if any(each.strip() for each in cells):
            found.append((number, cells))
        if len(found) > MOST_ROWS + _HEADINGS_WITHIN:
            return [*found, Unreadable("too_many")]


def _first(lines: list[Any]) -> list[Any]:
    return [each for each in lines[:_HEADINGS_WITHIN] if not isinstance(each, Unreadable)]


def _from_csv(written: str) -> Cell:
    stripped = written.strip()
    if stripped.startswith("="):
        return Cell(stripped, "formula")
    return _cell(stripped[1:] if _GUARDED.match(stripped) else stripped)


# --- XLSX ----------------------------------------------------------------------------------------------------------


def _read_xlsx(content: bytes, known: Sequence[str], needed: Sequence[str]) -> Sheet:
    _look_inside(content)
    try:
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=False, keep_links=False)
        sheets = [list(_rows(sheet)) for sheet in book.worksheets]
        book.close()
    except Unreadable:
        raise
    except Exception:  # openpyxl raises many kinds on broken files
        raise Unreadable("broken") from None
    if not any(sheets):
        raise Unreadable("empty")
    # The sheet whose first rows know most headings; a book may begin with a page of explanations.
    best = max(
        sheets, key=lambda rows: max((_score([c.text for c in cells], known) for _, cells in _first(rows)), default=0)
    )
    return _sheet(best, known, needed, ())


def _look_inside(content: bytes) -> None:
    """Refuse what unpacks to more than anybody writes, and XML that defines entities. Raises `Unreadable`."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            parts = packed.infolist()
            if len(parts) > 500 or sum(part.file_size for part in parts) > UNPACKED:
                raise Unreadable("bomb")
            for part in parts:
                # Reading stops at the size that the part claims. Whatever a part is called it may be read as XML, and
                # without its zeros UTF-16 is read as ASCII.
                if re.search(rb"<!(DOCTYPE|ENTITY)", packed.read(part).replace(b"\0", b"")):
                    raise Unreadable("bomb")
    except Unreadable:
        raise
    except Exception:  # a broken or locked archive
        raise Unreadable("broken") from None


def _rows(sheet: Any) -> Iterator[tuple[int, tuple[Cell, ...]]]:
    sheet.reset_dimensions()  # what the file claims of its size is not believed
    kept = 0
    for number, row in enumerate(sheet.iter_rows(max_row=_MOST_LINES, max_col=_MOST_COLUMNS), start=1):
        cells = tuple(_from_xlsx(each) for each in row)
        if any(each.text for each in cells):
            kept += 1
            yield number, cells
        if kept > MOST_ROWS + _HEADINGS_WITHIN:
            raise Unreadable("too_many")


def _from_xlsx(cell: Any) -> Cell:
    value = cell.value
    if value is None:
        return Cell("")
    if isinstance(value, str) and len(value) > _LONGEST_CELL:
        raise Unreadable("bomb")
    if cell.data_type == "f":
        return Cell(str(value), "formula")
    if cell.data_type == "e":
        return Cell(str(value), "error_value")
    if isinstance(value, bool):
        return Cell("ya" if value else "tidak")
    if isinstance(value, datetime):
        return Cell(value.date().isoformat() if value.time() == value.min.time() else value.isoformat(" "))
    if isinstance(value, date):
        return Cell(value.isoformat())
    if isinstance(value, int | float):
        return Cell(str(int(value)) if value == value // 1 else repr(value), counted=True)
    return _cell(str(value))


# --- both ------------------------------------------------------------------------------------------------------------


def _cell(written: str) -> Cell:
    cleaned = clean(written)
    return Cell(cleaned, None if is_writable(cleaned) else "characters")


def clean(written: str) -> str:
    """The text as it is kept: composed, with ordinary spaces and line ends, without what stands around it."""
    return unicodedata.normalize("NFC", written.replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ")).strip()


def is_writable(written: str) -> bool:
    """Whether every file can hold these characters: no controls, no halves of a character, none that are not any."""
    return not any(
        (unicodedata.category(each) in ("Cc", "Cs") and each not in "\n\t") or ord(each) & 0xFFFE == 0xFFFE
        for each in written
    )


def _heading(written: str) -> str:
    return " ".join(written.replace("*", " ").split()).casefold()


def _score(cells: Iterable[str], known: Sequence[str]) -> int:
    wanted = {_heading(each) for each in known}
    return len({_heading(each) for each in cells} & wanted)


def _sheet(rows: list[Any], known: Sequence[str], needed: Sequence[str], notes: tuple[str, ...]) -> Sheet:
    if not rows:
        raise Unreadable("empty")
    tries = rows[:_HEADINGS_WITHIN]
    at = max(range(len(tries)), key=lambda index: _score([cell.text for cell in tries[index][1]], known))
    names = {_heading(each): each for each in known}
    places: dict[str, int] = {}
    strangers = []
    for column, cell in enumerate(tries[at][1]):
        heading = names.get(_heading(cell.text))
        if heading is None:
            strangers.append(cell.text)
        elif heading in places:
            raise Unreadable("heading_twice", heading=heading)
        else:
            places[heading] = column
    if missing := [each for each in needed if each not in places]:
        raise Unreadable("headings", missing=", ".join(missing))
    lines = tuple(Line(number, cells) for number, cells in rows[at + 1 :])
    if not lines:
        raise Unreadable("no_rows")
    if len(lines) > MOST_ROWS:
        raise Unreadable("too_many")
    width = max(column for column, cell in enumerate(tries[at][1]) if cell.text) + 1
    return Sheet(places, width, tuple(filter(None, strangers)), lines, notes)


def write_csv(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """The rows as CSV in UTF-8 with its mark, which programs need to read it as that; nothing in it is a formula."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(headings)
    writer.writerows([f"'{cell}" if _DANGEROUS.match(cell) else cell for cell in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")


def write_xlsx(
    title: str, headings: Sequence[str], rows: Iterable[Sequence[str]], help_rows: Sequence[Sequence[str]] = ()
) -> bytes:
    """The rows as XLSX, every cell a text, so that codes keep their zeros; `help_rows` go onto a second sheet.

    Slow for a large table: in a thread.
    """
    book = Workbook(write_only=True)
    _fill(book.create_sheet(title), [headings, *rows])
    if help_rows:
        _fill(book.create_sheet("Petunjuk"), help_rows)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _fill(sheet: Any, rows: Iterable[Sequence[str]]) -> None:
    sheet.freeze_panes = "A2"
    for index, row in enumerate(rows):
        if index == 0:
            for column in range(len(row)):
                sheet.column_dimensions[get_column_letter(column + 1)].width = 24
        cells = []
        for each in row:
            cell = WriteOnlyCell(sheet, each)
            cell.data_type, cell.number_format = "s", "@"  # "=1+1" is a text, too
            if index == 0:
                cell.font = Font(bold=True)
            cells.append(cell)
        sheet.append(cells)
