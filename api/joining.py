"""What an office says to a report, said to those that were joined with it: a job, each of them in its own transaction.

Chats are locked before complaints (docs/decisions/0008), so that several complaints are never locked in one turn.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text

from api.house import House
from api.retention import mask_of
from api.unit import unit
from store import merging, moves

_MAIN = text("SELECT status FROM complaints WHERE id = :id")


async def pass_on(house: House, complaint_id: int) -> int:
    """Bring all that were joined with this report up to date; those that are left without an answer when it has ended
    go on alone. Returns how many were told something. Safe to run again."""
    told = 0
    async with house.engine.connect() as connection:
        status = (await connection.execute(_MAIN, {"id": complaint_id})).scalar_one()
        tickets: Sequence[str] = [each.ticket for each in await merging.merged(connection, complaint_id)]
    for ticket in tickets:
        async with unit(house) as work:
            events = await merging.hear(work.connection, ticket, mask_of(house))
            for event in events:
                work.record(event)
            told += bool(events)
    if status in moves.ENDED:
        async with house.engine.connect() as connection:
            tickets = await merging.left_behind(connection, complaint_id)
        for ticket in tickets:
            async with unit(house) as work:
                work.record(await merging.unmerge(work.connection, ticket, merging.MERGE))
    return told
