"""Imports of SP4N's exports, from the file on the shelf to what citizens are told: all of it or nothing, and once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from desking import GRANTS, SEKAYU
from exports import Lines, as_csv, as_xlsx, row, table
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from making import contact, eventually, file, in_this_loop, rows, run, value
from sqlalchemy import text

from api.elsewhere import ringkas
from api.house import House, open_house
from api.settings import Settings
from api.unit import unit
from store import contacts, moves, policy, references, staff
from store import ringkas as imports
from store.complaints import Actor
from store.policy import Grant
from store.references import Told
from store.ringkas import Import
from store.ways import SP4N


@pytest.fixture
async def house(settings: Settings, database: str) -> AsyncIterator[House]:
    """A house without a classifier, as a worker has it."""
    async with open_house(settings, database, name="test") as opened:
        yield opened


OPERATOR = Actor("operator", "staff:1")
KOMINFO = GRANTS[policy.ADMIN_INSTANSI]
# What says that it is of the future is of when it was handed in.
FRESH = f"{datetime.now(UTC) + timedelta(days=1):%d-%m-%Y %H:%M:%S}"
AN_HOUR_AGO = f"{datetime.now(UTC) - timedelta(hours=1):%d-%m-%Y %H:%M:%S}"


async def officer(house: House, *grants: Grant) -> int:
    """Somebody who hands files in."""
    async with house.engine.begin() as connection:
        return await staff.add(connection, f"petugas{datetime.now(UTC):%f}", "Petugas Uji", grants or (KOMINFO,))


async def ours(
    house: House, number: str | None = None, region: str = "16.71.01", raw_status: str | None = None
) -> tuple[str, int]:
    """A report of ours, by somebody who is told of what happens to it, and its reference into SP4N."""
    async with house.engine.begin() as connection:
        citizen = await contacts.new_citizen(connection, "Siti")
        reader = await contact(connection, f"{region}{number}{datetime.now(UTC):%f}")
        await connection.execute(
            text("UPDATE contacts SET citizen_id = :citizen WHERE id = :id"), {"citizen": citizen, "id": reader}
        )
        event = await file(connection, region=region, citizen_id=citizen, contact_id=reader)
        reference = await references.plan(connection, event.complaint_id, SP4N, connection_id=None)
        assert reference is not None
        if number:
            await references.confirm(connection, reference, number, OPERATOR, raw_status=raw_status)
    # All of it was long before the export.
    await run(
        house.engine,
        """
        UPDATE complaint_references SET checked_at = checked_at - interval '1 day',
               raw_status_at = raw_status_at - interval '1 day' WHERE id = :id
        """,
        id=reference,
    )
    return event.ticket, reference


async def handed_in(house: House, content: bytes, staff_id: int | None = None) -> int:
    """A file that an officer has handed in; the import's id."""
    staff_id = staff_id or await officer(house)
    async with unit(house) as work:
        sha256 = house.shelf.put(content)
        return await imports.add(work.connection, staff_id, SP4N, "laporan.xlsx", sha256, len(content))


async def previewed(house: House, content: bytes, staff_id: int | None = None) -> Import:
    """The same, read."""
    import_id = await handed_in(house, content, staff_id)
    await ringkas.read(house, import_id)
    return await found(house, import_id)


async def found(house: House, import_id: int) -> Import:
    """An import as it is now."""
    async with house.engine.connect() as connection:
        import_ = await imports.get(connection, import_id)
    assert import_ is not None
    return import_


async def done(house: House, import_: Import, *, without_wrong: bool = False) -> Import:
    """An import that was agreed to and has run."""
    async with unit(house) as work:
        await imports.start(work.connection, import_.id, without_wrong=without_wrong)
    await ringkas.do(house, import_.id)
    return await found(house, import_.id)


async def imported(house: House, lines: Lines, **more: Any) -> Import:
    """All of that with these lines."""
    return await done(house, await previewed(house, as_csv(lines)), **more)


async def pushes(house: House) -> list[tuple[str, ...]]:
    """What citizens were told, each message by the keys of its texts."""
    found = await rows(house.engine, "SELECT says FROM deliveries ORDER BY id")
    return [tuple(key for key, _ in each.says) for each in found]


async def contents(house: House) -> dict[str, str]:
    """A digest of what an import must not touch twice."""
    names = (
        "complaints",
        "complaint_history",
        "complaint_references",
        "reference_entries",
        "external_complaints",
        "deliveries",
        "dispositions",
    )
    digest = "SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {} t"
    return {name: await value(house.engine, digest.format(name)) for name in names}


