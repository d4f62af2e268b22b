"""Errors of the API as application/problem+json (RFC 9457). None repeats what the client sent as text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from store.complaints import NotAllowed, NotFound
from store.database import is_down

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
log = structlog.get_logger(__name__)
TITLES = {
    400: "Bad request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    422: "Not valid",
    503: "Store not available",
}


class Problem(Exception):
    """An answer that is an error: the HTTP status, a sentence, and further members of the body."""

    def __init__(self, status: int, detail: str, **members: Any) -> None:
        super().__init__(detail)
        self.status, self.detail, self.members = status, detail, members


def response(status: int, detail: str, headers: Mapping[str, str] | None = None, **members: Any) -> JSONResponse:
    """A problem as an HTTP answer."""
    body = {"type": "about:blank", "title": TITLES.get(status, "Error"), "status": status, "detail": detail, **members}
    return JSONResponse(body, status, headers=dict(headers or {}), media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Give every error of this app its problem document."""

    @app.exception_handler(Problem)
    async def _problem(_request: Request, error: Problem) -> JSONResponse:
        return response(error.status, error.detail, **error.members)

    @app.exception_handler(NotFound)
    async def _not_found(_request: Request, _error: NotFound) -> JSONResponse:
        return response(404, "There is no complaint with that ticket number.")

    @app.exception_handler(NotAllowed)
    async def _not_allowed(_request: Request, error: NotAllowed) -> JSONResponse:
        return response(
            409,
            f"A complaint that is {error.now!r} cannot become {error.wanted!r}.",
            allowed=list(error.allowed),
        )

    @app.exception_handler(RequestValidationError)
    async def _invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        # The input itself is left out: it may be somebody's complaint.
        found = [{"loc": [_step(step) for step in each["loc"]], "msg": each["msg"]} for each in error.errors()]
        broken = any(each["type"] == "json_invalid" for each in error.errors())
        return response(400 if broken else 422, "The request does not fit the schema.", errors=found)

    @app.exception_handler(HTTPException)
    async def _http(_request: Request, error: HTTPException) -> JSONResponse:
        return response(error.status_code, str(error.detail), error.headers)

    app.add_middleware(Limited)
    app.add_middleware(LastResort)


LARGEST_BODY = 1 << 20
# Where more may come: Meta posts many messages at once, up to 3 MB. The chat page and the desk have their own limits.
LARGER_BODIES = {"/webhooks/whatsapp": 4 << 20, "/chat": None, "/desk": None}


class Limited:
    """Refuses bodies over 1 MiB, or over what `LARGER_BODIES` allows under a path, before anybody reads them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        path = scope.get("path", "")
        largest = next((size for start, size in LARGER_BODIES.items() if path.startswith(start)), LARGEST_BODY)
        if scope["type"] != "http" or largest is None:
            await self._app(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > largest:
                raise Problem(413, "The body is too large.")
            return message

        await self._app(scope, counted, send)


class LastResort:
    """Answers for what nobody has caught. Starlette's own way would raise the error again after the answer,
    and the server would log it with its words and cut the connection."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            if begun or scope["type"] != "http":
                raise
            await _answer(scope["path"], error)(scope, receive, send)


def _answer(path: str, error: Exception) -> JSONResponse:
    if isinstance(error, Problem):
        return response(error.status, error.detail, **error.members)
    if is_down(error):
        log.warning("store_down", path=path, kind=type(error).__name__)
        return response(
            503,
            "The store cannot be reached. If it was a change, repeat it with the same Idempotency-Key.",
            {"Retry-After": "5"},
        )
    log.error("defect", path=path, kind=type(error).__name__, where=where(error))
    return response(500, "A defect on our side; it has been noted.")


def _step(step: int | str) -> int | str:
    """One step of the way to a wrong value. A member that we do not know is named if it looks like a name."""
    return step if isinstance(step, int) or _NAME.fullmatch(step) else "?"


def where(error: BaseException) -> str:
    """File and line of a defect: what a traceback tells without the values, which may be somebody's words."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}" if trace else "?"
