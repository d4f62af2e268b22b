"""WhatsApp from end to end: the real processes, a Cloud API on loopback, and what it demands beyond other chats."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from journey.chatting import Office, TelegramChat, WhatsappChat, on_telegram, on_whatsapp
from journey.looking import alone, change, rows, seen, settled, until
from peers import cloud_api
from peers.bot_api import FakeBotApi
from peers.cloud_api import ACCOUNT_ID, APP_SECRET, PHONE_ID, TOKEN, VERIFY_TOKEN, FakeCloudApi, Fault, wamid_of
from running import Running, everything

from api import delivery
from api.settings import Settings
from bot.channels.whatsapp import templates

STORY = "Lampu jalan di depan pasar Sekayu padam sejak kemarin"


@pytest.fixture
async def meta() -> AsyncIterator[FakeCloudApi]:
    """A Cloud API on loopback, on which our templates are approved."""
    async with FakeCloudApi() as api:
        for each in templates.load().submissions():
            api.add_template(each.name, each.language, each.body, button=each.button)
        yield api
        assert api.problems == []
        assert api.dropped == []


@pytest.fixture
def settings_of_both(telegram_settings: Settings, meta: FakeCloudApi) -> Settings:
    """A house with Telegram and WhatsApp."""
    return Settings.model_validate(
        telegram_settings.model_dump()
        | {
            "whatsapp_token": TOKEN,
            "whatsapp_phone_number_id": PHONE_ID,
            "whatsapp_business_account_id": ACCOUNT_ID,
            "whatsapp_app_secret": APP_SECRET,
            "whatsapp_verify_token": VERIFY_TOKEN,
            "whatsapp_base_url": meta.base_url,
        }
    )


@pytest.fixture
async def running(
    settings_of_both: Settings,
    database: str,
    telegram_api: FakeBotApi,
    meta: FakeCloudApi,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Running]:
    """Web, speaker and worker, in a hurry: a fault costs tenths of seconds."""
    monkeypatch.setattr(delivery, "BACKOFF_LONGEST", 0.2)
    monkeypatch.setattr(delivery, "CHANNEL_RESTS", 0.2)
    async with everything(settings_of_both, database) as opened:
        await until(lambda: telegram_api.webhook and opened.house.bot_link)
        meta.webhook = f"{opened.address}/webhooks/whatsapp", APP_SECRET
        yield opened


@pytest.fixture
def chat(running: Running, meta: FakeCloudApi) -> WhatsappChat:
    """Somebody with WhatsApp, who shows both the number and the id that only we see."""
    return on_whatsapp(running, meta, "6281234567890", "ID.13491208655302741918")


@pytest.fixture
def office(running: Running) -> Office:
    """Officers, by the REST API."""
    return Office(running)


async def silent(meta: FakeCloudApi, chat: WhatsappChat, hours: float) -> None:
    """So many hours pass since the citizen last wrote, for us and for Meta."""
    wrote_at = chat.citizen.chat.wrote_at
    assert wrote_at is not None
    chat.citizen.chat.wrote_at = wrote_at - timedelta(hours=hours)
    await change(
        chat.running.house,
        "UPDATE contacts SET window_until = window_until - make_interval(hours => CAST(:hours AS int)),"
        " last_message_at = last_message_at - make_interval(hours => CAST(:hours AS int)) WHERE address = :user",
        hours=hours,
        user=chat.user,
    )


# --- one POST ------------------------------------------------------------------------------------------


async def test_one_post_of_everything_is_taken_whole_once_and_in_order(
    running: Running, meta: FakeCloudApi, chat: WhatsappChat
) -> None:
    """Three messages, an album, two reports and something new, five times over."""
    await chat.say("halo")
    sent = (await chat.quiet())[-1]
    citizen = chat.citizen
    changes = [
        citizen.text(STORY),
        citizen.text("Sudah dua orang jatuh"),
        *citizen.album(3, "ini lampunya"),
        meta.report(sent.wamid, "delivered"),
        meta.report(sent.wamid, "read"),
        citizen.unknown("hologram"),
        citizen.text("Tolong segera"),
    ]
    await meta.post(changes)
    await settled(running.house, chat.user)

    async def state() -> list[list[Any]]:
        tables = {
            "inbox": "message_id, address",
            "media": "provider_id",
            "deliveries": "id, says, sent_at, delivered_at, read_at",
            "contacts": "id, conversation",
            "contact_ids": "contact_id, id",
        }
        statements = [f"SELECT {columns} FROM {table} ORDER BY 1" for table, columns in tables.items()]  # noqa: S608
        return [await rows(running.house, each) for each in statements]

    before = await state()
    inbox = await rows(running.house, "SELECT message_id FROM inbox ORDER BY id")
    assert [row.message_id for row in inbox][1:] == [wamid_of(each) for each in changes if "messages" in each["value"]]
    _, files, ledger, [contact], ids = before
    assert len(files) == 3
    assert ledger[0].delivered_at is not None
    assert ledger[0].read_at is not None
    assert len(ids) == 2
    told = json.dumps(contact.conversation["draft"])
    assert told.index("Lampu jalan") < told.index("dua orang") < told.index("segera")
    assert any("belum bisa" in each.text or "tidak bisa" in each.text for each in meta.sent(citizen)), "it is answered"

    await meta.post(changes, repeat=5)
    await settled(running.house, chat.user)
    assert await state() == before


async def test_the_read_mark_comes_after_the_message_is_kept(
    running: Running, meta: FakeCloudApi, chat: WhatsappChat
) -> None:
    first, second = chat.citizen.text("halo"), chat.citizen.text(STORY)
    await chat.post(first, second)
    await until(lambda: meta.read_messages)
    assert meta.read_messages == [wamid_of(second)], "one mark for all that came at once"
    assert meta.typed_for == [wamid_of(second)]


# --- a whole report ----------------------------------------------------------------------------------------


async def test_a_report_is_filed_answered_and_closed(
    running: Running, meta: FakeCloudApi, chat: WhatsappChat, office: Office
) -> None:
    said = await chat.report(STORY)
    assert "Tercatat" in said
    [ticket] = await chat.filed()
    await office.answer(ticket, "Lampunya sudah kami ganti.")
    assert "sudah kami ganti" in await chat.read()
    assert "stikers" not in chat.last.text
    await chat.press(":resolved")
    assert (await office.see(ticket))["status"] == "Ditutup oleh Pelapor"


async def test_a_quoted_push_is_an_answer_to_its_report(
    running: Running, meta: FakeCloudApi, chat: WhatsappChat, office: Office
) -> None:
    await chat.report(STORY)
    await alone(running.house)
    await chat.report("Jalan di depan SMP 1 Sekayu berlubang besar sejak minggu lalu")
    first, _ = await chat.filed()
    await office.ask(first, "Berapa lampu yang padam?")
    await chat.read()
    question = meta.sent(chat.citizen)[-1]
    said = await chat.post(chat.citizen.text("Tiga lampu", reply_to=question))
    assert first in said


# --- the window ------------------------------------------------------------------------------------------


async def test_news_after_30_hours_goes_out_as_a_template(
    running: Running, meta: FakeCloudApi, chat: WhatsappChat, office: Office
) -> None:
    await chat.report(STORY)
    [ticket] = await chat.filed()
    await silent(meta, chat, 30)
    await office.answer(ticket, "Lampunya sudah kami ganti.")
    announced = await chat.read()
    [sent] = [each for each in meta.sent(chat.citizen) if each.kind == "template"]
    assert ticket in announced
    assert "ganti" not in announced, "an office's words are in no template"
    [held] = await rows(running.house, "SELECT held_at FROM deliveries WHERE held_at IS NOT NULL")
    assert held.held_at is not None

    await office.answer(ticket, "Dan satu lagi di sebelahnya.")
    await asyncio.sleep(0.3)
    assert [each for each in meta.sent(chat.citizen) if each.kind == "template"] == [sent], "one, not one a message"

    said = await chat.tap("Baca")
    assert said.index("sudah kami ganti") < said.index("satu lagi di sebelahnya"), "all that waited, in its order"
    assert await rows(running.house, "SELECT 1 FROM deliveries WHERE sent_at IS NULL AND failed_at IS NULL") == []


async def test_whoever_answers_the_announcement_with_another_report_hears_the_news_first(
    running: Running, meta: FakeCloudApi, chat: WhatsappChat, office: Office
) -> None:
    await chat.report(STORY)
    [ticket] = await chat.filed()
    await silent(meta, chat, 30)
    await alone(running.house)
    await office.answer(ticket, "Lampunya sudah kami ganti.")
    await chat.read()
    before = len(meta.sent(chat.citizen))
    await chat.report("Jalan di depan SMP 1 Sekayu berlubang besar sejak minggu lalu, banyak motor jatuh.")
    said = [each.text for each in meta.sent(chat.citizen)[before:]]
    assert "sudah kami ganti" in said[0], "what waited comes first"
    assert sum("sudah kami ganti" in each for each in said) == 1
    first, second = await chat.filed()
    assert first == ticket
    assert second != ticket


async def test_with_the_template_refused_it_goes_to_the_linked_telegram_chat(
    running: Running, meta: FakeCloudApi, chat: WhatsappChat, office: Office, telegram_api: FakeBotApi
) -> None:
    telegram = await linked(running, chat, telegram_api)
    meta.templates.clear()
    await chat.report(STORY)
    [ticket] = await chat.filed()
    await silent(meta, chat, 30)
    before = len(telegram_api.sent(telegram.citizen.chat_id))
    await office.answer(ticket, "Lampunya sudah kami ganti.")
    sent = await telegram_api.wait_for_sent(telegram.citizen.chat_id, before + 1)
    assert "sudah kami ganti" in sent[-1].text
    assert all(each.kind != "template" for each in meta.sent(chat.citizen))


async def linked(running: Running, chat: WhatsappChat, telegram_api: FakeBotApi) -> TelegramChat:
    """The same citizen's Telegram chat, linked by their own words."""
    telegram = on_telegram(running, telegram_api, 7011)
    await telegram.say("halo")
    await chat.say("halo")
    code = re.search(r"hubungkan ([0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4})", await chat.say("hubungkan"))
    assert code is not None
    assert "Kalau Anda menerimanya dari orang lain" in await telegram.say(f"hubungkan {code[1]}")
    assert "sekarang terhubung" in await telegram.tap("Ya, hubungkan")
    assert "yang memasukkan kode dari Anda" in await chat.read()
    return telegram


