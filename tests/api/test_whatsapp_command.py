"""`python -m api whatsapp`: the words to submit, as they stand in the guide too, and what is wrong with the account."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from peers.cloud_api import ACCOUNT_ID, PHONE_ID, TOKEN, FakeCloudApi, broken, dead_token
from pydantic import SecretStr

from api.__main__ import PROCESSES
from api.processes.whatsapp import as_json, as_table, as_text, run
from api.settings import Settings, SettingsWrong
from bot.channels.whatsapp.templates import load
from bot.messages import AILMENTS
from desk import ailments

ROOT = Path(__file__).resolve().parents[2]
OURS = load().submissions()
Check = Callable[..., Awaitable[tuple[str, int]]]


# --- what to submit ---------------------------------------------------------------------------------------


def test_the_guide_has_what_the_command_prints() -> None:
    guide = (ROOT / "docs" / "whatsapp.md").read_text(encoding="utf-8")
    begins, ends = "<!-- templates -->\n", "\n<!-- /templates -->"
    assert guide.partition(begins)[2].partition(ends)[0].strip() == "\n".join(as_table(OURS))


def test_a_table_has_one_row_for_each_and_nothing_that_breaks_it() -> None:
    head, line, *rows = as_table(OURS)
    columns = head.count("|")
    assert len(rows) == len(OURS)
    assert {line.count("|"), *(row.count("|") for row in rows)} == {columns}
    for row, each in zip(rows, OURS, strict=True):
        assert each.name in row
        assert each.body.replace("\n", "<br>") in row


def test_each_request_is_what_the_api_takes() -> None:
    for line, each in zip(as_json(OURS), OURS, strict=True):
        request = json.loads(line)
        assert (request["name"], request["language"], request["category"]) == (each.name, each.language, "UTILITY")
        body, *buttons = request["components"]
        assert body["text"] == each.body
        assert body.get("example", {"body_text": [[]]})["body_text"] == [list(each.examples)]
        labels = [button["text"] for part in buttons for button in part["buttons"]]
        assert labels == ([each.button] if each.button else [])


def test_the_words_are_printed_whole() -> None:
    printed = "\n".join(as_text(OURS))
    for each in OURS:
        assert f"{each.name} ({each.language}, UTILITY)\n{each.body}\n" in printed


def test_it_is_a_process_that_needs_no_database(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "api", "whatsapp", "templates", "--form", "json"],
        env={"PYTHONPATH": str(ROOT), "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert [json.loads(line)["name"] for line in done.stdout.splitlines()] == [each.name for each in OURS]


def test_a_file_that_is_wrong_stops_it_with_a_sentence(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('[[template]]\nname = "Salah Nama"\nannounces = "chat"\n')
    wrong = settings.model_copy(update={"whatsapp_templates": file})
    with pytest.raises(SettingsWrong, match="WHATSAPP_TEMPLATES: Template Salah Nama: its name must be"):
        run(wrong, "templates", "text", "id")


# --- what is wrong ----------------------------------------------------------------------------------------


@pytest.fixture
async def meta() -> AsyncIterator[FakeCloudApi]:
    """An account in which all of our templates are approved."""
    async with FakeCloudApi() as api:
        for each in OURS:
            api.add_template(each.name, each.language, each.body, each.button)
        yield api


@pytest.fixture
def check(settings: Settings, meta: FakeCloudApi, capsys: pytest.CaptureFixture[str]) -> Check:
    """The command on that account: what it prints, and its status."""

    async def command(language: str = "id", **update: object) -> tuple[str, int]:
        given = {
            "public_url": "https://lapor.example",
            "whatsapp_token": SecretStr(TOKEN),
            "whatsapp_phone_number_id": PHONE_ID,
            "whatsapp_business_account_id": ACCOUNT_ID,
            "whatsapp_base_url": meta.base_url,
            **update,
        }
        status = 0
        try:
            await asyncio.to_thread(run, settings.model_copy(update=given), "check", "text", language)
        except SystemExit as ended:
            status = int(ended.code or 0)
        return capsys.readouterr().out, status

    return command


async def test_an_account_that_is_as_it_should_be_is_told_so(check: Check) -> None:
    said, status = await check()
    assert status == 0
    assert "https://lapor.example/webhooks/whatsapp" in said
    assert "Token berlaku" in said
    assert f"Semua {len(OURS)} templat disetujui." in said
    assert "All" in (await check("en"))[0]


async def test_what_is_wrong_with_templates_is_told_with_what_to_do(check: Check, meta: FakeCloudApi) -> None:
    del meta.templates["lapor_diteruskan", "id"]
    meta.templates["lapor_status", "en"].status = "PAUSED"
    meta.templates["lapor_kabar_laporan", "id"].body = "Halo, ada kabar tentang laporan {{1}} milik Anda."
    said, status = await check()
    assert status == 1
    assert "lapor_diteruskan (id): belum diajukan. Ajukan" in said
    assert "lapor_status (en): dijeda." in said
    assert "lapor_kabar_laporan (id): disetujui. Di akun, kata-katanya lain" in said
    assert len(said.splitlines()) == 5, "the others are not mentioned"


async def test_words_that_differ_harmlessly_are_no_failure(check: Check, meta: FakeCloudApi) -> None:
    meta.templates["lapor_kabar_laporan", "id"].body = "Halo, ada kabar tentang laporan {{1}} milik Anda."
    said, status = await check()
    assert (status, "kata-katanya lain" in said) == (0, True)


async def test_a_dead_token_is_told_and_never_printed(check: Check, meta: FakeCloudApi) -> None:
    meta.faults.add(dead_token(), method="templates")
    said, status = await check()
    assert status == 1
    assert "Token ditolak. Token WhatsApp tidak berlaku lagi" in said
    assert TOKEN not in said


@pytest.mark.parametrize(
    ("update", "sentence"),
    [
        ({"whatsapp_token": None}, "kanal WhatsApp mati"),
        ({"whatsapp_business_account_id": ""}, "WHATSAPP_BUSINESS_ACCOUNT_ID kosong"),
        ({"whatsapp_business_account_id": "999"}, "Daftar templat akun tidak bisa dibaca"),
        ({"public_url": "http://127.0.0.1:8000"}, "bukan https"),
        ({"whatsapp_base_url": "http://127.0.0.1:1"}, "Tidak bisa dihubungi"),
    ],
)
async def test_each_setting_that_is_wrong_has_its_sentence(
    check: Check, update: dict[str, object], sentence: str
) -> None:
    said, status = await check(**update)
    assert status == 1
    assert sentence in said


async def test_trouble_at_the_provider_is_told_as_such(check: Check, meta: FakeCloudApi) -> None:
    meta.faults.add(broken(), method="templates")
    said, status = await check()
    assert (status, "Coba lagi nanti" in said) == (1, True)


# --- the guides -------------------------------------------------------------------------------------------

GUIDES = [ROOT / "docs" / "whatsapp.md", ROOT / "docs" / "telegram.md"]


@pytest.mark.parametrize("guide", GUIDES, ids=lambda file: file.stem)
def test_a_guide_names_only_what_there_is(guide: Path) -> None:
    words = guide.read_text(encoding="utf-8")
    settings = set(re.findall(r"\b(?:WHATSAPP|TELEGRAM|RETENTION|CLAMD|PUBLIC|DELIVERY)_[A-Z_]+\b", words))
    assert {name.lower() for name in settings} <= set(Settings.model_fields)
    names = {name for name, _ in load().wanted}
    metrics = {"lapor_channel_up", "lapor_deliveries_held"}
    assert set(re.findall(r"\blapor_[a-z_]+\b", words)) <= names | metrics
    processes = set(re.findall(r"python -m api (\w+)", words))
    assert processes <= set(PROCESSES)
    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", words):
        assert (guide.parent / link).exists(), link


def test_the_guide_names_every_setting_of_whatsapp_and_what_each_ailment_is_called() -> None:
    words = GUIDES[0].read_text(encoding="utf-8")
    for name in Settings.model_fields:
        assert not name.startswith("whatsapp_") or name.upper() in words
    for ails in AILMENTS:
        assert ails == "settings" or ailments.name("id", ails) in words
    assert f"kami memakai {len({name for name, _ in load().wanted})}" in words
