"""Signing in: both factors, who is kept out and for how long, invitations, and what was typed too late."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import unquote, urljoin, urlsplit

import httpx
import pytest
from argon2 import PasswordHasher
from desking import GRANTS
from entering import KEPT, PASSWORD, Person, browser, code, give_password, person, sign_in
from fastapi import Depends, FastAPI, Form, Request
from fastapi.responses import JSONResponse
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import text
from starlette.routing import Mount

from api.app import build
from api.settings import Settings
from desk import guessing, keeping
from desk.access import COOKIE, HouseRule, Officer
from desk.places import inside, referred
from desk.signing_in import device_of
from store import factors, passwords, policy, staff

OPERATOR = GRANTS[policy.ADMIN_INSTANSI]


@pytest.fixture
async def who(app: FastAPI) -> Person:
    """An operator with an account of their own."""
    return await person(app, "ibu.petugas", OPERATOR)


async def written(app: FastAPI) -> list[tuple[str, str, str]]:
    """The audit: who, did what, to what."""
    async with app.state.house.engine.connect() as connection:
        rows = await connection.execute(text("SELECT actor_id, verb, object_id FROM audit ORDER BY id"))
        return [(row.actor_id, row.verb, row.object_id) for row in rows]


async def guesses(app: FastAPI) -> int:
    """How many wrong guesses are counted."""
    async with app.state.house.engine.connect() as connection:
        return int((await connection.execute(text("SELECT count(*) FROM guesses"))).scalar_one())


def said(answer: httpx.Response) -> str:
    """What the page says about what went wrong."""
    found = re.search(r'role="alert"[^>]*>([^<]*)', answer.text)
    return found.group(1) if found else ""


# --- both factors ----------------------------------------------------------------------------------


async def test_password_and_code_open_the_desk(app: FastAPI, who: Person) -> None:
    async with browser(app) as client:
        assert (await client.get("/masuk?next=/desk/akun")).status_code == 200
        half = await give_password(client, "Ibu.Petugas ", next="/desk/akun")
        assert half.headers["location"] == "/desk/masuk/kode?next=%2Fdesk%2Fakun"
        first = client.cookies[COOKIE]
        kept_out = await client.get("/akun")
        assert kept_out.headers["location"] == "/desk/masuk/kode?next=%2Fdesk%2Fakun"
        whole = await client.post("/masuk/kode", data={"code": code(who), "next": "/desk/akun"})
        assert whole.headers["location"] == "/desk/akun"
        assert client.cookies[COOKIE] != first  # what was seen before the second factor opens nothing after it
        page = await client.get("/akun")
        assert (page.status_code, "Firefox · Linux" in page.text) == (200, True)
    async with browser(app) as thief:
        thief.cookies.set(COOKIE, first)
        assert (await thief.get("/akun")).status_code == 303
    me = f"staff:{who.staff_id}"
    assert [(who_did, verb) for who_did, verb, _of in await written(app)] == [(me, "sign_in.first"), (me, "sign_in")]


@pytest.mark.parametrize(("public_url", "secure"), [("https://lapor.example", True), ("http://127.0.0.1:1", False)])
async def test_no_script_and_no_other_site_gets_the_cookie(
    settings: Settings, database: str, public_url: str, secure: bool
) -> None:
    app = build(settings.model_copy(update={"public_url": public_url}), database)
    async with app.router.lifespan_context(app):
        who = await person(app, "ibu")
        async with browser(app) as client:
            answer = await give_password(client, who.login)
    cookie = next(each for each in answer.headers.get_list("set-cookie") if "desk=" in each)
    assert {"httponly", "samesite=lax", "path=/desk"} <= {each.strip().lower() for each in cookie.split(";")}
    assert ("secure" in cookie.lower().split("; ")) == secure
    assert "max-age" not in cookie.lower()


async def test_a_code_counts_once(app: FastAPI, who: Person) -> None:
    shown = code(who)
    async with browser(app) as client, browser(app) as other:
        for each in (client, other):
            await give_password(each, who.login)
        assert (await client.post("/masuk/kode", data={"code": shown})).status_code == 303
        again = await other.post("/masuk/kode", data={"code": shown})
    assert again.status_code == 422
    assert "sudah dipakai" in said(again)


async def test_two_browsers_with_one_code_at_once(app: FastAPI, who: Person) -> None:
    async with browser(app) as client, browser(app) as other:
        for each in (client, other):
            await give_password(each, who.login)
        shown = {"code": code(who)}
        answers = await asyncio.gather(*(each.post("/masuk/kode", data=shown) for each in (client, other)))
    assert sorted(answer.status_code for answer in answers) == [303, 422]


async def test_a_recovery_code_stands_in_once(app: FastAPI, who: Person) -> None:
    async with browser(app) as client:
        await give_password(client, who.login)
        assert (await client.post("/masuk/kode", data={"code": who.codes[3].upper()})).status_code == 303
        await give_password(client, who.login)
        assert (await client.post("/masuk/kode", data={"code": who.codes[3]})).status_code == 422


async def test_a_half_session_ends_soon(app: FastAPI, who: Person) -> None:
    async with browser(app) as client:
        await give_password(client, who.login)
        async with app.state.house.engine.begin() as connection:
            await connection.execute(
                text("UPDATE staff_sessions SET created_at = created_at - :half"), {"half": staff.HALF}
            )
        answer = await client.post("/masuk/kode", data={"code": code(who)})
    assert answer.headers["location"].startswith("/desk/masuk?")


async def test_a_password_that_was_kept_in_an_older_way_is_kept_anew(app: FastAPI, who: Person) -> None:
    house = app.state.house
    older = PasswordHasher(time_cost=1, memory_cost=8192).hash(PASSWORD)
    async with house.engine.begin() as connection:
        await staff.set_password(connection, who.staff_id, older, house.now())
    async with browser(app) as client:
        assert (await give_password(client, who.login)).status_code == 303
        async with house.engine.connect() as connection:
            kept = (await staff.account(connection, who.staff_id)).password_hash
        assert kept
        assert kept != older
        assert not passwords.outdated(kept)
        assert (await give_password(client, who.login)).status_code == 303


async def test_signing_out_ends_the_session(app: FastAPI, who: Person) -> None:
    async with browser(app) as client:
        await sign_in(app, client, who)
        token = client.cookies[COOKIE]
        assert (await client.post("/keluar")).headers["location"] == "/desk/masuk?keluar=1"
        assert COOKIE not in client.cookies
        client.cookies.set(COOKIE, token)
        assert (await client.get("/akun")).status_code == 303
    assert (await written(app))[-1][1] == "sign_out"


async def test_another_sign_in_ends_the_one_before_it_in_the_same_browser(app: FastAPI, who: Person) -> None:
    async with browser(app) as client:
        await sign_in(app, client, who)
        await sign_in(app, client, who)
    async with app.state.house.engine.connect() as connection:
        assert len(await staff.sessions(connection, who.staff_id, app.state.house.now())) == 1


# --- wrong guesses ---------------------------------------------------------------------------------


async def test_unknown_wrong_and_disabled_are_answered_alike(app: FastAPI, who: Person) -> None:
    gone = await person(app, "sudah.pindah")
    async with app.state.house.engine.begin() as connection:
        await staff.disable(connection, gone.staff_id, app.state.house.now())
    async with browser(app) as client:
        answers = [
            await give_password(client, login, password)
            for login, password in ((who.login, "salah-sekali-99"), ("tidak.ada", PASSWORD), (gone.login, PASSWORD))
        ]
    pages = {
        answer.text.replace(who.login, "?").replace("tidak.ada", "?").replace(gone.login, "?") for answer in answers
    }
    assert (len(pages), {answer.status_code for answer in answers}) == (1, {422})
    failed = [of for _who, verb, of in await written(app) if verb == "sign_in.failed"]
    assert failed == [str(who.staff_id), str(gone.staff_id)]


async def test_whoever_guesses_waits_and_the_owner_does_not(
    app: FastAPI, who: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guessing, "OF_PAIR", 3)
    async with browser(app) as owner, browser(app, "10.9.9.9") as thief:
        await sign_in(app, owner, who)
        for _ in range(3):
            assert (await give_password(thief, who.login, "salah-sekali-99")).status_code == 422
        refused = await give_password(thief, who.login)  # also with the right one
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "3600")
        assert "60 menit" in said(refused)
        unknown = [await give_password(thief, "tidak.ada", "salah-sekali-99") for _ in range(4)]
        assert [answer.status_code for answer in unknown] == [422, 422, 422, 429]
        # Elsewhere nothing has happened, whether the browser is known or not; nor to others at that address.
        assert (await give_password(owner, who.login)).status_code == 303
        async with browser(app, "10.0.0.2") as elsewhere:
            assert (await give_password(elsewhere, who.login)).status_code == 303
        colleague = await person(app, "rekan")
        async with browser(app, "10.9.9.9") as beside:
            assert (await give_password(beside, colleague.login)).status_code == 303


async def test_an_address_that_is_used_up_does_not_stop_known_browsers(
    app: FastAPI, who: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guessing, "OF_ADDRESS", 4)
    async with browser(app) as owner, browser(app) as thief:
        await sign_in(app, owner, who)
        for number in range(4):
            await give_password(thief, f"coba{number}", "salah-sekali-99")
        assert (await give_password(thief, "coba9", "salah-sekali-99")).status_code == 429
        assert (await give_password(owner, who.login)).status_code == 303
        # The mark of a browser is good for its own account alone, and cannot be made.
        colleague = await person(app, "rekan")
        assert (await give_password(owner, colleague.login)).status_code == 429
        thief.cookies.set(guessing.DEVICE, owner.cookies[guessing.DEVICE].replace(".", ".9", 1))
        assert (await give_password(thief, who.login)).status_code == 429


async def test_a_known_browser_has_a_count_too(app: FastAPI, who: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guessing, "OF_DEVICE", 2)
    async with browser(app) as owner:
        await sign_in(app, owner, who)
        assert [(await give_password(owner, who.login, "salah")).status_code for _ in range(3)] == [422, 422, 429]


async def test_officers_who_share_a_computer_are_all_known_to_it(app: FastAPI, who: Person) -> None:
    colleague = await person(app, "rekan")
    async with browser(app) as shared:
        await sign_in(app, shared, who)
        await sign_in(app, shared, colleague)
        owners = {entry.split(".")[0] for entry in shared.cookies[guessing.DEVICE].split("_")}
    assert owners == {str(who.staff_id), str(colleague.staff_id)}


async def test_an_hour_later_one_may_try_again(app: FastAPI, who: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guessing, "OF_PAIR", 1)
    async with browser(app) as client:
        await give_password(client, who.login, "salah-sekali-99")
        assert (await give_password(client, who.login)).status_code == 429
        async with app.state.house.engine.begin() as connection:
            await connection.execute(text("UPDATE guesses SET at = at - interval '59 minutes'"))
        soon = await give_password(client, who.login)
        assert (soon.status_code, "dalam 1 menit" in said(soon)) == (429, True)
        async with app.state.house.engine.begin() as connection:
            await connection.execute(text("UPDATE guesses SET at = at - interval '1 minute'"))
        assert (await give_password(client, who.login)).status_code == 303


async def test_guesses_that_come_at_once_are_all_counted(
    app: FastAPI, who: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guessing, "OF_PAIR", 3)
    async with browser(app) as client:
        answers = await asyncio.gather(*(give_password(client, who.login, f"salah-{n}") for n in range(8)))
    assert sorted(answer.status_code for answer in answers) == [422] * 3 + [429] * 5


async def test_codes_are_counted_for_the_session_and_for_the_account(
    app: FastAPI, who: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guessing, "OF_SESSION", 2)
    monkeypatch.setattr(guessing, "OF_PAIR", 3)
    async with browser(app, "10.9.9.9") as thief:
        await give_password(thief, who.login)
        answers = [await thief.post("/masuk/kode", data={"code": "000000x"}) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [422, 422, 429]
        assert (await thief.post("/masuk/kode", data={"code": code(who)})).status_code == 429
        await give_password(thief, who.login)  # another session: one more, then the pair is used up
        answers = [await thief.post("/masuk/kode", data={"code": who.codes[0][:-1]}) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [422, 429]
    async with browser(app) as owner:
        assert (await sign_in(app, owner, who)).status_code == 303


async def test_no_address_and_no_login_is_written_down(app: FastAPI, who: Person) -> None:
    async with browser(app, "10.77.66.55") as client:
        await give_password(client, who.login, "salah-sekali-99")
        await give_password(client, "tidak.ada", "salah-sekali-99")
    assert await guesses(app) == 4
    async with app.state.house.engine.connect() as connection:
        kept = str((await connection.execute(text("SELECT kind, guesser FROM guesses"))).all())
        kept += str((await connection.execute(text("SELECT actor_id, verb, detail FROM audit"))).all())
    assert not any(word in kept for word in ("10.77", "tidak.ada", who.login, "salah"))


def test_a_household_is_one_guesser() -> None:
    one, other = guessing.network_of("2001:db8:1:2200::1"), guessing.network_of("2001:db8:1:22ff:9::2")
    assert one == other != guessing.network_of("2001:db8:1:2300::1")
    assert guessing.network_of("::ffff:10.0.0.1") == guessing.network_of("10.0.0.1") == "10.0.0.1"
    assert guessing.network_of("testserver") == ""


_MARKS = st.builds(
    guessing.Mark, st.integers(1, 2**40), st.integers(1, 2**33), st.from_regex(r"[0-9a-f]{16}", fullmatch=True)
)
NOW = datetime(2026, 11, 22, tzinfo=UTC)


@given(st.lists(_MARKS, max_size=7), st.binary(min_size=1, max_size=40))
def test_marks_are_read_as_they_were_written_while_they_last(marks: list[guessing.Mark], key: bytes) -> None:
    assert guessing.read(guessing.written(marks, key), key, NOW) == [
        each for each in marks[:5] if each.until > NOW.timestamp()
    ]


@given(_MARKS, st.data())
def test_a_mark_that_was_changed_is_no_mark(mark: guessing.Mark, data: st.DataObject) -> None:
    cookie = guessing.written([mark], b"key")
    at = data.draw(st.integers(0, len(cookie) - 1))
    changed = cookie[:at] + data.draw(st.characters(exclude_characters=cookie[at])) + cookie[at + 1 :]
    assert guessing.read(changed, b"key", datetime(2000, 1, 1, tzinfo=UTC)) == []
    assert guessing.read(cookie, b"another", datetime(2000, 1, 1, tzinfo=UTC)) == []


@given(st.text(max_size=120))
def test_a_strange_mark_is_no_mark(cookie: str) -> None:
    assert guessing.read(cookie, b"key", NOW) == []


@pytest.mark.parametrize(
    "form", [{}, {"login": ""}, {"login": "\0", "password": "\0"}, {"login": "a" * 5000, "password": "b" * 5000}]
)
async def test_a_broken_form_is_a_sentence(app: FastAPI, form: dict[str, str]) -> None:
    async with browser(app) as client:
        answer = await client.post("/masuk", data=form)
        assert answer.status_code == 422
        assert "<h1>" in answer.text
        assert (await client.post("/masuk", content=b"\xff\xfe=%")).status_code == 422
        broken = {"content-type": "multipart/form-data; boundary=x"}
        assert (await client.post("/masuk", content=b"--x\r\nnothing", headers=broken)).status_code == 422


# --- invitations and the first code ----------------------------------------------------------------


async def invitation(app: FastAPI, login: str = "baru@kominfo.example") -> tuple[int, str]:
    house = app.state.house
    async with house.engine.begin() as connection:
        staff_id = await staff.add(connection, login, "Orang Baru", [OPERATOR])
        return staff_id, await staff.invite(connection, staff_id, house.now())


async def test_an_invitation_leads_to_password_app_and_recovery_codes(app: FastAPI) -> None:
    staff_id, token = await invitation(app)
    async with browser(app) as client:
        for _ in range(2):  # looked at, also by a program, before it is used
            assert "Orang Baru" in (await client.get(f"/undangan/{token}")).text
        accepted = await client.post(f"/undangan/{token}", data={"password": PASSWORD, "again": PASSWORD})
        assert accepted.headers["location"] == "/desk/masuk/kode"
        assert (await client.get("/akun")).status_code == 303
        shown = (await client.get("/masuk/kode")).text
        assert shown == (await client.get("/masuk/kode")).text  # the same secret, however often one looks
        assert 'src="data:image/svg+xml' in shown
        secret = re.search(r'id="secret">([A-Z2-7 ]+)<', shown)
        assert secret
        assert (await client.post("/masuk/kode", data={"code": "123"})).status_code == 422
        now = app.state.house.now()
        first = {"code": factors.code_at(secret.group(1).replace(" ", ""), now)}
        codes = await client.post("/masuk/kode", data=first)
        assert codes.status_code == 200
        assert len(re.findall(r"<code>[2-9a-z]{5}-[2-9a-z]{5}</code>", codes.text)) == factors.CODES
        assert (await client.get("/akun")).status_code == 200
        assert (await client.get("/masuk/kode")).status_code == 303  # no second look at the secret
        assert (await client.get(f"/undangan/{token}")).status_code == 404
        again = await client.post(f"/undangan/{token}", data={"password": PASSWORD, "again": PASSWORD})
        assert again.status_code == 404
    verbs = [verb for _who, verb, of in await written(app) if of == str(staff_id)]
    assert verbs == ["invitation.use", "sign_in.first", "sign_in.failed", "factor.set", "sign_in"]


@pytest.mark.parametrize(
    ("password", "again", "problem"),
    [
        ("pendek", "pendek", "terlalu pendek"),
        ("baru@kominfo.example", "baru@kominfo.example", "nama akun"),
        ("Orang Baru 2026", "Orang Baru 2026", "nama Anda"),
        ("Password123456", "Password123456", "mudah ditebak"),
        ("aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa", "mudah ditebak"),
        (PASSWORD, PASSWORD + "x", "tidak sama"),
        ("x9" * 200, "x9" * 200, "terlalu panjang"),
    ],
)
async def test_a_password_that_will_not_do_uses_nothing_up(
    app: FastAPI, password: str, again: str, problem: str
) -> None:
    _staff_id, token = await invitation(app)
    async with browser(app) as client:
        refused = await client.post(f"/undangan/{token}", data={"password": password, "again": again})
        assert (refused.status_code, problem in said(refused)) == (422, True)
        accepted = await client.post(f"/undangan/{token}", data={"password": PASSWORD, "again": PASSWORD})
        assert accepted.status_code == 303


async def test_whoever_saw_the_secret_before_its_owner_knows_nothing(app: FastAPI) -> None:
    """Somebody else has the password, too, and has looked at the app's secret before the first code was given."""
    async with app.state.house.engine.begin() as connection:
        staff_id = await staff.add(connection, "baru", "Baru", [OPERATOR])
        await staff.set_password(connection, staff_id, KEPT, app.state.house.now())

    def secret(page: httpx.Response) -> str:
        found = re.search(r"[A-Z2-7]{4}(?: [A-Z2-7]{4}){7}", page.text)
        assert found
        return found.group().replace(" ", "")

    async with browser(app) as thief, browser(app) as owner:
        await give_password(thief, "baru")
        known = secret(await thief.get("/masuk/kode"))
        await give_password(owner, "baru")
        own = secret(await owner.get("/masuk/kode"))
        assert own != known
        assert secret(await owner.get("/masuk/kode")) == own
        assert (await thief.get("/masuk/kode")).headers["location"].startswith("/desk/masuk?")
        first = factors.code_at(own, datetime.now(UTC))
        assert (await owner.post("/masuk/kode", data={"code": first})).status_code == 200
        assert (await owner.get("/akun")).status_code == 200


