"""Two chats that turn out to be one person's become one: one stays, and takes over all that the other one had.

The chat that was written in last stays, with its address, its conversation and the question that waits in it: that is
where the person is. Of the other one nothing is left but a row without a name and without a way to anybody
(`merged_into`), which goes with the retention (store/rights.py). Drafts are numbered by chat, and a button names its
draft by that number; so all numbers of the other chat are counted on behind those of the chat that stays.

Whoever joins two chats has locked them and all that `involved` names, in the order of their ids, and comes to
complaints, messages and files after that, as everybody does (docs/decisions/0008). None of these is waited for:
`Busy` says that somebody else is at one of them, and that it is to be rolled back and done again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import carryovers, complaints
from store.carryovers import Busy
from store.complaints import Actor

JOINER = Actor("system", "identities")

# Besides the two chats: those that were joined with one of them before, and other chats of the same citizen.
_INVOLVED = text("""
    SELECT id FROM contacts WHERE id = ANY(:ids)
    UNION SELECT id FROM contacts WHERE merged_into = ANY(:ids)
    UNION SELECT o.id FROM contacts c JOIN contacts o ON o.citizen_id = c.citizen_id WHERE c.id = ANY(:ids)
    ORDER BY id
""")


async def involved(connection: AsyncConnection, contact_ids: Collection[int]) -> list[int]:
    """The ids of all contacts that change if these are joined, in order."""
    return list((await connection.execute(_INVOLVED, {"ids": list(contact_ids)})).scalars())


_CHAT = text("""
    SELECT id, address, citizen_id, name, conversation, last_message_at, counter_id FROM contacts WHERE id = :id
""")


async def join(connection: AsyncConnection, one: int, other: int) -> int:
    """Make one chat of two of one channel; returns the id of the one that stays. Raises `Busy`, and ValueError for a
    chat of a counter, which is nobody's.

    A complaint that changes hands is "carried" in its history. What was in the hands of a speaker stays so.
    """
    chats = [(await connection.execute(_CHAT, {"id": id_})).one() for id_ in (one, other)]
    if any(chat.counter_id is not None for chat in chats):
        raise ValueError("a chat of a counter is joined with no other")
    # A chat in which nobody has written has the lowest place; of two that are alike, the older one stays.
    stays, gone = sorted(chats, key=lambda chat: (_seconds(chat.last_message_at), -chat.id), reverse=True)
    both = {"stays": stays.id, "gone": gone.id, "address": stays.address}
    complaint_ids = await _lock_all(connection, both)
    offset, drafts = await _numbers(connection, stays, gone)
    numbered = {**both, "offset": offset}
    await _carry(connection, both, complaint_ids)
    citizen = await _become_one_citizen(connection, stays, gone, complaint_ids)
    for statement in (_COMPLAINTS, _FILES, _CODES, _ASSISTANCES):
        await connection.execute(statement, numbered)
    for statement in (_USED_CODES, _MATTERS, _SAME_MATTERS, _HEARD):
        await connection.execute(statement, both)
    goes_on = _goes_on(stays.conversation or {}, gone.conversation or {})
    await _take_unspoken_replies(connection, gone.id, offset, goes_on)
    for statement in (_UNSPOKEN, _SPOKEN):
        await connection.execute(statement, both)
    conversation = _one_conversation(stays.conversation or {}, gone.conversation or {}, offset, drafts)
    left = {**both, "citizen": citizen, "conversation": json.dumps(conversation)}
    for statement in (_STAY, _LEAVE, _LEAVE_AGAIN, _IDS):
        await connection.execute(statement, left)
    return int(stays.id)


def _seconds(moment: Any) -> float:
    return 0.0 if moment is None else float(moment.timestamp())


# --- what is locked ----------------------------------------------------------------------------------

# Everything that names the chat or its citizen.
_COMPLAINTS_OF = text("""
    SELECT id FROM complaints WHERE contact_id = :gone
    UNION SELECT complaint_id FROM complaint_parties WHERE contact_id = :gone
    UNION SELECT k.id FROM complaints k JOIN contacts c ON c.citizen_id = k.citizen_id WHERE c.id = :gone
    UNION SELECT p.complaint_id FROM complaint_parties p JOIN contacts c ON c.citizen_id = p.citizen_id
          WHERE c.id = :gone
    UNION SELECT r.complaint_id FROM ratings r JOIN contacts c ON c.citizen_id = r.citizen_id WHERE c.id = :gone
    ORDER BY id
