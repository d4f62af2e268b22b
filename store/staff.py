"""Staff: accounts, what they were granted, and their sessions.

A session is a random token in a cookie; the store keeps only its digest. It begins half: the second factor makes it
whole (`verified_at`). It ends by itself after `IDLE` without a request, or `LONGEST` after it began; a half one after
`HALF`.

Nothing here writes the audit: whoever calls knows who did it (`store.audit.write`, in the same transaction).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store.policy import Grant

IDLE, LONGEST = timedelta(hours=2), timedelta(hours=12)
HALF = timedelta(minutes=30)
# How long an invitation may be followed, and how long a session that has ended is remembered: whose it was decides who
# gets back what was typed in it.
INVITED = timedelta(hours=72)
REMEMBERED = timedelta(days=30)


class NoAccount(KeyError):
    """There is no account of that id or login."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account. `password_hash` is None before the first password; `factor`: a second factor is in use;
    `subject`: the provider's name for the person, once they have come from there."""

    id: int
    login: str
    name: str
    language: str
    password_hash: str | None = field(repr=False)
    password_set_at: datetime | None
    factor: bool
    subject: str | None
    invited_until: datetime | None
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Held:
    """A grant that somebody holds."""

    id: int
    grant: Grant
    granted_at: datetime


@dataclass(frozen=True, slots=True)
class Open:
    """A session that has not ended, as its person sees it in a list."""

    id: int
    device: str | None
    created_at: datetime
    seen_at: datetime
    verified_at: datetime | None


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
           s.ended_at IS NULL AND s.expires_at > :now AND s.seen_at > :idle_since
           AND (s.verified_at IS NOT NULL OR s.created_at > :half_since) AND z.disabled_at IS NULL AS runs,
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
    parameters = {"digest": digest(token), "now": now, "idle_since": now - IDLE, "half_since": now - HALF}
    row = (await connection.execute(_SESSION, parameters)).one_or_none()
    if row is None or not row.runs:
        return Ended(row.staff_id if row else None)
    found = (await connection.execute(_GRANTS, {"staff_id": row.staff_id, "now": now})).all()
    if now - row.seen_at >= _SEEN_EVERY:
        await connection.execute(_SEEN, {"id": row.id, "now": now})
        await connection.commit()
    grants = tuple(Grant(each.role, each.region, each.agency) for each in found)
    return Session(row.id, row.staff_id, row.login, row.name, row.language, row.verified_at, grants)


# --- accounts --------------------------------------------------------------------------------------

_ACCOUNT = """
    SELECT id, login, name, language, password_hash, password_set_at, totp_confirmed_at IS NOT NULL AS factor,
           oidc_subject AS subject, CASE WHEN invitation_sha256 IS NOT NULL THEN invitation_until END AS invited_until,
           disabled_at
    FROM staff
"""


async def _account(connection: AsyncConnection, where: str, parameters: dict[str, object]) -> Account | None:
    row = (await connection.execute(text(f"{_ACCOUNT} WHERE {where}"), parameters)).one_or_none()
    return Account(*row) if row is not None else None


async def account(connection: AsyncConnection, staff_id: int) -> Account:
    """The account of that id. Raises `NoAccount`."""
    found = await _account(connection, "id = :id", {"id": staff_id})
    if found is None:
        raise NoAccount(staff_id)
    return found


async def by_login(connection: AsyncConnection, login: str) -> Account | None:
    """The account of that login, however it is written."""
    return await _account(connection, "login = :login", {"login": login.strip().lower()})


async def by_subject(connection: AsyncConnection, issuer: str, subject: str) -> Account | None:
    """The account of a person of a provider."""
    return await _account(
        connection, "oidc_issuer = :issuer AND oidc_subject = :subject", {"issuer": issuer, "subject": subject}
    )


async def bind(connection: AsyncConnection, login: str, issuer: str, subject: str) -> Account | None:
    """Remember that a person of a provider is the one of that login; None where there is no such account, where it is
    disabled, or somebody's already."""
    row = await connection.execute(
        text("""
            UPDATE staff SET oidc_issuer = :issuer, oidc_subject = :subject
            WHERE login = :login AND disabled_at IS NULL AND oidc_subject IS NULL RETURNING id
        """),
        {"login": login.strip().lower(), "issuer": issuer, "subject": subject},
    )
    staff_id = row.scalar_one_or_none()
    return await account(connection, staff_id) if staff_id is not None else None


