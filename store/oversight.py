"""What offices see of their own work, and what overseers see of everybody's: what waits, what is silent, what is late,
and the figures of a period. Everything is read; no name and no text of a report is among it but its title.

A report counts for the office that leads it. One that was never disposed counts for nobody (None): until then its
agency is a suggestion, and Kominfo has it. Archived reports stand apart: they are not finished.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import moves
from store.policy import VERBS, Grant, Reach

# Deadlines of offices; `close` and `archive` run against the citizen.
VERIFY, FOLLOW_UP, HANDLE = "verify", "follow_up", "handle"
# Statuses in which an office has to do something.
_WITH_OFFICE = ("Terdisposisi", "Ditanggapi oleh Pelapor", "Ditindaklanjuti oleh Instansi")
_CLOSED = tuple(name for name in moves.ENDED if name.startswith("Ditutup"))
_ARCHIVED = tuple(name for name in moves.ENDED if name not in _CLOSED)
_SILENT = "Ditutup oleh Sistem"


def reach(grants: Iterable[Grant], verb: str) -> Reach:
    """How far somebody with these grants looks with a verb on the house, such as "oversight.open": the regions in
    which they hold a role that may. KeyError for an unknown verb."""
    held = [grant for grant in grants if grant.role in VERBS[verb]]
    return Reach(
        everywhere=any(grant.region is None and grant.agency is None for grant in held),
        regions=tuple(sorted({grant.region for grant in held if grant.region})),
    )


_PLACE = "coalesce(k.region, a.region, :home)"
_CITY_CODE = 5


def _within(found: Reach, home: str) -> tuple[str, dict[str, object]]:
    """The clause for complaints `k`, left-joined with their agency `a`, that lie in those regions, and its parameters.

    Written out for each region: a clause that is right for any number of them costs seconds over all complaints.
    """
    if found.everywhere:
        return "true", {}
    if not found.regions:
        return "false", {}
    each = [
        f"({_PLACE} = :region{place} OR starts_with({_PLACE}, :region{place} || '.'))"
        for place in range(len(found.regions))
    ]
    parameters: dict[str, object] = {f"region{place}": region for place, region in enumerate(found.regions)}
    clause = f"({' OR '.join(each)})"
    if all(len(region) >= _CITY_CODE for region in found.regions):  # an index knows the kabupaten and kota
        clause = f"(left(k.region, {_CITY_CODE}) = ANY(CAST(:cities AS text[])) OR k.region IS NULL) AND {clause}"
        parameters["cities"] = sorted({region[:_CITY_CODE] for region in found.regions})
    return clause, {**parameters, "home": home}


# --- what waits for an agency ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Task:
    """A report that an agency has. `waits`: the agency has to do something; otherwise it has answered, or the citizen
    is asked. `leads`: it leads; `lead` is who does. `due_at` is the next deadline of its office, `due_on` that day;
    `closes_on` the day on which it ends if the citizen says nothing, `closes` how ("close", "archive")."""

    id: int
    ticket: str
    title: str
    status: str
    report_class: str
    region: str | None
    agency: str
    leads: bool
    lead: str | None
    secret: bool
    filed_at: datetime
    disposed_at: datetime
    first_response_at: datetime | None
    answered_at: datetime | None
    waits: bool
    clock: str | None
    due_on: date | None
    due_at: datetime | None
    closes: str | None
    closes_on: date | None
    merged: int


@dataclass(frozen=True, slots=True)
class Tasks:
    """What an agency has: the first of it, and how much there is of it. `late` are those that wait past their
    deadline."""

    rows: tuple[Task, ...]
    waiting: int
    late: int
    answered: int


# Who leads waits for its own end of the matter, who helps for its own answer.
_TASKS = text("""
    WITH held AS MATERIALIZED (
        SELECT k.id, k.ticket, k.title, k.status, k.report_class, k.region, d.agency, d.leads, k.agency AS lead,
               k.secret, k.filed_at, d.disposed_at, d.first_response_at, d.answered_at,
               k.status = ANY(:with_office) AND CASE
                   WHEN d.leads THEN k.status <> 'Ditindaklanjuti oleh Instansi' OR due.at IS NOT NULL
                   ELSE d.answered_at IS NULL END AS waits,
               due.kind AS clock, due.due_on, due.at AS due_at
        FROM dispositions d JOIN complaints k ON k.id = d.complaint_id
        LEFT JOIN LATERAL (
            SELECT c.kind, c.due_on, c.due_at AS at FROM clocks c
            WHERE c.complaint_id = k.id AND c.stopped_at IS NULL AND c.kind = ANY(:deadlines) ORDER BY c.due_at LIMIT 1
        ) due ON true
        WHERE d.ended_at IS NULL AND d.agency = ANY(:agencies) AND k.status <> ALL(:ended) AND k.merged_into IS NULL
    ), page AS (
        SELECT * FROM held ORDER BY waits DESC, due_at NULLS LAST, disposed_at, id LIMIT :most
    )
    SELECT page.*, silent.kind AS closes, silent.due_on AS closes_on,
           (SELECT count(*) FROM complaints m WHERE m.merged_into = page.id) AS merged,
           (SELECT count(*) FROM held WHERE waits) AS all_waiting,
           (SELECT count(*) FROM held WHERE waits AND due_at <= :now) AS all_late,
           (SELECT count(*) FROM held WHERE NOT waits) AS all_answered
    FROM page LEFT JOIN LATERAL (
        SELECT c.kind, c.due_on FROM clocks c
        WHERE c.complaint_id = page.id AND c.stopped_at IS NULL AND c.kind IN ('close', 'archive') LIMIT 1
    ) silent ON true
    ORDER BY page.waits DESC, page.due_at NULLS LAST, page.disposed_at, page.id
