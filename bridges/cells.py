"""Rows of text out of large spreadsheet files of others, one after the other: XLSX and CSV. What they mean is not known
here.

A file is believed nothing. Before its first row all of it is looked through: what it unpacks to, entities, its
encoding. After that a row at a time is in memory, however large the file is; an XLSX's table of texts lies in a
temporary file. No formula is evaluated, and what a program has once made of one is not believed either.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import tempfile
import unicodedata
import zipfile
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import lru_cache, partial
from pathlib import PurePosixPath
from typing import IO, Any, BinaryIO
from xml.parsers import expat

from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format
from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH, from_excel

LARGEST = 80 << 20
UNPACKED = 1 << 30
# Parts of an archive, rows with and without content, columns, and texts in the table of texts.
MOST_PARTS = 500
MOST_LINES = 600_000
MOST_COLUMNS = 100
MOST_TEXTS = 5_000_000
# What a cell of a spreadsheet can hold.
LONGEST = 32_767
# Parts that say what is where are small.
_LARGEST_PART = 8 << 20
_CHUNK = 1 << 16
DELIMITERS = ",;\t"
# So many rows are looked at to see which delimiter makes sense.
_SAMPLE = 60
_ENTITIES = re.compile(rb"<!(DOCTYPE|ENTITY)")
_ROW = re.compile(rb"<(?:[a-z0-9]+:)?row[\s>/]")
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
# What keeps a text from being a formula (our own export has it).
_GUARDED = re.compile(r"'+[\s\"]*[=+\-@\uff1d\uff0b\uff0d\uff20]")


class Unreadable(Exception):
    """A file cannot be read at all. `key` is one of texts, `parameters` say where: numbers and names of columns."""

    def __init__(self, key: str, **parameters: object) -> None:
        super().__init__(key)
        self.key, self.parameters = key, parameters


@dataclass(frozen=True, slots=True)
class Line:
    """A row that holds something: its number in the file, from 1, as programs show it, and its cells as text. `odd`
    says of some columns what they were: formula, error_value, too_long, characters (all without a text of use),
    number."""

    number: int
    cells: Sequence[str]
    odd: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sheet:
    """About how many rows there are, what reads them from the first, and keys of what was noticed."""

    expected: int
    lines: Callable[[], Iterator[Line]]
    notes: tuple[str, ...] = ()


def clean(written: str) -> str:
    """A text as it is kept: composed, on one line, without what no database holds."""
    if not written.isprintable() or not written.isascii():
        written = unicodedata.normalize("NFC", written)
        written = "".join(" " if each.isspace() else each for each in written if each.isspace() or _writable(each))
    return " ".join(written.split())


@lru_cache(maxsize=4096)
def _writable(character: str) -> bool:
    return unicodedata.category(character) not in ("Cc", "Cs", "Cn") and ord(character) & 0xFFFE != 0xFFFE


def sheets(file: BinaryIO) -> list[Sheet]:
    """The sheets of a file that can be sought; of a CSV file one for each delimiter that may be meant. They share the
    file: one is read at a time.

    Raises `Unreadable`, as do the rows: empty, too_large, old_excel, broken, bomb, encoding, too_many, quotes (line).
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    begins = file.read(8)
    file.seek(0)
    if size > LARGEST:
        raise Unreadable("too_large")
    if begins.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable("old_excel")
    if begins.startswith(b"PK"):
        return _xlsx(file)
    return _csv(file)


# --- CSV ------------------------------------------------------------------------------------------------------------

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def _csv(file: BinaryIO) -> list[Sheet]:
    encoding, expected = _encoding(file)
    notes = ("windows",) if encoding == "cp1252" else ()
    return [Sheet(expected, partial(_csv_lines, file, encoding, each), notes) for each in DELIMITERS]


