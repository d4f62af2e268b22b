"""The gazetteer: which region a citizen names in free, informal text.

A text is read once, word by word, against a tree of all names; the mentions are then weighed against each other:
"Tempe" is a kecamatan and a food, "Balusu" lies in two kabupaten, and "jalan Palembang" need not be in Palembang.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from store.regions import Region, Regions, read

# An apostrophe inside a word is a sound of the language (Sa'dan) and not its end.
_TOKEN = re.compile(r"[^\W_]+(?:['’‘`][^\W_]+)*")
_APOSTROPHES = re.compile(r"['’‘`]")
_SPELLED = ["satu", "dua", "tiga", "empat", "lima", "enam", "tujuh", "delapan", "sembilan", "sepuluh", "sebelas"]
_ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4"}
_NUMBERS = {word: str(value) for value, word in enumerate(_SPELLED, start=1)} | _ROMAN
# "disekayu", "kepalembang": the preposition is often written onto the name. Shorter names would match by accident.
_GLUED = ("di", "ke")
_GLUED_NAME_LENGTH = 5
_MARKERS = ("kecamatan", "kabupaten", "kota", "provinsi")


@dataclass(frozen=True, slots=True)
class Found:
    """The deepest region that a text names, in the citizen's own spelling; not `certain` means: better ask."""

    region: str
    name: str
    words: str
    certain: bool


@dataclass(slots=True)
class _Node:
    """A word in the tree of names, and the regions whose name ends with it."""

    next: dict[str, "_Node"] = field(default_factory=dict)
    codes: tuple[str, ...] = ()
    ordinary: bool = False


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
    """A mention that was decided: the region, how much speaks for it, and whether it is sure."""

    region: Region
    mention: _Mention
    certain: bool


class Gazetteer:
    """Finds regions in text; built once, then only read."""

    def __init__(self, regions: Regions) -> None:
        """Grow the tree of names from the regions."""
        self._regions = regions
        self._uses: dict[str, set[str]] = defaultdict(set)
        for row in read("gazetteer_words.csv"):
            self._uses[row["use"]].add(row["word"])
        self._leads = {word: use for use in (*_MARKERS, "street", "village", "away", "at") for word in self._uses[use]}
        self._root = _Node()
        for region in regions.by_code.values():
            for name in (_plain(region), *region.aliases):
                for spelling in set(_spellings(name)):
                    self._plant(spelling, region.code)

    def find(self, text: str, near: str | None = None) -> Found | None:
        """The deepest region that the text names, or None.

        `near` is the code of a region where the citizen is thought to be; it only decides between places of one name.
        """
        tokens = list(_tokens(text))
        mentions = self._mentions(text, tokens)
        if not mentions:
            return None
        named = self._named(mentions)
        readings = {
            mention: reading for mention in mentions if (reading := self._decide(mention, named, near)) is not None
        }
        if not readings:
            return None
        best = self._best(tuple(readings.values()), named)
        start, end = mentions[best.mention]
        # "Mesuji, Lampung" is not the Mesuji of Ogan Komering Ilir.
        elsewhere = best.region.parent not in named and any(token.word in self._uses["outside"] for token in tokens)
        certain = best.certain and not (elsewhere and best.region.kind == "kecamatan")
        return Found(best.region.code, best.region.name, text[start:end], certain)

    def _plant(self, words: tuple[str, ...], code: str) -> None:
        node = self._root
        for word in words:
            node = node.next.setdefault(word, _Node())
        if code not in node.codes:
            node.codes = (*node.codes, code)
        node.ordinary = " ".join(words) in self._uses["ordinary"]

    def _mentions(self, text: str, tokens: Sequence[_Token]) -> dict[_Mention, tuple[int, int]]:
        """The names in the text, each with its first place; repetitions say nothing new and are dropped."""
        first_words = self._root.next
        spots: list[tuple[int, int, _Node, int]] = []
        at = 0
        while at < len(tokens):
            if tokens[at].word not in first_words and not tokens[at].word.startswith(_GLUED):
                at += 1
                continue
            node, length, glued = self._match(tokens, at)
            if node and tokens[at].counts and at + length < len(tokens) and self._match(tokens, at + 1)[1] >= length:
                node = None  # "SMA 2 Ulu Musi": the number belongs to the school, not to the kampung "2 Ulu"
            if node is None:
                at += 1
                continue
            spots.append((at, at + length, node, glued))
            at += length
        shouting = bool(spots) and text.isupper()
        found: dict[_Mention, tuple[int, int]] = {}
        for index, (first, last, node, glued) in enumerate(spots):
            marker, lead = self._before(tokens, first)
            start, end = tokens[first].start + glued, tokens[last - 1].end
            alone = last - first == len(tokens)
            mention = _Mention(
                codes=node.codes,
                ordinary=node.ordinary,
                marker=marker,
                lead="at" if glued and text[start - 2].lower() == "d" else "away" if glued else lead,
                capitals=(alone or not shouting) and text[start:end].isupper(),
                alone=alone,
                beside=self._beside(tokens, spots, index),
            )
            found.setdefault(mention, (start, end))
        return found

    def _match(self, tokens: Sequence[_Token], at: int) -> tuple[_Node | None, int, int]:
        """The longest name that begins at a word, its number of words, and the letters of a glued preposition."""
        word = tokens[at].word
        node, glued = self._root.next.get(word), 0
        if node is None and word.startswith(_GLUED) and len(word) >= _GLUED_NAME_LENGTH + 2:
            node, glued = self._root.next.get(word[2:]), 2
        best, length = None, 0
        for end in range(at + 1, len(tokens) + 1):
            if node is None:
                break
            if node.codes and not (glued and node.ordinary) and not self._is_count(tokens, end):
                best, length = node, end - at
            node = node.next.get(tokens[end].word) if end < len(tokens) else None
        return best, length, glued

    def _is_count(self, tokens: Sequence[_Token], end: int) -> bool:
        """Whether the last word counts what follows: "Belitang 3 hari" is not Belitang III."""
        return tokens[end - 1].counts and end < len(tokens) and tokens[end].word in self._uses["unit"]

    def _before(self, tokens: Sequence[_Token], first: int) -> tuple[str, str]:
        """The kind of region ("Kec.", "kota") and the other word that stand before a name."""
        marker = ""
        for back in range(first - 1, max(first - 4, -1), -1):
            use = self._leads.get(tokens[back].word, "")
            if use not in _MARKERS:
                return marker, use
            # "Kec. Kota Kayuagung": the outer word decides. One that fits no region of the name is passed over later.
            marker = use
        return marker, ""

    def _beside(self, tokens: Sequence[_Token], spots: list[tuple[int, int, _Node, int]], index: int) -> frozenset[str]:
        """The kabupaten and kota named right beside a name, with at most "kab." or "kota" between them."""
        first, last, _, _ = spots[index]
        codes: set[str] = set()
        if index + 1 < len(spots) and self._only_markers(tokens, last, spots[index + 1][0]):
            codes.update(spots[index + 1][2].codes)
        if index and self._only_markers(tokens, spots[index - 1][1], first):
            codes.update(spots[index - 1][2].codes)
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
            return _Reading(choice[0], mention, certain)
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
        if not choice:
            return None
        shared = choice[0].parent
        while shared and not all(_within(region.code, shared) for region in choice):
            shared = shared.rpartition(".")[0]
        region = self._regions.by_code.get(shared)
        return _Reading(region, mention, certain=False) if region else None

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
        contradicted = any(
            not _within(best.region.code, other.region.code)
            and not _within(other.region.code, best.region.code)
            and not _outspoken(best.mention, other.mention)
            for other in readings
        )
        return _Reading(best.region, best.mention, best.certain and not contradicted)


