"""From the answer to the end by silence: what is announced, what stops it, and that silence is nothing but silence."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import OPERATOR, contact, eventually, file, rows, run, value
from running import working

from api import jobs
from api.house import House
from api.settings import Settings
from api.timekeeping import keep_clocks
from api.unit import unit
from store import closure, complaints, contacts, masterdata, moves
from store.complaints import Actor
from store.statement import raw

ANSWERED, COUNTDOWN = moves.ANSWERS
WAITING = "Menunggu Kelengkapan Informasi"
ENDED_BY_SILENCE = {"Ditutup oleh Sistem", "Diarsipkan oleh Sistem"}


def at(house: House, words: str) -> None:
    """It is that moment in Palembang, as in "2026-11-20 10:00"."""
    house.skew = datetime.fromisoformat(f"{words}+07:00") - datetime.now(UTC)


async def filed(house: House, address: str = "7") -> tuple[str, Actor]:
    """A complaint of somebody in a chat."""
    async with house.engine.begin() as connection:
        chat = await contact(connection, address)
        citizen = await contacts.become_citizen(connection, chat, "Siti", "id")
        event = await file(connection, citizen_id=citizen, contact_id=chat, agency="16-pu", region="16.71")
        return event.ticket, Actor("citizen", str(citizen))


async def move(house: House, ticket: str, name: str, note: str | None = "Sudah ditambal.") -> None:
    status = moves.read(name)
    assert status is not None
    async with unit(house) as work:
        work.record(await complaints.move(work.connection, ticket, status, OPERATOR, reason=None, note=note))


async def note(house: House, ticket: str, *, public: bool) -> None:
    async with unit(house) as work:
        work.record(await complaints.note(work.connection, ticket, OPERATOR, "Mohon ditunggu.", public=public))


async def reply(house: House, ticket: str, citizen: Actor) -> None:
    async with unit(house) as work:
        work.record(await closure.reply(work.connection, ticket, citizen, "Belum."))


async def status(house: House, ticket: str) -> str:
    return str(await value(house.engine, "SELECT status FROM complaints WHERE ticket = :ticket", ticket=ticket))


async def ends_on(house: House) -> list[date]:
    """The last days of the clocks that run."""
    return [row.due_on for row in await rows(house.engine, "SELECT due_on FROM clocks WHERE stopped_at IS NULL")]


async def pushes(house: House) -> list[Any]:
    return await rows(house.engine, "SELECT says, buttons FROM deliveries ORDER BY id")


async def last_push(house: House) -> tuple[dict[str, Any], list[str]]:
    """What was said last, by key, and what it offers."""
    row = (await pushes(house))[-1]
    return dict(row.says), [choice for _, choice in row.buttons]


# --- the whole way -------------------------------------------------------------------------------------------


async def test_from_the_answer_to_the_end_by_silence(house: House) -> None:
    """Domain specification, scenario 12."""
    ticket, _ = await filed(house)
    at(house, "2026-11-20 10:00")
    await move(house, ticket, ANSWERED)
    says, acts = await last_push(house)
    assert says["push.note"] == {"note": "Sudah ditambal."}
    assert says["push.answer_until"] == {"date": {"date": "2026-12-04"}}
    assert acts == [f"{ticket}:resolved", f"{ticket}:unresolved", f"{ticket}:wrong_agency"]

    at(house, "2026-12-01 08:45")
    await keep_clocks(house)
    assert len(await pushes(house)) == 1
    at(house, "2026-12-01 09:00")
    await asyncio.gather(*(keep_clocks(house) for _ in range(4)))
    says, acts = await last_push(house)
    assert says == {"push.reminded_close": {"ticket": ticket, "date": {"date": "2026-12-04"}}}
    assert f"{ticket}:unresolved" in acts

    at(house, "2026-12-04 23:59")
    await keep_clocks(house)
    assert (await status(house, ticket), len(await pushes(house))) == (ANSWERED, 2)
    at(house, "2026-12-05 00:00")
    await asyncio.gather(*(keep_clocks(house) for _ in range(4)))
    assert await status(house, ticket) == "Ditutup oleh Sistem"
    says, acts = await last_push(house)
    assert list(says) == ["push.ditutup_sistem", "push.ditutup_sistem_next"]
    assert says["push.ditutup_sistem"] == {"ticket": ticket, "date": {"date": "2026-12-04"}}
    assert acts == [f"{ticket}:rate"]
    assert len(await pushes(house)) == 3
    assert await value(house.engine, "SELECT count(*) FROM ratings") == 0
    assert await ends_on(house) == []


async def test_what_is_asked_and_not_told_is_archived(house: House) -> None:
    ticket, _ = await filed(house)
    at(house, "2026-11-20 10:00")
    await move(house, ticket, WAITING, "Di RT berapa?")
    says, acts = await last_push(house)
    assert says["push.complete_until"] == {"date": {"date": "2026-12-04"}}
    assert acts == [f"{ticket}:reply"]
    for moment in ("2026-12-01 09:00", "2026-12-05 00:00"):
        at(house, moment)
        await keep_clocks(house)
    assert await status(house, ticket) == "Diarsipkan oleh Sistem"
    assert [list(dict(row.says)) for row in (await pushes(house))[1:]] == [
        ["push.reminded_archive"],
        ["push.diarsipkan_sistem", "push.diarsipkan_sistem_next"],
    ]


# --- what stops it and what begins it anew -------------------------------------------------------------------


async def test_the_citizens_word_stops_it(house: House) -> None:
    ticket, citizen = await filed(house)
    at(house, "2026-11-20 10:00")
    await move(house, ticket, ANSWERED)
    at(house, "2026-12-04 23:00")
    await keep_clocks(house)
    await reply(house, ticket, citizen)
    assert await ends_on(house) == []
    at(house, "2026-12-31 10:00")
    await keep_clocks(house)
    assert await status(house, ticket) == "Ditanggapi oleh Pelapor"


async def test_the_offices_word_gives_all_the_days_again(house: House) -> None:
    ticket, _ = await filed(house)
    at(house, "2026-11-20 10:00")
    await move(house, ticket, ANSWERED)
    at(house, "2026-11-24 10:00")
    await note(house, ticket, public=False)
    assert await ends_on(house) == [date(2026, 12, 4)]
    await note(house, ticket, public=True)
    assert await ends_on(house) == [date(2026, 12, 8)]
    assert (await last_push(house))[0]["push.answer_until"] == {"date": {"date": "2026-12-08"}}
    await move(house, ticket, COUNTDOWN, None)
    assert await ends_on(house) == [date(2026, 12, 8)]
    await move(house, ticket, "Terdisposisi", None)
    assert await ends_on(house) == []
    await note(house, ticket, public=True)
    assert await ends_on(house) == []


# --- a calendar that ends ------------------------------------------------------------------------------------


async def test_where_the_calendar_ends_a_person_is_asked_and_nothing_is_ended(house: House) -> None:
    ticket, _ = await filed(house)
    other, _ = await filed(house, "8")
    at(house, "2026-12-18 10:00")
    for each in (ticket, other):
        await move(house, each, ANSWERED)
    assert "push.answer_until" not in (await last_push(house))[0]
    at(house, "2026-12-31 10:00")
    await keep_clocks(house)
    matters = await rows(house.engine, "SELECT kind, detail, complaint_id FROM attention")
    assert matters == [("calendar_unknown", "2027", None)]
    assert (await ends_on(house), await status(house, ticket)) == ([], ANSWERED)
    # Somebody enters the days off, and the days begin: nobody could be told of an earlier end.
    await run(house.engine, "INSERT INTO holidays VALUES ('2027-01-01', 'Tahun Baru 2027 Masehi', 'nasional')")
    async with house.engine.connect() as connection:
        house.directory = await masterdata.directory(connection, "16")
    await keep_clocks(house)
    assert await ends_on(house) == [date(2027, 1, 15)] * 2


async def test_one_complaint_that_cannot_be_kept_holds_up_no_other(house: House) -> None:
    broken, _ = await filed(house)
    ticket, _ = await filed(house, "8")
    at(house, "2026-11-20 10:00")
    for each in (broken, ticket):
        await move(house, each, ANSWERED)
    # A region whose time nobody knows.
    await run(house.engine, "INSERT INTO regions VALUES ('99', 'x', 'provinsi', NULL, 'Asia/Jakarta', '{}')")
    await run(house.engine, "UPDATE complaints SET region = '99' WHERE ticket = :ticket", ticket=broken)
    for moment in ("2026-12-01 09:00", "2026-12-05 00:00"):
        at(house, moment)
        await keep_clocks(house)
    assert [await status(house, each) for each in (broken, ticket)] == [ANSWERED, "Ditutup oleh Sistem"]


async def test_the_worker_keeps_the_clocks(house: House, settings: Settings, database: str) -> None:
    ticket, _ = await filed(house)
    at(house, "2026-06-17 10:00")
    await move(house, ticket, ANSWERED)
    await run(house.engine, "UPDATE clocks SET reminded_at = remind_at, due_at = now() - interval '1 minute'")
    async with working(settings, database):
        async with unit(house) as work:
            await jobs.keep_clocks.configure(connection=raw(work.connection)).defer_async(timestamp=0)
        await eventually(lambda: status(house, ticket), "Ditutup oleh Sistem")


# --- whatever happens ------------------------------------------------------------------------------------------

# The words that are said, and how many days pass.
STEPS = st.lists(st.sampled_from(["answer", "ask", "message", "reply", "3", "9", "17"]), min_size=2, max_size=7)


@given(STEPS)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_nothing_ends_by_silence_that_was_not_silent_and_announced(house: House, steps: list[str]) -> None:
    at(house, "2026-06-17 10:00")
    await run(house.engine, "UPDATE clocks SET stopped_at = now()")
    await run(house.engine, "UPDATE complaints SET status = 'Ditutup oleh Admin'")
    ticket, citizen = await filed(house)
    office: date | None = None  # the day of the office's last word, if the citizen has said nothing since

    for step in ("answer", *steps):
        now = await status(house, ticket)
        today = house.now().astimezone(house.zone("16")).date()
        match step:
            case "answer" | "ask":
                name = ANSWERED if step == "answer" else WAITING
                if name in moves.allowed(now):
                    await move(house, ticket, name)
                    office = today
            case "message":
                await note(house, ticket, public=True)
                office = today
            case "reply":
                await reply(house, ticket, citizen)
                office = None
            case _:
                for _ in range(int(step)):
                    house.skew += timedelta(days=1)
                    await asyncio.gather(keep_clocks(house), keep_clocks(house))
        done = await rows(
            house.engine,
            "SELECT h.event, h.became FROM complaint_history h JOIN complaints k ON k.id = h.complaint_id"
            " WHERE k.ticket = :ticket AND h.event IN ('reminded', 'lapsed') ORDER BY h.id",
            ticket=ticket,
        )
        events = [row.event for row in done]
        if await status(house, ticket) in ENDED_BY_SILENCE:
            assert office is not None, "nobody had answered or asked since the citizen's word"
            last = house.directory.calendar.add(office, 10)
            assert last < house.now().astimezone(house.zone("16")).date()
            assert events[-2:] == ["reminded", "lapsed"]
            assert events.count("lapsed") == 1
            assert done[-2].became["due_on"] == last.isoformat()
            break
        assert "lapsed" not in events
    assert await value(house.engine, "SELECT count(*) FROM ratings") == 0
