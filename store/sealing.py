"""Seals on the audit: each names a SHA-256 of its rows and of the seal before it, so that no row can be changed,
removed or put in between without a trace. What the chain cannot show by itself is that its end is missing: for that the
newest digest is kept elsewhere, and asked for again (`verify`).

What is hashed is lines of JSON, each ended by a newline: `[FORM, previous]`; each row in the order of ids as
`[id, at, actor_kind, actor_id, verb, object_kind, object_id, detail]`, where `at` is UTC with microseconds and `detail`
the text that PostgreSQL gives of it; then `[first_id, last_id, rows, sealed_at]`. A seal covers every row after the
last id of the seal before it, up to its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

FORM = "lapor audit 1"
# What the first seal names as the one before it.
BEGINNING = "0" * 64
# So many rows under one seal at most.
MOST = 10_000
# How long `settled` may wait for those who write, and they behind it.
PATIENCE = "2s"
# Before every id, also those that nobody has ever given out.
_BEFORE_ALL = -(2**63)

_MOMENT = """'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'"""
_ROWS = f"""
    SELECT id, to_char(at AT TIME ZONE 'UTC', {_MOMENT}) AS moment, actor_kind, actor_id, verb, object_kind, object_id,
           detail::text AS detail
    FROM audit WHERE id > :after AND id <= :upto ORDER BY id
"""  # noqa: S608 (a format, and no value)
_BATCH = text(f"{_ROWS} LIMIT :most")
_ALL = text(_ROWS)
_SEALS = text(f"""
    SELECT id, first_id, last_id, rows, previous, digest, to_char(sealed_at AT TIME ZONE 'UTC', {_MOMENT}) AS moment
    FROM audit_seals ORDER BY id
""")  # noqa: S608 (a format, and no value)


@dataclass(frozen=True, slots=True)
class Seal:
    """A seal: the ids of its first and last row, how many they are, the digest before it and its own."""

    first_id: int
    last_id: int
    rows: int
    previous: str
    digest: str


class _Digest:
    """The digest of a seal, while its rows come."""

    def __init__(self, previous: str) -> None:
        self._hash = hashlib.sha256(line([FORM, previous]))
        self.rows, self.last = 0, _BEFORE_ALL
        self.first: int | None = None

    def take(self, row: Any) -> bytes:
        """One more row; returns its line."""
        self.rows += 1
        self.first, self.last = row.id if self.first is None else self.first, row.id
        taken = line(list(row))
        self._hash.update(taken)
        return taken

    def end(self, first_id: int, last_id: int, rows: int, moment: str) -> str:
        """The digest, of a seal that says this of its rows and was set at that moment."""
        self._hash.update(line([first_id, last_id, rows, moment]))
        return self._hash.hexdigest()


def line(values: list[Any]) -> bytes:
    """A line of what is hashed: values that hold any characters, and yet two different lists never give one line."""
    return (json.dumps(values, separators=(",", ":"), allow_nan=False) + "\n").encode("ascii")


# --- sealing ------------------------------------------------------------------------------------------

_PATIENCE = text("SELECT set_config('lock_timeout', :patience, true)")
# A row gets its id while its transaction holds the table in ROW EXCLUSIVE mode, which SHARE mode waits for: whoever
# holds it sees every row that has an id, and later ones have greater ids.
_HOLD = text("LOCK TABLE audit IN SHARE MODE")
_GREATEST = text("SELECT max(id) FROM audit WHERE id > coalesce((SELECT max(last_id) FROM audit_seals), :before)")


async def settled(connection: AsyncConnection) -> int | None:
    """The greatest id of a row that has no seal; no row with a smaller one can still come. None where all have one.

    Those who write to the audit wait until this transaction ends, so it is to do nothing else. Raises psycopg's
    LockNotAvailable (55P03) where somebody writes for longer than `PATIENCE`.
    """
    await connection.execute(_PATIENCE, {"patience": PATIENCE})
    await connection.execute(_HOLD)
    found: int | None = (await connection.execute(_GREATEST, {"before": _BEFORE_ALL})).scalar_one()
    return found


_ALONE = text("SELECT pg_try_advisory_xact_lock(hashtextextended('audit_seals', 0))")
_LAST = text("SELECT last_id, digest FROM audit_seals ORDER BY id DESC LIMIT 1")
_NOW = text(f"SELECT to_char(now() AT TIME ZONE 'UTC', {_MOMENT})")
_ADD = text("""
    INSERT INTO audit_seals (first_id, last_id, rows, previous, digest, sealed_at)
    VALUES (:first_id, :last_id, :rows, :previous, :digest, now())
