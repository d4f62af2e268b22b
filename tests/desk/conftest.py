"""The app in this event loop, for the desk's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from api.app import build
from api.house import House
from api.settings import Settings


@pytest.fixture
async def app(settings: Settings, database: str) -> AsyncIterator[FastAPI]:
    """The app, open."""
    opened = build(settings, database)
    async with opened.router.lifespan_context(opened):
        yield opened


@pytest.fixture
async def web(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who has not signed in."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


@pytest.fixture
def inside(app: FastAPI) -> House:
    """The house of the app."""
    house: House = app.state.house
    return house
