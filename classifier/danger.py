"""Present danger in a text: what happens to somebody now, told from what happened, often happens or might happen.

What is written while something happens is data (danger.toml); this is the small engine that reads it. Whoever calls
it says the emergency number first; a danger is never a reason to refuse the report.
"""

import re
import tomllib
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LIMIT = 4000
"""Characters of a text that are read, the title's included."""

_FILE = Path(__file__).with_name("danger.toml")
_GAP = 3
_STEM = 3

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Danger:
    """A present danger: its kind, and the spans (start, end) of the text that decided, in order.

    The kinds are those of danger.toml: self_harm, violence, fire, gas, electric, flood, disaster, medical, crime.
    A span that lies in the title rather than in the text is left out, so that `words` may be empty.
    """

    kind: str
    words: tuple[Span, ...]


def danger(text: str, title: str = "") -> Danger | None:
    """Return the present danger that a text speaks of, or None. Any str is accepted; LIMIT characters are read."""
    return _RULES.read(text, title)


@dataclass(frozen=True, slots=True)
class _Step:
    """One word of a cue: words and beginnings that fit, words that do not, and how many others may stand before it."""

    words: frozenset[str]
    beginnings: tuple[str, ...]
    refused: tuple[str, ...]
    gap: int

    def fits(self, word: str) -> bool:
        if word in self.words:
            return True
        return bool(self.beginnings) and word.startswith(self.beginnings) and not word.startswith(self.refused)


@dataclass(frozen=True, slots=True)
class _Cue:
    """A row of words, and what it says: the name of a sign, the number of a rule, or nothing (calm)."""

    says: str
    steps: tuple[_Step, ...]
    swallows: bool
    """Whether what lies inside is part of its meaning: not what stands in a gap, unless the cue is calm."""
    last: frozenset[str]
    """The words one of which must be in the text, if that is known."""

    def end(self, words: Sequence[str], start: int) -> int:
        """Return where the cue ends if it stands at start (where its first word is known to fit), else 0."""
        place = start + 1
        for step in self.steps[1:]:
            for candidate in range(place, min(place + step.gap + 1, len(words))):
                if step.fits(words[candidate]):
                    place = candidate + 1
                    break
                if words[candidate] in _ENDS:
                    return 0
            else:
                return 0
        return place


@dataclass(frozen=True, slots=True)
class _Rule:
    kind: str
    needed: tuple[str, ...]
    denials: tuple[str, ...]
    longest: int


@dataclass(frozen=True, slots=True)
class _Hit:
    start: int
    end: int
    says: str
    swallows: bool


class _Index:
    """Cues by their first word, so that a word costs two look-ups however many cues there are."""

    def __init__(self) -> None:
        self._by_word: defaultdict[str, list[_Cue]] = defaultdict(list)
        self._by_beginning: defaultdict[str, list[tuple[str, _Cue]]] = defaultdict(list)

    def add(self, cue: _Cue) -> None:
        for word in cue.steps[0].words:
            self._by_word[word].append(cue)
        for beginning in cue.steps[0].beginnings:
            if len(beginning) < _STEM:
                raise ValueError(f"danger.toml: {beginning}* is too short to begin a cue")
            self._by_beginning[beginning[:_STEM]].append((beginning, cue))

    def hits(self, words: Sequence[str]) -> list[_Hit]:
        """Return where the cues stand, in order of their first words."""
        by_word, by_beginning = self._by_word.get, self._by_beginning.get
        present = frozenset(words)
        hits: list[_Hit] = []
        for start, word in enumerate(words):
            cues = by_word(word, ())
            if begun := by_beginning(word[:_STEM]):
                cues = [*cues, *(cue for beginning, cue in begun if word.startswith(beginning))]
            for cue in cues:
                # Many cues begin with "saya"; most of them need not be tried, as their last word is nowhere.
                if cue.last and cue.last.isdisjoint(present):
                    continue
                if end := cue.end(words, start):
                    hits.append(_Hit(start, end, cue.says, cue.swallows))
        return hits


