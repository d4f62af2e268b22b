"""The gazetteer: which region a citizen names in free, informal text.

A text is read word by word against a tree of all names; the mentions are then weighed against each other: "Tempe" is a
kecamatan and a food, "Balusu" lies in two kabupaten, and "jalan Palembang" need not be in Palembang.

Provinces, kabupaten/kota and kecamatan are read first. Desa and kelurahan have a tree of their own and are weighed
after them, because their names repeat and are everyday words: one counts only where the text marks it ("kel."), or
names what it lies in, or where nothing else has that name. Landmarks (a bridge, a hospital) stand behind every region
that is named. Where the names contradict each other, those of a road's ends, of homes and of directions give way to
the place that is pointed out. A wrong place is worse than a question.
"""

import re
import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice, pairwise, product
from operator import attrgetter
from typing import NamedTuple

from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from store.regions import VILLAGES, Landmark, Region, Regions, load_landmarks, read

# An apostrophe inside a word is a sound of the language (Sa'dan) and not its end.
_TOKEN = re.compile(r"[^\W_]+(?:['’‘`][^\W_]+)*")
_APOSTROPHES = re.compile(r"['’‘`]")
_SPELLED = ["satu", "dua", "tiga", "empat", "lima", "enam", "tujuh", "delapan", "sembilan", "sepuluh", "sebelas"]
_ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4"}
_NUMBERS = {word: str(value) for value, word in enumerate(_SPELLED, start=1)} | _ROMAN
_SHORT_FORMS = {
    "tanjung": "tj tg tjg tjng tnjung",
    "sungai": "sei",
    "gunung": "gn gng",
    "lubuk": "lb lbk",
    "talang": "tl tlg",
    "pasar": "ps psr",
    "karang": "krg",
    "seberang": "sebrang sbrg",
}
# Other ways to write a word of a landmark's name.
_LANDMARK_FORMS = {
    "jalan": "jl|jln",
    "simpang": "simp|sp|spg|perempatan|pertigaan",
    "rsud": "rs|rumah sakit|rumah sakit umum|rumah sakit umum daerah",
    "rsup": "rs|rumah sakit|rumah sakit umum pusat",
    "rs": "rumah sakit",
    "universitas": "univ",
    "masjid": "mesjid",
    "mall": "mal",
    "jembatan": "jbt|jemb",
    "pelabuhan": "pel|dermaga",
    "stadion": "stadium",
    "bandara": "bandar udara|airport",
    "lapangan": "lap",
    "kompleks": "komplek|perumahan|perum",
    "perumahan": "perum|kompleks|komplek",
    "bendungan": "bendung|waduk",
    "permandian": "pemandian",
    "goa": "gua",
    "center": "centre",
    "daeng": "dg",
    "kolonel": "kol",
}
_STREET, _CROSSING = "jalan", "simpang"
_USUAL = _NUMBERS | {short: word for word, line in _SHORT_FORMS.items() for short in line.split()}
# "disekayu", "kepalembang": the preposition is often written onto the name. Shorter names would match by accident.
_GLUED = ("di", "ke")
_GLUED_NAME_LENGTH = 5
_MARKERS = ("kecamatan", "kabupaten", "kota", "provinsi")
_VILLAGE_MARKERS = ("desa", "kelurahan", "dusun")
_VILLAGE_LEADS = (*_VILLAGE_MARKERS, "quarter")
_RESIDENTS = "warga"
_FROM = "dari"
_FIRM = "pt"
# What stands before the place itself.
_POINTING = ("at", *_MARKERS, *_VILLAGE_LEADS)

# One letter of a word of a larger name may be wrong, missing or doubled; in a shorter word that makes another word.
_MISSPELLED_LENGTH = 7
# A village's name as it is looked for after "desa" and inside a region that is named: rapidfuzz's ratio, and how much
# better than the next one it must be.
_VILLAGE_LIKENESS = 86
_VILLAGE_MARGIN = 5
_VILLAGE_WORDS = 3
_VILLAGE_LENGTH = 6

_VILLAGE_DOTS = 3
# How little a village's name says by itself, from the least.
_USES = ("ordinary", "elsewhere", "plain", "")
_CERTAIN_USES = {"yes": "", "at": "plain", "no": "elsewhere"}

_VILLAGES_READ = 50
"""Names of villages that are weighed, at most: a report has fewer, and a text may have a thousand."""
_first = attrgetter("first")

_OFFERED = 5
"""Places offered to choose from, at most; of more none is offered, because the right one might be missing."""

# What may stand inside a village's name, and after a short form ("Tj. Raja"): a comma or a stop begins something else.
_NAME_GAP = re.compile(r"[\s'’/–-]{0,3}")
_SHORT_GAP = re.compile(r"\.?[\s'’/–-]{0,3}")
_SHORT_LENGTH = 3
_LANDMARK_SHORT_LENGTH = 4

# "Palembang - Jambi": the names are the ends of a road.
_DASH = re.compile(r"\s*(?:-+>?|[–—→~]|>+)\s*")
# A stop, but not that of "Kec." or "Jl.": what stands before it says nothing about what follows.
_SENTENCE_END = re.compile(r"[.!?;]\s|\n")
_HEARD_WORDS = 5
_CONTRAST_WORDS = 8
_BETWEEN_ENDS = 3
_CLAIMS_READ = 40
"""Names that are weighed against each other, at most: a report has fewer, and a text may have a thousand."""


@dataclass(frozen=True, slots=True)
class Found:
    """The deepest region that a text names, in the citizen's own spelling; not `certain` means: better ask.

    `name` is the region's own ("7 Ulu"); `full` says where it lies ("Kelurahan 7 Ulu, Seberang Ulu I, Kota Palembang").
    `among` are the code and a short name of each place that may be meant, to choose from; `region` is then what they
    share. It is empty where the region is certain, and where there are too many to choose from.
    """

    region: str
    name: str
    words: str
    certain: bool
    full: str = ""
    among: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True, eq=False)
class _Node:
    """A word in the tree of names, and the regions whose name ends with it."""

    next: dict[str, "_Node"] = field(default_factory=dict)
    codes: tuple[str, ...] = ()
    ordinary: bool = False
    use: str = ""


class _Spot(NamedTuple):
    """Where a name stands: its first word, the one after its last, the name, and the letters glued before it."""

    first: int
    last: int
    node: _Node
    glued: int


class _Token(NamedTuple):
    """A word of the text: its usual form, its place, and whether it is a number that is not Roman."""

    word: str
    start: int
    end: int
    counts: bool


@dataclass(frozen=True, slots=True)
class _Mention:
    """A name in the text: the regions that it may mean, and what the words before it say about it."""

    codes: tuple[str, ...]
    ordinary: bool
    marker: str
    lead: str
    capitals: bool
    alone: bool
    beside: frozenset[str]

    @property
    def plainly(self) -> int:
        """How plainly the words before it say that this is the place: 0 elsewhere, 1 nothing, 2 here."""
        if self.lead in ("away", "street"):
            return 0
        return 2 if self.marker or self.lead == "at" else 1

    @property
    def hidden(self) -> bool:
        """Whether it is a word of everyday speech that nothing marks as a place."""
        return self.ordinary and not self.marker and not self.capitals


@dataclass(frozen=True, slots=True)
class _Reading:
    """A mention that was decided: the region, how much speaks for it, whether it is sure, and else what it may be."""

    region: Region
    mention: _Mention
    certain: bool
    among: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Village:
    """The name of a village in the text, what it may mean, and what the words around it say about it.

    `inside` are those that lie in a region that is named, a kecamatan, a kabupaten or both. `rivals` are the larger
    regions of the same name, `against` says that the text names another kabupaten, plainly.
    """

    spot: _Spot
    marker: str
    lead: str
    capitals: bool
    alone: bool
    beside: bool
    inside: tuple[str, ...]
    by_district: bool
    by_kabkota: bool
    against: bool
    rivals: tuple[str, ...]

    @property
    def signed(self) -> bool:
        """Whether anything says that a place is meant."""
        return bool(self.marker) or self.beside or self.capitals or self.lead in ("at", _RESIDENTS)

    @property
    def plainly(self) -> int:
        """How plainly the words before it say that this is the place, as for a mention."""
        return 2 if self.marker or self.lead == "at" else 0 if self.lead == "away" else 1


