"""The golden conversations of tests/transcripts, and which of them can be played where."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from api.transcripts import MEANWHILE, Stage, Transcript, play, read, tell

FOLDER = Path(__file__).parent / "transcripts"
# Those about volunteers and counters stand in a folder of their own.
TRANSCRIPTS = [read(file) for folder in (FOLDER, FOLDER / "kawan") for file in sorted(folder.glob("*.toml"))]


COUNTER = "a counter is a tablet with the chat page"
# What cannot be done on a stage, and why that lies in the stage.
CANNOT: dict[str, dict[str, str]] = {
    "engine": {
        "agency": "officers work on what is filed, and the engine files nothing",
        "neighbours": "complaints of others stand in the store",
        "clocks": "periodic jobs are the shell's",
        "other": "two chats of one person meet in the store",
        "resident": "chats of two persons meet in the store",
        "kawan": "who assists residents stands in the store",
        "counter": "who assists residents stands in the store",
        "reply": "which complaint a quoted message was about stands in the ledger",
    },
    "terminal": {
        "reply": "what a terminal prints has no number to quote it by",
    },
    "telegram": {
        "counter": COUNTER,
        "more than 4,096 letters": "Telegram's apps cut such a text into several messages",
    },
    "whatsapp": {
        "counter": COUNTER,
        "album": "Meta tells of the photos of an album one by one, and not that they belong together",
        "file of more than 20 MB": "Meta tells the size of a file only when it is asked, and the citizen is told then",
        "reminder after a day": "whoever has been silent for a day gets only words that Meta has approved, no buttons",
    },
    "webchat": {
        "sticker": "the page has none",
        "contact_card": "the page has none",
        "poll": "the page has none",
        "gif": "the page has none",
        "edit": "what was sent from the page stays as it is",
        "reply": "the page cannot quote",
        "forwarded": "the page cannot forward",
        "album": "the page sends one file at a time, and each is answered",
        "file of more than 20 MB": "the page and its door refuse it before the bot hears of it",
    },
}


def asked_of(transcript: Transcript) -> frozenset[str]:
    """Everything that a transcript asks of a stage: its own words, and a reminder after a day without the citizen."""
    silent, found = timedelta(), set(transcript.words)
    for turn in transcript.turns:
        silent += turn.wait or timedelta()
        if turn.action is not None and turn.action not in MEANWHILE:
            silent = timedelta()
        elif turn.clocks and turn.bot and silent >= timedelta(days=1):
            found.add("reminder after a day")
    return frozenset(found)


def cases(stage: str) -> list[Any]:
    """Every transcript that can be played there; one that waits for something to be learnt is known to fail."""
    found = []
    for transcript in TRANSCRIPTS:
        if CANNOT[stage].keys() & asked_of(transcript):
            continue
        here = not transcript.pending_on or stage in transcript.pending_on
        marks = [pytest.mark.xfail(strict=True, reason=transcript.pending)] if transcript.pending and here else []
        found.append(pytest.param(transcript, id=transcript.name, marks=marks))
    return found


def left_out() -> dict[str, dict[str, list[str]]]:
    """Which transcripts are not played where, and for which words of theirs."""
    return {
        stage: {each.name: words for each in TRANSCRIPTS if (words := sorted(cannot.keys() & asked_of(each)))}
        for stage, cannot in CANNOT.items()
    }


async def perform(transcript: Transcript, stage: Stage) -> None:
    """Play a transcript; fails at the first turn that does not go as it must."""
    async for played in play(transcript, stage):
        assert not played.problems, tell(played)
