"""The chat page in a real browser, on the real house: what citizens see, also when the house or the line fails."""

from __future__ import annotations

import json
import os
import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from axe_playwright_python.async_playwright import Axe
from conftest import API_KEY
from cutting import store_down
from journey.browser import ARGS, chromium, executable
from playwright.async_api import Browser, BrowserContext, Locator, Page, async_playwright, expect
from psycopg.rows import scalar_row
from running import free_port, speaking, web, working

from api.settings import Settings

STORY = "Jalan di depan SMP 1 Sekayu rusak parah sejak bulan lalu, banyak motor jatuh."
LONG = "jalan_rusak_" * 12
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000"
    "050001a5f645400000000049454e44ae426082"
)


class Served:
    """The real house. Its web process can stop and come back at the same address; its store can be down."""

    def __init__(self, settings: Settings, server: str, database: str) -> None:
        self._settings, self._server, self._database = settings, server, database
        self._port = free_port()
        self._web = AsyncExitStack()
        self.url = f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Start the web process."""
        await self._web.enter_async_context(web(self._settings, self._database, self._port))

    async def stop(self) -> None:
        """Stop the web process, if it runs."""
        await self._web.aclose()

    def store_down(self) -> AbstractAsyncContextManager[None]:
        """The house cannot reach its database."""
        return store_down(self._server, self._database)

    async def heard(self) -> list[dict[str, Any]]:
        """What the inbox has, in order."""
        async with await psycopg.AsyncConnection.connect(self._database, row_factory=scalar_row) as connection:
            return await (await connection.execute("SELECT payload FROM inbox ORDER BY id")).fetchall()

    async def change(self, statement: str, *values: Any) -> None:
        """Change something behind everybody's back."""
        async with await psycopg.AsyncConnection.connect(self._database) as connection:
            await connection.execute(statement, values)

    async def call(self, method: str, path: str, **request: Any) -> httpx.Response:
        """What an operator does."""
        async with httpx.AsyncClient(base_url=f"{self.url}/api/v1", headers={"X-API-Key": API_KEY}) as api:
            answer = await api.request(method, path, **request)
            assert answer.is_success, answer.text
            return answer


@pytest.fixture
async def served(settings: Settings, server: str, database: str) -> AsyncIterator[Served]:
    served = Served(settings, server, database)
    async with speaking(settings, database), working(settings, database):
        await served.start()
        yield served
        await served.stop()


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


@pytest.fixture(autouse=True)
def patience() -> None:
    """The house looks for a store that was away once a second, a browser for its stream after three."""
    expect.set_options(timeout=10_000)


def own(page: Page) -> Locator:
    return page.locator(".line.mine")


def replies(page: Page) -> Locator:
    return page.locator(".line.theirs")


async def write(page: Page, text: str) -> None:
    await page.get_by_label("Tulis pesan", exact=True).fill(text)
    await page.keyboard.press("Enter")


async def attach(page: Page, name: str) -> None:
    await page.set_input_files("#file", {"name": name, "mimeType": "image/png", "buffer": PNG})


async def answered(page: Page, count: int, text: str) -> None:
    """So many replies are there, and the newest says this."""
    await expect(replies(page)).to_have_count(count)
    await expect(replies(page).last).to_contain_text(text)


async def tap(page: Page, label: str) -> None:
    await page.get_by_role("button", name=label, exact=True).last.click()


async def ticket(page: Page) -> str:
    """The number of the complaint, which the newest reply tells."""
    await expect(replies(page).last).to_contain_text("Tercatat. Nomor laporan Anda:")
    [number] = set(re.findall(r"T-\d{3}-\d{3}-\d{4}", await replies(page).last.inner_text()))
    return str(number)


async def test_a_message_gets_its_reply_and_a_button_can_be_tapped_by_keyboard(page: Page, served: Served) -> None:
    await write(page, STORY)
    await expect(own(page)).to_have_count(1)
    await answered(page, 1, "Ada foto?")
    await expect(replies(page)).to_contain_text("Petugas bot:")
    await expect(page.get_by_role("textbox", name="Tulis pesan")).to_be_focused()

    for number, label in enumerate(("Tidak ada foto", "Tanpa keduanya", "Ya, kirim"), 2):
        await page.get_by_role("button", name=label, exact=True).focus()
        await page.keyboard.press("Enter")
        await expect(replies(page)).to_have_count(number)
        await expect(own(page).last).to_contain_text(label)
        await expect(page.locator("#log")).to_be_focused()
    await expect(page.get_by_role("button", name="Ubah")).to_be_disabled()

    filed = (await served.call("GET", f"/complaints/{await ticket(page)}")).json()
    assert filed["text"] == STORY
    taken = await served.heard()
    assert [message.get("label") for message in taken] == [None, "Tidak ada foto", "Tanpa keduanya", "Ya, kirim"]
    assert [message["n"] for message in taken] == sorted({message["n"] for message in taken})


