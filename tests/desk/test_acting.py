"""What officers do to a report: the effect of each form, what the citizen is told, who may, and what goes wrong."""

from __future__ import annotations

import asyncio
import re
from html import unescape
from typing import Any

import pytest
from desking import GRANTS, signed_in
from fastapi import FastAPI
from making import rows, run, value
from reporting import DISHUB, KOMINFO, NAME, PU, TEXT, Report, act, audited, reported, status, told, version

from api.house import House
from api.unit import unit
from desk.showing import FORMS
from store import clocks, complaints, dispositions, policy
from store.complaints import Actor

ADMIN, AGENT, OVERSEER = GRANTS[policy.ADMIN_INSTANSI], GRANTS[policy.PEJABAT], GRANTS[policy.PENGAWAS]
OFFICER = Actor("operator", "staff:1")
WORDS = "Terima kasih, petugas kami turun besok pagi."
# Every form with what fills it, for tests of what all of them share.
FILLED: dict[str, dict[str, str]] = {
    "terima": {"agency": PU, "function": "pu"},
    "disposisi": {"agency": DISHUB},
    "kembalikan": {"reason": "Bukan jalan kota"},
    "tunda": {"words": WORDS},
    "arsip": {"reason": "tidak_jelas", "words": WORDS},
    "pesan": {"words": WORDS},
    "ubah": {"title": "Judul yang lebih jelas"},
    "tutup-data": {"phrases": "Banyak motor"},
    "gabung": {"into": "T-482-173-9056"},
    "pisah": {},
    "jawab": {"words": WORDS},
    "tanggapan-awal": {"words": WORDS},
}


async def holders(house: House, report: Report) -> list[tuple[str, bool]]:
    found = await rows(
        house.engine,
        """SELECT agency, leads FROM dispositions WHERE complaint_id = :id AND ended_at IS NULL
           ORDER BY leads DESC, agency""",
        id=report.id,
    )
    return [(row.agency, row.leads) for row in found]


async def disposed(house: House, report: Report, *agencies: str) -> None:
    async with unit(house) as work:
        work.record(await dispositions.dispose(work.connection, report.ticket, OFFICER, agencies, lead=agencies[0]))


# --- each form ---------------------------------------------------------------------------------------------


