"""The floor: the rows of a turn through bare psycopg, with no HTTP, no dialogue and no Telegram.

`python -m bench.floor --database URL` reads orders from standard input as `bench.citizens` does. Each citizen
is a connection of its own that commits turn after turn, with the project's own statements; one more
connection marks the deliveries as sent, a batch at a time, as a speaker does. A turn's latency is its transaction's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from datetime import UTC, datetime
from typing import Any

import psycopg
import uvloop
from sqlalchemy import Dialect
from sqlalchemy.dialects.postgresql.psycopg import dialect

from bench.citizens import TURNS, story, update
from bench.tally import Order, Tally, tell, tell_result
from store import complaints, contacts, deliveries, inbox, tickets
from store.complaints import Actor, NewComplaint

MARK_EVERY = 0.006
DIALECT: Dialect = dialect()  # type: ignore[no-untyped-call]
SUGGESTION = {
    "functions": [["pekerjaan_umum", 0.8731], ["perhubungan", 0.0644], ["perumahan", 0.0213]],
    "topics": [["Jalan", 0.8102], ["Infrastruktur", 0.0911], ["Lalu lintas", 0.0377]],
    "class": [["pengaduan", 0.9713], ["aspirasi", 0.0201], ["permintaan_informasi", 0.0086]],
    "model": "2026-11-21",
}
# What a turn's reply is made of, as the dialogue leaves it in the ledger.
SAYS: tuple[list[Any], ...] = (
    [["greeting_short", {}], ["privacy_notice", {}], ["ask.photos", {}]],
    [["ask.privacy", {}]],
    [
        [
            "summary",
            {
                "class": {"key": "class.pengaduan"},
                "story": story(1),
                "place": "Jalan Merdeka, SMP 1 Sekayu (Musi Banyuasin)",
                "time": "sudah 3 bulan",
                "photos": {"key": "none"},
                "name": {"key": "name.hidden"},
                "public": {"key": "public.yes"},
                "agency": "Dinas Pekerjaan Umum dan Penataan Ruang",
                "agency_note": {"key": "office.sure"},
                "category": "Jalan",
            },
        ],
        ["ask.confirm", {}],
    ],
    [["filed", {"ticket": "T-000-000-0000"}], ["filed_next", {}]],
)
BUTTONS: tuple[list[Any], ...] = (
    [["choice.photos.none", "1:photos:none"]],
    [[f"choice.privacy.{choice}", f"1:privacy:{choice}"] for choice in ("open", "anonymous", "secret", "both")],
    [[f"choice.confirm.{choice}", f"1:confirm:{choice}"] for choice in ("send", "change", "cancel")],
    [],
)
ASKS = ("photos", "privacy", "confirm", "")


TAKE = inbox._TAKE.sql.encode()
REMEMBER = contacts._REMEMBER.sql.encode()
BECOME_CITIZEN = contacts._BECOME_CITIZEN.sql.encode()
ADD = deliveries._ADD.sql.encode()
FILE = complaints._FILE.sql.encode()
MARK = """
    UPDATE deliveries SET claimed_at = clock_timestamp(), sent_at = clock_timestamp(), attempts = 1,
        provider_sequence = 1, leased_until = NULL
    WHERE contact_id = ANY(%(contacts)s) AND sent_at IS NULL AND failed_at IS NULL
"""


def _conversation(place: int, number: int) -> dict[str, Any]:
    """The chat's memory after this turn, in the size that the dialogue gives it."""
    known: dict[str, Any] = {"language": "id", "greeted": True, "tries": 0, "drafts": 1, "group_told": None}
    if place == TURNS - 1:
        last = {"ticket": "T-000-000-0000", "number": 1, "sequences": [number], "albums": []}
        return {**known, "asking": None, "draft": None, "last": last}
    answers = {
        "story": [True, 0],
        "place": [{"text": "Jalan Merdeka, SMP 1 Sekayu", "region": "16.06", "name": "Musi Banyuasin"}, 0],
        "class": ["pengaduan", 0],
        "time": ["sudah 3 bulan", 0],
    }
    draft = {
        "number": 1,
        "told": [[story(number), number]],
        "answers": answers,
        "photos": 0,
        "albums": [],
        "suggestion": SUGGESTION,
    }
    return {**known, "asking": ASKS[place], "draft": draft, "last": None}


