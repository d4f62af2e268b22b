"""What follows a report into another system: words of the pelapor, files, that it is settled. Each is sent once.

    waiting    to be passed on, by a job or by a person, in the order of their ids, once the report itself is there
    sent       a request is under way
    unknown    nobody knows whether it was taken: a person settles it, no machine sends it again
    done       it is there
    failed     it was refused, or cannot go that way; a person must see to it

What waits or is under way holds up what came after it, what a person must see to does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store.complaints import NotFound
from store.references import NotNow

REPLY, ATTACH, CLOSE = "reply", "attach", "close"
KINDS = (REPLY, ATTACH, CLOSE)
WAITING, SENT, UNKNOWN, DONE, FAILED = "waiting", "sent", "unknown", "done", "failed"


@dataclass(frozen=True, slots=True)
class Post:
    """Something that follows a report: `reply` with the pelapor's words (None: they said no more than that it is not
    settled), `attach` with a file, `close` (settled, or taken back) with the pelapor's words where there are any.

    `problem` is a key of texts (desk/texts/id/troubles.toml), `event` the verb of the history that it came from,
    `attempts` how often it was begun to be sent.
    """

    id: int
    reference_id: int
    kind: str
    words: str | None
    media_id: int | None
    state: str
    problem: str | None
    created_at: datetime
    event: str | None = None
    attempts: int = 0


_COLUMNS = """
    p.id, p.reference_id, p.kind, coalesce(h.note, h.reason) AS words, p.media_id, p.state, p.problem, p.created_at,
    h.event, p.attempts
"""
_FROM = f"SELECT {_COLUMNS} FROM reference_posts p LEFT JOIN complaint_history h ON h.id = p.history_id"  # noqa: S608
_GET = text(f"{_FROM} WHERE p.id = :id")
_OPEN = text(f"""
    {_FROM} WHERE p.reference_id = ANY(CAST(:ids AS bigint[])) AND p.state <> 'done' ORDER BY p.id
""")


async def get(connection: AsyncConnection, post_id: int) -> Post:
    """One post. Raises `NotFound`."""
    row = (await connection.execute(_GET, {"id": post_id})).one_or_none()
    if row is None:
        raise NotFound(str(post_id))
    return Post(*row)


async def open_of(connection: AsyncConnection, reference_ids: Sequence[int]) -> list[Post]:
    """What is not done of these references, the oldest first."""
    return [Post(*row) for row in await connection.execute(_OPEN, {"ids": list(reference_ids)})]


# --- what is to follow --------------------------------------------------------------------------------

# A report that will not go there has nothing that follows it.
_NEVER = "r.problem IN ('secret', 'ended', 'not_needed', 'elsewhere') AND r.state = 'failed'"
# Nor what an agency got that has lost the complaint since (store/holders.py: `concerns`).
_THEIRS = """
    (r.agency IS NULL OR EXISTS (
        SELECT FROM dispositions d WHERE d.complaint_id = r.complaint_id AND d.agency = r.agency
        AND (d.ended_at IS NULL OR d.ended_because = 'closed')))
"""
_FOLLOW = text(f"""
    INSERT INTO reference_posts (reference_id, kind, history_id)
    SELECT r.id, :kind, h.id FROM complaint_references r
    JOIN complaint_history h ON h.id = (
        SELECT max(id) FROM complaint_history WHERE complaint_id = :complaint_id AND event = :event)
    WHERE r.complaint_id = :complaint_id AND ({_NEVER}) IS NOT TRUE AND {_THEIRS}
      AND (:kind <> 'reply' OR :event = 'disputed' OR coalesce(h.note, h.reason) IS NOT NULL)
    ORDER BY r.id
    ON CONFLICT DO NOTHING RETURNING reference_id
""")  # noqa: S608 (the clause above, and no value)
# What is there when the report is handed over goes with it; what comes afterwards follows.
_FOLLOW_FILE = text(f"""
    INSERT INTO reference_posts (reference_id, kind, media_id)
    SELECT r.id, 'attach', m.id FROM media m JOIN complaint_references r ON r.complaint_id = m.complaint_id
    WHERE m.id = :media_id AND m.staff_id IS NULL AND m.state = 'stored'
      AND r.state <> 'waiting' AND ({_NEVER}) IS NOT TRUE AND {_THEIRS}
    ORDER BY r.id
    ON CONFLICT DO NOTHING RETURNING reference_id
