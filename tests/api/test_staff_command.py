"""`python -m api staff`: the first administrator, and all that is done to accounts from the command line."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from api.processes.staff import run
from api.settings import Settings, SettingsWrong
from store.database import libpq_url

ROOT = Path(__file__).resolve().parents[2]


class Command:
    """The command, on one database."""

    def __init__(self, settings: Settings, printed: pytest.CaptureFixture[str]) -> None:
        self._settings, self._printed = settings, printed

    def does(self, action: str, **given: Any) -> str:
        """What it prints when it succeeds."""
        run(self._settings, action, **given)
        return self._printed.readouterr().out

    def refuses(self, action: str, **given: Any) -> str:
        """The sentence with which it refuses."""
        with pytest.raises(SettingsWrong) as refused:
            run(self._settings, action, **given)
        return str(refused.value)


@pytest.fixture
def command(settings: Settings, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command on this test's database."""
    return Command(settings.model_copy(update={"public_url": "https://lapor.example"}), capsys)


def typed(database: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as a process of its own."""
    environment = {"PYTHONPATH": str(ROOT), "DATABASE_URL": database, "PUBLIC_URL": "https://lapor.example"}
    return subprocess.run(
        [sys.executable, "-m", "api", "staff", *arguments],
        env=environment, cwd=folder, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_the_first_administrator_gets_a_link(database: str, tmp_path: Path) -> None:
    account = ("add", "--login", "siti", "--name", "Siti", "--role", "administrator")
    ended = typed(database, tmp_path, *account)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert re.search(r"https://lapor\.example/desk/undangan/[\w-]{43}\n", ended.stdout)
    again = typed(database, tmp_path, *account)
    assert (again.returncode != 0, again.stderr) == (True, "There is an account of that login already.\n")


def test_there_is_no_password_on_the_command_line(database: str, tmp_path: Path) -> None:
    ended = typed(database, tmp_path, "add", "--login", "siti", "--name", "Siti", "--password", "x")
    assert "unrecognized arguments" in ended.stderr


def test_the_life_of_an_account(command: Command, database: str) -> None:
    add = {"login": "Admin@Kominfo.example", "name": "Siti", "role": "administrator"}
    link = re.search(r"https://lapor\.example/desk/undangan/([\w-]{43})\n", command.does("add", **add))
    assert link
    listed = command.does("list")
    assert "admin@kominfo.example  Siti  (invited)" in listed
    assert "administrator  everywhere" in listed
    login = {"login": "admin@kominfo.example"}
    assert "already" in command.refuses("add", **add)
    officer = login | {"role": "pejabat_penghubung", "agency": "16.71-pu"}
    assert command.does("grant", **officer) == "Granted.\n"
    assert "already" in command.does("grant", **officer)
    assert "pejabat_penghubung  16.71-pu" in command.does("list")
    assert command.does("revoke", **officer) == "Revoked.\n"
    assert "pejabat_penghubung" not in command.does("list")
    assert "no such grant" in command.refuses("revoke", **officer)
    command.does("disable", **login)
    assert "(disabled)" in command.does("list")
    assert "enable it first" in command.refuses("reset", **login)
    command.does("enable", **login)
    assert "/desk/undangan/" in command.does("reset", **login, factor=True)
    with psycopg.connect(libpq_url(database)) as connection:
        verbs = [row[0] for row in connection.execute("SELECT verb FROM audit ORDER BY id").fetchall()]
        everything = str(connection.execute("SELECT * FROM audit").fetchall())
    assert verbs == [
        "account.add", "grant.give", "invitation.give", "grant.give", "grant.end", "account.disable", "account.enable",
        "factor.forget", "invitation.give",
    ]  # fmt: skip
    assert "Siti" not in everything
    assert link.group(1) not in everything


SITI = {"login": "siti", "name": "Siti"}


@pytest.mark.parametrize(
    ("action", "given", "sentence"),
    [
        ("add", {"name": "Siti"}, "needs a --login"),
        ("add", {"login": "siti"}, "needs a --name"),
        ("add", {"login": " ", "name": "Siti"}, "cannot be empty"),
        ("add", SITI | {"role": "pejabat_penghubung"}, "needs an --agency"),
        ("add", SITI | {"role": "pejabat_penghubung", "agency": "x"}, "no agency"),
        ("add", SITI | {"role": "pengawas", "agency": "16.71-pu"}, "nobody else"),
        ("add", SITI | {"role": "pengawas", "region": "99"}, "no region"),
        ("grant", {"login": "siti"}, "needs a --role"),
        ("grant", {"login": "siti", "role": "pengawas"}, "no account of that login"),
        ("disable", {"login": "siti"}, "no account of that login"),
    ],
)
def test_what_cannot_be_done_is_a_sentence_and_changes_nothing(
    command: Command, database: str, action: str, given: dict[str, str], sentence: str
) -> None:
    assert sentence in command.refuses(action, **given)
    with psycopg.connect(libpq_url(database)) as connection:
        assert connection.execute("SELECT count(*) FROM staff").fetchall() == [(0,)]
