"""One's own account: password, second factor, sessions, language."""

from __future__ import annotations

import re

import httpx
import pytest
from desking import GRANTS, signed_in
from entering import PASSWORD, Person, browser, code, forget_steps, give_password, person, sign_in
from fastapi import FastAPI
from sqlalchemy import text

from desk.access import COOKIE
from store import factors, policy, staff

NEW = "tiga-ekor-kucing-hitam"


@pytest.fixture
async def who(app: FastAPI) -> Person:
    """An operator with an account of their own."""
    return await person(app, "ibu.petugas", GRANTS[policy.ADMIN_INSTANSI])


async def audited(app: FastAPI) -> list[str]:
    async with app.state.house.engine.connect() as connection:
        return list((await connection.execute(text("SELECT verb FROM audit ORDER BY id"))).scalars())


def session_ids(page: httpx.Response) -> list[str]:
    """The sessions that the page offers to end."""
    return re.findall(r"/desk/akun/sesi/(\d+)/akhiri", page.text)


async def test_sessions_are_listed_and_can_be_ended(app: FastAPI, who: Person) -> None:
    async with browser(app) as here, browser(app) as there, browser(app) as third:
        for client in (here, there, third):
            await sign_in(app, client, who)
        listed = await here.get("/akun")
        assert listed.text.count("Firefox · Linux</strong>") == 3
        assert listed.text.count("sesi ini") == 1
        first, _second = session_ids(listed)
        ended = await here.post(f"/akun/sesi/{first}/akhiri")
        assert ended.headers["location"] == "/desk/akun?said=ended"
        assert sorted([(await each.get("/akun")).status_code for each in (there, third)]) == [200, 303]
        await here.post("/akun/sesi/akhiri-lain")
        assert [(await each.get("/akun")).status_code for each in (here, there, third)] == [200, 303, 303]
        assert session_ids(await here.get("/akun")) == []
    assert (await audited(app))[-2:] == ["session.end", "session.end"]


async def test_nobody_ends_the_session_of_somebody_else(app: FastAPI, who: Person) -> None:
    other = await person(app, "rekan")
    async with browser(app) as client, browser(app) as thief:
        await sign_in(app, client, who)
        await sign_in(app, thief, other)
        async with app.state.house.engine.connect() as connection:
            (victim,) = await staff.sessions(connection, who.staff_id, app.state.house.now())
        for meant in (victim.id, 0, -1, 2**63):
            assert (await thief.post(f"/akun/sesi/{meant}/akhiri")).status_code == 303
        assert (await thief.post("/akun/sesi/x/akhiri")).status_code == 422
        assert (await client.get("/akun")).status_code == 200


async def test_a_new_password_ends_the_other_sessions(app: FastAPI, who: Person) -> None:
    form = {"password": PASSWORD, "new_password": NEW, "again": NEW}
    async with browser(app) as here, browser(app) as there:
        await sign_in(app, here, who)
        await sign_in(app, there, who)
        assert (await here.post("/akun/sandi", data=form)).headers["location"] == "/desk/akun?said=password"
        assert "sudah diganti" in (await here.get("/akun?said=password")).text
        assert (await there.get("/akun")).status_code == 303
        assert (await give_password(there, who.login)).status_code == 422
        assert (await give_password(there, who.login, NEW)).status_code == 303


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({"password": "salah-sekali-99", "new_password": NEW, "again": NEW}, "yang sekarang salah"),
        ({"password": PASSWORD, "new_password": NEW, "again": "lain"}, "tidak sama"),
        ({"password": PASSWORD, "new_password": "pendek", "again": "pendek"}, "terlalu pendek"),
        ({"password": PASSWORD, "new_password": "Ibu Petugas!!", "again": "Ibu Petugas!!"}, "nama Anda"),
        ({}, "terlalu pendek"),
    ],
)
async def test_a_password_that_is_not_changed_is_told(
    app: FastAPI, who: Person, form: dict[str, str], problem: str
) -> None:
    async with browser(app) as client:
        await sign_in(app, client, who)
        answer = await client.post("/akun/sandi", data=form)
        assert (answer.status_code, problem in answer.text) == (422, True)
        assert NEW not in answer.text
        assert (await give_password(client, who.login)).status_code == 303


