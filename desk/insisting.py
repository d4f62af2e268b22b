"""A change at the desk: one transaction, in which it is asked once more whether the officer may; done again where
somebody else was in the way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError

from desk.access import Opened
from desk.shell import Shell, Work
from store import reports
from store.complaints import NotFound
from store.database import is_busy

T = TypeVar("T")


class Busy(ValueError):
    """Somebody else was in the way, again and again. Nothing was changed."""


# A citizen who writes at the same moment has the chat locked for some milliseconds (docs/decisions/0008).
_PATIENCE = 5
_WAIT_SECONDS = 0.05


async def insist(shell: Shell, opened: Opened, do: Callable[[Work], Awaitable[T]]) -> T:
    """What `do` gives, done in a transaction of its own.

    Between the rule of the route and this transaction the report may have gone to another agency: then `NotFound`.
    What is busy (a chat, a circle of locks) is tried again after a moment; after five times `Busy` is raised.
    """
    for attempt in range(_PATIENCE):
        try:
            async with shell.unit() as work:
                now = await reports.subject(work.connection, opened.ticket, shell.home_region)
                if not opened.officer.may(opened.verb, now.subject):
                    raise NotFound(opened.ticket)
                return await do(work)
        except DBAPIError as error:
            if not is_busy(error):
                raise
            await asyncio.sleep(_WAIT_SECONDS * 2**attempt)
    raise Busy
