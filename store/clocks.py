"""How long things may take: the clocks that end a complaint by silence, and the deadlines of offices.

Of the clocks that end something at most one runs: `close` after an answer, `archive` while an office waits for more.
Each word of the office starts it anew, each word of the pelapor stops it. What such a clock ends was ended by silence,
and nothing else is concluded from that. Citizens are told its last day.

Deadlines end nothing: `verify`, `follow_up` and `handle` say until when an office should have acted, and whom it
concerns is told when that is near and when it is over. They follow from the history alone (`course`), so that setting
them again changes nothing; at most one of each kind runs. No citizen is told of them.

The rules and the days off stand in `store/calendar.py`. A rule holds for clocks that start from its day on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import complaints, moves, policy
from store.calendar import Calendar, CalendarUnknown
from store.complaints import Actor, Event
from store.policy import COVERED, Reach
from store.statement import Statement

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
# What offices have time for: to verify and forward, to say a first word, to answer in substance.
DEADLINES = ("verify", "follow_up", "handle")
# Which of them may run in a status; in all others none does: the pelapor is to speak, or it has ended.
RUNS: dict[str, tuple[str, ...]] = {
    moves.FIRST: ("verify", "handle"),
    moves.DISPOSED: ("follow_up", "handle"),
    moves.DISPUTED: ("follow_up", "handle"),
}
# People are awake, and may still ask an office on that day.
_REMINDS_AT = time(9)


@dataclass(frozen=True, slots=True)
class Clock:
    """A running clock of a complaint. `due_on` is the last day on which it can be stopped, by the region's time, and
    `due_at` the moment at which that day is over."""

    id: int
    complaint_id: int
    ticket: str
    region: str | None
    kind: str
    due_on: date
    due_at: datetime


_RUNNING = """
    SELECT c.id, c.complaint_id, k.ticket, k.region, c.kind, c.due_on, c.due_at
    FROM clocks c JOIN complaints k ON k.id = c.complaint_id WHERE c.stopped_at IS NULL
"""
_ENDING = "c.kind IN ('archive', 'close')"
_DEADLINE = "c.kind IN ('verify', 'follow_up', 'handle')"
_OF_COMPLAINT = text(f"{_RUNNING} AND {_ENDING} AND c.complaint_id = :id ORDER BY c.due_at LIMIT 1")
_DEADLINES_OF = text(f"{_RUNNING} AND {_DEADLINE} AND c.complaint_id = :id ORDER BY c.due_at, c.id")


async def running(connection: AsyncConnection, complaint_id: int) -> Clock | None:
    """The clock that will end a complaint (close or archive), if one runs. No deadline of an office."""
    row = (await connection.execute(_OF_COMPLAINT, {"id": complaint_id})).one_or_none()
    return None if row is None else Clock(*row)


async def deadlines(connection: AsyncConnection, complaint_id: int) -> list[Clock]:
    """The deadlines that run for a complaint, the next one first."""
    return [Clock(*row) for row in await connection.execute(_DEADLINES_OF, {"id": complaint_id})]


_STOP = text("""
    UPDATE clocks SET stopped_at = :now
    WHERE complaint_id = :id AND stopped_at IS NULL AND kind IN ('archive', 'close')
""")


async def stop(connection: AsyncConnection, complaint_id: int, now: datetime) -> None:
    """Stop the clock that would end a complaint, which this transaction has locked."""
    await connection.execute(_STOP, {"id": complaint_id, "now": now})


_START = text("""
    INSERT INTO clocks (complaint_id, kind, started_at, due_on, due_at, remind_at)
    VALUES (:id, :kind, :now, :due_on, :due_at, :remind_at)
