"""Agencies (OPD and vertical bodies): who they are, and which of them is responsible for a function in a place.

What belongs to whom is data: `functions.csv` says which level of government owns a function, `mandates.csv` where the
words of a report move it to another owner, `agencies.csv` which offices are known and `usual_offices.csv` what the
offices are called that nobody has confirmed yet.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from store.regions import Region, Regions, day, read, split


@dataclass(frozen=True, slots=True)
class Agency:
    """One office; `confirmed` is False while its name is only the usual one."""

    code: str
    name: str
    short: str
    functions: tuple[str, ...]
    region: str
    level: str
    confirmed: bool
    aliases: tuple[str, ...]
    parent: str
    valid_from: date | None
    valid_to: date | None
    source: str


@dataclass(frozen=True, slots=True)
class Function:
    """What kind of office a report needs, and the level of government that normally owns it."""

    function: str
    name_id: str
    name_en: str
    level: str


@dataclass(frozen=True, slots=True)
class Mandate:
    """When a report of `function` holds one of `words`, who owns it instead; no words means "otherwise"."""

    function: str
    words: tuple[str, ...]
    region: str
    to_function: str
    level: str
    agency: str
    certain: bool
    why: str


@dataclass(frozen=True, slots=True)
class Responsibility:
    """The office that gets a report, whether that is sure, and a text key for the reason."""

    agency: Agency
    certain: bool
    why: str


def load_functions() -> tuple[Function, ...]:
    """All functions that the classifier or an operator may name."""
    return tuple(Function(**row) for row in read("functions.csv"))


def load_mandates() -> tuple[Mandate, ...]:
    """The exceptions to the rule of levels, in the order in which they are tried."""
    return tuple(
        Mandate(
            function=row["function"],
            words=split(row["words"]),
            region=row["region"],
            to_function=row["to_function"],
            level=row["level"],
            agency=row["agency"],
            certain=row["certain"] == "yes",
            why=row["why"],
        )
        for row in read("mandates.csv")
    )


def load(regions: Iterable[Region]) -> tuple[Agency, ...]:
    """The known offices, then the usual offices of every region that has no known one for a function."""
    known = tuple(
        Agency(
            code=row["code"],
            name=row["name"],
            short=row["short"],
            functions=split(row["functions"]),
            region=row["region"],
            level=row["level"],
            confirmed=row["confirmed"] == "yes",
            aliases=split(row["aliases"]),
            parent=row["parent"],
            valid_from=day(row["valid_from"]),
            valid_to=day(row["valid_to"]),
            source=row["source"],
        )
        for row in read("agencies.csv")
    )
    return known + tuple(_usual(regions, known))


def _usual(regions: Iterable[Region], known: tuple[Agency, ...]) -> Iterator[Agency]:
    level_of = {function.function: function.level for function in load_functions()}
    patterns = read("usual_offices.csv")
    # The main office for a function bears it in its code; a hospital does not replace the Dinas Kesehatan.
    have = {agency.code for agency in known}
    for region in regions:
        own = "provinsi" if region.kind == "provinsi" else "kabkota"
        for pattern in patterns:
            function = pattern["function"]
            code = f"{region.code}-{function}"
            if pattern["kind"] == region.kind and code not in have:
                name = pattern["name"].format(region=region.name)
                yield Agency(
                    code=code,
                    name=name,
                    short=name,
                    functions=(function,),
                    region=region.code,
                    level="pusat" if level_of[function] == "pusat" else own,
                    confirmed=False,
                    aliases=(),
                    parent="",
                    valid_from=region.valid_from,
                    valid_to=region.valid_to,
                    source="usual name",
                )


def is_valid(agency: Agency, on: date) -> bool:
    """Whether the office exists on that day; both ends of its validity count."""
    return (agency.valid_from is None or agency.valid_from <= on) and (agency.valid_to is None or on <= agency.valid_to)


class Agencies:
    """All offices, and the answer to "who is responsible?"."""

    def __init__(self, agencies: Iterable[Agency], regions: Regions, *, home: str = "16") -> None:
        """Take the offices; `home` is the province whose Kominfo gets what belongs nowhere.

        ValueError when home has no Kominfo: nothing may ever be dropped, and that shows at the start, not at a report.
        """
        self.by_code = {agency.code: agency for agency in agencies}
        self._regions = regions
        self._levels = {function.function: function.level for function in load_functions()}
        self._mandates: dict[str, list[tuple[Mandate, re.Pattern[str]]]] = defaultdict(list)
        for mandate in load_mandates():
            self._mandates[mandate.function].append((mandate, _words(mandate.words)))
        self._offices: dict[tuple[str, str, str], list[Agency]] = defaultdict(list)
        for agency in self.by_code.values():
            for function in agency.functions:
                offices = self._offices[function, agency.region, agency.level]
                # Of several the main office comes first, then the others as the data list them.
                offices.insert(0 if agency.code == f"{agency.region}-{function}" else len(offices), agency)
        self._called: dict[str, list[Agency]] = defaultdict(list)
        for agency in self.by_code.values():
            for name in {_plain(each) for each in (agency.name, agency.short, *agency.aliases) if each}:
                self._called[name].append(agency)
        houses = self._offices.get(("kominfo", home, "provinsi"))
        if not houses:
            raise ValueError(f"the home province {home} has no Kominfo")
        self._home = houses[0]

    def called(self, name: str, region: str | None, on: date) -> Agency | None:
        """The agency of that name (or short name, or alias) which exists on that day: the one nearest to the region
        where several are called so; None where that is not certain."""
        found = [each for each in self._called.get(_plain(name), ()) if is_valid(each, on)]
        if len(found) > 1 and region is not None:
            found = [each for each in found if _inside(region, each.region)]
            nearest = max((len(each.region) for each in found), default=0)
            found = [each for each in found if len(each.region) == nearest]
        return found[0] if len(found) == 1 else None

    def responsible(self, function: str | None, region: str | None, on: date, text: str = "") -> Responsibility:
        """The office for a function in a place on a day; `text` decides where the words of the report matter.

        Always answers: what has no owner goes to the Kominfo of the place, because no citizen is sent away.
        """
        place = self._regions.nearest(region)
        if place is None:
            return Responsibility(self._home, certain=False, why="no_region")
        if function is None or function not in self._levels:
            return self._kominfo(place, on, "no_function")
        district = self._regions.kecamatan_of(place.code)
        if district and (office := self._office(function, district.code, "kabkota", on)):
            return Responsibility(office, certain=True, why="mandate")
        mandate, mixed = self._mandate(function, place, text)
        level = mandate.level if mandate else self._levels[function]
        office = self._named(mandate, on) or self._at(mandate.to_function if mandate else function, place, level, on)
        if office is None:
            return self._kominfo(place, on, "no_office")
        if level == "kabkota" and office.level == "provinsi":
            return Responsibility(office, certain=False, why="region_too_wide")
        if mixed:
            return Responsibility(office, certain=False, why="several_mandates")
        if mandate:
            return Responsibility(office, mandate.certain, mandate.why)
        return Responsibility(office, certain=True, why="mandate")

    def _mandate(self, function: str, place: Region, text: str) -> tuple[Mandate | None, bool]:
        """The first exception that holds, and whether the words of a later one point to another owner."""
        holding = [
            mandate
            for mandate, words in self._mandates.get(function, ())
            if _inside(place.code, mandate.region) and (not mandate.words or words.search(text))
        ]
        if not holding:
            return None, False
        first = holding[0]
        # A sure exception of a place ends the search: what follows it there is the rule that it replaces.
        others = [] if first.region else [other for other in holding[1:] if other.words and not other.region]
        mixed = any((other.to_function, other.level) != (first.to_function, first.level) for other in others)
        return first, mixed and first.certain

    def _named(self, mandate: Mandate | None, on: date) -> Agency | None:
        agency = self.by_code.get(mandate.agency) if mandate else None
        return agency if agency and is_valid(agency, on) else None

    def _at(self, function: str, place: Region, level: str, on: date) -> Agency | None:
        """The office for the place at a level of government; the province's one where the kab/kota is not known."""
        kabkota = self._regions.kabkota_of(place.code)
        province = self._regions.province_of(place.code)
        if level != "provinsi" and kabkota and (office := self._office(function, kabkota.code, level, on)):
            return office
        if province is None or (level == "kabkota" and kabkota):
            return None
        return self._office(function, province.code, "pusat" if level == "pusat" else "provinsi", on)

    def _office(self, function: str, region: str, level: str, on: date) -> Agency | None:
        offices = self._offices.get((function, region, level), ())
        return next((office for office in offices if is_valid(office, on)), None)

    def _kominfo(self, place: Region, on: date, why: str) -> Responsibility:
        office = self._at("kominfo", place, "kabkota", on) or self._at("kominfo", place, "provinsi", on)
        return Responsibility(office or self._home, certain=False, why=why)


def _inside(code: str, region: str) -> bool:
    return not region or code == region or code.startswith(region + ".")


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()


def _words(words: tuple[str, ...]) -> re.Pattern[str]:
    """Whole words, where a number may stick to them: "SMA1", "smpn 3", "K3"."""
    forms = (r"\W+".join(map(re.escape, word.split())) for word in words)
    return re.compile(rf"(?<![^\W\d_])(?:{'|'.join(forms)})(?![^\W\d_])", re.IGNORECASE)
