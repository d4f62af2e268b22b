"""Where it is, in a citizen's own words: streets, landmarks, marks such as RT 03 and km 12, taken out of free text.

A place begins with a word of a known kind ("jalan", "puskesmas") or with what says that something is by a place
("depan"), and its name ends where everyday speech goes on: at a word that no name has, at a verb, at a small letter
after capitals, at the end of a sentence. The words are data (words/places.toml). Which region it is, is not known here.

"jalan rusak" and "pasar kotor sekali" name no place, "depan pasar" does; where something leads to ("arah ke Betung")
is not where it is, but a road is known by it ("jalan ke desa Sukamaju"). After a place the capitals between commas are
where that is ("Jl. Melati, Sukajadi, Talang Kelapa").
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

LIMIT = 4000
"""Characters of a text that are read."""

MOST = 3
"""Phrases of a text at most; what only says more about one before it (RT, kecamatan) is not counted."""

_FILE = Path(__file__).with_name("words") / "places.toml"
# A name has so many words at most, and so many in small letters.
_LONG, _LOW = 6, 4
# A name between commas after a place has so many words at most.
_FURTHER = 3
# An answer of more words is no bare name.
_BARE = 5
# A text in which more of the words have a capital letter has headings, not names.
_HEADED = 0.6


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of place, as words/places.toml describes it."""

    name: str
    inside: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    number: bool = False
    bare: bool = False
    more: bool = False
    apart: bool = False
    only: Literal["", "near", "after"] = ""


class _Token(NamedTuple):
    """A word or a number of the text: in small letters, where it stands, and what stands before it."""

    word: str
    start: int
    end: int
    gap: str
    glued: str
    capital: bool
    upper: bool


class _Piece(NamedTuple):
    """A place in the text: its first token, the one after its last, its kind, and whether it has a name."""

    first: int
    end: int
    kind: _Kind
    named: bool


class _Head(NamedTuple):
    """The first words of a place: their kind, and the token after them."""

    kind: _Kind
    end: int


def places_in(text: str) -> tuple[str, ...]:
    """Return the phrases that say where it is, verbatim runs of the text in its order; () if there are none.

    What stands together is one phrase ("Jl. Merdeka No. 5, RT 03 RW 02 Kel. Balai Agung"). Accepts any str; reads
    LIMIT characters.
    """
    return _Text(text[:LIMIT]).phrases()


def may_be_place(text: str) -> bool:
    """Whether an answer to "where?" may be a place: it has a phrase, or is short and may be a bare name ("Sukamoro",
    "belakang rumah saya") rather than talk ("rusak", "kan sudah saya bilang"). Accepts any str."""
    read = _Text(text[:LIMIT])
    return bool(read.phrases()) or read.is_bare_name()


