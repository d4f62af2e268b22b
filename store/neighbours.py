"""Open complaints near a new one in place and time that are probably about the same matter.

Three steps. PostgreSQL finds candidates: those with a pin close by, those of the same kabupaten that share the name of
a place (`indonesian` full text), those just filed in the same kecamatan. Each is read into an `Account`: the places,
the matters, the other words. Two accounts are as like as their places times their matters, less what time took.

What is returned holds nobody's words: only `shared`, the places that both name, and those the asker has named too.
"""

from __future__ import annotations

import math
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from typing import Any

from rapidfuzz import fuzz
from sqlalchemy import text as statement
from sqlalchemy.ext.asyncio import AsyncConnection

from store import moves, regions

# --- thresholds: all of them ---------------------------------------------------------------------

ASKED = 0.75
"""Like enough to ask a citizen: "12 warga sudah melaporkan ini. Ikut mendukung?"."""
SHOWN = 0.55
"""Like enough to show to an operator."""

WINDOW = timedelta(days=60)
"""Complaints filed further apart are not compared."""
WIDE_WINDOW = timedelta(days=7)
"""Nor are outages and other matters that come over a whole kecamatan at once, and go."""
FADES = 0.15
"""The part of its likeness that a pair at the end of its window has lost."""
WIDE_FADES = 0.5

SAME_SPOT = 100.0
"""Metres between two pins of one spot: a telephone's pin is good to some tens."""
NEAR = 300.0
"""Metres up to which a pin is looked for; beyond it, one spot is not likely."""
FAR = 1000.0
"""Metres beyond which it is another place, whatever the words say."""

CANDIDATES = 60
"""Rows that each way of looking gives at most, the newest."""
READ = 1500
"""Characters of a text that are read."""
NAMES = 10
"""Names of places that are looked for at most."""
ALIKE = 85
"""rapidfuzz's ratio from which two spellings are one name."""

# How much speaks for one spot, from 0 to 1; the second number is for what comes over a whole kecamatan.
_SPOT = (1.0, 1.0)
_NAMED = (0.8, 0.95)  # "Jalan Hertasning", and in the other "di hertasning"
_WORD = (0.4, 0.8)  # a word that both say and that is no everyday word
_ESTATE = (0.7, 1.0)
_OTHER_MARK = (0.5, 0.9)  # the same street, in front of another school
_CROSSING = (0.7, 0.9)  # the same market, from another street
_VILLAGE = (0.6, 0.95)
_QUARTER = (0.4, 0.95)
_DISTRICT = (0.3, 0.8)
_CITY = (0.1, 0.3)
_ELSEWHERE = (0.05, 0.25)  # both say where, and it is not the same
_OTHER_NUMBER = (0.3, 0.8)  # another RT, another kilometre

# --- what the words mean -------------------------------------------------------------------------

_FILE = Path(__file__).parent / "data" / "neighbour_words.toml"
_TOKEN = re.compile(r"[^\W\d_]+|\d+")
_ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4", "v": "5"}
_NAME_WORDS = 3
_KINDS = ("way", "mark", "estate", "village", "quarter", "numbered")
_NUMBERED_WAYS = ("gang", "lorong")
_SHORTEST_NAME = 3
_ENDINGS = ("nya", "an", "kan", "lah", "kah", "mi", "ki", "ko", "ji")
_BEGINNINGS = ("di", "ber", "ter", "me", "mem", "men", "meng", "ke", "se")


@dataclass(frozen=True, slots=True)
class _Matter:
    words: frozenset[str]
    faint: frozenset[str]
    phrases: tuple[str, ...]
    wide: bool
    own: bool


@dataclass(frozen=True, slots=True)
class _Lexicon:
    """What neighbour_words.toml says, and the words that names of regions consist of."""

    frame: frozenset[str]
    titles: frozenset[str]
    units: frozenset[str]
    ordinary: frozenset[str]
    markers: Mapping[str, str]
    spellings: Mapping[str, str]
    written: Mapping[str, tuple[str, ...]]
    matters: Mapping[str, _Matter]
    regions: frozenset[str]


def _words(value: Any) -> frozenset[str]:
    return frozenset((value if isinstance(value, str) else " ".join(value)).split())


