"""The one reminder before a window closes: when it comes, to whom, in which words, and that it comes once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, time, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import OPERATOR, rows, run, value

from api import intake, silence, windows
from api.delivery import REMINDERS
from api.house import House
from api.unit import unit
from api.windows import FURTHEST, TOO_LATE, is_due, keep_windows, remind_at
from bot.messages import Address, Incoming
from bot.texts import speak
from store import dispositions

WIB, WITA, WIT = (ZoneInfo(f"Asia/{city}") for city in ("Jakarta", "Makassar", "Jayapura"))
STORY = "Lampu jalan mati di Pasar Sekayu"
numbers = count(1)

# --- when ----------------------------------------------------------------------------------------------------


def at(clock: str, zone: ZoneInfo = WIB, day: int = 23) -> datetime:
    """A moment of November 2026."""
    return datetime.combine(datetime(2026, 11, day), time.fromisoformat(clock), zone)  # noqa: DTZ001 (a day alone)


@pytest.mark.parametrize(
    ("until", "reminded"),
    [
        (at("14:00"), at("12:00")),
        (at("08:00"), at("06:00")),
        (at("07:59"), at("20:30", day=22)),
        (at("02:00"), at("20:30", day=22)),
        (at("00:30"), at("20:30", day=22)),
        (at("23:00"), at("20:30")),
        (at("22:59"), at("20:59")),
        # The same moment is another hour in the east.
        (at("22:00", WIB), at("20:00", WIB)),
        (at("22:00", WIB).astimezone(WIT), at("20:30", WIT)),
    ],
)
def test_it_comes_two_hours_before_and_never_at_night(until: datetime, reminded: datetime) -> None:
    assert remind_at(until, ZoneInfo(str(reminded.tzinfo))) == reminded


MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@given(MOMENTS, st.sampled_from([WIB, WITA, WIT]))
def test_every_window_has_one_civil_moment_before_its_end(until: datetime, zone: ZoneInfo) -> None:
    reminded = remind_at(until, zone)
    assert timedelta(hours=2) <= until - reminded <= FURTHEST
    assert time(6) <= reminded.astimezone(zone).time() < time(21)
    assert is_due(reminded, until, zone)


@given(MOMENTS, st.sampled_from([WIB, WITA, WIT]), st.timedeltas(timedelta(hours=-30), timedelta(hours=30)))
def test_it_is_due_from_that_moment_on_by_day_until_it_would_be_too_late(
    until: datetime, zone: ZoneInfo, apart: timedelta
) -> None:
    now = until + apart
    night = not time(6) <= now.astimezone(zone).time() < time(21)
    expected = not night and now >= remind_at(until, zone) and now < until - TOO_LATE
    assert is_due(now, until, zone) == expected
    if is_due(now, until, zone):
        assert timedelta() < until - now <= FURTHEST


# --- to whom, and in which words -----------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def by_day(house: House) -> None:
    """Ten in the morning in WIB, whenever the test runs."""
    now = house.now().astimezone(WIB)
    house.skew += datetime.combine(now.date() + timedelta(days=1), time(10), WIB) - now


async def writes(house: House, text: str, user: str = "5", **message: Any) -> None:
    """A message of that citizen, which opens a window of 24 hours."""
    number = next(numbers)
    incoming = Incoming(Address("telegram", user), f"window-{number}", number, text=text, **message)
    await intake.take(house, incoming, {"text": text}, house.now())
    await all_said(house)
    until = house.now() + timedelta(hours=24)
    await run(house.engine, "UPDATE contacts SET window_until = :until WHERE address = :user", until=until, user=user)


async def all_said(house: House) -> None:
    """A speaker has said everything."""
    statement = "UPDATE deliveries SET sent_at = :now, claimed_at = :now WHERE sent_at IS NULL"
    await run(house.engine, statement, now=house.now())


async def passes(house: House, **time: float) -> None:
    """So much time goes by."""
    house.skew += timedelta(**time)


async def pushed(house: House) -> list[Any]:
    """What was said without being asked, and since the first word of each chat."""
    return await rows(house.engine, "SELECT * FROM deliveries WHERE asks IS NULL ORDER BY id")


async def waits_for(house: House, user: str = "5") -> str:
    """A complaint of that citizen, for which an officer has asked something; returns its ticket."""
    await writes(house, f"{STORY} sejak kemarin", user)
    for words in ("tidak ada", "terbuka", "ya"):
        await writes(house, words, user)
    [[ticket]] = await rows(
        house.engine,
        "SELECT k.ticket FROM complaints k JOIN contacts c ON c.id = k.contact_id WHERE c.address = :user",
        user=user,
    )
    async with unit(house) as work:
        work.record(await dispositions.ask(work.connection, ticket, OPERATOR, "Nomor tiangnya berapa?"))
    await all_said(house)
    return str(ticket)


async def test_an_open_draft_is_remembered_with_its_question(house: House) -> None:
    await writes(house, STORY)
    [asked] = await rows(house.engine, "SELECT says, buttons FROM deliveries")
    await passes(house, hours=21, minutes=50)
    assert await keep_windows(house) == 0
    await passes(house, minutes=11)
    assert await keep_windows(house) == 1
    [reminder] = await pushed(house)
    (key, params), *question = reminder.says
    assert key == "push.window_draft"
    assert speak(key, params) == (
        f"Laporan Anda (“{STORY}”) belum selesai. Setelah pukul 10.00 WIB, WhatsApp membatasi pesan kami sampai Anda "
        "menulis lagi. Laporan itu tetap tersimpan."
    )
    assert (question, reminder.buttons) == ([asked.says[-1]], asked.buttons)
    assert reminder.complaint_id is None


async def test_an_office_that_waits_comes_first(house: House) -> None:
    ticket = await waits_for(house)
    await passes(house, hours=22, minutes=1)
    assert await keep_windows(house) == 1
    *_, reminder = await pushed(house)
    [(key, params)] = reminder.says
    assert (key, params["ticket"]) == ("push.window_reply", ticket)
    assert "Setelah pukul 10.00 WIB, WhatsApp membatasi" in speak(key, params)
    assert "After 10:00 WIB, WhatsApp limits" in speak(key, params, "en")
    assert reminder.buttons == [["choice.ticket.reply", f"{ticket}:reply"]]
    assert reminder.complaint_id is not None


async def test_a_window_that_closes_in_the_night_is_told_of_in_the_evening(house: House) -> None:
    await passes(house, hours=15)  # one in the night
    await writes(house, STORY)
    await passes(house, hours=19)
    assert await keep_windows(house) == 0
    await passes(house, minutes=35)  # 20.35
    assert await keep_windows(house) == 1
    [reminder] = await pushed(house)
    assert "pukul 01.00 WIB" in speak(*reminder.says[0])
    assert ", 2" in speak(*reminder.says[0]), "which day, since it is not today"


async def test_it_comes_once_until_the_citizen_writes_again(house: House) -> None:
    await writes(house, STORY)
    for _ in range(3):
        await passes(house, hours=22, minutes=5)
        assert await asyncio.gather(*(keep_windows(house) for _ in range(4))) in (
            [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1],
        )  # fmt: skip
        await all_said(house)
        await passes(house, hours=1, minutes=10)
        assert await keep_windows(house) == 0
        await writes(house, "sebentar")
    assert len(await pushed(house)) == 3


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE contacts SET window_until = NULL",
        "UPDATE contacts SET unreachable_since = now()",
        "UPDATE contacts SET merged_into = (SELECT id FROM contacts WHERE address = '6')",
        "INSERT INTO channel_health (channel, ails) VALUES ('telegram', 'token')",
        # What waits to be said, and what was just said.
        "UPDATE deliveries SET sent_at = NULL",
        "UPDATE deliveries SET sent_at = sent_at + interval '21 hours 30 minutes'",
    ],
)
async def test_nobody_is_reminded_in_vain(house: House, change: str) -> None:
    await writes(house, "halo", "6")
    await writes(house, STORY)
    await run(house.engine, change)
    await passes(house, hours=22, minutes=5)
    assert await keep_windows(house) == 0
    assert await pushed(house) == []


async def test_what_could_not_be_said_at_all_is_no_word(house: House) -> None:
    await writes(house, STORY)
    await run(house.engine, "UPDATE deliveries SET sent_at = NULL, failed_at = now()")
    await passes(house, hours=22, minutes=5)
    assert await keep_windows(house) == 1


async def test_a_channel_that_is_well_again_reminds(house: House) -> None:
    await writes(house, STORY)
    await run(house.engine, "INSERT INTO channel_health (channel) VALUES ('telegram')")
    await passes(house, hours=22, minutes=5)
    assert await keep_windows(house) == 1


async def test_whoever_has_dropped_the_draft_or_has_none_hears_nothing(house: House) -> None:
    await writes(house, "halo", "6")
    await writes(house, STORY)
    await writes(house, "batal")
    ticket = await waits_for(house, "7")
    await run(house.engine, "UPDATE complaints SET status = 'Terdisposisi' WHERE ticket = :ticket", ticket=ticket)
    before = len(await pushed(house))
    await passes(house, hours=22, minutes=5)
    assert await keep_windows(house) == 0
    assert len(await pushed(house)) == before


async def test_a_follower_is_not_asked_for_what_the_pelapor_must_say(house: House) -> None:
    await waits_for(house)
    await run(house.engine, "UPDATE complaint_parties SET role = 'pengikut'")
    await passes(house, hours=22, minutes=5)
    assert await keep_windows(house) == 0


async def test_it_does_not_repeat_that_the_draft_ends(house: House) -> None:
    house.settings.retention_draft_days = 1
    await writes(house, STORY)
    await passes(house, hours=13)
    assert await silence.keep_drafts(house) == 1
    await all_said(house)
    await passes(house, hours=9, minutes=5)
    assert await keep_windows(house) == 0
    assert [row.says[0][0] for row in await pushed(house)] == ["draft_expires"]


async def test_the_end_of_a_draft_is_announced_whether_or_not_somebody_was_reminded(house: House) -> None:
    await writes(house, STORY)
    await passes(house, hours=22, minutes=5)
    await keep_windows(house)
    await passes(house, days=5, hours=3)
    assert await silence.keep_drafts(house) == 1
    assert [row.says[0][0] for row in await pushed(house)] == ["push.window_draft", "draft_expires"]


async def test_the_zone_is_that_of_the_report(house: House) -> None:
    await writes(house, "Lampu jalan mati di Kota Makassar, Sulawesi Selatan")
    region = "SELECT conversation -> 'draft' -> 'answers' -> 'place' -> 0 ->> 'region' FROM contacts"
    assert await value(house.engine, region) == "73.71"
    await passes(house, hours=22, minutes=5)
    assert await keep_windows(house) == 1
    [reminder] = await pushed(house)
    assert "pukul 11.00 WITA" in speak(*reminder.says[0])


async def test_a_reminder_that_was_not_said_in_time_is_not_said_at_all(house: House) -> None:
    await writes(house, STORY)
    await passes(house, hours=22, minutes=5)
    await keep_windows(house)
    await passes(house, hours=1)
    await keep_windows(house)
    assert len(await pushed(house)) == 1, "it may still go out"
    await passes(house, hours=1)
    await keep_windows(house)
    assert await pushed(house) == []


async def test_what_is_being_said_is_left_to_its_speaker(house: House) -> None:
    await writes(house, STORY)
    await passes(house, hours=22, minutes=5)
    await keep_windows(house)
    await run(
        house.engine,
        "UPDATE deliveries SET leased_until = clock_timestamp() + interval '1 minute' WHERE sent_at IS NULL",
    )
    await passes(house, hours=3)
    await keep_windows(house)
    assert len(await pushed(house)) == 1


def test_both_reminders_have_words() -> None:
    for key in REMINDERS:
        for language in ("id", "en"):
            assert speak(key, {"title": "a", "ticket": "T-1", "until": "b"}, language)
    assert windows.EVENING < windows.NIGHT
