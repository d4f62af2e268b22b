"""Texts that are no complaint: greetings, tests, thanks, insults, advertising, nothing at all.

Whoever calls this answers such a text instead of filing it. It is conservative: a text with any matter in it is a
complaint, however rude or polite its other words are. The words are data (chatter.toml).
"""

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

LIMIT = 4000
"""Characters of a text that are read, the title's included."""

Chatter = Literal["empty", "greeting", "test", "thanks", "spam", "abuse"]

_FILE = Path(__file__).with_name("chatter.toml")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W\d_]+)*")
# A link to an office is no advertisement, though somebody may have made its page one.
_OFFICE_LINK = re.compile(r"(?:https?://|www\.)?\b[\w.-]{1,99}\.go\.id\b\S*")
_LINK = re.compile(
    r"https?://\S+|www\.\S+|\b[\w-]{1,60}\.(?:com|net|org|xyz|site|vip|club|online|link|me|ly|cc|info)\b\S*"
)
_DRAWN_OUT = re.compile(r"([^\W\d_])\1(?:\1+|$)")
_VOWEL = re.compile(r"[aeiouy]")
_HANDS_ON_KEYS = 6


def chatter(text: str, title: str = "") -> Chatter | None:
    """Return what a text without any matter is, or None for one that may be a complaint.

    Accepts any str and reads its first LIMIT characters; never raises.
    """
    raw = f"{title[:LIMIT]}\n{text}"[:LIMIT]
    plain = unicodedata.normalize("NFKC", raw)[:LIMIT].lower()
    words = _WORD.findall(plain)
    if not any(any(character.isalpha() for character in word) for word in words):
        return "empty"
    return _WORDS.judge(words) or ("spam" if _WORDS.advertises(plain) else None)


class _Words:
    """The lists of chatter.toml. They never change after they were made."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        """Take the tables of a chatter.toml; a list that is not there is a KeyError."""
        self._filler = _list(data["filler"]["words"])
        self._greeting, self._test, self._thanks, self._abuse, self._mash = (
            _list(data[kind]["words"]) for kind in ("greeting", "test", "thanks", "abuse", "mash")
        )
        self._beside, self._at = _list(data["abuse"]["beside"]), _list(data["abuse"]["at"])
        self._complaint = _list(data["spam"]["complaint"])
        self._least: int = data["spam"]["least"]
        self._promises: dict[str, list[tuple[str, ...]]] = {}
        for line in data["spam"]["words"]:
            promise = tuple(map(_spelt, line.split()))
            self._promises.setdefault(promise[0], []).append(promise)

    def judge(self, words: Sequence[str]) -> Chatter | None:
        """Return what kind of chatter all the words are, or None if one of them is matter."""
        every = {_spelt(word) for word in words if not word.isdecimal()}
        said = {word for word in every - self._filler if not self._mashed(word)}
        if not said:
            return "empty"
        if said <= self._greeting:
            return "greeting"
        if said <= self._greeting | self._test:
            return "test"
        if said <= self._greeting | self._thanks:
            return "thanks"
        if said <= self._greeting | self._abuse and (said & (self._abuse - self._beside) or every & self._at):
            return "abuse"
        return None

    def advertises(self, plain: str) -> bool:
        """Return whether a lower-case text promises gain, goods or luck and complains of nothing."""
        linked = _LINK.sub(" tautan ", _OFFICE_LINK.sub(" ", plain))
        words = ["#" if word.isdecimal() else _spelt(word) for word in _WORD.findall(linked)]
        if not self._complaint.isdisjoint(words):
            return False
        promises = {
            promise
            for place, word in enumerate(words)
            for promise in self._promises.get(word, ())
            if tuple(words[place : place + len(promise)]) == promise
        }
        return len(promises) >= self._least

    def _mashed(self, word: str) -> bool:
        return word in self._mash or (len(word) >= _HANDS_ON_KEYS and word.isascii() and not _VOWEL.search(word))


def _spelt(word: str) -> str:
    """Return the word as the lists and the texts are compared: "haloooo" is "halo", "assalamu'alaikum" is one word."""
    return _DRAWN_OUT.sub(r"\1", word.replace("'", "").replace("’", ""))


def _list(words: str) -> frozenset[str]:
    return frozenset(map(_spelt, words.split()))


_WORDS = _Words(tomllib.loads(_FILE.read_text(encoding="utf-8")))
