"""The API bridge to SP4N, against the simulator over real HTTP and against servers that answer anything."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from making import in_this_loop
from peers import sp4n
from peers.blunt import response, serving
from peers.sp4n import TOKEN, Sp4n

from bridges import sp4n_form
from bridges.contract import Category, Closing, File, Later, Office, Place, Refused, Report, Standing, Trouble, Unknown
from bridges.simulator import catalogue
from bridges.simulator.clocks import WIB
from bridges.simulator.faults import Fault
from bridges.simulator.reports import Submission
from bridges.sp4n_api import Sp4nApi
from bridges.wire import Limits

PATIENT = Limits(connect=30, total=30)
HASTY = Limits(connect=30, total=1.0)
TICKET = "T-482-173-9056"
HOLE = Report(
    ticket=TICKET,
    report_class="pengaduan",
    title="Jalan berlubang di depan SMP 1",
    text="Jalan depan SMP 1 berlubang sejak bulan lalu.",
    filed_at=datetime(2026, 11, 20, 2, 30, tzinfo=UTC),
    place=Place(
        "16.71.04", "Provinsi Sumatera Selatan", "Kota Palembang", "Ilir Barat I", None, "depan SMP 1", -2.99, 104.7
    ),
    happened_on=date(2026, 11, 19),
    category=Category("1397", "Jalan Berlubang"),
    agency=Office("16.71-pu", "Dinas Pekerjaan Umum dan Penataan Ruang Kota Palembang"),
    name="Budi",
    source="Whatsapp",
)
PHOTO = File("foto:1", "foto.jpg", "image/jpeg", b"\xff\xd8\xff\xe0 foto")
VOICE = File("suara:1", "suara.ogg", "audio/ogg", b"OggS")
ROADS = catalogue.search("Dinas Pekerjaan Umum dan Penataan Ruang Kota Palembang")[0]


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Sp4n]:
    async with sp4n.running(tmp_path / "sp4n.sqlite") as there:
        yield there


@pytest.fixture
async def api(there: Sp4n) -> AsyncIterator[Sp4nApi]:
    async with Sp4nApi(there.base_url, there.token, limits=PATIENT) as api:
        yield api


async def filed(api: Sp4nApi) -> str:
    """The number of a report that was taken."""
    taken = await api.submit(HOLE, [])
    assert taken.external_id is not None
    return taken.external_id


# --- what arrives -------------------------------------------------------------------------------------------------


async def test_a_report_arrives_with_all_it_has(there: Sp4n, api: Sp4nApi) -> None:
    taken = await api.submit(HOLE, [PHOTO])
    (report,) = there.reports()
    assert (taken.external_id, taken.token, taken.raw_status) == (report.tracking_id, None, "Belum Terverifikasi")
    assert taken.link == f"{there.base_url}/laporan/{report.tracking_id}"
    assert (report.classification, report.title) == (1, HOLE.title)
    assert report.text.startswith(HOLE.text)
    assert report.text.splitlines()[-1] == f"Tiket kanal: {TICKET}"
    assert (report.province, report.city, report.district) == (
        "Provinsi Sumatera Selatan",
        "Kota Palembang",
        "Ilir Barat I",
    )
    assert (report.place_words, report.latitude, report.longitude) == ("depan SMP 1", -2.99, 104.7)
    assert (report.happened_on, report.category, report.unit) == (date(2026, 11, 19), "Jalan Berlubang", ROADS.name)
    assert (report.name, report.source, report.flags) == ("Budi", "Whatsapp", "")
    assert report.files == ("foto.jpg",)


@pytest.mark.parametrize(("anonymous", "secret", "flags"), [(True, False, "Anonim"), (True, True, "Anonim|Rahasia")])
async def test_who_is_anonymous_has_no_name(
    there: Sp4n, api: Sp4nApi, anonymous: bool, secret: bool, flags: str
) -> None:
    await api.submit(replace(HOLE, anonymous=anonymous, secret=secret), [])
    (report,) = there.reports()
    assert (report.name, report.flags) == (None, flags)


@pytest.mark.parametrize("report_class", ["pengaduan", "permintaan_informasi", "aspirasi"])
async def test_a_report_of_which_little_is_known_is_taken(there: Sp4n, api: Sp4nApi, report_class: str) -> None:
    await api.submit(Report(TICKET, report_class, "Jalan", "Rusak", HOLE.filed_at), [])
    (report,) = there.reports()
    assert report.classification == int(sp4n_form.CLASSES[report_class][0])
    assert report.place_words == "Tidak disebutkan pelapor"


async def test_our_ticket_survives_any_length(there: Sp4n, api: Sp4nApi) -> None:
    @given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60), st.integers(1, 120))
    @example("Jalan rusak. ", 300)
    @example("a", 5000)
    @example("\r\n", 2000)
    @example("👩‍🚒", 1000)
    @settings(max_examples=8, deadline=None)
    async def check(text: str, times: int) -> None:
        await api.submit(replace(HOLE, text=text * times), [PHOTO])
        report = there.reports()[-1]
        assert len(report.text) <= 3000
        assert report.text.split("\n")[-1] == f"Tiket kanal: {TICKET}"
        if sp4n_form.CONTINUED in report.text:
            assert report.files == (f"Isi lengkap {TICKET}.pdf", "foto.jpg")
            assert there.storage.file(report.tracking_id or "", 1).content.startswith(b"%PDF-")
        else:
            assert report.files == ("foto.jpg",)
            # Nothing of what was written is missing.
            assert "".join((text * times).split()) in "".join(report.text.split())

    await in_this_loop(check)


async def test_a_file_that_sp4n_refuses_does_not_keep_the_report_back(there: Sp4n, api: Sp4nApi) -> None:
    large = File("foto:2", "besar.jpg", "image/jpeg", b"\xff\xd8\xff" + bytes(2 << 20))
    taken = await api.submit(HOLE, [VOICE, PHOTO, large])
    assert there.reports()[0].files == ("foto.jpg",)
    assert list(taken.left) == ["suara:1", "foto:2"]
    with pytest.raises(Refused) as caught:
        await api.attach(taken.external_id or "", large)
    assert caught.value.reason == "too_large"
    with pytest.raises(Refused):
        await api.attach(taken.external_id or "", VOICE)


async def test_more_files_than_a_request_holds_are_left_for_later(there: Sp4n, api: Sp4nApi) -> None:
    many = [File(f"foto:{n}", f"{n}.png", "image/png", b"\x89PNG\r\n" + bytes((2 << 20) - 6)) for n in range(12)]
    taken = await api.submit(HOLE, many)
    assert len(there.reports()[0].files) == 10
    assert list(taken.left) == ["foto:10", "foto:11"]
    await api.attach(taken.external_id or "", many[10])
    assert len(there.reports()[0].files) == 11


@pytest.mark.parametrize(
    ("name", "kind", "arrives"),
    [
        ("foto", "image/jpeg", "foto.jpg"),
        ("", "image/png", "Berkas.png"),
        ("a.JPEG", "image/jpeg", "a.JPEG"),
        ('x"; y\r\nz.pdf', "application/pdf", None),
    ],
)
async def test_files_have_names_that_sp4n_takes(
    there: Sp4n, api: Sp4nApi, name: str, kind: str, arrives: str | None
) -> None:
    begins = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG\r\n", "application/pdf": b"%PDF-"}[kind]
    await api.submit(HOLE, [File("k", name, kind, begins)])
    (stored,) = there.reports()[0].files
    assert arrives is None or stored == arrives


async def test_the_number_may_come_later(tmp_path: Path) -> None:
    async with (
        sp4n.running(tmp_path / "sp4n.sqlite", numbers_after=60) as there,
        Sp4nApi(there.base_url, there.token, limits=PATIENT) as api,
    ):
        taken = await api.submit(HOLE, [])
        assert taken.external_id is None
        assert taken.token is not None
        assert await api.status(None, taken.token) == Standing(None, None, None, [])
        there.clock.pass_(timedelta(seconds=61))
        found = await api.status(None, taken.token)
        assert (found.external_id, found.raw_status) == (there.reports()[0].tracking_id, "Belum Terverifikasi")


# --- what is heard ------------------------------------------------------------------------------------------------


async def test_what_becomes_of_a_report_is_heard(there: Sp4n, api: Sp4nApi) -> None:
    number = await filed(api)
    there.do(number, "verifikasi")
    there.do(number, "disposisi", unit_id=ROADS.id)
    there.clock.pass_(timedelta(hours=3))
    there.do(number, "jawab", "Sudah kami tambal.\n\n– Dinas PUPR")
    found = await api.status(number)
    assert (found.external_id, found.raw_status) == (number, "Ditindaklanjuti oleh Instansi")
    assert [each.raw_status for each in found.log] == [
        "Belum Terverifikasi",
        "Belum Terverifikasi",
        f"Terdisposisi ke {ROADS.name}",
        "Ditindaklanjuti oleh Instansi",
    ]
    assert [each.words for each in found.log] == [None, None, None, "Sudah kami tambal.\n\n– Dinas PUPR"]
    assert found.log[-1].by == ROADS.name
    assert found.raw_status_at == found.log[-1].at
    for entry, line in zip(found.log, there.reports()[0].log, strict=True):
        assert entry.at == line.at.replace(second=0, microsecond=0)


async def test_words_of_the_pelapor_are_not_told_back(there: Sp4n, api: Sp4nApi) -> None:
    number = await filed(api)
    there.do(number, "tunda", "Mohon lengkapi.")
    await api.reply(number, "Di depan pasar.", "post:1")
    assert there.reports()[0].log[-1].words == "Di depan pasar."
    found = await api.status(number)
    assert found.raw_status == "Belum Terverifikasi"
    assert [each.words for each in found.log][1:] == ["Mohon lengkapi.", None]


async def test_an_entry_is_known_again(there: Sp4n, api: Sp4nApi) -> None:
    number = await filed(api)
    there.do(number, "disposisi", unit_id=ROADS.id)
    for _ in range(3):
        there.do(number, "jawab", "Masih kami kerjakan.")
    first = [each.key for each in (await api.status(number)).log]
    assert len(set(first)) == len(first)
    there.clock.pass_(timedelta(days=1))
    there.do(number, "jawab", "Masih kami kerjakan.")
    again = [each.key for each in (await api.status(number)).log]
    assert again[: len(first)] == first
    assert len(set(again)) == len(again)


async def test_the_pelapor_ends_a_report(there: Sp4n, api: Sp4nApi) -> None:
    early, late = await filed(api), await filed(api)
    there.do(late, "jawab", "Sudah.")
    assert isinstance(api, Closing)
    await api.close(early, None, "post:1")
    await api.close(late, "Terima kasih", "post:2")
    assert [each.status for each in there.reports()] == ["Diarsipkan oleh Pelapor", "Ditutup oleh Pelapor"]
    assert there.reports()[1].log[-1].words == "Terima kasih"
    for verb in (api.close(late, None, "post:3"), api.reply(late, "Lagi", "post:4"), api.attach(late, PHOTO)):
        with pytest.raises(Refused) as caught:
            await verb
        assert caught.value.reason == "closed"


async def test_what_sp4n_knows(api: Sp4nApi) -> None:
    topics = await api.categories()
    assert Category("1397", "Jalan Berlubang", "PEKERJAAN UMUM DAN PENATAAN RUANG") in topics
    assert await api.institutions("perhubungan palembang & co") == []
    (office,) = await api.institutions("perhubungan palembang")
    assert office.name == "Dinas Perhubungan Kota Palembang"


def said(**other: Any) -> bytes:
    """An answer about a report."""
    about = {"id": "9412345", "status": "Terdisposisi ke Dinas X", "date": "Sabtu, 11 Februari 2023, 01:16", "log": []}
    return response(200, json.dumps(about | other).encode(), Content_Type="application/json")


async def heard(answer: bytes) -> Standing:
    """What the bridge makes of an answer about a report."""
    async with serving(answer) as url, Sp4nApi(url, TOKEN, limits=PATIENT) as api:
        return await api.status("9412345")


async def test_a_log_as_others_have_seen_it() -> None:
    log = [
        {"date": "Rabu, 22 Februari 2023, 09:05", "keterangan": "Laporan didisposisikan ke Dinas X oleh Pemprov"},
        {"date": "Sabtu, 11 Februari 2023, 01:16", "keterangan": "Laporan diterima"},
    ]
    found = await heard(said(log=log))
    assert [each.words for each in found.log] == ["Laporan diterima", "Laporan didisposisikan ke Dinas X oleh Pemprov"]
    assert [each.at for each in found.log] == [
        datetime(2023, 2, 11, 1, 16, tzinfo=WIB),
        datetime(2023, 2, 22, 9, 5, tzinfo=WIB),
    ]
    assert [each.key for each in (await heard(said(log=log[::-1]))).log] == [each.key for each in found.log]
    assert (await heard(said(log=log, id=9412345))).external_id == "9412345"


@pytest.mark.parametrize("date_", ["Minggu, 11 Februari 2023, 01:16", "31 Februari 2023", "kemarin", "", None])
async def test_a_date_that_is_none_is_not_known(date_: str | None) -> None:
    found = await heard(said(log=[{"date": date_, "keterangan": "Diterima", "status": "Terdisposisi ke Dinas X"}]))
    assert found.log[0].at is None
    assert found.raw_status_at is None
    assert found.raw_status == "Terdisposisi ke Dinas X"


async def test_a_status_that_nobody_knows_is_told_as_it_is() -> None:
    assert (await heard(said(status="Dikoordinasikan lagi", log=[]))).raw_status == "Dikoordinasikan lagi"


# --- what goes wrong ----------------------------------------------------------------------------------------------

FAULTS = [
    pytest.param(Fault(cut=True), Unknown, "cut", id="cut"),
    pytest.param(Fault(taken=True, cut=True), Unknown, "cut", id="cut after taking"),
    pytest.param(Fault(wait=3), Unknown, "timeout", id="slow"),
    pytest.param(Fault(taken=True, wait=3), Unknown, "timeout", id="slow after taking"),
    pytest.param(Fault(status=500), Unknown, "broken", id="500"),
    pytest.param(Fault(taken=True, status=500), Unknown, "broken", id="500 after taking"),
    pytest.param(Fault(taken=True, status=502, html=True), Unknown, "broken", id="502 after taking"),
    pytest.param(Fault(html=True), Unknown, "unreadable", id="a page"),
    pytest.param(Fault(taken=True, html=True), Unknown, "unreadable", id="a page after taking"),
    pytest.param(Fault(status=302, headers={"Location": "/masuk"}), Unknown, "unreadable", id="a page to sign in"),
    pytest.param(Fault(status=429), Later, "busy", id="429"),
    pytest.param(Fault(status=503, headers={"Retry-After": "30"}), Later, "busy", id="503 with a time"),
    pytest.param(Fault(status=503), Unknown, "broken", id="503"),
    pytest.param(Fault(status=401), Refused, "key", id="401"),
    pytest.param(Fault(status=413), Refused, "too_large", id="413"),
    pytest.param(Fault(status=422), Refused, "invalid", id="422"),
]


@pytest.mark.parametrize(("fault", "kind", "reason"), FAULTS)
async def test_what_may_be_said_of_a_report_when_it_goes_wrong(
    there: Sp4n, fault: Fault, kind: type[Trouble], reason: str
) -> None:
    there.faults.next.append(fault)
    async with Sp4nApi(there.base_url, there.token, limits=HASTY if fault.wait else PATIENT) as api:
        with pytest.raises(Trouble) as caught:
            await api.submit(HOLE, [PHOTO])
    assert (type(caught.value), caught.value.reason) == (kind, reason)
    if isinstance(caught.value, Later) and fault.headers:
        assert caught.value.after == 30
    if kind is not Unknown:
        assert there.reports() == []
    elif not fault.wait:
        assert len(there.reports()) == fault.taken
    assert len(there.faults.requests) == 1  # sent once, whatever came of it


async def test_an_answer_that_comes_too_late_was_still_a_report(there: Sp4n) -> None:
    there.faults.next.append(Fault(wait=2))
    async with Sp4nApi(there.base_url, there.token, limits=HASTY) as api:
        with pytest.raises(Unknown):
            await api.submit(HOLE, [])
    async with asyncio.timeout(30):
        while not there.reports():  # noqa: ASYNC110 (it is the simulator that is waited for)
            await asyncio.sleep(0.1)


@pytest.mark.parametrize(("fault", "kind", "_reason"), FAULTS)
async def test_what_only_asks_is_never_unknown(there: Sp4n, fault: Fault, kind: type[Trouble], _reason: str) -> None:
    number = there.storage.submit(Submission(1, "Jalan", "Rusak", "Whatsapp")).tracking_id
    there.faults.next.append(fault)
    async with Sp4nApi(there.base_url, there.token, limits=HASTY if fault.wait else PATIENT) as api:
        with pytest.raises(Trouble) as caught:
            await api.status(number)
    assert type(caught.value) is (Refused if kind is Refused else Later)


@pytest.mark.parametrize("asks", ["status", "queue", "categories", "institutions"])
@pytest.mark.parametrize(
    "body", [b"<!doctype html><p>Galat", b'{"message": "Terjadi kesalahan"}', b"[1]", b"", b"\xff"]
)
async def test_what_cannot_be_read_is_asked_again(body: bytes, asks: str) -> None:
    async with serving(response(200, body)) as url, Sp4nApi(url, TOKEN, limits=PATIENT) as api:
        call: dict[str, Callable[[], Awaitable[object]]] = {
            "status": lambda: api.status("9412345"),
            "queue": lambda: api.status(None, "A-1"),
            "categories": api.categories,
            "institutions": lambda: api.institutions("dinas"),
        }
        with pytest.raises(Later) as caught:
            await call[asks]()
    assert caught.value.reason == "unreadable"


@pytest.mark.parametrize(
    "body",
    [
        b"<!doctype html><p>Galat",
        b'{"message": "Terjadi kesalahan"}',
        b"[]",
        b"null",
        b"",
        b'{"tracking_id": "sebentar"}',
        b'{"tracking_id": "12"}',
        b'{"tracking_id": true}',
        b'{"tracking_id": "9412345", "status": []}',
    ],
)
async def test_an_answer_that_cannot_be_read_leaves_it_unknown(body: bytes) -> None:
    async with serving(response(201, body)) as url, Sp4nApi(url, TOKEN, limits=PATIENT) as api:
        calls = [api.submit(HOLE, []), api.attach("9412346", PHOTO), api.reply("9412346", "Belum", "k")]
        for each in [*calls, api.close("9412346", None, "k")]:
            with pytest.raises(Unknown) as caught:
                await each
            assert caught.value.reason == "unreadable"


@pytest.mark.parametrize(
    "link", ["https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)", "/\\\\x", 7]
)
async def test_a_link_that_leads_elsewhere_is_no_link(link: object) -> None:
    body = json.dumps({"tracking_id": "9412345", "tautan": link}).encode()
    async with serving(response(201, body)) as url, Sp4nApi(url, TOKEN, limits=PATIENT) as api:
        try:
            assert (await api.submit(HOLE, [])).link is None
        except Unknown:
            assert not isinstance(link, str)


async def test_who_is_not_there_was_sent_nothing(there: Sp4n) -> None:
    async with Sp4nApi("http://127.0.0.1:1", TOKEN, limits=PATIENT) as api:
        for each in (api.submit(HOLE, [PHOTO]), api.reply("9412345", "Belum", "k"), api.status("9412345")):
            with pytest.raises(Later) as caught:
                await each
            assert caught.value.reason == "away"


async def test_a_wrong_token_or_address_is_refused(there: Sp4n) -> None:
    for url, token in (
        (there.base_url, "wrong"),
        (there.base_url, "a\nb"),
        ("sp4n", TOKEN),
        (f"{there.base_url}/x", TOKEN),
    ):
        async with Sp4nApi(url, token, limits=PATIENT) as api:
            with pytest.raises(Refused):
                await api.submit(HOLE, [])
    assert there.reports() == []


async def test_numbers_of_theirs_lead_nowhere_else(there: Sp4n, api: Sp4nApi) -> None:
    with pytest.raises(Refused):
        await api.status("../kategori")
    with pytest.raises(Refused):
        await api.status(None, "../laporan/1?x=")
    assert all(path.startswith(("/api/v1/laporan/", "/api/v1/antrean/")) for _, path in there.faults.requests)
