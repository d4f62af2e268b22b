"""Residents who are assisted, from the invitation to the resident's own chat: what is filed is theirs, once; whoever
assisted reads and hears nothing of it; and what may not go on is with the desk."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hours import in_office_hours
from hypothesis import given, settings
from hypothesis import strategies as st
from making import in_this_loop, rows, run, value
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from api import afterwards, assisting, belongings, intake, silence
from api.elsewhere.outward import report_of
from api.house import House
from api.unit import Unit, patiently, unit
from bot.conversation import Conversation, Draft, Told
from bot.lessons import LESSONS
from bot.messages import Address, Incoming, Media
from bot.texts import speak
from bot.turns import Act, Assist, CarryOut, Receipt, Reply, Turn
from store import complaints, counters, deliveries, media, merging, moves, volunteers
from store.complaints import Actor
from store.database import is_busy
from store.inbox import Taken
from store.moves import Status

STORY = "Tiang listrik di Lorong Mufakat, Kelurahan Ogan Baru, Palembang, miring sejak bulan lalu dan hampir roboh."
SECRETS = ("Mufakat", "miring", "roboh", "Aisyah", "tegakkan", "lurus")
RESIDENT = "Aisyah"
OFFICER = Actor("operator", "ani")
DISPOSED, ANSWERED = (Status(name, moves.key(name)) for name in (moves.DISPOSED, moves.ANSWERS[0]))
numbers = count(1)


@pytest.fixture(autouse=True)
def by_day(house: House) -> None:
    """What is said outside office hours would else depend on when this runs."""
    in_office_hours(house)


class Chat:
    """Somebody's chat: what they write, and what was said to them, which they have heard after that."""

    def __init__(self, house: House, user: str, channel: str = "telegram", name: str = "Rina Kawan") -> None:
        self.house, self.user, self.channel, self.name = house, user, channel, name
        self.keys: list[str] = []
        self.heard: list[str] = []
        self.says: list[tuple[str, dict[str, Any]]] = []
        self.buttons: list[str] = []

    async def say(self, words: str = "", **more: Any) -> str:
        """Write this; returns the words of the answer."""
        await self.send(words, **more)
        return await self.read()

    async def send(self, words: str = "", *, message_id: str | None = None, **more: Any) -> Incoming:
        number = next(numbers)
        message = Incoming(
            Address(self.channel, self.user),
            message_id or f"assisting-{number}",
            more.pop("sequence", number),
            text=words,
            name=self.name,
            **more,
        )
        await intake.take(self.house, message, {"message": {"text": words}}, self.house.now())
        return message

    async def press(self, ending: str) -> str:
        """Tap the button whose choice ends so."""
        [choice] = [choice for choice in self.buttons if choice.endswith(ending)] or [f"none of {self.buttons}"]
        return await self.say(choice=choice, sequence=0)

    async def read(self) -> str:
        """Hear what has not been said yet."""
        statement = text("""
            UPDATE deliveries d SET claimed_at = now(), sent_at = now() FROM contacts c
            WHERE c.id = d.contact_id AND c.channel = :channel AND c.address = :user AND d.sent_at IS NULL
            RETURNING d.id, d.says, d.buttons
        """)
        async with self.house.engine.begin() as connection:
            found = (await connection.execute(statement, {"channel": self.channel, "user": self.user})).all()
        found = sorted(found, key=lambda row: row.id)
        self.says = [(key, params) for row in found for key, params in row.says]
        self.keys = [key for key, _ in self.says]
        self.heard += self.keys
        if found:
            self.buttons = [choice for _, choice, *_ in found[-1].buttons]
        return "\n\n".join(speak(key, params, "id") for key, params in self.says)

    def told(self, key: str) -> dict[str, Any]:
        """The parameters of that text of the last answer."""
        [found] = [params for each, params in self.says if each == key]
        return found

    async def id(self) -> int:
        where = "SELECT id FROM contacts WHERE channel = :channel AND address = :user"
        return int(await value(self.house.engine, where, channel=self.channel, user=self.user))

    async def citizen(self) -> int | None:
        found: int | None = await value(
            self.house.engine, "SELECT citizen_id FROM contacts WHERE id = :id", id=await self.id()
        )
        return found


async def invited(house: House, name: str = "Rina", days: int = 365) -> tuple[int, str]:
    async with unit(house) as work:
        until = house.today(None) + timedelta(days=days)
        return await volunteers.invite(
            work.connection, name=name, region="16.71", valid_until=until, staff_id=None, now=house.now()
        )


async def trained(house: House, user: str = "70", channel: str = "telegram", days: int = 365) -> tuple[Chat, int]:
    """A chat whose citizen may assist residents, and the volunteer's id."""
    chat = Chat(house, user, channel)
    volunteer_id, code = await invited(house, days=days)
    await chat.say(f"kawan {code}")
    for lesson in LESSONS:
        await chat.press(f":{lesson.question}:{lesson.right}")
    assert "kawan.passed" in chat.keys
    return chat, volunteer_id


ANSWERS = {
    "consent": "yes",
    "reach": "chat",
    "keeps": "yes",
    "photos": "none",
    "privacy": "open",
    "confirm": "send",
    "offer": "report",
}
WORDS = {"resident": RESIDENT, "story": STORY, "place": "Lorong Mufakat, Ogan Baru"}
CONTACTS = {"phone": "0812 3456 7890", "place": "Posko RT 12"}