async def test_shift_enter_is_a_new_line_and_markup_stays_text(page: Page, served: Served) -> None:
    await page.get_by_label("Tulis pesan", exact=True).fill("<b>satu</b>")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("dua")
    await page.keyboard.press("Enter")
    await expect(own(page).locator(".text")).to_have_text("<b>satu</b>\ndua")
    await expect(replies(page)).to_have_count(1)
    assert [message["text"] for message in await served.heard()] == ["<b>satu</b>\ndua"]


async def test_reload_keeps_the_history_and_the_open_question(page: Page) -> None:
    await write(page, STORY)
    await answered(page, 1, "Ada foto?")
    await page.reload()
    await expect(own(page).locator(".text")).to_have_text([STORY])
    await answered(page, 1, "Ada foto?")
    await expect(page.get_by_role("button", name="Tidak ada foto")).to_be_enabled()
    assert await page.locator("#log").evaluate("log => Math.abs(log.scrollTop) < 2")


async def test_a_store_that_is_down_gets_the_message_later_and_once(page: Page, served: Served) -> None:
    async with served.store_down():
        await write(page, STORY)
        await expect(page.locator("#state")).to_contain_text("pesan Anda tersimpan")
        await expect(own(page)).to_contain_text("menunggu sambungan")
    await answered(page, 1, "Ada foto?")
    await expect(own(page)).to_have_count(1)
    await expect(page.locator("#state")).to_have_text("Terhubung")
    assert len(await served.heard()) == 1
    assert await page.evaluate("Object.keys(localStorage).filter(k => k.includes(':out:')).length") == 0


async def test_offline_messages_survive_a_reload_and_arrive_in_order(page: Page, served: Served) -> None:
    await served.stop()
    words = [STORY, "tidak ada foto", "biasa saja"]
    for each in words:
        await write(page, each)
    await expect(page.locator("#state")).to_contain_text("Menyambung lagi")
    await expect(own(page).first).to_contain_text("menunggu sambungan")
    await served.start()
    await page.reload()
    await expect(replies(page).last).to_be_visible()
    await expect(own(page).locator(".text")).to_have_text(words)
    assert [message["text"] for message in await served.heard()] == words


async def test_the_stream_comes_back_and_misses_nothing(page: Page, context: BrowserContext, served: Served) -> None:
    await write(page, STORY)
    for count, label in enumerate(("Tidak ada foto", "Tanpa keduanya", "Ya, kirim"), 1):
        await expect(replies(page)).to_have_count(count)
        await tap(page, label)
    await expect(replies(page)).to_have_count(4)
    number = await ticket(page)
    await context.set_offline(True)
    await served.stop()
    await expect(page.locator("#state")).to_contain_text("Menyambung lagi")
    await served.start()
    note = "Jalan ditambal pekan ini."
    moved = {"status": "Ditindaklanjuti oleh Instansi", "note": note}
    await served.call("POST", f"/complaints/{number}/moves", json=moved)
    await context.set_offline(False)
    await answered(page, 5, note)
    await expect(page.locator("#state")).to_have_text("Terhubung")


async def test_a_lost_answer_does_not_double_the_message(page: Page, served: Served) -> None:
    async def lose(route: Any) -> None:
        await route.fetch()
        await route.abort()

    await page.route("**/chat/messages", lose, times=1)
    await write(page, STORY)
    await answered(page, 1, "Ada foto?")
    await expect(own(page)).to_have_count(1)
    await expect(page.locator("#state")).to_have_text("Terhubung")
    assert len(await served.heard()) == 1


async def test_a_photo_goes_up_with_its_caption(page: Page, served: Served) -> None:
    await attach(page, "jalan.png")
    await expect(page.locator("#picked")).to_contain_text("jalan.png")
    await write(page, STORY)
    await expect(replies(page)).to_have_count(1)
    await expect(own(page)).to_have_count(1)
    await expect(own(page)).to_contain_text(STORY)
    await expect(own(page)).to_contain_text("terkirim")
    await expect(own(page).locator(".file")).to_have_text("jalan.png")
    [message] = await served.heard()
    assert message["file"] == {"size": len(PNG), "content_type": "image/png", "name": "jalan.png"}
    await tap(page, "Tanpa keduanya")
    await expect(replies(page)).to_have_count(2)
    await tap(page, "Ya, kirim")
    await expect(replies(page)).to_have_count(3)
    complaint = f"/complaints/{await ticket(page)}"
    [file] = (await served.call("GET", complaint)).json()["files"]
    assert (await served.call("GET", f"{complaint}/files/{file['id']}")).content == PNG


