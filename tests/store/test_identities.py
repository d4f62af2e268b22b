"""Who somebody is, of whom a provider tells a number, a lasting id, or both: one identity, never two, never a wrong
merge. What becomes of two chats that turn out to be one person's is in test_reunions.py."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import OPERATOR, file, in_this_loop, rows, run, value
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from store import complaints, contacts, deliveries, inbox, moves, rehearsal
from store.database import connect, is_busy
from store.deliveries import NewDelivery
from store.identities import EARLY, Busy, known, recognise, rename
from store.inbox import Taken

CHANNEL = "whatsapp"
LASTING, OTHER = "ID.1349", "ID.2718"
NUMBER, ANOTHER = "6281234567890", "6289876543210"
NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


async def recognised(engine: AsyncEngine, *ids: str, as_of: datetime | None = None) -> str:
    """The address under which a message with these ids is kept, committed."""
    async with engine.begin() as connection:
        return await recognise(connection, CHANNEL, ids, as_of=as_of)


async def wrote(
    engine: AsyncEngine, *ids: str, as_of: datetime | None = None, files: bool = False, name: str | None = None
) -> str:
    """A message with these ids, taken into the inbox; returns the address of its chat."""
    async with engine.begin() as connection:
        taken = await taken_by(connection, CHANNEL, ids, uuid.uuid4().hex, as_of, name=name)
        assert taken is not None
        if files:
            await filed(connection, taken, "x")
    return str(await value(engine, "SELECT address FROM contacts WHERE id = :id", id=taken.contact_id))


async def taken_by(
    connection: AsyncConnection,
    channel: str,
    ids: Sequence[str],
    message_id: str,
    as_of: datetime | None = None,
    *,
    who: str = "",
    name: str | None = None,
) -> Taken | None:
    """The beginning of a turn: who it is, then the inbox, then the chat, which may have gone meanwhile."""
    address = await recognise(connection, channel, ids, as_of=as_of)
    taken = await inbox.take(
        connection, channel=channel, message_id=message_id, address=address, sequence=-1, name=name,
        payload={"who": who}, received_at=datetime.now(UTC),
    )  # fmt: skip
    if taken is not None and taken.merged:
        raise Busy
    return taken


async def filed(connection: AsyncConnection, taken: Taken, who: str) -> str:
    """A complaint of that chat, whose title says whose it is."""
    citizen = taken.citizen_id or await contacts.become_citizen(connection, taken.contact_id, None, "id")
    draft = (taken.conversation or {}).get("drafts", 0) + 1
    await contacts.remember(connection, taken.contact_id, {**(taken.conversation or {}), "drafts": draft})
    happened = await file(
        connection, contact_id=taken.contact_id, citizen_id=citizen, draft=draft, title=who, channel=CHANNEL
    )
    return happened.ticket


async def ids_of(engine: AsyncEngine, address: str) -> set[str]:
    statement = """
        SELECT i.id FROM contact_ids i JOIN contacts c ON c.id = i.contact_id
        WHERE c.channel = :channel AND c.address = :address
    """
    return {row.id for row in await rows(engine, statement, channel=CHANNEL, address=address)}


async def way_to(engine: AsyncEngine, address: str) -> str:
    """Where messages for the contact of that address are sent."""
    statement = "SELECT coalesce(route, address) FROM contacts WHERE channel = :channel AND address = :address"
    return str(await value(engine, statement, channel=CHANNEL, address=address))


async def people(engine: AsyncEngine) -> int:
    """How many contacts there are that are somebody's."""
    return int(await value(engine, "SELECT count(*) FROM contacts WHERE merged_into IS NULL"))


async def contact_of(engine: AsyncEngine, address: str) -> int:
    statement = "SELECT id FROM contacts WHERE channel = :channel AND address = :address"
    return int(await value(engine, statement, channel=CHANNEL, address=address))