""")
# A speaker that marks what it has sent, a worker that fetches a file: they may want a chat next, so they are not
# waited for.
_HELD_BY_OTHERS = [
    text(f"""
        SELECT (SELECT count(*) FROM {table} WHERE contact_id = :gone)
             - (SELECT count(*) FROM (SELECT 1 FROM {table} WHERE contact_id = :gone FOR UPDATE SKIP LOCKED) free)
    """)  # noqa: S608 (these names, and no value)
    for table in ("deliveries", "media", "attention", "carryovers", "assistances")
]


async def _lock_all(connection: AsyncConnection, both: Mapping[str, Any]) -> list[int]:
    """Lock all that will change, or raise `Busy`; returns the ids of the complaints."""
    complaint_ids = list((await connection.execute(_COMPLAINTS_OF, both)).scalars())
    await carryovers.lock(connection, complaint_ids)
    for statement in _HELD_BY_OTHERS:
        if (await connection.execute(statement, both)).scalar_one():
            raise Busy
    return complaint_ids


# --- numbers of drafts -------------------------------------------------------------------------------

_HIGHEST = text("""
    SELECT greatest(0, (SELECT max(draft) FROM complaints WHERE contact_id = :id),
                    (SELECT max(draft) FROM media WHERE contact_id = :id),
                    (SELECT max(draft) FROM carryovers WHERE contact_id = :id),
                    (SELECT max(draft) FROM assistances WHERE contact_id = :id))
""")


async def _numbers(connection: AsyncConnection, stays: Any, gone: Any) -> tuple[int, int]:
    """The highest number of a draft in the chat that stays, which is added to those of the other one; and the count of
    drafts in both."""
    highest = []
    for chat in (stays, gone):
        known = (await connection.execute(_HIGHEST, {"id": chat.id})).scalar_one()
        conversation = chat.conversation or {}
        drafts = [draft.get("number") for draft in _drafts(conversation)]
        highest.append(max(map(_count, (known, conversation.get("drafts"), *drafts))))
    offset, more = highest
    return offset, offset + more


def _count(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _drafts(conversation: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [draft for draft in (conversation.get("draft"), *(conversation.get("parked") or ())) if draft]


# --- complaints and citizens -------------------------------------------------------------------------

_CARRIED = text("""
    SELECT DISTINCT complaint_id FROM complaint_parties
    WHERE contact_id = :gone AND complaint_id = ANY(:ids) ORDER BY complaint_id