""")


async def tasks(connection: AsyncConnection, agencies: Sequence[str], now: datetime, most: int = 300) -> Tasks:
    """What these agencies have and has not ended: what waits for them first, by deadline; at most `most` rows.

    A report that was joined with another one is counted with that (`merged`).
    """
    parameters = {
        "agencies": list(agencies),
        "now": now,
        "most": most,
        "with_office": list(_WITH_OFFICE),
        "deadlines": [FOLLOW_UP, HANDLE],
        "ended": list(moves.ENDED),
    }
    found = (await connection.execute(_TASKS, parameters)).all()
    rows = tuple(Task(**{name: getattr(row, name) for name in Task.__slots__}) for row in found)
    if not found:
        return Tasks((), 0, 0, 0)
    return Tasks(rows, found[0].all_waiting, found[0].all_late, found[0].all_answered)


# --- silence and lateness, as they are now --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Silent:
    """A report that nobody has spoken of, or whose day has passed: since when, and the last day if there is one."""

    ticket: str
    title: str
    status: str
    agency: str | None
    region: str | None
    since: datetime
    due_on: date | None


@dataclass(frozen=True, slots=True)
class Listed:
    """The first of a list, longest first, and how many there are of it."""

    rows: tuple[Silent, ...]
    total: int


_DISPOSED = "EXISTS (SELECT 1 FROM dispositions g WHERE g.complaint_id = k.id AND g.ended_at IS NULL AND g.leads)"
_CASES = {
    # Disposed, and not one word of the office that leads.
    "no_word": """
        SELECT k.id, d.disposed_at AS since, CAST(NULL AS date) AS due_on
        FROM dispositions d JOIN complaints k ON k.id = d.complaint_id LEFT JOIN agencies a ON a.code = k.agency
        WHERE d.ended_at IS NULL AND d.leads AND d.first_response_at IS NULL AND d.answered_at IS NULL
          AND d.disposed_at < :before AND k.status = ANY(:with_office) AND {within}
    """,
    "late": """
        SELECT k.id, c.due_at AS since, c.due_on
        FROM clocks c JOIN complaints k ON k.id = c.complaint_id LEFT JOIN agencies a ON a.code = k.agency
        WHERE c.stopped_at IS NULL AND c.due_at <= :now AND c.kind = :kind AND k.status <> ALL(:ended) AND {within}
    """,
    # The citizen has said that it is not settled, or has replied, and waits since.
    "disputed": """
        SELECT k.id, coalesce((SELECT max(h.at) FROM complaint_history h
                               WHERE h.complaint_id = k.id AND h.event IN ('disputed', 'replied')), k.changed_at)
               AS since, CAST(NULL AS date) AS due_on
        FROM complaints k LEFT JOIN agencies a ON a.code = k.agency
        WHERE k.status = 'Ditanggapi oleh Pelapor' AND {within}
    """,
    "closed_in_silence": """
        SELECT k.id, k.changed_at AS since, CAST(NULL AS date) AS due_on
        FROM complaints k LEFT JOIN agencies a ON a.code = k.agency
        WHERE k.status = :silent AND k.changed_at >= :since AND k.changed_at < :until AND {within}
    """,
}
# In the order in which overseers look: the name of each list, its case, and the kind of clock.
LISTS: Mapping[str, tuple[str, str | None]] = {
    "no_word": ("no_word", None),
    "late_verify": ("late", VERIFY),
    "late_first": ("late", FOLLOW_UP),
    "late_handle": ("late", HANDLE),
    "disputed": ("disputed", None),
    "closed_in_silence": ("closed_in_silence", None),
}


async def silence(
    connection: AsyncConnection,
    which: str,
    found: Reach,
    home: str,
    *,
    now: datetime,
    before: datetime,
    since: datetime,
    until: datetime,
    most: int = 20,
) -> Listed:
    """One of `LISTS` within reach: what has waited longest comes first; of what was closed, the latest.

    `before`: disposed earlier than that and without a word is silence; from `since` on and before `until` is the
    period of what was closed. `home` is the region of reports that tell none. KeyError for an unknown list.
    """
    case, kind = LISTS[which]
    within, parameters = _within(found, home)
    order = "DESC" if which == "closed_in_silence" else "ASC"
    statement = text(f"""
        WITH all_of_it AS MATERIALIZED ({_CASES[case].format(within=within)}),
             page AS (SELECT * FROM all_of_it ORDER BY since {order}, id LIMIT :most)
        SELECT k.ticket, k.title, k.status, CASE WHEN {_DISPOSED} OR k.status = :silent THEN k.agency END AS agency,
               k.region, page.since, page.due_on, (SELECT count(*) FROM all_of_it) AS total
        FROM page JOIN complaints k ON k.id = page.id ORDER BY page.since {order}, page.id
    """)  # noqa: S608 (clauses from above; every value is a parameter)
    given: dict[str, object] = {
        "now": now,
        "before": before,
        "since": since,
        "until": until,
        "kind": kind,
        "silent": _SILENT,
        "with_office": list(_WITH_OFFICE),
        "ended": list(moves.ENDED),
        "most": most,
        **parameters,
    }
    rows = (await connection.execute(statement, _named(statement, given))).all()
    silent = tuple(Silent(**{name: getattr(row, name) for name in Silent.__slots__}) for row in rows)
    return Listed(silent, rows[0].total if rows else 0)


def _named(statement: Any, given: Mapping[str, object]) -> dict[str, object]:
    """Those of the parameters that the statement has: PostgreSQL cannot tell the type of one that it does not use."""
    return {name: value for name, value in given.items() if name in statement._bindparams}


# --- the figures of a period --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the reports of a period. `filed` counts all, `archived` those of them that were archived, which
    no share counts; of the rest `spoken_to` had any word of an office, `closed` are closed, `in_time` were handled by
    their last day and are closed; of the closed ones `without_deadline` had no known last day. `waiting` are open,
    `late` of these past a deadline now."""

    filed: int = 0
    archived: int = 0
    spoken_to: int = 0
    closed: int = 0
    in_time: int = 0
    without_deadline: int = 0
    waiting: int = 0
    late: int = 0

    def __add__(self, other: Outcome) -> Outcome:
        """Both together."""
        return Outcome(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))

    @property
    def counted(self) -> int:
        """What the three shares are of: all that were not archived."""
        return self.filed - self.archived


