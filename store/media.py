"""Files that citizens sent: a row exists before its complaint does, the bytes come later.

The bytes lie under their SHA-256 in a `Shelf`; the shelf on disk is the only one so far, and its few
methods are all that an object store would have to offer. What offices attach is in `store/evidence.py`.

Of a picture two files lie there: as it came, which nobody is handed, and its clean copy (`store/pictures.py`).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import pictures

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


@dataclass(frozen=True, slots=True)
class Clean:
    """The clean copy of a picture: where its bytes lie, its content type, its size in bytes."""

    sha256: str
    content_type: str
    size: int


_STORED = text("""
    UPDATE media SET state = 'stored', sha256 = :sha256, content_type = :type, size = :size, looks = :looks,
           clean_sha256 = :clean_sha256, clean_type = :clean_type, clean_size = :clean_size, stored_at = now(),
           -- Only while there is a report in the making that it may be asked for.
           taken_at_place = CASE WHEN draft IS NOT NULL AND complaint_id IS NULL THEN CAST(:place AS jsonb) END
    WHERE id = :id RETURNING taken_at_place IS NOT NULL AS placed
""")


async def stored(
    connection: AsyncConnection,
    media_id: int,
    sha256: str,
    content_type: str,
    size: int,
    looks: int | None = None,
    clean: Clean | None = None,
    taken_at: tuple[float, float] | None = None,
) -> bool:
    """The bytes are on the shelf, of a picture those of its clean copy too; `looks` is how a picture looks (see
    `store/evidence.py`), `taken_at` where it says that it was taken (latitude, longitude), in degrees.

    Returns whether that place is kept, until the citizen has said whether it may be used or a day has gone.
    """
    parameters = {"id": media_id, "sha256": sha256, "type": content_type, "size": size, "looks": looks}
    parameters |= _columns(clean) | {"place": json.dumps(taken_at) if taken_at else None}
    return bool((await connection.execute(_STORED, parameters)).scalar_one_or_none())


# What it was is told by a row that is looked at before.
_TAKE_PLACE = text("""
    WITH photo AS (
        SELECT id, taken_at_place FROM media WHERE id = :id AND contact_id = :contact_id FOR UPDATE
    ), emptied AS (
        UPDATE media SET taken_at_place = NULL FROM photo WHERE media.id = photo.id
    )
    SELECT taken_at_place FROM photo
""")


async def take_place(connection: AsyncConnection, contact_id: int, media_id: int) -> tuple[float, float] | None:
    """Where a photo of this chat says that it was taken (latitude, longitude, in degrees), which is forgotten with
    that; None where it is not known any more."""
    parameters = {"id": media_id, "contact_id": contact_id}
    found = (await connection.execute(_TAKE_PLACE, parameters)).scalar_one_or_none()
    return None if found is None else (found[0], found[1])


async def forget_places(connection: AsyncConnection, before: datetime) -> int:
    """Forget where photos were taken for which nobody has answered since; returns how many."""
    statement = text("""
        UPDATE media SET taken_at_place = NULL WHERE taken_at_place IS NOT NULL AND stored_at < :before RETURNING id
    """)
    return len((await connection.execute(statement, {"before": before})).all())


def _columns(clean: Clean | None) -> dict[str, Any]:
    return {
        "clean_sha256": clean and clean.sha256,
        "clean_type": clean and clean.content_type,
        "clean_size": clean and clean.size,
    }


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


async def disown(connection: AsyncConnection, media_id: int) -> None:
    """The bytes that a page has brought along are not to be kept: the row names them no more."""
    statement = text("UPDATE media SET provider_id = '' WHERE id = :id AND channel = 'webchat'")
    await connection.execute(statement, {"id": media_id})


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
    RETURNING id
""")


async def give(connection: AsyncConnection, contact_id: int, draft: int, ticket: str) -> list[int]:
    """The files of a draft that was never filed belong to this complaint; returns their ids."""
    given = await connection.execute(_GIVE, {"contact_id": contact_id, "draft": draft, "ticket": ticket})
    return sorted(given.scalars())


async def drop(connection: AsyncConnection, contact_id: int, draft: int) -> None:
    """The files of a draft belong to it no more; what belongs to nothing goes with the retention, and where photos were
    taken is forgotten at once."""
    statement = text("""
        UPDATE media SET draft = NULL, taken_at_place = NULL WHERE contact_id = :contact_id AND draft = :draft
    """)
    await connection.execute(statement, {"contact_id": contact_id, "draft": draft})


async def erase(connection: AsyncConnection, contact_id: int, draft: int) -> None:
    """The files of a draft are not to be kept at all: nothing names them any more, and the next night takes their bytes
    off the shelf. What is filed already stays."""
    statement = text("DELETE FROM media WHERE contact_id = :contact_id AND draft = :draft AND complaint_id IS NULL")
    await connection.execute(statement, {"contact_id": contact_id, "draft": draft})


# --- what is handed out ------------------------------------------------------------------------------

# Pictures of which there is no clean copy yet: from before there were such copies. Where none can be made, the size of
# the copy is 0.
_UNCLEAN = "state = 'stored' AND clean_size IS NULL AND kind <> 'video' AND content_type LIKE 'image/%'"


def handed_out(shelf: Shelf, row: Any) -> tuple[bytes, str | None]:
    """The bytes of a stored file as anybody but its sender may have them, and their content type: of a picture its
    clean copy, which is made now if it is missing. To be called in a thread; `row` has the columns of `media`.

    Raises FileNotFoundError where the bytes are gone, or are a picture of which no clean copy can be made.
    """
    if row.clean_sha256:
        return shelf.get(row.clean_sha256), row.clean_type
    content = shelf.get(row.sha256)
    if row.kind == "video" or not (row.content_type or "").startswith("image/"):
        return content, row.content_type
    try:
        picture = pictures.read(content)
    except pictures.Unusable:
        raise FileNotFoundError(row.sha256) from None
    return picture.content, picture.content_type


async def unclean(connection: AsyncConnection, most: int) -> list[tuple[int, str]]:
    """The id and the SHA-256 of some pictures that have no clean copy yet."""
    found = text(f"SELECT id, sha256 FROM media WHERE {_UNCLEAN} ORDER BY id LIMIT :most")  # noqa: S608 -- ours
    return [(row.id, row.sha256) for row in await connection.execute(found, {"most": most})]


async def cleaned(connection: AsyncConnection, media_id: int, clean: Clean | None) -> None:
    """The clean copy of a picture is on the shelf; None: none can be made."""
    made = text(f"""
        UPDATE media SET clean_sha256 = :clean_sha256, clean_type = :clean_type, clean_size = coalesce(:clean_size, 0)
        WHERE id = :id AND {_UNCLEAN}
    """)  # noqa: S608 -- ours
    await connection.execute(made, {"id": media_id} | _columns(clean))
