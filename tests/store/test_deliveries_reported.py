"""What the provider tells of a message after it took it: once, in any order, and before we know that it was ours."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import rows, run, value
from sqlalchemy.ext.asyncio import AsyncEngine

from store import deliveries, inbox, reported
from store.deliveries import Claimed, NewDelivery, Outcome
from store.reported import Told

CHANNEL = "whatsapp"
DAY = timedelta(hours=24)
NOON = datetime(2026, 11, 22, 5, tzinfo=UTC)


async def write(engine: AsyncEngine, message_id: str) -> int:
    """The citizen writes just now; returns the chat's id."""
    async with engine.begin() as connection:
        moment = datetime.now(UTC)
        taken = await inbox.take(
            connection,
            channel=CHANNEL,
            message_id=message_id,
            address="628",
            sequence=0,
            name=None,
            payload={},
            received_at=moment,
            window_until=moment + DAY,
        )
    assert taken is not None
    return taken.contact_id


async def add(engine: AsyncEngine, contact_id: int, key: str = "push.note", asks: str | None = None) -> None:
    async with engine.begin() as connection:
        await deliveries.add(connection, NewDelivery(contact_id, CHANNEL, "628", [(key, {})], "id", asks=asks))


async def claim(engine: AsyncEngine, *channels: str) -> list[Claimed]:
    async with engine.begin() as connection:
        return await deliveries.claim(connection, 50, channels or (CHANNEL,))


async def mark(engine: AsyncEngine, claimed: Claimed, *ids: str, **what: Any) -> list[Outcome]:
    known: dict[str, Any] = {"sent": True, "round": claimed.round, "channel": CHANNEL, "ids": ids}
    known |= {"window_until": claimed.window_until} | what
    outcome = Outcome(claimed.id, claimed.contact_id, claimed.attempts, **known)
    async with engine.begin() as connection:
        return await deliveries.mark(connection, [outcome], silent=("webchat",))


async def tell(engine: AsyncEngine, name: str, state: str, **what: Any) -> Told | None:
    async with engine.begin() as connection:
        return await reported.report(connection, CHANNEL, name, state, NOON, silent=("webchat",), **what)


async def fail(engine: AsyncEngine, name: str, trouble: str) -> Told | None:
    return await tell(engine, name, "failed", trouble=trouble, problem=f"{trouble} trouble")


async def sent(engine: AsyncEngine, *ids: str, asks: str | None = None) -> Claimed:
    """A message that the provider took, in parts of these ids."""
    await add(engine, await write(engine, "first"), asks=asks)
    [claimed] = await claim(engine)
    assert await mark(engine, claimed, *ids) == []
    return claimed


async def state(engine: AsyncEngine) -> tuple[bool, ...]:
    """Sent, delivered, read, failed, held."""
    found = "SELECT sent_at, delivered_at, read_at, failed_at, held_at FROM deliveries"
    [row] = await rows(engine, found)
    return tuple(each is not None for each in row)


SENT, DELIVERED = (True, False, False, False, False), (True, True, False, False, False)
READ = (True, True, True, False, False)
PENDING, FAILED, HELD = (False,) * 5, (False, False, False, True, False), (False, False, False, False, True)


# --- it arrives ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(permutations(["sent", "delivered", "read"])))
async def test_in_whatever_order_it_ends_as_read(engine: AsyncEngine, order: Sequence[str]) -> None:
    await sent(engine, "w1")
    for each in order:
        await tell(engine, "w1", each)
    assert await state(engine) == READ
    assert await rows(engine, "SELECT delivered_at, read_at FROM deliveries") == [(NOON, NOON)]


async def test_a_repeat_is_nothing_new(engine: AsyncEngine) -> None:
    await sent(engine, "w1")
    assert await tell(engine, "w1", "delivered") is not None
    before = await rows(engine, "SELECT * FROM deliveries"), await rows(engine, "SELECT * FROM provider_messages")
    for _ in range(5):
        assert await tell(engine, "w1", "delivered") is None
        assert await tell(engine, "w1", "sent") is None
        assert await fail(engine, "w1", "window") is None
    assert (
        await rows(engine, "SELECT * FROM deliveries"),
        await rows(engine, "SELECT * FROM provider_messages"),
    ) == before


