"""What whoever assisted gets of a report once it is filed: number, place and status if the resident agreed, and nothing
else – by no word, no button, no address of the chat, no door of the house. And nothing of the report changes by it.

Before and after the resident has taken it over; for reports that are open, Anonim and Rahasia.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from html import unescape
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from making import rows, run, value
from peers.bot_api import JPEG
from routes import ask, filled, found

from api.app import build
from api.house import House
from api.rest.complaints import client as keyed
from api.settings import Settings
from api.unit import unit
from bot.script import ACTS, AFTERWARDS, COMMANDS
from bot.texts import speak
from store import assistances, complaints, dispositions, editing
from store.complaints import Actor

OPERATOR = Actor("operator", "staff:1")
ASSISTANT, RESIDENT, PHONE = "Sukmawati Pendampingwati", "Mulyadi Dibantuwan", "0813-5550-7777"
STORY = (
    "Lampu jalan di depan Pasar Kertapati Palembang mati sejak Senin, KataCeritaWarga, gelap dan rawan tiang miring."
)
ANSWER, NOTE, TITLE = "KataJawabanDinas", "KataCatatanDalam", "KataJudulPetugas"
HIDDEN = ("KataCeritaWarga", "tiang miring", ANSWER, NOTE, TITLE, RESIDENT, *RESIDENT.split(), PHONE, "5550")
PRIVACIES = {"open": "1", "anonymous": "anonim", "secret": "rahasia"}
# What the volunteer answers for the resident, by the question that waits.
ANSWERS = {
    "whose": "warga",
    "consent": "ya",
    "reach": "telepon",
    "contact": PHONE,
    "story": STORY,
    "place": "depan Pasar Kertapati, Palembang",
    "region": "Kertapati",
    "class": "pengaduan",
    "time": "sejak Senin",
    "photos": "tidak ada",
    "split": "satu laporan",
    "neighbours": "baru",
    "secret": "ya",
    "name": "ya",
    "resident": RESIDENT,
    "keeps": "ya",
    "confirm": "ya",
}


@dataclass(slots=True)
class Chat:
    """A web chat, by its cookie: what is written goes in at the front door, what is said back is read in the ledger."""

    app: FastAPI
    cookie: str
    sequence: int = 0
    buttons: dict[str, str] = field(default_factory=dict)

    @property
    def house(self) -> House:
        house: House = self.app.state.house
        return house

    @property
    def address(self) -> str:
        """What the house knows of the cookie."""
        return hashlib.sha256(self.cookie.encode()).hexdigest()[:32]

    async def get(self, path: str, **more: Any) -> httpx.Response:
        """A page of the house, with the cookie."""
        async with self.browser() as browser:
            return await browser.get(path, **more)

    def browser(self) -> httpx.AsyncClient:
        """A browser that holds the cookie."""
        headers = {"Sec-Fetch-Site": "same-origin"}
        transport = httpx.ASGITransport(self.app)
        return httpx.AsyncClient(
            transport=transport, base_url="http://test", headers=headers, cookies={"chat": self.cookie}
        )

    async def say(self, text: str = "", **content: str) -> str:
        """Write something, or tap (`choice`); returns what is said then."""
        self.sequence += 1
        message = {"id": str(uuid.uuid4()), "n": self.sequence, **({"text": text} if text else {}), **content}
        async with self.browser() as browser:
            answer = await browser.post("/chat/messages", json=message)
        assert answer.status_code == 200, answer.text
        return await self.heard()

    async def heard(self) -> str:
        """What is to be said in this chat, which is said now."""
        waiting = await rows(
            self.house.engine,
            "SELECT d.id, d.says, d.buttons, d.language FROM deliveries d JOIN contacts c ON c.id = d.contact_id"
            " WHERE c.channel = 'webchat' AND c.address = :a AND d.sent_at IS NULL ORDER BY d.id",
            a=self.address,
        )
        said = [speak(key, params, row.language) for row in waiting for key, params in row.says]
        labels = [json.dumps(button, ensure_ascii=False) for row in waiting for button in row.buttons]
        now = "UPDATE deliveries SET claimed_at = now(), sent_at = now() WHERE id = ANY(:ids)"
        await run(self.house.engine, now, ids=[row.id for row in waiting])
        return "\n".join([*said, *labels])

    async def asking(self) -> str | None:
        """The question that waits."""
        asking = "SELECT conversation->>'asking' FROM contacts WHERE address = :a"
        found: str | None = await value(self.house.engine, asking, a=self.address)
        return found


@pytest.fixture
async def app(settings: Settings, database: str) -> AsyncIterator[FastAPI]:
    """The app, open, with public reading by Open311."""
    opened = build(settings.model_copy(update={"open311_public": True}), database)
    async with opened.router.lifespan_context(opened):
        yield opened


async def volunteer(house: House, *chats: Chat) -> None:
    """A trained volunteer, who has these chats."""
    await run(
        house.engine,
        """
        WITH person AS (INSERT INTO citizens (name) VALUES (:name) RETURNING id), chats AS (
            INSERT INTO contacts (channel, address, citizen_id, name)
            SELECT 'webchat', a, person.id, :name FROM person, unnest(CAST(:addresses AS text[])) a
        )
        INSERT INTO volunteers (name, region, valid_until, citizen_id, redeemed_at, lessons, trained_at)
        SELECT :name, '16.71', DATE '2099-12-31', id, now(), 9, now() FROM person
        """,
        name=ASSISTANT,
        addresses=[chat.address for chat in chats],
    )


async def told(chat: Chat, privacy: str) -> tuple[str, str, str]:
    """Tell a resident's report to the end, with a photo; the ticket, the receipt's code, the code to take it over."""
    await chat.say("dampingi")
    answers = {**ANSWERS, "privacy": PRIVACIES[privacy]}
    said, sent = "", False
    for _ in range(30):
        asking = await chat.asking()
        assert asking in answers, f"{asking}: {said}"
        if asking == "photos" and not sent:
            sent = True
            async with chat.browser() as browser:
                files = {"file": ("foto.jpg", JPEG, "image/jpeg")}
                fields = {"id": "0b5c7f0e-3a55-4c0a-9d38-0d7c5f3f2a11", "n": "500"}
                assert (await browser.post("/chat/files", data=fields, files=files)).status_code == 200
            chat.sequence = 501
            said = await chat.heard()
            continue
        said = await chat.say(answers[asking])
        if asking == "confirm":
            break
    ticket = await value(chat.house.engine, "SELECT ticket FROM complaints")
    codes = re.findall(r"\b[0-9A-Z]{4}(?:-[0-9A-Z]{4})+\b", said.replace(ticket, ""))
    return ticket, min(codes, key=len), max(codes, key=len)


async def answered(house: House, ticket: str) -> None:
    """What offices do with a report: it is sorted and titled, noted upon and answered."""
    async with unit(house) as work:
        done = work.connection
        work.record(await editing.edit(done, ticket, OPERATOR, title=f"{TITLE} lampu"))
        work.record(await complaints.note(done, ticket, OPERATOR, NOTE, public=False))
        work.record(await dispositions.dispose(done, ticket, OPERATOR, ["16.71-pu"], lead="16.71-pu"))
        work.record(await dispositions.answer(done, ticket, OPERATOR, None, f"{ANSWER}: diperiksa.", finished=False))


# Whatever may be said or tapped about a report by somebody whom it is none of the business of.
def probes(ticket: str, code: str, takeover: str, *, all_words: bool) -> Iterator[tuple[str, ...]]:
    """What is written or tapped, one after the other; what begins with ":" is a tap. With `all_words` every word of
    each command, and every choice of each question; else one of each."""
    # The words that end it all come last: after them there is less to be learned.
    ends = {"erase"}
    spoken = COMMANDS if all_words else {word: command for command, word in {c: w for w, c in COMMANDS.items()}.items()}
    for words in (word for word, command in spoken.items() if command not in ends):
        yield (words,)
    for words in (
        ticket, ticket.lower(), re.sub(r"\D", "", ticket), f"status {ticket}", f"/status {ticket}", f"lihat {ticket}",
        f"pindah {ticket}", f"pindah {takeover}", f"ambil {takeover}", f"ambil alih {takeover}", f"pindah {code}",
        f"ambil {code}", f"/start ambil_{takeover.replace('-', '')}", f"hubungkan {takeover}",
        f"hubungkan {takeover} setuju", f"balas {ticket} KataBaru", f"{ticket} sudah selesai",
        f"{ticket} belum selesai", "sudah selesai", "belum selesai", "bukan wewenang", "5", "tarik laporan",
        "cabut laporan", "ubah", "ganti cerita", "cerita", "lihat laporan terakhir", "foto lagi",
        "tambahan: KataBaru masih gelap", f"tambahan {ticket} KataBaru", "daftar dampingan", "buka nomor 1",
        "data saya", "cabut persetujuan",
    ):  # fmt: skip
        yield (words,)
    for act in (*ACTS, "read", "news", "comment", "rate:1", "rate:5", "withdraw:yes", "confirm", "dispute"):
        yield (f":{ticket}:{act}", "KataBaru dari pendamping", "ya")
    for name, question in AFTERWARDS.items():
        choices = (*(choice.choice for choice in question.choices_for(None)), "skip", "yes", "KataBaru")
        for each in choices if all_words else choices[:1]:
            if name not in ends:
                yield (f":{ticket}:{name}:{each}", "ya")
    for number in ("1", "2") if all_words else ():
        for tap in ("confirm:send", "confirm:change", "which:story", "which:reach", "story:letter", "privacy:open"):
            yield (f":{number}:{tap}", "KataBaru")
    for tap in (f"chat:link:{takeover}", "chat:assist:1", "chat:read", f"chat:reply:{ticket}"):
        yield (f":{tap}", "ya")
    for words in (word for word, command in spoken.items() if command in ends):
        yield (words, "ya")


def learned(said: str) -> list[str]:
    """What of the report stands in some words that must not."""
    plain = unescape(re.sub(r"<[^>]+>", "", said)).casefold()
    return [word for word in HIDDEN if word.casefold() in plain]


async def state(house: House, ticket: str) -> str:
    """All of the report, whoever it is that changes it: a digest."""
    parts = [
        "SELECT k::text AS t FROM complaints k WHERE ticket = :ticket",
        *(
            f"SELECT x::text FROM {table} x JOIN complaints k ON k.id = x.complaint_id WHERE k.ticket = :ticket"  # noqa: S608
            for table in ("complaint_history", "complaint_parties", "ratings", "media", "dispositions", "routings",
                          "assistances", "clocks", "complaint_references")
        ),
    ]  # fmt: skip
    statement = f"SELECT md5(coalesce(string_agg(t, '|' ORDER BY t), '')) FROM ({' UNION ALL '.join(parts)}) all_of_it"  # noqa: S608
    return str(await value(house.engine, statement, ticket=ticket))


@dataclass(slots=True)
class Filed:
    """A report that was told for a resident: its numbers, and the two chats of whoever assisted."""

    ticket: str
    code: str
    takeover: str
    chats: tuple[Chat, Chat]


async def filed(app: FastAPI, privacy: str, *, taken: bool) -> Filed:
    """A report of a resident, told in the first of the volunteer's chats and answered since."""
    house: House = app.state.house
    chats = Chat(app, "v" * 43), Chat(app, "w" * 43)
    await volunteer(house, *chats)
    ticket, code, takeover = await told(chats[0], privacy)
    await answered(house, ticket)
    for chat in chats:
        assert learned(await chat.heard()) == []  # that there is news, at most
    if taken:
        resident = Chat(app, "r" * 43)
        await resident.say("halo")
        said = await resident.say(f"ambil {takeover}")
        assert ticket in said
        who = "SELECT count(*) FROM complaint_parties p JOIN contacts c ON c.id = p.contact_id WHERE c.address = :a"
        assert await value(house.engine, who, a=resident.address) == 1
        # The pelapor reads what the volunteer must not: it is there to be found.
        assert ANSWER in await resident.say(f"status {ticket}")
    return Filed(ticket, code, takeover, chats)


