"""The ledger: what is to be said to one person is said in order, by one speaker at a time, and never lost."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import CHANNEL, contact, rows, run, say, take, value
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from store import deliveries
from store.deliveries import Claimed, Outcome

LEASE_ENDS = "UPDATE deliveries SET leased_until = now() - interval '1 second' WHERE leased_until IS NOT NULL"


async def add(engine: AsyncEngine, address: str, *keys: str, after: float = 0.0) -> int:
    """Messages to that address, each in its own turn; returns the contact's id."""
    contact_id = 0
    for key in keys:
        async with engine.begin() as connection:
            contact_id = await contact(connection, address)
            await say(connection, contact_id, key, after=after)
    return contact_id


async def claim(engine: AsyncEngine, most: int = 64, channels: tuple[str, ...] = (CHANNEL,)) -> list[Claimed]:
    async with engine.begin() as connection:
        return await deliveries.claim(connection, most, channels)


async def mark(engine: AsyncEngine, *outcomes: Outcome) -> None:
    async with engine.begin() as connection:
        await deliveries.mark(connection, outcomes)


def keys(claimed: list[Claimed]) -> list[str]:
    return [says[0] for delivery in sorted(claimed, key=lambda each: each.id) for says in delivery.says]


def sent(claimed: Claimed, sequence: int | None = None) -> Outcome:
    return Outcome(claimed.id, claimed.contact_id, claimed.attempts, sent=True, sequence=sequence)


def later(claimed: Claimed, wait: float = 0.0) -> Outcome:
    return Outcome(claimed.id, claimed.contact_id, claimed.attempts, wait=wait, problem="too many messages")


def failed(claimed: Claimed, *, gone: bool = False) -> Outcome:
    return Outcome(claimed.id, claimed.contact_id, claimed.attempts, problem="refused", gone=gone)


# --- claiming --------------------------------------------------------------------------------------


async def test_a_claimed_message_tells_all_that_a_speaker_needs(engine: AsyncEngine) -> None:
    contact_id = await add(engine, "7", "welcome")
    [claimed] = await claim(engine)
    assert (claimed.contact_id, claimed.channel, claimed.address) == (contact_id, CHANNEL, str(contact_id))
    assert [tuple(says) for says in claimed.says] == [("welcome", {})]
    assert (list(claimed.buttons), claimed.language, claimed.attempts) == ([], "id", 1)


async def test_each_contact_has_one_message_claimed_the_oldest(engine: AsyncEngine) -> None:
    await add(engine, "7", "a1", "a2", "a3")
    await add(engine, "8", "b1", "b2")
    assert keys(await claim(engine)) == ["a1", "b1"]


async def test_the_next_is_free_only_when_the_one_before_is_out(engine: AsyncEngine) -> None:
    await add(engine, "7", "first", "second")
    [first] = await claim(engine)
    assert await claim(engine) == []
    await mark(engine, sent(first))
    assert keys(await claim(engine)) == ["second"]


async def test_at_most_as_many_are_claimed_as_wanted_the_oldest_first(engine: AsyncEngine) -> None:
    for number in range(5):
        await add(engine, str(number), f"k{number}")
    assert keys(await claim(engine, 2)) == ["k0", "k1"]
    assert keys(await claim(engine, 2)) == ["k2", "k3"]


async def test_another_speakers_channel_is_left_alone(engine: AsyncEngine) -> None:
    await add(engine, "7", "welcome")
    assert await claim(engine, channels=("webchat",)) == []
    assert await claim(engine, channels=()) == []


async def test_what_is_not_due_yet_waits_and_holds_up_what_follows(engine: AsyncEngine) -> None:
    await add(engine, "7", "first", after=60)
    await add(engine, "7", "second")
    assert await claim(engine) == []


async def test_a_lease_that_has_ended_frees_the_message_for_another_attempt(engine: AsyncEngine) -> None:
    await add(engine, "7", "welcome")
    [first] = await claim(engine)
    assert await claim(engine) == []
    await run(engine, LEASE_ENDS)
    [again] = await claim(engine)
    assert (again.id, again.attempts) == (first.id, 2)