async def test_an_invitation_ends_after_72_hours_and_with_a_newer_one(app: FastAPI) -> None:
    house = app.state.house
    staff_id, token = await invitation(app)
    async with house.engine.begin() as connection:
        newer = await staff.invite(connection, staff_id, house.now() - staff.INVITED)
    async with browser(app) as client:
        for each in (token, newer, "x", "%00"):
            answer = await client.get(f"/undangan/{each}")
            assert (answer.status_code, "72 jam" in answer.text) == (404, True)


async def test_two_who_follow_one_link_at_once(app: FastAPI) -> None:
    _staff_id, token = await invitation(app)
    form = {"password": PASSWORD, "again": PASSWORD}
    async with browser(app) as client, browser(app) as other:
        answers = await asyncio.gather(*(each.post(f"/undangan/{token}", data=form) for each in (client, other)))
    assert sorted(answer.status_code for answer in answers) == [303, 404]


# --- where one is led ------------------------------------------------------------------------------

# What a browser makes of an address: backslashes are slashes, tabs and line ends are nothing, %2e is a dot.
_PARTS = st.sampled_from(
    ["/", "\\", "//", "desk", "desk/", ".", "..", "%2e", "%2E%2e", "%2f", "%5c", "\t", "\n", "@", ":", "http:", "?",
     "#", "evil.example", "javascript:", " ", "a", "\u2024", "masuk", "akun"]
)  # fmt: skip


