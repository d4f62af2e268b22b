"""A day at the desk, in a real browser: signing in with two factors, twenty reports from the keyboard alone, two
operators on one report, and what the citizens are told."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from hours import in_office_hours
from journey.browser import chromium
from journey.chatting import TelegramChat, on_telegram
from journey.looking import rows
from peers.bot_api import FakeBotApi
from playwright.async_api import Browser, Page, expect
from running import Running
from sqlalchemy import text

from desk.access import COOKIE
from store import factors, policy, staff
from store.policy import Grant

OPERATOR = Grant(policy.ADMIN_INSTANSI, region="16")
PASSWORD = "perahu-ketek-menyeberang-sungai"
# One matter each, so that nobody is asked whether it is the neighbour's.
STORIES = (
    "Lampu jalan mati di Jalan Kapten Anwar Sastro Palembang sejak seminggu",
    "Sampah menumpuk di depan Pasar Lemabang Palembang, baunya menyengat",
    "Jalan berlubang besar di depan Kantor Lurah Talang Kelapa Palembang",
    "Air PDAM tidak mengalir di Plaju Palembang sudah tiga hari",
    "Antrean KTP di kantor Dukcapil Palembang dua bulan belum jadi",
    "Parkir liar di Jalan Jenderal Sudirman Palembang bikin macet",
    "Drainase tersumbat di Sukarami Palembang, banjir tiap hujan",
    "Guru SD Negeri 5 Palembang sering tidak masuk mengajar",
    "Obat di Puskesmas Kertapati Palembang kosong sudah dua minggu",
    "Pedagang kaki lima menutup trotoar di Pasar 16 Ilir Palembang",
    "Bansos PKH saya di Seberang Ulu Palembang belum cair tiga bulan",
    "Pohon tumbang menutup jalan di Bukit Kecil Palembang sejak kemarin",
    "Rambu lalu lintas di simpang Charitas Palembang rusak",
    "Pungutan uang seragam di SMP Negeri 9 Palembang mahal sekali",
    "Jembatan kayu di Gandus Palembang papannya lepas",
    "Limbah pabrik dibuang ke sungai di Kalidoni Palembang",
    "Izin usaha saya di DPMPTSP Palembang tidak selesai sejak bulan lalu",
    "Taman di Kambang Iwak Palembang gelap dan rusak bangkunya",
    "Balap liar tiap malam di Jalan Soekarno Hatta Palembang",
    "Tarif angkot di Palembang dinaikkan sepihak oleh sopir",
)
CORRECTED = 5


@dataclass(frozen=True)
class Person:
    """A citizen's chat, and the ticket of what they reported."""

    chat: TelegramChat
    ticket: str


async def reported(running: Running, api: FakeBotApi, number: int, words: str) -> Person:
    """A report, filed from a chat."""
    chat = on_telegram(running, api, 9100 + number)
    await chat.report(words)
    [ticket] = await chat.filed()
    return Person(chat, ticket)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A Chromium, or a skip."""
    async with chromium() as opened:
        yield opened


async def token_of(running: Running, *grants: Grant, login: str, name: str) -> str:
    """A whole session of somebody new."""
    async with running.house.engine.begin() as connection:
        staff_id = await staff.add(connection, login, name, grants)
        return await staff.open_session(connection, staff_id, running.house.now(), verified=True)


async def signed_in(browser: Browser, running: Running, token: str, **options: object) -> Page:
    """A page of somebody with that session, which complains about whatever the content policy refuses."""
    context = await browser.new_context(locale="id-ID", **options)  # type: ignore[arg-type]
    await context.add_cookies([{"name": COOKIE, "value": token, "url": f"{running.address}/desk"}])
    page = await context.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: refused.append(str(error)))
    page.refused = refused  # type: ignore[attr-defined]
    return page


async def sign_in_for_the_first_time(page: Page, running: Running) -> None:
    """From the invitation's link to the inbox: a password, an authenticator app, its first code."""
    async with running.house.engine.begin() as connection:
        staff_id = await staff.add(connection, "ani@palembang.go.id", "Ani", [OPERATOR])
        token = await staff.invite(connection, staff_id, running.house.now())
    await page.goto(f"{running.address}/desk/undangan/{token}")
    for field in await page.locator("input[type=password]").all():
        await field.fill(PASSWORD)
    await page.keyboard.press("Enter")
    if "/masuk" in page.url and await page.locator("#login").count():
        await page.fill("#login", "ani@palembang.go.id")
        await page.fill("#password", PASSWORD)
        await page.keyboard.press("Enter")
    secret = await page.locator("#secret").inner_text()
    await page.fill("#code", factors.code_at(re.sub(r"\s", "", secret), running.house.now()))
    await page.keyboard.press("Enter")
    await page.wait_for_url(re.compile(r"/desk/(?!undangan)"))
    await expect(page.locator("#code")).to_have_count(0)


