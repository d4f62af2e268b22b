"""The spine: one message, one transaction. Take it, advance the conversation, do what it wishes, reply."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import psycopg
from sqlalchemy.exc import DBAPIError

from api import afterwards, assisting, belongings, metrics
from api.delivery import button
from api.facts import complaint_of, facts_of
from api.house import House
from api.unit import Unit, unit
from bot import conversation, dialogue
from bot.asking import ASKING
from bot.assisting import is_assisted
from bot.channels.whatsapp import NAME as WHATSAPP
from bot.channels.whatsapp import writing
from bot.conversation import Draft
from bot.messages import UNNUMBERED, Incoming
from bot.script import AFTERWARDS, QUESTIONS
from bot.turns import (
    Act,
    Adopt,
    Assist,
    CallHuman,
    CarryIn,
    CarryOut,
    DropFiles,
    Erase,
    Facts,
    File,
    Follow,
    ForgetPlace,
    Forsake,
    GiveToDesk,
    Join,
    KeepMedia,
    Learn,
    LinkIn,
    LinkOut,
    LookAround,
    Own,
    Receipt,
    Redeem,
    Reply,
    ReportDanger,
    ShowAssisted,
    ShowData,
    ShowStatus,
    TakePlace,
    Turn,
    Unlink,
    Unreachable,
    Wish,
    WithdrawConsent,
)
from store import (
    attention,
    carryovers,
    complaints,
    contacts,
    deliveries,
    identities,
    inbox,
    media,
    moves,
    receipts,
)
from store.complaints import Actor, Event
from store.database import is_busy, is_down
from store.deliveries import JOIN_SECONDS, NewDelivery
from store.inbox import Taken
from store.media import NewMedia

# While a reply is on its way, nobody can say whether a message answers it: so long the message waits for the
# provider's answer, and longer the reply counts as heard (its answer may be what got lost).
IN_FLIGHT = timedelta(seconds=3)
# So often a turn begins anew because another chat or complaint is just being worked on: up to eight seconds.
BUSY = 40
# Words that may be the number of a choice, and nothing else.
SHORT_NUMBER = re.compile(r"\A\D{0,10}\d{1,2}\W{0,3}\Z")


class _InFlightError(Exception):
    """The reply before this message is just being sent."""


class _StrangerError(Exception):
    """Who has sent this message is to be settled first: an id is new, or the chat has become part of another."""


async def take(house: House, message: Incoming, payload: Mapping[str, Any], received_at: datetime) -> bool:
    """Handle one message, exactly once however often it comes; whether it will be answered.

    `received_at` is when it reached our door. Raises only when the store is down: then nothing is kept
    and nothing was said, and the provider's next delivery finds everything as it was.
    """
    wait, stale, busy = 0.01, False, 0
    while True:
        try:
            try:
                return await _take(house, message, payload, received_at)
            except _StrangerError:
                # In a transaction of its own, which nobody waits for: see store/identities.py.
                async with unit(house) as work:
                    await _recognise(work, message)
                return await _take(house, message, payload, received_at)
        except (DBAPIError, psycopg.Error) as error:
            if is_busy(error) and busy < BUSY:
                busy += 1
            elif is_down(error) and not stale:
                # A connection that has gone stale in the pool: once more on a fresh one. A repeat changes nothing.
                stale = True
                continue
            else:
                raise
        except (carryovers.Busy, _StrangerError):
            busy += 1
            if busy > BUSY:
                raise
        except _InFlightError:
            pass
        # Rolled back: nothing is locked and nothing is kept while we wait.
        await asyncio.sleep(wait)
        wait = min(wait * 2, 0.2)


async def _take(house: House, message: Incoming, payload: Mapping[str, Any], received_at: datetime) -> bool:
    async with unit(house) as work:
        message = await _by_address(work, message)
        taken = await inbox.take(
            work.connection,
            channel=message.address.channel,
            message_id=message.message_id,
            address=message.address.user,
            sequence=message.sequence,
            name=message.name,
            # What people say to each other in a group is not ours to keep, nor where somebody goes.
            payload=payload if message.private and not (message.edits and message.place) else {},
            received_at=received_at,
            window_until=message.window_until,
            written=not message.transcribed and message.photographed is None,
        )
        if taken is None:
            metrics.repeats.labels(message.address.channel).inc()
            return False
        if taken.merged:
            raise _StrangerError
        if message.sequence == UNNUMBERED:
            message = replace(message, sequence=await _line(work, message) or taken.line_id)
        message = await _by_number(work, taken, message)
        before = conversation.load(taken.conversation)
        spoken = await _spoken_before(work, taken, before, message)
        if spoken is not None and _asks_freely(before) and _is_in_flight(spoken, received_at, house.now()):
            raise _InFlightError
        unheard = spoken is not None and _is_unheard(spoken, message, received_at)
        own = await _own(work, taken, before, message)
        quoted = await _quoted(work, taken, message)
        helper = await assisting.helper(work, taken)
        facts = replace(
            facts_of(house), unheard=unheard, released=taken.released, own=own, quoted=quoted, helper=helper
        )
        turn = await _fulfilled(work, taken, message, dialogue.advance(before, message, facts), facts)
        after = conversation.save(turn.conversation)
        about = next((event.complaint_id for event in work.events if _is_ours(event)), None)
        reply = await _reply(work, taken, message, before, turn, spoken, unheard, about) if turn.replies else None
        if reply is not None:
            await deliveries.add_and_remember(work.connection, reply, after)
            work.spoke = True
        else:
            await contacts.remember(work.connection, taken.contact_id, after)
    metrics.turns.labels(message.address.channel).inc()
    return reply is not None


def _is_ours(event: Event) -> bool:
    """Whether an event is that of a complaint that was filed in this chat for whoever is behind it: what is filed for a
    resident is not theirs who assisted, and no message leads to it."""
    return event.kind == "filed" and not event.data.get("assisted")


async def _fulfilled(work: Unit, taken: Taken, message: Incoming, turn: Turn, facts: Facts) -> Turn:
    """The turn with all its wishes done, those too that come out of what was found on the way."""
    done = 0
    while done < len(turn.wishes):
        wish = turn.wishes[done]
        turn = dialogue.resume(turn, wish, await _fulfil(work, taken, message, turn, wish, facts), facts)
        if isinstance(wish, CarryIn):
            taken = await _looked_up(work, taken)  # what it brought may have made a citizen of the chat
        done += 1
    return turn


async def _looked_up(work: Unit, taken: Taken) -> Taken:
    """The same message, with whose chat it is by now."""
    chat = await contacts.lock(work.connection, taken.contact_id)
    return taken if chat is None else replace(taken, citizen_id=chat.citizen_id)


# --- who it is ----------------------------------------------------------------------------------------


async def _recognise(work: Unit, message: Incoming) -> None:
    channel, ids = message.address.channel, message.known_as
    if ids:
        await identities.recognise(work.connection, channel, ids, as_of=message.window_until)


async def _by_address(work: Unit, message: Incoming) -> Incoming:
    """The message under the address that its sender is kept under. Raises `_StrangerError` where nobody is."""
    if not message.known_as:
        return message
    address = await identities.known(work.connection, message.address.channel, message.known_as)
    if address is None:
        raise _StrangerError
    return replace(message, address=replace(message.address, user=address))


async def _line(work: Unit, message: Incoming) -> int | None:
    """The number of the line that an edit replaces."""
    if message.replaces is None:
        return None
    return await inbox.line_of(work.connection, message.address.channel, message.replaces, message.address.user)


# Where choices may be numbered because there are too many to tap: how a typed number is read.
NUMBERED = {WHATSAPP: writing.chosen}


async def _by_number(work: Unit, taken: Taken, message: Incoming) -> Incoming:
    """The message as a tap, if it is the number of one of the choices that were said last. Below a photo, or in the
    place of other words, a number is none."""
    chosen = NUMBERED.get(message.address.channel)
    if chosen is None or message.media or message.edits or not SHORT_NUMBER.search(message.text):
        return message
    offers, language = await deliveries.last_offer(work.connection, taken.contact_id)
    choice = chosen(message.text, [button(each, language) for each in offers])
    return message if choice is None else replace(message, text="", choice=choice, sequence=0)


# --- what was said before ---------------------------------------------------------------------------


async def _spoken_before(
    work: Unit, taken: Taken, before: conversation.Conversation, message: Incoming
) -> deliveries.Spoken | None:
    """The last reply, where it matters whether the citizen had heard it: a tap has, the first words have not."""
    if message.choice is not None or not (before.asking or before.last or before.greeted):
        return None
    return await deliveries.last_reply(work.connection, taken.contact_id)


def _is_unheard(spoken: deliveries.Spoken, message: Incoming, received_at: datetime) -> bool:
    """Whether the message was written before that reply can have been read: the provider numbered it before the
    reply or, where that is not known, it reached us before a speaker took the reply."""
    if spoken.provider_sequence and message.sequence:
        return message.sequence < spoken.provider_sequence
    return spoken.claimed_at is None or received_at < spoken.claimed_at


def _asks_freely(before: conversation.Conversation) -> bool:
    """Whether almost any words could be taken for the answer that is waited for: only then it matters to be sure."""
    question = QUESTIONS.get(before.asking or "") or AFTERWARDS.get(before.asking or "")
    return question is not None and question.free


def _is_in_flight(spoken: deliveries.Spoken, received_at: datetime, now: datetime) -> bool:
    """Whether a speaker had taken that reply, but the provider had not yet answered for it."""
    if spoken.claimed_at is None or spoken.sent_at is not None or received_at < spoken.claimed_at:
        return False
    return now < spoken.claimed_at + IN_FLIGHT and received_at < spoken.claimed_at + IN_FLIGHT


async def _reply(
    work: Unit,
    taken: Taken,
    message: Incoming,
    before: conversation.Conversation,
    turn: Turn,
    spoken: deliveries.Spoken | None,
    unheard: bool,
    about: int | None,
) -> NewDelivery | None:
    """The reply of a turn, joined with one before it that nobody has spoken yet; None where that says all of it.

    `about` is the id of a complaint that it tells of, so that whoever quotes it is understood."""
    says: list[tuple[str, Mapping[str, Any]]] = [(say.key, say.params) for say in turn.replies]
    if spoken is not None and spoken.claimed_at is None:
        says = _join(await deliveries.withdraw(work.connection, spoken.id) or [], says)
    elif (
        spoken is not None and unheard and turn.asks == spoken.asks and [key for key, _ in says] == [f"ask.{turn.asks}"]
    ):
        return None  # the same question is on its way already
    starts = before.draft is None and turn.conversation.draft is not None
    return NewDelivery(
        contact_id=taken.contact_id,
        channel=message.address.channel,
        address=message.address.user,
        says=says,
        buttons=turn.buttons,
        complaint_id=about,
        asks=turn.asks or "",
        language=turn.conversation.language,
        after=JOIN_SECONDS if starts or message.media or unheard else 0.0,
    )


def _join(
    earlier: list[tuple[str, dict[str, Any]]], later: list[tuple[str, Mapping[str, Any]]]
) -> list[tuple[str, Mapping[str, Any]]]:
    """One reply of two: the earlier one without its question, which the later one asks anew."""
    kept = [(key, params) for key, params in earlier if not key.startswith(ASKING)]
    return [*(say for say in kept if say not in later), *later]


# --- facts -------------------------------------------------------------------------------------------


async def _own(work: Unit, taken: Taken, before: conversation.Conversation, message: Incoming) -> tuple[Own, ...]:
    """The citizen's open complaints, where words without a draft may be meant for one of them."""
    if before.draft is not None or taken.citizen_id is None or message.choice is not None:
        return ()
    return tuple(
        Own(each.ticket, "" if each.role == "pengikut" else each.title, moves.key(each.status), each.role)
        for each in await complaints.open_of_contact(work.connection, taken.contact_id)
    )