""")


async def start(
    connection: AsyncConnection, complaint_id: int, kind: str, calendar: Calendar, zone: ZoneInfo, now: datetime
) -> date | None:
    """Start the clock that will end a complaint, which this transaction has locked, instead of one that runs; returns
    its last day.

    Without a rule for that kind there is no clock, hence None. Raises `CalendarUnknown` where the calendar does not
    reach so far: then none runs, and nothing is ended by a guess.
    """
    await stop(connection, complaint_id, now)
    today = now.astimezone(zone).date()
    rule = calendar.rule(kind, today)
    if rule is None:
        return None
    due_on = calendar.add(today, rule.working_days)
    remind_at = _reminding(calendar, due_on, rule.remind_days_before, zone)
    parameters = {"due_on": due_on, "due_at": _end_of(due_on, zone), "remind_at": remind_at}
    await connection.execute(_START, {"id": complaint_id, "kind": kind, "now": now, **parameters})
    return due_on


def _reminding(calendar: Calendar, due_on: date, days_before: int | None, zone: ZoneInfo) -> datetime | None:
    return None if days_before is None else datetime.combine(calendar.back(due_on, days_before), _REMINDS_AT, zone)


def _end_of(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), zone)


# --- what is to be done ------------------------------------------------------------------------------------

# Nothing ends that was to be announced and was not.
_DUE = text(f"""
    {_RUNNING} AND {_ENDING} AND c.due_at <= :now AND (c.remind_at IS NULL OR c.reminded_at IS NOT NULL)
    ORDER BY c.id LIMIT :most
""")
_TO_REMIND = text(f"""
    {_RUNNING} AND {_ENDING} AND c.remind_at <= :now AND c.reminded_at IS NULL ORDER BY c.id LIMIT :most
""")
_UNWOUND = text(f"""
    SELECT k.ticket, k.region FROM complaints k
    WHERE k.status = ANY(:statuses) AND NOT EXISTS (
        SELECT 1 FROM clocks c WHERE c.complaint_id = k.id AND c.stopped_at IS NULL AND {_ENDING}
    )
    ORDER BY k.id LIMIT :most
