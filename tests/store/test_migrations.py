"""Every database comes to the same tables, from empty and from two processes at once."""

from __future__ import annotations

import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy.engine import make_url

from store import migrate

FILES = sorted((migrate.ROOT / "migrations" / "versions").glob("*.py"))
UPGRADE = "import sys; from store.migrate import upgrade; upgrade(sys.argv[1])"


@pytest.fixture
def empty(server: str) -> Iterator[str]:
    """The URL of a database without a table."""
    name = f"empty_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def start_upgrade(url: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", UPGRADE, url], cwd=migrate.ROOT, stderr=subprocess.PIPE)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_migration_is_named_by_date_and_purpose(file: Path) -> None:
    assert re.fullmatch(r"20\d\d_(0[1-9]|1[0-2])_(0[1-9]|[12]\d|3[01])_[a-z0-9_]+", file.stem)


def test_the_migrations_are_one_line_without_branches() -> None:
    assert len(ScriptDirectory(str(migrate.ROOT / "migrations")).get_heads()) == 1


def test_an_empty_database_has_no_version(empty: str) -> None:
    assert migrate.current(empty) is None


def test_the_upgraded_database_is_what_the_tables_say(empty: str) -> None:
    migrate.upgrade(empty)
    assert migrate.current(empty) == migrate.head()
    command.check(migrate.configuration(empty))  # raises where a migration is missing


def test_an_upgrade_again_changes_nothing(database: str) -> None:
    migrate.upgrade(database)
    assert migrate.current(database) == migrate.head()


def test_two_upgrades_at_once_both_succeed(empty: str) -> None:
    both = [start_upgrade(empty), start_upgrade(empty)]
    said = [process.communicate(timeout=30)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert migrate.current(empty) == migrate.head()
