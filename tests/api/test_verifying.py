"""The page /periksa over ASGI: the same nothing for every wrong pair, no uncounted guess, no code in an address."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import httpx
import pytest
from conftest import API_KEY
from cutting import store_down
from fastapi import FastAPI
from making import STORY, file, rows, run, value
from starlette.requests import Request

from api import verifying
from api.house import House
from api.settings import Settings
from api.verifying import _network
from store import moves, receipts, tickets

CODE = "3WXY-9TRA"  # not the one that the hint shows
OWN = {"Sec-Fetch-Site": "same-origin"}


def browser(app: FastAPI, address: str = "203.0.113.7") -> httpx.AsyncClient:
    """A browser at that network address, as the server sees it."""
    transport = httpx.ASGITransport(app, client=(address, 40_000))
    return httpx.AsyncClient(transport=transport, base_url="https://lapor.test", headers=OWN)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(app) as opened:
        yield opened


async def filed(house: House, **details: Any) -> str:
    wanted = {"code": CODE, "region": "16.06", "place": "Depan rumah Pak Budi", **details}
    async with house.engine.begin() as connection:
        return (await file(connection, **wanted)).ticket


async def checked(client: httpx.AsyncClient, ticket: str, code: str, lang: str = "id") -> httpx.Response:
    return await client.post(f"/periksa?lang={lang}", data={"t": ticket, "k": code})


def words(answer: httpx.Response) -> str:
    """What a person reads on the page."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


# --- the page ----------------------------------------------------------------------------------------


async def test_the_form_is_there_without_scripts_and_in_two_languages(client: httpx.AsyncClient) -> None:
    answer = await client.get("/periksa")
    assert answer.status_code == 200
    assert '<html lang="id">' in answer.text
    assert "<script" not in answer.text
    assert 'method="post"' in answer.text
    assert "Kode periksa" in words(answer)
    english = await client.get("/periksa?lang=en")
    assert '<html lang="en">' in english.text
    assert "Check code" in words(english)
    assert 'action="/periksa?lang=en"' in english.text


async def test_its_headers_let_nothing_in_and_nothing_stay(client: httpx.AsyncClient) -> None:
    for answer in (await client.get("/periksa"), await checked(client, "T-000-000-0000", CODE)):
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "script" not in policy
        assert "unsafe" not in policy
        assert "form-action 'self'" in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "noindex" in answer.headers["x-robots-tag"]
        assert "set-cookie" not in answer.headers
    assert "://" not in (await client.get("/periksa")).text


async def test_its_styles_come_from_here(client: httpx.AsyncClient) -> None:
    page = (await client.get("/periksa")).text
    for address in re.findall(r'(?:href|src)="(/periksa/static/[^"]+)"', page):
        asset = await client.get(address)
        assert asset.status_code == 200
        assert "immutable" in asset.headers["cache-control"]
    assert (await client.get("/periksa/static/check.html")).status_code == 404


async def test_a_link_may_carry_the_ticket_and_never_the_code(client: httpx.AsyncClient, inside: House) -> None:
    ticket = await filed(inside)
    answer = await client.get("/periksa", params={"t": ticket, "k": CODE})
    assert f'value="{ticket}"' in answer.text
    assert CODE not in answer.text
    assert "benar tercatat" not in words(answer)
    posted = await client.post("/periksa", params={"t": ticket, "k": CODE}, data={})
    assert posted.status_code == 422


async def test_what_is_typed_stays_text(client: httpx.AsyncClient) -> None:
    bad = '"><img src=x onerror=alert(1)>'
    for answer in (await client.get("/periksa", params={"t": bad}), await checked(client, bad, bad)):
        assert "<img src=x" not in answer.text
        assert "&lt;img src=x" in answer.text


# --- what is found -----------------------------------------------------------------------------------


async def test_a_right_pair_shows_how_far_it_is(client: httpx.AsyncClient, inside: House) -> None:
    agency = next(iter(inside.directory.names))
    ticket = await filed(inside, agency=agency)
    at = "2026-11-20T03:30:00Z"
    await run(inside.engine, "UPDATE complaints SET filed_at = :at, changed_at = :at", at=_moment(at))
    await run(inside.engine, "UPDATE complaint_history SET at = :at", at=_moment(at))
    answer = await checked(client, ticket, CODE)
    assert answer.status_code == 200
    page = words(answer)
    assert "Nomor ini benar tercatat di kanal kami pada Jumat, 20 November 2026 pukul 10.30 WIB." in page
    assert ticket in page
    assert "Sudah diterima, sedang dibaca petugas." in page
    assert inside.directory.names[agency] in page
    assert "Musi Banyuasin" in page
    assert "bukan nomor SP4N-LAPOR!" in page


