"""Signing in: password or provider, then the second factor; invitations; signing out.

A sign-in gives a half session, the second factor makes it whole under a new token. An unknown login, a wrong password
and a disabled account get the same answer after the same time.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import math
from dataclasses import asdict
from datetime import datetime
from functools import cache
from typing import Annotated, Any
from urllib.parse import quote

import segno
import structlog
from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from desk import guessing, loket
from desk.access import HalfRule, PublicRule, cookie_name, shell_of
from desk.places import HOME, inside
from desk.provider import Begun, Person, Provider, ProviderDown, Refused
from desk.rendering import language_of, page
from desk.shell import Work
from desk.words import LANGUAGES, say
from store import audit, factors, lockout, passwords, staff
from store.complaints import Actor

log = structlog.get_logger(__name__)
router = APIRouter()

# Each hash takes 64 MiB and a core; so many at once. Whoever waits for a turn holds no connection.
HASHING = asyncio.Semaphore(2)
# What a sign-in at the provider is held against waits in the browser, for so long (seconds).
BEGUN, BEGUN_LASTS = "desk_oidc", 600
_LONGEST_FIELD = 1024
_DOOR = "/desk/masuk"
# Browsers and systems as they name themselves; the first that fits.
_BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("Firefox", "Firefox"),
             ("Chrome", "Chrome"), ("Safari", "Safari"))  # fmt: skip
_SYSTEMS = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
            ("Mac OS", "macOS"), ("CrOS", "ChromeOS"), ("Linux", "Linux"))  # fmt: skip


# --- password --------------------------------------------------------------------------------------


@router.get("/masuk", dependencies=[Depends(PublicRule("whoever signs in is nobody yet"))])
async def door(request: Request) -> Response:
    """The form."""
    asked = request.query_params
    said = "kept" if asked.get("simpan") else "left" if asked.get("keluar") else ""
    return _door(request, next=asked.get("next"), said=said)


@router.post("/masuk", dependencies=[Depends(PublicRule("whoever signs in is nobody yet"))])
async def enter(request: Request) -> Response:
    """Begin a half session where the password is right."""
    form = await fields(request)
    login, password, onward = form.get("login", ""), form.get("password", ""), form.get("next")
    shell, now = shell_of(request), shell_of(request).now()
    async with HASHING, shell.unit() as work:
        found = await staff.by_login(work.connection, login)
        counts = guessing.passwords(request, login, found.id if found else None)
        wait = await lockout.until(work.connection, counts, now)
        if wait is None:
            kept = found.password_hash if found and found.disabled_at is None else None
            right = await asyncio.to_thread(passwords.matches, kept, password)
            if found and kept and right:
                token = await begin(work, request, found, by="password")
                if passwords.outdated(kept):
                    fresh = await asyncio.to_thread(passwords.hashed, password)
                    await staff.rehash(work.connection, found.id, fresh)
                return put_session(request, _onward(f"{_DOOR}/kode", onward), token, found.language)
            await lockout.wrong(work.connection, counts, now)
            if found:
                await audit.write(work.connection, NOBODY, "sign_in.failed", of=("staff", str(found.id)))
    said = "kept" if form.get("said") == "kept" else ""
    if wait is not None:
        return _door(request, 429, next=onward, login=login, said=said, problem="too_many", wait=wait)
    return _door(request, 422, next=onward, login=login, said=said, problem="wrong")


def _door(request: Request, status: int = 200, *, wait: datetime | None = None, **values: Any) -> Response:
    settings = shell_of(request).settings
    chosen = request.query_params.get("lang")
    answer = page(
        request,
        "sign_in.html",
        status,
        **{
            "login": "",
            "said": "",
            "problem": "",
            **values,
            "next": inside(values.get("next")) or "",
            "minutes": _minutes(request, wait),
            "provider": settings.oidc_name if settings.oidc_issuer else "",
        },
    )
    if chosen in LANGUAGES:
        put(request, answer, "desk_lang", chosen)
    return _told_to_wait(request, answer, wait)


# --- second factor ---------------------------------------------------------------------------------


@router.get("/masuk/kode")
async def second(request: Request, session: Annotated[staff.Session, Depends(HalfRule())]) -> Response:
    """Ask for the code; or show how to set up the app, where none is."""
    onward = request.query_params.get("next")
    if session.verified_at is not None:
        return RedirectResponse(inside(onward) or HOME, 303)
    return await _second(request, session, next=onward)


@router.post("/masuk/kode")
async def give_code(request: Request, session: Annotated[staff.Session, Depends(HalfRule())]) -> Response:
    """Make the session whole, under a new token, where the code is right."""
    form = await fields(request)
    onward, code = form.get("next"), form.get("code", "")
    if session.verified_at is not None:
        return RedirectResponse(inside(onward) or HOME, 303)
    shell, now = shell_of(request), shell_of(request).now()
    counts = guessing.codes(request, session.staff_id, session.id)
    async with shell.unit() as work:
        wait = await lockout.until(work.connection, counts, now)
        used, shown = (None, None) if wait else await _use(work, session.staff_id, code, now)
        if used is not None:
            token = await staff.make_whole(work.connection, session.id, now)
            me, of = actor(session.staff_id), ("staff", str(session.staff_id))
            if shown is not None:
                await audit.write(work.connection, me, "factor.set", of=of)
            await audit.write(work.connection, me, "sign_in", of=of, detail={"by": used})
        elif wait is None:
            await lockout.wrong(work.connection, counts, now)
            detail = {"by": "code"}
            await audit.write(
                work.connection, NOBODY, "sign_in.failed", of=("staff", str(session.staff_id)), detail=detail
            )
    if used is None:
        status, problem = (429, "too_many") if wait else (422, "wrong_code")
        return await _second(request, session, status, next=onward, problem=problem, wait=wait)
    if shown is not None:
        answer: Response = page(request, "codes.html", codes=shown, next=inside(onward) or HOME)
    else:
        answer = RedirectResponse(inside(onward) or HOME, 303)
    put_session(request, answer, token, session.language)
    return put_device(request, answer, session.staff_id)


async def _use(work: Work, staff_id: int, code: str, now: datetime) -> tuple[str | None, list[str] | None]:
    """What the code was, if it was right, and the recovery codes that it has brought, if it was the first."""
    held = await staff.account(work.connection, staff_id)
    if not held.factor:
        brought = await factors.confirm(work.connection, staff_id, code, now)
        return ("first_code", brought) if brought is not None else (None, None)
    if await factors.check(work.connection, staff_id, code, now):
        return "code", None
    return ("recovery_code", None) if await factors.spend(work.connection, staff_id, code, now) else (None, None)


async def _second(
    request: Request, session: staff.Session, status: int = 200, *, wait: datetime | None = None, **values: Any
) -> Response:
    values = {"problem": "", **values, "next": inside(values.get("next")) or "", "minutes": _minutes(request, wait)}
    async with shell_of(request).unit() as work:
        secret = await factors.begin(work.connection, session.staff_id)
    if secret is None:
        return _told_to_wait(request, page(request, "code.html", status, **values), wait)
    otpauth = factors.address(secret, session.login, say(language_of(request), "desk.name"))
    picture = segno.make(otpauth, error="m").svg_data_uri(scale=4, border=3, light="#fff", dark="#000")
    grouped = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    shown = page(request, "factor.html", status, picture=picture, secret=grouped, otpauth=otpauth, **values)
    return _told_to_wait(request, shown, wait)


# --- provider --------------------------------------------------------------------------------------


@router.get("/masuk/oidc", dependencies=[Depends(PublicRule("leads to the provider"))])
async def to_provider(request: Request) -> Response:
    """Lead the browser to the provider."""
    provider, onward = _provider(request), request.query_params.get("next")
    try:
        begun = await provider.begin(_back(request))
    except ProviderDown as error:
        return _not_there(request, error, onward)
    answer = RedirectResponse(begun.address, 303)
    said = json.dumps({**asdict(begun), "address": inside(onward) or HOME}).encode()
    put(request, answer, BEGUN, base64.urlsafe_b64encode(said).decode(), lasts=BEGUN_LASTS)
    return answer


@router.get("/masuk/oidc/kembali", dependencies=[Depends(PublicRule("comes back from the provider"))])
async def from_provider(request: Request) -> Response:
    """Begin a session for the account of the person that the provider names."""
    provider, begun = _provider(request), _begun(request)
    try:
        if begun is None:
            raise Refused("not_begun")
        person = await provider.finish(begun, f"{_back(request)}?{request.url.query}", _back(request))
    except ProviderDown as error:
        return _not_there(request, error, begun.address if begun else None)
    except Refused as error:
        log.warning("oidc_refused", why=error.why[:60])
        cancelled = error.why == "access_denied"
        return _door(request, 400, next=begun.address if begun else None, problem="cancelled" if cancelled else "sso")
    setting = shell_of(request).settings.oidc_is_second_factor
    whole = person.two_factors if setting is None else bool(setting)
    async with shell_of(request).unit() as work:
        found = await _account_of(work, person)
        if found is None:
            return _door(request, 403, next=begun.address, problem="stranger")
        token = await begin(work, request, found, by="provider", whole=whole)
    answer: Response = RedirectResponse(inside(begun.address) or HOME, 303)
    if not whole:
        answer = _onward(f"{_DOOR}/kode", begun.address)
    answer.delete_cookie(BEGUN, path="/desk")
    put_session(request, answer, token, found.language)
    return put_device(request, answer, found.id) if whole else answer


async def _account_of(work: Work, person: Person) -> staff.Account | None:
    """Whose account it is: of that person of the provider; the first time, the one whose login is their address."""
    known = await staff.by_subject(work.connection, person.issuer, person.subject)
    if known is not None:
        return known if known.disabled_at is None else None
    if person.email is None:
        return None
    bound = await staff.bind(work.connection, person.email, person.issuer, person.subject)
    if bound is not None:
        await audit.write(work.connection, actor(bound.id), "account.bind", of=("staff", str(bound.id)))
    return bound


@cache
def _known_provider(issuer: str, client_id: str, client_secret: str, patience: float) -> Provider:
    return Provider(issuer, client_id, client_secret, patience=patience)


def _provider(request: Request) -> Provider:
    settings = shell_of(request).settings
    if not settings.oidc_issuer:
        raise HTTPException(404)
    secret = settings.oidc_client_secret.get_secret_value()
    return _known_provider(settings.oidc_issuer, settings.oidc_client_id, secret, settings.oidc_patience_seconds)


def _back(request: Request) -> str:
    return f"{shell_of(request).public_url}{_DOOR}/oidc/kembali"


def _begun(request: Request) -> Begun | None:
    try:
        said = json.loads(base64.urlsafe_b64decode(request.cookies.get(BEGUN, "")))
        return Begun(**{name: str(said[name]) for name in ("address", "state", "nonce", "verifier")})
    except (binascii.Error, ValueError, KeyError, TypeError):
        return None


def _not_there(request: Request, error: ProviderDown, onward: str | None) -> Response:
    log.warning("oidc_down", why=str(error)[:60])
    return _door(request, 503, next=onward, problem="sso_down")


# --- invitations -----------------------------------------------------------------------------------


@router.get("/undangan/{token}", dependencies=[Depends(PublicRule("whoever is invited is nobody yet"))])
async def invitation(request: Request, token: str) -> Response:
    """The form for a new password. Looking at it uses nothing up: programs follow links before people do."""
    shell = shell_of(request)
    async with shell.engine.connect() as connection:
        found = await staff.invited(connection, token, shell.now())
    return _invitation(request, found, 200)


@router.post("/undangan/{token}", dependencies=[Depends(PublicRule("whoever is invited is nobody yet"))])
async def accept(request: Request, token: str) -> Response:
    """Set the password, and go on to the second factor."""
    form, shell = await fields(request), shell_of(request)
    password, now = form.get("password", ""), shell.now()
    async with shell.engine.connect() as connection:
        found = await staff.invited(connection, token, now)
    if found is None:
        return _invitation(request, None, 200)
    problem = passwords.problem(password, found.login, found.name)
    problem = problem or ("different" if password != form.get("again") else None)
    if problem:
        return _invitation(request, found, 422, problem)
    async with HASHING:
        fresh = await asyncio.to_thread(passwords.hashed, password)
    async with shell.unit() as work:
        if await staff.accept(work.connection, token, fresh, now) is None:
            return _invitation(request, None, 200)
        detail = {"first": found.password_hash is None}
        await audit.write(
            work.connection, actor(found.id), "invitation.use", of=("staff", str(found.id)), detail=detail
        )
        session = await begin(work, request, found, by="invitation")
    return put_session(request, RedirectResponse(f"{_DOOR}/kode", 303), session, found.language)


def _invitation(request: Request, found: staff.Account | None, status: int, problem: str = "") -> Response:
    values = {"account": found, "problem": problem, "shortest": passwords.SHORTEST, "longest": passwords.LONGEST}
    return page(request, "invitation.html", status if found else 404, **values)


# --- out -------------------------------------------------------------------------------------------


@router.post("/keluar")
async def leave(request: Request, session: Annotated[staff.Session, Depends(HalfRule())]) -> Response:
    """End the session, and the counters of whoever leaves: nobody serves residents under a name that has gone."""
    async with shell_of(request).unit() as work:
        await staff.end_session(work.connection, session.staff_id, session.id)
        await audit.write(work.connection, actor(session.staff_id), "sign_out", of=("staff", str(session.staff_id)))
    if session.verified_at is not None:
        await loket.end_all(shell_of(request), session.staff_id)
    answer = RedirectResponse(f"{_DOOR}?keluar=1", 303)
    cookie = cookie_name(shell_of(request).public_url)
    answer.delete_cookie(cookie, path="/desk", secure=_secure(request), httponly=True, samesite="lax")
    return answer


# --- what others use, too --------------------------------------------------------------------------

# Who fails to sign in is not who they say.
NOBODY = Actor("system", "sign_in")


def actor(staff_id: int) -> Actor:
    """Somebody, in what they do to their own account."""
    return Actor("operator", f"staff:{staff_id}")


async def fields(request: Request) -> dict[str, str]:
    """The fields of a small form. Raises HTTPException 422 for anything else."""
    try:
        form = await request.form(max_files=0, max_fields=12, max_part_size=_LONGEST_FIELD)
    except HTTPException:
        raise HTTPException(422) from None
    return {name: value.replace("\0", "")[:_LONGEST_FIELD] for name, value in form.items() if isinstance(value, str)}


async def begin(work: Work, request: Request, account: staff.Account, *, by: str, whole: bool = False) -> str:
    """Begin a session in this browser, in the place of the one that it has; returns its token."""
    if old := request.cookies.get(cookie_name(shell_of(request).public_url)):
        await staff.end_token(work.connection, old)
    if not whole and not account.factor:
        # Somebody else who has the password may have looked at the secret that waits for its first code: it is drawn
        # anew, and their session ends. Who comes later ends this one, which is seen. The row of the account is held
        # first, so that two who begin at once take turns.
        await factors.renew(work.connection, account.id)
        await staff.end_halves(work.connection, account.id)
    now, device = shell_of(request).now(), device_of(request.headers.get("user-agent", ""))
    token = await staff.open_session(work.connection, account.id, now, device=device, verified=whole)
    verb = "sign_in" if whole else "sign_in.first"
    of = ("staff", str(account.id))
    await audit.write(work.connection, actor(account.id), verb, of=of, detail={"by": by})
    return token


def put_session(request: Request, answer: Response, token: str, language: str) -> Response:
    """Give the browser the token of its session. The cookie outlives the session, until the browser is closed: a form
    that comes too late must tell whose it is."""
    put(request, answer, cookie_name(shell_of(request).public_url), token)
    put(request, answer, "desk_lang", language)
    return answer


def put_device(request: Request, answer: Response, staff_id: int) -> Response:
    """Tell the browser that it is known from now on."""
    value = guessing.known(request, staff_id, shell_of(request).now())
    put(request, answer, guessing.DEVICE, value, lasts=int(guessing.DEVICE_LASTS.total_seconds()))
    return answer


def device_of(agent: str) -> str:
    """A browser and its system in two words, as far as it tells."""
    found = [next((name for sign, name in signs if sign in agent), "") for signs in (_BROWSERS, _SYSTEMS)]
    return " · ".join(filter(None, found))


def put(request: Request, answer: Response, name: str, value: str, *, lasts: int | None = None) -> None:
    """Give the browser a cookie of the desk's, which no script reads."""
    answer.set_cookie(name, value, max_age=lasts, path="/desk", secure=_secure(request), httponly=True, samesite="lax")


def _secure(request: Request) -> bool:
    return shell_of(request).public_url.startswith("https://")


def _onward(address: str, onward: str | None) -> Response:
    found = inside(onward)
    return RedirectResponse(f"{address}?next={quote(found, safe='')}" if found else address, 303)


def _minutes(request: Request, wait: datetime | None) -> int:
    return math.ceil((wait - shell_of(request).now()).total_seconds() / 60) if wait else 0


def _told_to_wait(request: Request, answer: Response, wait: datetime | None) -> Response:
    if wait is not None:
        answer.headers["Retry-After"] = str(max(1, _minutes(request, wait) * 60))
    return answer
