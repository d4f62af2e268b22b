"""How httpx's requests travel: over one aiohttp session.

httpx's own transport (httpcore with h11) takes 2 to 4 ms of CPU for a call where 32 are under way, most of it looking
through its connections; this one takes 0.5. It would be the largest cost of a reply.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import aiohttp
import httpx
from yarl import URL

SMALL = 1 << 16  # bytes of a body that is written at once; a larger one would hold up everybody else
KEPT_SECONDS = 30.0  # for which a connection that nobody uses is kept open


class AiohttpTransport(httpx.AsyncBaseTransport):
    """A transport for `httpx.AsyncClient` with up to so many connections. Raises httpx's own errors."""

    def __init__(self, connections: int) -> None:
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Make one request; the body of its answer is read when it is asked for."""
        length = int(request.headers.get("content-length", "0"))
        stream = request.stream
        assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101  # nosec B101 # an AsyncClient makes no others
        allowed = request.extensions["timeout"]
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=allowed["connect"], sock_read=allowed["read"])
        with _httpx_errors():
            answer = await self._open().request(
                request.method,
                URL(str(request.url), encoded=True),
                data=(await request.aread() or None) if length <= SMALL else stream,
                headers=request.headers.multi_items(),
                timeout=timeout,
                allow_redirects=False,
            )
        return httpx.Response(answer.status, headers=answer.raw_headers, stream=_Body(answer))

    async def aclose(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=KEPT_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,  # httpx does it
            )
        return self._session


class _Body(httpx.AsyncByteStream):
    """The body of an answer, as it comes."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _httpx_errors():
            async for chunk in self._answer.content.iter_any():
                yield chunk

    async def aclose(self) -> None:
        """Give the connection back, or close it where something is left to read."""
        self._answer.release()


@contextmanager
def _httpx_errors() -> Iterator[None]:
    """Raise what aiohttp raises as the httpx error that says the same."""
    try:
        yield
    except aiohttp.ConnectionTimeoutError:
        raise httpx.ConnectTimeout("no connection in time") from None
    except aiohttp.ClientConnectorError:
        raise httpx.ConnectError("no connection") from None
    except TimeoutError:
        raise httpx.ReadTimeout("no answer in time") from None
    except aiohttp.ClientError as error:
        raise httpx.ReadError(type(error).__name__) from None
