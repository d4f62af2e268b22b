"""What is late within an officer's reach: by clock, then by agency, the oldest first."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from desk.access import HouseRule, Officer, shell_of
from desk.rendering import page
from store import clocks
from store.calendar import CalendarUnknown
from store.clocks import Late, LateCount

router = APIRouter()

# On one page, the oldest first; the counts are of all.
MOST = 200
HERE = "/desk/terlambat"
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
    setelah: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
) -> Response:
    """Everything late that the officer may read, page by page; `jam` is the clock and `instansi` the agency that they
    want to see, `setelah` the id of the last deadline of the page before."""
    shell, reach = shell_of(request), officer.reach("report.read")
    kind = jam if jam in clocks.DEADLINES else None
    agency = {"": None, NOBODY: ""}.get(instansi, instansi)
    now, names = shell.now(), shell.directory.names
    async with shell.engine.connect() as connection:
        counts = await clocks.count_late(connection, reach, shell.home_region, now)
        found = await clocks.late(
            connection, reach, shell.home_region, now, MOST + 1, kind=kind, agency=agency, after=setelah
        )
    shown, more = found[:MOST], len(found) > MOST
    wanted = [each for each in counts if kind in (None, each.kind) and agency in (None, each.agency or "")]
    return page(
        request,
        "late.html",
        groups=_groups(wanted, [Row(each, _days_late(request, each)) for each in shown]),
        total=sum(each.count for each in wanted),
        shown=len(shown),
        further=setelah is not None,
        first=_address(jam=kind, instansi=instansi),
        following=_address(jam=kind, instansi=instansi, setelah=shown[-1].id) if more else None,
        kinds=clocks.DEADLINES,
        kind=kind or "",
        agencies=sorted({each.agency for each in counts if each.agency}, key=lambda code: names.get(code, code)),
        unassigned=any(each.agency is None for each in counts),
        agency=instansi,
        nobody=NOBODY,
    )


def _address(**asked: object) -> str:
    return f"{HERE}?{urlencode({name: value for name, value in asked.items() if value})}"


def _days_late(request: Request, each: Late) -> int | None:
    shell = shell_of(request)
    today = shell.today(None)
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
