"""Kawan LAPOR volunteers: who there is in a region, with counts and no word of any report; inviting, pausing, ending.

Marks say where the counts are worth a conversation (volunteer_marks.toml); they decide nothing. Of another region
nobody learns whether there is a volunteer: the page does not exist for them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.exceptions import HTTPException

from desk import keeping, uploads, words
from desk.access import Forbidden, HouseRule, Officer, shell_of
from desk.inviting import LONGEST, reaches, slip, until, write
from desk.rendering import language_of, page
from desk.shell import Shell, Work
from desk.uploads import Filled
from store import volunteers
from store.policy import Reach, Subject
from store.regions import Region
from store.volunteers import Listed

router = APIRouter()
log = structlog.get_logger(__name__)

HERE = "/desk/kawan"
A_PAGE = 50
_MARKS = Path(__file__).parent / "volunteer_marks.toml"
# What was done, as the page that follows says it.
DONE = ("paused", "resumed", "revoked", "extended", "paused_later", "revoked_later")


class Stale(ValueError):
    """Somebody else has changed the grant since the page was read."""


class Refused(ValueError):
    """An act is not possible; `key` says why (kawan.problem)."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


# --- marks -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rule:
    """From when on a mark is shown: `part` and `whole` are names of counts, the part is at least `least` and at least
    `share` of the whole."""

    part: str
    whole: str
    least: int
    share: float


@dataclass(frozen=True, slots=True)
class Mark:
    """A hint for a conversation: its name (kawan.mark), and the counts that it is read off."""

    name: str
    part: int
    whole: int


@cache
def rules() -> Mapping[str, Rule]:
    """The marks that there are, in their order."""
    return {name: Rule(**rule) for name, rule in tomllib.loads(_MARKS.read_text(encoding="utf-8")).items()}


def marks(counts: Mapping[str, int]) -> list[Mark]:
    """The marks of a volunteer with these counts."""
    read = ((name, counts[rule.part], counts[rule.whole], rule) for name, rule in rules().items())
    return [
        Mark(name, part, whole) for name, part, whole, rule in read if part >= rule.least and part >= rule.share * whole
    ]


def counts_of(each: Listed) -> dict[str, int]:
    """The counts that marks are read off: those of the store, and what follows from them."""
    return {
        "filed": each.filed,
        "alike": each.alike,
        "unreachable": each.unreachable,
        "quick": each.quick,
        "kept": each.filed - each.taken,
        "days": each.days,
        "full_days": each.full_days,
    }


# --- the list --------------------------------------------------------------------------------------------------


@router.get("/kawan")
async def everybody(
    request: Request,
    officer: Annotated[Officer, Depends(HouseRule("volunteers.open"))],
    wilayah: Annotated[str, Query(max_length=20)] = "",
    keadaan: Annotated[str, Query(max_length=20)] = "",
    setelah: Annotated[int, Query(ge=0, le=2**63 - 1)] = 0,
) -> Response:
    """A page of the volunteers within reach, with their counts: `wilayah` the kabupaten or kota and `keadaan` the state
    that are wanted, `setelah` the id of the last one of the page before."""
    shell, reach = shell_of(request), officer.reach("volunteer.read")
    cities = _cities(shell, reach)
    region = wilayah if wilayah in [each.code for each in cities] else ""
    state = keadaan if keadaan in volunteers.STATES else ""
    async with shell.engine.connect() as connection:
        found = await volunteers.page(
            connection,
            reach,
            region=region or None,
            state=state or None,
            after=setelah or None,
            most=A_PAGE + 1,
            today=shell.today(None),
            now=shell.now(),
            daily=shell.settings.assist_daily_limit,
        )
    shown, more = found[:A_PAGE], len(found) > A_PAGE
    asked = {"wilayah": region, "keadaan": state}
    return page(
        request,
        "volunteers.html",
        rows=[(each, marks(counts_of(each))) for each in shown],
        cities=cities,
        region=region,
        states=volunteers.STATES,
        state=state,
        regions=reach.regions if not reach.everywhere else (),
        rules=rules(),
        daily=shell.settings.assist_daily_limit,
        first=_address(**asked) if setelah else None,
        following=_address(**asked, setelah=shown[-1].id) if more else None,
        percent=lambda part, whole: _percent(language_of(request), part, whole),
    )


def _address(**asked: object) -> str:
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"{HERE}?{query}" if query else HERE


