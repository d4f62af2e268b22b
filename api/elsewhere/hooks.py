"""Webhooks out, as they begin: an event is written down in its own transaction for all who want to be told of it
(docs/webhooks.md), and posted after the commit (api/elsewhere/posting.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import AsyncConnection

from api.queue import BRIDGES, tasks
from store import hooks
from store.complaints import Event
from store.statement import raw

if TYPE_CHECKING:
    from api.unit import Unit

# Reports on their way into other systems come before what is told of them.
PRIORITY = -1


async def note(work: Unit, event: Event) -> None:
    """Write an event down for all who want to be told of it, and have it posted after the commit."""
    for subscription_id in await hooks.record(work.connection, event, work.house.now()):
        await enqueue(work.connection, subscription_id, event.complaint_id)


async def enqueue(connection: AsyncConnection, subscription_id: int, complaint_id: int | None) -> None:
    """Have what waits for that subscriber of that complaint (None: events about nothing) posted after the commit, by
    one worker at a time."""
    about = complaint_id or 0
    task = tasks.configure_task(
        "deliver_webhook",
        queue=BRIDGES,
        lock=f"webhook:{subscription_id}:{about}",
        priority=PRIORITY,
        connection=raw(connection),
    )
    await task.defer_async(subscription_id=subscription_id, complaint_id=about)