def _read_lexicon(path: Path = _FILE) -> _Lexicon:
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    spellings = {each: plain for plain, line in tables["spelling"].items() for each in line.split()}
    return _Lexicon(
        frame=_words(tables["frame"]),
        titles=_words(tables["titles"]),
        units=_words(tables["units"]),
        ordinary=frozenset().union(
            _words(tables["ordinary"]),
            _words(tables["frame"]),
            *(_words(matter.get(name, "")) for matter in tables["matter"].values() for name in ("words", "faint")),
        ),
        markers={word: kind for kind, line in tables["marker"].items() for word in line.split()},
        spellings=spellings,
        written={plain: (plain, *line.split()) for plain, line in tables["spelling"].items()},
        matters={
            name: _Matter(
                _words(matter.get("words", "")),
                _words(matter.get("faint", "")),
                tuple(matter.get("phrases", ())),
                matter.get("wide", False),
                matter.get("own", False),
            )
            for name, matter in tables["matter"].items()
        },
        regions=frozenset(
            token
            for region in regions.load()
            for name in (region.name, *region.aliases)
            for token in _TOKEN.findall(name.casefold())
        ),
    )


_LEXICON = _read_lexicon()
_WIDE = frozenset(name for name, matter in _LEXICON.matters.items() if matter.wide)
_OWN = frozenset(name for name, matter in _LEXICON.matters.items() if matter.own)


# --- reading one complaint -----------------------------------------------------------------------


_Place = tuple[str, str]
"""A kind and a name: ("jalan", "sudirman"), ("smp", "1"), ("rt", "3")."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the words of a complaint say.

    `names` are words that are no everyday words, wherever they stand; `words` are those left when places are taken out.
    """

    ways: frozenset[_Place]
    marks: frozenset[_Place]
    estates: frozenset[_Place]
    villages: frozenset[_Place]
    quarters: frozenset[_Place]
    numbered: frozenset[_Place]
    names: frozenset[str]
    matters: frozenset[str]
    words: str

    @property
    def spots(self) -> frozenset[_Place]:
        """The streets, buildings and estates that it names."""
        return self.ways | self.marks | self.estates

    @property
    def areas(self) -> frozenset[_Place]:
        """The villages and quarters that it names."""
        return self.villages | self.quarters


@dataclass(frozen=True, slots=True)
class Account:
    """One complaint, as far as another can be like it; `at` is when it was filed, the pin is in degrees."""

    said: Said
    function: str | None
    region: str | None
    pin: tuple[float, float] | None
    at: datetime


def account(
    text: str,
    *,
    place: str | None = None,
    function: str | None = None,
    region: str | None = None,
    latitude: float | None = None,
    longitude: float | None = None,
    at: datetime,
) -> Account:
    """A complaint's text, its place in the citizen's words, and what is known of it, read. Any str is accepted."""
    pin = None if latitude is None or longitude is None else (latitude, longitude)
    return Account(_read(text[:READ], (place or "")[:READ]), function, region, pin, at)


def _read(text: str, place: str) -> Said:
    tokens = list(_tokens(f"{text} . {place}"))
    found: dict[str, set[_Place]] = {kind: set() for kind in _KINDS}
    names: set[str] = set()
    taken: set[int] = set()
    passed: set[int] = set()
    for index, token in enumerate(tokens):
        kind = _LEXICON.markers.get(token)
        if kind == "numbered":
            if number := _number(tokens, index + 1):
                found[kind].add((token, number))
                taken |= {index, index + 1}
        elif kind == "company":
            passed |= set(range(index, _name(tokens, index + 1, alone=False)[1]))
        elif kind is not None:
            name, end = _name(tokens, index + 1, alone=kind == "mark" or token in _NUMBERED_WAYS)
            if name:
                found[kind].add((token, name))
                taken |= set(range(index, end))
        # A word of a street's name counts here too: the other may leave "jalan" out.
        elif index not in passed and _may_name(token):
            names.add(token)
            taken.add(index)
    taken |= passed
    matters, line = _matters([token for index, token in enumerate(tokens) if index not in taken and token.isalpha()])
    ways, marks, estates, villages, quarters, numbered = (frozenset(found[kind]) for kind in _KINDS)
    return Said(ways, marks, estates, villages, quarters, numbered, frozenset(names - _LEXICON.regions), matters, line)


