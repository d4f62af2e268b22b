"""Where a complaint is, read out of its own words, on lines that were written apart from the gazetteer.

What is asked costs the citizen one answer; what is read wrongly goes to the wrong government. So most lines must be
right, nearly none wrong, and the rest may be asked.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from talking import REGIONS, locate

from bot import answers

LINES: list[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("place_lines.toml").read_text(encoding="utf-8"))[
    "line"
]


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of a line: the region's code and its kabupaten's or kota's ("" for none), and the words kept."""

    region: str
    kabkota: str
    words: str


def read(text: str) -> Read:
    """The place of a text, as the dialogue takes it out of a story."""
    place: Mapping[str, Any] = answers.place_in_story(text, locate) or {}
    region = place.get("region") or ""
    kabkota = REGIONS.kabkota_of(region) if region else None
    return Read(region, kabkota.code if kabkota else "", place.get("text") or "")


NAMED = [line for line in LINES if line["kabkota"]]


def test_the_lines_are_what_they_say() -> None:
    assert len(NAMED) >= 100
    assert len(LINES) - len(NAMED) >= 15
    for line in LINES:
        kabkota, area = line["kabkota"], line.get("area", "")
        assert not kabkota or REGIONS.by_code[kabkota].kind in {"kabupaten", "kota"}, line
        assert not area or (kabkota and area[:8] in REGIONS.by_code and area.startswith(f"{kabkota}.")), line
        assert all(words in line["text"] for words in line.get("words", [])), line


def test_nearly_every_kabupaten_or_kota_that_is_named_is_read() -> None:
    missed = [(read(line["text"]).kabkota, line) for line in NAMED if read(line["text"]).kabkota != line["kabkota"]]
    assert len(missed) <= 0.10 * len(NAMED), missed


def test_nearly_none_is_read_wrongly() -> None:
    wrong = [(found, line) for line in LINES if (found := read(line["text"]).kabkota) not in {"", line["kabkota"]}]
    assert len(wrong) <= 0.02 * len(LINES), wrong


def test_nearly_no_kecamatan_is_read_wrongly() -> None:
    # What is read may be less than the line tells, or more: Sekayu for a village of Sekayu, and the reverse.
    told = [(read(line["text"]).region, line) for line in NAMED if "area" in line]
    wrong = [
        (found, line)
        for found, line in told
        if not found.startswith(line["area"]) and not line["area"].startswith(found)
    ]
    assert len(wrong) <= 0.02 * len(told), wrong


def test_most_kecamatan_that_are_named_are_read() -> None:
    told = [line for line in NAMED if "area" in line]
    missed = [line for line in told if not read(line["text"]).region.startswith(line["area"][:8])]
    assert len(missed) <= 0.15 * len(told), missed


def test_the_words_for_street_and_landmark_are_kept_as_they_were_written() -> None:
    named = [(words, line["text"]) for line in LINES for words in line.get("words", [])]
    lost = [(words, read(text).words) for words, text in named if words not in read(text).words]
    assert len(lost) <= 0.15 * len(named), lost


@pytest.mark.parametrize("change", [str.upper, str.lower, lambda text: f"Assalamualaikum pak admin, {text}!!"])
def test_shouting_whispering_and_politeness_move_nobody_elsewhere(change: Any) -> None:
    moved = [
        line["text"]
        for line in LINES
        if {read(line["text"]).kabkota, read(change(line["text"])).kabkota} - {"", line["kabkota"]}
    ]
    assert len(moved) <= 0.02 * len(LINES), moved
