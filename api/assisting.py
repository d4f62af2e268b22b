"""Kawan LAPOR: what a chat in which residents are assisted wishes, done (docs/decisions/0014).

Whoever assists is no party to the report. So what is filed here is the resident's, a citizen of their own without a
chat, and when a draft is filed, dropped or given away, the chat in which it was told puts its words away
(`deliveries.clear`). Nobody may assist because they could a moment ago: the grant is read in every turn that may need
it, and where it has ended, drafts go to the desk: at once (`end_grant`), in the next turn, or with the next round of
`keep_grants`.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

import structlog

from api import metrics
from api.facts import complaint_of, facts_of
from api.house import House
from api.queue import enqueue_at
from api.unit import Unit, one_by_one, patiently, unit
from bot import assisting, conversation, dialogue, drafting
from bot.conversation import Draft
from bot.texts import speak
from bot.turns import (
    Around,
    Assist,
    Assisted,
    Facts,
    Forsake,
    GiveToDesk,
    Helper,
    Learn,
    Receipt,
    Redeem,
    ShowAssisted,
    Verdict,
    WithdrawConsent,
)
from store import (
    assistances,
    attention,
    audit,
    complaints,
    contacts,
    deliveries,
    lapsed,
    media,
    moves,
    receipts,
    tickets,
    volunteers,
)
from store.assistances import NoAssistance
from store.complaints import Actor
from store.deliveries import NewDelivery
from store.inbox import Taken
from store.volunteers import Grant

log = structlog.get_logger(__name__)

Wish = Redeem | Learn | Assist | Forsake | GiveToDesk | ShowAssisted | WithdrawConsent

# A receipt is read, copied and printed within a day; then its codes are covered in the chat, by that job.
SHOWN, COVER = timedelta(days=1), "cover_codes"
# Who writes down that a report was told with somebody's help; who that was stands in `assistances` alone.
ASSISTING = Actor("system", "assisting")
# So many chats in one round; the next comes soon.
MOST = 500


# --- who may assist ------------------------------------------------------------------------------------------


async def helper(work: Unit, taken: Taken) -> Helper | None:
    """Who assists residents in this chat; None: nobody. A chat of nobody whom we know, and of no counter, costs
    nothing; every other one a statement."""
    if taken.citizen_id is None and taken.counter_id is None:
        return None
    return _as_helper(work.house, await _grant(work, taken.contact_id, taken.citizen_id))


async def _grant(work: Unit, contact_id: int, citizen_id: int | None) -> Grant | None:
    house = work.house
    today = house.today(None)
    since = datetime.combine(today, time.min, house.zone(None))
    return await volunteers.grant_of(work.connection, contact_id, citizen_id, today=today, since=since, now=house.now())


async def _grant_of_chat(work: Unit, contact_id: int) -> Grant | None:
    """The same, of a chat whose citizen may be another one since the turn began."""
    chat = await contacts.lock(work.connection, contact_id)
    return await _grant(work, contact_id, chat.citizen_id) if chat is not None else None


def _as_helper(house: House, grant: Grant | None) -> Helper | None:
    if grant is None:
        return None
    at_counter = grant.kind == volunteers.COUNTER
    limit = house.settings.assist_counter_daily_limit if at_counter else house.settings.assist_daily_limit
    region = house.directory.regions.nearest(grant.region)
    return Helper(
        name=grant.name,
        state=grant.state,
        region=region.name if region else grant.region,
        until=grant.valid_until.isoformat() if grant.valid_until else None,
        lessons=grant.lessons,
        left=max(0, limit - grant.today),
        counter=at_counter,
    )


# --- wishes --------------------------------------------------------------------------------------------------


async def fulfil(work: Unit, taken: Taken, wish: Wish, language: str) -> Any:
    """Do one of these wishes; returns what `bot.dialogue.resume` needs to know. `language` is that of the chat."""
    house, connection = work.house, work.connection
    match wish:
        case Redeem(code):
            return await _redeem(work, taken, code, language)
        case Learn(lessons, of):
            grant = await _grant_of_chat(work, taken.contact_id)
            if grant is not None and grant.kind == volunteers.VOLUNTEER:
                await volunteers.learned(connection, grant.id, lessons, of, house.now())
            return _as_helper(house, await _grant_of_chat(work, taken.contact_id))
        case Assist():
            return await _assist(work, taken, wish)
        case Forsake(draft, withdrawn):
            return await forsake(work, taken.contact_id, draft, withdrawn=withdrawn)
        case GiveToDesk(draft):
            return await _give_to_desk(work, taken.contact_id, draft)
        case ShowAssisted():
            return await _kept(work, taken)
        case WithdrawConsent(ticket):
            return await _withdraw(work, taken, ticket)


async def _redeem(work: Unit, taken: Taken, code: str, language: str) -> Helper | str | None:
    outcome = await volunteers.redeem(
        work.connection,
        code,
        contact_id=taken.contact_id,
        name=taken.name,
        language=language,
        now=work.house.now(),
    )
    return _as_helper(work.house, await _grant_of_chat(work, taken.contact_id)) if outcome == "done" else outcome


async def _assist(work: Unit, taken: Taken, wish: Assist) -> int | None:
    """The resident's yes, with the words that they agreed to; None where whoever assists may not since a moment ago, or
    has begun with the day's last resident in another chat. From here on the codes of the resident before are covered.
    """
    grant = await _grant_of_chat(work, taken.contact_id)
    if grant is not None:
        await volunteers.hold(work.connection, grant)
        grant = await _grant_of_chat(work, taken.contact_id)
    may = _as_helper(work.house, grant)
    if grant is None or may is None or not may.active or may.left <= 0:
        return None
    now = work.house.now()
    await deliveries.cover_codes(work.connection, taken.contact_id, now)
    return await assistances.begin(
        work.connection,
        grant=grant,
        contact_id=taken.contact_id,
        draft=wish.draft,
        words=wish.words,
        language=wish.language,
        now=now,
    )


def _number(draft: Draft) -> int | None:
    """The number of the assistance of a draft; None before there is consent."""
    number = (draft.context.get("assist") or {}).get("id")
    return number if isinstance(number, int) else None


async def forsake(work: Unit, contact_id: int, draft: Draft, *, withdrawn: bool = False) -> None:
    """An assisted draft of this chat, which is locked, is no more: neither it nor what was said of it is kept; what the
    desk has got meanwhile stays there."""
    number, at_desk = _number(draft), False
    if number is not None:
        with suppress(NoAssistance):
            row = await assistances.of_draft(work.connection, number, contact_id, draft.number)
            at_desk = row.outcome == "desk"
            await assistances.ended(work.connection, row.id, "withdrawn" if withdrawn else "dropped", work.house.now())
    if at_desk:
        await attention.raise_matter(work.connection, assistances.DRAFTS)
    else:
        await media.erase(work.connection, contact_id, draft.number)
    await deliveries.clear(work.connection, contact_id)


async def _give_to_desk(work: Unit, contact_id: int, draft: Draft) -> bool:
    """Whoever assisted may not go on: an officer takes care of what there is. Without consent, and without a word and
    a file, there is nothing; then nothing is kept."""
    number = _number(draft)
    if number is None or not (draft.story or draft.photos):
        await forsake(work, contact_id, draft)
        return False
    values, saved = assisting.values_of(draft), conversation.save_draft(draft)
    kept = await assistances.give_to_desk(
        work.connection,
        number,
        contact_id,
        draft.number,
        saved,
        values.reach,
        values.reach_words,
        work.house.now(),
    )
    if kept:
        await attention.raise_matter(work.connection, assistances.DRAFTS)
    await deliveries.clear(work.connection, contact_id)
    return kept


async def _kept(work: Unit, taken: Taken) -> list[Assisted]:
    house = work.house
    zone, today = house.zone(None), house.today(None)
    return [
        Assisted(each.ticket, moves.key(each.status), each.place, each.filed_at.astimezone(zone).date())
        for each in await assistances.kept_of(work.connection, taken.contact_id, today)
    ]


async def _withdraw(work: Unit, taken: Taken, words: str) -> Verdict:
    """The resident of a filed report takes their consent back. What the law wants kept stays: a person sees to whether
    it is withdrawn or made Anonim, as the resident wishes."""
    ticket = tickets.read(words)
    if ticket is None:
        return Verdict("unknown", words)
    complaint_id = await assistances.withdrawn(
        work.connection, ticket, taken.contact_id, taken.citizen_id, work.house.now()
    )
    if complaint_id is None:
        return Verdict("unknown", ticket)
    await complaints.write(work.connection, complaint_id, ASSISTING, assistances.CONSENT)
    await attention.raise_matter(work.connection, assistances.CONSENT, complaint_id=complaint_id)
    return Verdict("done", ticket)


async def look_alike(work: Unit, taken: Taken, draft: Draft) -> Around:
    """What of late was told in nearly the same words by the same assistant, or with the same telephone, as numbers that
    name nothing: whoever assists is warned, and told of nobody's report."""
    grant = await _grant_of_chat(work, taken.contact_id)
    return Around((0,) * await _alike(work, grant, taken.contact_id, draft)) if grant is not None else Around()


