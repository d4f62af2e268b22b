"""SP4N's exports as files: every way to write one is read the same, and what is wrong with one is named by its row."""

from __future__ import annotations

import io
import random
import re
import zipfile
from datetime import UTC, datetime, time
from typing import Any

import pytest
from exports import HEAD, above, as_csv, as_xlsx, cells_of, packed, row, table
from hypothesis import given, settings
from hypothesis import strategies as st

from bridges import cells, ringkas
from bridges.cells import Unreadable
from bridges.ringkas import COLUMNS, Export, Row

ROWS = [
    row("9171234"),
    row("9171235", Tipe_Laporan="Anonim", Status_Laporan="Ditutup oleh Sistem"),
    row("9171236", Tipe_Laporan="Anonim|Rahasia", Judul_Laporan="Judul rahasia", Alasan_Tunda_Arsip="Sebab rahasia"),
    row("9171237", Status_Laporan="Diarsipkan oleh Admin", Alasan_Tunda_Arsip="Tidak jelas"),
]


def read(content: bytes) -> tuple[Export, list[Row]]:
    """A file, and all of its rows."""
    found = ringkas.read(io.BytesIO(content))
    return found, list(found.rows)


def known(rows: list[Row]) -> list[tuple[Any, ...]]:
    """What rows say, wherever they stand."""
    return [(each.external_id, each.ticket, dict(each.facts), each.problems) for each in rows]


EXPECTED = known(read(as_csv(table(*ROWS)))[1])


def test_a_file_says_what_it_is_and_what_it_holds() -> None:
    found, rows = read(as_xlsx(table(*ROWS)))
    assert (found.title, found.agency) == ("Laporan Ringkas", "Pemerintah Kota Palembang")
    assert found.generated_at == datetime(2026, 11, 20, 3, 15, tzinfo=UTC)
    assert (found.missing, found.strangers, found.notes, found.ours) == ((), (), (), False)
    assert [each.line for each in rows] == [HEAD + 2, HEAD + 3, HEAD + 4, HEAD + 5]
    first = rows[0]
    assert (first.external_id, first.ticket, first.own, first.problems) == ("9171234", None, False, ())
    assert first.facts == {
        "report_class": "Pengaduan Tidak Berkadar Pengawasan",
        "category_id": "1602",
        "category": "Layanan Kelistrikan",
        "title": "Lampu jalan mati di Plaju",
        "source": "Website",
        "parent_agency": "Pemerintah Kota Palembang",
        "agency": "Dinas Perhubungan",
        "raw_status": "Terdisposisi ke Dinas Perhubungan",
        "reason": None,
        "province": "Provinsi Sumatera Selatan",
        "city": "Kota Palembang",
        "district": "Plaju",
        "village": None,
        "anonymous": False,
        "secret": False,
        "filed_at": "2024-09-23T00:41:43+00:00",
    }


def test_no_name_and_no_story_leaves_and_no_title_of_what_is_secret() -> None:
    found, rows = read(as_xlsx(table(*ROWS)))
    said = repr((found, rows))
    assert "Tidak Boleh Ikut" not in said
    assert "tidak boleh ikut" not in said
    assert "Petugas Contoh" not in said
    assert (rows[2].facts["secret"], rows[2].facts["title"], rows[2].facts["reason"]) == (True, None, None)
    assert "rahasia" not in said.casefold().replace("'secret'", "")
    # Where nobody says what is Rahasia, everything may be.
    place = COLUMNS.index("Tipe Laporan")
    found, rows = read(as_csv([each[:place] + each[place + 1 :] for each in table(*ROWS)]))
    assert "no_kind" in found.notes
    assert {each.facts["title"] for each in rows} == {None}


