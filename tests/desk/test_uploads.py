"""Files that officers send: judged by their content, bare of what a camera wrote, never a reason to lose words."""

from __future__ import annotations

import io
import re
import struct
import unicodedata
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import cast

import httpx
import PIL.Image
import pytest
from fastapi import FastAPI, Request
from hypothesis import given
from hypothesis import strategies as st
from peers.clamd import EICAR, FakeClamd, Fault

from api.desk import DeskShell
from api.house import House
from api.settings import Settings
from desk import uploads
from desk.uploads import Bodies, Filled, Ready, Refused
from store import pictures

GPS = 0x8825
PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"


def picture(kind: str = "JPEG", size: tuple[int, int] = (60, 40), colour: str = "green", **more: object) -> bytes:
    """A picture whose left half has a colour, and whose right half is white."""
    image = PIL.Image.new("RGB", size, "white")
    image.paste(colour, (0, 0, size[0] // 2, size[1]))
    out = io.BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()


def seen(content: bytes) -> PIL.Image.Image:
    """What is to be seen."""
    image = PIL.Image.open(io.BytesIO(content))
    image.load()
    return image


def from_camera() -> bytes:
    """A photo taken with the phone on its side, with place and device beside it."""
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees to the right
    exif[0x0110] = "Telepon Pak Budi"
    exif.get_ifd(GPS)[1] = "S"
    exif.get_ifd(GPS)[2] = (2.0, 59.0, 12.0)
    return picture(exif=exif, comment=b"rumah saya")


def test_a_photo_loses_what_the_camera_wrote_and_stands_upright() -> None:
    before = from_camera()
    assert b"Telepon Pak Budi" in before
    ready = uploads.read(before, "IMG_1.JPG")
    assert isinstance(ready, Ready)
    image = seen(ready.content)
    assert image.size == (40, 60)
    assert not image.getexif()
    assert b"Telepon" not in ready.content
    assert b"rumah" not in ready.content
    # The left half has become the upper one.
    assert image.getpixel((20, 5))[1] < 200 < image.getpixel((20, 55))[0]  # type: ignore[index]
    assert (ready.name, ready.content_type) == ("IMG_1.jpg", "image/jpeg")


@pytest.mark.parametrize(
    ("content", "name", "kept_as"),
    [
        (picture("PNG"), "layar.png", ("layar.png", "image/png")),
        (picture("WEBP"), "foto.webp", ("foto.jpg", "image/jpeg")),
        (picture("JPEG"), "surat.pdf", ("surat.jpg", "image/jpeg")),
        (PDF, "berita acara.pdf", ("berita acara.pdf", "application/pdf")),
        (PDF, "foto.jpg", ("foto.pdf", "application/pdf")),
    ],
)
def test_the_content_says_what_a_file_is(content: bytes, name: str, kept_as: tuple[str, str]) -> None:
    ready = uploads.read(content, name)
    assert isinstance(ready, Ready)
    assert (ready.name, ready.content_type) == kept_as


def test_what_shines_through_becomes_white() -> None:
    out = io.BytesIO()
    PIL.Image.new("RGBA", (10, 10), (0, 0, 0, 0)).save(out, "WEBP", lossless=True)
    ready = uploads.read(out.getvalue(), "a.webp")
    assert isinstance(ready, Ready)
    assert min(seen(ready.content).convert("RGB").getpixel((5, 5))) > 250  # type: ignore[arg-type]


def test_a_huge_picture_is_made_smaller() -> None:
    ready = uploads.read(picture(size=(6000, 300)), "lebar.jpg")
    assert isinstance(ready, Ready)
    assert max(seen(ready.content).size) == pictures.LONGEST_SIDE


def bomb() -> bytes:
    """A PNG of few bytes that says it has 40,000 times 40,000 pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 999)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"MZ\x90\x00 program", "other_kind"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "other_kind"),
        (picture("GIF"), "other_kind"),
        (picture()[:400], "broken"),
        (PDF[:20], "broken"),
        (bomb(), "too_many_pixels"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "heic"),
        (PDF + b"\0" * uploads.LARGEST_FILE, "too_large"),
    ],
    ids=["empty", "program", "svg", "gif", "half a photo", "half a pdf", "bomb", "iphone", "large"],
)
def test_what_cannot_be_used_is_named_with_its_reason(content: bytes, why: str) -> None:
    assert uploads.read(content, "lampiran.jpg") == Refused("lampiran.jpg", why)


@given(st.binary(max_size=200), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"%PDF-", b"RIFF"]))
def test_no_bytes_break_the_reader(rest: bytes, start: bytes) -> None:
    assert isinstance(uploads.read(start + rest, "x"), Ready | Refused)


@given(st.text(max_size=300), st.sampled_from([None, "image/jpeg", "image/png", "application/pdf"]))
def test_a_cleaned_name_harms_nobody(name: str, kind: str | None) -> None:
    cleaned = uploads.clean(name, kind)
    assert 1 <= len(cleaned) <= uploads.NAME
    assert not set('/\\<>:"|?*') & set(cleaned)
    assert not cleaned.startswith(".")
    assert all(unicodedata.category(sign) not in ("Cc", "Cf", "Cs") for sign in cleaned)
    assert uploads.clean(cleaned, kind) == cleaned
    cleaned.encode()


def test_a_name_cannot_show_another_suffix() -> None:
    assert uploads.clean("foto\u202egpj.exe") == "fotogpj.exe"
    assert uploads.clean(r"C:\Users\budi\..\foto.jpg", "image/jpeg") == "foto.jpg"
    assert uploads.clean("../../etc/passwd") == "passwd"


# --- forms over HTTP ----------------------------------------------------------------------------------


class Desk:
    """A house in which nothing but its settings is asked for."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings


def door(filled: list[Filled], clamd: str = "", room: Mapping[str, int] | None = None) -> Bodies:
    """An app that reads a form behind the guard, and notes it."""
    app = FastAPI()
    house = Desk(Settings(_env_file=None, clamd_host=clamd))
    app.state.shell = DeskShell(lambda: cast(House, house))

    @app.post("/{path:path}")
    async def take(request: Request) -> None:
        filled.append(await uploads.form(request))

    return Bodies(app, [(re.compile(path), most) for path, most in (room or {}).items()])


async def post(app: Bodies, path: str = "/x", **sent: object) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        return await client.post(path, **sent)  # type: ignore[arg-type]


def attached(*files: tuple[str, bytes]) -> Sequence[tuple[str, tuple[str, bytes, str]]]:
    return [("files", (name, content, "application/octet-stream")) for name, content in files]


async def test_a_form_keeps_its_words_whatever_its_files_are() -> None:
    filled: list[Filled] = []
    app = door(filled, room={"/x": 60 * uploads.MIB})
    files = attached(("baik.jpg", picture()), ("virus.jpg", b"MZ"), ("", b""))
    answer = await post(
        app, data={"words": "  Sudah\r\ndiperbaiki \x00", "evidence": ["7", "7", "x", "9"]}, files=files
    )
    assert answer.status_code == 200
    [form] = filled
    assert form.get("words") == "Sudah\ndiperbaiki"
    assert form.numbers("evidence") == (7, 9)
    assert [each.name for each in form.ready] == ["baik.jpg"]
    assert form.refused == (Refused("virus.jpg", "other_kind"),)


async def test_an_eleventh_file_and_a_large_one_are_named() -> None:
    filled: list[Filled] = []
    app = door(filled, room={"/x": 60 * uploads.MIB})
    many = [(f"{place}.pdf", PDF) for place in range(10)]
    large = ("besar.pdf", PDF + b"\0" * uploads.LARGEST_FILE)
    await post(app, files=attached(large, *many))
    [form] = filled
    assert form.refused == (Refused("besar.pdf", "too_large"), Refused("9.pdf", "too_many"))


async def test_a_body_may_be_as_large_as_its_page_takes() -> None:
    filled: list[Filled] = []
    app = door(filled, room={"/besar": 3 * uploads.MIB})
    two = attached(("a.pdf", PDF.replace(b"%%EOF", b"\0" * 2 * uploads.MIB + b"%%EOF")))
    assert (await post(app, "/besar", files=two)).status_code == 200
    assert (await post(app, "/lain", files=two)).status_code == 413
    four = attached(("a.pdf", b"\0" * 4 * uploads.MIB))
    assert (await post(app, "/besar", files=four)).status_code == 413
    assert len(filled) == 1


async def test_a_body_without_a_length_is_counted_as_it_comes() -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
        for _ in range(64):
            yield b"\0" * 64 * 1024

    headers = {"content-type": "multipart/form-data; boundary=x"}
    assert (await post(door([]), content=endless(), headers=headers)).status_code == 413


async def test_what_is_no_form_is_said_so() -> None:
    answer = await post(door([]), content=b"--x\r\nbroken", headers={"content-type": "multipart/form-data"})
    assert answer.status_code == 422


# --- looked through for viruses -------------------------------------------------------------------------


async def test_what_is_infected_is_not_kept_and_the_rest_is() -> None:
    filled: list[Filled] = []
    async with FakeClamd() as clamd:
        app = door(filled, clamd.where, room={"/x": 60 * uploads.MIB})
        files = attached(
            ("baik.jpg", picture()), ("surat.pdf", PDF + EICAR + b"%%EOF"), ("foto.jpg", picture() + EICAR)
        )
        await post(app, data={"words": "Sudah"}, files=files)
        assert clamd.streams == [content for _, (_, content, _) in files]
    [form] = filled
    assert form.get("words") == "Sudah"
    assert [each.name for each in form.ready] == ["baik.jpg"]
    assert form.refused == (Refused("surat.pdf", "infected"), Refused("foto.jpg", "infected"))


@pytest.mark.parametrize("fault", ["hangs up", "too large", "nonsense"])
async def test_what_could_not_be_looked_through_is_not_kept(fault: Fault) -> None:
    filled: list[Filled] = []
    async with FakeClamd() as clamd:
        clamd.faults.append(fault)
        await post(door(filled, clamd.where), data={"words": "Sudah"}, files=attached(("a.pdf", PDF), ("b.pdf", PDF)))
    [form] = filled
    assert form.refused == (Refused("a.pdf", "unchecked"),)
    assert [each.name for each in form.ready] == ["b.pdf"]
