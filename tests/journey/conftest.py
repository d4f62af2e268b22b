"""Journeys run the real processes against a fake Bot API that holds every request against the specification."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from peers.bot_api import TOKEN, FakeBotApi
from running import Running, everything

from api.settings import Settings


@pytest.fixture
async def telegram_api() -> AsyncIterator[FakeBotApi]:
    """A Bot API server on loopback."""
    async with FakeBotApi() as api:
        yield api
        assert api.problems == []


@pytest.fixture
def telegram_settings(settings: Settings, telegram_api: FakeBotApi) -> Settings:
    """The settings of a house that speaks to the fake Bot API."""
    return Settings.model_validate(
        settings.model_dump()
        | {
            "telegram_token": TOKEN,
            "telegram_base_url": telegram_api.base_url,
            "telegram_webhook_secret": "a-secret-of-this-test",
        }
    )


@pytest.fixture
async def running(telegram_settings: Settings, database: str, telegram_api: FakeBotApi) -> AsyncIterator[Running]:
    """Web, speaker and worker, introduced to the Bot API."""
    async with everything(telegram_settings, database) as house:
        while telegram_api.webhook is None:  # noqa: ASYNC110 (the fake has no event for it)
            await asyncio.sleep(0.01)
        yield house
