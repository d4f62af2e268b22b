"""What is to be said to people: the ledger of replies and pushes, and how a speaker works it off.

A delivery is pending until it is sent or has failed for good. Each address is spoken to in the order
of ids: only its oldest pending delivery can be claimed, under a lease that ends by itself when the
speaker dies. Words are rendered when they are sent; the ledger keeps text keys and parameters.

Where a channel lets plain words through only for a time after the citizen wrote, a delivery may be held: it is
in nobody's way, and pending again when the citizen writes. What is held is neither sent nor failed.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import elsewhere, reported
from store.elsewhere import MARGIN_SECONDS
from store.reported import Part
from store.statement import Statement

LEASE_SECONDS = 10.0
# For a message that takes files along.
LEASE_WITH_FILES = 70.0
# A reply to words waits this long, so that messages sent in one go get one joint reply.
JOIN_SECONDS = 0.08


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A message to be said. `asks` is the question it ends with ("" for a reply without one, None for a
    push); `buttons` are (text key, choice) or (text key, choice, parameters of the text); `files` are ids of media."""

    contact_id: int
    channel: str
    address: str
    says: Sequence[tuple[str, Mapping[str, Any]]]
    language: str
    buttons: Sequence[Sequence[Any]] = ()
    asks: str | None = None
    complaint_id: int | None = None
    after: float = 0.0
    files: Sequence[int] = ()


_INSERT = """
    INSERT INTO deliveries (contact_id, channel, address, says, buttons, asks, language, complaint_id, files, due_at)
    VALUES (:contact_id, :channel, :address, CAST(:says AS jsonb), CAST(:buttons AS jsonb), :asks, :language,
            :complaint_id, CAST(:files AS jsonb), clock_timestamp() + make_interval(secs => :after))
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
        "files": json.dumps(list(delivery.files)),
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
_LAST_OFFER = Statement("""
    SELECT buttons, language FROM deliveries
    WHERE contact_id = :contact_id AND sent_at IS NOT NULL ORDER BY id DESC LIMIT 1
