"""A message is taken once however often it comes, and the turns of one chat wait for each other."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import contact, rows, run, say, take, value
from sqlalchemy.ext.asyncio import AsyncEngine

from store import contacts, inbox

# All that `json.loads` can make of a request: also what PostgreSQL cannot hold.
LETTERS = st.characters(codec=None) | st.sampled_from("\x00\\\ud83d\ude4f\ud800\udc00u")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(LETTERS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(LETTERS), inner, max_size=4),
    max_leaves=12,
)


async def test_a_new_message_is_taken_with_its_sender(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        taken = await take(connection, "1", name="Siti")
    assert taken is not None
    assert (taken.name, taken.citizen_id, taken.conversation) == ("Siti", None, None)


async def test_the_same_message_again_is_not_taken(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        assert await take(connection, "1") is not None
    async with engine.begin() as connection:
        assert await take(connection, "1") is None
    assert await value(engine, "SELECT count(*) FROM inbox") == 1


async def test_the_same_words_with_another_id_are_another_message(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        first = await take(connection, "1", payload={"text": "ya"})
        second = await take(connection, "2", payload={"text": "ya"})
    assert first is not None
    assert second is not None
    assert first.contact_id == second.contact_id
    assert first.line_id < second.line_id


async def test_the_conversation_comes_back_as_it_was_left(engine: AsyncEngine) -> None:
    conversation = {"asking": "place", "draft": {"told": [["jalan 🙏 rusak", 3]]}}
    async with engine.begin() as connection:
        taken = await take(connection, "1")
        assert taken is not None
        await contacts.remember(connection, taken.contact_id, conversation)
    async with engine.begin() as connection:
        again = await take(connection, "2")
    assert again is not None
    assert again.conversation == conversation


async def test_a_message_without_a_name_keeps_the_known_one(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await take(connection, "1", name="Siti")
        again = await take(connection, "2", name=None)
    assert again is not None
    assert again.name == "Siti"


async def test_who_writes_again_can_be_reached_again(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        taken = await take(connection, "1")
        assert taken is not None
        await contacts.lose(connection, taken.contact_id, "blocked_by_user")
    assert await value(engine, "SELECT unreachable_reason FROM contacts") == "blocked_by_user"
    async with engine.begin() as connection:
        await take(connection, "2")
    assert await rows(engine, "SELECT unreachable_since, unreachable_reason FROM contacts") == [(None, None)]


async def test_who_writes_again_gets_what_could_not_be_delivered(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        away, here = await contact(connection, "7"), await contact(connection, "8")
        for contact_id in (away, here):
            await say(connection, contact_id, "push.moved")
        await contacts.lose(connection, away, "blocked_by_user")
    await run(engine, "UPDATE deliveries SET failed_at = now(), problem = 'refused'")
    async with engine.begin() as connection:
        await take(connection, "1", "7")
        await take(connection, "2", "8")
    pending = await rows(engine, "SELECT contact_id, problem FROM deliveries WHERE failed_at IS NULL")
    assert pending == [(away, None)]


async def test_who_becomes_a_citizen_stays_one(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        taken = await take(connection, "1")
        assert taken is not None
        citizen = await contacts.become_citizen(connection, taken.contact_id, "Siti", "en")
        again = await take(connection, "2")
    assert again is not None
    assert again.citizen_id == citizen
    assert await rows(engine, "SELECT name, language FROM citizens") == [("Siti", "en")]


# --- at the same time ----------------------------------------------------------------------------


async def take_in_own_transaction(engine: AsyncEngine, message_id: str, address: str = "7") -> bool:
    async with engine.begin() as connection:
        return await take(connection, message_id, address) is not None


async def is_waiting(task: asyncio.Task[Any]) -> bool:
    done, _ = await asyncio.wait([task], timeout=0.1)
    return not done


async def test_two_messages_of_one_chat_are_taken_one_after_the_other(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await take(connection, "1")
        second = asyncio.create_task(take_in_own_transaction(engine, "2"))
        assert await is_waiting(second)
    assert await second


async def test_two_chats_do_not_wait_for_each_other(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await take(connection, "1", "7")
        async with asyncio.timeout(5):
            assert await take_in_own_transaction(engine, "2", "8")


async def test_the_same_message_twice_at_once_is_taken_by_one(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await take(connection, "1")
        second = asyncio.create_task(take_in_own_transaction(engine, "1"))
        assert await is_waiting(second)
    assert not await second


async def test_a_turn_that_fails_leaves_the_message_to_the_next(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        await take(connection, "1")
        second = asyncio.create_task(take_in_own_transaction(engine, "1"))
        assert await is_waiting(second)
        await connection.rollback()
    assert await second


async def test_of_many_at_once_each_message_is_taken_once(engine: AsyncEngine) -> None:
    ids = [str(number % 10) for number in range(40)]
    taken = await asyncio.gather(*(take_in_own_transaction(engine, message_id) for message_id in ids))
    assert sum(taken) == 10
    assert await value(engine, "SELECT count(*) FROM contacts") == 1


# --- payloads -------------------------------------------------------------------------------------


async def keep(engine: AsyncEngine, payload: Any, message_id: str = "") -> bool:
    async with engine.begin() as connection:
        return await inbox.keep(
            connection,
            channel="telegram",
            message_id=message_id or uuid.uuid4().hex,
            payload=payload,
            received_at=datetime.now(UTC),
        )


async def test_a_payload_of_no_chat_is_kept_once(engine: AsyncEngine) -> None:
    assert await keep(engine, {"poll": 1}, "9")
    assert not await keep(engine, {"poll": 1}, "9")
    assert await rows(engine, "SELECT address, payload FROM inbox") == [(None, {"poll": 1})]
    assert await value(engine, "SELECT count(*) FROM contacts") == 0


@pytest.mark.parametrize(
    ("payload", "stored"),
    [
        ("nol\x00nol", "nol\ufffdnol"),
        ("setengah \ud83d saja", "setengah \ufffd saja"),
        ("terbalik \ude4f\ud83d", "terbalik \ufffd\ufffd"),
        ("utuh 🙏", "utuh 🙏"),
        ("\\u0000 bukan nol", "\\u0000 bukan nol"),
        ({"kun\x00ci": ["\x00"]}, {"kun\ufffdci": ["\ufffd"]}),
        ({"latitude": float("nan"), "longitude": float("-inf")}, {"latitude": None, "longitude": None}),
    ],
)
async def test_what_postgresql_cannot_hold_is_replaced(engine: AsyncEngine, payload: Any, stored: Any) -> None:
    assert await keep(engine, payload)
    assert await value(engine, "SELECT payload FROM inbox") == stored


async def test_a_deeply_nested_payload_is_kept(engine: AsyncEngine) -> None:
    nested: Any = "dalam"
    for _ in range(700):
        nested = [nested]
    assert await keep(engine, {"message": nested})


@given(JSON)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_every_payload_can_be_kept(engine: AsyncEngine, payload: Any) -> None:
    assert await keep(engine, payload)
