"""News of what changes, to pages that listen (Server-Sent Events), and who has a report open.

A stream says which reports within its officer's reach have changed, by ticket and version, and which others have open,
by count: never a word of anybody. A page asks for what it shows anew. A stream ends when its session does, which
listening does not keep alive.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from desk.access import HouseRule, Officer, Opened, ReportRule, shell_of
from desk.shell import Shell
from store import policy, presence, reports

router = APIRouter()

# What comes within this time is told, and asked of the store, at once.
WINDOW_SECONDS = 0.4
# How often a stream looks whether its session still runs, and who has which report open.
LOOK_SECONDS = 5.0
# A comment on the line, so that proxies keep it open.
PING_SECONDS = 15
# Streams of one person in this process; with one more the oldest ends, and its page asks again when it is looked at.
MOST_STREAMS = 4
# More at once is told as "look anew".
MOST_TICKETS = 200


class Streams:
    """The streams that are open in this process, by person: a new one beyond `MOST_STREAMS` ends the oldest."""

    def __init__(self) -> None:
        self._open: dict[int, deque[asyncio.Event]] = {}

    def enter(self, staff_id: int) -> asyncio.Event:
        """Open one; the event is set when it must end for a newer one."""
        theirs = self._open.setdefault(staff_id, deque())
        while len(theirs) >= MOST_STREAMS:
            theirs.popleft().set()
        ended = asyncio.Event()
        theirs.append(ended)
        return ended

    def leave(self, staff_id: int, ended: asyncio.Event) -> None:
        """It has ended."""
        theirs = self._open.get(staff_id, deque())
        with suppress(ValueError):
            theirs.remove(ended)
        if not theirs:
            self._open.pop(staff_id, None)

    def count(self, staff_id: int) -> int:
        """How many somebody has."""
        return len(self._open.get(staff_id, ()))


def streams_of(request: Request) -> Streams:
    """The streams of this desk."""
    state = request.app.state
    if not hasattr(state, "streams"):
        state.streams = Streams()
    found: Streams = state.streams
    return found


@router.get("/kabar")
async def listen(request: Request, officer: Annotated[Officer, Depends(HouseRule("reports.search"))]) -> Response:
    """The stream. Events: `mulai` (it listens now: what changed before was missed), `laporan` ({"reports": [{"ticket",
    "version"}]}), `lihat` (some may have been missed: look anew), `hadir` ({"open": {ticket: others}}), `selesai` (the
    session has ended), `cukup` (a newer page listens instead)."""
    shell, streams = shell_of(request), streams_of(request)
    content = _told(shell, officer, streams)
    return EventSourceResponse(content, ping=PING_SECONDS, headers={"Cache-Control": "no-store"})


async def _told(shell: Shell, officer: Officer, streams: Streams) -> AsyncIterator[ServerSentEvent]:
    ended = streams.enter(officer.staff_id)
    heard: asyncio.Queue[str] = asyncio.Queue()
    hearing = asyncio.create_task(_hear(shell, heard))
    try:
        await asyncio.sleep(0)  # it hears from here on
        yield _event("mulai", {})
        async for each in _follow(shell, officer, heard, ended):
            yield each
    finally:
        hearing.cancel()
        with suppress(asyncio.CancelledError):
            await hearing
        streams.leave(officer.staff_id, ended)


async def _hear(shell: Shell, heard: asyncio.Queue[str]) -> None:
    async for ticket in shell.news():
        if heard.qsize() >= MOST_TICKETS:  # a page that does not read must not let them pile up: it looks anew
            while not heard.empty():
                heard.get_nowait()
            ticket = ""
        heard.put_nowait(ticket)


async def _follow(
    shell: Shell, officer: Officer, heard: asyncio.Queue[str], ended: asyncio.Event
) -> AsyncIterator[ServerSentEvent]:
    look = _Look(shell, officer)
    clock = asyncio.get_running_loop().time
    look_at = clock()
    while not look.over:
        tickets = await _gather(heard, ended, look_at - clock())
        if ended.is_set():
            yield _event("cukup", {})
            return
        due = clock() >= look_at
        if due:
            look_at = clock() + LOOK_SECONDS
        # A page that goes away does not break a question off: that would cost the connection it is asked on. And the
        # connection is given back before anything is sent: a page that reads slowly must not hold it.
        for each in await asyncio.shield(look.ask(tickets, due=due)):
            yield each


class _Look:
    """What one stream asks of the store: whether it may go on, what changed, who is where."""

    def __init__(self, shell: Shell, officer: Officer) -> None:
        self._shell, self._officer = shell, officer
        self._reach = officer.reach("report.read")
        self._open: dict[str, int] | None = None
        self.over = False

    async def ask(self, tickets: set[str], *, due: bool) -> list[ServerSentEvent]:
        """What is to be told; with `due` also whether the session still runs, and who has which report open."""
        shell, told = self._shell, list[ServerSentEvent]()
        if not tickets and not due:
            return told
        async with shell.engine.connect() as connection:
            if due:
                grants = await presence.still(connection, self._officer.session_id, shell.now())
                if grants is None:
                    self.over = True
                    return [_event("selesai", {})]
                self._reach = policy.reach(grants, "report.read")
                others = await presence.open_now(
                    connection, self._reach, shell.home_region, self._officer.staff_id, shell.now()
                )
                if others != self._open:
                    self._open = others
                    told.append(_event("hadir", {"open": others}))
            if "" in tickets or len(tickets) > MOST_TICKETS:
                told.append(_event("lihat", {}))
            elif tickets:
                found = await reports.versions(connection, sorted(tickets), self._reach, shell.home_region)
                changed = [{"ticket": ticket, "version": version} for ticket, version in found]
                told += [_event("laporan", {"reports": changed})] if changed else []
        return told


async def _gather(heard: asyncio.Queue[str], ended: asyncio.Event, patience: float) -> set[str]:
    """What is heard within a window after the first; nothing where that does not come in time, or the stream ends."""
    first = asyncio.create_task(heard.get())
    ending = asyncio.create_task(ended.wait())
    try:
        await asyncio.wait({first, ending}, timeout=max(0.0, patience), return_when=asyncio.FIRST_COMPLETED)
        if not first.done():
            return set()
        await asyncio.wait({ending}, timeout=WINDOW_SECONDS)
        found = {first.result()}
        while not heard.empty():
            found.add(heard.get_nowait())
        return found
    finally:
        for task in (first, ending):
            task.cancel()


def _event(kind: str, told: dict[str, Any]) -> ServerSentEvent:
    return ServerSentEvent(json.dumps(told), event=kind)


# --- who has a report open -----------------------------------------------------------------------------------------


@router.post("/laporan/{ticket}/hadir")
async def here(request: Request, opened: Annotated[Opened, Depends(ReportRule("report.read"))]) -> JSONResponse:
    """An officer has this report open; answers with the others who have, and the version that it has now."""
    shell = shell_of(request)
    async with shell.unit() as work:
        others = await presence.here(work.connection, opened.complaint_id, opened.officer.staff_id, shell.now())
        found = await reports.subject(work.connection, opened.ticket, shell.home_region)
    return JSONResponse({"others": [each.name for each in others], "version": found.version})


@router.post("/laporan/{ticket}/pergi")
async def gone(request: Request, opened: Annotated[Opened, Depends(ReportRule("report.read"))]) -> Response:
    """They have closed it."""
    async with shell_of(request).unit() as work:
        await presence.gone(work.connection, opened.complaint_id, opened.officer.staff_id)
    return Response(status_code=204)
