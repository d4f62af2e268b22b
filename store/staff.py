"""Staff: accounts, what they were granted, and their sessions.

A session is a random token in a cookie; the store keeps only its digest. It begins half: the second factor makes it
whole (`verified_at`). It ends by itself after `IDLE` without a request, or `LONGEST` after it began.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store.policy import Grant

IDLE, LONGEST = timedelta(hours=2), timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Session:
    """A session that has not ended, with its person's grants that are valid today."""

    id: int
    staff_id: int
    login: str
    name: str
    language: str
    verified_at: datetime | None
    grants: tuple[Grant, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """There is no such session, or no longer; whose it was, if anybody's."""

    staff_id: int | None


def digest(secret: str) -> str:
    """What is kept of a token or a code."""
    return hashlib.sha256(secret.encode()).hexdigest()


async def add(connection: AsyncConnection, login: str, name: str, grants: Sequence[Grant] = ()) -> int:
    """Add an account that nobody can sign in to yet; returns its id. IntegrityError where the login is taken."""
    row = await connection.execute(
        text("INSERT INTO staff (login, name) VALUES (:login, :name) RETURNING id"),
        {"login": login.strip().lower(), "name": name.strip()},
    )
    staff_id = int(row.scalar_one())
    for each in grants:
        await grant(connection, staff_id, each)
    return staff_id


async def grant(connection: AsyncConnection, staff_id: int, new: Grant) -> None:
    """Let a person hold a role, in a region or for an agency. IntegrityError for an unknown one."""
    await connection.execute(
        text("INSERT INTO staff_grants (staff_id, role, region, agency) VALUES (:staff_id, :role, :region, :agency)"),
        {"staff_id": staff_id, "role": new.role, "region": new.region, "agency": new.agency},
    )


async def open_session(
    connection: AsyncConnection, staff_id: int, now: datetime, *, device: str | None = None, verified: bool = False
) -> str:
    """Begin a session; returns its token, which is kept nowhere."""
    token = secrets.token_urlsafe(32)
    await connection.execute(
        text("""
            INSERT INTO staff_sessions (staff_id, token_sha256, device, created_at, seen_at, expires_at, verified_at)
            VALUES (:staff_id, :digest, :device, :now, :now, :until, :verified_at)
        """),
        {
            "staff_id": staff_id,
            "digest": digest(token),
            "device": device,
            "now": now,
            "until": now + LONGEST,
            "verified_at": now if verified else None,
        },
    )
    return token


_SESSION = text("""
    SELECT s.id, s.staff_id, s.verified_at, s.seen_at,
           s.ended_at IS NULL AND s.expires_at > :now AND s.seen_at > :idle_since AND z.disabled_at IS NULL AS runs,
           z.login, z.name, z.language
    FROM staff_sessions s JOIN staff z ON z.id = s.staff_id WHERE s.token_sha256 = :digest
""")
_GRANTS = text("""
    SELECT role, region, agency FROM staff_grants
    WHERE staff_id = :staff_id AND (valid_to IS NULL OR valid_to >= CAST(:now AS date)) ORDER BY id
""")
_SEEN = text("UPDATE staff_sessions SET seen_at = :now WHERE id = :id")
# A session's last sign is written down no oftener than this.
_SEEN_EVERY = timedelta(minutes=1)


async def session(connection: AsyncConnection, token: str, now: datetime) -> Session | Ended:
    """The session of that token, and that it was seen; `Ended` if there is none or it has ended.

    Commits the connection where it has written: the sign of life must outlive whatever the request comes to.
    """
    parameters = {"digest": digest(token), "now": now, "idle_since": now - IDLE}
    row = (await connection.execute(_SESSION, parameters)).one_or_none()
    if row is None or not row.runs:
        return Ended(row.staff_id if row else None)
    found = (await connection.execute(_GRANTS, {"staff_id": row.staff_id, "now": now})).all()
    if now - row.seen_at >= _SEEN_EVERY:
        await connection.execute(_SEEN, {"id": row.id, "now": now})
        await connection.commit()
    grants = tuple(Grant(each.role, each.region, each.agency) for each in found)
    return Session(row.id, row.staff_id, row.login, row.name, row.language, row.verified_at, grants)