def _encoding(file: BinaryIO) -> tuple[str, int]:
    """The encoding of the whole file, and its lines. cp1252 takes what is no other."""
    head = file.read(4096)
    if not head.strip():
        raise Unreadable("empty")
    wanted = next((name for mark, name in _MARKS if head.startswith(mark)), "")
    if not wanted and head.count(0) > len(head) // 4:
        wanted = "utf-16-be" if head[::2].count(0) > head[1::2].count(0) else "utf-16-le"
    decoder, lines = codecs.getincrementaldecoder(wanted or "utf-8")(), 0
    file.seek(0)
    try:
        while chunk := file.read(_CHUNK):
            lines += decoder.decode(chunk).count("\n")
        decoder.decode(b"", True)
    except UnicodeError:
        if wanted:
            raise Unreadable("encoding") from None
        file.seek(0)
        return "cp1252", sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(_CHUNK), b""))
    return wanted or "utf-8", lines


class _Plain(csv.excel):
    strict = True


def _csv_lines(file: BinaryIO, encoding: str, delimiter: str) -> Iterator[Line]:
    file.seek(0)
    # The file is the caller's: the wrapper must not close it when it goes.
    words = io.TextIOWrapper(io.BufferedReader(_Borrowed(file)), encoding, errors="replace", newline="")
    reader = csv.reader(words, _Plain, delimiter=delimiter)
    # Programs that show the file as a table count its rows, of which one may be several lines of text.
    number = 0
    while True:
        at = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise Unreadable("quotes", line=at) from None
        if at > MOST_LINES:
            raise Unreadable("too_many")
        number += 1
        odd = {}
        for column, cell in enumerate(cells):
            if cell.lstrip().startswith("="):
                odd[column] = "formula"
            elif len(cell) > LONGEST:
                cells[column], odd[column] = cell[:LONGEST], "too_long"
            elif cell.startswith("'") and _GUARDED.match(cell):
                cells[column] = cell[1:]
        if any(cell and not cell.isspace() for cell in cells):
            yield Line(number, cells, odd)


class _Borrowed(io.RawIOBase):
    """Reads somebody else's file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self._file.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)


# --- XLSX -----------------------------------------------------------------------------------------------------------


def _xlsx(file: BinaryIO) -> list[Sheet]:
    try:
        archive = zipfile.ZipFile(file)
        rows = _look_through(archive)
        book = _Book(archive)
    except Unreadable:
        raise
    except Exception:  # a broken or locked archive, or parts that are not what they are called
        raise Unreadable("broken") from None
    return [Sheet(rows.get(name, 0), partial(book.lines, name)) for name in book.sheets]


def _look_through(archive: zipfile.ZipFile) -> dict[str, int]:
    """Refuse what unpacks to more than anybody writes, and XML that declares a type or an entity, whatever its part is
    called; returns about how many rows each part has."""
    parts = archive.infolist()
    if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > UNPACKED:
        raise Unreadable("bomb")
    rows = {}
    for part in parts:
        rest, count = b"", 0
        with archive.open(part) as opened:  # reading stops at the size that the part claims
            while chunk := opened.read(_CHUNK):
                # Without its zeros UTF-16 is read as ASCII.
                plain = chunk.replace(b"\0", b"")
                if _ENTITIES.search(rest + plain):
                    raise Unreadable("bomb")
                rest = plain[-16:]
                count += len(_ROW.findall(plain))
        rows[part.filename] = count
    return rows


class _Book:
    """What an XLSX file says of itself: its sheets in order, which of its formats are dates, its table of texts."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._names = {part.filename.lower(): part.filename for part in archive.infolist()}
        workbook = self._tree("xl/workbook.xml")
        targets = {
            each["Id"]: each["Target"]
            for tag, each in self._tree("xl/_rels/workbook.xml.rels")
            if tag == "Relationship"
        }
        self.sheets = []
        self.epoch = WINDOWS_EPOCH
        for tag, facts in workbook:
            if tag == "sheet":
                [link] = [value for name, value in facts.items() if _local(name) == "id"]
                if (found := self._part(targets.get(link, ""))) is not None:
                    self.sheets.append(found)
            elif tag == "workbookPr" and facts.get("date1904") in ("1", "true"):
                self.epoch = MAC_EPOCH
        if not self.sheets:
            raise Unreadable("broken")
        self._dates = self._date_formats()
        self._texts: _Texts | None = None

    def _part(self, target: str) -> str | None:
        """The part that a relationship of the workbook leads to."""
        path = target.lstrip("/") if target.startswith("/") else str(PurePosixPath("xl") / target)
        return self._names.get(path.lower())

    def _tree(self, name: str, *, needed: bool = True) -> list[tuple[str, dict[str, str]]]:
        """The elements of a small part, in order, with their attributes."""
        found: list[tuple[str, dict[str, str]]] = []
        part = self._names.get(name.lower())
        if part is None:
            if needed:
                raise Unreadable("broken")
            return found
        if self._archive.getinfo(part).file_size > _LARGEST_PART:
            raise Unreadable("bomb")
        parser = _parser()
        parser.StartElementHandler = lambda tag, facts: found.append((_local(tag), facts))
        parser.Parse(self._archive.read(part), True)
        return found

    def _date_formats(self) -> frozenset[int]:
        """The numbers of the cell formats that show a date or a time."""
        formats: dict[int, str] = dict(BUILTIN_FORMATS)
        found, number, within = set(), 0, False
        for tag, facts in self._tree("xl/styles.xml", needed=False):
            if tag == "numFmt":
                formats[int(facts["numFmtId"])] = facts.get("formatCode", "")
            elif tag in ("cellXfs", "cellStyleXfs", "cellStyles", "dxfs"):
                within, number = tag == "cellXfs", 0
            elif tag == "xf" and within:
                if is_date_format(formats.get(int(facts.get("numFmtId", "0")), "")):
                    found.add(number)
                number += 1
        return frozenset(found)

    def lines(self, name: str) -> Iterator[Line]:
        """The rows of a sheet. Raises `Unreadable`."""
        try:
            if self._texts is None:
                self._texts = _Texts(self._archive, self._part("sharedStrings.xml"))
            with self._archive.open(name) as part:
                yield from _Rows(self._texts, self._dates, self.epoch).read(part)
        except Unreadable:
            raise
        except Exception:  # XML that ends too early, an index that leads nowhere
            raise Unreadable("broken") from None


