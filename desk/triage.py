"""The inbox of triage: what waits to be sorted, most urgent first, each row with what can be done at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from desk.access import HouseRule, Officer, shell_of
from desk.places import inside
from desk.rendering import language_of, page
from store import reports, tickets
from store.agencies import load_functions
from store.reports import Narrowing

router = APIRouter()

A_PAGE = 50
# Rows that a page asks for at once when it hears that they have changed.
MOST_ROWS = 50
CLASSES = ("pengaduan", "aspirasi", "permintaan_informasi")
# What the addresses of the filters say for "no place", and for "no kind of office yet".
NONE = "-"


@dataclass(frozen=True, slots=True)
class Choice:
    """One link of a filter: where it leads, its label, how many reports it leaves, whether it is chosen."""

    address: str
    label: str
    count: int | None
    chosen: bool


@dataclass(frozen=True, slots=True)
class Filters:
    """What the address says of the inbox. Empty: all."""

    kab: str = ""
    jenis: str = ""
    masalah: str = ""

    @property
    def narrowing(self) -> Narrowing:
        """The same for the store."""

        def asked(value: str) -> str | None:
            return None if not value else "" if value == NONE else value

        return Narrowing(asked(self.kab), asked(self.jenis), asked(self.masalah))

    def address(self, **other: str) -> str:
        """The address of the inbox with these filters, some of them another way."""
        wanted = {"kab": self.kab, "jenis": self.jenis, "masalah": self.masalah, **other}
        query = urlencode({name: value for name, value in wanted.items() if value})
        return f"/desk/triase?{query}" if query else "/desk/triase"


@cache
def kinds(language: str) -> Mapping[str, str]:
    """The kinds of offices that a report may need, by code, in a language."""
    return {each.function: each.name_en if language == "en" else each.name_id for each in load_functions()}


def places(request: Request, codes: Sequence[str]) -> dict[str, str]:
    """The names of kabupaten, kota and provinces by code; a code that nobody knows stays one."""
    known = shell_of(request).directory.regions.by_code
    return {code: known[code].name if code in known else code for code in codes}


@router.get("/triase")
async def inbox(
    request: Request,
    officer: Annotated[Officer, Depends(HouseRule("triage.open"))],
    kab: Annotated[str, Query(max_length=20)] = "",
    jenis: Annotated[str, Query(max_length=30)] = "",
    masalah: Annotated[str, Query(max_length=40)] = "",
    setelah: Annotated[str, Query(max_length=80)] = "",
    selesai: Annotated[str, Query(max_length=20)] = "",
    pada: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """A page of what waits; `setelah` is the cursor of the row that it begins after, `selesai` and `pada` what was done
    just now, and to which report."""
    shell, filters = shell_of(request), Filters(*(each.replace("\x00", "") for each in (kab, jenis, masalah)))
    async with shell.engine.connect() as connection:
        found = await reports.inbox(
            connection,
            officer.reach("report.dispose"),
            shell.home_region,
            shell.now(),
            officer.staff_id,
            narrowing=filters.narrowing,
            after=reports.read_cursor(setelah),
            most=A_PAGE,
        )
    names = kinds(language_of(request))
    return page(
        request,
        "triage.html",
        inbox=found,
        filters=filters,
        filtered=bool(filters.kab or filters.jenis or filters.masalah),
        first=not setelah,
        done=(selesai, ticket) if selesai.isidentifier() and (ticket := tickets.read(pada)) else None,
        here=filters.address(),
        onwards=filters.address(setelah=found.rows[-1].cursor) if found.more else None,
        by_city=_by_city(request, filters, found.cities),
        by_class=_choices(filters, "jenis", found.classes, {each: each for each in CLASSES}),
        by_function=_choices(filters, "masalah", found.functions, names),
        kinds=names,
        band=reports.band,
    )


@router.get("/triase/baris")
async def rows(
    request: Request,
    officer: Annotated[Officer, Depends(HouseRule("triage.open"))],
    tiket: Annotated[list[str] | None, Query(max_length=MOST_ROWS)] = None,
    dari: Annotated[str, Query(max_length=1000)] = "",
) -> Response:
    """The rows of some reports as they are now, for a page that shows them or may show them; those that no longer
    wait have none. `dari` is the address of that page, which the rows lead back to."""
    shell = shell_of(request)
    asked = [read for each in tiket or () if (read := tickets.read(each))]
    async with shell.engine.connect() as connection:
        reach = officer.reach("report.dispose")
        now = shell.now()
        found = await reports.waiting(connection, asked, reach, shell.home_region, now, officer.staff_id)
    return page(
        request,
        "triage_rows.html",
        rows=found,
        here=inside(dari) or "/desk/triase",
        kinds=kinds(language_of(request)),
        band=reports.band,
    )


def _by_city(request: Request, filters: Filters, counts: Mapping[str, int]) -> list[Choice]:
    return _choices(filters, "kab", counts, places(request, [code for code in counts if code]))


def _choices(filters: Filters, name: str, counts: Mapping[str, int], labels: Mapping[str, str]) -> list[Choice]:
    """The links of a filter: only those that leave something, the chosen one always, by their labels."""
    chosen = getattr(filters, name)
    values = {key or NONE for key in counts} | ({chosen} if chosen else set())
    found = [
        Choice(
            filters.address(**{name: "" if value == chosen else value}),
            labels.get(value, value),
            counts.get("" if value == NONE else value),
            value == chosen,
        )
        for value in values
    ]
    return sorted(found, key=lambda each: (each.label == NONE, each.label.casefold()))