# --- a preview, and what comes of it -------------------------------------------------------------------------------


async def test_a_preview_says_what_it_would_do_and_does_nothing(house: House) -> None:
    changed, _ = await ours(house, "9171234", raw_status="Belum Terverifikasi")
    await ours(house, "9171235", raw_status="Terdisposisi ke Dinas Perhubungan")
    waits, _ = await ours(house)
    before = await contents(house)
    import_ = await previewed(
        house,
        as_xlsx(
            table(
                row("9171234", Status_Laporan="Menunggu Kelengkapan Informasi"),
                row("9171235"),
                row("9171236", Isi_Laporan_Awal=f"Rusak.\nTiket kanal: {waits}"),
                row("9171237", Status_Laporan="Dipertimbangkan Lagi"),
                row("9171238", Tanggal_Laporan_Masuk="31/02/2024"),
                generated=FRESH,
            )
        ),
    )
    assert await contents(house) == before
    assert import_.state == "read"
    assert import_.counts == {"changed": 1, "same": 1, "unknown": 1, "new": 1, "wrong": 1}
    assert import_.summary["statuses"] == [["Dipertimbangkan Lagi", 1]]
    assert (import_.rows_done, import_.rows_all) == (5, 5)
    async with house.engine.connect() as connection:
        staged = await imports.rows(connection, import_.id, imports.VERDICTS)
    assert [(each.verdict, each.ticket) for each in staged][:3] == [
        ("changed", changed),
        ("same", staged[1].ticket),
        ("unknown", waits),
    ]
    assert (staged[0].was_status, staged[0].facts["raw_status"]) == (
        "Belum Terverifikasi",
        "Menunggu Kelengkapan Informasi",
    )
    assert staged[4].problems == [["Tanggal Laporan Masuk", "not_a_day", ""]]
    kept = json.dumps([row._asdict() for row in await rows(house.engine, "SELECT facts FROM report_import_rows")])
    assert "oleh ikut" not in kept.casefold()


async def test_it_is_done_and_everybody_concerned_is_told_once(house: House) -> None:
    changed, _ = await ours(house, "9171234", raw_status="Belum Terverifikasi")
    waits, _ = await ours(house)
    strange, _ = await ours(house, "9171235", raw_status="Belum Terverifikasi")
    content = table(
        row("9171234", Status_Laporan="Ditutup oleh Admin", Alasan_Tunda_Arsip="Sudah diperbaiki."),
        row("9171236", Isi_Laporan_Akhir=f"Rusak.\nTiket Kanal: {waits.lower()}", Status_Laporan="Belum Terverifikasi"),
        row("9171235", Status_Laporan="Dipertimbangkan Lagi"),
        row("9171240"),
        row("9171241", Tipe_Laporan="Rahasia"),
        generated=FRESH,
    )
    await run(
        house.engine, "UPDATE complaints SET status = 'Ditindaklanjuti oleh Instansi' WHERE ticket = :t", t=changed
    )
    import_ = await imported(house, content)
    assert import_.state == "done"
    assert import_.summary["done"] == {"ours": 3, "others": 2, "passed": 0}
    assert (
        await value(house.engine, "SELECT status FROM complaints WHERE ticket = :t", t=changed) == "Ditutup oleh Admin"
    )
    kept = await rows(
        house.engine,
        "SELECT k.ticket, r.state, r.external_id, r.raw_status FROM complaint_references r "
        "JOIN complaints k ON k.id = r.complaint_id ORDER BY r.external_id",
    )
    assert [tuple(each) for each in kept] == [
        (changed, "confirmed", "9171234", "Ditutup oleh Admin"),
        (strange, "confirmed", "9171235", "Dipertimbangkan Lagi"),
        (waits, "confirmed", "9171236", "Belum Terverifikasi"),
    ]
    told = [key for each in await pushes(house) for key in each]
    assert told.count("push.moved") == 1
    assert told.count("push.heard") == 1
    assert told.count("push.referenced") >= 1
    others = await rows(
        house.engine, "SELECT external_id, title, secret, filed_at FROM external_complaints ORDER BY external_id"
    )
    assert [tuple(each) for each in others] == [
        ("9171240", "Lampu jalan mati di Plaju", False, datetime(2024, 9, 23, 0, 41, 43, tzinfo=UTC)),
        ("9171241", None, True, datetime(2024, 9, 23, 0, 41, 43, tzinfo=UTC)),
    ]
    # The same file again, and again: nothing.
    before = await contents(house)
    again = await previewed(house, as_csv(content))
    assert again.counts == {"same": 5, "changed": 0, "unknown": 0, "new": 0, "wrong": 0}
    await done(house, again)
    await ringkas.do(house, import_.id)
    await ringkas.read(house, import_.id)
    assert await contents(house) == before


