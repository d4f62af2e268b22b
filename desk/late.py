"""What is late within an officer's reach: by clock, then by agency, the oldest first."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from desk.access import HouseRule, Officer, shell_of
from desk.rendering import page
from store import clocks
from store.calendar import CalendarUnknown
from store.clocks import Late, LateCount

router = APIRouter()

# More than anybody reads at once; the oldest come first, and the counts are of all.
MOST = 500
# In the address, an agency's code: reports that no agency leads.
NOBODY = "-"


@dataclass(frozen=True, slots=True)
class Row:
    """A late report, and by how many working days; None where the calendar does not tell."""

    late: Late
    days: int | None


@dataclass(frozen=True, slots=True)
class Group:
    """What is late with one agency (None: with those who sort) by one clock: all of it, and those that are shown."""

    kind: str
    agency: str | None
    count: int
    rows: tuple[Row, ...]


@router.get("/terlambat")
async def late(
    request: Request,
    officer: Annotated[Officer, Depends(HouseRule("reports.search"))],
    jam: Annotated[str, Query(max_length=20)] = "",
    instansi: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """Everything late that the officer may read; `jam` is the clock and `instansi` the agency that they want to see."""
    shell, reach = shell_of(request), officer.reach("report.read")
    kind = jam if jam in clocks.DEADLINES else None
    agency = {"": None, NOBODY: ""}.get(instansi, instansi)
    now, names = shell.now(), shell.directory.names
    async with shell.engine.connect() as connection:
        counts = await clocks.count_late(connection, reach, shell.home_region, now)
        found = await clocks.late(connection, reach, shell.home_region, now, MOST, kind=kind, agency=agency)
    wanted = [each for each in counts if kind in (None, each.kind) and agency in (None, each.agency or "")]
    return page(
        request,
        "late.html",
        groups=_groups(wanted, [Row(each, _days_late(request, each)) for each in found]),
        total=sum(each.count for each in wanted),
        shown=len(found),
        kinds=clocks.DEADLINES,
        kind=kind or "",
        agencies=sorted({each.agency for each in counts if each.agency}, key=lambda code: names.get(code, code)),
        unassigned=any(each.agency is None for each in counts),
        agency=instansi,
        nobody=NOBODY,
    )


def _days_late(request: Request, each: Late) -> int | None:
    shell = shell_of(request)
    today = shell.now().astimezone(shell.zone(None)).date()
    try:
        return shell.directory.calendar.between(each.due_on, today)
    except CalendarUnknown:
        return None


def _groups(counts: list[LateCount], rows: list[Row]) -> list[Group]:
    """The groups in the order of the clocks, those with most in them first."""

    def place(row: Row) -> tuple[str, str]:
        return row.late.kind, row.late.agency or ""

    # Sorting keeps the order of those that are equal: the oldest first.
    shown = {key: tuple(each) for key, each in groupby(sorted(rows, key=place), place)}
    ordered = sorted(counts, key=lambda each: (clocks.DEADLINES.index(each.kind), -each.count, each.agency or ""))
    return [
        Group(each.kind, each.agency, each.count, shown.get((each.kind, each.agency or ""), ())) for each in ordered
    ]