def _moment(iso: str) -> datetime:
    return datetime.fromisoformat(iso)


async def test_the_time_is_that_of_the_place(client: httpx.AsyncClient, inside: House) -> None:
    ticket = await filed(inside, region="73.71")
    await run(inside.engine, "UPDATE complaints SET filed_at = :at", at=_moment("2026-11-20T03:30:00Z"))
    assert "pukul 11.30 WITA" in words(await checked(client, ticket, CODE))


@pytest.mark.parametrize("typed", ["3wxy 9tra", " 3WXY–9TRA ", "3wxy9dra"])
async def test_typing_is_forgiven(client: httpx.AsyncClient, inside: House, typed: str) -> None:
    ticket = await filed(inside)
    assert (await checked(client, ticket.lower().replace("-", " "), typed)).status_code == 200


async def test_nothing_private_is_shown(client: httpx.AsyncClient, inside: House) -> None:
    for secret in (False, True):
        ticket = await filed(inside, secret=secret, agency=next(iter(inside.directory.names)))
        page = words(await checked(client, ticket, CODE))
        for private in (STORY, "rusak", "Sekayu", "Budi", "Depan rumah"):
            assert private not in page
        shown = inside.directory.names[next(iter(inside.directory.names))] in page
        assert shown is not secret
        assert ("karena laporan ini Rahasia" in page) is secret


@pytest.mark.parametrize("language", ["id", "en"])
async def test_every_status_has_its_words(client: httpx.AsyncClient, inside: House, language: str) -> None:
    ticket = await filed(inside)
    seen = set()
    for status in moves.STATUSES:
        await run(inside.engine, "UPDATE complaints SET status = :status", status=status.name)
        answer = await checked(client, ticket, CODE, language)
        assert answer.status_code == 200
        seen.add(words(answer))
    assert len(seen) == len(moves.STATUSES)


# --- what is not found -------------------------------------------------------------------------------


async def test_wrong_ticket_and_wrong_code_get_the_very_same_answer(client: httpx.AsyncClient, inside: House) -> None:
    ticket, uncoded = await filed(inside), await filed(inside, code=None)
    answers = []
    for asked, code in ((ticket, "2222-2222"), (tickets.new(), CODE), (uncoded, CODE), (tickets.new(), "2222-2222")):
        answer = await checked(client, asked, code)
        page = answer.text.replace(asked, "T").replace(code, "K")
        headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
        answers.append((answer.status_code, headers, page))
    assert answers[0][0] == 404
    assert all(each == answers[0] for each in answers)


@pytest.mark.parametrize(
    ("ticket", "code", "says"),
    [
        ("", "", ["Isi nomor laporannya.", "Isi kode periksanya."]),
        ("T-482-173-9057", CODE, ["Nomor ini sepertinya salah tulis."]),
        ("lapor", "0000-0000", ["Nomor ini sepertinya salah tulis.", "Kode ini sepertinya salah tulis."]),
    ],
)
async def test_what_is_misspelt_is_told_at_its_field_and_is_no_guess(
    client: httpx.AsyncClient, inside: House, ticket: str, code: str, says: list[str]
) -> None:
    answer = await checked(client, ticket, code)
    assert answer.status_code == 422
    for sentence in says:
        assert sentence in words(answer)
    assert answer.text.count("aria-invalid") == len(says)
    assert await value(inside.engine, "SELECT count(*) FROM guesses") == 0


async def test_any_words_get_a_page(client: httpx.AsyncClient) -> None:
    for ticket in ("\x00", "T-482-173-9056" * 50, "\ud7ff", "🙂", "' OR 1=1 --", "%s", "{{7*7}}"):
        answer = await checked(client, ticket, ticket)
        assert answer.status_code == 422
        assert "49" not in words(answer).replace(ticket, "")


async def test_a_form_that_is_none_gets_a_page(client: httpx.AsyncClient) -> None:
    broken = {"Content-Type": "multipart/form-data; boundary=x"}
    assert (await client.post("/periksa", content=b"--x\r\nbad", headers=broken)).status_code in {400, 422}
    files = {"t": ("a.txt", b"x")}
    assert (await client.post("/periksa", files=files)).status_code == 400
    assert (await client.post("/periksa", json={"t": "x"})).status_code == 422


