"""The speaker: claims what is due in the ledger, sends it, writes down what became of it.

One loop: mark what is finished and claim what is due, in one transaction; then send, many addresses at
once. A slow address holds up nobody else. Any number of speakers may run, on any hosts.

Where plain words do not go through any more (the window is closed), there are other ways: a template that says
all, one that announces that something waits, another chat of the same citizen. Else the message is held until the
citizen writes. See docs/decisions/0012.
"""

from __future__ import annotations

import asyncio
import random
import re
import socket
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from api.condition import Condition
from api.house import House
from api.listening import SPOKEN, WAKE, listen
from api.media.attachments import files_of
from api.problems import where
from bot.channels.whatsapp.templates import Templates
from bot.messages import (
    Address,
    Button,
    Channel,
    Outgoing,
    Sent,
    Template,
    TemplateRefused,
    TryLater,
    Undeliverable,
    WindowClosed,
)
from bot.texts import speak
from store import channels, deliveries
from store.channels import TemplateState
from store.database import is_down
from store.deliveries import Claimed, Outcome
from store.elsewhere import MARGIN_SECONDS

log = structlog.get_logger(__name__)

PAGE = "webchat"
# Said before a window closes, and of no use after.
REMINDERS = ("push.window_reply", "push.window_draft")
# What is said there calls nobody: it waits until somebody looks. The others do, where they are open.
SILENT = (PAGE, "terminal")
CALLING = ("telegram", "whatsapp")
AT_ONCE = 64
# Shorter than the lease: whoever sends longer than that would be sent twice.
SEND_SECONDS = deliveries.LEASE_SECONDS * 0.8
SEND_FILES_SECONDS = deliveries.LEASE_WITH_FILES * 0.8
IDLE_SECONDS = 1.0
# Under load a turn of the loop waits this long for company: fewer, fuller transactions.
GATHER_SECONDS = 0.004
GATHER_EACH = 0.0004  # for each message on its way
BACKOFF_LONGEST = 300.0
CHANNEL_RESTS = 15.0
# So long a provider may wish that we wait: what no interval can hold would keep all outcomes from being marked.
LONGEST_WISH = 86_400.0
BEAT_SECONDS = 5.0
SWEEP_SECONDS = 60.0
# What cannot be marked yet, because a turn works on its chat, is marked after so long.
AGAIN_SECONDS = 0.02
# As a provider names its messages: an index holds no more.
PROVIDER_ID = re.compile(r"[\x21-\x7e]{1,512}")
# What we know of a template after the provider has refused it.
REFUSED = "refused"
# Why a message is held, and why it cannot be said, as operators read it.
CLOSED = "the window is closed"
NO_ADDRESS = "number_taken"


