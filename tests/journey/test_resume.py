"""A conversation outlives restarts, days of silence, and a script that has changed meanwhile."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

from hours import in_office_hours
from journey.chatting import on_telegram
from journey.looking import all_said, change, filed, heard, names, remembered, until
from peers.bot_api import Citizen, FakeBotApi, Sent
from running import Running, everything, speaking, web

from api.settings import Settings

STORY = "Lampu jalan di depan pasar Sekayu padam sejak kemarin"
NEW_STORY = "Sampah menumpuk di belakang Pasar Lais, Musi Banyuasin, sejak minggu lalu, baunya sampai ke rumah"
TURNS = (
    (STORY, "Ada foto?"),
    ("tidak ada", "Anonim"),
    ("biasa saja", "Sudah benar?"),
    ("ya", "Tercatat"),
)


async def converse(citizen: Citizen, upto: int) -> Sent:
    """The first turns of the conversation; returns the last reply."""
    for words, expected in TURNS[:upto]:
        await citizen.say(words)
        reply = await citizen.reply()
        assert expected in reply.text
    return reply


async def introduced(api: FakeBotApi, address: str) -> None:
    """Wait until the web process at that address is the one that Telegram posts to."""
    await until(lambda: api.webhook and api.webhook[0].startswith(address))


async def test_everything_restarts_between_any_two_messages(
    telegram_settings: Settings, database: str, telegram_api: FakeBotApi
) -> None:
    citizen = telegram_api.citizen(8000)
    for words, expected in TURNS:
        async with everything(telegram_settings, database) as house:
            await introduced(telegram_api, house.address)
            await citizen.say(words)
            assert expected in (await citizen.reply()).text
            if "Tercatat" in expected:
                (complaint,) = await filed(house, citizen)
                assert complaint["text"] == STORY
    assert len(telegram_api.sent(citizen.chat_id)) == len(TURNS)


async def test_what_no_speaker_said_is_said_by_the_next(
    telegram_settings: Settings, database: str, telegram_api: FakeBotApi
) -> None:
    """The web process takes messages while no speaker runs; then two start at once."""
    async with web(telegram_settings, database) as (address, house):
        await introduced(telegram_api, address)
        citizens = [telegram_api.citizen(8100 + number) for number in range(20)]
        updates = [citizen.text(STORY) for citizen in citizens]
        await asyncio.gather(*(telegram_api.deliver(update, repeat=2) for update in updates))
        assert telegram_api.sent() == []
        async with speaking(telegram_settings, database), speaking(telegram_settings, database):
            for citizen, update in zip(citizens, updates, strict=True):
                (reply,) = await all_said(house, citizen)
                assert "Ada foto?" in reply.text
                assert await heard(house, citizen) == names(update)


async def test_what_was_written_while_no_speaker_ran_gets_one_reply(
    telegram_settings: Settings, database: str, telegram_api: FakeBotApi
) -> None:
    """The citizen writes on without an answer: all of it is told, and answered once."""
    async with web(telegram_settings, database) as (address, house):
        await introduced(telegram_api, address)
        citizen = telegram_api.citizen(8200)
        for words in (STORY, "ada tiga lampu", "mohon diperbaiki"):
            await citizen.say(words)
        async with speaking(telegram_settings, database):
            (reply,) = await all_said(house, citizen)
        assert reply.text.count("Ada foto?") == 1
        told = (await remembered(house, citizen))["draft"]["told"]
        assert [text for text, _ in told] == [STORY, "ada tiga lampu", "mohon diperbaiki"]


async def test_after_days_the_conversation_goes_on(running: Running, telegram_api: FakeBotApi) -> None:
    citizen = telegram_api.citizen(8300)
    for turn, (words, expected) in enumerate(TURNS):
        await citizen.say(words)
        assert expected in (await citizen.reply()).text
        await all_said(running.house, citizen)
        for table, column in (
            ("inbox", "received_at"),
            ("contacts", "created_at"),
            ("contacts", "last_message_at"),
            ("deliveries", "created_at"),
            ("deliveries", "due_at"),
            ("deliveries", "claimed_at"),
            ("deliveries", "sent_at"),
        ):
            statement = f"UPDATE {table} SET {column} = {column} - make_interval(days => :days)"  # noqa: S608
            await change(running.house, statement, days=3 + turn)
    (complaint,) = await filed(running, citizen)
    assert complaint["text"] == STORY
    await citizen.say("status")
    assert complaint["ticket"] in (await citizen.reply()).text


async def test_a_draft_of_three_days_ago_is_announced(running: Running, telegram_api: FakeBotApi) -> None:
    in_office_hours(running.house)
    chat = on_telegram(running, telegram_api, 8301)
    await chat.say(STORY)
    running.house.skew += timedelta(hours=5)
    assert "masih tersimpan" not in await chat.say("tidak ada")
    running.house.skew += timedelta(days=3)
    said = await chat.say("biasa saja")
    assert said.startswith(f"Laporan Anda yang belum selesai masih tersimpan: “{STORY[:60]}")
    assert "Sudah benar?" in said, "and it goes on where it was"
    assert "masih tersimpan" not in await chat.press(":send")
    [ticket] = await chat.filed()
    assert ticket in chat.last.text


async def test_a_new_story_after_three_days_takes_nothing_from_the_old_one(
    running: Running, telegram_api: FakeBotApi
) -> None:
    """Two matters are two reports: the one that waited comes after the one that is told now."""
    in_office_hours(running.house)
    chat = on_telegram(running, telegram_api, 8302)
    await chat.say(STORY)
    running.house.skew += timedelta(days=3)
    said = await chat.say(NEW_STORY)
    assert "masih tersimpan" in said
    assert "atau masalah baru" in said
    await chat.tap("Masalah baru")
    for _ in range(2):
        while not any(choice.endswith(":send") for choice in chat.last.buttons.values()):
            await chat.press(":none" if any(c.endswith(":none") for c in chat.last.buttons.values()) else ":open")
        said = await chat.press(":send")
        assert "Tercatat" in said
    texts = [complaint["text"] for complaint in await filed(running, chat.citizen)]
    assert texts == [NEW_STORY, STORY]


async def test_more_of_the_old_story_after_three_days_belongs_to_it(running: Running, telegram_api: FakeBotApi) -> None:
    in_office_hours(running.house)
    chat = on_telegram(running, telegram_api, 8303)
    await chat.say(STORY)
    running.house.skew += timedelta(days=3)
    more = "Sampai sekarang lampunya masih padam semua, warga takut lewat situ kalau malam"
    await chat.say(more)
    await chat.press(":continue")
    await chat.press(":none")
    await chat.press(":open")
    await chat.press(":send")
    [complaint] = await filed(running, chat.citizen)
    assert complaint["text"] == f"{STORY}\n{more}"


async def test_start_after_days_tells_of_the_draft(running: Running, telegram_api: FakeBotApi) -> None:
    citizen = telegram_api.citizen(8400)
    await converse(citizen, 2)
    await citizen.say("/start")
    reply = await citizen.reply()
    assert "belum selesai masih tersimpan" in reply.text
    assert "Anonim" in reply.text
    await citizen.say("anonim")
    assert "Sudah benar?" in (await citizen.reply()).text


async def test_a_question_that_is_gone_does_not_stop_anybody(running: Running, telegram_api: FakeBotApi) -> None:
    """A newer version asks other questions: what was answered stays, and the next one is asked."""
    citizen = telegram_api.citizen(8500)
    await converse(citizen, 1)
    await change(
        running.house,
        "UPDATE contacts SET conversation = jsonb_set(conversation, '{asking}', '\"favourite_colour\"')"
        " WHERE address = :address",
        address="8500",
    )
    await citizen.say("warna merah")
    reply = await citizen.reply()
    assert "Jawaban Anda tersimpan" in reply.text
    assert "Ada foto?" in reply.text
    for words, expected in TURNS[1:]:
        await citizen.say(words)
        assert expected in (await citizen.reply()).text
    (complaint,) = await filed(running, citizen)
    assert complaint["text"] == f"{STORY}\nwarna merah"


async def test_a_conversation_of_an_older_version_is_understood(running: Running, telegram_api: FakeBotApi) -> None:
    """Members that are missing have their defaults, members that are unknown are passed over."""
    citizen = telegram_api.citizen(8600)
    await converse(citizen, 1)
    old = {
        "asking": "photos",
        "mood": "fine",
        "draft": {"number": 7, "told": [[STORY, 1]], "answers": {"story": [True, 1], "shoe_size": [43, 2]}, "x": 1},
    }
    await change(
        running.house,
        "UPDATE contacts SET conversation = CAST(:saved AS jsonb) WHERE address = :address",
        saved=json.dumps(old),
        address="8600",
    )
    await citizen.say("tidak ada")
    reply = await citizen.reply()
    assert "Di mana persisnya?" in reply.text


async def test_buttons_of_an_old_draft(running: Running, telegram_api: FakeBotApi) -> None:
    """The old summary still hangs in the chat: tapping it files nothing, and the new draft goes on."""
    citizen = telegram_api.citizen(8700)
    old = await converse(citizen, 3)
    await citizen.say("batal")
    assert "dibatalkan" in (await citizen.reply()).text
    await citizen.say("Sampah menumpuk di Pasar Sekayu sejak kemarin")
    assert "Ada foto?" in (await citizen.reply()).text
    for inaccessible in (False, True):
        await telegram_api.deliver(citizen.tap(old.choices[0], old, inaccessible=inaccessible))
        reply = await citizen.reply()
        assert "Tombol itu sudah tidak berlaku" in reply.text
        assert "Ada foto?" in reply.text
    assert await filed(running, citizen) == []
    assert len(telegram_api.answered_taps) == 2


async def test_the_button_of_a_filed_complaint(running: Running, telegram_api: FakeBotApi) -> None:
    """Tapping "Ya, kirim" again, even after a restart, names the ticket instead of filing twice."""
    citizen = telegram_api.citizen(8800)
    summary = await converse(citizen, 3)
    await telegram_api.deliver(citizen.tap(summary.choices[0], summary))
    assert "Tercatat" in (await citizen.reply()).text
    await telegram_api.deliver(citizen.tap(summary.choices[0], summary))
    (complaint,) = await filed(running, citizen)
    assert complaint["ticket"] in (await citizen.reply()).text
