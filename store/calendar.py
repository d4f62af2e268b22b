"""What the house knows of days: which are worked, how many of them a matter may take, and when people read.

Days off and rules are tables that administrators keep; their first edition and the office hours are CSV files.
A year of which no day off is known was not published yet: deadlines are never computed through it by guessing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from store.regions import Regions, day, read

_DAY = timedelta(days=1)
_FRIDAY = 5
# No run of days off is as long; past it no hours are in force.
_LONGEST_REST = 31


class CalendarUnknown(ValueError):
    """A deadline leads through a year whose days off nobody has entered."""

    def __init__(self, year: int) -> None:
        super().__init__(f"the days off of {year} are not known")
        self.year = year


@dataclass(frozen=True, slots=True)
class Rule:
    """From this day on a matter of that kind may take so many working days, and that many before their end somebody is
    reminded. `source` begins with its certainty: [V], [V-sec] or [U]."""

    kind: str
    valid_from: date
    working_days: int
    remind_days_before: int | None
    source: str


@dataclass(frozen=True, slots=True)
class Hours:
    """When people read on a weekday (1 is Monday), in the time of a region; "" is every region without its own."""

    region: str
    weekday: int
    opens: time
    closes: time
    valid_from: date | None
    valid_to: date | None
    confirmed: bool
    source: str


def load_days_off() -> list[dict[str, Any]]:
    """The first edition of the days off, as rows of their table."""
    return [{**row, "day": date.fromisoformat(row["day"])} for row in read("holidays.csv")]


def load_rules() -> list[dict[str, Any]]:
    """The first edition of the rules, as rows of their table."""
    return [
        {
            **row,
            "valid_from": date.fromisoformat(row["valid_from"]),
            "working_days": int(row["working_days"]),
            "remind_days_before": int(row["remind_days_before"]) if row["remind_days_before"] else None,
        }
        for row in read("clock_rules.csv")
    ]


def load_hours() -> tuple[Hours, ...]:
    """The office hours."""
    return tuple(
        Hours(
            region=row["region"],
            weekday=int(row["weekday"]),
            opens=time.fromisoformat(row["opens"]),
            closes=time.fromisoformat(row["closes"]),
            valid_from=day(row["valid_from"]),
            valid_to=day(row["valid_to"]),
            confirmed=row["confirmed"] == "yes",
            source=row["source"],
        )
        for row in read("office_hours.csv")
    )


class Calendar:
    """The days off, the rules and the office hours, indexed. It never changes after it was made."""

    def __init__(
        self, days_off: Iterable[date], regions: Regions, rules: Iterable[Rule] = (), hours: Iterable[Hours] = ()
    ) -> None:
        """Take what was entered; the regions tell the time of a place."""
        self._off = frozenset(days_off)
        self._years = frozenset(each.year for each in self._off)
        self._regions = regions
        self._rules: dict[str, list[Rule]] = defaultdict(list)
        for rule in sorted(rules, key=lambda rule: rule.valid_from):
            self._rules[rule.kind].append(rule)
        self._hours: dict[str, list[Hours]] = defaultdict(list)
        for each in sorted(hours, key=lambda each: each.opens):
            self._hours[each.region].append(each)

    def works(self, on: date) -> bool:
        """Whether it is a working day: no weekend, no national holiday, no cuti bersama. Raises `CalendarUnknown`."""
        if on.year not in self._years:
            raise CalendarUnknown(on.year)
        return not self._rests(on)

    def add(self, start: date, working_days: int) -> date:
        """The day so many working days later; the next working day is the first. Raises `CalendarUnknown`."""
        return self._walk(start, working_days, _DAY)

    def back(self, end: date, working_days: int) -> date:
        """The day so many working days earlier. Raises `CalendarUnknown`."""
        return self._walk(end, working_days, -_DAY)

    def between(self, start: date, end: date) -> int:
        """How many working days there are after the start, up to the end; 0 where it is earlier. Raises
        `CalendarUnknown`."""
        return sum(self.works(start + n * _DAY) for n in range(1, (end - start).days + 1))

    def _walk(self, place: date, working_days: int, step: timedelta) -> date:
        while working_days > 0:
            place += step
            working_days -= self.works(place)
        return place

    def rule(self, kind: str, on: date) -> Rule | None:
        """The rule for that kind of matter that is in force on that day; None if there is none."""
        found = None
        for rule in self._rules.get(kind, ()):
            if rule.valid_from <= on:
                found = rule
        return found

    def reads_next(self, now: datetime, region: str) -> datetime | None:
        """When people of that region read again, in its time. None while they do, and where nobody knows their hours.

        No deadline hangs on it, so in a year that is not known every weekday counts as worked. Raises KeyError for
        an unknown region.
        """
        zone = self._regions.timezone_of(region)
        local = now.astimezone(zone)
        for ahead in range(_LONGEST_REST):
            on = local.date() + ahead * _DAY
            for opens, closes in self._open(region, on):
                if local < datetime.combine(on, opens, zone):
                    return datetime.combine(on, opens, zone)
                if local < datetime.combine(on, closes, zone):
                    return None
        return None

    def _open(self, region: str, on: date) -> Iterator[tuple[time, time]]:
        if self._rests(on):
            return
        place = region
        while place and not self._in_force(place, on):
            place = place.rpartition(".")[0]
        for each in self._in_force(place, on):
            if each.weekday == on.isoweekday():
                yield each.opens, each.closes

    def _in_force(self, region: str, on: date) -> list[Hours]:
        return [
            each
            for each in self._hours.get(region, ())
            if (each.valid_from is None or each.valid_from <= on) and (each.valid_to is None or on <= each.valid_to)
        ]

    def _rests(self, on: date) -> bool:
        return on.isoweekday() > _FRIDAY or on in self._off