async def outcomes(
    connection: AsyncConnection, found: Reach, home: str, *, since: datetime, until: datetime, now: datetime
) -> dict[str | None, Outcome]:
    """What became of the reports within reach that were filed from `since` on and before `until`, by agency.

    Handled in time: the clock of handling had stopped before its day was over. It is the deadline of the office; that
    the citizen then takes ten days to answer is not held against it.
    """
    within, parameters = _within(found, home)
    statement = text(f"""
        WITH filed AS (
            SELECT k.id, k.agency, k.status = ANY(:archived) AS archived, k.status = ANY(:closed) AS closed
            FROM complaints k LEFT JOIN agencies a ON a.code = k.agency
            WHERE k.filed_at >= :since AND k.filed_at < :until AND {within}
        ), had AS (
            SELECT d.complaint_id, bool_or(d.first_response_at IS NOT NULL OR d.answered_at IS NOT NULL) AS spoken
            FROM dispositions d WHERE d.ended_because IS DISTINCT FROM 'denied' GROUP BY 1
        ), said AS (
            SELECT h.complaint_id FROM complaint_history h
            WHERE h.event = 'responded' OR h.became->>'status' IN
                  ('Ditindaklanjuti oleh Instansi', 'Selesai otomatis dalam 10 hari')
            GROUP BY 1
        ), handled AS (
            SELECT c.complaint_id, bool_or(coalesce(c.stopped_at, :now) > c.due_at) AS overrun
            FROM clocks c WHERE c.kind = 'handle' GROUP BY 1
        ), overdue AS (
            SELECT c.complaint_id FROM clocks c
            WHERE c.stopped_at IS NULL AND c.due_at <= :now AND c.kind = ANY(:deadlines) GROUP BY 1
        )
        SELECT filed.agency, had.complaint_id IS NOT NULL AS disposed, count(*) AS filed,
               count(*) FILTER (WHERE archived) AS archived,
               count(*) FILTER (WHERE NOT archived AND (had.spoken OR said.complaint_id IS NOT NULL)) AS spoken_to,
               count(*) FILTER (WHERE closed) AS closed,
               count(*) FILTER (WHERE closed AND NOT handled.overrun) AS in_time,
               count(*) FILTER (WHERE closed AND handled.complaint_id IS NULL) AS without_deadline,
               count(*) FILTER (WHERE NOT archived AND NOT closed) AS waiting,
               count(*) FILTER (WHERE NOT archived AND NOT closed AND overdue.complaint_id IS NOT NULL) AS late
        FROM filed LEFT JOIN had ON had.complaint_id = filed.id LEFT JOIN said ON said.complaint_id = filed.id
        LEFT JOIN handled ON handled.complaint_id = filed.id LEFT JOIN overdue ON overdue.complaint_id = filed.id
        GROUP BY 1, 2
    """)  # noqa: S608
    given = {
        "since": since,
        "until": until,
        "now": now,
        "archived": list(_ARCHIVED),
        "closed": list(_CLOSED),
        "deadlines": [VERIFY, FOLLOW_UP, HANDLE],
        **parameters,
    }
    sums: dict[str | None, Outcome] = {}
    for row in await connection.execute(statement, _named(statement, given)):
        agency = row.agency if row.disposed else None
        outcome = Outcome(**{name: getattr(row, name) for name in Outcome.__slots__})
        sums[agency] = sums.get(agency, Outcome()) + outcome
    return sums


