"""The page that residents are handed: one sheet, with the words, in the size that fits."""

from __future__ import annotations

import re
import subprocess
import sys
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from api import handout
from api.settings import Settings

MADE = datetime(2026, 11, 20, tzinfo=UTC)


def settings_of(address: str) -> Settings:
    return Settings(_env_file=None, public_url=address)


def pages(content: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b", content))


def words_in(content: bytes) -> str:
    """What can be read and copied from a PDF of ours: each line of it, by the tables of its two fonts."""
    streams = []
    for found in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", content, re.DOTALL):
        try:
            streams.append(zlib.decompress(found[1]))
        except zlib.error:
            streams.append(found[1])
    fonts = [_table(each) for each in streams if b"begincmap" in each]
    lines = []
    for page in (each for each in streams if b"BT" in each and b"Tf" in each):
        font = 0
        for found in re.finditer(rb"/F(\d+) [\d.]+ Tf|\(((?:\\.|[^\\)])*)\)\s*Tj|\[(.*?)\]\s*TJ", page, re.DOTALL):
            if found[1]:
                font = int(found[1]) - 1
                continue
            strings = [found[2]] if found[2] is not None else re.findall(rb"\(((?:\\.|[^\\)])*)\)", found[3], re.DOTALL)
            raw = b"".join(map(_plain, strings))
            lines.append("".join(fonts[font].get(raw[at : at + 2].hex(), "?") for at in range(0, len(raw), 2)))
    return " ".join(" ".join(lines).split())


def _plain(string: bytes) -> bytes:
    named = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
    return re.sub(rb"\\(.)", lambda found: named.get(found[1], found[1]), string, flags=re.DOTALL)


def _table(cmap: bytes) -> dict[str, str]:
    """The sign of each glyph, by its number as hexadecimal digits."""
    found = re.findall(rb"<([0-9A-Fa-f]{4})> <([0-9A-Fa-f]{4,8})>\s*\n", cmap)
    return {one.decode().lower(): bytes.fromhex(sign.decode()).decode("utf-16-be") for one, sign in found}


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:8000", "https://lapor.sumselprov.go.id", f"https://lapor.{'kabupaten-' * 6}go.id"]
)
def test_it_is_one_page_with_all_the_words(address: str) -> None:
    said = handout.words(settings_of(address))
    content = handout.pdf(said, MADE)
    assert content.startswith(b"%PDF-")
    assert pages(content) == 1
    shown = words_in(content)
    for part in said["part"]:
        for words in (part["title"], *part.get("points", ()), *([part["text"]] if "text" in part else [])):
            assert words.replace(" ", "") in shown.replace(" ", ""), words
    for words in (said["title"], f"{address}/chat", f"{address}/periksa", "112", *said["noted"]["lines"]):
        assert words.replace(" ", "") in shown.replace(" ", ""), words


def test_what_it_says_is_of_this_house() -> None:
    said = Settings(_env_file=None, public_url="https://lapor.example.go.id", assist_takeover_days=30)
    told = str(handout.words(said))
    assert "https://lapor.example.go.id/chat" in told
    assert "30 hari" in told
    assert f"{said.retention_closed_days} hari" in told
    assert "{" not in told.replace("{'", "")


def test_it_promises_nothing_and_asks_for_no_money() -> None:
    told = str(handout.words(settings_of("https://lapor.example.go.id"))).casefold()
    for words in ("tidak dipungut biaya", "nik", "112", "anonim", "rahasia", "ambil alih", "ombudsman", "izin"):
        assert words in told
    assert not re.search(r"\b(dijamin|pasti|segera|secepatnya|akan selesai)\b", told)


def test_the_same_words_make_the_same_file_and_too_many_are_refused() -> None:
    said = handout.words(settings_of("https://lapor.example.go.id"))
    assert handout.pdf(said, MADE) == handout.pdf(said, MADE)
    with pytest.raises(handout.TooLong):
        handout.pdf({**said, "part": [*said["part"], *said["part"]]}, MADE)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "api", "handout", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_the_command_writes_it(tmp_path: Path) -> None:
    out = tmp_path / "kawan-lapor.pdf"
    done = run("--out", str(out))
    assert done.returncode == 0, done.stderr
    assert pages(out.read_bytes()) == 1


@pytest.mark.parametrize("arguments", [(), ("--out", "no/such/folder/kawan.pdf")])
def test_the_command_says_what_is_wrong(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "out" in done.stderr or "written" in done.stderr