@given(st.one_of(st.text(max_size=40), st.lists(_PARTS, max_size=9).map("".join),
                 st.lists(_PARTS, max_size=7).map(lambda parts: "/desk/" + "".join(parts))))  # fmt: skip
@example("//evil.example/desk/")
@example("/desk/..//evil.example")
@example("/desk/%2e%2e/%2e%2e//evil.example")
@example("/desk/\\..\\..\\evil.example")
@example("/deskevil")
def test_nobody_is_led_out_of_the_desk(wanted: str) -> None:
    found = inside(wanted)
    if found is None:
        return
    read = re.sub(r"[\t\n\r]", "", found).replace("\\", "/")
    parts = urlsplit(urljoin("https://lapor.example/desk/masuk", unquote(read.partition("?")[0].partition("#")[0])))
    assert (parts.scheme, parts.netloc) == ("https", "lapor.example")
    assert parts.path == "/desk" or parts.path.startswith("/desk/")


@pytest.mark.parametrize("address", ["/desk", "/desk/", "/desk/akun?said=x", "/desk/laporan/LP-1?a=b&c=d#top"])
def test_pages_of_the_desk_are_places_to_be_led_to(address: str) -> None:
    assert inside(address) == address
    assert referred(f"https://lapor.example{address}") == address.partition("#")[0]