async def until(chat: Chat, asked: str, words: str = STORY, **other: str) -> None:
    """Answer what is asked, up to that question."""
    answers = ANSWERS | other
    told = WORDS | {"story": words, "contact": CONTACTS.get(answers["reach"], "")}
    for _ in range(20):
        question = await asking(chat)
        if question == asked:
            return
        offered = [choice.split(":", 2)[2] for choice in chat.buttons]
        if question in answers and answers[question] in offered:
            await chat.press(f":{question}:{answers[question]}")
        elif question in told:
            await chat.say(told[question])
        else:
            await chat.press(":skip")
    raise AssertionError((question, chat.keys))


async def asking(chat: Chat) -> Any:
    return await value(
        chat.house.engine, "SELECT conversation->>'asking' FROM contacts WHERE id = :id", id=await chat.id()
    )


async def filed(chat: Chat, words: str = STORY, **other: str) -> Receipt:
    """File for a resident; the receipt."""
    await chat.say("dampingi")
    await until(chat, "confirm", words, **other)
    await chat.press(":confirm:send")
    told = chat.told("assist.receipt")
    day = datetime.fromisoformat(told["until"]["date"]).date()
    return Receipt(told["ticket"], told["code"], told["takeover"], day)


async def answer(house: House, ticket: str, words: str) -> None:
    """The office answers."""

    async def act(work: Unit) -> None:
        status = await value(house.engine, "SELECT status FROM complaints WHERE ticket = :ticket", ticket=ticket)
        if status == moves.FIRST:
            work.record(await complaints.move(work.connection, ticket, DISPOSED, OFFICER, reason=None, note=None))
        work.record(await complaints.move(work.connection, ticket, ANSWERED, OFFICER, reason=None, note=words))

    await patiently(house, act)


async def complaint(house: House, ticket: str) -> Any:
    [found] = await rows(house.engine, "SELECT * FROM complaints WHERE ticket = :ticket", ticket=ticket)
    return found


async def assistance(house: House) -> Any:
    [found] = await rows(house.engine, "SELECT * FROM assistances ORDER BY id DESC LIMIT 1")
    return found


async def taken(work: Unit, chat: Chat) -> Taken:
    """As a message of that chat, which is locked, would find it."""
    row = (
        await work.connection.execute(
            text("SELECT id, citizen_id, name, conversation, counter_id FROM contacts WHERE id = :id FOR UPDATE"),
            {"id": await chat.id()},
        )
    ).one()
    return Taken(0, row.id, row.citizen_id, row.name, row.conversation, counter_id=row.counter_id)


# --- the whole way ----------------------------------------------------------------------------------------


async def test_from_the_invitation_to_the_residents_own_chat(house: House) -> None:
    kawan, _ = await trained(house)
    assert "setuju" in await kawan.say("dampingi")
    receipt = await filed(kawan)
    report = await complaint(house, receipt.ticket)
    assert (report.text, report.contact_id, report.draft, report.code) == (STORY, None, None, receipt.code)
    [pelapor] = await rows(
        house.engine,
        "SELECT z.name, p.contact_id, p.role FROM complaint_parties p JOIN citizens z ON z.id = p.citizen_id",
    )
    assert tuple(pelapor) == (RESIDENT, None, "pelapor")
    history = await rows(house.engine, "SELECT event, actor_kind, actor_id, public FROM complaint_history ORDER BY id")
    assert [tuple(row) for row in history] == [
        ("filed", "citizen", str(report.citizen_id), True),
        ("assisted", "system", "assisting", False),
    ]
    consent = await assistance(house)
    assert (consent.outcome, consent.reach, consent.keeps, consent.complaint_id) == ("filed", "chat", True, report.id)
    assert "setuju" in consent.consent_words.casefold()
    assert receipt.until == (house.now() + timedelta(days=90)).astimezone(house.zone(None)).date()

    await answer(house, receipt.ticket, "Tiang sudah kami tegakkan.")
    said = await kawan.read()
    assert set(kawan.keys) == {"assist.news"}
    assert receipt.ticket in said
    assert "tegakkan" not in said
    assert await value(house.engine, "SELECT count(*) FROM deliveries WHERE complaint_id IS NOT NULL") == 0

    resident = Chat(house, "another", "webchat", "Nenek")
    await resident.say("halo")
    said = await resident.say(f"ambil {receipt.takeover}")
    assert "move.taken_over" in resident.keys
    assert "Tiang sudah kami tegakkan." in said  # what came before they had a chat
    assert f"{receipt.ticket}:unresolved" in resident.buttons
    assert await resident.citizen() == (await complaint(house, receipt.ticket)).citizen_id
    await answer(house, receipt.ticket, "Sekarang sudah lurus.")
    assert "Sekarang sudah lurus." in await resident.read()
    assert await kawan.read() == ""
    await resident.press(":resolved")
    await resident.press(":rating:5")
    assert await value(house.engine, "SELECT stars FROM ratings") == 5
    assert await kawan.read() == ""
    assert "Sekarang sudah lurus." not in await kawan.say("daftar")
    assert receipt.ticket not in str(kawan.says)


