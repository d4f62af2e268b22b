"""Turns per second, from a webhook to the reply at the provider's API, beside what bounds and what rivals them.

`python -m bench.turns` runs, one after the other on one machine and one PostgreSQL server:

- system: `python -m api web`, `speaker` and `worker`, as they run anywhere, on Telegram; `--channel telegram whatsapp`
  opens both channels and measures each cell on the one and then on the other;
- handler bot: a `ConversationHandler` bot with its state in memory (`bench.handler_bot`), updates one after the
  other as python-telegram-bot documents it; with `--only "handler bot at once"` each in its own request, which
  ConversationHandler does not support, and which loses its way;
- floor: the rows of a turn through bare psycopg, without HTTP and Telegram (`bench.floor`).

The first two talk to the same citizens and the same provider (`bench.citizens`), so many at a time. Each files one
complaint in four turns and waits for every reply; then somebody new comes. On the slow disk every commit waits 3 ms
more (`commit_delay`). After each cell the tickets in the database are held against the receipts that were read.

The server is the embedded one, in a temporary folder, with fsync; DATABASE_URL names another, on which databases
are created and dropped again; its disk is not slowed, as that is a setting of the whole server.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from api.running import prepare
from bench import handler_bot
from bench.processes import Child, Postmaster, environment, free_port, machine_cpu, wait_for
from bench.tally import Order, Result
from bench.wires import PHONE_ID
from store import embedded
from store.database import libpq_url

TOKEN = "123456:BENCH-token"
CHANNELS = ("telegram", "whatsapp")
NO_CHANNEL = "–"
SYSTEMS = ("system", "handler bot", "handler bot at once", "floor")
BY_DEFAULT = ("system", "handler bot", "floor")
FLOOR_CONNECTIONS = 50
SETTLE_SECONDS = 1.0
SLOW_DISK = {"commit_delay": "3000", "commit_siblings": "0"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One line of the table: what was measured, and what came of it. CPU in seconds, by process.

    `unknown` are receipts whose ticket is not in the database, `silent` tickets that no citizen was told,
    `unmarked` deliveries that the ledger does not know to be sent.
    """

    system: str
    channel: str
    disk: str
    citizens: int
    think: float
    seconds: float
    result: Result
    cpu: dict[str, float | None]
    others_cpu: float
    unknown: int
    silent: int
    unmarked: int

    @property
    def turns_per_second(self) -> float:
        """How fast it went."""
        return self.result.turns / self.seconds

    def cpu_per_turn(self, process: str) -> float | None:
        """CPU milliseconds of a process for one turn; None where it did not run or cannot be seen."""
        used = self.cpu.get(process)
        return None if used is None or not self.result.turns else used * 1000 / self.result.turns

    @property
    def problems(self) -> list[str]:
        """What should not have happened, in words."""
        counts = {
            "messages lost": self.result.lost,
            "replies doubled": self.result.doubled,
            "conversations astray": self.result.astray,
            "requests repeated": self.result.refused,
            "receipts unknown to the database": self.unknown,
            "complaints without a receipt": self.silent,
            "deliveries not marked as sent": self.unmarked,
        }
        return [f"{count} {name}" for name, count in counts.items() if count]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run measures."""

    systems: Sequence[str]
    channels: Sequence[str]
    citizens: Sequence[int]
    slow_citizens: Sequence[int]
    thinks: Sequence[float]
    seconds: float
    warmup: float

    def cells(self, system: str, *, slow_disk: bool) -> list[tuple[str, str, int, float]]:
        """Channel, disk, citizens and think time of every cell of a system. The unsupported bot and the floor are
        measured without think time, the floor with its connections for citizens: neither says more elsewhere."""
        if system == "floor":
            return [(NO_CHANNEL, disk, FLOOR_CONNECTIONS, 0.0) for disk in ("fast", *(["slow"] if slow_disk else []))]
        thinks = self.thinks if system in BY_DEFAULT else [0.0]
        cells = [("fast", citizens, think) for think, citizens in product(thinks, self.citizens)]
        if slow_disk:
            cells += [("slow", citizens, 0.0) for citizens in self.slow_citizens]
        return [(channel, *cell) for cell in cells for channel in self.channels_of(system)]

    def channels_of(self, system: str) -> Sequence[str]:
        """The channels on which a system is measured: its rivals know Telegram alone, the floor none."""
        return self.channels if system == "system" else (NO_CHANNEL,) if system == "floor" else CHANNELS[:1]


# --- the server ------------------------------------------------------------------------------------


@dataclass(slots=True)
class Server:
    """The PostgreSQL server of a run; `own` if it is the embedded one, whose settings may be changed."""

    url: str
    own: bool
    admin: psycopg.Connection[Any]
    postmaster: Postmaster

    @contextmanager
    def database(self, kind: str) -> Iterator[str]:
        """A fresh database, for as long as the context lasts."""
        name = f"bench_{kind}_{secrets.token_hex(4)}"
        self.admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield make_url(self.url).set(database=name).render_as_string(hide_password=False)
        finally:
            self.admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def set_disk(self, disk: str) -> None:
        """Make commits wait, or no longer."""
        if not self.own:
            return
        for name, value in SLOW_DISK.items():
            if disk == "slow":
                self.admin.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))
            else:
                self.admin.execute(sql.SQL("ALTER SYSTEM RESET {}").format(sql.Identifier(name)))
        self.admin.execute("SELECT pg_reload_conf()")
        # The backends take the new settings up at their next statement.
        time.sleep(0.3)

    def describe(self) -> dict[str, str]:
        """What decides about the figures."""
        names = ("server_version", "fsync", "synchronous_commit", "shared_buffers", "wal_sync_method")
        return {name: str(_scalar(self.admin, f"SHOW {name}")) for name in names}


@contextmanager
def serve(folder: Path) -> Iterator[Server]:
    """The server of DATABASE_URL, or the embedded one in `folder`."""
    named = os.environ.get("DATABASE_URL")
    with ExitStack() as stack:
        url = libpq_url(named) if named else stack.enter_context(embedded.serve(folder))
        admin = stack.enter_context(psycopg.connect(url, autocommit=True))
        server = Server(url, not named, admin, Postmaster(admin))
        stack.callback(server.set_disk, "fast")
        yield server


def _scalar(connection: psycopg.Connection[Any], query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


# --- what is measured ------------------------------------------------------------------------------


@dataclass(slots=True)
class Subject:
    """Something that takes orders: who drives it, which processes it is, where its tickets and messages lie."""

    driver: Child
    processes: dict[str, Child]
    database: str
    tickets: str
    waiting: str | None = None
    port: int = 0
    paths: dict[str, str] = field(default_factory=dict)
    receipts: set[str] = field(default_factory=set)
    receipts_read: int = 0

    def order(self, channel: str, citizens: int, think: float, warmup: float, seconds: float) -> Order:
        """An order for its driver: to that channel's webhook, if it has channels."""
        if channel not in self.paths:
            return Order(citizens, think, warmup, seconds)
        return Order(citizens, think, warmup, seconds, self.port, self.paths[channel], channel)


