"""Following somebody else's complaint: the same trouble, told once, and its news to all whom it concerns.

Followers learn the status and, masked, the answer; never the pelapor. The pelapor is not told who follows.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import complaints, moves
from store.complaints import Actor, Event, NotAllowed, NotFound


class OwnComplaint(ValueError):
    """Nobody follows what they reported themselves, or assisted somebody with."""


_OPEN = text("""
    SELECT k.id, k.ticket, k.status, k.agency, k.region,
           EXISTS (SELECT 1 FROM complaint_parties p WHERE p.complaint_id = k.id AND p.citizen_id = :citizen
                     AND p.role <> 'pengikut')
           OR EXISTS (SELECT 1 FROM assistances a JOIN contacts t ON t.id = a.contact_id
                      LEFT JOIN volunteers v ON v.id = a.volunteer_id WHERE a.complaint_id = k.id
                        AND (a.contact_id = :contact OR :citizen IN (t.citizen_id, v.citizen_id))) AS own
    FROM complaints k WHERE k.id = :id AND NOT k.secret
""")
# Whoever follows already from another chat gets the news in the one that asked last.
_FOLLOW = text("""
    INSERT INTO complaint_parties AS known (complaint_id, citizen_id, role, contact_id)
    VALUES (:id, :citizen, 'pengikut', :contact)
    ON CONFLICT (complaint_id, citizen_id, role) DO UPDATE SET contact_id = excluded.contact_id
    RETURNING xmax = 0 AS new
""")


async def follow(
    connection: AsyncConnection, complaint_id: int, citizen_id: int, contact_id: int, words: str | None = None
) -> Event:
    """Make a citizen a follower: "followed", with the number of followers as `count`, and `again` where they were one.

    Their words are kept as a note for officers. Raises `NotFound` (also for a Rahasia complaint, of which nobody else
    knows), `OwnComplaint`, and `NotAllowed` when it has ended, as there will be no news of it.
    """
    whose = {"id": complaint_id, "citizen": citizen_id, "contact": contact_id}
    row = (await connection.execute(_OPEN, whose)).one_or_none()
    if row is None:
        raise NotFound(complaint_id)
    if row.own:
        raise OwnComplaint
    if row.status in moves.ENDED:
        raise NotAllowed(row.status, "followed", ())
    new = bool((await connection.execute(_FOLLOW, whose)).scalar_one())
    actor = Actor("citizen", str(citizen_id))
    if new or words:
        await complaints.write(connection, complaint_id, actor, "followed", note=words)
    count = await followers(connection, complaint_id)
    return complaints.happened(row, actor, "followed", row.status, count=count, again=not new)


_UNFOLLOW = text("""
    DELETE FROM complaint_parties p USING complaints k
    WHERE k.id = p.complaint_id AND k.ticket = :ticket AND p.citizen_id = :citizen AND p.role = 'pengikut'
    RETURNING k.id, k.ticket, k.status, k.agency, k.region
""")


async def unfollow(connection: AsyncConnection, ticket: str, citizen_id: int) -> Event:
    """Stop following: "unfollowed". Raises `NotFound` where the citizen does not follow such a complaint."""
    row = (await connection.execute(_UNFOLLOW, {"ticket": ticket, "citizen": citizen_id})).one_or_none()
    if row is None:
        raise NotFound(ticket)
    actor = Actor("citizen", str(citizen_id))
    await complaints.write(connection, row.id, actor, "unfollowed")
    return complaints.happened(row, actor, "unfollowed", row.status)


_COUNT = text("SELECT count(*) FROM complaint_parties WHERE complaint_id = :id AND role = 'pengikut'")


async def followers(connection: AsyncConnection, complaint_id: int) -> int:
    """How many citizens follow a complaint."""
    return int((await connection.execute(_COUNT, {"id": complaint_id})).scalar_one())
