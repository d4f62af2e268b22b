"""One request, one transaction. Only `unit()` commits; what follows from events runs just before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from api import reactions
from api.house import House
from api.problems import where
from api.queue import enqueue
from store import deliveries
from store.complaints import Event
from store.database import is_busy, is_down
from store.deliveries import NewDelivery

log = structlog.get_logger(__name__)
T = TypeVar("T")


@dataclass(slots=True)
class Unit:
    """The work of one transaction."""

    house: House
    connection: AsyncConnection
    events: list[Event] = field(default_factory=list)
    spoke: bool = False

    def record(self, event: Event) -> Event:
        """Something happened; its reactions run before the commit."""
        self.events.append(event)
        return event

    async def later(self, job: str, **ids: int) -> None:
        """Have a job of api/jobs.py run with these ids after the commit."""
        await enqueue(self.connection, job, **ids)

    async def say(self, delivery: NewDelivery) -> None:
        """Put a message into the ledger; a speaker is woken after the commit."""
        await deliveries.add(self.connection, delivery)
        self.spoke = True


@asynccontextmanager
async def unit(house: House) -> AsyncIterator[Unit]:
    """A transaction that commits at the end, or not at all if anything raises."""
    async with house.turnstile:
        async with house.engine.begin() as connection:
            work = Unit(house, connection)
            yield work
            for event in work.events:
                await reactions.react(work, event)
        if work.spoke:
            house.waker.wake()
        for ticket in {event.ticket for event in work.events}:
            house.waker.tell(ticket)


# Whoever is in the middle of a turn is done with it in a moment (seconds).
TRIES, PAUSE = 5, 0.2


async def patiently(house: House, act: Callable[[Unit], Awaitable[T]]) -> T:
    """Do this in a transaction of its own, and once more after a moment where somebody else is just at the same chats
    or complaints, five times within two seconds. Whatever else it raises, and that in the end, is passed on."""
    for tried in range(1, TRIES):
        try:
            async with unit(house) as work:
                return await act(work)
        except Exception as error:
            if not is_busy(error):
                raise
        await asyncio.sleep(PAUSE * tried)
    async with unit(house) as work:
        return await act(work)


async def one_by_one(house: House, all_: Iterable[T], act: Callable[[Unit, T], Awaitable[bool]], *, failed: str) -> int:
    """Do this for each, in a transaction of its own, so that one on which we fail, which is logged under that name,
    leaves the others as they are; returns for how many it said yes."""
    count = 0
    for each in all_:
        try:
            async with unit(house) as work:
                count += await act(work, each)
        except Exception as error:
            if not is_down(error):
                log.error(failed, kind=type(error).__name__, where=where(error))
    return count
