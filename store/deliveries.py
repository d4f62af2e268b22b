"""What is to be said to people: the ledger of replies and pushes, and how a speaker works it off.

A delivery is pending until it is sent or has failed for good. Each address is spoken to in the order
of ids: only its oldest pending delivery can be claimed, under a lease that ends by itself when the
speaker dies. Words are rendered when they are sent; the ledger keeps text keys and parameters.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import contacts, policy
from store.policy import Reach
from store.statement import Statement

LEASE_SECONDS = 10.0
# A reply to words waits this long, so that messages sent in one go get one joint reply.
JOIN_SECONDS = 0.08


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A message to be said. `asks` is the question it ends with ("" for a reply without one, None for a
    push); `buttons` are (text key, choice) or (text key, choice, parameters of the text)."""

    contact_id: int
    channel: str
    address: str
    says: Sequence[tuple[str, Mapping[str, Any]]]
    language: str
    buttons: Sequence[Sequence[Any]] = ()
    asks: str | None = None
    complaint_id: int | None = None
    after: float = 0.0


_INSERT = """
    INSERT INTO deliveries (contact_id, channel, address, says, buttons, asks, language, complaint_id, due_at)
    VALUES (:contact_id, :channel, :address, CAST(:says AS jsonb), CAST(:buttons AS jsonb), :asks, :language,
            :complaint_id, clock_timestamp() + make_interval(secs => :after))
"""
_ADD = Statement(_INSERT)


async def add(connection: AsyncConnection, delivery: NewDelivery) -> None:
    """Put a message into the ledger. The contact's row must be locked by this transaction."""
    await _ADD.run(connection, _parameters(delivery))


# One statement for the end of a turn, which has the contact locked.
_ADD_AND_REMEMBER = Statement(f"""
    WITH said AS ({_INSERT})
    UPDATE contacts SET conversation = CAST(:conversation AS jsonb) WHERE id = :contact_id
""")  # noqa: S608 (the statement above, and no value)


async def add_and_remember(connection: AsyncConnection, delivery: NewDelivery, conversation: Mapping[str, Any]) -> None:
    """Put a reply into the ledger and save the conversation that it belongs to."""
    await _ADD_AND_REMEMBER.run(connection, _parameters(delivery) | {"conversation": json.dumps(conversation)})


def _parameters(delivery: NewDelivery) -> dict[str, Any]:
    return {
        "contact_id": delivery.contact_id,
        "channel": delivery.channel,
        "address": delivery.address,
        "says": json.dumps([[key, dict(params)] for key, params in delivery.says]),
        "buttons": json.dumps([list(button) for button in delivery.buttons]),
        "asks": delivery.asks,
        "language": delivery.language,
        "complaint_id": delivery.complaint_id,
        "after": delivery.after,
    }


# --- the reply that came before, for a turn ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Spoken:
    """The newest reply to a contact: its question, when a speaker first took it, when the provider had it,
    and the provider's number of it."""

    id: int
    asks: str
    claimed_at: datetime | None
    sent_at: datetime | None
    provider_sequence: int | None


_LAST_REPLY = Statement("""
    SELECT id, asks, claimed_at, sent_at, provider_sequence FROM deliveries
    WHERE contact_id = :contact_id AND asks IS NOT NULL AND failed_at IS NULL ORDER BY id DESC LIMIT 1
""")
_WITHDRAW = Statement("DELETE FROM deliveries WHERE id = :id AND claimed_at IS NULL RETURNING says")


async def last_reply(connection: AsyncConnection, contact_id: int) -> Spoken | None:
    """The newest reply (not push) to this contact."""
    row = await _LAST_REPLY.row(connection, {"contact_id": contact_id})
    return Spoken(row.id, row.asks, row.claimed_at, row.sent_at, row.provider_sequence) if row else None


async def withdraw(connection: AsyncConnection, delivery_id: int) -> list[tuple[str, dict[str, Any]]] | None:
    """Take back a reply that no speaker has taken yet; returns what it would have said, None if too late."""
    row = await _WITHDRAW.row(connection, {"id": delivery_id})
    return [(key, params) for key, params in row.says] if row else None


