"""What is to go into other systems, as the desk lists it: what a person enters, looks for or mends, by groups.

    entering  SP4N's, waiting to be entered by hand
    unknown   SP4N's of which nobody knows whether they are there
    failed    SP4N's that were refused
    posts     what pelapor have said since, to be passed on by hand, or where a machine could not
    machine   SP4N's that a machine sends, or has sent without a number yet: nobody needs to do anything
    others    other systems' unknown and failed

A reference is in one group; what is confirmed and has no open posts, and what need not go there, is in none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import references, ways
from store.policy import COVERED, Reach, covered
from store.references import CONFIRMED, FAILED, UNKNOWN, WAITING, NotNow
from store.reports import HERE_SECONDS

ENTERING, LOOKING, MENDING, POSTS, MACHINE, OTHERS = GROUPS = (
    "entering",
    "unknown",
    "failed",
    "posts",
    "machine",
    "others",
)

# The matter of what somebody must see to (store/attention.py).
MATTER = "handover"
# The problem (a key of texts) of what need not go there, because a person said so.
NOT_NEEDED = "not_needed"
# And of what did not go there because the agency had lost the report by then.
ELSEWHERE = "elsewhere"
# What has failed so, nobody needs to see to.
IDLE = (NOT_NEEDED, ELSEWHERE)
# A connection that was removed or never named is nobody's but a person's.
_BY_HAND = f"coalesce(w.kind, '{ways.MANUAL}') = '{ways.MANUAL}'"
_MACHINES = ", ".join(f"'{each}'" for each in ways.MACHINES)
# What follows a report is passed on by any machine of its system, else by a person.
_OPEN_POST = f"""EXISTS (
    SELECT FROM reference_posts p
    WHERE p.reference_id = r.id AND p.state <> 'done' AND p.problem IS DISTINCT FROM '{ELSEWHERE}'
      AND (p.state IN ('unknown', 'failed') OR NOT EXISTS (
        SELECT FROM connections m
        WHERE m.system = r.system AND m.kind IN ({_MACHINES}) AND m.disabled_at IS NULL)))
"""  # noqa: S608 (constants)
# What is confirmed and has no open post is no row at all; the two indexes of what is open find the others.
_LISTED = f"""
    listed AS (
        SELECT r.*, w.kind, w.name AS connection_name,
               CASE WHEN r.state = 'confirmed' THEN '{POSTS}'
                    WHEN r.system <> '{ways.SP4N}' THEN
                        CASE WHEN r.state IN ('unknown', 'failed') THEN '{OTHERS}' END
                    WHEN r.state = 'unknown' THEN '{LOOKING}'
                    WHEN r.state = 'failed' THEN '{MENDING}'
                    WHEN r.state = 'waiting' AND {_BY_HAND} THEN '{ENTERING}'
                    ELSE '{MACHINE}' END AS found_in
        FROM complaint_references r
        JOIN complaints k ON k.id = r.complaint_id LEFT JOIN agencies a ON a.code = k.agency
        LEFT JOIN connections w ON w.id = r.connection_id
        WHERE r.id IN (SELECT id FROM complaint_references WHERE state <> 'confirmed'
                       UNION SELECT reference_id FROM reference_posts WHERE state <> 'done')
          AND (r.state <> 'confirmed' OR {_OPEN_POST}) AND coalesce(r.problem, '') NOT IN {IDLE} AND {COVERED}
    )
"""  # noqa: S608 (the policy's clause and constants)
_COUNTS = text(f"WITH {_LISTED} SELECT found_in, count(*) FROM listed WHERE found_in IS NOT NULL GROUP BY 1")  # noqa: S608
_PAGE = text(f"""
    WITH {_LISTED}
    SELECT l.id, k.ticket, k.title, k.report_class, k.region, k.status, k.anonymous, k.secret, k.filed_at,
           l.found_in AS group_, l.system, l.agency, l.state, l.kind, l.connection_name, l.external_id, l.problem,
           l.detail,
           (SELECT min(c.due_at) FROM clocks c WHERE c.complaint_id = k.id AND c.kind = 'verify') AS due_at,
           (SELECT count(*) FROM media f WHERE f.complaint_id = k.id AND f.state = 'stored') AS files,
           (SELECT count(*) FROM reference_posts p WHERE p.reference_id = l.id AND p.state <> 'done') AS posts,
           (SELECT count(*) FROM presence o WHERE o.complaint_id = k.id AND o.staff_id <> :staff_id
              AND o.seen_at > CAST(:now AS timestamptz) - make_interval(secs => {HERE_SECONDS})) AS others
    FROM listed l JOIN complaints k ON k.id = l.complaint_id
    WHERE l.found_in = :group AND l.id > :after ORDER BY l.id LIMIT :most