""")
_PARTIES = text("UPDATE complaint_parties SET contact_id = :stays WHERE contact_id = :gone")


async def _carry(connection: AsyncConnection, both: Mapping[str, Any], complaint_ids: Sequence[int]) -> None:
    """Whoever was told of a complaint in the other chat is told in this one: pelapor and pengikut."""
    for complaint_id in (await connection.execute(_CARRIED, {**both, "ids": list(complaint_ids)})).scalars().all():
        await complaints.write(connection, complaint_id, JOINER, "carried")
    await connection.execute(_PARTIES, both)


_ONE_CITIZEN = [
    text(statement)
    for statement in (
        # In several roles they would be told everything several times: the strongest one stays.
        """
        DELETE FROM complaint_parties p USING complaint_parties q
        WHERE p.complaint_id = ANY(:ids) AND q.complaint_id = p.complaint_id
          AND p.citizen_id IN (:citizen, :old) AND q.citizen_id IN (:citizen, :old)
          AND (array_position(CAST(:roles AS text[]), q.role), q.citizen_id <> :citizen)
            < (array_position(CAST(:roles AS text[]), p.role), p.citizen_id <> :citizen)
        """,
        "UPDATE complaint_parties SET citizen_id = :citizen WHERE complaint_id = ANY(:ids) AND citizen_id = :old",
        # One rating a person: the later one.
        """
        DELETE FROM ratings r USING ratings s
        WHERE r.complaint_id = ANY(:ids) AND s.complaint_id = r.complaint_id
          AND r.citizen_id IN (:citizen, :old) AND s.citizen_id IN (:citizen, :old)
          AND (s.at, s.citizen_id) > (r.at, r.citizen_id)
        """,
        "UPDATE ratings SET citizen_id = :citizen WHERE complaint_id = ANY(:ids) AND citizen_id = :old",
        "UPDATE complaints SET citizen_id = :citizen WHERE id = ANY(:ids) AND citizen_id = :old",
        # The history tells the pelapor's own words by this id.
        """
        UPDATE complaint_history SET actor_id = CAST(:citizen AS text)
        WHERE complaint_id = ANY(:ids) AND actor_kind = 'citizen' AND actor_id = CAST(:old AS text)
        """,
        """
        UPDATE routings SET actor_id = CAST(:citizen AS text)
        WHERE complaint_id = ANY(:ids) AND actor_kind = 'citizen' AND actor_id = CAST(:old AS text)
        """,
        "UPDATE contacts SET citizen_id = :citizen WHERE citizen_id = :old",
        # Who may assist residents, and who was assisted.
        "UPDATE volunteers SET citizen_id = :citizen WHERE citizen_id = :old",
        "UPDATE assistances SET citizen_id = :citizen WHERE citizen_id = :old",
        "UPDATE citizens SET name = coalesce(name, (SELECT name FROM citizens WHERE id = :old)) WHERE id = :citizen",
        "DELETE FROM citizens WHERE id = :old",
    )
]


async def _become_one_citizen(
    connection: AsyncConnection, stays: Any, gone: Any, complaint_ids: Sequence[int]
) -> int | None:
    """The citizen behind both chats from now on, who is that of the chat that stays where it has one."""
    citizen, old = stays.citizen_id or gone.citizen_id, gone.citizen_id
    if old is not None and old != citizen:
        parameters = {"ids": list(complaint_ids), "citizen": citizen, "old": old, "roles": list(complaints.ROLES)}
        for statement in _ONE_CITIZEN:
            await connection.execute(statement, parameters)
    return None if citizen is None else int(citizen)


async def become_one_citizen(connection: AsyncConnection, one: int, other: int) -> int | None:
    """Two chats become those of one citizen and stay two; returns that citizen, who is the one of the chat `one` where
    it has one, and None if neither has. Other chats of both citizens come along; all of them are locked by this
    transaction (`involved`). Which chat hears of a complaint stays as it is. Raises `Busy`."""
    stays, gone = [(await connection.execute(_CHAT, {"id": id_})).one() for id_ in (one, other)]
    complaint_ids = list((await connection.execute(_COMPLAINTS_OF, {"gone": other})).scalars())
    await carryovers.lock(connection, complaint_ids)
    citizen = await _become_one_citizen(connection, stays, gone, complaint_ids)
    if citizen is not None:
        await connection.execute(_BOTH_ARE, {"citizen": citizen, "ids": [one, other]})
    return citizen


_BOTH_ARE = text("UPDATE contacts SET citizen_id = :citizen WHERE id = ANY(:ids)")


# Where a complaint came from stays with it, so that its draft is never filed again; also where it has been carried on.
_COMPLAINTS = text("""
    UPDATE complaints SET contact_id = :stays, draft = draft + :offset WHERE contact_id = :gone
""")
_FILES = text("UPDATE media SET contact_id = :stays, draft = draft + :offset WHERE contact_id = :gone")
_CODES = text("UPDATE carryovers SET contact_id = :stays, draft = draft + :offset WHERE contact_id = :gone")
_ASSISTANCES = text("UPDATE assistances SET contact_id = :stays, draft = draft + :offset WHERE contact_id = :gone")
_USED_CODES = text("UPDATE carryovers SET used_by = :stays WHERE used_by = :gone")
_MATTERS = text("UPDATE attention SET contact_id = :stays WHERE contact_id = :gone")
_SAME_MATTERS = text("""
    UPDATE attention SET closed_at = now() WHERE id IN (
        SELECT a.id FROM attention a JOIN attention b
            ON b.contact_id = a.contact_id AND b.kind = a.kind AND b.closed_at IS NULL AND b.id < a.id
            AND (b.complaint_id, b.detail) IS NOT DISTINCT FROM (a.complaint_id, a.detail)
        WHERE a.contact_id = :stays AND a.closed_at IS NULL
        FOR UPDATE OF a SKIP LOCKED)
