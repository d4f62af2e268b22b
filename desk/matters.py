"""What needs a person: dangers, calls for a human, answers that settled nothing, and what the machine cannot do.

A chat is read only by whoever opens its matter, and that is written down each time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from desk import assisted, uploads, words
from desk.access import HouseRule, Officer, shell_of
from desk.rendering import language_of, page
from desk.shell import Shell
from store import assistances, attention, audit, matters
from store.complaints import Actor, NotFound
from store.deliveries import Line, NewDelivery
from store.matters import Waiting

router = APIRouter()

MOST_LINES = 40
MOST_WORDS = 3500
# About a resident who was assisted: the chat behind it would be that of whoever assisted, who hears nothing of it.
ASSISTED = (assistances.REACH, assistances.CONSENT, assistances.DRAFTS, assistances.TWICE)
# What was done, as the page that follows says it.
DONE = ("closed", "replied")
# Where the words of a message stand in what the channels deliver: the first that is there.
_WORDS = (("text",), ("label",), ("message", "text"), ("message", "caption"), ("edited_message", "text"))


@dataclass(frozen=True, slots=True)
class Said:
    """A line of a chat as an officer reads it: whether the citizen said it, the words, when."""

    citizen: bool
    words: str
    at: datetime


@router.get("/perhatian")
async def open_matters(
    request: Request, officer: Annotated[Officer, Depends(HouseRule("matters.handle"))], selesai: str = ""
) -> Response:
    """All open matters within the officer's reach."""
    shell = shell_of(request)
    async with shell.engine.connect() as connection:
        found = await matters.waiting(connection, officer.reach("report.dispose"), shell.home_region)
        drafts = await assisted.within(connection, shell, officer)
    return page(
        request,
        "matters.html",
        matters=[each for each in found if each.number is not None],
        machine=[each for each in found if each.number is None],
        drafts=len(drafts),
        sentence=_sentence(request),
        done=selesai if selesai in DONE else "",
    )


@router.get("/perhatian/a{number}")
async def open_one(
    request: Request, number: int, officer: Annotated[Officer, Depends(HouseRule("matters.handle"))], selesai: str = ""
) -> Response:
    """One matter, with the last lines of its chat if it has one."""
    return await _show(request, officer, number, done=selesai if selesai in DONE else "")


@router.post("/perhatian/a{number}/balas")
async def reply(
    request: Request, number: int, officer: Annotated[Officer, Depends(HouseRule("matters.handle"))]
) -> Response:
    """Answer in the chat; the matter stays open until it is closed. `do=preview` shows what the citizen will read."""
    shell = shell_of(request)
    filled = await uploads.form(request)
    said = filled.get("words")
    problem = "empty" if not said else "long" if len(said) > MOST_WORDS else ""
    if problem or filled.get("do") == "preview":
        return await _show(request, officer, number, said, problem=problem, preview=not problem)
    async with shell.unit() as work:
        found = await _reached(work.connection, shell, officer, number)
        contact = await attention.caller(work.connection, number) if found.chat else None
        if contact is None:
            raise NotFound(str(number))
        await work.say(
            NewDelivery(
                contact_id=contact.id,
                channel=contact.channel,
                address=contact.address,
                says=[("push.person", {"note": said})],
                language=contact.language,
            )
        )
        await audit.write(work.connection, _actor(officer), "matter.reply", of=("matter", f"a{number}"))
    return RedirectResponse(f"/desk/perhatian/a{number}?{urlencode({'selesai': 'replied'})}", 303)


@router.post("/perhatian/a{number}/tutup")
async def close(
    request: Request, number: int, officer: Annotated[Officer, Depends(HouseRule("matters.handle"))]
) -> Response:
    """The matter is dealt with."""
    shell = shell_of(request)
    async with shell.unit() as work:
        found = await _reached(work.connection, shell, officer, number)
        await attention.close(work.connection, number)
        of = ("matter", f"a{number}")
        await audit.write(work.connection, _actor(officer), "matter.close", of=of, detail={"kind": found.kind})
    return RedirectResponse(f"/desk/perhatian?{urlencode({'selesai': 'closed'})}", 303)


async def _reached(connection: Any, shell: Shell, officer: Officer, number: int) -> Waiting:
    """The open matter, if it lies within the officer's reach. Raises `NotFound`: for all others it is not there."""
    if not 0 < number < 2**63:
        raise NotFound(str(number))
    reach = officer.reach("report.dispose")
    found = await matters.waiting(connection, reach, shell.home_region, matter=f"a{number}")
    if not found:
        raise NotFound(str(number))
    [only] = found
    return replace(only, chat=only.chat and only.kind not in ASSISTED)


async def _show(
    request: Request,
    officer: Officer,
    number: int,
    typed: str = "",
    *,
    problem: str = "",
    preview: bool = False,
    done: str = "",
) -> Response:
    """The page of a matter. That its chat was read is written down before anybody sees it."""
    shell = shell_of(request)
    async with shell.unit() as work:
        found = await _reached(work.connection, shell, officer, number)
        chat = await matters.chat(work.connection, number, MOST_LINES) if found.chat else None
        if chat is not None:
            of = ("matter", f"a{number}")
            detail = {"kind": found.kind, "lines": len(chat.lines)}
            await audit.write(work.connection, _actor(officer), "matter.read_chat", of=of, detail=detail)
    will_read = shell.spoken([("push.person", {"note": typed})], chat.language) if preview and chat else []
    return page(
        request,
        "matter.html",
        422 if problem else 200,
        matter=found,
        says=_sentence(request)(found),
        lines=_lines(shell, chat) if chat else None,
        typed=typed,
        problem=problem,
        preview=will_read,
        done=done,
    )


def _actor(officer: Officer) -> Actor:
    return Actor("operator", f"staff:{officer.staff_id}")


def _lines(shell: Shell, chat: matters.Chat) -> list[Said]:
    found = []
    for each in chat.lines:
        spoken = [_heard(each)] if each.heard else shell.spoken(each.content, each.language)
        found += [Said(each.heard, part, each.at) for part in spoken if part]
    return found


def _heard(line: Line) -> str:
    """The words of what was heard, whatever channel it came by; "" for a file, a place or a tap alone."""
    for path in _WORDS:
        found: Any = line.content
        for name in path:
            found = found.get(name) if isinstance(found, Mapping) else None
        if isinstance(found, str) and found.strip():
            return found
    return "…"


class _Sentences:
    def __init__(self, language: str, names: Mapping[str, str]) -> None:
        self._language, self._names = language, names

    def __call__(self, matter: Waiting) -> str:
        key = f"matters.kind.{matter.kind}"
        detail = matter.detail or ""
        if matter.kind == "danger" and words.knows(f"matters.danger.{detail}"):
            return words.say(self._language, f"matters.danger.{detail}")
        if matter.kind == "handover" and words.knows(f"troubles.{detail}"):
            detail = words.say(self._language, f"troubles.{detail}", detail="–")
        if matter.kind == assistances.REACH and words.knows(f"matters.reach.{detail}"):
            detail = words.say(self._language, f"matters.reach.{detail}")
        named = self._names.get(detail, detail)
        if not words.knows(key):
            return words.say(self._language, "matters.kind.other", kind=matter.kind)
        return words.say(self._language, key, detail=named)


def _sentence(request: Request) -> _Sentences:
    """What a matter is, in a sentence of the officer's language."""
    return _Sentences(language_of(request), shell_of(request).directory.names)