# --- whoever is known -----------------------------------------------------------------------------------


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is sent to the database meanwhile."""
    seen: list[str] = []
    execute = psycopg.AsyncCursor.execute

    async def noting(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(str(query))
        return await execute(self, query, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg.AsyncCursor, "execute", noting)
        yield seen


@pytest.mark.parametrize("ids", [(LASTING, NUMBER), (NUMBER,), (LASTING,), (NUMBER, LASTING, NUMBER)])
async def test_somebody_known_costs_one_statement_that_changes_and_locks_nothing(
    engine: AsyncEngine, ids: tuple[str, ...]
) -> None:
    await recognised(engine, LASTING, NUMBER)
    async with engine.begin() as connection:
        with statements() as seen:
            assert await recognise(connection, CHANNEL, ids) == NUMBER
        assert len(seen) == 1
        locks = """
            SELECT count(*) FROM pg_locks
            WHERE pid = pg_backend_pid() AND (locktype IN ('advisory', 'tuple') OR mode ~ '^Row|Exclusive$')
              AND locktype <> 'virtualxid'
        """
        assert (await connection.execute(text(locks))).scalar_one() == 0
        assert (await connection.execute(text("SELECT pg_current_xact_id_if_assigned()"))).scalar_one() is None


async def test_nobody_is_known_by_an_id_of_another_channel_or_by_half_of_them(engine: AsyncEngine) -> None:
    await recognised(engine, LASTING, NUMBER)
    async with engine.begin() as connection:
        assert await known(connection, CHANNEL, (LASTING, NUMBER)) == NUMBER
        assert await known(connection, "telegram", (LASTING, NUMBER)) is None
        assert await known(connection, CHANNEL, (LASTING, ANOTHER)) is None
        with pytest.raises(ValueError, match="nobody"):
            await known(connection, CHANNEL, ())
        with pytest.raises(ValueError, match="nobody"):
            await recognise(connection, CHANNEL, ("",))
    assert await people(engine) == 1


# --- whoever is new -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ids", "address"),
    [((LASTING, NUMBER), NUMBER), ((NUMBER,), NUMBER), ((LASTING,), LASTING), ((NUMBER, LASTING), NUMBER)],
)
async def test_somebody_new_is_kept_under_the_number_or_else_the_lasting_id(
    engine: AsyncEngine, ids: tuple[str, ...], address: str
) -> None:
    assert await recognised(engine, *ids) == address
    assert await ids_of(engine, address) == set(ids)
    assert await way_to(engine, address) == address
    assert await value(engine, "SELECT route FROM contacts") is None


@pytest.mark.parametrize(("ids", "address"), [((LASTING, NUMBER), NUMBER), ((LASTING,), LASTING), ((NUMBER,), NUMBER)])
async def test_a_contact_from_before_there_were_ids_is_whoever_its_address_says(
    engine: AsyncEngine, ids: tuple[str, ...], address: str
) -> None:
    await run(engine, "INSERT INTO contacts (channel, address) VALUES (:c, :a)", c=CHANNEL, a=address)
    assert await recognised(engine, *ids) == address
    assert await ids_of(engine, address) == set(ids)
    assert await people(engine) == 1


async def test_two_contacts_from_before_there_were_ids_become_one(engine: AsyncEngine) -> None:
    for address in (NUMBER, LASTING):
        await run(engine, "INSERT INTO contacts (channel, address) VALUES (:c, :a)", c=CHANNEL, a=address)
    address = await recognised(engine, LASTING, NUMBER)
    assert await ids_of(engine, address) == {LASTING, NUMBER}
    assert await people(engine) == 1


# --- ids that come later --------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [(LASTING,), (NUMBER,)])
async def test_an_id_that_comes_later_is_the_same_persons(engine: AsyncEngine, first: tuple[str, ...]) -> None:
    [address] = first
    assert await recognised(engine, *first) == address
    assert await recognised(engine, LASTING, NUMBER) == address
    for ids in ((LASTING,), (NUMBER,), (LASTING, NUMBER)):
        assert await recognised(engine, *ids) == address
    # The number is where the provider wants messages sent, whatever the address is.
    assert await way_to(engine, address) == NUMBER
    assert await people(engine) == 1


async def test_a_new_number_of_a_lasting_id_takes_the_place_of_the_old_one(engine: AsyncEngine) -> None:
    assert await recognised(engine, LASTING, NUMBER) == NUMBER
    assert await recognised(engine, LASTING, ANOTHER) == NUMBER
    assert await ids_of(engine, NUMBER) == {LASTING, ANOTHER}
    assert await way_to(engine, NUMBER) == ANOTHER
    assert await people(engine) == 1


async def test_a_number_with_another_lasting_id_is_somebody_elses_by_now(engine: AsyncEngine) -> None:
    assert await wrote(engine, LASTING, NUMBER, files=True) == NUMBER
    # The address is taken for ever, so the new owner is kept under the lasting id.
    assert await wrote(engine, OTHER, NUMBER) == OTHER
    assert await ids_of(engine, NUMBER) == {LASTING}
    assert await ids_of(engine, OTHER) == {OTHER, NUMBER}
    assert await way_to(engine, NUMBER) == LASTING
    assert await way_to(engine, OTHER) == NUMBER
    assert await recognised(engine, LASTING) == NUMBER
    assert await recognised(engine, NUMBER) == OTHER
    owner = await contact_of(engine, NUMBER)
    assert [row.contact_id for row in await rows(engine, "SELECT contact_id FROM complaint_parties")] == [owner]


async def test_a_number_that_was_given_up_is_nobody_until_it_is_heard_of_again(engine: AsyncEngine) -> None:
    assert await recognised(engine, LASTING, NUMBER) == NUMBER
    assert await recognised(engine, LASTING, ANOTHER) == NUMBER
    # Whoever has it now must not come into the chat whose address it is.
    address = await recognised(engine, NUMBER)
    assert address not in (NUMBER, LASTING, ANOTHER)
    assert await ids_of(engine, address) == {NUMBER}
    assert await way_to(engine, address) == NUMBER
    assert await recognised(engine, OTHER, NUMBER) == address
    assert await ids_of(engine, NUMBER) == {LASTING, ANOTHER}


# --- ids of two contacts --------------------------------------------------------------------------------


async def test_two_that_lacked_just_what_the_other_has_are_one_person(engine: AsyncEngine) -> None:
    await wrote(engine, LASTING, files=True)
    await wrote(engine, NUMBER, files=True)
    address = await wrote(engine, LASTING, NUMBER, files=True)
    assert await ids_of(engine, address) == {LASTING, NUMBER}
    assert await way_to(engine, address) == NUMBER
    assert await people(engine) == 1
    found = await rows(engine, "SELECT contact_id, draft FROM complaints ORDER BY id")
    assert {row.contact_id for row in found} == {await contact_of(engine, address)}
    assert len({row.draft for row in found}) == 3


async def test_a_number_goes_to_the_lasting_id_it_comes_with_and_nobody_is_joined(engine: AsyncEngine) -> None:
    assert await recognised(engine, LASTING, ANOTHER) == ANOTHER
    assert await recognised(engine, OTHER, NUMBER) == NUMBER
    assert await recognised(engine, LASTING, NUMBER) == ANOTHER
    assert await ids_of(engine, ANOTHER) == {LASTING, NUMBER}
    assert await ids_of(engine, NUMBER) == {OTHER}
    assert await way_to(engine, NUMBER) == OTHER
    assert await way_to(engine, ANOTHER) == NUMBER
    assert await people(engine) == 2


async def test_a_contact_without_any_id_left_is_out_of_reach_and_what_waits_there_is_shown(engine: AsyncEngine) -> None:
    await recognised(engine, LASTING, ANOTHER)
    await wrote(engine, NUMBER, files=True)
    left = await contact_of(engine, NUMBER)
    waiting = [("push.note", {"note": "menunggu"})]
    async with engine.begin() as connection:
        for _ in range(2):
            await deliveries.add(connection, NewDelivery(left, CHANNEL, NUMBER, waiting, "id"))
    await run(engine, "UPDATE deliveries SET held_at = now() WHERE id = (SELECT max(id) FROM deliveries)")
    assert await recognised(engine, LASTING, NUMBER) == ANOTHER
    assert await ids_of(engine, NUMBER) == set()
    # Not to the number, which is somebody else's now.
    assert await way_to(engine, NUMBER) == ""
    [row] = await rows(engine, "SELECT unreachable_since, unreachable_reason FROM contacts WHERE id = :id", id=left)
    assert row.unreachable_since is not None
    assert row.unreachable_reason == "number_taken"
    found = await rows(engine, "SELECT says, sent_at, failed_at, held_at, problem FROM deliveries")
    assert [row.says for row in found] == [[["push.note", {"note": "menunggu"}]]] * 2
    assert {(row.sent_at, row.failed_at is None, row.held_at, row.problem) for row in found} == {
        (None, False, None, "number_taken")
    }
    # Nor does that chat go to whoever has the number later on, and says nothing else.
    assert await recognised(engine, LASTING, "628555") == ANOTHER
    assert await recognised(engine, NUMBER) not in (NUMBER, ANOTHER)


# --- what comes late ------------------------------------------------------------------------------------


async def test_an_older_message_takes_no_number_away(engine: AsyncEngine) -> None:
    earlier, later = NOW, NOW + timedelta(days=40)
    await recognised(engine, LASTING, NUMBER, as_of=earlier)
    new_owner = await recognised(engine, OTHER, NUMBER, as_of=later)
    assert await recognised(engine, LASTING, NUMBER, as_of=earlier + timedelta(seconds=1)) == NUMBER
    assert await ids_of(engine, new_owner) == {OTHER, NUMBER}
    assert await ids_of(engine, NUMBER) == {LASTING}
    # Nor does a person get an old number back by it, and somebody unknown is new without the number.
    await recognised(engine, LASTING, ANOTHER, as_of=later)
    assert await recognised(engine, LASTING, "628000", as_of=earlier) == NUMBER
    assert await ids_of(engine, NUMBER) == {LASTING, ANOTHER}
    unknown = await recognised(engine, "ID.3141", NUMBER, as_of=earlier)
    assert await ids_of(engine, unknown) == {"ID.3141"}
    assert await ids_of(engine, new_owner) == {OTHER, NUMBER}


async def test_a_message_of_the_same_moment_or_a_later_one_counts(engine: AsyncEngine) -> None:
    await recognised(engine, LASTING, NUMBER, as_of=NOW)
    await recognised(engine, OTHER, NUMBER, as_of=NOW)
    assert await recognised(engine, NUMBER) == OTHER
    await recognised(engine, LASTING, NUMBER, as_of=NOW + timedelta(seconds=1))
    assert await recognised(engine, NUMBER) == NUMBER


# --- other ids ------------------------------------------------------------------------------------------


async def renamed(engine: AsyncEngine, old: Sequence[str], new: Sequence[str], as_of: datetime | None = None) -> None:
    async with engine.begin() as connection:
        await rename(connection, CHANNEL, old, new, as_of=as_of)


@pytest.mark.parametrize("old", [(NUMBER,), (LASTING,), (LASTING, NUMBER), ("628000", LASTING)])
async def test_the_new_ids_take_the_place_of_the_old_ones(engine: AsyncEngine, old: tuple[str, ...]) -> None:
    await wrote(engine, LASTING, NUMBER, files=True)
    await renamed(engine, old, (OTHER, ANOTHER))
    assert await ids_of(engine, NUMBER) == {OTHER, ANOTHER}
    assert await way_to(engine, NUMBER) == ANOTHER
    assert await recognised(engine, OTHER, ANOTHER) == NUMBER
    # The old ones are free: whoever comes with them is somebody else.
    assert await recognised(engine, LASTING, NUMBER) == LASTING
    assert await people(engine) == 2


async def test_a_new_number_brings_another_lasting_id(engine: AsyncEngine) -> None:
    await recognised(engine, LASTING, NUMBER)
    await renamed(engine, (NUMBER,), (ANOTHER,))
    assert await ids_of(engine, NUMBER) == {ANOTHER}
    assert await recognised(engine, OTHER, ANOTHER) == NUMBER
    assert await ids_of(engine, NUMBER) == {OTHER, ANOTHER}
    assert await people(engine) == 1


async def test_another_lasting_id_frees_what_the_notice_calls_old_and_nothing_else(engine: AsyncEngine) -> None:
    await recognised(engine, LASTING, NUMBER)
    await renamed(engine, (LASTING,), (OTHER,))
    assert await ids_of(engine, NUMBER) == {OTHER, NUMBER}
    await renamed(engine, (OTHER, NUMBER), (LASTING,))
    assert await ids_of(engine, NUMBER) == {LASTING}
    assert await way_to(engine, NUMBER) == LASTING


@pytest.mark.parametrize(
    ("old", "new"), [((NUMBER,), (ANOTHER,)), ((NUMBER,), ()), ((), (ANOTHER,)), (("",), (OTHER,))]
)
async def test_nothing_is_written_about_somebody_unknown(
    engine: AsyncEngine, old: tuple[str, ...], new: tuple[str, ...]
) -> None:
    await renamed(engine, old, new)
    assert await value(engine, "SELECT count(*) FROM contact_ids") == 0
    assert await people(engine) == 0


async def test_a_notice_is_not_about_whoever_had_the_number_before(engine: AsyncEngine) -> None:
    await recognised(engine, LASTING, NUMBER)
    await renamed(engine, (OTHER, NUMBER), ("ID.5", ANOTHER))
    assert await ids_of(engine, NUMBER) == {LASTING, NUMBER}
    assert await people(engine) == 1


async def test_a_notice_is_not_about_whoever_has_got_the_number_since(engine: AsyncEngine) -> None:
    await recognised(engine, LASTING, NUMBER, as_of=NOW)
    await renamed(engine, (NUMBER,), (ANOTHER,), as_of=NOW - timedelta(seconds=1))
    assert await ids_of(engine, NUMBER) == {LASTING, NUMBER}


async def test_whoever_wrote_from_the_new_number_before_the_notice_came_is_joined(engine: AsyncEngine) -> None:
    await wrote(engine, LASTING, NUMBER, files=True)
    early = await wrote(engine, OTHER, ANOTHER, files=True)
    assert early == ANOTHER
    await renamed(engine, (LASTING, NUMBER), (OTHER, ANOTHER))
    assert await people(engine) == 1
    assert await ids_of(engine, ANOTHER) == {OTHER, ANOTHER}
    assert await value(engine, "SELECT count(DISTINCT contact_id) FROM complaint_parties") == 1


async def test_the_old_lasting_id_does_not_come_along_where_the_notice_names_the_number_alone(
    engine: AsyncEngine,
) -> None:
    await wrote(engine, LASTING, NUMBER)
    await wrote(engine, OTHER, ANOTHER)
    await renamed(engine, (NUMBER,), (OTHER, ANOTHER))
    assert await people(engine) == 1
    assert {row.id for row in await rows(engine, "SELECT id FROM contact_ids")} == {OTHER, ANOTHER}


async def test_a_former_owner_of_the_new_number_is_not_joined(engine: AsyncEngine) -> None:
    await wrote(engine, LASTING, NUMBER, files=True)
    await wrote(engine, ANOTHER, files=True)
    former = await contact_of(engine, ANOTHER)
    await run(engine, "UPDATE contacts SET created_at = now() - :early WHERE id = :id", early=EARLY, id=former)
    await renamed(engine, (LASTING, NUMBER), (OTHER, ANOTHER))
    assert await people(engine) == 2
    assert await ids_of(engine, NUMBER) == {OTHER, ANOTHER}
    assert await ids_of(engine, ANOTHER) == set()
    assert await way_to(engine, ANOTHER) == ""


async def test_somebody_who_has_or_had_another_id_is_not_joined(engine: AsyncEngine) -> None:
    await recognised(engine, LASTING, NUMBER)
    # Of two ids the notice names one; and somebody was first seen under an id that it does not name.
    await recognised(engine, OTHER, ANOTHER)
    await renamed(engine, (LASTING, NUMBER), (ANOTHER,))
    assert await ids_of(engine, NUMBER) == {ANOTHER}
    assert await ids_of(engine, ANOTHER) == {OTHER}
    await recognised(engine, "ID.5", "628555")
    await recognised(engine, "ID.5", "628666")
    await renamed(engine, (ANOTHER,), ("628666", "ID.6"))
    assert await ids_of(engine, NUMBER) == {"ID.6", "628666"}
    assert await ids_of(engine, "628555") == {"ID.5"}
    assert await people(engine) == 3
    # All its ids are named, but it was first seen under another one.
    await renamed(engine, ("ID.5",), ("628777",))
    await renamed(engine, ("ID.6", "628666"), ("628777", "ID.7"))
    assert await ids_of(engine, NUMBER) == {"ID.7", "628777"}
    assert await ids_of(engine, "628555") == set()
    assert await people(engine) == 3


async def test_a_lasting_id_never_leaves_whoever_has_it(engine: AsyncEngine) -> None:
    await recognised(engine, OTHER)
    await run(engine, "UPDATE contacts SET created_at = now() - :early", early=EARLY)
    await recognised(engine, LASTING, NUMBER)
    await renamed(engine, (LASTING,), (OTHER,))
    assert await ids_of(engine, NUMBER) == {LASTING, NUMBER}
    assert await ids_of(engine, OTHER) == {OTHER}


async def test_a_new_number_makes_whoever_was_out_of_reach_reachable(engine: AsyncEngine) -> None:
    await wrote(engine, LASTING, NUMBER)
    contact = await contact_of(engine, NUMBER)
    async with engine.begin() as connection:
        await contacts.lose(connection, contact, "gone")
        await deliveries.add(connection, NewDelivery(contact, CHANNEL, NUMBER, [("push.note", {})], "id"))
    await run(engine, "UPDATE deliveries SET failed_at = now(), problem = 'gone', attempts = 3")
    await renamed(engine, (NUMBER,), (ANOTHER,))
    assert await value(engine, "SELECT unreachable_since FROM contacts") is None
    [row] = await rows(engine, "SELECT failed_at, problem, attempts FROM deliveries")
    assert tuple(row) == (None, None, 0)


async def test_a_rehearsal_that_is_cleared_knows_nobody(engine: AsyncEngine) -> None:
    await recognised(engine, LASTING, NUMBER)
    await run(engine, "INSERT INTO provider_messages (channel, provider_id) VALUES ('whatsapp', 'wamid.1')")
    await run(engine, "INSERT INTO channel_health (channel, ails) VALUES ('whatsapp', 'token')")
    await run(
        engine,
        "INSERT INTO message_templates (channel, name, language, state) VALUES ('whatsapp', 'a', 'id', 'paused')",
    )
    async with engine.begin() as connection:
        await rehearsal.clear(connection)
    for table in ("contact_ids", "contacts", "provider_messages", "channel_health", "message_templates"):
        assert await value(engine, f"SELECT count(*) FROM {table}") == 0  # noqa: S608


# --- a world of people ----------------------------------------------------------------------------------


@dataclass
class Person:
    """Somebody with a telephone: what they show of it is up to them and to the provider."""

    name: str
    lasting: str
    number: str | None
    # Numbers of theirs that they have shown together with the lasting id.
    shown: set[str] = field(default_factory=set)
    # Whether every message so far has had the lasting id, and every change of it was told together with the number.
    steady: bool = True
    # Whether they have one number and one lasting id for ever.
    settled: bool = True
    wrote: int = 0


Act = tuple[str, int, int]
acts = st.lists(
    st.tuples(
        st.sampled_from(
            ["both", "both", "lasting", "number", "files", "repeat", "told", "told the number", "untold", "given"]
        ),
        st.integers(0, 2),
        st.integers(0, 1000),
    ),
    max_size=28,
)


@dataclass
class World:
    """People whose messages reach the store, in a channel of their own."""

    engine: AsyncEngine
    channel: str = field(default_factory=lambda: uuid.uuid4().hex)
    people: list[Person] = field(default_factory=list)
    sent: list[tuple[tuple[str, ...], str, datetime, str]] = field(default_factory=list)
    owners: dict[str, set[str]] = field(default_factory=dict)
    clock: datetime = NOW
    numbers: int = 0

    def __post_init__(self) -> None:
        self.people = [Person(name, f"{name}.1", self.new_number(name)) for name in ("ani", "budi", "cici")]

    def new_number(self, name: str) -> str:
        self.numbers += 1
        number = f"62{self.numbers:010}"
        self.owners[number] = {name}
        return number

    async def say(self, person: Person, ids: tuple[str, ...], *, files: bool = False) -> None:
        self.clock += timedelta(minutes=1)
        message = (ids, uuid.uuid4().hex, self.clock, person.name)
        self.sent.append(message)
        await self.deliver(message, files=files)
        person.wrote += 1
        person.steady = person.steady and person.lasting in ids
        if len(ids) == 2 and person.number is not None:
            person.shown.add(person.number)

    async def deliver(self, message: tuple[tuple[str, ...], str, datetime, str], *, files: bool = False) -> None:
        ids, message_id, at, who = message
        async with self.engine.begin() as connection:
            taken = await taken_by(connection, self.channel, ids, message_id, at, who=who)
            if taken is not None and files:
                await filed(connection, taken, who)

    async def act(self, what: str, index: int, choice: int) -> None:
        person = self.people[index]
        both = tuple(filter(None, (person.lasting, person.number)))
        match what:
            case "both" | "files":
                await self.say(person, both, files=what == "files")
            case "lasting":
                await self.say(person, (person.lasting,))
            case "number" if self.is_theirs(person):
                await self.say(person, (person.number or "",))
            case "repeat" if self.sent:
                await self.deliver(self.sent[choice % len(self.sent)])
            case "told" | "told the number" | "untold" if person.number is not None:
                await self.change(person, what)
            case "given" if self.may_be_given(person):
                await self.give(person, self.people[(index + 1 + choice % 2) % 3])

    def is_theirs(self, person: Person) -> bool:
        """Whether a message with the number alone can be told from the former owner's: nobody had it, or the provider
        has shown whose it is now."""
        return person.number is not None and (
            self.owners[person.number] == {person.name} or person.number in person.shown
        )

    def may_be_given(self, person: Person) -> bool:
        """Whether the provider has shown whose the number was, if anybody has heard of it: a number that is all that is
        known of somebody cannot be told from its next owner's."""
        number = person.number
        return number is not None and (number in person.shown or not any(number in ids for ids, *_ in self.sent))

    async def change(self, person: Person, how: str) -> None:
        """Another number, and with it another lasting id."""
        old = tuple(filter(None, (person.lasting, person.number)))
        name, version = person.lasting.split(".")
        person.lasting, person.number = f"{name}.{int(version) + 1}", self.new_number(person.name)
        person.shown.clear()
        person.settled = False
        if how == "untold":
            person.steady = person.steady and not person.wrote
            return
        new = (person.lasting, person.number) if how == "told" else (person.number,)
        async with self.engine.begin() as connection:
            await rename(connection, self.channel, old, new)
        # A number by itself says nothing of the lasting id that comes with it; the first message does.
        await self.say(person, (person.lasting, person.number))

    async def give(self, person: Person, to: Person) -> None:
        """A number is given out again, weeks after its owner has given it up."""
        number, person.number = person.number, None
        assert number is not None
        to.number = number
        self.owners[number].add(to.name)
        for each in (person, to):
            each.settled = False
            each.shown.discard(number)
        to.shown.clear()
        self.clock += timedelta(days=60)
        await run(
            self.engine, "UPDATE contacts SET created_at = created_at - interval '60 days' WHERE channel = :c",
            c=self.channel,
        )  # fmt: skip

    # What must be true whatever has happened.

    async def check(self) -> None:
        found = await rows(
            self.engine,
            """
            SELECT c.id, c.address, coalesce(c.route, c.address) AS way, c.merged_into,
                   array(SELECT i.id FROM contact_ids i WHERE i.contact_id = c.id) AS ids,
                   array(SELECT DISTINCT i.payload->>'who' FROM inbox i
                         WHERE i.channel = c.channel AND i.address = c.address) AS heard,
                   array(SELECT DISTINCT k.title FROM complaint_parties p JOIN complaints k ON k.id = p.complaint_id
                         WHERE p.contact_id = c.id OR k.contact_id = c.id OR k.citizen_id = c.citizen_id) AS filed
            FROM contacts c WHERE c.channel = :channel
            """,
            channel=self.channel,
        )
        for contact in found:
            self.no_contact_has_two_ids_of_one_kind(contact.ids)
            self.no_contact_has_ids_of_two_people(contact.ids)
            assert len({*contact.heard, *contact.filed}) <= 1, "what two people said or filed is in one chat"
            if contact.merged_into is not None:
                assert {*contact.ids, *contact.heard, *contact.filed} == set(), "a chat that is joined is not empty"
            assert contact.way in contact.ids or contact.way == "", "a contact is written to at somebody else's id"
            assert contact.way or not contact.ids, "a contact with an id cannot be written to"
        for person in self.people:
            used = [each for each in found if person.name in (*each.heard, *each.filed)]
            if person.steady and person.wrote:
                assert len(used) == 1, "who always showed a lasting id has several chats"
                assert person.lasting in used[0].ids, "who always showed a lasting id is not known by it"
            if person.settled and person.number in person.shown:
                assert len(used) == 1, "who has shown both ids, and has no others, has several chats"
                assert set(used[0].ids) == {person.lasting, person.number}, "an id is lost"

    def no_contact_has_two_ids_of_one_kind(self, ids: Sequence[str]) -> None:
        assert len([each for each in ids if each.isdecimal()]) <= 1, "a contact has two numbers"
        assert len([each for each in ids if not each.isdecimal()]) <= 1, "a contact has two lasting ids"

    def no_contact_has_ids_of_two_people(self, ids: Sequence[str]) -> None:
        owners = [self.owners.get(each) or {each.split(".")[0]} for each in ids]
        assert not owners or set.intersection(*owners), "a contact has ids of two people"

    async def numbers_are_with_their_last_owners(self) -> None:
        """Once everybody has shown what they have, a number leads to its owner, whatever is repeated."""
        for person in self.people:
            await self.act("both", self.people.index(person), 0)
        for message in self.sent:
            await self.deliver(message)
        for person in self.people:
            async with self.engine.begin() as connection:
                for ids in filter(None, (person.lasting, person.number)):
                    address = await known(connection, self.channel, (ids,))
                    assert address is not None, "an id that was shown is unknown"
                    heard = await connection.execute(
                        text("SELECT DISTINCT payload->>'who' FROM inbox WHERE channel = :c AND address = :a"),
                        {"c": self.channel, "a": address},
                    )
                    assert set(heard.scalars()) == {person.name}, "an id leads to somebody else"


