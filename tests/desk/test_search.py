"""The search as a page: numbers lead to their report, words to a list, odd input to a sentence."""

from __future__ import annotations

import pytest
from desking import GRANTS, PALEMBANG, SEKAYU, signed_in
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import file, in_this_loop

from api.house import House
from desk import search
from store import policy
from store.complaints import Event

ADMIN = GRANTS[policy.ADMIN_INSTANSI]


async def filed(inside: House, **details: object) -> Event:
    """A report of Palembang."""
    async with inside.engine.begin() as connection:
        return await file(connection, **{"region": PALEMBANG, **details})


@pytest.mark.parametrize("spelled", ["{}", "  {} ", "lower", "digits", "dots"])
async def test_a_ticket_however_it_is_spelled_opens_its_report(app: FastAPI, inside: House, spelled: str) -> None:
    ticket = (await filed(inside)).ticket
    ways = {"lower": ticket.lower(), "digits": ticket[2:].replace("-", ""), "dots": ticket.replace("-", ".")}
    async with signed_in(app, ADMIN) as client:
        answer = await client.get("/cari", params={"q": ways.get(spelled, spelled.format(ticket))})
    assert (answer.status_code, answer.headers.get("location")) == (303, f"/desk/laporan/{ticket}")


async def test_a_ticket_out_of_reach_is_as_one_that_does_not_exist(app: FastAPI, inside: House) -> None:
    far = (await filed(inside, region=SEKAYU)).ticket
    async with signed_in(app, ADMIN) as client:
        pages = [await client.get("/cari", params={"q": ticket}) for ticket in (far, "T-000-000-0000")]
    assert [page.status_code for page in pages] == [200, 200]
    assert all("Nomor tiket itu tidak ada, atau" in page.text for page in pages)


async def test_a_mistyped_number_is_said_to_be_one(app: FastAPI, inside: House) -> None:
    ticket = (await filed(inside)).ticket
    wrong = ticket[:-1] + str((int(ticket[-1]) + 1) % 10)
    async with signed_in(app, ADMIN) as client:
        assert "salah ketik" in (await client.get("/cari", params={"q": wrong})).text


async def test_words_find_what_is_in_reach_page_by_page(
    app: FastAPI, inside: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "A_PAGE", 2)
    for number in range(3):
        await filed(inside, title=f"Ambruk {number}", text="Jembatan ambruk.")
    await filed(inside, title="Jauh", text="Jembatan ambruk.", region=SEKAYU)
    async with signed_in(app, ADMIN) as client:
        first = (await client.get("/cari?q=jembatan")).text
        assert "Ambruk 2" in first
        assert "Ambruk 0" not in first
        assert "Jauh" not in first
        address = first.split('rel="next" href="/desk')[1].split('"')[0].replace("&amp;", "&")
        second = (await client.get(address)).text
    assert "Ambruk 0" in second
    assert "Ambruk 1" not in second
    assert 'rel="next"' not in second


async def test_filters_take_names_and_codes_and_say_what_they_do_not_know(app: FastAPI, inside: House) -> None:
    await filed(inside, title="Di sini", agency="16.71-pu", region="16.71.01")
    async with signed_in(app, ADMIN) as client:
        for query in (
            "wilayah=kota palembang",
            "wilayah=16.71",
            "instansi=16.71-pu",
            "status=belum terverifikasi",
            "dari=2020-01-01",
            "jenis=pengaduan",
            "kanal=telegram",
        ):
            assert "Di sini" in (await client.get(f"/cari?{query}")).text, query
        for query in ("wilayah=antah", "instansi=antah", "status=antah", "dari=kemarin", "dari=0001-01-01", "jenis=x"):
            page = await client.get(f"/cari?{query}")
            assert "tidak dikenal" in page.text, query
            assert "Di sini" not in page.text


async def test_what_no_search_takes_is_answered_in_a_sentence(app: FastAPI, inside: House) -> None:
    await filed(inside, title="Di sini", text="Jalan rusak.")
    async with signed_in(app, ADMIN) as client:
        assert "200 huruf pertama" in (await client.get("/cari", params={"q": "jalan " * 2000})).text
        assert "Di sini" in (await client.get("/cari", params={"q": "ja\x00lan"})).text
        assert "terlalu umum" in (await client.get("/cari", params={"q": "-jalan"})).text
        assert "tidak ada laporan yang cocok" in (await client.get("/cari?q=antah")).text.lower()


async def test_any_query_is_answered(app: FastAPI, inside: House) -> None:
    await filed(inside)
    async with signed_in(app, GRANTS[policy.PENGAWAS]) as client:

        @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
        @given(st.dictionaries(st.sampled_from([*search.FIELDS, "sebelum"]), st.text(max_size=60), min_size=1))
        async def check(asked: dict[str, str]) -> None:
            wanted = {name: value.encode("utf-8", "replace").decode() for name, value in asked.items()}
            assert (await client.get("/cari", params=wanted)).status_code in (200, 303)

        await in_this_loop(check)
