"""SP4N-LAPOR!'s own form, field by field, for whoever enters a report there: a person by hand, or the API bridge.

What is known of the form are the constants here. Its text keeps 3,000 characters; what
does not fit goes along as a PDF.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from bridges.contract import Category, Office, Place, Report

if TYPE_CHECKING:
    from fpdf import FPDF

TITLE = 100
# What SP4N keeps of a text, counted as `length` does.
TEXT = 3000
# Each file that goes along, in bytes.
FILE = 2 << 20

# What the form says and sends for each class.
CLASSES = {
    "pengaduan": ("1", "PENGADUAN"),
    "permintaan_informasi": ("2", "PERMINTAAN INFORMASI"),
    "aspirasi": ("3", "ASPIRASI"),
}
# How the form calls its fields.
LABELS = {
    "class": "Pilih Klasifikasi Laporan",
    "title": "Ketik Judul Laporan Anda",
    "text": "Ketik Isi Laporan Anda",
    "date": "Pilih Tanggal Kejadian",
    "place": "Ketik Lokasi Kejadian",
    "place_words": "Patokan dari pelapor",
    "pin": "Titik peta",
    "office": "Ketik Instansi Tujuan",
    "category": "Pilih Kategori Laporan Anda",
    "anonymous": "Anonim",
    "secret": "Rahasia",
    "source": "Sumber Laporan",
}
YES, NO = "Ya", "Tidak"
TICKET = "Tiket kanal: "
CONTINUED = "[Lanjutan laporan ada di lampiran PDF.]"
# In the PDF, for a letter that its font does not have, and the line that says so.
UNPRINTED = "◊"
_UNPRINTED_SAID = "◊ berarti huruf yang tidak dapat dicetak di sini."

# The citizen's words about place and time below the text, and what of them is too much there.
_MOST_WORDS = 300


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the form: our key, its label there, what is to be entered ("" where nothing is known).

    `note` is a key of texts (desk/texts/id/handover.toml) where a person must look twice: no_day, not_asked, long,
    no_place, no_district, no_office, no_category. `code` is the id of a choice there, `above` the branch of its tree.
    """

    key: str
    label: str
    value: str
    note: str | None = None
    code: str | None = None
    above: str | None = None


def fields(report: Report) -> list[Field]:
    """What is entered for a report, in the order of the form. Its files follow them."""
    written, rest = content(report)
    code, name = CLASSES[report.report_class]
    place, office, category = report.place, report.agency, report.category
    return [
        _field("class", name, code=code),
        _field("title", _lines(report.title).replace("\n", " ")[:TITLE]),
        _field("text", written, "long" if rest is not None else None),
        _date(report),
        _field("place", _names(place), _missing(place)),
        *([_field("place_words", _lines(place.words))] if place.words else []),
        *([_field("pin", pin)] if (pin := _pin(place)) else []),
        _field("office", office.name if office else "", None if office else "no_office", _number(office)),
        _field(
            "category",
            category.name if category else "",
            None if _number(category) else "no_category",
            _number(category),
            category.parent if category else None,
        ),
        _field("anonymous", YES if report.anonymous else NO),
        _field("secret", YES if report.secret else NO),
        _field("source", report.source),
    ]


def _field(key: str, value: str, note: str | None = None, code: str | None = None, above: str | None = None) -> Field:
    return Field(key, LABELS[key], value, note, code, above)


def _date(report: Report) -> Field:
    """The day of the incident; where the citizen named none, that of filing as a suggestion (in the zone of
    `filed_at`). The form asks for it with a pengaduan alone."""
    on = report.happened_on or report.filed_at.date()
    note = "not_asked" if report.report_class != "pengaduan" else "no_day" if report.happened_on is None else None
    return _field("date", on.strftime("%d-%m-%Y"), note)


def _number(chosen: Office | Category | None) -> str | None:
    """The id that a choice has in SP4N, which are all numbers; what is our own code is none."""
    return chosen.id if chosen is not None and chosen.id.isdecimal() else None


def _names(place: Place) -> str:
    return ", ".join(each for each in (place.village, place.district, place.city, place.province) if each)


def _missing(place: Place) -> str | None:
    return "no_place" if not (place.city or place.province) else None if place.district else "no_district"


def _pin(place: Place) -> str:
    if place.latitude is None or place.longitude is None:
        return ""
    return f"{place.latitude:.6f}, {place.longitude:.6f}"


# --- the text -----------------------------------------------------------------------------------------------------


def length(text: str) -> int:
    """How long a text is for the form: in UTF-16 code units, as a browser counts, and a line break is two, as a form
    sends it. SP4N does not say how it counts; this is the strictest way, so what fits by it fits by any."""
    return len(text) + text.count("\n") + sum(each > "\uffff" for each in text)


def content(report: Report) -> tuple[str, str | None]:
    """What goes into the field of the text, at most `TEXT` long, and what did not fit (None: nothing). Its last line is
    our ticket, which every search finds; before it stand the citizen's words about place and time, where the text does
    not have them, since the form has no field for these."""
    text = _lines(report.text).strip()
    said = (("Lokasi menurut pelapor", report.place.words), ("Waktu menurut pelapor", report.happened))
    lines = [
        f"{label}: {brief}" for label, words in said if (brief := _brief(words)) and brief not in _brief(text, None)
    ]
    below = "\n\n" + "\n".join([*lines, f"{TICKET}{report.ticket}"])
    head, rest = cut(text, TEXT - length(below))
    return f"{head}{below}".strip(), rest


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _brief(words: str | None, most: int | None = _MOST_WORDS) -> str:
    return " ".join((words or "").split())[:most]


