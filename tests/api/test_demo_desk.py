"""The accounts that `make demo` makes: anybody gets in with what it prints."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest

from api.house import open_house
from api.processes import demo
from api.processes.demo import PERSONS, Entry
from api.settings import Settings, SettingsWrong
from store import factors, passwords, staff


async def opens(settings: Settings, url: str, entry: Entry) -> bool:
    """Whether password and code of an entry are right."""
    async with open_house(settings, url, name="test") as house, house.engine.begin() as connection:
        found = await staff.by_login(connection, entry.login)
        assert found is not None
        shown = factors.code_at(entry.secret, house.now())
        right = passwords.matches(found.password_hash, entry.password)
        return right and await factors.check(connection, found.id, shown, house.now())


def test_everybody_gets_in_and_their_secrets_stay_the_same(
    settings: Settings, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    embedded = settings.model_copy(update={"database_url": None})
    with pytest.raises(SettingsWrong, match="no demo"):
        demo.run(embedded, codes=True)
    made = asyncio.run(demo._people(embedded, database))
    assert [entry.login for entry in made] == [login for login, _name, _grant in PERSONS]
    file = embedded.data_dir / "demo-desk"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert asyncio.run(demo._people(embedded, database)) == made
    demo.run(embedded, codes=True)
    printed = capsys.readouterr().out
    assert all(entry.password in printed for entry in made)
    assert asyncio.run(opens(embedded, database, made[0]))
    file.unlink()  # lost: everybody gets new ones
    again = asyncio.run(demo._people(embedded, database))
    assert {entry.password for entry in again}.isdisjoint({entry.password for entry in made})
    assert asyncio.run(opens(embedded, database, again[1]))


def test_a_server_of_ones_own_gets_no_accounts(settings: Settings, database: str) -> None:
    assert asyncio.run(demo._people(settings, database)) == []
    assert not (settings.data_dir / "demo-desk").exists()


def test_links_in_the_chat_lead_to_the_demo_wherever_it_listens(tmp_path: Path) -> None:
    elsewhere = Settings(_env_file=None, data_dir=tmp_path, port=8300)
    assert demo._environment(elsewhere, "x", "k")["PUBLIC_URL"] == "http://127.0.0.1:8300"
    told = Settings(_env_file=None, data_dir=tmp_path, port=8300, public_url="https://lapor.example.go.id")
    assert demo._environment(told, "x", "k").get("PUBLIC_URL") != "http://127.0.0.1:8300"