async def test_a_lease_lasts_as_long_as_it_says(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "LEASE_SECONDS", 0.2)
    await add(engine, "7", "welcome")
    assert await claim(engine) != []
    assert await claim(engine) == []
    await asyncio.sleep(0.25)
    assert await claim(engine) != []


async def test_many_speakers_never_get_the_same(engine: AsyncEngine) -> None:
    for number in range(30):
        await add(engine, str(number), "first", "second")
    found = await asyncio.gather(*(claim(engine, 7) for _ in range(8)))
    claimed = [delivery.id for batch in found for delivery in batch]
    assert len(claimed) == len(set(claimed))
    assert await claim(engine) == [] or len(claimed) < 30  # nobody's message is skipped for good
    assert {key for batch in found for key in keys(batch)} == {"first"}


async def test_a_speaker_does_not_wait_for_another_ones_transaction(engine: AsyncEngine) -> None:
    await add(engine, "7", "a")
    await add(engine, "8", "b")
    async with engine.begin() as connection:
        assert keys(await deliveries.claim(connection, 1, [CHANNEL])) == ["a"]
        async with asyncio.timeout(30):
            assert keys(await claim(engine)) == ["b"]


# --- marking ----------------------------------------------------------------------------------------


async def test_what_is_sent_is_never_claimed_again(engine: AsyncEngine) -> None:
    await add(engine, "7", "welcome")
    [claimed] = await claim(engine)
    await mark(engine, sent(claimed, 41))
    await run(engine, LEASE_ENDS)
    assert await claim(engine) == []
    found = await rows(engine, "SELECT sent_at IS NOT NULL, provider_sequence, failed_at, problem FROM deliveries")
    assert found == [(True, 41, None, None)]


async def test_what_goes_later_waits_and_keeps_its_place(engine: AsyncEngine) -> None:
    await add(engine, "7", "first", "second")
    [claimed] = await claim(engine)
    await mark(engine, later(claimed, 0.15))
    assert await claim(engine) == []
    await asyncio.sleep(0.2)
    [again] = await claim(engine)
    assert (again.says[0][0], again.attempts) == ("first", 2)


async def test_what_has_failed_stays_visible_and_frees_the_next(engine: AsyncEngine) -> None:
    await add(engine, "7", "first", "second")
    [claimed] = await claim(engine)
    await mark(engine, failed(claimed))
    assert keys(await claim(engine)) == ["second"]
    assert await rows(engine, "SELECT id, problem FROM deliveries WHERE failed_at IS NOT NULL") == [
        (claimed.id, "refused")
    ]
    assert await value(engine, "SELECT unreachable_since FROM contacts") is None


async def test_an_address_that_is_gone_is_remembered(engine: AsyncEngine) -> None:
    await add(engine, "7", "welcome")
    [claimed] = await claim(engine)
    await mark(engine, failed(claimed, gone=True))
    assert await value(engine, "SELECT unreachable_reason FROM contacts") == "refused"


async def test_a_batch_is_marked_each_with_its_own_outcome(engine: AsyncEngine) -> None:
    for address in ("7", "8", "9"):
        await add(engine, address, "welcome")
    one, two, three = sorted(await claim(engine), key=lambda each: each.id)
    await mark(engine, sent(one), later(two, 60), failed(three))
    found = await rows(
        engine, "SELECT sent_at IS NOT NULL, failed_at IS NOT NULL, due_at > now() FROM deliveries ORDER BY id"
    )
    assert found == [(True, False, False), (False, False, True), (False, True, False)]


@pytest.mark.parametrize("late", [later, failed])
async def test_a_late_report_does_not_undo_what_was_sent(engine: AsyncEngine, late: Any) -> None:
    await add(engine, "7", "welcome")
    [slow] = await claim(engine)
    await run(engine, LEASE_ENDS)
    [quick] = await claim(engine)
    await mark(engine, sent(quick))
    await mark(engine, late(slow))
    assert await rows(engine, "SELECT sent_at IS NOT NULL, failed_at FROM deliveries") == [(True, None)]


