"""Counters: open for hours, closed at once, and nothing left of the resident who has gone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from helping import NOW, REGION, assisted, begun, chat, counter, grant
from making import rows, run, value
from sqlalchemy.ext.asyncio import AsyncEngine

from store import assistances, contacts, counters, deliveries, inbox, media, staff
from store.counters import Counter
from store.deliveries import NewDelivery
from store.media import NewMedia
from store.policy import ADMIN_INSTANSI, PENGAWAS, Reach


async def current(engine: AsyncEngine, token: str, now: datetime = NOW) -> Counter | None:
    async with engine.begin() as connection:
        return await counters.current(connection, token, now)


async def sitting(engine: AsyncEngine, token: str, address: str = "tablet") -> int:
    """A resident's chat at that counter, in which something was said and something waits to be."""
    found = await current(engine, token)
    assert found is not None
    async with engine.begin() as connection:
        contact_id = await counters.new_chat(connection, found.id, address=address)
        await inbox.take(
            connection,
            channel="webchat",
            message_id=address,
            address=address,
            sequence=1,
            name="Wati",
            payload={"text": "Rahasia saya"},
            received_at=NOW,
        )
        await contacts.remember(connection, contact_id, {"language": "id", "drafts": 3, "draft": {"number": 3}})
        for key in ("assist.receipt", "ask.story"):
            said = NewDelivery(contact_id, "webchat", address, [(key, {"takeover": "ABCD"})], "id")
            await deliveries.add(connection, said)
    await run(engine, "UPDATE deliveries SET sent_at = now() WHERE says->0->>0 = 'assist.receipt'")
    return contact_id


async def done(engine: AsyncEngine, act: Any, *arguments: Any) -> Any:
    async with engine.begin() as connection:
        return await act(connection, *arguments)


async def state(engine: AsyncEngine, contact_id: int, now: datetime = NOW) -> str:
    async with engine.begin() as connection:
        found = await grant(connection, contact_id, now=now)
    assert found is not None
    assert found.kind == "counter"
    return found.state


async def test_a_counter_is_open_for_its_hours(engine: AsyncEngine) -> None:
    token, staff_id = await counter(engine)
    found = await current(engine, token)
    assert found is not None
    assert (found.staff_id, found.name, found.region) == (staff_id, "MPP 3", REGION)
    assert found.expires_at == NOW + timedelta(hours=12)
    assert await current(engine, token + "x") is None
    assert await current(engine, token, NOW + timedelta(hours=12)) is None
    assert token not in repr(await rows(engine, "SELECT * FROM counters"))
    contact_id = await sitting(engine, token)
    assert await state(engine, contact_id) == "active"
    assert await state(engine, contact_id, NOW + timedelta(hours=12)) == "expired"


@pytest.mark.parametrize("why", ["disabled", "revoked", "closed"])
async def test_it_ends_with_the_account_and_with_its_grant(engine: AsyncEngine, why: str) -> None:
    token, staff_id = await counter(engine)
    contact_id = await sitting(engine, token)
    found = await current(engine, token)
    assert found is not None
    if why == "disabled":
        await done(engine, staff.disable, staff_id, NOW)
    elif why == "revoked":
        [held] = await done(engine, staff.grants, staff_id, NOW)
        await done(engine, staff.revoke, held.id, NOW)
    else:
        await done(engine, counters.close, found.id, NOW)
    assert await current(engine, token) is None
    assert await state(engine, contact_id) == ("expired" if why == "closed" else "revoked")


@pytest.mark.parametrize(("role", "may"), [(ADMIN_INSTANSI, True), (PENGAWAS, False)])
async def test_only_who_may_serve_has_an_open_counter(engine: AsyncEngine, role: str, may: bool) -> None:
    token, _ = await counter(engine, role=role)
    assert (await current(engine, token) is not None) == may