async def _quoted(work: Unit, taken: Taken, message: Incoming) -> str | None:
    """The ticket that the quoted message of ours was about."""
    if message.reply_to is None:
        return None
    return await deliveries.complaint_of_delivery(work.connection, taken.contact_id, message.reply_to)


# --- wishes ------------------------------------------------------------------------------------------


async def _fulfil(work: Unit, taken: Taken, message: Incoming, turn: Turn, wish: Wish, facts: Facts) -> Any:
    """Do what the conversation wishes; returns what `resume` needs to know."""
    match wish:
        case File(draft) if is_assisted(draft):
            return await assisting.file(work, taken, message.address.channel, draft, facts)
        case File(draft):
            return await _file(work, taken, message, turn, draft, facts)
        case ShowStatus(words):
            return await afterwards.states(work, taken, words)
        case KeepMedia(file, draft_number, ticket):
            return await _keep(work, taken, message, file, draft_number, ticket)
        case DropFiles(number):
            return await media.drop(work.connection, taken.contact_id, number)
        case Reply() | Act():
            return await afterwards.act(work, taken, wish)
        case LookAround(draft) if is_assisted(draft):
            return await assisting.look_alike(work, taken, draft)
        case LookAround(draft):
            return await afterwards.look_around(work, taken, draft, facts)
        case Follow(draft, ids):
            return await afterwards.follow(work, taken, turn, draft, ids)
        case Join(draft, ticket):
            return await afterwards.join(work, taken, draft, ticket)
        case CarryOut() | CarryIn() | Adopt() | LinkOut() | LinkIn() | Unlink() | ShowData() | Erase():
            return await belongings.fulfil(work, taken, wish)
        case Redeem() | Learn() | Assist() | Forsake() | GiveToDesk() | ShowAssisted() | WithdrawConsent():
            return await assisting.fulfil(work, taken, wish, turn.conversation.language)
        case TakePlace(photo) | ForgetPlace(photo):
            return await media.take_place(work.connection, taken.contact_id, photo)
        case CallHuman():
            return await attention.raise_matter(work.connection, "call_for_human", contact_id=taken.contact_id)
        case ReportDanger(kind):
            return await attention.raise_matter(work.connection, "danger", contact_id=taken.contact_id, detail=kind)
        case Unreachable():
            return await contacts.lose(work.connection, taken.contact_id, "blocked_by_user")


