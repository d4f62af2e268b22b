"""What the pelapor may do with a filed complaint: nobody else, only where it makes sense, always written down."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import OPERATOR, contact, file, rows, run, value
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from store import closure, complaints, contacts, following, learning, moves
from store.complaints import Actor, Event, NotAllowed, NotFound
from store.learning import Given, Tally

PU, DISHUB, KOMINFO = "16-pu", "16-dishub", "16-kominfo"
OFFICE = Actor("agency", PU)
ANSWERED, COUNTDOWN = moves.ANSWERS
WAITING, RESPONDED = "Menunggu Kelengkapan Informasi", "Ditanggapi oleh Pelapor"
STATUSES = [status.name for status in moves.STATUSES]
OPEN = [name for name in STATUSES if name not in moves.ENDED]


@dataclass(frozen=True)
class Case:
    """A complaint in a chat, and its pelapor."""

    ticket: str
    id: int
    citizen_id: int
    contact_id: int

    @property
    def pelapor(self) -> Actor:
        return Actor("citizen", str(self.citizen_id))


async def person(connection: AsyncConnection, address: str) -> tuple[int, int]:
    """A citizen and their chat."""
    contact_id = await contact(connection, address)
    return await contacts.become_citizen(connection, contact_id, "Siti", "id"), contact_id


async def filed(engine: AsyncEngine, status: str = moves.FIRST, *, answered: bool = False, **details: Any) -> Case:
    """A complaint of that status; it was answered at some time, if that is said."""
    async with engine.begin() as connection:
        citizen, chat = await person(connection, "7")
        event = await file(
            connection, citizen_id=citizen, contact_id=chat, **{"agency": PU, "function": "pu", **details}
        )
        for name in (ANSWERED, status) if answered else (status,) if status != moves.FIRST else ():
            await become(connection, event.ticket, name)
        return Case(event.ticket, event.complaint_id, citizen, chat)


async def become(connection: AsyncConnection, ticket: str, status: str) -> None:
    """An office gives it that status, whatever the one before was."""
    row = await complaints.lock(connection, ticket)
    await connection.execute(
        text("UPDATE complaints SET status = :status WHERE id = :id"), {"status": status, "id": row.id}
    )
    became = {"status": status}
    await complaints.write(
        connection, row.id, OPERATOR, "moved", was={"status": row.status}, became=became, public=True
    )


async def do(engine: AsyncEngine, act: Callable[..., Awaitable[Event]], *parameters: Any) -> Event:
    async with engine.begin() as connection:
        return await act(connection, *parameters)


async def whole(engine: AsyncEngine, ticket: str) -> complaints.Whole:
    async with engine.connect() as connection:
        return await complaints.get(connection, ticket)


# --- words -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "then"),
    [(WAITING, moves.FIRST), (ANSWERED, RESPONDED), (COUNTDOWN, RESPONDED), ("Terdisposisi", "Terdisposisi")],
)
async def test_words_answer_what_the_office_said(engine: AsyncEngine, status: str, then: str) -> None:
    case = await filed(engine, status)
    event = await do(engine, closure.reply, case.ticket, case.pelapor, "Di RT 03, dekat masjid.")
    found = await whole(engine, case.ticket)
    row = found.history[-1]
    assert found.complaint.status == event.data["status"] == then
    assert (row.event, row.note, row.public, row.actor_id) == (
        "replied",
        "Di RT 03, dekat masjid.",
        True,
        str(case.citizen_id),
    )
    assert row.became == (None if then == status else {"status": then})
    assert (event.kind, event.data["was"], event.data["by"], event.data["note"]) == (
        "replied",
        status,
        "citizen",
        row.note,
    )


@pytest.mark.parametrize("status", moves.ENDED)
async def test_words_to_what_has_ended_are_kept_and_said_to_be_late(engine: AsyncEngine, status: str) -> None:
    case = await filed(engine, status)
    event = await do(engine, closure.reply, case.ticket, case.pelapor, "Masih rusak.")
    found = await whole(engine, case.ticket)
    assert (found.complaint.status, found.history[-1].note, event.data["ended"]) == (status, "Masih rusak.", True)


# --- what may be done where --------------------------------------------------------------------------------


async def dispute(connection: AsyncConnection, ticket: str, actor: Actor) -> Event:
    return await closure.dispute(connection, ticket, actor, "Lubangnya masih ada.")


async def rate(connection: AsyncConnection, ticket: str, actor: Actor) -> Event:
    return await closure.rate(connection, ticket, actor, 4, None)


async def reply(connection: AsyncConnection, ticket: str, actor: Actor) -> Event:
    return await closure.reply(connection, ticket, actor, "Masih rusak.")


async def deny(connection: AsyncConnection, ticket: str, actor: Actor) -> Event:
    return await closure.deny(connection, ticket, actor, None, KOMINFO)


VERBS: dict[str, Callable[..., Awaitable[Event]]] = {
    "reply": reply,
    "resolved": closure.confirm,
    "unresolved": dispute,
    "wrong_agency": deny,
    "rate": rate,
    "withdraw": closure.withdraw,
}
BECOMES = {
    "resolved": "Ditutup oleh Pelapor",
    "unresolved": RESPONDED,
    "wrong_agency": moves.FIRST,
    "withdraw": "Diarsipkan oleh Pelapor",
}


@given(st.sampled_from(STATUSES), st.booleans(), st.sampled_from(sorted(VERBS)))
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_verb_does_what_the_acts_offer_and_nothing_else(
    engine: AsyncEngine, status: str, answered: bool, act: str
) -> None:
    case = await filed(engine, status, answered=answered)
    answered = answered or status in moves.ANSWERS
    before = await whole(engine, case.ticket)
    if act in moves.acts(status, "pelapor", answered=answered):
        event = await do(engine, VERBS[act], case.ticket, case.pelapor)
        after = await whole(engine, case.ticket)
        wanted = BECOMES.get(act, moves.AFTER_REPLY.get(status, status) if act == "reply" else status)
        assert after.complaint.status == event.data["status"] == wanted
        assert wanted == status or wanted in moves.allowed(status)
        assert (len(after.history), after.history[-1].event) == (len(before.history) + 1, event.kind)
    else:
        with pytest.raises(NotAllowed):
            await do(engine, VERBS[act], case.ticket, case.pelapor)
        assert await whole(engine, case.ticket) == before


def test_what_is_offered_fits_the_status() -> None:
    offered = {name: moves.acts(name, "pelapor", answered=name in moves.ANSWERS) for name in STATUSES}
    assert offered[moves.FIRST] == offered["Terdisposisi"] == ("reply", "wrong_agency", "withdraw")
    assert offered[ANSWERED] == offered[COUNTDOWN]
    assert offered[ANSWERED] == ("reply", "resolved", "unresolved", "wrong_agency", "rate", "withdraw")
    assert {offered[name] for name in moves.ENDED} == {("reply", "rate")}
    assert {moves.acts(name, "pengikut", answered=True) for name in STATUSES} == {("unfollow",)}


@pytest.mark.parametrize("act", sorted(VERBS))
async def test_for_everybody_else_there_is_no_such_complaint(engine: AsyncEngine, act: str) -> None:
    case = await filed(engine, ANSWERED)
    before = await whole(engine, case.ticket)
    async with engine.begin() as connection:
        other, chat = await person(connection, "8")
        await following.follow(connection, case.id, other, chat)
    strangers = [Actor("citizen", str(other)), Actor("citizen", "999999"), Actor("citizen", ""), Actor("citizen", "²")]
    # The number of an officer is no citizen's.
    for actor in (*strangers, *(() if act == "wrong_agency" else (Actor("operator", str(case.citizen_id)),))):
        with pytest.raises(NotFound):
            await do(engine, VERBS[act], case.ticket, actor)
    with pytest.raises(NotFound):
        await do(engine, VERBS[act], "T-000-000-0000", case.pelapor)
    after = await whole(engine, case.ticket)
    assert (after.complaint.status, len(after.history)) == (before.complaint.status, len(before.history) + 1)


async def test_a_dispute_keeps_its_reason(engine: AsyncEngine) -> None:
    case = await filed(engine, ANSWERED)
    event = await do(engine, dispute, case.ticket, case.pelapor)
    row = (await whole(engine, case.ticket)).history[-1]
    assert (row.event, row.reason, event.data["reason"]) == ("disputed", "Lubangnya masih ada.", "Lubangnya masih ada.")
    assert event.data["agency"] == PU


async def test_of_two_taps_at_once_one_closes(engine: AsyncEngine) -> None:
    case = await filed(engine, ANSWERED)
    outcomes = await asyncio.gather(
        do(engine, closure.confirm, case.ticket, case.pelapor),
        do(engine, dispute, case.ticket, case.pelapor),
        return_exceptions=True,
    )
    kinds = sorted(type(outcome).__name__ for outcome in outcomes)
    # Disputed first, it can still be confirmed; confirmed first, it cannot be disputed.
    assert kinds in (["Event", "NotAllowed"], ["Event", "Event"])
    assert (await whole(engine, case.ticket)).complaint.status == "Ditutup oleh Pelapor"


# --- stars -------------------------------------------------------------------------------------------------


async def test_a_later_rating_replaces_the_earlier_one(engine: AsyncEngine) -> None:
    case = await filed(engine, ANSWERED)
    for stars, comment in ((5, "Cepat."), (2, None)):
        await do(engine, closure.rate, case.ticket, case.pelapor, stars, comment)
    assert await rows(engine, "SELECT citizen_id, stars, comment FROM ratings") == [(case.citizen_id, 2, None)]
    await do(engine, closure.comment, case.ticket, case.pelapor, "Ternyata rusak lagi.")
    rating = (await whole(engine, case.ticket)).rating
    assert (rating.stars, rating.comment) == (2, "Ternyata rusak lagi.")
    assert [row.event for row in (await whole(engine, case.ticket)).history[-3:]] == ["rated"] * 3


INSERT_RATING = "INSERT INTO ratings (complaint_id, citizen_id, stars) VALUES (:id, :citizen, :stars)"


@pytest.mark.parametrize("stars", [0, 6, -1])
async def test_there_are_no_other_stars(engine: AsyncEngine, stars: int) -> None:
    case = await filed(engine, ANSWERED)
    with pytest.raises(ValueError, match="stars"):
        await do(engine, closure.rate, case.ticket, case.pelapor, stars, None)
    with pytest.raises(IntegrityError):
        await run(engine, INSERT_RATING, id=case.id, citizen=case.citizen_id, stars=stars)


async def test_words_without_stars_are_no_rating(engine: AsyncEngine) -> None:
    case = await filed(engine, ANSWERED)
    with pytest.raises(NotAllowed):
        await do(engine, closure.comment, case.ticket, case.pelapor, "Bagus.")
    assert await value(engine, "SELECT count(*) FROM ratings") == 0


# --- the wrong agency ----------------------------------------------------------------------------------------


async def denied(engine: AsyncEngine, case: Case, actor: Actor) -> Event:
    return await do(engine, closure.deny, case.ticket, actor, "bukan jalan provinsi", KOMINFO)


async def routed(engine: AsyncEngine, case: Case, actor: Actor = OPERATOR, **said: str) -> None:
    parts: dict[str, Any] = {name: said.get(name) for name in ("function", "agency", "category", "reason")}
    async with engine.begin() as connection:
        await complaints.route(connection, case.ticket, actor, **parts)


async def learned(engine: AsyncEngine) -> list[str]:
    async with engine.connect() as connection:
        return [row.function async for row in learning.corrections(connection)]


async def tallied(engine: AsyncEngine) -> dict[Given, Tally]:
    async with engine.connect() as connection:
        return await learning.misroutes(connection)


@pytest.mark.parametrize("by_office", [True, False])
async def test_one_tap_sends_it_back_to_be_sorted(engine: AsyncEngine, by_office: bool) -> None:
    case = await filed(engine, "Terdisposisi", model="m1")
    actor = OFFICE if by_office else case.pelapor
    event = await denied(engine, case, actor)
    found = await whole(engine, case.ticket)
    row = found.history[-1]
    assert (found.complaint.status, found.complaint.agency) == (moves.FIRST, KOMINFO)
    assert (row.event, row.was["agency"], row.became["agency"], row.reason) == (
        "denied",
        PU,
        KOMINFO,
        "bukan jalan provinsi",
    )
    assert (event.data["denied"], event.data["agency"], event.data["again"]) == (PU, KOMINFO, False)
    # What stood there is what was denied. A citizen's words are nowhere but in the history.
    said = "bukan jalan provinsi" if by_office else None
    assert (await rows(engine, "SELECT actor_kind, model, function, agency, named, reason FROM routings"))[1:] == [
        (actor.kind, "m1", "pu", PU, ["denied"], said)
    ]


@pytest.mark.parametrize("by_office", [True, False])
async def test_a_denial_is_counted_and_is_no_label(engine: AsyncEngine, by_office: bool) -> None:
    case = await filed(engine, "Terdisposisi")
    await denied(engine, case, OFFICE if by_office else case.pelapor)
    assert await learned(engine) == []
    assert await tallied(engine) == {Given(PU, "pu", None): Tally(filed=1, denied=1)}
    # What an officer says then is one, and the first agency was the wrong one.
    await routed(engine, case, agency=DISHUB, function="dishub")
    assert await learned(engine) == ["dishub"]
    assert await tallied(engine) == {
        Given(PU, "pu", None): Tally(filed=1, judged=1, away=1, denied=1),
        Given(DISHUB, "dishub", None): Tally(to=1),
    }


async def test_a_denial_takes_back_what_officers_had_said(engine: AsyncEngine) -> None:
    case = await filed(engine)
    await routed(engine, case, agency=DISHUB, function="dishub")
    await denied(engine, case, Actor("agency", DISHUB))
    assert await learned(engine) == []
    assert sum(tally.judged for tally in (await tallied(engine)).values()) == 0
    # It was not the first agency that was denied.
    assert sum(tally.denied for tally in (await tallied(engine)).values()) == 0
    await routed(engine, case, function="pu", agency=PU)
    assert await learned(engine) == ["pu"]
    assert await tallied(engine) == {Given(PU, "pu", None): Tally(filed=1, judged=1)}


async def test_an_impatient_second_tap_denies_nobody_else(engine: AsyncEngine) -> None:
    case = await filed(engine, "Terdisposisi")
    outcomes = await asyncio.gather(*(do(engine, deny, case.ticket, case.pelapor) for _ in range(5)))
    assert sorted(event.data["again"] for event in outcomes) == [False, True, True, True, True]
    assert await value(engine, "SELECT count(*) FROM routings WHERE 'denied' = ANY(named)") == 1
    assert await value(engine, "SELECT count(*) FROM complaint_history WHERE event = 'denied'") == 1
    await routed(engine, case, agency=DISHUB)
    assert not (await denied(engine, case, case.pelapor)).data["again"]


# --- what is read off it ----------------------------------------------------------------------------------


async def test_what_is_filed_keeps_its_day_and_its_code(engine: AsyncEngine) -> None:
    case = await filed(engine, happened="Selasa lalu", happened_on=date(2026, 11, 17), code="4821")
    found = (await whole(engine, case.ticket)).complaint
    assert (found.happened, found.happened_on, found.code) == ("Selasa lalu", date(2026, 11, 17), "4821")


async def test_a_citizen_sees_the_answer_the_last_day_and_what_can_be_done(engine: AsyncEngine) -> None:
    case = await filed(engine)
    answered = moves.read(ANSWERED)
    assert answered is not None
    async with engine.begin() as connection:
        await complaints.note(connection, case.ticket, OPERATOR, "Hanya untuk kami.", public=False)
        await complaints.move(connection, case.ticket, answered, OPERATOR, reason=None, note="Sudah ditambal.")
        await closure.rate(connection, case.ticket, case.pelapor, 3, None)
        await closure.reply(connection, case.ticket, case.pelapor, "Terima kasih.")
        await connection.execute(
            text("INSERT INTO clocks (complaint_id, kind, due_on, due_at) VALUES (:id, 'close', '2026-12-04', now())"),
            {"id": case.id},
        )
        [found] = await complaints.of_citizen(connection, case.citizen_id)
    assert (found.answer, found.role, found.stars) == ("Sudah ditambal.", "pelapor", 3)
    assert found.answered_at is not None
    assert (found.clock, found.due_on) == ("close", date(2026, 12, 4))
    assert found.acts == moves.acts(RESPONDED, "pelapor", answered=True)


async def test_the_open_complaints_of_a_chat_are_the_newest_five_that_have_not_ended(engine: AsyncEngine) -> None:
    cases = [await filed(engine, "Konten Terblokir" if number % 4 == 0 else moves.FIRST) for number in range(9)]
    async with engine.begin() as connection:
        found = await complaints.open_of_contact(connection, cases[0].contact_id)
    wanted = [case.ticket for number, case in enumerate(cases) if number % 4][::-1][:5]
    assert [each.ticket for each in found] == wanted
    assert {(each.role, each.status, each.answered_at) for each in found} == {("pelapor", moves.FIRST, None)}


@pytest.mark.parametrize("note", ["Sudah ditambal.", None])
async def test_an_open_complaint_tells_when_it_was_answered(engine: AsyncEngine, note: str | None) -> None:
    case = await filed(engine)
    answered = moves.read(ANSWERED)
    assert answered is not None
    async with engine.begin() as connection:
        await complaints.move(connection, case.ticket, answered, OPERATOR, reason=None, note=note)
        await closure.reply(connection, case.ticket, case.pelapor, "Belum.")
        [found] = await complaints.open_of_contact(connection, case.contact_id)
    assert found.status == RESPONDED
    assert found.answered_at is not None
