"""Kawan LAPOR at the desk: who may see whom, counts that are right and say nothing of a report, inviting and ending."""

from __future__ import annotations

import asyncio
import html
import json
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import httpx
import pytest
from desking import GRANTS, PALEMBANG, SEKAYU, signed_in
from fastapi import FastAPI
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from making import OPERATOR, contact, file, rows, run, value
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.house import House
from api.settings import Settings
from bot.conversation import Conversation, Draft, Told, save
from desk import volunteers as pages
from store import assistances, closure, dispositions, policy, volunteers
from store.complaints import Actor
from store.policy import Grant

NAME = "Siti Rahmawati"
PU = "16.71-pu"
OPERATOR_OF_SEKAYU = Grant(policy.ADMIN_INSTANSI, region=SEKAYU)
WRITTEN_CODE = re.compile(r'<p class="code">([0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4})</p>')
SEEN = re.compile(r'name="seen" value="([0-9a-f]{32})"')


@pytest.fixture
def soon(inside: House) -> date:
    """Thirty days from today, in Palembang."""
    return inside.today(PALEMBANG) + timedelta(days=30)


async def invited(house: House, name: str = NAME, region: str = PALEMBANG, days: int = 30) -> tuple[int, str]:
    """A volunteer who has a code, and the code."""
    async with house.engine.begin() as connection:
        return await volunteers.invite(
            connection,
            name=name,
            region=region,
            valid_until=house.today(region) + timedelta(days=days),
            staff_id=None,
            now=house.now(),
        )


@dataclass(frozen=True)
class Kawan:
    """A volunteer who may assist, and their chat."""

    id: int
    contact_id: int
    citizen_id: int


async def active(house: House, address: str = "501", name: str = NAME, region: str = PALEMBANG) -> Kawan:
    """A volunteer who has redeemed the code and passed the training."""
    volunteer_id, code = await invited(house, name, region)
    async with house.engine.begin() as connection:
        chat = await contact(connection, address)
        redeemed = await volunteers.redeem(connection, code, contact_id=chat, name=None, language="id", now=house.now())
        assert redeemed == "done"
        await volunteers.learned(connection, volunteer_id, 6, 6, house.now())
    citizen = await value(house.engine, "SELECT citizen_id FROM volunteers WHERE id = :id", id=volunteer_id)
    return Kawan(volunteer_id, chat, citizen)


async def consented(house: House, kawan: Kawan, draft: int, at: datetime | None = None) -> int:
    """A resident has agreed to be assisted with that draft."""
    at = at or house.now()
    async with house.engine.begin() as connection:
        grant = await volunteers.grant_of(
            connection,
            kawan.contact_id,
            kawan.citizen_id,
            today=house.today(PALEMBANG),
            since=house.now() - timedelta(hours=1),
            now=house.now(),
        )
        assert grant is not None
        return await assistances.begin(
            connection,
            grant=grant,
            contact_id=kawan.contact_id,
            draft=draft,
            words="Boleh saya bantu?",
            language="id",
            now=at,
        )


STORY, RESIDENT, PHONE = "Sumur warga kering dan berbau solar.", "Mbah Rukiyah", "0813-9999-1234"


async def brought(
    house: House, kawan: Kawan, draft: int, *, reach: str = "phone", alike: int = 0, minutes: int = 10
) -> tuple[str, int, str]:
    """A report that was filed for a resident so many minutes after the consent: its ticket, the resident, and the code
    to take it over."""
    assistance = await consented(house, kawan, draft, house.now() - timedelta(minutes=minutes))
    async with house.engine.begin() as connection:
        event = await file(
            connection,
            text=f"{STORY} Nomor {draft}.",
            title="Sumur kering berbau solar",
            region="16.71.01",
            contact_id=kawan.contact_id,
            draft=draft,
            citizen_id=(resident := await _resident(connection)),
        )
        code, _ = await assistances.filed(
            connection,
            assistance,
            complaint_id=event.complaint_id,
            citizen_id=resident,
            reach=reach,
            reach_words=PHONE if reach == "phone" else None,
            keeps=True,
            alike=alike,
            now=house.now(),
            valid_days=90,
        )
    return event.ticket, resident, code


async def _resident(connection: AsyncConnection) -> int:
    made = await connection.execute(text("INSERT INTO citizens (name) VALUES (:name) RETURNING id"), {"name": RESIDENT})
    return int(made.scalar_one())


