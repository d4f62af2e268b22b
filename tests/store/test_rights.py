"""What is kept of a citizen is told, erased on request, and let go by itself; what others need of it stays."""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from conftest import in_database
from hypothesis import given, settings
from hypothesis import strategies as st
from making import CHANNEL, OPERATOR, file, rows, run, value
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from store import (
    carryovers,
    complaints,
    contacts,
    deliveries,
    editing,
    identities,
    inbox,
    learning,
    media,
    moves,
    rights,
)
from store.agencies import load_functions
from store.carryovers import Draft
from store.complaints import Actor
from store.database import connect
from store.deliveries import NewDelivery
from store.media import NewMedia
from store.rights import Policy, Swept

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
POLICY = Policy(closed_days=365, draft_days=7, chat_days=90)
PHONE = "081234567890"
STORY = f"Jalan di depan rumah saya rusak. Hubungi {PHONE}."
DRAFT = {"number": 3, "told": [["Lampu mati.", 5]], "answers": {}, "photos": 1, "albums": []}
PARKED = {**DRAFT, "number": 2}


def mask(words: str) -> str | None:
    """What the shell hands in, by its contract: a text without numbers that lead to a person."""
    return words.replace(PHONE, "[TELP]")


async def heard(
    connection: AsyncConnection, address: str, words: str = "halo", at: datetime = NOW, channel: str = CHANNEL
) -> int:
    """A message of that chat; returns its contact."""
    taken = await inbox.take(
        connection, channel=channel, message_id=uuid.uuid4().hex, address=address, sequence=1, name="Budi",
        payload={"text": words}, received_at=at,
    )  # fmt: skip
    assert taken is not None
    return taken.contact_id


async def chat(engine: AsyncEngine, address: str = "a", at: datetime = NOW, **conversation: Any) -> int:
    """A chat in which a message was heard and answered then."""
    async with engine.begin() as connection:
        contact_id = await heard(connection, address, "Nama saya Budi.", at)
        remembered = {"language": "id", "drafts": 3, "draft": None, **conversation}
        await contacts.remember(connection, contact_id, remembered)
        await connection.execute(
            text("UPDATE contacts SET created_at = :at WHERE id = :id"), {"at": at, "id": contact_id}
        )
    await said(engine, contact_id, address, "Halo Budi.", at)
    return contact_id


async def said(
    engine: AsyncEngine, contact_id: int, address: str, words: str, at: datetime, state: str = "sent", **more: Any
) -> None:
    """A message to that chat: sent, failed or pending."""
    async with engine.begin() as connection:
        await contacts_lock(connection, contact_id)
        says = [("push.note", {"note": words})]
        await deliveries.add(
            connection, NewDelivery(contact_id, CHANNEL, address, says, "id", buttons=[("choice.yes", "x")], **more)
        )
        moment = {"sent": "sent_at", "failed": "failed_at"}.get(state)
        moved = f", {moment} = :at" if moment else ""
        await connection.execute(
            text(f"UPDATE deliveries SET created_at = :at {moved} WHERE id = (SELECT max(id) FROM deliveries)"),  # noqa: S608
            {"at": at},
        )


async def contacts_lock(connection: AsyncConnection, contact_id: int) -> None:
    await connection.execute(text("SELECT 1 FROM contacts WHERE id = :id FOR UPDATE"), {"id": contact_id})


async def filed(engine: AsyncEngine, contact_id: int, **details: Any) -> str:
    """A complaint of that contact, told with a telephone number."""
    async with engine.begin() as connection:
        await contacts_lock(connection, contact_id)
        known = await citizen_of(engine, contact_id)
        citizen = known or await contacts.become_citizen(connection, contact_id, "Budi", "id")
        wanted = {"text": STORY, "draft": 1, "citizen_id": citizen, "contact_id": contact_id, **details}
        return (await file(connection, **wanted)).ticket


async def citizen_of(engine: AsyncEngine, contact_id: int) -> Any:
    return await value(engine, "SELECT citizen_id FROM contacts WHERE id = :id", id=contact_id)


async def ended(engine: AsyncEngine, ticket: str, at: datetime) -> None:
    """The complaint ended then."""
    found = moves.read("Diarsipkan oleh Admin")
    assert found is not None
    async with engine.begin() as connection:
        note = f"Sudah kami hubungi di {PHONE}."
        await complaints.move(connection, ticket, found, OPERATOR, reason=f"Telepon {PHONE}", note=note)
    await run(engine, "UPDATE complaints SET changed_at = :at, filed_at = :at WHERE ticket = :t", at=at, t=ticket)


async def photo(engine: AsyncEngine, contact_id: int, name: str, at: datetime = NOW, **details: Any) -> None:
    async with engine.begin() as connection:
        media_id = await media.add(connection, NewMedia(contact_id, "photo", CHANNEL, name, **details))
        await media.stored(connection, media_id, name, "image/jpeg", 1000)
        await connection.execute(text("UPDATE media SET created_at = :at WHERE id = :id"), {"at": at, "id": media_id})


