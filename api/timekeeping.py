"""What the calendar does by itself: remind of what ends soon, end what nobody has answered (see store/clocks.py)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import structlog

from api import reactions
from api.house import House
from api.problems import is_down, where
from api.unit import Unit, unit
from store import clocks
from store.calendar import CalendarUnknown
from store.clocks import Clock

log = structlog.get_logger(__name__)

# So many complaints of each kind in one run; the next comes soon.
MOST = 1000


async def keep_clocks(house: House) -> None:
    """Remind of what ends soon, end what is over, and give clocks to complaints that lack one.

    Each complaint has a transaction of its own that looks again at what it finds: any number of these may run at once,
    and one that is killed leaves nothing half done. What cannot be done for one complaint holds up no other.
    """
    now = house.now()
    async with house.engine.connect() as connection:
        reminders = await clocks.to_remind(connection, now, MOST)
    for clock in reminders:
        await _each(house, partial(_remind, clock=clock))
    async with house.engine.connect() as connection:
        lapsed = await clocks.due(connection, now, MOST)
        unwound = await clocks.unwound(connection, MOST)
    for clock in lapsed:
        await _each(house, partial(_ring, clock=clock))
    for row in unwound:
        await _each(house, partial(_wind, ticket=row.ticket, region=row.region))


async def _each(house: House, do: Callable[[Unit], Awaitable[None]]) -> None:
    """Do it in a transaction of its own; whatever it cannot, the next run tries again."""
    try:
        async with unit(house) as work:
            await do(work)
    except CalendarUnknown as unknown:
        async with unit(house) as work:
            await reactions.ask_for_calendar(work, unknown)
    except Exception as error:
        if is_down(error):
            log.info("clock_put_off", kind=type(error).__name__)
        else:
            log.error("clock_failed", kind=type(error).__name__, where=where(error))


async def _remind(work: Unit, clock: Clock) -> None:
    house = work.house
    zone = house.zone(clock.region)
    event = await clocks.remind(work.connection, clock, house.directory.calendar, zone, house.now())
    if event is not None:
        work.record(event)


async def _ring(work: Unit, clock: Clock) -> None:
    event = await clocks.ring(work.connection, clock, work.house.now())
    if event is not None:
        work.record(event)


async def _wind(work: Unit, ticket: str, region: str | None) -> None:
    house = work.house
    await clocks.wind(work.connection, ticket, house.directory.calendar, house.zone(region), house.now())
