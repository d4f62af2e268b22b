"""The door of WhatsApp: who may knock, what of a POST is taken, and how often."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from peers.cloud_api import (
    ACCOUNT_ID,
    APP_SECRET,
    PHONE_ID,
    TOKEN,
    VERIFY_TOKEN,
    Citizen,
    FakeCloudApi,
    sign,
    wamid_of,
)
from sqlalchemy import text

from api.app import build
from api.house import House
from api.settings import Settings

STORY = "Jalan di depan SMP 1 Sekayu rusak parah sejak bulan lalu, banyak motor jatuh."
PATH = "/webhooks/whatsapp"


@pytest.fixture
async def meta() -> AsyncIterator[FakeCloudApi]:
    """A Cloud API on loopback."""
    async with FakeCloudApi() as api:
        yield api


@pytest.fixture
async def app(settings: Settings, database: str, meta: FakeCloudApi) -> AsyncIterator[FastAPI]:
    """The app, open, with a door for WhatsApp."""
    chosen = settings.model_dump() | {
        "whatsapp_token": TOKEN,
        "whatsapp_phone_number_id": PHONE_ID,
        "whatsapp_business_account_id": ACCOUNT_ID,
        "whatsapp_app_secret": APP_SECRET,
        "whatsapp_verify_token": VERIFY_TOKEN,
        "whatsapp_base_url": meta.base_url,
    }
    opened = build(Settings.model_validate(chosen), database)
    async with opened.router.lifespan_context(opened):
        yield opened


@pytest.fixture
def citizen(meta: FakeCloudApi) -> Citizen:
    """Somebody with WhatsApp."""
    return meta.citizen("6281234567890", "ID.13491208655302741918")


async def knock(web: httpx.AsyncClient, payload: Any, signature: str | None = None) -> httpx.Response:
    """Post a payload, rightly signed unless a signature is given."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    headers = {b"X-Hub-Signature-256": (sign(body, APP_SECRET) if signature is None else signature).encode()}
    return await web.post(PATH, content=body, headers=headers)


async def count(house: House) -> dict[str, int]:
    """How many rows the tables have that a message may change."""
    tables = ("inbox", "contacts", "contact_ids", "deliveries", "provider_messages", "message_templates", "media")
    async with house.engine.connect() as connection:
        return {
            name: (await connection.execute(text(f"SELECT count(*) FROM {name}"))).scalar_one()  # noqa: S608
            for name in tables
        }


async def kept(house: House) -> list[Any]:
    """What stands in the inbox, as it came in."""
    async with house.engine.connect() as connection:
        found = await connection.execute(text("SELECT message_id, address, payload FROM inbox ORDER BY id"))
        return list(found.all())


NOTHING = dict.fromkeys(
    ("inbox", "contacts", "contact_ids", "deliveries", "provider_messages", "message_templates", "media"), 0
)


# --- who may knock ------------------------------------------------------------------------------------------


async def test_meta_confirms_the_address_by_the_token(web: httpx.AsyncClient) -> None:
    query = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": VERIFY_TOKEN}
    answer = await web.get(PATH, params=query)
    assert (answer.status_code, answer.text) == (200, "1158201444")
    assert answer.headers["content-type"].startswith("text/plain"), "whatever the challenge is, no browser runs it"
    for wrong in ({"hub.verify_token": "x"}, {"hub.verify_token": ""}, {"hub.verify_token": "é"}, {"hub.mode": "x"}):
        assert (await web.get(PATH, params={**query, **wrong})).status_code == 403
    assert (await web.get(PATH)).status_code == 403


async def test_without_the_right_signature_nothing_is_kept(
    web: httpx.AsyncClient, inside: House, citizen: Citizen, meta: FakeCloudApi
) -> None:
    body = json.dumps(meta.payload(citizen.text(STORY))).encode()
    right = sign(body, APP_SECRET)
    cut = ("", "sha256=", right[7:], right.upper(), right[:-1], "sha1=" + right[7:], "sha256=é")
    for wrong in (*cut, sign(body + b" ", APP_SECRET), sign(body, APP_SECRET + "x")):
        answer = await knock(web, body, wrong)
        assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json"), wrong
    assert (await web.post(PATH, content=body)).status_code == 403
    assert await count(inside) == NOTHING
    assert (await knock(web, body)).status_code == 200


async def test_what_is_signed_and_no_json_is_refused(web: httpx.AsyncClient, inside: House) -> None:
    for body in (b"", b"{", b"\xff", b"halo", b"[" * 100_000):
        assert (await knock(web, body)).status_code == 400
    assert (await knock(web, b'"' + b"x" * (4 << 20) + b'"')).status_code == 413
    assert await count(inside) == NOTHING