async def test_a_photo_survives_a_reload_before_it_is_sent(page: Page, served: Served) -> None:
    async with served.store_down():
        await attach(page, "jalan.png")
        await page.get_by_role("button", name="Kirim", exact=True).click()
        await expect(own(page)).to_contain_text("menunggu sambungan")
        await page.reload()
        await expect(page.locator("#notice")).to_contain_text("Sistem sedang terganggu")
        await expect(own(page)).to_contain_text("jalan.png")
    await expect(replies(page)).to_have_count(1)
    await expect(own(page)).to_have_count(1)
    await expect(page.locator("#state")).to_have_text("Terhubung")
    await expect(page.locator("#notice")).to_have_text("")
    [message] = await served.heard()
    assert message["file"]["size"] == len(PNG)


async def test_too_long_is_said_and_kept(page: Page, served: Served) -> None:
    await write(page, "x" * 20_001)
    await expect(page.locator("#notice")).to_contain_text("20.000")
    assert await page.get_by_label("Tulis pesan", exact=True).input_value() == "x" * 20_001
    assert await served.heard() == []


async def test_location_is_sent_after_a_tap_and_a_yes(page: Page, context: BrowserContext, served: Served) -> None:
    await context.grant_permissions(["geolocation"])
    await context.set_geolocation({"latitude": -2.88, "longitude": 103.83})
    await page.get_by_role("button", name="Kirim lokasi").click()
    await page.get_by_role("button", name="Batal").click()
    assert await served.heard() == []
    await page.get_by_role("button", name="Kirim lokasi").click()
    await page.locator("dialog").get_by_role("button", name="Kirim lokasi").click()
    await expect(replies(page)).to_have_count(1)
    [message] = await served.heard()
    assert (message["latitude"], message["longitude"]) == (-2.88, 103.83)


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
    story = "Pohon tumbang di Jalan Merdeka Sekayu\nsejak kemarin"
    await page.get_by_label("Tulis pesan", exact=True).fill(story)
    await page.get_by_role("button", name="Kirim", exact=True).click()
    await expect(own(page).locator(".text")).to_have_text(story)
    await answered(page, 1, "Ada foto?")
    await attach(page, "pohon.png")
    await page.get_by_role("button", name="Kirim", exact=True).click()
    await expect(own(page)).to_have_count(2)
    await expect(own(page).last.locator(".file")).to_have_text("pohon.png")
    await answered(page, 2, "Anonim")
    await tap(page, "Tanpa keduanya")
    await answered(page, 3, "Sudah benar?")
    await tap(page, "Ya, kirim")
    await expect(own(page).last.locator(".text")).to_have_text("Ya, kirim")
    filed = (await served.call("GET", f"/complaints/{await ticket(page)}")).json()
    assert (filed["text"], len(filed["files"])) == (story, 1)
    await context.close()


# --- the voice


@pytest.fixture(scope="module")
async def hearing() -> AsyncIterator[Browser]:
    """A Chromium with a microphone that beeps."""
    path = executable()
    async with async_playwright() as playwright:
        args = [*ARGS, "--use-fake-device-for-media-stream"]
        browser = await playwright.chromium.launch(executable_path=path, args=args)
        yield browser
        await browser.close()


async def opened(browser: Browser, served: Served, width: int = 390, **options: Any) -> Page:
    """The chat page of somebody who may use a microphone."""
    context = await browser.new_context(
        base_url=served.url, locale="id-ID", viewport={"width": width, "height": 844}, **options
    )
    context.set_default_timeout(10_000)
    await context.grant_permissions(["microphone"])
    page = await context.new_page()
    await page.goto("/chat")
    await expect(page.locator("#state")).to_have_text("Terhubung")
    return page


async def record(page: Page) -> None:
    await page.get_by_role("button", name="Rekam suara").click()
    await expect(page.locator("#voice")).to_be_visible()
    await expect(page.locator("#voice-time")).to_have_text(re.compile(r"^0\.0[1-9] / 3\.00$"))
    await page.get_by_role("button", name="Selesai").click()


async def play(page: Page) -> None:
    """Play the newest sound on the page, until a third of a second of it is over."""
    heard = page.locator(".line.mine audio").last
    await heard.evaluate(
        """sound => new Promise((resolve, reject) => {
            sound.muted = true;
            sound.ontimeupdate = () => { if (sound.currentTime > 0.3) resolve(); };
            sound.onerror = () => reject(sound.error);
            sound.play().catch(reject);
        })"""
    )


