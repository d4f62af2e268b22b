"""How the channels and the processes are: when each was last heard, what waits, what has failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

# No sign for so long: a process is dead, and a job of its is nobody's.
ALIVE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel: when a citizen was last heard on it, when it last said something, how many messages wait and since
    when the oldest of them is due, how many have failed for good, and how many are held until their citizen writes."""

    name: str
    heard_at: datetime | None
    sent_at: datetime | None
    waiting: int
    oldest_at: datetime | None
    failed: int
    held: int = 0


@dataclass(frozen=True, slots=True)
class Processes:
    """How many processes of a sort live, and when one of them last gave a sign."""

    kind: str
    alive: int
    seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class Job:
    """A job that has "failed" or is "stalled" (its worker died), how often it was tried, and since when it is so."""

    id: int
    name: str
    state: str
    attempts: int
    since: datetime | None


# The channels one after the other along the index: there are few of them and many chats.
_CHANNELS = text("""
    WITH RECURSIVE names AS (
        (SELECT channel FROM contacts ORDER BY channel LIMIT 1)
        UNION ALL
        SELECT (SELECT c.channel FROM contacts c WHERE c.channel > n.channel ORDER BY c.channel LIMIT 1)
        FROM names n WHERE n.channel IS NOT NULL
    ), unsent AS (
        SELECT channel, count(*) FILTER (WHERE failed_at IS NULL AND held_at IS NULL) AS waiting,
               min(due_at) FILTER (WHERE failed_at IS NULL AND held_at IS NULL) AS oldest_at,
               count(*) FILTER (WHERE failed_at IS NOT NULL) AS failed, count(held_at) AS held
        FROM deliveries WHERE sent_at IS NULL GROUP BY channel
    )
    SELECT n.channel,
           (SELECT received_at FROM inbox i WHERE i.channel = n.channel ORDER BY i.id DESC LIMIT 1) AS heard_at,
           (SELECT sent_at FROM deliveries d WHERE d.channel = n.channel AND d.sent_at IS NOT NULL
            ORDER BY d.id DESC LIMIT 1) AS sent_at,
           coalesce(u.waiting, 0) AS waiting, u.oldest_at, coalesce(u.failed, 0) AS failed, coalesce(u.held, 0) AS held
    FROM names n LEFT JOIN unsent u ON u.channel = n.channel WHERE n.channel IS NOT NULL ORDER BY n.channel
""")
_PROCESSES = text("""
    SELECT 'speaker' AS kind,
           count(*) FILTER (WHERE beat_at > now() - make_interval(secs => :alive)) AS alive, max(beat_at) AS seen_at
    FROM heartbeats WHERE kind = 'speaker'
    UNION ALL
    SELECT 'worker', count(*) FILTER (WHERE last_heartbeat > now() - make_interval(secs => :alive)), max(last_heartbeat)
    FROM procrastinate_workers
""")
_JOBS = text("""
    SELECT j.id, j.task_name, j.status, j.attempts, (SELECT max(e.at) FROM procrastinate_events e WHERE e.job_id = j.id)
           AS since
    FROM procrastinate_jobs j LEFT JOIN procrastinate_workers w ON w.id = j.worker_id
    WHERE j.status = 'failed'
       OR (j.status = 'doing' AND (w.id IS NULL OR w.last_heartbeat < now() - make_interval(secs => :alive)))
    ORDER BY j.id DESC LIMIT :most
""")
_WAITING = text("SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'")


async def channels(connection: AsyncConnection) -> list[Channel]:
    """How each channel is that anybody has ever written on."""
    return [Channel(*row) for row in await connection.execute(_CHANNELS)]


async def processes(connection: AsyncConnection) -> list[Processes]:
    """Whether speakers and workers live."""
    return [Processes(*row) for row in await connection.execute(_PROCESSES, {"alive": ALIVE_SECONDS})]


async def waiting_jobs(connection: AsyncConnection) -> int:
    """How many jobs wait for a worker or for their time."""
    return int((await connection.execute(_WAITING)).scalar_one())


async def jobs(connection: AsyncConnection, most: int) -> Sequence[Job]:
    """The jobs that nobody will finish by themselves, the newest first."""
    rows = await connection.execute(_JOBS, {"alive": ALIVE_SECONDS, "most": most})
    return [
        Job(row.id, row.task_name, "failed" if row.status == "failed" else "stalled", row.attempts, row.since)
        for row in rows
    ]


_TAKE = text("SELECT status FROM procrastinate_jobs WHERE id = :id AND status IN ('doing', 'failed') FOR UPDATE")
_RETRY = text("SELECT procrastinate_retry_job_v2(:id, now(), NULL, NULL, NULL)")


async def retry(connection: AsyncConnection, job_id: int) -> bool:
    """Put a job back into the queue that `jobs` has shown. False where it is not failed or stalled any more, or the
    same job waits already."""
    if job_id not in {each.id for each in await jobs(connection, 10_000)}:
        return False
    if (await connection.execute(_TAKE, {"id": job_id})).one_or_none() is None:
        return False
    try:
        async with connection.begin_nested():
            await connection.execute(_RETRY, {"id": job_id})
    except IntegrityError:  # one of its kind waits, and there may be only one
        return False
    return True
