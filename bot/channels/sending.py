"""What channels of a provider over HTTP share when they send: how long they wait, and what a process remembers of a
message in several parts, so that sent again it goes on where it stopped."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar

from bot.messages import File, Outgoing

# So often a file is tried that only fails; then the words go without it.
FILE_TRIES = 8
# So many messages that were begun are remembered, for so many seconds.
BEGUN, BEGUN_SECONDS = 1_000, 3600.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much we wait for, in seconds and bytes. `total` bounds a whole `send`, and lies below the
    speaker's lease of 10 s; `upload` comes on top of it where the message has files."""

    connect: float = 3.0
    total: float = 8.0
    upload: float = 45.0
    download: float = 60.0
    file_size: int = 20 << 20
    connections: int = 100


class Memory(Generic[T]):
    """What is remembered for so many seconds, of the newest so many."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most, self._seconds = most, seconds
        self._kept: OrderedDict[bytes, tuple[float, T]] = OrderedDict()

    def get(self, key: bytes) -> T | None:
        """What is remembered under that key, if it is."""
        until, value = self._kept.get(key, (0.0, None))
        return value if until > time.monotonic() else None

    def put(self, key: bytes, value: T) -> T:
        """Remember that, from now on."""
        self._kept[key] = (time.monotonic() + self._seconds, value)
        self._kept.move_to_end(key)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return value

    def drop(self, key: bytes) -> None:
        """Forget."""
        self._kept.pop(key, None)


def digest(what: Outgoing | File) -> bytes:
    """What tells a message, or a file, from all others."""
    if isinstance(what, File):
        return hashlib.sha256(what.content_type.encode() + b"\0" + what.content).digest()
    words = (what.key, what.address, what.text, what.buttons, what.asks, what.template, what.language, what.missing)
    files = b"".join(map(digest, what.files))
    return hashlib.sha256(repr(words).encode() + files).digest()
