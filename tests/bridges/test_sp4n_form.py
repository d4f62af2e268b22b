"""SP4N-LAPOR!'s form: nothing of a report is lost between its field and the PDF, and our ticket always stands there."""

from __future__ import annotations

import re
import zlib
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bridges import sp4n_form
from bridges.contract import Category, Office, Place, Report
from bridges.sp4n_form import CONTINUED, TEXT, TICKET, content, cut, fields, length, read_tracking_id, rest_pdf

FILED = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
# What people send: words of any length and script, emoji, line ends of every kind, no blanks at all.
WORDS = st.lists(
    st.one_of(
        st.sampled_from(
            ["jalan", "rusak", "🙏🏽", "👨‍👩‍👧", "e\u0301", "عليكم", "\n", "\r\n", "\n\n", "\t", "x" * 700, "🕳️" * 90]
        ),
        st.text(max_size=12),
    ),
    max_size=60,
).flatmap(lambda parts: st.sampled_from(["", " "]).map(lambda between: between.join(parts)))


def report(text: str = "Jalan rusak.", **details: Any) -> Report:
    """A report of Palembang."""
    place = Place("16.71", "Sumatera Selatan", "Kota Palembang", "Sukarami", "Sukajaya", "depan masjid", -2.98, 104.76)
    known = {"report_class": "pengaduan", "title": "Jalan rusak", "filed_at": FILED, "place": place, **details}
    return Report("T-482-173-9051", text=text, **known)


def by_key(found: list[sp4n_form.Field]) -> dict[str, sp4n_form.Field]:
    return {each.key: each for each in found}


def squeezed(text: str) -> str:
    """A text without blanks."""
    return "".join(text.split())


@settings(max_examples=150, deadline=None)
@given(WORDS, st.integers(150, 3000))
@example("a" * 5000, 3000)
@example("🙏" * 2000, 3000)
@example("\n" * 4000, 3000)
@example("kata " * 1000, 3000)
@example("x" * 3000, 3000)
def test_what_does_not_fit_is_the_rest_and_nothing_is_lost(text: str, room: int) -> None:
    head, rest = cut(text, room)
    assert length(head) <= room
    if rest is None:
        assert head == text
        return
    assert length(text) > room
    assert head.endswith(CONTINUED)
    kept = head.removesuffix(CONTINUED)
    assert squeezed(kept + rest) == squeezed(text)
    assert text.startswith(kept.rstrip())


@settings(max_examples=80, deadline=None)
@given(WORDS.map(lambda text: text * 8), st.one_of(st.none(), st.text(max_size=2000)), st.text(max_size=500))
def test_the_field_is_never_too_long_and_ends_with_our_ticket(text: str, happened: str | None, place: str) -> None:
    written, rest = content(report(text, happened=happened, place=Place(words=place)))
    assert length(written) <= TEXT
    assert len(written.encode("utf-16-le")) // 2 <= TEXT
    assert len(written.replace("\n", "\r\n")) <= TEXT
    assert written.split("\n")[-1] == f"{TICKET}T-482-173-9051"
    assert (rest is not None) == (CONTINUED in written and CONTINUED not in text)
    found = by_key(fields(report(text)))
    assert found["text"].note in (None, "long")


def test_it_is_cut_at_a_word_and_between_signs() -> None:
    assert (
        cut("satu dua tiga empat " * 10, 100)[0]
        == f"satu dua tiga empat satu dua tiga empat satu dua tiga\n\n{CONTINUED}"
    )
    joined = "👨‍👩‍👧" * 30
    head, rest = cut(joined, 100)
    assert rest is not None
    assert head.removesuffix(f"\n\n{CONTINUED}") + rest == joined
    assert rest.startswith("👨")
    accented, rest = cut("e\u0301" * 60, 100)
    assert accented.removesuffix(f"\n\n{CONTINUED}").endswith("\u0301")


@pytest.mark.parametrize(("text", "long"), [("a\n\U0001f64f", 5), ("", 0), ("é", 1), ("e\u0301", 2)])
def test_it_counts_as_the_strictest_does(text: str, long: int) -> None:
    assert length(text) == long


def test_the_form_has_its_order_and_its_words() -> None:
    office, category = Office("16042", "Pemerintah Kota Palembang"), Category("91", "Jalan rusak", "Infrastruktur")
    found = fields(
        report(
            title="Jalan rusak\ndi depan pasar",
            happened="Senin pagi",
            happened_on=date(2026, 11, 9),
            category=category,
            agency=office,
            anonymous=True,
            source="Telegram",
        )
    )
    assert [each.key for each in found] == [
        "class",
        "title",
        "text",
        "date",
        "place",
        "place_words",
        "pin",
        "office",
        "category",
        "anonymous",
        "secret",
        "source",
    ]
    form = by_key(found)
    assert (form["class"].value, form["class"].code) == ("PENGADUAN", "1")
    assert form["title"].value == "Jalan rusak di depan pasar"
    assert form["date"].value == "09-11-2026"
    assert form["date"].note is None
    assert form["place"].value == "Sukajaya, Sukarami, Kota Palembang, Sumatera Selatan"
    assert form["pin"].value == "-2.980000, 104.760000"
    assert (form["category"].value, form["category"].code, form["category"].above) == (
        "Jalan rusak",
        "91",
        "Infrastruktur",
    )
    assert (form["office"].value, form["office"].code) == ("Pemerintah Kota Palembang", "16042")
    assert (form["anonymous"].value, form["secret"].value, form["source"].value) == ("Ya", "Tidak", "Telegram")
    assert form["text"].value == (
        "Jalan rusak.\n\nLokasi menurut pelapor: depan masjid\nWaktu menurut pelapor: Senin pagi\n"
        "Tiket kanal: T-482-173-9051"
    )
    assert [each.note for each in found if each.note] == []


