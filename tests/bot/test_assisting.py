"""Assisted drafts: somebody writes down what a resident says, who agrees first, hears all of it, and says yes."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from talking import FACTS, NOW, TAKEOVER, Chat, saying

from bot import assisting, commands, dialogue
from bot.assisting import Values, values_of
from bot.conversation import Conversation, Draft
from bot.messages import Address, Incoming, Media, Place
from bot.texts import LANGUAGES, speak
from bot.turns import (
    Around,
    Assist,
    Assisted,
    Carried,
    CarryIn,
    CarryOut,
    DropFiles,
    File,
    Follow,
    Forsake,
    GiveToDesk,
    Helper,
    Join,
    KeepMedia,
    Number,
    Own,
    Reply,
    ReportDanger,
    ShowAssisted,
    TicketState,
    WithdrawConsent,
)

STORY = "Jalan di depan SMP 1 Sekayu rusak parah sejak bulan lalu, banyak motor jatuh."
TWO = "Jalan di Plaju berlubang sejak kemarin. Selain itu guru SD 5 Plaju sering tidak masuk mengajar."
VOLUNTEER = Helper("Rina", "active", "Sekayu", "2027-06-30", 6, 10)
COUNTER = Helper("MPP Jakabaring 3", "active", left=100, counter=True)
MINE = Own("T-900-000-0000", "Lampu di gang saya mati", "menunggu_kelengkapan")


def kawan(*words: str, helper: Helper | None = VOLUNTEER, **facts: Any) -> Chat:
    """A volunteer's chat that has heard these words."""
    chat = Chat(replace(FACTS, helper=helper, **facts))
    for each in words:
        chat.say(each)
    return chat


def begun(*words: str, **facts: Any) -> Chat:
    """A chat in which a resident has agreed, wants no news, and has told this."""
    return kawan("dampingi", "ya", "tidak usah", *words, **facts)


def ready(**facts: Any) -> Chat:
    """A chat in which all of a resident's report is waiting for its yes."""
    chat = begun(STORY, "tidak ada", "biasa saja", "lewati", "tidak", **facts)
    assert chat.asking == "confirm"
    return chat


def wished(chat: Chat, kind: type) -> list[Any]:
    """The wishes of that kind, so far."""
    return [wish for wish in chat.wishes if isinstance(wish, kind)]


# --- the whole way ----------------------------------------------------------------------------------------


def test_a_resident_agrees_tells_hears_and_says_yes() -> None:
    chat = kawan()
    said = chat.say("dampingi")
    assert chat.asking == "consent"
    assert "Saya Rina, relawan Kawan LAPOR" in said
    assert list(chat.buttons) == ["Ya, setuju", "Tidak setuju"]
    chat.tap("Ya, setuju")
    [assist] = wished(chat, Assist)
    assert assist.language == "id"
    assert assist.words in said, "what is stored is what was read aloud"
    assert (chat.draft.context["assist"]["id"], chat.asking) == (1, "reach")
    chat.tap("Ditelepon petugas")
    assert "Jangan tulis nomor Anda sendiri" in chat.say("") + speak("ask.contact_phone")
    chat.say("0812 3456 7890")
    assert chat.asking == "story"
    chat.say(STORY)
    chat.say("tidak ada")
    assert chat.keys == ["ask.privacy_assisted"]
    chat.tap("Tanpa keduanya")
    assert chat.asking == "resident"
    chat.say("Ibu Sumarni")
    assert chat.asking == "keeps"
    summary = chat.say("boleh")
    assert chat.keys == ["summary_assisted", "ask.confirm_assisted"]
    assert all(words in summary for words in (STORY, "Ibu Sumarni", "0812 3456 7890"))
    assert values_of(chat.draft) == Values("phone", "0812 3456 7890", True, "Ibu Sumarni")
    receipt = chat.tap("Sudah dibaca, setuju")
    assert [each.draft.story for each in chat.filed] == [STORY]
    assert all(words in receipt for words in ("T-001-000-0000", "K7QM-2WXR", f"ambil {TAKEOVER}", "18 Februari 2027"))
    assert chat.keys == ["assist.filed", "assist.receipt", "assist.after_kept"]
    assert (chat.conversation.draft, chat.conversation.last, chat.conversation.filed_on) == (None, None, ("", 0))


@pytest.mark.parametrize(
    "words", ["iyo", "nggih", "warganyo setuju", "warganyo la setuju", "iyo jarene", "mbahnyo galak", "beliau mau bu"]
)
def test_a_yes_is_told_in_ones_own_words(words: str) -> None:
    assert kawan("dampingi", words).asking == "reach"


@pytest.mark.parametrize("words", ["dak galak", "warganyo dak setuju", "mboten purun", "idak bu", "warga tidak mau"])
def test_a_no_is_told_in_ones_own_words(words: str) -> None:
    assert kawan("dampingi", words).keys == ["assist.declined"]


@pytest.mark.parametrize(
    "words",
    ["sudah", "sudah dibacakan", "la dibaco galo", "belum setuju", "tunggu kejap", "warganyo", "tidak keberatan"],
)
def test_what_is_no_yes_is_asked_again_in_few_words_and_is_no_story(words: str) -> None:
    chat = kawan("dampingi", words)
    assert (chat.asking, chat.draft.story, wished(chat, Assist)) == ("consent", "", [])
    assert chat.keys == ["refused.choice.words", "ask.consent_again"]
    chat.say("ya")
    assert chat.asking == "reach"


def test_a_story_before_the_yes_is_kept_and_the_words_are_not_read_out_twice() -> None:
    chat = kawan("dampingi", STORY)
    assert (chat.keys, chat.draft.story) == (["noted.story", "ask.consent_again"], STORY)


@pytest.mark.parametrize(
    ("words", "reach"),
    [("wa bae", "chat"), ("tulis bae", "chat"), ("lewat hp anaknyo", "chat"), ("telpon bae", "phone"),
     ("lewat posko bae", "place"), ("dak usah", "none"), ("dak usah dikabari", "none"), ("warganyo dak galak", "none")],
)  # fmt: skip
def test_the_way_to_be_reached_is_told_in_ones_own_words(words: str, reach: str) -> None:
    assert kawan("dampingi", "ya", words).draft.value("reach") == reach