class Citizen:
    """One connection that commits one turn after the other."""

    def __init__(self, connection: psycopg.AsyncConnection, chat: int) -> None:
        self.connection = connection
        self.chat = chat
        self.turns = 0
        self.citizen: int | None = None
        self.receipts: list[str] = []

    async def turn(self) -> int:
        """Commit a turn's rows; returns the contact that waits for its delivery."""
        place, self.turns = self.turns % TURNS, self.turns + 1
        draft, words = self.turns // TURNS, story(self.turns) if place == 0 else "tidak ada"
        now = datetime.now(UTC)
        payload = update(self.chat * 1_000_000 + self.turns, self.chat, self.turns, words)
        async with self.connection.transaction():
            taken = await self.connection.execute(
                TAKE,
                {
                    "channel": "telegram",
                    "message_id": str(payload["update_id"]),
                    "address": str(self.chat),
                    "sequence": self.turns,
                    "name": "Budi Santoso",
                    "payload": json.dumps(payload),
                    "received_at": now,
                },
            )
            row = await taken.fetchone()
            assert row is not None
            contact = int(row[1])
            if place == TURNS - 1:
                await self._file(contact, draft)
            await self.connection.execute(
                ADD,
                {
                    "contact_id": contact,
                    "channel": "telegram",
                    "address": str(self.chat),
                    "says": json.dumps(SAYS[place]),
                    "buttons": json.dumps(BUTTONS[place]),
                    "asks": ASKS[place],
                    "language": "id",
                    "complaint_id": None,
                    "after": 0.0,
                },
            )
            memory = json.dumps(_conversation(place, self.turns))
            await self.connection.execute(REMEMBER, {"contact_id": contact, "conversation": memory})
        return contact

    async def _file(self, contact: int, draft: int) -> None:
        if self.citizen is None:
            person = {"contact_id": contact, "name": "Budi Santoso", "language": "id"}
            found = await (await self.connection.execute(BECOME_CITIZEN, person)).fetchone()
            assert found is not None
            self.citizen = int(found[0])
        new = NewComplaint(
            text=story(self.turns),
            report_class="pengaduan",
            channel="telegram",
            citizen_id=self.citizen,
            contact_id=contact,
            draft=draft,
            place="Jalan Merdeka, SMP 1 Sekayu",
            region="16.06",
            happened="sudah 3 bulan",
            anonymous=True,
            function="pekerjaan_umum",
            category="Jalan",
            model="2026-11-21",
            suggested=SUGGESTION,
        )
        ticket = tickets.new()
        parameters = complaints._file_parameters(new, ticket, Actor("citizen", str(self.citizen)))
        assert await (await self.connection.execute(FILE, parameters)).fetchone() is not None
        self.receipts.append(ticket)


class Floor:
    """Citizens at work, and the marking of what they are told."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.first = 1
        self.stopping = self.finished = False
        self.spoken: list[int] = []
        self.tally = Tally()

    async def run(self, order: Order) -> None:
        """Run one order, telling when the measured seconds begin and end and what came of them."""
        self.tally, self.stopping, self.finished = Tally(), False, False
        connections = [await psycopg.AsyncConnection.connect(self.url) for _ in range(order.citizens)]
        for connection in connections:
            await connection.set_autocommit(True)  # a transaction is a block of its own
        crowd = [Citizen(connection, chat) for chat, connection in enumerate(connections, self.first)]
        self.first += order.citizens
        async with await psycopg.AsyncConnection.connect(self.url, autocommit=True) as marking:
            marker = asyncio.create_task(self._mark(marking))
            work = [asyncio.create_task(self._work(citizen, order.think)) for citizen in crowd]
            await asyncio.sleep(order.warmup)
            tell("measuring")
            self.tally.measuring = True
            await asyncio.sleep(order.seconds)
            self.tally.measuring = False
            tell("measured")
            self.stopping = True
            await asyncio.gather(*work)
            self.finished = True
            await marker
        for connection in connections:
            await connection.close()
        receipts = [ticket for citizen in crowd for ticket in citizen.receipts]
        posted = sum(citizen.turns for citizen in crowd)
        tell_result(self.tally.result(posted=posted, receipts=receipts, receipt_turns=len(receipts) * TURNS))

    async def _work(self, citizen: Citizen, think: float) -> None:
        while not self.stopping:
            began, place, filed = time.perf_counter(), citizen.turns % TURNS, len(citizen.receipts)
            contact = await citizen.turn()
            self.spoken.append(contact)
            self.tally.turn(place, time.perf_counter() - began)
            if len(citizen.receipts) > filed:
                self.tally.receipt()
            if think:
                await asyncio.sleep(think)

    async def _mark(self, connection: psycopg.AsyncConnection) -> None:
        while self.spoken or not self.finished:
            batch, self.spoken = self.spoken, []
            if batch:
                await connection.execute(MARK, {"contacts": batch})
            await asyncio.sleep(MARK_EVERY)


def main() -> None:
    """Take orders until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", required=True, help="URL of a migrated database of its own")
    floor = Floor(parser.parse_args().database)
    while line := sys.stdin.readline():
        uvloop.run(floor.run(Order(**json.loads(line))))


if __name__ == "__main__":
    main()