@given(st.text(max_size=60))
def test_any_referer_is_read(referer: str) -> None:
    found = referred(referer)
    assert found is None or inside(found) == found


@pytest.mark.parametrize("wanted", ["https://evil.example", "//evil.example", "/chat", "/desk/../chat", "/desk/keluar"])
async def test_a_link_cannot_lead_elsewhere_after_signing_in(app: FastAPI, who: Person, wanted: str) -> None:
    async with browser(app) as client:
        assert (await give_password(client, who.login, next=wanted)).headers["location"] == "/desk/masuk/kode"
        whole = await client.post("/masuk/kode", data={"code": code(who), "next": wanted})
        assert whole.headers["location"] == "/desk/"
        assert wanted not in (await client.get("/masuk", params={"next": wanted})).text or wanted == "/chat"


# --- what was typed too late -----------------------------------------------------------------------


async def end_all(app: FastAPI, who: Person) -> None:
    async with app.state.house.engine.begin() as connection:
        await staff.end_sessions(connection, who.staff_id)


@pytest.fixture
def forms(app: FastAPI) -> None:
    """A page of the desk with a form, whose routes ask for a session as all do, in /uji."""
    desk: FastAPI = next(route.app for route in app.routes if isinstance(route, Mount) and route.path == "/desk")  # type: ignore[assignment]

    @desk.get("/uji/{name}")
    async def show(request: Request, officer: Annotated[Officer, Depends(HouseRule(policy.OWN))]) -> JSONResponse:
        return JSONResponse(await keeping.taken(request, officer))

    @desk.post("/uji/{name}/kirim")
    async def send(words: Annotated[str, Form()], _me: Annotated[Officer, Depends(HouseRule(policy.OWN))]) -> str:
        return words


