"""Files that citizens sent: a row exists before its complaint does, the bytes come later.

The bytes lie under their SHA-256 in a `Shelf`; the shelf on disk is the only one so far, and its few
methods are all that an object store would have to offer. What offices attach is in `store/evidence.py`.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_DIGEST = re.compile(r"[0-9a-f]{64}")


class Shelf:
    """Files by the SHA-256 of their content, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, content: bytes) -> str:
        """Keep these bytes, durably; returns their SHA-256 in hex. The same bytes are kept once."""
        name = hashlib.sha256(content).hexdigest()
        target = self._path(name)
        try:
            # A new date, by which `remove` sees that somebody wants these bytes again whose row is still to come.
            os.utime(target)
        except FileNotFoundError:
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

    def remove(self, name: str, quiet: float) -> bool:
        """Forget the bytes of that SHA-256, which no row names; False if they are not there, or were put within the
        last `quiet` seconds: then somebody's row is on its way, and a later look decides.

        They are moved away before their date is looked at, so that a `put` at the same moment either gives them a new
        date or writes them anew.
        """
        target = self._path(name)
        aside = target.with_name(f"{name}.{secrets.token_hex(4)}.gone")  # others may be removing it as well
        try:
            target.rename(aside)
        except FileNotFoundError:
            return False
        if time.time() - aside.stat().st_mtime < quiet:
            aside.replace(target)
            return False
        aside.unlink()
        return True

    def names(self) -> Iterator[list[str]]:
        """The SHA-256 of everything on the shelf, folder by folder."""
        for folder in sorted(self._folder.glob("[0-9a-f][0-9a-f]")):
            yield sorted(path.name for path in folder.iterdir() if _DIGEST.fullmatch(path.name))

    def tidy(self, quiet: float) -> int:
        """Remove what killed processes left half done, untouched for `quiet` seconds; returns how many files."""
        left = 0
        for path in self._folder.glob("[0-9a-f][0-9a-f]/*"):
            with suppress(FileNotFoundError):  # another process may be tidying as well
                if not _DIGEST.fullmatch(path.name) and time.time() - path.stat().st_mtime >= quiet:
                    path.unlink()
                    left += 1
        return left

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
    VALUES (:contact_id, :draft,
            (SELECT k.id FROM complaints k JOIN complaint_parties p ON p.complaint_id = k.id
             JOIN contacts c ON c.citizen_id = p.citizen_id
             WHERE k.ticket = :ticket AND c.id = CAST(:contact_id AS bigint) LIMIT 1),
            :line_id, :kind, :channel, :provider_id, :album, :name, :content_type, :size)
    RETURNING id
""")


async def add(connection: AsyncConnection, new: NewMedia) -> int:
    """Note a file that is still to be fetched; returns its id. It belongs to the ticket's complaint only if that is
    one of the sender's, or one that they follow: anybody can send a number."""
    parameters = {name: getattr(new, name) for name in NewMedia.__slots__}
    return int((await connection.execute(_ADD, parameters)).scalar_one())


async def get(connection: AsyncConnection, media_id: int) -> Any:
    """One row, or None."""
    return (await connection.execute(text("SELECT * FROM media WHERE id = :id"), {"id": media_id})).one_or_none()


_OF_MESSAGE = text("""
    SELECT m.* FROM inbox i
    JOIN contacts c ON c.channel = i.channel AND c.address = i.address
    JOIN media m ON m.contact_id = c.id AND m.line_id = i.id
    WHERE i.channel = :channel AND i.message_id = :message_id
""")


async def of_message(connection: AsyncConnection, channel: str, message_id: str) -> Any:
    """The row of the file that came with a message, or None."""
    parameters = {"channel": channel, "message_id": message_id}
    return (await connection.execute(_OF_MESSAGE, parameters)).one_or_none()


async def stored(
    connection: AsyncConnection, media_id: int, sha256: str, content_type: str, size: int, looks: int | None = None
) -> None:
    """The bytes are on the shelf; `looks` is how a picture looks (see `store/evidence.py`)."""
    await connection.execute(
        text("""
            UPDATE media SET state = 'stored', sha256 = :sha256, content_type = :type, size = :size, looks = :looks,
                   stored_at = now()
            WHERE id = :id
        """),
        {"id": media_id, "sha256": sha256, "type": content_type, "size": size, "looks": looks},
    )


async def transcribed(connection: AsyncConnection, media_id: int, words: str) -> None:
    """The words that were heard in a voice note."""
    statement = text("UPDATE media SET transcript = :words WHERE id = :id")
    await connection.execute(statement, {"id": media_id, "words": words})


_MESSAGE = text("""
    SELECT i.channel, i.address, CASE WHEN i.sequence < 0 THEN i.id ELSE i.sequence END AS sequence, m.transcript
    FROM media m JOIN inbox i ON i.id = m.line_id
    WHERE m.id = :id AND i.address IS NOT NULL
""")


async def message(connection: AsyncConnection, media_id: int) -> Any:
    """The channel, address and sequence of the message that a file came with, and its transcript; None if unknown."""
    return (await connection.execute(_MESSAGE, {"id": media_id})).one_or_none()


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


_GIVE = text("""
    UPDATE media SET complaint_id = (SELECT id FROM complaints WHERE ticket = :ticket)
    WHERE contact_id = :contact_id AND draft = :draft AND complaint_id IS NULL
""")


async def give(connection: AsyncConnection, contact_id: int, draft: int, ticket: str) -> None:
    """The files of a draft that was never filed belong to this complaint."""
    await connection.execute(_GIVE, {"contact_id": contact_id, "draft": draft, "ticket": ticket})


async def drop(connection: AsyncConnection, contact_id: int, draft: int) -> None:
    """The files of a draft belong to it no more; what belongs to nothing goes with the retention."""
    statement = text("UPDATE media SET draft = NULL WHERE contact_id = :contact_id AND draft = :draft")
    await connection.execute(statement, {"contact_id": contact_id, "draft": draft})
