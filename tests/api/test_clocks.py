"""From the answer to the end by silence: what is announced, what stops it, and that silence is nothing but silence.
And the deadlines of offices: what sets them, who is told, and what each morning says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import OPERATOR, contact, eventually, file, rows, run, value
from running import working

from api import jobs, timekeeping
from api.house import House, open_house
from api.settings import Settings
from api.timekeeping import keep_clocks, keep_mornings
from api.unit import unit
from store import (
    closure,
    complaints,
    contacts,
    dispositions,
    editing,
    masterdata,
    merging,
    moves,
    policy,
    rehearsal,
    staff,
)
from store.complaints import Actor
from store.policy import Grant
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
    """The last days of the clocks that run and would end something."""
    running = "SELECT due_on FROM clocks WHERE stopped_at IS NULL AND kind IN ('close', 'archive')"
    return [row.due_on for row in await rows(house.engine, running)]


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
    # The database refuses whatever would end one of them.
    await run(house.engine, "UPDATE complaints SET place = 'x' WHERE ticket = :ticket", ticket=broken)
    stuck = f"ALTER TABLE complaints ADD CONSTRAINT stuck CHECK (place <> 'x' OR status = '{ANSWERED}')"
    await run(house.engine, stuck)
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


# --- deadlines: from the filing to those above ---------------------------------------------------------------


class Rehearsed:
    """A house whose database has a clock that can be set."""

    def __init__(self, house: House) -> None:
        self.house = house

    async def at(self, words: str, zone: str = "+07:00") -> None:
        """It is that moment, as in "2026-11-20 10:00"."""
        ahead = datetime.fromisoformat(f"{words}{zone}") - datetime.now(UTC)
        async with self.house.engine.begin() as connection:
            await rehearsal.set_ahead(connection, ahead)
        self.house.skew = ahead

    async def file(self, **details: Any) -> str:
        """A report that comes in now."""
        async with unit(self.house) as work:
            event = await file(work.connection, **{"region": "16.71", "agency": "16.71-pu", **details})
            return work.record(event).ticket

    async def dispose(self, ticket: str, *agencies: str) -> None:
        async with unit(self.house) as work:
            verb = dispositions.dispose(work.connection, ticket, OPERATOR, agencies, lead=agencies[0])
            work.record(await verb)

    async def ends(self, ticket: str) -> dict[str, str]:
        """The last days of the deadlines that run."""
        found = await rows(
            self.house.engine,
            "SELECT c.kind, c.due_on FROM clocks c JOIN complaints k ON k.id = c.complaint_id"
            " WHERE c.stopped_at IS NULL AND k.ticket = :ticket",
            ticket=ticket,
        )
        return {row.kind: f"{row.due_on:%m-%d}" for row in found}

    async def told(self) -> list[str]:
        """Every notice, as kind and whom it is for."""
        found = await rows(self.house.engine, "SELECT * FROM notices ORDER BY id")
        return [f"{row.kind} {row.role or 'person'} {row.agency or row.region or row.staff_id}" for row in found]


@pytest.fixture
async def rehearsed(settings: Settings, database: str) -> AsyncIterator[Rehearsed]:
    """A house without a classifier, in a rehearsal."""
    rehearsal.wind(database)
    async with open_house(settings, database, name="test") as opened:
        yield Rehearsed(opened)


async def test_from_the_filing_to_those_above(rehearsed: Rehearsed) -> None:
    """Domain specification, section 12: Friday 20 November."""
    house = rehearsed.house
    await rehearsed.at("2026-11-20 10:00")
    ticket = await rehearsed.file()
    assert await rehearsed.ends(ticket) == {"verify": "11-25", "handle": "12-10"}
    told: list[str] = []
    for moment, news in (
        ("2026-11-24 08:45", []),
        ("2026-11-24 09:00", ["near_verify admin_instansi 16.71"]),
        ("2026-11-25 23:59", []),
        ("2026-11-26 00:00", ["over_verify admin_instansi 16.71", "over_verify pengawas 16.71"]),
        ("2026-11-27 09:00", []),
    ):
        await rehearsed.at(moment)
        await asyncio.gather(*(keep_clocks(house) for _ in range(4)))
        told += news
        assert await rehearsed.told() == told
    await rehearsed.dispose(ticket, "16.71-pu")
    assert await rehearsed.ends(ticket) == {"follow_up": "12-04", "handle": "12-10"}
    # Two working days without a reaction: who has it is reminded, and who could give it to another.
    await rehearsed.at("2026-12-01 09:00")
    await keep_clocks(house)
    told += ["near_follow_up admin_instansi 16.71", "near_follow_up pejabat_penghubung 16.71-pu"]
    assert await rehearsed.told() == told
    async with unit(house) as work:
        agency = Actor("agency", "staff:1")
        work.record(await dispositions.respond(work.connection, ticket, agency, "16.71-pu", "Kami cek besok."))
    assert await rehearsed.ends(ticket) == {"handle": "12-10"}
    # The worker is down from before the reminder until after the end: one notice each to those above.
    await rehearsed.at("2026-12-17 09:00")
    for _ in range(3):
        await keep_clocks(house)
    told += ["over_handle admin_instansi 16.71", "over_handle pengawas 16.71"]
    assert await rehearsed.told() == told
    # The citizen was told of the disposition and of the first word, and never of a deadline.
    assert await value(house.engine, "SELECT count(*) FROM complaint_history WHERE event = 'reminded'") == 0


async def test_what_happens_to_a_report_sets_its_deadlines(rehearsed: Rehearsed) -> None:
    house = rehearsed.house
    await rehearsed.at("2026-11-02 10:00")
    async with house.engine.begin() as connection:
        chat = await contact(connection)
        citizen = await contacts.become_citizen(connection, chat, "Siti", "id")
    pelapor = Actor("citizen", str(citizen))
    ticket = await rehearsed.file(citizen_id=citizen, contact_id=chat)
    assert await rehearsed.ends(ticket) == {"verify": "11-05", "handle": "11-20"}

    async def doing(verb: Any) -> dict[str, str]:
        async with unit(house) as work:
            work.record(await verb(work.connection, ticket))
        return await rehearsed.ends(ticket)

    await rehearsed.at("2026-11-03 10:00")
    edited = await doing(lambda c, t: editing.edit(c, t, OPERATOR, report_class="aspirasi"))
    assert edited == {"verify": "11-05", "handle": "11-09"}
    assert await doing(lambda c, t: dispositions.ask(c, t, OPERATOR, "Di mana?")) == {"archive": "11-17"}
    await rehearsed.at("2026-11-05 10:00")
    replied = await doing(lambda c, t: closure.reply(c, t, pelapor, "Di depan pasar."))
    assert replied == {"verify": "11-09", "handle": "11-12"}
    await rehearsed.dispose(ticket, "16.71-pu")
    assert await rehearsed.ends(ticket) == {"follow_up": "11-12", "handle": "11-12"}
    await rehearsed.at("2026-11-06 10:00")
    # Another one helps, which changes nothing; then another one leads, which begins anew.
    await rehearsed.dispose(ticket, "16.71-pu", "16.71-kominfo")
    assert (await rehearsed.ends(ticket))["follow_up"] == "11-12"
    await rehearsed.dispose(ticket, "16.71-kominfo", "16.71-pu")
    assert (await rehearsed.ends(ticket))["follow_up"] == "11-13"
    await rehearsed.at("2026-11-09 10:00")
    denied = await doing(
        lambda c, t: dispositions.hand_back(c, t, OPERATOR, "16.71-kominfo", "Bukan kami.", kominfo="16.71-kominfo")
    )
    assert denied == {"verify": "11-12", "handle": "11-12"}
    await rehearsed.dispose(ticket, "16.71-pu")
    answered = await doing(
        lambda c, t: dispositions.answer(c, t, OPERATOR, "16.71-pu", "Sudah kami perbaiki.", finished=False)
    )
    assert answered == {"close": "11-23"}
    disputed = await doing(lambda c, t: closure.dispute(c, t, pelapor, "Belum."))
    assert disputed == {"follow_up": "11-16"}
    assert await doing(lambda c, t: closure.confirm(c, t, pelapor)) == {}
    await keep_clocks(house)
    assert await rehearsed.ends(ticket) == {}


async def test_a_joined_report_leaves_its_deadlines_to_the_main_one(rehearsed: Rehearsed) -> None:
    await rehearsed.at("2026-11-02 10:00")
    main, ticket = await rehearsed.file(), await rehearsed.file()
    await rehearsed.at("2026-11-03 10:00")
    before = await rehearsed.ends(ticket)
    async with unit(rehearsed.house) as work:
        work.record(await merging.merge(work.connection, ticket, main, OPERATOR))
    assert (await rehearsed.ends(ticket), await rehearsed.ends(main)) == ({}, before)
    async with unit(rehearsed.house) as work:
        work.record(await merging.unmerge(work.connection, ticket, OPERATOR))
    assert (await rehearsed.ends(ticket), await rehearsed.ends(main)) == (before, before)


async def test_filing_fails_for_no_calendar_and_one_matter_asks_for_it(rehearsed: Rehearsed) -> None:
    await rehearsed.at("2026-12-18 10:00")
    tickets = [await rehearsed.file() for _ in range(3)]
    assert [await rehearsed.ends(ticket) for ticket in tickets] == [{"verify": "12-23"}] * 3
    await keep_clocks(rehearsed.house)
    matters = await rows(rehearsed.house.engine, "SELECT kind, detail FROM attention")
    assert matters == [("calendar_unknown", "2027")]
    await run(rehearsed.house.engine, "INSERT INTO holidays VALUES ('2027-01-01', 'Tahun Baru', 'nasional')")
    async with rehearsed.house.engine.connect() as connection:
        rehearsed.house.directory = await masterdata.directory(connection, "16")
    await keep_clocks(rehearsed.house)
    assert [await rehearsed.ends(ticket) for ticket in tickets] == [{"verify": "12-23", "handle": "01-12"}] * 3


async def test_a_flood_of_old_reports_is_listed_and_not_told_one_by_one(
    rehearsed: Rehearsed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timekeeping, "MOST", 3)
    await rehearsed.at("2026-10-01 10:00")
    async with rehearsed.house.engine.begin() as connection:
        for _ in range(8):
            await file(connection, region="16.71")
    await rehearsed.at("2026-11-20 10:00")
    await keep_clocks(rehearsed.house)
    running = await value(rehearsed.house.engine, "SELECT count(*) FROM clocks WHERE stopped_at IS NULL")
    assert (running, await rehearsed.told()) == (16, [])


# --- mornings -------------------------------------------------------------------------------------------------


async def officers(house: House, **grants: Grant) -> dict[int, str]:
    """New officers with a grant each, by id."""
    async with house.engine.begin() as connection:
        return {await staff.add(connection, name, name, [grant]): name for name, grant in grants.items()}


async def mornings(house: House, names: dict[int, str]) -> list[tuple[str, int, int, int]]:
    """Who was told how much: late, today, soon."""
    found = await rows(house.engine, "SELECT staff_id, detail FROM notices WHERE kind = 'morning' ORDER BY id")
    return sorted((names[row.staff_id], row.detail["late"], row.detail["today"], row.detail["soon"]) for row in found)


async def test_each_morning_tells_each_officer_how_much_there_is_to_do(rehearsed: Rehearsed) -> None:
    house = rehearsed.house
    names = await officers(
        house,
        kominfo=Grant(policy.ADMIN_INSTANSI, region="16.71"),
        pu=Grant(policy.PEJABAT, agency="16.71-pu"),
        ombudsman=Grant(policy.PENGAWAS),
        sekayu=Grant(policy.ADMIN_INSTANSI, region="16.06"),
        biro=Grant(policy.BIRO, region="16"),
    )
    for day in ("11-13", "11-18", "11-19", "11-20"):
        await rehearsed.at(f"2026-{day} 10:00")
        ticket = await rehearsed.file()
        if day == "11-13":
            await rehearsed.dispose(ticket, "16.71-pu")
    # Due: 11-20 (a first word of the 13th's), 11-23, 11-24, 11-25. Monday the 23rd:
    for moment in ("2026-11-21 08:00", "2026-11-22 08:00", "2026-11-23 07:29"):
        await rehearsed.at(moment)
        await keep_mornings(house)
        assert await mornings(house, names) == []
    await rehearsed.at("2026-11-23 07:30")
    await asyncio.gather(*(keep_mornings(house) for _ in range(4)))
    wanted = [("kominfo", 1, 1, 2), ("ombudsman", 1, 1, 2), ("pu", 1, 0, 0)]
    assert await mornings(house, names) == wanted
    await rehearsed.at("2026-11-23 11:59")
    await keep_mornings(house)
    assert await mornings(house, names) == wanted


@pytest.mark.parametrize(("up_again", "told"), [("11:59", 1), ("12:00", 0), ("18:00", 0)])
async def test_a_worker_that_was_down_tells_it_later_but_not_after_noon(
    rehearsed: Rehearsed, up_again: str, told: int
) -> None:
    names = await officers(rehearsed.house, kominfo=Grant(policy.ADMIN_INSTANSI, region="16.71"))
    await rehearsed.at("2026-11-16 10:00")
    await rehearsed.file()
    await rehearsed.at(f"2026-11-23 {up_again}")
    await keep_mornings(rehearsed.house)
    assert len(await mornings(rehearsed.house, names)) == told


async def test_the_morning_is_that_of_the_place(rehearsed: Rehearsed) -> None:
    names = await officers(
        rehearsed.house,
        makassar=Grant(policy.ADMIN_INSTANSI, region="73.71"),
        makassar_pu=Grant(policy.PEJABAT, agency="73.71-pu"),
        palembang=Grant(policy.ADMIN_INSTANSI, region="16.71"),
    )
    await rehearsed.at("2026-11-16 10:00")
    await rehearsed.file()
    await rehearsed.dispose(await rehearsed.file(region="73.71"), "73.71-pu")
    for moment, told in (
        ("06:29", []),
        ("06:30", ["makassar", "makassar_pu"]),
        ("07:30", ["makassar", "makassar_pu", "palembang"]),
    ):
        await rehearsed.at(f"2026-11-24 {moment}")
        await keep_mornings(rehearsed.house)
        assert [name for name, *_ in await mornings(rehearsed.house, names)] == told


async def test_on_the_last_days_of_a_year_and_in_one_that_is_not_known(rehearsed: Rehearsed) -> None:
    names = await officers(rehearsed.house, kominfo=Grant(policy.ADMIN_INSTANSI, region="16.71"))
    await rehearsed.at("2026-12-23 10:00")
    await rehearsed.file(report_class="aspirasi")
    for moment in ("2026-12-24 08:00", "2026-12-31 08:00", "2027-01-04 08:00"):
        await rehearsed.at(moment)
        await keep_mornings(rehearsed.house)
    # Verification was due on the 30th; cuti bersama is no working day, and of 2027 nobody knows.
    assert await mornings(rehearsed.house, names) == [("kominfo", 1, 0, 0)]
    assert await rows(rehearsed.house.engine, "SELECT kind, detail FROM attention") == [("calendar_unknown", "2027")]


async def test_the_worker_keeps_the_mornings(house: House, settings: Settings, database: str) -> None:
    """Run through the queue: what it does depends on the hour, so that only its end is looked at."""
    async with working(settings, database):
        async with unit(house) as work:
            await jobs.keep_mornings.configure(connection=raw(work.connection)).defer_async(timestamp=0)
        state = "SELECT status::text FROM procrastinate_jobs WHERE task_name = 'keep_mornings' ORDER BY id LIMIT 1"
        await eventually(lambda: value(house.engine, state), "succeeded")


MOMENTS = st.lists(st.integers(0, 7 * 24 * 4), min_size=1, max_size=8)


@given(MOMENTS, st.booleans())
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_at_most_one_morning_a_day_and_only_in_the_morning(
    rehearsed: Rehearsed, quarters: list[int], east: bool
) -> None:
    await run(rehearsed.house.engine, "TRUNCATE staff, complaints CASCADE")
    region, zone = ("73.71", "+08:00") if east else ("16.71", "+07:00")
    names = await officers(rehearsed.house, kominfo=Grant(policy.ADMIN_INSTANSI, region=region))
    # The week of 17 August 2026, a Monday and a day off.
    await rehearsed.at("2026-08-03 10:00", zone)
    await rehearsed.file(region=region)
    expected = set[date]()
    begin = datetime.fromisoformat(f"2026-08-17 00:00{zone}")
    for quarter in sorted(quarters):
        moment = begin + timedelta(minutes=15 * quarter)
        await rehearsed.at(f"{moment:%Y-%m-%d %H:%M}", zone)
        await asyncio.gather(keep_mornings(rehearsed.house), keep_mornings(rehearsed.house))
        if time(7, 30) <= moment.time() < time(12) and moment.isoweekday() < 6 and moment.date() != begin.date():
            expected.add(moment.date())
    assert await mornings(rehearsed.house, names) == [("kominfo", 1, 0, 0)] * len(expected)


async def test_no_deadline_of_an_office_is_told_to_a_citizen(rehearsed: Rehearsed) -> None:
    house = rehearsed.house
    await rehearsed.at("2026-11-02 10:00")
    async with house.engine.begin() as connection:
        chat = await contact(connection)
        citizen = await contacts.become_citizen(connection, chat, "Siti", "id")
    ticket = await rehearsed.file(citizen_id=citizen, contact_id=chat)
    for words, due_on in ((None, None), ("Sudah.", date(2026, 11, 16))):
        if words:
            await move(house, ticket, ANSWERED, words)
        async with house.engine.connect() as connection:
            [own] = await complaints.of_citizen(connection, citizen)
            whole = await complaints.get(connection, ticket)
        assert (own.clock, own.due_on) == (("close", due_on) if words else (None, None))
        assert [clock.due_on for clock in whole.clocks] == ([due_on] if words else [])
    await rehearsed.dispose(ticket, "16.71-pu")
    async with house.engine.connect() as connection:
        [own] = await complaints.of_citizen(connection, citizen)
    assert (own.clock, own.due_on) == (None, None)
    assert set(await rehearsed.ends(ticket)) == {"follow_up"}
    said = str([row.says for row in await pushes(house)])
    assert "2026-11-16" in said
    assert not {each for each in ("2026-11-05", "2026-11-09", "2026-11-20") if each in said}
