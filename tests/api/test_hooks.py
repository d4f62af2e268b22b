"""Webhooks out: what happens to complaints reaches who wants to be told, in order and at least once, whatever goes
wrong there; and whoever is away holds up nobody else."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st
from making import OPERATOR, eventually, file, in_this_loop, rows, run, value
from peers.receiver import Answer, Receiver
from running import working
from sqlalchemy import text

from api import jobs
from api.elsewhere import posting
from api.house import House
from api.reactions import react
from api.settings import Settings
from api.unit import Unit, unit
from store import closure, complaints, hooks, moves, subscriptions
from store.complaints import Event
from store.subscriptions import KINDS


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A house that may tell others on this machine."""
    return settings.model_copy(update={"webhook_private": True})


@pytest.fixture
async def receiver(house: House) -> AsyncIterator[Receiver]:
    """Somebody who is told everything."""
    async with Receiver() as opened:
        await subscribe(house, opened)
        yield opened
        assert opened.problems == []


async def subscribe(house: House, receiver: Receiver, name: str = "Dasbor", url: str = "") -> int:
    async with unit(house) as work:
        mine, secret = await subscriptions.add(work.connection, name, url or receiver.url, KINDS, None)
    receiver.secrets.append(secret)
    return mine


async def complaint(house: House) -> Event:
    """A report is filed."""
    async with unit(house) as work:
        return work.record(await file(work.connection, region="16.71", agency="16.71-pu"))


async def move(house: House, ticket: str, name: str) -> None:
    status = moves.read(name)
    assert status
    async with unit(house) as work:
        work.record(await complaints.move(work.connection, ticket, status, OPERATOR, reason=None, note="Kata."))


# Each is another kind of event.
LIFE = ("Menunggu Kelengkapan Informasi", "Terdisposisi", moves.ANSWERS[0], "Terdisposisi", "Ditutup oleh Admin")


async def lived(house: House, steps: int = len(LIFE)) -> Event:
    """A complaint that had so many changes: one event more."""
    event = await complaint(house)
    for name in LIFE[:steps]:
        await move(house, event.ticket, name)
    return event


async def waiting(house: House) -> int:
    return int(await value(house.engine, "SELECT count(*) FROM webhook_events WHERE state = 'waiting'"))


async def pass_time(house: House) -> None:
    """Everything is due, and nobody was tried a moment ago."""
    await run(house.engine, "UPDATE webhook_events SET due_at = now() - interval '1 minute' WHERE state = 'waiting'")
    await run(house.engine, "UPDATE webhook_subscriptions SET probed_at = NULL")


async def jobs_of(house: House, name: str = "deliver_webhook") -> list[Any]:
    return await rows(
        house.engine,
        "SELECT * FROM procrastinate_jobs WHERE task_name = :name AND status = 'todo' ORDER BY id",
        name=name,
    )


async def work_through(house: House) -> None:
    """What the jobs in the queue would do, each subscriber and complaint beside the others."""
    pairs = {(each.args["subscription_id"], each.args["complaint_id"]) for each in await jobs_of(house)}
    await run(house.engine, "DELETE FROM procrastinate_jobs WHERE task_name = 'deliver_webhook'")
    await asyncio.gather(*(posting.deliver(house, mine, about or None) for mine, about in pairs))


def in_order(receiver: Receiver) -> None:
    """Of each complaint, what was taken is what happened, in that order; only the last one taken may be repeated."""
    by_ticket = defaultdict(list)
    for event in receiver.taken:
        by_ticket[event["complaint"]["ticket"]].append((event["sequence"], event["id"]))
    for told in by_ticket.values():
        assert told == sorted(told, key=lambda pair: pair[0])
        assert len({number for number, _ in told}) == len(set(told))


# --- the way of an event --------------------------------------------------------------------------------------


