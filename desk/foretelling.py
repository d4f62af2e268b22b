"""What the citizen will read when an officer does something: the texts of the chat, before they are sent.

What is told in truth is decided in one place, the reactions of the process; tests/desk/test_acting.py holds each of
these against what the chat was told after the same words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from desk.shell import Shell
from store import clocks, dispositions, moves
from store.calendar import CalendarUnknown
from store.dossiers import Dossier

Says = list[tuple[str, Mapping[str, Any]]]

_UNTIL = {"close": "push.answer_until", "archive": "push.complete_until"}


def message(shell: Shell, found: Dossier, words: str) -> Says:
    """A message: its words, and until when the citizen may say something where a clock runs."""
    return [("push.message", {"ticket": found.ticket, "note": words}), *_until(shell, found, _clock(found))]


def asked(shell: Shell, found: Dossier, words: str) -> Says:
    """What is missing, and until when it may be told."""
    news = _news(found, moves.WAITING, _office(shell, found.agency))
    return [news, ("push.officer", {"note": words}), *_until(shell, found, clocks.STARTS[moves.WAITING])]


def responded(shell: Shell, found: Dossier, words: str, speaker: str | None) -> Says:
    """A first word, of an agency or of Kominfo itself (None)."""
    said = {"ticket": found.ticket, "agency": _office(shell, speaker), "note": words}
    return [("push.responded", said), *_until(shell, found, _clock(found))]


def answered(shell: Shell, found: Dossier, words: str, speaker: str | None, *, finished: bool) -> Says:
    """An answer in substance; `finished` proposes to close."""
    office, status = _office(shell, speaker), moves.ANSWERS[finished]
    news = ("push.finished", {"ticket": found.ticket, "agency": office}) if finished else _news(found, status, office)
    said = ("push.note_of", {"agency": office, "note": words})
    return [news, said, *_until(shell, found, clocks.STARTS[status])]


def archived(shell: Shell, found: Dossier, reason_key: str, words: str) -> Says:
    """That the report is archived, why, and how to mend it."""
    news = _news(found, dispositions.ARCHIVED, _office(shell, found.agency))
    why = (f"archived.{reason_key}", {"ticket": found.ticket})
    return [news, why, ("push.officer", {"note": words})] if words else [news, why]


def _news(found: Dossier, status: str, agency: Any) -> tuple[str, Mapping[str, Any]]:
    state = {"key": f"state.{moves.key(status)}", "params": {"agency": agency}}
    return "push.moved", {"ticket": found.ticket, "state": state}


def _office(shell: Shell, code: str | None) -> Any:
    return shell.directory.names.get(code or "") or {"key": "office.kominfo"}


def _clock(found: Dossier) -> str | None:
    """The kind of the clock that runs against the citizen, if one does."""
    return next((each.kind for each in found.clocks if each.kind in _UNTIL), None)


def _until(shell: Shell, found: Dossier, kind: str | None) -> Says:
    """Until when the citizen can say something, as the clock will be wound."""
    if kind is None:
        return []
    calendar, today = shell.directory.calendar, shell.today(found.region)
    rule = calendar.rule(kind, today)
    if rule is None:
        return []
    try:
        last = calendar.add(today, rule.working_days)
    except CalendarUnknown:
        return []
    return [(_UNTIL[kind], {"date": {"date": last.isoformat()}})]