@dataclass(frozen=True, slots=True)
class _Settled:
    """A village that was decided: the region, whether it is sure, and else what it may be."""

    region: Region
    village: _Village
    certain: bool
    among: tuple[str, ...] = ()

    @property
    def weight(self) -> tuple[bool, int, bool]:
        """How much speaks for it, against other villages."""
        return bool(self.village.inside), self.village.plainly + bool(self.village.marker), self.certain


@dataclass(frozen=True, slots=True)
class _Place:
    """What the names of one kind come to; `weak` means that the words before it say that it may not be the place."""

    spot: _Spot
    region: Region
    certain: bool
    among: tuple[str, ...]
    weak: bool


class _Sight(NamedTuple):
    """A landmark in the text; `away` says that somebody is "going" there or "belongs" there, "" neither."""

    spot: _Spot
    certain: bool
    away: str


@dataclass(frozen=True, slots=True)
class _Standing:
    """A name that may claim to be the place: how plainly it is said, and whether what it lies in stands beside it."""

    spot: _Spot
    plainly: int
    anchored: bool


@dataclass(frozen=True, slots=True)
class _Claim:
    """How much the words around a name say that it is the place, or that it is not.

    `road` is an end of a road, `home` where somebody lives, `pinned` follows "persisnya" and the like, `near` follows
    "depan", `anchored` has the kabupaten that it lies in right beside it, and `broad` is a kabupaten or kota itself.
    """

    spot: _Spot
    plainly: int
    road: bool
    home: bool
    pinned: bool
    near: bool
    anchored: bool
    broad: bool

    @property
    def weak(self) -> bool:
        return self.road or self.plainly == 0

    def outweighs(self, other: "_Claim") -> bool:
        """Whether this is the place, and the other name only says something about it or about the speaker."""
        if self.weak or self.home or _same_ground(self.spot.node.codes, other.spot.node.codes):
            return False
        pointed = self.plainly == 2 or self.pinned
        if other.weak:
            return pointed or self.anchored or (self.near and other.road)
        if other.home:
            return self.pinned or (self.anchored and pointed)
        if other.pinned or other.anchored:
            return False
        # "Di Palembang, tepatnya di Sukamaju" is more likely a Sukamaju that we do not know.
        beyond = self.anchored or (self.pinned and self.broad)
        return beyond and (pointed or other.plainly < 2)


class _Elsewhere(NamedTuple):
    """Whether the text speaks of a place that is not ours: a city, a "kab." or a "kec." that we do not know."""

    kabkota: bool
    district: bool


