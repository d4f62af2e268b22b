"""The page of a report in a browser: from the keyboard alone, with somebody else on it, and looked at by axe."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from desking import GRANTS, officer
from journey.browser import chromium
from playwright.async_api import Browser, Page, expect
from reporting import DISHUB, Report, reported, status, told
from running import web

from api.house import House
from api.settings import Settings
from api.unit import unit
from desk.access import COOKIE
from store import attention, complaints, policy
from store.complaints import Actor

Scheme = Literal["light", "dark"]
ADMIN = GRANTS[policy.ADMIN_INSTANSI]


@dataclass
class Desk:
    """A running desk with three reports, and browsers of its officers."""

    address: str
    house: House
    browser: Browser
    reports: list[Report]
    wrong: list[str]

    async def page(self, login: str, width: int = 1440, scheme: Scheme = "light") -> Page:
        """A window of an officer of Palembang; what its scripts say wrong is told."""
        async with self.house.engine.begin() as connection:
            _, token = await officer(connection, ADMIN, login=login)
        context = await self.browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
        await context.add_cookies([{"name": COOKIE, "value": token, "url": self.address}])
        page = await context.new_page()
        page.on("pageerror", lambda error: self.wrong.append(error.message))
        page.on(
            "console", lambda line: self.wrong.append(line.text) if "Content Security Policy" in line.text else None
        )
        return page

    def at(self, report: Report, query: str = "") -> str:
        return f"{self.address}/desk/laporan/{report.ticket}{query}"


async def ready(page: Page, besides: str = "") -> str:
    """The ticket of the report that the page shows, once its keys work; another one than `besides`."""
    if besides:
        await expect(page.locator("#report")).not_to_have_attribute("data-ticket", besides)
    await expect(page.locator("#show-keys")).to_be_visible()
    return str(await page.locator("#report").get_attribute("data-ticket"))


@asynccontextmanager
async def desk(settings: Settings, database: str) -> AsyncIterator[Desk]:
    async with web(settings, database) as (address, house), chromium() as browser:
        pins = [(-2.9838, 104.7600), (-2.9838, 104.7601), (-2.9811, 104.7600)]
        made = [
            await reported(house, address=str(number), latitude=pin[0], longitude=pin[1], anonymous=number == 0)
            for number, pin in enumerate(pins)
        ]
        yield Desk(address, house, browser, made, [])


async def test_a_report_is_disposed_and_the_next_one_is_there(settings: Settings, database: str) -> None:
    async with desk(settings, database) as here:
        page = await here.page("ani")
        await page.goto(here.at(here.reports[0], "?dari=triase"))
        await ready(page)
        await page.keyboard.press("a")
        await expect(page.locator(".done")).to_contain_text(f"{here.reports[0].ticket} sudah diteruskan")
        second = await ready(page, here.reports[0].ticket)
        assert second in {each.ticket for each in here.reports[1:]}
        await page.keyboard.press("2")
        await expect(page.locator(".done")).to_contain_text(f"{second} sudah diteruskan")
        third = await ready(page, second)
        assert len({third, second, here.reports[0].ticket}) == 3
        assert [await status(here.house, each) for each in here.reports].count("Terdisposisi") == 2
        assert here.wrong == []


async def test_an_office_is_found_while_typing_without_the_mouse(settings: Settings, database: str) -> None:
    async with desk(settings, database) as here:
        page = await here.page("ani")
        await page.goto(here.at(here.reports[0]))
        await ready(page)
        await page.keyboard.press("s")
        await page.keyboard.type("perhub")
        await expect(page.locator("[role=option]").first).to_contain_text("Perhubungan")
        await page.keyboard.press("Enter")
        await expect(page.locator("#disposisi-agency")).to_have_value(here.house.directory.names[DISHUB])
        await page.keyboard.press("Enter")
        await expect(page.locator(".done")).to_be_visible()
        assert here.house.directory.names[DISHUB] in (await told(here.house, here.reports[0]))[-1]
        assert here.wrong == []


async def test_letters_typed_into_a_form_are_words(settings: Settings, database: str) -> None:
    async with desk(settings, database) as here:
        page = await here.page("ani")
        await page.goto(here.at(here.reports[0]))
        await ready(page)
        await page.keyboard.press("m")
        await page.keyboard.type("ambnrt123?")
        await expect(page.locator("#pesan-words")).to_have_value("ambnrt123?")
        await page.keyboard.press("Escape")
        await page.keyboard.press("?")
        await expect(page.locator("dialog#keys")).to_be_visible()
        await page.get_by_label("Pakai tombol satu huruf").uncheck()
        await page.keyboard.press("Escape")
        await page.reload()
        await ready(page)
        await page.keyboard.press("m")
        await expect(page.locator("#f-pesan")).not_to_have_attribute("open", "")
        assert await status(here.house, here.reports[0]) == "Belum Terverifikasi"
        assert here.wrong == []


async def test_two_on_one_report_see_each_other_and_overwrite_nothing(settings: Settings, database: str) -> None:
    async with desk(settings, database) as here:
        report, one, two = here.reports[0], await here.page("ani"), await here.page("budi")
        for page in (one, two):
            async with page.expect_request("**/desk/kabar"):
                await page.goto(here.at(report))
            await ready(page)
        await expect(two.locator("#present")).to_contain_text("Juga dibuka oleh Petugas Uji")
        await two.keyboard.press("m")
        await two.keyboard.type("Kata yang belum terkirim")
        await one.keyboard.press("a")
        await expect(one.locator(".done")).to_be_visible()
        await expect(two.locator("#news")).to_contain_text("baru saja diubah")
        await expect(two.locator("#news")).to_contain_text("Petugas Uji: Diteruskan ke")
        await expect(two.locator("#pesan-words")).to_have_value("Kata yang belum terkirim")
        await two.locator("#f-pesan").get_by_role("button", name="Kirim pesan").click()
        await expect(two.locator("#problem")).to_contain_text("Orang lain mengubah laporan ini")
        await expect(two.locator("#pesan-words")).to_have_value("Kata yang belum terkirim")
        assert len(await told(here.house, report)) == 1
        await two.locator("#f-pesan").get_by_role("button", name="Kirim pesan").click()
        await expect(two.locator(".done")).to_be_visible()
        assert "Kata yang belum terkirim" in (await told(here.house, report))[-1]
        assert here.wrong == []


async def test_a_reload_keeps_what_is_typed(settings: Settings, database: str) -> None:
    async with desk(settings, database) as here:
        report, page = here.reports[0], await here.page("ani")
        async with page.expect_request("**/desk/kabar"):
            await page.goto(here.at(report))
        await page.keyboard.press("t")
        await page.keyboard.type("Di mana?")
        async with unit(here.house) as work:
            note = await complaints.note(work.connection, report.ticket, Actor("operator", "x"), "Hai", public=False)
            work.record(note)
        await page.locator("#news a").click()
        await expect(page.locator("#report")).to_have_attribute("data-version", "2")
        await expect(page.locator("#tunda-words")).to_have_value("Di mana?")
        assert here.wrong == []


async def test_everything_works_without_javascript(settings: Settings, database: str) -> None:
    async with desk(settings, database) as here:
        report = here.reports[0]
        async with here.house.engine.begin() as connection:
            _, token = await officer(connection, ADMIN, login="ani")
        context = await here.browser.new_context(java_script_enabled=False)
        await context.add_cookies([{"name": COOKIE, "value": token, "url": here.address}])
        page = await context.new_page()
        await page.goto(here.at(report))
        await page.locator("#f-disposisi > summary").click()
        await page.fill("#disposisi-agency", "perhubungan")
        await page.locator("#f-disposisi").get_by_role("button", name="Teruskan").click()
        await page.get_by_label(here.house.directory.names[DISHUB], exact=True).check()
        await page.locator("#f-disposisi").get_by_role("button", name="Teruskan").click()
        await expect(page.locator(".done")).to_contain_text("sudah diteruskan")
        assert await status(here.house, report) == "Terdisposisi"


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark"), (390, "light")])
async def test_nothing_hinders_anybody(settings: Settings, database: str, width: int, scheme: Scheme) -> None:
    async with desk(settings, database) as here:
        report = here.reports[0]
        async with unit(here.house) as work:
            await attention.raise_matter(work.connection, "danger", complaint_id=report.id, detail="fire")
            await attention.raise_matter(work.connection, "call_for_human", contact_id=report.contact_id)
        page = await here.page("ani", width, scheme)
        for path in (f"/desk/laporan/{report.ticket}?dari=triase", "/desk/perhatian", "/desk/perhatian/a2"):
            await page.goto(f"{here.address}{path}")
            for closed in await page.locator("details:not(.me)").all():
                await closed.evaluate("each => { each.open = true; }")
            found = await Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert here.wrong == []
