"""The web chat: the page at /chat, what it posts, and the stream of lines that it listens to.

The page works as a plain form; its script only makes it pleasant. Whoever holds the cookie `chat`
is the citizen, so neither the database nor a log line ever holds that cookie, only its digest.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import re
import secrets
import signal
import time
import tomllib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import jinja2
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, StreamingResponse
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.types import Message

import bot
from api.media import files
from bot.channels import webchat
from bot.messages import Address, Button, Incoming

LARGEST_FILE = 20 * 1024 * 1024
LARGEST_FORM = LARGEST_FILE + 512 * 1024  # room for the other fields of the form
LARGEST_JSON = 256 * 1024  # 20,000 characters, each escaped as two \uXXXX, and a little
DRAINED = 3 * LARGEST_FILE  # read on this far past the limit: a browser that is cut off mid-upload shows no answer
COOKIE_DAYS = 180
SESSION = re.compile(r"[A-Za-z0-9_-]{43}")
STREAMS_EACH = 4
HEARTBEAT = 15.0
PATIENCE = 2.0  # seconds that a page without scripts waits for the reply, since it hears of nothing later
COUNTER = "/chat/loket"  # where a counter stands between two residents
OVER = "event: over\ndata: 0\n\n"  # tells an open page that its resident is not served any more
SHOWN = 200  # lines of history on the page, until the citizen asks for all

LANGUAGES = ("id", "en")
ZONE = timezone(timedelta(hours=7))  # for browsers without scripts; the script uses the device's own zone
PAGES = Path(__file__).parent / "pages"
ASSETS = {
    "chat.css": "text/css",
    "chat.js": "text/javascript",
    "voice.js": "text/javascript",  # fetched when the first recording begins, and not before
    "chat.svg": "image/svg+xml",
    "counter.css": "text/css",  # these at service counters alone, or with a receipt
    "counter.js": "text/javascript",
    "receipt.css": "text/css",
}

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        # blob: is a recording that its speaker listens to before it is sent.
        "media-src 'self' blob:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: that would turn the Origin of our own form posts into "null".
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(self), camera=(), microphone=(self), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that was sent to the citizen: its id, its name, and whether it is a picture that the page shows."""

    id: int
    name: str
    picture: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chat, as its page shows it.

    `photo` is the path of a thumbnail (it begins with "/"), or the name of the file; `plays` says with which element
    ("audio", "video") the citizen can play it. `files` came with what was said.
    `message_id` is the `Incoming.message_id` of a citizen's line: by it the page knows its own message again.
    `receipt`: what was said is the receipt of an assisted report, which can be printed.
    """

    cursor: int
    from_citizen: bool
    text: str
    buttons: tuple[Button, ...]
    at: datetime
    photo: str | None
    message_id: str | None = None
    plays: str | None = None
    files: tuple[Attachment, ...] = ()
    receipt: bool = False


@dataclass(frozen=True, slots=True)
class Played:
    """A file of a chat: a sound or film that its citizen sent, with the content type that its bytes show; or what was
    sent to the citizen, with a `name` in plain ASCII to save it under."""

    content: bytes
    content_type: str
    name: str | None = None


class StoreDown(Exception):
    """The complaint store cannot be reached. Whether the last write was kept is not known."""


class Backend(Protocol):
    """What the chat page needs of the house behind it."""

    async def take(self, message: Incoming, payload: dict[str, Any], content: bytes | None = None) -> None:
        """Take one message and commit; the same message id again changes nothing. Raises `StoreDown`."""

    async def lines(self, address: Address, after: int) -> list[Line]:
        """All lines of the chat after that cursor, in order. Raises `StoreDown`."""

    async def played(self, address: Address, id_: str) -> Played | None:
        """The sound or film that came with the chat's message of that id. Raises `StoreDown`."""

    async def attached(self, address: Address, id_: int, *, small: bool) -> Played | None:
        """A file that was sent to this chat; of a picture, with `small`, a small one. Raises `StoreDown`."""

    async def cleared(self, address: Address) -> int:
        """The cursor up to which lines are not shown any more. Raises `StoreDown`."""

    async def wait(self, address: Address, seconds: float) -> None:
        """Return when something new may be there, at the latest after so many seconds."""