class Gazetteer:
    """Finds regions in text; built once, then only read."""

    def __init__(self, regions: Regions) -> None:
        """Grow the trees of names from the regions."""
        self._regions = regions
        self._uses: dict[str, set[str]] = defaultdict(set)
        for row in read("gazetteer_words.csv"):
            self._uses[row["use"]].add(row["word"])
        leads = (*_MARKERS, *_VILLAGE_LEADS, "street", "away", "at")
        self._leads = {word: use for use in leads for word in self._uses[use]}
        self._splits = tuple(sorted(self._uses["beginning"], key=len, reverse=True))
        self._root, self._village_root = _Node(), _Node()
        self._villages_of: dict[str, dict[str, str]] = defaultdict(dict)
        use_of = {row["code"]: row["use"] for row in read(VILLAGES) if row["use"]}
        for region in regions.by_code.values():
            is_village = region.code.count(".") == _VILLAGE_DOTS
            for name in (_plain(region), *region.aliases):
                for spelling in set(_spellings(name, self._splits)):
                    if is_village:
                        self._plant(self._village_root, spelling, region.code, use_of.get(region.code, ""))
                    else:
                        self._plant(self._root, spelling, region.code)
            if is_village:
                self._villages_of[region.parent][region.code] = "".join(next(_spellings(region.name)))
        self._landmark_root = _Node()
        for landmark in load_landmarks():
            self._plant_landmark(landmark)
        self._heads = self._root.next.keys() | self._village_root.next.keys() | self._landmark_root.next.keys()
        self._foreign = self._uses["outside"] | self._uses["noun"]
        self._right_words = self._uses["apart"] | set(_words_below(self._root))
        self._misspelled = self._deletions()
        # Citizens use each other's words: each is looked up once.
        self._right = lru_cache(maxsize=1 << 14)(self._correct)

    def find(self, text: str, near: str | None = None) -> Found | None:
        """The deepest region that the text names, or None.

        `near` is the code of a region where the citizen is thought to be; it only decides between places of one name.
        None also where the places of one name share no province.
        """
        tokens = list(_tokens(text))
        starts = self._starts(tokens)
        spots = self._spots(tokens, starts, self._root)
        villages = self._spots(tokens, starts, self._village_root)
        sights = self._sights(text, tokens, starts, spots, villages)
        if not spots and not villages and not sights:
            return None
        place = self._read(text, tokens, spots, villages, sights, near, frozenset())
        if place is not None and not place.certain:
            heard, unheard, roads = self._heard(text, tokens, spots, villages, sights)
            if unheard:
                clearer = self._read(text, tokens, heard, _apart(villages, unheard), sights, near, roads)
                place = clearer if clearer is not None and clearer.certain else place
        if place is None:
            return None
        return self._found(text, tokens, place.spot, place.region, place.certain, place.among)

    def _read(
        self,
        text: str,
        tokens: Sequence[_Token],
        spots: list[_Spot],
        villages: list[_Spot],
        sights: list[_Sight],
        near: str | None,
        roads: frozenset[int],
    ) -> _Place | None:
        """What these names come to; the words at `roads` are ends of a road and no sign of another place."""
        if not sights:
            elsewhere = self._elsewhere(tokens, spots, villages, roads)
            return self._named_place(text, tokens, spots, villages, near, elsewhere)
        elsewhere = self._elsewhere(tokens, spots, [*villages, *(sight.spot for sight in sights)], roads)
        seen = self._seen(sights, near, elsewhere)
        if seen is not None and seen.certain:
            # "Masjid Lawang Kidul" is not in the kecamatan of that name.
            spots, villages = _uncovered(spots, sights), _uncovered(villages, sights)
        place = self._named_place(text, tokens, spots, villages, near, elsewhere)
        return _with_landmarks(place, seen, self._regions)

    def _named_place(
        self,
        text: str,
        tokens: Sequence[_Token],
        spots: list[_Spot],
        villages: list[_Spot],
        near: str | None,
        elsewhere: _Elsewhere,
    ) -> _Place | None:
        """The deepest region that is named."""
        # "Desa Tanjung Raya, Belitang": the "raya" is no street's.
        named = {at for spot in villages if spot.last - spot.first > 1 for at in range(spot.first, spot.last)}
        mentions = self._mentions(text, tokens, spots, named)
        settled = self._settled(text, tokens, spots, villages, mentions, near, elsewhere)
        # "Desa Betung" is no longer the kecamatan Betung, nor "Sako Baru" the kecamatan Sako.
        taken = [(each.village.spot.first, each.village.spot.last) for each in settled]
        left = {
            mention: spot
            for mention, spot in mentions.items()
            if not any(spot.first < last and first < spot.last for first, last in taken)
        }
        best = self._larger(text, tokens, left, near, elsewhere)
        if settled:
            return self._deepest(settled, best)
        if best is None:
            return None
        weak = best.mention.plainly == 0
        return _Place(left[best.mention], best.region, best.certain, best.among, weak)

    def _found(
        self, text: str, tokens: Sequence[_Token], spot: _Spot, region: Region, certain: bool, among: Iterable[str]
    ) -> Found:
        return Found(
            region=region.code,
            name=region.name,
            words=text[tokens[spot.first].start + spot.glued : tokens[spot.last - 1].end],
            certain=certain,
            full=self._regions.full_name(region.code),
            among=() if certain else self._choices(among),
        )

    def _choices(self, codes: Iterable[str]) -> tuple[tuple[str, str], ...]:
        """What a citizen can choose from: the kabupaten of these places where they differ, else the places."""
        by_kabkota: dict[str, list[str]] = defaultdict(list)
        for code in sorted(set(codes)):
            by_kabkota[_kabkota(code)].append(code)
        if len(by_kabkota) > 1:
            found = [(_shared(inside), self._regions.by_code[upper].name) for upper, inside in by_kabkota.items()]
        else:
            found = [(code, self._choice(code)) for inside in by_kabkota.values() for code in inside]
        if len({name for _, name in found}) < len(found):
            found = [(code, self._regions.full_name(code)) for code, _ in found]
        return tuple(found) if len(found) <= _OFFERED else ()

    def _choice(self, code: str) -> str:
        region = self._regions.by_code[code]
        over = self._regions.by_code.get(region.parent)
        return f"{region.name}, {over.name}" if over and region.kind not in ("kabupaten", "kota") else region.name

    # --- the trees of names --------------------------------------------------------------------------

    def _plant(self, root: _Node, words: tuple[str, ...], code: str, use: str = "") -> None:
        node = root
        for word in words:
            node = node.next.setdefault(word, _Node())
        if code not in node.codes:
            # A name is as ordinary as the most ordinary place that bears it.
            node.use = use if not node.codes else min(node.use, use, key=_USES.index)
            node.codes = (*node.codes, code)
        node.ordinary = node.ordinary or use == "ordinary" or " ".join(words) in self._uses["ordinary"]
        if node.ordinary:
            node.use = "ordinary"

    def _plant_landmark(self, landmark: Landmark) -> None:
        """A landmark with all its spellings; a crossing is named after its street."""
        names = [landmark.name, *landmark.aliases]
        if landmark.name.lower().startswith(_STREET):
            bare = {name.lower().removeprefix(f"{_STREET} ") for name in names}
            kinds = (_STREET, _CROSSING) if landmark.certain == "yes" else (_STREET,)
            names += [f"{kind} {name}" for kind in kinds for name in bare if not name.startswith(_CROSSING)]
        codes = [code for code in landmark.regions if code in self._regions.by_code]
        use = _CERTAIN_USES[landmark.certain]
        for spelling in {spelling for name in names for form in _forms(name) for spelling in _spellings(form)}:
            for code in codes:
                self._plant(self._landmark_root, spelling, code, use)

    def _deletions(self) -> dict[str, tuple[str, ...]]:
        """The words of the larger names by what is left of them without one letter."""
        words = {word for word in _words_below(self._root) if len(word) >= _MISSPELLED_LENGTH and word.isalpha()}
        found: dict[str, tuple[str, ...]] = {}
        for word in sorted(words):
            for left in _without_a_letter(word):
                found[left] = (*found.get(left, ()), word)
        return found

    def _correct(self, word: str) -> str:
        """The only word of a larger name that differs in one letter, but for the first; "" if there is none."""
        if len(word) < _MISSPELLED_LENGTH - 1 or not word.isalpha() or word in self._right_words:
            return ""
        near = {right for left in _without_a_letter(word) for right in self._misspelled.get(left, ())}
        near = {right for right in near if right[0] == word[0] and OSA.distance(word, right, score_cutoff=1) == 1}
        return near.pop() if len(near) == 1 else ""

    # --- larger regions ------------------------------------------------------------------------------

    def _starts(self, tokens: Sequence[_Token]) -> list[int]:
        """The words with which a name may begin."""
        heads, length = self._heads, _MISSPELLED_LENGTH
        return [
            at
            for at, token in enumerate(tokens)
            if token.word in heads
            or (token.word.startswith(_GLUED) and token.word[2:] in heads)
            or (len(token.word) >= length - 1 and self._right(token.word))
        ]

    def _spots(self, tokens: Sequence[_Token], starts: Sequence[int], root: _Node) -> list[_Spot]:
        """The names in the text, from left to right, none over another."""
        spots: list[_Spot] = []
        free = 0
        for at in starts:
            if at < free:
                continue
            node, length, glued = self._match(tokens, at, root)
            # "SMA 2 Ulu Musi": the number belongs to the school, not to the kampung "2 Ulu".
            follows = tokens[at].counts and at + length < len(tokens)
            if node is None or (follows and self._match(tokens, at + 1, self._root)[1] >= length):
                continue
            free = at + length
            spots.append(_Spot(at, free, node, glued))
        return spots

    def _mentions(
        self, text: str, tokens: Sequence[_Token], spots: list[_Spot], inside: set[int]
    ) -> dict[_Mention, _Spot]:
        """What is named, each with its first place; repetitions say nothing new and are dropped.

        The words that are `inside` the name of a village lead to nothing.
        """
        shouting = bool(spots) and text.isupper()
        found: dict[_Mention, _Spot] = {}
        for index, spot in enumerate(spots):
            found.setdefault(self._mention(text, tokens, spots, index, inside, shouting=shouting), spot)
        return found

    def _mention(
        self,
        text: str,
        tokens: Sequence[_Token],
        spots: list[_Spot],
        index: int,
        inside: set[int],
        *,
        shouting: bool,
    ) -> _Mention:
        """What is named at one place; in a text of capital letters alone they say nothing."""
        spot = spots[index]
        marker, lead = self._before(tokens, spot.first, inside)
        start, end = tokens[spot.first].start + spot.glued, tokens[spot.last - 1].end
        alone = spot.last - spot.first == len(tokens)
        return _Mention(
            codes=spot.node.codes,
            ordinary=spot.node.ordinary,
            marker=marker,
            lead=_glued_lead(text, start) if spot.glued else lead,
            capitals=(alone or not shouting) and text[start:end].isupper(),
            alone=alone,
            beside=self._beside(tokens, spots, index),
        )

    def _match(self, tokens: Sequence[_Token], at: int, root: _Node) -> tuple[_Node | None, int, int]:
        """The longest name that begins at a word, its number of words, and the letters of a glued preposition."""
        word = tokens[at].word
        node, glued, corrected = root.next.get(word), 0, False
        larger = root is self._root
        # Before a village only "di": too many nouns begin with "ke".
        if node is None and word.startswith(_GLUED if larger else _GLUED[0]) and len(word) >= _GLUED_NAME_LENGTH + 2:
            node, glued = root.next.get(word[2:]), 2
        if node is None and larger and (right := self._right(word)):
            node, glued, corrected = root.next.get(right), 0, True
        best, length = None, 0
        for end in range(at + 1, len(tokens) + 1):
            if node is None:
                break
            short = corrected and end == at + 1 and len(word) < _MISSPELLED_LENGTH
            doubtful = short or (node.ordinary and (glued or corrected))
            if node.codes and not doubtful and not self._is_count(tokens, end):
                best, length = node, end - at
            if end == len(tokens):
                break
            following = node.next.get(tokens[end].word)
            if following is None and larger and node.next and not corrected:
                following, corrected = node.next.get(self._right(tokens[end].word)), True
            node = following
        return best, length, glued

    def _is_count(self, tokens: Sequence[_Token], end: int) -> bool:
        """Whether the last word counts what follows: "Belitang 3 hari" is not Belitang III."""
        return tokens[end - 1].counts and end < len(tokens) and tokens[end].word in self._uses["unit"]

    def _before(self, tokens: Sequence[_Token], first: int, inside: set[int]) -> tuple[str, str]:
        """The kind of region ("Kec.", "kota") and the other word that stand before a name."""
        marker = ""
        for back in range(first - 1, max(first - 4, -1), -1):
            use = "" if back in inside else self._leads.get(tokens[back].word, "")
            if use not in _MARKERS:
                return marker, "village" if use in _VILLAGE_LEADS else use
            # "Kec. Kota Kayuagung": the outer word decides. One that fits no region of the name is passed over later.
            marker = use
        return marker, ""

    def _beside(self, tokens: Sequence[_Token], spots: list[_Spot], index: int) -> frozenset[str]:
        """The kabupaten and kota named right beside a name, with at most "kab." or "kota" between them."""
        codes: set[str] = set()
        if index + 1 < len(spots) and self._only_markers(tokens, spots[index].last, spots[index + 1].first):
            codes.update(spots[index + 1].node.codes)
        if index and self._only_markers(tokens, spots[index - 1].last, spots[index].first):
            codes.update(spots[index - 1].node.codes)
        return frozenset(code for code in codes if self._regions.by_code[code].kind in ("kabupaten", "kota"))

    def _only_markers(self, tokens: Sequence[_Token], start: int, end: int) -> bool:
        return end - start <= 2 and all(self._leads.get(token.word) in _MARKERS for token in tokens[start:end])

    def _named(self, mentions: Iterable[_Mention]) -> Mapping[str, int]:
        """The kabupaten, kota and provinces that the text names, and how plainly."""
        named: dict[str, int] = {}
        for mention in mentions:
            for region in () if mention.hidden else self._upper(mention):
                named[region.code] = max(named.get(region.code, 0), mention.plainly)
        return named

    def _upper(self, mention: _Mention) -> list[Region]:
        """The regions above kecamatan that a mention means; with "kec." before it, none."""
        if mention.marker == "kecamatan" and any(code.count(".") == 2 for code in mention.codes):
            return []
        found = [self._regions.by_code[code] for code in mention.codes if code.count(".") < 2]
        said = [region for region in found if region.kind == mention.marker]
        return said or found

    def _elsewhere(
        self, tokens: Sequence[_Token], spots: list[_Spot], villages: list[_Spot], roads: frozenset[int]
    ) -> _Elsewhere:
        """Whether the text speaks of a city of others, or of a "kab." or "kec." whose name is not ours."""
        signs = [at for at, token in enumerate(tokens) if token.word in self._foreign and at not in roads]
        if not signs:
            return _Elsewhere(kabkota=False, district=False)
        known = {at for spot in (*spots, *villages) for at in range(spot.first, spot.last)}
        # The village Talang Jawa is no sign of Java, nor "desa Indramayu" of Indramayu.
        named = {
            at
            for spot in villages
            if spot.last - spot.first > 1 or (spot.first and tokens[spot.first - 1].word in self._uses["desa"])
            for at in range(spot.first, spot.last)
        }
        kabkota = district = False
        for at in signs:
            word, before = tokens[at].word, tokens[at - 1].word if at else ""
            if word in self._uses["outside"]:
                kabkota |= at not in named and self._leads.get(before) != "street"
            elif at + 1 < len(tokens) and at + 1 not in known:
                name = tokens[at + 1].word
                if len(name) > _SHORT_LENGTH and name.isalpha() and not self._is_everyday(name):
                    kabkota |= self._leads[word] == "kabupaten"
                    district |= self._leads[word] == "kecamatan"
        return _Elsewhere(kabkota, district)

    def _is_everyday(self, word: str) -> bool:
        return word in self._uses["everyday"] or word in self._leads

    def _larger(
        self,
        text: str,
        tokens: Sequence[_Token],
        mentions: Mapping[_Mention, _Spot],
        near: str | None,
        elsewhere: _Elsewhere,
    ) -> _Reading | None:
        """The provinsi, kabupaten, kota or kecamatan that these mentions mean."""
        named = self._named(mentions)
        readings = [reading for mention in mentions if (reading := self._decide(mention, named, near)) is not None]
        if not readings:
            return None
        best = self._best(tuple(readings), named)
        if best.region.kind != "kecamatan" or best.region.parent in named:
            return best
        # "Mesuji, Lampung" is not the Mesuji of Ogan Komering Ilir, "Kec. Simpang Empat" not the kecamatan Simpang.
        foreign = elsewhere.kabkota or (best.mention.ordinary and self._goes_on(text, tokens, mentions[best.mention]))
        homonym = best.region.name.lower() in self._uses["elsewhere"] and not (
            near and _within(near, best.region.parent)
        )
        if foreign or homonym:
            return _Reading(best.region, best.mention, certain=False, among=best.among or (best.region.code,))
        return best

    def _decide(self, mention: _Mention, named: Mapping[str, int], near: str | None) -> _Reading | None:
        """What a single mention means, given everything else that is named."""
        upper = self._upper(mention)
        lower = self._lower(mention, upper, named, near)
        inside = [region for region in lower if region.parent in named]
        if mention.hidden:
            upper = []
        certain = mention.lead not in ("street", "village")
        if upper and lower:
            # Wajo is a kabupaten, and a kecamatan of Makassar.
            nearby = [region for region in lower if near and _within(near, region.parent)]
            certain = certain and (not inside or inside[0].parent in mention.beside) and not nearby
            choice = inside or nearby or upper
        else:
            choice = upper or inside or lower
        if len(choice) > 1:
            choice = self._narrow(choice, named, near)
        if len(choice) == 1:
            return _Reading(choice[0], mention, certain, () if certain else tuple(region.code for region in choice))
        return self._parent(choice, mention)

    def _lower(
        self, mention: _Mention, upper: list[Region], named: Mapping[str, int], near: str | None
    ) -> list[Region]:
        """The kecamatan that a mention may mean."""
        if upper and mention.marker:
            return []
        # Lahat is a kabupaten and a kecamatan in it: the bare name means the larger one.
        larger = {region.code for region in upper}
        lower = [self._regions.by_code[code] for code in mention.codes if code.count(".") == 2]
        lower = [region for region in lower if region.parent not in larger]
        if mention.ordinary or mention.lead == "village":
            lower = [region for region in lower if self._counts(region, mention, named, near)]
        return lower

    def _counts(self, region: Region, mention: _Mention, named: Mapping[str, int], near: str | None) -> bool:
        """Whether an ordinary word, or the name of a village, may stand for this kecamatan."""
        if mention.marker == "kecamatan":
            return True
        if mention.alone and near and _within(near, region.parent):
            return True  # "Ujung" is the whole answer to "which kecamatan of Parepare?"
        if mention.lead == "village" and not mention.ordinary:
            # Without any kabupaten the kecamatan of that name is still the best guess; it is never a sure one.
            return region.parent in named or not any(code.count(".") == 1 for code in named)
        return region.parent in mention.beside

    def _narrow(self, choice: list[Region], named: Mapping[str, int], near: str | None) -> list[Region]:
        """Of places with one name, those that fit the region nearby, or else the province that is named."""
        if near:
            by_near = [region for region in choice if _within(near, region.parent) or _within(region.code, near)]
            if by_near:
                return by_near
        by_province = [region for region in choice if region.code.partition(".")[0] in named]
        return by_province or choice

    def _parent(self, choice: list[Region], mention: _Mention) -> _Reading | None:
        """The region that all places of one name share, never a sure answer; None when they share nothing."""
        codes = tuple(region.code for region in choice)
        region = self._regions.by_code.get(_shared(codes)) if codes else None
        return _Reading(region, mention, certain=False, among=codes) if region else None

    def _best(self, readings: tuple[_Reading, ...], named: Mapping[str, int]) -> _Reading:
        """The reading that is deepest and fits the others; not certain when others contradict it."""
        above = max((plainly for code, plainly in named.items() if code.count(".") == 1), default=-1)

        def weight(reading: _Reading) -> tuple[bool, int, int, int, bool]:
            region, mention = reading.region, reading.mention
            depth, plainly = region.code.count("."), mention.plainly
            fits = named.get(region.parent, -1) if depth == 2 else -1
            # A kecamatan outside every named kabupaten is more often a village or street of the same name in there.
            stray = (
                depth == 2 and fits < 0 and mention.marker != "kecamatan" and (plainly <= above or bool(mention.beside))
            )
            return not stray, max(plainly, fits), depth, plainly, reading.certain

        # A province says least: it stays behind any place inside it, however plainly it is named.
        best = max([reading for reading in readings if reading.region.kind != "provinsi"] or readings, key=weight)
        others = [
            other.region.code
            for other in readings
            if not _within(best.region.code, other.region.code)
            and not _within(other.region.code, best.region.code)
            and not _outspoken(best.mention, other.mention)
        ]
        if not others:
            return best
        return _Reading(best.region, best.mention, certain=False, among=(*(best.among or (best.region.code,)), *others))

    # --- villages ------------------------------------------------------------------------------------

    def _settled(
        self,
        text: str,
        tokens: Sequence[_Token],
        spots: list[_Spot],
        villages: list[_Spot],
        mentions: Mapping[_Mention, _Spot],
        near: str | None,
        elsewhere: _Elsewhere,
    ) -> list[_Settled]:
        """The villages that the text names."""
        found: list[_Settled] = []
        shouting = text.isupper()
        may = (spot for spot in villages if self._may_count(text, tokens, spot, mentions, near))
        for spot in islice(may, _VILLAGES_READ):
            if not self._in_one_piece(text, tokens, spot):
                continue
            start, end = tokens[spot.first].start + spot.glued, tokens[spot.last - 1].end
            village = self._weigh(tokens, spot, spots, mentions, capitals=not shouting and _is_capital(text[start:end]))
            if village is None or (not (village.inside or near) and self._goes_on(text, tokens, spot)):
                continue
            if settled := self._settle(village, near, elsewhere):
                found.append(settled)
        return found or self._misspelled_villages(text, tokens, spots, villages, mentions)

    def _may_count(
        self, text: str, tokens: Sequence[_Token], spot: _Spot, mentions: Mapping[_Mention, _Spot], near: str | None
    ) -> bool:
        """A quick look: most names of villages in a text are everyday words, and nothing makes them a place."""
        use = spot.node.use
        if use == "":
            return True
        lead = self._leads.get(tokens[spot.first - 1].word, "") if spot.first else ""
        if use == "ordinary":
            capital = mentions and text[tokens[spot.first].start].isupper()
            return bool(lead in _VILLAGE_MARKERS or capital or (near and spot.last - spot.first == len(tokens)))
        return bool(mentions or near or lead)

    def _in_one_piece(self, text: str, tokens: Sequence[_Token], spot: _Spot, short: int = _SHORT_LENGTH) -> bool:
        """Whether no comma or stop parts the words of a name, but for the stop of a short form."""
        for at in range(spot.first, spot.last - 1):
            gap = text[tokens[at].end : tokens[at + 1].start]
            pattern = _SHORT_GAP if tokens[at].end - tokens[at].start <= short else _NAME_GAP
            if not pattern.fullmatch(gap):
                return False
        return True

    def _goes_on(self, text: str, tokens: Sequence[_Token], spot: _Spot) -> bool:
        """Whether a capital letter says that the name is longer than ours: "Kel. Sawah Besar" is not Sawah."""
        if spot.last == len(tokens) or not text[tokens[spot.last - 1].start].isupper():
            return False
        here, following = tokens[spot.last - 1], tokens[spot.last]
        between, begins = text[here.end : following.start], text[following.start]
        return between.isspace() and begins.isupper() and not self._is_everyday(following.word)

    def _weigh(
        self,
        tokens: Sequence[_Token],
        spot: _Spot,
        spots: list[_Spot],
        mentions: Mapping[_Mention, _Spot],
        *,
        capitals: bool,
    ) -> _Village | None:
        """What the text says around a village's name; None where it cannot be one."""
        before = tokens[spot.first - 1].word if spot.first else ""
        lead = "" if spot.glued else self._leads.get(before, "")
        if lead in (*_MARKERS, "street") or before in self._uses["title"]:
            return None
        begin, end = (bisect_left(spots, at, key=_first) for at in (spot.first, spot.last))
        close = spots[max(begin - 1, 0) : end + 1]
        same = [other for other in close if (other.first, other.last) == (spot.first, spot.last)]
        if any(other.first <= spot.first and spot.last <= other.last for other in close if other not in same):
            return None  # "Ilir Barat I" holds no "Barat"
        codes = spot.node.codes
        around = {mention: other for mention, other in mentions.items() if other not in same and not mention.hidden}
        beyond = {
            mention: other for mention, other in around.items() if other.last <= spot.first or spot.last <= other.first
        }
        # "Sako Baru" lies in the kecamatan Sako, but "Wajo Baru" need not lie in Wajo.
        districts, named = self._districts(around), self._named(around)
        by_district = tuple(code for code in codes if _district(code) in districts)
        other_district, other_named = self._districts(beyond), self._named(beyond)
        # A name that is a sign by itself may lie in a kecamatan that was cut out of the one that is named.
        strict = other_district and spot.node.use
        by_kabkota = () if strict else tuple(code for code in codes if _kabkota(code) in named)
        plainly_other = any(plainly for code, plainly in other_named.items() if code.count(".") == 1)
        marker = lead if lead in _VILLAGE_MARKERS else ""
        return _Village(
            spot=spot,
            marker=marker,
            lead=_RESIDENTS if before == _RESIDENTS else "at" if spot.glued or lead == "quarter" else lead,
            capitals=capitals,
            alone=spot.last - spot.first == len(tokens),
            beside=any(
                self._only_markers(tokens, min(spot.last, other.last), max(spot.first, other.first))
                and any(_within(code, upper) for upper in other.node.codes for code in codes)
                for other in close
                if other not in same
            ),
            inside=by_district or by_kabkota,
            by_district=bool(by_district),
            by_kabkota=any(_kabkota(code) in named for code in by_district or by_kabkota),
            against=not (by_district or by_kabkota) and bool(other_district or plainly_other),
            rivals=tuple(code for other in same for code in other.node.codes),
        )

    def _districts(self, mentions: Iterable[_Mention]) -> set[str]:
        """The kecamatan that these mentions mean, or may mean; a name that is a kabupaten's too means that."""
        return {
            code
            for mention in mentions
            if mention.lead not in ("street", "village") and not self._upper(mention)
            for code in mention.codes
        }

    def _settle(self, village: _Village, near: str | None, elsewhere: _Elsewhere) -> _Settled | None:
        """What a village's name means, given everything else that is named; None where it does not count."""
        use, codes = village.spot.node.use, village.spot.node.codes
        nearby = tuple(code for code in codes if near and (_within(code, near) or _within(near, _kabkota(code))))
        if not self._says_a_place(village, use, bool(nearby)) or (village.rivals and not self._beats_rivals(village)):
            return None
        if village.against:
            # "Desa Sukaraja, Lahat", where Lahat has none: the kabupaten is surer than the village.
            return self._one(village, codes[0], certain=False) if use == "" and len(codes) == 1 else None
        if elsewhere.kabkota and village.by_district and not village.by_kabkota:
            return None
        if village.inside or nearby:
            pool = village.inside or nearby
            pool = tuple(code for code in pool if self._regions.by_code[code].kind == village.marker) or pool
            if len(pool) == 1:
                return self._one(village, pool[0], certain=True)
            return self._several(village, pool) if village.marker or not village.inside else None
        foreign = elsewhere.kabkota or elsewhere.district
        if foreign and use:
            return None
        if len(codes) > 1:
            return self._several(village, codes)
        sure = use == "" or (use == "plain" and village.marker in ("desa", "kelurahan"))
        return self._one(village, codes[0], certain=sure and not foreign and village.lead != "away")

    def _says_a_place(self, village: _Village, use: str, nearby: bool) -> bool:
        """Whether enough says that the words are the name of a village."""
        if use == "":
            return True
        if village.alone and nearby:
            return True
        if use == "ordinary":
            sure = village.beside and village.by_district
            return (sure and village.capitals) or (bool(village.marker) and (village.capitals or sure))
        if village.marker or village.by_district:
            return True
        if village.inside or nearby:
            return village.signed
        return use == "plain" and village.lead == "at" and village.spot.last - village.spot.first > 1

    def _beats_rivals(self, village: _Village) -> bool:
        """Whether the village is meant, and not the larger region of its name: "Talang Kelapa, Palembang"."""
        if village.marker:
            return True
        shared = {_kabkota(code) for code in village.inside}
        return bool(shared) and not any(_kabkota(code) in shared for code in village.rivals)

    def _one(self, village: _Village, code: str, *, certain: bool) -> _Settled:
        return _Settled(self._regions.by_code[code], village, certain, () if certain else (code,))

    def _several(self, village: _Village, codes: tuple[str, ...]) -> _Settled | None:
        """What all villages of one name share; None when they share nothing, or nothing says that one is meant."""
        region = self._regions.by_code.get(_shared(codes))
        if region is None or not village.signed:
            return None
        # Which of the villages it is may be open, but not the kabupaten.
        certain = bool(village.inside) and region.kind != "provinsi"
        return _Settled(region, village, certain, among=() if certain else codes)

    def _misspelled_villages(
        self,
        text: str,
        tokens: Sequence[_Token],
        spots: list[_Spot],
        villages: list[_Spot],
        mentions: Mapping[_Mention, _Spot],
    ) -> list[_Settled]:
        """A village with a slip of the pen: only after "desa" or "kel.", and among those of a region that is named."""
        if not mentions:
            return []
        markers = [at for at, token in enumerate(tokens) if self._leads.get(token.word) in ("desa", "kelurahan")]
        known = {spot.first for spot in (*spots, *villages)}
        names: dict[str, str] | None = None
        for at in markers:
            if at + 1 in known or at + 1 >= len(tokens):
                continue
            if names is None:
                names = self._villages_inside(mentions)
            if names and (settled := self._like(text, tokens, at + 1, known, names)):
                return [settled]
        return []

    def _villages_inside(self, mentions: Mapping[_Mention, _Spot]) -> dict[str, str]:
        """The villages of the kecamatan that are named, or else of the kabupaten, with their names in one word."""
        here = [mention for mention in mentions if not mention.hidden and mention.plainly and mention.lead != "village"]
        districts = {code for mention in here for code in mention.codes if code.count(".") == 2}
        uppers = {code for mention in here for code in mention.codes if code.count(".") == 1}
        districts = {code for code in districts if not uppers or _kabkota(code) in uppers} or {
            code for code in self._villages_of if _kabkota(code) in uppers
        }
        return {code: name for district in districts for code, name in self._villages_of.get(district, {}).items()}

    def _like(
        self, text: str, tokens: Sequence[_Token], first: int, known: set[int], names: dict[str, str]
    ) -> _Settled | None:
        """The one village whose name is most like the words that begin here."""
        best: tuple[float, str, int] | None = None
        for last in range(first + 1, min(first + _VILLAGE_WORDS, len(tokens)) + 1):
            if last - 1 in known or (last - 1 > first and self._leads.get(tokens[last - 1].word) in _MARKERS):
                break
            words = "".join(token.word for token in tokens[first:last])
            spot = _Spot(first, last, _Node(), 0)
            if len(words) < _VILLAGE_LENGTH or not self._in_one_piece(text, tokens, spot):
                continue
            likes = process.extract(words, names, scorer=fuzz.ratio, limit=2, score_cutoff=_VILLAGE_LIKENESS)
            if not likes or (len(likes) > 1 and likes[0][1] - likes[1][1] < _VILLAGE_MARGIN):
                continue
            name, like, code = likes[0]
            if _digits(name) == _digits(words) and (best is None or like > best[0]):
                best = (like, code, last)
        if best is None:
            return None
        _, code, last = best
        spot = _Spot(first, last, _Node(codes=(code,)), 0)
        marker = self._leads[tokens[first - 1].word]
        village = _Village(
            spot=spot,
            marker=marker,
            lead=marker,
            capitals=False,
            alone=False,
            beside=False,
            inside=(code,),
            by_district=False,
            by_kabkota=False,
            against=False,
            rivals=(),
        )
        return self._one(village, code, certain=True)

    def _deepest(self, settled: list[_Settled], larger: _Reading | None) -> _Place:
        """The village that most speaks for, against the others and against the larger region that is named."""
        best = max(settled, key=lambda each: each.weight)
        others = {each.region.code: each for each in settled if each.weight[:2] == best.weight[:2]}
        region, certain, among = best.region, best.certain, best.among
        if len(others) > 1:
            # "7 Ulu dan 8 Ulu" are both in Palembang.
            shared = self._regions.by_code.get(_shared(others))
            certain = shared is not None and shared.kind != "provinsi" and all(each.certain for each in others.values())
            region = shared if shared is not None and certain else best.region
            among = tuple(code for each in others.values() for code in each.among or (each.region.code,))
        if larger is not None and not _related(region.code, larger.region.code):
            spoken = best.village.plainly == 2 and larger.mention.plainly == 0
            if not spoken or not certain:
                certain = False
                among = (*(among or (region.code,)), *(larger.among or (larger.region.code,)))
        elif larger is not None and _within(larger.region.code, region.code):
            # Villages of several kecamatan, one of which is named.
            region, certain, among = larger.region, larger.certain, larger.among
        return _Place(best.village.spot, region, certain, among, weak=best.village.plainly == 0)

    # --- landmarks -----------------------------------------------------------------------------------

    def _sights(
        self,
        text: str,
        tokens: Sequence[_Token],
        starts: Sequence[int],
        spots: list[_Spot],
        villages: list[_Spot],
    ) -> list[_Sight]:
        """The landmarks in the text, but for those that are only a part of a region's name."""
        begins = [at for at in starts if self._may_be_sight(tokens, at)]
        sights = self._spots(tokens, begins, self._landmark_root) if begins else []
        if not sights:
            return []
        owners = [_owners(spots), _owners(villages)]
        found: list[_Sight] = []
        for spot in sights:
            before = _before(tokens, spot)
            names = {owner[at] for owner in owners for at in (spot.first, spot.last - 1) if at in owner}
            beyond = any(name.first < spot.first or spot.last < name.last for name in names)
            if beyond or before in self._uses["person"]:
                continue
            pointed = spot.node.use != "plain" or self._is_pointed_at(tokens, spot)
            if not pointed and tokens[spot.first].word != _FIRM:
                continue  # "pupuk pusri" is no place
            if self._in_one_piece(text, tokens, spot, _LANDMARK_SHORT_LENGTH):
                known = spot.node.use != "elsewhere" and len(spot.node.codes) == 1
                certain = known and pointed and self._leads.get(before) != "street"
                found.append(_Sight(spot, certain, "" if spot.glued else self._leads_away(tokens, spot.first)))
        return found

    def _is_pointed_at(self, tokens: Sequence[_Token], spot: _Spot) -> bool:
        """Whether "di", "dekat" or the like stands right before a landmark."""
        words = [token.word for token in tokens[max(spot.first - 2, 0) : spot.first]]
        return bool(spot.glued) or any(self._leads.get(word) == "at" or word in self._uses["near"] for word in words)

    def _may_be_sight(self, tokens: Sequence[_Token], at: int) -> bool:
        """A quick look: many texts have a "jalan", and few the name of a street that is known."""
        word, heads = tokens[at].word, self._landmark_root.next
        node = heads.get(word) or (heads.get(word[2:]) if word.startswith(_GLUED[0]) else None)
        return node is not None and (bool(node.codes) or (at + 1 < len(tokens) and tokens[at + 1].word in node.next))

    def _leads_away(self, tokens: Sequence[_Token], first: int) -> str:
        """Whether somebody goes to the landmark or belongs to it: "mahasiswa Unhas", but not "50 meter dari Unhas"."""
        words = [token.word for token in tokens[max(first - _BETWEEN_ENDS, 0) : first]]
        if words and words[-1] in self._uses["passage"] and self._leads.get(words[-1]) == "away":
            return "" if words[-1] == _FROM and self._uses["distance"] & set(words[:-1]) else "going"
        return "belongs" if self._uses["member"] & set(words) else ""

    def _seen(self, sights: list[_Sight], near: str | None, elsewhere: _Elsewhere) -> _Place | None:
        """Where the landmarks of a text are; not certain where one has several places, or another place is named."""
        known = [sight for sight in sights if sight.certain]
        sure = [sight for sight in known if not sight.away]
        ends = [sight for sight in known if sight.away == "going"]
        if not sure and len({id(sight.spot.node) for sight in ends}) > 1:
            # "From Simpang Polda to Simpang Charitas" is in Palembang.
            sure = ends if len({_kabkota(sight.spot.node.codes[0]) for sight in ends}) == 1 else []
        chosen = sure or sights
        codes = tuple(dict.fromkeys(code for sight in chosen for code in sight.spot.node.codes))
        if not sure and near and (nearby := tuple(code for code in codes if _kabkota(code) == _kabkota(near))):
            codes, sure = nearby, [sight for sight in chosen if not sight.away]
        region = self._regions.by_code.get(_shared(codes))
        if region is None:
            return None
        certain = bool(sure) and region.kind != "provinsi" and not elsewhere.kabkota and not elsewhere.district
        return _Place(chosen[0].spot, region, certain, () if certain else codes, weak=bool(chosen[0].away))

    # --- what is pointed out, and what is only spoken of ---------------------------------------------

    def _heard(
        self,
        text: str,
        tokens: Sequence[_Token],
        spots: list[_Spot],
        villages: list[_Spot],
        sights: list[_Sight],
    ) -> tuple[list[_Spot], set[_Spot], frozenset[int]]:
        """The names that still count once others outweigh them, those that no longer do, and where roads end abroad."""
        if len(spots) + len(villages) + len(sights) > _CLAIMS_READ:
            return spots, set(), frozenset()
        claims, abroad = self._claims(text, tokens, spots, villages, sights)
        unheard = {other.spot for other in claims if any(claim.outweighs(other) for claim in claims)}
        if not unheard:
            return spots, unheard, frozenset()
        return _apart(spots, unheard), unheard, abroad

    def _claims(
        self,
        text: str,
        tokens: Sequence[_Token],
        spots: list[_Spot],
        villages: list[_Spot],
        sights: list[_Sight],
    ) -> tuple[list[_Claim], frozenset[int]]:
        """The claims of all names that are no everyday words, and the ends of their roads that are not ours."""
        shouting = bool(spots) and text.isupper()
        mentions: dict[_Mention, _Spot] = {}
        standing: list[_Standing] = []
        for index, spot in enumerate(spots):
            mention = self._mention(text, tokens, spots, index, set(), shouting=shouting)
            mentions.setdefault(mention, spot)
            if not mention.hidden:
                parents = {_kabkota(code) for code in spot.node.codes if code.count(".") > 1}
                standing.append(_Standing(spot, mention.plainly, anchored=bool(parents & mention.beside)))
        for spot in villages:
            whole = self._in_one_piece(text, tokens, spot)
            village = self._weigh(tokens, spot, spots, mentions, capitals=False) if whole else None
            if village and not village.rivals and self._says_a_place(village, spot.node.use, nearby=False):
                standing.append(_Standing(spot, village.plainly, village.beside))
        standing += [_Standing(sight.spot, 0 if sight.away else 2, anchored=False) for sight in sights if sight.certain]
        standing.sort(key=lambda each: each.spot.first)
        ends, abroad = self._ends(text, tokens, [each.spot for each in standing])
        claims: list[_Claim] = []
        for each in standing:
            begin = claims[-1].spot.last if claims else 0
            after_home = any(claim.home for claim in claims)
            claims.append(self._claim(text, tokens, each, begin, road=each.spot in ends, after_home=after_home))
        return claims, abroad

    def _claim(
        self, text: str, tokens: Sequence[_Token], standing: _Standing, begin: int, *, road: bool, after_home: bool
    ) -> _Claim:
        """What the words between `begin`, where the name before ends, and a name say about it."""
        spot = standing.spot
        start = spot.first
        while start > max(begin, spot.first - _CONTRAST_WORDS) and not self._ends_sentence(text, tokens, start - 1):
            start -= 1
        words = [token.word for token in tokens[start : spot.first]]
        close = words[-_HEARD_WORDS:]
        use = self._uses
        # "Lokasi saya di Palembang" is where the speaker is, "sudah lapor di Palembang" where the police are.
        exact = any(
            word in use["exact"] and not use["self"] & set(close[at + 1 : at + 2]) for at, word in enumerate(close)
        ) or _follows(close, use["which"], use["reported"])
        contrast = after_home and any(word in use["contrast"] for word in words)
        home = (
            any(word in use["home"] for word in close)
            or _follows(close, use["own"], use["self"], gap=1)
            or _follows(close, use["done"], use["reported"])
        )
        return _Claim(
            spot=spot,
            plainly=standing.plainly,
            road=road,
            home=home and not exact,
            pinned=exact or contrast,
            near=any(word in use["near"] for word in close),
            anchored=standing.anchored,
            broad=all(code.count(".") == 1 for code in spot.node.codes),
        )

    def _ends_sentence(self, text: str, tokens: Sequence[_Token], at: int) -> bool:
        """Whether a sentence ends after a word; the stop of a short form ends none."""
        if at + 1 == len(tokens) or not _SENTENCE_END.search(text, tokens[at].end, tokens[at + 1].start):
            return False
        return tokens[at].word not in self._leads and tokens[at].end - tokens[at].start > _SHORT_LENGTH

    def _ends(self, text: str, tokens: Sequence[_Token], names: list[_Spot]) -> tuple[set[_Spot], frozenset[int]]:
        """The names that are ends of a road, and where the other end of such a road is not ours."""
        ends = {spot for spot in names if self._on_a_road(text, tokens, spot)}
        abroad: set[int] = set()
        outside = [
            _Spot(at, at + 1, _Node(), 0) for at, token in enumerate(tokens) if token.word in self._uses["outside"]
        ]
        for left, right in pairwise(sorted((*names, *outside), key=_first)):
            joined = self._joined(text, tokens, left, right)
            if not joined or _same_ground(left.node.codes, right.node.codes):
                continue
            # "Di Betung arah Palembang" is in Betung.
            here = joined == "passage" and (left.glued or self._leads.get(_before(tokens, left)) in _POINTING)
            ends.update((right,) if here else (left, right))
            if not here and (left.node.codes or right.node.codes):
                abroad.update(spot.first for spot in (left, right) if not spot.node.codes)
        return ends, frozenset(abroad)

    def _on_a_road(self, text: str, tokens: Sequence[_Token], spot: _Spot) -> bool:
        """Whether the words before a name say so: "jalan lintas timur Palembang", "arah Palembang"."""
        if spot.glued:
            return _glued_lead(text, tokens[spot.first].start + spot.glued) == "away"
        before = _before(tokens, spot)
        if before in self._uses["passage"] and before != _FROM:
            return True
        for at in range(spot.first - 1, max(spot.first - _HEARD_WORDS, -1), -1):
            word = tokens[at].word
            if word in self._uses["road"]:
                return True
            if word not in self._uses["compass"] and self._leads.get(word) not in _MARKERS:
                return False
        return False

    def _joined(self, text: str, tokens: Sequence[_Token], left: _Spot, right: _Spot) -> str:
        """How two names that follow each other are joined to a road: by a "dash", a "passage", or not at all ("")."""
        words = [token.word for token in tokens[left.last : right.first]]
        if right.first < left.last or len(words) > _BETWEEN_ENDS:
            return ""
        gap = text[tokens[left.last - 1].end : tokens[left.last].start]
        if _DASH.fullmatch(gap) and all(self._leads.get(word) in _MARKERS for word in words):
            return "dash"
        if words and all(word in self._uses["passage"] for word in words):
            return "passage"
        return "dash" if words == ["dan"] and _before(tokens, left) in self._uses["between"] else ""