""")  # noqa: S608


@dataclass(frozen=True, slots=True)
class Row:
    """A reference that somebody must see to. `kind` and `connection` are those of its way (None: there is none any
    more), `due_at` when its verification ends, `posts` what is to be passed on, `others` how many other officers have
    the report open."""

    id: int
    ticket: str
    title: str
    report_class: str
    region: str | None
    status: str
    anonymous: bool
    secret: bool
    filed_at: datetime
    group: str
    system: str
    agency: str | None
    state: str
    kind: str | None
    connection: str | None
    external_id: str | None
    problem: str | None
    detail: str | None
    due_at: datetime | None
    files: int
    posts: int
    others: int


def group_of(system: str, state: str, kind: str | None) -> str | None:
    """The group of a reference by its system, its state and the kind of its connection, as the list has it."""
    if state == CONFIRMED:
        return POSTS
    if system != ways.SP4N:
        return OTHERS if state in (UNKNOWN, FAILED) else None
    if state in (UNKNOWN, FAILED):
        return LOOKING if state == UNKNOWN else MENDING
    return ENTERING if state == WAITING and kind in (None, ways.MANUAL) else MACHINE


async def counts(connection: AsyncConnection, reach: Reach, home: str) -> Mapping[str, int]:
    """How many there are in each group within reach."""
    found = {row[0]: row[1] for row in await connection.execute(_COUNTS, covered(reach, home))}
    return {group: found.get(group, 0) for group in GROUPS}


async def listed(
    connection: AsyncConnection,
    group: str,
    reach: Reach,
    home: str,
    now: datetime,
    staff_id: int,
    *,
    after: int = 0,
    most: int = 50,
) -> list[Row]:
    """Those of a group within reach, the oldest first, that come after the reference of that id."""
    asked = {"group": group, "after": after, "most": most, "now": now, "staff_id": staff_id, **covered(reach, home)}
    return [Row(*row) for row in await connection.execute(_PAGE, asked)]


# --- what a person decides ----------------------------------------------------------------------------------------

# Why a report need not go into another system: keys of texts, since the audit keeps nobody's own words.
REASONS = ("settled", "there_already", "not_theirs", "test")

_MANUAL = text("SELECT id FROM connections WHERE kind = :kind AND system = :system AND disabled_at IS NULL ORDER BY id")
_BY_HAND_NOW = text("""
    UPDATE complaint_references
    SET connection_id = :connection_id, state = 'waiting', problem = NULL, detail = NULL, check_at = NULL
    WHERE id = :id AND state = ANY(CAST(:from AS text[]))
""")
_DROP = text("""
    UPDATE complaint_references SET state = 'failed', problem = :problem, detail = NULL, check_at = NULL
    WHERE id = :id AND state IN ('waiting', 'failed')
""")


async def manual(connection: AsyncConnection, system: str) -> int | None:
    """The connection by which a person enters into that system; None where there is none."""
    row = (await connection.execute(_MANUAL, {"kind": ways.MANUAL, "system": system})).first()
    return None if row is None else int(row.id)


async def by_hand(connection: AsyncConnection, reference_id: int, connection_id: int) -> None:
    """What a machine could not do is entered by a person, over that connection. Raises `NotNow` where it is neither
    failed nor unknown (then somebody has looked: it is not there)."""
    asked = {"id": reference_id, "connection_id": connection_id, "from": [UNKNOWN, FAILED]}
    if not (await connection.execute(_BY_HAND_NOW, asked)).rowcount:
        raise NotNow((await references.get(connection, reference_id)).state)


async def drop(connection: AsyncConnection, reference_id: int) -> None:
    """A person says that the report need not go there: it stays as refused by us, so that nothing plans it anew, and
    nobody needs to see to it. `references.not_there` puts it back. What may be there already is not dropped: raises
    `NotNow` where it is neither waiting nor failed."""
    asked = {"id": reference_id, "problem": NOT_NEEDED}
    if not (await connection.execute(_DROP, asked)).rowcount:
        raise NotNow((await references.get(connection, reference_id)).state)