def _tokens(text: str) -> Iterator[str]:
    """The words and numbers of a text in lower case, each in its one spelling; a mark of the end at each stop."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    for token in _TOKEN.findall(plain):
        if token.isdigit():
            yield token.lstrip("0") or "0"
        elif token != "negeri":
            spelled = _LEXICON.spellings.get(token, token)
            if spelled.endswith("nya") and spelled.removesuffix("nya") in _LEXICON.ordinary:
                spelled = spelled.removesuffix("nya")
            yield _ROMAN.get(spelled, spelled)


def _number(tokens: Sequence[str], index: int) -> str | None:
    """The number, or the letter of a block, at this place."""
    if index < len(tokens) and (tokens[index].isdigit() or len(tokens[index]) == 1):
        return tokens[index]
    return None


def _name(tokens: Sequence[str], start: int, *, alone: bool) -> tuple[str, int]:
    """The name that begins here, and where it ends; "" if none does. `alone`: a number may be the whole name."""
    name: list[str] = []
    index = start
    while index < len(tokens) and len(name) < _NAME_WORDS:
        token = tokens[index]
        if token.isdigit():
            counts = index + 1 < len(tokens) and tokens[index + 1] in _LEXICON.units
            if (name or alone) and not counts:
                name.append(token)
                index += 1
                # Every town has an "SMP 1": the town belongs to its name.
                if index < len(tokens) and len(name) == 1 and tokens[index] in _LEXICON.regions:
                    name.append(tokens[index])
                    index += 1
            break
        if token in _LEXICON.titles:
            index += 1
            continue
        # "A. Yani", "Al Falah": a name may begin short, but is not short.
        begins = not name and len(token) < _SHORTEST_NAME and token not in _LEXICON.markers and not _everyday(token)
        if not (begins or _may_name(token)):
            break
        # "Jalan Merdeka Sekayu": the town is no part of the street's name.
        if name and token in _LEXICON.regions:
            break
        if len(token) > 1:
            name.append(token)
        index += 1
    whole = any(word.isdigit() or len(word) >= _SHORTEST_NAME for word in name)
    return " ".join(name) if whole else "", index


@lru_cache(maxsize=8192)
def _may_name(token: str) -> bool:
    """Whether a word can be the name of a place: it is no everyday word, with or without its endings."""
    if len(token) < _SHORTEST_NAME or token.isdigit() or token in _LEXICON.markers or _everyday(token):
        return False
    return not any(token.endswith(ending) and _everyday(token.removesuffix(ending)) for ending in _ENDINGS) and not any(
        token.startswith(beginning) and _everyday(token.removeprefix(beginning)) for beginning in _BEGINNINGS
    )


def _everyday(token: str) -> bool:
    return token in _LEXICON.ordinary or token in _LEXICON.titles or token in _LEXICON.units


def _matters(tokens: Sequence[str]) -> tuple[frozenset[str], str]:
    """The matters of these words, and the line of words that is compared."""
    line = f" {' '.join(tokens)} "
    found = set()
    left = line
    for name, matter in _LEXICON.matters.items():
        for phrase in matter.phrases:
            if f" {phrase} " in left:
                found.add(name)
                left = left.replace(f" {phrase} ", " ")
    words = set(left.split())
    found |= {name for name, matter in _LEXICON.matters.items() if matter.words & words}
    if not found:
        found = {name for name, matter in _LEXICON.matters.items() if matter.faint & words}
    return frozenset(found), " ".join(word for word in tokens if word not in _LEXICON.frame)


# --- how like two are ----------------------------------------------------------------------------


def likeness(one: Account, other: Account) -> float:
    """How probably two complaints are about the same thing in the same place, from 0 to 1; the same both ways."""
    matter, wide, own = _same_matter(one, other)
    apart = abs(one.at - other.at) / (WIDE_WINDOW if wide else WINDOW)
    if apart > 1:
        return 0.0
    place = _same_place(one, other)[wide]
    found = math.sqrt(place * matter) * (1 - (WIDE_FADES if wide else FADES) * apart)
    # Two people's cards are two matters, however alike; an operator may still see a pattern in them.
    return min(found, (ASKED + SHOWN) / 2) if own else found


def _same_matter(one: Account, other: Account) -> tuple[float, bool, bool]:
    """How like the matters are, from 0 to 1; whether they come over a whole kecamatan; whether each has its own."""
    shared = one.said.matters & other.said.matters
    texts = sorted((one.said.words, other.said.words))
    worded = (fuzz.token_set_ratio(*texts) + fuzz.token_sort_ratio(*texts)) / 200 if all(texts) else 0.0
    known = one.function is not None and other.function is not None
    if shared:
        # Who writes much touches upon much: what is shared must be a good part of both.
        found = 0.4 + 0.6 * 2 * len(shared) / (len(one.said.matters) + len(other.said.matters))
    elif one.said.matters and other.said.matters:
        found = min(0.3, worded)
    elif known and one.function == other.function:
        found = max(0.5, worded)
    else:
        found = worded if not known else min(worded, 0.5)
    return max(found, worded if shared else 0.0), bool(shared & _WIDE), bool(shared) and shared <= _OWN


def _same_place(one: Account, other: Account) -> tuple[float, float]:
    """How like the places are, from 0 to 1, for a matter of one spot and for one of a whole kecamatan."""
    distance = _between(one, other)
    if distance is not None:
        if distance <= SAME_SPOT:
            return _SPOT
        if distance > FAR:
            return _at_most(_spoken_place(one, other), _OTHER_NUMBER)
        if distance > NEAR:
            return _at_most(_spoken_place(one, other), _OTHER_MARK)
        closeness = 1 - 0.5 * (distance - SAME_SPOT) / (NEAR - SAME_SPOT)
        return _at_least(_spoken_place(one, other), (closeness, 1.0))
    return _spoken_place(one, other)


def _spoken_place(one: Account, other: Account) -> tuple[float, float]:
    """The same, by the words alone."""
    if _city(one.region) is None or _city(one.region) != _city(other.region):
        return (0.0, 0.0)
    here, there = _district(one.region), _district(other.region)
    same_district = here is not None and here == there
    other_district = here is not None and there is not None and here != there
    found = _by_names(one.said, other.said)
    if other_district:
        found = _at_most(found, _OTHER_NUMBER)
    return _at_least(found, _DISTRICT) if same_district and found != _ELSEWHERE else found


def _by_names(one: Said, other: Said) -> tuple[float, float]:
    found = _by_spots(one, other)
    other_area = _differ(one.villages, other.villages) or _differ(one.quarters, other.quarters)
    return _at_most(found, _OTHER_NUMBER) if other_area or _differ_in_number(one.numbered, other.numbered) else found


def _by_spots(one: Said, other: Said) -> tuple[float, float]:
    ways, marks = _shared(one.ways, other.ways), _shared(one.marks, other.marks)
    # "Lorong Mawar, Jalan Sudirman" and "Lorong Melati, Jalan Sudirman": what is finer decides.
    other_way = any(
        _differ({way for way in one.ways if way[0] == kind}, {way for way in other.ways if way[0] == kind})
        for kind in {kind for kind, _ in one.ways | other.ways}
    )
    other_mark = _differ(one.marks, other.marks)
    if ways and other_way:
        return _OTHER_NUMBER
    if ways:
        return _OTHER_MARK if other_mark else _SPOT
    if marks:
        return _CROSSING if other_way else _SPOT
    if _shared(one.estates, other.estates):
        return _OTHER_NUMBER if other_way or other_mark else _ESTATE
    if other_way or other_mark:
        return _ELSEWHERE
    if _names_spot(one.names, other.spots) or _names_spot(other.names, one.spots):
        return _NAMED
    if _shared_names(one.names, other.names):
        return _WORD
    if _shared(one.villages, other.villages):
        found = _VILLAGE
    else:
        found = _QUARTER if _shared(one.quarters, other.quarters) else _CITY
    return _at_most(found, _OTHER_NUMBER) if one.spots and other.spots else found


def _shared(ones: Iterable[_Place], others: Iterable[_Place]) -> frozenset[_Place]:
    """The places of the first that the second has too, however each is spelled."""
    return frozenset(
        (kind, name)
        for kind, name in ones
        if any(kind == other_kind and _one_name(name, other) for other_kind, other in others)
    )


def _differ(ones: Iterable[_Place], others: Iterable[_Place]) -> bool:
    """Whether both name such places, and none is the same."""
    return bool(ones) and bool(others) and not _shared(ones, others)


def _differ_in_number(ones: Iterable[_Place], others: Iterable[_Place]) -> bool:
    kinds = {kind for kind, _ in ones} & {kind for kind, _ in others}
    return any(
        not {number for each, number in ones if each == kind} & {number for each, number in others if each == kind}
        for kind in kinds
    )


def _one_name(one: str, other: str) -> bool:
    """Whether these are one name: the same numbers, and the words of the shorter all in the longer."""
    if one == other:
        return True
    ones, others = sorted((one.split(), other.split()), key=len)
    numbers = [{word for word in words if word.isdigit()} for words in (ones, others)]
    if numbers[0] != numbers[1]:
        return False
    return all(any(_one_word(word, each) for each in others) for word in ones)


def _one_word(one: str, other: str) -> bool:
    return one == other or (not one.isdigit() and fuzz.ratio(*sorted((one, other))) >= ALIKE)


def _names_spot(names: frozenset[str], spots: Iterable[_Place]) -> bool:
    """Whether a spot of one is named by the other, without its kind."""
    return any(
        all(not word.isdigit() and any(_one_word(word, each) for each in names) for word in name.split())
        for _, name in spots
    )


def _shared_names(ones: frozenset[str], others: frozenset[str]) -> bool:
    return bool(ones & others) or any(_one_word(one, other) for one in ones for other in others)


def _at_most(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    return min(one[0], other[0]), min(one[1], other[1])


def _at_least(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    return max(one[0], other[0]), max(one[1], other[1])


_CITY_CODE = len("16.71")
_DISTRICT_CODE = len("16.71.02")
_EARTH = 6_371_000.0


def _city(region: str | None) -> str | None:
    """The code of the kabupaten or kota that a region lies in; None where only the province is known."""
    return region[:_CITY_CODE] if region is not None and len(region) >= _CITY_CODE else None


def _district(region: str | None) -> str | None:
    """The code of the kecamatan that a region is or lies in; None where only a larger one is known."""
    return region[:_DISTRICT_CODE] if region is not None and len(region) >= _DISTRICT_CODE else None


def metres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Metres between two points of latitude and longitude in degrees, along the sphere (haversine)."""
    latitudes, longitudes = sorted((math.radians(one[0]), math.radians(other[0]))), (one[1], other[1])
    across = math.radians(max(longitudes) - min(longitudes))
    half = (
        math.sin((latitudes[1] - latitudes[0]) / 2) ** 2
        + math.cos(latitudes[0]) * math.cos(latitudes[1]) * math.sin(across / 2) ** 2
    )
    return 2 * _EARTH * math.asin(math.sqrt(min(1.0, half)))


