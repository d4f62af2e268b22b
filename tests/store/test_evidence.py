"""Evidence: whose file it is, and whether a picture was used before, however it was saved again."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from making import contact, file, value
from PIL import Image, ImageDraw, ImageFilter, ImageOps
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from store import complaints, evidence, media, staff
from store.evidence import Similar

WIDTH, HEIGHT = 640, 480


def scene(seed: int) -> Image.Image:
    """A made photograph: sky, ground, things, a little blur and the noise of a sensor."""
    chance, noise = random.Random(seed), np.random.default_rng(seed)  # noqa: S311 (a picture, no secret)
    image = Image.new("RGB", (WIDTH, HEIGHT), tuple(chance.randrange(120, 256) for _ in range(3)))
    draw = ImageDraw.Draw(image)
    ground = tuple(chance.randrange(40, 160) for _ in range(3))
    draw.rectangle((0, chance.randrange(100, 350), WIDTH, HEIGHT), fill=ground)
    for _ in range(chance.randrange(6, 25)):
        x, y = chance.randrange(WIDTH), chance.randrange(HEIGHT)
        corners = (x, y, x + chance.randrange(15, 200), y + chance.randrange(15, 200))
        colour = tuple(chance.randrange(256) for _ in range(3))
        (draw.rectangle if chance.random() < 0.5 else draw.ellipse)(corners, fill=colour)
    pixels = np.asarray(image.filter(ImageFilter.GaussianBlur(2)), dtype=float) + noise.normal(0, 8, (HEIGHT, WIDTH, 1))
    return Image.fromarray(pixels.clip(0, 255).astype("uint8"))


def jpeg(image: Image.Image, quality: int = 85, **more: Any) -> bytes:
    out = io.BytesIO()
    image.convert("RGB").save(out, "JPEG", quality=quality, **more)
    return out.getvalue()


def png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1)
    return out.getvalue()


def looks(content: bytes) -> int:
    found = evidence.looks(content)
    assert found is not None
    assert -(2**63) <= found < 2**63
    return found


def apart(one: int, other: int) -> int:
    """In how many bits they differ."""
    return ((one ^ other) & (2**64 - 1)).bit_count()


SCENES = [scene(seed) for seed in range(60)]
LOOKS = [looks(jpeg(each)) for each in SCENES]


# --- how a picture looks ---------------------------------------------------------------------------------------


def test_pictures_saved_again_look_alike() -> None:
    small = (WIDTH // 3, HEIGHT // 3)
    again: dict[str, Callable[[Image.Image], bytes]] = {
        "worse": lambda image: jpeg(image, 15),
        "smaller": lambda image: jpeg(image.resize(small), 60),
        "png": png,
        "grey": lambda image: jpeg(image.convert("L")),
    }
    for way, save in again.items():
        distances = [apart(LOOKS[number], looks(save(image))) for number, image in enumerate(SCENES)]
        assert max(distances) <= 4, way


def test_pictures_that_are_cut_a_little_look_alike() -> None:
    def cut(image: Image.Image, share: float) -> Image.Image:
        x, y = round(image.width * share), round(image.height * share)
        return image.crop((x, y, image.width - x, image.height - y))

    def known(share: float) -> float:
        near = [apart(LOOKS[n], looks(jpeg(cut(image, share)))) <= evidence.ALIKE for n, image in enumerate(SCENES)]
        return sum(near) / len(near)

    assert known(0.01) >= 0.95
    assert known(0.02) >= 0.8


def test_other_pictures_do_not_look_alike() -> None:
    distances = [apart(one, other) for number, one in enumerate(LOOKS) for other in LOOKS[:number]]
    assert len(distances) == 1770
    assert min(distances) > 2 * evidence.ALIKE - 2


def test_a_picture_that_a_phone_holds_upright_looks_as_it_is_shown() -> None:
    turned = Image.Exif()
    turned[0x0112] = 6  # to be turned by 90 degrees when it is shown
    lying = SCENES[0].transpose(Image.Transpose.ROTATE_90)
    assert apart(looks(jpeg(lying, exif=turned)), LOOKS[0]) <= evidence.ALIKE
    assert apart(looks(jpeg(ImageOps.mirror(SCENES[0]))), LOOKS[0]) > evidence.ALIKE


def plain(kind: str, seed: int) -> Image.Image:
    """A picture with nothing on it."""
    noise = np.random.default_rng(seed)
    pixels = np.full((HEIGHT, WIDTH, 3), noise.integers(60, 200), dtype=float)
    if kind == "shade":
        pixels += np.linspace(0, noise.integers(5, 60), WIDTH)[None, :, None]
    if kind == "sky":
        pixels = np.zeros((HEIGHT, WIDTH, 3)) + np.linspace(20, 240, HEIGHT)[:, None, None]
    if kind != "one colour":
        pixels += noise.normal(0, 6, pixels.shape)
    return Image.fromarray(pixels.clip(0, 255).astype("uint8"))


@pytest.mark.parametrize("kind", ["one colour", "wall", "shade", "sky"])
def test_a_picture_of_nothing_looks_like_nothing(kind: str) -> None:
    assert [evidence.looks(jpeg(plain(kind, seed))) for seed in range(10)] == [None] * 10


@given(st.binary(max_size=300))
@settings(deadline=None)
@example(b"")
@example(b"%PDF-1.7")
@example(jpeg(SCENES[0])[:500])
@example(png(SCENES[0])[:-2000])
def test_what_is_no_picture_has_no_looks(content: bytes) -> None:
    assert evidence.looks(content) is None


def test_a_gigantic_picture_is_not_looked_at() -> None:
    huge = Image.new("1", (10_000, 5_001))
    assert evidence.looks(png(huge)) is None


# --- in the store ------------------------------------------------------------------------------------------------


async def filed(connection: AsyncConnection, **details: Any) -> tuple[int, str]:
    event = await file(connection, **details)
    return event.complaint_id, event.ticket


async def attach(connection: AsyncConnection, complaint_id: int, content: bytes, **more: Any) -> int:
    officer = await staff.add(connection, f"petugas{complaint_id}-{len(content)}", "Petugas Uji", [])
    facts = {"agency": "16-pu", "content_type": "image/jpeg", "size": len(content), "name": "x.jpg", **more}
    return await evidence.add(
        connection,
        complaint_id=complaint_id,
        staff_id=officer,
        sha256=f"{hash(content) % 2**64:064x}",
        looks=evidence.looks(content),
        **facts,
    )


async def similar(connection: AsyncConnection, complaint_id: int, content: bytes) -> list[Similar]:
    digest = f"{hash(content) % 2**64:064x}"
    return await evidence.similar(connection, complaint_id=complaint_id, sha256=digest, looks=evidence.looks(content))


async def test_evidence_is_a_file_of_its_complaint(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        complaint_id, ticket = await filed(connection)
        ids = [
            await attach(connection, complaint_id, b"a"),
            await attach(connection, complaint_id, b"bc", content_type="application/pdf", agency=None),
        ]
        found = (await complaints.get(connection, ticket)).files
    assert [(row.id, row.kind, row.channel, row.state, row.agency, row.contact_id) for row in found] == [
        (ids[0], "photo", "desk", "stored", "16-pu", None),
        (ids[1], "document", "desk", "stored", None, None),
    ]
    assert all(row.staff_id and row.stored_at for row in found)


async def test_a_closing_photo_that_was_used_before_is_found(engine: AsyncEngine) -> None:
    used, other = jpeg(SCENES[0]), jpeg(SCENES[1])
    again = jpeg(SCENES[0].resize((400, 300)), 60)
    async with engine.begin() as connection:
        before, ticket = await filed(connection)
        first = await attach(connection, before, used)
        await attach(connection, before, other)
        here, _ = await filed(connection)
        [copy] = await similar(connection, here, used)
        [alike] = await similar(connection, here, again)
        assert (copy.media_id, copy.ticket, copy.same_bytes, copy.by_citizen) == (first, ticket, True, False)
        assert (alike.media_id, alike.ticket, alike.same_bytes) == (first, ticket, False)
        # Once it is attached it is not its own copy, nor is another file of this answer.
        await attach(connection, here, again)
        assert await similar(connection, here, again) == [alike]
        assert await similar(connection, before, jpeg(SCENES[2])) == []


async def test_the_pelapors_own_photo_is_no_proof(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        chat = await contact(connection)
        complaint_id, ticket = await filed(connection, contact_id=chat, draft=1)
        photo = await media.add(connection, media.NewMedia(chat, "photo", "telegram", "x", draft=1))
        await media.give(connection, chat, 1, ticket)
        content = jpeg(SCENES[3])
        await media.stored(connection, photo, "f" * 64, "image/jpeg", len(content), evidence.looks(content))
        [found] = await similar(connection, complaint_id, jpeg(SCENES[3], 40))
        assert (found.media_id, found.ticket, found.by_citizen) == (photo, ticket, True)


async def test_nothing_is_told_of_a_secret_report_or_of_a_draft(engine: AsyncEngine) -> None:
    content = jpeg(SCENES[4])
    async with engine.begin() as connection:
        hidden, _ = await filed(connection, secret=True)
        await attach(connection, hidden, content)
        chat = await contact(connection)
        draft = await media.add(connection, media.NewMedia(chat, "photo", "telegram", "x", draft=7))
        await media.stored(connection, draft, "f" * 64, "image/jpeg", 1, evidence.looks(content))
        here, _ = await filed(connection)
        assert [each.ticket for each in await similar(connection, here, content)] == [None]


async def test_pictures_of_nothing_are_only_the_same_as_their_own_bytes(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        before, _ = await filed(connection)
        here, _ = await filed(connection)
        await attach(connection, before, jpeg(plain("wall", 1)))
        await attach(connection, before, jpeg(SCENES[5]))
        assert await similar(connection, here, jpeg(plain("wall", 2))) == []
        assert len(await similar(connection, here, jpeg(plain("wall", 1)))) == 1
    assert await value(engine, "SELECT count(*) FROM media WHERE looks IS NULL") == 1
