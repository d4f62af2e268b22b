"""The master data pages in a real browser: nothing that their policy forbids, nothing from elsewhere, both sizes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from desking import GRANTS, officer
from journey.browser import chromium
from playwright.async_api import Page
from running import web

from api.settings import Settings
from desk.access import COOKIE
from store import policy

# Of the admin: a list, its forms, a row; and the desk's own pages.
ADMIN = (
    "induk/instansi/list",
    "induk/instansi/create",
    "induk/instansi/edit?pk=16.71-pu",
    "induk/instansi/detail?pk=16.71-pu",
    "induk/hari-libur/list",
    "induk/aturan-waktu/edit?pk=close,2020-01-01",
)
OWN = ("", "impor", "ekspor", "saluran", "staf", "staf/1")


def watch(page: Page, wrong: list[str], address: str) -> None:
    """Collect what the page was forbidden, what it asked of others, and what its scripts stumbled over."""
    page.on("console", lambda said: wrong.append(f"{page.url}: {said.text}") if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(f"{page.url}: {error}"))
    page.on(
        "request",
        lambda asked: wrong.append(asked.url) if not asked.url.startswith((address, "data:")) else None,
    )


@pytest.mark.parametrize("width", [1440, 390])
async def test_the_pages_in_a_browser(settings: Settings, database: str, width: int) -> None:
    async with web(settings, database) as (address, house), chromium() as browser:
        async with house.engine.begin() as connection:
            _, token = await officer(connection, GRANTS[policy.ADMINISTRATOR], GRANTS[policy.ADMIN_INSTANSI])
        context = await browser.new_context(viewport={"width": width, "height": 900}, locale="id-ID")
        await context.add_cookies([{"name": COOKIE, "value": token, "url": f"{address}/desk"}])
        page = await context.new_page()
        wrong: list[str] = []
        watch(page, wrong, address)
        for path in (*ADMIN, *OWN):
            answer = await page.goto(f"{address}/desk/data/{path}".rstrip("/"))
            assert answer is not None
            assert answer.status == 200, path
            await page.wait_for_load_state("networkidle")
            if folder := os.environ.get("SCREENSHOTS"):
                name = path.split("?")[0].replace("/", "-") or "data"
                await page.screenshot(path=Path(folder) / f"{name}-{width}.png", full_page="staf" not in path)
            assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
            if path in OWN:
                found = await Axe().run(page)
                assert found.response["violations"] == [], path
        # Words that a script may use, a page's own size, a calendar in the officer's language.
        await page.goto(f"{address}/desk/data/induk/hari-libur/list")
        await page.select_option("select[data-onchange]", index=1)
        await page.wait_for_url("**page_size=50*")
        await page.goto(f"{address}/desk/data/induk/instansi/create")
        await page.locator("#valid_from + input").click()
        assert await page.locator(".flatpickr-weekday", has_text="Sen").count() > 0
        await page.locator(".select2-selection").first.click()
        assert await page.locator(".select2-results__option").count() > 10
        await page.goto(f"{address}/desk/data/induk/wilayah/list?q=Sekayu")
        assert "Sekayu" in await page.inner_text("main, .page-body")
        assert wrong == []