REFERER = {"referer": "http://test/desk/uji/LP-1?halaman=2"}


@pytest.mark.usefixtures("forms")
async def test_what_was_typed_comes_back_to_its_page_and_to_its_person(app: FastAPI, who: Person) -> None:
    typed = {"words": "Kami cek\nbesok \U0001f6a7", "agencies": ["16.71-pu", "16.71-dlh"], "password": PASSWORD}
    colleague = await person(app, "rekan", OPERATOR)
    async with browser(app) as client:
        await sign_in(app, client, who)
        await end_all(app, who)
        late = await client.post("/uji/LP-1/kirim", data=typed, headers=REFERER)
        assert late.status_code == 303
        assert late.headers["location"] == "/desk/masuk?next=%2Fdesk%2Fuji%2FLP-1%3Fhalaman%3D2&simpan=1"
        assert "Tulisan Anda disimpan" in (await client.get("/masuk?next=/desk/uji/LP-1&simpan=1")).text
        wrong = await give_password(client, who.login, "salah", said="kept")
        assert "Tulisan Anda disimpan" in wrong.text
        await sign_in(app, client, colleague)
        assert (await client.get("/uji/LP-1")).json() is None
        await sign_in(app, client, who)
        assert (await client.get("/uji/LP-2")).json() is None
        assert (await client.get("/uji/LP-1?halaman=2")).json() == {
            "words": "Kami cek\r\nbesok \U0001f6a7".replace("\r", ""),
            "agencies": "16.71-pu\n16.71-dlh",
            keeping.SENT_TO: "/desk/uji/LP-1/kirim",
        }
        assert (await client.get("/uji/LP-1")).json() is None  # once


