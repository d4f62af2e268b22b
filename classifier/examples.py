"""Reports with their true labels, read from a CSV file for training and measuring."""

import csv
import datetime as dt
import hashlib
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from classifier.labels import Names, read_names
from classifier.text import normalise
from classifier.topics import plain

NEVER_PREDICTED = frozenset({"kec_kel", "pemda_umum"})
"""Habits of one office, not properties of a text."""

_COLUMNS = ("date", "report_class", "category", "title", "text", "function")
_READINGS = Path(__file__).with_name("second_readings.csv")
_CLASSES = {
    "": "",
    "pengaduan": "pengaduan",
    "pengaduan berkadar pengawasan": "pengaduan",
    "pengaduan tidak berkadar pengawasan": "pengaduan",
    "aspirasi": "aspirasi",
    "permintaan informasi": "permintaan_informasi",
}


class RowError(ValueError):
    """A row of input that cannot be used; the message names the file and the line."""


@dataclass(frozen=True, slots=True)
class Second:
    """A second reading of a report: the function that an annotator read in it, `none` where it does not say.

    `overrides` is set where it counts more than the label: where a crawl's label is the agency that the citizen had
    addressed, and where the mandate has moved since (street lights of one regency, in October 2023).
    """

    function: str
    overrides: bool


@dataclass(frozen=True, slots=True)
class Example:
    """One report, or a line of the author's knowledge: its normalised text and its label for each head.

    A label is empty where it is unknown. `key` tells equal texts from different ones without their words. `block` is
    the time and place that it comes from: what is held out is held out by block, never by chance. `second` is what an
    annotator read, if one did.
    """

    text: str
    labels: Mapping[str, str]
    key: str = ""
    source: str = ""
    channel: str = ""
    year: int | None = None
    block: str = ""
    second: "Second | None" = None


def true_label(example: Example, name: str) -> str:
    """Return the label that a head is measured against: its own, or today's where a mandate has moved since then."""
    second = example.second
    if name == "functions" and second and second.overrides and example.year is not None:
        return second.function
    return example.labels[name]


def key_of(text: str, title: str = "") -> str:
    """Return 16 hexadecimal digits that name a report without showing it."""
    words = " ".join(f"{title}\n{text}".split())
    return hashlib.blake2b(words.encode("utf-8", "replace"), digest_size=8).hexdigest()


def read_second_readings(path: Path = _READINGS) -> Mapping[str, Second]:
    """Return the second readings of the training data that their annotator was sure enough of, by key of the report.

    The file has the columns key, function, sure (h, m or l) and overrides (yes or no).
    """
    with path.open(encoding="utf-8", newline="") as file:
        return {
            row["key"]: Second(row["function"], row["overrides"] == "yes")
            for row in csv.DictReader(file)
            if row["sure"] != "l"
        }


def read_examples(path: Path, topics: Mapping[str, str], readings: Mapping[str, Second] | None = None) -> list[Example]:
    """Return the reports of a CSV file with the columns date, report_class, category, title, text and function.

    The columns source and channel may stand beside them. `topics` gives the topic of a category; `readings` are second
    readings, the shipped ones by default. Raises OSError, or RowError for a file that is not UTF-8, a missing column,
    a broken row, a date that is not ISO, or a label without a name in labels.toml.
    """
    names = read_names()
    readings = read_second_readings() if readings is None else readings
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file, strict=True)
        try:
            missing = [column for column in _COLUMNS if column not in (rows.fieldnames or ())]
            if missing:
                raise RowError(f"{path.name}, line 1: no column {', '.join(missing)}")
            return list(_examples(path.name, rows, topics, names, readings))
        except UnicodeDecodeError as error:
            raise RowError(f"{path.name}, after line {rows.line_num}: not UTF-8") from error
        except csv.Error as error:
            raise RowError(f"{path.name}, line {rows.reader.line_num}: {error}") from error


def _examples(
    name: str, rows: "csv.DictReader[str]", topics: Mapping[str, str], names: Names, readings: Mapping[str, Second]
) -> Iterator[Example]:
    for row in rows:
        try:
            yield _example(row, topics, names, readings)
        except ValueError as error:
            raise RowError(f"{name}, line {rows.reader.line_num}: {error}") from error


def _example(
    row: Mapping[str | None, str | None], topics: Mapping[str, str], names: Names, readings: Mapping[str, Second]
) -> Example:
    if None in row or None in row.values():
        raise ValueError("more or fewer fields than columns")
    date, report_class, category, title, text, function = ((row[column] or "").strip() for column in _COLUMNS)
    if not (title or text):
        raise ValueError("neither title nor text")
    if report_class.casefold() not in _CLASSES:
        raise ValueError(f"unknown report_class {report_class!r}")
    labels = {
        "functions": "" if function in NEVER_PREDICTED else function,
        "topics": topics.get(plain(category).casefold(), ""),
        "report_class": _CLASSES[report_class.casefold()],
    }
    for label, known in (
        (labels["functions"], names.functions),
        (labels["topics"], names.topics),
        (labels["report_class"], names.report_class),
    ):
        if label and label not in known:
            raise ValueError(f"the label {label!r} has no name in labels.toml")
    key, source = key_of(text, title), (row.get("source") or "").strip()
    year = dt.date.fromisoformat(date).year if date else None
    return Example(
        text=normalise(text, title),
        labels=labels,
        key=key,
        source=source,
        channel=(row.get("channel") or "").strip(),
        year=year,
        block=f"{source} {year or _part(row.get('agency') or '')}".strip(),
        second=readings.get(key),
    )


def _part(agency: str) -> str:
    """Return one of a few parts for reports without a date; those of one agency, and so of one place, stay together."""
    return "abc"[zlib.crc32(plain(agency).casefold().encode()) % 3]
