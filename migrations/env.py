"""Run by Alembic: gives it the store's tables and a connection that gives up waiting for locks."""

from __future__ import annotations

from typing import Any

from alembic import context
from sqlalchemy import create_engine, text

from store.database import sqlalchemy_url
from store.tables import metadata

# A migration that waits behind a long transaction would make every other statement wait behind it.
LOCK_TIMEOUT = "5s"
# Two starts at once: the second waits for the first, then finds nothing to do.
MIGRATING = 4_726_031


def ours(_object: Any, name: str | None, kind: str, _reflected: bool, _compared: Any) -> bool:
    """Leave procrastinate's own tables to procrastinate."""
    return not (kind == "table" and (name or "").startswith("procrastinate_"))


def run() -> None:
    """Migrate the database that `sqlalchemy.url` in the configuration names."""
    url = context.config.get_main_option("sqlalchemy.url")
    if not url:
        raise SystemExit("Set DATABASE_URL, or run `python -m api migrate`.")
    engine = create_engine(sqlalchemy_url(url))
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATING})
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.commit()
        context.configure(connection=connection, target_metadata=metadata, include_object=ours, compare_type=True)
        with context.begin_transaction():
            context.run_migrations()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATING})
        connection.commit()
    engine.dispose()


run()
