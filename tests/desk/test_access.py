"""The door of the desk: who gets in, and where they are led."""

from __future__ import annotations

import httpx
import pytest
from desking import GRANTS, signed_in
from fastapi import FastAPI

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