def test_a_number_instead_of_the_way_is_no_story() -> None:
    chat = kawan("dampingi", "ya", "telpon bae ke nomor anaknyo namonyo Dedi 0812 7777 8888")
    assert (chat.draft.value("reach"), chat.asking, chat.draft.story) == ("phone", "story", "")
    assert "0812 7777 8888" in chat.draft.value("contact")


def test_words_for_an_unknown_way_are_no_story() -> None:
    chat = kawan("dampingi", "ya", "titip tetanggonyo bae")
    assert (chat.asking, chat.draft.story) == ("reach", "")


@pytest.mark.parametrize("words", ["Cara lain", "dak apal nomornyo", "tidak punya hp", "tidak tahu", "katek"])
def test_who_has_no_number_goes_back_to_the_ways(words: str) -> None:
    chat = kawan("dampingi", "ya", "telpon", words)
    assert (chat.asking, chat.draft.value("contact")) == ("reach", None)
    chat.say("posko")
    assert chat.asking == "contact", "what was said of no number is no place"
    chat.say("Posko RW 5")
    assert values_of(chat.draft).reach_words == "Posko RW 5"


@pytest.mark.parametrize(
    "words", ["dak galak nyebut namo", "tidak mau menyebut nama", "dak usah", "jangan disebut", "mboten purun nyebut"]
)
def test_a_name_that_is_not_told_is_none(words: str) -> None:
    chat = begun(STORY, "tidak ada", "biasa saja", words)
    assert (chat.asking, values_of(chat.draft).resident) == ("keeps", None)


@pytest.mark.parametrize(
    ("words", "keeps"),
    [("iyo", True), ("oleh", True), ("warganyo boleh", True), ("dak usah", False), ("dak oleh", False)],
)
def test_what_is_kept_is_told_in_ones_own_words(words: str, keeps: bool) -> None:
    chat = begun(STORY, "tidak ada", "biasa saja", "lewati", words)
    assert (chat.asking, values_of(chat.draft).keeps) == ("confirm", keeps)


@pytest.mark.parametrize("words", ["iyo la dibaco", "warganyo setuju", "nggih sampun", "sudah dibaca, setuju"])
def test_the_last_yes_is_told_in_ones_own_words(words: str) -> None:
    chat = ready()
    chat.say(words)
    assert [each.draft.story for each in chat.filed] == [STORY]


@pytest.mark.parametrize("words", ["warganyo dak setuju", "la dibaco galo", "belum"])
def test_what_is_no_yes_in_the_end_is_neither_sent_nor_story(words: str) -> None:
    chat = ready()
    chat.say(words)
    assert (chat.filed, chat.draft.story) == ([], STORY)


@pytest.mark.parametrize(
    ("words", "asked"),
    [("warganyo", "consent"), ("punyo wargo", "consent"), ("aku dewek", "photos"), ("kulo", "photos")],
)
def test_whose_it_is_is_told_in_ones_own_words(words: str, asked: str) -> None:
    assert kawan(STORY, words).asking == asked


def test_no_is_as_good_as_yes() -> None:
    chat = kawan("dampingi", "tidak mau")
    assert chat.keys == ["assist.declined"]
    assert chat.conversation.draft is None
    assert not wished(chat, Assist)
    assert [wish.withdrawn for wish in wished(chat, Forsake)] == [False]


def test_the_words_of_a_counter_are_an_officers() -> None:
    chat = kawan(helper=COUNTER)
    assert "Saya petugas MPP Jakabaring 3" in chat.say("dampingi")
    for words in ("ya", "tidak usah", STORY, "tidak ada", "biasa saja", "lewati"):
        chat.say(words)
    assert chat.asking == "confirm", "nothing is kept at a counter, so nobody is asked for it"
    chat.say("ya")
    assert chat.keys[-1] == "assist.after_counter"


def test_at_a_counter_all_words_are_a_residents() -> None:
    chat = kawan(STORY, helper=COUNTER)
    assert (chat.asking, assisting.is_assisted(chat.draft)) == ("consent", True)


def test_english_is_read_aloud_and_stored_in_english() -> None:
    chat = kawan("english", "dampingi")
    chat.tap("Yes, agreed")
    [assist] = wished(chat, Assist)
    assert (assist.language, assist.words[:9]) == ("en", "I am Rina")


def test_a_letter_may_stand_for_the_story() -> None:
    chat = begun()
    chat.photo()
    assert chat.keys == ["noted.photo", "ask.story_letter"]
    chat.tap("Cukup foto suratnya")
    assert chat.draft.story == "(Surat warga, terlampir.)"
    plain = Chat()
    plain.photo()
    assert "Cukup foto suratnya" not in plain.buttons


def test_one_long_message_is_read_aloud_whole() -> None:
    story = f"{STORY} " + "Warga sudah lama menunggu. " * 60
    chat = begun(story, "tidak ada", "biasa saja", "lewati")
    assert story.strip() in chat.say("tidak")


def test_a_subject_that_is_sensitive_is_pointed_out_once() -> None:
    chat = kawan("dampingi", suggest=saying(sensitive="bansos"))
    chat.say("Kepala desa minta uang bansos di Plaju kemarin")
    assert "assist.sensitive" not in chat.keys, "not before there is consent"
    chat.say("ya")
    assert chat.keys.count("assist.sensitive") == 1
    chat.say("tidak usah")
    assert "assist.sensitive" not in chat.keys
    assert chat.asking == "privacy"
    assert chat.keys[-1] == "ask.privacy_assisted_advised"