async def held(engine: AsyncEngine, contact_id: int) -> rights.Held:
    async with engine.connect() as connection:
        return await rights.held(connection, contact_id, POLICY)


async def erased(engine: AsyncEngine, contact_id: int) -> rights.Erased:
    async with engine.begin() as connection:
        return await rights.erase(connection, contact_id, POLICY)


async def swept(engine: AsyncEngine, now: datetime = NOW, policy: Policy = POLICY, most: int = 100) -> Swept:
    async with engine.begin() as connection:
        return await rights.sweep(connection, now, policy, mask, most)


async def everything(engine: AsyncEngine, *tables: str) -> str:
    """All rows of these tables, as words."""
    found = [await rows(engine, f"SELECT * FROM {table} ORDER BY 1") for table in tables]  # noqa: S608
    return json.dumps([[dict(row._mapping) for row in table] for table in found], default=str)


WORDS = ("inbox", "deliveries", "contacts")


# --- to see ------------------------------------------------------------------------------------------


async def test_what_is_held_is_counted_and_is_nobody_elses(engine: AsyncEngine) -> None:
    mine = await chat(engine, "a", draft=DRAFT, parked=[PARKED])
    other = await chat(engine, "b")
    open_one, closed = await filed(engine, mine), await filed(engine, mine, draft=2)
    theirs = await filed(engine, other)
    await ended(engine, closed, NOW)
    for contact_id, role, ticket in ((mine, "pengikut", theirs), (other, "pengikut", open_one)):
        await party(engine, contact_id, ticket, role)
    await photo(engine, mine, "a" * 64, draft=3)
    await photo(engine, mine, "b" * 64, ticket=open_one)
    await photo(engine, other, "c" * 64, ticket=theirs)
    await rate(engine, mine, closed, "Lambat")
    found = await held(engine, mine)
    assert (found.channel, found.name, found.since, found.language) == (CHANNEL, "Budi", NOW, "id")
    assert (found.heard, found.spoken, found.drafts, found.files, found.bytes) == (1, 1, 2, 2, 2000)
    assert [kept.ticket for kept in found.complaints] == [open_one, closed]
    assert [kept.until for kept in found.complaints] == [None, NOW + timedelta(days=365)]
    assert (found.follows, found.ratings) == (1, 1)


async def test_of_a_chat_that_only_said_hello_little_is_held(engine: AsyncEngine) -> None:
    found = await held(engine, await chat(engine))
    assert (found.complaints, found.files, found.bytes, found.follows, found.ratings, found.drafts) == (
        (),
        0,
        0,
        0,
        0,
        0,
    )


async def party(engine: AsyncEngine, contact_id: int, ticket: str, role: str) -> None:
    await run(
        engine,
        "INSERT INTO complaint_parties (complaint_id, citizen_id, role, contact_id)"
        " SELECT k.id, c.citizen_id, :role, c.id FROM complaints k, contacts c WHERE k.ticket = :t AND c.id = :contact",
        role=role, t=ticket, contact=contact_id,
    )  # fmt: skip


async def rate(engine: AsyncEngine, contact_id: int, ticket: str, comment: str) -> None:
    """A rating and its history row, as the citizen's verb writes them."""
    citizen = await citizen_of(engine, contact_id)
    async with engine.begin() as connection:
        row = (await complaints.get(connection, ticket)).complaint
        await connection.execute(
            text("INSERT INTO ratings (complaint_id, citizen_id, stars, comment) VALUES (:k, :c, 2, :comment)"),
            {"k": row.id, "c": citizen, "comment": comment},
        )
        await complaints.write(connection, row.id, Actor("citizen", str(citizen)), "rated", note=comment)


# --- to erase ----------------------------------------------------------------------------------------


async def test_erasing_leaves_no_word_of_the_chat(engine: AsyncEngine) -> None:
    mine = await chat(engine, "a", draft=DRAFT, parked=[PARKED], held=["Ada lagi.", 9], pace=[3, 1.0])
    await photo(engine, mine, "a" * 64, draft=3)
    await photo(engine, mine, "b" * 64, draft=2)
    gone = await erased(engine, mine)
    assert (gone.heard, gone.spoken, gone.drafts, gone.files) == (1, 1, 2, 2)
    assert gone.freed == ("a" * 64, "b" * 64)
    assert gone.kept == ()
    kept = await everything(engine, *WORDS)
    for word in ("Budi", "Lampu", "Ada lagi"):
        assert word not in kept
    assert gone.conversation == await value(engine, "SELECT conversation FROM contacts")
    assert gone.conversation == {"language": "id", "drafts": 3, "pace": [3, 1.0]}
    found = await held(engine, mine)
    assert (found.name, found.heard, found.spoken, found.files, found.drafts) == (None, 0, 0, 0, 0)


