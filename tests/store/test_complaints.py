"""A complaint is filed once, and every change of it leaves its history row."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import OPERATOR, STORY, contact, file, rows, value
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from store import complaints, contacts, moves, tickets
from store.complaints import Event, NotAllowed, NotFound, title_of

UNKNOWN = "T-000-000-0000"
PU, SOCIAL = "16-pu", "16-kominfo"


async def filed(engine: AsyncEngine, **details: Any) -> Event:
    async with engine.begin() as connection:
        return await file(connection, **details)


async def whole(engine: AsyncEngine, ticket: str) -> complaints.Whole:
    async with engine.connect() as connection:
        return await complaints.get(connection, ticket)


async def move(engine: AsyncEngine, ticket: str, name: str, **words: str) -> Event:
    status = moves.read(name)
    assert status is not None
    async with engine.begin() as connection:
        return await complaints.move(
            connection, ticket, status, OPERATOR, reason=words.get("reason"), note=words.get("note")
        )


async def route(engine: AsyncEngine, ticket: str, **changes: str) -> Event:
    parts: dict[str, Any] = {name: changes.get(name) for name in ("function", "agency", "category", "reason")}
    async with engine.begin() as connection:
        return await complaints.route(connection, ticket, OPERATOR, **parts)


async def citizen_with_contact(engine: AsyncEngine, address: str = "7") -> tuple[int, int]:
    async with engine.begin() as connection:
        contact_id = await contact(connection, address)
        return await contacts.become_citizen(connection, contact_id, "Siti", "id"), contact_id


# --- filing -----------------------------------------------------------------------------------------


async def test_a_filed_complaint_reads_back_whole(engine: AsyncEngine) -> None:
    details = {"place": "SMP 1", "region": "16.06", "latitude": -2.89, "longitude": 103.83, "happened": "bulan lalu"}
    event = await filed(engine, **details, anonymous=True, secret=True, function="pu", agency=PU)
    found = (await whole(engine, event.ticket)).complaint
    assert {name: getattr(found, name) for name in details} == details
    assert (found.text, found.status, found.anonymous, found.secret) == (STORY, "Belum Terverifikasi", True, True)
    assert found.agency_name == "Dinas Pekerjaan Umum Bina Marga dan Tata Ruang Provinsi Sumatera Selatan"


async def test_filing_is_the_first_row_of_the_history(engine: AsyncEngine) -> None:
    event = await filed(engine)
    [row] = (await whole(engine, event.ticket)).history
    assert (row.event, row.actor_kind, row.became, row.public) == (
        "filed",
        "citizen",
        {"status": "Belum Terverifikasi"},
        True,
    )


async def test_one_draft_becomes_one_complaint(engine: AsyncEngine) -> None:
    _, contact_id = await citizen_with_contact(engine)
    first = await filed(engine, contact_id=contact_id, draft=1)
    again = await filed(engine, contact_id=contact_id, draft=1, text="another text")
    assert (again.ticket, again.data) == (first.ticket, {"again": True})
    assert await value(engine, "SELECT count(*) FROM complaints") == 1
    assert await value(engine, "SELECT count(*) FROM complaint_history") == 1


async def test_one_draft_filed_by_many_at_once_becomes_one_complaint(engine: AsyncEngine) -> None:
    _, contact_id = await citizen_with_contact(engine)
    events = await asyncio.gather(*(filed(engine, contact_id=contact_id, draft=1) for _ in range(8)))
    assert len({event.ticket for event in events}) == 1
    assert await value(engine, "SELECT count(*) FROM complaints") == 1


async def test_the_next_draft_is_another_complaint(engine: AsyncEngine) -> None:
    _, contact_id = await citizen_with_contact(engine)
    first = await filed(engine, contact_id=contact_id, draft=1)
    second = await filed(engine, contact_id=contact_id, draft=2)
    assert first.ticket != second.ticket


async def test_a_ticket_number_in_use_is_drawn_anew(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    draws = iter(["T-482-173-9056", "T-482-173-9056", "T-111-111-1111"])
    monkeypatch.setattr(tickets, "new", lambda: next(draws))
    first, second = await filed(engine), await filed(engine)
    assert (first.ticket, second.ticket) == ("T-482-173-9056", "T-111-111-1111")


async def test_the_files_of_a_draft_go_along(engine: AsyncEngine) -> None:
    _, contact_id = await citizen_with_contact(engine)
    async with engine.begin() as connection:
        for draft in (1, 2):
            await connection.execute(
                text("""
                    INSERT INTO media (contact_id, draft, kind, channel, provider_id)
                    VALUES (:contact_id, :draft, 'photo', 'telegram', 'x')
                """),
                {"contact_id": contact_id, "draft": draft},
            )
    event = await filed(engine, contact_id=contact_id, draft=1)
    assert [each.draft for each in (await whole(engine, event.ticket)).files] == [1]


async def test_what_was_suggested_is_kept_as_a_training_row(engine: AsyncEngine) -> None:
    suggested = {"functions": [["pu", 0.9]]}
    event = await filed(engine, model="m1", suggested=suggested, function="pu", agency=PU, category="JALAN")
    found = (await whole(engine, event.ticket)).complaint
    assert found.suggestion == {"model": "m1", "reading": suggested}
    assert await rows(engine, "SELECT actor_kind, actor_id, function, category, agency FROM routings") == [
        ("system", "classifier", "pu", "JALAN", PU)
    ]


async def test_a_filing_that_is_rolled_back_leaves_nothing(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        await file(connection)
        await connection.rollback()
    tables = "SELECT id FROM complaints UNION SELECT id FROM complaint_history UNION SELECT id FROM routings"
    assert await rows(engine, tables) == []


async def test_there_is_no_complaint_of_an_unknown_ticket(engine: AsyncEngine) -> None:
    with pytest.raises(NotFound):
        await whole(engine, UNKNOWN)


# --- titles --------------------------------------------------------------------------------------------


@given(st.text())
def test_every_title_is_one_line_of_at_most_100_characters(story: str) -> None:
    title = title_of(story)
    assert len(title) <= 100
    assert len(title.splitlines()) <= 1
    assert bool(title) == bool(story.strip())


@given(st.lists(st.text("abc", min_size=1, max_size=12), min_size=30))
def test_a_long_story_is_cut_between_words(words: list[str]) -> None:
    story = " ".join(words)
    title = title_of(story)
    assert title.removesuffix("…").split() == words[: len(title.split())] or len(story) <= 100


@pytest.mark.parametrize(
    ("story", "title"),
    [
        ("Lampu jalan mati.", "Lampu jalan mati."),
        ("Lampu jalan mati di depan pasar. Sudah seminggu.", "Lampu jalan mati di depan pasar"),
        ("Pak. Lampu jalan mati di depan pasar.", "Pak. Lampu jalan mati di depan pasar."),
        ("  Lampu\n\njalan \t mati  ", "Lampu jalan mati"),
        ("x" * 150, "x" * 100),
        ("", ""),
    ],
)
def test_a_title_is_the_first_sentence(story: str, title: str) -> None:
    assert title_of(story) == title


# --- moves ----------------------------------------------------------------------------------------------


async def test_a_move_is_written_with_its_reason_and_note(engine: AsyncEngine) -> None:
    ticket = (await filed(engine)).ticket
    event = await move(engine, ticket, "Ditindaklanjuti oleh Instansi", reason="cepat", note="Sudah ditambal.")
    found = await whole(engine, ticket)
    row = found.history[-1]
    assert found.complaint.status == "Ditindaklanjuti oleh Instansi"
    assert found.complaint.changed_at > found.complaint.filed_at
    assert (row.event, row.actor_kind, row.actor_id) == ("moved", "operator", "ani")
    assert (row.was["status"], row.became["status"]) == ("Belum Terverifikasi", "Ditindaklanjuti oleh Instansi")
    assert (row.reason, row.note, row.public) == ("cepat", "Sudah ditambal.", True)
    assert (event.kind, event.data["status"]) == ("moved", "Ditindaklanjuti oleh Instansi")


async def test_a_move_that_is_not_allowed_changes_nothing_and_says_what_is(engine: AsyncEngine) -> None:
    ticket = (await filed(engine)).ticket
    with pytest.raises(NotAllowed) as refused:
        await move(engine, ticket, "Ditutup oleh Admin")
    assert refused.value.allowed == moves.allowed("Belum Terverifikasi")
    found = await whole(engine, ticket)
    assert (found.complaint.status, len(found.history)) == ("Belum Terverifikasi", 1)


async def test_what_has_ended_stays_ended(engine: AsyncEngine) -> None:
    ticket = (await filed(engine)).ticket
    await move(engine, ticket, "Diarsipkan oleh Admin")
    with pytest.raises(NotAllowed) as refused:
        await move(engine, ticket, "Terdisposisi")
    assert refused.value.allowed == ()


async def test_of_two_moves_at_once_the_second_starts_from_the_first(engine: AsyncEngine) -> None:
    ticket = (await filed(engine)).ticket
    outcomes = await asyncio.gather(
        move(engine, ticket, "Diarsipkan oleh Admin"),
        move(engine, ticket, "Diarsipkan oleh Pelapor"),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Event", "NotAllowed"]


async def test_an_unknown_ticket_cannot_be_changed(engine: AsyncEngine) -> None:
    with pytest.raises(NotFound):
        await move(engine, UNKNOWN, "Terdisposisi")
    with pytest.raises(NotFound):
        await route(engine, UNKNOWN, function="pu")
    async with engine.begin() as connection:
        with pytest.raises(NotFound):
            await complaints.note(connection, UNKNOWN, OPERATOR, "x", public=False)


# --- routing and notes -----------------------------------------------------------------------------------


async def test_a_correction_changes_what_it_names_and_keeps_the_rest(engine: AsyncEngine) -> None:
    ticket = (await filed(engine, function="pu", agency=PU, category="JALAN")).ticket
    event = await route(engine, ticket, agency=SOCIAL, reason="salah alamat")
    found = await whole(engine, ticket)
    row = found.history[-1]
    assert (found.complaint.function, found.complaint.agency, found.complaint.category) == ("pu", SOCIAL, "JALAN")
    assert (row.event, row.was["agency"], row.became["agency"], row.reason) == ("rerouted", PU, SOCIAL, "salah alamat")
    assert event.data["changed"] is True


async def test_a_correction_is_a_training_row_beside_the_suggestion(engine: AsyncEngine) -> None:
    suggested = {"functions": [["pu", 0.9]]}
    ticket = (await filed(engine, model="m1", suggested=suggested, function="pu", agency=PU)).ticket
    await route(engine, ticket, function="kominfo", agency=SOCIAL)
    await route(engine, ticket, category="INTERNET")
    found = await rows(
        engine, "SELECT actor_kind, model, suggested, function, agency, category FROM routings ORDER BY id"
    )
    assert found == [
        ("system", "m1", suggested, "pu", PU, None),
        ("operator", "m1", suggested, "kominfo", SOCIAL, None),
        ("operator", "m1", suggested, "kominfo", SOCIAL, "INTERNET"),
    ]
    assert (await whole(engine, ticket)).complaint.suggestion["reading"] == suggested


async def test_a_corrected_category_alone_is_no_change_of_agency(engine: AsyncEngine) -> None:
    ticket = (await filed(engine, agency=PU)).ticket
    assert (await route(engine, ticket, category="JALAN")).data["changed"] is False


@pytest.mark.parametrize("public", [True, False])
async def test_a_note_is_written_and_changes_nothing_else(engine: AsyncEngine, public: bool) -> None:
    ticket = (await filed(engine)).ticket
    async with engine.begin() as connection:
        event = await complaints.note(connection, ticket, OPERATOR, "Mohon dicek.", public=public)
    found = await whole(engine, ticket)
    row = found.history[-1]
    assert (row.event, row.note, row.public, row.actor_id) == ("noted", "Mohon dicek.", public, "ani")
    assert found.complaint.status == "Belum Terverifikasi"
    assert event.data == {"note": "Mohon dicek.", "public": public, "by": "operator"}


# --- who may see it -----------------------------------------------------------------------------------------


async def test_the_readers_of_a_complaint_are_its_parties_in_the_chat(engine: AsyncEngine) -> None:
    citizen, contact_id = await citizen_with_contact(engine)
    event = await filed(engine, citizen_id=citizen, contact_id=contact_id, draft=1)
    async with engine.begin() as connection:
        await contacts.remember(connection, contact_id, {"language": "en"})
        [reader] = await complaints.readers(connection, event.complaint_id)
    assert (reader.contact_id, reader.address, reader.language) == (contact_id, "7", "en")


async def test_nobody_is_told_of_a_complaint_without_a_chat(engine: AsyncEngine) -> None:
    event = await filed(engine)
    async with engine.begin() as connection:
        assert await complaints.readers(connection, event.complaint_id) == []


async def test_a_citizen_sees_the_five_newest_of_their_own(engine: AsyncEngine) -> None:
    citizen, contact_id = await citizen_with_contact(engine)
    own = [(await filed(engine, citizen_id=citizen, contact_id=contact_id, draft=n)).ticket for n in range(7)]
    async with engine.connect() as connection:
        found = await complaints.of_citizen(connection, citizen)
    assert [row.ticket for row in found] == own[:1:-1]


async def test_a_citizen_does_not_see_another_ones_complaint(engine: AsyncEngine) -> None:
    one, contact_id = await citizen_with_contact(engine, "7")
    other, _ = await citizen_with_contact(engine, "8")
    ticket = (await filed(engine, citizen_id=one, contact_id=contact_id, draft=1)).ticket
    async with engine.connect() as connection:
        assert [row.ticket for row in await complaints.of_citizen(connection, one, ticket)] == [ticket]
        assert await complaints.of_citizen(connection, other, ticket) == []


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, ["in Sekayu", "in Palembang"]),
        ({"region": "16"}, ["in Sekayu", "in Palembang"]),
        ({"region": "16.06"}, ["in Sekayu"]),
        ({"region": "16.0"}, []),
        ({"agency": PU}, ["in Palembang"]),
        ({"function": "pu"}, ["in Palembang"]),
        ({"report_class": "aspirasi"}, ["in Sekayu"]),
        ({"channel": "webchat"}, ["in Sekayu"]),
        ({"status": "Terdisposisi"}, []),
        ({"status": None, "agency": None}, ["in Sekayu", "in Palembang"]),
    ],
)
async def test_a_page_holds_what_fits_the_filters(
    engine: AsyncEngine, filters: dict[str, Any], found: list[str]
) -> None:
    await filed(engine, text="in Palembang", region="16.71", function="pu", agency=PU)
    await filed(engine, text="in Sekayu", region="16.06", report_class="aspirasi", channel="webchat")
    async with engine.connect() as connection:
        page = await complaints.page(connection, filters, 10)
    assert [row.title for row in page] == found
