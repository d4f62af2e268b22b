"""Reports that were assisted: nothing leads from them to whoever assisted, and the resident takes them over."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from helping import (
    NOW,
    REGION,
    TODAY,
    WORDS,
    Filed,
    assisted,
    begun,
    chat,
    citizen_of,
    counter,
    grant,
    of_draft,
    patiently,
    volunteer,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from making import OPERATOR, STORY, contact, file, rows, run, value
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from store import (
    assistances,
    attention,
    carryovers,
    closure,
    complaints,
    contacts,
    counters,
    following,
    links,
    media,
    merging,
    moves,
    neighbours,
    reunions,
    rights,
    volunteers,
)
from store.assistances import Kept, NoAssistance, Used
from store.carryovers import ASSISTED, TOO_MANY, UNKNOWN, Nothing
from store.complaints import Actor, NotFound
from store.database import is_busy
from store.media import NewMedia
from store.policy import Reach
from store.volunteers import Grant

POLICY = rights.Policy(closed_days=365, draft_days=7, chat_days=90)
SAVED = {"number": 1, "told": [[STORY, 5]], "answers": {}, "photos": 1, "context": {"assist": {"id": 1, "at": 0}}}


async def redeemed(engine: AsyncEngine, code: str, address: str, now: Any = NOW) -> str | Used | Nothing:
    """As the shell does: a code that carries nothing may be one that takes over."""

    async def act() -> str | Used | Nothing:
        async with engine.begin() as connection:
            by = await contact(connection, address)
            outcome = await carryovers.redeem(connection, code, by=by, now=now)
            return await assistances.redeem(connection, code, by=by, now=now) if outcome == UNKNOWN else outcome  # type: ignore[return-value]

    found: str | Used | Nothing = await patiently(act)
    return found


async def parties(engine: AsyncEngine, ticket: str) -> set[tuple[str, int, int | None]]:
    found = await rows(
        engine,
        "SELECT p.role, p.citizen_id, p.contact_id FROM complaint_parties p"
        " JOIN complaints k ON k.id = p.complaint_id WHERE k.ticket = :ticket",
        ticket=ticket,
    )
    return {tuple(row) for row in found}


async def readers(engine: AsyncEngine, complaint_id: int) -> list[tuple[int, str]]:
    async with engine.begin() as connection:
        return [(each.contact_id, each.role) for each in await complaints.readers(connection, complaint_id)]


async def seen(engine: AsyncEngine, contact_id: int) -> set[str]:
    """The tickets that a chat may read."""
    async with engine.begin() as connection:
        citizen = await citizen_of(connection, contact_id)
        return {each.ticket for each in await complaints.of_citizen(connection, citizen)} if citizen else set()


async def kept(engine: AsyncEngine, contact_id: int) -> list[Kept]:
    async with engine.begin() as connection:
        return await assistances.kept_of(connection, contact_id, TODAY)


async def done(engine: AsyncEngine, act: Callable[..., Awaitable[Any]], *arguments: Any, **named: Any) -> Any:
    async with engine.begin() as connection:
        return await act(connection, *arguments, **named)


async def row(engine: AsyncEngine, assistance_id: int) -> Any:
    [found] = await rows(engine, "SELECT * FROM assistances WHERE id = :id", id=assistance_id)
    return found


async def moved(engine: AsyncEngine, ticket: str, *names: str) -> None:
    for name in names:
        status = moves.read(name)
        assert status is not None
        await done(engine, complaints.move, ticket, status, OPERATOR, reason=None, note="Sudah kami tangani.")


async def photo(engine: AsyncEngine, contact_id: int, draft: int) -> int:
    new = NewMedia(contact_id=contact_id, kind="photo", channel="telegram", provider_id=f"p{draft}", draft=draft)
    found: int = await done(engine, media.add, new)
    return found


# --- filing ------------------------------------------------------------------------------------------------


async def test_nothing_leads_from_a_filed_report_to_whoever_assisted(engine: AsyncEngine) -> None:
    helper = await volunteer(engine)
    contact_id = await chat(engine, "v")
    picture = await photo(engine, contact_id, 1)
    await run(engine, "UPDATE media SET line_id = 3, taken_at_place = '[1, 2]' WHERE id = :id", id=picture)
    await done(engine, attention.raise_matter, "danger", contact_id=contact_id, detail="fire")
    report = await assisted(engine, helper, contact_id, 1, secret=True, region="16.71.01")
    assert await parties(engine, report.ticket) == {("pelapor", report.citizen_id, None)}
    assert await readers(engine, report.complaint_id) == []
    assert await seen(engine, contact_id) == set()
    [file_row] = await rows(engine, "SELECT * FROM media")
    assert (file_row.complaint_id, file_row.state) == (report.complaint_id, "waiting")
    assert (file_row.contact_id, file_row.draft, file_row.line_id, file_row.taken_at_place) == (None, None, None, None)
    [matter] = await done(engine, attention.matters)
    assert (matter.kind, matter.ticket, matter.contact_id) == ("danger", report.ticket, None)
    async with engine.begin() as connection:
        for act in (closure.reply, closure.withdraw):
            mine = Actor("citizen", str(await citizen_of(connection, contact_id)))
            with pytest.raises(NotFound):
                await act(connection, report.ticket, mine, "x")
        assert await carryovers.offer(connection, contact_id, draft=None, ticket=report.ticket, now=NOW) is None
        held = await rights.held(connection, contact_id, POLICY)
        assert (held.complaints, held.files) == ((), 0)
        assert await complaints.open_of_contact(connection, contact_id) == []
    assert await kept(engine, contact_id) == [Kept(report.ticket, moves.FIRST, "", (await filed_at(engine, report)))]


async def filed_at(engine: AsyncEngine, report: Filed) -> Any:
    return await value(engine, "SELECT filed_at FROM complaints WHERE id = :id", id=report.complaint_id)


async def test_a_file_is_still_fetched_when_its_report_is_filed(engine: AsyncEngine) -> None:
    """Whatever became of it is written down, and there is no chat to tell."""
    helper, contact_id = await volunteer(engine), await chat(engine, "v")
    one, other = await photo(engine, contact_id, 1), await photo(engine, contact_id, 1)
    await assisted(engine, helper, contact_id, 1)
    async with engine.begin() as connection:
        found = await media.get(connection, one)
        assert await media.sender(connection, found.contact_id) is None
        assert await media.stored(connection, one, "a" * 64, "image/jpeg", 5, taken_at=(1.0, 2.0)) is False
        await media.put_aside(connection, other, "failed", "gone")
        assert await media.message(connection, one) is None
    assert [each.state for each in await rows(engine, "SELECT state FROM media ORDER BY id")] == ["stored", "failed"]
    swept = await done(engine, rights.sweep, NOW + timedelta(days=30), POLICY, str)
    assert swept.files == 0


async def test_a_report_without_a_chat_is_found_like_any_other(engine: AsyncEngine) -> None:
    helper, contact_id = await volunteer(engine), await chat(engine, "v")
    report = await assisted(
        engine, helper, contact_id, 1, region="16.71.01", latitude=-2.99, longitude=104.75, function="pekerjaan_umum"
    )
    async with engine.begin() as connection:
        near = await neighbours.neighbours(
            connection,
            text=STORY,
            function="pekerjaan_umum",
            region="16.71.01",
            latitude=-2.99,
            longitude=104.75,
            at=await filed_at(engine, report),
        )
        assert [each.ticket for each in near] == [report.ticket]
        assert await neighbours.voices(connection, [report.complaint_id]) == 1
        whole = await complaints.get(connection, report.ticket)
        assert whole.complaint.citizen_name == "Ibu Wati"
        assert len(await complaints.page(connection, {"region": REGION}, 10)) == 1


async def test_an_assistance_ends_once(engine: AsyncEngine) -> None:
    helper, contact_id = await volunteer(engine), await chat(engine, "v")
    report = await assisted(engine, helper, contact_id, 1)
    with pytest.raises(ValueError, match="another end"):
        await done(
            engine,
            assistances.filed,
            report.id,
            complaint_id=report.complaint_id,
            citizen_id=report.citizen_id,
            reach="none",
            reach_words=None,
            keeps=False,
            alike=0,
            now=NOW,
            valid_days=1,
        )
    await done(engine, assistances.ended, report.id, "dropped", NOW)
    assert await done(engine, assistances.give_to_desk, report.id, contact_id, 1, SAVED, None, None, NOW) is False
    assert (await row(engine, report.id)).outcome == "filed"
    with pytest.raises(ValueError, match="has ended"):
        await begun(engine, helper, contact_id, 1)
    assert (await of_draft(engine, report.id, contact_id, 1)).ticket == report.ticket


async def test_the_code_is_kept_nowhere(engine: AsyncEngine) -> None:
    report = await assisted(engine, await volunteer(engine), await chat(engine, "v"), 1)
    kept_rows = repr(await rows(engine, "SELECT * FROM assistances"))
    assert report.code not in kept_rows
    assert report.code.replace("-", "") not in kept_rows


# --- drafts ------------------------------------------------------------------------------------------------


async def test_a_split_draft_has_the_same_consent_in_a_row_of_its_own(engine: AsyncEngine) -> None:
    helper, contact_id = await volunteer(engine), await chat(engine, "v")
    first = await begun(engine, helper, contact_id, 1)
    second = await of_draft(engine, first, contact_id, 2)
    assert second.id != first
    assert (second.consented_at, second.volunteer_id, second.draft) == (NOW, helper.id, 2)
    assert (await row(engine, second.id)).consent_words == WORDS
    assert (await of_draft(engine, first, contact_id, 2)).id == second.id
    assert (await of_draft(engine, second.id, contact_id, 1)).id == first
    with pytest.raises(NoAssistance):
        await of_draft(engine, first, await chat(engine, "w"), 3)


@pytest.mark.parametrize("outcome", ["dropped", "withdrawn"])
async def test_of_what_came_to_nothing_a_count_is_left(engine: AsyncEngine, outcome: str) -> None:
    """The other half of a split draft keeps its consent."""
    helper = await volunteer(engine)
    contact_id = await chat(engine, "v")
    first = await begun(engine, helper, contact_id, 1)
    parked = [{"number": 2, "context": {"assist": {"id": first, "at": 0}}}, {"number": 3, "context": {}}]
    current = {"number": 1, "context": {"assist": {"id": first, "at": 0}}}
    await chat(engine, "v", draft=current, parked=parked)
    await run(engine, "UPDATE assistances SET reach = 'phone', reach_words = '0812' WHERE id = :id", id=first)
    await done(engine, assistances.ended, first, outcome, NOW)
    gone = await row(engine, first)
    assert (gone.outcome, gone.ended_at, gone.consent_words, gone.reach_words) == (outcome, NOW, "", None)
    second = await of_draft(engine, first, contact_id, 2)
    assert (await row(engine, second.id)).consent_words == WORDS
    assert await value(engine, "SELECT count(*) FROM assistances") == 2
    async with engine.begin() as connection:
        [listed] = await volunteers.page(connection, Reach(everywhere=True), today=TODAY, now=NOW, daily=10)
    assert (listed.assisted, listed.open) == (2, 1)


async def test_a_draft_waits_at_the_desk_with_its_files_until_it_is_settled(engine: AsyncEngine) -> None:
    helper, contact_id = await volunteer(engine), await chat(engine, "v")
    first = await begun(engine, helper, contact_id, 1)
    picture = await photo(engine, contact_id, 1)
    assert await done(engine, assistances.give_to_desk, first, contact_id, 1, SAVED, "phone", "0812", NOW)
    await done(engine, attention.raise_matter, assistances.DRAFTS)
    async with engine.begin() as connection:
        [waiting] = await assistances.drafts_at_desk(connection, Reach(regions=("16",)))
        assert await assistances.drafts_at_desk(connection, Reach(regions=("16.06",))) == []
        assert await assistances.draft_at_desk(connection, first, lock=True) == waiting
    assert (waiting.id, waiting.kind, waiting.name, waiting.region) == (first, "volunteer", "Rina", REGION)
    assert (waiting.reach, waiting.reach_words, waiting.saved, waiting.files) == ("phone", "0812", SAVED, 1)
    # Neither time nor the volunteer takes the files away.
    created = await value(engine, "SELECT created_at FROM media")
    swept = await done(engine, rights.sweep, created + timedelta(days=30), POLICY, str)
    assert (swept.files, swept.drafts) == (0, 0)
    erased = await done(engine, rights.erase, contact_id, POLICY)
    assert erased.files == 0
    assert await value(engine, "SELECT draft FROM media WHERE id = :id", id=picture) == 1
    assert await done(engine, assistances.settle_draft, first) is True
    assert await done(engine, assistances.settle_draft, first) is False
    assert await done(engine, assistances.draft_at_desk, first) is None
    gone = await row(engine, first)
    assert (gone.saved, gone.reach_words, gone.consent_words, gone.outcome) == (None, None, "", "desk")
    assert (await done(engine, rights.sweep, created + timedelta(days=30), POLICY, str)).files == 1


async def test_what_no_officer_settles_is_kept_as_long_as_the_words_of_a_chat(engine: AsyncEngine) -> None:
    helper, contact_id = await volunteer(engine), await chat(engine, "v")
    first = await begun(engine, helper, contact_id, 1)
    await done(engine, assistances.give_to_desk, first, contact_id, 1, SAVED, "phone", "0812", NOW)
    await done(engine, attention.raise_matter, assistances.DRAFTS)
    early = await done(engine, rights.sweep, NOW + timedelta(days=90), POLICY, str)
    assert (early.drafts, len(await done(engine, attention.matters))) == (0, 1)
    late = await done(engine, rights.sweep, NOW + timedelta(days=90, seconds=1), POLICY, str)
    assert (late.drafts, late.done, await done(engine, attention.matters)) == (1, False, [])
    gone = await row(engine, first)
    assert (gone.saved, gone.reach_words, gone.outcome) == (None, None, "desk")
    assert (await done(engine, rights.sweep, NOW + timedelta(days=91), POLICY, str)).drafts == 0


async def test_a_consent_whose_draft_is_nowhere_ends(engine: AsyncEngine) -> None:
    helper, contact_id = await volunteer(engine), await chat(engine, "v", draft={"number": 2})
    lost, open_ = await begun(engine, helper, contact_id, 1), await begun(engine, helper, contact_id, 2)
    await chat(engine, "v", draft={"number": 2})
    await done(engine, rights.sweep, NOW + timedelta(days=91), POLICY, str)
    assert ((await row(engine, lost)).outcome, (await row(engine, open_)).outcome) == ("dropped", None)


async def test_who_has_their_chat_erased_leaves_what_residents_told_to_the_desk(engine: AsyncEngine) -> None:
    helper, contact_id = await volunteer(engine), await chat(engine, "v")
    told, empty = await begun(engine, helper, contact_id, 1), await begun(engine, helper, contact_id, 2)
    drafts = [
        {"number": 1, "told": [[STORY, 4]], "context": {"assist": {"id": told, "at": 0}}},
        {"number": 2, "told": [], "context": {"assist": {"id": empty, "at": 0}}},
        {"number": 3, "told": [["Punya saya.", 9]], "context": {}},
    ]
    await chat(engine, "v", draft=drafts[0], parked=drafts[1:])
    await photo(engine, contact_id, 1), await photo(engine, contact_id, 3)
    async with engine.begin() as connection:
        held = await rights.held(connection, contact_id, POLICY)
        erased = await rights.erase(connection, contact_id, POLICY)
        again = await rights.erase(connection, contact_id, POLICY)
    assert (held.drafts, held.files, erased.drafts, erased.files) == (1, 1, 1, 1)
    assert (again.drafts, again.files) == (0, 0)
    [waiting] = await done(engine, assistances.drafts_at_desk, Reach(everywhere=True))
    assert (waiting.id, waiting.saved, waiting.name, waiting.files) == (told, drafts[0], None, 1)
    assert [each.kind for each in await done(engine, attention.matters)] == [assistances.DRAFTS]
    assert (await row(engine, empty)).outcome == "dropped"


@pytest.mark.parametrize(
    ("answers", "reached"),
    [
        ({"reach": ["phone", 3], "contact": ["0812 3456 7890", 4]}, ("phone", "0812 3456 7890")),
        ({"reach": ["none", 3], "contact": ["0812 3456 7890", 4]}, ("none", None)),
        ({}, (None, None)),
        ({"reach": ["elsewhere", 3], "contact": None}, (None, None)),
        (None, (None, None)),
    ],
)
async def test_the_officer_who_gets_what_was_left_reaches_the_resident(
    engine: AsyncEngine, answers: Any, reached: tuple[str | None, str | None]
) -> None:
    helper, contact_id = await volunteer(engine), await chat(engine, "v")
    told = await begun(engine, helper, contact_id, 1)
    draft = {"number": 1, "told": [[STORY, 4]], "answers": answers, "context": {"assist": {"id": told, "at": 0}}}
    await chat(engine, "v", draft=draft)
    await done(engine, rights.erase, contact_id, POLICY)
    [waiting] = await done(engine, assistances.drafts_at_desk, Reach(everywhere=True))
    assert (waiting.reach, waiting.reach_words) == reached


async def test_an_officer_files_what_the_desk_was_given(engine: AsyncEngine) -> None:
    helper, contact_id = await volunteer(engine), await chat(engine, "v")
    first = await begun(engine, helper, contact_id, 1)
    await photo(engine, contact_id, 1)
    await done(engine, assistances.give_to_desk, first, contact_id, 1, SAVED, "place", "Posko RT 3", NOW)
    async with engine.begin() as connection:
        resident = await contacts.new_citizen(connection, None)
        event = await file(connection, contact_id=contact_id, citizen_id=resident, draft=1)
        await assistances.filed(
            connection,
            first,
            complaint_id=event.complaint_id,
            citizen_id=resident,
            reach="place",
            reach_words="Posko RT 3",
            keeps=False,
            alike=0,
            now=NOW,
            valid_days=90,
        )
    found = await row(engine, first)
    assert (found.outcome, found.complaint_id, found.saved) == ("desk", event.complaint_id, None)
    [picture] = await rows(engine, "SELECT complaint_id, contact_id FROM media")
    assert tuple(picture) == (event.complaint_id, None)
    helped = await done(engine, assistances.of_complaint, event.complaint_id)
    assert (helped.kind, helped.name, helped.reach, helped.reach_words) == ("volunteer", "Rina", "place", "Posko RT 3")
    assert await done(engine, assistances.of_complaint, 0) is None


# --- taking over -------------------------------------------------------------------------------------------


async def test_a_chat_without_a_citizen_becomes_the_residents(engine: AsyncEngine) -> None:
    helper = await volunteer(engine)
    contact_id = await chat(engine, "v")
    report = await assisted(engine, helper, contact_id, 1)
    theirs = await chat(engine, "r", language="en")
    assert await redeemed(engine, report.code.lower(), "r") == report.ticket
    async with engine.begin() as connection:
        assert await citizen_of(connection, theirs) == report.citizen_id
    [person] = await rows(engine, "SELECT name, language FROM citizens WHERE id = :id", id=report.citizen_id)
    assert tuple(person) == ("Ibu Wati", "en")
    assert await readers(engine, report.complaint_id) == [(theirs, "pelapor")]
    assert await seen(engine, theirs) == {report.ticket}
    assert (await kept(engine, contact_id), await seen(engine, contact_id)) == ([], set())
    assert await redeemed(engine, report.code, "other") == Used(report.complaint_id, theirs=False)
    assert await redeemed(engine, report.code, "r") == Used(report.complaint_id, theirs=True)
    assert await value(engine, "SELECT count(*) FROM guesses") == 0
    await moved(engine, report.ticket, "Terdisposisi", "Ditindaklanjuti oleh Instansi")
    async with engine.begin() as connection:
        assert await assistances.news_to(connection, report.complaint_id, NOW) == []
        mine = Actor("citizen", str(report.citizen_id))
        await closure.rate(connection, report.ticket, mine, 5, "Terima kasih")
    carried = "SELECT count(*) FROM complaint_history WHERE event = 'carried' AND actor_id = :citizen"
    assert await value(engine, carried, citizen=str(report.citizen_id)) == 1


@pytest.mark.parametrize("follows", [False, True])
async def test_a_citizen_takes_a_report_over_and_the_residents_row_goes(engine: AsyncEngine, follows: bool) -> None:
    helper = await volunteer(engine)
    report = await assisted(engine, helper, await chat(engine, "v"), 1)
    theirs = await chat(engine, "r")
    async with engine.begin() as connection:
        mine = await contacts.become_citizen(connection, theirs, None, "id")
        if follows:
            await following.follow(connection, report.complaint_id, mine, theirs)
    assert await redeemed(engine, report.code, "r") == report.ticket
    assert await parties(engine, report.ticket) == {("pelapor", mine, theirs)}
    [complaint] = await rows(engine, "SELECT citizen_id, contact_id FROM complaints")
    assert tuple(complaint) == (mine, None)
    assert await rows(engine, "SELECT id FROM citizens WHERE id = :id", id=report.citizen_id) == []
    assert await value(engine, "SELECT name FROM citizens WHERE id = :id", id=mine) == "Ibu Wati"
    assert (await row(engine, report.id)).citizen_id == mine
    filed = "SELECT actor_id FROM complaint_history WHERE event = 'filed'"
    assert await value(engine, filed) == str(mine)


async def test_a_resident_with_two_reports_takes_each_over(engine: AsyncEngine) -> None:
    """Into one chat both; into two chats each: only "hubungkan" makes two chats one citizen's."""
    helper, contact_id = await volunteer(engine), await chat(engine, "v")
    pair = [await assisted(engine, helper, contact_id, draft) for draft in (1, 2)]
    await run(engine, "UPDATE complaint_parties SET citizen_id = :id", id=pair[0].citizen_id)
    await run(engine, "UPDATE complaints SET citizen_id = :id", id=pair[0].citizen_id)
    one, other = await chat(engine, "r"), await chat(engine, "s")
    assert await redeemed(engine, pair[0].code, "r") == pair[0].ticket
    assert await seen(engine, one) == {each.ticket for each in pair}
    assert await readers(engine, pair[1].complaint_id) == []
    assert await redeemed(engine, pair[1].code, "s") == pair[1].ticket
    assert (await seen(engine, one), await seen(engine, other)) == ({pair[0].ticket}, {pair[1].ticket})
    assert await done(engine, links.others, other) == []