async def test_erasing_again_changes_nothing(engine: AsyncEngine) -> None:
    mine = await chat(engine, draft=DRAFT)
    ticket = await filed(engine, mine)
    await photo(engine, mine, "a" * 64, draft=3)
    first = await erased(engine, mine)
    before = await everything(engine, *WORDS, "complaints", "media", "citizens", "complaint_history")
    again = await erased(engine, mine)
    assert (again.heard, again.spoken, again.drafts, again.files, again.follows, again.comments) == (0, 0, 0, 0, 0, 0)
    assert again.freed == ()
    assert again.kept == first.kept == (rights.Kept(ticket, None),)
    assert await everything(engine, *WORDS, "complaints", "media", "citizens", "complaint_history") == before


async def test_a_repeated_message_is_still_known_after_erasing(engine: AsyncEngine) -> None:
    message: dict[str, Any] = {
        "channel": CHANNEL, "message_id": "m-1", "address": "a", "sequence": 1, "name": "Budi",
        "payload": {"text": "halo"}, "received_at": NOW,
    }  # fmt: skip
    async with engine.begin() as connection:
        taken = await inbox.take(connection, **message)
        assert taken is not None
        await rights.erase(connection, taken.contact_id, POLICY)
    async with engine.begin() as connection:
        assert await inbox.take(connection, **message) is None


async def test_a_filed_complaint_stays_whole_and_its_numbers_too(engine: AsyncEngine) -> None:
    mine = await chat(engine, "a")
    ticket, closed = await filed(engine, mine), await filed(engine, mine, draft=2)
    await ended(engine, closed, NOW - timedelta(days=10))
    await photo(engine, mine, "b" * 64, ticket=ticket)
    gone = await erased(engine, mine)
    assert gone.kept == (rights.Kept(ticket, None), rights.Kept(closed, NOW + timedelta(days=355)))
    assert gone.freed == ()
    async with engine.connect() as connection:
        whole = await complaints.get(connection, ticket)
    assert (whole.complaint.text, whole.complaint.citizen_name) == (STORY, "Budi")
    assert [each.sha256 for each in whole.files] == ["b" * 64]
    # The draft's number is taken for good: a late repeat finds the complaint that it became.
    async with engine.begin() as connection:
        again = await file(connection, contact_id=mine, draft=1)
        assert (again.ticket, again.data) == (ticket, {"again": True})


async def test_the_citizen_without_complaints_loses_the_name_everywhere(engine: AsyncEngine) -> None:
    mine = await chat(engine, "a")
    async with engine.begin() as connection:
        await contacts.become_citizen(connection, mine, "Budi", "id")
    await erased(engine, mine)
    assert await value(engine, "SELECT name FROM citizens") is None


async def test_what_is_still_to_be_said_is_said(engine: AsyncEngine) -> None:
    mine = await chat(engine, "a")
    for state in ("pending", "failed"):
        await said(engine, mine, "a", f"kabar {state}", NOW, state)
    await erased(engine, mine)
    left = await rows(engine, "SELECT says FROM deliveries WHERE sent_at IS NULL ORDER BY id")
    assert [row.says[0][1]["note"] for row in left] == ["kabar pending", "kabar failed"]


async def test_whoever_erased_the_chat_still_hears_of_the_complaint(engine: AsyncEngine) -> None:
    mine = await chat(engine, "a")
    ticket = await filed(engine, mine)
    await erased(engine, mine)
    async with engine.begin() as connection:
        complaint = (await complaints.get(connection, ticket)).complaint
        assert [reader.contact_id for reader in await complaints.readers(connection, complaint.id)] == [mine]


async def test_others_keep_theirs(engine: AsyncEngine) -> None:
    mine, other = await chat(engine, "a"), await chat(engine, "b", draft=DRAFT)
    await photo(engine, other, "c" * 64, draft=3)
    before = [await held(engine, other), await rows(engine, "SELECT * FROM contacts WHERE id = :id", id=other)]
    await erased(engine, mine)
    assert [await held(engine, other), await rows(engine, "SELECT * FROM contacts WHERE id = :id", id=other)] == before


async def test_follows_comments_and_codes_go_and_stars_stay(engine: AsyncEngine) -> None:
    mine, other = await chat(engine, "a", draft=DRAFT), await chat(engine, "b")
    own, theirs = await filed(engine, mine), await filed(engine, other)
    await party(engine, mine, theirs, "pengikut")
    await rate(engine, mine, own, "Petugas Anu lambat")
    await rate(engine, other, theirs, "Bagus")
    async with engine.begin() as connection:
        offer = await carryovers.offer(connection, mine, draft=3, ticket=None, now=NOW)
    assert offer is not None
    gone = await erased(engine, mine)
    assert (gone.follows, gone.comments) == (1, 1)
    assert [tuple(row) for row in await rows(engine, "SELECT stars, comment FROM ratings ORDER BY complaint_id")] == [
        (2, None),
        (2, "Bagus"),
    ]
    assert "Anu" not in await everything(engine, "complaint_history")
    assert "Bagus" in await everything(engine, "complaint_history")
    assert await value(engine, "SELECT count(*) FROM complaint_parties WHERE role = 'pengikut'") == 0
    async with engine.begin() as connection:
        outcome = await carryovers.redeem(connection, offer[0], by=other, now=NOW)
    assert outcome == carryovers.UNKNOWN


