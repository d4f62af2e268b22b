"""A ClamAV of our own: clamd's INSTREAM over real TCP or a Unix socket, and what can go wrong with it.

It finds the EICAR test file, which every scanner knows and which harms nobody, wherever it stands in a stream.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

# Not whole in this file, or a scanner of the host would take the tests away.
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-" + rb"STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
SIGNATURE = "Eicar-Test-Signature"

# How it may fail once: it says nothing, hangs up, has a limit that is too small, or says what no clamd says.
Fault = Literal["silent", "hangs up", "too large", "nonsense", "endless"]


@dataclass
class FakeClamd:
    """A server on a free port of loopback, or on that socket; `where` is what CLAMD_HOST names."""

    socket: Path | None = None
    streams: list[bytes] = field(default_factory=list)
    faults: deque[Fault] = field(default_factory=deque)
    problems: list[str] = field(default_factory=list)
    where: str = ""
    _server: asyncio.Server | None = None
    _talking: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        if self.socket is not None:
            self._server = await asyncio.start_unix_server(self._take, self.socket)
            self.where = str(self.socket)
        else:
            self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
            self.where = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self._server is not None:
            self._server.close()
        for each in self._talking:
            each.cancel()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._talking.add(task)
        try:
            await self._talk(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the other side has gone
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        command = await reader.readuntil(b"\0")
        if command != b"zINSTREAM\0":
            self.problems.append(f"no command of clamd: {command!r}")
            return
        fault = self.faults.popleft() if self.faults else None
        if fault == "hangs up":
            return
        if fault == "too large":
            await _say(writer, "INSTREAM size limit exceeded. ERROR")
            return
        content = b""
        while length := int.from_bytes(await reader.readexactly(4), "big"):
            content += await reader.readexactly(length)
        self.streams.append(content)
        match fault:
            case "silent":
                await asyncio.Event().wait()
            case "nonsense":
                await _say(writer, "HTTP/1.1 400 Bad Request")
            case "endless":
                writer.write(b"stream: " + b"x" * 100_000)
                await writer.drain()
                await asyncio.Event().wait()
            case _:
                await _say(writer, f"stream: {SIGNATURE} FOUND" if EICAR in content else "stream: OK")


async def _say(writer: asyncio.StreamWriter, words: str) -> None:
    writer.write(words.encode() + b"\0")
    await writer.drain()
