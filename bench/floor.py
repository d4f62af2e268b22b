"""The floor: the rows of a turn through bare psycopg, with no HTTP, no dialogue and no Telegram.

`python -m bench.floor --database URL` reads orders from standard input as `bench.citizens` does. Each citizen
is a connection of its own that commits turn after turn, with the project's own statements; one more
connection marks the deliveries as sent, a batch at a time, as a speaker does. A turn's latency is its transaction's.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import uvloop
from sqlalchemy import Dialect
from sqlalchemy.dialects.postgresql.psycopg import dialect

from bench.citizens import TURNS, story
from bench.tally import Order, Tally, tell, tell_result
from bench.wires import update
from store import complaints, contacts, deliveries, inbox, receipts, tickets
from store.complaints import Actor, NewComplaint

MARK_EVERY = 0.006
DIALECT: Dialect = dialect()  # type: ignore[no-untyped-call]
SUGGESTION: dict[str, Any] = {
    "functions": [["pu", 0.9288], ["dlh", 0.0127], ["bapenda", 0.0043], ["bpjs_tk", 0.0028], ["perkim", 0.0028]],
    "topics": [
        ["PEKERJAAN UMUM DAN PENATAAN RUANG", 0.672],
        ["PERHUBUNGAN", 0.0454],
        ["PEMBANGUNAN DESA, DAERAH TERTINGGAL, DAN TRANSMIGRASI", 0.0371],
        ["KETENTERAMAN, KETERTIBAN UMUM, DAN PELINDUNGAN MASYARAKAT", 0.0336],
        ["TOPIK LAINNYA", 0.0311],
    ],
    "class": [["pengaduan", 0.9107], ["aspirasi", 0.0514], ["permintaan_informasi", 0.0379]],
    "model": "2026-11-21.0123abcd",
    "likely": ["pu"],
    "band": "ask",
    **dict.fromkeys(("danger", "chatter", "sensitive")),
}
PLACE = {
    "text": "Jalan Mawar Mahoni 1 Sekayu",
    "region": "16.06.01",
    "name": "Kecamatan Sekayu, Kabupaten Musi Banyuasin",
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
                "place": f"{PLACE['text']} ({PLACE['name']})",
                "time": "sudah 3 bulan",
                "photos": {"key": "none"},
                "name": {"key": "name.hidden"},
                "public": {"key": "public.yes"},
                "agency": {
                    "key": "office.unsure",
                    "params": {"agency": "Dinas Pekerjaan Umum Kabupaten Musi Banyuasin"},
                },
                "category": "Pekerjaan umum dan penataan ruang",
            },
        ],
        ["ask.confirm", {}],
    ],
    [
        ["filed", {"ticket": "T-000-000-0000"}],
        ["receipt", {"code": "2222-2222", "link": "https://kanal.example/periksa"}],
        ["filed_next", {}],
    ],
)
BUTTONS: tuple[list[Any], ...] = (
    [["choice.photos.none", "1:photos:none", {}]],
    [[f"choice.privacy.{choice}", f"1:privacy:{choice}", {}] for choice in ("open", "anonymous", "secret", "both")],
    [[f"choice.confirm.{choice}", f"1:confirm:{choice}", {}] for choice in ("send", "change", "cancel")],
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
    known: dict[str, Any] = {
        "language": "id", "greeted": True, "tries": 0, "drafts": 1, "group_told": None, "about": None,
        "seen_at": 1795165200.0, "warned_at": 0.0, "pace": [place + 1, 1795165200.0], "moved": False,
        "parked": [], "held": [], "filed_on": ["", 0],
    }  # fmt: skip
    if place == TURNS - 1:
        last = {"ticket": "T-000-000-0000", "number": 1, "sequences": [number], "albums": [], "at": 1795165200.0}
        return {**known, "asking": None, "draft": None, "last": last, "filed_on": ["2026-11-20", 1]}
    answers: dict[str, Any] = {
        "story": [True, 0],
        "place": [PLACE, 0],
        "class": ["pengaduan", 0],
        "time": [{"words": "sudah 3 bulan", "since": True}, 0],
    }
    context: dict[str, Any] = {"coached": "photos"}
    if place:
        answers |= {"photos": ["none", 3], "neighbours": ["none", 0]}
        context |= {"around": {"ids": [], "voices": 0, "own": None}}
    draft = {
        "number": 1,
        "told": [[story(number), number]],
        "answers": answers,
        "photos": 0,
        "voices": 0,
        "albums": [],
        "suggestion": SUGGESTION,
        "context": context,
    }
    return {**known, "asking": ASKS[place], "draft": draft, "last": None}


class Citizen:
    """One connection that commits one turn after the other."""

    def __init__(self, connection: psycopg.AsyncConnection, chats: Iterator[int]) -> None:
        self.connection = connection
        self.chats = chats
        self.chat = 0
        self.turns = 0
        self.receipts: list[str] = []

    async def turn(self) -> int:
        """Commit a turn's rows; returns the contact that waits for its delivery."""
        place, self.turns = self.turns % TURNS, self.turns + 1
        if place == 0:
            self.chat = next(self.chats)
        words = story(self.chat) if place == 0 else "tidak ada"
        now = datetime.now(UTC)
        payload = update(self.chat * TURNS + place, self.chat, place + 1, words)
        async with self.connection.transaction():
            taken = await self.connection.execute(
                TAKE,
                {
                    "channel": "telegram",
                    "message_id": str(payload["update_id"]),
                    "address": str(self.chat),
                    "sequence": place + 1,
                    "name": "Budi Santoso",
                    "payload": json.dumps(payload),
                    "received_at": now,
                },
            )
            row = await taken.fetchone()
            assert row is not None
            contact = int(row[1])
            if place == TURNS - 1:
                await self._file(contact)
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
                    "files": "[]",
                    "after": 0.0,
                },
            )
            memory = json.dumps(_conversation(place, self.chat))
            await self.connection.execute(REMEMBER, {"contact_id": contact, "conversation": memory})
        return contact

    async def _file(self, contact: int) -> None:
        person = {"contact_id": contact, "name": "Budi Santoso", "language": "id"}
        found = await (await self.connection.execute(BECOME_CITIZEN, person)).fetchone()
        assert found is not None
        citizen = int(found[0])
        new = NewComplaint(
            text=story(self.chat),
            report_class="pengaduan",
            channel="telegram",
            citizen_id=citizen,
            contact_id=contact,
            draft=1,
            place=PLACE["text"],
            region=PLACE["region"],
            happened="sudah 3 bulan",
            code=receipts.new_code(),
            anonymous=True,
            function="pu",
            category=SUGGESTION["topics"][0][0],
            model=SUGGESTION["model"],
            suggested=SUGGESTION,
        )
        ticket = tickets.new()
        parameters = complaints._file_parameters(new, ticket, Actor("citizen", str(citizen)))
        assert await (await self.connection.execute(FILE, parameters)).fetchone() is not None
        self.receipts.append(ticket)


class Floor:
    """Citizens at work, and the marking of what they are told."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.chats = itertools.count(1)
        self.stopping = self.finished = False
        self.spoken: list[int] = []
        self.tally = Tally()

    async def run(self, order: Order) -> None:
        """Run one order, telling when the measured seconds begin and end and what came of them."""
        self.tally, self.stopping, self.finished = Tally(), False, False
        connections = [await psycopg.AsyncConnection.connect(self.url) for _ in range(order.citizens)]
        for connection in connections:
            await connection.set_autocommit(True)  # a transaction is a block of its own
        crowd = [Citizen(connection, self.chats) for connection in connections]
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
        read = [ticket for citizen in crowd for ticket in citizen.receipts]
        posted = sum(citizen.turns for citizen in crowd)
        tell_result(self.tally.result(posted=posted, receipts=read, receipt_turns=len(read) * TURNS))

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
