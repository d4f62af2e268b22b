"""The engine alone: what each kind of message does, and what no message may ever do."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from talking import FACTS, NOW, STORY, Chat, chat_after, filed_chat, suggest

from bot.conversation import Conversation, load, save
from bot.messages import Address, Incoming, Media, Place
from bot.script import MESSAGES_A_MINUTE, QUESTIONS
from bot.texts import LANGUAGES, speak
from bot.turns import CallHuman, File, KeepMedia, LookAround, Number, Own, ReportDanger, Suggestion, Unreachable

# What leads to each question being asked.
BEFORE: dict[str, tuple[str, ...]] = {
    "place": ("lampu mati",),
    "region": ("lampu mati", "dekat pasar"),
    "class": ("Pelayanan", "Kantor Camat Sekayu"),
    "time": ("lampu mati di pasar Sekayu",),
    "photos": (STORY,),
    "day": ("Kecelakaan tanggal 11/10 di Pasar Sekayu",),
    "privacy": (STORY, "tidak ada"),
    "confirm": (STORY, "tidak ada", "biasa saja"),
    "which": (STORY, "tidak ada", "biasa saja", "ubah"),
}


def unsure(words: str) -> Suggestion:
    """A classifier that does not know."""
    return Suggestion((("pu", 0.1),), (("PERHUBUNGAN", 0.1),), (("pengaduan", 0.4),), "unsure")


def chat_at(question: str) -> Chat:
    """A chat in which this question waits."""
    chat = Chat(replace(FACTS, suggest=unsure)) if question == "class" else Chat()
    for words in BEFORE[question]:
        chat.say(words)
    assert chat.asking == question
    return chat


# --- what the classifier promises ------------------------------------------------------


def promising(**promise: Any) -> Chat:
    """A chat with a classifier that is sure of labour, whose office is certain, and promises this."""
    said = Suggestion((("naker", 0.9),), (), (("pengaduan", 0.9),), "of this test", ("naker",), **promise)
    return Chat(replace(FACTS, suggest=lambda _words: said))


WAGES = ("Gaji kami di pabrik Sekayu tidak dibayar sejak bulan lalu", "tidak ada", "biasa saja")


@pytest.mark.parametrize(("band", "sure"), [("auto", True), ("ask", False)])
def test_an_agency_is_named_without_a_caveat_only_where_nobody_need_look(band: str, sure: bool) -> None:
    chat = promising(band=band)
    *_, summary = [chat.say(words) for words in WAGES]
    assert "Tenaga Kerja" in summary
    assert ("(dipastikan petugas)" not in summary) == sure
    chat.say("ya")
    assert chat.filed[0].office.code.endswith("naker")


def test_a_draft_of_an_earlier_version_is_summed_up_and_filed() -> None:
    chat = promising(band="auto")
    for words in WAGES:
        chat.say(words)
    old = {"functions": [["naker", 0.9]], "topics": [], "class": [["pengaduan", 0.9]], "model": "2026-11-21.84f88473"}
    chat.conversation = replace(chat.conversation, draft=replace(chat.draft, suggestion=old))
    assert "(dipastikan petugas)" in chat.say("bantuan")
    assert "Tercatat" in chat.say("ya")
    assert chat.filed[0].draft.suggestion == old


# --- dangers -----------------------------------------------------------------------------

FIRE = "Rumah tetangga saya di Plaju kebakaran sekarang, apinya besar"


def reported(chat: Chat) -> list[str]:
    """The dangers that were reported."""
    return [wish.kind for wish in chat.wishes if isinstance(wish, ReportDanger)]


def test_a_danger_is_reported_when_it_is_told_and_once() -> None:
    chat = Chat()
    chat.say("Jalan di Plaju rusak")
    assert reported(chat) == []
    chat.say("lampu mati", unheard=True)
    chat.say(FIRE, unheard=True)
    assert reported(chat) == ["fire"]
    chat.say("Apinya makin besar, tolong cepat", unheard=True)
    chat.photo("kebakaran")
    chat.edit(1, f"Jalan di Plaju rusak. {FIRE}")
    assert reported(chat) == ["fire"]


def test_every_complaint_reports_its_own_danger() -> None:
    chat = Chat()
    chat.say(FIRE)
    chat.say("batal")
    chat.say(FIRE)
    assert reported(chat) == ["fire", "fire"]


def test_a_danger_told_of_a_filed_complaint_is_reported() -> None:
    chat = Chat()
    for words in (STORY, "tidak ada", "biasa saja", "ya"):
        chat.say(words)
    chat.say("Sekarang malah ada kebakaran di situ, apinya besar", unheard=True)
    assert len(chat.notes) == 1
    assert reported(chat) == ["fire"]


def helped(**facts: Any) -> Chat:
    """A chat in a world with emergency numbers."""
    numbers = (Number("113", "fire"), Number("112", "siaga_partly"))
    return Chat(replace(FACTS, emergency=lambda _kind, _region: numbers, **facts))


def test_the_numbers_come_before_everything_and_the_greeting_with_the_next_reply() -> None:
    chat = helped(reads_next=lambda _region: NOW + timedelta(hours=20))
    reply = chat.say(FIRE)
    assert chat.keys == ["danger.fire", "danger.reads_next", "ask.offer"]
    assert reply.index("113 –") < reply.index("112 –") < reply.index(speak("ask.offer"))
    chat.say("ya")
    assert chat.keys[:2] == ["greeting_short", "privacy_notice"]
    chat.say("dekat masjid")
    assert "greeting_short" not in chat.keys


def test_whoever_was_greeted_is_not_greeted_again_in_a_danger() -> None:
    chat = helped()
    chat.say("halo")
    chat.say(FIRE)
    chat.say("ya")
    assert "greeting_short" not in chat.keys


def test_the_numbers_are_those_of_the_region() -> None:
    asked = []
    chat = Chat(replace(FACTS, emergency=lambda kind, region: asked.append((kind, region)) or ()))  # type: ignore[func-returns-value]
    chat.say(FIRE)
    assert asked == [("fire", "16.71.14")]


@pytest.mark.parametrize("no", ["tidak perlu", "Tidak perlu", "tidak", "batal"])
def test_who_wants_no_report_has_called_a_person_all_the_same(no: str) -> None:
    chat = helped()
    chat.say(FIRE)
    chat.say(no)
    assert chat.conversation.draft is None
    assert chat.keys[-1] in {"offer_declined", "cancelled"}
    assert reported(chat) == ["fire"]
    assert chat.filed == []


def test_words_instead_of_a_tap_go_on_as_the_report() -> None:
    chat = helped()
    chat.say(FIRE)
    chat.say("di belakang masjid, ada anak kecil di dalam")
    assert chat.draft.story == f"{FIRE}\ndi belakang masjid, ada anak kecil di dalam"
    assert chat.asking != "offer"
    assert reported(chat) == ["fire"]


@pytest.mark.parametrize("question", ["place", "region", "day", "time", "photos", "privacy", "confirm", "which"])
def test_a_danger_is_heard_whatever_is_asked(question: str) -> None:
    chat = chat_at(question)
    chat.say(FIRE)
    assert reported(chat) == ["fire"]
    assert FIRE in chat.draft.story
    assert chat.keys[0] == "danger.fire"


def test_a_danger_is_heard_before_it_is_clear_where_the_words_belong_and_told_once() -> None:
    chat = chat_at("place")
    chat.wait(timedelta(days=2))
    chat.say(f"{FIRE} sekali, tolong cepat datang ke sini")
    assert chat.asking == "resume"
    assert reported(chat) == ["fire"]
    chat.say("masalah baru")
    assert reported(chat) == ["fire"]


def test_a_danger_in_a_voice_note_is_heard_before_anybody_says_that_it_was_heard_right() -> None:
    chat = helped()
    chat.voice()
    chat.hear(1, FIRE)
    assert (chat.keys[0], chat.keys[-1]) == ("danger.fire", "ask.heard")
    chat.say("betul")
    assert reported(chat) == ["fire"]


def test_a_danger_that_goes_to_another_complaint_is_told_once() -> None:
    chat = filed_chat(own=(Own("T-001-000-0000", "jalan rusak", "ditindaklanjuti"),))
    chat.say(FIRE)
    chat.say("ya")
    assert chat.asking == "belongs"
    chat.choose("2:belongs:T-001-000-0000")
    assert reported(chat) == ["fire"]


def test_a_danger_in_a_reason_or_a_comment_is_told() -> None:
    chat = filed_chat()
    chat.choose("T-001-000-0000:unresolved")
    chat.say(FIRE)
    assert reported(chat) == ["fire"]
    assert chat.keys[0] == "danger.fire"


def test_a_danger_that_an_edit_brings_into_a_report_that_waits() -> None:
    chat = chat_after(STORY)
    chat.wait(timedelta(days=2))
    chat.say("Sampah di Pasar Plaju menumpuk dan bau sekali sejak minggu lalu")
    chat.say("masalah baru")
    chat.edit(1, FIRE)
    assert reported(chat) == ["fire"]


# --- pace -----------------------------------------------------------------------------------


def hurried() -> Chat:
    """A chat with more messages in a minute than anybody reads."""
    chat = chat_at("place")
    chat.facts = replace(chat.facts, suggest=lambda words: suggest(FIRE) if FIRE in words else unsure(words))
    for number in range(MESSAGES_A_MINUTE + 5):
        chat.say(f"lampu nomor {number} padam semua")
    return chat


def test_who_writes_too_fast_is_told_once_and_every_message_counts() -> None:
    chat = chat_at("place")
    chat.facts = replace(chat.facts, suggest=unsure)
    texts = [f"lampu nomor {number} padam semua" for number in range(MESSAGES_A_MINUTE + 5)]
    replies = [chat.say(words) and chat.keys for words in texts]
    assert [keys for keys in replies if keys == ["too_fast"]] == [["too_fast"]]
    assert replies[-1] == ""
    assert all(f"nomor {number} padam" in json.dumps(save(chat.conversation)) for number in range(len(replies)))


def test_after_a_minute_there_are_replies_again_and_the_question_is_asked() -> None:
    chat = hurried()
    chat.wait(timedelta(minutes=2))
    chat.say("gelap sekali")
    assert chat.turn is not None
    assert chat.turn.asks == chat.asking is not None


@pytest.mark.parametrize(
    ("words", "key"), [("bantu petugas", "human_called"), (FIRE, "danger.fire"), ("batal", "cancelled")]
)
def test_what_is_urgent_is_always_said(words: str, key: str) -> None:
    chat = hurried()
    chat.say(words)
    assert key in chat.keys


def test_a_summary_that_was_not_shown_takes_no_yes() -> None:
    chat = chat_at("confirm")
    chat.facts = replace(chat.facts, suggest=unsure)
    send = chat.buttons["Ya, kirim"]
    for number in range(MESSAGES_A_MINUTE + 5):
        chat.say(f"lampu nomor {number} padam semua", unheard=True)
    chat.say("ya")
    chat.choose(send)
    assert chat.filed == []
    chat.wait(timedelta(minutes=2))
    chat.choose(send)
    assert chat.keys[-2:] == ["summary", "ask.confirm"]
    chat.choose(send)
    assert len(chat.filed) == 1


# --- silence ----------------------------------------------------------------------------------


def test_a_draft_ends_after_notice_and_never_without() -> None:
    chat = chat_at("time")
    chat.wait(timedelta(days=5))
    assert chat.elapse() == ""
    chat.wait(timedelta(days=1, hours=1))
    assert "lampu mati di pasar Sekayu" in chat.elapse()
    assert chat.keys == ["draft_expires"]
    assert chat.elapse() == "", "it is said once"
    chat.wait(timedelta(hours=23))
    assert chat.elapse() == ""
    assert chat.conversation.draft is not None
    chat.wait(timedelta(hours=1))
    chat.elapse()
    assert chat.keys == ["draft_expired"]
    assert chat.conversation.draft is None
    assert chat.elapse() == ""


def test_a_late_notice_still_leaves_its_time() -> None:
    """The worker was down for a month."""
    chat = chat_at("time")
    chat.wait(timedelta(days=40))
    chat.elapse()
    assert chat.keys == ["draft_expires"]
    assert chat.turn is not None
    assert chat.turn.replies[0].params["when"] == {"moment": (chat.facts.now + timedelta(days=1)).isoformat()}
    chat.wait(timedelta(hours=20))
    assert chat.elapse() == ""


def test_a_word_keeps_the_draft() -> None:
    chat = chat_at("time")
    chat.wait(timedelta(days=6, hours=1))
    chat.elapse()
    chat.say("sejak kemarin")
    assert chat.draft.value("time")["words"] == "sejak kemarin"
    chat.wait(timedelta(days=2))
    assert chat.elapse() == ""


@pytest.mark.parametrize("words", ["ya", "lanjut", "oke pak", "halo"])
def test_a_word_to_the_notice_sends_and_skips_nothing(words: str) -> None:
    """ "Reply anything" is answered with a "ya" that is no yes to the summary."""
    for question in ("confirm", "place"):
        chat = chat_at(question)
        chat.wait(timedelta(days=6, hours=1))
        chat.elapse()
        chat.say(words)
        assert chat.filed == []
        assert chat.asking == question
        assert chat.turn is not None
        assert chat.turn.asks == question


def test_every_report_that_ends_is_named() -> None:
    chat = chat_after(STORY)
    chat.wait(timedelta(days=2))
    chat.say("Sampah di Pasar Plaju menumpuk dan bau sekali sejak minggu lalu")
    chat.say("masalah baru")
    for key in ("draft_expires", "draft_expired"):
        chat.wait(timedelta(days=7))
        reply = chat.elapse()
        assert chat.keys == [key, key]
        assert "Pasar Plaju" in reply
        assert "SMP 1 Sekayu" in reply
    assert chat.conversation.parked == ()


def test_a_draft_of_a_photo_alone_has_a_name_too() -> None:
    chat = Chat()
    chat.photo()
    chat.wait(timedelta(days=7))
    assert "“”" not in chat.elapse()


def test_silence_does_nothing_to_a_chat_without_a_draft() -> None:
    chat = filed_chat()
    chat.choose("T-001-000-0000:unresolved")
    chat.wait(timedelta(days=400))
    assert chat.elapse() == ""
    assert chat.asking == "reason"


def test_who_comes_back_is_told_what_waits() -> None:
    chat = chat_at("place")
    chat.wait(timedelta(hours=5))
    chat.say("dekat pasar")
    assert "welcome_back" not in chat.keys
    chat.wait(timedelta(hours=7))
    chat.say("status")
    assert "welcome_back" in chat.keys
    assert chat.turn is not None
    assert chat.turn.asks == chat.asking


@pytest.mark.parametrize("words", ["ya", "batal"])
def test_what_is_sent_or_dropped_does_not_wait_any_more(words: str) -> None:
    chat = chat_at("confirm")
    chat.wait(timedelta(hours=7))
    chat.say(words)
    assert chat.conversation.draft is None
    assert "welcome_back" not in chat.keys


def test_a_file_that_is_answered_by_nothing_is_not_answered_by_a_welcome() -> None:
    chat = Chat()
    chat.photo(STORY, group="album")
    chat.wait(timedelta(hours=7))
    assert chat.photo(group="album") == ""


def test_the_chat_that_a_draft_has_left_is_told_with_the_next_reply() -> None:
    chat = chat_at("place")
    chat.conversation = replace(chat.conversation, draft=None, asking=None, moved=True)
    assert chat.photo(group="album") != ""
    assert chat.keys[0] == "move.moved_away"
    chat.say("bantuan")
    assert "move.moved_away" not in chat.keys


def test_a_long_text_is_kept_and_said_to_be_long_once() -> None:
    chat = chat_at("photos")
    chat.say("banyak motor jatuh di sana " * 120)
    assert chat.keys[0] == "long_text"
    chat.say("dan mobil juga jatuh")
    assert "long_text" not in chat.keys
    assert len(chat.draft.story) > 3000


# --- the happy way -----------------------------------------------------------------------


def test_one_good_message_leaves_two_questions() -> None:
    chat = Chat()
    assert "Ada foto?" in chat.say(STORY)
    assert "Anonim" in chat.say("tidak ada")
    assert "Sudah benar?" in chat.say("biasa saja")
    assert "T-001-000-0000" in chat.say("ya")
    (filed,) = chat.filed
    assert filed.draft.story == STORY
    assert filed.office.code.startswith("16.06")


def test_nothing_is_filed_before_a_yes() -> None:
    chat = chat_at("confirm")
    assert chat.filed == []
    chat.say("belum tentu")
    assert chat.filed == []


@pytest.mark.parametrize("question", [name for name in BEFORE if name != "confirm"])
def test_a_yes_to_another_question_files_nothing(question: str) -> None:
    chat = chat_at(question)
    chat.say("ya")
    assert chat.filed == []


def test_without_a_classifier_the_class_is_asked_and_kominfo_named() -> None:
    chat = Chat(replace(FACTS, suggest=lambda _words: None))
    assert "keluhan tentang layanan" in chat.say(STORY)
    chat.tap("Keluhan")
    chat.say("tidak ada")
    assert "Komunikasi dan Informatika" in chat.say("biasa")
    chat.say("ya")
    assert chat.filed[0].draft.suggestion is None


# --- buttons -----------------------------------------------------------------------------


def labels() -> list[Any]:
    """Every button of every question, in every language."""
    found = []
    for language in LANGUAGES:
        for question in BEFORE:
            offers = [f"choice.{question}.{choice}" for choice in QUESTIONS[question].choices]
            keys = [*offers, *(["choice.skip"] if QUESTIONS[question].skippable else [])]
            found += [(language, question, speak(key, language=language)) for key in keys]
    return found


@pytest.mark.parametrize(("language", "question", "label"), labels())
def test_a_button_can_also_be_typed(language: str, question: str, label: str) -> None:
    """Not every phone shows buttons, and many people type what they read on them."""
    tapped, typed = chat_at(question), chat_at(question)
    if language == "en":
        tapped.say("english")
        typed.say("english")
    tapped.tap(label)
    typed.say(label)

    def outcome(chat: Chat) -> Any:
        draft = chat.conversation.draft
        values = {name: answer.value for name, answer in draft.answers.items()} if draft else None
        return values, draft and draft.story, chat.asking, len(chat.filed)

    assert outcome(typed) == outcome(tapped)


def test_taps_on_old_and_broken_buttons_change_nothing() -> None:
    chat = chat_at("photos")
    before = chat.draft
    for choice in (
        "",
        ":",
        "1",
        "1:photos",
        "1:photos:no-such",
        "9:photos:none",
        "1:gone:yes",
        "x:confirm:send",
        "1:confirm:skip",
    ):
        reply = chat.choose(choice)
        assert "Ada foto?" in reply
        assert chat.draft == before


def test_a_summary_button_before_everything_is_answered_files_nothing() -> None:
    chat = chat_at("photos")
    assert "Ada foto?" in chat.choose("1:confirm:send")
    assert chat.filed == []


def test_the_send_button_twice_files_once() -> None:
    chat = chat_at("confirm")
    send = chat.buttons["Ya, kirim"]
    chat.choose(send)
    assert "sudah tercatat dengan nomor T-001-000-0000" in chat.choose(send)
    assert len(chat.filed) == 1


def test_a_tapped_answer_outlives_a_longer_story() -> None:
    chat = chat_at("class")
    chat.facts = FACTS
    chat.tap("Usulan")
    chat.say("Sudah lama", unheard=True)
    chat.say("Jalan di sana rusak parah dan berlubang, mohon segera diperbaiki", unheard=True)
    assert chat.draft.value("class") == "aspirasi"


# --- changing ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "words", "name", "value"),
    [
        ("waktu", "sejak tahun lalu", "time", {"words": "sejak tahun lalu", "since": True, "about": "2025"}),
        ("jenis", "saran", "class", "aspirasi"),
        ("foto", "tidak ada", "photos", "none"),
        ("privasi", "rahasia", "privacy", {"anonymous": False, "secret": True}),
    ],
)
def test_each_answer_can_be_changed(part: str, words: str, name: str, value: Any) -> None:
    chat = chat_at("which")
    chat.say(part)
    assert chat.asking == name
    assert "Sudah benar?" in chat.say(words)
    assert chat.draft.value(name) == value


def test_the_place_can_be_changed() -> None:
    chat = chat_at("which")
    chat.say("tempat")
    assert "Kota Palembang" in chat.say("Jalan Merdeka, Palembang")
    assert chat.draft.value("place")["region"] == "16.71"


def test_the_story_can_be_changed() -> None:
    chat = chat_at("which")
    chat.say("isi")
    assert "Isi: Jembatan di Lais putus" in chat.say("Jembatan di Lais putus")
    assert chat.draft.story == "Jembatan di Lais putus"


@pytest.mark.parametrize(
    ("part", "words", "name"), [("waktu", "ya", "time"), ("tempat", "ya", "place"), ("jenis", "ya", "class")]
)
def test_a_refused_change_is_asked_again(part: str, words: str, name: str) -> None:
    chat = chat_at("which")
    chat.say(part)
    chat.say(words)
    assert chat.asking == name


def test_a_sticker_in_the_middle_of_a_change() -> None:
    chat = chat_at("which")
    chat.say("waktu")
    chat.unusable("sticker")
    assert chat.asking == "time"


def test_an_edit_replaces_what_it_said() -> None:
    chat = Chat()
    chat.say("lampu mati")
    first = chat.sequence - 1
    assert "Perubahan pesan" in chat.edit(first, "lampu jalan mati semua")
    assert chat.draft.story == "lampu jalan mati semua"
    chat.say("Jalan Merdeka, Palembang")
    place = chat.sequence - 1
    chat.edit(place, "Jalan Sudirman, Palembang")
    assert chat.draft.value("place")["text"] == "Jalan Sudirman, Palembang"


def test_an_edit_after_filing_becomes_a_note() -> None:
    chat = Chat()
    for words in (STORY, "tidak ada", "biasa", "ya"):
        chat.say(words)
    chat.edit(1, STORY + " Dekat gerbang.")
    assert chat.notes == [("T-001-000-0000", STORY + " Dekat gerbang.")]


def test_an_edit_that_overtakes_its_message_stays() -> None:
    chat = chat_at("photos")
    original = chat.message(text="Tiga motor jatuh di sana")
    chat.edit(original.sequence, "Empat motor jatuh di sana")
    chat.take(original, unheard=True)
    assert "Empat motor" in chat.draft.story


# --- beside ------------------------------------------------------------------------------


@pytest.mark.parametrize("question", list(BEFORE))
@pytest.mark.parametrize(
    ("command", "phrase"),
    [
        ("status", "Belum ada laporan"),
        ("/status@lapor_uji_bot", "Belum ada laporan"),
        ("bantuan", "Yang bisa diketik kapan saja"),
        ("bantu petugas", "Permintaan Anda kami teruskan ke petugas"),
        ("bahasa", "bahasa Indonesia"),
    ],
)
def test_a_command_answers_and_the_question_waits_on(question: str, command: str, phrase: str) -> None:
    chat = chat_at(question)
    before, buttons = chat.conversation, chat.buttons
    reply = chat.say(command)
    assert phrase in reply
    assert replace(chat.conversation, pace=before.pace) == before
    assert chat.buttons == buttons


def test_a_call_for_a_human_is_passed_on() -> None:
    chat = chat_at("place")
    chat.say("bantu petugas")
    assert chat.wishes == [CallHuman()]


def test_cancel_and_start_again() -> None:
    chat = chat_at("confirm")
    old = chat.buttons["Ya, kirim"]
    assert "dibatalkan" in chat.say("batal")
    assert chat.conversation.draft is None
    assert "Tidak ada laporan yang sedang dibuat" in chat.say("batal")
    assert "Tombol itu" in chat.choose(old)
    chat.say("Sampah menumpuk di Pasar Sekayu sejak kemarin")
    assert chat.draft.number == 2


def test_nothing_is_said_in_groups_but_the_way_once_a_day() -> None:
    chat = Chat()
    group = Incoming(Address("telegram", "-1"), "1", 1, text="Jalan rusak", private=False)
    assert FACTS.bot_link in chat.take(group)
    assert chat.take(replace(group, message_id="2")) == ""
    assert chat.conversation.draft is None


def test_a_blocked_chat_is_remembered_without_words() -> None:
    chat = Chat()
    assert chat.unusable("blocked") == ""
    assert chat.wishes == [Unreachable()]


def test_service_messages_are_left_alone() -> None:
    chat = chat_at("place")
    assert chat.unusable("service") == ""
    assert chat.asking == "place"


# --- files and pins ----------------------------------------------------------------------


def test_photos_count_and_answer_the_question() -> None:
    chat = Chat()
    chat.photo()
    assert chat.asking == "story"
    chat.say(STORY)
    assert chat.asking == "privacy"
    chat.photo("ini dari dekat")
    assert chat.draft.photos == 2
    assert "ini dari dekat" in chat.draft.story


@pytest.mark.parametrize("too", [{"size": 30 << 20}, {"kind": "document", "content_type": "application/zip"}])
def test_the_words_with_an_unusable_file_are_kept(too: dict[str, Any]) -> None:
    chat = Chat()
    chat.photo(STORY, **too)
    assert chat.conversation.draft is not None
    assert chat.draft.story == STORY


def test_an_unusable_file_as_first_message_claims_nothing() -> None:
    reply = Chat().photo(size=30 << 20)
    assert "tetap tersimpan" not in reply


def test_a_pin_answers_the_place() -> None:
    chat = chat_at("place")
    assert "Itu di kabupaten atau kota mana?" in chat.pin(-2.89, 103.83)
    chat.say("Musi Banyuasin")
    place = chat.draft.value("place")
    assert (place["latitude"], place["longitude"], place["region"]) == (-2.89, 103.83, "16.06")


def test_a_pin_before_a_story_that_names_the_region() -> None:
    chat = Chat()
    chat.pin(-2.89, 103.83)
    chat.say(STORY)
    assert chat.asking == "photos"
    assert chat.draft.value("place")["region"] == "16.06.01"


def test_photos_can_follow_as_promised() -> None:
    """`ask.photos` says that photos may follow later; before the yes they do."""
    chat = chat_at("confirm")
    assert "Foto atau berkas: 1" in chat.photo()


# --- nothing is lost ---------------------------------------------------------------------


def test_the_words_around_a_region_are_kept() -> None:
    chat = chat_at("region")
    chat.say("Sekayu, masuk gang sebelah bengkel Pak Amir")
    assert "bengkel Pak Amir" in json.dumps(save(chat.conversation))


@pytest.mark.parametrize("words", [("dekat kantor lurah lama", "Palembang"), ("Ngulak", "Ngulaklah")])
def test_words_that_are_no_region_are_kept(words: tuple[str, str]) -> None:
    chat = chat_at("region")
    for each in words:
        chat.say(each)
    assert words[0] in json.dumps(save(chat.conversation))


def test_messages_written_before_the_question_was_heard_are_told_in_order() -> None:
    chat = Chat()
    messages = [chat.message(text=f"{number} lampu padam") for number in range(1, 6)]
    for message in (messages[2], messages[0], messages[4], messages[3], messages[1]):
        chat.take(message, unheard=True)
    assert chat.draft.story == "\n".join(message.text for message in messages)


@pytest.mark.parametrize("words", ["ya", "ok", "halo", "terima kasih"])
def test_empty_words_are_not_told(words: str) -> None:
    chat = chat_at("photos")
    chat.say(words, unheard=True)
    assert chat.draft.story == STORY


def test_a_hasty_second_yes_is_no_note() -> None:
    chat = chat_at("confirm")
    chat.say("ya")
    chat.say("ya", unheard=True)
    assert chat.notes == []


WORDS = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        [
            "ya",
            "tidak",
            "batal",
            "status",
            "ubah",
            "tempat",
            "isi",
            "anonim",
            "halo",
            "1",
            "2",
            "3",
            "/start",
            "english",
            "foto",
        ]
    ),
    st.sampled_from([STORY, "Jalan Merdeka, Palembang", "sejak kemarin", "tidak ada", "biasa saja", "usul taman"]),
)
MEDIA = st.builds(
    Media,
    st.sampled_from(["photo", "document", "voice", "video"]),
    st.just("file"),
    st.none() | st.integers(0, 1 << 40),
    st.sampled_from([None, "application/pdf", "image/png", "text/x-sh"]),
    group=st.sampled_from([None, "a", "b"]),
)
CHOICES = st.one_of(
    st.text(max_size=20),
    st.builds(
        "{}:{}:{}".format,
        st.integers(0, 3),
        st.sampled_from([*QUESTIONS, "gone"]),
        st.sampled_from(sorted({c for q in QUESTIONS.values() for c in q.choices} | {"skip", "?"})),
    ),
)
MESSAGES = st.builds(
    Incoming,
    st.just(Address("telegram", "1")),
    st.uuids().map(str),
    st.integers(0, 12),
    text=WORDS,
    choice=st.none() | CHOICES,
    media=st.none() | MEDIA,
    place=st.none() | st.builds(Place, st.floats(-90, 90), st.floats(-180, 180), st.none() | st.text(max_size=9)),
    edits=st.booleans(),
    private=st.sampled_from([True, True, True, False]),
    unsupported=st.sampled_from(
        [None, None, None, "sticker", "blocked", "unblocked", "service", "contact", "whatever"]
    ),
)


@given(st.lists(st.tuples(MESSAGES, st.booleans()), max_size=12))
@settings(max_examples=150, deadline=None)
def test_any_messages_in_any_order(messages: list[tuple[Incoming, bool]]) -> None:
    """Never raises, always speaks existing words, never says "Tercatat" without filing, never files one draft twice."""
    chat = Chat()
    for message, unheard in messages:
        filed = len(chat.filed)
        reply = chat.take(message, unheard=unheard)
        assert ("Nomor laporan Anda:" in reply or "number of your report:" in reply) == (len(chat.filed) > filed)
        assert len(chat.buttons) <= 10
        assert chat.asking is None or chat.conversation.draft is not None
    numbers = [each.draft.number for each in chat.filed]
    assert numbers == sorted(set(numbers))
    assert all(each.draft.told or each.draft.value("story") for each in chat.filed)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner), max_leaves=3
    )
)
@settings(max_examples=30, deadline=None)
def test_unknown_saved_members_are_passed_over(odd: Any) -> None:
    chat = chat_at("photos")
    saved = {**save(chat.conversation), "of_a_later_version": odd}
    assert load(saved) == chat.conversation


# What the first version saved, in the middle of a question and after filing.
OF_THE_FIRST_VERSION: dict[str, Any] = {
    "language": "id",
    "greeted": True,
    "asking": "privacy",
    "tries": 0,
    "drafts": 2,
    "group_told": None,
    "draft": {
        "number": 2,
        "told": [["lampu mati di Pasar Sekayu", 14]],
        "answers": {
            "story": [True, 0],
            "place": [{"text": "Pasar Sekayu", "region": "16.06.01", "name": "Sekayu"}, 0],
            "class": ["pengaduan", 0],
            "time": ["sejak kemarin", 16],
            "photos": ["none", 18],
        },
        "photos": 0,
        "albums": [],
        "suggestion": None,
    },
    "last": {"ticket": "T-001-000-0000", "number": 1, "sequences": [2, 4], "albums": ["a"], "at": 1_790_000_000.0},
}


def test_a_chat_of_the_first_version_goes_on_where_it_stood() -> None:
    chat = Chat()
    chat.sequence = 20
    chat.conversation = load(OF_THE_FIRST_VERSION)
    assert chat.asking == "privacy"
    reply = chat.say("anonim")
    assert chat.asking == "confirm"
    assert "sejak kemarin" in reply
    chat.say("ya")
    [filed] = chat.filed
    assert (filed.draft.number, filed.draft.value("time")) == (2, {"words": "sejak kemarin"})
    assert filed.draft.value("privacy")["anonymous"] is True


@pytest.mark.parametrize(
    ("old", "flags"),
    [("open", (False, False)), ("anonymous", (True, False)), ("secret", (False, True)), ("both", (True, True))],
)
def test_old_words_for_privacy_keep_their_meaning(old: str, flags: tuple[bool, bool]) -> None:
    saved = json.loads(json.dumps(OF_THE_FIRST_VERSION))
    saved["draft"]["answers"]["privacy"] = [old, 20]
    loaded = load(saved).draft
    assert loaded is not None
    assert (loaded.value("privacy")["anonymous"], loaded.value("privacy")["secret"]) == flags


@given(st.dictionaries(st.sampled_from(sorted(OF_THE_FIRST_VERSION)), st.none() | st.integers() | st.text(max_size=3)))
@settings(max_examples=100, deadline=None)
def test_whatever_was_saved_loads_and_the_numbers_of_drafts_go_on(broken: dict[str, Any]) -> None:
    conversation = load({**OF_THE_FIRST_VERSION, **broken})
    drafts = broken.get("drafts", 2)
    if isinstance(drafts, int):
        assert conversation.drafts == drafts
    assert load(json.loads(json.dumps(save(conversation)))) == conversation


def test_an_empty_saved_conversation_is_a_new_one() -> None:
    assert load(None) == load({}) == Conversation()


def test_what_is_saved_is_plain_json() -> None:
    for question in BEFORE:
        conversation = chat_at(question).conversation
        assert load(json.loads(json.dumps(save(conversation)))) == conversation


def test_wishes_of_a_whole_conversation() -> None:
    chat = Chat()
    chat.photo(STORY, group="album")
    chat.photo(group="album")
    chat.say("biasa")
    chat.say("ya")
    chat.photo(group="album")
    kinds = [type(wish) for wish in chat.wishes]
    assert kinds == [KeepMedia, LookAround, KeepMedia, File, KeepMedia]
    assert [(wish.draft, wish.ticket) for wish in chat.media] == [(1, None), (1, None), (None, "T-001-000-0000")]