async def test_a_file_that_somebody_else_sent_too_is_not_unused(engine: AsyncEngine) -> None:
    mine, other = await chat(engine, "a"), await chat(engine, "b")
    await photo(engine, mine, "a" * 64, draft=1)
    await photo(engine, mine, "b" * 64, draft=1)
    await photo(engine, other, "a" * 64, draft=1)
    async with engine.begin() as connection:
        await media.add(connection, NewMedia(other, "photo", "webchat", "d" * 64, draft=1))
    gone = await erased(engine, mine)
    async with engine.connect() as connection:
        assert await rights.unused(connection, gone.freed) == ("b" * 64,)
        assert await rights.unused(connection, ["d" * 64]) == ()


async def test_bytes_that_a_page_brought_along_are_freed_before_they_are_looked_at(engine: AsyncEngine) -> None:
    mine = await chat(engine, "a")
    async with engine.begin() as connection:
        await media.add(connection, NewMedia(mine, "photo", "webchat", "d" * 64, draft=1))
        await media.add(connection, NewMedia(mine, "photo", "telegram", "AgACAgUAAx", draft=1))
    assert (await erased(engine, mine)).freed == ("d" * 64,)


# --- chats that were silent for long -----------------------------------------------------------------

LONG_AGO = NOW - timedelta(days=91)


async def until_done(engine: AsyncEngine, **options: Any) -> list[Swept]:
    """Rounds until nothing is left; they come to an end."""
    rounds: list[Swept] = []
    while not rounds or not rounds[-1].done:
        rounds.append(await swept(engine, **options))
        assert len(rounds) < 50
    return rounds


async def test_the_words_of_a_silent_chat_go(engine: AsyncEngine) -> None:
    old, young = await chat(engine, "a", LONG_AGO), await chat(engine, "b", NOW - timedelta(days=89))
    await said(engine, old, "a", "gagal", LONG_AGO, "failed")
    await said(engine, old, "a", "menunggu", LONG_AGO, "pending")
    rounds = await until_done(engine)
    assert [each.chats for each in rounds] == [1, 0]
    gone, left = await held(engine, old), await held(engine, young)
    assert (gone.name, gone.heard) == (None, 0)
    assert (left.name, left.heard, left.spoken) == ("Budi", 1, 1)
    statement = "SELECT says FROM deliveries WHERE contact_id = :id ORDER BY id"
    assert [row.says and row.says[0][1]["note"] for row in await rows(engine, statement, id=old)] == [[], "menunggu"]
    assert "drafts" in await value(engine, "SELECT conversation FROM contacts WHERE id = :id", id=old)


async def test_of_a_chat_that_goes_on_only_old_words_go(engine: AsyncEngine) -> None:
    mine = await chat(engine, "a", LONG_AGO)
    async with engine.begin() as connection:
        await heard(connection, "a", "baru", NOW)
    await said(engine, mine, "a", "jawaban baru", NOW)
    await until_done(engine)
    found = await held(engine, mine)
    assert (found.name, found.heard, found.spoken) == ("Budi", 1, 1)
    assert "Nama saya" not in await everything(engine, "inbox")


@pytest.mark.parametrize("role", ["pelapor", "pengikut"])
async def test_while_a_complaint_is_open_its_chat_stays(engine: AsyncEngine, role: str) -> None:
    mine, other = await chat(engine, "a", LONG_AGO), await chat(engine, "b")
    ticket = await filed(engine, mine if role == "pelapor" else other)
    if role != "pelapor":
        async with engine.begin() as connection:
            await contacts.become_citizen(connection, mine, "Budi", "id")
        await party(engine, mine, ticket, role)
    await until_done(engine)
    assert (await held(engine, mine)).heard == (0 if role == "pengikut" else 1)
    await ended(engine, ticket, NOW)
    await until_done(engine)
    assert (await held(engine, mine)).heard == 0


async def test_an_open_draft_is_left_to_the_conversation(engine: AsyncEngine) -> None:
    mine = await chat(engine, "a", LONG_AGO, draft=DRAFT)
    await until_done(engine)
    assert (await held(engine, mine)).heard == 1


async def test_files_of_dropped_drafts_go_and_those_of_open_ones_stay(engine: AsyncEngine) -> None:
    mine = await chat(engine, "a", draft=DRAFT, parked=[PARKED])
    ticket = await filed(engine, mine)
    week = NOW - timedelta(days=8)
    await photo(engine, mine, "1" * 64, week, draft=1)  # dropped
    await photo(engine, mine, "2" * 64, week, draft=2)  # parked
    await photo(engine, mine, "3" * 64, week, draft=3)  # open
    await photo(engine, mine, "4" * 64, NOW - timedelta(days=6), draft=1)
    await photo(engine, mine, "5" * 64, week, ticket=ticket)
    await photo(engine, mine, "6" * 64, week)  # of no draft at all
    rounds = await until_done(engine)
    assert rounds[0].freed == ("1" * 64, "6" * 64)
    assert [row.sha256[0] for row in await rows(engine, "SELECT sha256 FROM media ORDER BY sha256")] == list("2345")


