"""The embedded server is shared by all processes of a folder, survives any kill, and leaves with the last user."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from store import embedded, migrate

# A process that uses the server until its standard input ends.
USER = """
import sys
from pathlib import Path
from store import embedded
with embedded.serve(Path(sys.argv[1])) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


class User:
    """Another process that uses the server of a folder; it starts at once, `url` waits for it."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-c", USER, str(folder)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, cwd=migrate.ROOT, text=True)
        self._url = ""

    @property
    def url(self) -> str:
        """The server's URL, once the process is inside."""
        assert self.process.stdout
        self._url = self._url or self.process.stdout.readline().strip()
        return self._url

    def leave(self) -> None:
        """Leave as a program does that ends."""
        self.process.communicate(timeout=20)

    def kill(self) -> None:
        """End as `kill -9` does: without a last word."""
        self.process.kill()
        self.process.communicate(timeout=20)


Start = Callable[[], User]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A data folder of this module's own: its tests come one after the other, as the starts of a project do."""
    with tempfile.TemporaryDirectory(prefix="lapor-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)
        with suppress(FileNotFoundError, psutil.Error):
            psutil.Process(postmaster(Path(name))).kill()


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Starts users, and kills those that a failed test leaves."""
    users: list[User] = []

    def one_more() -> User:
        users.append(User(folder))
        return users[-1]

    yield one_more
    for user in users:
        if user.process.poll() is None:
            user.kill()


def postmaster(folder: Path) -> int:
    return int((folder / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0])


def is_running(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def kill_postmaster(folder: Path) -> None:
    pid = postmaster(folder)
    os.kill(pid, signal.SIGKILL)
    while is_running(pid):
        time.sleep(0.01)


def note(url: str, word: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS notes (word text)")
        connection.execute("INSERT INTO notes VALUES (%s)", [word])


def notes(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [word for [word] in connection.execute("SELECT word FROM notes ORDER BY word")]


def test_two_first_starts_at_once_share_one_server(folder: Path, start: Start) -> None:
    one, other = start(), start()
    note(one.url, "kept")
    assert notes(other.url) == ["kept"]
    one.leave()
    other.leave()


def test_the_last_one_out_stops_the_server(folder: Path, start: Start) -> None:
    first, last = start(), start()
    assert first.url == last.url
    server = postmaster(folder)
    first.leave()
    assert is_running(server)
    assert notes(last.url) == ["kept"]
    last.leave()
    assert not is_running(server)


def test_a_killed_user_takes_nothing_along_and_keeps_nothing_running(folder: Path, start: Start) -> None:
    victim, other = start(), start()
    assert victim.url == other.url
    server = postmaster(folder)
    victim.kill()
    assert notes(other.url) == ["kept"]
    other.leave()
    assert not is_running(server)


def test_after_the_only_user_was_killed_the_next_one_stops_the_server(folder: Path, start: Start) -> None:
    victim = start()
    assert victim.url
    server = postmaster(folder)
    victim.kill()
    assert is_running(server)
    heir = start()
    assert notes(heir.url) == ["kept"]
    heir.leave()
    assert not is_running(server)


def test_what_is_committed_survives_a_killed_server(folder: Path, start: Start) -> None:
    user = start()
    note(user.url, "committed just before")
    kill_postmaster(folder)
    user.kill()
    with embedded.serve(folder) as url:
        assert notes(url) == ["committed just before", "kept"]


def test_a_server_killed_under_its_user_is_there_again_for_the_next(folder: Path, start: Start) -> None:
    user = start()
    assert user.url
    kill_postmaster(folder)
    with embedded.serve(folder) as url:
        assert "kept" in notes(url)
    user.leave()


def test_a_dead_server_whose_number_somebody_else_has_now_is_forgotten(folder: Path, start: Start) -> None:
    user = start()
    assert user.url
    file = folder / "postgres" / "postmaster.pid"
    lines = file.read_text().split("\n", 1)[1]
    kill_postmaster(folder)
    user.kill()
    file.write_text(f"{os.getpid()}\n{lines}")
    with embedded.serve(folder) as url:
        assert "kept" in notes(url)
        assert postmaster(folder) != os.getpid()
