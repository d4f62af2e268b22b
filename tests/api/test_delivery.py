"""The speaker: whatever goes wrong at the provider, everybody hears everything in order, and failures are seen."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import groupby
from typing import Any

import httpx
import pytest
from making import eventually, rows, run, value
from own_server import Server
from peers import bot_api
from peers.bot_api import TOKEN, Call, FakeBotApi, Fault
from sqlalchemy import text

from api import delivery
from api.delivery import Speaker
from api.house import House, open_house
from api.settings import Settings
from api.unit import unit
from bot.channels.sending import Limits
from bot.channels.telegram import Telegram
from bot.channels.webchat import Webchat
from bot.messages import Channel, Outgoing, Sent, TryLater, Undeliverable
from store import deliveries
from store.deliveries import NewDelivery

QUICK = Limits(connect=1, total=1.5)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses are tenths of seconds."""
    monkeypatch.setattr(delivery, "BACKOFF_LONGEST", 0.05)
    monkeypatch.setattr(delivery, "IDLE_SECONDS", 0.1)


@pytest.fixture
async def house(settings: Settings, database: str) -> AsyncIterator[House]:
    """A house without a classifier: it only speaks."""
    async with open_house(settings, database, name="test") as opened:
        yield opened


@asynccontextmanager
async def speaking(house: House, telegram_api: FakeBotApi, **more: Channel) -> AsyncIterator[Speaker]:
    """A speaker on Telegram (and more) that stops when the test is done."""
    async with Telegram(TOKEN, telegram_api.base_url, QUICK) as telegram:
        channels: dict[str, Channel] = {"telegram": telegram, **more}
        speaker = Speaker(house, channels)
        running = asyncio.create_task(speaker.run())
        try:
            yield speaker
        finally:
            speaker.stop()
            async with asyncio.timeout(10):
                await running


async def say(house: House, address: int | str, *words: str, channel: str = "telegram", key: str = "push.note") -> None:
    """Messages for that address, each in its own transaction; the words are what the citizen reads."""
    for each in words:
        async with unit(house) as work:
            statement = """INSERT INTO contacts (channel, address) VALUES (:channel, :address)
                           ON CONFLICT (channel, address) DO UPDATE SET name = NULL RETURNING id"""
            found = await work.connection.execute(text(statement), {"channel": channel, "address": str(address)})
            says = [(key, {"note": each})]
            await work.say(NewDelivery(found.scalar_one(), channel, str(address), says, "id"))


def heard(telegram_api: FakeBotApi, chat: int) -> list[str]:
    """What the citizen was sent, without the words around it."""
    return [sent.text.splitlines()[-1] for sent in telegram_api.sent(chat)]


async def worked_off(house: House, patience: float = 10) -> None:
    """Wait until nothing is pending."""
    statement = "SELECT count(*) FROM deliveries WHERE sent_at IS NULL AND failed_at IS NULL"
    await eventually(lambda: value(house.engine, statement), 0, patience)


async def failed(house: House) -> list[Any]:
    return [each for [each] in await rows(house.engine, "SELECT problem FROM deliveries WHERE failed_at IS NOT NULL")]


# --- all is well --------------------------------------------------------------------------------------


async def test_what_is_in_the_ledger_is_spoken_once_in_order(house: House, telegram_api: FakeBotApi) -> None:
    async with speaking(house, telegram_api):
        await say(house, 7, "one", "two", "three")
        await worked_off(house)
    assert heard(telegram_api, 7) == ["one", "two", "three"]
    numbers = [each for [each] in await rows(house.engine, "SELECT provider_sequence FROM deliveries ORDER BY id")]
    assert numbers == [sent.message_id for sent in telegram_api.sent(7)]


async def test_what_waited_before_the_start_is_spoken(house: House, telegram_api: FakeBotApi) -> None:
    await say(house, 7, "one")
    async with speaking(house, telegram_api):
        await worked_off(house)
    assert heard(telegram_api, 7) == ["one"]


async def test_a_speaker_is_woken_and_does_not_only_look_now_and_then(
    house: House, telegram_api: FakeBotApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "IDLE_SECONDS", 600)
    async with speaking(house, telegram_api):
        await say(house, 7, "warm up")
        await worked_off(house)
        await asyncio.sleep(0.3)
        await say(house, 7, "now")
        await telegram_api.wait_for_sent(7, 2, 60)


