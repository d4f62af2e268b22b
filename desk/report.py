"""One report, to be read: its page, its files, what has changed in it meanwhile, and the offices that it may go to."""

from __future__ import annotations

import asyncio
from typing import Annotated
from urllib.parse import parse_qs, urlencode, urlsplit

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from desk import keeping, offices, timeline
from desk.access import HouseRule, Officer, Opened, ReportRule, shell_of
from desk.places import inside
from desk.rendering import language_of
from desk.showing import Attempt, show
from desk.triage import Filters
from store import dossiers, media, reports, tickets
from store.complaints import NotFound

router = APIRouter()

# Reports of the inbox that are looked through for one that nobody else has open.
_NEXT = 5


@router.get("/laporan/{ticket}")
async def read(request: Request, opened: Annotated[Opened, Depends(ReportRule("report.read"))]) -> Response:
    """The report. Query: `dari` the list that the officer came from, `setelah` its place there, `selesai` and `pada`
    what was done just now, and to which report."""
    kept = await keeping.taken(request, opened.officer)
    if kept is None:
        return await show(request, opened)
    form = kept.get(keeping.SENT_TO, "").rpartition("/")[2]
    several = {name: value.split("\n") for name, value in kept.items()}
    return await show(request, opened, Attempt(form=form, typed=kept, several=several, kept=True))


@router.get("/laporan/{ticket}/berkas/{file_id}")
async def file(
    request: Request, file_id: int, opened: Annotated[Opened, Depends(ReportRule("report.read"))]
) -> Response:
    """The bytes of a file of the report, of a picture those of its clean copy, or the part that a Range header asks
    for."""
    shell = shell_of(request)
    async with shell.engine.connect() as connection:
        found = await dossiers.file(connection, opened.complaint_id, file_id) if 0 < file_id < 2**63 else None
    if found is None:
        raise NotFound(opened.ticket)
    try:
        content, content_type = await asyncio.to_thread(media.handed_out, shell.shelf, found)
    except FileNotFoundError:
        raise NotFound(opened.ticket) from None
    name, asked = f"{opened.ticket}-{file_id}", request.headers.get("range")
    return shell.served(content, content_type, name=name, asked=asked)


@router.get("/laporan/{ticket}/perubahan")
async def changes(
    request: Request,
    opened: Annotated[Opened, Depends(ReportRule("report.read"))],
    sejak: Annotated[int, Query(ge=0, lt=2**31)] = 0,
) -> JSONResponse:
    """What has happened to the report since a version, in sentences, and the version that it has now."""
    shell, language = shell_of(request), language_of(request)
    async with shell.engine.connect() as connection:
        found = await dossiers.get(connection, opened.ticket, named=False)
    reading = timeline.Reading(
        language,
        lambda code: shell.directory.names.get(code or "", code or "") or "Kominfo",
        kominfo=opened.may("report.read_covered"),
        colleague=opened.may("report.note"),
    )
    missed = min(max(found.version - sejak, 0), len(found.history))
    rows = found.history[len(found.history) - missed :]
    told = [f"{each.who}: {each.says}" for each in timeline.entries(rows, reading)]
    return JSONResponse({"version": found.version, "told": told})


@router.get("/laporan/{ticket}/cari-instansi")
async def find_office(
    request: Request,
    opened: Annotated[Opened, Depends(ReportRule("report.dispose"))],
    q: Annotated[str, Query(max_length=200)] = "",
) -> JSONResponse:
    """The offices that fit the words, for the box that offers them while somebody types."""
    shell = shell_of(request)
    today = shell.today(opened.subject.region)
    found = offices.search(shell.directory, q, opened.subject.region, today)
    return JSONResponse({"offices": [{"code": each.code, "name": each.name} for each in found]})


@router.get("/triase/berikut")
async def onwards(
    request: Request,
    officer: Annotated[Officer, Depends(HouseRule("triage.open"))],
    tiket: Annotated[str, Query(max_length=40)] = "",
    dari: Annotated[str, Query(max_length=1000)] = "",
    setelah: Annotated[str, Query(max_length=80)] = "",
    selesai: Annotated[str, Query(max_length=20)] = "",
    pada: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """The next report of the inbox after `tiket`, one that nobody else has open if there is one; the inbox itself where
    nothing is left. `setelah` is the place of `tiket` in the inbox, if it is known; what was done is passed on."""
    shell, came = shell_of(request), inside(dari) or "/desk/triase"
    reach, now, home = officer.reach("report.dispose"), shell.now(), shell.home_region
    narrowing = _filters(came).narrowing
    ticket = tickets.read(tiket) or ""
    async with shell.engine.connect() as connection:
        after = reports.read_cursor(setelah)
        if after is None and ticket:
            standing = await reports.waiting(connection, [ticket], reach, home, now, officer.staff_id)
            after = reports.read_cursor(standing[0].cursor) if standing else None
        found = await reports.inbox(
            connection, reach, home, now, officer.staff_id, narrowing=narrowing, after=after, most=_NEXT
        )
        rows = [each for each in found.rows if each.ticket != ticket]
        if not rows and after is not None:
            found = await reports.inbox(connection, reach, home, now, officer.staff_id, narrowing=narrowing, most=_NEXT)
            rows = [each for each in found.rows if each.ticket != ticket]
    said = {"selesai": selesai, "pada": pada} if selesai and pada else {}
    chosen = next((each for each in rows if not each.others), rows[0] if rows else None)
    if chosen is None:
        return RedirectResponse(_with(came, said), 303)
    query = {"dari": came, "setelah": chosen.cursor, **said}
    return RedirectResponse(f"/desk/laporan/{chosen.ticket}?{urlencode(query)}", 303)


def _with(address: str, query: dict[str, str]) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}" if query else address


def _filters(address: str) -> Filters:
    """The filters of the inbox that an address of it says."""
    query = parse_qs(urlsplit(address).query)
    known = {name: query[name][-1][:40].replace("\x00", "") for name in ("kab", "jenis", "masalah") if name in query}
    return Filters(**known)
