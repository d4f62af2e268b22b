"""Two chats of one person become one: nothing of either is lost or there twice, and nobody else's is touched."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import rows, run, value
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot import conversation as talks
from bot.conversation import Answer, Conversation, Draft, Filed, Told
from store import (
    attention,
    carryovers,
    closure,
    complaints,
    contacts,
    deliveries,
    dossiers,
    following,
    inbox,
    media,
    reunions,
    rights,
)
from store.complaints import Actor, NewComplaint
from store.deliveries import NewDelivery, Outcome
from store.media import NewMedia
from store.reunions import _one_conversation

CHANNEL = "whatsapp"
NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
EARLIER, LATER = NOW - timedelta(days=3), NOW
STORY = "Jalan di depan SMP 1 Sekayu rusak parah sejak bulan lalu."


async def wrote(
    engine: AsyncEngine, address: str, at: datetime = NOW, *, name: str | None = None, **conversation: Any
) -> int:
    """A chat in which somebody wrote then, with that memory; returns its contact."""
    async with engine.begin() as connection:
        contact_id = await heard(connection, address, at, name)
        if conversation:
            await contacts.remember(connection, contact_id, {"language": "id", **conversation})
        return contact_id


async def heard(connection: AsyncConnection, address: str, at: datetime = NOW, name: str | None = None) -> int:
    taken = await inbox.take(
        connection, channel=CHANNEL, message_id=uuid.uuid4().hex, address=address, sequence=-1, name=name,
        payload={"text": f"dari {address}"}, received_at=at,
    )  # fmt: skip
    assert taken is not None
    return taken.contact_id


async def joined(engine: AsyncEngine, one: int, other: int) -> int:
    """Both joined, as somebody does who has locked all that it takes; returns the one that stays."""
    async with engine.begin() as connection:
        everybody = await reunions.involved(connection, [one, other])
        assert {one, other} <= set(everybody)
        statement = text("SELECT 1 FROM contacts WHERE id = ANY(:ids) ORDER BY id FOR NO KEY UPDATE")
        await connection.execute(statement, {"ids": everybody})
        return await reunions.join(connection, one, other)


async def pair(engine: AsyncEngine, **conversation: Any) -> tuple[int, int]:
    """The chat that will stay, since it was written in last, and the one that will go."""
    return await wrote(engine, "stays", LATER, drafts=2), await wrote(engine, "goes", EARLIER, **conversation)


async def filed(engine: AsyncEngine, contact_id: int, draft: int = 1) -> str:
    async with engine.begin() as connection:
        citizen = await citizen_in(connection, contact_id)
        new = NewComplaint(
            text=STORY,
            report_class="pengaduan",
            channel=CHANNEL,
            citizen_id=citizen,
            contact_id=contact_id,
            draft=draft,
        )
        return (await complaints.file(connection, new, Actor("citizen", str(citizen)))).ticket


async def citizen_in(connection: AsyncConnection, contact_id: int) -> int:
    statement = text("SELECT citizen_id, name FROM contacts WHERE id = :id")
    row = (await connection.execute(statement, {"id": contact_id})).one()
    return row.citizen_id or await contacts.become_citizen(connection, contact_id, row.name, "id")


async def citizen_of(engine: AsyncEngine, contact_id: int) -> int:
    async with engine.begin() as connection:
        return await citizen_in(connection, contact_id)


async def take_part(engine: AsyncEngine, contact_id: int, ticket: str, role: str) -> None:
    await run(
        engine,
        "INSERT INTO complaint_parties (complaint_id, citizen_id, role, contact_id)"
        " SELECT id, :citizen, :role, :contact FROM complaints WHERE ticket = :ticket",
        citizen=await citizen_of(engine, contact_id), role=role, contact=contact_id, ticket=ticket,
    )  # fmt: skip


async def parties(engine: AsyncEngine, ticket: str) -> set[tuple[str, int, int]]:
    """Role, contact and citizen of everybody who holds a complaint."""
    statement = """
        SELECT p.role, p.contact_id, p.citizen_id FROM complaint_parties p JOIN complaints k ON k.id = p.complaint_id
        WHERE k.ticket = :ticket
    """
    return {(row.role, row.contact_id, row.citizen_id) for row in await rows(engine, statement, ticket=ticket)}


async def remembered(engine: AsyncEngine, contact_id: int) -> Conversation:
    return talks.load(await value(engine, "SELECT conversation FROM contacts WHERE id = :id", id=contact_id))


# --- which one stays ------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["stays", "goes"])
async def test_the_chat_that_was_written_in_last_stays(engine: AsyncEngine, first: str) -> None:
    stays, goes = await pair(engine)
    assert await joined(engine, *((stays, goes) if first == "stays" else (goes, stays))) == stays
    found = await rows(engine, "SELECT * FROM contacts ORDER BY id")
    assert [(row.id, row.address, row.merged_into) for row in found] == [(stays, "stays", None), (goes, "goes", stays)]


async def test_a_chat_in_which_nobody_wrote_goes_and_of_two_the_newer_one(engine: AsyncEngine) -> None:
    await run(engine, "INSERT INTO contacts (channel, address) VALUES ('whatsapp', 'one'), ('whatsapp', 'two')")
    one, two = [row.id for row in await rows(engine, "SELECT id FROM contacts ORDER BY id")]
    assert await joined(engine, two, one) == one
    spoken = await wrote(engine, "spoken", EARLIER)
    assert await joined(engine, one, spoken) == spoken
    # What was joined before follows.
    found = {row.id: row.merged_into for row in await rows(engine, "SELECT id, merged_into FROM contacts")}
    assert found == {one: spoken, two: spoken, spoken: None}


async def test_of_the_chat_that_goes_nothing_is_left_but_that_it_went(engine: AsyncEngine) -> None:
    stays, goes = await pair(engine, drafts=1)
    await run(
        engine, "UPDATE contacts SET name = 'Budi', window_until = now(), announced_at = now() WHERE id = :id", id=goes
    )
    await filed(engine, goes)
    await joined(engine, stays, goes)
    [row] = await rows(engine, "SELECT * FROM contacts WHERE id = :id", id=goes)
    left = (row.name, row.conversation, row.citizen_id, row.window_until, row.announced_at, row.reminded_at)
    assert left == (None,) * 6
    assert row.route == ""
    assert row.unreachable_since is not None
    tables = await rows(
        engine,
        "SELECT table_name, column_name FROM information_schema.key_column_usage JOIN"
        " information_schema.referential_constraints USING (constraint_name)"
        " WHERE unique_constraint_name = 'pk_contacts'",
    )
    assert len(tables) >= 8
    for table, column in tables:
        found = await value(engine, f"SELECT count(*) FROM {table} WHERE {column} = :id", id=goes)  # noqa: S608
        assert found == 0, table


async def test_dates_and_names_are_those_of_both(engine: AsyncEngine) -> None:
    stays = await wrote(engine, "stays", LATER)
    goes = await wrote(engine, "goes", EARLIER, name="Budi")
    for id_, created, window, told in ((stays, 9, 2, 5), (goes, 20, 3, None)):
        await run(
            engine,
            "UPDATE contacts SET created_at = :now - make_interval(days => :created), reminded_at = NULL,"
            " window_until = :now - make_interval(hours => :window),"
            " announced_at = :now - make_interval(hours => CAST(:told AS int)) WHERE id = :id",
            now=NOW, created=created, window=window, told=told, id=id_,
        )  # fmt: skip
    await joined(engine, stays, goes)
    [row] = await rows(engine, "SELECT * FROM contacts WHERE id = :id", id=stays)
    hours = timedelta(hours=1)
    assert (row.created_at, row.window_until, row.announced_at, row.reminded_at, row.last_message_at) == (
        NOW - timedelta(days=20), NOW - 2 * hours, NOW - 5 * hours, None, LATER,
    )  # fmt: skip
    assert row.name == "Budi"
    newer = await wrote(engine, "newer", LATER + hours, name="Budi S.")
    await joined(engine, stays, newer)
    assert await value(engine, "SELECT name FROM contacts WHERE id = :id", id=newer) == "Budi S."


# --- complaints -----------------------------------------------------------------------------------------


async def test_complaints_of_both_chats_are_the_one_chats_and_no_draft_is_filed_twice(engine: AsyncEngine) -> None:
    stays, goes = await pair(engine, drafts=2)
    ours = [await filed(engine, stays, draft) for draft in (1, 2)]
    theirs = [await filed(engine, goes, draft) for draft in (1, 2)]
    old = await citizen_of(engine, goes)
    await joined(engine, stays, goes)
    citizen = await citizen_of(engine, stays)
    for ticket in (*ours, *theirs):
        assert await parties(engine, ticket) == {("pelapor", stays, citizen)}
        async with engine.connect() as connection:
            assert await complaints.of_citizen(connection, citizen, ticket)
            assert (await complaints.get(connection, ticket)).complaint.citizen_id == citizen
    found = await rows(engine, "SELECT ticket, contact_id, draft FROM complaints ORDER BY draft")
    assert [tuple(row) for row in found] == [
        (ours[0], stays, 1), (ours[1], stays, 2), (theirs[0], stays, 3), (theirs[1], stays, 4),
    ]  # fmt: skip
    assert await filed(engine, stays, 3) == theirs[0]
    assert (await remembered(engine, stays)).drafts == 4
    assert await value(engine, "SELECT count(*) FROM citizens WHERE id = :id", id=old) == 0
    carried = await rows(
        engine,
        "SELECT k.ticket FROM complaint_history h JOIN complaints k ON k.id = h.complaint_id WHERE event = 'carried'",
    )
    assert sorted(row.ticket for row in carried) == sorted(theirs)


async def test_numbers_do_not_meet_even_where_a_chat_has_forgotten_how_many_there_were(engine: AsyncEngine) -> None:
    stays, goes = await wrote(engine, "stays", LATER), await wrote(engine, "goes", EARLIER)
    await filed(engine, stays, 5)
    await filed(engine, goes, 5)
    await joined(engine, stays, goes)
    found = await rows(engine, "SELECT draft FROM complaints ORDER BY id")
    assert [row.draft for row in found] == [5, 10]
    assert (await remembered(engine, stays)).drafts == 10


async def test_a_chat_without_a_citizen_takes_the_other_ones(engine: AsyncEngine) -> None:
    stays, goes = await pair(engine)
    ticket = await filed(engine, goes)
    citizen = await citizen_of(engine, goes)
    await joined(engine, stays, goes)
    assert await value(engine, "SELECT citizen_id FROM contacts WHERE id = :id", id=stays) == citizen
    assert await parties(engine, ticket) == {("pelapor", stays, citizen)}


ROLES = ["pelapor", "pengikut"]


@pytest.mark.parametrize("mine", ROLES)
@pytest.mark.parametrize("theirs", ROLES)
async def test_whoever_took_part_in_both_chats_does_so_once_in_the_stronger_role(
    engine: AsyncEngine, mine: str, theirs: str
) -> None:
    stays, goes = await pair(engine)
    somebody = await wrote(engine, "somebody")
    ticket = await filed(engine, stays if mine == "pelapor" else goes if theirs == "pelapor" else somebody)
    for contact, role in ((stays, mine), (goes, theirs)):
        if (contact, role) not in {(c, r) for r, c, _ in await parties(engine, ticket)}:
            await take_part(engine, contact, ticket, role)
    before = {each for each in await parties(engine, ticket) if each[1] == somebody}
    citizen = await citizen_of(engine, stays)
    await joined(engine, stays, goes)
    stronger = min(mine, theirs, key=ROLES.index)
    assert await parties(engine, ticket) == {*before, (stronger, stays, citizen)}
    async with engine.begin() as connection:
        complaint = (await complaints.get(connection, ticket)).complaint
        told = [reader.contact_id for reader in await complaints.readers(connection, complaint.id)]
        assert sorted(told) == sorted({stays, *(contact for _, contact, _ in before)})


async def test_what_others_filed_and_follow_stays_theirs(engine: AsyncEngine) -> None:
    stays, goes = await pair(engine)
    somebody = await wrote(engine, "somebody")
    theirs = await filed(engine, somebody)
    mine = await filed(engine, goes)
    await take_part(engine, somebody, mine, "pengikut")
    before = await parties(engine, theirs)
    citizen = await citizen_of(engine, somebody)
    await joined(engine, stays, goes)
    assert await parties(engine, theirs) == before
    assert ("pengikut", somebody, citizen) in await parties(engine, mine)
    assert await value(engine, "SELECT address FROM inbox WHERE payload->>'text' = 'dari somebody'") == "somebody"


async def test_the_history_goes_on_telling_the_pelapors_own_words(engine: AsyncEngine) -> None:
    stays, goes = await pair(engine)
    await filed(engine, stays)
    ticket = await filed(engine, goes)
    old = Actor("citizen", str(await citizen_of(engine, goes)))
    async with engine.begin() as connection:
        await closure.reply(connection, ticket, old, "Masih rusak.")
    await joined(engine, stays, goes)
    async with engine.begin() as connection:
        found = await dossiers.get(connection, ticket, named=True)
        assert [each.own for each in found.history if each.event in ("filed", "replied")] == [True, True]
        # And what they say from now on.
        await closure.reply(connection, ticket, Actor("citizen", str(await citizen_of(engine, stays))), "Lagi.")


async def test_of_two_ratings_the_later_one_counts(engine: AsyncEngine) -> None:
    stays, goes = await pair(engine)
    one, two = await filed(engine, stays), await filed(engine, goes)
    before = EARLIER - timedelta(1)
    for ticket, contact, stars, at in (
        (one, stays, 1, EARLIER), (one, goes, 5, LATER), (two, goes, 4, EARLIER), (two, stays, 2, before),
    ):  # fmt: skip
        await run(
            engine,
            "INSERT INTO ratings (complaint_id, citizen_id, stars, at)"
            " SELECT id, :citizen, :stars, :at FROM complaints WHERE ticket = :ticket",
            citizen=await citizen_of(engine, contact), stars=stars, at=at, ticket=ticket,
        )  # fmt: skip
    await joined(engine, stays, goes)
    found = await rows(engine, "SELECT citizen_id, stars FROM ratings ORDER BY complaint_id")
    assert [tuple(row) for row in found] == [(await citizen_of(engine, stays), 5), (await citizen_of(engine, stays), 4)]


async def test_other_chats_of_the_citizen_are_the_joined_citizens(engine: AsyncEngine) -> None:
    stays, goes = await pair(engine)
    await filed(engine, stays)
    elsewhere = await wrote(engine, "elsewhere")
    old = await citizen_of(engine, goes)
    await run(
        engine, "UPDATE contacts SET channel = 'telegram', citizen_id = :old WHERE id = :id", old=old, id=elsewhere
    )
    async with engine.connect() as connection:
        assert await reunions.involved(connection, [stays, goes]) == sorted((stays, goes, elsewhere))
    await joined(engine, stays, goes)
    assert await citizen_of(engine, elsewhere) == await citizen_of(engine, stays)


# --- files, codes, matters, lines -----------------------------------------------------------------------


async def test_files_keep_their_draft_and_their_complaint(engine: AsyncEngine) -> None:
    stays, goes = await pair(
        engine, drafts=2, draft={"number": 2, "answers": {}}, parked=[{"number": 1, "answers": {}}]
    )
    ticket = await filed(engine, goes, 3)
    async with engine.begin() as connection:
        for name, draft in (("open", 2), ("parked", 1), ("dropped", None)):
            await media.add(connection, NewMedia(goes, "photo", CHANNEL, name, draft=draft))
        await media.add(connection, NewMedia(goes, "photo", CHANNEL, "filed", ticket=ticket))
    await joined(engine, stays, goes)
    found = {row.provider_id: row for row in await rows(engine, "SELECT * FROM media")}
    assert {row.contact_id for row in found.values()} == {stays}
    kept = await remembered(engine, stays)
    numbers = [draft.number for draft in (kept.draft, *kept.parked) if draft]
    assert [found[name].draft for name in ("open", "parked", "dropped")] == [*numbers, None]
    assert found["filed"].complaint_id is not None
    # The night finds that they are still wanted.
    async with engine.begin() as connection:
        policy = rights.Policy(closed_days=1, draft_days=1, chat_days=1)
        await rights.sweep(connection, datetime.now(UTC) + timedelta(days=2), policy, lambda words: words)
    left = await rows(engine, "SELECT provider_id FROM media ORDER BY 1")
    assert [row.provider_id for row in left] == ["filed", "open", "parked"]


async def test_a_code_for_a_draft_goes_on_carrying_that_draft(engine: AsyncEngine) -> None:
    draft = {"number": 1, "told": [["Lampu mati.", 5]], "answers": {}}
    stays, goes = await pair(engine, drafts=1, draft=draft)
    async with engine.begin() as connection:
        await heard(connection, "goes", EARLIER)
        offered = await carryovers.offer(connection, goes, draft=1, ticket=None, now=NOW)
        assert offered is not None
    await joined(engine, stays, goes)
    async with engine.begin() as connection:
        by = await heard(connection, "third")
        found = await carryovers.redeem(connection, offered[0], by=by, now=NOW)
    assert isinstance(found, carryovers.Draft)
    assert (found.contact_id, found.number, found.saved["told"]) == (stays, 3, [["Lampu mati.", 5]])


async def test_whoever_redeems_a_code_while_its_chat_is_joined_finds_it_where_it_went(engine: AsyncEngine) -> None:
    third = await wrote(engine, "third")  # the lowest id, so that it waits for the other chat
    stays, goes = await pair(engine, drafts=1, draft=DRAFT)
    async with engine.begin() as connection:
        await heard(connection, "goes", EARLIER)
        offered = await carryovers.offer(connection, goes, draft=1, ticket=None, now=NOW)
        assert offered is not None

    async def redeemed() -> carryovers.Outcome:
        async with engine.begin() as connection:
            await heard(connection, "third")
            return await carryovers.redeem(connection, offered[0], by=third, now=NOW)

    async with engine.begin() as connection:
        await connection.execute(text("SELECT 1 FROM contacts WHERE id > :id FOR NO KEY UPDATE"), {"id": third})
        redeeming = asyncio.create_task(redeemed())
        await asyncio.sleep(0.2)
        assert not redeeming.done()
        await reunions.join(connection, stays, goes)
    with pytest.raises(carryovers.Busy):
        await redeeming
    found = await redeemed()
    assert isinstance(found, carryovers.Draft)
    assert (found.contact_id, found.number) == (stays, 3)


async def test_a_matter_is_about_the_chat_that_stays_and_the_same_one_is_open_once(engine: AsyncEngine) -> None:
    stays, goes = await pair(engine)
    async with engine.begin() as connection:
        for contact in (stays, goes):
            await attention.raise_matter(connection, "call_for_human", contact_id=contact)
        await attention.raise_matter(connection, "danger", contact_id=stays, detail="gas")
        await attention.raise_matter(connection, "danger", contact_id=goes, detail="fire")
    await joined(engine, stays, goes)
    async with engine.connect() as connection:
        found = [(each.kind, each.detail, each.contact_id) for each in await attention.matters(connection)]
    assert sorted(found, key=str) == sorted(
        [("call_for_human", None, stays), ("danger", "fire", stays), ("danger", "gas", stays)], key=str
    )


async def test_the_lines_of_both_chats_are_one_chats_in_their_order(engine: AsyncEngine) -> None:
    stays, goes = await pair(engine)
    async with engine.begin() as connection:
        for address in ("goes", "stays"):
            await heard(connection, address, EARLIER if address == "goes" else LATER)
    await joined(engine, stays, goes)
    async with engine.connect() as connection:
        lines = await deliveries.lines(connection, CHANNEL, "stays", 0)
        assert await deliveries.lines(connection, CHANNEL, "goes", 0) == []
    assert [line.content["text"] for line in lines] == ["dari stays", "dari goes", "dari goes", "dari stays"]


# --- what was said and is to be said --------------------------------------------------------------------


async def say(engine: AsyncEngine, contact: int, words: str, state: str = "", **more: Any) -> int:
    """A message in that state; returns its id."""
    async with engine.begin() as connection:
        await contacts.lock(connection, contact)
        says = more.pop("says", [("push.note", {"note": words})])
        await deliveries.add(connection, NewDelivery(contact, CHANNEL, "goes", says, "id", **more))
        id_ = (await connection.execute(text("SELECT max(id) FROM deliveries"))).scalar_one()
        changed = {
            "sent": "sent_at = now(), claimed_at = now()",
            "held": "held_at = now(), claimed_at = now()",
            "failed": "failed_at = now(), problem = 'x', claimed_at = now()",
            "in hand": "claimed_at = now(), attempts = 1, leased_until = now() + interval '9 s'",
            "again": "claimed_at = now(), attempts = 1",
        }.get(state)
        if changed:
            await connection.execute(text(f"UPDATE deliveries SET {changed} WHERE id = :id"), {"id": id_})  # noqa: S608
    return int(id_)


async def test_what_no_speaker_has_had_comes_last_and_everything_else_keeps_its_id(engine: AsyncEngine) -> None:
    stays, goes = await pair(engine)
    states = ["sent", "", "held", "failed", "in hand", "again", ""]
    before = {f"{at}": await say(engine, goes, f"{at}", state) for at, state in enumerate(states)}
    last = await say(engine, stays, "ours", "sent")
    await joined(engine, stays, goes)
    found = {row.says[0][1]["note"]: row for row in await rows(engine, "SELECT * FROM deliveries ORDER BY id")}
    assert {(row.contact_id, row.address) for name, row in found.items() if name != "ours"} == {(stays, "stays")}
    assert list(found) == ["0", "2", "3", "4", "5", "ours", "1", "6"]
    for name in ("0", "2", "3", "4", "5"):
        assert found[name].id == before[name]
    assert last < found["1"].id < found["6"].id
    assert found["2"].held_at is not None
    assert found["3"].problem == "x"
    assert found["4"].leased_until is not None


async def test_a_message_that_the_provider_knows_keeps_the_id_that_its_reports_name(engine: AsyncEngine) -> None:
    stays, goes = await pair(engine)
    opened_again = await say(engine, goes, "x")
    await run(
        engine,
        "INSERT INTO provider_messages (channel, provider_id, delivery_id, state)"
        " VALUES (:c, 'wamid.1', :id, 'failed')",
        c=CHANNEL, id=opened_again,
    )  # fmt: skip
    await joined(engine, stays, goes)
    [row] = await rows(engine, "SELECT id, contact_id FROM deliveries")
    assert tuple(row) == (opened_again, stays)


async def test_a_speaker_that_holds_a_message_tells_what_became_of_it_afterwards(engine: AsyncEngine) -> None:
    stays, goes = await pair(engine)
    await say(engine, goes, "x")
    async with engine.begin() as connection:
        [claimed] = await deliveries.claim(connection, 10, [CHANNEL])
    await joined(engine, stays, goes)
    async with engine.begin() as connection:
        await deliveries.mark(connection, [Outcome(claimed.id, claimed.contact_id, claimed.attempts, sent=True)])
    [row] = await rows(engine, "SELECT contact_id, sent_at FROM deliveries")
    assert row.contact_id == stays
    assert row.sent_at is not None


async def test_what_could_not_be_said_is_said_when_the_person_writes(engine: AsyncEngine) -> None:
    stays, goes = await pair(engine)
    await say(engine, goes, "x", "failed")
    async with engine.begin() as connection:
        await contacts.lose(connection, goes, "gone")
    await joined(engine, stays, goes)
    async with engine.begin() as connection:
        await heard(connection, "stays")
    [row] = await rows(engine, "SELECT failed_at, problem FROM deliveries")
    assert tuple(row) == (None, None)
    assert await value(engine, "SELECT unreachable_since FROM contacts WHERE id = :id", id=stays) is None


ASKED: list[tuple[str, dict[str, Any]]] = [("noted.story", {}), ("ask.place", {})]
CHOICES = [("choice.yes", "1:class:yes"), ("choice.no", "1:class:no", {"n": 1})]
DRAFT = {"number": 1, "told": [["Lampu mati.", 5]], "answers": {}}


async def test_a_question_that_was_not_heard_is_not_asked_beside_the_one_that_waits(engine: AsyncEngine) -> None:
    stays = await wrote(engine, "stays", LATER, drafts=2, draft={**DRAFT, "number": 2}, asking="time")
    goes = await wrote(engine, "goes", EARLIER, drafts=1, draft=DRAFT, asking="place")
    await say(engine, goes, "", says=ASKED, buttons=CHOICES, asks="place")
    await say(engine, goes, "", says=[("ask.place", {})], asks="place")
    await say(engine, goes, "", says=[("filed", {"ticket": "T-1"})], asks="", buttons=[("choice.x", "T-1:rate")])
    last = await say(engine, stays, "", "sent", says=[("ask.time", {})], asks="time")
    await joined(engine, stays, goes)
    async with engine.connect() as connection:
        spoken = await deliveries.last_reply(connection, stays)
    assert spoken is not None
    assert (spoken.id, spoken.asks) == (last, "time")
    found = await rows(engine, "SELECT says, buttons, asks FROM deliveries WHERE sent_at IS NULL ORDER BY id")
    assert [tuple(row) for row in found] == [
        ([["noted.story", {}]], [], None),
        ([["filed", {"ticket": "T-1"}]], [["choice.x", "T-1:rate"]], None),
    ]


async def test_a_question_goes_on_waiting_where_the_chat_that_stays_has_none(engine: AsyncEngine) -> None:
    stays = await wrote(engine, "stays", LATER, drafts=7)
    goes = await wrote(engine, "goes", EARLIER, drafts=1, draft=DRAFT, asking="class", tries=1)
    await say(engine, goes, "", says=ASKED, buttons=CHOICES, asks="class")
    await joined(engine, stays, goes)
    [row] = await rows(engine, "SELECT says, buttons, asks FROM deliveries")
    assert row.says == [list(each) for each in ASKED]
    assert row.buttons == [["choice.yes", "8:class:yes"], ["choice.no", "8:class:no", {"n": 1}]]
    assert row.asks == "class"
    kept = await remembered(engine, stays)
    assert kept.draft is not None
    assert (kept.draft.number, kept.asking, kept.tries, kept.drafts) == (8, "class", 1, 8)


# --- the conversation -----------------------------------------------------------------------------------


def one(stays: Conversation, gone: Conversation) -> Conversation:
    return talks.load(_one_conversation(talks.save(stays), talks.save(gone), stays.drafts, stays.drafts + gone.drafts))


def test_the_open_conversation_goes_on_and_the_other_draft_waits_behind_it() -> None:
    mine, theirs = Draft(2, (Told("Jalan rusak.", 9),)), Draft(1, (Told("Lampu mati.", 5),))
    stays = Conversation(asking="place", tries=1, drafts=2, draft=mine, parked=(Draft(1),), seen_at=9.0)
    gone = Conversation(asking="time", drafts=3, draft=theirs, parked=(Draft(3),), held=(Told("Juga got.", 7),))
    found = one(stays, gone)
    assert (found.draft, found.asking, found.tries, found.seen_at) == (mine, "place", 1, 9.0)
    assert [draft.number for draft in found.parked] == [1, 3, 5]
    # What waited to be told where it belongs waits with its draft: the question for it is not asked now.
    assert found.parked[1].story == "Lampu mati.\nJuga got."
    assert found.held == ()
    assert found.drafts == 5


def test_a_question_about_a_filed_complaint_goes_on_and_the_other_draft_is_the_open_one() -> None:
    stays = Conversation(asking="reason", about="T-482-173-9056", drafts=1)
    gone = Conversation(asking="time", drafts=1, draft=Draft(1), held=(Told("x", 3),), warned_at=8.0)
    found = one(stays, gone)
    assert (found.asking, found.about) == ("reason", "T-482-173-9056")
    assert found.draft is not None
    assert (found.draft.number, found.warned_at, found.held) == (2, 8.0, (Told("x", 3),))


def test_the_last_complaint_is_the_later_one_and_the_days_count_is_of_both() -> None:
    stays = Conversation(last=Filed("T-1", 1, at=5.0), filed_on=("2026-11-22", 2), drafts=1, pace=(3, 1.0))
    gone = Conversation(last=Filed("T-2", 1, at=6.0), filed_on=("2026-11-22", 1), drafts=1, moved=True, greeted=True)
    found = one(stays, gone)
    assert found.last == Filed("T-2", 2, at=6.0)
    assert (found.filed_on, found.pace, found.moved, found.greeted) == (("2026-11-22", 3), (3, 1.0), True, True)
    assert one(stays, Conversation(filed_on=("2026-11-21", 9))).filed_on == ("2026-11-22", 2)
    assert one(Conversation(), gone).last == Filed("T-2", 1, at=6.0)


def test_a_chat_that_remembers_nothing_takes_the_other_ones_memory() -> None:
    gone = Conversation(language="en", greeted=True, asking="place", tries=2, drafts=1, draft=Draft(1), pace=(4, 2.0))
    assert talks.load(_one_conversation({}, talks.save(gone), 0, 1)) == gone
    assert talks.load(_one_conversation(talks.save(gone), {}, 1, 1)) == gone


words = st.lists(st.tuples(st.text(max_size=5), st.integers(1, 50)), max_size=2)


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    """Anything that a chat may remember: drafts with different numbers, the open one first."""
    numbers = draw(st.lists(st.integers(1, 6), unique=True, max_size=3))
    drafts = [
        Draft(
            number,
            tuple(Told(*part) for part in draw(words)),
            {"place": Answer(draw(st.text(max_size=3)), 1)} if draw(st.booleans()) else {},
        )
        for number in numbers
    ]
    open_one, parked = (drafts[0] if drafts else None), drafts[1:]
    last = Filed("T-1", draw(st.integers(1, 6)), at=draw(st.floats(0, 9))) if draw(st.booleans()) else None
    return Conversation(
        language=draw(st.sampled_from(["id", "en"])),
        greeted=draw(st.booleans()),
        asking=draw(st.sampled_from([None, "place", "reason"])),
        about=draw(st.sampled_from([None, "T-1"])),
        tries=draw(st.integers(0, 3)),
        drafts=max([*numbers, last.number if last else 0, draw(st.integers(0, 7))]),
        draft=open_one,
        parked=tuple(parked),
        held=tuple(Told(*part) for part in draw(words)) if open_one else (),
        last=last,
        seen_at=draw(st.floats(0, 9)),
        filed_on=draw(st.sampled_from([("", 0), ("2026-11-21", 1), ("2026-11-22", 2)])),
        moved=draw(st.booleans()),
    )


@given(conversations(), conversations())
def test_no_word_and_no_draft_is_lost_and_no_number_is_given_twice(stays: Conversation, gone: Conversation) -> None:
    found = one(stays, gone)
    drafts = [each for each in (found.draft, *found.parked) if each]
    before = [each for chat in (stays, gone) for each in (chat.draft, *chat.parked) if each]
    assert len({each.number for each in drafts}) == len(drafts) == len(before)
    assert all(each.number <= found.drafts for each in drafts)
    assert sorted(str(each.answers) for each in drafts) == sorted(str(each.answers) for each in before)

    def said(chats: list[Conversation]) -> list[tuple[str, int]]:
        told = [part for chat in chats for each in (chat.draft, *chat.parked) if each for part in each.told]
        return sorted((part.text, part.sequence) for part in (*told, *(part for chat in chats for part in chat.held)))

    assert said([found]) == said([stays, gone])
    # An open draft ends by silence, a parked one does not: none is left to wait behind nothing.
    assert found.draft is not None or not found.parked
    assert found.seen_at == max(stays.seen_at, gone.seen_at)
    if stays.draft is not None:
        mine = (found.draft, found.asking, found.about, found.tries, found.held)
        assert mine == (stays.draft, stays.asking, stays.about, stays.tries, stays.held)


async def test_following_goes_on_in_the_joined_chat(engine: AsyncEngine) -> None:
    stays, goes = await pair(engine)
    ticket = await filed(engine, await wrote(engine, "somebody"))
    citizen = await citizen_of(engine, goes)
    async with engine.begin() as connection:
        complaint = (await complaints.get(connection, ticket)).complaint
        await following.follow(connection, complaint.id, citizen, goes)
    await joined(engine, stays, goes)
    async with engine.begin() as connection:
        await following.unfollow(connection, ticket, await citizen_of(engine, stays))
    assert len(await parties(engine, ticket)) == 1