async def test_whoever_assisted_cannot_take_over_and_the_code_stays_good(engine: AsyncEngine) -> None:
    helper = await volunteer(engine)
    contact_id = await chat(engine, "v")
    report = await assisted(engine, helper, contact_id, 1)
    second = await chat(engine, "v2")
    async with engine.begin() as connection:
        code, _ = await carryovers.offer_link(connection, contact_id, now=NOW)
    async with engine.begin() as connection:
        assert isinstance(await links.link(connection, code, by=second, now=NOW), tuple)
    token, _ = await counter(engine)
    async with engine.begin() as connection:
        desk = await counters.current(connection, token, NOW)
        assert desk is not None
        tablet = await counters.new_chat(connection, desk.id, address="tablet")
        assert await assistances.redeem(connection, report.code, by=tablet, now=NOW) == ASSISTED
    for address in ("v", "v2", "v", "v2", "v", "v2"):
        assert await redeemed(engine, report.code, address) == ASSISTED
    # Leaving the link does not help: it is the chat in which it was told.
    async with engine.begin() as connection:
        await links.leave(connection, contact_id)
    assert await redeemed(engine, report.code, "v") == ASSISTED
    assert await redeemed(engine, report.code, "v2") == ASSISTED
    # Nor does having one's data erased.
    await done(engine, rights.erase, second, POLICY)
    assert await redeemed(engine, report.code, "v2") == ASSISTED
    assert await redeemed(engine, report.code, "r") == report.ticket


