"""What could not be said: messages that have failed for good, those that wait until their citizen writes, and how an
officer lets them be said once more. Never their words: those are the chat's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import contacts, elsewhere, policy
from store.elsewhere import OTHERS
from store.policy import Reach


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A message that has failed for good; never its words. `ticket` is the complaint it was about, if any; `lost`: the
    chat cannot be reached any more; `elsewhere` are the channels of other chats of the same citizen that can be, for
    what is no part of a conversation."""

    id: int
    ticket: str | None
    region: str | None
    channel: str
    created_at: datetime
    failed_at: datetime
    problem: str
    lost: bool
    elsewhere: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """A message that waits until the citizen writes; never its words. `announced`: they have been told that there is
    something; `templates` are those ("name language") that the provider refused for it. The rest as in `Undelivered`.
    """

    id: int
    ticket: str | None
    region: str | None
    channel: str
    created_at: datetime
    held_at: datetime
    problem: str
    announced: bool
    templates: tuple[str, ...]
    lost: bool
    elsewhere: tuple[str, ...]


# What officers may see of the messages of one sort: those about complaints that a reach covers, or all of them.
_SHOWN = f"""
    SELECT d.id, k.ticket, k.region, d.channel, d.created_at, {{columns}}, coalesce(d.problem, '') AS problem,
           c.unreachable_since IS NOT NULL AS lost,
           ARRAY(SELECT DISTINCT o.channel FROM ({OTHERS}) o ORDER BY o.channel) AS elsewhere
    FROM deliveries d JOIN contacts c ON c.id = d.contact_id
         LEFT JOIN complaints k ON k.id = d.complaint_id LEFT JOIN agencies a ON a.code = k.agency
    WHERE {{since}} IS NOT NULL AND (:all OR (k.id IS NOT NULL AND {policy.COVERED}))
      AND (CAST(:only AS bigint) IS NULL OR d.id = :only)
    ORDER BY {{since}} DESC, d.id DESC LIMIT :most
"""  # noqa: S608 -- ours, here and below
_FAILED = text(_SHOWN.format(since="d.failed_at", columns="d.failed_at"))
_HELD = text(
    _SHOWN.format(
        since="d.held_at",
        columns="""
            d.held_at, coalesce(d.refused, '{}') AS templates,
            c.announced_at IS NOT NULL AND (c.last_message_at IS NULL OR c.announced_at >= c.last_message_at)
                AS announced
        """,
    )
)


async def failed(
    connection: AsyncConnection, reach: Reach, home: str, *, everything: bool, most: int, only: int | None = None
) -> list[Undelivered]:
    """What could not be said, the newest first: about the complaints that a reach covers, or all of it."""
    parameters = {**policy.covered(reach, home), "all": everything, "most": most, "only": only}
    return [Undelivered(**_tupled(row)) for row in await connection.execute(_FAILED, parameters)]


async def held(
    connection: AsyncConnection, reach: Reach, home: str, *, everything: bool, most: int, only: int | None = None
) -> list[Held]:
    """What waits until its citizen writes, the newest first: about the complaints that a reach covers, or all of it."""
    parameters = {**policy.covered(reach, home), "all": everything, "most": most, "only": only}
    return [Held(**_tupled(row)) for row in await connection.execute(_HELD, parameters)]


def _tupled(row: Any) -> dict[str, Any]:
    """The columns of a row; lists become tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in row._mapping.items()}


_WHERE_TO = text(f"""
    SELECT d.contact_id, (SELECT o.id FROM ({OTHERS}) o WHERE o.channel = :channel ORDER BY o.id DESC LIMIT 1) AS other
    FROM deliveries d JOIN contacts c ON c.id = d.contact_id
    WHERE d.id = :id AND (d.failed_at IS NOT NULL OR d.held_at IS NOT NULL)
""")  # noqa: S608 -- ours, above


async def again(connection: AsyncConnection, delivery_id: int, channel: str | None = None) -> bool:
    """Let a message that has failed or is held be said once more, in its chat or in the same citizen's chat of another
    channel. One that is held, in its chat: whatever goes through now is tried.

    False where there is no such message any more (somebody was quicker), or no such chat. It changes nothing then.
    """
    where = (await connection.execute(_WHERE_TO, {"id": delivery_id, "channel": channel})).one_or_none()
    target = None if where is None else where.contact_id if channel is None else where.other
    if target is None:
        return False
    await contacts.lock(connection, target)
    return await elsewhere.move(connection, delivery_id, target)
