"""Two chats of one citizen: what is shared, what stays apart, and that neither linking nor leaving loses or hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from conftest import in_database
from hypothesis import given, settings
from hypothesis import strategies as st
from making import OPERATOR, contact, file, rows, value
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from store import carryovers, closure, complaints, contacts, following, links, moves, rights
from store.carryovers import CARRY_CODE, LINK_CODE, LINKED, OWN, TOO_MANY, UNKNOWN, VALID, Busy, Nothing
from store.complaints import Actor, NotFound
from store.database import connect

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
ANSWERED = ("Terdisposisi", "Ditindaklanjuti oleh Instansi")
_CITIZEN = text("SELECT citizen_id FROM contacts WHERE address = :address")


async def chat(engine: AsyncEngine, address: str, **conversation: Any) -> int:
    """A chat in which something was said, committed; returns its contact."""
    async with engine.begin() as connection:
        contact_id = await contact(connection, address)
        await contacts.remember(connection, contact_id, {"language": "id", "drafts": 3, **conversation})
        return contact_id


async def citizen_of(connection: AsyncConnection, address: str) -> int | None:
    found = (await connection.execute(_CITIZEN, {"address": address})).scalar_one()
    return None if found is None else int(found)


async def filed(engine: AsyncEngine, address: str, draft: int = 1) -> str:
    """A complaint of that chat."""
    async with engine.begin() as connection:
        contact_id = await contact(connection, address)
        known = await citizen_of(connection, address)
        citizen = known or await contacts.become_citizen(connection, contact_id, "Budi", "id")
        return (await file(connection, contact_id=contact_id, citizen_id=citizen, draft=draft)).ticket


async def offered(engine: AsyncEngine, address: str) -> str:
    async with engine.begin() as connection:
        code, until = await carryovers.offer_link(connection, await contact(connection, address), now=NOW)
        assert until == NOW + VALID
        return code


async def linked(engine: AsyncEngine, address: str, code: str, now: datetime = NOW) -> tuple[links.Chat, ...] | Nothing:
    async with engine.begin() as connection:
        return await links.link(connection, code, by=await contact(connection, address), now=now)


async def left(engine: AsyncEngine, address: str) -> tuple[links.Chat, ...] | None:
    async with engine.begin() as connection:
        return await links.leave(connection, await contact(connection, address))


async def join(engine: AsyncEngine, one: str, other: str) -> None:
    """Link two chats."""
    assert isinstance(await linked(engine, other, await offered(engine, one)), tuple)


async def seen(engine: AsyncEngine, address: str) -> set[str]:
    """The tickets that `status` shows in that chat."""
    async with engine.begin() as connection:
        citizen = await citizen_of(connection, address)
        return {each.ticket for each in await complaints.of_citizen(connection, citizen)} if citizen else set()


async def id_of(connection: AsyncConnection, ticket: str) -> int:
    return int((await complaints.get(connection, ticket)).complaint.id)


async def told(engine: AsyncEngine, ticket: str) -> list[tuple[str, str]]:
    """Which chats hear of a complaint, as what."""
    async with engine.begin() as connection:
        complaint_id = await id_of(connection, ticket)
        return [(each.address, each.role) for each in await complaints.readers(connection, complaint_id)]


async def answered(engine: AsyncEngine, ticket: str) -> None:
    """An office has answered."""
    for status in ANSWERED:
        found = moves.read(status)
        assert found is not None
        async with engine.begin() as connection:
            await complaints.move(connection, ticket, found, OPERATOR, reason=None, note="Sudah.")


async def patiently(act: Callable[[], Awaitable[Any]]) -> Any:
    """As a turn does: roll back, wait a moment and do it again while somebody is busy."""
    while True:
        try:
            return await act()
        except Busy:
            await asyncio.sleep(0.01)


# --- the code ------------------------------------------------------------------------------------------


async def test_a_code_is_good_once_for_half_an_hour_and_for_its_own_word(engine: AsyncEngine) -> None:
    for address in "abc":
        await chat(engine, address)
    await filed(engine, "a")
    code = await offered(engine, "a")
    assert await linked(engine, "b", code, NOW + VALID) == UNKNOWN
    assert await linked(engine, "a", code) == OWN
    async with engine.begin() as connection:
        by = await contact(connection, "b")
        assert await carryovers.redeem(connection, code, by=by, now=NOW) == LINK_CODE
    assert isinstance(await linked(engine, "b", code, NOW + VALID - timedelta(seconds=1)), tuple)
    assert await linked(engine, "c", code) == UNKNOWN


async def test_a_code_that_carries_does_not_link_and_stays_good(engine: AsyncEngine) -> None:
    for address in "ab":
        await chat(engine, address)
    ticket = await filed(engine, "a")
    async with engine.begin() as connection:
        given = await carryovers.offer(connection, await contact(connection, "a"), draft=None, ticket=None, now=NOW)
    assert given is not None
    assert await linked(engine, "b", given[0]) == CARRY_CODE
    assert await seen(engine, "b") == set()
    async with engine.begin() as connection:
        outcome = await carryovers.redeem(connection, given[0], by=await contact(connection, "b"), now=NOW)
    assert isinstance(outcome, carryovers.Tickets)
    assert outcome.tickets == (ticket,)


async def test_wrong_codes_count_together_with_those_of_the_other_word(engine: AsyncEngine) -> None:
    for address in "ab":
        await chat(engine, address)
    code = await offered(engine, "a")
    for _ in range(3):
        assert await linked(engine, "b", "2222-2222-2222") == UNKNOWN
    async with engine.begin() as connection:
        for _ in range(2):
            await carryovers.redeem(connection, "3333-3333-3333", by=await contact(connection, "b"), now=NOW)
    assert await linked(engine, "b", code) == TOO_MANY
    assert await linked(engine, "b", code, NOW + timedelta(hours=1)) == UNKNOWN, "it is too old by then"


async def test_what_is_linked_already_is_told(engine: AsyncEngine) -> None:
    for address in "ab":
        await chat(engine, address)
    await join(engine, "a", "b")
    assert await linked(engine, "b", await offered(engine, "a")) == LINKED
    assert await linked(engine, "a", await offered(engine, "b")) == LINKED


# --- what is shared ----------------------------------------------------------------------------------


@pytest.mark.parametrize("has", ["", "a", "b", "ab"])
async def test_tickets_of_both_are_seen_in_both_and_news_goes_where_it_went(engine: AsyncEngine, has: str) -> None:
    draft = {"number": 3, "told": [["Lampu.", 5]]}
    ids = [await chat(engine, "a", draft=draft), await chat(engine, "b", asking="place", drafts=7)]
    tickets = {address: await filed(engine, address) for address in has}
    before = await rows(engine, "SELECT address, conversation FROM contacts ORDER BY id")
    outcome = await linked(engine, "b", await offered(engine, "a"))
    assert isinstance(outcome, tuple)
    assert [(each.contact_id, each.address, each.language) for each in outcome] == [(ids[0], "a", "id")]
    for address in "ab":
        assert await seen(engine, address) == set(tickets.values())
    for address, ticket in tickets.items():
        assert await told(engine, ticket) == [(address, "pelapor")]
    assert await rows(engine, "SELECT address, conversation FROM contacts ORDER BY id") == before
    assert await value(engine, "SELECT count(*) FROM citizens") == 1
    later = {address: await filed(engine, address, draft=2) for address in "ab"}
    assert await seen(engine, "a") == await seen(engine, "b") == {*tickets.values(), *later.values()}
    assert [await told(engine, later[each]) for each in "ab"] == [[("a", "pelapor")], [("b", "pelapor")]]


async def test_either_chat_acts_on_what_the_other_has_filed(engine: AsyncEngine) -> None:
    for address in "ab":
        await chat(engine, address)
    tickets = {address: await filed(engine, address) for address in "ab"}
    for ticket in tickets.values():
        await answered(engine, ticket)
    await join(engine, "a", "b")
    for address, ticket in (("a", tickets["b"]), ("b", tickets["a"])):
        async with engine.begin() as connection:
            actor = Actor("citizen", str(await citizen_of(connection, address)))
            assert (await closure.rate(connection, ticket, actor, 4, None)).kind == "rated"


async def test_who_follows_what_the_other_chat_has_filed_hears_of_it_once(engine: AsyncEngine) -> None:
    for address in "ab":
        await chat(engine, address)
    ticket = await filed(engine, "a")
    await follow(engine, "b", ticket)
    await join(engine, "a", "b")
    assert await told(engine, ticket) == [("a", "pelapor")]


async def follow(engine: AsyncEngine, address: str, ticket: str) -> None:
    async with engine.begin() as connection:
        contact_id = await contact(connection, address)
        known = await citizen_of(connection, address)
        citizen = known or await contacts.become_citizen(connection, contact_id, "Ani", "id")
        await following.follow(connection, await id_of(connection, ticket), citizen, contact_id)


async def test_a_third_chat_comes_along_and_all_are_told(engine: AsyncEngine) -> None:
    for address in "abc":
        await chat(engine, address)
    tickets = {await filed(engine, address) for address in "abc"}
    await join(engine, "a", "b")
    outcome = await linked(engine, "c", await offered(engine, "a"))
    assert isinstance(outcome, tuple)
    assert [each.address for each in outcome] == ["a", "b"]
    for address in "abc":
        assert await seen(engine, address) == tickets


# --- leaving -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("leaver", ["a", "b"])
async def test_who_leaves_takes_along_what_is_told_there_and_nothing_else(engine: AsyncEngine, leaver: str) -> None:
    for address in "ab":
        await chat(engine, address)
    tickets = {address: await filed(engine, address) for address in "ab"}
    await chat(engine, "x")
    others = await filed(engine, "x")
    await follow(engine, "b", others)
    await join(engine, "a", "b")
    for address, ticket in tickets.items():
        await answered(engine, ticket)
        async with engine.begin() as connection:  # each rates what the other one has filed
            await contact(connection, address)
            actor = Actor("citizen", str(await citizen_of(connection, address)))
            await closure.rate(connection, ticket, actor, 5, "Baik")
    outcome = await left(engine, leaver)
    assert outcome is not None
    assert [each.address for each in outcome] == ["b" if leaver == "a" else "a"]
    assert await seen(engine, "a") == {tickets["a"]}
    assert await seen(engine, "b") == {tickets["b"], others}
    for address, other in (("a", "b"), ("b", "a")):
        async with engine.begin() as connection:
            citizen = await citizen_of(connection, address)
            actor = Actor("citizen", str(citizen))
            await closure.reply(connection, tickets[address], actor, "tambahan")
            with pytest.raises(NotFound):
                await closure.reply(connection, tickets[other], actor, "tambahan")
            whole = await complaints.get(connection, tickets[address])
            assert (whole.complaint.citizen_id, whole.rating.citizen_id) == (citizen, citizen)
            acts = {row.actor_id for row in whole.history if row.event in {"rated", "replied", "noted"}}
            assert acts == {str(citizen)}
    assert await told(engine, others) == [("b", "pengikut"), ("x", "pelapor")]


async def test_who_is_linked_with_none_cannot_leave(engine: AsyncEngine) -> None:
    await chat(engine, "a")
    assert await left(engine, "a") is None
    ticket = await filed(engine, "a")
    assert await left(engine, "a") is None
    assert await seen(engine, "a") == {ticket}


# --- erasing -----------------------------------------------------------------------------------------


async def test_what_is_erased_is_of_one_chat_and_the_reports_of_both_stay_in_both(engine: AsyncEngine) -> None:
    for address in "abx":
        await chat(engine, address, draft={"number": 3, "told": [["Lampu.", 5]]})
    tickets = {address: await filed(engine, address) for address in "abx"}
    await follow(engine, "b", tickets["x"])
    await join(engine, "a", "b")
    policy = rights.Policy(closed_days=730, draft_days=30, chat_days=365)
    async with engine.begin() as connection:
        erased = await rights.erase(connection, await contact(connection, "a"), policy)
        assert [each.ticket for each in erased.kept] == [tickets["a"]]
        assert [each.address for each in await links.others(connection, await contact(connection, "a"))] == ["b"]
    assert erased.drafts == 1
    assert await value(engine, "SELECT conversation -> 'draft' ->> 'number' FROM contacts WHERE address = 'b'") == "3"
    assert await seen(engine, "a") == await seen(engine, "b") == set(tickets.values())


# --- many at once ------------------------------------------------------------------------------------


async def test_two_chats_that_redeem_each_others_codes_at_once_are_linked_once(engine: AsyncEngine) -> None:
    for address in "ab":
        await chat(engine, address)
    tickets = {await filed(engine, address) for address in "ab"}
    codes = {"b": await offered(engine, "a"), "a": await offered(engine, "b")}
    both_locked = asyncio.Barrier(2)
    waiting = {"a", "b"}

    async def turn(address: str) -> Any:
        async with engine.begin() as connection:
            contact_id = await contact(connection, address)
            if address in waiting:
                waiting.discard(address)
                await both_locked.wait()  # now each holds its own chat and wants the other's
            return await links.link(connection, codes[address], by=contact_id, now=NOW)

    async with asyncio.timeout(20):
        outcomes = await asyncio.gather(*(patiently(partial(turn, each)) for each in "ab"))
    assert sorted(isinstance(outcome, tuple) for outcome in outcomes) == [False, True]
    assert LINKED in outcomes
    assert await seen(engine, "a") == await seen(engine, "b") == tickets


async def test_a_turn_in_the_other_chat_is_not_waited_for_against_the_order(engine: AsyncEngine) -> None:
    low, high = await chat(engine, "a"), await chat(engine, "b")
    assert low < high
    code = await offered(engine, "a")
    async with engine.begin() as turn:
        await contact(turn, "a")
        with pytest.raises(Busy):
            await linked(engine, "b", code)
    assert isinstance(await linked(engine, "b", code), tuple)
    async with engine.begin() as turn:
        await contact(turn, "a")
        with pytest.raises(Busy):
            await left(engine, "b")
    assert await left(engine, "b") is not None


async def test_a_turn_that_files_in_the_other_chat_is_waited_for_in_order_and_its_ticket_comes_along(
    engine: AsyncEngine,
) -> None:
    for address in "ab":
        await chat(engine, address)
    await filed(engine, "b")
    code = await offered(engine, "b")
    begun = asyncio.Event()

    async def files() -> str:
        async with engine.begin() as connection:
            contact_id = await contact(connection, "b")
            begun.set()
            await asyncio.sleep(0.2)  # the other one waits for this chat now
            citizen = await citizen_of(connection, "b")
            return (await file(connection, contact_id=contact_id, citizen_id=citizen, draft=2)).ticket

    async def links_then() -> Any:
        await begun.wait()
        return await patiently(lambda: linked(engine, "a", code))

    async with asyncio.timeout(20):
        ticket, outcome = await asyncio.gather(files(), links_then())
    assert isinstance(outcome, tuple)
    assert ticket in await seen(engine, "a")


async def test_an_officer_at_one_of_the_complaints_hangs_nobody(engine: AsyncEngine) -> None:
    for address in "ba":
        await chat(engine, address)
    ticket = await filed(engine, "a")
    await filed(engine, "b")
    code = await offered(engine, "a")

    async def officer() -> None:
        for status in ANSWERED * 5:
            found = moves.read(status)
            assert found is not None
            async with engine.begin() as connection:
                event = await complaints.move(connection, ticket, found, OPERATOR, reason=None, note=None)
                await complaints.readers(connection, event.complaint_id)

    async with asyncio.timeout(30):
        outcome, _ = await asyncio.gather(patiently(lambda: linked(engine, "b", code)), officer())
        assert isinstance(outcome, tuple)
        outcome, _ = await asyncio.gather(patiently(lambda: left(engine, "b")), officer())
    assert [each.address for each in outcome] == ["a"]


steps = st.lists(st.tuples(st.sampled_from(["file", "link", "leave"]), st.permutations("abc")), max_size=12)


@given(steps)
@settings(max_examples=12, deadline=None)
def test_in_any_order_a_chat_sees_what_its_link_has_filed(
    server: str, databases: Any, order: list[tuple[str, list[str]]]
) -> None:
    """Three chats file, link and leave: `status` shows what the chats of one link have filed, and news never moves."""
    name = databases.take()

    async def play() -> None:
        engine = connect(in_database(server, name), name="test")
        try:
            own: dict[str, list[str]] = {address: [] for address in "abc"}
            link_of = {address: {address} for address in "abc"}
            for address in "abc":
                await chat(engine, address)
            for step, (one, other, _) in order:
                if step == "file" and sum(map(len, own.values())) < 5:  # `status` shows five
                    own[one].append(await filed(engine, one, draft=len(own[one]) + 1))
                elif step == "link":
                    outcome = await linked(engine, other, await offered(engine, one))
                    assert (outcome == LINKED) == (link_of[one] is link_of[other])
                    together = link_of[one] | link_of[other]
                    link_of |= dict.fromkeys(together, together)
                elif step == "leave":
                    rest = link_of[one] - {one}
                    outcome_left = await left(engine, one)
                    assert {each.address for each in outcome_left or ()} == rest
                    link_of |= dict.fromkeys(rest, rest) | {one: {one}}
                for address in "abc":
                    assert await seen(engine, address) == {t for each in link_of[address] for t in own[each]}
                    for ticket in own[address]:
                        assert await told(engine, ticket) == [(address, "pelapor")]
        finally:
            await engine.dispose()

    asyncio.run(play())
    databases.drop(name)