async def test_of_two_chats_that_take_over_at_once_one_wins(engine: AsyncEngine) -> None:
    report = await assisted(engine, await volunteer(engine), await chat(engine, "v"), 1)
    for address in "ab":
        await chat(engine, address)
    outcomes = await asyncio.gather(redeemed(engine, report.code, "a"), redeemed(engine, report.code, "b"))
    assert sorted(map(str, outcomes)) == sorted(map(str, [report.ticket, Used(report.complaint_id, theirs=False)]))
    [(role, _, winner)] = await parties(engine, report.ticket)
    assert (role, winner) == ("pelapor", await chat(engine, "a" if outcomes[0] == report.ticket else "b"))


async def test_a_wrong_code_is_one_guess_and_a_right_one_none(engine: AsyncEngine) -> None:
    helper, contact_id = await volunteer(engine), await chat(engine, "v")
    reports = [await assisted(engine, helper, contact_id, draft) for draft in range(1, 8)]
    for report in reports[:6]:
        assert await redeemed(engine, report.code, "r") == report.ticket
    assert await value(engine, "SELECT count(*) FROM guesses") == 0
    wrong = [await redeemed(engine, "2222-2222-2222", "r") for _ in range(6)]
    assert wrong == [UNKNOWN] * 5 + [TOO_MANY]
    assert await value(engine, "SELECT count(*) FROM guesses") == 5
    assert await redeemed(engine, reports[6].code, "r") == TOO_MANY
    assert await done(engine, assistances.redeem, reports[6].code, by=await chat(engine, "r"), now=NOW) == TOO_MANY
    assert await done(engine, assistances.redeem, "apa ya", by=await chat(engine, "r"), now=NOW) == UNKNOWN
    assert await redeemed(engine, reports[6].code, "r", NOW + timedelta(hours=1)) == reports[6].ticket