async def test_used_and_expired_codes_and_old_guesses_go(engine: AsyncEngine) -> None:
    for address, used in (("a", True), ("b", False), ("c", False)):
        mine = await chat(engine, address, draft=DRAFT)
        async with engine.begin() as connection:
            at = NOW if address != "b" else NOW - timedelta(hours=1)
            offer = await carryovers.offer(connection, mine, draft=3, ticket=None, now=at)
            assert offer is not None
        if used:
            async with engine.begin() as connection:
                taker = await heard(connection, "z")
                assert isinstance(await carryovers.redeem(connection, offer[0], by=taker, now=NOW), Draft)
    await run(engine, "INSERT INTO guesses (kind, guesser, at) VALUES ('x', 'y', :at)", at=NOW - timedelta(hours=2))
    [first, *_] = await until_done(engine)
    assert (first.codes, first.guesses) == (2, 1)
    assert await value(engine, "SELECT count(*) FROM carryovers") == 1


# --- complaints --------------------------------------------------------------------------------------

YEARS_AGO = NOW - timedelta(days=366)


async def closed_complaint(engine: AsyncEngine, address: str = "a", **details: Any) -> tuple[int, str]:
    """A complaint with everything around it that ended more than a year ago."""
    mine = await chat(engine, address, YEARS_AGO)
    other = await chat(engine, f"{address}-other", YEARS_AGO)
    ticket = await filed(engine, mine, latitude=-2.8812345, longitude=103.8356789, place="Jalan Merdeka", **details)
    async with engine.begin() as connection:
        await contacts.become_citizen(connection, other, "Siti", "id")
    await party(engine, other, ticket, "pengikut")
    await rate(engine, mine, ticket, f"Telepon {PHONE} tidak diangkat")
    await photo(engine, mine, "a" * 64, ticket=ticket)
    complaint_id = int(await value(engine, "SELECT id FROM complaints WHERE ticket = :t", t=ticket))
    await said(engine, mine, address, f"Jawaban untuk Budi {PHONE}", YEARS_AGO, "sent", complaint_id=complaint_id)
    await said(engine, mine, address, f"Gagal untuk Budi {PHONE}", YEARS_AGO, "failed", complaint_id=complaint_id)
    await run(
        engine,
        "INSERT INTO attention (kind, contact_id, complaint_id) VALUES ('danger', :c, :k)",
        c=mine,
        k=complaint_id,
    )
    async with engine.begin() as connection:
        await contacts_lock(connection, mine)
        await contacts.remember(connection, mine, {"language": "id", "drafts": 1, "last": {"ticket": ticket}})
        await editing.edit(connection, ticket, OPERATOR, title=f"Keluhan Budi {PHONE}")
        await editing.edit(connection, ticket, OPERATOR, title="Jalan rusak", supervised=True)
        await editing.cover(connection, ticket, OPERATOR, f"Budi {PHONE} [tertutup]")
    await ended(engine, ticket, YEARS_AGO)
    return mine, ticket


async def test_a_complaint_becomes_anonymous_after_its_time(engine: AsyncEngine) -> None:
    mine, ticket = await closed_complaint(engine)
    citizen = await citizen_of(engine, mine)
    [first, *_] = await until_done(engine)
    assert (first.complaints, first.unmasked, first.freed) == (1, 0, ("a" * 64,))
    async with engine.connect() as connection:
        whole = await complaints.get(connection, ticket)
    found = whole.complaint
    assert found.text == STORY.replace(PHONE, "[TELP]")
    assert (found.contact_id, found.draft, found.citizen_name) == (None, None, None)
    assert (found.latitude, found.longitude, found.place) == (-2.881, 103.836, "Jalan Merdeka")
    assert whole.files == []
    assert [row.event for row in whole.history][-1] == "anonymised"
    kept = await everything(
        engine, "complaints", "complaint_history", "ratings", "deliveries", "media", "routings", "citizens"
    )
    for private in (PHONE, "Budi", "Siti"):
        assert private not in kept
    people = await rows(engine, "SELECT role, citizen_id, contact_id FROM complaint_parties ORDER BY role")
    assert [(row.role, row.contact_id) for row in people] == [("pelapor", None), ("pengikut", None)]
    assert citizen not in [row.citizen_id for row in people]
    assert await value(engine, "SELECT contact_id FROM attention") is None
    assert await value(engine, "SELECT conversation ->> 'last' FROM contacts WHERE id = :id", id=mine) is None
    # No number of the citizen is left to lead back, not even in the history.
    assert await rows(engine, "SELECT 1 FROM complaint_history WHERE actor_kind = 'citizen' AND actor_id <> ''") == []
    assert (await held(engine, mine)).complaints == ()
    # The figures stay: stars, supporters, what officers did and when.
    assert whole.rating is not None
    assert (whole.rating.stars, found.followers) == (2, 1)
    assert {row.actor_id for row in whole.history if row.actor_kind == "operator"} == {OPERATOR.id}


