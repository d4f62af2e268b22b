"""Rows of those who assist residents, that tests begin with: a volunteer, a counter, a report that was assisted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from making import contact, file
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from store import assistances, contacts, counters, policy, staff, volunteers
from store.assistances import Assistance
from store.carryovers import Busy
from store.policy import LOKET
from store.volunteers import Grant

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
TODAY = date(2026, 11, 22)
SINCE = datetime(2026, 11, 21, 17, 0, tzinfo=UTC)
REGION = "16.71"
WORDS = "Bapak/Ibu setuju saya bantu melapor?"


@dataclass(frozen=True)
class Filed:
    """A report that was assisted, and the code of the resident."""

    ticket: str
    complaint_id: int
    citizen_id: int
    code: str
    id: int


async def citizen_of(connection: AsyncConnection, contact_id: int) -> int | None:
    """Who is behind a chat."""
    found = await connection.execute(text("SELECT citizen_id FROM contacts WHERE id = :id"), {"id": contact_id})
    citizen = found.scalar_one()
    return None if citizen is None else int(citizen)


async def chat(engine: AsyncEngine, address: str, **conversation: Any) -> int:
    """A chat in which something was said."""
    async with engine.begin() as connection:
        contact_id = await contact(connection, address)
        await contacts.remember(connection, contact_id, {"language": "id", "drafts": 9, **conversation})
        return contact_id


async def volunteer(engine: AsyncEngine, address: str = "v", *, lessons: int = 4, **details: Any) -> Grant:
    """A volunteer in the chat of that address, trained unless fewer lessons are passed."""
    wanted = {"name": "Rina", "region": REGION, "valid_until": TODAY + timedelta(days=90), **details}
    async with engine.begin() as connection:
        contact_id = await contact(connection, address)
        volunteer_id, code = await volunteers.invite(connection, staff_id=None, now=NOW, **wanted)
        outcome = await volunteers.redeem(connection, code, contact_id=contact_id, name="Rina", language="id", now=NOW)
        assert outcome == "done"
        await volunteers.learned(connection, volunteer_id, lessons, 4, NOW)
        found = await grant(connection, contact_id)
        assert found is not None
        return found


async def grant(connection: AsyncConnection, contact_id: int, **moment: Any) -> Grant | None:
    """Who may assist in that chat."""
    when = {"today": TODAY, "since": SINCE, "now": NOW, **moment}
    return await volunteers.grant_of(connection, contact_id, await citizen_of(connection, contact_id), **when)


async def counter(engine: AsyncEngine, login: str = "loket", role: str = LOKET) -> tuple[str, int]:
    """An open counter of a new account: its token, and whose it is."""
    async with engine.begin() as connection:
        staff_id = await staff.add(connection, login, "Sari", [policy.Grant(role)])
        token = await counters.open(connection, staff_id=staff_id, name="MPP 3", region=REGION, now=NOW)
        return token, staff_id


async def begun(engine: AsyncEngine, found: Grant, contact_id: int, draft: int, now: datetime = NOW) -> int:
    """A resident's consent."""
    async with engine.begin() as connection:
        return await assistances.begin(
            connection, grant=found, contact_id=contact_id, draft=draft, words=WORDS, language="id", now=now
        )


async def assisted(
    engine: AsyncEngine,
    found: Grant,
    contact_id: int,
    draft: int,
    *,
    name: str | None = "Ibu Wati",
    reach: str = "none",
    reach_words: str | None = None,
    keeps: bool = True,
    now: datetime = NOW,
    **details: Any,
) -> Filed:
    """A report that was assisted in that chat, from the consent to the code."""
    assistance = await begun(engine, found, contact_id, draft, now)
    async with engine.begin() as connection:
        resident = await contacts.new_citizen(connection, name)
        event = await file(connection, contact_id=contact_id, citizen_id=resident, draft=draft, **details)
        await connection.execute(
            text("UPDATE complaint_history SET actor_id = :citizen WHERE complaint_id = :id"),
            {"citizen": str(resident), "id": event.complaint_id},
        )
        code, until = await assistances.filed(
            connection,
            assistance,
            complaint_id=event.complaint_id,
            citizen_id=resident,
            reach=reach,
            reach_words=reach_words,
            keeps=keeps,
            alike=0,
            now=now,
            valid_days=90,
        )
        assert until == now + timedelta(days=90)
        return Filed(event.ticket, event.complaint_id, resident, code, assistance)


async def of_draft(engine: AsyncEngine, assistance_id: int, contact_id: int, draft: int) -> Assistance:
    """The assistance with that draft."""
    async with engine.begin() as connection:
        return await assistances.of_draft(connection, assistance_id, contact_id, draft)


async def patiently(act: Callable[[], Awaitable[Any]]) -> Any:
    """As a turn does: roll back, wait a moment and do it again while somebody is busy."""
    import asyncio

    while True:
        try:
            return await act()
        except Busy:
            await asyncio.sleep(0.01)
