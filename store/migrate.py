"""Bring a database to the version that this code needs, or say that it is not there."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine

from store.database import sqlalchemy_url

ROOT = Path(__file__).resolve().parent.parent


def configuration(url: str) -> Config:
    """Alembic's configuration for the database of `url`."""
    config = Config(ROOT / "alembic.ini")
    config.set_main_option(
        "sqlalchemy.url", sqlalchemy_url(url).render_as_string(hide_password=False).replace("%", "%%")
    )
    return config


def upgrade(url: str) -> None:
    """Run every migration that is missing. Safe to call from several processes at once."""
    command.upgrade(configuration(url), "head")


def head() -> str:
    """The newest version that this code knows."""
    return ScriptDirectory(str(ROOT / "migrations")).get_current_head() or ""


def version(connection: Connection) -> str | None:
    """The version of the database behind `connection`; None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def current(url: str) -> str | None:
    """The version of the database of `url`; None for an empty one."""
    engine = create_engine(sqlalchemy_url(url), connect_args={"connect_timeout": 5})
    with engine.connect() as connection:
        found = version(connection)
    engine.dispose()
    return found
