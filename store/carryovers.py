"""Codes that carry a draft or filed complaints from one chat to another ("pindah"), or link two chats (store/links.py).

A code is shown once, in the chat that gives something away; only its SHA-256 is kept. It is valid for half an hour
and for one use, and a newer code of the same chat voids it. A code is of one kind: what carries does not link.

Redeeming touches two chats. The redeeming turn holds its own already, and others (a turn of the other chat, news for
both) may hold the other one. So the other chat is waited for only where its id is higher, the order in which
everybody locks chats; a lower one, or a complaint that somebody is changing, is tried, and `Busy` says that the turn
must be rolled back and done again. Of two chats that redeem each other's codes the one with the lower id goes first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import complaints, contacts, guesses, receipts
from store.complaints import Actor, Event

# About 51 bits: unlike a receipt it opens without a ticket, and any number of chats may try.
LENGTH = 12
VALID = timedelta(minutes=30)
GUESSES = 5
KIND = "carryover"


class Busy(Exception):
    """The other chat, or one of its complaints, is just being changed: roll back, wait a moment, do it again."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft has left its chat. `saved` is its JSON in the form of bot/conversation.py; its number and the sequences
    of its words are those of the old chat. `adopt` gives its files to the new one."""

    saved: Mapping[str, Any]
    contact_id: int
    number: int


@dataclass(frozen=True, slots=True)
class Tickets:
    """These complaints belong to the redeeming chat now, and to `citizen_id`, who is that chat's citizen. `news` is
    how many messages that had not reached the old chat will be sent to this one."""

    tickets: tuple[str, ...]
    citizen_id: int
    events: tuple[Event, ...]
    news: int


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing was carried over. `name` says why:

    unknown: no such code, or it is used, void or expired; the guess was counted. too_many: five wrong guesses within
    the hour, so the code was not looked at. own: the code is of this very chat, and stays valid. gone: the draft was
    filed or dropped meanwhile, or the complaints are not of that chat any more; the code is used up. link_code: the
    code links chats and carries nothing; carry_code: the other way round. Both stay valid. linked: both chats are one
    citizen's already. assisted: one side assisted the other one with a report (store/assistances.py), which is not
    theirs to read, or it is a chat of a counter, behind which there is nobody; the code stays valid.
    """

    name: str


UNKNOWN, TOO_MANY, OWN, GONE = Nothing("unknown"), Nothing("too_many"), Nothing("own"), Nothing("gone")
LINK_CODE, CARRY_CODE, LINKED = Nothing("link_code"), Nothing("carry_code"), Nothing("linked")
ASSISTED = Nothing("assisted")
Outcome = Draft | Tickets | Nothing


# --- giving ------------------------------------------------------------------------------------------

_HELD = text("""
    SELECT k.id, k.ticket, p.citizen_id, p.role FROM complaint_parties p JOIN complaints k ON k.id = p.complaint_id
    WHERE p.contact_id = :contact_id AND p.role IN ('pelapor', 'pengikut')
      AND (CAST(:ticket AS text) IS NULL OR k.ticket = :ticket)
    ORDER BY k.id, p.role
""")
_VOID = text("DELETE FROM carryovers WHERE contact_id = :contact_id AND used_at IS NULL")
_OFFER = text("""
    INSERT INTO carryovers (code_sha256, contact_id, draft, ticket, links, created_at, expires_at)
    VALUES (:digest, :contact_id, :draft, :ticket, :links, :now, :expires_at)
    ON CONFLICT (code_sha256) DO NOTHING
    RETURNING id
""")


async def offer(
    connection: AsyncConnection, contact_id: int, *, draft: int | None, ticket: str | None, now: datetime
) -> tuple[str, datetime] | None:
    """A code for the draft of that number, or for that ticket; with neither, for all complaints of this chat.

    Returns the code in its written form and when it expires; None where the chat has no such complaint. The chat must
    be locked by this transaction. Whether there is such a draft is looked at when the code is redeemed.
    """
    if draft is not None and ticket is not None:
        raise ValueError("a code carries a draft or tickets, not both")
    if draft is None and not (await connection.execute(_HELD, {"contact_id": contact_id, "ticket": ticket})).all():
        return None
    return await _new_code(connection, contact_id, now, draft=draft, ticket=ticket)


async def offer_link(connection: AsyncConnection, contact_id: int, *, now: datetime) -> tuple[str, datetime]:
    """A code that links this chat with the one that redeems it, and when it expires. The chat must be locked by this
    transaction."""
    return await _new_code(connection, contact_id, now, links=True)


