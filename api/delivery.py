"""The speaker: claims what is due in the ledger, sends it, writes down what became of it.

One loop: mark what is finished and claim what is due, in one transaction; then send, many addresses at
once. A slow address holds up nobody else. Any number of speakers may run, on any hosts.
"""

from __future__ import annotations

import asyncio
import random
import socket
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import psycopg
import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from api.house import House
from api.listening import SPOKEN, WAKE, listen
from bot.messages import Address, Button, Channel, Outgoing, TryLater, Undeliverable
from bot.texts import speak
from store import deliveries
from store.deliveries import Claimed, Outcome

log = structlog.get_logger(__name__)

PAGE = "webchat"
AT_ONCE = 64
# Shorter than the lease: whoever sends longer than that would be sent twice.
SEND_SECONDS = deliveries.LEASE_SECONDS * 0.8
IDLE_SECONDS = 1.0
# Under load a turn of the loop waits this long for company: fewer, fuller transactions.
GATHER_SECONDS = 0.004
GATHER_EACH = 0.0004  # for each message on its way
BACKOFF_LONGEST = 300.0
CHANNEL_RESTS = 15.0
BEAT_SECONDS = 5.0


class Speaker:
    """Speaks on these channels until it is stopped."""

    def __init__(self, house: House, channels: Mapping[str, Channel]) -> None:
        self._house = house
        self._channels = channels
        self._resting: dict[str, float] = {}
        self._sending: set[asyncio.Task[None]] = set()
        self._finished: list[tuple[Claimed, Outcome]] = []
        self._woken = asyncio.Event()
        self._stopping = False
        self._name = f"{socket.gethostname()}:{uuid.uuid4().hex[:8]}"
        self._beaten = 0.0

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
                    log.warning("speaker_waits_for_database", kind=type(error).__name__)
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
        pause = IDLE_SECONDS
        try:
            async with self._house.engine.begin() as connection:
                if finished:
                    await deliveries.mark(connection, [outcome for _, outcome in finished])
                    await _announce(connection, finished)
                free = 0 if self._stopping else AT_ONCE - len(self._sending)
                claimed = await deliveries.claim(connection, free, self._speakable()) if free > 0 else []
                if not claimed:
                    due = await deliveries.next_due(connection, self._speakable())
                    pause = IDLE_SECONDS if due is None else min(IDLE_SECONDS, max(due, 0.005))
                await self._beat(connection)
        except BaseException:
            self._finished = finished + self._finished
            raise
        return claimed, pause

    def _speakable(self) -> list[str]:
        now = time.monotonic()
        return [name for name in self._channels if self._resting.get(name, 0.0) <= now]

    async def _beat(self, connection: AsyncConnection) -> None:
        """Say now and then that this speaker lives, for /readyz."""
        if time.monotonic() - self._beaten >= BEAT_SECONDS:
            self._beaten = time.monotonic()
            await connection.execute(_BEAT, {"process": self._name})

    async def _send(self, delivery: Claimed) -> None:
        outcome = await self._try(delivery)
        self._finished.append((delivery, outcome))
        self._woken.set()

    async def _try(self, delivery: Claimed) -> Outcome:
        try:
            message = render(delivery)
        except (KeyError, ValueError, TypeError, IndexError) as error:
            # A defect of ours: it would fail every time, so it is shown to operators instead.
            log.error("delivery_unspeakable", delivery=delivery.id, kind=type(error).__name__)
            return Outcome(delivery.id, delivery.contact_id, delivery.attempts, problem="unspeakable")
        try:
            async with asyncio.timeout(SEND_SECONDS):
                said = await self._channels[delivery.channel].send(message)
        except Undeliverable as error:
            log.info("delivery_failed", delivery=delivery.id, problem=error.reason, gone=error.gone)
            return Outcome(
                delivery.id,
                delivery.contact_id,
                delivery.attempts,
                problem=error.reason,
                gone=error.gone,
                unsent=error.gone,
            )
        except TryLater as error:
            return self._later(delivery, error)
        except TimeoutError:
            return self._later(delivery, TryLater("timeout"))
        except Exception as error:
            log.error("channel_failed", channel=delivery.channel, kind=type(error).__name__)
            return self._later(delivery, TryLater("channel_error"))
        return Outcome(delivery.id, delivery.contact_id, delivery.attempts, sent=True, sequence=said.sequence)

    def _later(self, delivery: Claimed, error: TryLater) -> Outcome:
        """When to try again: as the provider wishes, or after a doubling pause; not for ever."""
        wait = error.after if error.after is not None else _backoff(delivery.attempts)
        if error.whole_channel:
            self._resting[delivery.channel] = time.monotonic() + min(wait, CHANNEL_RESTS)
        age = (self._house.now() - delivery.created_at).total_seconds()
        log.info("delivery_later", delivery=delivery.id, problem=error.reason, attempts=delivery.attempts, wait=wait)
        if age > self._house.settings.delivery_give_up_hours * 3600:
            return Outcome(delivery.id, delivery.contact_id, delivery.attempts, problem=error.reason)
        unsent = error.after is not None  # it said 429: the message went nowhere
        return Outcome(
            delivery.id, delivery.contact_id, delivery.attempts, wait=wait, problem=error.reason, unsent=unsent
        )


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


def render(delivery: Claimed) -> Outgoing:
    """The words of a delivery. Raises KeyError for a text that does not exist."""
    return Outgoing(
        Address(delivery.channel, delivery.address),
        "\n\n".join(speak(key, params, delivery.language) for key, params in delivery.says),
        tuple(button(offer, delivery.language) for offer in delivery.buttons),
    )


def button(offer: Sequence[Any], language: str) -> Button:
    """A button of the ledger, (text key, choice) or (text key, choice, parameters), in words."""
    key, choice, *params = offer
    return Button(speak(key, params[0] if params else None, language), choice)
