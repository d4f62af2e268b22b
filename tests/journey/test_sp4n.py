"""The whole story through the national store, in a real browser: a citizen writes on the chat page, the report goes
into SP4N-LAPOR!, an officer there disposes and answers it, the citizen replies and closes it in the chat."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from journey.browser import chromium
from journey.looking import rows, seen
from peers.sp4n import Sp4n
from peers.sp4n import running as sp4n_running
from playwright.async_api import Locator, Page, expect
from running import Running, everything

from api.settings import Settings
from api.unit import unit
from store import ways

STORY = "Sampah menumpuk di Pasar Lemabang Palembang sejak seminggu lalu, baunya menyengat"
ANSWER = "Sampah sudah diangkut pagi ini oleh 2 truk."
REPLY = "sisi timur pasar belum diangkut"
AGAIN = "Sisi timur dibersihkan sore ini."
# The slowest machine that this is run on has to fetch, look and answer meanwhile.
PATIENCE = 60_000


@pytest.fixture
async def sp4n(tmp_path: Path) -> AsyncIterator[Sp4n]:
    """A SP4N-LAPOR! on loopback."""
    async with sp4n_running(tmp_path / "sp4n.sqlite") as simulator:
        yield simulator


@pytest.fixture
async def running(settings: Settings, database: str, sp4n: Sp4n) -> AsyncIterator[Running]:
    """A house whose reports go there by its API."""
    async with everything(settings.model_copy(update={"bridge_pause_seconds": 0.2}), database) as house:
        async with unit(house.house) as work:
            added = await ways.add(
                work.connection, "sp4n-uji", ways.API, ways.SP4N, url=sp4n.base_url, secret=sp4n.token
            )
            await ways.put(work.connection, ways.SP4N, region=None, agency=None, connection_id=added, address=None)
        yield house


async def write(page: Page, words: str) -> None:
    await page.get_by_role("textbox").fill(words)
    await page.keyboard.press("Enter")


async def says(log: Locator, words: str) -> None:
    await expect(log).to_contain_text(words, timeout=PATIENCE)


async def picture(page: Page, name: str) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


async def test_from_the_chat_into_sp4n_and_back(running: Running, sp4n: Sp4n) -> None:
    async with chromium() as browser:
        chat = await browser.new_page(viewport={"width": 390, "height": 844}, locale="id-ID")
        await chat.goto(f"{running.address}/chat")
        log = chat.get_by_role("log")
        await write(chat, STORY)
        await says(log, "Ada foto?")
        await chat.get_by_role("button", name="Tidak ada foto").click()
        await says(log, "Anonim")
        await chat.get_by_role("button", name="Anonim", exact=True).click()
        await says(log, "Ini ringkasan laporan Anda.")
        await chat.get_by_role("button", name="Ya, kirim").click()
        await says(log, "sudah masuk SP4N-LAPOR!")
        [report] = sp4n.reports()
        assert report.tracking_id
        await says(log, report.tracking_id)
        ticket = re.findall(r"T-\d{3}-\d{3}-\d{4}", await log.inner_text())[-1]
        assert STORY in report.text
        assert ticket in report.text
        assert report.flags == "Anonim"
        assert not report.name

        officer = await browser.new_page(viewport={"width": 1280, "height": 900}, locale="id-ID")
        await officer.goto(f"{sp4n.base_url}/")
        await officer.get_by_role("link", name=report.title).click()
        await officer.get_by_role("button", name="Verifikasi").click()
        await officer.get_by_label("Disposisikan ke instansi").select_option(index=1)
        await officer.get_by_role("button", name="Disposisikan").click()
        await expect(officer.locator(".status")).to_contain_text("Terdisposisi ke")
        await seen(running.house, "SELECT 1 FROM complaint_references WHERE raw_status LIKE 'Terdisposisi ke%'", 60)
        await officer.get_by_label("Tindak lanjut (dibaca pelapor)").fill(ANSWER)
        await officer.get_by_role("button", name="Jawab", exact=True).click()
        await says(log, ANSWER)

        await chat.get_by_role("button", name="Belum selesai").last.click()
        await write(chat, REPLY)
        await seen(running.house, "SELECT 1 FROM reference_posts WHERE state = 'done'", 60)
        await officer.reload()
        await expect(officer.locator(".log")).to_contain_text(REPLY)
        await officer.get_by_label("Tindak lanjut (dibaca pelapor)").fill(AGAIN)
        await officer.get_by_role("button", name="Jawab", exact=True).click()
        await says(log, AGAIN)
        await picture(officer, "sp4n-answered-1280")

        await chat.get_by_role("button", name="Sudah selesai").last.click()
        await seen(running.house, "SELECT 1 FROM complaints WHERE status = 'Ditutup oleh Pelapor'", 60)
        await seen(running.house, "SELECT 1 FROM reference_posts WHERE kind = 'close' AND state = 'done'", 60)
        await officer.reload()
        await expect(officer.locator(".status")).to_contain_text("Ditutup oleh Pelapor")
        await picture(chat, "sp4n-chat-390")

        # Each was told once, in the order in which it happened.
        told = await rows(running.house, "SELECT says::text FROM deliveries ORDER BY id")
        spoken = "\n".join(row.says for row in told)
        assert spoken.count(ANSWER) == spoken.count(AGAIN) == 1
        assert REPLY not in spoken
