"""Many reports on their way into a SP4N that cuts, hangs, stammers and answers late, by a worker that is killed: each
is there once at most, and none is forgotten. LAPOR_HANDOVERS says how many (60; measured with 500)."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from making import contact, rows, run, value
from peers import sp4n as peer
from peers.sp4n import Sp4n

from api.elsewhere import handover
from api.house import House, open_house
from api.settings import Settings
from api.unit import unit
from bridges.simulator.faults import Fault
from store import complaints, contacts
from store.complaints import Actor, NewComplaint

ROOT = Path(__file__).resolve().parents[2]
MANY = int(os.environ.get("LAPOR_HANDOVERS", "60"))
SEED = 7
# How long we wait for an answer, and how long a late one takes (seconds).
PATIENCE, LATE = 1.0, 2.0
FAULTS: tuple[tuple[Fault | None, int], ...] = (
    (None, 40),
    (Fault(wait=0.3), 6),  # slow
    (Fault(taken=True, wait=LATE), 6),  # takes it, and answers when nobody listens any more
    (Fault(wait=LATE), 4),
    (Fault(taken=True, cut=True), 10),
    (Fault(cut=True), 6),
    (Fault(taken=True, status=500), 6),
    (Fault(status=500), 4),
    (Fault(taken=True, html=True), 4),
    (Fault(html=True), 4),
    (Fault(status=429, headers={"retry-after": "1"}), 6),
    (Fault(status=422), 4),
)


@pytest.fixture
async def house(settings: Settings, database: str) -> AsyncIterator[House]:
    """A house without a classifier: nothing is read here."""
    async with open_house(settings, database, name="test") as opened:
        yield opened


async def test_each_is_there_once_at_most_and_none_is_forgotten(house: House, database: str, tmp_path: Path) -> None:
    async with peer.running(tmp_path / "sp4n.sqlite") as sp4n:
        dice = random.Random(SEED)  # noqa: S311 (no secret)
        faults, weights = zip(*FAULTS, strict=True)
        sp4n.faults.choose = lambda method, path: dice.choices(faults, weights)[0] if method == "POST" else None
        await lead_to(house, sp4n)
        began = time.monotonic()
        tickets = [await file(house, number) for number in range(MANY)]
        killed = await worker(database, tmp_path)
        # In the middle of it, while requests are on their way.
        deadline = time.monotonic() + 60 + MANY
        while len(sp4n.faults.requests) < MANY // 3:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        killed.send_signal(signal.SIGKILL)
        await killed.wait()
        last = await worker(database, tmp_path)
        try:
            await all_tried(house)
            await bury(house)
            # Whatever was surely not taken is tried again when its time has come.
            sp4n.faults.choose = None
            await hurry(house)
            await all_tried(house)
        finally:
            last.terminate()
            await last.wait()
        check(await standing(house), sp4n, tickets, began)
        assert await matters(house) == await value(
            house.engine, "SELECT count(*) FROM complaint_references WHERE state IN ('unknown', 'failed')"
        )
        numbers = "SELECT complaint_id FROM deliveries WHERE says::text LIKE '%push.referenced\"%'"
        told = Counter(row.complaint_id for row in await rows(house.engine, numbers))
        assert set(told.values()) == {1}
        confirmed = await rows(house.engine, "SELECT complaint_id FROM complaint_references WHERE state = 'confirmed'")
        assert set(told) == {row.complaint_id for row in confirmed}


async def lead_to(house: House, sp4n: Sp4n) -> None:
    await run(house.engine, "DELETE FROM ways")
    await run(
        house.engine,
        "WITH made AS (INSERT INTO connections (name, kind, system, url, secret, parameters)"
        " VALUES ('api', 'sp4n_api', 'sp4n', :url, :token, jsonb_build_object('timeout_seconds', :patience))"
        " RETURNING id) INSERT INTO ways (system, connection_id) SELECT 'sp4n', id FROM made",
        url=sp4n.base_url,
        token=sp4n.token,
        patience=PATIENCE,
    )


async def file(house: House, number: int) -> str:
    async with unit(house) as work:
        chat = await contact(work.connection, f"c{number}")
        citizen = await contacts.become_citizen(work.connection, chat, "Siti", "id")
        new = NewComplaint(
            text=f"Laporan nomor {number}: lampu jalan mati sejak Senin.",
            report_class="pengaduan",
            channel="telegram",
            citizen_id=citizen,
            contact_id=chat,
            draft=1,
            region="16.71",
        )
        return work.record(await complaints.file(work.connection, new, Actor("citizen", str(citizen)))).ticket


async def worker(database: str, folder: Path) -> Process:
    environment = os.environ | {"DATABASE_URL": database, "DATA_DIR": str(folder), "LOG_LEVEL": "ERROR"}
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "api", "worker", cwd=ROOT, env=environment)


async def all_tried(house: House) -> None:
    """Nothing is left that a living worker would begin now."""
    due = (
        "SELECT count(*) FROM procrastinate_jobs j LEFT JOIN procrastinate_workers w ON w.id = j.worker_id"
        " WHERE j.task_name = 'hand_over' AND coalesce(j.scheduled_at, now()) <= now() AND (j.status = 'todo'"
        " OR j.status = 'doing' AND w.last_heartbeat > now() - make_interval(secs => 20))"
    )
    deadline = time.monotonic() + 120 + MANY
    while await value(house.engine, due):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)


async def bury(house: House) -> None:
    """Ten minutes later: what the killed worker had begun is nobody's any more."""
    await run(
        house.engine, "UPDATE complaint_references SET sent_at = now() - make_interval(mins => 11) WHERE state = 'sent'"
    )
    await run(house.engine, "DELETE FROM procrastinate_jobs WHERE task_name = 'hand_over' AND status = 'doing'")
    await handover.keep_waiting(house)


