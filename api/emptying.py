"""A resident has gone from a service counter: their chat is ended, and what they had agreed to is not lost.

What a resident agreed to and did not finish goes to an officer, unless whoever sits there throws it away. All else that
was said there is not kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import text

from api import assisting
from api.house import House
from api.listening import SPOKEN
from api.unit import Unit, one_by_one, patiently, unit
from bot import conversation
from bot.conversation import Conversation, Draft
from bot.turns import GiveToDesk
from store import contacts, counters, sittings
from store.inbox import Taken


def silence(house: House) -> timedelta:
    """After so long without a sign of life a chat at a counter is over."""
    return timedelta(seconds=house.settings.counter_silence_seconds)


def unfinished(saved: Mapping[str, Any] | None) -> bool:
    """Whether a resident has agreed to be assisted with something that is not filed yet."""
    return any(_consented(draft) for draft in _drafts(conversation.load(saved)))


def _drafts(chat: Conversation) -> list[Draft]:
    return [draft for draft in (chat.draft, *chat.parked) if draft is not None]


def _consented(draft: Draft) -> bool:
    return bool((draft.context.get("assist") or {}).get("id"))


# Pages that are open look at once whether their resident has gone.
_ANNOUNCE = text("SELECT pg_notify(:spoken, :address)")


async def end(house: House, contact_id: int, *, to_desk: bool) -> None:
    """End the chat of a resident at a counter: nothing that was said there is kept. What they had agreed to and is not
    filed goes to an officer (`to_desk`), else it is thrown away. To be done again without harm."""
    await patiently(house, partial(_end, contact_id=contact_id, to_desk=to_desk))


async def _end(work: Unit, contact_id: int, *, to_desk: bool, since: datetime | None = None) -> bool:
    found = await contacts.lock(work.connection, contact_id)
    if found is None:
        return False
    if since is not None and contact_id not in await sittings.silent(work.connection, since):
        return False  # somebody has come back, or has ended it
    chat = conversation.load(found.conversation)
    if to_desk:
        taken = Taken(0, contact_id, found.citizen_id, None, None)
        for draft in filter(_consented, _drafts(chat)):
            await assisting.fulfil(work, taken, GiveToDesk(draft), chat.language)
    await counters.close_chat(work.connection, contact_id, work.house.now())
    await work.connection.execute(_ANNOUNCE, {"spoken": SPOKEN, "address": found.address})
    return True


async def end_silent(house: House) -> int:
    """End the chats at counters that have been silent for too long, whoever has left the tablet; returns how many."""
    since = house.now() - silence(house)
    async with house.engine.connect() as connection:
        waiting = await sittings.silent(connection, since)
    return await one_by_one(house, waiting, partial(_end, to_desk=True, since=since), failed="sitting_failed")


async def close(house: House, counter_id: int) -> None:
    """Close a counter. What residents had agreed to there goes to an officer."""
    async with house.engine.connect() as connection:
        open_ = await sittings.at(connection, counter_id)
    for contact_id in open_:
        await end(house, contact_id, to_desk=True)
    async with unit(house) as work:
        await counters.close(work.connection, counter_id, house.now())