async def test_a_code_is_good_for_its_days_and_while_there_is_something_to_take(engine: AsyncEngine) -> None:
    helper, contact_id = await volunteer(engine), await chat(engine, "v")
    late, ended = await assisted(engine, helper, contact_id, 1), await assisted(engine, helper, contact_id, 2)
    assert await redeemed(engine, late.code, "r", NOW + timedelta(days=90)) == UNKNOWN
    await run(engine, "UPDATE complaints SET status = 'Ditutup oleh Sistem', changed_at = :at", at=NOW)
    assert await redeemed(engine, late.code, "r", NOW + timedelta(days=89)) == late.ticket
    swept = await done(engine, rights.sweep, NOW + timedelta(days=366), POLICY, str)
    assert swept.complaints == 2
    assert await redeemed(engine, ended.code, "s") == UNKNOWN
    gone = await row(engine, ended.id)
    assert (gone.citizen_id, gone.consent_words, gone.reach_words, gone.keeps) == (None, "", None, False)
    assert await value(engine, "SELECT name FROM citizens WHERE id = :id", id=ended.citizen_id) is None
    assert await kept(engine, contact_id) == []


async def test_a_report_that_was_joined_with_another_is_taken_over_alone(engine: AsyncEngine) -> None:
    helper, contact_id = await volunteer(engine), await chat(engine, "v")
    report, main = await assisted(engine, helper, contact_id, 1), await assisted(engine, helper, contact_id, 2)
    await done(engine, merging.merge, report.ticket, main.ticket, OPERATOR)
    theirs = await chat(engine, "r")
    assert await redeemed(engine, report.code, "r") == report.ticket
    assert await seen(engine, theirs) == {report.ticket}
    assert await readers(engine, main.complaint_id) == []