async def opened(page: Page) -> str:
    """The ticket of the report that the page shows, once its keys work."""
    await page.wait_for_url(re.compile(r"/desk/laporan/"))
    await expect(page.locator("#show-keys")).to_be_visible()
    return str(await page.locator("#report").get_attribute("data-ticket"))


async def test_an_operator_triages_twenty_reports_from_the_keyboard_alone(
    browser: Browser, running: Running, telegram_api: FakeBotApi
) -> None:
    in_office_hours(running.house)
    people = [await reported(running, telegram_api, number, words) for number, words in enumerate(STORIES)]
    page = await (await browser.new_context(locale="id-ID", viewport={"width": 1440, "height": 900})).new_page()
    await sign_in_for_the_first_time(page, running)
    await page.goto(f"{running.address}/desk/")
    await expect(page.locator("#inbox tbody tr")).to_have_count(len(STORIES))

    # Five are put right on their own pages: the list first, then one leads to the next.
    await expect(page.locator("#show-keys")).to_be_visible()
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    for _ in range(CORRECTED):
        ticket = await opened(page)
        await page.keyboard.press("s")
        await expect(page.locator("#disposisi-agency")).to_be_focused()
        await page.keyboard.type("Inspektorat Kota Palembang")
        await page.locator("[role=option]").first.wait_for()
        await page.keyboard.press("Enter")
        await page.keyboard.press("Enter")
        await expect(page.locator("#report")).not_to_have_attribute("data-ticket", ticket)
    # Five more are accepted there, with one key each.
    for _ in range(5):
        ticket = await opened(page)
        await page.keyboard.press("a")
        await expect(page.locator("#report")).not_to_have_attribute("data-ticket", ticket)
    # And the last ten in the list.
    await page.goto(f"{running.address}/desk/triase")
    await expect(page.locator("#inbox tbody tr")).to_have_count(10)
    await expect(page.locator("#show-keys")).to_be_visible()
    await page.keyboard.press("j")
    for number in range(10):
        await page.keyboard.press("a")
        await expect(page.locator("#inbox tbody tr.past")).to_have_count(number + 1)

    moved = await rows(
        running.house,
        "SELECT k.ticket, k.status, k.agency, f.agency AS suggested FROM complaints k JOIN LATERAL ("
        " SELECT agency FROM routings r WHERE r.complaint_id = k.id ORDER BY id LIMIT 1) f ON true ORDER BY k.id",
    )
    assert {row.status for row in moved} == {"Terdisposisi"}
    assert sum(row.agency != row.suggested for row in moved) == CORRECTED
    # What persons said, also where they confirmed it, is there to be learned from.
    named = await rows(
        running.house, "SELECT DISTINCT complaint_id FROM routings WHERE actor_kind = 'operator' AND named <> '{}'"
    )
    assert len(named) == len(STORIES)
    for person, row in zip(people, moved, strict=True):
        assert row.ticket == person.ticket
        said = await person.chat.read()
        assert person.ticket in said
        assert running.house.directory.names[row.agency] in said


