"""The Cloud API of our own does what tests take for granted of Meta's: limits, windows, identities, signatures."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from aiohttp import web
from peers import cloud_api
from peers.cloud_api import ACCOUNT_ID, APP_SECRET, PHONE_ID, FakeCloudApi, Fault, sign, wamid_of

NUMBER, USER_ID = "6281234567890", "ID.13491208655302741918"


@pytest.fixture
async def api() -> AsyncIterator[FakeCloudApi]:
    async with FakeCloudApi() as api:
        yield api


@pytest.fixture
async def client(api: FakeCloudApi) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {api.token}"}
    async with httpx.AsyncClient(base_url=f"{api.base_url}/v23.0", headers=headers) as client:
        yield client


@pytest.fixture
async def posted(api: FakeCloudApi) -> AsyncIterator[list[dict[str, Any]]]:
    """What came to a webhook that takes nothing the first time."""
    taken: list[dict[str, Any]] = []
    refused: set[bytes] = set()

    async def take(request: web.Request) -> web.Response:
        if request.method == "GET":
            return web.Response(text=request.query["hub.challenge"])
        body = await request.read()
        assert request.headers["X-Hub-Signature-256"] == sign(body, APP_SECRET)
        if body not in refused:
            refused.add(body)
            return web.Response(status=503)
        taken.append(json.loads(body))
        return web.Response()

    app = web.Application()
    app.router.add_route("*", "/webhooks/whatsapp", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    api.webhook = f"http://127.0.0.1:{runner.addresses[0][1]}/webhooks/whatsapp", APP_SECRET
    yield taken
    await runner.cleanup()


def text(words: str = "Halo", to: str = NUMBER, **more: Any) -> dict[str, Any]:
    head = {"messaging_product": "whatsapp", "recipient_type": "individual", "to": to}
    return {**head, "type": "text", "text": {"body": words}, **more}


def buttons(*titles: str, body: str = "Benar?") -> dict[str, Any]:
    replies = [{"type": "reply", "reply": {"id": f"c:{title}", "title": title}} for title in titles]
    interactive = {"type": "button", "body": {"text": body}, "action": {"buttons": replies}}
    return {**text(), "type": "interactive", "interactive": interactive}


def rows(*titles: str, description: str = "") -> dict[str, Any]:
    found = [{"id": f"c:{at}", "title": title} for at, title in enumerate(titles)]
    found = [{**each, "description": description} if description else each for each in found]
    action = {"button": "Pilih", "sections": [{"rows": found}]}
    interactive = {"type": "list", "body": {"text": "Yang mana?"}, "action": action}
    return {**text(), "type": "interactive", "interactive": interactive}


def template(name: str = "kabar", *words: str) -> dict[str, Any]:
    parameters = [{"type": "text", "text": word} for word in words]
    components = [{"type": "body", "parameters": parameters}]
    about = {"name": name, "language": {"code": "id"}, "components": components}
    return {**text(), "type": "template", "template": about}


async def send(client: httpx.AsyncClient, body: dict[str, Any]) -> int:
    """The code of the error that the body meets, 0 where it is taken."""
    answer = await client.post(f"/{PHONE_ID}/messages", json=body)
    if answer.is_success:
        [message] = answer.json()["messages"]
        assert message["id"].startswith("wamid.")
        return 0
    return int(answer.json()["error"]["code"])


async def test_what_is_sent_stands_in_the_chat_of_whoever_has_that_id(
    api: FakeCloudApi, client: httpx.AsyncClient
) -> None:
    citizen = api.citizen(NUMBER, USER_ID)
    citizen.text("halo")
    to_bsuid = {key: value for key, value in text("dua").items() if key != "to"} | {"recipient": USER_ID}
    assert [await send(client, text("satu")), await send(client, to_bsuid)] == [0, 0]
    assert await send(client, text("tiga", to=USER_ID)) == 0, "Meta says nothing"
    assert [each.text for each in api.sent(citizen)] == ["satu", "dua"]
    assert [each["text"]["body"] for each in api.dropped] == ["tiga"]


async def test_a_number_given_out_again_has_a_chat_of_its_own(api: FakeCloudApi, client: httpx.AsyncClient) -> None:
    before = api.citizen(NUMBER, USER_ID)
    before.text("halo")
    await send(client, text("untuk yang lama"))
    after = api.citizen(NUMBER, "ID.2")
    after.text("halo juga")
    await send(client, text("untuk yang baru"))
    assert [each.text for each in api.sent(before)] == ["untuk yang lama"]
    assert [each.text for each in api.sent(after)] == [each.text for each in api.sent(NUMBER)] == ["untuk yang baru"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (text(" \n"), 100),
        (text("x" * 4096), 0),
        (text("x" * 4097), 100),
        (buttons("a", "b", "x" * 20), 0),
        (buttons("x" * 21), 131009),
        (buttons("a", "b", "c", "d"), 131009),
        (buttons("a", "a"), 131009),
        (buttons("a", body="x" * 1025), 100),
        (rows(*"abcdefghij", description="x" * 72), 0),
        (rows(*"abcdefghijk"), 131009),
        (rows("x" * 25), 131009),
        (rows("a", description="x" * 73), 131009),
        (template("tidak_ada"), 132001),
        (template("kabar", "satu"), 132000),
        (template("kabar", "satu", "baris\nbaru"), 132007),
        (template("kabar", "satu", "dua"), 0),
        (template("istirahat"), 132015),
    ],
)
async def test_meta_takes_so_much_and_no_more(
    api: FakeCloudApi, client: httpx.AsyncClient, body: dict[str, Any], code: int
) -> None:
    api.citizen().text("halo")
    api.add_template("kabar", "id", "Ada {{1}} dan {{2}} untuk Anda.")
    api.add_template("istirahat", "id", "Ada kabar.", status="PAUSED")
    assert await send(client, body) == code
    assert len(api.sent(NUMBER)) == (code == 0)
    assert bool(api.problems) >= (code in (100, 131009)), "what no body of ours may be is noticed"


async def test_a_day_after_somebody_wrote_only_templates_go_through(
    api: FakeCloudApi, client: httpx.AsyncClient
) -> None:
    now = datetime(2026, 11, 22, 9, tzinfo=UTC)
    api.now = lambda: now
    api.add_template("kabar", "id", "Ada {{1}} dan {{2}} untuk Anda.")
    citizen = api.citizen()
    assert await send(client, text()) == 131047, "nobody has written yet"
    citizen.text("halo")
    now += timedelta(hours=23, minutes=59)
    assert await send(client, text()) == 0
    now += timedelta(minutes=1)
    assert [await send(client, text()), await send(client, template("kabar", "a", "b"))] == [131047, 0]
    assert [each.text for each in api.sent(citizen)] == ["Halo", "Ada a dan b untuk Anda."]


async def test_one_post_has_all_in_its_order_signed_and_again_until_it_is_taken(
    api: FakeCloudApi, posted: list[dict[str, Any]]
) -> None:
    citizen, other = api.citizen(NUMBER, USER_ID), api.citizen(None, "ID.2", "Sari")
    changes = [
        citizen.text("satu / é"), *citizen.album(2, "foto"), other.text("dua"),
        api.report("wamid.X", "read"), api.report("wamid.Y", "failed", 131047), citizen.unknown(),
    ]  # fmt: skip
    assert await api.post(changes) == 200
    [payload] = posted
    [entry] = payload["entry"]
    told = [
        part["id"] for change in entry["changes"] for kind in ("messages", "statuses")
        for part in change["value"].get(kind, ())
    ]  # fmt: skip
    assert told == [*map(wamid_of, changes[:4]), "wamid.X", "wamid.Y", wamid_of(changes[-1])]
    people = [each.get("wa_id") for each in entry["changes"][0]["value"]["contacts"]]
    assert people == [NUMBER, None]
    assert await api.verify(challenge="4711") == (200, "4711")


async def test_whoever_moves_keeps_the_chat_and_leaves_the_number(api: FakeCloudApi) -> None:
    citizen = api.citizen(NUMBER, USER_ID)
    change = citizen.change_number("6285550001111")
    [message] = change["value"]["messages"]
    assert (message["from"], message["system"]["wa_id"]) == (NUMBER, "6285550001111")
    assert message["system"]["previous_user_id"] == USER_ID != message["system"]["user_id"]
    assert "contacts" not in change["value"]
    assert api.chat("6285550001111") is citizen.chat is not api.chat(NUMBER)
    citizen.hide_number()
    [hidden] = citizen.text("halo")["value"]["messages"]
    assert "from" not in hidden
    assert hidden["from_user_id"] == citizen.user_id


async def test_taps_come_back_as_what_was_tapped(api: FakeCloudApi, client: httpx.AsyncClient) -> None:
    citizen = api.citizen()
    citizen.text("halo")
    api.add_template("tombol", "id", "Ada kabar.", button="Baca")
    payload = {"type": "button", "sub_type": "quick_reply", "index": "0"}
    with_button = template("tombol")
    with_button["template"]["components"] = [{**payload, "parameters": [{"type": "payload", "payload": "T-1:read"}]}]
    numbered = text("Yang mana?\n\n1. Ini\n2. Itu\n\nBalas nomornya.")
    for body in (buttons("Ya", "Tidak"), rows("Satu …", description="Satu jalan yang panjang"), with_button, numbered):
        assert await send(client, body) == 0
    taps = [citizen.tap(label) for label in ("Ya", "Satu jalan yang panjang", "Baca", "Itu")]
    said = [change["value"]["messages"][0] for change in taps]
    assert said[0]["interactive"] == {"type": "button_reply", "button_reply": {"id": "c:Ya", "title": "Ya"}}
    row = {"id": "c:0", "title": "Satu …", "description": "Satu jalan yang panjang"}
    assert said[1]["interactive"] == {"type": "list_reply", "list_reply": row}
    assert said[2]["button"] == {"payload": "T-1:read", "text": "Baca"}
    assert said[3]["text"] == {"body": "2"}
    assert said[2]["context"]["id"] == api.sent(citizen)[2].wamid
    with pytest.raises(ValueError, match="shows 'Mungkin'"):
        citizen.tap("Mungkin")


async def test_a_link_to_a_file_needs_the_token_and_ends(api: FakeCloudApi, client: httpx.AsyncClient) -> None:
    now = datetime.now(UTC)
    api.now = lambda: now
    media_id = api.add_media(b"foto", "image/jpeg")

    async def link() -> str:
        answer = await client.get(f"/{media_id}", params={"phone_number_id": PHONE_ID})
        return str(answer.json()["url"])

    first = await link()
    assert (await client.get(first)).content == b"foto"
    async with httpx.AsyncClient() as stranger:
        assert (await stranger.get(first)).status_code == 401
    now += timedelta(minutes=5)
    assert (await client.get(first)).status_code == 404
    api.stale_links = 1
    assert [(await client.get(await link())).status_code for _ in range(2)] == [404, 200]
    api.forget_media(media_id)
    gone = (await client.get(f"/{media_id}")).json()["error"]
    assert (gone["code"], gone["error_subcode"]) == (100, 33)


async def test_templates_are_listed_page_by_page(api: FakeCloudApi, client: httpx.AsyncClient) -> None:
    api.page_size = 2
    for number in range(5):
        api.add_template(f"t{number}", "id", "Ada kabar.", status="APPROVED" if number else "REJECTED")
    found, url = [], f"/{ACCOUNT_ID}/message_templates"
    while url:
        page = (await client.get(url)).json()
        found += [(each["name"], each["status"]) for each in page["data"]]
        url = page["paging"].get("next", "")
    assert found == [("t0", "REJECTED"), *((f"t{number}", "APPROVED") for number in range(1, 5))]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (cloud_api.dead_token(), 190),
        (cloud_api.closed(), 131047),
        (cloud_api.unreachable(), 131026),
        (cloud_api.too_many(7), 130429),
        (cloud_api.too_many_to_one(), 131056),
        (cloud_api.spam(), 131048),
        (cloud_api.locked(), 131031),
        (cloud_api.unpaid(), 131042),
        (cloud_api.broken(delivered=True), 131000),
    ],
)
async def test_a_fault_meets_whom_it_is_meant_for_so_often(
    api: FakeCloudApi, client: httpx.AsyncClient, fault: Fault, code: int
) -> None:
    api.window_hours = None
    api.faults.add(fault, user=NUMBER)
    assert [await send(client, text(to="62899")), await send(client, text()), await send(client, text())] == [
        0,
        code,
        0,
    ]
    assert len(api.sent(NUMBER)) == 1 + fault.delivered


async def test_reports_come_by_themselves_once_each(
    api: FakeCloudApi, client: httpx.AsyncClient, posted: list[dict[str, Any]]
) -> None:
    api.citizen().text("halo")
    api.reports = True
    for _ in range(6):
        await send(client, text())
    await api.told()
    states = [
        (part["id"], part["status"]) for payload in posted for entry in payload["entry"]
        for change in entry["changes"] for part in change["value"]["statuses"]
    ]  # fmt: skip
    wamids = [each.wamid for each in api.sent(NUMBER)]
    assert sorted(states) == sorted((wamid, state) for wamid in wamids for state in ("sent", "delivered"))


async def test_what_meta_will_not_deliver_it_may_say_later(
    api: FakeCloudApi, client: httpx.AsyncClient, posted: list[dict[str, Any]]
) -> None:
    api.refuses_late = True
    assert await send(client, text()) == 0
    await api.told()
    [payload] = posted
    [status] = payload["entry"][0]["changes"][0]["value"]["statuses"]
    assert (status["status"], status["errors"][0]["code"]) == ("failed", 131047)
    assert api.sent(NUMBER) == []
