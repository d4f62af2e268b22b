"""Golden conversations: every file in `tests/transcripts/` is played against the pure engine, word for word.

How to write one stands in tests/transcripts/README.md; tests/journey/test_transcripts.py plays them on the channels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from scripted import TRANSCRIPTS, cases, perform
from talking import FACTS, REGIONS, Chat, FiledComplaint

from api.transcripts import (
    ACTIONS,
    CHATS,
    DETAILS,
    FILED,
    TOP,
    Outcome,
    Said,
    Transcript,
    TranscriptWrong,
    Turn,
    fill,
    play,
    read,
    span,
)
from bot.messages import clean
from bot.script import privacy_of
from bot.turns import CallHuman
from store.moves import FIRST


def cleaned(value: Any) -> Any:
    """What a citizen writes, as channels hand it over (see `bot.messages.clean`); what is no text stays as it is."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {key: cleaned(each) for key, each in value.items()}
    return value


class Engine:
    """The pure engine as a stage (see `api.transcripts.Stage`)."""

    def __init__(self) -> None:
        self.chat = Chat()
        self._sent: dict[int, int] = {}  # by turn, the number of the citizen's message in the chat
        self._said: dict[int, int] = {}  # and that of the reply
        self._voice = 0  # the number of the last voice note, which is that of what a machine hears in it, too
        self._code: str | None = None

    async def begin(self, transcript: Transcript) -> None:
        """Only the clock."""
        self.chat.facts = replace(FACTS, now=transcript.now)

    async def wait(self, time: timedelta) -> None:
        """The engine is told the time."""
        self.chat.facts = replace(self.chat.facts, now=self.chat.facts.now + time)

    async def run_clocks(self) -> None:
        """The engine has none."""
        raise AssertionError

    async def act(self, turn: Turn, choice: str | None, *, more: bool) -> Said:
        """Hand the message of this turn to the engine."""
        chat = self.chat
        if turn.action in {None, "look", "no_classifier", "question_removed"}:
            if turn.action == "no_classifier":
                chat.facts = replace(chat.facts, suggest=lambda _words: None)
            if turn.action == "question_removed":
                chat.conversation = replace(chat.conversation, asking=turn.what)
            return Said()
        self._sent[turn.number] = chat.sequence + 1
        words = self._do(turn, choice)
        self._said[turn.number] = chat.sequence
        for say in chat.turn.replies if chat.turn else ():
            self._code = say.params.get("code", self._code)
        return Said(words, chat.buttons)

    def _do(self, turn: Turn, choice: str | None) -> str:
        chat, what, details = self.chat, cleaned(turn.what), cleaned(turn.details)
        match turn.action:
            case "citizen":
                return chat.say(what, unheard=turn.hasty)
            case "tap" | "old_tap":
                return chat.choose(choice or "")
            case "photo":
                return chat.photo(what, details.get("album"))
            case "file":
                size = int(details.get("megabytes", 1) * 2**20)
                described = {"name": what, "content_type": details["type"], "size": size}
                return chat.photo(details.get("caption", ""), kind="document", **described)
            case "voice":
                self._voice = self._sent[turn.number]
                return chat.voice()
            case "video" | "gif":
                caption = what if turn.action == "video" else ""
                return chat.photo(caption, kind="video", content_type="video/mp4", size=90_000)
            case "transcript":
                return chat.hear(self._voice, what)
            case "sticker" | "poll":
                return chat.unusable(turn.action)
            case "contact_card":
                return chat.unusable("contact")
            case "pin":
                return chat.pin(*what)
            case "edit":
                return chat.edit(self._sent[what["turn"]], what["text"])
            case "forwarded":
                return chat.take(chat.message(text=what, forwarded=True))
            case "reply":
                return chat.take(chat.message(text=what["text"], reply_to=self._said[what["turn"]]))
        raise AssertionError(f"nobody can {turn.action}")

    async def tickets(self) -> Sequence[str]:
        """The made-up numbers."""
        return [each.ticket for each in self.chat.filed]

    async def names(self) -> Mapping[str, str]:
        """The code that was said last."""
        return {} if self._code is None else {"code": self._code}

    async def outcome(self) -> Outcome:
        """What the wishes asked for."""
        chat = self.chat
        return Outcome(
            filed=tuple(self._told(each) for each in chat.filed),
            notes=tuple(words for _, words in chat.notes),
            calls_for_human=sum(isinstance(wish, CallHuman) for wish in chat.wishes),
        )

    def _told(self, filed: FiledComplaint) -> Mapping[str, Any]:
        """A complaint in the words of `[[filed]]`, as far as the engine knows them."""
        draft, place = filed.draft, filed.draft.value("place") or {}
        region, time = REGIONS.nearest(place.get("region")), draft.value("time") or {}
        kept = [each for each in self.chat.media if draft.number == each.draft]
        assert len(kept) == draft.photos, "the draft counts other files than are kept with it"
        late = [each for each in self.chat.media if filed.ticket == each.ticket]
        return {
            "text": draft.story,
            "class": draft.value("class") or "pengaduan",
            "place": place.get("text") or "",
            "region": region.name if region else "",
            "time": time.get("words") or "",
            "photos": len(kept) + len(late),
            **privacy_of(draft),
            "office": filed.office.name,
            "status": FIRST,
            "notes": [words for ticket, words in self.chat.notes if ticket == filed.ticket],
        }


@pytest.mark.parametrize("transcript", cases("engine"))
async def test_transcript(transcript: Transcript) -> None:
    await perform(transcript, Engine())