@contextmanager
def stopping(*children: Child) -> Iterator[None]:
    """End the processes at the end, the last first."""
    try:
        yield
    finally:
        for child in reversed(children):
            child.stop()


@dataclass(frozen=True, slots=True)
class Bench:
    """What all subjects share."""

    server: Server
    folder: Path
    citizens: Child
    api_port: int
    secret: str
    channels: Sequence[str]

    @property
    def base_url(self) -> str:
        """The address of the provider's API."""
        return f"http://127.0.0.1:{self.api_port}"

    @contextmanager
    def system(self) -> Iterator[Subject]:
        """The system under test: three processes."""
        port = free_port()
        with ExitStack() as stack:
            url = stack.enter_context(self.server.database("system"))
            prepare(url)
            settings = environment(
                DATABASE_URL=url,
                DATA_DIR=str(self.folder / "data"),
                API_KEYS=f"bench:{secrets.token_urlsafe(24)}",
                PORT=str(port),
                PUBLIC_URL=f"http://127.0.0.1:{port}",
                LOG_LEVEL="WARNING",
                **self._settings_of_channels(),
            )
            processes = {}
            for name in ("web", "speaker", "worker"):
                processes[name] = Child(name, ["api", name], self.folder, settings)
                stack.enter_context(stopping(processes[name]))
            wait_for(f"http://127.0.0.1:{port}/readyz", *processes.values())
            yield Subject(
                self.citizens,
                processes,
                url,
                tickets="SELECT ticket FROM complaints",
                waiting="SELECT count(*) FROM deliveries WHERE sent_at IS NULL",
                port=port,
                paths={channel: f"/webhooks/{channel}" for channel in self.channels},
            )

    def _settings_of_channels(self) -> dict[str, str]:
        settings = {
            "telegram": {
                "TELEGRAM_TOKEN": TOKEN,
                "TELEGRAM_BASE_URL": self.base_url,
                "TELEGRAM_WEBHOOK_SECRET": self.secret,
            },
            "whatsapp": {
                "WHATSAPP_TOKEN": TOKEN,
                "WHATSAPP_BASE_URL": self.base_url,
                "WHATSAPP_PHONE_NUMBER_ID": PHONE_ID,
                "WHATSAPP_APP_SECRET": self.secret,
                "WHATSAPP_VERIFY_TOKEN": self.secret,
            },
        }
        return {name: value for channel in self.channels for name, value in settings[channel].items()}

    @contextmanager
    def handler_bot(self, *flags: str) -> Iterator[Subject]:
        """The bot that people would write instead: one process."""
        port = free_port()
        with self.server.database("handler_bot") as url:
            options = {
                "--database": url,
                "--base-url": self.base_url,
                "--token": TOKEN,
                "--secret": self.secret,
                "--port": str(port),
            }
            command = ["bench.handler_bot", *(word for option in options.items() for word in option), *flags]
            bot = Child("bot", command, self.folder, environment())
            with stopping(bot):
                wait_for(f"http://127.0.0.1:{port}/healthz", bot)
                yield Subject(
                    self.citizens,
                    {"web": bot},
                    url,
                    tickets="SELECT ticket FROM reports",
                    port=port,
                    paths={"telegram": handler_bot.PATH},
                )

    @contextmanager
    def floor(self) -> Iterator[Subject]:
        """The floor: one process, which orders itself."""
        with self.server.database("floor") as url:
            prepare(url)
            loop = Child("floor", ["bench.floor", "--database", url], self.folder, environment(), talks=True)
            with stopping(loop):
                yield Subject(
                    loop,
                    {"web": loop},
                    url,
                    tickets="SELECT ticket FROM complaints",
                    waiting="SELECT count(*) FROM deliveries WHERE sent_at IS NULL",
                )

    def subject(self, system: str) -> Callable[[], Any]:
        """What starts the subject of that name."""
        return {
            "system": self.system,
            "handler bot": self.handler_bot,
            "handler bot at once": lambda: self.handler_bot("--at-once"),
            "floor": self.floor,
        }[system]

    def measure(self, system: str, subject: Subject, disk: str, order: Order) -> Cell:
        """Run one cell, and hold the database against what the citizens were told."""
        self.server.set_disk(disk)
        subject.driver.order(order)
        subject.driver.hear("measuring")
        began, before, busy = time.monotonic(), self._cpu(subject), machine_cpu()
        subject.driver.hear("measured")
        seconds, after, busy = time.monotonic() - began, self._cpu(subject), machine_cpu() - busy
        result = Result(**subject.driver.hear("done"))
        used = {name: _difference(after[name], before[name]) for name in after}
        others = busy - sum(value or 0.0 for value in used.values())
        checked = self._check(subject, result)
        where = order.channel if order.path != "/" else NO_CHANNEL
        return Cell(system, where, disk, order.citizens, order.think, seconds, result, used, others, *checked)

    def _cpu(self, subject: Subject) -> dict[str, float | None]:
        used: dict[str, float | None] = {name: child.cpu() for name, child in subject.processes.items()}
        used["postgres"] = self.server.postmaster.cpu()
        if subject.driver is self.citizens:
            used["load"] = self.citizens.cpu()
        return used

    def _check(self, subject: Subject, result: Result) -> tuple[int, int, int]:
        subject.receipts.update(result.receipts)
        subject.receipts_read += len(result.receipts)
        with psycopg.connect(subject.database) as connection:
            filed = {row[0] for row in connection.execute(subject.tickets.encode())}
            unmarked = _scalar(connection, subject.waiting) if subject.waiting else 0
        told_twice = subject.receipts_read - len(subject.receipts)
        return len(subject.receipts - filed) + told_twice, len(filed - subject.receipts), unmarked


