"""The inbox as a page: what each row says, what its forms send, and rows that are asked for anew."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, time, timedelta

import pytest
from axe_playwright_python.async_playwright import Axe
from desking import GRANTS, PALEMBANG, SEKAYU, officer, signed_in
from fastapi import FastAPI
from httpx import URL
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st
from journey.browser import chromium
from making import OPERATOR, contact, file, in_this_loop, run, value
from playwright.async_api import Page
from running import web
from sqlalchemy import text

from api.house import House
from api.settings import Settings
from api.unit import unit
from desk import triage, words
from desk.access import COOKIE
from store import attention, complaints, moves, policy
from store.complaints import Event

ADMIN = GRANTS[policy.ADMIN_INSTANSI]


async def filed(inside: House, **details: object) -> Event:
    """A report of Palembang with a suggestion."""
    suggested = {"functions": [["pu", 0.82]], "sensitive": details.pop("sensitive", None)}
    wanted = {"region": PALEMBANG, "function": "pu", "agency": "16.71-pu", "suggested": suggested, **details}
    async with inside.engine.begin() as connection:
        return await file(connection, **wanted)


async def test_a_row_says_what_decides(app: FastAPI, inside: House) -> None:
    async with inside.engine.begin() as connection:
        chat = await contact(connection)
    event = await filed(inside, title="Jalan <rusak>", anonymous=True, sensitive="abuse", contact_id=chat, draft=1)
    async with inside.engine.begin() as connection:
        await connection.execute(
            text("""
                INSERT INTO clocks (complaint_id, kind, due_on, due_at)
                VALUES (:id, 'verify', current_date, now() - interval '1 hour')
            """),
            {"id": event.complaint_id},
        )
        await attention.raise_matter(connection, "danger", complaint_id=event.complaint_id, detail="fire")
    async with signed_in(app, ADMIN) as client:
        answer = await client.get("/triase")
    assert answer.status_code == 200
    page = answer.text
    for said in ("Jalan &lt;rusak&gt;", event.ticket, "Kota Palembang", "yakin", "82&nbsp;%", "Anonim", "Peka"):
        assert said in page
    assert "Bahaya" in page
    assert "Terlambat:" in page
    assert f'action="/desk/laporan/{event.ticket}/terima"' in page
    assert f'value="{event.ticket}:1"' in page
    assert "Budi" not in page


@pytest.mark.parametrize(("days", "says"), [(-2, "lewat 2 hari"), (0, "hari ini"), (1, "besok"), (2, "")])
async def test_a_deadline_is_its_last_day(app: FastAPI, inside: House, days: int, says: str) -> None:
    event = await filed(inside)
    zone = inside.zone(PALEMBANG)
    last = inside.now().astimezone(zone).date() + timedelta(days=days)
    ends = datetime.combine(last + timedelta(days=1), time(), zone)
    clock = "INSERT INTO clocks (complaint_id, kind, due_on, due_at) VALUES (:id, 'verify', :last, :ends)"
    await run(inside.engine, "DELETE FROM clocks")
    await run(inside.engine, clock, id=event.complaint_id, last=last, ends=ends)
    async with signed_in(app, ADMIN) as client:
        page = (await client.get("/triase")).text
    [shown] = re.findall(r'<td class="deadline">\s*<span class="badge[^"]*">(.*?)</span>', page, re.DOTALL)
    late = "Terlambat: " if days < 0 else ""
    assert shown == f"{late}{words.day('id', last, weekday=True)}" + (f" · {says}" if says else "")


async def test_a_row_that_is_fetched_anew_leads_back_to_the_filtered_list(app: FastAPI, inside: House) -> None:
    event = await filed(inside)
    query = {"tiket": event.ticket, "dari": "/desk/triase?masalah=pu"}
    async with signed_in(app, ADMIN) as client:
        kept = (await client.get("/triase/baris", params=query)).text
        foreign = (await client.get("/triase/baris", params={**query, "dari": "https://example.org/"})).text
    assert "dari=%2Fdesk%2Ftriase%3Fmasalah%3Dpu" in kept
    assert 'name="next" value="/desk/triase?masalah=pu"' in kept
    assert "example.org" not in foreign


async def test_only_what_is_in_reach_is_there(app: FastAPI, inside: House) -> None:
    near, far = await filed(inside), await filed(inside, region=SEKAYU, agency="16.06-pu")
    async with signed_in(app, ADMIN) as client:
        page = (await client.get("/triase")).text
        rows = (await client.get("/triase/baris", params={"tiket": [near.ticket, far.ticket, "T-1"]})).text
    for content in (page, rows):
        assert near.ticket in content
        assert far.ticket not in content


@pytest.mark.parametrize("role", [policy.PEJABAT, policy.PENGAWAS, policy.ADMINISTRATOR, policy.BIRO])
async def test_others_have_no_inbox(app: FastAPI, role: str) -> None:
    async with signed_in(app, GRANTS[role]) as client:
        assert (await client.get("/triase")).status_code == 403


async def test_filters_are_links_and_pages_follow_each_other(
    app: FastAPI, inside: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(triage, "A_PAGE", 2)
    every = {(await filed(inside, report_class="aspirasi")).ticket for _ in range(5)}
    await filed(inside)
    seen: list[str] = []
    async with signed_in(app, ADMIN) as client:
        page = (await client.get("/triase")).text
        link = re.search(r'href="/desk(/triase\?jenis=aspirasi)"', page)
        assert link is not None
        address: str | None = link.group(1)
        while address:
            page = (await client.get(address)).text
            seen += re.findall(r'<tr data-ticket="([^"]+)"', page)
            onwards = re.search(r'rel="next" href="/desk([^"]+)"', page)
            address = onwards.group(1).replace("&amp;", "&") if onwards else None
    assert len(seen) == 5
    assert set(seen) == every


async def test_an_empty_inbox_says_so(app: FastAPI) -> None:
    async with signed_in(app, ADMIN) as client:
        assert "Tidak ada laporan yang menunggu" in (await client.get("/triase")).text
        assert "untuk saringan ini" in (await client.get("/triase?jenis=aspirasi")).text


async def test_others_at_a_report_are_a_dot_in_the_list(app: FastAPI, inside: House) -> None:
    event = await filed(inside)
    async with signed_in(app, ADMIN, login="ani") as ani, signed_in(app, ADMIN, login="budi") as budi:
        assert (await ani.post(f"/laporan/{event.ticket}/hadir")).json() == {"others": [], "version": 1}
        assert (await budi.post(f"/laporan/{event.ticket}/hadir")).json()["others"] == ["Petugas Uji"]
        assert "1 petugas sedang membuka" in (await budi.get("/triase")).text
        assert (await budi.post(f"/laporan/{event.ticket}/pergi")).status_code == 204
        page = (await ani.get("/triase")).text
        assert re.search(r"data-here hidden", page)


async def test_nobody_is_present_at_what_they_may_not_read(app: FastAPI, inside: House) -> None:
    event = await filed(inside, region=SEKAYU, agency="16.06-pu")
    async with signed_in(app, ADMIN) as client:
        assert (await client.post(f"/laporan/{event.ticket}/hadir")).status_code == 404
        assert (await client.post(f"/laporan/{event.ticket}/pergi")).status_code == 404


async def test_whatever_an_address_says_is_answered(app: FastAPI, inside: House) -> None:
    await filed(inside)
    async with signed_in(app, ADMIN) as client:

        @effort(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
        @given(st.dictionaries(st.sampled_from(["kab", "jenis", "masalah", "setelah", "tiket"]), st.text(max_size=90)))
        async def check(asked: dict[str, str]) -> None:
            for path in ("/triase", "/triase/baris"):
                wanted = {name: value.encode("utf-8", "replace").decode() for name, value in asked.items()}
                assert (await client.get(path, params=wanted)).status_code in (200, 422)

        await in_this_loop(check)


# --- in a browser ---------------------------------------------------------------------------------------------

FOCUSED = "document.activeElement.closest('tr')?.dataset.ticket ?? ''"
STATUS = "SELECT status FROM complaints WHERE ticket = :t"
SHOWN = "[...document.querySelectorAll('tr[data-ticket]')].map((row) => row.dataset.ticket)"


@asynccontextmanager
async def browsing(opened: Settings, database: str, width: int = 1440) -> AsyncIterator[tuple[Page, House, list[str]]]:
    """The inbox of Palembang in Chromium, with five reports in it; scripts that fail are told."""
    async with web(opened, database) as (address, house), chromium() as browser:
        for _ in range(5):
            await filed(house)
        async with house.engine.begin() as connection:
            _, token = await officer(connection, ADMIN, login="ani")
        context = await browser.new_context(viewport={"width": width, "height": 844})
        await context.add_cookies([{"name": COOKIE, "value": token, "url": address}])
        page, wrong = await context.new_page(), list[str]()
        page.on("pageerror", lambda error: wrong.append(error.message))
        page.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
        async with page.expect_request("**/desk/kabar"):
            await page.goto(f"{address}/desk/triase")
        yield page, house, wrong


async def test_the_keyboard_alone_moves_accepts_and_ticks(settings: Settings, database: str) -> None:
    async with browsing(settings, database) as (page, house, wrong):
        shown = await page.evaluate(SHOWN)
        await page.keyboard.press("j")
        await page.keyboard.press("j")
        assert await page.evaluate(FOCUSED) == shown[1]
        await page.keyboard.press("k")
        assert await page.evaluate(FOCUSED) == shown[0]
        await page.keyboard.press("a")
        # On to the next at once, and said when it is done.
        assert await page.evaluate(FOCUSED) == shown[1]
        await page.get_by_role("status").filter(has_text=f"{shown[0]} sudah diteruskan").wait_for()
        assert (
            await value(house.engine, "SELECT status FROM complaints WHERE ticket = :t", t=shown[0]) == "Terdisposisi"
        )
        assert await page.evaluate(SHOWN) == shown
        await page.keyboard.press("x")
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("x")
        assert "2 laporan ditandai" in await page.inner_text("#ticked")
        await page.keyboard.press("/")
        await page.keyboard.type("jaxk")
        assert await page.input_value("#find") == "jaxk"
        assert wrong == []


async def test_letters_can_be_switched_off_and_arrows_stay(settings: Settings, database: str) -> None:
    async with browsing(settings, database) as (page, _, wrong):
        await page.keyboard.press("?")
        await page.get_by_label("Pakai tombol satu huruf").uncheck()
        await page.keyboard.press("Escape")
        await page.reload()
        shown = await page.evaluate(SHOWN)
        await page.keyboard.press("j")
        assert await page.evaluate(FOCUSED) == ""
        await page.locator(".open").first.focus()
        await page.keyboard.press("ArrowDown")
        assert await page.evaluate(FOCUSED) == shown[1]
        assert wrong == []


async def test_news_neither_moves_a_row_nor_takes_the_focus(settings: Settings, database: str) -> None:
    async with browsing(settings, database) as (page, house, wrong):
        shown = await page.evaluate(SHOWN)
        await page.keyboard.press("j")
        await page.keyboard.press("j")
        await page.keyboard.press("x")
        async with unit(house) as work:
            work.record(await file(work.connection, region=PALEMBANG))
            work.record(await complaints.note(work.connection, shown[1], OPERATOR, "Catatan", public=False))
            status = moves.read("Terdisposisi")
            assert status is not None
            moved = await complaints.move(work.connection, shown[2], status, OPERATOR, reason=None, note=None)
            work.record(moved)
        await page.locator("#fresh", has_text="1 laporan baru").wait_for()
        await page.locator(f'tr.past[data-ticket="{shown[2]}"]').wait_for()
        await page.locator(f'tr[data-ticket="{shown[1]}"][data-version="2"]').wait_for()
        assert await page.evaluate(SHOWN) == shown
        assert await page.evaluate(FOCUSED) == shown[1]
        assert await page.locator(f'tr[data-ticket="{shown[1]}"] .tick input').is_checked()
        await page.click("#fresh")
        assert len(await page.evaluate(SHOWN)) == 5
        assert wrong == []


async def test_who_was_slower_is_told_and_changes_nothing(settings: Settings, database: str) -> None:
    async with browsing(settings, database) as (page, house, _):
        shown = await page.evaluate(SHOWN)
        # Nobody hears of it: the change is not told to the desks.
        await run(house.engine, "UPDATE complaints SET version = 7 WHERE ticket = :t", t=shown[0])
        await page.keyboard.press("j")
        await page.keyboard.press("a")
        await page.get_by_role("status").filter(has_text="diubah orang lain").wait_for()
        assert (
            await value(house.engine, "SELECT status FROM complaints WHERE ticket = :t", t=shown[0]) != "Terdisposisi"
        )


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("path", ["/desk/triase", "/desk/cari?q=jalan&jenis=pengaduan"])
async def test_everybody_can_use_them(settings: Settings, database: str, width: int, path: str) -> None:
    async with browsing(settings, database, width) as (page, _, wrong):
        await page.goto(str(URL(page.url).join(path)))
        assert (await Axe().run(page)).response["violations"] == []
        assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        assert wrong == []