def test_texts_that_are_alike_are_pointed_out_and_nobody_is_followed() -> None:
    chat = begun(STORY)
    chat.around = Around((1, 2), 3, "T-111-000-0000")
    chat.say("tidak ada")
    assert chat.keys == ["assist.alike", "ask.privacy_assisted"]
    chat.choose(f"{chat.draft.number}:neighbours:follow")
    assert chat.keys[0] == "old_button"
    assert chat.conversation.draft is not None


def test_a_name_that_is_hidden_is_not_asked_for() -> None:
    chat = begun(STORY, "tidak ada", "anonim dan rahasia")
    assert chat.asking == "keeps"
    chat = ready()
    chat.say("ubah")
    chat.tap("Nama warga")
    chat.say("Selamat")
    assert values_of(chat.draft).resident == "Selamat"
    chat.say("anonim aja")
    assert values_of(chat.draft).resident is None
    assert "Selamat" not in speak("summary_assisted", chat.turn.replies[-2].params if chat.turn else {})


@pytest.mark.parametrize("at", range(7))
def test_anonim_counts_whenever_it_is_said(at: int) -> None:
    words = ["dampingi", "ya", "ditelepon", "0812 3456 7890", STORY, "tidak ada", "biasa saja", "lewati", "tidak"]
    chat = kawan(*words[: at + 1], "anonim aja")
    assert (chat.draft.value("privacy") or {}).get("anonymous") is True


@pytest.mark.parametrize(
    ("words", "reach", "contact"),
    [
        (("hp sendiri",), "chat", None),
        (("tidak usah",), "none", None),
        (("tempat", "Posko RW 5"), "place", "Posko RW 5"),
        (("ditelepon", "0812-3456-7890"), "phone", "0812-3456-7890"),
        (("ditelepon", "rumah pak RT", "lewat tempat aman"), "place", "rumah pak RT"),
        (("ditelepon", "rumah pak RT", "ditelepon", "08123456789"), "phone", "08123456789"),
        (("ditelepon", "0812-3456-7890", STORY, "tidak ada"), "phone", "0812-3456-7890"),
    ],
)
def test_how_a_resident_is_reached(words: tuple[str, ...], reach: str, contact: str | None) -> None:
    chat = kawan("dampingi", "ya", *words)
    assert values_of(chat.draft) == Values(reach, contact, False, None)
    assert "Posko" not in chat.draft.story


def test_a_place_to_be_reached_at_is_not_the_place_of_the_report() -> None:
    chat = kawan("dampingi", "ya", "tempat", "Kantor Desa Lais sejak kemarin")
    assert {"place", "time"}.isdisjoint(chat.draft.answers)


@pytest.mark.parametrize(
    "way", [("ubah", "nama"), ("kembali", "namonyo"), ("ubah nama",), ("salah pencet", "Nama warga")]
)
def test_a_name_can_be_told_anew_in_the_end(way: tuple[str, ...]) -> None:
    chat = begun(STORY, "tidak ada", "biasa saja", "Mbah Karto", "tidak", *way)
    assert chat.asking == "resident"
    chat.say("Mbah Karto Wiryo")
    assert (values_of(chat.draft).resident, chat.draft.story, chat.asking) == ("Mbah Karto Wiryo", STORY, "confirm")


def test_a_name_is_told_anew_in_one_go() -> None:
    chat = begun(STORY, "tidak ada", "biasa saja", "Bu Ida", "tidak", "ubah nama jadi Bu Ida Royani")
    assert (values_of(chat.draft).resident, chat.draft.story, chat.asking) == ("Bu Ida Royani", STORY, "confirm")


def test_another_way_to_be_reached_can_be_chosen_in_the_end() -> None:
    chat = ready()
    chat.say("ubah")
    chat.tap("Cara dikabari")
    chat.tap("Ditelepon petugas")
    assert chat.asking == "contact"
    chat.say("081234567890")
    assert chat.asking == "confirm"


# --- consent ----------------------------------------------------------------------------------------------


def test_a_story_that_comes_first_waits_for_consent() -> None:
    chat = kawan(STORY)
    assert chat.keys[-1] == "ask.whose"
    chat.tap("Warga lain")
    assert chat.asking == "consent"
    chat.say("ya")
    assert (chat.draft.story, chat.asking) == (STORY, "reach")


def test_a_volunteer_files_for_themselves_too() -> None:
    chat = kawan(STORY)
    chat.tap("Laporan saya sendiri")
    for words in ("tidak ada", "biasa saja", "ya"):
        chat.say(words)
    assert chat.keys[0] == "filed"
    assert chat.conversation.last is not None
    assert not wished(chat, Assist)


def test_dampingi_answers_whose_it_is() -> None:
    chat = kawan(STORY, "dampingi")
    assert (chat.asking, chat.draft.story, chat.conversation.parked) == ("consent", STORY, ())


def test_only_a_button_that_was_just_read_aloud_is_a_yes() -> None:
    chat = kawan("dampingi", "ya", "tidak usah")
    chat.choose("1:consent:no")
    assert chat.keys[0] == "old_button"
    assert chat.conversation.draft is not None
    other = kawan(STORY)
    other.tap("Warga lain")
    other.say("ubah tempat")
    other.choose("1:consent:yes")
    assert not wished(other, Assist)
    assert other.asking == "consent"


def test_a_yes_before_the_words_were_heard_is_none() -> None:
    chat = kawan("dampingi")
    chat.say("ya", unheard=True)
    assert not wished(chat, Assist)
    assert chat.asking == "consent"


def test_a_yes_to_something_else_is_no_residents_yes() -> None:
    chat = kawan("dampingi")
    chat.quote(MINE.ticket, "ya")
    assert not wished(chat, Assist)
    chat = ready()
    chat.quote(MINE.ticket, "ya")
    assert not chat.filed
    assert chat.asking == "confirm"


def test_an_old_button_does_not_send_what_was_not_read_aloud() -> None:
    chat = ready()
    chat.say("ubah")
    chat.tap("Tempat")
    chat.choose("1:confirm:send")
    assert not chat.filed
    assert chat.asking == "confirm"