async def test_whatever_is_shown_hidden_changed_given_away_or_repeated_nobody_gets_anothers_chat(
    engine: AsyncEngine,
) -> None:
    @settings(max_examples=60, deadline=None)
    @given(acts)
    async def check(script: list[Act]) -> None:
        world = World(engine)
        for what, index, choice in script:
            await world.act(what, index, choice)
        await world.check()
        await world.numbers_are_with_their_last_owners()
        await world.check()

    await in_this_loop(check)


async def test_whatever_order_messages_come_in_a_number_is_with_whoever_showed_it_last(engine: AsyncEngine) -> None:
    """A number that is given on from one to the next; messages of all of them come late, once or several times."""
    written = [(f"p{owner}.1", "628111") for owner in range(3) for _ in range(2)]

    @settings(max_examples=40, deadline=None)
    @given(st.permutations(range(6)), st.lists(st.integers(0, 5), max_size=6))
    async def check(order: list[int], again: list[int]) -> None:
        channel = uuid.uuid4().hex
        for at in [*order, *again]:
            async with engine.begin() as connection:
                await recognise(connection, channel, written[at], as_of=NOW + timedelta(days=at))
        async with engine.begin() as connection:
            assert await known(connection, channel, written[-1]) is not None
            for lasting in ("p0.1", "p1.1"):
                assert await known(connection, channel, (lasting,)) is not None
                assert await known(connection, channel, (lasting, "628111")) is None

    await in_this_loop(check)