async def test_it_waits_for_nobody(engine: AsyncEngine) -> None:
    report = await assisted(engine, await volunteer(engine), await chat(engine, "v"), 1)
    theirs = await chat(engine, "r")
    async with engine.begin() as officer:
        await complaints.lock(officer, report.ticket)
        async with engine.connect() as connection:
            with pytest.raises(carryovers.Busy):
                await assistances.redeem(connection, report.code, by=theirs, now=NOW)
            await connection.rollback()
    assert await redeemed(engine, report.code, "r") == report.ticket


async def test_at_once_nobody_waits_in_a_circle(engine: AsyncEngine) -> None:
    """Officers who tell, volunteers who take consents back, residents who take over: everything ends, once."""
    helpers = [await volunteer(engine, address) for address in ("v", "w")]
    chats = [await chat(engine, address) for address in ("v", "w")]
    reports = [await assisted(engine, helpers[at % 2], chats[at % 2], at + 1) for at in range(6)]
    for at in range(6):
        await chat(engine, f"r{at}")

    async def persist(act: Callable[[], Awaitable[Any]]) -> Any:
        while True:
            try:
                return await act()
            except (DBAPIError, psycopg.Error, carryovers.Busy) as error:
                busy = isinstance(error, carryovers.Busy) or "55P03" in (
                    getattr(error, "sqlstate", None),
                    getattr(getattr(error, "orig", None), "sqlstate", None),
                )
                if not busy:
                    raise
                await asyncio.sleep(0.01)

    async def tell(report: Filed) -> None:
        async with engine.begin() as connection:
            await complaints.lock(connection, report.ticket)
            await complaints.readers(connection, report.complaint_id)
            await assistances.news_to(connection, report.complaint_id, NOW)

    async def take_back(report: Filed, at: int) -> int | None:
        async with engine.begin() as connection:
            contact_id = await contact(connection, "vw"[at % 2])
            return await assistances.withdrawn(connection, report.ticket, contact_id, None, NOW)

    async def take_over(report: Filed, address: str) -> str | Used | Nothing:
        return await redeemed(engine, report.code, address)

    turns = [
        each
        for at, report in enumerate(reports)
        for each in (
            persist(lambda report=report: tell(report)),  # type: ignore[misc]
            persist(lambda report=report, at=at: take_back(report, at)),  # type: ignore[misc]
            persist(lambda report=report, at=at: take_over(report, f"r{at}")),  # type: ignore[misc]
            persist(lambda report=report, at=at: take_over(report, f"r{(at + 1) % 6}")),  # type: ignore[misc]
        )
    ]
    outcomes = await asyncio.gather(*turns)
    taken = [each for each in outcomes if each in {report.ticket for report in reports}]
    assert sorted(taken) == sorted(report.ticket for report in reports)
    for report in reports:
        assert [role for role, _, contact_id in await parties(engine, report.ticket) if contact_id] == ["pelapor"]


