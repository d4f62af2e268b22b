"""Many reports at once: what was ticked becomes a batch, which waits ten seconds and can be taken back until then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.datastructures import FormData

from desk.access import Forbidden, HouseRule, Officer, shell_of
from desk.rendering import page
from store import audit, batches, policy, tickets
from store.agencies import Agency, is_valid
from store.batches import Batch
from store.complaints import NotFound
from store.policy import Reach

router = APIRouter()

# The verb of store/policy.py that an action on many is, for each of them.
RULES = {"accept": "report.accept", "dispose": "report.dispose"}


@dataclass(frozen=True, slots=True)
class Ticked:
    """What was ticked: tickets with their versions, and where to go back to."""

    items: tuple[tuple[str, int], ...]
    back: str


@router.post("/massal")
async def begin(request: Request, officer: Annotated[Officer, Depends(HouseRule("triage.open"))]) -> Response:
    """Begin a batch, or ask for the agency first. Raises RequestValidationError for what no form of ours sends."""
    shell = shell_of(request)
    async with request.form(max_fields=batches.MOST + 50, max_files=0) as form:
        verb, code, ticked = _field(form, "verb"), _field(form, "agency"), _ticked(form)
    if verb not in RULES or len(ticked.items) > batches.MOST:
        raise RequestValidationError([])
    if not officer.reach(RULES[verb]):
        raise Forbidden(RULES[verb])
    if not ticked.items:
        return page(request, "bulk_choose.html", 422, ticked=ticked, offices=[], wanted="", problem="none_ticked")
    offices = _offices(request, officer)
    agency = None
    if verb == "dispose":
        agency = _chosen(offices, code)
        if agency is None:
            problem = "no_such_agency" if code else None
            status = 422 if code else 200
            return page(
                request, "bulk_choose.html", status, ticked=ticked, offices=offices, wanted=code, problem=problem
            )
    parameters = {"agency": agency.code} if agency else {}
    async with shell.unit() as work:
        batch_id = await batches.begin(work.connection, officer.staff_id, verb, parameters, ticked.items, shell.now())
        detail = {"verb": verb, "count": len(ticked.items), **parameters}
        actor = officer.actor("triage.open")
        await audit.write(work.connection, actor, "batch.begin", of=("batch", str(batch_id)), detail=detail)
        await work.later("run_batch", batch_id=batch_id)
    return RedirectResponse(f"/desk/massal/{batch_id}", 303)


@router.get("/massal/{batch_id}")
async def show(
    request: Request, batch_id: int, officer: Annotated[Officer, Depends(HouseRule("triage.open"))]
) -> Response:
    """A batch of one's own: that it waits, that it runs, what came of it; as JSON for the page that waits with it."""
    batch = await _own(request, officer, batch_id)
    shell = shell_of(request)
    left = max(0.0, (batch.run_at - shell.now()).total_seconds()) if batch.state == "waiting" else 0.0
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"state": batch.state, "left": round(left, 1)})
    return page(
        request,
        "bulk.html",
        batch=batch,
        left=round(left),
        done=[each for each in batch.items if each.done],
        passed=[each for each in batch.items if each.done is False],
    )


@router.post("/massal/{batch_id}/urung")
async def undo(
    request: Request, batch_id: int, officer: Annotated[Officer, Depends(HouseRule("triage.open"))]
) -> Response:
    """Take a batch of one's own back; the page tells where it was too late."""
    batch = await _own(request, officer, batch_id)
    async with shell_of(request).unit() as work:
        undone = await batches.undo(work.connection, batch.id, officer.staff_id)
        if undone:
            actor = officer.actor("triage.open")
            await audit.write(work.connection, actor, "batch.undo", of=("batch", str(batch.id)))
    return RedirectResponse(f"/desk/massal/{batch.id}", 303)


async def _own(request: Request, officer: Officer, batch_id: int) -> Batch:
    """Raises `NotFound`, also for somebody else's."""
    if not 0 < batch_id < 1 << 63:
        raise NotFound(str(batch_id))
    async with shell_of(request).engine.connect() as connection:
        batch = await batches.get(connection, batch_id)
    if batch is None or batch.staff_id != officer.staff_id:
        raise NotFound(str(batch_id))
    return batch


def _field(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value.replace("\x00", "").strip()[:300] if isinstance(value, str) else ""


def _ticked(form: FormData) -> Ticked:
    """What is not a ticket with a version is left out; the way back leads nowhere but to the inbox."""
    items: dict[str, int] = {}
    for value in form.getlist("item"):
        ticket, _, version = str(value).rpartition(":")
        read = tickets.read(ticket)
        if read and version.isascii() and version.isdecimal() and len(version) < 10:
            items[read] = int(version)
    back = _field(form, "next")
    return Ticked(tuple(items.items()), back if back.startswith("/desk/triase") else "/desk/triase")


def _offices(request: Request, officer: Officer) -> list[Agency]:
    """The offices that exist today, of the officer's regions, of what lies in them, and of what they lie in."""
    shell = shell_of(request)
    reach, today = officer.reach("report.dispose"), shell.today(None)
    return sorted(
        (each for each in shell.directory.agencies.by_code.values() if is_valid(each, today) and _near(each, reach)),
        key=lambda each: (each.region, each.name.casefold()),
    )


def _near(agency: Agency, reach: Reach) -> bool:
    return reach.everywhere or any(
        policy.lies_in(agency.region, region) or policy.lies_in(region, agency.region) for region in reach.regions
    )


def _chosen(offices: Sequence[Agency], words: str) -> Agency | None:
    """The office of that code or name."""
    wanted = words.casefold()
    return next((each for each in offices if wanted in (each.code.casefold(), each.name.casefold())), None)