async def test_a_code_serves_once_and_never_whoever_assisted(house: House) -> None:
    kawan, _ = await trained(house)
    receipt = await filed(kawan)
    for words in ("ambil", "pindah"):
        await kawan.say(f"{words} {receipt.takeover}")
        assert kawan.keys[0] == "move.assisted"
    resident, other = Chat(house, "81"), Chat(house, "82")
    # One code is one guess, though two kinds of codes are looked through for it.
    for _ in range(4):
        await other.say("ambil 2345-6789-ACFK")
        assert "move.unknown" in other.keys
    await other.say("ambil 2345-6789-ACFM")
    assert "move.unknown" in other.keys
    await other.say(f"ambil {receipt.takeover}")
    assert "move.too_many" in other.keys
    await resident.say(f"pindah {receipt.takeover}")
    assert "move.taken_over" in resident.keys
    third = Chat(house, "83")
    await third.say(f"ambil {receipt.takeover}")
    assert "move.used" in third.keys
    twice = "SELECT count(*) FROM attention WHERE kind = 'code_used_twice'"
    assert await value(house.engine, twice) == 1, "one of the two is not the resident"
    await resident.say(f"ambil {receipt.takeover}")
    assert "move.used_here" in resident.keys
    assert await value(house.engine, twice) == 1
    assert (await complaint(house, receipt.ticket)).citizen_id == await resident.citizen()


async def test_a_resident_who_is_taken_over_needs_no_visit(house: House) -> None:
    """A telephone or a place is for an officer: one matter, as long as it is open, and none once there is a chat."""
    kawan, _ = await trained(house)
    receipt = await filed(kawan, reach="place", keeps="no")
    await answer(house, receipt.ticket, "Kami periksa.")
    await answer(house, receipt.ticket, "Sudah kami tegakkan.")
    assert await kawan.read() == ""  # the resident did not want that
    matters = "SELECT kind, detail, contact_id, closed_at IS NULL AS open FROM attention"
    assert [tuple(row) for row in await rows(house.engine, matters)] == [("reach_resident", "place", None, True)]
    await Chat(house, "81").say(f"ambil {receipt.takeover}")
    assert [tuple(row) for row in await rows(house.engine, matters)] == [("reach_resident", "place", None, False)]
    await answer(house, receipt.ticket, "Sudah lurus.")
    assert await value(house.engine, "SELECT count(*) FROM attention") == 1


async def test_words_of_an_office_are_for_a_resident_without_a_chat_too(house: House) -> None:
    """What is asked or said in a message, or at first, and no move tells: somebody calls, or it is told to nobody."""
    kawan, _ = await trained(house)
    open_ = "SELECT kind, detail FROM attention WHERE closed_at IS NULL"
    receipt = await filed(kawan, reach="phone", keeps="no")
    async with unit(house) as work:
        work.record(await complaints.note(work.connection, receipt.ticket, OFFICER, "Catatan sendiri.", public=False))
    assert await rows(house.engine, open_) == []
    async with unit(house) as work:
        work.record(await complaints.note(work.connection, receipt.ticket, OFFICER, "Tiang yang mana?", public=True))
    assert [tuple(row) for row in await rows(house.engine, open_)] == [("reach_resident", "phone")]
    assert await kawan.read() == ""


async def test_that_a_report_is_handled_with_another_is_news(house: House) -> None:
    """A pelapor with a chat is told; for one without, whoever assisted hears that there is something."""
    kawan, _ = await trained(house)
    receipt = await filed(kawan)
    other = await filed(kawan, "Tiang listrik di Lorong Mufakat miring, kabelnya terjulur ke jalan.", keeps="no")
    async with unit(house) as work:
        work.record(await merging.merge(work.connection, receipt.ticket, other.ticket, OFFICER))
    said = await kawan.read()
    assert kawan.keys == ["assist.news"]
    assert receipt.ticket in said
    assert other.ticket not in said


async def test_news_comes_once_an_hour_and_not_on_top_of_a_turn(house: House) -> None:
    kawan, _ = await trained(house)
    receipt = await filed(kawan)
    await answer(house, receipt.ticket, "Kami periksa.")
    assert await kawan.read() != ""
    await answer(house, receipt.ticket, "Kami periksa lagi.")
    assert await kawan.read() == ""
    house.skew += timedelta(hours=2)
    async with house.engine.connect() as turn:
        # A turn of the volunteer has the chat: the officer is not made to wait for it, and comes again.
        await turn.execute(text("SELECT FROM contacts WHERE id = :id FOR UPDATE"), {"id": await kawan.id()})
        with pytest.raises(DBAPIError) as problem:
            async with unit(house) as work:
                work.record(
                    await complaints.move(work.connection, receipt.ticket, ANSWERED, OFFICER, reason=None, note="Baik.")
                )
        assert is_busy(problem.value)
        later = asyncio.create_task(answer(house, receipt.ticket, "Selesai."))
        await asyncio.sleep(0.1)
        await turn.rollback()
        await later
    await kawan.read()
    assert kawan.keys == ["assist.news"]


# --- nothing is left with whoever assisted --------------------------------------------------------------------


