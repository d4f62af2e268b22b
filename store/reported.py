"""What a provider tells of our messages after it took them, part by part, by its own ids.

It may tell before the speaker has written down that it sent them, more than once, and in any order. A failure opens the
message again where something can be done; else it is shown to operators.

Locks are taken in one order, the provider's id first, then the chats, then the message, by transactions that report one
part each.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import elsewhere
from store.statement import Statement

# What can be done about a failure. window: plain words do not go through until the citizen writes. template: not by
# this template. later, channel: nothing but trying later, for this chat, for the whole channel. gone: the chat is
# closed to us. never: nothing.
Trouble = Literal["window", "template", "later", "channel", "gone", "never"]
# A message is opened again so often. What the whole channel suffers from does not count.
MOST_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a message that was sent: `round` is how often the message had been opened again before. `template` is
    the "name language" of the template that it is, if it is one; it `announces` where the message itself waits on."""

    channel: str
    provider_id: str
    delivery_id: int
    round: int
    template: str | None = None
    announces: bool = False


_LINK = Statement("""
    INSERT INTO provider_messages AS p (channel, provider_id, delivery_id, round, template, announces)
    SELECT * FROM unnest(CAST(:channels AS text[]), CAST(:names AS text[]), CAST(:deliveries AS bigint[]),
                         CAST(:rounds AS smallint[]), CAST(:templates AS text[]), CAST(:announce AS boolean[]))
    ON CONFLICT (channel, provider_id) DO UPDATE SET delivery_id = excluded.delivery_id, round = excluded.round,
        template = excluded.template, announces = excluded.announces
    RETURNING channel, provider_id, delivery_id, round, template, announces, state
""")


async def link(connection: AsyncConnection, parts: Sequence[Part]) -> list[tuple[Part, str]]:
    """Write down what the provider calls these parts. Returns those of which it has told something already, with it;
    what that means for their messages is for `settle` to do."""
    if not parts:
        return []
    known = list({(each.channel, each.provider_id): each for each in parts}.values())
    parameters = {
        "channels": [each.channel for each in known],
        "names": [each.provider_id for each in known],
        "deliveries": [each.delivery_id for each in known],
        "rounds": [each.round for each in known],
        "templates": [each.template for each in known],
        "announce": [each.announces for each in known],
    }
    return [(Part(*row[:-1]), row.state) for row in await _LINK.rows(connection, parameters) if row.state is not None]


# A repeat changes nothing, nor does what was overtaken; what has failed or arrived does not do the other afterwards.
_HEAR = Statement("""
    INSERT INTO provider_messages AS p (channel, provider_id, state, state_at, trouble, problem)
    VALUES (:channel, :name, :state, coalesce(CAST(:at AS timestamptz), clock_timestamp()), :trouble, :problem)
    ON CONFLICT (channel, provider_id) DO UPDATE SET state = excluded.state, state_at = excluded.state_at,
        trouble = excluded.trouble, problem = excluded.problem
    WHERE p.state IS NULL OR p.state = 'sent' AND excluded.state <> 'sent'
       OR p.state = 'delivered' AND excluded.state = 'read'
    RETURNING delivery_id, round, template, announces,
        (SELECT count(*) FROM provider_messages o WHERE o.delivery_id = p.delivery_id) AS parts
""")


@dataclass(frozen=True, slots=True)
class Told:
    """What is new by a report: of which of our parts, None where we do not know (yet) that it is ours."""

    part: Part | None


async def report(
    connection: AsyncConnection,
    channel: str,
    provider_id: str,
    state: str,
    at: datetime | None = None,
    *,
    trouble: Trouble | None = None,
    problem: str | None = None,
    silent: Collection[str] = (),
) -> Told | None:
    """The provider tells what became of a part: "sent", "delivered", "read", or "failed" with the trouble that it had.
    None if that is nothing new. What we do not know is kept, until a speaker says what it was.

    A message whose chat is gone moves to another chat of the same citizen, if it may; not to the `silent` channels,
    which call nobody.
    """
    heard = {"channel": channel, "name": provider_id, "state": state, "at": at, "trouble": trouble, "problem": problem}
    row = await _HEAR.row(connection, heard)
    if row is None:
        return None
    if row.delivery_id is None:
        return Told(None)
    part = Part(channel, provider_id, row.delivery_id, row.round, row.template, row.announces)
    await settle(connection, part, state, silent, alone=row.parts == 1)
    return Told(part)


