"""Every kind of danger has its numbers, and 112 is promised only where it is known to work."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier import danger
from store import regions
from store.emergency import Number, numbers

RULES = tomllib.loads(Path(danger.__file__).with_suffix(".toml").read_text())["rule"]
KINDS = sorted({rule["kind"] for rule in RULES})
CODES = [region.code for region in regions.load()]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_danger_has_its_own_number_and_112(kind: str) -> None:
    found = numbers(kind, "16.06")
    assert len(found) >= 2
    assert Number("112", "siaga_partly") in found


@pytest.mark.parametrize(
    ("kind", "first"),
    [
        ("fire", "113"),
        ("gas", "113"),
        ("electric", "123"),
        ("medical", "119"),
        ("flood", "115"),
        ("disaster", "115"),
        ("violence", "110"),
        ("self_harm", "119 ext 8"),
        ("crime", "110"),
    ],
)
def test_the_number_of_the_danger_comes_first(kind: str, first: str) -> None:
    assert numbers(kind, "16.06")[0].number == first


def test_women_and_children_have_a_number_of_their_own() -> None:
    assert {"110", "129", "08111-129-129"} <= {each.number for each in numbers("violence", None)}


@pytest.mark.parametrize("region", ["16.71", "16.71.01"])
def test_in_palembang_112_works_and_comes_first(region: str) -> None:
    found = numbers("fire", region)
    assert [each.number for each in found] == ["112", "113"]
    assert found[0].key == "siaga"


@pytest.mark.parametrize("region", [None, "", "16", "16.7", "16.710", "73.71", "nowhere"])
def test_elsewhere_nobody_promises_it(region: str | None) -> None:
    assert Number("112", "siaga_partly") in numbers("fire", region)


@given(st.sampled_from([*KINDS, "alien", ""]), st.sampled_from(CODES) | st.none() | st.text(max_size=8))
def test_whatever_the_danger_and_the_place_each_number_is_said_once(kind: str, region: str | None) -> None:
    found = [each.number for each in numbers(kind, region)]
    assert "112" in found
    assert len(set(found)) == len(found) <= 5
