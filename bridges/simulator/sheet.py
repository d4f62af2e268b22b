"""The export "Laporan Ringkas" as XLSX and CSV: header lines, then 21 columns where SP4N has them, times in UTC."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from bridges.simulator.clocks import export_day, export_time, long_date
from bridges.simulator.reports import Report
from bridges.simulator.storage import parent_of

COLUMNS = (
    "Tracking ID",
    "Tanggal Laporan Masuk",
    "Waktu Laporan Masuk",
    "Nama Pelapor",
    "Klasifikasi Laporan",
    "ID Kategori",
    "Kategori",
    "Judul Laporan",
    "Isi Laporan Awal",
    "Isi Laporan Akhir",
    "Tipe Laporan",
    "Sumber Laporan",
    "Instansi Induk",
    "ID Instansi Terdisposisi",
    "Instansi Terdisposisi",
    "Status Laporan",
    "Alasan Tunda/Arsip",
    "Provinsi",
    "Kota/Kabupaten",
    "Kecamatan",
    "Kelurahan",
)
# What administrators call the classes; whether a pengaduan is "berkadar" is theirs to say, and here nobody says it.
CLASSES = {1: "Pengaduan Tidak Berkadar Pengawasan", 2: "Permintaan Informasi", 3: "Aspirasi"}
OWNER = "Pemerintah Provinsi Sumatera Selatan"
# What a spreadsheet cannot hold.
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")


def lines(
    reports: Iterable[Report], since: date | None, until: date | None, now: datetime
) -> Iterator[tuple[str, ...]]:
    """The lines of the export for reports received on these days (by UTC, as SP4N has it), each a tuple of cells."""
    yield "Judul Laporan", "Laporan Ringkas"
    yield "Nama Instansi", OWNER
    yield "Tanggal Generate", long_date(now)
    yield "Periode Masuk", f"{_day(since)} - {_day(until or now.astimezone(UTC).date())}"
    yield "Pengelola", "Admin Instansi"
    yield ()
    yield COLUMNS
    for report in reports:
        day = report.received_at.astimezone(UTC).date()
        if report.tracking_id is not None and (since or day) <= day <= (until or day):
            yield _row(report, report.tracking_id)


def _day(day: date | None) -> str:
    return export_day(datetime(day.year, day.month, day.day, tzinfo=UTC)) if day else "awal"


def _row(report: Report, tracking_id: str) -> tuple[str, ...]:
    unit = report.at_unit
    return (
        tracking_id,
        export_day(report.received_at),
        export_time(report.received_at),
        report.name or "",
        CLASSES[report.classification],
        report.category_id or "",
        report.category or "",
        report.title,
        report.text,
        report.final_text,
        report.flags,
        report.source,
        parent_of(report),
        unit.id if unit else "",
        unit.name if unit else "",
        report.status,
        report.reason or "",
        report.province or "",
        report.city or "",
        report.district or "",
        report.village or "",
    )


def as_csv(cells: Iterable[tuple[str, ...]]) -> bytes:
    """The lines as CSV: UTF-8, commas, CRLF."""
    file = io.StringIO()
    csv.writer(file).writerows(cells)
    return file.getvalue().encode()


def as_xlsx(cells: Iterable[tuple[str, ...]]) -> bytes:
    """The lines as a workbook of one sheet; everything is text, whatever it begins with."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Laporan Ringkas")
    for each in cells:
        row = []
        for value in each:
            cell = WriteOnlyCell(sheet, value=_CONTROLS.sub("", value))
            cell.data_type = "s"
            row.append(cell)
        sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def days(since: str | None, until: str | None) -> tuple[date | None, date | None]:
    """The days of a request, as 2026-11-24. Raises ValueError."""
    found = [date.fromisoformat(each) if each else None for each in (since, until)]
    if found[0] and found[1] and found[1] - found[0] < timedelta():
        raise ValueError("the last day is before the first")
    return found[0], found[1]