# How reports can be counted, each by one column.
COUNTS = ("report_class", "status", "channel", "agency", "month")


async def counts(
    connection: AsyncConnection, found: Reach, home: str, *, since: datetime, until: datetime, zone: ZoneInfo
) -> dict[str, dict[str | None, int]]:
    """How many reports within reach were filed in the period, by each of `COUNTS`; months as "2026-11", by the time of
    that zone. The most come first, months in their order."""
    within, parameters = _within(found, home)
    statement = text(f"""
        WITH filed AS (
            SELECT k.report_class, k.status, k.channel,
                   CASE WHEN EXISTS (SELECT 1 FROM dispositions d WHERE d.complaint_id = k.id
                                       AND d.ended_because IS DISTINCT FROM 'denied') THEN k.agency END AS agency,
                   date_trunc('month', k.filed_at AT TIME ZONE :zone) AS month
            FROM complaints k LEFT JOIN agencies a ON a.code = k.agency
            WHERE k.filed_at >= :since AND k.filed_at < :until AND {within}
        )
        SELECT report_class, status, channel, agency, month, count(*) AS n,
               grouping(report_class, status, channel, agency, month) AS by
        FROM filed GROUP BY GROUPING SETS ((report_class), (status), (channel), (agency), (month))
        ORDER BY month NULLS LAST, n DESC, 1, 2, 3, 4
    """)  # noqa: S608
    given = {"since": since, "until": until, "zone": zone.key, **parameters}
    sums: dict[str, dict[str | None, int]] = {name: {} for name in COUNTS}
    for row in await connection.execute(statement, _named(statement, given)):
        # `grouping` has a bit for each column that was not grouped by; the first column has the highest.
        name = next(each for place, each in enumerate(reversed(COUNTS)) if not row.by >> place & 1)
        value = getattr(row, name)
        sums[name][f"{value:%Y-%m}" if name == "month" else value] = row.n
    return sums


@dataclass(frozen=True, slots=True)
class Satisfaction:
    """What pelapor said of the reports of a period: how many gave how many stars, of how many that could; and how many
    were closed because nobody said anything, which is no satisfaction."""

    stars: Mapping[int, int]
    closed: int
    in_silence: int

    @property
    def rated(self) -> int:
        """How many said anything."""
        return sum(self.stars.values())

    @property
    def mean(self) -> float | None:
        """The mean number of stars; None where nobody has given any."""
        return sum(stars * n for stars, n in self.stars.items()) / self.rated if self.rated else None


async def satisfaction(
    connection: AsyncConnection, found: Reach, home: str, *, since: datetime, until: datetime
) -> Satisfaction:
    """The ratings of the reports within reach that were filed in the period."""
    within, parameters = _within(found, home)
    filed = f"""
        complaints k LEFT JOIN agencies a ON a.code = k.agency
        WHERE k.filed_at >= :since AND k.filed_at < :until AND {within}
    """
    closed = text(f"""
        SELECT count(*) FILTER (WHERE k.status = ANY(:closed)) AS closed,
               count(*) FILTER (WHERE k.status = :silent) AS in_silence FROM {filed}
    """)  # noqa: S608
    stars = text(f"""
        SELECT r.stars, count(*) AS n FROM ratings r
        WHERE r.complaint_id IN (SELECT k.id FROM {filed}) GROUP BY 1 ORDER BY 1
    """)  # noqa: S608
    given = {"since": since, "until": until, "closed": list(_CLOSED), "silent": _SILENT, **parameters}
    ended = (await connection.execute(closed, _named(closed, given))).one()
    rows = await connection.execute(stars, _named(stars, given))
    return Satisfaction({row.stars: row.n for row in rows}, ended.closed, ended.in_silence)