class Speaker:
    """Speaks on these channels until it is stopped. `templates` are those of the channels that have any, by name."""

    def __init__(
        self, house: House, channels: Mapping[str, Channel], templates: Mapping[str, Templates] | None = None
    ) -> None:
        self._house = house
        self._channels = channels
        self._templates = templates or {}
        self._condition = Condition(channels, _rest)
        # What the providers think of their templates, read anew in each turn of the loop that needs it, and what they
        # have said since.
        self._thought: dict[str, dict[tuple[str, str], TemplateState]] = {}
        self._learned: dict[tuple[str, str, str], str] = {}
        self._sending: set[asyncio.Task[None]] = set()
        self._underway: Counter[str] = Counter()
        self._finished: list[tuple[Claimed, Outcome]] = []
        self._woken = asyncio.Event()
        self._stopping = False
        self._name = f"{socket.gethostname()}:{uuid.uuid4().hex[:8]}"
        self._beaten = 0.0
        self._swept = time.monotonic()

    def stop(self) -> None:
        """Send what is claimed, mark it, and leave `run`."""
        self._stopping = True
        self._woken.set()

    async def run(self) -> None:
        """Work the ledger off. Outlives the database: what is not marked is sent again after its lease."""
        ears = asyncio.create_task(listen(self._house.url, WAKE, lambda _payload: self._woken.set()))
        try:
            while not self._is_done():
                try:
                    await self._step()
                except (SQLAlchemyError, psycopg.Error, OSError) as error:
                    if is_down(error):
                        log.warning("speaker_waits_for_database", kind=type(error).__name__)
                    else:
                        log.error("speaker_cannot_go_on", kind=type(error).__name__, where=where(error))
                    if self._stopping:
                        return  # what was sent cannot be marked: another speaker sends it again after the lease
                    await asyncio.sleep(IDLE_SECONDS)
        finally:
            ears.cancel()

    def _is_done(self) -> bool:
        return self._stopping and not self._sending and not self._finished

    async def _step(self) -> None:
        # Cleared before looking: what comes in between is not slept through.
        self._woken.clear()
        claimed, pause = await self._turn()
        for delivery in claimed:
            task = asyncio.create_task(self._send(delivery))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        if self._is_done():
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), pause)
        if self._sending:
            await asyncio.sleep(GATHER_SECONDS + GATHER_EACH * len(self._sending))

    async def _turn(self) -> tuple[list[Claimed], float]:
        """Mark and claim in one transaction; returns what was claimed and how long to wait for more."""
        finished, self._finished = self._finished, []
        learned, self._learned = self._learned, {}
        pause = IDLE_SECONDS
        left: set[int] = set()
        try:
            async with self._house.engine.begin() as connection:
                if finished:
                    outcomes = [outcome for _, outcome in finished]
                    quiet = silent(self._channels)
                    left = {each.id for each in await deliveries.mark(connection, outcomes, silent=quiet)}
                    await _announce(connection, finished)
                for (channel, name, language), reason in sorted(learned.items()):
                    await channels.learn_template(connection, channel, name, language, REFUSED, reason)
                await self._condition.write(connection)
                claimed = [] if self._stopping else await self._claim(connection)
                if not claimed:
                    due = await deliveries.next_due(connection, [*self._condition.well(), *self._tried()])
                    pause = IDLE_SECONDS if due is None else min(IDLE_SECONDS, max(due, 0.005))
                await self._beat(connection)
        except BaseException:
            self._finished = finished + self._finished
            self._learned = learned | self._learned
            raise
        if left:
            self._finished = [each for each in finished if each[0].id in left] + self._finished
            pause = min(pause, AGAIN_SECONDS)
        return claimed, pause

    async def _claim(self, connection: AsyncConnection) -> list[Claimed]:
        """What may be sent now: one message only on a channel that has just rested."""
        free = AT_ONCE - len(self._sending)
        claimed = await deliveries.claim(connection, free, self._condition.well()) if free > 0 else []
        for name in self._tried():
            claimed += await deliveries.claim(connection, 1, [name])
        late = {each.channel for each in claimed if each.asks is None and not self._is_open(each)}
        self._thought = {name: await channels.templates(connection, name) for name in late & set(self._templates)}
        return claimed

    def _tried(self) -> list[str]:
        """The channels on which a single message shall show whether they work again."""
        return [name for name in self._condition.doubtful() if not self._underway[name]]

    async def _beat(self, connection: AsyncConnection) -> None:
        """Say now and then that this speaker lives, for /readyz, and hear what others know."""
        now = time.monotonic()
        if now - self._beaten >= BEAT_SECONDS:
            self._beaten = now
            await connection.execute(_BEAT, {"process": self._name})
            await self._condition.look(connection)
        if now - self._swept >= SWEEP_SECONDS:
            self._swept = now
            await deliveries.release_open(connection)

    async def _send(self, delivery: Claimed) -> None:
        self._underway[delivery.channel] += 1
        try:
            outcome = await self._try(delivery)
        finally:
            self._underway[delivery.channel] -= 1
        self._finished.append((delivery, outcome))
        self._woken.set()

    async def _try(self, delivery: Claimed) -> Outcome:
        """Send one message, by whatever way goes through."""
        try:
            message = render(delivery)
        except Exception as error:
            # A defect of ours: it would fail every time, so it is shown to operators instead.
            log.error("delivery_unspeakable", delivery=delivery.id, kind=type(error).__name__)
            return _outcome(delivery, problem="unspeakable")
        if message.address.user == "":
            # The address is somebody else's by now (store/identities.py), and there is no other.
            return _unreachable(delivery, NO_ADDRESS)
        if not self._is_open(delivery) and delivery.says and delivery.says[0][0] in REMINDERS:
            # It told of a window that has closed meanwhile: not worth a template, and forgotten soon.
            return _outcome(delivery, held=True, problem=CLOSED)
        closed = False
        try:
            async with asyncio.timeout(SEND_FILES_SECONDS if delivery.files else SEND_SECONDS):
                if self._is_open(delivery):
                    try:
                        return await self._say(delivery, message)
                    except WindowClosed as error:
                        log.info("window_closed", delivery=delivery.id, problem=error.reason)
                        closed = True
                outcome = await self._say_otherwise(delivery)
        except Undeliverable as error:
            log.info("delivery_failed", delivery=delivery.id, problem=error.reason, gone=error.gone)
            outcome = _unreachable(delivery, error.reason) if error.gone else _outcome(delivery, problem=error.reason)
        except TryLater as error:
            outcome = self._later(delivery, error)
        except TimeoutError:
            outcome = self._later(delivery, TryLater("timeout"))
        except Exception as error:
            log.error("channel_failed", channel=delivery.channel, kind=type(error).__name__)
            outcome = self._later(delivery, TryLater("channel_error"))
        return replace(outcome, closed=closed, window_until=delivery.window_until)

    def _is_open(self, delivery: Claimed) -> bool:
        """Whether plain words go through, as far as we know."""
        until = delivery.window_until
        return until is None or until > self._house.now() + timedelta(seconds=MARGIN_SECONDS)

    async def _say(self, delivery: Claimed, message: Outgoing) -> Outcome:
        if delivery.files:
            files = await files_of(self._house, delivery.files)
            missing = speak("push.files_missing", None, delivery.language)
            if len(files) < len(delivery.files):  # gone from the shelf: no channel could send them
                message = replace(message, text=f"{message.text}\n\n{missing}", files=files)
            else:
                message = replace(message, files=files, missing=missing)
        said = await self._ask(delivery.channel, message)
        return _outcome(delivery, sent=True, sequence=said.sequence, ids=said.ids)

    async def _say_otherwise(self, delivery: Claimed) -> Outcome:
        """What is left when plain words do not go through. A reply is only understood in its conversation: it waits."""
        templates = self._templates.get(delivery.channel)
        refused: list[str] = []
        while delivery.asks is None and templates is not None:
            usable = _usable(await self._thoughts(delivery.channel), {*delivery.refused, *refused})
            choice = templates.choose(delivery.says, delivery.language, usable)
            if choice is None:
                break
            # A template takes no files along: then it only announces what it says.
            whole = choice.complete and not delivery.files
            if not whole and delivery.announced_at is not None:
                return _outcome(delivery, held=True, problem=CLOSED, refused=refused)
            name = _name_of(choice.template)
            moment = self._house.now()
            try:
                message = Outgoing(_address(delivery), "", template=choice.template)
                said = await self._ask(delivery.channel, message)
            except TemplateRefused as error:
                log.info("template_refused", delivery=delivery.id, template=name, problem=error.reason)
                refused.append(name)
                if not error.person:
                    self._learn(delivery.channel, choice.template, error.reason)
                continue
            if whole:
                return _outcome(delivery, sent=True, ids=said.ids, template=name)
            return _outcome(
                delivery, held=True, problem=CLOSED, ids=said.ids, template=name, announced=moment, refused=refused
            )
        return _outcome(delivery, held=True, problem=CLOSED, refused=refused, elsewhere=delivery.asks is None)

    async def _thoughts(self, channel: str) -> dict[tuple[str, str], TemplateState]:
        """What the provider thinks of its templates."""
        if channel not in self._thought:
            async with self._house.engine.connect() as connection:
                self._thought[channel] = await channels.templates(connection, channel)
        return self._thought[channel]

    def _learn(self, channel: str, template: Template, reason: str) -> None:
        """This template is refused: no other message tries it until the provider, or a look at the account, says
        otherwise."""
        name, language = template.name, template.language
        self._learned[channel, name, language] = reason
        self._thought.setdefault(channel, {})[name, language] = TemplateState(REFUSED, reason, self._house.now())

    async def _ask(self, channel: str, message: Outgoing) -> Sent:
        """Have the channel send it, and see how the channel fares. Raises what the channel raises."""
        began = time.monotonic()
        try:
            said = await self._channels[channel].send(message)
        except TryLater as error:
            if error.whole_channel:
                self._condition.failed(channel, error, self._house.now())
            else:
                self._condition.answered(channel, began, took=False)
            raise
        except Undeliverable:
            self._condition.answered(channel, began, took=False)
            raise
        self._condition.answered(channel, began, took=True)
        return _storable(said)

    def _later(self, delivery: Claimed, error: TryLater) -> Outcome:
        """When to try again: as the provider wishes, or after a doubling pause; not for ever, unless it is the whole
        channel that is in trouble."""
        wait = _backoff(delivery.attempts) if error.after is None else min(max(error.after, 0.0), LONGEST_WISH)
        log.info("delivery_later", delivery=delivery.id, problem=error.reason, attempts=delivery.attempts, wait=wait)
        # It said 429, or what a person must mend: the message went nowhere.
        unsent = error.after is not None or error.ails not in (None, "unreachable")
        since = self._condition.waits_since(delivery.channel, delivery.created_at)
        longest = timedelta(hours=self._house.settings.delivery_give_up_hours)
        if since is not None and self._house.now() - since > longest:
            return _outcome(delivery, problem=error.reason)
        return _outcome(delivery, wait=wait, problem=error.reason, unsent=unsent)


