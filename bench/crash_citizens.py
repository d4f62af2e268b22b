"""The outside of the house: a Bot API that knows who calls, the post that redelivers, and the citizens behind it."""

from __future__ import annotations

import asyncio
import hashlib
import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Coroutine
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from peers.bot_api import JPEG, Call, Citizen, FakeBotApi, Fault, Sent, Update, slow

from bot.texts import speak


def _pattern(key: str, *params: str) -> re.Pattern[str]:
    """The words of a text, with a group for each parameter."""
    words = speak(key, dict.fromkeys(params, "\x00"))
    return re.compile(re.escape(words).replace("\x00", r"(\S+)"))


QUESTIONS = ("story", "place", "region", "class", "detail", "time", "photos", "privacy", "confirm", "which")
ASKS = {name: _pattern(f"ask.{name}") for name in QUESTIONS} | {
    "neighbours": _pattern("ask.neighbours", "voices"),
}
RECEIPT = _pattern("filed", "ticket")
# How long a citizen waits, when a question comes again that he has answered, before he answers it again.
# Longer than two leases: what comes doubled, before a reply whose speaker died, is not asked again.
PATIENCE = 25.0

STORIES = (
    "Jalan di depan SMP 1 Sekayu rusak parah sejak bulan lalu, {marker}, mohon diperbaiki.",
    "Lampu jalan di Jalan Merdeka Sekayu mati sejak minggu lalu, {marker}, gelap sekali kalau malam.",
    "Sampah menumpuk di pasar Randik Sekayu sudah 3 hari, {marker}, baunya sampai ke rumah.",
    "Air PDAM di Perumahan Griya Sekayu tidak mengalir sejak kemarin, {marker}, warga susah mandi.",
    "Jembatan di desa Bailangu Sekayu berlubang sejak tahun lalu, {marker}, motor sering jatuh.",
)
ADDITION = "Tambahan {marker}: anak sekolah takut lewat dan sudah dua orang terluka."
# What is said to each question. Of the others' reports everybody thinks that they are about something else; the last
# ones are asked only where the story was not understood.
WORDS = {
    "neighbours": ("laporan baru", "baru"),
    "photos": ("tidak ada", "gak ada", "tidak"),
    "privacy": ("anonim", "biasa saja", "rahasia"),
    "confirm": ("ya", "iya", "benar"),
    "class": ("keluhan",),
    "region": ("Musi Banyuasin",),
    "place": ("Jalan Merdeka dekat pasar, Sekayu",),
    "time": ("sejak minggu lalu",),
    "detail": ("mohon segera dilihat petugas",),
}
PRIVACY = {
    "anonim": (True, False),
    "biasa saja": (False, False),
    "rahasia": (False, True),
    "anonymous": (True, False),
    "open": (False, False),
    "secret": (False, True),
}

_door: ContextVar[str] = ContextVar("door", default="")


class WatchedBotApi(FakeBotApi):
    """A Bot API with one address for each life of each process, so that every message is known by its sender."""

    def __init__(self, dice: random.Random) -> None:
        super().__init__()
        self.senders: dict[tuple[int, int], str] = {}
        self.arrived: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._doors: dict[int, str] = {}
        self._works: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._dice = dice
        self.web_is_down = False
        self.faults.choose = self._be_slow

    async def open_door(self, name: str) -> str:
        """The base URL for the process of that name."""
        assert self._runner
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = int(self._runner.addresses[-1][1])
        self._doors[port] = name
        return f"http://127.0.0.1:{port}"

    async def at_work(self, process: str) -> None:
        """Wait until that process (any life of it) begins something: a call of ours, or one that we post to it."""
        await self._works[process].wait()

    def begin(self, process: str) -> None:
        """That process has something to do now."""
        self._works.pop(process, asyncio.Event()).set()

    async def __aenter__(self) -> WatchedBotApi:
        await super().__aenter__()
        return self

    def _be_slow(self, call: Call) -> Fault | None:
        """Telegram is far away: who sends can die while the message is on its way, or its answer."""
        return slow(self._dice.uniform(0.02, 0.15)) if call.method in {"sendMessage", "getFile", "file"} else None

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        port = request.transport.get_extra_info("sockname")[1] if request.transport else 0
        _door.set(self._doors.get(port, ""))
        self.arrived[_door.get()].set()
        self.begin(_door.get().split("#")[0])
        return await super()._handle(request)

    async def _send_message(self, arguments: dict[str, object]) -> dict[str, object]:
        message = await super()._send_message(arguments)
        self.senders[int(str(arguments["chat_id"])), message["message_id"]] = _door.get()
        return message


