"""Who somebody is, where a provider has several ids for one person: a telephone number, and a lasting id of its own.

A contact has at most one number and one lasting id at a time, and no id is two contacts' (`contact_ids`). Its address
is the id under which it was first seen, and stays when that id has gone to somebody else; `contacts.route` is where
messages are to be sent, if that is not the address: the number where one is known, else the lasting id, and the empty
text where no id is left. Why the rules are what they are: docs/decisions/0012.

**Who waits for whom.** `known` locks nothing. All else begins with the locks of the ids themselves (advisory, in the
order of their keys), then locks the contacts in the order of theirs, and looks again. So:

- Of two messages that name one id, which is new or not settled, one waits at the id and holds nothing yet; the other
  one needs no id any more. It then finds what the first one has made: no person is made twice.
- Rows of `contact_ids` are written only by who has locked the contacts that lose and get them, and only contacts are
  waited for, in the order in which everybody locks them (docs/decisions/0008). Whoever has a contact and waits for a
  higher one, waits for nothing of ours: we have none that is higher than the one we wait for. Where two chats become
  one, what lies in them is tried only: `Busy`, as in store/carryovers.py. It also says that the ids changed while we
  waited for the contacts: to go on, we would have to lock others against the order.
- A turn writes its inbox row first, then locks its contact. `recognise` comes before both, so it must not keep a
  contact that another turn may hold while it is to write an inbox row that this turn has written: it can be so only for
  two copies of one message, of which the earlier one had found its ids settled and the later one, a moment later, has
  not. `recognise` in a transaction of its own rules that out: `known` in the turn, and if that finds nobody, the turn
  ends, `recognise` commits, and the turn begins anew. In one transaction PostgreSQL would break that circle (40P01),
  after a second.
- A turn may have looked (`known`) before its chat was joined with another one, and lock it afterwards. It finds
  `contacts.merged_into` then, and must begin anew.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, count

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import reunions
from store.carryovers import Busy
from store.statement import Statement

__all__ = ["Busy", "known", "recognise", "rename"]

# What an operator reads of a contact whose number is somebody else's now, and of what could not be said to it.
TAKEN = "number_taken"
# Whoever has changed the number may write from the new one before we are told. A former owner of that number cannot
# have written so lately: operators keep a number for weeks before they give it out again.
EARLY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Ids:
    """The ids of one person: a lasting one, a number, or both."""

    lasting: str | None
    number: str | None

    @property
    def all(self) -> list[str]:
        return [each for each in (self.lasting, self.number) if each is not None]


def _read(ids: Sequence[str]) -> _Ids:
    """The first of each kind: an id of digits only is a number."""
    lasting = next((each for each in ids if each and not _is_number(each)), None)
    return _Ids(lasting, next(filter(_is_number, ids), None))


def _is_number(id_: str) -> bool:
    return id_.isascii() and id_.isdecimal()


# --- who it is ---------------------------------------------------------------------------------------

_KNOWN = Statement("""
    SELECT c.address FROM contact_ids i JOIN contacts c ON c.id = i.contact_id
    WHERE i.channel = :channel AND i.id = ANY(CAST(:ids AS text[]))