async def test_a_voice_is_recorded_listened_to_and_sent(hearing: Browser, served: Served) -> None:
    page = await opened(hearing, served)
    complaints: list[str] = []
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await record(page)
    await expect(page.locator("#voice-text")).to_contain_text("Dengarkan dulu")
    assert await page.locator("#voice-heard").evaluate("sound => sound.src.startsWith('blob:')")
    assert await served.heard() == [], "nothing is sent before a yes"
    await page.get_by_role("button", name="Kirim rekaman").click()
    await expect(own(page)).to_have_count(1)
    await expect(own(page)).to_contain_text("terkirim")
    await expect(own(page).locator(".file")).to_have_text("rekaman suara.webm")
    await expect(replies(page)).to_have_count(1)
    [message] = await served.heard()
    assert message["file"]["content_type"].startswith("audio/webm")
    assert message["file"]["size"] > 1000

    assert not [url for url in asked if "/chat/files/" in url], "a sound is fetched when it is played, not before"
    await play(page)
    await page.reload()
    await play(page)  # what was said can be heard again later
    assert not complaints
    await page.context.close()


async def test_a_recording_can_be_thrown_away_and_the_microphone_is_let_go(hearing: Browser, served: Served) -> None:
    page = await opened(hearing, served)
    await page.evaluate(
        """() => {
            const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
            window.lent = [];
            navigator.mediaDevices.getUserMedia = async (wish) => {
                const lent = await ask(wish);
                window.lent.push(...lent.getTracks());
                return lent;
            };
        }"""
    )
    for leave in ("Batal", "Escape"):
        await page.get_by_role("button", name="Rekam suara").dblclick()
        await expect(page.locator("#voice")).to_be_visible()
        await expect(page.locator("#voice-time")).to_contain_text("0.01")
        if leave == "Escape":
            await page.keyboard.press("Escape")
        else:
            await page.locator("#voice").get_by_role("button", name=leave).click()
        await expect(page.locator("#voice")).to_be_hidden()
        await page.wait_for_function("() => window.lent.every(track => track.readyState === 'ended')")
    await record(page)
    await page.locator("#voice").get_by_role("button", name="Batal").click()
    assert await served.heard() == []
    await expect(own(page)).to_have_count(0)
    await page.context.close()


async def test_a_recording_ends_by_itself_after_three_minutes(hearing: Browser, served: Served) -> None:
    page = await opened(hearing, served)
    await page.clock.install()
    await page.get_by_role("button", name="Rekam suara").click()
    # Something must have been heard: of nothing there is no recording.
    await expect(page.locator("#voice-time")).to_contain_text("0.01")
    await page.clock.fast_forward(181_000)
    await expect(page.locator("#voice-text")).to_contain_text("sudah 3 menit")
    await expect(page.get_by_role("button", name="Kirim rekaman")).to_be_visible()
    assert await served.heard() == []
    await page.context.close()


async def test_a_recording_waits_for_a_store_that_is_down(hearing: Browser, served: Served) -> None:
    page = await opened(hearing, served)
    async with served.store_down():
        await record(page)
        await page.get_by_role("button", name="Kirim rekaman").click()
        await expect(own(page)).to_contain_text("menunggu sambungan")
        await page.reload()
        await expect(own(page)).to_contain_text("rekaman suara.webm")
    await expect(own(page).locator("audio")).to_have_count(1)
    assert len(await served.heard()) == 1
    await page.context.close()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("NotAllowedError", "Izin mikrofon tidak diberikan"),
        ("NotFoundError", "Mikrofon tidak ditemukan"),
        ("NotReadableError", "Suara tidak bisa direkam"),
    ],
)
async def test_a_microphone_that_is_not_to_be_had_is_told(page: Page, error: str, told: str) -> None:
    """What the browser throws is the browser's; what is said then is ours."""
    await page.evaluate(
        "name => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', name); }; }", error
    )
    await page.get_by_role("button", name="Rekam suara").click()
    await expect(page.locator("#notice")).to_contain_text(told)
    await expect(page.locator("#voice")).to_be_hidden()


async def test_without_a_recorder_a_sound_file_is_attached(page: Page, served: Served) -> None:
    await page.add_init_script("delete window.MediaRecorder")
    await page.reload()
    await expect(page.get_by_role("button", name="Rekam suara")).to_have_count(0)
    sound = b"OggS" + bytes(100)
    await page.set_input_files("#file", {"name": "PTT-0001.opus", "mimeType": "audio/ogg", "buffer": sound})
    await page.get_by_role("button", name="Kirim", exact=True).click()
    await expect(own(page).locator("audio")).to_have_count(1)
    [message] = await served.heard()
    assert message["file"] == {"size": 104, "content_type": "audio/ogg", "name": "PTT-0001.opus"}


