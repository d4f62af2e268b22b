"""What a citizen has with us and may take along or have erased: the wishes of a turn, done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from api import retention
from api.unit import Unit
from bot.conversation import load_draft
from bot.turns import Adopt, Carried, CarryIn, CarryOut, Erase, LinkIn, LinkOut, ShowData, Unlink
from store import assistances, attention, carryovers, deliveries, links, reports, rights, tickets
from store.complaints import Event
from store.deliveries import NewDelivery
from store.inbox import Taken

Belonging = CarryOut | CarryIn | Adopt | LinkOut | LinkIn | Unlink | ShowData | Erase


async def fulfil(work: Unit, taken: Taken, wish: Belonging) -> Any:
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
        case LinkOut():
            code, until = await carryovers.offer_link(connection, taken.contact_id, now=house.now())
            return code, until.astimezone(house.zone(None)).isoformat()
        case LinkIn(code):
            return await _link(work, taken, code)
        case Unlink():
            return await _unlink(work, taken)
        case ShowData():
            held = await rights.held(connection, taken.contact_id, retention.policy(house.settings))
            return {**retention.held_words(house, held), "linked": await _linked(work, taken)}
        case Erase():
            # The bytes of its files go with the next night's round: nothing may touch them before the commit.
            erased = await rights.erase(connection, taken.contact_id, retention.policy(house.settings))
            return {**retention.erased_words(house, erased), "linked": await _linked(work, taken)}
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
        case carryovers.UNKNOWN:
            return await _take_over(work, taken, code)
        case carryovers.Nothing():
            return Carried(problem=outcome.name)


async def _take_over(work: Unit, taken: Taken, code: str) -> Carried:
    """The code may be that of a report that was filed for this resident by somebody who assisted. They have a chat now:
    nobody need look for them elsewhere."""
    outcome = await assistances.redeem(work.connection, code, by=taken.contact_id, now=work.house.now())
    if isinstance(outcome, carryovers.Nothing):
        return Carried(problem=outcome.name)
    if isinstance(outcome, assistances.Used):
        if not outcome.theirs:
            # One of the two is not the resident: a person finds out who.
            await attention.raise_matter(work.connection, assistances.TWICE, complaint_id=outcome.complaint_id)
        return Carried(problem="used_here" if outcome.theirs else "used")
    found = await reports.subject(work.connection, outcome, work.house.settings.home_region)
    await attention.settle(work.connection, assistances.REACH, found.id)
    work.record(Event("carried", found.id, outcome))
    return Carried(tickets=(outcome,), taken_over=True)


async def _link(work: Unit, taken: Taken, code: str) -> str:
    outcome = await links.link(work.connection, code, by=taken.contact_id, now=work.house.now())
    if isinstance(outcome, carryovers.Nothing):
        return outcome.name
    await _tell(work, outcome, "link.told")
    return "done"


async def _unlink(work: Unit, taken: Taken) -> bool:
    outcome = await links.leave(work.connection, taken.contact_id)
    if outcome is not None:
        await _tell(work, outcome, "link.told_left")
    return outcome is not None


async def _tell(work: Unit, chats: Sequence[links.Chat], key: str) -> None:
    """Say this in other chats, which are locked; it is no part of their conversations."""
    for chat in chats:
        said = NewDelivery(
            contact_id=chat.contact_id,
            channel=chat.channel,
            address=chat.address,
            says=[(key, {})],
            language=chat.language,
        )
        await deliveries.add(work.connection, said)
        work.spoke = True


async def _linked(work: Unit, taken: Taken) -> int:
    """How many other chats this one is linked with."""
    return len(await links.others(work.connection, taken.contact_id))
