"""The bytes of a file lie under their digest, its row knows whose it is."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import CHANNEL, contact, file, rows
from sqlalchemy.ext.asyncio import AsyncEngine

from store import contacts, media
from store.media import NewMedia, Shelf


@given(st.binary(max_size=200))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_bytes_come_back_under_their_digest(tmp_path: Path, content: bytes) -> None:
    shelf = Shelf(tmp_path / "media")
    name = shelf.put(content)
    assert name == hashlib.sha256(content).hexdigest()
    assert shelf.get(name) == content


def test_the_same_bytes_are_kept_once_and_no_half_file_is_left(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    assert shelf.put(b"foto") == shelf.put(b"foto")
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def test_an_unknown_digest_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Shelf(tmp_path).get("0" * 64)


async def add(engine: AsyncEngine, **details: object) -> int:
    async with engine.begin() as connection:
        contact_id = await contact(connection)
        new = NewMedia(contact_id, "photo", CHANNEL, "file-1", **details)  # type: ignore[arg-type]
        return await media.add(connection, new)


async def test_a_file_waits_until_it_is_stored(engine: AsyncEngine) -> None:
    media_id = await add(engine, draft=1, name="foto.jpg", size=10)
    async with engine.begin() as connection:
        row = await media.get(connection, media_id)
        assert (row.state, row.draft, row.name, row.size, row.sha256) == ("waiting", 1, "foto.jpg", 10, None)
        await media.stored(connection, media_id, "ab" * 32, "image/jpeg", 12)
        row = await media.get(connection, media_id)
    assert (row.state, row.sha256, row.content_type, row.size) == ("stored", "ab" * 32, "image/jpeg", 12)
    assert row.stored_at is not None


async def test_a_file_that_is_put_aside_says_why(engine: AsyncEngine) -> None:
    media_id = await add(engine)
    async with engine.begin() as connection:
        await media.put_aside(connection, media_id, "refused", "unreadable")
        row = await media.get(connection, media_id)
    assert (row.state, row.problem) == ("refused", "unreadable")


async def test_a_late_file_joins_the_complaint_of_its_ticket(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        contact_id = await contact(connection)
        citizen = await contacts.become_citizen(connection, contact_id, "Budi", "id")
        event = await file(connection, citizen_id=citizen, contact_id=contact_id)
        others = await file(connection)
    await add(engine, ticket=event.ticket)
    await add(engine, ticket=others.ticket)
    found = await rows(engine, "SELECT complaint_id FROM media ORDER BY id")
    # Of somebody else's number only the file is kept.
    assert [row.complaint_id for row in found] == [event.complaint_id, None]


async def test_there_is_no_row_of_an_unknown_id(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        assert await media.get(connection, 404) is None
        assert await media.sender(connection, 404) is None
        assert await media.sender(connection, None) is None


async def test_the_sender_is_found_with_the_language_of_the_chat(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        contact_id = await contact(connection)
        before = await media.sender(connection, contact_id)
        await contacts.remember(connection, contact_id, {"language": "en"})
        after = await media.sender(connection, contact_id)
    assert (before.channel, before.address, before.language, after.language) == (CHANNEL, "7", "id", "en")
