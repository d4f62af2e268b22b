"""The web process: one FastAPI app that wires the doors to the house."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from fastapi import FastAPI
from fastapi.responses import RedirectResponse

from api import counter, health, problems, verifying, webchat
from api.chat import Chat
from api.desk import DeskShell
from api.house import House, open_house
from api.open311 import routes as open311
from api.providers import introduce, telegram
from api.rest.attention import router as attention
from api.rest.complaints import router as rest
from api.rest.learning import router as learning
from api.settings import Settings
from api.suggesting import Suggester
from api.webhooks import telegram as telegram_door
from api.webhooks import whatsapp as whatsapp_door
from desk import app as desk


def build(settings: Settings, url: str) -> FastAPI:
    """The app on the (migrated) database of that URL."""

    secret = settings.telegram_webhook_secret.get_secret_value() if settings.telegram_webhook_secret else ""

    def house() -> House:
        opened: House = app.state.house
        return opened

    chat = Chat(house)
    shell = DeskShell(house)
    counters = counter.Counters(house)
    visitors, secure = webchat.Visitors(counters), settings.public_url.startswith("https://")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            opening = open_house(settings, url, name="web", suggester=Suggester.load())
            app.state.house = await stack.enter_async_context(opening)
            tasks = [asyncio.create_task(chat.run()), asyncio.create_task(shell.run())]
            if settings.telegram_token and settings.telegram_mode == "webhook":
                channel = await stack.enter_async_context(telegram(settings))
                tasks.append(asyncio.create_task(introduce(house(), channel, secret)))
            yield
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            # FastAPI's caches keep an app's routes beyond its end; the house behind them need not stay.
            del app.state.house

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
    app.include_router(attention)
    app.include_router(learning)
    app.include_router(open311(house))
    app.include_router(webchat.routes(chat, visitors, secure_cookies=secure))
    app.include_router(counter.routes(counters, chat, visitors, lambda: shell.chats, secure_cookies=secure))
    app.include_router(verifying.routes(house))
    if settings.telegram_token and secret:
        app.include_router(telegram_door.routes(house, secret))
    if settings.whatsapp_token:
        app.include_router(whatsapp_door.routes(house, settings))
    app.mount("/desk", desk.build(shell), name="desk")

    @app.get("/", include_in_schema=False)
    async def home() -> RedirectResponse:
        return RedirectResponse("/chat")

    return app
