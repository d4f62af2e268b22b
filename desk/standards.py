"""Service standards: which agencies have published theirs, and, for Biro Organisasi, writing and ending them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from desk import uploads
from desk.access import Forbidden, HouseRule, Officer, shell_of
from desk.rendering import page
from desk.shell import Shell
from desk.uploads import Filled
from store import audit, oversight, standards
from store.agencies import Agency
from store.policy import Reach, lies_in
from store.standards import NewStandard, Standard, StandardChanged, StandardTaken

router = APIRouter()

_CITY_CODE = 5
# How long each field may be, in characters.
LONGEST = {"service": 200, "source": 500, "requirements": 5000, "procedure": 5000, "cost": 500}
MOST_DAYS = 365
DATES = ("published_on", "checked_on", "valid_from", "valid_to")
# What was done, as the page that follows says it.
DONE = ("added", "changed", "ended")


@dataclass(frozen=True, slots=True)
class Row:
    """An agency with its standards, and for how many services it has a published one today."""

    agency: Agency
    standards: tuple[Standard, ...]
    published: int

    @property
    def enough(self) -> bool:
        """Whether it has as many as SIPP wants."""
        return self.published >= standards.WANTED


def _today(shell: Shell) -> date:
    return shell.today(None)


def _regions(shell: Shell, officer: Officer) -> list[str]:
    """The provinces, kabupaten and kota that have agencies and that the officer looks at; all of them for somebody of
    an agency, who may compare."""
    reach = oversight.reach(officer.grants, "standards.read")
    known = {agency.region for agency in shell.directory.agencies.by_code.values() if len(agency.region) <= _CITY_CODE}
    far = reach.everywhere or not reach.regions
    return sorted(each for each in known if far or _lies(each, reach))


def _lies(region: str, reach: Reach) -> bool:
    return reach.everywhere or any(lies_in(region, wider) for wider in reach.regions)


def _own(shell: Shell, officer: Officer) -> str:
    """The region that an officer sees first: that of a grant, or of their agency."""
    agencies = shell.directory.agencies.by_code
    codes = [
        grant.region or (agencies[grant.agency].region if grant.agency in agencies else "") for grant in officer.grants
    ]
    return next((each[:_CITY_CODE] for each in codes if each), shell.home_region)


def _edits(officer: Officer, agency: Agency | None) -> bool:
    """Whether the officer writes the standards of an agency: Biro Organisasi those of its region."""
    reach = oversight.reach(officer.grants, "standards.edit")
    return agency is not None and _lies(agency.region, reach)


@router.get("/standar")
async def overview(
    request: Request,
    officer: Annotated[Officer, Depends(HouseRule("standards.read"))],
    wilayah: Annotated[str, Query(max_length=20)] = "",
    selesai: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """The agencies of a region (`wilayah`) with their standards."""
    shell = shell_of(request)
    today, regions = _today(shell), _regions(shell, officer)
    region = wilayah if wilayah in regions else _own(shell, officer)
    async with shell.engine.connect() as connection:
        found = await standards.of(connection, region)
    published = standards.published(found, today)
    rows = [
        Row(agency, tuple(each for each in found if each.agency == agency.code), published.get(agency.code, 0))
        for agency in shell.directory.agencies.by_code.values()
        if _in(agency, region) and (_valid(agency, today) or any(each.agency == agency.code for each in found))
    ]
    rows.sort(key=lambda row: (row.enough, -len(row.standards), row.agency.name))
    return page(
        request,
        "standards.html",
        rows=rows,
        region=region,
        regions=regions,
        today=today,
        enough=sum(row.enough for row in rows),
        wanted=standards.WANTED,
        edits=lambda agency: _edits(officer, agency),
        done=selesai if selesai in DONE else "",
    )


def _in(agency: Agency, region: str) -> bool:
    return agency.region == region or (len(region) >= _CITY_CODE and lies_in(agency.region, region))


def _valid(agency: Agency, on: date) -> bool:
    return (agency.valid_from is None or agency.valid_from <= on) and (agency.valid_to is None or on <= agency.valid_to)


# --- writing ---------------------------------------------------------------------------------------------------


@router.get("/standar/baru")
async def blank(
    request: Request,
    officer: Annotated[Officer, Depends(HouseRule("standards.edit"))],
    instansi: Annotated[str, Query(max_length=60)] = "",
) -> Response:
    """An empty form, for an agency (`instansi`) if one is named."""
    today = _today(shell_of(request))
    typed = {"agency": instansi, "checked_on": today.isoformat()}
    return _form(request, officer, typed, None)


@router.post("/standar/baru")
async def add(request: Request, officer: Annotated[Officer, Depends(HouseRule("standards.edit"))]) -> Response:
    """Add a standard."""
    shell, filled = shell_of(request), await uploads.form(request)
    read, wrong = _read(filled, _today(shell))
    agency = _agency(shell, officer, filled.get("agency"))
    if read is None or agency is None:
        return _form(request, officer, filled.words, None, wrong if agency else {**wrong, "agency": "agency"}, 422)
    try:
        async with shell.unit() as work:
            added = await standards.add(work.connection, read)
            await audit.write(
                work.connection, officer.actor("standards.edit"), "standard.add", of=("standard", str(added)),
                detail={"agency": read.agency},
            )  # fmt: skip
    except StandardTaken:
        return _form(request, officer, filled.words, None, {"service": "taken"}, 409)
    return _back(agency, "added")


@router.get("/standar/{standard_id}/ubah")
async def filled_in(
    request: Request, officer: Annotated[Officer, Depends(HouseRule("standards.edit"))], standard_id: int
) -> Response:
    """The form of a standard."""
    found = await _found(request, officer, standard_id)
    return _form(request, officer, _typed(found), found)


@router.post("/standar/{standard_id}/ubah")
async def change(
    request: Request, officer: Annotated[Officer, Depends(HouseRule("standards.edit"))], standard_id: int
) -> Response:
    """Write a standard anew. Somebody else's change meanwhile is shown, and nothing overwritten."""
    shell, found, filled = shell_of(request), await _found(request, officer, standard_id), await uploads.form(request)
    read, wrong = _read(filled, _today(shell))
    agency = _agency(shell, officer, filled.get("agency"))
    if read is None or agency is None:
        return _form(request, officer, filled.words, found, wrong if agency else {**wrong, "agency": "agency"}, 422)
    changed = [name for name, value in asdict(read).items() if value != getattr(found, name)]
    try:
        async with shell.unit() as work:
            await standards.change(work.connection, standard_id, read, filled.get("seen"))
            await audit.write(
                work.connection, officer.actor("standards.edit"), "standard.change", of=("standard", str(standard_id)),
                detail={"columns": changed},
            )  # fmt: skip
    except StandardTaken:
        return _form(request, officer, filled.words, found, {"service": "taken"}, 409)
    except StandardChanged:
        now = await _found(request, officer, standard_id)
        return _form(request, officer, filled.words, now, {"": "changed"}, 409)
    return _back(agency, "changed")


