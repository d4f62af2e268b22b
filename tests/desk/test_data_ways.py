"""Connections and ways at the desk: what is typed and what is refused, secrets that never come back, what a place
takes, and open reports that are sent after."""

from __future__ import annotations

import html
import os
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from axe_playwright_python.async_playwright import Axe
from desking import GRANTS, officer, signed_in
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from journey.browser import chromium
from making import file, in_this_loop, rows, run, value
from peers import open311_server
from peers.open311_server import FakeOpen311
from running import web as running_web

from api.house import House
from api.settings import Settings
from api.unit import unit
from desk.access import COOKIE
from store import complaints, policy, ways
from store.complaints import Actor

ADMIN = GRANTS[policy.ADMINISTRATOR]
HERE = "/data/jalur"
SECRET = "rahasia-sekali-7"
OPEN311: dict[str, str] = {
    "kind": "open311",
    "name": "Open311 kota",
    "system": "open311-kota",
    "url": "https://open311.example.go.id/v2",
    "secret": SECRET,
    "jurisdiction_id": "palembang.go.id",
    "services": "pu = 001\nLingkungan = SMP-2",
}


async def seen(client: httpx.AsyncClient, path: str = HERE) -> str:
    """The words of a page, without its tags."""
    answer = await client.get(path)
    assert answer.status_code == 200
    return plain(answer)


