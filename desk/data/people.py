"""Accounts of officers: who there is, what they may do and where, their invitations, sessions and second factor."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.exc import IntegrityError
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from desk.access import HouseRule, Officer, shell_of
from desk.rendering import page
from desk.shell import Work
from store import audit, factors, policy, sheets, staff
from store.policy import Grant

router = APIRouter(prefix="/data")
Administrator = Annotated[Officer, Depends(HouseRule("staff.edit"))]

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@+-]{2,99}")
_LONGEST_NAME = 120


class Refused(Exception):
    """An act on an account is not possible; `key` says why."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


@router.get("/staf", dependencies=[Depends(HouseRule("staff.edit"))])
async def everybody(request: Request) -> Response:
    """All accounts, and the form of a new one."""
    return await _everybody(request)


@router.post("/staf")
async def add(request: Request, officer: Administrator) -> Response:
    """Add an account, which nobody can sign in to until its invitation is followed."""
    shell = shell_of(request)
    form = await request.form(max_files=0, max_fields=5)
    login, name = str(form.get("login", "")).strip().lower(), sheets.clean(str(form.get("name", "")))
    if not _LOGIN.fullmatch(login) or not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        return await _everybody(
            request, 422, problem="name" if _LOGIN.fullmatch(login) else "login", login=login, name=name
        )
    try:
        async with shell.unit() as work:
            staff_id = await staff.add(work.connection, login, name)
            await _write(work, officer, "account.add", staff_id)
    except IntegrityError:
        return await _everybody(request, 422, problem="taken", login=login, name=name)
    return RedirectResponse(f"/desk/data/staf/{staff_id}", 303)


async def _everybody(
    request: Request, status: int = 200, *, problem: str | None = None, login: str = "", name: str = ""
) -> Response:
    shell = shell_of(request)
    async with shell.engine.connect() as connection:
        accounts = await staff.listed(connection)
        held = {each.id: await staff.grants(connection, each.id, shell.now()) for each in accounts}
    return page(
        request, "data_people.html", status, accounts=accounts, held=held, problem=problem, login=login, name=name
    )


@router.get("/staf/{staff_id}", dependencies=[Depends(HouseRule("staff.edit"))])
async def person(request: Request, staff_id: int) -> Response:
    """One account."""
    return await _person(request, staff_id)


async def _person(
    request: Request, staff_id: int, status: int = 200, *, problem: str | None = None, link: str | None = None
) -> Response:
    shell = shell_of(request)
    async with shell.engine.connect() as connection:
        try:
            account = await staff.account(connection, staff_id)
        except staff.NoAccount:
            raise HTTPException(404) from None
        held = await staff.grants(connection, staff_id, shell.now())
        sessions = await staff.sessions(connection, staff_id, shell.now())
    regions = [each for each in shell.directory.regions.by_code.values() if each.kind not in ("desa", "kelurahan")]
    return page(
        request,
        "data_person.html",
        status,
        account=account,
        held=held,
        sessions=sessions,
        roles=policy.ROLES,
        regions=regions,
        problem=problem,
        link=link,
    )


@router.post("/staf/{staff_id}/undangan")
async def invite(request: Request, staff_id: int, officer: Administrator) -> Response:
    """Make a new invitation. Its link stands on this page alone, once: only its digest is kept."""
    shell = shell_of(request)
    try:
        async with shell.unit() as work:
            token = await staff.invite(work.connection, staff_id, shell.now())
            await _write(work, officer, "invitation.give", staff_id)
    except staff.NoAccount:
        return await _person(request, staff_id, 409, problem="disabled")
    return await _person(request, staff_id, link=f"{shell.public_url}/desk/undangan/{token}")


# --- acts that lead back to the page of the account ------------------------------------------------------------------


