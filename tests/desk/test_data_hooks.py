"""Webhooks at the desk: added, tried out, switched off and on, their secret shown once, their log read."""

from __future__ import annotations

import html
import os
import re
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.async_playwright import Axe
from desking import GRANTS, officer, signed_in
from fastapi import FastAPI
from journey.browser import chromium
from making import eventually, file, rows, run, value
from peers.receiver import Receiver
from running import web as running_web
from running import working

from api.elsewhere import posting
from api.house import House
from api.settings import Settings
from api.unit import unit
from desk.access import COOKIE
from store import kept, policy
from store.subscriptions import KINDS

ADMIN = GRANTS[policy.ADMINISTRATOR]
HERE = "/data/webhook"
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]{44}")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A house that may tell others on this machine."""
    return settings.model_copy(update={"webhook_private": True})


def form(**change: object) -> dict[str, object]:
    """What is typed into the form of a new one."""
    return {
        "name": "Dasbor gubernur",
        "url": "https://hook.example/lapor",
        "region": "",
        "events": list(KINDS),
        **change,
    }


async def added(client: httpx.AsyncClient, **change: object) -> str:
    """A new one; returns its secret."""
    answer = await client.post(HERE, data=form(**change))
    assert answer.status_code == 200, answer.text
    return secret_of(answer.text)


def secret_of(page: str) -> str:
    """The one secret on a page."""
    [found] = set(SECRET.findall(html.unescape(page)))
    return str(found)


async def verbs(house: House) -> list[str]:
    return [row.verb for row in await rows(house.engine, "SELECT verb FROM audit ORDER BY id")]


async def test_a_secret_is_shown_once(app: FastAPI, inside: House) -> None:
    async with signed_in(app, ADMIN) as client:
        first = await added(client, region="16.71")
        assert not SECRET.search((await client.get(f"{HERE}/1")).text)
        assert not SECRET.search((await client.get(HERE)).text)
        second = secret_of((await client.post(f"{HERE}/1/rahasia")).text)
        assert second != first
        assert await value(inside.engine, "SELECT old_secret FROM webhook_subscriptions") == first
        assert "Kota Palembang" in (await client.get(HERE)).text
    assert await verbs(inside) == ["webhook.add", "webhook.secret"]
    told = str(await rows(inside.engine, "SELECT * FROM audit"))
    assert not {first, second, "hook.example"} & set(re.split(r"[\s'\"]", told))
    assert "whsec" not in told


@pytest.mark.parametrize(
    ("url", "inside_"),
    [
        ("http://127.0.0.1:9/lapor", True),
        ("https://[::ffff:10.0.0.1]/lapor", True),
        ("https://localhost/lapor", True),
        ("https://203.0.113.7/lapor", True),
        ("https://8.8.8.8/lapor", False),
        # Names may lead somewhere one day.
        ("https://hook.invalid/lapor", False),
    ],
)
async def test_an_address_within_is_said_to_be_one_and_is_kept(
    app: FastAPI, inside: House, url: str, inside_: bool
) -> None:
    warning = "ada di jaringan dalam"
    async with signed_in(app, ADMIN) as client:
        # Here they are allowed.
        assert warning not in (await client.post(HERE, data=form(name="Boleh", url=url))).text
        inside.settings = inside.settings.model_copy(update={"webhook_private": False})
        answer = await client.post(HERE, data=form(url=url))
        assert answer.status_code == 200
        assert (warning in answer.text) == inside_
    assert await value(inside.engine, "SELECT count(*) FROM webhook_subscriptions") == 2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": " "}, "Nama wajib diisi"),
        ({"url": "ftp://hook.example/"}, "Alamat harus diawali"),
        ({"url": "https://a:b@hook.example/"}, "Alamat harus diawali"),
        ({"region": "99"}, "Wilayah ini tidak dikenal"),
        ({"events": []}, "Pilih paling sedikit satu"),
        ({"events": ["webhook.test"]}, "Pilih paling sedikit satu"),
        ({"name": "Ada"}, "Nama ini sudah dipakai"),
    ],
)
async def test_what_cannot_be_is_said_and_what_was_typed_stays(
    app: FastAPI, inside: House, change: dict[str, object], says: str
) -> None:
    async with signed_in(app, ADMIN) as client:
        await added(client, name="Ada")
        answer = await client.post(HERE, data=form(**change))
    assert answer.status_code == 422
    assert says in answer.text
    if "url" not in change:
        assert 'value="https://hook.example/lapor"' in answer.text
    assert await value(inside.engine, "SELECT count(*) FROM webhook_subscriptions") == 1