@dataclass(frozen=True, slots=True)
class Serving:
    """A resident at a service counter: the session of their chat, the `key` that stands in the addresses of their page
    (it opens nothing), and what the counter is called.

    So many seconds without a touch (`idle`), and so many of warning (`countdown`), and the page empties itself; after
    so many without a sign of life (`silence`) the chat is over.
    """

    session: str
    key: str
    name: str
    idle: int
    countdown: int
    silence: int


class Counters(Protocol):
    """What the chat page needs to know of service counters (api/counter.py)."""

    async def serving(self, request: Request) -> Serving | None:
        """The resident whom a request with `loket` in its address is about; None where nobody is served there (any
        more). Raises `StoreDown`."""


class Refusal(Exception):
    """A message that is not taken: its HTTP status, the key of the sentence for the citizen, and the technical why."""

    def __init__(self, status: int, key: str, why: str = "") -> None:
        super().__init__(key)
        self.status = status
        self.key = key
        self.why = why


@dataclass(frozen=True, slots=True)
class Visit:
    """Whose chat a request is about: its session, None where there is none. At a service counter (`at_counter`) the
    resident who is served, and why nobody is."""

    session: str | None
    at_counter: bool = False
    serving: Serving | None = None
    refusal: Refusal | None = None

    @property
    def tail(self) -> str:
        """What the addresses of this chat's page end with."""
        return f"?loket={self.serving.key}" if self.serving else ""


