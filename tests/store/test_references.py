"""A complaint in another system: taken at most once, and whatever is told of it is told once, in any order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import OPERATOR, contact, file, in_this_loop, rows, run, value
from sqlalchemy.ext.asyncio import AsyncEngine

from store import closure, complaints, contacts, dispositions, hearing, moves, posts, references, rights
from store.complaints import Actor, Event, NotFound
from store.references import CONFIRMED, FAILED, SENT, UNKNOWN, WAITING, NotNow, Taken, Told, ToldEntry

SP4N = Actor("bridge", "sp4n")
NUMBER = "8512345"
PU = "16.71-pu"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
FIRST, DISPOSED, ANSWERED = moves.FIRST, moves.DISPOSED, moves.ANSWERS[0]


class World:
    """A filed complaint with a chat, and its reference."""

    def __init__(self, engine: AsyncEngine, event: Event, citizen: int, reference: int) -> None:
        self.engine, self.event, self.citizen, self.reference = engine, event, citizen, reference

    async def tell(
        self, *entries: ToldEntry, status: str | None = None, agency: str | None = None, **more: object
    ) -> list[Event]:
        told = Told(status, more.pop("at", None), entries, **more)  # type: ignore[arg-type]
        async with self.engine.begin() as connection:
            return await references.heard(connection, self.reference, told, SP4N, agency=agency)

    async def now(self) -> references.Reference:
        async with self.engine.connect() as connection:
            return await references.get(connection, self.reference)

    async def status(self) -> str:
        return str(await value(self.engine, "SELECT status FROM complaints WHERE id = :id", id=self.event.complaint_id))

    async def confirm(self, number: str = NUMBER) -> Event | None:
        async with self.engine.begin() as connection:
            return await references.confirm(connection, self.reference, number, SP4N)

    async def dispose(self, *agencies: str) -> None:
        async with self.engine.begin() as connection:
            await dispositions.dispose(connection, self.event.ticket, OPERATOR, agencies, lead=agencies[0])


async def world(engine: AsyncEngine, address: str = "7") -> World:
    async with engine.begin() as connection:
        chat = await contact(connection, address)
        citizen = await contacts.become_citizen(connection, chat, "Siti", "id")
        event = await file(connection, citizen_id=citizen, contact_id=chat, region="16.71", agency=PU)
        reference = await references.plan(connection, event.complaint_id, "sp4n", connection_id=None)
    assert reference is not None
    return World(engine, event, citizen, reference)


def told(events: Sequence[Event]) -> list[tuple[str, object, object]]:
    """Of each event its kind, the status that it gives, and the words."""
    return [(each.kind, each.data.get("raw_status", each.data.get("status")), each.data.get("note")) for each in events]


# --- on the way there --------------------------------------------------------------------------------


async def test_it_is_sent_once(engine: AsyncEngine) -> None:
    here = await world(engine)
    async with engine.begin() as connection:
        assert await references.plan(connection, here.event.complaint_id, "sp4n", connection_id=None) is None
        begun = await references.begin(connection, here.reference)
        assert begun is not None
        assert (begun.state, begun.attempts) == (SENT, 1)
        assert await references.begin(connection, here.reference) is None


async def test_what_is_unknown_waits_again_only_when_a_person_has_looked(engine: AsyncEngine) -> None:
    here = await world(engine)
    async with engine.begin() as connection:
        await references.begin(connection, here.reference)
        await references.unknown(connection, here.reference, "cut")
        # Whoever comes late changes nothing.
        await references.later(connection, here.reference, "away", "", NOON)
        assert await references.begin(connection, here.reference) is None
    assert ((await here.now()).state, (await here.now()).problem) == (UNKNOWN, "cut")
    async with engine.begin() as connection:
        await references.not_there(connection, here.reference, NOON)
    now = await here.now()
    assert (now.state, now.attempts, now.problem) == (WAITING, 0, None)
    async with engine.begin() as connection:
        with pytest.raises(NotNow):
            await references.not_there(connection, here.reference, NOON)


async def test_the_number_is_told_once_and_never_another(engine: AsyncEngine) -> None:
    here, other = await world(engine), await world(engine, "8")
    event = await here.confirm()
    assert event is not None
    assert (event.kind, event.data["external_id"], event.data["reference"]) == ("referenced", NUMBER, here.reference)
    assert await here.confirm() is None
    with pytest.raises(NotNow):
        await here.confirm("8512346")
    with pytest.raises(Taken):
        await other.confirm()
    assert (await other.now()).state == WAITING
    async with engine.connect() as connection:
        with pytest.raises(NotFound):
            await references.get(connection, 10**9)


async def test_only_what_is_due_is_given_out(engine: AsyncEngine) -> None:
    here = await world(engine)
    await run(engine, "INSERT INTO connections (name, kind, system) VALUES ('api', 'sp4n_api', 'sp4n')")
    async with engine.begin() as connection:
        assert await references.to_send(connection, ["sp4n_api"], 10) == []  # by hand, or by nobody
    await run(engine, "UPDATE complaint_references SET connection_id = (SELECT id FROM connections WHERE name = 'api')")
    async with engine.begin() as connection:
        assert await references.to_send(connection, ["sp4n_api"], 10) == [here.reference]
        assert await references.to_send(connection, ["sp4n_api"], 10, [here.reference]) == []
        assert await references.to_follow(connection, ["sp4n_api"], 10) == []
        await references.begin(connection, here.reference)
        assert await references.to_send(connection, ["sp4n_api"], 10) == []
    await here.confirm()
    async with engine.begin() as connection:
        assert await references.to_follow(connection, ["open311"], 10) == []
        assert await references.to_follow(connection, ["sp4n_api"], 10) == [here.reference]
        later = datetime.now(UTC) + timedelta(minutes=5)
        assert await references.claim(connection, here.reference, later) is not None
        assert await references.claim(connection, here.reference, later) is None
        assert await references.to_follow(connection, ["sp4n_api"], 10) == []


# --- what is told ------------------------------------------------------------------------------------


async def test_the_course_of_a_report_becomes_ours(engine: AsyncEngine) -> None:
    here = await world(engine)
    await here.confirm()
    assert await here.tell(status=FIRST) == []
    assert told(await here.tell(status="Terdisposisi ke Dinas PU", agency=PU)) == [("disposed", DISPOSED, None)]
    answer = ToldEntry("1", NOON, ANSWERED, "Kami perbaiki pekan depan.", "Dinas PU")
    events = await here.tell(answer, status=ANSWERED, at=NOON)
    assert told(events) == [("moved", ANSWERED, "Kami perbaiki pekan depan.")]
    assert (events[0].data["speaker"], events[0].data["office"], events[0].data["by"]) == (PU, "Dinas PU", "bridge")
    assert await here.tell(answer, status=ANSWERED, at=NOON) == []
    end = ToldEntry("2", NOON + timedelta(days=1), "Ditutup oleh Sistem")
    assert told(await here.tell(answer, end, status="Ditutup oleh Sistem")) == [("moved", "Ditutup oleh Sistem", None)]
    assert await here.status() == "Ditutup oleh Sistem"
    now = await here.now()
    assert (now.raw_status, now.raw_status_at) == ("Ditutup oleh Sistem", end.at)


async def test_all_that_happened_meanwhile_is_told_in_its_order(engine: AsyncEngine) -> None:
    here = await world(engine)
    await here.confirm()
    log = [
        ToldEntry("a", NOON, FIRST),
        ToldEntry("b", NOON, "Terdisposisi ke Bidang Jalan"),
        ToldEntry("c", NOON + timedelta(minutes=1), "Menunggu Kelengkapan Informasi", "Di kilometer berapa?", "Admin"),
        ToldEntry("d", NOON + timedelta(minutes=2), ANSWERED, "Sudah kami tambal.", "Bidang Jalan"),
    ]
    events = await here.tell(*log, status=ANSWERED, at=log[-1].at)
    assert told(events) == [
        ("heard", "Terdisposisi ke Bidang Jalan", None),
        ("moved", "Menunggu Kelengkapan Informasi", "Di kilometer berapa?"),
        ("moved", ANSWERED, "Sudah kami tambal."),
    ]
    assert await here.status() == ANSWERED
    # Nobody here has it: the answer is not said to be of the agency that was only suggested.
    assert events[-1].data["speaker"] is None
    assert await rows(engine, "SELECT 1 FROM dispositions") == []


async def test_a_status_nobody_knows_is_kept_and_told_once(engine: AsyncEngine) -> None:
    here = await world(engine)
    await here.confirm()
    strange = "Dalam Proses Ke-2 \x00✓"
    [event] = await here.tell(status=strange)
    assert (event.kind, event.data["raw_status"], event.data["status"]) == ("heard", "Dalam Proses Ke-2 ✓", FIRST)
    assert await here.tell(status=strange) == []
    assert (await here.now()).raw_status == "Dalam Proses Ke-2 ✓"
    assert await here.status() == FIRST


@pytest.mark.parametrize("raw", ["Konten Terblokir", "Diarsipkan oleh Admin", "ditutup OLEH admin"])
async def test_what_has_ended_here_stays_so_and_the_same_there_is_no_news(engine: AsyncEngine, raw: str) -> None:
    here = await world(engine)
    await here.confirm()
    async with engine.begin() as connection:
        await closure.withdraw(connection, here.event.ticket, Actor("citizen", str(here.citizen)))
    assert await here.tell(status=raw) == []
    assert (await here.now()).raw_status == raw
    [event] = await here.tell(status="Terdisposisi ke Dinas PU", agency=PU)
    assert event.kind == "heard"
    assert await here.status() == "Diarsipkan oleh Pelapor"


async def test_words_of_the_pelapor_never_come_back(engine: AsyncEngine) -> None:
    here = await world(engine)
    await here.confirm()
    async with engine.begin() as connection:
        await closure.reply(connection, here.event.ticket, Actor("citizen", str(here.citizen)), "Di depan  pasar.")
    said = [
        ToldEntry("1", NOON, FIRST, "Di depan pasar.", "Kanal Sumsel"),
        ToldEntry("2", NOON, FIRST, "Lain sama sekali.", "Pelapor"),
        ToldEntry("3", NOON, "Ditanggapi oleh Pelapor", "Dan ini juga.", None),
    ]
    assert await here.tell(*said) == []
    assert [row.words for row in await rows(engine, "SELECT words FROM reference_entries ORDER BY key")] == [
        "Di depan pasar.",
        "Lain sama sekali.",
        "Dan ini juga.",
    ]
    assert await here.status() == FIRST


async def test_words_without_a_status_are_those_of_the_status_that_came_with_them(engine: AsyncEngine) -> None:
    here = await world(engine)
    await here.confirm()
    assert told(await here.tell(ToldEntry("1", None, None, "Kami cek."), status=ANSWERED)) == [
        ("moved", ANSWERED, "Kami cek.")
    ]
    # The same status, and more words: they have answered once more.
    assert told(await here.tell(ToldEntry("2", None, None, "Sudah."), status=ANSWERED)) == [
        ("moved", ANSWERED, "Sudah.")
    ]
    assert told(await here.tell(ToldEntry("3", NOON, None, "Salam."), status=None)) == [("noted", None, "Salam.")]


async def test_verified_again_is_news_only_where_somebody_had_it(engine: AsyncEngine) -> None:
    here = await world(engine)
    await here.confirm()
    await here.dispose(PU)
    # Ours are further than they are over there: nothing is taken from anybody.
    assert await here.tell(status=FIRST) == []
    assert await here.status() == DISPOSED
    assert await here.tell(status="Terdisposisi ke Dinas PU", agency=PU) == []
    [event] = await here.tell(ToldEntry("1", NOON, FIRST, "Bukan wewenang kami.", "Dinas PU"), status=FIRST)
    assert told([event]) == [("moved", FIRST, "Bukan wewenang kami.")]
    assert [row.ended_because for row in await rows(engine, "SELECT ended_because FROM dispositions")] == ["denied"]


async def test_another_unit_there_leads_here_and_those_that_have_it_keep_it(engine: AsyncEngine) -> None:
    here = await world(engine)
    await here.confirm()
    await here.dispose("16.71-dishub", PU)
    [event] = await here.tell(status="Terdisposisi ke Dinas PU", agency=PU)
    assert (event.data["agency"], event.data["agencies"]) == (PU, [PU, "16.71-dishub"])
    [event] = await here.tell(status="Terdisposisi ke Dinas LHK", agency="16.71-dlh")
    assert event.data["agencies"] == ["16.71-dlh"]
    # A code that is none today is told in their words.
    [event] = await here.tell(status="Terdisposisi ke Dinas Lama", agency="16.71-lama")
    assert (event.kind, event.data["raw_status"]) == ("heard", "Terdisposisi ke Dinas Lama")
    # Less than was known already, as an export has it, is no news.
    assert await here.tell(status="Terdisposisi") == []
    assert (await here.now()).raw_status == "Terdisposisi ke Dinas Lama"


async def test_an_answer_to_an_earlier_question_changes_no_status(engine: AsyncEngine) -> None:
    here = await world(engine)
    await here.confirm()
    asked = datetime.now(UTC)
    await here.tell(status=ANSWERED, asked_at=asked)
    assert await here.tell(status="Terdisposisi", asked_at=asked - timedelta(minutes=1)) == []
    assert told(await here.tell(ToldEntry("1", None, None, "Baru."), asked_at=asked - timedelta(minutes=1))) == [
        ("noted", None, "Baru.")
    ]
    assert (await here.now()).raw_status == ANSWERED


async def test_a_number_that_comes_with_it_is_told_too(engine: AsyncEngine) -> None:
    here, other = await world(engine), await world(engine, "8")
    async with engine.begin() as connection:
        await references.begin(connection, here.reference)
        await references.pending(connection, here.reference, "token-1", NOON)
    events = await here.tell(status="Terdisposisi ke Dinas PU", agency=PU, external_id=NUMBER)
    assert [each.kind for each in events] == ["referenced", "disposed"]
    assert (await here.now()).state == CONFIRMED
    with pytest.raises(Taken):
        await other.tell(status=ANSWERED, external_id=NUMBER)


_STATUSES = (
    *(FIRST, "Menunggu Kelengkapan Informasi", "Terdisposisi", "Terdisposisi ke Bidang Jalan", ANSWERED),
    *("Selesai otomatis dalam 10 hari", "Ditutup oleh Sistem", "Sedang Ditinjau", "Ditanggapi oleh Pelapor", None),
)


@st.composite
def courses(draw: st.DrawFn) -> tuple[list[ToldEntry], bool, list[int]]:
    """A log as it grows over there, whether its status is told with its moment, and after how many entries we hear:
    in any order, and again; in the end all of it."""
    log, at = [], NOON
    for number in range(draw(st.integers(1, 5))):
        # Times have no seconds over there, so that many are the same.
        at += timedelta(minutes=draw(st.integers(0, 2)))
        words = draw(st.sampled_from([f"Kata {number}", None]))
        log.append(ToldEntry(f"k{number}", at, draw(st.sampled_from(_STATUSES)), words, "Admin"))
    heard = draw(st.lists(st.integers(0, len(log)), max_size=5))
    return log, draw(st.booleans()), [*heard, len(log)]


async def test_whatever_is_repeated_or_late_is_told_once_and_nothing_is_lost(engine: AsyncEngine) -> None:
    made = iter(range(10**6))

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(courses())
    async def check(course: tuple[list[ToldEntry], bool, list[int]]) -> None:
        log, dated, lengths = course
        number = next(made)
        here = await world(engine, f"c{number}")
        await here.confirm(str(8_000_000 + number))
        events = []
        for length in lengths:
            so_far = log[:length]
            last = next((each for each in reversed(so_far) if each.raw_status), None)
            status, at = (last.raw_status, last.at) if last else (None, None)
            asked = datetime.now(UTC) + timedelta(minutes=length)
            told_ = Told(status, at if dated else None, so_far, asked_at=asked)
            async with engine.begin() as connection:
                events += await references.heard(connection, here.reference, told_, SP4N)
        words = Counter(str(each.data["note"]) for each in events if each.data.get("note"))
        expected = {each.words for each in log if each.words and each.raw_status != "Ditanggapi oleh Pelapor"}
        assert words == Counter(expected)
        # Of each change of the status there is one piece of news at most.
        changes = [each for each in events if each.kind in ("moved", "heard", "disposed") and not each.data.get("note")]
        assert len(changes) <= len([each for each in log if each.raw_status])
        final = next((each.raw_status for each in reversed(log) if each.raw_status), None)
        assert hearing.same((await here.now()).raw_status, final) or final is None

    await in_this_loop(check)


# --- what follows it ---------------------------------------------------------------------------------


async def reply(here: World, words: str) -> None:
    async with here.engine.begin() as connection:
        await closure.reply(connection, here.event.ticket, Actor("citizen", str(here.citizen)), words)
        await posts.follow(connection, here.event.complaint_id, posts.REPLY, "replied")


async def test_what_follows_waits_for_its_report_and_for_what_came_before_it(engine: AsyncEngine) -> None:
    here = await world(engine)
    await reply(here, "Satu.")
    await reply(here, "Dua.")
    async with engine.begin() as connection:
        first, second = await posts.open_of(connection, [here.reference])
        assert (first.words, second.words, first.kind, first.event) == ("Satu.", "Dua.", "reply", "replied")
        assert await posts.begin(connection, first.id) is None
        assert await posts.next_of(connection, here.reference) is None
    await here.confirm()
    async with engine.begin() as connection:
        assert await posts.begin(connection, second.id) is None
        assert await posts.next_of(connection, here.reference) == first.id
        assert await posts.begin(connection, first.id) is not None
        assert await posts.begin(connection, first.id) is None
        assert await posts.begin(connection, second.id) is None
        await posts.unknown(connection, first.id, "cut")
        # A person sees to that one; the next need not wait for them.
        assert await posts.next_of(connection, here.reference) == second.id
        assert await posts.begin(connection, second.id) is not None
        await posts.done(connection, second.id)
    async with engine.begin() as connection:
        [left] = await posts.open_of(connection, [here.reference])
        assert (left.id, left.state, left.problem) == (first.id, "unknown", "cut")
        await posts.settle(connection, first.id, False)
        assert await posts.next_of(connection, here.reference) == first.id
        await posts.settle(connection, first.id, True)
        with pytest.raises(NotNow):
            await posts.settle(connection, first.id, True)
        assert await posts.open_of(connection, [here.reference]) == []


async def test_the_same_follows_once_and_nothing_follows_what_never_goes(engine: AsyncEngine) -> None:
    here = await world(engine)
    async with engine.begin() as connection:
        secret = await references.plan(
            connection, here.event.complaint_id, "kota", connection_id=None, problem="secret"
        )
        mended = await references.plan(
            connection, here.event.complaint_id, "prov", connection_id=None, problem="no_connection"
        )
    assert secret is not None
    assert mended is not None
    await reply(here, "Satu.")
    async with engine.begin() as connection:
        assert await posts.follow(connection, here.event.complaint_id, posts.REPLY, "replied") == []
        found = await posts.open_of(connection, [here.reference, secret, mended])
    assert [each.reference_id for each in found] == [here.reference, mended]
    assert (await here.now()).state == WAITING
    async with engine.connect() as connection:
        assert (await references.get(connection, secret)).state == FAILED


async def test_a_note_of_an_officer_follows_nowhere(engine: AsyncEngine) -> None:
    here = await world(engine)
    async with engine.begin() as connection:
        await complaints.note(connection, here.event.ticket, OPERATOR, "Catatan.", public=False)
        assert await posts.follow(connection, here.event.complaint_id, posts.REPLY, "replied") == []


async def test_of_what_was_made_anonymous_no_words_are_kept(engine: AsyncEngine) -> None:
    here = await world(engine)
    await here.confirm()
    await here.tell(ToldEntry("0", NOON, "Laporan Diproses", None, "Ani"))
    await run(engine, "UPDATE complaints SET status = 'Ditutup oleh Pelapor', changed_at = '2020-01-01'")
    async with engine.begin() as connection:
        swept = await rights.sweep(connection, NOON, rights.Policy(365, 7, 90), lambda words: words)
    assert swept.complaints == 1
    events = await here.tell(
        ToldEntry("1", NOON, "Laporan Ditutup", "Siti sudah ditemui", "Ani"), ToldEntry("2", None, None, "Siti", "Ani")
    )
    assert told(events) == [("heard", "Laporan Ditutup", None)]
    assert await rows(engine, "SELECT raw_status, words, by FROM reference_entries ORDER BY key") == [
        ("Laporan Diproses", None, None),
        ("Laporan Ditutup", None, None),
        (None, None, None),
    ]
    noted = "SELECT count(*) FROM complaint_history WHERE event <> 'filed' AND note IS NOT NULL"
    assert await value(engine, noted) == 0
    assert await value(engine, "SELECT count(*) FROM complaint_history WHERE became->>'said_by' = 'Ani'") == 0
