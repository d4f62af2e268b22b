"""HTTP as bridges speak it: one request, sent once, and what may be said of its outcome when it goes wrong.

Whether something that went wrong is `Later` or `Unknown` hangs on one thing: had the first byte of the request left us?
httpx tells the moment it begins to write (its `trace`), and until then nothing was sent, whatever the error is called.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from bridges.contract import Later, Refused, Trouble, Unknown

# At INFO, httpx writes every address into the log.
logging.getLogger("httpx").setLevel(logging.WARNING)

REFUSED = {401: "key", 403: "key", 404: "not_found", 413: "too_large"}
# What no longer holds of an answer that is unpacked.
UNPACKED = {"content-encoding", "content-length", "transfer-encoding"}
# No other system makes us wait longer than that by its Retry-After, in seconds: a day.
LONGEST_WAIT = 86_400.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How patient we are, in seconds: for a connection, and for the whole of a request with its answer; and how large
    an answer may be, in bytes."""

    connect: float = 5.0
    total: float = 30.0
    answer: int = 8 << 20


def client(url: str, limits: Limits, *, headers: dict[str, str] | None = None) -> httpx.AsyncClient:
    """A client for one connection; `url` is what relative addresses are added to. Redirects are not followed: what was
    sent to one address is not sent to another that nobody has named.

    A connection carries one request: one that was kept open may be closed by the other side at the very moment it is
    used again, and then nobody knows. Raises `Refused("invalid", "url")` where the address or a header cannot be one.
    """
    try:
        address = httpx.URL(url)
        if not 0 < (address.port or 1) < 65_536:
            raise ValueError
        return httpx.AsyncClient(
            base_url=address,
            headers=headers,
            timeout=httpx.Timeout(limits.total, connect=limits.connect),
            limits=httpx.Limits(max_keepalive_connections=0),
        )
    except (httpx.InvalidURL, ValueError, TypeError):
        raise Refused("invalid", "url") from None


async def call(
    client: httpx.AsyncClient, method: str, url: str, *, submits: bool, limits: Limits | None = None, **kw: Any
) -> httpx.Response:
    """Send one request and return its answer, which has a status of 2xx and was read whole.

    `submits`: a repetition would do something twice, so what is uncertain is `Unknown`; else everything may be asked
    again. `kw` is httpx's (json, data, files, params, headers). Raises `Refused`, `Later` and `Unknown` as
    bridges/contract.py has them, and nothing else.
    """
    patience = limits or Limits()
    begun = False

    async def trace(name: str, _info: object) -> None:
        nonlocal begun
        begun = begun or name.endswith(".send_request_headers.started")

    def uncertain(reason: str, detail: str = "") -> Trouble:
        return Unknown(reason, detail) if submits and begun else Later(reason, detail)

    try:
        async with (
            asyncio.timeout(patience.total),
            client.stream(method, url, follow_redirects=False, extensions={"trace": trace}, **kw) as response,
        ):
            # What is no success says enough by its status; how much it says beside it, nobody needs to read.
            if not response.is_success:
                raise _said_no(response, submits=submits)
            answer = await _whole(response, patience.answer)
            if answer is None:
                raise uncertain("unreadable", str(response.status_code))
            return answer
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError):
        raise Refused("invalid", "url") from None
    except httpx.ProxyError:  # it was a proxy that we spoke with, and it did not let us through
        raise Later("away") from None
    except (TimeoutError, httpx.TimeoutException):
        raise uncertain("timeout" if begun else "away") from None
    except httpx.DecodingError:
        raise uncertain("unreadable") from None
    except httpx.TransportError:
        raise uncertain("cut" if begun else "away") from None


async def _whole(response: httpx.Response, most: int) -> httpx.Response | None:
    """The answer with all it says, already unpacked; None where that is larger than `most` bytes."""
    body = bytearray()
    async for part in response.aiter_bytes():
        body += part
        if len(body) > most:
            return None
    headers = [(name, value) for name, value in response.headers.multi_items() if name not in UNPACKED]
    return httpx.Response(response.status_code, headers=headers, content=bytes(body), request=response.request)


def _said_no(response: httpx.Response, *, submits: bool) -> Trouble:
    """What an answer other than a success means."""
    status, wait = response.status_code, response.headers.get("retry-after")
    if status == 429 or (status == 503 and wait is not None):
        return Later("busy", after=_seconds(wait))
    if 400 <= status < 500:
        reason = REFUSED.get(status, "invalid")
        return Refused(reason, str(status) if reason == "invalid" else "")
    # A redirect answers something else than we asked: it leads to a page for signing in, or to what was just taken.
    reason = "broken" if status >= 500 else "unreadable"
    return Unknown(reason, str(status)) if submits else Later(reason, str(status))


def _seconds(wait: str | None) -> float | None:
    """A Retry-After in seconds, whether it is a number or a date; None where it is neither."""
    if wait is None:
        return None
    try:
        seconds = float(min(int(wait), int(LONGEST_WAIT)))
    except ValueError:
        try:
            until = parsedate_to_datetime(wait)
        except ValueError:
            return None
        zoned = until if until.tzinfo else until.replace(tzinfo=UTC)
        seconds = (zoned - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 0.0), LONGEST_WAIT)
