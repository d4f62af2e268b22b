"""What is held until the citizen writes: it is in nobody's way, said before the next reply, and never lost."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from making import rows, run, value
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from api.house import House
from store import attention, deliveries, health, inbox, undelivered
from store.deliveries import Claimed, NewDelivery, Outcome
from store.policy import Reach

CHANNEL = "whatsapp"
DAY = timedelta(hours=24)


def now() -> datetime:
    return datetime.now(UTC)


async def write(engine: AsyncEngine, message_id: str, *, at: datetime | None = None, address: str = "628") -> int:
    """The citizen writes, on a channel with a window; returns the chat's id."""
    moment = at or now()
    async with engine.begin() as connection:
        taken = await inbox.take(
            connection,
            channel=CHANNEL,
            message_id=message_id,
            address=address,
            sequence=0,
            name=None,
            payload={},
            received_at=now(),
            window_until=moment + DAY,
        )
    assert taken is not None
    return taken.contact_id


async def add(engine: AsyncEngine, contact_id: int, key: str, asks: str | None = None, **details: Any) -> None:
    async with engine.begin() as connection:
        delivery = NewDelivery(contact_id, CHANNEL, "628", [(key, {})], "id", asks=asks, **details)
        await deliveries.add(connection, delivery)


async def claim(engine: AsyncEngine, *channels: str) -> list[Claimed]:
    async with engine.begin() as connection:
        return await deliveries.claim(connection, 50, channels or (CHANNEL,))


async def mark(engine: AsyncEngine, *outcomes: Outcome) -> list[Outcome]:
    async with engine.begin() as connection:
        return await deliveries.mark(connection, outcomes, silent=("webchat",))


def outcome(claimed: Claimed, **what: Any) -> Outcome:
    return Outcome(
        claimed.id,
        claimed.contact_id,
        claimed.attempts,
        round=claimed.round,
        channel=claimed.channel,
        window_until=claimed.window_until,
        **what,
    )


def held(claimed: Claimed, **what: Any) -> Outcome:
    return outcome(claimed, held=True, problem="the window is closed", **what)


def keys(claimed: list[Claimed]) -> list[str]:
    return [each.says[0][0] for each in sorted(claimed, key=lambda each: each.id)]


async def close(engine: AsyncEngine) -> None:
    """The window of every chat that has one has ended, and they wrote long ago."""
    await run(
        engine,
        "UPDATE contacts SET window_until = now() - interval '6 hours', last_message_at = now() - interval '30 hours' "
        "WHERE channel = 'whatsapp'",
    )


async def hold(engine: AsyncEngine, *keys_: str, asks: str | None = None) -> int:
    """A silent citizen, for whom these messages are held."""
    contact_id = await write(engine, "first")
    await close(engine)
    for key in keys_:
        await add(engine, contact_id, key, asks)
    for _ in keys_:
        [claimed] = await claim(engine)
        assert await mark(engine, held(claimed)) == []
    return contact_id


# --- what a speaker gets --------------------------------------------------------------------------------


async def test_a_claimed_message_tells_where_it_goes_and_whether_plain_words_do(engine: AsyncEngine) -> None:
    contact_id = await write(engine, "first")
    await run(engine, "UPDATE contacts SET route = 'ID.1', announced_at = last_message_at + interval '1 second'")
    await add(engine, contact_id, "push.note", files=(7, 8))
    [claimed] = await claim(engine)
    assert (claimed.route, claimed.address, claimed.asks, claimed.files) == ("ID.1", "628", None, [7, 8])
    assert claimed.window_until is not None
    assert timedelta(hours=23) < claimed.window_until - now() <= DAY
    assert claimed.announced_at is not None
    assert (claimed.round, claimed.refused) == (0, ())


@pytest.mark.parametrize("route", [None, ""])
async def test_without_a_route_it_is_the_address_and_with_an_empty_one_nowhere(
    engine: AsyncEngine, route: str | None
) -> None:
    contact_id = await write(engine, "first")
    await run(engine, "UPDATE contacts SET route = :route", route=route)
    await add(engine, contact_id, "push.note")
    [claimed] = await claim(engine)
    assert claimed.route == ("628" if route is None else "")