def _storable(said: Sent) -> Sent:
    """What a provider says, without what the store cannot hold: it was sent, and one row must not stop all others."""
    sequence = said.sequence if said.sequence is not None and 0 <= said.sequence < 2**63 else None
    return Sent(sequence, tuple(each for each in said.ids if PROVIDER_ID.fullmatch(each)))


def _outcome(delivery: Claimed, **what: Any) -> Outcome:
    return Outcome(
        delivery.id, delivery.contact_id, delivery.attempts, round=delivery.round, channel=delivery.channel, **what
    )


def _unreachable(delivery: Claimed, problem: str) -> Outcome:
    """The chat is closed to us; what is no part of its conversation may be said in another one."""
    return _outcome(delivery, problem=problem, gone=True, unsent=True, elsewhere=delivery.asks is None)


def _address(delivery: Claimed) -> Address:
    return Address(delivery.channel, delivery.address if delivery.route is None else delivery.route)


def _name_of(template: Template) -> str:
    """The template as the ledger names it."""
    return f"{template.name} {template.language}"


def _usable(thought: Mapping[tuple[str, str], TemplateState], refused: Collection[str]) -> Callable[[str, str], bool]:
    """Whether a template of that name and language may be tried."""
    return lambda name, language: f"{name} {language}" not in refused and channels.usable(thought, name, language)


