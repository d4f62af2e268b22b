"""Telegram's door: check the secret, translate, take every message, answer 200 only when it is kept."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from api import intake, metrics
from api.house import House
from api.problems import Problem, where
from api.unit import unit
from bot.channels import telegram
from store import attention, inbox
from store.database import is_down

log = structlog.get_logger(__name__)
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"


def routes(house: Callable[[], House], secret: str) -> APIRouter:
    """The webhook, guarded by its secret."""
    router = APIRouter()

    async def webhook(request: Request) -> Response:
        received_at = house().now()
        given = request.headers.get(SECRET_HEADER, "")
        if not hmac.compare_digest(given.encode(), secret.encode()):
            raise Problem(403, "The secret is missing or wrong.")
        with metrics.webhook_seconds.labels(telegram.NAME).time():
            update = await _body(request)
            await take_update(house(), update, received_at)
        # The method call in our answer stops the spinner on a tapped button without another request.
        return JSONResponse(telegram.answer_tap(update) or {})

    # A bare route: there is nothing to inject or to validate that the translator does not do.
    router.add_route("/webhooks/telegram", webhook, methods=["POST"], include_in_schema=False)
    return router


async def _body(request: Request) -> Any:
    try:
        return json.loads(await request.body())
    except (ValueError, RecursionError):
        raise Problem(400, "The body is not JSON.") from None


async def take_update(house: House, update: Any, received_at: datetime) -> None:
    """Take every message of an update. One that names no chat, or that we fail on, is kept as it came.

    Raises only when the store is down: a defect of ours must not make the provider repeat it for ever.
    """
    messages = telegram.read(update)
    for message in messages:
        if not message.private:
            message = replace(message, addressed=telegram.addressed(update, _username(house)))
        try:
            await intake.take(house, message, update, received_at)
        except Exception as error:
            if is_down(error):
                raise
            log.error("message_not_handled", kind=type(error).__name__, where=where(error))
            await _keep(house, update, received_at, failed=True)
    if not messages:
        await _keep(house, update, received_at)


async def _keep(house: House, update: Any, received_at: datetime, *, failed: bool = False) -> None:
    async with unit(house) as work:
        new = await inbox.keep(
            work.connection,
            channel=telegram.NAME,
            message_id=_name_of(update),
            payload=update,
            received_at=received_at,
        )
        if new and failed:
            await attention.raise_matter(work.connection, "message_not_handled", detail=_name_of(update))


def _username(house: House) -> str | None:
    return house.bot_link.rsplit("/", 1)[-1] or None


def _name_of(update: Any) -> str:
    """The id of an update that could not be read: its own if it has one, else the digest of its content."""
    own = update.get("update_id") if isinstance(update, Mapping) else None
    if isinstance(own, int) and not isinstance(own, bool):
        return str(own)
    return "sha256:" + hashlib.sha256(json.dumps(update, sort_keys=True).encode()).hexdigest()
