"""Becoming a Kawan LAPOR in the chat: invitations, the training, and how things stand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from talking import FACTS, STORY, Chat, chat_after

from bot import commands
from bot.lessons import CHOICES, LESSONS, WORDS, Lesson
from bot.script import AFTERWARDS, COMMANDS
from bot.texts import LANGUAGES, speak
from bot.turns import Facts, Helper, Learn, Redeem

CODE = "K4M2-ACFK-23XY"
NEW = Helper("Siti", "untrained", "Sekayu", "2026-12-31", left=10)
TRAINED = replace(NEW, state="active", lessons=len(LESSONS))


def invited(helper: Helper | None = None) -> Chat:
    """A chat that holds an invitation."""
    return Chat(replace(FACTS, helper=helper), invitations={CODE: NEW})


def right(chat: Chat) -> str:
    """Answer the question that waits as it should be; returns the reply."""
    lesson = next(lesson for lesson in LESSONS if lesson.question == chat.asking)
    return chat.choose(f"chat:{lesson.question}:{lesson.right}")


def wrong(chat: Chat) -> str:
    """Answer it wrongly."""
    lesson = next(lesson for lesson in LESSONS if lesson.question == chat.asking)
    return chat.choose(f"chat:{lesson.question}:{next(each for each in CHOICES if each != lesson.right)}")


# --- the code -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("kawan K4M2-ACFK-23XY", "k4m2-acfk-23xy"),
        ("Kawan LAPOR! k4m2 acfk 23xy", "k4m2 acfk 23xy"),
        ("/kawan@lapor_uji_bot K4M2ACFK23XY.", "k4m2acfk23xy"),
        ("/start kawan_K4M2ACFK23XY", "k4m2acfk23xy"),
        ("kawan kode 12345", "12345"),
        ("kawan WXYZ-WXYZ", "wxyz-wxyz"),
        ("kawan", None),
        ("/kawan", None),
        ("Kawan Lapor", None),
        ("mau jadi kawan lapor", None),
    ],
)
def test_the_command_and_its_code_are_read(words: str, code: str | None) -> None:
    assert commands.read(words) == ("kawan", code)


@pytest.mark.parametrize(
    "words",
    [
        "kawan saya jatuh di jalan berlubang",
        "kawan saya dipungli 200000 di kantor camat",
        "Kawan LAPOR tidak datang ke desa kami",
        "kawan sekolah",
        "/start",
        "/start dari_iklan",
    ],
)
def test_what_tells_of_a_friend_is_no_command(words: str) -> None:
    assert commands.read(words)[0] != "kawan"


def test_an_invitation_makes_somebody_a_volunteer_and_the_training_begins() -> None:
    chat = invited()
    said = chat.say(f"kawan {CODE}")
    assert Redeem(CODE.lower()) in chat.wishes
    assert "Siti" in said
    assert "Sekayu" in said
    assert "31 Desember 2026" in said
    assert f"Bagian 1 dari {len(LESSONS)}" in said
    assert "Jangan kirim NIK" in said, "the notice for whoever writes for the first time"
    assert (chat.asking, chat.conversation.about) == (LESSONS[0].question, "")


def test_a_code_works_once_and_never_for_who_is_one_already() -> None:
    chat = invited()
    assert chat.say("kawan WXYZ-2345-WXYZ") == "\n\n".join(map(speak, ("privacy_notice", "kawan.unknown")))
    chat.say(f"kawan {CODE}")
    assert speak("kawan.unknown") in chat.say(f"kawan {CODE}"), "and the question of the training comes again"
    assert chat.asking == LESSONS[0].question
    chat.invitations[CODE] = NEW
    assert speak("kawan.already") in chat.say(f"kawan {CODE}")


def test_who_is_none_is_told_how_to_become_one_and_that_they_can_report() -> None:
    chat = Chat()
    said = chat.say("kawan")
    assert "Dinas Kominfo" in said
    assert "tulis saja masalahnya" in said
    assert not chat.wishes
    assert "Ada foto?" in chat.say(STORY)


def test_a_draft_waits_while_somebody_becomes_a_volunteer() -> None:
    chat = invited()
    chat.say(STORY)
    waited = chat.asking
    chat.say(f"kawan {CODE}")
    for _ in LESSONS:
        right(chat)
    assert chat.draft.story == STORY
    assert chat.asking == waited


# --- the training -----------------------------------------------------------------------------------------


def test_every_lesson_must_be_passed() -> None:
    chat = invited()
    chat.say(f"kawan {CODE}")
    for number, lesson in enumerate(LESSONS, 1):
        assert chat.facts.helper is not None
        assert chat.facts.helper.state == "untrained"
        assert chat.asking == lesson.question
        assert tuple(chat.buttons.values()) == tuple(f"chat:{lesson.question}:{choice}" for choice in CHOICES)
        said = right(chat)
        assert said.startswith(speak("kawan.right"))
        assert chat.wishes[-1] == Learn(number, len(LESSONS))
    assert chat.facts.helper is not None
    assert chat.facts.helper.active
    assert "dampingi" in said
    assert (chat.asking, chat.conversation.about) == (None, None)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.question)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_wrong_answer_is_told_why_and_the_same_is_asked_again(lesson: Lesson, language: str) -> None:
    at = LESSONS.index(lesson)
    chat = Chat(replace(FACTS, helper=replace(NEW, lessons=at)))
    chat.say("english" if language == "en" else "bahasa")
    chat.say("kawan")
    taught = speak(LESSONS[at].teaches, {"number": at + 1, "count": len(LESSONS)}, language)
    for _ in range(3):
        said = wrong(chat)
        assert speak(LESSONS[at].why, {}, language) in said
        assert taught in said
        assert chat.asking == LESSONS[at].question
    assert not [wish for wish in chat.wishes if isinstance(wish, Learn)]


def test_answers_are_read_as_they_are_typed() -> None:
    for typed in ("b", "2", "Jawaban B.", "aspirasi", "Aspirasi!"):
        chat = Chat(replace(FACTS, helper=NEW))
        chat.say("kawan")
        chat.say(typed)
        assert chat.wishes[-1:] == [Learn(1, len(LESSONS))], typed


def test_other_words_are_asked_about_once_and_a_report_is_a_report() -> None:
    chat = Chat(replace(FACTS, helper=NEW))
    chat.say("kawan")
    assert chat.say("hmm apa ya").startswith(speak("refused.choice.words"))
    assert chat.asking == LESSONS[0].question
    assert "Ada foto?" in chat.say(STORY)
    assert chat.draft.story == STORY
    assert f"Bagian 1 dari {len(LESSONS)}" in chat.say("kawan")


@pytest.mark.parametrize("words", ["aku dak ngerti", "dak tau", "iyo", "lali aku", "belum paham bu"])
def test_who_does_not_know_is_asked_again_and_reports_nothing(words: str) -> None:
    chat = invited()
    for each in (f"kawan {CODE}", "hmm", words, words):
        chat.say(each)
    assert chat.conversation.asking == LESSONS[0].question
    assert chat.conversation.draft is None


def test_the_training_goes_on_where_it_was_left() -> None:
    chat = Chat(replace(FACTS, helper=replace(NEW, lessons=2)))
    assert "2 dari 6" in chat.say("kawan")
    assert chat.asking == LESSONS[2].question
    chat.say("batal")
    assert chat.asking is None
    right_one = f"chat:{LESSONS[2].question}:{LESSONS[2].right}"
    assert speak("kawan.right") in chat.choose(right_one), "a button of the lesson that waits still counts"
    assert speak("old_button") in chat.choose(right_one), "and one of a lesson that is passed does not"
    assert chat.facts.helper is not None
    assert chat.facts.helper.lessons == 3


def test_a_button_of_a_later_lesson_skips_nothing() -> None:
    chat = Chat(replace(FACTS, helper=NEW))
    chat.say("kawan")
    last = LESSONS[-1]
    chat.choose(f"chat:{last.question}:{last.right}")
    assert not chat.wishes
    assert chat.asking == LESSONS[0].question


@pytest.mark.parametrize("command", ["bantuan", "status", "english"])
def test_a_command_in_between_repeats_the_question(command: str) -> None:
    chat = Chat(replace(FACTS, helper=NEW))
    chat.say("kawan")
    chat.say(command)
    assert chat.keys[-1] == f"ask.{LESSONS[0].question}"
    assert chat.asking == LESSONS[0].question


# --- how things stand -----------------------------------------------------------------------------------


def test_a_volunteer_is_told_how_things_stand() -> None:
    chat = Chat(replace(FACTS, helper=replace(TRAINED, left=7)))
    said = chat.say("kawan")
    for words in ("Siti", "Sekayu", "31 Desember 2026", "lulus 6 dari 6", "7 warga", "dampingi", "daftar"):
        assert words in said


@pytest.mark.parametrize(
    ("state", "words"), [("paused", "sementara"), ("expired", "sudah berakhir"), ("revoked", "dicabut")]
)
def test_a_grant_that_is_gone_is_told_and_the_training_ends(state: str, words: str) -> None:
    chat = Chat(replace(FACTS, helper=NEW))
    chat.say("kawan")
    chat.facts = replace(chat.facts, helper=replace(NEW, state=state))
    said = right(chat)
    assert words in said
    assert "tulis saja masalahnya" in said
    assert chat.asking is None
    assert not chat.wishes


def test_a_revoked_volunteer_may_be_invited_again() -> None:
    chat = chat_after(helper=replace(TRAINED, state="revoked"))
    chat.say(f"kawan {CODE}")
    assert chat.wishes == [Redeem(CODE.lower())]


def test_a_counter_is_no_volunteer_and_takes_no_invitation() -> None:
    chat = invited(helper=replace(TRAINED, name="MPP Jakabaring 3", counter=True))
    assert "MPP Jakabaring 3" in chat.say(f"kawan {CODE}")
    assert not chat.wishes


# --- any -----------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(st.lists(st.sampled_from([*CHOICES, "kawan", "batal", "status", "hmm", "old"]), max_size=30))
def test_however_they_answer_only_right_ones_count(said: list[str]) -> None:
    """A lesson is learnt only by its right answer, in order, and whoever has them all is active."""
    chat, learnt = invited(), 0
    chat.say(f"kawan {CODE}")
    for words in said:
        waits = chat.asking
        if words == "old":
            chat.choose(f"chat:{LESSONS[0].question}:{LESSONS[0].right}")
            learnt = max(learnt, 1)
        else:
            chat.say(words)
            if learnt < len(LESSONS) and waits == LESSONS[learnt].question and words == LESSONS[learnt].right:
                learnt += 1
        assert chat.facts.helper is not None
        assert chat.facts.helper.lessons == learnt
        assert chat.facts.helper.active == (learnt == len(LESSONS))
    wished = [wish.lessons for wish in chat.wishes if isinstance(wish, Learn)]
    assert wished == list(range(1, learnt + 1))


@given(st.text(max_size=80))
def test_no_words_break_the_reading_of_a_command(words: str) -> None:
    command, argument = commands.read(f"kawan {words}")
    assert command != "kawan" or argument is None or len(argument) <= 60


@pytest.mark.parametrize("language", LANGUAGES)
def test_labels_fit_a_small_button_and_are_no_commands(language: str) -> None:
    for lesson in LESSONS:
        labels = [speak(each.key, {}, language) for each in AFTERWARDS[lesson.question].choices_for(None)]
        assert len(set(labels)) == len(CHOICES)
        for label in labels:
            assert len(label) <= 20
            assert label.casefold() not in COMMANDS
            assert label.casefold() not in WORDS


def test_facts_know_nobody_by_default() -> None:
    assert Facts(FACTS.now, FACTS.locate, FACTS.suggest, FACTS.office).helper is None