async def _new_code(
    connection: AsyncConnection,
    contact_id: int,
    now: datetime,
    *,
    draft: int | None = None,
    ticket: str | None = None,
    links: bool = False,
) -> tuple[str, datetime]:
    await connection.execute(_VOID, {"contact_id": contact_id})
    expires_at = now + VALID
    for _ in range(5):
        code = receipts.new_code(LENGTH)
        parameters = {
            "digest": _digest(code),
            "contact_id": contact_id,
            "draft": draft,
            "ticket": ticket,
            "links": links,
            "now": now,
            "expires_at": expires_at,
        }
        if (await connection.execute(_OFFER, parameters)).one_or_none() is not None:
            return code, expires_at
    raise RuntimeError("no free code in five draws")


def _digest(code: str) -> str:
    # Read first, so that a code typed in another way has the same digest; plain, since a code lives half an hour.
    return hashlib.sha256((receipts.read_code(code, LENGTH) or code).encode()).hexdigest()


# --- taking ------------------------------------------------------------------------------------------

_FIND = text("""
    SELECT id, contact_id, draft, ticket, links FROM carryovers
    WHERE code_sha256 = :digest AND used_at IS NULL AND expires_at > :now
""")
_TAKES_OVER = text("SELECT 1 FROM assistances WHERE code_sha256 = :digest AND code_until > :now")
# The offering chat is locked whenever one of its codes is made, voided or used.
_STILL = text("SELECT contact_id FROM carryovers WHERE id = :id AND used_at IS NULL FOR UPDATE SKIP LOCKED")
_USE = text("UPDATE carryovers SET used_at = :now, used_by = :by WHERE id = :id")
_CHAT = "SELECT id, citizen_id, channel, address, name, conversation FROM contacts WHERE id = :id FOR UPDATE"
_WAIT_FOR, _TRY = text(_CHAT), text(f"{_CHAT} SKIP LOCKED")


async def redeem(connection: AsyncConnection, code: str, *, by: int, now: datetime) -> Outcome:
    """What the code carries, given to the chat `by`, which this transaction has locked.

    Words that spell no code at all are unknown, but no guess. A `Draft` has already been taken out of its old chat;
    whoever gets it must give it a number of the new chat and call `adopt`. `Tickets` are moved; a chat that had no
    citizen has one then. Raises `Busy`.
    """
    found = await look(connection, code, by=by, links=False, now=now)
    if isinstance(found, Nothing):
        return found
    [chat] = await lock_chats(connection, [found.contact_id], by)
    if found.draft is None and await assisted(connection, [by], [chat.id], found.ticket):
        return ASSISTED
    if not await use(connection, found, by=by, now=now):
        return UNKNOWN
    if found.draft is not None:
        return await _take_draft(connection, chat, found.draft)
    return await _take_tickets(connection, chat, found.ticket, by)


@dataclass(frozen=True, slots=True)
class Found:
    """A code that is good, before anything is locked for it: its row, the chat that has offered it, what it carries."""

    id: int
    contact_id: int
    draft: int | None
    ticket: str | None


async def look(connection: AsyncConnection, code: str, *, by: int, links: bool, now: datetime) -> Found | Nothing:
    """The code that the chat `by` has sent to be carried something or (`links`) to be linked, or why it is no good
    there; a wrong one is counted."""
    digits = receipts.read_code(code, LENGTH)
    if digits is None:
        return UNKNOWN
    if not await guesses.allowed(connection, KIND, str(by), GUESSES, now):
        return TOO_MANY
    found = (await connection.execute(_FIND, {"digest": _digest(digits), "now": now})).one_or_none()
    if found is None:
        # With the code of a report that somebody was assisted with it is taken over (store/assistances.py): no guess.
        if (await connection.execute(_TAKES_OVER, {"digest": _digest(digits), "now": now})).first() is None:
            await guesses.wrong(connection, KIND, str(by), now)
        return UNKNOWN
    if found.contact_id == by:
        return OWN
    if found.links != links:
        return LINK_CODE if found.links else CARRY_CODE
    return Found(found.id, found.contact_id, found.draft, found.ticket)


# Whoever assisted: the chat in which it was told, its citizen in all chats, the volunteer in all chats.
_ASSISTED = text("""
    WITH sides AS (
        SELECT c.id, c.citizen_id, c.id = ANY(:ones) AS one FROM contacts c
        WHERE c.id = ANY(:ones) OR c.id = ANY(:others)
    )
    SELECT 1 FROM sides helper JOIN sides helped ON helped.one <> helper.one
    JOIN complaints k ON k.citizen_id = helped.citizen_id
    JOIN assistances a ON a.complaint_id = k.id
    LEFT JOIN volunteers v ON v.id = a.volunteer_id LEFT JOIN contacts t ON t.id = a.contact_id
    WHERE (a.contact_id = helper.id OR helper.citizen_id IN (v.citizen_id, t.citizen_id))
      AND helper.citizen_id IS DISTINCT FROM helped.citizen_id
      AND (CAST(:ticket AS text) IS NULL OR k.ticket = :ticket)
    UNION ALL SELECT 1 FROM contacts c WHERE (c.id = ANY(:ones) OR c.id = ANY(:others)) AND c.counter_id IS NOT NULL
    LIMIT 1
""")