async def test_several_parts_are_there_when_all_are(engine: AsyncEngine) -> None:
    await sent(engine, "w1", "w2", "w3")
    await tell(engine, "w2", "read")
    await tell(engine, "w3", "delivered")
    assert await state(engine) == SENT
    await tell(engine, "w1", "delivered")
    assert await state(engine) == DELIVERED
    await tell(engine, "w1", "read")
    await tell(engine, "w3", "read")
    assert await state(engine) == READ


async def test_parts_that_arrive_at_one_moment_are_all_seen(engine: AsyncEngine) -> None:
    await sent(engine, *(f"w{number}" for number in range(6)))
    await asyncio.gather(*(tell(engine, f"w{number}", "delivered") for number in range(6)))
    assert await state(engine) == DELIVERED


async def test_what_we_do_not_know_is_kept_and_changes_nothing(engine: AsyncEngine) -> None:
    await sent(engine, "w1")
    for trouble in ("window", "gone"):
        told = await fail(engine, f"another {trouble}", trouble)
        assert told is not None
        assert told.part is None
        assert await fail(engine, f"another {trouble}", trouble) is None
    assert await state(engine) == SENT
    assert await value(engine, "SELECT count(*) FROM provider_messages WHERE delivery_id IS NULL") == 2


async def test_an_id_of_another_channel_is_another(engine: AsyncEngine) -> None:
    await sent(engine, "w1")
    async with engine.begin() as connection:
        await reported.report(connection, "telegram", "w1", "read", NOON)
    assert await state(engine) == SENT


@pytest.mark.parametrize("told", ["delivered", "read"])
async def test_it_may_be_told_before_it_is_marked(engine: AsyncEngine, told: str) -> None:
    await add(engine, await write(engine, "first"))
    [claimed] = await claim(engine)
    await tell(engine, "w2", told)
    await tell(engine, "w1", told)
    await mark(engine, claimed, "w1", "w2")
    assert await state(engine) == (DELIVERED if told == "delivered" else READ)


async def test_a_channel_without_ids_writes_none(engine: AsyncEngine) -> None:
    await sent(engine)
    assert await value(engine, "SELECT count(*) FROM provider_messages") == 0


# --- it fails ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("early", [False, True], ids=["after it was marked", "before"])
@pytest.mark.parametrize(
    ("trouble", "wanted"),
    [("window", PENDING), ("template", PENDING), ("later", PENDING), ("never", FAILED), ("gone", FAILED)],
)
async def test_a_failure_opens_it_again_where_something_can_be_done(
    engine: AsyncEngine, trouble: str, wanted: tuple[bool, ...], early: bool
) -> None:
    if early:
        await add(engine, await write(engine, "first"))
        [claimed] = await claim(engine)
        await fail(engine, "w1", trouble)
        assert await mark(engine, claimed, "w1") == []
    else:
        await sent(engine, "w1")
        await fail(engine, "w1", trouble)
    assert await state(engine) == wanted
    assert await value(engine, "SELECT problem FROM deliveries") == f"{trouble} trouble"
    closed = await value(engine, "SELECT window_until <= now() FROM contacts")
    assert closed is (trouble == "window")
    lost = await value(engine, "SELECT unreachable_reason FROM contacts")
    assert lost == ("gone trouble" if trouble == "gone" else None)
    # What is told of that attempt, again or of its other states, changes nothing any more.
    before = await rows(engine, "SELECT * FROM deliveries")
    for repeated in ("delivered", "read", "sent"):
        await tell(engine, "w1", repeated)
    await fail(engine, "w1", trouble)
    assert await rows(engine, "SELECT * FROM deliveries") == before


async def test_what_must_wait_waits_longer_each_time(engine: AsyncEngine) -> None:
    await sent(engine, "w0")
    waits = []
    for number in range(3):
        await fail(engine, f"w{number}", "channel")
        waits.append(round(float(await value(engine, "SELECT extract(epoch FROM due_at - now()) FROM deliveries"))))
        await run(engine, "UPDATE deliveries SET due_at = now()")
        [claimed] = await claim(engine)
        await mark(engine, claimed, f"w{number + 1}")
    assert waits == [10, 40, 160]


async def test_it_is_not_opened_for_ever(engine: AsyncEngine) -> None:
    await sent(engine, "w0")
    for number in range(3):
        await fail(engine, f"w{number}", "template")
        assert await state(engine) == PENDING
        [claimed] = await claim(engine)
        assert claimed.round == number + 1
        await mark(engine, claimed, f"w{number + 1}")
    await fail(engine, "w3", "template")
    assert await state(engine) == FAILED


