"""What is handed out of a picture is what is to be seen of it, and nothing else, whatever came."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageCms
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import (
    HOUSE,
    OWNER,
    PLACE,
    beside,
    bomb,
    chunk,
    encoded,
    exif,
    from_phone,
    noise,
    scene,
    seen,
)

from store import pictures
from store.pictures import LONGEST_SIDE, MOST_BYTES, Unusable, read

WHYS = {"other_kind", "heic", "broken", "too_many_pixels"}


def corners(content: bytes) -> str:
    """The colours of the four corners, from the upper left to the lower right."""
    image = seen(content).convert("RGB")
    wide, high = image.width - 1, image.height - 1
    places = ((6, 6), (wide - 6, 6), (6, high - 6), (wide - 6, high - 6))
    return "".join(_colour(image.getpixel(place)) for place in places)


def _colour(pixel: Any) -> str:
    red, green, blue = (each > 100 for each in pixel)
    return {(1, 1, 1): "w", (1, 0, 0): "r", (0, 1, 0): "g", (0, 0, 1): "b"}.get((red, green, blue), "?")


# --- what goes, and what stays -----------------------------------------------------------------------


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_nothing_that_a_phone_writes_beside_a_picture_is_handed_out(form: str) -> None:
    before = from_phone(form)
    assert OWNER.encode() in before
    made = read(before)
    assert OWNER.encode() not in made.content
    assert HOUSE.encode() not in made.content
    assert not seen(made.content).getexif()
    assert beside(made.content) == set()
    assert made.taken_at == PLACE
    assert corners(made.content) == "rgbw"


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [(1, "rgbw"), (2, "grwb"), (3, "wbgr"), (4, "bwrg"), (5, "rbgw"), (6, "brwg"), (7, "wgbr"), (8, "gwrb")],
)
def test_a_picture_stands_upright_however_the_phone_was_held(orientation: int, upright: str) -> None:
    made = read(from_phone(orientation=orientation))
    assert seen(made.content).size == ((240, 160) if orientation < 5 else (160, 240))
    assert corners(made.content) == upright


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("payload.js", "alert(1)" * 100)
    return out.getvalue()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    "tail", [b"<html><script>alert(1)</script>", _zip(), b"%PDF-1.7\n%%EOF"], ids=["html", "zip", "pdf"]
)
def test_what_follows_the_end_of_a_picture_is_left_behind(form: str, tail: bytes) -> None:
    made = read(encoded(scene(), form) + tail)
    assert tail not in made.content
    assert beside(made.content) == set()
    assert corners(made.content) == "rgbw"


def test_a_program_inside_a_picture_does_not_survive() -> None:
    words = b"<script>alert(document.cookie)</script>"
    png = encoded(scene(), "PNG")
    inside = png[:33] + chunk(b"tEXt", b"Comment\0" + words) + chunk(b"xxXx", words) + png[33:]
    assert words not in read(inside).content


# --- kinds of pictures -------------------------------------------------------------------------------


def _deep_grey() -> bytes:
    """A scan of 16 bits a pixel, dark on the left and light on the right."""
    return encoded(PIL.Image.fromarray(np.tile(np.linspace(0, 65535, 200).astype(np.uint16), (100, 1))), "PNG")


@pytest.mark.parametrize(
    ("content", "kind", "content_type"),
    [
        (encoded(scene()), "image/jpeg", "image/jpeg"),
        (encoded(scene(), progressive=True), "image/jpeg", "image/jpeg"),
        (encoded(scene().convert("CMYK")), "image/jpeg", "image/jpeg"),
        (encoded(scene().convert("L")), "image/jpeg", "image/jpeg"),
        (encoded(scene(), "MPO", save_all=True, append_images=[noise((240, 160))]), "image/jpeg", "image/jpeg"),
        (encoded(scene(), "PNG"), "image/png", "image/png"),
        (encoded(scene().convert("P"), "PNG"), "image/png", "image/png"),
        (encoded(scene().convert("1"), "PNG"), "image/png", "image/png"),
        (encoded(noise((300, 200)), "PNG"), "image/png", "image/jpeg"),
        (encoded(scene().convert("RGBA"), "PNG"), "image/png", "image/png"),
        (encoded(scene(), "PNG", save_all=True, append_images=[noise((240, 160))]), "image/png", "image/png"),
        (encoded(scene(), "WEBP"), "image/webp", "image/jpeg"),
        (encoded(scene(), "WEBP", save_all=True, append_images=[noise((240, 160))]), "image/webp", "image/jpeg"),
        (_deep_grey(), "image/png", "image/jpeg"),
        (encoded(scene((1, 1)), "PNG"), "image/png", "image/png"),
    ],
    ids="jpeg progressive cmyk grey mpo png palette bits colourful opaque apng webp moving deep pixel".split(),
)
def test_each_kind_of_picture_becomes_a_jpeg_or_a_drawing(content: bytes, kind: str, content_type: str) -> None:
    made = read(content)
    assert (made.kind, made.content_type) == (kind, content_type)
    assert f"image/{(seen(made.content).format or '').lower()}" == content_type
    assert seen(made.content).mode in {"L", "RGB", "RGBA"}
    assert beside(made.content) == set()


@pytest.mark.parametrize(("mode", "form"), [("RGB", "JPEG"), ("CMYK", "JPEG"), ("RGB", "PNG"), ("P", "PNG")])
def test_the_colours_stay(mode: str, form: str) -> None:
    assert corners(read(encoded(scene().convert(mode), form)).content) == "rgbw"


def test_a_deep_scan_is_not_washed_out() -> None:
    image = seen(read(_deep_grey()).content).convert("L")
    assert [round(image.getpixel((x, 50)) / 50) for x in (2, 50, 100, 150, 197)] == [0, 1, 3, 4, 5]  # type: ignore[operator]


def test_what_shines_through_stays_in_a_drawing_and_becomes_white_in_a_photo() -> None:
    drawing = scene().convert("RGBA")
    drawing.putalpha(PIL.Image.linear_gradient("L").resize(drawing.size))
    made = read(encoded(drawing, "PNG"))
    assert made.content_type == "image/png"
    assert seen(made.content).getpixel((6, 6))[3] < 30  # type: ignore[index]
    made = read(encoded(drawing, "WEBP", lossless=True))
    assert made.content_type == "image/jpeg"
    assert min(seen(made.content).getpixel((6, 1))) > 240  # type: ignore[arg-type]


def test_other_colours_than_those_of_the_web_are_turned_into_them() -> None:
    """Without its profile, a picture in another space of colours would look wrong on an officer's screen."""
    lab = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("LAB"))
    xyz = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("XYZ"))
    profile = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()
    plain = encoded(scene(), quality=95)
    for one in (profile, lab.tobytes(), xyz.tobytes(), b"no profile", profile[:200]):
        made = read(encoded(scene(), quality=95, icc_profile=one))
        assert beside(made.content) == set()
        assert corners(made.content) == "rgbw"
    wide = profile.replace(_primary(profile, b"rXYZ"), _primary(profile, b"gXYZ"))
    swapped = read(encoded(scene(), quality=95, icc_profile=wide))
    assert corners(swapped.content) != corners(read(plain).content), "the profile has had its effect"