async def _grant(work: Work, request: Request, officer: Officer, staff_id: int, form: FormData) -> None:
    role, region, agency = (str(form.get(name, "")).strip() or None for name in ("role", "region", "agency"))
    directory, now = shell_of(request).directory, shell_of(request).now()
    if role not in policy.ROLES:
        raise Refused("role")
    # A role of an agency has no region, and the other way round.
    new = Grant(role, agency=agency) if role == policy.PEJABAT else Grant(role, region=region)
    if role == policy.PEJABAT and agency not in directory.agencies.by_code:
        raise Refused("agency")
    if new.region is not None and new.region not in directory.regions.by_code:
        raise Refused("region")
    if new in [each.grant for each in await staff.grants(work.connection, staff_id, now)]:
        raise Refused("held")
    await staff.grant(work.connection, staff_id, new)
    detail = {"role": new.role, "region": new.region, "agency": new.agency}
    await _write(work, officer, "grant.give", staff_id, detail)


async def _end_grant(work: Work, request: Request, officer: Officer, staff_id: int, form: FormData) -> None:
    shell, asked = shell_of(request), str(form.get("grant", ""))
    held = {str(each.id): each for each in await staff.grants(work.connection, staff_id, shell.now())}
    if asked not in held:
        raise Refused("no_grant")
    # Whoever is the last administrator cannot shut out everybody.
    if staff_id == officer.staff_id and held[asked].grant.role == policy.ADMINISTRATOR:
        raise Refused("yourself")
    await staff.revoke(work.connection, held[asked].id, shell.now())
    await _write(work, officer, "grant.end", staff_id, {"role": held[asked].grant.role})


async def _disable(work: Work, request: Request, officer: Officer, staff_id: int, form: FormData) -> None:
    if staff_id == officer.staff_id:
        raise Refused("yourself")
    await staff.disable(work.connection, staff_id, shell_of(request).now())
    await _write(work, officer, "account.disable", staff_id)


async def _enable(work: Work, request: Request, officer: Officer, staff_id: int, form: FormData) -> None:
    await staff.enable(work.connection, staff_id)
    await _write(work, officer, "account.enable", staff_id)


async def _end_sessions(work: Work, request: Request, officer: Officer, staff_id: int, form: FormData) -> None:
    keep = officer.session_id if staff_id == officer.staff_id else None
    ended = await staff.end_sessions(work.connection, staff_id, keep)
    await _write(work, officer, "session.end", staff_id, {"sessions": ended})


async def _reset_factor(work: Work, request: Request, officer: Officer, staff_id: int, form: FormData) -> None:
    if staff_id == officer.staff_id:
        raise Refused("yourself")
    await factors.forget(work.connection, staff_id)
    # Whoever holds a session without the factor must not go on with it.
    await staff.end_sessions(work.connection, staff_id)
    await _write(work, officer, "factor.forget", staff_id)


Act = Callable[[Work, Request, Officer, int, FormData], Awaitable[None]]
ACTS: dict[str, Act] = {
    "peran": _grant,
    "akhiri-peran": _end_grant,
    "nonaktif": _disable,
    "aktif": _enable,
    "akhiri-sesi": _end_sessions,
    "faktor": _reset_factor,
}


@router.post("/staf/{staff_id}/{act}")
async def act(request: Request, staff_id: int, act: str, officer: Administrator) -> Response:
    """Do one of `ACTS` to an account."""
    if act not in ACTS:
        raise HTTPException(404)
    form = await request.form(max_files=0, max_fields=10)
    try:
        async with shell_of(request).unit() as work:
            await staff.account(work.connection, staff_id)
            await ACTS[act](work, request, officer, staff_id, form)
    except staff.NoAccount:
        raise HTTPException(404) from None
    except Refused as error:
        return await _person(request, staff_id, 422, problem=error.key)
    return RedirectResponse(f"/desk/data/staf/{staff_id}", 303)


async def _write(
    work: Work, officer: Officer, verb: str, staff_id: int, detail: Mapping[str, object] | None = None
) -> None:
    actor = officer.actor("staff.edit")
    await audit.write(work.connection, actor, verb, of=("staff", str(staff_id)), detail=detail)
