"""Staged rows, what they are by what we know, and what of an import outlives it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from making import OPERATOR, file, run, value
from sqlalchemy.ext.asyncio import AsyncEngine

from store import references, ringkas, staff, tables
from store.policy import Reach
from store.ringkas import FACTS, Import, NotNow, Read, Wanted
from store.ways import SP4N

HOME = "16"
ALL = Reach(everywhere=True)
NOW = datetime.now(UTC)
FRESH, OLD = (NOW + timedelta(days=1)).isoformat(), (NOW - timedelta(days=90)).isoformat()


def line(place: int, number: str | None, status: str = "Terdisposisi", **more: Any) -> Read:
    """A row as it was read."""
    facts: dict[str, Any] = dict.fromkeys(FACTS) | {"anonymous": False, "secret": False}
    facts |= {"raw_status": status, "filed_at": "2024-09-23T00:41:43+00:00"} | more.pop("facts", {})
    return Read(place, number, more.pop("ticket", None), more.pop("own", False), facts, more.pop("problems", ()))


async def begun(engine: AsyncEngine, generated: str | None = FRESH, *, ours: bool = False) -> Import:
    """An import that is being read."""
    async with engine.begin() as connection:
        staff_id = await staff.add(connection, f"petugas{datetime.now(UTC):%f%S}", "Petugas Uji", ())
        import_id = await ringkas.add(connection, staff_id, SP4N, "x.csv", "ab" * 32, 10)
        await ringkas.begin_reading(connection, import_id, 5, {"generated_at": generated, "ours": ours, "notes": []})
        found = await ringkas.get(connection, import_id)
    assert found is not None
    return found


async def staged(engine: AsyncEngine, import_: Import, lines: Sequence[Read], reach: Reach = ALL) -> list[str]:
    """The verdicts of these rows, when they are all that an import has."""
    async with engine.begin() as connection:
        assert await ringkas.stage(connection, import_, lines, len(lines), reach, HOME)
        await ringkas.end_reading(connection, import_.id, [])
        found = await ringkas.rows(connection, import_.id, ringkas.VERDICTS)
    return [each.verdict for each in found]


async def verdict(engine: AsyncEngine, one: Read, generated: str | None = FRESH, **more: Any) -> str:
    """The verdict of one row."""
    [only] = await staged(engine, await begun(engine, generated, ours=more.pop("ours", False)), [one], **more)
    return only


async def ours(engine: AsyncEngine, number: str | None, raw_status: str | None = None, **details: Any) -> str:
    """A report of ours; its ticket."""
    async with engine.begin() as connection:
        event = await file(connection, **{"region": "16.71.01", **details})
        reference = await references.plan(connection, event.complaint_id, SP4N, connection_id=None)
        assert reference is not None
        if number:
            await references.confirm(connection, reference, number, OPERATOR, raw_status=raw_status)
    return event.ticket


async def test_what_a_row_is_by_what_we_know(engine: AsyncEngine) -> None:
    await ours(engine, "9171234", "Terdisposisi ke Dinas Perhubungan")
    waits = await ours(engine, None)
    for one, expected in (
        (line(1, "9171234", "Terdisposisi ke Dinas  Perhubungan"), "same"),
        (line(1, "9171234", "terdisposisi ke dinas perhubungan"), "same"),
        (line(1, "9171234", "Terdisposisi"), "same"),
        (line(1, "9171234", "Terdisposisi ke Dinas Lain"), "changed"),
        (line(1, "9171234", "Entah Apa"), "changed"),
        (line(1, "9171239"), "new"),
        (line(1, "9171239", ticket=waits), "unknown"),
        (line(1, None, ticket=waits, own=True), "same"),
        (line(1, "9171239", ticket="T-000-000-0000"), "new"),
        (line(1, "9171239", problems=[("Status Laporan", "missing", "")]), "wrong"),
    ):
        assert await verdict(engine, one) == expected, one


async def test_an_older_export_and_one_of_no_date_change_nothing_that_was_heard(engine: AsyncEngine) -> None:
    await ours(engine, "9171234", "Ditindaklanjuti oleh Instansi")
    await ours(engine, "9171235")
    for generated, expected in ((OLD, "same"), (None, "same"), (FRESH, "changed")):
        assert await verdict(engine, line(1, "9171234"), generated) == expected
        # Of what was never heard of nothing can be older.
        assert await verdict(engine, line(1, "9171235"), generated) == "changed"
    # What was done here since is newer, too.
    await run(
        engine,
        """
        INSERT INTO complaint_history (complaint_id, actor_kind, actor_id, event, became, public)
        SELECT complaint_id, 'operator', 'staff:1', 'moved', '{"status": "Terdisposisi"}', true
        FROM complaint_references
        """,
    )
    assert await verdict(engine, line(1, "9171235"), OLD) == "same"


async def test_whose_reach_ends_before_a_report_sees_somebody_elses(engine: AsyncEngine) -> None:
    await ours(engine, "9171234", "Belum Terverifikasi")
    waits = await ours(engine, None)
    for reach, expected in (
        (Reach(regions=("16.71",)), ["changed", "unknown"]),
        (Reach(regions=("16.06",)), ["new", "new"]),
        (Reach(agencies=("16.71-pu",)), ["new", "new"]),
        (Reach(), ["new", "new"]),
    ):
        import_ = await begun(engine)
        lines = [line(1, "9171234"), line(2, "9171239", ticket=waits)]
        assert await staged(engine, import_, lines, reach) == expected


async def test_of_an_export_of_ours_only_numbers_are_news(engine: AsyncEngine) -> None:
    await ours(engine, "9171234", "Belum Terverifikasi")
    waits = await ours(engine, None)
    lines = [line(1, "9171234", "Ditutup oleh Admin"), line(2, "9171238"), line(3, "9171239", ticket=waits)]
    assert await staged(engine, await begun(engine, ours=True), lines) == ["same", "same", "unknown"]


async def test_others_are_kept_once_and_never_turned_back(engine: AsyncEngine) -> None:
    async def noted(one: Read, generated: str | None) -> str:
        import_ = await begun(engine, generated)
        [what] = await staged(engine, import_, [one])
        async with engine.begin() as connection:
            await ringkas.start(connection, import_.id, without_wrong=False)
            await ringkas.note_others(connection, import_, 0, 10)
            await ringkas.finish(connection, import_.id)
        return what

    status = "SELECT raw_status FROM external_complaints"
    assert await noted(line(1, "9171240", "Terdisposisi"), FRESH) == "new"
    assert await noted(line(1, "9171240", "Terdisposisi"), FRESH) == "same"
    assert await noted(line(1, "9171240", "Belum Terverifikasi"), OLD) == "same"
    assert await noted(line(1, "9171240", "Belum Terverifikasi"), None) == "same"
    assert await value(engine, status) == "Terdisposisi"
    later = (NOW + timedelta(days=1, hours=1)).isoformat()
    assert await noted(line(1, "9171240", "Ditutup oleh Sistem"), later) == "new"
    assert await value(engine, status) == "Ditutup oleh Sistem"
    # One that was staged before a newer one was done.
    first, second = await begun(engine, FRESH), await begun(engine, (NOW + timedelta(days=2)).isoformat())
    for import_, said in ((first, "Entah"), (second, "Selesai")):
        await run(engine, "UPDATE external_complaints SET seen_at = now() - interval '1 day'")
        assert await staged(engine, import_, [line(1, "9171240", said)]) == ["new"]
    for import_ in (second, first):
        async with engine.begin() as connection:
            await ringkas.start(connection, import_.id, without_wrong=False)
            await ringkas.note_others(connection, import_, 0, 10)
    assert await value(engine, status) == "Selesai"


async def test_two_runs_keep_each_row_once(engine: AsyncEngine) -> None:
    import_ = await begun(engine)
    await staged(engine, import_, [line(place, str(9_171_000 + place)) for place in range(1, 41)])
    async with engine.begin() as connection:
        assert await ringkas.start(connection, import_.id, without_wrong=False) == 40

    async def run_through() -> None:
        last: int | None = 0
        while last is not None:
            async with engine.begin() as connection:
                last = await ringkas.note_others(connection, import_, last, 7)

    await asyncio.gather(run_through(), run_through())
    async with engine.begin() as connection:
        assert await ringkas.finish(connection, import_.id) == {"ours": 0, "others": 40, "passed": 0}
        assert await ringkas.finish(connection, import_.id) is None
    assert await value(engine, "SELECT rows_done FROM report_imports") == 40
    assert await value(engine, "SELECT count(*) FROM external_complaints") == 40


async def test_a_step_follows_only_from_the_one_before(engine: AsyncEngine) -> None:
    import_ = await begun(engine)
    async with engine.begin() as connection:
        with pytest.raises(NotNow):
            await ringkas.start(connection, import_.id, without_wrong=True)
        assert await ringkas.stage(connection, import_, [line(1, "9171240")], 1, ALL, HOME)
        # What two readers stage is staged once.
        assert await ringkas.stage(connection, import_, [line(1, "9171240")], 1, ALL, HOME)
        await ringkas.end_reading(connection, import_.id, [])
        assert not await ringkas.stage(connection, import_, [line(2, "9171241")], 2, ALL, HOME)
        assert await ringkas.begin_reading(connection, import_.id, 5, {}) is None
        await ringkas.start(connection, import_.id, without_wrong=False)
        assert not await ringkas.drop(connection, import_.id)
        await ringkas.refuse(connection, import_.id, "broken", {})
        assert await ringkas.finish(connection, import_.id) is None
        assert (found := await ringkas.get(connection, import_.id)) is not None
        assert found.state == "doing"
        assert await ringkas.get(connection, import_.id + 1) is None


async def test_only_what_was_handed_in_lately_and_is_read_gives_its_file_back(engine: AsyncEngine) -> None:
    import_ = await begun(engine)
    async with engine.begin() as connection:
        assert await ringkas.files(connection, NOW - timedelta(days=1)) == []
        await ringkas.end_reading(connection, import_.id, [])
        assert await ringkas.files(connection, NOW - timedelta(days=1)) == [import_.sha256]
        assert await ringkas.files(connection, NOW + timedelta(days=1)) == []


async def test_external_complaints_are_found_by_what_they_are(engine: AsyncEngine) -> None:
    import_ = await begun(engine)
    lines = [
        line(place, str(9_171_240 + place), status, facts={"city": city, "filed_at": at})
        for place, (status, city, at) in enumerate(
            [
                ("Terdisposisi", "Kota Palembang", "2026-09-01T00:00:00+00:00"),
                ("Terdisposisi", "Kota Prabumulih", "2026-10-01T00:00:00+00:00"),
                ("Ditutup oleh Admin", "Kota Palembang", None),
            ],
            start=1,
        )
    ]
    await staged(engine, import_, lines)
    await ours(engine, "9171242")
    async with engine.begin() as connection:
        await ringkas.start(connection, import_.id, without_wrong=False)
        await ringkas.note_others(connection, import_, 0, 10)

        async def numbers(before: tuple[datetime | None, int] | None = None, most: int = 9, **wanted: Any) -> list[str]:
            asked = Wanted(**wanted)
            found = await ringkas.external(connection, SP4N, asked, before=before, most=most)
            if before is None and most == 9:
                assert await ringkas.external_count(connection, SP4N, asked) == len(found)
            return [each.external_id for each in found]

        # What has turned out to be ours is not among them.
        assert await numbers() == ["9171241", "9171243"]
        assert await numbers(city="Kota Palembang", status="Ditutup oleh Admin") == ["9171243"]
        assert await numbers(since=datetime(2026, 9, 1, tzinfo=UTC)) == ["9171241"]
        assert await numbers(before=None, status="x") == []
        [first] = await ringkas.external(connection, SP4N, Wanted(), before=None, most=1)
        assert await numbers((first.filed_at, first.id)) == ["9171243"]
        [last] = await ringkas.external(connection, SP4N, Wanted(status="Ditutup oleh Admin"), before=None, most=1)
        assert await numbers((None, last.id)) == []
        assert await ringkas.external_choices(connection, SP4N) == (
            ["Ditutup oleh Admin", "Terdisposisi"],
            ["Kota Palembang", "Kota Prabumulih"],
        )


def test_what_a_row_may_keep_are_the_columns_of_the_table() -> None:
    columns = set(tables.metadata.tables["external_complaints"].columns.keys())
    assert set(FACTS) <= columns
    assert not {"name", "text", "story"} & columns
