"""A database whose clock can be set: for rehearsals of conversations and tests, never for citizens.

Everything in the store asks the database for the time, and a house follows the database's clock. So it is enough to
give one database a `now()` and a `clock_timestamp()` of its own, which are found before PostgreSQL's.
"""

from __future__ import annotations

from datetime import timedelta

import psycopg
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store.database import libpq_url
from store.tables import metadata

# What is the same for everybody, and stays when a rehearsal is over.
MASTER_DATA = {
    "regions", "agencies", "categories", "holidays", "clock_rules", "answer_templates", "models", "connections", "ways",
}  # fmt: skip
# A trigger refuses to empty these; no conversation writes to them.
ONLY_GROW = {"audit", "audit_seals"}

_CLOCK = """
    CREATE SCHEMA rehearsal;
    CREATE TABLE rehearsal.clock (ahead interval NOT NULL);
    INSERT INTO rehearsal.clock VALUES ('0');
    CREATE FUNCTION rehearsal.now() RETURNS timestamptz LANGUAGE sql STABLE
        AS 'SELECT pg_catalog.now() + (SELECT ahead FROM rehearsal.clock)';
    CREATE FUNCTION rehearsal.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
        AS 'SELECT pg_catalog.clock_timestamp() + (SELECT ahead FROM rehearsal.clock)';
"""
_DEFAULTS = r"""
    SELECT table_name, column_name FROM information_schema.columns
    WHERE table_schema = 'public' AND column_default ~ '^(now|clock_timestamp)\(\)$'
"""


def wind(url: str) -> None:
    """Give the migrated database of that URL a clock that can be set; connections made before keep the old one."""
    with psycopg.connect(libpq_url(url)) as connection:
        # What a column has by default was bound to PostgreSQL's own function when the table was made.
        columns = connection.execute(_DEFAULTS).fetchall()
        connection.execute(_CLOCK)
        for table, column in columns:
            connection.execute(
                sql.SQL("ALTER TABLE {} ALTER COLUMN {} SET DEFAULT rehearsal.now()").format(
                    sql.Identifier(table), sql.Identifier(column)
                )
            )
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET search_path = rehearsal, public, pg_catalog").format(
                sql.Identifier(connection.info.dbname)
            )
        )


async def set_ahead(connection: AsyncConnection, ahead: timedelta) -> None:
    """Let the clock of a wound database be so far ahead of the real one."""
    await connection.execute(text("UPDATE rehearsal.clock SET ahead = :ahead"), {"ahead": ahead})


async def clear(connection: AsyncConnection) -> None:
    """Forget everybody and everything but the master data, as if the database had just been migrated."""
    tables = sorted({table.name for table in metadata.sorted_tables} - MASTER_DATA - ONLY_GROW)
    await connection.execute(text(f"TRUNCATE {', '.join([*tables, 'procrastinate_jobs'])} CASCADE"))