class Visitors:
    """A dependency that puts the `Visit` into the request's state. The chat at a service counter has a session of its
    own, so that an officer's own chat in the same browser is never mixed with a resident's."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    async def __call__(self, request: Request) -> None:
        """Look whose chat it is."""
        if "loket" not in request.query_params:
            cookie = request.cookies.get("chat", "")
            request.state.visit = Visit(cookie if SESSION.fullmatch(cookie) else None)
            return
        try:
            found = await self._counters.serving(request)
        except StoreDown:
            request.state.visit = Visit(None, at_counter=True, refusal=Refusal(503, "store_down"))
            return
        refusal = None if found else Refusal(403, "counter_over")
        request.state.visit = Visit(found.session if found else None, True, found, refusal)

    async def are_gone(self, request: Request) -> bool:
        """Whether the resident of an open page at a counter is not served there any more. Raises `StoreDown`."""
        return visit_of(request).at_counter and await self._counters.serving(request) is None


def visit_of(request: Request) -> Visit:
    """Whose chat the request is about, as `Visitors` has found."""
    found: Visit = request.state.visit
    return found


def routes(backend: Backend, visitors: Visitors, *, secure_cookies: bool) -> APIRouter:
    """The chat page and what it calls, to be included in the app."""
    streams = _Streams()
    assets = Assets()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with streams.ended_by_signals():
            yield
        streams.end_all()

    router = APIRouter(lifespan=lifespan, include_in_schema=False, dependencies=[Depends(visitors)])

    async def page(request: Request, *, refusal: Refusal | None = None, draft: str = "", form_id: str = "") -> Response:
        visit = visit_of(request)
        if visit.at_counter and visit.serving is None:
            return RedirectResponse(COUNTER, status_code=303, headers={"Cache-Control": "no-store"})
        session, language = visit.session, language_of(request)
        words = WORDS[language]
        lines: list[Line] = []
        try:
            lines = await backend.lines(address_of(session), 0) if session else []
        except StoreDown:
            refusal = refusal or Refusal(503, "history_down")
        shown = lines if "all" in request.query_params else lines[-SHOWN:]
        html = TEMPLATES.get_template("chat.html").render(
            **words["page"],
            words=words["script"],
            counter=words["counter"],
            serving=visit.serving,
            tail=visit.tail,
            lines=[_shown(line) for line in shown],
            clock=_clock,
            older_hidden=len(lines) - len(shown),
            asking=_asking(lines),
            notice=words["problem"][refusal.key] if refusal else "",
            passing=refusal is not None and refusal.key == "history_down",
            draft=draft,
            form_id=form_id or str(uuid.uuid4()),
            new_id=lambda: str(uuid.uuid4()),
            now=now_ms(),
            asset=assets.url,
            longest_text=webchat.LONGEST_TEXT,
            largest_file=LARGEST_FILE,
        )
        headers = HEADERS | ({"Retry-After": "5"} if refusal and refusal.status == 503 else {})
        response = HTMLResponse(html, status_code=refusal.status if refusal else 200, headers=headers)
        if not visit.at_counter:
            # Also an old cookie is set again, so that the 180 days count from the last visit.
            set_cookie(response, "chat", session or secrets.token_urlsafe(32), days=COOKIE_DAYS, secure=secure_cookies)
        if request.query_params.get("lang") in LANGUAGES:
            set_cookie(response, "lang", language, days=365, secure=secure_cookies)
        return response

    @router.get("/chat")
    async def show(request: Request) -> Response:
        """The page with its history."""
        return await page(request)

    @router.post("/chat")
    async def post_form(request: Request) -> Response:
        """The same page without scripts: take the form, then show the page again."""
        form: FormData | None = None
        try:
            session = _own_page(request)
            form = await _form(request)
            payload, content = await _from_form(form, request)
            # A form that is sent again keeps its id, but with other words in it, it is another message.
            words = json.dumps({**payload, "n": None}, sort_keys=True)
            payload["id"] = str(uuid.uuid5(uuid.UUID(payload["id"]), words))
            await _take(backend, session, payload, content)
            # If the store goes down now, the message is taken; the page that follows says what is wrong.
            with suppress(StoreDown, TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await answered(backend, address_of(session))
        except Refusal as refusal:
            draft, form_id = (_field(form, "text"), _field(form, "id")) if form else ("", "")
            return await page(request, refusal=refusal, draft=draft, form_id=form_id)
        finally:
            if form:
                await form.close()
        address = f"/chat{visit_of(request).tail}"
        return RedirectResponse(address, status_code=303, headers={"Cache-Control": "no-store"})

    @router.post("/chat/messages")
    async def post_message(request: Request) -> Response:
        """One text, choice or place, as JSON."""
        try:
            session = _own_page(request)
            await _take(backend, session, await _json(request))
        except Refusal as refusal:
            return _problem(request, refusal)
        return JSONResponse({"ok": True})

    @router.post("/chat/files")
    async def post_file(request: Request) -> Response:
        """One photo, sound, film or document, with an optional caption."""
        form: FormData | None = None
        try:
            session = _own_page(request)
            form = await _form(request)
            payload, content = await _from_form(form, request)
            if content is None:
                raise Refusal(400, "malformed", "the field `file` is missing")
            await _take(backend, session, payload, content)
        except Refusal as refusal:
            return _problem(request, refusal)
        finally:
            if form:
                await form.close()
        return JSONResponse({"ok": True})

    @router.get("/chat/files/{id_}")
    async def play(request: Request, id_: str) -> Response:
        """The sound or film that came with a message of this chat, for nobody but its holder."""
        session, found = visit_of(request).session, None
        try:
            if session and webchat.UUID.fullmatch(id_):
                found = await backend.played(address_of(session), id_)
        except StoreDown:
            return _problem(request, Refusal(503, "history_down"))
        if found is None:
            return Response(status_code=404, headers={"Cache-Control": "no-store"})
        return files.answer(found.content, found.content_type, request.headers.get("range"))

    @router.get("/chat/lampiran/{id_}")
    async def attached(request: Request, id_: str) -> Response:
        """A file that was sent to this chat, for nobody but its holder; with `?kecil` a small picture of a picture."""
        session, found = visit_of(request).session, None
        try:
            if session and re.fullmatch(r"[0-9]{1,18}", id_):
                found = await backend.attached(address_of(session), int(id_), small="kecil" in request.query_params)
        except StoreDown:
            return _problem(request, Refusal(503, "history_down"))
        if found is None:
            return Response(status_code=404, headers={"Cache-Control": "no-store"})
        return files.answer(found.content, found.content_type, request.headers.get("range"), name=found.name)

    @router.post("/chat/leave")
    async def leave(request: Request) -> Response:
        """Forget this chat on this device, for phones and computers that are shared."""
        try:
            _own_page(request)
        except Refusal as refusal:
            return await page(request, refusal=refusal)
        response = RedirectResponse("/chat", status_code=303, headers={"Cache-Control": "no-store"})
        response.delete_cookie("chat", path="/chat", secure=secure_cookies, httponly=True, samesite="lax")
        return response

    @router.get("/chat/events")
    async def events(request: Request) -> Response:
        """The lines after a cursor, and then every new one, as Server-Sent Events."""
        visit, streaming = visit_of(request), {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}
        session, refusal = visit.session, visit.refusal or Refusal(403, "no_session")
        if visit.at_counter and not session and refusal.status != 503:
            return Response(OVER, headers=streaming, media_type="text/event-stream")
        if not session:
            return _problem(request, refusal)
        address, after = address_of(session), _cursor(request)
        try:
            lines = await backend.lines(address, after)
        except StoreDown:
            return _problem(request, Refusal(503, "store_down"))
        return StreamingResponse(
            streams.follow(backend, address, after, lines, partial(visitors.are_gone, request)),
            media_type="text/event-stream",
            headers=streaming,
        )

    @router.get("/chat/static/{name}")
    async def static(request: Request, name: str) -> Response:
        """The style sheet, the scripts and the icon; their addresses change with their content."""
        return assets.response(name, packed="gzip" in request.headers.get("accept-encoding", ""))

    return router


# --- reading what was posted


def is_own(request: Request) -> bool:
    """Whether a POST comes from a page of ours."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site:
        return site in ("same-origin", "none")
    # Only the host is compared: behind a proxy that ends TLS, the scheme differs.
    return origin is not None and urlsplit(origin).netloc == request.headers.get("host")


