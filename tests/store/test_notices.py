"""Notices reach those whom they concern, once, are new to each of them until seen, and go after ninety days."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import file, rows, run, value
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from store import notices, policy, staff
from store.clocks import Clock
from store.policy import Grant

NOW = datetime.now(UTC)
PALEMBANG = Grant(policy.ADMIN_INSTANSI, region="16.71")
PROVINCE = Grant(policy.ADMIN_INSTANSI, region="16")
EVERYWHERE = Grant(policy.PENGAWAS)
PU = Grant(policy.PEJABAT, agency="16.71-pu")


async def person(engine: AsyncEngine, *grants: Grant, login: str = "ani") -> int:
    async with engine.begin() as connection:
        return await staff.add(connection, login, "Ani", grants)


async def give(engine: AsyncEngine, once: str, kind: str = "x", **whom: Any) -> None:
    async with engine.begin() as connection:
        await notices.give(connection, kind, once=once, **whom)


async def of(engine: AsyncEngine, staff_id: int, *grants: Grant, most: int = 50) -> list[str]:
    """The kinds of somebody's notices; those that are new with a star."""
    async with engine.connect() as connection:
        found = await notices.of(connection, staff_id, grants, most)
        unseen = await notices.unseen(connection, staff_id, grants, datetime.now(UTC))
    if len(found) < most:
        assert unseen == sum(not each.seen for each in found)
    return [each.kind + "*" * (not each.seen) for each in found]


# --- whom they reach ---------------------------------------------------------------------------------------


async def test_a_notice_reaches_the_person_or_whoever_holds_the_role_there(engine: AsyncEngine) -> None:
    ani, budi = await person(engine), await person(engine, login="budi")
    await give(engine, "1", "own", staff_id=ani)
    await give(engine, "2", "kecamatan", role=policy.ADMIN_INSTANSI, region="16.71.01")
    await give(engine, "3", "elsewhere", role=policy.ADMIN_INSTANSI, region="16.06")
    await give(engine, "4", "agency", role=policy.PEJABAT, agency="16.71-pu")
    await give(engine, "5", "oversight", role=policy.PENGAWAS, region="16.71")
    await give(engine, "6", "province", role=policy.ADMIN_INSTANSI, region="16")
    assert await of(engine, ani) == ["own*"]
    assert await of(engine, budi) == []
    assert await of(engine, budi, PALEMBANG) == ["kecamatan*"]
    assert await of(engine, budi, PROVINCE) == ["province*", "elsewhere*", "kecamatan*"]
    assert await of(engine, budi, EVERYWHERE, PU) == ["oversight*", "agency*"]
    assert await of(engine, ani, Grant(policy.PEJABAT, agency="16.06-pu")) == ["own*"]


# "16.7" is no wider region of "16.71": codes are compared by their parts.
CODES = ["16", "16.71", "16.71.01", "16.06", "73", "73.71"]
GRANTS = st.lists(
    st.one_of(
        st.builds(Grant, st.sampled_from([policy.ADMIN_INSTANSI, policy.PENGAWAS]), st.sampled_from([None, *CODES])),
        st.builds(Grant, st.just(policy.PEJABAT), st.none(), st.sampled_from(["16.71-pu", "16.06-pu", "16-pu"])),
    ),
    max_size=4,
)
WHOM = st.one_of(
    st.tuples(st.sampled_from([policy.ADMIN_INSTANSI, policy.PENGAWAS]), st.sampled_from(CODES), st.none()),
    st.tuples(st.just(policy.PEJABAT), st.none(), st.sampled_from(["16.71-pu", "16.06-pu", "16-pu"])),
)


@given(GRANTS, st.lists(WHOM, max_size=6))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_who_reads_a_notice_is_who_the_policy_says(
    engine: AsyncEngine, grants: list[Grant], given_to: list[tuple[str, str | None, str | None]]
) -> None:
    await run(engine, "TRUNCATE notices, staff CASCADE")
    reader = await person(engine, *grants)
    for number, (role, region, agency) in enumerate(given_to):
        await give(engine, str(number), str(number), role=role, region=region, agency=agency)

    def reaches(role: str, region: str | None, agency: str | None) -> bool:
        return any(
            grant.role == role
            and (agency is None or grant.agency == agency)
            and (region is None or grant.region is None or policy.lies_in(region, grant.region))
            for grant in grants
        )

    wanted = [f"{number}*" for number, whom in enumerate(given_to) if reaches(*whom)]
    assert await of(engine, reader, *grants) == wanted[::-1]
    async with engine.begin() as connection:
        latest = await value(engine, "SELECT coalesce(max(id), 0) FROM notices")
        await notices.all_seen(connection, reader, grants, latest)
    assert await of(engine, reader, *grants) == [each.rstrip("*") for each in wanted[::-1]]
    # Nothing was marked that is not theirs.
    assert await value(engine, "SELECT count(*) FROM notices_seen") == len(wanted)


# --- once, and seen ----------------------------------------------------------------------------------------


async def test_the_same_notice_is_given_once_by_many_workers(engine: AsyncEngine) -> None:
    ani = await person(engine)
    await asyncio.gather(*(give(engine, "morning:1:2026-11-23", "morning", staff_id=ani) for _ in range(6)))
    await give(engine, "morning:1:2026-11-24", "morning", staff_id=ani)
    assert await of(engine, ani) == ["morning*", "morning*"]
    async with engine.connect() as connection:
        asked = ["morning:1:2026-11-23", "morning:1:2026-11-25"]
        assert await notices.given(connection, asked) == {"morning:1:2026-11-23"}


