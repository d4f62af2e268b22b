"""Master data at the desk: its pages, the admin of its rows, sheets in and out, the state of the channels, accounts."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.routing import APIRoute

from desk.access import HouseRule
from desk.data import channels, files, induk, overview, people

router = APIRouter()
for each in (overview, induk, files, channels, people):
    router.include_router(each.router)


def rules() -> list[tuple[str, tuple[str, ...], str]]:
    """Every route of this package, those behind which the admin stands among them: path, methods, verb."""
    return [
        (route.path, tuple(sorted(route.methods or ())), each.call.verb)
        for module in (overview, induk, files, channels, people)
        for route in module.router.routes
        if isinstance(route, APIRoute)
        for each in route.dependant.dependencies
        if isinstance(each.call, HouseRule)
    ]
