"""Inviting a Kawan LAPOR volunteer: the form, and the slip with the code, which is shown this once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Annotated
from urllib.parse import quote

import segno
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.exceptions import HTTPException

from desk import keeping, uploads, words
from desk.access import HouseRule, Officer, shell_of
from desk.rendering import page
from desk.shell import Shell, Work
from desk.uploads import Filled
from store import audit, sheets, volunteers
from store.policy import Reach, Subject, lies_in
from store.regions import Region

router = APIRouter()

_LONGEST_NAME = 120
# [U] How long a grant holds unless another day is chosen, and at most: whoever assists is looked at again.
USUAL, LONGEST = timedelta(days=365), timedelta(days=3 * 366)
# In a select of more regions nobody finds theirs: then without kecamatan.
_MOST_REGIONS = 1000


class Twin(ValueError):
    """There is a volunteer of that name in that region already."""

    def __init__(self, volunteer_id: int) -> None:
        super().__init__("twin")
        self.volunteer_id = volunteer_id


@router.get("/kawan/undang")
async def blank(request: Request, officer: Annotated[Officer, Depends(HouseRule("volunteers.edit"))]) -> Response:
    """The form of an invitation."""
    kept = await keeping.taken(request, officer)
    return _form(request, officer, kept or {}, kept=kept)


@router.post("/kawan/undang")
async def invite(request: Request, officer: Annotated[Officer, Depends(HouseRule("volunteers.edit"))]) -> Response:
    """Invite somebody. The code stands on the answer alone, once: only its digest is kept."""
    shell, filled = shell_of(request), await uploads.form(request)
    wrong, name = dict[str, str](), sheets.clean(filled.get("name"))
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        wrong["name"] = "name"
    region = filled.get("region")
    if region not in {each.code for group in _choices(shell, officer) for each in group}:
        wrong["region"] = "region"
    day = until(filled, shell.today(region if "region" not in wrong else None))
    if isinstance(day, str):
        wrong["valid_until"] = day
    if wrong or isinstance(day, str):
        return _form(request, officer, filled.words, wrong, 422)
    try:
        async with shell.unit() as work:
            twin = await _twin(work.connection, officer, name, region, shell.today(region))
            if twin is not None and filled.get("another") != "yes":
                raise Twin(twin)
            volunteer_id, code = await volunteers.invite(
                work.connection,
                name=name,
                region=region,
                valid_until=day,
                staff_id=officer.staff_id,
                now=shell.now(),
            )
            await write(work, officer, region, "volunteer.invite", volunteer_id, {"until": day.isoformat()})
    except Twin as error:
        return _form(request, officer, filled.words, {"name": "twin"}, 409, twin=error.volunteer_id)
    return await slip(request, volunteer_id, code)


def _choices(shell: Shell, officer: Officer) -> list[list[Region]]:
    """The regions that an officer may invite for, by kabupaten or kota, each with what lies in it; provinces alone."""
    reach, regions = officer.reach("volunteer.edit"), shell.directory.regions
    today = shell.today(None)
    found = [
        each
        for each in regions.by_code.values()
        if each.kind in ("provinsi", "kabupaten", "kota", "kecamatan")
        and reaches(reach, each.code)
        and (each.valid_to is None or today <= each.valid_to)
    ]
    if len(found) > _MOST_REGIONS:
        found = [each for each in found if each.kind != "kecamatan"]
    groups: dict[str, list[Region]] = {}
    for each in sorted(found, key=lambda each: each.code):
        city = regions.kabkota_of(each.code)
        groups.setdefault(city.code if city else each.code, []).append(each)
    return list(groups.values())


# Two clicks on one button are two requests at once: whoever invites waits for their own other invitation.
_ALONE = text("SELECT id FROM staff WHERE id = :id FOR NO KEY UPDATE")
_TWIN = text("""
    SELECT max(id) FROM volunteers
    WHERE region = :region AND lower(name) = lower(:name) AND revoked_at IS NULL AND valid_until >= :today
