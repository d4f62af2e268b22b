"""The SP4N simulator: what it does with reports over real HTTP, its clocks, its pages, its export."""

from __future__ import annotations

import asyncio
import csv
import io
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from peers import sp4n
from peers.sp4n import Clock, Sp4n

from bridges import ringkas
from bridges.simulator import catalogue, officer
from bridges.simulator.clocks import WIB, Clocks, long_date
from bridges.simulator.reports import Attachment, Submission
from bridges.simulator.sheet import COLUMNS
from bridges.simulator.statuses import DEEDS, DISPOSED, ENDED, OPEN
from bridges.simulator.storage import NoReport, NotNow, Storage
from store import moves

PDF = b"%PDF-1.4 surat"
HOLE: dict[str, Any] = {
    "klasifikasi": 1,
    "judul": "Jalan berlubang",
    "isi": "Jalan depan SMP 1 berlubang.\nTiket kanal: T-482-173-9056",
    "lokasi": {"provinsi": "Provinsi Sumatera Selatan", "kota": "Kota Palembang", "kecamatan": "Ilir Barat I"},
    "id_kategori": "1397",
    "sumber": "Whatsapp",
}
ROADS = catalogue.search("Dinas Pekerjaan Umum dan Penataan Ruang Kota Palembang")[0]
GIVEN = Submission(1, "Jalan berlubang", "Jalan depan SMP 1 berlubang.", "Whatsapp", city="Kota Palembang")


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Sp4n]:
    async with sp4n.running(tmp_path / "sp4n.sqlite") as there:
        yield there


@pytest.fixture
async def client(there: Sp4n) -> AsyncIterator[httpx.AsyncClient]:
    async with speaking(there) as client:
        yield client


def speaking(there: Sp4n) -> httpx.AsyncClient:
    """A client of the API that holds the token."""
    headers = {"Authorization": f"Bearer {there.token}"}
    return httpx.AsyncClient(base_url=f"{there.base_url}/api/v1/", headers=headers, timeout=30)


async def filed(client: httpx.AsyncClient, **other: Any) -> str:
    """The number of a new report."""
    answer = await client.post("laporan", json=HOLE | other)
    assert answer.status_code == 201
    return str(answer.json()["tracking_id"])


# --- handing in ---------------------------------------------------------------------------------------------------


async def test_nothing_without_the_token(there: Sp4n) -> None:
    async with httpx.AsyncClient(base_url=there.base_url, timeout=30) as stranger:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": there.token}):
            answer = await stranger.post("/api/v1/laporan", json=HOLE, headers=headers)
            assert answer.status_code == 401
            assert (await stranger.get("/api/v1/kategori", headers=headers)).status_code == 401
    assert there.reports() == []


async def test_the_same_report_is_taken_as_often_as_it_comes(there: Sp4n, client: httpx.AsyncClient) -> None:
    numbers = [int(await filed(client)) for _ in range(5)]
    assert len(there.reports()) == 5
    assert all(len(str(number)) == 7 for number in numbers)
    assert numbers == sorted(set(numbers))
    assert numbers[-1] - numbers[0] > 4  # with gaps, or a lucky throw in 40 to the fourth


@pytest.mark.parametrize("length", [2999, 3000, 3001, 9000])
async def test_a_text_is_cut_without_a_word(there: Sp4n, client: httpx.AsyncClient, length: int) -> None:
    text = ("kata\n" * 2000)[:length]
    await filed(client, isi=text)
    assert there.reports()[0].text == text[:3000]


@pytest.mark.parametrize(
    "wrong",
    [
        {"klasifikasi": 4},
        {"klasifikasi": None},
        {"judul": " "},
        {"isi": " \n"},
        {"isi": None},
        {"lokasi": {}},
        {"lokasi": {"provinsi": "", "lintang": 1}},
        {"lokasi": {"provinsi": "x", "lintang": 91}},
        {"tanggal_kejadian": "31/02/2024"},
        {"anonim": "mungkin"},
    ],
)
async def test_what_is_not_whole_is_refused(there: Sp4n, client: httpx.AsyncClient, wrong: dict[str, Any]) -> None:
    answer = await client.post("laporan", json=HOLE | wrong)
    assert answer.status_code == 422
    assert "SMP 1" not in answer.text
    assert there.reports() == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"judul": "\\ud800"}', b"\xff\xfe"])
