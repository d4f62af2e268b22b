"""What of the audit somebody may read, and how it is asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from desking import GRANTS, SEKAYU
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from making import file, run
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from store import audit, policy, staff
from store.audit import Entry, Wanted
from store.complaints import Actor
from store.policy import Grant

OPERATOR, SYSTEM = Actor("operator", "staff:1"), Actor("system", "command")
EVERYWHERE = [Grant(policy.ADMINISTRATOR)]
ANYTHING = Wanted()
QUIET = examples(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


async def read(
    connection: AsyncConnection, grants: list[Grant] = EVERYWHERE, wanted: Wanted = ANYTHING, **more: Any
) -> list[Entry]:
    return await audit.page(connection, audit.sight(grants), "16", wanted, **more)


def verbs(found: list[Entry]) -> list[str]:
    return [each.verb for each in found]


async def test_an_entry_tells_who_and_about_whom(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        number = await staff.add(connection, "ani", "Ani Lestari")
        await audit.write(connection, Actor("staff", f"staff:{number}"), "x.one", of=("staff", str(number)))
        await audit.write(connection, SYSTEM, "x.two", of=("batch", "no number"), detail={"rows": 3})
        last, first = await read(connection)
    assert (first.verb, first.name, first.about) == ("x.one", "Ani Lestari", "Ani Lestari")
    assert (last.actor_kind, last.name, last.about, last.detail) == ("system", None, None, {"rows": 3})


async def test_an_overseer_sees_reports_of_the_region_and_nothing_of_the_house(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        here = (await file(connection, region="16.71.01")).ticket
        there = (await file(connection, region=SEKAYU)).ticket
        unplaced = (await file(connection)).ticket  # the home region's: the province's, not Palembang's
        for ticket in (here, there, unplaced, "T-000-000-0000"):
            await audit.write(connection, OPERATOR, "report.read", of=("report", ticket))
        await audit.write(connection, OPERATOR, "session.opened", of=("staff", "1"))
        await audit.write(connection, OPERATOR, "reports.exported")

        def seen(found: list[Entry]) -> set[str | None]:
            return {each.object_id for each in found}

        assert seen(await read(connection, [GRANTS[policy.PENGAWAS]])) == {here}
        assert seen(await read(connection, [Grant(policy.PENGAWAS, region="16")])) == {here, there, unplaced}
        assert len(await read(connection, [Grant(policy.PENGAWAS)])) == 4
        assert len(await read(connection)) == 6
        for role in (policy.ADMIN_INSTANSI, policy.PEJABAT, policy.BIRO):
            assert await read(connection, [GRANTS[role]]) == []
        both = [GRANTS[policy.PENGAWAS], Grant(policy.PENGAWAS, region=SEKAYU)]
        assert seen(await read(connection, both)) == {here, there}


async def test_it_is_asked_by_person_verb_ticket_and_day(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        ani, budi = [await staff.add(connection, login, login.title()) for login in ("ani", "budi")]
        await audit.write(connection, Actor("operator", f"staff:{ani}"), "a", of=("report", "T-1"))
        await audit.write(connection, Actor("agency", f"staff:{budi}"), "b", of=("report", "T-2"))
        await audit.write(connection, Actor("staff", f"staff:{budi}"), "c", of=("staff", str(ani)))
        assert verbs(await read(connection, wanted=Wanted(people=[ani]))) == ["c", "a"]
        assert verbs(await read(connection, wanted=Wanted(people=[budi]))) == ["c", "b"]
        assert verbs(await read(connection, wanted=Wanted(people=[]))) == []
        assert verbs(await read(connection, wanted=Wanted(verb="b"))) == ["b"]
        assert verbs(await read(connection, wanted=Wanted(ticket="T-1"))) == ["a"]
        now = datetime.now(UTC)
        assert len(await read(connection, wanted=Wanted(since=now - timedelta(hours=1)))) == 3
        assert await read(connection, wanted=Wanted(until=now - timedelta(hours=1))) == []
        assert await audit.people(connection, "BUD") == [budi]
        assert await audit.people(connection, "%") == []


@given(st.lists(st.integers(0, 3), max_size=25), st.integers(1, 6))
@QUIET
async def test_pages_show_every_entry_once_newest_first(engine: AsyncEngine, moments: list[int], most: int) -> None:
    """Also where many have one moment, and where a greater id has an earlier one: a transaction that began before."""
    async with engine.connect() as connection:
        for moment in moments:
            await audit.write(connection, OPERATOR, f"v{moment}")
        await run_in(connection, moments)
        found, before = list[Entry](), None
        while part := await read(connection, before=before, most=most):
            found, before = found + part, part[-1].id
        await connection.rollback()
    keys = [(each.at, each.id) for each in found]
    assert keys == sorted(keys, reverse=True)
    assert sorted(verbs(found)) == sorted(f"v{moment}" for moment in moments)


async def run_in(connection: AsyncConnection, moments: list[int]) -> None:
    """Give each row the moment that its verb names."""
    await connection.exec_driver_sql("ALTER TABLE audit DISABLE TRIGGER only_grows")
    await connection.exec_driver_sql(
        "UPDATE audit SET at = timestamptz '2026-11-22 00:00Z' + right(verb, 1)::int * interval '1 hour'"
    )


async def test_what_was_written_cannot_be_changed(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await audit.write(connection, OPERATOR, "x")
    with pytest.raises(Exception, match="only grows"):
        await run(engine, "UPDATE audit SET verb = 'y'")