async def test_with_neither_it_waits_and_comes_with_the_next_message(
    running: Running, meta: FakeCloudApi, chat: WhatsappChat, office: Office
) -> None:
    await chat.report(STORY)
    [ticket] = await chat.filed()
    meta.templates.clear()
    await silent(meta, chat, 30)
    count = len(meta.sent(chat.citizen))
    await office.answer(ticket, "Lampunya sudah kami ganti.")
    await settled(running.house, chat.user)
    assert len(meta.sent(chat.citizen)) == count
    said = await chat.say("status")
    assert said.index("sudah kami ganti") < said.rindex(ticket), "before the answer to what was asked"


async def test_a_refusal_that_comes_later_is_made_good(
    running: Running, meta: FakeCloudApi, chat: WhatsappChat, office: Office
) -> None:
    """Meta takes the message and tells only then that the window was closed."""
    await chat.report(STORY)
    [ticket] = await chat.filed()
    assert chat.citizen.chat.wrote_at is not None
    chat.citizen.chat.wrote_at -= timedelta(hours=30)  # by Meta's clock alone
    meta.refuses_late = True
    await office.answer(ticket, "Lampunya sudah kami ganti.")
    assert ticket in await chat.read()
    assert meta.sent(chat.citizen)[-1].kind == "template"
    assert "sudah kami ganti" in await chat.tap("Baca")


