"""Who has a report open: others who gave a sign lately, within reach; and whether a session still runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from desking import GRANTS, PALEMBANG, SEKAYU, officer
from making import file, value
from sqlalchemy.ext.asyncio import AsyncEngine

from store import policy, presence, staff
from store.policy import Grant

NOW = datetime.now(UTC)
MINUTE = timedelta(minutes=1)


async def test_others_are_seen_and_oneself_is_not(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        report = (await file(connection)).complaint_id
        ani, _ = await officer(connection, login="ani")
        budi, _ = await officer(connection, login="budi")
        assert await presence.here(connection, report, ani, NOW) == []
        [other] = await presence.here(connection, report, budi, NOW + MINUTE / 2)
        assert (other.staff_id, other.since) == (ani, NOW)
        await presence.gone(connection, report, ani)
        assert await presence.here(connection, report, budi, NOW + MINUTE / 2) == []


async def test_who_is_silent_for_a_minute_is_gone_and_comes_back_anew(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        report = (await file(connection)).complaint_id
        ani, _ = await officer(connection, login="ani")
        budi, _ = await officer(connection, login="budi")
        await presence.here(connection, report, ani, NOW)
        await presence.here(connection, report, ani, NOW + MINUTE / 2)
        [seen] = await presence.here(connection, report, budi, NOW + MINUTE)
        assert seen.since == NOW
        assert await presence.here(connection, report, budi, NOW + 2 * MINUTE) == []
        await presence.here(connection, report, ani, NOW + 3 * MINUTE)
        [back] = await presence.here(connection, report, budi, NOW + 3 * MINUTE)
        assert back.since == NOW + 3 * MINUTE


async def test_a_list_counts_others_within_reach(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        near = await file(connection, region=PALEMBANG)
        far = await file(connection, region=SEKAYU)
        ani, _ = await officer(connection, login="ani")
        budi, _ = await officer(connection, login="budi")
        for each in (near, far):
            await presence.here(connection, each.complaint_id, budi, NOW)
        reach = policy.reach([GRANTS[policy.ADMIN_INSTANSI]], "report.read")
        assert await presence.open_now(connection, reach, "16", ani, NOW) == {near.ticket: 1}
        assert await presence.open_now(connection, reach, "16", budi, NOW) == {}
        await presence.forget(connection, NOW + MINUTE)
        assert await presence.open_now(connection, reach, "16", ani, NOW) == {}


async def test_listening_shows_what_a_session_may_and_does_not_keep_it_alive(engine: AsyncEngine) -> None:
    now = datetime.now(UTC)
    grant = Grant(policy.ADMIN_INSTANSI, region=PALEMBANG)
    async with engine.begin() as connection:
        staff_id, token = await officer(connection, grant)
        session = await staff.session(connection, token, now)
        assert isinstance(session, staff.Session)
    before = await value(engine, "SELECT seen_at FROM staff_sessions")
    async with engine.begin() as connection:
        assert await presence.still(connection, session.id, now + timedelta(hours=1)) == (grant,)
        assert await presence.still(connection, session.id, now + staff.IDLE + MINUTE) is None
        assert await presence.still(connection, session.id + 1, now) is None
    assert await value(engine, "SELECT seen_at FROM staff_sessions") == before
    async with engine.begin() as connection:
        await staff.disable(connection, staff_id, now)
        assert await presence.still(connection, session.id, now) is None
        assert await presence.grants(connection, staff_id, now) == ()