async def test_what_happens_is_told_in_order(house: House, receiver: Receiver) -> None:
    event = await lived(house)
    await work_through(house)
    assert [each["kind"].removeprefix("complaint.") for each in receiver.taken] == [
        "filed", "status_changed", "status_changed", "answered", "status_changed", "closed",
    ]  # fmt: skip
    assert {each["complaint"]["ticket"] for each in receiver.taken} == {event.ticket}
    assert [each["sequence"] for each in receiver.taken] == [1, 2, 3, 4, 5, 6]
    assert receiver.taken[-1]["complaint"]["status"] == "Ditutup oleh Admin"
    assert await waiting(house) == 0


async def test_an_event_and_its_job_are_of_the_transaction(house: House, receiver: Receiver) -> None:
    async with house.engine.connect() as connection:
        work = Unit(house, connection)
        await react(work, await file(connection))
        assert len((await connection.execute(text("SELECT id FROM webhook_events"))).all()) == 1
        await connection.rollback()
    assert (await waiting(house), await jobs_of(house)) == (0, [])
    await complaint(house)
    [job] = await jobs_of(house)
    assert (job.args["subscription_id"] > 0, job.priority, await waiting(house)) == (True, -1, 1)


async def test_where_nobody_asked_there_is_nothing_to_do(house: House) -> None:
    await lived(house)
    assert (await waiting(house), await jobs_of(house)) == (0, [])


async def test_several_events_of_one_transaction_are_told_in_their_order(house: House, receiver: Receiver) -> None:
    event = await complaint(house)
    async with unit(house) as work:
        for name in ("Terdisposisi", moves.ANSWERS[0], "Ditutup oleh Admin"):
            status = moves.read(name)
            assert status
            work.record(await complaints.move(work.connection, event.ticket, status, OPERATOR, reason=None, note=None))
    await work_through(house)
    assert [each["kind"].removeprefix("complaint.") for each in receiver.taken] == [
        "filed", "status_changed", "answered", "closed",
    ]  # fmt: skip


# --- what goes wrong ------------------------------------------------------------------------------------------


async def test_one_that_is_not_taken_holds_up_its_complaint_and_no_other(house: House, receiver: Receiver) -> None:
    poison = await lived(house, 2)
    receiver.answering = lambda event: 500 if event["complaint"]["ticket"] == poison.ticket else 204
    others = [await lived(house, 2) for _ in range(3)]
    await work_through(house)
    assert {each["complaint"]["ticket"] for each in receiver.taken} == {other.ticket for other in others}
    assert len(receiver.taken) == 9
    assert len([each for each in receiver.asked if each["complaint"]["ticket"] == poison.ticket]) == 1
    receiver.answering = lambda _event: 204
    await pass_time(house)
    await posting.pick_up(house)
    await work_through(house)
    in_order(receiver)
    assert (len(receiver.taken), await waiting(house)) == (12, 0)


async def test_who_is_away_costs_a_few_tries_and_then_one_a_minute(house: House, receiver: Receiver) -> None:
    receiver.answering = lambda _event: 503
    for _ in range(12):
        await complaint(house)
    for _ in range(3):
        for mine, about in [(each.args["subscription_id"], each.args["complaint_id"]) for each in await jobs_of(house)]:
            await posting.deliver(house, mine, about)
    assert len(receiver.asked) == hooks.AWAY + 1
    assert await value(
        house.engine, "SELECT failing_since IS NOT NULL AND problem = 'broken' FROM webhook_subscriptions"
    )
    receiver.answering = lambda _event: 204
    await run(house.engine, "DELETE FROM procrastinate_jobs")
    await pass_time(house)
    await posting.pick_up(house)
    assert len(await jobs_of(house)) == 1
    await work_through(house)
    # They are back, and everybody's turn has come.
    assert len(await jobs_of(house)) == 11
    await work_through(house)
    assert (len(receiver.taken), await waiting(house)) == (12, 0)
    assert await value(house.engine, "SELECT failing_since IS NULL AND problem IS NULL FROM webhook_subscriptions")