CASES = [(privacy, taken) for privacy in PRIVACIES for taken in (False, True)]


# Of the first, every word that there is.
@pytest.mark.parametrize(
    ("privacy", "taken"), [("secret", False), ("open", False), ("open", True), ("anonymous", True)]
)
async def test_no_word_and_no_button_tells_anything_or_changes_anything(
    app: FastAPI, privacy: str, taken: bool
) -> None:
    report = await filed(app, privacy, taken=taken)
    house: House = app.state.house
    before = await state(house, report.ticket)
    wrong = list[str]()
    # The chat in which it was told tries everything, the other one of the same volunteer what names the report.
    all_words = (privacy, taken) == ("secret", False)
    for chat, mine in zip(report.chats if taken or all_words else report.chats[:1], (True, False), strict=False):
        remembered = "SELECT CAST(conversation AS text) FROM contacts WHERE address = :a"
        kept = await value(house.engine, remembered, a=chat.address)
        for steps in probes(report.ticket, report.code, report.takeover, all_words=all_words):
            if not mine and not {report.ticket, report.takeover} & {steps[0], *re.split(r"[ :]", steps[0])}:
                continue
            for step in steps:
                said = await (chat.say(choice=step[1:]) if step.startswith(":") else chat.say(step))
                wrong += [f"{steps} tells {word}" for word in learned(said)]
            if (after := await state(house, report.ticket)) != before:
                wrong.append(f"{steps} changes the report")
                before = after
            # Each begins where the filing left the chat: as much is remembered as can be.
            back = "UPDATE contacts SET conversation = CAST(:kept AS jsonb) WHERE address = :a"
            await run(house.engine, back, kept=kept, a=chat.address)
    if wrong:
        pytest.fail("\n".join(wrong[:30]))


