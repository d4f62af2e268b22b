"""The verbs of offices: who has a report, who leads, what is written down, and what is refused without a trace."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import OPERATOR, contact, file, rows, run, value
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from store import clocks, closure, complaints, contacts, dispositions, evidence, learning, media, moves, staff
from store.complaints import Actor, Changed, Event, NotAllowed, NotFound
from store.dispositions import (
    EvidenceNeeded,
    NotDisposed,
    NotLead,
    UnknownAgency,
    UnknownEvidence,
    UnknownFunction,
    UnknownReason,
    WordsRefused,
)

PU, DISHUB, DLH, KOMINFO = "16-pu", "16-dishub", "16-dlh", "16-kominfo"
OFFICE = Actor("agency", "staff:1")
ANSWERED, FINISHED = moves.ANSWERS
OPEN = [status.name for status in moves.STATUSES if not status.ends]
WORDS = "Kami cek besok pagi."
NO_WORDS = ["", "  \n\t ", "\u200b\u200e", "a\x00b", "\ud800"]


@dataclass(frozen=True)
class Case:
    """A complaint of a citizen, an officer, and a photo that the officer has attached."""

    ticket: str
    id: int
    pelapor: Actor
    photo: int


async def filed(engine: AsyncEngine, **details: Any) -> Case:
    """A complaint that the classifier gave to PU."""
    async with engine.begin() as connection:
        chat = await contact(connection)
        citizen = await contacts.become_citizen(connection, chat, "Siti", "id")
        suggested = {"agency": PU, "function": "pu", "model": "m"}
        event = await file(connection, **{"citizen_id": citizen, "contact_id": chat, **suggested, **details})
        photo = await attach(connection, event.complaint_id)
    return Case(event.ticket, event.complaint_id, Actor("citizen", str(citizen)), photo)


async def attach(connection: AsyncConnection, complaint_id: int) -> int:
    officer = await staff.add(connection, f"petugas{complaint_id}", "Petugas Uji", [])
    file_: dict[str, Any] = {
        "sha256": "0" * 64,
        "content_type": "image/jpeg",
        "size": 1,
        "name": "x.jpg",
        "looks": None,
    }
    return await evidence.add(connection, complaint_id=complaint_id, staff_id=officer, agency=PU, **file_)


async def do(engine: AsyncEngine, act: Callable[..., Awaitable[Event]], case: Case, *more: Any, **named: Any) -> Event:
    async with engine.begin() as connection:
        return await act(connection, case.ticket, *more, **named)


async def dispose(engine: AsyncEngine, case: Case, *agencies: str, **named: Any) -> Event:
    """To these agencies; the first one leads."""
    said = {"lead": agencies[0], **named}
    return await do(engine, dispositions.dispose, case, OPERATOR, agencies, **said)


async def held(engine: AsyncEngine, case: Case) -> dict[str, bool]:
    """Who has it, and whether they lead."""
    async with engine.connect() as connection:
        return {each.agency: each.leads for each in await dispositions.of(connection, case.id) if not each.ended_at}


async def had(engine: AsyncEngine, case: Case) -> dict[str, str | None]:
    """Who had it, and why it ended."""
    async with engine.connect() as connection:
        return {each.agency: each.ended_because for each in await dispositions.of(connection, case.id) if each.ended_at}


async def state(engine: AsyncEngine, case: Case) -> tuple[Any, ...]:
    """Everything that a verb may change."""
    async with engine.connect() as connection:
        whole = await complaints.get(connection, case.ticket)
    routings = await rows(engine, "SELECT * FROM routings WHERE complaint_id = :id ORDER BY id", id=case.id)
    return whole, routings


# --- who has it --------------------------------------------------------------------------------------------


async def test_several_have_it_and_one_leads(engine: AsyncEngine) -> None:
    case = await filed(engine)
    event = await dispose(engine, case, DISHUB, PU, PU, function="dishub", note=" Mohon dicek. ", reason="soal lampu")
    (whole, routings) = await state(engine, case)
    row, history = whole.complaint, whole.history[-1]
    assert (row.status, row.agency, row.function, row.version) == ("Terdisposisi", DISHUB, "dishub", 2)
    assert await held(engine, case) == {DISHUB: True, PU: False}
    assert (history.event, history.reason, history.note, history.public) == (
        "disposed",
        "soal lampu",
        "Mohon dicek.",
        True,
    )
    assert history.was == {"status": moves.FIRST, "agency": PU, "function": "pu", "agencies": []}
    assert history.became == {
        "status": "Terdisposisi",
        "agency": DISHUB,
        "function": "dishub",
        "agencies": [DISHUB, PU],
    }
    assert (routings[-1].function, routings[-1].agency, routings[-1].named, routings[-1].reason) == (
        "dishub",
        DISHUB,
        ["function", "agency"],
        "soal lampu",
    )
    assert (event.kind, event.data["agency"], event.data["agencies"], event.data["changed"]) == (
        "disposed",
        DISHUB,
        [DISHUB, PU],
        True,
    )


@pytest.mark.parametrize("function", [None, "pu"])
async def test_an_accepted_suggestion_is_a_label(engine: AsyncEngine, function: str | None) -> None:
    case = await filed(engine)
    await dispose(engine, case, PU, function=function)
    async with engine.connect() as connection:
        [label] = [row async for row in learning.corrections(connection)]
        [tally] = (await learning.misroutes(connection)).values()
    assert (label.id, label.function) == (f"k{case.id}", "pu")
    assert (tally.judged, tally.away) == (1, 0)


async def test_who_is_named_again_keeps_the_times_and_who_is_not_is_replaced(engine: AsyncEngine) -> None:
    case = await filed(engine)
    await dispose(engine, case, PU, DISHUB)
    await do(engine, dispositions.respond, case, OFFICE, DISHUB, WORDS)
    async with engine.connect() as connection:
        before = {each.agency: each for each in await dispositions.of(connection, case.id)}
    event = await dispose(engine, case, DISHUB, DLH)
    async with engine.connect() as connection:
        after = {each.agency: each for each in await dispositions.of(connection, case.id)}
    assert await held(engine, case) == {DISHUB: True, DLH: False}
    assert await had(engine, case) == {PU: "replaced"}
    assert after[DISHUB].disposed_at == before[DISHUB].disposed_at
    assert after[DISHUB].first_response_at == before[DISHUB].first_response_at is not None
    assert (event.data["before"], event.data["was"], event.data["changed"]) == ([PU, DISHUB], "Terdisposisi", True)
    again = await dispose(engine, case, DISHUB, DLH)
    assert again.data["changed"] is False


async def test_two_that_have_it_change_the_lead(engine: AsyncEngine) -> None:
    case = await filed(engine)
    await dispose(engine, case, PU, DISHUB)
    event = await dispose(engine, case, PU, DISHUB, lead=DISHUB)
    assert (await held(engine, case), await had(engine, case)) == ({DISHUB: True, PU: False}, {})
    assert (event.data["before"], event.data["changed"]) == ([PU, DISHUB], True)
    await dispose(engine, case, PU, DISHUB)
    assert await held(engine, case) == {PU: True, DISHUB: False}


@pytest.mark.parametrize("status", OPEN)
async def test_it_can_be_disposed_from_every_open_status(engine: AsyncEngine, status: str) -> None:
    case = await filed(engine)
    await run(engine, "UPDATE complaints SET status = :status", status=status)
    await dispose(engine, case, DLH)
    assert await held(engine, case) == {DLH: True}
    assert await value(engine, "SELECT status FROM complaints") == "Terdisposisi"


@pytest.mark.parametrize(
    ("agencies", "lead", "code"),
    [
        ([], PU, PU),
        ([PU], DISHUB, DISHUB),
        ([PU, "16-tidak-ada"], PU, "16-tidak-ada"),
        (["16-pu\x00"], "16-pu\x00", "16-pu\x00"),
        ([PU, DLH], PU, DLH),
    ],
)
async def test_an_agency_that_does_not_exist_today_gets_nothing(
    engine: AsyncEngine, agencies: list[str], lead: str, code: str
) -> None:
    await run(engine, "UPDATE agencies SET valid_to = current_date - 2 WHERE code = :code", code=DLH)
    case = await filed(engine)
    before = await state(engine, case)
    async with engine.begin() as connection:
        with pytest.raises(UnknownAgency) as refused:
            await dispositions.dispose(connection, case.ticket, OPERATOR, agencies, lead=lead)
    assert refused.value.code == code
    assert await state(engine, case) == before


async def test_an_unknown_function_is_no_label(engine: AsyncEngine) -> None:
    case = await filed(engine)
    with pytest.raises(UnknownFunction):
        await dispose(engine, case, PU, function="jalanan")


async def test_two_leads_are_not_possible(engine: AsyncEngine) -> None:
    case = await filed(engine)
    await dispose(engine, case, PU)
    with pytest.raises(IntegrityError):
        await run(
            engine, "INSERT INTO dispositions (complaint_id, agency, leads) VALUES (:id, :a, true)", id=case.id, a=DLH
        )


# --- moves and corrections, over REST ------------------------------------------------------------------------


async def move(engine: AsyncEngine, case: Case, name: str) -> Event:
    status = moves.read(name)
    assert status is not None
    return await do(engine, complaints.move, case, status, OPERATOR, reason=None, note="Sudah.")


async def route(engine: AsyncEngine, case: Case, agency: str | None, category: str | None = None) -> Event:
    said = {"function": None, "agency": agency, "category": category, "reason": None}
    return await do(engine, complaints.route, case, OPERATOR, **said)


async def test_a_move_and_a_correction_keep_it_true(engine: AsyncEngine) -> None:
    case = await filed(engine)
    await route(engine, case, DISHUB)
    assert await held(engine, case) == {}  # a better suggestion: nobody has it
    await move(engine, case, "Terdisposisi")
    assert await held(engine, case) == {DISHUB: True}
    await route(engine, case, None, "LALU LINTAS")
    assert await held(engine, case) == {DISHUB: True}
    await route(engine, case, PU)
    assert (await held(engine, case), await had(engine, case)) == ({PU: True}, {DISHUB: "replaced"})
    await move(engine, case, moves.FIRST)
    assert (await held(engine, case), await had(engine, case)) == ({}, {DISHUB: "replaced", PU: "denied"})


async def test_a_correction_to_one_that_has_it_too_makes_it_lead(engine: AsyncEngine) -> None:
    case = await filed(engine)
    await dispose(engine, case, PU, DISHUB, DLH)
    await route(engine, case, DLH)
    assert (await held(engine, case), await had(engine, case)) == ({DLH: True, DISHUB: False}, {PU: "replaced"})


async def test_it_can_be_denied_again_once_somebody_has_it_again(engine: AsyncEngine) -> None:
    case = await filed(engine)
    await dispose(engine, case, PU)
    for agency in (PU, KOMINFO):
        event = await do(engine, closure.deny, case, case.pelapor, None, KOMINFO)
        assert (event.data["again"], event.data["denied"]) == (False, agency)
        assert await held(engine, case) == {}
        if agency == PU:
            await move(engine, case, "Terdisposisi")


# --- it comes back ---------------------------------------------------------------------------------------------


async def test_the_lead_hands_it_back_for_all(engine: AsyncEngine) -> None:
    case = await filed(engine)
    await dispose(engine, case, PU, DISHUB)
    event = await do(engine, dispositions.hand_back, case, OFFICE, PU, "Itu jalan nasional.", kominfo=KOMINFO)
    whole, routings = await state(engine, case)
    assert (event.kind, event.data["denied"], event.data["agency"], event.data["again"]) == (
        "denied",
        PU,
        KOMINFO,
        False,
    )
    assert (whole.complaint.status, whole.complaint.agency) == (moves.FIRST, KOMINFO)
    assert (await held(engine, case), await had(engine, case)) == ({}, {PU: "handed_back", DISHUB: "replaced"})
    assert (routings[-1].named, routings[-1].agency) == (["denied"], PU)
    assert (whole.history[-1].event, whole.history[-1].reason) == ("denied", "Itu jalan nasional.")


async def test_another_one_hands_back_its_part(engine: AsyncEngine) -> None:
    case = await filed(engine)
    await dispose(engine, case, PU, DISHUB)
    event = await do(engine, dispositions.hand_back, case, OFFICE, DISHUB, "Bukan soal lampu.", kominfo=KOMINFO)
    whole, _ = await state(engine, case)
    assert (event.kind, event.data["denied"], event.data["agency"]) == ("handed_back", DISHUB, PU)
    assert (whole.complaint.status, whole.history[-1].public) == ("Terdisposisi", False)
    assert (await held(engine, case), await had(engine, case)) == ({PU: True}, {DISHUB: "handed_back"})


async def test_kominfo_takes_back_what_somebody_has(engine: AsyncEngine) -> None:
    case = await filed(engine)
    with pytest.raises(NotDisposed):
        await do(engine, dispositions.return_to_triage, case, OPERATOR, "Salah.", agency=KOMINFO)
    await dispose(engine, case, PU)
    event = await do(engine, dispositions.return_to_triage, case, OPERATOR, "Salah.", agency=KOMINFO)
    assert (event.kind, event.data["returned"], event.data["denied"]) == ("denied", True, PU)
    assert await had(engine, case) == {PU: "denied"}


@pytest.mark.parametrize("agency", [DISHUB, "16-tidak-ada", ""])
async def test_who_does_not_have_it_cannot_speak_for_it(engine: AsyncEngine, agency: str) -> None:
    case = await filed(engine)
    await dispose(engine, case, PU)
    before = await state(engine, case)
    async with engine.begin() as connection:
        for verb in (
            dispositions.hand_back(connection, case.ticket, OFFICE, agency, "Salah.", kominfo=None),
            dispositions.respond(connection, case.ticket, OFFICE, agency, WORDS),
            dispositions.answer(connection, case.ticket, OFFICE, agency, WORDS, finished=False),
        ):
            with pytest.raises(NotDisposed):
                await verb
    assert await state(engine, case) == before


# --- what is said ------------------------------------------------------------------------------------------------


async def test_a_first_word_is_no_answer(engine: AsyncEngine) -> None:
    case = await filed(engine)
    await dispose(engine, case, PU)
    event = await do(engine, dispositions.respond, case, OFFICE, PU, WORDS)
    whole, _ = await state(engine, case)
    [row] = whole.dispositions
    assert (event.kind, event.data["status"], event.data["speaker"]) == ("responded", "Terdisposisi", PU)
    assert (whole.complaint.status, whole.history[-1].note, whole.history[-1].public) == ("Terdisposisi", WORDS, True)
    assert row.first_response_at is not None
    assert row.answered_at is None
    with pytest.raises(NotAllowed):
        await do(engine, closure.confirm, case, case.pelapor)
    await do(engine, dispositions.respond, case, OFFICE, PU, "Sudah kami cek.")
    [again] = (await state(engine, case))[0].dispositions
    assert again == row
    async with engine.connect() as connection:
        [own] = await complaints.of_citizen(connection, int(case.pelapor.id))
    assert (own.answer, "resolved" in own.acts) == ("Sudah kami cek.", False)


async def test_an_answer_in_substance_can_be_disputed(engine: AsyncEngine) -> None:
    case = await filed(engine)
    await dispose(engine, case, PU)
    event = await do(engine, dispositions.answer, case, OFFICE, PU, "Sudah ditambal.", finished=False)
    [row] = (await state(engine, case))[0].dispositions
    assert (event.kind, event.data["status"], event.data["speaker"], event.data["finished"]) == (
        "moved",
        ANSWERED,
        PU,
        False,
    )
    assert row.first_response_at == row.answered_at is not None
    assert (await do(engine, closure.dispute, case, case.pelapor, "Belum.")).kind == "disputed"
    assert await held(engine, case) == {PU: True}


async def test_closing_is_proposed_with_evidence_of_this_complaint(engine: AsyncEngine) -> None:
    case, other = await filed(engine), await filed(engine, title="Lain")
    await dispose(engine, case, PU)
    async with engine.begin() as connection:
        sent = await media.add(connection, media.NewMedia(None, "photo", "telegram", "x"))
        await media.stored(connection, sent, "1" * 64, "image/jpeg", 1)
    await run(engine, "UPDATE media SET complaint_id = :case WHERE id = :id", case=case.id, id=sent)
    done = {"finished": True}
    with pytest.raises(EvidenceNeeded):
        await do(engine, dispositions.answer, case, OFFICE, PU, "Sudah.", **done)
    for strange in ([other.photo], [case.photo, 2**70], [-1], [sent]):
        with pytest.raises(UnknownEvidence) as refused:
            await do(engine, dispositions.answer, case, OFFICE, PU, "Sudah.", evidence=strange, **done)
        assert refused.value.media_ids == (strange[-1],)
    event = await do(engine, dispositions.answer, case, OFFICE, PU, "Sudah.", evidence=[case.photo], **done)
    whole, _ = await state(engine, case)
    assert (whole.complaint.status, event.data["finished"]) == (FINISHED, True)
    assert whole.history[-1].became == {
        "status": FINISHED,
        "answered_by": PU,
        "finished": True,
        "evidence": [case.photo],
    }
    # A better photo, and the proposal once more.
    await do(engine, dispositions.answer, case, OFFICE, PU, "Lihat.", evidence=[case.photo], **done)
    assert (await do(engine, closure.confirm, case, case.pelapor)).data["status"] == moves.CONFIRMED
    assert await had(engine, case) == {PU: "closed"}


async def test_of_several_only_the_lead_proposes_closing(engine: AsyncEngine) -> None:
    case = await filed(engine)
    await dispose(engine, case, PU, DISHUB)
    done = {"finished": True, "evidence": [case.photo]}
    for agency in (DISHUB, None):
        with pytest.raises(NotLead) as refused:
            await do(engine, dispositions.answer, case, OFFICE, agency, "Sudah.", **done)
        assert refused.value.lead == PU
    event = await do(engine, dispositions.answer, case, OFFICE, DISHUB, "Lampunya sudah.", finished=False)
    assert (event.data["status"], event.data["speaker"], event.data["agency"]) == (ANSWERED, DISHUB, PU)
    await do(engine, dispositions.answer, case, OFFICE, PU, "Jalannya sudah.", **done)
    # What the other one adds does not take the proposal back.
    event = await do(engine, dispositions.answer, case, OFFICE, DISHUB, "Kabelnya juga.", finished=False)
    assert event.data["status"] == FINISHED
    # The lead itself may.
    event = await do(engine, dispositions.answer, case, OFFICE, PU, "Ternyata belum.", finished=False)
    assert event.data["status"] == ANSWERED


async def test_kominfo_answers_itself(engine: AsyncEngine) -> None:
    case = await filed(engine)
    assert (await do(engine, dispositions.respond, case, OPERATOR, None, WORDS)).data["speaker"] is None
    with pytest.raises(NotAllowed):  # nothing to close before an answer
        await do(engine, dispositions.answer, case, OPERATOR, None, "Ada.", finished=True, evidence=[case.photo])
    event = await do(engine, dispositions.answer, case, OPERATOR, None, "Syaratnya KTP.", finished=False)
    assert (event.data["status"], event.data["speaker"], await held(engine, case)) == (ANSWERED, None, {})


async def test_what_is_asked_leaves_it_with_its_agencies(engine: AsyncEngine) -> None:
    case = await filed(engine)
    await dispose(engine, case, PU)
    event = await do(engine, dispositions.ask, case, OPERATOR, "RT berapa?")
    assert (event.kind, event.data["status"]) == ("moved", moves.WAITING)
    await do(engine, closure.reply, case, case.pelapor, "RT 03.")
    assert (await value(engine, "SELECT status FROM complaints"), await held(engine, case)) == (
        moves.FIRST,
        {PU: True},
    )


# --- the archive ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", dispositions.reasons(), ids=lambda reason: reason.key)
async def test_it_is_archived_for_an_official_reason(engine: AsyncEngine, reason: dispositions.Reason) -> None:
    case = await filed(engine)
    await dispose(engine, case, PU)
    if reason.words_needed:
        for words in (None, " "):
            with pytest.raises(WordsRefused):
                await do(engine, dispositions.archive, case, OPERATOR, reason.key, words)
    words = "Perkara 12/Pdt." if reason.words_needed else None
    event = await do(engine, dispositions.archive, case, OPERATOR, reason.key, words)
    whole, _ = await state(engine, case)
    assert (whole.complaint.status, event.data["reason_key"]) == ("Diarsipkan oleh Admin", reason.key)
    assert (whole.history[-1].reason, whole.history[-1].note) == (reason.id, words)
    assert (await held(engine, case), await had(engine, case)) == ({}, {PU: "closed"})


async def test_there_are_no_other_reasons(engine: AsyncEngine) -> None:
    case = await filed(engine)
    for key in ("duplikat", "", "SARA"):
        with pytest.raises(UnknownReason):
            await do(engine, dispositions.archive, case, OPERATOR, key, "Sama dengan yang lain.")


def test_the_reasons_are_said_in_both_languages_with_their_source() -> None:
    reasons = dispositions.reasons()
    assert len({each.key for each in reasons}) == len(reasons) == 7
    assert all(each.id and each.en and each.source.startswith("[") for each in reasons)


# --- words, versions ---------------------------------------------------------------------------------------------


def worded(connection: AsyncConnection, case: Case, words: str) -> list[Callable[[], Awaitable[Event]]]:
    """Every verb that needs words, with these."""
    of = connection, case.ticket
    return [
        lambda: dispositions.respond(*of, OFFICE, PU, words),
        lambda: dispositions.answer(*of, OFFICE, PU, words, finished=False),
        lambda: dispositions.answer(*of, OFFICE, PU, words, finished=True, evidence=[case.photo]),
        lambda: dispositions.ask(*of, OPERATOR, words),
        lambda: dispositions.hand_back(*of, OFFICE, PU, words, kominfo=KOMINFO),
        lambda: dispositions.return_to_triage(*of, OPERATOR, words, agency=KOMINFO),
        lambda: dispositions.archive(*of, OPERATOR, "kedaluwarsa", words),
    ]


@pytest.mark.parametrize("words", NO_WORDS)
async def test_words_that_nobody_can_read_are_refused(engine: AsyncEngine, words: str) -> None:
    case = await filed(engine)
    await dispose(engine, case, PU)
    before = await state(engine, case)
    async with engine.begin() as connection:
        for verb in worded(connection, case, words):
            with pytest.raises(WordsRefused):
                await verb()
    assert await state(engine, case) == before


@pytest.mark.parametrize("field", ["note", "reason"])
async def test_what_need_not_be_said_may_be_empty_but_not_broken(engine: AsyncEngine, field: str) -> None:
    case = await filed(engine)
    with pytest.raises(WordsRefused):
        await dispose(engine, case, PU, **{field: "a\x00b"})
    await dispose(engine, case, PU, **{field: "  "})
    assert getattr((await state(engine, case))[0].history[-1], field) is None


@pytest.mark.parametrize("which", range(7))
async def test_whoever_read_something_else_is_told(engine: AsyncEngine, which: int) -> None:
    case = await filed(engine)
    await dispose(engine, case, PU)
    before = await state(engine, case)
    verbs: list[tuple[Callable[..., Awaitable[Event]], tuple[Any, ...], dict[str, Any]]] = [
        (dispositions.dispose, (OPERATOR, [PU]), {"lead": PU}),
        (dispositions.return_to_triage, (OPERATOR, "Salah."), {"agency": KOMINFO}),
        (dispositions.hand_back, (OFFICE, PU, "Salah."), {"kominfo": KOMINFO}),
        (dispositions.respond, (OFFICE, PU, WORDS), {}),
        (dispositions.answer, (OFFICE, PU, WORDS), {"finished": False}),
        (dispositions.ask, (OPERATOR, WORDS), {}),
        (dispositions.archive, (OPERATOR, "sara", None), {}),
    ]
    verb, said, named = verbs[which]
    with pytest.raises(Changed) as changed:
        await do(engine, verb, case, *said, expected=1, **named)
    assert changed.value.version == 2
    assert await state(engine, case) == before
    with pytest.raises(NotFound):
        async with engine.begin() as connection:
            await verb(connection, "T-000-000-0000", *said, **named)


async def test_of_two_who_decide_at_once_one_is_told(engine: AsyncEngine) -> None:
    for _ in range(10):
        case = await filed(engine)
        await dispose(engine, case, PU)
        told = await asyncio.gather(
            dispose(engine, case, DISHUB, expected=2),
            do(engine, dispositions.answer, case, OFFICE, PU, WORDS, finished=False, expected=2),
            return_exceptions=True,
        )
        assert sorted(type(each).__name__ for each in told) == ["Changed", "Event"]
        whole, _ = await state(engine, case)
        assert (whole.complaint.version, len(whole.history)) == (3, 3)
        assert await held(engine, case) == ({DISHUB: True} if isinstance(told[0], Event) else {PU: True})


# --- whatever happens ------------------------------------------------------------------------------------------------

AGENCIES = st.sampled_from([PU, DISHUB, DLH])
SPEAKERS = st.sampled_from([PU, DISHUB, DLH, None])
ACTS = st.one_of(
    st.tuples(st.just("dispose"), st.lists(AGENCIES, min_size=1, max_size=3), AGENCIES),
    st.tuples(st.just("hand_back"), AGENCIES),
    st.tuples(st.just("return")),
    st.tuples(st.just("respond"), SPEAKERS),
    st.tuples(st.just("answer"), SPEAKERS, st.booleans(), st.booleans()),
    st.tuples(st.just("ask")),
    st.tuples(st.just("archive")),
    st.tuples(st.just("move"), st.sampled_from([status.name for status in moves.STATUSES])),
    st.tuples(st.just("route"), AGENCIES),
    st.tuples(st.just("citizen"), st.sampled_from(["reply", "dispute", "confirm", "withdraw", "deny"])),
    st.tuples(st.just("clock")),
)
NAMED = (NotAllowed, NotLead, EvidenceNeeded, UnknownAgency)


async def act(connection: AsyncConnection, case: Case, what: tuple[Any, ...]) -> Event | None:
    of = connection, case.ticket
    match what:
        case ("dispose", agencies, lead):
            return await dispositions.dispose(*of, OPERATOR, agencies, lead=lead)
        case ("hand_back", agency):
            return await dispositions.hand_back(*of, OFFICE, agency, "Bukan kami.", kominfo=KOMINFO)
        case ("return",):
            return await dispositions.return_to_triage(*of, OPERATOR, "Salah.", agency=KOMINFO)
        case ("respond", agency):
            return await dispositions.respond(*of, OFFICE, agency, WORDS)
        case ("answer", agency, finished, proven):
            proof = [case.photo] if proven else []
            return await dispositions.answer(*of, OFFICE, agency, WORDS, finished=finished, evidence=proof)
        case ("ask",):
            return await dispositions.ask(*of, OPERATOR, "RT berapa?")
        case ("archive",):
            return await dispositions.archive(*of, OPERATOR, "tidak_jelas", None)
        case ("move", name):
            status = moves.read(name)
            assert status is not None
            return await complaints.move(*of, status, OPERATOR, reason=None, note=None)
        case ("route", agency):
            said = {"function": None, "agency": agency, "category": None, "reason": None}
            return await complaints.route(*of, OPERATOR, **said)
        case ("citizen", "reply"):
            return await closure.reply(*of, case.pelapor, "RT 03.")
        case ("citizen", "dispute"):
            return await closure.dispute(*of, case.pelapor, "Belum.")
        case ("citizen", "confirm"):
            return await closure.confirm(*of, case.pelapor)
        case ("citizen", "withdraw"):
            return await closure.withdraw(*of, case.pelapor)
        case ("citizen", "deny"):
            return await closure.deny(*of, case.pelapor, "Salah alamat.", KOMINFO)
    row = await complaints.lock(*of)
    if row.status not in clocks.STARTS:
        return None
    return await complaints.become(connection, row, clocks.ENDS[clocks.STARTS[row.status]], clocks.CLOCK, "lapsed")


@given(st.lists(ACTS, min_size=1, max_size=14))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_happens_one_leads_and_all_is_written_down(
    engine: AsyncEngine, acts: list[tuple[Any, ...]]
) -> None:
    case = await filed(engine)
    before = await state(engine, case)
    for what in acts:
        event: Event | None = None
        # A refused verb is committed too: what it has changed until then would be seen.
        async with engine.begin() as connection:
            with suppress(*NAMED):
                event = await act(connection, case, what)
        after = await state(engine, case)
        whole = after[0]
        if event is None:
            assert after == before
        else:
            assert whole.complaint.version == len(whole.history) == len(before[0].history) + 1
            assert (whole.history[-1].event, whole.complaint.status) == (event.kind, event.data["status"])
        present = [each for each in whole.dispositions if each.ended_at is None]
        assert [each.agency for each in present if each.leads] == ([whole.complaint.agency] if present else [])
        assert all(each.ended_because for each in whole.dispositions if each.ended_at)
        if whole.complaint.status in moves.ENDED:
            assert present == []
        if whole.complaint.status == "Terdisposisi":
            assert present
        before = after


async def test_what_was_denied_does_not_stand_as_a_suggestion(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        event = await file(connection, agency=PU, function="pu")
        assert await dispositions.standing(connection, event.complaint_id) == (PU, "pu")
    async with engine.begin() as connection:
        await dispositions.dispose(connection, event.ticket, OPERATOR, [PU], lead=PU)
    async with engine.begin() as connection:
        await dispositions.return_to_triage(connection, event.ticket, OPERATOR, "Jalan nasional", agency=KOMINFO)
        assert await dispositions.standing(connection, event.complaint_id) is None
