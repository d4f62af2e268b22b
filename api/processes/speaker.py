"""The speaker process: sends what is to be said."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from api.delivery import Speaker
from api.house import open_house
from api.providers import approved, channels
from api.running import database, on_stop
from api.settings import Settings


def run(settings: Settings) -> None:
    """Speak what the ledger holds."""
    with database(settings) as url:
        asyncio.run(_speak(settings, url))


async def _speak(settings: Settings, url: str) -> None:
    async with AsyncExitStack() as stack:
        house = await stack.enter_async_context(open_house(settings, url, name="speaker"))
        speaking = Speaker(house, await channels(stack, settings), approved(settings))
        on_stop(speaking.stop)
        await speaking.run()