async def test_many_speakers_say_everything_once(house: House, telegram_api: FakeBotApi) -> None:
    chats = range(1, 21)
    async with speaking(house, telegram_api), speaking(house, telegram_api), speaking(house, telegram_api):
        await asyncio.gather(*(say(house, chat, "one", "two", "three") for chat in chats))
        await worked_off(house)
    assert [heard(telegram_api, chat) for chat in chats] == [["one", "two", "three"]] * 20


async def test_a_speaker_that_stops_ends_its_sentence(house: House, telegram_api: FakeBotApi) -> None:
    telegram_api.faults.add(bot_api.slow(0.2))
    async with speaking(house, telegram_api) as speaker:
        await say(house, 7, "one")
        await eventually(lambda: value(house.engine, "SELECT count(*) FROM deliveries WHERE claimed_at IS NOT NULL"), 1)
        speaker.stop()
    assert heard(telegram_api, 7) == ["one"]
    assert await value(house.engine, "SELECT sent_at IS NOT NULL FROM deliveries")


async def test_a_speaker_that_stops_leaves_at_once(
    house: House, telegram_api: FakeBotApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "IDLE_SECONDS", 600)
    async with asyncio.timeout(60), speaking(house, telegram_api):
        await say(house, 7, "one")
        await telegram_api.wait_for_sent(7, 1, 30)  # it is out, and not marked yet


async def test_a_dead_speakers_message_is_said_by_another_after_the_lease(
    house: House, telegram_api: FakeBotApi
) -> None:
    await say(house, 7, "one", "two")
    async with house.engine.begin() as connection:
        await deliveries.claim(connection, 1, ["telegram"])  # and dies
    async with speaking(house, telegram_api):
        await asyncio.sleep(0.1)
        assert heard(telegram_api, 7) == []
        await run(house.engine, "UPDATE deliveries SET leased_until = now() WHERE leased_until IS NOT NULL")
        await worked_off(house)
    assert heard(telegram_api, 7) == ["one", "two"]


# --- a provider in trouble -------------------------------------------------------------------------------

NOT_DELIVERED = {
    "429": bot_api.too_many(0),
    "500": bot_api.broken(),
    "502 of a proxy": bot_api.bad_gateway(),
    "reset": bot_api.reset(),
    "silence": bot_api.silence(),
    "not JSON": Fault(200, "<html>"),
}


@pytest.mark.parametrize("name", NOT_DELIVERED)
async def test_what_was_not_taken_is_said_later_before_what_follows(
    house: House, telegram_api: FakeBotApi, name: str
) -> None:
    telegram_api.faults.add(NOT_DELIVERED[name], chat=7, times=2)
    async with speaking(house, telegram_api):
        await say(house, 7, "one", "two")
        await say(house, 8, "another")
        await worked_off(house)
    assert heard(telegram_api, 7) == ["one", "two"]
    assert heard(telegram_api, 8) == ["another"]
    assert await failed(house) == []


async def test_the_provider_says_how_long_to_wait(house: House, telegram_api: FakeBotApi) -> None:
    telegram_api.faults.add(bot_api.too_many(1), chat=7)
    async with speaking(house, telegram_api):
        started = time.monotonic()
        await say(house, 7, "one")
        await worked_off(house)
    assert time.monotonic() - started >= 1


async def test_a_slow_address_holds_up_nobody_else(house: House, telegram_api: FakeBotApi) -> None:
    telegram_api.faults.add(bot_api.slow(1.0), chat=7, times=math.inf)
    async with speaking(house, telegram_api):
        await say(house, 7, "slow")
        await say(house, 8, "one", "two", "three")
        await telegram_api.wait_for_sent(8, 3)
        assert heard(telegram_api, 7) == []
        await worked_off(house)


async def test_a_citizen_who_blocked_us_is_shown_as_unreachable(
    house: House, telegram_api: FakeBotApi, desk: httpx.AsyncClient
) -> None:
    telegram_api.blocked.add(7)
    async with speaking(house, telegram_api):
        await say(house, 7, "rahasia")
        await worked_off(house)
    answer = await desk.get("/attention")
    [matter] = answer.json()["items"]
    assert (matter["kind"], matter["channel"]) == ("unreachable", "telegram")
    assert "blocked" in matter["detail"]
    assert "rahasia" not in answer.text


