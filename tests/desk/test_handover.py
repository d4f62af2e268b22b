"""What is to go into other systems by hand: the queue, SP4N's form to copy, the number typed twice, and what a person
decides where a machine could not."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from axe_playwright_python.async_playwright import Axe
from desking import GRANTS, SEKAYU, officer, signed_in
from fastapi import FastAPI
from journey.browser import chromium
from making import OPERATOR, rows, run, value
from playwright.async_api import BrowserContext, Page, expect
from reporting import Report, reported, told
from reporting import audited as written_down
from running import web
from sqlalchemy import text

from api.house import House
from api.settings import Settings
from desk import handover, words
from desk.access import COOKIE
from store import closure, complaints, handovers, policy, posts, references, ways
from store.complaints import Actor
from store.policy import Grant

ADMIN = GRANTS[policy.ADMIN_INSTANSI]
PALEMBANG_AND_ALL = Grant(policy.ADMIN_INSTANSI, region="16")
LONG = "Sudah tiga bulan jalan ini rusak parah dan belum ada perbaikan. " * 80


async def connected(house: House, kind: str = ways.MANUAL, system: str = ways.SP4N, **more: Any) -> int:
    """A connection of that kind; by hand into SP4N the one that there is from the first day."""
    async with house.engine.begin() as connection:
        if (kind, system) == (ways.MANUAL, ways.SP4N):
            return next(each.id for each in await ways.listed(connection) if each.kind == ways.MANUAL)
        return await ways.add(connection, f"Jalur {kind} {system}", kind, system, **more)


async def planned(
    house: House, way: int | None, state: str = references.WAITING, *, system: str = ways.SP4N, **details: Any
) -> tuple[Report, int]:
    """A report that is to go there, in that state, and the id of its reference."""
    report = await reported(house, **details)
    async with house.engine.begin() as connection:
        held = {each.system: each.id for each in await references.of_complaint(connection, report.id)}
        reference = held.get(system) or await references.plan(connection, report.id, system, connection_id=way)
        assert reference is not None
        leads = "UPDATE complaint_references SET connection_id = :way WHERE id = :id"
        await connection.execute(text(leads), {"way": way, "id": reference})
        if system != ways.SP4N:
            await connection.execute(
                text("DELETE FROM complaint_references WHERE id = ANY(:ids)"),
                {"ids": [id_ for name, id_ in held.items() if name != system]},
            )
        if state != references.WAITING:
            await references.begin(connection, reference)
        if state == references.UNKNOWN:
            await references.unknown(connection, reference, "timeout")
        if state == references.FAILED:
            await references.failed(connection, reference, "invalid", "422")
    return report, reference


async def stands(house: House, reference: int) -> tuple[str, str | None, str | None, int | None]:
    """State, number, problem and connection of a reference."""
    async with house.engine.connect() as connection:
        found = await references.get(connection, reference)
    return found.state, found.external_id, found.problem, found.connection_id


async def audited(house: House, report: Report) -> list[tuple[str, dict[str, Any]]]:
    """What the audit has of it, each with a sentence in the trail."""
    found = await written_down(house, report)
    assert [verb for verb, _ in found if not words.knows(f"trail.verb.{verb}")] == []
    return found


def listed(answer: httpx.Response) -> list[str]:
    """The tickets of the queue, in its order."""
    assert answer.status_code == 200, answer.text
    return re.findall(r'class="open" href="/desk/sp4n/([^"]+)"', answer.text)


def counted(answer: httpx.Response) -> dict[str, int]:
    """The groups with their counts."""
    found = re.findall(r'href="/desk/sp4n\?grup=(\w+)"[^>]*>[^<]*<span[^>]*>(\d+)</span>', answer.text)
    return {group: int(count) for group, count in found}


def led(answer: httpx.Response) -> tuple[str, dict[str, str]]:
    """Where somebody is led after an action, and what is said there."""
    assert answer.status_code == 303, answer.text
    parts = urlsplit(answer.headers["location"])
    return parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}


def problem(answer: httpx.Response) -> str:
    """What the page says is wrong."""
    found = re.search(r'<p class="wrong"[^>]*>(.*?)</p>', answer.text)
    assert found is not None, answer.text
    return html.unescape(found[1])


async def give(
    client: httpx.AsyncClient, report: Report, reference: int, first: str, second: str = "", **more: Any
) -> Any:
    """Type a number twice."""
    data = {"reference": str(reference), "number": first, "repeated": second or first, **more}
    return await client.post(f"/sp4n/{report.ticket}/number", data=data)


# --- the queue ------------------------------------------------------------------------------------------------------


async def test_the_queue_shows_each_officer_what_they_must_see_to(app: FastAPI, inside: House) -> None:
    hand, machine = await connected(inside), await connected(inside, ways.API)
    other = await connected(inside, ways.OPEN311, "baruga")
    first, _ = await planned(inside, hand, address="1")
    second, _ = await planned(inside, None, address="2")
    unknown, _ = await planned(inside, machine, references.UNKNOWN, address="3")
    failed, _ = await planned(inside, machine, references.FAILED, address="4")
    sending, _ = await planned(inside, machine, address="5")
    elsewhere, _ = await planned(inside, other, references.FAILED, system="baruga", address="6")
    await planned(inside, other, system="baruga", address="7")
    far, _ = await planned(inside, hand, address="8", region=SEKAYU, agency="16.06-pu")
    async with signed_in(app, ADMIN) as client:
        answer = await client.get("/sp4n")
        assert listed(answer) == [first.ticket, second.ticket]
        assert counted(answer) == {"entering": 2, "unknown": 1, "failed": 1, "posts": 0, "machine": 1, "others": 1}
        for group, wanted in (
            ("unknown", unknown),
            ("failed", failed),
            ("machine", sending),
            ("others", elsewhere),
        ):
            answer = await client.get("/sp4n", params={"grup": group})
            assert listed(answer) == [wanted.ticket], group
        assert "laporan ditolak sebagai tidak lengkap (422)" in answer.text
        assert "Jalur open311 baruga" in answer.text
        assert listed(await client.get("/sp4n", params={"grup": "posts"})) == []
        assert listed(await client.get("/sp4n", params={"grup": "x'; --"})) == [first.ticket, second.ticket]
    async with signed_in(app, PALEMBANG_AND_ALL) as client:
        assert far.ticket in listed(await client.get("/sp4n"))
    async with signed_in(app, GRANTS[policy.PENGAWAS]) as client:
        assert (await client.get("/sp4n")).status_code == 403
        assert (await client.get(f"/sp4n/{first.ticket}")).status_code == 403
    async with signed_in(app, ADMIN) as client:
        assert (await client.get(f"/sp4n/{far.ticket}")).status_code == 404


async def test_a_long_queue_comes_page_by_page(app: FastAPI, inside: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "A_PAGE", 2)
    hand = await connected(inside)
    wanted = [(await planned(inside, hand, address=str(number)))[0].ticket for number in range(5)]
    async with signed_in(app, ADMIN) as client:
        answer = await client.get("/sp4n")
        seen = listed(answer)
        while following := re.search(r'rel="next" href="([^"]+)"', answer.text):
            answer = await client.get(html.unescape(following[1]).removeprefix("/desk"))
            assert counted(answer)["entering"] == 5
            seen += listed(answer)
        assert seen == wanted
        assert (await client.get("/sp4n", params={"setelah": "x"})).status_code == 422


# --- the form -------------------------------------------------------------------------------------------------------


async def test_the_page_has_the_form_as_sp4n_wants_it(app: FastAPI, inside: House) -> None:
    hand = await connected(inside)
    report, _ = await planned(inside, hand, title="Jalan <b>rusak</b>", text=LONG, anonymous=True)
    async with signed_in(app, ADMIN) as client:
        answer = await client.get(f"/sp4n/{report.ticket}")
        assert answer.status_code == 200
        labels = re.findall(r'<h3 lang="id">([^<]+)</h3>', answer.text)
        assert labels[:5] == [
            "Pilih Klasifikasi Laporan",
            "Ketik Judul Laporan Anda",
            "Ketik Isi Laporan Anda",
            "Pilih Tanggal Kejadian",
            "Ketik Lokasi Kejadian",
        ]
        assert labels[-1] == "Upload Lampiran (Max 2MB)"
        assert re.findall(r'data-key="(.)"', answer.text)[:4] == ["1", "2", "3", "4"]
        assert "Jalan &lt;b&gt;rusak&lt;/b&gt;" in answer.text
        values = [
            html.unescape(each)
            for each in re.findall(r'<div class="value words[^>]*>(.*?)</div>', answer.text, re.DOTALL)
        ]
        assert values[0] == "PENGADUAN"
        assert values[2].split("\n")[-1] == f"Tiket kanal: {report.ticket}"
        assert len(values[2]) <= 3000
        assert "Pelapor tidak menyebut tanggal" in answer.text
        assert "Lebih dari 3.000 karakter" in answer.text
        pdf = await client.get(f"/sp4n/{report.ticket}/lampiran.pdf")
        assert pdf.headers["content-disposition"] == f'attachment; filename="{report.ticket}-isi.pdf"'
        assert pdf.content.startswith(b"%PDF-")
        english = (await client.get(f"/sp4n/{report.ticket}", params={"lang": "en"})).text
        assert english.count("data-copy") == answer.text.count("data-copy")


async def test_files_are_listed_with_what_sp4n_does_not_take(app: FastAPI, inside: House) -> None:
    report, _ = await planned(inside, await connected(inside))
    for name, content_type, size in (
        ("foto.jpg", "image/jpeg", 1_900_000),
        ("rekaman.ogg", "audio/ogg", 40_000),
        ("besar.pdf", "application/pdf", 9_000_000),
    ):
        await run(
            inside.engine,
            """
            INSERT INTO media (complaint_id, kind, channel, provider_id, content_type, size, sha256, state, name)
            VALUES (:id, 'document', 'telegram', :name, :content_type, :size, :digest, 'stored', :name)
            """,
            id=report.id,
            name=name,
            content_type=content_type,
            size=size,
            digest="0" * 64,
        )
    async with signed_in(app, ADMIN) as client:
        answer = await client.get(f"/sp4n/{report.ticket}")
    lines = re.findall(r"<li><a href=\"/desk/sp4n/[^\"]+/berkas/\d+\" download>(.*?)</li>", answer.text, re.DOTALL)
    assert [(each.split("<")[0], "SP4N hanya menerima" in each) for each in lines] == [
        ("foto.jpg", False),
        ("rekaman.ogg", True),
        ("besar.pdf", True),
    ]
    assert "1,9 MB" in lines[0]


# --- the number -----------------------------------------------------------------------------------------------------


async def test_a_number_is_saved_told_and_the_next_report_opens(app: FastAPI, inside: House) -> None:
    hand = await connected(inside)
    first, reference = await planned(inside, hand, address="1")
    second, _ = await planned(inside, hand, address="2")
    async with signed_in(app, ADMIN) as client:
        answer = await give(client, first, reference, "8512345", " 8 512 345")
        assert led(answer) == (f"/desk/sp4n/{second.ticket}", {"selesai": "confirmed", "pada": first.ticket})
        assert await stands(inside, reference) == ("confirmed", "8512345", None, hand)
        said = await told(inside, first)
        assert any("8512345" in each and "SP4N-LAPOR!" in each for each in said)
        verbs = await audited(inside, first)
        assert verbs[-1][0] == "handover.number"
        assert "8512345" not in str(verbs)
        page = await client.get(answer.headers["location"].removeprefix("/desk"))
        assert f"Nomor {first.ticket} tersimpan" in page.text
        # The same again is no second message, the last one leads to the queue.
        answer = await give(client, first, reference, "8512345")
        assert answer.status_code == 409
        assert "Orang lain sudah menyimpan nomor 8512345" in problem(answer)
        [row] = await rows(inside.engine, "SELECT id FROM complaint_references WHERE complaint_id = :id", id=second.id)
        answer = await give(client, second, row.id, "8512346")
        assert led(answer)[0] == "/desk/sp4n"
        assert listed(await client.get("/sp4n")) == []
    assert await told(inside, first) == said


async def test_what_is_no_number_is_refused_with_what_was_typed(app: FastAPI, inside: House) -> None:
    report, reference = await planned(inside, await connected(inside))
    async with signed_in(app, ADMIN) as client:
        for first, second, sure, why in (
            ("", "8512345", "", "Ketik nomornya dua kali"),
            ("851234", "851234", "", "Bukan nomor SP4N"),
            ("85123456789", "85123456789", "yes", "Bukan nomor SP4N"),
            ("T-482-173-9051", "T-482-173-9051", "", "Bukan nomor SP4N"),
            ("8512345", "8512354", "", "Kedua nomor tidak sama"),
            ("85123456", "85123456", "", "Nomor ini 8 angka"),
            ("8512345678", "8512345678", "no", "Nomor ini 10 angka"),
        ):
            data = {"reference": str(reference), "number": first, "repeated": second, "sure": sure}
            answer = await client.post(f"/sp4n/{report.ticket}/number", data=data)
            assert answer.status_code == 422
            assert why in problem(answer)
            assert f'name="number" value="{first}"' in answer.text
            assert f'name="repeated" value="{second}"' in answer.text
            assert ('name="sure"' in answer.text) == ("angka, biasanya" in answer.text)
        assert (await stands(inside, reference))[0] == "waiting"
        assert await audited(inside, report) == []
        led(await give(client, report, reference, "85123456", sure="yes"))
    assert (await stands(inside, reference))[:2] == ("confirmed", "85123456")


async def test_a_number_belongs_to_one_report(app: FastAPI, inside: House) -> None:
    hand = await connected(inside)
    mine, first = await planned(inside, hand, address="1")
    other, second = await planned(inside, hand, address="2")
    far, third = await planned(inside, hand, address="3", region=SEKAYU, agency="16.06-pu")
    async with inside.engine.begin() as connection:
        await references.confirm(connection, first, "8512345", OPERATOR)
        await references.confirm(connection, third, "8512346", OPERATOR)
    async with signed_in(app, ADMIN) as client:
        answer = await give(client, other, second, "8512345")
        assert (answer.status_code, problem(answer)) == (409, f"Nomor 8512345 sudah dipakai laporan {mine.ticket}.")
        answer = await give(client, other, second, "8512346")
        assert problem(answer) == "Nomor 8512346 sudah dipakai laporan lain."
        assert far.ticket not in answer.text
    assert (await stands(inside, second))[0] == "waiting"


async def test_a_reference_of_another_report_is_not_there(app: FastAPI, inside: House) -> None:
    hand = await connected(inside)
    mine, _ = await planned(inside, hand, address="1")
    _, other = await planned(inside, hand, address="2", region=SEKAYU, agency="16.06-pu")
    async with signed_in(app, ADMIN) as client:
        for form in ("number", "again", "hand", "drop", "arrived"):
            data = {
                "reference": str(other),
                "number": "8512345",
                "repeated": "8512345",
                "reason": "test",
                "looked": "yes",
            }
            answer = await client.post(f"/sp4n/{mine.ticket}/{form}", data=data)
            assert (answer.status_code, problem(answer)) == (409, "Tidak ada lagi dalam antrean.")
    assert (await stands(inside, other))[0] == "waiting"


async def test_what_a_machine_may_be_sending_is_given_no_number(app: FastAPI, inside: House) -> None:
    report, reference = await planned(inside, await connected(inside, ways.API))
    async with signed_in(app, ADMIN) as client:
        answer = await give(client, report, reference, "8512345")
        assert answer.status_code == 409
        for form in ("again", "hand", "drop"):
            data = {"reference": str(reference), "reason": "test", "looked": "yes"}
            assert (await client.post(f"/sp4n/{report.ticket}/{form}", data=data)).status_code == 409
    assert (await stands(inside, reference))[:2] == ("waiting", None)


async def test_a_number_typed_when_the_session_had_ended_is_there_again(app: FastAPI, inside: House) -> None:
    report, reference = await planned(inside, await connected(inside))
    async with signed_in(app, ADMIN, login="ani") as client:
        await run(inside.engine, "UPDATE staff_sessions SET expires_at = now() - interval '1 minute'")
        answer = await give(client, report, reference, "8512345", "8512399")
        path, said = led(answer)
        assert (path, said["next"]) == ("/desk/masuk", f"/desk/sp4n/{report.ticket}")
        await run(inside.engine, "UPDATE staff_sessions SET expires_at = now() + interval '1 hour', ended_at = NULL")
        answer = await client.get(f"/sp4n/{report.ticket}")
    assert 'name="number" value="8512345"' in answer.text
    assert 'name="repeated" value="8512399"' in answer.text
    assert (await stands(inside, reference))[0] == "waiting"


async def test_a_file_that_came_meanwhile_is_still_to_be_passed_on(app: FastAPI, inside: House) -> None:
    report, reference = await planned(inside, await connected(inside))
    added = """
        INSERT INTO media (complaint_id, kind, channel, provider_id, content_type, size, sha256, state)
        VALUES (:id, 'photo', 'telegram', :name, 'image/jpeg', 3, :digest, 'stored') RETURNING id
    """
    for name in ("seen", "late"):
        await run(inside.engine, added, id=report.id, name=name, digest="0" * 64)
    seen, late = [
        row.id
        for row in await rows(inside.engine, "SELECT id FROM media WHERE complaint_id = :id ORDER BY id", id=report.id)
    ]
    async with signed_in(app, ADMIN) as client:
        led(await give(client, report, reference, "8512345", file=[str(seen)]))
        answer = await client.get("/sp4n", params={"grup": "posts"})
    assert listed(answer) == [report.ticket]
    async with inside.engine.connect() as connection:
        [post] = await posts.open_of(connection, [reference])
    assert (post.kind, post.media_id) == ("attach", late)


# --- what a machine could not ---------------------------------------------------------------------------------------


async def test_what_nobody_knows_is_sent_again_only_after_a_look(app: FastAPI, inside: House) -> None:
    report, reference = await planned(inside, await connected(inside, ways.API), references.UNKNOWN)
    async with signed_in(app, ADMIN) as client:
        page = await client.get(f"/sp4n/{report.ticket}")
        assert f"tiket kami ({report.ticket}) ada di baris terakhir" in page.text
        answer = await client.post(f"/sp4n/{report.ticket}/again", data={"reference": str(reference)})
        assert (answer.status_code, problem(answer)) == (422, "Cari dulu di sana, lalu beri centang.")
        assert (await stands(inside, reference))[0] == "unknown"
        answer = await client.post(f"/sp4n/{report.ticket}/again", data={"reference": str(reference), "looked": "yes"})
        assert led(answer)[1]["selesai"] == "again"
    assert (await stands(inside, reference))[0] == "waiting"
    jobs = "SELECT count(*) FROM procrastinate_jobs WHERE task_name LIKE '%hand_over' AND args::text LIKE :id"
    assert await value(inside.engine, jobs, id=f"%: {reference}}}%") == 1
    assert (await audited(inside, report))[-1] == ("handover.again", {"system": "sp4n", "was": "unknown"})


async def test_what_a_machine_could_not_is_entered_by_hand(app: FastAPI, inside: House) -> None:
    hand, machine = await connected(inside), await connected(inside, ways.API)
    tried = [await planned(inside, machine, state, address=state) for state in (references.UNKNOWN, references.FAILED)]
    disabled = "UPDATE connections SET disabled_at = CASE WHEN disabled_at IS NULL THEN now() END WHERE id = :id"
    async with signed_in(app, ADMIN) as client:
        await run(inside.engine, disabled, id=hand)
        for report, reference in tried:
            data = {"reference": str(reference), "looked": "yes"}
            assert f"/desk/sp4n/{report.ticket}/hand" not in (await client.get(f"/sp4n/{report.ticket}")).text
            assert (await client.post(f"/sp4n/{report.ticket}/hand", data=data)).status_code == 409
        await run(inside.engine, disabled, id=hand)
        for report, reference in tried:
            data = {"reference": str(reference), "looked": "yes"}
            assert f"/desk/sp4n/{report.ticket}/hand" in (await client.get(f"/sp4n/{report.ticket}")).text
            led(await client.post(f"/sp4n/{report.ticket}/hand", data=data))
            assert await stands(inside, reference) == ("waiting", None, None, hand)
        entering = listed(await client.get("/sp4n", params={"grup": "entering"}))
        assert entering == [report.ticket for report, _ in tried]
    assert await value(inside.engine, "SELECT count(*) FROM attention WHERE closed_at IS NULL") == 0


async def test_what_need_not_go_there_is_out_of_the_queue_and_can_come_back(app: FastAPI, inside: House) -> None:
    report, reference = await planned(inside, await connected(inside))
    async with signed_in(app, ADMIN) as client:
        answer = await client.post(f"/sp4n/{report.ticket}/drop", data={"reference": str(reference), "reason": "x"})
        assert (answer.status_code, problem(answer)) == (422, "Pilih alasan.")
        data = {"reference": str(reference), "reason": "there_already"}
        assert led(await client.post(f"/sp4n/{report.ticket}/drop", data=data))[1]["selesai"] == "dropped"
        assert (await stands(inside, reference))[::2] == ("failed", "not_needed")
        assert counted(await client.get("/sp4n")) == dict.fromkeys(handovers.GROUPS, 0)
        assert (await audited(inside, report))[-1][1]["reason"] == "there_already"
        page = await client.get(f"/sp4n/{report.ticket}")
        assert "tidak perlu masuk ke sana" in page.text
        # Nothing follows what does not go there; once it goes there after all, it is not without what was said.
        async with inside.engine.begin() as connection:
            await complaints.write(
                connection, report.id, Actor("citizen", "7"), "replied", note="Tiang 17.", public=True
            )
            await posts.follow(connection, report.id, posts.REPLY, "replied")
            assert await posts.open_of(connection, [reference]) == []
        led(await client.post(f"/sp4n/{report.ticket}/again", data={"reference": str(reference)}))
        assert listed(await client.get("/sp4n")) == [report.ticket]
    assert (await stands(inside, reference))[0] == "waiting"
    async with inside.engine.connect() as connection:
        assert [each.words for each in await posts.open_of(connection, [reference])] == ["Tiang 17."]


async def test_a_report_without_a_way_can_be_put_into_the_queue(app: FastAPI, inside: House) -> None:
    await run(inside.engine, "DELETE FROM ways")
    report = await reported(inside)
    disabled = "UPDATE connections SET disabled_at = CASE WHEN disabled_at IS NULL THEN now() END"
    await run(inside.engine, disabled)
    async with signed_in(app, ADMIN) as client:
        assert "tidak ada dalam antrean" in (await client.get(f"/sp4n/{report.ticket}")).text
        answer = await client.post(f"/sp4n/{report.ticket}/plan", data={"sure": "yes"})
        assert (answer.status_code, problem(answer)[:22]) == (409, "Belum ada jalur manual")
        await run(inside.engine, disabled)
        assert (await client.post(f"/sp4n/{report.ticket}/plan")).status_code == 422
        led(await client.post(f"/sp4n/{report.ticket}/plan", data={"sure": "yes"}))
        assert (await client.post(f"/sp4n/{report.ticket}/plan", data={"sure": "yes"})).status_code == 409
        assert listed(await client.get("/sp4n")) == [report.ticket]


async def test_what_is_there_after_all_is_confirmed_as_its_system_does(app: FastAPI, inside: House) -> None:
    other, mail = await connected(inside, ways.OPEN311, "baruga"), await connected(inside, ways.EMAIL, "email")
    machine = await connected(inside, ways.API)
    national, first = await planned(inside, machine, references.UNKNOWN, address="1")
    report, reference = await planned(inside, other, references.UNKNOWN, system="baruga", address="2")
    letter, sent = await planned(inside, mail, references.UNKNOWN, system="email", address="3")
    async with signed_in(app, ADMIN) as client:
        assert "Sudah ada di SP4N-LAPOR!" in (await client.get(f"/sp4n/{national.ticket}")).text
        led(await give(client, national, first, "8512345"))
        answer = await give(client, report, reference, "SR-2026/17", "SR-2026/18")
        assert problem(answer).startswith("Kedua nomor tidak sama")
        led(await give(client, report, reference, "SR-2026/17"))
        led(await client.post(f"/sp4n/{letter.ticket}/arrived", data={"reference": str(sent)}))
    assert (await stands(inside, first))[:2] == ("confirmed", "8512345")
    assert (await stands(inside, reference))[:2] == ("confirmed", "SR-2026/17")
    assert (await stands(inside, sent))[:2] == ("confirmed", letter.ticket)


# --- what follows ---------------------------------------------------------------------------------------------------


async def followed(house: House, report: Report, reference: int, said: str) -> int:
    """The pelapor says something after the report was entered; returns the id of what is to be passed on."""
    actor = Actor("citizen", str(report.citizen_id))
    async with house.engine.begin() as connection:
        await closure.reply(connection, report.ticket, actor, said)
        await posts.follow(connection, report.id, posts.REPLY, "replied")
        return (await posts.open_of(connection, [reference]))[-1].id


async def test_replies_are_passed_on_by_hand_one_by_one(app: FastAPI, inside: House) -> None:
    report, reference = await planned(inside, await connected(inside))
    async with inside.engine.begin() as connection:
        await references.confirm(connection, reference, "8512345", OPERATOR)
    first = await followed(inside, report, reference, "Masih <i>rusak</i>.")
    second = await followed(inside, report, reference, "Tolong segera.")
    async with signed_in(app, ADMIN) as client:
        assert listed(await client.get("/sp4n")) == [report.ticket]
        page = await client.get(f"/sp4n/{report.ticket}")
        assert "Masih &lt;i&gt;rusak&lt;/i&gt;." in page.text
        assert "Ketik Isi Laporan Anda" not in page.text
        path, said = led(await client.post(f"/sp4n/{report.ticket}/post", data={"post": str(first), "done": "yes"}))
        assert (path, said["selesai"]) == (f"/desk/sp4n/{report.ticket}", "passed")
        answer = await client.post(f"/sp4n/{report.ticket}/post", data={"post": str(first), "done": "yes"})
        assert (answer.status_code, problem(answer)) == (409, "Susulan itu sudah selesai.")
        path, _ = led(await client.post(f"/sp4n/{report.ticket}/post", data={"post": str(second), "done": "yes"}))
        assert path == "/desk/sp4n"
        assert counted(await client.get("/sp4n"))["posts"] == 0
    assert (await audited(inside, report))[-1][1]["kind"] == "reply"


async def test_what_a_machine_could_not_pass_on_is_settled_by_a_person(app: FastAPI, inside: House) -> None:
    report, reference = await planned(inside, await connected(inside, ways.API))
    async with inside.engine.begin() as connection:
        await references.begin(connection, reference)
        await references.confirm(connection, reference, "8512345", OPERATOR)
    post = await followed(inside, report, reference, "Masih rusak.")
    async with signed_in(app, ADMIN) as client:
        assert counted(await client.get("/sp4n"))["posts"] == 0
        answer = await client.post(f"/sp4n/{report.ticket}/post", data={"post": str(post), "done": "yes"})
        assert answer.status_code == 409
        async with inside.engine.begin() as connection:
            assert await posts.begin(connection, post) is not None
            await posts.unknown(connection, post, "timeout")
        assert listed(await client.get("/sp4n")) == [report.ticket]
        led(await client.post(f"/sp4n/{report.ticket}/post", data={"post": str(post), "done": "no"}))
        assert counted(await client.get("/sp4n"))["posts"] == 0
    async with inside.engine.connect() as connection:
        assert (await posts.get(connection, post)).state == "waiting"


# --- in a browser ---------------------------------------------------------------------------------------------------


async def window(address: str, house: House, browser: Any, login: str, width: int = 1440, **more: Any) -> Page:
    """A window of an officer of Palembang."""
    async with house.engine.begin() as connection:
        _, token = await officer(connection, ADMIN, login=login)
    context: BrowserContext = await browser.new_context(viewport={"width": width, "height": 900}, **more)
    await context.add_cookies([{"name": COOKIE, "value": token, "url": address}])
    if more.get("java_script_enabled", True):
        await context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
    return await context.new_page()


async def test_the_form_is_copied_and_the_number_given_from_the_keyboard(settings: Settings, database: str) -> None:
    async with web(settings, database) as (address, house), chromium() as browser:
        hand = await connected(house)
        first, reference = await planned(house, hand, address="1", title="Jalan rusak", text=LONG)
        second, _ = await planned(house, hand, address="2")
        page, other = await window(address, house, browser, "ani"), await window(address, house, browser, "budi")
        wrong = list[str]()
        page.on("pageerror", lambda error: wrong.append(error.message))
        await page.goto(f"{address}/desk/sp4n")
        await expect(page.locator("#show-keys")).to_be_visible()
        await page.keyboard.press("j")
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"**/sp4n/{first.ticket}")
        await expect(page.locator("#show-keys")).to_be_visible()
        await page.keyboard.press("1")
        await expect(page.locator("#entry-title")).to_have_class(re.compile("copied"))
        await expect(page.locator("#entry-title .copy")).to_contain_text("Tersalin")
        await expect(page.locator("#status")).to_contain_text("judul tersalin")
        assert await page.evaluate("navigator.clipboard.readText()") == "Jalan rusak"
        await page.keyboard.press("2")
        await expect(page.locator("#entry-text")).to_have_class(re.compile("copied"))
        copied = await page.evaluate("navigator.clipboard.readText()")
        assert copied.endswith(f"Tiket kanal: {first.ticket}")
        assert len(copied) <= 3000
        await expect(page.locator("#entry-date")).not_to_have_class(re.compile("copied"))
        await other.goto(f"{address}/desk/sp4n/{first.ticket}")
        await expect(other.locator("[data-present]")).to_contain_text("Juga dibuka oleh Petugas Uji")
        await page.keyboard.press("n")
        await page.keyboard.type("8512345")
        await page.keyboard.press("Tab")
        await page.keyboard.type("8512345")
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"**/sp4n/{second.ticket}?*")
        await expect(page.locator(".done")).to_contain_text(f"Nomor {first.ticket} tersimpan")
        assert (await stands(house, reference))[:2] == ("confirmed", "8512345")
        await other.locator(".asked").fill("8599999")
        await other.locator("[name=repeated]").fill("8599999")
        await other.get_by_role("button", name="Simpan nomor").click()
        await expect(other.locator(".wrong")).to_contain_text("Orang lain sudah menyimpan nomor 8512345")
        assert wrong == []


async def test_without_scripts_a_click_selects_and_the_form_works(settings: Settings, database: str) -> None:
    async with web(settings, database) as (address, house), chromium() as browser:
        report, reference = await planned(house, await connected(house), title="Jalan rusak")
        page = await window(address, house, browser, "ani", java_script_enabled=False)
        await page.goto(f"{address}/desk/sp4n/{report.ticket}")
        await expect(page.locator(".copy").first).to_be_hidden()
        assert await page.locator("#entry-title .value").text_content() == "Jalan rusak"
        await page.get_by_label("Nomor SP4N-LAPOR!").fill("8512345")
        await page.get_by_label("Ketik nomornya sekali lagi").fill("8512345")
        await page.get_by_role("button", name="Simpan nomor").click()
        await page.wait_for_url("**/desk/sp4n?*")
        assert (await stands(house, reference))[:2] == ("confirmed", "8512345")


async def test_axe_finds_nothing_and_nothing_overflows(settings: Settings, database: str) -> None:
    async with web(settings, database) as (address, house), chromium() as browser:
        hand, machine = await connected(house), await connected(house, ways.API)
        entering, _ = await planned(
            house, hand, address="1", text=LONG, anonymous=True, latitude=-2.98, longitude=104.76
        )
        unknown, _ = await planned(house, machine, references.UNKNOWN, address="2", title="x" * 100)
        failed, _ = await planned(house, machine, references.FAILED, address="3")
        passed, reference = await planned(house, hand, address="4")
        async with house.engine.begin() as connection:
            await references.confirm(connection, reference, "8512345", OPERATOR)
        await run(house.engine, "UPDATE connections SET disabled_at = now() WHERE id = :id", id=machine)
        await followed(house, passed, reference, "Masih rusak sampai hari ini.")
        reports = [f"/{each.ticket}" for each in (entering, unknown, failed, passed)]
        for width, scheme, paths in ((390, "light", ["?grup=failed", *reports]), (1440, "dark", ["", *reports[:2]])):
            page = await window(address, house, browser, f"ani{width}", width, color_scheme=scheme)
            for path in paths:
                await page.goto(f"{address}/desk/sp4n{path}")
                await expect(page.locator("#show-keys")).to_be_visible()
                found = await Axe().run(page)
                assert found.violations_count == 0, f"{path} {width}: {found.generate_report()}"
                wide = await page.evaluate(
                    "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                )
                assert wide <= 0, f"{path} is {wide} px too wide at {width}"
