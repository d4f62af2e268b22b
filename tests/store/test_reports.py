"""The desk's lists show what an officer reaches and nothing else, in their order, each report once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from desking import PALEMBANG, SEKAYU
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import OPERATOR, contact, file, in_this_loop
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.script import FUNCTION_SURE
from store import attention, closure, complaints, contacts, moves, policy, reports
from store.complaints import Actor, Event
from store.policy import Grant, Reach
from store.reports import Narrowing, Query

HOME = "16"
NOW = datetime.now(UTC)
ALL = Reach(everywhere=True)


async def inbox(connection: AsyncConnection, reach: Reach = ALL, **more: object) -> list[str]:
    """The tickets that wait, in their order."""
    found = await reports.inbox(connection, reach, HOME, NOW, 0, **more)  # type: ignore[arg-type]
    return [row.ticket for row in found.rows]


async def sorted_one(connection: AsyncConnection, confidence: float = 0.9, **details: object) -> Event:
    """A report whose agency is suggested with that confidence."""
    suggested = {"functions": [["pu", confidence]]}
    wanted = {"function": "pu", "agency": "16.71-pu", "region": PALEMBANG, "suggested": suggested, **details}
    return await file(connection, **wanted)


async def due(connection: AsyncConnection, event: Event, at: datetime, kind: str = "verify") -> None:
    """A deadline that runs for it."""
    await connection.execute(
        text("INSERT INTO clocks (complaint_id, kind, due_on, due_at) VALUES (:id, :kind, CAST(:at AS date), :at)"),
        {"id": event.complaint_id, "kind": kind, "at": at},
    )


# --- the inbox -------------------------------------------------------------------------------------------------------


async def test_dangers_come_first_then_what_is_unclear_then_what_is_due(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        calm = await sorted_one(connection)
        soon = await sorted_one(connection)
        late = await sorted_one(connection)
        unsure = await sorted_one(connection, confidence=0.2)
        nowhere = await file(connection)
        danger = await sorted_one(connection)
        await due(connection, soon, NOW + timedelta(hours=2))
        await due(connection, late, NOW - timedelta(hours=2))
        await due(connection, nowhere, NOW + timedelta(days=9))
        # A clock that runs against the citizen is no deadline of an office.
        await due(connection, calm, NOW - timedelta(days=9), kind="close")
        await attention.raise_matter(connection, "danger", complaint_id=danger.complaint_id, detail="fire")
        order = [danger, nowhere, unsure, late, soon, calm]
        assert await inbox(connection) == [each.ticket for each in order]
        found = await reports.inbox(connection, ALL, HOME, NOW, 0)
    assert (found.total, found.late) == (6, 1)
    assert [row.rank for row in found.rows] == [0, 1, 1, 2, 2, 2]
    assert found.functions == {"pu": 5, "": 1}
    assert found.cities == {PALEMBANG: 5, "": 1}


async def test_a_danger_in_a_chat_is_that_of_its_newest_report(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        chat = await contact(connection)
        first = await sorted_one(connection, contact_id=chat, draft=1)
        second = await sorted_one(connection, contact_id=chat, draft=2)
        await attention.raise_matter(connection, "danger", contact_id=chat, detail="fire")
        assert await inbox(connection) == [second.ticket, first.ticket]


async def test_what_came_back_waits_again_and_what_was_joined_does_not(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        chat = await contact(connection)
        citizen = await contacts.become_citizen(connection, chat, "Budi", "id")
        pelapor = Actor("citizen", str(citizen))
        denied, disputed, joined, kept = [
            await sorted_one(connection, citizen_id=citizen, contact_id=chat, draft=number) for number in range(4)
        ]
        for each in (denied, disputed):
            for status in ("terdisposisi", "ditindaklanjuti oleh instansi"):
                await _move(connection, each, status)
        await closure.deny(connection, denied.ticket, OPERATOR, "bukan kami", None)
        await attention.raise_matter(connection, "wrong_agency", complaint_id=denied.complaint_id)
        await closure.dispute(connection, disputed.ticket, pelapor, None)
        await attention.raise_matter(connection, "disputed", complaint_id=disputed.complaint_id)
        await connection.execute(
            text("UPDATE complaints SET merged_into = :main WHERE id = :id"),
            {"main": kept.complaint_id, "id": joined.complaint_id},
        )
        rows = (await reports.inbox(connection, ALL, HOME, NOW, 0)).rows
    assert {row.ticket: row.back for row in rows} == {
        denied.ticket: "denied",
        disputed.ticket: "disputed",
        kept.ticket: None,
    }
    assert {row.ticket: row.replied for row in rows}[disputed.ticket]
    assert {row.ticket: row.merged for row in rows}[kept.ticket] == 1


async def _move(connection: AsyncConnection, event: Event, name: str) -> None:
    status = moves.read(name)
    assert status is not None
    await complaints.move(connection, event.ticket, status, OPERATOR, reason=None, note=None)


@pytest.mark.parametrize("size", [1, 2, 3, 50])
async def test_pages_hold_every_report_once(engine: AsyncEngine, size: int) -> None:
    async with engine.begin() as connection:
        for number in range(7):
            each = await sorted_one(connection, confidence=0.9 if number % 2 else 0.1)
            if number % 3:
                await due(connection, each, NOW + timedelta(hours=number // 2))
        whole = await inbox(connection)
        paged: list[str] = []
        after = None
        while True:
            found = await reports.inbox(connection, ALL, HOME, NOW, 0, after=after, most=size)
            assert found.total == 7
            paged += [row.ticket for row in found.rows]
            if not found.more:
                break
            after = reports.read_cursor(found.rows[-1].cursor)
    assert paged == whole
    assert len(set(whole)) == 7


@given(st.text(max_size=40))
def test_a_cursor_that_nobody_wrote_is_none_or_a_place(words: str) -> None:
    found = reports.read_cursor(words)
    assert found is None or (found[0] in (0, 1, 2) and 0 <= found[2] < 1 << 63)


async def test_an_inbox_can_be_narrowed(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        here = await sorted_one(connection)
        there = await sorted_one(connection, region=f"{SEKAYU}.01", function="dishub", report_class="aspirasi")
        nowhere = await file(connection)
        assert await inbox(connection, narrowing=Narrowing(city=PALEMBANG)) == [here.ticket]
        assert await inbox(connection, narrowing=Narrowing(city=SEKAYU)) == [there.ticket]
        assert await inbox(connection, narrowing=Narrowing(city="")) == [nowhere.ticket]
        assert await inbox(connection, narrowing=Narrowing(report_class="aspirasi")) == [there.ticket]
        assert await inbox(connection, narrowing=Narrowing(function="")) == [nowhere.ticket]
        assert await inbox(connection, narrowing=Narrowing(function="nothing")) == []


async def test_the_rows_of_some_tickets_are_those_that_wait_within_reach(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        here, there, done = [await sorted_one(connection) for _ in range(3)]
        await connection.execute(
            text("UPDATE complaints SET region = :region WHERE id = :id"), {"region": SEKAYU, "id": there.complaint_id}
        )
        await _move(connection, done, "Terdisposisi")
        reach = Reach(regions=(PALEMBANG,))
        asked = [each.ticket for each in (here, there, done)]
        found = await reports.waiting(connection, asked, reach, HOME, NOW, 0)
        assert [row.ticket for row in found] == [here.ticket]
        versions = await reports.versions(connection, asked, reach, HOME)
    assert sorted(versions) == sorted([(here.ticket, 1), (done.ticket, 2)])


def test_the_desk_and_the_conversation_are_unsure_of_the_same() -> None:
    assert reports.unsure_below() == FUNCTION_SURE
    bands = [reports.band(each) for each in (None, 0.0, FUNCTION_SURE - 0.01, FUNCTION_SURE, 0.74, 0.75, 1.0)]
    assert bands == ["none", "unsure", "unsure", "fair", "fair", "sure", "sure"]


# --- reach ---------------------------------------------------------------------------------------------------------

REGIONS = (None, "16", "16.71", "16.71.01", "16.06", "16.06.01.1001", "73.71")
AGENCIES = (None, "16.71-pu", "16.06-pu", "16-pu")
grants = st.one_of(
    st.builds(lambda region: Grant(policy.ADMIN_INSTANSI, region=region), st.sampled_from(REGIONS)),
    st.builds(lambda region: Grant(policy.PENGAWAS, region=region), st.sampled_from(REGIONS)),
    st.builds(lambda agency: Grant(policy.PEJABAT, agency=agency), st.sampled_from(AGENCIES[1:])),
    st.just(Grant(policy.ADMINISTRATOR)),
)


async def _everywhere(connection: AsyncConnection) -> list[str]:
    """A report of each region and suggested agency, some of them with an agency."""
    known = set((await connection.execute(text("SELECT code FROM regions"))).scalars())
    found = []
    for number, (region, agency) in enumerate((region, agency) for region in REGIONS for agency in AGENCIES):
        event = await file(connection, region=region if region in known else None, agency=agency)
        found.append(event.ticket)
        if number % 2 and agency:
            await connection.execute(
                text("INSERT INTO dispositions (complaint_id, agency, leads) VALUES (:id, :agency, true)"),
                {"id": event.complaint_id, "agency": agency},
            )
    return found


async def test_lists_hold_what_the_policy_allows_and_nothing_else(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        every = await _everywhere(connection)
        subjects = {ticket: (await reports.subject(connection, ticket, HOME)).subject for ticket in every}

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(held=st.lists(grants, max_size=3))
    async def check(held: Sequence[Grant]) -> None:
        reach, uncovered = policy.reach(held, "report.read"), policy.reach(held, "report.read_covered")
        allowed = {ticket for ticket, subject in subjects.items() if policy.may(held, "report.read", subject)}
        async with engine.connect() as connection:
            for words in (None, "jalan"):
                hits = await reports.search(
                    connection, Query(words=words), reach, HOME, NOW, uncovered=uncovered, most=200
                )
                assert {hit.ticket for hit in hits} == allowed
            assert set(await inbox(connection, reach, most=200)) == allowed
            assert {ticket for ticket, _ in await reports.versions(connection, every, reach, HOME)} == allowed

    await in_this_loop(check)


# --- the search ------------------------------------------------------------------------------------------------------


async def found(connection: AsyncConnection, query: Query, **more: object) -> list[str]:
    """The titles that a search finds everywhere."""
    hits = await reports.search(connection, query, ALL, HOME, NOW, uncovered=ALL, **more)  # type: ignore[arg-type]
    return [hit.title for hit in hits]


async def test_words_are_found_in_title_text_and_place_newest_first(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await file(connection, title="Satu", text="Jembatan ambruk.")
        await file(connection, title="Dua", text="Lampu padam.", place="dekat jembatan Ampera")
        await file(connection, title="Jembatan tiga", text="Retak.")
        await file(connection, title="Empat", text="Sampah menumpuk.")
        assert await found(connection, Query(words="jembatan")) == ["Jembatan tiga", "Dua", "Satu"]
        assert await found(connection, Query(words='"jembatan ampera"')) == ["Dua"]
        assert await found(connection, Query(words="jembatan -ampera -retak")) == ["Satu"]
        [newest] = await reports.search(connection, Query(), ALL, HOME, NOW, uncovered=ALL, most=1)
        assert await found(connection, Query(before=newest.id), most=2) == ["Jembatan tiga", "Dua"]


async def test_filters(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        late = await file(connection, title="A", region="16.71.01", agency="16.71-pu", channel="webchat")
        await due(connection, late, NOW - timedelta(days=1))
        await file(connection, title="B", region="16.06", report_class="aspirasi")
        await run_in(connection, "UPDATE complaints SET filed_at = :at WHERE title = 'B'", at=NOW - timedelta(days=40))
        for query, titles in (
            (Query(region="16"), ["B", "A"]),
            (Query(region="16.71"), ["A"]),
            (Query(region="16.7"), []),
            (Query(agency="16.71-pu"), ["A"]),
            (Query(channel="webchat"), ["A"]),
            (Query(report_class="aspirasi"), ["B"]),
            (Query(status="Terdisposisi"), []),
            (Query(late=True), ["A"]),
            (Query(filed_to=NOW - timedelta(days=30)), ["B"]),
            (Query(filed_from=NOW - timedelta(days=30)), ["A"]),
            (Query(words="jalan", region="16.06", report_class="aspirasi"), ["B"]),
        ):
            assert await found(connection, query) == titles, query


async def run_in(connection: AsyncConnection, statement: str, **parameters: object) -> None:
    """A statement in this transaction."""
    await connection.execute(text(statement), parameters)


async def test_covered_words_find_nothing_for_those_who_may_not_read_them(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        event = await file(connection, title="Tetangga", text="Hubungi Zulkarnain di rumah.", region=PALEMBANG)
        await run_in(
            connection,
            "UPDATE complaints SET masked_text = 'Hubungi [nama] di rumah.' WHERE id = :id",
            id=event.complaint_id,
        )
        own = Reach(regions=(PALEMBANG,))
        for words, uncovered, hits in (
            ("zulkarnain", own, 1),
            ("zulkarnain", Reach(), 0),
            ("rumah", own, 1),
            ("rumah", Reach(), 1),
        ):
            got = await reports.search(connection, Query(words=words), own, HOME, NOW, uncovered=uncovered)
            assert len(got) == hits, (words, uncovered)


@given(st.sampled_from(["rumah", "hubungi OR rumah", '"di rumah"', "pagar"]), st.sampled_from(["", "hubungi", "pagar"]))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_what_a_search_leaves_out_does_not_tell_what_is_covered(
    engine: AsyncEngine, words: str, besides: str
) -> None:
    own = Reach(regions=(PALEMBANG,))
    besides = f" -{besides}" if besides else ""

    async def found(connection: AsyncConnection, asked: str, uncovered: Reach) -> list[str]:
        hits = await reports.search(connection, Query(words=asked), own, HOME, NOW, uncovered=uncovered)
        return [each.ticket for each in hits]

    async with engine.connect() as connection:
        covered = await file(connection, title="Tetangga", text="Hubungi Zulkarnain di rumah.", region=PALEMBANG)
        await file(connection, title="Tetangga", text="Pagar rumah Zulkarnain roboh.", region=PALEMBANG)
        await run_in(
            connection,
            "UPDATE complaints SET masked_text = 'Hubungi [nama] di rumah.' WHERE id = :id",
            id=covered.complaint_id,
        )
        asked = words + besides
        guessed = [await found(connection, f"{asked} -{name}", Reach()) for name in ("zulkarnain", "sulaiman")]
        assert [covered.ticket in tickets for tickets in guessed] == [
            covered.ticket in await found(connection, asked, Reach())
        ] * 2
        if " OR " not in words:
            assert covered.ticket not in await found(connection, f"{asked} -zulkarnain", own)
        assert len(guessed[0]) < 2, "the words of what is not covered are left out as they were asked to be"


async def test_no_name_of_a_pelapor_is_searched(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        chat = await contact(connection)
        citizen = await contacts.become_citizen(connection, chat, "Zulkarnain", "id")
        await file(connection, citizen_id=citizen, contact_id=chat, draft=1, anonymous=True)
        await file(connection, citizen_id=citizen, contact_id=chat, draft=2)
        assert await found(connection, Query(words="zulkarnain")) == []
        assert await found(connection, Query(words="budi")) == []


async def test_any_words_can_be_looked_for(engine: AsyncEngine) -> None:
    @settings(max_examples=60, deadline=None)
    @given(words=st.text(alphabet=st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=60))
    async def check(words: str) -> None:
        async with engine.connect() as connection:
            await reports.can_search(connection, words)
            await reports.search(connection, Query(words=words), ALL, HOME, NOW, uncovered=Reach())

    await in_this_loop(check)


@pytest.mark.parametrize(
    ("words", "can"), [("jalan", True), ("", False), ("-jalan", False), ("…", False), ("-jalan aspal", True)]
)
async def test_words_that_only_leave_out_find_nothing(engine: AsyncEngine, words: str, can: bool) -> None:
    async with engine.connect() as connection:
        assert await reports.can_search(connection, words) is can


async def test_who_holds_nothing_finds_nothing(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await file(connection)
        assert await inbox(connection, Reach()) == []
        assert await reports.search(connection, Query(), Reach(), HOME, NOW, uncovered=Reach()) == []


async def test_the_newest_first_change_nothing_in_what_is_found(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with engine.begin() as connection:
        every = [await file(connection, title=f"Nomor {number}", text="Jembatan.") for number in range(9)]
    titles = [f"Nomor {number}" for number in reversed(range(9))]
    before = every[6].complaint_id
    async with engine.connect() as connection:
        for window in (1, 2, 5, 9, 100):
            monkeypatch.setattr(reports, "_NEWEST_FIRST", window)
            for most in (1, 3, 8, 9, 20):
                assert await found(connection, Query(words="jembatan"), most=most) == titles[:most]
                assert await found(connection, Query(words="jembatan", before=before), most=most) == titles[3:][:most]
