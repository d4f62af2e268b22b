"""What needs a person: who sees it, the chat behind it, and what is written down when somebody reads that."""

from __future__ import annotations

import pytest
from desking import GRANTS, signed_in
from fastapi import FastAPI
from making import rows, run, take, value
from reporting import Report, reported, told
from sqlalchemy import text

from api.house import House
from api.unit import unit
from store import attention, policy
from store.deliveries import NewDelivery
from store.policy import Grant

ADMIN = GRANTS[policy.ADMIN_INSTANSI]
PROVINCE = Grant(policy.ADMIN_INSTANSI, region="16")
ELSEWHERE = Grant(policy.ADMIN_INSTANSI, region="16.06")


async def raised(house: House, kind: str, **about: int | str | None) -> int:
    async with unit(house) as work:
        await attention.raise_matter(work.connection, kind, **about)  # type: ignore[arg-type]
    return int(await value(house.engine, "SELECT max(id) FROM attention"))


async def chatted(house: House, report: Report, *lines: str) -> None:
    """What the citizen wrote, each with a reply that was spoken."""
    for number, line in enumerate(lines):
        async with unit(house) as work:
            payload = {"message": {"text": line}}
            await take(work.connection, f"{report.address}-{number}", report.address, payload=payload)
            await work.say(
                NewDelivery(report.contact_id, "telegram", report.address, [("push.person", {"note": "ya"})], "id")
            )
    await run(house.engine, "UPDATE deliveries SET sent_at = now() WHERE contact_id = :id", id=report.contact_id)


