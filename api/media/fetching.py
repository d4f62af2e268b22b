"""Files of citizens, from their provider onto the shelf: fetched, looked for viruses, judged by what their bytes are
and not by their names, and a picture copied clean.

The bytes stay as they came; of a picture a clean copy lies beside them (store/pictures.py), and that is what anybody
is handed. A PDF is kept as it is, whatever programs or files it carries: it is handed out to be saved, never shown by
us (api/media/files.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from api.elsewhere import planning
from api.house import House
from api.media.scanning import ScannerAway, infection
from api.unit import Unit, unit
from bot.drafting import DOCUMENT_LIMIT
from bot.messages import Channel, TryLater, Undeliverable
from store import attention, evidence, media, pictures, rights
from store.deliveries import NewDelivery
from store.media import Clean
from store.pictures import Picture

log = structlog.get_logger(__name__)

# What store/pictures.py calls no picture is no file of any kind that we take. Its other words are ours, too.
_WORDS = {"other_kind": "unreadable"}


class UselessFile(Exception):
    """The bytes are no file that an office could open. `key` is the text that says why."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class InfectedFile(UselessFile):
    """The bytes carry something known to be harmful: they are not kept. `signature` is ClamAV's name for it."""

    def __init__(self, signature: str) -> None:
        super().__init__("infected")
        self.signature = signature


@dataclass(frozen=True, slots=True)
class _Looked:
    """What bytes are: their content type, and of a picture its clean copy and how it looks (`store/evidence.py`)."""

    content_type: str
    picture: Picture | None = None
    looks: int | None = None


async def fetch(house: House, channels: Mapping[str, Channel], media_id: int, *, last: bool) -> None:
    """Bring a file's bytes onto the shelf, or tell the citizen why they are of no use.

    Whatever goes wrong otherwise, also on our side (a full disk, a ClamAV that is away), is raised: the provider still
    has the file. With `last` it is given up then, and a person is told.
    """
    async with house.engine.connect() as connection:
        row = await media.get(connection, media_id)
    if row is None or row.state != "waiting":
        return
    try:
        content = await _bytes_of(house, channels, row)
        if len(content) > DOCUMENT_LIMIT:
            raise UselessFile("too_large")
        if signature := await infection(house.settings.clamd_host, content):
            raise InfectedFile(signature)
        looked = await asyncio.to_thread(_look, content, row.kind)
        await _keep(house, row, content, looked)
    except InfectedFile as problem:
        log.warning("file_infected", media=media_id, signature=problem.signature)
        await _put_aside(house, row, "refused", problem.key, infected=problem.signature)
    except UselessFile as problem:
        await _put_aside(house, row, "refused", problem.key)
    except Undeliverable as problem:
        large = problem.reason == "file too large"
        await _put_aside(house, row, "refused" if large else "failed", "too_large" if large else "gone")
    except Exception as problem:
        if not last:
            raise
        await _put_aside(house, row, "failed", "unchecked" if isinstance(problem, ScannerAway) else "gone")


async def _bytes_of(house: House, channels: Mapping[str, Channel], row: Any) -> bytes:
    if row.channel == "webchat":
        # The page has brought the bytes along: they are on the shelf already, under their digest.
        try:
            return await asyncio.to_thread(house.shelf.get, row.provider_id)
        except FileNotFoundError:
            raise Undeliverable("not on the shelf", gone=False) from None
    channel = channels.get(row.channel)
    if channel is None:
        raise TryLater("channel_not_configured")
    return await channel.fetch(row.provider_id)


async def _keep(house: House, row: Any, content: bytes, looked: _Looked) -> None:
    name = await asyncio.to_thread(house.shelf.put, content)
    picture = looked.picture
    clean = None
    if picture is not None:
        digest = await asyncio.to_thread(house.shelf.put, picture.content)
        clean = Clean(digest, picture.content_type, len(picture.content))
    async with unit(house) as work:
        placed = await media.stored(
            work.connection,
            row.id,
            name,
            looked.content_type,
            len(content),
            looked.looks,
            clean,
            picture.taken_at if picture else None,
        )
        if placed:
            await work.later("tell_photo_place", media_id=row.id)
        await planning.post_file(work, row.id)
        if row.kind == "voice" and house.settings.transcriber:
            await work.later("transcribe", media_id=row.id)


