"""Who is told over HTTP of what happens to complaints: their addresses, secrets, and whether anything gets through."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

FILED, MOVED, ROUTED = "complaint.filed", "complaint.status_changed", "complaint.routed"
RESPONDED, ANSWERED, CORRECTED = "complaint.responded", "complaint.answered", "complaint.corrected"
REFERENCED, CLOSED, TEST = "complaint.referenced", "complaint.closed", "webhook.test"
# What can be subscribed to.
KINDS = (FILED, ROUTED, RESPONDED, ANSWERED, MOVED, CLOSED, CORRECTED, REFERENCED)
# How long the secret before the present one is signed with as well.
OLD_SECRET = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who is told. `events` are the kinds, `region` None everywhere; `failing_since` and `problem` (a key of texts:
    desk/texts/id/troubles.toml) where nothing gets through, `failures` how often in a row."""

    id: int
    name: str
    url: str
    secret: str = field(repr=False)
    old_secret: str | None = field(repr=False)
    events: tuple[str, ...]
    region: str | None
    disabled_at: datetime | None
    failing_since: datetime | None
    problem: str | None
    failures: int
    created_at: datetime

    @property
    def secrets(self) -> tuple[str, ...]:
        """What is signed with, the present one first."""
        return (self.secret, self.old_secret) if self.old_secret else (self.secret,)


@dataclass(frozen=True, slots=True)
class Counted:
    """A subscription with how many events wait for it, were given up, and when one was last taken."""

    subscription: Subscription
    waiting: int
    failed: int
    delivered_at: datetime | None


class Wrong(ValueError):
    """A field of a subscription is not possible; `key` says which: name, url, events, region."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


_SUBSCRIPTION = """
    s.id, s.name, s.url, s.secret, CASE WHEN s.old_secret_until > now() THEN s.old_secret END AS old_secret, s.events,
    s.region, s.disabled_at, s.failing_since, s.problem, s.failures, s.created_at
"""
_GET = text(f"SELECT {_SUBSCRIPTION} FROM webhook_subscriptions s WHERE s.id = :id")  # noqa: S608 (columns, no value)
_LISTED = text(f"""
    SELECT {_SUBSCRIPTION},
           (SELECT count(*) FROM webhook_events e WHERE e.subscription_id = s.id AND e.state = 'waiting') AS waiting,
           (SELECT count(*) FROM webhook_events e WHERE e.subscription_id = s.id AND e.state = 'failed') AS failed,
           (SELECT e.done_at FROM webhook_events e WHERE e.subscription_id = s.id AND e.state = 'delivered'
            ORDER BY e.created_at DESC LIMIT 1) AS delivered_at
    FROM webhook_subscriptions s ORDER BY s.name
""")  # noqa: S608
_ADD = text("""
    INSERT INTO webhook_subscriptions (name, url, secret, events, region)
    VALUES (:name, :url, :secret, CAST(:events AS text[]), :region) RETURNING id
""")
_LONGEST_NAME, _LONGEST_URL = 100, 500


def _row(row: Any) -> Subscription:
    facts = {name: getattr(row, name) for name in Subscription.__slots__}
    return Subscription(**{**facts, "events": tuple(row.events)})


async def get(connection: AsyncConnection, subscription_id: int) -> Subscription | None:
    """One subscription; None if there is none."""
    row = (await connection.execute(_GET, {"id": subscription_id})).one_or_none()
    return None if row is None else _row(row)


async def listed(connection: AsyncConnection) -> list[Counted]:
    """All subscriptions by their names."""
    rows = await connection.execute(_LISTED)
    return [Counted(_row(row), row.waiting, row.failed, row.delivered_at) for row in rows]


async def failing(connection: AsyncConnection) -> int:
    """How many subscriptions nothing gets through to, those that nobody wants any more (410) among them."""
    counted = "SELECT count(*) FROM webhook_subscriptions WHERE failing_since IS NOT NULL"
    return int((await connection.execute(text(counted))).scalar_one())


def new_secret() -> str:
    """A secret as Standard Webhooks has it: "whsec_" and 32 random bytes in base64."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


async def add(
    connection: AsyncConnection, name: str, url: str, events: Sequence[str], region: str | None
) -> tuple[int, str]:
    """Tell somebody from now on; returns the id, and the secret, which is not shown again. Raises `Wrong`;
    IntegrityError where the name is taken."""
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise Wrong("name")
    if not _is_address(url):
        raise Wrong("url")
    if not events or not set(events) <= set(KINDS):
        raise Wrong("events")
    secret = new_secret()
    parameters = {"name": name, "url": url, "secret": secret, "events": list(dict.fromkeys(events)), "region": region}
    return int((await connection.execute(_ADD, parameters)).scalar_one()), secret


def _is_address(url: str) -> bool:
    """Whether something may be posted there: http(s), a host, and no password in it, which everybody would read."""
    if len(url) > _LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
        )
    except ValueError:
        return False


_ROTATE = text("""
    UPDATE webhook_subscriptions
    SET old_secret = secret, old_secret_until = now() + CAST(:lasts AS interval), secret = :secret WHERE id = :id
""")
_DISABLE = text("UPDATE webhook_subscriptions SET disabled_at = now() WHERE id = :id AND disabled_at IS NULL")
_ENABLE = text("""
    UPDATE webhook_subscriptions SET disabled_at = NULL, failing_since = NULL, problem = NULL, failures = 0,
           probed_at = NULL
    WHERE id = :id AND disabled_at IS NOT NULL
""")
_ALL_DUE = text("UPDATE webhook_events SET due_at = now() WHERE subscription_id = :id AND state = 'waiting'")


async def rotate(connection: AsyncConnection, subscription_id: int) -> str | None:
    """A new secret, which is not shown again; for a day the old one is signed with as well. None where there is no such
    subscription."""
    secret = new_secret()
    done = await connection.execute(_ROTATE, {"id": subscription_id, "secret": secret, "lasts": OLD_SECRET})
    return secret if done.rowcount else None


async def disable(connection: AsyncConnection, subscription_id: int) -> bool:
    """Tell them nothing any more; what waits stays. Whether it was told until now."""
    return bool((await connection.execute(_DISABLE, {"id": subscription_id})).rowcount)


async def enable(connection: AsyncConnection, subscription_id: int) -> bool:
    """Tell them again, and what has waited at once; what happened meanwhile they have missed. Whether it was off."""
    done = bool((await connection.execute(_ENABLE, {"id": subscription_id})).rowcount)
    if done:
        await connection.execute(_ALL_DUE, {"id": subscription_id})
    return done
