"""The parts of one message that tells two or three problems, cut by its form alone.

It proposes: that the parts belong to different offices is for the caller to find out, so a cut too many does no harm
where a cut too few would bury a problem. Nothing is lost: the parts are verbatim and hold every word of the message.
The words are data (words/problems.toml).
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

LIMIT = 4000
"""Characters of a text that are read; a longer one has no parts."""

MOST = 3
"""Parts of a message at most; a list of more points is one story with its points."""

_FILE = Path(__file__).with_name("words") / "problems.toml"
_CONTENT = 3


@dataclass(frozen=True, slots=True)
class Split:
    """A message in parts. lead and tail are what is said for all of them before the first and after the last: who and
    where, thanks; "" if there is none. lead, parts and tail together are the message."""

    parts: tuple[str, ...]
    lead: str = ""
    tail: str = ""


def problems_in(text: str) -> tuple[str, ...]:
    """Return the parts of a message that tells two or three problems, else (). Accepts any str.

    What is said for all stands with the first or the last part: `split` tells it apart.
    """
    cuts = _cuts(_Message(text))
    return tuple(_slices(text, (0, *cuts, len(text)))) if cuts else ()


def split(text: str) -> Split | None:
    """Return the parts of a message that tells two or three problems and what is said for all of them, or None."""
    message = _Message(text)
    cuts = _cuts(message)
    if not cuts:
        return None
    begin, end = _end_of_lead(message, cuts[0]), _begin_of_tail(message, cuts[-1])
    lead, *parts, tail = _slices(text, (0, begin, *cuts, end, len(text)))
    return Split(tuple(parts), lead, tail)


def _slices(text: str, places: Sequence[int]) -> list[str]:
    return [text[start:end].strip() for start, end in pairwise(places)]


class _Message:
    """A text with its words counted from the left, so that any part of it is judged without reading it again."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts: list[int] = []
        self._words: list[str] = []
        self._content, self._trouble = [0], [0]
        for found in _WORD.finditer(text, 0, LIMIT):
            word = found.group().casefold()
            self._starts.append(found.start())
            self._words.append(word)
            self._content.append(self._content[-1] + (word not in _EMPTY and len(word) > 1))
            self._trouble.append(self._trouble[-1] + (word in _TROUBLE or word.startswith(_TROUBLE_BEGINS)))

    def _span(self, start: int, end: int) -> tuple[int, int]:
        return bisect_left(self._starts, start), bisect_left(self._starts, end)

    def words(self, start: int, end: int) -> list[str]:
        first, last = self._span(start, end)
        return self._words[first:last]

    def is_trouble(self, start: int, end: int) -> bool:
        """Whether a part has a word of trouble."""
        first, last = self._span(start, end)
        return self._trouble[last] > self._trouble[first]

    def complains(self, start: int, end: int) -> bool:
        """Whether a part can stand by itself: words of its own, and one of trouble."""
        first, last = self._span(start, end)
        return self._content[last] - self._content[first] >= _CONTENT and self.is_trouble(start, end)


# --- where to cut --------------------------------------------------------------------------------


def _cuts(message: _Message) -> tuple[int, ...]:
    """Where the second and the third problem begin; () for one problem."""
    text = message.text
    if len(text) > LIMIT or len(text) < _SHORTEST:
        return ()
    listed = _listed(message)
    if listed is not None:
        return listed
    places = _connected(text)
    ends = [*(place for place, weak in places if not weak), *_ends(text), len(text)]
    cuts: list[int] = []
    start = 0
    for place, weak in places:
        if not (message.complains(start, place) and message.complains(place, len(text))):
            continue
        if weak and not _turns(message, start, place, min(end for end in ends if end > place)):
            continue
        cuts.append(place)
        start = place
        if len(cuts) == MOST - 1:
            break
    return tuple(cuts)


def _listed(message: _Message) -> tuple[int, ...] | None:
    """The cuts of a list, () for a list of something else than problems, None if there is no list."""
    text = message.text
    for marks in (_numbered(text), [found.start("mark") for found in _BULLET.finditer(text)], _worded(text)):
        if len(marks) > MOST:
            return ()
        if len(marks) > 1:
            parts = pairwise((*marks, len(text)))
            return tuple(marks[1:]) if all(message.complains(*part) for part in parts) else ()
    return None


def _numbered(text: str) -> list[int]:
    """Where 1, 2, 3 (or a, b, c) begin the points of a list: in order, and not after "RT" or "No."."""
    for kind, marks in _NUMBERS:
        places: list[int] = []
        for found in kind.finditer(text):
            if len(places) == len(marks):
                break
            is_next = found["mark"].casefold() == marks[len(places)]
            if is_next and not _ADDRESS.search(text, max(0, found.start() - 10), found.start()):
                places.append(found.start())
        if len(places) > 1:
            return places
    return []