def _own_page(request: Request) -> str:
    """The session of a POST that comes from our own page; anything else is refused."""
    if not is_own(request):
        raise Refusal(403, "elsewhere")
    visit = visit_of(request)
    if not visit.session:
        raise visit.refusal or Refusal(403, "no_session")
    return visit.session


def _limited(request: Request, limit: int) -> Request:
    """The same request, whose body ends in a 413 as soon as it is too large."""
    received = 0

    async def receive() -> Message:
        nonlocal received
        message = await request.receive()
        received += len(message.get("body", b""))
        if received <= limit:
            return message
        while message.get("more_body") and received <= limit + DRAINED:
            message = await request.receive()
            received += len(message.get("body", b""))
        raise Refusal(413, "too_large")

    return Request(request.scope, receive)


async def _json(request: Request) -> dict[str, Any]:
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Refusal(400, "malformed", "the content type must be application/json")
    try:
        payload = json.loads(await _limited(request, LARGEST_JSON).body())
    except Refusal:
        raise Refusal(413, "too_long") from None
    except (ValueError, RecursionError):
        raise Refusal(400, "malformed", "the body is not JSON") from None
    if not isinstance(payload, dict):
        raise Refusal(400, "malformed", "the body must be an object")
    if "file" in payload:
        raise Refusal(400, "malformed", "files go to /chat/files")
    payload.setdefault("n", now_ms())
    return payload | {"language": language_of(request)}


async def _form(request: Request) -> FormData:
    try:
        return await _limited(request, LARGEST_FORM).form(max_files=1, max_fields=10, max_part_size=LARGEST_FORM)
    except HTTPException as error:
        raise Refusal(400, "malformed", str(error.detail)) from None


def _field(form: FormData, key: str) -> str:
    value = form.get(key)
    return value if isinstance(value, str) else ""


async def _from_form(form: FormData, request: Request) -> tuple[dict[str, Any], bytes | None]:
    n = _field(form, "n")
    payload: dict[str, Any] = {
        "id": _field(form, "id"),
        "n": int(n) if re.fullmatch(r"[0-9]{1,16}", n) else now_ms(),
        # Forms send line ends as CRLF, whatever was typed.
        "text": _field(form, "text").replace("\r\n", "\n"),
        "choice": _field(form, "choice") or None,
        "label": _field(form, "label") or None,
        "language": language_of(request),
    }
    if not re.fullmatch(webchat.UUID, payload["id"]):
        raise Refusal(400, "malformed", "id must be a UUID in lower case")
    upload = form.get("file")
    # A form without scripts sends an empty, nameless part where no file was chosen.
    if not isinstance(upload, UploadFile) or not (upload.filename or upload.size):
        return payload, None
    content = await upload.read()
    if not content:
        raise Refusal(400, "empty_file", "the file has no bytes")
    if len(content) > LARGEST_FILE:
        raise Refusal(413, "too_large")
    payload["file"] = {"size": len(content), "content_type": upload.content_type, "name": upload.filename}
    return payload, content


async def _take(backend: Backend, session: str, payload: dict[str, Any], content: bytes | None = None) -> None:
    """Hand one message on; only the fields we know reach the inbox."""
    known = {key: payload[key] for key in webchat.FIELDS if payload.get(key) is not None}
    try:
        message = webchat.read(address_of(session).user, known)
    except webchat.TooLong as error:
        raise Refusal(413, "too_long", str(error)) from None
    except webchat.Empty as error:
        raise Refusal(400, "empty", str(error)) from None
    except ValueError as error:
        raise Refusal(400, "malformed", str(error)) from None
    try:
        await backend.take(message, known, content)
    except StoreDown:
        raise Refusal(503, "store_down") from None