""")  # noqa: S608 (the clause above, and no value)


async def due(connection: AsyncConnection, now: datetime, most: int) -> list[Clock]:
    """The clocks that end something and whose last day is over."""
    return [Clock(*row) for row in await connection.execute(_DUE, {"now": now, "most": most})]


async def to_remind(connection: AsyncConnection, now: datetime, most: int) -> list[Clock]:
    """The clocks that end something, and of which a citizen must be reminded."""
    return [Clock(*row) for row in await connection.execute(_TO_REMIND, {"now": now, "most": most})]


async def unwound(connection: AsyncConnection, most: int) -> Sequence[Any]:
    """Complaints (ticket, region) that silence should end and that have no clock for it: the calendar was not known
    when an office answered, or that was before there were clocks."""
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
    """Give a complaint the clock that should end it; the days begin now, since nobody could be told of an earlier
    end. Returns its last day, None where it needs none any more. Raises `CalendarUnknown`."""
    row = await complaints.lock(connection, ticket)
    kind = STARTS.get(row.status)
    if kind is None or await running(connection, row.id) is not None:
        return None
    return await start(connection, row.id, kind, calendar, zone, now)


# --- deadlines: when they begin and when they are over --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """A history row that a deadline may hang on: when, what, the status before and after where it names one, and
    whether another agency leads since then."""

    at: datetime
    event: str
    before: str | None = None
    after: str | None = None
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class Course:
    """What a complaint's history says of its deadlines: when each begins; the pairs of moments between which
    verification waited for the pelapor; whether an office has said a first word since `follow_up` began, and whether
    one has answered in substance since `handle` began."""

    verify: datetime
    waited: tuple[tuple[datetime, datetime], ...]
    follow_up: datetime | None
    handle: datetime
    responded: bool
    answered: bool


def course(filed_at: datetime, steps: Iterable[Step]) -> Course:
    """Read the history of a complaint, oldest first. Pure.

    - `verify` begins with the filing, and anew whenever the complaint comes back to be verified ("bukan wewenang").
      A tunda pauses it, and the pelapor's words resume it: the working days in between are not counted.
    - `follow_up` begins with the disposition, and anew with each later one to another agency, and with the pelapor's
      words against an answer.
    - `handle` begins when the report is complete (Perpres 76/2013): with the filing, and anew with whatever ends a
      tunda, during which it does not run. An answer in substance settles it, also where the pelapor disputes that
      answer: then `follow_up` runs.
    """
    verify = handle = filed_at
    waited: list[tuple[datetime, datetime]] = []
    paused: datetime | None = None
    follow_up: datetime | None = None
    responded = answered = False
    status = moves.FIRST
    for step in steps:
        before, status = step.before or status, step.after or status
        if before == moves.WAITING and status != moves.WAITING:
            handle, answered = step.at, False
        if status == moves.FIRST and before == moves.WAITING and paused is not None:
            waited.append((paused, step.at))
        elif status == moves.FIRST and before != moves.FIRST:
            verify, waited = step.at, []
        if status != before:
            paused = step.at if status == moves.WAITING and before == moves.FIRST else None
        if step.after in moves.ANSWERS:
            answered = True
        if step.event == "responded":
            responded = True
        begins = status != before or step.elsewhere or step.event == "disputed"
        if begins and status in (moves.DISPOSED, moves.DISPUTED):
            follow_up, responded = step.at, False
    return Course(verify, tuple(waited), follow_up, handle, responded, answered)


def _handling(report_class: str, supervised: bool | None) -> str:
    """The kind of the rule for an answer in substance; only a pengaduan can be "berkadar pengawasan"."""
    return f"handle_{report_class}{'_berkadar' if supervised and report_class == 'pengaduan' else ''}"


@dataclass(frozen=True, slots=True)
class _Wanted:
    started_at: datetime
    due_on: date
    remind_at: datetime | None


def _want(kind: str, found: Course, rule_kind: str, calendar: Calendar, zone: ZoneInfo) -> _Wanted | None:
    """The deadline of that kind that should run, None where nothing is due. Raises `CalendarUnknown`."""
    started_at = {"verify": found.verify, "follow_up": found.follow_up, "handle": found.handle}[kind]
    if started_at is None or (kind == "follow_up" and found.responded) or (kind == "handle" and found.answered):
        return None
    began = started_at.astimezone(zone).date()
    rule = calendar.rule(rule_kind, began)
    if rule is None:
        return None
    days = rule.working_days
    if kind == "verify":
        days += sum(calendar.between(*(at.astimezone(zone).date() for at in pause)) for pause in found.waited)
    due_on = calendar.add(began, days)
    try:
        remind_at = _reminding(calendar, due_on, rule.remind_days_before, zone)
    except CalendarUnknown:  # before the first year that was entered, and so before it began
        remind_at = None
    return _Wanted(started_at, due_on, remind_at)


# --- deadlines: setting them -----------------------------------------------------------------------------------

# One round trip: it runs in the turn that files.
_STATE = Statement(f"""
    SELECT k.status, k.region, k.report_class, k.supervised, k.merged_into, k.filed_at,
           h.ats, h.events, h.befores, h.afters, h.elsewheres, r.ids, r.kinds, r.starts, r.days
    FROM complaints k
    LEFT JOIN LATERAL (
        SELECT array_agg(h.at ORDER BY h.id) AS ats, array_agg(h.event ORDER BY h.id) AS events,
               array_agg(h.was->>'status' ORDER BY h.id) AS befores,
               array_agg(h.became->>'status' ORDER BY h.id) AS afters,
               array_agg(h.event IN ('disposed', 'rerouted') AND h.was->>'agency' IS DISTINCT FROM h.became->>'agency'
                         ORDER BY h.id) AS elsewheres
        FROM complaint_history h
        WHERE h.complaint_id = k.id AND (h.became->>'status' IS NOT NULL OR h.event IN ('responded', 'rerouted'))
    ) h ON true
    LEFT JOIN LATERAL (
        SELECT array_agg(c.id) AS ids, array_agg(c.kind) AS kinds, array_agg(c.started_at) AS starts,
               array_agg(c.due_on) AS days
        FROM clocks c WHERE c.complaint_id = k.id AND c.stopped_at IS NULL AND {_DEADLINE}
    ) r ON true
    WHERE k.id = :id
