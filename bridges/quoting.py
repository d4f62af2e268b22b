"""What of a letter was written anew: its words without the letter that is quoted in it.

Own rules, since mail-parser-reply 1.36 loses words and time: it knows no Indonesian; it takes a list of hyphens for a
signature unless told otherwise, "Dari: gudang kami" and "Hormat kami sampaikan bahwa …" in any case; and a line of
4,000 words takes it 4 seconds. Here a line goes only where it surely was quoted, and what is left too much an officer
sees. Work grows with the length of the letter and no faster. The words are those of letters.toml.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

# An attribution may be wrapped by the mail program, and is no longer than this in characters.
_WRAPPED, _LONGEST = 4, 500
# Headers of a quoted letter stand together: so many lines are looked at.
_BLOCK = 8
_CLOCK = re.compile(r"\d{1,2}[.:]\d{2}")
_NOT_WORDS = re.compile(r"[^\w]+")


def answer(words: str, marker: str) -> str:
    """The words without what is quoted, without the lines of programs and the signature under "-- "; `marker` is the
    line above which one answers. Empty where there is nothing but a greeting or a name."""
    lines = [line.rstrip() for line in words.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    own = _without_quotes(lines[: _end(lines, _key(marker))])
    for place, line in enumerate(own):
        if line in ("--", "-- "):
            own = own[:place]
            break
    while own and (not own[-1] or _begins(own[-1], "sent_from")):
        own.pop()
    said = re.sub(r"\n{3,}", "\n\n", "\n".join(own)).strip()
    return said if _says_something(said) else ""


def not_ours(words: str) -> bool:
    """Whether an answer begins by saying that the report is somebody else's."""
    lines = [_key(line) for line in words.split("\n") if line.strip()]
    said = [line for line in lines if not any(line.startswith(_key(each)) for each in _phrases()["greetings"])]
    first = " ".join(said[:2])[:200]
    return any(_key(each) in first for each in _phrases()["not_ours"])


def _end(lines: list[str], marker: str) -> int:
    """The line where everything else is quoted without any sign of it."""
    for place, line in enumerate(lines):
        if line.lstrip().startswith(">"):
            continue
        key = _key(line)
        if key and (key == marker or (key in _phrases()["separators"] and line.strip().startswith(("-", "=", "B")))):
            return _before(lines, place)
        if _is_block(lines, place):
            return _before(lines, place)
        wrote = _attribution(lines, place)
        if wrote and not _quoted_next(lines, wrote):
            return _before(lines, place)
    return len(lines)


def _before(lines: list[str], place: int) -> int:
    """The place without the attribution, and the line of dashes or underscores, that lead to it."""
    while place and (not lines[place - 1].strip() or re.fullmatch(r"\s*[_=*-]{5,}\s*", lines[place - 1])):
        place -= 1
    for start in range(max(0, place - _WRAPPED), place):
        if start + _attribution(lines, start, place) == place and not lines[start].lstrip().startswith(">"):
            return start
    return place


def _attribution(lines: list[str], place: int, until: int | None = None) -> int:
    """How many lines from here on are "Pada … menulis:"; 0 for none."""
    first = lines[place].strip()
    if first.casefold().partition(" ")[0].rstrip(",") not in _phrases()["wrote_begins"]:
        return 0
    last = min(place + _WRAPPED, len(lines) if until is None else until)
    for end in range(place, last):
        line = lines[end].strip()
        if not line:
            return 0
        if line.endswith(":") and line[:-1].rstrip().casefold().endswith(phrases("wrote_ends")):
            whole = " ".join(each.strip() for each in lines[place : end + 1])
            known = len(whole) <= _LONGEST and ("@" in whole or _CLOCK.search(whole))
            return end + 1 - place if known else 0
    return 0


def _quoted_next(lines: list[str], place: int) -> bool:
    following = next((line for line in lines[place:] if line.strip()), "")
    return following.lstrip().startswith(">")


def _is_block(lines: list[str], place: int) -> bool:
    """Whether the headers of a quoted letter begin here: from whom, when, and one more."""
    if _header(lines[place]) != "from":
        return False
    found = {name for line in lines[place : place + _BLOCK] if (name := _header(line))}
    return {"from", "sent"} <= found and len(found) >= 3


def _header(line: str) -> str | None:
    name, colon, _ = line.strip(" >*\t").partition(":")
    if not colon or len(name) > 20:
        return None
    plain = name.strip(" *").casefold()
    return next((kind for kind, names in _phrases()["quoted"].items() if plain in names), None)


def _without_quotes(lines: list[str]) -> list[str]:
    """The lines that are not quoted with ">", nor lead to such a quote."""
    own = list[str]()
    place = 0
    while place < len(lines):
        count = _attribution(lines, place)
        if count and _quoted_next(lines, place + count):
            place += count
            continue
        if not lines[place].lstrip().startswith(">"):
            own.append(lines[place])
        place += 1
    return own


def _says_something(words: str) -> bool:
    """Whether there is more than greetings, closings, and names under these."""
    for line in words.split("\n"):
        key = _key(line)
        if not key or any(key == each or key.startswith(f"{each} bapak") for each in _keys("greetings")):
            continue
        if key.startswith(("yth ", "kepada yth", "dear ")):
            continue
        return key not in _keys("closings")
    return False


def _begins(line: str, name: str) -> bool:
    return _key(line).startswith(tuple(_phrases()[name]))


def _key(line: str) -> str:
    """The words of a line, without its signs and its case."""
    return _NOT_WORDS.sub(" ", line.casefold()).strip()


def phrases(name: str) -> tuple[str, ...]:
    """A list of letters.toml."""
    return tuple(_phrases()[name])


@cache
def _keys(name: str) -> frozenset[str]:
    return frozenset(_key(each) for each in _phrases()[name])


@cache
def _phrases() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "letters.toml").read_text(encoding="utf-8"))
