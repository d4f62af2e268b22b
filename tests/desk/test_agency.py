"""The agency's desk: what waits for it, its first word, its answer with evidence, handing back; and who may not."""

from __future__ import annotations

import io
import re
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import numpy as np
import PIL.Image
import pytest
from desking import GRANTS, signed_in
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from making import OPERATOR, contact, file, rows, run, value
from sqlalchemy import text

from api.house import House
from api.unit import unit
from bot.texts import speak
from desk import agency
from store import contacts, dispositions, policy
from store.policy import Grant

PU, DISHUB, DLH = "16.71-pu", "16.71-dishub", "16.71-dlh"
OF_PU = GRANTS[policy.PEJABAT]
OF_DISHUB = Grant(policy.PEJABAT, agency=DISHUB)
WORDS = "Lubang di depan SMP 1 sudah kami tambal kemarin dengan aspal baru, sisanya selesai Jumat depan."
PHRASES = [*tomllib.loads(agency._EMPTY.read_text(encoding="utf-8"))["phrases"], "yth.", "Bapak/Ibu"]
EMPTY = "Terima kasih atas laporan Anda. Laporan Anda akan segera kami tindak lanjuti."


@dataclass(frozen=True)
class Case:
    """A report of a citizen in Palembang, and the citizen's chat."""

    ticket: str
    id: int
    contact_id: int


async def filed(house: House, *agencies: str, address: str = "7", **details: Any) -> Case:
    """A report that Kominfo gave to these agencies; the first one leads."""
    async with unit(house) as work:
        chat = await contact(work.connection, address)
        citizen = await contacts.become_citizen(work.connection, chat, "Siti Rahayu", "id")
        about = {"citizen_id": citizen, "contact_id": chat, "region": "16.71.01", "agency": PU, "function": "pu"}
        event = work.record(await file(work.connection, **{**about, **details}))
    if agencies:
        async with unit(house) as work:
            disposed = await dispositions.dispose(work.connection, event.ticket, OPERATOR, agencies, lead=agencies[0])
            work.record(disposed)
    return Case(event.ticket, event.complaint_id, chat)


async def version(house: House, case: Case) -> int:
    return int(await value(house.engine, "SELECT version FROM complaints WHERE id = :id", id=case.id))


async def status(house: House, case: Case) -> str:
    return str(await value(house.engine, "SELECT status FROM complaints WHERE id = :id", id=case.id))


async def told(house: House, case: Case) -> list[str]:
    """The keys of what the citizen is told, without the disposition."""
    found = await rows(house.engine, "SELECT says FROM deliveries WHERE complaint_id = :id ORDER BY id", id=case.id)
    return [key for row in found for key, _ in row.says if not key.startswith("push.disposed")]


def photo(seed: int, kind: str = "JPEG", **more: Any) -> bytes:
    """A picture that looks like no other one: broad shades of grey."""
    shades = np.random.default_rng(seed).integers(0, 255, (6, 6), dtype=np.uint8)
    out = io.BytesIO()
    PIL.Image.fromarray(shades).resize((240, 180), PIL.Image.Resampling.BICUBIC).save(out, kind, **more)
    return out.getvalue()


def sent(*files: tuple[str, bytes]) -> list[tuple[str, tuple[str, bytes, str]]]:
    return [("files", (name, content, "application/octet-stream")) for name, content in files]


async def answer(
    client: httpx.AsyncClient, house: House, case: Case, *files: tuple[str, bytes], **fields: Any
) -> httpx.Response:
    """The form of an answer, as the officer reads the report now."""
    said = {"version": await version(house, case), "words": WORDS, "finished": "no", **fields}
    return await client.post(f"/laporan/{case.ticket}/instansi/jawaban", data=said, files=sent(*files) or None)


async def evidence_of(house: House, case: Case) -> list[Any]:
    found = "SELECT * FROM media WHERE complaint_id = :id AND staff_id IS NOT NULL ORDER BY id"
    return await rows(house.engine, found, id=case.id)


# --- the list --------------------------------------------------------------------------------------------


