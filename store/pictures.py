"""Pictures as they are handed out: a copy that holds what is to be seen, and nothing else.

A phone writes into a picture where it was taken, when, with which device, sometimes whose it is; and behind its end
anything may follow. So each picture is unfolded and encoded anew: upright, in the colours of the web, at most 2,560
pixels long, at most 2 MB, which is what SP4N-LAPOR! takes. The bytes as they came are kept beside it and handed to
nobody. Where a picture was taken is told once, to whoever asks the sender whether it may be used.

Measured on 2 cores, with the memory beyond the bytes themselves and the 30 MB of Pillow and numpy: a phone's JPEG of
12 million pixels takes 0.5 s and 100 MB, one of 48 million 0.7 s and 100 MB (progressive 1.1 s and 190 MB), a PNG of 48
million 3 s and 270 MB, a WEBP or a picture with transparency of 16 million 0.9 to 2.5 s and 170 to 250 MB.
"""

from __future__ import annotations

import io
import threading
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import PIL.ExifTags
import PIL.Image
import PIL.ImageChops
import PIL.ImageCms

# What SP4N-LAPOR! takes of a file, in bytes.
MOST_BYTES = 2_000_000
# What claims more pixels is a bomb, or more than any report needs: it would take hundreds of megabytes. A WEBP, or
# what one can look through, takes three times as much for each.
MOST_PIXELS, MOST_PIXELS_OF_COSTLY = 50_000_000, 16_000_000
# The longer side of what is handed out: a page of paper stays readable.
LONGEST_SIDE = 2560
# How pictures of phones and scanners begin that Pillow cannot read: boxes of the ISO media format, by their brand.
_UNREAD_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis"})
_FORMATS = ("JPEG", "PNG", "WEBP")
# From good to poor, then smaller: the first that is small enough is taken. Noise of the last size is.
_SIDES, _QUALITIES = (LONGEST_SIDE, 1920, 1440, 1080), (88, 80, 70, 60)
# A drawing or a picture of a screen has fewer colours than this, and edges that JPEG would smear.
_FEW_COLOURS = 64
# Of a picture that breaks off, so much must be there (the rest is grey).
_ENOUGH = 0.5
_END_OF_JPEG = b"\xff\xd9"
# Indonesia with its seas, in degrees: south, north, west, east.
_SOUTH, _NORTH, _WEST, _EAST = -11.5, 6.5, 94.5, 141.5
# By the number that a camera writes for how it was held.
_TURNS = {
    2: PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Image.Transpose.ROTATE_180,
    4: PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Image.Transpose.TRANSPOSE,
    6: PIL.Image.Transpose.ROTATE_270,
    7: PIL.Image.Transpose.TRANSVERSE,
    8: PIL.Image.Transpose.ROTATE_90,
}
_SRGB = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB"))
# One picture is unfolded at a time in a process.
_ONE_AT_A_TIME = threading.Lock()


