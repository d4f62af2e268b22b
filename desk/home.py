"""The door of the desk: everybody is led to the page that is theirs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from desk.access import HouseRule, Officer
from desk.rendering import page

router = APIRouter()

# The first of these that somebody may open is theirs.
ROOMS = (
    ("triage.open", "/desk/triase"),
    ("agency.open", "/desk/instansi"),
    ("oversight.open", "/desk/pengawasan"),
    ("data.open", "/desk/data"),
    ("counter.open", "/desk/loket"),
)


@router.get("/")
async def home(request: Request, officer: Annotated[Officer, Depends(HouseRule("own"))]) -> Response:
    """Lead the officer to their room; say so where they have none."""
    for verb, path in ROOMS:
        if officer.may(verb):
            return RedirectResponse(path, 303)
    return page(request, "nothing.html")