@pytest.mark.parametrize(("privacy", "taken"), CASES)
async def test_no_address_of_the_house_tells_anything(app: FastAPI, privacy: str, taken: bool) -> None:
    report = await filed(app, privacy, taken=taken)
    house: House = app.state.house
    chat = report.chats[0]
    before = await state(house, report.ticket)
    # The chat itself: what was told in it has gone from it.
    for path in ("/chat", "/chat?all=1"):
        page = await chat.get(path)
        assert page.status_code == 200
        assert learned(page.text) == []
    events = await ask(app, "GET", "/chat/events", query={"after": "0"}, headers={"cookie": f"chat={chat.cookie}"})
    assert learned(events.text) == []
    # Its file, by the message that it came with and by its number.
    media = [row.id for row in await rows(house.engine, "SELECT id FROM media")]
    assert media, "there is a file to be asked for"
    for path in ("files/0b5c7f0e-3a55-4c0a-9d38-0d7c5f3f2a11", *(f"lampiran/{number}" for number in media)):
        for each in report.chats:
            assert (await each.get(f"/chat/{path}")).status_code == 404
    # Whether a receipt is genuine: everybody who has it learns that, and how far it is, and nothing else.
    for fields in ({}, {"ticket": report.ticket}, {"ticket": report.ticket, "code": report.code}):
        async with chat.browser() as browser:
            asked = await browser.get("/periksa", params={"t": report.ticket})
            answer = await browser.post("/periksa", data=fields)
        assert learned(asked.text) == learned(answer.text) == []
    # Every door that asks for a key, with the cookies alone.
    doors = [each for each in found(app.routes) if keyed in each.calls]
    assert len(doors) > 10
    for door in doors:
        path = filled(door, {"ticket": report.ticket, "file_id": str(media[0])})
        headers = {"content-type": "application/json", "cookie": f"chat={chat.cookie}; loket=x"}
        refused = await ask(app, door.method, path, headers=headers)
        assert refused.status == 401, str(door)
    # And every other door there is, whatever it is for. Leaving comes last: it forgets the chat.
    others = [each for each in found(app.routes) if keyed not in each.calls and each.method != "MOUNT"]
    for door in sorted(others, key=lambda each: each.path.endswith(("leave", "keluar"))):
        if not door.path.startswith("/open311"):
            path = filled(door, {"id_": str(media[0]), "name": "chat.css"})
            headers = {"cookie": f"chat={chat.cookie}", "sec-fetch-site": "same-origin"}
            asked_for = {"t": report.ticket, "ticket": report.ticket, "id": str(uuid.uuid4()), "code": report.code}
            form = list(asked_for.items()) if door.method == "POST" else []
            shown = await ask(app, door.method, path, query=asked_for, form=form, headers=headers)
            assert learned(shown.text) == [], str(door)
    # What is public is public: the volunteer reads what anybody does, and never who the resident is.
    for path in (f"requests/{report.ticket}.json", "requests.json", f"tokens/{report.ticket}.json"):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as anybody:
            public = await anybody.get(f"/open311/v2/{path}")
        own = await chat.get(f"/open311/v2/{path}")
        assert (own.status_code, own.text) == (public.status_code, public.text)
        assert not {RESIDENT, *RESIDENT.split(), PHONE, NOTE} & set(learned(own.text))
        if privacy == "secret":
            assert learned(own.text) == []
            assert report.ticket not in own.text
    assert await state(house, report.ticket) == before