@pytest.mark.parametrize("words", ["cabut persetujuan", "tarik persetujuan", "withdraw consent"])
def test_consent_can_be_taken_back(words: str) -> None:
    chat = ready()
    chat.say(words)
    assert chat.keys[0] == "assist.taken_back"
    assert [wish.withdrawn for wish in wished(chat, Forsake)] == [True]
    assert chat.conversation.draft is None


def test_consent_can_be_taken_back_from_what_is_filed() -> None:
    chat = ready()
    chat.say("ya")
    chat.say("cabut persetujuan")
    assert chat.keys == ["assist.taken_back_which"]
    for words in ("cabut T-001-000-0000", "cabut persetujuan t-001-000-0000"):
        chat.say(words)
        assert chat.keys == ["assist.taken_back_filed"]
    assert wished(chat, WithdrawConsent) == [WithdrawConsent("T-001-000-0000")] * 2
    chat.verdict = "unknown"
    chat.say("cabut T-999-000-0000")
    assert chat.keys == ["assist.taken_back_unknown"]


def test_of_their_own_report_nobody_takes_consent_back() -> None:
    chat = kawan("cabut T-900-000-0000", own=(MINE,))
    assert not wished(chat, WithdrawConsent)
    assert chat.asking == "withdraw"
    citizen = Chat(replace(FACTS, own=(MINE,)))
    citizen.say("cabut T-900-000-0000")
    assert citizen.asking == "withdraw"


# --- danger first -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [("dampingi",), ()])
def test_the_numbers_that_help_come_before_consent(words: tuple[str, ...]) -> None:
    burning, calm = saying(danger="fire"), saying()
    chat = kawan(
        *words,
        suggest=lambda words: (burning if "kebakaran" in words else calm)(words),
        emergency=lambda *_: (Number("112", "siaga"),),
    )
    said = chat.say("Rumah di Plaju kebakaran sekarang")
    assert wished(chat, ReportDanger) == [ReportDanger("fire")]
    assert chat.keys[0] == "danger.fire"
    assert "112" in said
    assert not wished(chat, Assist)
    chat.tap("Tidak perlu")
    assert chat.conversation.draft is None
    assert len(wished(chat, Forsake)) == len(words)


# --- several residents ------------------------------------------------------------------------------------


def test_one_is_open_at_a_time_and_none_is_taken_up_by_itself() -> None:
    chat = begun(STORY)
    chat.wait(timedelta(minutes=10))
    said = chat.say("dampingi")
    assert "pendampingan yang dimulai Jumat, 20 November 2026 pukul 09.00" in said
    assert "SMP" not in said
    assert (chat.draft.number, chat.asking) == (2, "consent")
    listed = chat.say("daftar")
    assert "Nomor 2" in listed
    assert "(sedang dibuka)" in listed
    assert "SMP" not in listed
    assert list(chat.buttons) == ["Buka nomor 1"]
    chat.say("tidak")
    assert chat.conversation.draft is None
    assert chat.keys == ["assist.declined", "assist.parked"]
    chat.say("buka nomor 1")
    assert (chat.keys[0], chat.draft.story) == ("assist.opened", STORY)


def test_the_draft_that_is_filed_leaves_other_residents_alone() -> None:
    chat = begun(STORY)
    for words in ("dampingi", "ya", "tidak usah", STORY, "tidak ada", "biasa saja", "lewati", "tidak", "ya"):
        chat.say(words)
    assert [each.draft.number for each in chat.filed] == [2]
    assert chat.conversation.draft is None
    assert chat.keys[-1] == "assist.parked"
    chat.choose("chat:assist:1")
    assert chat.draft.number == 1


def test_their_own_draft_waits_and_goes_on_afterwards() -> None:
    chat = kawan(STORY, "laporan saya sendiri", "dampingi")
    assert chat.keys[0] == "assist.waits"
    chat.say("tidak")
    assert (chat.draft.number, chat.keys[-2]) == (1, "parked_next")


def test_words_that_open_nothing_are_words() -> None:
    chat = begun("buka nomor 3")
    assert "buka nomor 3" in chat.draft.story
    chat.choose("chat:assist:99")
    assert chat.keys[0] == "old_button"


def test_an_empty_one_is_not_begun_twice() -> None:
    chat = kawan("dampingi", "dampingi")
    assert (chat.draft.number, chat.conversation.parked) == (1, ())


def test_there_is_a_limit_for_a_day() -> None:
    none_left = replace(VOLUNTEER, left=0)
    chat = kawan("dampingi", helper=none_left)
    assert chat.keys == ["assist.limit", "assist.ways"]
    chat = kawan(STORY, "warga", helper=none_left)
    assert chat.keys == ["assist.limit", "assist.not_kept", "assist.ways"]
    assert chat.conversation.draft is None
    chat = kawan("dampingi", "dampingi", helper=replace(VOLUNTEER, left=1))
    chat.facts = replace(chat.facts, helper=none_left)
    chat.say("ya")
    assert chat.keys == ["assist.limit", "assist.not_kept", "assist.ways"]
    assert not wished(chat, Assist)


def test_not_too_many_wait_at_once() -> None:
    chat = kawan(helper=replace(VOLUNTEER, left=99))
    for _ in range(assisting.MOST_WAITING + 1):
        chat.say("dampingi")
        chat.say("ya")
    chat.say("dampingi")
    assert chat.keys[0] == "assist.too_many_open"
    chat.say("daftar")
    assert len(chat.buttons) == assisting.MOST_WAITING


def test_what_residents_agreed_to_is_shown_and_nothing_else() -> None:
    chat = kawan()
    chat.kept = [Assisted("T-001-000-0000", "terdisposisi", "Sekayu", date(2026, 11, 19))]
    said = chat.say("daftar")
    assert wished(chat, ShowAssisted) == [ShowAssisted()]
    assert "T-001-000-0000 – Sekayu" in said
    assert "Sudah diteruskan ke instansi yang menangani" in said