@pytest.mark.parametrize(
    "content",
    [
        as_xlsx(table(*ROWS)),
        as_xlsx(table(*ROWS), before=["Petunjuk"]),
        packed(cells_of(table(*ROWS))),
        as_csv(table(*ROWS), encoding="utf-8"),
        as_csv(table(*ROWS), delimiter=";"),
        as_csv(table(*ROWS), delimiter="\t", encoding="utf-16"),
        as_csv(table(*ROWS), encoding="utf-16-le"),
        as_csv(table(*ROWS), encoding="utf-16-be"),
        as_csv(table(*ROWS), encoding="cp1252"),
        as_csv([list(COLUMNS), *ROWS]),
        as_csv([["Tanggal Generate : 20 Nov 2026 03:15"], *table(*ROWS)[HEAD:]]),
        as_csv([*table(*ROWS[:2]), [], list(COLUMNS), *ROWS[2:]]),
        as_xlsx([[each.upper() + " " if isinstance(each, str) else each for each in COLUMNS], *ROWS]),
        as_xlsx([[each.replace("/", " / ").replace("Provinsi", "Propinsi") for each in COLUMNS], *ROWS]),
        as_xlsx([["TrackingID", "Tgl. Laporan Masuk", *COLUMNS[2:]], *ROWS]),
        # Merged cells: the heading stands in the first of two rows, or each in one of them.
        as_xlsx([[*COLUMNS[:13], "Disposisi"], [*[""] * 13, *COLUMNS[13:]], *ROWS]),
        as_xlsx([["Laporan"], *table(*ROWS)]),
    ],
    ids=lambda each: each[:2].hex(),
)
def test_every_way_to_write_it_is_read_the_same(content: bytes) -> None:
    assert known(read(content)[1]) == EXPECTED


def test_columns_stand_in_any_order_and_others_are_noted() -> None:
    order = list(range(len(COLUMNS)))
    random.Random(7).shuffle(order)  # noqa: S311
    lines = [[each[place] for place in order] + ["Rating"] for each in [list(COLUMNS), *ROWS]]
    found, rows = read(as_csv(lines))
    assert known(rows) == EXPECTED
    assert found.strangers == ("Rating",)
    found, rows = read(as_csv([["Tracking ID", "Status Laporan"], ["9171234", "Ditutup oleh Admin"]]))
    assert (rows[0].external_id, rows[0].facts["raw_status"]) == ("9171234", "Ditutup oleh Admin")
    assert set(found.missing) == set(COLUMNS) - {"Tracking ID", "Status Laporan"}


def test_numbers_and_days_as_a_spreadsheet_keeps_them() -> None:
    on = datetime(2024, 9, 23)  # noqa: DTZ001 (a spreadsheet has no zones)
    lines = table(
        row(9171234, Tanggal_Laporan_Masuk=on, Waktu_Laporan_Masuk=time(0, 41, 43), ID_Kategori=1602),
        row(9171235.0, Tanggal_Laporan_Masuk=45558, Waktu_Laporan_Masuk="0:41:43"),
        row("9171236.0", Tanggal_Laporan_Masuk=datetime(2024, 9, 23, 0, 41, 43), Waktu_Laporan_Masuk=""),  # noqa: DTZ001
        generated=None,
    )
    lines.insert(2, ["Tanggal Generate", datetime(2026, 11, 20, 3, 15)])  # noqa: DTZ001
    found, rows = read(as_xlsx(lines))
    assert [each.problems for each in rows] == [(), (), ()]
    assert [each.external_id for each in rows] == ["9171234", "9171235", "9171236"]
    assert {each.facts["filed_at"] for each in rows} == {"2024-09-23T00:41:43+00:00"}
    assert rows[0].facts["category_id"] == "1602"
    assert found.generated_at == datetime(2026, 11, 20, 3, 15, tzinfo=UTC)


