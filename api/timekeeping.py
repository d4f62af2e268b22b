"""What the calendar does by itself: remind of what ends soon, end what nobody has answered, tell the desk what is late
(see store/clocks.py and store/notices.py)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, datetime, time
from functools import partial

import structlog

from api import reactions
from api.house import House
from api.problems import where
from api.unit import Unit, unit
from store import clocks, notices, policy
from store.calendar import Calendar, CalendarUnknown
from store.clocks import Clock, Load
from store.database import is_down
from store.notices import Person
from store.policy import Reach

log = structlog.get_logger(__name__)

# So many complaints of each kind in one run; the next comes soon.
MOST = 1000
# Old notices that go in one run.
MOST_NOTICES = 5000
# When people are told how much there is to do, by the time of their place; after the second it is no morning any more.
MORNING, NOON = time(7, 30), time(12)
# What is due within so many working days is told with it.
SOON = 2


async def keep_clocks(house: House) -> None:
    """Remind of what ends soon, end what is over, and give clocks to complaints that lack one; tell officers of the
    deadlines that are near or over.

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
    await _keep_deadlines(house)
    async with unit(house) as work:
        await notices.drop_old(work.connection, house.now(), MOST_NOTICES)


async def _keep_deadlines(house: House) -> None:
    after = 0
    while True:
        async with house.engine.connect() as connection:
            adrift = await clocks.adrift(connection, after, MOST)
        for row in adrift:
            await _each(house, partial(_mend, ticket=row.ticket))
        if len(adrift) < MOST:
            break
        after = adrift[-1].id
    now = house.now()
    async with house.engine.connect() as connection:
        over = await clocks.over(connection, now, MOST)
        near = await clocks.near(connection, now, MOST)
    for clock in over:
        await _each(house, partial(_tell_over, clock=clock))
    for clock in near:
        await _each(house, partial(_tell_near, clock=clock))


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


async def _mend(work: Unit, ticket: str) -> None:
    house = work.house
    years = await clocks.mend(work.connection, ticket, house.directory.calendar, house.zone, house.now())
    for year in years:
        await reactions.ask_for_calendar(work, CalendarUnknown(year))


async def _tell_near(work: Unit, clock: Clock) -> None:
    if await clocks.tell_near(work.connection, clock, work.house.now()):
        await notices.give_near(work.connection, clock, work.house.settings.home_region)


async def _tell_over(work: Unit, clock: Clock) -> None:
    if await clocks.tell_over(work.connection, clock, work.house.now()):
        await notices.give_over(work.connection, clock, work.house.settings.home_region)


# --- mornings --------------------------------------------------------------------------------------------


async def keep_mornings(house: House) -> None:
    """Tell everybody who has something to do how much of it is late, due today and due soon: once on each of their
    working days, between half past seven and noon by the time of their place.

    Whoever has nothing is told nothing, until something comes before noon. Any number of these may run at once.
    """
    now = house.now()
    async with house.engine.connect() as connection:
        people = [(person, today) for person in await notices.people(connection, now) if (today := _day(house, person))]
        told = await notices.given(connection, [_once(person, today) for person, today in people])
    loads: dict[tuple[Reach, date], Load] = {}
    for person, today in people:
        if _once(person, today) in told:
            continue
        await _each(house, partial(_greet, person=person, today=today, loads=loads))


def _day(house: House, person: Person) -> date | None:
    """The day on which it is morning for somebody; None at another time. Several grants: the first one's place."""
    grant = person.grants[0]
    agency = house.directory.agencies.by_code.get(grant.agency or "")
    here: datetime = house.now().astimezone(house.zone(agency.region if agency else grant.region))
    return here.date() if MORNING <= here.time() < NOON else None


def _once(person: Person, today: date) -> str:
    return f"morning:{person.staff_id}:{today.isoformat()}"


async def _greet(work: Unit, person: Person, today: date, loads: dict[tuple[Reach, date], Load]) -> None:
    house = work.house
    if not house.directory.calendar.works(today):
        return
    reach = policy.reach(person.grants, "report.read")
    if (reach, today) not in loads:  # colleagues have the same
        soon = _soon(house.directory.calendar, today)
        loads[reach, today] = await clocks.load(work.connection, reach, house.settings.home_region, today, soon)
    if load := loads[reach, today]:
        detail = {"late": load.late, "today": load.today, "soon": load.soon}
        once = _once(person, today)
        await notices.give(work.connection, "morning", once=once, staff_id=person.staff_id, detail=detail)


def _soon(calendar: Calendar, today: date) -> date:
    try:
        return calendar.add(today, SOON)
    except CalendarUnknown:  # the last days of a year: no deadline runs past it
        return date(today.year, 12, 31)
