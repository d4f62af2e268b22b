"""Service counters (MPP) on the chat page: one resident after another on one tablet, and the receipt on paper.

An officer opens a counter at the desk; its token is the cookie `loket`. Each resident has a chat of their own, under a
cookie of its own (never the officer's `chat`), which begins with the word that begins assisting. When the screen is
emptied nothing of it is left in the browser, and what was said is not kept. A draft that a resident has agreed to and
that is left behind goes to the desk; one that is thrown away is gone.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import segno
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.exceptions import HTTPException

from api import emptying, webchat
from api.chat import Chat
from api.house import House
from api.unit import unit
from api.webchat import COUNTER, HEADERS, TEMPLATES, WORDS, Refusal, Serving, StoreDown, Visitors, visit_of
from bot.channels import webchat as channel
from bot.texts import LANGUAGES, spoken
from store import counters, sittings
from store.counters import Counter
from store.database import is_down
from store.sittings import Sitting

COOKIE, RESIDENT = "loket", "loket_chat"
# What an officer would write to begin; bot/commands.py knows it.
BEGINS = "dampingi"
# Where a receipt leads, with the ticket and never with a code.
CHECK = "/periksa?t="


@dataclass(frozen=True, slots=True)
class At:
    """Where a request comes from: a counter, the cookie of the resident there, and their chat if it goes on. `silent`:
    a chat that nobody has emptied, and that is over."""

    counter: Counter
    token: str = ""
    sitting: Sitting | None = None
    silent: Sitting | None = None

    @property
    def key(self) -> str:
        """What stands for the resident in addresses. It opens nothing, and leads to nothing that is kept."""
        return hashlib.sha256(f"key.{self.token}".encode()).hexdigest()[:12]


def session_of(token: str) -> str:
    """The session of a resident's chat: none that the cookie `chat` could ever hold."""
    return f"{COOKIE}.{token}"


class Counters:
    """The service counters behind the chat page (see `api.webchat.Counters`)."""

    def __init__(self, house: Callable[[], House]) -> None:
        self._open_house = house

    @property
    def house(self) -> House:
        """The open house."""
        return self._open_house()

    async def look(self, request: Request) -> At | None:
        """The counter that this browser is, and who is served there; None where it is none. Raises `StoreDown`."""
        token, resident = request.cookies.get(COOKIE, ""), request.cookies.get(RESIDENT, "")
        if not webchat.SESSION.fullmatch(token):
            return None
        now, found = self.house.now(), None
        try:
            async with self.house.engine.connect() as connection:
                counter = await counters.current(connection, token, now)
                if counter is None:
                    return None
                if webchat.SESSION.fullmatch(resident):
                    address = webchat.address_of(session_of(resident)).user
                    found = await sittings.of(connection, counter.id, address)
        except Exception as error:
            if is_down(error):
                raise StoreDown from None
            raise
        if found is not None and found.seen_at <= now - emptying.silence(self.house):
            return At(counter, silent=found)
        return At(counter, resident, found) if found else At(counter)

    async def serving(self, request: Request) -> Serving | None:
        """The resident whom a request is about: what is posted must name the resident of its own page, so that what is
        left of one is never sent as another's. Raises `StoreDown`."""
        at = await self.look(request)
        if at is None or at.sitting is None:
            return None
        named = request.query_params.get("loket")
        if named != at.key and not (named == "1" and request.method == "GET"):
            return None
        return self.served(at)

    def served(self, at: At) -> Serving:
        """The resident at a counter, as their page knows them."""
        settings = self.house.settings
        return Serving(
            session_of(at.token),
            at.key,
            at.counter.name,
            settings.counter_idle_seconds,
            settings.counter_countdown_seconds,
            settings.counter_silence_seconds,
        )


# --- the routes --------------------------------------------------------------------------------------