def _between(one: Account, other: Account) -> float | None:
    return metres(one.pin, other.pin) if one.pin is not None and other.pin is not None else None


# --- finding them --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An open complaint that is probably about the same; it holds no word of its citizen's that the asker did not use.

    `complaint_id` and `ticket` are for the store and for operators: a citizen is not told another's ticket, nor
    `metres` (None where a pin is missing), which would lead to where an Anonim reporter stood. `shared` are the places
    that both name, such as "jalan sudirman"; `asked` says that it is like enough to ask a citizen.
    """

    complaint_id: int
    ticket: str
    likeness: float
    metres: float | None
    shared: tuple[str, ...]
    filed_at: datetime
    status: str
    function: str | None
    region: str | None
    agency: str | None

    @property
    def asked(self) -> bool:
        """Whether a citizen may be asked if it is the same."""
        return self.likeness >= ASKED


async def neighbours(
    connection: AsyncConnection,
    *,
    text: str,
    function: str | None,
    region: str | None,
    latitude: float | None,
    longitude: float | None,
    at: datetime,
    place: str | None = None,
    besides: int | None = None,
    least: float = SHOWN,
    most: int = 10,
) -> list[Neighbour]:
    """Open complaints, none of them Rahasia, that are probably about the same matter in the same place; best first.

    `at` is the moment to look around, with its zone; `region` a Kemendagri code; a pin is in degrees. `besides` is the
    id of a complaint that is left out: the one that is asked about. `least` is the likeness from 0 to 1 from which one
    counts, `most` how many are returned. Without a pin and without a kabupaten nothing is near.
    """
    asked = account(text, place=place, function=function, region=region, latitude=latitude, longitude=longitude, at=at)
    found = []
    for row in await _candidates(connection, asked, besides):
        other = account(
            f"{row.title} . {row.text}",
            place=row.place,
            function=row.function,
            region=row.region,
            latitude=row.latitude,
            longitude=row.longitude,
            at=row.filed_at,
        )
        like = likeness(asked, other)
        if like >= least:
            found.append(_neighbour(row, like, asked, other))
    found.sort(key=lambda each: (-each.likeness, -each.complaint_id))
    return found[: max(most, 0)]


def _neighbour(row: Any, like: float, asked: Account, other: Account) -> Neighbour:
    spots = _shared(asked.said.spots, other.said.spots) or _shared(asked.said.areas, other.said.areas)
    distance = _between(asked, other)
    return Neighbour(
        complaint_id=row.id,
        ticket=row.ticket,
        likeness=like,
        metres=None if distance is None else round(distance, 1),
        # In the asker's own words: the other's spelling of them is not repeated.
        shared=tuple(sorted(" ".join(spot) for spot in spots)),
        filed_at=row.filed_at,
        status=row.status,
        function=row.function,
        region=row.region,
        agency=row.agency,
    )


# What may be found at all. Whoever is Rahasia is not even read.
_OPEN = """
    NOT k.secret AND k.status <> ALL(:ended) AND k.filed_at BETWEEN :since AND :until
    AND k.id IS DISTINCT FROM CAST(:besides AS bigint)
