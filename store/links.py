"""Two chats of one citizen ("hubungkan"): tickets of both are seen and acted on in both, and what cannot be said in one
is said in the other (store/elsewhere.py). "putuskan" takes a chat out again.

Each chat keeps its conversation, its draft and its files, and hears of the complaints that it heard of before: linking
changes whose a complaint is (`citizen_id`), never where its news go (`contact_id`). That is how a chat that leaves
knows which complaints are its own.

Whoever links or leaves has locked all chats of the citizens concerned, so that no turn in one of them acts for a
citizen who is somebody else by now, and comes to complaints after that (docs/decisions/0008). The redeeming turn has
its own chat already: as in store/carryovers.py, chats with a lower id and complaints are only tried, and `Busy` says
that it is to be rolled back and done again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import carryovers, contacts, reunions
from store.carryovers import ASSISTED, LINKED, UNKNOWN, Busy, Nothing

__all__ = ["Busy", "Chat", "leave", "link", "others"]


@dataclass(frozen=True, slots=True)
class Chat:
    """Another chat of the same citizen, which is to be told."""

    contact_id: int
    channel: str
    address: str
    language: str


_OTHERS = text("""
    SELECT o.id, o.channel, o.address, coalesce(o.conversation->>'language', 'id') AS language
    FROM contacts c JOIN contacts o ON o.citizen_id = c.citizen_id AND o.id <> c.id
    WHERE c.id = :id AND o.merged_into IS NULL AND o.route IS DISTINCT FROM '' AND o.unreachable_since IS NULL
    ORDER BY o.id
""")


async def others(connection: AsyncConnection, contact_id: int) -> list[Chat]:
    """The other chats of this chat's citizen that can be reached, by age. Nothing is locked."""
    return [Chat(*row) for row in await connection.execute(_OTHERS, {"id": contact_id})]


async def link(connection: AsyncConnection, code: str, *, by: int, now: datetime) -> tuple[Chat, ...] | Nothing:
    """Make the chat `by`, which this transaction has locked, and the one that offered the code those of one citizen.

    Returns the other chats of that citizen, locked, to be told of it; or why not, as `carryovers.redeem` does. The
    citizen of `by` stays who they were; where neither chat had one, there is one then. Raises `Busy`.
    """
    found = await carryovers.look(connection, code, by=by, links=True, now=now)
    if isinstance(found, Nothing):
        return found
    chats = {chat.id: chat for chat in await _lock(connection, [by, found.contact_id], by)}
    mine, theirs = chats[by], chats[found.contact_id]
    if mine.citizen_id is not None and mine.citizen_id == theirs.citizen_id:
        return LINKED
    if await carryovers.assisted(connection, [by], [theirs.id]):
        return ASSISTED
    if not await carryovers.use(connection, found, by=by, now=now):
        return UNKNOWN
    if mine.citizen_id is None and theirs.citizen_id is None:
        await contacts.become_citizen(connection, by, mine.name, _language(mine))
    await reunions.become_one_citizen(connection, by, theirs.id)
    return tuple(await others(connection, by))


async def _lock(connection: AsyncConnection, contact_ids: Sequence[int], by: int) -> list[Any]:
    """Lock these chats and all others of their citizens; returns their rows. Raises `Busy`."""
    ids = await reunions.involved(connection, contact_ids)
    rows = await carryovers.lock_chats(connection, ids, by)
    if await reunions.involved(connection, contact_ids) != ids:
        raise Busy  # one of them was linked or joined with yet another while we waited
    return rows


def _language(chat: Any) -> str:
    return str((chat.conversation or {}).get("language", "id"))


# --- leaving -----------------------------------------------------------------------------------------

_HEARD_OF = text("""
    SELECT complaint_id AS id, bool_or(role = 'pelapor') AS own FROM complaint_parties
    WHERE contact_id = :contact_id AND citizen_id = :old GROUP BY complaint_id ORDER BY complaint_id
""")
_MOVE = [
    text(statement)
    for statement in (
        """
        UPDATE complaint_parties SET citizen_id = :citizen
        WHERE contact_id = :contact_id AND citizen_id = :old AND complaint_id = ANY(:ids)
        """,
        "UPDATE complaints SET citizen_id = :citizen WHERE id = ANY(:own) AND citizen_id = :old",
        "UPDATE ratings SET citizen_id = :citizen WHERE complaint_id = ANY(:own) AND citizen_id = :old",
        "UPDATE assistances SET citizen_id = :citizen WHERE complaint_id = ANY(:own) AND citizen_id = :old",
        # The history tells the pelapor's own words by this id, in whichever chat they were written.
        """
        UPDATE complaint_history SET actor_id = CAST(:citizen AS text)
        WHERE complaint_id = ANY(:ids) AND actor_kind = 'citizen' AND actor_id = CAST(:old AS text)
        """,
        """
        UPDATE routings SET actor_id = CAST(:citizen AS text)
        WHERE complaint_id = ANY(:ids) AND actor_kind = 'citizen' AND actor_id = CAST(:old AS text)
        """,
    )
]


async def leave(connection: AsyncConnection, contact_id: int) -> tuple[Chat, ...] | None:
    """Take a chat, which this transaction has locked, out of its link: its citizen is a new one, to whom belong the
    complaints whose news come to this chat; all others stay with the other chats, and so does what lets them assist
    residents (store/volunteers.py). Returns those, locked, to be told of
    it; None where the chat is linked with none. Raises `Busy`."""
    rows = await _lock(connection, [contact_id], contact_id)
    mine = next(row for row in rows if row.id == contact_id)
    linked = [row.id for row in rows if row.id != contact_id and row.citizen_id == mine.citizen_id]
    if mine.citizen_id is None or not linked:
        return None
    told = tuple(await others(connection, contact_id))
    of_chat = {"contact_id": contact_id, "old": mine.citizen_id}
    heard_of = (await connection.execute(_HEARD_OF, of_chat)).all()
    ids, own = [row.id for row in heard_of], [row.id for row in heard_of if row.own]
    await carryovers.lock(connection, ids)
    citizen = await contacts.become_citizen(connection, contact_id, mine.name, _language(mine))
    for statement in _MOVE:
        await connection.execute(statement, of_chat | {"citizen": citizen, "ids": ids, "own": own})
    return told
