"""Cut a long text where a reader would pause, for channels whose messages have a longest length."""

from __future__ import annotations


def split(text: str, limit: int) -> list[str]:
    """Cut a text into parts of at most `limit` UTF-16 code units: between paragraphs, else lines, else words.

    White space at the cuts and at both ends is dropped, as the providers would drop it.
    """
    parts = []
    rest = text.strip()
    while not fits(rest, limit):
        end = _count_fitting(rest, limit)
        cut = _find_cut(rest, end)
        parts.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*parts, rest] if rest else parts


def fits(text: str, limit: int) -> bool:
    """Whether a text has at most `limit` UTF-16 code units."""
    return len(text) * 2 <= limit or length(text) <= limit


def length(text: str) -> int:
    """How many UTF-16 code units a text has."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def shorten(text: str, limit: int) -> str:
    """The text, or its beginning with "…" where it has more than `limit` UTF-16 code units: cut between words if one of
    them ends in its second half."""
    if fits(text, limit):
        return text
    end = _count_fitting(text, limit - 1)
    cut = text.rfind(" ", end // 2, end + 1)
    return f"{text[: cut if cut > 0 else end].rstrip()}…"


def _count_fitting(text: str, limit: int) -> int:
    """How many characters from the start fit; one outside the Basic Multilingual Plane (an emoji) counts twice."""
    units = 0
    for count, character in enumerate(text):
        units += 2 if character > "\uffff" else 1
        if units > limit:
            return count
    return len(text)


def _find_cut(text: str, end: int) -> int:
    # A paragraph's end is worth a part that is half empty; a line's end is worth less.
    for gap, fullness in (("\n\n", 0.5), ("\n", 0.7)):
        cut = text.rfind(gap, 1, end + len(gap))
        if cut > end * fullness:
            return cut
    cut = max(text.rfind(space, 1, end + 1) for space in " \n\t")
    return cut if cut > 0 else end