async def test_what_is_no_json_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    assert (await client.post("laporan", content=body)).status_code == 422


async def test_files_go_along(there: Sp4n, client: httpx.AsyncClient) -> None:
    largest = PDF + b"x" * (2 * 1024 * 1024 - len(PDF))
    parts = [("laporan", (None, httpx.Request("POST", "http://x", json=HOLE).content, "application/json"))]
    answer = await client.post("laporan", files=[*parts, ("lampiran", ("surat.PDF", largest))])
    number = answer.json()["tracking_id"]
    more = await client.post(f"laporan/{number}/lampiran", files={"lampiran": ("foto.jpeg", b"\xff\xd8\xff\xe0")})
    assert (answer.status_code, more.status_code) == (201, 201)
    assert there.reports()[0].files == ("surat.PDF", "foto.jpeg")
    assert there.storage.file(number, 1) == Attachment("surat.PDF", "application/pdf", largest)


@pytest.mark.parametrize(
    ("name", "content", "status"),
    [
        ("surat.pdf", PDF + b"x" * (2 * 1024 * 1024 - len(PDF) + 1), 413),
        ("surat.docx", b"PK\x03\x04", 422),
        ("surat.pdf", b"<html>", 422),
        ("pdf", PDF, 201),
        ("", PDF, 422),
    ],
)
async def test_only_files_that_sp4n_takes(
    there: Sp4n, client: httpx.AsyncClient, name: str, content: bytes, status: int
) -> None:
    number = await filed(client)
    answer = await client.post(f"laporan/{number}/lampiran", files={"lampiran": (name, content)})
    assert answer.status_code == status
    assert len(there.reports()[0].files) == (status == 201)
    if status == 413:
        assert answer.json() == {"message": "Maksimum ukuran file adalah 2 MB"}


async def test_a_file_that_is_refused_takes_its_report_with_it(there: Sp4n, client: httpx.AsyncClient) -> None:
    parts = [("laporan", (None, httpx.Request("POST", "http://x", json=HOLE).content, "application/json"))]
    answer = await client.post("laporan", files=[*parts, ("lampiran", ("surat.exe", b"MZ"))])
    assert answer.status_code == 422
    assert there.reports() == []


async def test_the_number_may_come_later(tmp_path: Path) -> None:
    async with sp4n.running(tmp_path / "sp4n.sqlite", numbers_after=60) as there, speaking(there) as client:
        answer = await client.post("laporan", json=HOLE)
        assert answer.status_code == 202
        assert answer.json()["tracking_id"] is None
        queued = await client.get(f"antrean/{answer.json()['token']}")
        assert (queued.json()["id"], queued.json()["status"], queued.json()["log"]) == (None, None, [])
        there.clock.pass_(timedelta(seconds=61))
        found = (await client.get(f"antrean/{answer.json()['token']}")).json()
        assert found == (await client.get(f"laporan/{found['id']}")).json()
        assert found["status"] == "Belum Terverifikasi"


async def test_a_report_is_told_as_sp4n_tells_it(there: Sp4n, client: httpx.AsyncClient) -> None:
    number = await filed(client)
    there.do(number, "disposisi", unit_id=ROADS.id)
    there.do(number, "jawab", "Sudah kami tambal.")
    found = (await client.get(f"laporan/{number}")).json()
    report = there.reports()[0]
    assert found["status"] == "Ditindaklanjuti oleh Instansi"
    assert found["date"] == long_date(report.received_at)
    assert [each["status"] for each in found["log"]] == [
        "Belum Terverifikasi",
        f"Terdisposisi ke {ROADS.name}",
        "Ditindaklanjuti oleh Instansi",
    ]
    assert found["log"][1]["keterangan"] == f"Laporan didisposisikan ke {ROADS.name} oleh Pemerintah Kota Palembang"
    assert found["log"][2]["tanggapan"] == "Sudah kami tambal."


