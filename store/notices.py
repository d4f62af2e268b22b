"""What officers are told at the desk: what will be late, what is late, and each morning how much there is to do.

A notice is for one person, or for whoever holds a role in its region or for its agency, now or later; each of them
sees it once as new. It names a report and holds counts, days and keys of texts, and no words of anybody. It is no
message: nobody is woken by it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import policy
from store.clocks import Clock
from store.policy import Grant

# So long a notice is kept, and so long it counts as news in the header of every page.
KEPT = timedelta(days=90)
FRESH = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice, as somebody reads it: `seen` by them. `detail` holds counts, days (ISO) and keys."""

    id: int
    kind: str
    at: datetime
    ticket: str | None
    region: str | None
    agency: str | None
    detail: Mapping[str, Any] = field(default_factory=dict)
    seen: bool = False


_GIVE = text("""
    INSERT INTO notices (kind, at, staff_id, role, region, agency, complaint_id, detail, once)
    VALUES (:kind, now(), :staff_id, :role, :region, :agency, :complaint_id, CAST(:detail AS jsonb), :once)
    ON CONFLICT (once) DO NOTHING
""")


async def give(
    connection: AsyncConnection,
    kind: str,
    *,
    once: str,
    staff_id: int | None = None,
    role: str | None = None,
    region: str | None = None,
    agency: str | None = None,
    complaint_id: int | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Tell a person (`staff_id`), or whoever holds the role in that region or for that agency.

    `once` is the same for the same notice: it is not given again. `kind` is the key of its text. ValueError where it is
    for nobody, IntegrityError for unknown people, regions and agencies.
    """
    if (staff_id is None) == (role is None):
        raise ValueError("a notice is for a person or for a role")
    await connection.execute(
        _GIVE,
        {
            "kind": kind,
            "once": once,
            "staff_id": staff_id,
            "role": role,
            "region": region,
            "agency": agency,
            "complaint_id": complaint_id,
            "detail": json.dumps(dict(detail or {})),
        },
    )


# --- reading ---------------------------------------------------------------------------------------------

# A region's notice is for those who hold the role there or in what it lies in: an office sees what concerns its places.
_MINE = """
    (n.staff_id = :staff_id OR EXISTS (
        SELECT 1 FROM unnest(CAST(:roles AS text[]), CAST(:regions AS text[]), CAST(:agencies AS text[]))
          AS g (role, region, agency)
        WHERE g.role = n.role AND (n.agency IS NULL OR n.agency = g.agency)
          AND (n.region IS NULL OR g.region IS NULL OR n.region = g.region OR starts_with(n.region, g.region || '.'))
    ))
"""
_UNSEEN = "NOT EXISTS (SELECT 1 FROM notices_seen s WHERE s.notice_id = n.id AND s.staff_id = :staff_id)"


def _whose(staff_id: int, grants: Iterable[Grant]) -> dict[str, Any]:
    held = list(grants)
    return {
        "staff_id": staff_id,
        "roles": [grant.role for grant in held],
        "regions": [grant.region for grant in held],
        "agencies": [grant.agency for grant in held],
    }


_OF = text(f"""
    SELECT n.id, n.kind, n.at, k.ticket, n.region, n.agency, n.detail, NOT ({_UNSEEN}) AS seen
    FROM notices n LEFT JOIN complaints k ON k.id = n.complaint_id
    WHERE {_MINE} ORDER BY n.id DESC LIMIT :most
""")  # noqa: S608 (the clauses above, and no value)
_COUNT = text(f"""
    SELECT count(*) FROM (
        SELECT 1 FROM notices n WHERE n.at > :since AND {_MINE} AND {_UNSEEN} LIMIT :most
    ) unseen
""")  # noqa: S608


async def of(connection: AsyncConnection, staff_id: int, grants: Iterable[Grant], most: int = 50) -> list[Notice]:
    """The newest notices of somebody with these grants, newest first."""
    rows = await connection.execute(_OF, {**_whose(staff_id, grants), "most": most})
    return [Notice(*row) for row in rows]


async def unseen(
    connection: AsyncConnection, staff_id: int, grants: Iterable[Grant], now: datetime, most: int = 100
) -> int:
    """How many notices of the last two weeks somebody has not seen, counted up to `most`."""
    parameters = {**_whose(staff_id, grants), "since": now - FRESH, "most": most}
    return int((await connection.execute(_COUNT, parameters)).scalar_one())


_SEEN = text("""
    INSERT INTO notices_seen (notice_id, staff_id) SELECT n.id, :staff_id FROM notices n WHERE n.id = :id
    ON CONFLICT DO NOTHING
""")
_ALL_SEEN = text(f"""
    INSERT INTO notices_seen (notice_id, staff_id)
    SELECT n.id, :staff_id FROM notices n WHERE n.id <= :up_to AND {_MINE} AND {_UNSEEN}
    ON CONFLICT DO NOTHING
""")  # noqa: S608


async def seen(connection: AsyncConnection, notice_id: int, staff_id: int) -> None:
    """Somebody has seen a notice; nothing happens where there is none, or for the second time."""
    await connection.execute(_SEEN, {"id": notice_id, "staff_id": staff_id})


async def all_seen(connection: AsyncConnection, staff_id: int, grants: Iterable[Grant], up_to: int) -> None:
    """Somebody has seen all of their notices up to that one: what has come since then stays new."""
    await connection.execute(_ALL_SEEN, {**_whose(staff_id, grants), "up_to": up_to})


_DROP = text("""
    DELETE FROM notices WHERE id IN (SELECT id FROM notices WHERE at < :before ORDER BY at LIMIT :most)
""")


async def drop_old(connection: AsyncConnection, now: datetime, most: int) -> int:
    """Let go of notices that are older than `KEPT`, so many at most; returns how many went."""
    return (await connection.execute(_DROP, {"before": now - KEPT, "most": most})).rowcount


# --- deadlines (store/clocks.py) ---------------------------------------------------------------------------

# Who is reminded beside the one who holds the report: after two days without a reaction to a disposition it may have to
# go elsewhere, which is for those who sort to decide.
_REMINDED_TOO: Mapping[str, tuple[str, ...]] = {"follow_up": (policy.ADMIN_INSTANSI,)}
# Who is told when it is over: the lead, and those who oversee.
_ABOVE = (policy.ADMIN_INSTANSI, policy.PENGAWAS)

_HOLDER = text("""
    SELECT coalesce(k.region, a.region, :home) AS region, l.agency
    FROM complaints k LEFT JOIN agencies a ON a.code = k.agency
    LEFT JOIN dispositions l ON l.complaint_id = k.id AND l.leads AND l.ended_at IS NULL
    WHERE k.id = :id
""")


async def give_near(connection: AsyncConnection, clock: Clock, home: str) -> None:
    """Remind of a deadline that ends soon, "near_<kind>": the agency that leads the report, or those who sort where
    none does. `home` is the region of reports that tell none."""
    row = (await connection.execute(_HOLDER, {"id": clock.complaint_id, "home": home})).one()
    holds_agency = clock.kind != "verify" and row.agency is not None
    roles = {policy.PEJABAT if holds_agency else policy.ADMIN_INSTANSI, *_REMINDED_TOO.get(clock.kind, ())}
    await _give_each(connection, f"near_{clock.kind}", clock, roles, row)


async def give_over(connection: AsyncConnection, clock: Clock, home: str) -> None:
    """Tell those above that a deadline is over, "over_<kind>": the lead of the region, and its Pengawas."""
    row = (await connection.execute(_HOLDER, {"id": clock.complaint_id, "home": home})).one()
    await _give_each(connection, f"over_{clock.kind}", clock, _ABOVE, row)


async def _give_each(connection: AsyncConnection, kind: str, clock: Clock, roles: Iterable[str], row: Any) -> None:
    for role in sorted(roles):
        mine = role == policy.PEJABAT
        await give(
            connection,
            kind,
            once=f"{kind}:{clock.id}:{clock.due_on.isoformat()}:{role}",
            role=role,
            region=None if mine else row.region,
            agency=row.agency if mine else None,
            complaint_id=clock.complaint_id,
            detail={"due_on": clock.due_on.isoformat(), "agency": row.agency},
        )


# --- mornings --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may sign in, with those of their grants that are valid now and reach reports."""

    staff_id: int
    grants: tuple[Grant, ...]


_PEOPLE = text("""
    SELECT s.id, g.role, g.region, g.agency FROM staff s JOIN staff_grants g ON g.staff_id = s.id
    WHERE s.disabled_at IS NULL AND (g.valid_to IS NULL OR g.valid_to >= CAST(:now AS date)) AND g.role = ANY(:roles)
    ORDER BY s.id, g.id
""")


async def people(connection: AsyncConnection, now: datetime) -> list[Person]:
    """Everybody whose grants let them read reports."""
    roles = list(policy.REPORT_VERBS["report.read"])
    found: dict[int, list[Grant]] = {}
    for row in await connection.execute(_PEOPLE, {"now": now, "roles": roles}):
        found.setdefault(row.id, []).append(Grant(row.role, row.region, row.agency))
    return [Person(staff_id, tuple(grants)) for staff_id, grants in found.items()]


_GIVEN = text("SELECT once FROM notices WHERE once = ANY(:once)")


async def given(connection: AsyncConnection, once: Sequence[str]) -> set[str]:
    """Which of these were given."""
    return set((await connection.execute(_GIVEN, {"once": list(once)})).scalars())