async def test_a_refused_message_does_not_hold_up_the_next(
    house: House, telegram_api: FakeBotApi, desk: httpx.AsyncClient
) -> None:
    telegram_api.faults.add(bot_api.refused("message is too odd"), chat=7)
    async with speaking(house, telegram_api):
        await say(house, 7, "one", "two")
        await worked_off(house)
    assert heard(telegram_api, 7) == ["two"]
    assert [matter["kind"] for matter in (await desk.get("/attention")).json()["items"]] == ["undeliverable"]


@pytest.mark.parametrize("key", ["no.such.text", "push.moved"], ids=["unknown text", "missing parameters"])
async def test_a_text_that_cannot_be_spoken_is_shown_and_does_not_hold_up_the_next(
    house: House, telegram_api: FakeBotApi, desk: httpx.AsyncClient, key: str
) -> None:
    async with speaking(house, telegram_api):
        await say(house, 7, "one", key=key)
        await say(house, 7, "two")
        await worked_off(house)
    assert heard(telegram_api, 7) == ["two"]
    [matter] = (await desk.get("/attention")).json()["items"]
    assert (matter["kind"], matter["detail"]) == ("undeliverable", "unspeakable")


async def test_a_dead_token_rests_the_channel_and_fails_nothing(house: House, telegram_api: FakeBotApi) -> None:
    telegram_api.faults.add(bot_api.unauthorized(), times=math.inf)
    async with speaking(house, telegram_api, webchat=Webchat()):
        for chat in range(1, 6):
            await say(house, chat, "one", "two")
        await asyncio.sleep(0.3)
        await say(house, "page", "one", channel="webchat")
        on_page = "SELECT sent_at IS NOT NULL FROM deliveries WHERE channel = 'webchat'"
        await eventually(lambda: value(house.engine, on_page), True)
        assert await failed(house) == []
        telegram_api.faults.clear()
        await worked_off(house)
    assert [heard(telegram_api, chat) for chat in range(1, 6)] == [["one", "two"]] * 5


async def test_a_resting_channel_is_not_asked_for_every_message(
    house: House, telegram_api: FakeBotApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "BACKOFF_LONGEST", 60)
    telegram_api.faults.add(bot_api.unauthorized(), times=math.inf)
    async with speaking(house, telegram_api):
        await say(house, 1, "one")
        await eventually(lambda: value(house.engine, "SELECT attempts FROM deliveries"), 1)
        await asyncio.sleep(0.1)
        for chat in range(2, 30):
            await say(house, chat, "one")
        await asyncio.sleep(0.3)
        assert len(telegram_api.calls) == 1


async def test_what_could_not_be_said_for_too_long_is_shown(house: House, telegram_api: FakeBotApi) -> None:
    telegram_api.faults.add(bot_api.broken(), chat=7, times=math.inf)
    await say(house, 7, "old")
    await run(house.engine, "UPDATE deliveries SET created_at = now() - interval '73 hours'")
    async with speaking(house, telegram_api):
        await worked_off(house)
    assert len(await failed(house)) == 1


async def test_a_channel_with_a_defect_is_asked_again(house: House, telegram_api: FakeBotApi) -> None:
    class Broken:
        name = "broken"
        asked = 0

        async def send(self, message: Outgoing) -> Sent:
            self.asked += 1
            if self.asked < 3:
                raise ZeroDivisionError
            return Sent()

        async def fetch(self, provider_id: str) -> bytes:
            raise NotImplementedError

    channel = Broken()
    async with speaking(house, telegram_api, broken=channel):
        await say(house, "x", "one", channel="broken")
        await worked_off(house)
    assert channel.asked == 3
    assert await failed(house) == []


