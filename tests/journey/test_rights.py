"""What is kept about a person is told, and what may go goes: the words of a chat, not what was filed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from hours import in_office_hours
from journey.chatting import Chat, Office, on_telegram, on_the_web
from journey.looking import alone, rows
from peers.bot_api import FakeBotApi
from running import Running

from api.retention import retain

STORY = "Jalan di depan SMP 1 Sekayu rusak parah sejak bulan lalu, penandaku laporan."
DROPPED = "Sampah menumpuk di Pasar Lais, Musi Banyuasin, penandaku batal"
ANSWER = "Sudah kami tambal, penandaku jawaban."
MARK = "penandaku"


@pytest.fixture(params=["telegram", "webchat"])
async def chat(request: pytest.FixtureRequest, running: Running, telegram_api: FakeBotApi) -> AsyncIterator[Chat]:
    """Somebody in a chat, on either channel, in office hours."""
    in_office_hours(running.house)
    async with AsyncExitStack() as stack:
        if request.param == "telegram":
            yield on_telegram(running, telegram_api, 6501, "Siti Penanda")
        else:
            yield await stack.enter_async_context(on_the_web(running))


async def told(chat: Chat) -> str:
    """Everything that stands in the database of what was said in this chat, and of the person in it."""
    tables = (
        "SELECT payload FROM inbox",
        "SELECT says, buttons FROM deliveries",
        "SELECT name, conversation FROM contacts",
    )
    found = [await rows(chat.running.house, f"{table} WHERE address = :user", user=chat.user) for table in tables]
    return json.dumps([[str(each) for each in row] for table in found for row in table])


async def test_what_is_kept_is_told(chat: Chat, running: Running) -> None:
    await chat.report(STORY)
    [ticket] = await chat.filed()
    await alone(running.house)
    await chat.say(DROPPED)
    await chat.photo()
    said = await chat.say("data saya")
    assert ticket in said
    assert "Laporan yang belum dikirim: 1" in said
    assert "Foto atau berkas: 1" in said
    if chat.channel == "telegram":
        assert "Siti Penanda" in said
    assert chat.buttons, "and the question that waited is asked again"


async def test_the_words_of_the_chat_go_and_the_report_stays(chat: Chat, running: Running) -> None:
    office = Office(running)
    await chat.report(STORY)
    [ticket] = await chat.filed()
    await office.answer(ticket, ANSWER)
    await chat.read()
    await chat.tap("Belum selesai")
    await chat.say("penandaku alasan")
    before = await office.see(ticket)
    await alone(running.house)
    await chat.say(DROPPED)
    await chat.photo()
    assert await told(chat) != ""
    assert (await told(chat)).count(MARK) > 3
    explained = await chat.say("hapus")
    assert "Yang tetap disimpan" in explained
    assert "SP4N-LAPOR!" in explained
    said = await chat.tap("Ya, hapus")
    assert "sudah dihapus" in said
    assert ticket in said, "it says what stays"
    left = await told(chat)
    assert MARK not in left
    assert "Siti Penanda" not in left
    after = await office.see(ticket)
    assert {**after, "secret": None} == {**before, "secret": None}, "the report is untouched, with its reason"
    assert after["text"] == STORY
    assert await rows(running.house, "SELECT id FROM media WHERE complaint_id IS NULL") == []
    # News come on: it would be closed in silence otherwise.
    await office.answer(ticket, "Sekarang sudah.")
    assert "Sekarang sudah." in await chat.read()
    assert "ditutup atas permintaan Anda" in await chat.tap("Sudah selesai")


async def test_who_thinks_better_of_it_loses_nothing(chat: Chat) -> None:
    await chat.say(DROPPED)
    await chat.say("hapus data saya")
    said = await chat.tap("Tidak jadi")
    assert "sudah dihapus" not in said
    assert MARK in await told(chat)
    assert chat.buttons, "the draft goes on"


async def test_a_yes_in_words_erases_and_any_other_word_does_not(chat: Chat) -> None:
    await chat.say(DROPPED)
    await chat.say("hapus")
    await chat.say("kenapa harus dihapus?")
    assert MARK in await told(chat)
    await chat.say("hapus")
    assert "sudah dihapus" in await chat.say("ya")
    assert MARK not in await told(chat)


async def test_an_old_yes_erases_nothing_new(chat: Chat) -> None:
    """Whoever goes on after erasing has begun anew; an old button is an old button."""
    await chat.say(DROPPED)
    await chat.say("hapus")
    await chat.tap("Ya, hapus")
    await chat.say("Lampu jalan mati di Pasar Sekayu, penandaku baru")
    await chat.tap("Ya, hapus")
    assert "penandaku baru" in await told(chat)


async def test_after_its_time_a_chat_is_forgotten_by_itself(chat: Chat, running: Running) -> None:
    await chat.say(DROPPED)
    await chat.say("batal")
    await retain(running.house)
    assert MARK in await told(chat)
    running.house.skew += timedelta(days=running.house.settings.retention_chat_days + 1)
    await retain(running.house)
    assert MARK not in await told(chat)