""")


async def known(connection: AsyncConnection, channel: str, ids: Sequence[str]) -> str | None:
    """The address of the contact that has all of these ids; None if there is none, and `recognise` has to settle it.

    One statement, which changes and locks nothing. Raises ValueError if there is no id.
    """
    return await _known(connection, channel, _checked(ids))


def _checked(ids: Sequence[str]) -> _Ids:
    given = _read(ids)
    if not given.all:
        raise ValueError("nobody is named")
    return given


async def _known(connection: AsyncConnection, channel: str, given: _Ids) -> str | None:
    rows = await _KNOWN.rows(connection, {"channel": channel, "ids": given.all})
    addresses = [str(row.address) for row in rows]
    return addresses[0] if len(addresses) == len(given.all) and len(set(addresses)) == 1 else None


async def recognise(
    connection: AsyncConnection, channel: str, ids: Sequence[str], *, as_of: datetime | None = None
) -> str:
    """The address of the contact whose message names its sender so (`Incoming.known_as`). It is made if nobody is known
    by these ids, gets those that are new, and is joined with another one if the ids show that both are one person.

    - A new number of a lasting id takes the place of the number before.
    - A number that comes with another lasting id than before is somebody else's by now. It leaves its contact, which
      keeps the rest, and goes to whoever has that lasting id: a new contact, if it is new.
    - A number and a lasting id of two contacts that lacked just that make one of them (store/reunions.py).

    `as_of` is a moment by the provider's clock that grows with when messages are written, such as
    `Incoming.window_until`; None: just now. A message that is older than what we know takes no id away from anybody.

    To be called before anything else is locked; see above for its transaction. Raises `Busy`, and ValueError if there
    is no id.
    """
    given = _checked(ids)
    found = await _known(connection, channel, given)
    return found if found is not None else await _settle(connection, channel, given, as_of)


async def _settle(connection: AsyncConnection, channel: str, given: _Ids, as_of: datetime | None) -> str:
    people = await _lock(connection, channel, given.all)
    of_lasting, of_number = people.get(given.lasting), people.get(given.number)
    stale = _is_stale(as_of, people.values())
    write = _Writing(connection, channel, as_of)
    if of_lasting is None and of_number is None:
        return await write.begin(given)
    if of_lasting is None and of_number is not None and given.lasting and of_number.lasting:
        if stale:
            return await write.begin(_Ids(given.lasting, None))
        await write.lose_number(of_number)
        return await write.begin(given)
    person = of_lasting or of_number
    if person is None:
        raise AssertionError("one of them is somebody")
    if of_lasting and of_number and of_lasting.id != of_number.id:
        if of_lasting.number is None and of_number.lasting is None:
            person = await write.join(of_lasting, of_number)
        elif stale:
            given = _Ids(given.lasting, None)
        else:
            await write.lose_number(of_number)
    elif stale and person.number is not None:
        given = _Ids(given.lasting, person.number)
    await write.give(person, given)
    return person.address


# --- other ids ---------------------------------------------------------------------------------------


async def rename(
    connection: AsyncConnection,
    channel: str,
    old: Sequence[str],
    new: Sequence[str],
    *,
    as_of: datetime | None = None,
) -> None:
    """The person who was known by the old ids is known by the new ones from now on, by the provider's own word; the old
    ones are nobody's then. Nothing happens where nobody is known by the old ids, nor where the number is known with
    another lasting id, nor where they were given to whoever has them after the notice was written (`as_of`, as for
    `recognise`).

    A number that is new brings another lasting id, as the provider has it: the one before goes, named or not.

    Where another contact has one of the new ids, they are joined only if it can be nobody else: if it has had no other
    id ever and was first seen within a day before the notice, since the person had written from the new number already.
    Else a number leaves that contact and goes to the person, a lasting id stays where it is, and the next message that
    names both ids settles it. Where no new id is left to be given, nothing happens.

    To be called before anything else is locked, and once for each notice. Raises `Busy`.
    """
    was, becomes = _read(old), _read(new)
    if not was.all or not becomes.all:
        return
    people = await _lock(connection, channel, [*was.all, *becomes.all])
    person = people.get(was.lasting) or people.get(was.number)
    if person is None or _is_stale(as_of, [person]) or _is_anothers(person, was):
        return
    write = _Writing(connection, channel, as_of)
    others = {each.id: each for id_ in becomes.all if (each := people.get(id_)) and each.id != person.id}
    early = [each for each in others.values() if each.is_early and {*each.all, each.address} <= set(becomes.all)]
    if becomes.lasting in {each.lasting for each in others.values() if each not in early}:
        becomes = _Ids(None, becomes.number)
    if not becomes.all:
        return
    for other in others.values():
        if other in early:
            person = await write.join(person, other)
        elif other.number is not None and other.number == becomes.number:
            await write.lose_number(other)
    left = [person.lasting] if becomes.number and not becomes.lasting else []
    await write.free([*was.all, *filter(None, left)], person)
    await write.give(person, becomes)
    await write.reach(person)


def _is_anothers(person: _Person, was: _Ids) -> bool:
    """Whether a notice about these ids is about somebody who had the number after this person, and is not known."""
    return None not in (was.lasting, person.lasting) and was.lasting != person.lasting


# --- contacts and their ids, locked ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Person:
    """A contact with its ids, locked. `since` is when it got the latest of them, `is_early` that it was first seen
    within `EARLY` from now."""

    id: int
    address: str
    lasting: str | None
    number: str | None
    since: datetime | None
    is_early: bool

    @property
    def all(self) -> list[str]:
        return _Ids(self.lasting, self.number).all


_LOCK_IDS = Statement("""
    SELECT pg_advisory_xact_lock(key) FROM (
        SELECT DISTINCT hashtextextended('contact id ' || CAST(:channel AS text) || ' ' || id, 0) AS key
        FROM unnest(CAST(:ids AS text[])) AS id ORDER BY key) keys
