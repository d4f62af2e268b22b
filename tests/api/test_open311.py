"""Our Open311 server: what may be filed, once however often it is sent, and what of a report is told to whom."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import httpx
import pytest
from conftest import API_KEY
from fastapi import FastAPI
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from making import contact, in_this_loop, rows, run, value
from own_server import Server
from starlette.datastructures import QueryParams

from api.app import build
from api.house import House
from api.open311 import answers, forms, jurisdictions, moments, views
from api.open311.answers import Form, Refusal
from api.open311.words import FOLDER, say
from api.settings import Settings
from store import complaints, dispositions, moves
from store.complaints import Actor

PATH = "/open311/v2"
GUEST, OTHER = "guest-key-0123456789", "other-key-0123456789"
STORY = "Jalan di depan SMP 1 Sekayu rusak parah sejak bulan lalu, banyak motor jatuh."
ROAD = "pekerjaan-umum-dan-penataan-ruang.jalan-berlubang"
# A form that is taken.
GOOD = {"api_key": GUEST, "service_code": "perhubungan", "description": STORY, "address_string": "Sekayu"}
AGENCY = "16.06-pu"
OPERATOR = Actor("operator", "ani")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Two other channels have keys; nobody reads without one."""
    keys = {"open311_keys": f"warga:{GUEST},kampung:{OTHER}"}
    return Settings.model_validate(settings.model_dump() | keys)