async def test_no_wish_of_the_volunteers_reaches_the_report(house: House) -> None:
    kawan, _ = await trained(house)
    photo = Media("photo", "a-photo", size=10, content_type="image/jpeg")
    voice = Media("voice", "a-voice", size=10, content_type="audio/ogg")
    await kawan.say("dampingi")
    await until(kawan, "photos")
    pictured = await kawan.send(media=photo)
    spoken = await kawan.send(media=voice)
    await kawan.read()
    await until(kawan, "confirm")
    await kawan.press(":confirm:send")
    receipt = kawan.told("assist.receipt")
    ticket = receipt["ticket"]
    report = await complaint(house, ticket)
    files = await rows(house.engine, "SELECT id, contact_id, draft, line_id, complaint_id FROM media ORDER BY id")
    assert [tuple(row)[1:] for row in files] == [(None, None, None, report.id)] * 2
    await answer(house, ticket, "Tiang sudah kami tegakkan.")
    await kawan.read()
    async with unit(house) as work:
        me = await taken(work, kawan)
        draft = Draft(99, told=(Told("Masih miring.", 1),))
        assert await afterwards.states(work, me, ticket) == []
        assert await afterwards.states(work, me, None) == []
        assert (await afterwards.act(work, me, Reply(ticket, "Halo"))).key == "unknown"
        for verb in ("dispute", "confirm", "rate", "comment", "withdraw", "unfollow", "deny"):
            assert (await afterwards.act(work, me, Act(verb, ticket, "x", 1))).key == "unknown"
        assert (await afterwards.join(work, me, draft, ticket)).key == "unknown"
        for carried in (CarryOut(None, ticket), CarryOut(None)):
            assert await belongings.fulfil(work, me, carried) is None
        assert await media.take_place(work.connection, me.contact_id, files[0].id) is None
    before = await value(house.engine, "SELECT count(*) FROM complaint_history")
    for words in (f"status {ticket}", "status", "daftar", f"cek {ticket}", "data saya", "baca", f"pindah {ticket}"):
        said = await kawan.say(words)
        assert not [secret for secret in SECRETS if secret in said], (words, said)
    # A quoted message of the report's, a late photo of its album, an edit, what a machine hears, where a photo was.
    news = await value(house.engine, "SELECT max(id) FROM deliveries WHERE says::text LIKE '%assist.news%'")
    await run(house.engine, "UPDATE deliveries SET provider_sequence = 4711 WHERE id = :id", id=news)
    await kawan.say("Terima kasih, tiangnya sudah baik.", reply_to="4711")
    await kawan.say("batal")
    await kawan.say("Lebih parah lagi", sequence=pictured.sequence, edits=True)
    await kawan.say("Di dalam suara", sequence=spoken.sequence, transcribed=True)
    await kawan.say(photographed=(files[0].id, 1), sequence=0)
    await kawan.say(media=photo)
    await kawan.press(":whose:self")
    await kawan.say("batal")
    assert await value(house.engine, "SELECT count(*) FROM complaint_history") == before
    assert await value(house.engine, "SELECT count(*) FROM media WHERE complaint_id IS NOT NULL") == 2
    ledger = "SELECT says::text || buttons::text FROM deliveries UNION ALL SELECT payload::text FROM inbox"
    assert not [row for row in await rows(house.engine, ledger) if STORY in row[0]]
    told = "SELECT conversation::text FROM contacts WHERE id = :id"
    assert not [secret for secret in SECRETS if secret in await value(house.engine, told, id=await kawan.id())]


async def test_the_page_of_the_chat_shows_the_receipt_and_nothing_before(house: House) -> None:
    kawan, _ = await trained(house, "web-1", "webchat")
    await filed(kawan)
    async with house.engine.connect() as connection:
        lines = await deliveries.lines(connection, "webchat", "web-1", 0)
    assert [line.heard for line in lines] == [False]
    assert "assist.receipt" in [key for key, _ in lines[0].content]
    await kawan.say("daftar")
    async with house.engine.connect() as connection:
        assert len(await deliveries.lines(connection, "webchat", "web-1", 0)) == 3


AFTER = [
    "ya", "1", "status", "daftar", "dampingi", "batal", "ubah", "ulang", "pindah", "kawan", "hapus", "terima kasih",
    "belum selesai", "sudah selesai", "cabut persetujuan", "bukan instansi itu", "tambah: lampunya juga mati",
]  # fmt: skip


async def test_whatever_the_volunteer_says_afterwards_the_report_stays_the_residents(house: House) -> None:
    history = (
        "SELECT count(*) FROM complaint_history h JOIN complaints k ON k.id = h.complaint_id WHERE ticket = :ticket"
    )

    @settings(max_examples=6, deadline=None)
    @given(said=st.lists(st.sampled_from(AFTER), min_size=1, max_size=5))
    async def check(said: list[str]) -> None:
        kawan, _ = await trained(house, f"any-{next(numbers)}")
        receipt = await filed(kawan)
        before = await value(house.engine, history, ticket=receipt.ticket)
        for words in said:
            heard = await kawan.say(words)
            assert not [secret for secret in SECRETS if secret in heard], (words, heard)
        assert await value(house.engine, history, ticket=receipt.ticket) == before

    await in_this_loop(check)


# --- codes ------------------------------------------------------------------------------------------------


