"""The page for residents whom somebody assists: one A4 sheet to hand out, as PDF. Its words: pages/handout.toml."""

from __future__ import annotations

import io
import tomllib
from collections.abc import Mapping
from datetime import datetime
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import segno
from fpdf import FPDF

from api.settings import Settings

WORDS = Path(__file__).parent / "pages" / "handout.toml"
# Millimetres. The sheet is read at arm's length, and copied on bad machines: nothing grey, nothing small.
MARGIN, QR, GAP = 15.0, 32.0, 2.4
# Points: the largest size in which the words fit on a page, as some addresses are long.
SIZES = (11.0, 10.5, 10.0, 9.5)
# A heading and the title, and a line in millimetres, as parts of that size.
HEAD, TITLE, LINE = 1.14, 2.2, 0.445


class TooLong(ValueError):
    """The words do not fit on one page."""


def words(settings: Settings) -> Mapping[str, Any]:
    """The words of the sheet, with the addresses and days of this house in them."""
    known = {
        "address": f"{settings.public_url}/chat",
        "check": f"{settings.public_url}/periksa",
        "days": settings.assist_takeover_days,
        "kept": settings.retention_closed_days,
    }

    def filled(value: Any) -> Any:
        match value:
            case str():
                return value.format_map(known)
            case list():
                return [filled(each) for each in value]
            case dict():
                return {key: filled(each) for key, each in value.items()}
        return value

    told: Mapping[str, Any] = filled(tomllib.loads(WORDS.read_text(encoding="utf-8")))
    return told


class Sheet(FPDF):
    """A page in letters of that size."""

    def __init__(self, size: float) -> None:
        super().__init__()
        self.size = size

    def write_words(self, text: str, part: float = 1.0, *, bold: bool = False, width: float = 0) -> None:
        """A paragraph, in letters that are so many times the size of the page's."""
        self.set_font("Roboto", "B" if bold else "", self.size * part)
        self.multi_cell(width, self.size * part * LINE, text, align="L", new_x="LMARGIN", new_y="NEXT")


def pdf(said: Mapping[str, Any], made_at: datetime) -> bytes:
    """The sheet. The same words and moment make the same file. Raises `TooLong` where one page does not hold them."""
    for size in SIZES:
        sheet = _sheet(said, made_at, size)
        if sheet.pages_count == 1:
            return bytes(sheet.output())
    raise TooLong(f"{WORDS.name}: the words do not fit on one page")


def _sheet(said: Mapping[str, Any], made_at: datetime, size: float) -> Sheet:
    sheet = Sheet(size)
    with as_file(files("font_roboto") / "files") as folder:
        sheet.add_font("Roboto", fname=folder / "Roboto-Regular.ttf")
        sheet.add_font("Roboto", "B", folder / "Roboto-Bold.ttf")
    sheet.set_title(said["file_title"])
    sheet.set_lang("id")
    sheet.set_creation_date(made_at)
    sheet.set_margins(MARGIN, MARGIN)
    sheet.c_margin = 0
    sheet.set_auto_page_break(True, margin=MARGIN)
    sheet.add_page()
    _head(sheet, said)
    _danger(sheet, said["danger"])
    for part in said["part"]:
        _part(sheet, part)
    _noted(sheet, said["noted"])
    return sheet


def _head(sheet: Sheet, said: Mapping[str, Any]) -> None:
    """What this is, and the way to the chat for whoever has a telephone."""
    picture = io.BytesIO()
    segno.make(said["address"], error="m", micro=False).save(picture, kind="png", scale=12, border=2)
    left, width = sheet.w - MARGIN - QR, sheet.epw - QR - 6
    sheet.image(picture, x=left, y=MARGIN, w=QR, h=QR, alt_text=said["address"])
    sheet.write_words(said["title"], TITLE, bold=True, width=width)
    sheet.write_words(said["lead"], HEAD, width=width)
    sheet.ln(GAP)
    sheet.write_words(f"{said['scan']}:", width=width)
    sheet.write_words(said["address"], HEAD, bold=True, width=width)
    sheet.set_y(max(sheet.get_y(), MARGIN + QR) + GAP)


def _danger(sheet: Sheet, said: Mapping[str, Any]) -> None:
    """What must be found first, in a frame."""
    top = sheet.get_y()
    sheet.set_y(top + GAP)
    for text, part, bold in ((said["title"], HEAD, True), (said["text"], 1.0, False)):
        sheet.set_x(MARGIN + 3)
        sheet.write_words(text, part, bold=bold, width=sheet.epw - 6)
    sheet.set_line_width(0.8)
    sheet.rect(MARGIN, top, sheet.epw, sheet.get_y() + GAP - top)
    sheet.set_line_width(0.2)
    sheet.set_y(sheet.get_y() + 2 * GAP)


def _part(sheet: Sheet, part: Mapping[str, Any]) -> None:
    sheet.write_words(part["title"], HEAD, bold=True)
    if "text" in part:
        sheet.write_words(part["text"])
    for point in part.get("points", ()):
        sheet.set_font("Roboto", size=sheet.size)
        sheet.cell(4, sheet.size * LINE, "•")
        sheet.write_words(point, width=sheet.epw - 4)
    sheet.ln(GAP)


def _noted(sheet: Sheet, said: Mapping[str, Any]) -> None:
    """Lines to write on, two in a row."""
    sheet.write_words(said["title"], HEAD, bold=True)
    half, line_height = sheet.epw / 2, sheet.size * LINE
    for at in range(0, len(said["lines"]), 2):
        sheet.ln(line_height)
        for line in said["lines"][at : at + 2]:
            sheet.set_font("Roboto", size=sheet.size)
            sheet.cell(32, line_height, line)
            sheet.cell(half - 36, line_height, "", border="B")
            sheet.cell(4, line_height, "")
        sheet.ln(line_height)
    sheet.ln(GAP)
    sheet.write_words(said["caution"], bold=True)
