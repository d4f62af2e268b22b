"""Hearing PostgreSQL's notifications: what is new in the ledger, what was spoken to a page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import psycopg
from psycopg import sql

from store.database import KEEPALIVES

WAKE = "deliveries"  # there is something to say
COALESCE_SECONDS = 0.004  # wake-ups within this time become one
SPOKEN = "spoken"  # something was said to the address in the payload
CHANGED = "changed"  # something happened to the complaint of the ticket in the payload


async def listen(url: str, channel: str, heard: Callable[[str], None]) -> None:
    """Call `heard(payload)` for every notification, until cancelled.

    Outlives lost connections; after one it calls `heard("")` once, since something may have been missed.
    """
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(url, autocommit=True, **KEEPALIVES) as connection:
                await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                heard("")
                async for notice in connection.notifies():
                    heard(notice.payload)
        except psycopg.Error:
            await asyncio.sleep(1)