async def listed(connection: AsyncConnection) -> list[Account]:
    """All accounts, by login."""
    return [Account(*row) for row in (await connection.execute(text(f"{_ACCOUNT} ORDER BY login"))).all()]


async def disable(connection: AsyncConnection, staff_id: int, now: datetime) -> None:
    """Let nobody sign in to an account any more; its sessions and its invitation end. Raises `NoAccount`."""
    await _change(
        connection, staff_id, "disabled_at = coalesce(disabled_at, :now), invitation_sha256 = NULL", {"now": now}
    )
    await end_sessions(connection, staff_id)


async def enable(connection: AsyncConnection, staff_id: int) -> None:
    """Let an account be used again, with the password and the factor that it had. Raises `NoAccount`."""
    await _change(connection, staff_id, "disabled_at = NULL", {})


async def speak(connection: AsyncConnection, staff_id: int, language: str) -> None:
    """Remember the language of somebody's pages. Raises `NoAccount`."""
    await _change(connection, staff_id, "language = :language", {"language": language})


async def set_password(connection: AsyncConnection, staff_id: int, password_hash: str, now: datetime) -> None:
    """Replace the password; an invitation ends. Raises `NoAccount`."""
    change = "password_hash = :hash, password_set_at = :now, invitation_sha256 = NULL"
    await _change(connection, staff_id, change, {"hash": password_hash, "now": now})


async def rehash(connection: AsyncConnection, staff_id: int, password_hash: str) -> None:
    """Keep the same password in another way."""
    await _change(connection, staff_id, "password_hash = :hash", {"hash": password_hash})


async def _change(connection: AsyncConnection, staff_id: int, change: str, parameters: dict[str, object]) -> None:
    changed = await connection.execute(
        text(f"UPDATE staff SET {change} WHERE id = :id RETURNING id"),  # noqa: S608 -- ours, above
        {"id": staff_id, **parameters},
    )
    if changed.scalar_one_or_none() is None:
        raise NoAccount(staff_id)


# --- invitations -----------------------------------------------------------------------------------


async def invite(connection: AsyncConnection, staff_id: int, now: datetime) -> str:
    """A link's token for the first password or a new one, good once and for `INVITED`; an earlier one ends.

    The password that there is goes on working until then. Raises `NoAccount`, also for a disabled one.
    """
    token = secrets.token_urlsafe(32)
    if (await account(connection, staff_id)).disabled_at is not None:
        raise NoAccount(staff_id)
    change = "invitation_sha256 = :digest, invitation_until = :until"
    await _change(connection, staff_id, change, {"digest": digest(token), "until": now + INVITED})
    return token


async def invited(connection: AsyncConnection, token: str, now: datetime) -> Account | None:
    """Whose invitation it is; None where it was used, has ended, or never was."""
    return await _account(
        connection,
        "invitation_sha256 = :digest AND invitation_until > :now AND disabled_at IS NULL",
        {"digest": digest(token), "now": now},
    )


async def accept(connection: AsyncConnection, token: str, password_hash: str, now: datetime) -> int | None:
    """Follow an invitation: it is used up, the password is this, all sessions end. Returns whose it was, if it held."""
    row = await connection.execute(
        text("""
            UPDATE staff SET password_hash = :hash, password_set_at = :now, invitation_sha256 = NULL
            WHERE invitation_sha256 = :digest AND invitation_until > :now AND disabled_at IS NULL RETURNING id
        """),
        {"hash": password_hash, "digest": digest(token), "now": now},
    )
    staff_id: int | None = row.scalar_one_or_none()
    if staff_id is not None:
        await end_sessions(connection, staff_id)
    return staff_id


# --- grants ----------------------------------------------------------------------------------------


async def grants(connection: AsyncConnection, staff_id: int, now: datetime) -> list[Held]:
    """What somebody holds today."""
    rows = await connection.execute(
        text("""
            SELECT id, role, region, agency, granted_at FROM staff_grants
            WHERE staff_id = :staff_id AND (valid_to IS NULL OR valid_to >= CAST(:now AS date)) ORDER BY id
        """),
        {"staff_id": staff_id, "now": now},
    )
    return [Held(row.id, Grant(row.role, row.region, row.agency), row.granted_at) for row in rows]


