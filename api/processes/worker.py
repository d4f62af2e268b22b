"""The worker process: slow jobs."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress

import procrastinate
import psycopg
import structlog

from api import jobs
from api.house import open_house
from api.providers import channels
from api.running import database, on_stop
from api.settings import Settings

log = structlog.get_logger(__name__)


def run(settings: Settings) -> None:
    """Run the slow jobs."""
    with database(settings) as url:
        asyncio.run(_work(settings, url))


async def _work(settings: Settings, url: str) -> None:
    async with AsyncExitStack() as stack:
        house = await stack.enter_async_context(open_house(settings, url, name="worker"))
        tools = jobs.Tools(house, await channels(stack, settings))
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
    async with jobs.queue(url) as queue:
        running = asyncio.create_task(
            queue.run_worker_async(
                name="lapor",
                concurrency=4,
                fetch_job_polling_interval=2.0,
                shutdown_graceful_timeout=5.0,
                delete_jobs="successful",
                additional_context={"tools": tools},
                install_signal_handlers=False,
            )
        )
        stopping = asyncio.create_task(stopped.wait())
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not running.done():
            running.cancel()  # lets what runs finish, within the grace
        with suppress(asyncio.CancelledError):
            await running