def plain(answer: httpx.Response) -> str:
    """The words of an answer, without its tags."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.text.partition("<main")[2])).split())


async def added(client: httpx.AsyncClient, **fields: str) -> int:
    """A connection, added on the page; its id."""
    answer = await client.post(f"{HERE}/baru", data=OPEN311 | fields)
    assert answer.status_code == 303, plain(answer)
    page = await client.get(HERE)
    return max(int(each) for each in re.findall(r"/desk/data/jalur/sambungan/(\d+)", page.text))


async def chosen(client: httpx.AsyncClient, **fields: str) -> httpx.Response:
    """A way, chosen on the page."""
    return await client.post(f"{HERE}/cara", data=fields)


async def taken(house: House, region: str) -> dict[str, str | None]:
    """The way of a report of that region into each system."""
    async with house.engine.connect() as connection:
        found = await ways.when_filed(connection, region)
    return {each.system: each.connection.name if each.connection else None for each in found}


async def by_hand(house: House) -> str:
    return str(await value(house.engine, "SELECT id FROM connections WHERE kind = 'sp4n_manual'"))


# --- connections ----------------------------------------------------------------------------------------------------


async def test_from_the_first_day_everything_goes_by_hand(app: FastAPI) -> None:
    async with signed_in(app, ADMIN) as client:
        page = await seen(client)
        assert "Jalur ke sistem lain" in await seen(client, "/data")
    assert "SP4N-LAPOR! Untuk Lewat sambungan Tindakan Semua laporan sp4n-manual" in page
    assert "Rujukan yang sudah ada tidak berubah" in page


async def test_a_connection_is_added_changed_and_switched_off_and_its_secret_never_comes_back(
    app: FastAPI, inside: House
) -> None:
    async with signed_in(app, ADMIN) as client:
        number = await added(client)
        at = f"{HERE}/sambungan/{number}"
        assert "sudah tersimpan" in await seen(client, at)
        assert "pu = 001" in (await client.get(at)).text
        answer = await client.post(at, data={**OPEN311, "name": "Open311 baru", "secret": "", "services": ""})
        assert answer.status_code == 303
        assert (await client.post(f"{at}/nonaktif")).status_code == 303
        pages = [await client.get(path) for path in (HERE, at, "/data")]
        assert "Open311 baru" in pages[0].text
        assert "Dinonaktifkan" in plain(pages[1])
        assert all(SECRET not in page.text for page in pages)
        async with inside.engine.connect() as connection:
            known = await ways.get(connection, number)
        assert known is not None
        assert (known.secret, known.disabled, known.parameters) == (
            SECRET,
            True,
            {"jurisdiction_id": "palembang.go.id"},
        )
        assert SECRET not in repr(known)
        assert (await client.post(f"{at}/aktif")).status_code == 303
        assert (await client.post(at, data={**OPEN311, "secret": "", "forget": "1"})).status_code == 303
    assert await value(inside.engine, "SELECT secret FROM connections WHERE id = :id", id=number) is None
    written = await rows(inside.engine, "SELECT verb, detail FROM audit WHERE object_kind = 'connection' ORDER BY id")
    assert [row.verb for row in written] == [
        "connection.add",
        "connection.change",
        "connection.disable",
        "connection.enable",
        "connection.change",
    ]
    assert written[1].detail == {"columns": ["name", "parameters"]}
    assert written[4].detail == {"columns": ["name", "parameters", "secret"]}
    assert SECRET not in str(written)
    assert "open311.example" not in str(written)


async def test_another_server_does_not_get_the_secret_of_the_one_before(app: FastAPI, inside: House) -> None:
    async with signed_in(app, ADMIN) as client:
        at = f"{HERE}/sambungan/{await added(client)}"
        elsewhere = {**OPEN311, "secret": "", "url": "https://open311.example.com/v2"}
        answer = await client.post(at, data=elsewhere)
        assert answer.status_code == 422
        assert "Alamatnya menuju server lain" in plain(answer)
        for same in ("https://open311.example.go.id/v3", "https://OPEN311.example.go.id/v2"):
            assert (await client.post(at, data={**elsewhere, "url": same})).status_code == 303
        assert (await client.post(at, data={**elsewhere, "secret": "baru"})).status_code == 303
    assert await value(inside.engine, "SELECT secret FROM connections WHERE kind = 'open311'") == "baru"


WRONG: list[tuple[dict[str, str], str]] = [
    ({"name": " "}, "Isi nama"),
    ({"name": "a" * 61}, "Isi nama"),
    ({"name": "sp4n-manual"}, "sudah dipakai"),
    ({"system": "Kota"}, "Kode sistem"),
    ({"system": "sp4n"}, "Kode sistem"),
    ({"system": "email"}, "Kode sistem"),
    ({"url": ""}, "Alamat harus lengkap"),
    ({"url": "ftp://open311.example/"}, "Alamat harus lengkap"),
    ({"url": "javascript:alert(1)"}, "Alamat harus lengkap"),
    ({"url": "https://"}, "Alamat harus lengkap"),
    ({"url": "https://host:notaport/"}, "Alamat harus lengkap"),
    ({"url": "https://[::1/"}, "Alamat harus lengkap"),
    ({"url": "https://open311.example/?key=1"}, "Alamat harus lengkap"),
    ({"url": "https://ani:sandi@open311.example/"}, "nama pengguna"),
    ({"secret": "dua kata"}, "Token atau kunci hanya"),
    ({"secret": "é"}, "Token atau kunci hanya"),
    ({"services": "pu 001"}, "Tulis satu pasangan"),
    ({"services": "pu = 1\npu = 2"}, "Tulis satu pasangan"),
    ({"default_service": "x" * 201}, "Kode layanan paling panjang"),
]


async def test_what_cannot_be_is_refused_with_a_sentence_and_what_was_typed(app: FastAPI, inside: House) -> None:
    async with signed_in(app, ADMIN) as client:
        for wrong, problem in WRONG:
            answer = await client.post(f"{HERE}/baru", data=OPEN311 | wrong)
            assert (answer.status_code, problem in plain(answer)) == (422, True), wrong
            assert (OPEN311 | wrong)["jurisdiction_id"] in answer.text
            assert SECRET not in answer.text
    assert await value(inside.engine, "SELECT count(*) FROM connections") == 1


async def test_what_does_not_exist_is_missing(app: FastAPI) -> None:
    async with signed_in(app, ADMIN) as client:
        for path in ("baru?jenis=telegraf", "sambungan/0", "sambungan/999", f"sambungan/{10**20}"):
            assert (await client.get(f"{HERE}/{path}")).status_code == 404, path
        assert (await client.post(f"{HERE}/sambungan/999", data=OPEN311)).status_code == 404
        assert (await client.post(f"{HERE}/sambungan/{await added(client)}/hapus")).status_code == 404


async def test_whatever_is_typed_is_an_answer_and_never_an_error(app: FastAPI) -> None:
    words = st.text(max_size=40) | st.sampled_from([*OPEN311.values(), "16.71", "-1", "https://a@b", "\x00", "1"])

    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        path=st.sampled_from(["baru", "sambungan/1", "cara", "cara/1/hapus", "susulan", "sambungan/1/coba"]),
        fields=st.dictionaries(
            st.sampled_from([*OPEN311, "connection", "region", "agency", "address", "wilayah", "sistem", "forget"]),
            words,
        ),
    )
    async def check(path: str, fields: dict[str, str]) -> None:
        sent = {name: words.encode("utf-8", "replace").decode() for name, words in fields.items()}
        answer = await client.post(f"{HERE}/{path}", data=sent)
        assert answer.status_code in (200, 303, 400, 404, 422)
        assert (await client.get(HERE, params={"untuk": next(iter(sent.values()), "")[:200]})).status_code == 200

    async with signed_in(app, ADMIN) as client:
        await in_this_loop(check)


# --- trying one -----------------------------------------------------------------------------------------------------


async def test_a_connection_that_works_tells_how_many_categories_it_has(app: FastAPI, inside: House) -> None:
    async with FakeOpen311() as server, signed_in(app, ADMIN) as client:
        fields = {"url": server.url, "secret": open311_server.KEY, "jurisdiction_id": open311_server.JURISDICTION}
        number = await added(client, **fields)
        # Before it is switched on.
        await client.post(f"{HERE}/sambungan/{number}/nonaktif")
        answer = await client.post(f"{HERE}/sambungan/{number}/coba")
        assert answer.status_code == 200
        assert re.search(r"Sambungan berfungsi: [1-9]\d* kategori dibaca\.", plain(answer))
        assert server.requests == {}
        assert server.problems == []
    assert await value(inside.engine, "SELECT count(*) FROM audit WHERE verb = 'connection.try'") == 1


async def test_a_connection_that_does_not_says_why(app: FastAPI, inside: House) -> None:
    async with signed_in(app, ADMIN) as client:
        number = await added(client, url="http://127.0.0.1:1/v2")
        answer = await client.post(f"{HERE}/sambungan/{number}/coba")
        assert "Sambungan belum berfungsi: tidak dapat dihubungi." in plain(answer)
        assert SECRET not in answer.text
        by_a_person = await by_hand(inside)
        answer = await client.post(f"{HERE}/sambungan/{by_a_person}/coba")
        assert "tidak dapat dilakukan melalui jalur ini" in plain(answer)
        assert "Coba sambungan" not in await seen(client, f"{HERE}/sambungan/{by_a_person}")


# --- ways -----------------------------------------------------------------------------------------------------------


async def test_the_nearest_way_is_taken_and_can_be_asked_for(app: FastAPI, inside: House) -> None:
    async with signed_in(app, ADMIN) as client:
        over = str(await added(client, kind="sp4n_api", name="SP4N lewat API"))
        assert (await chosen(client, connection=over, region="kota palembang")).status_code == 303
        assert (await chosen(client, connection="none:sp4n", region="16.06")).status_code == 303
        assert await taken(inside, "16.71.02") == {"sp4n": "SP4N lewat API"}
        assert await taken(inside, "16.06.01") == {"sp4n": None}
        assert await taken(inside, "16.01.01") == {"sp4n": "sp4n-manual"}
        for words in ("16.71", "Kota Palembang", "kota palembang"):
            page = await seen(client, f"{HERE}?untuk={words}")
            assert "Untuk Kota Palembang" in page
            assert "SP4N-LAPOR!: SP4N lewat API saat laporan dibuat" in page
        assert "SP4N-LAPOR!: Tidak diserahkan" in await seen(client, f"{HERE}?untuk=16.06")
        assert "“Atlantis” bukan wilayah" in await seen(client, f"{HERE}?untuk=Atlantis")
        # The same scope again replaces what stood there.
        assert (await chosen(client, connection=await by_hand(inside), region="16.71")).status_code == 303
        assert await taken(inside, "16.71.02") == {"sp4n": "sp4n-manual"}
        [own] = await rows(inside.engine, "SELECT id FROM ways WHERE region = '16.71'")
        # It is asked once more, with what it means; nothing is gone until then.
        asking = await client.post(f"{HERE}/cara/{own.id}/hapus")
        assert asking.status_code == 200
        assert "Hapus jalur SP4N-LAPOR! untuk Kota Palembang?" in asking.text
        assert await taken(inside, "16.71.02") == {"sp4n": "sp4n-manual"}
        assert await value(inside.engine, "SELECT count(*) FROM ways WHERE id = :id", id=own.id) == 1
        sure = {"sure": "yes"}
        assert (await client.post(f"{HERE}/cara/{own.id}/hapus", data=sure)).status_code == 303
        for form in ({}, sure):
            assert (await client.post(f"{HERE}/cara/{own.id}/hapus", data=form)).status_code == 404
    assert await value(inside.engine, "SELECT count(*) FROM ways WHERE system = 'sp4n'") == 2
    verbs = [
        row.verb for row in await rows(inside.engine, "SELECT verb FROM audit WHERE verb LIKE 'way.%' ORDER BY id")
    ]
    assert verbs == ["way.choose", "way.choose", "way.choose", "way.drop"]


async def test_letters_go_to_agencies_at_their_address(app: FastAPI, inside: House) -> None:
    async with signed_in(app, ADMIN) as client:
        over = str(await added(client, kind="email", name="Surel instansi"))
        wanted = {"connection": over, "agency": "16.71-pu", "address": "pu@palembang.example"}
        assert (await chosen(client, **wanted)).status_code == 303
        page = await seen(client, f"{HERE}?untuk=16.71-pu")
        assert "Surel: Surel instansi pu@palembang.example saat laporan didisposisikan ke instansi itu" in page
        assert "SP4N-LAPOR!: sp4n-manual saat laporan dibuat" in page
    async with inside.engine.connect() as connection:
        [way] = await ways.when_disposed(connection, ["16.71-pu"])
    assert (way.agency, way.address) == ("16.71-pu", "pu@palembang.example")


NO_WAYS: list[tuple[dict[str, str], str]] = [
    ({"region": "Atlantis"}, "Wilayah itu tidak dikenal"),
    ({"agency": "Dinas Sihir"}, "Instansi itu tidak dikenal"),
    ({"region": "16.71", "agency": "16.71-pu"}, "Pilih wilayah atau instansi"),
    ({"connection": "999"}, "Pilih sambungan"),
    ({"connection": "manual", "agency": "16.71-pu"}, "hanya untuk wilayah"),
    ({"connection": "email"}, "hanya untuk instansi"),
    ({"connection": "email", "agency": "16.71-pu"}, "alamat surel"),
    ({"connection": "email", "agency": "16.71-pu", "address": "a@b Bcc: c@d"}, "alamat surel"),
    ({"connection": "none:unknown"}, "Pilih sambungan"),
    ({"connection": "none:"}, "Pilih sambungan"),
    ({"connection": "sp4n"}, "Pilih sambungan"),
    ({"connection": ""}, "Pilih sambungan"),
]


async def test_a_way_that_cannot_be_is_refused(app: FastAPI, inside: House) -> None:
    async with signed_in(app, ADMIN) as client:
        mail = str(await added(client, kind="email", name="Surel instansi"))
        over = {"manual": await by_hand(inside), "email": mail}
        for fields, problem in NO_WAYS:
            wanted = fields.get("connection", "manual")
            answer = await chosen(client, **fields | {"connection": over.get(wanted, wanted)})
            assert (answer.status_code, problem in plain(answer)) == (422, True), fields
    assert await value(inside.engine, "SELECT count(*) FROM ways") == 1


# --- reports that are sent after ---------------------------------------------------------------------------------


async def filed_before(house: House, **details: Any) -> int:
    """A report that was filed when there was no way."""
    async with house.engine.begin() as connection:
        event = await file(connection, **details)
    return event.complaint_id


async def test_open_reports_without_a_reference_are_counted_and_sent_after(app: FastAPI, inside: House) -> None:
    here = await filed_before(inside, region="16.71.02")
    secret = await filed_before(inside, region="16.71.01", secret=True)
    other = await filed_before(inside, region="16.06.01")
    nowhere = await filed_before(inside)
    ended = await filed_before(inside, region="16.71.02")
    await run(inside.engine, "UPDATE complaints SET status = 'Ditutup oleh Admin' WHERE id = :id", id=ended)
    async with inside.engine.begin() as connection:
        await complaints.write(connection, here, Actor("citizen", "7"), "replied", note="Tiang 17.", public=True)
        await complaints.write(connection, here, Actor("operator", "ani"), "noted", note="Dicatat.", public=True)
    async with unit(inside) as work:
        new = work.record(await file(work.connection, region="16.71.02")).complaint_id
    planned = "SELECT complaint_id, state FROM complaint_references WHERE system = :system ORDER BY complaint_id"
    assert [tuple(row) for row in await rows(inside.engine, planned, system="sp4n")] == [(new, "waiting")]
    async with signed_in(app, ADMIN) as client:
        assert "Kota Palembang: 2 laporan berjalan" in await seen(client, f"{HERE}/susulan?sistem=sp4n&wilayah=16.71")
        assert "semua wilayah: 4 laporan berjalan" in await seen(client, f"{HERE}/susulan")
        answer = await client.post(f"{HERE}/susulan", data={"sistem": "sp4n", "wilayah": "16.71"})
        assert answer.headers["location"].endswith("selesai=planned&jumlah=2")
        # What their pelapor have said meanwhile is not left behind.
        said = "SELECT note FROM reference_posts p JOIN complaint_history h ON h.id = p.history_id"
        assert [row.note for row in await rows(inside.engine, said)] == ["Tiang 17."]
        assert "2 laporan sekarang menunggu" in await seen(client, answer.headers["location"].removeprefix("/desk"))
        # Again: there is nothing left to do.
        answer = await client.post(f"{HERE}/susulan", data={"sistem": "sp4n", "wilayah": "16.71"})
        assert answer.headers["location"].endswith("jumlah=0")
        # A Rahasia report goes to no server that the public reads.
        over = str(await added(client))
        assert (await chosen(client, connection=over)).status_code == 303
        await client.post(f"{HERE}/susulan", data={"sistem": "open311-kota"})
        # And where a region hands nothing over, nothing is sent after.
        assert (await chosen(client, connection="none:sp4n", region="16.06")).status_code == 303
        await client.post(f"{HERE}/susulan", data={"sistem": "sp4n"})
    sp4n = {row.complaint_id for row in await rows(inside.engine, planned, system="sp4n")}
    assert sp4n == {new, here, secret, nowhere}
    public = {row.complaint_id for row in await rows(inside.engine, planned, system="open311-kota")}
    assert public == {new, here, other, nowhere}
    detail = await rows(inside.engine, "SELECT detail FROM audit WHERE verb = 'way.plan' ORDER BY id")
    assert [row.detail["count"] for row in detail] == [2, 0, 4, 1]


async def test_what_is_no_system_or_region_is_missing(app: FastAPI) -> None:
    async with signed_in(app, ADMIN) as client:
        for query in ({"sistem": "TIDAK"}, {"wilayah": "Atlantis"}):
            assert (await client.get(f"{HERE}/susulan", params=query)).status_code == 404
            assert (await client.post(f"{HERE}/susulan", data=query)).status_code == 404


# --- in a browser -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "language", "scheme"), [(390, "id", "light"), (1440, "en", "dark")])
async def test_the_pages_in_a_browser(
    settings: Settings, database: str, width: int, language: str, scheme: Any
) -> None:
    async with running_web(settings, database) as (address, house), chromium() as browser:
        async with house.engine.begin() as connection:
            staff_id, token = await officer(connection, ADMIN)
            await ways.add(connection, "API pusat", ways.API, "sp4n", url="https://sp4n.example", secret=SECRET)
            parameters = {"services": {"pu": "001"}, "jurisdiction_id": "palembang.go.id"}
            open311 = await ways.add(
                connection,
                "Open311 kota",
                ways.OPEN311,
                "open311-kota",
                url="https://kota.example/v2",
                parameters=parameters,
            )
            for region in ("16.71", "16.06"):
                await ways.put(
                    connection, "open311-kota", region=region, agency=None, connection_id=open311, address=None
                )
            await ways.put(connection, "sp4n", region="16.06", agency=None, connection_id=None, address=None)
        await run(house.engine, "UPDATE staff SET language = :to WHERE id = :id", to=language, id=staff_id)
        context = await browser.new_context(
            viewport={"width": width, "height": 900}, locale="id-ID", color_scheme=scheme
        )
        await context.add_cookies([{"name": COOKIE, "value": token, "url": f"{address}/desk"}])
        page = await context.new_page()
        paths = {
            "jalur": "?untuk=Kota Palembang",
            "baru": "/baru?jenis=open311",
            "sambungan": f"/sambungan/{open311}",
            "susulan": "/susulan",
        }
        for name, path in paths.items():
            await page.goto(f"{address}/desk{HERE}{path}")
            if folder := os.environ.get("SCREENSHOTS"):
                await page.screenshot(path=Path(folder) / f"{name}-{language}-{width}.png", full_page=True)
            found = await Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
            assert await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        # What was typed and refused stands there still, all but the secret.
        await page.goto(f"{address}/desk{HERE}/baru?jenis=open311")
        for name, words in {"name": "Kota", "system": "kota", "url": "https://a:b@kota.example"}.items():
            await page.fill(f"#{name}", words)
        await page.fill("#secret", SECRET)
        await page.click("main .button.first")
        assert await page.locator("#wrong").count() == 1
        assert await page.input_value("#system") == "kota"
        assert await page.input_value("#secret") == ""
        assert await page.get_attribute("#url", "aria-invalid") == "true"
