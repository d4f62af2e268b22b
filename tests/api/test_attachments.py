"""What an office attaches on its way out: what goes where, as what, and under which name."""

from __future__ import annotations

import io

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import contact, file, run
from sqlalchemy.ext.asyncio import AsyncConnection

from api.house import House
from api.media import attachments
from bot.messages import File, clean
from store import evidence, staff
from store.attachments import Attached

MB = 1_000_000


def picture(side: int = 64, form: str = "JPEG") -> bytes:
    """Noise, which no format makes small."""
    out = io.BytesIO()
    noise = np.random.default_rng(side).integers(0, 256, (side, side, 3), dtype=np.uint8)
    PIL.Image.fromarray(noise).save(out, form)
    return out.getvalue()


async def attach(house: House, content: bytes, content_type: str, name: str | None, size: int | None = None) -> int:
    """A file that an officer has attached to the one complaint."""
    async with house.engine.begin() as connection:
        complaint_id, staff_id = await somewhere(connection)
        return await evidence.add(
            connection,
            complaint_id=complaint_id,
            staff_id=staff_id,
            agency=None,
            sha256=house.shelf.put(content),
            content_type=content_type,
            size=len(content) if size is None else size,
            name=name,
            looks=None,
        )


async def somewhere(connection: AsyncConnection) -> tuple[int, int]:
    """A complaint, and somebody who attaches something to it."""
    chat = await contact(connection)
    event = await file(connection, contact_id=chat)
    return event.complaint_id, await staff.add(connection, f"ani{event.complaint_id}", "Ani", [])


async def test_files_come_in_the_order_that_was_asked_for(house: House) -> None:
    letter = await attach(house, b"%PDF-1.4 a %%EOF", "application/pdf", "Berita acara.pdf")
    photo = await attach(house, picture(), "image/jpeg", "sesudah.jpg")
    assert await attachments.files_of(house, [photo, letter]) == (
        File("photo", picture(), "image/jpeg", "sesudah.jpg"),
        File("document", b"%PDF-1.4 a %%EOF", "application/pdf", "Berita acara.pdf"),
    )
    assert await attachments.files_of(house, []) == ()


async def test_what_is_gone_is_left_out(house: House) -> None:
    gone, there = [await attach(house, content, "application/pdf", None) for content in (b"%PDF-1", b"%PDF-2")]
    [row] = await attachments.files_of(house, [gone])
    assert row.content == b"%PDF-1"
    house.shelf.remove(house.shelf.put(b"%PDF-1"), quiet=-1)
    refused = await attach(house, b"%PDF-3", "application/pdf", None)
    await run(house.engine, "UPDATE media SET state = 'refused' WHERE id = :id", id=refused)
    assert [each.content for each in await attachments.files_of(house, [gone, 999_999, refused, there])] == [b"%PDF-2"]


async def test_a_picture_goes_as_its_clean_copy(house: House) -> None:
    media_id = await attach(house, picture(70), "image/jpeg", "sesudah.jpg")
    await run(
        house.engine,
        "UPDATE media SET clean_sha256 = :sha256, clean_type = 'image/png', clean_size = 3 WHERE id = :id",
        sha256=house.shelf.put(picture(64, "PNG")),
        id=media_id,
    )
    [sent] = await attachments.files_of(house, [media_id])
    assert sent == File("photo", picture(64, "PNG"), "image/png", "sesudah.png")


async def test_a_large_picture_is_made_small_enough_for_everybody(house: House) -> None:
    large = picture(1600, "PNG")
    assert len(large) > 5 * MB
    media_id = await attach(house, large, "image/png", "papan proyek.png")
    async with house.engine.connect() as connection:
        assert await attachments.fitting(connection, "whatsapp", [media_id]) == (media_id,)
    [sent] = await attachments.files_of(house, [media_id])
    assert (sent.content_type, sent.name) == ("image/jpeg", "papan proyek.jpg")
    assert len(sent.content) <= 2 * MB