def words_of(answer: httpx.Response) -> str:
    """The page as it is read: without marks, in one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def seen_on(answer: httpx.Response) -> str:
    """What a form of a volunteer's page says it has read."""
    found = SEEN.search(answer.text)
    assert found is not None
    return found[1]


async def audited(house: House) -> list[Any]:
    """What the audit has of volunteers."""
    written = "SELECT verb, object_kind, object_id, actor_kind, detail FROM audit WHERE object_kind = 'volunteer'"
    return await rows(house.engine, f"{written} ORDER BY id")


# --- inviting ------------------------------------------------------------------------------------------


async def test_an_invitation_shows_its_code_once_and_the_code_works(app: FastAPI, inside: House, soon: date) -> None:
    async with signed_in(app, GRANTS[policy.ADMIN_INSTANSI]) as client:
        form = {"name": f"  {NAME} ", "region": "16.71.01", "valid_until": soon.isoformat()}
        answer = await client.post("/kawan/undang", data=form)
        assert answer.status_code == 200
        [code] = WRITTEN_CODE.findall(answer.text)
        assert f"kawan {code}" in words_of(answer)
        [kept] = await rows(inside.engine, "SELECT * FROM volunteers")
        assert (kept.name, kept.region, kept.valid_until) == (NAME, "16.71.01", soon)
        for path in ("/kawan", f"/kawan/{kept.id}"):
            later = (await client.get(path)).text
            assert NAME in later
            assert code not in later
            assert code.replace("-", "") not in later
    async with inside.engine.begin() as connection:
        chat = await contact(connection)
        done = await volunteers.redeem(connection, code, contact_id=chat, name=None, language="id", now=inside.now())
    assert done == "done"
    [written] = await audited(inside)
    assert (written.verb, written.object_kind, written.object_id) == ("volunteer.invite", "volunteer", str(kept.id))
    assert written.actor_kind == "operator"
    assert NAME not in str(written.detail)
    assert code not in str(written.detail)


async def test_the_slip_leads_into_the_channels_that_are_set_up(app: FastAPI, inside: House, soon: date) -> None:
    form = {"name": NAME, "region": PALEMBANG, "valid_until": soon.isoformat()}
    async with signed_in(app, GRANTS[policy.ADMIN_INSTANSI]) as client:
        alone = await client.post("/kawan/undang", data=form)
        assert "t.me" not in alone.text
        assert "wa.me" not in alone.text
        assert f"{inside.settings.public_url}/chat" in alone.text
        inside.bot_link = "https://t.me/LaporUjiBot"
        told = {
            "telegram_token": "1:a",
            "telegram_mode": "polling",
            "whatsapp_token": "b",
            "whatsapp_phone_number_id": "1",
            "whatsapp_number": "6281234567890",
            "whatsapp_app_secret": "c",
            "whatsapp_verify_token": "d",
        }
        inside.settings = Settings.model_validate(inside.settings.model_dump() | told)
        found = await client.post("/kawan/undang", data={**form, "name": "Orang Lain"})
    [code] = WRITTEN_CODE.findall(found.text)
    assert f"https://t.me/LaporUjiBot?start=kawan_{code.replace('-', '')}" in found.text
    assert f"https://wa.me/6281234567890?text=kawan%20{code}" in found.text
    # A code in the address of our own page would stand in logs.
    assert not re.search(r"/chat[?#]", found.text)
    assert found.text.count('src="data:image/svg+xml') == 3


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"name": " "}, "Nama wajib diisi"),
        ({"name": "x" * 121}, "Nama wajib diisi"),
        ({"region": SEKAYU}, "Pilih salah satu wilayah Anda"),
        ({"region": "16"}, "Pilih salah satu wilayah Anda"),
        ({"region": ""}, "Pilih salah satu wilayah Anda"),
        ({"valid_until": "besok"}, "Tanggal tidak terbaca"),
        ({"valid_until": "2020-01-01"}, "sudah lewat"),
        ({"valid_until": "9999-12-31"}, "terlalu jauh"),
    ],
)
async def test_what_is_wrong_is_said_and_what_was_typed_stays(
    app: FastAPI, inside: House, soon: date, wrong: dict[str, str], says: str
) -> None:
    form = {"name": NAME, "region": PALEMBANG, "valid_until": soon.isoformat(), **wrong}
    async with signed_in(app, GRANTS[policy.ADMIN_INSTANSI]) as client:
        answer = await client.post("/kawan/undang", data=form)
    assert answer.status_code == 422
    assert says in words_of(answer)
    assert "name" in wrong or f'value="{NAME}"' in answer.text
    assert await value(inside.engine, "SELECT count(*) FROM volunteers") == 0
    assert await audited(inside) == []


