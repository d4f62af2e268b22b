"""A store that is down, for one database: its connections are cut and new ones are refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url


@asynccontextmanager
async def store_down(server: str, database: str) -> AsyncIterator[None]:
    """Nobody reaches that database of the server; afterwards everybody does again."""
    name = make_url(database).database or ""

    async with await psycopg.AsyncConnection.connect(server, autocommit=True) as administrator:

        async def allow(allowed: bool) -> None:
            statement = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
            await administrator.execute(statement.format(sql.Identifier(name), sql.Literal(allowed)))

        await allow(False)
        try:
            await administrator.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )
            yield
        finally:
            await allow(True)
