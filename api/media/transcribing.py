"""Voice notes in words, where TRANSCRIBER names a function for it. None is shipped: docs/voice.md says why.

The words are kept with the file and given to the conversation as a message of its own, whose name in the inbox is
made of the file's: however often the job runs, the conversation hears them once.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread

import structlog

from api import intake
from api.house import House
from api.settings import SettingsWrong
from api.unit import unit
from bot.messages import Address, Incoming, clean
from store import media

log = structlog.get_logger(__name__)

# The words of a sound of that content type, in the speaker's language; None or "" where there are none to be heard.
# Called in a thread, for one note at a time. What it raises is tried again later, for three days at most.
Transcribe = Callable[[bytes, str], str | None]

LONGEST_SECONDS = 300.0


def load(name: str) -> Transcribe:
    """The function that TRANSCRIBER names, such as "package.module:function". Raises `SettingsWrong`."""
    module, _, function = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), function, None)
    except Exception as error:  # a module of somebody else's may raise anything while it is imported
        raise SettingsWrong(f"TRANSCRIBER names the module {module}, which fails: {type(error).__name__}.") from None
    if not callable(found):
        raise SettingsWrong(f"TRANSCRIBER names {function}, but the module {module} has no such function.")
    transcribe: Transcribe = found
    return transcribe


@dataclass(frozen=True, slots=True)
class Listener:
    """Hears voice notes with this function, each for so many seconds at most."""

    transcribe: Transcribe
    seconds: float = LONGEST_SECONDS

    async def listen(self, house: House, media_id: int) -> None:
        """Write a voice note down, unless that is done, and give its words to the conversation, once."""
        async with house.engine.connect() as connection:
            row = await media.get(connection, media_id)
            message = await media.message(connection, media_id)
        if row is None or row.state != "stored":
            return
        words = row.transcript
        if words is None:
            content = await asyncio.to_thread(house.shelf.get, row.sha256)
            try:
                words = clean(await self._hear(content, row.content_type) or "").strip()
            except TimeoutError:
                log.warning("voice_takes_too_long", media=media_id, size=row.size)
                return  # a second time it would take as long
            if not words:
                log.info("nothing_heard", media=media_id)
                return
            async with unit(house) as work:
                await media.transcribed(work.connection, media_id, words)
        if message is None:
            return  # it belongs to no chat any more: the words stand with the file
        await intake.take(
            house,
            Incoming(
                address=Address(message.channel, message.address),
                message_id=f"transcript:{media_id}",
                sequence=message.sequence or 0,
                text=words,
                transcribed=True,
            ),
            # The words stand with the file; the inbox need not have them twice.
            {"transcript": media_id},
            house.now(),
        )

    async def _hear(self, content: bytes, content_type: str) -> str | None:
        """Call the function in a thread that nobody waits for longer than the limit, not even when the process ends."""
        loop = asyncio.get_running_loop()
        heard: asyncio.Future[str | None] = loop.create_future()

        def settle(words: str | None, problem: Exception | None) -> None:
            if heard.done():
                return  # too late: nobody waits any more
            if problem is None:
                heard.set_result(words)
            else:
                heard.set_exception(problem)

        def run() -> None:
            words, problem = None, None
            try:
                words = self.transcribe(content, content_type)
            except Exception as error:
                # Its own words may tell what was said.
                problem = TranscriberFailed(type(error).__name__)
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(settle, words, problem)

        Thread(target=run, name="transcriber", daemon=True).start()
        async with asyncio.timeout(self.seconds):
            return await heard


class TranscriberFailed(Exception):
    """The plugged-in function raised an error of that kind."""