""")  # noqa: S608


async def follow(connection: AsyncConnection, complaint_id: int, kind: str, event: str) -> list[int]:
    """What the pelapor did last under that verb (replied, disputed, confirmed, withdrawn) follows the report as a post
    of that kind, into all systems that it went to or will go to; a reply where something was said. To be called in the
    transaction of that verb, which has the complaint locked. Returns the ids of the references."""
    parameters = {"complaint_id": complaint_id, "kind": kind, "event": event}
    return list((await connection.execute(_FOLLOW, parameters)).scalars())


async def follow_file(connection: AsyncConnection, media_id: int) -> list[int]:
    """A file of the pelapor's that is on the shelf now follows its report into the systems that it went to without
    it. Returns the ids of the references."""
    await connection.execute(_HOLD, {"media_id": media_id})
    return list((await connection.execute(_FOLLOW_FILE, {"media_id": media_id})).scalars())


# To be read once a reference is locked: whoever hands its report over has begun before, or looks for files afterwards.
_HOLD = text("""
    SELECT r.id FROM complaint_references r JOIN media m ON m.complaint_id = r.complaint_id
    WHERE m.id = :media_id ORDER BY r.id FOR SHARE OF r
""")
_FILES_GO_ALONG = text("""
    DELETE FROM reference_posts WHERE reference_id = ANY(:ids)
      AND (kind = 'attach' OR state = 'failed' AND problem = 'elsewhere')
""")
_EARLIER = text(f"""
    INSERT INTO reference_posts (reference_id, kind, history_id)
    SELECT r.id, 'reply', h.id FROM complaint_references r JOIN complaint_history h ON h.complaint_id = r.complaint_id
    WHERE r.id = ANY(:ids) AND h.actor_kind = 'citizen' AND h.event IN ('replied', 'disputed')
      AND coalesce(h.note, h.reason) IS NOT NULL AND ({_NEVER}) IS NOT TRUE
    ORDER BY h.id
    ON CONFLICT DO NOTHING
""")  # noqa: S608 (the clause above, and no value)


async def anew(connection: AsyncConnection, reference_ids: Sequence[int]) -> None:
    """Reports that were filed long since go into another system, for the first time or once more: their files go with
    them, and what their pelapor have said so far follows. To be called in the transaction that makes them wait."""
    for statement in (_FILES_GO_ALONG, _EARLIER):
        await connection.execute(statement, {"ids": list(reference_ids)})


_ATTACH = text("""
    INSERT INTO reference_posts AS p (reference_id, kind, media_id, state, problem, done_at)
    SELECT :reference_id, 'attach', media_id, :state, CAST(:problem AS text), CASE WHEN :state = 'done' THEN now() END
    FROM unnest(CAST(:media_ids AS bigint[])) WITH ORDINALITY AS these (media_id, place) ORDER BY place
    ON CONFLICT (reference_id, kind, history_id, media_id) DO UPDATE
    SET state = excluded.state, problem = excluded.problem, done_at = excluded.done_at WHERE p.state <> 'done'
""")


async def attach(
    connection: AsyncConnection,
    reference_id: int,
    media_ids: Sequence[int],
    state: str = WAITING,
    problem: str | None = None,
) -> None:
    """Files of a report that went along with it (`done`), may have done so (`unknown`, and why), are to follow it
    (`waiting`), or cannot (`failed`, and why). What is there already stays so."""
    if media_ids:
        parameters = {"reference_id": reference_id, "media_ids": list(media_ids), "state": state, "problem": problem}
        await connection.execute(_ATTACH, parameters)


# --- on the way ----------------------------------------------------------------------------------------

_FIRST = """
    NOT EXISTS (SELECT FROM reference_posts o WHERE o.reference_id = p.reference_id AND o.id <> p.id
                  AND (o.state = 'sent' OR o.state = 'waiting' AND o.id < p.id))
"""
_BEGIN = text(f"""
    UPDATE reference_posts p SET state = 'sent', sent_at = now(), attempts = attempts + 1, problem = NULL
    WHERE p.id = :id AND p.state = 'waiting' AND {_FIRST} AND EXISTS (
        SELECT FROM complaint_references r WHERE r.id = p.reference_id AND r.state = 'confirmed')
