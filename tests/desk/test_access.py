"""The door of the desk: who gets in, and where they are led."""

from __future__ import annotations

import httpx
import psycopg
import pytest
from desking import GRANTS, signed_in
from fastapi import FastAPI
from making import run
from psycopg import sql
from sqlalchemy.engine import make_url

from api.app import build
from api.settings import Settings
from store import policy


async def test_nobody_gets_in_without_a_session(web: httpx.AsyncClient) -> None:
    answer = await web.get("/desk/")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/desk/masuk?next=%2Fdesk%2F")


@pytest.mark.parametrize(
    ("role", "room"),
    [(policy.ADMIN_INSTANSI, "triase"), (policy.PEJABAT, "instansi"), (policy.PENGAWAS, "pengawasan")],
)
async def test_everybody_is_led_to_their_room(app: FastAPI, role: str, room: str) -> None:
    async with signed_in(app, GRANTS[role]) as client:
        answer = await client.get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/desk/{room}")


async def test_somebody_without_a_role_is_told_so(app: FastAPI) -> None:
    async with signed_in(app) as client:
        answer = await client.get("/")
    assert answer.status_code == 200
    assert "Belum ada tugas" in answer.text


async def test_another_site_cannot_make_a_browser_change_anything(app: FastAPI) -> None:
    async with signed_in(app, GRANTS[policy.ADMIN_INSTANSI]) as client:
        for header in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
            assert (await client.post("/keluar", headers=header)).status_code == 403


async def test_pages_forbid_foreign_assets_and_frames(app: FastAPI) -> None:
    async with signed_in(app) as client:
        policy_said = (await client.get("/")).headers["content-security-policy"]
    assert "default-src 'none'" in policy_said
    assert "frame-ancestors 'none'" in policy_said
    assert "unsafe" not in policy_said


async def test_a_defect_has_a_page_and_its_log_no_words(app: FastAPI, capsys: pytest.CaptureFixture[str]) -> None:
    async with signed_in(app, GRANTS[policy.ADMIN_INSTANSI]) as client:
        await run(app.state.house.engine, "ALTER TABLE complaints RENAME TO gone")
        answer = await client.get("/cari", params={"q": "rahasia sekali"})
    assert answer.status_code == 500
    assert "Ada gangguan di pihak kami" in answer.text
    assert answer.headers["content-security-policy"]
    said = capsys.readouterr()
    assert "defect" in said.err + said.out
    assert "rahasia" not in said.err + said.out


async def test_a_store_that_cannot_be_reached_is_said_to_be_away(settings: Settings, server: str) -> None:
    opened = build(settings, str(settings.database_url.get_secret_value()) if settings.database_url else "")
    async with opened.router.lifespan_context(opened), signed_in(opened, GRANTS[policy.ADMIN_INSTANSI]) as client:
        house = opened.state.house
        with psycopg.connect(server, autocommit=True) as connection:
            name = make_url(str(house.engine.url)).database
            connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(str(name))))
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (str(name),)
            )
        answer = await client.get("/triase")
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(str(name))))
    assert answer.status_code == 503
    assert "Sebentar" in answer.text
