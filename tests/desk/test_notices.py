"""The page of an officer's own notices: what is new, what it says, where it leads, and marking it as read."""

from __future__ import annotations

import re

import httpx
import pytest
from desking import GRANTS, PALEMBANG, signed_in
from fastapi import FastAPI
from making import file, rows, run, value

from api.house import House
from desk import words
from store import notices, policy


async def give(house: House, once: str, kind: str = "morning", **whom: object) -> None:
    async with house.engine.begin() as connection:
        detail = {"late": 3, "today": 1, "soon": 2} if kind == "morning" else {}
        await notices.give(connection, kind, once=once, **{"detail": detail, **whom})  # type: ignore[arg-type]


def staff_id(client: httpx.AsyncClient) -> int:
    return int(client.headers["x-staff"])


async def new(client: httpx.AsyncClient) -> int:
    """How many are new to somebody."""
    answer = await client.get("/pemberitahuan")
    assert answer.status_code == 200
    marks = len(re.findall(r"/desk/pemberitahuan/\d+/dibaca", answer.text))
    assert ("/desk/pemberitahuan/dibaca" in answer.text) == bool(marks)
    return marks


async def test_nobody_has_none(app: FastAPI) -> None:
    async with signed_in(app) as client:
        answer = await client.get("/pemberitahuan")
    assert answer.status_code == 200
    assert "Belum ada pemberitahuan" in answer.text


async def test_a_notice_says_what_it_is_about_and_leads_there(app: FastAPI, inside: House) -> None:
    async with inside.engine.begin() as connection:
        event = await file(connection, region=PALEMBANG)
    told = {"role": policy.ADMIN_INSTANSI, "region": PALEMBANG, "complaint_id": event.complaint_id}
    late = {"due_on": "2026-11-20", "agency": "16.71-pu"}
    await give(inside, "1", "over_follow_up", detail=late, **told)
    await give(inside, "2", "over_verify", detail={"due_on": "2026-11-20", "agency": None}, **told)
    await give(inside, "3", "of_somebody_else", **told)
    async with signed_in(app, GRANTS[policy.ADMIN_INSTANSI]) as client:
        await give(inside, "4", staff_id=staff_id(client))
        page = (await client.get("/pemberitahuan")).text
    name = inside.directory.names["16.71-pu"]
    assert f"laporan {event.ticket} belum mendapat tanggapan pertama dari {name}. Batasnya Jum 20 Nov 2026." in page
    assert f"laporan {event.ticket} belum diverifikasi." in page
    assert "Ada hal baru untuk Anda." in page
    assert "Pagi ini: 3 laporan terlambat, 1 jatuh tempo hari ini, 2 dalam dua hari kerja." in page
    assert page.count(f'href="/desk/laporan/{event.ticket}"') == 3
    assert 'class="button" href="/desk/terlambat"' in page


@pytest.mark.parametrize("language", words.LANGUAGES)
@pytest.mark.parametrize(
    "kind",
    [*(f"{when}_{clock}" for when in ("near", "over") for clock in ("verify", "follow_up", "handle")), "morning"],
)
async def test_each_kind_has_its_words(app: FastAPI, inside: House, kind: str, language: str) -> None:
    async with inside.engine.begin() as connection:
        event = await file(connection, region=PALEMBANG)
        detail = {"due_on": "2026-11-20", "agency": None, "late": 1, "today": 2, "soon": 3}
        await notices.give(
            connection,
            kind,
            once="1",
            role=policy.PENGAWAS,
            region=PALEMBANG,
            complaint_id=event.complaint_id,
            detail=detail,
        )
    async with signed_in(app, GRANTS[policy.PENGAWAS]) as client:
        await run(inside.engine, "UPDATE staff SET language = :language", language=language)
        page = (await client.get("/pemberitahuan")).text
    assert f'lang="{language}"' in page
    assert words.say(language, "notices.kind.other", ticket=event.ticket) not in page
    assert "20 Nov 2026" in page or kind == "morning"
    assert "{" not in page.split("<main")[1]


async def test_each_marks_their_own(app: FastAPI, inside: House) -> None:
    async with (
        signed_in(app, GRANTS[policy.ADMIN_INSTANSI], login="ani") as ani,
        signed_in(app, GRANTS[policy.ADMIN_INSTANSI], login="budi") as budi,
    ):
        for once in "123":
            await give(inside, once, role=policy.ADMIN_INSTANSI, region=PALEMBANG)
        assert (await new(ani), await new(budi)) == (3, 3)
        first = await value(inside.engine, "SELECT min(id) FROM notices")
        for _ in range(2):
            answer = await ani.post(f"/pemberitahuan/{first}/dibaca")
            assert (answer.status_code, answer.headers["location"]) == (303, "/desk/pemberitahuan")
        assert (await new(ani), await new(budi)) == (2, 3)
        up_to = await value(inside.engine, "SELECT max(id) FROM notices")
        await give(inside, "4", role=policy.ADMIN_INSTANSI, region=PALEMBANG)
        assert (await ani.post("/pemberitahuan/dibaca", data={"up_to": str(up_to)})).status_code == 303
        # What came while the page was read is still new.
        assert (await new(ani), await new(budi)) == (1, 4)
    assert await value(inside.engine, "SELECT count(*) FROM notices_seen") == 3


async def test_marking_what_is_not_there_changes_nothing(app: FastAPI, inside: House) -> None:
    async with signed_in(app, GRANTS[policy.PEJABAT]) as client:
        assert (await client.post(f"/pemberitahuan/{2**63 - 1}/dibaca")).status_code == 303
        for path in ("/pemberitahuan/0/dibaca", f"/pemberitahuan/{2**63}/dibaca", "/pemberitahuan/x/dibaca"):
            assert (await client.post(path)).status_code == 422
        for data in ({}, {"up_to": "-1"}, {"up_to": str(2**63)}):
            assert (await client.post("/pemberitahuan/dibaca", data=data)).status_code == 422
    assert await rows(inside.engine, "SELECT * FROM notices_seen") == []


async def test_the_header_of_every_page_counts_what_is_new(app: FastAPI, inside: House) -> None:
    async with signed_in(app, GRANTS[policy.PENGAWAS]) as client:
        assert "baru</span>" not in (await client.get("/terlambat")).text
        for once in range(101):
            await give(inside, str(once), staff_id=staff_id(client))
            if once in (0, 1):
                assert f"{once + 1} baru</span>" in (await client.get("/terlambat")).text
        assert "99+ baru</span>" in (await client.get("/terlambat")).text
