"""Webhooks out: what happened to complaints, as it waits for those who are told of it, and what became of each event.
Who they are: store/subscriptions.py.

Events of one complaint go to a subscriber one after the other: the oldest that waits is the only one that may be tried.
It blocks the later ones of its complaint until it is taken or given up; other complaints do not wait for it.

    waiting    to be sent, not before `due_at`
    delivered  the subscriber has taken it
    failed     given up, after days of trying or because nobody wants it there any more
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import moves, subscriptions
from store.complaints import Event
from store.statement import Statement
from store.subscriptions import (
    ANSWERED,
    CLOSED,
    CORRECTED,
    FILED,
    MOVED,
    REFERENCED,
    RESPONDED,
    ROUTED,
    TEST,
    Subscription,
)

VERSION = "1"
WAITING, DELIVERED, FAILED = "waiting", "delivered", "failed"
# An event that nobody takes for so long is given up when it has failed once more.
GIVE_UP = timedelta(days=3)
# Pauses between tries of one event: the first, doubled each time, up to the last.
FIRST_PAUSE, LAST_PAUSE = timedelta(seconds=30), timedelta(hours=1)
# After so many failures in a row a subscriber is taken for away: one event a minute is tried until one gets through.
AWAY = 5
PROBE = timedelta(seconds=55)
KEPT = timedelta(days=30)

# Which verb of the store is which kind; the others are no news outside, or told by the status that they lead to.
_BY_VERB = {
    "filed": FILED,
    "disposed": ROUTED,
    "rerouted": ROUTED,
    "responded": RESPONDED,
    "edited": CORRECTED,
    "referenced": REFERENCED,
}
_BY_STATUS = ("moved", "replied", "disputed", "confirmed", "withdrawn", "denied", "lapsed")


def kind_of(event: Event) -> str | None:
    """What an event of a complaint is called outside; None where it is no news there."""
    data = event.data
    if data.get("again"):
        return None
    if event.kind in _BY_STATUS:
        return _kind_of_status(data["status"], data.get("was"), event.kind)
    kind = _BY_VERB.get(event.kind)
    if kind == ROUTED and not data.get("changed", True):
        # A category was put right, or words were added for the same agency.
        return CORRECTED if event.kind == "rerouted" else None
    return None if kind == CORRECTED and not data.get("changed") else kind


def _kind_of_status(status: str, was: str | None, verb: str) -> str | None:
    if status in moves.ENDED:
        return CLOSED
    if status in moves.ANSWERS and verb == "moved":
        return ANSWERED  # also a second answer, with which the status stays
    return MOVED if status != was else None


# --- events -----------------------------------------------------------------------------------------------------

# Most houses have no subscriber: then this finds nothing, and that was all.
_WANTED = Statement("""
    SELECT s.id AS subscription_id, k.ticket, k.report_class, k.category, k.status, k.region, k.agency, k.anonymous,
           k.secret, k.filed_at, k.version,
           (SELECT jsonb_agg(jsonb_build_object('system', r.system, 'number', r.external_id) ORDER BY r.id)
            FROM complaint_references r WHERE r.complaint_id = k.id AND r.state = 'confirmed') AS refs
    FROM webhook_subscriptions s JOIN complaints k ON k.id = :complaint_id
    WHERE s.disabled_at IS NULL AND :kind = ANY(s.events)
      AND (s.region IS NULL OR k.region = s.region OR starts_with(k.region, s.region || '.'))
    ORDER BY s.id
""")
_WRITE = text("""
    INSERT INTO webhook_events (subscription_id, complaint_id, event_id, kind, body)
    VALUES (:subscription_id, :complaint_id, :event_id, :kind, CAST(:body AS jsonb))
