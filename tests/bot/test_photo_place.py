"""Where a photo was taken counts only if the citizen says so, who is asked once, in the question's turn."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from talking import STORY, Chat, chat_after, filed_chat

from bot.conversation import save
from bot.turns import Around, DropFiles, ForgetPlace, LookAround, TakePlace

PHOTO, PLACE, POINT = 7, (-2.89, 103.83), "-2.89000, 103.83000"
ASKED = "Foto Anda menyimpan tempat pengambilannya."


def with_photo(*words: str) -> Chat:
    """A chat that has told this and sent a photo that says where it was taken."""
    chat = chat_after(*words)
    chat.photo()
    assert chat.photographed(PHOTO, PLACE) == "", "nobody is interrupted for it"
    return chat


def place_of(chat: Chat) -> tuple[float | None, float | None]:
    """The point of the draft."""
    place = chat.draft.value("place") or {}
    return place.get("latitude"), place.get("longitude")


def test_after_a_yes_the_place_of_the_photo_is_that_of_the_report() -> None:
    chat = with_photo("Lampu jalan mati sejak kemarin")
    assert ASKED in chat.say("lampunya di tiang nomor dua")
    assert list(chat.buttons) == ["Ya, pakai", "Jangan dipakai"]
    assert "Lokasi kami terima." in chat.tap("Ya, pakai")
    assert place_of(chat) == PLACE
    assert chat.draft.value("place")["text"] == POINT
    assert chat.asking == "region"
    assert chat.photo_places == {}


def test_after_a_no_it_is_forgotten_and_the_place_is_asked() -> None:
    chat = with_photo("Lampu jalan mati sejak kemarin")
    chat.say("lampunya di tiang nomor dua")
    said = chat.tap("Jangan dipakai")
    assert "tidak kami pakai" in said
    assert "Di mana persisnya?" in said
    assert place_of(chat) == (None, None)
    assert chat.photo_places == {}


@pytest.mark.parametrize(("words", "point"), [("iya pakai", PLACE), ("boleh", PLACE), ("jangan", (None, None))])
def test_it_is_answered_in_words_too(words: str, point: tuple[float | None, float | None]) -> None:
    chat = with_photo(STORY)
    assert ASKED in chat.say("biasa saja")
    chat.say(words)
    assert place_of(chat) == point
    assert chat.photo_places == {}


def test_the_words_for_the_place_stay_beside_it() -> None:
    chat = with_photo(STORY)
    before = chat.draft.value("place")
    chat.say("biasa saja")
    chat.tap("Ya, pakai")
    assert chat.draft.value("place") == {**before, "latitude": PLACE[0], "longitude": PLACE[1]}


def test_the_conversation_never_holds_the_place_of_whom_has_not_said_yes() -> None:
    chat = with_photo(STORY)
    chat.say("biasa saja")
    assert "103.8" not in json.dumps(save(chat.conversation))
    chat.tap("Jangan dipakai")
    assert "103.8" not in json.dumps(save(chat.conversation))


def test_it_is_asked_once_for_a_report() -> None:
    chat = with_photo(STORY)
    chat.photographed(8, (-3.0, 104.0))
    assert chat.photo_places == {PHOTO: PLACE}, "the second photo's is forgotten at once"
    chat.say("biasa saja")
    chat.tap("Jangan dipakai")
    chat.photographed(9, (-3.0, 104.0))
    assert chat.photo_places == {}
    assert ASKED not in chat.say("ubah privasi")
    assert sum(isinstance(wish, ForgetPlace) for wish in chat.wishes) == 3


def test_a_pin_needs_no_photo() -> None:
    chat = chat_after(STORY)
    chat.pin(-2.9, 103.9)
    chat.photographed(PHOTO, PLACE)
    assert chat.photo_places == {}
    assert ASKED not in chat.say("biasa saja")


def test_a_pin_that_comes_before_the_question_answers_it() -> None:
    chat = with_photo("Lampu jalan mati sejak kemarin")
    chat.pin(-2.9, 103.9)
    said = chat.say("Sekayu")
    assert ASKED not in said
    assert place_of(chat) == (-2.9, 103.9)


def test_who_goes_on_telling_means_no() -> None:
    chat = with_photo(STORY)
    chat.say("biasa saja")
    said = chat.say("kemarin ada motor yang jatuh lagi di lubang itu")
    assert ASKED not in said
    assert "kemarin ada motor" in chat.draft.story
    assert place_of(chat) == (None, None)


@pytest.mark.parametrize("way", ["words", "tap"])
def test_a_photo_that_was_looked_at_after_the_summary_is_asked_for_before_it_is_sent(way: str) -> None:
    chat = chat_after(STORY, "tidak ada", "biasa saja")
    assert chat.asking == "confirm"
    chat.photographed(PHOTO, PLACE)
    said = chat.say("ya") if way == "words" else chat.choose(f"{chat.draft.number}:confirm:send")
    assert ASKED in said
    assert chat.filed == []
    chat.tap("Ya, pakai")
    if chat.asking == "region":
        chat.say("Sekayu")
    chat.say("ya")
    [complaint] = chat.filed
    assert complaint.draft.value("place")["latitude"] == PLACE[0]


@pytest.mark.parametrize("number", [1, 5])
def test_of_a_report_that_is_filed_or_never_was_it_is_forgotten(number: int) -> None:
    chat = filed_chat()
    assert chat.photographed(PHOTO, PLACE, number) == ""
    assert chat.photo_places == {}
    assert chat.conversation.draft is None


def test_of_a_dropped_report_it_is_not_asked() -> None:
    chat = with_photo(STORY)
    chat.say("batal")
    chat.say("Lampu jalan mati di Plaju sejak kemarin")
    assert ASKED not in chat.say("tidak ada")


def test_a_photo_that_is_taken_back_takes_its_place_along() -> None:
    chat = with_photo(STORY)
    chat.say("hapus fotonya")
    assert isinstance(chat.wishes[-1], DropFiles)
    assert ASKED not in chat.say("biasa saja")
    assert place_of(chat) == (None, None)


def test_a_place_that_is_gone_meanwhile_is_said_to_be() -> None:
    """A day has passed, or the photo was erased."""
    chat = with_photo("Lampu jalan mati sejak kemarin")
    chat.say("lampunya di tiang nomor dua")
    chat.photo_places.clear()
    said = chat.tap("Ya, pakai")
    assert "sudah tidak bisa dipakai" in said
    assert "Di mana persisnya?" in said
    assert place_of(chat) == (None, None)


def test_an_old_button_brings_no_place() -> None:
    chat = with_photo(STORY)
    chat.say("biasa saja")
    choice = chat.buttons["Ya, pakai"]
    chat.tap("Jangan dipakai")
    chat.photo_places[PHOTO] = PLACE
    chat.choose(choice)
    assert place_of(chat) == (None, None)
    assert not any(isinstance(wish, TakePlace) for wish in chat.wishes)


def test_of_two_reports_in_one_message_one_has_the_photo() -> None:
    chat = chat_after("Jalan di Plaju berlubang sejak kemarin. Selain itu guru SD 5 Plaju sering tidak masuk mengajar.")
    assert chat.asking == "split"
    chat.photographed(PHOTO, PLACE)
    said = chat.choose("1:split:split")
    assert ASKED in said
    assert [each.context.get("photographed") for each in chat.conversation.parked] == [None]


def test_a_parked_report_is_asked_about_when_its_turn_comes() -> None:
    chat = chat_after("Jalan di Plaju berlubang sejak kemarin. Selain itu guru SD 5 Plaju sering tidak masuk mengajar.")
    chat.choose("1:split:split")
    chat.photographed(PHOTO, PLACE, chat.conversation.parked[0].number)
    assert chat.photo_places == {PHOTO: PLACE}
    assert ASKED in chat.say("batal")


def test_hours_later_nobody_is_welcomed_for_it() -> None:
    """The provider, or ClamAV, was away for a while; the photo was looked at only now."""
    chat = chat_after(STORY)
    chat.photo()
    chat.wait(timedelta(hours=8))
    assert chat.photographed(PHOTO, PLACE) == ""
    assert chat.photographed(8, PLACE) == ""


def test_what_others_reported_is_looked_up_anew_at_the_point() -> None:
    chat = with_photo(STORY)
    chat.say("biasa saja")
    before = sum(isinstance(wish, LookAround) for wish in chat.wishes)
    chat.around = Around(ids=(5,), voices=3)
    assert "3 warga" in chat.tap("Ya, pakai")
    assert sum(isinstance(wish, LookAround) for wish in chat.wishes) == before + 1