async def revoke(connection: AsyncConnection, grant_id: int, now: datetime) -> int | None:
    """End a grant at once; the row stays. Returns whose it was; None where there is none that holds today."""
    row = await connection.execute(
        text("""
            UPDATE staff_grants SET valid_to = CAST(:now AS date) - 1
            WHERE id = :id AND (valid_to IS NULL OR valid_to >= CAST(:now AS date)) RETURNING staff_id
        """),
        {"id": grant_id, "now": now},
    )
    staff_id: int | None = row.scalar_one_or_none()
    return staff_id


# --- sessions --------------------------------------------------------------------------------------


async def make_whole(connection: AsyncConnection, session_id: int, now: datetime) -> str:
    """The second factor was right: the session is whole, and has a new token, which is returned.

    Raises `NoAccount` where the session has ended meanwhile.
    """
    token = secrets.token_urlsafe(32)
    row = await connection.execute(
        text("""
            UPDATE staff_sessions SET token_sha256 = :digest, verified_at = :now, seen_at = :now
            WHERE id = :id AND ended_at IS NULL RETURNING staff_id
        """),
        {"id": session_id, "digest": digest(token), "now": now},
    )
    if row.scalar_one_or_none() is None:
        raise NoAccount(session_id)
    return token


async def sessions(connection: AsyncConnection, staff_id: int, now: datetime) -> list[Open]:
    """The sessions of somebody that have not ended, the one that was seen last first."""
    rows = await connection.execute(
        text("""
            SELECT id, device, created_at, seen_at, verified_at FROM staff_sessions
            WHERE staff_id = :staff_id AND ended_at IS NULL AND expires_at > :now AND seen_at > :idle_since
              AND (verified_at IS NOT NULL OR created_at > :half_since)
            ORDER BY seen_at DESC, id DESC
        """),
        {"staff_id": staff_id, "now": now, "idle_since": now - IDLE, "half_since": now - HALF},
    )
    return [Open(*row) for row in rows]


async def end_session(connection: AsyncConnection, staff_id: int, session_id: int) -> bool:
    """End one session of somebody; False where they have none of that id that runs."""
    row = await connection.execute(
        text("""
            UPDATE staff_sessions SET ended_at = now()
            WHERE id = :id AND staff_id = :staff_id AND ended_at IS NULL RETURNING id
        """),
        {"id": session_id, "staff_id": staff_id},
    )
    return row.scalar_one_or_none() is not None


async def end_sessions(connection: AsyncConnection, staff_id: int, keep: int | None = None) -> int:
    """End all sessions of somebody but the one of the id `keep`; returns how many."""
    rows = await connection.execute(
        text("""
            UPDATE staff_sessions SET ended_at = now()
            WHERE staff_id = :staff_id AND ended_at IS NULL AND id IS DISTINCT FROM CAST(:keep AS bigint) RETURNING id
        """),
        {"staff_id": staff_id, "keep": keep},
    )
    return len(rows.all())


async def end_halves(connection: AsyncConnection, staff_id: int) -> None:
    """End the sessions of somebody that wait for their second factor."""
    await connection.execute(
        text("""
            UPDATE staff_sessions SET ended_at = now()
            WHERE staff_id = :staff_id AND ended_at IS NULL AND verified_at IS NULL
        """),
        {"staff_id": staff_id},
    )


async def end_token(connection: AsyncConnection, token: str) -> None:
    """End the session of a token, if there is one."""
    await connection.execute(
        text("UPDATE staff_sessions SET ended_at = now() WHERE token_sha256 = :digest AND ended_at IS NULL"),
        {"digest": digest(token)},
    )


async def sweep(connection: AsyncConnection, now: datetime, most: int) -> int:
    """Forget up to `most` sessions that ended `REMEMBERED` ago; returns how many."""
    rows = await connection.execute(
        text("""
            DELETE FROM staff_sessions WHERE id IN (
                SELECT id FROM staff_sessions WHERE least(ended_at, expires_at) <= :before
                LIMIT :most FOR UPDATE SKIP LOCKED
            ) RETURNING id
        """),
        {"before": now - REMEMBERED, "most": most},
    )
    return len(rows.all())
