"""The processes of the benchmark: starting them, talking to them, and the CPU seconds that they use."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil
import psycopg

from bench.tally import Order

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60.0
GRACE = 10.0


class Ended(RuntimeError):
    """A process has ended that should go on."""


class Child:
    """A `python -m` process; what it prints to standard error goes into a file of the folder."""

    def __init__(
        self, name: str, command: Sequence[str], folder: Path, environment: Mapping[str, str], *, talks: bool = False
    ) -> None:
        self.name = name
        self._log = folder / f"{name}.log"
        # Another working directory, so that a developer's .env is not read.
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=folder,
                env={**environment, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
                stdout=subprocess.PIPE if talks else log,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self._watched = psutil.Process(self._process.pid)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def cpu(self) -> float:
        """CPU seconds since it started."""
        self.check()
        times = self._watched.cpu_times()
        return float(times.user + times.system)

    def check(self) -> None:
        """Raise `Ended` if it has."""
        if (status := self._process.poll()) is not None:
            tail = "\n".join(self._log.read_text().splitlines()[-15:])
            raise Ended(f"{self.name} has ended with status {status}:\n{tail}")

    def order(self, order: Order) -> None:
        """Have a process that talks run a cell."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asdict(order)) + "\n")
        self._process.stdin.flush()

    def hear(self, event: str) -> Any:
        """Wait until it tells of this event; returns the event's content."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait(GRACE)
            self.check()
        told = json.loads(line)
        if told["event"] != event:
            raise Ended(f"{self.name} told {told['event']!r} where {event!r} was due")
        return told["content"]

    def stop(self) -> None:
        """End it, kindly first."""
        self._process.terminate()
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with suppress(OSError):
                    pipe.close()


class Postmaster:
    """The server behind a connection, if it runs on this machine: the CPU of all its processes together."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._process: Any = None
        with suppress(psutil.Error):
            backend = psutil.Process(connection.info.backend_pid)
            if "postgres" in backend.name():
                self._process = backend.parent()

    def cpu(self) -> float | None:
        """CPU seconds of the server and all its backends, the ended ones too; None where it cannot be seen."""
        if self._process is None:
            return None
        times = self._process.cpu_times()
        total = times.user + times.system + times.children_user + times.children_system
        for backend in self._process.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                own = backend.cpu_times()
                total += own.user + own.system
        return float(total)


def machine_cpu() -> float:
    """CPU seconds that the whole machine has been busy."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    return float(sum(times) - idle - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0))


def environment(**more: str) -> dict[str, str]:
    """This process's environment without any setting of the project, and with these."""
    # Their starts.
    names = "API_ CLAMD_ DATA_DIR DATABASE_ DELIVERY_ HOME_REGION HOST LOG_LEVEL PORT PUBLIC_URL TELEGRAM_ WHATSAPP_"
    return {name: value for name, value in os.environ.items() if not name.startswith(tuple(names.split()))} | more


def free_port() -> int:
    """A port of this machine that is free just now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for(url: str, *children: Child) -> None:
    """Wait until the address answers with 200."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for child in children:
            child.check()
        with suppress(OSError), urllib.request.urlopen(url, timeout=2):  # noqa: S310 (our own address)
            return
        time.sleep(0.2)
    raise Ended(f"{url} did not answer in {PATIENCE:.0f} seconds")