async def test_whoever_has_written_since_was_told_nothing(engine: AsyncEngine) -> None:
    contact_id = await write(engine, "first")
    await run(engine, "UPDATE contacts SET announced_at = last_message_at - interval '1 second'")
    await add(engine, contact_id, "push.note")
    [claimed] = await claim(engine)
    assert claimed.announced_at is None


# --- holding and releasing --------------------------------------------------------------------------------


async def test_what_is_held_is_in_nobodys_way(engine: AsyncEngine) -> None:
    contact_id = await hold(engine, "one")
    await add(engine, contact_id, "two")
    assert keys(await claim(engine)) == ["two"]
    async with engine.connect() as connection:
        assert await deliveries.next_due(connection, ["telegram"]) is None


async def test_with_the_next_message_all_is_due_in_its_order_before_the_reply(engine: AsyncEngine) -> None:
    contact_id = await hold(engine, "one", "two", "three")
    assert await claim(engine) == []
    await write(engine, "second")
    await add(engine, contact_id, "reply", asks="place")
    said = []
    while claimed := await claim(engine):
        said += keys(claimed)
        await mark(engine, *(outcome(each, sent=True) for each in claimed))
    assert said == ["one", "two", "three", "reply"]


async def test_a_message_that_comes_again_or_a_day_late_releases_nothing(engine: AsyncEngine) -> None:
    await hold(engine, "one")
    async with engine.begin() as connection:
        assert (
            await inbox.take(
                connection,
                channel=CHANNEL,
                message_id="first",
                address="628",
                sequence=0,
                name=None,
                payload={},
                received_at=now(),
                window_until=now() + DAY,
            )
            is None
        )
    await write(engine, "late", at=now() - timedelta(hours=25))
    assert await claim(engine) == []
    assert await value(engine, "SELECT window_until < now() FROM contacts")


async def test_an_older_message_does_not_shorten_the_window(engine: AsyncEngine) -> None:
    await write(engine, "new")
    await write(engine, "old", at=now() - timedelta(hours=20))
    assert await value(engine, "SELECT window_until > now() + interval '23 hours' FROM contacts")


