"""The conversation in a terminal, through the same spine and ledger as every channel."""

from __future__ import annotations

import asyncio
import sys
import uuid

from api import intake
from api.delivery import Speaker
from api.house import House, open_house
from api.running import database
from api.settings import Settings
from api.suggesting import Suggester
from bot.channels.terminal import Terminal


def run(settings: Settings) -> None:
    """Talk to the bot in this terminal."""
    with database(settings) as url:
        asyncio.run(_chat(settings, url))


async def _chat(settings: Settings, url: str) -> None:
    terminal = Terminal()
    async with open_house(settings, url, name="chat", suggester=Suggester.load()) as house:
        speaking = Speaker(house, {"terminal": terminal})
        running = asyncio.create_task(speaking.run())
        user, number = uuid.uuid4().hex[:12], 0
        print("Tulis laporan Anda; Ctrl-D untuk keluar. / Write your report; Ctrl-D to leave.")
        while line := await asyncio.to_thread(sys.stdin.readline):
            number += 1
            await intake.take(house, terminal.read(line.rstrip("\n"), user, number), {"text": line}, house.now())
            await _spoken(house)
        speaking.stop()
        await running


async def _spoken(house: House) -> None:
    """Wait until the reply is out, so that the next line is typed below it."""
    for _ in range(50):
        await asyncio.sleep(0.05)
        async with house.engine.connect() as connection:
            waiting = await connection.exec_driver_sql(
                "SELECT 1 FROM deliveries WHERE channel = 'terminal' AND sent_at IS NULL AND failed_at IS NULL LIMIT 1"
            )
            if waiting.one_or_none() is None:
                return