async def test_whoever_finds_an_open_desk_cannot_guess_on(app: FastAPI, who: Person) -> None:
    async with browser(app) as client:
        await sign_in(app, client, who)
        form = {"password": "salah-sekali-99", "new_password": NEW, "again": NEW}
        answers = [(await client.post("/akun/sandi", data=form)).status_code for _ in range(11)]
        assert answers == [422] * 10 + [429]
        right = await client.post("/akun/sandi", data=form | {"password": PASSWORD})
        assert right.status_code == 429


async def test_new_recovery_codes_replace_the_old_ones(app: FastAPI, who: Person) -> None:
    async with browser(app) as client:
        await sign_in(app, client, who)
        assert (await client.post("/akun/kode-pemulihan", data={"code": "000000x"})).status_code == 422
        await forget_steps(app, who)
        shown = await client.post("/akun/kode-pemulihan", data={"code": code(who)})
        codes = re.findall(r"<code>([2-9a-z-]{11})</code>", shown.text)
        assert len(codes) == factors.CODES
        await give_password(client, who.login)
        assert (await client.post("/masuk/kode", data={"code": who.codes[0]})).status_code == 422
        assert (await client.post("/masuk/kode", data={"code": codes[0]})).status_code == 303
        assert "tersisa: 7" in (await client.get("/akun")).text


async def test_another_phone_takes_the_old_one_and_makes_all_sessions_end(app: FastAPI, who: Person) -> None:
    async with browser(app) as here, browser(app) as there:
        await sign_in(app, here, who)
        await sign_in(app, there, who)
        assert (await here.post("/akun/aplikasi", data={"code": "000000x"})).status_code == 422
        moved = await here.post("/akun/aplikasi", data={"code": who.codes[0]})
        assert moved.headers["location"] == "/desk/masuk/kode?next=%2Fdesk%2Fakun"
        assert [(await each.get("/akun")).status_code for each in (here, there)] == [303, 303]
        found = re.search(r'id="secret">([A-Z2-7 ]+)<', (await here.get("/masuk/kode")).text)
        assert found
        secret = found.group(1).replace(" ", "")
        assert secret != who.secret
        first = factors.code_at(secret, app.state.house.now())
        assert (await here.post("/masuk/kode", data={"code": first})).status_code == 200
        assert (await here.get("/akun")).status_code == 200


async def test_a_disabled_account_is_out_at_once(app: FastAPI, who: Person) -> None:
    async with browser(app) as client:
        await sign_in(app, client, who)
        async with app.state.house.engine.begin() as connection:
            await staff.disable(connection, who.staff_id, app.state.house.now())
        assert (await client.get("/akun")).status_code == 303
        async with app.state.house.engine.begin() as connection:
            await staff.enable(connection, who.staff_id)
        assert (await client.get("/akun")).status_code == 303  # enabling brings no session back


async def test_the_language_is_remembered_and_one_stays_where_one_was(app: FastAPI, who: Person) -> None:
    async with browser(app) as client:
        await sign_in(app, client, who)
        headers = {"referer": "http://test/desk/akun?said=ended"}
        answer = await client.post("/akun/bahasa", data={"language": "en"}, headers=headers)
        assert answer.headers["location"] == "/desk/akun?said=ended"
        assert "My account" in (await client.get("/akun")).text
        assert (await client.post("/akun/bahasa", data={"language": "xx"})).status_code == 303
        assert "My account" in (await client.get("/akun")).text
    async with browser(app) as elsewhere:
        await sign_in(app, elsewhere, who)
        assert "My account" in (await elsewhere.get("/akun")).text


async def test_somebody_without_password_and_app_is_told_where_they_are(app: FastAPI) -> None:
    async with signed_in(app, GRANTS[policy.PEJABAT]) as client:
        page = await client.get("/akun")
        assert "diperiksa oleh layanan masuk" in page.text
        assert "/desk/akun/sandi" not in page.text
        assert client.cookies[COOKIE] not in page.text
