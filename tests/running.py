"""Run the real processes for a journey: the web app over real HTTP, a speaker, a worker, all in this event loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

import httpx
import procrastinate
import psycopg
import uvicorn

from api import jobs
from api.app import build
from api.delivery import Speaker
from api.house import House, open_house
from api.providers import approved, channels
from api.settings import Settings


@dataclass(slots=True)
class Running:
    """A running house: its address, and a client with the API key."""

    address: str
    api: httpx.AsyncClient
    house: House = field(repr=False)


def free_port() -> int:
    """A port of this machine that is free just now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@asynccontextmanager
async def web(settings: Settings, url: str, port: int | None = None) -> AsyncIterator[tuple[str, House]]:
    """The web process on that port, else on one of its own; yields its address and its house."""
    port = port or free_port()
    settings = settings.model_copy(update={"port": port, "public_url": f"http://127.0.0.1:{port}"})
    app = build(settings, url)
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, timeout_graceful_shutdown=1)
    )
    serving = asyncio.create_task(server.serve())
    while not server.started:
        if serving.done():
            serving.result()
        await asyncio.sleep(0.01)
    try:
        yield settings.public_url, app.state.house
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def speaking(settings: Settings, url: str) -> AsyncIterator[Speaker]:
    """A speaker process."""
    async with AsyncExitStack() as stack:
        house = await stack.enter_async_context(open_house(settings, url, name="speaker"))
        speaker = Speaker(house, await channels(stack, settings), approved(settings))
        running = asyncio.create_task(speaker.run())
        try:
            yield speaker
        finally:
            speaker.stop()
            await running


@asynccontextmanager
async def working(settings: Settings, url: str) -> AsyncIterator[None]:
    """A worker process."""
    async with AsyncExitStack() as stack:
        house = await stack.enter_async_context(open_house(settings, url, name="worker"))
        tools = jobs.Tools(house, await channels(stack, settings))
        queue = await stack.enter_async_context(jobs.queue(house.url))

        async def work() -> None:
            while True:
                # The queue's own worker ends when the database goes away; as in the process, it begins again.
                with suppress(psycopg.Error, procrastinate.exceptions.ProcrastinateException):
                    await queue.run_worker_async(
                        install_signal_handlers=False,
                        additional_context={"tools": tools},
                        fetch_job_polling_interval=0.2,
                    )
                await asyncio.sleep(0.2)

        running = asyncio.create_task(work())
        try:
            yield
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


@asynccontextmanager
async def everything(settings: Settings, url: str) -> AsyncIterator[Running]:
    """Web, speaker and worker."""
    key = settings.api_keys.get_secret_value().partition(":")[2]
    async with (
        web(settings, url) as (address, house),
        speaking(settings, url),
        working(settings, url),
        httpx.AsyncClient(base_url=f"{address}/api/v1", headers={"X-API-Key": key}, timeout=10) as api,
    ):
        yield Running(address, api, house)
