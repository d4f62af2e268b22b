"""What bridges say of requests that go wrong, over real connections."""

from __future__ import annotations

import gzip
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from peers.blunt import response, serving

from bridges import wire
from bridges.contract import Later, Refused, Trouble, Unknown
from bridges.wire import Limits

QUICK = Limits(connect=0.5, total=0.7)
PATIENT = Limits(connect=30, total=30)
BOTH = pytest.mark.parametrize("submits", [True, False])


async def ask(url: str, *, submits: bool, limits: Limits = PATIENT) -> httpx.Response:
    """One request to an address."""
    async with wire.client(url, limits) as client:
        return await wire.call(client, "POST", "/laporan", submits=submits, limits=limits, json={"a": 1})


async def trouble(url: str, *, submits: bool, limits: Limits = PATIENT) -> Trouble:
    """What goes wrong with it."""
    with pytest.raises(Trouble) as caught:
        await ask(url, submits=submits, limits=limits)
    return caught.value


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port


@BOTH
async def test_what_was_answered_is_returned(submits: bool) -> None:
    async with serving(response(201, b'{"id": "1"}', Content_Type="application/json")) as url:
        answer = await ask(url, submits=submits)
    assert answer.status_code == 201
    assert answer.json() == {"id": "1"}


@BOTH
async def test_what_was_answered_is_unpacked_once(submits: bool) -> None:
    packed = gzip.compress(b'{"id": "1"}')
    async with serving(response(200, packed, Content_Encoding="gzip")) as url:
        assert (await ask(url, submits=submits)).json() == {"id": "1"}


@BOTH
async def test_a_refused_connection_may_be_tried_again(submits: bool) -> None:
    found = await trouble(f"http://127.0.0.1:{free_port()}", submits=submits)
    assert isinstance(found, Later)
    assert found.reason == "away"


@BOTH
async def test_a_name_that_leads_nowhere_may_be_tried_again(submits: bool) -> None:
    assert isinstance(await trouble("http://sp4n.invalid", submits=submits), Later)


@BOTH
async def test_who_does_not_speak_tls_was_sent_nothing(submits: bool) -> None:
    async with serving(b"HTTP/1.1 400 Bad Request\r\n\r\n", reads=False) as url:
        found = await trouble(url.replace("http://", "https://"), submits=submits)
    assert isinstance(found, Later)
    assert found.reason == "away"


@BOTH
async def test_who_accepts_and_says_nothing_of_tls_was_sent_nothing(submits: bool) -> None:
    async with serving(None, hangs=True, reads=False) as url:
        found = await trouble(url.replace("http://", "https://"), submits=submits, limits=QUICK)
    assert isinstance(found, Later)
    assert found.reason == "away"


