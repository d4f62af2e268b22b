"""What a person must look at is listed until it is closed, and raised only once."""

from __future__ import annotations

from typing import Any

import pytest
from making import CHANNEL, contact, file, run, say, value
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from store import attention
from store.attention import Matter


async def matters(engine: AsyncEngine, most: int = 200) -> list[Matter]:
    async with engine.connect() as connection:
        return await attention.matters(connection, most)


async def raise_matter(engine: AsyncEngine, kind: str, **about: Any) -> None:
    async with engine.begin() as connection:
        await attention.raise_matter(connection, kind, **about)


async def said(engine: AsyncEngine, change: str = "") -> int:
    """A message in the ledger, then changed by this statement; returns the contact's id."""
    async with engine.begin() as connection:
        contact_id = await contact(connection)
        await say(connection, contact_id, "welcome")
        if change:
            await connection.execute(text(change))
    return contact_id


async def test_a_house_in_order_has_nothing_to_look_at(engine: AsyncEngine) -> None:
    await said(engine)
    await said(engine, "UPDATE deliveries SET sent_at = now()")
    assert await matters(engine) == []


async def test_a_call_for_a_human_is_listed_with_the_newest_ticket_of_the_chat(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        contact_id = await contact(connection)
        await file(connection, contact_id=contact_id, draft=1)
        newest = await file(connection, contact_id=contact_id, draft=2)
    await raise_matter(engine, "call_for_human", contact_id=contact_id)
    [matter] = await matters(engine)
    assert (matter.kind, matter.channel, matter.contact_id, matter.ticket) == (
        "call_for_human",
        CHANNEL,
        contact_id,
        newest.ticket,
    )


async def test_the_same_matter_is_raised_once(engine: AsyncEngine) -> None:
    contact_id = await said(engine)
    for _ in range(3):
        await raise_matter(engine, "call_for_human", contact_id=contact_id)
        await raise_matter(engine, "backup_failed", detail="disk")
    assert sorted(matter.kind for matter in await matters(engine)) == ["backup_failed", "call_for_human"]


async def test_a_closed_matter_is_gone_and_can_be_raised_again(engine: AsyncEngine) -> None:
    await raise_matter(engine, "backup_failed")
    matter_id = await value(engine, "SELECT id FROM attention")
    async with engine.begin() as connection:
        assert await attention.close(connection, matter_id)
        assert not await attention.close(connection, matter_id)
        assert not await attention.close(connection, 404)
    assert await matters(engine) == []
    await raise_matter(engine, "backup_failed")
    assert len(await matters(engine)) == 1


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ("UPDATE deliveries SET failed_at = now(), problem = 'refused'", "undeliverable"),
        ("UPDATE deliveries SET problem = 'refused', created_at = now() - interval '11 minutes'", "delayed"),
    ],
)
async def test_a_message_that_does_not_get_through_is_listed(engine: AsyncEngine, change: str, kind: str) -> None:
    await said(engine, change)
    [matter] = await matters(engine)
    assert (matter.kind, matter.detail) == (kind, "refused")


async def test_a_message_to_a_closed_address_is_listed_as_unreachable(engine: AsyncEngine) -> None:
    await said(engine, "UPDATE deliveries SET failed_at = now()")
    await run(engine, "UPDATE contacts SET unreachable_since = now()")
    assert [matter.kind for matter in await matters(engine)] == ["unreachable"]


@pytest.mark.parametrize(("draft", "listed"), [(1, ["unreachable"]), (None, [])], ids=["with", "without"])
async def test_a_closed_address_is_listed_where_a_complaint_hangs_on_it(
    engine: AsyncEngine, draft: int | None, listed: list[str]
) -> None:
    async with engine.begin() as connection:
        contact_id = await contact(connection)
        if draft:
            await file(connection, contact_id=contact_id, draft=draft)
    await run(engine, "UPDATE contacts SET unreachable_since = now()")
    assert [matter.kind for matter in await matters(engine)] == listed


async def test_the_newest_come_first_and_no_more_than_wanted(engine: AsyncEngine) -> None:
    for kind in ("one", "two", "three"):
        await raise_matter(engine, kind)
    assert [matter.kind for matter in await matters(engine, 2)] == ["three", "two"]
