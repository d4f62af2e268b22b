"""Somebody who is told of what happens, over real HTTP: checks every signature with the library of Standard Webhooks,
and can be told to go wrong."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

# A status, or: takes it and hangs up, takes it and says nothing, takes it and says far too much, leads elsewhere.
Answer = int | Literal["cut", "slow", "endless", "elsewhere"]


@dataclass
class Receiver:
    """A server on a free port of loopback, at `url`; `secrets` are those that it knows.

    `answers` is what it says next, then `answering` by the event. `taken` is what it has read and not refused, in
    order; `asked` everything that was posted; `problems` what no subscriber should see.
    """

    secrets: list[str] = field(default_factory=list)
    answers: deque[Answer] = field(default_factory=deque)
    answering: Callable[[dict[str, Any]], Answer] = lambda _event: 204
    taken: list[dict[str, Any]] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    url: str = ""
    context: ssl.SSLContext | None = None
    _runner: web.AppRunner | None = None
    _leaving: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/hook", self._take)
        app.router.add_route("*", "/elsewhere", self._elsewhere)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self.context).start()
        self.port = self._runner.addresses[0][1]
        self.url = f"http{'s' if self.context else ''}://127.0.0.1:{self.port}/hook"
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._leaving.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.StreamResponse:
        content = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        event = self._checked(content, headers)
        if event is None:
            return web.Response(status=400)
        self.asked.append(event)
        self.headers.append(headers)
        answer = self.answers.popleft() if self.answers else self.answering(event)
        if not isinstance(answer, int) or 200 <= answer < 300:
            self.taken.append(event)
        match answer:
            case "cut":
                assert request.transport is not None
                request.transport.close()
            case "slow":
                await self._leaving.wait()
            case "endless":
                return web.Response(body=b"x" * (1 << 20))
            case "elsewhere":
                return web.Response(status=302, headers={"location": "/elsewhere"})
            case int():
                return web.Response(status=answer, headers={"retry-after": "900"} if answer == 429 else {})
        return web.Response()

    def _checked(self, content: bytes, headers: dict[str, str]) -> dict[str, Any] | None:
        """The event, where one of the secrets that are known has signed it."""
        for secret in self.secrets:
            try:
                event: dict[str, Any] = Webhook(secret).verify(content, headers)
            except WebhookVerificationError:
                continue
            if event["id"] != headers.get("webhook-id"):
                self.problems.append("another id in the header")
            return event
        self.problems.append("signature")
        return None

    async def _elsewhere(self, _request: web.Request) -> web.Response:
        self.problems.append("a redirect was followed")
        return web.Response()
