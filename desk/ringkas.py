"""SP4N-LAPOR!'s "Laporan Ringkas" at the desk: hand a file in, see what it would change, have it done. And what of it
is not ours, for whoever watches over a region.

An import is its officer's alone: what it shows of reports of ours are those that this officer may hand over.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.datastructures import UploadFile

from desk import uploads, words
from desk.access import HouseRule, Officer, shell_of
from desk.rendering import language_of, page
from store import audit, ringkas
from store.complaints import NotFound
from store.ringkas import Import, Staged, Wanted
from store.ways import SP4N

router = APIRouter(prefix="/sp4n")

HERE, OUTSIDE = "/desk/sp4n/impor", "/desk/sp4n/luar"
LARGEST = 80 << 20
# Imports in the list, rows of a preview and of external complaints on a page.
LISTED, A_PAGE = 30, 50
# How old an external complaint is, by the day that it was filed on: from so many days on, up to so many.
AGES = {"30": (0, 30), "90": (30, 90), "180": (90, 180), "lama": (180, None)}
# Where a row stands below which a page begins; a file has no more.
_LAST_LINE = 1_000_000

May = Annotated[Officer, Depends(HouseRule("external.import"))]
Line = Annotated[int, Query(ge=0, le=_LAST_LINE)]


@router.get("/impor")
async def choose(request: Request, officer: May) -> Response:
    """Choose a file; what was handed in before."""
    return await _choose(request, officer)


@router.post("/impor")
async def hand_in(request: Request, officer: May) -> Response:
    """Take a file, which a job reads. A page that sends it by script is answered in JSON: where to go, or what is
    wrong."""
    shell = shell_of(request)
    async with request.form(max_files=1, max_fields=5) as form:
        upload = form.get("file")
        if not isinstance(upload, UploadFile) or not upload.filename:
            return await _choose(request, officer, "no_file")
        if (upload.size or 0) > LARGEST:
            return await _choose(request, officer, "too_large")
        name, content = uploads.clean(upload.filename), await upload.read()
    if not content:
        return await _choose(request, officer, "empty")
    if harm := await uploads.harm_of(shell, content):
        return await _choose(request, officer, harm)
    sha256, size = await asyncio.to_thread(shell.shelf.put, content), len(content)
    async with shell.unit() as work:
        import_id = await ringkas.add(work.connection, officer.staff_id, SP4N, name, sha256, size)
        await _write(work.connection, officer, "external.handed_in", import_id, {"file": sha256[:12]})
        await work.later("read_ringkas", import_id=import_id)
    return _go(request, f"{HERE}/{import_id}")


@router.get("/impor/{import_id}")
async def show(request: Request, import_id: int, officer: May, setelah: Line = 0, salah: Line = 0) -> Response:
    """An import of one's own: how far it is, what it would change, what has come of it; as JSON for the page that waits
    with it. `setelah` and `salah` are the lines that its lists begin below."""
    return await _shown(request, officer, import_id, setelah, salah)


@router.post("/impor/{import_id}/jalankan")
async def start(request: Request, import_id: int, officer: May) -> Response:
    """Have it done; the preview again where it has wrong rows that nobody has left out, or is not waiting for this."""
    found = await _own(request, officer, import_id)
    form = await request.form(max_files=0, max_fields=5)
    try:
        async with shell_of(request).unit() as work:
            without_wrong = form.get("tanpa_salah") == "ya"
            rows = await ringkas.start(work.connection, found.id, without_wrong=without_wrong)
            detail = {"rows": rows, "without_wrong": without_wrong}
            await _write(work.connection, officer, "external.begun", found.id, detail)
            await work.later("do_ringkas", import_id=found.id)
    except ringkas.NotNow:
        return await _shown(request, officer, import_id, status=422, problem="not_now")
    return RedirectResponse(f"{HERE}/{found.id}", 303)


@router.post("/impor/{import_id}/batal")
async def drop(request: Request, import_id: int, officer: May) -> Response:
    """Have nothing done with it; the page tells where it was too late."""
    found = await _own(request, officer, import_id)
    async with shell_of(request).unit() as work:
        if await ringkas.drop(work.connection, found.id):
            await _write(work.connection, officer, "external.dropped", found.id, {})
    return RedirectResponse(f"{HERE}/{found.id}", 303)


async def _own(request: Request, officer: Officer, import_id: int) -> Import:
    """Raises `NotFound`, also for somebody else's."""
    if not 0 < import_id < 1 << 63:
        raise NotFound(str(import_id))
    async with shell_of(request).engine.connect() as connection:
        found = await ringkas.get(connection, import_id)
    if found is None or found.staff_id != officer.staff_id:
        raise NotFound(str(import_id))
    return found


async def _write(connection: Any, officer: Officer, verb: str, import_id: int, detail: dict[str, Any]) -> None:
    of = ("import", str(import_id))
    await audit.write(connection, officer.actor("external.import"), verb, of=of, detail=detail)


def _in_json(request: Request) -> bool:
    return "application/json" in request.headers.get("accept", "")


def _go(request: Request, address: str) -> Response:
    return JSONResponse({"go": address}) if _in_json(request) else RedirectResponse(address, 303)


