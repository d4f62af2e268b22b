"""The desk's pages of Kawan LAPOR in a real browser: nothing for axe to find, nothing too wide, a slip that prints."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import product

import pytest
from axe_playwright_python.async_playwright import Axe
from journey.browser import chromium
from playwright.async_api import Browser, Page, expect
from running import web

from api.house import House
from api.settings import Settings
from desk.access import COOKIE
from store import policy, staff, volunteers
from store.policy import Grant

OPERATOR = Grant(policy.ADMIN_INSTANSI, region="16")


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A Chromium, or a skip."""
    async with chromium() as opened:
        yield opened


async def signed_in(browser: Browser, address: str, house: House, scheme: str, width: int) -> Page:
    """A page of an operator, light or dark, on a screen or a phone."""
    async with house.engine.begin() as connection:
        staff_id = await staff.add(connection, f"ani-{scheme}-{width}", "Ani", [OPERATOR])
        token = await staff.open_session(connection, staff_id, house.now(), verified=True)
    context = await browser.new_context(
        locale="id-ID",
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": width, "height": 900},
    )
    await context.add_cookies([{"name": COOKIE, "value": token, "url": f"{address}/desk"}])
    return await context.new_page()


async def sound(page: Page, where: str) -> None:
    """Axe finds nothing, and nothing is wider than the screen."""
    found = await Axe().run(page)
    assert found.violations_count == 0, f"{where}: {found.generate_report()}"
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, where


async def test_from_the_list_to_a_slip_that_prints(browser: Browser, settings: Settings, database: str) -> None:
    async with web(settings, database) as (address, house):
        for scheme, width in product(("light", "dark"), (1440, 390)):
            page = await signed_in(browser, address, house, scheme, width)
            name = f"Kawan {scheme} {width}"
            await page.goto(f"{address}/desk/kawan")
            await sound(page, f"list, {scheme}, {width}")
            await page.get_by_role("link", name="Undang Kawan LAPOR").click()
            await sound(page, f"form, {scheme}, {width}")
            await page.fill("#name", name)
            await page.select_option("#region", "16.71.01")
            await page.get_by_role("button", name="Undang dan tampilkan kode").click()
            code = await page.locator(".slip .code").inner_text()
            await sound(page, f"slip, {scheme}, {width}")
            await expect(page.get_by_role("button", name="Cetak lembar")).to_be_visible()
            # On paper there is the slip, and nothing else.
            await page.emulate_media(media="print")
            printed = await page.locator("body").inner_text()
            assert printed.startswith("Undangan Kawan LAPOR")
            assert f"kawan {code}" in " ".join(printed.split())
            await page.emulate_media(media="screen")
            await page.get_by_role("link", name=name).click()
            await expect(page.get_by_text(code)).to_have_count(0)
            await page.get_by_role("button", name="Cabut izin").click()
            await expect(page.get_by_role("button", name="Ya, cabut izinnya")).to_be_focused()
            await sound(page, f"revoking, {scheme}, {width}")
            await page.get_by_role("button", name="Ya, cabut izinnya").click()
            await expect(page.get_by_text("Izinnya dicabut.")).to_be_visible()
            await sound(page, f"revoked, {scheme}, {width}")
        async with house.engine.connect() as connection:
            reach = policy.reach([OPERATOR], "volunteer.read")
            listed = await volunteers.page(
                connection, reach, today=house.today(None) + timedelta(days=1), now=house.now(), daily=10
            )
        assert [each.state for each in listed] == ["revoked"] * 4
