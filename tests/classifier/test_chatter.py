"""Chatter is told from complaints, and what has any matter is never called chatter."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.chatter import LIMIT, chatter

LINES: dict[str, list[str]] = tomllib.loads(Path(__file__).with_name("chatter_lines.toml").read_text(encoding="utf-8"))
KINDS = sorted(set(LINES) - {"matter"})
CHATTER = [(kind, line) for kind in KINDS for line in LINES[kind]]
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=300)


@pytest.mark.parametrize(("kind", "line"), CHATTER)
def test_chatter(kind: str, line: str) -> None:
    assert chatter(line) == kind


@pytest.mark.parametrize("line", LINES["matter"])
def test_matter_is_no_chatter(line: str) -> None:
    assert chatter(line) is None


# Beside another insult "anjing gila" is one too.
CLEAR = [line for line in LINES["matter"] if line != "anjing gila"]


@given(st.sampled_from(CLEAR), st.sampled_from(LINES["greeting"] + LINES["thanks"] + LINES["abuse"]))
def test_no_greeting_thanks_or_insult_hides_matter(matter: str, wrapping: str) -> None:
    assert chatter(f"{wrapping}. {matter}") is None
    assert chatter(f"{matter}. {wrapping}") is None
    assert chatter(wrapping, title=matter) is None


@given(ANY_TEXT, ANY_TEXT)
def test_any_text_is_accepted(text: str, title: str) -> None:
    assert chatter(text, title) in (*KINDS, None)


@given(st.text(st.sampled_from("0123456789 .,!?👍\n\x00"), max_size=50))
def test_what_has_no_letter_is_empty(text: str) -> None:
    assert chatter(text) == "empty"


def test_only_the_beginning_is_read() -> None:
    assert chatter("halo " * LIMIT + "jalan rusak") == "greeting"