@router.post("/standar/{standard_id}/akhiri")
async def end(
    request: Request, officer: Annotated[Officer, Depends(HouseRule("standards.edit"))], standard_id: int
) -> Response:
    """Let a standard hold up to yesterday, or to the day that the form names."""
    shell, found, filled = shell_of(request), await _found(request, officer, standard_id), await uploads.form(request)
    try:
        on = date.fromisoformat(filled.get("valid_to")) if filled.get("valid_to") else _today(shell) - timedelta(days=1)
    except ValueError:
        return _form(request, officer, _typed(found), found, {"valid_to": "date"}, 422)
    if found.valid_from and on < found.valid_from:
        return _form(request, officer, _typed(found), found, {"valid_to": "order"}, 422)
    try:
        async with shell.unit() as work:
            await standards.end(work.connection, standard_id, on, filled.get("seen"))
            await audit.write(
                work.connection, officer.actor("standards.edit"), "standard.end", of=("standard", str(standard_id)),
                detail={"valid_to": on.isoformat()},
            )  # fmt: skip
    except StandardChanged:
        now = await _found(request, officer, standard_id)
        return _form(request, officer, _typed(now), now, {"": "changed"}, 409)
    return _back(shell.directory.agencies.by_code[found.agency], "ended")


async def _found(request: Request, officer: Officer, standard_id: int) -> Standard:
    """The standard. Raises HTTPException 404, and `Forbidden` where it is that of another region."""
    shell = shell_of(request)
    async with shell.engine.connect() as connection:
        found = await standards.get(connection, standard_id) if 0 < standard_id < 2**63 else None
    if found is None:
        raise HTTPException(404)
    if not _edits(officer, shell.directory.agencies.by_code.get(found.agency)):
        raise Forbidden("standards.edit")
    return found


