"""Reports as a file: whose, which columns, and what never stands in it."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import httpx
import openpyxl
import pytest
from desking import GRANTS, SEKAYU, signed_in
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from making import file, rows, run, value

from api.house import House
from desk import spreadsheets
from desk.export import COLUMNS
from store import contacts, policy
from store.policy import Grant

KOMINFO = GRANTS[policy.ADMIN_INSTANSI]
HEAD = 6  # lines before the table


def table(answer: httpx.Response) -> list[dict[str, str]]:
    """The reports of an answer in CSV, by column."""
    assert answer.status_code == 200, answer.text
    lines = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""), strict=True))
    assert tuple(lines[HEAD]) == COLUMNS
    return [dict(zip(COLUMNS, line, strict=True)) for line in lines[HEAD + 1 :]]


def sheet(answer: httpx.Response) -> list[tuple[Any, ...]]:
    """All rows of an answer in XLSX."""
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    return list(book.active.iter_rows(values_only=True))


async def complaint(inside: House, name: str | None = "Siti Rahmawati", **details: Any) -> str:
    """A report in Palembang by somebody of that name."""
    async with inside.engine.begin() as connection:
        citizen = await contacts.new_citizen(connection, name) if name else None
        return (await file(connection, **{"region": "16.71.01", "citizen_id": citizen, **details})).ticket


async def test_a_report_in_the_columns_of_sp4n(app: FastAPI, inside: House) -> None:
    ticket = await complaint(inside, category="HAJI DAN UMROH", channel="telegram")
    await run(
        inside.engine,
        """
        INSERT INTO dispositions (complaint_id, agency, leads)
        SELECT id, unnest(ARRAY['16.71-dlh', '16.71-pu']), unnest(ARRAY[false, true]) FROM complaints
        """,
    )
    moved = "UPDATE complaints SET filed_at = '2026-09-22 17:41:43Z', supervised = true, status = 'Terdisposisi'"
    await run(inside.engine, moved)
    async with signed_in(app, KOMINFO) as client:
        answer = await client.post("/unduh", data={"format": "csv"})
    [found] = table(answer)
    assert found["Tracking ID"] == ticket
    assert (found["Tanggal Laporan Masuk"], found["Waktu Laporan Masuk"], found["Zona Waktu"]) == (
        "23 Sep 2026",
        "00:41:43",
        "WIB",
    )
    assert found["Nama Pelapor"] == "Siti Rahmawati"
    assert found["Klasifikasi Laporan"] == "Pengaduan Berkadar Pengawasan"
    assert found["Sumber Laporan"] == "Telegram"
    assert found["ID Instansi Terdisposisi"] == "16.71-pu; 16.71-dlh"
    assert found["Instansi Terdisposisi"].startswith("Dinas")
    assert (found["Provinsi"], found["Kota/Kabupaten"]) == ("Provinsi Sumatera Selatan", "Kota Palembang")
    assert found["Kecamatan"] == await value(inside.engine, "SELECT name FROM regions WHERE code = '16.71.01'")
    assert found["Kelurahan"] == ""
    lines = answer.content.decode("utf-8-sig").splitlines()
    assert lines[0] == '"Judul Laporan","Laporan Ringkas"'
    assert "Kota Palembang" in lines[1]
    assert re.search(r"\d WIB", lines[2])
    assert 'filename="laporan-ringkas-' in answer.headers["content-disposition"]


async def test_a_name_is_only_that_of_somebody_who_hides_nothing(app: FastAPI, inside: House) -> None:
    for number, (anonymous, secret) in enumerate([(False, False), (True, False), (False, True), (True, True)]):
        await complaint(inside, f"Nama{number}", anonymous=anonymous, secret=secret)
    async with signed_in(app, KOMINFO) as client:
        found = table(await client.post("/unduh", data={"format": "csv"}))
    assert [(row["Nama Pelapor"], row["Tipe Laporan"]) for row in found] == [
        ("Nama0", ""),
        ("", "Anonim"),
        ("", "Rahasia"),
        ("", "Anonim|Rahasia"),
    ]
    async with signed_in(app, GRANTS[policy.PENGAWAS]) as client:
        answer = await client.post("/unduh", data={"format": "csv"})
    assert len(table(answer)) == 4
    assert "Nama0" not in answer.text


async def test_words_under_a_cover_do_not_leave_the_house(app: FastAPI, inside: House) -> None:
    ticket = await complaint(inside, text="Tetangga saya Pak Wayan membuang sampah ke sungai setiap malam. Tolong.")
    covered = "Tetangga saya ▇▇▇ membuang sampah ke sungai setiap malam. Tolong."
    await run(inside.engine, "UPDATE complaints SET masked_text = :covered", covered=covered)
    async with signed_in(app, KOMINFO) as client:
        for form in ("csv", "xlsx"):
            answer = await client.post("/unduh", data={"format": form})
            cells = [cell for line in sheet(answer) for cell in line] if form == "xlsx" else table(answer)[0].values()
            assert not any("Wayan" in str(cell) for cell in cells)
            assert {ticket, covered, "Tetangga saya ▇▇▇ membuang sampah ke sungai setiap malam"} <= set(cells)


async def test_everybody_takes_only_what_they_reach(app: FastAPI, inside: House) -> None:
    here = await complaint(inside)
    there = await complaint(inside, region=SEKAYU)

    async def taken(*grants: Grant) -> set[str]:
        async with signed_in(app, *grants) as client:
            answer = await client.post("/unduh", data={"format": "csv"})
            if "text/html" in answer.headers["content-type"]:
                return set()
            return {row["Tracking ID"] for row in table(answer)}

    assert await taken(KOMINFO) == {here}
    assert await taken(GRANTS[policy.PENGAWAS]) == {here}
    assert await taken(Grant(policy.PENGAWAS)) == {here, there}
    assert await taken(Grant(policy.PENGAWAS, region="16.72")) == set()
    # What somebody may read for an agency is not theirs to take along as an overseer of another region.
    await run(
        inside.engine,
        "INSERT INTO dispositions (complaint_id, agency, leads) SELECT id, '16.71-pu', true FROM complaints",
    )
    assert await taken(GRANTS[policy.PEJABAT], Grant(policy.PENGAWAS, region=SEKAYU)) == {there}
    for role in (policy.PEJABAT, policy.BIRO, policy.ADMINISTRATOR):
        async with signed_in(app, GRANTS[role]) as client:
            assert (await client.post("/unduh", data={"format": "csv"})).status_code == 403


async def test_it_is_narrowed_by_period_status_and_agency(app: FastAPI, inside: House) -> None:
    first = await complaint(inside)
    second = await complaint(inside, agency="16.71-pu")
    change = "UPDATE complaints SET filed_at = CAST(:at AS timestamptz), status = :status WHERE ticket = :ticket"
    await run(inside.engine, change, ticket=first, at="2026-11-01T16:59:59Z", status="Terdisposisi")
    await run(inside.engine, change, ticket=second, at="2026-11-01T17:00:00Z", status="Belum Terverifikasi")

    async with signed_in(app, KOMINFO) as client:

        async def taken(**asked: str) -> list[str]:
            answer = await client.post("/unduh", data={"format": "csv", **asked})
            return [row["Tracking ID"] for row in table(answer)]

        assert await taken(sampai="2026-11-01") == [first]  # the day ends at 17.00 UTC
        assert await taken(dari="2026-11-02") == [second]
        assert await taken(status="Terdisposisi") == [first]
        assert await taken(instansi="16.71-pu") == [second]
        empty = await client.post("/unduh", data={"format": "csv", "dari": "2026-11-03"})
    assert "Tidak ada laporan yang cocok." in empty.text
    details = [row.detail for row in await rows(inside.engine, "SELECT detail FROM audit ORDER BY id")]
    assert details[0] == {"rows": 1, "format": "csv", "until": "2026-11-01"}
    assert details[-1] == {"rows": 1, "format": "csv", "agency": "16.71-pu"}
    assert len(details) == 4  # nothing left the house the last time


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"dari": "x"}, "Tanggal awal tidak terbaca."),
        ({"sampai": "0001-01-01"}, "Tanggal akhir tidak terbaca."),
        ({"dari": "2026-11-02", "sampai": "2026-11-01"}, "Tanggal akhir mendahului"),
        ({"status": "Selesai"}, "Status itu tidak dikenal."),
        ({"instansi": "\x0016.71-pu\x00x"}, "Instansi itu tidak dikenal"),
        ({"format": "exe"}, "Pilih CSV atau XLSX."),
    ],
)
async def test_what_cannot_be_read_is_said_in_a_sentence(app: FastAPI, asked: dict[str, str], says: str) -> None:
    async with signed_in(app, KOMINFO) as client:
        answer = await client.post("/unduh", data={"format": "csv", **asked})
    assert answer.status_code == 422
    assert says in answer.text


async def test_a_large_file_comes_in_parts_and_is_whole(app: FastAPI, inside: House) -> None:
    await complaint(inside)
    await run(
        inside.engine,
        """
        INSERT INTO complaints (ticket, channel, region, report_class, title, text, anonymous, secret, status)
        SELECT 'T-' || n, 'telegram', '16.71', 'aspirasi', 'Judul ' || n, repeat('kata ', 200), false, false,
               'Belum Terverifikasi' FROM generate_series(1, 1999) n
        """,
    )
    async with signed_in(app, KOMINFO) as client:
        found = table(await client.post("/unduh", data={"format": "csv"}))
        lines = sheet(await client.post("/unduh", data={"format": "xlsx"}))
    assert len({row["Tracking ID"] for row in found}) == 2000
    assert len({line[0] for line in lines[HEAD + 1 :]}) == 2000
    assert await value(inside.engine, "SELECT sum(CAST(detail->>'rows' AS int)) FROM audit") == 4000


# --- cells -------------------------------------------------------------------------------------------

CELLS = st.text(st.characters(codec="utf-8") | st.sampled_from("=+-@;,\t\r\n\"' \x00|\x1f\u2028\ufffe"), max_size=40)


@given(CELLS, st.sampled_from(",;\t"))
def test_no_cell_begins_as_a_formula_whatever_the_separator(cell: str, separator: str) -> None:
    words = spreadsheets.harmless(cell)
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow(["a", words, "b"])
    assert line.getvalue().count("\n") == 1
    for read in next(csv.reader([line.getvalue()], delimiter=separator)):
        assert not read.strip(' "').startswith(tuple("=+-@"))


@pytest.mark.parametrize("cell", ["", "Jalan rusak", "3-4 hari", "T-482-173-9056", "a@b.c"])
def test_ordinary_words_stay_as_they_are(cell: str) -> None:
    assert spreadsheets.harmless(cell) == cell


@given(st.lists(st.lists(CELLS, max_size=4), max_size=5))
async def test_a_sheet_holds_the_words_and_no_formula(cells: list[list[str]]) -> None:
    async def found() -> Any:
        for row in cells:
            yield row

    content = b"".join([part async for part in spreadsheets.as_xlsx("Uji", found())])
    book = openpyxl.load_workbook(io.BytesIO(content))
    kept = [
        (cell.data_type, str(cell.value)) for line in book.active.iter_rows() for cell in line if cell.value is not None
    ]
    assert {kind for kind, _ in kept} <= {"s", "inlineStr"}
    plain = [
        re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", cell) for row in cells for cell in row
    ]
    assert [words.replace("\r\n", "\n").replace("\r", "\n") for _, words in kept] == [
        words.replace("\r\n", "\n").replace("\r", "\n") for words in plain if words
    ]


async def test_a_cell_that_is_too_long_for_a_spreadsheet_says_so() -> None:
    async def found() -> Any:
        yield ["x" * 40_000]

    content = b"".join([part async for part in spreadsheets.as_xlsx("Uji", found())])
    [[cell]] = openpyxl.load_workbook(io.BytesIO(content)).active.values
    assert cell == "x" * spreadsheets.LONGEST + spreadsheets.CUT
