"""The poller: where Telegram cannot reach us we fetch its updates, and let go only of what is committed."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from making import eventually, rows
from own_server import Server
from peers.bot_api import FakeBotApi, broken
from sqlalchemy.ext.asyncio import AsyncEngine

from api.processes.poll import _poll
from api.settings import Settings
from store.database import connect


@asynccontextmanager
async def polling(settings: Settings, url: str) -> AsyncIterator[AsyncEngine]:
    """The poller at work, and an engine to look at its store."""
    engine = connect(url, name="test")
    running = asyncio.create_task(_poll(settings.model_copy(update={"telegram_mode": "polling"}), url))
    try:
        yield engine
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await running
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().remove_signal_handler(number)
        await engine.dispose()


async def kept(engine: AsyncEngine) -> list[str]:
    """The ids of the updates in the inbox; nothing while the store is away."""
    with suppress(Exception):
        return [each for [each] in await rows(engine, "SELECT message_id FROM inbox ORDER BY id")]
    return []


async def test_updates_are_fetched_and_acknowledged(
    telegram_settings: Settings, database: str, telegram_api: FakeBotApi
) -> None:
    updates = [telegram_api.citizen(77).text(words) for words in ("halo", "apa kabar")]
    async with polling(telegram_settings, database) as engine:
        for update in updates:
            await telegram_api.deliver(update)
        await eventually(lambda: kept(engine), [str(update["update_id"]) for update in updates])

        async def acknowledged() -> bool:
            return any(
                int(call.get("offset", 0)) > updates[-1]["update_id"] for call in telegram_api.called("getUpdates")
            )

        await eventually(acknowledged)


async def test_a_telegram_that_fails_is_asked_again(
    telegram_settings: Settings, database: str, telegram_api: FakeBotApi
) -> None:
    telegram_api.faults.add(broken(), method="getUpdates")
    update = telegram_api.citizen(77).text("halo")
    async with polling(telegram_settings, database) as engine:
        await telegram_api.deliver(update)
        await eventually(lambda: kept(engine), [str(update["update_id"])])


async def test_what_comes_while_the_store_is_away_is_kept_later(
    own_server: Server, telegram_settings: Settings, telegram_api: FakeBotApi
) -> None:
    first, second = (telegram_api.citizen(77).text(words) for words in ("halo", "apa kabar"))
    async with polling(telegram_settings, own_server.url) as engine:
        await telegram_api.deliver(first)
        await eventually(lambda: kept(engine), [str(first["update_id"])])
        own_server.stop()
        await telegram_api.deliver(second)
        await asyncio.sleep(0.2)
        own_server.start()
        await eventually(lambda: kept(engine), [str(update["update_id"]) for update in (first, second)])


async def test_an_update_that_we_fail_on_is_kept_and_shown_and_does_not_stop_the_others(
    telegram_settings: Settings, database: str, telegram_api: FakeBotApi
) -> None:
    citizen = telegram_api.citizen(77)
    poison, good = citizen.text("halo"), citizen.text("apa kabar")
    poison["message"]["message_id"] = 2**70  # no such number fits the store
    async with polling(telegram_settings, database) as engine:
        await telegram_api.deliver(poison)
        await telegram_api.deliver(good)
        await eventually(lambda: kept(engine), [str(poison["update_id"]), str(good["update_id"])], patience=2)
        shown = await rows(engine, "SELECT kind, detail FROM attention")
        [line] = await rows(engine, "SELECT id FROM inbox WHERE message_id = :id", id=str(poison["update_id"]))
        assert [tuple(each) for each in shown] == [("message_not_handled", f"inbox:{line.id}")]