async def test_two_operators_on_one_report_see_each_other_and_overwrite_nothing(
    browser: Browser, running: Running, telegram_api: FakeBotApi
) -> None:
    in_office_hours(running.house)
    person = await reported(running, telegram_api, 50, STORIES[0])
    tokens = [await token_of(running, OPERATOR, login=name.lower(), name=name) for name in ("Ani", "Budi")]
    ani, budi = [await signed_in(browser, running, token) for token in tokens]
    for page in (ani, budi):
        await page.goto(f"{running.address}/desk/laporan/{person.ticket}")
        await opened(page)
    # Who came first is told with the next sign, within a quarter of a minute.
    await expect(budi.locator("#present")).to_contain_text("Ani", timeout=20_000)
    await expect(ani.locator("#present")).to_contain_text("Budi", timeout=20_000)

    await budi.keyboard.press("i")
    typed = "Catatan Budi yang tidak boleh hilang"
    await budi.locator("#catatan-words").fill(typed)
    await ani.keyboard.press("a")
    # Budi is told without having asked, and keeps what he typed.
    await expect(budi.locator("#news")).to_be_visible()
    await expect(budi.locator("#catatan-words")).to_have_value(typed)
    await budi.keyboard.press("Escape")
    await budi.keyboard.press("s")
    await budi.keyboard.type("Inspektorat Kota Palembang")
    await budi.locator("[role=option]").first.wait_for()
    await budi.keyboard.press("Enter")
    await budi.keyboard.press("Enter")
    await expect(budi.locator("#problem")).to_contain_text("Ani")
    await expect(budi.locator("#disposisi-agency")).to_have_value(re.compile("Inspektorat"))
    [row] = await rows(running.house, "SELECT agency, status FROM complaints")
    assert row.status == "Terdisposisi"
    assert "inspektorat" not in row.agency
    # Having read what changed, Budi may decide otherwise.
    await budi.locator("#f-disposisi button.first").click()
    await budi.wait_for_load_state()
    [row] = await rows(running.house, "SELECT agency FROM complaints")
    assert "inspektorat" in row.agency


ROOMS = {
    policy.ADMIN_INSTANSI: (
        OPERATOR,
        (
            "triase",
            "laporan",
            "cari?q=jalan",
            "terlambat",
            "perhatian",
            "pemberitahuan",
            "akun",
            "unduh",
            "pengawasan",
            "kawan",
            "kawan/undang",
            "kawan/draf",
            "loket",
        ),
    ),
    policy.PEJABAT: (
        Grant(policy.PEJABAT, agency="16.71-perkim"),
        ("instansi", "laporan", "terlambat", "pemberitahuan", "standar"),
    ),
    policy.PENGAWAS: (Grant(policy.PENGAWAS, region="16"), ("pengawasan", "laporan", "terlambat", "jejak", "kawan")),
    policy.BIRO: (Grant(policy.BIRO, region="16"), ("standar", "data/", "akun")),
    policy.ADMINISTRATOR: (Grant(policy.ADMINISTRATOR), ("data/", "data/saluran", "data/impor", "data/staf", "jejak")),
    policy.LOKET: (Grant(policy.LOKET, region="16.71"), ("loket", "akun")),
}


@pytest.mark.parametrize("role", ROOMS)
async def test_axe_finds_nothing_and_nothing_overflows(
    browser: Browser, running: Running, telegram_api: FakeBotApi, role: str
) -> None:
    in_office_hours(running.house)
    person = await reported(running, telegram_api, 60, STORIES[0])
    grant, rooms = ROOMS[role]
    async with running.house.engine.begin() as connection:
        await connection.execute(text("UPDATE complaints SET agency = '16.71-perkim'"))
        await connection.execute(
            text("INSERT INTO dispositions (complaint_id, agency, leads) SELECT id, agency, true FROM complaints")
        )
    token = await token_of(running, grant, login="siapa", name="Siapa Saja")
    page = await signed_in(browser, running, token)
    for width, room in product((1440, 390), rooms):
        await page.set_viewport_size({"width": width, "height": 900})
        answer = await page.goto(f"{running.address}/desk/{room if room != 'laporan' else f'laporan/{person.ticket}'}")
        assert answer is not None
        assert answer.status == 200, room
        found = await Axe().run(page)
        assert found.violations_count == 0, f"{room}, {width}: {found.generate_report()}"
        wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, (room, width)
        if folder := os.environ.get("SCREENSHOTS"):
            name = re.sub(r"\W+", "-", room)
            await page.screenshot(path=Path(folder) / f"desk-{role}-{name}-{width}.png", full_page=True)
    assert page.refused == []  # type: ignore[attr-defined]