async def test_a_secret_complaint_keeps_no_words_at_all(engine: AsyncEngine) -> None:
    _, ticket = await closed_complaint(engine, secret=True)
    await until_done(engine)
    async with engine.connect() as connection:
        whole = await complaints.get(connection, ticket)
    assert (whole.complaint.title, whole.complaint.text) == ("", "")
    assert all(row.note is None and row.reason is None for row in whole.history)


async def test_nothing_becomes_anonymous_before_its_time(engine: AsyncEngine) -> None:
    _, late = await closed_complaint(engine, "a")
    _, open_one = await closed_complaint(engine, "b")
    await run(engine, "UPDATE complaints SET changed_at = :at WHERE ticket = :t", at=NOW - timedelta(days=364), t=late)
    await run(engine, "UPDATE complaints SET status = 'Terdisposisi' WHERE ticket = :t", t=open_one)
    await until_done(engine)
    assert await rows(engine, "SELECT 1 FROM complaint_history WHERE event = 'anonymised'") == []
    assert PHONE in await everything(engine, "complaints")


async def test_what_cannot_be_masked_waits_whole(engine: AsyncEngine) -> None:
    await closed_complaint(engine)
    before = await everything(engine, "complaints", "complaint_history", "media")
    async with engine.begin() as connection:
        found = await rights.sweep(connection, NOW, POLICY, lambda _words: None)
    assert (found.complaints, found.unmasked) == (0, 1)
    assert await everything(engine, "complaints", "complaint_history", "media") == before


async def test_once_anonymous_it_is_left_alone(engine: AsyncEngine) -> None:
    await closed_complaint(engine)
    await until_done(engine)
    before = await everything(engine, "complaints", "complaint_history", "citizens", "ratings")
    assert (await swept(engine)).done
    assert await everything(engine, "complaints", "complaint_history", "citizens", "ratings") == before


async def test_a_citizen_with_another_complaint_keeps_the_name_for_it(engine: AsyncEngine) -> None:
    mine, _ = await closed_complaint(engine)
    other = await filed(engine, mine, draft=2)
    await until_done(engine)
    async with engine.connect() as connection:
        assert (await complaints.get(connection, other)).complaint.citizen_name == "Budi"