@asynccontextmanager
async def client_of(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://test{PATH}", timeout=30) as client:
        yield client


@pytest.fixture
async def open311(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Whoever comes to the server, without a key."""
    async with client_of(app) as client:
        yield client


def xml_of(content: bytes) -> ElementTree.Element:
    """What our server has written as XML."""
    return ElementTree.fromstring(content)  # noqa: S314 (our own)


async def filed(open311: httpx.AsyncClient, **more: str) -> str:
    """A request that was taken; its number."""
    answer = await open311.post("/requests.json", data=GOOD | more)
    assert answer.status_code == 200, answer.text
    return str(answer.json()[0]["service_request_id"])


async def read(open311: httpx.AsyncClient, number: str, key: str | None = GUEST) -> dict[str, Any] | int:
    """A request as whoever has that key reads it; the HTTP status where they do not."""
    answer = await open311.get(f"/requests/{number}.json", headers={"X-API-Key": key} if key else {})
    if answer.status_code != 200:
        assert answer.json()[0]["code"] == answer.status_code
        return answer.status_code
    [found] = answer.json()
    assert isinstance(found, dict)
    return found


async def shown(open311: httpx.AsyncClient, number: str, key: str | None = GUEST) -> dict[str, Any]:
    found = await read(open311, number, key)
    assert isinstance(found, dict), found
    return found


async def numbers(open311: httpx.AsyncClient, key: str | None = GUEST, **query: str) -> list[str]:
    """The numbers of the requests in a list."""
    answer = await open311.get("/requests.json", params=query, headers={"X-API-Key": key} if key else {})
    assert answer.status_code == 200, answer.text
    return [each["service_request_id"] for each in answer.json()]


async def dispose(house: House, ticket: str) -> None:
    """An office has verified it, and an agency has it."""
    async with house.engine.begin() as connection:
        await dispositions.dispose(
            connection,
            ticket,
            OPERATOR,
            [AGENCY],
            lead=AGENCY,
            function=None,
            note="Tolong dicek, Pak Joko",
            reason="x",
        )


async def answer_it(house: House, ticket: str, words: str) -> None:
    status = moves.read("Ditindaklanjuti oleh Instansi")
    assert status
    async with house.engine.begin() as connection:
        await complaints.move(connection, ticket, status, Actor("agency", AGENCY), reason=None, note=words)


# --- services ------------------------------------------------------------------------------------------


async def test_the_services_are_the_categories_of_today(open311: httpx.AsyncClient, inside: House) -> None:
    listed = (await open311.get("/services.json")).json()
    codes = [each["service_code"] for each in listed]
    there = await rows(inside.engine, "SELECT code FROM categories WHERE valid_to IS NULL OR valid_to >= current_date")
    assert sorted(codes) == sorted(row.code for row in there)
    assert len(codes) > 700
    one = next(each for each in listed if each["service_code"] == "agama.pendidikan-agama")
    assert one == {
        "service_code": "agama.pendidikan-agama",
        "service_name": "PENDIDIKAN AGAMA",
        "description": "Laporan tentang PENDIDIKAN AGAMA (topik AGAMA).",
        "metadata": True,
        "type": "realtime",
        "keywords": "pendidikan, agama",
        "group": "AGAMA",
    }


async def test_what_has_ended_is_no_service_nor_what_lies_in_it(open311: httpx.AsyncClient, inside: House) -> None:
    await run(inside.engine, "UPDATE categories SET valid_to = current_date - 1 WHERE code = 'agama'")
    codes = {each["service_code"] for each in (await open311.get("/services.json")).json()}
    assert not [code for code in codes if code.startswith(("agama", "corona-virus"))]
    for code in ("agama.pendidikan-agama", "corona-virus", "tidak-ada", "a.b.c"):
        assert (await open311.get(f"/services/{code}.json")).status_code == 404
        refused = await open311.post("/requests.json", data=GOOD | {"service_code": code})
        assert (refused.status_code, refused.json()[0]["code"]) == (400, 400)
        assert "service_code" in refused.json()[0]["description"]


async def test_a_service_says_what_else_may_be_told(open311: httpx.AsyncClient) -> None:
    found = (await open311.get("/services/perhubungan.parkir-liar.json")).json()
    assert found["service_code"] == "perhubungan.parkir-liar"
    assert [each["code"] for each in found["attributes"]] == [
        "klasifikasi", "judul", "tanggal_kejadian", "patokan", "anonim", "rahasia",
    ]  # fmt: skip
    assert [each["order"] for each in found["attributes"]] == [1, 2, 3, 4, 5, 6]
    written = xml_of((await open311.get("/services/perhubungan.parkir-liar.xml")).content)
    assert written.tag == "service_definition"
    assert [each.findtext("code") for each in written.findall("attributes/attribute")][-1] == "rahasia"
    assert [each.findtext("key") for each in written.findall("attributes/attribute/values/value")][-2:] == [
        "true",
        "false",
    ]


async def test_discovery_leads_here(open311: httpx.AsyncClient, inside: House) -> None:
    [endpoint] = (await open311.get("/discovery.json")).json()["endpoints"]
    assert endpoint["url"] == f"{inside.settings.public_url}{PATH}"
    written = xml_of((await open311.get("/discovery.xml")).content)
    assert written.findtext("endpoints/endpoint/url") == endpoint["url"]
    assert [each.text for each in written.findall("endpoints/endpoint/formats/format")] == endpoint["formats"]


# --- jurisdictions and errors ----------------------------------------------------------------------------


JURISDICTIONS = [
        ("16", "16"), ("73", "73"), ("16.71", "16.71"), ("kota-palembang", "16.71"), ("Palembang", "16.71"),
        ("musi-banyuasin", "16.06"), ("Kabupaten Musi Banyuasin", "16.06"), ("provinsi-sulawesi-selatan", "73"),
        ("sumatera-selatan", "16"), ("makassar", "73.71"),
        ("16.71.01", None), ("31", None), ("jakarta", None), ("kota", None), ("-", None), ("16.", None), ("1.6", None),
]  # fmt: skip


def test_jurisdictions_by_code_and_name(house: House) -> None:
    for said, code in JURISDICTIONS:
        found = jurisdictions.find(house.directory.regions, said, house.today(None))
        assert (found.code if found else None) == code, said
    assert jurisdictions.chosen(house, " ") is None
    with pytest.raises(Refusal):
        jurisdictions.chosen(house, "jakarta")


async def test_an_unknown_jurisdiction_is_404_everywhere(open311: httpx.AsyncClient) -> None:
    for path in ("services", "services/perhubungan", "requests", "requests/T-482-173-9056", "tokens/x"):
        answer = await open311.get(f"/{path}.json", params={"jurisdiction_id": "dc.gov", "api_key": GUEST})
        assert answer.status_code == 404, path
        assert "jurisdiction_id" in answer.json()[0]["description"]
    answer = await open311.post("/requests.xml", data=GOOD | {"jurisdiction_id": "dc.gov"})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/xml; charset=utf-8")
    assert xml_of(answer.content).findtext("error/code") == "404"


WRONG: list[tuple[dict[str, str], int, str]] = [
    ({"api_key": ""}, 403, "api_key"),
    ({"api_key": "no-key-of-ours-0123"}, 403, "api_key"),
    ({"service_code": ""}, 400, "service_code"),
    ({"description": "  "}, 400, "description"),
    ({"description": "a" * 100_001}, 400, "100000"),
    ({"description": "a\x00b"}, 400, "description"),
    ({"address_string": ""}, 400, "address_string"),
    ({"address_string": "a" * 601}, 400, "address_string"),
    ({"lat": "-2.99"}, 400, "long"),
    ({"lat": "-2.99", "long": "utara"}, 400, "long"),
    ({"lat": "nan", "long": "104.7"}, 400, "lat"),
    ({"lat": "104.7", "long": "-2.99"}, 400, "tertukar"),
    ({"lat": "0", "long": "0"}, 400, "Indonesia"),
    ({"address_id": "99.99"}, 400, "address_id"),
    ({"address_id": "16.06", "jurisdiction_id": "73"}, 400, "address_id"),
    ({"media_url": "file:///etc/passwd"}, 400, "media_url"),
    ({"media_url": "http://[::1"}, 400, "media_url"),
    ({"media_url": "https://a.example/b c"}, 400, "media_url"),
    ({"attribute[rahasiaa]": "true"}, 400, "rahasia"),
    ({"attribute[rahasia": "true"}, 400, "rahasia"),
    ({"attribute": "x"}, 400, "rahasia"),
    ({"attribute[rahasia]": "mungkin"}, 400, "attribute[rahasia]"),
    ({"attribute[klasifikasi]": "keluhan"}, 400, "pengaduan"),
    ({"attribute[tanggal_kejadian]": "31/02/2024"}, 400, "tanggal_kejadian"),
    ({"attribute[tanggal_kejadian]": "2024-02-31"}, 400, "tanggal_kejadian"),
    ({"attribute[tanggal_kejadian]": "2999-01-01"}, 400, "belum"),
    ({"attribute[judul]": "a" * 101}, 400, "100"),
    ({"first_name": "a" * 101}, 400, "first_name"),
]


async def test_what_is_wrong_is_told_by_its_name(open311: httpx.AsyncClient, inside: House) -> None:
    for said, status, names in WRONG:
        answer = await open311.post("/requests.json", data=GOOD | said)
        assert answer.status_code == status, (said, answer.text)
        [problem] = answer.json()
        assert problem["code"] == status
        assert names in problem["description"], said
    written = xml_of((await open311.post("/requests.xml", data=GOOD | {"description": ""})).content)
    assert [(each.tag, each.findtext("code")) for each in written] == [("error", "400")]
    assert await value(inside.engine, "SELECT count(*) FROM complaints") == 0


UNASKABLE: list[tuple[dict[str, str], str]] = [
    ({"start_date": "kemarin"}, "start_date"),
    ({"end_date": "0001-01-01T00:00:00+14:00"}, "end_date"),
    ({"start_date": "2026-01-01", "end_date": "2026-06-01"}, "90"),
    ({"start_date": "2026-06-01", "end_date": "2026-01-01"}, "90"),
    ({"end_date": "0001-01-03"}, "90"),
    ({"start_date": "9999-12-30T00:00:00Z"}, "90"),
    ({"status": "archived"}, "status"),
    ({"page": "0"}, "page"),
    ({"page_size": "1001"}, "page_size"),
    ({"lat": "1"}, "long"),
    ({"radius": "5"}, "radius"),
    ({"lat": "nan", "long": "1"}, "lat"),
    ({"lat": "1", "long": "1", "radius": "-1"}, "radius"),
    ({"service_code": "a\x00"}, "service_code"),
    ({"service_request_id": "," * 200}, "service_request_id"),
]


async def test_a_list_that_cannot_be_made(open311: httpx.AsyncClient) -> None:
    for query, names in UNASKABLE:
        answer = await open311.get("/requests.json", params=query | {"api_key": GUEST})
        assert answer.status_code == 400, (query, answer.text)
        assert names in answer.json()[0]["description"], query


NOWHERE = [
    ("POST", "/services.json", 405, "GET"),
    ("PUT", "/requests.json", 405, "GET, POST"),
    ("DELETE", "/requests/T-482-173-9056.xml", 405, "GET"),
    ("HEAD", "/services.json", 405, "GET"),
    ("GET", "/services", 404, None),
    ("GET", "/requests.html", 404, None),
    ("GET", "/", 404, None),
    ("GET", "/requests/a/b.json", 404, None),
    ("GET", "/services/perhubungan.txt", 404, None),
    ("GET", "/.json", 404, None),
]


async def test_addresses_and_methods_that_are_not_there(open311: httpx.AsyncClient) -> None:
    for method, path, status, allow in NOWHERE:
        answer = await open311.request(method, path)
        assert (answer.status_code, answer.headers.get("allow")) == (status, allow), path
        if path.endswith("xml"):
            assert xml_of(answer.content).findtext("error/code") == str(status)
        elif method != "HEAD":
            assert [each["code"] for each in answer.json()] == [status]


async def test_what_is_too_large_is_refused_in_the_same_way(open311: httpx.AsyncClient) -> None:
    answer = await open311.post("/requests.json", data=GOOD | {"description": "a" * (1 << 20)})
    assert (answer.status_code, answer.json()[0]["code"]) == (413, 413)


def test_every_sentence_can_be_said() -> None:
    params = dict.fromkeys(
        "url name group ticket numbers agency field most least choices known days".split(), "{not read again}"
    )
    for table, sentences in tomllib.loads((FOLDER / "words.toml").read_text()).items():
        for key in sentences:
            assert say(table, key, **params)


# --- filing ----------------------------------------------------------------------------------------------


async def test_a_request_is_filed_like_every_other_report(open311: httpx.AsyncClient, inside: House) -> None:
    answer = await open311.post(
        "/requests.json",
        data=GOOD
        | {
            "lat": "-2.884512", "long": "103,839234", "address_string": "Jl. Merdeka No. 12, Sekayu",
            "attribute[patokan]": "depan SMP 1", "attribute[judul]": "Jalan rusak",
            "attribute[klasifikasi]": "aspirasi",
            "attribute[tanggal_kejadian]": "2026-10-30T23:30:00Z", "attribute[anonim]": "YA",
            "first_name": "Siti", "last_name": "Aminah", "email": "siti.uji@contoh.example", "phone": "081277001199",
            "device_id": "perangkat-7731", "account_id": "akun-7731", "media_url": "https://foto.example/7731.jpg",
        },
    )  # fmt: skip
    assert answer.status_code == 200
    [receipt] = answer.json()
    assert receipt["account_id"] is None
    [row] = await rows(inside.engine, "SELECT k.*, z.name FROM complaints k JOIN citizens z ON z.id = k.citizen_id")
    assert receipt["service_request_id"] == row.ticket
    assert row.ticket in receipt["service_notice"]
    assert (row.channel, row.status, row.category) == ("open311", "Belum Terverifikasi", "PERHUBUNGAN")
    assert row.text == f"{STORY}\n\nTautan berkas dari aplikasi pelapor: https://foto.example/7731.jpg"
    assert (row.title, row.report_class, row.happened_on.isoformat()) == ("Jalan rusak", "aspirasi", "2026-10-31")
    assert (row.place, row.region[:5]) == ("Jl. Merdeka No. 12, Sekayu, depan SMP 1", "16.06")
    assert (row.latitude, row.longitude) == (-2.884512, 103.839234)
    assert (row.anonymous, row.secret, row.name, row.contact_id) == (True, False, "Siti Aminah", None)
    assert row.function == "pu", "the classifier has read it"
    [history] = await rows(inside.engine, "SELECT event, actor_kind, actor_id FROM complaint_history")
    assert tuple(history) == ("filed", "operator", "warga")
    assert await value(inside.engine, "SELECT count(*) FROM clocks WHERE kind = 'verify'") == 1, "reactions have run"
    for gone in ("siti.uji", "081277001199", "perangkat-7731", "akun-7731", GUEST):
        assert await tables_with(inside, gone) == []
    assert await tables_with(inside, "7731.jpg") == ["complaints"]


async def tables_with(house: House, words: str) -> list[str]:
    """The tables in which those words stand anywhere."""
    names = await rows(house.engine, "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'")
    found = []
    for row in names:
        count = f'SELECT count(*) FROM "{row.name}" t WHERE strpos(CAST(t AS text), :words) > 0'  # noqa: S608
        if await value(house.engine, count, words=words):
            found.append(row.name)
    return found


PLACES: list[tuple[dict[str, str], str | None]] = [
    ({"address_string": "Sekayu"}, "16.06"),
    ({"address_string": "dekat pasar", "jurisdiction_id": "makassar", "description": "Lampu mati"}, "73.71"),
    ({"address_string": "", "address_id": "16.71.01", "description": "Lampu mati"}, "16.71.01"),
    ({"address_string": "", "lat": "-2.9", "long": "104.7"}, "16.06"),
    ({"address_string": "", "lat": "-2.9", "long": "104.7", "description": "Lampu mati"}, None),
    ({"address_string": "Sekayu", "address_id": "16.06"}, "16.06.01"),
    ({"address_string": "Sekayu", "address_id": "16.71"}, "16.71"),
    # Nobody is refused for knocking at the wrong office.
    ({"address_string": "Sekayu", "jurisdiction_id": "73"}, "16.06"),
]


async def test_where_a_request_belongs(open311: httpx.AsyncClient, inside: House) -> None:
    for said, region in PLACES:
        ticket = await filed(open311, **said)
        found = await value(inside.engine, "SELECT region FROM complaints WHERE ticket = :ticket", ticket=ticket)
        assert (found is None) is (region is None), said
        assert (found or "").startswith(region or ""), said


async def test_forms_as_clients_send_them(open311: httpx.AsyncClient, inside: House) -> None:
    words = "Jalan “rusak” di Palémbang – tolong 🙏"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    bare = "&".join(f"{name}={text}" for name, text in (GOOD | {"description": words}).items())
    sent = [
        await open311.post("/requests.json", content=urlencode(GOOD | {"description": words}), headers=kind),
        # As `curl -d` does: letters as they are.
        await open311.post("/requests.json", content=bare.encode(), headers=kind),
        await open311.post("/requests.json", data=GOOD | {"description": words}, files={"none": ("", b"")}),
        await open311.post("/requests.json", params=GOOD | {"description": words}),
        await open311.post("/requests.xml", params={"api_key": GUEST}, data=GOOD | {"description": words}),
    ]
    assert [each.status_code for each in sent] == [200] * 5, [each.text for each in sent]
    assert await rows(inside.engine, "SELECT DISTINCT text FROM complaints") == [(words,)]
    refused = [
        await open311.post("/requests.json", content=bare.encode("utf-16"), headers=kind),
        await open311.post(
            "/requests.json",
            content=urlencode(GOOD | {"description": words}, encoding="cp1252", errors="replace"),
            headers=kind,
        ),
        await open311.post("/requests.json", json=GOOD),
        await open311.post("/requests.xml", content=b"<request/>", headers={"Content-Type": "text/xml"}),
        await open311.post("/requests.json", content="a=1&" * 300, headers=kind),
        await open311.post("/requests.json", content=b"--", headers={"Content-Type": "multipart/form-data"}),
        # To collect very many fields takes long, and so far nobody has shown a key.
        await open311.post("/requests.json", params=GOOD | {str(place): "" for place in range(200)}),
        await open311.post("/requests.json", data=GOOD, files={"media": ("foto.jpg", b"JFIF")}),
    ]
    assert [each.status_code for each in refused] == [400] * 8
    assert "media_url" in refused[-1].json()[0]["description"]


async def test_a_danger_is_told_whom_to_call(open311: httpx.AsyncClient, inside: House) -> None:
    fire = "Tolong, rumah tetangga saya kebakaran sekarang, apinya besar, di Plaju"
    answer = await open311.post("/requests.json", data=GOOD | {"description": fire, "address_string": "Plaju"})
    assert "113" in answer.json()[0]["service_notice"]
    assert await value(inside.engine, "SELECT detail FROM attention WHERE kind = 'danger'") == "fire"


# --- once --------------------------------------------------------------------------------------------------


async def test_the_same_again_is_the_same_request_for_a_day(open311: httpx.AsyncClient, inside: House) -> None:
    first = await filed(open311)
    assert await filed(open311) == first
    assert (await open311.post("/requests.xml", data=GOOD)).status_code == 200
    assert "tidak dicatat dua kali" in (await open311.post("/requests.json", data=GOOD)).json()[0]["service_notice"]
    others = {
        await filed(open311, description=STORY + " Tolong."),
        await filed(open311, api_key=OTHER),
        await filed(open311, phone="081277001199"),
        await filed(open311, **{"attribute[rahasia]": "true"}),
        await filed(open311, lat="-2.9", long="104.7"),
    }
    assert len(others | {first}) == 6
    await run(inside.engine, "UPDATE idempotency_keys SET created_at = created_at - interval '25 hours'")
    later = await filed(open311)
    assert later not in others | {first}
    assert await filed(open311) == later
    assert await value(inside.engine, "SELECT count(*) FROM complaints") == 7


async def test_repeats_at_the_same_moment_file_once(open311: httpx.AsyncClient, inside: House) -> None:
    sent = await asyncio.gather(*(filed(open311, first_name="Budi") for _ in range(8)))
    assert len(set(sent)) == 1
    for table in ("complaints", "citizens", "idempotency_keys"):
        assert await value(inside.engine, f"SELECT count(*) FROM {table}") == 1  # noqa: S608


# --- reading -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("public", [False, True])
async def test_who_reads_what(settings: Settings, database: str, public: bool) -> None:
    app = build(settings.model_copy(update={"open311_public": public}), database)
    async with app.router.lifespan_context(app), client_of(app) as open311:
        house: House = app.state.house
        ticket, secret = await filed(open311), await filed(open311, **{"attribute[rahasia]": "true"})
        statuses = [status.name for status in moves.STATUSES]
        for status in statuses:
            await run(house.engine, "UPDATE complaints SET status = :status", status=status)
            verified = status in (
                "Terdisposisi", "Ditindaklanjuti oleh Instansi", "Ditanggapi oleh Pelapor", "Ditutup oleh Sistem",
                "Selesai otomatis dalam 10 hari", "Ditutup oleh Admin", "Ditutup oleh Pelapor",
            )  # fmt: skip
            own = await shown(open311, ticket)
            assert own["status"] == ("closed" if status in moves.ENDED else "open")
            assert own["status_notes"].startswith(status)
            for key in (OTHER, API_KEY):
                assert isinstance(await read(open311, ticket, key), dict) is verified, status
                assert await numbers(open311, key) == [ticket] * verified
            anybody = await read(open311, ticket, None)
            assert isinstance(anybody, dict) is (verified and public), status
            assert anybody if public else anybody == 403
            for whose in (GUEST, OTHER, API_KEY, None):
                assert await read(open311, secret, whose) == (404 if public or whose else 403)
            assert await numbers(open311) == [ticket]
            assert await numbers(open311, service_request_id=f"{secret},{ticket},x,T-000-000-0000") == [ticket]
            token = await open311.get(f"/tokens/{secret}.json", params={"api_key": GUEST})
            assert token.status_code == 404
        assert (await open311.get("/requests.json", params={"api_key": "wrong-key-0123456789"})).status_code == 403


async def test_words_are_told_without_persons(open311: httpx.AsyncClient, inside: House) -> None:
    ticket = await filed(
        open311,
        description=f"{STORY} Saya Siti Aminah, NIK 1671010101010001, hubungi 0812-7700-1199.",
        address_string="Jl. Merdeka No. 12 RT 03, rumah Siti, 0812-7700-1199, Sekayu",
        lat="-2.884512", long="103.839234", first_name="Siti", last_name="Aminah", media_url="https://foto.example/1.jpg",
    )  # fmt: skip
    await dispose(inside, ticket)
    answer = "Yth. Ibu Siti Aminah, jalan sudah ditambal oleh Bapak Joko Susilo. Hubungi 0812-7700-2200."
    for key in (OTHER, GUEST):
        before = await shown(open311, ticket, key)
        agency = before["agency_responsible"]
        assert agency
        assert before["status_notes"].splitlines()[0] == f"Terdisposisi ke {agency}"
        # What is said beside a disposition is said to the pelapor.
        assert ("Tolong dicek" in before["status_notes"]) is (key == GUEST)
    await answer_it(inside, ticket, answer)
    found, own = await shown(open311, ticket, OTHER), await shown(open311, ticket)
    for each in (found, own):
        assert each["description"] == f"{STORY} Saya [NAMA], NIK [NIK], hubungi [TELP]."
        assert each["address"].startswith("Jl. Merdeka RT 03, rumah [NAMA], [TELP], Sekayu")
        assert each["address"].endswith("Kabupaten Musi Banyuasin, Provinsi Sumatera Selatan")
        assert (each["lat"], each["long"]) == (-2.885, 103.839)
        assert each["media_url"] is None
        assert each["address_id"].startswith("16.06")
    assert found["status_notes"] == (
        "Ditindaklanjuti oleh Instansi\nYth. Ibu [NAMA], jalan sudah ditambal oleh Bapak [NAMA]. Hubungi [TELP]."
    )
    assert own["status_notes"] == f"Ditindaklanjuti oleh Instansi\n{answer}"
    await run(inside.engine, "UPDATE complaints SET masked_text = 'Jalan rusak, [ditutup].'")
    assert (await shown(open311, ticket))["description"] == "Jalan rusak, [ditutup]."
    # The chat goes by another name by now.
    async with inside.engine.begin() as connection:
        chat = await contact(connection, "7")
    await run(inside.engine, "UPDATE contacts SET name = 'Bunda Cantik'")
    await run(inside.engine, "UPDATE complaints SET contact_id = :chat", chat=chat)
    words = "Siti Aminah, di chat Bunda Cantik."
    await run(inside.engine, "UPDATE complaints SET masked_text = :words", words=words)
    assert (await shown(open311, ticket))["description"] == "[NAMA], di chat [NAMA]."
    # An answer to an Anonim may name them in a way that nobody finds.
    await run(inside.engine, "UPDATE complaints SET anonymous = true")
    assert (await shown(open311, ticket, OTHER))["status_notes"] == "Ditindaklanjuti oleh Instansi"
    assert (await shown(open311, ticket))["status_notes"].endswith(answer)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("Yth. Bapak Ibu Budi Santoso Putra, Pak", "Yth. Bapak Ibu [NAMA], Pak"),
        ("pak Pak Budi dan Bu  Siti-Aminah", "pak Pak [NAMA] dan Bu  [NAMA]"),
        ("Pak lurah, Bu. Rt", "Pak lurah, Bu. [NAMA]"),
        # As long as a description may be.
        ("Pak " * 25_000, "Pak " * 25_000),
        ("Pak\n" * 20_000 + "Budi", "Pak\n" * 20_000 + "[NAMA]"),
    ],
)
def test_whoever_is_addressed_is_not_named(words: str, told: str) -> None:
    assert views.Telling(lambda said: said, None)(words) == told


async def test_without_a_mask_there_are_no_words(open311: httpx.AsyncClient, inside: House) -> None:
    ticket = await filed(open311)
    await dispose(inside, ticket)
    await answer_it(inside, ticket, "Sudah.")
    inside.suggester = None
    found = await shown(open311, ticket, OTHER)
    assert (found["description"], found["status_notes"]) == (None, "Ditindaklanjuti oleh Instansi")
    assert found["address"].endswith("Provinsi Sumatera Selatan")
    assert not found["address"].startswith("Sekayu, Sekayu")
    assert (await shown(open311, ticket))["description"] is None


async def test_a_reason_is_told_to_who_filed_it(open311: httpx.AsyncClient, inside: House) -> None:
    ticket = await filed(open311)
    status = moves.read("Diarsipkan oleh Admin")
    assert status
    async with inside.engine.begin() as connection:
        await complaints.move(connection, ticket, status, OPERATOR, reason="Laporan tidak jelas.", note=None)
    found = await shown(open311, ticket)
    assert (found["status"], found["status_notes"]) == ("closed", "Diarsipkan oleh Admin\nLaporan tidak jelas.")
    ended = await value(inside.engine, "SELECT changed_at FROM complaints")
    assert datetime.fromisoformat(found["updated_datetime"]) == ended.replace(microsecond=0)


async def test_times_have_the_zone_of_the_place(open311: httpx.AsyncClient, inside: House) -> None:
    west, east = await filed(open311), await filed(open311, address_string="Makassar", description="Lampu mati")
    found = await shown(open311, west), await shown(open311, east)
    assert [each["requested_datetime"][-6:] for each in found] == ["+07:00", "+08:00"]
    due = await rows(inside.engine, "SELECT c.due_at FROM clocks c WHERE c.kind = 'handle' ORDER BY c.complaint_id")
    for each, row in zip(found, due, strict=True):
        expected = datetime.fromisoformat(each["expected_datetime"])
        assert expected + timedelta(seconds=1) == row.due_at
        assert expected.strftime("%H:%M:%S") == "23:59:59"


async def test_no_small_circle_tells_more_than_the_rounded_pin(open311: httpx.AsyncClient) -> None:
    ticket = await filed(open311, lat="-2.884499", long="103.839001")
    told = {"lat": "-2.884", "long": "103.839"}
    assert await numbers(open311, radius="1", **told) == [ticket]
    assert await numbers(open311, radius="20", lat="-2.884499", long="103.839001") == []
    assert await numbers(open311, radius="60", lat="-2.884499", long="103.839001") == [ticket]
    assert await numbers(open311, **told) == [ticket]
    assert await numbers(open311, lat="-2.90", long="103.839", radius="1700") == []
    assert await numbers(open311, lat="-2.90", long="103.839", radius="1800") == [ticket]
    assert await numbers(open311, lat="90", long="180") == []


async def test_lists_are_narrowed(open311: httpx.AsyncClient, inside: House) -> None:
    road = await filed(open311, service_code=ROAD)
    park = await filed(open311, service_code="perhubungan.parkir-liar")
    # A name of two categories: the store knows them by their codes.
    here = await filed(open311, service_code="ekonomi-dan-keuangan.kebudayaan")
    there = await filed(open311, service_code="pendidikan-dan-kebudayaan.kebudayaan")
    odd = await filed(open311, service_code="agama", address_string="Makassar", description="Lampu mati")
    await run(inside.engine, "UPDATE complaints SET category = 'TIDAK DIKENAL' WHERE ticket = :odd", odd=odd)
    assert await numbers(open311) == [odd, there, here, park, road], "the newest first"
    assert await numbers(open311, service_code=ROAD) == [road]
    assert await numbers(open311, service_code=f"perhubungan.parkir-liar, {ROAD},x") == [park, road]
    assert await numbers(open311, service_code="x") == []
    assert await numbers(open311, service_code="ekonomi-dan-keuangan.kebudayaan") == [here]
    assert await numbers(open311, service_code="pendidikan-dan-kebudayaan.kebudayaan") == [there]
    assert await numbers(open311, service_code="topik-lainnya") == [odd]
    for ticket, code in (
        (here, "ekonomi-dan-keuangan.kebudayaan"),
        (odd, "topik-lainnya"),
        (park, "perhubungan.parkir-liar"),
    ):
        assert (await shown(open311, ticket))["service_code"] == code
    assert await numbers(open311, jurisdiction_id="73") == [odd]
    assert len(await numbers(open311, jurisdiction_id="musi-banyuasin")) == 4
    assert await numbers(open311, page="2", page_size="2") == [here, park]
    assert await numbers(open311, page="1000000", page_size="1000") == []
    await run(inside.engine, "UPDATE complaints SET status = 'Ditutup oleh Admin' WHERE ticket = :park", park=park)
    assert await numbers(open311, status="closed") == [park]
    assert park not in await numbers(open311, status="open")
    assert len(await numbers(open311, status="open, closed")) == 5
    # This overrides all other arguments.
    assert await numbers(open311, service_request_id=park, status="open", start_date="2020-01-01") == [park]


async def test_lists_are_of_ninety_days(open311: httpx.AsyncClient, inside: House) -> None:
    young, old = await filed(open311), await filed(open311, description="Lampu mati")
    await run(inside.engine, "UPDATE complaints SET filed_at = '2026-03-01T00:30:00+07' WHERE ticket = :old", old=old)
    assert await numbers(open311) == [young]
    assert await numbers(open311, start_date="2026-03-01") == [old], "a day begins by the clocks of the place"
    assert await numbers(open311, start_date="2026-03-01T00:00:00Z") == []
    assert await numbers(open311, start_date="2026-03-01T00:30:00+07:00") == [old]
    assert await numbers(open311, start_date="2026-03-01T00:30:00 07:00") == [old], "a + that an address has lost"
    assert await numbers(open311, end_date="2026-03-01T00:30:00+07:00") == [old]
    assert await numbers(open311, end_date="2026-03-01T00:29:59+07:00") == []
    assert await numbers(open311, jurisdiction_id="73", start_date="2026-03-01") == []


async def test_xml_says_the_same(open311: httpx.AsyncClient) -> None:
    ticket = await filed(open311, description="Jalan <b>rusak</b> & berlubang \x0b\x1f\ufffe di Sekayu")
    asked = {"api_key": GUEST}
    plain = await shown(open311, ticket)
    written = xml_of((await open311.get(f"/requests/{ticket}.xml", params=asked)).content)
    assert (written.tag, [each.tag for each in written]) == ("service_requests", ["request"])
    assert [each.tag for each in written[0]] == list(plain)
    assert written[0].findtext("description") == "Jalan <b>rusak</b> & berlubang  di Sekayu"
    assert written[0].findtext("status_notes") == plain["status_notes"]
    token = xml_of((await open311.get(f"/tokens/{ticket}.xml", params=asked)).content)
    assert (token.findtext("request/token"), token.findtext("request/service_request_id")) == (ticket, ticket)


async def test_a_key_of_another_channel_opens_nothing_else(open311: httpx.AsyncClient, app: FastAPI) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test/api/v1") as rest:
        for key, status in ((GUEST, 401), (API_KEY, 200)):
            assert (await rest.get("/complaints", headers={"X-API-Key": key})).status_code == status


async def test_a_store_that_is_away_is_503_in_the_same_form(own_server: Server, settings: Settings) -> None:
    app = build(settings, own_server.url)
    async with app.router.lifespan_context(app), client_of(app) as open311:
        assert (await open311.get("/services.json")).status_code == 200
        own_server.stop()
        # What changes seldom is known for a minute.
        assert (await open311.get("/services.json")).status_code == 200
        for answer in (
            await open311.post("/requests.json", data=GOOD),
            await open311.get("/requests.json", params={"api_key": GUEST}),
        ):
            assert (answer.status_code, answer.json()[0]["code"]) == (503, 503)
            assert answer.headers["retry-after"] == "5"


# --- any input ---------------------------------------------------------------------------------------------


@given(st.text())
@examples(max_examples=200)
def test_any_text_can_be_written_as_xml(words: str) -> None:
    content = [{"service_request_id": words, "lat": 1.5, "open": True, "none": None}]
    found = xml_of(answers.xml("service_requests", content))
    read = found.findtext("request/service_request_id") or ""
    assert [each for each in read if not each.isspace()] == [
        each for each in words if not each.isspace() and answers._UNWRITABLE.match(each) is None
    ]
    assert (found.findtext("request/open"), found.findtext("request/none")) == ("true", "")


NAMES = [*GOOD, "lat", "long", "address_id", "media_url", "first_name", "attribute", "attribute[tanggal_kejadian]",
         "attribute[rahasia]", "attribute[x]", "jurisdiction_id"]  # fmt: skip
VALUES = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [GUEST, "perhubungan", "-2.9", "104.7", "16.71", "true", "2026-01-01", "https://a.example/", "\x00"]
    ),
    st.datetimes().map(datetime.isoformat),
    st.floats().map(str),
)


async def test_any_form_is_taken_or_refused_in_words(open311: httpx.AsyncClient) -> None:
    seen: dict[int, int] = {}

    @given(st.dictionaries(st.sampled_from(NAMES), VALUES), st.booleans())
    @examples(max_examples=150, deadline=None)
    async def answered(form: Mapping[str, str], begins_well: bool) -> None:
        data = {**(GOOD if begins_well else {}), **form}
        body = urlencode(data, errors="surrogatepass")
        answer = await open311.post(
            "/requests.json", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"}
        )
        seen[answer.status_code] = seen.get(answer.status_code, 0) + 1
        assert answer.status_code in (200, 400, 403, 404), answer.text
        [one] = answer.json()
        assert one["service_request_id"] if answer.status_code == 200 else one["code"] == answer.status_code

    await in_this_loop(answered)
    assert {200, 400, 403} <= seen.keys()


async def test_any_question_is_answered_or_refused_in_words(open311: httpx.AsyncClient) -> None:
    await filed(open311, lat="-2.9", long="104.7")
    names = ["service_request_id", "service_code", "start_date", "end_date", "status", "page", "page_size", "lat",
             "long", "radius", "jurisdiction_id"]  # fmt: skip

    @given(st.dictionaries(st.sampled_from(names), VALUES), st.sampled_from(["json", "xml"]))
    @examples(max_examples=150, deadline=None)
    async def answered(query: Mapping[str, str], form: str) -> None:
        asked = str(QueryParams({**query, "api_key": GUEST}))
        answer = await open311.get(f"/requests.{form}?{asked}")
        assert answer.status_code in (200, 400, 404), answer.text
        if form == "xml":
            xml_of(answer.content)

    await in_this_loop(answered)


@given(st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29)), st.sampled_from(["Z", "+07:00"]))  # noqa: DTZ001
@examples(max_examples=100)
def test_moments_are_read_as_they_are_written(at: datetime, zone: str) -> None:
    said = at.isoformat(timespec="seconds") + zone
    found = moments.read("x", said, ZoneInfo("Asia/Jakarta"))
    assert found == datetime.fromisoformat(said)
    assert found.tzinfo is UTC
    written = moments.write(found, ZoneInfo("Asia/Makassar"))
    assert written
    assert datetime.fromisoformat(written) == found


@given(st.text(alphabet="ab \n", min_size=3990, max_size=4200))
@examples(max_examples=30)
def test_a_description_is_cut_at_a_word(words: str) -> None:
    cut = views.cut(words)
    assert len(cut) <= views.DESCRIPTION
    assert cut == words or (cut.endswith("…") and words.startswith(cut[:-1]))


def test_the_ending_decides_the_form() -> None:
    assert (answers.form_of("/x.xml"), answers.form_of("/x.json"), answers.form_of("/x")) == (
        Form.XML,
        Form.JSON,
        Form.JSON,
    )
    assert forms.FIELDS == 200