@pytest.mark.usefixtures("forms")
async def test_files_do_not_stop_words_from_being_kept(app: FastAPI, who: Person) -> None:
    async with browser(app) as client:
        await sign_in(app, client, who)
        await end_all(app, who)
        files = {"berkas": ("foto.jpg", b"\xff\xd8" * 50_000)}
        await client.post("/uji/LP-1/kirim", data={"words": "Selesai."}, files=files, headers=REFERER)
        await sign_in(app, client, who)
        assert (await client.get("/uji/LP-1")).json()["words"] == "Selesai."


@pytest.mark.usefixtures("forms")
@pytest.mark.parametrize(
    "referer", ["/desk/uji/LP-1", "/desk/uji/LP-1/kirim", None, "https://evil.example/x", "http://[", "/desk/masuk"]
)
async def test_the_page_is_found_where_the_browser_says_little(app: FastAPI, who: Person, referer: str | None) -> None:
    """A form that was shown again stands at an address that cannot be opened; some browsers do not say where from."""
    async with browser(app) as client:
        await sign_in(app, client, who)
        await end_all(app, who)
        headers = {"referer": referer if "://" in referer else f"http://test{referer}"} if referer else {}
        answer = await client.post("/uji/LP-1/kirim", data={"words": "x"}, headers=headers)
        assert answer.headers["location"] == "/desk/masuk?next=%2Fdesk%2Fuji%2FLP-1&simpan=1"


