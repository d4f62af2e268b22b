"""Reports with their true labels, read from a CSV file for training and measuring."""

import csv
import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from classifier.labels import Names, read_names
from classifier.text import normalise
from classifier.topics import plain

_COLUMNS = ("date", "report_class", "category", "title", "text", "function")
_NEVER_PREDICTED = frozenset({"kec_kel", "pemda_umum"})  # habits of one office, not properties of a text
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
class Example:
    """One report: its normalised text, its year if known, and its label for each head, empty where unknown."""

    text: str
    year: int | None
    labels: Mapping[str, str]


def read_examples(path: Path, topics: Mapping[str, str]) -> list[Example]:
    """Return the reports of a CSV file with the columns date, report_class, category, title, text and function.

    `topics` gives the topic of a category. Raises OSError, or RowError for a file that is not UTF-8, a missing column,
    a broken row, a date that is not ISO, or a label without a name in labels.toml.
    """
    names = read_names()
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file, strict=True)
        try:
            missing = [column for column in _COLUMNS if column not in (rows.fieldnames or ())]
            if missing:
                raise RowError(f"{path.name}, line 1: no column {', '.join(missing)}")
            return list(_examples(path.name, rows, topics, names))
        except UnicodeDecodeError as error:
            raise RowError(f"{path.name}, after line {rows.line_num}: not UTF-8") from error
        except csv.Error as error:
            raise RowError(f"{path.name}, line {rows.reader.line_num}: {error}") from error


def _examples(name: str, rows: "csv.DictReader[str]", topics: Mapping[str, str], names: Names) -> Iterator[Example]:
    for row in rows:
        try:
            yield _example(row, topics, names)
        except ValueError as error:
            raise RowError(f"{name}, line {rows.reader.line_num}: {error}") from error


def _example(row: Mapping[str | None, str | None], topics: Mapping[str, str], names: Names) -> Example:
    if None in row or None in row.values():
        raise ValueError("more or fewer fields than columns")
    date, report_class, category, title, text, function = ((row[column] or "").strip() for column in _COLUMNS)
    if not (title or text):
        raise ValueError("neither title nor text")
    if report_class.casefold() not in _CLASSES:
        raise ValueError(f"unknown report_class {report_class!r}")
    labels = {
        "functions": "" if function in _NEVER_PREDICTED else function,
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
    return Example(normalise(text, title), dt.date.fromisoformat(date).year if date else None, labels)