def _with_landmarks(place: _Place | None, seen: _Place | None, regions: Regions) -> _Place | None:
    """The place that is named, made clearer by the landmarks; where they contradict each other, what is named wins."""
    if place is None or seen is None or not seen.certain:
        return place or seen
    if place.certain:
        if _related(place.region.code, seen.region.code):
            return seen if _within(seen.region.code, place.region.code) else place
        # "I come from Lahat": the hospital is where it is.
        return seen if place.weak else place
    agreeing = [code for code in place.among if _related(code, seen.region.code)]
    if len(place.among) > len(agreeing) == 1 and _within(agreeing[0], seen.region.code):
        return replace(place, region=regions.by_code[agreeing[0]], certain=True, among=())
    return seen if agreeing or place.weak else place


def _uncovered(spots: list[_Spot], sights: list[_Sight]) -> list[_Spot]:
    """The names that are no part of a landmark's."""
    spans = {(sight.spot.first, sight.spot.last) for sight in sights if sight.certain}
    covered = {at for span in spans for at in range(*span)}
    return [
        spot
        for spot in spots
        if (spot.first, spot.last) in spans or not (spot.first in covered and spot.last - 1 in covered)
    ]


def _apart(spots: list[_Spot], unheard: set[_Spot]) -> list[_Spot]:
    """The names without those that are not heard; "Masamba" is the name of a kecamatan and of a village in it."""
    spans = {(spot.first, spot.last) for spot in unheard}
    return [spot for spot in spots if (spot.first, spot.last) not in spans]


