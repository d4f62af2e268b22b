"""The web chat's routes over ASGI: who may post what, what the page shows, and the stream."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import PIL.Image
import pytest
from conftest import API_KEY
from cutting import store_down
from fastapi import FastAPI
from making import file, rows, run
from running import free_port, speaking
from sqlalchemy import text as sql

from api.house import House
from api.settings import Settings
from api.webchat import LARGEST_FILE, STREAMS_EACH
from bot.channels import webchat
from store import evidence, inbox, staff

ID = "0b5c7f0e-3a55-4c0a-9d38-0d7c5f3f2a11"
OWN = {"Sec-Fetch-Site": "same-origin"}
STORY = "Jalan di depan SMP 1 Sekayu rusak parah sejak bulan lalu."
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """As behind a proxy that ends TLS."""
    return settings.model_copy(update={"public_url": "https://lapor.test"})


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that has opened the page."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="https://lapor.test", headers=OWN) as client:
        await client.get("/chat")
        yield client


@pytest.fixture
async def speaker(settings: Settings, database: str) -> AsyncIterator[None]:
    """Somebody says what the house replies."""
    async with speaking(settings, database):
        yield


async def taken(house: House) -> list[Any]:
    """The rows of the inbox."""
    return await rows(house.engine, "SELECT message_id, address, sequence, payload FROM inbox ORDER BY id")


# --- the page


async def test_the_page_and_its_cookie(app: FastAPI) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://lapor.test") as client:
        answer = await client.get("/chat")
        cookie = answer.headers["set-cookie"]
        for flag in ("HttpOnly", "SameSite=lax", "Secure", "Path=/chat", "Max-Age=15552000"):
            assert flag in cookie
        assert len(client.cookies["chat"]) == 43
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert '<html lang="id">' in answer.text
        assert "Kanal pengaduan pemerintah daerah, diteruskan ke SP4N-LAPOR!" in answer.text
        assert "Darurat: 112" in answer.text
        again = await client.get("/chat")
        assert client.cookies["chat"] in again.headers["set-cookie"]


async def test_the_whole_page_weighs_less_than_25_kb_on_its_way(client: httpx.AsyncClient) -> None:
    page = await client.get("/chat")
    weight = page.num_bytes_downloaded
    for name in ("chat.css", "chat.js", "voice.js", "chat.svg"):
        asset = await client.get(f"/chat/static/{name}")
        assert asset.status_code == 200
        assert "immutable" in asset.headers["cache-control"]
        plain = await client.get(f"/chat/static/{name}", headers={"Accept-Encoding": "identity"})
        assert plain.content == asset.content
        assert "content-encoding" not in plain.headers
        weight += asset.num_bytes_downloaded
    assert weight < 25_000
    assert "://" not in page.text.replace("http://www.w3.org", "")
    assert (await client.get("/chat/static/chat.html")).status_code == 404


async def test_the_microphone_is_for_this_page_alone(client: httpx.AsyncClient) -> None:
    page = await client.get("/chat")
    assert "microphone=(self)" in page.headers["permissions-policy"]
    assert "media-src 'self' blob:;" in page.headers["content-security-policy"]
    assert 'accept="image/*,audio/*,video/*,.pdf"' in page.text
    assert re.search(r'id="record"[^>]* hidden>', page.text), "without a script there is nothing to tap"


async def test_english_is_kept(client: httpx.AsyncClient) -> None:
    assert '<html lang="en">' in (await client.get("/chat?lang=en")).text
    assert '<html lang="en">' in (await client.get("/chat")).text
    assert '<html lang="id">' in (await client.get("/chat?lang=id")).text


async def test_leaving_takes_the_cookie_away(client: httpx.AsyncClient) -> None:
    answer = await client.post("/chat/leave")
    assert answer.status_code == 303
    assert "chat" not in client.cookies


async def test_a_long_history_says_what_it_hides(client: httpx.AsyncClient, inside: House) -> None:
    address = hashlib.sha256(client.cookies["chat"].encode()).hexdigest()[:32]
    async with inside.engine.begin() as connection:
        for number in range(530):  # more than the store gives at once
            id_ = str(uuid.uuid4())
            await inbox.take(
                connection,
                channel=webchat.NAME,
                message_id=f"{address}:{id_}",
                address=address,
                sequence=number,
                name=None,
                payload={"id": id_, "n": number, "text": f"pesan-{number}."},
                received_at=datetime.now(UTC),
            )
    page = (await client.get("/chat")).text
    assert "pesan-329." not in page
    assert "pesan-330." in page
    assert "pesan-529." in page
    assert "Tampilkan pesan yang lebih lama (330)" in page
    assert "pesan-0." in (await client.get("/chat?all")).text


# --- what is posted


async def test_a_message_never_carries_the_cookie(client: httpx.AsyncClient, inside: House) -> None:
    answer = await client.post("/chat/messages", json={"id": ID, "n": 5, "text": "halo", "other": "x"})
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    [message] = await taken(inside)
    assert len(message.address) == 32
    assert message.message_id == f"{message.address}:{ID}"
    assert message.sequence == 5
    assert message.payload == {"id": ID, "n": 5, "text": "halo", "language": "id"}
    for table in ("inbox", "contacts", "deliveries"):
        assert client.cookies["chat"] not in repr(await rows(inside.engine, f"SELECT * FROM {table}"))  # noqa: S608


async def test_the_same_message_again_is_taken_once(client: httpx.AsyncClient, inside: House) -> None:
    message = {"id": ID, "n": 5, "text": STORY}
    answers = await asyncio.gather(*(client.post("/chat/messages", json=message) for _ in range(4)))
    assert [answer.status_code for answer in answers] == [200] * 4
    assert len(await taken(inside)) == 1


async def test_without_a_counter_the_servers_clock_orders(client: httpx.AsyncClient, inside: House) -> None:
    await client.post("/chat/messages", json={"id": ID, "text": "halo"})
    assert abs((await taken(inside))[0].sequence - time.time() * 1000) < 60_000


async def test_malformed_messages(client: httpx.AsyncClient, inside: House) -> None:
    bodies = [
        "", "[]", "nonsense", "[" * 100_000, '{"id": "1", "text": "x"}', json.dumps({"id": ID}),
        json.dumps({"id": ID, "text": "a\0"}), json.dumps({"id": ID, "text": "\ud800"}),
        json.dumps({"id": ID, "latitude": 91, "longitude": 0}),
        json.dumps({"id": ID, "latitude": float("nan"), "longitude": 0}),
        json.dumps({"id": ID, "file": {"size": 1}}),
    ]  # fmt: skip
    for body in bodies:
        answer = await client.post("/chat/messages", content=body, headers=JSON)
        assert answer.status_code == 400, body
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["title"]
    assert await taken(inside) == []


async def test_too_long_is_refused(client: httpx.AsyncClient, inside: House) -> None:
    for text in ("x" * 20_001, "x" * 400_000):
        answer = await client.post("/chat/messages", json={"id": ID, "text": text})
        assert answer.status_code == 413
        assert "20.000" in answer.json()["title"]
    assert await taken(inside) == []
    assert (await client.post("/chat/messages", json={"id": ID, "text": "😀" * 20_000})).status_code == 200
    assert len((await taken(inside))[0].payload["text"]) == 20_000


async def test_files(client: httpx.AsyncClient, inside: House) -> None:
    fields = {"id": ID, "n": "12", "text": "ini"}
    answer = await client.post("/chat/files", data=fields, files={"file": ("a.jpg", b"abc", "image/jpeg")})
    assert answer.status_code == 200
    [message] = await taken(inside)
    assert (message.sequence, message.payload["text"]) == (12, "ini")
    assert message.payload["file"] == {"size": 3, "content_type": "image/jpeg", "name": "a.jpg"}
    [kept] = await rows(inside.engine, "SELECT provider_id, size FROM media")
    assert (inside.shelf.get(kept.provider_id), kept.size) == (b"abc", 3)
    assert (await client.post("/chat/files", data=fields)).status_code == 400
    assert (await client.post("/chat/files", data=fields, files={"file": ("a", b"")})).status_code == 400
    broken = {"Content-Type": "multipart/form-data; boundary=x"}
    assert (await client.post("/chat/files", content=b"--x\r\nnonsense", headers=broken)).status_code == 400
    for extra in (1, 10**6):
        large = {"file": ("a.jpg", b"x" * (LARGEST_FILE + extra), "image/jpeg")}
        answer = await client.post("/chat/files", data=fields, files=large)
        assert answer.status_code == 413
        assert "20 MB" in answer.json()["title"]
    assert len(await taken(inside)) == 1


async def test_a_voice_note_is_played_to_its_speaker_and_nobody_else(
    client: httpx.AsyncClient, app: FastAPI, inside: House
) -> None:
    sound = b"\x1aE\xdf\xa3" + bytes(1000)
    file = {"file": ("rekaman suara.webm", sound, "audio/webm;codecs=opus")}
    assert (await client.post("/chat/files", data={"id": ID}, files=file)).status_code == 200
    [kept] = await rows(inside.engine, "SELECT kind, content_type, name FROM media")
    assert tuple(kept) == ("voice", "audio/webm", "rekaman suara.webm")

    path = f"/chat/files/{ID}"
    page = (await client.get("/chat")).text
    assert f'<audio class="player" controls preload="none" src="{path}" aria-label="rekaman suara.webm">' in page
    answer = await client.get(path)
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, sound, "audio/webm")
    part = await client.get(path, headers={"Range": "bytes=2-3"})
    assert (part.status_code, part.content) == (206, sound[2:4])

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://lapor.test") as stranger:
        assert (await stranger.get(path)).status_code == 404
        await stranger.get("/chat")
        assert (await stranger.get(path)).status_code == 404
    for other in (str(uuid.uuid4()), "nonsense", "%00", f"{ID}%27"):
        assert (await client.get(f"/chat/files/{other}")).status_code == 404
    await run(inside.engine, "UPDATE media SET state = 'refused'")
    assert (await client.get(path)).status_code == 404


async def test_a_photo_or_a_paper_is_not_handed_out_by_the_page(client: httpx.AsyncClient) -> None:
    for content_type in ("image/jpeg", "application/pdf", "text/html"):
        id_ = str(uuid.uuid4())
        await client.post("/chat/files", data={"id": id_}, files={"file": ("a", b"abc", content_type)})
        assert (await client.get(f"/chat/files/{id_}")).status_code == 404
    assert "<audio class" not in (await client.get("/chat")).text.partition("<template")[0].partition("<dialog")[0]


async def said_with_files(inside: House) -> dict[str, int]:
    """An answer with a picture and a paper, said in the one chat; the ids of the files by their names."""
    image = io.BytesIO()
    PIL.Image.new("RGB", (1200, 900), "orange").save(image, "JPEG")
    files = {'sesudah "ditambal" & rapi.jpg': image.getvalue(), "Berita acara.pdf": b"%PDF-1.4 %%EOF"}
    ids = {}
    async with inside.engine.begin() as connection:
        [[chat]] = await connection.execute(sql("SELECT id FROM contacts WHERE channel = 'webchat'"))
        event = await file(connection, contact_id=chat)
        staff_id = await staff.add(connection, "ani", "Ani", [])
        for name, content in files.items():
            kind = "image/jpeg" if name.endswith("jpg") else "application/pdf"
            ids[name] = await evidence.add(
                connection,
                complaint_id=event.complaint_id,
                staff_id=staff_id,
                agency=None,
                sha256=inside.shelf.put(content),
                content_type=kind,
                size=len(content),
                name=name,
                looks=None,
            )
        statement = """
            INSERT INTO deliveries (contact_id, channel, address, says, language, files, sent_at)
            SELECT id, channel, address, '[["push.note", {"note": "Sudah ditambal."}]]', 'id', CAST(:files AS jsonb),
                   now()
            FROM contacts WHERE id = :chat
        """
        await connection.execute(sql("UPDATE deliveries SET sent_at = now()"))
        await connection.execute(sql(statement), {"chat": chat, "files": json.dumps(list(ids.values()))})
    return ids


async def test_what_an_office_attached_stands_below_its_words(
    client: httpx.AsyncClient, app: FastAPI, inside: House
) -> None:
    await client.post("/chat/messages", json={"id": ID, "n": 5, "text": "halo"})
    photo, paper = (await said_with_files(inside)).values()
    page = (await client.get("/chat")).text
    shown = page[page.index("Sudah ditambal.") :].partition("</li>\n\n")[0]
    assert f'href="/chat/lampiran/{photo}" target="_blank"' in shown
    assert f'src="/chat/lampiran/{photo}?kecil" alt="sesudah ditambal &amp; rapi.jpg"' in shown
    assert f'href="/chat/lampiran/{paper}" download="Berita acara.pdf">Berita acara.pdf</a>' in shown
    stream = Listening(app, client.cookies["chat"])
    await stream.replies(2)
    await stream.leave()
    assert stream.lines()[-1]["files"] == [
        {"src": f"/chat/lampiran/{photo}", "name": "sesudah ditambal & rapi.jpg", "picture": True},
        {"src": f"/chat/lampiran/{paper}", "name": "Berita acara.pdf", "picture": False},
    ]


async def test_an_attachment_is_for_its_chat_alone(client: httpx.AsyncClient, app: FastAPI, inside: House) -> None:
    await client.post("/chat/messages", json={"id": ID, "n": 5, "text": "halo"})
    photo, paper = (await said_with_files(inside)).values()
    whole = await client.get(f"/chat/lampiran/{photo}")
    assert (whole.status_code, whole.headers["content-type"]) == (200, "image/jpeg")
    assert whole.headers["content-disposition"] == 'inline; filename="sesudah-ditambal-rapi.jpg"'
    small = await client.get(f"/chat/lampiran/{photo}?kecil")
    assert (small.headers["content-type"], small.headers["cache-control"]) == ("image/jpeg", "no-store")
    with PIL.Image.open(io.BytesIO(small.content)) as image:
        assert image.size == (480, 360)
    saved = await client.get(f"/chat/lampiran/{paper}?kecil")
    assert (saved.content, saved.headers["content-type"]) == (b"%PDF-1.4 %%EOF", "application/octet-stream")
    assert saved.headers["content-disposition"] == 'attachment; filename="Berita-acara.pdf"'
    assert "sandbox" in saved.headers["content-security-policy"]

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://lapor.test") as stranger:
        for _ in range(2):
            assert (await stranger.get(f"/chat/lampiran/{photo}")).status_code == 404
            await stranger.get("/chat")
    for other in (paper + 1, 0, "x", "1" * 19, "%00", -photo):
        assert (await client.get(f"/chat/lampiran/{other}")).status_code == 404


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE deliveries SET sent_at = NULL WHERE files <> '[]'",
        "UPDATE deliveries SET says = '[]' WHERE files <> '[]'",  # what was erased
        "UPDATE media SET state = 'refused'",
        "UPDATE deliveries SET files = '[]'",
    ],
)
async def test_only_what_was_said_is_handed_out(client: httpx.AsyncClient, inside: House, change: str) -> None:
    await client.post("/chat/messages", json={"id": ID, "n": 5, "text": "halo"})
    photo, _ = (await said_with_files(inside)).values()
    await run(inside.engine, change)
    assert (await client.get(f"/chat/lampiran/{photo}")).status_code == 404
    assert "/chat/lampiran/" not in (await client.get("/chat")).text


async def test_what_was_not_posted_by_a_page_is_no_line_of_the_citizen(
    client: httpx.AsyncClient, inside: House
) -> None:
    """Such as the words that a machine heard in a voice note, or what was erased."""
    await client.post("/chat/messages", json={"id": ID, "n": 5, "text": "halo"})
    [message] = await taken(inside)
    async with inside.engine.begin() as connection:
        for payload in ({"transcript": 1}, {}):
            await inbox.take(
                connection,
                channel=webchat.NAME,
                message_id=f"transcript:{len(payload)}",
                address=message.address,
                sequence=5,
                name=None,
                payload=payload,
                received_at=datetime.now(UTC),
            )
    page = (await client.get("/chat")).text
    assert page.count('<li class="line mine"') == 2, "one line, and the script's template"
    assert "halo" in page


async def test_buttons_may_have_parameters(client: httpx.AsyncClient, inside: House) -> None:
    await client.post("/chat/messages", json={"id": ID, "n": 5, "text": "halo"})
    buttons = [["choice.skip", "1:a:skip"], ["office.sure", "1:a:b", {"agency": "Dinas <Pekerjaan> Umum"}]]
    await run(
        inside.engine,
        "UPDATE deliveries SET sent_at = now(), claimed_at = now(), buttons = CAST(:buttons AS jsonb)",
        buttons=json.dumps(buttons),
    )
    page = (await client.get("/chat")).text
    assert '<button class="choice">Tidak tahu / lewati</button>' in page
    assert '<button class="choice">Dinas &lt;Pekerjaan&gt; Umum</button>' in page
    assert 'name="choice" value="1:a:b"' in page


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": ""},
     {"Sec-Fetch-Site": "", "Origin": "https://evil.test"}, {"Sec-Fetch-Site": "", "Origin": "null"}],
)  # fmt: skip
async def test_other_sites_are_refused(client: httpx.AsyncClient, inside: House, headers: dict[str, str]) -> None:
    for path in ("/chat", "/chat/messages", "/chat/files", "/chat/leave"):
        answer = await client.post(path, data={"id": ID, "text": "x"}, headers=headers)
        assert answer.status_code == 403, path
    answer = await client.post("/chat/messages", json={"id": ID, "text": "x"}, headers=headers)
    assert answer.status_code == 403
    assert await taken(inside) == []


async def test_old_browsers_are_known_by_their_origin(client: httpx.AsyncClient) -> None:
    headers = {"Sec-Fetch-Site": "", "Origin": "https://lapor.test"}
    answer = await client.post("/chat/messages", json={"id": ID, "text": "x"}, headers=headers)
    assert answer.status_code == 200


async def test_without_the_cookie_nothing_is_taken(client: httpx.AsyncClient, inside: House) -> None:
    client.cookies.clear()
    answer = await client.post("/chat/messages", json={"id": ID, "text": "x"})
    assert answer.status_code == 403
    assert "kuki" in answer.json()["title"]
    assert await taken(inside) == []


async def test_a_store_that_is_down_is_told(
    client: httpx.AsyncClient, inside: House, server: str, database: str
) -> None:
    async with store_down(server, database):
        answer = await client.post("/chat/messages", json={"id": ID, "text": "halo"})
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        assert "belum tercatat" in answer.json()["title"]
        assert (await client.get("/chat/events")).status_code == 503
        assert (await client.get("/chat/lampiran/1")).status_code == 503
        page = await client.get("/chat")
        assert page.status_code == 503
        assert "Riwayat chat belum bisa ditampilkan" in page.text

        answer = await client.post("/chat", data={"id": ID, "text": "empat & lima"})
        assert answer.status_code == 503
        assert "belum tercatat" in answer.text
        assert "empat &amp; lima</textarea>" in answer.text, "what was written is not lost"
        assert f'value="{ID}"' in answer.text
    assert (await client.post("/chat/messages", json={"id": ID, "text": "halo"})).status_code == 200
    assert len(await taken(inside)) == 1


# --- the form without scripts


async def test_the_form_without_scripts(client: httpx.AsyncClient, inside: House, speaker: None) -> None:
    words = f"<script>alert(1)</script>\r\n{STORY}"
    answer = await client.post("/chat", data={"id": ID, "text": words})
    assert (answer.status_code, answer.headers["location"]) == (303, "/chat")
    page = (await client.get("/chat")).text
    assert "<script>alert" not in page
    assert "Ada foto?" in page, "the form waits for the reply, since the page hears of nothing later"
    await client.post("/chat", data={"id": ID, "text": words})
    await client.post("/chat", data={"id": ID, "text": "dan berlubang"})
    messages = [message.payload["text"] for message in await taken(inside)]
    assert messages == [words.replace("\r\n", "\n"), "dan berlubang"], "other words are another message"

    page = (await client.get("/chat")).text
    hidden = r'name="choice" value="(.+?)">\s*<input type="hidden" name="label" value="(.+?)">'
    choice, label = re.findall(hidden, page)[-1]
    await client.post("/chat", data={"id": str(uuid.uuid4()), "choice": choice, "label": label})
    assert (await taken(inside))[-1].payload["choice"] == choice
    assert (await client.post("/chat", data={"id": ID, "text": "  "})).status_code == 400


async def test_the_form_does_not_wait_for_ever(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """No speaker runs, so there will be no reply."""
    monkeypatch.setattr("api.webchat.PATIENCE", 0.2)
    async with asyncio.timeout(60):
        assert (await client.post("/chat", data={"id": ID, "text": STORY})).status_code == 303
    assert STORY in (await client.get("/chat")).text


# --- the stream. httpx reads an ASGI answer only when it has ended, so these call the app themselves


class Listening:
    """One open request to the stream."""

    def __init__(self, app: FastAPI, cookie: str, query: str = "", last: int | None = None) -> None:
        headers = [(b"cookie", f"chat={cookie}".encode())]
        if last is not None:
            headers.append((b"last-event-id", str(last).encode()))
        self.gone = asyncio.Event()
        self.text = ""
        scope = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "method": "GET", "path": "/chat/events",
            "raw_path": b"/chat/events", "query_string": query.encode(), "headers": headers, "scheme": "https",
            "server": ("lapor.test", 443), "client": ("127.0.0.1", 1), "http_version": "1.1", "root_path": "",
        }  # fmt: skip
        self.task = asyncio.ensure_future(app(scope, self.receive, self.send))

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.text += message.get("body", b"").decode()

    async def until(self, part: str) -> None:
        async with asyncio.timeout(30):
            while part not in self.text:  # noqa: ASYNC110 - the app under test knows no event of ours
                await asyncio.sleep(0.01)

    async def replies(self, count: int) -> None:
        async with asyncio.timeout(30):
            while sum(not line["mine"] for line in self.lines()) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(row[6:]) for row in self.text.splitlines() if row.startswith("data: {")]

    async def leave(self) -> None:
        self.gone.set()
        async with asyncio.timeout(30):
            await self.task


async def test_the_stream_resumes_where_it_was_left(app: FastAPI, client: httpx.AsyncClient, speaker: None) -> None:
    cookie = client.cookies["chat"]
    first = Listening(app, cookie)
    await first.until("retry")
    await client.post("/chat/messages", json={"id": ID, "text": STORY})
    await first.replies(1)
    await first.leave()
    story, question = first.lines()
    assert (story["mine"], story["id"], story["text"]) == (True, ID, STORY)
    assert "Ada foto?" in question["text"]
    assert question["buttons"][0]["label"] == "Tidak ada foto"
    assert f"id: {question['cursor']}\n" in first.text

    await client.post("/chat/messages", json={"id": str(uuid.uuid4()), "text": "tidak ada"})
    by_header = Listening(app, cookie, f"after={story['cursor']}", last=question["cursor"])
    await by_header.replies(1)
    await by_header.leave()
    assert by_header.lines()[0]["text"] == "tidak ada"
    by_query = Listening(app, cookie, f"after={story['cursor']}")
    await by_query.replies(2)
    await by_query.leave()
    assert by_query.lines() == [question, *by_header.lines()]


async def test_a_quiet_stream_beats(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.webchat.HEARTBEAT", 0.05)
    stream = Listening(app, "a" * 43)
    await stream.until(": beat\n")
    await stream.leave()


async def test_the_oldest_of_too_many_streams_makes_room(app: FastAPI) -> None:
    streams = []
    for _ in range(STREAMS_EACH + 1):
        streams.append(Listening(app, "a" * 43))
        await streams[-1].until("retry")
    other = Listening(app, "b" * 43)
    await streams[0].until("event: elsewhere")
    assert "elsewhere" not in streams[1].text
    for stream in [*streams, other]:
        await stream.leave()


async def test_a_store_that_goes_down_ends_the_stream(
    app: FastAPI, server: str, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.webchat.HEARTBEAT", 0.2)  # so often a quiet stream looks
    stream = Listening(app, "a" * 43)
    await stream.until("retry")
    async with store_down(server, database), asyncio.timeout(30):
        await stream.task


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_open_streams_do_not_keep_the_server_from_stopping(database: str, tmp_path: Path) -> None:
    """The real process, asked to end by a signal while a page listens."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    environment = {
        "DATABASE_URL": database, "PORT": str(port), "DATA_DIR": str(tmp_path), "API_KEYS": f"test:{API_KEY}",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }  # fmt: skip
    process = subprocess.Popen([sys.executable, "-m", "api", "web"], cwd=tmp_path, env=os.environ | environment)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                httpx.get(f"{url}/healthz").raise_for_status()
                break
            except httpx.TransportError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
        with httpx.stream("GET", f"{url}/chat/events", cookies={"chat": "a" * 43}, timeout=10) as answer:
            lines = answer.iter_lines()
            assert next(lines) == "retry: 3000"
            process.send_signal(signal.SIGTERM)
            assert "".join(lines) == "", "the stream ends as a whole answer, not as a broken one"
        assert process.wait(30) in (0, -signal.SIGTERM)
    finally:
        process.kill()
        process.wait()