async def test_two_clicks_invite_once_and_somebody_of_the_same_name_is_another_word(
    app: FastAPI, inside: House, soon: date
) -> None:
    form = {"name": NAME, "region": PALEMBANG, "valid_until": soon.isoformat()}
    async with signed_in(app, GRANTS[policy.ADMIN_INSTANSI]) as client:
        both = await asyncio.gather(*(client.post("/kawan/undang", data=form) for _ in range(2)))
        assert sorted(each.status_code for each in both) == [200, 409]
        [kept] = await rows(inside.engine, "SELECT id FROM volunteers")
        refused = next(each for each in both if each.status_code == 409)
        assert f"/desk/kawan/{kept.id}" in refused.text
        assert (await client.post("/kawan/undang", data={**form, "another": "yes"})).status_code == 200
    assert await value(inside.engine, "SELECT count(*) FROM volunteers WHERE name = :name", name=NAME) == 2


async def test_a_new_code_voids_the_old_one_until_one_is_used(app: FastAPI, inside: House) -> None:
    volunteer_id, old = await invited(inside)
    async with signed_in(app, GRANTS[policy.ADMIN_INSTANSI]) as client:
        stands = seen_on(await client.get(f"/kawan/{volunteer_id}"))
        answer = await client.post(f"/kawan/{volunteer_id}/kode", data={"seen": stands})
        [code] = WRITTEN_CODE.findall(answer.text)
        # The same page, sent again: it has read the code before.
        again = await client.post(f"/kawan/{volunteer_id}/kode", data={"seen": stands})
        assert (again.status_code, WRITTEN_CODE.findall(again.text)) == (409, [])
        async with inside.engine.begin() as connection:
            chat = await contact(connection)
            said = [
                await volunteers.redeem(connection, each, contact_id=chat, name=None, language="id", now=inside.now())
                for each in (old, code)
            ]
        assert said == ["unknown", "done"]
        shown = await client.get(f"/kawan/{volunteer_id}")
        assert f"/desk/kawan/{volunteer_id}/kode" not in shown.text
        used = await client.post(f"/kawan/{volunteer_id}/kode", data={"seen": seen_on(shown)})
        assert used.status_code == 409
    assert [each.verb for each in await audited(inside)] == ["volunteer.code"]
    assert code not in str(await audited(inside))


# --- pausing, going on, ending --------------------------------------------------------------------------


async def test_pausing_and_going_on(app: FastAPI, inside: House) -> None:
    kawan = await active(inside)
    async with signed_in(app, GRANTS[policy.ADMIN_INSTANSI]) as client:
        for act, state in (("jeda", "dijeda"), ("lanjut", "aktif")):
            stands = seen_on(await client.get(f"/kawan/{kawan.id}"))
            done = await client.post(f"/kawan/{kawan.id}/{act}", data={"seen": stands})
            assert done.status_code == 303
            assert state in words_of(await client.get(done.headers["location"].removeprefix("/desk")))
    assert [(each.verb, each.detail) for each in await audited(inside)] == [
        ("volunteer.pause", {"region": PALEMBANG}),
        ("volunteer.resume", {"region": PALEMBANG}),
    ]


async def test_revoking_asks_once_more_and_is_for_good(app: FastAPI, inside: House) -> None:
    kawan = await active(inside)
    async with signed_in(app, GRANTS[policy.ADMIN_INSTANSI]) as client:
        stands = seen_on(await client.get(f"/kawan/{kawan.id}"))
        asked = await client.post(f"/kawan/{kawan.id}/cabut", data={"seen": stands})
        assert asked.status_code == 200
        assert f"Cabut izin {NAME}?" in words_of(asked)
        assert await value(inside.engine, "SELECT revoked_at FROM volunteers") is None
        assert await audited(inside) == []
        done = await client.post(f"/kawan/{kawan.id}/cabut", data={"seen": seen_on(asked), "sure": "yes"})
        assert done.status_code == 303
        shown = await client.get(done.headers["location"].removeprefix("/desk"))
        assert "dicabut" in words_of(shown)
        assert 'method="post" action="/desk/kawan/' not in shown.text
        for act in ("lanjut", "jeda", "perpanjang", "kode"):
            form = {"seen": stands, "valid_until": inside.today(PALEMBANG).isoformat()}
            assert (await client.post(f"/kawan/{kawan.id}/{act}", data=form)).status_code == 409
    assert await value(inside.engine, "SELECT revoked_at FROM volunteers") is not None
    assert [each.verb for each in await audited(inside)] == ["volunteer.revoke"]


