"""How the channels fare: what shows that one is in trouble, and what that it works again."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from making import value

from api.condition import Condition
from api.house import House
from api.unit import unit
from bot.messages import TryLater
from store import channels

DEAD = TryLater("the token is refused (190)", whole_channel=True, ails="token")
CROWDED = TryLater("too many calls", whole_channel=True, after=60.0)
NOON = datetime(2026, 11, 1, 5, tzinfo=UTC)


def condition(rests: list[tuple[int, float | None]] | None = None, length: float = 60.0) -> Condition:
    """Of two channels that rest that long; `rests` tells what was asked."""

    def pause(times: int, wished: float | None) -> float:
        if rests is not None:
            rests.append((times, wished))
        return length

    return Condition(["telegram", "whatsapp"], pause)


def test_a_channel_in_trouble_rests_and_the_others_do_not() -> None:
    found = condition()
    assert found.failed("whatsapp", DEAD, NOON) > 59
    assert (found.well(), found.doubtful()) == (["telegram"], [])


def test_all_that_were_on_their_way_are_one_trouble() -> None:
    rests: list[tuple[int, float | None]] = []
    found = condition(rests)
    for _ in range(64):
        found.failed("whatsapp", DEAD, NOON)
    assert rests == [(1, None)]


def test_what_fails_after_a_rest_is_another() -> None:
    rests: list[tuple[int, float | None]] = []
    found = condition(rests, 0.0)
    for trouble in (DEAD, CROWDED, DEAD):
        found.failed("whatsapp", trouble, NOON)
        assert found.doubtful() == ["whatsapp"]
    assert rests == [(1, None), (2, 60.0), (3, None)]


def test_an_answer_shows_that_it_works_unless_it_was_asked_before_the_trouble() -> None:
    found = condition()
    before = time.monotonic()
    found.failed("whatsapp", DEAD, NOON)
    found.answered("whatsapp", before, took=True)
    assert found.well() == ["telegram"]
    found.answered("whatsapp", time.monotonic(), took=False)
    assert found.well() == ["telegram", "whatsapp"]


async def test_patience_counts_from_the_end_of_the_trouble(house: House) -> None:
    found, late = condition(), NOON + timedelta(days=4)
    assert found.waits_since("whatsapp", NOON) == NOON
    found.failed("whatsapp", CROWDED, late)
    assert found.waits_since("whatsapp", NOON) == late
    assert found.waits_since("telegram", NOON) == NOON
    found.failed("whatsapp", DEAD, late)
    assert found.waits_since("whatsapp", NOON) is None
    found.answered("whatsapp", time.monotonic(), took=True)
    assert found.waits_since("whatsapp", NOON) == late
    async with unit(house) as work:
        await channels.ail(work.connection, "whatsapp", "account", "restricted")
        await found.look(work.connection)
        assert found.waits_since("whatsapp", NOON) is None
        await channels.heal(work.connection, "whatsapp")
        await found.look(work.connection)
    since = found.waits_since("whatsapp", NOON)
    assert since is not None
    assert abs(house.now() - since) < timedelta(minutes=5)


async def test_another_trouble_is_written_at_once_and_only_what_shows_at_once_is_healed(house: House) -> None:
    found = condition(length=0.0)
    ails = "SELECT ails FROM channel_health WHERE channel = 'whatsapp'"

    async def write() -> None:
        async with unit(house) as work:
            await found.write(work.connection)

    for name in ("token", "payment"):
        found.failed("whatsapp", TryLater(name, whole_channel=True, ails=name), NOON)
        await write()
        assert await value(house.engine, ails) == name
    found.answered("whatsapp", time.monotonic(), took=True)
    await write()
    assert await value(house.engine, ails) == "payment"
    found.failed("whatsapp", DEAD, NOON)
    await write()
    found.answered("whatsapp", time.monotonic(), took=False)
    await write()
    assert await value(house.engine, ails) == "token", "it has answered, and taken nothing"
    found.answered("whatsapp", time.monotonic(), took=True)
    await write()
    assert await value(house.engine, ails) is None