async def test_nothing_is_left_of_a_resident_who_has_gone(engine: AsyncEngine) -> None:
    token, _ = await counter(engine)
    contact_id = await sitting(engine, token)
    async with engine.begin() as connection:
        found = await grant(connection, contact_id)
        await media.add(connection, NewMedia(contact_id, "photo", "webchat", "a" * 64, draft=3))
    assert found is not None
    filed = await assisted(engine, found, contact_id, 1, reach="phone", reach_words="0812 3456 7890")
    kept = await begun(engine, found, contact_id, 2)
    saved = {"number": 2, "told": [["Cerita", 1]]}
    await done(engine, assistances.give_to_desk, kept, contact_id, 2, saved, None, None, NOW)
    async with engine.begin() as connection:
        await media.add(connection, NewMedia(contact_id, "photo", "webchat", "b" * 64, draft=2))
    dropped = await begun(engine, found, contact_id, 3)
    for _ in range(2):
        await done(engine, counters.close_chat, contact_id, NOW)
    [row] = await rows(engine, "SELECT * FROM contacts WHERE id = :id", id=contact_id)
    assert (row.name, row.conversation, row.unreachable_since, row.unreachable_reason) == (
        None,
        {"language": "id", "drafts": 3},
        NOW,
        counters.CLOSED,
    )
    assert "Rahasia" not in repr(await rows(engine, "SELECT * FROM inbox"))
    assert [tuple(each) for each in await rows(engine, "SELECT says, buttons FROM deliveries")] == [([], [])]
    outcomes = await rows(engine, "SELECT id, outcome FROM assistances ORDER BY id")
    assert [tuple(each) for each in outcomes] == [(filed.id, "filed"), (kept, "desk"), (dropped, "dropped")]
    assert await value(engine, "SELECT array_agg(draft ORDER BY id) FROM media") == [None, 2]
    # What the resident has filed is not touched.
    assert await value(engine, "SELECT reach_words FROM assistances WHERE id = :id", id=filed.id) == "0812 3456 7890"
    [waiting] = await done(engine, assistances.drafts_at_desk, Reach(everywhere=True))
    assert (waiting.kind, waiting.name, waiting.saved, waiting.files) == ("counter", "MPP 3", saved, 1)


async def test_a_counter_is_closed_with_all_that_are_there_and_no_others(engine: AsyncEngine) -> None:
    token, _ = await counter(engine)
    other, _ = await counter(engine, "lain")
    here = [await sitting(engine, token, address) for address in ("t1", "t2")]
    there, mine = await sitting(engine, other, "t3"), await chat(engine, "7")
    await done(engine, counters.close_chat, mine, NOW)  # no chat of a counter: nothing happens
    found = await current(engine, token)
    assert found is not None
    for moment in (NOW, NOW + timedelta(hours=1)):
        await done(engine, counters.close, found.id, moment)
    closed = await rows(engine, "SELECT id FROM contacts WHERE unreachable_reason = 'counter_closed' ORDER BY id")
    assert [each.id for each in closed] == here
    assert await value(engine, "SELECT closed_at FROM counters WHERE id = :id", id=found.id) == NOW
    assert await current(engine, other) is not None
    assert (await state(engine, there), await state(engine, here[0])) == ("active", "expired")
    assert await value(engine, "SELECT conversation->>'drafts' FROM contacts WHERE id = :id", id=mine) == "9"


async def test_the_limit_of_a_day_is_one_officers_at_all_counters(engine: AsyncEngine) -> None:
    token, staff_id = await counter(engine)
    first = await sitting(engine, token, "t1")
    async with engine.begin() as connection:
        found = await grant(connection, first)
        assert found is not None
        again = await counters.open(connection, staff_id=staff_id, name="MPP 4", region=REGION, now=NOW)
    await begun(engine, found, first, 1)
    second = await sitting(engine, again, "t2")
    async with engine.begin() as connection:
        counted = await grant(connection, second)
    assert counted is not None
    assert (counted.today, counted.name) == (1, "MPP 4")