# --- who is who ------------------------------------------------------------------------------------------


async def test_somebody_who_hides_the_number_and_moves_is_one_person(
    running: Running, meta: FakeCloudApi, chat: WhatsappChat, office: Office
) -> None:
    await chat.report(STORY)
    [ticket] = await chat.filed()
    chat.citizen.hide_number()
    assert ticket in await chat.say("status")
    await meta.post(chat.citizen.change_number("6285299998888"))
    assert ticket in await chat.say("status")
    await office.answer(ticket, "Lampunya sudah kami ganti.")
    assert "sudah kami ganti" in await chat.read()
    assert len(await rows(running.house, "SELECT 1 FROM contacts")) == 1

    # The old number is somebody else's now.
    stranger = on_whatsapp(running, meta, "6281234567890", "ID.777", "Orang Lain")
    stranger.user = "6281234567890"
    await meta.post(stranger.citizen.text("status"))
    await meta.wait_for_sent(stranger.citizen, 1)
    assert all(ticket not in each.text for each in meta.sent(stranger.citizen))


# --- everything goes wrong ---------------------------------------------------------------------------------

TURNS = ((STORY, "Ada foto?"), ("tidak ada", "Anonim"), ("rahasia", "Sudah benar?"), ("ya", "Tercatat"))
PEOPLE = 100
PASSING = [
    cloud_api.broken(),
    cloud_api.bad_gateway(),
    cloud_api.reset(),
    cloud_api.too_many(),
    cloud_api.too_many_to_one(),
]


