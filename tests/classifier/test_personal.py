"""Personal data are found where they stand, and what only looks like them is left alone."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.personal import MARKS, mask, personal

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=300)
DIGITS = "0123456789"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("NIK saya 3171011708450001.", "NIK saya [NIK]."),
        ("nik 1671-0157-0845-0001 ya", "nik [NIK] ya"),
        ("ktp: 167101 570845 0001", "ktp: [NIK]"),
        ("16.71.01.570845.0001", "[NIK]"),
        ("NIK 1671019999990001", "NIK [NIK]"),
        ("KK 1671012345678901", "KK [NO KK]"),
        ("No. kartu keluarga: 1671011708450001", "No. kartu keluarga: [NO KK]"),
        ("1234567890123456", "[NOMOR]"),
        ("kartu atm nomor 1946 9111 3333 7777", "kartu atm nomor [REKENING]"),
        ("hub 0812-3456-7890", "hub [TELP]"),
        ("+62 812 3456 7890", "[TELP]"),
        ("(+62) 812-3456-7890", "[TELP]"),
        ("6281234567890", "[TELP]"),
        ("wa.me/6281234567890", "wa.me/[TELP]"),
        ("hp081234567890", "hp[TELP]"),
        ("(0711) 123456 atau 0711-352005", "[TELP] atau [TELP]"),
        ("021 5551234", "[TELP]"),
        ("telp 0711352005", "telp [TELP]"),
        ("WA: 812 3456 7890", "WA: [TELP]"),
        ("kirim ke a.b+c@contoh.example.id.", "kirim ke [EMAIL]."),
        ("mobil BG 1234 AB menabrak", "mobil [PLAT] menabrak"),
        ("motor dd4567xy", "motor [PLAT]"),
        ("plat b 1 ri", "plat [PLAT]"),
        ("nopol D 4321 XY", "nopol [PLAT]"),
        ("H-4321-XY", "[PLAT]"),
        ("rek BRI 1234-01-012345-53-0 a.n.", "rek BRI [REKENING] a.n."),
        ("rekening bca saya 1234567890", "rekening bca saya [REKENING]"),
        ("01.312.166.0-091.000", "[NPWP]"),
        ("NPWP 013121660091000", "NPWP [NPWP]"),
        ("NIP 198001012005011003", "NIP [NOMOR]"),
        ("19800101 200501 1 003", "[NOMOR]"),
        ("no kartu BPJS 0001234567890", "no kartu BPJS [NOMOR]"),
        ("paspor A1234567", "paspor [NOMOR]"),
        ("081234567890 3171011708450001", "[TELP] [NIK]"),
        ("081234567890/081298765432", "[TELP]/[TELP]"),
    ],
)
def test_what_is_personal_is_masked(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "T-123-456-7890",
        "tiket T-081-234-5678",
        "UU No 25 Tahun 2009 Pasal 12",
        "Perda 10/2016, PP 34/2006, nomor 07.05.03.04.2.48213",
        "SK No. 412/XY.7/-2.468.13",
        "Rp10.000.000.000 dan Rp. 12.345.678.901,-",
        "anggaran 360.000.000",
        "rekening sebesar Rp 10.000.000",
        "12-05-2017 08.00-16.00 2019-03-21 21:15",
        "TTL 17-08-1990 12.30",
        "-6.971319, 104.756554",
        "-2.976012345678, 104.775412345678",
        "RT 12 AB, RT 03 RW 07",
        "KM 12 A",
        "No 5 B",
        "Blok A 12 B",
        "ada 2000 orang",
        "pada 2023 di kantor",
        "Januari B 2018 TH",
        "idpel 531234567890",
        "no meter 14123456789",
        "resi JP1234567890",
        "RTLH, BLT, PKH 2022",
        "@dinas",
        "[NIK] [TELP] [NOMOR]",
    ],
)
def test_what_only_looks_personal_stays(text: str) -> None:
    assert mask(text) == text


@given(ANY_TEXT)
def test_any_text_is_accepted_and_only_what_was_found_changes(text: str) -> None:
    found = personal(text)
    ends = [0]
    rest = []
    for one in found:
        assert ends[-1] <= one.start < one.end <= len(text)
        assert one.kind in MARKS
        rest.append(text[ends[-1] : one.start] + MARKS[one.kind])
        ends.append(one.end)
    assert mask(text) == "".join(rest) + text[ends[-1] :]


WORDS = st.text(st.sampled_from("abcdefghij ,.\n"), min_size=1, max_size=30).map(lambda words: f" {words} ")
BIRTHS = st.tuples(st.integers(1, 28), st.sampled_from((0, 40)), st.integers(1, 12), st.integers(0, 99))


@given(WORDS, WORDS, st.sampled_from(("1671", "7371", "3171")), BIRTHS, st.integers(1, 9999), st.sampled_from(" .-_"))
def test_a_nik_is_found_wherever_it_stands(
    before: str, after: str, place: str, birth: tuple[int, int, int, int], number: int, between: str
) -> None:
    day, woman, month, year = birth
    parts = (f"{place}01", f"{day + woman:02}{month:02}{year:02}", f"{number:04}")
    written = between.join(parts) if between != "_" else "".join(parts)
    assert mask(before + written + after) == before + MARKS["nik"] + after


@given(
    WORDS,
    WORDS,
    st.sampled_from("1235789"),
    st.text(DIGITS, min_size=7, max_size=9),
    st.sampled_from("+62 08 62".split()),
)
def test_a_mobile_number_is_found_wherever_it_stands(before: str, after: str, second: str, rest: str, way: str) -> None:
    written = f"{way.removesuffix('8')}8{second}{rest}"
    assert mask(before + written + after) == before + MARKS["phone"] + after


@given(st.integers(0, 999), st.integers(0, 999), st.integers(0, 9999), st.sampled_from("TKLP"))
def test_a_ticket_number_is_nobodys(first: int, second: int, third: int, letter: str) -> None:
    text = f"laporan {letter}-{first:03}-{second:03}-{third:04} bagaimana"
    assert mask(text) == text


@given(
    st.lists(
        st.sampled_from(["3171011708450001", "081234567890", "BG 1234 AB", "a@b.id", "halo", ",", "\n"]), max_size=40
    )
)
def test_nothing_planted_is_left(parts: list[str]) -> None:
    masked = mask(" ".join(parts))
    assert not re.search(r"\d{4}|@", masked)
    assert masked.count(MARKS["nik"]) == parts.count("3171011708450001")


def test_the_end_of_a_long_text_is_masked_too() -> None:
    assert mask("jalan rusak " * 8000 + "081234567890").endswith("rusak [TELP]")