async def test_what_is_under_way_in_the_chat_goes_to_the_desk_at_once(app: FastAPI, inside: House) -> None:
    for number, (act, sure) in enumerate((("jeda", ""), ("cabut", "yes"))):
        kawan = await active(inside, str(600 + number), f"Kawan {number}")
        consent = {"id": await consented(inside, kawan, 1), "at": int(inside.now().timestamp())}
        told = (Told("Air tidak mengalir di RT 3 sejak Senin.", 1),)
        chat = Conversation(greeted=True, drafts=1, draft=Draft(1, told=told, context={"assist": consent}))
        await run(
            inside.engine,
            "UPDATE contacts SET conversation = CAST(:kept AS jsonb) WHERE id = :id",
            kept=json.dumps(save(chat)),
            id=kawan.contact_id,
        )
        async with signed_in(app, GRANTS[policy.ADMIN_INSTANSI], login=f"petugas{number}") as client:
            stands = seen_on(await client.get(f"/kawan/{kawan.id}"))
            done = await client.post(f"/kawan/{kawan.id}/{act}", data={"seen": stands, "sure": sure})
        assert done.headers["location"].endswith(("=paused", "=revoked"))
        [kept] = await rows(
            inside.engine, "SELECT outcome, saved FROM assistances WHERE contact_id = :id", id=kawan.contact_id
        )
        assert kept.outcome == "desk"
        assert kept.saved is not None
        said = "SELECT count(*) FROM deliveries WHERE contact_id = :id AND CAST(says AS text) LIKE '%assist.ended%'"
        assert await value(inside.engine, said, id=kawan.contact_id) == 1


async def test_another_last_day(app: FastAPI, inside: House, soon: date) -> None:
    kawan = await active(inside)
    later = soon + timedelta(days=100)
    async with signed_in(app, GRANTS[policy.ADMIN_INSTANSI]) as client:
        stands = seen_on(await client.get(f"/kawan/{kawan.id}"))
        wrong = await client.post(f"/kawan/{kawan.id}/perpanjang", data={"seen": stands, "valid_until": "2020-01-01"})
        assert (wrong.status_code, "sudah lewat" in words_of(wrong)) == (422, True)
        done = await client.post(
            f"/kawan/{kawan.id}/perpanjang", data={"seen": stands, "valid_until": later.isoformat()}
        )
        assert done.status_code == 303
    assert await value(inside.engine, "SELECT valid_until FROM volunteers") == later
    assert [each.detail["until"] for each in await audited(inside)] == [later.isoformat()]


async def test_whoever_was_slower_sees_how_it_is_now(app: FastAPI, inside: House, soon: date) -> None:
    kawan = await active(inside)
    later = (soon + timedelta(days=5)).isoformat()
    async with (
        signed_in(app, GRANTS[policy.ADMIN_INSTANSI], login="ani") as ani,
        signed_in(app, GRANTS[policy.ADMIN_INSTANSI], login="budi") as budi,
    ):
        stands = seen_on(await budi.get(f"/kawan/{kawan.id}"))
        assert (await ani.post(f"/kawan/{kawan.id}/jeda", data={"seen": stands})).status_code == 303
        for act in ("jeda", "lanjut", "cabut", "perpanjang"):
            form = {"seen": stands, "sure": "yes", "valid_until": later}
            stale = await budi.post(f"/kawan/{kawan.id}/{act}", data=form)
            assert stale.status_code == 409
            assert "berubah sesudah Anda membukanya" in words_of(stale)
            assert "dijeda" in words_of(stale)
        # What was typed stands there still, and having read it he may go on.
        assert f'value="{later}"' in stale.text
        assert (
            await budi.post(f"/kawan/{kawan.id}/perpanjang", data={**form, "seen": seen_on(stale)})
        ).status_code == 303
    assert [each.verb for each in await audited(inside)] == ["volunteer.pause", "volunteer.extend"]


async def test_training_that_goes_on_is_no_change(app: FastAPI, inside: House) -> None:
    volunteer_id, code = await invited(inside)
    async with inside.engine.begin() as connection:
        chat = await contact(connection)
        await volunteers.redeem(connection, code, contact_id=chat, name=None, language="id", now=inside.now())
    async with signed_in(app, GRANTS[policy.ADMIN_INSTANSI]) as client:
        stands = seen_on(await client.get(f"/kawan/{volunteer_id}"))
        async with inside.engine.begin() as connection:
            await volunteers.learned(connection, volunteer_id, 2, 6, inside.now())
        assert (await client.post(f"/kawan/{volunteer_id}/jeda", data={"seen": stands})).status_code == 303


