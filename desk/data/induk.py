"""The admin of master data (starlette-admin) at /data/induk: a route of the desk for each of its pages, with its verb.

It is an app of its own behind those routes, so that nothing of it can be reached that has no rule here. Its pages carry
inline scripts and styles and get a policy of their own: scripts and styles by the nonce of the answer, attributes of
style as they are (a style in an attribute can neither load nor run anything); all files are its own.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from jinja2 import BaseLoader, Environment, FileSystemLoader, PackageLoader
from markupsafe import Markup
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette_admin.base import BaseAdmin
from starlette_admin.helpers import run_on_commit_callbacks, static_url
from starlette_admin.i18n import set_locale
from starlette_admin.views import Link

from desk.access import HouseRule, shell_of
from desk.data import catalogue
from desk.data.views import Rows, lazy, views
from desk.guards import SAFE
from desk.shell import Shell, Work

HERE = Path(__file__).parent / "admin"
BASE = "/desk/data/induk"
STATIC = f"{BASE}/static"
POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; "
    "style-src-elem 'self' 'nonce-{nonce}'; style-src-attr 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# It writes the values of forms into its log at DEBUG, and what is wrong with them at WARNING.
logging.getLogger("starlette_admin").setLevel(logging.ERROR)


# --- its templates, made fit for the policy ------------------------------------------------------------------

_INLINE = re.compile(r"<(script|style)>")
_FONTS = re.compile(r"@import url\([^)]*\);")
# Handlers in attributes never run under the policy; admin/static/desk.js does what they did.
_HANDLERS = re.compile(r"""\son(?P<event>click|change)=(?P<quote>["'])(?P<does>.*?)(?P=quote)""")


def fitted(source: str) -> str:
    """A template of the admin whose inline scripts and styles bear the nonce, without handlers and foreign fonts."""
    source = _FONTS.sub("", source)
    source = _INLINE.sub(r'<\1 nonce="{{ request.state.nonce }}">', source)
    return _HANDLERS.sub(r' data-on\g<event>="\g<does>"', source)


class Fitted(BaseLoader):
    """The admin's own templates, fitted as they are read."""

    def __init__(self) -> None:
        self._from = PackageLoader("starlette_admin", "templates")

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, Callable[[], bool] | None]:
        """A template by its name."""
        source, name, fresh = self._from.get_source(environment, template)
        return fitted(source), name, fresh

    def list_templates(self) -> list[str]:
        """All their names."""
        return self._from.list_templates()


# --- the app ----------------------------------------------------------------------------------------------------


class Admin(BaseAdmin):
    """The admin without a CSRF token of its own: SameOrigin stands before all pages of the desk (decision 0011)."""

    def _init_csrf(self) -> None:
        """Nothing is needed."""