async def receipts_in(house: House, chat: Chat) -> list[dict[str, Any]]:
    """What the ledger still has of receipts in a chat."""
    where = "SELECT says FROM deliveries WHERE contact_id = :id ORDER BY id"
    found = await rows(house.engine, where, id=await chat.id())
    return [params for [says] in found for key, params in says if key == "assist.receipt"]


async def test_codes_are_covered_when_the_next_resident_agrees(house: House) -> None:
    kawan, _ = await trained(house)
    receipt = await filed(kawan)
    assert [each["takeover"] for each in await receipts_in(house, kawan)] == [receipt.takeover]
    await kawan.say("dampingi")
    assert [each["takeover"] for each in await receipts_in(house, kawan)] == [receipt.takeover]
    await kawan.press(":consent:yes")
    [left] = await receipts_in(house, kawan)
    assert left["ticket"] == receipt.ticket
    assert not [code for code in (receipt.takeover, receipt.code) if str(code) in json.dumps(left)]
    # It is said again as well as ever, should the provider have lost it.
    assert "(tidak ditampilkan lagi)" in speak("assist.receipt", left, "id")


async def test_codes_are_covered_a_day_after_they_were_sent(house: House) -> None:
    kawan, _ = await trained(house)
    await kawan.say("dampingi")
    await until(kawan, "confirm")
    [choice] = [choice for choice in kawan.buttons if choice.endswith(":confirm:send")]
    await kawan.send(choice=choice, sequence=0)
    contact = await kawan.id()
    jobs = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'cover_codes' AND scheduled_at > now()"
    assert await value(house.engine, jobs) == 1
    house.skew += timedelta(days=1, minutes=1)
    await assisting.cover_codes(house, contact)  # it could not be sent yet: nothing is covered, and another day waited
    [kept] = await receipts_in(house, kawan)
    assert isinstance(kept["takeover"], str)
    assert await value(house.engine, jobs) == 2
    await kawan.read()
    house.skew += timedelta(days=1, minutes=1)
    for _ in range(2):
        await assisting.cover_codes(house, contact)
    [left] = await receipts_in(house, kawan)
    assert left["takeover"] == deliveries.COVERED
    assert await value(house.engine, jobs) == 2


# --- who may not go on ------------------------------------------------------------------------------------


async def revoke(house: House, volunteer_id: int) -> None:
    async with unit(house) as work:
        assert await volunteers.revoke(work.connection, volunteer_id, house.now())


async def test_a_grant_that_is_revoked_leaves_the_draft_with_the_desk_and_an_officer_files_it(house: House) -> None:
    kawan, volunteer_id = await trained(house)
    await kawan.say("dampingi")
    await until(kawan, "photos", reach="place")
    await kawan.say(media=Media("photo", "a-photo", size=10, content_type="image/jpeg"))
    await revoke(house, volunteer_id)
    assert await assisting.end_grant(house, volunteer_id) == 1
    assert await assisting.end_grant(house, volunteer_id) == 0
    said = await kawan.read()
    assert kawan.keys == ["assist.ended", "assist.ended_desk"]
    assert "dicabut" in said
    kept = await assistance(house)
    assert (kept.outcome, kept.reach, kept.reach_words) == ("desk", "place", "Posko RT 12")
    assert STORY in json.dumps(kept.saved)
    assert await value(house.engine, "SELECT count(*) FROM attention WHERE kind = 'assisted_draft'") == 1
    conversation = await value(
        house.engine, "SELECT conversation::text FROM contacts WHERE id = :id", id=await kawan.id()
    )
    assert "Mufakat" not in conversation

    async with house.engine.begin() as connection:
        made = "INSERT INTO staff (login, name) VALUES ('ani', 'Ani') RETURNING id"
        staff_id = (await connection.execute(text(made))).scalar_one()
    receipt = await assisting.file_kept(house, kept.id, staff_id)
    ticket = receipt.ticket
    with pytest.raises(LookupError):
        await assisting.file_kept(house, kept.id, staff_id)
    report = await complaint(house, ticket)
    assert (report.text, report.contact_id, report.region) == (STORY, None, "16.71.13.1006")
    assert await value(house.engine, "SELECT complaint_id FROM media") == report.id
    settled = await assistance(house)
    assert (settled.outcome, settled.saved, settled.complaint_id) == ("desk", None, report.id)
    assert await value(house.engine, "SELECT count(*) FROM attention WHERE closed_at IS NULL") == 0
    audited = await rows(house.engine, "SELECT actor_id, verb, object_kind, object_id FROM audit")
    assert [tuple(row) for row in audited] == [(f"staff:{staff_id}", "assisted_draft.file", "report", ticket)]
    await kawan.say("dampingi")
    assert "ask.consent" not in kawan.keys


async def test_a_letter_alone_is_a_letter_in_what_an_officer_files(house: House) -> None:
    kawan, volunteer_id = await trained(house)
    await kawan.say("dampingi")
    await until(kawan, "story")
    await kawan.say(media=Media("photo", "a-photo", size=10, content_type="image/jpeg"))
    await revoke(house, volunteer_id)
    await assisting.end_grant(house, volunteer_id)
    receipt = await assisting.file_kept(house, (await assistance(house)).id, 1)
    assert (await complaint(house, receipt.ticket)).text == speak("letter_story", None, "id")


