"""The simulator as an application: its API, its pages for officers, its clock."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator

from fastapi import FastAPI, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp

from bridges.simulator import interface, officer, pages
from bridges.simulator.faults import Faults, Faulty
from bridges.simulator.storage import Storage

# How often it looks at the clock though nobody asks for anything, in seconds.
TICK = 0.5


def build(storage: Storage, token: str, *, auto: float | None = None, faults: Faults | None = None) -> ASGIApp:
    """The application on this storage, which it closes at its end. `token` opens its API; `auto`: seconds between two
    steps of the automatic officer, None: officers are whoever looks at the pages; `faults` is for tests."""

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        clock = asyncio.create_task(_run(storage, auto))
        try:
            yield
        finally:
            clock.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await clock
            storage.close()

    app = FastAPI(title="Simulator SP4N", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)

    @app.exception_handler(HTTPException)
    async def said_no(request: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"message": error.detail}, error.status_code)

    @app.exception_handler(RequestValidationError)
    async def not_understood(request: Request, error: RequestValidationError) -> JSONResponse:
        return JSONResponse({"message": "Isian tidak lengkap atau salah"}, 422)

    app.include_router(interface.router(storage, token))
    app.include_router(pages.router(storage, lively=auto is not None or storage.clocks.day is not None))
    return app if faults is None else Faulty(app, faults, interface.PREFIX)


async def _run(storage: Storage, auto: float | None) -> None:
    """The clock, and the automatic officer."""
    while True:
        # Somebody else may hold the file for a while; the clock goes on all the same.
        with contextlib.suppress(sqlite3.OperationalError):
            await run_in_threadpool(storage.tick)
            if auto is not None:
                await run_in_threadpool(officer.work, storage, auto)
        await asyncio.sleep(TICK)
