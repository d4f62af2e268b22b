"""A report's numbers in other systems at the desk: on its page, in its history, in the search; and for whom."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from desking import GRANTS, PALEMBANG, SEKAYU, officer, signed_in
from fastapi import FastAPI
from journey.browser import chromium
from making import run, value
from reporting import DISHUB, PU, Report, reported
from running import web as running_web

from api.house import House
from api.settings import Settings
from api.unit import unit
from desk.access import COOKIE
from store import dispositions, policy, references
from store.complaints import Actor
from store.policy import Grant
from store.references import Told, ToldEntry

ADMIN, AGENT, OVERSEER = GRANTS[policy.ADMIN_INSTANSI], GRANTS[policy.PEJABAT], GRANTS[policy.PENGAWAS]
SP4N = Actor("bridge", "sp4n")
ANSWER = "Jalan akan kami tinjau bersama Balai pada hari Kamis."


def words_of(page: str) -> str:
    """What a reader sees of a page, one space between words."""
    return " ".join(unescape(re.sub(r"<[^>]+>", "", page)).split())


async def held(house: House, report: Report, agency: str) -> None:
    """The agency has the report."""
    async with unit(house) as work:
        officer_of = Actor("operator", "staff:1")
        work.record(await dispositions.dispose(work.connection, report.ticket, officer_of, [agency], lead=agency))


async def on_its_way(house: House, report: Report) -> int:
    """The reference in SP4N that the report has since it was filed."""
    return int(await value(house.engine, "SELECT id FROM complaint_references WHERE complaint_id = :id", id=report.id))


async def confirmed(house: House, report: Report, number: str = "9171234") -> int:
    """The report is in SP4N under that number."""
    reference = await on_its_way(house, report)
    async with unit(house) as work:
        event = await references.confirm(work.connection, reference, number, SP4N)
        assert event is not None
        work.record(event)
    return reference


async def told(house: House, reference: int) -> None:
    """SP4N has said something in words of its own."""
    at = datetime(2026, 11, 22, 3, 30, tzinfo=UTC)
    entry = ToldEntry("1", at, "Dalam Penelaahan Pusat", ANSWER, "Balai Besar Jalan")
    async with unit(house) as work:
        for event in await references.heard(
            work.connection, reference, Told("Dalam Penelaahan Pusat", at, [entry]), SP4N
        ):
            work.record(event)


async def test_a_report_on_its_way_leads_whoever_hands_over_to_the_sheet(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    await held(inside, report, PU)
    for grant, leads in ((ADMIN, True), (AGENT, False), (OVERSEER, False)):
        async with signed_in(app, grant) as client:
            page = (await client.get(f"/laporan/{report.ticket}")).text
        assert "Di sistem lain SP4N-LAPOR! Menunggu diserahkan" in words_of(page)
        assert (f'href="/desk/sp4n/{report.ticket}"' in page) is leads


async def test_a_trouble_is_told_in_words(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    reference = await on_its_way(inside, report)
    change = "UPDATE complaint_references SET state = 'unknown', problem = :problem, detail = '502' WHERE id = :id"
    troubles = {
        "timeout": "tidak menjawab pada waktunya.",
        "broken": "gagal di pihak sana (502).",
        "hiccups": "hiccups.",
    }
    async with signed_in(app, OVERSEER) as client:
        for problem, said in troubles.items():
            await run(inside.engine, change, problem=problem, id=reference)
            page = words_of((await client.get(f"/laporan/{report.ticket}")).text)
            assert f"Belum pasti sampai Kendala: {said}" in page


async def test_number_status_and_what_was_told_stand_on_the_page_of_all_who_read_it(
    app: FastAPI, inside: House
) -> None:
    report = await reported(inside, secret=True)
    await held(inside, report, PU)
    await told(inside, await confirmed(inside, report))
    for grant in (ADMIN, AGENT, OVERSEER):
        async with signed_in(app, grant) as client:
            page = (await client.get(f"/laporan/{report.ticket}")).text
        words = words_of(page)
        assert "Sudah masuk Nomor 9171234" in words
        assert "Status di sana: Dalam Penelaahan Pusat" in words
        assert ANSWER in words
        assert "Balai Besar Jalan · 22 Nov 2026 10.30 WIB" in words
        assert f"/desk/sp4n/{report.ticket}" not in page
        # And in the history, with who said it.
        assert "Masuk SP4N-LAPOR! dengan nomor 9171234 Sistem lain" in words
        assert "Status di SP4N-LAPOR!: Dalam Penelaahan Pusat Sistem lain" in words


async def test_what_is_elsewhere_is_not_for_those_who_may_not_read_the_report(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    await confirmed(inside, report)
    for grant in (Grant(policy.ADMIN_INSTANSI, region=SEKAYU), Grant(policy.PEJABAT, agency=DISHUB)):
        async with signed_in(app, grant) as client:
            assert (await client.get(f"/laporan/{report.ticket}")).status_code == 404


@pytest.mark.parametrize("typed", ["9171234", " SP4N 9171234 ", "sp4n-lapor! 9171234"])
async def test_a_number_of_sp4n_opens_its_report_for_whoever_reaches_it(
    app: FastAPI, inside: House, typed: str
) -> None:
    report = await reported(inside, region=PALEMBANG)
    await confirmed(inside, report)
    async with signed_in(app, ADMIN) as client:
        answer = await client.get("/cari", params={"q": typed})
        assert (answer.status_code, answer.headers.get("location")) == (303, f"/desk/laporan/{report.ticket}")
        unknown = await client.get("/cari", params={"q": typed.replace("4", "5")})
    async with signed_in(app, Grant(policy.ADMIN_INSTANSI, region=SEKAYU)) as client:
        far = await client.get("/cari", params={"q": typed})
    assert [each.status_code for each in (unknown, far)] == [200, 200]
    assert report.ticket not in far.text


async def test_a_number_as_long_as_a_ticket_is_still_one_of_sp4n(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    await confirmed(inside, report, "9171234567")
    async with signed_in(app, ADMIN) as client:
        assert (await client.get("/cari?q=9171234567")).headers["location"] == f"/desk/laporan/{report.ticket}"
        assert "salah ketik" in (await client.get("/cari?q=9171234568")).text


@pytest.mark.parametrize("width", [390, 1440])
async def test_the_page_in_a_browser(settings: Settings, database: str, width: int) -> None:
    async with running_web(settings, database) as (address, house), chromium() as browser:
        async with house.engine.begin() as connection:
            _, token = await officer(connection, ADMIN)
        waits, there = await reported(house, address="1"), await reported(house, address="2")
        await told(house, await confirmed(house, there))
        context = await browser.new_context(viewport={"width": width, "height": 900}, locale="id-ID")
        await context.add_cookies([{"name": COOKIE, "value": token, "url": f"{address}/desk"}])
        page = await context.new_page()
        for name, report in (("menunggu", waits), ("masuk", there)):
            await page.goto(f"{address}/desk/laporan/{report.ticket}")
            for summary in await page.locator("#h-elsewhere ~ ul summary").all():
                await summary.click()
            if folder := os.environ.get("SCREENSHOTS"):
                await page.screenshot(path=Path(folder) / f"laporan-{name}-{width}.png", full_page=True)
            found = await Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
            assert await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
