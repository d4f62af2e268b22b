"""What an office says to a report reaches those who reported the same, through the queue, each in their own chat."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from making import OPERATOR, contact, file, rows, run, value

from api import joining
from api.house import House
from api.unit import unit
from bot.texts import speak
from store import closure, complaints, contacts, dispositions, merging, moves
from store.complaints import Actor, Event

ANSWERED = moves.read("Ditindaklanjuti oleh Instansi")
PU, DISHUB, KOMINFO = "16-pu", "16-dishub", "16-kominfo"


@dataclass(frozen=True)
class Filed:
    """A report and the chat of its pelapor."""

    ticket: str
    id: int
    contact_id: int
    citizen_id: int


async def filed(house: House, address: str) -> Filed:
    async with unit(house) as work:
        chat = await contact(work.connection, address)
        citizen = await contacts.become_citizen(work.connection, chat, "Siti", "id")
        event = work.record(await file(work.connection, citizen_id=citizen, contact_id=chat, agency="16-pu"))
    return Filed(event.ticket, event.complaint_id, chat, citizen)


async def joined(house: House) -> tuple[Filed, Filed]:
    main, other = await filed(house, "7"), await filed(house, "8")
    async with unit(house) as work:
        work.record(await merging.merge(work.connection, other.ticket, main.ticket, OPERATOR))
    return main, other


async def move(house: House, ticket: str, status: moves.Status | None, note: str | None = None) -> None:
    assert status
    async with unit(house) as work:
        work.record(await complaints.move(work.connection, ticket, status, OPERATOR, reason=None, note=note))


async def told(house: House, chat: Filed) -> list[str]:
    """The keys of what was said to somebody, and the words of an office."""
    found = await rows(
        house.engine, "SELECT says FROM deliveries WHERE contact_id = :id ORDER BY id", id=chat.contact_id
    )
    return [say[1].get("note", say[0]) for row in found for say in row.says]


async def jobs(house: House) -> list[int]:
    """The reports whose joined ones wait to be told."""
    return [
        row.id
        for row in await rows(
            house.engine,
            "SELECT CAST(args->>'complaint_id' AS bigint) AS id FROM procrastinate_jobs WHERE task_name = 'pass_on'",
        )
    ]


async def test_both_are_told_the_answer_each_by_their_own_ticket(house: House) -> None:
    main, other = await joined(house)
    assert await told(house, other) == ["push.merged"]
    assert await told(house, main) == []
    await move(house, main.ticket, ANSWERED, "Bapak Budi (0812-3456-7890), jalannya sudah ditambal.")
    assert set(await jobs(house)) == {main.id}
    assert await joining.pass_on(house, main.id) == 1
    assert await joining.pass_on(house, main.id) == 0
    said = await told(house, other)
    assert "Bapak Budi ([TELP]), jalannya sudah ditambal." in said
    assert "push.answer_until" in said
    moved = await rows(
        house.engine,
        "SELECT says->0->1->>'ticket' AS ticket FROM deliveries WHERE says->0->>0 = 'push.moved' ORDER BY id",
    )
    assert [row.ticket for row in moved] == [main.ticket, other.ticket]
    # Each has its own ten working days.
    assert await value(house.engine, "SELECT count(*) FROM clocks WHERE kind = 'close' AND stopped_at IS NULL") == 2


async def test_what_concerns_nobody_else_makes_no_job(house: House) -> None:
    alone = await filed(house, "7")
    await move(house, alone.ticket, ANSWERED, "Sudah.")
    assert await jobs(house) == []


async def test_an_archived_main_report_leaves_the_others_in_the_inbox(house: House) -> None:
    main, other = await joined(house)
    await move(house, main.ticket, moves.read("Diarsipkan oleh Admin"))
    await joining.pass_on(house, main.id)
    assert await value(house.engine, "SELECT merged_into FROM complaints WHERE id = :id", id=other.id) is None
    assert await value(house.engine, "SELECT status FROM complaints WHERE id = :id", id=other.id) == moves.FIRST
    assert await told(house, other) == ["push.merged", "push.unmerged"]


async def test_the_pelapor_of_a_joined_report_is_nobodys_follower(house: House) -> None:
    main, other = await joined(house)
    async with house.engine.connect() as connection:
        [mine] = await complaints.of_citizen(connection, other.citizen_id)
    assert (mine.ticket, mine.role) == (other.ticket, "pelapor")
    assert await rows(house.engine, "SELECT 1 FROM complaint_parties WHERE role <> 'pelapor'") == []
    async with unit(house) as work:
        work.record(await merging.unmerge(work.connection, other.ticket, Actor("operator", "ani")))
    assert (await told(house, other))[-1] == "push.unmerged"
    assert main.id in await jobs(house)


# --- what the main one goes through, the others go through as well --------------------------------------------------


async def do(house: House, main: Filed, verb: Callable[..., Awaitable[Event]], *said: Any, **named: Any) -> None:
    """A verb of an office on the main report, and what the others hear of it."""
    async with unit(house) as work:
        work.record(await verb(work.connection, main.ticket, OPERATOR, *said, **named))
    await joining.pass_on(house, main.id)


async def read(house: House, chat: Filed) -> list[str]:
    """What somebody has read since last time, text by text."""
    found = await rows(
        house.engine, "SELECT says FROM deliveries WHERE contact_id = :id ORDER BY id", id=chat.contact_id
    )
    await run(house.engine, "DELETE FROM deliveries WHERE contact_id = :id", id=chat.contact_id)
    return [speak(key, said) for row in found for key, said in row.says]


async def stands(house: House, report: Filed) -> tuple[str, str | None, list[str]]:
    """Its status, its agency, and the agencies that have it."""
    async with house.engine.connect() as connection:
        held = [each.agency for each in await dispositions.of(connection, report.id) if each.ended_at is None]
    found = await rows(house.engine, "SELECT status, agency FROM complaints WHERE id = :id", id=report.id)
    return found[0].status, found[0].agency, held


async def test_what_turns_out_to_be_elsewhere_goes_there_with_the_main_one(house: House) -> None:
    main, other = await joined(house)
    await read(house, other)
    names = house.directory.names
    await do(house, main, dispositions.dispose, [PU], lead=PU)
    assert await read(house, other) == [f"Laporan {other.ticket} sudah diteruskan ke {names[PU]}."]
    assert await stands(house, other) == (moves.DISPOSED, PU, [PU])
    await do(house, main, dispositions.dispose, [DISHUB, PU], lead=DISHUB, note="Sudah dirapatkan.")
    assert await read(house, other) == [
        f"Laporan {other.ticket} kami alihkan ke {names[DISHUB]} dan 1 instansi lain.",
        "Keterangan petugas:\nSudah dirapatkan.",
    ]
    assert await stands(house, other) == (moves.DISPOSED, DISHUB, [DISHUB, PU])
    await do(house, main, dispositions.return_to_triage, "Itu jalan kabupaten.", agency=KOMINFO)
    said = await read(house, other)
    assert said[0].startswith(f"Laporan {other.ticket} ternyata bukan wewenang {names[DISHUB]}.")
    assert said[1:] == ["Alasan: Itu jalan kabupaten."]
    assert await stands(house, other) == (moves.FIRST, KOMINFO, [])
    # One matter for a person, and not one for each report.
    assert await rows(house.engine, "SELECT 1 FROM attention") == []
    await do(house, main, dispositions.dispose, [PU], lead=PU)
    assert (await read(house, other), await stands(house, other)) == (
        [f"Laporan {other.ticket} sudah diteruskan ke {names[PU]}."],
        (moves.DISPOSED, PU, [PU]),
    )
    assert await joining.pass_on(house, main.id) == 0


async def test_nothing_is_heard_of_a_disposition_that_was_taken_back_before(house: House) -> None:
    main, other = await filed(house, "7"), await filed(house, "8")
    await do(house, main, dispositions.dispose, [PU], lead=PU)
    await do(house, main, dispositions.return_to_triage, "Bukan jalan provinsi.", agency=KOMINFO)
    async with unit(house) as work:
        work.record(await merging.merge(work.connection, other.ticket, main.ticket, OPERATOR))
    await joining.pass_on(house, main.id)
    assert await told(house, other) == ["push.merged"]
    assert (await stands(house, other))[0] == moves.FIRST


async def test_the_others_hear_who_has_answered(house: House) -> None:
    main, other = await joined(house)
    await do(house, main, dispositions.dispose, [PU], lead=PU)
    await do(house, main, dispositions.respond, PU, "Petugas kami ke lokasi besok.")
    said = (await read(house, other))[-1]
    assert said.startswith(f"{house.directory.names[PU]} menanggapi laporan {other.ticket}:\nPetugas kami")
    # Kominfo itself, and not the agency that has it.
    await do(house, main, dispositions.answer, None, "Sudah kami cek bersama.", finished=False)
    assert (await read(house, other))[:2] == [
        f"Kabar laporan {other.ticket}: Sudah dijawab oleh Dinas Kominfo.",
        "Jawaban Dinas Kominfo:\nSudah kami cek bersama.",
    ]
    async with house.engine.connect() as connection:
        [held] = await dispositions.of(connection, other.id)
        for chat in (main, other):
            assert (await complaints.of_citizen(connection, chat.citizen_id))[0].agency is None
    assert (held.first_response_at is not None, held.answered_at) == (True, None)
    await do(house, main, dispositions.answer, PU, "Sudah ditambal.", finished=False)
    assert (await read(house, other))[1] == f"Jawaban {house.directory.names[PU]}:\nSudah ditambal."
    async with house.engine.connect() as connection:
        assert (await dispositions.of(connection, other.id))[0].answered_at is not None


async def test_what_was_heard_of_one_main_report_hides_nothing_of_another(house: House) -> None:
    first, second, other = [await filed(house, address) for address in "789"]
    await do(house, second, dispositions.answer, None, "Sudah ditambal minggu lalu.", finished=False)
    async with unit(house) as work:
        work.record(await merging.merge(work.connection, other.ticket, first.ticket, OPERATOR))
    await do(house, first, complaints.note, "Kami cek dulu.", public=True)
    async with unit(house) as work:
        work.record(await merging.unmerge(work.connection, other.ticket, OPERATOR))
    async with unit(house) as work:
        work.record(await merging.merge(work.connection, other.ticket, second.ticket, OPERATOR))
    await joining.pass_on(house, second.id)
    said = await told(house, other)
    assert (said.count("Kami cek dulu."), said.count("Sudah ditambal minggu lalu.")) == (1, 1)


async def test_whoever_is_not_content_after_the_main_one_has_ended_goes_on_alone(house: House) -> None:
    main, other = await joined(house)
    await do(house, main, dispositions.dispose, [PU], lead=PU)
    await do(house, main, dispositions.answer, PU, "Sudah ditambal.", finished=False)
    async with unit(house) as work:
        citizen = Actor("citizen", str(main.citizen_id))
        work.record(await closure.confirm(work.connection, main.ticket, citizen))
    await joining.pass_on(house, main.id)
    merged_into = "SELECT merged_into FROM complaints WHERE id = :id"
    assert await value(house.engine, merged_into, id=other.id) == main.id
    await run(house.engine, "DELETE FROM procrastinate_jobs")
    async with unit(house) as work:
        citizen = Actor("citizen", str(other.citizen_id))
        work.record(await closure.dispute(work.connection, other.ticket, citizen, "Masih berlubang."))
    assert await jobs(house) == [main.id]
    await joining.pass_on(house, main.id)
    assert await value(house.engine, merged_into, id=other.id) is None
    assert (await stands(house, other))[0] == moves.DISPUTED
    # An office has a deadline again.
    deadline = "SELECT count(*) FROM clocks WHERE complaint_id = :id AND kind = 'follow_up' AND stopped_at IS NULL"
    assert await value(house.engine, deadline, id=other.id) == 1
