"""A citizen's words with what decided marked in them, and with what is personal pointed out or covered. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from desk.shell import Span


@dataclass(frozen=True, slots=True)
class Piece:
    """Some characters of a text: whether they decided, and what kind of personal data they are ("": none)."""

    words: str
    decides: bool = False
    kind: str = ""


def pieces(words: str, deciding: Iterable[Span], personal: Iterable[Span]) -> list[Piece]:
    """The text cut where a mark begins or ends; together the pieces are the text. Spans may overlap, and what of them
    lies outside the text counts for nothing."""
    marks, private = _within(words, deciding), _within(words, personal)
    cuts = sorted({0, len(words), *(cut for each in (*marks, *private) for cut in (each.start, each.end))})
    return [
        Piece(words[start:end], _covers(marks, start) is not None, (_covers(private, start) or Span(0, 0)).kind)
        for start, end in pairwise(cuts)
    ]


def _within(words: str, spans: Iterable[Span]) -> list[Span]:
    return [each for each in spans if 0 <= each.start < each.end <= len(words)]


def _covers(spans: Sequence[Span], place: int) -> Span | None:
    return next((each for each in spans if each.start <= place < each.end), None)


def find(words: str, phrases: Iterable[str]) -> list[Span]:
    """Where these phrases stand in a text, each time, however capitalised and spaced."""
    found = []
    for phrase in phrases:
        parts = [re.escape(part) for part in phrase.split()]
        if parts:
            pattern = re.compile(r"\s+".join(parts), re.IGNORECASE)
            found += [Span(each.start(), each.end(), kind="other") for each in pattern.finditer(words)]
    return found


def cover(words: str, spans: Iterable[Span], marks: Mapping[str, str]) -> str:
    """The text with a mark in the place of each span, by its kind (`marks` must have "other"); spans that touch or
    overlap are covered by one mark, that of the first. Nothing of what is covered is left."""
    parts: list[str] = []
    end = 0
    for each in _joined(_within(words, spans)):
        parts += (words[end : each.start], marks.get(each.kind, marks["other"]))
        end = each.end
    return "".join((*parts, words[end:]))


def _joined(spans: Iterable[Span]) -> list[Span]:
    found: list[Span] = []
    for each in sorted(spans, key=lambda each: (each.start, -each.end)):
        if found and each.start < found[-1].end:
            last = found[-1]
            found[-1] = Span(last.start, max(last.end, each.end), kind=last.kind)
        else:
            found.append(each)
    return found