async def test_a_test_event_gets_there_and_the_log_says_so(app: FastAPI, inside: House) -> None:
    async with signed_in(app, ADMIN) as client, Receiver() as receiver:
        receiver.secrets.append(await added(client, url=receiver.url))
        answer = await client.post(f"{HERE}/1/coba")
        assert answer.headers["location"] == "/desk/data/webhook/1?selesai=coba"
        assert "menunggu" in (await client.get(f"{HERE}/1")).text
        async with working(inside.settings, inside.url):
            await eventually(lambda: value(inside.engine, "SELECT state FROM webhook_events"), "delivered", patience=60)
        page = (await client.get(f"{HERE}/1")).text
        assert "HTTP 204" in page
        assert ">terkirim<" in page
        [event] = receiver.taken
        assert (event["kind"], event["complaint"]) == ("webhook.test", None)
    assert receiver.problems == []
    assert await verbs(inside) == ["webhook.add", "webhook.test"]


async def test_what_failed_says_why_and_is_tried_again(app: FastAPI, inside: House) -> None:
    async with signed_in(app, ADMIN) as client, Receiver() as receiver:
        receiver.secrets.append(await added(client, url=receiver.url))
        receiver.answers.append(503)
        async with unit(inside) as work:
            event = work.record(await file(work.connection, region="16.71"))
        await posting.deliver(inside, 1, event.complaint_id)
        for page in ((await client.get(f"{HERE}/1")).text, (await client.get(HERE)).text):
            assert "gagal sejak" in page
            assert "gagal di pihak sana" in page
        assert "1 bermasalah" in (await client.get("/data")).text
        number = await value(inside.engine, "SELECT id FROM webhook_events")
        answer = await client.post(f"{HERE}/1/lagi", data={"one": str(number)})
        assert answer.headers["location"].endswith("selesai=lagi")
        async with working(inside.settings, inside.url):
            await eventually(lambda: value(inside.engine, "SELECT state FROM webhook_events"), "delivered", patience=60)
        assert "gagal sejak" not in (await client.get(f"{HERE}/1")).text
        answer = await client.post(f"{HERE}/1/lagi", data={"one": str(number)})
        assert answer.headers["location"].endswith("selesai=tidak")
        for odd in ("", "x", "9" * 30, "²", "-1"):
            answer = await client.post(f"{HERE}/1/lagi", data={"one": odd})
            assert answer.headers["location"].endswith("selesai=tidak")
    assert await verbs(inside) == ["webhook.add", "webhook.again"]


async def test_off_and_on(app: FastAPI, inside: House) -> None:
    async with signed_in(app, ADMIN) as client:
        await added(client)
        for _ in range(2):
            assert (await client.post(f"{HERE}/1/matikan")).status_code == 303
        assert "dimatikan" in (await client.get(HERE)).text
        async with unit(inside) as work:
            work.record(await file(work.connection))
        assert await value(inside.engine, "SELECT count(*) FROM webhook_events") == 0
        assert (await client.post(f"{HERE}/1/hidupkan")).status_code == 303
        async with unit(inside) as work:
            work.record(await file(work.connection))
        assert await value(inside.engine, "SELECT count(*) FROM webhook_events") == 1
    assert await verbs(inside) == ["webhook.add", "webhook.disable", "webhook.enable"]


