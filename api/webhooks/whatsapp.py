"""WhatsApp's door: check the signature, translate, take every part, answer 200 only when all of it is kept."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from api import metrics, providers, reporting
from api.house import House
from api.problems import Problem, where
from api.settings import Settings
from api.unit import Unit, unit
from api.webhooks import taking
from bot.channels import whatsapp
from bot.channels.whatsapp import WhatsApp, reading
from bot.messages import AccountNews, Incoming, Renamed, Report, TemplateNews, Unknown
from store import channels, identities, inbox
from store.carryovers import Busy
from store.database import is_busy, is_down

log = structlog.get_logger(__name__)
PATH = "/webhooks/whatsapp"
SIGNATURE = "X-Hub-Signature-256"
AT_ONCE = 32
TRIES = 40


class Courtesies:
    """Blue ticks, and "typing …" while a reply is on its way: asked for beside the turn, and no matter if they fail."""

    def __init__(self, client: WhatsApp) -> None:
        self._client = client
        self._running: set[asyncio.Task[None]] = set()

    def show(self, message_id: str, *, typing: bool) -> None:
        """Mark a message (and all before it) as read; where many are under way already, this one goes without."""
        if len(self._running) < AT_ONCE:
            task = asyncio.create_task(self._client.mark_read(message_id, typing=typing))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def stop(self) -> None:
        """Let go of what still runs."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)


def routes(house: Callable[[], House], settings: Settings) -> APIRouter:
    """The webhook of our number and account (the account's id may be unknown): confirmed by the token, and its posts
    guarded by the secret."""
    number, account = settings.whatsapp_phone_number_id, settings.whatsapp_business_account_id
    app_secret = settings.whatsapp_app_secret.get_secret_value()
    verify_token = settings.whatsapp_verify_token.get_secret_value()
    client = providers.whatsapp(settings)
    courtesies = Courtesies(client)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with client:
            yield
            await courtesies.stop()

    router = APIRouter(lifespan=lifespan)

    async def confirm(request: Request) -> Response:
        given = request.query_params
        is_ours = hmac.compare_digest(given.get("hub.verify_token", "").encode(), verify_token.encode())
        if given.get("hub.mode") != "subscribe" or not is_ours:
            raise Problem(403, "The token is missing or wrong.")
        return PlainTextResponse(given.get("hub.challenge", ""))

    async def webhook(request: Request) -> Response:
        received_at = house().now()
        body = await request.body()
        if not reading.signed(body, request.headers.get(SIGNATURE, ""), app_secret):
            raise Problem(403, "The signature is missing or wrong.")
        with metrics.webhook_seconds.labels(whatsapp.NAME).time():
            await take_payload(house(), _json(body), received_at, number, courtesies.show, account)
        return JSONResponse({})

    # Bare routes: there is nothing to inject or to validate that the translator does not do.
    router.add_route(PATH, confirm, methods=["GET"], include_in_schema=False)
    router.add_route(PATH, webhook, methods=["POST"], include_in_schema=False)
    return router


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Problem(400, "The body is not JSON.") from None


async def take_payload(
    house: House, payload: Any, received_at: datetime, number: str, show: Callable[..., None], account: str = ""
) -> None:
    """Take every part of a payload, in its order, each in a transaction of its own.

    Raises only when the store is down: then Meta posts all of it again, and what was taken is known by its id.
    """
    last: dict[str, tuple[str, bool]] = {}
    for heard in reading.read(payload):
        part = heard.part
        its_number = _number_of(heard.payload)
        if its_number not in {None, number}:
            # Somebody else's number in the same account: it is not ours to answer from another one, nor to keep what
            # people write to it.
            bare = {key: heard.payload[key] for key in ("field", "metadata") if key in heard.payload}
            await taking.keep(house, whatsapp.NAME, None, bare, received_at)
        elif its_number is None and account and heard.account not in {None, account}:
            # Of another account that the same app is connected to, for which the same secret signs.
            await taking.keep(house, whatsapp.NAME, None, heard.payload, received_at)
        elif isinstance(part, Incoming) and part.private:
            # A moment that is missing, or yet to come, must not open the window for longer than a message can.
            latest = received_at + whatsapp.WINDOW
            part = replace(part, window_until=min(part.window_until or latest, latest))
            answered = await taking.take(house, part, heard.payload, received_at)
            _, before = last.get(part.address.user, ("", False))
            last[part.address.user] = part.message_id, answered or before
        elif isinstance(part, Incoming):
            # Only we could make groups with our number, and we make none.
            await taking.keep(house, whatsapp.NAME, part.message_id, heard.payload, received_at)
        elif isinstance(part, Unknown):
            await taking.keep(house, whatsapp.NAME, part.name, heard.payload, received_at)
        else:
            await _note(house, part, heard.payload, received_at)
    for message_id, answered in last.values():
        show(message_id, typing=answered)


def _number_of(payload: Any) -> str | None:
    metadata = payload.get("metadata") if isinstance(payload, dict) else None
    found = metadata.get("phone_number_id") if isinstance(metadata, dict) else None
    return found if isinstance(found, str) else None


News = Report | Renamed | TemplateNews | AccountNews


async def _note(house: House, news: News, payload: Any, received_at: datetime) -> None:
    """Write down what Meta tells beside messages; what we fail on is kept, for a person to see."""
    wait = 0.01
    for attempt in range(TRIES):
        try:
            async with unit(house) as work:
                await _noted(work, news, payload, received_at)
            return
        except Exception as error:
            if (isinstance(error, Busy) or is_busy(error)) and attempt < TRIES - 1:
                await asyncio.sleep(wait)
                wait = min(wait * 2, 0.2)
                continue
            if is_down(error):
                raise
            log.error("news_not_noted", kind=type(error).__name__, where=where(error))
            await taking.keep(house, whatsapp.NAME, None, payload, received_at, failed=True)
            return


async def _noted(work: Unit, news: News, payload: Any, received_at: datetime) -> None:
    connection = work.connection
    match news:
        case Report():
            await reporting.told(work, whatsapp.NAME, news)
        case Renamed(message_id, old, new):
            # Looked for first and kept last: nothing may be locked before people are.
            if await inbox.line_of(connection, whatsapp.NAME, message_id) is None:
                # On the scale of messages, which goes by the end of their windows; nor does it lie ahead of them.
                as_of = min(news.at or received_at, received_at) + whatsapp.WINDOW
                await identities.rename(connection, whatsapp.NAME, old, new, as_of=as_of)
                kept = {"message_id": message_id, "payload": payload, "received_at": received_at}
                await inbox.keep(connection, channel=whatsapp.NAME, **kept)
        case TemplateNews(name, language, state, reason):
            await channels.learn_template(connection, whatsapp.NAME, name, language, state, reason)
        case AccountNews(ails, detail) if ails is not None:
            await channels.ail(connection, whatsapp.NAME, ails, detail)
        case AccountNews():
            await channels.heal(connection, whatsapp.NAME, only=("account",))