def test_texts_in_a_table_of_their_own() -> None:
    """As Excel writes them: each text once, with marks of letters, and a reading aid that is no part of it."""
    words = [*COLUMNS, *ROWS[0]]
    texts = "".join(f"<si><r><t>{each[:3]}</t></r><r><t xml:space='preserve'>{each[3:]}</t></r></si>" for each in words)
    texts = texts.replace("</si>", "<rPh sb='0' eb='1'><t>lain</t></rPh></si>", 1)
    rows = "".join(
        f"<row r='{line + 3}'>"
        + "".join(f"<c r='{chr(65 + place)}{line + 3}' t='s'><v>{line * 21 + place}</v></c>" for place in range(21))
        + "</row>"
        for line in range(2)
    )
    namespace = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    sheet = f"<x:worksheet xmlns:x='{namespace}'><x:sheetData>{rows}</x:sheetData></x:worksheet>"
    sheet = re.sub("<(/?)(row|c|v)(?=[ >])", r"<\1x:\2", sheet)
    found = read(packed(sheet, sharedStrings=f"<sst xmlns='{namespace}'>{texts}</sst>"))[1]
    assert known(found) == EXPECTED[:1]
    assert found[0].line == 4
    with pytest.raises(Unreadable) as refusal:
        read(packed(sheet, sharedStrings=f"<sst xmlns='{namespace}'><si><t>Tracking ID</t></si></sst>"))
    assert refusal.value.key == "broken"


def test_our_ticket_is_found_and_our_own_export_known() -> None:
    story = "Sudah lama.\n\nPatokan: dekat pasar\nTiket kanal: T-482-173-9056"
    _, [first, smart, own, other] = read(
        as_xlsx(
            table(
                row("9171234", Isi_Laporan_Awal=story),
                row("9171235", Isi_Laporan_Akhir="Sudah Lama. tiket  kanal : t-482-173-9051"),
                row("T-482-173-9052"),
                row("9171236", Isi_Laporan_Awal="Nomor HP saya T-482-173-9056 bukan tiket"),
            )
        )
    )[0:2]
    assert (first.external_id, first.ticket, first.own) == ("9171234", "T-482-173-9056", False)
    assert smart.ticket == "T-482-173-9051"
    assert (own.external_id, own.ticket, own.own, own.problems) == (None, "T-482-173-9052", True, ())
    assert other.ticket is None
    headings = [*COLUMNS[:3], "Zona Waktu", *COLUMNS[3:], "Tiket Kanal"]
    cells_ = row("9171234", Waktu_Laporan_Masuk="07:41:43")
    found, [only] = read(as_csv([headings, [*cells_[:3], "WIB", *cells_[3:], "T-482-173-9056"]]))
    assert found.ours
    assert (only.ticket, only.facts["filed_at"]) == ("T-482-173-9056", "2024-09-23T00:41:43+00:00")


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"number": ""}, ("Tracking ID", "missing", "")),
        ({"number": "12345"}, ("Tracking ID", "not_an_id", "")),
        ({"number": "9,17E+06"}, ("Tracking ID", "not_an_id", "")),
        ({"number": "T-482-17"}, ("Tracking ID", "not_an_id", "")),
        ({"number": "9171234"}, ("Tracking ID", "twice", "8")),
        ({"Status_Laporan": " "}, ("Status Laporan", "missing", "")),
        ({"Tanggal_Laporan_Masuk": "31/02/2024"}, ("Tanggal Laporan Masuk", "not_a_day", "")),
        ({"Tanggal_Laporan_Masuk": "Selasa, 23 Sep 2024"}, ("Tanggal Laporan Masuk", "not_a_day", "")),
        ({"Tanggal_Laporan_Masuk": "23 Sep 1924"}, ("Tanggal Laporan Masuk", "not_a_day", "")),
        ({"Waktu_Laporan_Masuk": "25:00"}, ("Waktu Laporan Masuk", "not_a_time", "")),
        ({"Tipe_Laporan": "Publikk"}, ("Tipe Laporan", "not_a_kind", "")),
        ({"Judul_Laporan": "=HYPERLINK(1)"}, ("Judul Laporan", "formula", "")),
        ({"Judul_Laporan": "x" * 600}, ("Judul Laporan", "too_long", "")),
        ({"Isi_Laporan_Awal": "Tiket kanal: T-482-173-9056"}, ("Isi Laporan Awal", "ticket_twice", "9")),
    ],
)
@pytest.mark.parametrize("form", [as_csv, as_xlsx])
def test_what_is_wrong_is_named_by_row_and_column(
    form: Any, said: dict[str, Any], problem: tuple[str, str, str]
) -> None:
    others = [row("9171234"), row("9171235", Isi_Laporan_Awal="Tiket kanal: T-482-173-9056")]
    _, rows = read(form(table(*others, row(**{"number": "9171239", **said}), row("9171240"))))
    assert [each.problems for each in rows] == [(), (), (problem,), ()]
    assert rows[2].line == HEAD + 4
    assert rows[2].facts == {}