def cut(text: str, room: int) -> tuple[str, str | None]:
    """The text where it fits into the room (`length`), and None; else as much as fits, at a word, with a closing line
    that says that the rest is attached, and the rest. Between both only blank space is left out.

    The room must be larger than the closing line.
    """
    if length(text) <= room:
        return text, None
    left = room - length(f"\n\n{CONTINUED}")
    at = _fits(text, left)
    words = re.match(r"(?s)(.*\S)\s", text[: at + 1])
    if words and length(words[1]) * 2 >= left:
        at = words.end(1)
    else:  # one word longer than half the room: it is broken, but no sign is
        while at > 1 and _continues(text, at):
            at -= 1
    head = text[:at].rstrip()
    return f"{head}\n\n{CONTINUED}" if head else CONTINUED, text[at:].lstrip()


def _fits(text: str, room: int) -> int:
    """How many characters of a text fit."""
    used = 0
    for at, each in enumerate(text):
        used += length(each)
        if used > room:
            return at
    return len(text)


def _continues(text: str, at: int) -> bool:
    """Whether the sign before `at` goes on there: an accent, a joined emoji, a skin colour."""
    here, before = text[at], text[at - 1]
    return (
        unicodedata.category(here) in ("Mn", "Me", "Mc")
        or "\u200d" in (here, before)
        or "\U0001f3fb" <= here <= "\U0001f3ff"
    )


# --- the whole of it as PDF -------------------------------------------------------------------------------------------


def rest_pdf(report: Report) -> bytes:
    """The whole report as PDF: title, ticket, all of the text, page numbers. What the font has no sign for stands by
    its name in brackets (emoji), or as ◊."""
    from fpdf import FPDF  # only whoever writes one needs the library

    class Pages(FPDF):
        def footer(self) -> None:
            self.set_y(-15)
            self.set_font("Roboto", size=9)
            self.cell(0, 10, f"{report.ticket}  ·  halaman {self.page_no()} dari {{nb}}", align="C")

    pdf = Pages()
    with as_file(files("font_roboto") / "files") as folder:
        pdf.add_font("Roboto", fname=folder / "Roboto-Regular.ttf")
        pdf.add_font("Roboto", "B", folder / "Roboto-Bold.ttf")
    pdf.set_title(f"Lampiran laporan {report.ticket}")
    pdf.set_lang("id")
    pdf.set_creation_date(report.filed_at)  # the same report is the same file
    pdf.set_auto_page_break(True, margin=20)
    pdf.add_page()
    _paragraph(pdf, report.title, size=15, bold=True)
    _paragraph(pdf, f"{TICKET}{report.ticket}", size=10)
    pdf.ln(4)
    for each in _lines(report.text).split("\n"):
        if each.strip():
            _paragraph(pdf, each, size=11)
        else:
            pdf.ln(3)
    if UNPRINTED in printable(report.title + report.text):
        pdf.ln(4)
        _paragraph(pdf, _UNPRINTED_SAID, size=9)
    return bytes(pdf.output())


def _paragraph(pdf: FPDF, text: str, *, size: int, bold: bool = False) -> None:
    pdf.set_font("Roboto", "B" if bold else "", size)
    pdf.multi_cell(0, size * 0.55, printable(text), align="L", new_x="LMARGIN", new_y="NEXT")


def printable(text: str) -> str:
    """The same words with signs that the font has."""
    return "".join(map(_printed, unicodedata.normalize("NFC", text)))


def _printed(sign: str) -> str:
    if sign == "\t":
        return "    "
    kind = unicodedata.category(sign)
    if kind in ("Cc", "Cf") or "\ufe00" <= sign <= "\ufe0f" or "\U0001f3fb" <= sign <= "\U0001f3ff":
        return ""  # nothing to see of its own: controls, joiners, variants, skin colours
    if ord(sign) in _signs():
        return sign
    plain = unicodedata.normalize("NFKC", sign)
    if plain != sign and all(ord(each) in _signs() for each in plain):
        return plain
    if kind in ("So", "Sk", "Sm") and (name := unicodedata.name(sign, "")):
        return f"[{name.lower()}]"
    return UNPRINTED


@cache
def _signs() -> frozenset[int]:
    from fontTools.ttLib import TTFont

    found: set[int] = set()
    with as_file(files("font_roboto") / "files") as folder:
        for number, name in enumerate(("Roboto-Regular.ttf", "Roboto-Bold.ttf")):
            signs = set(TTFont(folder / name).getBestCmap())
            found = signs if not number else found & signs
    return frozenset(found)


# --- the number that SP4N gives ---------------------------------------------------------------------------------------

_SEPARATORS = re.compile(r"[\s.\-]+")


def read_tracking_id(typed: str) -> tuple[str, bool]:
    """A number of SP4N as somebody wrote it (blanks, dots, dashes or a # before it do no harm): its digits, and whether
    it needs to be confirmed, since it has 8 to 10 of them where all that we know have 7. Raises ValueError."""
    found = _SEPARATORS.sub("", unicodedata.normalize("NFKC", typed)).removeprefix("#")
    if not (found.isascii() and found.isdecimal() and 7 <= len(found) <= 10):
        raise ValueError("no number of SP4N")
    return found, len(found) > 7
