"""The web process: one FastAPI app that wires the doors to the house."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import structlog
from fastapi import FastAPI
from fastapi.responses import RedirectResponse

from api import health, problems, webchat
from api.chat import Chat
from api.house import House, open_house
from api.rest.complaints import router as rest
from api.settings import Settings
from api.webhooks import telegram as telegram_door
from bot.channels.telegram import Telegram
from bot.messages import TryLater, Undeliverable

log = structlog.get_logger(__name__)


def build(settings: Settings, url: str) -> FastAPI:
    """The app on the (migrated) database of that URL."""

    secret = settings.telegram_webhook_secret.get_secret_value() if settings.telegram_webhook_secret else ""

    def house() -> House:
        opened: House = app.state.house
        return opened

    chat = Chat(house)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            app.state.house = await stack.enter_async_context(open_house(settings, url, name="web"))
            tasks = [asyncio.create_task(chat.run())]
            if settings.telegram_token and settings.telegram_mode == "webhook":
                channel = await stack.enter_async_context(telegram(settings))
                tasks.append(asyncio.create_task(introduce(house(), channel, secret)))
            yield
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    app = FastAPI(
        title="Kanal LAPOR",
        version="1",
        summary="Complaints of citizens, from their chats to the agency and back",
        lifespan=lifespan,
        docs_url=None,  # its page would load assets from another host
        openapi_url="/api/v1/openapi.json",
        redoc_url=None,
    )
    problems.install(app)
    app.include_router(health.router)
    app.include_router(rest)
    app.include_router(webchat.routes(chat, secure_cookies=settings.public_url.startswith("https://")))
    if settings.telegram_token and secret:
        app.include_router(telegram_door.routes(house, secret))

    @app.get("/", include_in_schema=False)
    async def home() -> RedirectResponse:
        return RedirectResponse("/chat")

    return app


def telegram(settings: Settings) -> Telegram:
    """The Telegram channel of these settings; the token must be set."""
    token = settings.telegram_token.get_secret_value() if settings.telegram_token else ""
    return Telegram(token, settings.telegram_base_url)


async def introduce(house: House, channel: Telegram, secret: str | None) -> None:
    """Tell Telegram where we are (or that we poll), and learn our own name; again until it works."""
    wait = 1.0
    while True:
        try:
            if secret is not None and house.settings.telegram_mode == "webhook":
                await channel.set_webhook(f"{house.settings.public_url}/webhooks/telegram", secret)
            else:
                await channel.delete_webhook()
            house.bot_link = f"https://t.me/{await channel.username()}"
            return
        except (TryLater, Undeliverable) as error:
            log.warning("telegram_not_reached", problem=error.reason, wait=wait)
            await asyncio.sleep(wait)
            wait = min(wait * 2, 300.0)
