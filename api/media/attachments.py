"""What offices attach to an answer on its way to the citizen: which of it a channel can carry, and its bytes."""

from __future__ import annotations

import asyncio
import io
import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import PIL.Image
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.messages import File, MediaKind, clean
from store import attachments, pictures
from store.attachments import Attached

if TYPE_CHECKING:
    from api.house import House

log = structlog.get_logger(__name__)

# So many files go with one message.
MOST = 10
_MB = 1_000_000  # the smaller of the two things that "MB" means
# The largest file of each kind that a channel takes, in bytes. What is not named does not go there.
LARGEST: dict[str, dict[str, float]] = {
    "telegram": dict.fromkeys(("photo", "document", "voice", "video"), 50 * _MB),
    "webchat": dict.fromkeys(("photo", "document", "voice", "video"), math.inf),
    "whatsapp": {"photo": 5 * _MB, "document": 100 * _MB, "voice": 16 * _MB, "video": 16 * _MB},
}
# How a file's name ends, where its content type is one that people's programs go by.
_ENDINGS = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "application/pdf": ".pdf",
    "audio/ogg": ".ogg",
    "audio/mpeg": ".mp3",
    "audio/mp4": ".m4a",
    "video/mp4": ".mp4",
}
_ALIKE = {".jpeg": ".jpg", ".jpe": ".jpg"}
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,5}$")
# What file systems and headers of mails do not bear.
_NOT_IN_NAMES = re.compile(r'[\\/:*?"<>|\s]+')
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9._()]+")
_LONGEST_NAME = 100


# The longer side of the picture of a picture that a page shows, in pixels.
_SMALL = 480


async def fitting(connection: AsyncConnection, channel: str, ids: Sequence[int]) -> tuple[int, ...]:
    """Those of these files that one message of that channel can carry, in their order."""
    limits = LARGEST.get(channel, {})
    found = await attachments.of(connection, ids)
    return tuple(each.id for each in found if _size(each) <= limits.get(each.kind, -1))[:MOST]


def _size(file: Attached) -> int:
    """How many bytes go out: a picture is made small enough."""
    return min(file.size, pictures.MOST_BYTES) if file.kind == "photo" else file.size


async def files_of(house: House, ids: Sequence[int]) -> tuple[File, ...]:
    """The files of these ids of media, with their bytes, in their order; what is gone is left out."""
    if not ids:
        return ()
    async with house.engine.connect() as connection:
        found = await attachments.of(connection, ids)
    files = []
    for place, each in enumerate(found, 1):
        try:
            content = await asyncio.to_thread(house.shelf.get, each.sha256)
        except FileNotFoundError:
            log.warning("attachment_gone", media=each.id)
            continue
        if each.kind == "photo" and len(content) > pictures.MOST_BYTES:
            each, content = await asyncio.to_thread(_smaller, each, content)
        files.append(File(cast(MediaKind, each.kind), content, each.content_type, name_of(each, place)))
    return tuple(files)


def _smaller(file: Attached, content: bytes) -> tuple[Attached, bytes]:
    """A large picture as a clean copy, as whoever pays for each megabyte would have it."""
    try:
        copy = pictures.read(content)
    except pictures.Unusable:
        return file, content
    return replace(file, content_type=copy.content_type), copy.content


def glimpse(content: bytes) -> bytes | None:
    """A picture as a small JPEG, for a page that shows many; None for what is no picture. To be called in a thread."""
    try:
        with PIL.Image.open(io.BytesIO(content), formats=("JPEG", "PNG", "WEBP")) as image:
            if image.width * image.height > pictures.MOST_PIXELS:
                return None
            image.draft("RGB", (_SMALL, _SMALL))
            image.thumbnail((_SMALL, _SMALL), reducing_gap=2.0)
            white = PIL.Image.new("RGBA", image.size, "white")
            white.alpha_composite(image.convert("RGBA"))
            out = io.BytesIO()
            white.convert("RGB").save(out, "JPEG", quality=75)
            return out.getvalue()
    except Exception:  # Pillow raises many kinds on broken files
        return None


def name_of(file: Attached, place: int) -> str:
    """How a file is called where it is saved: as its officer called it, else by its place among the files of its
    message. Its end says what the bytes are."""
    name = _NOT_IN_NAMES.sub(" ", clean(file.name or "")).strip(" .")
    ending = _ENDINGS.get(file.content_type, "")
    found = _ENDING.search(name)
    if ending:
        given = found[0].lower() if found else ""
        if _ALIKE.get(given, given) == ending:
            ending, name = given, name[: -len(given)]
        elif given in _ENDINGS.values() or given in _ALIKE:
            name = name[: -len(given)]  # the picture was made another one
    elif found:
        ending, name = found[0], name[: found.start()]
    return f"{name[: _LONGEST_NAME - len(ending)].strip(' .') or f'lampiran-{place}'}{ending}"


def plain_name(file: Attached) -> str:
    """The same in plain ASCII, for a header that takes nothing else."""
    name = name_of(file, 1)
    ending = _ENDING.search(name)
    stem = unicodedata.normalize("NFKD", name[: ending.start()] if ending else name).encode("ascii", "ignore").decode()
    return f"{_NOT_PLAIN.sub('-', stem).strip('-.') or 'lampiran-1'}{ending[0] if ending else ''}"
