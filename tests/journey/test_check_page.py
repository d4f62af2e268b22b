"""The page /periksa in a real browser, without scripts, on a phone: what is found, what is not, and nobody kept out."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from cutting import store_down
from journey.browser import chromium
from making import file
from playwright.async_api import Browser, BrowserContext, Page, expect
from running import web

from api.house import House
from api.settings import Settings
from store import tickets

CODE = "3WXY-9TRA"
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture(scope="module")
async def chrome() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest.fixture
async def served(settings: Settings, database: str) -> AsyncIterator[tuple[str, House]]:
    """The web process: its address and its house."""
    async with web(settings, database) as found:
        yield found


@pytest.fixture
async def ticket(served: tuple[str, House]) -> str:
    async with served[1].engine.begin() as connection:
        agency = next(iter(served[1].directory.names))
        return (await file(connection, code=CODE, region="16.06", agency=agency)).ticket


@pytest.fixture
async def page(chrome: Browser, served: tuple[str, House]) -> AsyncIterator[Page]:
    """The page on a small telephone whose browser runs no scripts."""
    async with await phone(chrome, served[0], scripts=False) as context:
        opened = await context.new_page()
        await opened.goto("/periksa")
        yield opened


async def phone(chrome: Browser, address: str, *, scripts: bool, width: int = 360) -> BrowserContext:
    return await chrome.new_context(
        base_url=address,
        locale="id-ID",
        viewport={"width": width, "height": 640},
        java_script_enabled=scripts,
        reduced_motion="reduce",
    )


async def fill(page: Page, number: str, code: str) -> None:
    await page.get_by_label("Nomor laporan", exact=True).fill(number)
    await page.get_by_label("Kode periksa", exact=True).fill(code)
    await page.get_by_role("button", name="Periksa", exact=True).click()


async def test_a_receipt_is_checked_by_keyboard_alone(page: Page, ticket: str) -> None:
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Langsung ke isian")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await expect(page.get_by_label("Nomor laporan", exact=True)).to_be_focused()
    await page.keyboard.type(ticket)
    await page.keyboard.press("Tab")
    await page.keyboard.type(CODE.lower())
    await page.keyboard.press("Enter")
    found = page.get_by_role("region", name="Nomor dan kode cocok")
    await expect(found).to_be_visible()
    await expect(found).to_be_focused()
    await expect(found).to_contain_text("Nomor ini benar tercatat di kanal kami pada")
    await expect(found).to_contain_text("Sudah diterima, sedang dibaca petugas.")
    assert CODE not in page.url
    assert ticket not in page.url
    assert (await page.title()).startswith("Nomor dan kode cocok")


async def test_a_wrong_code_is_told_and_can_be_corrected(page: Page, ticket: str) -> None:
    await fill(page, ticket, "2222-2222")
    await expect(page.get_by_role("alert")).to_contain_text("tidak cocok")
    await expect(page.get_by_label("Nomor laporan", exact=True)).to_have_value(ticket)
    await fill(page, ticket, CODE)
    await expect(page.get_by_role("region", name="Nomor dan kode cocok")).to_be_visible()


async def test_a_misspelt_number_is_told_at_its_field(page: Page) -> None:
    await fill(page, "T-482-173-9057", CODE)
    number = page.get_by_label("Nomor laporan", exact=True)
    await expect(number).to_have_attribute("aria-invalid", "true")
    await expect(number).to_have_accessible_description(
        "Huruf T dan 10 angka, misalnya T-482-173-9056 "
        "Nomor ini sepertinya salah tulis. Nomor laporan kami terdiri dari huruf T dan 10 angka."
    )


async def test_english_stays_english(page: Page, ticket: str) -> None:
    await page.get_by_role("link", name="English").click()
    await page.get_by_label("Report number").fill(ticket)
    await page.get_by_label("Check code").fill(CODE)
    await page.get_by_role("button", name="Check", exact=True).click()
    await expect(page.get_by_role("region", name="The number and the code match")).to_be_visible()
    await expect(page.locator("html")).to_have_attribute("lang", "en")


@pytest.mark.parametrize("width", [320, 360, 1280])
async def test_axe_finds_nothing_and_nothing_overflows(
    chrome: Browser, served: tuple[str, House], ticket: str, server: str, database: str, width: int
) -> None:
    complaints: list[str] = []
    async with await phone(chrome, served[0], scripts=True, width=width) as context:
        page = await context.new_page()
        page.on("console", lambda m: complaints.append(m.text) if "Content Security" in m.text else None)
        await page.goto("/periksa")
        await inspect(page, f"check-empty-{width}")
        await fill(page, ticket, CODE)
        await inspect(page, f"check-found-{width}")
        await fill(page, tickets.new(), CODE)
        await inspect(page, f"check-wrong-{width}")
        await fill(page, "x", "x")
        await inspect(page, f"check-misread-{width}")
        async with store_down(server, database):
            await fill(page, ticket, CODE)
            await expect(page.get_by_role("alert")).to_contain_text("Sistem sedang terganggu")
            await inspect(page, f"check-down-{width}")
    assert complaints == []


async def test_what_can_be_tapped_is_large_enough(page: Page) -> None:
    for name in ("button", "input", "nav a", "section a"):
        for each in await page.locator(name).all():
            box = await each.bounding_box()
            assert box is not None
            assert box["height"] >= 44, name


async def inspect(page: Page, name: str) -> None:
    """Nobody is kept out, in light and in dark, and nothing sticks out at the side."""
    assert await page.locator("html").evaluate("pane => pane.scrollWidth <= pane.clientWidth"), name
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        if folder := os.environ.get("SCREENSHOTS"):
            await page.screenshot(path=Path(folder) / f"{name}-{scheme}.png", full_page=True)
        found = await Axe().run(page, options=WCAG)
        assert found.violations_count == 0, f"{name}, {scheme}:\n{found.generate_report()}"