async def test_another_site_cannot_spend_its_visitors_guesses(app: FastAPI, inside: House) -> None:
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "", "Origin": "https://evil.test"}):
        async with browser(app) as visitor:
            answer = await visitor.post("/periksa", data={"t": tickets.new(), "k": CODE}, headers=headers)
            assert answer.status_code == 403
    assert await value(inside.engine, "SELECT count(*) FROM guesses") == 0
    async with browser(app) as old_browser:
        own = {"Sec-Fetch-Site": "", "Origin": "https://lapor.test"}
        assert (
            await old_browser.post("/periksa", data={"t": tickets.new(), "k": CODE}, headers=own)
        ).status_code == 404


# --- guessing ----------------------------------------------------------------------------------------


async def test_whoever_guesses_too_often_learns_nothing_and_others_still_do(app: FastAPI, inside: House) -> None:
    ticket = await filed(inside)
    async with browser(app) as guesser, browser(app, "203.0.113.8") as citizen:
        for _ in range(verifying.GUESSES // 10):
            await asyncio.gather(*(checked(guesser, ticket, receipts.new_code()) for _ in range(10)))
        answer = await checked(guesser, ticket, CODE)
        assert answer.status_code == 429
        assert answer.headers["retry-after"] == "3600"
        assert "benar tercatat" not in words(answer)
        assert (await checked(citizen, ticket, CODE)).status_code == 200
    assert await value(inside.engine, "SELECT count(*) FROM guesses") == verifying.GUESSES


async def test_right_pairs_cost_nothing(client: httpx.AsyncClient, inside: House) -> None:
    ticket = await filed(inside)
    for _ in range(3):
        await checked(client, ticket, CODE)
    assert await value(inside.engine, "SELECT count(*) FROM guesses") == 0


async def test_no_address_is_kept(app: FastAPI, inside: House) -> None:
    async with browser(app, "198.51.100.23") as guesser:
        await checked(guesser, tickets.new(), CODE)
    [row] = await rows(inside.engine, "SELECT kind, guesser FROM guesses")
    assert row.kind == "receipt"
    assert re.fullmatch(r"[0-9a-f]{32}", row.guesser)
    plain = {hashlib.sha256(each.encode()).hexdigest()[:32] for each in ("198.51.100.23", "receipt 198.51.100.23")}
    assert row.guesser not in plain


async def test_processes_with_one_key_count_together_and_others_apart(settings: Settings, inside: House) -> None:
    def name(key: str | None, day: int = 0) -> str | None:
        inside.settings = Settings.model_validate(settings.model_dump() | {"guess_key": key})
        inside.skew = timedelta(days=day)
        request = Request({"type": "http", "client": ("198.51.100.23", 1), "headers": []})
        return verifying._Guessers().name(request, inside)

    key = "satu-kunci-0123456789"
    assert name(key) == name(key)
    assert name(key) != name(key, day=1)
    assert name(None) != name(None)
    assert name("kunci-lain-0123456789") != name(key)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("203.0.113.7", "203.0.113.7", True),
        ("203.0.113.7", "203.0.113.8", False),
        ("::ffff:203.0.113.7", "203.0.113.7", True),
        ("2001:db8:1:200::1", "2001:db8:1:2ff:ffff::9", True),
        ("2001:db8:1:200::1", "2001:db8:1:300::1", False),
    ],
)
def test_a_household_is_one_guesser(one: str, other: str, same: bool) -> None:
    assert (_network(one) == _network(other)) is same
    assert _network(one) is not None


@pytest.mark.parametrize("host", ["", "testclient", "/tmp/socket"])  # noqa: S108 (an address of a Unix socket)
async def test_without_an_address_nobody_is_counted_and_nobody_locked_out(
    app: FastAPI, inside: House, host: str
) -> None:
    assert _network(host) is None
    async with browser(app, host) as client:
        assert (await checked(client, tickets.new(), CODE)).status_code == 404
    assert await value(inside.engine, "SELECT count(*) FROM guesses") == 0


# --- when the store is down --------------------------------------------------------------------------


async def test_a_store_that_is_down_is_told_and_what_was_typed_stays(
    client: httpx.AsyncClient, inside: House, server: str, database: str
) -> None:
    ticket = await filed(inside)
    async with store_down(server, database):
        answer = await checked(client, ticket, CODE)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        assert "Laporan yang sudah tercatat tetap aman" in words(answer)
        assert f'value="{ticket}"' in answer.text
        assert (await client.get("/periksa")).status_code == 200
    assert (await checked(client, ticket, CODE)).status_code == 200


async def test_rest_never_gives_the_code_out(app: FastAPI, inside: House) -> None:
    ticket = await filed(inside)
    headers = {"X-API-Key": API_KEY}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test", headers=headers) as desk:
        for path in (f"/api/v1/complaints/{ticket}", "/api/v1/complaints"):
            assert CODE not in (await desk.get(path)).text
