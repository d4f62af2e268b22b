"""Telegram's door: check the secret, translate, take every message, answer 200 only when it is kept."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from api import metrics
from api.house import House
from api.problems import Problem
from api.webhooks import taking
from bot.channels import telegram

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
        await taking.take(house, message, update, received_at)
    if not messages:
        await taking.keep(house, telegram.NAME, _name_of(update), update, received_at)


def _username(house: House) -> str | None:
    return house.bot_link.rsplit("/", 1)[-1] or None


def _name_of(update: Any) -> str | None:
    """The id of an update that could not be read, if it has one."""
    own = update.get("update_id") if isinstance(update, Mapping) else None
    return str(own) if isinstance(own, int) and not isinstance(own, bool) else None