def _outspoken(best: _Mention, other: _Mention) -> bool:
    """Whether a mention is so plain that the other does not count: "di Betung arah Palembang", "(Sekayu) Kec. Lais"."""
    return best.plainly == 2 and (other.plainly == 0 or (bool(best.marker) and other.plainly == 1))


def _plain(region: Region) -> str:
    """The name without the word for its kind: people say "Lahat", not "Kabupaten Lahat"."""
    kind, _, rest = region.name.partition(" ")
    return rest if kind.lower() == region.kind else region.name


def _spellings(name: str) -> Iterator[tuple[str, ...]]:
    """The forms of a name as rows of words: "Muara Dua" is also written "Muaradua" and "Muara 2"."""
    raw = [_APOSTROPHES.sub("", match[0].lower()) for match in _TOKEN.finditer(name)]
    yield tuple(_NUMBERS.get(word, word) for word in raw)
    for at in range(len(raw) - 1):
        left, right = raw[at], raw[at + 1]
        if left.isalpha() and right.isalpha() and right not in _ROMAN and min(len(left), len(right)) > 1:
            joined = [*raw[:at], left + right, *raw[at + 2 :]]
            yield tuple(_NUMBERS.get(word, word) for word in joined)


def _tokens(text: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(text):
        word = match[0]
        if not word.isascii():
            # Decorated letters, as phones offer them, are still the letters of the name.
            word = _APOSTROPHES.sub("", unicodedata.normalize("NFKC", word))
        elif "'" in word or "`" in word:
            word = _APOSTROPHES.sub("", word)
        word = word.lower()
        usual = _NUMBERS.get(word, word)
        yield _Token(usual, match.start(), match.end(), counts=usual.isdigit() and word not in _ROMAN)


def _within(code: str, region: str) -> bool:
    return code == region or code.startswith(region + ".")