def _owners(spots: Iterable[_Spot]) -> dict[int, _Spot]:
    """Each word that is a part of a name, with that name."""
    return {at: spot for spot in spots for at in range(spot.first, spot.last)}


def _before(tokens: Sequence[_Token], spot: _Spot) -> str:
    """The word before a name, "" where there is none or a preposition is written onto the name."""
    return "" if spot.glued or not spot.first else tokens[spot.first - 1].word


def _follows(words: list[str], these: set[str], those: set[str], gap: int = _HEARD_WORDS) -> bool:
    """Whether one of those words stands after one of these, at most `gap` words further."""
    return any(word in those and these & set(words[max(at - gap, 0) : at]) for at, word in enumerate(words))


def _same_ground(codes: tuple[str, ...], others: tuple[str, ...]) -> bool:
    """Whether two names may mean places of which one lies in the other."""
    return any(_related(one, other) for one in codes for other in others)


def _forms(name: str) -> Iterator[str]:
    """A landmark's name with its words written in each way that people write them."""
    words = name.lower().split()
    for chosen in product(*((word, *filter(None, _LANDMARK_FORMS.get(word, "").split("|"))) for word in words)):
        yield " ".join(chosen)


def _outspoken(best: _Mention, other: _Mention) -> bool:
    """Whether a mention is so plain that the other does not count: "di Betung arah Palembang", "(Sekayu) Kec. Lais"."""
    return best.plainly == 2 and (other.plainly == 0 or (bool(best.marker) and other.plainly == 1))