async def test_gone_is_gone(house: House, receiver: Receiver) -> None:
    await lived(house, 1)
    receiver.answers.append(410)
    await work_through(house)
    assert len(receiver.asked) == 1
    assert await value(house.engine, "SELECT disabled_at IS NOT NULL FROM webhook_subscriptions")
    await complaint(house)
    assert await jobs_of(house) == []


@pytest.mark.parametrize(("private", "problem"), [(False, "private"), (True, "")])
async def test_without_the_setting_no_event_leaves_for_this_machine(
    house: House, receiver: Receiver, private: bool, problem: str
) -> None:
    house.settings = house.settings.model_copy(update={"webhook_private": private})
    await complaint(house)
    await work_through(house)
    assert len(receiver.asked) == int(private)
    [row] = await rows(house.engine, "SELECT problem FROM webhook_events")
    assert (row.problem or "") == problem


async def test_retry_after_is_heeded(house: House, receiver: Receiver) -> None:
    receiver.answers.append(429)
    await complaint(house)
    await work_through(house)
    assert await value(house.engine, "SELECT due_at > now() + interval '10 minutes' FROM webhook_events")


async def test_a_secret_that_was_spoilt_is_a_problem_and_no_crash(house: House, receiver: Receiver) -> None:
    await run(house.engine, "UPDATE webhook_subscriptions SET secret = 'whsec_?'")
    await complaint(house)
    await work_through(house)
    assert [row.problem for row in await rows(house.engine, "SELECT problem FROM webhook_events")] == ["key"]


async def test_what_happens_while_it_is_posted_is_told_after_it(house: House, receiver: Receiver) -> None:
    event = await lived(house, 1)
    mine = (await jobs_of(house))[0].args["subscription_id"]
    delivering = asyncio.create_task(posting.deliver(house, mine, event.complaint_id))
    await eventually(lambda: taken(receiver), patience=30)
    await move(house, event.ticket, "Terdisposisi")
    await delivering
    await work_through(house)
    in_order(receiver)
    assert len(receiver.taken) == 3


async def taken(receiver: Receiver) -> bool:
    return bool(receiver.taken)


WRONG: list[Answer] = [500, 503, 429, 400, 302, "cut", "elsewhere"]


async def test_whatever_goes_wrong_all_is_told_in_order(house: House, receiver: Receiver) -> None:
    """Refusals, cuts after taking and turns of minutes in any mixture, for two who are told, while more happens."""

    @profile(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        answers=st.lists(st.sampled_from([*WRONG, 204, 204, 204]), max_size=25),
        others=st.lists(st.sampled_from([*WRONG, 204, 204, 204]), max_size=25),
        steps=st.lists(st.integers(0, 4), min_size=1, max_size=3),
    )
    async def check(answers: list[Answer], others: list[Answer], steps: list[int]) -> None:
        receiver.answers.extend(answers)
        second.answers.extend(others)
        alive = [await lived(house, count) for count in steps]
        for turn in range(60):
            await work_through(house)
            if not await waiting(house):
                break
            if turn == 1:
                await move(house, alive[0].ticket, "Diarsipkan oleh Admin")
            await pass_time(house)
            await posting.pick_up(house)
        assert await waiting(house) == 0
        happened = {row.event_id for row in await rows(house.engine, "SELECT event_id FROM webhook_events")}
        for each in (receiver, second):
            assert {event["id"] for event in each.taken} == happened
            in_order(each)
            each.answers.clear()

    async with Receiver() as second:
        await subscribe(house, second, "Kedua")
        await in_this_loop(check)
        assert second.problems == []


# --- with real workers ----------------------------------------------------------------------------------------


