"""The app in this event loop, a Bot API beside it, and a server that can be switched off."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from conftest import API_KEY
from fastapi import FastAPI
from own_server import Server
from peers.bot_api import TOKEN, FakeBotApi

from api.app import build
from api.house import House
from api.running import prepare
from api.settings import Settings


@pytest.fixture
async def app(settings: Settings, database: str) -> AsyncIterator[FastAPI]:
    """The app, open."""
    opened = build(settings, database)
    async with opened.router.lifespan_context(opened):
        yield opened


@pytest.fixture
async def web(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody without a key."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


@pytest.fixture
async def desk(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """An operator's client of the REST API."""
    transport = httpx.ASGITransport(app)
    headers = {"X-API-Key": API_KEY}
    async with httpx.AsyncClient(transport=transport, base_url="http://test/api/v1", headers=headers) as client:
        yield client


@pytest.fixture
def inside(app: FastAPI) -> House:
    """The house of the app."""
    house: House = app.state.house
    return house


@pytest.fixture
async def telegram_api() -> AsyncIterator[FakeBotApi]:
    """A Bot API server on loopback."""
    async with FakeBotApi() as api:
        yield api
        assert api.problems == []


@pytest.fixture
def telegram_settings(settings: Settings, telegram_api: FakeBotApi) -> Settings:
    """The settings of a house that speaks to the fake Bot API."""
    telegram = {
        "telegram_token": TOKEN,
        "telegram_base_url": telegram_api.base_url,
        "telegram_webhook_secret": "a-secret-of-this-test",
    }
    return Settings.model_validate(settings.model_dump() | telegram)


@pytest.fixture(scope="session")
def switchable() -> Iterator[Server]:
    """A server beside that of all other tests."""
    with tempfile.TemporaryDirectory(prefix="lapor-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = Server(Path(folder))
        yield server
        server.stop()


@pytest.fixture
def own_server(switchable: Server) -> Server:
    """A server that this test may stop: running, with a migrated database of this test's own."""
    switchable.start()
    switchable.create_database()
    prepare(switchable.url)
    return switchable
