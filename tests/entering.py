"""Somebody with a password and an app, who signs in by the pages as a browser does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
from fastapi import FastAPI
from sqlalchemy import text

from store import factors, passwords, staff
from store.policy import Grant

PASSWORD = "jeruk-purut-besi-7"
KEPT = passwords.hashed(PASSWORD)


@dataclass
class Person:
    """An account, its app's secret, and how many codes of the app were used."""

    staff_id: int
    login: str
    secret: str
    codes: list[str]
    used: int = 0


async def person(app: FastAPI, login: str, *grants: Grant) -> Person:
    """A new account with `PASSWORD`, an app in use and recovery codes."""
    house = app.state.house
    async with house.engine.begin() as connection:
        staff_id = await staff.add(connection, login, "Ibu Petugas", grants)
        await staff.set_password(connection, staff_id, KEPT, house.now())
        secret = await factors.begin(connection, staff_id)
        assert secret
        before = house.now() - timedelta(minutes=1)
        codes = await factors.confirm(connection, staff_id, factors.code_at(secret, before), before)
        assert codes
    return Person(staff_id, login, secret, codes)


async def forget_steps(app: FastAPI, who: Person) -> None:
    """Let the app's present code count once more, as if half a minute had gone by."""
    async with app.state.house.engine.begin() as connection:
        await connection.execute(text("UPDATE staff SET totp_last = NULL WHERE id = :id"), {"id": who.staff_id})


def code(who: Person) -> str:
    """What the app shows."""
    return factors.code_at(who.secret, datetime.now(UTC))


@asynccontextmanager
async def browser(app: FastAPI, address: str = "10.0.0.1") -> AsyncIterator[httpx.AsyncClient]:
    """A browser with its own cookies, behind a network address; redirects are not followed."""
    transport = httpx.ASGITransport(app, client=(address, 1234))
    headers = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test/desk", headers=headers) as client:
        yield client


async def give_password(client: httpx.AsyncClient, login: str, password: str = PASSWORD, **more: str) -> httpx.Response:
    """Send the first form."""
    return await client.post("/masuk", data={"login": login, "password": password, **more})


async def sign_in(app: FastAPI, client: httpx.AsyncClient, who: Person) -> httpx.Response:
    """Both forms; the answer to the second."""
    assert (await give_password(client, who.login)).status_code == 303
    await forget_steps(app, who)
    return await client.post("/masuk/kode", data={"code": code(who)})