# --- who may what -----------------------------------------------------------------------------------------


async def test_of_another_region_nobody_learns_who_there_is(app: FastAPI, inside: House) -> None:
    kawan = await active(inside)
    form = {"seen": "x", "sure": "yes", "valid_until": inside.today(PALEMBANG).isoformat()}
    async with signed_in(app, OPERATOR_OF_SEKAYU) as client:
        assert NAME not in (await client.get("/kawan")).text
        assert NAME not in (await client.get(f"/kawan?wilayah={PALEMBANG}")).text
        for volunteer_id in (kawan.id, kawan.id + 1, 0, 2**63):
            acts = ("jeda", "lanjut", "cabut", "perpanjang", "kode", "tidak-ada")
            told = [await client.post(f"/kawan/{volunteer_id}/{act}", data=form) for act in acts]
            told.append(await client.get(f"/kawan/{volunteer_id}"))
            assert {each.status_code for each in told} == {404}
            assert len({words_of(each) for each in told}) == 1
    assert await audited(inside) == []


async def test_an_overseer_reads_and_changes_nothing(app: FastAPI, inside: House, soon: date) -> None:
    kawan = await active(inside)
    async with signed_in(app, GRANTS[policy.PENGAWAS]) as client:
        shown = await client.get("/kawan")
        assert NAME in shown.text
        assert "/desk/kawan/undang" not in shown.text
        one = await client.get(f"/kawan/{kawan.id}")
        assert (one.status_code, 'method="post" action="/desk/kawan' in one.text) == (200, False)
        assert (await client.get("/kawan/undang")).status_code == 403
        form = {"name": "X", "region": PALEMBANG, "valid_until": soon.isoformat(), "seen": "x"}
        for path in ("/kawan/undang", f"/kawan/{kawan.id}/jeda", f"/kawan/{kawan.id}/kode"):
            assert (await client.post(path, data=form)).status_code == 403
    both = (GRANTS[policy.PENGAWAS], OPERATOR_OF_SEKAYU)
    async with signed_in(app, *both, login="keduanya") as client:
        one = await client.get(f"/kawan/{kawan.id}")
        assert (one.status_code, 'method="post" action="/desk/kawan' in one.text) == (200, False)
        assert (await client.post(f"/kawan/{kawan.id}/jeda", data=form)).status_code == 403
    assert await value(inside.engine, "SELECT paused_at FROM volunteers") is None


@pytest.mark.parametrize("role", [policy.PEJABAT, policy.BIRO, policy.ADMINISTRATOR, policy.LOKET])
async def test_others_have_no_business_there(app: FastAPI, role: str) -> None:
    async with signed_in(app, GRANTS[role]) as client:
        assert (await client.get("/kawan")).status_code == 403
        home = (await client.get("/akun")).text
    assert '"/desk/kawan"' not in home


# --- the list ----------------------------------------------------------------------------------------------


async def test_filters_and_pages(app: FastAPI, inside: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "A_PAGE", 2)
    names = ["Ani Satu", "Beni Dua", "Cici Tiga"]
    for number, name in enumerate(names):
        await active(inside, str(700 + number), name, ["16.71", "16.71.01", SEKAYU][number])
    await invited(inside, "Dedi Empat")
    async with signed_in(app, Grant(policy.ADMIN_INSTANSI, region="16")) as client:
        first = await client.get("/kawan")
        assert [name in first.text for name in (*names, "Dedi Empat")] == [True, True, False, False]
        following = re.search(r'rel="next" href="([^"]+)"', first.text)
        assert following is not None
        second = await client.get(html.unescape(following[1]).removeprefix("/desk"))
        assert [name in second.text for name in (*names, "Dedi Empat")] == [False, False, True, True]
        assert 'rel="next"' not in second.text
        assert 'href="/desk/kawan"' in second.text
        here = await client.get(f"/kawan?wilayah={SEKAYU}")
        assert [name in here.text for name in names] == [False, False, True]
        waiting = await client.get("/kawan?keadaan=invited")
        assert [name in waiting.text for name in (*names, "Dedi Empat")] == [False, False, False, True]
        # What nobody offers is not asked for.
        assert (await client.get("/kawan?wilayah=99&keadaan=x")).status_code == 200