class Framed:
    """Gives each answer its policy and each page the officer's language."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        nonce = secrets.token_urlsafe(16)
        scope["state"]["nonce"] = nonce
        set_locale(scope["state"]["officer"].language)

        async def framed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = POLICY.format(nonce=nonce)
                if message["status"] == 400:  # what is missing in a form is 422 at the desk
                    message["status"] = 422
                if scope["path"].startswith(STATIC):
                    headers["Cache-Control"] = "private, max-age=86400"
            await send(message)

        await self._app(scope, receive, framed)


class Transactions(BaseHTTPMiddleware):
    """A session on a transaction of the house for what changes something, on a plain connection for what only reads."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """One request. An answer that is an error changes nothing."""
        shell = shell_of(request)
        if request.url.path.startswith(STATIC):
            return await call_next(request)
        if request.method in SAFE:
            async with shell.engine.connect() as connection, AsyncSession(connection) as session:
                request.state.session = session
                return await call_next(request)
        try:
            async with shell.unit() as work, _session(work) as session:
                request.state.session, request.state.work = session, work
                response = await call_next(request)
                if response.status_code >= 400:
                    raise _Refused(response)
                await session.commit()
        except _Refused as refused:
            return refused.response
        await run_on_commit_callbacks(request)
        return response


def _session(work: Work) -> AsyncSession:
    """A session whose commit releases a savepoint; the unit commits."""
    return AsyncSession(work.connection, expire_on_commit=False, join_transaction_mode="create_savepoint")


class _Refused(Exception):
    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


def build(shell: Shell) -> Starlette:
    """The app that holds the admin at `BASE`."""
    catalogue.install()
    admin = Admin(
        title=lazy("induk.title"),
        base_url=BASE,
        templates_dir=str(HERE / "pages"),
        additional_loaders=[FileSystemLoader(HERE / "pages"), Fitted()],
        static_dir=str(HERE / "static"),
        # Signs the one line that is said after a change. Another process does not show it; nothing else hangs on it.
        secret_key=secrets.token_urlsafe(32),
        middlewares=[Middleware(Framed), Middleware(Transactions)],
        timezone_config=None,
        favicon_url="/desk/static/desk.svg",
    )
    for view in views():
        admin.add_view(view)
    for address, key, icon in (
        ("/desk/data/impor", "induk.import", "fa-solid fa-file-import"),
        ("/desk/data", "induk.back", "fa-solid fa-arrow-left"),
    ):
        admin.add_link(_ForSome(menu_label=lazy(key), url=address, icon=icon))
    # Whether somebody else has changed the row since its form was shown: carried by each form of the admin.
    admin.templates.env.globals["csrf_input"] = _seen
    admin.templates.env.globals["plugin_css_links"] = lambda request: [static_url(request, "desk.css")]
    admin.templates.env.globals["plugin_js_links"] = lambda request: [static_url(request, "desk.js")]
    app = Starlette()
    admin.mount_to(app)
    admin.app.state.shell = shell
    return app


class _ForSome(Link):
    """A link for those who may open master data: who only writes templates has no use for it."""

    def is_accessible(self, request: Request) -> bool:
        """Whether it is shown."""
        return bool(request.state.officer.may("data.open"))


def _seen(request: Request) -> Markup:
    return Markup('<input type="hidden" name="{}" value="{}">').format(Rows.SEEN, getattr(request.state, "seen", ""))


# --- its routes ---------------------------------------------------------------------------------------------------

router = APIRouter(prefix="/data")


class Passed(Response):
    """What the admin answers: it is handed the request as it came, under the full path that it is mounted at."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__()
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        own = ("router", "endpoint", "route", "path_params", "app", "fastapi_inner_astack", "fastapi_function_astack")
        fresh = {key: value for key, value in scope.items() if key not in own}
        # Its links are whole addresses: behind a proxy they must have the scheme that the browser knows.
        secure = scope["state"]["secure"]
        fresh |= {"root_path": scope.get("app_root_path", ""), "scheme": "https" if secure else scope["scheme"]}
        await self._app(fresh, receive, send)


async def _pass(request: Request) -> Response:
    app = request.app
    if not hasattr(app.state, "induk"):
        app.state.induk = build(app.state.shell)
    request.state.secure = app.state.shell.public_url.startswith("https://")
    return Passed(app.state.induk)


async def _home(request: Request) -> Response:
    return RedirectResponse("/desk/data", 303)


PAGES = (("list", ["GET"]), ("detail", ["GET"]), ("create", ["GET", "POST"]), ("edit", ["GET", "POST"]))


def _open(path: str, verb: str, methods: list[str], endpoint: Callable[[Request], Any] = _pass) -> None:
    router.add_api_route(f"/induk{path}", endpoint, methods=methods, dependencies=[Depends(HouseRule(verb))])


_open("", "data.open", ["GET"], _home)
_open("/", "data.open", ["GET"], _home)
_open("/static/{rest:path}", "own", ["GET"])
for _view in views():
    for _page, _methods in PAGES:
        _open(f"/{_view.key}/{_page}", _view.verb, _methods)
    if _view.removes:
        _open(f"/_api/{_view.key}/row-action", _view.verb, ["POST"])