def test_dates_are_indonesian_and_local() -> None:
    assert long_date(datetime(2023, 2, 10, 18, 16, tzinfo=UTC)) == "Sabtu, 11 Februari 2023, 01:16"


async def test_who_asks_for_what_is_not_there(client: httpx.AsyncClient) -> None:
    for path in ("laporan/1234567", "laporan/x'--", "antrean/A-1", "tidak-ada"):
        assert (await client.get(path)).status_code == 404
    for path in ("tanggapan", "tutup", "lampiran"):
        body: dict[str, Any] = {"files": {"lampiran": ("a.pdf", PDF)}} if path == "lampiran" else {"json": {"isi": "a"}}
        assert (await client.post(f"laporan/1234567/{path}", **body)).status_code == 404


async def test_categories_and_institutions(client: httpx.AsyncClient) -> None:
    topics = (await client.get("kategori")).json()
    assert {"id": "1397", "nama": "Jalan Berlubang", "topik": "PEKERJAAN UMUM DAN PENATAAN RUANG"} in topics
    found = (await client.get("instansi", params={"cari": "perhubungan PALEMBANG"})).json()
    assert [each["nama"] for each in found] == ["Dinas Perhubungan Kota Palembang"]
    assert len((await client.get("instansi")).json()) == catalogue.MOST


# --- what becomes of a report -------------------------------------------------------------------------------------


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def storage(tmp_path: Path, clock: Clock) -> Iterator[Storage]:
    storage = Storage(tmp_path / "sp4n.sqlite", now=clock)
    yield storage
    storage.close()


def number_of(storage: Storage) -> str:
    """The number of a new report."""
    number = storage.submit(GIVEN).tracking_id
    assert number is not None
    return number


DEED = st.tuples(st.sampled_from([*DEEDS, "balas", "tutup-pelapor", "tiga-hari", "sebulan"]), st.booleans())


@given(st.lists(DEED, max_size=14))
@settings(max_examples=40, deadline=None)
def test_whatever_is_done_with_a_report_is_a_way_that_statuses_go(walk: list[tuple[str, bool]]) -> None:
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        storage = Storage(Path(folder) / "sp4n.sqlite", now=clock)
        number = number_of(storage)
        for step, well in walk:
            before = storage.get(number)
            try:
                if step == "balas":
                    storage.reply(number, "Belum selesai.")
                elif step == "tutup-pelapor":
                    storage.leave(number)
                elif step in DEEDS:
                    storage.do(number, step, "Keterangan" if well else "", ROADS.id if well else "")
                else:
                    clock.pass_(timedelta(days=3 if step == "tiga-hari" else 30))
            except NotNow:
                assert storage.get(number) == before
                continue
            after = storage.get(number)
            assert after.log[-1].status == after.status
            assert after.log[: len(before.log)] == before.log
            assert [each.at for each in after.log] == sorted(each.at for each in after.log)
            if after.deed_status == before.deed_status:
                continue
            was, became = moves.read(before.status), moves.read(after.status)
            assert was is not None
            assert became is not None
            assert became.name in moves.allowed(was.name)
            assert before.deed_status in OPEN
        storage.close()


def test_all_deeds_lead_where_statuses_may_go() -> None:
    for deed in DEEDS.values():
        for status in deed.of:
            assert deed.becomes == status or deed.becomes in moves.allowed(status)
    assert {each.name for each in moves.STATUSES} == {*OPEN, *ENDED}


def test_working_days() -> None:
    friday = datetime(2026, 11, 20, 9, tzinfo=WIB)
    assert Clocks().due(friday, 3) == datetime(2026, 11, 25, 9, tzinfo=WIB)
    assert Clocks().due(friday, 10) == datetime(2026, 12, 4, 9, tzinfo=WIB)
    assert Clocks(day=2.0).due(friday, 10) == friday + timedelta(seconds=20)


