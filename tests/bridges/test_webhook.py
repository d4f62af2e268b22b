"""Events as they are posted: signed so that others can check it, to public addresses only, with one outcome each."""

from __future__ import annotations

import base64
import socket
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from peers.receiver import Receiver
from standardwebhooks import Webhook

from bridges import webhook
from bridges.contract import Later, Refused, Unknown
from bridges.wire import Limits

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OTHER = "whsec_" + base64.b64encode(bytes(range(32, 64))).decode()
EVENT = "evt_" + "0" * 32
BODY = {"id": EVENT, "kind": "webhook.test", "complaint": None, "said": "Jalan – “rusak”"}
PATIENT = Limits(connect=30, total=30, answer=64 << 10)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Somebody who wants to be told."""
    async with Receiver([SECRET]) as opened:
        yield opened


async def post(url: str, *secrets: str, private: bool = True, limits: Limits = PATIENT) -> int:
    at = datetime.now(UTC)
    return await webhook.post(url, secrets or (SECRET,), EVENT, BODY, at, private=private, limits=limits)


# --- signed ---------------------------------------------------------------------------------------------------


MOMENTS = st.integers(10**9, 4 * 10**9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@given(key=st.binary(min_size=24, max_size=64), body=st.text(max_size=50), at=MOMENTS)
def test_the_signature_is_that_of_the_library(key: bytes, body: str, at: datetime) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    assert webhook.sign(secret, EVENT, at, body.encode()) == Webhook(secret).sign(EVENT, at, body)


async def test_what_arrives_is_what_was_sent_and_the_library_believes_it(receiver: Receiver) -> None:
    assert await post(receiver.url) == 204
    assert receiver.taken == [BODY]
    assert receiver.headers[0]["content-type"] == "application/json"
    assert receiver.problems == []


@pytest.mark.parametrize("known", [SECRET, OTHER])
async def test_while_secrets_change_both_are_good(known: str) -> None:
    async with Receiver([known]) as receiver:
        assert await post(receiver.url, SECRET, OTHER) == 204


async def test_another_secret_is_not_believed(receiver: Receiver) -> None:
    with pytest.raises(Refused, match="invalid 400"):
        await post(receiver.url, OTHER)
    assert receiver.taken == []


@pytest.mark.parametrize("secret", ["whsec_?", "whsec_a", "ä"])
def test_what_is_no_secret_signs_nothing(secret: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        webhook.sign(secret, EVENT, datetime.now(UTC), b"")


# --- what came of it ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "trouble", "says"),
    [
        (410, Refused, "unwanted 410"),
        (400, Refused, "invalid 400"),
        (404, Refused, "not_found"),
        (401, Refused, "key"),
        (500, Unknown, "broken 500"),
        (503, Unknown, "broken 503"),
        (429, Later, "busy"),
        (304, Refused, "redirected 304"),
        ("elsewhere", Refused, "redirected 302"),
        ("cut", Unknown, "cut"),
    ],
)
async def test_every_answer_has_one_outcome(receiver: Receiver, answer: Any, trouble: Any, says: str) -> None:
    receiver.answers.append(answer)
    with pytest.raises(trouble, match=f"^{says}$"):
        await post(receiver.url)
    assert len(receiver.asked) == 1
    assert receiver.problems == []


async def test_a_yes_with_far_too_many_words_is_a_yes(receiver: Receiver) -> None:
    receiver.answers.append("endless")
    assert await post(receiver.url) == 200


async def test_nobody_is_waited_for_without_end(receiver: Receiver) -> None:
    receiver.answers.append("slow")
    with pytest.raises(Unknown, match="timeout"):
        await post(receiver.url, limits=Limits(connect=30, total=1))


async def test_where_nobody_listens_it_may_be_sent_later() -> None:
    for url in ("http://127.0.0.1:1/", "http://nobody.invalid/", f"http://{'a' * 70}.example/"):
        with pytest.raises(Later, match="away"):
            await post(url)


# --- where to -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    "127.0.0.1 localhost [::1] 0.0.0.0 [::] [::ffff:127.0.0.1] 10.0.0.1 172.16.5.5 192.168.1.1 169.254.169.254"
    " [fe80::1] [fd00::1] 100.64.0.1 2130706433 0x7f.1 127.1 224.0.0.1 255.255.255.255 [64:ff9b::7f00:1]"
    " [2002:7f00:1::] [::7f00:1] [::10.0.0.1] [fec0::1] [64:ff9b:1::a00:1] [::ffff:0:7f00:1] [5f00::1]".split(),
)
async def test_no_way_leads_into_a_network_that_is_not_public(receiver: Receiver, host: str) -> None:
    with pytest.raises(Refused, match="private"):
        await post(f"http://{host}:{receiver.port}/hook", private=False)
    assert receiver.asked == []


@pytest.mark.parametrize("found", [["8.8.8.8", "127.0.0.1"], ["127.0.0.1", "8.8.8.8"], ["10.1.2.3"]])
async def test_one_private_address_of_a_name_is_enough(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, found: list[str]
) -> None:
    resolving(monkeypatch, found)
    with pytest.raises(Refused, match="private"):
        await post(f"http://hook.test:{receiver.port}/hook", private=False)
    assert receiver.asked == []


def resolving(monkeypatch: pytest.MonkeyPatch, found: list[str]) -> list[str]:
    """A DNS that knows hook.test; the list fills with what it was asked."""
    asked, real = list[str](), socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *more: Any, **most: Any) -> Any:
        if host not in ("hook.test", "other.test"):
            return real(host, port, *more, **most)
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


async def test_a_name_is_looked_up_once_and_that_is_where_it_goes(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = resolving(monkeypatch, ["127.0.0.1"])
    assert await post(f"http://hook.test:{receiver.port}/hook") == 204
    assert asked == ["hook.test"]
    assert receiver.headers[0]["host"] == f"hook.test:{receiver.port}"


async def test_the_certificate_is_that_of_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, ["127.0.0.1"])
    certificate = signed_by_itself(tmp_path, "hook.test")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    async with Receiver([SECRET], context=context) as receiver:
        assert await post(f"https://hook.test:{receiver.port}/hook") == 204
        for url in (f"https://other.test:{receiver.port}/hook", receiver.url):
            with pytest.raises(Later, match="away"):
                await post(url)
    assert len(receiver.asked) == 1


def signed_by_itself(folder: Path, name: str) -> Path:
    """A certificate of that name with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "103.10.20.30", "2001:4860:4860::8888", "64:ff9b::808:808", "2002:808:808::"]
)
def test_public_addresses_are_public(address: str) -> None:
    assert webhook.is_public(ip_address(address))


@pytest.mark.parametrize("url", ["ftp://hook.example/", "file:///etc/passwd", "hook.example", "", "javascript:x"])
async def test_anything_but_http_is_refused(url: str) -> None:
    with pytest.raises(Refused, match="invalid url"):
        await post(url)