def _agency(shell: Shell, officer: Officer, code: str) -> Agency | None:
    """The agency that is named; None if there is none such. Raises `Forbidden` where it is that of another region."""
    agency = shell.directory.agencies.by_code.get(code)
    if agency is not None and not _edits(officer, agency):
        raise Forbidden("standards.edit")
    return agency


def _read(filled: Filled, today: date) -> tuple[NewStandard | None, dict[str, str]]:
    """What the form says, or what is wrong with it: the last part of a text key by field."""
    wrong: dict[str, str] = {}
    words: dict[str, str | None] = {}
    for name, most in LONGEST.items():
        words[name] = filled.get(name) or None
        if len(filled.get(name)) > most:
            wrong[name] = "long"
        elif words[name] is None and name in ("service", "source"):
            wrong[name] = "needed"
    days: dict[str, date | None] = {}
    for name in DATES:
        try:
            days[name] = date.fromisoformat(filled.get(name)) if filled.get(name) else None
        except ValueError:
            wrong[name] = "date"
    said = filled.get("working_days")
    if said and not (said.isascii() and said.isdecimal() and len(said) <= 3 and int(said) <= MOST_DAYS):
        wrong["working_days"] = "number"
    if (checked := days.get("checked_on")) and checked > today:
        wrong["checked_on"] = "future"
    first, last = days.get("valid_from"), days.get("valid_to")
    if first and last and last < first:
        wrong["valid_to"] = "order"
    if wrong:
        return None, wrong
    return (
        NewStandard(
            agency=filled.get("agency"),
            service=words["service"] or "",
            source=words["source"] or "",
            requirements=words["requirements"],
            procedure=words["procedure"],
            cost=words["cost"],
            working_days=int(said) if said else None,
            **days,
        ),
        {},
    )


def _typed(found: Standard) -> dict[str, str]:
    values = {name: getattr(found, name) for name in NewStandard.__slots__}
    return {name: "" if value is None else str(value) for name, value in values.items()}


def _form(
    request: Request,
    officer: Officer,
    typed: Mapping[str, str],
    found: Standard | None,
    wrong: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    agencies = shell_of(request).directory.agencies.by_code.values()
    today = _today(shell_of(request))
    mine = [
        each for each in agencies if _edits(officer, each) and (_valid(each, today) or each.code == typed.get("agency"))
    ]
    return page(
        request,
        "standard.html",
        status,
        typed=typed,
        found=found,
        wrong=wrong or {},
        agencies=sorted(mine, key=lambda each: (each.region, each.name)),
        longest=LONGEST,
        most_days=MOST_DAYS,
        today=today,
    )


def _back(agency: Agency, done: str) -> Response:
    return RedirectResponse(f"/desk/standar?wilayah={agency.region[:_CITY_CODE]}&selesai={done}", 303)