async def assisted(
    connection: AsyncConnection, ones: Sequence[int], others: Sequence[int], ticket: str | None = None
) -> bool:
    """Whether the citizen of one of these chats assisted the citizen of one of the others with a report (that of the
    ticket), or the other way round; or one of them is a chat of a counter."""
    parameters = {"ones": list(ones), "others": list(others), "ticket": ticket}
    return (await connection.execute(_ASSISTED, parameters)).first() is not None


async def lock_chats(connection: AsyncConnection, contact_ids: Sequence[int], by: int) -> list[Any]:
    """The rows of these chats, locked, in the order of their ids, for a turn that has locked the chat `by`: those with
    a lower id are tried, those with a higher one are waited for. Raises `Busy`."""
    rows = []
    for each in sorted(contact_ids):
        row = (await connection.execute(_WAIT_FOR if each >= by else _TRY, {"id": each})).first()
        if row is None:
            raise Busy
        rows.append(row)
    return rows


async def use(connection: AsyncConnection, found: Found, *, by: int, now: datetime) -> bool:
    """Use up a code whose chat is locked by now; False if it was redeemed or voided since the look, which counts as a
    wrong guess. Raises `Busy`."""
    still = (await connection.execute(_STILL, {"id": found.id})).first()
    if still is None:
        await guesses.wrong(connection, KIND, str(by), now)
        return False
    if still.contact_id != found.contact_id:
        raise Busy  # the chat was joined with another one of the same person meanwhile, which has the code now
    await connection.execute(_USE, {"id": found.id, "now": now, "by": by})
    return True


_LEFT = text("UPDATE contacts SET conversation = CAST(:conversation AS jsonb) WHERE id = :id")


async def _leave(connection: AsyncConnection, chat: Any, **changes: Any) -> None:
    """Save what is left of the old chat's conversation; `moved` lets the bot say it when the citizen comes back."""
    conversation = {**(chat.conversation or {}), **changes, "moved": True}
    await connection.execute(_LEFT, {"id": chat.id, "conversation": json.dumps(conversation)})


async def _take_draft(connection: AsyncConnection, chat: Any, number: int) -> Outcome:
    draft = (chat.conversation or {}).get("draft")
    if not draft or draft.get("number") != number or (draft.get("context") or {}).get("assist"):
        return GONE  # also what a resident tells with somebody's help: that is finished where it was begun
    # A question about a complaint that is filed already goes on waiting; every other one was about the draft.
    asking = chat.conversation.get("asking") if chat.conversation.get("about") else None
    await _leave(connection, chat, draft=None, asking=asking, tries=0, warned=False)
    return Draft(draft, chat.id, number)


_ADOPT = text("""
    UPDATE media SET contact_id = :new_contact, draft = :new_number
    WHERE contact_id = :old_contact AND draft = :old_number AND complaint_id IS NULL
""")


async def adopt(
    connection: AsyncConnection, *, old_contact: int, old_number: int, new_contact: int, new_number: int
) -> None:
    """Give the files of a draft that was carried over to the draft that it has become."""
    await connection.execute(
        _ADOPT,
        {
            "old_contact": old_contact,
            "old_number": old_number,
            "new_contact": new_contact,
            "new_number": new_number,
        },
    )


# Whoever changes a complaint has locked all of its chats, which may be more than our two, before they come to it.
_LOCK = text("SELECT id FROM complaints WHERE id = ANY(:ids) FOR NO KEY UPDATE SKIP LOCKED")


async def lock(connection: AsyncConnection, complaint_ids: Sequence[int]) -> None:
    """Lock complaints that are to change hands, and wait for nobody. Raises `Busy`."""
    if len((await connection.execute(_LOCK, {"ids": list(complaint_ids)})).all()) < len(complaint_ids):
        raise Busy