def _cities(shell: Shell, reach: Reach) -> list[Region]:
    """The kabupaten and kota that somebody reaches, or in which something lies that they reach."""
    regions = shell.directory.regions
    known = [each for each in regions.by_code.values() if each.kind in ("kabupaten", "kota")]
    around = {city.code for code in reach.regions if (city := regions.kabkota_of(code))}
    return [each for each in known if each.code in around or reaches(reach, each.code)]


def _percent(language: str, part: int, whole: int) -> str:
    """A share in the language of the page; a dash where there is nothing to share."""
    if not whole:
        return "–"
    return words.say(language, "kawan.percent", value=round(100 * part / whole))


# --- one volunteer ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was tried on a volunteer's page and comes back: the act, what was typed, and what is wrong (kawan.problem).
    `asks`: the act waits for a second yes."""

    act: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    asks: bool = False


@router.get("/kawan/{volunteer_id:int}")
async def one(
    request: Request,
    officer: Annotated[Officer, Depends(HouseRule("volunteers.open"))],
    volunteer_id: int,
    selesai: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """One volunteer; `selesai` is what was done just now."""
    kept = await keeping.taken(request, officer)
    typed = kept if kept and kept[keeping.SENT_TO].endswith("/perpanjang") else None
    attempt = Attempt("perpanjang", typed) if typed else None
    return await _one(request, officer, volunteer_id, attempt, done=selesai if selesai in DONE else "", kept=typed)


async def _one(
    request: Request,
    officer: Officer,
    volunteer_id: int,
    attempt: Attempt | None = None,
    status: int = 200,
    *,
    done: str = "",
    kept: Mapping[str, str] | None = None,
) -> Response:
    shell = shell_of(request)
    async with shell.engine.connect() as connection:
        found = await _found(connection, request, officer, volunteer_id)
        seen = await _seen(connection, volunteer_id)
    today = shell.today(found.region)
    return page(
        request,
        "volunteer.html",
        status,
        each=found,
        seen=seen,
        marks=marks(counts_of(found)),
        attempt=attempt or Attempt(),
        acts=acts_on(found) if officer.may("volunteer.edit", Subject(found.region)) else (),
        today=today,
        latest=today + LONGEST,
        done=done,
        kept=kept,
        daily=shell.settings.assist_daily_limit,
        percent=lambda part, whole: _percent(language_of(request), part, whole),
    )


async def _found(connection: AsyncConnection, request: Request, officer: Officer, volunteer_id: int) -> Listed:
    """The volunteer. Raises HTTPException 404 where there is none, or none that this officer may read of."""
    shell = shell_of(request)
    found = None
    if 0 < volunteer_id < 2**63:
        found = await volunteers.get(
            connection,
            volunteer_id,
            today=shell.today(None),
            now=shell.now(),
            daily=shell.settings.assist_daily_limit,
        )
    if found is None or not officer.may("volunteer.read", Subject(found.region)):
        raise HTTPException(404)
    return found


def acts_on(each: Listed) -> tuple[str, ...]:
    """What an officer can do with a grant in this state, by the addresses of `ACTS`. A revoked one stays revoked:
    whoever shall assist again is invited anew."""
    if each.revoked_at is not None:
        return ()
    if each.redeemed_at is None:
        return ("kode", "perpanjang", "cabut")
    return ("lanjut" if each.paused_at else "jeda", "perpanjang", "cabut")


# What officers change, and whether the invitation was used meanwhile; how far the training is contradicts nothing.
_SEEN = text("""
    SELECT md5(CAST(ROW(valid_until, code_sha256, redeemed_at, paused_at, revoked_at) AS text)) FROM volunteers
    WHERE id = :id