""")


async def _twin(connection: AsyncConnection, officer: Officer, name: str, region: str, today: date) -> int | None:
    """The volunteer of that name in that region whose grant holds: a page that was sent twice, or somebody else."""
    await connection.execute(_ALONE, {"id": officer.staff_id})
    found = await connection.execute(_TWIN, {"name": name, "region": region, "today": today})
    twin: int | None = found.scalar_one_or_none()
    return twin


def _form(
    request: Request,
    officer: Officer,
    typed: Mapping[str, str],
    wrong: Mapping[str, str] | None = None,
    status: int = 200,
    *,
    twin: int | None = None,
    kept: Mapping[str, str] | None = None,
) -> Response:
    shell = shell_of(request)
    today = shell.today(None)
    return page(
        request,
        "volunteer_invite.html",
        status,
        typed={"valid_until": (today + USUAL).isoformat(), **typed},
        wrong=wrong or {},
        groups=_choices(shell, officer),
        longest=_LONGEST_NAME,
        today=today,
        latest=today + LONGEST,
        twin=twin,
        kept=kept,
    )


# --- the slip ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Door:
    """Where a volunteer may begin: the channel, its address, with the code where that channel takes it along, the
    address as a picture (QR, a data: URI), and as somebody types it who has no camera."""

    channel: str
    address: str
    picture: str
    typed: str


def doors(chats: Mapping[str, str], code: str) -> list[Door]:
    """The doors of these chats (`Shell.chats`) for an invitation. The page of the chat gets no code in its address:
    addresses stand in logs."""
    said = {
        "telegram": f"?start=kawan_{code.replace('-', '')}",
        "whatsapp": f"?text={quote(f'kawan {code}')}",
        "webchat": "",
    }
    return [
        Door(channel, chats[channel] + more, _picture(chats[channel] + more), chats[channel].partition("://")[2])
        for channel, more in said.items()
        if channel in chats
    ]


def _picture(address: str) -> str:
    return segno.make(address, error="m", micro=False).svg_data_uri(scale=3, border=4, light="#fff", dark="#000")


async def slip(request: Request, volunteer_id: int, code: str) -> Response:
    """The answer that shows a code, with the slip to print."""
    shell = shell_of(request)
    async with shell.engine.connect() as connection:
        found = await volunteers.get(
            connection,
            volunteer_id,
            today=shell.today(None),
            now=shell.now(),
            daily=shell.settings.assist_daily_limit,
        )
    if found is None:
        raise HTTPException(404)
    # Whoever gets the slip reads Indonesian, whatever the officer reads.
    zone = shell.zone(found.region)
    until = words.moment("id", found.code_until, zone) if found.code_until else ""
    return page(
        request,
        "volunteer_slip.html",
        each=found,
        code=code,
        doors=doors(shell.chats, code),
        until=until,
        said=partial(words.say, "id"),
    )


# --- what the page of a volunteer needs as well ------------------------------------------------------------------


def until(filled: Filled, today: date) -> date | str:
    """The day up to which a grant shall hold, as a form says it, or what is wrong with it (kawan.problem)."""
    try:
        day = date.fromisoformat(filled.get("valid_until"))
    except ValueError:
        return "date"
    if day < today:
        return "past"
    return day if day <= today + LONGEST else "far"


def reaches(reach: Reach, region: str) -> bool:
    """Whether a region lies within reach."""
    return reach.everywhere or any(lies_in(region, wider) for wider in reach.regions)


async def write(
    work: Work,
    officer: Officer,
    region: str,
    verb: str,
    volunteer_id: int,
    detail: Mapping[str, object] | None = None,
) -> None:
    """Write down what an officer did to a grant, and where; never whose it is."""
    actor = officer.actor("volunteer.edit", Subject(region))
    await audit.write(
        work.connection, actor, verb, of=("volunteer", str(volunteer_id)), detail={"region": region, **(detail or {})}
    )