async def _put_aside(house: House, row: Any, state: str, problem: str, infected: str | None = None) -> None:
    async with unit(house) as work:
        # The chat first, then the file: a turn that gives its files to a complaint locks them in this order.
        contact = await media.sender(work.connection, row.contact_id)
        await media.put_aside(work.connection, row.id, state, problem)
        if infected is not None:
            await media.disown(work.connection, row.id)
        if state == "failed":
            await _raise_matter(work, row, "media_failed", str(row.id))
        elif infected is not None:
            await _raise_matter(work, row, "media_infected", infected)
        if contact is not None:
            await work.say(
                NewDelivery(
                    contact_id=contact.id,
                    channel=contact.channel,
                    address=contact.address,
                    says=[("push.media_refused", {"problem": {"key": f"media.{problem}"}})],
                    language=contact.language,
                    complaint_id=row.complaint_id,
                )
            )
    if infected is not None and row.channel == "webchat":
        await _forget(house, row.provider_id)


async def _raise_matter(work: Unit, row: Any, kind: str, detail: str) -> None:
    await attention.raise_matter(
        work.connection, kind, contact_id=row.contact_id, complaint_id=row.complaint_id, detail=detail
    )


async def _forget(house: House, name: str) -> None:
    """Take harmful bytes off the shelf, unless another file that waits to be looked at has the same. What a killed
    worker leaves there goes with the next night's tidying."""
    async with house.engine.connect() as connection:
        unused = await rights.unused(connection, [name])
    for each in unused:
        await asyncio.to_thread(house.shelf.remove, each, 0.0)


# --- what bytes are ----------------------------------------------------------------------------------

# How sound and film begin: the first bytes at an offset, and the content type with {} for audio or video.
_BEGINNINGS = (
    (0, b"OggS", "{}/ogg"),
    (0, b"\x1aE\xdf\xa3", "{}/webm"),
    (4, b"ftypqt", "{}/quicktime"),
    (4, b"ftyp3g", "{}/3gpp"),
    (4, b"ftyp", "{}/mp4"),
    (0, b"#!AMR-WB\n", "audio/amr-wb"),
    (0, b"#!AMR\n", "audio/amr"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"caff", "audio/x-caf"),
    (8, b"WAVE", "audio/wav"),
    (8, b"AVI ", "video/x-msvideo"),
    (0, b"GIF8", "image/gif"),
)


def look(content: bytes, kind: str) -> str:
    """The content type that the bytes themselves show. Raises `UselessFile`.

    Sound and film of a kind that we do not know are kept all the same: an officer may have what plays them.
    """
    return _look(content, kind).content_type


def _look(content: bytes, kind: str) -> _Looked:
    if len(content) > DOCUMENT_LIMIT:
        raise UselessFile("too_large")
    if kind in {"voice", "video"}:
        return _Looked(_look_at_sound(content, "audio" if kind == "voice" else "video"))
    if content.startswith(b"%PDF-"):
        return _Looked("application/pdf")
    try:
        picture = pictures.read(content)
    except pictures.Unusable as problem:
        raise UselessFile(_WORDS.get(problem.why, problem.why)) from None
    return _Looked(picture.kind, picture, evidence.looks(picture.content))


def _look_at_sound(content: bytes, family: str) -> str:
    for at, beginning, content_type in _BEGINNINGS:
        if content.startswith(beginning, at):
            return content_type.format(family)
    # Frames without a header begin with eleven set bits; then, for MPEG audio, come its version and its layer.
    if content[:1] == b"\xff" and (second := content[1:2]):
        if second[0] & 0xE6 in {0xE2, 0xE4}:
            return "audio/mpeg"
        if second[0] & 0xF6 == 0xF0:
            return "audio/aac"
    return "application/octet-stream"
