"""Working days as the SKB of 2026 makes them, no guess past the years that are known, and when people read."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import run
from sqlalchemy.ext.asyncio import AsyncEngine

from store import calendar as calendar_data
from store import masterdata
from store import regions as regions_data
from store.calendar import Calendar, CalendarUnknown, Hours, Rule
from store.regions import Regions

REGIONS = Regions(regions_data.load())
DAYS_OFF = [row["day"] for row in calendar_data.load_days_off()]
CALENDAR = Calendar(DAYS_OFF, REGIONS, [Rule(**row) for row in calendar_data.load_rules()], calendar_data.load_hours())
DAYS = st.dates(date(2026, 1, 1), date(2026, 9, 30))
PALEMBANG, MAKASSAR = "16.71", "73.71"


def day(words: str) -> date:
    return date.fromisoformat(f"2026-{words}")


# --- working days -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("received", "three", "five", "ten", "fourteen"),
    [
        ("03-13", "03-25", "03-27", "04-06", "04-10"),
        ("05-12", "05-19", "05-21", "06-02", "06-08"),
        ("08-14", "08-20", "08-24", "09-01", "09-07"),
        ("11-20", "11-25", "11-27", "12-04", "12-10"),
    ],
)
def test_the_checked_examples_come_out(received: str, three: str, five: str, ten: str, fourteen: str) -> None:
    start = day(received)
    found = [CALENDAR.add(start, working_days) for working_days in (3, 5, 10, 14)]
    assert found == [day(three), day(five), day(ten), day(fourteen)]


def test_sixty_working_days_are_no_sixty_days() -> None:
    assert CALENDAR.add(day("05-12"), 60) == day("08-12")


def test_a_deadline_in_a_year_that_nobody_has_entered_is_refused() -> None:
    start = day("12-18")
    assert [CALENDAR.add(start, 3), CALENDAR.add(start, 5)] == [day("12-23"), day("12-29")]
    for working_days in (10, 14):
        with pytest.raises(CalendarUnknown) as unknown:
            CALENDAR.add(start, working_days)
        assert unknown.value.year == 2027
    with pytest.raises(CalendarUnknown):
        CALENDAR.back(date(2026, 1, 5), 3)


@given(DAYS, st.integers(1, 60))
def test_a_deadline_is_the_working_day_with_so_many_up_to_it(start: date, working_days: int) -> None:
    end = CALENDAR.add(start, working_days)
    between = [start + timedelta(days=n) for n in range(1, (end - start).days + 1)]
    assert sum(each.isoweekday() <= 5 and each not in DAYS_OFF for each in between) == working_days
    assert CALENDAR.works(end)
    # Counted back it is the start, or the last working day before it.
    again = CALENDAR.back(end, working_days) if CALENDAR.works(start) else start
    assert again == start


@given(DAYS, st.integers(0, 60))
def test_who_begins_later_never_ends_earlier(start: date, working_days: int) -> None:
    assert CALENDAR.add(start, working_days) <= CALENDAR.add(start + timedelta(days=1), working_days)
    assert CALENDAR.add(start, working_days) <= CALENDAR.add(start, working_days + 1)


# --- rules ------------------------------------------------------------------------------------------------


def test_each_kind_of_matter_has_its_days() -> None:
    rules = {row["kind"]: row["working_days"] for row in calendar_data.load_rules()}
    assert rules == {
        "verify": 3,
        "follow_up": 5,
        "close": 10,
        "archive": 10,
        "handle_permintaan_informasi": 5,
        "handle_aspirasi": 5,
        "handle_pengaduan": 14,
        "handle_pengaduan_berkadar": 60,
    }
    assert all(row["source"].startswith(("[V]", "[V-sec]", "[U]")) for row in calendar_data.load_rules())


def test_a_rule_holds_from_its_day_on() -> None:
    rules = [Rule("close", day("06-01"), 7, None, "[U]"), Rule("close", day("01-01"), 10, 3, "[V]")]
    calendar = Calendar(DAYS_OFF, REGIONS, rules)
    found = [calendar.rule("close", on) for on in (date(2025, 12, 31), day("01-01"), day("05-31"), day("06-01"))]
    assert [rule and rule.working_days for rule in found] == [None, 10, 10, 7]
    assert calendar.rule("verify", day("06-01")) is None


# --- when people read ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "again"),
    [
        ("2026-11-23 07:59", "2026-11-23 08:00"),
        ("2026-11-23 08:00", None),
        ("2026-11-23 15:59", None),
        ("2026-11-23 16:00", "2026-11-24 08:00"),
        ("2026-11-26 16:15", "2026-11-27 08:00"),
        ("2026-11-27 16:15", None),
        ("2026-11-27 16:30", "2026-11-30 08:00"),
        ("2026-11-22 12:00", "2026-11-23 08:00"),
        ("2026-12-23 17:00", "2026-12-28 08:00"),
        ("2026-03-17 17:00", "2026-03-25 08:00"),
        # Nothing hangs on it: weekends are enough where a year was not published yet.
        ("2026-12-31 17:00", "2027-01-01 08:00"),
        ("2027-01-02 10:00", "2027-01-04 08:00"),
    ],
)
def test_people_read_in_the_hours_of_the_office(now: str, again: str | None) -> None:
    asked = datetime.fromisoformat(f"{now}+07:00")
    found = CALENDAR.reads_next(asked.astimezone(UTC), PALEMBANG)
    assert found == (None if again is None else datetime.fromisoformat(f"{again}+07:00"))
    assert found is None or found.utcoffset() == timedelta(hours=7)


def test_the_hours_are_those_of_the_place() -> None:
    asked = datetime.fromisoformat("2026-11-23 07:30+07:00")
    assert CALENDAR.reads_next(asked, MAKASSAR) is None
    assert CALENDAR.reads_next(asked, PALEMBANG) is not None
    with pytest.raises(KeyError):
        CALENDAR.reads_next(asked, "nowhere")


def hours(region: str, opens: int, **validity: Any) -> Hours:
    return Hours(region, 1, time(opens), time(opens + 1), validity.get("since"), validity.get("until"), True, "[V]")


def test_a_region_has_its_own_hours_while_they_are_in_force() -> None:
    calendar = Calendar(
        DAYS_OFF,
        REGIONS,
        hours=[hours("", 8), hours("16", 9, until=day("11-29")), hours("16.71", 10, since=day("11-30"))],
    )
    for monday, places in (("11-23", {"16.71": 9, "16.06": 9, "73.71": 8}), ("11-30", {"16.71": 10, "16.06": 8})):
        for place, opens in places.items():
            found = calendar.reads_next(datetime.combine(day(monday), time(), REGIONS.timezone_of(place)), place)
            assert found is not None
            assert found.hour == opens
    assert Calendar(DAYS_OFF, REGIONS).reads_next(datetime(2026, 11, 23, tzinfo=UTC), PALEMBANG) is None


# --- from the store -----------------------------------------------------------------------------------------


async def stored(engine: AsyncEngine) -> Calendar:
    async with engine.connect() as connection:
        return (await masterdata.directory(connection, "16")).calendar


async def test_the_calendar_of_the_directory_is_what_is_shipped(engine: AsyncEngine) -> None:
    found = await stored(engine)
    assert found.add(day("11-20"), 10) == day("12-04")
    assert found.rule("close", day("11-20")) == CALENDAR.rule("close", day("11-20"))
    assert found.reads_next(datetime(2026, 11, 22, 5, tzinfo=UTC), PALEMBANG) is not None


async def test_what_administrators_changed_stays(engine: AsyncEngine, database: str) -> None:
    await run(engine, "DELETE FROM holidays WHERE day = '2026-12-24'")
    await run(engine, "INSERT INTO holidays VALUES ('2027-01-01', 'Tahun Baru 2027 Masehi', 'nasional')")
    await run(engine, "DELETE FROM clock_rules WHERE kind = 'close'")
    await run(engine, "INSERT INTO clock_rules VALUES ('close', '2026-12-01', 7, 2, '[V] x')")
    masterdata.load(database)
    found = await stored(engine)
    assert found.works(day("12-24"))
    assert found.add(day("12-18"), 10) == date(2027, 1, 5)
    rule = found.rule("close", day("12-01"))
    assert rule is not None
    assert (rule.working_days, rule.remind_days_before) == (7, 2)
    assert found.rule("close", day("11-30")) is None
