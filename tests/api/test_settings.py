"""Settings: all are in .env.example, a wrong one is told in a sentence, and no secret is in it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import in_database

from api import settings
from api.settings import Settings, SettingsWrong
from store.migrate import ROOT

EXAMPLE = ROOT / ".env.example"
TOKEN, WEBHOOK_SECRET, KEY = "123456:rahasia", "rahasia-juga", "rahasia-0123456789"
TELEGRAM = {"TELEGRAM_TOKEN": TOKEN, "TELEGRAM_WEBHOOK_SECRET": WEBHOOK_SECRET, "PUBLIC_URL": "https://lapor.example"}


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting from outside this test: neither the environment nor a .env file."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def read(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return settings.read()


def example() -> dict[str, str]:
    return dict(re.findall(r"^([A-Z0-9_]+)=(.*)$", EXAMPLE.read_text(), re.MULTILINE))


# --- .env.example -------------------------------------------------------------------------------------


def test_the_example_names_exactly_the_settings() -> None:
    assert sorted(example()) == sorted(name.upper() for name in Settings.model_fields)


def test_the_example_shows_the_defaults() -> None:
    assert Settings(_env_file=EXAMPLE) == Settings(_env_file=None)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_described(name: str) -> None:
    assert Settings.model_fields[name].description


def test_the_settings_are_also_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=9000\nUNKNOWN=1\n")
    assert settings.read().port == 9000


def test_the_environment_stands_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=9000\n")
    assert read(monkeypatch, PORT="9001").port == 9001


# --- wrong ones ------------------------------------------------------------------------------------------

WHATSAPP = {
    "WHATSAPP_TOKEN": "rahasia",
    "WHATSAPP_PHONE_NUMBER_ID": "106540352242922",
    "WHATSAPP_APP_SECRET": "rahasia",
    "WHATSAPP_VERIFY_TOKEN": "rahasia",
}
WRONG: list[tuple[dict[str, str], str]] = [
    ({"DATABASE_URL": "mysql://u:rahasia@h/d"}, "DATABASE_URL must look like postgresql://"),
    ({"DATABASE_URL": "rahasia"}, "DATABASE_URL must look like postgresql://"),
    ({"DATABASE_URL": "postgresql://u:rahasia@h:port/d"}, "DATABASE_URL must look like postgresql://"),
    ({"PORT": "rahasia"}, "PORT"),
    ({"WHATSAPP_NUMBER": "0812-345"}, "WHATSAPP_NUMBER"),
    ({"PORT": "70000"}, "PORT"),
    ({"PUBLIC_URL": "lapor.example"}, "PUBLIC_URL must begin with http"),
    ({"TELEGRAM_BASE_URL": "ftp://h"}, "TELEGRAM_BASE_URL must begin with http"),
    ({"API_KEYS": "rahasia"}, "API_KEYS must be name:key pairs"),
    ({"API_KEYS": "desk:rahasia"}, "16 characters"),
    ({"API_KEYS": ":rahasia-0123456789"}, "API_KEYS must be name:key pairs"),
    ({"TELEGRAM_TOKEN": TOKEN}, "TELEGRAM_WEBHOOK_SECRET must be set"),
    (TELEGRAM | {"TELEGRAM_WEBHOOK_SECRET": "rahasia sekali"}, "TELEGRAM_WEBHOOK_SECRET may only have"),
    (TELEGRAM | {"TELEGRAM_WEBHOOK_SECRET": "rahasia" * 50}, "TELEGRAM_WEBHOOK_SECRET may only have"),
    (TELEGRAM | {"PUBLIC_URL": "http://lapor.example"}, "PUBLIC_URL must be https"),
    ({"TELEGRAM_MODE": "rahasia"}, "TELEGRAM_MODE"),
    ({"DATABASE_CONNECTIONS": "1"}, "DATABASE_CONNECTIONS"),
    ({"DELIVERY_GIVE_UP_HOURS": "0"}, "DELIVERY_GIVE_UP_HOURS"),
    ({"DELIVERY_GIVE_UP_HOURS": "nan"}, "DELIVERY_GIVE_UP_HOURS"),
    ({"LOG_LEVEL": "rahasia"}, "LOG_LEVEL"),
    ({"WHATSAPP_TOKEN": "rahasia"}, "WHATSAPP_PHONE_NUMBER_ID, WHATSAPP_APP_SECRET, WHATSAPP_VERIFY_TOKEN must be set"),
    (WHATSAPP | {"WHATSAPP_PHONE_NUMBER_ID": "+62 rahasia"}, "Meta's id of the number"),
    ({"WHATSAPP_API_VERSION": "rahasia"}, "WHATSAPP_API_VERSION"),
    ({"WHATSAPP_BASE_URL": "rahasia"}, "WHATSAPP_BASE_URL must begin with http"),
    ({"WHATSAPP_TEMPLATES": "/rahasia/ada.toml"}, "WHATSAPP_TEMPLATES must be a file"),
    ({"CLAMD_HOST": "clamav:rahasia"}, "CLAMD_HOST must be host:port"),
    ({"CLAMD_HOST": "http://rahasia:3310"}, "CLAMD_HOST must be host:port"),
]


@pytest.mark.parametrize(("environment", "sentence"), WRONG, ids=lambda value: str(value)[:60])
def test_a_wrong_setting_is_told_in_a_sentence_without_its_value(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], sentence: str
) -> None:
    with pytest.raises(SettingsWrong) as wrong:
        read(monkeypatch, **environment)
    said = str(wrong.value)
    assert sentence in said
    assert said.endswith(".")
    assert "\n" not in said
    assert "rahasia" not in said


def test_all_that_is_wrong_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsWrong, match=r"PORT.*API_KEYS"):
        read(monkeypatch, PORT="x", API_KEYS="x")


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {name.upper(): "" for name in Settings.model_fields},
        TELEGRAM,
        {"TELEGRAM_TOKEN": TOKEN, "TELEGRAM_MODE": "polling"},
        {"DATABASE_URL": "postgresql://budi:p%40ss@db:5432/lapor"},
        {"DATABASE_URL": "postgresql:///lapor?host=/run/postgresql"},
    ],
    ids=["nothing", "all empty", "webhook", "polling", "server", "socket"],
)
def test_what_is_right_is_taken(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    read(monkeypatch, **environment)


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql://budi:rahasia@db/lapor"
    chosen = read(monkeypatch, DATABASE_URL=url, API_KEYS=f"desk:{KEY}", **TELEGRAM)
    for shown in (repr(chosen), str(chosen), chosen.model_dump_json()):
        assert "rahasia" not in shown


@pytest.mark.parametrize(
    ("key", "name"),
    [("a" * 16, "desk"), ("b:" * 8, "app"), ("c" * 16, "desk"), ("d" * 16, None), ("", None), ("desk", None)],
)
def test_a_key_leads_to_its_name(monkeypatch: pytest.MonkeyPatch, key: str, name: str | None) -> None:
    """A name may have two keys, as while one replaces the other."""
    keys = f"desk:{'a' * 16}, app:{'b:' * 8},desk:{'c' * 16},"
    assert read(monkeypatch, API_KEYS=keys).client_of(key) == name


# --- at the start -------------------------------------------------------------------------------------------


def start(process: str, folder: Path, **environment: Any) -> subprocess.CompletedProcess[str]:
    """Start a process with these settings alone."""
    bare = {name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields}
    return subprocess.run(
        [sys.executable, "-m", "api", process],
        env=bare | {"PYTHONPATH": str(ROOT)} | environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    ("process", "environment", "sentence"),
    [
        ("web", {}, "API_KEYS must name at least one key"),
        ("web", {"API_KEYS": "rahasia"}, "API_KEYS must be name:key pairs"),
        (
            "speaker",
            {"DATABASE_URL": "postgresql://budi:rahasia@127.0.0.1:1/lapor"},
            "The server of DATABASE_URL cannot be reached",
        ),
        ("poll", {}, "Polling needs TELEGRAM_TOKEN and TELEGRAM_MODE=polling"),
        ("migrate", {}, "DATABASE_URL names no server"),
    ],
)
def test_a_start_that_cannot_be_ends_with_a_sentence(
    tmp_path: Path, process: str, environment: dict[str, str], sentence: str
) -> None:
    ended = start(process, tmp_path, **environment)
    assert ended.returncode not in {0, None}
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
    assert "rahasia" not in ended.stderr


def test_a_database_that_is_not_migrated_is_told(tmp_path: Path, server: str) -> None:
    ended = start("speaker", tmp_path, DATABASE_URL=in_database(server, "postgres"))
    assert ended.returncode != 0
    assert "run `python -m api migrate`" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_unknown_home_region_is_told(tmp_path: Path, database: str) -> None:
    ended = start("speaker", tmp_path, DATABASE_URL=database, HOME_REGION="99")
    assert ended.returncode != 0
    assert "HOME_REGION" in ended.stderr
    assert "Traceback" not in ended.stderr