@pytest.mark.parametrize(("submits", "kind"), [(True, Unknown), (False, Later)])
@pytest.mark.parametrize(
    "said", [None, b"HTTP/1.1 20", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", b"220 mail.example ESMTP\r\n"]
)
async def test_a_connection_that_is_cut(said: bytes | None, submits: bool, kind: type[Trouble]) -> None:
    async with serving(said) as url:
        found = await trouble(url, submits=submits)
    assert type(found) is kind
    assert found.reason == "cut"


@pytest.mark.parametrize(("submits", "kind"), [(True, Unknown), (False, Later)])
async def test_who_does_not_even_read(submits: bool, kind: type[Trouble]) -> None:
    async with serving(None, reads=False) as url:
        found = await trouble(url, submits=submits)
    assert type(found) is kind


@pytest.mark.parametrize(("submits", "kind"), [(True, Unknown), (False, Later)])
@pytest.mark.parametrize("said", [None, b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"])
async def test_silence(said: bytes | None, submits: bool, kind: type[Trouble]) -> None:
    async with serving(said, hangs=True) as url:
        found = await trouble(url, submits=submits, limits=QUICK)
    assert type(found) is kind
    assert found.reason == "timeout"


@BOTH
@pytest.mark.parametrize("status", [429, 503])
async def test_who_asks_us_to_wait_is_waited_for(status: int, submits: bool) -> None:
    async with serving(response(status, Retry_After="7")) as url:
        found = await trouble(url, submits=submits)
    assert isinstance(found, Later)
    assert (found.reason, found.after) == ("busy", 7.0)


@pytest.mark.parametrize(
    ("wait", "after"), [("soon", None), ("-5", 0.0), ("9" * 400, wire.LONGEST_WAIT), ("", None), ("nan", None)]
)
async def test_any_word_for_how_long(wait: str, after: float | None) -> None:
    async with serving(response(429, Retry_After=wait)) as url:
        found = await trouble(url, submits=True)
    assert isinstance(found, Later)
    assert found.after == after


async def test_a_date_until_which_to_wait() -> None:
    until = datetime.now(UTC) + timedelta(minutes=10)
    async with serving(response(503, Retry_After=format_datetime(until, usegmt=True))) as url:
        found = await trouble(url, submits=True)
    assert isinstance(found, Later)
    assert found.after is not None
    assert 500 < found.after <= 600


@BOTH
@pytest.mark.parametrize(
    ("status", "reason", "detail"),
    [
        (400, "invalid", "400"),
        (401, "key", ""),
        (403, "key", ""),
        (404, "not_found", ""),
        (413, "too_large", ""),
        (422, "invalid", "422"),
    ],
)
async def test_a_no_is_a_no(status: int, reason: str, detail: str, submits: bool) -> None:
    async with serving(response(status)) as url:
        found = await trouble(url, submits=submits)
    assert isinstance(found, Refused)
    assert (found.reason, found.detail) == (reason, detail)


@pytest.mark.parametrize(("submits", "kind"), [(True, Unknown), (False, Later)])
@pytest.mark.parametrize(("status", "reason"), [(500, "broken"), (502, "broken"), (503, "broken"), (302, "unreadable")])
async def test_what_broke_there(status: int, reason: str, submits: bool, kind: type[Trouble]) -> None:
    async with serving(response(status, Location="http://127.0.0.1:1/masuk")) as url:
        found = await trouble(url, submits=submits)
    assert type(found) is kind
    assert (found.reason, found.detail) == (reason, str(status))


async def test_html_is_an_answer_that_the_bridge_itself_must_look_at() -> None:
    async with serving(response(200, b"<!doctype html><p>Galat", Content_Type="text/html")) as url:
        answer = await ask(url, submits=True)
    assert answer.headers["content-type"] == "text/html"


@pytest.mark.parametrize(("submits", "kind"), [(True, Unknown), (False, Later)])
async def test_an_answer_without_end_is_not_read(submits: bool, kind: type[Trouble]) -> None:
    async with serving(response(200, b"x" * 2000)) as url:
        found = await trouble(url, submits=submits, limits=Limits(connect=30, total=30, answer=1000))
    assert type(found) is kind
    assert (found.reason, found.detail) == ("unreadable", "200")


@pytest.mark.parametrize(("submits", "kind"), [(True, Unknown), (False, Later)])
async def test_what_is_not_packed_as_it_says(submits: bool, kind: type[Trouble]) -> None:
    async with serving(response(200, b"not packed", Content_Encoding="gzip")) as url:
        found = await trouble(url, submits=submits)
    assert type(found) is kind
    assert found.reason == "unreadable"


@pytest.mark.parametrize("url", ["", "ftp://127.0.0.1", "http://127.0.0.1:99999", "sp4n.example"])
async def test_an_address_that_is_none_is_refused(url: str) -> None:
    assert isinstance(await trouble(url, submits=True), Refused)


@pytest.mark.parametrize("token", ["a\nb", "kunci–panjang"])
async def test_a_token_that_no_header_can_carry_is_refused(token: str) -> None:
    async with serving(response(200)) as url:
        with pytest.raises(Refused):
            async with wire.client(url, PATIENT, headers={"Authorization": token}) as client:
                await wire.call(client, "GET", "/", submits=False)


async def test_trouble_quotes_nobody() -> None:
    async with serving(response(500, b"Jalan rusak di depan rumah Budi")) as url:
        found = await trouble(url, submits=True)
    assert "Budi" not in str(found)
    assert "127.0.0.1" not in str(found)
    assert found.__cause__ is None
