"""Rows of the store that tests begin with: a contact that wrote, a message to say, a complaint."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from store import complaints, deliveries, inbox
from store.complaints import Actor, Event, NewComplaint
from store.deliveries import NewDelivery
from store.inbox import Taken

CHANNEL = "telegram"
STORY = "Jalan di depan SMP 1 Sekayu rusak parah sejak bulan lalu."
OPERATOR = Actor("operator", "ani")


async def take(
    connection: AsyncConnection,
    message_id: str,
    address: str = "7",
    *,
    name: str | None = "Budi",
    payload: Mapping[str, Any] | None = None,
) -> Taken | None:
    """A message of that address, taken into the inbox."""
    return await inbox.take(
        connection,
        channel=CHANNEL,
        message_id=message_id,
        address=address,
        sequence=1,
        name=name,
        payload=payload or {},
        received_at=datetime.now(UTC),
    )


async def contact(connection: AsyncConnection, address: str = "7") -> int:
    """The id of somebody who has written from that address; locked, as in a turn."""
    taken = await take(connection, uuid.uuid4().hex, address)
    assert taken is not None
    return taken.contact_id


async def say(connection: AsyncConnection, contact_id: int, key: str, *, after: float = 0.0, asks: str = "") -> None:
    """One message to that contact, in the ledger."""
    delivery = NewDelivery(contact_id, CHANNEL, str(contact_id), [(key, {})], "id", asks=asks, after=after)
    await deliveries.add(connection, delivery)


async def file(connection: AsyncConnection, **details: Any) -> Event:
    """A complaint, filed."""
    wanted: dict[str, Any] = {"text": STORY, "report_class": "pengaduan", "channel": CHANNEL, **details}
    return await complaints.file(connection, NewComplaint(**wanted), Actor("citizen", "1"))


async def rows(engine: AsyncEngine, statement: str, **parameters: Any) -> list[Any]:
    """What a query finds."""
    async with engine.connect() as connection:
        return list((await connection.execute(text(statement), parameters)).all())


async def value(engine: AsyncEngine, statement: str, **parameters: Any) -> Any:
    """The one value that a query finds."""
    [[found]] = await rows(engine, statement, **parameters)
    return found


async def run(engine: AsyncEngine, statement: str, **parameters: Any) -> None:
    """A statement that changes something, committed."""
    async with engine.begin() as connection:
        await connection.execute(text(statement), parameters)


async def eventually(found: Callable[[], Awaitable[Any]], wanted: Any = True, patience: float = 10) -> None:
    """Wait until what is found is what is wanted; tell both if it never is."""
    deadline = time.monotonic() + patience
    while (last := await found()) != wanted:
        assert time.monotonic() < deadline, f"{last!r} is still not {wanted!r}"
        await asyncio.sleep(0.01)


async def in_this_loop(check: object) -> None:
    """Run an async property of hypothesis in the loop that the app and its engine belong to."""
    inner = check.hypothesis.inner_test  # type: ignore[attr-defined]
    loop = asyncio.get_running_loop()

    def step(*args: object, **kwargs: object) -> None:
        asyncio.run_coroutine_threadsafe(inner(*args, **kwargs), loop).result()

    check.hypothesis.inner_test = step  # type: ignore[attr-defined]
    await asyncio.to_thread(check)  # type: ignore[arg-type]