""")
_WITHDRAW = Statement("DELETE FROM deliveries WHERE id = :id AND claimed_at IS NULL RETURNING says")


async def last_reply(connection: AsyncConnection, contact_id: int) -> Spoken | None:
    """The newest reply (not push) to this contact."""
    row = await _LAST_REPLY.row(connection, {"contact_id": contact_id})
    return Spoken(row.id, row.asks, row.claimed_at, row.sent_at, row.provider_sequence) if row else None


async def last_offer(connection: AsyncConnection, contact_id: int) -> tuple[Sequence[Sequence[Any]], str]:
    """The buttons below the newest message that was sent to this contact (see `NewDelivery`), and its language."""
    row = await _LAST_OFFER.row(connection, {"contact_id": contact_id})
    return (row.buttons, row.language) if row else ((), "")


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
    """A delivery that this speaker may send until its lease ends.

    It goes to the `route` (None: to the address; empty: there is no way to that person any more). `window_until` is
    until when plain words go through (None: always), `announced_at` is when the citizen was last told that something
    waits, if they have not written since. `refused` are templates ("name language") that do not work for it, `round` is
    how often it was opened again.
    """

    id: int
    contact_id: int
    channel: str
    address: str
    says: Sequence[tuple[str, Mapping[str, Any]]]
    buttons: Sequence[Sequence[Any]]
    language: str
    attempts: int
    created_at: datetime
    asks: str | None = None
    files: Sequence[int] = ()
    route: str | None = None
    window_until: datetime | None = None
    announced_at: datetime | None = None
    refused: Sequence[str] = ()
    round: int = 0


# The heads of the queues: the oldest pending delivery of each contact, if it is due and free. `held_at IS NULL` must
# stand wherever pending ones are looked for: it is in the predicate of their index.
_CLAIM = Statement("""
    WITH heads AS (
        SELECT DISTINCT ON (contact_id) id, channel, due_at, leased_until FROM deliveries
        WHERE sent_at IS NULL AND failed_at IS NULL AND held_at IS NULL
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
        leased_until = clock_timestamp() + make_interval(
            secs => CASE WHEN d.files = '[]' THEN :lease ELSE :lease_with_files END),
        claimed_at = coalesce(d.claimed_at, clock_timestamp()),
        -- While a channel ails, it is tried for months: a count that is full must not stop everybody's messages.
        attempts = least(d.attempts, 32766) + 1
    FROM free, contacts c
    WHERE d.id = free.id AND c.id = d.contact_id
      AND d.sent_at IS NULL AND d.failed_at IS NULL AND d.held_at IS NULL
      AND (d.leased_until IS NULL OR d.leased_until < clock_timestamp())
    RETURNING d.id, d.contact_id, d.channel, d.address, d.says, d.buttons, d.language, d.attempts, d.created_at,
        d.asks, d.files, coalesce(c.route, d.address) AS route, c.window_until,
        CASE WHEN c.last_message_at IS NULL OR c.announced_at >= c.last_message_at THEN c.announced_at END
            AS announced_at,
        d.refused, d.reopened
""")


async def claim(connection: AsyncConnection, most: int, channels: Sequence[str]) -> list[Claimed]:
    """Take up to `most` messages of these channels, one an address, oldest first."""
    leases = {"lease": LEASE_SECONDS, "lease_with_files": LEASE_WITH_FILES}
    rows = await _CLAIM.rows(connection, {"most": most, "channels": list(channels), **leases})
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
            asks=row.asks,
            files=row.files,
            route=row.route,
            window_until=row.window_until,
            announced_at=row.announced_at,
            refused=row.refused or (),
            round=row.reopened,
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a claimed delivery: sent, to be tried again after `wait` seconds, held until the citizen writes,
    or failed for good.

    `unsent` says that the provider certainly did not pass it on, as with 429 and 403 (and unlike a time-out). `gone`:
    the chat is closed to us. `elsewhere`: what cannot be said here may be said in another chat of the same citizen.

    `ids` are what the provider calls what was sent, `template` is the one ("name language") that was. `announced`: when
    that told that there is something, while the delivery itself is held. `refused` are templates that do not work for
    it. `closed`: the provider said that the window is closed, though `window_until` (as claimed) is not over.
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
    round: int = 0
    channel: str = ""
    ids: Sequence[str] = ()
    template: str | None = None
    held: bool = False
    elsewhere: bool = False
    announced: datetime | None = None
    refused: Sequence[str] = ()
    closed: bool = False
    window_until: datetime | None = None

    @property
    def parts(self) -> list[Part]:
        """What was sent, by the provider's ids."""
        announces = self.announced is not None
        return [Part(self.channel, each, self.id, self.round, self.template, announces) for each in self.ids]


_MARK = Statement("""
    UPDATE deliveries d SET
        sent_at = CASE WHEN o.sent THEN clock_timestamp() END,
        -- Sent more than once, nobody knows the number of the copy that was read first.
        provider_sequence = CASE WHEN d.attempts = 1 THEN o.sequence END,
        failed_at = CASE WHEN NOT o.sent AND o.wait IS NULL THEN clock_timestamp() END,
        held_at = NULL,
        due_at = CASE WHEN o.wait IS NULL THEN d.due_at
                      ELSE clock_timestamp() + make_interval(secs => o.wait) END,
        leased_until = NULL,
        -- What nobody can have seen counts as not spoken yet: a turn may still take it back.
        claimed_at = CASE WHEN o.unsent AND d.attempts = 1 THEN NULL ELSE d.claimed_at END,
        problem = o.problem
    FROM unnest(CAST(:ids AS bigint[]), CAST(:sent AS boolean[]), CAST(:sequences AS bigint[]),
                CAST(:waits AS double precision[]), CAST(:problems AS text[]), CAST(:unsent AS boolean[]),
                CAST(:attempts AS smallint[]), CAST(:rounds AS smallint[]))
         AS o (id, sent, sequence, wait, problem, unsent, attempts, round)
    -- A speaker that comes too late, when another has claimed it again, only tells that it was sent.
    WHERE d.id = o.id AND d.sent_at IS NULL AND d.reopened = o.round AND (o.sent OR d.attempts = o.attempts)
""")


async def mark(
    connection: AsyncConnection, outcomes: Sequence[Outcome], *, silent: Collection[str] = ()
) -> list[Outcome]:
    """Write down what became of a batch. Returns what could not be settled now, because somebody works on a chat that
    it concerns: to be marked again in a moment. Nobody is waited for, so that no two can wait for each other.

    `silent` are channels that call nobody: nothing is moved there.
    """
    early = await reported.link(connection, [part for each in outcomes for part in each.parts])
    failed = {part.delivery_id for part, state in early if state == "failed"}
    movable = [each.id for each in outcomes if each.elsewhere or each.id in failed]
    others = await elsewhere.find_open(connection, movable, silent)
    wanted = {each.id: {each.contact_id} for each in outcomes if _concerns_chat(each) or each.id in failed}
    for delivery_id, contact_id in others.items():
        wanted[delivery_id].add(contact_id)
    free = await elsewhere.lock_free(connection, set().union(*wanted.values()))
    ready = [each for each in outcomes if wanted.get(each.id, set()) <= free]

    await _mark(connection, [each for each in ready if not each.held])
    await _tell_chats(connection, [each for each in ready if _concerns_chat(each)])
    await _hold(connection, [each for each in ready if each.held])
    there = {each.id for each in ready}
    for delivery_id, contact_id in sorted(others.items()):
        if delivery_id in there - failed:
            await elsewhere.move(connection, delivery_id, contact_id)
    for part, state in early:
        if part.delivery_id in there:
            await reported.settle(connection, part, state, silent)
    return [each for each in outcomes if each.id not in there]


def _concerns_chat(outcome: Outcome) -> bool:
    return outcome.held or outcome.gone or outcome.closed or outcome.elsewhere or outcome.announced is not None


async def _mark(connection: AsyncConnection, outcomes: Sequence[Outcome]) -> None:
    if not outcomes:
        return
    await _MARK.run(
        connection,
        {
            "ids": [each.id for each in outcomes],
            "sent": [each.sent for each in outcomes],
            "sequences": [each.sequence for each in outcomes],
            # A list of whole and broken numbers is none that psycopg knows.
            "waits": [None if each.wait is None else float(each.wait) for each in outcomes],
            "problems": [each.problem for each in outcomes],
            "unsent": [each.unsent for each in outcomes],
            "attempts": [each.attempts for each in outcomes],
            "rounds": [each.round for each in outcomes],
        },
    )


# A window that the citizen has opened anew meanwhile stays open.
_TELL_CHATS = Statement("""
    UPDATE contacts c SET
        unreachable_since = CASE WHEN o.gone IS NULL THEN c.unreachable_since
                                 ELSE coalesce(c.unreachable_since, clock_timestamp()) END,
        unreachable_reason = CASE WHEN c.unreachable_since IS NULL THEN o.gone ELSE c.unreachable_reason END,
        window_until = CASE WHEN o.closed AND c.window_until IS NOT DISTINCT FROM o.window_until
                            THEN clock_timestamp() ELSE c.window_until END,
        announced_at = coalesce(o.announced, c.announced_at)
    FROM (SELECT contact_id, max(gone) AS gone, bool_or(closed) AS closed, max(window_until) AS window_until,
                 max(announced) AS announced
          FROM unnest(CAST(:contacts AS bigint[]), CAST(:gone AS text[]), CAST(:closed AS boolean[]),
                      CAST(:windows AS timestamptz[]), CAST(:announced AS timestamptz[]))
               AS each (contact_id, gone, closed, window_until, announced) GROUP BY contact_id) o
    WHERE c.id = o.contact_id
""")


async def _tell_chats(connection: AsyncConnection, outcomes: Sequence[Outcome]) -> None:
    if not outcomes:
        return
    await _TELL_CHATS.run(
        connection,
        {
            "contacts": [each.contact_id for each in outcomes],
            "gone": [(each.problem or "gone") if each.gone else None for each in outcomes],
            "closed": [each.closed for each in outcomes],
            "windows": [each.window_until for each in outcomes],
            "announced": [each.announced for each in outcomes],
        },
    )


# Where the citizen has written meanwhile, it is due instead. That is seen by the window that is another one by now: by
# our clock alone, a speaker whose clock is ahead would hold it and get it back without a pause.
_HOLD = Statement("""
    UPDATE deliveries d SET
        held_at = CASE WHEN c.window_until > clock_timestamp() + make_interval(secs => :margin)
                        AND c.window_until IS DISTINCT FROM o.window_until THEN NULL
                       ELSE clock_timestamp() END,
        due_at = clock_timestamp(),
        leased_until = NULL,
        claimed_at = CASE WHEN d.attempts = 1 THEN NULL ELSE d.claimed_at END,
        refused = d.refused || string_to_array(o.refused, ','),
        problem = o.problem
    FROM unnest(CAST(:ids AS bigint[]), CAST(:attempts AS smallint[]), CAST(:rounds AS smallint[]),
                CAST(:problems AS text[]), CAST(:refused AS text[]), CAST(:windows AS timestamptz[]))
         AS o (id, attempts, round, problem, refused, window_until), contacts c
    WHERE d.id = o.id AND c.id = d.contact_id
      AND d.sent_at IS NULL AND d.failed_at IS NULL AND d.reopened = o.round AND d.attempts = o.attempts
""")


async def _hold(connection: AsyncConnection, outcomes: Sequence[Outcome]) -> None:
    if not outcomes:
        return
    await _HOLD.run(
        connection,
        {
            "ids": [each.id for each in outcomes],
            "attempts": [each.attempts for each in outcomes],
            "rounds": [each.round for each in outcomes],
            "problems": [each.problem for each in outcomes],
            "refused": [",".join(each.refused) or None for each in outcomes],
            "windows": [each.window_until for each in outcomes],
            "margin": MARGIN_SECONDS,
        },
    )


_FREE = """
    UPDATE deliveries d SET held_at = NULL, due_at = clock_timestamp(), attempts = 0, problem = NULL, refused = NULL
"""
# A statement of its own, after the chat is locked: what was held while it waited for that is seen as well. What the
# provider failed to deliver and is to be said again in a while is not waited for: the reply would stand behind it.
_OPEN_WINDOW = Statement(f"""
    WITH opened AS (
        UPDATE contacts SET window_until = greatest(window_until, :until) WHERE id = :contact_id
        RETURNING id, window_until
    )
    {_FREE} FROM opened
    WHERE d.contact_id = opened.id AND d.sent_at IS NULL AND d.failed_at IS NULL
      AND (d.held_at IS NOT NULL OR d.reopened > 0 AND d.leased_until IS NULL AND d.due_at > clock_timestamp())
      AND opened.window_until > clock_timestamp() + make_interval(secs => :margin)
    RETURNING d.id
""")  # noqa: S608 -- ours, above
_RELEASE_OPEN = Statement(f"""
    {_FREE} WHERE d.id IN (
        SELECT h.id FROM deliveries h JOIN contacts c ON c.id = h.contact_id
        WHERE h.held_at IS NOT NULL AND c.window_until > clock_timestamp() + make_interval(secs => :margin)
        ORDER BY h.id LIMIT 500 FOR UPDATE OF h SKIP LOCKED)
""")  # noqa: S608 -- ours, above


async def open_window(connection: AsyncConnection, contact_id: int, until: datetime) -> int:
    """The citizen of this chat, which is locked, has written: plain words go through until then, and what was held is
    due, in its order. Returns how much that is."""
    parameters = {"contact_id": contact_id, "until": until, "margin": MARGIN_SECONDS}
    return len(await _OPEN_WINDOW.rows(connection, parameters))


async def release_open(connection: AsyncConnection) -> None:
    """What is held though its window is open (chats were joined, say) is due."""
    await _RELEASE_OPEN.run(connection, {"margin": MARGIN_SECONDS})


_NEXT_DUE = Statement("""
    SELECT extract(epoch FROM min(greatest(due_at, coalesce(leased_until, due_at))) - clock_timestamp()) AS wait
    FROM (SELECT DISTINCT ON (contact_id) due_at, leased_until, channel FROM deliveries
          WHERE sent_at IS NULL AND failed_at IS NULL AND held_at IS NULL ORDER BY contact_id, id) heads
    WHERE channel = ANY(CAST(:channels AS text[]))
""")


async def next_due(connection: AsyncConnection, channels: Sequence[str]) -> float | None:
    """Seconds until the next delivery of these channels may be claimed; None if nothing is pending."""
    found = await _NEXT_DUE.row(connection, {"channels": list(channels)})
    return None if found.wait is None else max(0.0, float(found.wait))


# --- what is put away ------------------------------------------------------------------------------------

# The receipt of what was filed for a resident, and its parameters that open something.
RECEIPT, CODES = "assist.receipt", ("code", "takeover")
COVERED = {"key": "assist.covered"}

# All lines have their numbers from one sequence, and the chat is locked: those to come are behind the new one. What was
# heard up to the one before has been put away already. A reply that could not be said is of no use any more, unless it
# is somebody's receipt.
_CLEAR = text("""
    WITH chat AS (SELECT id, channel, address, shown_after FROM contacts WHERE id = :contact_id),
    heard AS (
        UPDATE inbox i SET payload = '{}' FROM chat c
        WHERE i.channel = c.channel AND i.address = c.address AND i.id > c.shown_after AND i.payload <> '{}'
    ), said AS (
        UPDATE deliveries d SET says = '[]', buttons = '[]' FROM chat c
        WHERE d.contact_id = c.id AND d.sent_at IS NOT NULL AND (d.says <> '[]' OR d.buttons <> '[]')
    ), unsaid AS (
        DELETE FROM deliveries d USING chat c
        WHERE d.contact_id = c.id AND d.sent_at IS NULL AND (d.failed_at IS NOT NULL OR d.held_at IS NOT NULL)
          AND d.asks IS NOT NULL AND d.complaint_id IS NULL AND NOT d.says @> CAST(:receipt AS jsonb)
    )
    UPDATE contacts SET shown_after = nextval('line_ids') WHERE id = :contact_id
""")


async def clear(connection: AsyncConnection, contact_id: int) -> None:
    """Put away what was said in a chat until now, which this transaction has locked: what a resident told there with
    somebody else's help is theirs. Its lines are not shown again, and their words are not kept. What is still to be
    spoken is said, and that messages came is still known."""
    await connection.execute(_CLEAR, {"contact_id": contact_id, "receipt": json.dumps([[RECEIPT]])})


# Who is at such a row tells only what became of it, and is not waited for.
_COVER = text("""
    UPDATE deliveries d SET says = covered.says
    FROM (
        SELECT t.id, (
            SELECT jsonb_agg(CASE WHEN each.say->>0 = :receipt
                                  THEN jsonb_build_array(:receipt, (each.say->1) || CAST(:codes AS jsonb))
                                  ELSE each.say END ORDER BY each.at)
            FROM jsonb_array_elements(t.says) WITH ORDINALITY AS each (say, at)) AS says
        FROM deliveries t
        WHERE t.contact_id = :contact_id AND t.sent_at <= :before AND t.says @> CAST(:wanted AS jsonb)
          AND NOT t.says @> CAST(:done AS jsonb)
        ORDER BY t.id FOR UPDATE OF t SKIP LOCKED
    ) covered
    WHERE d.id = covered.id
""")
_UNCOVERED = text("""
    SELECT EXISTS (
        SELECT 1 FROM deliveries
        WHERE contact_id = :contact_id AND says @> CAST(:wanted AS jsonb) AND NOT says @> CAST(:done AS jsonb))
""")


async def cover_codes(connection: AsyncConnection, contact_id: int, before: datetime) -> bool:
    """Cover the codes in the receipts of residents that were sent to this chat until then: a receipt that is shown or
    sent again says so in their place. Returns whether there are receipts that were not sent yet, or later."""
    covered = dict.fromkeys(CODES, COVERED)
    parameters = {
        "contact_id": contact_id,
        "before": before,
        "receipt": RECEIPT,
        "codes": json.dumps(covered),
        "wanted": json.dumps([[RECEIPT]]),
        "done": json.dumps([[RECEIPT, covered]]),
    }
    await connection.execute(_COVER, parameters)
    return bool((await connection.execute(_UNCOVERED, parameters)).scalar_one())


# --- for the chat page -----------------------------------------------------------------------------------

_LINES = text("""
    WITH chat AS (SELECT id, shown_after FROM contacts WHERE channel = :channel AND address = :address),
    shown AS (SELECT greatest(CAST(:after AS bigint), (SELECT shown_after FROM chat)) AS after),
    waiting AS (
        SELECT min(d.id) AS id FROM deliveries d JOIN chat ON d.contact_id = chat.id
        WHERE d.sent_at IS NULL AND d.failed_at IS NULL AND d.held_at IS NULL
    )
    SELECT id, true AS heard, payload AS content, NULL AS buttons, NULL AS language, received_at AS at FROM inbox
    WHERE channel = :channel AND address = :address AND id > (SELECT after FROM shown)
      AND id < coalesce((SELECT id FROM waiting), 9223372036854775807)
    UNION ALL
    SELECT d.id, false, d.says, d.buttons, d.language, d.sent_at FROM deliveries d JOIN chat ON d.contact_id = chat.id
    WHERE d.sent_at IS NOT NULL AND d.says <> '[]' AND d.id > (SELECT after FROM shown)
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
    """The lines of a chat after that id, in order, up to the first that is not spoken yet. What was put away (`clear`)
    is not among them."""
    parameters = {"channel": channel, "address": address, "after": after, "most": most}
    return [
        Line(row.id, row.heard, row.content, row.buttons or (), row.language or "id", row.at)
        for row in await connection.execute(_LINES, parameters)
    ]
