"""Health: the process lives, the house says what it lacks, and what is counted names nobody."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from conftest import API_KEY
from making import contact, eventually, run, say
from own_server import Server
from peers.clamd import FakeClamd
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from running import speaking, working

from api.app import build
from api.house import House
from api.settings import Settings
from store import channels


async def test_a_process_that_answers_is_alive(web: httpx.AsyncClient) -> None:
    answer = await web.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def checks(web: httpx.AsyncClient) -> tuple[int, dict[str, Any]]:
    answer = await web.get("/readyz")
    body = answer.json()
    assert body["ready"] == (answer.status_code == 200)
    return answer.status_code, body["checks"]


async def ready(web: httpx.AsyncClient) -> bool:
    return (await checks(web))[0] == 200


async def test_a_house_without_speaker_and_worker_says_so(web: httpx.AsyncClient) -> None:
    status, found = await checks(web)
    assert status == 503
    assert (found["database"], found["migrations"], found["classifier"]) == ("ok", "ok", "ok")
    assert "none" in found["worker"]
    assert "none" in found["speaker"]


async def test_a_house_with_everybody_is_ready(web: httpx.AsyncClient, settings: Settings, database: str) -> None:
    async with speaking(settings, database), working(settings, database):
        await eventually(lambda: ready(web))


async def test_a_scanner_that_is_away_is_told(web: httpx.AsyncClient, inside: House) -> None:
    assert "scanner" not in (await checks(web))[1]
    async with FakeClamd() as clamd:
        inside.settings.clamd_host = clamd.where
        assert (await checks(web))[1]["scanner"] == "ok"
    assert (await checks(web))[1]["scanner"] == "away; files wait until it answers"


@pytest.mark.parametrize(
    ("name", "statement"),
    [
        ("speaker", "UPDATE heartbeats SET beat_at = now() - interval '31 seconds'"),
        ("worker", "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '31 seconds'"),
    ],
)
async def test_who_is_silent_too_long_is_missed(
    web: httpx.AsyncClient, inside: House, name: str, statement: str
) -> None:
    await run(inside.engine, "INSERT INTO heartbeats VALUES ('host:1', 'speaker', now())")
    await run(inside.engine, "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now())")
    assert (await checks(web))[0] == 200
    await run(inside.engine, statement)
    status, found = await checks(web)
    assert found.pop("channels") == {"webchat": "ok", "whatsapp": "ok"}
    assert (status, [each for each in found if found[each] != "ok"]) == (503, [name])


async def test_a_database_of_another_version_is_named(web: httpx.AsyncClient, inside: House) -> None:
    await run(inside.engine, "UPDATE alembic_version SET version_num = 'older'")
    status, found = await checks(web)
    assert status == 503
    assert "older" in found["migrations"]


# --- channels ---------------------------------------------------------------------------------------------


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


async def test_a_channel_in_trouble_is_named_with_what_to_do_and_the_house_stays_ready(
    web: httpx.AsyncClient, inside: House
) -> None:
    await run(inside.engine, "INSERT INTO heartbeats VALUES ('host:1', 'speaker', now())")
    await run(inside.engine, "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now())")
    async with inside.engine.begin() as connection:
        await channels.ail(connection, "whatsapp", "token", "the token is refused (190)")
        await channels.ail(connection, "webchat", "hiccups", "never heard of")
    status, found = await checks(web)
    assert status == 200
    said = found["channels"]
    assert said["whatsapp"].startswith("token: The WhatsApp token")
    assert "WHATSAPP_TOKEN" in said["whatsapp"]
    assert said["webchat"].startswith("hiccups: Check the account")
    values = (await metrics(web))["lapor_channel_up"]
    assert values == {"webchat": 0, "whatsapp": 0}
    async with inside.engine.begin() as connection:
        await channels.heal(connection, "whatsapp")
    assert (await checks(web))[1]["channels"]["whatsapp"] == "ok"
    assert (await metrics(web))["lapor_channel_up"]["whatsapp"] == 1


async def test_templates_that_cannot_be_used_are_named(web: httpx.AsyncClient, inside: House) -> None:
    async with inside.engine.begin() as connection:
        for name, state in (("good", "APPROVED"), ("tired", "PAUSED"), ("new", "MISSING"), ("odd", "HIBERNATING")):
            await channels.learn_template(connection, "whatsapp", name, "id", state, None)
    said = (await checks(web))[1]["channels"]["whatsapp"]
    assert said.startswith("ok; ")
    assert "good" not in said
    for each in ("tired (id) paused", "new (id) not submitted", "odd (id) hibernating"):
        assert each in said


async def test_a_database_of_another_version_tells_nothing_of_channels(web: httpx.AsyncClient, inside: House) -> None:
    await run(inside.engine, "DROP TABLE channel_health")
    await run(inside.engine, "UPDATE alembic_version SET version_num = 'older'")
    status, found = await checks(web)
    assert (status, found["database"], found["channels"]["whatsapp"]) == (503, "ok", "unknown")


# --- metrics ------------------------------------------------------------------------------------------


async def metrics(web: httpx.AsyncClient) -> dict[str, dict[str, float]]:
    """Every value by its name and channel; raises if the text does not parse."""
    answer = await web.get("/metrics")
    assert answer.status_code == 200
    found: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[sample.labels.get("channel", "")] = sample.value
    return found


async def test_the_ledger_is_counted_by_channel(web: httpx.AsyncClient, inside: House) -> None:
    async with inside.engine.begin() as connection:
        contact_id = await contact(connection)
        for key in ("a", "b", "c", "d"):
            await say(connection, contact_id, key)
    await run(inside.engine, "UPDATE deliveries SET failed_at = now() WHERE says->0->>0 = 'a'")
    await run(inside.engine, "UPDATE deliveries SET due_at = now() - interval '90 seconds' WHERE says->0->>0 = 'b'")
    await run(
        inside.engine,
        "UPDATE deliveries SET held_at = now(), due_at = now() - interval '1 day' WHERE says->0->>0 = 'd'",
    )
    found = await metrics(web)
    assert found["lapor_deliveries_held"]["telegram"] == 1
    assert found["lapor_database_up"][""] == 1
    assert found["lapor_deliveries_pending"]["telegram"] == 2
    assert found["lapor_deliveries_failed"]["telegram"] == 1
    assert 85 < found["lapor_deliveries_oldest_seconds"]["telegram"] < 95


async def test_filing_is_counted_and_nobody_is_named(web: httpx.AsyncClient, inside: House) -> None:
    words, address = "rahasia sekali", "987654321"
    headers = {"X-API-Key": API_KEY}
    await web.post("/api/v1/complaints", json={"text": words, "name": "Siti"}, headers=headers)
    async with inside.engine.begin() as connection:
        await say(connection, await contact(connection, address), "welcome")
    told = (await web.get("/metrics")).text
    for secret in (words, address, "Siti", "Budi", API_KEY):
        assert secret not in told


# --- without a database ---------------------------------------------------------------------------------


@asynccontextmanager
async def house_on(server: Server, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    app = build(settings.model_copy(update={"database_connections": 3}), server.url)
    headers = {"X-API-Key": API_KEY}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test", headers=headers) as client,
    ):
        yield client


async def status_of_filing(web: httpx.AsyncClient) -> int:
    return (await web.post("/api/v1/complaints", json={"text": "Lampu mati"})).status_code


async def test_a_store_that_goes_away_is_503_everywhere_until_it_is_back(
    own_server: Server, settings: Settings
) -> None:
    requests: list[tuple[str, str, Any]] = [
        ("GET", "/api/v1/complaints", None),
        ("GET", "/api/v1/complaints/T-000-000-0000", None),
        ("GET", "/api/v1/complaints/T-000-000-0000/neighbours", None),
        ("GET", "/api/v1/attention", None),
        ("GET", "/api/v1/misroutes", None),
        ("POST", "/api/v1/complaints", {"text": "rahasia sekali"}),
        ("POST", "/api/v1/complaints/T-000-000-0000/moves", {"status": "Terdisposisi"}),
    ]
    async with house_on(own_server, settings) as web:
        assert await status_of_filing(web) == 201
        own_server.stop()
        # Nothing waits for a server that is gone until some time-out ends it.
        deadline = time.monotonic() + 30
        for method, path, body in requests:
            answer = await web.request(method, path, json=body)
            assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
            assert "rahasia" not in answer.text
        status, found = await checks(web)
        assert status == 503
        assert found["database"] != "ok"
        assert (await metrics(web))["lapor_database_up"][""] == 0
        assert (await web.get("/healthz")).status_code == 200
        assert time.monotonic() < deadline
        own_server.start()
        await eventually(lambda: status_of_filing(web), 201)
        assert len((await web.get("/api/v1/complaints")).json()["items"]) == 2