def _parser() -> Any:
    """A parser that refuses entities by itself, too."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = _refuse
    return parser


def _refuse(*_: object) -> None:
    raise Unreadable("bomb")


@lru_cache(maxsize=1024)
def _local(name: str) -> str:
    """A name without its prefix: a spreadsheet has no two of the same."""
    return name.rpartition(":")[2]


class _Texts:
    """The table of texts of a book, in a temporary file: a sheet names them by their place."""

    def __init__(self, archive: zipfile.ZipFile, name: str | None) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (it goes with the book)
        self._begins = array("Q")
        self._words: list[str] | None = None
        self._length, self._phonetic = 0, 0
        self._known: dict[int, str] = {}
        if name is not None:
            parser = _parser()
            parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
            parser.CharacterDataHandler = self._say
            self._hears = False
            with archive.open(name) as part:
                parser.ParseFile(part)
        self._begins.append(self._file.tell())

    def _start(self, tag: str, _: object) -> None:
        tag = _local(tag)
        if tag == "si":
            self._words, self._length = [], 0
        elif tag == "rPh":
            self._phonetic += 1
        elif tag == "t":
            self._hears = self._words is not None and not self._phonetic

    def _say(self, words: str) -> None:
        if self._hears and self._words is not None and self._length <= LONGEST:
            self._words.append(words)
            self._length += len(words)

    def _end(self, tag: str) -> None:
        tag = _local(tag)
        if tag == "t":
            self._hears = False
        elif tag == "rPh":
            self._phonetic -= 1
        elif tag == "si" and self._words is not None:
            if len(self._begins) >= MOST_TEXTS:
                raise Unreadable("bomb")
            self._begins.append(self._file.tell())
            # One more than fits says that it was longer.
            self._file.write("".join(self._words)[: LONGEST + 1].encode("utf-8", "replace"))
            self._words = None

    def __getitem__(self, place: int) -> str:
        """The text at that place. Raises IndexError."""
        known = self._known.get(place)
        if known is None:
            if not 0 <= place < len(self._begins) - 1:
                raise IndexError(place)
            self._file.seek(self._begins[place])
            known = self._file.read(self._begins[place + 1] - self._begins[place]).decode("utf-8", "replace")
            # Names of offices and statuses come again and again; stories do not.
            if len(known) <= 80 and len(self._known) < 50_000:
                self._known[place] = known
        return known


class _Rows:
    """Reads the cells of a sheet as their XML goes by."""

    def __init__(self, texts: _Texts, dates: frozenset[int], epoch: datetime) -> None:
        self._texts, self._dates, self._epoch = texts, dates, epoch
        self._ready: list[Line] = []
        self._row = 0
        self._cells: list[str] = []
        self._odd: dict[int, str] = {}
        self._column = -1
        self._kind, self._format = "", 0
        self._words: list[str] = []
        self._length = 0
        self._hears = self._within = False
        self._formula = False

    def read(self, part: IO[bytes]) -> Iterator[Line]:
        """The rows of a sheet's XML that hold something."""
        parser = _parser()
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler = self._say
        with closing(part):
            while chunk := part.read(_CHUNK):
                parser.Parse(chunk)
                yield from self._ready
                self._ready.clear()
            parser.Parse(b"", True)
            yield from self._ready

    def _start(self, tag: str, facts: dict[str, str]) -> None:
        tag = _local(tag)
        if tag == "c":
            self._within, self._formula = True, False
            place = facts.get("r")
            self._column = _column_of(place.rstrip(_DIGITS)) if place else self._column + 1
            self._kind, self._format = facts.get("t", "n"), int(facts.get("s", 0))
            self._words, self._length = [], 0
        elif tag in ("v", "t"):
            self._hears = self._within
        elif tag == "f":
            self._formula = True
        elif tag == "row":
            self._row = int(float(facts["r"])) if "r" in facts else self._row + 1
            self._column, self._cells, self._odd = -1, [], {}
            if self._row > MOST_LINES:
                raise Unreadable("too_many")

    def _say(self, words: str) -> None:
        if self._hears and self._length <= LONGEST:
            self._words.append(words)
            self._length += len(words)

    def _end(self, tag: str) -> None:
        tag = _local(tag)
        if tag in ("v", "t"):
            self._hears = False
        elif tag == "c":
            self._within = False
            if 0 <= self._column < MOST_COLUMNS:
                self._cell("".join(self._words))
        elif tag == "row" and any(self._cells):
            self._ready.append(Line(self._row, self._cells, self._odd))

    def _cell(self, written: str) -> None:
        text, oddity = written, None
        if self._formula:
            text, oddity = "=", "formula"
        elif not written:
            return
        elif self._kind == "s":
            text = self._texts[int(written)]
        elif self._kind == "e":
            text, oddity = written, "error_value"
        elif self._kind == "n":
            text, oddity = self._number(written)
        if len(text) > LONGEST:
            text, oddity = text[:LONGEST], "too_long"
        elif "_x" in text:
            text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
        if text or oddity:
            self._cells.extend([""] * (self._column + 1 - len(self._cells)))
            self._cells[self._column] = text
            if oddity:
                self._odd[self._column] = oddity

    def _number(self, written: str) -> tuple[str, str]:
        """A number as it would be written by hand, a date or a time as ISO has it."""
        try:
            number = float(written)
            if self._format in self._dates:
                return (_iso(from_excel(number, self._epoch)), "date") if number >= 0 else (written, "error_value")
            if number == number // 1 and abs(number) < 1e15:
                return str(int(number)), "number"
        except (ValueError, OverflowError):
            return written, "error_value"
        return written, "number"


def _iso(value: Any) -> str:
    if isinstance(value, timedelta):
        value = (datetime(2000, 1, 1) + value).time()  # noqa: DTZ001 (a time of day has no zone)
    if isinstance(value, time):
        return value.replace(microsecond=0).isoformat()
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.replace(microsecond=0).isoformat(" ")
    return str(value)


_DIGITS = "0123456789"


@lru_cache(maxsize=1024)
def _column_of(letters: str) -> int:
    """The column of "B", from 0."""
    number = 0
    for each in letters.upper():
        if not "A" <= each <= "Z":
            raise Unreadable("broken")
        number = number * 26 + ord(each) - 64
    if not letters or len(letters) > 3:
        raise Unreadable("broken")
    return number - 1


def serial(number: str) -> str:
    """The day and time that a spreadsheet program means by a plain number, as ISO has it. Raises ValueError."""
    try:
        return _iso(from_excel(float(number), WINDOWS_EPOCH))
    except OverflowError:
        raise ValueError("no day or time") from None
