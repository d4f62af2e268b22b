"""Templates of answers: whose they are, when they hold, and what becomes of their placeholders."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import run

from api.house import House
from store import templates

TODAY = date(2026, 11, 22)
ADD = """
    INSERT INTO answer_templates (name, purpose, body, region, agency, valid_from, valid_to)
    VALUES (:name, 'answer', 'x', :region, :agency, :valid_from, :valid_to)
"""


async def add(house: House, name: str, **owner: object) -> None:
    whole = {"region": None, "agency": None, "valid_from": None, "valid_to": None, **owner}
    await run(house.engine, ADD, name=name, **whole)


async def names(house: House, region: str | None, agency: str | None, on: date = TODAY) -> list[str]:
    async with house.engine.connect() as connection:
        return [each.name for each in await templates.of(connection, "answer", region=region, agency=agency, on=on)]


async def test_everybody_has_the_first_edition(house: House) -> None:
    async with house.engine.connect() as connection:
        for purpose in templates.PURPOSES:
            found = await templates.of(connection, purpose, region=None, agency=None, on=TODAY)
            assert len(found) >= 2, purpose
            assert all(not templates.unknown(each.body) for each in found)
        with pytest.raises(KeyError):
            await templates.of(connection, "greeting", region=None, agency=None, on=TODAY)


async def test_templates_are_offered_to_their_owners_the_nearest_first(house: House) -> None:
    await run(house.engine, "DELETE FROM answer_templates")
    await add(house, "semua")
    await add(house, "provinsi", region="16")
    await add(house, "kota", region="16.71")
    await add(house, "dinas", agency="16.71-pu")
    assert await names(house, "16.71.01", "16.71-pu") == ["dinas", "kota", "provinsi", "semua"]
    assert await names(house, "16.06", "16.06-pu") == ["provinsi", "semua"]
    assert await names(house, "16.7", None) == ["provinsi", "semua"]
    assert await names(house, None, None) == ["semua"]


async def test_templates_hold_from_their_first_to_their_last_day(house: House) -> None:
    await run(house.engine, "DELETE FROM answer_templates")
    await add(house, "sekarang", valid_from=TODAY, valid_to=TODAY)
    assert await names(house, None, None) == ["sekarang"]
    assert await names(house, None, None, date(2026, 11, 21)) == []
    assert await names(house, None, None, date(2026, 11, 23)) == []


def test_placeholders_are_filled_and_other_braces_stay() -> None:
    values = {"tiket": "T-1", "instansi": "Dinas {tiket}"}
    assert templates.fill("{tiket} {instansi} {tanggal} {nama} {} {{tiket}}", values) == (
        "T-1 Dinas {tiket} {tanggal} {nama} {} {T-1}"
    )
    assert templates.unknown("{tiket} {nama} {x}") == ["nama", "x"]


@given(st.text())
def test_a_text_without_known_placeholders_stays_as_it_is(body: str) -> None:
    if not any(f"{{{each}}}" in body for each in templates.PLACEHOLDERS):
        assert templates.fill(body, dict.fromkeys(templates.PLACEHOLDERS, "?")) == body