async def test_the_list_has_what_waits_by_deadline_and_late_first(app: FastAPI, inside: House) -> None:
    later, late, soon = [await filed(inside, PU, address=name, title=f"Perkara {name}") for name in "abc"]
    now = datetime.now(UTC)
    for case, days in ((late, -3), (soon, 1)):
        moved = "UPDATE clocks SET due_at = :at, due_on = :day WHERE complaint_id = :id AND kind = 'follow_up'"
        at = now + timedelta(days=days)
        await run(inside.engine, moved, at=at, day=at.date(), id=case.id)
    async with signed_in(app, OF_PU) as client:
        shown = (await client.get("/instansi")).text
    places = [shown.index(f'data-ticket="{case.ticket}"') for case in (late, soon, later)]
    assert places == sorted(places)
    assert shown.index("Terlambat <span") < places[0] < shown.index("Menunggu instansi Anda <span") < places[2]


async def test_what_is_not_disposed_or_another_agencys_is_not_in_the_list(app: FastAPI, inside: House) -> None:
    suggested = await filed(inside, address="a")
    other = await filed(inside, DISHUB, address="b")
    async with signed_in(app, OF_PU) as client:
        shown = (await client.get("/instansi")).text
        for case in (suggested, other):
            assert case.ticket not in shown
            assert (await client.get(f"/laporan/{case.ticket}/instansi")).status_code == 404
            assert (await answer(client, inside, case)).status_code == 404
            assert await told(inside, case) == []


async def test_who_helps_sees_who_leads(app: FastAPI, inside: House) -> None:
    case = await filed(inside, PU, DISHUB)
    async with signed_in(app, OF_DISHUB) as client:
        shown = (await client.get("/instansi")).text
        panel = (await client.get(f"/laporan/{case.ticket}/instansi")).text
    assert f"dipimpin {inside.directory.names[PU]}" in shown
    assert 'name="finished" value="yes"' not in panel


async def test_what_is_answered_waits_for_the_citizen_with_its_closing_day(app: FastAPI, inside: House) -> None:
    case = await filed(inside, PU)
    async with signed_in(app, OF_PU) as client:
        assert (await answer(client, inside, case, ("a.jpg", photo(1)), finished="yes")).status_code == 303
        shown = (await client.get("/instansi")).text
    assert "Tidak ada laporan yang menunggu" in shown
    assert re.search(r"Ditutup setelah \w+ \d+ \w+ \d{4} bila pelapor diam", shown)


async def test_the_anonim_name_is_nowhere(app: FastAPI, inside: House) -> None:
    case = await filed(inside, PU, anonymous=True)
    async with signed_in(app, OF_PU) as client:
        for path in ("/instansi", f"/laporan/{case.ticket}/instansi"):
            shown = await client.get(path)
            assert shown.status_code == 200
            assert "Siti" not in shown.text


@pytest.mark.parametrize("role", [policy.PENGAWAS, policy.BIRO, policy.ADMINISTRATOR])
async def test_others_neither_open_the_list_nor_answer(app: FastAPI, inside: House, role: str) -> None:
    case = await filed(inside, PU)
    async with signed_in(app, GRANTS[role]) as client:
        assert (await client.get("/instansi")).status_code == 403
        assert (await answer(client, inside, case)).status_code in (403, 404)
    assert await status(inside, case) == "Terdisposisi"


# --- saying something ------------------------------------------------------------------------------------


async def test_a_first_response_is_told_and_changes_no_status(app: FastAPI, inside: House) -> None:
    case = await filed(inside, PU)
    said = {"version": await version(inside, case), "words": "Kami cek besok."}
    async with signed_in(app, OF_PU) as client:
        done = await client.post(f"/laporan/{case.ticket}/instansi/tanggapan", data=said)
    assert (done.status_code, done.headers["location"].split("?")[0]) == (303, f"/desk/laporan/{case.ticket}")
    assert await status(inside, case) == "Terdisposisi"
    assert await told(inside, case) == ["push.responded"]
    held = await rows(inside.engine, "SELECT * FROM dispositions WHERE complaint_id = :id", id=case.id)
    assert [(each.first_response_at is None, each.answered_at is None) for each in held] == [(False, True)]
    verbs = await rows(inside.engine, "SELECT verb FROM audit WHERE object_id = :ticket", ticket=case.ticket)
    assert ("report.respond",) in [tuple(row) for row in verbs]


