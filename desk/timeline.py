"""The history of a report as people read it: who did what, when, in a sentence, with the words that were said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from desk import words
from store import moves
from store.dossiers import Happening


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened: who did it, the sentence, the reason and the words; `inside`: only officers read it."""

    at: datetime
    who: str
    says: str
    reason: str | None
    note: str | None
    inside: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """Who reads: the language, the names of agencies, and whether what Kominfo keeps to itself is shown to them (its
    internal notes, what stood before an edit)."""

    language: str
    agency: Callable[[str | None], str]
    kominfo: bool
    colleague: bool


def entries(history: Iterable[Happening], reading: Reading) -> list[Entry]:
    """The history, oldest first, without what this reader is not to read."""
    return [_entry(each, reading) for each in history if not _is_silent(each) and _may_read(each, reading)]


def _is_silent(each: Happening) -> bool:
    # A joined report that has heard what was said of its main one; another system's news have the same name.
    return each.event == "heard" and "heard" in each.became


def _may_read(each: Happening, reading: Reading) -> bool:
    if each.event != "noted" or each.public:
        return True
    return reading.kominfo or (reading.colleague and each.kind == "agency")


def _entry(each: Happening, reading: Reading) -> Entry:
    inside = not each.public and each.note is not None
    return Entry(each.at, who(each, reading.language), _says(each, reading), _reason(each, reading), each.note, inside)


def who(each: Happening, language: str) -> str:
    """Who did it, in words: an officer's name, the pelapor, a citizen, the system. Never a citizen's name or number."""
    if each.who:
        return each.who
    kind = "pelapor" if each.kind == "citizen" and each.own else each.kind
    key = f"report.who.{kind}"
    return words.say(language, key if words.knows(key) else "report.who.system")


def _says(each: Happening, reading: Reading) -> str:
    say = _Sayer(reading.language)
    agency = reading.agency
    became, was = each.became, each.was
    match each.event:
        case "moved" | "replied" | "disputed" | "confirmed" | "withdrawn" | "lapsed" if "status" in became:
            return say(each.event, status=status(reading.language, became["status"]))
        case "replied":
            return say("added")
        case "noted":
            return say("message" if each.public else "note")
        case "disposed":
            named = [code for code in became.get("agencies") or () if code != became.get("agency")]
            lead = agency(became.get("agency"))
            return (
                say("disposed_several", agency=lead, others=", ".join(map(agency, named)))
                if named
                else say("disposed", agency=lead)
            )
        case "rerouted":
            if became.get("agency") != was.get("agency"):
                return say("rerouted", agency=agency(became.get("agency")))
            return say("sorted")
        case "denied" | "handed_back":
            return say(each.event)
        case "merged":
            return (
                say("merged_into", ticket=became["into"])
                if "into" in became
                else say("merged_from", ticket=became.get("from", ""))
            )
        case "referenced":
            return say("referenced", system=_system(reading, became), number=became.get("external_id", ""))
        case "heard":
            return say("heard", system=_system(reading, became), status=became.get("raw_status") or "–")
        case "edited":
            return say("edited", what=_fields(reading, was, became))
        case "covered":
            return say("covered" if became.get("covered") else "uncovered")
        case _:
            key = f"report.event.{each.event}"
            return say(each.event) if words.knows(key) else say("other", event=each.event)


def _system(reading: Reading, became: Mapping[str, Any]) -> str:
    """What another system is called: by its code where it has no name of ours."""
    code = became.get("system", "")
    key = f"report.elsewhere.system.{code}"
    return words.say(reading.language, key) if words.knows(key) else code


def _fields(reading: Reading, was: Mapping[str, Any], became: Mapping[str, Any]) -> str:
    names = [words.say(reading.language, f"report.field.{name}") for name in became if _named(name)]
    return ", ".join(names) or words.say(reading.language, "report.field.nothing")


def _named(field: str) -> bool:
    return words.knows(f"report.field.{field}")


class _Sayer:
    def __init__(self, language: str) -> None:
        self._language = language

    def __call__(self, key: str, **parameters: object) -> str:
        return words.say(self._language, f"report.event.{key}", **parameters)


def _reason(each: Happening, reading: Reading) -> str | None:
    # What stood in the title before an operator covered something in it is not for those who read the covered text.
    if each.event == "edited" and reading.kominfo and "title" in each.was:
        return words.say(reading.language, "report.title_was", title=each.was["title"])
    return None if each.reason == "silence" else each.reason


def status(language: str, name: str) -> str:
    """A status as officers read it: in Indonesian by its official name."""
    try:
        key = f"report.status.{moves.key(name)}"
    except KeyError:
        return name
    return words.say(language, key) if words.knows(key) else name
