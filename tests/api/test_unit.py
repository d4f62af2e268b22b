"""One transaction: all of it or nothing, what follows from events included, and speakers are woken after it."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest
from making import OPERATOR, contact, file, rows, value
from sqlalchemy import text

from api.house import House, open_house
from api.listening import WAKE
from api.settings import Settings
from api.unit import Unit, unit
from store import complaints, contacts, moves
from store.deliveries import NewDelivery


async def greet(work: Unit) -> None:
    """Something said to somebody."""
    contact_id = await contact(work.connection)
    await work.say(NewDelivery(contact_id, "telegram", "7", [("welcome", {})], "id"))


async def filed_for_a_citizen(house: House) -> str:
    """The ticket of a complaint whose citizen follows it in a chat."""
    async with unit(house) as work:
        contact_id = await contact(work.connection)
        citizen = await contacts.become_citizen(work.connection, contact_id, "Siti", "id")
        details = {"citizen_id": citizen, "contact_id": contact_id, "draft": 1}
        return work.record(await file(work.connection, **details)).ticket


async def archive(work: Unit, ticket: str) -> None:
    status = moves.read("Diarsipkan oleh Admin")
    assert status is not None
    work.record(await complaints.move(work.connection, ticket, status, OPERATOR, reason="ganda", note=None))


async def said(house: House) -> list[str]:
    found = await rows(house.engine, "SELECT says FROM deliveries ORDER BY id")
    return [key for [says] in found for key, _ in says]


async def test_what_is_done_is_committed(house: House) -> None:
    async with unit(house) as work:
        await greet(work)
    assert await said(house) == ["welcome"]


async def test_what_fails_leaves_nothing(house: House) -> None:
    async def fail() -> None:
        async with unit(house) as work:
            await greet(work)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await said(house) == []
    assert await value(house.engine, "SELECT count(*) FROM inbox") == 0


async def test_what_follows_from_an_event_is_in_the_same_transaction(house: House) -> None:
    ticket = await filed_for_a_citizen(house)
    async with unit(house) as work:
        await archive(work, ticket)
    assert await said(house) == ["push.moved", "push.reason"]


async def test_a_reaction_that_fails_undoes_the_change(house: House) -> None:
    ticket = await filed_for_a_citizen(house)
    async with house.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE deliveries ADD CONSTRAINT broken CHECK (language = '??')"))
    with pytest.raises(Exception, match="broken"):
        async with unit(house) as work:
            await archive(work, ticket)
    assert await value(house.engine, "SELECT status FROM complaints") == "Belum Terverifikasi"
    assert await value(house.engine, "SELECT count(*) FROM complaint_history") == 1


async def test_every_event_has_its_reactions(house: House) -> None:
    """Each kind of event that a verb of the store gives is in the table."""
    async with unit(house) as work:
        ticket = work.record(await file(work.connection)).ticket
        work.record(await complaints.note(work.connection, ticket, OPERATOR, "x", public=True))
        parts: dict[str, Any] = {"function": None, "agency": "16-pu", "category": None, "reason": None}
        work.record(await complaints.route(work.connection, ticket, OPERATOR, **parts))
        await archive(work, ticket)
    assert [event.kind for event in work.events] == ["filed", "noted", "rerouted", "moved"]


async def heard_notices(house: House, speak: bool) -> int:
    """How many wake-ups come within a moment after a unit."""
    async with await psycopg.AsyncConnection.connect(house.url, autocommit=True) as ears:
        await ears.execute(f"LISTEN {WAKE}")
        async with unit(house) as work:
            if speak:
                await greet(work)
                await asyncio.sleep(0.1)
        return len([notice async for notice in ears.notifies(timeout=0.5)])


async def test_speakers_are_woken_when_something_is_said(house: House) -> None:
    assert await heard_notices(house, speak=True) == 1


async def test_nobody_is_woken_for_nothing(house: House) -> None:
    assert await heard_notices(house, speak=False) == 0


async def test_more_units_than_connections_all_get_their_turn(settings: Settings, database: str) -> None:
    few = settings.model_copy(update={"database_connections": 2})
    async with open_house(few, database, name="test") as house:

        async def one(number: int) -> None:
            async with unit(house) as work:
                await work.connection.execute(text("SELECT pg_sleep(0.005)"))
                served.append(number)

        served: list[int] = []
        await asyncio.gather(*(one(number) for number in range(30)))
    assert served == sorted(served), "who waits first is served first"