class _Text:
    """A text cut into tokens, with what its capital letters are worth."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(_tokens(text))
        words = [token for token in self.tokens if not token.word.isdigit()]
        capitals = sum(token.capital for token in words)
        # In capitals throughout they say nothing, in a heading or an address little: "Jalan Merdeka Gelap".
        self.cased = capitals > 0 and sum(token.upper for token in words) < _HEADED * len(words)
        self.headed = capitals >= _HEADED * len(words)

    # --- phrases -------------------------------------------------------------------------------------

    def phrases(self) -> tuple[str, ...]:
        """The phrases; where there are too many, those with a name before those without."""
        pieces: list[_Piece] = []
        further: set[_Piece] = set()
        for piece in self._pieces():
            if piece.kind.more and pieces and self._are_together(pieces[-1], piece):
                further.add(piece)
            elif piece.kind.only == "after":
                continue
            pieces.append(piece)
        counted = sorted((piece for piece in pieces if piece not in further), key=lambda piece: not piece.named)[:MOST]
        runs: list[list[_Piece]] = []
        for before, piece in zip((None, *pieces), pieces, strict=False):
            taken = before if before is not None and runs and runs[-1][-1] is before else None
            if taken is not None and self._are_together(taken, piece) and (piece in further or piece in counted):
                runs[-1].append(piece)
            elif piece in counted:
                runs.append([piece])
        for run in runs:
            # "kel. Sukajadi, jalan Melati, kel. Sukajadi"
            keys = [self._key(piece.first, piece.end) for piece in run]
            while run[-1].kind.name == "area" and keys.pop() in keys:
                run.pop()
        said = [(self._key(run[0].first, run[-1].end), self._said(run[0].first, run[-1].end)) for run in runs]
        once = dict(reversed(said))
        return tuple(
            once[key]
            for key in dict.fromkeys(key for key, _ in said)
            if not any(key in other for other in once if key != other)
        )

    def _key(self, first: int, end: int) -> str:
        """These tokens as they are compared: "Kel. Sukajadi" and "kelurahan sukajadi" are one."""
        return " ".join(_SAME.get(token.word, token.word) for token in self.tokens[first:end])

    def _said(self, first: int, end: int) -> str:
        """These tokens as they are written, with the mark that closes a quote."""
        start, stop = self.tokens[first].start, self.tokens[end - 1].end
        said = self.text[start:stop]
        return said + '"' if said.count('"') % 2 and self.text[stop : stop + 1] == '"' else said

    def _are_together(self, one: _Piece, other: _Piece) -> bool:
        between = self.text[self.tokens[one.end - 1].end : self.tokens[other.first].start]
        return _TOGETHER.fullmatch(between) is not None

    def _pieces(self) -> Iterable[_Piece]:
        at = 0
        while at < len(self.tokens):
            piece, past = self._piece(at)
            while piece is not None:
                yield piece
                past = max(past, piece.end)
                piece = self._further(piece.end) if piece.named else None
            at = max(past, at + 1)

    def _further(self, at: int) -> _Piece | None:
        """The name between commas that begins here, after a place: "Sukajadi" in "Jl. Melati, Sukajadi, Palembang"."""
        end = at
        while end < len(self.tokens) and end - at <= _FURTHER and self._is_further(end, first=end == at):
            end += 1
        if not 0 < end - at <= _FURTHER:
            return None
        if end < len(self.tokens):
            head = self._head(end)
            goes_on = _SPACES.fullmatch(self.tokens[end].gap) is not None
            if goes_on and not (head is not None and head.kind.name in {"area", "wide"}):
                return None
            if not goes_on and _CLOSED.match(self.tokens[end].gap) is None:
                return None
        return _Piece(at, end, _BETWEEN_COMMAS, named=True)

    def _is_further(self, at: int, *, first: bool) -> bool:
        """Whether a word may be part of a name between commas. What everyday speech has is none, even in capitals."""
        token = self.tokens[at]
        gap = _COMMA if first else _SPACES
        if gap.fullmatch(token.gap) is None or not token.capital or token.upper or token.glued or not self.cased:
            return False
        if token.word in _HEADS or token.word in _NEAR | _TOLD | _AWAY | _ENDS | _HOUSE | _MONTHS | _UNITS | _OFFICE:
            return False
        if not first and token.word in _LAST | _TAILS:
            return True
        # "Kp. Gajah, Des. Sari": so short a word is cut off.
        return len(token.word) > (_SHORTEST if first else 1) and not self._is_everyday(token.word)

    def _piece(self, at: int) -> tuple[_Piece | None, int]:
        """The phrase that begins here, if one does, and where to read on."""
        token = self.tokens[at]
        if token.word in _NEAR:
            return self._near(at)
        if token.word in _TOLD:
            return self._told(at)
        head = self._head(at)
        if head is None:
            return None, at + 1
        end, named = self._name(head)
        if self._leads_away(at):
            return None, end
        if not named and head.kind.name == "street" and (led := self._led(at, head.end)):
            return _Piece(at, led, head.kind, named=True), led
        if named and head.kind.only != "near":
            return _Piece(at, end, head.kind, named=True), end
        return None, head.end

    def _led(self, at: int, end: int) -> int:
        """Where "jalan ke gunung Dempo" or "jalan raya menuju desa Sukamaju" ends, which is a road's name; 0 if it is
        none: "saya jalan ke pasar Cinde", "jalan ke desa kami"."""
        if at and self._next(at) and self.tokens[at - 1].word in _WALKING:
            return 0
        while self._next(end) in _RAISED:
            end += 1
        place = end
        while self._next(place) in _LEADING:
            place += 1
        head = self._head(place) if self._next(place) else None
        if head is None or head.kind.name not in _LED_TO or not (place > end or self.tokens[place].glued == "ke"):
            return 0
        past, named = self._name(head)
        return past if named else 0

    def _near(self, at: int) -> tuple[_Piece | None, int]:
        """depan SMP 3, dekat dengan pasar, di samping rumah pak Ali."""
        token = self.tokens[at]
        if at and self._next(at) and self.tokens[at - 1].word in _NOT_AFTER and not token.glued:
            return None, at + 1
        place = self._past_between(at + 1)
        if not self._next(place):
            return None, at + 1
        head = self._head(place)
        if head is not None:
            end, named = self._name(head)
            if self._leads_away(at):
                return None, end
            # "sekitar 3 pasar" and "di bawah jalan" say nothing.
            if named or head.kind.bare:
                return _Piece(at, end, _ANY, named), end
            return None, place
        if token.word in _STRONG:
            end = self._any_name(place)
            if end > place and not self._leads_away(at):
                return _Piece(at, end, _ANY, named=True), end
        return None, place

    def _past_between(self, at: int) -> int:
        """The first token that is not one of those that may stand between "depan" and the place."""
        while self._next(at) in _BETWEEN | _NEAR:
            head = self._head(at)
            if head is not None and self._name(head)[1]:
                break
            at += 1
        return at

    def _told(self, at: int) -> tuple[_Piece | None, int]:
        """lokasi di Sukamoro, alamat: Kenten Laut."""
        place = at + 1
        while self._next(place) in _JOINS:
            place += 1
        if place >= len(self.tokens):
            return None, place
        joined = place > at + 1 and self._next(place)
        if not joined and self.tokens[place].gap.strip() != ":":
            return None, place
        if self._head(place) is not None or self.tokens[place].word in _NEAR | _TOLD:
            return None, place
        end = self._any_name(place)
        return (_Piece(place, end, _ANY, named=True), end) if end > place else (None, place)

    def _leads_away(self, at: int) -> bool:
        """Whether what begins here is where something leads to: "arah ke Betung", "jalan ke pasar"."""
        before = [token.word for token in self.tokens[max(0, at - 4) : at]]
        if self.tokens[at].glued == "ke":
            before.append("ke")
        while before and before[-1] in _ON_THE_WAY:
            before.pop()
        if not before:
            return False
        if before[-1] in _AWAY | _OFFICE:
            return True
        return before[-1] == "ke" and any(word in _AWAY or word in _WAYS for word in before[:-1])

    # --- heads and names --------------------------------------------------------------------------------

    def _head(self, at: int) -> _Head | None:
        """The kind of place that these words begin with, if any."""
        token = self.tokens[at]
        for words, kind in _HEADS.get(token.word, ()):
            end = at + len(words)
            if len(words) > 1 and tuple(each.word for each in self.tokens[at:end]) != words:
                continue
            if len(words) == 1 and token.word in _CAPITALS and not self._is_meant(at):
                continue
            if self._is_doubled(at, end):
                return None
            return _Head(kind, end)
        return None

    def _is_meant(self, at: int) -> bool:
        """Whether a short form that is also a word of its own stands for a place: "MI", "man 2"."""
        token = self.tokens[at]
        following = self._next(at + 1)
        return (token.upper and self.cased and len(token.word) > 1) or following.isdigit() or following in _FOUNDED

    def _is_doubled(self, at: int, end: int) -> bool:
        """jalan-jalan, toko2; and not alun-alun, which is a phrase."""
        if end - at > 1 or end >= len(self.tokens):
            return False
        after = self.tokens[end]
        return (after.gap == "-" and after.word == self.tokens[at].word) or (after.gap == "" and after.word == "2")

    def _name(self, head: _Head) -> tuple[int, bool]:
        """Where the name after a head ends, and whether there is one."""
        kind, end = head.kind, head.end
        if kind.name == "mark":
            return self._mark(head)
        if kind.name == "house":
            return self._house(head)
        if kind.name == "known":
            return end, True
        named, low, capitals = False, 0, False
        start = end
        while end < len(self.tokens) and end - start < _LONG:
            # Whoever looks for any name has seen to it that one may begin here: "lokasi: Sukamoro".
            if not (self._joins(end - 1, end, named=named) or (kind is _ANY and end == start)):
                break
            token = self.tokens[end]
            word = token.word
            if word.isdigit():
                if not self._is_name_number(end, kind, named=named):
                    break
                named = True
            elif word in kind.names and not self._is_weighed(end):
                named = True
            elif not named and word in kind.inside:
                pass
            elif word in _NUMBERS and kind.number and not named:
                named = True
            elif named and (
                word in _TAILS or (word in _LAST and (self._is_last(end) or (token.capital and self.cased)))
            ):
                pass
            elif word in _ENDS or word in _NEAR or word in _HOUSE or self._is_of_its_own(end):
                break
            elif token.capital and self.cased and (named or not self.headed or not self._is_everyday(word)):
                named, capitals = True, True
            elif capitals or self._is_everyday(word) or low == _LOW:
                break
            else:
                named, low = True, low + 1
            end += 1
        if named:
            return self._house_number(end), True
        # "SPBU km 5", "puskesmas desa Sukarami": a place of which only one is there.
        within = self._head(end) if kind.bare and self._next(end) else None
        return self._name(within) if within is not None and within.kind.more else (head.end, False)

    def _is_of_its_own(self, at: int) -> bool:
        """Whether a place begins here that is no part of a name, such as "RT"."""
        head = self._head(at)
        return head is not None and head.kind.apart

    def _any_name(self, at: int) -> int:
        """Where a name of no known kind ends; `at` if there is none."""
        end, named = self._name(_Head(_ANY, at))
        return end if named else at

    def _mark(self, head: _Head) -> tuple[int, bool]:
        """RT 03, RT.03/02, km 12, blok C5."""
        at, kind = head.end, self.tokens[head.end - 1].word
        if kind in _DISTANCE and at > 1 and self.tokens[at - 2].word.isdigit():
            return at, False
        word = self._next(at)
        lettered = kind in _BLOCKS
        if not (word.isdigit() or word in _NUMBERS or (lettered and 0 < len(word) <= 2 and word not in _ENDS)):
            return at, False
        at += 1
        while at < len(self.tokens) and self.tokens[at].gap in _NUMBER_GAPS:
            token = self.tokens[at]
            if not (token.word.isdigit() or (lettered and token.gap == "" and len(token.word) == 1)):
                break
            at += 1
        return self._house_number(at), True

    def _house(self, head: _Head) -> tuple[int, bool]:
        """rumah pak RT, rumah bu Siti."""
        at = head.end
        while self._next(at) in _PERSONS:
            at += 1
        if at == head.end or not self._next(at):
            return head.end, False
        if self.tokens[at].word in _OFFICES:
            mark = self._head(at)
            return (self._mark(mark)[0] if mark is not None and mark.kind.name == "mark" else at + 1), True
        end = self._any_name(at)
        return end, end > at

    def _house_number(self, at: int) -> int:
        """The token after "no. 12a" that stands here; `at` if none does."""
        if self._next(at, comma=True) not in _HOUSE or not self._next(at + 1).isdigit():
            return at
        lettered = at + 2 < len(self.tokens) and self.tokens[at + 2].gap == "" and len(self.tokens[at + 2].word) == 1
        return at + 3 if lettered else at + 2

    # --- words ---------------------------------------------------------------------------------------------

    def _is_name_number(self, at: int, kind: _Kind, *, named: bool) -> bool:
        """Whether a number is part of a name: "SMP 1", "17 Agustus", "16 Ilir", and not "3 meter"."""
        token = self.tokens[at]
        after = self._next(at + 1)
        if after in _MONTHS:
            return not named and kind.name == "street"
        if after in _QUARTERS:
            return True
        if len(token.word) > 3 or after in _UNITS or after.isdigit():
            return False
        return named or kind.number

    def _is_everyday(self, word: str) -> bool:
        """Whether a word in small letters is one of everyday speech."""
        if word in _TAILS or word in _NAMES:
            return False
        if _stem(word) in _TALK:
            return True
        return len(word) > _VERB and _VERBAL.fullmatch(word) is not None

    def _is_last(self, at: int) -> bool:
        """Whether a word such as "baru" ends a name: nothing but the end or another place follows."""
        following = self._next(at + 1)
        return following not in _WEIGHING and not self._is_everyday(following)

    def _is_weighed(self, at: int) -> bool:
        """Whether it is how much rather than a name: "pasar lama sekali"."""
        following = self._next(at + 1)
        return following in _WEIGHING or _VERBAL.fullmatch(following) is not None

    def _next(self, at: int, *, comma: bool = False) -> str:
        """The word that goes on here what stands before it; "" if none does."""
        return self.tokens[at].word if 0 < at < len(self.tokens) and self._joins(at - 1, at, comma=comma) else ""

    def _joins(self, before: int, at: int, *, named: bool = False, comma: bool = False) -> bool:
        """Whether a token goes on what stands before it, and no sentence ends between them."""
        gap = self.tokens[at].gap
        if _SPACES.fullmatch(gap):
            return True
        last, token, mark = self.tokens[before], self.tokens[at], gap.strip()
        if "\n" in gap:
            return False
        if mark == ".":
            return len(last.word) == 1 or last.word in _SHORT or (gap == mark and last.word.isdigit())
        if mark == ",":
            return comma
        if mark == "-":
            return gap == mark or (named and token.capital and last.capital)
        if mark == "/":
            return last.word.isdigit() and token.word.isdigit()
        return _QUOTE.fullmatch(gap) is not None and not named

    # --- an answer that is a bare name ------------------------------------------------------------------

    def is_bare_name(self) -> bool:
        """Whether a short answer may be a place by itself."""
        words = [token.word for token in self.tokens if not token.word.isdigit()]
        if not words or len(words) > 2 * _BARE or not _COMPLAINTS.isdisjoint(map(_stem, words)):
            return False
        if any(word in _NEAR for word in words):
            return any(word in _PLAIN or self._is_unknown(word) for word in words)
        telling = [word for word in words if word in _PLAIN or self._is_unknown(word)]
        beside = _BESIDE | _LAST | _HEADS.keys()
        return bool(telling) and len(words) <= _BARE and all(word in beside or word in telling for word in words)

    def _is_unknown(self, word: str) -> bool:
        """Whether a word may be a name."""
        if word in _ENDS or word in _BESIDE or word in _AWAY or word in _TOLD or len(word) < _SHORTEST:
            return False
        if word in _HEADS or self._is_everyday(word):
            return False
        return _SPOKEN.search(word) is not None and _MUMBLED.search(word) is None and _LAUGHS.fullmatch(word) is None


# --- tokens -----------------------------------------------------------------------------------------


def _tokens(text: str) -> Iterable[_Token]:
    end = 0
    for match in _WORD.finditer(text):
        start, word = match.start(), match[0].casefold()
        gap, glued = text[end:start], ""
        if word[:2] in _GLUED and word[2:] in _GLUED_TO and word not in _HEADS:
            glued, word, start = word[:2], word[2:], start + 2
        end = match.end()
        letters = match[0]
        yield _Token(word, start, end, gap, glued, letters[0].isupper(), letters.isupper())


def _stem(word: str) -> str:
    """A word without what is written onto it in Makassar ("rusakmi") or Javanese ("sampahe"), if that leaves a known
    word of everyday speech."""
    if ending := _ENDING.search(word):
        stem = word[: ending.start()]
        return stem if stem in _TALK else word
    return word


# --- words --------------------------------------------------------------------------------------------

_DATA: dict[str, Any] = tomllib.loads(_FILE.read_text(encoding="utf-8"))


def _words(table: str, name: str = "words") -> frozenset[str]:
    return frozenset(_DATA[table][name].split())


def _heads() -> dict[str, tuple[tuple[tuple[str, ...], _Kind], ...]]:
    """The heads by their first word, the longest first."""
    found: dict[str, list[tuple[tuple[str, ...], _Kind]]] = {}
    known = {"name": "known", "heads": _DATA["known"]["words"], "phrases": _DATA["known"]["phrases"], "bare": True}
    for row in (*_DATA["kinds"], known):
        flags = {name: value for name, value in row.items() if name in {"number", "bare", "more", "apart", "only"}}
        inside, names = (frozenset(row.get(name, "").split()) for name in ("inside", "names"))
        kind = _Kind(row["name"], inside, names, **flags)
        for head in (*row["heads"].split(), *row.get("phrases", ())):
            words = tuple(head.split())
            found.setdefault(words[0], []).append((words, kind))
    return {word: tuple(sorted(rows, key=lambda row: -len(row[0]))) for word, rows in found.items()}


_WORD = re.compile(r"[^\W\d_]+(?:['’‘`][^\W\d_]+)*|\d+")
_SPACES = re.compile(r"[ \t\xa0]{0,3}")
_COMMA = re.compile(r"[ \t]?,[ \t]{0,2}")
_CLOSED = re.compile(r"[ \t]?[,.;!()\n]")
_QUOTE = re.compile(r"[ \t]?[\"“”'‘’*_]")
_NUMBER_GAPS = frozenset({"", "/", "-", ",", "."})
_TOGETHER = re.compile(r"[ \t]{0,2}[,/]?[ \t]{0,2}|[ \t]?-[ \t]?|\.[ \t]?")
# "diperbaiki", "menumpuk", "aspalnya", "tergenang", "dikerjakan": verbs, and what belongs to somebody.
_VERBAL = re.compile(
    r"(?:di|ter|ber|mem|men|meng|meny|mel|mer|nge|ng)\w{3,}|\w{3,}(?:nya|nyo|nye|kan|ke|lah)|\w{2,}-\w{2,}nya"
)
_VERB = 5
_ENDING = re.compile(r"(?<=\w{3})(?:[mjpk]i|mo|n[aeo]|ny[ao]|e)$")
_SPOKEN = re.compile(r"[aeiouy]")
_MUMBLED = re.compile(r"[bcdfghjklmnpqrstvwxz]{5}")
_LAUGHS = re.compile(r"(?:w+k+|k+w+|h+[aeiou]+|x+i+)+\w?")
_SHORTEST = 3

_HEADS = _heads()
_ANY = _Kind("any")
_BETWEEN_COMMAS = _Kind("further", more=True, only="after")
_STRONG, _NEAR = _words("near", "strong"), _words("near", "strong") | _words("near", "weak")
_BETWEEN, _NOT_AFTER = _words("near", "between"), _words("near", "not_after")
_TOLD, _JOINS = _words("told"), _words("told", "joins")
_AWAY, _ON_THE_WAY, _WAYS = _words("away"), _words("away", "between"), _words("away", "ways")
_LEADING, _WALKING, _RAISED = _words("away", "roads"), _words("away", "walking"), _words("away", "raised")
_LED_TO = _words("away", "led_to")
_SAME = {word: name for name, line in _DATA["same"].items() for word in line.split()}
_CAPITALS, _FOUNDED, _OFFICE = _words("capitals"), _words("capitals", "before"), _words("office")
_PERSONS, _OFFICES = _words("house", "persons"), _words("house", "offices")
_NUMBERS, _HOUSE, _MONTHS = _words("numbers"), _words("numbers", "house"), _words("numbers", "months")
_QUARTERS, _UNITS = _words("numbers", "quarters"), _words("numbers", "units")
_DISTANCE, _BLOCKS = _words("numbers", "distance"), _words("numbers", "blocks")
_SHORT = _words("short")
_TAILS, _LAST, _WEIGHING = _words("tails", "always"), _words("tails", "last"), _words("tails", "weighing")
_NAMES = _words("names")
_COMPLAINTS = _words("ends", "complaints")
_ENDS = _words("ends", "joining") | _COMPLAINTS
_EVERYDAY = _words("ends", "everyday") | _words("ends", "frequent") | _LAST
_TALK = _EVERYDAY | _ENDS
_BESIDE = _words("beside")
# What answers where it is without a name.
_PLAIN = _words("beside", "vague") | {
    word for word, rows in _HEADS.items() for words, kind in rows if kind.bare and len(words) == 1
}
_GLUED = _words("glued")
_GLUED_TO = (_HEADS.keys() | _NEAR) - _words("glued", "never")