def test_silence_closes_a_report_at_its_time(storage: Storage, clock: Clock) -> None:
    number = number_of(storage)
    storage.do(number, "disposisi", unit_id=ROADS.id)
    answered = storage.do(number, "jawab", "Sudah kami tambal.").log[-1].at
    due = storage.clocks.due(answered, 10)
    clock.pass_(due - clock() - timedelta(minutes=1))
    assert storage.get(number).status == "Ditindaklanjuti oleh Instansi"
    clock.pass_(timedelta(days=30))
    closed = storage.get(number)
    assert closed.status == "Ditutup oleh Sistem"
    assert closed.log[-1].at == due
    with pytest.raises(NotNow):
        storage.reply(number, "Belum!")


def test_words_of_the_pelapor_put_it_off_and_no_more(storage: Storage, clock: Clock) -> None:
    number = number_of(storage)
    storage.do(number, "jawab", "Sudah kami tambal.")
    clock.pass_(timedelta(days=9))
    assert storage.reply(number, "Belum.").status == "Ditanggapi oleh Pelapor"
    clock.pass_(timedelta(days=9))
    assert storage.get(number).status == "Ditanggapi oleh Pelapor"
    clock.pass_(timedelta(days=9))
    assert storage.get(number).status == "Ditutup oleh Sistem"


def test_what_is_not_completed_is_archived_by_the_system(storage: Storage, clock: Clock) -> None:
    number, other = number_of(storage), number_of(storage)
    for each in (number, other):
        asked = storage.do(each, "tunda", "Mohon lengkapi lokasi.")
        assert (asked.status, asked.log[-1].words) == ("Menunggu Kelengkapan Informasi", "Mohon lengkapi lokasi.")
    assert storage.reply(other, "Di depan pasar.").status == "Belum Terverifikasi"
    clock.pass_(timedelta(days=30))
    archived = storage.get(number)
    assert archived.status == "Diarsipkan oleh Sistem"
    assert "batas kadaluarsa" in (archived.reason or "")
    assert storage.get(other).status == "Belum Terverifikasi"


def test_who_has_no_authority_gives_it_back(storage: Storage) -> None:
    number = number_of(storage)
    storage.do(number, "disposisi", unit_id=ROADS.id)
    returned = storage.do(number, "bukan-wewenang", "Itu jalan nasional.")
    assert (returned.status, returned.at_unit, returned.verified_at) == ("Belum Terverifikasi", None, None)
    assert ROADS.name in returned.log[-1].note


def test_whoever_leaves_closes_or_archives(storage: Storage) -> None:
    early, late = number_of(storage), number_of(storage)
    storage.do(late, "disposisi", unit_id=ROADS.id)
    assert storage.leave(early).status == "Diarsipkan oleh Pelapor"
    assert storage.leave(late).status == "Ditutup oleh Pelapor"


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    storage = Storage(tmp_path / "sp4n.sqlite")
    number = storage.submit(GIVEN, [Attachment("surat.pdf", "application/pdf", PDF)]).tracking_id or ""
    before = storage.do(number, "disposisi", unit_id=ROADS.id)
    storage.close()
    again = Storage(tmp_path / "sp4n.sqlite")
    assert again.get(number) == before
    assert int(number_of(again)) > int(number)
    with pytest.raises(NoReport):
        again.get("1234567")
    again.close()


# --- the automatic officer ----------------------------------------------------------------------------------------


def steps(storage: Storage, number: str) -> list[str]:
    """What the officer makes of a report until nothing is left to do."""
    while officer.work(storage, 0):
        pass
    return [each.status for each in storage.get(number).log]


