"""One's own account: language, password, second factor, and where one is signed in."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from desk import guessing
from desk.access import HouseRule, Officer, shell_of
from desk.keeping import page_of
from desk.rendering import page
from desk.shell import Work
from desk.signing_in import HASHING, actor, begin, fields, put, put_session
from desk.words import LANGUAGES
from store import audit, factors, lockout, passwords, policy, staff

router = APIRouter()
Me = Annotated[Officer, Depends(HouseRule(policy.OWN))]
_HERE = "/desk/akun"
# What the page says after a change.
_SAID = ("password", "ended", "ended_others")


@router.get("/akun")
async def account(request: Request, officer: Me) -> Response:
    """The page."""
    said = request.query_params.get("said", "")
    return await _page(request, officer, said=said if said in _SAID else "")


async def _page(request: Request, officer: Officer, status: int = 200, **values: Any) -> Response:
    shell = shell_of(request)
    async with shell.engine.connect() as connection:
        held = await staff.account(connection, officer.staff_id)
        sessions = await staff.sessions(connection, officer.staff_id, shell.now())
        left = await factors.codes_left(connection, officer.staff_id)
    shown = {"said": "", "problem": "", "about": "", "minutes": 0, "shortest": passwords.SHORTEST} | values
    return page(
        request, "account.html", status, account=held, sessions=sessions, left=left, longest=passwords.LONGEST, **shown
    )


@router.post("/akun/bahasa")
async def language(request: Request, officer: Me) -> Response:
    """Change the language, and go back to where one was."""
    wanted = (await fields(request)).get("language", "")
    answer = RedirectResponse(page_of(request), 303)
    if wanted in LANGUAGES:
        async with shell_of(request).unit() as work:
            await staff.speak(work.connection, officer.staff_id, wanted)
        put(request, answer, "desk_lang", wanted)
    return answer


@router.post("/akun/sandi")
async def password(request: Request, officer: Me) -> Response:
    """Change the password; all other sessions end."""
    form, shell = await fields(request), shell_of(request)
    new, now, counts = form.get("new_password", ""), shell.now(), guessing.inside(officer.session_id)
    problem = passwords.problem(new, officer.login, officer.name)
    problem = problem or ("different" if new != form.get("again") else None)
    if problem:
        return await _page(request, officer, 422, about="password", problem=problem)
    async with HASHING, shell.unit() as work:
        wait = await lockout.until(work.connection, counts, now)
        if wait is None:
            held = await staff.account(work.connection, officer.staff_id)
            if await asyncio.to_thread(passwords.matches, held.password_hash, form.get("password", "")):
                fresh = await asyncio.to_thread(passwords.hashed, new)
                await staff.set_password(work.connection, officer.staff_id, fresh, now)
                ended = await staff.end_sessions(work.connection, officer.staff_id, keep=officer.session_id)
                await _write(work, officer, "password.change", {"sessions_ended": ended})
                return RedirectResponse(f"{_HERE}?said=password", 303)
            await lockout.wrong(work.connection, counts, now)
    problem, status = ("wrong_password", 422) if wait is None else ("too_many", 429)
    return await _page(request, officer, status, about="password", problem=problem)


@router.post("/akun/kode-pemulihan")
async def codes(request: Request, officer: Me) -> Response:
    """New recovery codes, for a code of the app."""
    if problem := await _proved(request, officer):
        return await _page(request, officer, 422, about="factor", problem=problem)
    async with shell_of(request).unit() as work:
        shown = await factors.renew_codes(work.connection, officer.staff_id)
        await _write(work, officer, "factor.codes", {})
    return page(request, "codes.html", codes=shown, next=_HERE)


@router.post("/akun/aplikasi")
async def another_app(request: Request, officer: Me) -> Response:
    """Set up another app, for a code of the one there is: all sessions end, this one begins anew as a half one."""
    if problem := await _proved(request, officer):
        return await _page(request, officer, 422, about="factor", problem=problem)
    async with shell_of(request).unit() as work:
        held = await staff.account(work.connection, officer.staff_id)
        await factors.forget(work.connection, officer.staff_id)
        await staff.end_sessions(work.connection, officer.staff_id)
        await _write(work, officer, "factor.forget", {})
        token = await begin(work, request, held, by="another_app")
    answer = RedirectResponse("/desk/masuk/kode?next=%2Fdesk%2Fakun", 303)
    return put_session(request, answer, token, officer.language)


async def _proved(request: Request, officer: Officer) -> str | None:
    """The problem with the code that somebody has given for a change of their factor; None where it is right."""
    code, shell = (await fields(request)).get("code", ""), shell_of(request)
    now, counts = shell.now(), guessing.inside(officer.session_id)
    async with shell.unit() as work:
        if await lockout.until(work.connection, counts, now) is not None:
            return "too_many"
        if await factors.check(work.connection, officer.staff_id, code, now):
            return None
        if await factors.spend(work.connection, officer.staff_id, code, now):
            return None
        await lockout.wrong(work.connection, counts, now)
        return "wrong_code"


@router.post("/akun/sesi/akhiri-lain")
async def end_others(request: Request, officer: Me) -> Response:
    """End all sessions but this one."""
    async with shell_of(request).unit() as work:
        ended = await staff.end_sessions(work.connection, officer.staff_id, keep=officer.session_id)
        await _write(work, officer, "session.end", {"sessions_ended": ended})
    return RedirectResponse(f"{_HERE}?said=ended_others", 303)


@router.post("/akun/sesi/{session_id}/akhiri")
async def end_one(request: Request, officer: Me, session_id: int) -> Response:
    """End one of one's own sessions; one that has ended already is no error, and nobody else's can be meant."""
    async with shell_of(request).unit() as work:
        if 0 < session_id < 2**63 and await staff.end_session(work.connection, officer.staff_id, session_id):
            await _write(work, officer, "session.end", {"sessions_ended": 1})
    return RedirectResponse(f"{_HERE}?said=ended", 303)


async def _write(work: Work, officer: Officer, verb: str, detail: dict[str, Any]) -> None:
    of = ("staff", str(officer.staff_id))
    await audit.write(work.connection, actor(officer.staff_id), verb, of=of, detail=detail)