# --- many at once ---------------------------------------------------------------------------------------


async def patiently(engine: AsyncEngine, ids: Sequence[str], who: str, message_id: str, apart: bool) -> list[str]:
    """A turn that files a complaint, as api/intake.py runs it: rolled back and done again where somebody is in the way.
    `apart`: who it is was settled in a transaction of its own. Returns the kinds of errors that it met."""
    met: list[str] = []
    while True:
        try:
            if apart:
                async with engine.begin() as connection:
                    await recognise(connection, CHANNEL, ids)
            async with engine.begin() as connection:
                if apart and await known(connection, CHANNEL, ids) is None:
                    continue
                taken = await taken_by(connection, CHANNEL, ids, message_id, who=who)
                if taken is not None:
                    await filed(connection, taken, who)
            return met
        except Busy:
            met.append("busy")
        except (DBAPIError, psycopg.Error) as error:
            if not is_busy(error):
                raise
            met.append(state_of(error))
        await asyncio.sleep(0.01)


def state_of(error: Exception) -> str:
    """What PostgreSQL calls an error."""
    return str(getattr(error.orig if isinstance(error, DBAPIError) else error, "sqlstate", ""))


@pytest.fixture
async def crowd(database: str) -> AsyncIterator[AsyncEngine]:
    """Many connections to this test's database."""
    opened = connect(database, size=16, name="crowd")
    yield opened
    await opened.dispose()