""")
_LOCK = text("SELECT region FROM volunteers WHERE id = :id FOR UPDATE")


async def _seen(connection: AsyncConnection, volunteer_id: int) -> str:
    """What changes with a grant, for a form that says which one was read."""
    return str((await connection.execute(_SEEN, {"id": volunteer_id})).scalar_one_or_none())


async def _pause(work: Work, request: Request, officer: Officer, found: Listed, filled: Filled) -> str:
    if not await volunteers.pause(work.connection, found.id, shell_of(request).now()):
        raise Stale
    await write(work, officer, found.region, "volunteer.pause", found.id)
    return "paused"


async def _resume(work: Work, request: Request, officer: Officer, found: Listed, filled: Filled) -> str:
    if not await volunteers.resume(work.connection, found.id, shell_of(request).now()):
        raise Stale
    await write(work, officer, found.region, "volunteer.resume", found.id)
    return "resumed"


async def _revoke(work: Work, request: Request, officer: Officer, found: Listed, filled: Filled) -> str:
    if not await volunteers.revoke(work.connection, found.id, shell_of(request).now()):
        raise Stale
    await write(work, officer, found.region, "volunteer.revoke", found.id)
    return "revoked"


async def _extend(work: Work, request: Request, officer: Officer, found: Listed, filled: Filled) -> str:
    day = until(filled, shell_of(request).today(found.region))
    if not isinstance(day, date):
        raise Refused(day)
    if not await volunteers.extend(work.connection, found.id, day):
        raise Stale
    await write(work, officer, found.region, "volunteer.extend", found.id, {"until": day.isoformat()})
    return "extended"


Act = Callable[[Work, Request, Officer, Listed, Filled], Awaitable[str]]
# By the last part of its address; a new code has an answer of its own.
ACTS: Mapping[str, Act] = {"jeda": _pause, "lanjut": _resume, "cabut": _revoke, "perpanjang": _extend}
# After these nothing of the volunteer's goes on.
_ENDING = ("paused", "revoked")


@router.post("/kawan/{volunteer_id:int}/kode")
async def new_code(
    request: Request, officer: Annotated[Officer, Depends(HouseRule("volunteers.edit"))], volunteer_id: int
) -> Response:
    """Give an invitation that nobody has used another code, which stands on the answer alone; the old one is void."""
    shell, filled = shell_of(request), await uploads.form(request)
    await _may_edit(request, officer, volunteer_id)
    try:
        async with shell.unit() as work:
            found = await _locked(work.connection, request, officer, volunteer_id, filled)
            code = await volunteers.reissue(work.connection, volunteer_id, shell.now())
            if code is None:
                raise Stale
            await write(work, officer, found.region, "volunteer.code", volunteer_id)
    except Stale:
        return await _one(request, officer, volunteer_id, Attempt("kode", problem="changed"), 409)
    return await slip(request, volunteer_id, code)


@router.post("/kawan/{volunteer_id:int}/{act}")
async def do(
    request: Request, officer: Annotated[Officer, Depends(HouseRule("volunteers.edit"))], volunteer_id: int, act: str
) -> Response:
    """Do one of `ACTS` to a grant. Revoking asks once more; pausing and revoking end what is under way."""
    shell, filled = shell_of(request), await uploads.form(request)
    await _may_edit(request, officer, volunteer_id)
    if act not in ACTS:
        raise HTTPException(404)
    if act == "cabut" and filled.get("sure") != "yes":
        return await _one(request, officer, volunteer_id, Attempt(act, asks=True))
    try:
        async with shell.unit() as work:
            found = await _locked(work.connection, request, officer, volunteer_id, filled)
            done = await ACTS[act](work, request, officer, found, filled)
    except Stale:
        return await _one(request, officer, volunteer_id, Attempt(act, filled.words, "changed"), 409)
    except Refused as error:
        return await _one(request, officer, volunteer_id, Attempt(act, filled.words, error.key), 422)
    if done in _ENDING and not await _end(shell, volunteer_id):
        done = f"{done}_later"
    return RedirectResponse(f"{HERE}/{volunteer_id}?selesai={done}", 303)


async def _may_edit(request: Request, officer: Officer, volunteer_id: int) -> None:
    """Raises HTTPException 404 for whoever may not read of the volunteer, `Forbidden` for whoever may only read."""
    async with shell_of(request).engine.connect() as connection:
        found = await _found(connection, request, officer, volunteer_id)
    if not officer.may("volunteer.edit", Subject(found.region)):
        raise Forbidden("volunteer.edit")


async def _locked(
    connection: AsyncConnection, request: Request, officer: Officer, volunteer_id: int, filled: Filled
) -> Listed:
    """The volunteer, locked. Raises `Stale` where the grant is not the one that the officer had read."""
    await connection.execute(_LOCK, {"id": volunteer_id})
    if await _seen(connection, volunteer_id) != filled.get("seen"):
        raise Stale
    return await _found(connection, request, officer, volunteer_id)


async def _end(shell: Shell, volunteer_id: int) -> bool:
    """End what the volunteer has under way; False where something of it is open still, since a chat was busy."""
    try:
        await shell.end_grant(volunteer_id)
        async with shell.engine.connect() as connection:
            found = await volunteers.get(
                connection,
                volunteer_id,
                today=shell.today(None),
                now=shell.now(),
                daily=shell.settings.assist_daily_limit,
            )
    except DBAPIError as error:
        # The grant has ended; a round of the clock ends the rest.
        log.warning("grant_ends_later", volunteer=volunteer_id, kind=type(error).__name__)
        return False
    return found is None or not found.open
