"""Templates: which message of ours goes out in words that WhatsApp has approved, when the window is closed.

A template says all of a message (`complete`), in the words of our own catalogue, or announces that there is one. Which
there are is data (templates.toml); what fills their gaps is ours alone, never words of a citizen or an office.
"""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.messages import Template, clean
from bot.texts import LANGUAGES, catalogue, knows, spoken

Says = Sequence[tuple[str, Mapping[str, Any]]]

SHIPPED = Path(__file__).with_suffix(".toml")
# The one category for news of a matter that somebody has brought up themselves; others cost more, or are advertisement.
CATEGORY = "UTILITY"
# What an announcement is about, by the key of its words.
ANNOUNCEMENTS = {"report": "template.report", "chat": "template.chat"}
CLOSING, READ = "template.closing", "template.read"
# The act of its button, as in "T-482-173-9056:read" or "chat:read".
READING = "read"

# What may fill a gap. The first are written by us; of the others only what we speak ourselves (a day, a text by its
# key): what is written there as plain words is somebody else's.
WRITTEN = frozenset({"ticket", "agency", "others", "number"})
SPOKEN = frozenset({"date", "state", "system"})
# A value longer than this is cut; WhatsApp takes 1,024 characters with the words around it.
LONGEST_VALUE = 120
NOTHING = "–"

# What WhatsApp accepts. The number of words for the gaps is what others have found out: it only says "too many".
LONGEST_BODY, LONGEST_BUTTON, LONGEST_NAME = 1024, 25, 512
# A ticket, or a number in another system, and not whatever somebody took for one.
_TICKET = re.compile(r"[A-Z0-9][A-Z0-9-]{1,30}")
_NUMBER = re.compile(r"[0-9]{1,20}")
_NAME = re.compile(rf"[a-z0-9_]{{1,{LONGEST_NAME}}}")
_GAP = re.compile(r"\{\{\d+\}\}")
_EDGE = re.compile(r"^\W*\{\{\d+\}\}|\{\{\d+\}\}\W*$")
_SIDE_BY_SIDE = re.compile(r"\}\}\s*\{\{")


@dataclass(frozen=True, slots=True)
class Choice:
    """The template for a message, with its gaps filled. `complete`: it says all of it, so nothing is left to say."""

    template: Template
    complete: bool


