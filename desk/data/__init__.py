"""Master data at the desk: its pages, the admin of its rows, sheets in and out, the state of the channels, accounts,
and ways into other systems."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.routing import APIRoute

from desk.access import HouseRule
from desk.data import channels, files, hooks, induk, overview, people, ways

# A new page is one word here.
MODULES = (overview, induk, files, channels, people, ways, hooks)

router = APIRouter()
for each in MODULES:
    router.include_router(each.router)


def rules() -> list[tuple[str, tuple[str, ...], str]]:
    """Every route of this package, those behind which the admin stands among them: path, methods, verb."""
    return [
        (route.path, tuple(sorted(route.methods or ())), each.call.verb)
        for module in MODULES
        for route in module.router.routes
        if isinstance(route, APIRoute)
        for each in route.dependant.dependencies
        if isinstance(each.call, HouseRule)
    ]
