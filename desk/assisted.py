"""Residents who were assisted, as an operator sees to them: who assisted with a report and how its pelapor is reached,
and drafts whose volunteer may not go on.

Neither stands on any page by itself. Each look, and each reading of a draft, is written down before anybody sees it. A
draft is made a report only by the resident's own word, given to the officer who has reached them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from desk import uploads
from desk.access import HouseRule, Officer, Opened, ReportRule, shell_of
from desk.insisting import insist
from desk.rendering import page
from desk.shell import Shell, Work
from desk.showing import ASSISTANT_REASONS, REACH_REASONS, Attempt, show
from store import assistances, attention, audit, dossiers, lapsed, media
from store.assistances import DeskDraft, Helped
from store.complaints import NotFound
from store.policy import Reach, Subject

router = APIRouter()

HERE = "/desk/kawan/draf"
VERB = "assisted_draft.settle"
# Why a draft is no report: keys of texts, since the audit keeps nobody's own words.
DROP_REASONS = ("own_wish", "not_reached", "no_complaint", "again")
DONE = ("dropped",)
# The matter that says that drafts wait, until none does.
May = Annotated[Officer, Depends(HouseRule("assisted_drafts.open"))]


# --- a report: who assisted, and how the pelapor is reached ----------------------------------------------------------


@router.post("/laporan/{ticket}/pendamping")
async def assistant(
    request: Request, opened: Annotated[Opened, Depends(ReportRule("report.read_assistant"))]
) -> Response:
    """Who assisted the pelapor, for a reason that is written down before it is shown; on this one page only."""
    return await _reveal(request, opened, "pendamping", "assistant_reason", ASSISTANT_REASONS, _who)


@router.post("/laporan/{ticket}/cara-kabar")
async def reach(request: Request, opened: Annotated[Opened, Depends(ReportRule("report.read_reach"))]) -> Response:
    """How the pelapor is reached, likewise."""
    return await _reveal(request, opened, "cara-kabar", "reach_reason", REACH_REASONS, _where)


async def _reveal(
    request: Request, opened: Opened, form: str, problem: str, reasons: tuple[str, ...], tell: Any
) -> Response:
    filled = await uploads.form(request)
    reason = filled.get("reason")
    if reason not in reasons:
        return await show(request, opened, Attempt(form=form, typed=filled.words, problem=problem), 422)

    async def look(work: Work) -> tuple[str, Mapping[str, str]]:
        found = await assistances.of_complaint(work.connection, opened.complaint_id)
        key, told = tell(shell_of(request), found)
        detail = {"reason": reason, "found": bool(told)}
        await audit.write(work.connection, opened.actor, opened.verb, of=("report", opened.ticket), detail=detail)
        return key, told

    revealed = await insist(shell_of(request), opened, look)
    return await show(request, opened, Attempt(form=form, typed={"next": filled.get("next")}, revealed=revealed))


def _who(shell: Shell, found: Helped | None) -> tuple[str, Mapping[str, str]]:
    if found is None:
        return "report.assisted.nobody_is", {}
    if not found.name:
        return "report.assisted.erased_is", {}
    known = shell.directory.regions.nearest(found.region)
    region = shell.directory.regions.full_name(known.code) if known else found.region
    return f"report.assisted.{found.kind}_is", {"name": found.name, "region": region}


def _where(_shell: Shell, found: Helped | None) -> tuple[str, Mapping[str, str]]:
    if found is None or found.reach not in ("phone", "place") or not found.reach_words:
        return "report.reach.nowhere_is", {}
    return f"report.reach.{found.reach}_is", {"words": found.reach_words}


# --- drafts whose volunteer may not go on ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """What a draft says so far, of what the conversation has left of it; "" and None where it is not said yet.

    `resident` is the name that the resident gave, which is not asked for where they wish to be Anonim.
    """

    story: str
    place: str
    time: str
    resident: str
    anonymous: bool
    secret: bool
    privacy_told: bool


def told(saved: Mapping[str, Any]) -> Told:
    """What a saved draft says. It never raises: whatever has another form than we know is left out."""
    answers = saved.get("answers")
    privacy, place, time = (_value(answers, name) for name in ("privacy", "place", "time"))
    resident = _value(answers, "resident")
    anonymous = isinstance(privacy, Mapping) and privacy.get("anonymous") is True
    return Told(
        story="\n".join(_parts(saved.get("told"))),
        place=_text(place, "text") or _text(place, "name"),
        time=_text(time, "words"),
        resident=resident if isinstance(resident, str) and not anonymous else "",
        anonymous=anonymous,
        secret=isinstance(privacy, Mapping) and privacy.get("secret") is True,
        privacy_told=isinstance(privacy, Mapping),
    )


def _parts(parts: Any) -> list[str]:
    if not isinstance(parts, list):
        return []
    return [each[0] for each in parts if isinstance(each, list) and each and isinstance(each[0], str)]


def _value(answers: Any, name: str) -> Any:
    given = answers.get(name) if isinstance(answers, Mapping) else None
    return given[0] if isinstance(given, list) and given else None


def _text(value: Any, name: str) -> str:
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, str) else ""


def region_of(shell: Shell, draft: DeskDraft) -> str:
    """The code of the region whose officers see to a draft: that of its place, else that of whoever assisted."""
    place = _value(draft.saved.get("answers"), "place")
    known = shell.directory.regions.nearest(_text(place, "region") or None)
    return known.code if known else draft.region


async def within(connection: AsyncConnection, shell: Shell, officer: Officer) -> list[DeskDraft]:
    """The drafts that wait within the officer's reach, the oldest first. There are never many."""
    found = await assistances.drafts_at_desk(connection, Reach(everywhere=True))
    return [each for each in found if officer.may(VERB, Subject(region_of(shell, each)))]