def test_the_officer_answers_and_answers_once_more(storage: Storage) -> None:
    number = storage.submit(Submission(1, "a", "b", "Whatsapp", city="Kota Palembang", category_id="1397")).tracking_id
    assert number is not None
    unverified, disposed = "Belum Terverifikasi", f"{DISPOSED} ke {ROADS.name}"
    assert steps(storage, number) == [unverified, unverified, disposed, "Ditindaklanjuti oleh Instansi"]
    assert "“Jalan Berlubang”" in (storage.get(number).log[-1].words or "")
    storage.reply(number, "Belum.")
    assert steps(storage, number)[-2:] == ["Ditanggapi oleh Pelapor", "Selesai otomatis dalam 10 hari"]
    storage.reply(number, "Tetap belum.")
    assert steps(storage, number)[-1] == "Ditanggapi oleh Pelapor"


@pytest.mark.parametrize("topic", [None, *sorted(catalogue.topics())[::20]])
@pytest.mark.parametrize("classification", [1, 2, 3])
def test_the_officer_knows_somebody_for_everything(storage: Storage, topic: str | None, classification: int) -> None:
    given = Submission(classification, "a", "b", "Whatsapp", province="Provinsi Papua", category_id=topic)
    number = storage.submit(given).tracking_id or ""
    assert steps(storage, number)[-1] == "Ditindaklanjuti oleh Instansi"
    words = storage.get(number).log[-1].words or ""
    assert "{" not in words
    assert topic is None or catalogue.topics()[topic].name in words


def test_the_officer_sends_it_where_the_pelapor_suggested(storage: Storage) -> None:
    number = storage.submit(Submission(1, "a", "b", "Whatsapp", unit="dinas sosial kota palembang")).tracking_id or ""
    assert "Terdisposisi ke Dinas Sosial Kota Palembang" in steps(storage, number)


async def test_in_a_demonstration_an_answer_comes_by_itself(tmp_path: Path) -> None:
    async with sp4n.running(tmp_path / "sp4n.sqlite", auto=0.01) as there, speaking(there) as client:
        number = await filed(client)
        async with asyncio.timeout(30):
            status = ""
            while status != "Ditindaklanjuti oleh Instansi":
                await asyncio.sleep(0.1)
                status = (await client.get(f"laporan/{number}")).json()["status"]


# --- pages --------------------------------------------------------------------------------------------------------

EVIL = '"><script>alert(1)</script>&amp;'


@pytest.fixture
async def reader(there: Sp4n) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=there.base_url, timeout=30) as reader:
        yield reader