@pytest.mark.parametrize("apart", [False, True], ids=["in the turn", "before the turn"])
async def test_the_first_messages_of_a_person_make_one_contact_however_many_come_at_once(
    crowd: AsyncEngine, apart: bool
) -> None:
    """Some with the number alone, some with the lasting id alone, some with both; each of them twice at once."""
    shows = [(NUMBER,), (LASTING, NUMBER), (LASTING,), (LASTING, NUMBER)]
    for again in range(4):
        ids = [tuple(f"{each}{again}" for each in show) for show in shows]
        messages = [(each, uuid.uuid4().hex) for each in ids * 2]
        async with asyncio.timeout(60):
            met = await asyncio.gather(
                *(patiently(crowd, each, str(again), name, apart) for each, name in messages for _ in range(2))
            )
        # Nobody waited in a circle.
        assert "40P01" not in {error for errors in met for error in errors}
        found = await rows(
            crowd,
            "SELECT id, (SELECT count(*) FROM complaints k WHERE k.contact_id = c.id) AS filed FROM contacts c"
            " WHERE merged_into IS NULL AND id IN (SELECT contact_id FROM contact_ids WHERE id LIKE :like)",
            like=f"%{again}",
        )
        assert [row.filed for row in found] == [len(messages)]
    assert await value(crowd, "SELECT count(*) FROM complaints") == 4 * 8
    assert await value(crowd, "SELECT count(*) FROM contacts WHERE merged_into IS NULL") == 4


