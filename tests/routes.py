"""The routes of the app as they are now, the rules that stand on them, and a browser that goes to any of them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlencode

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from starlette.routing import Mount

from desk.access import COOKIE, RULES, HalfRule, HouseRule, PublicRule, ReportRule

Rule = HouseRule | ReportRule | HalfRule | PublicRule


@dataclass(frozen=True, slots=True)
class Found:
    """A route: its path with `{names}`, one of its methods, all that it depends on. A mounted app is the method
    "MOUNT"."""

    path: str
    method: str
    calls: tuple[Any, ...] = field(repr=False)
    queries: tuple[str, ...] = field(default=(), repr=False)

    @property
    def rules(self) -> list[Rule]:
        """The rules of the desk that stand on it."""
        return [each for each in self.calls if isinstance(each, RULES)]

    @property
    def rule(self) -> Rule:
        """The one rule."""
        [only] = self.rules
        return only

    @property
    def names(self) -> list[str]:
        """The parameters of its path."""
        return re.findall(r"{(\w+)(?::\w+)?}", self.path)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def found(routes: Sequence[Any], prefix: str = "") -> Iterator[Found]:
    """Every route of these, by method."""
    for each in iter_route_contexts(routes):
        route = each.original_route
        path = prefix + (each.path or "")
        if isinstance(route, Mount):
            yield Found(path, "MOUNT", ())
            continue
        dependant = getattr(each, "dependant", None)
        calls = tuple(_calls(dependant)) if dependant is not None else ()
        for method in sorted((each.methods or {"WEBSOCKET"}) - {"HEAD"}):
            yield Found(path, method, calls, tuple(_queries(dependant)) if dependant is not None else ())


def _calls(dependant: Dependant) -> Iterator[Any]:
    for each in dependant.dependencies:
        yield each.call
        yield from _calls(each)


def _queries(dependant: Dependant) -> Iterator[str]:
    yield from (each.alias for each in dependant.query_params)
    for each in dependant.dependencies:
        yield from _queries(each)


def desk_of(app: FastAPI) -> FastAPI:
    """The desk's own app."""
    [mounted] = [each.app for each in app.routes if isinstance(each, Mount) and each.path == "/desk"]
    assert isinstance(mounted, FastAPI)
    return mounted


def filled(route: Found, values: Mapping[str, str]) -> str:
    """The path with its parameters; those that have no value are 0."""
    return re.sub(
        r"{(\w+)(?::\w+)?}", lambda name: quote(values.get(name[1], "0"), safe="", errors="surrogatepass"), route.path
    )


# --- a browser ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. The content of a stream that does not end is what came before we went away."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def text(self) -> str:
        """The content as text."""
        return self.content.decode("utf-8", "replace")

    @property
    def kind(self) -> str:
        """Its content type, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0]


async def ask(
    app: FastAPI,
    method: str,
    path: str,
    *,
    token: str | None = None,
    query: Mapping[str, str] | None = None,
    form: Sequence[tuple[str, str]] = (),
    content: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """One request to the app, in this event loop. From a stream of events it goes away once it has begun.

    Raises what the app lets through: on a server that would be a connection that is cut.
    """
    sent = {"host": "test", "accept": "text/html", **(headers or {})}
    if method == "POST":
        content = urlencode(form).encode() if content is None else content
        sent = {"content-type": "application/x-www-form-urlencoded", "content-length": str(len(content)), **sent}
    if token:
        sent["cookie"] = f"{COOKIE}={token}"
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": urlencode(query or {}, errors="surrogatepass").encode(),
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in sent.items()],
        "client": ("127.0.0.1", 1),
        "server": ("test", 80),
        "state": {},
    }
    asked = iter([{"type": "http.request", "body": content or b"", "more_body": False}])
    left, streams = asyncio.Event(), asyncio.Event()
    start: dict[str, Any] = {}
    parts = list[bytes]()

    async def receive() -> dict[str, Any]:
        if (message := next(asked, None)) is not None:
            return message
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            parts.append(message.get("body", b""))
            if _headers(start).get("content-type", "").startswith("text/event-stream"):
                streams.set()

    running = asyncio.ensure_future(app(scope, receive, send))
    waiting = asyncio.ensure_future(streams.wait())
    await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    left.set()
    if streams.is_set() and not running.done():
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    else:
        await running
    return Answer(start["status"], _headers(start), b"".join(parts))


def _headers(start: Mapping[str, Any]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in start.get("headers", ())}