async def test_a_grant_that_ends_by_its_day_is_found_by_the_round(house: House) -> None:
    kawan, _ = await trained(house, days=2)
    await kawan.say("dampingi")
    await until(kawan, "photos")
    await kawan.say("dampingi")
    await kawan.press(":consent:yes")  # a second resident, who has not told anything yet
    assert await assisting.keep_grants(house) == 0
    house.skew += timedelta(days=3)
    assert await assisting.keep_grants(house) == 1
    assert await assisting.keep_grants(house) == 0
    assert "assist.ended" in (await kawan.read() and kawan.keys)
    outcomes = await rows(house.engine, "SELECT outcome, saved IS NULL AS gone FROM assistances ORDER BY id")
    assert [tuple(row) for row in outcomes] == [("desk", False), ("dropped", True)]


async def test_a_draft_waits_at_the_desk_for_somebody_who_knows_of_it(house: House) -> None:
    """One officer settles the last draft at the moment at which another one comes, or closes the matter by hand."""
    kawan, volunteer_id = await trained(house)
    await kawan.say("dampingi")
    await until(kawan, "photos", reach="phone")
    await revoke(house, volunteer_id)
    await assisting.end_grant(house, volunteer_id)
    await run(house.engine, "UPDATE attention SET closed_at = now()")
    for _ in range(2):
        await assisting.keep_grants(house)
        open_ = "SELECT count(*) FROM attention WHERE kind = 'assisted_draft' AND closed_at IS NULL"
        assert await value(house.engine, open_) == 1


async def test_a_turn_finds_by_itself_that_the_grant_is_gone(house: House) -> None:
    """Whoever is quicker than `end_grant`: the last words go along, and nothing is filed."""
    kawan, volunteer_id = await trained(house)
    await kawan.say("dampingi")
    await until(kawan, "confirm")
    await revoke(house, volunteer_id)
    await kawan.press(":confirm:send")
    assert "assist.ended_waits" in kawan.keys  # a code that does not exist yet leads nobody to them
    assert await value(house.engine, "SELECT count(*) FROM complaints") == 0
    assert await assisting.end_grant(house, volunteer_id) == 0
    assert (await assistance(house)).outcome == "desk"


async def test_a_counter_assists_in_a_chat_of_the_residents_own(house: House) -> None:
    async with house.engine.begin() as connection:
        made = "INSERT INTO staff (login, name) VALUES ('loket', 'Loket') RETURNING id"
        staff_id = (await connection.execute(text(made))).scalar_one()
        grant = "INSERT INTO staff_grants (staff_id, role, region) VALUES (:id, 'petugas_loket', '16.71')"
        await connection.execute(text(grant), {"id": staff_id})
        token = await counters.open(
            connection, staff_id=staff_id, name="MPP 3", region="16.71", now=house.now(), hours=12
        )
        counter = await counters.current(connection, token, house.now())
        assert counter is not None
        await counters.new_chat(connection, counter.id, address="counter-1")
        await counters.new_chat(connection, counter.id, address="counter-2")
    first, second = Chat(house, "counter-1", "webchat"), Chat(house, "counter-2", "webchat")
    receipt = await filed(first)
    assert "assist.after_counter" in first.keys
    assert (await complaint(house, receipt.ticket)).contact_id is None
    await second.say("dampingi")
    await until(second, "photos")
    house.skew += timedelta(hours=13)
    assert await assisting.keep_grants(house) == 1
    assert (await assistance(house)).outcome == "desk"


# --- consent ----------------------------------------------------------------------------------------------


async def test_consent_that_is_taken_back_before_filing_leaves_nothing(house: House) -> None:
    kawan, _ = await trained(house)
    await kawan.say("dampingi")
    await until(kawan, "photos", reach="place")
    await kawan.say(media=Media("photo", "a-photo", size=10, content_type="image/jpeg"))
    await kawan.say("cabut persetujuan")
    assert "assist.taken_back" in kawan.keys
    gone = await assistance(house)
    assert (gone.outcome, gone.saved, gone.reach_words, gone.consent_words) == ("withdrawn", None, None, "")
    assert await value(house.engine, "SELECT count(*) FROM media WHERE draft IS NOT NULL") == 0
    for kept in (
        "SELECT payload::text FROM inbox",
        "SELECT says::text FROM deliveries",
        "SELECT conversation::text FROM contacts",
    ):
        assert not [row for row in await rows(house.engine, kept) if row[0] and "Mufakat" in row[0]]


async def test_consent_that_is_taken_back_afterwards_is_a_matter_for_an_officer(house: House) -> None:
    kawan, _ = await trained(house)
    receipt = await filed(kawan, reach="phone")
    stranger, _ = await trained(house, "71")
    await stranger.say(f"cabut persetujuan {receipt.ticket}")
    assert "assist.taken_back_unknown" in stranger.keys
    for key in ("assist.taken_back_filed", "assist.taken_back_unknown"):
        await kawan.say(f"cabut persetujuan {receipt.ticket}")
        assert key in kawan.keys
    report = await complaint(house, receipt.ticket)
    matters = "SELECT kind, contact_id, complaint_id FROM attention WHERE closed_at IS NULL"
    assert [tuple(row) for row in await rows(house.engine, matters)] == [("consent_withdrawn", None, report.id)]
    last = "SELECT event FROM complaint_history WHERE complaint_id = :id ORDER BY id DESC LIMIT 1"
    assert await value(house.engine, last, id=report.id) == "consent_withdrawn"
    await answer(house, receipt.ticket, "Sudah kami tegakkan.")
    assert await kawan.read() == ""
    # The number to call was given with the consent.
    assert await value(house.engine, "SELECT count(*) FROM attention WHERE kind = 'reach_resident'") == 0
    resident = Chat(house, "81")
    await resident.say(f"ambil {receipt.takeover}")
    assert "move.taken_over" in resident.keys