_HOLD_STILL = Statement("SELECT FROM deliveries WHERE id = :id FOR NO KEY UPDATE")
# All of its parts are there, or read.
_ARRIVED = Statement("""
    UPDATE deliveries d SET delivered_at = coalesce(d.delivered_at, parts.at),
        read_at = CASE WHEN parts.read THEN coalesce(d.read_at, parts.at) ELSE d.read_at END
    FROM (SELECT bool_and(state = 'read') AS read, max(state_at) AS at FROM provider_messages
          WHERE delivery_id = :id AND round = :round AND NOT announces
          HAVING bool_and(coalesce(state IN ('delivered', 'read'), false))) parts
    WHERE d.id = :id AND d.reopened = :round AND (d.delivered_at IS NULL OR parts.read AND d.read_at IS NULL)
""")


async def settle(
    connection: AsyncConnection, part: Part, state: str, silent: Collection[str], *, alone: bool = False
) -> None:
    """Do to a message what has become of a part of it; `alone` where it has no others."""
    if state == "failed":
        await _fail(connection, part, silent)
    elif state != "sent" and not part.announces:
        if not alone:  # two parts may arrive at the same moment: whoever comes second sees both
            await _HOLD_STILL.run(connection, {"id": part.delivery_id})
        await _ARRIVED.run(connection, {"id": part.delivery_id, "round": part.round})


# --- what has failed ----------------------------------------------------------------------------------

# Of an earlier attempt, or of what operators see already, nothing is to be done.
_FAILED = text("""
    SELECT d.contact_id, p.trouble, p.problem FROM provider_messages p JOIN deliveries d ON d.id = p.delivery_id
    WHERE p.channel = :channel AND p.provider_id = :provider_id AND p.round = d.reopened AND d.failed_at IS NULL
""")
# Whoever has written since is there, and may be answered.
_SILENT_SINCE = "(c.last_message_at IS NULL OR c.last_message_at <= coalesce(d.sent_at, clock_timestamp()))"
_CLOSE = text(f"""
    UPDATE contacts c SET window_until = clock_timestamp() FROM deliveries d
    WHERE d.id = :id AND c.id = d.contact_id AND {_SILENT_SINCE}
""")  # noqa: S608 -- ours, above
_LOSE = text(f"""
    UPDATE contacts c SET unreachable_since = clock_timestamp(), unreachable_reason = :problem FROM deliveries d
    WHERE d.id = :id AND c.id = d.contact_id AND c.unreachable_since IS NULL AND {_SILENT_SINCE}
""")  # noqa: S608 -- ours, above
_UNTOLD = text("UPDATE contacts SET announced_at = NULL WHERE id = :contact_id")
# The power has a bound of its own: while a channel ails, a message is opened again for weeks.
_PAUSE = """
    make_interval(secs => CASE WHEN CAST(:waits AS boolean) THEN least(300, 10 * 4 ^ least(d.reopened, 5)) ELSE 0 END)
"""
_REFUSED = """
    CASE WHEN CAST(:template AS text) IS NULL THEN d.refused ELSE array_append(d.refused, CAST(:template AS text)) END
"""
# It stays failed where nothing can be done, or was done often enough; where a part of it has arrived, which would be
# said twice; and where a later reply is out: it would ask what has been answered.
_REOPEN = text(f"""
    WITH found AS (
        SELECT d.id, CAST(:hopeless AS boolean)
            OR EXISTS (SELECT FROM provider_messages p WHERE p.delivery_id = d.id AND p.round = d.reopened
                       AND p.state IN ('delivered', 'read') AND NOT p.announces)
            OR (SELECT count(DISTINCT p.round) FROM provider_messages p WHERE p.delivery_id = d.id
                AND p.state = 'failed' AND p.trouble <> 'channel' AND NOT p.announces) > :most
            OR d.asks IS NOT NULL AND EXISTS (
                SELECT FROM deliveries l WHERE l.contact_id = d.contact_id AND l.id > d.id AND l.asks IS NOT NULL
                AND l.claimed_at IS NOT NULL AND l.failed_at IS NULL) AS ends
        FROM deliveries d WHERE d.id = :id AND d.reopened = :round AND d.failed_at IS NULL FOR NO KEY UPDATE
    )
    UPDATE deliveries d SET sent_at = NULL, delivered_at = NULL, read_at = NULL, provider_sequence = NULL,
        held_at = NULL, leased_until = NULL, reopened = d.reopened + 1, problem = :problem, refused = {_REFUSED},
        due_at = clock_timestamp() + {_PAUSE},
        claimed_at = CASE WHEN found.ends THEN d.claimed_at END,
        failed_at = CASE WHEN found.ends THEN clock_timestamp() END
    FROM found WHERE d.id = found.id
""")  # noqa: S608 -- ours, above
# Nobody has told that something waits: all that waits in that chat goes its ways once more.
_RELEASE = text(f"""
    UPDATE deliveries d SET held_at = NULL, reopened = d.reopened + 1, due_at = clock_timestamp() + {_PAUSE},
        refused = {_REFUSED}
    WHERE d.contact_id = :contact_id AND d.held_at IS NOT NULL
""")  # noqa: S608 -- ours, above
_WAITS = text("""
    SELECT id FROM deliveries WHERE id = :id AND held_at IS NOT NULL AND reopened = :round AND reopened < :most
    FOR NO KEY UPDATE
""")
_WAITING = text("SELECT id FROM deliveries WHERE contact_id = :contact_id AND held_at IS NOT NULL ORDER BY id")


