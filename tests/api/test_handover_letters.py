"""Letters to agencies as reports come and go: who has a report gets one, who has lost it gets none, whoever gets it
back gets a new one, and what nobody knows about is sent by nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from making import eventually, rows, run, value
from peers.mail import FakeSmtp
from reporting import DISHUB, PU, Report, reported

from api.elsewhere import handover
from api.elsewhere.mailing import _answer
from api.house import House
from api.settings import Settings
from api.unit import unit
from store import closure, dispositions, handovers, letters, posts, references
from store.complaints import Actor
from store.references import CONFIRMED, FAILED, UNKNOWN, Reference

OPERATOR = Actor("operator", "ani")
ADDRESS = {PU: "pu@example.go.id", DISHUB: "dishub@example.go.id"}


@pytest.fixture
async def smtp() -> AsyncIterator[FakeSmtp]:
    async with FakeSmtp() as running:
        yield running


@pytest.fixture
def settings(settings: Settings, smtp: FakeSmtp) -> Settings:
    """The settings of a house that sends letters."""
    mail = {
        "mail_host": "127.0.0.1",
        "mail_port": smtp.port,
        "mail_tls": "none",
        "mail_from": "lapor@example.go.id",
        "mail_reply_to": "lapor+{token}@example.go.id",
        "mail_key": "kunci-uji-kunci-uji-kunci-uji-32",
    }
    return Settings.model_validate(settings.model_dump() | mail)


@pytest.fixture
async def by_mail(house: House) -> None:
    """Each of two agencies gets what it has by e-mail."""
    await run(house.engine, "INSERT INTO connections (name, kind, system) VALUES ('surat', 'email', 'surel')")
    for agency, address in ADDRESS.items():
        await run(
            house.engine,
            "INSERT INTO ways (system, connection_id, agency, address) "
            "SELECT 'surel', id, :agency, :address FROM connections WHERE name = 'surat'",
            agency=agency,
            address=address,
        )


async def dispose(house: House, report: Report, *agencies: str) -> None:
    async with unit(house) as work:
        event = await dispositions.dispose(work.connection, report.ticket, OPERATOR, list(agencies), lead=agencies[0])
        work.record(event)


async def says(house: House, report: Report, words: str) -> None:
    """The pelapor says something to the report."""
    async with unit(house) as work:
        actor = Actor("citizen", str(report.citizen_id))
        work.record(await closure.reply(work.connection, report.ticket, actor, words))


async def work_off(house: House) -> None:
    """Do what is in the queue, as a worker would, until there is nothing more."""
    doing = {"hand_over": handover.hand_over, "pass_post": handover.pass_post}
    while found := await rows(
        house.engine,
        "SELECT id, task_name, args FROM procrastinate_jobs"
        " WHERE task_name = ANY(:names) AND coalesce(scheduled_at, now()) <= now()",
        names=list(doing),
    ):
        await run(house.engine, "DELETE FROM procrastinate_jobs WHERE id = ANY(:ids)", ids=[each.id for each in found])
        for job in sorted(found, key=lambda each: each.id):
            await doing[job.task_name](house, *job.args.values())


async def letter_to(house: House, report: Report, agency: str = PU) -> Reference:
    async with house.engine.connect() as connection:
        found = await references.of_complaint(connection, report.id)
    return next(each for each in found if each.agency == agency)


async def open_matters(house: House) -> list[str | None]:
    found = "SELECT detail FROM attention WHERE kind = :kind AND closed_at IS NULL ORDER BY id"
    return [row.detail for row in await rows(house.engine, found, kind=handovers.MATTER)]


def sent_to(smtp: FakeSmtp, agency: str) -> int:
    """How many letters that agency got."""
    return [to for to, _ in smtp.taken].count(ADDRESS[agency])


# --- who has lost it ---------------------------------------------------------------------------------


async def test_a_letter_that_waits_does_not_go_to_who_has_lost_the_report(
    house: House, smtp: FakeSmtp, by_mail: None
) -> None:
    report = await reported(house)
    await dispose(house, report, PU)
    await dispose(house, report, DISHUB)
    await work_off(house)
    assert (sent_to(smtp, PU), sent_to(smtp, DISHUB)) == (0, 1)
    reference = await letter_to(house, report)
    assert (reference.state, reference.problem, reference.attempts) == (FAILED, "elsewhere", 0)
    # Nobody waits for it: no matter, and no line of the queue.
    assert await open_matters(house) == []
    listed = "SELECT count(*) FROM attention WHERE kind = :kind"
    assert await value(house.engine, listed, kind=handovers.MATTER) == 0


async def test_a_letter_waits_on_while_the_agency_has_the_report(house: House, smtp: FakeSmtp, by_mail: None) -> None:
    report = await reported(house)
    await dispose(house, report, PU)
    await dispose(house, report, DISHUB)
    await dispose(house, report, PU)
    await work_off(house)
    assert (sent_to(smtp, PU), sent_to(smtp, DISHUB)) == (1, 0)
    assert (await letter_to(house, report)).state == CONFIRMED


async def test_words_of_the_pelapor_follow_to_who_has_the_report_alone(
    house: House, smtp: FakeSmtp, by_mail: None
) -> None:
    report = await reported(house)
    await dispose(house, report, PU)
    await work_off(house)
    await dispose(house, report, DISHUB)
    await work_off(house)
    await says(house, report, "Lubangnya makin dalam.")
    await work_off(house)
    assert (sent_to(smtp, PU), sent_to(smtp, DISHUB)) == (1, 2)
    # Nothing of it waits for anybody.
    async with house.engine.connect() as connection:
        assert await posts.open_of(connection, [(await letter_to(house, report)).id]) == []


async def test_words_that_waited_stay_where_the_report_is_lost(house: House, smtp: FakeSmtp, by_mail: None) -> None:
    report = await reported(house)
    await dispose(house, report, PU)
    await work_off(house)
    await says(house, report, "Lubangnya makin dalam.")
    await dispose(house, report, DISHUB)
    await work_off(house)
    assert sent_to(smtp, PU) == 1
    await dispose(house, report, PU)
    await work_off(house)
    # The letter anew, and what was said since the one before.
    assert sent_to(smtp, PU) == 3
    assert "Lubangnya makin dalam." in smtp.taken[-1][1].get_content()


async def test_that_it_has_ended_is_told_to_who_had_it_until_then(house: House, smtp: FakeSmtp, by_mail: None) -> None:
    report = await reported(house)
    await dispose(house, report, DISHUB)
    await work_off(house)
    await dispose(house, report, PU)
    await work_off(house)
    async with unit(house) as work:
        actor = Actor("citizen", str(report.citizen_id))
        work.record(await closure.withdraw(work.connection, report.ticket, actor, "Sudah beres."))
    await work_off(house)
    assert (sent_to(smtp, PU), sent_to(smtp, DISHUB)) == (2, 1)


# --- who gets it back --------------------------------------------------------------------------------


async def test_who_gets_a_report_back_gets_a_new_letter(house: House, smtp: FakeSmtp, by_mail: None) -> None:
    report = await reported(house)
    await dispose(house, report, PU)
    await work_off(house)
    first = await letter_to(house, report)
    await dispose(house, report, DISHUB)
    await work_off(house)
    await dispose(house, report, PU)
    await work_off(house)
    second = await letter_to(house, report)
    assert (sent_to(smtp, PU), sent_to(smtp, DISHUB)) == (2, 1)
    assert (second.id, second.state) == (first.id, CONFIRMED)
    assert second.external_id != first.external_id
    # Nothing new is sent where somebody only joins, or the lead changes.
    await dispose(house, report, PU, DISHUB)
    await dispose(house, report, DISHUB, PU)
    await work_off(house)
    assert (sent_to(smtp, PU), sent_to(smtp, DISHUB)) == (2, 2)


async def test_an_answer_to_the_earlier_letter_is_an_answer(house: House, smtp: FakeSmtp, by_mail: None) -> None:
    report = await reported(house)
    await dispose(house, report, PU)
    await work_off(house)
    first = (await letter_to(house, report)).external_id
    for agency in (DISHUB, PU):
        await dispose(house, report, agency)
        await work_off(house)
    assert first is not None
    async with unit(house) as work:
        thread = await letters.thread(work.connection, first)
        assert thread is not None
        assert thread.agency == PU
        assert await _answer(work, thread, "Jalan sudah kami tambal.", []) is None
    # That the earlier one came back says nothing of the new one.
    async with unit(house) as work:
        await letters.came_back(work.connection, thread, "550", report=True)
    assert (await letter_to(house, report)).state == CONFIRMED


async def test_what_failed_is_sent_the_way_that_there_is_now(house: House, smtp: FakeSmtp, by_mail: None) -> None:
    await run(house.engine, "UPDATE ways SET address = NULL WHERE agency = :pu", pu=PU)
    report = await reported(house)
    await dispose(house, report, PU)
    assert (await letter_to(house, report)).problem == "no_address"
    await run(house.engine, "UPDATE ways SET address = :to WHERE agency = :pu", to=ADDRESS[PU], pu=PU)
    await dispose(house, report, DISHUB)
    await dispose(house, report, PU)
    await work_off(house)
    assert sent_to(smtp, PU) == 1
    assert (await letter_to(house, report)).state == CONFIRMED


async def test_what_a_person_has_called_needless_stays_so(house: House, smtp: FakeSmtp, by_mail: None) -> None:
    report = await reported(house)
    await dispose(house, report, PU)
    async with house.engine.begin() as connection:
        await handovers.drop(connection, (await letter_to(house, report)).id)
    await dispose(house, report, DISHUB)
    await dispose(house, report, PU)
    await work_off(house)
    assert sent_to(smtp, PU) == 0


async def test_what_nobody_knows_of_is_not_sent_by_itself(house: House, smtp: FakeSmtp, by_mail: None) -> None:
    report = await reported(house)
    await dispose(house, report, PU)
    smtp.faults.append("taken and cut")
    await work_off(house)
    assert (await letter_to(house, report)).state == UNKNOWN
    await run(house.engine, "UPDATE attention SET closed_at = now()")
    await dispose(house, report, DISHUB)
    await dispose(house, report, PU)
    await work_off(house)
    assert sent_to(smtp, PU) == 1
    assert (await letter_to(house, report)).state == UNKNOWN
    # Somebody must look: the agency has the report again.
    assert await open_matters(house) == ["cut"]


async def test_who_gives_it_back_is_waited_for(house: House, smtp: FakeSmtp, by_mail: None) -> None:
    """Between "they have it not" and what follows from that, they may be given it."""
    report = await reported(house)
    await dispose(house, report, PU)
    await dispose(house, report, DISHUB)
    await run(house.engine, "DELETE FROM procrastinate_jobs")
    reference = await letter_to(house, report)
    async with unit(house) as work:
        event = await dispositions.dispose(work.connection, report.ticket, OPERATOR, [PU], lead=PU)
        work.record(event)
        handing = asyncio.create_task(handover.hand_over(house, reference.id))
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        await eventually(lambda: value(house.engine, waiting))
    async with asyncio.timeout(30):
        await handing
    await work_off(house)
    assert sent_to(smtp, PU) == 1
    assert (await letter_to(house, report)).state == CONFIRMED