async def _file(work: Unit, taken: Taken, message: Incoming, turn: Turn, draft: Draft, facts: Facts) -> Receipt:
    language = turn.conversation.language
    citizen = taken.citizen_id or await contacts.become_citizen(work.connection, taken.contact_id, taken.name, language)
    code = receipts.new_code()
    new = complaint_of(
        draft,
        facts,
        channel=message.address.channel,
        contact_id=taken.contact_id,
        citizen_id=citizen,
        code=code,
    )
    event = await complaints.file(work.connection, new, Actor("citizen", str(citizen)))
    work.record(event)
    metrics.complaints.labels(message.address.channel).inc()
    return Receipt(event.ticket, None if event.data.get("again") else code)


async def _keep(work: Unit, taken: Taken, message: Incoming, file: Any, draft: int | None, ticket: str | None) -> None:
    media_id = await media.add(
        work.connection,
        NewMedia(
            contact_id=taken.contact_id,
            kind=file.kind,
            channel=message.address.channel,
            provider_id=file.provider_id,
            draft=draft,
            ticket=ticket,
            line_id=taken.line_id,
            album=file.group,
            name=file.name,
            content_type=file.content_type,
            size=file.size,
        ),
    )
    await work.later("fetch_media", media_id=media_id)
    if ticket is not None:
        await afterwards.file_came(work, taken, ticket)