"""
_WAYS = {
    "pin": "k.latitude BETWEEN :south AND :north AND k.longitude BETWEEN :west AND :east",
    "two": "left(k.region, 5) = :city",
    "one": "left(k.region, 5) = :city",
    "district": "left(k.region, 5) = :city AND left(k.region, 8) = :district AND k.filed_at BETWEEN :lately AND :soon",
}
WORDS = "to_tsvector('indonesian'::regconfig, title || ' ' || text || ' ' || coalesce(place, ''))"
"""The expression of the full-text index; a query must repeat it to be answered from it."""
# OFFSET 0 is a fence: with the LIMIT in sight the planner walks the kabupaten's complaints from the newest on instead,
# and reads the words of each of them anew.
_BY_WORDS = ("one", "two")
_WORDED = f"""
    (SELECT id, region, secret, status, filed_at FROM complaints
     WHERE {WORDS} @@ to_tsquery('indonesian', :{{way}}) OFFSET 0)
"""  # noqa: S608

_ENDED = [status.name for status in moves.STATUSES if status.ends]


async def _candidates(connection: AsyncConnection, asked: Account, besides: int | None) -> Sequence[Any]:
    """The rows worth comparing, at most CANDIDATES by each way of looking."""
    rows = await _look(connection, asked, {**_around(asked), **_by_one_name(asked), **_in_district(asked)}, besides)
    # Two names in common are rarer than one, and dear to look for: only where one name alone finds a crowd.
    crowd = len(rows) >= CANDIDATES
    rows = [*rows, *await _look(connection, asked, _by_two_names(asked), besides)] if crowd else rows
    return list({row.id: row for row in rows}.values())


async def _look(
    connection: AsyncConnection, asked: Account, ways: Mapping[str, Mapping[str, Any]], besides: int | None
) -> Sequence[Any]:
    """The newest rows by each of these ways, whose parameters go with them."""
    if not ways:
        return ()
    looks = " UNION ".join(
        f"(SELECT k.id FROM {_WORDED.format(way=way) if way in _BY_WORDS else 'complaints'} k"  # noqa: S608
        f" WHERE {_WAYS[way]} AND {_OPEN} ORDER BY k.filed_at DESC LIMIT {CANDIDATES})"
        for way in ways
    )
    sql = f"""
        SELECT k.id, k.ticket, k.title, left(k.text, {READ}) AS text, k.place, k.region, k.latitude, k.longitude,
               k.status, k.function, k.agency, k.filed_at
        FROM complaints k WHERE k.id IN ({looks})
    """  # noqa: S608
    parameters: dict[str, Any] = {
        "ended": _ENDED,
        "since": _moment(asked.at, -WINDOW),
        "until": _moment(asked.at, WINDOW),
        "besides": besides,
    }
    for way in ways.values():
        parameters |= way
    return (await connection.execute(statement(sql), parameters)).all()


def _moment(at: datetime, shift: timedelta) -> datetime:
    """A moment moved, or left where it is at the ends of the calendar."""
    try:
        return at + shift
    except OverflowError:
        return at


def _around(asked: Account) -> dict[str, dict[str, Any]]:
    """The box around the pin."""
    if asked.pin is None:
        return {}
    latitude, longitude = asked.pin
    high = math.degrees(NEAR / _EARTH)
    wide = min(180.0, high / max(math.cos(math.radians(latitude)), 0.001))
    box = {"south": latitude - high, "north": latitude + high, "west": longitude - wide, "east": longitude + wide}
    return {"pin": box}


def _by_one_name(asked: Account) -> dict[str, dict[str, Any]]:
    """The names of its places, any of them; only in its own kabupaten."""
    city, names = _city(asked.region), _names(asked)
    return {"one": {"one": " | ".join(names), "city": city}} if city and names else {}


def _by_two_names(asked: Account) -> dict[str, dict[str, Any]]:
    """The names of its places, any two of them."""
    city, names = _city(asked.region), _names(asked)
    pairs = " | ".join(f"({one} & {other})" for one, other in combinations(names, 2))
    return {"two": {"two": pairs, "city": city}} if city and pairs else {}


def _names(asked: Account) -> list[str]:
    """What is looked for by words, each a part of a tsquery."""
    spots = asked.said.spots | asked.said.areas
    said = {word for _, name in spots for word in name.split()}
    names = sorted({_query(spot) for spot in spots} - {""}) + [f"'{name}'" for name in sorted(asked.said.names - said)]
    return names[:NAMES]


def _query(spot: tuple[str, str]) -> str:
    """What to look for by a place: its name; with its kind, however written, where the name is but a number."""
    kind, name = spot
    words = [f"'{word}'" for word in name.split() if not word.isdigit() and len(word) >= _SHORTEST_NAME]
    if words:
        return f"({' & '.join(words)})"
    written = " | ".join(f"'{each}'" for each in _LEXICON.written.get(kind, (kind,)))
    return f"(({written}) & '{name}')" if name.isdigit() else ""


def _in_district(asked: Account) -> dict[str, dict[str, Any]]:
    """What was just filed in the same kecamatan: outages have no street."""
    district = _district(asked.region)
    if district is None or not asked.said.matters & _WIDE:
        return {}
    lately, soon = _moment(asked.at, -WIDE_WINDOW), _moment(asked.at, WIDE_WINDOW)
    return {"district": {"district": district, "city": _city(asked.region), "lately": lately, "soon": soon}}


# --- beside --------------------------------------------------------------------------------------

_VOICES = statement("""
    SELECT count(DISTINCT p.citizen_id) FILTER (WHERE p.citizen_id IS NOT NULL)
           + count(DISTINCT k.id) FILTER (WHERE p.citizen_id IS NULL)
    FROM complaints k
    LEFT JOIN complaint_parties p ON p.complaint_id = k.id AND p.role IN ('pelapor', 'pengikut')
    WHERE k.id = ANY(:ids)
