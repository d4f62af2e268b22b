"""The categories of SP4N-LAPOR!: as they are spelt there, with their numbers, and the end of those that have ended."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date

from making import rows, run, value

from api.house import House
from store import masterdata

SHIPPED = {row["code"]: row for row in masterdata.load_categories()}
TODAY = date(2026, 11, 22)


def test_the_tree_holds_together() -> None:
    assert len(SHIPPED) > 750
    assert len([row for row in SHIPPED.values() if row["parent"] is None]) == 38
    for code, row in SHIPPED.items():
        assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)?", code)
        assert row["parent"] is None or (row["parent"] in SHIPPED and code.startswith(f"{row['parent']}."))
        assert row["source"].startswith("[V]")


def test_official_numbers_and_spellings_are_kept() -> None:
    numbers = Counter(row["sp4n_id"] for row in SHIPPED.values() if row["sp4n_id"] is not None)
    assert len(numbers) == 225
    assert set(numbers.values()) == {1}
    by_number = {row["sp4n_id"]: row for row in SHIPPED.values()}
    assert by_number[1444]["name"] == "BANTUAN PANGAN NON TUNAN (BPNT)", "their spelling, not ours"
    assert by_number[1630]["name"] == "LAIINYA TERKAIT LAYANAN ONLINE/APLIKASI PEMERINTAH"
    # One name, two numbers: the programme, and the same under the pandemic.
    assert (by_number[1443]["parent"], by_number[1660]["parent"]) == ("sosial-dan-kesejahteraan", "corona-virus")


def test_topics_that_have_ended_say_when() -> None:
    ended = {row["code"].split(".")[0] for row in SHIPPED.values() if row["valid_to"] and row["valid_to"] < TODAY}
    assert ended == {"corona-virus", "peniadaan-mudik", "pemulihan-ekonomi-nasional", "topik-khusus"}
    assert all("[U]" in row["source"] for row in SHIPPED.values() if row["valid_to"])


async def test_they_are_loaded_once_and_what_was_changed_stays(house: House, database: str) -> None:
    assert await value(house.engine, "SELECT count(*) FROM categories") == len(SHIPPED)
    await run(house.engine, "UPDATE categories SET name = 'Parkir' WHERE code = 'perhubungan.parkir-liar'")
    await run(house.engine, "DELETE FROM answer_templates WHERE purpose <> 'ask'")
    # A row of the administrators' own has taken a shipped number.
    await run(house.engine, "DELETE FROM categories WHERE code = 'agama.haji-dan-umroh'")
    await run(house.engine, "DELETE FROM categories WHERE sp4n_id = 1462")
    await run(house.engine, "INSERT INTO categories (code, name, sp4n_id, source) VALUES ('akta', 'AKTA', 1462, 'x')")
    masterdata.load(database)
    assert await value(house.engine, "SELECT count(*) FROM categories") == len(SHIPPED)
    assert await value(house.engine, "SELECT name FROM categories WHERE code = 'perhubungan.parkir-liar'") == "Parkir"
    assert await rows(house.engine, "SELECT DISTINCT purpose FROM answer_templates") == [("ask",)]
