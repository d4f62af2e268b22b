"""What can go wrong between a client and SP4N, to order: for tests, and switched on by nobody else."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class Fault:
    """How a request goes wrong.

    `taken`: SP4N does what was asked before anything goes wrong. Then `wait` seconds pass, and the connection is `cut`
    without a word, or an answer of this `status` follows, with an HTML page where `html`; with none of these it is the
    true answer, only late.
    """

    taken: bool = False
    wait: float = 0.0
    cut: bool = False
    status: int | None = None
    html: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def true_answer(self) -> bool:
        """Whether SP4N's own answer follows."""
        return not (self.cut or self.status or self.html)


class Faults:
    """The faults to come: `next` in turn, then whatever `choose` says (by method and path; None: none). Where `method`
    is named, they happen to its requests alone. `requests` are all that came, as method and path."""

    def __init__(self) -> None:
        self.next: deque[Fault] = deque()
        self.choose: Callable[[str, str], Fault | None] | None = None
        self.method: str | None = None
        self.requests: list[tuple[str, str]] = []

    def take(self, method: str, path: str) -> Fault | None:
        """The fault of this request."""
        self.requests.append((method, path))
        if self.method is not None and method != self.method:
            return None
        if self.next:
            return self.next.popleft()
        return self.choose(method, path) if self.choose is not None else None


PAGE = b"<!doctype html><title>502</title><h1>Sedang dalam pemeliharaan</h1>"


class Faulty:
    """The application with its faults, on the paths of the API."""

    def __init__(self, app: ASGIApp, faults: Faults, prefix: str) -> None:
        self._app, self._faults, self._prefix = app, faults, prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, or let it go wrong."""
        meant = scope["type"] == "http" and scope["path"].startswith(self._prefix)
        fault = self._faults.take(scope["method"], scope["path"]) if meant else None
        if fault is None:
            await self._app(scope, receive, send)
            return
        # Whoever asked may be gone before we get to it, but what they said has come.
        receive = _heard(await _said(receive), receive)
        answer: list[Message] = []
        if not fault.taken:
            await asyncio.sleep(fault.wait)
        if fault.taken or fault.true_answer:
            await self._app(scope, receive, _kept(answer))
        if fault.taken:
            await asyncio.sleep(fault.wait)
        if fault.cut:
            await _cut(send)
        elif fault.true_answer:
            for message in answer:
                await send(message)
        else:
            await _answer(fault, send)


async def _said(receive: Receive) -> list[Message]:
    """All of a request's body."""
    messages = [await receive()]
    while messages[-1].get("more_body", False):
        messages.append(await receive())
    return messages


def _heard(messages: list[Message], receive: Receive) -> Receive:
    left = deque(messages)

    async def hear() -> Message:
        return left.popleft() if left else await receive()

    return hear


def _kept(answer: list[Message]) -> Send:
    async def keep(message: Message) -> None:
        answer.append(message)

    return keep


async def _answer(fault: Fault, send: Send) -> None:
    body = PAGE if fault.html else b'{"message": "Terjadi kesalahan"}'
    kind = "text/html; charset=utf-8" if fault.html else "application/json"
    headers = {"content-type": kind, "content-length": str(len(body)), **fault.headers}
    named = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": fault.status or 200, "headers": named})
    await send({"type": "http.response.body", "body": body})


async def _cut(send: Any) -> None:
    """Hang up. ASGI has no word for it: it is uvicorn's own connection that is taken by the throat."""
    send.__self__.transport.abort()
    # Until the loop has told uvicorn, which would still try to answer.
    await asyncio.sleep(0.01)
