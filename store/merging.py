"""Reports about one matter, joined: what an office says to the main one is said to the others as well.

Each stays its pelapor's own, with its ticket, its clocks and its end: closure belongs to the citizen. Joined reports
leave the inbox, and taking them apart again puts them back as they stand. Nobody learns whose the other reports are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import complaints, moves
from store.complaints import Actor, Event, NotAllowed, NotFound


class NotMergeable(ValueError):
    """These two cannot be joined. `why` is itself, ended, merged, has_merged or secret."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


# Both at once, by their ids: two operators who join the same two the other way round wait, and then are told.
_LOCK_BOTH = text("""
    SELECT id, ticket, status, secret, merged_into FROM complaints
    WHERE ticket IN (:ticket, :into) ORDER BY id FOR NO KEY UPDATE
""")
_LOCK_CHATS = text("""
    SELECT c.id FROM complaints k JOIN complaint_parties p ON p.complaint_id = k.id
    JOIN contacts c ON c.id = p.contact_id WHERE k.ticket IN (:ticket, :into) ORDER BY c.id FOR UPDATE OF c
""")
_HAS_MERGED = text("SELECT EXISTS (SELECT 1 FROM complaints WHERE merged_into = :id)")
_JOIN = text("UPDATE complaints SET merged_into = :into, changed_at = now() WHERE id = :id")


async def merge(
    connection: AsyncConnection, ticket: str, into: str, actor: Actor, *, expected: int | None = None
) -> Event:
    """Join a report with the main one about its matter: "merged", with the main one's id and status.

    `expected` is the version of the one that is joined. A Rahasia report is joined with none and none with it: what is
    said about it to others would tell them that it exists. Raises `NotMergeable`, `NotFound` and `Changed`.
    """
    both = {"ticket": ticket, "into": into}
    await connection.execute(_LOCK_CHATS, both)
    found = {row.ticket: row for row in await connection.execute(_LOCK_BOTH, both)}
    for each in (ticket, into):
        if each not in found:
            raise NotFound(each)
    row = await complaints.lock(connection, ticket, expected)
    own, main = found[ticket], found[into]
    if why := await _objection(connection, own, main):
        raise NotMergeable(why)
    await connection.execute(_JOIN, {"id": own.id, "into": main.id})
    await complaints.write(connection, own.id, actor, "merged", became={"into": into})
    await complaints.write(connection, main.id, actor, "merged", became={"from": ticket})
    return complaints.happened(row, actor, "merged", row.status, into=main.id, main_status=main.status)


async def _objection(connection: AsyncConnection, own: Any, main: Any) -> str | None:
    if own.id == main.id:
        return "itself"
    if own.status in moves.ENDED or main.status in moves.ENDED:
        return "ended"
    if own.merged_into is not None or main.merged_into is not None:
        return "merged"
    if (await connection.execute(_HAS_MERGED, {"id": own.id})).scalar_one():
        return "has_merged"
    return "secret" if own.secret or main.secret else None


_APART = text("UPDATE complaints SET merged_into = NULL, changed_at = now() WHERE id = :id")


async def unmerge(connection: AsyncConnection, ticket: str, actor: Actor, *, expected: int | None = None) -> Event:
    """Take a joined report apart again: "unmerged". It goes on from the status that it has.

    Raises `NotFound`, `NotAllowed` where it is not joined, and `Changed`.
    """
    row = await complaints.lock(connection, ticket, expected)
    if row.merged_into is None:
        raise NotAllowed(row.status, "unmerged", ())
    await connection.execute(_APART, {"id": row.id})
    await complaints.write(connection, row.id, actor, "unmerged")
    return complaints.happened(row, actor, "unmerged", row.status, into=row.merged_into)


@dataclass(frozen=True, slots=True)
class Merged:
    """A report that was joined with another one."""

    id: int
    ticket: str
    title: str
    status: str
    filed_at: datetime


_MERGED = text("SELECT id, ticket, title, status, filed_at FROM complaints WHERE merged_into = :id ORDER BY id")


async def merged(connection: AsyncConnection, complaint_id: int) -> list[Merged]:
    """The reports that were joined with this one, oldest first."""
    return [Merged(*row) for row in await connection.execute(_MERGED, {"id": complaint_id})]


# --- saying it to all ---------------------------------------------------------------------------------------

MERGE = Actor("system", "merge")
# Statuses that an office gives to the matter; what it asks of one pelapor, or archives, concerns that report alone.
_SHARED = ("Terdisposisi", "Ditindaklanjuti oleh Instansi", "Selesai otomatis dalam 10 hari")
# What an office has said publicly to the main report since they were joined, or when it last moved it, if that was
# before; and this one has not heard.
_UNHEARD = text("""
    SELECT h.id, h.event, h.became->>'status' AS status, h.note
    FROM complaint_history h
    WHERE h.complaint_id = :main AND h.public AND h.actor_kind <> 'citizen' AND h.event <> 'filed'
      AND h.id >= (
        SELECT least(max(j.id) FILTER (WHERE j.event = 'merged' AND j.became->>'from' = :ticket),
                     max(j.id) FILTER (WHERE j.became->>'status' = ANY(CAST(:shared AS text[]))))
        FROM complaint_history j WHERE j.complaint_id = :main
      ) AND h.id > coalesce((
        SELECT max(CAST(m.became->>'heard' AS bigint)) FROM complaint_history m
        WHERE m.complaint_id = :id AND m.event = 'heard'
      ), 0)
    ORDER BY h.id
""")
_AGENCY = text("""
    UPDATE complaints k SET agency = m.agency, function = m.function FROM complaints m
    WHERE k.id = :id AND m.id = :main
""")


async def hear(connection: AsyncConnection, ticket: str, mask: Callable[[str], str | None]) -> list[Event]:
    """Say to a joined report what an office has said to the main one since: the events, none where there is nothing
    new. The words come without personal data, since they were said to somebody else; where `mask` gives None they wait.

    A report whose pelapor has ended it, or whose status does not allow the same step, hears the words only. Raises
    `NotFound`.
    """
    row = await complaints.lock(connection, ticket)
    if row.merged_into is None:
        return []
    these = {"id": row.id, "main": row.merged_into, "ticket": ticket, "shared": list(_SHARED)}
    events: list[Event] = []
    for said in (await connection.execute(_UNHEARD, these)).all():
        note = mask(said.note) if said.note else None
        if said.note and note is None:
            break  # it cannot be looked through now: the next run tries again
        if said.status in _SHARED and said.status != row.status and said.status in moves.allowed(row.status):
            await connection.execute(_AGENCY, these)
            row = await complaints.lock(connection, ticket)
            events.append(await complaints.become(connection, row, said.status, MERGE, "moved", note=note))
            row = await complaints.lock(connection, ticket)
        elif note and (said.status is None or said.status in _SHARED) and row.status not in moves.ENDED:
            events.append(await complaints.note(connection, ticket, MERGE, note, public=True))
        await complaints.write(connection, row.id, MERGE, "heard", became={"heard": said.id})
    return events


_LEFT = text("SELECT ticket FROM complaints WHERE merged_into = :id AND status = ANY(:open) ORDER BY id")
_OPEN = ("Belum Terverifikasi", "Menunggu Kelengkapan Informasi", "Terdisposisi")


async def left_behind(connection: AsyncConnection, complaint_id: int) -> list[str]:
    """The tickets that were joined with a report and have no answer yet: when it ends they go on alone."""
    return list((await connection.execute(_LEFT, {"id": complaint_id, "open": list(_OPEN)})).scalars())