def _difference(after: float | None, before: float | None) -> float | None:
    return None if after is None or before is None else round(after - before, 3)


def note(words: str) -> None:
    """Tell how far we are."""
    print(words, file=sys.stderr, flush=True)


def run(plan: Plan) -> tuple[list[Cell], dict[str, str]]:
    """Measure everything in the plan; returns the cells and what the machine is."""
    cells = []
    with tempfile.TemporaryDirectory(prefix="lapor-bench-", ignore_cleanup_errors=True) as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)  # as root, the embedded server runs as another user
        server = stack.enter_context(serve(folder))
        secret = secrets.token_urlsafe(16)
        citizens = Child("citizens", ["bench.citizens", "--secret", secret], folder, environment(), talks=True)
        stack.enter_context(stopping(citizens))
        bench = Bench(server, folder, citizens, citizens.hear("port"), secret, plan.channels)
        machine = {
            "cores": str(psutil.cpu_count()),
            "platform": platform.platform(),
            "python": platform.python_version(),
            "python-telegram-bot": version("python-telegram-bot"),
            "postgresql": ", ".join(f"{name} {value}" for name, value in server.describe().items()),
        }
        for system in plan.systems:
            with bench.subject(system)() as subject:
                pids = ", ".join(f"{name} {child.pid}" for name, child in subject.processes.items())
                note(f"{system} (pids: {pids})")
                # Caches filled and statements prepared, once for all cells.
                for channel in plan.channels_of(system):
                    bench.measure(system, subject, "fast", subject.order(channel, 4, 0.0, 0.5, 1.5))
                for channel, disk, people, think in plan.cells(system, slow_disk=server.own):
                    order = subject.order(channel, people, think, plan.warmup, plan.seconds)
                    cells.append(bench.measure(system, subject, disk, order))
                    note("    " + _progress(cells[-1]))
                    time.sleep(SETTLE_SECONDS)
                server.set_disk("fast")
    return cells, machine


