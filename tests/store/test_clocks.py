"""Clocks count the working days of the place, announce their end, and end only what nobody has said a word about."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import OPERATOR, file, rows, run, value
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from store import calendar as calendar_data
from store import clocks, complaints, moves
from store import regions as regions_data
from store.calendar import Calendar, CalendarUnknown, Rule
from store.clocks import CLOCK, Clock, Course, Load, Step
from store.complaints import Event
from store.policy import Reach
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


# --- deadlines: what the history says ------------------------------------------------------------------------

FIRST, DISPOSED, DISPUTED = moves.FIRST, moves.DISPOSED, moves.DISPUTED
DAY = timedelta(days=1)
NOON = datetime(2026, 11, 2, 5, tzinfo=WIB)


def told(*words: str) -> Course:
    """The course of a complaint that was filed on day 0, with one of these on each day after it: a status that it
    comes to, or the name of an event."""
    status, steps = FIRST, [Step(NOON, "filed", None, FIRST)]
    for day, word in enumerate(words, 1):
        if moves.read(word):
            steps.append(Step(NOON + day * DAY, "moved", status, word))
            status = word
        else:
            event, _, elsewhere = word.partition(" ")
            steps.append(Step(NOON + day * DAY, event, elsewhere=bool(elsewhere)))
    return clocks.course(NOON, steps)


def days(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - NOON).days


@pytest.mark.parametrize(
    ("words", "verify", "waited", "follow_up", "handle"),
    [
        ((), 0, [], None, 0),
        ((DISPOSED,), 0, [], 1, 0),
        # A tunda pauses verification; the report is complete with the answer.
        ((WAITING, FIRST), 0, [(1, 2)], None, 2),
        ((WAITING, FIRST, WAITING, FIRST), 0, [(1, 2), (3, 4)], None, 4),
        # A tunda that no one answers, and an office that disposes all the same: complete enough.
        ((WAITING, DISPOSED), 0, [], 2, 2),
        # Asked after it was disposed: what comes back is verified anew.
        ((DISPOSED, WAITING, FIRST), 3, [], 1, 3),
        # "Bukan wewenang".
        ((DISPOSED, FIRST), 2, [], 1, 0),
        ((WAITING, FIRST, DISPOSED, FIRST), 4, [], 3, 2),
        ((DISPOSED, "disposed elsewhere"), 0, [], 2, 0),
        ((DISPOSED, "disposed"), 0, [], 1, 0),
        ((DISPOSED, "rerouted elsewhere"), 0, [], 2, 0),
        (("rerouted elsewhere", DISPOSED), 0, [], 2, 0),
        ((DISPOSED, ANSWERED, DISPUTED), 0, [], 3, 0),
        ((DISPOSED, ANSWERED, DISPUTED, "disputed"), 0, [], 4, 0),
    ],
)
def test_where_deadlines_begin(
    words: tuple[str, ...], verify: int, waited: list[tuple[int, int]], follow_up: int | None, handle: int
) -> None:
    found = told(*words)
    assert (days(found.verify), days(found.follow_up), days(found.handle)) == (verify, follow_up, handle)
    assert [(days(since), days(until)) for since, until in found.waited] == waited


@pytest.mark.parametrize(
    ("words", "responded", "answered"),
    [
        ((DISPOSED,), False, False),
        ((DISPOSED, "responded"), True, False),
        ((DISPOSED, "responded", "disposed elsewhere"), False, False),
        ((DISPOSED, ANSWERED), False, True),
        ((DISPOSED, "responded", ANSWERED, DISPUTED), False, True),
        ((DISPOSED, "responded", ANSWERED, DISPUTED, "responded"), True, True),
        ((DISPOSED, ANSWERED, WAITING, FIRST), False, False),
        ((ANSWERED, FIRST), False, True),
    ],
)
def test_what_was_said_since(words: tuple[str, ...], responded: bool, answered: bool) -> None:
    found = told(*words)
    assert (found.responded, found.answered) == (responded, answered)


WORDS = st.lists(
    st.sampled_from([*moves.MOVES, "responded", "disputed", "disposed elsewhere", "disposed"]), max_size=12
)


@given(WORDS)
def test_a_course_never_begins_after_its_history_or_waits_before_it_began(words: list[str]) -> None:
    found, end = told(*words), NOON + len(words) * DAY
    for begin in (found.verify, found.follow_up or NOON, found.handle):
        assert NOON <= begin <= end
    last = found.verify
    for since, until in found.waited:
        assert last <= since < until <= end
        last = until
    # What came before a complaint is verified anew does not matter to its verification.
    anew = (found.verify - NOON).days
    again = told(*words[anew:])
    assert again.waited == tuple((since - anew * DAY, until - anew * DAY) for since, until in found.waited)


# --- deadlines: set ------------------------------------------------------------------------------------------


async def filed_at(engine: AsyncEngine, moment: datetime, **details: Any) -> Event:
    """A complaint that was filed at that moment."""
    async with engine.begin() as connection:
        event = await file(connection, **{"region": "16.71", **details})
        await connection.execute(
            text("UPDATE complaints SET filed_at = :at WHERE id = :id"), {"at": moment, "id": event.complaint_id}
        )
        await connection.execute(
            text("UPDATE complaint_history SET at = :at WHERE complaint_id = :id"),
            {"at": moment, "id": event.complaint_id},
        )
        return event


async def happened(engine: AsyncEngine, event: Event, moment: datetime, name: str, after: str | None = None) -> None:
    """Write down that something happened to it at that moment, and what its status has been since."""
    statement = """
        WITH was AS (SELECT id, status FROM complaints WHERE id = :id),
             now AS (UPDATE complaints SET status = coalesce(:after, status) WHERE id = :id)
        INSERT INTO complaint_history (complaint_id, at, actor_kind, actor_id, event, was, became)
        SELECT id, :at, 'operator', 'x', :event, jsonb_build_object('status', status),
               CASE WHEN CAST(:after AS text) IS NOT NULL THEN jsonb_build_object('status', CAST(:after AS text)) END
        FROM was
    """
    await run(engine, statement, id=event.complaint_id, at=moment, event=name, after=after)


async def set_deadlines(
    engine: AsyncEngine,
    event: Event,
    now: datetime,
    calendar: Calendar = CALENDAR,
    zone: ZoneInfo = WIB,
) -> tuple[int, ...]:
    async with engine.begin() as connection:
        return await clocks.set_deadlines(connection, event.complaint_id, calendar, lambda _region: zone, now)


async def ends(engine: AsyncEngine, event: Event) -> dict[str, date]:
    """The last days of the deadlines that run."""
    async with engine.connect() as connection:
        return {clock.kind: clock.due_on for clock in await clocks.deadlines(connection, event.complaint_id)}


@pytest.mark.parametrize(
    ("received", "three", "five", "fourteen"),
    [
        ("03-13", "03-25", "03-27", "04-10"),
        ("05-12", "05-19", "05-21", "06-08"),
        ("08-14", "08-20", "08-24", "09-07"),
        ("11-20", "11-25", "11-27", "12-10"),
    ],
)
async def test_the_checked_examples(engine: AsyncEngine, received: str, three: str, five: str, fourteen: str) -> None:
    """Domain specification, section 12."""
    three_on, five_on, fourteen_on = (date.fromisoformat(f"2026-{each}") for each in (three, five, fourteen))
    received_at = at(f"{received} 16:40")
    for report_class, handle in (
        ("pengaduan", fourteen_on),
        ("aspirasi", five_on),
        ("permintaan_informasi", five_on),
    ):
        event = await filed_at(engine, received_at, report_class=report_class)
        assert await set_deadlines(engine, event, received_at) == ()
        assert await ends(engine, event) == {"verify": three_on, "handle": handle}
        await happened(engine, event, received_at, "disposed", DISPOSED)
        await set_deadlines(engine, event, received_at)
        assert await ends(engine, event) == {"follow_up": five_on, "handle": handle}


async def test_sixty_working_days_where_it_is_supervised_from_the_same_start(engine: AsyncEngine) -> None:
    event = await filed_at(engine, at("05-12 09:00"))
    await set_deadlines(engine, event, at("05-12 09:00"))
    await run(engine, "UPDATE complaints SET supervised = true")
    await set_deadlines(engine, event, at("05-20 09:00"))
    assert (await ends(engine, event))["handle"] == date(2026, 8, 12)
    # Only a pengaduan is "berkadar pengawasan".
    await run(engine, "UPDATE complaints SET report_class = 'aspirasi'")
    await set_deadlines(engine, event, at("05-20 09:00"))
    assert (await ends(engine, event))["handle"] == date(2026, 5, 21)
    [row] = await rows(engine, "SELECT * FROM clocks WHERE kind = 'handle'")
    assert (row.started_at, row.remind_at) == (at("05-12 09:00"), at("05-20 09:00"))


async def test_what_leads_into_a_year_that_is_not_known_does_not_run_and_the_rest_does(engine: AsyncEngine) -> None:
    event = await filed_at(engine, at("12-18 09:00"))
    assert await set_deadlines(engine, event, at("12-18 09:00")) == (2027,)
    assert await ends(engine, event) == {"verify": date(2026, 12, 23)}
    async with engine.connect() as connection:
        assert [row.ticket for row in await clocks.adrift(connection, 0, 10)] == [event.ticket]
    known = Calendar([*DAYS_OFF, date(2027, 1, 1)], REGIONS, RULES)
    async with engine.begin() as connection:
        assert await clocks.mend(connection, event.ticket, known, lambda _: WIB, at("12-30 09:00")) == ()
    assert await ends(engine, event) == {"verify": date(2026, 12, 23), "handle": date(2027, 1, 12)}


async def test_a_class_that_leads_into_an_unknown_year_leaves_no_wrong_deadline(engine: AsyncEngine) -> None:
    event = await filed_at(engine, at("11-20 09:00"))
    await set_deadlines(engine, event, at("11-20 09:00"))
    await run(engine, "UPDATE complaints SET supervised = true")
    assert await set_deadlines(engine, event, at("11-23 09:00")) == (2027,)
    assert set(await ends(engine, event)) == {"verify"}


async def test_a_new_rule_holds_for_what_starts_from_its_day_on(engine: AsyncEngine) -> None:
    rules = [*RULES, Rule("verify", date(2026, 11, 18), 1, None, "[V] x")]
    calendar = Calendar(DAYS_OFF, REGIONS, rules)
    for received, due_on in (("11-17 23:59", "11-20"), ("11-18 00:00", "11-19")):
        event = await filed_at(engine, at(received))
        for now in ("11-18 08:00", "11-19 08:00"):
            await set_deadlines(engine, event, at(now), calendar)
            assert (await ends(engine, event))["verify"] == date.fromisoformat(f"2026-{due_on}")


async def test_the_days_are_those_of_the_place(engine: AsyncEngine) -> None:
    for zone, due_on in ((WIB, date(2026, 11, 24)), (WITA, date(2026, 11, 25))):
        event = await filed_at(engine, at("11-19 23:30"))
        await set_deadlines(engine, event, at("11-19 23:30"), zone=zone)
        async with engine.connect() as connection:
            [verify, _] = await clocks.deadlines(connection, event.complaint_id)
        assert (verify.due_on, verify.due_at) == (due_on, at(f"{due_on + DAY:%m-%d} 00:00", zone))


async def test_a_tunda_pauses_and_the_answer_resumes(engine: AsyncEngine) -> None:
    event = await filed_at(engine, at("11-16 10:00"))
    await set_deadlines(engine, event, at("11-16 10:00"))
    assert await ends(engine, event) == {"verify": date(2026, 11, 19), "handle": date(2026, 12, 4)}
    await happened(engine, event, at("11-17 10:00"), "moved", WAITING)
    await set_deadlines(engine, event, at("11-17 10:00"))
    assert await ends(engine, event) == {}
    # From Tuesday to Monday the pelapor had it for four working days; the file is complete on that Monday.
    await happened(engine, event, at("11-23 10:00"), "replied", FIRST)
    await set_deadlines(engine, event, at("11-23 10:00"))
    assert await ends(engine, event) == {"verify": date(2026, 11, 25), "handle": date(2026, 12, 11)}
    assert await value(engine, "SELECT count(*) FROM clocks WHERE stopped_at IS NOT NULL") == 2


async def test_a_dispute_begins_the_first_words_days_anew(engine: AsyncEngine) -> None:
    event = await filed_at(engine, at("11-02 10:00"))
    for day, name, after, kinds in (
        ("11-03", "disposed", DISPOSED, {"follow_up": "11-10", "handle": "11-20"}),
        ("11-04", "responded", None, {"handle": "11-20"}),
        ("11-09", "moved", ANSWERED, {}),
        ("11-11", "disputed", DISPUTED, {"follow_up": "11-18"}),
        ("11-12", "responded", None, {}),
        ("11-13", "disputed", DISPUTED, {"follow_up": "11-20"}),
    ):
        await happened(engine, event, at(f"{day} 10:00"), name, after)
        await set_deadlines(engine, event, at(f"{day} 10:00"))
        assert {kind: f"{due_on:%m-%d}" for kind, due_on in (await ends(engine, event)).items()} == kinds


async def test_what_was_joined_has_none_and_gets_them_back(engine: AsyncEngine) -> None:
    event, main = await filed_at(engine, at("11-16 10:00")), await filed_at(engine, at("11-16 10:00"))
    for each in (event, main):
        await set_deadlines(engine, each, at("11-16 10:00"))
    before = await ends(engine, event)
    join = "UPDATE complaints SET merged_into = CAST(:main AS bigint) WHERE id = :id"
    await run(engine, join, main=main.complaint_id, id=event.complaint_id)
    await set_deadlines(engine, event, at("11-17 10:00"))
    assert await ends(engine, event) == {}
    assert await ends(engine, main) == before
    await run(engine, join, main=None, id=event.complaint_id)
    await set_deadlines(engine, event, at("11-18 10:00"))
    assert await ends(engine, event) == before


@pytest.mark.parametrize("ended", moves.ENDED)
async def test_what_has_ended_has_none_whoever_ended_it(engine: AsyncEngine, ended: str) -> None:
    event = await filed_at(engine, at("11-16 10:00"))
    await set_deadlines(engine, event, at("11-16 10:00"))
    await run(engine, "UPDATE complaints SET status = :status", status=ended)
    async with engine.begin() as connection:
        [row] = await clocks.adrift(connection, 0, 10)
        await clocks.mend(connection, row.ticket, CALENDAR, lambda _: WIB, at("11-17 10:00"))
        assert await clocks.adrift(connection, 0, 10) == []
    assert await ends(engine, event) == {}


async def test_a_report_from_before_there_were_clocks_gets_its_own_and_nobody_is_told_one_by_one(
    engine: AsyncEngine,
) -> None:
    old, young = await filed_at(engine, at("09-01 10:00")), await filed_at(engine, at("11-19 10:00"))
    async with engine.begin() as connection:
        found = await clocks.adrift(connection, 0, 10)
        assert [row.ticket for row in found] == [old.ticket, young.ticket]
        assert [row.ticket for row in await clocks.adrift(connection, found[0].id, 10)] == [young.ticket]
        for row in found:
            await clocks.mend(connection, row.ticket, CALENDAR, lambda _: WIB, at("11-20 10:00"))
        assert await clocks.adrift(connection, 0, 10) == []
        assert await clocks.over(connection, at("11-20 10:00"), 10) == []
        late = await clocks.late(connection, Reach(everywhere=True), "16", at("11-20 10:00"), 10)
        assert {each.ticket for each in late} == {old.ticket}
        # The young one is told when it is over.
        assert {each.ticket for each in await clocks.over(connection, at("11-25 10:00"), 10)} == {young.ticket}
    assert await ends(engine, old) == {"verify": date(2026, 9, 4), "handle": date(2026, 9, 21)}


async def test_deadlines_are_no_clocks_that_end_anything(engine: AsyncEngine) -> None:
    event = await filed_at(engine, at("09-01 10:00"))
    await set_deadlines(engine, event, at("09-01 10:00"))
    late = at("11-20 10:00")
    async with engine.begin() as connection:
        assert await clocks.running(connection, event.complaint_id) is None
        await clocks.stop(connection, event.complaint_id, late)
    assert await due(engine, late) == await to_remind(engine, late) == []
    assert len(await ends(engine, event)) == 2
    # And the other way round.
    await start(engine, event, at("09-02 10:00"))
    assert set(await ends(engine, event)) == {"verify", "handle"}
    async with engine.connect() as connection:
        assert {clock.kind for clock in await clocks.over(connection, late, 10)} == {"verify", "handle"}


MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 8, 31))  # noqa: DTZ001 (the zone is drawn beside it)
ZONES = st.sampled_from([WIB, WITA, ZoneInfo("Asia/Jayapura")])
PAUSES = st.lists(st.tuples(st.integers(0, 100), st.integers(1, 300)), max_size=3)


@given(MOMENTS, ZONES, PAUSES, st.integers(1, 60))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_offices_have_all_their_working_days_and_not_one_more(
    engine: AsyncEngine, local: datetime, zone: ZoneInfo, pauses: list[tuple[int, int]], working_days: int
) -> None:
    began = local.replace(tzinfo=zone)
    rules = [Rule("verify", date(2026, 1, 1), working_days, 1, "[U]")]
    calendar = Calendar([*DAYS_OFF, date(2027, 1, 1)], REGIONS, rules)
    event = await filed_at(engine, began)
    now, paused = began, set[date]()
    for before, length in pauses:
        asked = now + timedelta(hours=before)
        now = asked + timedelta(hours=length)
        await happened(engine, event, asked, "moved", WAITING)
        await happened(engine, event, now, "replied", FIRST)
        first, last = asked.astimezone(zone).date(), now.astimezone(zone).date()
        paused |= {first + n * DAY for n in range(1, (last - first).days + 1)}
    await set_deadlines(engine, event, now, calendar, zone)
    before_again = await rows(engine, "SELECT * FROM clocks WHERE complaint_id = :id", id=event.complaint_id)
    await set_deadlines(engine, event, now + DAY, calendar, zone)
    [clock] = await rows(engine, "SELECT * FROM clocks WHERE complaint_id = :id", id=event.complaint_id)
    assert [clock] == before_again
    # Counted day by day: what the office could work on it before its last day was over.
    day, worked = began.astimezone(zone).date(), 0
    while worked < working_days:
        day += DAY
        rests = day.isoweekday() > 5 or day in DAYS_OFF or day == date(2027, 1, 1)
        worked += not rests and day not in paused
    # Days that the pelapor had the report after the office's own are over still put the end off.
    assert clock.due_on >= day
    assert clock.due_on == day or any(each > day for each in paused)
    assert clock.due_at == datetime.combine(clock.due_on + DAY, time(), zone)
    assert clock.due_at.astimezone(zone).date() == clock.due_on + DAY


# --- deadlines: told and listed ------------------------------------------------------------------------------


async def test_each_deadline_is_told_once_by_many_workers(engine: AsyncEngine) -> None:
    event = await filed_at(engine, at("11-16 10:00"), report_class="aspirasi")
    await set_deadlines(engine, event, at("11-16 10:00"))

    async def told_by_many(tell: Any, clock: Clock, now: datetime) -> int:
        async def one() -> bool:
            async with engine.begin() as connection:
                return bool(await tell(connection, clock, now))

        return sum(await asyncio.gather(*(one() for _ in range(5))))

    async with engine.connect() as connection:
        assert await clocks.near(connection, at("11-18 08:59"), 10) == []
        [verify] = await clocks.near(connection, at("11-18 09:00"), 10)
    assert verify.kind == "verify"
    assert await told_by_many(clocks.tell_near, verify, at("11-18 09:00")) == 1
    async with engine.connect() as connection:
        assert await clocks.over(connection, at("11-19 23:59"), 10) == []
        [verify] = await clocks.over(connection, at("11-20 00:00"), 10)
    assert await told_by_many(clocks.tell_over, verify, at("11-20 00:00")) == 1
    # Days later, of both the end only.
    async with engine.connect() as connection:
        assert await clocks.near(connection, at("11-30 10:00"), 10) == []
        [handle] = await clocks.over(connection, at("11-30 10:00"), 10)
    assert handle.kind == "handle"
    await run(engine, "UPDATE clocks SET stopped_at = now()")
    assert await told_by_many(clocks.tell_over, handle, at("11-30 10:00")) == 0


async def test_what_is_late_is_counted_and_listed_as_far_as_one_reaches(engine: AsyncEngine) -> None:
    events = {}
    for name, day, region in (
        ("old", "11-02", "16.71.01"),
        ("new", "11-10", "16.71"),
        ("far", "11-03", "16.06"),
        ("due", "11-17", "16.71"),
    ):
        events[name] = event = await filed_at(engine, at(f"{day} 10:00"), region=region, agency="16.71-pu")
        await set_deadlines(engine, event, at(f"{day} 10:00"))
    await happened(engine, events["new"], at("11-11 10:00"), "disposed", DISPOSED)
    hold = "INSERT INTO dispositions (complaint_id, agency, leads) VALUES (:id, '16.71-pu', true)"
    await run(engine, hold, id=events["new"].complaint_id)
    await set_deadlines(engine, events["new"], at("11-11 10:00"))
    now = at("11-20 10:00")
    names = {event.ticket: name for name, event in events.items()}

    async def found(reach: Reach, **how: Any) -> list[tuple[str, str, str | None]]:
        async with engine.connect() as connection:
            listed = await clocks.late(connection, reach, "16", now, 10, **how)
            counted = await clocks.count_late(connection, reach, "16", now)
        if not how:
            assert sum(each.count for each in counted) == len(listed)
        return [(names[each.ticket], each.kind, each.agency) for each in listed]

    old, old_too = ("old", "verify", None), ("old", "handle", None)
    new = ("new", "follow_up", "16.71-pu")
    assert await found(Reach(everywhere=True)) == [old, ("far", "verify", None), new]
    assert await found(Reach(regions=("16.71",))) == [old, new]
    assert await found(Reach(agencies=("16.71-pu",))) == [new]
    assert await found(Reach()) == []
    assert await found(Reach(everywhere=True), kind="follow_up") == [new]
    assert await found(Reach(everywhere=True), agency="16.71-pu") == [new]
    assert await found(Reach(everywhere=True), agency="", kind="verify") == [old, ("far", "verify", None)]
    async with engine.connect() as connection:
        load = await clocks.load(connection, Reach(regions=("16.71",)), "16", now.date(), date(2026, 11, 24))
    # Each by what it misses first: the old one's handling, due today, is not counted beside its verification.
    assert load == Load(late=2, today=1, soon=0)
    now = at("11-21 10:00")
    assert old_too in await found(Reach(regions=("16.71",)))
