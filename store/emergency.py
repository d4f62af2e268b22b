"""Which number helps in which danger, and where: data that the office confirms, looked up.

A number is told before anything else; it is never a reason not to take the report.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from store.regions import read


@dataclass(frozen=True, slots=True)
class Number:
    """What is dialled, and the key of the words for who answers there (`emergency.number.<key>`)."""

    number: str
    key: str


@dataclass(frozen=True, slots=True)
class _Row:
    """A number for a kind of danger ("*" is every kind) in a region and all that lies in it ("" is everywhere)."""

    kind: str
    region: str
    place: int
    number: str
    key: str
    source: str

    def serves(self, kind: str, region: str) -> bool:
        return self.kind in ("*", kind) and (not self.region or f"{region}.".startswith(f"{self.region}."))


def numbers(kind: str, region: str | None) -> tuple[Number, ...]:
    """The numbers for a kind of danger, such as fire or medical (see `Danger` in the classifier), the first to be tried
    first. For a kind that nobody listed, or a region that is not known, those that are for all.

    What a smaller region says of a number stands in place of what a larger one says of it: its key and its place.
    """
    found: dict[str, _Row] = {}
    for row in _rows():
        if row.serves(kind, region or "") and (
            row.number not in found or len(row.region) >= len(found[row.number].region)
        ):
            found[row.number] = row
    return tuple(Number(row.number, row.key) for row in sorted(found.values(), key=lambda row: row.place))


@cache
def _rows() -> tuple[_Row, ...]:
    return tuple(
        _Row(row["kind"], row["region"], int(row["place"]), row["number"], row["key"], row["source"])
        for row in read("emergency_numbers.csv")
    )