async def test_a_notice_is_for_somebody_who_exists(engine: AsyncEngine) -> None:
    ani = await person(engine)
    nobody_or_both: tuple[dict[str, Any], ...] = ({}, {"staff_id": ani, "role": policy.PENGAWAS})
    for whom in nobody_or_both:
        with pytest.raises(ValueError, match="for a person or for a role"):
            await give(engine, "1", **whom)
    with pytest.raises(IntegrityError):
        await give(engine, "1", staff_id=10**9)


async def test_each_sees_for_themselves_and_what_comes_later_is_new(engine: AsyncEngine) -> None:
    ani, budi = await person(engine), await person(engine, login="budi")
    for number in "123":
        await give(engine, number, number, role=policy.ADMIN_INSTANSI, region="16.71")
    [first, second, _] = [row.id for row in await rows(engine, "SELECT id FROM notices ORDER BY id")]
    async with engine.begin() as connection:
        for notice_id in (first, first, 10**15):
            await notices.seen(connection, notice_id, ani)
    assert await of(engine, ani, PALEMBANG) == ["3*", "2*", "1"]
    async with engine.begin() as connection:
        await notices.all_seen(connection, ani, [PALEMBANG], second)
    assert await of(engine, ani, PALEMBANG) == ["3*", "2", "1"]
    assert await of(engine, budi, PALEMBANG, most=2) == ["3*", "2*"]
    assert await value(engine, "SELECT count(*) FROM notices_seen") == 2


async def test_news_are_news_for_two_weeks_and_notices_go_after_ninety_days(engine: AsyncEngine) -> None:
    ani = await person(engine)
    for days in (1, 20, 89, 91, 200):
        await give(engine, str(days), str(days), staff_id=ani)
        await run(engine, "UPDATE notices SET at = :at WHERE once = :o", at=NOW - timedelta(days=days), o=str(days))
    async with engine.begin() as connection:
        await notices.all_seen(connection, ani, [], 10**9)
        await connection.exec_driver_sql("DELETE FROM notices_seen WHERE notice_id <> (SELECT max(id) FROM notices)")
        assert await notices.unseen(connection, ani, [], NOW) == 1
        assert await notices.unseen(connection, ani, [], NOW, most=0) == 0
        assert await notices.drop_old(connection, NOW, 1) == 1
        assert await notices.drop_old(connection, NOW, 10) == 1
        assert await notices.drop_old(connection, NOW, 10) == 0
    assert [row.kind for row in await rows(engine, "SELECT kind FROM notices ORDER BY id")] == ["1", "20", "89"]
    assert await value(engine, "SELECT count(*) FROM notices_seen") == 0


# --- deadlines ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("kind", ["verify", "follow_up", "handle"])
async def test_who_holds_it_is_reminded_and_those_above_are_told(engine: AsyncEngine, kind: str, held: bool) -> None:
    async with engine.begin() as connection:
        event = await file(connection, region="16.71.01", agency="16.71-pu")
    if held:
        hold = "INSERT INTO dispositions (complaint_id, agency, leads) VALUES (:id, :agency, :leads)"
        for agency, leads in (("16.71-pu", True), ("16.71-kominfo", False)):
            await run(engine, hold, id=event.complaint_id, agency=agency, leads=leads)
    clock = Clock(1, event.complaint_id, event.ticket, "16.71.01", kind, date(2026, 11, 25), NOW)
    async with engine.begin() as connection:
        for _ in range(2):
            await notices.give_near(connection, clock, "16")
            await notices.give_over(connection, clock, "16")
    given_to = {
        (row.kind, row.role, row.region, row.agency): row.detail for row in await rows(engine, "SELECT * FROM notices")
    }
    lead = "16.71-pu" if held else None
    office = ("pejabat_penghubung", None, "16.71-pu")
    kominfo = ("admin_instansi", "16.71.01", None)
    near = {office if held and kind != "verify" else kominfo} | ({kominfo} if kind == "follow_up" else set())
    assert set(given_to) == {(f"near_{kind}", *whom) for whom in near} | {
        (f"over_{kind}", *kominfo),
        (f"over_{kind}", "pengawas", "16.71.01", None),
    }
    assert all(detail == {"due_on": "2026-11-25", "agency": lead} for detail in given_to.values())
    assert await value(engine, "SELECT count(*) FROM notices") == len(given_to)


async def test_a_report_without_a_place_is_told_to_the_home_region(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        event = await file(connection)
        await notices.give_over(
            connection, Clock(1, event.complaint_id, event.ticket, None, "verify", date(2026, 11, 25), NOW), "16"
        )
    assert {row.region for row in await rows(engine, "SELECT region FROM notices")} == {"16"}


async def test_mornings_are_for_people_who_may_sign_in_and_read(engine: AsyncEngine) -> None:
    ani = await person(engine, PALEMBANG, PU)
    for login, grant in (("biro", Grant(policy.BIRO, region="16")), ("root", Grant(policy.ADMINISTRATOR))):
        await person(engine, grant, login=login)
    gone, past = await person(engine, EVERYWHERE, login="gone"), await person(engine, EVERYWHERE, login="past")
    await run(engine, "UPDATE staff SET disabled_at = now() WHERE id = :id", id=gone)
    await run(engine, "UPDATE staff_grants SET valid_to = '2026-01-01' WHERE staff_id = :id", id=past)
    async with engine.connect() as connection:
        found = await notices.people(connection, NOW)
    assert [(each.staff_id, each.grants) for each in found] == [(ani, (PALEMBANG, PU))]
