"""The channels that these settings open, and how we introduce ourselves to their providers."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import structlog

from api.house import House
from api.settings import Settings, SettingsWrong
from bot.channels.telegram import Telegram
from bot.channels.webchat import Webchat
from bot.channels.whatsapp import WhatsApp, templates
from bot.channels.whatsapp.templates import Templates
from bot.messages import Channel, TryLater, Undeliverable

log = structlog.get_logger(__name__)


def telegram(settings: Settings) -> Telegram:
    """The Telegram channel of these settings; the token must be set."""
    token = settings.telegram_token.get_secret_value() if settings.telegram_token else ""
    return Telegram(token, settings.telegram_base_url)


def whatsapp(settings: Settings) -> WhatsApp:
    """The WhatsApp channel of these settings; the token must be set."""
    token = settings.whatsapp_token.get_secret_value() if settings.whatsapp_token else ""
    return WhatsApp(
        token,
        settings.whatsapp_phone_number_id,
        settings.whatsapp_base_url,
        settings.whatsapp_api_version,
        settings.whatsapp_business_account_id,
    )


def approved(settings: Settings) -> dict[str, Templates]:
    """By channel, which texts have a template there. Raises `SettingsWrong` where the file of these is wrong."""
    if not settings.whatsapp_token:
        return {}
    try:
        return {"whatsapp": templates.load(settings.whatsapp_templates)}
    except ValueError as error:
        raise SettingsWrong(f"WHATSAPP_TEMPLATES: {error}") from None


async def channels(stack: AsyncExitStack, settings: Settings) -> dict[str, Channel]:
    """All channels that can be spoken on, open until the stack closes."""
    opened: dict[str, Channel] = {"webchat": Webchat()}
    if settings.telegram_token:
        opened["telegram"] = await stack.enter_async_context(telegram(settings))
    if settings.whatsapp_token:
        opened["whatsapp"] = await stack.enter_async_context(whatsapp(settings))
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
