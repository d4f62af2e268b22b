"""What a citizen has with us and may take along or have erased: the wishes of a turn, done."""

from __future__ import annotations

from typing import Any

from api import retention
from api.unit import Unit
from bot.conversation import load_draft
from bot.turns import Adopt, Carried, CarryIn, CarryOut, Erase, ShowData
from store import carryovers, rights, tickets
from store.inbox import Taken


async def fulfil(work: Unit, taken: Taken, wish: CarryOut | CarryIn | Adopt | ShowData | Erase) -> Any:
    """Do one of these wishes; returns what `bot.dialogue.resume` needs to know. Raises `carryovers.Busy`."""
    house, connection = work.house, work.connection
    match wish:
        case CarryOut(draft, words):
            return await _carry_out(work, taken, draft, words)
        case CarryIn(code):
            return await _carry_in(work, taken, code)
        case Adopt(number, contact_id, old):
            await carryovers.adopt(
                connection,
                old_contact=contact_id,
                old_number=old,
                new_contact=taken.contact_id,
                new_number=number,
            )
        case ShowData():
            held = await rights.held(connection, taken.contact_id, retention.policy(house.settings))
            return retention.held_words(house, held)
        case Erase():
            # The bytes of its files go with the next night's round: nothing may touch them before the commit.
            erased = await rights.erase(connection, taken.contact_id, retention.policy(house.settings))
            return retention.erased_words(house, erased)
    return None


async def _carry_out(work: Unit, taken: Taken, draft: int | None, words: str | None) -> tuple[str, str] | None:
    ticket = tickets.read(words) if words else None
    if words and ticket is None:
        return None
    now = work.house.now()
    offered = await carryovers.offer(work.connection, taken.contact_id, draft=draft, ticket=ticket, now=now)
    if offered is None:
        return None
    code, until = offered
    return code, until.astimezone(work.house.zone(None)).isoformat()


async def _carry_in(work: Unit, taken: Taken, code: str) -> Carried:
    outcome = await carryovers.redeem(work.connection, code, by=taken.contact_id, now=work.house.now())
    match outcome:
        case carryovers.Draft():
            return Carried(load_draft(outcome.saved), origin=(outcome.contact_id, outcome.number))
        case carryovers.Tickets():
            for event in outcome.events:
                work.record(event)
            work.spoke = work.spoke or bool(outcome.news)
            return Carried(tickets=tuple(outcome.tickets))
        case carryovers.Nothing():
            return Carried(problem=outcome.name)