""")
# A person has asked: that a subscriber was tried a moment ago is no reason to wait.
_SOON = text("UPDATE webhook_subscriptions SET probed_at = NULL WHERE id = :id AND probed_at IS NOT NULL")


async def record(connection: AsyncConnection, event: Event, at: datetime) -> list[int]:
    """Write down what happened for all who want to be told; returns the ids of their subscriptions.

    In the transaction of the event, whose complaint is locked by its verb: so the events of a complaint have one order.
    """
    kind = kind_of(event)
    if kind is None:
        return []
    wanted = await _WANTED.rows(connection, {"complaint_id": event.complaint_id, "kind": kind})
    if wanted:
        event_id = new_event_id()
        body = json.dumps(_body(event_id, kind, at, wanted[0].version, _facts(wanted[0])))
        common = {"complaint_id": event.complaint_id, "event_id": event_id, "kind": kind, "body": body}
        await connection.execute(_WRITE, [{**common, "subscription_id": each.subscription_id} for each in wanted])
    return [each.subscription_id for each in wanted]


async def record_test(connection: AsyncConnection, subscription_id: int, at: datetime) -> None:
    """Write down an event that is about nothing, to see whether it gets there."""
    event_id = new_event_id()
    body = json.dumps(_body(event_id, TEST, at, 0, None))
    parameters = {"subscription_id": subscription_id, "complaint_id": None, "event_id": event_id, "kind": TEST}
    await connection.execute(_WRITE, {**parameters, "body": body})
    await connection.execute(_SOON, {"id": subscription_id})


def new_event_id() -> str:
    """A name for an event, by which a subscriber knows it again."""
    return f"evt_{uuid.uuid4().hex}"


def _body(event_id: str, kind: str, at: datetime, sequence: int, complaint: Mapping[str, Any] | None) -> dict[str, Any]:
    """What is posted: bridges/webhook_schema.json."""
    head = {"id": event_id, "kind": kind, "version": VERSION, "at": _written(at), "sequence": sequence}
    return {**head, "complaint": complaint}


def _facts(row: Any) -> dict[str, Any]:
    """What is told of a complaint: never words of anybody; of a Rahasia one only that it is there and how far."""
    if row.secret:
        return {"ticket": row.ticket, "status": row.status, "secret": True}
    return {
        "ticket": row.ticket,
        "class": row.report_class,
        "category": row.category,
        "status": row.status,
        "region": row.region,
        "agency": row.agency,
        "anonymous": row.anonymous,
        "secret": False,
        "filed_at": _written(row.filed_at),
        "references": row.refs or [],
    }


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# --- delivery ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Post:
    """An event under way, for the `attempts`-th time; `probing`: its subscriber was taken for away."""

    id: int
    event_id: str
    body: Mapping[str, Any]
    attempts: int
    created_at: datetime
    subscription: Subscription
    probing: bool


_OLDEST = """
    SELECT id, due_at <= now() AS due FROM webhook_events
    WHERE subscription_id = :subscription_id AND {about} AND state = 'waiting' ORDER BY id LIMIT 1
"""
_OLDEST_OF = text(_OLDEST.format(about="complaint_id = :complaint_id"))
_OLDEST_OF_NONE = text(_OLDEST.format(about="complaint_id IS NULL AND CAST(:complaint_id AS bigint) IS NULL"))
_MAY_PROBE = text("""
    UPDATE webhook_subscriptions SET probed_at = now()
    WHERE id = :id AND (probed_at IS NULL OR probed_at <= now() - CAST(:probe AS interval))
""")
_BEGIN = text("""
    UPDATE webhook_events SET attempts = attempts + 1, tried_at = now() WHERE id = :id AND state = 'waiting'
    RETURNING id, event_id, body, attempts, created_at
""")


async def begin(connection: AsyncConnection, subscription_id: int, complaint_id: int | None) -> Post | None:
    """The next event of a complaint (None: events about nothing) that is to be posted to a subscriber, now; None where
    there is none, the oldest is not due yet, or the subscriber is away and was tried a moment ago."""
    subscription = await subscriptions.get(connection, subscription_id)
    if subscription is None or subscription.disabled_at is not None:
        return None
    parameters = {"subscription_id": subscription_id, "complaint_id": complaint_id}
    statement = _OLDEST_OF_NONE if complaint_id is None else _OLDEST_OF
    oldest = (await connection.execute(statement, parameters)).one_or_none()
    if oldest is None or not oldest.due:
        return None
    probing = subscription.failures >= AWAY
    if probing and not (await connection.execute(_MAY_PROBE, {"id": subscription_id, "probe": PROBE})).rowcount:
        return None
    row = (await connection.execute(_BEGIN, {"id": oldest.id})).one_or_none()
    if row is None:
        return None
    return Post(row.id, row.event_id, row.body, row.attempts, row.created_at, subscription, probing)


_DELIVERED = text("""
    UPDATE webhook_events SET state = 'delivered', done_at = now(), answered = :answered, problem = NULL
    WHERE id = :id AND state = 'waiting'
""")
_WELL = text("""
    UPDATE webhook_subscriptions SET failing_since = NULL, problem = NULL, failures = 0, probed_at = NULL
    WHERE id = :id AND (failures > 0 OR failing_since IS NOT NULL)
""")
_NOT = text("""
    UPDATE webhook_events SET state = :state, done_at = CASE WHEN :state = 'failed' THEN now() END,
           answered = :answered, problem = :problem, due_at = now() + CAST(:pause AS interval)
    WHERE id = :id AND state = 'waiting'
""")
_AILS = text("""
    UPDATE webhook_subscriptions
    SET failing_since = coalesce(failing_since, now()), problem = :problem, failures = failures + 1,
        disabled_at = CASE WHEN :gone THEN coalesce(disabled_at, now()) ELSE disabled_at END
    WHERE id = :id
