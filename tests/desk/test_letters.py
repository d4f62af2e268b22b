"""Letters at the desk: who sees them, that opening is written down, what can be done with one, and that it is safe."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from desking import GRANTS, officer, signed_in
from fastapi import FastAPI
from journey.browser import chromium
from making import rows, run, value
from peers.bot_api import JPEG
from peers.clamd import EICAR, FakeClamd
from pictures import encoded, scene
from PIL import Image
from playwright.async_api import expect
from reporting import DISHUB, KOMINFO, PU, Report, audited, reported, status, told
from running import web

from api.house import House
from api.settings import Settings
from api.unit import unit
from desk.access import COOKIE
from store import dispositions, letters, policy
from store.complaints import Actor
from store.policy import Grant

ADMIN = GRANTS[policy.ADMIN_INSTANSI]
PROVINCE = Grant(policy.ADMIN_INSTANSI, region="16")
ELSEWHERE = Grant(policy.ADMIN_INSTANSI, region="16.06")
WORDS = "Sudah kami tambal."


def letter(words: str = WORDS, *, html: bool = False) -> bytes:
    message = EmailMessage(policy=SMTP)
    said = {"From": "kabid@gmail.com", "To": "lapor@example.go.id", "Subject": "Re: Jalan <b>", "Message-ID": "<1@x>"}
    for name, content in said.items():
        message[name] = content
    message.set_content(words, subtype="html" if html else "plain")
    message.add_attachment(JPEG, maintype="image", subtype="jpeg", filename="bukti.jpg")
    message.add_attachment(b"PK\x03\x04", maintype="application", subtype="zip", filename="foto.zip")
    return message.as_bytes()


async def disposed(house: House) -> tuple[Report, int]:
    """A report that an agency has, and its reference."""
    report = await reported(house)
    async with unit(house) as work:
        work.record(await dispositions.dispose(work.connection, report.ticket, Actor("operator", "x"), [PU], lead=PU))
    await run(house.engine, "INSERT INTO connections (name, kind, system) VALUES ('Surel', 'email', 'surel')")
    await run(
        house.engine,
        """
        INSERT INTO complaint_references (complaint_id, system, agency, connection_id, state, external_id)
        SELECT :id, 'surel', :agency, id, 'confirmed', 'abcdefgh22' FROM connections WHERE kind = 'email'
        """,
        id=report.id,
        agency=PU,
    )
    return report, int(await value(house.engine, "SELECT id FROM complaint_references WHERE system = 'surel'"))


async def kept(house: House, reference_id: int | None, raw: bytes, problem: str = "elsewhere") -> int:
    """A letter that waits for a person."""
    async with unit(house) as work:
        sha256 = house.shelf.put(raw)
        number = await letters.add(
            work.connection, key=f"{reference_id} {problem}", reference_id=reference_id, sha256=sha256, size=len(raw)
        )
        assert number is not None
        complaint = await value(
            house.engine, "SELECT max(complaint_id) FROM complaint_references WHERE id = :id", id=reference_id
        )
        await letters.keep(work.connection, number, problem, complaint)
    return number


async def state(house: House, number: int) -> str:
    return str(await value(house.engine, "SELECT state FROM letters WHERE id = :id", id=number))


async def test_an_officer_makes_a_letter_the_answer_of_the_agency(app: FastAPI, inside: House) -> None:
    report, reference = await disposed(inside)
    number = await kept(inside, reference, letter())
    async with signed_in(app, ADMIN) as client:
        listed = (await client.get("/surel")).text
        assert report.ticket in listed
        assert "bukan dari alamat instansi" in listed
        page = (await client.get(f"/surel/{number}")).text
        for seen in (WORDS, "kabid@gmail.com", "bukti.jpg", "foto.zip", "Re: Jalan &lt;b&gt;"):
            assert seen in page, seen
        assert ("letter.read", {}) in await audited(inside, report)
        # A file that cannot be used is named before anything is told.
        form = {"words": WORDS, "agency": PU, "file": ["0", "1"]}
        refused = await client.post(f"/surel/{number}/jawaban", data=form)
        assert refused.status_code == 422
        assert "tidak dapat dipakai" in refused.text
        assert await status(inside, report) == "Terdisposisi"
        done = await client.post(f"/surel/{number}/jawaban", data={**form, "file": ["0"]})
        assert (done.status_code, done.headers["location"]) == (303, "/desk/surel?selesai=answered")
        assert "sudah disampaikan" in (await client.get("/surel?selesai=answered")).text
        again = await client.post(f"/surel/{number}/jawaban", data=form | {"file": ["0"]})
        assert again.status_code == 409
    assert await status(inside, report) == "Ditindaklanjuti oleh Instansi"
    assert WORDS in "\n".join(await told(inside, report))
    [file] = await rows(inside.engine, "SELECT * FROM media WHERE complaint_id = :id", id=report.id)
    assert file.agency == PU
    assert ("letter.answer", {"agency": PU, "evidence": [file.id]}) in await audited(inside, report)
    assert await state(inside, number) == "answered"
    assert await value(inside.engine, "SELECT count(*) FROM attention WHERE closed_at IS NULL") == 0


async def test_what_is_attached_can_be_looked_at(app: FastAPI, inside: House) -> None:
    report, reference = await disposed(inside)
    number = await kept(inside, reference, letter())
    async with signed_in(app, ADMIN) as client:
        page = (await client.get(f"/surel/{number}")).text
        assert f'href="/desk/surel/{number}/lampiran/0"' in page
        photo = await client.get(f"/surel/{number}/lampiran/0")
        assert (photo.status_code, photo.headers["content-type"]) == (200, "image/jpeg")
        # What nobody here can read is saved, and opened by nothing.
        other = await client.get(f"/surel/{number}/lampiran/1")
        assert other.content == b"PK\x03\x04"
        assert other.headers["content-type"] == "application/octet-stream"
        assert other.headers["content-disposition"] == f'attachment; filename="surel-{number}-2.zip"'
        for answer in (photo, other):
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "sandbox" in answer.headers["content-security-policy"]
        for missing in ("2", "-1", str(2**70)):
            assert (await client.get(f"/surel/{number}/lampiran/{missing}")).status_code == 404
        assert (await client.get(f"/surel/{number + 1}/lampiran/0")).status_code == 404
        # Also afterwards: it may be looked for why it was put away.
        await client.post(f"/surel/{number}/buang", data={"reason": "spam"})
        assert (await client.get(f"/surel/{number}/lampiran/0")).status_code == 200
    # The page once, three files: each is written down.
    assert [verb for verb, _ in await audited(inside, report)].count("letter.read") == 4


async def test_a_picture_is_shown_without_what_a_camera_wrote_into_it(app: FastAPI, inside: House) -> None:
    _, reference = await disposed(inside)
    exif = Image.Exif()
    exif[0x010F] = "Kamera milik Budi"
    message = EmailMessage(policy=SMTP)
    message["Message-ID"] = "<2@x>"
    message.set_content(WORDS)
    taken = encoded(scene(), "JPEG", exif=exif)
    message.add_attachment(taken, maintype="image", subtype="jpeg", filename="../../bukti.html")
    number = await kept(inside, reference, message.as_bytes())
    async with signed_in(app, ADMIN) as client:
        shown = await client.get(f"/surel/{number}/lampiran/0")
    assert b"Budi" in taken
    assert b"Budi" not in shown.content
    assert shown.headers["content-disposition"] == f'inline; filename="surel-{number}-1"'


async def test_what_carries_a_virus_nobody_is_handed(app: FastAPI, inside: House) -> None:
    _, reference = await disposed(inside)
    message = EmailMessage(policy=SMTP)
    message["Message-ID"] = "<3@x>"
    message.set_content(WORDS)
    message.add_attachment(EICAR, maintype="application", subtype="pdf", filename="surat.pdf")
    number = await kept(inside, reference, message.as_bytes())
    async with FakeClamd() as clamd:
        inside.settings = inside.settings.model_copy(update={"clamd_host": clamd.where})
        async with signed_in(app, ADMIN) as client:
            refused = await client.get(f"/surel/{number}/lampiran/0")
            assert refused.status_code == 409
            assert "mengandung virus" in refused.text
    async with signed_in(app, ADMIN) as client:
        away = await client.get(f"/surel/{number}/lampiran/0")
        assert away.status_code == 503
        assert "belum dapat diperiksa" in away.text
    assert EICAR.decode() not in refused.text + away.text


async def test_a_letter_of_no_report_is_the_provinces_and_finds_its_report(app: FastAPI, inside: House) -> None:
    report, _ = await disposed(inside)
    number = await kept(inside, None, letter(), "nobody")
    async with signed_in(app, ADMIN) as client:
        assert (await client.get(f"/surel/{number}")).status_code == 404
        assert f"/surel/{number}" not in (await client.get("/surel")).text
    async with signed_in(app, PROVINCE) as client:
        page = (await client.get(f"/surel/{number}")).text
        assert "Nomor tiket" in page
        for wrong in ("", "T-000-000-0000", "x" * 40):
            answer = await client.post(f"/surel/{number}/jawaban", data={"words": WORDS, "ticket": wrong})
            assert answer.status_code == 422
            assert "tidak ditemukan" in answer.text
        assert (
            await client.post(f"/surel/{number}/jawaban", data={"words": WORDS, "ticket": report.ticket})
        ).status_code == 303
    # It is the answer of the office that has the report.
    answered = "SELECT became->>'answered_by' FROM complaint_history ORDER BY id DESC LIMIT 1"
    assert await value(inside.engine, answered) == PU
    assert await status(inside, report) == "Ditindaklanjuti oleh Instansi"


async def test_a_ticket_of_another_region_is_none(app: FastAPI, inside: House) -> None:
    report, reference = await disposed(inside)
    number = await kept(inside, reference, letter())
    async with signed_in(app, ELSEWHERE) as client:
        assert report.ticket not in (await client.get("/surel")).text
        for path in ("", "/jawaban", "/buang"):
            form = {"words": WORDS, "reason": "spam"}
            address = f"/surel/{number}{path}"
            answer = await (client.post(address, data=form) if path else client.get(address))
            assert answer.status_code == 404
    assert await state(inside, number) == "kept"
    assert await value(inside.engine, "SELECT count(*) FROM audit WHERE verb LIKE 'letter.%'") == 0


@pytest.mark.parametrize("role", [policy.PEJABAT, policy.PENGAWAS, policy.BIRO, policy.ADMINISTRATOR])
async def test_letters_are_kominfos(app: FastAPI, role: str) -> None:
    async with signed_in(app, GRANTS[role]) as client:
        assert (await client.get("/surel")).status_code == 403


async def test_putting_one_away_needs_a_reason_and_is_written_down(app: FastAPI, inside: House) -> None:
    _, reference = await disposed(inside)
    number = await kept(inside, reference, letter())
    async with signed_in(app, ADMIN) as client:
        for reason in ("", "bosan"):
            answer = await client.post(f"/surel/{number}/buang", data={"reason": reason})
            assert answer.status_code == 422
        assert (await client.post(f"/surel/{number}/buang", data={"reason": "twice"})).status_code == 303
        assert (await client.post(f"/surel/{number}/buang", data={"reason": "twice"})).status_code == 409
        assert "sudah dijawab" in (await client.get("/surel")).text
        # It is read again without its forms.
        assert "<textarea" not in (await client.get(f"/surel/{number}")).text
    assert await state(inside, number) == "dropped"
    [detail] = await rows(inside.engine, "SELECT detail FROM audit WHERE verb = 'letter.drop'")
    assert detail.detail == {"reason": "twice"}
    assert await value(inside.engine, "SELECT count(*) FROM attention WHERE closed_at IS NULL") == 0


async def test_a_matter_stays_while_another_letter_of_the_report_waits(app: FastAPI, inside: House) -> None:
    _, reference = await disposed(inside)
    first, second = await kept(inside, reference, letter()), await kept(inside, reference, letter(), "long")
    async with signed_in(app, ADMIN) as client:
        await client.post(f"/surel/{first}/buang", data={"reason": "twice"})
        assert await value(inside.engine, "SELECT count(*) FROM attention WHERE closed_at IS NULL") == 1
        assert "perlu dilihat" in (await client.get("/perhatian")).text
        await client.post(f"/surel/{second}/buang", data={"reason": "twice"})
    assert await value(inside.engine, "SELECT count(*) FROM attention WHERE closed_at IS NULL") == 0


async def test_what_cannot_be_answered_any_more_says_so_and_keeps_the_words(app: FastAPI, inside: House) -> None:
    report, reference = await disposed(inside)
    number = await kept(inside, reference, letter(), "ended")
    async with signed_in(app, ADMIN) as client:
        for words, problem in (("", 422), ("x" * 3001, 422)):
            assert (await client.post(f"/surel/{number}/jawaban", data={"words": words})).status_code == problem
        strange = await client.post(f"/surel/{number}/jawaban", data={"words": WORDS, "agency": DISHUB})
        assert strange.status_code == 422
        async with unit(inside) as work:
            operator = Actor("operator", "x")
            work.record(await dispositions.archive(work.connection, report.ticket, operator, "tidak_jelas", None))
        answer = await client.post(f"/surel/{number}/jawaban", data={"words": "Kata-kata saya."})
        assert answer.status_code == 409
        assert "Kata-kata saya." in answer.text
        assert "sudah berakhir" in answer.text
    assert KOMINFO not in answer.text
    assert await state(inside, number) == "kept"


async def test_a_page_that_somebody_sent_is_words_at_the_desk(app: FastAPI, inside: House) -> None:
    _, reference = await disposed(inside)
    page = "<p>Sudah <script>alert(1)</script><img src=http://pelacak.example/x>&lt;script&gt;selesai</p>"
    number = await kept(inside, reference, letter(page, html=True))
    async with signed_in(app, ADMIN) as client:
        shown = (await client.get(f"/surel/{number}")).text
    assert "Sudah &lt;script&gt;selesai" in shown
    assert "pelacak" not in shown
    assert "alert(1)" not in shown


async def test_one_whose_bytes_are_gone_can_still_be_settled(app: FastAPI, inside: House) -> None:
    _, reference = await disposed(inside)
    number = await kept(inside, reference, letter(), "infected")
    await run(inside.engine, "UPDATE letters SET sha256 = ''")
    async with signed_in(app, ADMIN) as client:
        shown = await client.get(f"/surel/{number}")
        assert shown.status_code == 200
        assert "tidak disimpan di sini" in shown.text
        assert (await client.post(f"/surel/{number}/buang", data={"reason": "spam"})).status_code == 303
        for missing in (0, 10**6, 2**63):
            assert (await client.get(f"/surel/{missing}")).status_code == 404


async def test_axe_finds_nothing_nothing_overflows_and_what_is_wrong_is_in_sight(
    settings: Settings, database: str
) -> None:
    async with web(settings, database) as (address, house), chromium() as browser:
        _, reference = await disposed(house)
        number = await kept(house, reference, letter("Sudah kami tambal.\n" * 100))
        unknown = await kept(house, None, letter(), "nobody")
        gone = await kept(house, reference, letter(), "long")
        async with house.engine.begin() as connection:
            assert await letters.settle(connection, gone, letters.DROPPED, problem="as_twice")
            _, token = await officer(connection, PROVINCE, login="ani")
        for width, scheme in ((390, "light"), (1440, "dark")):
            look: dict[str, Any] = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
            context = await browser.new_context(**look)
            await context.add_cookies([{"name": COOKIE, "value": token, "url": address}])
            page = await context.new_page()
            for path in ("", f"/{number}", f"/{unknown}", f"/{gone}"):
                await page.goto(f"{address}/desk/surel{path}")
                found = await Axe().run(page)
                assert found.violations_count == 0, f"{path} {width}: {found.generate_report()}"
                wide = await page.evaluate(
                    "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                )
                assert wide <= 0, f"{path} is {wide} px too wide at {width}"
            await page.goto(f"{address}/desk/surel/{number}")
            await page.fill("#words", " ")
            await page.get_by_role("button", name="Sampaikan kepada pelapor").click()
            await expect(page.locator(".wrong")).to_be_focused()
            await expect(page.locator(".wrong")).to_be_in_viewport()