async def test_an_answer_goes_out_with_its_evidence(app: FastAPI, inside: House) -> None:
    case = await filed(inside, PU)
    async with signed_in(app, OF_PU) as client:
        done = await answer(
            client, inside, case, ("lubang.jpg", photo(1)), ("surat.png", photo(2, "PNG")), finished="yes"
        )
        assert done.status_code == 303
        [first, second] = await evidence_of(inside, case)
        shown = await client.get(f"/laporan/{case.ticket}/berkas/{first.id}")
    assert await status(inside, case) == "Selesai otomatis dalam 10 hari"
    assert (await told(inside, case))[:2] == ["push.finished", "push.note_of"]
    assert (first.agency, first.name) == (PU, "lubang.jpg")
    assert (second.name, second.content_type) == ("surat.jpg", "image/jpeg"), "it has many colours, so it is a photo"
    assert shown.headers["content-type"] == "image/jpeg"
    became = await value(
        inside.engine, "SELECT became FROM complaint_history WHERE complaint_id = :id AND event = 'moved'", id=case.id
    )
    assert became["evidence"] == [first.id, second.id]


async def test_finished_without_evidence_comes_back_with_the_words(app: FastAPI, inside: House) -> None:
    case = await filed(inside, PU)
    async with signed_in(app, OF_PU) as client:
        back = await answer(client, inside, case, finished="yes")
    assert back.status_code == 422
    assert WORDS in back.text
    assert "perlu bukti" in back.text
    assert await status(inside, case) == "Terdisposisi"


async def test_a_helper_cannot_propose_to_close(app: FastAPI, inside: House) -> None:
    case = await filed(inside, PU, DISHUB)
    async with signed_in(app, OF_DISHUB) as client:
        back = await answer(client, inside, case, ("a.jpg", photo(1)), finished="yes")
        assert (back.status_code, WORDS in back.text) == (422, True)
        assert "Hanya instansi yang memimpin" in back.text
        # The photo is there already, and need not be sent again.
        [kept] = await evidence_of(inside, case)
        assert f'name="evidence" value="{kept.id}" checked' in back.text
        assert (await answer(client, inside, case, evidence=kept.id)).status_code == 303
    assert len(await evidence_of(inside, case)) == 1


async def test_one_bad_file_is_named_and_the_rest_is_kept(app: FastAPI, inside: House) -> None:
    case = await filed(inside, PU)
    async with signed_in(app, OF_PU) as client:
        back = await answer(client, inside, case, ("baik.jpg", photo(1)), ("<b>virus.exe", b"MZ"))
        assert back.status_code == 422
        assert "_b_virus.exe: bukan foto" in back.text
        assert WORDS in back.text
        [kept] = await evidence_of(inside, case)
        assert kept.name == "baik.jpg"
        assert await told(inside, case) == []
        again = await answer(client, inside, case, evidence=kept.id)
    assert again.status_code == 303
    assert len(await evidence_of(inside, case)) == 1


async def test_an_empty_phrase_is_questioned_once_and_never_blocked(app: FastAPI, inside: House) -> None:
    case = await filed(inside, PU)
    async with signed_in(app, OF_PU) as client:
        back = await answer(client, inside, case, words=EMPTY)
        assert (back.status_code, await told(inside, case)) == (409, [])
        assert "belum mengatakan apa-apa" in back.text
        assert EMPTY in back.text
        assert (await answer(client, inside, case, words=EMPTY, sure="yes")).status_code == 303
    assert await status(inside, case) == "Ditindaklanjuti oleh Instansi"


async def test_a_photo_that_was_used_before_is_pointed_out(app: FastAPI, inside: House) -> None:
    before, case = await filed(inside, PU, address="a"), await filed(inside, PU, address="b")
    async with signed_in(app, OF_PU) as client:
        await answer(client, inside, before, ("lama.jpg", photo(3)), finished="yes")
        back = await answer(client, inside, case, ("baru.jpg", photo(3)), finished="yes")
        assert back.status_code == 409
        assert f"sudah dipakai pada {before.ticket}" in back.text
        assert await status(inside, case) == "Terdisposisi"
        [kept], [old] = await evidence_of(inside, case), await evidence_of(inside, before)
        assert f"/desk/laporan/{before.ticket}/berkas/{old.id}" in back.text
        assert f'name="confirmed" value="{kept.id}"' in back.text
        confirmed = {"evidence": kept.id, "finished": "yes", "sure": "yes"}
        # Being sure of something else is not being sure of this photo.
        assert (await answer(client, inside, case, **confirmed)).status_code == 409
        assert (await answer(client, inside, case, **confirmed, confirmed=kept.id)).status_code == 303
    assert await status(inside, case) == "Selesai otomatis dalam 10 hari"
    noted = "SELECT note, public FROM complaint_history WHERE complaint_id = :id AND event = 'noted'"
    [note] = await rows(inside.engine, noted, id=case.id)
    assert (before.ticket in note.note, note.public) == (True, False)
    seen = "SELECT detail FROM audit WHERE verb = 'report.reuse_picture'"
    assert (await value(inside.engine, seen))["media"] == [old.id]


