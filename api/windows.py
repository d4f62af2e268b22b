"""One reminder before a chat's window closes: where a draft is open, or an office waits for the citizen.

Later we could only announce that there is something, with words approved beforehand. It comes about two hours before,
never at night, once until the citizen writes again, and never on top of something else that was just said.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from api import facts, telling
from api.delivery import REMINDERS
from api.house import House
from api.unit import Unit, one_by_one
from bot import conversation, dialogue
from bot.turns import Say, Turn
from store import contacts, windows
from store.deliveries import NewDelivery
from store.windows import Closing

# So long before the window closes, where that is by day.
BEFORE = timedelta(hours=2)
# Nobody is written to between these; what would fall there is said in the evening before.
NIGHT, MORNING, EVENING = time(21), time(6), time(20, 30)
# What is sent later than this might arrive too late to be true.
TOO_LATE = timedelta(minutes=15)
# No reminder is further from the end of its window: in the evening, for a window that closes before eight.
FURTHEST = BEFORE + timedelta(hours=9, minutes=30)
# So many chats in one run; the next comes soon.
MOST = 2000


def remind_at(until: datetime, zone: ZoneInfo) -> datetime:
    """When somebody in that time zone is reminded of a window that closes at `until`."""
    at = (until - BEFORE).astimezone(zone)
    if MORNING <= at.time() < NIGHT:
        return at
    evening = at.date() if at.time() >= NIGHT else at.date() - timedelta(days=1)
    return datetime.combine(evening, EVENING, zone)


def is_due(now: datetime, until: datetime, zone: ZoneInfo) -> bool:
    """Whether the reminder is to be sent now, be it at its time or later, since nobody looked before."""
    return remind_at(until, zone) <= now < until - TOO_LATE and MORNING <= now.astimezone(zone).time() < NIGHT


async def keep_windows(house: House) -> int:
    """Look at every chat whose window closes soon; returns how many were reminded.

    Each chat has a transaction of its own, which locks it and looks again: any number of these may run at once.
    """
    async with house.engine.begin() as connection:
        now = house.now()
        await windows.forget(connection, now, REMINDERS)
        found = await windows.closing(connection, now, now + FURTHEST, most=MOST)
    due = [each.contact_id for each in found if is_due(now, each.until, _zone(house, each))]
    return await one_by_one(house, due, _remind, failed="window_failed")


def _zone(house: House, chat: Closing) -> ZoneInfo:
    """The time zone where the report is about something, which is where most who write of it are."""
    draft = conversation.load(chat.conversation).draft
    place: dict[str, Any] = (draft.value("place") if draft else None) or {}
    return house.zone(chat.region if chat.ticket else place.get("region"))


def _spoken(until: datetime, now: datetime, zone: ZoneInfo) -> dict[str, Any]:
    """The end of a window as a parameter of a text: the hour alone where it is today."""
    there = until.astimezone(zone)
    if there.date() == now.astimezone(zone).date():
        return {"key": "calendar.hour", "params": {"time": {"time": there.isoformat()}}}
    return {"moment": there.isoformat()}


async def _remind(work: Unit, contact_id: int) -> bool:
    if await contacts.lock(work.connection, contact_id) is None:
        return False
    now = work.house.now()
    found = await windows.closing(work.connection, now, now + FURTHEST, most=1, only=contact_id)
    if not found or not is_due(now, found[0].until, _zone(work.house, found[0])):
        return False  # somebody has written, or was quicker
    [chat] = found
    before, until = conversation.load(chat.conversation), _spoken(chat.until, now, _zone(work.house, chat))
    offers: Sequence[Sequence[Any]]
    if chat.ticket:
        turn = Turn(before, (Say("push.window_reply", {"ticket": chat.ticket, "until": until}),))
        offers = telling.buttons(chat.ticket, ("reply",))
    else:
        turn = dialogue.remind(before, facts.facts_of(work.house), until)
        offers = turn.buttons
    if not turn.replies:
        return False
    await contacts.remember(work.connection, contact_id, conversation.save(turn.conversation))
    await work.say(
        NewDelivery(
            contact_id=contact_id,
            channel=chat.channel,
            address=chat.address,
            says=[(say.key, say.params) for say in turn.replies],
            buttons=offers,
            language=before.language,
            complaint_id=chat.complaint_id if chat.ticket else None,
        )
    )
    await windows.reminded(work.connection, contact_id, now)
    return True