async def test_a_chat_of_another_channel_has_no_window(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await inbox.take(
            connection,
            channel="telegram",
            message_id="1",
            address="7",
            sequence=1,
            name=None,
            payload={},
            received_at=now(),
        )
    assert await value(engine, "SELECT window_until FROM contacts") is None


async def test_another_citizens_message_releases_nothing(engine: AsyncEngine) -> None:
    await hold(engine, "one")
    await write(engine, "theirs", address="629")
    assert await claim(engine) == []


async def test_whoever_wrote_while_it_was_to_be_held_gets_it_at_once(engine: AsyncEngine) -> None:
    contact_id = await write(engine, "first")
    await close(engine)
    await add(engine, contact_id, "one")
    [claimed] = await claim(engine)
    await write(engine, "second")
    assert await mark(engine, held(claimed)) == []
    assert keys(await claim(engine)) == ["one"]


async def test_whose_clock_is_ahead_holds_it_all_the_same(engine: AsyncEngine) -> None:
    """By the store's clock the window is open still; by the speaker's it has closed."""
    contact_id = await write(engine, "first", at=now() - DAY + timedelta(minutes=5))
    await add(engine, contact_id, "one")
    [claimed] = await claim(engine)
    assert await mark(engine, held(claimed)) == []
    assert await claim(engine) == []


async def test_nobody_waits_for_a_turn_that_works_on_the_chat(engine: AsyncEngine) -> None:
    """It is marked later, and then the citizen has written: nothing stays held with its window open."""
    contact_id = await write(engine, "first")
    await close(engine)
    await add(engine, contact_id, "one")
    [claimed] = await claim(engine)
    async with engine.begin() as turn:
        taken = await inbox.take(
            turn,
            channel=CHANNEL,
            message_id="second",
            address="628",
            sequence=0,
            name=None,
            payload={},
            received_at=now(),
            window_until=now() + DAY,
        )
        assert taken is not None
        async with asyncio.timeout(30):
            assert await mark(engine, held(claimed)) == [held(claimed)]
    assert await mark(engine, held(claimed)) == []
    assert await value(engine, "SELECT held_at FROM deliveries") is None
    assert keys(await claim(engine)) == ["one"]


async def test_a_turn_that_waits_for_a_chat_sees_what_was_held_meanwhile(engine: AsyncEngine) -> None:
    contact_id = await write(engine, "first")
    await close(engine)
    await add(engine, contact_id, "one")
    [claimed] = await claim(engine)
    async with engine.begin() as speaker:
        await deliveries.mark(speaker, [held(claimed)])
        writing = asyncio.create_task(write(engine, "second"))
        await asyncio.sleep(0.1)
        assert not writing.done()
    await writing
    assert keys(await claim(engine)) == ["one"]


async def test_a_window_that_opens_otherwise_lets_it_out(engine: AsyncEngine) -> None:
    await hold(engine, "one")
    async with engine.begin() as connection:
        await deliveries.release_open(connection)
    assert await claim(engine) == []
    await run(engine, "UPDATE contacts SET window_until = now() + interval '1 hour'")
    async with engine.begin() as connection:
        await deliveries.release_open(connection)
    assert keys(await claim(engine)) == ["one"]


async def test_a_reply_that_is_held_was_heard_by_nobody(engine: AsyncEngine) -> None:
    contact_id = await hold(engine, "ask.place", asks="place")
    async with engine.begin() as connection:
        reply = await deliveries.last_reply(connection, contact_id)
        assert reply is not None
        assert reply.claimed_at is None
        assert await deliveries.withdraw(connection, reply.id) == [("ask.place", {})]


async def test_a_late_speaker_that_sent_it_after_all_ends_the_waiting(engine: AsyncEngine) -> None:
    contact_id = await write(engine, "first")
    await add(engine, contact_id, "one")
    [slow] = await claim(engine)
    await close(engine)
    await run(engine, "UPDATE deliveries SET leased_until = now() - interval '1 second'")
    [quick] = await claim(engine)
    await mark(engine, held(quick))
    await mark(engine, outcome(slow, sent=True))
    assert await rows(engine, "SELECT sent_at IS NOT NULL, held_at FROM deliveries") == [(True, None)]


async def test_a_speaker_that_comes_too_late_does_not_hold_what_was_sent(engine: AsyncEngine) -> None:
    contact_id = await write(engine, "first")
    await close(engine)
    await add(engine, contact_id, "one")
    [slow] = await claim(engine)
    await run(engine, "UPDATE deliveries SET leased_until = now() - interval '1 second'")
    [quick] = await claim(engine)
    await mark(engine, outcome(quick, sent=True))
    await mark(engine, held(slow))
    assert await rows(engine, "SELECT sent_at IS NOT NULL, held_at FROM deliveries") == [(True, None)]


# --- what a chat is told ------------------------------------------------------------------------------------


async def test_an_announcement_counts_from_when_it_was_sent(engine: AsyncEngine) -> None:
    """Whoever answers it before it is marked has written since."""
    contact_id = await write(engine, "first")
    await close(engine)
    await add(engine, contact_id, "one")
    [claimed] = await claim(engine)
    moment = now()
    await write(engine, "Baca")
    await mark(engine, held(claimed, announced=moment, ids=("w1",), template="news id"))
    [claimed] = await claim(engine)
    assert (claimed.says[0][0], claimed.announced_at) == ("one", None)


async def test_a_window_that_the_provider_calls_closed_is_closed(engine: AsyncEngine) -> None:
    contact_id = await write(engine, "first")
    await add(engine, contact_id, "one")
    [claimed] = await claim(engine)
    await mark(engine, held(claimed, closed=True))
    assert await value(engine, "SELECT window_until <= now() FROM contacts")
    assert await value(engine, "SELECT held_at IS NOT NULL FROM deliveries")


async def test_a_window_that_was_opened_since_stays_open(engine: AsyncEngine) -> None:
    contact_id = await write(engine, "first", at=now() - timedelta(hours=1))
    await add(engine, contact_id, "one")
    [claimed] = await claim(engine)
    await write(engine, "second")
    await mark(engine, held(claimed, closed=True))
    assert await value(engine, "SELECT window_until > now() + interval '23 hours' FROM contacts")
    assert keys(await claim(engine)) == ["one"]


# --- elsewhere ---------------------------------------------------------------------------------------------


async def another_chat(engine: AsyncEngine, channel: str, address: str, **columns: Any) -> None:
    """Another chat of the citizen who writes on WhatsApp."""
    await run(
        engine,
        "WITH person AS (INSERT INTO citizens (name) VALUES ('Budi') RETURNING id), "
        "first AS (UPDATE contacts SET citizen_id = coalesce(citizen_id, (SELECT id FROM person)) "
        "          WHERE channel = 'whatsapp' RETURNING citizen_id) "
        "INSERT INTO contacts (channel, address, citizen_id) SELECT :channel, :address, citizen_id FROM first",
        channel=channel,
        address=address,
    )
    for name, wanted in columns.items():
        await run(engine, f"UPDATE contacts SET {name} = {wanted} WHERE address = :address", address=address)  # noqa: S608


async def where_it_goes(engine: AsyncEngine, asks: str | None = None, **what: Any) -> list[Any]:
    contact_id = int(await value(engine, "SELECT id FROM contacts WHERE address = '628'"))
    await close(engine)
    await add(engine, contact_id, "one", asks)
    [claimed] = await claim(engine)
    await mark(engine, (outcome if "gone" in what else held)(claimed, elsewhere=True, **what))
    found = "SELECT channel, address, held_at IS NOT NULL, failed_at IS NOT NULL FROM deliveries"
    return [tuple(row) for row in await rows(engine, found)]


async def test_it_goes_to_another_chat_of_the_citizen_at_its_end(engine: AsyncEngine) -> None:
    await write(engine, "first")
    await another_chat(engine, "telegram", "7")
    before = await value(engine, "SELECT last_value FROM line_ids")
    assert await where_it_goes(engine) == [("telegram", "7", False, False)]
    [claimed] = await claim(engine, "telegram")
    assert (claimed.says[0][0], claimed.attempts) == ("one", 1)
    assert claimed.id > before


async def test_it_goes_where_the_citizen_wrote_last(engine: AsyncEngine) -> None:
    await write(engine, "first")
    await another_chat(engine, "telegram", "7", last_message_at="now() - interval '2 days'")
    await another_chat(engine, "viber", "9", last_message_at="now() - interval '1 day'")
    await another_chat(engine, "signal", "8")
    assert await where_it_goes(engine) == [("viber", "9", False, False)]


@pytest.mark.parametrize(
    ("channel", "columns"),
    [
        ("telegram", {"unreachable_since": "now()"}),
        ("telegram", {"window_until": "now()"}),
        ("telegram", {"merged_into": "(SELECT id FROM contacts WHERE channel = 'whatsapp')"}),
        ("telegram", {"route": "''"}),
        ("telegram", {"citizen_id": "NULL"}),
        ("webchat", {}),
        ("whatsapp", {}),
    ],
)
async def test_it_waits_where_no_other_chat_would_call_the_citizen(
    engine: AsyncEngine, channel: str, columns: dict[str, str]
) -> None:
    await write(engine, "first")
    await another_chat(engine, channel, "7", **columns)
    assert await where_it_goes(engine) == [("whatsapp", "628", True, False)]


async def test_a_reply_waits_in_its_conversation(engine: AsyncEngine) -> None:
    await write(engine, "first")
    await another_chat(engine, "telegram", "7")
    assert await where_it_goes(engine, asks="place") == [("whatsapp", "628", True, False)]


async def test_what_a_chat_that_is_gone_does_not_get_goes_elsewhere_too(engine: AsyncEngine) -> None:
    await write(engine, "first")
    await another_chat(engine, "telegram", "7")
    assert await where_it_goes(engine, gone=True, problem="gone") == [("telegram", "7", False, False)]
    assert await value(engine, "SELECT unreachable_reason FROM contacts WHERE channel = 'whatsapp'") == "gone"


async def test_it_is_not_moved_while_somebody_works_on_the_other_chat(engine: AsyncEngine) -> None:
    contact_id = await write(engine, "first")
    await another_chat(engine, "telegram", "7")
    await close(engine)
    await add(engine, contact_id, "one")
    [claimed] = await claim(engine)
    async with engine.begin() as turn:
        await turn.exec_driver_sql("SELECT 1 FROM contacts WHERE channel = 'telegram' FOR UPDATE")
        async with asyncio.timeout(30):
            [left] = await mark(engine, held(claimed, elsewhere=True))
    assert await value(engine, "SELECT held_at FROM deliveries") is None
    assert await mark(engine, left) == []
    assert await value(engine, "SELECT channel FROM deliveries") == "telegram"


async def test_two_speakers_that_move_across_do_not_wait_for_each_other(engine: AsyncEngine) -> None:
    """Each wants the chat that the other has: one is left for later, both end."""
    here = await write(engine, "first")
    await another_chat(engine, "telegram", "7")
    there = int(await value(engine, "SELECT id FROM contacts WHERE channel = 'telegram'"))
    await add(engine, here, "one")
    async with engine.begin() as connection:
        await deliveries.add(connection, NewDelivery(there, "telegram", "7", [("two", {})], "id"))
    first, second = sorted(await claim(engine, CHANNEL, "telegram"), key=lambda each: each.id)

    async def leave(each: Claimed, connection: AsyncConnection, own: asyncio.Event, other: asyncio.Event) -> int:
        await deliveries.mark(connection, [outcome(each, wait=5.0, problem="x", announced=now())])
        own.set()
        await other.wait()
        return len(await deliveries.mark(connection, [outcome(each, gone=True, elsewhere=True, problem="gone")]))

    a, b = asyncio.Event(), asyncio.Event()
    async with asyncio.timeout(30), engine.begin() as left, engine.begin() as right:
        assert list(await asyncio.gather(leave(first, left, a, b), leave(second, right, b, a))) == [1, 1]


# --- for operators ---------------------------------------------------------------------------------------------


async def test_operators_see_what_waits_and_what_is_pending_is_not_counted_with_it(engine: AsyncEngine) -> None:
    contact_id = await hold(engine, "one")
    await add(engine, contact_id, "two")
    await run(engine, "UPDATE deliveries SET created_at = now() - interval '3 days' WHERE held_at IS NOT NULL")
    async with engine.connect() as connection:
        [channel] = await health.channels(connection)
        assert (channel.waiting, channel.held, channel.failed) == (1, 1, 0)
        assert [each.kind for each in await attention.matters(connection)] == []


async def seen(house: House, reach: Reach, *, everything: bool = False) -> list[undelivered.Held]:
    async with house.engine.connect() as connection:
        return await undelivered.held(connection, reach, "16", everything=everything, most=10)


async def test_only_those_see_it_who_may_read_the_report(house: House) -> None:
    contact_id = await write(house.engine, "first")
    await close(house.engine)
    await run(
        house.engine,
        "INSERT INTO complaints (ticket, contact_id, draft, channel, report_class, title, text, anonymous, secret, "
        "status, region) VALUES ('T-1', :contact, 1, 'whatsapp', 'pengaduan', 't', 't', false, false, 'x', '16.71')",
        contact=contact_id,
    )
    await add(house.engine, contact_id, "one", complaint_id=int(await value(house.engine, "SELECT id FROM complaints")))
    [claimed] = await claim(house.engine)
    await mark(house.engine, held(claimed, refused=("news id", "more en"), announced=now()))
    [found] = await seen(house, Reach(regions=("16.71",)))
    assert (found.id, found.ticket, found.channel) == (claimed.id, "T-1", "whatsapp")
    assert (found.problem, found.templates, found.announced) == (
        "the window is closed",
        ("news id", "more en"),
        True,
    )
    assert (found.lost, found.elsewhere) == (False, ())
    assert await seen(house, Reach(regions=("16.06",))) == []
    assert await seen(house, Reach()) == []
    assert [each.id for each in await seen(house, Reach(), everything=True)] == [claimed.id]


async def test_an_operator_sends_it_to_another_chat_once(engine: AsyncEngine) -> None:
    await hold(engine, "one")
    await another_chat(engine, "webchat", "page")
    [number] = [each for [each] in await rows(engine, "SELECT id FROM deliveries")]
    async with engine.begin() as connection:
        assert not await undelivered.again(connection, number, "telegram")
        assert await undelivered.again(connection, number, "webchat")
        assert not await undelivered.again(connection, number, "webchat"), "somebody was quicker"
    assert await rows(engine, "SELECT channel, address, held_at FROM deliveries") == [("webchat", "page", None)]


async def test_an_operator_has_it_tried_again_in_its_chat(engine: AsyncEngine) -> None:
    await hold(engine, "one")
    [number] = [each for [each] in await rows(engine, "SELECT id FROM deliveries")]
    async with engine.begin() as connection:
        assert await undelivered.again(connection, number)
    assert keys(await claim(engine)) == ["one"]
