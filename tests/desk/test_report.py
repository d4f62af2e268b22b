"""The page of one report: what stands on it, for whom, and what must never stand on it."""

from __future__ import annotations

import io
import re
from datetime import date
from functools import cache
from html import unescape
from types import SimpleNamespace
from typing import cast

import PIL.Image
import pytest
from desking import GRANTS, signed_in
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from making import run, value
from reporting import DISHUB, KOMINFO, NAME, PU, TEXT, Report, act, reported
from sqlalchemy import event, text

from api.house import House
from api.reactions import REACTIONS
from api.unit import unit
from desk import marking, offices, sketch, timeline, words
from desk.marking import Piece
from desk.shell import Span
from store import agencies, complaints, dispositions, dossiers, editing, kept, masterdata, pictures, policy, regions
from store.agencies import Agencies
from store.complaints import Actor
from store.masterdata import Directory
from store.regions import Regions

ADMIN, AGENT, OVERSEER = GRANTS[policy.ADMIN_INSTANSI], GRANTS[policy.PEJABAT], GRANTS[policy.PENGAWAS]
OFFICER = Actor("operator", "staff:1")


async def held(house: House, report: Report, *agencies: str) -> None:
    async with unit(house) as work:
        work.record(await dispositions.dispose(work.connection, report.ticket, OFFICER, agencies, lead=agencies[0]))


def words_of(html: str) -> str:
    """What a reader sees of a page, one space between words."""
    return " ".join(unescape(re.sub(r"<[^>]+>", "", html)).split())


# --- who reads what ----------------------------------------------------------------------------------------


