"""The whole story in a real browser: a citizen writes on the chat page, an operator moves, the answer appears."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from journey.browser import chromium
from playwright.async_api import Page, expect
from running import Running, everything

from api.settings import Settings


@pytest.fixture
async def plain(settings: Settings, database: str) -> AsyncIterator[Running]:
    """A house without Telegram."""
    async with everything(settings, database) as running:
        yield running


async def _write(page: Page, words: str) -> None:
    await page.get_by_role("textbox").fill(words)
    await page.keyboard.press("Enter")


async def test_from_the_page_to_the_answer(plain: Running) -> None:
    async with chromium() as browser:
        page = await browser.new_page(viewport={"width": 390, "height": 844}, locale="id-ID")
        await page.goto(f"{plain.address}/chat")
        log = page.get_by_role("log")
        await _write(page, "Sampah menumpuk di Pasar Lemabang Palembang sejak seminggu lalu, baunya menyengat")
        await expect(log).to_contain_text("Ada foto?")
        await page.get_by_role("button", name="Tidak ada foto").click()
        await expect(log).to_contain_text("Anonim")
        await page.get_by_role("button", name="Anonim", exact=True).click()
        await expect(log).to_contain_text("Ini ringkasan laporan Anda.")
        await page.get_by_role("button", name="Ya, kirim").click()
        await expect(log).to_contain_text("Tercatat. Nomor laporan Anda:")
        ticket = re.findall(r"T-\d{3}-\d{3}-\d{4}", await log.inner_text())[-1]

        note = "Sampah diangkut pagi ini oleh 2 truk."
        moved = await plain.api.post(
            f"/complaints/{ticket}/moves", json={"status": "Ditindaklanjuti oleh Instansi", "note": note}
        )
        assert moved.status_code == 200, moved.text
        await expect(log).to_contain_text(note)

        await page.reload()
        await expect(page.get_by_role("log")).to_contain_text(note)
        if folder := os.environ.get("SCREENSHOTS"):
            await page.screenshot(path=Path(folder) / "journey-390.png", full_page=True)
            await page.set_viewport_size({"width": 1440, "height": 900})
            await page.screenshot(path=Path(folder) / "journey-1440.png")