_ANNOUNCE = text("SELECT pg_notify(:channel, address) FROM unnest(CAST(:addresses AS text[])) AS address")


async def _announce(connection: AsyncConnection, finished: list[tuple[Claimed, Outcome]]) -> None:
    """Tell the pages that listen which of their addresses have new lines."""
    addresses = sorted({delivery.address for delivery, o in finished if o.sent and delivery.channel == PAGE})
    if addresses:
        await connection.execute(_ANNOUNCE, {"channel": SPOKEN, "addresses": addresses})


_BEAT = text("""
    WITH gone AS (DELETE FROM heartbeats WHERE beat_at < now() - interval '1 hour')
    INSERT INTO heartbeats (process, kind, beat_at) VALUES (:process, 'speaker', now())
    ON CONFLICT (process) DO UPDATE SET beat_at = now()
""")


def _backoff(attempts: int) -> float:
    """Seconds to wait after so many attempts: 1, 2, 4 ... 300, a little spread."""
    longest = float(min(BACKOFF_LONGEST, 2 ** min(attempts - 1, 16)))
    return longest * random.uniform(0.8, 1.2)  # noqa: S311  # nosec B311 # nobody gains by guessing a pause


def _rest(times: int, wished: float | None) -> float:
    """Seconds that a channel rests after so many troubles in a row."""
    return min(_backoff(times) if wished is None else wished, CHANNEL_RESTS)


def silent(opened: Collection[str]) -> tuple[str, ...]:
    """The channels on which nobody is called, where these are open: nothing is moved there by itself."""
    return (*SILENT, *(each for each in CALLING if each not in opened))


def render(delivery: Claimed) -> Outgoing:
    """The words of a delivery. Raises KeyError for a text that does not exist."""
    return Outgoing(
        _address(delivery),
        "\n\n".join(speak(key, params, delivery.language) for key, params in delivery.says),
        tuple(button(offer, delivery.language) for offer in delivery.buttons),
        asks=delivery.asks,
        language=delivery.language,
        key=f"{delivery.id}.{delivery.round}",
    )


def button(offer: Sequence[Any], language: str) -> Button:
    """A button of the ledger, (text key, choice) or (text key, choice, parameters), in words."""
    key, choice, *params = offer
    return Button(speak(key, params[0] if params else None, language), choice)
