"""What could not be said: who sees that, and how it is said once more, there or in another chat of the same citizen."""

from __future__ import annotations

import pytest
from making import contact, file, rows, run, value

from api.house import House
from store import deliveries, health, undelivered
from store.deliveries import NewDelivery
from store.policy import Reach

EVERYTHING = Reach(everywhere=True)


async def failed(house: House, address: str, *, region: str = "16.71", asks: str | None = None) -> int:
    """A message about a complaint of that chat that has failed for good; returns its number."""
    async with house.engine.begin() as connection:
        contact_id = await contact(connection, address)
        await file(connection, contact_id=contact_id, draft=1, region=region)
        await deliveries.add(
            connection,
            NewDelivery(contact_id, "telegram", address, [("push.moved", {})], "id", asks=asks),
        )
    await run(
        house.engine, "UPDATE deliveries SET complaint_id = (SELECT max(id) FROM complaints) WHERE failed_at IS NULL"
    )
    await run(
        house.engine,
        "UPDATE deliveries SET failed_at = now(), problem = 'blocked', attempts = 3, claimed_at = now() "
        "WHERE failed_at IS NULL",
    )
    return int(await value(house.engine, "SELECT max(id) FROM deliveries"))


async def another_chat(house: House, address: str, of: str) -> None:
    """A chat on the page of the citizen who wrote from `of`."""
    await run(
        house.engine,
        "WITH person AS (INSERT INTO citizens (name) VALUES ('Budi') RETURNING id), "
        "first AS (UPDATE contacts SET citizen_id = (SELECT id FROM person) WHERE address = :of RETURNING 1) "
        "INSERT INTO contacts (channel, address, citizen_id) SELECT 'webchat', :address, id FROM person",
        address=address,
        of=of,
    )


async def seen(house: House, reach: Reach, *, everything: bool = False) -> list[undelivered.Undelivered]:
    async with house.engine.connect() as connection:
        return await undelivered.failed(connection, reach, "16", everything=everything, most=10)


async def test_only_those_see_it_who_may_read_the_report(house: House) -> None:
    number = await failed(house, "7")
    assert [each.id for each in await seen(house, Reach(regions=("16.71",)))] == [number]
    assert await seen(house, Reach(regions=("16.06",))) == []
    assert await seen(house, Reach()) == []
    assert [each.id for each in await seen(house, Reach(), everything=True)] == [number]


async def test_it_is_said_again_at_the_end_of_its_chat_once(house: House) -> None:
    number = await failed(house, "7")
    async with house.engine.begin() as connection:
        assert await undelivered.again(connection, number)
    async with house.engine.begin() as connection:
        assert not await undelivered.again(connection, number), "somebody was quicker"
    [row] = await rows(house.engine, "SELECT id, failed_at, problem, attempts, claimed_at, address FROM deliveries")
    assert row.id > number
    assert tuple(row)[1:] == (None, None, 0, None, "7")
    async with house.engine.begin() as connection:
        assert [each.id for each in await deliveries.claim(connection, 5, ["telegram"])] == [row.id]


async def test_it_is_said_in_another_chat_of_the_same_citizen_only(house: House) -> None:
    number = await failed(house, "7")
    async with house.engine.begin() as connection:
        await contact(connection, "8")
        assert not await undelivered.again(connection, number, "webchat"), "there is none"
    await another_chat(house, "page", of="7")
    [found] = await seen(house, EVERYTHING)
    assert found.elsewhere == ("webchat",)
    async with house.engine.begin() as connection:
        assert await undelivered.again(connection, number, "webchat")
    [row] = await rows(house.engine, "SELECT channel, address FROM deliveries")
    assert tuple(row) == ("webchat", "page")


@pytest.mark.parametrize("lost", [True, False])
async def test_a_chat_that_is_gone_is_told(house: House, lost: bool) -> None:
    await failed(house, "7")
    await another_chat(house, "page", of="7")
    if lost:
        await run(house.engine, "UPDATE contacts SET unreachable_since = now()")
    [found] = await seen(house, EVERYTHING)
    assert (found.lost, found.elsewhere) == ((True, ()) if lost else (False, ("webchat",)))


async def test_a_reply_of_a_conversation_stays_in_its_chat(house: House) -> None:
    number = await failed(house, "7", asks="place")
    await another_chat(house, "page", of="7")
    [found] = await seen(house, EVERYTHING)
    assert found.elsewhere == ()
    async with house.engine.begin() as connection:
        assert not await undelivered.again(connection, number, "webchat")


async def test_the_channels_and_processes_as_they_are(house: House) -> None:
    await failed(house, "7")
    async with house.engine.begin() as connection:
        contact_id = await contact(connection, "8")
        await deliveries.add(connection, NewDelivery(contact_id, "telegram", "8", [("x", {})], "id"))
    await run(
        house.engine,
        "INSERT INTO heartbeats VALUES ('s1', 'speaker', now()), ('s2', 'speaker', now() - interval '1 day')",
    )
    async with house.engine.connect() as connection:
        [found] = await health.channels(connection)
        assert (found.name, found.waiting, found.failed, found.sent_at) == ("telegram", 1, 1, None)
        assert found.heard_at is not None
        assert found.oldest_at is not None
        assert [(each.kind, each.alive) for each in await health.processes(connection)] == [
            ("speaker", 1),
            ("worker", 0),
        ]


async def test_jobs_that_nobody_will_finish_run_again(house: House) -> None:
    await run(
        house.engine,
        "INSERT INTO procrastinate_jobs (queue_name, task_name, status, attempts) VALUES "
        "('default', 'fetch_media', 'failed', 80), ('default', 'retain', 'doing', 0), ('default', 'rescue', 'todo', 0)",
    )
    async with house.engine.begin() as connection:
        found = await health.jobs(connection, 10)
        assert [(each.name, each.state) for each in found] == [("retain", "stalled"), ("fetch_media", "failed")]
        assert await health.waiting_jobs(connection) == 1
        for each in found:
            assert await health.retry(connection, each.id)
            assert not await health.retry(connection, each.id)
        assert await health.jobs(connection, 10) == []
        assert await health.waiting_jobs(connection) == 3


async def test_a_job_of_which_one_waits_stays_where_it_is(house: House) -> None:
    await run(
        house.engine,
        "INSERT INTO procrastinate_jobs (queue_name, task_name, status, queueing_lock) VALUES "
        "('default', 'rescue', 'failed', 'rescue'), ('default', 'rescue', 'todo', 'rescue')",
    )
    async with house.engine.begin() as connection:
        [failed_one] = await health.jobs(connection, 10)
        assert not await health.retry(connection, failed_one.id)
        assert await health.waiting_jobs(connection) == 1
