"""An officer's own notices: what will be late, what is late, the count of each morning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Path, Request
from fastapi.responses import RedirectResponse, Response

from desk import words
from desk.access import HouseRule, Officer, shell_of
from desk.rendering import language_of, page
from store import notices
from store.notices import Notice

router = APIRouter()

# The newest, on one page; what is older has been seen or will not be.
MOST = 100
HERE = "/desk/pemberitahuan"
# What the ids of PostgreSQL can be.
LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Shown:
    """A notice with the key of its text, the parameters of that, and where it leads."""

    notice: Notice
    key: str
    parameters: Mapping[str, Any]
    leads: str | None


@router.get("/pemberitahuan")
async def own(request: Request, officer: Annotated[Officer, Depends(HouseRule("own"))]) -> Response:
    """The officer's notices, the newest first."""
    shell = shell_of(request)
    async with shell.engine.connect() as connection:
        found = await notices.of(connection, officer.staff_id, officer.grants, MOST)
    shown = [_shown(request, each) for each in found]
    return page(request, "notices.html", notices=shown, unseen=sum(not each.seen for each in found))


@router.post("/pemberitahuan/{notice_id}/dibaca")
async def mark(
    request: Request,
    officer: Annotated[Officer, Depends(HouseRule("own"))],
    notice_id: Annotated[int, Path(ge=1, le=LARGEST)],
) -> Response:
    """Mark one as seen."""
    async with shell_of(request).unit() as work:
        await notices.seen(work.connection, notice_id, officer.staff_id)
    return RedirectResponse(HERE, 303)


@router.post("/pemberitahuan/dibaca")
async def mark_all(
    request: Request,
    officer: Annotated[Officer, Depends(HouseRule("own"))],
    up_to: Annotated[int, Form(ge=0, le=LARGEST)],
) -> Response:
    """Mark all as seen that were on the page, and those before them."""
    async with shell_of(request).unit() as work:
        await notices.all_seen(work.connection, officer.staff_id, officer.grants, up_to)
    return RedirectResponse(HERE, 303)


def _shown(request: Request, notice: Notice) -> Shown:
    """Kinds without a text of their own say no more than that there is something."""
    directory, language = shell_of(request).directory, language_of(request)
    detail = {name: _written(language, value) for name, value in notice.detail.items()}
    agency = str(notice.detail.get("agency") or notice.agency or "")
    parameters = {
        **detail,
        "ticket": notice.ticket or "",
        "agency": directory.names.get(agency, agency) or words.say(language, "notices.nobody"),
    }
    key = f"notices.kind.{notice.kind}"
    if not words.knows(key):
        key = "notices.kind.other"
    return Shown(notice, key, parameters, _leads(notice))


def _leads(notice: Notice) -> str | None:
    if notice.kind == "morning":
        return "/desk/terlambat"
    if notice.kind.startswith("channel_"):
        return "/desk/data/saluran"
    return f"/desk/laporan/{notice.ticket}" if notice.ticket else None


def _written(language: str, value: Any) -> Any:
    """A day as people write it; anything else as it is."""
    try:
        return words.day(language, date.fromisoformat(value), weekday=True)
    except (TypeError, ValueError):
        return value
