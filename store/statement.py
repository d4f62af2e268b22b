"""A statement that runs many times a second: compiled once, and run on psycopg's own connection.

SQLAlchemy keeps the pool and the transaction; only its layers between a statement and its rows are left
out, which cost as much as the statement itself (bench/turns.py). See docs/decisions/0001.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg import AsyncConnection as Raw
from psycopg.rows import namedtuple_row
from sqlalchemy import text
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.ext.asyncio import AsyncConnection


def raw(connection: AsyncConnection) -> Raw[Any]:
    """The psycopg connection under SQLAlchemy's, in the same transaction."""
    opened = connection.sync_connection
    if opened is None:
        raise RuntimeError("the connection is not open")
    found: Raw[Any] = opened.connection.driver_connection  # type: ignore[assignment]
    return found


class Statement:
    """SQL with `:name` parameters. Raises psycopg's errors."""

    def __init__(self, sql: str) -> None:
        self.sql = str(text(sql).compile(dialect=PGDialect_psycopg()))  # type: ignore[no-untyped-call]

    async def run(self, connection: AsyncConnection, parameters: Mapping[str, Any]) -> None:
        """Run it, for what it does."""
        await raw(connection).execute(self.sql, parameters)

    async def row(self, connection: AsyncConnection, parameters: Mapping[str, Any]) -> Any:
        """Run it; its first row with columns as attributes, or None."""
        cursor = raw(connection).cursor(row_factory=namedtuple_row)
        await cursor.execute(self.sql, parameters)
        return await cursor.fetchone()

    async def rows(self, connection: AsyncConnection, parameters: Mapping[str, Any]) -> list[Any]:
        """Run it; all of its rows."""
        cursor = raw(connection).cursor(row_factory=namedtuple_row)
        await cursor.execute(self.sql, parameters)
        return await cursor.fetchall()