async def test_whose_photo_it_was_is_not_said_to_those_who_may_not_read_it(app: FastAPI, inside: House) -> None:
    before, case = await filed(inside, DISHUB, address="a"), await filed(inside, PU, address="b")
    async with signed_in(app, OF_DISHUB) as client:
        await answer(client, inside, before, ("lama.jpg", photo(3)), finished="yes")
    async with signed_in(app, OF_PU) as client:
        back = await answer(client, inside, case, ("baru.jpg", photo(3)), finished="yes")
        [kept] = await evidence_of(inside, case)
        [old] = await evidence_of(inside, before)
        assert (await client.get(f"/laporan/{before.ticket}/berkas/{old.id}")).status_code == 404
        sure = {"evidence": kept.id, "finished": "yes", "sure": "yes", "confirmed": kept.id}
        await answer(client, inside, case, **sure)
    assert "sudah dipakai pada laporan lain" in back.text
    assert before.ticket not in back.text
    noted = "SELECT note FROM complaint_history WHERE complaint_id = :id AND event = 'noted'"
    assert before.ticket not in await value(inside.engine, noted, id=case.id)


async def test_somebody_was_quicker_and_nothing_is_lost(app: FastAPI, inside: House) -> None:
    case = await filed(inside, PU, DISHUB)
    old = await version(inside, case)
    async with signed_in(app, OF_DISHUB) as other:
        await answer(other, inside, case, words="Rambu sudah kami pasang di kedua sisi jalan hari ini.")
    async with signed_in(app, OF_PU) as client:
        back = await answer(client, inside, case, ("a.jpg", photo(1)), version=old)
        assert back.status_code == 409
        assert WORDS in back.text
        assert "Rambu sudah kami pasang" in back.text
        assert await told(inside, case) == ["push.moved", "push.note_of", "push.answer_until"]
        [kept] = await evidence_of(inside, case)
        assert (await answer(client, inside, case, evidence=kept.id)).status_code == 303


async def test_what_has_ended_takes_no_answer_but_keeps_the_words(app: FastAPI, inside: House) -> None:
    case = await filed(inside, PU)
    await run(inside.engine, "UPDATE complaints SET status = 'Ditutup oleh Pelapor' WHERE id = :id", id=case.id)
    async with signed_in(app, OF_PU) as client:
        back = await answer(client, inside, case)
    assert (back.status_code, WORDS in back.text) == (409, True)


async def test_files_alone_are_attached_and_tell_nobody(app: FastAPI, inside: House) -> None:
    case = await filed(inside, PU)
    door = f"/laporan/{case.ticket}/instansi/lampiran"
    async with signed_in(app, OF_PU) as client:
        assert (await client.post(door, files=sent(("a.pdf", b"%PDF-1.4\n%%EOF")))).status_code == 303
        assert (await client.post(door, data={"version": "1"})).status_code == 422
        shown = (await client.get(f"/laporan/{case.ticket}/instansi")).text
    [kept] = await evidence_of(inside, case)
    assert f'name="evidence" value="{kept.id}"' in shown
    assert await told(inside, case) == []


async def test_handing_back_takes_the_report_away_with_its_reason(app: FastAPI, inside: House) -> None:
    case = await filed(inside, PU)
    said = {"version": await version(inside, case), "words": "Ini jalan nasional, wewenang balai."}
    async with signed_in(app, OF_PU) as client:
        empty = await client.post(f"/laporan/{case.ticket}/instansi/serahkan", data={**said, "words": " "})
        assert empty.status_code == 422
        done = await client.post(f"/laporan/{case.ticket}/instansi/serahkan", data=said)
        assert (done.status_code, done.headers["location"]) == (303, "/desk/instansi?selesai=handed_back")
        shown = (await client.get("/instansi?selesai=handed_back")).text
    assert case.ticket not in shown
    assert "diserahkan kembali" in shown
    assert await status(inside, case) == "Belum Terverifikasi"
    assert await told(inside, case) == ["push.denied", "push.reason"]
    assert await value(inside.engine, "SELECT agency FROM complaints WHERE id = :id", id=case.id) == "16.71-kominfo"


