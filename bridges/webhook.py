"""Events to whoever has asked for them: one POST each, signed as Standard Webhooks (standardwebhooks.com) has it.

What we send to, an officer has typed: a name may lead into our own network, today or after the next change of a DNS
entry. So it is resolved here, at the moment of connecting, and what was looked at is what is connected to.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import json
import socket
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from pathlib import Path
from typing import Any

import httpx

from bridges import wire
from bridges.contract import Refused, Unknown
from bridges.wire import Limits

# The shape of a body (docs/webhooks.md).
SCHEMA = Path(__file__).parent / "webhook_schema.json"
PREFIX = "whsec_"
# A receiver says yes or no; nobody reads what it says beside that.
PATIENCE = Limits(connect=5.0, total=10.0, answer=64 << 10)
# Addresses of IPv6 that stand for one of IPv4 (NAT64); and those of the internet, all others are for something else.
_TRANSLATED, _INTERNET = IPv6Network("64:ff9b::/96"), IPv6Network("2000::/3")


def sign(secret: str, event_id: str, at: datetime, body: bytes) -> str:
    """The signature of a body that is sent at that moment: "v1," and an HMAC-SHA256 in base64. ValueError for a secret
    that is none ("whsec_" and base64)."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("not a secret") from None
    signed = f"{event_id}.{int(at.timestamp())}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


async def post(
    url: str,
    secrets: Sequence[str],
    event_id: str,
    body: Mapping[str, Any],
    at: datetime,
    *,
    private: bool = False,
    limits: Limits = PATIENCE,
) -> int:
    """Send an event, signed with each of these secrets; returns the status with which it was taken.

    `private`: addresses of networks that are not public are no reason to refuse. Raises `Refused("private")` for those,
    `Refused("unwanted")` where nobody wants events there any more, `Refused("redirected")`, and what else a submission
    may raise (bridges/contract.py).
    """
    if not url.startswith(("https://", "http://")):
        raise Refused("invalid", "url")
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {
        "content-type": "application/json",
        "accept-encoding": "identity",
        "user-agent": "lapor-kanal",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(sign(each, event_id, at, content) for each in secrets),
    }
    async with httpx.AsyncClient(
        transport=_Pinned(_anywhere if private else is_public),
        timeout=httpx.Timeout(limits.total, connect=limits.connect),
        trust_env=False,  # a proxy would connect wherever the name leads
    ) as client:
        try:
            answer = await wire.call(client, "POST", url, submits=True, limits=limits, content=content, headers=headers)
        except Refused as trouble:
            raise Refused("unwanted", "410") if trouble.detail == "410" else trouble from None
        except Unknown as trouble:
            if trouble.reason == "unreadable" and trouble.detail.startswith("2"):
                return int(trouble.detail)  # it was taken, and too much said to it
            raise Refused("redirected", trouble.detail) if trouble.detail.startswith("3") else trouble from None
    return answer.status_code


class _Pinned(httpx.AsyncHTTPTransport):
    """Connects where `may` allows every address of a name, and to the very one that was looked at."""

    def __init__(self, may: Callable[[IPv4Address | IPv6Address], bool]) -> None:
        super().__init__()
        self._may = may

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See httpx. Raises `Refused("private")`, and httpx's ConnectError for a name that nobody knows."""
        url = request.url
        try:
            addresses = await _addresses(url)
        except (OSError, ValueError):  # what cannot be encoded is no name either
            raise httpx.ConnectError("no such name", request=request) from None
        if not all(self._may(each) for each in addresses):
            raise Refused("private")
        # The certificate that is asked for is still that of the name.
        request.extensions = {**request.extensions, "sni_hostname": url.raw_host.decode("ascii")}
        request.url = url.copy_with(host=str(addresses[0]))
        return await super().handle_async_request(request)


async def _addresses(url: httpx.URL) -> list[IPv4Address | IPv6Address]:
    """Where the name in an address leads to now. OSError or ValueError where nobody knows it."""
    port = url.port or (443 if url.scheme == "https" else 80)  # by its name, a small container may not know it
    found = await asyncio.get_running_loop().getaddrinfo(url.raw_host.decode("ascii"), port, type=socket.SOCK_STREAM)
    return [ip_address(str(each[4][0]).partition("%")[0]) for each in found]


async def leads_inside(url: str, *, patience: float = 3.0) -> bool:
    """Whether nothing would be sent to this address as things are, because its name leads into a network that is not
    public. A name that nobody knows, or nobody tells within so many seconds, may lead anywhere one day: then not."""
    try:
        async with asyncio.timeout(patience):
            return not all(map(is_public, await _addresses(httpx.URL(url))))
    except (OSError, ValueError, TimeoutError, httpx.InvalidURL):
        return False


def _anywhere(_address: IPv4Address | IPv6Address) -> bool:
    return True


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one of the public internet, also where it carries another one within."""
    if isinstance(address, IPv6Address):
        within = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if within is None and address in _TRANSLATED:
            within = IPv4Address(int(address) & 0xFFFFFFFF)
        if within is not None:
            return is_public(within)
        if address not in _INTERNET:
            return False
    return address.is_global and not address.is_multicast