async def test_a_disposition_there_names_an_agency_that_we_know(house: House) -> None:
    ticket, _ = await ours(house, "9171234", raw_status="Belum Terverifikasi")
    name = house.directory.names["16.71-pu"]
    await imported(house, table(row("9171234", Status_Laporan=f"Terdisposisi ke {name}"), generated=FRESH))
    assert await value(house.engine, "SELECT agency FROM dispositions WHERE ended_at IS NULL") == "16.71-pu"
    assert await value(house.engine, "SELECT status FROM complaints WHERE ticket = :t", t=ticket) == "Terdisposisi"


@pytest.mark.parametrize("generated", ["1 Jan 2025", None])
async def test_an_older_file_turns_nothing_back(house: House, generated: str | None) -> None:
    ticket, _ = await ours(house, "9171234", raw_status="Ditindaklanjuti oleh Instansi")
    await imported(house, table(row("9171235"), generated="20 Nov 2025"))
    before = await contents(house)
    import_ = await previewed(
        house,
        as_csv(
            table(
                row("9171234", Status_Laporan="Terdisposisi"),
                row("9171235", Status_Laporan="Belum Terverifikasi"),
                generated=generated,
            )
        ),
    )
    assert (import_.counts["same"], import_.to_do, import_.summary["older"]) == (2, 0, 1)
    await done(house, import_)
    assert await contents(house) == before
    assert ticket


async def test_what_changed_since_the_preview_is_decided_anew(house: House) -> None:
    _, heard = await ours(house, "9171234", raw_status="Belum Terverifikasi")
    waits, reference = await ours(house)
    import_ = await previewed(
        house,
        as_csv(
            table(
                row("9171234", Status_Laporan="Menunggu Kelengkapan Informasi"),
                row("9171235", Isi_Laporan_Awal=f"Tiket kanal: {waits}"),
                generated=AN_HOUR_AGO,
            )
        ),
    )
    assert import_.to_do == 2
    await run(
        house.engine,
        "UPDATE complaint_references SET raw_status = 'Ditutup oleh Sistem', checked_at = now() + interval '1 day' "
        "WHERE id = :id",
        id=heard,
    )
    async with unit(house) as work:
        await references.confirm(work.connection, reference, "9171299", OPERATOR)
    before = await contents(house)
    finished = await done(house, import_)
    assert await contents(house) | {"external_complaints": ""} == before | {"external_complaints": ""}
    assert finished.summary["done"]["passed"] == 1
    async with house.engine.connect() as connection:
        staged = await imports.rows(connection, import_.id, ("unknown",))
    assert [each.problems for each in staged] == [[["", "forbidden", ""]]]


async def test_a_poll_at_the_same_moment_knows_better_than_an_older_file(house: House) -> None:
    ticket, reference = await ours(house, "9171234")
    import_ = await previewed(
        house, as_csv(table(row("9171234", Status_Laporan="Menunggu Kelengkapan Informasi"), generated=AN_HOUR_AGO))
    )
    assert import_.counts["changed"] == 1

    async def waits() -> bool:
        return bool(await value(house.engine, "SELECT count(*) FROM pg_locks WHERE NOT granted"))

    async with unit(house) as work:
        told = Told("Ditindaklanjuti oleh Instansi", None, asked_at=house.now())
        for event in await references.heard(work.connection, reference, told, Actor("bridge", SP4N)):
            work.record(event)
        doing = asyncio.create_task(done(house, import_))
        await eventually(waits, patience=30)
    await doing
    status = await value(house.engine, "SELECT status FROM complaints WHERE ticket = :ticket", ticket=ticket)
    assert status == "Ditindaklanjuti oleh Instansi"