async def test_what_was_typed_outlives_its_session(app: FastAPI, inside: House) -> None:
    async with signed_in(app, ADMIN) as client:
        async with inside.engine.begin() as connection:
            fields = {"name": "Dasbor", "url": "https://hook.example/x", "events": "complaint.filed", "region": "16.71"}
            await kept.keep(connection, int(client.headers["x-staff"]), "/desk/data/webhook", fields)
        page = (await client.get(HERE)).text
    assert 'value="https://hook.example/x"' in page
    assert re.findall(r'value="([a-z_.]+)" checked', page) == ["complaint.filed"]
    assert '<option value="16.71" selected>' in page


async def test_the_log_has_pages_and_filters(app: FastAPI, inside: House) -> None:
    async with signed_in(app, ADMIN) as client:
        await added(client)
        for number in range(60):
            async with unit(inside) as work:
                event = work.record(await file(work.connection))
            if number == 0:
                first = event.ticket
        page = (await client.get(f"{HERE}/1", params={"keadaan": "waiting"})).text
        assert first not in page
        [older] = re.findall(r'href="/desk(/data/webhook/1\?keadaan=waiting&amp;sebelum=\d+)"', page)
        assert first in (await client.get(html.unescape(older))).text
        assert "Belum ada kiriman." in (await client.get(f"{HERE}/1", params={"keadaan": "failed"})).text
        assert event.ticket in (await client.get(f"{HERE}/1", params={"keadaan": "<x>"})).text


@pytest.mark.parametrize("path", ["/2", "/0", f"/{2**63 - 1}"])
async def test_what_is_not_there_is_not_found(app: FastAPI, path: str) -> None:
    async with signed_in(app, ADMIN) as client:
        assert (await client.get(HERE + path)).status_code == 404
        for act in ("coba", "matikan", "hidupkan", "rahasia", "lagi"):
            assert (await client.post(f"{HERE}{path}/{act}")).status_code == 404
        assert (await client.get(f"{HERE}/{2**63}")).status_code < 500


async def test_only_an_administrator_sees_them(app: FastAPI) -> None:
    for role in policy.ROLES:
        async with signed_in(app, GRANTS[role]) as client:
            answer = await client.get(HERE)
            assert answer.status_code == (200 if role == policy.ADMINISTRATOR else 403)


@pytest.mark.parametrize("width", [1440, 390])
async def test_the_pages_in_a_browser(settings: Settings, database: str, width: int) -> None:
    async with running_web(settings, database) as (address, house), chromium() as browser:
        async with house.engine.begin() as connection:
            _, token = await officer(connection, ADMIN)
        context = await browser.new_context(viewport={"width": width, "height": 900}, locale="id-ID")
        await context.add_cookies([{"name": COOKIE, "value": token, "url": f"{address}/desk"}])
        page = await context.new_page()

        async def look(name: str) -> None:
            found = await Axe().run(page)
            assert found.response["violations"] == [], name
            assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
            if folder := os.environ.get("SCREENSHOTS"):
                await page.screenshot(path=Path(folder) / f"webhook-{name}-{width}.png", full_page=True)

        await page.goto(f"{address}/desk{HERE}")
        await look("empty")
        # From the keyboard alone.
        await page.focus("#name")
        await page.keyboard.type("Dasbor gubernur")
        await page.keyboard.press("Tab")
        await page.keyboard.type("http://127.0.0.1:1/lapor")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("code >> text=whsec_")
        await look("new")
        async with unit(house) as work:
            event = work.record(await file(work.connection, region="16.71"))
        await posting.deliver(house, 1, event.complaint_id)
        async with unit(house) as work:
            work.record(await file(work.connection, region="16.71"))
        await run(
            house.engine, "UPDATE webhook_events SET state = 'delivered', answered = 204, done_at = now() WHERE id > 1"
        )
        await page.goto(f"{address}/desk{HERE}/1")
        await look("log")
        await page.goto(f"{address}/desk{HERE}")
        await look("list")
        await page.goto(f"{address}/desk/data")
        await look("door")
