"""Exports of SP4N's at the desk: handed in, seen, agreed to, and what is not ours; and our own export comes back."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from desking import GRANTS, SEKAYU, signed_in
from exports import as_csv, as_xlsx, packed, row, table
from fastapi import FastAPI
from making import file, rows, run, value

from api.elsewhere import ringkas
from api.house import House
from bridges import cells
from desk import words
from desk.ringkas import A_PAGE, LARGEST
from store import policy, references
from store.complaints import Actor
from store.policy import Grant
from store.ways import SP4N

KOMINFO = GRANTS[policy.ADMIN_INSTANSI]
OPERATOR = Actor("operator", "staff:1")


async def ours(inside: House, number: str | None, raw_status: str = "Belum Terverifikasi", **details: Any) -> str:
    """A report of ours in Palembang that has this number in SP4N, or waits for one; its ticket."""
    async with inside.engine.begin() as connection:
        event = await file(connection, **{"region": "16.71.01", **details})
        reference = await references.plan(connection, event.complaint_id, SP4N, connection_id=None)
        assert reference is not None
        if number:
            await references.confirm(connection, reference, number, OPERATOR, raw_status=raw_status)
    await run(inside.engine, "UPDATE complaint_references SET checked_at = checked_at - interval '1 day'")
    return event.ticket


async def upload(client: httpx.AsyncClient, content: bytes, name: str = "laporan.xlsx") -> httpx.Response:
    """The form with a file."""
    return await client.post("/sp4n/impor", files={"file": (name, content)})


async def read(client: httpx.AsyncClient, inside: House, content: bytes) -> str:
    """A file that was handed in and has been read; the address of its page."""
    answer = await upload(client, content)
    assert answer.status_code == 303, answer.text
    address = answer.headers["location"].removeprefix("/desk")
    await ringkas.read(inside, int(address.rpartition("/")[2]))
    return address


async def done(client: httpx.AsyncClient, inside: House, address: str, **form: str) -> str:
    """An import that was agreed to and has run; its page."""
    answer = await client.post(f"{address}/jalankan", data=form)
    assert answer.status_code == 303, answer.text
    await ringkas.do(inside, int(address.rpartition("/")[2]))
    return (await client.get(address)).text


async def test_a_file_is_handed_in_seen_and_done(app: FastAPI, inside: House) -> None:
    changed = await ours(inside, "9171234")
    waits = await ours(inside, None)
    content = as_xlsx(
        table(
            row("9171234", Status_Laporan="Menunggu Kelengkapan Informasi", Alasan_Tunda_Arsip="Alamat kurang jelas"),
            row("9171235", Isi_Laporan_Awal=f"Gelap.\nTiket kanal: {waits}", Status_Laporan="Belum Terverifikasi"),
            row("9171236", Status_Laporan="Dipertimbangkan Lagi"),
            row("9171237"),
            generated="1 Jan 2090",
        )
    )
    async with signed_in(app, KOMINFO) as client:
        page = await client.get("/sp4n/impor")
        assert "Belum ada." in page.text
        answer = await upload(client, content, "../laporan ringkas.xlsx")
        address = answer.headers["location"].removeprefix("/desk")
        waiting = await client.get(address)
        assert "menunggu giliran" in waiting.text
        assert '<noscript><meta http-equiv="refresh"' in waiting.text
        assert "<progress" in waiting.text
        await ringkas.read(inside, int(address.rpartition("/")[2]))
        seen = (await client.get(address)).text
        for expected in (
            "laporan ringkas.xlsx",
            "Pemerintah Kota Palembang",
            changed,
            waits,
            "9171235",
            "<del>Belum Terverifikasi</del>",
            "<ins>Menunggu Kelengkapan Informasi</ins>",
            "Alamat kurang jelas",
            "Dipertimbangkan Lagi",
            "Jalankan untuk 4 baris",
        ):
            assert expected in seen
        assert "oleh ikut" not in seen.casefold()
        assert await value(inside.engine, "SELECT count(*) FROM external_complaints") == 0
        finished = await done(client, inside, address)
        assert "Selesai. 2 laporan kita diperbarui, 2 laporan di luar kanal dicatat, 0 dilewati." in finished
        listed = (await client.get("/sp4n/impor")).text
        assert "laporan ringkas.xlsx" in listed
        assert "4 baris" in listed
        outside = (await client.get("/sp4n/luar")).text
        assert "9171236" in outside
        assert "9171234" not in outside
    verbs = [each.verb for each in await rows(inside.engine, "SELECT verb FROM audit ORDER BY id")]
    assert verbs == ["external.handed_in", "external.begun", "external.imported"]
    assert all(words.knows(f"trail.verb.{verb}") for verb in verbs)


async def test_a_file_of_some_size_gets_through_the_door(app: FastAPI, inside: House) -> None:
    async with signed_in(app, KOMINFO) as client:
        sent = await upload(client, b"Tracking ID;Status Laporan\n" + b"9171234;Terdisposisi\n" * 150_000, "besar.csv")
        assert sent.status_code == 303
        assert await value(inside.engine, "SELECT size FROM report_imports") > 3 << 20


async def test_how_far_it_is_is_told_to_a_page_that_waits(app: FastAPI, inside: House) -> None:
    async with signed_in(app, KOMINFO) as client:
        address = (await upload(client, as_csv(table(row())))).headers["location"].removeprefix("/desk")
        client.headers["accept"] = "application/json"
        assert (await client.get(address)).json() == {"state": "waiting", "done": 0, "all": None}
        await run(inside.engine, "UPDATE report_imports SET state = 'reading', rows_done = 40, rows_all = 100")
        assert (await client.get(address)).json() == {"state": "reading", "done": 40, "all": 100}
        client.headers["accept"] = "text/html"
        page = (await client.get(address)).text
        assert "40 dari sekitar 100 baris" in page
        assert 'max="100" value="40"' in page
        client.headers["accept"] = "application/json"
        sent = await upload(client, as_csv(table(row("9171235"))))
        assert re.fullmatch(r"/desk/sp4n/impor/\d+", sent.json()["go"])
        empty = await upload(client, b"")
        assert (empty.status_code, empty.json()) == (422, {"problem": "Berkasnya kosong."})


async def test_wrong_rows_are_named_and_keep_everything_back(app: FastAPI, inside: House) -> None:
    await ours(inside, "9171234")
    lines = table(
        row("9171234", Status_Laporan="Menunggu Kelengkapan Informasi"),
        row("12"),
        row("9171236", Tanggal_Laporan_Masuk="31/02/2024"),
        row("9171234"),
        *(row("9171240", Waktu_Laporan_Masuk="25:00") for _ in range(A_PAGE)),
        generated="1 Jan 2090",
    )
    async with signed_in(app, KOMINFO) as client:
        address = await read(client, inside, as_csv(lines))
        page = (await client.get(address)).text
        for expected in (
            "bukan nomor SP4N",
            "bukan tanggal yang ada",
            "nomor ini sudah ada di baris 8",
            "Tanggal Laporan Masuk",
            "Jalankan tanpa 53 baris yang salah",
        ):
            assert expected in page
        further = re.search(r'href="/desk(/sp4n/impor/\d+\?salah=\d+)#wrong"', page)
        assert further is not None
        assert "bukan jam" in (await client.get(further[1])).text
        refused = await client.post(f"{address}/jalankan")
        assert refused.status_code == 422
        assert "Belum dijalankan" in refused.text
        assert await value(inside.engine, "SELECT raw_status FROM complaint_references") == "Belum Terverifikasi"
        finished = await done(client, inside, address, tanpa_salah="ya")
        assert "Selesai. 1 laporan kita" in finished
        # Nothing begins twice.
        again = await client.post(f"{address}/jalankan", data={"tanpa_salah": "ya"})
        assert again.status_code == 422


async def test_it_can_be_dropped_before_it_begins(app: FastAPI, inside: House) -> None:
    async with signed_in(app, KOMINFO) as client:
        address = await read(client, inside, as_csv(table(row("9171240"))))
        await client.post(f"{address}/batal")
        assert "Dibatalkan. Tidak ada yang diubah." in (await client.get(address)).text
        assert (await client.post(f"{address}/jalankan")).status_code == 422
    assert await value(inside.engine, "SELECT count(*) FROM external_complaints") == 0


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"Nama;Alamat\nx;y\n", "Judul kolom ini tidak ditemukan: Tracking ID, Status Laporan"),
        (packed('<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><worksheet>&a;</worksheet>'), "tidak wajar"),
        (as_csv(table(row())) + b'9171235,"tanpa akhir', "Tanda kutip mulai baris 9"),
        (b"PK\x03\x04", "rusak atau terkunci"),
    ],
)
async def test_what_cannot_be_read_is_refused_with_a_sentence(
    app: FastAPI, inside: House, content: bytes, says: str
) -> None:
    async with signed_in(app, KOMINFO) as client:
        address = await read(client, inside, content)
        page = (await client.get(address)).text
        assert says in page
        assert (await client.post(f"{address}/jalankan")).status_code == 422
        assert (await upload(client, b"")).status_code == 422
        assert (await client.post("/sp4n/impor")).status_code == 422


def test_every_reason_has_its_sentence() -> None:
    """What the reader and the jobs may say of a row or of a file, in both languages."""
    row_keys = "missing not_an_id twice ticket_twice not_a_day not_a_time not_a_zone not_a_kind formula error_value"
    for language in words.LANGUAGES:
        catalogue = words.catalogue(language)
        for key in (*row_keys.split(), "too_long", "cells"):
            assert f"ringkas.wrong.{key}" in catalogue
        for key in ("older", "other_number", "taken", "gone", "forbidden", "defect"):
            assert f"ringkas.note.{key}" in catalogue
        for key in ("windows", "no_generated", "no_kind", "missing", "strangers", "ours"):
            assert f"ringkas.notice.{key}" in catalogue


def test_the_page_takes_what_the_reader_takes() -> None:
    assert cells.LARGEST == LARGEST


async def test_an_import_is_its_officers_alone(app: FastAPI, inside: House) -> None:
    async with signed_in(app, KOMINFO) as client:
        address = await read(client, inside, as_csv(table(row("9171240"))))
    async with signed_in(app, KOMINFO) as other:
        assert (await other.get(address)).status_code == 404
        for act in ("jalankan", "batal"):
            assert (await other.post(f"{address}/{act}")).status_code == 404
        assert address not in (await other.get("/sp4n/impor")).text
    for role in (policy.PEJABAT, policy.PENGAWAS, policy.BIRO, policy.ADMINISTRATOR):
        async with signed_in(app, GRANTS[role]) as client:
            assert (await client.get("/sp4n/impor")).status_code == 403
            assert (await upload(client, b"x")).status_code == 403
            wanted = 200 if role == policy.PENGAWAS else 403
            assert (await client.get("/sp4n/luar")).status_code == wanted


async def test_our_own_export_changes_nothing_when_it_comes_back(app: FastAPI, inside: House) -> None:
    await ours(inside, "9171234", anonymous=True)
    await ours(inside, "9171235", secret=True, raw_status="Terdisposisi ke Dinas Perhubungan")
    waits = await ours(inside, None)
    await ours(inside, "9171236", region=SEKAYU)
    await run(inside.engine, "UPDATE complaints SET status = 'Terdisposisi' WHERE ticket <> :waits", waits=waits)
    before = await rows(inside.engine, "SELECT * FROM complaint_references ORDER BY id")
    async with signed_in(app, Grant(policy.ADMIN_INSTANSI)) as all_over, signed_in(app, KOMINFO) as client:
        for form in ("csv", "xlsx"):
            taken = await all_over.post("/unduh", data={"format": form})
            for whoever in (all_over, client):
                address = await read(whoever, inside, taken.content)
                page = (await whoever.get(address)).text
                assert "Ini ekspor kanal ini sendiri." in page
                assert "Berkas ini tidak mengubah apa pun." in page
                assert "9171236" not in page
        counts = await rows(inside.engine, "SELECT DISTINCT summary->'counts' AS counts FROM report_imports")
        assert [each.counts for each in counts] == [{"same": 4}]
        # Somebody has entered the number of the one that waits in the file, in place of its ticket.
        filled = taken_with(await all_over.post("/unduh", data={"format": "csv"}), f'"{waits}","', '"9171299","')
        address = await read(client, inside, filled)
        assert "nomor baru" in (await client.get(address)).text
        assert "1 laporan kita diperbarui" in await done(client, inside, address)
        found = await all_over.post("/unduh", data={"format": "csv"})
        assert '"9171299"' in found.text
    after = await rows(inside.engine, "SELECT * FROM complaint_references ORDER BY id")
    assert [each for each in after if each.external_id != "9171299"] == [each for each in before if each.external_id]
    assert await value(inside.engine, "SELECT count(*) FROM external_complaints") == 0


def taken_with(answer: httpx.Response, words_: str, others: str) -> bytes:
    """The file of an answer, with other words once."""
    assert words_ in answer.text
    return answer.text.replace(words_, others, 1).encode()


async def test_what_is_not_ours_says_that_nothing_was_imported_yet(app: FastAPI, inside: House) -> None:
    async with signed_in(app, KOMINFO) as client:
        assert "Belum ada Laporan Ringkas" in (await client.get("/sp4n/luar")).text
        await done(client, inside, await read(client, inside, as_csv(table(row("9171240")))))
        assert "Belum ada Laporan Ringkas" not in (await client.get("/sp4n/luar")).text
        assert "Tidak ada laporan yang cocok" in (await client.get("/sp4n/luar?status=Lain")).text


async def test_what_is_not_ours_is_narrowed_and_comes_page_by_page(app: FastAPI, inside: House) -> None:
    async with signed_in(app, KOMINFO) as client:
        lines = table(
            *(row(str(9_000_000 + number)) for number in range(A_PAGE)),
            row("9171240", Status_Laporan="Ditutup oleh Sistem", Tipe_Laporan="Rahasia", Judul_Laporan="Judul rahasia"),
            row("9171241", Kota_Kabupaten="Kota Prabumulih", Tanggal_Laporan_Masuk="", Judul_Laporan=""),
            generated="1 Jan 2090",
        )
        await done(client, inside, await read(client, inside, as_csv(lines)))
    recent = "UPDATE external_complaints SET filed_at = now() - interval '40 days' WHERE external_id = '9171240'"
    await run(inside.engine, recent)
    async with signed_in(app, GRANTS[policy.PENGAWAS]) as client:

        async def numbers(address: str = "/sp4n/luar", **asked: str) -> list[str]:
            page = (await client.get(address, params=asked or None)).text
            return re.findall(r'<td class="number">(9\d{6})</td>', page)

        first = await client.get("/sp4n/luar")
        assert f"{A_PAGE + 2} laporan" in first.text
        assert "Judul rahasia" not in first.text
        following = re.search(r'rel="next" href="/desk([^"]+)"', first.text)
        assert following is not None
        every = [*await numbers(), *await numbers(following[1].replace("&amp;", "&"))]
        assert len(every) == len(set(every)) == A_PAGE + 2
        assert (every[0], every[-1]) == ("9171240", "9171241")
        assert await numbers(status="Ditutup oleh Sistem") == ["9171240"]
        assert await numbers(kota="Kota Prabumulih") == ["9171241"]
        assert await numbers(umur="90") == ["9171240"]
        assert await numbers(umur="30") == []
        assert len(await numbers(umur="lama", setelah="x,y")) == A_PAGE
        assert len(await numbers(umur="nanti", setelah="2024-01-01,3")) == A_PAGE
