"""What an office attaches to its answer reaches the citizen: on Telegram, on WhatsApp, and on the page."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import aiohttp
import httpx
import numpy as np
import PIL.Image
import pytest
from axe_playwright_python.async_playwright import Axe
from desking import GRANTS, officer
from journey.browser import chromium
from journey.chatting import Chat, WebChat, WhatsappChat, on_telegram, on_whatsapp
from journey.looking import change, rows
from making import OPERATOR
from peers import bot_api, cloud_api
from peers.bot_api import FakeBotApi
from peers.cloud_api import FakeCloudApi
from persons import WebPerson
from playwright.async_api import Browser, expect
from running import Running, everything

from api.settings import Settings
from api.unit import unit
from bot.channels.whatsapp import templates
from desk.access import COOKIE
from store import dispositions, policy

STORY = "Jalan berlubang besar di depan Kantor Lurah Talang Kelapa Palembang"
PU = "16.71-pu"
WORDS = "Lubang di depan kantor lurah sudah kami tambal kemarin dengan aspal baru."
LETTER = b"%PDF-1.4\nBerita acara\n%%EOF"
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def photo() -> bytes:
    """A picture of broad shades, as from a camera that writes where it was taken."""
    shades = np.random.default_rng(7).integers(0, 255, (6, 6, 3), dtype=np.uint8)
    exif = PIL.Image.Exif()
    exif[0x010F] = "Kamera Dinas"
    out = io.BytesIO()
    PIL.Image.fromarray(shades).resize((1200, 900), PIL.Image.Resampling.BICUBIC).save(out, "JPEG", exif=exif)
    return out.getvalue()


@asynccontextmanager
async def officer_of(running: Running) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody of the Dinas PUPR, at the desk."""
    async with running.house.engine.begin() as connection:
        _, token = await officer(connection, GRANTS[policy.PEJABAT])
    async with httpx.AsyncClient(base_url=f"{running.address}/desk", cookies={COOKIE: token}) as client:
        yield client


@pytest.fixture
async def desk(running: Running) -> AsyncIterator[httpx.AsyncClient]:
    """The same, of the house that is running."""
    async with officer_of(running) as client:
        yield client


async def reported(running: Running, chat: Chat) -> str:
    """A report that was given to the Dinas PUPR, which the citizen has heard; its ticket."""
    await chat.report(STORY)
    [ticket] = await chat.filed()
    async with unit(running.house) as work:
        work.record(await dispositions.dispose(work.connection, ticket, OPERATOR, [PU], lead=PU))
    assert "sudah diteruskan ke" in await chat.read()
    return ticket


async def answer(running: Running, desk: httpx.AsyncClient, ticket: str) -> None:
    """The form of an answer that proposes to close, with a picture and a paper."""
    [[version]] = await rows(running.house, "SELECT version FROM complaints WHERE ticket = :ticket", ticket=ticket)
    files = [
        ("files", ("sesudah ditambal.jpg", photo(), "image/jpeg")),
        ("files", ("Berita acara – “tahap 2”.pdf", LETTER, "application/pdf")),
    ]
    form = {"version": version, "words": WORDS, "finished": "yes"}
    done = await desk.post(f"/laporan/{ticket}/instansi/jawaban", data=form, files=files)
    assert done.status_code == 303, done.text


async def test_on_telegram_the_files_come_before_the_words(
    running: Running, telegram_api: FakeBotApi, desk: httpx.AsyncClient
) -> None:
    chat = on_telegram(running, telegram_api, 8800)
    ticket = await reported(running, chat)
    await answer(running, desk, ticket)
    for _ in range(3):
        await chat.read()
    picture, letter, words = telegram_api.sent(8800)[-3:]
    assert WORDS in words.text
    assert "tidak bisa dikirim" not in words.text
    assert words.choices == [f"{ticket}:{act}" for act in ("resolved", "unresolved", "wrong_agency")]
    assert (letter.message["document"]["file_name"], telegram_api.bytes_of(letter)) == (
        "Berita acara – “tahap 2”.pdf", LETTER,
    )  # fmt: skip
    assert "photo" in picture.message
    with PIL.Image.open(io.BytesIO(telegram_api.bytes_of(picture))) as image:
        assert (image.size, dict(image.getexif())) == ((1200, 900), {}), "and not where it was taken"
    assert "Terima kasih" in await chat.tap("Sudah selesai")