async def test_a_join_waits_for_the_turn_in_the_other_chat_and_nobody_is_lost(crowd: AsyncEngine) -> None:
    await wrote(crowd, LASTING)
    await wrote(crowd, NUMBER)
    async with crowd.begin() as turn:
        taken = await taken_by(turn, CHANNEL, (NUMBER,), "m1", who="x")
        assert taken is not None
        joining = asyncio.create_task(patiently(crowd, (LASTING, NUMBER), "x", "m2", apart=False))
        await asyncio.sleep(0.2)
        assert not joining.done()
        await filed(turn, taken, "x")
    async with asyncio.timeout(20):
        await joining
    assert await people(crowd) == 1
    held = await rows(crowd, "SELECT contact_id, draft FROM complaints")
    assert len({row.contact_id for row in held}) == 1
    assert len({row.draft for row in held}) == 2


async def test_whoever_waited_for_a_contact_that_lost_the_number_meanwhile_looks_anew(crowd: AsyncEngine) -> None:
    await recognised(crowd, LASTING, NUMBER)
    async with crowd.begin() as somebody:
        await somebody.execute(text("SELECT 1 FROM contacts FOR NO KEY UPDATE"))
        waiting = asyncio.create_task(recognised(crowd, OTHER, NUMBER))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        await recognise(somebody, CHANNEL, (LASTING, ANOTHER))
    with pytest.raises(Busy):
        await waiting
    address = await recognised(crowd, OTHER, NUMBER)
    assert await ids_of(crowd, address) == {OTHER, NUMBER}
    assert await ids_of(crowd, NUMBER) == {LASTING, ANOTHER}


