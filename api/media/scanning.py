"""Whether a file carries something known to be harmful, by the ClamAV that CLAMD_HOST names, over its socket.

Where a ClamAV is named, nothing is kept that it has not looked at: while it is away, files wait. It is spoken to in the
way of clamd's INSTREAM (`man clamd`): the length of each piece before it, nothing at the end, one line back. The
libraries for it do less: aioclamd knows no Unix socket and sends a file in pieces of 1 kB, each through a thread;
clamav-client blocks.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass

# ClamAV's own port, where CLAMD_HOST names none.
PORT = 3310
_PIECE = 64 * 1024
# What clamd answers is one short line.
_LONGEST_ANSWER = 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: to be connected, and for a whole file, which a busy clamd may put into a queue."""

    connect: float = 5.0
    total: float = 60.0


class ScannerAway(Exception):
    """ClamAV cannot be reached, is too slow, or has not looked at this file. Nothing is known of the file."""


async def infection(where: str, content: bytes, limits: Limits | None = None) -> str | None:
    """The name of what ClamAV found in these bytes; None where it found nothing, or where `where` is empty.

    `where` is host:port, a host, or the path of a Unix socket. Raises `ScannerAway`.
    """
    if not where:
        return None
    limits = limits or Limits()
    try:
        async with asyncio.timeout(limits.total):
            async with asyncio.timeout(limits.connect):
                reader, writer = await _connect(where)
            try:
                answer = await _ask(reader, writer, content)
            finally:
                writer.transport.abort()  # nothing more is to be said, and a silent peer must not hold what is left
    except (OSError, ValueError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise ScannerAway(type(error).__name__) from None
    return _found(answer)


async def _connect(where: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if where.startswith("/"):
        return await asyncio.open_unix_connection(where, limit=_LONGEST_ANSWER)
    host, colon, port = where.rpartition(":")
    if not colon or where.endswith("]"):  # no port, or an address such as [::1]
        host, port = where, str(PORT)
    return await asyncio.open_connection(host.strip("[]"), int(port), limit=_LONGEST_ANSWER)


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, content: bytes) -> str:
    # It may answer before it has read everything, and hang up; its answer is what counts.
    with suppress(ConnectionError):
        writer.write(b"zINSTREAM\0")
        for start in range(0, len(content), _PIECE):
            piece = content[start : start + _PIECE]
            writer.write(len(piece).to_bytes(4, "big") + piece)
            await writer.drain()
        writer.write(bytes(4))
        await writer.drain()
    return (await reader.readuntil(b"\0")).rstrip(b"\0").decode("utf-8", "replace").strip()


def _found(answer: str) -> str | None:
    """What "stream: <name> FOUND" names, or nothing for "stream: OK"; everything else is no answer."""
    said = answer.removeprefix("stream:").strip()
    if said == "OK":
        return None
    if said.endswith(" FOUND"):
        return said.removesuffix(" FOUND")
    raise ScannerAway("answer")
