"""Clocks count the working days of the place, announce their end, and end only what nobody has said a word about."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from making import OPERATOR, file, rows, run, value
from sqlalchemy.ext.asyncio import AsyncEngine

from store import calendar as calendar_data
from store import clocks, complaints, moves
from store import regions as regions_data
from store.calendar import Calendar, CalendarUnknown, Rule
from store.clocks import CLOCK, Clock
from store.complaints import Event
from store.regions import Regions

REGIONS = Regions(regions_data.load())
DAYS_OFF = [row["day"] for row in calendar_data.load_days_off()]
RULES = [Rule(**row) for row in calendar_data.load_rules()]
CALENDAR = Calendar(DAYS_OFF, REGIONS, RULES)
WIB, WITA = ZoneInfo("Asia/Jakarta"), ZoneInfo("Asia/Makassar")
ANSWERED = moves.ANSWERS[0]
WAITING = "Menunggu Kelengkapan Informasi"


def at(words: str, zone: ZoneInfo = WIB) -> datetime:
    """A moment of 2026, as in "11-20 10:00"."""
    return datetime.fromisoformat(f"2026-{words}").replace(tzinfo=zone)


async def answered(engine: AsyncEngine, name: str = ANSWERED) -> Event:
    """A complaint of which an office has said that."""
    async with engine.begin() as connection:
        event = await file(connection)
        before = () if name in moves.allowed(moves.FIRST) else ("Terdisposisi",)
        for each in (*before, name):
            status = moves.read(each)
            assert status is not None
            event = await complaints.move(connection, event.ticket, status, OPERATOR, reason=None, note="Sudah.")
        return event


async def start(engine: AsyncEngine, event: Event, now: datetime, kind: str = "close", **how: Any) -> date | None:
    async with engine.begin() as connection:
        calendar, zone = how.get("calendar", CALENDAR), how.get("zone", WIB)
        return await clocks.start(connection, event.complaint_id, kind, calendar, zone, now)


async def to_remind(engine: AsyncEngine, now: datetime) -> list[Clock]:
    async with engine.connect() as connection:
        return await clocks.to_remind(connection, now, 10)


async def due(engine: AsyncEngine, now: datetime) -> list[Clock]:
    async with engine.connect() as connection:
        return await clocks.due(connection, now, 10)


async def remind(engine: AsyncEngine, clock: Clock, now: datetime, calendar: Calendar = CALENDAR) -> Event | None:
    async with engine.begin() as connection:
        return await clocks.remind(connection, clock, calendar, WIB, now)


async def ring(engine: AsyncEngine, clock: Clock, now: datetime) -> Event | None:
    async with engine.begin() as connection:
        return await clocks.ring(connection, clock, now)


async def status(engine: AsyncEngine) -> Any:
    return await value(engine, "SELECT status FROM complaints")


# --- starting ----------------------------------------------------------------------------------------------


async def test_ten_working_days_after_the_answer(engine: AsyncEngine) -> None:
    """Domain specification, scenario 12."""
    event = await answered(engine)
    assert await start(engine, event, at("11-20 10:00")) == date(2026, 12, 4)
    [row] = await rows(engine, "SELECT * FROM clocks")
    assert (row.kind, row.due_on, row.due_at) == ("close", date(2026, 12, 4), at("12-05 00:00"))
    assert (row.started_at, row.remind_at) == (at("11-20 10:00"), at("12-01 09:00"))
    assert (row.reminded_at, row.stopped_at) == (None, None)


async def test_the_day_is_that_of_the_place(engine: AsyncEngine) -> None:
    late = at("11-19 23:30")
    assert await start(engine, await answered(engine), late) == date(2026, 12, 3)
    assert await start(engine, await answered(engine), late, zone=WITA) == date(2026, 12, 4)
    [_, makassar] = await rows(engine, "SELECT * FROM clocks ORDER BY id")
    assert makassar.due_at == at("12-05 00:00", WITA)
    assert makassar.remind_at == at("12-01 09:00", WITA)


async def test_one_clock_runs_for_a_complaint(engine: AsyncEngine) -> None:
    event = await answered(engine)
    for day, kind in (("11-20", "close"), ("11-23", "close"), ("11-24", "archive")):
        await start(engine, event, at(f"{day} 10:00"), kind)
    async with engine.connect() as connection:
        found = await clocks.running(connection, event.complaint_id)
    assert found is not None
    assert (found.kind, found.ticket, found.due_on) == ("archive", event.ticket, date(2026, 12, 8))
    assert [row.stopped_at is None for row in await rows(engine, "SELECT * FROM clocks ORDER BY id")] == [
        False,
        False,
        True,
    ]


async def test_no_clock_runs_into_a_year_that_is_not_known(engine: AsyncEngine) -> None:
    event = await answered(engine)
    await start(engine, event, at("11-20 10:00"))
    async with engine.begin() as connection:
        with pytest.raises(CalendarUnknown):
            await clocks.start(connection, event.complaint_id, "close", CALENDAR, WIB, at("12-18 10:00"))
    async with engine.connect() as connection:
        assert await clocks.running(connection, event.complaint_id) is None


async def test_without_a_rule_there_is_no_clock(engine: AsyncEngine) -> None:
    calendar = Calendar(DAYS_OFF, REGIONS)
    assert await start(engine, await answered(engine), at("11-20 10:00"), calendar=calendar) is None
    assert await value(engine, "SELECT count(*) FROM clocks") == 0


# --- reminding ---------------------------------------------------------------------------------------------


async def test_somebody_is_reminded_once_and_on_the_day(engine: AsyncEngine) -> None:
    event = await answered(engine)
    await start(engine, event, at("11-20 10:00"))
    assert await to_remind(engine, at("12-01 08:59")) == []
    [clock] = await to_remind(engine, at("12-01 09:00"))
    outcomes = await asyncio.gather(*(remind(engine, clock, at("12-01 09:05")) for _ in range(5)))
    [reminded] = [outcome for outcome in outcomes if outcome is not None]
    assert (reminded.kind, reminded.data["clock"], reminded.data["due_on"]) == ("reminded", "close", date(2026, 12, 4))
    [row] = await rows(engine, "SELECT * FROM complaint_history WHERE event = 'reminded'")
    assert (row.actor_kind, row.actor_id, row.became) == ("system", "clock", {"due_on": "2026-12-04"})
    assert await to_remind(engine, at("12-01 10:00")) == []
    assert await status(engine) == ANSWERED


async def test_a_late_reminder_puts_the_end_off(engine: AsyncEngine) -> None:
    await start(engine, await answered(engine), at("11-20 10:00"))
    # The worker was down for a week: nothing ends that was not announced.
    late = at("12-08 09:00")
    assert await due(engine, late) == []
    [clock] = await to_remind(engine, late)
    reminded = await remind(engine, clock, late)
    assert reminded is not None
    assert reminded.data["due_on"] == date(2026, 12, 11)
    assert await due(engine, at("12-11 23:59")) == []
    assert len(await due(engine, at("12-12 00:00"))) == 1


async def test_a_late_reminder_into_a_year_that_is_not_known_ends_nothing(engine: AsyncEngine) -> None:
    await start(engine, await answered(engine), at("11-20 10:00"))
    late = at("12-30 09:00")
    [clock] = await to_remind(engine, late)
    with pytest.raises(CalendarUnknown):
        await remind(engine, clock, late)
    assert await due(engine, late + timedelta(days=30)) == []


# --- ending ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "kind", "after"),
    [
        (ANSWERED, "close", "Ditutup oleh Sistem"),
        ("Selesai otomatis dalam 10 hari", "close", "Ditutup oleh Sistem"),
        (WAITING, "archive", "Diarsipkan oleh Sistem"),
    ],
)
async def test_silence_ends_it_once_and_says_so(engine: AsyncEngine, before: str, kind: str, after: str) -> None:
    event = await answered(engine, before)
    assert clocks.STARTS[before] == kind
    await start(engine, event, at("11-20 10:00"), kind)
    [clock] = await to_remind(engine, at("12-01 09:00"))
    await remind(engine, clock, at("12-01 09:00"))
    assert await due(engine, at("12-04 23:59")) == []
    assert await due(engine, at("12-05 00:00")) == [clock]
    outcomes = await asyncio.gather(*(ring(engine, clock, at("12-05 00:00")) for _ in range(5)))
    [lapsed] = [outcome for outcome in outcomes if outcome is not None]
    assert (lapsed.kind, lapsed.data["status"], lapsed.data["due_on"]) == ("lapsed", after, date(2026, 12, 4))
    assert await status(engine) == after
    [row] = await rows(engine, "SELECT * FROM complaint_history WHERE event = 'lapsed'")
    assert (row.actor_kind, row.actor_id, row.reason, row.note) == (CLOCK.kind, CLOCK.id, "silence", None)
    assert await value(engine, "SELECT count(*) FROM ratings") == 0
    assert await due(engine, at("12-31 00:00")) == []


async def test_a_word_in_the_last_moment_counts(engine: AsyncEngine) -> None:
    event = await answered(engine)
    await start(engine, event, at("11-20 10:00"))
    [clock] = await to_remind(engine, at("12-01 09:00"))
    await remind(engine, clock, at("12-01 09:00"))
    async with engine.begin() as connection:
        await clocks.stop(connection, event.complaint_id, at("12-04 23:59"))
    assert await ring(engine, clock, at("12-05 00:00")) is None
    assert await remind(engine, clock, at("12-05 00:00")) is None
    assert await status(engine) == ANSWERED


async def test_a_clock_ends_no_complaint_that_is_elsewhere_by_now(engine: AsyncEngine) -> None:
    event = await answered(engine)
    await start(engine, event, at("11-20 10:00"))
    [clock] = await to_remind(engine, at("12-01 09:00"))
    await remind(engine, clock, at("12-01 09:00"))
    await run(engine, "UPDATE complaints SET status = 'Ditanggapi oleh Pelapor'")
    assert await ring(engine, clock, at("12-05 00:00")) is None
    assert await status(engine) == "Ditanggapi oleh Pelapor"
    assert await due(engine, at("12-05 00:00")) == []


# --- those without one -------------------------------------------------------------------------------------


async def test_what_lacks_a_clock_gets_one_that_begins_now(engine: AsyncEngine) -> None:
    event = await answered(engine)
    async with engine.begin() as connection:
        await file(connection)
        assert [row.ticket for row in await clocks.unwound(connection, 10)] == [event.ticket]
        found = await clocks.wind(connection, event.ticket, CALENDAR, WIB, at("11-23 10:00"))
        assert found == date(2026, 12, 7)
        assert await clocks.wind(connection, event.ticket, CALENDAR, WIB, at("11-24 10:00")) is None
        assert await clocks.unwound(connection, 10) == []