async def _choose(request: Request, officer: Officer, problem: str = "") -> Response:
    status = 422 if problem else 200
    if problem and _in_json(request):
        said = words.say(language_of(request), f"ringkas.unreadable.{problem}")
        return JSONResponse({"problem": said}, status)
    async with shell_of(request).engine.connect() as connection:
        listed = await ringkas.listed(connection, officer.staff_id, LISTED)
    return page(request, "ringkas.html", status, imports=listed, problem=problem, largest=LARGEST)


async def _shown(
    request: Request,
    officer: Officer,
    import_id: int,
    after: int = 0,
    after_wrong: int = 0,
    *,
    status: int = 200,
    problem: str = "",
) -> Response:
    found = await _own(request, officer, import_id)
    if _in_json(request):
        told = {"state": found.state, "done": found.rows_done, "all": found.rows_all}
        return JSONResponse(told)
    ours: list[Staged] = []
    wrong: list[Staged] = []
    noted: list[Staged] = []
    if found.state in (ringkas.READ, "doing", "done"):
        async with shell_of(request).engine.connect() as connection:
            asked = (ringkas.CHANGED, ringkas.UNKNOWN)
            ours = await ringkas.rows(connection, found.id, asked, after=after, most=A_PAGE + 1)
            wrong = await ringkas.rows(connection, found.id, (ringkas.WRONG,), after=after_wrong, most=A_PAGE + 1)
            others = (ringkas.SAME, ringkas.NEW)
            noted = await ringkas.rows(connection, found.id, others, most=A_PAGE, noted=True)
    return page(
        request,
        "ringkas_import.html",
        status,
        found=found,
        problem=problem,
        ours=ours[:A_PAGE],
        wrong=wrong[:A_PAGE],
        noted=noted,
        more_ours=_further(found, setelah=ours[A_PAGE - 1].line, salah=after_wrong) if len(ours) > A_PAGE else None,
        more_wrong=_further(found, setelah=after, salah=wrong[A_PAGE - 1].line) if len(wrong) > A_PAGE else None,
        first=_further(found) if after or after_wrong else None,
    )


def _further(found: Import, **lines: int) -> str:
    asked = urlencode({name: line for name, line in lines.items() if line})
    return f"{HERE}/{found.id}?{asked}" if asked else f"{HERE}/{found.id}"


# --- what is not ours ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for, as it was typed; what is not known asks for nothing."""

    status: str = ""
    kota: str = ""
    umur: str = ""

    def wanted(self, now: datetime) -> Wanted:
        """The same for the store."""
        first, last = AGES.get(self.umur, (None, None))
        return Wanted(
            status=self.status or None,
            city=self.kota or None,
            since=now - timedelta(days=last) if last else None,
            before=now - timedelta(days=first) if first else None,
        )

    def address(self, **more: str) -> str:
        """The address that asks for the same."""
        query = {"status": self.status, "kota": self.kota, "umur": self.umur, **more}
        said = urlencode({name: value for name, value in query.items() if value})
        return f"{OUTSIDE}?{said}" if said else OUTSIDE


def _asked(
    status: Annotated[str, Query(max_length=300)] = "",
    kota: Annotated[str, Query(max_length=200)] = "",
    umur: Annotated[str, Query(max_length=10)] = "",
) -> Asked:
    """A dependency: what the address asks for."""
    return Asked(*(each.replace("\x00", "").strip() for each in (status, kota, umur)))


@router.get("/luar")
async def outside(
    request: Request,
    officer: Annotated[Officer, Depends(HouseRule("external.read"))],
    asked: Annotated[Asked, Depends(_asked)],
    setelah: Annotated[str, Query(max_length=60)] = "",
) -> Response:
    """External complaints, page by page; `setelah` is the place that the page begins behind ("when it was filed,its
    id")."""
    shell = shell_of(request)
    wanted, before = asked.wanted(shell.now()), _place(setelah)
    async with shell.engine.connect() as connection:
        found = await ringkas.external(connection, SP4N, wanted, before=before, most=A_PAGE + 1)
        count = await ringkas.external_count(connection, SP4N, wanted)
        statuses, cities = await ringkas.external_choices(connection, SP4N)
    shown = found[:A_PAGE]
    last = shown[-1] if len(found) > A_PAGE else None
    place = f"{last.filed_at.isoformat() if last.filed_at else ''},{last.id}" if last else ""
    return page(
        request,
        "ringkas_outside.html",
        found=shown,
        count=count,
        asked=asked,
        ages=tuple(AGES),
        statuses=statuses,
        cities=cities,
        following=asked.address(setelah=place) if place else None,
        first=asked.address() if before else None,
        may_import=officer.may("external.import"),
    )


def _place(written: str) -> tuple[datetime | None, int] | None:
    """The place that an address names; None where it names none."""
    at, comma, number = written.rpartition(",")
    if not comma or not number.isascii() or not number.isdecimal() or len(number) > 18:
        return None
    try:
        moment = datetime.fromisoformat(at) if at else None
    except ValueError:
        return None
    return None if moment is not None and moment.tzinfo is None else (moment, int(number))