async def test_pages_show_what_was_written_and_run_none_of_it(
    there: Sp4n, client: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    place = {"provinsi": EVIL, "keterangan": EVIL}
    words = dict.fromkeys(["judul", "isi", "sumber", "nama_pelapor", "instansi_tujuan"], EVIL)
    number = await filed(client, lokasi=place, anonim=True, rahasia=True, **words)
    await client.post(f"laporan/{number}/lampiran", files={"lampiran": (f"{EVIL}.pdf", PDF)})
    await client.post(f"laporan/{number}/tanggapan", json={"isi": EVIL})
    there.do(number, "tunda", EVIL)
    for path in ("/", f"/laporan/{number}"):
        page = await reader.get(path)
        assert "<script" not in page.text
        assert "&#34;&gt;&lt;script&gt;" in page.text
        assert "script-src" not in page.headers["content-security-policy"]
        assert "default-src 'none'" in page.headers["content-security-policy"]
    file = await reader.get(f"/laporan/{number}/lampiran/1")
    assert file.content == PDF
    assert file.headers["content-disposition"].startswith("attachment; filename*=UTF-8''%")
    assert not set(file.headers["content-disposition"].partition("''")[2]) & set("\"'<>;/")


async def test_an_officer_works_with_forms(there: Sp4n, client: httpx.AsyncClient, reader: httpx.AsyncClient) -> None:
    number = await filed(client)
    path = f"/laporan/{number}"
    for form, status in (
        ({"deed": "verifikasi"}, "Belum Terverifikasi"),
        ({"deed": "disposisi", "unit": ROADS.id}, f"Terdisposisi ke {ROADS.name}"),
        ({"deed": "jawab", "words": "Sudah kami tambal."}, "Ditindaklanjuti oleh Instansi"),
        ({"deed": "selesai", "words": "Benar-benar sudah."}, "Selesai otomatis dalam 10 hari"),
        ({"deed": "tutup"}, "Ditutup oleh Admin"),
    ):
        assert f'value="{form["deed"]}"' in (await reader.get(path)).text
        answer = await reader.post(path, data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, path)
        assert there.reports()[0].status == status
    page = (await reader.get(path)).text
    assert "Sudah kami tambal." in page
    assert "<form" not in page


@pytest.mark.parametrize(
    "form", [{"deed": "tutup"}, {"deed": "jawab", "words": "  "}, {"deed": "disposisi", "unit": "1"}, {"deed": "hapus"}]
)
async def test_what_cannot_be_done_is_said(
    there: Sp4n, client: httpx.AsyncClient, reader: httpx.AsyncClient, form: dict[str, str]
) -> None:
    number = await filed(client)
    answer = await reader.post(f"/laporan/{number}", data=form)
    assert answer.status_code == 409
    assert 'role="alert"' in answer.text
    assert len(there.reports()[0].log) == 1


async def test_forms_of_other_sites_do_nothing(
    there: Sp4n, client: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    number = await filed(client)
    headers = {"Sec-Fetch-Site": "cross-site"}
    answer = await reader.post(f"/laporan/{number}", data={"deed": "verifikasi"}, headers=headers)
    assert answer.status_code == 403
    assert there.reports()[0].verified_at is None


async def test_long_lists_have_pages(there: Sp4n, reader: httpx.AsyncClient) -> None:
    for number in range(31):
        there.storage.submit(Submission(1, f"Laporan ke-{number}", "b", "Whatsapp"))
    first, second = (await reader.get("/")).text, (await reader.get("/?halaman=2")).text
    assert "Laporan ke-30<" in first
    assert "Laporan ke-0<" not in first
    assert "Laporan ke-0<" in second
    assert (await reader.get("/laporan/1234567")).status_code == 404
    assert (await reader.get("/laporan/1234567/lampiran/0")).status_code == 404


# --- the export ---------------------------------------------------------------------------------------------------


async def lines(client: httpx.AsyncClient, form: str, **days: str) -> list[list[str]]:
    """The lines of an export, each cell as text."""
    answer = await client.get(f"laporan-ringkas.{form}", params=days)
    assert answer.status_code == 200
    if form == "csv":
        return list(csv.reader(io.StringIO(answer.content.decode(), newline="")))
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    assert sheet is not None
    return [[str(cell or "") for cell in row] for row in sheet.iter_rows(values_only=True)]


@pytest.mark.parametrize("form", ["csv", "xlsx"])
async def test_the_export_has_the_columns_of_sp4n(there: Sp4n, client: httpx.AsyncClient, form: str) -> None:
    formula = '=HYPERLINK("http://x")'
    number = await filed(client, isi=f"{formula}\nTiket kanal: T-482-173-9056", anonim=True, nama_pelapor="Budi")
    there.do(number, "disposisi", unit_id=ROADS.id)
    there.do(number, "arsip", "Tidak jelas")
    found = await lines(client, form)
    assert found[0][:2] == ["Judul Laporan", "Laporan Ringkas"]
    at = found.index(list(COLUMNS))
    assert len(COLUMNS) == 21
    row = dict(zip(COLUMNS, found[at + 1], strict=True))
    received = there.reports()[0].received_at
    assert row["Tracking ID"] == number
    assert row["Waktu Laporan Masuk"] == f"{received:%H:%M:%S}"
    assert row["Tanggal Laporan Masuk"].startswith(f"{received:%d} ")
    assert row["Isi Laporan Awal"] == f"{formula}\nTiket kanal: T-482-173-9056"
    assert row["Tipe Laporan"] == "Anonim"
    assert row["Nama Pelapor"] == "Budi"  # SP4N hides it from the public, and not in here
    assert (row["ID Kategori"], row["Kategori"]) == ("1397", "Jalan Berlubang")
    assert (row["Instansi Terdisposisi"], row["Instansi Induk"]) == (ROADS.name, "Pemerintah Kota Palembang")
    assert (row["Status Laporan"], row["Alasan Tunda/Arsip"]) == ("Diarsipkan oleh Admin", "Tidak jelas")
    assert (row["Kota/Kabupaten"], row["Kecamatan"]) == ("Kota Palembang", "Ilir Barat I")


@pytest.mark.parametrize("form", ["csv", "xlsx"])
async def test_the_export_can_be_imported(there: Sp4n, client: httpx.AsyncClient, form: str) -> None:
    # One after the other: SP4N leaves the text of one of three as it is.
    tickets = ["T-482-173-9056", "T-000-000-0000", "T-111-111-1118"]
    numbers = [await filed(client, isi=f"Jalan rusak.\n\nTiket kanal: {ticket}") for ticket in tickets]
    for each in numbers:
        there.do(each, "disposisi", unit_id=ROADS.id)
    answer = await client.get(f"laporan-ringkas.{form}")
    rows = list(ringkas.read(io.BytesIO(answer.content)).rows)
    assert [row.external_id for row in rows] == numbers[::-1]
    assert [row.ticket for row in rows] == tickets[::-1]
    for row, report in zip(rows, reversed(there.reports()), strict=True):
        assert row.problems == ()
        assert row.facts["raw_status"] == f"Terdisposisi ke {ROADS.name}"
        assert datetime.fromisoformat(row.facts["filed_at"]) == report.received_at.replace(microsecond=0)


async def test_the_export_of_some_days(there: Sp4n, client: httpx.AsyncClient) -> None:
    await filed(client)
    today = there.clock().date()
    tomorrow = (today + timedelta(days=1)).isoformat()
    assert len(await lines(client, "csv", dari=today.isoformat(), sampai=today.isoformat())) == 8
    assert len(await lines(client, "csv", dari=tomorrow)) == 7
    for wrong in ({"dari": "31/02/2024"}, {"dari": tomorrow, "sampai": today.isoformat()}):
        assert (await client.get("laporan-ringkas.csv", params=wrong)).status_code == 422


def test_officers_put_most_texts_into_smart_case(storage: Storage) -> None:
    text = "TOLONG  perbaiki.\njalan INI"
    finals = []
    for _ in range(3):
        number = storage.submit(Submission(1, "a", text, "Whatsapp")).tracking_id or ""
        finals.append(storage.do(number, "verifikasi").final_text)
    assert sorted(finals) == sorted([text, "Tolong perbaiki. Jalan ini", "Tolong perbaiki. Jalan ini"])


# --- as a process -------------------------------------------------------------------------------------------------


async def test_the_process_remembers_token_and_reports(tmp_path: Path) -> None:
    file = tmp_path / "sp4n.sqlite"
    number = ""
    for _ in range(2):
        with socket.socket() as held:
            held.bind(("127.0.0.1", 0))
            port = held.getsockname()[1]
        command = [sys.executable, "-m", "api", "simulator", "--port", str(port), "--file", str(file), "--fast"]
        process = await asyncio.create_subprocess_exec(*command, env=os.environ | {"DATA_DIR": str(tmp_path)})
        token = file.with_name("sp4n.sqlite.token")
        try:
            async with asyncio.timeout(60), httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
                while True:
                    try:
                        await client.get("/")
                        break
                    except httpx.ConnectError:
                        assert process.returncode is None
                        await asyncio.sleep(0.1)
                headers = {"Authorization": f"Bearer {token.read_text()}"}
                if number:
                    assert (await client.get(f"/api/v1/laporan/{number}", headers=headers)).status_code == 200
                answer = await client.post("/api/v1/laporan", json=HOLE, headers=headers)
                number = answer.json()["tracking_id"]
        finally:
            process.send_signal(signal.SIGTERM)
            await process.wait()
    assert token.stat().st_mode & 0o077 == 0
    assert file.stat().st_mode & 0o077 == 0
