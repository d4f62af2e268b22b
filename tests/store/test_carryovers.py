"""Codes that move a draft or complaints to another chat: once, to whoever has them, and never half."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from conftest import in_database
from hypothesis import given, settings
from hypothesis import strategies as st
from making import CHANNEL, OPERATOR, contact, file, rows, run, say, value
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from store import carryovers, complaints, contacts, deliveries, inbox, media, moves
from store.carryovers import GONE, OWN, TOO_MANY, UNKNOWN, VALID, Busy, Draft, Outcome, Tickets
from store.database import connect
from store.deliveries import NewDelivery
from store.media import NewMedia

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
DRAFT = {"number": 3, "told": [["Lampu jalan mati.", 5]], "answers": {}, "photos": 1, "albums": [], "suggestion": None}
OTHER_CHANNEL = "whatsapp"
_CITIZEN = text("SELECT citizen_id FROM contacts WHERE id = :id")


async def chat(engine: AsyncEngine, address: str, **conversation: Any) -> int:
    """A chat in which something was said, committed; returns its contact."""
    async with engine.begin() as connection:
        contact_id = await contact(connection, address)
        await contacts.remember(connection, contact_id, {"language": "id", "drafts": 3, **conversation})
        return contact_id


async def locked(connection: AsyncConnection, address: str) -> int:
    """The chat of that address, locked as at the beginning of a turn."""
    return await contact(connection, address)


async def offered(engine: AsyncEngine, address: str, draft: int | None = None, ticket: str | None = None) -> str:
    async with engine.begin() as connection:
        found = await carryovers.offer(
            connection, await locked(connection, address), draft=draft, ticket=ticket, now=NOW
        )
        assert found is not None
        assert found[1] == NOW + VALID
        return found[0]


async def redeemed(engine: AsyncEngine, address: str, code: str, now: datetime = NOW) -> Outcome:
    async with engine.begin() as connection:
        return await carryovers.redeem(connection, code, by=await locked(connection, address), now=now)


async def filed(engine: AsyncEngine, address: str, draft: int = 1, **details: Any) -> str:
    """A complaint of that chat."""
    async with engine.begin() as connection:
        contact_id = await locked(connection, address)
        known = (await connection.execute(_CITIZEN, {"id": contact_id})).scalar_one()
        citizen = known or await contacts.become_citizen(connection, contact_id, "Budi", "id")
        return (await file(connection, contact_id=contact_id, citizen_id=citizen, draft=draft, **details)).ticket


async def conversation(engine: AsyncEngine, contact_id: int) -> Any:
    return await value(engine, "SELECT conversation FROM contacts WHERE id = :id", id=contact_id)


# --- the code ----------------------------------------------------------------------------------------


async def test_only_the_digest_of_a_code_is_kept(engine: AsyncEngine) -> None:
    await chat(engine, "a", draft=DRAFT)
    code = await offered(engine, "a", draft=3)
    kept = repr(await rows(engine, "SELECT * FROM carryovers"))
    assert code not in kept
    assert code.replace("-", "") not in kept


@pytest.mark.parametrize("typed", ["{}", "  {} ", "{}."])
async def test_a_code_may_be_typed_anyhow(engine: AsyncEngine, typed: str) -> None:
    await chat(engine, "a", draft=DRAFT)
    code = await offered(engine, "a", draft=3)
    assert isinstance(await redeemed(engine, "b", typed.format(code.lower().replace("-", " "))), Draft)


async def test_a_code_is_good_once_and_for_half_an_hour(engine: AsyncEngine) -> None:
    await chat(engine, "a", draft=DRAFT)
    code = await offered(engine, "a", draft=3)
    assert await redeemed(engine, "b", code, NOW + VALID) == UNKNOWN
    assert isinstance(await redeemed(engine, "b", code, NOW + VALID - timedelta(seconds=1)), Draft)
    assert await redeemed(engine, "b", code) == UNKNOWN
    assert await redeemed(engine, "c", code) == UNKNOWN


async def test_a_newer_code_voids_the_older_ones_of_that_chat_alone(engine: AsyncEngine) -> None:
    await chat(engine, "a", draft=DRAFT)
    await chat(engine, "x", draft=DRAFT)
    elsewhere = await offered(engine, "x", draft=3)
    first, second = await offered(engine, "a", draft=3), await offered(engine, "a", draft=3)
    assert await redeemed(engine, "b", first) == UNKNOWN
    assert isinstance(await redeemed(engine, "b", second), Draft)
    assert isinstance(await redeemed(engine, "c", elsewhere), Draft)


async def test_the_own_code_is_told_and_stays_good(engine: AsyncEngine) -> None:
    await chat(engine, "a", draft=DRAFT)
    code = await offered(engine, "a", draft=3)
    assert await redeemed(engine, "a", code) == OWN
    assert isinstance(await redeemed(engine, "b", code), Draft)


async def test_five_wrong_guesses_close_the_door_to_the_guesser_alone(engine: AsyncEngine) -> None:
    await chat(engine, "a", draft=DRAFT)
    code = await offered(engine, "a", draft=3)
    for _ in range(5):
        assert await redeemed(engine, "b", "2222-2222-2222") == UNKNOWN
    assert await redeemed(engine, "b", code) == TOO_MANY
    assert isinstance(await redeemed(engine, "c", code), Draft)
    await offered(engine, "a", draft=None, ticket=await filed(engine, "a"))
    assert await redeemed(engine, "b", "2222-2222-2222", NOW + timedelta(hours=1)) == UNKNOWN


async def test_words_that_are_no_code_are_no_guess(engine: AsyncEngine) -> None:
    for _ in range(7):
        assert await redeemed(engine, "b", "ke whatsapp") == UNKNOWN
    assert await value(engine, "SELECT count(*) FROM guesses") == 0


async def test_two_chats_with_one_code_get_it_once(engine: AsyncEngine) -> None:
    await chat(engine, "a", draft=DRAFT)
    code = await offered(engine, "a", draft=3)
    both = await asyncio.gather(patiently(engine, "b", code), patiently(engine, "c", code))
    assert sorted(type(each).__name__ for each in both) == ["Draft", "Nothing"]


# --- a draft -----------------------------------------------------------------------------------------


async def test_a_draft_leaves_its_chat_with_its_files(engine: AsyncEngine) -> None:
    old = await chat(engine, "a", draft=DRAFT, asking="place", tries=2, last={"ticket": "T-1", "number": 2})
    for draft in (2, 3):
        async with engine.begin() as connection:
            await media.add(connection, NewMedia(old, "photo", CHANNEL, f"of-{draft}", draft=draft))
    code = await offered(engine, "a", draft=3)
    async with engine.begin() as connection:
        new = await locked(connection, "b")
        outcome = await carryovers.redeem(connection, code, by=new, now=NOW)
        assert outcome == Draft(DRAFT, old, 3)
        await carryovers.adopt(connection, old_contact=old, old_number=3, new_contact=new, new_number=8)
    left = await conversation(engine, old)
    assert (left["draft"], left["asking"], left["tries"], left["moved"], left["drafts"]) == (None, None, 0, True, 3)
    assert left["last"] == {"ticket": "T-1", "number": 2}
    files = await rows(engine, "SELECT contact_id, draft, provider_id FROM media ORDER BY id")
    assert [tuple(row) for row in files] == [(old, 2, "of-2"), (new, 8, "of-3")]


async def test_files_that_are_filed_meanwhile_stay_with_their_complaint(engine: AsyncEngine) -> None:
    old = await chat(engine, "a")
    await filed(engine, "a", draft=3)
    async with engine.begin() as connection:
        media_id = await media.add(connection, NewMedia(old, "photo", CHANNEL, "x", draft=3))
    await run(engine, "UPDATE media SET complaint_id = (SELECT id FROM complaints)")
    async with engine.begin() as connection:
        new = await locked(connection, "b")
        await carryovers.adopt(connection, old_contact=old, old_number=3, new_contact=new, new_number=1)
        assert (await media.get(connection, media_id)).contact_id == old


@pytest.mark.parametrize("left", [{"draft": None}, {"draft": {**DRAFT, "number": 4}}, {}], ids=["filed", "new", "none"])
async def test_a_draft_that_is_gone_is_not_carried(engine: AsyncEngine, left: dict[str, Any]) -> None:
    old = await chat(engine, "a", draft=DRAFT)
    code = await offered(engine, "a", draft=3)
    async with engine.begin() as connection:
        await contacts.remember(connection, await locked(connection, "a"), {"language": "id", **left})
    assert await redeemed(engine, "b", code) == GONE
    assert "moved" not in await conversation(engine, old)
    assert await redeemed(engine, "b", code) == UNKNOWN


async def test_a_question_about_a_filed_complaint_goes_on_waiting(engine: AsyncEngine) -> None:
    old = await chat(engine, "a", draft=DRAFT, asking="reason", about="T-482-173-9056")
    await redeemed(engine, "b", await offered(engine, "a", draft=3))
    left = await conversation(engine, old)
    assert (left["asking"], left["about"]) == ("reason", "T-482-173-9056")


# --- complaints --------------------------------------------------------------------------------------


async def parties(engine: AsyncEngine, ticket: str) -> list[tuple[str, int, int]]:
    """Role, contact and citizen of everybody who holds it."""
    statement = """
        SELECT p.role, p.contact_id, p.citizen_id FROM complaint_parties p JOIN complaints k ON k.id = p.complaint_id
        WHERE k.ticket = :ticket ORDER BY p.role, p.contact_id
    """
    return [tuple(row) for row in await rows(engine, statement, ticket=ticket)]


async def citizen_of(engine: AsyncEngine, contact_id: int) -> Any:
    return await value(engine, "SELECT citizen_id FROM contacts WHERE id = :id", id=contact_id)


async def test_complaints_change_hands_with_all_that_follows(engine: AsyncEngine) -> None:
    old, new = await chat(engine, "a"), await chat(engine, "b")
    one, two = await filed(engine, "a", 1), await filed(engine, "a", 2)
    theirs = await filed(engine, "b", 1)
    outcome = await redeemed(engine, "b", await offered(engine, "a"))
    assert isinstance(outcome, Tickets)
    assert outcome.tickets == (one, two)
    assert [event.kind for event in outcome.events] == ["carried", "carried"]
    mine = await citizen_of(engine, new)
    assert outcome.citizen_id == mine
    for ticket in (one, two, theirs):
        assert await parties(engine, ticket) == [("pelapor", new, mine)]
        async with engine.connect() as connection:
            assert await complaints.of_citizen(connection, mine, ticket)
    async with engine.begin() as connection:
        event_id = outcome.events[0].complaint_id
        assert [reader.contact_id for reader in await complaints.readers(connection, event_id)] == [new]
        assert await complaints.of_citizen(connection, await citizen_of(engine, old)) == []
    # Where it came from stays, so that the draft is never filed again.
    origin = await rows(engine, "SELECT contact_id, draft, citizen_id FROM complaints WHERE ticket = :t", t=one)
    assert tuple(origin[0]) == (old, 1, mine)
    noted = await rows(
        engine, "SELECT actor_kind, actor_id, note, public FROM complaint_history WHERE event = 'carried'"
    )
    assert [tuple(row) for row in noted] == [("citizen", str(mine), None, False)] * 2


async def test_one_ticket_may_go_alone_and_a_chat_without_a_citizen_gets_one(engine: AsyncEngine) -> None:
    old = await chat(engine, "a")
    one, two = await filed(engine, "a", 1), await filed(engine, "a", 2)
    outcome = await redeemed(engine, "b", await offered(engine, "a", ticket=two))
    assert isinstance(outcome, Tickets)
    assert outcome.tickets == (two,)
    assert [contact_id for _, contact_id, _ in await parties(engine, one)] == [old]
    assert await value(engine, "SELECT name FROM citizens WHERE id = :id", id=outcome.citizen_id) == "Budi"


async def test_what_is_not_of_the_chat_cannot_be_offered_nor_carried(engine: AsyncEngine) -> None:
    await chat(engine, "a")
    await chat(engine, "b")
    theirs = await filed(engine, "b")
    async with engine.begin() as connection:
        mine = await locked(connection, "a")
        assert await carryovers.offer(connection, mine, draft=None, ticket=theirs, now=NOW) is None
        assert await carryovers.offer(connection, mine, draft=None, ticket=None, now=NOW) is None
    own = await filed(engine, "a")
    code = await offered(engine, "a", ticket=own)
    await run(
        engine,
        "DELETE FROM complaint_parties WHERE complaint_id = (SELECT id FROM complaints WHERE ticket = :t)",
        t=own,
    )
    assert await redeemed(engine, "c", code) == GONE


async def test_a_code_for_all_carries_what_the_chat_has_then(engine: AsyncEngine) -> None:
    await chat(engine, "a")
    await filed(engine, "a", 1)
    code = await offered(engine, "a")
    late = await filed(engine, "a", 2)
    outcome = await redeemed(engine, "b", code)
    assert isinstance(outcome, Tickets)
    assert late in outcome.tickets


async def follow(engine: AsyncEngine, address: str, ticket: str, role: str = "pengikut") -> int:
    async with engine.begin() as connection:
        contact_id = await locked(connection, address)
        known = (await connection.execute(_CITIZEN, {"id": contact_id})).scalar_one()
        citizen = known or await contacts.become_citizen(connection, contact_id, "Siti", "id")
    await run(
        engine,
        "INSERT INTO complaint_parties (complaint_id, citizen_id, role, contact_id)"
        " SELECT id, :citizen, :role, :contact FROM complaints WHERE ticket = :ticket",
        citizen=citizen, role=role, contact=contact_id, ticket=ticket,
    )  # fmt: skip
    return contact_id


async def test_a_follow_travels(engine: AsyncEngine) -> None:
    whose = await chat(engine, "x")
    followed = await filed(engine, "x", 1)
    await follow(engine, "a", followed)
    outcome = await redeemed(engine, "b", await offered(engine, "a"))
    assert isinstance(outcome, Tickets)
    assert outcome.tickets == (followed,)
    new = await value(engine, "SELECT id FROM contacts WHERE address = 'b'")
    assert [(role, held) for role, held, _ in await parties(engine, followed)] == [
        ("pelapor", whose),
        ("pengikut", new),
    ]
    assert await value(engine, "SELECT citizen_id FROM complaints WHERE ticket = :t", t=followed) == await citizen_of(
        engine, whose
    )


@pytest.mark.parametrize(
    ("giver", "taker"), [("pelapor", "pengikut"), ("pengikut", "pelapor"), ("pengikut", "pengikut")]
)
async def test_nobody_holds_a_complaint_twice(engine: AsyncEngine, giver: str, taker: str) -> None:
    addresses = {"pelapor": "x"} if "pelapor" not in (giver, taker) else {}
    for role, address in ((giver, "a"), (taker, "b")):
        if role == "pelapor":
            addresses["pelapor"] = address
    await chat(engine, addresses["pelapor"])
    ticket = await filed(engine, addresses["pelapor"])
    for role, address in ((giver, "a"), (taker, "b")):
        if role == "pengikut":
            await follow(engine, address, ticket)
    await redeemed(engine, "b", await offered(engine, "a", ticket=ticket))
    new = await value(engine, "SELECT id FROM contacts WHERE address = 'b'")
    held = [role for role, contact_id, _ in await parties(engine, ticket) if contact_id == new]
    assert held == ["pelapor" if "pelapor" in (giver, taker) else "pengikut"]
    old = await value(engine, "SELECT id FROM contacts WHERE address = 'a'")
    assert old not in [contact_id for _, contact_id, _ in await parties(engine, ticket)]


async def test_late_photos_of_the_old_chat_are_no_longer_the_complaints(engine: AsyncEngine) -> None:
    old = await chat(engine, "a")
    ticket, stays = await filed(engine, "a", 1), await filed(engine, "a", 2)
    remembered = {"language": "id", "last": {"ticket": ticket}, "about": ticket, "asking": "reason", "tries": 1}
    async with engine.begin() as connection:
        await contacts.remember(connection, await locked(connection, "a"), remembered)
    await redeemed(engine, "b", await offered(engine, "a", ticket=ticket))
    left = await conversation(engine, old)
    assert (left["last"], left["about"], left["asking"], left["moved"]) == (None, None, None, True)
    async with engine.begin() as connection:
        await contacts.remember(connection, await locked(connection, "a"), {"last": {"ticket": stays}, "about": stays})
    await follow(engine, "a", ticket)
    await redeemed(engine, "c", await offered(engine, "a", ticket=ticket))
    left = await conversation(engine, old)
    assert (left["last"], left["about"]) == ({"ticket": stays}, stays)


# --- what had not arrived ----------------------------------------------------------------------------


async def push(engine: AsyncEngine, address: str, ticket: str, words: str, asks: str | None = None) -> int:
    async with engine.begin() as connection:
        contact_id = await locked(connection, address)
        event = (await complaints.get(connection, ticket)).complaint
        says = [("push.note", {"note": words})]
        await deliveries.add(
            connection, NewDelivery(contact_id, CHANNEL, address, says, "id", asks=asks, complaint_id=event.id)
        )
    return int(await value(engine, "SELECT max(id) FROM deliveries"))


async def test_news_that_had_not_arrived_comes_to_the_new_chat(engine: AsyncEngine) -> None:
    await chat(engine, "a")
    ticket, other = await filed(engine, "a", 1), await filed(engine, "a", 2)
    waiting, failed, sent, held, elsewhere, reply = [
        await push(engine, "a", which, words, asks)
        for which, words, asks in [
            (ticket, "menunggu", None),
            (ticket, "gagal", None),
            (ticket, "terkirim", None),
            (ticket, "dipegang", None),
            (other, "lain", None),
            (ticket, "balasan", ""),
        ]
    ]
    await run(
        engine, "UPDATE deliveries SET failed_at = now(), problem = 'blocked', attempts = 9 WHERE id = :id", id=failed
    )
    await run(engine, "UPDATE deliveries SET sent_at = now() WHERE id = :id", id=sent)
    await run(engine, "UPDATE deliveries SET leased_until = now() + interval '9 s' WHERE id = :id", id=held)
    async with engine.begin() as connection:
        newest = await locked(connection, "b")
        await say(connection, newest, "greeting")
    before = await value(engine, "SELECT max(id) FROM deliveries")
    outcome = await redeemed(engine, "b", await offered(engine, "a", ticket=ticket))
    assert isinstance(outcome, Tickets)
    assert outcome.news == 2
    moved = await rows(
        engine,
        "SELECT id, says, address, sent_at, failed_at, attempts, asks FROM deliveries"
        " WHERE contact_id = :new AND complaint_id IS NOT NULL ORDER BY id",
        new=newest,
    )
    assert [row.says[0][1]["note"] for row in moved] == ["menunggu", "gagal"]
    assert all(row.id > before and row.address == "b" for row in moved)
    assert [(row.sent_at, row.failed_at, row.attempts, row.asks) for row in moved] == [(None, None, 0, None)] * 2
    left = await rows(engine, "SELECT id FROM deliveries WHERE address = 'a' ORDER BY id")
    assert [row.id for row in left] == sorted([sent, held, elsewhere, reply])
    assert waiting not in [row.id for row in left]


# --- many at once ------------------------------------------------------------------------------------


async def patiently(engine: AsyncEngine, address: str, code: str) -> Outcome:
    """Redeem as a turn does: roll back, wait a moment and do it again while the other chat is busy."""
    while True:
        try:
            return await redeemed(engine, address, code)
        except Busy:
            await asyncio.sleep(0.01)


async def test_a_chat_that_is_busy_is_not_waited_for_against_the_order(engine: AsyncEngine) -> None:
    low, high = await chat(engine, "a", draft=DRAFT), await chat(engine, "b", draft=DRAFT)
    assert low < high
    code = await offered(engine, "a", draft=3)
    async with engine.begin() as turn:
        await locked(turn, "a")
        with pytest.raises(Busy):
            await redeemed(engine, "b", code)
    assert isinstance(await redeemed(engine, "b", code), Draft)


async def test_a_complaint_that_is_being_changed_is_not_waited_for(engine: AsyncEngine) -> None:
    await chat(engine, "a")
    ticket = await filed(engine, "a")
    code = await offered(engine, "a")
    async with engine.begin() as somebody:
        await somebody.exec_driver_sql("SELECT 1 FROM complaints FOR NO KEY UPDATE")
        with pytest.raises(Busy):
            await redeemed(engine, "b", code)
    outcome = await redeemed(engine, "b", code)
    assert isinstance(outcome, Tickets)
    assert outcome.tickets == (ticket,)


async def test_two_chats_that_redeem_each_others_codes_at_once_both_end(engine: AsyncEngine) -> None:
    for address in ("a", "b"):
        await chat(engine, address)
    mine, theirs = await filed(engine, "a"), await filed(engine, "b")
    codes = {"b": await offered(engine, "a", ticket=mine), "a": await offered(engine, "b", ticket=theirs)}
    both_locked = asyncio.Barrier(2)

    async def turn(address: str) -> Outcome:
        first = True
        while True:
            try:
                async with engine.begin() as connection:
                    contact_id = await locked(connection, address)
                    if first:
                        first = False
                        await both_locked.wait()  # now each holds its own chat and wants the other's
                    return await carryovers.redeem(connection, codes[address], by=contact_id, now=NOW)
            except Busy:
                await asyncio.sleep(0.01)

    async with asyncio.timeout(20):
        outcomes = await asyncio.gather(turn("a"), turn("b"))
    assert [outcome.tickets for outcome in outcomes if isinstance(outcome, Tickets)] == [(theirs,), (mine,)]


async def test_an_officer_who_moves_the_complaint_meanwhile_hangs_nobody(engine: AsyncEngine) -> None:
    await chat(engine, "b")
    await chat(engine, "a")
    ticket = await filed(engine, "a")
    await follow(engine, "b", ticket)
    code = await offered(engine, "a", ticket=ticket)

    async def officer() -> None:
        for status in ("Terdisposisi", "Ditindaklanjuti oleh Instansi") * 5:
            found = moves.read(status)
            assert found is not None
            async with engine.begin() as connection:
                event = await complaints.move(connection, ticket, found, OPERATOR, reason=None, note=None)
                await complaints.readers(connection, event.complaint_id)

    async with asyncio.timeout(30):
        outcome, _ = await asyncio.gather(patiently(engine, "b", code), officer())
    assert isinstance(outcome, Tickets)
    assert len(await parties(engine, ticket)) == 1


steps = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["offer", "redeem", "other"])), max_size=14)


@given(steps)
@settings(max_examples=12, deadline=None)
def test_whatever_is_repeated_a_draft_is_in_one_place(
    server: str, databases: Any, order: list[tuple[str, str]]
) -> None:
    """Chats offer and redeem in any order: the one draft is never lost and never doubled."""
    name = databases.take()

    async def play() -> None:
        engine = connect(in_database(server, name), name="test")
        try:
            holder, held = "a", {"a": DRAFT, "b": None, "c": None}
            for address in "abc":
                await chat(engine, address, draft=held[address])
            code = "2222-2222-2222"
            for address, step in order:
                if step == "offer":
                    if held[address] is not None:
                        code = await offered(engine, address, draft=3)
                elif step == "redeem":
                    outcome = await redeemed(engine, address, code)
                    if isinstance(outcome, Draft):
                        assert holder != address
                        held[holder], held[address], holder = None, DRAFT, address
                        await _remember(engine, address, outcome.saved)
                else:
                    await redeemed(engine, address, "3333-3333")
                kept = [each for each in "abc" if (await conversation(engine, await _id(engine, each))).get("draft")]
                assert kept == [holder]
        finally:
            await engine.dispose()

    asyncio.run(play())
    databases.drop(name)


async def _id(engine: AsyncEngine, address: str) -> int:
    return int(await value(engine, "SELECT id FROM contacts WHERE address = :address", address=address))


async def _remember(engine: AsyncEngine, address: str, draft: Any) -> None:
    async with engine.begin() as connection:
        contact_id = await locked(connection, address)
        await contacts.remember(connection, contact_id, {"language": "id", "drafts": 3, "draft": dict(draft)})


async def test_a_new_chat_may_be_of_another_channel(engine: AsyncEngine) -> None:
    await chat(engine, "a")
    ticket = await filed(engine, "a")
    await push(engine, "a", ticket, "kabar")
    code = await offered(engine, "a")
    async with engine.begin() as connection:
        taken = await inbox.take(
            connection, channel=OTHER_CHANNEL, message_id=uuid.uuid4().hex, address="62811", sequence=1, name=None,
            payload={}, received_at=NOW,
        )  # fmt: skip
        assert taken is not None
        await contacts.remember(connection, taken.contact_id, {"language": "en"})
        await carryovers.redeem(connection, code, by=taken.contact_id, now=NOW)
    [news] = await rows(engine, "SELECT channel, address, language FROM deliveries")
    assert tuple(news) == (OTHER_CHANNEL, "62811", "en")