_ABOUT = Statement("""
    SELECT k.ticket FROM deliveries d JOIN complaints k ON k.id = d.complaint_id
    WHERE d.contact_id = :contact_id
      AND (d.provider_sequence = :number
           OR d.id IN (SELECT delivery_id FROM provider_messages WHERE channel = d.channel AND provider_id = :name))
    ORDER BY d.id DESC LIMIT 1
""")


async def complaint_of_delivery(connection: AsyncConnection, contact_id: int, name: str) -> str | None:
    """The ticket that a message of ours to this contact was about, by the provider's id or number of it; None if it was
    about none, or is not known."""
    number = int(name) if name.isascii() and name.isdecimal() and len(name) < 19 else None
    row = await _ABOUT.row(connection, {"contact_id": contact_id, "name": name, "number": number})
    return None if row is None else str(row.ticket)


# --- the speaker's side -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this speaker may send until its lease ends."""

    id: int
    contact_id: int
    channel: str
    address: str
    says: Sequence[tuple[str, Mapping[str, Any]]]
    buttons: Sequence[Sequence[Any]]
    language: str
    attempts: int
    created_at: datetime


# The heads of the queues: the oldest pending delivery of each contact, if it is due and free.
_CLAIM = Statement("""
    WITH heads AS (
        SELECT DISTINCT ON (contact_id) id, channel, due_at, leased_until FROM deliveries
        WHERE sent_at IS NULL AND failed_at IS NULL
        ORDER BY contact_id, id
    ), free AS (
        SELECT d.id FROM deliveries d JOIN heads h ON h.id = d.id
        WHERE h.due_at <= clock_timestamp()
          AND (h.leased_until IS NULL OR h.leased_until < clock_timestamp())
          AND h.channel = ANY(CAST(:channels AS text[]))
        ORDER BY d.id LIMIT :most
        FOR UPDATE OF d SKIP LOCKED
    )
    UPDATE deliveries d SET
        leased_until = clock_timestamp() + make_interval(secs => :lease),
        claimed_at = coalesce(d.claimed_at, clock_timestamp()),
        attempts = d.attempts + 1
    FROM free
    WHERE d.id = free.id AND d.sent_at IS NULL AND d.failed_at IS NULL
      AND (d.leased_until IS NULL OR d.leased_until < clock_timestamp())
    RETURNING d.id, d.contact_id, d.channel, d.address, d.says, d.buttons, d.language, d.attempts, d.created_at
""")