async def test_what_the_whole_channel_suffers_from_is_no_reason_to_give_up(engine: AsyncEngine) -> None:
    await sent(engine, "w0")
    for number in range(6):
        await fail(engine, f"w{number}", "channel")
        await run(engine, "UPDATE deliveries SET due_at = now()")
        [claimed] = await claim(engine)
        await mark(engine, claimed, f"w{number + 1}")
    assert await state(engine) == SENT


async def test_a_template_that_failed_is_remembered(engine: AsyncEngine) -> None:
    await add(engine, await write(engine, "first"))
    [claimed] = await claim(engine)
    await mark(engine, claimed, "w1", template="news id")
    await fail(engine, "w1", "template")
    [claimed] = await claim(engine)
    assert list(claimed.refused) == ["news id"]


async def test_whoever_has_written_since_has_an_open_window_and_is_there(engine: AsyncEngine) -> None:
    await sent(engine, "w1")
    await write(engine, "second")
    await fail(engine, "w1", "window")
    assert await state(engine) == PENDING
    assert await value(engine, "SELECT window_until > now() FROM contacts")
    [claimed] = await claim(engine)
    await mark(engine, claimed, "w2")
    await write(engine, "third")
    await fail(engine, "w2", "gone")
    assert await value(engine, "SELECT unreachable_since FROM contacts") is None
    assert await state(engine) == FAILED


async def test_a_part_that_has_arrived_is_not_said_twice(engine: AsyncEngine) -> None:
    await sent(engine, "w1", "w2")
    await tell(engine, "w1", "delivered")
    await fail(engine, "w2", "later")
    assert await state(engine) == FAILED


async def test_two_parts_that_fail_open_it_once(engine: AsyncEngine) -> None:
    await sent(engine, "w1", "w2")
    await asyncio.gather(fail(engine, "w1", "window"), fail(engine, "w2", "window"))
    assert await state(engine) == PENDING
    assert await value(engine, "SELECT reopened FROM deliveries") == 1


@pytest.mark.parametrize("trouble", ["window", "gone", "never", "template"])
async def test_what_is_told_of_an_earlier_attempt_changes_neither_message_nor_chat(
    engine: AsyncEngine, trouble: str
) -> None:
    await sent(engine, "w1", "w2")
    await fail(engine, "w1", "later")
    before = await rows(engine, "SELECT * FROM deliveries"), await rows(engine, "SELECT * FROM contacts")
    await fail(engine, "w2", trouble)
    assert (await rows(engine, "SELECT * FROM deliveries"), await rows(engine, "SELECT * FROM contacts")) == before


async def test_a_reply_whose_answer_is_out_is_not_asked_again(engine: AsyncEngine) -> None:
    await sent(engine, "w1", asks="place")
    await add(engine, await write(engine, "second"), asks="photos")
    [claimed] = await claim(engine)
    await mark(engine, claimed, "w2")
    await fail(engine, "w1", "later")
    found = await rows(engine, "SELECT sent_at IS NOT NULL, failed_at IS NOT NULL FROM deliveries ORDER BY id")
    assert found == [(False, True), (True, False)]


async def test_a_reply_that_failed_is_joined_with_the_next(engine: AsyncEngine) -> None:
    claimed = await sent(engine, "w1", asks="place")
    await fail(engine, "w1", "later")
    async with engine.begin() as connection:
        reply = await deliveries.last_reply(connection, claimed.contact_id)
        assert reply is not None
        assert (reply.id, reply.claimed_at, reply.sent_at) == (claimed.id, None, None)
        assert await deliveries.withdraw(connection, reply.id) is not None


async def test_a_push_that_failed_for_good_goes_to_another_chat(engine: AsyncEngine) -> None:
    await sent(engine, "w1")
    await run(
        engine,
        "WITH person AS (INSERT INTO citizens (name) VALUES ('Budi') RETURNING id), "
        "first AS (UPDATE contacts SET citizen_id = (SELECT id FROM person)) "
        "INSERT INTO contacts (channel, address, citizen_id) "
        "SELECT name, '7', id FROM person, (VALUES ('webchat'), ('telegram')) AS c (name)",
    )
    await fail(engine, "w1", "gone")
    found = await rows(engine, "SELECT channel, address, sent_at, failed_at FROM deliveries")
    assert found == [("telegram", "7", None, None)]
    await fail(engine, "w1", "gone")
    await tell(engine, "w1", "delivered")
    assert await rows(engine, "SELECT channel, address, sent_at, failed_at FROM deliveries") == found