async def test_a_picture_that_telegram_refuses_costs_nobody_the_answer(
    running: Running, telegram_api: FakeBotApi, desk: httpx.AsyncClient
) -> None:
    chat = on_telegram(running, telegram_api, 8801)
    ticket = await reported(running, chat)
    telegram_api.faults.add(bot_api.refused("PHOTO_INVALID_DIMENSIONS"), method="sendPhoto", times=9)
    telegram_api.faults.add(bot_api.refused("file is too big"), method="sendDocument", times=9)
    await answer(running, desk, ticket)
    said = await chat.read()
    assert WORDS in said
    assert "Ada berkas dari instansi yang tidak bisa dikirim di sini." in said


async def test_after_a_time_out_the_words_come_once(
    running: Running, telegram_api: FakeBotApi, desk: httpx.AsyncClient
) -> None:
    chat = on_telegram(running, telegram_api, 8802)
    ticket = await reported(running, chat)
    telegram_api.faults.add(bot_api.reset(delivered=True), method="sendDocument")
    telegram_api.faults.add(bot_api.broken(), method="sendPhoto")
    before = len(telegram_api.sent(8802))
    await answer(running, desk, ticket)
    while not (said := await chat.read()):
        pass
    assert WORDS in said
    kinds = [next(iter({"photo", "document", "text"} & each.message.keys())) for each in telegram_api.sent(8802)]
    assert kinds[before:] == ["photo", "document", "document", "text"]


# --- on WhatsApp ----------------------------------------------------------------------------------------------


@pytest.fixture
async def meta() -> AsyncIterator[FakeCloudApi]:
    """A Cloud API on loopback, on which our templates are approved."""
    async with FakeCloudApi() as api:
        for each in templates.load().submissions():
            api.add_template(each.name, each.language, each.body, button=each.button)
        yield api
        assert (api.problems, api.dropped) == ([], [])


@asynccontextmanager
async def with_whatsapp(settings: Settings, database: str, meta: FakeCloudApi) -> AsyncIterator[Running]:
    """A house that speaks on WhatsApp."""
    of_meta = {
        "whatsapp_token": cloud_api.TOKEN,
        "whatsapp_phone_number_id": cloud_api.PHONE_ID,
        "whatsapp_business_account_id": cloud_api.ACCOUNT_ID,
        "whatsapp_app_secret": cloud_api.APP_SECRET,
        "whatsapp_verify_token": cloud_api.VERIFY_TOKEN,
        "whatsapp_base_url": meta.base_url,
    }
    async with everything(Settings.model_validate(settings.model_dump() | of_meta), database) as house:
        meta.webhook = f"{house.address}/webhooks/whatsapp", cloud_api.APP_SECRET
        yield house


async def test_on_whatsapp_they_come_with_the_words_and_not_with_an_announcement(
    settings: Settings, database: str, meta: FakeCloudApi
) -> None:
    async with with_whatsapp(settings, database, meta) as running, officer_of(running) as desk:
        chat = on_whatsapp(running, meta, "6281234567890", "ID.13491208655302741918")
        ticket = await reported(running, chat)
        await answer(running, desk, ticket)
        await chat.quiet()
        picture, letter, words = meta.sent(chat.citizen)[-3:]
        assert (picture.kind, letter.kind, letter.content) == ("image", "document", LETTER)
        assert letter.body["document"]["filename"] == "Berita acara – “tahap 2”.pdf"
        assert WORDS in words.text
        assert "tidak bisa dikirim" not in words.text
        assert [choice.rpartition(":")[2] for choice in words.choices] == ["resolved", "unresolved", "wrong_agency"]

        await silence(running, chat, 30)
        await answer(running, desk, ticket)
        await chat.quiet()
        announced = meta.sent(chat.citizen)[-1]
        assert (announced.kind, WORDS in announced.text) == ("template", False)
        count = len(meta.sent(chat.citizen))
        await meta.post(chat.citizen.choose(f"{ticket}:read"))
        await chat.quiet()
        assert [each.kind for each in meta.sent(chat.citizen)[count:]] == ["image", "document", "button"]