def test_a_story_of_two_problems_stays_one_residents() -> None:
    def suggest(words: str) -> Any:
        function = "pu" if "berlubang" in words else "pendidikan"
        return saying(functions=((function, 0.9),))(words)

    chat = begun(TWO, suggest=suggest)
    assert chat.asking == "split"
    chat.tap("Pisahkan")
    [waiting] = chat.conversation.parked
    assert assisting.is_assisted(waiting)
    assert waiting.context["assist"] == chat.draft.context["assist"]
    for words in ("tidak ada", "biasa saja", "lewati", "tidak", "ya"):
        chat.say(words)
    assert len(chat.filed) == 1
    assert "assist.next" in chat.keys, "the same resident sits there still"
    assert "guru" in chat.draft.story
    chat.say("cabut persetujuan")
    assert [wish.draft.number for wish in wished(chat, Forsake)] == [chat.filed[0].draft.number + 1]


def test_beginning_anew_keeps_the_consent() -> None:
    chat = begun(STORY)
    chat.photo()
    chat.say("ulang")
    assert (chat.draft.story, chat.draft.photos, chat.asking) == ("", 0, "story")
    assert chat.draft.value("consent") == "yes"
    assert wished(chat, DropFiles) == [DropFiles(1)]


def test_cancelling_forsakes() -> None:
    chat = ready()
    chat.say("batal")
    assert chat.keys == ["assist.cancelled"]
    assert [wish.draft.number for wish in wished(chat, Forsake)] == [1]


def test_another_residents_story_is_not_added_to_the_one_before() -> None:
    chat = begun(STORY)
    chat.wait(timedelta(minutes=45))
    said = chat.say("Sampah di depan rumah saya di Plaju sudah dua minggu tidak diangkut dan bau sekali")
    assert (chat.asking, chat.draft.story) == ("resume", STORY)
    assert "pendampingan yang dimulai" in said
    assert "SMP" not in said
    chat.say("dampingi")
    assert chat.keys[0] == "assist.first_where"
    chat.tap("Masalah baru")
    assert chat.asking == "whose"
    chat.say("warga")
    assert (chat.asking, "Sampah" in chat.draft.story) == ("consent", True)
    assert [each.story for each in chat.conversation.parked] == [STORY]


def test_who_comes_back_reads_nobodys_words() -> None:
    chat = begun(STORY)
    chat.wait(timedelta(hours=2))
    said = chat.say("halo")
    assert chat.keys[0] == "assist.welcome_back"
    assert "SMP" not in said
    chat.wait(timedelta(days=6))
    assert "SMP" not in chat.elapse()
    assert chat.keys == ["draft_expires"]
    reminded = dialogue.remind(begun(STORY).conversation, chat.facts, "besok")
    assert [say.key for say in reminded.replies] == ["push.window_draft"]
    assert "SMP" not in str(reminded.replies)


def test_silence_forsakes_what_waits_behind_none() -> None:
    chat = begun(STORY)
    chat.say("dampingi")
    chat.say("tidak")
    assert chat.conversation.draft is None
    chat.wait(timedelta(days=6))
    chat.elapse()
    chat.wait(timedelta(days=1))
    chat.elapse()
    assert chat.keys == ["draft_expired"]
    assert chat.turn is not None
    assert [wish.draft.number for wish in chat.turn.wishes if isinstance(wish, Forsake)] == [1]
    assert chat.conversation.parked == ()


def test_what_has_waited_behind_others_for_too_long_is_forsaken() -> None:
    chat = begun(STORY)
    chat.say("dampingi")
    for _ in range(5):
        chat.wait(timedelta(days=3))
        chat.say("bantuan")
    assert [wish.draft.number for wish in wished(chat, Forsake)] == [1]
    assert chat.conversation.parked == ()


# --- what is the volunteer's own --------------------------------------------------------------------------


@pytest.mark.parametrize("words", [STORY, "tambahan: rumah nomor lima", "belum selesai, jalannya masih rusak parah"])
def test_words_of_a_resident_never_reach_a_complaint_of_their_own(words: str) -> None:
    chat = kawan(words, own=(MINE,))
    assert not wished(chat, Reply)
    assert chat.asking == "whose"
    chat.tap("Warga lain")
    chat.say("ya")
    assert chat.asking == "reach"
    own = kawan(words, "laporan saya sendiri", own=(MINE,))
    assert own.asking == "belongs"
    own.choose(f"{own.draft.number}:belongs:{MINE.ticket}")
    assert [wish.ticket for wish in wished(own, Join)] == [MINE.ticket]


def test_a_photo_or_a_pin_may_be_a_residents_too() -> None:
    chat = kawan(own=(MINE,))
    chat.photo()
    assert [(wish.ticket, wish.draft) for wish in wished(chat, KeepMedia)] == [(None, 1)]
    assert chat.asking == "whose"
    chat = kawan(own=(MINE,))
    chat.pin(-2.9, 104.7, "Posko")
    assert chat.asking == "whose"


def test_late_words_and_photos_find_nothing_that_was_filed() -> None:
    chat = kawan(STORY, "laporan saya sendiri", "tidak ada", "biasa saja", "ya")
    for words in ("dampingi", "ya", "tidak usah", STORY, "tidak ada", "biasa saja", "lewati", "tidak", "ya"):
        chat.say(words)
    before = len(chat.notes)
    chat.photo()
    chat.say("tolong cepat ya pak", unheard=True)
    assert len(chat.notes) == before
    assert [wish.ticket for wish in wished(chat, KeepMedia)] == [None]
    assert chat.asking == "whose"


def test_words_that_quote_news_of_their_own_are_theirs() -> None:
    chat = begun(STORY)
    chat.quote(MINE.ticket, "nomor rumahnya lima belas")
    assert wished(chat, Reply) == [Reply(MINE.ticket, "nomor rumahnya lima belas")]
    assert chat.draft.story == STORY


def test_a_residents_draft_cannot_move_to_another_app() -> None:
    for chat in (begun(STORY), kawan(STORY)):
        chat.say("pindah")
        assert chat.keys[0] == "assist.no_move"
        assert not wished(chat, CarryOut)