async def _alike(work: Unit, grant: Grant, contact_id: int, draft: Draft) -> int:
    return await assistances.look_alike(
        work.connection,
        grant=grant,
        contact_id=contact_id,
        text=draft.story,
        region=(draft.value("place") or {}).get("region"),
        reach_words=assisting.values_of(draft).reach_words,
        now=work.house.now(),
    )


# --- filing --------------------------------------------------------------------------------------------------


async def file(work: Unit, taken: Taken, channel: str, draft: Draft, facts: Facts) -> Receipt:
    """File an assisted draft of this chat: it is the resident's, who takes it over with the receipt's second code."""
    grant = await _grant_of_chat(work, taken.contact_id)
    alike = await _alike(work, grant, taken.contact_id, draft) if grant is not None else 0
    receipt = await _file(work, taken.contact_id, channel, draft, facts, alike=alike)
    await deliveries.clear(work.connection, taken.contact_id)
    await enqueue_at(work.connection, COVER, work.house.now() + SHOWN, contact_id=taken.contact_id)
    return receipt


async def _file(work: Unit, contact_id: int, channel: str, draft: Draft, facts: Facts, *, alike: int) -> Receipt:
    """File it for a resident who is a citizen of their own, and cut the chat off from it. Raises `NoAssistance` where
    nobody has agreed to it."""
    connection, house, number = work.connection, work.house, _number(draft)
    if number is None:
        raise NoAssistance(draft.number)
    row = await assistances.of_draft(connection, number, contact_id, draft.number)
    if row.ticket is not None:
        return Receipt(row.ticket)  # its codes were told once
    values, code = assisting.values_of(draft), receipts.new_code()
    resident = await contacts.new_citizen(connection, values.resident)
    new = complaint_of(draft, facts, channel=channel, contact_id=contact_id, citizen_id=resident, code=code)
    event = await complaints.file(connection, new, Actor("citizen", str(resident)))
    takeover, until = await assistances.filed(
        connection,
        row.id,
        complaint_id=event.complaint_id,
        citizen_id=resident,
        reach=values.reach or "none",
        reach_words=values.reach_words,
        keeps=values.keeps,
        alike=alike,
        now=house.now(),
        valid_days=house.settings.assist_takeover_days,
    )
    await complaints.write(connection, event.complaint_id, ASSISTING, "assisted")
    work.record(replace(event, data={**event.data, "assisted": True}))
    metrics.complaints.labels(channel).inc()
    return Receipt(event.ticket, code, takeover, until.astimezone(house.zone(new.region)).date())


