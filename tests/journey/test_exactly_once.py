"""However often, late or mixed up a provider delivers: one complaint, each reply once, nothing lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import count

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from journey.looking import all_said, alone, filed, heard, kept, names, remembered, rows
from peers.bot_api import Citizen, FakeBotApi, Update
from running import Running

CHATS = count(10_000)
# One house serves all examples of a test: every example has a citizen of its own.
ONE_HOUSE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]

# A conversation that is asked everything: what the citizen writes, and what the reply must contain.
CONVERSATION = (
    ("Lampu jalan mati", "Di mana persisnya?"),
    ("Jalan Merdeka dekat pasar, Sekayu", "Sejak kapan"),
    ("sudah dua minggu", "Anonim"),
    ("biasa saja", "Sudah benar?"),
    ("ya", "Tercatat"),
)
Repeats = tuple[int, bool]


@pytest.fixture
async def patient(telegram_api: FakeBotApi) -> AsyncIterator[FakeBotApi]:
    """The Bot API, with nothing that goes wrong by itself."""
    yield telegram_api
    assert telegram_api.problems == []


async def repeat(api: FakeBotApi, updates: list[Update], repeats: list[Repeats]) -> None:
    """Deliver some of these updates again."""
    for which, _ in repeats:
        await api.deliver(updates[which % len(updates)])


@given(
    st.lists(
        st.tuples(st.integers(0, len(CONVERSATION)), st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=3)),
        max_size=4,
    ).map(dict)
)
@settings(max_examples=25, deadline=None, suppress_health_check=ONE_HOUSE)
async def test_repeats_change_nothing(running: Running, patient: FakeBotApi, repeats: dict[int, list[Repeats]]) -> None:
    """After step n the deliveries of `repeats[n]` come again; those marked so together with the step itself."""
    await alone(running.house)
    citizen = patient.citizen(next(CHATS))
    updates: list[Update] = []
    for step, (words, expected) in enumerate(CONVERSATION):
        updates.append(citizen.text(words))
        together = [updates[which % len(updates)] for which, at_once in repeats.get(step, ()) if at_once]
        await asyncio.gather(patient.deliver(updates[-1]), *map(patient.deliver, together))
        reply = await citizen.reply()
        assert expected in reply.text
        await repeat(patient, updates, [each for each in repeats.get(step, ()) if not each[1]])
    await repeat(patient, updates, repeats.get(len(CONVERSATION), []))
    sent = await all_said(running.house, citizen)
    assert len(sent) == len(CONVERSATION)
    (complaint,) = await filed(running, citizen)
    assert complaint["text"] == "Lampu jalan mati"
    assert [each["event"] for each in complaint["history"]] == ["filed"]
    assert await heard(running.house, citizen) == names(*updates)


async def test_the_same_tap_many_times_at_once(running: Running, telegram_api: FakeBotApi) -> None:
    """Ten deliveries of the tap that files, and ten other taps on the same button: one complaint."""
    citizen = telegram_api.citizen(next(CHATS))
    for words, _ in CONVERSATION[:-1]:
        await telegram_api.deliver(citizen.text(words))
        summary = await citizen.reply()
    taps = [citizen.tap(summary.choices[0], summary) for _ in range(10)]
    await asyncio.gather(*(telegram_api.deliver(tap, repeat=2) for tap in taps))
    sent = await all_said(running.house, citizen)
    assert len(await filed(running, citizen)) == 1
    assert sum("Tercatat." in each.text for each in sent) == 1
    tickets = await rows(running.house, "SELECT count(DISTINCT ticket) FROM complaints")
    assert tickets[0][0] == 1


ORDERS = st.permutations(range(len(CONVERSATION)))


async def deliver_mixed_up(
    running: Running, api: FakeBotApi, order: list[int], pauses: list[bool], *, old_numbers: bool
) -> tuple[Citizen, list[Update]]:
    """Deliver the conversation in this order. With a pause the replies come in between.

    With `old_numbers` all was written before the first reply; otherwise every message is numbered
    as if it had been written after all replies.
    """
    await alone(running.house)
    citizen = api.citizen(next(CHATS))
    if not old_numbers:
        api._last_message_ids[citizen.chat_id] = 500
    updates = [citizen.text(words) for words, _ in CONVERSATION]
    if not old_numbers:
        api._last_message_ids[citizen.chat_id] = 0
    for place, pause in zip(order, [*pauses, True], strict=False):
        await api.deliver(updates[place])
        if pause:
            await all_said(running.house, citizen)
    await all_said(running.house, citizen)
    return citizen, updates


PAUSES = st.lists(st.booleans(), min_size=len(CONVERSATION) - 1, max_size=len(CONVERSATION) - 1)


@given(ORDERS, PAUSES, st.booleans())
@settings(max_examples=25, deadline=None, suppress_health_check=ONE_HOUSE)
async def test_any_order_files_at_most_once_and_keeps_every_message(
    running: Running, patient: FakeBotApi, order: list[int], pauses: list[bool], old_numbers: bool
) -> None:
    citizen, updates = await deliver_mixed_up(running, patient, order, pauses, old_numbers=old_numbers)
    assert len(await filed(running, citizen)) <= 1
    assert await heard(running.house, citizen) == names(*updates)
    conversation = await remembered(running.house, citizen)
    assert conversation["drafts"] <= 2
    spoken = await rows(
        running.house,
        "SELECT count(*) FROM deliveries WHERE address = :address AND sent_at IS NOT NULL",
        address=str(citizen.chat_id),
    )
    assert spoken[0][0] == len(patient.sent(citizen.chat_id)), "each reply once"


@given(ORDERS, PAUSES, st.booleans())
@example([2, 0, 1, 3, 4], [True] * 4, False)
@settings(max_examples=25, deadline=None, suppress_health_check=ONE_HOUSE)
async def test_any_order_keeps_every_text_where_somebody_reads_it(
    running: Running, patient: FakeBotApi, order: list[int], pauses: list[bool], old_numbers: bool
) -> None:
    citizen, _ = await deliver_mixed_up(running, patient, order, pauses, old_numbers=old_numbers)
    everything = await kept(running, citizen)
    for words, _ in CONVERSATION[:3]:
        assert words in everything
