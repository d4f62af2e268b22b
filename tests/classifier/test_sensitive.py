"""Subjects on which Anonim and Rahasia are recommended are told from what anybody may say aloud."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.sensitive import LIMIT, sensitive

LINES: dict[str, Any] = tomllib.loads(Path(__file__).with_name("sensitive_lines.toml").read_text(encoding="utf-8"))
SENSITIVE = [(kind, line) for kind, lines in LINES["sensitive"].items() for line in lines]
CALM: list[str] = LINES["calm"]["lines"]
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=300)


def test_most_sensitive_subjects_are_told() -> None:
    missed = [line for _, line in SENSITIVE if sensitive(line) is None]
    assert len(missed) <= 0.05 * len(SENSITIVE), missed


def test_nearly_no_road_lamp_or_paper_is_taken_for_one() -> None:
    mistaken = [(sensitive(line), line) for line in CALM if sensitive(line)]
    assert len(mistaken) <= 0.02 * len(CALM), mistaken


def test_the_kind_is_nearly_always_right() -> None:
    told = [(kind, found, line) for kind, line in SENSITIVE if (found := sensitive(line))]
    wrong = [each for each in told if each[0] != each[1]]
    assert len(wrong) <= 0.15 * len(told), wrong


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("violence", "suami saya memukuli anak saya"),
        ("harassment", "saya dilecehkan guru"),
        ("corruption", "lurah pungli"),
        ("retaliation", "rahasiakan nama saya"),
        ("drugs", "tetangga jual narkoba"),
        ("employer", "gaji karyawan tidak dibayar perusahaan"),
        ("debt", "diteror pinjol"),
    ],
)
def test_what_must_never_be_missed(kind: str, line: str) -> None:
    for written in (line, line.upper(), line.title(), f"{line}!!!", f"assalamualaikum pak {line}, terima kasih"):
        assert sensitive(written) == kind


@pytest.mark.parametrize(
    "line",
    [
        "jalan rusak",
        "lampu jalan mati",
        "KTP belum jadi",
        "antre lama di puskesmas",
        "harga beras naik",
        "banjir mengancam rumah warga",
        "berantas korupsi di Indonesia",
        "polisi tidur terlalu tinggi",
        "rapat pukul 9",
    ],
)
def test_what_must_never_be_mistaken(line: str) -> None:
    for written in (line, line.upper(), f"{line}, mohon ditindaklanjuti, terima kasih"):
        assert sensitive(written) is None


def test_a_title_counts() -> None:
    assert sensitive("di kantor lurah", title="Pungli") == "corruption"


def test_only_the_beginning_is_read() -> None:
    assert sensitive("a" * LIMIT + " lurah pungli") is None


@given(ANY_TEXT, ANY_TEXT)
def test_any_text_is_accepted(text: str, title: str) -> None:
    assert sensitive(text, title) in {None, *LINES["sensitive"]}


@given(
    st.sampled_from(SENSITIVE),
    st.sampled_from([str.upper, str.title, str.capitalize]),
    st.sampled_from([" ", "\t", "  "]),
)
def test_space_and_case_change_nothing(told: tuple[str, str], change: Any, space: str) -> None:
    _, line = told
    assert sensitive(change(line).replace(" ", space)) == sensitive(line)


@given(st.sampled_from(SENSITIVE), st.sampled_from(CALM))
def test_what_is_sensitive_stays_so_on_a_line_of_its_own(told: tuple[str, str], calm: str) -> None:
    """Nothing that stands far away takes it back."""
    _, line = told
    if sensitive(line):
        far = " . ".join(["mohon maaf bapak ibu sebelumnya"] * 6)
        assert sensitive(f"{line}\n{far}\n{calm}")
