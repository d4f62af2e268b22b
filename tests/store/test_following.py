"""Followers hear of what they may hear of, once, and nobody follows what is secret or their own."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from making import OPERATOR, contact, file, rows, run, value
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from store import complaints, contacts, following, moves
from store.complaints import Event, NotAllowed, NotFound
from store.following import OwnComplaint


async def person(engine: AsyncEngine, address: str) -> tuple[int, int]:
    async with engine.begin() as connection:
        contact_id = await contact(connection, address)
        return await contacts.become_citizen(connection, contact_id, "Siti", "id"), contact_id


async def filed(engine: AsyncEngine, address: str = "7", **details: Any) -> tuple[Event, int, int]:
    citizen, chat = await person(engine, address)
    async with engine.begin() as connection:
        return await file(connection, citizen_id=citizen, contact_id=chat, **details), citizen, chat


async def follow(engine: AsyncEngine, event: Event, citizen: int, chat: int, words: str | None = None) -> Event:
    async with engine.begin() as connection:
        return await following.follow(connection, event.complaint_id, citizen, chat, words)


async def test_a_follower_is_counted_and_their_words_are_for_officers(engine: AsyncEngine) -> None:
    event, _, _ = await filed(engine)
    for number, address in enumerate("89", start=1):
        citizen, chat = await person(engine, address)
        followed = await follow(engine, event, citizen, chat, "Di depan rumah saya juga.")
        assert (followed.kind, followed.ticket) == ("followed", event.ticket)
        assert (followed.data["count"], followed.data["again"]) == (number, False)
    async with engine.connect() as connection:
        found = await complaints.get(connection, event.ticket)
    assert found.complaint.followers == 2
    assert [(row.event, row.note, row.public) for row in found.history[1:]] == [
        ("followed", "Di depan rumah saya juga.", False)
    ] * 2


async def test_nobody_follows_twice(engine: AsyncEngine) -> None:
    event, _, _ = await filed(engine)
    citizen, chat = await person(engine, "8")
    outcomes = await asyncio.gather(*(follow(engine, event, citizen, chat) for _ in range(4)))
    assert sorted(outcome.data["again"] for outcome in outcomes) == [False, True, True, True]
    assert {outcome.data["count"] for outcome in outcomes} == {1}
    assert await value(engine, "SELECT count(*) FROM complaint_history WHERE event = 'followed'") == 1
    # What they say later is kept all the same.
    await follow(engine, event, citizen, chat, "Masih.")
    assert await value(engine, "SELECT note FROM complaint_history ORDER BY id DESC LIMIT 1") == "Masih."


async def test_the_news_go_to_the_chat_that_asked_last(engine: AsyncEngine) -> None:
    event, _, _ = await filed(engine)
    citizen, chat = await person(engine, "8")
    _, other = await person(engine, "9")
    for each in (chat, other):
        await follow(engine, event, citizen, each)
    async with engine.begin() as connection:
        found = await complaints.readers(connection, event.complaint_id)
    assert [(reader.role, reader.contact_id) for reader in found if reader.role == "pengikut"] == [("pengikut", other)]


async def test_nobody_follows_their_own(engine: AsyncEngine) -> None:
    event, citizen, chat = await filed(engine)
    with pytest.raises(OwnComplaint):
        await follow(engine, event, citizen, chat, "x")
    assert await value(engine, "SELECT count(*) FROM complaint_parties") == 1


async def test_a_secret_complaint_is_not_there_to_be_followed(engine: AsyncEngine) -> None:
    event, _, _ = await filed(engine, secret=True)
    citizen, chat = await person(engine, "8")
    with pytest.raises(NotFound):
        await follow(engine, event, citizen, chat, "x")
    assert await value(engine, "SELECT count(*) FROM complaint_parties") == 1


@pytest.mark.parametrize("status", moves.ENDED)
async def test_what_has_ended_has_no_news(engine: AsyncEngine, status: str) -> None:
    event, _, _ = await filed(engine)
    await run(engine, "UPDATE complaints SET status = :status", status=status)
    citizen, chat = await person(engine, "8")
    with pytest.raises(NotAllowed):
        await follow(engine, event, citizen, chat)


async def test_who_stops_following_hears_no_more(engine: AsyncEngine) -> None:
    event, owner, _ = await filed(engine)
    citizen, chat = await person(engine, "8")
    await follow(engine, event, citizen, chat)
    async with engine.begin() as connection:
        with pytest.raises(NotFound):
            await following.unfollow(connection, event.ticket, owner)
        assert (await following.unfollow(connection, event.ticket, citizen)).kind == "unfollowed"
        with pytest.raises(NotFound):
            await following.unfollow(connection, event.ticket, citizen)
        assert [reader.role for reader in await complaints.readers(connection, event.complaint_id)] == ["pelapor"]
        assert await following.followers(connection, event.complaint_id) == 0


async def test_followers_of_what_became_secret_get_nothing(engine: AsyncEngine) -> None:
    event, _, _ = await filed(engine)
    citizen, chat = await person(engine, "8")
    await follow(engine, event, citizen, chat)
    await run(engine, "UPDATE complaints SET secret = true")
    async with engine.begin() as connection:
        assert [reader.role for reader in await complaints.readers(connection, event.complaint_id)] == ["pelapor"]
        assert await complaints.of_citizen(connection, citizen) == []
        assert await complaints.open_of_contact(connection, chat) == []


@pytest.mark.parametrize("anonymous", [True, False])
async def test_a_follower_sees_it_as_a_follower(engine: AsyncEngine, anonymous: bool) -> None:
    event, _, _ = await filed(engine, anonymous=anonymous)
    citizen, chat = await person(engine, "8")
    await follow(engine, event, citizen, chat)
    status = moves.read(moves.ANSWERS[0])
    assert status is not None
    async with engine.begin() as connection:
        await complaints.move(
            connection, event.ticket, status, OPERATOR, reason=None, note="Bapak Budi, sudah ditambal."
        )
        [found] = await complaints.of_citizen(connection, citizen, event.ticket)
        [opened] = await complaints.open_of_contact(connection, chat)
        readers = {reader.role: reader for reader in await complaints.readers(connection, event.complaint_id)}
    assert (found.role, found.acts, opened.role) == ("pengikut", ("unfollow",), "pengikut")
    # An answer may call somebody by name who was promised not to be known.
    assert found.answer == (None if anonymous else "Bapak Budi, sudah ditambal.")
    assert found.answered_at is not None
    assert (readers["pengikut"].anonymous, set(readers)) == (anonymous, {"pelapor", "pengikut"})


async def test_who_is_two_things_to_a_complaint_hears_once_as_the_nearer(engine: AsyncEngine) -> None:
    event, citizen, _ = await filed(engine)
    await run(
        engine,
        "INSERT INTO complaint_parties SELECT :id, citizen_id, 'pengikut', contact_id FROM complaint_parties LIMIT 1",
        id=event.complaint_id,
    )
    async with engine.begin() as connection:
        assert [reader.role for reader in await complaints.readers(connection, event.complaint_id)] == ["pelapor"]
        [found] = await complaints.of_citizen(connection, citizen)
    assert found.role == "pelapor"


async def test_nobody_waits_for_a_chat_that_is_busy(engine: AsyncEngine) -> None:
    event, _, chat = await filed(engine)
    async with engine.begin() as turn:
        await turn.exec_driver_sql("SELECT id FROM contacts WHERE id = %s FOR UPDATE", (chat,))
        async with engine.connect() as connection:
            with pytest.raises(DBAPIError) as busy:
                await complaints.readers(connection, event.complaint_id)
    assert getattr(busy.value.orig, "sqlstate", None) == "55P03"
    assert await rows(engine, "SELECT 1") == [(1,)]