# --- other ways to somebody's report -----------------------------------------------------------------------


async def test_a_helper_and_a_resident_cannot_link_or_carry_what_was_assisted(engine: AsyncEngine) -> None:
    helper = await volunteer(engine)
    contact_id = await chat(engine, "v")
    report = await assisted(engine, helper, contact_id, 1)
    theirs = await chat(engine, "r")
    assert await redeemed(engine, report.code, "r") == report.ticket
    for giver, taker in ((theirs, contact_id), (contact_id, theirs)):
        code, _ = await done(engine, carryovers.offer_link, giver, now=NOW)
        for _ in range(2):
            assert await done(engine, links.link, code, by=taker, now=NOW) == ASSISTED
    for ticket in (None, report.ticket):
        offered = await done(engine, carryovers.offer, theirs, draft=None, ticket=ticket, now=NOW)
        assert offered is not None
        assert await done(engine, carryovers.redeem, offered[0], by=contact_id, now=NOW) == ASSISTED
    assert await seen(engine, contact_id) == set()
    # To anybody else it goes; and another one of theirs goes to the helper.
    assert isinstance(
        await done(engine, carryovers.redeem, offered[0], by=await chat(engine, "x"), now=NOW), carryovers.Tickets
    )
    async with engine.begin() as connection:
        citizen = await citizen_of(connection, theirs)
        assert citizen is not None
        own = await file(connection, contact_id=theirs, citizen_id=citizen, draft=4)
    offered = await done(engine, carryovers.offer, theirs, draft=None, ticket=own.ticket, now=NOW)
    assert offered is not None
    assert isinstance(await done(engine, carryovers.redeem, offered[0], by=contact_id, now=NOW), carryovers.Tickets)


async def test_a_draft_of_a_resident_is_carried_nowhere(engine: AsyncEngine) -> None:
    helper, contact_id = await volunteer(engine), await chat(engine, "v")
    number = await begun(engine, helper, contact_id, 1)
    await chat(engine, "v", draft={"number": 1, "told": [[STORY, 1]], "context": {"assist": {"id": number}}})
    offered = await done(engine, carryovers.offer, contact_id, draft=1, ticket=None, now=NOW)
    assert offered is not None
    assert await done(engine, carryovers.redeem, offered[0], by=await chat(engine, "x"), now=NOW) == carryovers.GONE


async def test_a_chat_of_a_counter_is_linked_and_joined_with_none(engine: AsyncEngine) -> None:
    token, _ = await counter(engine)
    other = await chat(engine, "x")
    async with engine.begin() as connection:
        found = await counters.current(connection, token, NOW)
        assert found is not None
        tablet = await counters.new_chat(connection, found.id, address="tablet")
        code, _ = await carryovers.offer_link(connection, tablet, now=NOW)
        assert await links.link(connection, code, by=other, now=NOW) == ASSISTED
        with pytest.raises(ValueError, match="counter"):
            await reunions.join(connection, tablet, other)


async def test_joined_chats_keep_their_assistances_under_new_numbers(engine: AsyncEngine) -> None:
    helper = await volunteer(engine, "old")
    old, new = await chat(engine, "old"), await chat(engine, "new")
    for address in ("old", "new"):
        await run(engine, "UPDATE contacts SET conversation = '{}' WHERE address = :address", address=address)
    await volunteer(engine, "new")
    report = await assisted(engine, helper, old, 1)
    open_ = await begun(engine, helper, old, 2)
    async with engine.begin() as connection:
        stays = await reunions.join(connection, new, old)
    gone = old if stays == new else new
    [_, other] = await rows(engine, "SELECT contact_id, draft FROM assistances ORDER BY id")
    assert await value(engine, "SELECT count(*) FROM assistances WHERE contact_id = :id", id=gone) == 0
    assert [each.ticket for each in await kept(engine, stays)] == [report.ticket]
    assert (await of_draft(engine, open_, stays, other.draft)).id == open_
    assert await redeemed(engine, report.code, "new" if stays == new else "old") == ASSISTED
    await assisted(engine, helper, stays, other.draft + 1)


