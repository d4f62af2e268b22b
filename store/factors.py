"""The second factor: codes of an authenticator app (TOTP, 6 digits, 30 s), and recovery codes for when it is lost."""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta

import pyotp
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store.staff import digest

STEP = 30
LASTS = timedelta(seconds=STEP)
# Clocks of phones are wrong: a code of the step before or after is as good.
DRIFT = 1
CODES = 8
# Without letters and digits that look alike.
_LETTERS = "23456789abcdefghjkmnpqrstvwxyz"
_LENGTH = 10


def address(secret: str, login: str, house: str) -> str:
    """The otpauth address that an app reads from a picture."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=house)


def code_at(secret: str, now: datetime) -> str:
    """The code that an app shows at that moment."""
    return pyotp.HOTP(secret).at(_step(now))


async def begin(connection: AsyncConnection, staff_id: int) -> str | None:
    """The secret that waits for its first code, made where there is none; None where a factor is confirmed."""
    row = await connection.execute(
        text("""
            UPDATE staff SET totp_secret = coalesce(totp_secret, :new)
            WHERE id = :id AND totp_confirmed_at IS NULL RETURNING totp_secret
        """),
        {"id": staff_id, "new": pyotp.random_base32()},
    )
    secret: str | None = row.scalar_one_or_none()
    return secret


async def renew(connection: AsyncConnection, staff_id: int) -> None:
    """Draw another secret where none is confirmed: whoever has seen the one that waits must not know the next."""
    await connection.execute(
        text("UPDATE staff SET totp_secret = NULL WHERE id = :id AND totp_confirmed_at IS NULL"), {"id": staff_id}
    )


async def confirm(connection: AsyncConnection, staff_id: int, code: str, now: datetime) -> list[str] | None:
    """Take a factor into use with its first code; returns the recovery codes, which are kept nowhere.

    None where the code is wrong, or where a factor is in use.
    """
    if not await _take(connection, staff_id, code, now, confirmed=False):
        return None
    await connection.execute(
        text("UPDATE staff SET totp_confirmed_at = :now WHERE id = :id"), {"id": staff_id, "now": now}
    )
    return await renew_codes(connection, staff_id)


async def check(connection: AsyncConnection, staff_id: int, code: str, now: datetime) -> bool:
    """Whether this is a code of the person's app, which has not been used: each time step counts once."""
    return await _take(connection, staff_id, code, now, confirmed=True)


async def _take(connection: AsyncConnection, staff_id: int, code: str, now: datetime, *, confirmed: bool) -> bool:
    row = await connection.execute(
        text("""
            SELECT totp_secret, totp_last FROM staff
            WHERE id = :id AND (totp_confirmed_at IS NOT NULL) = :confirmed FOR UPDATE
        """),
        {"id": staff_id, "confirmed": confirmed},
    )
    found = row.one_or_none()
    if found is None or found.totp_secret is None:
        return False
    given, app = "".join(code.split()).encode(), pyotp.HOTP(found.totp_secret)
    fitting = [
        step
        for step in range(_step(now) - DRIFT, _step(now) + DRIFT + 1)
        if hmac.compare_digest(app.at(step).encode(), given) and (found.totp_last is None or step > found.totp_last)
    ]
    if not fitting:
        return False
    await connection.execute(
        text("UPDATE staff SET totp_last = :step WHERE id = :id"), {"id": staff_id, "step": fitting[0]}
    )
    return True


def _step(now: datetime) -> int:
    return int(now.timestamp()) // STEP


async def forget(connection: AsyncConnection, staff_id: int) -> None:
    """Take the factor and its recovery codes away; the next sign-in asks for a new one."""
    await connection.execute(
        text("UPDATE staff SET totp_secret = NULL, totp_confirmed_at = NULL, totp_last = NULL WHERE id = :id"),
        {"id": staff_id},
    )
    await connection.execute(text("DELETE FROM recovery_codes WHERE staff_id = :id"), {"id": staff_id})


# --- recovery codes --------------------------------------------------------------------------------


async def renew_codes(connection: AsyncConnection, staff_id: int) -> list[str]:
    """Make `CODES` new codes ("k3f7q-9x2mp") in the place of the old ones; only their digests are kept."""
    drawn = ["".join(secrets.choice(_LETTERS) for _ in range(_LENGTH)) for _ in range(CODES)]
    await connection.execute(text("DELETE FROM recovery_codes WHERE staff_id = :id"), {"id": staff_id})
    await connection.execute(
        text("INSERT INTO recovery_codes (staff_id, code_sha256) VALUES (:id, :digest)"),
        [{"id": staff_id, "digest": _kept(staff_id, code)} for code in drawn],
    )
    return [f"{code[: _LENGTH // 2]}-{code[_LENGTH // 2 :]}" for code in drawn]


async def spend(connection: AsyncConnection, staff_id: int, code: str, now: datetime) -> bool:
    """Use a recovery code, which then is used up; False where it is none of the person's, or used."""
    row = await connection.execute(
        text("""
            UPDATE recovery_codes SET used_at = :now
            WHERE staff_id = :id AND code_sha256 = :digest AND used_at IS NULL RETURNING true
        """),
        {"id": staff_id, "digest": _kept(staff_id, code), "now": now},
    )
    return row.scalar_one_or_none() is not None


async def codes_left(connection: AsyncConnection, staff_id: int) -> int:
    """How many recovery codes are not used."""
    row = await connection.execute(
        text("SELECT count(*) FROM recovery_codes WHERE staff_id = :id AND used_at IS NULL"), {"id": staff_id}
    )
    return int(row.scalar_one())


def _kept(staff_id: int, code: str) -> str:
    return digest(f"{staff_id} {''.join(each for each in code.lower() if each.isalnum())}")