def test_erasing_the_chat_forsakes() -> None:
    chat = begun(STORY)
    chat.person = {"kept": "", "linked": 0}
    chat.say("dampingi")
    chat.say("hapus")
    chat.say("ya")
    assert sorted(wish.draft.number for wish in wished(chat, Forsake)) == [1, 2]


def test_edits_and_voice_notes_belong_to_the_draft_that_they_were_told_for() -> None:
    chat = begun(STORY)
    told = chat.draft.told[0].sequence
    chat.voice()
    spoken = chat.draft.context["spoken"][-1]
    chat.say("dampingi")
    chat.edit(told, "Jalan di depan SMP 2 Sekayu rusak parah sejak bulan lalu")
    chat.hear(spoken, "banyak motor jatuh di sana")
    assert chat.draft.story == ""
    chat.choose("chat:assist:1")
    assert "SMP 2" in chat.draft.story
    assert chat.asking == "heard"


def test_what_is_heard_stays_with_the_part_that_has_the_voice_note() -> None:
    """Of a draft that is split the files stay with the first part, and so does what is heard in them."""

    def suggest(words: str) -> Any:
        return saying(functions=(("pu" if "berlubang" in words else "pendidikan", 0.9),))(words)

    chat = begun(suggest=suggest)
    chat.voice()
    spoken = chat.draft.context["spoken"][-1]
    chat.say(TWO)
    assert chat.asking == "split"
    chat.say("pisah")
    [other] = chat.conversation.parked
    assert (chat.draft.voices, other.voices) == (1, 0)
    chat.hear(spoken, "lubangnya sedalam lutut")
    assert chat.draft.context["heard"][0] == "lubangnya sedalam lutut"
    assert not chat.conversation.parked[0].context.get("heard")


def test_an_edit_of_what_another_resident_told_reaches_no_other_draft() -> None:
    """A typo that is mended after the report has gone: the next resident's draft, or an own one, is not told by it."""
    chat = ready()
    before = chat.draft.told[0].sequence
    chat.tap("Sudah dibaca, setuju")
    for words in (("dampingi", "ya", "tidak usah", "Air PDAM di Kayuagung mati tiga hari"), ("dampingi", "ya")):
        for each in words:
            chat.say(each)
        told = chat.draft.story
        chat.edit(before, "Jalan di depan SMP 1 Sekayu rusak parah, Bu Sumarni jatuh")
        assert chat.keys[0] == "assist.edit_unknown"
        assert chat.draft.story == told
    chat = ready()
    before = chat.draft.told[0].sequence
    chat.tap("Sudah dibaca, setuju")
    chat.say("Lampu di gang saya mati sejak kemarin")
    chat.say("laporan saya sendiri")
    told = chat.draft.story
    chat.edit(before, "Jalan di depan SMP 1 Sekayu rusak parah, Bu Sumarni jatuh")
    assert chat.draft.story == told


def test_an_edit_that_overtakes_its_message_is_told() -> None:
    chat = begun(STORY)
    chat.edit(chat.sequence + 1, "Motor saya jatuh di sana kemarin")
    assert "Motor saya jatuh" in chat.draft.story


# --- who may not ------------------------------------------------------------------------------------------

GONE = (
    None,
    *(replace(VOLUNTEER, state=state) for state in ("paused", "expired", "revoked", "untrained")),
    replace(COUNTER, state="expired"),
)


@pytest.mark.parametrize("helper", GONE)
def test_no_door_is_a_wrong_one(helper: Helper | None) -> None:
    chat = kawan("dampingi", helper=helper)
    assert {"assist.ways", "assist.train_first"} & set(chat.keys)
    assert chat.conversation.draft is None
    chat.say(STORY)
    assert chat.asking not in {"whose", "consent"}, "they file for themselves as everybody"


@pytest.mark.parametrize("helper", GONE)
@pytest.mark.parametrize("words", ["ya", "Lampunya juga mati semua di sana", "batal", "daftar"])
def test_a_grant_that_ends_in_the_middle_harms_no_resident(helper: Helper | None, words: str) -> None:
    chat = ready()
    chat.facts = replace(chat.facts, helper=helper)
    said = chat.say(words)
    assert not chat.filed
    [given] = wished(chat, GiveToDesk)
    assert given.draft.story.startswith(STORY)
    assert ("Lampunya" in given.draft.story) == ("Lampunya" in words)
    assert chat.keys[:2] == ["assist.ended", "assist.ended_waits"]  # who wants no news must come by themselves
    assert "Bapak/Ibu tidak salah apa-apa" in said
    assert chat.conversation.draft is None
    chat.say("halo")
    assert len(wished(chat, GiveToDesk)) == 1


def test_a_photo_that_comes_with_the_end_goes_along() -> None:
    chat = begun(STORY)
    chat.facts = replace(chat.facts, helper=None)
    chat.photo()
    assert [type(wish) for wish in chat.wishes[-2:]] == [KeepMedia, GiveToDesk]
    assert wished(chat, GiveToDesk)[0].draft.photos == 1


def test_a_split_that_comes_with_the_end_loses_no_half() -> None:
    def suggest(words: str) -> Any:
        return saying(functions=(("pu" if "berlubang" in words else "pendidikan", 0.9),))(words)

    chat = begun(TWO, suggest=suggest)
    chat.facts = replace(chat.facts, helper=None)
    chat.say("pisah")
    told = [wish.draft.story for wish in wished(chat, GiveToDesk)]
    assert "berlubang" in " ".join(told)
    assert "guru" in " ".join(told)


def test_words_about_something_else_are_done_all_the_same() -> None:
    chat = begun(STORY)
    chat.facts = replace(chat.facts, helper=replace(VOLUNTEER, state="revoked"))
    chat.say("bantu petugas")
    assert chat.keys == ["assist.ended", "assist.ended_waits", "human_called"]