async def test_what_may_have_been_sent_twice_has_no_number_of_its_own(engine: AsyncEngine) -> None:
    await add(engine, "7", "welcome")
    await claim(engine)
    await run(engine, LEASE_ENDS)
    [again] = await claim(engine)
    await mark(engine, sent(again, 5))
    assert await rows(engine, "SELECT sent_at IS NOT NULL, provider_sequence FROM deliveries") == [(True, None)]


async def test_the_next_due_moment_is_that_of_the_heads(engine: AsyncEngine) -> None:
    async def next_due() -> float | None:
        async with engine.connect() as connection:
            return await deliveries.next_due(connection, [CHANNEL])

    assert await next_due() is None
    await add(engine, "7", "later", after=30)
    await add(engine, "7", "now, but behind it")
    due = await next_due()
    assert due is not None
    assert 25 < due <= 30
    await add(engine, "8", "now")
    assert await next_due() == 0
    await claim(engine)
    due = await next_due()
    assert due is not None
    assert 5 < due <= deliveries.LEASE_SECONDS


# --- taking back ------------------------------------------------------------------------------------


async def test_a_reply_that_nobody_has_taken_can_be_taken_back(engine: AsyncEngine) -> None:
    contact_id = await add(engine, "7", "ask.place")
    async with engine.begin() as connection:
        reply = await deliveries.last_reply(connection, contact_id)
        assert reply is not None
        assert reply.claimed_at is None
        assert await deliveries.withdraw(connection, reply.id) == [("ask.place", {})]
    assert await claim(engine) == []


@pytest.mark.parametrize("freed", [False, True], ids=["claimed", "claimed and given back"])
async def test_a_reply_that_a_speaker_has_taken_cannot_be_taken_back(engine: AsyncEngine, freed: bool) -> None:
    contact_id = await add(engine, "7", "ask.place")
    [claimed] = await claim(engine)
    if freed:
        await mark(engine, later(claimed))
    async with engine.begin() as connection:
        reply = await deliveries.last_reply(connection, contact_id)
        assert reply is not None
        assert reply.claimed_at is not None
        assert await deliveries.withdraw(connection, reply.id) is None
    assert await value(engine, "SELECT count(*) FROM deliveries") == 1


async def test_a_reply_being_taken_back_is_not_claimed(engine: AsyncEngine) -> None:
    contact_id = await add(engine, "7", "ask.place")
    async with engine.begin() as connection:
        reply = await deliveries.last_reply(connection, contact_id)
        assert reply is not None
        assert await deliveries.withdraw(connection, reply.id) is not None
        assert await claim(engine) == []
    assert await claim(engine) == []


async def test_a_push_is_not_the_last_reply(engine: AsyncEngine) -> None:
    contact_id = await add(engine, "7", "ask.place")
    async with engine.begin() as connection:
        await deliveries.add(
            connection, deliveries.NewDelivery(contact_id, CHANNEL, "7", [("push.moved", {})], "id", asks=None)
        )
        reply = await deliveries.last_reply(connection, contact_id)
    assert reply is not None
    assert await value(engine, "SELECT says->0->>0 FROM deliveries WHERE id = :id", id=reply.id) == "ask.place"


# --- the lines of a chat ------------------------------------------------------------------------------


async def lines(engine: AsyncEngine, after: int = 0, most: int = 500) -> list[tuple[bool, Any]]:
    async with engine.connect() as connection:
        found = await deliveries.lines(connection, CHANNEL, "7", after, most)
    assert [line.id for line in found] == sorted(line.id for line in found)
    return [(line.heard, line.content if line.heard else line.content[0][0]) for line in found]


async def turn(engine: AsyncEngine, words: str, reply: str) -> None:
    async with engine.begin() as connection:
        taken = await take(connection, words, payload={"text": words})
        assert taken is not None
        await say(connection, taken.contact_id, reply)