async def test_counts_are_right_and_no_word_of_a_report_is_there(app: FastAPI, inside: House) -> None:
    kawan, other = await active(inside), await active(inside, "502", "Orang Lain")
    tickets = [(await brought(inside, kawan, number, alike=number % 2)) for number in range(1, 4)]
    await brought(inside, kawan, 4, reach="none", minutes=1)
    open_ = await consented(inside, kawan, 5)
    await brought(inside, other, 1)
    (asked, _, _), (disputed, resident, _), (taken, _, code) = tickets
    async with inside.engine.begin() as connection:
        await dispositions.ask(connection, asked, OPERATOR, "Mohon sebutkan nomor RT.")
        await dispositions.dispose(connection, disputed, OPERATOR, [PU], lead=PU)
        await dispositions.answer(connection, disputed, OPERATOR, PU, "Sudah diperiksa.", finished=False)
        await closure.dispute(connection, disputed, Actor("citizen", str(resident)), "Masih kering.")
        chat = await contact(connection, "503")
        assert await assistances.redeem(connection, code, by=chat, now=inside.now()) == taken
        await assistances.ended(connection, open_, "dropped", inside.now())
    async with signed_in(app, GRANTS[policy.ADMIN_INSTANSI]) as client:
        list_, one = await client.get("/kawan"), await client.get(f"/kawan/{kawan.id}")
    shown = words_of(one)
    for told in (
        "Mendampingi 5 ",
        "Terkirim 4 ",
        "Langsung lengkap 3 dari 4 (75 %)",
        "Disanggah 1 dari 4 (25 %)",
        "Diambil warga 1 ",
        "Ke meja 0 ",
    ):
        assert told in shown
    [row] = re.findall(rf"<tr>\s*<th scope=\"row\"><a href=\"/desk/kawan/{kawan.id}\">.*?</tr>", list_.text, re.DOTALL)
    assert re.findall(r"<td[^>]*>([^<]*)</td>", row)[1:3] == ["5", "4"]
    secrets = (
        "sumur",
        "solar",
        RESIDENT,
        PHONE,
        "Boleh saya bantu",
        "nomor RT",
        "Masih kering",
        code,
        *(each[0] for each in tickets),
    )
    for answer in (list_, one):
        assert [each for each in secrets if each.casefold() in answer.text.casefold()] == []


async def test_marks_are_hints_with_their_reason(app: FastAPI, inside: House) -> None:
    kawan = await active(inside)
    for number in range(1, 6):
        await brought(inside, kawan, number, reach="none", alike=2, minutes=1)
    async with signed_in(app, GRANTS[policy.ADMIN_INSTANSI]) as client:
        list_, one = await client.get("/kawan"), await client.get(f"/kawan/{kawan.id}")
    for name in ("banyak yang mirip", "banyak tanpa kontak", "sangat cepat"):
        assert f">{name}<" in list_.text
        assert f">{name}<" in one.text
    assert 'title="5 dari 5 laporan terkirim dalam dua menit sesudah warga setuju."' in list_.text
    assert "5 dari 5 warga tidak dapat dihubungi" in words_of(one)
    for answer in (list_, one):
        assert "bukan putusan" in words_of(answer)
    assert '"hinted"' not in re.sub(r"<tr>.*</tr>", "", list_.text, flags=re.DOTALL)


COUNTS = st.fixed_dictionaries(
    {name: st.integers(0, 60) for rule in pages.rules().values() for name in (rule.part, rule.whole)}
)


@given(COUNTS)
@examples(max_examples=60, deadline=None)
def test_a_mark_needs_both_many_and_a_large_part(counts: dict[str, int]) -> None:
    shown = {each.name: each for each in pages.marks(counts)}
    for name, rule in pages.rules().items():
        part, whole = counts[rule.part], counts[rule.whole]
        assert (name in shown) == (part >= rule.least and part >= rule.share * whole)
    assert pages.marks(dict.fromkeys(counts, 0)) == []


async def test_an_erased_name_leaves_a_page_that_can_be_read(app: FastAPI, inside: House) -> None:
    kawan = await active(inside)
    await run(inside.engine, "UPDATE volunteers SET name = NULL")
    async with signed_in(app, GRANTS[policy.ADMIN_INSTANSI]) as client:
        assert "(nama sudah dihapus)" in (await client.get("/kawan")).text
        assert (await client.get(f"/kawan/{kawan.id}")).status_code == 200
