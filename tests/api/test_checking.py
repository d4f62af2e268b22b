"""The check of a WhatsApp account: templates that are as we need them may be sent, others say what is wrong with them;
it tells of a dead token before any citizen waits, and heals only what it can see."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import eventually, rows, run
from peers.cloud_api import ACCOUNT_ID, PHONE_ID, TOKEN, FakeCloudApi, Fault, broken, dead_token, locked, reset
from pydantic import SecretStr

from api import checking, jobs
from api.checking import compare
from api.house import House
from api.processes import worker
from api.providers import whatsapp
from api.settings import Settings
from bot.channels.whatsapp.templates import Submission, load
from bot.messages import TemplateNews
from store import channels
from store.channels import TemplateState

WANTED = load()


@pytest.fixture
async def meta() -> AsyncIterator[FakeCloudApi]:
    """An account in which all of our templates are approved."""
    async with FakeCloudApi() as api:
        for each in WANTED.submissions():
            api.add_template(each.name, each.language, each.body, each.button)
        yield api


@pytest.fixture
def settings(settings: Settings, meta: FakeCloudApi) -> Settings:
    """A house that speaks on WhatsApp."""
    update = {
        "whatsapp_token": SecretStr(TOKEN),
        "whatsapp_phone_number_id": PHONE_ID,
        "whatsapp_business_account_id": ACCOUNT_ID,
        "whatsapp_base_url": meta.base_url,
    }
    return settings.model_copy(update=update)


async def check(house: House, **update: Any) -> None:
    """One check of that house; with `update`, of one with other settings."""
    house.settings = house.settings.model_copy(update=update)
    async with whatsapp(house.settings) as channel:
        await checking.check_channels(house, {"whatsapp": channel})


async def known(house: House) -> dict[tuple[str, str], TemplateState]:
    async with house.engine.connect() as connection:
        return await channels.templates(connection, "whatsapp")


async def ails(house: House) -> str | None:
    async with house.engine.connect() as connection:
        found = (await channels.health(connection)).get("whatsapp")
    return found.ails if found else None


async def ail(house: House, what: str) -> None:
    async with house.engine.begin() as connection:
        await channels.ail(connection, "whatsapp", what, "by another")


# --- templates ------------------------------------------------------------------------------------------------


async def test_what_is_approved_as_it_was_submitted_may_be_sent(house: House, meta: FakeCloudApi) -> None:
    meta.page_size = 7
    await check(house)
    found = await known(house)
    assert set(found) == set(WANTED.wanted)
    assert all(channels.usable(found, *each) for each in WANTED.wanted)
    assert await ails(house) is None


async def test_what_is_not_as_we_need_it_is_not_sent_and_says_why(house: House, meta: FakeCloudApi) -> None:
    at = meta.templates
    del at["lapor_diteruskan", "id"]
    at["lapor_dialihkan", "id"].status = "REJECTED"
    at["lapor_status", "id"].status = "PAUSED"
    at["lapor_digabung", "id"].category = "MARKETING"
    at["lapor_dikembalikan", "id"].body = "Laporan {{1}} ternyata bukan wewenang instansi itu."
    # The same number of gaps, but nobody knows which is which.
    at["lapor_bukan_wewenang", "id"].body = "Laporan {{1}} bukan wewenang {{2}}. Petugas mencarikan yang tepat."
    # One gap cannot be mistaken for another.
    at["lapor_kabar_laporan", "id"].body = "Halo, ada kabar tentang laporan {{1}} milik Anda."
    await check(house)
    found = await known(house)
    said = {name: (found[name, "id"].state, found[name, "id"].reason) for name, _ in WANTED.wanted}
    assert said["lapor_diteruskan"] == ("missing", None)
    assert said["lapor_dialihkan"][0] == "rejected"
    assert said["lapor_status"][0] == "paused"
    assert said["lapor_digabung"] == ("other_category", "marketing")
    assert said["lapor_dikembalikan"] == ("other_gaps", None)
    assert said["lapor_bukan_wewenang"] == ("other_words", "other_words")
    assert said["lapor_kabar_laporan"] == ("approved", "other_words")
    assert said["lapor_pengingat_jawaban"] == ("approved", None)
    assert channels.usable(found, "lapor_diteruskan", "en"), "another language is another template"


async def test_what_was_mended_may_be_sent_after_the_next_check(house: House, meta: FakeCloudApi) -> None:
    meta.templates["lapor_status", "id"].status = "PAUSED"
    await check(house)
    meta.templates["lapor_status", "id"].status = "APPROVED"
    await check(house)
    assert channels.usable(await known(house), "lapor_status", "id")


async def test_templates_of_others_are_nothing_to_us(house: House, meta: FakeCloudApi) -> None:
    meta.add_template("promo", "id", "Diskon!", status="REJECTED")
    async with house.engine.begin() as connection:  # Meta's webhook tells of all of them
        await channels.learn_template(connection, "whatsapp", "promo", "id", "REJECTED", None)
    await check(house)
    await check(house)
    assert ("promo", "id") not in await known(house)


@given(
    body=st.one_of(st.none(), st.text(max_size=200), st.sampled_from([each.body for each in WANTED.submissions()])),
    state=st.sampled_from(["approved", "APPROVED", "paused", "", "hibernating"]),
    category=st.sampled_from([None, "utility", "UTILITY", "marketing"]),
)
def test_only_the_approved_are_used_whatever_an_account_holds(
    body: str | None, state: str, category: str | None
) -> None:
    wanted: Submission = next(each for each in WANTED.submissions() if each.name == "lapor_diteruskan")
    news = TemplateNews(wanted.name, wanted.language, state, None, category, body)
    ((_, _, judged, _),) = compare([wanted], [news])
    as_needed = body is None or body.split() == wanted.body.split()
    approved = state.casefold() == "approved" and (category or "utility").casefold() == "utility"
    assert (judged == "approved") == (approved and as_needed)


# --- the channel ----------------------------------------------------------------------------------------------


async def test_a_dead_token_is_told_and_healed_when_it_works_again(house: House, meta: FakeCloudApi) -> None:
    meta.faults.add(dead_token(), method="templates")
    await check(house)
    assert await ails(house) == "token"
    assert len(await rows(house.engine, "SELECT 1 FROM notices WHERE kind = 'channel_token'")) == 1
    assert await known(house) == {}, "nothing is known of the templates, so they are tried"
    await check(house)
    assert await ails(house) is None


async def test_a_server_that_does_not_answer_is_told(house: House, meta: FakeCloudApi) -> None:
    await check(house, whatsapp_base_url="http://127.0.0.1:1")
    assert await ails(house) == "unreachable"
    await check(house, whatsapp_base_url=meta.base_url)
    assert await ails(house) is None


@pytest.mark.parametrize("what", ["account", "payment", "spam", "number"])
async def test_what_a_list_does_not_show_stays_until_a_message_goes_through(house: House, what: str) -> None:
    await ail(house, what)
    await check(house)
    assert await ails(house) == what


async def test_a_blocked_account_is_told(house: House, meta: FakeCloudApi) -> None:
    meta.faults.add(locked(), method="templates")
    await check(house)
    assert await ails(house) == "account"


@pytest.mark.parametrize("fault", [broken(), reset(), Fault(429, {}), Fault(200, {"data": "x"})])
async def test_what_passes_by_itself_changes_nothing(house: House, meta: FakeCloudApi, fault: Fault) -> None:
    await check(house)
    before = await known(house)
    meta.faults.add(fault, method="templates", times=2)  # a connection that is cut is tried once more at once
    await check(house)
    assert (await known(house), await ails(house)) == (before, None)


async def test_an_account_that_is_not_ours_is_no_trouble_of_the_channel(house: House) -> None:
    await check(house)
    await check(house, whatsapp_business_account_id="999")
    found = await known(house)
    assert await ails(house) is None, "messages go through all the same"
    assert found["*", "*"].state == "unreadable"
    assert all(channels.usable(found, *each) for each in WANTED.wanted)
    await check(house, whatsapp_business_account_id=ACCOUNT_ID)
    assert ("*", "*") not in await known(house)


async def test_nothing_is_asked_where_no_account_is_named(house: House, meta: FakeCloudApi) -> None:
    await check(house, whatsapp_business_account_id="")
    assert meta.called("templates") == []
    assert await known(house) == {}


async def test_nobody_is_asked_where_there_is_no_whatsapp(house: House, meta: FakeCloudApi) -> None:
    await checking.check_channels(house, {})
    assert meta.called("templates") == []


async def test_a_worker_that_starts_has_it_looked_at_at_once(house: House) -> None:
    """And not only when the clock says so; workers that start together have it looked at once."""
    async with jobs.queue(house.url):
        await jobs.check_channels_now()
        await jobs.check_channels_now()
    assert len(await rows(house.engine, "SELECT 1 FROM procrastinate_jobs WHERE task_name = 'check_channels'")) == 1
    await run(house.engine, "DELETE FROM procrastinate_jobs")

    async def looked() -> bool:
        return bool(await rows(house.engine, "SELECT 1 FROM channel_health WHERE ails IS NULL"))

    stopped = asyncio.Event()
    async with whatsapp(house.settings) as channel:
        tools = jobs.Tools(house, {"whatsapp": channel})
        working = asyncio.create_task(worker._run(house.url, tools, stopped))
        await eventually(looked)
        stopped.set()
        await working
    assert len(await known(house)) == len(WANTED.wanted)


async def test_that_it_was_looked_at_is_written_beside_what_ails_it(house: House) -> None:
    await ail(house, "payment")
    await run(house.engine, "UPDATE channel_health SET checked_at = now() - interval '1 day'")
    await check(house)
    [row] = await rows(house.engine, "SELECT ails, checked_at > now() - interval '1 minute' FROM channel_health")
    assert tuple(row) == ("payment", True)
