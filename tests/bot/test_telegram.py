"""The Telegram channel: what it reads out of updates, what it sends, and what it makes of failures."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import math
import re
import socket
import traceback
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import in_this_loop
from peers import bot_api
from peers.bot_api import JPEG, TOKEN, Citizen, FakeBotApi, Fault
from peers.telegram_spec import count_units

from bot.channels.sending import FILE_TRIES, Limits
from bot.channels.telegram import (
    ALLOWED_UPDATES,
    SERVICE,
    AiohttpRequest,
    Telegram,
    _keyboard,
    addressed,
    answer_tap,
    chat_of,
    read,
    split,
)
from bot.messages import Address, Button, Channel, File, Incoming, Media, Outgoing, Place, TryLater, Undeliverable

CHAT = 77
BUDI = Address("telegram", "77")
QUICK = Limits(connect=0.3, total=0.5, download=0.5)
SECRET = "Laporan rahasia saya tentang jembatan"


@pytest.fixture
async def api() -> AsyncIterator[FakeBotApi]:
    async with FakeBotApi() as api:
        yield api
        assert api.problems == []


@pytest.fixture
async def channel(api: FakeBotApi) -> AsyncIterator[Telegram]:
    async with Telegram(TOKEN, api.base_url, QUICK) as channel:
        yield channel


@pytest.fixture
def citizen(api: FakeBotApi) -> Citizen:
    return api.citizen(CHAT)


def read_one(update: Any) -> Incoming:
    [incoming] = read(update)
    return incoming


# --- reading -----------------------------------------------------------------------------------


def test_a_text_is_read_with_who_wrote_it(citizen: Citizen) -> None:
    update = citizen.text("jalan depan SMP 1 Sekayu rusak parah")
    assert read(update) == [
        Incoming(
            address=BUDI,
            message_id=str(update["update_id"]),
            sequence=update["message"]["message_id"],
            text="jalan depan SMP 1 Sekayu rusak parah",
            name="Budi Santoso",
        )
    ]


def test_a_chat_counts_its_messages_upwards(citizen: Citizen) -> None:
    first, second = read_one(citizen.text("ya")), read_one(citizen.text("ya"))
    assert first.message_id != second.message_id
    assert first.sequence < second.sequence


def test_a_photo_is_read_in_its_largest_size_with_its_caption(citizen: Citizen) -> None:
    update = citizen.photo("lubangnya")
    largest = update["message"]["photo"][-1]
    incoming = read_one(update)
    assert incoming.text == "lubangnya"
    assert incoming.media == Media("photo", largest["file_id"], len(JPEG))
    assert incoming.unsupported is None


def test_a_photo_too_large_to_fetch_gives_way_to_a_smaller_one(citizen: Citizen) -> None:
    update = citizen.photo()
    update["message"]["photo"][-1]["file_size"] = (20 << 20) + 1
    media = read_one(update).media
    assert media is not None
    assert media.provider_id == update["message"]["photo"][0]["file_id"]


def test_an_album_is_several_messages_of_one_group(citizen: Citizen) -> None:
    album = [read_one(update) for update in citizen.album(3, "tiga lubang")]
    assert [each.text for each in album] == ["tiga lubang", "", ""]
    assert len({each.message_id for each in album}) == 3
    assert len({each.media.group for each in album if each.media}) == 1
    assert all(each.media and each.media.group for each in album)


def test_files_are_read_by_kind(citizen: Citizen) -> None:
    document = read_one(citizen.document(b"%PDF-", "surat.pdf", "application/pdf", "buktinya"))
    assert document.text == "buktinya"
    assert document.media is not None
    assert (document.media.kind, document.media.name, document.media.content_type, document.media.size) == (
        "document", "surat.pdf", "application/pdf", 5,
    )  # fmt: skip
    basic = {"file_id": "f", "file_unique_id": "u", "duration": 3, "file_size": 9}
    screen = {"width": 64, "height": 64}
    table: list[tuple[dict[str, Any], str]] = [
        ({"voice": {**basic, "mime_type": "audio/ogg"}}, "voice"),
        ({"audio": {**basic, "mime_type": "audio/mpeg", "file_name": "a.mp3"}}, "voice"),
        ({"video": {**basic, **screen, "mime_type": "video/mp4"}}, "video"),
        ({"video_note": {**basic, "length": 64}}, "video"),
        (
            {
                "animation": {**basic, **screen, "mime_type": "video/mp4"},
                "document": {"file_id": "f", "file_unique_id": "u", "mime_type": "video/mp4"},
            },
            "video",
        ),
    ]
    for content, kind in table:
        media = read_one(citizen.message(**content)).media
        assert media is not None
        assert (media.kind, media.provider_id, media.size) == (kind, "f", 9), content


def test_the_kinds_that_the_peer_sends(citizen: Citizen) -> None:
    for update, kind, text in (
        (citizen.voice(), "voice", ""),
        (citizen.audio(caption="suara pompa"), "voice", "suara pompa"),
        (citizen.video_note(), "video", ""),
        (citizen.animation(caption="lihat"), "video", "lihat"),
        (citizen.video(), "video", ""),
        # What other messengers' voice notes become when they are passed on, and a film sent as a file.
        (citizen.document(b"OggS", "PTT-0001.opus", "audio/ogg"), "voice", ""),
        (citizen.document(b"ftyp", "VID-0001.mp4", "video/mp4"), "video", ""),
        (citizen.document(b"PK", "surat.docx", "application/vnd.ms-word"), "document", ""),
    ):
        incoming = read_one(update)
        assert incoming.media is not None
        assert (incoming.media.kind, incoming.text, incoming.unsupported) == (kind, text, None)


async def test_an_answer_names_the_message_that_it_answers(channel: Telegram, citizen: Citizen) -> None:
    number = (await channel.send(Outgoing(BUDI, "Di mana persisnya? Sejak kapan?"))).sequence
    [asked] = citizen.api.sent(CHAT)
    for update in (
        citizen.text("sejak Mei", reply_to=asked),
        citizen.text("sejak Mei", reply_to=asked, quote="Sejak kapan?"),
        citizen.message(photo=citizen.photo()["message"]["photo"], reply_to_message=asked.message),
    ):
        assert read_one(update).reply_to == str(number)
    own = citizen.text("jalan rusak")
    assert read_one(citizen.text("dan gelap", reply_to=own)).reply_to == str(own["message"]["message_id"])
    assert read_one(own).reply_to is None


def test_an_answer_to_another_chat_names_nothing(citizen: Citizen) -> None:
    origin = {"type": "hidden_user", "date": 1_700_000_000, "sender_user_name": "Sari"}
    update = citizen.message(text="ini benar", external_reply={"origin": origin, "message_id": 5})
    assert (read_one(update).reply_to, read_one(update).forwarded) == (None, False)


@pytest.mark.parametrize("origin", ["user", "hidden_user", "chat", "channel"])
def test_what_was_written_elsewhere_is_forwarded(citizen: Citizen, origin: str) -> None:
    words = read_one(citizen.forwarded(origin))
    assert (words.forwarded, words.text) == (True, "Jalan di depan pasar berlubang")
    photo = read_one(citizen.forwarded(origin, photo=citizen.photo()["message"]["photo"], caption="titipan"))
    assert photo.media is not None
    assert (photo.forwarded, photo.text, photo.media.kind) == (True, "titipan", "photo")
    assert not read_one(citizen.text("Jalan di depan pasar berlubang")).forwarded


def test_an_edited_caption_is_an_edit_of_its_message(citizen: Citizen) -> None:
    photo = citizen.photo("lubng")
    edited = read_one(citizen.edited_caption(photo, "lubang"))
    assert (edited.edits, edited.text, edited.sequence) == (True, "lubang", photo["message"]["message_id"])
    assert edited.media == read_one(photo).media


def test_a_live_location_is_one_pin_that_moves(citizen: Citizen) -> None:
    live = citizen.live_location(-2.5, 103.25)
    first, *rest = (
        read_one(each)
        for each in (live, citizen.moved(live, -2.6, 103.5), citizen.moved(live, -2.7, 103.75, last=True))
    )
    assert (first.edits, first.place) == (False, Place(-2.5, 103.25))
    assert [(each.edits, each.sequence, each.text) for each in rest] == [(True, first.sequence, "")] * 2
    assert [each.place for each in rest] == [Place(-2.6, 103.5), Place(-2.7, 103.75)]


def test_the_longest_message_is_read_whole(citizen: Citizen) -> None:
    words = "jalan rusak " * 341 + "🙏🙏"
    assert count_units(words) == 4096
    assert read_one(citizen.text(words)).text == words


def test_a_rich_message_is_read_for_its_words(citizen: Citizen) -> None:
    cell = {"align": "left", "valign": "top"}
    bold = {"type": "bold", "text": ["sejak ", {"type": "italic", "text": "Mei"}]}
    update = citizen.rich(
        {"type": "heading", "text": "Jalan rusak", "size": 1},
        {"type": "paragraph", "text": ["Di Sekayu, ", bold, "."]},
        {"type": "divider"},
        {"type": "list", "items": [{"label": "1", "blocks": [{"type": "paragraph", "text": "lubang"}]}]},
        {"type": "table", "cells": [[{**cell, "text": "RT 5"}, {**cell, "text": "RT 6"}]]},
        {"type": "details", "summary": "Rinci", "blocks": [{"type": "paragraph", "text": "dalam"}]},
    )
    words = "Jalan rusak\nDi Sekayu, sejak Mei.\nlubang\nRT 5\nRT 6\nRinci\ndalam"
    assert (read_one(update).text, read_one(update).unsupported) == (words, None)


def test_what_only_seems_to_say_something_is_blank(citizen: Citizen) -> None:
    assert read_one(citizen.text("\u200b\u200e\u2060")).unsupported == "blank"
    assert read_one(citizen.photo("\u200b")).unsupported is None


def test_names_and_labels_are_freed_of_what_nobody_sees(citizen: Citizen) -> None:
    trick = "\u202egpj.exe\u202c"
    media = read_one(citizen.document(name=trick, caption=f"surat{trick}")).media
    assert media is not None
    assert media.name == "gpj.exe"
    assert read_one(citizen.document(caption=f"surat {trick}")).text == "surat gpj.exe"
    assert read_one(citizen.venue(f"Pasar {trick}")).place == Place(-2.8903, 103.8367, "Pasar gpj.exe")
    assert read_one(citizen.api.citizen(78, "Bu\u200bdi \u2066Santoso").text("a")).name == "Budi Santoso"


def test_pins_and_venues_are_places(citizen: Citizen) -> None:
    assert read_one(citizen.location(-2.5, 103.25)).place == Place(-2.5, 103.25)
    assert read_one(citizen.venue("Pasar Perjuangan", -2.5, 103.25)).place == Place(-2.5, 103.25, "Pasar Perjuangan")


async def test_a_tap_is_a_choice(channel: Telegram, citizen: Citizen) -> None:
    await channel.send(Outgoing(BUDI, "Benar?", (Button("Ya", "yes"), Button("Tidak", "no"))))
    for update in (citizen.tap("no"), citizen.tap("no", inaccessible=True)):
        incoming = read_one(update)
        assert (incoming.choice, incoming.address, incoming.private) == ("no", BUDI, True)
        assert (incoming.sequence, incoming.text, incoming.unsupported) == (0, "", None)
        assert answer_tap(update) == {
            "method": "answerCallbackQuery",
            "callback_query_id": update["callback_query"]["id"],
        }
    assert answer_tap(citizen.text("ya")) is None


def test_an_edited_message_keeps_its_place(citizen: Citizen) -> None:
    original = citizen.text("jln rusk")
    corrected = read_one(citizen.edited(original, "jalan rusak"))
    assert corrected.edits
    assert corrected.text == "jalan rusak"
    assert corrected.sequence == read_one(original).sequence
    assert corrected.message_id != read_one(original).message_id


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("dice", {"dice": {"emoji": "🎲", "value": 3}}),
        ("game", {"game": {"title": "t", "description": "d", "photo": []}}),
        (
            "poll",
            {
                "poll": {
                    "id": "1", "question": "q", "options": [], "total_voter_count": 0, "is_closed": False,
                    "is_anonymous": True, "type": "regular", "allows_multiple_answers": False,
                    "allows_revoting": False, "members_only": False,
                }
            },
        ),
        ("story", {"story": {"id": 1, "chat": {"id": 5, "type": "private"}}}),
        ("rich_message", {"rich_message": {"blocks": [{"type": "divider"}]}}),
        ("checklist", {"checklist": {"title": "t", "tasks": [{"id": 1, "text": "a"}]}}),
        ("service", {"connected_website": "lapor.go.id"}),
        ("service", {"group_chat_created": True}),
        ("service", {"write_access_allowed": {}}),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named(citizen: Citizen, kind: str, content: dict[str, Any]) -> None:
    incoming = read_one(citizen.message(**content))
    assert (incoming.unsupported, incoming.text, incoming.media) == (kind, "", None)


def test_stickers_contacts_and_the_like_are_named(citizen: Citizen) -> None:
    for name in ("sticker", "contact", "poll", "dice", "story", "checklist"):
        assert read_one(getattr(citizen, name)()).unsupported == name


def test_a_content_of_the_future_is_unknown(citizen: Citizen) -> None:
    update = citizen.text("")
    del update["message"]["text"]
    update["message"]["hologram"] = {"file_id": "x"}
    assert read_one(update).unsupported == "unknown"


def test_blocking_and_unblocking_are_told(citizen: Citizen) -> None:
    assert read_one(citizen.block()).unsupported == "blocked"
    back = read_one(citizen.unblock())
    assert (back.unsupported, back.address, back.private) == ("unblocked", BUDI, True)


def test_what_is_said_in_a_group_is_not_kept(citizen: Citizen) -> None:
    for update in (citizen.group_text("Halo semua, ini alamat saya"), citizen.add_to_group()):
        incoming = read_one(update)
        assert not incoming.private
        assert incoming.address == Address("telegram", str(bot_api.GROUP))
        assert (incoming.text, incoming.name, incoming.media, incoming.unsupported) == ("", None, None, None)
    post = {"message_id": 4, "date": 1, "chat": {"id": -100, "type": "channel", "title": "Kanal"}, "text": "halo"}
    assert read_one(citizen.api.make_update(channel_post=post)).private is False


async def test_in_a_group_only_what_is_for_the_bot_is_for_the_bot(channel: Telegram, citizen: Citizen) -> None:
    await channel.send(Outgoing(Address("telegram", str(bot_api.GROUP)), "Silakan"))
    [ours] = citizen.api.sent(bot_api.GROUP)
    me = "lapor_uji_bot"
    for update in (
        citizen.group_text("/start"),
        citizen.group_text("/start@lapor_uji_bot"),
        citizen.group_text("🙏🙏 halo @Lapor_Uji_Bot tolong"),
        citizen.group_text("terima kasih", reply_to=ours),
        citizen.add_to_group(),
    ):
        assert addressed(update, me), update
        assert addressed(update), update
    talk = [citizen.group_text("halo semua"), citizen.group_text("tanya @tetangga_sebelah"), citizen.block()]
    for update in talk:
        assert not addressed(update, me), update
        assert not addressed(update), update
    for text in ("/start@other_bot", "@other_bot halo"):
        assert not addressed(citizen.group_text(text), me)
    assert not addressed(citizen.group_text("ya", reply_to=ours), "another_bot")


@pytest.mark.parametrize(
    ("update", "expected"),
    [
        (None, []),
        ([], []),
        ({}, []),
        ({"update_id": 1}, []),
        ({"update_id": "1", "message": {"chat": {"id": 5}}}, []),
        ({"update_id": 1, "message": "halo"}, []),
        ({"update_id": 1, "message": {"chat": {"id": "five"}}}, []),
        ({"update_id": 1, "poll": {"id": "1"}}, []),
        ({"update_id": 1, "inline_query": {"id": "1", "from": {"id": 5}}}, []),
        ({"update_id": 1, "message": {"chat": {"id": 77}}}, [Incoming(BUDI, "1", 0, unsupported="unknown")]),
        (
            {"update_id": 1, "message": {"chat": {"id": 77, "type": "private"}, "text": "no date, no id"}},
            [Incoming(BUDI, "1", 0, unsupported="unknown")],
        ),
        (
            {"update_id": 1, "callback_query": {"message": {"chat": {"id": 77}}}},
            [Incoming(BUDI, "1", 0, unsupported="unknown")],
        ),
        (
            {"update_id": 1, "message": {"chat": {"id": -5}, "text": "?"}},
            [Incoming(Address("telegram", "-5"), "1", 0, private=False)],
        ),
        (
            {"update_id": 1, "hologram": {"chat": {"id": 77, "type": "private"}}},
            [Incoming(BUDI, "1", 0, unsupported="unknown")],
        ),
    ],
)
def test_what_is_no_update_raises_nothing(update: Any, expected: list[Incoming]) -> None:
    assert read(update) == expected
    assert chat_of(update) == (expected[0].address.user if expected else chat_of(update))


def test_the_chat_of_an_update_is_found_by_hand(citizen: Citizen) -> None:
    for update in (citizen.text("a"), citizen.photo(), citizen.block(), citizen.edited(citizen.text("a"), "b")):
        assert chat_of(update) == "77"
    assert chat_of(None) is None


def test_what_no_database_takes_is_cleaned_away(citizen: Citizen) -> None:
    update = citizen.text("x")
    update["message"]["text"] = json.loads('"a\\u0000b \\ud83d\\ude4f \\ud83d c"')
    text = read_one(update).text
    assert text == "ab 🙏 \ufffd c"
    assert text.encode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.data())
def test_no_distorted_update_raises_or_gives_values_of_other_types(data: st.DataObject) -> None:
    citizen = FakeBotApi(count_only=True).citizen(CHAT)
    makers: list[Callable[[], dict[str, Any]]] = [
        citizen.photo, citizen.document, citizen.location, citizen.sticker, citizen.block, citizen.voice,
        citizen.forwarded, citizen.live_location, lambda: citizen.rich({"type": "paragraph", "text": ["a"]}),
        lambda: citizen.text("b", reply_to=citizen.text("a")),
    ]  # fmt: skip
    update = data.draw(st.sampled_from(makers))()
    place: Any = update
    while True:  # walk to some part of it, and put something else there
        key = data.draw(st.sampled_from(sorted(place)))
        if not isinstance(place[key], dict) or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(JSON)
    for incoming in read(update):
        assert isinstance(incoming.text, str)
        assert type(incoming.sequence) is int
        assert incoming.reply_to is None or type(incoming.reply_to) is str
        for value in (incoming.choice, incoming.name, incoming.language, incoming.unsupported):
            assert value is None or isinstance(value, str)
        if incoming.place:
            assert math.isfinite(incoming.place.latitude)
        if incoming.media:
            assert isinstance(incoming.media.provider_id, str)
    addressed(update)
    answer_tap(update)


# --- sending -----------------------------------------------------------------------------------


async def test_a_message_arrives_and_its_number_comes_back(api: FakeBotApi, channel: Telegram) -> None:
    as_the_speaker_sees_it: Channel = channel
    number = (await as_the_speaker_sees_it.send(Outgoing(BUDI, "Halo <b>Budi</b> & *kawan* 🙏"))).sequence
    [sent] = api.sent(CHAT)
    assert (sent.text, sent.message_id, sent.buttons) == ("Halo <b>Budi</b> & *kawan* 🙏", number, ())
    [arguments] = api.called("sendMessage")
    assert set(arguments) == {"chat_id", "text", "link_preview_options"}
    assert [call.method for call in api.calls] == ["sendMessage"], "nothing else is asked of Telegram before"


async def test_short_buttons_share_a_row(api: FakeBotApi, channel: Telegram) -> None:
    short = tuple(Button(label, label.lower()) for label in ("Ya", "Tidak", "Batal"))
    await channel.send(Outgoing(BUDI, "Benar?", short))
    long = Button("Dinas Pekerjaan Umum dan Penataan Ruang", "pupr")
    await channel.send(Outgoing(BUDI, "Yang mana?", (*short, long)))
    keyboards = [sent.message["reply_markup"]["inline_keyboard"] for sent in api.sent(CHAT)]
    assert [len(row) for row in keyboards[0]] == [2, 1]
    assert [len(row) for row in keyboards[1]] == [2, 1, 1]
    assert api.sent(CHAT)[0].buttons == (("Ya", "ya"), ("Tidak", "tidak"), ("Batal", "batal"))


LABELS = st.text(st.sampled_from("aI 😀⭐é"), min_size=1, max_size=40)


@given(st.lists(LABELS, min_size=1, max_size=10))
def test_any_ten_buttons_are_all_there_in_order_and_none_is_squeezed(labels: list[str]) -> None:
    buttons = tuple(Button(label, str(number)) for number, label in enumerate(labels))
    keyboard = _keyboard(buttons)
    assert keyboard is not None
    rows = keyboard.inline_keyboard
    assert [(key.text, key.callback_data) for row in rows for key in row] == [(b.label, b.choice) for b in buttons]
    for row in rows:
        assert len(row) <= 5
        assert len(row) == 1 or all(len(key.text) <= (18 if len(row) == 2 else 3) for key in row)


def test_five_stars_stand_in_one_row_and_long_names_in_rows_of_their_own() -> None:
    stars = _keyboard(tuple(Button(str(number), str(number)) for number in range(1, 6)))
    agencies = [f"Dinas nomor {number} dengan nama yang panjang" for number in range(8)]
    names = _keyboard(tuple(Button(label, "x") for label in [*agencies, "Lainnya", "Lewati"]))
    assert stars is not None
    assert names is not None
    assert [len(row) for row in stars.inline_keyboard] == [5]
    assert [len(row) for row in names.inline_keyboard] == [*[1] * 8, 2]


async def test_a_choice_may_have_64_bytes_and_not_one_more(api: FakeBotApi, channel: Telegram) -> None:
    await channel.send(Outgoing(BUDI, "?", (Button("a", "é" * 32),)))
    for choice in ("é" * 32 + "a", ""):
        with pytest.raises(Undeliverable) as caught:
            await channel.send(Outgoing(BUDI, "?", (Button("a", choice),)))
        assert not caught.value.gone
    assert len(api.calls) == 1


async def test_what_cannot_be_sent_is_not_tried(api: FakeBotApi, channel: Telegram) -> None:
    with pytest.raises(Undeliverable) as caught:
        await channel.send(Outgoing(BUDI, " \n "))
    assert not caught.value.gone
    with pytest.raises(Undeliverable) as caught:
        await channel.send(Outgoing(Address("telegram", "@somebody"), "Halo"))
    assert caught.value.gone
    assert api.calls == []


async def test_a_long_text_is_sent_in_parts_with_the_buttons_below_the_last(api: FakeBotApi, channel: Telegram) -> None:
    text = "\n\n".join(f"Paragraf {number}: " + "🙏 jalan rusak " * 60 for number in range(12))
    number = (await channel.send(Outgoing(BUDI, text, (Button("Ya", "yes"),)))).sequence
    sent = api.sent(CHAT)
    assert len(sent) > 1
    assert sent[-1].message_id == number
    assert [len(each.buttons) for each in sent] == [0] * (len(sent) - 1) + [1]
    assert all(each.text.startswith("Paragraf") for each in sent), "cut between paragraphs"
    assert "".join("".join(each.text for each in sent).split()) == "".join(text.split())


async def test_a_text_that_fails_between_two_parts_is_sent_again_as_a_whole(api: FakeBotApi, channel: Telegram) -> None:
    api.faults.choose = lambda _: bot_api.broken() if len(api.calls) == 2 else None
    long = Outgoing(BUDI, "kata " * 1500)
    with pytest.raises(TryLater):
        await channel.send(long)
    assert len(api.sent(CHAT)) == 1
    await channel.send(long)
    assert [each.text for each in api.sent(CHAT)][1:] == split(long.text)


@given(
    st.text(st.sampled_from("ab \n🙏é\u200d"), max_size=120),
    st.integers(min_value=2, max_value=40),
)
def test_nothing_is_lost_in_the_cut(text: str, limit: int) -> None:
    parts = split(text, limit)
    assert all(part == part.strip() and 1 <= count_units(part) <= limit for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())
    if all(count_units(word) <= limit for word in re.split(r"[ \n]+", text)):
        assert " ".join(" ".join(parts).split()) == " ".join(text.split()), "no word is torn"


def test_a_cut_is_made_at_the_best_place() -> None:
    assert split("") == []
    assert split("🙏" * 2048) == ["🙏" * 2048]
    assert split("🙏" * 2049) == ["🙏" * 2048, "🙏"]
    assert split("satu dua\n\ntiga empat", 14) == ["satu dua", "tiga empat"]
    assert split("satu dua\ntiga empat", 10) == ["satu dua", "tiga empat"]
    assert split("satu dua tiga", 8) == ["satu dua", "tiga"]
    assert split("a\n\nsatu dua tiga empat", 14) == ["a\n\nsatu dua", "tiga empat"], "not a part of one letter"


# --- failing -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "after", "whole"),
    [
        (bot_api.too_many(17), 17, False),
        (bot_api.broken(), None, False),
        (bot_api.bad_gateway(), None, False),
        (bot_api.unauthorized(), None, True),
        (Fault(404, {"ok": False, "error_code": 404, "description": "Not Found"}), None, True),
        (Fault(409, {"ok": False, "error_code": 409, "description": "Conflict: terminated"}), None, True),
        (Fault(429, {"ok": False, "error_code": 429, "description": "Too Many Requests"}), None, False),
        (Fault(200, "<html>Selamat datang di hotspot</html>"), None, False),
        (Fault(200, ""), None, False),
        (Fault(302, ""), None, False),
        (Fault(503, {"odd": True}), None, False),
        (bot_api.silence(), None, False),
        (bot_api.silence(delivered=True), None, False),
        (bot_api.reset(), None, False),
        (bot_api.reset(delivered=True), None, False),
    ],
)
@pytest.mark.filterwarnings("ignore:.*retry_after:DeprecationWarning")
async def test_what_may_pass_is_tried_later(
    api: FakeBotApi, channel: Telegram, fault: Fault, after: float | None, whole: bool
) -> None:
    api.faults.add(fault)
    with pytest.raises(TryLater) as caught:
        await channel.send(Outgoing(BUDI, SECRET))
    assert (caught.value.after, caught.value.whole_channel) == (after, whole)
    assert len(api.sent(CHAT)) == int(fault.delivered)
    assert_discreet(caught.value)
    assert (await channel.send(Outgoing(BUDI, SECRET))).sequence, "and it goes well the next time"


@pytest.mark.parametrize(
    ("fault", "gone"),
    [
        (bot_api.blocked(), True),
        (bot_api.refused("chat not found"), True),
        (bot_api.refused("PEER_ID_INVALID"), True),
        (bot_api.refused("user is deactivated"), True),
        (Fault(403, {"ok": False, "error_code": 403, "description": "Forbidden: user is deactivated"}), True),
        (bot_api.migrated(-1001), True),
        (bot_api.refused("message is too long"), False),
        (bot_api.refused(f"cannot parse {SECRET}"), False),
        (Fault(400, f"<html>bot{TOKEN}: {SECRET}</html>"), False),
    ],
)
async def test_what_cannot_pass_is_undeliverable(api: FakeBotApi, channel: Telegram, fault: Fault, gone: bool) -> None:
    api.faults.add(fault)
    with pytest.raises(Undeliverable) as caught:
        await channel.send(Outgoing(BUDI, SECRET))
    assert caught.value.gone is gone
    assert_discreet(caught.value)


async def test_a_blocked_bot_is_told_so(api: FakeBotApi, channel: Telegram, citizen: Citizen) -> None:
    citizen.block()
    with pytest.raises(Undeliverable, match="blocked by the user") as caught:
        await channel.send(Outgoing(BUDI, "Halo"))
    assert caught.value.gone
    citizen.unblock()
    assert (await channel.send(Outgoing(BUDI, "Halo"))).sequence


async def test_faults_can_be_meant_for_one_chat(api: FakeBotApi, channel: Telegram) -> None:
    api.faults.add(bot_api.broken(), chat=CHAT, times=math.inf)
    assert (await channel.send(Outgoing(Address("telegram", "78"), "Halo"))).sequence
    for _ in range(2):
        with pytest.raises(TryLater):
            await channel.send(Outgoing(BUDI, "Halo"))
    api.faults.clear()
    assert (await channel.send(Outgoing(BUDI, "Halo"))).sequence


async def test_a_provider_that_is_down_is_the_channels_trouble() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async with Telegram(TOKEN, f"http://127.0.0.1:{taken.getsockname()[1]}", QUICK) as channel:
            with pytest.raises(TryLater) as caught:
                await channel.send(Outgoing(BUDI, SECRET))
    assert caught.value.whole_channel
    assert_discreet(caught.value)


async def test_a_provider_that_lets_nobody_in_is_the_channels_trouble() -> None:
    with socket.socket() as deaf, socket.socket() as first, socket.socket() as second:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for earlier in (first, second):  # they fill the queue that nobody serves
            earlier.setblocking(False)
            earlier.connect_ex(deaf.getsockname())
        async with Telegram(TOKEN, f"http://127.0.0.1:{deaf.getsockname()[1]}", QUICK) as channel:
            with pytest.raises(TryLater) as caught:
                await channel.send(Outgoing(BUDI, SECRET))
    assert caught.value.whole_channel


async def test_a_message_is_not_repeated_behind_our_back(api: FakeBotApi, channel: Telegram) -> None:
    await channel.send(Outgoing(BUDI, "Halo"))  # so that there is a connection to be cut
    api.faults.add(bot_api.reset(delivered=True))
    with pytest.raises(TryLater):
        await channel.send(Outgoing(BUDI, "Nomor laporan Anda"))
    assert len(api.sent(CHAT)) == 2


async def test_a_send_of_many_parts_still_ends_in_time(api: FakeBotApi, channel: Telegram) -> None:
    api.faults.add(bot_api.slow(0.2), times=math.inf)
    began = asyncio.get_running_loop().time()
    with pytest.raises(TryLater):
        await channel.send(Outgoing(BUDI, "kata " * 5000))
    assert asyncio.get_running_loop().time() - began < 2 * QUICK.total


async def test_a_taken_message_is_not_sent_again_for_an_odd_answer(api: FakeBotApi, channel: Telegram) -> None:
    api.faults.add(Fault(200, {"ok": True, "result": {"message": "of another shape"}}))
    assert (await channel.send(Outgoing(BUDI, "Halo"))).sequence is None


async def test_the_log_of_the_library_does_not_tell_the_token(
    api: FakeBotApi, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        async with Telegram(TOKEN, api.base_url, QUICK) as channel:
            await channel.send(Outgoing(BUDI, SECRET))
            api.faults.add(bot_api.bad_gateway())
            with pytest.raises(TryLater):
                await channel.send(Outgoing(BUDI, SECRET))
    assert TOKEN not in caplog.text
    assert SECRET not in caplog.text


def assert_discreet(error: Exception) -> None:
    told = "".join(traceback.format_exception(error)) + repr(error) + repr(error.__context__)
    assert TOKEN not in told
    assert SECRET not in told


# --- files -------------------------------------------------------------------------------------


async def test_a_file_is_fetched(api: FakeBotApi, channel: Telegram, citizen: Citizen) -> None:
    data = bytes(range(256)) * 4000
    media = read_one(citizen.photo(data=data)).media
    assert media is not None
    assert await channel.fetch(media.provider_id) == data


async def test_a_file_is_fetched_up_to_its_limit_whatever_was_said_of_its_size(api: FakeBotApi) -> None:
    limit = 100_000
    async with Telegram(TOKEN, api.base_url, Limits(file_size=limit)) as channel:
        assert len(await channel.fetch(api.add_file(b"x" * limit))) == limit
        for claimed in (limit + 1, 10, None):
            with pytest.raises(Undeliverable) as caught:
                await channel.fetch(api.add_file(b"x" * (limit + 1), claimed_size=claimed))
            assert not caught.value.gone


async def test_a_file_that_telegram_does_not_hand_out_is_undeliverable(api: FakeBotApi, channel: Telegram) -> None:
    for file_id in ("unheard-of", api.add_file(b"x", claimed_size=21 << 20)):
        with pytest.raises(Undeliverable) as caught:
            await channel.fetch(file_id)
        assert not caught.value.gone


@pytest.mark.parametrize("fault", [bot_api.broken(), bot_api.silence(), bot_api.reset()])
@pytest.mark.parametrize("step", ["getFile", "file"])
async def test_a_file_may_come_later(api: FakeBotApi, channel: Telegram, fault: Fault, step: str) -> None:
    file_id = api.add_file(b"x")
    # Twice, for aiohttp itself asks again for a file if a connection kept alive turns out to be cut.
    api.faults.add(fault, method=step, times=2 if fault.reset and step == "file" else 1)
    with pytest.raises(TryLater) as caught:
        await channel.fetch(file_id)
    assert not caught.value.whole_channel
    assert_discreet(caught.value)
    assert await channel.fetch(file_id) == b"x"


async def test_a_missing_file_is_no_dead_token(api: FakeBotApi, channel: Telegram) -> None:
    file_id = api.add_file(b"x")
    api.lose_file(file_id)
    with pytest.raises(TryLater) as caught:
        await channel.fetch(file_id)
    assert not caught.value.whole_channel


# --- files that go out --------------------------------------------------------------------------

PHOTO = File("photo", JPEG, "image/jpeg", "sesudah ditambal.jpg")
LETTER = File("document", b"%PDF-1.4 surat %%EOF", "application/pdf", "Berita acara – “tahap 2”.pdf")
FILES = (PHOTO, LETTER)
MISSING = "Ada berkas yang tidak bisa dikirim."
ANSWER = Outgoing(BUDI, SECRET, (Button("Sudah", "resolved"),), files=FILES, missing=MISSING)


def what(sent: bot_api.Sent) -> str:
    """What a message of the bot is: the kind of its file, or text."""
    return next(iter({"photo", "document", "audio", "video", "text"} & sent.message.keys()))


async def test_files_go_before_the_words_and_the_buttons_stand_below_these(api: FakeBotApi, channel: Telegram) -> None:
    number = (await channel.send(ANSWER)).sequence
    photo, letter, words = api.sent(CHAT)
    assert (what(photo), what(letter), words.text, words.message_id) == ("photo", "document", SECRET, number)
    assert (photo.buttons, letter.buttons, words.choices) == ((), (), ["resolved"])
    assert [api.bytes_of(each) for each in (photo, letter)] == [PHOTO.content, LETTER.content]
    assert letter.message["document"]["file_name"] == LETTER.name, "as it is, not percent-encoded"
    assert letter.message["document"]["mime_type"] == "application/pdf"


async def test_what_a_phone_can_play_is_sent_to_be_played(api: FakeBotApi, channel: Telegram) -> None:
    files = (
        File("voice", b"ID3", "audio/mpeg", "rapat.mp3"),
        File("video", b"ftyp", "video/mp4", "pengerjaan.mp4"),
        File("voice", b"OggS", "audio/ogg", "rekaman.ogg"),
        File("photo", b"RIFF", "image/webp", "lubang.webp"),
        File("photo", b"\xff\xd8\xff" + b"x" * 10_000_000, "image/jpeg", "besar.jpg"),
    )
    await channel.send(Outgoing(BUDI, "Halo", files=files))
    assert [what(each) for each in api.sent(CHAT)] == ["audio", "video", "document", "document", "document", "text"]
    assert [api.bytes_of(each) for each in api.sent(CHAT)[:-1]] == [file.content for file in files]


async def test_a_picture_that_telegram_does_not_like_goes_as_a_document(api: FakeBotApi, channel: Telegram) -> None:
    api.faults.add(bot_api.refused("PHOTO_INVALID_DIMENSIONS"), method="sendPhoto")
    await channel.send(ANSWER)
    assert [what(each) for each in api.sent(CHAT)] == ["document", "document", "text"]
    assert api.sent(CHAT)[-1].text == SECRET


TOO_LARGE = Fault(413, {"ok": False, "error_code": 413, "description": "Request Entity Too Large"})


@pytest.mark.parametrize("fault", [bot_api.refused("file is too big"), TOO_LARGE, Fault(413, "<html>413</html>")])
async def test_a_file_that_cannot_go_never_holds_up_the_words(api: FakeBotApi, channel: Telegram, fault: Fault) -> None:
    api.faults.add(fault, method="sendDocument", times=math.inf)
    await channel.send(ANSWER)
    photo, words = api.sent(CHAT)
    assert (what(photo), words.text) == ("photo", f"{SECRET}\n\n{MISSING}")
    assert words.choices == ["resolved"]


async def test_files_go_on_where_they_were_stopped(api: FakeBotApi, channel: Telegram) -> None:
    api.faults.add(bot_api.too_many(9), method="sendDocument", times=FILE_TRIES + 2)
    for _ in range(FILE_TRIES + 2):
        with pytest.raises(TryLater) as caught:
            await channel.send(ANSWER)
        assert caught.value.after == 9
        assert_discreet(caught.value)
    await channel.send(ANSWER)
    assert [what(each) for each in api.sent(CHAT)] == ["photo", "document", "text"]
    assert api.sent(CHAT)[-1].text == SECRET, "nothing is missing"
    await channel.send(ANSWER)
    assert len(api.sent(CHAT)) == 6, "the same words later are another message"


async def test_a_file_that_never_arrives_gives_way_to_the_words(api: FakeBotApi) -> None:
    limits = Limits(connect=0.3, total=0.5, upload=0.05)
    async with Telegram(TOKEN, api.base_url, limits) as channel:
        api.faults.add(bot_api.silence(), method="sendPhoto", times=math.inf)
        for _ in range(FILE_TRIES):
            with pytest.raises(TryLater):
                await channel.send(ANSWER)
        assert api.sent(CHAT) == []
        await channel.send(ANSWER)
    letter, words = api.sent(CHAT)
    assert (what(letter), words.text) == ("document", f"{SECRET}\n\n{MISSING}")


async def test_who_has_blocked_us_gets_no_files_either(api: FakeBotApi, channel: Telegram, citizen: Citizen) -> None:
    citizen.block()
    with pytest.raises(Undeliverable) as caught:
        await channel.send(ANSWER)
    assert caught.value.gone
    assert [call.method for call in api.calls] == ["sendPhoto"]


async def test_the_words_are_tried_again_without_the_files_that_have_gone(api: FakeBotApi, channel: Telegram) -> None:
    api.faults.add(bot_api.broken(), method="sendMessage")
    with pytest.raises(TryLater):
        await channel.send(ANSWER)
    await channel.send(ANSWER)
    assert [what(each) for each in api.sent(CHAT)] == ["photo", "document", "text"]


async def test_another_message_of_the_same_words_has_its_files_too(api: FakeBotApi, channel: Telegram) -> None:
    """Where the first was stopped here and ended by another process."""
    api.faults.add(bot_api.broken(), method="sendMessage")
    with pytest.raises(TryLater):
        await channel.send(replace(ANSWER, key="1.0"))
    await channel.send(replace(ANSWER, key="2.0"))
    assert [what(each) for each in api.sent(CHAT)] == ["photo", "document"] * 2 + ["text"]


MISHAPS = st.lists(st.sampled_from(["well", "refused", "later", "too many", "odd"]), max_size=12)


async def test_whatever_goes_wrong_the_words_come_once_and_no_file_twice(api: FakeBotApi, channel: Telegram) -> None:
    faults = {
        "refused": bot_api.refused("file is too big"),
        "later": bot_api.broken(),
        "too many": bot_api.too_many(1),
        "odd": bot_api.bad_gateway(),
    }

    @given(MISHAPS)
    async def check(mishaps: list[str]) -> None:
        chat = next(chats)
        left = iter(mishaps)
        api.faults.choose = lambda call: None if call.method == "sendMessage" else faults.get(next(left, "well"))
        message = replace(ANSWER, address=Address("telegram", str(chat)))
        for _ in range(len(mishaps) + 1):
            try:
                await channel.send(message)
                break
            except TryLater:
                continue
        *files, words = api.sent(chat)
        contents = [api.bytes_of(each) for each in files]
        assert contents == [file.content for file in FILES if file.content in contents]
        missing = f"\n\n{MISSING}" if len(files) < 2 else ""
        assert words.text == SECRET + missing

    chats = itertools.count(1000)
    await in_this_loop(check)


# --- the way of the updates --------------------------------------------------------------------


async def test_updates_are_polled_as_they_are(api: FakeBotApi, channel: Telegram, citizen: Citizen) -> None:
    assert await channel.poll(None, 0) == []
    first = citizen.text("halo")
    odd: dict[str, Any] = {"update_id": 800_000_000, "message": {"chat": "odd"}}
    await api.deliver(first)
    await api.deliver(odd)
    assert await channel.poll(None, 0) == [first, odd]
    assert await channel.poll(first["update_id"] + 1, 0) == [odd]
    waiting = asyncio.create_task(channel.poll(odd["update_id"] + 1, 5))
    await asyncio.sleep(0.7)  # longer than `QUICK.total`: Telegram may take its time here
    late = {"update_id": 800_000_001, "message": {"chat": {"id": 77}}}
    await api.deliver(late)
    assert await waiting == [late]
    assert json.loads(api.called("getUpdates")[0]["allowed_updates"]) == list(ALLOWED_UPDATES)


async def test_the_webhook_is_set_and_taken_away(api: FakeBotApi, channel: Telegram) -> None:
    await channel.set_webhook("https://lapor.example/webhooks/telegram", "rahasia_1")
    assert api.webhook == ("https://lapor.example/webhooks/telegram", "rahasia_1")
    assert api.called("setWebhook")[0]["allowed_updates"] == list(ALLOWED_UPDATES)
    with pytest.raises(TryLater) as caught:
        await channel.poll(None, 0)
    assert caught.value.whole_channel
    await channel.delete_webhook()
    assert await channel.poll(None, 0) == []


async def test_the_username_is_asked_once(api: FakeBotApi, channel: Telegram) -> None:
    assert [await channel.username() for _ in range(2)] == ["lapor_uji_bot"] * 2
    assert len(api.called("getMe")) == 1


async def test_a_stopped_channel_leaves_no_session_open(api: FakeBotApi) -> None:
    request = AiohttpRequest(QUICK)
    await request.initialize()
    session = request._session
    assert session
    await request.shutdown()
    await request.shutdown()
    assert session.closed


# --- the peer itself ---------------------------------------------------------------------------


async def test_the_peer_delivers_to_a_webhook_until_it_is_taken(api: FakeBotApi, citizen: Citizen) -> None:
    from aiohttp import web

    seen: list[tuple[str | None, dict[str, Any]]] = []

    async def take(request: web.Request) -> web.Response:
        seen.append((request.headers.get("X-Telegram-Bot-Api-Secret-Token"), await request.json()))
        return web.json_response(answer_tap(seen[-1][1]) or {}, status=500 if len(seen) == 1 else 200)

    app = web.Application()
    app.router.add_post("/hook", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        api.webhook = (f"http://127.0.0.1:{runner.addresses[0][1]}/hook", "s3cret")
        update = citizen.text("halo")
        assert await api.deliver(update, repeat=2, pause=0.01) == 200
        assert seen == [("s3cret", update)] * 3
        async with Telegram(TOKEN, api.base_url) as channel:
            await channel.send(Outgoing(BUDI, "Benar?", (Button("Ya", "yes"),)))
        assert (await citizen.reply()).choices == ["yes"]
        tap = citizen.tap("yes")
        await api.deliver(tap)
        assert api.answered_taps == [tap["callback_query"]["id"]]
        with pytest.raises(TimeoutError, match="said nothing more"):
            await citizen.reply(0.01)
    finally:
        await runner.cleanup()


def test_no_content_is_also_a_service() -> None:
    assert not SERVICE & {"text", "photo", "document", "voice", "video", "location", "sticker", "contact"}