async def test_a_late_copy_of_an_earlier_attempt_is_not_taken_for_the_new_one(engine: AsyncEngine) -> None:
    """One speaker was slow, another has sent it too and that failed; then the slow one tells."""
    await add(engine, await write(engine, "first"))
    [slow] = await claim(engine)
    await run(engine, "UPDATE deliveries SET leased_until = now() - interval '1 second'")
    [quick] = await claim(engine)
    await mark(engine, quick, "w2")
    await fail(engine, "w2", "later")
    await mark(engine, slow, "w1")
    await tell(engine, "w1", "read")
    assert await state(engine) == PENDING


async def test_a_report_on_a_chat_that_a_turn_has_is_applied_after_it(engine: AsyncEngine) -> None:
    await add(engine, await write(engine, "first"))
    [claimed] = await claim(engine)
    await fail(engine, "w1", "window")
    async with engine.begin() as turn:
        await turn.exec_driver_sql("SELECT 1 FROM contacts FOR NO KEY UPDATE")
        async with asyncio.timeout(30):
            [left] = await mark(engine, claimed, "w1")
    assert await state(engine) == PENDING
    async with engine.begin() as connection:
        assert await deliveries.mark(connection, [left]) == []
    assert await state(engine) == PENDING
    assert await value(engine, "SELECT reopened FROM deliveries") == 1


async def test_a_failure_between_linking_and_marking_is_not_undone_by_the_mark(engine: AsyncEngine) -> None:
    await add(engine, await write(engine, "first"))
    [claimed] = await claim(engine)
    async with engine.begin() as turn:
        await turn.exec_driver_sql("SELECT 1 FROM contacts FOR NO KEY UPDATE")
        [left] = await mark(engine, claimed, "w1", closed=True)
    await fail(engine, "w1", "later")
    async with engine.begin() as connection:
        assert await deliveries.mark(connection, [left]) == []
    assert await state(engine) == PENDING


# --- announcements --------------------------------------------------------------------------------------------


async def announced(engine: AsyncEngine, *more: str) -> Claimed:
    """A message that is held, and what announced it was sent as "w1"; so are more of them."""
    contact_id = await write(engine, "first")
    await run(
        engine,
        "UPDATE contacts SET window_until = now() - interval '6 hours', last_message_at = now() - interval '30 hours'",
    )
    first: Claimed | None = None
    for key in ("push.note", *more):
        await add(engine, contact_id, key)
        [claimed] = await claim(engine)
        told = {"announced": datetime.now(UTC), "template": "news id"} if first is None else {}
        await mark(engine, claimed, *(["w1"] if first is None else []), sent=False, held=True, problem="closed", **told)
        first = first or claimed
    assert first is not None
    return first


@pytest.mark.parametrize("told", ["sent", "delivered", "read"])
async def test_an_announcement_that_arrived_is_not_the_message(engine: AsyncEngine, told: str) -> None:
    await announced(engine)
    await tell(engine, "w1", told)
    assert await state(engine) == HELD


@pytest.mark.parametrize("trouble", ["template", "never", "window"])
async def test_without_its_announcement_all_that_waits_goes_its_ways_again(engine: AsyncEngine, trouble: str) -> None:
    await announced(engine, "second", "third")
    await fail(engine, "w1", trouble)
    assert await value(engine, "SELECT announced_at FROM contacts") is None
    said = []
    while claimed := await claim(engine):
        assert [list(each.refused) for each in claimed] == [["news id"]]
        said += [each.says[0][0] for each in claimed]
        await mark(engine, claimed[0])
    assert said == ["push.note", "second", "third"]


async def test_an_announcement_that_may_go_later_is_tried_later(engine: AsyncEngine) -> None:
    await announced(engine)
    await fail(engine, "w1", "later")
    assert await state(engine) == PENDING
    assert await claim(engine) == []
    await run(engine, "UPDATE deliveries SET due_at = now()")
    [claimed] = await claim(engine)
    assert (list(claimed.refused), claimed.announced_at) == ([], None)