@pytest.mark.parametrize("width", [320, 1280])
async def test_nobody_is_kept_out_of_a_recording(hearing: Browser, served: Served, width: int) -> None:
    page = await opened(hearing, served, width, reduced_motion="reduce")
    await inspect(page, f"before-recording-{width}")
    one_line = "box => box.scrollHeight <= 48"
    box = page.get_by_label("Tulis pesan", exact=True)
    assert await box.evaluate(one_line), "its label fits beside the tools"
    await box.fill("jalan rusak di")
    assert await box.evaluate(one_line)
    await box.fill("")
    await page.get_by_role("button", name="Rekam suara").click()
    await expect(page.locator("#voice-time")).to_contain_text("0.01")
    await inspect(page, f"recording-{width}")
    await page.get_by_role("button", name="Selesai").click()
    await expect(page.get_by_role("button", name="Kirim rekaman")).to_be_focused()
    await inspect(page, f"recorded-{width}")
    await page.keyboard.press("Enter")
    await expect(own(page).locator("audio")).to_have_count(1)
    await expect(replies(page)).to_have_count(1)
    await inspect(page, f"voice-{width}")
    await page.context.close()


@pytest.mark.parametrize("width", [320, 1280])
async def test_ten_buttons_of_forty_letters_fit(chrome: Browser, served: Served, width: int) -> None:
    context = await chrome.new_context(base_url=served.url, viewport={"width": width, "height": 844})
    page = await context.new_page()
    await page.goto("/chat")
    await write(page, "halo")
    await expect(replies(page)).to_have_count(1)
    labels = [f"{number}. Dinas Pekerjaan Umum, Penataan Ruang" for number in range(1, 9)] + ["W" * 40, "Lewati"]
    buttons = json.dumps([["office.sure", f"1:a:{number}", {"agency": each}] for number, each in enumerate(labels)])
    await served.change("UPDATE deliveries SET buttons = %s", buttons)
    await page.reload()
    shown = page.locator(".choices button")
    await expect(shown).to_have_text(labels)
    for button in await shown.all():
        box = await button.bounding_box()
        assert box is not None
        assert box["height"] >= 44
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    await inspect(page, f"ten-buttons-{width}")
    await shown.last.click()
    await expect(own(page).last).to_contain_text("Lewati")
    await context.close()


@pytest.mark.parametrize("width", [320, 390, 1440])
async def test_axe_finds_nothing_and_nothing_overflows(chrome: Browser, served: Served, width: int) -> None:
    context = await chrome.new_context(
        base_url=served.url, locale="id-ID", viewport={"width": width, "height": 844}, reduced_motion="reduce"
    )
    page = await context.new_page()
    await page.goto("/chat")
    await inspect(page, f"empty-{width}")
    await write(page, STORY)
    await answered(page, 1, "Ada foto?")
    await attach(page, f"{LONG}.png")
    await inspect(page, f"picked-{width}")
    await write(page, f"ini fotonya {LONG}")
    await answered(page, 2, "Anonim")
    async with served.store_down():
        await tap(page, "Tanpa keduanya")
        await expect(page.locator("#state")).to_contain_text("Menyambung lagi")
        await inspect(page, f"waiting-{width}")
    await answered(page, 3, "Sudah benar?")
    await photograph(page, f"chat-{width}")
    await page.get_by_text("Tentang", exact=True).click()
    await inspect(page, f"about-{width}")
    await context.close()


async def inspect(page: Page, name: str) -> None:
    """Nobody is kept out, in light and in dark, and nothing sticks out at the side."""
    for pane in ("html", "#log"):
        assert await page.locator(pane).evaluate("pane => pane.scrollWidth <= pane.clientWidth"), (name, pane)
    for scheme in ("light", "dark"):
        # Without motion: a colour on its way from light to dark is neither.
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        await photograph(page, f"{name}-{scheme}")
        found = await Axe().run(page, options=WCAG)
        assert found.violations_count == 0, f"{name}, {scheme}:\n{found.generate_report()}"


WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


async def photograph(page: Page, name: str) -> None:
    """Keep a screenshot where SCREENSHOTS names a folder, to be looked at by people."""
    if folder := os.environ.get("SCREENSHOTS"):
        await page.screenshot(path=Path(folder) / f"{name}.png")