async def test_the_citizens_words_stand_in_full_with_the_deciding_ones_marked(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    async with signed_in(app, ADMIN) as client:
        answer = await client.get(f"/laporan/{report.ticket}")
    assert answer.status_code == 200
    said = re.search(r'<p class="words said">(.*?)</p>', answer.text, re.DOTALL)
    assert said is not None
    plain = re.sub(r'<span class="hidden"> \([^)]*\)</span>', "", said[1])
    assert unescape(re.sub(r"<[^>]+>", "", plain)) == TEXT
    assert "<mark>" in said[1]
    assert "(kata penentu)" in said[1]
    assert re.search(r'class="personal">0812-3456-7890<span class="hidden"> \(nomor telepon\)', said[1])


async def test_the_name_of_who_is_not_anonim_is_shown_to_offices_alone(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    await held(inside, report, PU)
    for grant, shown in ((ADMIN, True), (AGENT, True), (OVERSEER, False)):
        async with signed_in(app, grant) as client:
            page = (await client.get(f"/laporan/{report.ticket}")).text
        assert (NAME in page) is shown


async def test_nobody_finds_whose_anonim_report_it_is(app: FastAPI, inside: House) -> None:
    report = await reported(inside, anonymous=True)
    await held(inside, report, PU)
    async with unit(inside) as work:  # the citizen acts, so that the history has them as an actor
        await complaints.write(
            work.connection,
            report.id,
            Actor("citizen", str(report.citizen_id)),
            "replied",
            note="Masih rusak",
            public=True,
        )
    for grant in (ADMIN, AGENT, OVERSEER):
        async with signed_in(app, grant) as client:
            page = (await client.get(f"/laporan/{report.ticket}")).text
            news = (await client.get(f"/laporan/{report.ticket}/perubahan?sejak=0")).text
        for found in (page, news):
            assert NAME not in found
            assert report.address not in found
        assert "Masih rusak" in page
        assert "Pelapor" in page
        assert not re.search(rf"(?<!\d)citizen[:_-]?{report.citizen_id}(?!\d)", page)
    async with signed_in(app, AGENT) as client:
        page = (await client.get(f"/laporan/{report.ticket}")).text
        assert "/nama" not in page
        assert (await act(client, inside, report, "nama", reason="clarify")).status_code == 403
    assert await value(inside.engine, "SELECT count(*) FROM audit WHERE verb LIKE '%hidden_name'") == 0


async def test_agencies_and_overseers_read_the_covered_text(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    await held(inside, report, PU)
    masked = TEXT.replace("0812-3456-7890", "[nomor telepon ditutup]")
    async with unit(inside) as work:
        work.record(await editing.cover(work.connection, report.ticket, OFFICER, masked))
    for grant, original in ((ADMIN, True), (AGENT, False), (OVERSEER, False)):
        async with signed_in(app, grant) as client:
            page = (await client.get(f"/laporan/{report.ticket}")).text
        assert ("0812-3456-7890" in page) is original
        assert "[nomor telepon ditutup]" in page


async def test_internal_notes_of_kominfo_stay_with_kominfo(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    await held(inside, report, PU)
    async with unit(inside) as work:
        for actor, words in ((OFFICER, "Catatan dapur"), (Actor("agency", "staff:2"), "Catatan dinas")):
            await complaints.note(work.connection, report.ticket, actor, words, public=False)
    shown = {}
    for role, grant in GRANTS.items():
        async with signed_in(app, grant) as client:
            page = (await client.get(f"/laporan/{report.ticket}")).text
        shown[role] = ("Catatan dapur" in page, "Catatan dinas" in page)
    assert shown[policy.ADMIN_INSTANSI] == (True, True)
    assert shown[policy.PEJABAT] == (False, True)
    assert shown[policy.PENGAWAS] == (False, False)


async def test_what_an_officer_may_not_do_is_not_offered(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    await held(inside, report, PU)
    async with signed_in(app, ADMIN) as client:
        theirs = set(re.findall(r'id="f-([a-z-]+)"', (await client.get(f"/laporan/{report.ticket}")).text))
    async with signed_in(app, AGENT) as client:
        agents = set(re.findall(r'id="f-([a-z-]+)"', (await client.get(f"/laporan/{report.ticket}")).text))
    async with signed_in(app, OVERSEER) as client:
        nothing = (await client.get(f"/laporan/{report.ticket}")).text
    assert {"disposisi", "kembalikan", "tunda", "arsip", "pesan", "catatan", "ubah", "tutup-data", "gabung"} <= theirs
    assert agents == {"pesan", "catatan"}
    async with signed_in(app, AGENT) as client:
        assert f"/desk/laporan/{report.ticket}/instansi" in (await client.get(f"/laporan/{report.ticket}")).text
    assert f'action="/desk/laporan/{report.ticket}' not in nothing


async def test_an_ended_report_says_so_and_offers_no_moves(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    async with unit(inside) as work:
        work.record(await dispositions.archive(work.connection, report.ticket, OFFICER, "tidak_jelas", None))
    async with signed_in(app, ADMIN) as client:
        page = (await client.get(f"/laporan/{report.ticket}")).text
    assert "Laporan ini sudah berakhir" in page
    assert set(re.findall(r'id="f-([a-z-]+)"', page)) == {"pesan", "catatan", "ubah", "tutup-data"}
    assert "/terima" not in page


@pytest.mark.parametrize("ticket", ["T-000-000-0000", "bukan", "T-482-173-9056", "%00", "T-482-173-9056%0A"])
async def test_what_is_no_report_is_not_found(app: FastAPI, ticket: str) -> None:
    async with signed_in(app, ADMIN) as client:
        assert (await client.get(f"/laporan/{ticket}")).status_code == 404


async def test_a_report_of_another_region_does_not_exist(app: FastAPI, inside: House) -> None:
    report = await reported(inside, region="16.06.01", agency="16.06-pu")
    async with signed_in(app, ADMIN) as client:
        for path in ("", "/perubahan", "/cari-instansi", "/berkas/1"):
            assert (await client.get(f"/laporan/{report.ticket}{path}")).status_code == 404


async def test_hostile_words_are_only_words(app: FastAPI, inside: House) -> None:
    hostile = "</textarea><script>alert(1)</script><img src=x onerror=alert(1)> jalan rusak \u202eterbalik"
    report = await reported(inside, text=hostile, title=hostile[:100], place=hostile, happened=hostile, name=hostile)
    async with signed_in(app, ADMIN) as client:
        page = (await client.get(f"/laporan/{report.ticket}")).text
    assert "<script>alert" not in page
    assert "<img src=x" not in page


async def test_it_is_spoken_in_english_for_whoever_reads_english(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    async with signed_in(app, ADMIN) as client:
        await run(inside.engine, "UPDATE staff SET language = 'en' WHERE id = :id", id=int(client.headers["x-staff"]))
        page = (await client.get(f"/laporan/{report.ticket}")).text
    assert "Suggested agencies" in page
    assert TEXT[:40] in page


# --- suggestions and offices ----------------------------------------------------------------------------------


async def test_the_first_three_offices_stand_with_their_confidence(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    async with signed_in(app, ADMIN) as client:
        page = (await client.get(f"/laporan/{report.ticket}")).text
    chosen = re.findall(
        r'data-choose="(\d)">.*?name="agency" value="([^"]+)".*?name="function" value="([^"]+)"', page, re.DOTALL
    )
    assert chosen == [("1", PU, "pu"), ("2", DISHUB, "dishub"), ("3", "16.71-perkim", "perkim")]
    assert "82 dari 100" in page


async def test_who_has_a_report_is_no_suggestion_for_it_and_no_single_key_takes_it_away(
    app: FastAPI, inside: House
) -> None:
    report = await reported(inside)
    async with signed_in(app, ADMIN) as client:
        before = (await client.get(f"/laporan/{report.ticket}")).text
        await held(inside, report, PU, DISHUB)
        after = (await client.get(f"/laporan/{report.ticket}")).text
    assert "Ditangani oleh" not in before
    assert "data-accept" in before
    assert "data-accept" not in after
    assert re.findall(r'data-choose="\d">.*?name="agency" value="([^"]+)"', after, re.DOTALL)[0] == "16.71-perkim"


async def test_an_office_that_sent_a_report_back_is_suggested_last(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    await held(inside, report, PU)
    async with unit(inside) as work:
        work.record(
            await dispositions.hand_back(
                work.connection, report.ticket, Actor("agency", "staff:2"), PU, "Bukan jalan kota.", kominfo=KOMINFO
            )
        )
    async with signed_in(app, ADMIN) as client:
        page = (await client.get(f"/laporan/{report.ticket}")).text
        row = (await client.get("/triase")).text
    chosen = re.findall(r'data-choose="\d">.*?name="agency" value="([^"]+)"', page, re.DOTALL)
    assert chosen[0] == DISHUB
    assert KOMINFO not in chosen
    # What came back stands with the Kominfo that sorts it, which is nobody's suggestion.
    assert "Pilih instansi lain" in row
    assert f'action="/desk/laporan/{report.ticket}/terima"' not in row


async def test_a_page_is_called_by_ticket_and_title(app: FastAPI, inside: House) -> None:
    report = await reported(inside, title="Jalan <rusak>")
    async with signed_in(app, ADMIN) as client:
        page = (await client.get(f"/laporan/{report.ticket}")).text
    assert f"<title>{report.ticket} Jalan &lt;rusak&gt;" in page


@pytest.mark.parametrize(
    ("form", "fields", "name"),
    [
        ("disposisi", {"agency": "Kantor yang tidak ada"}, "disposisi-agency"),
        ("arsip", {"reason": "bukan-alasan"}, "arsip-reason"),
        ("gabung", {"into": "bukan tiket"}, "gabung-into"),
        ("pesan", {"words": " "}, "pesan-words"),
        ("ubah", {"title": " ", "report_class": "pengaduan"}, "ubah-title"),
        ("catatan", {"words": " "}, "catatan-words"),
    ],
)
async def test_what_is_wrong_is_tied_to_its_field(
    app: FastAPI, inside: House, form: str, fields: dict[str, str], name: str
) -> None:
    report = await reported(inside)
    async with signed_in(app, ADMIN) as client:
        answer = await act(client, inside, report, form, **fields)
    assert answer.status_code == 422
    [field] = re.findall(rf'<[^>]*id="{name}"[^>]*>', answer.text)
    assert 'aria-invalid="true"' in field
    assert f'aria-describedby="wrong-{form}' in field
    assert f'id="wrong-{form}"' in answer.text


async def test_an_office_that_is_valid_no_more_is_neither_suggested_nor_found(inside: House) -> None:
    report = await reported(inside)
    today = inside.now().date()
    async with inside.engine.connect() as connection:
        found = await dossiers.get(connection, report.ticket, named=False)
    directory = inside.directory
    assert offices.suggestions(directory, found, today)[0].agency.code == PU
    await run(inside.engine, "UPDATE agencies SET valid_to = '2020-01-01' WHERE code = :code", code=PU)
    async with inside.engine.connect() as connection:
        later = await masterdata.directory(connection, "16")
    assert PU not in [each.agency.code for each in offices.suggestions(later, found, today)]
    assert PU not in [each.code for each in offices.search(later, "pekerjaan umum", "16.71", today, 100)]
    assert offices.read(later, PU, "16.71", today) is None


@pytest.mark.parametrize("words", ["PUPR", "pekerjaan umum palembang", "16.71-pu", "  pupr  palembang "])
async def test_an_office_is_found_by_what_people_call_it(inside: House, words: str) -> None:
    today = inside.now().date()
    read = offices.read(inside.directory, words.strip(), "16.71", today)
    found = [read] if not isinstance(read, list) else read
    assert found
    assert PU in [each.code for each in found if each]


async def test_offices_of_the_place_come_first(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    async with signed_in(app, ADMIN) as client:
        answer = await client.get(f"/laporan/{report.ticket}/cari-instansi", params={"q": "perhubungan"})
        nothing = await client.get(f"/laporan/{report.ticket}/cari-instansi", params={"q": "qqqq\x00"})
        too_long = await client.get(f"/laporan/{report.ticket}/cari-instansi", params={"q": "q" * 300})
    assert answer.json()["offices"][0]["code"] == DISHUB
    assert nothing.json() == {"offices": []}
    assert too_long.status_code == 422


@cache
def shipped() -> Directory:
    """The first edition of the master data; what a search does not ask for is not there."""
    known = Regions(regions.load())
    return cast("Directory", SimpleNamespace(regions=known, agencies=Agencies(agencies.load(regions.load()), known)))


@given(st.one_of(st.text(max_size=30), st.sampled_from(["dinas", "pupr", "palembang air", "kota", "RSUD", "%", "_"])))
def test_what_is_found_has_all_the_words_and_is_valid(words: str) -> None:
    today = date(2026, 11, 22)
    found = offices.search(shipped(), words, "16.71", today)
    assert len(found) <= 20
    assert all(agencies.is_valid(each, today) for each in found)
    for each in found:
        names = {each.code, each.name, each.short, *each.aliases, *each.functions}
        said = " ".join((*names, *(offices.spoken(each),))).casefold()
        assert all(part in said for part in words.casefold().split())


# --- files ------------------------------------------------------------------------------------------------------


def picture() -> bytes:
    out = io.BytesIO()
    PIL.Image.new("RGB", (4, 4), "red").save(out, "PNG")
    return out.getvalue()


async def attached(house: House, report: Report, content: bytes, content_type: str, kind: str = "photo") -> int:
    digest = house.shelf.put(content)
    return int(
        await _insert(
            house,
            """INSERT INTO media (contact_id, complaint_id, kind, channel, provider_id, content_type, size, sha256,
                                  state)
               VALUES (:contact, :complaint, :kind, 'telegram', 'p', :type, :size, :sha, 'stored') RETURNING id""",
            contact=report.contact_id,
            complaint=report.id,
            kind=kind,
            type=content_type,
            size=len(content),
            sha=digest,
        )
    )


async def _insert(house: House, statement: str, **parameters: object) -> int:
    async with house.engine.begin() as connection:
        return int((await connection.execute(text(statement), parameters)).scalar_one())


async def test_a_picture_is_shown_and_what_only_says_so_is_saved(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    real = await attached(inside, report, picture(), "image/png")
    page_of_code = await attached(inside, report, b"<script>alert(1)</script>", "text/html")
    fake = await attached(inside, report, b"<script>alert(1)</script>", "image/png")
    async with signed_in(app, ADMIN) as client:
        shown = await client.get(f"/laporan/{report.ticket}/berkas/{real}")
        saved = await client.get(f"/laporan/{report.ticket}/berkas/{page_of_code}")
        refused = await client.get(f"/laporan/{report.ticket}/berkas/{fake}")
        page = (await client.get(f"/laporan/{report.ticket}")).text
    assert shown.content == pictures.read(picture()).content
    assert refused.status_code == 404, "of what cannot be copied clean, nothing is handed out"
    assert (shown.headers["content-type"], shown.headers["content-disposition"][:6]) == ("image/png", "inline")
    assert saved.headers["content-type"] == "application/octet-stream"
    assert saved.headers["content-disposition"].startswith("attachment")
    for answer in (shown, saved):
        assert "sandbox" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert f'src="/desk/laporan/{report.ticket}/berkas/{real}" alt="Foto 1, dari pelapor"' in page


async def test_a_file_of_another_report_is_not_given(app: FastAPI, inside: House) -> None:
    mine = await reported(inside)
    other = await reported(inside, address="5", region="16.06.01", agency="16.06-pu")
    theirs = await attached(inside, other, picture(), "image/png")
    async with signed_in(app, ADMIN) as client:
        for number in (str(theirs), "0", "-1", str(2**70)):
            assert (await client.get(f"/laporan/{mine.ticket}/berkas/{number}")).status_code == 404
        assert (await client.get(f"/laporan/{mine.ticket}/berkas/x")).status_code == 422


async def test_a_voice_note_is_played_in_parts_and_stands_with_its_words(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    voice = await attached(inside, report, b"OggS" + bytes(96), "audio/ogg", "voice")
    await run(inside.engine, "UPDATE media SET transcript = 'jalannya rusak' WHERE id = :id", id=voice)
    async with signed_in(app, ADMIN) as client:
        part = await client.get(f"/laporan/{report.ticket}/berkas/{voice}", headers={"Range": "bytes=0-3"})
        page = (await client.get(f"/laporan/{report.ticket}")).text
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"OggS", "bytes 0-3/100")
    assert "<audio controls" in page
    assert "jalannya rusak" in page


# --- place --------------------------------------------------------------------------------------------------------


async def test_neighbours_stand_around_the_pin_by_distance_and_direction(app: FastAPI, inside: House) -> None:
    report = await reported(inside, latitude=-2.9838, longitude=104.7600)
    north = await reported(inside, address="2", latitude=-2.9811, longitude=104.7600, text="Lampu mati di simpang")
    await reported(inside, address="3", latitude=-2.9700, longitude=104.7600, text="Jauh sekali")
    await reported(inside, address="4", latitude=-2.9838, longitude=104.7601, text="Rahasia sekali", secret=True)
    async with signed_in(app, ADMIN) as client:
        page = (await client.get(f"/laporan/{report.ticket}")).text
    assert "geo:-2.983800,104.760000" in page
    assert "<svg" in page
    assert f"/desk/laporan/{north.ticket}" in page
    assert "300 m ke utara" in words_of(page)
    assert "Jauh sekali" not in page
    assert "Rahasia sekali" not in page


@pytest.mark.parametrize(
    ("east", "north", "said"),
    [(0, 10, "n"), (10, 10, "ne"), (10, 0, "e"), (10, -10, "se"), (0, -10, "s"), (-10, -10, "sw"), (-10, 0, "w"),
     (-10, 10, "nw"), (0.1, 0.1, "")],
)  # fmt: skip
def test_directions(east: float, north: float, said: str) -> None:
    assert sketch.direction(east, north) == said


@given(st.floats(-500, 500), st.floats(-500, 500))
def test_what_is_near_lies_in_the_drawing(east: float, north: float) -> None:
    pin = (-2.98, 104.76)
    there = (pin[0] + north / 111_195, pin[1] + east / (111_195 * 0.99865))
    near = dossiers.Near("T", "x", there, (east**2 + north**2) ** 0.5, "16")
    if near.metres <= sketch.REACH:
        [spot] = sketch.spots(pin, [near])
        assert 0 <= spot.x <= sketch.SIDE
        assert 0 <= spot.y <= sketch.SIDE


# --- alike ----------------------------------------------------------------------------------------------------------


async def test_reports_alike_are_offered_to_be_joined(app: FastAPI, inside: House) -> None:
    first = await reported(inside, latitude=-2.9838, longitude=104.7600)
    second = await reported(inside, address="2", latitude=-2.9838, longitude=104.7601)
    await held(inside, first, PU)
    async with signed_in(app, ADMIN) as client:
        page = (await client.get(f"/laporan/{second.ticket}")).text
    async with signed_in(app, AGENT) as client:
        agents = (await client.get(f"/laporan/{first.ticket}")).text
    assert f'name="into" value="{first.ticket}"' in page
    assert "mirip" in page
    assert "hari yang sama" in page
    assert second.ticket not in agents


# --- words, pieces, history -------------------------------------------------------------------------------------------

SPANS = st.lists(st.tuples(st.integers(-3, 30), st.integers(-3, 30)), max_size=6)


@given(st.text(max_size=25), SPANS, SPANS)
def test_pieces_are_the_text(words: str, marks: list[tuple[int, int]], private: list[tuple[int, int]]) -> None:
    found = marking.pieces(
        words, [Span(a, b, weight=1) for a, b in marks], [Span(a, b, kind="phone") for a, b in private]
    )
    assert "".join(each.words for each in found) == words
    place = 0
    for each in found:
        middle = range(place, place + len(each.words))
        place += len(each.words)
        inside_text = [(a, b) for a, b in private if 0 <= a < b <= len(words)]
        assert all(bool(each.kind) == any(a <= at < b for a, b in inside_text) for at in middle)


@given(st.text(max_size=25), SPANS)
def test_nothing_covered_is_left(words: str, spans: list[tuple[int, int]]) -> None:
    covered = marking.cover(words, [Span(a, b, kind="x") for a, b in spans], {"other": ""})
    kept = [
        letter for at, letter in enumerate(words) if not any(a <= at < b for a, b in spans if 0 <= a < b <= len(words))
    ]
    assert covered == "".join(kept)


def test_what_is_covered_is_found_however_it_is_spaced() -> None:
    words = "Pak  Budi\nSantoso marah. PAK BUDI SANTOSO!"
    assert marking.cover(words, marking.find(words, ["pak budi santoso", " "]), {"other": "[x]"}) == "[x] marah. [x]!"
    assert marking.pieces("", (), ()) == []
    assert marking.pieces("ab", (), ()) == [Piece("ab")]


def test_every_event_of_the_history_has_its_sentence() -> None:
    missing = [
        event for event in REACTIONS if event not in ("noted", "merged") and not words.knows(f"report.event.{event}")
    ]
    assert missing == []
    assert timeline.status("id", "Status yang tidak dikenal") == "Status yang tidak dikenal"
    assert timeline.status("en", "Terdisposisi") == "Disposed"


async def test_the_page_takes_few_statements(app: FastAPI, inside: House) -> None:
    report = await reported(inside, latitude=-2.9838, longitude=104.7600)
    seen: list[str] = []

    def count(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    async with signed_in(app, ADMIN) as client:
        event.listen(inside.engine.sync_engine, "before_cursor_execute", count)
        try:
            assert (await client.get(f"/laporan/{report.ticket}")).status_code == 200
        finally:
            event.remove(inside.engine.sync_engine, "before_cursor_execute", count)
    assert len(seen) <= 16


# --- onwards ----------------------------------------------------------------------------------------------------------


async def test_the_next_report_of_the_inbox_follows(app: FastAPI, inside: House) -> None:
    made = [await reported(inside, address=str(number)) for number in range(3)]
    async with signed_in(app, ADMIN) as client:
        seen, where = [], "/triase/berikut?dari=/desk/triase"
        for _ in range(4):
            answer = await client.get(where.removeprefix("/desk"))
            where = answer.headers["location"]
            ticket = re.search(r"laporan/(T-[0-9-]+)\?", where)
            assert ticket is not None
            seen.append(ticket[1])
            page = (await client.get(where.removeprefix("/desk"))).text
            link = re.search(r'id="go-next"[^>]*href="([^"]+)"', page)
            assert link is not None
            where = unescape(link[1])
    assert set(seen[:3]) == {each.ticket for each in made}
    assert seen[3] == seen[0]


@pytest.mark.parametrize(
    "came", ["https://evil.example/", "//evil.example", "/desk/masuk", "javascript:alert(1)", "x" * 990]
)
async def test_nobody_is_led_away(app: FastAPI, inside: House, came: str) -> None:
    report = await reported(inside)
    async with signed_in(app, ADMIN) as client:
        away = await client.get("/triase/berikut", params={"dari": came, "tiket": report.ticket})
        page = (await client.get(f"/laporan/{report.ticket}", params={"dari": came})).text
        acted = await act(client, inside, report, "catatan", words="x", next=came)
    assert away.headers["location"].startswith("/desk/triase")
    assert "evil.example" not in page
    assert acted.headers["location"].startswith(f"/desk/laporan/{report.ticket}?")


async def test_what_has_changed_is_told_since_a_version(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    await held(inside, report, DISHUB)
    async with signed_in(app, ADMIN) as client:
        found = (await client.get(f"/laporan/{report.ticket}/perubahan", params={"sejak": 1})).json()
        nothing = (await client.get(f"/laporan/{report.ticket}/perubahan", params={"sejak": found["version"]})).json()
    assert found["version"] == 2
    assert found["told"] == [f"Petugas Uji: Diteruskan ke {inside.directory.names[DISHUB]}"]
    assert nothing["told"] == []


async def test_what_was_typed_when_the_session_ended_comes_back(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    path = f"/desk/laporan/{report.ticket}"
    async with signed_in(app, ADMIN) as client:
        async with unit(inside) as work:
            fields = {"words": "Kata yang nyaris hilang", "_sent_to": f"{path}/pesan", "version": "1"}
            await kept.keep(work.connection, int(client.headers["x-staff"]), path, fields)
        page = (await client.get(f"/laporan/{report.ticket}")).text
        again = (await client.get(f"/laporan/{report.ticket}")).text
    assert "Kata yang nyaris hilang" in page
    assert re.search(r'id="f-pesan"[^>]* open', page)
    assert "Kata yang nyaris hilang" not in again