@pytest.mark.parametrize(
    ("channel", "content_type", "size", "goes"),
    [
        ("whatsapp", "application/pdf", 100 * MB, True),
        ("whatsapp", "application/pdf", 100 * MB + 1, False),
        ("whatsapp", "video/mp4", 16 * MB + 1, False),
        ("telegram", "video/mp4", 16 * MB + 1, True),
        ("telegram", "application/pdf", 50 * MB + 1, False),
        ("webchat", "application/pdf", 500 * MB, True),
        ("whatsapp", "image/jpeg", 64 * MB, True),
        ("carrier pigeon", "image/jpeg", 1, False),
    ],
)
async def test_a_channel_carries_what_it_can(
    house: House, channel: str, content_type: str, size: int, goes: bool
) -> None:
    media_id = await attach(house, b"x", content_type, None, size)
    async with house.engine.connect() as connection:
        assert await attachments.fitting(connection, channel, [media_id]) == ((media_id,) if goes else ())


async def test_ten_files_go_with_a_message(house: House) -> None:
    ids = [await attach(house, b"%PDF", "application/pdf", None) for _ in range(12)]
    async with house.engine.connect() as connection:
        assert await attachments.fitting(connection, "telegram", ids) == tuple(ids[:10])


@pytest.mark.parametrize(
    ("name", "content_type", "called", "plainly"),
    [
        ("sesudah ditambal.JPG", "image/jpeg", "sesudah ditambal.jpg", "sesudah-ditambal.jpg"),
        ("foto.jpeg", "image/jpeg", "foto.jpeg", "foto.jpeg"),
        ("foto.png", "image/jpeg", "foto.jpg", "foto.jpg"),
        ("surat v2.1", "application/pdf", "surat v2.1.pdf", "surat-v2.1.pdf"),
        ("Berita acara – “tahap 2”.pdf", "application/pdf", "Berita acara – “tahap 2”.pdf", "Berita-acara-tahap-2.pdf"),
        (None, "image/jpeg", "lampiran-3.jpg", "lampiran-1.jpg"),
        ("../../etc/passwd", "application/pdf", "etc passwd.pdf", "etc-passwd.pdf"),
        ("...", "application/pdf", "lampiran-3.pdf", "lampiran-1.pdf"),
        ("照片.png", "image/png", "照片.png", "lampiran-1.png"),
        ("laporan.xlsx", "application/vnd.ms-excel", "laporan.xlsx", "laporan.xlsx"),
        ("gpj.exe\u202e", "image/png", "gpj.exe.png", "gpj.exe.png"),
    ],
)
def test_a_file_is_called_as_its_officer_called_it(
    name: str | None, content_type: str, called: str, plainly: str
) -> None:
    attached = Attached(1, "photo", "0" * 64, content_type, 1, name)
    assert attachments.name_of(attached, 3) == called
    assert attachments.plain_name(attached) == plainly


@given(
    st.one_of(st.none(), st.text(max_size=300)),
    st.sampled_from(["image/jpeg", "application/pdf", "text/x", "video/mp4"]),
)
def test_any_name_can_be_a_files_name(name: str | None, content_type: str) -> None:
    attached = Attached(1, "document", "0" * 64, content_type, 1, name)
    called, plainly = attachments.name_of(attached, 1), attachments.plain_name(attached)
    for each in (called, plainly):
        assert 1 <= len(each) <= 110
        assert not set(each) & set('\\/:*?"<>|\n\r\t')
        assert not each.startswith((".", " "))
    assert clean(called) == called
    assert plainly.isascii()
    assert plainly.isprintable()
    if content_type == "application/pdf":
        assert called.lower().endswith(".pdf")
        assert plainly.lower().endswith(".pdf")


def test_a_glimpse_is_small_and_a_jpeg() -> None:
    for form in ("JPEG", "PNG", "WEBP"):
        small = attachments.glimpse(picture(1200, form))
        assert small is not None
        with PIL.Image.open(io.BytesIO(small)) as image:
            assert (image.format, max(image.size)) == ("JPEG", 480)
    for nothing in (b"", b"%PDF-1.4", picture()[:50]):
        assert attachments.glimpse(nothing) is None
