"""Drafts that nobody goes on with: announced, then dropped, never without a word, and never twice."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import count

from making import rows, run, value

from api import intake, silence
from api.house import House
from bot.messages import Address, Incoming

numbers = count(1)


async def writes(house: House, text: str, user: str = "5") -> None:
    """A message of that citizen."""
    number = next(numbers)
    message = Incoming(Address("telegram", user), f"silence-{number}", number, text=text)
    await intake.take(house, message, {"text": text}, house.now())


async def passes(house: House, **time: float) -> None:
    """So much time goes by: for the house, and for what was written before."""
    house.skew += timedelta(**time)


async def pushed(house: House) -> list[str]:
    """The keys of what was said without being asked."""
    found = await rows(house.engine, "SELECT says FROM deliveries WHERE asks IS NULL ORDER BY id")
    return [key for [says] in found for key, _ in says]


async def test_a_draft_is_announced_and_then_dropped(house: House) -> None:
    await writes(house, "Lampu jalan mati di Pasar Sekayu")
    await passes(house, days=5)
    assert await silence.keep_drafts(house) == 0
    await passes(house, days=1, hours=1)
    assert await silence.keep_drafts(house) == 1
    assert await silence.keep_drafts(house) == 0
    assert await pushed(house) == ["draft_expires"]
    await passes(house, days=1)
    assert await silence.keep_drafts(house) == 1
    assert await pushed(house) == ["draft_expires", "draft_expired"]
    assert await value(house.engine, "SELECT conversation->'draft' FROM contacts") is None
    assert await value(house.engine, "SELECT (conversation->>'drafts')::int FROM contacts") == 1
    await passes(house, days=30)
    assert await silence.keep_drafts(house) == 0


async def test_who_answers_the_announcement_keeps_the_draft(house: House) -> None:
    await writes(house, "Lampu jalan mati di Pasar Sekayu")
    await passes(house, days=6, hours=1)
    await silence.keep_drafts(house)
    await writes(house, "kemarin")
    await passes(house, days=3)
    assert await silence.keep_drafts(house) == 0
    assert await value(house.engine, "SELECT conversation->'draft'->'answers'->'time'->0->>'words' FROM contacts") == (
        "kemarin"
    )


async def test_a_house_that_slept_still_announces_first(house: House) -> None:
    await writes(house, "Lampu jalan mati di Pasar Sekayu")
    await passes(house, days=40)
    assert await silence.keep_drafts(house) == 1
    assert await silence.keep_drafts(house) == 0
    await passes(house, hours=23)
    assert await silence.keep_drafts(house) == 0
    await passes(house, hours=2)
    assert await silence.keep_drafts(house) == 1
    assert await pushed(house) == ["draft_expires", "draft_expired"]


async def test_several_workers_at_once_say_it_once(house: House) -> None:
    for user in ("5", "6", "7"):
        await writes(house, "Lampu jalan mati di Pasar Sekayu", user)
    await passes(house, days=6, hours=2)
    told = await asyncio.gather(*(silence.keep_drafts(house) for _ in range(4)))
    assert sum(told) == 3
    assert await pushed(house) == ["draft_expires"] * 3


async def test_nobody_else_hears_anything(house: House) -> None:
    await writes(house, "halo")
    await writes(house, "Lampu jalan mati di Pasar Sekayu", "6")
    await writes(house, "batal", "6")
    await run(house.engine, "UPDATE contacts SET conversation = NULL WHERE address = '5'")
    await passes(house, days=60)
    assert await silence.keep_drafts(house) == 0
