"""Webhooks out, on their way: posted at least once, and one after the other for each complaint.

Jobs of one subscriber and complaint share a lock, and each takes the oldest event that waits. What is not taken has its
next time in the store, and no job of its own until then: `pick_up` finds it, and what was forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from api.elsewhere.hooks import enqueue
from api.house import House
from api.unit import Unit, unit
from bridges import webhook
from bridges.contract import Later, Refused, Trouble
from store import hooks
from store.hooks import Post

# So many events of one complaint in one job, lest others wait for a long row of them.
AT_ONCE = 50
# So many jobs are made at a time for what is due.
MOST = 500
# The job of a new event may not have begun: what has been due for less is not forgotten.
PATIENCE = timedelta(seconds=20)
BATCH, ROUNDS = 5_000, 10_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a post: the status of HTTP where there was one, and what went wrong."""

    answered: int | None = None
    trouble: Trouble | None = None


async def deliver(house: House, subscription_id: int, complaint_id: int | None) -> None:
    """Post what waits for that subscriber of that complaint (None: events about nothing), the oldest first, until one
    is not taken."""
    for _ in range(AT_ONCE):
        async with unit(house) as work:
            post = await hooks.begin(work.connection, subscription_id, complaint_id)
        if post is None:
            return
        outcome = await _send(house, post)
        async with unit(house) as work:
            if not await _settle(work, post, outcome):
                return
    async with unit(house) as work:
        await enqueue(work.connection, subscription_id, complaint_id)


async def _send(house: House, post: Post) -> Outcome:
    to = post.subscription
    private = house.settings.webhook_private
    try:
        return Outcome(await webhook.post(to.url, to.secrets, post.event_id, post.body, house.now(), private=private))
    except Trouble as trouble:
        return Outcome(int(trouble.detail) if trouble.detail.isdecimal() else None, trouble)
    except ValueError:  # a secret that somebody has spoilt in the database
        return Outcome(None, Refused("key"))


async def _settle(work: Unit, post: Post, outcome: Outcome) -> bool:
    """Write down what came of it. Whether the next event of the complaint may be posted."""
    trouble = outcome.trouble
    if trouble is None:
        await hooks.delivered(work.connection, post, outcome.answered or 0)
        if post.probing:  # they are back: nothing need wait for the next minute
            await wake(work, post.subscription.id)
        return True
    return await hooks.not_delivered(
        work.connection,
        post,
        work.house.now(),
        trouble.reason,
        answered=outcome.answered,
        after=trouble.after if isinstance(trouble, Later) else None,
        gone=trouble.reason == "unwanted",
    )


async def wake(work: Unit, subscription_id: int) -> None:
    """Have all posted that is due for one subscriber."""
    for _, complaint_id in await hooks.due(work.connection, MOST, only=subscription_id):
        await enqueue(work.connection, subscription_id, complaint_id)


async def pick_up(house: House) -> None:
    """Have posted what is due again, and what was forgotten."""
    async with unit(house) as work:
        for subscription_id, complaint_id in await hooks.due(work.connection, MOST, since=PATIENCE):
            await enqueue(work.connection, subscription_id, complaint_id)


async def tidy(house: House) -> None:
    """Forget events that are old enough."""
    for _ in range(ROUNDS):
        async with unit(house) as work:
            if not await hooks.sweep(work.connection, house.now() - hooks.KEPT, BATCH):
                return
