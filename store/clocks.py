"""What the calendar does to a complaint if nobody says anything: it reminds, and then it ends it.

At most one clock of a complaint runs: `close` after an answer, `archive` while an office waits for more. Each word of
the office starts it anew, each word of the pelapor stops it. What a clock ends was ended by silence, and nothing else
is concluded from that. The rules and the days off stand in `store/calendar.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import complaints
from store.calendar import Calendar
from store.complaints import Actor, Event

CLOCK = Actor("system", "clock")
# The reason of what a clock ends; no sentence of anybody's.
SILENCE = "silence"
# Which clock a status starts, and what the clock makes of the complaint.
STARTS = {
    "Menunggu Kelengkapan Informasi": "archive",
    "Ditindaklanjuti oleh Instansi": "close",
    "Selesai otomatis dalam 10 hari": "close",
}
ENDS = {"archive": "Diarsipkan oleh Sistem", "close": "Ditutup oleh Sistem"}
# People are awake, and may still ask an office on that day.
_REMINDS_AT = time(9)


@dataclass(frozen=True, slots=True)
class Clock:
    """A running clock of a complaint. `due_on` is the last day on which it can be stopped, by the region's time."""

    id: int
    complaint_id: int
    ticket: str
    region: str | None
    kind: str
    due_on: date


_RUNNING = """
    SELECT c.id, c.complaint_id, k.ticket, k.region, c.kind, c.due_on
    FROM clocks c JOIN complaints k ON k.id = c.complaint_id WHERE c.stopped_at IS NULL
"""
_OF_COMPLAINT = text(f"{_RUNNING} AND c.complaint_id = :id ORDER BY c.due_at LIMIT 1")


async def running(connection: AsyncConnection, complaint_id: int) -> Clock | None:
    """The clock that runs for a complaint, if one does."""
    row = (await connection.execute(_OF_COMPLAINT, {"id": complaint_id})).one_or_none()
    return None if row is None else Clock(*row)


_STOP = text("UPDATE clocks SET stopped_at = :now WHERE complaint_id = :id AND stopped_at IS NULL")


async def stop(connection: AsyncConnection, complaint_id: int, now: datetime) -> None:
    """Stop the clock of a complaint that this transaction has locked."""
    await connection.execute(_STOP, {"id": complaint_id, "now": now})


_START = text("""
    INSERT INTO clocks (complaint_id, kind, started_at, due_on, due_at, remind_at)
    VALUES (:id, :kind, :now, :due_on, :due_at, :remind_at)
""")


async def start(
    connection: AsyncConnection, complaint_id: int, kind: str, calendar: Calendar, zone: ZoneInfo, now: datetime
) -> date | None:
    """Start the clock of a complaint that this transaction has locked, instead of any that runs; returns its last day.

    Without a rule for that kind there is no clock, hence None. Raises `CalendarUnknown` where the calendar does not
    reach so far: then none runs, and nothing is ended by a guess.
    """
    await stop(connection, complaint_id, now)
    today = now.astimezone(zone).date()
    rule = calendar.rule(kind, today)
    if rule is None:
        return None
    due_on = calendar.add(today, rule.working_days)
    remind_at = None
    if rule.remind_days_before is not None:
        remind_at = datetime.combine(calendar.back(due_on, rule.remind_days_before), _REMINDS_AT, zone)
    parameters = {"due_on": due_on, "due_at": _end_of(due_on, zone), "remind_at": remind_at}
    await connection.execute(_START, {"id": complaint_id, "kind": kind, "now": now, **parameters})
    return due_on


def _end_of(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), zone)


# --- what is to be done ------------------------------------------------------------------------------------

# Nothing ends that was to be announced and was not.
_DUE = text(f"""
    {_RUNNING} AND c.due_at <= :now AND (c.remind_at IS NULL OR c.reminded_at IS NOT NULL) ORDER BY c.id LIMIT :most
""")
_TO_REMIND = text(f"""
    {_RUNNING} AND c.remind_at <= :now AND c.reminded_at IS NULL ORDER BY c.id LIMIT :most
""")
_UNWOUND = text("""
    SELECT k.ticket, k.region FROM complaints k
    WHERE k.status = ANY(:statuses) AND NOT EXISTS (
        SELECT 1 FROM clocks c WHERE c.complaint_id = k.id AND c.stopped_at IS NULL
    )
    ORDER BY k.id LIMIT :most
""")