def _primary(profile: bytes, name: bytes) -> bytes:
    """What a profile says of one of its three colours."""
    at = profile.index(name)
    offset, size = (int.from_bytes(profile[at + 4 * part : at + 4 * part + 4], "big") for part in (1, 2))
    return profile[offset : offset + size]


# --- how large ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(4032, 3024), (3024, 4032), (9000, 300)])
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_large_picture_is_made_smaller(size: tuple[int, int], form: str) -> None:
    made = read(encoded(scene(size), form))
    wide, high = seen(made.content).size
    assert max(wide, high) == LONGEST_SIDE
    assert wide / high == pytest.approx(size[0] / size[1], rel=0.02)
    assert corners(made.content) == "rgbw"


def test_a_small_one_is_not_made_larger() -> None:
    assert seen(read(encoded(scene((33, 21)))).content).size == (33, 21)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_even_what_is_hardest_becomes_small_enough_for_sp4n(form: str) -> None:
    assert MOST_BYTES == 2_000_000
    content = encoded(noise((3000, 3000)), form, quality=95)
    assert len(content) > MOST_BYTES
    made = read(content)
    assert len(made.content) <= MOST_BYTES
    assert max(seen(made.content).size) >= 1080


def test_a_drawing_that_is_too_large_becomes_a_photo() -> None:
    drawing = noise((2000, 2000)).convert("RGBA")
    drawing.putalpha(128)
    made = read(encoded(drawing, "PNG", compress_level=1))
    assert made.content_type == "image/jpeg"
    assert len(made.content) <= MOST_BYTES