async def test_silence_forsakes_what_residents_were_telling(house: House) -> None:
    kawan, _ = await trained(house)
    await kawan.say("dampingi")
    await until(kawan, "photos")
    await kawan.say("dampingi")
    await kawan.press(":consent:no")  # what was told first waits, and no draft is open
    house.skew += timedelta(days=6, hours=1)
    assert await silence.keep_drafts(house) == 1
    house.skew += timedelta(days=1)
    assert await silence.keep_drafts(house) == 1
    said = await kawan.read()
    assert "Mufakat" not in said
    assert (await assistance(house)).outcome == "dropped"
    assert not [row for row in await rows(house.engine, "SELECT payload::text FROM inbox") if "Mufakat" in row[0]]


# --- once -------------------------------------------------------------------------------------------------


async def test_a_yes_that_comes_twice_or_whose_turn_dies_files_once(house: House) -> None:
    kawan, _ = await trained(house)
    await kawan.say("dampingi")
    await until(kawan, "confirm")
    [choice] = [choice for choice in kawan.buttons if choice.endswith(":confirm:send")]
    # The last statement of the turn fails, as when a worker is killed before it commits.
    await run(house.engine, "ALTER TABLE deliveries ADD CONSTRAINT dies CHECK (says::text NOT LIKE '%assist.receipt%')")
    with pytest.raises(Exception, match="dies"):
        await kawan.send(choice=choice, sequence=0, message_id="the-yes")
    assert await value(house.engine, "SELECT count(*) FROM complaints") == 0
    assert (await assistance(house)).outcome is None
    await run(house.engine, "ALTER TABLE deliveries DROP CONSTRAINT dies")
    await asyncio.gather(*(kawan.send(choice=choice, sequence=0, message_id=f"the-yes{at % 2}") for at in range(6)))
    await kawan.read()
    assert await value(house.engine, "SELECT count(*) FROM complaints") == 1
    assert await value(house.engine, "SELECT count(*) FROM citizens WHERE name = :name", name=RESIDENT) == 1
    assert len(await receipts_in(house, kawan)) == 1


async def test_whoever_is_no_citizen_of_ours_costs_no_look(house: House) -> None:
    """An ordinary chat: the grant is not asked for, be the connection closed."""
    async with house.engine.connect() as connection:
        pass
    assert await assisting.helper(Unit(house, connection), Taken(1, 1, None, "Budi", None)) is None


async def test_texts_that_look_alike_are_warned_of_and_counted(house: House) -> None:
    kawan, _ = await trained(house)
    await filed(kawan)
    assert (await assistance(house)).alike == 0
    assert "assist.alike" not in kawan.heard
    await kawan.say("dampingi")
    await until(kawan, "confirm", STORY.replace("Tiang", "Satu tiang"))
    assert "assist.alike" in kawan.heard
    await kawan.press(":confirm:send")
    assert (await assistance(house)).alike == 1


async def test_a_danger_is_found_with_the_report_and_not_with_the_chat(house: House) -> None:
    house.skew = timedelta(0)  # matters have the database's date
    kawan, _ = await trained(house)
    receipt = await filed(
        kawan, "Rumah di Lorong Mufakat, Kelurahan Ogan Baru, Palembang sedang terbakar sekarang, api besar!"
    )
    report = await complaint(house, receipt.ticket)
    dangers = await rows(house.engine, "SELECT complaint_id, contact_id FROM attention WHERE kind = 'danger'")
    assert [tuple(row) for row in dangers] == [(report.id, None)]


async def test_nothing_that_leaves_the_house_names_whoever_assisted(house: House) -> None:
    kawan, _ = await trained(house, "kawan-of-this-test")
    seen = [
        (await filed(kawan)).ticket,
        (await filed(kawan, "Sumur di RT 5 Plaju kering sejak kemarin.", privacy="both")).ticket,
    ]
    async with house.engine.connect() as connection:
        told = [await report_of(house, connection, (await complaint(house, ticket)).id) for ticket in seen]
    assert [each.name for each in told] == [RESIDENT, None]
    assert not [each for each in told if "Rina" in repr(each) or kawan.user in repr(each)]


async def test_a_yes_and_the_end_of_the_grant_at_once_leave_one_of_both(house: House) -> None:
    """Filed, or with the desk: never both, never neither."""
    for at in range(4):
        kawan, volunteer_id = await trained(house, f"at-once-{at}")
        await kawan.say("dampingi")
        await until(kawan, "confirm", f"{STORY} Sudah {at + 2} kali dilaporkan ke ketua RT.")
        [choice] = [choice for choice in kawan.buttons if choice.endswith(":confirm:send")]

        async def end(volunteer_id: int = volunteer_id) -> None:
            await revoke(house, volunteer_id)
            await assisting.end_grant(house, volunteer_id)

        await asyncio.gather(kawan.send(choice=choice, sequence=0), end())
        found = await assistance(house)
        assert (found.outcome, found.complaint_id is not None) in (("filed", True), ("desk", False))
        assert (found.saved is None) == (found.outcome == "filed")