async def test_what_is_not_the_officers_is_not_theirs_to_change(house: House) -> None:
    elsewhere, _ = await ours(house, "9171234", region=SEKAYU, raw_status="Belum Terverifikasi")
    waits, _ = await ours(house, region=SEKAYU)
    here, _ = await ours(house, "9171236", raw_status="Belum Terverifikasi")
    lines = table(
        row("9171234", Status_Laporan="Ditutup oleh Admin"),
        row("9171235", Isi_Laporan_Awal=f"Tiket kanal: {waits}"),
        row("9171236", Status_Laporan="Menunggu Kelengkapan Informasi"),
        generated=FRESH,
    )
    staff_id = await officer(house)
    import_ = await previewed(house, as_csv(lines), staff_id)
    # They look like anybody's.
    assert import_.counts == {"new": 2, "changed": 1, "same": 0, "unknown": 0, "wrong": 0}
    # And who has lost the role meanwhile changes nothing.
    await run(house.engine, "UPDATE staff_grants SET valid_to = current_date - 2 WHERE staff_id = :id", id=staff_id)
    before = await contents(house)
    finished = await done(house, import_)
    assert (await contents(house)) | {"external_complaints": ""} == before | {"external_complaints": ""}
    assert finished.summary["done"] == {"ours": 0, "others": 2, "passed": 1}
    # What is ours is not listed as somebody else's.
    async with house.engine.connect() as connection:
        listed = await imports.external(connection, SP4N, imports.Wanted(), before=None, most=10)
    assert [each.external_id for each in listed] == ["9171235"]
    assert {elsewhere, here}


async def test_one_ticket_with_two_numbers_is_shown_and_not_confirmed_twice(house: House) -> None:
    ticket, _ = await ours(house, "9171234")
    import_ = await previewed(house, as_csv(table(row("9171239", Isi_Laporan_Awal=f"Tiket kanal: {ticket}"))))
    async with house.engine.connect() as connection:
        [noted] = await imports.rows(connection, import_.id, ("new",), noted=True)
    assert noted.problems == [["", "other_number", ""]]
    await done(house, import_)
    assert await value(house.engine, "SELECT external_id FROM complaint_references") == "9171234"


async def test_a_report_that_nobody_had_planned_to_hand_over_gets_its_number(house: House) -> None:
    ticket, reference = await ours(house)
    await run(house.engine, "DELETE FROM complaint_references WHERE id = :id", id=reference)
    await imported(house, table(row("9171234", Isi_Laporan_Awal=f"Tiket kanal: {ticket}"), generated=FRESH))
    assert await value(house.engine, "SELECT external_id FROM complaint_references") == "9171234"


# --- all or nothing, and once ----------------------------------------------------------------------------------------


async def test_with_wrong_rows_nothing_is_done_until_they_are_left_out(house: House) -> None:
    await ours(house, "9171234", raw_status="Belum Terverifikasi")
    lines = table(
        row("9171234", Status_Laporan="Menunggu Kelengkapan Informasi"), row("12"), row("9171240"), generated=FRESH
    )
    import_ = await previewed(house, as_csv(lines))
    before = await contents(house)
    with pytest.raises(imports.NotNow):
        await done(house, import_)
    await ringkas.do(house, import_.id)
    assert await contents(house) == before
    finished = await done(house, import_, without_wrong=True)
    assert finished.summary["done"] == {"ours": 1, "others": 1, "passed": 0}


async def test_a_file_that_breaks_in_the_middle_leaves_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ringkas, "AT_ONCE", 2)
    content = as_csv(table(*(row(str(9_000_000 + number)) for number in range(9))))
    import_ = await previewed(house, content + b'9171239,"ohne Ende')
    assert (import_.state, import_.problem, import_.summary["parameters"]) == ("refused", "quotes", {"line": 17})
    assert await value(house.engine, "SELECT count(*) FROM report_import_rows") == 0
    with pytest.raises(imports.NotNow):
        await done(house, import_)
    gone = await handed_in(house, b"x")
    house.shelf.remove((await found(house, gone)).sha256, -1)
    await ringkas.read(house, gone)
    assert (await found(house, gone)).problem == "gone"


