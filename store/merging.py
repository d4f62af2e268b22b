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

from store import closure, complaints, holders, moves
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
    JOIN contacts c ON c.id = p.contact_id WHERE k.ticket IN (:ticket, :into) ORDER BY c.id FOR NO KEY UPDATE OF c
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
# What an office has said publicly to the main report since they were joined, or since it last moved it, if that was
# before and it has not come back to be verified since; and this one has not heard from this main report.
_UNHEARD = text("""
    SELECT h.id, h.event, h.became->>'status' AS status, h.was->>'agency' AS before, h.became->>'agency' AS agency,
           h.became->>'function' AS function, h.became->'agencies' AS agencies, h.became ? 'answered_by' AS speaks,
           h.became->>'answered_by' AS speaker, coalesce(CAST(h.became->>'finished' AS boolean), false) AS finished,
           h.reason, h.note
    FROM complaint_history h
    WHERE h.complaint_id = :main AND h.public AND h.actor_kind <> 'citizen' AND h.event <> 'filed'
      AND h.id >= (
        SELECT least(max(j.id) FILTER (WHERE j.event = 'merged' AND j.became->>'from' = :ticket),
                     max(j.id) FILTER (WHERE j.became->>'status' = ANY(CAST(:shared AS text[])) AND NOT EXISTS (
                         SELECT 1 FROM complaint_history l WHERE l.complaint_id = :main AND l.id > j.id
                           AND l.became->>'status' = :first)))
        FROM complaint_history j WHERE j.complaint_id = :main
      ) AND h.id > coalesce((
        SELECT max(s.id) FROM complaint_history m
        JOIN complaint_history s ON s.id = CAST(m.became->>'heard' AS bigint) AND s.complaint_id = :main
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

    It goes to the agencies that the main one goes to, and comes back with it where it turns out to be theirs no more. A
    report whose pelapor has ended it, or whose status does not allow the same step, hears the words only. Raises
    `NotFound`.
    """
    row = await complaints.lock(connection, ticket)
    if row.merged_into is None:
        return []
    these = {"id": row.id, "main": row.merged_into}
    unheard = {**these, "ticket": ticket, "shared": list(_SHARED), "first": moves.FIRST}
    events: list[Event] = []
    for said in (await connection.execute(_UNHEARD, unheard)).all():
        note, reason = (mask(words) if words else None for words in (said.note, said.reason))
        if (said.note and note is None) or (said.event == "denied" and said.reason and reason is None):
            break  # it cannot be looked through now: the next run tries again
        may = said.status in moves.allowed(row.status)
        more = bool(note) and said.status == row.status and said.status in moves.ANSWERS  # answered once more
        if said.event == "disposed" and (may or row.status == said.status):
            events += await _go_along(connection, row, said, note)
        elif said.event == "denied" and row.status == moves.DISPOSED and row.agency == said.before:
            events.append(await closure.send_back(connection, row, MERGE, reason, said.agency, returned=True))
        elif more or (said.status in _SHARED and said.status != row.status and may):
            await connection.execute(_AGENCY, these)
            events.append(await _move_along(connection, await complaints.lock(connection, ticket), said, note))
        elif said.event == "responded" and note and row.status not in moves.ENDED:
            events.append(await _respond_along(connection, row, said, note))
        elif note and (said.status is None or said.status in _SHARED) and row.status not in moves.ENDED:
            events.append(await complaints.note(connection, ticket, MERGE, note, public=True))
        await complaints.write(connection, row.id, MERGE, "heard", became={"heard": said.id})
        row = await complaints.lock(connection, ticket)
    return events


_GO_ALONG = text("""
    UPDATE complaints SET status = :status, agency = :agency, function = coalesce(:function, function),
                          changed_at = now()
    WHERE id = :id
""")


async def _go_along(connection: AsyncConnection, row: Any, said: Any, note: str | None) -> list[Event]:
    """The agencies that were given the main report have this one too: "disposed". It is no training row: nobody has
    looked at this text. Nothing where they have it already and nothing is said."""
    before = [each.agency for each in await holders.present(connection, row.id)]
    named, lead = list(said.agencies), said.agency
    changed = row.status != said.status or set(before) != set(named) or before[0] != lead
    if not changed and note is None:
        return []
    became = {"status": said.status, "agency": lead, "function": said.function}
    await connection.execute(_GO_ALONG, {**became, "id": row.id})
    await holders.hold(connection, row.id, named, lead)
    was = {"status": row.status, "agency": row.agency, "function": row.function, "agencies": before}
    became["agencies"] = named
    await complaints.write(connection, row.id, MERGE, "disposed", was=was, became=became, note=note, public=True)
    event = complaints.happened(row, MERGE, "disposed", said.status, note=note, before=before, changed=changed)
    return [Event(event.kind, event.complaint_id, event.ticket, {**event.data, "agency": lead, "agencies": named})]


async def _move_along(connection: AsyncConnection, row: Any, said: Any, note: str | None) -> Event:
    """The same step, in the name of whoever took it. The files that prove it are of the main report, and stay there."""
    also = {"answered_by": said.speaker, "finished": said.finished} if said.speaks else None
    event = await complaints.become(connection, row, said.status, MERGE, "moved", note=note, also=also, stays=True)
    speaker = said.speaker if said.speaks else row.agency
    if speaker is not None and said.status in moves.ANSWERS:
        await holders.responded(connection, row.id, speaker, answered=True)
    if not said.speaks:
        return event
    return Event(event.kind, event.complaint_id, event.ticket, {**event.data, "speaker": said.speaker})


async def _respond_along(connection: AsyncConnection, row: Any, said: Any, note: str) -> Event:
    if said.speaker is not None:
        await holders.responded(connection, row.id, said.speaker, answered=False)
    became = {"answered_by": said.speaker}
    await complaints.write(connection, row.id, MERGE, "responded", became=became, note=note, public=True)
    return complaints.happened(row, MERGE, "responded", row.status, note=note, public=True, speaker=said.speaker)


_LEFT = text("SELECT ticket FROM complaints WHERE merged_into = :id AND status = ANY(:open) ORDER BY id")
_OPEN = ("Belum Terverifikasi", "Menunggu Kelengkapan Informasi", "Terdisposisi", "Ditanggapi oleh Pelapor")


async def left_behind(connection: AsyncConnection, complaint_id: int) -> list[str]:
    """The tickets that were joined with a report and wait for an office, since they have no answer yet or their pelapor
    has spoken against it: when it ends they go on alone."""
    return list((await connection.execute(_LEFT, {"id": complaint_id, "open": list(_OPEN)})).scalars())


_ENDED_MAIN = text("""
    SELECT m.id FROM complaints k JOIN complaints m ON m.id = k.merged_into
    WHERE k.id = :id AND m.status = ANY(:ended)
""")


async def ended_main(connection: AsyncConnection, complaint_id: int) -> int | None:
    """The id of the main report that this one was joined with, if that has ended; else None."""
    found = (
        await connection.execute(_ENDED_MAIN, {"id": complaint_id, "ended": list(moves.ENDED)})
    ).scalar_one_or_none()
    return None if found is None else int(found)