async def test_a_code_that_two_chats_send_at_once_serves_one(house: House) -> None:
    kawan, _ = await trained(house)
    receipt = await filed(kawan)
    chats = [Chat(house, f"resident-{at}") for at in range(3)]
    await asyncio.gather(*(chat.send(f"ambil {receipt.takeover}") for chat in chats))
    for chat in chats:
        await chat.read()
    took = [chat for chat in chats if "move.taken_over" in chat.keys]
    assert len(took) == 1
    assert (await complaint(house, receipt.ticket)).citizen_id == await took[0].citizen()
    assert all("move.used" in chat.keys for chat in chats if chat not in took)


# --- what a volunteer might try --------------------------------------------------------------------------------


async def test_whoever_assisted_does_not_come_back_as_a_follower(house: House) -> None:
    """Followers hear the status and the answers; a volunteer with a story of their own is not led to that report, in
    no chat of theirs. Neighbours are."""
    kawan, _ = await trained(house)
    receipt = await filed(kawan, keeps="no")
    second = Chat(house, "71", "webchat")
    await kawan.say("hubungkan")
    await second.say("halo")
    await second.say(f"hubungkan {kawan.told('link.code')['code']} setuju")
    assert "link.told" in await keys_of(kawan)
    for chat in (kawan, second):
        await chat.say(STORY)
        await until(chat, "confirm", whose="self")
        assert "ask.neighbours" not in chat.heard
        async with unit(house) as work:
            draft = Draft(99).tell(STORY, 1)
            found = await complaint(house, receipt.ticket)
            verdict = await afterwards.follow(work, await taken(work, chat), Turn(Conversation()), draft, (found.id,))
            assert verdict.key == afterwards.UNKNOWN
        await chat.say("batal")
    await answer(house, receipt.ticket, "Sudah kami tegakkan.")
    assert await kawan.read() == await second.read() == ""
    neighbour = Chat(house, "81")
    await neighbour.say(STORY)
    await until(neighbour, "neighbours")


async def keys_of(chat: Chat) -> list[str]:
    await chat.read()
    return chat.keys


async def test_two_chats_of_a_volunteer_share_the_last_resident_of_the_day(house: House) -> None:
    kawan, _ = await trained(house)
    second = Chat(house, "71", "webchat")
    await kawan.say("hubungkan")
    await second.say("halo")
    await second.say(f"hubungkan {kawan.told('link.code')['code']} setuju")
    house.settings = house.settings.model_copy(update={"assist_daily_limit": 1})

    async def agreed(work: Unit, chat: Chat) -> Any:
        return await assisting.fulfil(work, await taken(work, chat), Assist(7, "Setuju?", "id"), "id")

    async def meanwhile() -> Any:
        async with unit(house) as work:
            return await agreed(work, second)

    async with asyncio.timeout(30):
        async with unit(house) as work:
            assert await agreed(work, kawan) is not None
            other = asyncio.create_task(meanwhile())
            while not other.done() and not await value(house.engine, "SELECT count(*) FROM pg_locks WHERE NOT granted"):
                pass  # until it waits
        assert await other is None
    assert await value(house.engine, "SELECT count(*) FROM assistances") == 1


@pytest.mark.parametrize("end", ["no more today", "batal", "silence"])
async def test_words_that_may_be_a_residents_are_not_kept_without_consent(house: House, end: str) -> None:
    kawan, _ = await trained(house)
    await kawan.say(STORY)
    assert "ask.whose" in kawan.keys
    if end == "no more today":
        house.settings = house.settings.model_copy(update={"assist_daily_limit": 0})
        await kawan.press(":whose:resident")
        assert "assist.not_kept" in kawan.keys
    elif end == "batal":
        await kawan.say("batal")
        assert "cancelled" in kawan.keys
    else:
        for silent in (timedelta(days=6, hours=1), timedelta(days=1)):
            house.skew += silent
            assert await silence.keep_drafts(house) == 1
        await kawan.read()
    chats = await rows(house.engine, "SELECT conversation FROM contacts")
    heard = await rows(house.engine, "SELECT payload FROM inbox")
    assert "Mufakat" not in json.dumps([row[0] for row in [*chats, *heard]])


async def test_a_volunteers_word_alone_does_not_keep_news_from_a_resident(house: House) -> None:
    """An officer has confirmed it, and it was not so: then the resident hears what must be heard."""
    kawan, _ = await trained(house)
    receipt = await filed(kawan, reach="phone")
    await kawan.say(f"cabut persetujuan {receipt.ticket}")
    await answer(house, receipt.ticket, "Kami periksa.")
    wanted = "SELECT count(*) FROM attention WHERE kind = 'reach_resident' AND closed_at IS NULL"
    assert await value(house.engine, wanted) == 0  # whoever confirms it calls them anyway
    await run(house.engine, "UPDATE attention SET closed_at = now() WHERE kind = 'consent_withdrawn'")
    await answer(house, receipt.ticket, "Sudah kami tegakkan.")
    assert await value(house.engine, wanted) == 1