async def due(connection: AsyncConnection, now: datetime, most: int) -> list[Clock]:
    """The clocks whose last day is over."""
    return [Clock(*row) for row in await connection.execute(_DUE, {"now": now, "most": most})]


async def to_remind(connection: AsyncConnection, now: datetime, most: int) -> list[Clock]:
    """The clocks of which somebody must be reminded."""
    return [Clock(*row) for row in await connection.execute(_TO_REMIND, {"now": now, "most": most})]


async def unwound(connection: AsyncConnection, most: int) -> Sequence[Any]:
    """Complaints (ticket, region) that should have a clock and have none: the calendar was not known when an office
    answered, or that was before there were clocks."""
    return (await connection.execute(_UNWOUND, {"statuses": list(STARTS), "most": most})).all()


# --- doing it, one complaint in a transaction -----------------------------------------------------------------

_RING = text("""
    UPDATE clocks SET stopped_at = :now
    WHERE id = :id AND stopped_at IS NULL AND due_at <= :now AND (remind_at IS NULL OR reminded_at IS NOT NULL)
    RETURNING id
""")


async def ring(connection: AsyncConnection, clock: Clock, now: datetime) -> Event | None:
    """End a complaint for which nobody said anything: "lapsed". None where somebody did meanwhile, or another worker
    was first."""
    row = await complaints.lock(connection, clock.ticket)
    if (await connection.execute(_RING, {"id": clock.id, "now": now})).one_or_none() is None:
        return None
    if STARTS.get(row.status) != clock.kind:
        return None  # not a status in which it would have run: it is stopped now, and ends nothing
    event = await complaints.become(connection, row, ENDS[clock.kind], CLOCK, "lapsed", reason=SILENCE)
    return Event(event.kind, event.complaint_id, event.ticket, {**event.data, "due_on": clock.due_on})


_REMIND = text("""
    UPDATE clocks SET reminded_at = :now, due_on = :due_on, due_at = :due_at
    WHERE id = :id AND stopped_at IS NULL AND reminded_at IS NULL AND remind_at <= :now
    RETURNING id
""")


async def remind(
    connection: AsyncConnection, clock: Clock, calendar: Calendar, zone: ZoneInfo, now: datetime
) -> Event | None:
    """Announce the end of a complaint: "reminded", with the last day as `due_on`. None where it is not needed any more.

    An announcement that comes late puts the end off: it always leaves the days that the rule gives. Raises
    `CalendarUnknown`.
    """
    row = await complaints.lock(connection, clock.ticket)
    today = now.astimezone(zone).date()
    rule = calendar.rule(clock.kind, today)
    left = rule.remind_days_before if rule else None
    due_on = max(clock.due_on, calendar.add(today, left or 1))
    parameters = {"id": clock.id, "now": now, "due_on": due_on, "due_at": _end_of(due_on, zone)}
    if (await connection.execute(_REMIND, parameters)).one_or_none() is None:
        return None
    await complaints.write(connection, row.id, CLOCK, "reminded", became={"due_on": due_on.isoformat()}, public=True)
    return complaints.happened(row, CLOCK, "reminded", row.status, clock=clock.kind, due_on=due_on)


async def wind(
    connection: AsyncConnection, ticket: str, calendar: Calendar, zone: ZoneInfo, now: datetime
) -> date | None:
    """Give a complaint the clock that it should have; the days begin now, since nobody could be told of an earlier
    end. Returns its last day, None where it needs none any more. Raises `CalendarUnknown`."""
    row = await complaints.lock(connection, ticket)
    kind = STARTS.get(row.status)
    if kind is None or await running(connection, row.id) is not None:
        return None
    return await start(connection, row.id, kind, calendar, zone, now)