# --- where it was taken ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("south", "east", "directions", "found"),
    [
        ((2.0, 53.0, 24.0), (103.0, 49.0, 48.0), ("S", "E"), (-2.89, 103.83)),
        ((3.0, 35.0, 0.0), (98.0, 40.0, 0.0), ("N", "E"), (3.58333, 98.66667)),
        ((2.0, 53.0, 24.0), (103.0, 49.0, 48.0), ("s\0", " e "), (-2.89, 103.83)),
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), ("N", "E"), None),
        ((0.0, 0.0, 0.0), (103.0, 0.0, 0.0), ("N", "E"), (0.0, 103.0)),
        ((52.0, 31.0, 0.0), (13.0, 24.0, 0.0), ("N", "E"), None),
        ((2.0, 53.0, 24.0), (103.0, 49.0, 48.0), ("S", "W"), None),
        ((200.0, 0.0, 0.0), (103.0, 0.0, 0.0), ("S", "E"), None),
        ((2.0, 53.0), (103.0, 49.0), ("S", "E"), None),
    ],
)
def test_the_place_that_a_picture_names_is_told_if_it_can_be_ours(
    south: Any, east: Any, directions: Any, found: tuple[float, float] | None
) -> None:
    made = read(encoded(scene(), exif=exif(1, south, east, directions)))
    assert made.taken_at == found
    assert corners(made.content) == "rgbw"


def test_a_picture_without_a_place_names_none() -> None:
    assert read(encoded(scene())).taken_at is None


# --- what is no picture, or only half a one ------------------------------------------------------------


def cut(content: bytes, share: float) -> bytes:
    """A picture whose end never came."""
    return content[: int(len(content) * share)]


PHOTO = encoded(noise((400, 300)), quality=90)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "other_kind"),
        (b"Ini bukan foto.", "other_kind"),
        (b"<svg onload='alert(1)'/>", "other_kind"),
        (encoded(scene(), "GIF"), "other_kind"),
        (encoded(scene(), "TIFF"), "other_kind"),
        (encoded(scene(), "AVIF"), "heic"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "heic"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "other_kind"),
        (bomb(), "too_many_pixels"),
        (bomb(50_000, 1_001), "too_many_pixels"),
        (bomb(7_000, 7_000), "broken"),
        (cut(PHOTO, 0.2), "broken"),
        (PHOTO[:100], "broken"),
        (cut(encoded(scene(), "PNG"), 0.9), "broken"),
        (cut(encoded(noise((90, 90)), "WEBP"), 0.5), "broken"),
    ],
    ids="nothing words svg gif tiff avif heic film bomb wide empty fifth header png webp".split(),
)
def test_what_cannot_be_handed_out_says_why(content: bytes, why: str) -> None:
    with pytest.raises(Unusable) as refusal:
        read(content)
    assert refusal.value.why == why


def test_many_pixels_are_more_where_one_can_look_through_them() -> None:
    assert read(encoded(PIL.Image.new("L", (5000, 4000)), "PNG")).content_type == "image/png"
    with pytest.raises(Unusable, match="too_many_pixels"):
        read(encoded(PIL.Image.new("LA", (5000, 4000)), "PNG"))


@pytest.mark.parametrize("share", [0.6, 0.8, 0.99])
def test_of_a_photo_that_breaks_off_what_is_there_is_kept(share: float) -> None:
    image = seen(read(cut(PHOTO, share)).content)
    assert image.size == (400, 300)
    upper = np.asarray(image)[: int(share * 300) - 40]
    assert upper.std() > 20


def test_a_camera_may_forget_the_end() -> None:
    whole = encoded(scene(), quality=90)
    assert corners(read(whole[:-2]).content) == "rgbw"


SAMPLES = (
    from_phone(),
    encoded(noise((40, 30)), progressive=True),
    encoded(scene((40, 30)).convert("CMYK")),
    from_phone("PNG"),
    encoded(scene((40, 30)).convert("P"), "PNG"),
    from_phone("WEBP"),
    encoded(noise((30, 20)), "WEBP", save_all=True, append_images=[scene((30, 20))]),
    _deep_grey(),
)


@settings(max_examples=300, deadline=None)
@given(
    sample=st.sampled_from(SAMPLES),
    share=st.floats(0, 1),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
    tail=st.binary(max_size=30),
)
def test_no_bytes_break_the_reader(sample: bytes, share: float, changes: list[tuple[float, int]], tail: bytes) -> None:
    """Cut off, changed anywhere, with anything behind: a clean copy, or a reason that is known."""
    content = bytearray(cut(sample, share))
    for place, byte in changes if content else ():
        content[int(place * len(content))] = byte
    _fine_or_refused(bytes(content) + tail)


@given(st.binary(max_size=60), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"RIFF", b"GIF89a"]))
def test_no_beginning_breaks_the_reader(rest: bytes, start: bytes) -> None:
    _fine_or_refused(start + rest)


def _fine_or_refused(content: bytes) -> None:
    try:
        made = pictures.read(content)
    except Unusable as problem:
        if problem.why not in WHYS:
            raise
        return
    assert beside(made.content) == set()
    assert OWNER.encode() not in made.content
    assert len(made.content) <= MOST_BYTES