async def answered(backend: Backend, address: Address) -> None:
    """Return when the newest line is not the citizen's."""
    while True:
        # The wait begins before the look, so that a fast reply is not missed.
        news = asyncio.ensure_future(backend.wait(address, PATIENCE))
        try:
            await asyncio.sleep(0)
            lines = await backend.lines(address, 0)
            if lines and not lines[-1].from_citizen:
                return
            await news
        finally:
            news.cancel()


# --- who, in which language, when


def address_of(session: str) -> Address:
    """The address of the chat of a session; nobody can tell the session from it."""
    return Address(webchat.NAME, hashlib.sha256(session.encode()).hexdigest()[:32])


def set_cookie(response: Response, name: str, value: str, *, days: int, secure: bool) -> None:
    """Give the browser a cookie of the chat page's, which no script reads."""
    response.set_cookie(name, value, max_age=days * 86_400, path="/chat", secure=secure, httponly=True, samesite="lax")


def language_of(request: Request) -> str:
    """The language of the page: what its address says, else the browser's cookie, else Indonesian."""
    for language in (request.query_params.get("lang"), request.cookies.get("lang")):
        if language in LANGUAGES:
            return language
    return LANGUAGES[0]


def _cursor(request: Request) -> int:
    """Where the page left off: the browser's own header when it reconnects, else what the page asked for."""
    for value in (request.headers.get("last-event-id", ""), request.query_params.get("after", "")):
        if re.fullmatch(r"[0-9]{1,18}", value):
            return int(value)
    return 0


def now_ms() -> int:
    """Milliseconds since 1970, as pages number their messages."""
    return time.time_ns() // 1_000_000


# --- answers


def _problem(request: Request, refusal: Refusal) -> JSONResponse:
    """An RFC 9457 problem; its title is the sentence that the page shows."""
    title = WORDS[language_of(request)]["problem"][refusal.key]
    body = {"type": "about:blank", "title": title, "status": refusal.status}
    if refusal.why:
        body["detail"] = refusal.why
    headers = {"Cache-Control": "no-store"} | ({"Retry-After": "5"} if refusal.status == 503 else {})
    return JSONResponse(body, refusal.status, headers, media_type="application/problem+json")


def _shown(line: Line) -> dict[str, Any]:
    """A line as the template and the script know it."""
    return {
        "cursor": line.cursor,
        "mine": line.from_citizen,
        "text": line.text,
        "buttons": [{"label": button.label, "choice": button.choice} for button in line.buttons],
        "at": line.at.isoformat(),
        "photo": line.photo,
        "plays": line.plays,
        "receipt": line.receipt,
        "files": [
            {"src": f"/chat/lampiran/{each.id}", "name": each.name, "picture": each.picture} for each in line.files
        ],
        "id": line.message_id.rpartition(":")[2] if line.message_id else None,
    }


def _asking(lines: list[Line]) -> int | None:
    """The cursor of the line whose buttons may be tapped: the newest with buttons, if nothing was answered since."""
    for line in reversed(lines):
        if line.from_citizen:
            return None
        if line.buttons:
            return line.cursor
    return None


def _clock(at: str, months: list[str], zone: str) -> str:
    local = datetime.fromisoformat(at).astimezone(ZONE)
    return f"{local.day} {months[local.month - 1]} {local:%H.%M} {zone}"


class Assets:
    """The few static files, read once. The address carries a digest, so browsers may keep them for ever."""

    def __init__(self) -> None:
        self._files = {name: (PAGES / "static" / name).read_bytes() for name in ASSETS}
        self._packed = {name: gzip.compress(content, mtime=0) for name, content in self._files.items()}

    def url(self, name: str) -> str:
        """The address of a file."""
        return f"/chat/static/{name}?v={hashlib.sha256(self._files[name]).hexdigest()[:12]}"

    def response(self, name: str, *, packed: bool) -> Response:
        """A file, packed where the browser takes that; 404 where there is none of that name."""
        if name not in self._files:
            return Response(status_code=404)
        headers = {
            "Cache-Control": "public, max-age=31536000, immutable",
            "X-Content-Type-Options": "nosniff",
            "Vary": "Accept-Encoding",
        }
        if packed:
            return Response(self._packed[name], headers=headers | {"Content-Encoding": "gzip"}, media_type=ASSETS[name])
        return Response(self._files[name], media_type=ASSETS[name], headers=headers)


