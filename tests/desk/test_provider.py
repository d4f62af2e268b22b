"""Signing in at a provider (OpenID Connect), over real HTTP: who gets in, and all that may be wrong with an answer."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from entering import PASSWORD, browser, code, give_password, person
from fastapi import FastAPI
from peers.oidc import CLIENT, SECRET, FakeProvider, provider
from pydantic import SecretStr
from sqlalchemy import text

from api.app import build
from api.settings import Settings
from desk.access import COOKIE
from store import staff

VERIFIED = {"email": "Ibu@Kominfo.example", "email_verified": True}
MFA = VERIFIED | {"amr": ["pwd", "mfa"]}
MAIL = "ibu@kominfo.example"


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    """The provider; it saw nothing wrong with what we asked."""
    async with provider() as running:
        yield running
        assert running.problems == []


@pytest.fixture
def settings(settings: Settings, fake: FakeProvider) -> Settings:
    """Settings that name the provider."""
    return settings.model_copy(
        update={
            "public_url": "http://test",
            "oidc_issuer": fake.issuer,
            "oidc_client_id": CLIENT,
            "oidc_client_secret": SecretStr(SECRET),
            "oidc_name": "Akun Pemda",
            "oidc_patience_seconds": 8.0,
        }
    )


async def come_back(client: httpx.AsyncClient, fake: FakeProvider, onward: str = "", **changed: str) -> httpx.Response:
    """Go to the provider, sign in there, and come back."""
    asked = await client.get("/masuk/oidc", params={"next": onward} if onward else None)
    assert asked.status_code == 303, asked.text
    led = urlsplit(asked.headers["location"])
    assert f"{led.scheme}://{led.netloc}" == fake.issuer
    back = fake.answer(dict(parse_qsl(led.query)))
    answered = dict(parse_qsl(urlsplit(back).query)) | changed
    return await client.get("/masuk/oidc/kembali", params=answered)


async def audited(app: FastAPI) -> list[str]:
    async with app.state.house.engine.connect() as connection:
        return list((await connection.execute(text("SELECT verb FROM audit ORDER BY id"))).scalars())


async def test_the_first_time_the_address_decides_and_then_the_person(app: FastAPI, fake: FakeProvider) -> None:
    who = await person(app, MAIL)
    fake.claims = MFA
    async with browser(app) as client:
        assert "Masuk dengan Akun Pemda" in (await client.get("/masuk")).text
        answer = await come_back(client, fake, "/desk/akun")
        assert answer.headers["location"] == "/desk/akun"
        assert (await client.get("/akun")).status_code == 200
    fake.claims = {"amr": ["mfa"]}  # no address any more
    async with browser(app) as client:
        assert (await come_back(client, fake)).headers["location"] == "/desk/"
        assert who.login in (await client.get("/akun")).text
    assert await audited(app) == ["account.bind", "sign_in", "sign_in"]


async def test_one_factor_there_is_one_factor_here(app: FastAPI, fake: FakeProvider) -> None:
    who = await person(app, MAIL)
    fake.claims = VERIFIED | {"amr": ["pwd"], "acr": "1"}
    async with browser(app) as client:
        answer = await come_back(client, fake, "/desk/akun")
        assert answer.headers["location"] == "/desk/masuk/kode?next=%2Fdesk%2Fakun"
        assert (await client.get("/akun")).status_code == 303
        whole = await client.post("/masuk/kode", data={"code": code(who), "next": "/desk/akun"})
        assert whole.headers["location"] == "/desk/akun"


@pytest.mark.parametrize(
    ("setting", "claims", "whole"),
    [
        (None, {"acr": "https://refeds.org/profile/mfa"}, True),
        (None, {"acr": "urn:example:multi-factor"}, True),
        (None, {}, False),
        (None, {"amr": ["pwd", "otp"]}, False),
        (True, {}, True),
        (False, {"amr": ["mfa"]}, False),
    ],
)
async def test_the_house_decides_what_counts_as_two(
    settings: Settings, database: str, fake: FakeProvider, setting: bool | None, claims: dict[str, Any], whole: bool
) -> None:
    fake.claims = VERIFIED | claims
    app = build(settings.model_copy(update={"oidc_is_second_factor": setting}), database)
    async with app.router.lifespan_context(app), browser(app) as client:
        await person(app, MAIL)
        answer = await come_back(client, fake)
    assert (answer.headers["location"] == "/desk/") == whole


async def test_the_address_may_stand_in_the_userinfo(app: FastAPI, fake: FakeProvider) -> None:
    await person(app, MAIL)
    fake.claims, fake.userinfo = {"amr": ["mfa"]}, {"sub": "orang-1", **VERIFIED}
    async with browser(app) as client:
        assert (await come_back(client, fake)).headers["location"] == "/desk/"
    fake.userinfo = {"sub": "orang-2", **VERIFIED}
    async with browser(app) as client:
        assert (await come_back(client, fake)).status_code == 400


STRANGERS: list[dict[str, Any]] = [
    {"email": "lain@kominfo.example", "email_verified": True},
    {"email": MAIL, "email_verified": False},
    {"email": MAIL, "email_verified": "true"},
    {"email": MAIL},
    {},
]


@pytest.mark.parametrize("claims", STRANGERS)
async def test_a_stranger_gets_a_sentence_and_no_account(
    app: FastAPI, fake: FakeProvider, claims: dict[str, Any]
) -> None:
    await person(app, MAIL)
    fake.claims = claims | {"amr": ["mfa"]}
    async with browser(app) as client:
        answer = await come_back(client, fake)
        assert (answer.status_code, "belum punya akun aktif" in answer.text) == (403, True)
        assert COOKIE not in client.cookies
    async with app.state.house.engine.connect() as connection:
        assert [each.login for each in await staff.listed(connection)] == [MAIL]


async def test_a_disabled_account_and_one_of_somebody_else_are_strangers(app: FastAPI, fake: FakeProvider) -> None:
    who, house = await person(app, MAIL), app.state.house
    fake.claims = MFA
    async with browser(app) as client:
        await come_back(client, fake)
    fake.claims = MFA | {"sub": "orang-2"}  # another person with the same address
    async with browser(app) as client:
        assert (await come_back(client, fake)).status_code == 403
    async with house.engine.begin() as connection:
        await staff.disable(connection, who.staff_id, house.now())
    fake.claims = MFA
    async with browser(app) as client:
        assert (await come_back(client, fake)).status_code == 403


WRONG: dict[str, dict[str, Any]] = {
    "nonce": {"claims": {"nonce": "lain"}},
    "no nonce": {"claims": {"nonce": None}},
    "issuer": {"claims": {"iss": "https://evil.example"}},
    "audience": {"claims": {"aud": "another-client"}},
    "audiences": {"claims": {"aud": [CLIENT, "another-client"], "azp": "another-client"}},
    "no audience": {"claims": {"aud": None}},
    "expired": {"claims": {"exp": int(time.time()) - 600}},
    "no expiry": {"claims": {"exp": None}},
    "future": {"claims": {"iat": int(time.time()) + 6000}},
    "no subject": {"claims": {"sub": None}},
    "signature": {"signs": "second", "kid": "first"},
    "unknown key": {"signs": "second"},
    "refused": {"status": 400, "body": "{}"},
    "no token": {"body": "{}"},
    "no signature": {"body": '{"id_token": "eyJhbGciOiJub25lIn0.eyJzdWIiOiJvcmFuZy0xIn0."}'},
}


@pytest.mark.parametrize("name", WRONG)
async def test_an_answer_that_is_wrong_opens_nothing(app: FastAPI, fake: FakeProvider, name: str) -> None:
    await person(app, MAIL)
    fake.claims = dict(MFA)
    for field, value in WRONG[name].items():
        setattr(fake, field, MFA | value if field == "claims" else value)
    async with browser(app) as client:
        answer = await come_back(client, fake, "/desk/akun")
        assert answer.status_code == 400
        assert "tidak dapat kami terima" in answer.text
        assert "/desk/akun" in answer.text  # one may try again and is led there
        assert COOKIE not in client.cookies


async def test_a_key_that_was_changed_is_fetched(app: FastAPI, fake: FakeProvider) -> None:
    await person(app, MAIL)
    fake.claims = MFA
    async with browser(app) as client:
        assert (await come_back(client, fake)).status_code == 303
        fake.signs = fake.shows = "second"
        assert (await come_back(client, fake)).status_code == 303


async def test_a_state_that_differs_is_a_sentence_and_asks_for_no_token(app: FastAPI, fake: FakeProvider) -> None:
    await person(app, MAIL)
    fake.claims = MFA
    async with browser(app) as client:
        answer = await come_back(client, fake, state="lain")
        assert answer.status_code == 400
        for query in ("", "?state=x", "?code=x", "?error=server_error&state=x", "?code=%00&state=%ff"):
            client.cookies.delete("desk_oidc")
            assert (await client.get(f"/masuk/oidc/kembali{query}")).status_code == 400
            client.cookies.set("desk_oidc", "bukan-json")
            assert (await client.get(f"/masuk/oidc/kembali{query}")).status_code == 400
    assert fake.tokens == 0


async def test_whoever_cancels_there_is_told(app: FastAPI, fake: FakeProvider) -> None:
    async with browser(app) as client:
        asked = await client.get("/masuk/oidc")
        state = dict(parse_qsl(urlsplit(asked.headers["location"]).query))["state"]
        answer = await client.get("/masuk/oidc/kembali", params={"error": "access_denied", "state": state})
    assert (answer.status_code, "Anda membatalkan" in answer.text) == (400, True)


@pytest.mark.parametrize(("status", "body"), [(500, ""), (502, "<html>"), (200, "<html>"), (200, "[]")])
async def test_a_provider_that_breaks_is_a_sentence(app: FastAPI, fake: FakeProvider, status: int, body: str) -> None:
    fake.status, fake.body = status, body
    async with browser(app) as client:
        answer = await come_back(client, fake)
    assert (answer.status_code, "tidak dapat dihubungi" in answer.text) == (503, True)


async def test_a_provider_that_is_slow_holds_up_nobody(app: FastAPI, fake: FakeProvider) -> None:
    who = await person(app, MAIL)
    fake.claims = MFA
    async with browser(app) as client:
        asked = await client.get("/masuk/oidc")
        back = fake.answer(dict(parse_qsl(urlsplit(asked.headers["location"]).query)))
        fake.delay = 30.0
        answer = await client.get("/masuk/oidc/kembali", params=dict(parse_qsl(urlsplit(back).query)))
        assert (answer.status_code, "tidak dapat dihubungi" in answer.text) == (503, True)
        assert (await give_password(client, who.login, PASSWORD)).status_code == 303
    fake.delay = 0.0


async def test_a_provider_that_is_not_there_is_a_sentence(settings: Settings, database: str) -> None:
    gone = settings.model_copy(update={"oidc_issuer": "http://127.0.0.1:9"})
    app = build(gone, database)
    async with app.router.lifespan_context(app), browser(app) as client:
        answer = await client.get("/masuk/oidc", params={"next": "/desk/akun"})
    assert (answer.status_code, "tidak dapat dihubungi" in answer.text) == (503, True)


async def test_a_provider_of_another_name_is_not_believed(
    settings: Settings, database: str, fake: FakeProvider
) -> None:
    other = settings.model_copy(update={"oidc_issuer": fake.issuer.replace("127.0.0.1", "localhost")})
    app = build(other, database)
    async with app.router.lifespan_context(app), browser(app) as client:
        assert (await client.get("/masuk/oidc")).status_code == 503


async def test_without_a_provider_there_is_no_such_door(settings: Settings, database: str) -> None:
    app = build(settings.model_copy(update={"oidc_issuer": None}), database)
    async with app.router.lifespan_context(app), browser(app) as client:
        assert "oidc" not in (await client.get("/masuk")).text
        assert (await client.get("/masuk/oidc")).status_code == 404
        assert (await client.get("/masuk/oidc/kembali")).status_code == 404