@pytest.mark.parametrize(
    "answer",
    [
        Sent(ids=("w\x00",)),
        Sent(ids=("w\ud800",)),
        Sent(ids=("é" * 9_000,)),
        Sent(sequence=2**63),
        TryLater("again", after=1e300),
        TryLater("again", after=math.inf),
        TryLater("again\x00\ud800", ails="token", whole_channel=True),
        Undeliverable("never\x00", gone=False),
        Undeliverable("never\ud800", gone=True),
    ],
    ids=lambda answer: f"{type(answer).__name__}",
)
async def test_whatever_a_provider_answers_others_hear_everything(
    house: House, telegram_api: FakeBotApi, answer: Sent | Exception
) -> None:
    class Odd:
        name = "odd"

        async def send(self, message: Outgoing) -> Sent:
            if isinstance(answer, Exception):
                raise answer
            return answer

        async def fetch(self, provider_id: str) -> bytes:
            raise NotImplementedError

    async with speaking(house, telegram_api, odd=Odd()):
        await say(house, 1, "one", channel="odd")
        tried = "SELECT attempts > 0 AND leased_until IS NULL FROM deliveries WHERE channel = 'odd'"
        await eventually(lambda: value(house.engine, tried), True)
        await say(house, 7, "two")
        await eventually(
            lambda: value(house.engine, "SELECT sent_at IS NOT NULL FROM deliveries WHERE address = '7'"), True
        )
        [shown] = await rows(house.engine, "SELECT sent_at, failed_at FROM deliveries WHERE channel = 'odd'")
        assert (shown.sent_at is not None, shown.failed_at is not None) == (
            isinstance(answer, Sent),
            isinstance(answer, Undeliverable),
        )


async def test_a_channel_that_nobody_speaks_on_waits(house: House, telegram_api: FakeBotApi) -> None:
    async with speaking(house, telegram_api):
        await say(house, "x", "one", channel="whatsapp")
        await say(house, 7, "one")
        await telegram_api.wait_for_sent(7, 1)
    assert await value(house.engine, "SELECT attempts FROM deliveries WHERE channel = 'whatsapp'") == 0


@pytest.mark.parametrize("seed", range(3))
async def test_in_a_storm_of_faults_each_citizen_hears_all_in_order(
    house: House, telegram_api: FakeBotApi, seed: int
) -> None:
    """A message may be heard twice where the answer to it was lost, and never out of order."""
    chance = random.Random(seed)  # noqa: S311
    storm = [
        *(NOT_DELIVERED[name] for name in ("429", "500", "502 of a proxy", "reset")),
        bot_api.bad_gateway(delivered=True),
        bot_api.reset(delivered=True),
        bot_api.slow(0.05),
    ]

    def choose(call: Call) -> Fault | None:
        return chance.choice(storm) if chance.random() < 0.4 else None

    telegram_api.faults.choose = choose
    words = [f"message {number}" for number in range(8)]
    async with speaking(house, telegram_api), speaking(house, telegram_api):
        await asyncio.gather(*(say(house, chat, *words) for chat in range(1, 7)))
        await worked_off(house, 20)
    assert [[word for word, _ in groupby(heard(telegram_api, chat))] for chat in range(1, 7)] == [words] * 6


# --- a store in trouble ---------------------------------------------------------------------------------------


async def test_a_speaker_outlives_its_database(
    own_server: Server, settings: Settings, telegram_api: FakeBotApi
) -> None:
    async with open_house(settings, own_server.url, name="test") as house, speaking(house, telegram_api):
        await say(house, 7, "one")
        await worked_off(house)
        own_server.stop()
        await asyncio.sleep(0.3)
        own_server.start()
        await say_until_it_works(house, 7, "two")
        await worked_off(house)
    assert heard(telegram_api, 7) == ["one", "two"]


async def test_a_speaker_can_be_stopped_while_its_database_is_away(
    own_server: Server, settings: Settings, telegram_api: FakeBotApi
) -> None:
    telegram_api.faults.add(bot_api.slow(0.3))
    async with (
        open_house(settings, own_server.url, name="test") as house,
        Telegram(TOKEN, telegram_api.base_url, QUICK) as telegram,
    ):
        speaker = Speaker(house, {"telegram": telegram})
        running = asyncio.create_task(speaker.run())
        await say(house, 7, "one")
        await eventually(lambda: value(house.engine, "SELECT count(*) FROM deliveries WHERE claimed_at IS NOT NULL"), 1)
        own_server.stop()
        speaker.stop()
        try:
            async with asyncio.timeout(30):
                await asyncio.shield(running)
        finally:
            own_server.start()
            await running


async def say_until_it_works(house: House, address: int, words: str) -> None:
    """The first connections after a restart are dead ones."""
    for _ in range(20):
        try:
            return await say(house, address, words)
        except Exception:
            await asyncio.sleep(0.05)
    raise TimeoutError