async def test_a_turn_that_had_looked_before_its_chat_was_joined_begins_anew(crowd: AsyncEngine) -> None:
    await wrote(crowd, LASTING)
    await wrote(crowd, NUMBER)
    await run(crowd, "UPDATE contacts SET last_message_at = now() + interval '1 h' WHERE address = :a", a=LASTING)
    async with crowd.connect() as turn:
        address = await known(turn, CHANNEL, (NUMBER,))
        assert address == NUMBER
        await recognised(crowd, LASTING, NUMBER)
        taken = await inbox.take(
            turn, channel=CHANNEL, message_id="m", address=address, sequence=-1, name=None, payload={}, received_at=NOW
        )
        assert taken is not None
        assert taken.merged
        await turn.rollback()
    # Nothing of it is kept; the next look finds where the chat has gone.
    assert await value(crowd, "SELECT count(*) FROM inbox") == 2
    assert await wrote(crowd, NUMBER) == LASTING


@pytest.mark.parametrize("table", ["deliveries", "media", "attention", "complaints"])
async def test_a_join_does_not_wait_for_whoever_works_on_what_lies_in_the_chat(crowd: AsyncEngine, table: str) -> None:
    """A speaker that marks what it has sent, a worker with a file, an officer: they may want a chat next."""
    await wrote(crowd, LASTING)
    await wrote(crowd, NUMBER, files=True)
    gone = await contact_of(crowd, NUMBER)
    await run(crowd, "UPDATE contacts SET last_message_at = now() + interval '1 h' WHERE address = :a", a=LASTING)
    async with crowd.begin() as connection:
        await deliveries.add(connection, NewDelivery(gone, CHANNEL, NUMBER, [("push.note", {})], "id"))
    await run(
        crowd,
        "INSERT INTO media (contact_id, kind, channel, provider_id) VALUES (:id, 'photo', 'whatsapp', 'x')",
        id=gone,
    )
    await run(crowd, "INSERT INTO attention (kind, contact_id) VALUES ('call_for_human', :id)", id=gone)
    async with crowd.begin() as somebody:
        await somebody.exec_driver_sql(f"SELECT 1 FROM {table} FOR NO KEY UPDATE")  # noqa: S608
        with pytest.raises(Busy):
            await recognised(crowd, LASTING, NUMBER)
    assert await recognised(crowd, LASTING, NUMBER) == LASTING


