"""Fixtures for all rooms: a real PostgreSQL, a fresh migrated database for each test that asks for one."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

from api.house import House, open_house
from api.running import prepare
from api.settings import Settings
from api.suggesting import Suggester
from store import embedded
from store.database import libpq_url

API_KEY = "test-key-0123456789abcdef"


def in_database(url: str, name: str) -> str:
    """The same server's URL, with another database."""
    return make_url(url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """A PostgreSQL server: that of TEST_DATABASE_URL, or an embedded one of this run's own."""
    if named := os.environ.get("TEST_DATABASE_URL"):
        yield libpq_url(named)
        return
    with tempfile.TemporaryDirectory(prefix="lapor-", dir=_memory(), ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        with embedded.serve(Path(folder)) as url:
            _hurry(url)
            yield url


def _memory() -> Path | None:
    """A folder in memory, if there is one of some size: copying a database is little more than writing files."""
    memory = Path("/dev/shm")  # noqa: S108
    return memory if memory.is_dir() and shutil.disk_usage(memory).free > 2 << 30 else None


def _hurry(url: str) -> None:
    """Nothing of this server need outlive the power cut that durable writes are for."""
    with psycopg.connect(url, autocommit=True) as connection:
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(name)))
        connection.execute("SELECT pg_reload_conf()")


@pytest.fixture(scope="session")
def template(server: str) -> Iterator[str]:
    """A migrated database with the shipped master data, which every test's own is copied from."""
    name = f"template_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    prepare(in_database(server, name))
    yield name
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


class Databases:
    """Fresh databases, copied from the template. The next one is made while a test runs, on another core."""

    def __init__(self, server: str, template: str) -> None:
        self._server, self._template = server, template
        self._behind = ThreadPoolExecutor(1)
        self._next = self._behind.submit(self._create)

    def take(self) -> str:
        """The name of a database that nobody has used."""
        name, self._next = self._next.result(), self._behind.submit(self._create)
        return name

    def drop(self, name: str) -> None:
        """Forget a database, soon."""
        self._behind.submit(self._run, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def close(self) -> None:
        """Forget the one that nobody took, too."""
        self.drop(self._next.result())
        self._behind.shutdown()

    def _create(self) -> str:
        name = f"test_{uuid.uuid4().hex[:8]}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        self._run(statement.format(sql.Identifier(name), sql.Identifier(self._template)))
        return name

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(statement)


@pytest.fixture(scope="session")
def databases(server: str, template: str) -> Iterator[Databases]:
    """Where each test's own database comes from."""
    made = Databases(server, template)
    yield made
    made.close()


@pytest.fixture
def database(server: str, databases: Databases) -> Iterator[str]:
    """The URL of a fresh database of this test's own."""
    name = databases.take()
    yield in_database(server, name)
    databases.drop(name)


@pytest.fixture
def settings(database: str, tmp_path: Path) -> Settings:
    """Settings of a process on this test's database."""
    return Settings(
        _env_file=None,
        database_url=database,
        data_dir=tmp_path,
        api_keys=f"test:{API_KEY}",
    )


@pytest.fixture
async def house(settings: Settings, database: str) -> AsyncIterator[House]:
    """An open house on this test's database."""
    async with open_house(settings, database, name="test", suggester=Suggester.load()) as opened:
        yield opened


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """In CI everything is there, so a skipped test is a failure (LAPOR_NO_SKIPS)."""
    if os.environ.get("LAPOR_NO_SKIPS") and terminalreporter.stats.get("skipped"):
        terminalreporter.write_line("LAPOR_NO_SKIPS is set, but tests were skipped", red=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """The exit status for the above."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("LAPOR_NO_SKIPS") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