def _progress(cell: Cell) -> str:
    where = f"{cell.channel}, {cell.disk} disk, {cell.citizens} citizens, think {cell.think}"
    words = f"{where}: {cell.turns_per_second:.1f} turns/s"
    return "; ".join([words, *cell.problems])


# --- what is printed -------------------------------------------------------------------------------

PROCESSES = ("web", "speaker", "worker", "postgres", "load")


def tables(cells: Sequence[Cell], machine: dict[str, str]) -> str:
    """The figures as plain text."""
    speed = [
        [
            *_name(cell),
            f"{cell.turns_per_second:.1f}",
            f"{cell.result.complaints / cell.seconds:.1f}",
            f"{cell.result.receipt_turns / len(cell.result.receipts):.2f}" if cell.result.receipts else "–",
            *(f"{value:.1f}" for value in (cell.result.p50, cell.result.p95, cell.result.p99)),
            str(cell.result.lost),
            str(cell.result.doubled),
            str(cell.unknown + cell.silent),
        ]
        for cell in cells
    ]
    titles = [
        "",
        "channel",
        "disk",
        "citizens",
        "think s",
        "turns/s",
        "compl./s",
        "turns/compl.",
        "p50 ms",
        "p95 ms",
        "p99 ms",
    ]
    cpu = []
    for cell in cells:
        seen = [cell.cpu_per_turn(name) for name in PROCESSES[:-1]]
        total = sum(value for value in seen if value is not None)
        cpu.append([*_name(cell), *(_cpu(cell, name) for name in PROCESSES), f"{total:.2f}", f"{cell.others_cpu:.1f}"])
    lines = [
        *(f"{name}: {value}" for name, value in machine.items()),
        "",
        "From the POST to the webhook to the reply at the provider's API (floor: one transaction). lost: replies",
        "missing; doubled: replies that nobody waited for; differ: tickets in the database against receipts read.",
        "",
        *_aligned([*titles, "lost", "doubled", "differ"], speed),
        "",
        "CPU seconds in the measured time, and (CPU milliseconds a turn). web: also the bot, and the floor's loop;",
        "load: citizens and provider; total: ms a turn without the load; others: CPU seconds of everything else.",
        "",
        *_aligned(["", "channel", "disk", "citizens", "think s", *PROCESSES, "total ms", "others s"], cpu),
    ]
    if beside := _beside(cells):
        lines += ["", "WhatsApp as a share of Telegram in the same run, cell by cell:", "", *beside]
    problems = [f"{cell.system}: {_progress(cell)}" for cell in cells if cell.problems]
    verdict = (
        ["PROBLEMS", *problems]
        if problems
        else ["No reply is missing or doubled, and every complaint has its receipt."]
    )
    return "\n".join([*lines, "", *verdict])


