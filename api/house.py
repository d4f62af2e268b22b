"""What a process holds while it runs: the engine, the classifier, the directory, the way to wake a speaker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import psycopg
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from api import learning
from api.learning import Gaps
from api.listening import CHANGED, COALESCE_SECONDS, WAKE
from api.settings import Settings, SettingsWrong
from store import masterdata
from store.database import KEEPALIVES, connect, libpq_url
from store.masterdata import Directory
from store.media import Shelf

if TYPE_CHECKING:
    from api.suggesting import Suggester

log = structlog.get_logger(__name__)


class Waker:
    """Tells the speakers that there is something to say, and the desks which complaint has changed: a NOTIFY of its own
    after the commit.

    Inside the turn's transaction a NOTIFY would make all commits queue behind one lock. Calls that come while one is
    under way become one. What is lost costs little: speakers also look by themselves, and desks after a reconnection.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._wanted = asyncio.Event()
        self._speak = False
        self._changed: set[str] = set()

    def wake(self) -> None:
        """There is something new in the ledger."""
        self._speak = True
        self._wanted.set()

    def tell(self, ticket: str) -> None:
        """Something happened to the complaint of that ticket."""
        self._changed.add(ticket)
        self._wanted.set()

    async def run(self) -> None:
        """Pass the news on for as long as the process lives."""
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._url, autocommit=True, **KEEPALIVES
                ) as connection:
                    while True:
                        await self._wanted.wait()
                        self._wanted.clear()
                        speak, self._speak = self._speak, False
                        changed, self._changed = self._changed, set()
                        if speak:
                            await connection.execute(f"NOTIFY {WAKE}")
                        for ticket in changed:
                            await connection.execute("SELECT pg_notify(%s, %s)", (CHANGED, ticket))
                        await asyncio.sleep(COALESCE_SECONDS)
            except psycopg.Error:
                await asyncio.sleep(1)


@dataclass(slots=True)
class House:
    """Everything that a turn needs beside its message."""

    settings: Settings
    url: str
    engine: AsyncEngine
    suggester: Suggester | None
    directory: Directory
    shelf: Shelf
    waker: Waker
    # SQLAlchemy's pool is unfair when saturated: whoever waits first must be served first.
    turnstile: asyncio.Semaphore
    bot_link: str = ""
    skew: timedelta = timedelta(0)
    # Of the model that the suggester has: whether the store knows it, and what its labels lack.
    registered: bool = False
    gaps: Gaps = field(default_factory=Gaps)

    def now(self) -> datetime:
        """The present moment by the database's clock, with its zone: moments of several hosts are compared."""
        return datetime.now(UTC) + self.skew

    def today(self, region: str | None) -> date:
        """The day that it is in a region."""
        return self.now().astimezone(self.zone(region)).date()

    def zone(self, region: str | None) -> ZoneInfo:
        """The time zone of a region, or of the nearest one that is known, else of the home region: nobody's report
        fails for a place that was entered a minute ago."""
        known = self.directory.regions.nearest(region)
        return self.directory.regions.timezone_of(known.code if known else self.settings.home_region)


@asynccontextmanager
async def open_house(
    settings: Settings, url: str, *, name: str, suggester: Suggester | None = None
) -> AsyncIterator[House]:
    """Open all that a process of that name needs; one that reads texts brings a suggester along.

    The database must be migrated.
    """
    engine = connect(url, size=settings.database_connections, name=f"lapor-{name}")
    try:
        async with engine.connect() as connection:
            directory = await masterdata.directory(connection, settings.home_region)
            skew = await _skew(connection)
    except ValueError:
        raise SettingsWrong("HOME_REGION names no province that we know.") from None
    house = House(
        settings=settings,
        url=libpq_url(url),
        engine=engine,
        suggester=suggester,
        skew=skew,
        directory=directory,
        shelf=Shelf(settings.data_dir / "media"),
        waker=Waker(libpq_url(url)),
        # One connection is left for what only reads.
        turnstile=asyncio.Semaphore(settings.database_connections - 1),
    )
    await _look_at_model(house)
    waking = asyncio.create_task(house.waker.run())
    refreshing = asyncio.create_task(_refresh(house))
    try:
        yield house
    finally:
        for task in (waking, refreshing):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await engine.dispose()


async def _skew(connection: AsyncConnection) -> timedelta:
    """How far the database's clock is ahead of ours; less than the time of asking counts as nothing."""
    before = datetime.now(UTC)
    theirs: datetime = (await connection.exec_driver_sql("SELECT clock_timestamp()")).scalar_one()
    after = datetime.now(UTC)
    ahead = theirs - (before + (after - before) / 2)
    return ahead if abs(ahead) > (after - before) + timedelta(milliseconds=50) else timedelta(0)


async def _look_at_model(house: House) -> None:
    """Register the model where that is not done, and check its labels against the agencies of today."""
    facts = house.suggester.facts if house.suggester else None
    if facts is None:
        return
    if not house.registered:
        house.registered = await learning.register(house.engine, facts)
    found = learning.gaps(facts.functions, house.directory.agencies, house.today(None))
    if found != house.gaps:
        house.gaps = found
        found.warn()


async def _refresh(house: House) -> None:
    """Agencies and regions change at the desk: look again every minute."""
    while True:
        await asyncio.sleep(60)
        with suppress(Exception):
            async with house.engine.connect() as connection:
                house.directory = await masterdata.directory(connection, house.settings.home_region)
                house.skew = await _skew(connection)
            await _look_at_model(house)