async def test_kominfo_cannot_hand_back_what_it_gave(app: FastAPI, inside: House) -> None:
    case = await filed(inside, PU)
    async with signed_in(app, GRANTS[policy.ADMIN_INSTANSI]) as client:
        said = {"version": await version(inside, case), "words": "Bukan kami."}
        assert (await client.post(f"/laporan/{case.ticket}/instansi/serahkan", data=said)).status_code == 403


async def test_the_preview_is_what_is_told(app: FastAPI, inside: House) -> None:
    case = await filed(inside, PU)
    async with signed_in(app, OF_PU) as client:
        said = {"form": "jawaban", "words": WORDS, "finished": "no"}
        lines = (await client.post(f"/laporan/{case.ticket}/instansi/pratinjau", data=said)).json()["lines"]
        page = await answer(client, inside, case, ("a.jpg", photo(1)), step="preview")
        assert await told(inside, case) == []
        [kept] = await evidence_of(inside, case)
        await answer(client, inside, case, evidence=kept.id)
    assert page.status_code == 200
    assert WORDS in page.text
    found = await rows(inside.engine, "SELECT says FROM deliveries WHERE complaint_id = :id ORDER BY id", id=case.id)
    spoken = [speak(key, params, "id") for key, params in found[-1].says]
    assert spoken == lines


async def test_a_template_fills_the_words_without_javascript(app: FastAPI, inside: House) -> None:
    case = await filed(inside, PU)
    add = """
        INSERT INTO answer_templates (name, purpose, body, agency)
        VALUES ('Uji', 'answer', 'Laporan {tiket} di {instansi}', '16.71-pu') RETURNING id
    """
    async with inside.engine.begin() as connection:
        template = (await connection.execute(text(add))).scalar_one()
    async with signed_in(app, OF_PU) as client:
        shown = (await client.get(f"/laporan/{case.ticket}/instansi?templat={template}")).text
    assert f">Laporan {case.ticket} di {inside.directory.names[PU]}</textarea>" in shown


@pytest.mark.parametrize(
    "fields",
    [
        {"version": ""},
        {"version": "x"},
        {"version": "9" * 30},
        {"words": ""},
        {"words": "\u200b"},
        {"words": "a" * 3001},
    ],
)
async def test_a_broken_form_changes_nothing(app: FastAPI, inside: House, fields: dict[str, str]) -> None:
    case = await filed(inside, PU)
    async with signed_in(app, OF_PU) as client:
        assert (await answer(client, inside, case, sure="yes", **fields)).status_code == 422
    assert await told(inside, case) == []


async def test_evidence_of_others_cannot_be_named(app: FastAPI, inside: House) -> None:
    before, case = await filed(inside, PU, address="a"), await filed(inside, PU, address="b")
    async with signed_in(app, OF_PU) as client:
        await client.post(f"/laporan/{before.ticket}/instansi/lampiran", files=sent(("a.jpg", photo(1))))
        [theirs] = await evidence_of(inside, before)
        back = await answer(client, inside, case, finished="yes", evidence=theirs.id)
    assert (back.status_code, await told(inside, case)) == (422, [])


@given(st.lists(st.sampled_from(PHRASES), min_size=1, max_size=8))
def test_any_row_of_empty_phrases_says_nothing(phrases: list[str]) -> None:
    assert agency.says_nothing(". ".join(phrases).capitalize() + "!")


@pytest.mark.parametrize(
    "words",
    [
        WORDS,
        "Tim kami memeriksa pipa pada Senin dan mengganti katup yang bocor.",
        "Lampu jalan di RT 3 menyala lagi sejak tadi malam.",
    ],
)
def test_an_answer_about_the_matter_says_something(words: str) -> None:
    assert not agency.says_nothing(words)
    assert not agency.says_nothing(f"Terima kasih atas laporannya. {words}")
