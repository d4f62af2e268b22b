"""The page /periksa: whoever holds a ticket and its code sees how far the complaint is. Forms only, no scripts.

The code travels in a POST, never in an address, which servers and browsers write down; a link may carry the ticket.
An unknown ticket and a wrong code get the same answer. Wrong guesses are counted for whoever makes them.

Who that is: the network address that the server sees (`request.client`). Behind a proxy it is the visitor's only where
uvicorn is told to trust the proxy (FORWARDED_ALLOW_IPS); with no address at all nobody is counted. Never kept as it is,
only as a digest under a key that changes every day. Whole networks may share one address, as with most mobile
providers, so the limit is generous: it is the code that cannot be guessed.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import jinja2
from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from api import webchat
from api.house import House
from api.unit import unit
from bot.texts import FOLDER, LANGUAGES, speak
from store import guesses, receipts, tickets
from store.database import is_down
from store.receipts import Shown

PATH = "/periksa"
KIND = "receipt"
GUESSES = 60  # wrong ones of one address in an hour
LONGEST_FIELD = 100
HEADERS = webchat.HEADERS | {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'"
    ),
    "Permissions-Policy": "geolocation=(), camera=(), microphone=(), payment=()",
    # Nothing of this page goes into a list of results, nor the ticket of a link into another site's log.
    "X-Robots-Tag": "noindex",
}
ASSETS = {"chat.css": "text/css", "check.css": "text/css", "chat.svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class _Answer:
    """What follows from one look: the HTTP status, the complaint if it was found, and the problem if there is one
    (`problem` about the whole, `fields` by the field that it is about), as keys of the page's words."""

    status: int = 200
    shown: Shown | None = None
    problem: str = ""
    fields: tuple[tuple[str, str], ...] = ()


def routes(house: Callable[[], House]) -> APIRouter:
    """The page and its style, to be included in the app."""
    router = APIRouter(include_in_schema=False)
    guessers = _Guessers()
    assets = {name: (webchat.PAGES / "static" / name).read_bytes() for name in ASSETS}

    def asset(name: str) -> str:
        return f"{PATH}/static/{name}?v={hashlib.sha256(assets[name]).hexdigest()[:12]}"

    def page(request: Request, answer: _Answer, ticket: str = "", code: str = "") -> HTMLResponse:
        language = _language(request)
        words = _WORDS[language]
        html = _TEMPLATES.get_template("check.html").render(
            **words["page"],
            language=language,
            other=words["other_language"],
            path=PATH,
            link=f"{PATH}?lang={language}",
            ticket=ticket,
            code=code,
            problem=words["problem"].get(answer.problem, ""),
            fields={field: words["problem"][key] for field, key in answer.fields},
            found=_lines(house(), answer.shown, words, language) if answer.shown else None,
            asset=asset,
            longest=LONGEST_FIELD,
        )
        wait = {503: {"Retry-After": "5"}, 429: {"Retry-After": "3600"}}.get(answer.status, {})
        return HTMLResponse(html, answer.status, headers=HEADERS | wait)

    @router.get(PATH)
    async def show(request: Request) -> HTMLResponse:
        """The empty form; a link may have filled in the ticket."""
        return page(request, _Answer(), ticket=request.query_params.get("t", "")[:LONGEST_FIELD])

    @router.post(PATH)
    async def check(request: Request) -> HTMLResponse:
        """What was found, or why nothing was."""
        if not _is_own(request):
            return page(request, _Answer(403, problem="elsewhere"))
        try:
            form = await request.form(max_files=0, max_fields=4, max_part_size=4096)
        except HTTPException:
            return page(request, _Answer(400, problem="malformed"))
        ticket, code = _field(form, "t"), _field(form, "k")
        try:
            answer = await _look(house(), ticket, code, guessers.name(request, house()))
        except Exception as error:
            if not is_down(error):
                raise
            answer = _Answer(503, problem="store_down")
        # A code that was right is not left in the form: the computer may be shared.
        return page(request, answer, ticket, "" if answer.shown else code)

    @router.get(f"{PATH}/static/{{name}}")
    async def static(name: str) -> Response:
        """The styles and the icon; their addresses change with their content."""
        if name not in ASSETS:
            return Response(status_code=404)
        headers = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
        return Response(assets[name], media_type=ASSETS[name], headers=headers)

    return router