async def test_two_workers_tell_everything_once_and_in_order(house: House, receiver: Receiver) -> None:
    lives = [await lived(house, 3) for _ in range(4)]
    async with two_workers(house):
        later = [await lived(house, 3) for _ in range(4)]
        await move(house, lives[0].ticket, "Ditutup oleh Admin")
        await eventually(lambda: waiting(house), 0, patience=60)
        await eventually(lambda: _todo(house), 0, patience=60)
    in_order(receiver)
    assert len(receiver.taken) == len({each["id"] for each in receiver.taken}) == 4 * (len(lives) + len(later)) + 1


@asynccontextmanager
async def two_workers(house: House) -> AsyncIterator[None]:
    """Two workers on one queue, each with more than one job at a time."""
    async with jobs.queue(house.url) as queue:
        both = [
            asyncio.create_task(
                queue.run_worker_async(
                    install_signal_handlers=False,
                    concurrency=3,
                    additional_context={"tools": jobs.Tools(house, {})},
                    fetch_job_polling_interval=0.2,
                )
            )
            for _ in range(2)
        ]
        try:
            yield
        finally:
            for each in both:
                each.cancel()
            ended = await asyncio.gather(*both, return_exceptions=True)
    assert [each for each in ended if isinstance(each, Exception)] == []


async def _todo(house: House) -> int:
    return len(await jobs_of(house))


async def test_what_nobody_has_a_job_for_is_picked_up(house: House, receiver: Receiver) -> None:
    event = await lived(house, 2)
    await run(house.engine, "DELETE FROM procrastinate_jobs")
    await posting.pick_up(house)
    assert await jobs_of(house) == []  # a moment ago: its job may not have begun
    await pass_time(house)
    await posting.pick_up(house)
    await posting.pick_up(house)
    async with working(house.settings, house.url):
        await eventually(lambda: waiting(house), 0, patience=60)
    assert [each["complaint"]["ticket"] for each in receiver.taken] == [event.ticket] * 3


async def test_a_long_life_is_told_in_parts(house: House, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "AT_ONCE", 2)
    await lived(house)
    mine, about = (lambda job: (job.args["subscription_id"], job.args["complaint_id"]))((await jobs_of(house))[0])
    await run(house.engine, "DELETE FROM procrastinate_jobs")
    await posting.deliver(house, mine, about)
    assert len(receiver.taken) == 2
    while await jobs_of(house):
        await work_through(house)
    in_order(receiver)
    assert len(receiver.taken) == 6


async def test_a_citizens_words_never_leave(house: House, receiver: Receiver) -> None:
    """What is told of a reply or a dispute is the status."""
    event = await lived(house, 3)
    await run(house.engine, "INSERT INTO citizens (name) VALUES ('Zulkarnain')")
    await run(
        house.engine,
        "INSERT INTO complaint_parties (complaint_id, citizen_id, role) SELECT :id, max(id), 'pelapor' FROM citizens",
        id=event.complaint_id,
    )
    citizen = await value(house.engine, "SELECT max(id) FROM citizens")
    async with unit(house) as work:
        actor = complaints.Actor("citizen", str(citizen))
        work.record(await closure.dispute(work.connection, event.ticket, actor, "KataRahasia"))
    await work_through(house)
    assert receiver.taken[-1]["complaint"]["status"] == "Ditanggapi oleh Pelapor"
    assert "KataRahasia" not in str(receiver.asked)
    assert "Kata." not in str(receiver.asked)


async def test_old_events_are_forgotten(house: House, receiver: Receiver) -> None:
    await lived(house, 2)
    await work_through(house)
    await run(house.engine, "UPDATE webhook_events SET created_at = created_at - interval '29 days'")
    await posting.tidy(house)
    assert await value(house.engine, "SELECT count(*) FROM webhook_events") == 3
    await run(house.engine, "UPDATE webhook_events SET created_at = created_at - interval '2 days'")
    await posting.tidy(house)
    assert await value(house.engine, "SELECT count(*) FROM webhook_events") == 0
