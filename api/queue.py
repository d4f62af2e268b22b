"""The job queue: what is declared in api/jobs.py is put into it by the transaction that needs it."""

from __future__ import annotations

import procrastinate
from sqlalchemy.ext.asyncio import AsyncConnection

from store.statement import raw

# Declared without a connection: jobs are enqueued on that of a transaction, and a worker brings its own.
tasks = procrastinate.App(connector=procrastinate.PsycopgConnector())


async def enqueue(connection: AsyncConnection, job: str, **ids: int) -> None:
    """Have the job of that name run with these ids when the transaction has committed."""
    await tasks.configure_task(job, connection=raw(connection)).defer_async(**ids)
