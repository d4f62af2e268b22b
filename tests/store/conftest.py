"""An engine on a fresh database of each test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from store.database import connect


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    """The store of this test."""
    opened = connect(database, name="test")
    yield opened
    await opened.dispose()
