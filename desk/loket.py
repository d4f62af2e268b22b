"""Service counters (MPP): an officer opens one on the tablet that residents sit at, and closes it again.

The token of a counter is a cookie for the chat page alone: the desk never sees it again, and its own session opens
nothing there. One account may have several counters open, each on its own device. Whoever sits at the tablet must not
find a desk behind the chat page: opening a counter ends the officer's session in that browser, and to close it they
sign in again, there or on a device of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from desk import keeping, uploads
from desk.access import HouseRule, Officer, cookie_name, shell_of
from desk.rendering import page
from desk.shell import Shell
from store import audit, counters, policy, sheets, sittings, staff
from store.complaints import Actor
from store.policy import lies_in
from store.regions import Region

router = APIRouter()

HERE = "/desk/loket"
# The chat page at a counter, and the cookie that makes a browser one.
PAGE, COOKIE, COOKIE_PATH = "/chat?loket=1", "loket", "/chat"
LONGEST_NAME = 60
VERB = "counter.open"


@router.get("/loket")
async def show(
    request: Request,
    officer: Annotated[Officer, Depends(HouseRule(VERB))],
    selesai: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """One's own open counters, and the form that opens one; `selesai` is what was done just now."""
    kept = await keeping.taken(request, officer)
    return await _show(request, officer, kept or {}, kept=kept, done=selesai == "tutup")


async def _show(
    request: Request,
    officer: Officer,
    typed: Mapping[str, str],
    wrong: Iterable[str] = (),
    status: int = 200,
    *,
    kept: Mapping[str, str] | None = None,
    done: bool = False,
) -> Response:
    shell = shell_of(request)
    async with shell.engine.connect() as connection:
        opened = await sittings.open_of(connection, officer.staff_id, shell.now())
        before = await sittings.opened_before(connection, officer.staff_id)
    regions = choices(shell, officer)
    usual = {"name": before[0], "region": before[1]} if before else {}
    if len(regions) == 1:
        usual["region"] = regions[0].code
    return page(
        request,
        "loket.html",
        status,
        opened=opened,
        regions=regions,
        typed={**usual, **typed},
        wrong=tuple(wrong),
        longest=LONGEST_NAME,
        address=PAGE,
        kept=kept,
        done=done,
    )


def choices(shell: Shell, officer: Officer) -> list[Region]:
    """The regions in which an officer may open a counter: kabupaten and kota that their grants reach; of a smaller
    grant its own region."""
    grants = [grant.region for grant in officer.grants if grant.role in policy.VERBS[VERB]]
    today = shell.today(None)

    def serves(each: Region) -> bool:
        if each.kind in ("kabupaten", "kota"):
            return any(wide is None or lies_in(each.code, wide) for wide in grants)
        return each.code in grants and each.kind != "provinsi"

    known = sorted(shell.directory.regions.by_code.values(), key=lambda each: each.code)
    return [each for each in known if (each.valid_to is None or today <= each.valid_to) and serves(each)]


@router.post("/loket")
async def open_(request: Request, officer: Annotated[Officer, Depends(HouseRule(VERB))]) -> Response:
    """Open a counter in this browser, leave the desk here, and go there."""
    shell, filled = shell_of(request), await uploads.form(request)
    name, region = sheets.clean(filled.get("name")), filled.get("region")
    wrong = []
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        wrong.append("name")
    if region not in {each.code for each in choices(shell, officer)}:
        wrong.append("region")
    if wrong:
        return await _show(request, officer, filled.words, wrong, 422)
    async with shell.unit() as work:
        token = await counters.open(
            work.connection, staff_id=officer.staff_id, name=name, region=region, now=shell.now()
        )
        await audit.write(work.connection, _actor(officer.staff_id), VERB, detail={"region": region})
        await staff.end_session(work.connection, officer.staff_id, officer.session_id)
    answer = RedirectResponse(PAGE, 303)
    secure = shell.public_url.startswith("https://")
    answer.set_cookie(COOKIE, token, path=COOKIE_PATH, secure=secure, httponly=True, samesite="strict")
    answer.delete_cookie(cookie_name(shell.public_url), path="/desk", secure=secure, httponly=True, samesite="lax")
    return answer


@router.post("/loket/{counter_id:int}/tutup")
async def close(request: Request, officer: Annotated[Officer, Depends(HouseRule(VERB))], counter_id: int) -> Response:
    """Close one of one's own counters, on whatever device it is."""
    shell = shell_of(request)
    async with shell.engine.connect() as connection:
        mine = await sittings.open_of(connection, officer.staff_id, shell.now())
    if counter_id not in {each.id for each in mine}:
        raise HTTPException(404)
    await end(shell, officer.staff_id, [counter_id])
    return RedirectResponse(f"{HERE}?selesai=tutup", 303)


async def end_all(shell: Shell, staff_id: int) -> None:
    """Close all counters of an officer, who leaves the desk."""
    async with shell.engine.connect() as connection:
        mine = await sittings.open_of(connection, staff_id, shell.now())
    await end(shell, staff_id, [each.id for each in mine])


async def end(shell: Shell, staff_id: int, counter_ids: Iterable[int]) -> None:
    """Close these counters of an officer, and write it down."""
    for counter_id in counter_ids:
        await shell.close_counter(counter_id)
        async with shell.unit() as work:
            await audit.write(work.connection, _actor(staff_id), "counter.close", of=("counter", str(counter_id)))


def _actor(staff_id: int) -> Actor:
    return Actor("staff", f"staff:{staff_id}")
