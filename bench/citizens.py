"""Virtual citizens and the provider between them and a bot, in one lean process: `python -m bench.citizens`.

It serves Telegram's Bot API and WhatsApp's Cloud API on one port (which it prints) and reads orders from standard
input, one JSON line a cell. Each citizen posts a message to the bot's webhook, waits until the bot has sent one to that
chat, reads what is asked, and answers; the time between the two is a turn's latency. With the ticket the citizen is
done, and another one begins in a chat of their own: nobody files hundreds of complaints, nor is let. Both sides speak
HTTP/1.1 by hand on bare asyncio protocols, because Python's CPU is what is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import re
import sys
import time
from collections import deque
from typing import cast

import uvloop

from bench.tally import Order, Tally, tell, tell_result
from bench.wires import TelegramWire, WhatsAppWire, Wire
from bot.texts import speak

TICKET = re.compile(r"T-\d{3}-\d{3}-\d{4}")
# What is answered, by the question that a reply ends with; the story is the first turn.
ANSWERS = {speak(f"ask.{name}"): words for name, words in (
    ("photos", "tidak ada"), ("privacy", "anonim"), ("confirm", "ya"),
)}  # fmt: skip
TURNS = 1 + len(ANSWERS)
# Whoever was asked so much more than that goes away without a ticket.
ENDURES = 3 * TURNS
# A bot that has not answered by then has lost the message.
PATIENCE = 20.0
# A second reply to the last turn would come within this time.
AFTERWARDS = 0.5
REPEAT_AFTER = 0.5

# A town of many streets, named as streets are named after flowers and trees.
FLOWERS = (
    "Mawar", "Melati", "Kenanga", "Cempaka", "Anggrek", "Dahlia", "Flamboyan", "Teratai", "Seruni", "Kamboja",
    "Bougenville", "Tulip", "Alamanda", "Gardenia", "Krisan", "Lavender", "Edelweis", "Wijayakusuma", "Azalea", "Asoka",
)  # fmt: skip
TREES = (
    "Mahoni", "Cemara", "Bintaro", "Trembesi", "Ketapang", "Akasia", "Meranti", "Ulin", "Damar", "Angsana",
    "Waru", "Sengon", "Pinus", "Randu", "Gaharu", "Bungur", "Kenari", "Mindi", "Sonokeling", "Jati",
)  # fmt: skip
STREETS = [f"{flower} {tree}" for flower in FLOWERS for tree in TREES]


def story(number: int) -> str:
    """The words that a complaint begins with: one place, one time, and no two in one street, so that nobody is asked
    whether others have reported the same."""
    street, lane = STREETS[number * 7 % len(STREETS)], number // len(STREETS) + 1
    return (
        f"Jalan {street} {lane} Sekayu berlubang sudah 3 bulan, mohon diperbaiki. "
        f"Sudah {2 + number % 7} motor jatuh di dekat rumah nomor {number % 200 + 1}, terutama saat hujan."
    )


class Citizen:
    """A place at which one person after the other files a complaint, a turn at a time, each in a chat of their own."""

    __slots__ = ("asked_at", "chat", "message_id", "place", "town", "waits", "words")

    def __init__(self, town: Town) -> None:
        self.town = town
        self.waits = False
        self.asked_at = 0.0
        self.begin()

    def begin(self) -> None:
        """Somebody new has come."""
        self.chat = next(self.town.chats[self.town.channel])
        self.town.citizens[self.chat] = self
        self.message_id = 0  # citizen and bot share the counter of their chat
        self.place = 0
        self.words = ""

    def speak(self) -> None:
        """Write the next message."""
        town = self.town
        if town.stopping:
            return
        self.message_id += 1
        number = next(town.numbers)
        words = self.words if self.place else story(number)
        body = town.wire.message(number, self.chat, self.message_id, words)
        self.waits = True
        self.asked_at = time.perf_counter()
        town.posted += 1
        town.post(body)

    def hear(self, chat: int, words: str) -> int:
        """Read the message in that chat; returns its number there."""
        self.message_id += 1
        message_id, town = self.message_id, self.town
        if not self.waits or chat != self.chat:
            town.doubled += 1
            return message_id
        self.waits = False
        town.tally.turn(self.place, time.perf_counter() - self.asked_at)
        self.place += 1
        self._read(words)
        if town.think:
            town.loop.call_later(town.think * random.uniform(0.5, 1.5), self.speak)
        else:
            town.loop.call_soon(self.speak)
        return message_id

    def _read(self, words: str) -> None:
        """Find out what is to be answered, or that it is done; a conversation that goes another way is counted."""
        town = self.town
        answer = next((answer for asked, answer in ANSWERS.items() if words.endswith(asked)), None)
        if answer is None and (found := TICKET.search(words)):
            town.tally.receipt()
            town.receipts.append(found[0])
            town.receipt_turns += self.place
            self.begin()
            return
        if answer is None or self.place == TURNS:
            town.astray += 1
        self.words = answer or "lanjut"
        if self.place == ENDURES:
            self.begin()


class Town:
    """The citizens of all orders, and the connections to the webhook."""

    def __init__(self, secret: str) -> None:
        self.loop = asyncio.get_running_loop()
        self.wires: dict[str, Wire] = {"telegram": TelegramWire(secret), "whatsapp": WhatsAppWire(secret)}
        self.numbers = itertools.count(1)
        self.chats = {channel: itertools.count(wire.first_chat) for channel, wire in self.wires.items()}
        self.citizens: dict[int, Citizen] = {}
        # In turn, so that none idles until the webhook hangs up just when it is needed.
        self.free: deque[Line] = deque()
        self.opening: set[asyncio.Task[None]] = set()
        self.port = 0
        self.head = b""
        self._begin(Order(0, 0.0, 0.0, 0.0))

    def _begin(self, order: Order) -> None:
        self.tally = Tally()
        self.posted = self.doubled = self.astray = self.refused = self.hung_up = self.receipt_turns = 0
        self.receipts: list[str] = []
        self.think = order.think
        self.stopping = False
        self.channel = order.channel
        self.wire = self.wires[order.channel]
        if order.port != self.port:
            for line in self.free:
                line.hang_up()
            self.free.clear()
        self.port = order.port
        self.head = (
            f"POST {order.path} HTTP/1.1\r\nHost: 127.0.0.1:{order.port}\r\nContent-Type: application/json\r\n"
        ).encode()

    async def run(self, order: Order) -> None:
        """Run one order, telling when the measured seconds begin and end and what came of them."""
        self._begin(order)
        crowd = [Citizen(self) for _ in range(order.citizens)]
        for citizen in crowd:
            self.loop.call_later(random.uniform(0.0, max(order.think, 0.3)), citizen.speak)
        await asyncio.sleep(order.warmup)
        tell("measuring")
        self.tally.measuring = True
        await asyncio.sleep(order.seconds)
        self.tally.measuring = False
        tell("measured")
        self.stopping = True
        deadline = self.loop.time() + PATIENCE
        while any(citizen.waits for citizen in crowd) and self.loop.time() < deadline:  # noqa: ASYNC110 (many, not one)
            await asyncio.sleep(0.05)
        await asyncio.sleep(AFTERWARDS)
        tell_result(
            self.tally.result(
                posted=self.posted,
                lost=sum(citizen.waits for citizen in crowd),
                doubled=self.doubled,
                astray=self.astray,
                refused=self.refused,
                hung_up=self.hung_up,
                receipt_turns=self.receipt_turns,
                receipts=self.receipts,
            )
        )

    def post(self, body: bytes) -> None:
        """Post a message over a connection that is free, or a new one."""
        if self.free:
            self.free.popleft().post(body)
            return
        task = self.loop.create_task(self._open(body))
        self.opening.add(task)
        task.add_done_callback(self.opening.discard)

    async def _open(self, body: bytes) -> None:
        try:
            _, line = await self.loop.create_connection(lambda: Line(self), "127.0.0.1", self.port)
        except OSError:
            self.repeat(body)
        else:
            line.post(body)

    def hear(self, chat: int, words: str) -> int | None:
        """Let whoever is in that chat read a message; returns its number, None where there is no such chat."""
        citizen = self.citizens.get(chat)
        return None if citizen is None else citizen.hear(chat, words)

    def repeat(self, body: bytes) -> None:
        """Post again what the webhook did not take, as providers do."""
        self.refused += 1
        self.loop.call_later(REPEAT_AFTER, self.post, body)


class Line(asyncio.Protocol):
    """One connection to the webhook, kept alive."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.body = b""
        self.buffer = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not descend from asyncio's.
        self.transport = cast(asyncio.Transport, transport)

    def post(self, body: bytes) -> None:
        """Send one request; the line is free again when it is answered."""
        self.body = body
        assert self.transport is not None
        head = self.town.head + self.town.wire.proof(body)
        self.transport.write(b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body))

    def hang_up(self) -> None:
        """Close the connection."""
        if self.transport:
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        request = _split(self.buffer)
        if request is None:
            return
        head, _, self.buffer = request
        body, self.body = self.body, b""
        self.town.free.append(self)
        if int(head[9:12]) != 200:
            self.town.repeat(body)

    def connection_lost(self, exc: Exception | None) -> None:
        if self in self.town.free:
            self.town.free.remove(self)
        if self.body:
            # A connection that idled too long may close under our hands: the same message again, over another.
            self.town.hung_up += 1
            self.town.post(self.body)


