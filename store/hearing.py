"""What another system says of a report, as a change of ours: a status that may follow becomes a move, any other is kept
as it was said and told so.

Its words reach the pelapor in any case, and what the pelapor said there themselves never does. Called by
`references.heard`, which knows what is new.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from store import complaints, dispositions, holders, moves
from store.complaints import Actor, Event, NotAllowed
from store.moves import Status

REPLIED = moves.DISPUTED
# More than anybody writes: the longest text in SP4N's exports has 9,857 characters.
LONGEST = 20_000


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that the other system says: its status (None: nothing about that), which was `before` until now, words
    for the pelapor, by whom (in its own words), and the code of the agency that it names, where that is known."""

    raw_status: str | None
    before: str | None
    words: str | None = None
    by: str | None = None
    agency: str | None = None


def plain(words: str | None) -> str | None:
    """Words as they can be kept, at most 20,000 characters; None where nothing is left of them."""
    kept = "".join(each for each in words or "" if each != "\x00" and not "\ud800" <= each <= "\udfff").strip()
    return (kept if len(kept) <= LONGEST else kept[: LONGEST - 1] + "…") or None


def by_pelapor(raw_status: str | None, by: str | None) -> bool:
    """Whether it is the pelapor who speaks there."""
    status = " ".join((raw_status or "").split()).casefold()
    return status.endswith("oleh pelapor") or " ".join((by or "").split()).casefold() == "pelapor"


def same(before: str | None, raw_status: str | None) -> bool:
    """Whether these say the same, be it in other letters or without the name of the unit that has it."""
    old, new = (" ".join((each or "").split()).casefold() for each in (before, raw_status))
    return old == new or (new == moves.DISPOSED.casefold() and moves.unit_of(before) is not None)


async def say(connection: AsyncConnection, row: Any, actor: Actor, said: Said) -> Event | None:
    """Let a complaint that `complaints.lock` returned hear this; the event, None where it is no news."""
    status = moves.read(said.raw_status) if said.raw_status else None
    if said.raw_status is None or (said.raw_status == said.before and not (said.words and _speaks(status))):
        return await _words_alone(connection, row, actor, said)
    if status is None:
        return await _told(connection, row, actor, said)
    if status.name == REPLIED or (status.ends and row.status in moves.ENDED):
        return await _words_alone(connection, row, actor, said)
    if status.name == moves.FIRST:
        return await _verified_again(connection, row, actor, said)
    if status.name == moves.DISPOSED:
        return await _disposed(connection, row, actor, said)
    if status.name == row.status and not (said.words and _speaks(status)):
        return await _words_alone(connection, row, actor, said)
    if status.name == row.status or status.name in moves.allowed(row.status):
        return await _moved(connection, row, actor, said, status)
    return await _told(connection, row, actor, said)


def _speaks(status: Status | None) -> bool:
    """Whether words with that status are an answer or a question, and no remark beside it."""
    return status is not None and status.name in (*moves.ANSWERS, moves.WAITING)


async def _words_alone(connection: AsyncConnection, row: Any, actor: Actor, said: Said) -> Event | None:
    if said.words is None:
        return None
    event = await complaints.note(connection, row.ticket, actor, said.words, public=True)
    return Event(event.kind, event.complaint_id, event.ticket, {**event.data, "system": actor.id})


async def _told(connection: AsyncConnection, row: Any, actor: Actor, said: Said) -> Event:
    """Kept as it was said: "heard"."""
    became = {"system": actor.id, "raw_status": said.raw_status, "said_by": said.by}
    was = {"raw_status": said.before}
    await complaints.write(connection, row.id, actor, "heard", was=was, became=became, note=said.words, public=True)
    more = {"system": actor.id, "raw_status": said.raw_status, "office": said.by, "note": said.words}
    return complaints.happened(row, actor, "heard", row.status, **more, public=said.words is not None)


async def _verified_again(connection: AsyncConnection, row: Any, actor: Actor, said: Said) -> Event | None:
    """That it is to be verified is only news where somebody had it, or waited for the pelapor, over there: what our own
    officers have done with it meanwhile is not undone by a status that never changed."""
    before = moves.read(said.before) if said.before else None
    status = moves.STATUSES[0]
    came_back = before is not None and before.name != moves.FIRST and not before.ends
    if before is not None and before.name == moves.WAITING:
        came_back = row.status == moves.WAITING
    if not came_back or row.status == moves.FIRST or moves.FIRST not in moves.allowed(row.status):
        return await _words_alone(connection, row, actor, said)
    await holders.send_back(connection, row.id)
    return await _moved(connection, row, actor, said, status)


async def _disposed(connection: AsyncConnection, row: Any, actor: Actor, said: Said) -> Event | None:
    """Disposed over there to a unit that we know is disposed here; else what is told names the unit in their words."""
    present = [each.agency for each in await holders.present(connection, row.id)]
    if row.status == moves.DISPOSED and (said.agency in present[:1] or moves.unit_of(said.raw_status) is None):
        return await _words_alone(connection, row, actor, said)
    if said.agency is None or said.agency in present[:1] or row.status in moves.ENDED:
        return await _told(connection, row, actor, said)
    having = [said.agency, *present] if said.agency in present else [said.agency]
    try:
        return await dispositions.dispose(connection, row.ticket, actor, having, lead=said.agency, note=said.words)
    except (dispositions.UnknownAgency, NotAllowed):
        return await _told(connection, row, actor, said)


async def _moved(connection: AsyncConnection, row: Any, actor: Actor, said: Said, status: Status) -> Event:
    """The same step here. An answer is that of the agency which has the report, else of whoever they say it is."""
    also: dict[str, Any] = {"system": actor.id, "said_by": said.by}
    more: dict[str, Any] = {"office": said.by, "system": actor.id}
    if status.name in moves.ANSWERS:
        present = [each.agency for each in await holders.present(connection, row.id)]
        speaker = said.agency if said.agency in present else next(iter(present), None)
        also["answered_by"] = more["speaker"] = speaker
        if speaker is not None:
            await holders.responded(connection, row.id, speaker, answered=True)
    event = await complaints.become(
        connection, row, status.name, actor, "moved", note=said.words, also=also, stays=True
    )
    return Event(event.kind, event.complaint_id, event.ticket, {**event.data, **more})