async def test_the_lines_of_a_chat_are_in_order_up_to_the_first_unspoken(engine: AsyncEngine) -> None:
    await turn(engine, "one", "r1")
    await turn(engine, "two", "r2")
    assert await lines(engine) == [(True, {"text": "one"})]
    [claimed] = await claim(engine)
    await mark(engine, sent(claimed))
    assert await lines(engine) == [(True, {"text": "one"}), (False, "r1"), (True, {"text": "two"})]
    [claimed] = await claim(engine)
    await mark(engine, sent(claimed))
    assert [content for _, content in await lines(engine)] == [{"text": "one"}, "r1", {"text": "two"}, "r2"]


async def test_a_failed_message_is_no_line_and_hides_none(engine: AsyncEngine) -> None:
    await turn(engine, "one", "r1")
    [claimed] = await claim(engine)
    await mark(engine, failed(claimed))
    assert await lines(engine) == [(True, {"text": "one"})]


async def test_the_lines_after_a_cursor_are_read_page_by_page(engine: AsyncEngine) -> None:
    for number in range(5):
        async with engine.begin() as connection:
            await take(connection, str(number), payload={"n": number})
    seen: list[int] = []
    after = 0
    async with engine.connect() as connection:
        while page := await deliveries.lines(connection, CHANNEL, "7", after, most=2):
            seen += [line.content["n"] for line in page]
            after = page[-1].id
    assert seen == [0, 1, 2, 3, 4]


async def test_the_lines_are_those_of_one_chat(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await take(connection, "1", "7", payload={"text": "mine"})
        await take(connection, "2", "8", payload={"text": "another's"})
    assert await lines(engine) == [(True, {"text": "mine"})]


# --- any order of events --------------------------------------------------------------------------------

STEPS = st.lists(
    st.sampled_from(["add a", "add b", "add a", "withdraw a", "claim", "claim", "sent", "later", "failed", "dies"]),
    max_size=40,
)


@given(STEPS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_happens_each_person_hears_everything_once_and_in_order(
    engine: AsyncEngine, steps: list[str]
) -> None:
    await run(engine, "DELETE FROM deliveries")
    said: defaultdict[str, list[str]] = defaultdict(list)  # what was promised to each, in order
    heard: defaultdict[str, list[str]] = defaultdict(list)
    held: list[Claimed] = []

    async def hear(delivery: Claimed) -> None:
        key = delivery.says[0][0]
        heard[key[0]].append(key)
        await mark(engine, sent(delivery))

    for number, step in enumerate(steps):
        if step.startswith("add"):
            key = f"{step[-1]}{number}"
            await add(engine, step[-1], key)
            said[step[-1]].append(key)
        elif step == "withdraw a":
            async with engine.begin() as connection:
                reply = await deliveries.last_reply(connection, await contact(connection, "a"))
                if reply and await deliveries.withdraw(connection, reply.id):
                    said["a"].pop()
        elif step == "claim":
            held += await claim(engine)
            assert len({delivery.contact_id for delivery in held}) == len(held), "two at once to one person"
        elif held:
            delivery = held.pop(0)
            if step == "sent":
                await hear(delivery)
            elif step == "later":
                await mark(engine, later(delivery))
            elif step == "failed":
                said[delivery.says[0][0][0]].remove(delivery.says[0][0])
                await mark(engine, failed(delivery))
            else:
                await run(engine, f"{LEASE_ENDS} AND id = {delivery.id}")
    await run(engine, LEASE_ENDS)
    while claimed := await claim(engine):
        for delivery in claimed:
            await hear(delivery)
    assert {who: words for who, words in heard.items() if words} == {who: words for who, words in said.items() if words}
    async with engine.connect() as connection:
        assert (
            await connection.execute(
                text("SELECT count(*) FROM deliveries WHERE sent_at IS NULL AND failed_at IS NULL")
            )
        ).scalar_one() == 0


async def test_a_message_that_was_tried_for_months_does_not_stop_the_others(engine: AsyncEngine) -> None:
    await add(engine, "1", "one")
    await run(engine, "UPDATE deliveries SET attempts = 32767")
    await add(engine, "2", "two")
    assert len(await claim(engine)) == 2