async def hurry(house: House) -> None:
    await run(house.engine, "UPDATE complaint_references SET check_at = now() WHERE state = 'waiting'")
    await run(house.engine, "UPDATE procrastinate_jobs SET scheduled_at = now() WHERE task_name = 'hand_over'")
    await handover.keep_waiting(house)


async def standing(house: House) -> dict[str, tuple[str, str | None, str | None]]:
    found = await rows(
        house.engine,
        "SELECT k.ticket, r.state, r.external_id, r.problem FROM complaints k"
        " LEFT JOIN complaint_references r ON r.complaint_id = k.id",
    )
    return {row.ticket: (row.state, row.external_id, row.problem) for row in found}


async def matters(house: House) -> int:
    return int(
        await value(house.engine, "SELECT count(*) FROM attention WHERE kind = 'handover' AND closed_at IS NULL")
    )


def check(ours: dict[str, tuple[str, str | None, str | None]], sp4n: Sp4n, tickets: list[str], began: float) -> None:
    """The promises, and what came of it in figures."""
    reports = sp4n.reports()
    theirs = {ticket: [each for each in reports if ticket in each.text] for ticket in tickets}
    there = Counter(len(each) for each in theirs.values())
    states = Counter((state, problem) for state, _, problem in ours.values())
    with suppress(OSError):
        print(f"{MANY} in {time.monotonic() - began:.0f} s; there {dict(there)}; {dict(states)}")
    assert set(ours) == set(tickets)
    assert max(there) <= 1
    assert len(reports) == there[1]
    for ticket, (state, number, problem) in ours.items():
        found = [each.tracking_id for each in theirs[ticket]]
        assert state in ("confirmed", "unknown", "failed"), (ticket, state)
        if state == "confirmed":
            assert found == [number]
        else:
            assert problem
        if state == "failed":
            assert found == []
    assert states.keys() >= {("confirmed", None), ("unknown", "cut")}