def routes(
    known: Counters, chat: Chat, visitors: Visitors, chats: Callable[[], Mapping[str, str]], *, secure_cookies: bool
) -> APIRouter:
    """What a counter calls beside the chat page, and the receipt, to be included in the app. `chats` says by channel
    where a chat with us begins."""
    router = APIRouter(include_in_schema=False)
    assets = webchat.Assets()

    def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        language = webchat.language_of(request)
        words = WORDS[language]
        html = TEMPLATES.get_template(template).render(
            **words["page"], counter=words["counter"], receipt=words["receipt"], asset=assets.url, **values
        )
        headers = HEADERS | ({"Retry-After": "5"} if status == 503 else {})
        response = HTMLResponse(html, status, headers=headers)
        if request.query_params.get("lang") in LANGUAGES:
            webchat.set_cookie(response, "lang", language, days=365, secure=secure_cookies)
        return response

    def between(request: Request, at: At | None, status: int = 200, *, says: str = "", **values: Any) -> HTMLResponse:
        """The page of a counter between two residents, or where there is no counter."""
        values = {"unfinished": "", "serving": None, **values}
        return page(request, "counter.html", status, at=at, says=says, **values)

    def emptied(response: Response) -> Response:
        """With the cookie of the resident taken away."""
        response.delete_cookie(RESIDENT, path="/chat", secure=secure_cookies, httponly=True, samesite="strict")
        return response

    def to(address: str) -> Response:
        return RedirectResponse(address, status_code=303, headers={"Cache-Control": "no-store"})

    @router.get(COUNTER)
    async def stand(request: Request) -> Response:
        """The counter between two residents; the explanation where this browser is none."""
        try:
            at = await known.look(request)
            if at is not None and at.silent is not None:
                await _guarded(emptying.end(known.house, at.silent.contact_id, to_desk=True))
        except StoreDown:
            return between(request, None, 503, says="store_down")
        if at is None:
            return emptied(between(request, None, 403, says="closed"))
        if at.sitting is not None:
            return to("/chat?loket=1")
        return emptied(between(request, at, says="silent" if at.silent else "empty"))

    async def asked(request: Request) -> tuple[At | None, Mapping[str, str]]:
        """The counter that posts this, and the fields of its form. Raises `Refusal` and `StoreDown`."""
        if not webchat.is_own(request):
            raise Refusal(403, "elsewhere")
        try:
            form = await request.form(max_files=0, max_fields=8, max_part_size=4096)
        except HTTPException:
            raise Refusal(400, "malformed") from None
        return await known.look(request), {name: value for name, value in form.items() if isinstance(value, str)}

    async def finished(request: Request, at: At, form: Mapping[str, str], then: str) -> Response | None:
        """End the chat of the resident who is served; the way to the question, where something would be lost by that,
        and to who is served now, where this comes from a page of somebody else."""
        sitting = at.sitting or at.silent
        if sitting is None:
            return None
        if at.sitting is not None and request.query_params.get("loket") != at.key:
            return to(COUNTER)
        left = "diam" in form or at.silent is not None
        lost = emptying.unfinished(sitting.conversation)
        if not left and "yakin" not in form and (lost or "belum" in form):
            return to(f"{COUNTER}/belum?lalu={then}&loket={at.key}")
        await _guarded(emptying.end(known.house, sitting.contact_id, to_desk=left))
        return None

    @router.get(f"{COUNTER}/belum")
    async def unsure(request: Request) -> Response:
        """Whether what is not finished shall be thrown away, before what `lalu` names. A page of its own, so that the
        way back leads to no form that was sent."""
        then = request.query_params.get("lalu")
        try:
            at = await known.look(request)
        except StoreDown:
            return between(request, None, 503, says="store_down")
        if at is None or at.sitting is None or then not in ("selesai", "warga"):
            return to(COUNTER)
        return between(request, at, says="unsure", unfinished=then, serving=known.served(at))

    @router.post(f"{COUNTER}/selesai")
    async def finish(request: Request) -> Response:
        """Empty the screen: `diam` says that nobody has touched it, `yakin` that what is not finished is thrown away,
        `belum` that there are words on the page which were not sent."""
        try:
            at, form = await asked(request)
            other = await finished(request, at, form, "selesai") if at else None
        except Refusal as refusal:
            return between(request, None, refusal.status, says=refusal.key)
        except StoreDown:
            return between(request, None, 503, says="store_down")
        if other is not None:
            return other
        return emptied(to(COUNTER))

    @router.post(f"{COUNTER}/warga")
    async def next_resident(request: Request) -> Response:
        """Begin with a resident, in a chat of their own."""
        try:
            at, form = await asked(request)
            if at is None:
                return to(COUNTER)
            if (other := await finished(request, at, form, "warga")) is not None:
                return other
            token = secrets.token_urlsafe(32)
            await _guarded(_begin(known.house, chat, at.counter.id, token, webchat.language_of(request)))
        except Refusal as refusal:
            return between(request, None, refusal.status, says=refusal.key)
        except StoreDown:
            return between(request, None, 503, says="store_down")
        response = to("/chat?loket=1")
        response.set_cookie(RESIDENT, token, path="/chat", secure=secure_cookies, httponly=True, samesite="strict")
        return response

    @router.post(f"{COUNTER}/masih")
    async def still(request: Request) -> Response:
        """Somebody has touched the page: a sign of life."""
        at = None
        with suppress(StoreDown):
            at = await known.look(request) if webchat.is_own(request) else None
        if at is None or at.sitting is None or request.query_params.get("loket") != at.key:
            return Response(status_code=404, headers={"Cache-Control": "no-store"})
        await _guarded(_sign_of_life(known.house, at.sitting.contact_id))
        return Response(status_code=204, headers={"Cache-Control": "no-store"})

    @router.get("/chat/tanda-terima", dependencies=[Depends(visitors)])
    async def receipt(request: Request) -> Response:
        """The receipt of what was filed last in this chat, to be printed. It is read off what was said there, and kept
        nowhere."""
        visit, house = visit_of(request), known.house
        if visit.at_counter and visit.serving is None:
            return to(COUNTER)
        found = None
        try:
            if visit.session:
                async with house.engine.connect() as connection:
                    found = await sittings.filed(connection, webchat.address_of(visit.session).user)
        except Exception as error:
            if not is_down(error):
                raise
            return page(request, "receipt.html", 503, found=None, down=True, serving=visit.serving, tail=visit.tail)
        told = paper(house, found, chats()) if found else None
        return page(
            request,
            "receipt.html",
            200 if told else 404,
            found=told,
            down=False,
            serving=visit.serving,
            tail=visit.tail,
        )

    return router