async def _take_tickets(connection: AsyncConnection, chat: Any, ticket: str | None, by: int) -> Outcome:
    held = (await connection.execute(_HELD, {"contact_id": chat.id, "ticket": ticket})).all()
    if not held:
        return GONE
    ids = sorted({row.id for row in held})
    await lock(connection, ids)
    new = (await connection.execute(_WAIT_FOR, {"id": by})).one()  # our own: it is locked already
    language = (new.conversation or {}).get("language", "id")
    citizen = new.citizen_id or await contacts.become_citizen(connection, by, new.name, language)
    for row in held:
        await _hand_over(connection, row, chat.id, by, citizen)
    tickets = tuple(dict.fromkeys(row.ticket for row in held))
    for complaint_id in ids:
        await complaints.write(connection, complaint_id, Actor("citizen", str(citizen)), "carried")
    news = await _redirect(connection, ids, chat.id, new, language)
    await _leave(connection, chat, **_without(chat.conversation or {}, tickets))
    events = tuple(Event("carried", row.id, row.ticket) for row in {row.id: row for row in held}.values())
    return Tickets(tickets, citizen, events, news)


# Whoever holds a complaint in two roles would be told everything twice: pelapor is the stronger one, and stays alone.
_DROP_OLD = text("""
    DELETE FROM complaint_parties
    WHERE complaint_id = :id AND citizen_id = :old AND contact_id = :old_contact AND role = :role
""")
_DROP_FOLLOWER = text("""
    DELETE FROM complaint_parties WHERE complaint_id = :id AND citizen_id = :citizen AND role = 'pengikut'
""")
_HOLDS = text("""
    SELECT role FROM complaint_parties
    WHERE complaint_id = :id AND citizen_id = :citizen AND role IN ('pelapor', 'pengikut')
      AND contact_id IS DISTINCT FROM :old_contact
""")
_TAKE = text("""
    INSERT INTO complaint_parties (complaint_id, citizen_id, role, contact_id)
    VALUES (:id, :citizen, :role, :contact) ON CONFLICT (complaint_id, citizen_id, role) DO UPDATE
    SET contact_id = excluded.contact_id
""")
_OWN = [
    text("UPDATE complaints SET citizen_id = :citizen WHERE id = :id AND citizen_id = :old"),
    text("UPDATE assistances SET citizen_id = :citizen WHERE complaint_id = :id AND citizen_id = :old"),
]


async def _hand_over(connection: AsyncConnection, row: Any, old_contact: int, contact: int, citizen: int) -> None:
    """One row of `complaint_parties` changes hands."""
    parameters = {
        "id": row.id,
        "role": row.role,
        "old": row.citizen_id,
        "old_contact": old_contact,
        "citizen": citizen,
        "contact": contact,
    }
    await connection.execute(_DROP_OLD, parameters)
    holds = {each.role for each in await connection.execute(_HOLDS, parameters)}
    if row.role == "pengikut" and holds:
        return
    if row.role == "pelapor":
        await connection.execute(_DROP_FOLLOWER, parameters)
        for statement in _OWN:
            await connection.execute(statement, parameters)
    await connection.execute(_TAKE, parameters)


# What had not reached the old chat, also what could not: a lost telephone is why people move. A message in the hands
# of a speaker stays where it is. New ids, since a page that has seen a later line never asks for an earlier one.
_REDIRECT = text("""
    WITH due AS (
        SELECT id FROM deliveries
        WHERE contact_id = :old_contact AND complaint_id = ANY(:ids) AND asks IS NULL AND sent_at IS NULL
          AND (leased_until IS NULL OR leased_until < clock_timestamp())
        FOR UPDATE SKIP LOCKED
    ), taken AS (
        DELETE FROM deliveries USING due WHERE deliveries.id = due.id
        RETURNING deliveries.id, says, buttons, complaint_id, files
    )
    INSERT INTO deliveries (contact_id, channel, address, says, buttons, language, complaint_id, files, created_at,
                            due_at)
    SELECT :contact, :channel, :address, says, buttons, :language, complaint_id, files, clock_timestamp(),
           clock_timestamp()
    FROM taken ORDER BY id
    RETURNING id
""")


async def _redirect(connection: AsyncConnection, ids: Sequence[int], old_contact: int, new: Any, language: str) -> int:
    parameters = {
        "old_contact": old_contact,
        "ids": list(ids),
        "contact": new.id,
        "channel": new.channel,
        "address": new.address,
        "language": language,
    }
    return len((await connection.execute(_REDIRECT, parameters)).all())


def _without(conversation: Mapping[str, Any], tickets: Sequence[str]) -> dict[str, Any]:
    """What changes in a conversation that these complaints have left: late photos and answers are not theirs."""
    changes: dict[str, Any] = {}
    if (conversation.get("last") or {}).get("ticket") in tickets:
        changes["last"] = None
    if conversation.get("about") in tickets:
        changes |= {"about": None, "asking": None, "tries": 0}
    return changes