@pytest.mark.parametrize("cut", [1, 2, 5, 9])
async def test_a_run_that_is_killed_goes_on_and_does_nothing_twice(
    house: House, cut: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ringkas, "AT_ONCE", 2)
    lines: list[list[Any]] = []
    for number in range(4):
        await ours(house, str(9_171_230 + number), raw_status="Belum Terverifikasi")
        lines.append(row(str(9_171_230 + number), Status_Laporan="Menunggu Kelengkapan Informasi"))
        ticket, _ = await ours(house)
        lines.append(row(str(9_171_240 + number), Isi_Laporan_Awal=f"Tiket kanal: {ticket}"))
        lines.append(row(str(9_171_250 + number)))
    import_id = await handed_in(house, as_csv(table(*lines, generated=FRESH)))
    for step in (ringkas.read, ringkas.do):
        if step is ringkas.do:
            async with unit(house) as work:
                assert await imports.start(work.connection, import_id, without_wrong=False) == 12
        killed = asyncio.create_task(step(house, import_id))
        far = "SELECT rows_done >= :cut OR state IN ('read', 'done') FROM report_imports"
        await eventually(partial(value, house.engine, far, cut=cut), patience=30)
        killed.cancel()
        await asyncio.gather(killed, return_exceptions=True)
        await asyncio.gather(step(house, import_id), step(house, import_id))
        await step(house, import_id)
    finished = await found(house, import_id)
    assert finished.counts == {"changed": 4, "unknown": 4, "new": 4, "same": 0, "wrong": 0}
    assert finished.summary["done"] == {"ours": 8, "others": 4, "passed": 0}
    assert (finished.rows_done, finished.rows_all) == (12, 12)
    told = [key for each in await pushes(house) for key in each]
    assert told.count("push.moved") == 4
    assert await value(house.engine, "SELECT count(*) FROM complaint_references WHERE state = 'confirmed'") == 8
    assert await value(house.engine, "SELECT count(*) FROM external_complaints") == 4
    assert await value(house.engine, "SELECT count(*) FROM audit WHERE verb = 'external.imported'") == 1


STATUSES = [*(each.name for each in moves.STATUSES), "Terdisposisi ke Dinas Perhubungan", "Dipertimbangkan", "-"]


async def test_whatever_an_export_says_the_second_time_it_says_nothing(house: House) -> None:
    numbers = [str(9_171_230 + number) for number in range(4)]
    for number in numbers[:2]:
        await ours(house, number, raw_status="Belum Terverifikasi")
    waits, _ = await ours(house)

    rows_said = st.lists(st.tuples(st.sampled_from(numbers), st.sampled_from(STATUSES), st.booleans()), max_size=6)

    @examples(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
    @given(rows_said, st.booleans())
    async def check(said: list[tuple[str, str, bool]], backwards: bool) -> None:
        lines = [
            row(number, Status_Laporan=status, Isi_Laporan_Awal=f"Tiket kanal: {waits}" if named else "Rusak.")
            for number, status, named in said
        ]
        if not lines:
            return
        await imported(house, table(*lines, generated=FRESH), without_wrong=True)
        before = await contents(house)
        # Where a number or a ticket has several rows the first one counts, which is another one backwards.
        if backwards and len({number for number, *_ in said}) == len(said) and sum(named for *_, named in said) < 2:
            lines.reverse()
        await imported(house, table(*lines, generated=FRESH), without_wrong=True)
        assert await contents(house) == before

    await in_this_loop(check)


async def test_titles_of_what_is_not_ours_go_a_year_after_they_were_last_seen(house: House) -> None:
    await imported(house, table(row("9171240"), row("9171241"), generated=FRESH))
    seen = "UPDATE external_complaints SET seen_at = now() - interval '366 days' WHERE external_id = '9171240'"
    await run(house.engine, seen)
    await ringkas.clear(house)
    left = await rows(
        house.engine, "SELECT external_id, title IS NULL, raw_status IS NULL FROM external_complaints ORDER BY 1"
    )
    assert [tuple(each) for each in left] == [("9171240", True, False), ("9171241", False, False)]


async def test_what_is_over_is_forgotten_and_the_file_goes(house: House) -> None:
    import_ = await imported(house, table(row("9171240"), row("9171241", Status_Laporan="Aneh"), generated=FRESH))
    dropped = await previewed(house, as_csv(table(row("9171242"))))
    left = await previewed(house, as_csv(table(row("9171243"))))
    waits = await handed_in(house, as_csv(table(row("9171244"))))
    async with unit(house) as work:
        assert await imports.drop(work.connection, dropped.id)
        assert not await imports.drop(work.connection, import_.id)
    assert (await found(house, import_.id)).summary["statuses"] == [["Aneh", 1]]
    await ringkas.clear(house)
    kept = "SELECT DISTINCT import_id FROM report_import_rows ORDER BY 1"
    assert [each.import_id for each in await rows(house.engine, kept)] == [import_.id, left.id]
    passed = """
        UPDATE report_imports SET read_at = read_at - interval '8 days', done_at = done_at - interval '8 days'
    """
    await run(house.engine, passed)
    await ringkas.clear(house)
    assert await rows(house.engine, kept) == []
    assert (await found(house, left.id)).state == "dropped"
    over = await found(house, import_.id)
    assert over.counts["new"] == 2
    assert "statuses" not in over.summary
    assert (await found(house, waits)).state == "waiting"