""")


async def voices(connection: AsyncConnection, complaint_ids: Sequence[int]) -> int:
    """How many citizens stand behind these complaints, reporters and followers; each counts once.

    A complaint that came without a citizen (over the API) counts as one.
    """
    return int((await connection.execute(_VOICES, {"ids": list(complaint_ids)})).scalar_one())


_TITLES = statement("SELECT id, title FROM complaints WHERE id = ANY(:ids) AND NOT secret")


async def titles(connection: AsyncConnection, complaint_ids: Sequence[int]) -> dict[int, str]:
    """The titles of these complaints by id, for operators only: a title is the citizen's own first sentence."""
    rows = await connection.execute(_TITLES, {"ids": list(complaint_ids)})
    return {row.id: row.title for row in rows}


_KNOWN = statement("""
    SELECT k.id, k.ticket FROM complaints k JOIN complaint_parties p ON p.complaint_id = k.id
    WHERE k.id = ANY(:ids) AND p.citizen_id = :citizen_id
""")


async def known_to(connection: AsyncConnection, complaint_ids: Sequence[int], citizen_id: int) -> dict[int, str]:
    """Those of these complaints that this citizen has filed or follows: their tickets by id."""
    rows = await connection.execute(_KNOWN, {"ids": list(complaint_ids), "citizen_id": citizen_id})
    return {row.id: row.ticket for row in rows}