""")


async def seal(connection: AsyncConnection, upto: int, most: int = MOST) -> Seal | None:
    """Set one seal on the first rows that have none, `most` of them, none after the id that `settled` told.

    None where there is no such row, or another transaction is sealing just now.
    """
    if not (await connection.execute(_ALONE)).scalar_one():
        return None
    before = (await connection.execute(_LAST)).one_or_none()
    after, previous = (before.last_id, before.digest) if before else (_BEFORE_ALL, BEGINNING)
    digest = _Digest(previous)
    async for row in await connection.stream(_BATCH, {"after": after, "upto": upto, "most": most}):
        digest.take(row)
    if digest.first is None:
        return None
    moment = (await connection.execute(_NOW)).scalar_one()
    ended = digest.end(digest.first, digest.last, digest.rows, moment)
    made = Seal(digest.first, digest.last, digest.rows, previous, ended)
    await connection.execute(_ADD, {name: getattr(made, name) for name in made.__slots__})
    return made


# --- verifying ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Broken:
    """A seal that does not hold. `why` is "link": the seal before it is not the one that it names; "missing" or
    "extra": so many rows; "changed": as many rows as there were, or what the seal says of them, but not the same."""

    id: int
    first_id: int
    last_id: int
    why: str
    rows: int = 0


@dataclass(slots=True)
class Verified:
    """What became of the whole chain: how many seals and sealed rows there are, the newest digest (None: no seal), the
    seals that do not hold (the first hundred, and how many in all), the rows after the last seal and since when they
    wait; `known`: whether the digest that was asked for is one of the chain (None: none was)."""

    seals: int = 0
    rows: int = 0
    newest: str | None = None
    broken: list[Broken] = field(default_factory=list)
    failed: int = 0
    unsealed: int = 0
    waiting_since: datetime | None = None
    known: bool | None = None

    @property
    def holds(self) -> bool:
        """Whether nothing speaks against the audit."""
        return not self.failed and self.known is not False


_TAIL = text("SELECT count(*) AS rows, min(at) AS since FROM audit WHERE id > :after")
_NAMED = 100


async def verify(connection: AsyncConnection, until: str | None = None) -> Verified:
    """Compute the whole chain anew. `until` is a digest that was kept elsewhere: it must be one of the chain.

    The transaction should be of one view (REPEATABLE READ). Any number of rows is read, a few at a time.
    """
    found = Verified(known=None if until is None else False)
    after, previous = _BEFORE_ALL, BEGINNING
    async for each in await connection.stream(_SEALS):
        broken = await _look(connection, each, after, previous)
        if broken is not None:
            found.failed += 1
            if len(found.broken) < _NAMED:
                found.broken.append(broken)
        found.seals, found.rows, found.newest = found.seals + 1, found.rows + each.rows, each.digest
        found.known = found.known or each.digest == until if until is not None else None
        after, previous = max(after, each.last_id), each.digest
    tail = (await connection.execute(_TAIL, {"after": after})).one()
    found.unsealed, found.waiting_since = tail.rows, tail.since
    return found


async def _look(connection: AsyncConnection, sealed: Any, after: int, previous: str) -> Broken | None:
    """What is wrong with one seal, after the id and the digest that the one before it ends with."""
    digest = _Digest(sealed.previous)
    async for row in await connection.stream(_ALL, {"after": after, "upto": sealed.last_id}):
        digest.take(row)

    def broken(why: str, rows: int = 0) -> Broken:
        return Broken(sealed.id, sealed.first_id, sealed.last_id, why, rows)

    if sealed.previous != previous:
        return broken("link")
    if digest.rows != sealed.rows:
        return broken("missing" if digest.rows < sealed.rows else "extra", abs(digest.rows - sealed.rows))
    ended = digest.end(sealed.first_id, sealed.last_id, sealed.rows, sealed.moment)
    return None if ended == sealed.digest else broken("changed")


# --- giving it out ------------------------------------------------------------------------------------


async def lines(connection: AsyncConnection) -> AsyncIterator[bytes]:
    """The audit as it is hashed, line by line; after the lines of each seal `{"sha256": its digest}`, which is that of
    the lines since the one before. At the end come the rows that have no seal."""
    after = _BEFORE_ALL
    async for each in await connection.stream(_SEALS):
        yield line([FORM, each.previous])
        async for row in await connection.stream(_ALL, {"after": after, "upto": each.last_id}):
            yield line(list(row))
        yield line([each.first_id, each.last_id, each.rows, each.moment])
        yield (json.dumps({"sha256": each.digest}) + "\n").encode("ascii")
        after = each.last_id
    async for row in await connection.stream(_ALL, {"after": after, "upto": 2**63 - 1}):
        yield line(list(row))


# --- its state ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class State:
    """How far the audit is sealed: how many seals, the last one's moment and digest (None: no seal yet), and how many
    rows wait for the next."""

    seals: int
    sealed_at: datetime | None
    digest: str | None
    unsealed: int


_STATE = text("""
    SELECT (SELECT count(*) FROM audit_seals) AS seals, s.sealed_at, s.digest,
           (SELECT count(*) FROM audit WHERE id > coalesce(s.last_id, :before)) AS unsealed
    FROM (SELECT 1) one LEFT JOIN (SELECT * FROM audit_seals ORDER BY id DESC LIMIT 1) s ON true
""")


async def state(connection: AsyncConnection) -> State:
    """How far the audit is sealed. It computes nothing anew: see `verify`."""
    row = (await connection.execute(_STATE, {"before": _BEFORE_ALL})).one()
    return State(row.seals, row.sealed_at, row.digest, row.unsealed)