async def test_announcing_is_not_tried_for_ever(engine: AsyncEngine) -> None:
    claimed = await announced(engine)
    for number in range(1, 6):
        await fail(engine, f"w{number}", "later")
        await run(engine, "UPDATE deliveries SET due_at = now()")
        if not (found := await claim(engine)):
            break
        [claimed] = found
        await mark(
            engine,
            claimed,
            f"w{number + 1}",
            sent=False,
            held=True,
            problem="closed",
            announced=datetime.now(UTC),
            template="news id",
        )
    assert claimed.round == 3
    assert await state(engine) == HELD


async def test_nobody_is_there_to_be_told(engine: AsyncEngine) -> None:
    await announced(engine, "second")
    await run(
        engine,
        "WITH person AS (INSERT INTO citizens (name) VALUES ('Budi') RETURNING id), "
        "first AS (UPDATE contacts SET citizen_id = (SELECT id FROM person)) "
        "INSERT INTO contacts (channel, address, citizen_id) SELECT 'telegram', '7', id FROM person",
    )
    await fail(engine, "w1", "gone")
    found = await rows(engine, "SELECT channel, says->0->>0 FROM deliveries ORDER BY id")
    assert found == [("telegram", "push.note"), ("telegram", "second")]
    assert await value(engine, "SELECT unreachable_since IS NOT NULL FROM contacts WHERE channel = 'whatsapp'")


async def test_an_announcement_that_fails_after_the_citizen_wrote_changes_nothing(engine: AsyncEngine) -> None:
    await announced(engine)
    await write(engine, "second")
    before = await rows(engine, "SELECT * FROM deliveries")
    await fail(engine, "w1", "template")
    assert await rows(engine, "SELECT * FROM deliveries") == before


# --- any order -----------------------------------------------------------------------------------------------

PARTS = ("w1", "w2", "w3")
TALES = st.lists(st.tuples(st.sampled_from(PARTS), st.sampled_from(["sent", "delivered", "read"])), max_size=30)


@given(tales=TALES, marked_after=st.integers(0, 30), parts=st.integers(1, 3))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_the_ledger_knows_what_was_told_whatever_the_order(
    engine: AsyncEngine, tales: list[tuple[str, str]], marked_after: int, parts: int
) -> None:
    for table in ("deliveries", "provider_messages", "inbox", "contacts"):
        await run(engine, f"DELETE FROM {table}")  # noqa: S608
    await add(engine, await write(engine, "first"))
    [claimed] = await claim(engine)
    told: Counter[str] = Counter()
    rank = {"sent": 1, "delivered": 2, "read": 3}
    for number, (name, tale) in enumerate([*tales, ("", "")]):
        if number == min(marked_after, len(tales)):
            await mark(engine, claimed, *PARTS[:parts])
        if name:
            await tell(engine, name, tale)
            told[name] = max(told[name], rank[tale])
    lowest = min(told[name] for name in PARTS[:parts])
    assert await state(engine) == {0: SENT, 1: SENT, 2: DELIVERED, 3: READ}[lowest]


# --- how long it is kept ----------------------------------------------------------------------------------------


async def test_it_goes_with_the_words(engine: AsyncEngine) -> None:
    await sent(engine, "w1")
    await tell(engine, "stranger", "read")

    async def forget(before: datetime) -> int:
        async with engine.begin() as connection:
            return await reported.forget(connection, before, 10)

    assert await forget(datetime.now(UTC) - timedelta(days=2)) == 0
    assert await forget(datetime.now(UTC)) == 1
    assert await rows(engine, "SELECT provider_id FROM provider_messages") == [("w1",)]
    await run(engine, "UPDATE deliveries SET says = '[]'")
    assert await forget(datetime.now(UTC) - timedelta(days=2)) == 1
    assert await value(engine, "SELECT count(*) FROM provider_messages") == 0


async def test_what_the_whole_channel_suffers_from_may_last_for_weeks(engine: AsyncEngine) -> None:
    """An account that nobody pays for takes each message and fails it later, every few minutes."""
    await sent(engine, "first")
    await run(engine, "UPDATE deliveries SET reopened = 600")
    await run(engine, "UPDATE provider_messages SET round = 600")
    assert await fail(engine, "first", "channel") is not None
    assert await state(engine) == PENDING
    soon = "SELECT due_at > now() + interval '4 minutes' AND due_at < now() + interval '6 minutes' FROM deliveries"
    assert await value(engine, soon)
