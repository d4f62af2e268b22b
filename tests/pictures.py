"""Pictures as phones, scanners and mischief make them."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import PIL.ExifTags
import PIL.Image

ORIENTATION = PIL.ExifTags.Base.Orientation.value
OWNER, HOUSE = "Siti Rahmawati", "rumah saya di Lorong Damai"
# Where `exif` says that a picture was taken: near Sekayu, as degrees, minutes and seconds.
PLACE, SOUTH, EAST = (-2.89, 103.83), (2.0, 53.0, 24.0), (103.0, 49.0, 48.0)


def scene(size: tuple[int, int] = (240, 160)) -> PIL.Image.Image:
    """A picture that has an upper left corner: red there, green to the right, blue below, white in the last one."""
    width, height = size
    image = PIL.Image.new("RGB", size, "white")
    image.paste((200, 30, 30), (0, 0, width // 2, height // 2))
    image.paste((30, 160, 30), (width // 2, 0, width, height // 2))
    image.paste((30, 30, 200), (0, height // 2, width // 2, height))
    return image


def noise(size: tuple[int, int]) -> PIL.Image.Image:
    """What is hardest to make small."""
    return PIL.Image.fromarray(np.random.default_rng(7).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8))


def exif(
    orientation: int = 1,
    south: Any = SOUTH,
    east: Any = EAST,
    directions: tuple[Any, Any] = ("S", "E"),
) -> PIL.Image.Exif:
    """What a phone writes beside a picture: its owner, itself, how it was held, where it was."""
    written = PIL.Image.Exif()
    written[ORIENTATION] = orientation
    written[PIL.ExifTags.Base.Artist] = OWNER
    written[PIL.ExifTags.Base.Model] = "Telepon " + OWNER
    where = written.get_ifd(PIL.ExifTags.IFD.GPSInfo)
    where[PIL.ExifTags.GPS.GPSLatitudeRef], where[PIL.ExifTags.GPS.GPSLongitudeRef] = directions
    where[PIL.ExifTags.GPS.GPSLatitude], where[PIL.ExifTags.GPS.GPSLongitude] = south, east
    return written


def encoded(image: PIL.Image.Image, form: str = "JPEG", **how: Any) -> bytes:
    """The bytes of a picture."""
    out = io.BytesIO()
    image.save(out, form, **how)
    return out.getvalue()


def from_phone(form: str = "JPEG", orientation: int = 1, **more: Any) -> bytes:
    """A photo with all that a phone writes beside it."""
    how: dict[str, Any] = {"exif": exif(orientation, **more)}
    if form == "JPEG":
        how |= {"comment": HOUSE.encode(), "quality": 95, "subsampling": 0}
    return encoded(scene(), form, **how)


def chunk(name: bytes, content: bytes) -> bytes:
    """A piece of a PNG."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """A PNG of a few bytes that says it is as large as a house."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def seen(content: bytes) -> PIL.Image.Image:
    """What is to be seen."""
    image = PIL.Image.open(io.BytesIO(content))
    image.load()
    return image


def beside(content: bytes) -> set[str]:
    """What stands in a JPEG or PNG beside what is to be seen, by the names of its parts; "behind" is what follows its
    end."""
    if content.startswith(b"\x89PNG"):
        names: list[str] = []
        at = 8
        while at < len(content) and names[-1:] != ["IEND"]:
            names.append(content[at + 4 : at + 8].decode("latin-1"))
            at += 12 + int.from_bytes(content[at : at + 4], "big")
        found = set(names) - {"IHDR", "PLTE", "tRNS", "IDAT", "IEND"}
        return found | ({"behind"} if at != len(content) else set())
    found, at = set(), 2
    while (marker := content[at + 1]) != 0xDA:
        if marker >= 0xE1 or (marker == 0xE0 and content[at + 4 : at + 9] != b"JFIF\0"):
            found.add(f"{marker:02x}")
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    end = content.index(b"\xff\xd9", at) + 2
    return found | ({"behind"} if end != len(content) else set())