async def test_joins_turns_officers_and_speakers_at_once_all_end_and_nothing_is_lost(crowd: AsyncEngine) -> None:
    """Ten people whose chats become one while others follow their reports, officers move them and messages are sent:
    everything ends, no complaint is lost or filed twice, and each person has one chat."""
    persons = range(10)
    tickets = []
    for person in persons:
        await wrote(crowd, f"ID.{person}", files=True)
        await wrote(crowd, f"62{person}", files=True)
    for row in await rows(crowd, "SELECT id, ticket FROM complaints ORDER BY id"):
        tickets.append(row.ticket)
        # Everybody follows the next one's report, so that news lead across.
        await run(
            crowd,
            "INSERT INTO complaint_parties (complaint_id, citizen_id, role, contact_id)"
            " SELECT :id, citizen_id, 'pengikut', id FROM contacts"
            " WHERE citizen_id IS NOT NULL AND NOT EXISTS"
            " (SELECT 1 FROM complaint_parties p WHERE p.complaint_id = :id AND p.citizen_id = contacts.citizen_id)"
            " ORDER BY (id + :id) % 7 LIMIT 1",
            id=row.id,
        )

    async def officer(ticket: str) -> None:
        for status in ("Terdisposisi", "Ditindaklanjuti oleh Instansi"):
            await insist(partial(move, ticket, status))

    async def move(ticket: str, status: str) -> None:
        found = moves.read(status)
        assert found is not None
        async with crowd.begin() as connection:
            happened = await complaints.move(connection, ticket, found, OPERATOR, reason=None, note=None)
            for reader in await complaints.readers(connection, happened.complaint_id):
                new = NewDelivery(reader.contact_id, reader.channel, reader.address, [("push.note", {})], "id")
                await deliveries.add(connection, new)

    async def insist(act: Callable[[], Awaitable[None]]) -> None:
        """An officer who had waited for a chat that has gone into another one meanwhile may find that one busy."""
        while True:
            try:
                return await act()
            except (DBAPIError, psycopg.Error) as error:
                if not is_busy(error):
                    raise
            await asyncio.sleep(0.01)

    async def speaker() -> None:
        for _ in range(40):
            async with crowd.begin() as connection:
                claimed = await deliveries.claim(connection, 10, [CHANNEL])
            outcomes = [deliveries.Outcome(each.id, each.contact_id, each.attempts, sent=True) for each in claimed]
            while outcomes:
                async with crowd.begin() as connection:
                    outcomes = list(await deliveries.mark(connection, outcomes) or ())
            await asyncio.sleep(0.01)

    async def writer(person: int) -> None:
        for ids in ((f"ID.{person}", f"62{person}"), (f"62{person}",), (f"ID.{person}",)):
            await patiently(crowd, ids, str(person), uuid.uuid4().hex, apart=person % 2 == 0)

    async with asyncio.timeout(90):
        await asyncio.gather(
            *(writer(person) for person in persons for _ in range(2)), *map(officer, tickets), speaker()
        )
    assert await value(crowd, "SELECT count(*) FROM complaints") == 10 * 2 + 10 * 2 * 3
    assert await people(crowd) == 10
    held = await rows(
        crowd, "SELECT contact_id, count(*) AS held, count(DISTINCT draft) AS drafts FROM complaints GROUP BY 1"
    )
    assert [(row.held, row.drafts) for row in held] == [(8, 8)] * 10
    left = await value(
        crowd,
        "SELECT count(*) FROM contacts c WHERE merged_into IS NOT NULL AND (EXISTS"
        " (SELECT 1 FROM deliveries d WHERE d.contact_id = c.id) OR EXISTS"
        " (SELECT 1 FROM complaint_parties p WHERE p.contact_id = c.id))",
    )
    assert left == 0


async def test_copies_of_one_message_that_come_at_once_end_even_where_a_third_one_takes_the_number(
    crowd: AsyncEngine,
) -> None:
    """The one circle that is left where a turn recognises by itself is broken, and everybody has a chat in the end."""
    await wrote(crowd, LASTING, NUMBER)
    message = uuid.uuid4().hex
    async with asyncio.timeout(60):
        await asyncio.gather(
            *(patiently(crowd, (LASTING, NUMBER), "a", message, apart=False) for _ in range(4)),
            *(patiently(crowd, (OTHER, NUMBER), "b", uuid.uuid4().hex, apart=False) for _ in range(4)),
        )
    found = await rows(crowd, "SELECT payload->>'who' AS who, count(DISTINCT address) AS chats FROM inbox GROUP BY 1")
    assert {row.who: row.chats for row in found} == {"": 1, "a": 1, "b": 1}
    assert await value(crowd, "SELECT count(*) FROM complaints") == 1 + 4
    first, second = await contact_of(crowd, NUMBER), await contact_of(crowd, OTHER)
    held = await rows(crowd, "SELECT contact_id, title FROM complaints")
    assert {(row.contact_id, row.title) for row in held} == {(first, "a"), (second, "b")}
    assert {frozenset(await ids_of(crowd, each)) for each in (NUMBER, OTHER)} in (
        {frozenset({LASTING}), frozenset({OTHER, NUMBER})},
        {frozenset({LASTING, NUMBER}), frozenset({OTHER})},
    )