async def test_the_resident_may_take_the_consent_back_through_whoever_assisted(app: FastAPI) -> None:
    """That alone reaches the report, and tells nothing of it: a person at the desk sees to it."""
    report = await filed(app, "open", taken=False)
    house: House = app.state.house
    words = "SELECT text || title FROM complaints"
    before = await value(house.engine, words)
    said = await report.chats[1].say(f"cabut persetujuan {report.ticket}")
    assert learned(said) == []
    assert await value(house.engine, words) == before
    kinds = [row.kind for row in await rows(house.engine, "SELECT kind FROM attention WHERE closed_at IS NULL")]
    assert "consent_withdrawn" in kinds
    # From then on they keep nothing of it.
    assert report.ticket not in await report.chats[0].say("daftar")


async def test_what_they_keep_is_number_place_and_status(app: FastAPI) -> None:
    report = await filed(app, "secret", taken=False)
    house: House = app.state.house
    for chat in report.chats:
        said = await chat.say("daftar")
        assert report.ticket in said
        assert "Pasar" not in said
        assert learned(said) == []
    await run(house.engine, "UPDATE volunteers SET revoked_at = now()")
    for chat in report.chats:
        assert report.ticket not in await chat.say("daftar")
    async with house.engine.connect() as connection:
        assert await assistances.kept_of(connection, await value(house.engine, "SELECT min(id) FROM contacts")) == []
