"""What an office says to a report reaches those who reported the same, through the queue, each in their own chat."""

from __future__ import annotations

from dataclasses import dataclass

from making import OPERATOR, contact, file, rows, value

from api import joining
from api.house import House
from api.unit import unit
from store import complaints, contacts, merging, moves
from store.complaints import Actor

ANSWERED = moves.read("Ditindaklanjuti oleh Instansi")


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