@dataclass(frozen=True, slots=True)
class Submission:
    """What must be approved, as it is entered at Meta: `body` with {{1}} for its gaps, `examples` for each of them in
    their order, `button` the label of a quick reply or None. `language` is the account's code."""

    name: str
    language: str
    category: str
    body: str
    examples: tuple[str, ...]
    button: str | None


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a template in one of our languages. `gaps` are, in their order, the say and the parameter of it that
    fill each; `code` is what the account calls the language."""

    code: str
    body: str
    gaps: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """One template of the file. It `says` these texts, or `announces` something (one of `ANNOUNCEMENTS`)."""

    name: str
    says: tuple[str, ...]
    announces: str | None
    button: bool
    words: Mapping[str, Words]


class Templates:
    """The templates of an account."""

    def __init__(self, kinds: Iterable[Kind], example: Mapping[str, Any]) -> None:
        self._kinds = tuple(kinds)
        self._example = example
        self.wanted: tuple[tuple[str, str], ...] = tuple(
            (kind.name, words.code) for kind in self._kinds for words in kind.words.values()
        )

    def choose(self, says: Says, language: str, usable: Callable[[str, str], bool]) -> Choice | None:
        """The template for a message in a language: one that says all of it, else one that announces it, else the same
        in another language; None where there is none. `usable` tells of a name and the account's language whether it
        can be sent. Raises KeyError for a text that does not exist."""
        for spoken_in in dict.fromkeys((language, *LANGUAGES)):
            for kind, gaps in self._fitting(says):
                words = kind.words.get(spoken_in)
                if words is None or not usable(kind.name, words.code):
                    continue
                values = [_filling(gap, gaps, spoken_in) for gap in words.gaps]
                if None not in values:
                    payload = _payload(gaps) if kind.button else None
                    filled = tuple(value for value in values if value is not None)
                    return Choice(Template(kind.name, words.code, filled, payload), complete=not kind.announces)
        return None

    def _fitting(self, says: Says) -> Iterable[tuple[Kind, Sequence[Mapping[str, Any]]]]:
        """The templates that could go for a message, the best first, each with what fills its gaps."""
        keys = tuple(key for key, _ in says)
        for kind in self._kinds:
            if not kind.announces and kind.says == keys:
                yield kind, [params for _, params in says]
        ticket = _ticket([params for _, params in says])
        for about in ANNOUNCEMENTS:
            for kind in self._kinds:
                if kind.announces == about and (ticket or about != "report"):
                    yield kind, [{"ticket": ticket} if ticket else {}]

    def submissions(self) -> list[Submission]:
        """All that must be approved, in the order of the file."""
        return [
            Submission(
                name=kind.name,
                language=words.code,
                category=CATEGORY,
                body=words.body,
                examples=tuple(_line(self._example[name], language) for _, name in words.gaps),
                button=catalogue(language)[READ] if kind.button else None,
            )
            for kind in self._kinds
            for language, words in kind.words.items()
        ]


def gaps_in(body: str) -> int:
    """How many gaps the words of a template have: the same one twice is one."""
    return len(set(_GAP.findall(body)))


# --- what fills a gap -----------------------------------------------------------------------------------


def _filling(gap: tuple[int, str], says: Sequence[Mapping[str, Any]], language: str) -> str | None:
    """The value of a gap in one line; None where it is missing or not ours to give away."""
    at, name = gap
    value = says[at].get(name)
    return _line(value, language) if _is_ours(name, value) else None


def _is_ours(name: str, value: Any) -> bool:
    match value:
        case str() if name == "ticket":
            return _TICKET.fullmatch(value) is not None
        case str() if name == "number":
            return _NUMBER.fullmatch(value) is not None
        case {"key": str(), "params": Mapping() as params}:
            return all(_is_ours(inner, each) for inner, each in params.items())
        case {"key": str()} | {"date": str()} | {"moment": str()} | {"time": str()}:
            return True
        case str() | int():
            return name in WRITTEN
    return False


def _line(value: Any, language: str) -> str:
    words = " ".join(clean(spoken(value, language)).split())
    if len(words) > LONGEST_VALUE:
        words = words[: LONGEST_VALUE - 1].rstrip() + "…"
    return words or NOTHING


def _payload(says: Sequence[Mapping[str, Any]]) -> str:
    return f"{_ticket(says) or 'chat'}:{READING}"


def _ticket(says: Iterable[Mapping[str, Any]]) -> str | None:
    """The first ticket that is told of."""
    named = (params.get("ticket") for params in says)
    return next((name for name in named if isinstance(name, str) and _is_ours("ticket", name)), None)


# --- the file -------------------------------------------------------------------------------------------


def load(path: Path | None = None) -> Templates:
    """The templates of that file, or ours. Raises ValueError with a sentence for each mistake in it, OSError where it
    cannot be read."""
    file = path or SHIPPED
    try:
        tree = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file.name} is no TOML file: {error}.") from None
    return _Reading(tree).templates()


# What each part of the file must be.
_TYPES: Mapping[str, type] = {"languages": dict, "example": dict, "template": list}
_TEMPLATE: Mapping[str, type] = {
    "name": str,
    "says": list,
    "announces": str,
    "button": bool,
    "closing": bool,
    "words": dict,
}


class _Reading:
    """One reading of a file, which collects what is wrong with it."""

    def __init__(self, tree: Mapping[str, Any]) -> None:
        self._wrong: list[str] = []
        self._tree = self._checked("The file", tree, _TYPES)
        self._languages: dict[str, str] = dict(self._tree.get("languages", {"id": "id"}))
        self._example: Mapping[str, Any] = self._tree.get("example", {})

    def templates(self) -> Templates:
        for ours, code in self._languages.items():
            if ours not in LANGUAGES or not isinstance(code, str) or not code:
                self._wrong.append(f"languages: {ours} is none of {', '.join(LANGUAGES)}, or has no code.")
        # What is said of a template in such a language would only repeat it.
        kinds = (
            [] if self._wrong else [self._kind(at, each) for at, each in enumerate(self._tree.get("template", []), 1)]
        )
        whole = [kind for kind in kinds if kind is not None]
        self._look_for_doubles(whole)
        if self._wrong:
            raise ValueError(" ".join(self._wrong))
        return Templates(whole, self._example)

    def _checked(self, where: str, table: Any, types: Mapping[str, type]) -> Mapping[str, Any]:
        """The entries of a table that are what they must be."""
        if not isinstance(table, dict):
            self._wrong.append(f"{where} must be a table.")
            return {}
        for key, value in table.items():
            if key not in types:
                self._wrong.append(f"{where} knows no {key}; it has {', '.join(types)}.")
            elif not isinstance(value, types[key]):
                self._wrong.append(f"{where}: {key} must be a {_CALLED[types[key]]}.")
        return {key: value for key, value in table.items() if key in types and isinstance(value, types[key])}

    def _kind(self, at: int, entry: Any) -> Kind | None:
        mistakes = len(self._wrong)
        table = self._checked(f"Template {at}", entry, _TEMPLATE)
        name = table.get("name", "")
        where = f"Template {name or at}"
        if not _NAME.fullmatch(name):
            self._wrong.append(f"{where}: its name must be of a-z, 0-9 and _, as WhatsApp demands.")
        says, announces = table.get("says", []), table.get("announces")
        if bool(says) == bool(announces):
            self._wrong.append(f"{where} must either say texts (says) or announce something (announces).")
        elif announces and announces not in ANNOUNCEMENTS:
            self._wrong.append(f"{where} announces {announces}, which is none of {', '.join(ANNOUNCEMENTS)}.")
        elif unknown := [key for key in says if not (isinstance(key, str) and knows(key))]:
            self._wrong.append(f"{where} says {', '.join(map(str, unknown))}, and there is no such text.")
        elif says and "words" in table:
            self._wrong.append(f"{where} says texts of ours: words are for templates that announce.")
        if len(self._wrong) > mistakes:
            return None
        button = table.get("button", False)
        words = {
            language: self._words(f"{where} ({language})", table, language, code)
            for language, code in self._languages.items()
            if "words" not in table or language in table["words"]
        }
        return Kind(name, tuple(says), announces, button, words)

    def _words(self, where: str, table: Mapping[str, Any], language: str, code: str) -> Words:
        """The words of a template, with {{1}} for each gap; what WhatsApp would not approve is written down."""
        texts = catalogue(language)
        announces, closing = table.get("announces"), [texts[CLOSING]] if table.get("closing") else []
        if announces:
            parts = [str(table["words"][language]) if "words" in table else texts[ANNOUNCEMENTS[announces]]]
            may_fill = frozenset({"ticket"} if announces == "report" else ())
        else:
            parts = [texts[key] for key in table["says"]]
            may_fill = WRITTEN | SPOKEN
        gaps: list[tuple[int, str]] = []
        body = "\n\n".join([*(self._numbered(where, part, at, gaps) for at, part in enumerate(parts)), *closing])
        for name in sorted({name for _, name in gaps}):
            if name not in may_fill:
                self._wrong.append(f"{where} has a gap for {name}, which must not be told to WhatsApp.")
            elif name not in self._example:
                self._wrong.append(f"{where} has a gap for {name}, and there is no example of it.")
        self._wrong += [f"{where} {mistake}" for mistake in mistakes_of(body)]
        if table.get("button") and len(texts[READ]) > LONGEST_BUTTON:
            self._wrong.append(f"{where} has a button of more than {LONGEST_BUTTON} characters.")
        return Words(code, body, tuple(gaps))

    def _numbered(self, where: str, words: str, at: int, gaps: list[tuple[int, str]]) -> str:
        """Words with {{n}} for their placeholders, which are added to the gaps."""
        try:
            pieces = list(string.Formatter().parse(words))
        except ValueError:
            self._wrong.append(f"{where} has a brace that is not closed.")
            return words
        said = ""
        for literal, name, _, _ in pieces:
            said += literal
            if name is not None:
                gaps.append((at, name))
                said += f"{{{{{len(gaps)}}}}}"
        return said

    def _look_for_doubles(self, kinds: Sequence[Kind]) -> None:
        seen: dict[Any, str] = {}
        for kind in kinds:
            marks: list[Any] = [("its name", kind.name), ("what it is for", kind.says or kind.announces)]
            marks += [("its words", language, words.body) for language, words in kind.words.items()]
            for mark in marks:
                if mark in seen:
                    self._wrong.append(f"Template {kind.name} shares {mark[0]} with template {seen[mark]}.")
                seen[mark] = kind.name


_CALLED: Mapping[type, str] = {str: "text", list: "list", dict: "table", bool: "true or false"}


def mistakes_of(body: str) -> list[str]:
    """Why WhatsApp would not approve these words, as ends of sentences; empty where nothing is known against them."""
    gaps = _GAP.findall(body)
    found = []
    if not _GAP.sub("", body).strip():
        found.append("has no words.")
    longest = len(_GAP.sub("", body)) + LONGEST_VALUE * len(set(gaps))
    if longest > LONGEST_BODY:
        found.append(f"has {longest} characters with the longest values, {LONGEST_BODY} at most are taken.")
    if gaps and _EDGE.search(body):
        found.append("begins or ends with a gap.")
    if _SIDE_BY_SIDE.search(body):
        found.append("has two gaps side by side.")
    if any(_GAP.search(line) and not re.search(r"\w", _GAP.sub("", line)) for line in body.splitlines()):
        found.append("has a line that is nothing but a gap.")
    if "\n\n\n" in body or "    " in body or "\t" in body:
        found.append("has more than one empty line, more than three spaces or a tab in a row.")
    words = len(_GAP.sub(" gap ", body).split())
    if gaps and words < 3 * len(gaps) + 1:
        found.append(f"has {words} words for {len(gaps)} gaps, {3 * len(gaps) + 1} are needed.")
    return found
