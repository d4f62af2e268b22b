"""What is wrong with a channel is known once, told once, and mended by what shows that it is well; what a provider says
of templates is kept in its words."""

from __future__ import annotations

import asyncio

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import in_this_loop, rows, run, value
from sqlalchemy.ext.asyncio import AsyncEngine

from store import channels
from store.channels import TemplateState, usable


async def ail(engine: AsyncEngine, ails: str, detail: str = "no (190)", channel: str = "whatsapp") -> bool:
    async with engine.begin() as connection:
        return await channels.ail(connection, channel, ails, detail)


async def heal(engine: AsyncEngine, *only: str) -> bool:
    async with engine.begin() as connection:
        return await channels.heal(connection, "whatsapp", only=only or None)


async def ails(engine: AsyncEngine) -> str | None:
    async with engine.connect() as connection:
        found = await channels.health(connection)
    return found["whatsapp"].ails if "whatsapp" in found else None


async def told(engine: AsyncEngine) -> list[str]:
    return [row.kind for row in await rows(engine, "SELECT kind FROM notices WHERE role = 'administrator' ORDER BY id")]


async def test_an_ailment_is_new_once_until_it_is_healed(engine: AsyncEngine) -> None:
    assert await ail(engine, "token") is True
    assert await ail(engine, "token", "no (200)") is False
    async with engine.connect() as connection:
        health = (await channels.health(connection))["whatsapp"]
    assert (health.ails, health.detail, health.since < health.checked_at) == ("token", "no (200)", True)
    assert await ail(engine, "payment") is True
    assert (await heal(engine), await heal(engine)) == (True, False)
    assert await ails(engine) is None
    assert await ail(engine, "payment") is True


async def test_it_begins_when_it_became_so_and_not_when_it_was_seen_again(engine: AsyncEngine) -> None:
    await ail(engine, "token")
    await run(engine, "UPDATE channel_health SET since = since - interval '1 hour'")
    before = await value(engine, "SELECT since FROM channel_health")
    await ail(engine, "token")
    assert await value(engine, "SELECT since FROM channel_health") == before
    await ail(engine, "account")
    assert await value(engine, "SELECT since FROM channel_health") > before


async def test_administrators_are_told_once_of_each(engine: AsyncEngine) -> None:
    for each in ("token", "token", "account", "token"):
        await ail(engine, each)
    await heal(engine)
    await ail(engine, "token")
    assert await told(engine) == ["channel_token", "channel_account"]
    await ail(engine, "token", channel="telegram")
    assert await told(engine) == ["channel_token", "channel_account", "channel_token"]


async def test_of_many_who_see_it_at_once_one_tells(engine: AsyncEngine) -> None:
    new = await asyncio.gather(*(ail(engine, "token") for _ in range(5)))
    assert sorted(new) == [False, False, False, False, True]
    assert await told(engine) == ["channel_token"]


async def test_what_passes_does_not_hide_what_must_be_mended(engine: AsyncEngine) -> None:
    assert await ail(engine, "unreachable") is True
    assert await ail(engine, "account") is True
    assert await ail(engine, "unreachable") is False
    assert await ails(engine) == "account"


async def test_who_sees_only_some_of_it_heals_only_that(engine: AsyncEngine) -> None:
    await ail(engine, "payment")
    assert await heal(engine, "token", "unreachable") is False
    assert await ails(engine) == "payment"
    await ail(engine, "token")
    assert await heal(engine, "token", "unreachable") is True


async def test_a_channel_that_was_never_ill_is_not_written_to_by_healing(engine: AsyncEngine) -> None:
    assert await heal(engine) is False
    async with engine.begin() as connection:
        assert await channels.health(connection) == {}
        await channels.looked(connection, "whatsapp")
        first = (await channels.health(connection))["whatsapp"]
        await channels.looked(connection, "whatsapp")
        assert (await channels.health(connection))["whatsapp"].checked_at > first.checked_at
    assert first.ails is None


