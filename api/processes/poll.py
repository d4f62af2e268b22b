"""The poller: fetches Telegram's updates where no public address exists."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog

from api.house import open_house
from api.providers import introduce, telegram
from api.running import database, on_stop
from api.settings import Settings, SettingsWrong
from api.suggesting import Suggester
from api.webhooks.telegram import take_update
from bot.messages import TryLater, Undeliverable
from store.database import is_down

log = structlog.get_logger(__name__)


def run(settings: Settings) -> None:
    """Fetch Telegram's updates where no public address exists."""
    if settings.telegram_token is None or settings.telegram_mode != "polling":
        raise SettingsWrong("Polling needs TELEGRAM_TOKEN and TELEGRAM_MODE=polling.")
    with database(settings) as url, suppress(asyncio.CancelledError):
        asyncio.run(_until_stopped(settings, url))


async def _until_stopped(settings: Settings, url: str) -> None:
    polling = asyncio.create_task(_poll(settings, url))
    # Whatever it waits for: what is not committed is fetched again at the next start.
    on_stop(polling.cancel)
    await polling


async def _poll(settings: Settings, url: str) -> None:
    async with (
        open_house(settings, url, name="poll", suggester=Suggester.load()) as house,
        telegram(settings) as channel,
    ):
        await introduce(house, channel, None)
        offset: int | None = None
        while True:
            try:
                updates = await channel.poll(offset, 20.0)
                for update in updates:
                    await take_update(house, update, house.now())
                    await channel.stop_spinner(update)
                    # Only what is committed is acknowledged; the rest comes again.
                    offset = int(update["update_id"]) + 1
            except (TryLater, Undeliverable) as error:
                log.warning("telegram_not_reached", problem=error.reason)
                await asyncio.sleep(error.after if isinstance(error, TryLater) and error.after else 3.0)
            except Exception as error:
                if not is_down(error):
                    raise
                log.warning("store_down", kind=type(error).__name__)
                await asyncio.sleep(1.0)