def _worded(text: str) -> list[int]:
    """Where "pertama", "kedua" and "ketiga" begin a clause, in order."""
    places: list[int] = []
    for ordinal in _ORDINALS:
        found = ordinal.search(text, places[-1] + 1 if places else 0)
        if found is None:
            break
        places.append(found.start("begin"))
    return places


def _connected(text: str) -> list[tuple[int, bool]]:
    """Where a connector or a sentence begins, and whether it is too weak to tell by itself that a problem begins."""
    places = dict.fromkeys(_ends(text), True)
    places |= {found.start(): True for found in _WEAK.finditer(text)}
    places |= {found.start(): False for found in _CONNECTOR.finditer(text)}
    return sorted(places.items())


def _ends(text: str) -> list[int]:
    """Where sentences after the first begin; "Kab." ends none."""
    return [
        found.end()
        for found in _SENTENCE_END.finditer(text)
        if found.end() < len(text) and not _ABBREVIATION.search(text, max(0, found.start() - 8), found.start())
    ]


def _turns(message: _Message, start: int, place: int, end: int) -> bool:
    """Whether a sentence begins with a thing that was not spoken of, and complains of it."""
    begun = [word for word in message.words(place, end) if word not in _EMPTY][:2]
    thing = next((word for word in begun if word in _THINGS), None)
    if thing is None or not message.is_trouble(place, end):
        return False
    spoken = {word.removesuffix("nya") for word in message.words(start, place)}
    return thing.removesuffix("nya") not in spoken and not _THINGS.isdisjoint(spoken)


# --- what is said for all ------------------------------------------------------------------------


def _end_of_lead(message: _Message, cut: int) -> int:
    """Where the first problem begins: at the first point of a list, or after sentences that complain of nothing."""
    text = message.text
    for places in (_numbered(text), [found.start("mark") for found in _BULLET.finditer(text)], _worded(text)):
        if len(places) > 1 and places[1] == cut:
            return places[0]
    begin = 0
    for end in _ends(text):
        if end >= cut or message.is_trouble(0, end) or not message.complains(end, cut):
            break
        begin = end
    return begin


def _begin_of_tail(message: _Message, cut: int) -> int:
    """Where the last problem ends: before the sentences after it that complain of nothing."""
    whole = len(message.text)
    for end in _ends(message.text):
        if end > cut and message.complains(cut, end) and not message.is_trouble(end, whole):
            return end
    return whole


# --- words ---------------------------------------------------------------------------------------

_DATA: dict[str, Any] = tomllib.loads(_FILE.read_text(encoding="utf-8"))
_EMPTY, _THINGS = (frozenset(_DATA[name]["words"].split()) for name in ("empty", "things"))
_TROUBLE = frozenset(word for word in _DATA["trouble"]["words"].split() if not word.endswith("*"))
_TROUBLE_BEGINS = tuple(word[:-1] for word in _DATA["trouble"]["words"].split() if word.endswith("*"))
_SHORTEST = 24
_WORD = re.compile(r"[^\W\d_]+")


def _any_of(rows: Iterable[str]) -> re.Pattern[str]:
    gap = r"[^\w.!?\n]+"
    row = "|".join(rows).replace(" ?", r"[\s-]?").replace(" ", gap)
    return re.compile(rf"(?<![^\W_])(?:{row})(?![^\W_])", re.IGNORECASE)


_CONNECTOR, _WEAK = _any_of(_DATA["connectors"]["words"]), _any_of(_DATA["connectors"]["weak"])
_SENTENCE_END = re.compile(r"[.!?]+[\s)\"']+|\n+|(?<=[^\W\d_]{3})[.!?]+(?=[^\W\d_]{3})")
_ABBREVIATION = re.compile(
    r"(?<![^\W_])(?:kab|kec|kel|ds|dsn|kp|jl|jln|no|rt|rw|wr|wb|yth|dr|pt|cv|gg|km|perum|komp|lrg|bpk|sdr|tgl|[a-z])$",
    re.IGNORECASE,
)
_NUMBERS = tuple(
    (re.compile(rf"(?:^|(?<=[\s,.;:]))\(?(?P<mark>[{marks}])[.)]\s*(?=[^\W\d_])", re.IGNORECASE), marks)
    for marks in ("123456", "abcdef")
)
_ADDRESS = re.compile(
    r"(?<![^\W_])(?:rt|rw|no|nomor|jl|jln|jalan|gg|gang|km|blok|kelas|lantai|pasal|ayat|lorong|lrg)[.\s]*$",
    re.IGNORECASE,
)
_BULLET = re.compile(r"^[ \t]*(?P<mark>[-–•*▪◦●>][ \t]*)(?=[^\W_])", re.MULTILINE)
_ORDINALS = tuple(
    re.compile(
        rf"(?:^|[.,;:\n)]\s*|\bdan\s+)(?P<begin>(?:(?:yang|yg|hal|masalah)\s+)?(?:{word})\b(?!\s+kali))", re.IGNORECASE
    )
    for word in ("pertama|kesatu|first(?:ly)?", "kedua|second(?:ly)?", "ketiga|third(?:ly)?")
)
