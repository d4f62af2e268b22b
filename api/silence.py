"""What silence makes of drafts: their end is announced in the chat, and after it they are dropped, with a word."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from api import assisting, facts
from api.house import House
from api.unit import Unit, one_by_one
from bot import conversation, dialogue
from bot.turns import Forsake
from store import contacts
from store.deliveries import NewDelivery

# A draft's end is announced so long before it.
NOTICE = timedelta(days=1)
# So many chats in one run; the next comes soon.
MOST = 500


async def keep_drafts(house: House) -> int:
    """Look at every draft that has waited long; returns how many chats heard of it.

    Each chat has a transaction of its own, which locks it and looks again: any number of these may run at once, and a
    message that comes meanwhile wins.
    """
    keep = timedelta(days=house.settings.retention_draft_days)
    notice = min(NOTICE, keep / 2)
    async with house.engine.connect() as connection:
        now = house.now()
        waiting = await contacts.drafts_untouched(connection, now - (keep - notice), now - notice, MOST)
    return await one_by_one(house, waiting, partial(_look, keep=keep, notice=notice), failed="draft_failed")


async def _look(work: Unit, contact_id: int, keep: timedelta, notice: timedelta) -> bool:
    contact = await contacts.lock(work.connection, contact_id)
    if contact is None:
        return False
    before = conversation.load(contact.conversation)
    turn = dialogue.elapse(before, facts.facts_of(work.house), keep, notice)
    if turn.conversation == before:
        return False
    await contacts.remember(work.connection, contact_id, conversation.save(turn.conversation))
    for wish in turn.wishes:
        if isinstance(wish, Forsake):  # what a resident was telling with somebody's help
            await assisting.forsake(work, contact_id, wish.draft, withdrawn=wish.withdrawn)
    await work.say(
        NewDelivery(
            contact_id=contact_id,
            channel=contact.channel,
            address=contact.address,
            says=[(say.key, say.params) for say in turn.replies],
            language=turn.conversation.language,
        )
    )
    return True