# --- the files and what is made of them ----------------------------------------------------------------


def written(folder: Path, words: str) -> Path:
    file = folder / "percakapan.toml"
    file.write_text(f'title = "Uji"\n{words}', encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ('[[turn]]\ncitizen = "a"\nbott = []', "turn 1: unknown words: bott"),
        ('[[turn]]\ncitizen = "a"\ntap = "b"', "turn 1: exactly one thing must happen, not citizen and tap"),
        ('[[turn]]\nbot = ["a"]', "turn 1: exactly one thing must happen, not nothing"),
        ("[[turn]]\nsticker = true\ntimes = 2", "turn 1: times stands only beside citizen"),
        ('[[turn]]\nlook = true\nthen = "magic"', "turn 1: after then there can only be clocks"),
        ('[[turn]]\nedit = { turn = 1, text = "a" }', "turn 1: turn 1 is not an earlier one"),
        ('[[turn]]\nagency = { mover = "Terdisposisi" }', "turn 1: unknown words: mover"),
        ('[[turn]]\ngrant = "steal"', "turn 1: a grant can only pause or resume or revoke"),
        ('[[turn]]\ncitizen = "a"\nother = true\nresident = true', "turn 1: it happens either in the other"),
        ('kawan = [{ nama = "Siti" }]\n[[turn]]\nlook = true', "kawan: unknown words: nama"),
        ('counter = { nama = "MPP" }\n[[turn]]\nlook = true', "counter: unknown words: nama"),
        ('[[turn]]\nwait = "soon"', "'soon' is no length of time"),
        ('now = "2026-11-20 09:00"\n[[turn]]\nlook = true', "does not end with one of WIB, WITA, WIT, UTC"),
        ('[[turn]]\nlook = true\n[[filed]]\ntexts = "a"', "filed 1: unknown words: texts"),
        ("tune = 1", "unknown words: tune"),
        ("", "turn is missing"),
        ("[[turn]", "percakapan.toml"),
    ],
)
def test_a_mistake_in_a_file_is_told(tmp_path: Path, words: str, problem: str) -> None:
    with pytest.raises(TranscriptWrong) as error:
        read(written(tmp_path, words))
    assert problem in str(error.value)


def test_every_word_is_explained() -> None:
    explained = (Path(__file__).parents[1] / "transcripts" / "README.md").read_text(encoding="utf-8")
    for word in (*ACTIONS, *DETAILS, *CHATS, *TOP - {"title", "defect", "turn", "filed"}, "wait", "then"):
        assert f"`{word}" in explained, word
    for word in FILED:
        assert f"`{word}`" in explained, word


LAMPS = '[[turn]]\ncitizen = "Lampu di Sekayu mati sejak kemarin"\n'
SENT = f'{LAMPS}[[turn]]\ncitizen = "tidak ada"\n[[turn]]\ncitizen = "biasa"\n[[turn]]\ncitizen = "ya"\n'


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (f'{LAMPS}bot = ["Selamat tinggal"]', "'Selamat tinggal' is missing"),
        (f'{LAMPS}not = ["Ada foto?"]', "'Ada foto?' must not be there"),
        (f"{LAMPS}bot = []", "the bot should be silent"),
        (f'{LAMPS}buttons = ["Ya"]', "not ['Ya']"),
        (f'{LAMPS}[[turn]]\ntap = "Ya, kirim"', "there is no button 'Ya, kirim'; there are: Tidak ada foto"),
        (f"{LAMPS}[[filed]]", "0 complaints were filed, not 1"),
        (SENT, "1 complaints were filed, not 0"),
        (f'{SENT}[[filed]]\nregion = "Lais"', "region is 'Sekayu', not 'Lais'"),
        (f"calls_for_human = 1\n{LAMPS}", "a human was called 0 times, not 1"),
        (f'notes = ["a"]\n{LAMPS}', "the notes are [], not ['a']"),
        (f'assistances = ["filed"]\n{LAMPS}', "the assistances are [], not ['filed']"),
    ],
)
async def test_a_difference_is_told(tmp_path: Path, words: str, problem: str) -> None:
    told = [each.problems async for each in play(read(written(tmp_path, words)), Engine())]
    assert any(problem in each for problems in told for each in problems), told


def test_numbers_and_codes_are_filled_in() -> None:
    turn = Turn(
        1, "reply", {"turn": 1, "text": "{ticket} {code} {neighbour 2} t-001-000-0000"}, bot=("T-003-000-0000",)
    )
    filled = fill(turn, ["T-482-173-9056", "T-111-222-3334"], {"code": "K4", "neighbour 2": "T-5"})
    assert filled.what == {"turn": 1, "text": "T-111-222-3334 K4 T-5 t-482-173-9056"}
    assert filled.bot == ("T-003-000-0000",)


@given(some.text(max_size=40))
def test_words_without_numbers_stay_as_they_are(words: str) -> None:
    turn = Turn(1, "citizen", words)
    assert fill(turn, [], {}).what == words


@given(some.integers(0, 10_000), some.sampled_from([("minute", 60), ("hours", 3600), ("days", 86_400)]))
def test_lengths_of_time(count: int, unit: tuple[str, int]) -> None:
    assert span(f"{count} {unit[0]}").total_seconds() == count * unit[1]


def test_there_are_transcripts_and_their_names_are_their_own() -> None:
    assert len({each.name for each in TRANSCRIPTS}) == len(TRANSCRIPTS) > 20
