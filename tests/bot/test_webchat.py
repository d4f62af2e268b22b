"""The web chat: its translator on arbitrary payloads, and its routes over ASGI."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from api.webchat import LARGEST_FILE, STREAMS_EACH, Line, StoreDown, routes
from bot.channels.webchat import TooLong, Webchat, read
from bot.messages import Address, Button, Channel, Incoming, Outgoing, Undeliverable

ID = "0b5c7f0e-3a55-4c0a-9d38-0d7c5f3f2a11"
AT = datetime(2026, 11, 3, 7, 5, tzinfo=UTC)
OWN = {"Sec-Fetch-Site": "same-origin"}

# --- the translator

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=30)
anything = st.recursive(scalars, lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(), x, max_size=3))
nearly = st.fixed_dictionaries(
    {},
    optional={
        "id": st.just(ID) | anything,
        "n": st.integers(0, 2**60) | anything,
        "text": st.text() | anything,
        "choice": st.text(max_size=70) | anything,
        "label": anything,
        "latitude": st.floats(-91, 91) | anything,
        "longitude": st.floats(-181, 181) | anything,
        "language": anything,
        "file": st.fixed_dictionaries(
            {}, optional={"size": st.integers() | anything, "content_type": anything, "name": anything}
        )
        | anything,
    },
)


@given(nearly | anything)
def test_any_payload_is_a_message_or_a_value_error(payload: Any) -> None:
    try:
        message = read("u", payload)
    except ValueError:
        return
    assert message.address == Address("webchat", "u")
    assert message.message_id == f"u:{ID}"
    assert message.text.strip() or message.choice or message.place or message.media
    assert "\0" not in message.text
    message.text.encode()


def test_each_kind_of_message() -> None:
    assert read("u", {"id": ID, "n": 7, "text": "halo"}) == Incoming(Address("webchat", "u"), f"u:{ID}", 7, text="halo")
    assert read("u", {"id": ID, "n": 7, "choice": "yes", "label": "Ya"}).choice == "yes"
    place = read("u", {"id": ID, "n": 7, "latitude": -2.88, "longitude": 103}).place
    assert place is not None
    assert (place.latitude, place.longitude) == (-2.88, 103.0)
    file = {"size": 9, "content_type": "application/pdf", "name": "surat.pdf"}
    media = read("u", {"id": ID, "n": 7, "text": "surat", "file": file}).media
    assert media is not None
    assert (media.kind, media.provider_id, media.size) == ("document", f"upload:{ID}", 9)


def test_too_long_is_refused_and_not_cut() -> None:
    assert len(read("u", {"id": ID, "n": 1, "text": "x" * 20_000}).text) == 20_000
    with pytest.raises(TooLong):
        read("u", {"id": ID, "n": 1, "text": "x" * 20_001})


async def test_the_channel_only_checks() -> None:
    channel: Channel = Webchat()
    address = Address("webchat", "u")
    assert await channel.send(Outgoing(address, "halo", (Button("Ya", "yes"),))) is None
    with pytest.raises(Undeliverable):
        await channel.send(Outgoing(address, " "))
    with pytest.raises(Undeliverable):
        await channel.send(Outgoing(address, "halo", (Button("Ya", "é" * 33),)))
    with pytest.raises(Undeliverable) as caught:
        await channel.fetch("upload:1")
    assert (caught.value.reason, caught.value.gone) == ("no_such_file", False)


# --- the routes


class Desk:
    """A backend in memory."""

    def __init__(self) -> None:
        self.taken: list[tuple[Incoming, dict[str, Any], bytes | None]] = []
        self.chat: list[Line] = []
        self.down = False
        self.news = asyncio.Event()

    async def take(self, message: Incoming, payload: dict[str, Any], content: bytes | None = None) -> None:
        if self.down:
            raise StoreDown
        self.taken.append((message, payload, content))

    async def lines(self, address: Address, after: int) -> list[Line]:
        if self.down:
            raise StoreDown
        return [line for line in self.chat if line.cursor > after]

    async def wait(self, address: Address, seconds: float) -> None:
        self.news.clear()
        try:
            await asyncio.wait_for(self.news.wait(), seconds)
        except TimeoutError:
            return

    def say(self, text: str, **more: Any) -> None:
        self.chat.append(replace(Line(len(self.chat) + 1, False, text, (), AT, None), **more))
        self.news.set()


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def app(desk: Desk) -> FastAPI:
    app = FastAPI()
    app.include_router(routes(desk, secure_cookies=True))
    return app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="https://lapor.test", headers=OWN) as client:
        await client.get("/chat")
        yield client


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


async def test_the_whole_page_weighs_less_than_40_kb(client: httpx.AsyncClient) -> None:
    page = await client.get("/chat")
    weight = len(page.content)
    for name in ("chat.css", "chat.js", "chat.svg"):
        asset = await client.get(f"/chat/static/{name}")
        assert asset.status_code == 200
        assert "immutable" in asset.headers["cache-control"]
        weight += len(asset.content)
    assert weight < 40_000
    assert "://" not in page.text.replace("http://www.w3.org", "")
    assert (await client.get("/chat/static/chat.html")).status_code == 404


async def test_a_message_never_carries_the_cookie(client: httpx.AsyncClient, desk: Desk) -> None:
    answer = await client.post("/chat/messages", json={"id": ID, "n": 5, "text": "halo", "other": "x"})
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    [(message, payload, content)] = desk.taken
    assert len(message.address.user) == 32
    assert message.message_id == f"{message.address.user}:{ID}"
    assert (message.sequence, message.language, content) == (5, "id", None)
    assert payload == {"id": ID, "n": 5, "text": "halo", "language": "id"}
    assert client.cookies["chat"] not in repr(desk.taken)


async def test_without_a_counter_the_servers_clock_orders(client: httpx.AsyncClient, desk: Desk) -> None:
    await client.post("/chat/messages", json={"id": ID, "text": "halo"})
    assert abs(desk.taken[0][0].sequence - time.time() * 1000) < 60_000


@pytest.mark.parametrize(
    "body",
    ["", "[]", "nonsense", "[" * 100_000, '{"id": "1", "text": "x"}', json.dumps({"id": ID}),
     json.dumps({"id": ID, "text": "a\0"}), json.dumps({"id": ID, "text": "\ud800"}),
     json.dumps({"id": ID, "latitude": 91, "longitude": 0}),
     json.dumps({"id": ID, "latitude": float("nan"), "longitude": 0}),
     json.dumps({"id": ID, "file": {"size": 1}})],
)  # fmt: skip
async def test_malformed_messages(client: httpx.AsyncClient, desk: Desk, body: str) -> None:
    answer = await client.post("/chat/messages", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"]
    assert desk.taken == []


async def test_too_long_too_large_and_down(client: httpx.AsyncClient, desk: Desk) -> None:
    longest = {"id": ID, "text": "😀" * 20_000}
    assert (await client.post("/chat/messages", json=longest)).status_code == 200
    for text in ("x" * 20_001, "x" * 400_000):
        answer = await client.post("/chat/messages", json={"id": ID, "text": text})
        assert answer.status_code == 413
        assert "20.000" in answer.json()["title"]
    desk.down = True
    answer = await client.post("/chat/messages", json={"id": ID, "text": "halo"})
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert (await client.get("/chat/events")).status_code == 503
    page = await client.get("/chat")
    assert page.status_code == 503
    assert "Sistem sedang terganggu" in page.text


async def test_files(client: httpx.AsyncClient, desk: Desk) -> None:
    fields = {"id": ID, "n": "12", "text": "ini"}
    answer = await client.post("/chat/files", data=fields, files={"file": ("a.jpg", b"abc", "image/jpeg")})
    assert answer.status_code == 200
    [(message, payload, content)] = desk.taken
    assert message.media is not None
    assert (message.media.provider_id, message.sequence, message.text, content) == (f"upload:{ID}", 12, "ini", b"abc")
    assert payload["file"] == {"size": 3, "content_type": "image/jpeg", "name": "a.jpg"}
    assert (await client.post("/chat/files", data=fields)).status_code == 400
    assert (await client.post("/chat/files", data=fields, files={"file": ("a", b"")})).status_code == 400
    broken = {"Content-Type": "multipart/form-data; boundary=x"}
    assert (await client.post("/chat/files", content=b"--x\r\nnonsense", headers=broken)).status_code == 400
    for extra in (1, 10**6):
        large = {"file": ("a.jpg", b"x" * (LARGEST_FILE + extra), "image/jpeg")}
        answer = await client.post("/chat/files", data=fields, files=large)
        assert answer.status_code == 413
        assert "20 MB" in answer.json()["title"]
    assert len(desk.taken) == 1


@pytest.mark.parametrize("path", ["/chat", "/chat/messages", "/chat/files", "/chat/leave"])
@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": ""},
     {"Sec-Fetch-Site": "", "Origin": "https://evil.test"}, {"Sec-Fetch-Site": "", "Origin": "null"}],
)  # fmt: skip
async def test_other_sites_are_refused(
    client: httpx.AsyncClient, desk: Desk, path: str, headers: dict[str, str]
) -> None:
    answer = await client.post(path, data={"id": ID, "text": "x"}, headers=headers)
    assert answer.status_code == 403
    assert desk.taken == []


async def test_old_browsers_are_known_by_their_origin(client: httpx.AsyncClient) -> None:
    headers = {"Sec-Fetch-Site": "", "Origin": "https://lapor.test"}
    answer = await client.post("/chat/messages", json={"id": ID, "text": "x"}, headers=headers)
    assert answer.status_code == 200


async def test_without_the_cookie_nothing_is_taken(client: httpx.AsyncClient, desk: Desk) -> None:
    client.cookies.clear()
    answer = await client.post("/chat/messages", json={"id": ID, "text": "x"})
    assert answer.status_code == 403
    assert "kuki" in answer.json()["title"]
    assert desk.taken == []


async def test_the_form_without_scripts(client: httpx.AsyncClient, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.webchat.PATIENCE", 0.05)
    desk.say("Mau dikirim?", buttons=(Button("Ya", "yes"),))
    desk.say("<script>alert(1)</script>")
    page = (await client.get("/chat")).text
    assert 'value="yes"' in page
    assert "<script>alert" not in page
    answer = await client.post("/chat", data={"id": ID, "text": "satu\r\ndua"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/chat")
    await client.post("/chat", data={"id": ID, "text": "satu\r\ndua"})
    await client.post("/chat", data={"id": ID, "text": "tiga"})
    ids = [message.message_id for message, _, _ in desk.taken]
    assert ids[0] == ids[1] != ids[2], "sent again it is the same message; with other words it is another"
    assert desk.taken[0][0].text == "satu\ndua"
    await client.post("/chat", data={"id": str(uuid.uuid4()), "choice": "yes", "label": "Ya"})
    assert desk.taken[-1][0].choice == "yes"
    assert (await client.post("/chat", data={"id": ID, "text": "  "})).status_code == 400

    desk.down = True
    answer = await client.post("/chat", data={"id": ID, "text": "empat & lima"})
    assert answer.status_code == 503
    assert "empat &amp; lima</textarea>" in answer.text, "what was written is not lost"
    assert f'value="{ID}"' in answer.text


async def test_the_form_waits_for_the_reply(client: httpx.AsyncClient, desk: Desk) -> None:
    desk.say("halo", from_citizen=True)
    asyncio.get_running_loop().call_later(0.1, desk.say, "Di mana tempatnya?")
    started = time.monotonic()
    await client.post("/chat", data={"id": ID, "text": "halo"})
    assert 0.05 < time.monotonic() - started < 1.5
    assert "Di mana tempatnya?" in (await client.get("/chat")).text


async def test_english_is_kept(client: httpx.AsyncClient) -> None:
    assert '<html lang="en">' in (await client.get("/chat?lang=en")).text
    assert '<html lang="en">' in (await client.get("/chat")).text
    assert '<html lang="id">' in (await client.get("/chat?lang=id")).text


async def test_leaving_takes_the_cookie_away(client: httpx.AsyncClient) -> None:
    answer = await client.post("/chat/leave")
    assert answer.status_code == 303
    assert "chat" not in client.cookies


async def test_a_long_history_says_what_it_hides(client: httpx.AsyncClient, desk: Desk) -> None:
    for number in range(230):
        desk.say(f"pesan-{number}.")
    page = (await client.get("/chat")).text
    assert "pesan-29." not in page
    assert "pesan-30." in page
    assert "Tampilkan pesan yang lebih lama (30)" in page
    assert "pesan-0." in (await client.get("/chat?all")).text


# --- the stream. httpx reads an ASGI answer only when it has ended, so these call the app themselves


class Listening:
    """One open request to the stream."""

    def __init__(self, app: FastAPI, cookie: str, query: str = "", last: str | None = None) -> None:
        headers = [(b"cookie", f"chat={cookie}".encode())]
        if last is not None:
            headers.append((b"last-event-id", last.encode()))
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
        async with asyncio.timeout(5):
            while part not in self.text:  # noqa: ASYNC110 - the app under test knows no event of ours
                await asyncio.sleep(0.01)

    def texts(self) -> list[str]:
        lines = [row[6:] for row in self.text.splitlines() if row.startswith("data: {")]
        return [json.loads(line)["text"] for line in lines]

    async def leave(self) -> None:
        self.gone.set()
        async with asyncio.timeout(5):
            await self.task


async def test_the_stream_resumes_where_it_was_left(app: FastAPI, desk: Desk) -> None:
    cookie = "a" * 43
    desk.say("satu")
    desk.say("dua", from_citizen=True, message_id=f"{'0' * 32}:{ID}")
    first = Listening(app, cookie, "after=1")
    await first.until("id: 2\n")
    assert f'"id": "{ID}"' in first.text
    desk.say("tiga")
    await first.until("id: 3\n")
    await first.leave()
    assert first.texts() == ["dua", "tiga"]
    desk.say("empat")
    second = Listening(app, cookie, "after=1", last="3")
    await second.until("id: 4\n")
    await second.leave()
    assert second.texts() == ["empat"]


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


async def test_a_store_that_goes_down_ends_the_stream(app: FastAPI, desk: Desk) -> None:
    stream = Listening(app, "a" * 43)
    await stream.until("retry")
    desk.down = True
    await asyncio.sleep(0.05)
    desk.news.set()
    async with asyncio.timeout(5):
        await stream.task


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_open_streams_do_not_keep_the_server_from_stopping(tmp_path: Path) -> None:
    script = tmp_path / "served.py"
    script.write_text(
        textwrap.dedent("""
            import asyncio, uvicorn
            from fastapi import FastAPI
            from api.webchat import routes

            class Quiet:
                async def lines(self, address, after): return []
                async def wait(self, address, seconds): await asyncio.sleep(seconds)

            app = FastAPI()
            app.include_router(routes(Quiet(), secure_cookies=False))
            config = uvicorn.Config(app, port=0, log_level="info")
            uvicorn.Server(config).run()
        """)
    )
    process = subprocess.Popen(
        [sys.executable, str(script)],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert process.stderr is not None
    try:
        url = next(line for line in process.stderr if "running on" in line).split("running on ")[1].split()[0]
        with httpx.stream("GET", f"{url}/chat/events", cookies={"chat": "a" * 43}, timeout=10) as answer:
            rows = answer.iter_lines()
            assert next(rows) == "retry: 3000"
            process.send_signal(signal.SIGTERM)
            assert "".join(rows) == "", "the stream ends as a whole answer, not as a broken one"
        assert process.wait(10) in (0, -signal.SIGTERM)
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
