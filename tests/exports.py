"""Exports of SP4N's for tests: their lines, and files of them as several programs write them."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

from openpyxl import Workbook

from bridges.ringkas import COLUMNS

Lines = list[list[Any]]
GENERATED = "20 Nov 2026 03:15:00"
HEAD = 6  # lines above the table's headings, one of them empty


def above(generated: str | None = GENERATED) -> Lines:
    """What SP4N puts above the table."""
    return [
        ["Judul Laporan", "Laporan Ringkas"],
        ["Nama Instansi", "Pemerintah Kota Palembang"],
        *([["Tanggal Generate", generated]] if generated else []),
        ["Periode Masuk", "1 Sep 2024 - 30 Sep 2024"],
        ["Pengelola", "Petugas Contoh"],
        [],
    ]


def row(number: object = "9171234", **said: Any) -> list[Any]:
    """A row of the table; `said` by column, written as an identifier: Status_Laporan."""
    facts = {
        "Tracking ID": number,
        "Tanggal Laporan Masuk": "23 Sep 2024",
        "Waktu Laporan Masuk": "00:41:43",
        "Nama Pelapor": "Nama Yang Tidak Boleh Ikut",
        "Klasifikasi Laporan": "Pengaduan Tidak Berkadar Pengawasan",
        "ID Kategori": "1602",
        "Kategori": "Layanan Kelistrikan",
        "Judul Laporan": "Lampu jalan mati di Plaju",
        "Isi Laporan Awal": "Cerita yang tidak boleh ikut, sudah tiga malam gelap.",
        "Isi Laporan Akhir": "Cerita Yang Tidak Boleh Ikut, Sudah Tiga Malam Gelap.",
        "Tipe Laporan": "",
        "Sumber Laporan": "Website",
        "Instansi Induk": "Pemerintah Kota Palembang",
        "ID Instansi Terdisposisi": "4711",
        "Instansi Terdisposisi": "Dinas Perhubungan",
        "Status Laporan": "Terdisposisi ke Dinas Perhubungan",
        "Alasan Tunda/Arsip": "",
        "Provinsi": "Provinsi Sumatera Selatan",
        "Kota/Kabupaten": "Kota Palembang",
        "Kecamatan": "Plaju",
        "Kelurahan": "",
    }
    named = {_plain(column): column for column in COLUMNS}
    for name, value in said.items():
        facts[named[_plain(name)]] = value
    return [facts[column] for column in COLUMNS]


def _plain(name: str) -> str:
    return name.replace(" ", "_").replace("/", "_").casefold()


def table(*rows: Sequence[Any], generated: str | None = GENERATED) -> Lines:
    """A whole file: what stands above, the headings, these rows."""
    return [*above(generated), list(COLUMNS), *map(list, rows)]


def as_csv(lines: Lines, *, encoding: str = "utf-8-sig", delimiter: str = ",") -> bytes:
    """The lines as CSV."""
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows(lines)
    return out.getvalue().encode(encoding)


def as_xlsx(lines: Lines, *, before: Sequence[str] = ()) -> bytes:
    """The lines as openpyxl writes them, behind empty sheets of these names."""
    book = Workbook()
    for name in before:
        book.create_sheet(name).append(["Petunjuk"])
    sheet = book.create_sheet("Laporan")
    for line in lines:
        sheet.append(line)
    book.remove(book["Sheet"])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
WORKBOOK = {
    "xl/workbook.xml": (
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets><sheet name="s" sheetId="1" r:id="rId1"/></sheets>'
        "</workbook>"
    ),
    "xl/_rels/workbook.xml.rels": (
        f'<Relationships xmlns="{_PACKAGE}">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>'
    ),
}


def packed(sheet: str, **parts: str | bytes) -> bytes:
    """A small XLSX file of this XML of its sheet and these parts, by their paths below xl/ without the suffix."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in WORKBOOK.items():
            archive.writestr(name, content)
        archive.writestr("xl/worksheets/sheet1.xml", sheet)
        for name, more in parts.items():
            archive.writestr(f"xl/{name}.xml", more)
    return out.getvalue()


def cells_of(lines: Lines) -> str:
    """The lines as the XML of a sheet, with texts in the cells."""
    rows = "".join(
        "<row>"
        + "".join(
            f'<c t="inlineStr"><is><t>{escape(str(cell))}</t></is></c>' if cell != "" else "<c/>" for cell in line
        )
        + "</row>"
        for line in lines
    )
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{rows}</sheetData></worksheet>'


def _cell(value: object) -> str:
    return f'<c t="inlineStr"><is><t>{escape(str(value))}</t></is></c>' if value != "" else "<c/>"
