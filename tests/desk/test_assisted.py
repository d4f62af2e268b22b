"""Residents who were assisted, at the desk: what stands on a report's page and what only after an act that is written
down, how the pelapor is told, drafts whose volunteer may not go on, and a report that becomes Anonim."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from desking import GRANTS, officer, signed_in
from fastapi import FastAPI
from hypothesis import given
from hypothesis import settings as few
from hypothesis import strategies as st
from journey.browser import chromium
from making import file, rows, run, value
from peers.bot_api import JPEG
from reporting import PLACE, PU, READING, REGION, TEXT, Report, act, audited, reported
from running import web
from scenes import execute

from api.house import House
from api.settings import Settings
from api.unit import unit
from desk import assisted
from desk.access import COOKIE
from store import assistances, attention, dispositions, editing, policy
from store.complaints import Actor
from store.policy import Grant

ADMIN, AGENT, OVERSEER = GRANTS[policy.ADMIN_INSTANSI], GRANTS[policy.PEJABAT], GRANTS[policy.PENGAWAS]
LOKET = GRANTS[policy.LOKET]
ELSEWHERE = Grant(policy.ADMIN_INSTANSI, region="16.06")
ASSISTANT, RESIDENT = "Sukmawati Pendampingwati", "Mulyadi Dibantuwan"
PHONE, POSKO = "0813-5550-7777", "posko Kertapati nomor 9"
WORDS = {"phone": PHONE, "place": POSKO}
STORY = "Air bersih tidak mengalir di RT 5 sejak Senin, sudah empat hari. Kami minta tangki air."


def seen(html: str) -> str:
    """What a reader sees of a page, one space between words."""
    return " ".join(unescape(re.sub(r"<[^>]+>", "", html)).split())


async def volunteer(house: House, *, counter: bool = False, address: str = "55501") -> int:
    """The chat of a volunteer in Palembang, or of a counter there; its contact."""
    async with house.engine.begin() as connection:
        person = await execute(connection, "INSERT INTO citizens (name) VALUES (:name) RETURNING id", name=ASSISTANT)
        citizen = person.scalar_one()
        if counter:
            staff_id, _ = await officer(connection, LOKET, login="loket")
            made = """
                INSERT INTO counters (staff_id, name, region, token_sha256, expires_at)
                VALUES (:staff, :name, '16.71', 'x', now() + make_interval(hours => 12)) RETURNING id
            """
            counter_id = (await execute(connection, made, staff=staff_id, name="MPP Jakabaring")).scalar_one()
            chat = "INSERT INTO contacts (channel, address, counter_id) VALUES ('webchat', :a, :n) RETURNING id"
            return int((await execute(connection, chat, a=address, n=counter_id)).scalar_one())
        made = """
            INSERT INTO volunteers (name, region, valid_until, citizen_id, redeemed_at, trained_at)
            VALUES (:name, '16.71', DATE '2099-12-31', :citizen, now(), now())
        """
        await execute(connection, made, name=ASSISTANT, citizen=citizen)
        chat = "INSERT INTO contacts (channel, address, citizen_id) VALUES ('telegram', :a, :n) RETURNING id"
        return int((await execute(connection, chat, a=address, n=citizen)).scalar_one())


ASSISTANCE = """
    INSERT INTO assistances (volunteer_id, counter_id, contact_id, draft, consented_at, consent_words,
                             consent_language, reach, reach_words, saved, citizen_id, complaint_id, outcome, ended_at)
    SELECT v.id, c.counter_id, c.id, :draft, now(), 'Boleh?', 'id', :reach, :words, CAST(:saved AS jsonb), :citizen,
           CAST(:report AS bigint), CASE WHEN CAST(:report AS bigint) IS NULL THEN 'desk' ELSE 'filed' END, now()
    FROM contacts c LEFT JOIN volunteers v ON v.citizen_id = c.citizen_id WHERE c.id = :chat RETURNING id
