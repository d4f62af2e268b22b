"""The chat page in a real browser, with an in-memory desk behind it: only the page's own behaviour."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from axe_playwright_python.async_playwright import Axe
from fastapi import FastAPI
from journey.browser import chromium
from playwright.async_api import Browser, BrowserContext, Locator, Page, expect

from api.webchat import Line, StoreDown, routes
from bot.messages import Address, Button, Incoming

ASK = "Baik, saya catat. Di mana tempatnya?\nTulis alamat atau patokan yang dekat."
BUTTONS = (Button("Ya, kirim", "yes"), Button("Ubah", "edit"), Button("Batal", "cancel"))
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000"
    "050001a5f645400000000049454e44ae426082"
)


class Desk:
    """The house behind the page, in memory: every message gets one reply, every photo a thumbnail word."""

    def __init__(self) -> None:
        self.chats: dict[Address, list[Line]] = {}
        self.taken: list[Incoming] = []
        self.files: list[bytes] = []
        self.refusals = 0  # so many of the next messages meet a store that is down

    async def take(self, message: Incoming, payload: dict[str, Any], content: bytes | None = None) -> None:
        if self.refusals:
            self.refusals -= 1
            raise StoreDown
        if any(old.message_id == message.message_id for old in self.taken):
            return
        self.taken.append(message)
        if content is not None:
            self.files.append(content)
        text = message.text or payload.get("label", "")
        if message.place:
            text = f"Lokasi: {message.place.latitude}, {message.place.longitude}"
        said = Line(0, True, text, (), datetime.now(UTC), "Foto" if content else None, message.message_id)
        self.say(message.address, said)
        if message.choice:
            self.say(message.address, Line(0, False, "Tercatat. Nomor laporan Anda 26-0412.", (), said.at, None))
        else:
            self.say(message.address, Line(0, False, ASK, BUTTONS, said.at, None))

    async def lines(self, address: Address, after: int) -> list[Line]:
        return [line for line in self.chats.get(address, []) if line.cursor > after]

    async def wait(self, address: Address, seconds: float) -> None:
        before, end = len(self.chats.get(address, [])), time.monotonic() + seconds
        # Looked at again and again, because tests say lines from another thread.
        while len(self.chats.get(address, [])) == before and time.monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    def say(self, address: Address, line: Line) -> None:
        chat = self.chats.setdefault(address, [])
        chat.append(replace(line, cursor=len(chat) + 1))


class Served:
    """The app on a port of its own, in a thread; the port stays the same when it is stopped and started again."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.port = 0
        self.start()

    def start(self) -> None:
        app = FastAPI()
        app.include_router(routes(self.desk, secure_cookies=False))
        config = uvicorn.Config(app, port=self.port, log_level="error", timeout_graceful_shutdown=1)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join()


@pytest.fixture
def served() -> Iterator[Served]:
    served = Served(Desk())
    yield served
    served.stop()


@pytest.fixture(scope="module")
async def chrome() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest.fixture
async def context(chrome: Browser, served: Served) -> AsyncIterator[BrowserContext]:
    context = await chrome.new_context(base_url=served.url, locale="id-ID", timezone_id="Asia/Jakarta")
    context.set_default_timeout(10_000)
    yield context
    await context.close()


