"""What officers send is looked through for viruses before it is kept or read; their words are kept in any case."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from desking import GRANTS, signed_in
from fastapi import FastAPI
from making import OPERATOR, contact, file, rows, value
from peers.clamd import EICAR, FakeClamd
from pictures import encoded, scene

from api.house import House
from api.settings import Settings
from api.unit import unit
from store import dispositions, policy

OF_PU, ADMIN, PU = GRANTS[policy.PEJABAT], GRANTS[policy.ADMINISTRATOR], "16.71-pu"
WORDS = "Lubang di depan SMP 1 sudah kami tambal kemarin dengan aspal baru."
SHEET = b"Tanggal;Nama;Jenis\n2027-01-01;Tahun Baru 2027;nasional\n"
PDF = b"%PDF-1.4\n" + EICAR + b"\n%%EOF"


@pytest.fixture
async def clamd() -> AsyncIterator[FakeClamd]:
    """A clamd on loopback."""
    async with FakeClamd() as running:
        yield running
        assert running.problems == []


@pytest.fixture
def settings(settings: Settings, clamd: FakeClamd) -> Settings:
    """Settings of a process that asks it."""
    return settings.model_copy(update={"clamd_host": clamd.where})


async def answered(app: FastAPI, house: House, *files: tuple[str, bytes]) -> str:
    """The page after an officer's answer with these files."""
    async with unit(house) as work:
        chat = await contact(work.connection)
        event = work.record(await file(work.connection, contact_id=chat, region="16.71.01", agency=PU))
        work.record(await dispositions.dispose(work.connection, event.ticket, OPERATOR, (PU,), lead=PU))
    sent = [("files", (name, content, "image/jpeg")) for name, content in files]
    said = {"version": "2", "words": WORDS, "finished": "no"}
    async with signed_in(app, OF_PU) as client:
        answer = await client.post(f"/laporan/{event.ticket}/instansi/jawaban", data=said, files=sent)
    assert answer.status_code == 422
    return answer.text


async def test_an_infected_file_is_named_and_not_kept(app: FastAPI, inside: House) -> None:
    page = await answered(app, inside, ("baik.jpg", encoded(scene())), ("surat.pdf", PDF))
    assert "surat.pdf: ditolak karena mengandung virus" in page
    assert WORDS in page
    [kept] = await rows(inside.engine, "SELECT name, sha256 FROM media")
    assert kept.name == "baik.jpg"
    assert [name for names in inside.shelf.names() for name in names] == [kept.sha256]


async def test_while_clamd_is_away_no_file_is_kept(app: FastAPI, inside: House, clamd: FakeClamd) -> None:
    clamd.faults.append("hangs up")
    page = await answered(app, inside, ("baik.jpg", encoded(scene())))
    assert "baik.jpg: belum bisa diperiksa dari virus" in page
    assert WORDS in page
    assert await rows(inside.engine, "SELECT * FROM media") == []
    assert list(inside.shelf.names()) == []


@pytest.mark.parametrize("away", [False, True])
async def test_a_sheet_is_looked_through_before_it_is_read(
    app: FastAPI, inside: House, clamd: FakeClamd, *, away: bool
) -> None:
    if away:
        clamd.faults.append("hangs up")
    async with signed_in(app, ADMIN) as client:
        sent = {"file": ("libur.csv", SHEET if away else SHEET + EICAR)}
        refused = await client.post("/data/impor", data={"kind": "hari-libur"}, files=sent)
        assert refused.status_code == 422
        assert ("belum bisa diperiksa dari virus" if away else "mengandung virus") in refused.text
        assert list(inside.shelf.names()) == []
        shown = await client.post("/data/impor", data={"kind": "hari-libur"}, files={"file": ("libur.csv", SHEET)})
        assert "1 ditambahkan" in shown.text
    assert await value(inside.engine, "SELECT count(*) FROM holidays WHERE day = '2027-01-01'") == 0
