"""The job queue: what is declared in api/jobs.py is put into it by the transaction that needs it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import procrastinate
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store.statement import raw

# Declared without a connection: jobs are enqueued on that of a transaction, and a worker brings its own.
tasks = procrastinate.App(connector=procrastinate.PsycopgConnector())


# Where jobs wait for other systems, which may hang: they hold up nothing else.
BRIDGES = "bridges"
# A worker that has not given a sign for this long (seconds) is dead: its jobs are run again, or counted as lost.
DEAD_AFTER = 30.0
_QUEUES = dict.fromkeys(("hand_over", "pass_post", "follow_reference"), BRIDGES)


async def enqueue(connection: AsyncConnection, job: str, **ids: int) -> None:
    """Have the job of that name run with these ids when the transaction has committed."""
    await enqueue_at(connection, job, None, **ids)


async def enqueue_at(connection: AsyncConnection, job: str, at: datetime | None, **ids: int) -> None:
    """The same, not before that moment."""
    options: dict[str, Any] = {"queue": _QUEUES[job]} if job in _QUEUES else {}
    await tasks.configure_task(job, connection=raw(connection), schedule_at=at, **options).defer_async(**ids)


_QUEUED = text("""
    SELECT DISTINCT CAST(args->>:argument AS bigint) FROM procrastinate_jobs
    WHERE task_name = :job AND status IN ('todo', 'doing')
""")
_ALIVE = text("""
    SELECT CAST(j.args->>:argument AS bigint)
    FROM procrastinate_jobs j JOIN procrastinate_workers w ON w.id = j.worker_id
    WHERE j.task_name = :job AND j.status = 'doing' AND w.last_heartbeat > now() - make_interval(secs => :dead_after)
""")


async def queued(connection: AsyncConnection, job: str, argument: str) -> list[int]:
    """The ids under that name for which such a job waits or runs."""
    return list((await connection.execute(_QUEUED, {"job": job, "argument": argument})).scalars())


async def running(connection: AsyncConnection, job: str, argument: str, dead_after: float) -> list[int]:
    """The ids under that name which a worker is at, that has given a sign within so many seconds."""
    parameters = {"job": job, "argument": argument, "dead_after": dead_after}
    return list((await connection.execute(_ALIVE, parameters)).scalars())