""")
# The lines of a chat are found by its address.
_HEARD = text("""
    UPDATE inbox SET address = stays.address FROM contacts stays, contacts gone
    WHERE stays.id = :stays AND gone.id = :gone AND inbox.channel = gone.channel AND inbox.address = gone.address
""")


# --- what was said and is to be said -----------------------------------------------------------------

# What was spoken, or is in the hands of a speaker, is known by its id: it keeps it.
_SPOKEN = text("UPDATE deliveries SET contact_id = :stays, address = :address WHERE contact_id = :gone")
# What no speaker has had comes behind what the chat that stays has heard already.
_UNSPOKEN = text("""
    UPDATE deliveries d SET id = fresh.new, contact_id = :stays, address = :address
    FROM (
        SELECT id, nextval('line_ids') AS new FROM (
            SELECT id FROM deliveries l
            WHERE contact_id = :gone AND sent_at IS NULL AND failed_at IS NULL AND claimed_at IS NULL
              AND NOT EXISTS (SELECT 1 FROM provider_messages p WHERE p.delivery_id = l.id)
            ORDER BY id) waiting
    ) fresh
    WHERE d.id = fresh.id
""")
_REPLIES = text("""
    SELECT id, says, buttons, asks, claimed_at FROM deliveries
    WHERE contact_id = :gone AND asks IS NOT NULL AND sent_at IS NULL ORDER BY id
""")
_REWRITE = text("""
    UPDATE deliveries SET says = CAST(:says AS jsonb), buttons = CAST(:buttons AS jsonb), asks = :asks WHERE id = :id
""")
_DROP = text("DELETE FROM deliveries WHERE id = :id")
# The texts that end a reply with what is asked; api/intake.py leaves them out where two replies become one, too.
_ASKING = ("ask.", "summary")
_NUMBERED = re.compile(r"([0-9]{1,9})(:.*)", re.DOTALL)


async def _take_unspoken_replies(connection: AsyncConnection, gone: int, offset: int, goes_on: bool) -> None:
    """Replies that were not heard yet belong to the conversation of the other chat. If it goes on, so do they, with the
    new numbers of its drafts; else they are said without the question, which would be taken for the one that waits."""
    for reply in (await connection.execute(_REPLIES, {"gone": gone})).all():
        asks, says, buttons = reply.asks, reply.says, [_renumbered(button, offset) for button in reply.buttons]
        if not goes_on:
            asks = None
            if reply.claimed_at is None and reply.asks:
                says, buttons = [say for say in says if not say[0].startswith(_ASKING)], []
        if not says:
            await connection.execute(_DROP, {"id": reply.id})
            continue
        parameters = {"id": reply.id, "says": json.dumps(says), "buttons": json.dumps(buttons), "asks": asks}
        await connection.execute(_REWRITE, parameters)


def _renumbered(button: Sequence[Any], offset: int) -> list[Any]:
    """A button with the new number of the draft that it is about, if it is about one."""
    key, choice, *parameters = button
    found = _NUMBERED.fullmatch(choice) if isinstance(choice, str) else None
    return [key, f"{int(found[1]) + offset}{found[2]}" if found else choice, *parameters]


# --- the conversation --------------------------------------------------------------------------------


def _goes_on(stays: Mapping[str, Any], gone: Mapping[str, Any]) -> bool:
    """Whether the other chat's draft and its question are those of the joined chat: if this one has neither."""
    return bool(gone.get("draft")) and not stays.get("draft") and not stays.get("asking")