""")


async def delivered(connection: AsyncConnection, post: Post, answered: int) -> None:
    """The subscriber has taken it, with that status of HTTP."""
    await connection.execute(_DELIVERED, {"id": post.id, "answered": answered})
    await connection.execute(_WELL, {"id": post.subscription.id})


async def not_delivered(
    connection: AsyncConnection,
    post: Post,
    now: datetime,
    problem: str,
    *,
    answered: int | None = None,
    after: float | None = None,
    gone: bool = False,
) -> bool:
    """It was not taken, and is tried again, not before `after` seconds; or given up. `gone`: nobody wants events there
    any more, and none is sent. Whether it was given up."""
    given_up = gone or now - post.created_at >= GIVE_UP
    pause = max(pause_after(post.attempts), timedelta(seconds=after or 0))
    parameters = {"id": post.id, "state": FAILED if given_up else WAITING, "answered": answered, "problem": problem}
    await connection.execute(_NOT, {**parameters, "pause": pause})
    await connection.execute(_AILS, {"id": post.subscription.id, "problem": problem, "gone": gone})
    return given_up


def pause_after(attempts: int) -> timedelta:
    """How long to wait after so many tries."""
    return min(FIRST_PAUSE * (1 << min(max(attempts, 1) - 1, 20)), LAST_PAUSE)


# Of those who are away, what has waited longest since it was last tried, and once a minute.
_DUE = text("""
    WITH oldest AS (
        SELECT DISTINCT ON (e.subscription_id, e.complaint_id) e.subscription_id, e.complaint_id, e.due_at,
               s.failures >= :away AS away, s.probed_at
        FROM webhook_events e JOIN webhook_subscriptions s ON s.id = e.subscription_id
        WHERE e.state = 'waiting' AND s.disabled_at IS NULL
          AND (CAST(:only AS bigint) IS NULL OR s.id = :only)
        ORDER BY e.subscription_id, e.complaint_id, e.id
    ), due AS (
        SELECT *, row_number() OVER (PARTITION BY subscription_id ORDER BY due_at, complaint_id) AS place
        FROM oldest WHERE due_at <= now() - CAST(:since AS interval)
    )
    SELECT subscription_id, complaint_id FROM due
    WHERE CASE WHEN away THEN place = 1 AND (probed_at IS NULL OR probed_at <= now() - CAST(:probe AS interval))
               ELSE true END
    ORDER BY place, due_at LIMIT :most
""")


async def due(
    connection: AsyncConnection,
    most: int,
    *,
    only: int | None = None,
    since: timedelta = timedelta(0),
) -> list[tuple[int, int | None]]:
    """What is to be tried: subscriptions with a complaint whose oldest event has been due for so long, at most so many;
    `only` those of one subscription. Nobody's first ones wait for the many of another."""
    parameters = {"away": AWAY, "probe": PROBE, "most": most, "only": only, "since": since}
    return [(row.subscription_id, row.complaint_id) for row in await connection.execute(_DUE, parameters)]


_SWEEP = text("""
    DELETE FROM webhook_events WHERE id IN (SELECT id FROM webhook_events WHERE created_at < :before LIMIT :most)
""")


async def sweep(connection: AsyncConnection, before: datetime, most: int) -> int:
    """Forget up to `most` events from before that moment: delivered, given up, or of a subscriber that is told nothing.
    Returns how many."""
    return int((await connection.execute(_SWEEP, {"before": before, "most": most})).rowcount)


# --- the log ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Logged:
    """An event as the log shows it; `blocked`: it waits for an older one of its complaint."""

    id: int
    event_id: str
    kind: str
    ticket: str | None
    region: str | None
    state: str
    attempts: int
    created_at: datetime
    due_at: datetime
    tried_at: datetime | None
    answered: int | None
    problem: str | None
    done_at: datetime | None
    blocked: bool


_LOG = text("""
    SELECT e.id, e.event_id, e.kind, k.ticket, k.region, e.state, e.attempts, e.created_at, e.due_at, e.tried_at,
           e.answered, e.problem, e.done_at,
           e.state = 'waiting' AND EXISTS (
               SELECT 1 FROM webhook_events b WHERE b.subscription_id = e.subscription_id
               AND b.complaint_id = e.complaint_id AND b.state = 'waiting' AND b.id < e.id
           ) AS blocked
    FROM webhook_events e LEFT JOIN complaints k ON k.id = e.complaint_id
    WHERE e.subscription_id = :id AND (CAST(:state AS text) IS NULL OR e.state = :state)
      AND (CAST(:before AS bigint) IS NULL OR e.id < :before)
    ORDER BY e.id DESC LIMIT :most
""")
_AGAIN = text("""
    UPDATE webhook_events SET state = 'waiting', due_at = now(), done_at = NULL
    WHERE id = :id AND subscription_id = :subscription_id AND state <> 'delivered'
""")


async def log(
    connection: AsyncConnection, subscription_id: int, most: int, *, state: str | None = None, before: int | None = None
) -> list[Logged]:
    """The events of a subscription, the newest first, those before the id `before`."""
    parameters = {"id": subscription_id, "state": state, "before": before, "most": most}
    return [Logged(*row) for row in await connection.execute(_LOG, parameters)]


async def again(connection: AsyncConnection, subscription_id: int, event: int) -> bool:
    """Try an event as soon as can be, also one that was given up. Whether there is such an event that was not taken."""
    found = await connection.execute(_AGAIN, {"id": event, "subscription_id": subscription_id})
    if found.rowcount:
        await connection.execute(_SOON, {"id": subscription_id})
    return bool(found.rowcount)