async def silence(running: Running, chat: WhatsappChat, hours: int) -> None:
    """So many hours pass since the citizen last wrote, for us and for Meta."""
    assert chat.citizen.chat.wrote_at is not None
    chat.citizen.chat.wrote_at -= timedelta(hours=hours)
    statement = """
        UPDATE contacts SET window_until = window_until - make_interval(hours => :hours),
            last_message_at = last_message_at - make_interval(hours => :hours)
    """
    await change(running.house, statement, hours=hours)


# --- on the page ----------------------------------------------------------------------------------------------


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A Chromium, or a skip."""
    async with chromium() as opened:
        yield opened


@asynccontextmanager
async def at_the_page(running: Running) -> AsyncIterator[tuple[WebChat, str]]:
    """Somebody at the chat page, and the cookie by which any browser is theirs."""
    jar = aiohttp.CookieJar(unsafe=True)  # that is: also on 127.0.0.1
    async with aiohttp.ClientSession(headers={"Sec-Fetch-Site": "same-origin"}, cookie_jar=jar) as session:
        async with session.get(f"{running.address}/chat") as page:
            cookie = page.cookies["chat"].value
        person = WebPerson(session, running.address, cookie)
        yield WebChat(running, person), cookie
        person.close()


@pytest.mark.parametrize("scripts", [True, False])
async def test_on_the_page_they_stand_below_the_words(
    running: Running, desk: httpx.AsyncClient, browser: Browser, scripts: bool
) -> None:
    async with at_the_page(running) as (chat, cookie):
        ticket = await reported(running, chat)
        context = await browser.new_context(
            base_url=running.address,
            locale="id-ID",
            java_script_enabled=scripts,
            viewport={"width": 360, "height": 740},
        )
        # The page opens the chat of whoever holds its cookie.
        await context.add_cookies([{"name": "chat", "value": cookie, "url": f"{running.address}/chat"}])
        page = await context.new_page()
        refused: list[str] = []
        page.on("console", lambda message: refused.append(message.text) if message.type == "error" else None)
        await page.goto("/chat")
        await answer(running, desk, ticket)
        await chat.read()
        if not scripts:
            await page.reload()
        last = page.locator(".line.theirs").last
        await expect(last).to_contain_text(WORDS)
        await expect(last.get_by_role("list", name="Lampiran dari instansi").get_by_role("listitem")).to_have_count(2)
        picture = last.get_by_role("img", name="sesudah ditambal.jpg")
        await picture.scroll_into_view_if_needed()
        if scripts:
            await expect(picture).to_have_js_property("naturalWidth", 480)
        async with context.expect_page() as opening:
            await picture.click()
        whole = await opening.value
        assert whole.url.startswith(f"{running.address}/chat/lampiran/")
        async with page.expect_download() as saving:
            await last.get_by_role("link", name="Berita acara").click()
        saved = await (await saving.value).path()
        assert await asyncio.to_thread(saved.read_bytes) == LETTER
        if scripts:
            for width in (320, 360, 1280):
                await page.set_viewport_size({"width": width, "height": 740})
                assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
                found = await Axe().run(page, options=WCAG)
                assert found.violations_count == 0, found.generate_report()
                if folder := os.environ.get("SCREENSHOTS"):
                    await page.screenshot(path=Path(folder) / f"attachments-{width}.png")
        assert refused == []
        await context.close()
