"""Webhooks at the desk: who is told of what happens to complaints, whether it gets there, what became of each event.

A secret is shown once, on the page that follows its making.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.exc import IntegrityError
from starlette.exceptions import HTTPException

from desk import keeping, words
from desk.access import HouseRule, Officer, shell_of
from desk.rendering import language_of, page
from desk.shell import Shell, Work
from store import audit, hooks, subscriptions
from store.subscriptions import KINDS, Wrong

router = APIRouter(prefix="/data")
Administrator = Annotated[Officer, Depends(HouseRule("bridges.edit"))]
HookId = Annotated[int, Path(ge=0, lt=2**63)]

HERE = "/desk/data/webhook"
STATES = (hooks.WAITING, hooks.FAILED, hooks.DELIVERED)
SHOWN = 50
# What can be typed into the form of a new one.
_FIELDS = len(KINDS) + 4


@router.get("/webhook")
async def everybody(request: Request, officer: Administrator) -> Response:
    """Who is told, and the form for somebody new."""
    kept = await keeping.taken(request, officer)
    return await _everybody(request, typed=kept or {"events": " ".join(KINDS)}, kept=kept)


@router.post("/webhook")
async def add(request: Request, officer: Administrator) -> Response:
    """Tell somebody from now on. The secret stands on the page that this answers with, once."""
    shell = shell_of(request)
    form = await request.form(max_files=0, max_fields=_FIELDS)
    name, url, region = (str(form.get(each, "")).strip() for each in ("name", "url", "region"))
    kinds = [str(each) for each in form.getlist("events")]
    typed = {"name": name, "url": url, "region": region, "events": " ".join(kinds)}
    if region and region not in shell.directory.regions.by_code:
        return await _everybody(request, 422, problem="region", typed=typed)
    try:
        async with shell.unit() as work:
            hook_id, secret = await subscriptions.add(work.connection, name, url, kinds, region or None)
            detail = {"count": len(kinds), "region": region or None}
            await audit.write(
                work.connection,
                officer.actor("bridges.edit"),
                "webhook.add",
                of=("webhook", str(hook_id)),
                detail=detail,
            )
    except Wrong as wrong:
        return await _everybody(request, 422, problem=wrong.key, typed=typed)
    except IntegrityError:
        return await _everybody(request, 422, problem="taken", typed=typed)
    return await _one(request, hook_id, secret=secret, within=await shell.leads_inside(url))


async def _everybody(
    request: Request,
    status: int = 200,
    *,
    typed: dict[str, str],
    problem: str = "",
    kept: dict[str, str] | None = None,
) -> Response:
    shell = shell_of(request)
    async with shell.engine.connect() as connection:
        known = await subscriptions.listed(connection)
    return page(
        request,
        "data_hooks.html",
        status,
        known=known,
        kinds=KINDS,
        chosen=typed.get("events", "").split(),
        typed=typed,
        regions=_regions(shell),
        problem=problem,
        kept=kept,
        trouble=partial(_trouble, language_of(request)),
    )


def _regions(shell: Shell) -> list[str]:
    """The codes of regions that may be chosen: down to the kecamatan."""
    return [each.code for each in shell.directory.regions.by_code.values() if each.kind not in ("desa", "kelurahan")]


@router.get("/webhook/{hook_id}", dependencies=[Depends(HouseRule("bridges.edit"))])
async def one(
    request: Request,
    hook_id: HookId,
    keadaan: Annotated[str, Query(max_length=20)] = "",
    sebelum: Annotated[int | None, Query(ge=0, lt=2**63)] = None,
    selesai: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """One, with its log: events of a state (`keadaan`), those before one (`sebelum`); `selesai` says what was done."""
    state = keadaan if keadaan in STATES else None
    return await _one(request, hook_id, state=state, before=sebelum, done=selesai if selesai in _DONE else "")


async def _one(
    request: Request,
    hook_id: int,
    *,
    state: str | None = None,
    before: int | None = None,
    done: str = "",
    secret: str | None = None,
    within: bool = False,
) -> Response:
    """The page of one; `within`: nothing would be sent to its address as things are."""
    shell = shell_of(request)
    async with shell.engine.connect() as connection:
        hook = await subscriptions.get(connection, hook_id)
        if hook is None:
            raise HTTPException(404)
        entries = await hooks.log(connection, hook_id, SHOWN + 1, state=state, before=before)
    return page(
        request,
        "data_hook.html",
        hook=hook,
        entries=entries[:SHOWN],
        older=entries[SHOWN - 1].id if len(entries) > SHOWN else None,
        state=state,
        states=STATES,
        before=before,
        done=done,
        secret=secret,
        within=within,
        away=hook.failures >= hooks.AWAY,
        trouble=partial(_trouble, language_of(request)),
    )


def _trouble(language: str, problem: str, answered: int | None = None) -> str:
    """Why something did not get there, as officers read it."""
    key = f"troubles.{problem}"
    return words.say(language, key, detail=answered or "–") if words.knows(key) else problem


# --- acts that lead back to its page ----------------------------------------------------------------------------


@router.post("/webhook/{hook_id}/coba")
async def try_out(request: Request, hook_id: HookId, officer: Administrator) -> Response:
    """Post an event that is about nothing."""
    async with shell_of(request).unit() as work:
        await _known(work, hook_id)
        await hooks.record_test(work.connection, hook_id, shell_of(request).now())
        await _wake(work, hook_id)
        await _write(work, officer, "webhook.test", hook_id)
    return _back(hook_id, "coba")


@router.post("/webhook/{hook_id}/matikan")
async def disable(request: Request, hook_id: HookId, officer: Administrator) -> Response:
    """Tell them nothing any more."""
    async with shell_of(request).unit() as work:
        await _known(work, hook_id)
        if await subscriptions.disable(work.connection, hook_id):
            await _write(work, officer, "webhook.disable", hook_id)
    return _back(hook_id, "matikan")


@router.post("/webhook/{hook_id}/hidupkan")
async def enable(request: Request, hook_id: HookId, officer: Administrator) -> Response:
    """Tell them again."""
    async with shell_of(request).unit() as work:
        await _known(work, hook_id)
        if await subscriptions.enable(work.connection, hook_id):
            await _wake(work, hook_id)
            await _write(work, officer, "webhook.enable", hook_id)
    return _back(hook_id, "hidupkan")


@router.post("/webhook/{hook_id}/rahasia")
async def rotate(request: Request, hook_id: HookId, officer: Administrator) -> Response:
    """Make a new secret, which stands on the page that this answers with, once."""
    async with shell_of(request).unit() as work:
        secret = await subscriptions.rotate(work.connection, hook_id)
        if secret is None:
            raise HTTPException(404)
        await _write(work, officer, "webhook.secret", hook_id)
    return await _one(request, hook_id, secret=secret)


@router.post("/webhook/{hook_id}/lagi")
async def again(request: Request, hook_id: HookId, officer: Administrator) -> Response:
    """Try an event (`one`: its number) once more, now."""
    form = await request.form(max_files=0, max_fields=3)
    asked = str(form.get("one", ""))
    event = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 19 else 0
    async with shell_of(request).unit() as work:
        await _known(work, hook_id)
        found = await hooks.again(work.connection, hook_id, event)
        if found:
            await _wake(work, hook_id)
            await _write(work, officer, "webhook.again", hook_id)
    return _back(hook_id, "lagi" if found else "tidak")


# What was done, as the page says it: texts `hooks.done.<key>`.
_DONE = ("coba", "matikan", "hidupkan", "lagi", "tidak")


async def _known(work: Work, hook_id: int) -> None:
    if await subscriptions.get(work.connection, hook_id) is None:
        raise HTTPException(404)


async def _wake(work: Work, hook_id: int) -> None:
    await work.later("wake_webhooks", subscription_id=hook_id)


async def _write(work: Work, officer: Officer, verb: str, hook_id: int) -> None:
    await audit.write(work.connection, officer.actor("bridges.edit"), verb, of=("webhook", str(hook_id)))


def _back(hook_id: int, done: str) -> Response:
    return RedirectResponse(f"{HERE}/{hook_id}?selesai={done}", 303)
