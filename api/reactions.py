"""What follows from what: one table from event to reactions, run in the transaction of the event."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from api.elsewhere import hooks, planning
from api.telling import (
    is_message,
    tell_agency,
    tell_denial,
    tell_disposition,
    tell_followers,
    tell_heard,
    tell_helper,
    tell_joined,
    tell_message,
    tell_reference,
    tell_reminder,
    tell_response,
    tell_silence,
    tell_status,
)
from store import attention, clocks, merging, moves
from store.calendar import CalendarUnknown
from store.complaints import Event

if TYPE_CHECKING:
    from api.unit import Unit


async def react(work: Unit, event: Event) -> None:
    """Run everything that follows from an event."""
    for reaction in REACTIONS[event.kind]:
        await reaction(work, event)
    # Last, so that what is told outside is how it is after all that followed.
    await hooks.note(work, event)


# --- joined reports --------------------------------------------------------------------------------------


async def pass_on(work: Unit, event: Event) -> None:
    """Those that were joined with this report hear it as well, each in its own transaction."""
    main = event.data.get("into", event.complaint_id)
    if event.kind == "merged" or await merging.merged(work.connection, main):
        await work.later("pass_on", complaint_id=main)


async def go_alone(work: Unit, event: Event) -> None:
    """Whoever speaks against an answer after the main report has ended is heard on their own: no office works on that
    one any more."""
    main = await merging.ended_main(work.connection, event.complaint_id)
    if main is not None:
        await work.later("pass_on", complaint_id=main)


# --- clocks ------------------------------------------------------------------------------------------------


async def wind_clock(work: Unit, event: Event) -> None:
    """A status starts its clock, and stops that of the one before."""
    kind = clocks.STARTS.get(event.data["status"])
    if kind is None:
        await clocks.stop(work.connection, event.complaint_id, work.house.now())
    else:
        await _start(work, event.complaint_id, kind, event.data["region"])


async def rewind_clock(work: Unit, event: Event) -> None:
    """A word of the office gives the citizen all the days again."""
    if is_message(event) and (clock := await clocks.running(work.connection, event.complaint_id)):
        await _start(work, event.complaint_id, clock.kind, clock.region)


async def set_deadlines(work: Unit, event: Event) -> None:
    """Whatever happens to a report, the deadlines of offices follow.

    Where the calendar does not reach so far, the next run of `timekeeping.keep_clocks` asks for it: in December, every
    filing would have to wait for the one that asks before it.
    """
    if event.data.get("again"):
        return
    house = work.house
    calendar, now = house.directory.calendar, house.now()
    await clocks.set_deadlines(work.connection, event.complaint_id, calendar, house.zone, now)


async def _start(work: Unit, complaint_id: int, kind: str, region: str | None) -> None:
    house = work.house
    try:
        zone = house.zone(region)
        await clocks.start(work.connection, complaint_id, kind, house.directory.calendar, zone, house.now())
    except CalendarUnknown as unknown:
        await ask_for_calendar(work, unknown)


async def ask_for_calendar(work: Unit, unknown: CalendarUnknown) -> None:
    """Somebody must enter the days off of that year; one matter for all complaints that wait for it."""
    await attention.raise_matter(work.connection, "calendar_unknown", detail=str(unknown.year))


# --- what waits for a person -------------------------------------------------------------------------------


async def ask_person(work: Unit, event: Event) -> None:
    """A person must act on what the citizen, or the wrong office, said."""
    kind, detail = _MATTERS[event.kind], event.data.get("denied", event.data["agency"])
    if event.kind == "withdrawn" and event.data["was"] not in _WITH_AN_OFFICE:
        return  # nobody works on it yet
    if event.data.get("returned"):
        return  # by the person who sorts
    if not event.data.get("again"):
        await attention.raise_matter(work.connection, kind, complaint_id=event.complaint_id, detail=detail)


_MATTERS = {
    "disputed": "disputed",
    "denied": "wrong_agency",
    "handed_back": "wrong_agency",
    "withdrawn": "withdrawn",
}
_WITH_AN_OFFICE = ("Terdisposisi", "Ditanggapi oleh Pelapor", *moves.ANSWERS)


Reaction = Callable[["Unit", Event], Awaitable[None]]

REACTIONS: dict[str, tuple[Reaction, ...]] = {
    "filed": (set_deadlines, planning.plan_filed),
    # The clock comes first: the news names its last day.
    "moved": (wind_clock, set_deadlines, tell_status, tell_helper, pass_on),
    "disposed": (
        wind_clock,
        set_deadlines,
        tell_disposition,
        tell_helper,
        pass_on,
        planning.plan_disposed,
    ),
    "handed_back": (set_deadlines, ask_person),
    "responded": (rewind_clock, set_deadlines, tell_response, tell_helper, pass_on),
    "rerouted": (set_deadlines, tell_agency, tell_helper, planning.plan_disposed),
    "noted": (rewind_clock, tell_message, tell_helper, pass_on),
    "replied": (wind_clock, set_deadlines, go_alone, planning.post_words),
    "disputed": (wind_clock, set_deadlines, ask_person, go_alone, planning.post_words),
    "confirmed": (wind_clock, set_deadlines, tell_followers, pass_on, planning.post_words),
    "withdrawn": (wind_clock, set_deadlines, ask_person, tell_followers, pass_on, planning.post_words),
    "denied": (wind_clock, set_deadlines, ask_person, tell_denial, tell_helper, pass_on),
    "rated": (),
    "followed": (),
    "unfollowed": (),
    # Both chats hear of it in their own turns.
    "carried": (),
    "reminded": (tell_reminder, tell_helper),
    "lapsed": (wind_clock, set_deadlines, tell_silence, tell_helper, pass_on),
    "edited": (set_deadlines,),
    "covered": (),
    "merged": (set_deadlines, tell_joined, tell_helper, pass_on),
    "unmerged": (set_deadlines, tell_joined, tell_helper),
    # What other systems tell.
    "referenced": (tell_reference, planning.arrived),
    "heard": (rewind_clock, tell_heard, tell_helper, pass_on),
}