""")
# A contact from before there were ids is whoever its address says: messages are still sent there, and no id leads to
# it.
_LOOK = Statement("""
    SELECT id, contact_id, false AS by_address FROM contact_ids
    WHERE channel = :channel AND id = ANY(CAST(:ids AS text[]))
    UNION ALL
    SELECT c.address, c.id, true FROM contacts c
    WHERE c.channel = :channel AND c.address = ANY(CAST(:ids AS text[])) AND c.route IS NULL AND c.merged_into IS NULL
      AND NOT EXISTS (SELECT FROM contact_ids x WHERE x.channel = :channel AND x.id = c.address)
    ORDER BY id
""")
# As a turn does. What refers to a contact (an officer's change to a complaint whose chat it was) need not wait for it.
_LOCK_CONTACTS = text("""
    SELECT id, address, created_at > now() - CAST(:early AS interval) AS is_early FROM contacts
    WHERE id = ANY(:ids) ORDER BY id FOR NO KEY UPDATE
""")
_IDS_OF = text("SELECT contact_id, id, since FROM contact_ids WHERE contact_id = ANY(:ids)")


async def _lock(connection: AsyncConnection, channel: str, ids: Sequence[str]) -> Mapping[str | None, _Person]:
    """Those who are known by these ids, by id. Locked are the ids, the contacts, and if they are several all that
    changes when they are joined. Raises `Busy` if any of that was changed by somebody else in between."""
    named = {"channel": channel, "ids": sorted(set(ids))}
    await _LOCK_IDS.run(connection, named)
    looked = await _LOOK.rows(connection, named)
    contact_ids = sorted({int(row.contact_id) for row in looked})
    if not contact_ids:
        return {}
    wanted = await _wanted(connection, contact_ids)
    parameters = {"ids": wanted, "early": EARLY}
    rows = {row.id: row for row in await connection.execute(_LOCK_CONTACTS, parameters)}
    if await _LOOK.rows(connection, named) != looked or await _wanted(connection, contact_ids) != wanted:
        raise Busy
    theirs = (await connection.execute(_IDS_OF, {"ids": contact_ids})).all()
    people = {}
    for contact_id in contact_ids:
        own = [row for row in theirs if row.contact_id == contact_id]
        has = _read([*(row.id for row in own), *(r.id for r in looked if r.by_address and r.contact_id == contact_id)])
        since = max((row.since for row in own), default=None)
        contact = rows[contact_id]
        people[contact_id] = _Person(contact_id, contact.address, has.lasting, has.number, since, contact.is_early)
    return {row.id: people[row.contact_id] for row in looked}


async def _wanted(connection: AsyncConnection, contact_ids: Sequence[int]) -> list[int]:
    return list(contact_ids) if len(contact_ids) == 1 else await reunions.involved(connection, contact_ids)


def _is_stale(as_of: datetime | None, people: Collection[_Person]) -> bool:
    """Whether something was written before what we know of these."""
    return as_of is not None and any(each.since is not None and as_of < each.since for each in people)


# --- what is written ---------------------------------------------------------------------------------

_MAKE = Statement("""
    WITH made AS (
        INSERT INTO contacts (channel, address, route) VALUES (:channel, :address, :route)
        ON CONFLICT (channel, address) DO NOTHING RETURNING id
    )
    INSERT INTO contact_ids (channel, id, contact_id, since)
    SELECT :channel, named.id, made.id, coalesce(CAST(:since AS timestamptz), now())
    FROM made, unnest(CAST(:ids AS text[])) AS named (id)
    RETURNING contact_id
""")
_GIVE = Statement("""
    INSERT INTO contact_ids AS i (channel, id, contact_id, since)
    SELECT :channel, named.id, :contact_id, coalesce(CAST(:since AS timestamptz), now())
    FROM unnest(CAST(:ids AS text[])) AS named (id)
    ON CONFLICT (channel, id) DO UPDATE SET contact_id = excluded.contact_id, since = excluded.since
    WHERE i.contact_id <> excluded.contact_id
""")
_REPLACE = text("""
    DELETE FROM contact_ids
    WHERE contact_id = :contact_id AND id <> ALL(:ids) AND (id ~ '^[0-9]+$') = ANY(:numbers)
