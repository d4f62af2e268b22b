"""Pages from their templates, in the officer's language."""

from __future__ import annotations

import hashlib
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from desk import words
from desk.access import shell_of

HERE = Path(__file__).parent
# What stands in the header, for those who may open it.
ROOMS = (
    ("triage.open", "/desk/triase", "desk.room.triage"),
    ("handover.open", "/desk/sp4n", "desk.room.handover"),
    ("agency.open", "/desk/instansi", "desk.room.agency"),
    ("oversight.open", "/desk/pengawasan", "desk.room.oversight"),
    ("reports.search", "/desk/terlambat", "desk.room.late"),
    ("matters.handle", "/desk/perhatian", "desk.room.matters"),
    ("volunteers.open", "/desk/kawan", "desk.room.volunteers"),
    ("counter.open", "/desk/loket", "desk.room.counter"),
    ("standards.read", "/desk/standar", "desk.room.standards"),
    ("data.open", "/desk/data", "desk.room.data"),
    ("reports.export", "/desk/unduh", "desk.room.export"),
    ("audit.read", "/desk/jejak", "desk.room.audit"),
    ("own", "/desk/pemberitahuan", "desk.room.notices"),
)
_PAGES = Environment(
    loader=FileSystemLoader(HERE / "pages"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@cache
def asset(name: str) -> str:
    """The address of a file of `static/`, which changes with its content."""
    digest = hashlib.sha256((HERE / "static" / name).read_bytes()).hexdigest()[:12]
    return f"/desk/static/{name}?{digest}"


def language_of(request: Request) -> str:
    """The language of the page: the officer's own, else what the address or the cookie says, else Indonesian."""
    officer = getattr(request.state, "officer", None)
    wanted = officer.language if officer else request.query_params.get("lang") or request.cookies.get("desk_lang")
    return wanted if wanted in words.LANGUAGES else "id"


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page. Beside `values` a template has:

    `t(key, **parameters)` a text; `knows(key)` whether there is one; `day(date)`, `moment(datetime, region=None)` in
    the time of a region; `deadline(datetime, region=None)` the last day that a deadline leaves there, and how many days
    it is from today (negative: past); `officer` (None before signing in); `asset(name)`; `agency_name(code)`,
    `region_name(code)`; `path` of the request; `language` and `other_language`.
    """
    shell, language = shell_of(request), language_of(request)

    def say(key: str, **parameters: object) -> str:
        return words.say(language, key, **parameters)

    def day(on: date, *, weekday: bool = False) -> str:
        return words.day(language, on, weekday=weekday)

    def moment(at: datetime, region: str | None = None) -> str:
        return words.moment(language, at, shell.zone(region))

    def deadline(at: datetime, region: str | None = None) -> tuple[date, int]:
        # A deadline ends with its day: midnight belongs to the day before.
        zone = shell.zone(region)
        last = (at - timedelta.resolution).astimezone(zone).date()
        return last, (last - shell.now().astimezone(zone).date()).days

    def region_name(code: str | None) -> str:
        known = shell.directory.regions.nearest(code)
        return shell.directory.regions.full_name(known.code) if known else ""

    def agency_name(code: str | None) -> str:
        return shell.directory.names.get(code or "", code or "")

    content = _PAGES.get_template(template).render(
        **{
            "t": say,
            "knows": words.knows,
            "day": day,
            "moment": moment,
            "deadline": deadline,
            "agency_name": agency_name,
            "region_name": region_name,
            "officer": getattr(request.state, "officer", None),
            "rooms": ROOMS,
            "unseen": getattr(request.state, "unseen", 0),
            "asset": asset,
            "path": request.url.path,
            "language": language,
            "other_language": next(each for each in words.LANGUAGES if each != language),
            "now": shell.now(),
            **values,
        }
    )
    return HTMLResponse(content, status)
