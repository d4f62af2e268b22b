"""The worker process: slow jobs."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress

import procrastinate
import psycopg
import structlog

from api import jobs
from api.house import open_house
from api.media.transcribing import Listener, load
from api.providers import channels
from api.queue import BRIDGES
from api.running import database, on_stop
from api.settings import Settings
from api.suggesting import Suggester

log = structlog.get_logger(__name__)


def run(settings: Settings) -> None:
    """Run the slow jobs. Raises `SettingsWrong` where TRANSCRIBER names nothing that can be called."""
    listener = Listener(load(settings.transcriber)) if settings.transcriber else None
    with database(settings) as url:
        asyncio.run(_work(settings, url, listener))


async def _work(settings: Settings, url: str, listener: Listener | None) -> None:
    async with AsyncExitStack() as stack:
        # What is heard becomes a turn of its conversation, and a turn reads texts: large, so only where it is needed.
        suggester = Suggester.load() if listener else None
        house = await stack.enter_async_context(open_house(settings, url, name="worker", suggester=suggester))
        tools = jobs.Tools(house, await channels(stack, settings), listener)
        stopped = asyncio.Event()
        on_stop(stopped.set)
        while not stopped.is_set():
            # The queue's own worker ends when the database goes away; ours begins again.
            try:
                await _run(house.url, tools, stopped)
            except (psycopg.Error, procrastinate.exceptions.ProcrastinateException) as error:
                log.warning("worker_waits_for_database", kind=type(error).__name__)
            with suppress(TimeoutError):
                await asyncio.wait_for(stopped.wait(), 1.0)


async def _run(url: str, tools: jobs.Tools, stopped: asyncio.Event) -> None:
    """Work until asked to stop: on what waits for other systems beside all else, and where there is a listener on voice
    notes, one at a time."""
    async with jobs.queue(url) as queue:
        await jobs.check_channels_now()
        working = [_start(queue, tools, "default", at_once=4), _start(queue, tools, BRIDGES, at_once=4)]
        if tools.listener is not None:
            working.append(_start(queue, tools, jobs.VOICE, at_once=1))
        stopping = asyncio.create_task(stopped.wait())
        await asyncio.wait({*working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        for each in working:
            if not each.done():
                each.cancel()  # lets what runs finish, within the grace
        ended = await asyncio.gather(*working, return_exceptions=True)
    for problem in ended:
        if isinstance(problem, Exception):
            raise problem


def _start(queue: procrastinate.App, tools: jobs.Tools, name: str, *, at_once: int) -> asyncio.Task[None]:
    working = queue.run_worker_async(
        name="lapor",
        queues=[name],
        concurrency=at_once,
        fetch_job_polling_interval=2.0,
        shutdown_graceful_timeout=5.0,
        delete_jobs="successful",
        additional_context={"tools": tools},
        install_signal_handlers=False,
    )
    return asyncio.create_task(working)
