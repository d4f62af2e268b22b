"""Who did what at the desk, and who looked behind an Anonim: rows that nobody can change (a trigger refuses it)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import policy
from store.complaints import Actor
from store.policy import Grant, Reach

_WRITE = text("""
    INSERT INTO audit (actor_kind, actor_id, verb, object_kind, object_id, detail)
    VALUES (:actor_kind, :actor_id, :verb, :object_kind, :object_id, CAST(:detail AS jsonb))
""")


async def write(
    connection: AsyncConnection,
    actor: Actor,
    verb: str,
    *,
    of: tuple[str, str] | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write down that `actor` did `verb`, to `of` (kind and id, such as ("report", ticket)).

    `detail` says what changed in codes, counts and names of columns; never anybody's words, name or number.
    """
    parameters = {
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "verb": verb,
        "object_kind": of[0] if of else None,
        "object_id": of[1] if of else None,
        "detail": json.dumps(dict(detail or {})),
    }
    await connection.execute(_WRITE, parameters)


# --- reading ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sight:
    """What of the audit somebody may read: that of reports so far, and whether that of the house as well (sign-ins,
    accounts, settings, exports)."""

    reports: Reach
    house: bool


def sight(grants: Iterable[Grant]) -> Sight:
    """What somebody with these grants may read of the audit."""
    held = tuple(grants)
    return Sight(policy.reach(held, "report.read_trail"), policy.may(held, "audit.read_house"))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the audit is asked for; None: everything. `people` are numbers of staff, who did it or to whom it was
    done; the moments are from the first on, before the second."""

    people: Sequence[int] | None = None
    verb: str | None = None
    ticket: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the audit. `name` is that of the officer who did it, `about` of the one to whom it was done."""

    id: int
    at: datetime
    actor_kind: str
    actor_id: str
    verb: str
    object_kind: str | None
    object_id: str | None
    detail: Mapping[str, Any]
    name: str | None
    about: str | None


# Who acts at the desk, so that the index that begins with it can be used.
_AT_THE_DESK = ("operator", "agency", "staff")
_FILTERS = {
    "people": """(
        z.actor_kind = ANY(CAST(:kinds AS text[])) AND z.actor_id = ANY(CAST(:people AS text[]))
        OR z.object_kind = 'staff' AND z.object_id = ANY(CAST(:numbers AS text[]))
    )""",
    "verb": "z.verb = :verb",
    "ticket": "z.object_kind = 'report' AND z.object_id = :ticket",
    "since": "z.at >= :since",
    "until": "z.at < :until",
    "before": "(z.at, z.id) < ((SELECT b.at FROM audit b WHERE b.id = :before), CAST(:before AS bigint))",
}
_SEEN = f"""
    CASE WHEN z.object_kind = 'report' THEN :everywhere OR EXISTS (
        SELECT 1 FROM complaints k LEFT JOIN agencies a ON a.code = k.agency
        WHERE k.ticket = z.object_id AND {policy.COVERED}
    ) ELSE :house END
"""  # noqa: S608 (the policy's clause, and no value)


async def page(
    connection: AsyncConnection, sight: Sight, home: str, wanted: Wanted, *, before: int | None = None, most: int = 50
) -> list[Entry]:
    """What somebody may read of the audit, newest first, at most `most` rows; it begins after the row of the id
    `before`."""
    asked: dict[str, Any] = {
        "people": None if wanted.people is None else [f"staff:{each}" for each in wanted.people],
        "verb": wanted.verb,
        "ticket": wanted.ticket,
        "since": wanted.since,
        "until": wanted.until,
        "before": before,
    }
    asked = {name: value for name, value in asked.items() if value is not None}
    where = " AND ".join([_SEEN, *(_FILTERS[name] for name in asked)])
    statement = text(f"""
        WITH found AS (SELECT * FROM audit z WHERE {where} ORDER BY z.at DESC, z.id DESC LIMIT :most)
        SELECT found.*, who.name, about.name AS about FROM found
        LEFT JOIN staff who ON who.id = CAST(substring(found.actor_id FROM '^staff:([0-9]{{1,18}})$') AS bigint)
        LEFT JOIN staff about ON found.object_kind = 'staff'
                              AND about.id = CAST(substring(found.object_id FROM '^([0-9]{{1,18}})$') AS bigint)
        ORDER BY found.at DESC, found.id DESC
    """)  # noqa: S608 (the clauses above, and no value)
    parameters = {
        **asked,
        **policy.covered(sight.reports, home),
        "house": sight.house,
        "kinds": list(_AT_THE_DESK),
        "numbers": [str(each) for each in wanted.people or ()],
        "most": most,
    }
    rows = await connection.execute(statement, parameters)
    return [Entry(**{name: getattr(row, name) for name in Entry.__slots__}) for row in rows]


_PEOPLE = text("""
    SELECT id FROM staff
    WHERE login = lower(:words) OR strpos(lower(name), lower(:words)) > 0 OR strpos(login, lower(:words)) > 0
    ORDER BY id LIMIT 100
""")


async def people(connection: AsyncConnection, words: str) -> list[int]:
    """The staff whose name or login has these words in it, at most a hundred."""
    return list((await connection.execute(_PEOPLE, {"words": words})).scalars())
