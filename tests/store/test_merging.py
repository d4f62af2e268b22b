"""Joined reports hear what an office says to the main one, stay their pelapor's own, and can be taken apart."""

from __future__ import annotations

import asyncio

import pytest
from making import OPERATOR, contact, file, rows, value
from sqlalchemy.ext.asyncio import AsyncEngine

from store import closure, complaints, contacts, merging, moves
from store.complaints import Actor, Changed, Event, NotAllowed, NotFound
from store.merging import NotMergeable

ANSWERED = moves.ANSWERS[0]


async def filed(engine: AsyncEngine, address: str = "7", **details: object) -> Event:
    async with engine.begin() as connection:
        chat = await contact(connection, address)
        citizen = await contacts.become_citizen(connection, chat, "Siti", "id")
        return await file(connection, citizen_id=citizen, contact_id=chat, **details)


async def join(engine: AsyncEngine, ticket: str, into: str, expected: int | None = None) -> Event:
    async with engine.begin() as connection:
        return await merging.merge(connection, ticket, into, OPERATOR, expected=expected)


async def apart(engine: AsyncEngine, ticket: str) -> Event:
    async with engine.begin() as connection:
        return await merging.unmerge(connection, ticket, OPERATOR)


async def move(engine: AsyncEngine, ticket: str, name: str, note: str | None = None) -> None:
    status = moves.read(name)
    assert status
    async with engine.begin() as connection:
        await complaints.move(connection, ticket, status, OPERATOR, reason=None, note=note)


async def hear(engine: AsyncEngine, ticket: str) -> list[Event]:
    async with engine.begin() as connection:
        return await merging.hear(connection, ticket, lambda words: words.replace("Budi", "[nama]"))


async def status(engine: AsyncEngine, ticket: str) -> str:
    return str(await value(engine, "SELECT status FROM complaints WHERE ticket = :ticket", ticket=ticket))


async def test_two_become_one_matter_and_two_again(engine: AsyncEngine) -> None:
    main, other = await filed(engine), await filed(engine, "8")
    event = await join(engine, other.ticket, main.ticket)
    assert (event.kind, event.ticket, event.data["into"]) == ("merged", other.ticket, main.complaint_id)
    async with engine.connect() as connection:
        assert [each.ticket for each in await merging.merged(connection, main.complaint_id)] == [other.ticket]
    await apart(engine, other.ticket)
    assert await rows(engine, "SELECT 1 FROM complaints WHERE merged_into IS NOT NULL") == []
    with pytest.raises(NotAllowed):
        await apart(engine, other.ticket)
    await join(engine, other.ticket, main.ticket)


async def test_what_an_office_says_is_heard_once_and_without_names(engine: AsyncEngine) -> None:
    main, other = await filed(engine, agency="16-pu"), await filed(engine, "8")
    await join(engine, other.ticket, main.ticket)
    assert await hear(engine, other.ticket) == []
    await move(engine, main.ticket, "Terdisposisi")
    await move(engine, main.ticket, ANSWERED, "Pak Budi, jalannya sudah ditambal.")
    heard = await hear(engine, other.ticket)
    assert [(event.kind, event.data["status"], event.data["note"]) for event in heard] == [
        ("moved", "Terdisposisi", None),
        ("moved", ANSWERED, "Pak [nama], jalannya sudah ditambal."),
    ]
    assert await value(engine, "SELECT agency FROM complaints WHERE ticket = :ticket", ticket=other.ticket) == "16-pu"
    assert await hear(engine, other.ticket) == []
    async with engine.begin() as connection:
        await complaints.note(connection, main.ticket, OPERATOR, "Besok diaspal.", public=True)
        await complaints.note(connection, main.ticket, OPERATOR, "rahasia dapur", public=False)
    assert [(event.kind, event.data["note"]) for event in await hear(engine, other.ticket)] == [
        ("noted", "Besok diaspal.")
    ]


