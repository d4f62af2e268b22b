"""The channels that these settings open, and how we introduce ourselves to their providers."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import structlog

from api.house import House
from api.settings import Settings
from bot.channels.telegram import Telegram
from bot.channels.webchat import Webchat
from bot.messages import Channel, TryLater, Undeliverable

log = structlog.get_logger(__name__)


def telegram(settings: Settings) -> Telegram:
    """The Telegram channel of these settings; the token must be set."""
    token = settings.telegram_token.get_secret_value() if settings.telegram_token else ""
    return Telegram(token, settings.telegram_base_url)


async def channels(stack: AsyncExitStack, settings: Settings) -> dict[str, Channel]:
    """All channels that can be spoken on, open until the stack closes."""
    opened: dict[str, Channel] = {"webchat": Webchat()}
    if settings.telegram_token:
        opened["telegram"] = await stack.enter_async_context(telegram(settings))
    return opened


async def introduce(house: House, channel: Telegram, secret: str | None) -> None:
    """Tell Telegram where we are (or, without a secret, that we poll), and learn our own name; again until it works."""
    wait = 1.0
    while True:
        try:
            if secret is not None:
                await channel.set_webhook(f"{house.settings.public_url}/webhooks/telegram", secret)
            else:
                await channel.delete_webhook()
            house.bot_link = f"https://t.me/{await channel.username()}"
            return
        except (TryLater, Undeliverable) as error:
            log.warning("telegram_not_reached", problem=error.reason, wait=wait)
            await asyncio.sleep(wait)
            wait = min(wait * 2, 300.0)
