"""What goes out to WhatsApp, taken by an independent server: Prism, which takes what Meta's description allows.

Prism is no part of this project: PRISM names its command, .ci/run installs it. It overlooks unknown fields at the top
of a body, which test_whatsapp.py does not.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from peers import whatsapp_spec
from peers.bot_api import JPEG
from peers.cloud_api import ACCOUNT_ID, PHONE_ID, TOKEN

from bot.channels.whatsapp import WhatsApp
from bot.messages import Address, Button, File, Outgoing, Template, TryLater, Undeliverable

PRISM = os.environ.get("PRISM", "")
SHARED = os.environ.get("LAPOR_SHARED", "")
START_SECONDS = 60.0

pytestmark = [
    pytest.mark.skipif(not PRISM, reason="PRISM names no command of @stoplight/prism-cli"),
    pytest.mark.skipif(
        whatsapp_spec.load() is None,
        reason=f"LAPOR_SHARED names no folder with peers/{whatsapp_spec.SPEC_FILE}",
    ),
]

BUDI = Address("whatsapp", "6281234567890")
SARI = Address("whatsapp", "ID.13491208655302741918")
CHOICES = tuple(Button(f"Pilihan yang ke-{at} dari semuanya", f"choice:{at}") for at in range(12))
FILES = (
    File("photo", JPEG, "image/jpeg", "sesudah.jpg"),
    File("voice", b"OggS", "audio/ogg", "rekaman.ogg"),
    File("video", b"ftyp", "video/mp4", "pengerjaan.mp4"),
    File("document", b"%PDF", "application/pdf", "Berita acara – “tahap 2”.pdf"),
)
HEAD = {"messaging_product": "whatsapp", "recipient_type": "individual", "to": BUDI.user}


@pytest.fixture(scope="module")
def prism(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Callable[[], str]]]:
    """Where Prism listens, and what it has written since the last look."""
    log = tmp_path_factory.mktemp("prism") / "log"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    spec = Path(SHARED) / "peers" / whatsapp_spec.SPEC_FILE
    command = [PRISM, "mock", "-h", "127.0.0.1", "-p", str(port), "--errors", str(spec)]
    seen = 0

    def look() -> str:
        nonlocal seen
        written = log.read_text(encoding="utf-8")
        before, seen = seen, len(written)
        return written[before:]

    with log.open("w") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        try:
            until = time.monotonic() + START_SECONDS
            while "Prism is listening" not in log.read_text(encoding="utf-8"):
                assert process.poll() is None, log.read_text(encoding="utf-8")
                assert time.monotonic() < until, "Prism does not start"
                time.sleep(0.1)
            look()
            yield f"http://127.0.0.1:{port}", look
        finally:
            process.terminate()
            process.wait(10)


@pytest.mark.parametrize(
    ("message", "calls"),
    [
        (Outgoing(BUDI, "Halo 🙏"), 1),
        (Outgoing(BUDI, "kata " * 2000), 3),
        (Outgoing(BUDI, "Benar?", (Button("Ya", "yes"), Button("Tidak", "no"))), 1),
        (Outgoing(BUDI, "Ke mana?", CHOICES[:10]), 1),
        (Outgoing(BUDI, "Ke mana?", CHOICES), 1),
        (Outgoing(BUDI, "Di mana?", asks="place"), 1),
        (Outgoing(BUDI, "Di mana?", (Button("Lewati", "skip"),), asks="place"), 2),
        (Outgoing(BUDI, "", template=Template("lapor_kabar_laporan", "id", ("T-482-173-9056", ""), "status")), 1),
        (Outgoing(BUDI, "", template=Template("lapor_salam", "en")), 1),
        (Outgoing(BUDI, "Selesai.", (Button("Sudah", "resolved"),), files=FILES), 9),
    ],
)
async def test_each_kind_of_message_is_taken(
    prism: tuple[str, Callable[[], str]], message: Outgoing, calls: int
) -> None:
    base_url, look = prism
    async with WhatsApp(TOKEN, PHONE_ID, base_url) as channel:
        said = await channel.send(message)
    log = look()
    assert "did not pass" not in log, log
    assert log.count("The request passed the validation rules") == calls
    assert len(said.ids) == calls - len(message.files), "an upload has no id of a message"


async def test_the_other_calls_are_taken(prism: tuple[str, Callable[[], str]]) -> None:
    base_url, look = prism
    async with WhatsApp(TOKEN, PHONE_ID, base_url, account_id=ACCOUNT_ID) as channel:
        await channel.mark_read("wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQUYzMjEzNDM2RTZGQ0MzMDJBRgA=", typing=False)
        await channel.mark_read("wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQUYzMjEzNDM2RTZGQ0MzMDJBRgA=", typing=True)
        with pytest.raises(Undeliverable, match="nowhere"):  # Prism's link is the word <URL>
            await channel.fetch("2621233374848975")
        assert all(each.name and each.language and each.state.islower() for each in await channel.templates())
    log = look()
    assert "did not pass" not in log, log
    assert log.count("The request passed the validation rules") == 4


@pytest.mark.parametrize(
    "body",
    [
        {**HEAD, "type": "text", "text": {"body": "Halo", "preview": False}},
        {"messaging_product": "whatsapp", "recipient_type": "individual", "type": "text", "text": {"body": "Halo"}},
        {**HEAD, "type": "template", "template": {"name": "a"}},
        {**HEAD, "type": "interactive", "interactive": {"type": "button", "body": {"text": "a" * 1025}, "action": {}}},
        {"messaging_product": "whatsapp", "status": "seen", "message_id": "x"},
    ],
)
async def test_what_breaks_the_description_is_refused(
    prism: tuple[str, Callable[[], str]], body: dict[str, object]
) -> None:
    base_url, look = prism
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False) as client:
        answer = await client.post(f"{base_url}/v23.0/{PHONE_ID}/messages", json=body)
    look()
    assert answer.status_code == 422
    assert whatsapp_spec.check_body(body), "and our own measure sees it, too"


async def test_the_description_does_not_know_user_ids_yet(prism: tuple[str, Callable[[], str]]) -> None:
    base_url, look = prism
    async with WhatsApp(TOKEN, PHONE_ID, base_url) as channel:
        with pytest.raises(TryLater, match="422"):
            await channel.send(Outgoing(SARI, "Halo"))
    assert "must have required property 'to'" in look(), "once it does, the renaming in peers/whatsapp_spec.py can go"
