"""How the channels fare, as one speaker sees it: which rest, which are tried with a single message, what ails them.

What ails a channel is written down for everybody (store/channels.py), now and then and not for every message.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.messages import AILMENTS, TryLater
from store import channels
from store.channels import Health

WRITE_SECONDS = 30.0
# What a provider tells after it has taken a message: that it takes one is no sign of recovery, that it delivers one is.
TOLD_LATER = ("payment", "spam")
SHOWN_AT_ONCE = tuple(name for name in AILMENTS if name not in TOLD_LATER)


@dataclass(frozen=True, slots=True)
class _Rest:
    """A channel is left alone from `since` until `until` (monotonic), for the `times`-th time in a row."""

    since: float
    until: float
    times: int


class Condition:
    """The condition of these channels. `pause` is how many seconds a channel rests after so many troubles in a row,
    given what the provider wishes."""

    def __init__(self, names: Collection[str], pause: Callable[[int, float | None], float]) -> None:
        self._names = names  # looked at anew each time: a rehearsal takes channels away and gives them back
        self._pause = pause
        self._rests: dict[str, _Rest] = {}
        self._troubled: dict[str, datetime] = {}
        # What ails them as this speaker has seen it, and when (monotonic) it has written that down; as the store has
        # it, and since when this speaker knows.
        self._ails: dict[str, tuple[str, str]] = {}
        self._written: dict[str, tuple[str, float]] = {}
        self._known: dict[str, Health] = {}
        self._ill: dict[str, float] = {}
        self._took: dict[str, float] = {}

    def well(self) -> list[str]:
        """The channels on which all may be said."""
        return [name for name in self._names if name not in self._rests]

    def doubtful(self) -> list[str]:
        """The channels that have rested: one message shall show whether they work again."""
        now = time.monotonic()
        return [name for name, rest in self._rests.items() if rest.until <= now]

    def failed(self, name: str, error: TryLater, at: datetime) -> float:
        """The whole channel is in trouble; returns how many seconds it rests. All messages that were on their way when
        that began count as one."""
        now = time.monotonic()
        self._troubled[name] = at
        if error.ails is not None:
            self._ails[name] = (error.ails, error.reason)
        rest = self._rests.get(name)
        if rest is None or rest.until <= now:
            times = rest.times + 1 if rest else 1
            rest = self._rests[name] = _Rest(now, now + self._pause(times, error.after), times)
        return rest.until - now

    def answered(self, name: str, began: float, *, took: bool) -> None:
        """The provider has given a message that was sent at `began` (monotonic) an answer that is no trouble of the
        channel's; or even `took` it. What was sent before the trouble shows nothing."""
        rest = self._rests.get(name)
        if rest is not None and began <= rest.since:
            return
        self._rests.pop(name, None)
        if took:
            self._ails.pop(name, None)
            self._took[name] = began

    def waits_since(self, name: str, created_at: datetime) -> datetime | None:
        """From when on the patience with a message counts: the time in which its whole channel was in trouble does not.
        None while something ails the channel."""
        known = self._known.get(name)
        if name in self._ails or (known is not None and known.ails is not None):
            return None
        moments = (created_at, self._troubled.get(name), known.since if known else None)
        return max(moment for moment in moments if moment is not None)

    async def look(self, connection: AsyncConnection) -> None:
        """Read what others have found out."""
        self._known = await channels.health(connection)
        ill = [name for name, health in self._known.items() if health.ails in SHOWN_AT_ONCE]
        self._ill = {name: self._ill.get(name, time.monotonic()) for name in ill}

    async def write(self, connection: AsyncConnection) -> None:
        """Write down what ails the channels, and which work again."""
        now, changed = time.monotonic(), False
        for name, (ails, detail) in self._ails.items():
            written, at = self._written.get(name, ("", 0.0))
            if written != ails or now - at >= WRITE_SECONDS:
                await channels.ail(connection, name, ails, detail)
                self._written[name] = (ails, now)
                changed = True
        for name, began in self._took.items():
            if name in self._ill and began > self._ill[name]:
                await channels.heal(connection, name, only=SHOWN_AT_ONCE)
                self._written.pop(name, None)
                changed = True
        self._took.clear()
        if changed:
            await self.look(connection)
