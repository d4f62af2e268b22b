"""Volunteers: invited, redeemed, trained, paused, over; and what a grant is after any order of these."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from conftest import in_database
from helping import NOW, REGION, SINCE, TODAY, assisted, begun, chat, citizen_of, counter, grant, volunteer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import OPERATOR, contact, rows, run, value
from sqlalchemy.ext.asyncio import AsyncEngine

from store import closure, complaints, contacts, counters, moves, reunions, rights, staff, volunteers
from store.complaints import Actor
from store.database import connect
from store.policy import Reach
from store.receipts import read_code
from store.volunteers import CODE_VALID, Grant, Listed

EVERYWHERE = Reach(everywhere=True)


async def invited(engine: AsyncEngine, **details: Any) -> tuple[int, str]:
    wanted = {"name": "Rina", "region": REGION, "valid_until": TODAY, "now": NOW, **details}
    async with engine.begin() as connection:
        return await volunteers.invite(connection, staff_id=None, **wanted)


async def redeemed(engine: AsyncEngine, code: str, address: str = "v", now: datetime = NOW) -> str:
    async with engine.begin() as connection:
        contact_id = await contact(connection, address)
        return await volunteers.redeem(connection, code, contact_id=contact_id, name="Rina", language="id", now=now)


async def seen(engine: AsyncEngine, contact_id: int, **moment: Any) -> Grant | None:
    async with engine.begin() as connection:
        return await grant(connection, contact_id, **moment)


async def listed(engine: AsyncEngine, reach: Reach = EVERYWHERE, **asked: Any) -> list[Listed]:
    async with engine.begin() as connection:
        return list(await volunteers.page(connection, reach, **{"today": TODAY, "now": NOW, "daily": 10, **asked}))


async def changed(engine: AsyncEngine, verb: Any, *arguments: Any) -> Any:
    async with engine.begin() as connection:
        return await verb(connection, *arguments)


# --- the code ----------------------------------------------------------------------------------------------


async def test_a_code_makes_a_chat_a_volunteer_once(engine: AsyncEngine) -> None:
    volunteer_id, code = await invited(engine)
    assert read_code(code, volunteers.CODE_LENGTH) == code
    assert await redeemed(engine, code.lower().replace("-", " ")) == "done"
    first = await chat(engine, "v")
    assert await seen(engine, first) == Grant("volunteer", volunteer_id, "Rina", REGION, "untrained", TODAY, 0, 0)
    assert await redeemed(engine, code, "w") == "unknown"
    assert await seen(engine, await chat(engine, "w")) is None
    assert await changed(engine, volunteers.chats_of, volunteer_id) == [first]
    assert code.encode() not in repr(await rows(engine, "SELECT * FROM volunteers")).encode()


async def test_a_citizen_stays_who_they_were(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        contact_id = await contact(connection, "v")
        citizen = await contacts.become_citizen(connection, contact_id, "Rina", "en")
    assert await redeemed(engine, (await invited(engine))[1]) == "done"
    async with engine.begin() as connection:
        assert await citizen_of(connection, contact_id) == citizen


@pytest.mark.parametrize("late", [CODE_VALID, timedelta(days=1)])
async def test_an_invitation_that_is_over_is_unknown(engine: AsyncEngine, late: timedelta) -> None:
    """Fourteen days for the code, and never longer than the grant."""
    _, code = await invited(engine, valid_until=TODAY + timedelta(days=30 if late == CODE_VALID else 0))
    assert await redeemed(engine, code, now=NOW + late) == "unknown"
    assert await redeemed(engine, code, now=NOW + late - timedelta(hours=11)) == "done"


async def test_the_last_day_ends_where_the_volunteer_is(engine: AsyncEngine) -> None:
    """21 November 15:30 UTC is the 22nd in Jayapura and the 21st in Palembang."""
    evening = datetime(2026, 11, 21, 15, 30, tzinfo=UTC)
    await run(engine, "UPDATE regions SET timezone = 'Asia/Jayapura' WHERE code = '16.06'")
    for region, outcome in (("16.06", "unknown"), (REGION, "done")):
        _, code = await invited(engine, region=region, valid_until=date(2026, 11, 21), now=evening)
        assert await redeemed(engine, code, now=evening) == outcome


async def test_a_revoked_invitation_is_unknown_and_another_code_voids_the_first(engine: AsyncEngine) -> None:
    volunteer_id, code = await invited(engine)
    other = await changed(engine, volunteers.reissue, volunteer_id, NOW)
    assert await redeemed(engine, code) == "unknown"
    assert await changed(engine, volunteers.revoke, volunteer_id, NOW) is True
    assert await redeemed(engine, other) == "unknown"
    assert await changed(engine, volunteers.reissue, volunteer_id, NOW) is None
    again, code = await invited(engine)
    assert await redeemed(engine, code) == "done"
    assert await changed(engine, volunteers.reissue, again, NOW) is None


async def test_five_wrong_guesses_an_hour_and_words_are_none(engine: AsyncEngine) -> None:
    _, code = await invited(engine)
    assert [await redeemed(engine, "halo apa kabar") for _ in range(7)] == ["unknown"] * 7
    assert [await redeemed(engine, "2222-2222-2222") for _ in range(6)] == ["unknown"] * 5 + ["too_many"]
    assert await redeemed(engine, code) == "too_many"
    assert await redeemed(engine, code, "w") == "done"
    assert await redeemed(engine, (await invited(engine))[1], now=NOW + timedelta(hours=1)) == "done"


async def test_who_has_a_grant_gets_no_second_one_until_it_ends(engine: AsyncEngine) -> None:
    first = await volunteer(engine)
    _, code = await invited(engine)
    assert await redeemed(engine, code) == "already"
    await changed(engine, volunteers.pause, first.id, NOW)
    assert await redeemed(engine, code) == "already"
    await changed(engine, volunteers.revoke, first.id, NOW)
    assert await redeemed(engine, code) == "done"
    found = await seen(engine, await chat(engine, "v"))
    assert found is not None
    assert (found.state, found.id > first.id) == ("untrained", True)


async def test_a_chat_of_a_counter_is_nobodys_to_redeem(engine: AsyncEngine) -> None:
    token, _ = await counter(engine)
    async with engine.begin() as connection:
        found = await counters.current(connection, token, NOW)
        assert found is not None
        contact_id = await counters.new_chat(connection, found.id, address="tablet")
    _, code = await invited(engine)
    async with engine.begin() as connection:
        assert (
            await volunteers.redeem(connection, code, contact_id=contact_id, name=None, language="id", now=NOW)
            == "already"
        )
    assert await redeemed(engine, code) == "done"


async def test_of_two_chats_that_redeem_at_once_one_wins(engine: AsyncEngine) -> None:
    _, code = await invited(engine)
    await chat(engine, "a"), await chat(engine, "b")
    outcomes = await asyncio.gather(redeemed(engine, code, "a"), redeemed(engine, code, "b"))
    assert sorted(outcomes) == ["done", "unknown"]


# --- the grant ---------------------------------------------------------------------------------------------


async def test_consents_are_counted_by_person_and_day(engine: AsyncEngine) -> None:
    first = await volunteer(engine)
    contact_id = await chat(engine, "v")
    await begun(engine, first, contact_id, 1, SINCE - timedelta(seconds=1))
    await begun(engine, first, contact_id, 2, SINCE)
    await assisted(engine, first, contact_id, 3)
    await changed(engine, volunteers.revoke, first.id, NOW)
    await redeemed(engine, (await invited(engine))[1])
    found = await seen(engine, contact_id)
    assert found is not None
    assert (found.id > first.id, found.today) == (True, 2)


async def test_of_several_grants_the_active_one_counts(engine: AsyncEngine) -> None:
    """Two who turn out to be one person: whichever of them may assist does."""
    first, second = await volunteer(engine, "a"), await volunteer(engine, "b")
    one, other = await chat(engine, "a"), await chat(engine, "b")
    async with engine.begin() as connection:
        await reunions.become_one_citizen(connection, one, other)
    for contact_id in (one, other):
        found = await seen(engine, contact_id)
        assert found is not None
        assert (found.id, found.state) == (second.id, "active")
    await changed(engine, volunteers.pause, second.id, NOW)
    found = await seen(engine, one)
    assert found is not None
    assert found.id == first.id
    assert await changed(engine, volunteers.chats_of, first.id) == [one, other]


ACTS = st.one_of(
    st.just(("redeem",)),
    st.just(("pause",)),
    st.just(("resume",)),
    st.just(("revoke",)),
    st.just(("reissue",)),
    st.tuples(st.just("learn"), st.integers(0, 3)),
    st.tuples(st.just("extend"), st.integers(-3, 3)),
)


class Model:
    """What a grant should be."""

    def __init__(self) -> None:
        self.redeemed = self.paused = self.revoked = False
        self.lessons, self.days, self.code = 0, 1, True

    def act(self, verb: str, *numbers: int) -> Any:
        """Do it, and tell what the store should return."""
        if verb == "redeem":
            good = self.code and not self.revoked and self.days >= 0
            if good:
                self.redeemed, self.code = True, False
            return "done" if good else "unknown"
        if verb == "learn":
            self.lessons = max(self.lessons, numbers[0])
            return None
        if verb == "reissue":
            may = not self.redeemed and not self.revoked
            self.code = self.code or may
            return may
        if verb == "pause":
            may, self.paused = not self.revoked and not self.paused, self.paused or not self.revoked
        elif verb == "resume":
            may, self.paused = not self.revoked and self.paused, self.paused and self.revoked
        elif verb == "revoke":
            may, self.revoked, self.code = not self.revoked, True, False
        else:
            may, self.days = not self.revoked, self.days if self.revoked else numbers[0]
        return may

    @property
    def state(self) -> str | None:
        """What `grant_of` should say of the chat."""
        if not self.redeemed:
            return None
        checks = {"revoked": self.revoked, "expired": self.days < 0, "paused": self.paused}
        checks |= {"untrained": self.lessons < 3}
        return next((name for name, is_so in checks.items() if is_so), "active")


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(acts=st.lists(ACTS, max_size=12))
def test_after_any_order_of_acts_a_grant_is_what_a_plain_model_says(
    server: str, databases: Any, acts: list[tuple[Any, ...]]
) -> None:
    name = databases.take()

    async def play() -> None:
        engine = connect(in_database(server, name), name="test")
        model, (volunteer_id, code) = Model(), await invited(engine, valid_until=TODAY + timedelta(days=1))
        contact_id = await chat(engine, "v")
        for at, (verb, *numbers) in enumerate(acts):
            expected, now = model.act(verb, *numbers), NOW + timedelta(seconds=at)
            if verb == "redeem":
                await run(engine, "DELETE FROM guesses")
                assert await redeemed(engine, code, now=now) == expected
            elif verb == "learn":
                await changed(engine, volunteers.learned, volunteer_id, numbers[0], 3, now)
            elif verb == "reissue":
                made = await changed(engine, volunteers.reissue, volunteer_id, now)
                assert (made is not None) == expected
                code = made or code
            elif verb == "extend":
                assert (
                    await changed(engine, volunteers.extend, volunteer_id, TODAY + timedelta(days=numbers[0]))
                    == expected
                )
            elif verb == "resume":
                assert await changed(engine, volunteers.resume, volunteer_id, now) == expected
            else:
                assert await changed(engine, getattr(volunteers, verb), volunteer_id, now) == expected
            found = await seen(engine, contact_id)
            assert (found.state if found else None) == model.state
            assert (found.lessons if found else model.lessons) == model.lessons
        await engine.dispose()

    asyncio.run(play())
    databases.drop(name)


# --- what the desk sees ------------------------------------------------------------------------------------


async def test_counts_are_read_off_what_became_of_reports(engine: AsyncEngine) -> None:
    found = await volunteer(engine)
    contact_id = await chat(engine, "v")
    slow = NOW - timedelta(minutes=30)
    plain = await assisted(engine, found, contact_id, 1)
    asked = await assisted(engine, found, contact_id, 2, reach="phone", reach_words="0812 1111 2222")
    disputed = await assisted(engine, found, contact_id, 3, now=slow)
    await run(engine, "UPDATE assistances SET ended_at = :end WHERE id = :id", end=NOW, id=disputed.id)
    await run(engine, "UPDATE assistances SET alike = 2 WHERE id = :id", id=plain.id)
    await begun(engine, found, contact_id, 4)
    for ticket, names in (
        (asked.ticket, ["Menunggu Kelengkapan Informasi"]),
        (disputed.ticket, ["Terdisposisi", "Ditindaklanjuti oleh Instansi"]),
    ):
        for name in names:
            status = moves.read(name)
            assert status is not None
            async with engine.begin() as connection:
                await complaints.move(connection, ticket, status, OPERATOR, reason=None, note="Mohon dilengkapi.")
    async with engine.begin() as connection:
        await closure.dispute(connection, disputed.ticket, Actor("citizen", str(disputed.citizen_id)), None)
    [row] = await listed(engine, daily=4)
    assert (row.assisted, row.filed, row.open, row.desk, row.taken, row.withdrawn) == (4, 3, 1, 0, 0, 0)
    assert (row.complete, row.disputed, row.alike, row.unreachable, row.quick) == (2, 1, 1, 2, 2)
    assert (row.days, row.full_days, row.last_at) == (1, 1, NOW)
    async with engine.begin() as connection:
        assert await volunteers.get(connection, row.id, today=TODAY, now=NOW, daily=4) == row


async def test_who_lies_within_reach_is_listed_page_by_page(engine: AsyncEngine) -> None:
    here = [(await invited(engine, region="16.71"))[0], (await invited(engine, region="16.71.01"))[0]]
    there = (await invited(engine, region="16.06"))[0]
    assert [each.id for each in await listed(engine)] == [*here, there]
    assert [each.id for each in await listed(engine, Reach(regions=("16.71",)))] == here
    assert await listed(engine, Reach()) == []
    assert [each.id for each in await listed(engine, after=here[0], most=1)] == [here[1]]
    assert [each.id for each in await listed(engine, region="16.06")] == [there]
    await changed(engine, volunteers.revoke, there, NOW)
    assert [each.id for each in await listed(engine, state="revoked")] == [there]
    assert [each.state for each in await listed(engine)] == ["invited", "invited", "revoked"]
    [first, *_] = await listed(engine)
    assert first.code_until == NOW + CODE_VALID


# --- erasing -----------------------------------------------------------------------------------------------


async def test_who_has_their_data_erased_is_no_volunteer_any_more(engine: AsyncEngine) -> None:
    found = await volunteer(engine)
    contact_id = await chat(engine, "v")
    async with engine.begin() as connection:
        await rights.erase(connection, contact_id, rights.Policy(365, 7, 90))
    [row] = await listed(engine)
    assert (row.id, row.name, row.state) == (found.id, None, "revoked")
    grant_now = await seen(engine, contact_id)
    assert grant_now is not None
    assert (grant_now.state, grant_now.name) == ("revoked", "")


async def test_a_name_goes_when_nothing_has_to_be_answered_for(engine: AsyncEngine) -> None:
    """A year after the grant, and not while a report that they assisted with has its words."""
    first, second = await volunteer(engine, "a"), await volunteer(engine, "b")
    await assisted(engine, second, await chat(engine, "b"), 1)
    policy, late = rights.Policy(365, 7, 90), NOW + timedelta(days=90 + 367)
    async with engine.begin() as connection:
        swept = await rights.sweep(connection, late - timedelta(days=3), policy, lambda words: words)
    assert swept.volunteers == 0
    async with engine.begin() as connection:
        swept = await rights.sweep(connection, late, policy, lambda words: words)
    assert swept.volunteers == 1
    assert {each.id: each.name for each in await listed(engine)} == {first.id: None, second.id: "Rina"}


async def test_a_volunteer_is_not_forgotten_while_the_grant_holds(engine: AsyncEngine) -> None:
    await volunteer(engine)
    contact_id = await chat(engine, "v")
    await run(engine, "UPDATE contacts SET route = '1', last_message_at = :at WHERE id = :id", at=NOW, id=contact_id)
    policy = rights.Policy(365, 7, 30)
    for days, gone in ((60, False), (100, True)):
        async with engine.begin() as connection:
            await rights.sweep(connection, NOW + timedelta(days=days), policy, lambda words: words)
        address = await value(engine, "SELECT address FROM contacts WHERE id = :id", id=contact_id)
        assert address.startswith("gone:") == gone


async def test_a_disabled_account_serves_no_more(engine: AsyncEngine) -> None:
    token, staff_id = await counter(engine)
    async with engine.begin() as connection:
        found = await counters.current(connection, token, NOW)
        assert found is not None
        contact_id = await counters.new_chat(connection, found.id, address="tablet")
    first = await seen(engine, contact_id)
    assert first is not None
    assert (first.kind, first.state, first.name) == ("counter", "active", "MPP 3")
    await changed(engine, staff.disable, staff_id, NOW)
    second = await seen(engine, contact_id)
    assert second is not None
    assert second.state == "revoked"
