"""The list of what is late: grouped by clock and agency, as far as an officer reaches, and no further."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from desking import GRANTS, PALEMBANG, SEKAYU, signed_in
from fastapi import FastAPI
from making import OPERATOR, file, run

from api.house import House
from api.timekeeping import keep_clocks
from desk import late
from store import dispositions, policy
from store.policy import Grant

PU = "16.71-pu"


@pytest.fixture
def monday(inside: House) -> House:
    """The house on Monday, 23 November 2026, at ten in Palembang."""
    inside.skew = datetime(2026, 11, 23, 3, tzinfo=UTC) - datetime.now(UTC)
    return inside


async def report(house: House, filed: str, *, agency: str | None = None, **details: str) -> str:
    """A report that came in on that day, and was disposed then if an agency is named; returns its ticket."""
    async with house.engine.begin() as connection:
        event = await file(connection, **{"region": PALEMBANG, **details})
        if agency:
            await dispositions.dispose(connection, event.ticket, OPERATOR, [agency], lead=agency)
    moment = datetime.fromisoformat(f"2026-{filed} 10:00+07:00")
    for statement in (
        "UPDATE complaints SET filed_at = :at WHERE id = :id",
        "UPDATE complaint_history SET at = :at WHERE complaint_id = :id",
    ):
        await run(house.engine, statement, at=moment, id=event.complaint_id)
    await keep_clocks(house)
    return event.ticket


@asynccontextmanager
async def reading(app: FastAPI, *grants: Grant) -> AsyncIterator[httpx.AsyncClient]:
    """An officer with these grants, whose session began on the day on which the house is."""
    house: House = app.state.house
    async with signed_in(app, *grants) as client:
        times = "UPDATE staff_sessions SET seen_at = :now, expires_at = :until"
        await run(house.engine, times, now=house.now(), until=house.now() + timedelta(hours=1))
        yield client


def tickets(answer: httpx.Response) -> list[str]:
    """The tickets in the order of the page."""
    assert answer.status_code == 200, answer.text
    return re.findall(r'href="/desk/laporan/([^"]+)"', answer.text)


async def test_each_officer_sees_what_is_late_in_their_reach(app: FastAPI, monday: House) -> None:
    verify = await report(monday, "11-17", title="Lampu jalan mati")
    older = await report(monday, "11-16", title="Sampah menumpuk")
    agency = await report(monday, "11-10", agency=PU, title="Jalan berlubang")
    far = await report(monday, "11-16", region=SEKAYU, title="Jembatan putus")
    not_late = await report(monday, "11-19", title="Air keruh")
    seen = {
        policy.ADMIN_INSTANSI: [older, verify, agency],
        policy.PENGAWAS: [older, verify, agency],
        policy.PEJABAT: [agency],
    }
    for role, wanted in seen.items():
        async with reading(app, GRANTS[role]) as client:
            answer = await client.get("/terlambat")
        assert tickets(answer) == wanted
        assert not_late not in answer.text
    async with reading(app, Grant(policy.PENGAWAS)) as client:
        assert far in tickets(await client.get("/terlambat"))
    async with reading(app, GRANTS[policy.PENGAWAS]) as client:
        page = (await client.get("/terlambat")).text
        english = (await client.get("/terlambat", params={"lang": "en"})).text
    assert "Lampu jalan mati" in page
    # Due on Friday 20th and late by one working day; the older one by two. The agency's since the 17th.
    assert re.findall(r"(\d+) hari kerja", page) == ["2", "1", "4"]
    assert "Jum 20 Nov 2026" in page
    assert "Dinas" in page
    assert english.count("<section") == page.count("<section") == 2


@pytest.mark.parametrize("role", [policy.BIRO, policy.ADMINISTRATOR])
async def test_who_reads_no_report_has_no_list(app: FastAPI, role: str) -> None:
    async with reading(app, GRANTS[role]) as client:
        assert (await client.get("/terlambat")).status_code == 403


async def test_the_list_is_narrowed_down(app: FastAPI, monday: House) -> None:
    verify = await report(monday, "11-16")
    agency = await report(monday, "11-10", agency=PU)
    async with reading(app, GRANTS[policy.ADMIN_INSTANSI]) as client:
        for query, wanted in (
            ({}, [verify, agency]),
            ({"jam": "verify"}, [verify]),
            ({"jam": "follow_up"}, [agency]),
            ({"jam": "handle"}, []),
            ({"instansi": PU}, [agency]),
            ({"instansi": late.NOBODY}, [verify]),
            ({"instansi": PU, "jam": "verify"}, []),
            ({"instansi": "99-none"}, []),
            ({"jam": "x'; --", "instansi": ""}, [verify, agency]),
        ):
            answer = await client.get("/terlambat", params=query)
            assert tickets(answer) == wanted, query
            assert ("Tidak ada laporan yang terlambat" in answer.text) == (not wanted)
        assert (await client.get("/terlambat", params={"instansi": "x" * 101})).status_code == 422


async def test_a_very_long_list_comes_page_by_page_with_whole_counts(
    app: FastAPI, monday: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late, "MOST", 2)
    # Several end on the same day.
    wanted = [await report(monday, day) for day in ("11-11", "11-12", "11-12", "11-12", "11-13")]
    agency = await report(monday, "11-09", agency=PU)
    async with reading(app, GRANTS[policy.ADMIN_INSTANSI]) as client:
        answer = await client.get("/terlambat", params={"jam": "verify"})
        assert "Ditampilkan 2 yang paling lama dari 5." in answer.text
        assert "Kembali ke awal" not in answer.text
        seen = tickets(answer)
        while following := re.search(r'rel="next" href="([^"]+)"', answer.text):
            answer = await client.get(html.unescape(following[1]).removeprefix("/desk"))
            assert '<span class="badge late">5</span>' in answer.text
            assert "Kembali ke awal" in answer.text
            seen += tickets(answer)
        assert seen == wanted
        assert "Ditampilkan 1 berikutnya dari 5" in answer.text
        # What is not there any more ends the list, and so does a number that was made up.
        assert tickets(await client.get("/terlambat", params={"setelah": 999_999})) == []
        assert (await client.get("/terlambat", params={"setelah": "x"})).status_code == 422
        assert agency in tickets(await client.get("/terlambat", params={"instansi": PU}))


async def test_what_is_late_in_a_year_that_is_not_known_is_listed_all_the_same(app: FastAPI, inside: House) -> None:
    inside.skew = datetime(2027, 1, 4, 3, tzinfo=UTC) - datetime.now(UTC)
    ticket = await report(inside, "12-16")
    async with reading(app, GRANTS[policy.ADMIN_INSTANSI]) as client:
        answer = await client.get("/terlambat")
    assert tickets(answer) == [ticket]
    assert "Hari kerja tidak diketahui" in answer.text