def test_an_officer_is_promised_only_to_residents_whom_one_can_find() -> None:
    """By a code that was not made yet, or by no wish, nobody is found; nor by a number that was not told yet."""
    for answers, key in (
        (("ditelepon", "0812 3456 7890", STORY), "ended_desk"),
        (("lewat tempat aman", "Posko RW 5", STORY), "ended_desk"),
        (("hp sendiri", STORY), "ended_waits"),
        (("tidak usah", STORY), "ended_waits"),
    ):
        chat = kawan("dampingi", "ya", *answers)
        assert chat.draft.story == STORY
        chat.facts = replace(chat.facts, helper=None)
        said = chat.say("daftar")
        assert chat.keys[:2] == ["assist.ended", f"assist.{key}"]
        assert ("Petugas yang melanjutkannya" in said) == (key == "ended_desk")


def test_what_waited_behind_it_goes_on() -> None:
    chat = kawan(STORY, "laporan saya sendiri", "dampingi", "ya")
    assert assisting.give_up(chat.conversation, chat.facts) is None
    turn = assisting.give_up(chat.conversation, replace(chat.facts, helper=None))
    assert turn is not None
    assert turn.conversation.draft is not None
    assert (turn.conversation.draft.number, turn.asks) == (1, "photos")
    assert [wish.draft.number for wish in turn.wishes if isinstance(wish, GiveToDesk)] == [2]
    assert assisting.give_up(Conversation(), FACTS) is None


def test_words_that_are_held_go_nowhere() -> None:
    chat = begun(STORY)
    chat.wait(timedelta(minutes=45))
    chat.say("Sampah di depan rumah saya di Plaju sudah dua minggu tidak diangkut dan bau sekali")
    chat.facts = replace(chat.facts, helper=None)
    chat.say("lanjut")
    assert "assist.ended_held" in chat.keys
    assert [wish.draft.story for wish in wished(chat, GiveToDesk)] == [STORY]


# --- taking over ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words", [f"ambil {TAKEOVER}", f"ambil alih {TAKEOVER}", f"pindah {TAKEOVER}", "/start ambil_ACFK2345KMRT"]
)
def test_a_resident_takes_the_report_over(words: str) -> None:
    chat = Chat()
    chat.carried = Carried(tickets=("T-001-000-0000",), taken_over=True)
    chat.states = [TicketState("T-001-000-0000", "Jalan rusak", "belum_terverifikasi", None, NOW)]
    said = chat.say(words)
    [wish] = wished(chat, CarryIn)
    assert wish.code.replace("-", "") == "acfk2345kmrt"
    assert chat.keys == ["move.taken_over", "status.line"]
    assert "T-001-000-0000" in said


def test_whoever_assisted_cannot() -> None:
    chat = kawan()
    chat.carried = Carried(problem="assisted")
    chat.say(f"ambil {TAKEOVER}")
    assert chat.keys == ["move.assisted"]


@pytest.mark.parametrize("words", ["ambil sampah di depan rumah", "daftar tunggu puskesmas lama", "cabut pohon"])
def test_stories_are_no_commands(words: str) -> None:
    assert commands.read(words) == (None, None)
    assert assisting.taken_back(words, replace(FACTS, helper=VOLUNTEER)) is None


def test_nobody_needs_to_register() -> None:
    chat = Chat()
    chat.say("daftar")
    assert chat.keys == ["assist.nobody"]


def test_in_a_group_nobody_is_assisted() -> None:
    chat = kawan()
    chat.take(chat.message(text="dampingi", private=False, addressed=True))
    assert chat.keys == ["group"]
    assert chat.conversation.draft is None


# --- any order --------------------------------------------------------------------------------------------

MARK = re.compile(r"xq\d+")
SAYS = (
    *("dampingi", "dampingi", "daftar", "daftar", "batal", "ulang", "ubah", "cabut persetujuan", "pindah", "bantuan"),
    *("ya", "ya", "ya", "tidak", "tidak ada", "biasa saja", "anonim aja", "lewati", "warga", "laporan saya sendiri"),
    *("ditelepon", "tidak usah", "081234567890", "Posko RW 5", "halo", "terima kasih", "english", "ubah tempat"),
    *("bantu petugas", "cabut T-001-000-0000", f"ambil {TAKEOVER}", "buka nomor 1", "buka nomor 2", "masalah baru"),
)
TELLS = (
    "Jalan di depan SMP 1 Sekayu rusak parah sejak bulan lalu {}, banyak motor jatuh",
    "Lampu jalan di Plaju mati sejak kemarin {} dan gelap sekali kalau malam",
    "Jalan di Plaju berlubang {}. Selain itu guru SD 5 Plaju sering tidak masuk mengajar.",
    "Sampah {} bau",
)


def _suggest(words: str) -> Any:
    function = {(True, False): "pu", (False, True): "pendidikan"}.get(("berlubang" in words, "guru SD" in words), "dlh")
    return saying(functions=((function, 0.9),), danger="fire" if "api" in words.split() else None)(words)


