"""Present danger is told from danger that is past, frequent, feared or only a manner of speaking."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.danger import LIMIT, danger

LINES: dict[str, Any] = tomllib.loads(Path(__file__).with_name("danger_lines.toml").read_text(encoding="utf-8"))
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=300)
DANGERS = [(kind, line) for part in LINES.values() for kind, lines in part["danger"].items() for line in lines]
CALM = [line for part in LINES.values() for line in part["calm"]["lines"]]
# Of these a miss may cost a life, and a false alarm costs a sentence.
GRAVE = ("self_harm", "violence")


def test_nearly_every_present_danger_is_told() -> None:
    missed = [line for _, line in DANGERS if danger(line) is None]
    assert len(missed) <= 0.03 * len(DANGERS), missed


@pytest.mark.parametrize("kind", GRAVE)
def test_of_grave_dangers_even_fewer_are_missed(kind: str) -> None:
    lines = [line for told, line in DANGERS if told == kind]
    missed = [line for line in lines if danger(line) is None]
    assert len(missed) <= 0.02 * len(lines), missed


def test_the_kind_is_nearly_always_right() -> None:
    told = [(kind, found.kind) for kind, line in DANGERS if (found := danger(line))]
    assert sum(kind == found for kind, found in told) >= 0.95 * len(told)


def test_nearly_nothing_past_feared_or_figurative_is_taken_for_one() -> None:
    mistaken = [line for line in CALM if danger(line)]
    assert len(mistaken) <= 0.01 * len(CALM), mistaken


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("fire", "rumah tetangga kebakaran sekarang tolong"),
        ("fire", "tulung rumah kebakaran nian"),
        ("flood", "kami terjebak banjir, air sudah sedada"),
        ("flood", "banyu la masuk rumah, budak-budak tekurung"),
        ("violence", "suami saya mau bunuh saya"),
        ("self_harm", "saya mau mengakhiri hidup saja"),
    ],
)
def test_what_must_never_be_missed(kind: str, line: str) -> None:
    for written in (line, line.upper(), line.title(), f"{line}!!!", f"assalamualaikum pak {line}"):
        found = danger(written)
        assert found is not None
        assert found.kind == kind


@pytest.mark.parametrize(
    "line",
    [
        "kebakaran tahun lalu belum dapat bantuan",
        "rawan banjir setiap hujan",
        "takut terjadi kebakaran",
        "mati lampu",
        "kecelakaan sering terjadi",
        "dana bencana",
        "bunuh diri ekonomi",
        "harga mencekik",
        "dinas pemadam kebakaran lowongan",
        "KDRT itu apa?",
        "jalan rusak sampai sekarang belum diperbaiki, tolong",
    ],
)
def test_what_must_never_be_mistaken(line: str) -> None:
    for written in (line, line.upper(), f"{line}, mohon ditindaklanjuti, terima kasih"):
        assert danger(written) is None


def test_the_words_that_decided_are_shown() -> None:
    text = "Pak, rumah tetangga KEBAKARAAAN sekarang, tolong!"
    found = danger(text)
    assert found is not None
    assert "KEBAKARAAAN" in [text[start:end] for start, end in found.words]


def test_a_title_counts_and_its_words_are_not_shown() -> None:
    found = danger("di Jalan Merdeka", title="rumah kebakaran sekarang")
    assert found is not None
    assert found.words == ()


def test_places_count_characters_whatever_their_case_unfolds_to() -> None:
    text = "İİİﬁ 🔥🔥 rumah kebakaran sekarang"
    found = danger(text)
    assert found is not None
    assert "kebakaran" in "".join(text[start:end] for start, end in found.words)


def test_only_the_beginning_is_read() -> None:
    assert danger("a" * LIMIT + " saya mau bunuh diri") is None


@given(ANY_TEXT, ANY_TEXT)
def test_any_text_is_accepted(text: str, title: str) -> None:
    assert_words_lie_in(text, title)


WORDS = sorted({word for _, line in DANGERS for word in line.split()} | {"\x00", "\ud800", "🔥", "2019", ".", "?"})


@given(st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join), st.sampled_from(["", "tolong", "kebakaran"]))
def test_words_in_any_order_are_accepted(text: str, title: str) -> None:
    assert_words_lie_in(text, title)


@given(st.sampled_from(DANGERS), st.integers(0, 3), st.sampled_from([" ", "\n", "\t", "  "]))
def test_space_and_case_change_nothing(danger_line: tuple[str, str], capitals: int, space: str) -> None:
    _, line = danger_line
    written = (line, line.upper(), line.title(), line.capitalize())[capitals].replace(" ", space)
    # A new line ends a sentence.
    if space != "\n":
        assert (danger(written) is None) == (danger(line) is None)


def assert_words_lie_in(text: str, title: str) -> None:
    found = danger(text, title)
    if found is None:
        return
    assert list(found.words) == sorted(found.words)
    assert all(0 <= start < end <= len(text) for start, end in found.words)