"""


async def helped(house: House, reach: str = "phone", *, counter: bool = False, **details: Any) -> Report:
    """A report of a resident who was assisted and has no chat."""
    chat = await volunteer(house, counter=counter)
    wanted: dict[str, Any] = {"text": TEXT, "place": PLACE, "region": REGION, "agency": PU, "function": "pu"}
    async with house.engine.begin() as connection:
        person = await execute(connection, "INSERT INTO citizens (name) VALUES (:name) RETURNING id", name=RESIDENT)
        citizen = person.scalar_one()
    async with unit(house) as work:
        event = work.record(
            await file(work.connection, citizen_id=citizen, model="test", suggested=READING, **wanted | details)
        )
        about = {"chat": chat, "reach": reach, "words": WORDS.get(reach), "citizen": citizen, "saved": None, "draft": 1}
        await execute(work.connection, ASSISTANCE, report=event.complaint_id, **about)
    return Report(event.ticket, event.complaint_id, citizen, chat, "55501")


def saved(**answers: Any) -> dict[str, Any]:
    """A draft as the conversation left it."""
    given = {"place": {"text": "RT 5 Kertapati", "region": "16.71.01", "name": "Ilir Barat II"}, **answers}
    return {
        "number": 3,
        "told": [[STORY, 7]],
        "answers": {name: [answer, 8] for name, answer in given.items()},
        "photos": 1,
        "context": {"assist": {"id": 1, "at": 0}},
    }


async def kept(house: House, reach: str = "place", left: dict[str, Any] | None = None) -> int:
    """A draft that was given to the desk, with a photo; its number."""
    chat = await volunteer(house)
    digest = house.shelf.put(JPEG)
    async with house.engine.begin() as connection:
        about = {"chat": chat, "reach": reach, "words": WORDS.get(reach), "citizen": None, "report": None, "draft": 3}
        made = await execute(connection, ASSISTANCE, saved=json.dumps(saved() if left is None else left), **about)
        photo = """
            INSERT INTO media (contact_id, draft, kind, channel, provider_id, content_type, size, sha256, state)
            VALUES (:chat, 3, 'photo', 'telegram', 'x', 'image/jpeg', 3, :digest, 'stored')
        """
        await execute(connection, photo, chat=chat, digest=digest)
        return int(made.scalar_one())


async def disposed(house: House, report: Report) -> None:
    async with unit(house) as work:
        work.record(await dispositions.dispose(work.connection, report.ticket, Actor("operator", "x"), [PU], lead=PU))


# --- the page of a report ------------------------------------------------------------------------------------


@pytest.mark.parametrize("grant", [ADMIN, AGENT, OVERSEER])
@pytest.mark.parametrize(
    ("reach", "says"),
    [
        ("phone", "Ia minta dihubungi lewat telepon."),
        ("place", "Ia minta dikabari di tempat yang aman."),
        ("none", "Ia minta tidak dikabari."),
        ("chat", "kodenya belum dipakai"),
    ],
)
async def test_that_somebody_assisted_is_said_and_not_who_or_where_to(
    app: FastAPI, inside: House, grant: Grant, reach: str, says: str
) -> None:
    report = await helped(inside, reach)
    await disposed(inside, report)
    async with signed_in(app, grant) as client:
        answer = await client.get(f"/laporan/{report.ticket}")
    page = seen(answer.text)
    assert answer.status_code == 200
    assert "Dibantu Kawan LAPOR" in page
    assert "tidak sampai dengan sendirinya" in page
    assert (says in page) is (grant is ADMIN)
    assert "Pelapor tidak bisa dihubungi lewat percakapan" not in page
    for hidden in (ASSISTANT, PHONE, POSKO):
        assert hidden not in answer.text
    assert await audited(inside, report) == []


async def test_a_counter_is_called_a_counter_and_others_are_called_nothing(app: FastAPI, inside: House) -> None:
    report, alone = await helped(inside, counter=True), await reported(inside)
    async with signed_in(app, ADMIN) as client:
        assert "Dibantu petugas loket" in seen((await client.get(f"/laporan/{report.ticket}")).text)
        page = seen((await client.get(f"/laporan/{alone.ticket}")).text)
        shown = seen((await act(client, inside, report, "pendamping", reason="law")).text)
    assert "Dibantu" not in page
    assert "dengan sendirinya" not in page
    assert "Yang membantu: petugas di loket MPP Jakabaring" in shown


@pytest.mark.parametrize(
    ("form", "verb", "reason", "secret"),
    [
        ("pendamping", "report.read_assistant", "misuse", ASSISTANT),
        ("cara-kabar", "report.read_reach", "tell", PHONE),
    ],
)
async def test_it_is_written_down_before_it_is_shown_and_shown_once(
    app: FastAPI, inside: House, form: str, verb: str, reason: str, secret: str
) -> None:
    report = await helped(inside, anonymous=True)
    async with signed_in(app, ADMIN) as client:
        for odd in ("", "ingin tahu", f"{reason}\x00x"):
            refused = await act(client, inside, report, form, reason=odd)
            assert (refused.status_code, secret in refused.text) == (422, False)
        assert await audited(inside, report) == []
        shown = await act(client, inside, report, form, reason=reason)
        after = (await client.get(f"/laporan/{report.ticket}")).text
        again = await act(client, inside, report, form, reason=reason)
    assert (shown.status_code, secret in shown.text, secret in after) == (200, True, False)
    assert secret in again.text
    assert shown.headers["cache-control"] == "no-store"
    # The other one stays where it is, and so does the name of a pelapor who is Anonim.
    for other in {ASSISTANT, PHONE, RESIDENT} - {secret}:
        assert other not in shown.text
    assert await audited(inside, report) == [(verb, {"reason": reason, "found": True})] * 2
    told = "SELECT count(*) FROM audit WHERE detail::text ~ 'Sukma|0813|Mulyadi'"
    assert await value(inside.engine, told) == 0


@pytest.mark.parametrize("form", ["pendamping", "cara-kabar"])
async def test_nothing_is_shown_that_cannot_be_written_down(app: FastAPI, inside: House, form: str) -> None:
    report = await helped(inside)
    await run(inside.engine, "ALTER TABLE audit ADD CONSTRAINT shut CHECK (verb NOT LIKE 'report.read%')")
    async with signed_in(app, ADMIN) as client:
        answer = await act(client, inside, report, form, reason="safety")
    assert answer.status_code == 500
    assert ASSISTANT not in answer.text
    assert PHONE not in answer.text


@pytest.mark.parametrize("form", ["pendamping", "cara-kabar"])
async def test_nobody_else_sees_who_assisted_or_how_they_are_reached(app: FastAPI, inside: House, form: str) -> None:
    report = await helped(inside)
    await disposed(inside, report)
    for grant, status in ((AGENT, 403), (OVERSEER, 403), (ELSEWHERE, 404), (LOKET, 404)):
        async with signed_in(app, grant, login=f"{grant.role}-{grant.region}") as client:
            assert (await act(client, inside, report, form, reason="safety")).status_code == status
    assert await value(inside.engine, "SELECT count(*) FROM audit WHERE verb LIKE 'report.read_%'") == 0


async def test_who_has_nothing_to_tell_is_told_and_written_down_all_the_same(app: FastAPI, inside: House) -> None:
    report = await helped(inside, "none")
    await run(inside.engine, "UPDATE volunteers SET name = NULL")
    alone = await reported(inside)
    async with signed_in(app, ADMIN) as client:
        erased = seen((await act(client, inside, report, "pendamping", reason="law")).text)
        nowhere = seen((await act(client, inside, report, "cara-kabar", reason="tell")).text)
        nobody = seen((await act(client, inside, alone, "pendamping", reason="law")).text)
    assert "sudah dihapus" in erased
    assert "Tidak ada nomor atau tempat" in nowhere
    assert "tidak dibantu siapa pun" in nobody
    assert [detail["found"] for _, detail in await audited(inside, report)] == [False, False]


async def test_the_name_is_the_residents_and_hidden_for_anonim(app: FastAPI, inside: House) -> None:
    report = await helped(inside)
    async with signed_in(app, ADMIN) as client:
        assert RESIDENT in (await client.get(f"/laporan/{report.ticket}")).text
        await run(inside.engine, "UPDATE complaints SET anonymous = true WHERE id = :id", id=report.id)
        assert RESIDENT not in (await client.get(f"/laporan/{report.ticket}")).text
        assert RESIDENT in (await act(client, inside, report, "nama", reason="safety")).text


async def test_once_it_is_taken_over_news_reaches_the_pelapors_own_chat(app: FastAPI, inside: House) -> None:
    report = await helped(inside, "chat")
    taken = "UPDATE assistances SET taken_at = now() WHERE complaint_id = :id"
    await run(inside.engine, taken, id=report.id)
    chat = """
        WITH chat AS (INSERT INTO contacts (channel, address, citizen_id) VALUES ('telegram', '88', :n) RETURNING id)
        UPDATE complaint_parties SET contact_id = chat.id FROM chat WHERE complaint_id = :id
    """
    await run(inside.engine, chat, n=report.citizen_id, id=report.id)
    async with signed_in(app, ADMIN) as client:
        page = seen((await client.get(f"/laporan/{report.ticket}")).text)
        assert "Sudah diambil alih pelapor" in page
        assert "dengan sendirinya" not in page
        assert "tidak bisa dihubungi lewat percakapan" not in page
        await run(inside.engine, "UPDATE contacts SET unreachable_since = now() WHERE address = '88'")
        assert "tidak bisa dihubungi lewat percakapan" in seen((await client.get(f"/laporan/{report.ticket}")).text)


async def test_a_message_to_nobody_is_not_said_to_have_arrived_by_itself(app: FastAPI, inside: House) -> None:
    report = await helped(inside)
    async with signed_in(app, ADMIN) as client:
        sent = await act(client, inside, report, "pesan", words="Kami periksa besok.")
        assert sent.status_code == 303
        page = (await client.get(sent.headers["location"].removeprefix("/desk"))).text
    done = re.search(r'<p class="done" role="status">(.*?)</p>', page, re.DOTALL)
    assert done is not None
    assert "tidak sampai dengan sendirinya" in done[1]


async def test_triage_marks_it(app: FastAPI, inside: House) -> None:
    report, alone = await helped(inside), await reported(inside)
    async with signed_in(app, ADMIN) as client:
        page = (await client.get("/triase")).text
    by_ticket = {row[1]: row[0] for row in re.finditer(r'<tr data-ticket="([^"]+)".*?</tr>', page, re.DOTALL)}
    assert "Dibantu" in by_ticket[report.ticket]
    assert "Dibantu" not in by_ticket[alone.ticket]
    assert ASSISTANT not in page


# --- what needs a person ---------------------------------------------------------------------------------------


async def test_matters_say_what_to_do_and_show_nobodys_chat(app: FastAPI, inside: House) -> None:
    report = await helped(inside)
    async with unit(inside) as work:
        connection = work.connection
        await attention.raise_matter(connection, "reach_resident", complaint_id=report.id, detail="phone")
        # Also where whoever assisted has said it in their chat.
        await attention.raise_matter(
            connection, "consent_withdrawn", complaint_id=report.id, contact_id=report.contact_id
        )
    reach, withdrawn = [row.id for row in await rows(inside.engine, "SELECT id FROM attention ORDER BY id")]
    async with signed_in(app, ADMIN) as client:
        listed = seen((await client.get("/perhatian")).text)
        one = (await client.get(f"/perhatian/a{reach}")).text
        other = (await client.get(f"/perhatian/a{withdrawn}")).text
        assert (await client.post(f"/perhatian/a{withdrawn}/balas", data={"words": "Halo"})).status_code == 404
        assert (await client.post(f"/perhatian/a{reach}/tutup")).status_code == 303
    assert "perlu dikabari lewat telepon" in listed
    assert "menarik persetujuannya" in listed
    assert "Sudah disampaikan" in one
    assert f"/desk/laporan/{report.ticket}" in one
    assert "arsipkan laporan atas keinginan pelapor" in other
    assert "<textarea" not in other
    for page in (one, other):
        assert PHONE not in page
        assert ASSISTANT not in page
    assert [row.id for row in await rows(inside.engine, "SELECT id FROM attention WHERE closed_at IS NULL")] == [
        withdrawn
    ]
    closed = "SELECT detail->>'kind' FROM audit WHERE verb = 'matter.close'"
    assert await value(inside.engine, closed) == "reach_resident"
    assert await value(inside.engine, "SELECT count(*) FROM audit WHERE verb = 'matter.read_chat'") == 0


# --- Anonim after all --------------------------------------------------------------------------------------------


async def test_an_operator_makes_a_report_anonim_and_nobody_undoes_it(app: FastAPI, inside: House) -> None:
    report = await helped(inside)
    title = await value(inside.engine, "SELECT title FROM complaints WHERE id = :id", id=report.id)
    async with signed_in(app, ADMIN) as client:
        assert (await act(client, inside, report, "ubah", title=title)).status_code == 303
        assert await value(inside.engine, "SELECT anonymous FROM complaints WHERE id = :id", id=report.id) is False
        assert (await act(client, inside, report, "ubah", title=title, anonymous="ya")).status_code == 303
        for odd in ("", "tidak", "0"):
            await act(client, inside, report, "ubah", title=f"{title}.", anonymous=odd)
        page = (await client.get(f"/laporan/{report.ticket}")).text
    assert await value(inside.engine, "SELECT anonymous FROM complaints WHERE id = :id", id=report.id) is True
    assert RESIDENT not in page
    assert "Diperbaiki: dijadikan Anonim" in seen(page)
    assert 'name="anonymous"' not in page
    changes = await rows(
        inside.engine,
        "SELECT was, became, public FROM complaint_history WHERE complaint_id = :id AND became ? 'anonymous'",
        id=report.id,
    )
    assert [tuple(row) for row in changes] == [({"anonymous": False}, {"anonymous": True}, False)]
    assert ("report.edit", {"fields": ["anonymous", "title"]}) in await audited(inside, report)


async def test_the_store_takes_anonim_back_for_nobody(inside: House) -> None:
    report = await helped(inside, anonymous=True)
    async with inside.engine.begin() as connection:
        with pytest.raises(editing.NotWorded, match="anonymous"):
            await editing.edit(connection, report.ticket, Actor("operator", "x"), anonymous=False)
        again = await editing.edit(connection, report.ticket, Actor("operator", "x"), anonymous=True)
    assert again.data["changed"] == []
    assert await value(inside.engine, "SELECT anonymous FROM complaints WHERE id = :id", id=report.id) is True


async def test_an_agency_makes_nothing_anonim(app: FastAPI, inside: House) -> None:
    report = await helped(inside)
    await disposed(inside, report)
    async with signed_in(app, AGENT) as client:
        assert (await act(client, inside, report, "ubah", title="Jalan", anonymous="ya")).status_code == 403
    assert await value(inside.engine, "SELECT anonymous FROM complaints WHERE id = :id", id=report.id) is False


# --- drafts ------------------------------------------------------------------------------------------------------


async def test_a_draft_is_read_by_its_region_alone_and_that_is_written_down(app: FastAPI, inside: House) -> None:
    number = await kept(inside, left=saved(time={"words": "sejak Senin"}, resident=RESIDENT))
    async with signed_in(app, ADMIN) as client:
        listed = (await client.get("/kawan/draf")).text
        assert f"/desk/kawan/draf/{number}" in listed
        assert f"/desk/kawan/draf/{number}" not in (await client.get("/perhatian")).text
        matters = (await client.get("/perhatian")).text
        assert 'href="/desk/kawan/draf"' in matters
        assert "Tidak ada yang menunggu petugas." not in matters
        assert await value(inside.engine, "SELECT count(*) FROM audit WHERE verb LIKE 'assisted%'") == 0
        page = (await client.get(f"/kawan/draf/{number}")).text
        photo = await value(inside.engine, "SELECT max(id) FROM media")
        picture = await client.get(f"/kawan/draf/{number}/berkas/{photo}")
    for word in (STORY, POSKO):
        assert word not in listed
        assert word in page
    for word in ("RT 5 Kertapati", "sejak Senin", RESIDENT, "tempat yang aman", "tidak bersalah apa pun"):
        assert word in seen(page)
    assert ASSISTANT not in page
    assert picture.status_code == 200
    assert picture.headers["content-type"] == "image/jpeg"
    written = await rows(
        inside.engine, "SELECT verb, object_kind, object_id, detail FROM audit WHERE verb LIKE 'assisted%'"
    )
    assert [tuple(row) for row in written] == [
        ("assisted_draft.read", "assisted_draft", str(number), {"reach": "place", "count": 1})
    ]
    forms = [("GET", ""), ("GET", f"/berkas/{photo}"), ("POST", "/jadikan"), ("POST", "/buang")]
    for grant, status in ((ELSEWHERE, 404), (AGENT, 403), (OVERSEER, 403), (LOKET, 403)):
        async with signed_in(app, grant, login=f"{grant.role}-{grant.region}") as client:
            for method, path in forms:
                data = {"agreed": "ya", "reason": "own_wish"}
                answer = await client.request(
                    method, f"/kawan/draf/{number}{path}", data=data if method == "POST" else None
                )
                assert (path, answer.status_code) == (path, status)
            if status == 404:
                assert f"draf/{number}" not in (await client.get("/kawan/draf")).text
                assert 'href="/desk/kawan/draf"' not in (await client.get("/perhatian")).text
    assert await value(inside.engine, "SELECT saved IS NOT NULL FROM assistances") is True


async def test_a_draft_that_tells_no_place_is_the_volunteers_region(app: FastAPI, inside: House) -> None:
    number = await kept(inside, left={**saved(), "answers": {}})
    sekayu = "INSERT INTO volunteers (name, region, valid_until) VALUES ('Lain', '16.06', DATE '2099-12-31')"
    async with signed_in(app, ADMIN) as client:
        assert (await client.get(f"/kawan/draf/{number}")).status_code == 200
    await run(inside.engine, sekayu)
    await run(inside.engine, "UPDATE assistances SET volunteer_id = (SELECT max(id) FROM volunteers)")
    async with signed_in(app, ADMIN, login="dua") as client:
        assert (await client.get(f"/kawan/draf/{number}")).status_code == 404
    async with signed_in(app, ELSEWHERE, login="tiga") as client:
        assert (await client.get(f"/kawan/draf/{number}")).status_code == 200


async def test_what_is_discarded_is_gone_with_its_files_and_its_reason_stays(app: FastAPI, inside: House) -> None:
    number = await kept(inside)
    async with unit(inside) as work:
        await attention.raise_matter(work.connection, "assisted_draft")
    async with signed_in(app, ADMIN) as client:
        for odd in ("", "karena", "own_wish\x00x"):
            assert (await client.post(f"/kawan/draf/{number}/buang", data={"reason": odd})).status_code == 422
        assert await value(inside.engine, "SELECT count(*) FROM media") == 1
        gone = await client.post(f"/kawan/draf/{number}/buang", data={"reason": "not_reached"})
        assert gone.status_code == 303
        assert "sudah dibuang" in (await client.get(gone.headers["location"].removeprefix("/desk"))).text
        for method, path in (("GET", ""), ("POST", "/buang"), ("POST", "/jadikan")):
            data = {"agreed": "ya", "reason": "own_wish"} if method == "POST" else None
            assert (await client.request(method, f"/kawan/draf/{number}{path}", data=data)).status_code == 404
    left = await rows(inside.engine, "SELECT saved, reach_words, outcome FROM assistances")
    assert [tuple(row) for row in left] == [(None, None, "desk")]
    assert await value(inside.engine, "SELECT count(*) FROM media WHERE draft IS NOT NULL") == 0
    assert await value(inside.engine, "SELECT count(*) FROM attention WHERE closed_at IS NULL") == 0
    written = await rows(inside.engine, "SELECT detail FROM audit WHERE verb = 'assisted_draft.drop'")
    assert [row.detail for row in written] == [{"reason": "not_reached"}]
    assert await value(inside.engine, "SELECT count(*) FROM complaints") == 0


async def test_a_draft_becomes_the_residents_report_only_by_their_yes(app: FastAPI, inside: House) -> None:
    privacy = {"anonymous": False, "secret": False}
    number = await kept(inside, left=saved(resident=RESIDENT, privacy=privacy, time={"words": "sejak Senin"}))
    async with signed_in(app, ADMIN) as client:
        refused = await client.post(f"/kawan/draf/{number}/jadikan")
        assert refused.status_code == 422
        assert "sudah setuju" in refused.text
        assert await value(inside.engine, "SELECT count(*) FROM complaints") == 0
        made = await client.post(f"/kawan/draf/{number}/jadikan", data={"agreed": "ya"})
        assert made.status_code == 200
        ticket = await value(inside.engine, "SELECT ticket FROM complaints")
        assert f'href="/desk/laporan/{ticket}' in made.text
        page = await client.get(f"/laporan/{ticket}")
        again = await client.post(f"/kawan/draf/{number}/jadikan", data={"agreed": "ya"})
        assert again.status_code == 404
    assert await value(inside.engine, "SELECT text FROM complaints") == STORY
    assert "Dibantu Kawan LAPOR" in page.text
    found = await rows(
        inside.engine,
        """
        SELECT k.contact_id, z.name, k.id, (SELECT count(*) FROM media m WHERE m.complaint_id = k.id) AS files,
               (SELECT count(p.contact_id) FROM complaint_parties p WHERE p.complaint_id = k.id) AS chats
        FROM complaints k JOIN citizens z ON z.id = k.citizen_id
        """,
    )
    assert [(row.contact_id, row.name, row.files, row.chats) for row in found] == [(None, RESIDENT, 1, 0)]
    settled = await rows(inside.engine, "SELECT outcome, saved, complaint_id FROM assistances")
    assert [(row.outcome, row.saved, row.complaint_id) for row in settled] == [("desk", None, found[0].id)]
    assert await value(inside.engine, "SELECT count(*) FROM audit WHERE verb = 'assisted_draft.file'") == 1


async def test_the_residents_codes_are_shown_once_and_open_their_report(app: FastAPI, inside: House) -> None:
    """No chat has told them: whoever has reached the resident tells them, or nobody ever could."""
    number = await kept(inside, "phone", saved(resident=RESIDENT))
    async with signed_in(app, ADMIN) as client:
        made = await client.post(f"/kawan/draf/{number}/jadikan", data={"agreed": "ya"})
        ticket = await value(inside.engine, "SELECT ticket FROM complaints")
        code, takeover = re.findall(r"<strong>([^<]+)</strong>", made.text)
        assert all(each in seen(made.text) for each in (ticket, code, f"“ambil {takeover}”"))
        assert made.headers["cache-control"] == "no-store"
        report = await client.get(f"/laporan/{ticket}")
    assert report.status_code == 200
    assert not [each for each in (code, takeover) if each in report.text]
    kept_words = await rows(inside.engine, "SELECT to_jsonb(a) AS words FROM audit a")
    kept_words += await rows(inside.engine, "SELECT to_jsonb(a) AS words FROM assistances a")
    assert takeover not in json.dumps([row.words for row in kept_words])
    assert await value(inside.engine, "SELECT code FROM complaints") == code
    async with inside.engine.begin() as connection:
        made_chat = "INSERT INTO contacts (channel, address) VALUES ('webchat', 'cucu') RETURNING id"
        chat = (await execute(connection, made_chat)).scalar_one()
        assert await assistances.redeem(connection, takeover, by=chat, now=inside.now()) == ticket


async def test_an_empty_draft_is_no_report(app: FastAPI, inside: House) -> None:
    number = await kept(inside, left={**saved(), "told": []})
    await run(inside.engine, "DELETE FROM media")
    async with signed_in(app, ADMIN) as client:
        answer = await client.post(f"/kawan/draf/{number}/jadikan", data={"agreed": "ya"})
    assert answer.status_code == 422
    assert "Belum ada kata-kata" in answer.text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@few(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["told", "answers", "number"]), JSON, max_size=3)
    | st.fixed_dictionaries(
        {"answers": st.dictionaries(st.sampled_from(["privacy", "place", "time", "resident"]), JSON)}
    )
    | st.fixed_dictionaries(
        {"answers": st.dictionaries(st.sampled_from(["privacy", "place", "time"]), st.lists(JSON, min_size=1))}
    )
)
def test_whatever_a_draft_looks_like_it_can_be_shown(left: dict[str, Any]) -> None:
    found = assisted.told(left)
    assert all(isinstance(each, str) for each in (found.story, found.place, found.time, found.resident))


def test_the_name_of_somebody_who_wishes_to_be_anonim_is_not_shown() -> None:
    left = saved(resident=RESIDENT, privacy={"anonymous": True, "secret": False})
    assert assisted.told(left).resident == ""
    assert assisted.told(saved(resident=RESIDENT)).resident == RESIDENT


# --- as it is seen -------------------------------------------------------------------------------------------------


async def test_axe_finds_nothing_and_nothing_overflows(settings: Settings, database: str) -> None:
    async with web(settings, database) as (address, house), chromium() as browser:
        number = await kept(house, left=saved(privacy={"anonymous": False, "secret": True}))
        await run(house.engine, "UPDATE contacts SET address = '1'")
        report = await helped(house, "place")
        async with unit(house) as work:
            await attention.raise_matter(work.connection, "reach_resident", complaint_id=report.id, detail="place")
            await attention.raise_matter(work.connection, "consent_withdrawn", complaint_id=report.id)
        matter = await value(house.engine, "SELECT min(id) FROM attention")
        async with house.engine.begin() as connection:
            _, token = await officer(connection, ADMIN, login="ani")
        for width, scheme in ((390, "light"), (1440, "dark")):
            look: dict[str, Any] = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
            context = await browser.new_context(**look)
            await context.add_cookies([{"name": COOKIE, "value": token, "url": address}])
            page = await context.new_page()
            paths = ("kawan/draf", f"kawan/draf/{number}", f"laporan/{report.ticket}", "perhatian", "triase")
            for path in (*paths, f"perhatian/a{matter}"):
                await page.goto(f"{address}/desk/{path}")
                found = await Axe().run(page)
                assert found.violations_count == 0, f"{path} {width}: {found.generate_report()}"
                wide = await page.evaluate(
                    "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                )
                assert wide <= 0, f"{path} is {wide} px too wide at {width}"
