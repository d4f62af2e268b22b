"""Queries of silence and figures: each report where it belongs, within reach and not beyond."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import OPERATOR, contact, file, run
from sqlalchemy.ext.asyncio import AsyncEngine

from store import clocks, contacts, dispositions, evidence, moves, oversight, staff
from store.complaints import Actor
from store.oversight import Outcome
from store.policy import Grant, Reach

PU, DISHUB, SEKAYU = "16.71-pu", "16.71-dishub", "16.06-pu"
PALEMBANG = Reach(regions=("16.71",))
OFFICE = Actor("agency", "staff:1")
NOW = datetime.now(UTC)
SINCE, UNTIL = NOW - timedelta(days=30), NOW + timedelta(days=1)
JAKARTA = ZoneInfo("Asia/Jakarta")


async def filed(engine: AsyncEngine, *agencies: str, region: str | None = "16.71.01", **details: Any) -> Any:
    """A report, given to these agencies if to any; returns its event."""
    async with engine.begin() as connection:
        event = await file(connection, **{"region": region, "agency": PU, **details})
        if agencies:
            await dispositions.dispose(connection, event.ticket, OPERATOR, agencies, lead=agencies[0])
    return event


async def clock(engine: AsyncEngine, event: Any, kind: str, *, due: int, stopped: int | None = None) -> None:
    """A clock that ends so many days from now, and was stopped then, if it was."""
    await run(
        engine,
        """INSERT INTO clocks (complaint_id, kind, due_on, due_at, stopped_at)
           VALUES (:id, :kind, CAST(CAST(:due AS timestamptz) AS date), :due, :stopped)""",
        id=event.complaint_id,
        kind=kind,
        due=NOW + timedelta(days=due),
        stopped=None if stopped is None else NOW + timedelta(days=stopped),
    )


async def ended(engine: AsyncEngine, event: Any, status: str) -> None:
    await run(engine, "UPDATE complaints SET status = :status WHERE id = :id", status=status, id=event.complaint_id)


async def listed(engine: AsyncEngine, which: str, reach: Reach = PALEMBANG, **times: Any) -> list[str]:
    """The tickets of a list."""
    given = {"now": NOW, "before": NOW + timedelta(hours=1), "since": SINCE, "until": UNTIL, **times}
    async with engine.connect() as connection:
        found = await oversight.silence(connection, which, reach, "16", **given)
    assert found.total == len(found.rows)
    return [each.ticket for each in found.rows]


async def outcomes(engine: AsyncEngine, reach: Reach = PALEMBANG) -> dict[str | None, Outcome]:
    async with engine.connect() as connection:
        return await oversight.outcomes(connection, reach, "16", since=SINCE, until=UNTIL, now=NOW)


# --- reach -----------------------------------------------------------------------------------------------


def test_reach_is_where_a_role_that_may_is_held() -> None:
    grants = [Grant("pengawas", region="16.71"), Grant("pejabat_penghubung", agency=PU), Grant("biro_organisasi")]
    assert oversight.reach(grants, "oversight.open") == PALEMBANG
    assert oversight.reach(grants, "figures.read").everywhere
    assert oversight.reach(grants[1:2], "oversight.open") == Reach()


@pytest.mark.parametrize("which", list(oversight.LISTS))
async def test_nothing_is_listed_beyond_reach_or_without_any(engine: AsyncEngine, which: str) -> None:
    here, there = await filed(engine, PU), await filed(engine, SEKAYU, region="16.06")
    for event in (here, there):
        for kind in ("verify", "follow_up", "handle"):
            await clock(engine, event, kind, due=-1)
    if which in ("disputed", "closed_in_silence"):
        for event in (here, there):
            await ended(engine, event, "Ditanggapi oleh Pelapor" if which == "disputed" else "Ditutup oleh Sistem")
    assert await listed(engine, which) == [here.ticket]
    assert (
        await listed(engine, which, Reach(regions=("16.71", "16.06")))
        == [here.ticket, there.ticket][:: -1 if which == "closed_in_silence" else 1]
    )
    assert sorted(await listed(engine, which, Reach(everywhere=True))) == sorted([here.ticket, there.ticket])
    assert await listed(engine, which, Reach()) == []


async def test_a_report_without_a_place_lies_where_its_agency_does(engine: AsyncEngine) -> None:
    event = await filed(engine, PU, region=None)
    assert await listed(engine, "no_word") == [event.ticket]
    assert await listed(engine, "no_word", Reach(regions=("16.06",))) == []


# --- silence ---------------------------------------------------------------------------------------------


async def test_any_word_of_the_lead_breaks_the_silence(engine: AsyncEngine) -> None:
    silent, spoken, helped = [await filed(engine, PU, DISHUB) for _ in range(3)]
    async with engine.begin() as connection:
        await dispositions.respond(connection, spoken.ticket, OFFICE, PU, "Kami cek.")
        await dispositions.respond(connection, helped.ticket, OFFICE, DISHUB, "Kami bantu.")
    assert sorted(await listed(engine, "no_word")) == sorted([silent.ticket, helped.ticket])
    assert await listed(engine, "no_word", before=NOW - timedelta(days=1)) == []


async def test_only_running_clocks_of_open_reports_are_late(engine: AsyncEngine) -> None:
    late, stopped, ahead, closed = [await filed(engine, PU) for _ in range(4)]
    await clock(engine, late, "handle", due=-2)
    await clock(engine, stopped, "handle", due=-2, stopped=-1)
    await clock(engine, ahead, "handle", due=2)
    await clock(engine, closed, "handle", due=-2)
    await ended(engine, closed, "Ditutup oleh Pelapor")
    assert await listed(engine, "late_handle") == [late.ticket]
    assert await listed(engine, "late_first") == []


async def test_what_waits_longest_comes_first_and_the_rest_is_counted(engine: AsyncEngine) -> None:
    events = [await filed(engine, PU) for _ in range(5)]
    for days, event in enumerate(events, 1):
        await clock(engine, event, "verify", due=-days)
    async with engine.connect() as connection:
        found = await oversight.silence(
            connection, "late_verify", PALEMBANG, "16", now=NOW, before=NOW, since=SINCE, until=UNTIL, most=2
        )
    assert [each.ticket for each in found.rows] == [events[4].ticket, events[3].ticket]
    assert found.total == 5


# --- figures ---------------------------------------------------------------------------------------------


async def test_outcomes_are_honest(engine: AsyncEngine) -> None:
    """One report of each kind; archived is not finished, and closed without a word was not followed up."""
    cases = {
        name: await filed(engine, PU) for name in ("open", "answered", "in_time", "overrun", "untimed", "archived")
    }
    async with engine.begin() as connection:
        officer = await staff.add(connection, "petugas", "Petugas", [])
        proof = {"sha256": "0" * 64, "content_type": "image/png", "size": 1, "name": None, "looks": None}
        for name in ("answered", "in_time", "overrun", "untimed"):
            photo: Any = await evidence.add(
                connection, complaint_id=cases[name].complaint_id, staff_id=officer, agency=PU, **proof  # type: ignore[arg-type]
            )  # fmt: skip
            await dispositions.answer(
                connection, cases[name].ticket, OFFICE, PU, "Sudah.", finished=True, evidence=[photo]
            )
    await clock(engine, cases["open"], "follow_up", due=-1)
    await clock(engine, cases["in_time"], "handle", due=1, stopped=-1)
    await clock(engine, cases["overrun"], "handle", due=-3, stopped=-1)
    for name, status in (
        ("in_time", "Ditutup oleh Pelapor"),
        ("overrun", "Ditutup oleh Sistem"),
        ("untimed", "Ditutup oleh Sistem"),
        ("archived", "Diarsipkan oleh Admin"),
    ):
        await ended(engine, cases[name], status)
    found = (await outcomes(engine))[PU]
    assert found == Outcome(
        filed=6, archived=1, spoken_to=4, closed=3, in_time=1, without_deadline=1, waiting=2, late=1
    )
    assert found.counted == 5


async def test_a_report_counts_for_who_leads_it_or_for_nobody(engine: AsyncEngine) -> None:
    await filed(engine, DISHUB, PU)
    await filed(engine)
    denied = await filed(engine, PU)
    async with engine.begin() as connection:
        await dispositions.hand_back(connection, denied.ticket, OFFICE, PU, "Bukan kami.", kominfo="16.71-kominfo")
    found = await outcomes(engine)
    assert found[DISHUB].filed == 1
    assert sum(each.filed for each in found.values()) == 3
    assert PU not in found


async def test_the_period_is_that_of_filing(engine: AsyncEngine) -> None:
    event = await filed(engine, PU)
    await run(engine, "UPDATE complaints SET filed_at = :at WHERE id = :id", at=SINCE, id=event.complaint_id)
    assert (await outcomes(engine))[PU].filed == 1
    before = SINCE - timedelta(seconds=1)
    await run(engine, "UPDATE complaints SET filed_at = :at WHERE id = :id", at=before, id=event.complaint_id)
    assert await outcomes(engine) == {}


@given(st.lists(st.builds(Outcome, *[st.integers(0, 9)] * 8), max_size=5))
def test_sums_are_sums(found: list[Outcome]) -> None:
    total = sum(found, Outcome())
    assert total.counted == sum(each.counted for each in found)
    assert total == sum(reversed(found), Outcome())
    assert replace(total, filed=total.archived).counted == 0


async def test_counts_are_by_each_column(engine: AsyncEngine) -> None:
    await filed(engine, PU, report_class="aspirasi")
    last = await filed(engine, channel="webchat")
    # Late on the last day of the month in Greenwich it is the first of the next one here.
    at = datetime(NOW.year, NOW.month, 1, tzinfo=UTC) - timedelta(hours=3)
    await run(engine, "UPDATE complaints SET filed_at = :at WHERE id = :id", at=at, id=last.complaint_id)
    async with engine.connect() as connection:
        found = await oversight.counts(
            connection, PALEMBANG, "16", since=at - timedelta(days=1), until=UNTIL, zone=JAKARTA
        )
    assert set(found) == set(oversight.COUNTS)
    assert found["report_class"] == {"aspirasi": 1, "pengaduan": 1}
    assert found["channel"] == {"telegram": 1, "webchat": 1}
    assert found["agency"] == {PU: 1, None: 1}
    assert found["month"] == {f"{NOW.astimezone(JAKARTA):%Y-%m}": 2}
    assert all(sum(each.values()) == 2 for each in found.values())


async def test_silence_is_no_satisfaction(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        chat = await contact(connection)
        citizen = await contacts.become_citizen(connection, chat, "Siti", "id")
    rated = await filed(engine, PU, citizen_id=citizen, contact_id=chat)
    silent = await filed(engine, PU)
    for event, status in ((rated, "Ditutup oleh Pelapor"), (silent, "Ditutup oleh Sistem")):
        await ended(engine, event, status)
    await run(
        engine,
        "INSERT INTO ratings (complaint_id, citizen_id, stars) VALUES (:id, :citizen, 4)",
        id=rated.complaint_id,
        citizen=citizen,
    )
    async with engine.connect() as connection:
        found = await oversight.satisfaction(connection, PALEMBANG, "16", since=SINCE, until=UNTIL)
        nobody = await oversight.satisfaction(connection, Reach(), "16", since=SINCE, until=UNTIL)
    assert (found.stars, found.rated, found.mean, found.closed, found.in_silence) == ({4: 1}, 1, 4.0, 2, 1)
    assert (nobody.mean, nobody.closed) == (None, 0)


# --- what an agency has --------------------------------------------------------------------------------------


async def test_who_leads_waits_for_the_end_and_who_helps_for_its_answer(engine: AsyncEngine) -> None:
    event = await filed(engine, PU, DISHUB)
    await clock(engine, event, "handle", due=3)
    async with engine.begin() as connection:
        await dispositions.answer(connection, event.ticket, OFFICE, DISHUB, "Kami pasang rambu.", finished=False)

    async def waits(agency: str) -> list[bool]:
        async with engine.connect() as connection:
            return [each.waits for each in (await oversight.tasks(connection, [agency], NOW)).rows]

    assert (await waits(PU), await waits(DISHUB)) == ([True], [False])
    async with engine.begin() as connection:
        await dispositions.answer(connection, event.ticket, OFFICE, PU, "Kami tambal.", finished=False)
    # The work is not done while its deadline runs.
    assert await waits(PU) == [True]
    await run(engine, "UPDATE clocks SET stopped_at = now()")
    assert await waits(PU) == [False]
    await ended(engine, event, "Ditutup oleh Pelapor")
    assert (await waits(PU), await waits(DISHUB)) == ([], [])


async def test_tasks_are_counted_in_full_and_shown_in_part(engine: AsyncEngine) -> None:
    events = [await filed(engine, PU) for _ in range(4)]
    for days, event in enumerate(events):
        await clock(engine, event, "follow_up", due=1 - days)
    async with engine.connect() as connection:
        found = await oversight.tasks(connection, [PU], NOW, most=2)
        nothing = await oversight.tasks(connection, [], NOW)
    assert [each.ticket for each in found.rows] == [events[3].ticket, events[2].ticket]
    # One of them is due at this very moment, which is the end of its day.
    assert (found.waiting, found.late, found.answered) == (4, 3, 0)
    assert nothing == oversight.Tasks((), 0, 0, 0)


def test_the_deadlines_are_those_of_the_clocks() -> None:
    assert {oversight.VERIFY, oversight.FOLLOW_UP, oversight.HANDLE} == set(clocks.DEADLINES)
    assert set(moves.ENDED) == {*oversight._CLOSED, *oversight._ARCHIVED}
