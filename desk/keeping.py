"""What somebody typed when their session had ended is kept for them, and comes back when they have signed in again."""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.routing import Match

from desk.access import Officer, shell_of
from desk.places import HOME, inside, referred
from store import kept

# The address that the form was sent to, beside its own fields: a page with several forms must know which one it was.
SENT_TO = "_sent_to"
# A form with files is read through once, so far; the files are not kept.
_LARGEST_REQUEST = 20 << 20
_MOST_FIELDS = 1000
# Pages whose forms are secrets, and fields that are never kept, wherever they stand.
_SECRET_PAGES = ("/desk/masuk", "/desk/akun", "/desk/undangan", "/desk/keluar")
_SECRET_FIELDS = ("password", "sandi", "code", "kode", "secret", "token")


def page_of(request: Request) -> str:
    """The page that a form was sent from, with its query: what the browser says, else what lies above its address.

    A form that was shown again stands at the address it was sent to, which cannot be opened: then what lies above it.
    """
    said = referred(request.headers.get("referer")) or request.url.path
    if _opens(request, urlsplit(said).path):
        return said
    path = urlsplit(said).path
    while path := path.rpartition("/")[0]:
        if _opens(request, path):
            return inside(path) or HOME
    return HOME


def _opens(request: Request, path: str) -> bool:
    """Whether there is a page at that path."""
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "root_path": request.scope.get("root_path", ""),
        "headers": [],
    }
    return any(route.matches(dict(scope))[0] == Match.FULL for route in request.app.routes)


async def keep(request: Request, staff_id: int) -> bool:
    """Keep the words of a form for the person whose session has ended; False where there was nothing to keep.

    A name that comes several times, such as that of a list of boxes, has its values in lines of one text.
    """
    path = request.url.path
    if path.startswith(_SECRET_PAGES) or not _small(request.headers.get("content-length")):
        return False
    try:
        form = await request.form(max_fields=_MOST_FIELDS, max_part_size=kept.LARGEST)
    except HTTPException:
        return False
    fields: dict[str, str] = {}
    for name, value in form.multi_items():
        if isinstance(value, str) and value and not name.lower().startswith(_SECRET_FIELDS):
            fields[name] = f"{fields[name]}\n{value}" if name in fields else value
    if not fields:
        return False
    async with shell_of(request).unit() as work:
        place = urlsplit(page_of(request)).path
        return await kept.keep(work.connection, staff_id, place, {**fields, SENT_TO: path})


async def taken(request: Request, officer: Officer) -> dict[str, str] | None:
    """What was kept for this page and this officer, once; None nearly always.

    For the GET of a page with forms: hand it to the template as `kept`, fill the form of `kept["_sent_to"]` with it,
    and include "kept.html", which says so.
    """
    shell, path = shell_of(request), request.url.path
    async with shell.engine.connect() as connection:
        if not await kept.waits(connection, officer.staff_id, path):
            return None
    async with shell.unit() as work:
        return await kept.take(work.connection, officer.staff_id, path)


def _small(length: str | None) -> bool:
    return length is not None and length.isdigit() and int(length) <= _LARGEST_REQUEST