async def test_accepting_disposes_to_the_suggestion_and_teaches(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    async with signed_in(app, ADMIN) as client:
        answer = await act(client, inside, report, "terima", agency=PU, function="pu")
        officer = int(client.headers["x-staff"])
    assert (answer.status_code, await status(inside, report)) == (303, "Terdisposisi")
    assert await holders(inside, report) == [(PU, True)]
    [routing] = await rows(
        inside.engine, "SELECT * FROM routings WHERE complaint_id = :id AND actor_kind = 'operator'", id=report.id
    )
    assert (routing.agency, routing.function, set(routing.named)) == (PU, "pu", {"agency", "function"})
    assert await audited(inside, report) == [("report.accept", {"agency": PU, "function": "pu"})]
    [row] = await rows(inside.engine, "SELECT actor_kind, actor_id FROM audit WHERE verb = 'report.accept'")
    assert (row.actor_kind, row.actor_id) == ("operator", f"staff:{officer}")
    assert inside.directory.names[PU] in (await told(inside, report))[-1]


async def test_accepting_from_the_list_takes_what_stands_in_the_report(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    async with signed_in(app, ADMIN) as client:
        answer = await act(client, inside, report, "terima", next="/desk/triase?kab=16.71")
    assert answer.headers["location"] == f"/desk/triase?kab=16.71&selesai=disposed&pada={report.ticket}"
    assert await holders(inside, report) == [(PU, True)]


async def test_a_report_without_a_suggestion_is_not_accepted(app: FastAPI, inside: House) -> None:
    report = await reported(inside, agency=None, function=None, suggested=None)
    async with signed_in(app, ADMIN) as client:
        answer = await act(client, inside, report, "terima")
    assert answer.status_code == 422
    assert "Instansi belum dipilih" in answer.text
    assert await status(inside, report) == "Belum Terverifikasi"


async def test_disposing_to_several_with_one_lead(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    names = inside.directory.names
    async with signed_in(app, ADMIN) as client:
        answer = await act(
            client, inside, report, "disposisi",
            agency=names[DISHUB], also=[names[PU], "", ""], function="dishub", note="Kami teruskan.", reason="rambu",
        )  # fmt: skip
    assert answer.status_code == 303
    assert await holders(inside, report) == [(DISHUB, True), (PU, False)]
    assert await value(inside.engine, "SELECT agency FROM complaints WHERE id = :id", id=report.id) == DISHUB
    said = (await told(inside, report))[-1]
    assert names[DISHUB] in said
    assert "Kami teruskan." in said
    assert "rambu" not in said


@pytest.mark.parametrize(
    ("agency", "sentence"),
    [
        ("", "Instansi belum dipilih"),
        ("Dinas Sihir", "tidak ditemukan"),
        ("16.71-dlh", "tidak berlaku lagi"),
        ("dinas", "beberapa instansi"),
        ("16.71-pu\x00' OR 1=1", "tidak ditemukan"),
        ("x" * 100_000, "tidak ditemukan"),
    ],
)
async def test_an_office_that_cannot_be_meant_changes_nothing(
    app: FastAPI, inside: House, agency: str, sentence: str
) -> None:
    report = await reported(inside)
    await run(inside.engine, "UPDATE agencies SET valid_to = '2020-01-01' WHERE code = '16.71-dlh'")
    before = await version(inside, report)
    async with signed_in(app, ADMIN) as client:
        answer = await act(client, inside, report, "disposisi", agency=agency, note="Ketikan saya")
    assert answer.status_code == 422
    assert sentence in answer.text
    assert "Ketikan saya" in answer.text
    assert (await version(inside, report), await holders(inside, report)) == (before, [])


async def test_what_an_office_may_mean_is_offered_to_choose(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    async with signed_in(app, ADMIN) as client:
        asked = await act(client, inside, report, "disposisi", agency="perhubungan")
        meant = re.findall(r'type="radio" name="agency" value="([^"]+)"', asked.text)
        answer = await act(client, inside, report, "disposisi", agency=meant[0])
    assert meant[0] == DISHUB
    assert answer.status_code == 303
    assert await holders(inside, report) == [(DISHUB, True)]


async def test_not_their_matter_goes_back_to_triage(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    await disposed(inside, report, PU, DISHUB)
    async with signed_in(app, ADMIN) as client:
        answer = await act(client, inside, report, "kembalikan", reason="Jalan nasional")
    assert answer.status_code == 303
    assert (await status(inside, report), await holders(inside, report)) == ("Belum Terverifikasi", [])
    assert "Jalan nasional" in (await told(inside, report))[-1]
    assert await audited(inside, report) == [("report.return_to_triage", {"agency": KOMINFO})]


async def test_asking_waits_for_the_citizen(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    async with signed_in(app, ADMIN) as client:
        answer = await act(client, inside, report, "tunda", words="Di depan toko apa?")
    assert answer.status_code == 303
    assert await status(inside, report) == "Menunggu Kelengkapan Informasi"
    assert "Di depan toko apa?" in (await told(inside, report))[-1]
    async with inside.engine.connect() as connection:
        clock = await clocks.running(connection, report.id)
    assert clock is not None
    assert clock.kind == "archive"


async def test_archiving_needs_an_official_reason_and_is_told(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    async with signed_in(app, ADMIN) as client:
        for reason, words in (("", ""), ("malas", ""), ("kedaluwarsa", ""), ("kedaluwarsa", "   ")):
            assert (await act(client, inside, report, "arsip", reason=reason, words=words)).status_code == 422
        assert await status(inside, report) == "Belum Terverifikasi"
        answer = await act(client, inside, report, "arsip", reason="tidak_jelas")
    assert (answer.status_code, await status(inside, report)) == (303, "Diarsipkan oleh Admin")
    said = (await told(inside, report))[-1]
    assert "tidak jelas" in said
    assert await audited(inside, report) == [("report.archive", {"reason": "tidak_jelas"})]


async def test_a_message_reaches_the_chat_as_it_was_previewed(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    await disposed(inside, report, PU)
    async with signed_in(app, ADMIN) as client:
        before = await version(inside, report)
        shown = await act(client, inside, report, "pesan", words=WORDS, do="preview")
        assert (shown.status_code, await version(inside, report)) == (200, before)
        await act(client, inside, report, "pesan", words=WORDS, do="send")
    assert preview(shown.text) == (await told(inside, report))[-1]
    assert await status(inside, report) == "Terdisposisi"


def preview(page: str) -> str:
    bubbles = re.findall(r'<p class="words bubble">(.*?)</p>', page, re.DOTALL)
    return "\n".join(unescape(each) for each in bubbles)


@pytest.mark.parametrize(
    ("form", "fields"),
    [
        ("tunda", {"words": "Apa nomor rumahnya?"}),
        ("jawab", {"words": "Jalan sudah ditambal kemarin."}),
        ("tanggapan-awal", {"words": "Kami baca dulu."}),
        ("arsip", {"reason": "tidak_jelas", "words": "Tulis nama jalannya."}),
        ("arsip", {"reason": "sara"}),
    ],
)
async def test_what_is_previewed_is_what_is_told(
    app: FastAPI, inside: House, form: str, fields: dict[str, str]
) -> None:
    report = await reported(inside)
    await disposed(inside, report, PU)
    async with signed_in(app, ADMIN) as client:
        shown = await act(client, inside, report, form, do="preview", **fields)
        sent = await act(client, inside, report, form, do="send", **fields)
    assert (shown.status_code, sent.status_code) == (200, 303)
    assert preview(shown.text) == (await told(inside, report))[-1]


async def test_who_is_spoken_to_in_english_is_previewed_in_english(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    await run(
        inside.engine,
        """UPDATE contacts SET conversation = '{"language": "en"}' WHERE id = :id""",
        id=report.contact_id,
    )
    async with signed_in(app, ADMIN) as client:
        shown = await act(client, inside, report, "pesan", words=WORDS, do="preview")
        await act(client, inside, report, "pesan", words=WORDS)
    assert preview(shown.text) == (await told(inside, report))[-1]
    assert "officer" in preview(shown.text).lower()


async def test_a_template_fills_the_form_with_this_report(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    await disposed(inside, report, PU)
    await run(
        inside.engine,
        "INSERT INTO answer_templates (name, purpose, body) VALUES ('Baca', 'message', 'Tiket {tiket} di {instansi}.')",
    )
    number = await value(inside.engine, "SELECT id FROM answer_templates WHERE name = 'Baca'")
    async with signed_in(app, ADMIN) as client:
        filled = await act(client, inside, report, "pesan", template=str(number), do="fill")
        gone = await act(client, inside, report, "pesan", template="999999", words="Ketikan", do="fill")
    assert f"Tiket {report.ticket} di {inside.directory.names[PU]}.</textarea>" in unescape(filled.text)
    assert gone.status_code == 422
    assert "Ketikan</textarea>" in gone.text
    assert len(await told(inside, report)) == 1  # of the disposition alone


async def test_the_first_response_changes_no_status(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    await disposed(inside, report, PU)
    async with signed_in(app, ADMIN) as client:
        answer = await act(client, inside, report, "tanggapan-awal", words="Kami baca dulu.")
    assert (answer.status_code, await status(inside, report)) == (303, "Terdisposisi")
    assert "Kami baca dulu." in (await told(inside, report))[-1]


async def test_kominfo_answers_itself_and_needs_evidence_to_finish(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    await disposed(inside, report, PU)
    async with signed_in(app, ADMIN) as client:
        officer = int(client.headers["x-staff"])
        bare = await act(client, inside, report, "jawab", words=WORDS, finished="1")
        assert (bare.status_code, WORDS in bare.text) == (422, True)
        strange = await act(client, inside, report, "jawab", words=WORDS, finished="1", evidence="999")
        assert (strange.status_code, await status(inside, report)) == (422, "Terdisposisi")
        await run(
            inside.engine,
            """INSERT INTO media (complaint_id, kind, channel, provider_id, state, staff_id, content_type, sha256)
               VALUES (:id, 'photo', 'desk', 'x', 'stored', :officer, 'image/png', 'aa')""",
            id=report.id,
            officer=officer,
        )
        proof = await value(inside.engine, "SELECT id FROM media WHERE complaint_id = :id", id=report.id)
        assert f'name="evidence" value="{proof}"' in (await client.get(f"/laporan/{report.ticket}")).text
        done = await act(client, inside, report, "jawab", words=WORDS, finished="1", evidence=str(proof))
    assert (done.status_code, await status(inside, report)) == (303, "Selesai otomatis dalam 10 hari")
    assert WORDS in (await told(inside, report))[-1]


async def test_a_note_is_told_to_nobody(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    async with signed_in(app, ADMIN) as client:
        answer = await act(client, inside, report, "catatan", words="Tanya Pak Lurah dulu")
        page = (await client.get(answer.headers["location"].removeprefix("/desk"))).text
    assert "Tanya Pak Lurah dulu" in page
    assert f"Catatan untuk {report.ticket} sudah disimpan." in page
    assert await told(inside, report) == []


async def test_an_edit_keeps_what_was_filed(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    filed = await value(inside.engine, "SELECT title FROM complaints WHERE id = :id", id=report.id)
    category = await value(inside.engine, "SELECT name FROM categories WHERE parent IS NOT NULL ORDER BY code LIMIT 1")
    async with signed_in(app, ADMIN) as client:
        answer = await act(
            client, inside, report, "ubah",
            title="Jalan rusak di Pasar Cinde", report_class="aspirasi", category=category, supervised="ya",
        )  # fmt: skip
        page = (await client.get(f"/laporan/{report.ticket}")).text
    assert answer.status_code == 303
    row = (await rows(inside.engine, "SELECT * FROM complaints WHERE id = :id", id=report.id))[0]
    assert (row.title, row.report_class, row.category, row.supervised) == (
        "Jalan rusak di Pasar Cinde",
        "aspirasi",
        category,
        True,
    )
    assert f"Judul semula: {filed}" in unescape(page)
    assert "Jenis semula: Pengaduan" in page
    [(verb, detail)] = await audited(inside, report)
    assert (verb, detail) == ("report.edit", {"fields": ["category", "report_class", "supervised", "title"]})


@pytest.mark.parametrize(
    "fields",
    [
        {"title": ""},
        {"title": "x" * 101},
        {"title": "ok", "report_class": "gugatan"},
        {"title": "ok", "category": "KATEGORI KARANGAN"},
        {"title": "\x00"},
    ],
)
async def test_an_edit_that_cannot_be_is_refused_with_what_was_typed(
    app: FastAPI, inside: House, fields: dict[str, str]
) -> None:
    report = await reported(inside)
    before = await version(inside, report)
    async with signed_in(app, ADMIN) as client:
        answer = await act(client, inside, report, "ubah", **fields)
    assert answer.status_code == 422
    assert await version(inside, report) == before
    for typed in fields.values():
        if typed.strip("\x00") and typed != "gugatan":
            assert typed in answer.text


async def test_covering_hides_from_agencies_and_in_the_title(app: FastAPI, inside: House) -> None:
    report = await reported(inside, title="Hubungi 0812-3456-7890 soal Banyak motor")
    await disposed(inside, report, PU)
    start = TEXT.index("0812")
    span = f"{start}-{start + 14}:phone"
    async with signed_in(app, ADMIN) as client:
        shown = await act(client, inside, report, "tutup-data", span=span, phrases="banyak  MOTOR", do="preview")
        assert "[nomor telepon ditutup]. [ditutup] jatuh" in preview(shown.text)
        assert await value(inside.engine, "SELECT masked_text FROM complaints WHERE id = :id", id=report.id) is None
        answer = await act(client, inside, report, "tutup-data", span=span, phrases="banyak  MOTOR", do="cover")
        assert answer.status_code == 303
        original = (await client.get(f"/laporan/{report.ticket}")).text
    row = (await rows(inside.engine, "SELECT * FROM complaints WHERE id = :id", id=report.id))[0]
    assert row.text == TEXT
    assert row.masked_text == TEXT.replace("0812-3456-7890", "[nomor telepon ditutup]").replace(
        "Banyak motor", "[ditutup]"
    )
    assert row.title == "Hubungi [ditutup] soal [ditutup]"
    assert "0812-3456-7890" in original
    async with signed_in(app, AGENT) as client:
        page = (await client.get(f"/laporan/{report.ticket}")).text
    assert "0812-3456-7890" not in page
    assert "Banyak motor" not in page
    assert "covered" not in str(await told(inside, report))
    async with signed_in(app, ADMIN) as client:
        await act(client, inside, report, "tutup-data", do="uncover")
    async with signed_in(app, AGENT) as client:
        assert "0812-3456-7890" in (await client.get(f"/laporan/{report.ticket}")).text


@pytest.mark.parametrize("span", ["x", "5-2:phone", "0-999999:phone", "-1-3:phone", "٣-٤:phone", "1-2-3", "0" * 20])
async def test_a_span_that_is_none_covers_nothing(app: FastAPI, inside: House, span: str) -> None:
    report = await reported(inside)
    async with signed_in(app, ADMIN) as client:
        answer = await act(client, inside, report, "tutup-data", span=span)
    assert answer.status_code == 422
    assert await value(inside.engine, "SELECT masked_text FROM complaints WHERE id = :id", id=report.id) is None


async def test_joining_and_taking_apart_again(app: FastAPI, inside: House) -> None:
    main, other = await reported(inside), await reported(inside, address="2")
    async with signed_in(app, ADMIN) as client:
        joined = await act(client, inside, other, "gabung", into=main.ticket.replace("-", " ").lower())
        page = (await client.get(f"/laporan/{other.ticket}")).text
        whole = (await client.get(f"/laporan/{main.ticket}")).text
        assert joined.status_code == 303
        assert f"digabung dengan {main.ticket}" in page
        assert other.ticket in whole
        apart = await act(client, inside, other, "pisah")
        assert apart.status_code == 303
    assert await value(inside.engine, "SELECT merged_into FROM complaints WHERE id = :id", id=other.id) is None
    assert [each.split()[0] for each in await told(inside, other)] == ["Laporan", "Laporan"]
    assert await told(inside, main) == []


@pytest.mark.parametrize("into", ["", "bukan tiket", "T-482-173-9056", "itself", "elsewhere", "secret"])
async def test_what_cannot_be_joined_is_said_in_a_sentence(app: FastAPI, inside: House, into: str) -> None:
    report = await reported(inside)
    details: dict[str, dict[str, Any]] = {
        "elsewhere": {"region": "16.06.01", "agency": "16.06-pu"},
        "secret": {"secret": True},
    }
    if into == "itself":
        into = report.ticket
    elif into in details:
        into = (await reported(inside, address="3", **details[into])).ticket
    async with signed_in(app, ADMIN) as client:
        answer = await act(client, inside, report, "gabung", into=into)
    assert answer.status_code in (409, 422)
    assert 'class="wrong"' in answer.text
    assert await value(inside.engine, "SELECT merged_into FROM complaints WHERE id = :id", id=report.id) is None


# --- the name behind Anonim ----------------------------------------------------------------------------------


async def test_the_name_behind_anonim_is_written_down_before_it_is_shown(app: FastAPI, inside: House) -> None:
    report = await reported(inside, anonymous=True)
    async with signed_in(app, ADMIN) as client:
        for reason in ("", "karena ingin tahu", "clarify\x00x"):
            refused = await act(client, inside, report, "nama", reason=reason)
            assert (refused.status_code, NAME in refused.text) == (422, False)
        assert await audited(inside, report) == []
        shown = await act(client, inside, report, "nama", reason="safety")
        after = (await client.get(f"/laporan/{report.ticket}")).text
    assert (shown.status_code, NAME in shown.text, NAME in after) == (200, True, False)
    assert shown.headers["cache-control"] == "no-store"
    assert await audited(inside, report) == [("report.read_hidden_name", {"reason": "safety", "found": True})]
    assert await value(inside.engine, "SELECT count(*) FROM audit WHERE detail::text LIKE '%Rahma%'") == 0


async def test_no_name_is_shown_when_it_cannot_be_written_down(app: FastAPI, inside: House) -> None:
    report = await reported(inside, anonymous=True)
    await run(inside.engine, "ALTER TABLE audit ADD CONSTRAINT shut CHECK (verb <> 'report.read_hidden_name')")
    async with signed_in(app, ADMIN) as client:
        answer = await act(client, inside, report, "nama", reason="safety")
    assert answer.status_code == 500
    assert "Ada gangguan di pihak kami" in answer.text
    assert "Rahma" not in answer.text


# --- who may -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [*FILLED, "nama", "catatan"])
async def test_overseers_and_agencies_change_only_what_is_theirs(app: FastAPI, inside: House, form: str) -> None:
    report = await reported(inside)
    await disposed(inside, report, PU)
    before = await version(inside, report)
    fields = {**FILLED.get(form, {}), "words": WORDS}
    async with signed_in(app, OVERSEER) as client:
        assert (await act(client, inside, report, form, **fields)).status_code == 403
    if form not in ("pesan", "catatan", "jawab", "tanggapan-awal"):
        async with signed_in(app, AGENT) as client:
            assert (await act(client, inside, report, form, **fields)).status_code == 403
    assert await version(inside, report) == before


async def test_an_agency_speaks_as_itself(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    await disposed(inside, report, PU)
    async with signed_in(app, AGENT) as client:
        assert (await act(client, inside, report, "tanggapan-awal", words="Kami survei.")).status_code == 303
    first = await value(
        inside.engine, "SELECT first_response_at IS NOT NULL FROM dispositions WHERE complaint_id = :id", id=report.id
    )
    assert first is True


# --- somebody was quicker -----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [form for form in FILLED if form not in ("gabung", "pisah")])
async def test_what_was_typed_on_an_older_version_comes_back_with_what_changed(
    app: FastAPI, inside: House, form: str
) -> None:
    report = await reported(inside)
    await disposed(inside, report, PU)
    read = await version(inside, report)
    async with unit(inside) as work:
        work.record(await complaints.note(work.connection, report.ticket, OFFICER, "Pesan rekan", public=True))
    before = await told(inside, report)
    async with signed_in(app, ADMIN) as client:
        answer = await client.post(f"/laporan/{report.ticket}/{form}", data={**FILLED[form], "version": str(read)})
    assert answer.status_code == 409
    assert "Orang lain mengubah laporan ini" in answer.text
    assert "Petugas Uji: Pesan kepada pelapor" in answer.text
    typed = FILLED[form].get("words") or FILLED[form].get("title") or FILLED[form].get("phrases")
    assert typed is None or typed in unescape(answer.text)
    assert f'name="version" value="{read + 1}"' in answer.text
    assert await version(inside, report) == read + 1
    assert await told(inside, report) == before


async def test_of_two_at_once_one_is_carried_out_and_one_is_told(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    read = str(await version(inside, report))
    async with signed_in(app, ADMIN, login="satu") as one, signed_in(app, ADMIN, login="dua") as two:
        answers = await asyncio.gather(
            one.post(f"/laporan/{report.ticket}/terima", data={"version": read, "agency": PU}),
            two.post(f"/laporan/{report.ticket}/terima", data={"version": read, "agency": DISHUB}),
        )
    assert sorted(each.status_code for each in answers) == [303, 409]
    assert len(await holders(inside, report)) == 1
    assert len(await told(inside, report)) == 1


async def test_a_form_that_comes_back_still_knows_the_list(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    async with signed_in(app, ADMIN) as client:
        page = (await client.get(f"/laporan/{report.ticket}?dari=triase")).text
        found = re.search(r'name="next" value="([^"]+)"', page)
        assert found is not None
        onwards = unescape(found[1])
        again = await act(client, inside, report, "pesan", words="", next=onwards)
    assert again.status_code == 422
    assert f'name="next" value="{found[1]}"' in again.text
    assert '<a href="/desk/triase">Kembali ke daftar</a>' in again.text


async def test_a_note_is_kept_whatever_has_changed(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    await disposed(inside, report, PU)
    async with signed_in(app, ADMIN) as client:
        answer = await client.post(f"/laporan/{report.ticket}/catatan", data={"words": "Catatan", "version": "1"})
    assert answer.status_code == 303


async def test_a_report_that_has_ended_meanwhile_says_so_and_keeps_the_words(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    async with unit(inside) as work:
        work.record(await dispositions.archive(work.connection, report.ticket, OFFICER, "tidak_jelas", None))
    async with signed_in(app, ADMIN) as client:
        answer = await act(client, inside, report, "tunda", words=WORDS)
    assert answer.status_code == 409
    assert "tidak mungkin lagi pada status" in answer.text


# --- bad input -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["pesan", "tunda", "jawab", "tanggapan-awal", "catatan"])
@pytest.mark.parametrize("words", ["", "   \r\n ", "\x00", "x" * 100_000])
async def test_words_that_cannot_be_said_are_refused(app: FastAPI, inside: House, form: str, words: str) -> None:
    report = await reported(inside)
    before = await version(inside, report)
    async with signed_in(app, ADMIN) as client:
        answer = await act(client, inside, report, form, words=words)
    assert answer.status_code == 422
    assert 'class="wrong"' in answer.text
    assert (await version(inside, report), await told(inside, report)) == (before, [])
    assert len(words) < 100_000 or words in answer.text


@pytest.mark.parametrize("form", [form for form in FILLED if form != "pisah"])
@pytest.mark.parametrize("sent", [None, "", "x", "-1", "1.0", "99999999999999999999", "١"])
async def test_a_form_without_a_version_changes_nothing(
    app: FastAPI, inside: House, form: str, sent: str | None
) -> None:
    report = await reported(inside)
    data: dict[str, Any] = dict(FILLED[form])
    if sent is not None:
        data["version"] = sent
    async with signed_in(app, ADMIN) as client:
        answer = await client.post(f"/laporan/{report.ticket}/{form}", data=data)
    assert answer.status_code == 422
    assert await version(inside, report) == 1


async def test_a_body_that_is_no_form_is_refused(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    async with signed_in(app, ADMIN) as client:
        for headers, body in (
            ({"content-type": "application/json"}, b"{}"),
            ({"content-type": "multipart/form-data; boundary=x"}, b"--x\r\nbroken"),
        ):
            answer = await client.post(f"/laporan/{report.ticket}/pesan", content=body, headers=headers)
            assert answer.status_code == 422
    assert await version(inside, report) == 1


def test_every_form_has_a_key_of_its_own_and_a_verb_of_the_policy() -> None:
    assert {verb for _, verb in FORMS.values()} <= set(policy.REPORT_VERBS)
    pressed = [key for name, (key, _) in FORMS.items() if name != "pisah"]  # a report is joined or not: one of the two
    assert len(pressed) == len(set(pressed))
    assert not set(pressed) & set("an123?")