@pytest.fixture
async def page(context: BrowserContext) -> AsyncIterator[Page]:
    page = await context.new_page()
    complaints: list[str] = []  # whatever the browser holds against the page, such as a broken content policy
    page.on("console", lambda m: complaints.append(m.text) if "Content Security" in m.text else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto("/chat")
    await expect(page.locator("#state")).to_have_text("Terhubung")
    yield page
    assert not complaints


def own(page: Page) -> Locator:
    return page.locator(".line.mine")


def replies(page: Page) -> Locator:
    return page.locator(".line.theirs")


async def write(page: Page, text: str) -> None:
    await page.get_by_label("Tulis pesan", exact=True).fill(text)
    await page.keyboard.press("Enter")


async def test_a_message_gets_its_reply_and_a_button_can_be_tapped_by_keyboard(page: Page, served: Served) -> None:
    await write(page, "jalan depan SMP 1 Sekayu rusak parah")
    await expect(own(page)).to_have_count(1)
    await expect(replies(page)).to_have_count(1)
    await expect(replies(page)).to_contain_text("Petugas bot:")
    await expect(page.get_by_role("textbox", name="Tulis pesan")).to_be_focused()

    await page.get_by_role("button", name="Ya, kirim").focus()
    await page.keyboard.press("Enter")
    await expect(replies(page)).to_have_count(2)
    await expect(own(page).last).to_contain_text("Ya, kirim")
    await expect(page.get_by_role("button", name="Ubah")).to_be_disabled()
    await expect(page.locator("#log")).to_be_focused()
    assert [message.choice for message in served.desk.taken] == [None, "yes"]
    assert served.desk.taken[0].sequence < served.desk.taken[1].sequence


async def test_shift_enter_is_a_new_line_and_markup_stays_text(page: Page, served: Served) -> None:
    await page.get_by_label("Tulis pesan", exact=True).fill("<b>satu</b>")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("dua")
    await page.keyboard.press("Enter")
    await expect(own(page).locator(".text")).to_have_text("<b>satu</b>\ndua")
    await expect(replies(page)).to_have_count(1)
    assert served.desk.taken[0].text == "<b>satu</b>\ndua"


async def test_reload_keeps_the_history_and_the_open_question(page: Page) -> None:
    await write(page, "lampu jalan mati")
    await expect(replies(page)).to_have_count(1)
    await page.reload()
    await expect(own(page).locator(".text")).to_have_text(["lampu jalan mati"])
    await expect(page.get_by_role("button", name="Ya, kirim")).to_be_enabled()
    assert await page.locator("#log").evaluate("log => Math.abs(log.scrollTop) < 2")


async def test_a_store_that_is_down_gets_the_message_later_and_once(page: Page, served: Served) -> None:
    served.desk.refusals = 2
    await write(page, "sampah menumpuk di pasar")
    await expect(page.locator("#state")).to_contain_text("pesan Anda tersimpan")
    await expect(replies(page)).to_have_count(1)
    await expect(own(page)).to_have_count(1)
    await expect(page.locator("#state")).to_have_text("Terhubung")
    assert len(served.desk.taken) == 1
    assert await page.evaluate("Object.keys(localStorage).filter(k => k.includes(':out:')).length") == 0


async def test_offline_messages_survive_a_reload_and_arrive_in_order(page: Page, served: Served) -> None:
    served.stop()
    await write(page, "pertama")
    await write(page, "kedua")
    await expect(page.locator("#state")).to_contain_text("Menyambung lagi")
    await expect(own(page).first).to_contain_text("menunggu sambungan")
    served.start()
    await page.reload()
    await expect(replies(page)).to_have_count(2)
    await expect(own(page)).to_have_count(2)
    assert [message.text for message in served.desk.taken] == ["pertama", "kedua"]


async def test_the_stream_comes_back_and_misses_nothing(page: Page, context: BrowserContext, served: Served) -> None:
    await write(page, "halo")
    await expect(replies(page)).to_have_count(1)
    await context.set_offline(True)
    served.stop()
    await expect(page.locator("#state")).to_contain_text("Menyambung lagi")
    [address] = served.desk.chats
    served.desk.say(address, Line(0, False, "Jawaban dari dinas.", (), datetime.now(UTC), None))
    served.start()
    await context.set_offline(False)
    await expect(replies(page).last).to_contain_text("Jawaban dari dinas.")
    await expect(page.locator("#state")).to_have_text("Terhubung")
    await expect(replies(page)).to_have_count(2)


async def test_a_lost_answer_does_not_double_the_message(page: Page, served: Served) -> None:
    async def lose(route: Any) -> None:
        await route.fetch()
        await route.abort()

    await page.route("**/chat/messages", lose, times=1)
    await write(page, "banjir di depan kantor lurah")
    await expect(replies(page)).to_have_count(1)
    await expect(own(page)).to_have_count(1)
    await expect(page.locator("#state")).to_have_text("Terhubung")
    assert len(served.desk.taken) == 1


async def test_a_photo_goes_up_with_its_caption(page: Page, served: Served) -> None:
    await page.set_input_files("#file", {"name": "jalan.png", "mimeType": "image/png", "buffer": PNG})
    await expect(page.locator("#picked")).to_contain_text("jalan.png")
    await write(page, "ini fotonya")
    await expect(replies(page)).to_have_count(1)
    await expect(own(page)).to_have_count(1)
    await expect(own(page)).to_contain_text("ini fotonya")
    [message] = served.desk.taken
    assert message.media is not None
    assert (message.media.kind, message.media.name, message.media.size) == ("photo", "jalan.png", len(PNG))
    assert served.desk.files == [PNG]


async def test_a_photo_survives_a_reload_before_it_is_sent(page: Page, served: Served) -> None:
    served.desk.refusals = 10**6
    await page.set_input_files("#file", {"name": "jalan.png", "mimeType": "image/png", "buffer": PNG})
    await page.get_by_role("button", name="Kirim", exact=True).click()
    await expect(own(page)).to_contain_text("menunggu sambungan")
    await page.reload()
    served.desk.refusals = 0
    await expect(replies(page)).to_have_count(1)
    assert served.desk.files == [PNG]


async def test_too_long_is_said_and_kept(page: Page, served: Served) -> None:
    await write(page, "x" * 20_001)
    await expect(page.locator("#notice")).to_contain_text("20.000")
    assert await page.get_by_label("Tulis pesan", exact=True).input_value() == "x" * 20_001
    assert served.desk.taken == []


async def test_location_is_sent_after_a_tap_and_a_yes(page: Page, context: BrowserContext, served: Served) -> None:
    await context.grant_permissions(["geolocation"])
    await context.set_geolocation({"latitude": -2.88, "longitude": 103.83})
    await page.get_by_role("button", name="Kirim lokasi").click()
    await page.get_by_role("button", name="Batal").click()
    assert served.desk.taken == []
    await page.get_by_role("button", name="Kirim lokasi").click()
    await page.locator("dialog").get_by_role("button", name="Kirim lokasi").click()
    await expect(replies(page)).to_have_count(1)
    place = served.desk.taken[0].place
    assert place is not None
    assert (place.latitude, place.longitude) == (-2.88, 103.83)


async def test_closing_the_chat_leaves_nothing_on_the_device(page: Page) -> None:
    await write(page, "rahasia")
    await expect(replies(page)).to_have_count(1)
    await page.get_by_text("Tentang", exact=True).click()
    await page.get_by_role("button", name="Tutup chat di perangkat ini").click()
    await expect(page.locator(".line")).to_have_count(0)
    await expect(page.locator("#state")).to_have_text("Terhubung")
    assert "rahasia" not in await page.evaluate("JSON.stringify(localStorage)")


async def test_english_is_kept_in_a_cookie(page: Page) -> None:
    await page.goto("/chat?lang=en")
    await page.goto("/chat")
    assert await page.locator("html").get_attribute("lang") == "en"
    await expect(page.get_by_role("heading", name="Report by chat")).to_be_visible()


async def test_without_scripts_the_page_is_a_form(chrome: Browser, served: Served) -> None:
    context = await chrome.new_context(base_url=served.url, java_script_enabled=False)
    page = await context.new_page()
    await page.goto("/chat")
    await page.get_by_label("Tulis pesan", exact=True).fill("pohon tumbang\ndi jalan raya")
    await page.get_by_role("button", name="Kirim", exact=True).click()
    await expect(own(page).locator(".text")).to_have_text("pohon tumbang\ndi jalan raya")
    await page.set_input_files("#file", {"name": "pohon.png", "mimeType": "image/png", "buffer": PNG})
    await page.get_by_role("button", name="Kirim", exact=True).click()
    await expect(own(page)).to_have_count(2)
    await page.get_by_role("button", name="Ya, kirim").last.click()
    await expect(own(page).last.locator(".text")).to_have_text("Ya, kirim")
    assert [message.text for message in served.desk.taken] == ["pohon tumbang\ndi jalan raya", "", ""]
    assert served.desk.taken[-1].choice == "yes"
    await context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1440])
