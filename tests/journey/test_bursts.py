"""Many messages at once by one citizen: all are kept, in order, and the answer is no echo chamber."""

from __future__ import annotations

import asyncio

from journey.looking import all_said, filed, finish, heard, names, rows, until
from peers.bot_api import Citizen, FakeBotApi, Update, slow
from running import Running, web

from api.settings import Settings

COUNT = 20
ROUNDS = 10
LAMPS = "lampu jalan di depan pasar Sekayu padam"


def numbered(citizen: Citizen, words: str = LAMPS) -> list[Update]:
    """Twenty messages that tell their own place in the row."""
    return [citizen.text(f"{number:02d} {words}") for number in range(1, COUNT + 1)]


def in_order(words: str = LAMPS) -> str:
    """The twenty as they must stand in the complaint."""
    return "\n".join(f"{number:02d} {words}" for number in range(1, COUNT + 1))


async def check_replies(running: Running, citizen: Citizen, before: int = 0) -> None:
    """At least one reply, and the citizen was sent no line of the ledger twice."""
    sent = await all_said(running.house, citizen)
    lines = await rows(
        running.house, "SELECT count(*) FROM deliveries WHERE address = :address", address=str(citizen.chat_id)
    )
    assert before < len(sent) == lines[0][0]


async def check_complaint(running: Running, citizen: Citizen, expected: str) -> None:
    complaint = await finish(running, citizen)
    assert complaint["text"] == expected
    assert len(await filed(running, citizen)) == 1


async def test_twenty_at_once_as_first_contact(running: Running, telegram_api: FakeBotApi) -> None:
    for number in range(ROUNDS):
        citizen = telegram_api.citizen(5000 + number)
        updates = numbered(citizen)
        await asyncio.gather(*map(telegram_api.deliver, updates))
        await check_replies(running, citizen)
        assert await heard(running.house, citizen) == names(*updates)
        await check_complaint(running, citizen, in_order())


async def test_twenty_at_once_in_the_middle_of_a_draft(running: Running, telegram_api: FakeBotApi) -> None:
    """The first of the twenty may answer the question that had been heard; the others are told."""
    for number in range(ROUNDS):
        citizen = telegram_api.citizen(5100 + number)
        first = citizen.text("00 jalan rusak")
        await telegram_api.deliver(first)
        before = len(await all_said(running.house, citizen))
        updates = numbered(citizen, "ada lubang lagi di situ")
        await asyncio.gather(*map(telegram_api.deliver, updates))
        await check_replies(running, citizen, before)
        assert await heard(running.house, citizen) == names(first, *updates)
        await finish(running, citizen)
        (complaint,) = await filed(running, citizen)
        told = "\n".join([complaint["text"], complaint["place"] or ""])
        for update in updates:
            assert told.count(update["message"]["text"]) == 1
        lines = complaint["text"].splitlines()
        assert lines == sorted(lines)
        assert len(lines) >= COUNT


async def test_twenty_at_once_through_two_web_processes(
    running: Running, telegram_api: FakeBotApi, telegram_settings: Settings, database: str
) -> None:
    assert telegram_api.webhook is not None
    first = telegram_api.webhook
    async with web(telegram_settings, database) as (address, _):
        second = (f"{address}/webhooks/telegram", first[1])
        # The second process introduces itself too; then both are ours to choose from.
        await until(lambda: telegram_api.webhook != first)

        async def deliver(index: int, update: Update) -> None:
            telegram_api.webhook = (first, second)[index % 2]
            await telegram_api.deliver(update)

        for number in range(ROUNDS):
            citizen = telegram_api.citizen(5200 + number)
            updates = numbered(citizen)
            twice = [*updates, *reversed(updates)]
            await asyncio.gather(*(deliver(index, update) for index, update in enumerate(twice)))
            await check_replies(running, citizen)
            assert await heard(running.house, citizen) == names(*updates)
            await check_complaint(running, citizen, in_order())
        telegram_api.webhook = first


async def test_words_written_before_the_question_arrived_are_no_answer_to_it(
    running: Running, telegram_api: FakeBotApi
) -> None:
    """The reply takes a while on its way to the citizen, who writes on meanwhile."""
    citizen = telegram_api.citizen(5300)
    telegram_api.faults.add(slow(0.8), chat=citizen.chat_id, method="sendMessage")
    first, *others = numbered(citizen)
    await telegram_api.deliver(first)
    await until(lambda: telegram_api.called("sendMessage"))
    assert telegram_api.sent(citizen.chat_id) == [], "the citizen has not read anything yet"
    await asyncio.gather(*map(telegram_api.deliver, others))
    await check_replies(running, citizen)
    await check_complaint(running, citizen, in_order())


async def test_a_burst_is_not_answered_with_a_wall(running: Running, telegram_api: FakeBotApi) -> None:
    for number in range(ROUNDS):
        citizen = telegram_api.citizen(5400 + number)
        await telegram_api.deliver(citizen.text("00 jalan rusak"))
        before = len(await all_said(running.house, citizen))
        await asyncio.gather(*map(telegram_api.deliver, numbered(citizen)))
        assert len(await all_said(running.house, citizen)) - before <= 2