async def cover_codes(house: House, contact_id: int) -> None:
    """Cover the codes of residents' receipts in this chat that were sent a day ago; of later ones on the next day. Safe
    to run again."""
    async with unit(house) as work:
        now = house.now()
        if await deliveries.cover_codes(work.connection, contact_id, now - SHOWN):
            await enqueue_at(work.connection, COVER, now + SHOWN, contact_id=contact_id)


# --- who may not go on ---------------------------------------------------------------------------------------


async def end_grant(house: House, volunteer_id: int) -> int:
    """End what a volunteer has under way, whose grant has ended or is paused: in each of their chats, in a transaction
    of its own, the drafts go to the desk, and the words for the resident are said. Returns in how many. What fails is
    done with the next turn of that chat, or the next round of `keep_grants`."""
    async with house.engine.connect() as connection:
        chats = await volunteers.chats_of(connection, volunteer_id)
    return await one_by_one(house, chats, _give_up, failed="grant_not_ended")


async def keep_grants(house: House) -> int:
    """Do the same in all chats where a draft is open under a grant that has ended, by its last day too; returns in how
    many. Any number of these may run at once, and a message that comes meanwhile wins."""
    async with house.engine.connect() as connection:
        chats = await lapsed.chats(connection, today=house.today(None), now=house.now(), most=MOST)
    count = await one_by_one(house, chats, _give_up, failed="grant_not_ended")
    async with unit(house) as work:
        # Whoever settled the last draft while another one came, or closed the matter by hand, has left it to nobody.
        if await lapsed.any_kept(work.connection):
            await attention.raise_matter(work.connection, assistances.DRAFTS)
    if count:
        log.info("grants_ended", chats=count)
    return count


