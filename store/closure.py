"""What citizens do with a complaint that is filed. How it closes is theirs to say: silence is only silence.

Each verb takes the connection of a transaction that the shell commits, writes its history row and returns its event,
as those of `store/complaints.py` do. Only the pelapor may: for everybody else there is no such complaint. A citizen's
actor is `Actor("citizen", <id>)`.

A turn has its own chat locked and here locks the complaint, the same order as `complaints.lock`. It waits for no
other chat (see `complaints.readers`).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import complaints, holders, moves
from store.complaints import Actor, Event, NotAllowed, NotFound

_OWN = text("""
    SELECT k.id, k.ticket, k.status, k.function, k.category, k.agency, k.region,
           EXISTS (SELECT 1 FROM complaint_history h WHERE h.complaint_id = k.id
                     AND h.became->>'status' = ANY(CAST(:answers AS text[]))) AS answered
    FROM complaints k
    WHERE k.ticket = :ticket AND EXISTS (
        SELECT 1 FROM complaint_parties p WHERE p.complaint_id = k.id AND p.role = 'pelapor' AND p.citizen_id = :citizen
    )
    FOR NO KEY UPDATE OF k
""")


async def _own(connection: AsyncConnection, ticket: str, actor: Actor) -> Any:
    """The pelapor's complaint, locked. Raises `NotFound`, also for somebody else's."""
    if actor.kind != "citizen" or not actor.id.isdecimal():
        raise NotFound(ticket)
    parameters = {"ticket": ticket, "citizen": int(actor.id), "answers": list(moves.ANSWERS)}
    row = (await connection.execute(_OWN, parameters)).one_or_none()
    if row is None:
        raise NotFound(ticket)
    return row


def _check(row: Any, act: str, wanted: str) -> None:
    if act not in moves.acts(row.status, "pelapor", answered=row.answered):
        raise NotAllowed(row.status, wanted, moves.allowed(row.status))


async def reply(connection: AsyncConnection, ticket: str, actor: Actor, words: str) -> Event:
    """Answer an office: "replied". What it had asked for completes the report, which is then verified again; what it
    had answered goes back to it as the pelapor's response; else the words are added.

    The event's `status` is what the complaint is now. Words to one that has ended are kept too, with `ended` set:
    nobody works on it any more, and a new report is the way. Raises `NotFound`.
    """
    row = await _own(connection, ticket, actor)
    status = moves.AFTER_REPLY.get(row.status)
    if status is not None:
        return await complaints.become(connection, row, status, actor, "replied", note=words)
    await complaints.write(connection, row.id, actor, "replied", note=words, public=True)
    return complaints.happened(row, actor, "replied", row.status, note=words, ended=row.status in moves.ENDED)


async def add_file(connection: AsyncConnection, ticket: str, actor: Actor) -> Event | None:
    """A file has come for a complaint: it answers an office as words do, "replied"; None where no office waits for
    anything. Raises `NotFound`.
    """
    row = await _own(connection, ticket, actor)
    status = moves.AFTER_REPLY.get(row.status)
    return None if status is None else await complaints.become(connection, row, status, actor, "replied")


async def dispute(connection: AsyncConnection, ticket: str, actor: Actor, reason: str | None) -> Event:
    """Say that the answer has not settled it ("belum selesai"): "disputed", back to the agency, with the reason.

    Raises `NotFound`, and `NotAllowed` before there is an answer and after the end.
    """
    row = await _own(connection, ticket, actor)
    _check(row, "unresolved", moves.DISPUTED)
    return await complaints.become(connection, row, moves.DISPUTED, actor, "disputed", reason=reason)


async def confirm(connection: AsyncConnection, ticket: str, actor: Actor) -> Event:
    """Say that it is settled: "confirmed", which closes it. Raises `NotFound`, and `NotAllowed` as `dispute` does."""
    row = await _own(connection, ticket, actor)
    _check(row, "resolved", moves.CONFIRMED)
    return await complaints.become(connection, row, moves.CONFIRMED, actor, "confirmed")


async def withdraw(connection: AsyncConnection, ticket: str, actor: Actor, reason: str | None = None) -> Event:
    """Take a report back: "withdrawn". Raises `NotFound`, and `NotAllowed` when it has ended."""
    row = await _own(connection, ticket, actor)
    _check(row, "withdraw", moves.WITHDRAWN)
    return await complaints.become(connection, row, moves.WITHDRAWN, actor, "withdrawn", reason=reason)


_RATE = text("""
    INSERT INTO ratings (complaint_id, citizen_id, stars, comment) VALUES (:id, :citizen, :stars, :comment)
    ON CONFLICT (complaint_id, citizen_id) DO UPDATE
    SET stars = excluded.stars, comment = excluded.comment, at = excluded.at
