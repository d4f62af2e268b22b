"""The search: a ticket number, or the number that SP4N-LAPOR! has given, leads to its report, words to a list of those
within the officer's reach."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from desk.access import HouseRule, Officer, shell_of
from desk.rendering import page
from desk.triage import CLASSES
from store import moves, reports, standings, tickets
from store.complaints import NotFound
from store.policy import Subject
from store.reports import Query

router = APIRouter()

A_PAGE = 50
# What is searched of longer words: the field takes no more, and a pasted letter is cut.
LONGEST = 200
CHANNELS = ("whatsapp", "telegram", "webchat", "open311", "api")
FIELDS = ("q", "status", "instansi", "wilayah", "jenis", "kanal", "dari", "sampai", "terlambat")
_NUMBER = re.compile(r"[Tt]?[\s.\-\d]*")
_TICKET_DIGITS = 10
# A number of another system, as SP4N-LAPOR! has them.
_ELSEWHERE = re.compile(r"(?:sp4n(?:[\s-]*lapor)?!?\s*)?([0-9]{7,10})", re.IGNORECASE)


@router.get("/cari")
async def search(request: Request, officer: Annotated[Officer, Depends(HouseRule("reports.search"))]) -> Response:
    """The page, with what was found. Odd values of filters find nothing and are said to be odd; none is an error."""
    shell = shell_of(request)
    asked = {name: _plain(request.query_params.get(name, "")) for name in FIELDS}
    asked["q"], cut = asked["q"][:LONGEST].strip(), len(asked["q"]) > LONGEST
    problem = "cut" if cut else None
    found: list[reports.Hit] = []
    if ticket := tickets.read(asked["q"]):
        if await _reaches(request, officer, ticket):
            return RedirectResponse(f"/desk/laporan/{ticket}", 303)
        problem = "no_ticket"
    elif ticket := await _numbered(request, officer, asked["q"]):
        return RedirectResponse(f"/desk/laporan/{ticket}", 303)
    elif _is_number(asked["q"]):
        problem = "misread"
    else:
        query, odd = _query(request, asked, request.query_params.get("sebelum", ""))
        async with shell.engine.connect() as connection:
            if odd:
                problem = "odd"
            elif query.words and not await reports.can_search(connection, query.words):
                problem = "too_common"
            elif any(asked.values()):
                found = await reports.search(
                    connection,
                    query,
                    officer.reach("report.read"),
                    shell.home_region,
                    shell.now(),
                    uncovered=officer.reach("report.read_covered"),
                    most=A_PAGE + 1,
                )
    rows = found[:A_PAGE]
    return page(
        request,
        "search.html",
        asked=asked,
        any_asked=any(asked.values()),
        rows=rows,
        problem=problem,
        onwards=_address(asked, sebelum=str(rows[-1].id)) if len(found) > A_PAGE else None,
        statuses=reports.STATUSES,
        classes=CLASSES,
        channels=CHANNELS,
        ended=moves.ENDED,
    )


async def _reaches(request: Request, officer: Officer, ticket: str) -> bool:
    shell = shell_of(request)
    async with shell.engine.connect() as connection:
        try:
            found: Subject = (await reports.subject(connection, ticket, shell.home_region)).subject
        except NotFound:
            return False
    return officer.may("report.read", found)


async def _numbered(request: Request, officer: Officer, words: str) -> str | None:
    """The ticket of the report within reach that has this number in another system; None for other words."""
    found = _ELSEWHERE.fullmatch(words)
    if found is None:
        return None
    async with shell_of(request).engine.connect() as connection:
        there = await standings.tickets_of(connection, found[1])
    for ticket in there:
        if await _reaches(request, officer, ticket):
            return ticket
    return None


def _plain(words: str) -> str:
    """Without what the store cannot hold, one space between words."""
    return " ".join("".join(sign for sign in words[: 4 * LONGEST] if sign != "\x00" and not _alone(sign)).split())


def _alone(sign: str) -> bool:
    """Half of a pair, which is no character."""
    return "\ud800" <= sign <= "\udfff"


def _is_number(words: str) -> bool:
    """Whether it has the shape of a ticket number, and so was meant as one."""
    digits = sum(sign.isdigit() for sign in words)
    return bool(_NUMBER.fullmatch(words)) and abs(digits - _TICKET_DIGITS) <= 1 and digits > 0


def _query(request: Request, asked: Mapping[str, str], before: str) -> tuple[Query, bool]:
    """What is looked for, and whether a filter says something that no list offers."""
    shell = shell_of(request)
    region = _region(request, asked["wilayah"])
    agency = _agency(request, asked["instansi"])
    status = moves.read(asked["status"]) if asked["status"] else None
    zone = shell.zone(region or None)
    since, until = _day(asked["dari"]), _day(asked["sampai"])
    odd = (
        (bool(asked["wilayah"]) and region is None)
        or (bool(asked["instansi"]) and agency is None)
        or (bool(asked["status"]) and status is None)
        or (bool(asked["dari"]) and since is None)
        or (bool(asked["sampai"]) and until is None)
        or (bool(asked["jenis"]) and asked["jenis"] not in CLASSES)
    )
    return Query(
        words=asked["q"] or None,
        status=status.name if status else None,
        agency=agency,
        region=region,
        report_class=asked["jenis"] or None,
        channel=asked["kanal"] or None,
        filed_from=datetime.combine(since, time(), zone) if since else None,
        filed_to=datetime.combine(until + timedelta(days=1), time(), zone) if until else None,
        late=bool(asked["terlambat"]),
        before=int(before) if before.isascii() and before.isdecimal() and len(before) < 19 else None,
    ), odd


def _region(request: Request, words: str) -> str | None:
    """The code of a region: of its code or its name, however it is capitalised; None for none and for no region."""
    known = shell_of(request).directory.regions.by_code
    if not words or words in known:
        return words or None
    wanted = words.casefold()
    large = (each for each in known.values() if each.kind in ("provinsi", "kabupaten", "kota"))
    return next(
        (each.code for each in large if wanted in (each.name.casefold(), *map(str.casefold, each.aliases))), None
    )


def _agency(request: Request, words: str) -> str | None:
    """The code of an agency: of its code, its name or its short name; None for none and for no agency."""
    known = shell_of(request).directory.agencies.by_code
    if not words or words in known:
        return words or None
    wanted = words.casefold()
    return next((each.code for each in known.values() if wanted in (each.name.casefold(), each.short.casefold())), None)


def _day(words: str) -> date | None:
    """The day of a date field; None for anything else. Years that no calendar of ours has are no days."""
    try:
        found = date.fromisoformat(words)
    except ValueError:
        return None
    return found if 2000 <= found.year <= 2100 else None


def _address(asked: Mapping[str, str], **more: str) -> str:
    return "/desk/cari?" + urlencode({name: value for name, value in {**asked, **more}.items() if value})