def _one_conversation(stays: Mapping[str, Any], gone: Mapping[str, Any], offset: int, drafts: int) -> dict[str, Any]:
    """One of two conversations, in the saved form of bot/conversation.py: that of the chat that stays, with the drafts
    of the other one, and its words that wait to be told where they belong."""
    theirs = _shifted(gone, offset)
    draft, waiting = theirs.get("draft"), list(theirs.get("held") or ())
    joined: dict[str, Any] = {
        **{name: theirs[name] for name in ("language", "pace") if name in theirs},
        **stays,
        "drafts": drafts,
        "greeted": bool(stays.get("greeted") or theirs.get("greeted")),
        "moved": bool(stays.get("moved") or theirs.get("moved")),
        "seen_at": max(_moment(stays, "seen_at"), _moment(theirs, "seen_at")),
        "last": max(stays.get("last"), theirs.get("last"), key=lambda last: _moment(last or {}, "at") if last else -1),
        "filed_on": _filed_on(stays.get("filed_on"), theirs.get("filed_on")),
    }
    parked = list(theirs.get("parked") or ())
    if draft and not stays.get("draft"):
        # Only an open draft ends by silence, so it must not wait behind none.
        joined |= {"draft": draft, "warned_at": _moment(theirs, "warned_at")}
        if _goes_on(stays, gone):
            joined |= {name: theirs.get(name) for name in ("asking", "about")} | {"tries": _count(theirs.get("tries"))}
    elif draft:
        # The words belong to it or to nothing; beside the open draft they would be asked about now.
        parked.insert(0, {**draft, "told": [*(draft.get("told") or ()), *waiting]})
        waiting = []
    joined["parked"] = [*(stays.get("parked") or ()), *parked]
    joined["held"] = [*(stays.get("held") or ()), *waiting]
    return joined


def _shifted(conversation: Mapping[str, Any], offset: int) -> dict[str, Any]:
    """A conversation whose drafts have their new numbers."""

    def shift(numbered: Mapping[str, Any]) -> dict[str, Any]:
        return {**numbered, "number": _count(numbered.get("number")) + offset}

    return {
        **conversation,
        "draft": shift(conversation["draft"]) if conversation.get("draft") else None,
        "parked": [shift(draft) for draft in conversation.get("parked") or ()],
        "last": shift(conversation["last"]) if conversation.get("last") else None,
    }


def _moment(values: Mapping[str, Any], name: str) -> float:
    found = values.get(name)
    return found if isinstance(found, int | float) else 0.0


def _filed_on(*both: Any) -> list[Any]:
    """How much was filed on the later of the days: in both chats, if it is the same."""
    days = [(str(each[0]), _count(each[1])) for each in both if each]
    latest = max((day for day, _ in days), default="")
    return [latest, sum(filed for day, filed in days if day == latest)]


# --- the two rows ------------------------------------------------------------------------------------

# Two names: that of the chat that was written in last is the newer one. Whoever had been out of reach in one of them
# is so in both until the next message, which lets everything be said again that could not be.
_STAY = text("""
    UPDATE contacts s SET
        conversation = CAST(:conversation AS jsonb),
        citizen_id = :citizen,
        name = coalesce(s.name, g.name),
        created_at = least(s.created_at, g.created_at),
        shown_after = least(s.shown_after, g.shown_after),
        window_until = greatest(s.window_until, g.window_until),
        announced_at = greatest(s.announced_at, g.announced_at),
        reminded_at = greatest(s.reminded_at, g.reminded_at),
        unreachable_reason = CASE WHEN s.unreachable_since IS NULL THEN g.unreachable_reason
                                  ELSE s.unreachable_reason END,
        unreachable_since = coalesce(s.unreachable_since, g.unreachable_since)
    FROM contacts g WHERE s.id = :stays AND g.id = :gone
""")
# The address stays for a moment: a turn that has looked before may still come to it, and must find where it went.
_LEAVE = text("""
    UPDATE contacts SET merged_into = :stays, name = NULL, conversation = NULL, citizen_id = NULL, route = '',
        window_until = NULL, announced_at = NULL, reminded_at = NULL,
        unreachable_since = now(), unreachable_reason = 'joined'
    WHERE id = :gone
""")
_LEAVE_AGAIN = text("UPDATE contacts SET merged_into = :stays WHERE merged_into = :gone")
_IDS = text("UPDATE contact_ids SET contact_id = :stays WHERE contact_id = :gone")
