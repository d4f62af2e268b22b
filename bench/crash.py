"""Nothing is lost, nothing is filed twice, whoever dies: conversations while every process is killed again and again.

`python bench/crash.py` starts an embedded PostgreSQL of its own, the real web, speaker (two) and worker
processes, and a Bot API on loopback that redelivers webhooks as Telegram does. Citizens tell their
complaints while processes are killed with `kill -9` at random moments. In the end every promise is held
against the store; a broken one makes the exit status 1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "tests"))

import psycopg
from peers.bot_api import TOKEN

from api.running import prepare
from bench.crash_checks import Findings, check, what_waits
from bench.crash_citizens import Complainant, Conversation, Post, WatchedBotApi
from bench.crash_house import PROCESSES, House, free_port, kill_at_random
from store import embedded

SECRET = "secret-of-the-crash-bench"
# Whoever still waits for a receipt when the killing ends for lack of time, has so many seconds more.
GRACE = 60.0
# A worker is dead after 30 s, and its jobs are rescued at the next minute.
SETTLE = 150.0


class Bench:
    """One run: the options, the outside, the house."""

    def __init__(self, options: argparse.Namespace, folder: Path, stack: ExitStack) -> None:
        self.options = options
        self.folder = folder
        self.stack = stack
        self.told: list[Conversation] = []
        self.started = time.monotonic()
        self.talked = 0.0

    async def run(self, url: str) -> bool:
        """Let the citizens talk and the processes die, then tell what is left. Returns whether all is well."""
        dice = random.Random(self.options.seed)
        port = free_port(dice)
        address = f"http://127.0.0.1:{port}"
        environment = os.environ | {
            "DATABASE_URL": url,
            "DATA_DIR": str(self.folder),
            "PORT": str(port),
            "PUBLIC_URL": address,
            "API_KEYS": "bench:a-key-of-the-crash-bench",
            "TELEGRAM_TOKEN": TOKEN,
            "TELEGRAM_WEBHOOK_SECRET": SECRET,
            "TELEGRAM_MODE": "webhook",
            "LOG_LEVEL": "INFO",
        }
        async with WatchedBotApi(random.Random(dice.random())) as api:
            api.webhook = (f"{address}/webhooks/telegram", SECRET)
            post = Post(
                api,
                random.Random(dice.random()),
                doubled=self.options.doubled,
                disorder=self.options.disorder,
                limit=120.0,
            )
            house = House(self.folder, environment, api.open_door, self.stack)
            house.start()
            try:
                await self._wait_for_web(api)
                await self._talk(api, post, house, dice)
                self.talked = time.monotonic() - self.started
                await post.settle()
                await self._settle(url)
            finally:
                await house.stop()
            findings = check(url, self.folder, self.told, api, post, house)
            report(self, findings, api, post, house)
            return not findings.broken

    async def _wait_for_web(self, api: WatchedBotApi) -> None:
        """The web process introduces itself when it is ready."""
        await api.arrived["web#1"].wait()
        self.started = time.monotonic()

    async def _talk(self, api: WatchedBotApi, post: Post, house: House, dice: random.Random) -> None:
        """All conversations, some at a time, under fire."""
        at_once = asyncio.Semaphore(self.options.at_once)
        people = [
            Complainant(api, post, number, random.Random(dice.random())) for number in range(self.options.conversations)
        ]
        self.told = [each.told for each in people]

        async def converse(each: Complainant) -> None:
            async with at_once:
                await each.converse()

        talking = [asyncio.create_task(converse(each)) for each in people]
        mean = self.options.every * len(PROCESSES)
        killing = [
            asyncio.create_task(kill_at_random(house, api.at_work, name, random.Random(dice.random()), mean))
            for name in PROCESSES
        ]
        watching = asyncio.create_task(self._watch(house))
        try:
            _, late = await asyncio.wait(talking, timeout=self.options.limit)
            for task in killing:
                task.cancel()
            if late:
                self._say(house, f"no more killing; {len(late)} still wait")
                _, late = await asyncio.wait(late, timeout=GRACE)
            for task in late:
                task.cancel()
            for task in talking:
                with suppress(asyncio.CancelledError):
                    await task
        finally:
            for task in (*killing, watching):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def _watch(self, house: House) -> None:
        """Tell how far it has come; kill the postmaster at even distances, if that is wished."""
        kills, spoken = 0, 0.0
        while True:
            await asyncio.sleep(0.2)
            done = sum(each.done for each in self.told)
            if kills < self.options.postgres and done >= (kills + 1) * len(self.told) / (self.options.postgres + 1):
                kills += 1
                await house.kill_postgres()
            if time.monotonic() - spoken > 5:
                spoken = time.monotonic()
                self._say(house, f"{done} of {len(self.told)} conversations")

    async def _settle(self, url: str) -> None:
        """Wait until nothing waits."""
        deadline, spoken = time.monotonic() + SETTLE, 0.0
        while time.monotonic() < deadline:
            with suppress(psycopg.OperationalError):
                waits = await asyncio.to_thread(what_waits, url)
                if not any(waits.values()):
                    return
                if time.monotonic() - spoken > 10:
                    spoken = time.monotonic()
                    self._say(None, f"still to come: {waits}")
            await asyncio.sleep(0.5)

    def _say(self, house: House | None, words: str) -> None:
        kills = f", killed {dict(house.kills())}" if house else ""
        print(f"{time.monotonic() - self.started:6.1f} s  {words}{kills}", file=sys.stderr, flush=True)


def report(bench: Bench, findings: Findings, api: WatchedBotApi, post: Post, house: House) -> None:
    """Everything that was counted, then the promises."""
    waits = sorted(wait for each in bench.told for wait in each.waits)
    killed = [life for life in house.lives if life.killed and life.ended]
    ages = [life.ended - life.started for life in killed if life.ended]
    counts = {
        "seed": bench.options.seed,
        "time": f"{bench.talked:.0f} s of talking under fire, {time.monotonic() - bench.started:.0f} s in all",
        "kinds of conversations": dict(Counter(each.kind for each in bench.told)),
        "kills": f"{len(killed)}: {dict(house.kills())}",
        "  median life before": f"{statistics.median(ages):.1f} s" if ages else "-",
        "  of lives that had called the Bot API": sum(api.arrived[life.door].is_set() for life in killed),
        "  of PostgreSQL": len(house.postgres_kills),
        "processes that ended by themselves": dict(
            Counter(f"{life.process}, status {life.status}" for life in house.ended_alone())
        ),
        "posts to the webhook": post.attempts.total(),
        "  again after a failure": f"{post.failures.total()}: {dict(post.failures)}",
        "  doubled on purpose": post.doubled,
        **findings.counts,
        "wait for a reply": (
            ", ".join(
                f"{name} {waits[int((len(waits) - 1) * share)]:.1f} s"
                for name, share in (("median", 0.5), ("p95", 0.95), ("longest", 1.0))
            )
            if waits
            else "-"
        ),
        "what the processes logged": dict(logged(bench.folder).most_common()),
    }
    for name, value in counts.items():
        print(f"{name}: {value}")
    for promise, problems in findings.broken.items():
        print(f"\nBROKEN  {promise}: {len(problems)}")
        for problem in problems[:10]:
            print(f"        {problem}")
    print(f"\n{len(findings.broken)} promises were broken" if findings.broken else "\nevery promise was kept")


def logged(folder: Path) -> Counter[str]:
    """What all processes logged, by name."""
    found: Counter[str] = Counter()
    for name in PROCESSES:
        for line in (folder / f"{name}.log").read_text(errors="replace").splitlines():
            if line.startswith("{"):
                with suppress(ValueError):
                    found[f"{name.split('-')[0]}: {json.loads(line).get('event')}"] += 1
            elif line.startswith("Traceback"):
                found[f"{name.split('-')[0]}: traceback"] += 1
    return found


def main() -> int:
    """Run; the exit status is 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--conversations", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=20, help="conversations at a time")
    parser.add_argument(
        "--every",
        type=float,
        default=1.0,
        help="seconds between two kills, on average",
    )
    parser.add_argument("--postgres", type=int, default=0, help="how often the postmaster is killed too")
    parser.add_argument("--doubled", type=float, default=0.08, help="share of updates that come twice, or again later")
    parser.add_argument(
        "--disorder",
        type=float,
        default=0.0,
        help="share of updates that do not wait for the one before, as Telegram's do",
    )
    parser.add_argument("--limit", type=float, default=200.0, help="seconds after which the killing ends in any case")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--keep", action="store_true", help="keep the folder with database and logs")
    options = parser.parse_args()
    # What is logged there is that a client was killed in the middle of its request.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    folder = Path(tempfile.mkdtemp(prefix="lapor-crash-"))
    folder.chmod(0o755)  # as root, the embedded server runs as a user of its own
    well = False
    try:
        with ExitStack() as stack:
            url = stack.enter_context(embedded.serve(folder))
            prepare(url)
            well = asyncio.run(Bench(options, folder, stack).run(url))
    finally:
        if well and not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"database and logs are kept in {folder}", file=sys.stderr)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