@pytest.mark.usefixtures("forms")
async def test_a_script_is_told_in_json(app: FastAPI, who: Person) -> None:
    async with browser(app) as client:
        await sign_in(app, client, who)
        await end_all(app, who)
        headers = REFERER | {"accept": "application/json"}
        answer = await client.post("/uji/LP-1/kirim", data={"words": "x"}, headers=headers)
        nothing = await client.post("/uji/LP-1/kirim", headers=headers)
    assert (answer.status_code, answer.json()["error"], answer.json()["kept"]) == (401, "sign_in", True)
    assert nothing.json() == {
        "error": "sign_in",
        "kept": False,
        "at": "/desk/masuk?next=%2Fdesk%2Fuji%2FLP-1%3Fhalaman%3D2",
    }


@pytest.mark.usefixtures("forms")
async def test_nothing_is_kept_of_strangers_secrets_and_floods(app: FastAPI, who: Person) -> None:
    async with browser(app) as client:
        answer = await client.post("/uji/LP-1/kirim", data={"words": "x"}, headers=REFERER)
        assert "simpan" not in answer.headers["location"]
        await sign_in(app, client, who)
        await end_all(app, who)
        for path, data in (
            ("/akun/sandi", {"password": PASSWORD, "new_password": PASSWORD, "again": PASSWORD}),
            ("/keluar", {"words": "x"}),
            ("/uji/LP-1/kirim", {"words": "x" * 70_000}),
            ("/uji/LP-1/kirim", {"code": "123456"}),
        ):
            late = await client.post(path, data=data, headers=REFERER)
            assert (late.status_code, "simpan" in late.headers["location"]) == (303, False)
    async with app.state.house.engine.connect() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM kept_forms"))).scalar_one() == 0


# --- small things ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge · Windows"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/140.0 Mobile Safari/537.36", "Chrome · Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari · iPhone"),
        ("curl/8", ""),
    ],
)  # fmt: skip
def test_devices_are_told_in_two_words(agent: str, device: str) -> None:
    assert device_of(agent) == device


async def test_the_door_speaks_english_when_asked(app: FastAPI) -> None:
    async with browser(app) as client:
        assert "Sign in" in (await client.get("/masuk?lang=en")).text
        assert "Sign in" in (await client.get("/masuk")).text
