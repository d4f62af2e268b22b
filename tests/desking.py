"""Officers for tests: accounts with their grants, and clients that are signed in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
from fastapi import FastAPI
from running import Running
from sqlalchemy.ext.asyncio import AsyncConnection

from desk.access import COOKIE
from store import policy, staff
from store.policy import Grant

# Somebody of each role, where their own region is Palembang and their own agency its Dinas PUPR.
PALEMBANG, SEKAYU = "16.71", "16.06"
GRANTS = {
    policy.ADMIN_INSTANSI: Grant(policy.ADMIN_INSTANSI, region=PALEMBANG),
    policy.PEJABAT: Grant(policy.PEJABAT, agency="16.71-pu"),
    policy.PENGAWAS: Grant(policy.PENGAWAS, region=PALEMBANG),
    policy.BIRO: Grant(policy.BIRO, region="16"),
    policy.ADMINISTRATOR: Grant(policy.ADMINISTRATOR),
    policy.LOKET: Grant(policy.LOKET, region=PALEMBANG),
}


async def officer(connection: AsyncConnection, *grants: Grant, login: str = "") -> tuple[int, str]:
    """A new account with these grants, and the token of a whole session of it. Its session is committed with it."""
    staff_id = await staff.add(connection, login or f"petugas{datetime.now(UTC):%f%S}", "Petugas Uji", grants)
    return staff_id, await staff.open_session(connection, staff_id, datetime.now(UTC), verified=True)


@asynccontextmanager
async def signed_in(app: FastAPI, *grants: Grant, login: str = "") -> AsyncIterator[httpx.AsyncClient]:
    """A client of somebody with these grants; its base address is the desk's, redirects are not followed."""
    async with app.state.house.engine.begin() as connection:
        staff_id, token = await officer(connection, *grants, login=login)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test/desk", cookies={COOKIE: token}, headers={"x-staff": str(staff_id)}
    ) as client:
        yield client


@asynccontextmanager
async def signed_in_at(running: Running, *grants: Grant, login: str = "") -> AsyncIterator[httpx.AsyncClient]:
    """The same over real HTTP, at a house that runs."""
    async with running.house.engine.begin() as connection:
        staff_id = await staff.add(connection, login or f"petugas{datetime.now(UTC):%f%S}", "Petugas Uji", grants)
        token = await staff.open_session(connection, staff_id, running.house.now(), verified=True)
    origin = {"origin": running.address}
    async with httpx.AsyncClient(
        base_url=f"{running.address}/desk", cookies={COOKIE: token}, headers=origin, timeout=30
    ) as client:
        yield client
