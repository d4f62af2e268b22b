"""What is asked, and when: the order of the script, one coaching question at most, and the summary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from talking import FACTS, STORY, Chat, chat_after, saying

from bot import answers, asking, script
from bot.conversation import Draft
from bot.script import QUESTIONS, SCRIPT
from bot.turns import Around, LookAround, Office, Suggestion

COACHING = {question.name for question in SCRIPT if question.coaching}


def coached(chat: Chat, *words: str) -> set[str]:
    """The coaching questions that were asked on the way through these words."""
    found = {chat.asking} if chat.asking else set()
    for each in words:
        chat.say(each)
        found.add(chat.asking or "")
    return found & COACHING


# --- one coaching question ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (("lampu mati", "Jalan Merdeka, Sekayu", "kemarin", "biasa saja"), {"time"}),
        ((STORY, "tidak ada", "biasa saja"), {"photos"}),
        (("Pelayanan", "Kantor Camat Sekayu", "keluhan", "lambat sekali", "biasa saja"), {"detail"}),
        (("usul supaya ada taman di Sekayu", "biasa saja"), set()),
        (("bagaimana cara mengurus KTP di Sekayu", "biasa saja"), set()),
    ],
)
def test_of_all_that_only_makes_a_report_better_one_thing_is_asked(words: tuple[str, ...], asked: set[str]) -> None:
    unsure = saying(functions=(("pu", 0.1),), report_class=(("pengaduan", 0.4),))
    chat = Chat(replace(FACTS, suggest=unsure)) if "Pelayanan" in words else Chat()
    assert coached(chat, *words) == asked
    assert chat.asking == "confirm"


def test_a_story_without_a_time_is_not_asked_for_a_photo_too() -> None:
    chat = chat_after("lampu jalan mati di Pasar Sekayu")
    assert chat.asking == "time"
    chat.say("sejak kemarin")
    assert chat.asking == "privacy"


def test_what_was_told_or_sent_is_not_asked_for() -> None:
    chat = Chat()
    chat.photo(STORY)
    assert chat.asking == "privacy"


def test_a_photo_says_more_than_three_words() -> None:
    unsure = saying(functions=(("pu", 0.1),), report_class=(("pengaduan", 0.9),))
    chat = Chat(replace(FACTS, suggest=unsure))
    chat.photo("Pasar Sekayu")
    assert chat.asking != "detail"


def test_whoever_goes_back_to_a_question_is_asked_it_again() -> None:
    """The one question is ours; a citizen may change whatever they want."""
    chat = chat_after(STORY, "tidak ada", "biasa saja", "ubah", "waktu")
    assert chat.asking == "time"


# --- evidence and privacy --------------------------------------------------------------------


SENSITIVE = "Ada pungli di kantor camat Sekayu, saya diminta uang 200 ribu"
DANGER = "Rumah tetangga saya di Plaju kebakaran sekarang, apinya besar"


@pytest.mark.parametrize(("story", "advised"), [(SENSITIVE, True), (DANGER, False)])
def test_of_such_things_nobody_is_asked_for_evidence(story: str, advised: bool) -> None:
    chat = chat_after(story)
    asked = {chat.asking}
    keys = list(chat.keys)
    while chat.asking not in {"privacy", "confirm"}:
        chat.say("ya" if chat.asking == "offer" else "tidak tahu")
        asked.add(chat.asking)
        keys += chat.keys
    assert not asked & {"time", "photos"}
    assert ("ask.privacy_advised" in keys) == advised
    assert not (advised and any(isinstance(wish, LookAround) for wish in chat.wishes))


@pytest.mark.parametrize(
    ("words", "asked", "answer", "flags"),
    [
        ("anonim aja", "secret", "ya", (True, False)),
        ("anonim aja", "secret", "Rahasia", (True, True)),
        ("anonim aja", "secret", "tidak", (True, True)),
        ("rahasia aja", "name", "ya", (False, True)),
        ("rahasia aja", "name", "Anonim", (True, True)),
        ("rahasia aja", "name", "jangan", (False, True)),
    ],
)
def test_half_a_wish_asks_for_the_other_half_alone(
    words: str, asked: str, answer: str, flags: tuple[bool, bool]
) -> None:
    chat = chat_after(STORY, words)
    assert chat.keys[0] == "noted.privacy"
    chat.say("tidak ada")
    assert chat.asking == asked
    chat.say(answer)
    while chat.asking == asked:
        chat.say("ya")
    chat.say("ya")
    privacy = chat.filed[0].draft.value("privacy")
    assert (privacy["anonymous"], privacy["secret"]) == flags


@pytest.mark.parametrize(("words", "asks"), [("dua-duanya", "confirm"), ("anonim dan rahasia", "confirm")])
def test_a_whole_wish_is_not_asked_about(words: str, asks: str) -> None:
    chat = chat_after(STORY, words, "tidak ada")
    assert chat.asking == asks


def test_a_wish_in_the_story_is_heard() -> None:
    chat = chat_after(f"{STORY} Tolong jangan sebut nama saya.", "tidak ada")
    assert chat.asking == "secret"


# --- regions and days --------------------------------------------------------------------------


def among(words: str) -> answers.Located | None:
    """A name that two regions have, until more is said."""
    if "Sukajadi" not in words:
        return FACTS.locate(words)
    two = (("16.71.01", "Sukajadi, Palembang"), ("16.06.01", "Sukajadi, Muba"))
    return answers.Located(None, None, "Sukajadi", two)


def test_of_several_regions_it_is_asked_which() -> None:
    chat = Chat(replace(FACTS, locate=among))
    chat.say("Jalan di Sukajadi putus sejak kemarin")
    assert chat.keys[-1] == "ask.region_among"
    chat.tap("Sukajadi, Muba")
    place = chat.draft.value("place")
    assert (place["region"], "among" in place) == ("16.06.01", False)
    assert "Sukajadi" in place["text"]
    assert chat.asking not in {"place", "region"}


def test_another_region_may_be_meant() -> None:
    chat = Chat(replace(FACTS, locate=among))
    chat.say("Jalan di Sukajadi putus sejak kemarin")
    chat.say("Makassar")
    assert chat.draft.value("place")["region"] == "73.71"


@pytest.mark.parametrize(
    ("words", "key"),
    [
        ("Kecelakaan tanggal 11/10 di Pasar Sekayu", "ask.day_order"),
        ("Kecelakaan tanggal 30 Februari di Pasar Sekayu", "ask.day_impossible"),
        ("Kecelakaan Senin 12 November 2026 di Pasar Sekayu", "ask.day_weekday"),
        ("Kecelakaan tanggal 30 November 2026 di Pasar Sekayu", "ask.day_future"),
    ],
)
def test_a_day_in_doubt_is_asked_about(words: str, key: str) -> None:
    chat = chat_after(words)
    assert key in chat.keys
    assert chat.asking == "day"


def test_the_day_that_is_tapped_stands_beside_the_words() -> None:
    chat = chat_after("Kecelakaan tanggal 11/10 di Pasar Sekayu")
    chat.tap("Minggu, 11 Oktober 2026")
    time = chat.draft.value("time")
    assert (time["words"], time["day"], "doubt" in time) == ("tanggal 11/10", "2026-10-11", False)
    chat.say("tidak ada")
    assert "tanggal 11/10 (Minggu, 11 Oktober 2026)" in chat.say("biasa saja")


def test_the_day_in_words_keeps_both() -> None:
    chat = chat_after("Kecelakaan tanggal 11/10 di Pasar Sekayu", "11 Oktober jam 7")
    time = chat.draft.value("time")
    assert time["day"] == "2026-10-11"
    assert "11/10" in time["words"]
    assert "jam 7" in time["words"]


def test_a_day_that_nobody_knows_stays_in_words() -> None:
    chat = chat_after("Kecelakaan tanggal 11/10 di Pasar Sekayu", "tidak tahu")
    assert chat.draft.value("time") == {"words": "tanggal 11/10"}
    assert chat.asking != "day"


def test_a_new_time_forgets_the_day_of_the_old_one() -> None:
    chat = chat_after("Kecelakaan tanggal 11/10 di Pasar Sekayu", "11 Oktober")
    chat.say("ubah waktu jadi 10/09")
    assert chat.asking == "day"


# --- what others reported ------------------------------------------------------------------------


def test_what_others_reported_is_looked_up_once_and_asked_only_if_there_is_any() -> None:
    chat = chat_after(STORY, "tidak ada")
    assert [wish for wish in chat.wishes if isinstance(wish, LookAround)] != []
    assert chat.asking == "privacy"
    looked = len(chat.wishes)
    chat.say("biasa saja")
    assert len(chat.wishes) == looked


@pytest.mark.parametrize(
    ("around", "key"),
    [(Around((3, 4), 5), "ask.neighbours"), (Around((3,), 2, "T-009-000-0000"), "ask.neighbours_own")],
)
def test_what_others_reported_is_told(around: Around, key: str) -> None:
    chat = Chat()
    chat.around = around
    chat.say(STORY)
    reply = chat.say("tidak ada")
    assert chat.keys[-1] == key
    assert ("5 warga" in reply) == (around.own is None)


@pytest.mark.parametrize("story", ["lampu jalan mati entah di mana", SENSITIVE, "usul supaya ada taman di Sekayu"])
def test_where_nothing_can_be_alike_nothing_is_looked_up(story: str) -> None:
    chat = chat_after(story)
    for words in ("tidak tahu", "tidak tahu", "tidak tahu", "tidak tahu"):
        if chat.asking == "confirm":
            break
        chat.say(words if chat.asking != "privacy" else "biasa saja")
    assert not any(isinstance(wish, LookAround) for wish in chat.wishes)


# --- the summary --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ({"text": "Jalan Merdeka, Sekayu", "name": "Sekayu"}, "Jalan Merdeka, Sekayu"),
        ({"text": "dekat pasar", "name": "Kota Palembang"}, "dekat pasar (Kota Palembang)"),
        ({"text": "di palembang", "name": "Kota Palembang"}, "di palembang"),
        ({"text": "dekat pasar", "name": None}, "dekat pasar"),
    ],
)
def test_the_name_of_the_region_stands_behind_words_without_it(place: dict[str, Any], said: str) -> None:
    assert asking.place_words(place).strip() == said


def test_what_was_left_open_is_said_to_be_unknown() -> None:
    chat = chat_after("lampu mati", "tidak tahu", "tidak tahu", "tidak tahu", "biasa saja")
    reply = chat.turn.replies[-2].params if chat.turn else {}
    assert reply["place"] == {"key": "unknown"}
    assert reply["time"] == {"key": "unknown"}


@given(st.text(max_size=900))
def test_an_excerpt_is_a_beginning(words: str) -> None:
    short = script.excerpt(words, 100)
    assert len(short) <= 102
    assert words.startswith(short.removesuffix(" …").rstrip()) or words == short


def test_an_excerpt_ends_with_a_whole_word() -> None:
    assert script.excerpt("ngetem di badan jalan tiap sore", 14) == "ngetem di …"
    assert script.excerpt("ngetem di badan", 9) == "ngetem di …"
    assert script.excerpt("x" * 20, 10) == "x" * 10 + " …"


def test_a_title_is_never_empty() -> None:
    assert asking.title(Draft(1)) == {"key": "wordless"}
    assert asking.title(Draft(1).tell("lampu\nmati", 1)) == "lampu mati"


@pytest.mark.parametrize("sure", [0.1, 0.9])
def test_an_unsure_function_leads_to_the_kominfo(sure: float) -> None:
    asked: list[str | None] = []

    def office(function: str | None, region: str | None, words: str) -> Office:
        asked.append(function)
        return FACTS.office(function, region, words)

    suggest: Callable[[str], Suggestion] = saying(functions=(("pu", sure),))
    chat = chat_after(STORY, "tidak ada", "biasa saja", suggest=suggest, office=office)
    assert chat.asking == "confirm"
    assert set(asked) == {"pu" if sure > 0.5 else None}


def test_every_question_that_must_be_tapped_can_be() -> None:
    for question in QUESTIONS.values():
        tapped = question.choices_for(Draft(1))
        assert question.free or tapped or question.name in {"story", "contact"}, question.name