async def test_a_citizen_who_becomes_another_takes_grant_and_reports_along(engine: AsyncEngine) -> None:
    helper = await volunteer(engine, "v")
    first = await chat(engine, "v")
    report = await assisted(engine, helper, first, 1)
    theirs, another = await chat(engine, "r"), await chat(engine, "q")
    await done(engine, contacts.become_citizen, another, "Wati", "id")
    assert await redeemed(engine, report.code, "r") == report.ticket
    second = await chat(engine, "w")
    await done(engine, contacts.become_citizen, second, "Rina", "id")
    for one, other in ((another, theirs), (second, first)):
        code, _ = await done(engine, carryovers.offer_link, other, now=NOW)
        assert isinstance(await done(engine, links.link, code, by=one, now=NOW), tuple)
    async with engine.begin() as connection:
        assert (await row(engine, report.id)).citizen_id == await citizen_of(connection, another)
        found = await grant(connection, second)
    assert found is not None
    assert (found.id, found.state) == (helper.id, "active")
    # The resident's chat leaves, with the report.
    async with engine.begin() as connection:
        await links.leave(connection, theirs)
    async with engine.begin() as connection:
        assert (await row(engine, report.id)).citizen_id == await citizen_of(connection, theirs)


# --- news --------------------------------------------------------------------------------------------------


async def test_news_is_told_to_a_volunteer_who_keeps_the_ticket_once_an_hour(engine: AsyncEngine) -> None:
    helper = await volunteer(engine)
    contact_id = await chat(engine, "v")
    report = await assisted(engine, helper, contact_id, 1)
    silent = await assisted(engine, helper, contact_id, 2, keeps=False)
    [told] = await done(engine, assistances.news_to, report.complaint_id, NOW)
    assert (told.contact_id, told.ticket, told.assistance_id) == (contact_id, report.ticket, report.id)
    assert await done(engine, assistances.news_to, report.complaint_id, NOW + timedelta(minutes=59)) == []
    assert len(await done(engine, assistances.news_to, report.complaint_id, NOW + timedelta(minutes=60))) == 1
    assert await done(engine, assistances.news_to, silent.complaint_id, NOW) == []
    assert [each.ticket for each in await kept(engine, contact_id)] == [report.ticket]


@pytest.mark.parametrize("end", ["pause", "revoke", "expired", "unreachable", "left", "withdrawn"])
async def test_whose_grant_or_consent_has_ended_hears_nothing(engine: AsyncEngine, end: str) -> None:
    helper = await volunteer(engine, valid_until=TODAY)
    contact_id = await chat(engine, "v")
    report = await assisted(engine, helper, contact_id, 1)
    now = NOW
    if end in ("pause", "revoke"):
        await done(engine, getattr(volunteers, end), helper.id, NOW)
    elif end == "expired":
        now = NOW + timedelta(days=1)
    elif end == "unreachable":
        await done(engine, contacts.lose, contact_id, "blocked_by_user")
    elif end == "left":
        code, _ = await done(engine, carryovers.offer_link, contact_id, now=NOW)
        assert isinstance(await done(engine, links.link, code, by=await chat(engine, "w"), now=NOW), tuple)
        await done(engine, links.leave, contact_id)
    else:
        assert await done(engine, assistances.withdrawn, report.ticket, contact_id, None, NOW) == report.complaint_id
    assert await done(engine, assistances.news_to, report.complaint_id, now) == []
    if end != "unreachable":
        today = TODAY + (now - NOW)
        assert await done(engine, assistances.kept_of, contact_id, today) == []


async def test_a_chat_that_somebody_has_is_not_waited_for(engine: AsyncEngine) -> None:
    helper, contact_id = await volunteer(engine), await chat(engine, "v")
    report = await assisted(engine, helper, contact_id, 1)
    async with engine.begin() as turn:
        await contacts.lock(turn, contact_id)
        async with engine.connect() as connection:
            with pytest.raises((DBAPIError, psycopg.Error)) as caught:
                await assistances.news_to(connection, report.complaint_id, NOW)
            assert is_busy(caught.value)
            await connection.rollback()
    assert len(await done(engine, assistances.news_to, report.complaint_id, NOW)) == 1


# --- consent taken back ------------------------------------------------------------------------------------


async def test_consent_is_taken_back_through_whoever_assisted_alone(engine: AsyncEngine) -> None:
    helper, other = await volunteer(engine), await volunteer(engine, "w")
    contact_id, stranger = await chat(engine, "v"), await chat(engine, "w")
    report = await assisted(engine, helper, contact_id, 1, reach="phone", reach_words="0812 3456 7890")
    async with engine.begin() as connection:
        citizen = await citizen_of(connection, stranger)
        assert other.state == "active"
        assert await assistances.withdrawn(connection, report.ticket, stranger, citizen, NOW) is None
        assert await assistances.withdrawn(connection, "T-2026-0000", contact_id, None, NOW) is None
        mine = await citizen_of(connection, contact_id)
        assert await assistances.withdrawn(connection, report.ticket, stranger, mine, NOW) == report.complaint_id
        assert await assistances.withdrawn(connection, report.ticket, contact_id, mine, NOW) is None
    gone = await row(engine, report.id)
    # An officer confirms it with the resident, by the telephone that they gave.
    assert (gone.withdrawn_at, gone.keeps) == (NOW, False)
    assert (gone.consent_words, gone.reach_words) == (WORDS, "0812 3456 7890")
    assert (gone.outcome, gone.complaint_id) == ("filed", report.complaint_id)
    assert await kept(engine, contact_id) == []
    # The report is the resident's still.
    assert await redeemed(engine, report.code, "r") == report.ticket


async def test_what_the_resident_has_taken_over_is_theirs_to_withdraw(engine: AsyncEngine) -> None:
    helper, contact_id = await volunteer(engine), await chat(engine, "v")
    report = await assisted(engine, helper, contact_id, 1, reach="phone", reach_words="0812 3456 7890")
    theirs = await chat(engine, "r")
    assert await redeemed(engine, report.code, "r") == report.ticket
    assert await done(engine, assistances.withdrawn, report.ticket, contact_id, None, NOW) is None
    assert (await row(engine, report.id)).reach_words == "0812 3456 7890"
    await done(engine, rights.erase, theirs, POLICY)
    assert (await row(engine, report.id)).reach_words is None