@router.get("/kawan/draf")
async def waiting(request: Request, officer: May, selesai: str = "") -> Response:
    """The drafts within the officer's reach, the oldest first: who waits longest."""
    shell = shell_of(request)
    async with shell.engine.connect() as connection:
        found = await within(connection, shell, officer)
    return page(
        request,
        "assisted.html",
        drafts=found,
        region=lambda draft: region_of(shell, draft),
        done=selesai if selesai in DONE else "",
    )


@router.get("/kawan/draf/{draft_id}")
async def read(request: Request, draft_id: int, officer: May) -> Response:
    """One draft."""
    return await _show(request, officer, draft_id)


@router.get("/kawan/draf/{draft_id}/berkas/{file_id}")
async def file(request: Request, draft_id: int, file_id: int, officer: May) -> Response:
    """The bytes of a file of a draft, of a picture those of its clean copy, or the part that a Range header asks
    for."""
    shell = shell_of(request)
    async with shell.engine.connect() as connection:
        draft = await _reached(connection, shell, officer, draft_id)
        found = await dossiers.draft_file(connection, draft.contact_id, draft.draft, file_id)
    if found is None:
        raise NotFound(str(draft_id))
    try:
        content, content_type = await asyncio.to_thread(media.handed_out, shell.shelf, found)
    except FileNotFoundError:
        raise NotFound(str(draft_id)) from None
    name, asked = f"draf-{draft_id}-{file_id}", request.headers.get("range")
    return shell.served(content, content_type, name=name, asked=asked)


@router.post("/kawan/draf/{draft_id}/jadikan")
async def make(request: Request, draft_id: int, officer: May) -> Response:
    """Make the draft a report: the officer has reached the resident, who has said yes. The resident's codes stand on
    the answer alone, this once: no chat has told them, and only their digests are kept."""
    shell, filled = shell_of(request), await uploads.form(request)
    async with shell.engine.connect() as connection:
        draft = await _reached(connection, shell, officer, draft_id)
    if not filled.get("agreed"):
        return await _show(request, officer, draft_id, problem="agreed", status=422)
    if not told(draft.saved).story and not await _files(shell, draft):
        return await _show(request, officer, draft_id, problem="empty", status=422)
    try:
        codes = await shell.file_kept_draft(draft_id, officer.staff_id)
    except LookupError:  # somebody was quicker
        raise NotFound(str(draft_id)) from None
    report = f"/desk/laporan/{codes.ticket}?{urlencode({'dari': HERE})}"
    check, chat = f"{shell.public_url}/periksa", f"{shell.public_url}/chat"
    return page(request, "assisted_filed.html", codes=codes, report=report, check=check, chat=chat)


@router.post("/kawan/draf/{draft_id}/buang")
async def drop(request: Request, draft_id: int, officer: May) -> Response:
    """The draft is no report, for a reason; nothing of it is kept."""
    shell, filled = shell_of(request), await uploads.form(request)
    reason = filled.get("reason")
    if reason not in DROP_REASONS:
        return await _show(request, officer, draft_id, problem="reason", status=422)
    async with shell.unit() as work:
        await _reached(work.connection, shell, officer, draft_id, lock=True)
        await assistances.settle_draft(work.connection, draft_id)
        if not await lapsed.any_kept(work.connection):
            await attention.settle(work.connection, assistances.DRAFTS)
        of = ("assisted_draft", str(draft_id))
        await audit.write(work.connection, officer.actor(VERB), "assisted_draft.drop", of=of, detail={"reason": reason})
    return RedirectResponse(f"{HERE}?{urlencode({'selesai': 'dropped'})}", 303)


async def _reached(
    connection: AsyncConnection, shell: Shell, officer: Officer, draft_id: int, *, lock: bool = False
) -> DeskDraft:
    """The draft, if it lies within the officer's reach. Raises `NotFound`: for all others it is not there."""
    found = await assistances.draft_at_desk(connection, draft_id, lock=lock) if 0 < draft_id < 2**63 else None
    if found is None or not officer.may(VERB, Subject(region_of(shell, found))):
        raise NotFound(str(draft_id))
    return found


async def _files(shell: Shell, draft: DeskDraft) -> list[dossiers.File]:
    async with shell.engine.connect() as connection:
        return await dossiers.draft_files(connection, draft.contact_id, draft.draft)


async def _show(request: Request, officer: Officer, draft_id: int, *, problem: str = "", status: int = 200) -> Response:
    """The page of a draft. That it was read is written down before anybody sees it."""
    shell = shell_of(request)
    async with shell.unit() as work:
        draft = await _reached(work.connection, shell, officer, draft_id)
        why = await dossiers.draft_because(work.connection, draft_id, shell.now())
        files = await dossiers.draft_files(work.connection, draft.contact_id, draft.draft)
        of = ("assisted_draft", str(draft_id))
        detail = {"reach": draft.reach, "count": len(files)}
        await audit.write(work.connection, officer.actor(VERB), "assisted_draft.read", of=of, detail=detail)
    return page(
        request,
        "assisted_draft.html",
        status,
        draft=draft,
        region=region_of(shell, draft),
        why=why,
        told=told(draft.saved),
        files=files,
        problem=problem,
        reasons=DROP_REASONS,
    )
