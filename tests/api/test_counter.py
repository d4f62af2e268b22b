"""A service counter over ASGI: one resident after another, and nothing of the one before for anybody after them."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from html import unescape
from typing import Any

import httpx
import pytest
import segno
from desking import PALEMBANG, SEKAYU
from fastapi import FastAPI
from hours import in_office_hours
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st
from making import file, in_this_loop, rows, run, value
from running import speaking
from sqlalchemy import text

from api import emptying
from api.counter import paper, session_of
from api.house import House
from api.settings import Settings
from api.webchat import address_of
from desk.access import cookie_name
from store import counters, deliveries, policy, staff
from store.deliveries import NewDelivery
from store.policy import Grant
from store.sittings import Filed

OWN = {"Sec-Fetch-Site": "same-origin"}
NAME = "MPP Ilir Timur 2"
STORY = "Tiang listrik di Lorong Mufakat, Kelurahan Ogan Baru, Palembang, miring sejak bulan lalu dan hampir roboh."
LATE = timedelta(minutes=16)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """As behind a proxy that ends TLS."""
    return settings.model_copy(update={"public_url": "https://lapor.test"})


@pytest.fixture
async def speaker(settings: Settings, database: str) -> AsyncIterator[None]:
    """Somebody says what the house replies."""
    async with speaking(settings, database):
        yield


class Tablet:
    """A browser at a counter, without scripts: forms are sent, links are followed, cookies are kept."""

    def __init__(self, client: httpx.AsyncClient, staff_id: int, house: House) -> None:
        self.client, self.staff_id, self.house = client, staff_id, house
        self.text, self.status, self.url = "", 0, ""

    async def sign_in(self) -> None:
        """Sign in at the desk, in this browser."""
        async with self.house.engine.begin() as connection:
            token = await staff.open_session(connection, self.staff_id, self.house.now(), verified=True)
        self.client.cookies.set(cookie_name(self.house.settings.public_url), token, domain="lapor.test", path="/desk")

    async def get(self, path: str) -> str:
        """Open a page; what is on it."""
        return self._read(await self.client.get(path, follow_redirects=True))

    async def post(self, path: str, **fields: str) -> str:
        """Send a form; what is on the page after it."""
        return self._read(await self.client.post(path, data=fields, headers=OWN, follow_redirects=True))

    def _read(self, answer: httpx.Response) -> str:
        self.text, self.status, self.url = unescape(answer.text), answer.status_code, str(answer.url.raw_path, "ascii")
        return self.text

    async def open(self) -> None:
        """Open a counter at the desk."""
        await self.sign_in()
        await self.post("/desk/loket", name=NAME, region=PALEMBANG)
        assert self.url == "/chat/loket", self.text

    @property
    def key(self) -> str:
        """What the addresses of this page end with."""
        return str(re.findall(r'data-resident="(\w+)"', self.text)[0])

    async def next(self) -> None:
        """Begin with a resident."""
        await self.post("/chat/loket/warga")
        assert self.url == "/chat?loket=1"

    async def say(self, words: str) -> str:
        """Write in the chat."""
        return await self.post(f"/chat?loket={self.key}", id=str(uuid.uuid4()), text=words)

    @property
    def lines(self) -> list[str]:
        """The lines of the chat, with their markup, the oldest first."""
        shown = self.text.partition('<ol id="lines">')[2].partition("</ol>")[0]
        return re.split(r'<li class="line ', shown)[1:]

    def labels(self) -> dict[str, str]:
        """The buttons of the last line, with the choices that they stand for."""
        pairs = re.findall(
            r'name="choice" value="([^"]+)">\s*<input type="hidden" name="label" value="([^"]+)"', self.lines[-1]
        )
        return {label: choice for choice, label in pairs}

    async def tap(self, label: str) -> str:
        """Tap a button of the open question."""
        choice = self.labels()[label]
        return await self.post(f"/chat?loket={self.key}", id=str(uuid.uuid4()), choice=choice, label=label)

    async def file(self, story: str = STORY) -> str:
        """Tell what a resident wants told, up to its receipt; returns the ticket."""
        await self.tap("Ya, setuju")
        for _ in range(14):
            if found := re.findall(r"T-\d{3}-\d{3}-\d{4}", self.lines[-1]):
                return str(found[0])
            wanted = [label for label in ANSWERS if label in self.labels()]
            await (self.tap(wanted[0]) if wanted else self.say(story))
        raise AssertionError(self.lines)


ANSWERS = ("HP sendiri/keluarga", "Tidak ada foto", "Tanpa keduanya", "Tidak disebut", "Sudah dibaca, setuju")


async def tablet_of(app: FastAPI, client: httpx.AsyncClient, *grants: Grant) -> Tablet:
    house: House = app.state.house
    async with house.engine.begin() as connection:
        held = grants or (Grant(policy.LOKET, region=PALEMBANG),)
        staff_id = await staff.add(connection, f"loket{uuid.uuid4().hex[:8]}", "Petugas Uji", held)
    tablet = Tablet(client, staff_id, house)
    await tablet.sign_in()
    return tablet


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="https://lapor.test") as client:
        yield client


@pytest.fixture
async def tablet(app: FastAPI, inside: House, client: httpx.AsyncClient, speaker: None) -> Tablet:
    """An open counter, between two residents."""
    in_office_hours(inside)
    tablet = await tablet_of(app, client)
    await tablet.open()
    return tablet


async def sitting(house: House) -> Any:
    """The chat of the newest resident at a counter."""
    [*_, last] = await rows(house.engine, "SELECT * FROM contacts WHERE counter_id IS NOT NULL ORDER BY id")
    return last


async def words_kept(house: House, contact_id: int) -> str:
    """All that is kept of what was said in a chat."""
    found = await rows(
        house.engine,
        """
        SELECT c.conversation::text AS words FROM contacts c WHERE c.id = :id
        UNION ALL SELECT i.payload::text FROM inbox i JOIN contacts c USING (channel, address) WHERE c.id = :id
        UNION ALL SELECT d.says::text || d.buttons::text FROM deliveries d WHERE d.contact_id = :id
        """,
        id=contact_id,
    )
    return " ".join(str(row.words) for row in found)


async def later(house: House, by: timedelta) -> None:
    """So much time has gone by since anybody touched the tablet."""
    await run(
        house.engine,
        "UPDATE contacts SET last_message_at = last_message_at - :by, created_at = created_at - :by"
        " WHERE counter_id IS NOT NULL",
        by=by,
    )


# --- one after another -----------------------------------------------------------------------------------------


async def test_two_residents_one_after_the_other(tablet: Tablet, inside: House) -> None:
    assert NAME in tablet.text
    assert "Mode loket" in tablet.text
    await tablet.next()
    assert [NAME in tablet.text, "dampingi" in tablet.lines[0]] == [True, True]
    ticket = await tablet.file()
    [line] = tablet.lines
    assert "Mufakat" not in tablet.text, "what is filed is the resident's, and not shown again"
    assert f'href="/chat/tanda-terima?loket={tablet.key}"' in line
    first = await sitting(inside)

    await tablet.post(f"/chat/loket/warga?loket={tablet.key}")
    assert tablet.url == "/chat?loket=1"
    second = await sitting(inside)
    assert second.id != first.id
    assert second.address != first.address
    assert ticket not in tablet.text
    kept = await words_kept(inside, first.id)
    assert ticket not in kept
    assert "Mufakat" not in kept
    [filed] = await rows(inside.engine, "SELECT ticket, contact_id, channel FROM complaints")
    assert (filed.ticket, filed.contact_id, filed.channel) == (ticket, None, "webchat")
    outcomes = await rows(inside.engine, "SELECT outcome, contact_id FROM assistances")
    assert [tuple(row) for row in outcomes] == [("filed", first.id)]

    await tablet.post(f"/chat/loket/selesai?loket={tablet.key}")
    assert tablet.url == "/chat/loket"
    assert "Layar kosong" in tablet.text
    assert {cookie.name for cookie in tablet.client.cookies.jar if cookie.path == "/chat"} == {"loket"}
    await tablet.get("/chat?loket=1")
    assert tablet.url == "/chat/loket"


async def test_the_cookies_of_a_counter_and_of_an_ordinary_chat_are_apart(
    tablet: Tablet, inside: House, client: httpx.AsyncClient
) -> None:
    await tablet.get("/chat")
    own = client.cookies["chat"]
    await tablet.post("/chat", id=str(uuid.uuid4()), text="halo dari petugas sendiri")
    answer = await client.post("/chat/loket/warga", headers=OWN)
    [cookie] = [each for each in answer.headers.get_list("set-cookie") if each.startswith("loket_chat=")]
    for flag in ("HttpOnly", "SameSite=strict", "Secure", "Path=/chat"):
        assert flag in cookie
    assert "Max-Age" not in cookie, "it ends with the browser"
    await tablet.get("/chat?loket=1")
    assert "halo dari petugas" not in tablet.text
    assert client.cookies["chat"] == own
    resident, counter = client.cookies["loket_chat"], client.cookies["loket"]
    for secret in (resident, counter, own):
        assert secret not in tablet.text
        assert secret not in tablet.url
    await tablet.get("/chat")
    assert "halo dari petugas" in tablet.text
    assert "Mode loket" not in tablet.text
    assert "dampingi" not in tablet.text
    # The cookie of a resident's chat opens nothing where the officer's own is looked for.
    client.cookies.set("chat", resident, domain="lapor.test", path="/chat")
    client.cookies.delete("loket")
    await tablet.get("/chat")
    assert "dampingi" not in tablet.text
    assert (await sitting(inside)).address == address_of(session_of(resident)).user
    assert resident not in str(await rows(inside.engine, "SELECT * FROM contacts"))
    assert counter not in str(await rows(inside.engine, "SELECT * FROM counters"))


async def test_what_is_not_finished_is_asked_about_first(tablet: Tablet, inside: House) -> None:
    await tablet.next()
    await tablet.tap("Ya, setuju")
    await tablet.tap("HP sendiri/keluarga")
    await tablet.say(STORY)
    for act in ("selesai", "warga"):
        await tablet.post(f"/chat/loket/{act}?loket={tablet.key}")
        assert tablet.url.startswith("/chat/loket/belum?")
        assert "belum selesai" in tablet.text
        assert "Mufakat" not in tablet.text
        assert f'action="/chat/loket/{act}?loket=' in tablet.text
        await tablet.get("/chat?loket=1")
        assert "Mufakat" in tablet.text
    await tablet.post(f"/chat/loket/selesai?loket={tablet.key}", yakin="ya")
    assert tablet.url == "/chat/loket"
    [row] = await rows(inside.engine, "SELECT outcome, saved FROM assistances")
    assert (row.outcome, row.saved) == ("dropped", None)
    assert "Mufakat" not in await words_kept(inside, (await sitting(inside)).id)
    # Without consent there is nothing to lose, but for words that stand on the page unsent.
    await tablet.next()
    await tablet.post(f"/chat/loket/selesai?loket={tablet.key}", belum="ya")
    assert tablet.url.startswith("/chat/loket/belum?")
    await tablet.get("/chat?loket=1")
    await tablet.post(f"/chat/loket/selesai?loket={tablet.key}")
    assert tablet.url == "/chat/loket"


async def test_a_tablet_that_nobody_touches_loses_nothing_that_was_agreed_to(tablet: Tablet, inside: House) -> None:
    await tablet.next()
    await tablet.tap("Ya, setuju")
    await tablet.tap("HP sendiri/keluarga")
    await tablet.say(STORY)
    await tablet.post(f"/chat/loket/selesai?loket={tablet.key}", diam="ya")
    assert tablet.url == "/chat/loket"
    [row] = await rows(inside.engine, "SELECT outcome, saved::text AS saved FROM assistances")
    assert row.outcome == "desk"
    assert "Mufakat" in row.saved
    assert "Mufakat" not in await words_kept(inside, (await sitting(inside)).id)


async def test_after_a_long_silence_the_server_ends_it_itself(tablet: Tablet, inside: House) -> None:
    await tablet.next()
    await tablet.tap("Ya, setuju")
    await tablet.tap("HP sendiri/keluarga")
    await tablet.say(STORY)
    key = tablet.key
    await later(inside, timedelta(minutes=10))
    assert (await tablet.client.post(f"/chat/loket/masih?loket={key}", headers=OWN)).status_code == 204
    await later(inside, timedelta(minutes=10))
    await tablet.get("/chat?loket=1")
    assert "Mufakat" in tablet.text, "there was a sign of life in between"
    await later(inside, LATE)
    late = {"id": str(uuid.uuid4()), "text": "masih"}
    refused = await tablet.client.post(f"/chat/messages?loket={key}", json=late, headers=OWN)
    assert refused.status_code == 403
    assert refused.json()["title"] == "Layar warga ini sudah dikosongkan. Pesan ini tidak kami terima."
    assert (await tablet.client.post(f"/chat/loket/masih?loket={key}", headers=OWN)).status_code == 404
    assert (await tablet.client.get(f"/chat/events?loket={key}")).text == "event: over\ndata: 0\n\n"
    await tablet.get("/chat?loket=1")
    assert tablet.url == "/chat/loket"
    assert "Mufakat" not in tablet.text
    assert "lama tidak disentuh" in tablet.text
    assert await value(inside.engine, "SELECT outcome FROM assistances") == "desk"
    await tablet.get("/chat/loket")
    assert "Layar kosong" in tablet.text


async def test_a_tablet_that_was_taken_away_is_emptied_too(tablet: Tablet, inside: House) -> None:
    await tablet.next()
    await tablet.tap("Ya, setuju")
    await tablet.tap("HP sendiri/keluarga")
    await tablet.say(STORY)
    assert await emptying.end_silent(inside) == 0
    await later(inside, LATE)
    assert await emptying.end_silent(inside) == 1
    assert await emptying.end_silent(inside) == 0
    gone = await sitting(inside)
    assert gone.unreachable_reason == counters.CLOSED
    assert "Mufakat" not in await words_kept(inside, gone.id)
    assert await value(inside.engine, "SELECT outcome FROM assistances") == "desk"


async def test_a_page_of_the_resident_before_reaches_nobody(tablet: Tablet, inside: House) -> None:
    await tablet.next()
    stale = tablet.key
    await tablet.post(f"/chat/loket/warga?loket={stale}")
    await tablet.get("/chat?loket=1")
    fresh = tablet.key
    message = {"id": str(uuid.uuid4()), "text": "kata warga pertama"}
    assert (await tablet.client.post(f"/chat/messages?loket={stale}", json=message, headers=OWN)).status_code == 403
    await tablet.post(f"/chat?loket={stale}", **message)
    await tablet.post("/chat?loket=1", **message)
    assert tablet.url == "/chat?loket=1", "it shows whoever is served now"
    assert "kata warga pertama" not in tablet.text
    for act in ("selesai", "warga"):
        for named in (f"?loket={stale}", ""):
            await tablet.post(f"/chat/loket/{act}{named}", yakin="ya", diam="ya")
            assert tablet.url == "/chat?loket=1"
            assert tablet.key == fresh
    assert (await sitting(inside)).unreachable_reason is None
    assert "kata warga pertama" not in str(await rows(inside.engine, "SELECT payload FROM inbox"))


async def test_nothing_comes_from_another_site(tablet: Tablet, inside: House) -> None:
    await tablet.next()
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elsewhere.test"}, {}):
        for act, status in (("selesai", 403), ("warga", 403), ("masih", 404)):
            refused = await tablet.client.post(
                f"/chat/loket/{act}?loket={tablet.key}", data={"yakin": "ya"}, headers=headers
            )
            assert refused.status_code == status
    assert (await sitting(inside)).unreachable_reason is None
    assert await value(inside.engine, "SELECT count(*) FROM contacts WHERE counter_id IS NOT NULL") == 1


ACTS = st.sampled_from(["next", "write", "finish", "silent", "stale", "desk"])


async def test_whatever_happens_no_resident_reads_another_ones_words(tablet: Tablet, inside: House) -> None:
    @budget(max_examples=6, deadline=None)
    @given(st.lists(ACTS, min_size=4, max_size=9))
    async def check(acts: list[str]) -> None:
        number, keys, said = 0, ["0" * 12], set[str]()
        await run(inside.engine, "UPDATE contacts SET unreachable_reason = :it", it=counters.CLOSED)
        for act in acts:
            await tablet.get("/chat?loket=1")
            served = tablet.url.startswith("/chat?")
            if served and tablet.key not in keys:
                keys.append(tablet.key)
                said = set()
            mark = f"rahasia{uuid.uuid4().hex[:6]}"
            match act:
                case "next":
                    await tablet.post(f"/chat/loket/warga?loket={keys[-1]}", yakin="ya")
                case "write" if served:
                    await tablet.say(mark)
                    said.add(mark)
                case "finish":
                    await tablet.post(f"/chat/loket/selesai?loket={keys[-1]}", yakin="ya")
                case "silent":
                    await later(inside, LATE)
                case "stale":
                    await tablet.post(f"/chat?loket={keys[0]}", id=str(uuid.uuid4()), text=mark)
                case "desk":
                    await tablet.open()
            await tablet.get("/chat?loket=1")
            shown = set(re.findall(r"rahasia[0-9a-f]{6}", tablet.text))
            assert shown <= said
            if not tablet.url.startswith("/chat?") or tablet.key not in keys:
                assert shown == set()
            number += 1
        assert number == len(acts)

    await in_this_loop(check)


# --- who may ----------------------------------------------------------------------------------------------------


async def test_without_a_counter_it_is_explained_and_nothing_is_done(client: httpx.AsyncClient, inside: House) -> None:
    for token in ("", "x" * 43):
        if token:
            client.cookies.set("loket", token, domain="lapor.test", path="/chat")
        answer = await client.get("/chat?loket=1", follow_redirects=True)
        assert answer.status_code == 403
        assert answer.url.path == "/chat/loket"
        assert 'href="/desk/loket"' in answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        for act in ("warga", "selesai"):
            await client.post(f"/chat/loket/{act}", headers=OWN)
        assert (await client.get("/chat/tanda-terima")).status_code == 404
    assert await value(inside.engine, "SELECT count(*) FROM contacts") == 0


async def test_a_counter_ends_with_the_session_the_role_and_a_word_of_its_officer(
    app: FastAPI, tablet: Tablet, inside: House
) -> None:
    async def begun() -> None:
        await tablet.next()
        await tablet.tap("Ya, setuju")
        await tablet.tap("HP sendiri/keluarga")
        await tablet.say(STORY)

    async def ended() -> None:
        await tablet.get("/chat?loket=1")
        assert (tablet.status, tablet.url) == (403, "/chat/loket")
        assert "Mufakat" not in tablet.text
        refused = await tablet.client.post("/chat/loket/warga", headers=OWN)
        assert refused.headers["location"] == "/chat/loket"
        assert "set-cookie" not in refused.headers

    await begun()
    [counter_id] = [row.id for row in await rows(inside.engine, "SELECT id FROM counters")]
    await tablet.get("/desk/loket")
    assert tablet.url.startswith("/desk/masuk"), "whoever sits at the tablet finds no desk behind the chat"
    await tablet.sign_in()
    await tablet.get("/desk/loket")
    assert NAME in tablet.text
    await tablet.post(f"/desk/loket/{counter_id}/tutup")
    assert "Loket ditutup" in tablet.text
    await ended()
    assert [row.outcome for row in await rows(inside.engine, "SELECT outcome FROM assistances")] == ["desk"]

    await tablet.open()
    await begun()
    await run(inside.engine, "UPDATE staff_grants SET role = 'pengawas'")
    await ended()
    await run(inside.engine, "UPDATE staff_grants SET role = 'petugas_loket'")
    await begun()
    await tablet.sign_in()
    await tablet.post("/desk/keluar")
    await ended()
    assert [row.outcome for row in await rows(inside.engine, "SELECT outcome FROM assistances")] == ["desk"] * 3
    assert await value(inside.engine, "SELECT count(*) FROM counters WHERE closed_at IS NULL") == 0
    verbs = await rows(inside.engine, "SELECT verb, actor_id FROM audit WHERE verb LIKE 'counter.%' ORDER BY id")
    assert [row.verb for row in verbs] == ["counter.open", "counter.close", "counter.open", "counter.close"]
    assert {row.actor_id for row in verbs} == {f"staff:{tablet.staff_id}"}


async def test_somebody_elses_counter_is_not_closed(app: FastAPI, tablet: Tablet, inside: House) -> None:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="https://lapor.test") as client:
        other = await tablet_of(app, client)
        counter_id = await value(inside.engine, "SELECT id FROM counters")
        await other.post(f"/desk/loket/{counter_id}/tutup")
        assert other.status == 404
        await other.get("/desk/loket")
        assert NAME not in other.text
    assert await value(inside.engine, "SELECT closed_at FROM counters") is None


async def test_a_counter_has_a_name_and_stands_where_its_officer_may(
    app: FastAPI, client: httpx.AsyncClient, inside: House
) -> None:
    tablet = await tablet_of(app, client)
    for name, region, wrong in (
        ("", PALEMBANG, "wrong-name"),
        ("x" * 61, PALEMBANG, "wrong-name"),
        (" \u200b ", PALEMBANG, "wrong-name"),
        (NAME, SEKAYU, "wrong-region"),
        (NAME, "16", "wrong-region"),
        (NAME, "tidak ada", "wrong-region"),
    ):
        await tablet.post("/desk/loket", name=name, region=region)
        assert tablet.status == 422
        assert f'id="{wrong}"' in tablet.text
    assert await value(inside.engine, "SELECT count(*) FROM counters") == 0
    assert "loket" not in client.cookies


# --- what open pages hear ----------------------------------------------------------------------------------------


async def test_an_open_page_hears_what_is_put_away_and_that_its_resident_has_gone(
    tablet: Tablet, inside: House
) -> None:
    await tablet.next()
    # The transport gives the stream whole: it ends when the resident has gone.
    stream = asyncio.create_task(tablet.client.get(f"/chat/events?loket={tablet.key}"))
    await tablet.file()
    shown_after = (await sitting(inside)).shown_after
    assert shown_after > 0
    await tablet.post(f"/chat/loket/selesai?loket={tablet.key}")
    heard = (await asyncio.wait_for(stream, 30)).text
    assert heard.endswith("event: over\ndata: 0\n\n")
    assert f"event: cleared\ndata: {shown_after}\n\n" in heard
    told, _, after = heard.partition("event: cleared")
    assert "Mufakat" in told
    assert "Mufakat" not in after
    assert '"receipt": true' in after
    assert '"receipt": true' not in told


# --- the receipt -------------------------------------------------------------------------------------------------


async def test_a_receipt_has_all_that_the_resident_needs_and_no_code_in_an_address(
    tablet: Tablet, inside: House
) -> None:
    await tablet.next()
    ticket = await tablet.file()
    page = tablet.text
    [code] = re.findall(r"Kode periksa: (\S+)", page)
    [takeover] = re.findall(r"Kode ambil alih: (\S+)", page)
    await tablet.get(f"/chat/tanda-terima?loket={tablet.key}")
    assert tablet.status == 200
    for said in (ticket, code, f"ambil alih {takeover}", "Kota Palembang", "23 November 2026", "112", "137"):
        assert said in tablet.text, said
    assert "Web: <b>lapor.test/chat</b>" in tablet.text
    assert "lapor.test/periksa" in tablet.text
    addresses = re.findall(r'(?:href|src|action)="([^"]*)"', tablet.text)
    assert not [each for each in addresses if code in each or takeover in each or ticket in each]
    assert "://" not in tablet.text.partition("<article")[2].partition("</article>")[0].replace("http://www.w3.org", "")
    assert "Mufakat" not in tablet.text
    # Once covered in the chat, the codes are not to be had here either.
    covered = {"key": "assist.covered"}
    await run(
        inside.engine,
        "UPDATE deliveries SET says = replace(replace(says::text, :one, :covered), :two, :covered)::jsonb",
        one=f'"{code}"',
        two=f'"{takeover}"',
        covered=json.dumps(covered),
    )
    await tablet.get("/chat/tanda-terima?loket=1")
    assert tablet.status == 200
    assert ticket in tablet.text
    assert code not in tablet.text
    assert takeover not in tablet.text
    await tablet.get("/chat?loket=1")
    await tablet.post(f"/chat/loket/selesai?loket={tablet.key}")
    await tablet.get("/chat/tanda-terima?loket=1")
    assert tablet.url == "/chat/loket"


def squares(drawn: str) -> set[tuple[int, int]]:
    """The dark squares of a picture that is drawn line by line: (column, row)."""
    [path] = re.findall(r'<path class="qrline"[^>]* d="([^"]+)"', drawn) or re.findall(
        r' d="(M[^"]*h[^"]*m[^"]*)"', drawn
    )
    found, x, y = set[tuple[int, int]](), 0, 0.0
    for step, numbers in re.findall(r"([Mmh])([-\d. ]+)", path):
        along, *down = (float(each) for each in numbers.split())
        if step == "h":
            found |= {(column, int(y)) for column in range(x, x + int(along))}
            x += int(along)
        else:
            x = int(along) + (x if step == "m" else 0)
            y = down[0] + (y if step == "m" else 0)
    return found


async def test_the_picture_leads_to_the_checking_page_with_the_ticket_alone(tablet: Tablet) -> None:
    await tablet.next()
    ticket = await tablet.file()
    await tablet.get("/chat/tanda-terima?loket=1")
    [drawn] = re.findall(r"<svg.*?</svg>", tablet.text, re.DOTALL)
    meant = segno.make(f"https://lapor.test/periksa?t={ticket}", error="m", micro=False).matrix
    dark = {(x + 4, y + 4) for y, row in enumerate(meant) for x, square in enumerate(row) if square}
    assert squares(drawn) == dark
    await tablet.get(f"/periksa?t={ticket}")
    assert f'value="{ticket}"' in tablet.text


async def test_a_secret_report_tells_no_region(tablet: Tablet, inside: House) -> None:
    await tablet.next()
    await tablet.file()
    await run(inside.engine, "UPDATE complaints SET secret = true")
    await tablet.get("/chat/tanda-terima?loket=1")
    assert tablet.status == 200
    assert "Kota Palembang" not in tablet.text


async def test_a_volunteer_prints_what_was_said_last_and_nothing_older(
    inside: House, client: httpx.AsyncClient
) -> None:
    await client.get("/chat")
    address = address_of(client.cookies["chat"])
    async with inside.engine.begin() as connection:
        event = await file(connection, region="16.71.01")
        contact_id = (
            await connection.execute(
                text("INSERT INTO contacts (channel, address) VALUES ('webchat', :user) RETURNING id"),
                {"user": address.user},
            )
        ).scalar_one()
        told = {
            "ticket": event.ticket,
            "code": "ACFK-2345",
            "takeover": "RRRR-TTTT-UUUU",
            "until": {"date": "2027-02-21"},
        }
        said = NewDelivery(contact_id, "webchat", address.user, [("assist.receipt", told)], language="id")
        await deliveries.add(connection, said)
    assert (await client.get("/chat/tanda-terima")).status_code == 404, "it is not said yet"
    await run(inside.engine, "UPDATE deliveries SET sent_at = now()")
    shown = await client.get("/chat/tanda-terima")
    assert shown.status_code == 200
    assert "RRRR-TTTT-UUUU" in shown.text
    assert "data-resident" not in shown.text
    written = """
        INSERT INTO inbox (channel, message_id, address, payload, received_at)
        VALUES ('webchat', 'x', :user, '{}', now())
    """
    await run(inside.engine, written, user=address.user)
    assert (await client.get("/chat/tanda-terima")).status_code == 404, "somebody else may sit there now"
    await run(inside.engine, "DELETE FROM inbox")
    await run(inside.engine, "UPDATE contacts SET shown_after = (SELECT max(id) FROM deliveries)")
    assert (await client.get("/chat/tanda-terima")).status_code == 404
    client.cookies.clear()
    assert (await client.get("/chat/tanda-terima")).status_code == 404


async def test_a_receipt_names_the_chats_that_there_are(inside: House) -> None:
    chats = {"telegram": "https://t.me/lapor_bot", "whatsapp": "https://wa.me/6281234567890"}
    says = {"ticket": "T-482-173-9056", "code": "ACFK-2345", "takeover": {"key": "assist.covered"}}
    told = paper(inside, Filed(says, inside.now(), None), chats)
    assert told.doors == (("telegram", "t.me/lapor_bot"), ("whatsapp", "wa.me/6281234567890"))
    assert (told.code, told.takeover, told.region) == ("ACFK-2345", None, None)
