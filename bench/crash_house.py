"""The house under attack: an embedded PostgreSQL, the real processes as children, and whoever kills them."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from store import embedded

ROOT = Path(__file__).resolve().parents[1]
PROCESSES = ("web", "speaker-1", "speaker-2", "worker")
# Below the range from which the kernel draws ports: whoever knocks at a closed port of that range may,
# with bad luck, be connected to himself.
PORTS = range(21_000, 30_000)
# So many of the kills wait until their victim is seen at work, if it is within IDLE seconds, and strike
# within WORK seconds after that; the others may meet a process that sleeps, or has not even started.
AIMED, IDLE, WORK = 0.5, 8.0, 0.12
# A process that ends by itself, though nobody killed it, is started again after this pause.
PAUSE = 0.5


def free_port(dice: random.Random) -> int:
    """A port of this machine that is free just now."""
    for port in dice.sample(PORTS, 50):
        with socket.socket() as found:
            try:
                found.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")


@dataclass(slots=True)
class Life:
    """One life of one process: `door` names it at the Bot API, `ended` is None while it lives."""

    process: str
    door: str
    started: float
    ended: float | None = None
    killed: bool = False
    status: int | None = None


class House:
    """Keeps the processes running whatever happens. `open_door` gives each life a Bot API address of its own."""

    def __init__(
        self, folder: Path, environment: dict[str, str], open_door: Callable[[str], Awaitable[str]], stack: ExitStack
    ) -> None:
        self.lives: list[Life] = []
        self.postgres_kills: list[float] = []
        self.folder = folder
        self._environment = environment
        self._open_door = open_door
        self._stack = stack
        self._running: dict[str, tuple[asyncio.subprocess.Process, Life]] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._stopping = False

    def start(self) -> None:
        """Start all processes."""
        self._keepers = [asyncio.create_task(self._keep(name)) for name in PROCESSES]

    async def stop(self) -> None:
        """End all processes, first kindly."""
        self._stopping = True
        for process, _ in self._running.values():
            if process.returncode is None:
                process.terminate()
        _, late = await asyncio.wait(self._keepers, timeout=8) if self._keepers else (set(), set())
        for process, _ in self._running.values():
            if process.returncode is None:
                process.kill()
        if late:
            await asyncio.wait(late, timeout=5)

    def kill(self, name: str) -> bool:
        """`kill -9` a process; False if it is just between two lives."""
        running = self._running.get(name)
        if running is None or running[0].returncode is not None or running[1].killed:
            return False
        process, life = running
        life.killed, life.ended = True, time.monotonic()
        process.kill()
        return True

    async def kill_postgres(self) -> None:
        """`kill -9` the postmaster, and start it again at once."""
        pid = int((self.folder / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0])
        self.postgres_kills.append(time.monotonic())
        os.kill(pid, signal.SIGKILL)
        await asyncio.to_thread(self._stack.enter_context, embedded.serve(self.folder))

    def kills(self) -> Counter[str]:
        """How often each process was killed."""
        return Counter(life.process for life in self.lives if life.killed)

    def ended_alone(self) -> list[Life]:
        """The lives that ended though nobody killed them."""
        return [life for life in self.lives if life.ended is not None and not life.killed]

    async def _keep(self, name: str) -> None:
        """Start a process, again and again."""
        number = 0
        while not self._stopping:
            number += 1
            door = f"{name}#{number}"
            base_url = await self._open_door(door)
            with (self.folder / f"{name}.log").open("ab") as log:
                process = await self._spawn(name, base_url, log)
            life = Life(name, door, time.monotonic())
            self.lives.append(life)
            self._running[name] = (process, life)
            if self._stopping:  # it was told so while this one was being born
                process.terminate()
            life.status = await process.wait()
            if not life.killed and not self._stopping:
                life.ended = time.monotonic()
                await asyncio.sleep(PAUSE)

    async def _spawn(self, name: str, base_url: str, log: IO[bytes]) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "api",
            name.split("-")[0],
            # Not in the project's folder, whose .env is none of our business.
            cwd=self.folder,
            env=self._environment | {"TELEGRAM_BASE_URL": base_url, "PYTHONPATH": str(ROOT)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


async def kill_at_random(
    house: House, at_work: Callable[[str], Awaitable[None]], name: str, dice: random.Random, mean: float
) -> None:
    """Kill one process again and again until cancelled: mostly in the middle of its work, else wherever it is."""
    while True:
        await asyncio.sleep(dice.expovariate(1 / mean))
        if dice.random() < AIMED:
            with suppress(TimeoutError):
                async with asyncio.timeout(IDLE):
                    await at_work(name)
                    await asyncio.sleep(dice.uniform(0, WORK))
        house.kill(name)