# --- templates -------------------------------------------------------------------------------------------


async def known(engine: AsyncEngine) -> dict[tuple[str, str], TemplateState]:
    async with engine.connect() as connection:
        return await channels.templates(connection, "whatsapp")


async def learn(engine: AsyncEngine, state: str, reason: str | None = None, name: str = "a") -> TemplateState:
    async with engine.begin() as connection:
        await channels.learn_template(connection, "whatsapp", name, "id", state, reason)
    return (await known(engine))[name, "id"]


async def test_what_is_said_of_a_template_is_kept_in_small_letters_and_the_last_counts(engine: AsyncEngine) -> None:
    assert (await learn(engine, "PENDING", "NONE")).state == "pending"
    rejected = await learn(engine, "REJECTED", "TAG_CONTENT_MISMATCH")
    assert (rejected.state, rejected.reason) == ("rejected", "TAG_CONTENT_MISMATCH")
    unheard_of = await learn(engine, "Hibernating", "")
    assert (unheard_of.state, unheard_of.reason) == ("hibernating", None)
    assert not usable(await known(engine), "a", "id")


async def test_only_what_is_approved_or_unknown_is_used(engine: AsyncEngine) -> None:
    assert usable({}, "a", "id")
    await learn(engine, "approved")
    await learn(engine, "paused", name="b")
    found = await known(engine)
    assert [usable(found, name, "id") for name in ("a", "b", "c")] == [True, False, True]
    assert usable(found, "b", "en"), "another language is another template"


async def test_what_is_not_in_the_list_is_missing_and_then_forgotten(engine: AsyncEngine) -> None:
    await learn(engine, "approved")
    await learn(engine, "approved", name="b")
    async with engine.begin() as connection:
        await channels.learn_template(connection, "telegram", "a", "id", "approved", None)
    for a in ("missing", None):
        async with engine.begin() as connection:
            await channels.learn_templates(
                connection, "whatsapp", [("b", "id", "paused", "LOW"), ("c", "id", "missing", None)]
            )
        found = await known(engine)
        assert {name: state.state for (name, _), state in found.items()} == {
            **({"a": a} if a else {}),
            "b": "paused",
            "c": "missing",
        }
    async with engine.connect() as connection:
        assert len(await channels.templates(connection, "telegram")) == 1


async def test_a_list_that_cannot_be_read_takes_nothing_away(engine: AsyncEngine) -> None:
    await learn(engine, "approved")
    async with engine.begin() as connection:
        await channels.miss_templates(connection, "whatsapp", "no such account (100)")
    found = await known(engine)
    assert (found["*", "*"].state, found["*", "*"].reason) == ("unreadable", "no such account (100)")
    assert usable(found, "a", "id")
    async with engine.begin() as connection:
        await channels.learn_templates(connection, "whatsapp", [("a", "id", "approved", None)])
    assert list(await known(engine)) == [("a", "id")]


NAMES, STATES = st.sampled_from("abcd"), st.sampled_from(["approved", "PAUSED", "rejected", "missing"])
LISTS = st.dictionaries(st.tuples(NAMES, st.sampled_from(["id", "en"])), STATES)


async def test_after_a_whole_list_all_is_as_the_list_says(engine: AsyncEngine) -> None:
    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(lists=st.lists(LISTS, min_size=1, max_size=3))
    async def check(lists: list[dict[tuple[str, str], str]]) -> None:
        for each in lists:
            async with engine.begin() as connection:
                found = [(name, language, state, None) for (name, language), state in each.items()]
                await channels.learn_templates(connection, "whatsapp", found)
        after = {key: state.state for key, state in (await known(engine)).items()}
        assert {key: state for key, state in after.items() if state != "missing"} == {
            key: state.casefold() for key, state in lists[-1].items() if state != "missing"
        }

    await in_this_loop(check)