def test_what_the_text_says_already_is_not_said_again() -> None:
    written, _ = content(report("Lampu mati di depan\n masjid itu.", happened=None))
    assert "Lokasi menurut" not in written


def test_what_is_not_known_is_said() -> None:
    found = by_key(fields(report(place=Place(), title="x" * 150)))
    notes = {key: each.note for key, each in found.items() if each.note}
    assert notes == {"date": "no_day", "place": "no_place", "office": "no_office", "category": "no_category"}
    assert found["date"].value == "22-11-2026"
    assert len(found["title"].value) == 100
    assert by_key(fields(report(place=Place(city="Kota Palembang"))))["place"].note == "no_district"
    ours = by_key(fields(report(agency=Office("16.71-pu", "Dinas PUPR"), category=Category("", "Jalan"))))
    assert (ours["office"].value, ours["office"].code, ours["office"].note) == ("Dinas PUPR", None, None)
    assert (ours["category"].value, ours["category"].code, ours["category"].note) == ("Jalan", None, "no_category")
    for report_class, code in (("permintaan_informasi", "2"), ("aspirasi", "3")):
        other = by_key(fields(report(report_class=report_class)))
        assert (other["class"].code, other["date"].note) == (code, "not_asked")


# --- the PDF ----------------------------------------------------------------------------------------------


def signs_in(pdf: bytes) -> int:
    """How many signs stand on the pages of a PDF: two bytes each in the strings of its content."""
    found = 0
    for packed in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        try:
            page = zlib.decompress(packed)
        except zlib.error:
            continue
        if b"BT" in page:
            strings = re.findall(rb"\((.*?)(?<!\\)\)\s*T[jJ]|\[(.*?)\]\s*TJ", page, re.DOTALL)
            found += sum(len(one or other) for one, other in strings) // 2
    return found


def test_the_pdf_has_pages_and_is_the_same_each_time() -> None:
    written = report("Sudah tiga bulan jalan ini rusak parah. " * 300)
    pdf = rest_pdf(written)
    assert pdf.startswith(b"%PDF-")
    assert pdf.rstrip().endswith(b"%%EOF")
    assert len(re.findall(rb"/Type /Page\b", pdf)) >= 3
    assert pdf == rest_pdf(written)
    assert len(pdf) < sp4n_form.FILE
    assert signs_in(pdf) > 11_000


@settings(max_examples=12, deadline=None)
@given(WORDS, st.text(min_size=1, max_size=100))
@example("🙏🏽 عليكم السلام 𝐁𝐨𝐥𝐝 ꦲ \x07 \ud83d", "\U0001f64f")
def test_no_text_breaks_the_pdf(text: str, title: str) -> None:
    assert rest_pdf(report(text, title=title)).startswith(b"%PDF-")


def test_what_the_font_does_not_have_is_shown_all_the_same() -> None:
    said = sp4n_form.printable("Tolong 🙏🏽 di 𝐁𝐨𝐥𝐝, Jalan “Ḥasan” – 3 m² ≥ 2: ع")
    assert said == "Tolong [person with folded hands] di Bold, Jalan “Ḥasan” – 3 m² ≥ 2: ◊"


# --- the number ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("8512345", ("8512345", False)),
        (" 8 512 345 ", ("8512345", False)),
        ("#8.512.345", ("8512345", False)),
        ("8512-345", ("8512345", False)),
        ("８５１２３４５", ("8512345", False)),
        ("85123456", ("85123456", True)),
        ("8512345678", ("8512345678", True)),
    ],
)
def test_a_number_is_read_as_people_write_it(typed: str, read: tuple[str, bool]) -> None:
    assert read_tracking_id(typed) == read


@pytest.mark.parametrize(
    "typed", ["", "851234", "85123456789", "T-482-173-9051", "851234x", "8512345;", "-", "²²²²²²²x", "8512345 8512346"]
)
def test_what_is_no_number_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="no number"):
        read_tracking_id(typed)


@given(st.text(max_size=30))
def test_any_words_are_a_number_or_none(typed: str) -> None:
    try:
        digits, unusual = read_tracking_id(typed)
    except ValueError:
        return
    assert re.fullmatch(r"[0-9]{7,10}", digits)
    assert unusual == (len(digits) > 7)
