"""The desk as an app of its own, mounted at /desk: its guards, its errors as pages, its rooms."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from desk import (
    account,
    acting,
    agency,
    assisted,
    bulk,
    data,
    errors,
    export,
    handover,
    home,
    inviting,
    late,
    loket,
    mailing,
    matters,
    news,
    notices,
    oversight,
    report,
    ringkas,
    search,
    signing_in,
    standards,
    trail,
    triage,
    volunteers,
)
from desk.guards import Headed, SameOrigin
from desk.shell import Shell
from desk.uploads import Bodies

# Each page module offers a `router`; a new page is one line here.
PAGES = (
    home,
    ringkas,  # before the queue, whose /sp4n/{ticket} would take its paths
    handover,
    report,
    acting,
    assisted,  # before the volunteers, whose /kawan/{id} would take its paths
    matters,
    mailing,
    export,
    trail,
    late,
    notices,
    triage,
    search,
    news,
    bulk,
    signing_in,
    account,
    data,
    agency,
    oversight,
    standards,
    volunteers,
    inviting,
    loket,
)


def build(shell: Shell) -> FastAPI:
    """The app of the desk. Its shell must be open before the first request."""
    app = FastAPI(title="Meja LAPOR", openapi_url=None, docs_url=None, redoc_url=None)
    app.state.shell = shell
    for each in PAGES:
        app.include_router(each.router)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
    errors.install(app)
    app.add_middleware(Bodies)
    app.add_middleware(SameOrigin)
    app.add_middleware(errors.LastResort)
    app.add_middleware(Headed)
    return app