""")  # noqa: S608 (the clause above, and no value)
_STOP_DEADLINES = Statement("UPDATE clocks SET stopped_at = :now WHERE id = ANY(:ids)")
# What was over before its clock was wound (a report from before there were clocks) is listed as late, and is not told
# one by one to those above.
_START_DEADLINES = Statement("""
    INSERT INTO clocks (complaint_id, kind, started_at, due_on, due_at, remind_at, escalated_at)
    SELECT :id, n.kind, n.started_at, n.due_on, n.due_at, n.remind_at, CASE WHEN n.due_at <= :now THEN :now END
    FROM unnest(CAST(:kinds AS text[]), CAST(:starts AS timestamptz[]), CAST(:days AS date[]),
                CAST(:ends AS timestamptz[]), CAST(:reminds AS timestamptz[]))
      AS n (kind, started_at, due_on, due_at, remind_at)
""")
_RETIME = Statement("""
    UPDATE clocks SET due_on = :due_on, due_at = :due_at, remind_at = :remind_at, reminded_at = NULL,
                      escalated_at = NULL
    WHERE id = :clock_id
""")


async def set_deadlines(
    connection: AsyncConnection,
    complaint_id: int,
    calendar: Calendar,
    zone_of: Callable[[str | None], ZoneInfo],
    now: datetime,
) -> tuple[int, ...]:
    """Let exactly those deadlines run that a complaint's history, class and status ask for; the transaction has locked
    it, or has just filed it. Doing it again changes nothing.

    A deadline whose start stays and whose rule does not (the class was put right) gets another end. What was joined
    with another report has no deadlines: the main one has. Returns the years that nobody has entered and that a
    deadline leads through; that deadline does not run.
    """
    row = await _STATE.row(connection, {"id": complaint_id})
    if row is None:
        return ()
    zone = zone_of(row.region)
    wanted: dict[str, _Wanted] = {}
    unknown: set[int] = set()
    if row.merged_into is None and row.status in RUNS:
        columns = (row.ats, row.events, row.befores, row.afters, row.elsewheres)
        steps = [Step(*step) for step in zip(*(each or () for each in columns), strict=True)]
        found = course(row.filed_at, steps)
        for kind in RUNS[row.status]:
            rule_kind = _handling(row.report_class, row.supervised) if kind == "handle" else kind
            try:
                want = _want(kind, found, rule_kind, calendar, zone)
            except CalendarUnknown as error:
                unknown.add(error.year)
            else:
                if want is not None:
                    wanted[kind] = want
    stopped = []
    for clock_id, kind, started_at, due_on in zip(
        row.ids or (), row.kinds or (), row.starts or (), row.days or (), strict=True
    ):
        want = wanted.get(kind)
        if want is None or want.started_at != started_at:
            stopped.append(clock_id)
            continue
        del wanted[kind]
        if want.due_on != due_on:
            await _RETIME.run(
                connection,
                {
                    "clock_id": clock_id,
                    "due_on": want.due_on,
                    "due_at": _end_of(want.due_on, zone),
                    "remind_at": want.remind_at,
                },
            )
    if stopped:
        await _STOP_DEADLINES.run(connection, {"ids": stopped, "now": now})
    if wanted:
        await _START_DEADLINES.run(
            connection,
            {
                "id": complaint_id,
                "now": now,
                "kinds": list(wanted),
                "starts": [want.started_at for want in wanted.values()],
                "days": [want.due_on for want in wanted.values()],
                "ends": [_end_of(want.due_on, zone) for want in wanted.values()],
                "reminds": [want.remind_at for want in wanted.values()],
            },
        )
    return tuple(sorted(unknown))


async def mend(
    connection: AsyncConnection,
    ticket: str,
    calendar: Calendar,
    zone_of: Callable[[str | None], ZoneInfo],
    now: datetime,
) -> tuple[int, ...]:
    """Set the deadlines of a complaint that `adrift` has found, as `set_deadlines` does."""
    row = await complaints.lock(connection, ticket)
    return await set_deadlines(connection, row.id, calendar, zone_of, now)


# Runs and should not: it has ended, waits for the pelapor, or was joined with another. Should run and does not.
_ADRIFT = text(f"""
    SELECT k.id, k.ticket FROM complaints k
    WHERE k.id > :after AND EXISTS (
        SELECT 1 FROM clocks c WHERE c.complaint_id = k.id AND c.stopped_at IS NULL AND {_DEADLINE}
    ) AND (k.merged_into IS NOT NULL OR k.status <> ALL(:statuses))
    UNION
    SELECT k.id, k.ticket FROM complaints k
    WHERE k.id > :after AND k.status = ANY(:statuses) AND k.status !~ '^(Ditutup|Diarsipkan|Konten)'
      AND k.merged_into IS NULL AND (
        (NOT EXISTS (SELECT 1 FROM clocks c WHERE c.complaint_id = k.id AND c.stopped_at IS NULL AND c.kind = 'handle')
         AND NOT EXISTS (SELECT 1 FROM complaint_history h
                         WHERE h.complaint_id = k.id AND h.became->>'status' = ANY(:answers)))
        OR
        (NOT EXISTS (SELECT 1 FROM clocks c WHERE c.complaint_id = k.id AND c.stopped_at IS NULL
                       AND c.kind = CASE WHEN k.status = :first THEN 'verify' ELSE 'follow_up' END)
         AND NOT EXISTS (SELECT 1 FROM complaint_history h
                         WHERE h.complaint_id = k.id AND h.event = 'responded' AND k.status <> :first))
    )
    ORDER BY id LIMIT :most
