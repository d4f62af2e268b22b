"""Regions: provinces, kabupaten/kota, kecamatan, desa and kelurahan: names, time zones, dates of validity.

The code is the Kemendagri one ("16", "16.71", "16.71.01", "16.71.01.1001"). BPS numbers some of the same places
differently, so a code from a BPS table must pass through `Regions.from_bps` and is never taken as it is.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

DATA = Path(__file__).parent / "data"
VILLAGES = "villages.csv"


@dataclass(frozen=True, slots=True)
class Region:
    """One administrative region; `kind` is provinsi, kabupaten, kota, kecamatan, desa or kelurahan."""

    code: str
    name: str
    kind: str
    parent: str
    timezone: str
    aliases: tuple[str, ...]
    valid_from: date | None
    valid_to: date | None


def read(file: str) -> list[dict[str, str]]:
    """The rows of one CSV file of master data."""
    with (DATA / file).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def split(cell: str) -> tuple[str, ...]:
    """The values of a cell that holds several, separated by "|"."""
    return tuple(filter(None, cell.split("|")))


def day(cell: str) -> date | None:
    """The ISO date of a cell, None when it is empty."""
    return date.fromisoformat(cell) if cell else None


def load() -> tuple[Region, ...]:
    """The regions of the master data down to the kecamatan, parents before their children."""
    return tuple(
        Region(
            code=row["code"],
            name=row["name"],
            kind=row["kind"],
            parent=row["parent"],
            timezone=row["timezone"],
            aliases=split(row["aliases"]),
            valid_from=day(row["valid_from"]),
            valid_to=day(row["valid_to"]),
        )
        for row in read("regions.csv")
    )


def load_villages(districts: Iterable[Region]) -> tuple[Region, ...]:
    """The desa and kelurahan of the master data that lie in these kecamatan."""
    timezones = {region.code: region.timezone for region in districts}
    rows = ((row["code"].rpartition("."), row) for row in read(VILLAGES))
    return tuple(
        Region(
            code=row["code"],
            name=row["name"],
            # Kemendagri numbers kelurahan from 1001 and desa from 2001.
            kind="kelurahan" if number.startswith("1") else "desa",
            parent=parent,
            timezone=timezones[parent],
            aliases=split(row["aliases"]),
            valid_from=None,
            valid_to=None,
        )
        for (parent, _, number), row in rows
        if parent in timezones
    )


@dataclass(frozen=True, slots=True)
class Landmark:
    """What everybody knows by name, and the codes of the regions that it lies in.

    `certain` says whether the name tells the place: "yes", "at" (a firm: only after "di" and the like) or "no".
    """

    name: str
    regions: tuple[str, ...]
    aliases: tuple[str, ...]
    certain: str


def load_landmarks() -> tuple[Landmark, ...]:
    """The landmarks of the master data."""
    return tuple(
        Landmark(row["name"], split(row["region"]), split(row["aliases"]), row["certain"])
        for row in read("landmarks.csv")
    )


def load_bps() -> dict[str, str]:
    """The BPS codes of kabupaten/kota that differ from the Kemendagri code, and what they mean."""
    return {row["bps"]: row["kemendagri"] for row in read("bps_codes.csv")}


class Regions:
    """The regions by code, and the questions that their tree answers."""

    def __init__(self, regions: Iterable[Region], bps: Mapping[str, str] | None = None) -> None:
        """Take the regions, and the differing BPS codes (those of the master data unless given)."""
        self.by_code: Mapping[str, Region] = MappingProxyType({region.code: region for region in regions})
        self._bps = load_bps() if bps is None else dict(bps)

    def nearest(self, code: str | None) -> Region | None:
        """The region of this code or its closest known ancestor: an unknown kelurahan leads to its kecamatan."""
        # Three dots are the deepest real code; a longer text is no code and is not walked up piece by piece.
        if code is None or code.count(".") > 3:
            return None
        while code and code not in self.by_code:
            code = code.rpartition(".")[0]
        return self.by_code.get(code)

    def province_of(self, code: str | None) -> Region | None:
        """The province that the code lies in, None for an unknown code."""
        region = self.nearest(code)
        while region and region.kind != "provinsi":
            region = self.nearest(region.code.rpartition(".")[0])
        return region

    def kabkota_of(self, code: str | None) -> Region | None:
        """The kabupaten or kota that the code is or lies in, None for a province or an unknown code."""
        region = self.nearest(code)
        while region and region.kind not in ("kabupaten", "kota"):
            region = self.nearest(region.code.rpartition(".")[0])
        return region

    def kecamatan_of(self, code: str | None) -> Region | None:
        """The kecamatan that the code is or lies in, None for what is larger and for an unknown code."""
        region = self.nearest(code)
        while region and region.kind in ("desa", "kelurahan"):
            region = self.nearest(region.code.rpartition(".")[0])
        return region if region and region.kind == "kecamatan" else None

    def full_name(self, code: str) -> str:
        """The name with what it lies in: "Kelurahan 7 Ulu, Seberang Ulu I, Kota Palembang". KeyError if not known."""
        region = self.by_code[code]
        if region.kind in ("provinsi", "kabupaten", "kota"):
            return region.name
        names = [f"{region.kind.capitalize()} {region.name}"]
        while (over := self.by_code.get(region.parent)) and over.kind != "provinsi":
            names.append(over.name)
            region = over
        return ", ".join(names)

    def timezone_of(self, code: str) -> ZoneInfo:
        """The time zone of the place; KeyError for an unknown code, because a guessed zone moves deadlines."""
        region = self.nearest(code)
        if region is None:
            raise KeyError(code)
        return ZoneInfo(region.timezone)

    def from_bps(self, code: str) -> str | None:
        """The Kemendagri code for a BPS code of a province or kabupaten/kota.

        A longer BPS code leads to its kabupaten/kota only, because below that level the two numberings have nothing
        in common. None when no region that we know is meant.
        """
        digits = code.strip().replace(".", "")
        if not (digits.isascii() and digits.isdigit()) or len(digits) not in (2, 4, 7, 10):
            return None
        head = digits[:4]
        kemendagri = self._bps.get(head) or ".".join(filter(None, (head[:2], head[2:])))
        return kemendagri if kemendagri in self.by_code else None