async def _guarded(work: Any) -> Any:
    """The outcome of some work. Raises `StoreDown` where the store cannot be reached."""
    try:
        return await work
    except Exception as error:
        if is_down(error):
            raise StoreDown from None
        raise


async def _begin(house: House, chat: Chat, counter_id: int, token: str, language: str) -> None:
    """A chat for one resident, in which the word that begins assisting was written; returns when it is answered, or
    after a moment."""
    address = webchat.address_of(session_of(token))
    async with unit(house) as work:
        contact_id = await counters.new_chat(work.connection, counter_id, address=address.user)
        await sittings.sign_of_life(work.connection, contact_id, house.now())
    payload = {"id": str(uuid.uuid4()), "n": webchat.now_ms(), "text": BEGINS, "language": language}
    await chat.take(channel.read(address.user, payload), payload)
    with suppress(StoreDown, TimeoutError):
        async with asyncio.timeout(webchat.PATIENCE):
            await webchat.answered(chat, address)


async def _sign_of_life(house: House, contact_id: int) -> None:
    async with unit(house) as work:
        await sittings.sign_of_life(work.connection, contact_id, house.now())


# --- the receipt -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Paper:
    """What stands on a receipt. `code` and `takeover` are None where they are not told any more; `until` and `filed_at`
    are told in each language, `doors` are (channel, address)."""

    ticket: str
    code: str | None
    takeover: str | None
    until: Mapping[str, str]
    filed_at: Mapping[str, str]
    region: str | None
    check: str
    picture: str
    doors: tuple[tuple[str, str], ...]
    words: Mapping[str, Mapping[str, str]]


def paper(house: House, found: sittings.Filed, chats: Mapping[str, str]) -> Paper:
    """The receipt of a report, in Indonesian and in English. The picture leads to the page that checks it, with the
    ticket alone: whoever finds the paper's address in a log has no code."""
    says = found.says
    ticket = str(says["ticket"])
    regions = house.directory.regions
    region = regions.kabkota_of(found.region) or regions.province_of(found.region) if found.region else None
    local = found.filed_at.astimezone(house.zone(found.region)).isoformat()
    check = f"{house.settings.public_url}/periksa"
    picture = segno.make(f"{house.settings.public_url}{CHECK}{ticket}", error="m", micro=False)
    return Paper(
        ticket=ticket,
        code=_told(says.get("code")),
        takeover=_told(says.get("takeover")),
        until={language: spoken(says.get("until"), language) for language in LANGUAGES},
        filed_at={language: spoken({"moment": local}, language) for language in LANGUAGES},
        region=region.name if region else None,
        check=_plain(check),
        picture=picture.svg_inline(border=4, dark="#000", light="#fff", omitsize=True),
        doors=tuple((name, _plain(address)) for name, address in chats.items()),
        words={language: WORDS[language]["receipt"] for language in LANGUAGES},
    )


def _told(code: object) -> str | None:
    """A code that is still told in the chat; a covered one is told as words."""
    return code if isinstance(code, str) else None


def _plain(address: str) -> str:
    """An address as people type it."""
    return address.removeprefix("https://").removeprefix("http://")