""")  # noqa: S608 (the clause above, and no value)


async def adrift(connection: AsyncConnection, after: int, most: int) -> Sequence[Any]:
    """Complaints (id, ticket) with an id after that one, whose deadlines are probably not what they should be: the
    calendar was not known, they are older than the clocks, or somebody changed them past the verbs. In order of their
    ids; some of them lack nothing."""
    parameters = {
        "after": after,
        "statuses": list(RUNS),
        "answers": list(moves.ANSWERS),
        "first": moves.FIRST,
        "most": most,
    }
    return (await connection.execute(_ADRIFT, parameters)).all()


# --- deadlines: telling --------------------------------------------------------------------------------------

# After downtime only the last of it is told.
_NEAR = text(f"""
    {_RUNNING} AND {_DEADLINE} AND c.remind_at <= :now AND c.reminded_at IS NULL AND c.due_at > :now
    ORDER BY c.id LIMIT :most
""")
_OVER = text(f"""
    {_RUNNING} AND {_DEADLINE} AND c.due_at <= :now AND c.escalated_at IS NULL ORDER BY c.id LIMIT :most
""")
_TELL_NEAR = text("""
    UPDATE clocks SET reminded_at = :now
    WHERE id = :id AND stopped_at IS NULL AND reminded_at IS NULL AND remind_at <= :now AND due_at > :now
    RETURNING id
""")
_TELL_OVER = text("""
    UPDATE clocks SET escalated_at = :now
    WHERE id = :id AND stopped_at IS NULL AND escalated_at IS NULL AND due_at <= :now
    RETURNING id
""")


async def near(connection: AsyncConnection, now: datetime, most: int) -> list[Clock]:
    """The deadlines that end soon and of which nobody was reminded."""
    return [Clock(*row) for row in await connection.execute(_NEAR, {"now": now, "most": most})]


async def over(connection: AsyncConnection, now: datetime, most: int) -> list[Clock]:
    """The deadlines that are over and of which those above were not told."""
    return [Clock(*row) for row in await connection.execute(_OVER, {"now": now, "most": most})]


async def tell_near(connection: AsyncConnection, clock: Clock, now: datetime) -> bool:
    """Note that somebody is reminded of a deadline in this transaction; False where that is not needed any more, or
    another worker was first."""
    return (await connection.execute(_TELL_NEAR, {"id": clock.id, "now": now})).one_or_none() is not None


async def tell_over(connection: AsyncConnection, clock: Clock, now: datetime) -> bool:
    """Note that those above are told of a deadline in this transaction; False as in `tell_near`."""
    return (await connection.execute(_TELL_OVER, {"id": clock.id, "now": now})).one_or_none() is not None


# --- deadlines: what is late -----------------------------------------------------------------------------------

_WITH_HOLDER = f"""
    FROM clocks c JOIN complaints k ON k.id = c.complaint_id
    LEFT JOIN agencies a ON a.code = k.agency
    LEFT JOIN dispositions l ON l.complaint_id = k.id AND l.leads AND l.ended_at IS NULL
    WHERE c.stopped_at IS NULL AND {_DEADLINE} AND {COVERED}
