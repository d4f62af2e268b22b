"""A service counter in a real browser, at the width of a tablet: residents one after another, and nothing left."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from desking import PALEMBANG
from hours import in_office_hours
from journey.browser import chromium
from journey.looking import rows, seen
from playwright.async_api import Browser, BrowserContext, Locator, Page, expect
from running import Running, everything
from sqlalchemy import text

from api.settings import Settings
from desk.access import COOKIE
from store import policy, staff
from store.policy import Grant

NAME = "MPP Jakabaring 3"
STORY = "Tiang listrik di Lorong Mufakat, Kelurahan Ogan Baru, Palembang, miring sejak bulan lalu dan hampir roboh."
SECOND = "Selokan di Lorong Rukun, Kelurahan Kuto Batu, Palembang, tersumbat sejak minggu lalu."
ANSWERS = ("HP sendiri/keluarga", "Tidak ada foto", "Tanpa keduanya", "Tidak disebut", "Sudah dibaca, setuju")
TABLET = {"width": 768, "height": 1024}
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture(autouse=True)
def patience() -> None:
    """The machine may be busy."""
    expect.set_options(timeout=30_000)


@pytest.fixture
async def running(settings: Settings, database: str) -> AsyncIterator[Running]:
    async with everything(settings, database) as running:
        in_office_hours(running.house)
        yield running


@pytest.fixture(scope="module")
async def chrome() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


async def signed_in(chrome: Browser, running: Running, **options: object) -> BrowserContext:
    """The browser of a tablet, in which an officer of a counter has signed in to the desk."""
    async with running.house.engine.begin() as connection:
        staff_id = await staff.add(connection, "loket", "Sari Loket", [Grant(policy.LOKET, region=PALEMBANG)])
        token = await staff.open_session(connection, staff_id, running.house.now(), verified=True)
    context = await chrome.new_context(
        **{"base_url": running.address, "locale": "id-ID", "timezone_id": "Asia/Jakarta", "viewport": TABLET, **options}  # type: ignore[arg-type]
    )
    context.set_default_timeout(30_000)
    await context.add_cookies([{"name": COOKIE, "value": token, "url": f"{running.address}/desk"}])
    return context


async def sign_in_again(context: BrowserContext, running: Running) -> None:
    """Opening a counter has ended the session in that browser: the same officer begins another one."""
    async with running.house.engine.begin() as connection:
        staff_id = (await connection.execute(text("SELECT max(id) FROM staff"))).scalar_one()
        token = await staff.open_session(connection, staff_id, running.house.now(), verified=True)
    await context.add_cookies([{"name": COOKIE, "value": token, "url": f"{running.address}/desk"}])


async def watched(context: BrowserContext) -> Page:
    """A page of which everything is noted that the browser holds against it."""
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda m: complaints.append(m.text) if "Content Security" in m.text else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.complaints = complaints  # type: ignore[attr-defined]
    return page


async def opened(context: BrowserContext) -> Page:
    """A counter, opened at the desk."""
    page = await watched(context)
    await page.goto("/desk/loket")
    await inspect(page, "desk")
    await page.get_by_label("Nama loket").fill(NAME)
    await page.get_by_role("button", name="Buka loket di perangkat ini").click()
    await expect(page.get_by_role("heading", name="Siap untuk warga berikutnya")).to_be_visible()
    return page


def replies(page: Page) -> Locator:
    return page.locator("#lines > .theirs")


async def begin(page: Page) -> None:
    await page.get_by_role("button", name="Mulai dengan warga").click()
    await expect(replies(page).last).to_contain_text(f"Saya petugas {NAME}")


async def tap(page: Page, label: str) -> None:
    await page.get_by_role("button", name=label, exact=True).last.click()


async def write(page: Page, text: str) -> None:
    await page.get_by_label("Tulis pesan", exact=True).fill(text)
    await page.get_by_role("button", name="Kirim", exact=True).click()


async def tell(page: Page, story: str) -> None:
    """A resident agrees and tells what it is about."""
    await tap(page, "Ya, setuju")
    await expect(replies(page).last).to_contain_text("mau mendapat kabar")
    await tap(page, "HP sendiri/keluarga")
    await expect(replies(page).last).to_contain_text("Apa cerita warga?")
    await write(page, story)
    await expect(page.get_by_role("button", name="Tidak ada foto", exact=True)).to_be_enabled()


async def file(page: Page, story: str) -> str:
    """The whole way of one resident, up to the receipt; returns the ticket."""
    await tell(page, story)
    for label in ANSWERS[1:]:
        await tap(page, label)
        if label != ANSWERS[-1]:
            following = ANSWERS[ANSWERS.index(label) + 1]
            await expect(page.get_by_role("button", name=following, exact=True)).to_be_enabled()
    link = page.get_by_role("link", name="Cetak tanda terima")
    await expect(link).to_be_visible()
    [ticket] = set(re.findall(r"T-\d{3}-\d{3}-\d{4}", await replies(page).last.inner_text()))
    return str(ticket)


async def left_behind(page: Page) -> str:
    """All that the browser keeps for this site, as far as pages can reach it."""
    found: str = await page.evaluate(
        """async () => {
            const bases = await indexedDB.databases();
            return JSON.stringify([{...localStorage}, {...sessionStorage}, bases, document.documentElement.innerText]);
        }"""
    )
    return found


async def test_a_morning_at_the_counter(chrome: Browser, running: Running) -> None:
    context = await signed_in(chrome, running)
    page = await opened(context)
    await inspect(page, "ready")
    await begin(page)
    await expect(page.get_by_role("heading", name=NAME)).to_be_visible()
    await expect(page.locator("header")).to_contain_text("Mode loket")
    await inspect(page, "consent")
    first = await file(page, STORY)
    await expect(page.locator("#lines > .line")).to_have_count(1)
    assert "Mufakat" not in await page.locator("#lines").inner_text(), "it is the resident's now"
    await inspect(page, "filed")

    await page.get_by_role("link", name="Cetak tanda terima").click()
    await expect(page.locator(".sheet")).to_contain_text(first)
    await expect(page.get_by_role("button", name="Cetak", exact=True)).to_be_visible()
    await inspect(page, "receipt")
    await printed(page)
    await page.get_by_role("link", name="Kembali ke percakapan").click()
    await expect(replies(page).last).to_contain_text(first)

    await page.get_by_label("Tulis pesan", exact=True).fill("kata-kata yang belum dikirim")
    await page.get_by_role("button", name="Selesai, kosongkan layar").click()
    await expect(page.get_by_role("heading", name="Laporan warga ini belum selesai")).to_be_visible()
    await inspect(page, "unsure")
    await page.get_by_role("link", name="Kembali dan selesaikan").click()
    await expect(page.get_by_label("Tulis pesan", exact=True)).to_have_value("kata-kata yang belum dikirim")
    await page.get_by_role("button", name="Selesai, kosongkan layar").click()
    await page.get_by_role("button", name="Buang dan kosongkan layar").click()
    await expect(page.get_by_text("Layar kosong.")).to_be_visible()
    await inspect(page, "emptied")
    for secret in (first, "Mufakat", "belum dikirim"):
        assert secret not in await left_behind(page)

    # Nothing comes back by the way back.
    for _ in range(6):
        await page.go_back()
        await page.wait_for_load_state()
        if "/chat" not in page.url:
            break
        assert first not in await page.content()
        assert "Mufakat" not in await page.content()
        await expect(page.get_by_role("heading", name="Siap untuk warga berikutnya")).to_be_visible()

    await page.goto("/chat?loket=1")
    await begin(page)
    second = await file(page, SECOND)
    assert second != first
    assert first not in await page.content()
    await page.get_by_role("button", name="Warga berikutnya").click()
    await expect(page.locator(".line.mine .text")).to_have_text("dampingi")
    assert second not in await left_behind(page)
    await page.go_back()
    assert second not in await page.content()
    filed = await rows(running.house, "SELECT ticket, text FROM complaints ORDER BY id")
    assert [(row.ticket, row.text) for row in filed] == [(first, STORY), (second, SECOND)]
    assert page.complaints == []  # type: ignore[attr-defined]
    await context.close()


async def printed(page: Page) -> None:
    """The receipt on paper: one sheet of A5, black on white, without what only the screen needs."""
    await page.emulate_media(media="print", color_scheme="dark")
    await expect(page.get_by_role("button", name="Cetak", exact=True)).to_be_hidden()
    await photograph(page, "receipt-paper")
    paper = await page.pdf(format="A5", print_background=True)
    if folder := os.environ.get("SCREENSHOTS"):
        (Path(folder) / "counter-receipt.pdf").write_bytes(paper)
    assert len(re.findall(rb"/Type\s*/Page\b", paper)) == 1
    ground = await page.locator(".sheet").evaluate("sheet => getComputedStyle(sheet).backgroundColor")
    assert ground == "rgb(255, 255, 255)"
    await page.emulate_media(media="screen", color_scheme="light")


@pytest.fixture
def hurried(settings: Settings) -> Settings:
    """A house whose counters lose patience in seconds."""
    return settings.model_copy(update={"counter_idle_seconds": 4, "counter_countdown_seconds": 6})


async def test_a_screen_that_nobody_touches_empties_itself(chrome: Browser, hurried: Settings, database: str) -> None:
    async with everything(hurried, database) as running:
        in_office_hours(running.house)
        context = await signed_in(chrome, running)
        page = await opened(context)
        await begin(page)
        dialog = page.get_by_role("alertdialog", name="Masih di sini?")
        await expect(dialog).to_be_visible()
        await expect(page.locator("#idle-left")).to_have_text(re.compile(r"^[1-6] detik lagi$"))
        await expect(page.get_by_role("button", name="Masih di sini")).to_be_focused()
        await page.get_by_role("button", name="Masih di sini").click()
        await expect(dialog).to_be_hidden()
        await tell(page, STORY)
        await page.get_by_label("Tulis pesan", exact=True).fill("setengah kalimat")
        other = await context.new_page()
        await other.goto("/chat?loket=1")
        await expect(other.locator("#lines")).to_contain_text("Mufakat")
        await expect(page.get_by_text("lama tidak disentuh")).to_have_count(0)
        await page.bring_to_front()
        await expect(page.get_by_role("heading", name="Siap untuk warga berikutnya")).to_be_visible()
        for shown in (page, other):
            await expect(shown.get_by_role("heading", name="Siap untuk warga berikutnya")).to_be_visible()
            for secret in ("Mufakat", "setengah kalimat"):
                assert secret not in await left_behind(shown)
        await seen(running.house, "SELECT 1 FROM assistances WHERE outcome = 'desk' AND saved::text LIKE '%Mufakat%'")
        await context.close()


async def test_a_counter_that_is_closed_at_the_desk_empties_its_screen(chrome: Browser, running: Running) -> None:
    context = await signed_in(chrome, running)
    page = await opened(context)
    await begin(page)
    await tell(page, STORY)
    desk = await context.new_page()
    await desk.goto("/desk/loket")
    await expect(desk).to_have_url(re.compile("/desk/masuk"))
    await sign_in_again(context, running)
    await desk.goto("/desk/loket")
    await desk.get_by_role("button", name=f"Tutup loket {NAME}").click()
    await expect(desk.get_by_text("Loket ditutup.")).to_be_visible()
    await expect(page.get_by_role("heading", name="Loket belum dibuka di perangkat ini")).to_be_visible()
    await inspect(page, "closed")
    assert "Mufakat" not in await left_behind(page)
    await context.close()


async def test_without_scripts_a_counter_is_forms(chrome: Browser, running: Running) -> None:
    context = await signed_in(chrome, running, java_script_enabled=False)
    page = await context.new_page()
    await page.goto("/desk/loket")
    await page.get_by_label("Nama loket").fill(NAME)
    await page.get_by_role("button", name="Buka loket di perangkat ini").click()
    await begin(page)
    ticket = await file(page, STORY)
    await page.get_by_role("link", name="Cetak tanda terima").click()
    await expect(page.locator(".sheet")).to_contain_text(ticket)
    await expect(page.get_by_text("Cetak lewat menu peramban.")).to_be_visible()
    await page.get_by_role("link", name="Kembali ke percakapan").click()
    await page.get_by_role("button", name="Selesai, kosongkan layar").click()
    await expect(page.get_by_text("Layar kosong.")).to_be_visible()
    await page.go_back()
    assert ticket not in await page.content()
    await context.close()


async def test_in_english_at_every_width(chrome: Browser, running: Running) -> None:
    context = await signed_in(chrome, running)
    page = await opened(context)
    await page.goto("/chat/loket?lang=en")
    await everywhere(page, "en-ready")
    await page.get_by_role("button", name="Begin with a resident").click()
    await expect(replies(page)).to_have_count(1)
    await everywhere(page, "en-chat")
    await page.locator("#idle").evaluate("dialog => dialog.showModal()")
    await everywhere(page, "en-idle")
    await page.keyboard.press("Escape")
    await page.goto("/chat/tanda-terima?loket=1")
    await expect(page.get_by_role("heading", name="There is no receipt")).to_be_visible()
    await everywhere(page, "en-no-receipt")
    await context.close()


async def everywhere(page: Page, name: str) -> None:
    """The page on a telephone, a tablet and a desk."""
    for width, height in ((390, 844), (768, 1024), (1280, 900)):
        await page.set_viewport_size({"width": width, "height": height})
        await inspect(page, f"{name}-{width}")


async def inspect(page: Page, name: str) -> None:
    """Nobody is kept out, in light and in dark, and nothing sticks out at the side."""
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, name
    for scheme in ("light", "dark"):
        # Without motion: a colour on its way from light to dark is neither.
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        await photograph(page, f"{name}-{scheme}")
        found = await Axe().run(page, options=WCAG)
        assert found.violations_count == 0, f"{name}, {scheme}:\n{found.generate_report()}"
    await page.emulate_media(color_scheme="light")


async def photograph(page: Page, name: str) -> None:
    """Keep a screenshot where SCREENSHOTS names a folder, to be looked at by people."""
    if folder := os.environ.get("SCREENSHOTS"):
        await page.screenshot(path=Path(folder) / f"counter-{name}.png", full_page="receipt" in name)