async def test_two_megabytes_of_messages_are_taken(
    web: httpx.AsyncClient, inside: House, citizen: Citizen, meta: FakeCloudApi
) -> None:
    assert (await knock(web, meta.payload([citizen.text("kata " * 800) for _ in range(20)]))).status_code == 200
    large = meta.payload(citizen.text("ya"))
    large["entry"][0]["more"] = "x" * (2 << 20)
    assert (await knock(web, large)).status_code == 200
    assert (await count(inside))["inbox"] == 21


# --- what is taken -----------------------------------------------------------------------------------------


async def test_a_post_that_comes_many_times_at_once_is_taken_once(
    web: httpx.AsyncClient, inside: House, citizen: Citizen, meta: FakeCloudApi
) -> None:
    payload = meta.payload([citizen.text(STORY), citizen.image(), citizen.unknown(), citizen.text("tolong")])
    answers = await asyncio.gather(*(knock(web, payload) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    found = await count(inside)
    assert (found["inbox"], found["contacts"], found["contact_ids"], found["media"]) == (4, 1, 2, 1)


async def test_what_belongs_to_no_chat_is_kept(web: httpx.AsyncClient, inside: House, meta: FakeCloudApi) -> None:
    odd = [
        {"object": "whatsapp_business_account", "entry": []},
        {"object": "something_else"},
        meta.payload(meta.change("phone_number_quality_update", {"event": "ONBOARDING"})),
        meta.payload(meta.change("messages", {"messaging_product": "whatsapp", "messages": [{"id": "wamid.x"}]})),
        [],
        "halo",
        17,
        None,
    ]
    for payload in odd:
        for _ in range(2):
            assert (await knock(web, payload)).status_code == 200, payload
    names = [row.message_id for row in await kept(inside)]
    assert len(names) == len(set(names))
    assert len(names) >= len(odd) - 1, "an entry without anything says nothing"


async def test_what_was_written_to_another_number_is_kept_and_not_answered(
    web: httpx.AsyncClient, inside: House, citizen: Citizen, meta: FakeCloudApi
) -> None:
    payload = meta.payload(citizen.text(STORY))
    payload["entry"][0]["changes"][0]["value"]["metadata"]["phone_number_id"] = "999"
    assert (await knock(web, payload)).status_code == 200
    found = await count(inside)
    assert (found["inbox"], found["contacts"], found["deliveries"]) == (1, 0, 0)
    [row] = await kept(inside)
    written = json.dumps(row.payload)
    assert "999" in written, "an operator sees which number it was"
    assert not [each for each in (STORY, citizen.number, citizen.user_id) if each and each in written]


async def test_the_words_of_a_group_are_not_kept(
    web: httpx.AsyncClient, inside: House, citizen: Citizen, meta: FakeCloudApi
) -> None:
    assert (await knock(web, meta.payload(citizen.in_group("rahasia kami")))).status_code == 200
    assert all("rahasia kami" not in json.dumps(row.payload) for row in await kept(inside))
    assert (await count(inside))["deliveries"] == 0


async def test_news_of_templates_and_of_the_account_are_noted(
    web: httpx.AsyncClient, inside: House, meta: FakeCloudApi
) -> None:
    async def noted(statement: str) -> list[Any]:
        async with inside.engine.connect() as connection:
            return list((await connection.execute(text(statement))).all())

    await knock(web, meta.payload(meta.template_news("kabar_laporan", "id", "PAUSED", "quality")))
    assert await noted("SELECT name, language, state FROM message_templates") == [("kabar_laporan", "id", "paused")]
    await knock(web, meta.payload(meta.account_news("ACCOUNT_VIOLATION")))
    assert await noted("SELECT channel, ails FROM channel_health") == [("whatsapp", "account")]
    await knock(web, meta.payload(meta.account_news("ACCOUNT_REINSTATED")))
    assert await noted("SELECT ails FROM channel_health WHERE ails IS NOT NULL") == []


async def test_news_of_another_account_of_the_same_app_change_nothing(
    web: httpx.AsyncClient, inside: House, meta: FakeCloudApi
) -> None:
    news = meta.template_news("kabar_laporan", "id", "PAUSED", "quality"), meta.account_news("ACCOUNT_VIOLATION")
    for change in news:
        payload = meta.payload(change)
        payload["entry"][0]["id"] = "999"
        # The same key signs for all accounts that an app is connected to.
        assert (await knock(web, payload)).status_code == 200
    async with inside.engine.connect() as connection:
        changed = "SELECT (SELECT count(*) FROM message_templates) + (SELECT count(*) FROM channel_health)"
        assert (await connection.execute(text(changed))).scalar_one() == 0
    assert len(await kept(inside)) == len(news)


async def test_a_report_may_come_before_we_know_the_message(
    web: httpx.AsyncClient, inside: House, meta: FakeCloudApi
) -> None:
    wamid = meta.next_wamid()
    for _ in range(5):
        assert (await knock(web, meta.payload(meta.report(wamid, "delivered")))).status_code == 200
    assert (await count(inside))["provider_messages"] == 1


async def test_a_store_that_is_down_makes_meta_come_again(
    web: httpx.AsyncClient, inside: House, citizen: Citizen, meta: FakeCloudApi
) -> None:
    """What was taken before the store went away is not taken again when Meta posts all of it once more."""
    first, second = citizen.text(STORY), citizen.text("Tolong segera")
    assert (await knock(web, meta.payload(first))).status_code == 200
    async with inside.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE inbox RENAME TO gone"))
    assert (await knock(web, meta.payload([first, second]))).status_code in {200, 500, 503}
    async with inside.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE gone RENAME TO inbox"))
    assert (await knock(web, meta.payload([first, second]))).status_code == 200
    assert [row.message_id for row in await kept(inside)] == [wamid_of(first), wamid_of(second)]


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_distorted_payloads_are_answered_with_200_and_kept(
    web: httpx.AsyncClient, inside: House, citizen: Citizen, meta: FakeCloudApi, data: st.DataObject
) -> None:
    changes = [citizen.text("halo"), citizen.location(), meta.report(meta.next_wamid(), "read"), citizen.image()]
    payload = meta.payload(data.draw(st.permutations(changes)))
    at: Any = payload
    path = []
    while isinstance(at, dict | list) and at:
        key = data.draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
        path.append((at, key))
        at = at[key]
        if data.draw(st.booleans()):
            break
    holder, key = path[-1]
    holder[key] = data.draw(_anything)
    async with inside.engine.begin() as connection:
        await connection.execute(text("DELETE FROM inbox"))
        await connection.execute(text("DELETE FROM provider_messages"))
    body = json.dumps(payload).encode()
    assert (await knock(web, body)).status_code == 200
    found = await count(inside)
    assert found["inbox"] + found["provider_messages"] > 0


async def test_a_notice_of_a_day_to_come_does_not_make_all_later_messages_old(
    web: httpx.AsyncClient, inside: House, citizen: Citizen, meta: FakeCloudApi
) -> None:
    await knock(web, meta.payload(citizen.text("halo")))
    change = citizen.change_number("6285299998888")
    change["value"]["messages"][0]["timestamp"] = "32503680000"  # in the year 3000
    await knock(web, meta.payload(change))
    statement = text(
        "SELECT count(*) FROM contact_ids WHERE id = '6285299998888' AND since < now() + interval '2 days'"
    )
    async with inside.engine.connect() as connection:
        assert (await connection.execute(statement)).scalar_one() == 1


# --- numbers for choices ----------------------------------------------------------------------------------


async def test_the_number_of_a_choice_is_a_tap_where_choices_are_numbered(
    web: httpx.AsyncClient, inside: House, citizen: Citizen, meta: FakeCloudApi
) -> None:
    """Eleven choices are too many for a list: what was said last is numbered, and "11" is the last of it."""
    await knock(web, meta.payload(citizen.text("halo")))

    async def offered(count: int) -> None:
        offers = [["choice.ticket.resolved", f"T-{number:03d}-000-0000:resolved"] for number in range(1, count + 1)]
        async with inside.engine.begin() as connection:
            statement = "UPDATE deliveries SET sent_at = now(), buttons = CAST(:offers AS jsonb)"
            await connection.execute(text(statement), {"offers": json.dumps(offers)})

    async def said(words: str) -> str:
        await knock(web, meta.payload(citizen.text(words)))
        async with inside.engine.begin() as connection:
            [row] = await connection.execute(text("DELETE FROM deliveries WHERE sent_at IS NULL RETURNING says"))
        return json.dumps(row.says)

    await offered(11)
    for words in ("11", "11.", "nomor 11"):
        assert "T-011-000-0000" in await said(words)
    assert "T-0" not in await said("12")
    assert "T-0" not in await said("11 orang jatuh di depan SMP 1 Sekayu kemarin")
    await offered(3)
    assert "T-0" not in await said("3")


async def test_a_photo_with_a_number_below_it_is_a_photo(
    web: httpx.AsyncClient, inside: House, citizen: Citizen, meta: FakeCloudApi
) -> None:
    await knock(web, meta.payload(citizen.text(STORY)))
    offers = [["choice.ticket.resolved", f"T-{number:03d}-000-0000:resolved"] for number in range(1, 12)]
    async with inside.engine.begin() as connection:
        statement = "UPDATE deliveries SET sent_at = now(), buttons = CAST(:offers AS jsonb)"
        await connection.execute(text(statement), {"offers": json.dumps(offers)})
    await knock(web, meta.payload(citizen.image("11")))
    assert (await count(inside))["media"] == 1