async def _fail(connection: AsyncConnection, part: Part, silent: Collection[str]) -> None:
    found: Any = (
        await connection.execute(_FAILED, {"channel": part.channel, "provider_id": part.provider_id})
    ).one_or_none()
    if found is None:
        return
    trouble: Trouble = found.trouble or "never"
    if part.template is not None and trouble == "window":
        trouble = "template"  # templates are what a closed window lets through
    ids = [part.delivery_id]
    if part.announces:
        ids = [row.id for row in await connection.execute(_WAITING, {"contact_id": found.contact_id})]
    others = await elsewhere.find_open(connection, ids, silent) if trouble == "gone" else {}
    await elsewhere.lock_all(connection, {found.contact_id, *others.values()})
    about = {"id": part.delivery_id, "round": part.round, "most": MOST_ROUNDS, "contact_id": found.contact_id}
    ways = {
        "template": part.template if trouble in ("template", "never") else None,
        "waits": trouble in ("later", "channel"),
    }
    if trouble == "gone":
        await connection.execute(_LOSE, {"id": part.delivery_id, "problem": found.problem})
    if part.announces:
        if trouble != "gone" and (await connection.execute(_WAITS, about)).one_or_none() is not None:
            await connection.execute(_UNTOLD, about)
            await connection.execute(_RELEASE, {**about, **ways})
    else:
        if trouble == "window":
            await connection.execute(_CLOSE, {"id": part.delivery_id})
        ends = trouble in ("gone", "never")
        await connection.execute(_REOPEN, {**about, **ways, "hopeless": ends, "problem": found.problem})
    for delivery_id, contact_id in sorted(others.items()):
        await elsewhere.move(connection, delivery_id, contact_id)


# --- how long it is kept ------------------------------------------------------------------------------

# An id of the provider may hold a telephone number: it goes with the words that it is the name of.
_FORGET = text("""
    DELETE FROM provider_messages WHERE (channel, provider_id) IN (
        SELECT p.channel, p.provider_id FROM provider_messages p LEFT JOIN deliveries d ON d.id = p.delivery_id
        WHERE CASE WHEN p.delivery_id IS NULL OR d.id IS NULL THEN p.created_at < :before ELSE d.says = '[]' END
        LIMIT :most FOR UPDATE OF p SKIP LOCKED)
""")


async def forget(connection: AsyncConnection, before: datetime, most: int) -> int:
    """Forget what providers called messages whose words are gone, and what they told until `before` of what is none of
    ours. At most so many; returns how many."""
    return (await connection.execute(_FORGET, {"before": before, "most": most})).rowcount
