"""The pages of service standards: read by many, written by Biro Organisasi for its own region alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from desking import GRANTS, SEKAYU, signed_in
from fastapi import FastAPI
from making import rows

from api.house import House
from store import policy
from store.policy import Grant

DUKCAPIL = "16.71-dukcapil"
TODAY = datetime.now(UTC).date()
KTP = {
    "agency": DUKCAPIL,
    "service": "Penerbitan KTP-el",
    "source": "SK Wali Kota 12/2025",
    "working_days": "1",
    "cost": "Gratis",
    "published_on": "2025-03-01",
    "checked_on": "2025-06-01",
}
BIRO = GRANTS[policy.BIRO]


async def kept(house: House) -> list[Any]:
    return await rows(house.engine, "SELECT *, md5(CAST(s.* AS text)) AS seen FROM service_standards s ORDER BY id")


async def added(client: httpx.AsyncClient, house: House, **other: str) -> Any:
    answer = await client.post("/standar/baru", data={**KTP, **other})
    assert answer.status_code == 303, answer.text
    return (await kept(house))[-1]


@pytest.mark.parametrize("role", [policy.ADMIN_INSTANSI, policy.PENGAWAS, policy.PEJABAT])
async def test_others_read_and_do_not_write(app: FastAPI, inside: House, role: str) -> None:
    async with signed_in(app, BIRO) as client:
        found = await added(client, inside)
    async with signed_in(app, GRANTS[role]) as client:
        shown = await client.get("/standar?wilayah=16.71")
        assert (shown.status_code, KTP["service"] in shown.text) == (200, True)
        assert f"/desk/standar/{found.id}/ubah" not in shown.text
        for path in ("/standar/baru", f"/standar/{found.id}/ubah", f"/standar/{found.id}/akhiri"):
            assert (await client.post(path, data=KTP)).status_code == 403
    assert len(await kept(inside)) == 1


async def test_the_administrator_has_no_business_there(app: FastAPI) -> None:
    async with signed_in(app, GRANTS[policy.ADMINISTRATOR]) as client:
        assert (await client.get("/standar")).status_code == 403


async def test_three_published_ones_are_enough(app: FastAPI, inside: House) -> None:
    async with signed_in(app, BIRO) as client:
        for service in ("KTP", "KK"):
            await added(client, inside, service=service)
        await added(client, inside, service="Akta", published_on="")
        assert "0 dari" in (await client.get("/standar?wilayah=16.71")).text
        await added(client, inside, service="KIA")
        assert "1 dari" in (await client.get("/standar?wilayah=16.71")).text


async def test_a_biro_writes_for_its_own_region_alone(app: FastAPI, inside: House) -> None:
    async with signed_in(app, BIRO) as client:
        found = await added(client, inside)
    async with signed_in(app, Grant(policy.BIRO, region=SEKAYU)) as client:
        assert (await client.post("/standar/baru", data=KTP)).status_code == 403
        assert (await client.get(f"/standar/{found.id}/ubah")).status_code == 403
        assert (await client.post(f"/standar/{found.id}/akhiri", data={"seen": found.seen})).status_code == 403
    assert [each.valid_to for each in await kept(inside)] == [None]


async def test_changing_is_written_down_without_words(app: FastAPI, inside: House) -> None:
    async with signed_in(app, BIRO) as client:
        found = await added(client, inside)
        form = (await client.get(f"/standar/{found.id}/ubah")).text
        assert f'value="{found.seen}"' in form
        answer = await client.post(f"/standar/{found.id}/ubah", data={**KTP, "cost": "Rp 5.000", "seen": found.seen})
    assert answer.headers["location"] == "/desk/standar?wilayah=16.71&selesai=changed"
    assert [each.cost for each in await kept(inside)] == ["Rp 5.000"]
    written = await rows(inside.engine, "SELECT verb, detail FROM audit WHERE object_kind = 'standard' ORDER BY id")
    assert [tuple(row) for row in written] == [
        ("standard.add", {"agency": DUKCAPIL}),
        ("standard.change", {"columns": ["cost"]}),
    ]


async def test_somebody_was_quicker_and_both_are_shown(app: FastAPI, inside: House) -> None:
    async with signed_in(app, BIRO) as client:
        found = await added(client, inside)
        await client.post(f"/standar/{found.id}/ubah", data={**KTP, "cost": "Rp 5.000", "seen": found.seen})
        back = await client.post(f"/standar/{found.id}/ubah", data={**KTP, "cost": "Rp 9.000", "seen": found.seen})
        assert back.status_code == 409
        assert "Rp 5.000" in back.text
        assert "Rp 9.000" in back.text
        [now] = await kept(inside)
        assert f'value="{now.seen}"' in back.text
        assert (await client.post(f"/standar/{found.id}/akhiri", data={"seen": found.seen})).status_code == 409
    assert (now.cost, now.valid_to) == ("Rp 5.000", None)


async def test_ending_keeps_it(app: FastAPI, inside: House) -> None:
    async with signed_in(app, BIRO) as client:
        found = await added(client, inside)
        done = await client.post(f"/standar/{found.id}/akhiri", data={"seen": found.seen})
        shown = (await client.get("/standar?wilayah=16.71")).text
    assert done.status_code == 303
    [now] = await kept(inside)
    assert now.valid_to in (TODAY - timedelta(days=1), TODAY)
    assert "Sudah berakhir" in shown


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"service": " "}, "perlu diisi"),
        ({"source": ""}, "perlu diisi"),
        ({"service": "a" * 201}, "terlalu panjang"),
        ({"working_days": "-1"}, "0 sampai 365"),
        ({"working_days": "٣"}, "0 sampai 365"),
        ({"published_on": "besok"}, "tidak terbaca"),
        ({"checked_on": date(9999, 1, 1).isoformat()}, "masa depan"),
        ({"valid_from": "2026-02-01", "valid_to": "2026-01-01"}, "lebih awal"),
        ({"agency": "99-tidak-ada"}, "Pilih instansi"),
    ],
)
async def test_what_is_amiss_is_named_and_what_was_typed_stays(
    app: FastAPI, inside: House, wrong: dict[str, str], said: str
) -> None:
    async with signed_in(app, BIRO) as client:
        back = await client.post("/standar/baru", data={**KTP, "requirements": "Fotokopi KK", **wrong})
    assert (back.status_code, said in back.text, "Fotokopi KK" in back.text) == (422, True, True)
    assert await kept(inside) == []


async def test_the_same_again_is_refused_with_what_was_typed(app: FastAPI, inside: House) -> None:
    async with signed_in(app, BIRO) as client:
        await added(client, inside)
        back = await client.post("/standar/baru", data={**KTP, "cost": "Rp 1"})
    assert (back.status_code, "sudah punya standar" in back.text, "Rp 1" in back.text) == (409, True, True)
    assert len(await kept(inside)) == 1


@pytest.mark.parametrize("path", ["/standar/0/ubah", "/standar/999/ubah", f"/standar/{2**70}/ubah", "/standar/x/ubah"])
async def test_what_is_not_there_is_a_page(app: FastAPI, path: str) -> None:
    async with signed_in(app, BIRO) as client:
        assert (await client.get(path)).status_code in (404, 422)
