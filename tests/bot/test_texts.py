"""Every word exists in every language, fits its place, and nothing a citizen writes is read as a template."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import answers, script
from bot.texts import FOLDER, LANGUAGES, catalogue, knows, speak
from bot.turns import Say
from store import moves

ROOT = FOLDER.parent.parent
# Telegram and WhatsApp, the narrower of both.
BUTTON = 20
MESSAGE = 4096


def holes(words: str) -> set[str]:
    """The parameters of a text."""
    return {name for _, name, _, _ in string.Formatter().parse(words) if name is not None}


def test_every_language_has_every_text_with_the_same_parameters() -> None:
    for language in LANGUAGES:
        assert set(catalogue(language)) == set(catalogue("id"))
        for key, words in catalogue(language).items():
            assert holes(words) == holes(catalogue("id")[key]), key
            assert words.strip()


def test_every_key_in_the_code_has_a_text() -> None:
    keys = set()
    for file in (*ROOT.glob("bot/*.py"), *ROOT.glob("api/*.py")):
        keys |= set(re.findall(r"Say\(\"([\w.]+)\"", file.read_text()))
        keys |= set(re.findall(r"\(\"(push\.\w+)\"", file.read_text()))
        keys |= set(re.findall(r"\"key\": \"([\w.]+)\"", file.read_text()))
    assert len(keys) > 20
    assert [key for key in keys if not knows(key)] == []


def test_every_question_can_be_asked_and_tapped() -> None:
    for question in script.QUESTIONS.values():
        assert knows(f"ask.{question.name}")
        for choice in question.choices:
            for language in LANGUAGES:
                assert len(speak(f"choice.{question.name}.{choice}", language=language)) <= BUTTON
            assert len(f"999999:{question.name}:{choice}".encode()) <= 64
    for language in LANGUAGES:
        assert len(speak("choice.skip", language=language)) <= BUTTON


def test_every_refusal_has_kind_words() -> None:
    keys = set(re.findall(r"Refused\(\"([\w.]+)\"", Path(answers.__file__).read_text()))
    assert keys
    assert [key for key in keys if not knows(f"refused.{key}")] == []


def test_every_status_is_told_in_plain_words() -> None:
    for status in moves.STATUSES:
        for language in LANGUAGES:
            said = speak(f"state.{moves.key(status.name)}", {"agency": "Dinas Perhubungan"}, language)
            assert "{" not in said
            assert len(said) <= 200


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_too_long_for_one_message(language: str) -> None:
    for key, words in catalogue(language).items():
        assert len(words) <= MESSAGE - 3000, key


@given(st.text(max_size=60))
def test_what_a_citizen_writes_is_never_a_template(words: str) -> None:
    for hostile in (words, f"{{{words}}}", "{ticket}", "{0}", "{story.__class__}"):
        assert speak("status.unknown", {"ticket": hostile}) == catalogue("id")["status.unknown"].replace(
            "{ticket}", hostile
        )
        assert hostile in speak("push.note", {"note": hostile}, "en")


def test_nested_texts_follow_the_language() -> None:
    state = {"key": "state.terdisposisi", "params": {"agency": {"key": "office.kominfo"}}}
    assert "Sudah diteruskan ke Dinas Kominfo" in speak("push.moved", {"ticket": "T-1", "state": state})
    assert "Passed on to Dinas Kominfo" in speak("push.moved", {"ticket": "T-1", "state": state}, "en")


def test_an_unknown_language_is_indonesian_and_an_unknown_key_is_a_defect() -> None:
    assert speak("none", language="jv") == speak("none")
    with pytest.raises(KeyError):
        speak("no.such.text")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_note_after_the_agency_stands_apart(language: str) -> None:
    assert speak("office.unsure", {"agency": "Dinas Pekerjaan Umum"}, language).startswith("Dinas Pekerjaan Umum (")
    assert speak("office.sure", {"agency": "Dinas Pekerjaan Umum"}, language) == "Dinas Pekerjaan Umum"


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_promises_more_than_we_do(language: str) -> None:
    """Only `filed` says that something is recorded under a number; nothing promises a result or an official seal."""
    said = {"id": "Tercatat.", "en": "Recorded."}[language]
    assert [key for key, words in catalogue(language).items() if words.startswith(said)] == ["filed"]
    for key, words in catalogue(language).items():
        assert not re.search(r"\b(resmi|pasti selesai|guaranteed|official bot)\b", words), key


def test_say_takes_any_parameters() -> None:
    assert Say("none").params == {}