class AnyAssistance(RuleBasedStateMachine):
    """One volunteer, any residents, and a grant that may end at any turn."""

    def __init__(self) -> None:
        super().__init__()
        facts = replace(FACTS, helper=VOLUNTEER, suggest=_suggest, emergency=lambda *_: (Number("112", "siaga"),))
        self.chat = Chat(facts)
        self.chat.person = {"linked": 0}
        self.marks = 0
        self.agreed: set[int] = set()
        self.read_aloud: dict[int, str] = {}
        self.given: Counter[int] = Counter()

    def step(self, message: Incoming) -> None:
        before, since = self.chat.conversation, len(self.chat.wishes)
        self.chat.wait(timedelta(seconds=5))
        assisted = {draft.number for draft in (before.draft, *before.parked) if draft and assisting.is_assisted(draft)}
        consented = {
            draft.number
            for draft in (before.draft, *before.parked)
            if draft and draft.number in assisted and draft.context["assist"]["id"] and (draft.told or draft.photos)
        }
        active = assisting.is_active(self.chat.facts)
        said = self.chat.take(message)
        turn = self.chat.turn
        assert turn is not None
        wishes = self.chat.wishes[since:]
        self._check_wishes(before, wishes, active=active)
        now = self.chat.conversation
        if not active:
            given = {wish.draft.number for wish in wishes if isinstance(wish, GiveToDesk)}
            assert assisted <= given, "nothing of a resident stays behind"
            assert consented <= given
            assert not any(draft and assisting.is_assisted(draft) for draft in (now.draft, *now.parked))
        if "summary_assisted" in self.chat.keys and now.draft is not None:
            assert now.draft.story in said, "all of it is read aloud"
            self.read_aloud[now.draft.number] = now.draft.story
        if now.draft is not None and turn.replies and not turn.buttons and turn.asks is None:
            assert not {"ask.consent", "ask.confirm_assisted"} & set(self.chat.keys)

    def _check_wishes(self, before: Conversation, wishes: list[Any], *, active: bool) -> None:
        for wish in wishes:
            if isinstance(wish, Assist):
                assert before.asking == "consent", "only what was just read aloud is agreed to"
                assert active
                self.agreed.add(wish.draft)
            if isinstance(wish, GiveToDesk):
                self.given[wish.draft.number] += 1
                assert not active
            if isinstance(wish, File) and assisting.is_assisted(wish.draft):
                self._check_filed(before, wish.draft, active=active)
            if isinstance(wish, Follow | Join):
                assert not assisting.is_assisted(wish.draft)
            if isinstance(wish, Reply):
                assert not active, "words that may be a resident's reach no complaint unasked"

    def _check_filed(self, before: Conversation, draft: Draft, *, active: bool) -> None:
        assert active, "nobody files whose grant has ended"
        assert draft.context["assist"]["id"]
        assert draft.value("consent") == "yes"
        assert draft.number in self.agreed or draft.number > min(self.agreed), "agreed to, or the other half of it"
        assert before.asking == "confirm"
        assert self.read_aloud[draft.number] == draft.story
        assert self.chat.conversation.last is None

    # --- what happens ----------------------------------------------------------------------------------

    @rule(words=st.sampled_from(SAYS))
    def say(self, words: str) -> None:
        self.step(self.chat.message(text=words))

    @rule(template=st.sampled_from((*TELLS, "ada api besar {} di Plaju sekarang")))
    def tell(self, template: str) -> None:
        self.marks += 1
        self.step(self.chat.message(text=template.format(f"xq{self.marks}")))

    @rule(nth=st.integers(0, 9))
    def tap(self, nth: int) -> None:
        if self.chat.turn and self.chat.turn.buttons:
            self._choose(self.chat.turn.buttons[nth % len(self.chat.turn.buttons)].choice)

    @rule(steps=st.integers(2, 9))
    def go_on(self, steps: int) -> None:
        """What brings a resident's report on, so that many are filed."""
        for _ in range(steps):
            words = {"story": TELLS[1].format("xq0"), "contact": "081234567890"}.get(self.chat.asking or "")
            if words:
                self.step(self.chat.message(text=words))
            elif self.chat.turn and self.chat.turn.buttons:
                wanted = ("send", "consent:yes", "whose:resident", "none", "open", "skip", "no", "split:split")
                offered = [each.choice for each in self.chat.turn.buttons]
                self._choose(next((each for end in wanted for each in offered if each.endswith(end)), offered[0]))

    @rule(
        about=st.sampled_from(("this", "this", "1", "2", "chat")),
        what=st.sampled_from((
            *("confirm:send", "consent:yes", "consent:no", "whose:self", "whose:resident", "neighbours:follow"),
            *("reach:phone", "keeps:yes", "resident:skip", "story:letter", "assist:1", "assist:2", "resume:new"),
        )),
    )  # fmt: skip
    def forge(self, about: str, what: str) -> None:
        draft = self.chat.conversation.draft
        self._choose(f"{(draft.number if draft else 1) if about == 'this' else about}:{what}")

    def _choose(self, choice: str) -> None:
        self.step(Incoming(Address("terminal", "1"), f"tap-{self.chat.sequence}", 0, choice=choice))

    @rule(caption=st.sampled_from(("", "", TELLS[0])))
    def photo(self, caption: str) -> None:
        media = Media("photo", "file", size=1000, content_type="image/png")
        self.step(self.chat.message(text=caption.format("xq0"), media=media))

    @rule()
    def pin(self) -> None:
        self.step(self.chat.message(place=Place(-2.89, 103.83, None)))

    @rule(hours=st.sampled_from((0.1, 1, 7, 20)))
    def time_passes(self, hours: float) -> None:
        self.chat.wait(timedelta(hours=hours))

    @rule(helper=st.sampled_from((VOLUNTEER, VOLUNTEER, replace(VOLUNTEER, left=0), COUNTER, *GONE)))
    def grant(self, helper: Helper | None) -> None:
        self.chat.facts = replace(self.chat.facts, helper=helper)

    @rule(own=st.booleans(), alike=st.booleans())
    def world(self, own: bool, alike: bool) -> None:
        self.chat.facts = replace(self.chat.facts, own=(MINE,) if own and self.chat.conversation.draft is None else ())
        self.chat.around = Around((0, 0)) if alike else Around()

    @invariant()
    def each_is_given_once_and_none_is_both_filed_and_given(self) -> None:
        assert all(times == 1 for times in self.given.values())
        assert not set(self.given) & {each.draft.number for each in self.chat.filed}

    @invariant()
    def every_text_can_be_spoken(self) -> None:
        for say in self.chat.turn.replies if self.chat.turn else ():
            for language in LANGUAGES:
                assert "{" not in re.sub(MARK, "", speak(say.key, say.params, language))


# A run of half a minute at most.
AnyAssistance.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestAnyAssistance = AnyAssistance.TestCase


def test_the_moment_at_which_it_began_is_kept_as_plain_json() -> None:
    chat = kawan("dampingi")
    assert chat.draft.context["assist"] == {"id": None, "at": NOW.timestamp(), "by": "Rina", "counter": False}