class ProviderApi(asyncio.Protocol):
    """One connection of a bot to the API of its provider; the path says which."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.buffer = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not descend from asyncio's.
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        assert self.transport is not None
        while request := _split(self.buffer):
            head, body, self.buffer = request
            path = head[: head.index(b" HTTP/")].rpartition(b" ")[2]
            wire = self.town.wires["telegram" if path.startswith(b"/bot") else "whatsapp"]
            status, answer = wire.answer(path, body, self.town.hear)
            content = json.dumps(answer).encode()
            self.transport.write(
                b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
                % (status, len(content), content)
            )


def _split(buffer: bytes) -> tuple[bytes, bytes, bytes] | None:
    """The head and the body of the first message in the buffer, and the rest; None if it is not whole yet."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = buffer[:end]
    _, _, after = head.lower().partition(b"\r\ncontent-length:")
    length = int(after.partition(b"\r\n")[0] or 0)
    start = end + 4
    if len(buffer) < start + length:
        return None
    return head, buffer[start : start + length], buffer[start + length :]


async def _serve(secret: str) -> None:
    town = Town(secret)
    server = await town.loop.create_server(lambda: ProviderApi(town), "127.0.0.1", 0)
    tell("port", server.sockets[0].getsockname()[1])
    while line := await town.loop.run_in_executor(None, sys.stdin.readline):
        await town.run(Order(**json.loads(line)))


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--secret", required=True, help="by which the webhook knows the provider")
    uvloop.run(_serve(parser.parse_args().secret))


if __name__ == "__main__":
    main()
