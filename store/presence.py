"""Who has which report open just now: whoever gave a sign within the last minute, so that nobody is surprised."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import staff
from store.policy import COVERED, Grant, Reach, covered
from store.reports import HERE_SECONDS

_WITHIN = timedelta(seconds=HERE_SECONDS)


@dataclass(frozen=True, slots=True)
class Other:
    """Somebody else who has a report open, and since when."""

    staff_id: int
    name: str
    since: datetime


# Who comes back after a while has come anew.
_HERE = text("""
    INSERT INTO presence (complaint_id, staff_id, since, seen_at) VALUES (:complaint_id, :staff_id, :now, :now)
    ON CONFLICT (complaint_id, staff_id) DO UPDATE
    SET seen_at = greatest(presence.seen_at, excluded.seen_at),
        since = CASE WHEN presence.seen_at > :after THEN presence.since ELSE excluded.since END
""")
_OTHERS = text("""
    SELECT p.staff_id, z.name, p.since FROM presence p JOIN staff z ON z.id = p.staff_id
    WHERE p.complaint_id = :complaint_id AND p.staff_id <> :staff_id AND p.seen_at > :after ORDER BY p.since, p.staff_id
""")


async def here(connection: AsyncConnection, complaint_id: int, staff_id: int, now: datetime) -> list[Other]:
    """Somebody has a report open; returns the others who have it open too, the first to come first."""
    parameters = {"complaint_id": complaint_id, "staff_id": staff_id, "now": now, "after": now - _WITHIN}
    await connection.execute(_HERE, parameters)
    rows = await connection.execute(_OTHERS, parameters)
    return [Other(row.staff_id, row.name, row.since) for row in rows]


async def gone(connection: AsyncConnection, complaint_id: int, staff_id: int) -> None:
    """They have closed it."""
    await connection.execute(
        text("DELETE FROM presence WHERE complaint_id = :complaint_id AND staff_id = :staff_id"),
        {"complaint_id": complaint_id, "staff_id": staff_id},
    )


_OPEN = text(f"""
    SELECT k.ticket, count(*) AS others
    FROM presence p JOIN complaints k ON k.id = p.complaint_id LEFT JOIN agencies a ON a.code = k.agency
    WHERE p.seen_at > :after AND p.staff_id <> :staff_id AND {COVERED}
    GROUP BY k.ticket ORDER BY k.ticket
""")  # noqa: S608 (the policy's clause, and no value)


async def open_now(
    connection: AsyncConnection, reach: Reach, home: str, staff_id: int, now: datetime
) -> dict[str, int]:
    """The reports within reach that others have open, and how many of them."""
    parameters = {**covered(reach, home), "staff_id": staff_id, "after": now - _WITHIN}
    return {row.ticket: row.others for row in await connection.execute(_OPEN, parameters)}


async def forget(connection: AsyncConnection, before: datetime) -> None:
    """Let go of signs that are older than that."""
    await connection.execute(text("DELETE FROM presence WHERE seen_at < :before"), {"before": before})


# --- whether somebody is still signed in, without counting it as a sign of life ----------------------------------

_RUNS = text("""
    SELECT s.staff_id FROM staff_sessions s JOIN staff z ON z.id = s.staff_id
    WHERE s.id = :id AND s.ended_at IS NULL AND s.verified_at IS NOT NULL AND s.expires_at > :now
      AND s.seen_at > :idle_since AND z.disabled_at IS NULL
""")
_GRANTS = text("""
    SELECT g.role, g.region, g.agency FROM staff_grants g JOIN staff z ON z.id = g.staff_id
    WHERE g.staff_id = :staff_id AND (g.valid_to IS NULL OR g.valid_to >= CAST(:now AS date)) AND z.disabled_at IS NULL
    ORDER BY g.id
""")


async def still(connection: AsyncConnection, session_id: int, now: datetime) -> tuple[Grant, ...] | None:
    """What the person of a session may do now; None where the session has ended. A page that only listens does not
    keep a session alive."""
    parameters = {"id": session_id, "now": now, "idle_since": now - staff.IDLE}
    row = (await connection.execute(_RUNS, parameters)).one_or_none()
    return None if row is None else await grants(connection, row.staff_id, now)


async def grants(connection: AsyncConnection, staff_id: int, now: datetime) -> tuple[Grant, ...]:
    """What a person was granted and is valid on this day; nothing for one whose account is disabled."""
    rows = await connection.execute(_GRANTS, {"staff_id": staff_id, "now": now})
    return tuple(Grant(row.role, row.region, row.agency) for row in rows)
