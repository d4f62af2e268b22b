"""Tables as files that leave the house, written while they are read: CSV, and XLSX with one sheet of words.

A program that opens a file must never take a citizen's words for a formula. In CSV a cell that would begin as one gets
an apostrophe before it, also where another separator than ours would make a new cell of its middle; in XLSX every cell
is text. Nothing is ever put down on a disk.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import AsyncIterator, Sequence
from xml.sax.saxutils import escape

# What spreadsheets take for the beginning of a formula, at the beginning of a cell and after what they may take for the
# end of one.
_BEGINS = re.compile(r"[\s\"]*(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")
_BEGINS_WITHIN = re.compile(r"([;,\t|][\s\"]*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")
_BREAKS = re.compile(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")
# Characters that XML 1.0 cannot have.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# The most that a cell of a spreadsheet can hold, less what says that there was more.
LONGEST = 32_000
CUT = " […]"


def harmless(cell: str) -> str:
    """A cell of CSV that no program takes for a formula; in one line, so that a report is a line."""
    if not cell.isprintable():
        cell = _BREAKS.sub(" ", cell.replace("\x00", ""))
    cell = _BEGINS_WITHIN.sub(r"\1'", cell)
    return f"'{cell}" if _BEGINS.match(cell) else cell


async def as_csv(rows: AsyncIterator[Sequence[str]]) -> AsyncIterator[bytes]:
    """The rows as CSV in UTF-8, with the mark by which spreadsheets know it."""
    buffer = io.StringIO()
    buffer.write("\ufeff")
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    async for row in rows:
        writer.writerow([harmless(cell) for cell in row])
        if buffer.tell() > 64_000:
            yield buffer.getvalue().encode("utf-8", "replace")
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode("utf-8", "replace")


_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_SHEET_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
# What an XLSX file has beside its sheet.
_PARTS = {
    "[Content_Types].xml": (
        f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_SHEET_TYPE}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_SHEET_TYPE}.worksheet+xml"/></Types>'
    ),
    "_rels/.rels": (
        f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/workbook.xml": (
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
        '<sheet name="{title}" sheetId="1" r:id="rId1"/></sheets></workbook>'
    ),
    "xl/_rels/workbook.xml.rels": (
        f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>'
    ),
}


class _Pipe(io.RawIOBase):
    """Takes what the archive writes, until it is fetched. It cannot be sought, so the archive writes straight on."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, chunk: object) -> int:
        added = bytes(chunk)  # type: ignore[call-overload]
        self._waiting += added
        return len(added)

    def fetch(self) -> bytes:
        """What was written since the last time."""
        found = bytes(self._waiting)
        self._waiting.clear()
        return found


async def as_xlsx(title: str, rows: AsyncIterator[Sequence[str]]) -> AsyncIterator[bytes]:
    """The rows as an XLSX file with one sheet of that title (up to 31 letters and spaces); each cell is text."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in _PARTS.items():
            archive.writestr(name, _HEAD + content.replace("{title}", escape(title)))
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            sheet.write(f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>'.encode())
            async for row in rows:
                sheet.write(f"<row>{''.join(map(_cell, row))}</row>".encode())
                if len(ready := pipe.fetch()) > 0:
                    yield ready
            sheet.write(b"</sheetData></worksheet>")
    yield pipe.fetch()


def _cell(words: str) -> str:
    kept = _NO_XML.sub("", words if len(words) <= LONGEST else words[:LONGEST] + CUT)
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(kept)}</t></is></c>' if kept else "<c/>"