async def test_who_is_joined_late_hears_the_answer_that_was_given_before(engine: AsyncEngine) -> None:
    main, other = await filed(engine, agency="16-pu"), await filed(engine, "8")
    await move(engine, main.ticket, "Terdisposisi")
    await move(engine, main.ticket, ANSWERED, "Sudah ditambal.")
    await join(engine, other.ticket, main.ticket)
    assert [event.data["note"] for event in await hear(engine, other.ticket)] == ["Sudah ditambal."]
    assert await status(engine, other.ticket) == ANSWERED


async def test_what_is_asked_of_one_pelapor_is_not_asked_of_the_others(engine: AsyncEngine) -> None:
    main, other = await filed(engine), await filed(engine, "8")
    await join(engine, other.ticket, main.ticket)
    await move(engine, main.ticket, "Menunggu Kelengkapan Informasi", "Rumah Ibu yang nomor berapa?")
    assert await hear(engine, other.ticket) == []
    assert await status(engine, other.ticket) == moves.FIRST


async def test_each_closes_their_own(engine: AsyncEngine) -> None:
    main, other = await filed(engine), await filed(engine, "8")
    await join(engine, other.ticket, main.ticket)
    await move(engine, main.ticket, ANSWERED, "Sudah.")
    await hear(engine, other.ticket)
    citizen = await value(engine, "SELECT citizen_id FROM complaints WHERE ticket = :ticket", ticket=other.ticket)
    async with engine.begin() as connection:
        await closure.confirm(connection, other.ticket, Actor("citizen", str(citizen)))
    assert (await status(engine, main.ticket), await status(engine, other.ticket)) == (ANSWERED, "Ditutup oleh Pelapor")
    async with engine.begin() as connection:
        await complaints.note(connection, main.ticket, OPERATOR, "Satu hal lagi.", public=True)
    assert await hear(engine, other.ticket) == []


async def test_words_that_cannot_be_looked_through_wait(engine: AsyncEngine) -> None:
    main, other = await filed(engine), await filed(engine, "8")
    await join(engine, other.ticket, main.ticket)
    await move(engine, main.ticket, ANSWERED, "Sudah.")
    async with engine.begin() as connection:
        assert await merging.hear(connection, other.ticket, lambda _words: None) == []
    assert [event.data["note"] for event in await hear(engine, other.ticket)] == ["Sudah."]


async def test_what_has_no_answer_when_the_main_one_ends_goes_on_alone(engine: AsyncEngine) -> None:
    main, open_one, answered = [await filed(engine, address) for address in "789"]
    for each in (open_one, answered):
        await join(engine, each.ticket, main.ticket)
    await move(engine, answered.ticket, ANSWERED, "Sudah.")
    async with engine.connect() as connection:
        assert await merging.left_behind(connection, main.complaint_id) == [open_one.ticket]


async def test_what_cannot_be_joined(engine: AsyncEngine) -> None:
    main, other, third = [await filed(engine, address) for address in "789"]
    secret, ended = await filed(engine, "10", secret=True), await filed(engine, "11")
    await move(engine, ended.ticket, "Diarsipkan oleh Admin")
    await join(engine, other.ticket, main.ticket)
    for ticket, into, why in (
        (main.ticket, main.ticket, "itself"),
        (other.ticket, third.ticket, "merged"),
        (third.ticket, other.ticket, "merged"),
        (main.ticket, third.ticket, "has_merged"),
        (secret.ticket, main.ticket, "secret"),
        (third.ticket, secret.ticket, "secret"),
        (ended.ticket, main.ticket, "ended"),
        (third.ticket, ended.ticket, "ended"),
    ):
        with pytest.raises(NotMergeable) as refused:
            await join(engine, ticket, into)
        assert refused.value.why == why
    with pytest.raises(NotFound):
        await join(engine, third.ticket, "T-000-000-0000")
    with pytest.raises(Changed):
        await join(engine, third.ticket, main.ticket, expected=9)


async def test_two_who_join_the_same_two_crosswise_do_not_wait_for_each_other(engine: AsyncEngine) -> None:
    main, other = await filed(engine), await filed(engine, "8")
    outcomes = await asyncio.gather(
        join(engine, other.ticket, main.ticket), join(engine, main.ticket, other.ticket), return_exceptions=True
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Event", "NotMergeable"]
    assert await value(engine, "SELECT count(*) FROM complaints WHERE merged_into IS NOT NULL") == 1