def _plain(region: Region) -> str:
    """The name without the word for its kind: people say "Lahat", not "Kabupaten Lahat"."""
    kind, _, rest = region.name.partition(" ")
    return rest if kind.lower() == region.kind else region.name


def _spellings(name: str, beginnings: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The forms of a name as rows of words: "Muara Dua" is also written "Muaradua" and "Muara 2".

    `beginnings` are words that names begin with: they are also written apart, "Muaradua" as "Muara Dua".
    """
    raw = [_APOSTROPHES.sub("", match[0].lower()) for match in _TOKEN.finditer(name)]
    yield tuple(_USUAL.get(word, word) for word in raw)
    for at in range(len(raw) - 1):
        left, right = raw[at], raw[at + 1]
        if left.isalpha() and right.isalpha() and right not in _ROMAN and min(len(left), len(right)) > 1:
            joined = [*raw[:at], left + right, *raw[at + 2 :]]
            yield tuple(_USUAL.get(word, word) for word in joined)
    for at, word in enumerate(raw):
        beginning = next((each for each in beginnings if word.startswith(each)), "")
        if beginning and len(word) - len(beginning) >= _SHORT_LENGTH:
            apart = [*raw[:at], beginning, word[len(beginning) :], *raw[at + 1 :]]
            yield tuple(_USUAL.get(each, each) for each in apart)


def _tokens(text: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(text):
        word = match[0]
        if not word.isascii():
            # Decorated letters, as phones offer them, are still the letters of the name.
            word = _APOSTROPHES.sub("", unicodedata.normalize("NFKC", word))
        elif "'" in word or "`" in word:
            word = _APOSTROPHES.sub("", word)
        word = word.lower()
        usual = _USUAL.get(word, word)
        yield _Token(usual, match.start(), match.end(), counts=usual.isdigit() and word not in _ROMAN)


def _within(code: str, region: str) -> bool:
    return code == region or code.startswith(region + ".")


def _related(one: str, other: str) -> bool:
    return _within(one, other) or _within(other, one)


def _kabkota(code: str) -> str:
    """The code of the kabupaten or kota; of a province its own."""
    return ".".join(code.split(".", 2)[:2])


def _district(village: str) -> str:
    return village.rpartition(".")[0]


def _shared(codes: Iterable[str]) -> str:
    """The code of the smallest region that all of these are or lie in; "" if there is none."""
    first, *others = codes
    while first and not all(_within(code, first) for code in others):
        first = first.rpartition(".")[0]
    return first


def _glued_lead(text: str, start: int) -> str:
    """What the preposition that is glued before a name says."""
    return "at" if text[start - 2].lower() == "d" else "away"


def _is_capital(words: str) -> bool:
    """Whether each word begins with a capital letter or a digit, at least one with a letter."""
    return any(word[0].isupper() for word in words.split()) and not any(word[0].islower() for word in words.split())


def _digits(words: str) -> str:
    return "".join(filter(str.isdigit, words))


def _without_a_letter(word: str) -> Iterator[str]:
    """The word, and what is left of it without one of its letters but the first."""
    yield word
    for at in range(1, len(word)):
        yield word[:at] + word[at + 1 :]


def _words_below(root: _Node) -> Iterator[str]:
    """Every word of the names in a tree, once for each place in it."""
    nodes = [root]
    while nodes:
        for word, node in nodes.pop().next.items():
            nodes.append(node)
            yield word
