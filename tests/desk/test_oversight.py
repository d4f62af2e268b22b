"""The overseers' page and the figures: who reads them, what is on them and what is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from desking import GRANTS, PALEMBANG, SEKAYU, signed_in
from fastapi import FastAPI
from making import OPERATOR, contact, file, run

from api.house import House
from api.unit import unit
from desk import app as desk_app
from desk import oversight
from store import contacts, dispositions, policy
from store.policy import Grant

PU = "16.71-pu"
STATIC = Path(desk_app.__file__).parent / "static"


async def filed(house: House, *, title: str = "Jalan rusak", region: str = "16.71.01", disposed: bool = True) -> str:
    async with unit(house) as work:
        chat = await contact(work.connection, title)
        citizen = await contacts.become_citizen(work.connection, chat, "Siti Rahayu", "id")
        about = {"citizen_id": citizen, "contact_id": chat, "region": region, "agency": PU}
        event = work.record(await file(work.connection, title=title, **about))
    if disposed:
        async with unit(house) as work:
            work.record(await dispositions.dispose(work.connection, event.ticket, OPERATOR, [PU], lead=PU))
    return event.ticket


@pytest.mark.parametrize(
    ("role", "oversees", "figures"),
    [
        (policy.ADMIN_INSTANSI, 200, 200),
        (policy.PENGAWAS, 200, 200),
        (policy.BIRO, 403, 200),
        (policy.PEJABAT, 403, 403),
        (policy.ADMINISTRATOR, 403, 403),
    ],
)
async def test_who_sees_what(app: FastAPI, role: str, oversees: int, figures: int) -> None:
    async with signed_in(app, GRANTS[role]) as client:
        assert (await client.get("/pengawasan")).status_code == oversees
        assert (await client.get("/standar/angka")).status_code == figures


async def test_silence_and_lateness_are_listed_within_the_region_and_without_a_name(
    app: FastAPI, inside: House
) -> None:
    silent = await filed(inside, title="Tanpa kabar")
    late = await filed(inside, title="Verifikasi lambat", disposed=False)
    elsewhere = await filed(inside, title="Di Sekayu", region="16.06.01")
    await run(inside.engine, "UPDATE dispositions SET disposed_at = now() - interval '20 days'")
    await run(inside.engine, "UPDATE clocks SET due_at = now() - interval '1 day' WHERE kind = 'verify'")
    async with signed_in(app, GRANTS[policy.PENGAWAS]) as client:
        shown = (await client.get("/pengawasan")).text
        patient = (await client.get("/pengawasan?hari=60&daftar=no_word")).text
    for ticket in (silent, late):
        assert f'href="/desk/laporan/{ticket}?' in shown
    assert elsewhere not in shown
    assert "Siti" not in shown
    assert silent not in patient
    no_word, late_verify = shown.index('id="no_word"'), shown.index('id="late_verify"')
    assert no_word < shown.index(silent) < late_verify < shown.index(late)


async def test_the_shares_stand_with_their_numbers(app: FastAPI, inside: House) -> None:
    tickets = [await filed(inside, title=f"Perkara {place}") for place in range(3)]
    for ticket, status in zip(tickets, ("Ditutup oleh Sistem", "Diarsipkan oleh Admin", "Terdisposisi"), strict=True):
        await run(inside.engine, "UPDATE complaints SET status = :status WHERE ticket = :t", status=status, t=ticket)
    async with signed_in(app, GRANTS[policy.PENGAWAS]) as client:
        shown = (await client.get("/pengawasan")).text
    row = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", shown[shown.rindex("<tfoot>") : shown.rindex("</tfoot>")]))
    assert "Semua n kecil 3 1 2 0 dari 2 (0 %) 1 dari 2 (50 %) 1 dari 2 (50 %) 1 0" in row


@pytest.mark.parametrize(
    "query",
    [
        "dari=kemarin",
        "dari=2026-12-31&sampai=2026-01-01",
        "sampai=9999-12-31",
        "dari=0001-01-01",
        "hari=0",
        "hari=x",
        "daftar=x",
        "hari=٣",
    ],
)
async def test_what_cannot_be_read_is_said_and_breaks_nothing(app: FastAPI, query: str) -> None:
    async with signed_in(app, GRANTS[policy.PENGAWAS]) as client:
        shown = await client.get(f"/pengawasan?{query}")
    assert shown.status_code == 200
    assert ("Tanggalnya tidak terbaca" in shown.text) == ("dari" in query or "sampai" in query)


async def test_figures_count_and_tell_no_report(app: FastAPI, inside: House) -> None:
    ticket = await filed(inside, title="Judul yang tidak boleh tampak")
    async with signed_in(app, Grant(policy.BIRO, region=PALEMBANG)) as client:
        shown = (await client.get("/standar/angka")).text
    async with signed_in(app, Grant(policy.BIRO, region=SEKAYU)) as client:
        elsewhere = (await client.get("/standar/angka")).text
    assert inside.directory.names[PU] in shown
    assert inside.directory.names[PU] not in elsewhere
    for hidden in (ticket, "Judul yang", "Siti", "/desk/laporan/"):
        assert hidden not in shown
    assert "Belum ada pelapor yang memberi bintang" in shown


async def test_misroutes_are_those_of_the_region(app: FastAPI, inside: House) -> None:
    ticket = await filed(inside, disposed=False)
    async with unit(inside) as work:
        work.record(await dispositions.dispose(work.connection, ticket, OPERATOR, ["16.71-dlh"], lead="16.71-dlh"))
    async with signed_in(app, Grant(policy.BIRO, region=PALEMBANG)) as client:
        shown = (await client.get("/standar/angka")).text
    async with signed_in(app, Grant(policy.BIRO, region=SEKAYU)) as client:
        elsewhere = (await client.get("/standar/angka")).text
    assert "1 dari 1 (100 %)" in shown[shown.index('id="misroutes"') :]
    assert "Tidak ada laporan yang pindah" in elsewhere


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [(0, 0, "–"), (0, 5, "0 %"), (1, 300, "1 %"), (299, 300, "99 %"), (5, 5, "100 %"), (1, 3, "33 %")],
)
def test_a_share_is_never_rounded_to_all_or_nothing(part: int, whole: int, said: str) -> None:
    assert oversight._percent("id", part, whole) == said


@pytest.mark.parametrize("name", ["desk.css", "oversight.css", "agency.css"])
def test_pages_print(name: str) -> None:
    assert "@media print" in (STATIC / name).read_text(encoding="utf-8")