class Unusable(Exception):
    """The bytes are no picture that can be handed out. `why`: other_kind (no JPEG, PNG or WEBP), heic (a kind of photo
    that few programs open), broken, too_many_pixels."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Picture:
    """A clean copy and its content type (image/jpeg or image/png); `kind` is the content type of the bytes that came.
    `taken_at` is where they say that it was taken, in degrees (latitude, longitude), if that lies in Indonesia."""

    content: bytes
    content_type: str
    kind: str
    taken_at: tuple[float, float] | None


def read(content: bytes) -> Picture:
    """The clean copy of a picture. To be called in a thread: it takes up to a second. Raises `Unusable`."""
    if content[4:8] == b"ftyp" and content[8:12] in _UNREAD_BRANDS:
        raise Unusable("heic")
    try:
        with _ONE_AT_A_TIME, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of bombs and odd metadata: we count the pixels ourselves
            return _read(content)
    except Unusable:
        raise
    except PIL.Image.DecompressionBombError:
        raise Unusable("too_many_pixels") from None
    except PIL.UnidentifiedImageError:
        raise Unusable("other_kind") from None
    except Exception:  # whatever a decoder makes of broken bytes: OSError, SyntaxError, ValueError, struct.error, …
        raise Unusable("broken") from None


def _read(content: bytes) -> Picture:
    with PIL.Image.open(io.BytesIO(content), formats=_FORMATS) as image:
        costly = image.format == "WEBP" or image.has_transparency_data
        if image.width * image.height > (MOST_PIXELS_OF_COSTLY if costly else MOST_PIXELS):
            raise Unusable("too_many_pixels")
        kind = {"PNG": "image/png", "WEBP": "image/webp"}.get(image.format or "", "image/jpeg")
        small = _unfolded(image, content)
        taken_at, turn, profile = _taken_at(image), _turn(image), image.info.get("icc_profile")
        few = kind == "image/png" and small.getcolors(_FEW_COLOURS) is not None
        small.thumbnail((LONGEST_SIDE, LONGEST_SIDE), PIL.Image.Resampling.LANCZOS, reducing_gap=2.0)
        small = _in_colours_of_the_web(_upright(small, turn), profile)
    if small.mode == "RGBA" and small.getchannel("A").getextrema() == (255, 255):
        small = small.convert("RGB")
    if kind == "image/png" and (few or small.mode == "RGBA"):
        drawn = _encoded(small, "PNG")
        if len(drawn) <= MOST_BYTES:
            return Picture(drawn, "image/png", kind, taken_at)
    return Picture(_small_enough(_on_white(small)), "image/jpeg", kind, taken_at)


def _unfolded(image: PIL.Image.Image, content: bytes) -> PIL.Image.Image:
    """The picture in L, RGB, RGBA or CMYK, 8 bits each. A large JPEG is unfolded at a half, a quarter or an eighth."""
    jpeg = content.startswith(b"\xff\xd8")
    if jpeg:
        image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
    try:
        image.load()
    except OSError:
        if not jpeg:
            raise
        image = _what_is_there(content)
    if image.mode.startswith("I;16"):
        return PIL.Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    wanted = "RGBA" if image.has_transparency_data else "L" if image.mode in {"1", "L"} else "RGB"
    return image if image.mode in {wanted, "CMYK"} else image.convert(wanted)


def _what_is_there(content: bytes) -> PIL.Image.Image:
    """A JPEG that breaks off, as far as it goes: some cameras forget its end, some networks more. Raises `Unusable`
    where too little of it is there."""
    image = PIL.Image.open(io.BytesIO(content + _END_OF_JPEG), formats=_FORMATS)
    image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
    image.load()
    # What is missing has one colour throughout.
    ground = PIL.Image.new(image.mode, image.size, image.getpixel((image.width - 1, image.height - 1)))
    seen = PIL.ImageChops.difference(image, ground).getbbox()
    if seen is None or seen[3] < _ENOUGH * image.height:
        raise Unusable("broken")
    return image


def _turn(image: PIL.Image.Image) -> PIL.Image.Transpose | None:
    """What must be done to the picture that it stands upright."""
    try:
        return _TURNS.get(image.getexif().get(PIL.ExifTags.Base.Orientation, 1))
    except Exception:  # what others have written beside a picture has any shape
        return None


def _upright(image: PIL.Image.Image, turn: PIL.Image.Transpose | None) -> PIL.Image.Image:
    return image if turn is None else image.transpose(turn)


def _in_colours_of_the_web(image: PIL.Image.Image, profile: bytes | None) -> PIL.Image.Image:
    """In sRGB (or grey), by the profile that came with it if that is of any use."""
    if profile:
        try:
            given = PIL.ImageCms.ImageCmsProfile(io.BytesIO(profile))
            mode = image.mode if image.mode == "RGBA" else "RGB"
            made = PIL.ImageCms.profileToProfile(image, given, _SRGB, outputMode=mode)
        except (PIL.ImageCms.PyCMSError, ValueError, TypeError, OSError):
            made = None
        if made is not None:
            return made
    return image.convert("RGB") if image.mode == "CMYK" else image


def _on_white(image: PIL.Image.Image) -> PIL.Image.Image:
    """JPEG knows no transparency."""
    if image.mode != "RGBA":
        return image
    ground = PIL.Image.new("RGB", image.size, "white")
    ground.paste(image, mask=image.getchannel("A"))
    return ground


def _small_enough(image: PIL.Image.Image) -> bytes:
    content = b""
    for side in _SIDES:
        if side != LONGEST_SIDE:
            if max(image.size) <= side:
                continue
            image.thumbnail((side, side), PIL.Image.Resampling.LANCZOS)
        for quality in _QUALITIES:
            content = _encoded(image, "JPEG", quality=quality, optimize=True)
            if len(content) <= MOST_BYTES:
                return content
    return content


def _encoded(image: PIL.Image.Image, form: str, **how: Any) -> bytes:
    """The bytes of a new picture that knows nothing but the pixels of this one."""
    bare = PIL.Image.new(image.mode, image.size)
    bare.paste(image)
    out = io.BytesIO()
    bare.save(out, form, **how)
    return out.getvalue()


# --- where it was taken -----------------------------------------------------------------------------


def _taken_at(image: PIL.Image.Image) -> tuple[float, float] | None:
    """The place that a picture names, to about a metre; None where it names none, or one that cannot be ours: many
    devices write zeros before they have found a satellite."""
    tags = PIL.ExifTags.GPS
    try:
        found = image.getexif().get_ifd(PIL.ExifTags.IFD.GPSInfo)
        latitude = _degrees(found[tags.GPSLatitude], found[tags.GPSLatitudeRef], "S")
        longitude = _degrees(found[tags.GPSLongitude], found[tags.GPSLongitudeRef], "W")
    except Exception:  # what others have written beside a picture has any shape
        return None
    if not (_SOUTH <= latitude <= _NORTH and _WEST <= longitude <= _EAST):
        return None
    return round(latitude, 5), round(longitude, 5)


def _degrees(parts: Any, direction: Any, negative: str) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    sign = -1 if str(direction).strip("\0 ").upper() == negative else 1
    return sign * (degrees + minutes / 60 + seconds / 3600)