def test_formulas_are_named_and_never_evaluated() -> None:
    sheet = cells_of([list(COLUMNS), row("9171234", Judul_Laporan="JUDUL"), row("9171235")])
    cell = '<c t="str"><f>WEBSERVICE("http://example.org")</f><v>dihitung</v></c>'
    _, rows = read(packed(sheet.replace('<c t="inlineStr"><is><t>JUDUL</t></is></c>', cell)))
    assert rows[0].problems == (("Judul Laporan", "formula", ""),)
    assert "dihitung" not in repr(rows)
    assert rows[1].problems == ()
    # In a story it is somebody's words, which nobody takes.
    assert read(as_csv(table(row(Isi_Laporan_Awal="=== TOLONG ==="))))[1][0].problems == ()


def test_a_separator_too_many_is_named() -> None:
    content = as_csv(table(row("9171234"), row("9171235")), encoding="utf-8").decode()
    broken = content.replace("Lampu jalan mati di Plaju", "Lampu jalan, mati, di Plaju", 1)
    _, rows = read(broken.encode())
    assert rows[0].problems
    assert rows[1].problems == ()


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (b"", "empty"),
        (b"  \r\n ", "empty"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old_excel"),
        (b"PK\x03\x04 und dann nichts", "broken"),
        (as_xlsx(table(*ROWS))[:3000], "broken"),
        (b"\xff\xfea", "encoding"),
        (as_csv([["Nama", "Alamat"], ["x", "y"]]), "headings"),
        (as_csv(table(row(), generated=None)[:-1]), "no_rows"),
        (as_csv([[*COLUMNS, "Tracking ID"], row()]), "heading_twice"),
        (as_csv(table(row())) + b'9171239,"ohne Ende', "quotes"),
        (packed("<worksheet><sheetData><row><c><v>1</v>"), "broken"),
        (packed('<!DOCTYPE x [<!ENTITY a "b">]><worksheet><sheetData/></worksheet>'), "bomb"),
        (packed('<!DOCTYPE x SYSTEM "file:///etc/passwd"><worksheet><sheetData/></worksheet>'), "bomb"),
        (packed(cells_of(table(*ROWS)), sharedStrings='<!DOCTYPE x [<!ENTITY a "b">]><sst/>'), "bomb"),
        (packed('<!DOCTYPE x [<!ENTITY a "b">]><worksheet/>'.encode("utf-16").decode("latin-1")), "bomb"),
    ],
)
def test_what_is_no_such_file_is_refused_with_a_reason(content: bytes, key: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        read(content)
    assert refusal.value.key == key


def test_a_file_that_unpacks_to_more_than_anybody_writes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * (cells.UNPACKED // 512))
        for number in range(513):
            archive.writestr(f"xl/media/{number}.xml", b"")
    with pytest.raises(Unreadable) as refusal:
        read(out.getvalue())
    assert refusal.value.key == "bomb"  # so many parts
    # The size that an archive claims of a part is that of its directory.
    bomb = bytearray(packed(cells_of(table(*ROWS))))
    place = bomb.rindex(b"xl/worksheets/sheet1.xml") - 46
    bomb[place + 24 : place + 28] = (0x7FFFFFFF).to_bytes(4, "little")
    with pytest.raises(Unreadable) as refusal:
        read(bytes(bomb))
    assert refusal.value.key == "bomb"
    monkeypatch.setattr(cells, "LARGEST", 100)
    with pytest.raises(Unreadable) as refusal:
        read(as_csv(table(*ROWS)))
    assert refusal.value.key == "too_large"


def test_more_rows_than_anybody_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ringkas, "MOST_ROWS", 3)
    with pytest.raises(Unreadable) as refusal:
        read(as_csv(table(*ROWS)))
    assert refusal.value.key == "too_many"
    monkeypatch.setattr(cells, "MOST_LINES", 5)
    for form in (as_csv, as_xlsx):
        with pytest.raises(Unreadable) as refusal:
            read(form([[], [], [], *table(*ROWS)]))
        assert refusal.value.key in ("too_many", "headings")


def test_a_row_of_a_million_cells_costs_no_more_than_its_columns() -> None:
    line = "<row>" + '<c t="inlineStr"><is><t>x</t></is></c>' * 20_000 + "</row>"
    sheet = cells_of(table(*ROWS)).replace("<sheetData>", f"<sheetData>{line}")
    [found] = cells.sheets(io.BytesIO(packed(sheet)))
    assert max(len(each.cells) for each in found.lines()) == cells.MOST_COLUMNS
    assert known(read(packed(sheet))[1]) == EXPECTED


# --- whatever somebody does to a file ----------------------------------------------------------------------------

MANGLES = st.lists(
    st.tuples(
        st.sampled_from(["cell", "swap", "empty", "double", "cut", "blank"]),
        st.integers(0, 3),
        st.integers(0, len(COLUMNS) - 1),
        st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
        | st.sampled_from(["=1+1", "31/02/2024", "#REF!", '"', ";;", "T-482-173-9056", "9171234", "\n", "Rahasia"]),
    ),
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(MANGLES, st.sampled_from([as_csv, as_xlsx, lambda lines: packed(cells_of(lines))]))
def test_whatever_is_done_to_rows_they_are_read_or_named(mangles: list[tuple[str, int, int, str]], form: Any) -> None:
    rows = [list(each) for each in ROWS]
    touched = set()
    for how, at, column, words in mangles:
        touched.add(at)
        rows[at] += [""] * (len(COLUMNS) - len(rows[at]))
        if how == "cell":
            rows[at][column] = "".join(each for each in words if each.isprintable() or each == "\n")
        elif how == "swap":
            rows[at][column], rows[at][0] = rows[at][0], rows[at][column]
        elif how == "empty":
            rows[at][column] = ""
        elif how == "double":
            rows[at] = list(rows[(at + 1) % 4])
            touched.add((at + 1) % 4)
        elif how == "cut":
            rows[at] = rows[at][:column]
        else:
            rows[at] = [""] * len(COLUMNS)
    lines = table(*rows)
    try:
        _, found = read(form(lines))
    except Unreadable:  # each of the rows is empty
        assert not any(any(map(str, each)) for each in rows)
        return
    by_line = {each.line: each for each in found}
    for at, expected in enumerate(EXPECTED):
        # As a program that shows the file as a table counts: a row is one, however many lines its cells have.
        if at not in touched:
            assert known([by_line[len(above()) + 2 + at]])[0] == expected
    numbers = [each.external_id for each in found if not each.problems and each.external_id]
    assert len(numbers) == len(set(numbers))
    for each in found:
        assert each.problems or (each.facts["raw_status"] and (each.external_id or each.ticket))
        assert not (each.problems and each.facts)


FILES = (as_csv(table(*ROWS)), packed(cells_of(table(*ROWS))))


def test_rows_are_counted_as_programs_show_them() -> None:
    story = {**dict(zip(COLUMNS, ROWS[0], strict=True)), "Isi Laporan Awal": "Satu.\nDua.\nTiga."}
    lines = table(list(story.values()), ["12", *ROWS[1][1:]])
    for form in (as_csv, lambda lines: packed(cells_of(lines))):
        assert [each.line for each in read(form(lines))[1]] == [len(above()) + 2, len(above()) + 3]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_is_done_to_the_bytes_of_a_file_nothing_else_is_raised(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(FILES)))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content) - 1))
        how = data.draw(st.sampled_from(["flip", "drop", "repeat", "cut"]))
        if how == "flip":
            content[at] = data.draw(st.integers(0, 255))
        elif how == "drop":
            del content[at : at + data.draw(st.integers(1, 40))]
        elif how == "repeat":
            content[at:at] = content[at : at + data.draw(st.integers(1, 200))]
        else:
            del content[at:]
        if not content:
            break
    try:
        _, found = read(bytes(content))
    except Unreadable:
        return
    assert all(each.problems or each.external_id or each.own for each in found)