"""
# PostgreSQL looks at the open complaints alone (ix_complaints_open) if it is told that no other has a deadline. Whoever
# reaches everything gets the list from the oldest deadlines (ix_clocks_due), which this would keep it from.
_OPEN = """
    k.status IN ('Belum Terverifikasi', 'Terdisposisi', 'Ditanggapi oleh Pelapor')
    AND k.status !~ '^(Ditutup|Diarsipkan|Konten)'
"""
_LATE = f"""
    SELECT c.id, c.kind, c.due_on, k.ticket, k.title, k.status, coalesce(k.region, a.region, :home), l.agency
    {_WITH_HOLDER} AND c.due_at <= :now
"""
_LATE_BY = text(f"""
    SELECT c.kind, l.agency, count(*) {_WITH_HOLDER} AND {_OPEN} AND c.due_at <= :now GROUP BY c.kind, l.agency
""")


@dataclass(frozen=True, slots=True)
class Late:
    """A deadline that is over. `agency` leads the report now; None: it lies with those who sort."""

    id: int
    kind: str
    due_on: date
    ticket: str
    title: str
    status: str
    region: str
    agency: str | None


@dataclass(frozen=True, slots=True)
class LateCount:
    """How many deadlines of a kind are over with an agency (None: with those who sort)."""

    kind: str
    agency: str | None
    count: int


async def late(
    connection: AsyncConnection,
    reach: Reach,
    home: str,
    now: datetime,
    most: int,
    *,
    kind: str | None = None,
    agency: str | None = None,
    after: int | None = None,
) -> list[Late]:
    """The deadlines that are over within somebody's reach, the oldest first; of one kind or one agency ("" is none)
    where they are named. `home` is the region of reports that tell none, `after` the id of the one before the first
    that is wanted."""
    narrower = "" if reach.everywhere else f" AND {_OPEN}"
    if kind is not None:
        narrower += " AND c.kind = :kind"
    if agency is not None:
        narrower += " AND l.agency IS NOT DISTINCT FROM CAST(nullif(:agency, '') AS text)"
    if after is not None:
        narrower += " AND (c.due_at, c.id) > ((SELECT due_at FROM clocks WHERE id = :after), :after)"
    statement = text(f"{_LATE} {narrower} ORDER BY c.due_at, c.id LIMIT :most")
    given = {"kind": kind, "agency": agency, "now": now, "most": most, "after": after}
    wanted = {name: value for name, value in given.items() if value is not None}
    rows = await connection.execute(statement, {**policy.covered(reach, home), **wanted})
    return [Late(*row) for row in rows]


async def count_late(connection: AsyncConnection, reach: Reach, home: str, now: datetime) -> list[LateCount]:
    """How many deadlines are over within somebody's reach, by kind and agency."""
    rows = await connection.execute(_LATE_BY, {**policy.covered(reach, home), "now": now})
    return [LateCount(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Load:
    """How many reports are late, due today, and due after that up to some day; each counts once, by what it misses
    first."""

    late: int
    today: int
    soon: int

    def __bool__(self) -> bool:
        return bool(self.late or self.today or self.soon)


_LOAD = text(f"""
    SELECT count(*) FILTER (WHERE due_on < :today), count(*) FILTER (WHERE due_on = :today),
           count(*) FILTER (WHERE due_on > :today)
    FROM (SELECT min(c.due_on) AS due_on {_WITH_HOLDER} AND {_OPEN} AND c.due_on <= :soon
          GROUP BY c.complaint_id) reports
""")  # noqa: S608 (the clauses above, and no value)


async def load(connection: AsyncConnection, reach: Reach, home: str, today: date, soon: date) -> Load:
    """What has to be done within somebody's reach up to the day `soon`."""
    parameters = {**policy.covered(reach, home), "today": today, "soon": soon}
    return Load(*(await connection.execute(_LOAD, parameters)).one())
