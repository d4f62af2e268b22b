"""The audit trail: who did what, newest first, and how far it is sealed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from sqlalchemy.ext.asyncio import AsyncConnection

from desk import words
from desk.access import HouseRule, Officer, shell_of
from desk.rendering import language_of, page
from store import audit, sealing, tickets
from store.audit import Wanted

router = APIRouter()

A_PAGE = 50
YEARS = range(2000, 2100)
# The verbs that have a sentence stand under this in the texts.
_VERBS = "trail.verb."


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for, as it was typed, and what cannot be read of it (names of fields)."""

    petugas: str = ""
    tindakan: str = ""
    tiket: str = ""
    dari: str = ""
    sampai: str = ""

    @property
    def wrong(self) -> list[str]:
        """The fields that cannot be read."""
        unread = [name for name in ("dari", "sampai") if getattr(self, name) and day(getattr(self, name)) is None]
        return unread + ["tiket"] * bool(self.tiket and tickets.read(self.tiket) is None)

    def address(self, **more: str) -> str:
        """The address that asks for the same."""
        asked = {name: getattr(self, name) for name in self.__slots__} | more
        query = urlencode({name: value for name, value in asked.items() if value})
        return f"/desk/jejak?{query}" if query else "/desk/jejak"


def day(typed: str) -> date | None:
    """A day as a browser sends it ("2026-11-22"); None for anything else, and for years that are not ours."""
    try:
        found = date.fromisoformat(typed)
    except ValueError:
        return None
    return found if found.year in YEARS else None


def verbs() -> list[str]:
    """The verbs that have a sentence."""
    return sorted(key.removeprefix(_VERBS) for key in words.catalogue("id") if key.startswith(_VERBS))


def asked(
    petugas: Annotated[str, Query(max_length=100)] = "",
    tindakan: Annotated[str, Query(max_length=60)] = "",
    tiket: Annotated[str, Query(max_length=40)] = "",
    dari: Annotated[str, Query(max_length=20)] = "",
    sampai: Annotated[str, Query(max_length=20)] = "",
) -> Asked:
    """A dependency: what the address asks for."""
    return Asked(*(each.replace("\x00", "").strip() for each in (petugas, tindakan, tiket, dari, sampai)))


@router.get("/jejak")
async def trail(
    request: Request,
    officer: Annotated[Officer, Depends(HouseRule("audit.read"))],
    wanted: Annotated[Asked, Depends(asked)],
    setelah: Annotated[int | None, Query(ge=-(2**63), lt=2**63)] = None,
) -> Response:
    """A page of the audit; `setelah` is the id of the row that it begins after."""
    shell = shell_of(request)
    wrong = wanted.wrong
    async with shell.engine.connect() as connection:
        found = [] if wrong else await _entries(connection, request, officer, wanted, setelah)
        state = await sealing.state(connection)
    onwards = wanted.address(setelah=str(found[A_PAGE - 1].id)) if len(found) > A_PAGE else None
    return page(
        request,
        "trail.html",
        422 if wrong else 200,
        entries=found[:A_PAGE],
        asked=wanted,
        wrong=wrong,
        verbs=verbs(),
        onwards=onwards,
        first=None if setelah is None else wanted.address(),
        state=state,
        details=partial(details, language_of(request)),
        whole=audit.sight(officer.grants).house,
    )


async def _entries(
    connection: AsyncConnection, request: Request, officer: Officer, wanted: Asked, after: int | None
) -> list[audit.Entry]:
    shell = shell_of(request)
    zone = shell.zone(None)
    first, last = day(wanted.dari), day(wanted.sampai)
    narrowed = Wanted(
        people=await audit.people(connection, wanted.petugas) if wanted.petugas else None,
        verb=wanted.tindakan or None,
        ticket=tickets.read(wanted.tiket) if wanted.tiket else None,
        since=datetime.combine(first, time(), zone) if first else None,
        until=datetime.combine(last + timedelta(days=1), time(), zone) if last else None,
    )
    sight = audit.sight(officer.grants)
    return await audit.page(connection, sight, shell.home_region, narrowed, before=after, most=A_PAGE + 1)


def details(language: str, detail: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What an entry tells beside its verb, as names and codes: {"agencies": ["a", "b"]} is ("agencies", "a, b")."""
    return [(name, _told(language, value)) for name, value in detail.items() if value not in (None, "", [], {})]


def _told(language: str, value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_told(language, each)}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(_told(language, each) for each in value)
    return words.say(language, f"trail.{str(value).lower()}") if isinstance(value, bool) else str(value)