async def test_dangers_come_first_and_each_has_its_sentence(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    for kind, detail in (
        ("disputed", "16.71-pu"), ("withdrawn", "16.71-pu"), ("call_for_human", None), ("danger", "fire"),
        ("media_failed", "1"), ("wrong_agency", "16.71-pu"), ("sesuatu_baru", None),
        ("handover", "cut"),
    ):  # fmt: skip
        await raised(inside, kind, complaint_id=report.id, detail=detail)
    async with signed_in(app, ADMIN) as client:
        page = (await client.get("/perhatian")).text
    order = [page.index(words) for words in ("Bahaya: kebakaran", "meminta bicara dengan petugas", "belum selesai")]
    assert order == sorted(order)
    for sentence in (
        "menarik laporan",
        "Bukan wewenang",
        "tidak bisa diambil",
        "terputus sebelum ada jawaban",
        "Hal lain (sesuatu_baru)",
    ):
        assert sentence in page
    assert page.count(report.ticket) >= 7


async def test_only_what_lies_in_reach_is_seen(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    mine = await raised(inside, "call_for_human", contact_id=report.contact_id)
    nobodys = await raised(inside, "calendar_unknown", detail="2031")
    async with signed_in(app, ADMIN) as client:
        seen = (await client.get("/perhatian")).text
        assert f"/desk/perhatian/a{mine}" in seen
        assert "2031" not in seen
    async with signed_in(app, PROVINCE) as client:
        seen = (await client.get("/perhatian")).text
        assert "2031" in seen
        assert f"/desk/perhatian/a{mine}" in seen
        assert (await client.get(f"/perhatian/a{nobodys}")).status_code == 200
    async with signed_in(app, ELSEWHERE) as client:
        assert f"a{mine}" not in (await client.get("/perhatian")).text
        for number in (mine, nobodys):
            assert (await client.get(f"/perhatian/a{number}")).status_code == 404
            for verb in ("balas", "tutup"):
                answer = await client.post(f"/perhatian/a{number}/{verb}", data={"words": "x"})
                assert answer.status_code == 404
    assert await value(inside.engine, "SELECT count(*) FROM attention WHERE closed_at IS NULL") == 2


@pytest.mark.parametrize("role", [policy.PEJABAT, policy.PENGAWAS, policy.BIRO, policy.ADMINISTRATOR])
async def test_matters_are_kominfos(app: FastAPI, role: str) -> None:
    async with signed_in(app, GRANTS[role]) as client:
        assert (await client.get("/perhatian")).status_code == 403


async def test_reading_a_chat_is_written_down(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    await chatted(inside, report, *(f"baris ke-{number}." for number in range(50)))
    matter = await raised(inside, "call_for_human", contact_id=report.contact_id)
    async with signed_in(app, ADMIN) as client:
        await client.get("/perhatian")
        assert await value(inside.engine, "SELECT count(*) FROM audit") == 0
        page = (await client.get(f"/perhatian/a{matter}")).text
        officer = client.headers["x-staff"]
    assert "baris ke-49." in page
    assert "baris ke-9." not in page
    assert page.index("baris ke-48.") < page.index("baris ke-49.")
    [row] = await rows(inside.engine, "SELECT * FROM audit")
    assert (row.actor_id, row.verb, row.object_id) == (f"staff:{officer}", "matter.read_chat", f"a{matter}")
    assert row.detail == {"kind": "call_for_human", "lines": 40}


async def test_an_answer_goes_into_the_chat_as_it_was_previewed(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    matter = await raised(inside, "call_for_human", contact_id=report.contact_id)
    async with signed_in(app, ADMIN) as client:
        shown = await client.post(f"/perhatian/a{matter}/balas", data={"words": "Ya, saya bantu.", "do": "preview"})
        assert (shown.status_code, await told(inside, report)) == (200, [])
        answer = await client.post(f"/perhatian/a{matter}/balas", data={"words": "Ya, saya bantu."})
        after = (await client.get("/perhatian")).text
        closed = await client.post(f"/perhatian/a{matter}/tutup")
        gone = (await client.get("/perhatian")).text
        again = await client.post(f"/perhatian/a{matter}/tutup")
        late = await client.post(f"/perhatian/a{matter}/balas", data={"words": "Masih ada?"})
    [said] = await told(inside, report)
    assert said in shown.text
    assert (answer.status_code, closed.status_code, again.status_code, late.status_code) == (303, 303, 404, 404)
    assert f"a{matter}" in after
    assert f"a{matter}" not in gone
    verbs = [row.verb for row in await rows(inside.engine, "SELECT verb FROM audit ORDER BY id")]
    assert verbs == ["matter.read_chat", "matter.reply", "matter.close"]


@pytest.mark.parametrize("words", ["", "  ", "\x00", "x" * 100_000])
async def test_an_answer_that_cannot_be_said_is_refused(app: FastAPI, inside: House, words: str) -> None:
    report = await reported(inside)
    matter = await raised(inside, "call_for_human", contact_id=report.contact_id)
    async with signed_in(app, ADMIN) as client:
        answer = await client.post(f"/perhatian/a{matter}/balas", data={"words": words})
    assert (answer.status_code, await told(inside, report)) == (422, [])
    assert 'role="alert"' in answer.text


async def test_a_matter_without_a_chat_has_no_answer_form(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    matter = await raised(inside, "disputed", complaint_id=report.id, detail="16.71-pu")
    async with signed_in(app, ADMIN) as client:
        page = (await client.get(f"/perhatian/a{matter}")).text
        answer = await client.post(f"/perhatian/a{matter}/balas", data={"words": "x"})
    assert "/balas" not in page
    assert answer.status_code == 404
    assert await told(inside, report) == []


@pytest.mark.parametrize("number", ["a0", "a-1", "a99999999999999999999", "d1", "ax", "a1%00"])
async def test_what_is_no_matter_is_not_found(app: FastAPI, number: str) -> None:
    async with signed_in(app, ADMIN) as client:
        assert (await client.get(f"/perhatian/{number}")).status_code in (404, 422)


async def test_messages_that_did_not_arrive_stand_below_and_cannot_be_closed(app: FastAPI, inside: House) -> None:
    report = await reported(inside)
    async with unit(inside) as work:
        await attention.raise_matter(work.connection, "x", complaint_id=report.id)
        lock = text("SELECT id FROM contacts WHERE id = :id FOR UPDATE")
        await work.connection.execute(lock, {"id": report.contact_id})
        await work.say(
            NewDelivery(report.contact_id, "telegram", report.address, [("push.person", {"note": "ya"})], "id",
                        complaint_id=report.id)
        )  # fmt: skip
    await run(inside.engine, "UPDATE deliveries SET failed_at = now(), problem = '400'")
    async with signed_in(app, ADMIN) as client:
        page = (await client.get("/perhatian")).text
    assert "Pesan yang belum sampai (1)" in page
    assert "/desk/perhatian/d" not in page
