"""An HTTP server that says what it is told to say, and then hangs up or falls silent."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator


@contextlib.asynccontextmanager
async def serving(answer: bytes | None, *, hangs: bool = False, reads: bool = True) -> AsyncIterator[str]:
    """A server that reads a request, says `answer`, and hangs up or falls silent; yields its address."""
    leaving = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            if reads:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"content-length: *(\d+)", head.lower())
                await reader.readexactly(int(length[1]) if length else 0)
            if answer is not None:
                writer.write(answer)
                await writer.drain()
            if hangs:
                await leaving.wait()
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        leaving.set()
        server.close()
        await server.wait_closed()


def response(status: int, body: bytes = b"{}", **headers: str) -> bytes:
    """An answer, as it goes over the line."""
    named = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} Said\r\n{named}Content-Length: {len(body)}\r\n\r\n".encode() + body
