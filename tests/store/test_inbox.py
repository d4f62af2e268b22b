"""A message is taken once however often it comes, and the turns of one chat wait for each other."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import CHANNEL, contact, rows, run, say, take, value
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


async def test_what_a_machine_tells_of_a_file_does_not_count_as_written(engine: AsyncEngine) -> None:
    """A transcript may come hours after the voice note: the citizen is as silent, and as lost, as before."""
    async with engine.begin() as connection:
        contact_id = await contact(connection)
        await say(connection, contact_id, "one")
        await contacts.lose(connection, contact_id, "blocked")
    await run(engine, "UPDATE deliveries SET failed_at = now()")
    await run(engine, "UPDATE contacts SET last_message_at = now() - interval '5 hours'")
    seen = "SELECT last_message_at, unreachable_since, unreachable_reason FROM contacts"
    before = await rows(engine, seen)
    async with engine.begin() as connection:
        what: dict[str, Any] = {"channel": CHANNEL, "address": "7", "sequence": 0, "name": None, "payload": {}}
        moment = datetime.now(UTC)
        taken = await inbox.take(connection, message_id="transcript:1", received_at=moment, written=False, **what)
    assert taken is not None
    assert taken.contact_id == contact_id
    assert await rows(engine, seen) == before
    assert await value(engine, "SELECT failed_at IS NOT NULL FROM deliveries")


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
        async with asyncio.timeout(30):
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


# --- what belongs to no chat any more -----------------------------------------------------------------

NIGHT = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
WORDS, REPEATS = timedelta(days=90), timedelta(days=30)


async def kept(engine: AsyncEngine, message_id: str, payload: Any, days: int, address: str | None = None) -> None:
    """A line that came so many days before that night."""
    async with engine.begin() as connection:
        what = {"message_id": message_id, "payload": payload, "received_at": NIGHT - timedelta(days=days)}
        assert await inbox.keep(connection, channel="whatsapp", **what)
    await run(engine, "UPDATE inbox SET address = :address WHERE message_id = :id", address=address, id=message_id)


async def forgotten(engine: AsyncEngine, most: int = 100) -> int:
    async with engine.begin() as connection:
        return await inbox.forget(connection, NIGHT - WORDS, NIGHT - REPEATS, most)


async def test_what_no_chat_has_goes_after_its_time_with_its_name(engine: AsyncEngine) -> None:
    """A provider's name of a message may hold the sender's telephone number."""
    notice = {"system": {"wa_id": "6281234567890"}}
    await kept(engine, "wamid.old", notice, 91)
    await kept(engine, "wamid.erased", {}, 31)
    for message_id, payload, days, address in (
        ("wamid.young", notice, 89, None),
        ("wamid.erased.just.now", {}, 29, None),
        ("wamid.chat", notice, 400, "ID.1"),
        ("wamid.chat.of.a.group", {}, 400, "ID.1"),
    ):
        await kept(engine, message_id, payload, days, address)
    assert await forgotten(engine) == 2
    assert await forgotten(engine) == 0
    found = await rows(engine, "SELECT id, message_id, payload FROM inbox ORDER BY id")
    assert [row.payload for row in found[:2]] == [{}, {}]
    assert [row.message_id for row in found[:2]] == [f"gone:{row.id}" for row in found[:2]]
    assert [row.message_id for row in found[2:]] == [
        "wamid.young", "wamid.erased.just.now", "wamid.chat", "wamid.chat.of.a.group"
    ]  # fmt: skip


async def test_while_a_provider_may_repeat_it_a_message_is_known_without_its_words(engine: AsyncEngine) -> None:
    await kept(engine, "wamid.x", {"text": "rahasia"}, 2)
    async with engine.begin() as connection:
        assert await inbox.forget(connection, NIGHT - timedelta(days=1), NIGHT - REPEATS, 100) == 1
    assert await rows(engine, "SELECT message_id, payload FROM inbox") == [("wamid.x", {})]


async def test_only_so_many_go_at_once(engine: AsyncEngine) -> None:
    for number in range(3):
        await kept(engine, f"wamid.{number}", {"text": "halo"}, 100)
    assert [await forgotten(engine, 2) for _ in range(3)] == [2, 1, 0]
