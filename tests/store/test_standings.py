"""Numbers that other systems have given: what an officer sees of them, and their citizen, and nobody else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from making import contact, file, run, value
from sqlalchemy.ext.asyncio import AsyncEngine

from store import complaints, contacts, references, standings, ways
from store.complaints import Actor
from store.references import Told, ToldEntry

SP4N = Actor("bridge", "sp4n")
AT = datetime(2026, 11, 20, 3, tzinfo=UTC)


async def citizen_of(engine: AsyncEngine, address: str = "7") -> tuple[int, int]:
    """A citizen and their chat."""
    async with engine.begin() as connection:
        contact_id = await contact(connection, address)
        return await contacts.become_citizen(connection, contact_id, "Budi", "id"), contact_id


async def filed(engine: AsyncEngine, **details: object) -> tuple[int, str]:
    """A complaint; its id and ticket."""
    async with engine.begin() as connection:
        event = await file(connection, **details)
    return event.complaint_id, event.ticket


async def referred(
    engine: AsyncEngine, complaint_id: int, number: str | None = None, system: str = "sp4n", **more: str
) -> int:
    """A reference of that complaint, confirmed if there is a number."""
    async with engine.begin() as connection:
        over = await ways.listed(connection)
        reference = await references.plan(connection, complaint_id, system, connection_id=over[0].id, **more)
        assert reference is not None
        if number:
            await references.confirm(connection, reference, number, SP4N)
    return reference


async def test_each_reference_comes_with_what_was_told_of_it_in_order(engine: AsyncEngine) -> None:
    complaint, _ = await filed(engine)
    other, _ = await filed(engine)
    reference = await referred(engine, complaint, "9171234")
    waiting = await referred(engine, complaint, system="open311-kota")
    await referred(engine, other, "9171235")
    later, earlier = AT + timedelta(days=2), AT
    entries = [
        ToldEntry("2", later, "Dalam Penelaahan", "Kami pelajari.", "Balai"),
        ToldEntry("1", earlier, "Diterima Pusat"),
    ]
    async with engine.begin() as connection:
        await references.heard(connection, reference, Told("Dalam Penelaahan", later, entries), SP4N)
    async with engine.connect() as connection:
        first, second = await standings.of_complaint(connection, complaint)
        assert await standings.of_complaint(connection, 10**6) == []
    assert (first.reference.id, first.connection, first.kind) == (reference, "sp4n-manual", ways.MANUAL)
    assert (first.reference.external_id, first.reference.raw_status) == ("9171234", "Dalam Penelaahan")
    told = [(each.at, each.raw_status, each.words, each.by) for each in first.entries]
    assert told == [
        (earlier, "Diterima Pusat", None, None),
        (later, "Dalam Penelaahan", "Kami pelajari.", "Balai"),
    ]
    assert (second.reference.id, second.reference.state, second.entries) == (waiting, "waiting", ())


async def test_a_number_leads_to_the_tickets_that_have_it_in_any_system(engine: AsyncEngine) -> None:
    one, ticket = await filed(engine)
    two, other = await filed(engine)
    await referred(engine, one, "9171234")
    await referred(engine, two, "9171234", system="open311-kota")
    async with engine.connect() as connection:
        assert await standings.tickets_of(connection, "9171234") == sorted([ticket, other])
        assert await standings.tickets_of(connection, "9171235") == []


async def test_a_citizen_sees_the_numbers_of_their_own_and_finds_them_by_those_of_sp4n(engine: AsyncEngine) -> None:
    citizen, contact_id = await citizen_of(engine)
    stranger, _ = await citizen_of(engine, "8")
    complaint, ticket = await filed(engine, citizen_id=citizen, contact_id=contact_id, draft=1)
    await filed(engine, citizen_id=citizen, contact_id=contact_id, draft=2)
    reference = await referred(engine, complaint, "9171234")
    await referred(engine, complaint, "42", system="open311-kota")
    # What waits has no number yet.
    await referred(engine, complaint, system="open311-desa")
    async with engine.begin() as connection:
        await references.heard(connection, reference, Told("Dalam Penelaahan", AT), SP4N)
    async with engine.connect() as connection:
        [own] = await complaints.of_citizen(connection, citizen, number="9171234")
        assert own.ticket == ticket
        assert [(each.system, each.number, each.raw_status, each.raw_status_at) for each in own.elsewhere] == [
            ("sp4n", "9171234", "Dalam Penelaahan", AT),
            ("open311-kota", "42", None, None),
        ]
        assert own.elsewhere[0].name == "sp4n-manual"
        second, first = await complaints.of_citizen(connection, citizen)
        assert (second.elsewhere, first) == ((), own)
        assert await complaints.of_citizen(connection, citizen, number="42") == []
        assert await complaints.of_citizen(connection, stranger, number="9171234") == []


async def test_a_follower_learns_no_number(engine: AsyncEngine) -> None:
    citizen, contact_id = await citizen_of(engine)
    follower, chat = await citizen_of(engine, "8")
    complaint, ticket = await filed(engine, citizen_id=citizen, contact_id=contact_id, draft=1)
    await referred(engine, complaint, "9171234")
    party = (
        "INSERT INTO complaint_parties (complaint_id, citizen_id, contact_id, role) VALUES (:k, :c, :chat, 'pengikut')"
    )
    await run(engine, party, k=complaint, c=follower, chat=chat)
    async with engine.connect() as connection:
        [followed] = await complaints.of_citizen(connection, follower, ticket)
        assert followed.elsewhere == ()
        assert await complaints.of_citizen(connection, follower, number="9171234") == []


async def test_the_number_of_a_letter_is_nobodys_business(engine: AsyncEngine) -> None:
    citizen, contact_id = await citizen_of(engine)
    complaint, ticket = await filed(engine, citizen_id=citizen, contact_id=contact_id, draft=1)
    async with engine.begin() as connection:
        over = await ways.add(connection, "Surel", ways.EMAIL, "email")
        reference = await references.plan(
            connection, complaint, "email", connection_id=over, agency="16.71-pu", address="pu@palembang.example"
        )
        assert reference is not None
        await references.confirm(connection, reference, "7f3a", Actor("bridge", "email"))
        [own] = await complaints.of_citizen(connection, citizen, ticket)
    assert own.elsewhere == ()
    assert await value(engine, "SELECT state FROM complaint_references WHERE id = :id", id=reference) == "confirmed"