def _beside(cells: Sequence[Cell]) -> list[str]:
    """How the second channel did where the first did the same."""
    ours = [cell for cell in cells if cell.system == "system"]
    measured = {(cell.channel, cell.disk, cell.citizens, cell.think): cell for cell in ours}
    rows = []
    for cell in ours:
        other = measured.get(("whatsapp", cell.disk, cell.citizens, cell.think))
        if cell.channel == "telegram" and other is not None and cell.turns_per_second and cell.result.p50:
            faster = other.turns_per_second / cell.turns_per_second
            rows.append([*_name(cell)[2:], f"{faster:.2f}", f"{other.result.p50 / cell.result.p50:.2f}"])
    return _aligned(["disk", "citizens", "think s", "turns/s", "p50"], rows) if rows else []


def _name(cell: Cell) -> list[str]:
    return [cell.system, cell.channel, cell.disk, str(cell.citizens), f"{cell.think:g}"]


def _cpu(cell: Cell, process: str) -> str:
    used, each = cell.cpu.get(process), cell.cpu_per_turn(process)
    if used is None:
        return "–"
    return f"{used:.2f} ({each:.2f})" if each is not None else f"{used:.2f}"


def _aligned(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in (titles, *rows)) for column in range(len(titles))]
    return [
        "  ".join(
            cell.ljust(width) if column < 3 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (titles, *rows)
    ]


def _as_json(cells: Sequence[Cell], machine: dict[str, str]) -> str:
    plain = []
    for cell in cells:
        content = asdict(cell)
        content["result"]["receipts"] = len(cell.result.receipts)
        plain.append(content | {"turns_per_second": round(cell.turns_per_second, 2)})
    return json.dumps({"machine": machine, "cells": plain}, indent=1)


def main() -> int:
    """Run the benchmark; returns 1 where something was lost, doubled or not told."""
    parser = argparse.ArgumentParser(prog="python -m bench.turns", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=12.0, help="measured time of a cell (default: 12)")
    parser.add_argument("--warmup", type=float, default=3.0, help="time before it that is left out (default: 3)")
    parser.add_argument("--citizens", type=int, nargs="+", default=[1, 50, 200], metavar="N")
    parser.add_argument("--slow-citizens", type=int, nargs="*", default=[50, 200], metavar="N", help="on a slow disk")
    parser.add_argument("--think", type=float, nargs="+", default=[0.0, 0.7], metavar="S", help="think times, seconds")
    parser.add_argument(
        "--only", nargs="+", default=list(BY_DEFAULT), choices=SYSTEMS, metavar="NAME", help=", ".join(SYSTEMS)
    )
    parser.add_argument(
        "--channel", nargs="+", default=["telegram"], choices=CHANNELS, metavar="NAME", help=", ".join(CHANNELS)
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there as well")
    options = parser.parse_args()
    plan = Plan(
        systems=options.only,
        channels=list(dict.fromkeys(options.channel)),
        citizens=options.citizens,
        slow_citizens=options.slow_citizens,
        thinks=options.think,
        seconds=options.seconds,
        warmup=options.warmup,
    )
    cells, machine = run(plan)
    print(tables(cells, machine))
    if options.json:
        options.json.write_text(_as_json(cells, machine))
    return 1 if any(cell.problems for cell in cells) else 0


if __name__ == "__main__":
    sys.exit(main())
