"""Golden conversations: every file in `tests/transcripts/` is played against the engine, word for word.

How to write one stands in `tests/transcripts/README.md`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from talking import REGIONS, Chat

from bot.texts import catalogue

FOLDER = Path(__file__).parents[1] / "transcripts"
ACTIONS = ("citizen", "tap", "old_tap", "photo", "file", "sticker", "pin", "edit")
TURN = {
    *ACTIONS,
    "question_removed",
    "no_classifier",
    "bot",
    "not",
    "buttons",
    "times",
    "before_reading",
    "caption",
    "album",
    "type",
    "megabytes",
}
FILED = {"text", "class", "place", "region", "time", "photos", "anonymous", "secret", "office"}


def transcripts() -> list[Any]:
    """Every transcript; one that tells of a known defect says so in `defect`."""
    found = []
    for file in sorted(FOLDER.glob("*.toml")):
        data = tomllib.loads(file.read_text(encoding="utf-8"))
        marks = [pytest.mark.xfail(strict=True, reason=data["defect"])] if "defect" in data else []
        found.append(pytest.param(data, id=file.stem, marks=marks))
    return found


@pytest.mark.parametrize("transcript", transcripts())
def test_transcript(transcript: Mapping[str, Any]) -> None:
    assert set(transcript) <= {"title", "defect", "turn", "filed", "notes", "calls_for_human"}
    chat = Chat()
    buttons: dict[str, str] = {}
    sequences: list[int] = []
    for number, turn in enumerate(transcript["turn"], 1):
        assert set(turn) <= TURN, f"turn {number}: unknown words {set(turn) - TURN}"
        filed = len(chat.filed)
        sequences.append(chat.sequence + 1)
        if changes(chat, turn):
            continue
        reply = play(chat, turn, buttons, sequences)
        buttons |= chat.buttons
        check_reply(number, turn, reply, chat)
        said = any(catalogue(language)["filed"].split("{")[0].strip() in reply for language in ("id", "en"))
        assert said == (len(chat.filed) > filed), f"turn {number}: says that it is filed when it is not, or the reverse"
    check_filed(transcript.get("filed", []), chat)
    assert [note for _, note in chat.notes] == transcript.get("notes", [])
    assert sum(type(wish).__name__ == "CallHuman" for wish in chat.wishes) == transcript.get("calls_for_human", 0)


def changes(chat: Chat, turn: Mapping[str, Any]) -> bool:
    """Whether this turn is no message, but something that changed meanwhile; then it is done."""
    if "no_classifier" in turn:
        chat.facts = replace(chat.facts, suggest=lambda _words: None)
    if "question_removed" in turn:
        chat.conversation = replace(chat.conversation, asking=turn["question_removed"])
    return "no_classifier" in turn or "question_removed" in turn


def play(chat: Chat, turn: Mapping[str, Any], buttons: Mapping[str, str], sequences: list[int]) -> str:
    """What the citizen does in this turn; returns what the bot says."""
    (action,) = [name for name in ACTIONS if name in turn]
    what = turn[action]
    match action:
        case "citizen":
            return chat.say(what * turn.get("times", 1), unheard=turn.get("before_reading", False))
        case "tap":
            return chat.tap(what)
        case "old_tap":
            return chat.choose(buttons[what])
        case "photo":
            return chat.photo(what, turn.get("album"))
        case "file":
            size = int(turn.get("megabytes", 1) * 2**20)
            return chat.photo(turn.get("caption", ""), name=what, kind="document", content_type=turn["type"], size=size)
        case "sticker":
            return chat.unusable("sticker")
        case "pin":
            return chat.pin(*what)
        case "edit":
            return chat.edit(sequences[what["turn"] - 1], what["text"])
    raise AssertionError(f"nobody can {action}")


def check_reply(number: int, turn: Mapping[str, Any], reply: str, chat: Chat) -> None:
    for phrase in turn.get("bot", []):
        assert phrase in reply, f"turn {number}: {phrase!r} is missing in:\n{reply}"
    for phrase in turn.get("not", []):
        assert phrase not in reply, f"turn {number}: {phrase!r} must not be in:\n{reply}"
    if turn.get("bot") == []:
        assert reply == "", f"turn {number}: the bot should be silent, but says:\n{reply}"
    if "buttons" in turn:
        assert list(chat.buttons) == turn["buttons"], f"turn {number}"


def check_filed(expected: list[Mapping[str, Any]], chat: Chat) -> None:
    """Only what the transcript names is compared, but the number of complaints always."""
    assert len(chat.filed) == len(expected)
    for wanted, filed in zip(expected, chat.filed, strict=True):
        assert set(wanted) <= FILED
        draft, place = filed.draft, filed.draft.value("place") or {}
        region = REGIONS.nearest(place.get("region"))
        privacy = draft.value("privacy")
        found = {
            "text": draft.story,
            "class": draft.value("class") or "pengaduan",
            "place": place.get("text") or "",
            "region": region.name if region else "",
            "time": draft.value("time") or "",
            "photos": draft.photos,
            "anonymous": privacy in {"anonymous", "both"},
            "secret": privacy in {"secret", "both"},
            "office": filed.office.name,
        }
        assert {name: found[name] for name in wanted} == {
            name: value.strip() if isinstance(value, str) else value for name, value in wanted.items()
        }
