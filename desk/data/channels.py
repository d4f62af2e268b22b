"""The state of the channels: what ails them and what to do, the words that a provider must approve, what was heard and
said, what waits, what failed, and how it is tried once more.

Officers see of a message what it was about and why it failed, never its words: those are the chat's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from desk import ailments, words
from desk.access import HouseRule, Officer, shell_of
from desk.rendering import language_of, page
from desk.shell import Shell
from store import audit, channels, health, reports, undelivered
from store.channels import WHOLE, Health, TemplateState
from store.undelivered import Held, Undelivered

router = APIRouter(prefix="/data")

MESSAGES_SHOWN, JOBS_SHOWN = 200, 200
_ONE = re.compile(r"([0-9]{1,18})(?::(\w{1,40}))?")
# The channel whose provider approves words beforehand.
APPROVES = "whatsapp"


@dataclass(frozen=True, slots=True)
class Told:
    """How a channel is: what ails it is `called` so, and mended by the `remedy`; both are empty where nothing does."""

    name: str
    health: Health | None
    called: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """A template by its name and language, what the state of it is called, and what to do about it."""

    name: str
    language: str
    known: TemplateState
    called: str
    remedy: str


def tell(language: str, names: Iterable[str], known: Mapping[str, Health]) -> list[Told]:
    """How these channels are; what ails first."""
    told = []
    for name in names:
        found = known.get(name)
        ails = found.ails if found else None
        if ails is None:
            told.append(Told(name, found))
        else:
            told.append(Told(name, found, ailments.name(language, ails), ailments.remedy(language, name, ails)))
    return sorted(told, key=lambda each: (not each.called, each.name))


def tell_templates(language: str, known: Mapping[tuple[str, str], TemplateState]) -> list[Template]:
    """How the templates are, with what to do about each, those that cannot be used first; the list of all of them,
    where it cannot be read, as one."""
    told = [
        Template(
            words.say(language, "channels.templates_all") if name == WHOLE else name,
            code,
            each,
            ailments.state(language, each),
            ailments.template_remedy(language, each),
        )
        for (name, code), each in known.items()
    ]
    return sorted(told, key=lambda each: each.known.state == channels.APPROVED)


def _templates_missing(shell: Shell, known: Mapping[tuple[str, str], TemplateState]) -> str:
    """The key of why nothing is known of the templates, where there should be some; else nothing."""
    if known or not shell.settings.whatsapp_token:
        return ""
    return "channels.templates_soon" if shell.settings.whatsapp_business_account_id else "channels.templates_unset"


async def _messages(
    connection: AsyncConnection, officer: Officer, home: str, only: int | None = None
) -> list[Undelivered]:
    """What this officer may see: an administrator all, others what is about reports that they may read."""
    everything = officer.may("data.edit")
    reach = officer.reach("report.read")
    return await undelivered.failed(connection, reach, home, everything=everything, most=MESSAGES_SHOWN + 1, only=only)


async def _held(connection: AsyncConnection, officer: Officer, home: str, only: int | None = None) -> list[Held]:
    """What waits until a citizen writes, as far as this officer may see it."""
    everything = officer.may("data.edit")
    reach = officer.reach("report.read")
    return await undelivered.held(connection, reach, home, everything=everything, most=MESSAGES_SHOWN + 1, only=only)


@router.get("/saluran")
async def state(
    request: Request,
    officer: Annotated[Officer, Depends(HouseRule("channels.read"))],
    again: int | None = None,
    left: int = 0,
) -> Response:
    """The page; `again` and `left` say what became of the last request to try once more."""
    shell = shell_of(request)
    async with shell.engine.connect() as connection:
        messages = await _messages(connection, officer, shell.home_region)
        held = await _held(connection, officer, shell.home_region)
        # Whoever may not read a report sees that there was one, not which.
        tickets = (*(each.ticket for each in messages), *(each.ticket for each in held))
        about = [ticket for ticket in tickets if ticket]
        readable = await reports.versions(connection, about, officer.reach("report.read"), shell.home_region)
        language = language_of(request)
        known = await channels.templates(connection, APPROVES) if shell.settings.whatsapp_token else {}
        return page(
            request,
            "data_channels.html",
            told=tell(language, shell.settings.channels, await channels.health(connection)),
            templates=tell_templates(language, known),
            unusable=sum(name != WHOLE for (name, _), _ in ailments.unusable(known)),
            templates_known=sum(name != WHOLE for name, _ in known),
            templates_missing=_templates_missing(shell, known),
            channels=await health.channels(connection),
            opened=shell.settings.channels,
            processes=await health.processes(connection),
            waiting=await health.waiting_jobs(connection),
            jobs=await health.jobs(connection, JOBS_SHOWN),
            messages=messages[:MESSAGES_SHOWN],
            more=len(messages) > MESSAGES_SHOWN,
            held=held[:MESSAGES_SHOWN],
            more_held=len(held) > MESSAGES_SHOWN,
            tickets={ticket for ticket, _ in readable},
            cause=partial(ailments.cause, language),
            again=again,
            left=left,
        )


@router.post("/saluran/pesan")
async def say_again(request: Request, officer: Annotated[Officer, Depends(HouseRule("deliveries.retry"))]) -> Response:
    """Let messages be said once more: one (`one`: its number, or "number:channel"), or all that were ticked (`id`)."""
    shell = shell_of(request)
    form = await request.form(max_files=0, max_fields=2 * MESSAGES_SHOWN)
    asked = [str(form["one"])] if "one" in form else [str(each) for each in form.getlist("id")]
    wanted = {(int(found[1]), found[2]) for each in asked if (found := _ONE.fullmatch(each))}
    said = 0
    # Each for itself: chats are locked one at a time, and in no order that another could cross.
    for delivery_id, channel in sorted(wanted, key=lambda pair: pair[0]):
        async with shell.unit() as work:
            seen = await _messages(work.connection, officer, shell.home_region, delivery_id) or await _held(
                work.connection, officer, shell.home_region, delivery_id
            )
            if not seen or (seen[0].lost and channel is None):
                continue
            if not await undelivered.again(work.connection, delivery_id, channel):
                continue
            detail = {"channel": channel or seen[0].channel, "elsewhere": channel is not None}
            of = ("delivery", str(delivery_id))
            await audit.write(
                work.connection, officer.actor("deliveries.retry"), "delivery.again", of=of, detail=detail
            )
            said += 1
    return RedirectResponse(f"/desk/data/saluran?again={said}&left={len(wanted) - said}", 303)


@router.post("/saluran/pekerjaan")
async def run_again(request: Request, officer: Annotated[Officer, Depends(HouseRule("jobs.retry"))]) -> Response:
    """Put jobs that failed or were left behind back into the queue."""
    shell = shell_of(request)
    form = await request.form(max_files=0, max_fields=2 * JOBS_SHOWN)
    asked = [str(form["one"])] if "one" in form else [str(each) for each in form.getlist("id")]
    wanted = sorted({int(each) for each in asked if each.isascii() and each.isdecimal() and len(each) < 19})
    put_back = 0
    async with shell.unit() as work:
        for job_id in wanted:
            if await health.retry(work.connection, job_id):
                of = ("job", str(job_id))
                await audit.write(work.connection, officer.actor("jobs.retry"), "job.again", of=of)
                put_back += 1
    return RedirectResponse(f"/desk/data/saluran?again={put_back}&left={len(wanted) - put_back}", 303)