class Rules:
    """The rules of danger.toml, ready to read texts. They never change after they were made."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        """Take the tables of a danger.toml. A sign or a group that nobody wrote is a KeyError;
        a cue that begins with less than _STEM letters of a word is a ValueError.
        """
        self._spelling = {form: word for word, forms in data["spelling"].items() for form in forms.split()}
        self._groups: Mapping[str, Sequence[str]] = {name: words.split() for name, words in data["group"].items()}
        self._reach: dict[str, tuple[int, int]] = {}
        self._rules: list[_Rule] = []
        # Most texts hold no cue of any rule: the signs are looked for only where one was found.
        self._events, self._signs = _Index(), _Index()
        for name, sign in data["sign"].items():
            before, after = sign["reach"]
            self._reach[name] = (before, after)
            self._take(sign["cues"], name, self._signs)
        self._take(data["calm"]["cues"], "", self._signs)
        for number, rule in enumerate(data["rule"]):
            needed, denials = tuple(rule.get("with", ())), tuple(rule.get("unless", ()))
            for name in (*needed, *denials):
                self._reach[name]
            self._rules.append(_Rule(rule["kind"], needed, denials, rule.get("longest", LIMIT)))
            self._take(rule["says"], str(number), self._events)

    def read(self, text: str, title: str) -> Danger | None:
        shown = title[:LIMIT]
        raw = f"{shown}\n{text[: LIMIT - len(shown)]}"
        places, words = self._words(raw)
        events = self._events.hits(words)
        if not events:
            return None
        signs: defaultdict[str, list[_Hit]] = defaultdict(list)
        for hit in _longest(events + self._signs.hits(words)):
            signs[hit.says].append(hit)
        for number, rule in enumerate(self._rules):
            if len(words) > rule.longest:
                continue
            for hit in signs[str(number)]:
                if any(self._near(hit, signs[name], name) for name in rule.denials):
                    continue
                proof = [near for name in rule.needed if (near := self._near(hit, signs[name], name))]
                if proof or not rule.needed:
                    return Danger(rule.kind, _spans([hit, *proof[:1]], places, len(shown) + 1))
        return None

    def _take(self, cues: Sequence[str], says: str, index: _Index) -> None:
        for line in cues:
            steps: list[_Step] = []
            gap = 0
            for part in line.split():
                if part == "..":
                    gap = _GAP
                    continue
                kinds = part.split("|")
                forms = [form for one in kinds if one[0] != "^" for form in self._forms(one)]
                refused = [form.rstrip("*") for one in kinds if one[0] == "^" for form in self._forms(one[1:])]
                whole = frozenset(form for form in forms if not form.endswith("*"))
                beginnings = tuple(form[:-1] for form in forms if form.endswith("*"))
                steps.append(_Step(whole, beginnings, tuple(refused), gap))
                gap = 0
            swallows = not says or not any(step.gap for step in steps)
            last = frozenset() if len(steps) == 1 or steps[-1].beginnings else steps[-1].words
            index.add(_Cue(says, tuple(steps), swallows, last))

    def _forms(self, part: str) -> Sequence[str]:
        return self._groups[part[1:-1]] if part.startswith("<") else (part,)

    def _words(self, raw: str) -> tuple[list[Span], list[str]]:
        """Return where the words and marks of a text stand, and how they are read; a full stop before and after."""
        places: list[Span] = [(0, 0)]
        words = ["."]
        spelling = self._spelling.get
        plain = raw.lower() if raw.isascii() else "".join(map(_folded, raw))
        for match in _TOKEN.finditer(plain):
            word = match[0]
            if word[-1] in _DIGITS:
                # "anak2" is "anak-anak"; what is all digits is a number.
                word = word.rstrip(_DIGITS) or ("#year" if _YEAR.fullmatch(word) else "#")
            elif word == "\n":
                word = "."
            elif word not in self._spelling and _DRAWN_OUT.search(word):
                # "tolooong" and "tolongg" are "tolong".
                word = _DRAWN_OUT.sub(r"\1", word)
            places.append(match.span())
            words.append(spelling(word, word))
        places.append((len(raw), len(raw)))
        words.append(".")
        return places, words

    def _near(self, hit: _Hit, signs: Sequence[_Hit], name: str) -> _Hit | None:
        """Return the sign of that name that speaks for the hit, if any does: it does not overlap it and is in reach."""
        before, after = self._reach[name]
        for sign in signs:
            if hit.start - before <= sign.end - 1 < hit.start or hit.end <= sign.start < hit.end + after:
                return sign
        return None


# "pukul 7.30" is a time of day, and "pukul" alone is to beat.
_TOKEN = re.compile(r"pukul\s*\d+(?:[.:]\d+)?|[^\W_]+|[.,!?:\n]")
_ENDS = frozenset(".!?")
_YEAR = re.compile(r"(?:19|20)\d\d")
_DIGITS = "0123456789"
_DRAWN_OUT = re.compile(r"([^\W\d_])\1(?:\1+|$)")


def _folded(character: str) -> str:
    """Return a character in its plain lower case, always one character, so that places stay places."""
    plain = unicodedata.normalize("NFKC", character).lower()
    return plain if len(plain) == 1 else character


def _longest(hits: Sequence[_Hit]) -> list[_Hit]:
    """Return the hits that lie inside no longer one that swallows them, in order."""
    kept: list[_Hit] = []
    longest = (0, 0)
    for hit in sorted(hits, key=lambda hit: (hit.start, -hit.end)):
        # Sorted so, only the furthest one before can hold it; one of the same span does not.
        if hit.end <= longest[1] and (hit.start, hit.end) != longest:
            continue
        kept.append(hit)
        if hit.swallows and hit.end > longest[1]:
            longest = (hit.start, hit.end)
    return kept


def _spans(hits: Sequence[_Hit], places: Sequence[Span], offset: int) -> tuple[Span, ...]:
    spans = sorted({(places[hit.start][0] - offset, places[hit.end - 1][1] - offset) for hit in hits})
    return tuple(span for span in spans if span[0] >= 0)


_RULES = Rules(tomllib.loads(_FILE.read_text(encoding="utf-8")))