async def _look(house: House, ticket: str, code: str, guesser: str | None) -> _Answer:
    """Look the two up. What is misspelt is told without a look at the store: that gives nothing away."""
    known, given = tickets.read(ticket), receipts.read_code(code)
    missing = [("ticket", "ticket_missing" if not ticket.strip() else "ticket_misread")] if known is None else []
    missing += [("code", "code_missing" if not code.strip() else "code_misread")] if given is None else []
    if known is None or given is None:
        return _Answer(422, problem="misread", fields=tuple(missing))
    async with unit(house) as work:
        now = house.now()
        if guesser and not await guesses.allowed(work.connection, KIND, guesser, GUESSES, now):
            return _Answer(429, problem="too_many")
        shown = await receipts.check(work.connection, known, given)
        if shown is None and guesser:
            await guesses.wrong(work.connection, KIND, guesser, now)
    return _Answer(shown=shown) if shown else _Answer(404, problem="not_found")


class _Guessers:
    """Names for whoever asks, that lead to nobody: digests under the house's key, or under one of this process's own
    that is never written down. They change with the day (UTC), so that no two days can be put together."""

    def __init__(self) -> None:
        self._own = secrets.token_bytes(32)

    def name(self, request: Request, house: House) -> str | None:
        """The guesser behind this request; None where the server knows no address."""
        shared = house.settings.guess_key
        key = shared.get_secret_value().encode() if shared else self._own
        network = _network(request.client.host if request.client else "")
        if network is None:
            return None
        return hmac.new(key, f"{house.now():%Y-%m-%d} {KIND} {network}".encode(), hashlib.sha256).hexdigest()[:32]


def _network(host: str) -> str | None:
    """The address of one guesser: an IPv4 address, or the /56 that a provider gives to one household."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.ip_network((address.packed[:7] + bytes(9), 56)))
        address = address.ipv4_mapped
    return str(address)


def _is_own(request: Request) -> bool:
    """Whether a POST comes from our own page. Another site must not spend its visitors' guesses."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site:
        return site in ("same-origin", "none")
    # Only the host is compared: behind a proxy that ends TLS, the scheme differs.
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def _field(form: FormData, name: str) -> str:
    value = form.get(name)
    return value[:LONGEST_FIELD] if isinstance(value, str) else ""


def _language(request: Request) -> str:
    asked = request.query_params.get("lang")
    return asked if asked in LANGUAGES else LANGUAGES[0]


# --- what is shown -----------------------------------------------------------------------------------


def _lines(house: House, shown: Shown, words: dict[str, Any], language: str) -> dict[str, Any]:
    """The sentences and the pairs of label and value of a complaint that was found."""
    agency = shown.agency or words["some_agency"]
    region = house.directory.regions.kabkota_of(shown.region) or house.directory.regions.province_of(shown.region)
    labels = words["label"]

    def at(moment: datetime) -> str:
        local = moment.astimezone(house.zone(shown.region))
        parts = {"day": {"date": local.date().isoformat()}, "time": {"time": local.isoformat()}}
        return speak("calendar.moment", parts, language)

    pairs = [
        (labels["ticket"], shown.ticket),
        (labels["filed"], at(shown.filed_at)),
        (labels["status"], words["state"][shown.status].format(agency=agency)),
        (labels["since"], at(shown.status_at)),
    ]
    if shown.secret:
        pairs.append((labels["agency"], words["secret"]))
    else:
        pairs += [(labels["agency"], agency), (labels["region"], region.name if region else words["no_region"])]
    pairs.append((labels["changed"], at(shown.changed_at)))
    return {"says": words["valid"].format(day=at(shown.filed_at)), "pairs": pairs}


_WORDS: dict[str, dict[str, Any]] = {
    language: tomllib.loads((FOLDER / f"page.{language}.toml").read_text("utf-8"))["check"] for language in LANGUAGES
}
_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(webchat.PAGES), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
    lstrip_blocks=True,
)  # fmt: skip
