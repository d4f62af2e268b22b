"""Sheets in and out: every kind of bad file and bad row is named, and what goes out comes in again unchanged."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from store import imports, regions, sheets
from store.imports import Key, Plan, Values, World
from store.regions import Regions
from store.sheets import Unreadable

TODAY = date(2026, 11, 22)
REGIONS = Regions(regions.load())
WORLD = World(
    regions={code: region.kind for code, region in REGIONS.by_code.items()},
    agencies=frozenset({"16-kominfo", "16.71-pu"}),
    categories={"perhubungan": None, "perhubungan.parkir-liar": "perhubungan"},
    home="16",
)
KOMINFO: dict[str, Any] = {
    "code": "16-kominfo",
    "name": "Dinas Kominfo",
    "short": "Kominfo",
    "functions": ["kominfo"],
    "region": "16",
    "level": "provinsi",
    "confirmed": True,
    "aliases": [],
    "parent": None,
    "valid_from": None,
    "valid_to": None,
    "source": "Perda 9/2016",
}
PU: dict[str, Any] = {**KOMINFO, "code": "16.71-pu", "name": "Dinas PUPR", "region": "16.71", "level": "kabkota"}
PU["functions"] = ["pu"]
AGENCIES: dict[Key, Values] = {("16-kominfo",): KOMINFO, ("16.71-pu",): PU}
AGENCY_HEAD = "Kode,Nama,Nama singkat,Urusan,Wilayah,Tingkat,Sudah dipastikan,Sumber\n"
GOOD = "16.71-pu,Dinas PUPR,Kominfo,pu,16.71,kabkota,ya,Perda 9/2016\n"


def plan(
    kind: str, content: bytes | str, now: dict[Key, Values] | None = None, used: dict[str, int] | None = None
) -> Plan:
    """What a file would do."""
    given = content if isinstance(content, bytes) else content.encode()
    return imports.plan(imports.kinds()[kind], given, now or {}, WORLD, REGIONS, TODAY, used)


def faults(found: Plan) -> list[tuple[int, str, str, str]]:
    return [(each.line, each.cell, each.heading, each.key) for each in found.faults]


def xlsx(*rows: tuple[Any, ...], change: Callable[[Any], None] | None = None) -> bytes:
    """A workbook with these rows; a text that begins with "=" is a formula."""
    book = Workbook()
    for row in rows:
        book.active.append(row)
    if change:
        change(book.active)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


# --- files that cannot be read -------------------------------------------------------------------------------


def packed(**parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("_", "."), content)
    return out.getvalue()


def locked(content: bytes) -> bytes:
    """A workbook of which the middle is gone."""
    return content[: len(content) // 2]


def _longer(words: str) -> bytes:
    """A workbook with a cell that no program writes: openpyxl would cut it as well."""
    whole = xlsx(("Tanggal", "Nama", "Jenis"), ("2026-01-01", "Tahun Baru", "nasional"))
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for each in source.namelist():
            target.writestr(each, source.read(each).replace(b"Tahun Baru", words.encode()))
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (b"", "empty"),
        (b" \n\n", "empty"),
        (b"\xd0\xcf\x11\xe0 old", "old_excel"),
        (b"Tanggal,Nama,Jenis\n" + b"x" * sheets.LARGEST, "too_large"),
        (b"a,b,c\n1,2,3\n", "headings"),
        (b"Tanggal,Nama,Jenis\n", "no_rows"),
        (b"Tanggal,Nama,Nama,Jenis\n1,2,3,4\n", "heading_twice"),
        (b'Tanggal,Nama,Jenis\n2026-01-01,"broken"quote,nasional\n', "quotes"),
        (b'Tanggal,Nama,Jenis\n2026-01-01,"never closed,nasional\n', "quotes"),
        (b"Tanggal,Nama,Jenis\n2026-01-01,\x81,nasional\n", "encoding"),
        (b"PK\x03\x04 nothing of a workbook", "broken"),
        (packed(other_txt=b"nothing"), "broken"),
        (packed(bomb_xml=b"0" * (sheets.UNPACKED + 1)), "bomb"),
        (packed(laughs_xml=b'<!DOCTYPE x [<!ENTITY a "ha">]><x>&a;</x>'), "bomb"),
        (packed(laughs_xml='<!DOCTYPE x [<!ENTITY a "ha">]><x>&a;</x>'.encode("utf-16")), "bomb"),
        (packed(laughs_bin=b'<!DOCTYPE x [<!ENTITY a "ha">]><x>&a;</x>'), "bomb"),
        (_longer("x" * 32_768), "bomb"),
        (locked(xlsx(("Tanggal", "Nama", "Jenis"), ("2026-01-01", "Tahun Baru", "nasional"))), "broken"),
        (xlsx(("Tanggal", "Nama", "Jenis")), "no_rows"),
        (xlsx(), "empty"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_file_that_cannot_be_read_says_why(content: bytes, key: str) -> None:
    with pytest.raises(Unreadable) as told:
        plan("hari-libur", content)
    assert told.value.key == key


def test_a_file_with_too_many_rows_is_refused_and_one_with_just_enough_is_not() -> None:
    head = "Kode,Nama,Jenis,Wilayah induk,Zona waktu\n"
    row = "16.71.01.{:04},Desa {},kelurahan,16.71.01,Asia/Jakarta\n"
    enough = head + "".join(row.format(number, number) for number in range(sheets.MOST_ROWS))
    assert plan("wilayah", enough).count("added") == sheets.MOST_ROWS
    with pytest.raises(Unreadable) as told:
        plan("wilayah", enough + row.format(1, "x"))
    assert told.value.key == "too_many"
    with pytest.raises(Unreadable) as told:
        plan("hari-libur", xlsx(("Tanggal", "Nama", "Jenis"), *[("1", "2", "3")] * (sheets.MOST_ROWS + 11)))
    assert told.value.key == "too_many"


# --- encodings, delimiters, headings -------------------------------------------------------------------------

HOLIDAY = ("Tanggal", "Nama", "Jenis")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_delimiters_and_encodings_are_found(delimiter: str, encoding: str) -> None:
    content = "\r\n".join(delimiter.join(row) for row in (HOLIDAY, ("2027-01-01", "Tahun Baru – é", "nasional")))
    found = plan("hari-libur", content.encode(encoding))
    assert found.faults == ()
    assert found.changes[0].values == {"day": date(2027, 1, 1), "name": "Tahun Baru – é", "kind": "nasional"}
    assert ("windows" in [note.key for note in found.notes]) is (encoding == "cp1252")


def test_headings_stand_below_a_title_in_any_order_and_case() -> None:
    content = xlsx(
        ("HARI LIBUR NASIONAL", None, None, None),
        (),
        ("JENIS *", " nama ", "Catatan", "tanggal"),
        ("nasional", "Tahun Baru", "kata kami", datetime(2027, 1, 1)),  # noqa: DTZ001 -- what a sheet holds
        change=lambda sheet: sheet.merge_cells("A1:D1"),
    )
    found = plan("hari-libur", content)
    assert [(each.line, each.key) for each in found.changes] == [(4, (date(2027, 1, 1),))]
    assert (found.notes[0].key, found.notes[0].parameters) == ("strangers", {"headings": "Catatan"})


def test_a_page_of_explanations_may_stand_before_the_sheet() -> None:
    book = Workbook()
    book.active.append(("Petunjuk pengisian",))
    book.create_sheet("Data").append(HOLIDAY)
    book["Data"].append(("2027-01-01", "Tahun Baru", "nasional"))
    out = io.BytesIO()
    book.save(out)
    assert plan("hari-libur", out.getvalue()).count("added") == 1


@pytest.mark.parametrize(
    "written", ["2027-02-01", "1/2/2027", "01-02-2027", "1 Februari 2027", "1 feb 2027", "1.2.2027"]
)
def test_days_are_read_as_people_write_them(written: str) -> None:
    assert plan("hari-libur", f"Tanggal,Nama,Jenis\n{written},Libur,nasional\n").changes[0].key == (date(2027, 2, 1),)


# --- rows that are wrong -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "content", "expected"),
    [
        ("hari-libur", "Tanggal,Nama,Jenis\n,Libur,nasional\n", [(2, "A2", "Tanggal", "required")]),
        ("hari-libur", "Tanggal,Nama,Jenis\n31/02/2027,Libur,nasional\n", [(2, "A2", "Tanggal", "not_a_day")]),
        ("hari-libur", "Tanggal,Nama,Jenis\n1027-01-01,Libur,nasional\n", [(2, "A2", "Tanggal", "not_a_day")]),
        ("hari-libur", "Tanggal,Nama,Jenis\n2027-01-01,Libur,lain\n", [(2, "C2", "Jenis", "not_a_choice")]),
        ("hari-libur", "Tanggal,Nama,Jenis\n2027-01-01,=1+1,nasional\n", [(2, "B2", "Nama", "formula")]),
        ("hari-libur", "Tanggal,Nama,Jenis\n2027-01-01,a\x07b,nasional\n", [(2, "B2", "Nama", "characters")]),
        ("hari-libur", f"Tanggal,Nama,Jenis\n2027-01-01,{'x' * 201},nasional\n", [(2, "B2", "Nama", "too_long")]),
        ("hari-libur", "Tanggal,Nama,Jenis\n2027-01-01,Natal, lagi,nasional\n", [(2, "D2", "", "too_many_cells")]),
        (
            "hari-libur",
            "Tanggal,Nama,Jenis\n2027-01-01,Libur,nasional\n01/01/2027,Lagi,nasional\n",
            [(3, "A3", "Tanggal", "twice")],
        ),
        ("instansi", AGENCY_HEAD + "PU Kota,N,S,pu,16.71,kabkota,ya,x\n", [(2, "A2", "Kode", "code")]),
        ("instansi", AGENCY_HEAD + "16.71-x,N,S,sihir,16.71,kabkota,ya,x\n", [(2, "D2", "Urusan", "unknown_function")]),
        ("instansi", AGENCY_HEAD + "16.71-x,N,S,pu,99.99,kabkota,ya,x\n", [(2, "E2", "Wilayah", "unknown_region")]),
        ("instansi", AGENCY_HEAD + "16.71-x,N,S,pu,9999,kabkota,ya,x\n", [(2, "E2", "Wilayah", "unknown_region")]),
        ("instansi", AGENCY_HEAD + "16.71-x,N,S,pu,1671010,kabkota,ya,x\n", [(2, "E2", "Wilayah", "bps_too_long")]),
        ("instansi", AGENCY_HEAD + "16.71-x,N,S,pu,16.71,rt,ya,x\n", [(2, "F2", "Tingkat", "not_a_choice")]),
        (
            "instansi",
            AGENCY_HEAD + "16.71-x,N,S,pu,16.71,kabkota,mungkin,x\n",
            [(2, "G2", "Sudah dipastikan", "not_a_flag")],
        ),
        (
            "instansi",
            AGENCY_HEAD + "16.71-x,,S,pu,16.71,kabkota,ya,\n",
            [(2, "B2", "Nama", "required"), (2, "H2", "Sumber", "required")],
        ),
        (
            "instansi",
            "Instansi induk," + AGENCY_HEAD + "16.71-x,16.71-x,N,S,pu,16.71,kabkota,ya,x\n",
            [(2, "A2", "Instansi induk", "own_parent")],
        ),
        (
            "instansi",
            "Instansi induk," + AGENCY_HEAD + "16.71-y,16.71-x,N,S,pu,16.71,kabkota,ya,x\n",
            [(2, "A2", "Instansi induk", "unknown_agency")],
        ),
        (
            "instansi",
            "Berlaku sejak,Berlaku sampai," + AGENCY_HEAD + "2026-02-01,2026-01-01,16.71-x,N,S,pu,16.71,kabkota,ya,x\n",
            [(2, "B2", "Berlaku sampai", "ends_before")],
        ),
        (
            "wilayah",
            "Kode,Nama,Jenis,Wilayah induk,Zona waktu\n16.99,Kota Baru,kecamatan,16,Asia/Jakarta\n",
            [(2, "C2", "Jenis", "region_kind")],
        ),
        (
            "wilayah",
            "Kode,Nama,Jenis,Wilayah induk,Zona waktu\n16.99,Kota Baru,kota,17,Asia/Tokyo\n",
            [(2, "D2", "Wilayah induk", "region_parent"), (2, "E2", "Zona waktu", "not_a_choice")],
        ),
        (
            "wilayah",
            "Kode,Nama,Jenis,Wilayah induk,Zona waktu\n16.9.1,Kota Baru,kota,16,Asia/Jakarta\n",
            [(2, "A2", "Kode", "region_code")],
        ),
        (
            "kategori",
            "Kode,Nama,Topik induk,Sumber\nbaru,BARU,hilang,x\n",
            [(2, "C2", "Topik induk", "unknown_category")],
        ),
        (
            "kategori",
            "Kode,Nama,Topik induk,Sumber\na,A,b,x\nb,B,a,x\n",
            [(2, "C2", "Topik induk", "own_parent"), (3, "C3", "Topik induk", "own_parent")],
        ),
        ("kategori", "Kode,Nama,Nomor SP4N,Sumber\na,A,7x,x\n", [(2, "C2", "Nomor SP4N", "not_a_number")]),
        ("kategori", "Kode,Nama,Nomor SP4N,Sumber\na,A,77,x\nb,B,77,x\n", [(2, "", "Nomor SP4N", "number_taken")]),
        (
            "aturan-waktu",
            "Jenis,Berlaku sejak,Hari kerja,Ingatkan sebelumnya,Sumber\nclose,2027-01-01,0,,[V] x\n"
            "close,2028-01-01,5,5,[V] x\nclose,2029-01-01,5,,katanya\n",
            [
                (2, "C2", "Hari kerja", "days"),
                (3, "D3", "Ingatkan sebelumnya", "remind"),
                (4, "E4", "Sumber", "source"),
            ],
        ),
        (
            "templat",
            "Nama,Keperluan,Isi,Wilayah,Instansi\nA,answer,Isi,16.71,16.71-pu\nB,salam,Isi,,\n",
            [(2, "E2", "Instansi", "two_owners"), (3, "B3", "Keperluan", "not_a_choice")],
        ),
    ],
)
def test_each_bad_row_is_named(kind: str, content: str, expected: list[tuple[int, str, str, str]]) -> None:
    now = dict(AGENCIES) if kind == "instansi" else {}
    assert faults(plan(kind, content, now)) == expected


def test_formulas_and_errors_of_a_workbook_are_named_by_their_cells() -> None:
    found = plan(
        "hari-libur",
        xlsx(HOLIDAY, ("2027-01-01", "=CONCAT(A1,B1)", "nasional"), ("2027-01-02", "#REF!", "nasional")),
    )
    assert faults(found) == [(2, "B2", "Nama", "formula"), (3, "B3", "Nama", "error_value")]


def test_a_wrong_row_keeps_the_others_readable() -> None:
    found = plan("hari-libur", "Tanggal,Nama,Jenis\nbesok,Libur,nasional\n2027-01-01,Tahun Baru,nasional\n")
    assert (len(found.faults), found.count("added")) == (1, 1)


# --- what a file would do ------------------------------------------------------------------------------------


def test_what_is_added_changed_ended_and_left_is_told() -> None:
    content = (
        "Kode,Nama,Nama singkat,Urusan,Wilayah,Tingkat,Berlaku sampai,Sumber\n"
        "16-kominfo,Dinas Kominfo,Diskominfo,kominfo,16,provinsi,,Perda 9/2016\n"
        "16.71-pu,Dinas PUPR,Kominfo,pu,16.71,kabkota,31/12/2026,Perda 9/2016\n"
        "16.71-baru,Dinas Baru,Dinas Baru,pu,16.71,kabkota,,Perda 1/2026\n"
    )
    found = plan("instansi", content, AGENCIES, {"16.71-pu": 3})
    assert [(each.how, each.name) for each in found.changes] == [
        ("changed", "16-kominfo"),
        ("ended", "16.71-pu"),
        ("added", "16.71-baru"),
    ]
    [short] = found.changes[0].differences
    assert (short.heading, short.was, short.becomes) == ("Nama singkat", "Kominfo", "Diskominfo")
    assert found.changes[0].values["confirmed"] is True, "a column that the file has not stays as it is"
    assert [(note.key, note.parameters) for note in found.notes] == [("in_use", {"count": 3})]


def test_bps_codes_are_mapped_and_marked() -> None:
    content = AGENCY_HEAD + "16.09-pu,Dinas PUPR,PUPR,pu,1608,kabkota,ya,x\n"
    found = plan("instansi", content, AGENCIES)
    assert found.changes[0].values["region"] == "16.09"
    [note] = found.notes
    assert (note.key, note.parameters["code"], note.line) == ("bps", "16.09", 2)
    assert "Selatan" in str(note.parameters["name"])
    dotted = plan("instansi", content.replace("1608", "16.08"), AGENCIES)
    assert (dotted.changes[0].values["region"], dotted.notes) == ("16.08", ())


def test_a_code_that_a_program_took_for_a_number_has_its_zero_back() -> None:
    found = plan(
        "instansi",
        xlsx(
            ("Kode", "Nama", "Nama singkat", "Wilayah", "Tingkat", "Sumber"),
            ("16.10-pu", "N", "S", 16.1, "kabkota", "x"),
            ("16-pu", "N", "S", 16, "provinsi", "x"),
        ),
        AGENCIES,
    )
    assert [each.values["region"] for each in found.changes] == ["16.10", "16"]


def test_the_kominfo_that_gets_what_belongs_nowhere_cannot_be_ended() -> None:
    content = (
        AGENCY_HEAD.strip() + ",Berlaku sampai\n16-kominfo,Dinas Kominfo,Kominfo,kominfo,16,provinsi,ya,x,2026-11-21\n"
    )
    assert [each.key for each in plan("instansi", content, AGENCIES).faults] == ["home_kominfo"]


def test_notes_tell_what_an_officer_should_look_at() -> None:
    new_year = plan("hari-libur", "Tanggal,Nama,Jenis\n2027-01-01,A,nasional\n2027-05-01,B,nasional\n")
    assert [(note.key, note.parameters) for note in new_year.notes] == [("new_year", {"year": 2027})]
    braces = plan("templat", 'Nama,Keperluan,Isi\nA,answer,"{tiket} {nama_pelapor}"\n')
    assert [(note.key, note.parameters) for note in braces.notes] == [("placeholders", {"names": "{nama_pelapor}"})]


def test_the_digest_is_that_of_what_would_change() -> None:
    one = plan("instansi", AGENCY_HEAD + GOOD.replace("Dinas PUPR", "Dinas PU"), AGENCIES)
    same = plan("instansi", (AGENCY_HEAD + GOOD.replace("Dinas PUPR", "Dinas PU")).replace(",", ";"), AGENCIES)
    other_now = {**AGENCIES, ("16.71-pu",): {**PU, "name": "Dinas Bina Marga"}}
    assert one.digest == same.digest
    assert one.digest != plan("instansi", AGENCY_HEAD + GOOD.replace("Dinas PUPR", "Dinas PU"), other_now).digest


# --- out and in again ----------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from("=+-@'\",;|\n\t "), max_size=60)
WORDS = TEXTS.map(sheets.clean).filter(lambda each: bool(each) and sheets.is_writable(each))
# Cells with several values have a sign of their own between them.
NAMES = WORDS.filter(lambda each: "|" not in each)
DAYS = st.dates(date(2000, 1, 1), date(2100, 12, 31))


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "code": st.from_regex(r"[a-z0-9]{1,6}(-[a-z0-9]{1,4})?", fullmatch=True),
                "name": WORDS,
                "short": WORDS,
                "functions": st.lists(st.sampled_from(["pu", "kominfo", "dishub"]), unique=True),
                "region": st.sampled_from(["16", "16.71", "16.10"]),
                "level": st.sampled_from(["kabkota", "provinsi", "pusat"]),
                "confirmed": st.booleans(),
                "aliases": st.lists(NAMES, unique=True, max_size=3),
                "parent": st.none() | st.just("16-kominfo"),
                "valid_from": st.none() | DAYS.filter(lambda day: day.year < 2050),
                "valid_to": st.none() | DAYS.filter(lambda day: day.year >= 2050),
                "source": WORDS,
            }
        ),
        unique_by=lambda row: row["code"],
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(["csv", "xlsx"]),
)
@settings(max_examples=150, deadline=None)
def test_what_went_out_comes_in_again_and_changes_nothing(rows: list[dict[str, Any]], form: str) -> None:
    kind = imports.kinds()["instansi"]
    headings = [each.heading for each in kind.columns]
    cells = [imports.written(kind, row) for row in rows]
    content = sheets.write_csv(headings, cells) if form == "csv" else sheets.write_xlsx("x", headings, cells)
    found = plan("instansi", content, {(row["code"],): row for row in rows})
    assert (faults(found), found.changes, found.same) == ([], (), len(rows))


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=5, unique_by=lambda row: row[0]))
@settings(max_examples=100, deadline=None)
def test_templates_come_in_again_whatever_is_written_in_them(bodies: list[tuple[str, str]]) -> None:
    kind = imports.kinds()["templat"]
    rows: list[dict[str, Any]] = [
        {
            "name": name,
            "purpose": "answer",
            "body": body,
            "region": None,
            "agency": None,
            "valid_from": None,
            "valid_to": None,
        }
        for name, body in bodies
    ]
    content = sheets.write_csv([each.heading for each in kind.columns], [imports.written(kind, row) for row in rows])
    found = plan("templat", content, {kind.key_of(row): row for row in rows})
    assert (faults(found), found.changes) == ([], ())


@given(st.text(max_size=30))
def test_no_cell_that_goes_out_is_a_formula(cell: str) -> None:
    written = sheets.write_csv(["Nama"], [[cell]]).decode("utf-8-sig").split("\r\n", 1)[1].lstrip('"')
    assert written[:1] not in ("=", "+", "-", "@", "\t") or not cell


@given(st.binary(max_size=400))
@settings(deadline=None)
def test_any_bytes_are_a_plan_or_a_reason(content: bytes) -> None:
    for given_bytes in (content, b"Tanggal,Nama,Jenis\n" + content):
        with suppress(Unreadable):  # and nothing else
            plan("hari-libur", given_bytes)
