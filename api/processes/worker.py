"""The worker process: slow jobs."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from api import jobs
from api.house import open_house
from api.providers import channels
from api.running import database
from api.settings import Settings


def run(settings: Settings) -> None:
    """Run the slow jobs."""
    with database(settings) as url:
        asyncio.run(_work(settings, url))


async def _work(settings: Settings, url: str) -> None:
    async with AsyncExitStack() as stack:
        house = await stack.enter_async_context(open_house(settings, url, name="worker"))
        tools = jobs.Tools(house, await channels(stack, settings))
        queue = await stack.enter_async_context(jobs.queue(house.url))
        await queue.run_worker_async(
            name="lapor",
            concurrency=4,
            fetch_job_polling_interval=2.0,
            shutdown_graceful_timeout=5.0,
            delete_jobs="successful",
            additional_context={"tools": tools},
        )