async def test_axe_finds_nothing_and_nothing_overflows(
    chrome: Browser, served: Served, scheme: Any, width: int
) -> None:
    context = await chrome.new_context(
        base_url=served.url, color_scheme=scheme, locale="id-ID", viewport={"width": width, "height": 844}
    )
    page = await context.new_page()
    await page.goto("/chat")
    await photograph(page, f"empty-{width}-{scheme}")
    assert_clean(await Axe().run(page, options=WCAG))
    await write(page, "jalan depan SMP 1 Sekayu rusak parah sejak bulan lalu, banyak motor jatuh")
    await expect(replies(page)).to_have_count(1)
    await page.set_input_files("#file", {"name": "jalan-rusak.png", "mimeType": "image/png", "buffer": PNG})
    await write(page, "ini fotonya")
    await expect(replies(page)).to_have_count(2)
    served.desk.refusals = 2
    await page.get_by_role("button", name="Ya, kirim").last.click()
    await photograph(page, f"waiting-{width}-{scheme}")
    await expect(page.locator("#state")).to_contain_text("Menyambung lagi")
    assert_clean(await Axe().run(page, options=WCAG))
    await expect(replies(page)).to_have_count(3)
    await photograph(page, f"chat-{width}-{scheme}")
    await page.get_by_text("Tentang", exact=True).click()
    await photograph(page, f"about-{width}-{scheme}")
    assert_clean(await Axe().run(page, options=WCAG))
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await context.close()


WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def assert_clean(result: Any) -> None:
    assert result.violations_count == 0, result.generate_report()


async def photograph(page: Page, name: str) -> None:
    """Keep a screenshot where SCREENSHOTS names a folder, to be looked at by people."""
    if folder := os.environ.get("SCREENSHOTS"):
        await page.screenshot(path=Path(folder) / f"{name}.png")
