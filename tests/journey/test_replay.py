"""`make chat` with a golden conversation: it is shown as a reader would see it, and a difference ends it with 1."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from api.processes import chat
from api.settings import Settings, SettingsWrong

ROOT = Path(__file__).parents[2]
TOLD = "Jalan di depan SMP 1 Sekayu rusak parah sejak bulan lalu, banyak motor jatuh."
GOES_WELL = f"""
title = "Ada jawabannya"
neighbours = [{{ story = "Air PDAM mati di Lais", region = "Lais" }}]
[[turn]]
citizen = "{TOLD}"
[[turn]]
tap = "Tidak ada foto"
[[turn]]
tap = "Tanpa keduanya"
[[turn]]
tap = "Ya, kirim"
[[turn]]
wait = "2 hours"
agency = {{ message = "Sudah ditambal pagi ini" }}
bot = ["Sudah ditambal pagi ini"]
[[filed]]
region = "Sekayu"
status = "Belum Terverifikasi"
"""
GOES_WRONG = f"""
title = "Lain"
[[turn]]
citizen = "{TOLD}"
bot = ["Selamat tinggal"]
"""


def replay(folder: Path, words: str) -> subprocess.CompletedProcess[str]:
    file = folder / "percakapan.toml"
    file.write_text(words, encoding="utf-8")
    # A database of citizens, were it asked, would make it fail: a replay has one of its own.
    elsewhere = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/lapor"}
    command = [sys.executable, "-m", "api", "chat", "--replay", str(file), "--fast"]
    return subprocess.run(command, cwd=ROOT, env=os.environ | elsewhere, capture_output=True, text=True, check=False)


def test_a_conversation_that_goes_as_it_must(tmp_path: Path) -> None:
    done = replay(tmp_path, GOES_WELL)
    assert done.returncode == 0, done.stderr
    in_order = ["Ada jawabannya", f"> {TOLD}", "[1] Tidak ada foto", "> Tidak ada foto", "> Ya, kirim", "(petugas)"]
    places = [done.stdout.index(each) for each in [*in_order, "Sudah ditambal pagi ini"]]
    assert places == sorted(places)


def test_a_difference_says_where(tmp_path: Path) -> None:
    done = replay(tmp_path, GOES_WRONG)
    assert done.returncode == 1
    assert "percakapan.toml, turn 1: 'Selamat tinggal' is missing" in done.stderr


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("title = 1", "turn is missing"),
        ("[[", "percakapan.toml"),
        (f"{GOES_WRONG}[[turn]]\nreply = {{ turn = 1, text = 'ya' }}", "which a terminal cannot do"),
    ],
)
def test_a_file_that_cannot_be_played_is_told(settings: Settings, tmp_path: Path, words: str, problem: str) -> None:
    file = tmp_path / "percakapan.toml"
    file.write_text(words, encoding="utf-8")
    with pytest.raises(SettingsWrong, match=problem):
        chat.run(settings, replay=file, fast=True)
