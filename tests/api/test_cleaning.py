"""Nobody but the shelf has a picture as it came: copies are made of old ones too, handed out, and let go with them."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import API_KEY
from making import CHANNEL, contact, eventually, file, rows, run, value
from pictures import OWNER, beside, bomb, encoded, from_phone, scene
from running import free_port, web, working
from sqlalchemy import text

from api import jobs, retention
from api.house import House, open_house
from api.media.cleaning import clean_pictures
from api.queue import enqueue, tasks
from api.settings import Settings
from store import evidence, media, pictures
from store.media import Clean, NewMedia

PHOTO, DRAWING = from_phone(), from_phone("PNG")


@pytest.fixture
async def house(settings: Settings, database: str) -> AsyncIterator[House]:
    """The house of a worker."""
    async with open_house(settings, database, name="test") as opened:
        yield opened


async def from_before(
    house: House, content: bytes, content_type: str = "image/jpeg", kind: str = "photo", complaint: int | None = None
) -> int:
    """A stored file as it was kept before there were clean copies; its id."""
    async with house.engine.begin() as connection:
        new = NewMedia(await contact(connection), kind, CHANNEL, "p", name=f"{OWNER}.jpg")
        media_id = await media.add(connection, new)
        await media.stored(connection, media_id, house.shelf.put(content), content_type, len(content))
        give = text("UPDATE media SET complaint_id = :complaint WHERE id = :id")
        await connection.execute(give, {"complaint": complaint, "id": media_id})
    return media_id


async def row_of(house: House, media_id: int) -> Any:
    async with house.engine.connect() as connection:
        return await media.get(connection, media_id)


def there(house: House) -> set[str]:
    """The names of everything on the shelf."""
    return {name for names in house.shelf.names() for name in names}


# --- pictures from before ------------------------------------------------------------------------------


async def test_pictures_from_before_are_copied_a_few_at_a_time(house: House) -> None:
    ids = [await from_before(house, encoded(scene((40 + n, 30)), comment=OWNER.encode())) for n in range(5)]
    assert await clean_pictures(house, 2) == 2
    assert await value(house.engine, "SELECT count(*) FROM media WHERE clean_sha256 IS NOT NULL") == 2
    assert [await clean_pictures(house, 2) for _ in range(3)] == [2, 1, 0]
    for media_id in ids:
        row = await row_of(house, media_id)
        original, copy = house.shelf.get(row.sha256), house.shelf.get(row.clean_sha256)
        assert OWNER.encode() in original
        assert copy == pictures.read(original).content
        assert (row.clean_type, row.clean_size) == ("image/jpeg", len(copy))
        assert (row.content_type, row.size) == ("image/jpeg", len(original))


async def test_what_is_no_picture_is_left_as_it_is(house: House) -> None:
    await from_before(house, b"%PDF-1.4", "application/pdf", "document")
    await from_before(house, b"OggS\0\2", "audio/ogg", "voice")
    await from_before(house, encoded(scene(), "GIF"), "image/gif", "video")
    async with house.engine.begin() as connection:
        await media.add(connection, NewMedia(await contact(connection), "photo", CHANNEL, "waits"))
    assert await clean_pictures(house) == 0


@pytest.mark.parametrize("content", [bomb(7000, 7000), b"no picture", None], ids=["empty", "words", "gone"])
async def test_a_picture_that_cannot_be_copied_holds_up_no_other(house: House, content: bytes | None) -> None:
    first = await from_before(house, content or b"gone")
    if content is None:
        house.shelf.remove((await row_of(house, first)).sha256, 0.0)
    second = await from_before(house, PHOTO)
    assert [await clean_pictures(house, 1) for _ in range(3)] == [1, 1, 0]
    assert (await row_of(house, first)).clean_sha256 is None
    assert (await row_of(house, second)).clean_sha256 is not None


async def test_two_workers_make_a_copy_once(house: House) -> None:
    for number in range(4):
        await from_before(house, encoded(scene((20 + number, 20))))
    await asyncio.gather(clean_pictures(house), clean_pictures(house))
    copies = {row.clean_sha256 for row in await rows(house.engine, "SELECT clean_sha256 FROM media")}
    assert len(copies) == 4
    assert copies <= there(house)


async def test_a_worker_sees_to_them_by_itself(house: House) -> None:
    await from_before(house, PHOTO)
    assert jobs.clean_pictures.name in {each.task.name for each in tasks.periodic_registry.periodic_tasks.values()}
    async with house.engine.begin() as connection:
        await enqueue(connection, "clean_pictures", timestamp=0)
    async with working(house.settings, house.url):
        await eventually(lambda: value(house.engine, "SELECT count(*) FROM media WHERE clean_size > 0"), 1)


# --- what is handed out ----------------------------------------------------------------------------------


@pytest.fixture
async def api(settings: Settings, database: str) -> AsyncIterator[tuple[httpx.AsyncClient, House]]:
    """The REST API of a running web process, and its house."""
    async with (
        web(settings, database, free_port()) as (address, house),
        httpx.AsyncClient(base_url=f"{address}/api/v1", headers={"X-API-Key": API_KEY}, timeout=10) as client,
    ):
        yield client, house


async def reported(house: House) -> tuple[int, str]:
    """A complaint: its id and its ticket."""
    async with house.engine.begin() as connection:
        event = await file(connection)
    return event.complaint_id, event.ticket


@pytest.mark.parametrize("cleaned", [True, False], ids=["copied before", "copied now"])
@pytest.mark.parametrize(("content", "kind"), [(PHOTO, "image/jpeg"), (DRAWING, "image/png")], ids=["photo", "drawing"])
async def test_the_clean_copy_of_a_picture_is_handed_out(
    api: tuple[httpx.AsyncClient, House], content: bytes, kind: str, cleaned: bool
) -> None:
    client, house = api
    complaint, ticket = await reported(house)
    media_id = await from_before(house, content, kind, complaint=complaint)
    if cleaned:
        await clean_pictures(house)
    got = await client.get(f"/complaints/{ticket}/files/{media_id}")
    assert (got.status_code, got.headers["content-type"]) == (200, kind)
    assert beside(got.content) == set()
    assert OWNER.encode() not in got.content
    [told] = (await client.get(f"/complaints/{ticket}")).json()["files"]
    assert told["name"] is None
    assert told["content_type"] == kind
    if cleaned:
        assert told["size"] == len(got.content)
    assert OWNER not in str(told)


async def test_of_a_picture_that_cannot_be_copied_nothing_is_handed_out(
    api: tuple[httpx.AsyncClient, House],
) -> None:
    client, house = api
    complaint, ticket = await reported(house)
    media_id = await from_before(house, PHOTO[:60] + OWNER.encode(), complaint=complaint)
    got = await client.get(f"/complaints/{ticket}/files/{media_id}")
    assert got.status_code == 404
    assert OWNER.encode() not in got.content


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7\n1 0 obj <</S/JavaScript/JS(app.alert(1))>> endobj",
        b"%PDF-1.7\n1 0 obj <</Type/EmbeddedFile>> endobj",
    ],
    ids=["program", "file inside"],
)
async def test_a_pdf_is_handed_out_to_be_saved_and_never_shown(
    api: tuple[httpx.AsyncClient, House], content: bytes
) -> None:
    client, house = api
    complaint, ticket = await reported(house)
    media_id = await from_before(house, content, "application/pdf", "document", complaint)
    got = await client.get(f"/complaints/{ticket}/files/{media_id}")
    assert got.content == content
    assert got.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in got.headers["content-security-policy"]


async def test_a_picture_of_an_office_is_its_own_clean_copy(house: House) -> None:
    copy = pictures.read(PHOTO)
    async with house.engine.begin() as connection:
        event = await file(connection)
        staff = "INSERT INTO staff (login, name) VALUES ('ani', 'Ani') RETURNING id"
        staff_id = (await connection.execute(text(staff))).scalar_one()
        for content_type in (copy.content_type, "application/pdf"):
            await evidence.add(
                connection,
                complaint_id=event.complaint_id,
                staff_id=staff_id,
                agency=None,
                sha256=house.shelf.put(copy.content),
                content_type=content_type,
                size=len(copy.content),
                name="lubang.jpg",
                looks=None,
            )
    picture, document = await rows(house.engine, "SELECT * FROM media ORDER BY id")
    assert (picture.clean_sha256, picture.clean_type, picture.clean_size) == (
        picture.sha256,
        picture.content_type,
        picture.size,
    )
    assert document.clean_sha256 is None
    assert await clean_pictures(house) == 0


# --- and let go of ---------------------------------------------------------------------------------------


async def test_a_copy_stays_and_goes_with_its_row(house: House) -> None:
    media_id = await from_before(house, PHOTO)
    await clean_pictures(house)
    row = await row_of(house, media_id)
    _age(house)
    assert await retention.tidy(house) == 0
    assert there(house) == {row.sha256, row.clean_sha256}
    await run(house.engine, "UPDATE media SET created_at = now() - interval '30 days'")
    swept = await retention.retain(house)
    assert swept.files == 1
    assert there(house) == set()


async def test_the_copy_that_another_row_has_too_is_kept(house: House) -> None:
    """Two citizens send the same drawing, saved with different words beside it: two originals, and one copy."""
    one = await from_before(house, encoded(scene(), comment=b"satu"))
    other = await from_before(house, encoded(scene(), comment=b"dua"))
    await clean_pictures(house)
    first, second = await row_of(house, one), await row_of(house, other)
    assert first.clean_sha256 == second.clean_sha256
    _age(house)
    await run(house.engine, "UPDATE media SET created_at = now() - interval '30 days' WHERE id = :id", id=one)
    await retention.retain(house)
    assert there(house) == {second.sha256, second.clean_sha256}


def _age(house: House) -> None:
    """Everything on the shelf was put there long ago."""
    for name in there(house):
        at = time.time() - 90_000
        os.utime(Path(house.settings.data_dir / "media" / name[:2] / name), (at, at))


async def test_a_copy_that_comes_too_late_is_nobodys(house: House) -> None:
    """The citizen erased the file while it was being copied."""
    media_id = await from_before(house, PHOTO)
    await run(house.engine, "DELETE FROM media")
    async with house.engine.begin() as connection:
        await media.cleaned(connection, media_id, Clean(house.shelf.put(b"copy"), "image/jpeg", 4))
    assert await rows(house.engine, "SELECT * FROM media") == []
    _age(house)
    assert await retention.tidy(house) == 2