async def test_the_token_dies_in_the_middle_of_a_hundred_conversations(running: Running, meta: FakeCloudApi) -> None:
    """Nothing is lost and nothing doubled, whatever else goes wrong at the same time; the desk shows what it is."""
    calls = iter(range(10**6))
    dead = asyncio.Event()

    def choose(call: cloud_api.Call) -> Fault | None:
        if dead.is_set():
            return cloud_api.dead_token()
        number = next(calls)
        return PASSING[number // 3 % len(PASSING)] if call.method == "messages" and number % 3 == 1 else None

    meta.faults.choose = choose
    meta.reports = True

    async def converse(number: int) -> WhatsappChat:
        chat = on_whatsapp(running, meta, f"62812{number:08d}", f"ID.{number:016d}")
        for words, expected in TURNS:
            await meta.post(chat.citizen.text(words))
            count = 0
            while not any(expected in each.text for each in meta.sent(chat.citizen)):
                count += 1
                await meta.wait_for_sent(chat.citizen, count, 90)
        return chat

    async def revoke() -> None:
        await seen(running.house, "SELECT 1 WHERE (SELECT count(*) FROM deliveries) > 100", 60)
        dead.set()
        await seen(running.house, "SELECT 1 FROM channel_health WHERE ails = 'token'")
        ready = await running.api.get(f"{running.address}/readyz")
        assert ready.status_code == 200
        assert "token" in str(ready.json()["checks"]["channels"]["whatsapp"])
        await asyncio.sleep(1)
        dead.clear()

    revoking = asyncio.create_task(revoke())
    chats = await asyncio.gather(*(converse(number) for number in range(PEOPLE)))
    await revoking
    meta.faults.clear()
    meta.reports = False
    await seen(running.house, "SELECT 1 FROM channel_health WHERE ails IS NOT NULL", count=0)
    [complaints] = await rows(running.house, "SELECT count(*), count(DISTINCT citizen_id) FROM complaints")
    assert tuple(complaints) == (PEOPLE, PEOPLE)
    await seen(running.house, "SELECT 1 FROM deliveries WHERE sent_at IS NULL", count=0)
    for chat in chats:
        texts = [each.text for each in meta.sent(chat.citizen)]
        assert [sum(expected in text for text in texts) for _, expected in TURNS] == [1] * len(TURNS), texts


async def test_each_refusal_of_one_message_is_seen_to(
    running: Running, meta: FakeCloudApi, chat: WhatsappChat, office: Office
) -> None:
    """131047, 131026, 130429, 500 and a time-out for one push: it arrives, waits, or is shown."""
    await chat.report(STORY)
    [ticket] = await chat.filed()
    for fault in (cloud_api.too_many(1), cloud_api.broken(), cloud_api.silence()):
        meta.faults.add(fault, method="messages")
        await office.answer(ticket, "Lampunya sudah kami ganti.")
        assert "sudah kami ganti" in await chat.read()
    meta.faults.add(cloud_api.closed(), method="messages")
    await office.answer(ticket, "Besok kami periksa lagi.")
    assert ticket in await chat.read()
    assert meta.sent(chat.citizen)[-1].kind == "template"
    assert "Besok kami periksa" in await chat.tap("Baca")
    chat.citizen.leave()
    await office.answer(ticket, "Apakah Anda masih di sana?")
    await settled(running.house, chat.user)
    [matter] = [each for each in await office.attention() if each["ticket"] == ticket]
    assert matter["kind"] == "unreachable"


async def test_links_to_photos_expire_and_the_photos_come_all_the_same(
    running: Running, meta: FakeCloudApi, chat: WhatsappChat
) -> None:
    meta.stale_links = 2
    meta.faults.add(cloud_api.broken(), method="media", times=2)
    await chat.say(STORY)
    await meta.post(chat.citizen.album(3))
    await seen(running.house, "SELECT 1 FROM media WHERE state = 'stored'", 40, count=3)


async def test_a_photo_that_meta_has_forgotten_is_told(
    running: Running, meta: FakeCloudApi, chat: WhatsappChat
) -> None:
    await chat.say(STORY)
    photo = chat.citizen.image()
    meta.forget_media(photo["value"]["messages"][0]["image"]["id"])
    await meta.post(photo)
    await until(lambda: any("tidak dapat diunduh" in each.text for each in meta.sent(chat.citizen)), 20)
    await seen(running.house, "SELECT 1 FROM media WHERE state = 'failed'")
