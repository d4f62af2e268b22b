"""What ails a channel and what to do about it: on its page, on the door to master data, in the notices; templates that
cannot be used; messages that wait for their citizen, and another channel for them."""

from __future__ import annotations

import html
import os
import re
import tomllib
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.async_playwright import Axe
from desking import GRANTS, officer, signed_in
from fastapi import FastAPI
from journey.browser import chromium
from making import contact, file, rows, run, value
from pydantic import SecretStr
from running import web as running_web

from api.delivery import CLOSED, NO_ADDRESS
from api.house import House
from api.settings import Settings
from bot.messages import AILMENTS
from desk import ailments, words
from desk.access import COOKIE
from store import channels, deliveries, policy
from store.channels import TemplateState
from store.deliveries import NewDelivery

ADMIN, KOMINFO = GRANTS[policy.ADMINISTRATOR], GRANTS[policy.ADMIN_INSTANSI]
HERE = "/data/saluran"
PACKAGE = Path(__file__).parents[2] / "bot" / "channels" / "whatsapp"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A house that speaks on WhatsApp, too."""
    update = {
        "whatsapp_token": SecretStr("rahasia"),
        "whatsapp_phone_number_id": "1",
        "whatsapp_app_secret": SecretStr("rahasia"),
        "whatsapp_verify_token": SecretStr("rahasia"),
        "whatsapp_base_url": "http://127.0.0.1:1",
    }
    return settings.model_copy(update=update)


async def ail(house: House, ails: str, detail: str = "no (190)") -> None:
    async with house.engine.begin() as connection:
        await channels.ail(connection, "whatsapp", ails, detail)


async def learn(house: House, name: str, state: str, reason: str | None = None) -> None:
    async with house.engine.begin() as connection:
        await channels.learn_template(connection, "whatsapp", name, "id", state, reason)


async def seen(client: httpx.AsyncClient, path: str = HERE) -> str:
    """The words of a page, without its tags."""
    answer = await client.get(path)
    assert answer.status_code == 200
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.text.partition("<main")[2])).split())


# --- words ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", words.LANGUAGES)
@pytest.mark.parametrize("channel", ["telegram", "whatsapp", "pigeon"])
@pytest.mark.parametrize("ails", [*AILMENTS, "hiccups"])
def test_every_ailment_has_a_name_and_a_remedy(ails: str, channel: str, language: str) -> None:
    assert ailments.name(language, ails).strip()
    assert len(ailments.remedy(language, channel, ails)) > 30
    assert words.knows(f"notices.kind.channel_{ails}") == (ails in AILMENTS)


@pytest.mark.parametrize("ails", AILMENTS)
def test_the_remedies_of_whatsapp_differ(ails: str) -> None:
    others = {ailments.remedy("id", "whatsapp", each) for each in AILMENTS if each != ails}
    assert ailments.remedy("id", "whatsapp", ails) not in others


SAYS = [each["says"] for each in tomllib.loads((PACKAGE / "errors.toml").read_text())["meaning"]]


@pytest.mark.parametrize("problem", [*SAYS, CLOSED, NO_ADDRESS])
def test_why_a_message_was_not_sent_is_said_in_the_officers_language(problem: str) -> None:
    indonesian, english = (ailments.cause(language, f"{problem} (131)") for language in ("id", "en"))
    assert indonesian.endswith(" (131)")
    assert english.endswith(" (131)")
    assert problem not in indonesian != english


def test_a_cause_that_we_do_not_know_stands_as_it_was_written_down() -> None:
    assert ailments.cause("id", "Forbidden: bot was kicked (403)") == "Forbidden: bot was kicked (403)"
    assert ailments.cause("id", None) == ""


def test_what_meta_says_is_kept_where_we_have_no_word_for_it(inside: House) -> None:
    unknown = TemplateState("hibernating", None, inside.now())
    assert ailments.state("id", unknown) == "hibernating"
    assert ailments.template_remedy("id", unknown) == words.say("id", "channels.mend_template.other")


# --- the page -------------------------------------------------------------------------------------------------


async def test_a_channel_in_trouble_says_what_to_do_and_one_that_is_well_that_it_is(
    app: FastAPI, inside: House
) -> None:
    async with signed_in(app, ADMIN) as client:
        assert "whatsapp Baik" in await seen(client)
        await ail(inside, "token", "ditolak <190>")
        page = await seen(client)
        assert "whatsapp Token ditolak" in page
        assert ailments.remedy("id", "whatsapp", "token") in page
        assert "ditolak <190>" in page
        assert "webchat Baik" in page
        assert page.index("whatsapp Token") < page.index("webchat Baik"), "what ails comes first"
        await client.post("/akun/bahasa", data={"language": "en"})
        assert ailments.remedy("en", "whatsapp", "token") in await seen(client)
        async with inside.engine.begin() as connection:
            await channels.heal(connection, "whatsapp")
        assert "Token refused" not in await seen(client)


async def test_the_door_and_the_notices_tell_administrators_once(app: FastAPI, inside: House) -> None:
    async with signed_in(app, ADMIN) as client:
        assert "kanal bermasalah" not in await seen(client, "/data")
        await ail(inside, "payment")
        await ail(inside, "payment")
        assert "Kanal dan antrean 1 kanal bermasalah" in await seen(client, "/data")
        told = await seen(client, "/pemberitahuan")
        assert told.count("Kanal whatsapp bermasalah") == 1
        assert 'href="/desk/data/saluran"' in (await client.get("/pemberitahuan")).text
    async with signed_in(app, KOMINFO, login="kominfo") as client:
        assert "Belum ada pemberitahuan" in await seen(client, "/pemberitahuan")


async def test_what_ailed_a_channel_that_was_closed_is_nobodys_matter(app: FastAPI, inside: House) -> None:
    async with inside.engine.begin() as connection:
        await channels.ail(connection, "telegram", "token", "no")
    async with signed_in(app, ADMIN) as client:
        assert "kanal bermasalah" not in await seen(client, "/data")
        assert "Token ditolak" not in await seen(client)


async def test_what_waits_in_a_channel_that_is_not_open_is_said(app: FastAPI, inside: House) -> None:
    async with inside.engine.begin() as connection:
        known = await contact(connection)  # on Telegram, which has no token here
        await deliveries.add(connection, NewDelivery(known, "telegram", "7", [("push.note", {"note": "a"})], "id"))
    async with signed_in(app, ADMIN) as client:
        page = await seen(client)
        assert "telegram " + words.say("id", "channels.closed") in page
        assert words.say("id", "channels.closed_say") in page
        await run(inside.engine, "UPDATE deliveries SET sent_at = now()")
        assert words.say("id", "channels.closed_say") not in await seen(client)


# --- templates ------------------------------------------------------------------------------------------------


async def test_templates_that_cannot_be_used_say_what_to_do(app: FastAPI, inside: House) -> None:
    async with signed_in(app, ADMIN) as client:
        assert words.say("id", "channels.templates_unset") in await seen(client)
        await learn(inside, "baik", "APPROVED")
        assert words.say("id", "channels.templates_good", count=1) in await seen(client)
        await learn(inside, "lelah", "PAUSED", "LOW_QUALITY")
        await learn(inside, "aneh", "HIBERNATING")
        await learn(inside, "dikeluhkan", "APPROVED", "FLAGGED: many have blocked it")
        page = await seen(client)
        assert words.say("id", "channels.templates_bad", bad=2, count=4) in page
        assert f"lelah (id) dijeda LOW_QUALITY {words.say('id', 'channels.mend_template.paused')}" in page
        assert f"aneh (id) hibernating {words.say('id', 'channels.mend_template.other')}" in page
        assert words.say("id", "channels.warning.flagged") in page
        assert page.index("lelah (id)") < page.index("dikeluhkan (id)"), "what cannot be used comes first"


async def test_a_list_that_cannot_be_read_is_told_without_calling_a_template_bad(app: FastAPI, inside: House) -> None:
    async with inside.engine.begin() as connection:
        await channels.miss_templates(connection, "whatsapp", "no such account (100)")
    async with signed_in(app, ADMIN) as client:
        page = await seen(client)
        assert "Semua templat (*) tidak bisa dibaca no such account (100)" in page
        assert words.say("id", "channels.mend_template.unreadable") in page
        assert "0 templat" not in page
        await learn(inside, "baik", "APPROVED")
        assert words.say("id", "channels.templates_good", count=1) in await seen(client)


# --- what waits for its citizen ---------------------------------------------------------------------------------


async def held(house: House, address: str, region: str) -> int:
    """A message about a report of that region that waits until its citizen writes; its number."""
    async with house.engine.begin() as connection:
        contact_id = await contact(connection, address)
        await file(connection, contact_id=contact_id, draft=1, region=region)
        says = [("push.message", {"ticket": "T-1", "note": "kata rahasia petugas"})]
        await deliveries.add(connection, NewDelivery(contact_id, "telegram", address, says, "id"))
    await run(
        house.engine,
        "UPDATE deliveries SET held_at = now() - interval '2 hours', problem = 'no template (132015)', "
        "complaint_id = (SELECT max(id) FROM complaints) WHERE address = :address",
        address=address,
    )
    return int(await value(house.engine, "SELECT id FROM deliveries WHERE address = :address", address=address))


async def another_chat(house: House, of: str) -> None:
    """A chat on the page of the citizen who wrote from `of`."""
    await run(
        house.engine,
        "WITH person AS (INSERT INTO citizens (name) VALUES ('Budi') RETURNING id), "
        "first AS (UPDATE contacts SET citizen_id = (SELECT id FROM person) WHERE address = :of RETURNING 1) "
        "INSERT INTO contacts (channel, address, citizen_id) SELECT 'webchat', 'page', id FROM person",
        of=of,
    )


async def test_what_waits_is_shown_to_those_who_may_read_the_report(app: FastAPI, inside: House) -> None:
    await held(inside, "7", "16.71")
    await held(inside, "8", "16.06")
    tickets = [row.ticket for row in await rows(inside.engine, "SELECT ticket FROM complaints ORDER BY id")]
    async with signed_in(app, KOMINFO) as client:
        page = await seen(client)
        assert (tickets[0] in page, tickets[1] in page) == (True, False)
        assert "no template (132015)" in page
        assert "kata rahasia" not in page
    async with signed_in(app, ADMIN, login="admin") as client:
        page = await seen(client)
        assert not any(ticket in page for ticket in tickets), "an administrator reads no report"
        assert page.count("no template (132015)") == 2


async def test_what_waits_can_be_sent_on_another_channel_by_those_who_may(app: FastAPI, inside: House) -> None:
    here, there = await held(inside, "7", "16.71"), await held(inside, "8", "16.06")
    async with signed_in(app, KOMINFO) as client:
        assert f'value="{here}:webchat"' not in (await client.get(HERE)).text
        await another_chat(inside, "7")
        assert f'value="{here}:webchat"' in (await client.get(HERE)).text
        refused = await client.post("/data/saluran/pesan", data={"one": f"{there}:webchat"})
        assert refused.headers["location"].endswith("again=0&left=1")
        sent = await client.post("/data/saluran/pesan", data={"one": f"{here}:webchat"})
        assert sent.headers["location"].endswith("again=1&left=0")
    assert await rows(inside.engine, "SELECT channel, held_at IS NULL FROM deliveries ORDER BY address") == [
        ("telegram", False),
        ("webchat", True),
    ]


async def test_what_waits_can_be_tried_where_it_is(app: FastAPI, inside: House) -> None:
    """As after a template was approved."""
    number = await held(inside, "7", "16.71")
    async with signed_in(app, ADMIN) as client:
        answer = await client.post("/data/saluran/pesan", data={"one": str(number)})
        assert answer.headers["location"].endswith("again=1&left=0")
        assert words.say("id", "channels.no_held") in await seen(client)
    assert await value(inside.engine, "SELECT held_at FROM deliveries") is None


# --- looked at ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", words.LANGUAGES)
@pytest.mark.parametrize("width", [1440, 390])
async def test_the_page_in_a_browser_without_scripts(
    settings: Settings, database: str, width: int, language: str
) -> None:
    async with running_web(settings, database) as (address, house), chromium() as browser:
        async with house.engine.begin() as connection:
            staff_id, token = await officer(connection, ADMIN, KOMINFO)
        await run(house.engine, "UPDATE staff SET language = :to WHERE id = :id", to=language, id=staff_id)
        await ail(house, "account", "our account is blocked or restricted (131031)")
        for name, state, reason in (
            ("lapor_diteruskan", "APPROVED", None),
            ("lapor_status_dan_batas", "REJECTED", "INVALID_FORMAT"),
            ("lapor_pengingat_kelengkapan", "MISSING", None),
            ("lapor_dialihkan", "APPROVED", "other_words"),
        ):
            await learn(house, name, state, reason)
        await held(house, "7", "16.71")
        await another_chat(house, "7")
        await held(house, "8", "16.71")
        context = await browser.new_context(
            viewport={"width": width, "height": 900}, locale="id-ID", java_script_enabled=False
        )
        await context.add_cookies([{"name": COOKIE, "value": token, "url": f"{address}/desk"}])
        page = await context.new_page()
        for path in ("data/saluran", "data", "pemberitahuan"):
            await page.goto(f"{address}/desk/{path}")
            if folder := os.environ.get("SCREENSHOTS"):
                name = f"{path.replace('/', '-')}-{language}-{width}.png"
                await page.screenshot(path=Path(folder) / name, full_page=True)
        scripted = await browser.new_context(viewport={"width": width, "height": 900}, locale="id-ID")
        await scripted.add_cookies([{"name": COOKIE, "value": token, "url": f"{address}/desk"}])
        looked_at = await scripted.new_page()
        for path in ("data/saluran", "data", "pemberitahuan"):
            await looked_at.goto(f"{address}/desk/{path}")
            assert await looked_at.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
            found = await Axe().run(looked_at)
            assert found.response["violations"] == [], path
        # The button that sends it elsewhere is a button of a form, which needs no script.
        await page.goto(f"{address}/desk/data/saluran")
        await page.locator("button[value$=':webchat']").click()
        await page.wait_for_url("**again=1&left=0")
        assert await page.locator("[role=status].done").count() == 1
