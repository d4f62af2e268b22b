"""Actions on many reports at once: they wait, can be taken back until they begin, and then run one report at a time.

A batch holds its items; the transaction that acts on one writes there what came of it, so that a run that was killed
goes on after the last one that was committed, and nothing is done twice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

WAITS = timedelta(seconds=10)
MOST = 200
VERBS = ("accept", "dispose")


@dataclass(frozen=True, slots=True)
class Item:
    """A report of a batch and its version when it was ticked. `done` is None before its turn; `problem` says why it was
    passed over: changed, gone, forbidden, not_allowed, no_suggestion, no_agency, defect."""

    ticket: str
    version: int
    done: bool | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch; `state` is waiting, undone, running or done."""

    id: int
    staff_id: int
    verb: str
    parameters: Mapping[str, Any]
    items: tuple[Item, ...]
    created_at: datetime
    run_at: datetime
    state: str


_BEGIN = text("""
    INSERT INTO batches (staff_id, verb, parameters, items, created_at, run_at)
    VALUES (:staff_id, :verb, CAST(:parameters AS jsonb), CAST(:items AS jsonb), :now, :run_at) RETURNING id
""")


async def begin(
    connection: AsyncConnection,
    staff_id: int,
    verb: str,
    parameters: Mapping[str, Any],
    items: Sequence[tuple[str, int]],
    now: datetime,
) -> int:
    """Begin a batch over these (ticket, version), which runs `WAITS` from now; returns its id.

    A ticket that comes twice counts once. Raises ValueError for none, for more than `MOST`, and for an unknown verb.
    """
    once = dict(items)
    if verb not in VERBS or not 0 < len(once) <= MOST:
        raise ValueError("a batch has a verb that is known, and from 1 to 200 reports")
    row = await connection.execute(
        _BEGIN,
        {
            "staff_id": staff_id,
            "verb": verb,
            "parameters": json.dumps(dict(parameters)),
            "items": json.dumps([{"ticket": ticket, "version": version} for ticket, version in once.items()]),
            "now": now,
            "run_at": now + WAITS,
        },
    )
    return int(row.scalar_one())


async def get(connection: AsyncConnection, batch_id: int) -> Batch | None:
    """A batch; None if there is none of that number."""
    found = await connection.execute(text("SELECT * FROM batches WHERE id = :id"), {"id": batch_id})
    row = found.one_or_none()
    if row is None:
        return None
    items = tuple(Item(each["ticket"], each["version"], each.get("done"), each.get("problem")) for each in row.items)
    return Batch(row.id, row.staff_id, row.verb, row.parameters, items, row.created_at, row.run_at, row.state)


_UNDO = text("""
    UPDATE batches SET state = 'undone' WHERE id = :id AND staff_id = :staff_id AND state = 'waiting' RETURNING id
""")


async def undo(connection: AsyncConnection, batch_id: int, staff_id: int) -> bool:
    """Take a batch back; False where it has begun, is somebody else's, or was taken back before."""
    row = await connection.execute(_UNDO, {"id": batch_id, "staff_id": staff_id})
    return row.one_or_none() is not None


# --- the run --------------------------------------------------------------------------------------------------------

_CLAIM = text("""
    UPDATE batches SET state = 'running' WHERE id = :id AND state IN ('waiting', 'running') AND run_at <= :now
    RETURNING id
""")


async def claim(connection: AsyncConnection, batch_id: int, now: datetime) -> bool:
    """Begin or go on with a batch; False where it was taken back, is done, or its time has not come."""
    return (await connection.execute(_CLAIM, {"id": batch_id, "now": now})).one_or_none() is not None


_TAKE = text("SELECT items->CAST(:place AS int) AS item FROM batches WHERE id = :id AND state = 'running' FOR UPDATE")
_TOLD = text("""
    UPDATE batches
    SET items = jsonb_set(items, CAST(:path AS text[]), items->CAST(:place AS int) || CAST(:came AS jsonb))
    WHERE id = :id
""")


async def take(connection: AsyncConnection, batch_id: int, place: int) -> Item | None:
    """The item at that place, if nobody has acted on it yet; the batch is locked until the transaction ends, so that
    two runs take turns."""
    row = (await connection.execute(_TAKE, {"id": batch_id, "place": place})).one_or_none()
    if row is None or row.item is None or "done" in row.item:
        return None
    return Item(row.item["ticket"], row.item["version"])


async def tell(connection: AsyncConnection, batch_id: int, place: int, problem: str | None) -> None:
    """What came of the item at that place, in the transaction that acted on it; `problem` None: it was done."""
    came = {"done": problem is None, "problem": problem}
    parameters = {"id": batch_id, "place": place, "path": [str(place)], "came": json.dumps(came)}
    await connection.execute(_TOLD, parameters)


_FINISH = text("""
    UPDATE batches SET state = 'done' WHERE id = :id AND state = 'running'
      AND NOT EXISTS (SELECT 1 FROM jsonb_array_elements(items) each WHERE NOT each ? 'done') RETURNING id
""")


async def finish(connection: AsyncConnection, batch_id: int) -> bool:
    """The batch has run, if each of its items has had its turn."""
    return (await connection.execute(_FINISH, {"id": batch_id})).one_or_none() is not None