def _load_words() -> dict[str, dict[str, Any]]:
    texts = Path(bot.__path__[0]) / "texts"
    return {language: tomllib.loads((texts / f"page.{language}.toml").read_text("utf-8")) for language in LANGUAGES}


WORDS = _load_words()
TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(PAGES), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
    lstrip_blocks=True,
)  # fmt: skip


# --- the stream


@dataclass(eq=False, slots=True)
class _Stream:
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    replaced: bool = False


class _Streams:
    """The open streams of this process, by address."""

    def __init__(self) -> None:
        self._open: dict[Address, list[_Stream]] = {}

    async def follow(
        self, backend: Backend, address: Address, after: int, lines: list[Line], over: Callable[[], Awaitable[bool]]
    ) -> AsyncIterator[str]:
        """Say these lines, then every later one, until the browser goes, the server stops or the store is down, or
        whoever was served at a counter is not any more (`over`)."""
        stream = self._enter(address)
        cleared = -1
        try:
            yield "retry: 3000\n\n"
            while True:
                if await over():
                    yield OVER
                    return
                # Lines are cleared by a turn that also says something, so only then there is something to look for.
                if cleared < 0 or any(not line.from_citizen for line in lines):
                    before, cleared = cleared, await backend.cleared(address)
                    if cleared > max(before, 0):
                        yield f"event: cleared\ndata: {cleared}\n\n"
                for line in lines:
                    after = line.cursor
                    yield f"id: {after}\ndata: {json.dumps(_shown(line), ensure_ascii=False)}\n\n"
                # The wait begins before the look, so that what comes between the two is not missed.
                news = asyncio.ensure_future(backend.wait(address, HEARTBEAT))
                try:
                    await asyncio.sleep(0)
                    lines = await backend.lines(address, after)
                    if not lines:
                        await self._first(news, stream.ended)
                        if news.done():
                            news.result()
                        lines = await backend.lines(address, after)
                finally:
                    news.cancel()
                if stream.ended.is_set():
                    break
                if not lines:
                    # A comment keeps proxies from closing the stream; the event lets the page notice a dead line.
                    yield ": beat\nevent: beat\ndata: 0\n\n"
            if stream.replaced:
                yield "event: elsewhere\ndata: 0\n\n"
        except StoreDown:
            return  # the browser comes back by itself, with the last cursor it saw
        finally:
            self._leave(address, stream)

    def end_all(self) -> None:
        """Let every stream end; the browsers reconnect to whoever serves then."""
        for streams in self._open.values():
            for stream in streams:
                stream.ended.set()

    @contextmanager
    def ended_by_signals(self) -> Iterator[None]:
        """End the streams when the process is asked to stop.

        uvicorn waits for open responses before it tells the app to shut down, so a stream that
        waited for the app would keep the server from stopping.
        """
        loop = asyncio.get_running_loop()
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

        def stop(number: int, frame: Any) -> None:
            loop.call_soon_threadsafe(self.end_all)
            handler = before[signal.Signals(number)]
            if callable(handler):
                handler(number, frame)

        try:
            for number, handler in before.items():
                if callable(handler):
                    signal.signal(number, stop)
        except ValueError:  # signals belong to the main thread; elsewhere, as in tests, end_all does
            before.clear()
        try:
            yield
        finally:
            for number, handler in before.items():
                if signal.getsignal(number) is stop:
                    signal.signal(number, handler)

    def _enter(self, address: Address) -> _Stream:
        # The oldest makes room: it is often a phone that changed its network, and nobody told us.
        streams = self._open.setdefault(address, [])
        for old in streams[: max(0, len(streams) - STREAMS_EACH + 1)]:
            old.replaced = True
            old.ended.set()
        stream = _Stream()
        streams.append(stream)
        return stream

    def _leave(self, address: Address, stream: _Stream) -> None:
        self._open[address].remove(stream)
        if not self._open[address]:
            del self._open[address]

    @staticmethod
    async def _first(news: asyncio.Future[None], ended: asyncio.Event) -> None:
        ending = asyncio.ensure_future(ended.wait())
        either: set[asyncio.Future[Any]] = {news, ending}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ending.cancel()
