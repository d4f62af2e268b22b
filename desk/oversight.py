"""What overseers see: silence and lateness first, then what became of a period's reports, by agency; nothing to change.

And the figures of a period for Biro Organisasi, in which no report can be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from desk import timeline, words
from desk.access import HouseRule, Officer, shell_of
from desk.rendering import language_of, page
from desk.shell import Shell
from store import learning, oversight
from store.calendar import CalendarUnknown
from store.learning import Tally
from store.oversight import Listed, Outcome
from store.policy import Reach, lies_in

router = APIRouter()

# Below so many reports one more or less moves a share by three points and more: the page says so.
FEW = 30
# [U] domain specification 2.11: warn after two working days without a word since the disposition.
SILENT_DAYS, MOST_SILENT_DAYS = 2, 60
ROWS, ALL_ROWS = 10, 500
_EARLIEST = date(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class Period:
    """Days, the first and the last, and the moments at which they begin and are over."""

    first: date
    last: date
    since: datetime
    until: datetime

    @property
    def query(self) -> str:
        """The period as an address says it."""
        return urlencode({"dari": self.first.isoformat(), "sampai": self.last.isoformat()})


@dataclass(frozen=True, slots=True)
class Preset:
    """A period by name (a text key), and whether it is the one that is shown."""

    key: str
    period: Period
    chosen: bool


def period(shell: Shell, first: date, last: date) -> Period:
    """These days, by the time of the home region."""
    zone = shell.zone(None)
    begin, end = datetime.combine(first, time(), zone), datetime.combine(last + timedelta(days=1), time(), zone)
    return Period(first, last, begin, end)


def _asked(shell: Shell, dari: str, sampai: str) -> tuple[Period, bool]:
    """The period that an address asks for, and whether it could be read; this year otherwise."""
    today = shell.today(None)
    start = today.replace(month=1, day=1)
    first, last = _day(dari, start), _day(sampai, today)
    if first is None or last is None or not _EARLIEST <= first <= last <= today + timedelta(days=366):
        return period(shell, start, today), False
    return period(shell, first, last), True


def _day(said: str, otherwise: date) -> date | None:
    try:
        return date.fromisoformat(said) if said else otherwise
    except ValueError:
        return None


def _presets(shell: Shell, shown: Period) -> list[Preset]:
    today = shell.today(None)
    month = today.replace(day=1)
    quarter = today.replace(month=today.month - (today.month - 1) % 3, day=1)
    before = (month - timedelta(days=1)).replace(day=1)
    days = {
        "month": (month, today),
        "last_month": (before, month - timedelta(days=1)),
        "quarter": (quarter, today),
        "year": (today.replace(month=1, day=1), today),
        "twelve_months": (today - timedelta(days=364), today),
    }
    return [Preset(key, period(shell, *each), each == (shown.first, shown.last)) for key, each in days.items()]


@dataclass(frozen=True, slots=True)
class Row:
    """What became of the reports of an agency (None: of nobody)."""

    agency: str | None
    outcome: Outcome


@router.get("/pengawasan")
async def oversee(
    request: Request,
    officer: Annotated[Officer, Depends(HouseRule("oversight.open"))],
    dari: Annotated[str, Query(max_length=10)] = "",
    sampai: Annotated[str, Query(max_length=10)] = "",
    hari: Annotated[str, Query(max_length=4)] = "",
    daftar: Annotated[str, Query(max_length=30)] = "",
) -> Response:
    """Silence and lateness, and the outcomes of a period (`dari`, `sampai`: ISO days); `hari`: how many working days
    without a word are silence; `daftar`: show one of the lists alone, and more of it."""
    shell = shell_of(request)
    now, home = shell.now(), shell.home_region
    shown, readable = _asked(shell, dari, sampai)
    days = int(hari) if hari.isascii() and hari.isdecimal() and 1 <= int(hari) <= MOST_SILENT_DAYS else SILENT_DAYS
    reach = oversight.reach(officer.grants, "oversight.open")
    alone = daftar if daftar in oversight.LISTS else ""
    lists: dict[str, Listed] = {}
    async with shell.engine.connect() as connection:
        for which in [alone] if alone else oversight.LISTS:
            lists[which] = await oversight.silence(
                connection,
                which,
                reach,
                home,
                now=now,
                before=_back(shell, now, days),
                since=shown.since,
                until=shown.until,
                most=ALL_ROWS if alone else ROWS,
            )
        found: Mapping[str | None, Outcome] = {}
        if not alone:
            found = await oversight.outcomes(connection, reach, home, since=shown.since, until=shown.until, now=now)
    language = language_of(request)
    return page(
        request,
        "oversight.html",
        shown=shown,
        readable=readable,
        presets=_presets(shell, shown),
        days=days,
        alone=alone,
        lists=lists,
        rows=_rows(found),
        total=sum(found.values(), Outcome()),
        regions=reach.regions if not reach.everywhere else (),
        few=FEW,
        waited=lambda since: _waited(shell, since, now),
        state=lambda name: timeline.status(language, name),
        percent=lambda part, whole: _percent(language, part, whole),
    )


def _rows(found: Mapping[str | None, Outcome]) -> list[Row]:
    """By how much is late, then by how much there is; what nobody has been given stands last."""
    rows = [Row(agency, outcome) for agency, outcome in found.items()]
    return sorted(rows, key=lambda row: (row.agency is None, -row.outcome.late, -row.outcome.filed, row.agency or ""))


def _back(shell: Shell, now: datetime, days: int) -> datetime:
    """The moment before which a disposition lies more than so many working days back; weekdays where the calendar does
    not tell."""
    zone = shell.zone(None)
    today = now.astimezone(zone).date()
    try:
        start = shell.directory.calendar.back(today, days)
    except CalendarUnknown:
        start = today - timedelta(days=days)
    return datetime.combine(start, time(), zone)


def _waited(shell: Shell, since: datetime, now: datetime) -> int | None:
    """Working days since then; None where the calendar does not tell."""
    zone = shell.zone(None)
    try:
        return shell.directory.calendar.between(since.astimezone(zone).date(), now.astimezone(zone).date())
    except CalendarUnknown:
        return None


def _percent(language: str, part: int, whole: int) -> str:
    """A share in percent, rounded; nothing where there is nothing to share."""
    if not whole:
        return "–"
    share = 100 * part / whole
    # 199 of 200 is not all of them, and 1 of 300 is not none.
    rounded = min(99, max(1, round(share))) if 0 < part < whole else round(share)
    return f"{rounded}%" if language == "en" else f"{rounded} %"


# --- figures ---------------------------------------------------------------------------------------------------


@router.get("/standar/angka")
async def figures(
    request: Request,
    officer: Annotated[Officer, Depends(HouseRule("figures.read"))],
    dari: Annotated[str, Query(max_length=10)] = "",
    sampai: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """Counts of a period, ratings, and how often the first agency was the wrong one."""
    shell = shell_of(request)
    now, home = shell.now(), shell.home_region
    shown, readable = _asked(shell, dari, sampai)
    reach = oversight.reach(officer.grants, "figures.read")
    since, until = shown.since, shown.until
    async with shell.engine.connect() as connection:
        counts = await oversight.counts(connection, reach, home, since=since, until=until, zone=shell.zone(None))
        found = await oversight.outcomes(connection, reach, home, since=since, until=until, now=now)
        satisfaction = await oversight.satisfaction(connection, reach, home, since=since, until=until)
        misroutes = await learning.misroutes(connection, since, until)
    language = language_of(request)
    return page(
        request,
        "figures.html",
        shown=shown,
        readable=readable,
        presets=_presets(shell, shown),
        counts=counts,
        total=sum(found.values(), Outcome()),
        satisfaction=satisfaction,
        misroutes=_misrouted(shell, reach, misroutes),
        regions=reach.regions if not reach.everywhere else (),
        few=FEW,
        label=lambda by, value: _label(shell, language, by, value),
        percent=lambda part, whole: _percent(language, part, whole),
    )


def _misrouted(shell: Shell, reach: Reach, found: Mapping[learning.Given, Tally]) -> dict[str | None, Tally]:
    """The tallies of the agencies within reach, by agency, those that lost the most first."""
    regions = shell.directory.agencies.by_code
    theirs = {
        given: tally
        for given, tally in found.items()
        if reach.everywhere
        or any(
            lies_in(regions[given.agency].region if given.agency in regions else shell.home_region, each)
            for each in reach.regions
        )
    }
    summed = learning.summed(theirs, lambda given: given.agency)
    return dict(sorted(summed.items(), key=lambda item: (-item[1].away, -item[1].filed, str(item[0]))))


def _label(shell: Shell, language: str, by: str, value: str | None) -> str:
    if by == "agency":
        return shell.directory.names.get(value, value) if value else words.say(language, "oversight.nobody")
    if by == "status" and value:
        return timeline.status(language, value)
    if by == "month" and value:
        year, _, month = value.partition("-")
        return f"{words.catalogue(language)['calendar.months'].split()[int(month) - 1]} {year}"
    key = f"oversight.{by}.{value}"
    return words.say(language, key) if words.knows(key) else value or "–"