async def claim(connection: AsyncConnection, most: int, channels: Sequence[str]) -> list[Claimed]:
    """Take up to `most` messages of these channels, one an address, oldest first."""
    rows = await _CLAIM.rows(connection, {"most": most, "channels": list(channels), "lease": LEASE_SECONDS})
    return [
        Claimed(
            id=row.id,
            contact_id=row.contact_id,
            channel=row.channel,
            address=row.address,
            says=row.says,
            buttons=row.buttons,
            language=row.language,
            attempts=row.attempts,
            created_at=row.created_at,
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a claimed delivery: sent, to be tried again after `wait` seconds, or failed for good.

    `unsent` says that the provider certainly did not pass it on, as with 429 and 403 (and unlike a time-out).
    """

    id: int
    contact_id: int
    attempts: int
    sent: bool = False
    sequence: int | None = None
    wait: float | None = None
    problem: str | None = None
    gone: bool = False
    unsent: bool = False


_MARK = Statement("""
    UPDATE deliveries d SET
        sent_at = CASE WHEN o.sent THEN clock_timestamp() END,
        -- Sent more than once, nobody knows the number of the copy that was read first.
        provider_sequence = CASE WHEN d.attempts = 1 THEN o.sequence END,
        failed_at = CASE WHEN NOT o.sent AND o.wait IS NULL THEN clock_timestamp() END,
        due_at = CASE WHEN o.wait IS NULL THEN d.due_at
                      ELSE clock_timestamp() + make_interval(secs => o.wait) END,
        leased_until = NULL,
        -- What nobody can have seen counts as not spoken yet: a turn may still take it back.
        claimed_at = CASE WHEN o.unsent AND d.attempts = 1 THEN NULL ELSE d.claimed_at END,
        problem = o.problem
    FROM unnest(CAST(:ids AS bigint[]), CAST(:sent AS boolean[]), CAST(:sequences AS bigint[]),
                CAST(:waits AS double precision[]), CAST(:problems AS text[]), CAST(:unsent AS boolean[]),
                CAST(:attempts AS smallint[]))
         AS o (id, sent, sequence, wait, problem, unsent, attempts)
    -- A speaker that comes too late, when another has claimed it again, only tells that it was sent.
    WHERE d.id = o.id AND d.sent_at IS NULL AND (o.sent OR d.attempts = o.attempts)
""")
_LOSE = text("""
    UPDATE contacts SET unreachable_since = now(), unreachable_reason = o.reason
    FROM unnest(CAST(:contacts AS bigint[]), CAST(:reasons AS text[])) AS o (id, reason)
    WHERE contacts.id = o.id AND unreachable_since IS NULL
""")


async def mark(connection: AsyncConnection, outcomes: Sequence[Outcome]) -> None:
    """Write down what became of a batch."""
    await _MARK.run(
        connection,
        {
            "ids": [each.id for each in outcomes],
            "sent": [each.sent for each in outcomes],
            "sequences": [each.sequence for each in outcomes],
            "waits": [each.wait for each in outcomes],
            "problems": [each.problem for each in outcomes],
            "unsent": [each.unsent for each in outcomes],
            "attempts": [each.attempts for each in outcomes],
        },
    )
    gone = sorted({each.contact_id: each.problem for each in outcomes if each.gone}.items())
    if gone:
        await connection.execute(_LOSE, {"contacts": [c for c, _ in gone], "reasons": [r for _, r in gone]})


_NEXT_DUE = Statement("""
    SELECT extract(epoch FROM min(greatest(due_at, coalesce(leased_until, due_at))) - clock_timestamp()) AS wait
    FROM (SELECT DISTINCT ON (contact_id) due_at, leased_until, channel FROM deliveries
          WHERE sent_at IS NULL AND failed_at IS NULL ORDER BY contact_id, id) heads
    WHERE channel = ANY(CAST(:channels AS text[]))
""")


async def next_due(connection: AsyncConnection, channels: Sequence[str]) -> float | None:
    """Seconds until the next delivery of these channels may be claimed; None if nothing is pending."""
    found = await _NEXT_DUE.row(connection, {"channels": list(channels)})
    return None if found.wait is None else max(0.0, float(found.wait))


# --- for the chat page and for operators ---------------------------------------------------------------

_LINES = text("""
    WITH chat AS (SELECT id FROM contacts WHERE channel = :channel AND address = :address),
    waiting AS (
        SELECT min(d.id) AS id FROM deliveries d JOIN chat ON d.contact_id = chat.id
        WHERE d.sent_at IS NULL AND d.failed_at IS NULL
    )
    SELECT id, true AS heard, payload AS content, NULL AS buttons, NULL AS language, received_at AS at FROM inbox
    WHERE channel = :channel AND address = :address AND id > :after
      AND id < coalesce((SELECT id FROM waiting), 9223372036854775807)
    UNION ALL
    SELECT d.id, false, d.says, d.buttons, d.language, d.sent_at FROM deliveries d JOIN chat ON d.contact_id = chat.id
    WHERE d.sent_at IS NOT NULL AND d.says <> '[]' AND d.id > :after
      AND d.id < coalesce((SELECT id FROM waiting), 9223372036854775807)
    ORDER BY id LIMIT :most
""")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chat: a payload that was heard, or what was said."""

    id: int
    heard: bool
    content: Any
    buttons: Sequence[tuple[str, str]]
    language: str
    at: datetime


async def lines(connection: AsyncConnection, channel: str, address: str, after: int, most: int = 500) -> list[Line]:
    """The lines of a chat after that id, in order, up to the first that is not spoken yet."""
    parameters = {"channel": channel, "address": address, "after": after, "most": most}
    return [
        Line(row.id, row.heard, row.content, row.buttons or (), row.language or "id", row.at)
        for row in await connection.execute(_LINES, parameters)
    ]


# --- what could not be said ---------------------------------------------------------------------------


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


# A reply belongs to the conversation in its chat; what an office says (`asks` is null) is understood anywhere.
_OTHERS = """
    SELECT o.id, o.channel FROM contacts o
    WHERE o.citizen_id = c.citizen_id AND o.id <> c.id AND o.unreachable_since IS NULL AND d.asks IS NULL
"""
_UNDELIVERED = text(f"""
    SELECT d.id, k.ticket, k.region, d.channel, d.created_at, d.failed_at, coalesce(d.problem, '') AS problem,
           c.unreachable_since IS NOT NULL AS lost,
           ARRAY(SELECT DISTINCT o.channel FROM ({_OTHERS}) o ORDER BY o.channel) AS elsewhere
    FROM deliveries d JOIN contacts c ON c.id = d.contact_id
         LEFT JOIN complaints k ON k.id = d.complaint_id LEFT JOIN agencies a ON a.code = k.agency
    WHERE d.failed_at IS NOT NULL AND (:all OR (k.id IS NOT NULL AND {policy.COVERED}))
      AND (CAST(:only AS bigint) IS NULL OR d.id = :only)
    ORDER BY d.failed_at DESC, d.id DESC LIMIT :most
""")  # noqa: S608 -- ours, above


async def undelivered(
    connection: AsyncConnection, reach: Reach, home: str, *, everything: bool, most: int, only: int | None = None
) -> list[Undelivered]:
    """What could not be said, the newest first: about the complaints that a reach covers, or all of it."""
    parameters = {**policy.covered(reach, home), "all": everything, "most": most, "only": only}
    return [
        Undelivered(
            id=row.id,
            ticket=row.ticket,
            region=row.region,
            channel=row.channel,
            created_at=row.created_at,
            failed_at=row.failed_at,
            problem=row.problem,
            lost=row.lost,
            elsewhere=tuple(row.elsewhere),
        )
        for row in await connection.execute(_UNDELIVERED, parameters)
    ]


# It takes a new place in the order of its chat: pages of chats never look back behind a line that they have shown.
_AGAIN = text("""
    UPDATE deliveries SET id = nextval('line_ids'), contact_id = :contact_id, channel = :channel, address = :address,
        due_at = clock_timestamp(), failed_at = NULL, problem = NULL, leased_until = NULL, claimed_at = NULL,
        attempts = 0
    WHERE id = :id AND failed_at IS NOT NULL RETURNING id
""")
_WHERE_TO = text(f"""
    SELECT d.contact_id, (SELECT o.id FROM ({_OTHERS}) o WHERE o.channel = :channel ORDER BY o.id DESC LIMIT 1) AS other
    FROM deliveries d JOIN contacts c ON c.id = d.contact_id WHERE d.id = :id AND d.failed_at IS NOT NULL
""")  # noqa: S608 -- ours, above


async def again(connection: AsyncConnection, delivery_id: int, channel: str | None = None) -> bool:
    """Let a message that has failed be said once more, in its chat or in the same citizen's chat of another channel.

    False where there is no such message any more (somebody was quicker), or no such chat. It changes nothing then.
    """
    where = (await connection.execute(_WHERE_TO, {"id": delivery_id, "channel": channel})).one_or_none()
    target = None if where is None else where.contact_id if channel is None else where.other
    if target is None:
        return False
    contact = await contacts.lock(connection, target)
    parameters = {"id": delivery_id, "contact_id": contact.id, "channel": contact.channel, "address": contact.address}
    return (await connection.execute(_AGAIN, parameters)).scalar_one_or_none() is not None