async def test_a_complaint_of_the_api_without_a_chat_is_swept_too(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        citizen = await contacts.new_citizen(connection, "Siti")
        ticket = (await file(connection, text=STORY, citizen_id=citizen)).ticket
    await ended(engine, ticket, YEARS_AGO)
    await until_done(engine)
    assert "Siti" not in await everything(engine, "citizens")
    assert PHONE not in await everything(engine, "complaints")


async def test_learning_goes_on_with_what_is_left(engine: AsyncEngine) -> None:
    [function, *_] = [each.function for each in load_functions()]
    for address, secret in (("a", False), ("b", True)):
        mine = await chat(engine, address, YEARS_AGO)
        ticket = await filed(engine, mine, secret=secret)
        async with engine.begin() as connection:
            await complaints.route(
                connection, ticket, OPERATOR, function=function, agency=None, category=None, reason=f"kata {PHONE}"
            )
        await ended(engine, ticket, YEARS_AGO)
    await until_done(engine)
    async with engine.connect() as connection:
        given_out = [row async for row in learning.corrections(connection)]
        assert [(row.function, row.text) for row in given_out] == [(function, STORY.replace(PHONE, "[TELP]"))]
        assert (await learning.left_out(connection))["secret"] == 1
    assert PHONE not in await everything(engine, "routings")


# --- many at once ------------------------------------------------------------------------------------


async def test_what_somebody_holds_is_passed_over_and_taken_next_time(engine: AsyncEngine) -> None:
    mine, _ = await closed_complaint(engine)
    async with engine.connect() as turn:
        await contacts_lock(turn, mine)
        async with asyncio.timeout(10):
            assert (await swept(engine)).complaints == 0
        await turn.rollback()
        await turn.exec_driver_sql("SELECT 1 FROM complaints FOR KEY SHARE")
        async with asyncio.timeout(10):
            assert (await swept(engine)).complaints == 0
        await turn.rollback()
    assert (await swept(engine)).complaints == 1


async def test_several_workers_share_the_work_and_do_nothing_twice(engine: AsyncEngine) -> None:
    for number in range(12):
        mine = await chat(engine, f"x{number}", YEARS_AGO)
        await ended(engine, await filed(engine, mine), YEARS_AGO)

    async def worker() -> int:
        done = 0
        while not (found := await swept(engine, most=3)).done:
            done += found.complaints
        return done

    async with asyncio.timeout(60):
        done = await asyncio.gather(worker(), worker(), worker())
    assert sum(done) <= 12
    await until_done(engine)
    assert await value(engine, "SELECT count(*) FROM complaint_history WHERE event = 'anonymised'") == 12
    assert PHONE not in await everything(engine, "complaints")


@given(st.permutations(["sweep", "erase", "sweep", "write", "erase"]))
@settings(max_examples=10, deadline=None)
def test_in_any_order_filed_words_outlive_the_chat_and_nothing_else_does(
    server: str, databases: Any, order: list[str]
) -> None:
    """Erasing, retention and a citizen who goes on writing: the open complaint stays, and the number of drafts too."""
    name = databases.take()

    async def play() -> None:
        engine = connect(in_database(server, name), name="test")
        try:
            mine = await chat(engine, "a", YEARS_AGO)
            ticket = await filed(engine, mine)
            for step in order:
                if step == "sweep":
                    await until_done(engine)
                elif step == "erase":
                    await erased(engine, mine)
                else:
                    async with engine.begin() as connection:
                        await heard(connection, "a", "tulisan baru")
            await erased(engine, mine)
            async with engine.connect() as connection:
                whole = await complaints.get(connection, ticket)
            assert (whole.complaint.text, whole.complaint.citizen_name) == (STORY, "Budi")
            assert await value(engine, "SELECT conversation ->> 'drafts' FROM contacts") == "3"
            assert "tulisan baru" not in await everything(engine, *WORDS)
        finally:
            await engine.dispose()

    asyncio.run(play())
    databases.drop(name)


def test_a_round_that_did_anything_is_not_the_last() -> None:
    assert Swept().done
    for kind in ("chats", "complaints", "files", "guesses", "codes"):
        assert not Swept(**{kind: 1}).done  # type: ignore[arg-type]
    assert Swept(unmasked=3, freed=("x",)).done


# --- people of whom a provider tells several ids (store/identities.py) ------------------------------------------


async def person(engine: AsyncEngine, *ids: str, at: datetime = NOW) -> int:
    """Somebody who wrote then, known by these ids; returns the contact."""
    async with engine.begin() as connection:
        address = await identities.recognise(connection, CHANNEL, ids)
        contact_id = await heard(connection, address, "Nama saya Budi.", at)
        statement = text("UPDATE contacts SET created_at = :at WHERE id = :id")
        await connection.execute(statement, {"at": at, "id": contact_id})
    await said(engine, contact_id, address, "Halo Budi.", at)
    return contact_id


async def joined_person(engine: AsyncEngine, at: datetime = NOW) -> tuple[int, int]:
    """Somebody whose two chats have become one; the contact that stays, and the one that is empty now."""
    gone = await person(engine, "ID.1", at=at - timedelta(days=1))
    assert await person(engine, PHONE, at=at) != gone
    return await person(engine, "ID.1", PHONE, at=at), gone


async def known_ids(engine: AsyncEngine, contact_id: int) -> set[str]:
    return {row.id for row in await rows(engine, "SELECT id FROM contact_ids WHERE contact_id = :id", id=contact_id)}


async def test_erasing_forgets_how_joined_chats_were_called_and_keeps_the_way_to_the_one_that_goes_on(
    engine: AsyncEngine,
) -> None:
    contact_id, gone = await joined_person(engine)
    another, emptied = [await person(engine, each) for each in (f"9{PHONE}", "ID.9")]
    assert await person(engine, "ID.9", f"9{PHONE}") == another
    assert "Nama saya Budi" in await everything(engine, *WORDS)
    assert (await erased(engine, contact_id)).heard == 3
    # The words of both chats, and the first chat's address; somebody else's joined chat is not touched.
    assert await value(engine, "SELECT address FROM contacts WHERE id = :id", id=gone) == f"joined:{gone}"
    assert await value(engine, "SELECT address FROM contacts WHERE id = :id", id=emptied) == "ID.9"
    assert "ID.1" not in await everything(engine, "contacts", "inbox", "deliveries")
    # The reply that tells of it has to arrive, and the number's next owner must not be taken for this person.
    assert await known_ids(engine, contact_id) == {"ID.1", PHONE}
    async with engine.begin() as connection:
        assert await identities.recognise(connection, CHANNEL, ("ID.1", PHONE)) == PHONE
        assert await identities.recognise(connection, CHANNEL, ("ID.2", PHONE)) == "ID.2"


async def test_joined_chats_are_forgotten_in_the_night_once_nobody_can_come_to_them_any_more(
    engine: AsyncEngine,
) -> None:
    contact_id, gone = await joined_person(engine)
    now = datetime.now(UTC)
    assert (await swept(engine, now)).done
    assert await value(engine, "SELECT address FROM contacts WHERE id = :id", id=gone) == "ID.1"
    assert (await swept(engine, now + timedelta(hours=1, seconds=5))).chats == 1
    assert (await swept(engine, now + timedelta(hours=1, seconds=5))).done
    assert await value(engine, "SELECT address FROM contacts WHERE id = :id", id=gone) == f"joined:{gone}"
    assert await known_ids(engine, contact_id) == {"ID.1", PHONE}


async def test_somebody_of_whom_nothing_is_left_is_forgotten_with_all_ids(engine: AsyncEngine) -> None:
    old = NOW - timedelta(days=91)
    contact_id = await person(engine, "ID.1", PHONE, at=old)
    stays = await person(engine, "ID.2", f"9{PHONE}", at=NOW - timedelta(days=89))
    assert (await swept(engine)).chats == 2  # its words, and who it was
    assert (await swept(engine)).done
    assert await known_ids(engine, contact_id) == set()
    assert await known_ids(engine, stays) == {"ID.2", f"9{PHONE}"}
    kept = await everything(engine, "contacts", "contact_ids", "inbox", "deliveries")
    assert f'"{PHONE}"' not in kept
    assert "ID.1" not in kept
    [row] = await rows(engine, "SELECT route, address, name, conversation FROM contacts WHERE id = :id", id=contact_id)
    assert tuple(row) == ("", f"gone:{contact_id}", None, None)
    # Whoever writes again is new, and so is whoever has the number next.
    again = await person(engine, "ID.1", PHONE)
    assert again not in (contact_id, stays)


NEEDED = {
    "a draft": 'UPDATE contacts SET conversation = \'{"draft": {"number": 1}}\' WHERE id = :id',
    "a parked draft": 'UPDATE contacts SET conversation = \'{"parked": [{"number": 1}]}\' WHERE id = :id',
    "a message that waits": (
        "UPDATE deliveries SET sent_at = NULL, held_at = :now, created_at = :now WHERE contact_id = :id"
    ),
    "a matter": "INSERT INTO attention (kind, contact_id) VALUES ('call_for_human', :id)",
    "a file": (
        "INSERT INTO media (contact_id, kind, channel, provider_id, complaint_id, state)"
        " SELECT :id, 'photo', 'x', 'x', id, 'stored' FROM complaints"
    ),
}


@pytest.mark.parametrize("needed", NEEDED)
async def test_whoever_is_still_needed_stays_known(engine: AsyncEngine, needed: str) -> None:
    await filed(engine, await chat(engine, "other"), text="Jalan rusak.")
    contact_id = await person(engine, "ID.1", PHONE, at=NOW - timedelta(days=91))
    await run(engine, NEEDED[needed], id=contact_id, **({"now": NOW} if ":now" in NEEDED[needed] else {}))
    while not (await swept(engine)).done:
        pass
    assert await known_ids(engine, contact_id) == {"ID.1", PHONE}
    assert await value(engine, "SELECT address FROM contacts WHERE id = :id", id=contact_id) == PHONE


async def test_whoever_has_filed_is_known_until_the_report_is_anonymous(engine: AsyncEngine) -> None:
    contact_id = await person(engine, "ID.1", PHONE, at=NOW - timedelta(days=500))
    ticket = await filed(engine, contact_id, text="Jalan rusak.")
    while not (await swept(engine)).done:
        pass
    assert await known_ids(engine, contact_id) == {"ID.1", PHONE}
    await ended(engine, ticket, NOW - timedelta(days=366))
    while not (await swept(engine)).done:
        pass
    assert await known_ids(engine, contact_id) == set()
    assert await value(engine, "SELECT address FROM contacts WHERE id = :id", id=contact_id) == f"gone:{contact_id}"


async def test_whoever_has_carried_everything_to_another_chat_is_forgotten(engine: AsyncEngine) -> None:
    contact_id = await person(engine, "ID.1", PHONE, at=NOW - timedelta(days=91))
    await filed(engine, contact_id)
    async with engine.begin() as connection:
        by = await heard(connection, "other")
        offered = await carryovers.offer(connection, contact_id, draft=None, ticket=None, now=NOW)
        assert offered is not None
        assert isinstance(await carryovers.redeem(connection, offered[0], by=by, now=NOW), carryovers.Tickets)
    while not (await swept(engine)).done:
        pass
    assert await known_ids(engine, contact_id) == set()
    assert await value(engine, "SELECT count(*) FROM complaint_parties WHERE contact_id = :id", id=by) == 1


async def test_a_contact_that_lost_its_only_number_is_forgotten_like_everybody(engine: AsyncEngine) -> None:
    old = NOW - timedelta(days=91)
    stranded = await person(engine, PHONE, at=old)
    await person(engine, "ID.1", "628")
    assert await person(engine, "ID.1", PHONE) != stranded
    while not (await swept(engine)).done:
        pass
    [row] = await rows(engine, "SELECT address, route FROM contacts WHERE id = :id", id=stranded)
    assert tuple(row) == (f"gone:{stranded}", "")


async def test_a_channel_that_names_everybody_once_goes_on_knowing_whom_it_spoke_with(engine: AsyncEngine) -> None:
    contact_id = await chat(engine, "7", at=NOW - timedelta(days=91))
    while not (await swept(engine)).done:
        pass
    assert await value(engine, "SELECT address FROM contacts WHERE id = :id", id=contact_id) == "7"
