"""Files that citizens sent: a row exists before its complaint does, the bytes come later.

The bytes lie under their SHA-256 in a `Shelf`; the shelf on disk is the only one so far, and its two
methods are all that an object store would have to offer.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


class Shelf:
    """Files by the SHA-256 of their content, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, content: bytes) -> str:
        """Keep these bytes, durably; returns their SHA-256 in hex. The same bytes are kept once."""
        name = hashlib.sha256(content).hexdigest()
        target = self._path(name)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(file.name).replace(target)
            folder = os.open(target.parent, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
        return name

    def get(self, name: str) -> bytes:
        """The bytes of that SHA-256. Raises FileNotFoundError."""
        return self._path(name).read_bytes()

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / name


@dataclass(frozen=True, slots=True)
class NewMedia:
    """A file as its channel describes it."""

    contact_id: int | None
    kind: str
    channel: str
    provider_id: str
    draft: int | None = None
    ticket: str | None = None
    line_id: int | None = None
    album: str | None = None
    name: str | None = None
    content_type: str | None = None
    size: int | None = None


_ADD = text("""
    INSERT INTO media
        (contact_id, draft, complaint_id, line_id, kind, channel, provider_id, album, name, content_type, size)
    VALUES (:contact_id, :draft, (SELECT id FROM complaints WHERE ticket = :ticket), :line_id, :kind, :channel,
            :provider_id, :album, :name, :content_type, :size)
    RETURNING id
""")


async def add(connection: AsyncConnection, new: NewMedia) -> int:
    """Note a file that is still to be fetched; returns its id."""
    parameters = {name: getattr(new, name) for name in NewMedia.__slots__}
    return int((await connection.execute(_ADD, parameters)).scalar_one())


async def get(connection: AsyncConnection, media_id: int) -> Any:
    """One row, or None."""
    return (await connection.execute(text("SELECT * FROM media WHERE id = :id"), {"id": media_id})).one_or_none()


async def stored(connection: AsyncConnection, media_id: int, sha256: str, content_type: str, size: int) -> None:
    """The bytes are on the shelf."""
    await connection.execute(
        text("""
            UPDATE media SET state = 'stored', sha256 = :sha256, content_type = :type, size = :size, stored_at = now()
            WHERE id = :id
        """),
        {"id": media_id, "sha256": sha256, "type": content_type, "size": size},
    )


async def put_aside(connection: AsyncConnection, media_id: int, state: str, problem: str) -> None:
    """The file cannot be used (`refused`) or could not be had (`failed`); `problem` is a text key."""
    await connection.execute(
        text("UPDATE media SET state = :state, problem = :problem WHERE id = :id"),
        {"id": media_id, "state": state, "problem": problem},
    )


async def sender(connection: AsyncConnection, contact_id: int | None) -> Any:
    """The contact that sent a file, locked so that it can be spoken to; None if there is none."""
    statement = text("""
        SELECT id, channel, address, coalesce(conversation->>'language', 'id') AS language FROM contacts
        WHERE id = :id FOR UPDATE
    """)
    return (await connection.execute(statement, {"id": contact_id})).one_or_none()