# --- misuse ------------------------------------------------------------------------------------------------

LONG = (
    "Sudah tiga minggu lampu jalan di Lorong Mawar mati semua. Kalau malam gelap sekali dan ibu-ibu takut pulang dari "
    "pasar. Kami sudah bilang ke Pak RT tetapi belum ada yang datang memperbaiki."
)
OTHER = "Antrean di puskesmas dari jam lima pagi dan sampai siang belum dipanggil, obatnya juga sering habis."


async def alike(
    engine: AsyncEngine, helper: Grant, contact_id: int, words: str, *, now: Any = NOW, **details: Any
) -> int:
    wanted = {"region": REGION, "reach_words": None, **details}
    found: int = await done(
        engine, assistances.look_alike, grant=helper, contact_id=contact_id, text=words, now=now, **wanted
    )
    return found


async def test_texts_of_one_assistant_that_are_nearly_the_same_are_counted(engine: AsyncEngine) -> None:
    helper, other = await volunteer(engine), await volunteer(engine, "w")
    mine, theirs = await chat(engine, "v"), await chat(engine, "w")
    await assisted(engine, helper, mine, 1, text=LONG, region="16.71.01")
    await assisted(engine, helper, mine, 2, text=OTHER, region="16.71.01")
    changed = LONG.replace("tiga minggu", "dua bulan").replace("ibu-ibu", "anak sekolah").upper()
    assert await alike(engine, helper, mine, changed) == 1
    assert await alike(engine, helper, mine, ". ".join(reversed(LONG.split(". ")))) == 1
    assert await alike(engine, helper, mine, changed, region="16.06") == 0
    assert await alike(engine, helper, mine, LONG, region="16.06") == 1
    assert await alike(engine, helper, mine, "Jalan rusak di depan pasar") == 0
    assert await alike(engine, helper, mine, LONG, now=NOW + timedelta(days=30)) == 0
    # What others were told is nobody's business, nor what was not assisted.
    assert await alike(engine, other, theirs, LONG) == 0
    async with engine.begin() as connection:
        citizen = await citizen_of(connection, theirs)
        await file(connection, contact_id=theirs, citizen_id=citizen, draft=8, text=LONG)
    assert await alike(engine, other, theirs, LONG) == 0


async def test_counters_of_one_officer_are_one_assistant(engine: AsyncEngine) -> None:
    token, staff_id = await counter(engine)
    async with engine.begin() as connection:
        first = await counters.current(connection, token, NOW)
        assert first is not None
        again = await counters.open(connection, staff_id=staff_id, name="MPP 4", region=REGION, now=NOW)
        second = await counters.current(connection, again, NOW)
        assert second is not None
        chats = [await counters.new_chat(connection, each.id, address=f"t{each.id}") for each in (first, second)]
        grants = [await grant(connection, each) for each in chats]
    assert grants[0] is not None
    assert grants[1] is not None
    report = await assisted(engine, grants[0], chats[0], 1, text=LONG)
    assert await alike(engine, grants[1], chats[1], LONG) == 1
    async with engine.begin() as connection:
        found = await grant(connection, chats[1])
        assert await assistances.news_to(connection, report.complaint_id, NOW) == []
    assert found is not None
    assert found.today == 1
    helped = await done(engine, assistances.of_complaint, report.complaint_id)
    assert (helped.kind, helped.name) == ("counter", "MPP 3")


@settings(max_examples=40, deadline=None)
@given(
    prefix=st.sampled_from(["0", "62", "+62", "+62 0", "+62 (0)", "0062", "00 62 ", ""]),
    gaps=st.lists(st.sampled_from(["", " ", "-", ".", " / "]), min_size=10, max_size=10),
)
def test_a_telephone_is_one_however_it_is_written(
    prefix: str, gaps: Sequence[str], telephones: Callable[[str], int]
) -> None:
    written = prefix + "".join(digit + gap for digit, gap in zip("8123456789", gaps, strict=True))
    assert telephones(written) == 1


@pytest.fixture(scope="module")
def telephones(server: str, databases: Any) -> Any:
    """How many reports of anybody's have that telephone, where one has 0812-345-6789."""
    from conftest import in_database

    from store.database import connect

    name = databases.take()
    loop = asyncio.new_event_loop()
    engine = connect(in_database(server, name), name="test")

    async def prepare() -> tuple[Grant, int]:
        helper, other = await volunteer(engine), await volunteer(engine, "w")
        await assisted(engine, helper, await chat(engine, "v"), 1, reach="phone", reach_words="0812-345-6789")
        await assisted(engine, helper, await chat(engine, "v"), 2, reach="place", reach_words="0812-345-6789")
        return other, await chat(engine, "w")

    other, contact_id = loop.run_until_complete(prepare())
    yield lambda words: loop.run_until_complete(alike(engine, other, contact_id, OTHER, reach_words=words))
    loop.run_until_complete(engine.dispose())
    loop.close()
    databases.drop(name)


def test_another_telephone_is_another(telephones: Callable[[str], int]) -> None:
    for written in ("0812-345-6780", "812", "rumah Bu RT", "0062", "62"):
        assert telephones(written) == 0


async def test_looking_at_telephones_uses_an_index(engine: AsyncEngine) -> None:
    statement = assistances._CALLED.text.replace(":most", "5").replace(":since", "now()").replace(":words", "'0812'")
    async with engine.begin() as connection:
        await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        plan = (await connection.exec_driver_sql(f"EXPLAIN {statement}")).scalars().all()
    assert "ix_assistances_telephone" in json.dumps(list(plan))
