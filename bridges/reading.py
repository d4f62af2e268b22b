"""A page of HTML as plain text: words, line breaks and quotes; no scripts, no pictures, nothing that is fetched.

lxml reads it, since Python's own html.parser takes minutes for some kinds of broken HTML (400 kB of "<a": 158 s; lxml
0.1 s), and anybody may send us a letter. html2text is GPL; inscriptis brings requests along.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from lxml import etree

# Their words are no words of the letter.
_SKIPPED = frozenset({"script", "style", "head", "title", "template", "noscript", "svg", "object", "iframe", "select"})
_BLOCKS = frozenset(
    "address article aside blockquote body center dd details div dl dt fieldset figcaption figure footer form h1 h2 h3 "
    "h4 h5 h6 header hr html li main nav ol p pre section table tbody tfoot thead tr ul".split()
)
_PARAGRAPHS = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table"})
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
# More people do not write: characters of HTML, quotes within quotes.
_LONGEST, _DEEPEST = 2_000_000, 5


def text_of(html: str) -> str:
    """The words of a page; what is quoted (blockquote) begins with "> ". Empty for what nobody can read."""
    reader = _Reader()
    parser = etree.HTMLParser(target=reader, encoding="utf-8", no_network=True, remove_comments=True)
    try:
        parser.feed(html[:_LONGEST].encode("utf-8", "replace"))
        parser.close()
    except etree.LxmlError:  # nothing in it, or nested deeper than anybody writes: what was read so far
        pass
    return reader.text()


class _Reader:
    """What lxml calls as it reads: elements are closed in their order, whatever the page says."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line: list[str] = []
        self._quoted = self._skipped = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        hidden = "hidden" in attributes or _HIDDEN.search(attributes.get("style") or "")
        if self._skipped or tag in _SKIPPED or hidden:
            self._skipped += 1
            return
        if tag == "br" or tag in _BLOCKS:
            self._break(always=tag == "br")
        if tag in _PARAGRAPHS:
            self._gap()
        if tag == "blockquote":
            self._quoted += 1
        elif tag == "li":
            self._line = ["- "]
        elif tag in ("td", "th") and self._line:
            self._line.append(" ")

    def end(self, tag: str) -> None:
        """An element ends."""
        if self._skipped:
            self._skipped -= 1
            return
        if tag in _BLOCKS:
            self._break()
        if tag in _PARAGRAPHS:
            self._gap()
        if tag == "blockquote":
            self._quoted -= 1

    def data(self, data: str) -> None:
        """Words."""
        if not self._skipped:
            words = re.sub(r"\s+", " ", data)
            said = words.lstrip() if not self._line or self._line[-1].endswith(" ") else words
            self._line += [said] * bool(said)

    def close(self) -> None:
        """The page ends."""

    def text(self) -> str:
        """All that was read."""
        self._break()
        return "\n".join(line.rstrip() for line in self._lines).strip("\n")

    def _break(self, *, always: bool = False) -> None:
        said = "".join(self._line).strip()
        if said or always:
            self._lines.append(self._mark() + said)
        self._line = []

    def _gap(self) -> None:
        if self._lines and self._lines[-1].strip("> "):
            self._lines.append(self._mark().rstrip())

    def _mark(self) -> str:
        return "> " * min(self._quoted, _DEEPEST)