""")
_FREE = text("DELETE FROM contact_ids WHERE channel = :channel AND id = ANY(:ids) AND contact_id = :contact_id")
_ROUTE = text("""
    UPDATE contacts c SET route = nullif(coalesce(
        (SELECT id FROM contact_ids WHERE contact_id = c.id ORDER BY id !~ '^[0-9]+$' LIMIT 1), ''), c.address)
    WHERE c.id = :contact_id
    RETURNING coalesce(c.route, c.address) AS way
""")
# Nobody can be reached there any more; what waits is shown to operators, and does not go to the next owner.
_STRAND = text("""
    UPDATE contacts SET unreachable_since = coalesce(unreachable_since, now()), unreachable_reason = :taken
    WHERE id = :contact_id
""")
_STRAND_MESSAGES = text("""
    UPDATE deliveries SET failed_at = clock_timestamp(), problem = :taken, held_at = NULL WHERE id IN (
        SELECT id FROM deliveries WHERE contact_id = :contact_id AND sent_at IS NULL AND failed_at IS NULL
          AND (leased_until IS NULL OR leased_until < clock_timestamp())
        FOR UPDATE SKIP LOCKED)
""")
# There is a new way to somebody who was out of reach: as when they write (store/inbox.py).
_REACH = text("""
    WITH lost AS (SELECT id FROM contacts WHERE id = :contact_id AND unreachable_since IS NOT NULL), revived AS (
        UPDATE deliveries SET failed_at = NULL, due_at = clock_timestamp(), attempts = 0, problem = NULL
        WHERE id IN (
            SELECT d.id FROM deliveries d JOIN lost ON lost.id = d.contact_id WHERE d.failed_at IS NOT NULL
            FOR UPDATE OF d SKIP LOCKED)
    )
    UPDATE contacts SET unreachable_since = NULL, unreachable_reason = NULL FROM lost WHERE contacts.id = lost.id
""")


@dataclass(frozen=True, slots=True)
class _Writing:
    """Writes who has which id, for one message or notice."""

    connection: AsyncConnection
    channel: str
    as_of: datetime | None

    async def begin(self, given: _Ids) -> str:
        """A new contact with these ids; returns its address: the number, or else the lasting id. Where an older contact
        has that as its address, for ever, and these are somebody else's by now, another one is made up."""
        way = given.number or given.lasting or ""
        for address in chain(filter(None, (given.number, given.lasting)), (f"{way}~{again}" for again in count(2))):
            parameters = {
                "channel": self.channel,
                "address": address,
                "route": None if address == way else way,
                "ids": given.all,
                "since": self.as_of,
            }
            if await _MAKE.row(self.connection, parameters) is not None:
                return address
        raise AssertionError("numbers do not end")

    async def give(self, person: _Person, given: _Ids) -> None:
        """The person has these ids now, each in the place of any other one of its kind."""
        named = {"channel": self.channel, "contact_id": person.id, "ids": given.all, "since": self.as_of}
        await self.connection.execute(_REPLACE, {**named, "numbers": [_is_number(each) for each in given.all]})
        await _GIVE.run(self.connection, named)
        await self._route(person)

    async def free(self, ids: Sequence[str], person: _Person) -> None:
        """These ids are not the person's any more."""
        await self.connection.execute(_FREE, {"channel": self.channel, "ids": list(ids), "contact_id": person.id})

    async def lose_number(self, person: _Person) -> None:
        """The number of this person is somebody else's. Without any id left, the person is out of reach."""
        await self.free(list(filter(None, [person.number])), person)
        if not await self._route(person):
            stranded = {"contact_id": person.id, "taken": TAKEN}
            await self.connection.execute(_STRAND, stranded)
            await self.connection.execute(_STRAND_MESSAGES, stranded)

    async def join(self, one: _Person, other: _Person) -> _Person:
        """These two are one person: the one that stays, with the ids of both."""
        stays = await reunions.join(self.connection, one.id, other.id)
        kept, gone = (one, other) if stays == one.id else (other, one)
        return _Person(
            id=kept.id,
            address=kept.address,
            lasting=kept.lasting or gone.lasting,
            number=kept.number or gone.number,
            since=kept.since,
            is_early=kept.is_early,
        )

    async def reach(self, person: _Person) -> None:
        """What could not be said to somebody out of reach is tried again."""
        await self.connection.execute(_REACH, {"contact_id": person.id})

    async def _route(self, person: _Person) -> str:
        """Write down where messages for the person are to be sent; returns it."""
        return str((await self.connection.execute(_ROUTE, {"contact_id": person.id})).scalar_one())