""")


async def rate(connection: AsyncConnection, ticket: str, actor: Actor, stars: int, comment: str | None) -> Event:
    """Say how it was handled, from 1 to 5 stars: "rated". A later rating replaces the pelapor's earlier one.

    Followers do not rate: many who watched would outvote the one who was served. It is no reply, so a clock runs on.
    Raises ValueError for other stars, `NotFound`, and `NotAllowed` before there is an answer or an end.
    """
    if not 1 <= stars <= 5:
        raise ValueError("a rating has from 1 to 5 stars")
    row = await _own(connection, ticket, actor)
    _check(row, "rate", "rated")
    parameters = {"id": row.id, "citizen": int(actor.id), "stars": stars, "comment": comment}
    await connection.execute(_RATE, parameters)
    await complaints.write(connection, row.id, actor, "rated", became={"stars": stars}, note=comment)
    return complaints.happened(row, actor, "rated", row.status, stars=stars)


_COMMENT = text("""
    UPDATE ratings SET comment = :comment WHERE complaint_id = :id AND citizen_id = :citizen RETURNING stars
""")


async def comment(connection: AsyncConnection, ticket: str, actor: Actor, words: str) -> Event:
    """Say why, beside the stars that were given: "rated". Words alone are no rating.

    Raises `NotFound`, and `NotAllowed` where there are no stars.
    """
    row = await _own(connection, ticket, actor)
    parameters = {"id": row.id, "citizen": int(actor.id), "comment": words}
    stars = (await connection.execute(_COMMENT, parameters)).scalar_one_or_none()
    if stars is None:
        raise NotAllowed(row.status, "rated", ())
    await complaints.write(connection, row.id, actor, "rated", became={"stars": stars}, note=words)
    return complaints.happened(row, actor, "rated", row.status, stars=stars)


# --- the wrong agency ------------------------------------------------------------------------------------

_UNDECIDED = text("""
    SELECT 'denied' = ANY(named) AS denied FROM routings
    WHERE complaint_id = :id AND named && ARRAY['function', 'agency', 'denied'] ORDER BY id DESC LIMIT 1
""")
_SEND_BACK = text("UPDATE complaints SET status = :status, agency = :agency, changed_at = now() WHERE id = :id")


async def deny(
    connection: AsyncConnection,
    ticket: str,
    actor: Actor,
    reason: str | None,
    agency: str | None,
    expected: int | None = None,
) -> Event:
    """Say that the agency is the wrong one, as the pelapor or as an office ("bukan wewenang"): "denied".

    The complaint is to be verified again, by `agency` (the office that sorts; None for nobody yet). Its routing row
    holds what was denied, under the name "denied": it is no label, since nobody has said where the complaint belongs,
    and it takes back the label that an officer's earlier word had made (see `store/learning.py`). Before anybody has
    decided anew there is nothing to deny: the event comes `again` and only a reason is kept.

    Raises `NotFound`, `NotAllowed` when it has ended, and for an office `Changed`.
    """
    citizen = actor.kind == "citizen"
    row = await (_own(connection, ticket, actor) if citizen else complaints.lock(connection, ticket, expected))
    if row.status in moves.ENDED:
        raise NotAllowed(row.status, moves.FIRST, ())
    undecided = (await connection.execute(_UNDECIDED, {"id": row.id})).scalar_one_or_none()
    if undecided and not await holders.present(connection, row.id):
        if reason:
            await complaints.write(connection, row.id, actor, "denied", reason=reason, public=True)
        return complaints.happened(row, actor, "denied", row.status, reason=reason, denied=None, again=True)
    return await send_back(connection, row, actor, reason, agency)


async def send_back(
    connection: AsyncConnection, row: Any, actor: Actor, reason: str | None, agency: str | None, **more: Any
) -> Event:
    """What `deny` does to a locked complaint that is open: "denied", with `more` in its event. No agency has it
    then."""
    was = {"status": row.status, "agency": row.agency}
    became = {"status": moves.FIRST, "agency": agency}
    await connection.execute(_SEND_BACK, {**became, "id": row.id})
    await holders.send_back(connection, row.id)
    stood = {"function": row.function, "category": row.category, "agency": row.agency}
    # A citizen's words stay in the history alone.
    words = None if actor.kind == "citizen" else reason
    await complaints.write_routing(connection, row.id, actor, stood, ["denied"], words)
    await complaints.write(connection, row.id, actor, "denied", was=was, became=became, reason=reason, public=True)
    event = complaints.happened(row, actor, "denied", moves.FIRST, reason=reason, denied=row.agency, again=False)
    return Event(event.kind, event.complaint_id, event.ticket, {**event.data, "agency": agency, **more})