class Post:
    """Telegram's way to a webhook: the updates of one chat one after the other, each again until it is taken."""

    def __init__(
        self, api: WatchedBotApi, dice: random.Random, *, doubled: float, disorder: float, limit: float
    ) -> None:
        self.updates: dict[int, Update] = {}
        self.attempts: Counter[int] = Counter()
        self.failures: Counter[str] = Counter()
        self.doubled = 0
        self.taken: set[int] = set()
        self.given_up: list[int] = []
        self._api = api
        self._dice = dice
        self._share = doubled
        self._disorder = disorder
        self._limit = limit
        self._lanes: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._tasks: set[asyncio.Task[None]] = set()

    def send(self, chat_id: int, update: Update) -> None:
        """Take a citizen's message; it will arrive."""
        self.updates[update["update_id"]] = update
        # As Telegram does it, taps have a queue of their own.
        lane = f"{chat_id}{':tap' if 'callback_query' in update else ''}"
        if self._dice.random() < self._disorder:
            lane = f"{lane}:{update['update_id']}"
        self._start(self._deliver(lane, update))

    async def settle(self) -> None:
        """Wait until everything has arrived."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, lane: str, update: Update) -> None:
        async with self._lanes[lane]:
            if self._dice.random() < self._share:
                self.doubled += 1
                await asyncio.gather(self._until_taken(update), self._until_taken(update))
            else:
                await self._until_taken(update)
        if self._dice.random() < self._share:
            self.doubled += 1
            self._start(self._again(update, self._dice.uniform(0.5, 10)))

    async def _again(self, update: Update, after: float) -> None:
        await asyncio.sleep(after)
        await self._until_taken(update)

    async def _until_taken(self, update: Update) -> None:
        number, pause, start = update["update_id"], 0.05, time.monotonic()
        while True:
            self.attempts[number] += 1
            if not self._api.web_is_down:
                self._api.begin("web")
            try:
                # One attempt; the peer's own bound is by number, Telegram's is by time.
                await self._api.deliver(update, attempts=1, pause=pause)
            except AssertionError as problem:
                trouble = str(problem).rsplit(": ", 1)[-1]
                self.failures[trouble] += 1
                self._api.web_is_down = trouble == "ClientConnectorError"
            else:
                self._api.web_is_down = False
                self.taken.add(number)
                return
            if time.monotonic() - start > self._limit:
                self.given_up.append(number)
                return
            pause = min(1.0, pause * 2)


@dataclass(slots=True)
class Conversation:
    """What one citizen means to say, and what became of it."""

    chat_id: int
    kind: str
    parts: list[str]
    markers: list[str]
    photos: set[str] = field(default_factory=set)
    privacy: tuple[bool, bool] = (False, False)
    receipts: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    asked_again: list[str] = field(default_factory=list)
    updates: list[int] = field(default_factory=list)
    done: bool = False


class Complainant:
    """Somebody with a complaint: says it, answers what is asked, and goes when the receipt is there."""

    def __init__(self, api: WatchedBotApi, post: Post, number: int, dice: random.Random) -> None:
        kind = dice.choices(["plain", "burst", "album", "captioned"], [45, 25, 15, 15])[0]
        markers = [f"penanda{number:04d}{letter}" for letter in ("a", "b")[: 2 if kind == "burst" else 1]]
        parts = [dice.choice(STORIES).format(marker=markers[0])]
        if kind == "burst":
            parts.append(ADDITION.format(marker=markers[1]))
        self.told = Conversation(50_000 + number, kind, parts, markers)
        self._api = api
        self._post = post
        self._dice = dice
        self._citizen: Citizen = api.citizen(self.told.chat_id, f"Warga {number}")
        self._read = 0
        self._known: set[str] = set()
        self._answered: Counter[str] = Counter()
        self._sent = 0.0

    async def converse(self) -> None:
        """From the first word to the receipt."""
        self._open()
        while not self.told.done:
            reply = await self._hear()
            if receipt := RECEIPT.search(reply.text):
                self.told.receipts.append(receipt[1])
                self.told.done = True
            else:
                self._answer(_question(reply) or "confirm", reply)

    # speaking

    def _open(self) -> None:
        if self.told.kind == "captioned":
            self._send(*self._album(self.told.parts[0]))
        else:
            self._send(*(self._citizen.text(part) for part in self.told.parts))

    def _answer(self, question: str, reply: Sent) -> None:
        again = self._answered[question]
        self._answered[question] += 1
        if question == "photos" and self.told.kind == "album" and not again:
            self._send(*self._album(None))
            return
        words = self._dice.choice(WORDS.get(question, ("lanjut",)))
        taps = [choice for choice in reply.choices if choice.split(":")[1:] in TAPS.get(question, [])]
        tap = self._dice.choice(taps) if taps and self._dice.random() < 0.3 else None
        if question == "privacy":
            self.told.privacy = PRIVACY[tap.split(":")[2] if tap else words]
        self._send(self._citizen.tap(tap, reply) if tap else self._citizen.text(words))

    def _album(self, caption: str | None) -> list[Update]:
        group = f"album{self.told.chat_id}"
        files = [_photograph(f"{self.told.chat_id}/{number}") for number in range(3)]
        self.told.photos = {hashlib.sha256(data).hexdigest() for data in files}
        return [self._citizen.photo(None if n else caption, group, data) for n, data in enumerate(files)]

    def _send(self, *updates: Update) -> None:
        for update in updates:
            self.told.updates.append(update["update_id"])
            self._post.send(self.told.chat_id, update)
        self._sent = time.monotonic()

    # hearing

    async def _hear(self) -> Sent:
        """The next reply that asks something new, for as long as it takes.

        What was answered already is answered again only if the bot seems to insist: it has taken the answer,
        asks all the same, and then says nothing more.
        """
        insisted: Sent | None = None
        while True:
            reply = await self._next(PATIENCE)
            if reply is None:
                if insisted and self._post.taken.issuperset(self.told.updates):
                    self.told.asked_again.append(f"{_question(insisted)}: {insisted.text[-80:]!r}")
                    return insisted
            elif _question(reply) in self._answered or (reply.text in self._known and not RECEIPT.search(reply.text)):
                insisted = reply if reply.time > self._sent else insisted
            else:
                self.told.waits.append(reply.time - self._sent)
                self._known.add(reply.text)
                # A person reads before he answers, and whoever wrote twice sees whether both were heard.
                quiet = 1.5 if self.told.kind == "burst" and not self._answered else self._dice.uniform(0.2, 2.0)
                return await self._newest(reply, quiet)

    async def _newest(self, reply: Sent, quiet: float) -> Sent:
        """The last reply after which nothing new came for so many seconds."""
        while (newer := await self._next(quiet)) is not None:
            if newer.text not in self._known:
                self._known.add(newer.text)
                reply = newer
        return reply

    async def _next(self, seconds: float) -> Sent | None:
        """The next message, None if none comes in time."""
        try:
            sent = await self._api.wait_for_sent(self.told.chat_id, self._read + 1, seconds)
        except TimeoutError:
            return None
        self._read += 1
        return sent[self._read - 1]


def _question(reply: Sent) -> str | None:
    """The question that a reply ends with."""
    found = ((name, match.end()) for name, words in ASKS.items() for match in words.finditer(reply.text))
    return next((name for name, end in found if end == len(reply.text)), None)


# The buttons that mean the same as the words.
TAPS = {
    "photos": [["photos", "none"]],
    "neighbours": [["neighbours", "new"]],
    "privacy": [["privacy", "anonymous"], ["privacy", "open"], ["privacy", "secret"]],
    "confirm": [["confirm", "send"]],
}


def _photograph(name: str) -> bytes:
    """A photo that differs from all others: the smallest one, with a comment."""
    comment = name.encode()
    return JPEG[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + JPEG[2:]