""")  # noqa: S608 (the clause above, and no value)
_END = text("""
    UPDATE reference_posts
    SET state = :state, problem = :problem, check_at = :check_at, done_at = CASE WHEN :state = 'done' THEN now() END
    WHERE id = :id AND state = ANY(CAST(:from AS text[]))
""")
_NEXT = text(f"""
    SELECT p.id FROM reference_posts p JOIN complaint_references r ON r.id = p.reference_id
    WHERE p.reference_id = :reference_id AND r.state = 'confirmed' AND p.state = 'waiting' AND {_FIRST}
      AND (p.check_at IS NULL OR p.check_at <= now())
""")  # noqa: S608


async def begin(connection: AsyncConnection, post_id: int) -> Post | None:
    """It is sent now. To be committed before the request begins. None where it does not wait (any more), where another
    one comes first, or where its report is not there yet: then nothing may be sent."""
    done = await connection.execute(_BEGIN, {"id": post_id})
    return await get(connection, post_id) if done.rowcount else None


async def next_of(connection: AsyncConnection, reference_id: int) -> int | None:
    """The id of what is to follow that report next, if it may be sent now."""
    found = (await connection.execute(_NEXT, {"reference_id": reference_id})).scalar_one_or_none()
    return None if found is None else int(found)


async def done(connection: AsyncConnection, post_id: int) -> None:
    """It is there."""
    await _end(connection, post_id, DONE, (SENT,))


async def later(connection: AsyncConnection, post_id: int, problem: str, check_at: datetime) -> None:
    """It was surely not taken, and waits for another try."""
    await _end(connection, post_id, WAITING, (SENT,), problem, check_at)


async def failed(connection: AsyncConnection, post_id: int, problem: str) -> None:
    """It was refused."""
    await _end(connection, post_id, FAILED, (WAITING, SENT), problem)


async def unknown(connection: AsyncConnection, post_id: int, problem: str) -> None:
    """Nobody knows whether it was taken."""
    await _end(connection, post_id, UNKNOWN, (SENT,), problem)


async def settle(connection: AsyncConnection, post_id: int, done: bool) -> None:
    """A person has brought it there, or knows that it is there; else it is to be sent (again). Raises `NotFound`, and
    `NotNow` where it is under way or done already."""
    state, before = (DONE, (WAITING, UNKNOWN, FAILED)) if done else (WAITING, (UNKNOWN, FAILED))
    if not await _end(connection, post_id, state, before):
        raise NotNow((await get(connection, post_id)).state)


async def _end(
    connection: AsyncConnection,
    post_id: int,
    state: str,
    before: Sequence[str],
    problem: str | None = None,
    check_at: datetime | None = None,
) -> bool:
    """Give it a state where it has one of those before; whether it had. Whoever comes late changes nothing."""
    parameters = {"id": post_id, "state": state, "from": list(before), "problem": problem, "check_at": check_at}
    return bool((await connection.execute(_END, parameters)).rowcount)


# --- what is due ---------------------------------------------------------------------------------------

# By any connection of its system that a machine works; those by hand wait for a person.
_DUE = text(f"""
    SELECT p.id FROM reference_posts p JOIN complaint_references r ON r.id = p.reference_id
    WHERE p.state = 'waiting' AND r.state = 'confirmed' AND (p.check_at IS NULL OR p.check_at <= now()) AND {_FIRST}
      AND EXISTS (SELECT FROM connections c
                  WHERE c.system = r.system AND c.kind = ANY(CAST(:kinds AS text[])) AND c.disabled_at IS NULL)
    ORDER BY p.id LIMIT :most
""")  # noqa: S608
_SENT_SINCE = text("SELECT id FROM reference_posts WHERE state = 'sent' AND sent_at < :before ORDER BY id LIMIT :most")


async def due(connection: AsyncConnection, kinds: Sequence[str], most: int) -> list[int]:
    """The ids of what a connection of one of these kinds may pass on now."""
    return list((await connection.execute(_DUE, {"kinds": list(kinds), "most": most})).scalars())


async def sent_before(connection: AsyncConnection, before: datetime, most: int) -> list[int]:
    """The ids of what has been under way since before that moment."""
    return list((await connection.execute(_SENT_SINCE, {"before": before, "most": most})).scalars())
