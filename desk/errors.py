"""Errors of the desk as pages: each says in a sentence what happened, what was kept, and what to do."""

from __future__ import annotations

from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from desk import keeping
from desk.access import Forbidden, SignInNeeded
from desk.places import HOME, inside
from desk.rendering import page
from store.complaints import Changed, NotAllowed, NotFound
from store.database import is_down

log = structlog.get_logger(__name__)


def install(app: FastAPI) -> None:
    """Give every error of the desk its page."""

    @app.exception_handler(SignInNeeded)
    async def _sign_in(request: Request, error: SignInNeeded) -> Response:
        reads = request.method in ("GET", "HEAD")
        asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        back = inside(asked if reads else keeping.page_of(request)) or HOME
        kept = not reads and error.staff_id is not None and await keeping.keep(request, error.staff_id)
        door = "/desk/masuk/kode" if error.half else "/desk/masuk"
        door = f"{door}?next={quote(back, safe='')}{'&simpan=1' if kept else ''}"
        if _wants_json(request):
            return JSONResponse({"error": "sign_in", "kept": kept, "at": door}, 401)
        return RedirectResponse(door, 303)

    @app.exception_handler(Forbidden)
    async def _forbidden(request: Request, _error: Forbidden) -> Response:
        return _said(request, 403, "forbidden")

    @app.exception_handler(NotFound)
    async def _not_found(request: Request, _error: NotFound) -> Response:
        return _said(request, 404, "no_report")

    @app.exception_handler(Changed)
    async def _changed(request: Request, _error: Changed) -> Response:
        return _said(request, 409, "changed")

    @app.exception_handler(NotAllowed)
    async def _not_allowed(request: Request, _error: NotAllowed) -> Response:
        return _said(request, 409, "not_allowed")

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, _error: RequestValidationError) -> Response:
        return _said(request, 422, "invalid")

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        known = {400: "invalid", 404: "no_page", 405: "no_page", 413: "too_large", 422: "invalid"}
        return _said(request, error.status_code, known.get(error.status_code, "defect"))


def _wants_json(request: Request) -> bool:
    return "application/json" in request.headers.get("accept", "")


def _said(request: Request, status: int, key: str) -> Response:
    if _wants_json(request):
        return JSONResponse({"error": key}, status)
    return page(request, "error.html", status, key=key)


class LastResort:
    """A page for what nobody has caught, and for a body that was refused while something else was reading it."""

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
            await _answer(Request(scope), _cause(error))(scope, receive, send)


def _cause(error: Exception) -> Exception:
    """What happened in a task that a middleware ran beside others."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _answer(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code == 413:
        return _said(request, 413, "too_large")
    if is_down(error):
        log.warning("store_down", path=_pattern(request), kind=type(error).__name__)
        return _said(request, 503, "away")
    log.error("defect", path=_pattern(request), kind=type(error).__name__)
    return _said(request, 500, "defect")


def _pattern(request: Request) -> str:
    """The route, and not the address, which may hold what somebody looked for."""
    return getattr(request.scope.get("route"), "path", "?")
