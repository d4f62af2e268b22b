"""The state of the channels: what was heard and said, what waits, what failed, and how it is tried once more.

Officers see of a message what it was about and why it failed, never its words: those are the chat's.
"""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from desk.access import HouseRule, Officer, shell_of
from desk.rendering import page
from store import audit, deliveries, health, reports
from store.deliveries import Undelivered

router = APIRouter(prefix="/data")

MESSAGES_SHOWN, JOBS_SHOWN = 200, 200
_ONE = re.compile(r"([0-9]{1,18})(?::(\w{1,40}))?")


async def _messages(
    connection: AsyncConnection, officer: Officer, home: str, only: int | None = None
) -> list[Undelivered]:
    """What this officer may see: an administrator all, others what is about reports that they may read."""
    everything = officer.may("data.edit")
    reach = officer.reach("report.read")
    return await deliveries.undelivered(
        connection, reach, home, everything=everything, most=MESSAGES_SHOWN + 1, only=only
    )


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
        # Whoever may not read a report sees that there was one, not which.
        about = [each.ticket for each in messages if each.ticket]
        readable = await reports.versions(connection, about, officer.reach("report.read"), shell.home_region)
        return page(
            request,
            "data_channels.html",
            channels=await health.channels(connection),
            processes=await health.processes(connection),
            waiting=await health.waiting_jobs(connection),
            jobs=await health.jobs(connection, JOBS_SHOWN),
            messages=messages[:MESSAGES_SHOWN],
            more=len(messages) > MESSAGES_SHOWN,
            tickets={ticket for ticket, _ in readable},
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
            seen = await _messages(work.connection, officer, shell.home_region, delivery_id)
            if not seen or (seen[0].lost and channel is None):
                continue
            if not await deliveries.again(work.connection, delivery_id, channel):
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