async def _give_up(work: Unit, contact_id: int) -> bool:
    contact = await contacts.lock(work.connection, contact_id)
    if contact is None:
        return False
    grant = await _grant(work, contact_id, contact.citizen_id)
    facts = replace(facts_of(work.house), helper=_as_helper(work.house, grant))
    turn = assisting.give_up(conversation.load(contact.conversation), facts)
    if turn is None:
        if grant is None or grant.state != "active":
            # Nothing is left of these drafts: the chat has lost them, or they never were in it.
            await assistances.drop_open(work.connection, contact_id, work.house.now())
        return False
    done = 0
    while done < len(turn.wishes):
        wish = turn.wishes[done]
        outcome = await _give_to_desk(work, contact_id, wish.draft) if isinstance(wish, GiveToDesk) else None
        turn = dialogue.resume(turn, wish, outcome, facts)
        done += 1
    await contacts.remember(work.connection, contact_id, conversation.save(turn.conversation))
    await work.say(
        NewDelivery(
            contact_id=contact_id,
            channel=contact.channel,
            address=contact.address,
            says=[(say.key, say.params) for say in turn.replies],
            buttons=turn.buttons,
            asks=turn.asks,  # a draft of their own that waited is asked about now
            language=turn.conversation.language,
        )
    )
    return True


async def file_kept(house: House, assistance_id: int, staff_id: int) -> Receipt:
    """File a draft that the desk was given, for its resident, who has said yes to that officer; returns the receipt,
    whose codes that officer tells the resident: nobody else has them. Raises LookupError where there is no such draft,
    or somebody has settled it meanwhile."""

    async def act(work: Unit) -> Receipt:
        kept = await assistances.draft_at_desk(work.connection, assistance_id, lock=True)
        if kept is None:
            raise LookupError(assistance_id)
        facts = facts_of(house)
        draft = _readable(conversation.load_draft(kept.saved), kept, facts)
        receipt = await _file(work, kept.contact_id, kept.channel, draft, facts, alike=0)
        officer = Actor("operator", f"staff:{staff_id}")
        await audit.write(work.connection, officer, "assisted_draft.file", of=("report", receipt.ticket))
        if not await lapsed.any_kept(work.connection):
            await attention.settle(work.connection, assistances.DRAFTS)
        return receipt

    return await patiently(house, act)


def _readable(draft: Draft, kept: assistances.DeskDraft, facts: Facts) -> Draft:
    """A draft as the store has it: under the number of its files and of its consent, with what its words tell."""
    known = {**(draft.context.get("assist") or {}), "id": kept.id}
    draft = replace(draft, number=kept.draft).know(assist=known)
    if not draft.story:
        # Files alone: the resident's letter, or what was said.
        draft = draft.tell(speak("letter_story" if draft.photos > draft.voices else "voice_story", None, "id"), 0)
    return draft if draft.suggestion else drafting.read_story(draft, facts)
