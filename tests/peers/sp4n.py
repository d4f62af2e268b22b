"""The SP4N simulator on a loopback port, in the loop of a test, with faults to order and a look inside."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvicorn

from bridges.simulator.app import build
from bridges.simulator.clocks import Clocks
from bridges.simulator.faults import Faults
from bridges.simulator.reports import Report
from bridges.simulator.storage import Storage

TOKEN = "a-token-of-this-test"


class Clock:
    """The time, until somebody moves it."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        """Now."""
        return datetime.now(UTC) + self._ahead

    def pass_(self, by: timedelta) -> None:
        """Let time pass."""
        self._ahead += by


@dataclass(frozen=True, slots=True)
class Sp4n:
    """A running simulator. `do` does an officer's deed (bridges/simulator/statuses.py) without the page."""

    base_url: str
    token: str
    faults: Faults
    storage: Storage
    clock: Clock

    def reports(self) -> list[Report]:
        """All reports that it has taken, the oldest first, each with its log and files."""
        listed = self.storage.listed(newest_first=False)
        return [self.storage.by_token(each.token) for each in listed]

    @property
    def do(self) -> Callable[..., Report]:
        """`do(tracking_id, deed, words="", unit_id="")`."""
        return self.storage.do


@contextlib.asynccontextmanager
async def running(
    file: Path, *, clocks: Clocks | None = None, numbers_after: float = 0.0, auto: float | None = None
) -> AsyncIterator[Sp4n]:
    """Serve a simulator whose reports lie in `file`; the same file again, and they are still there."""
    faults, clock = Faults(), Clock()
    storage = Storage(file, clocks, numbers_after=numbers_after, now=clock)
    config = uvicorn.Config(
        build(storage, TOKEN, auto=auto, faults=faults),
        host="127.0.0.1",
        port=0,
        log_config=None,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started and not serving.done():  # noqa: ASYNC110 (uvicorn has no event for it)
        await asyncio.sleep(0.01)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Sp4n(f"http://127.0.0.1:{port}", TOKEN, faults, storage, clock)
    finally:
        server.should_exit = True
        await serving
