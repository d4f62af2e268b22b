"""What a citizen may ask of us about their own data, and what ends by itself: to see, to erase, to be forgotten.

`held` tells what is kept of a chat, `erase` takes away what may go at once, `sweep` is retention: what has been kept
long enough goes without being asked for. How long that is, is a `Policy` that the owner of the channel confirms.

A filed complaint is not erased while it is handled, nor before its time afterwards: an office must be able to answer
for what it did (UU 25/2009, Perpres 76/2013). Then it is made anonymous. What SP4N-LAPOR! has of it is not ours.

Bytes on the shelf have no transaction. So what is deleted here only names the files that may be unused now; the shell
removes them after the commit, those that `unused` confirms.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import assistances, attention, complaints, guesses, lapsed, moves
from store.complaints import Actor

# A text without its personal data; None where they could not be looked for.
Mask = Callable[[str], str | None]

_ENDED = list(moves.ENDED)
_TITLE = 100


@dataclass(frozen=True, slots=True)
class Policy:
    """How many days things are kept: a complaint after it ended, the files of a draft that was dropped, the words of a
    chat (longer while a complaint of that chat is open)."""

    closed_days: int
    draft_days: int
    chat_days: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A complaint that stays for now. `until` is when it becomes anonymous; None while it has not ended."""

    ticket: str
    until: datetime | None


# --- to see ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Held:
    """What is kept of one chat, as counts and dates. `name` is as the channel gave it, `heard` and `spoken` are
    messages whose words are kept, `drafts` open or parked ones, `files` and `bytes` those of drafts and own reports."""

    channel: str
    name: str | None
    since: datetime
    last_message_at: datetime | None
    language: str
    heard: int
    spoken: int
    drafts: int
    files: int
    bytes: int
    complaints: tuple[Kept, ...]
    follows: int
    ratings: int


_HELD = text("""
    SELECT c.channel, c.name, c.created_at, c.last_message_at, c.conversation,
           (SELECT count(*) FROM inbox i
            WHERE i.channel = c.channel AND i.address = c.address AND i.payload <> '{}') AS heard,
           (SELECT count(*) FROM deliveries d WHERE d.contact_id = c.id AND d.says <> '[]') AS spoken,
           f.files, f.bytes,
           (SELECT count(*) FROM complaint_parties p JOIN complaints k ON k.id = p.complaint_id
            WHERE p.contact_id = c.id AND p.role = 'pengikut' AND k.status <> ALL(:ended)) AS follows,
           (SELECT count(*) FROM ratings r WHERE r.citizen_id = c.citizen_id) AS ratings
    FROM contacts c, LATERAL (
        SELECT count(*) AS files,
               coalesce(sum(m.size + coalesce(m.clean_size, 0)) FILTER (WHERE m.state = 'stored'), 0) AS bytes
        FROM media m
        WHERE m.staff_id IS NULL AND ((m.contact_id = c.id AND m.complaint_id IS NULL AND NOT EXISTS (
            SELECT FROM assistances a WHERE a.contact_id = c.id AND a.draft = m.draft)) OR m.complaint_id IN (
            SELECT p.complaint_id FROM complaint_parties p WHERE p.contact_id = c.id AND p.role = 'pelapor'))
    ) f
    WHERE c.id = :contact_id
""")
_KEPT = text("""
    SELECT k.ticket, CASE WHEN k.status = ANY(:ended) THEN k.changed_at END AS ended_at
    FROM complaint_parties p JOIN complaints k ON k.id = p.complaint_id
    WHERE p.contact_id = :contact_id AND p.role = 'pelapor' ORDER BY k.id
""")


async def held(connection: AsyncConnection, contact_id: int, policy: Policy) -> Held:
    """What is kept of this chat and of what it filed. Nothing in it is about anybody else: drafts that residents tell
    here with the help of a volunteer are theirs."""
    row = (await connection.execute(_HELD, {"contact_id": contact_id, "ended": _ENDED})).one()
    conversation = row.conversation or {}
    return Held(
        channel=row.channel,
        name=row.name,
        since=row.created_at,
        last_message_at=row.last_message_at,
        language=conversation.get("language", "id"),
        heard=row.heard,
        spoken=row.spoken,
        drafts=sum(_consent(each) is None for each in _drafts(conversation)),
        files=row.files,
        bytes=int(row.bytes),
        complaints=await _kept(connection, contact_id, policy),
        follows=row.follows,
        ratings=row.ratings,
    )


async def _kept(connection: AsyncConnection, contact_id: int, policy: Policy) -> tuple[Kept, ...]:
    rows = await connection.execute(_KEPT, {"contact_id": contact_id, "ended": _ENDED})
    # Any change after the end, such as a corrected agency, begins the time anew: never earlier than was said.
    days = timedelta(days=policy.closed_days)
    return tuple(Kept(row.ticket, row.ended_at + days if row.ended_at else None) for row in rows)


def _drafts(conversation: Mapping[str, Any]) -> list[Any]:
    return [each for each in (conversation.get("draft"), *(conversation.get("parked") or ())) if each]


def _consent(draft: Mapping[str, Any]) -> int | None:
    """The assistance that a draft knows, if a resident tells it with somebody's help and has agreed to that."""
    found = ((draft.get("context") or {}).get("assist") or {}).get("id")
    return found if isinstance(found, int) else None


# --- to erase ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Erased:
    """What went, as counts, and what stays. `conversation` is what is left of the chat's memory: whoever holds an
    older copy must not write it back. `freed` are SHA-256 of files that may be unused once this has committed.
    `helper`: this was a volunteer, who is none any more."""

    heard: int
    spoken: int
    drafts: int
    files: int
    follows: int
    comments: int
    kept: tuple[Kept, ...]
    conversation: Mapping[str, Any]
    freed: tuple[str, ...]
    helper: bool = False


# What must outlive everything else: the count of drafts, since (contact, number) is filed once; how much was filed
# and said of late, which limits floods; and the language, so that the next words are understood.
_REMEMBERED = ("language", "drafts", "pace", "filed_on")

_CONTACT = text("SELECT id, channel, address, citizen_id, conversation FROM contacts WHERE id = :id FOR UPDATE")
_FORGET_CONTACT = text("""
    UPDATE contacts SET name = NULL, conversation = CAST(:conversation AS jsonb) WHERE id = :id
""")
# The row stays, so that a message that comes again is known; whose it was does not.
_FORGET_HEARD = text("""
    UPDATE inbox SET payload = '{}', address = NULL, sequence = NULL
    WHERE channel = :channel AND address = :address
      AND (CAST(:before AS timestamptz) IS NULL OR received_at < :before)
    RETURNING id
""")
_FORGET_SPOKEN = text("""
    UPDATE deliveries SET says = '[]', buttons = '[]'
    WHERE contact_id = :id AND sent_at IS NOT NULL AND (says <> '[]' OR buttons <> '[]') RETURNING id
""")
_DROP_FILES = text("""
    DELETE FROM media m WHERE m.contact_id = :id AND m.complaint_id IS NULL AND NOT EXISTS (
        SELECT FROM assistances a WHERE a.contact_id = m.contact_id AND a.draft = m.draft AND a.saved IS NOT NULL)
    RETURNING coalesce(sha256, CASE WHEN channel = 'webchat' THEN provider_id END) AS name, clean_sha256
""")
_DROP_FOLLOWS = text(
    "DELETE FROM complaint_parties WHERE contact_id = :id AND role = 'pengikut' RETURNING complaint_id"
)
_DROP_CODES = text("DELETE FROM carryovers WHERE contact_id = :id AND used_at IS NULL")
# Chats that were joined with this one are empty (store/reunions.py): what is left of them is how they were called. Who
# holds such a row comes from a look that is out of date, and is not waited for: the night finds what is left here.
_FORGET_MERGED = """
    UPDATE contacts SET address = 'joined:' || id, last_message_at = NULL WHERE id IN (
        SELECT id FROM contacts WHERE {} AND NOT starts_with(address, 'joined:')
        ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED)
    RETURNING id
"""
_DROP_MERGED = text(_FORGET_MERGED.format("merged_into = :id"))
# The stars are a figure of the service and name nobody; the words are the citizen's own, also in the history.
_DROP_COMMENTS = text("""
    WITH noted AS (
        UPDATE complaint_history h SET note = NULL FROM ratings r
        WHERE r.citizen_id = :citizen AND h.complaint_id = r.complaint_id AND h.event = 'rated'
          AND h.actor_kind = 'citizen' AND h.actor_id = CAST(:citizen AS text) AND h.note IS NOT NULL
    )
    UPDATE ratings SET comment = NULL WHERE citizen_id = :citizen AND comment IS NOT NULL RETURNING complaint_id
""")
_FORGET_CITIZEN = text("""
    UPDATE citizens z SET name = NULL WHERE z.id = :citizen AND z.name IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM complaint_parties p WHERE p.citizen_id = z.id)
      AND NOT EXISTS (SELECT 1 FROM complaints k WHERE k.citizen_id = z.id)
""")
# Who assisted residents does so no more, and has no name; that somebody did stays, as counts.
_END_GRANT = text("""
    UPDATE volunteers SET name = NULL, revoked_at = coalesce(revoked_at, now()), code_sha256 = NULL, code_until = NULL
    WHERE citizen_id = :citizen AND (name IS NOT NULL OR revoked_at IS NULL)
""")
# Whoever was assisted and has a chat now is reached there.
_FORGET_REACH = text("""
    UPDATE assistances a SET reach_words = NULL FROM complaints k
    WHERE k.citizen_id = :citizen AND a.complaint_id = k.id AND a.taken_at IS NOT NULL AND a.reach_words IS NOT NULL
""")


async def erase(connection: AsyncConnection, contact_id: int, policy: Policy) -> Erased:
    """Take away everything of this chat that may go now. Again, it finds nothing more and changes nothing.

    Gone: the words heard and spoken, the open and parked drafts with their files, the name, what was remembered of the
    conversation, comments of ratings, follows of others' complaints, codes to move. Not touched: what is still to be
    sent, what was said to a complaint (also as a follower), and filed complaints with their words, files and the name
    they were filed under, which `kept` lists. With the next message the channel tells us the name again. The chat goes
    on to get the news of its complaints: they would be closed in silence otherwise.

    Since it goes on, its address stays, and so do the ids by which the provider knows it (`contact_ids`, the route):
    without them the next owner of the telephone number would be taken for this person. `sweep` forgets all of that once
    nothing needs it. What were addresses of chats that are joined with this one goes now.

    A volunteer is none any more, in all of their chats. What residents have told here with their help is not theirs to
    erase: it goes to the desk, with its files (`assistances.give_to_desk`).

    The chat should be locked by this transaction.
    """
    chat = (await connection.execute(_CONTACT, {"id": contact_id})).one()
    before = chat.conversation or {}
    await _leave_to_desk(connection, contact_id, _drafts(before))
    conversation = {name: before[name] for name in _REMEMBERED if name in before}
    of_chat = {"id": chat.id, "channel": chat.channel, "address": chat.address, "citizen": chat.citizen_id}
    forget = {"id": chat.id, "conversation": json.dumps(conversation)}
    heard = (await connection.execute(_FORGET_HEARD, of_chat | {"before": None})).all()
    spoken = (await connection.execute(_FORGET_SPOKEN, of_chat)).all()
    files = (await connection.execute(_DROP_FILES, of_chat)).all()
    follows = (await connection.execute(_DROP_FOLLOWS, of_chat)).all()
    comments = (await connection.execute(_DROP_COMMENTS, of_chat)).all()
    await connection.execute(_DROP_CODES, of_chat)
    await connection.execute(_DROP_MERGED, {"id": chat.id, "most": 1000})
    await connection.execute(_FORGET_CONTACT, forget)
    await connection.execute(_FORGET_CITIZEN, of_chat)
    helper = (await connection.execute(_END_GRANT, of_chat)).rowcount
    await connection.execute(_FORGET_REACH, of_chat)
    return Erased(
        heard=len(heard),
        spoken=len(spoken),
        drafts=sum(_consent(each) is None for each in _drafts(before)),
        files=len(files),
        follows=len(follows),
        comments=len(comments),
        kept=await _kept(connection, contact_id, policy),
        conversation=conversation,
        freed=_names(files),
        helper=bool(helper),
    )


_NOW = text("SELECT now()")


async def _leave_to_desk(connection: AsyncConnection, contact_id: int, drafts: Sequence[Mapping[str, Any]]) -> None:
    """Give drafts that residents have agreed to tell here to an officer; those in which nothing is told are dropped."""
    now = (await connection.execute(_NOW)).scalar_one()
    for draft in drafts:
        consent, number = _consent(draft), draft.get("number")
        if consent is None or not isinstance(number, int):
            continue
        with suppress(assistances.NoAssistance):
            if draft.get("told") or draft.get("photos") or draft.get("voices"):
                reach, words = _reached(draft)
                await assistances.give_to_desk(connection, consent, contact_id, number, draft, reach, words, now)
                await attention.raise_matter(connection, assistances.DRAFTS)
            else:
                found = await assistances.of_draft(connection, consent, contact_id, number)
                await assistances.ended(connection, found.id, "dropped", now)


def _reached(draft: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """How the resident of a saved draft is reached, and the number or the place for it; None where it was not told. The
    officer who gets the draft must find them without whoever assisted."""
    answers = draft.get("answers")
    given = [(answers or {}).get(name) if isinstance(answers, Mapping) else None for name in ("reach", "contact")]
    reach, words = (each[0] if isinstance(each, list) and each and isinstance(each[0], str) else None for each in given)
    reach = reach if reach in assistances.REACHES else None
    return reach, words if reach in ("phone", "place") else None


async def forget_words(connection: AsyncConnection, contact_id: int) -> None:
    """Take away all words that were heard and spoken in a chat, which is locked; of a message nothing is left but that
    it came. For a chat that nobody comes back to: with this alone, what waits to be said is still said."""
    chat = (await connection.execute(_CONTACT, {"id": contact_id})).one()
    of_chat = {"id": chat.id, "channel": chat.channel, "address": chat.address, "before": None}
    for statement in (_FORGET_HEARD, _FORGET_SPOKEN):
        await connection.execute(statement, of_chat)


def _names(files: Sequence[Any]) -> tuple[str, ...]:
    return tuple(sorted({name for row in files for name in (row.name, row.clean_sha256) if name}))


_NAMED = text("""
    SELECT sha256 AS name FROM media WHERE sha256 = ANY(:names)
    UNION SELECT clean_sha256 FROM media WHERE clean_sha256 = ANY(:names)
    UNION SELECT provider_id FROM media WHERE channel = 'webchat' AND provider_id = ANY(:names)
    UNION SELECT sha256 FROM letters WHERE sha256 = ANY(:names)
    UNION SELECT sha256 FROM report_imports WHERE sha256 = ANY(:names) AND state IN ('waiting', 'reading')
""")


async def unused(connection: AsyncConnection, names: Collection[str]) -> tuple[str, ...]:
    """Those SHA-256 that no file of anybody has any more, sorted."""
    named = {row.name for row in await connection.execute(_NAMED, {"names": list(names)})}
    return tuple(sorted(set(names) - named))


# --- what ends by itself -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Swept:
    """What one round of retention did, as counts. `unmasked` are complaints that were due, but whose words could not be
    looked through: they wait. `freed` are SHA-256 of files that may be unused once this has committed. `drafts` are
    those of assisted residents that nobody has settled in time, `volunteers` those who need no name any more."""

    chats: int = 0
    complaints: int = 0
    unmasked: int = 0
    files: int = 0
    guesses: int = 0
    codes: int = 0
    freed: tuple[str, ...] = ()
    drafts: int = 0
    volunteers: int = 0

    @property
    def done(self) -> bool:
        """Whether there was nothing to do, so that another round would find nothing either."""
        counts = (self.chats, self.complaints, self.files, self.guesses, self.codes, self.drafts, self.volunteers)
        return not any(counts)


async def sweep(connection: AsyncConnection, now: datetime, policy: Policy, mask: Mask, most: int = 100) -> Swept:
    """One round of retention: up to `most` of each kind. To be repeated, each round in its own transaction, until it
    is `done`; a round that is cut off leaves the rest to the next.

    Any number of workers may sweep at once: what somebody else holds is passed over, and nothing is waited for.
    """
    chats = await _sweep_chats(connection, now - timedelta(days=policy.chat_days), most)
    people = await _sweep_people(connection, now, now - timedelta(days=policy.chat_days), most)
    longest = timedelta(days=max(policy.chat_days, policy.draft_days))
    drafts = await _sweep_assisted(connection, now, now - longest, most)
    files = await _sweep_files(connection, now - timedelta(days=policy.draft_days), most)
    closed_before = now - timedelta(days=policy.closed_days)
    anonymised, unmasked, freed = await _sweep_complaints(connection, closed_before, mask, most)
    helpers = {"before": closed_before, "most": most}
    return Swept(
        chats=chats + people,
        complaints=anonymised,
        unmasked=unmasked,
        files=len(files),
        guesses=await guesses.sweep(connection, now, most),
        codes=len((await connection.execute(_SWEEP_CODES, {"now": now, "most": most})).all()),
        freed=tuple(sorted({*_names(files), *freed})),
        drafts=drafts,
        volunteers=len((await connection.execute(_SWEEP_VOLUNTEERS, helpers)).all()),
    )


_SWEEP_CODES = text("""
    DELETE FROM carryovers WHERE id IN (
        SELECT id FROM carryovers WHERE used_at IS NOT NULL OR expires_at <= :now LIMIT :most FOR UPDATE SKIP LOCKED)
    RETURNING id
""")

# Whoever has not assisted for so long as a complaint is kept has to answer for none any more.
_SWEEP_VOLUNTEERS = text("""
    UPDATE volunteers SET name = NULL, code_sha256 = NULL, code_until = NULL WHERE id IN (
        SELECT v.id FROM volunteers v
        WHERE v.name IS NOT NULL AND least(v.revoked_at, v.valid_until + interval '1 day') < :before
          AND NOT EXISTS (
              SELECT FROM assistances a JOIN complaints k ON k.id = a.complaint_id WHERE a.volunteer_id = v.id
                AND NOT EXISTS (SELECT FROM complaint_history h WHERE h.complaint_id = k.id AND h.event = 'anonymised'))
        ORDER BY v.id LIMIT :most FOR UPDATE SKIP LOCKED)
    RETURNING id
""")
# What residents have told and no officer has settled is kept as long as the words of a chat; the row stays as a count.
# So do consents whose draft is nowhere any more.
_SWEEP_ASSISTED = text("""
    UPDATE assistances SET saved = NULL, consent_words = '', reach_words = NULL,
        outcome = coalesce(outcome, 'dropped'), ended_at = coalesce(ended_at, CAST(:now AS timestamptz))
    WHERE id IN (
        SELECT a.id FROM assistances a JOIN contacts c ON c.id = a.contact_id
        WHERE a.saved IS NOT NULL AND a.ended_at < :before
           OR a.outcome IS NULL AND a.consented_at < :before AND (c.conversation IS NULL OR NOT (
              c.conversation @> jsonb_build_object('draft', jsonb_build_object('number', a.draft))
              OR c.conversation @>
                 jsonb_build_object('parked', jsonb_build_array(jsonb_build_object('number', a.draft)))))
        ORDER BY a.id LIMIT :most FOR UPDATE OF a SKIP LOCKED)
    RETURNING id
""")


async def _sweep_assisted(connection: AsyncConnection, now: datetime, before: datetime, most: int) -> int:
    swept = (await connection.execute(_SWEEP_ASSISTED, {"now": now, "before": before, "most": most})).all()
    if swept and not await lapsed.any_kept(connection):
        await attention.settle(connection, assistances.DRAFTS)
    return len(swept)


# Chats with words that are old enough to go. While a complaint of theirs is open, its officer may have to read what was
# said, and the citizen to look it up; an open draft is ended by the conversation itself, with a word.
_OLD = text("""
    SELECT c.id, c.channel, c.address FROM contacts c
    WHERE (c.conversation -> 'draft' IS NULL OR c.conversation -> 'draft' = 'null'::jsonb)
      AND NOT EXISTS (
          SELECT 1 FROM complaint_parties p JOIN complaints k ON k.id = p.complaint_id
          WHERE p.contact_id = c.id AND p.role <> 'pengikut' AND k.status <> ALL(:ended))
      AND (c.name IS NOT NULL AND coalesce(c.last_message_at, c.created_at) < :before
           OR EXISTS (SELECT 1 FROM inbox i
                      WHERE i.channel = c.channel AND i.address = c.address AND i.received_at < :before)
           OR EXISTS (SELECT 1 FROM deliveries d WHERE d.contact_id = c.id AND d.created_at < :before
                      AND (d.failed_at IS NOT NULL OR d.held_at IS NOT NULL
                           OR d.sent_at IS NOT NULL AND (d.says <> '[]' OR d.buttons <> '[]'))))
    ORDER BY c.id LIMIT :most FOR UPDATE OF c SKIP LOCKED
""")
_SWEEP_NAMES = text("""
    UPDATE contacts SET name = NULL
    WHERE id = ANY(:ids) AND name IS NOT NULL AND coalesce(last_message_at, created_at) < :before
""")
_SWEEP_SPOKEN = text("""
    UPDATE deliveries SET says = '[]', buttons = '[]'
    WHERE contact_id = ANY(:ids) AND sent_at IS NOT NULL AND created_at < :before AND (says <> '[]' OR buttons <> '[]')
""")
# What could not be said all that time is not news any more. A chat that comes back may be reviving it: passed over.
_SWEEP_FAILED = text("""
    DELETE FROM deliveries WHERE id IN (
        SELECT id FROM deliveries
        WHERE contact_id = ANY(:ids) AND (failed_at IS NOT NULL OR held_at IS NOT NULL) AND created_at < :before
        FOR UPDATE SKIP LOCKED)
""")


async def _sweep_chats(connection: AsyncConnection, before: datetime, most: int) -> int:
    chats = (await connection.execute(_OLD, {"before": before, "ended": _ENDED, "most": most})).all()
    for chat in chats:
        of_chat = {"channel": chat.channel, "address": chat.address, "before": before}
        await connection.execute(_FORGET_HEARD, of_chat)
    if chats:
        of_chats = {"ids": [chat.id for chat in chats], "before": before}
        for statement in (_SWEEP_NAMES, _SWEEP_SPOKEN, _SWEEP_FAILED):
            await connection.execute(statement, of_chats)
    return len(chats)


# A turn that looked up its chat before that was joined with another one has found out by now.
_SETTLED = timedelta(hours=1)
_SWEEP_MERGED = text(_FORGET_MERGED.format("merged_into IS NOT NULL AND unreachable_since < :settled"))
# People of whom there is nothing left but the ids by which a provider knows them; what they filed is anonymous, or was
# carried to another chat.
_FORGOTTEN = text("""
    SELECT c.id, c.channel, c.address FROM contacts c
    WHERE (c.route IS NOT NULL OR EXISTS (SELECT 1 FROM contact_ids i WHERE i.contact_id = c.id))
      AND c.merged_into IS NULL AND NOT starts_with(c.address, 'gone:')
      AND coalesce(c.last_message_at, c.created_at) < :before
      AND coalesce(c.conversation -> 'draft', 'null') = 'null' AND coalesce(c.conversation -> 'parked', '[]') = '[]'
      AND NOT EXISTS (SELECT 1 FROM complaint_parties p WHERE p.contact_id = c.id)
      AND NOT EXISTS (SELECT 1 FROM media m WHERE m.contact_id = c.id)
      AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.contact_id = c.id AND d.sent_at IS NULL)
      AND NOT EXISTS (SELECT 1 FROM attention a WHERE a.contact_id = c.id AND a.closed_at IS NULL)
      AND NOT EXISTS (SELECT 1 FROM volunteers v WHERE v.citizen_id = c.citizen_id AND v.revoked_at IS NULL
                        AND v.valid_until >= CAST(:now AS timestamptz) - interval '1 day')
    ORDER BY c.id LIMIT :most FOR UPDATE OF c SKIP LOCKED
""")
_FORGET_SENT = text("""
    UPDATE deliveries SET address = 'gone:' || contact_id, says = '[]', buttons = '[]' WHERE contact_id = ANY(:ids)
""")
_FORGET_IDS = text("DELETE FROM contact_ids WHERE contact_id = ANY(:ids)")
_FORGET_PEOPLE = text("""
    UPDATE contacts SET address = 'gone:' || id, route = '', name = NULL, conversation = NULL WHERE id = ANY(:ids)
""")


async def _sweep_people(connection: AsyncConnection, now: datetime, before: datetime, most: int) -> int:
    """Forget how people were called of whom nothing is kept any more; whoever writes again is new to us."""
    merged = (await connection.execute(_SWEEP_MERGED, {"settled": now - _SETTLED, "most": most})).all()
    people = (await connection.execute(_FORGOTTEN, {"now": now, "before": before, "most": most})).all()
    for person in people:
        of_chat = {"channel": person.channel, "address": person.address, "before": None}
        await connection.execute(_FORGET_HEARD, of_chat)
    if people:
        for statement in (_FORGET_SENT, _FORGET_IDS, _FORGET_PEOPLE):
            await connection.execute(statement, {"ids": [person.id for person in people]})
    return len(merged) + len(people)


# Files that came for a draft which was dropped since; those of a draft that waits for an officer are there.
_SWEEP_FILES = text("""
    DELETE FROM media WHERE id IN (
        SELECT m.id FROM media m LEFT JOIN contacts c ON c.id = m.contact_id
        WHERE m.complaint_id IS NULL AND m.created_at < :before
          AND NOT EXISTS (
              SELECT FROM assistances a WHERE a.contact_id = m.contact_id AND a.draft = m.draft AND a.saved IS NOT NULL)
          AND (m.draft IS NULL OR c.conversation IS NULL OR NOT (
              c.conversation @> jsonb_build_object('draft', jsonb_build_object('number', m.draft))
              OR c.conversation @>
                 jsonb_build_object('parked', jsonb_build_array(jsonb_build_object('number', m.draft)))))
        ORDER BY m.id LIMIT :most FOR UPDATE OF m SKIP LOCKED)
      AND complaint_id IS NULL
    RETURNING coalesce(sha256, CASE WHEN channel = 'webchat' THEN provider_id END) AS name, clean_sha256
""")


async def _sweep_files(connection: AsyncConnection, before: datetime, most: int) -> Sequence[Any]:
    return (await connection.execute(_SWEEP_FILES, {"before": before, "most": most})).all()


# --- complaints that have been kept long enough ------------------------------------------------------

_DUE = text("""
    SELECT k.id FROM complaints k
    WHERE k.status = ANY(:ended) AND k.changed_at < :before
      AND NOT EXISTS (SELECT 1 FROM complaint_history h WHERE h.complaint_id = k.id AND h.event = 'anonymised')
    ORDER BY k.id LIMIT :most
""")
# Chats first, then the complaint, as everybody does; but there are many of them, so neither is waited for.
_PEOPLE = text("""
    SELECT contact_id AS id FROM complaints WHERE id = :id AND contact_id IS NOT NULL
    UNION SELECT contact_id FROM complaint_parties WHERE complaint_id = :id AND contact_id IS NOT NULL
""")
_LOCK_PEOPLE = text("SELECT id FROM contacts WHERE id = ANY(:ids) ORDER BY id FOR UPDATE SKIP LOCKED")
_LOCK = text("""
    SELECT k.id, k.ticket, k.title, k.text, k.happened, k.secret FROM complaints k
    WHERE k.id = :id AND k.status = ANY(:ended) AND k.changed_at < :before
      AND NOT EXISTS (SELECT 1 FROM complaint_history h WHERE h.complaint_id = k.id AND h.event = 'anonymised')
    FOR UPDATE OF k SKIP LOCKED
""")


async def _sweep_complaints(
    connection: AsyncConnection, before: datetime, mask: Mask, most: int
) -> tuple[int, int, tuple[str, ...]]:
    """How many became anonymous, how many could not be masked, and the files that went."""
    due = (await connection.execute(_DUE, {"ended": _ENDED, "before": before, "most": most})).all()
    done, unmasked, freed = 0, 0, set[str]()
    for each in due:
        people = {row.id for row in await connection.execute(_PEOPLE, {"id": each.id})}
        locked = {row.id for row in await connection.execute(_LOCK_PEOPLE, {"ids": sorted(people)})}
        parameters = {"id": each.id, "ended": _ENDED, "before": before}
        complaint = (await connection.execute(_LOCK, parameters)).one_or_none() if locked == people else None
        if complaint is None:
            continue
        words = await _masked(connection, complaint, mask)
        if words is None:
            unmasked += 1
            continue
        freed |= set(await _anonymise(connection, complaint, people, words))
        done += 1
    return done, unmasked, tuple(freed)


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of a complaint without personal data; `notes` are (id of the history row, reason, note), `comments`
    (citizen, comment)."""

    title: str
    text: str
    happened: str | None
    notes: tuple[tuple[int, str | None, str | None], ...]
    comments: tuple[tuple[int, str | None], ...]


class _UnmaskedError(Exception):
    """A text could not be looked through."""


_NOTES = text("""
    SELECT id, reason, note FROM complaint_history
    WHERE complaint_id = :id AND (reason IS NOT NULL OR note IS NOT NULL) ORDER BY id
""")
_COMMENTS = text("SELECT citizen_id, comment FROM ratings WHERE complaint_id = :id AND comment IS NOT NULL")


async def _masked(connection: AsyncConnection, complaint: Any, mask: Mask) -> _Words | None:
    """All words of a complaint, masked; None where that was not possible. Of a Rahasia complaint no words are kept:
    they were promised to the officers who handled it, and nothing else may be learned from them."""

    def clean(words: str | None) -> str | None:
        if not words:
            return words
        if complaint.secret:
            return None
        found = mask(words)
        if found is None:
            raise _UnmaskedError
        return found

    notes = (await connection.execute(_NOTES, {"id": complaint.id})).all()
    comments = (await connection.execute(_COMMENTS, {"id": complaint.id})).all()
    try:
        return _Words(
            title=(clean(complaint.title) or "")[:_TITLE],
            text=clean(complaint.text) or "",
            happened=clean(complaint.happened),
            notes=tuple((row.id, clean(row.reason), clean(row.note)) for row in notes),
            comments=tuple((row.citizen_id, clean(row.comment)) for row in comments),
        )
    except _UnmaskedError:
        return None


_ANONYMISE = text("""
    UPDATE complaints SET
        title = :title, text = :text, masked_text = NULL, happened = :happened, contact_id = NULL, draft = NULL,
        -- About a hundred metres: the neighbourhood, and no longer the door.
        latitude = round(CAST(latitude AS numeric), 3), longitude = round(CAST(longitude AS numeric), 3)
    WHERE id = :id
""")
_MASK_NOTE = text("UPDATE complaint_history SET reason = :reason, note = :note WHERE id = :id")
_MASK_COMMENT = text("UPDATE ratings SET comment = :comment WHERE complaint_id = :id AND citizen_id = :citizen")
_WORDLESS_EDITS = text("""
    UPDATE complaint_history SET was = was - 'title', became = became - 'title'
    WHERE complaint_id = :id AND event = 'edited'
""")
# Who spoke in another system's own words may be a person's name.
_NAMELESS_NEWS = text("""
    UPDATE complaint_history SET became = became - 'said_by' WHERE complaint_id = :id AND became ? 'said_by'
""")
_NAMELESS_ACTS = text("""
    UPDATE complaint_history SET actor_id = '' WHERE complaint_id = :id AND actor_kind = 'citizen' AND actor_id <> ''
""")
_WORDLESS_ROUTINGS = text("""
    UPDATE routings SET reason = NULL, actor_id = CASE WHEN actor_kind = 'citizen' THEN '' ELSE actor_id END
    WHERE complaint_id = :id AND (reason IS NOT NULL OR actor_kind = 'citizen')
""")
# Roles and stars belong to somebody by their keys: to people of whom nothing is known, one for each.
_CITIZENS = text("""
    SELECT citizen_id AS id FROM complaints WHERE id = :id AND citizen_id IS NOT NULL
    UNION SELECT citizen_id FROM complaint_parties WHERE complaint_id = :id
    UNION SELECT citizen_id FROM ratings WHERE complaint_id = :id
    ORDER BY id
""")
_REPLACE = text("""
    WITH nobody AS (INSERT INTO citizens (name) VALUES (NULL) RETURNING id), party AS (
        UPDATE complaint_parties SET citizen_id = nobody.id, contact_id = NULL FROM nobody
        WHERE complaint_id = :id AND citizen_id = :citizen
    ), rating AS (
        UPDATE ratings SET citizen_id = nobody.id FROM nobody WHERE complaint_id = :id AND citizen_id = :citizen
    )
    UPDATE complaints SET citizen_id = nobody.id FROM nobody
    WHERE complaints.id = :id AND complaints.citizen_id = :citizen
""")
_DROP_COMPLAINT_FILES = text("""
    DELETE FROM media WHERE complaint_id = :id
    RETURNING coalesce(sha256, CASE WHEN channel = 'webchat' THEN provider_id END) AS name, clean_sha256
""")
_FORGET_NEWS = text("""
    UPDATE deliveries SET says = '[]', buttons = '[]', files = '[]', complaint_id = NULL
    WHERE complaint_id = :id AND sent_at IS NOT NULL
""")
_DROP_FAILED_NEWS = text("""
    DELETE FROM deliveries WHERE id IN (
        SELECT id FROM deliveries WHERE complaint_id = :id AND (failed_at IS NOT NULL OR held_at IS NOT NULL)
        FOR UPDATE SKIP LOCKED)
""")
_FORGET_MATTERS = text("UPDATE attention SET contact_id = NULL WHERE complaint_id = :id AND contact_id IS NOT NULL")
# Nobody takes it over any more, and nobody is looked for; that it was told with somebody's help is a count.
_FORGET_ASSISTED = text("""
    UPDATE assistances SET citizen_id = NULL, consent_words = '', reach_words = NULL, keeps = false, code_sha256 = NULL,
        code_until = NULL
    WHERE complaint_id = :id
""")
# What other systems told of it, and what followed it there: that it was, and when, stays; words and files go.
_FORGET_TOLD = text("""
    UPDATE reference_entries e SET words = NULL, by = NULL FROM complaint_references r
    WHERE r.complaint_id = :id AND e.reference_id = r.id
""")
_FORGET_POSTS = text("""
    DELETE FROM reference_posts p USING complaint_references r
    WHERE r.complaint_id = :id AND p.reference_id = r.id AND p.media_id IS NOT NULL
""")
_FORGET_LAST = text("""
    UPDATE contacts SET conversation = jsonb_set(conversation, '{last}', 'null')
    WHERE id = ANY(:ids) AND conversation #>> '{last,ticket}' = :ticket
""")


async def _anonymise(
    connection: AsyncConnection, complaint: Any, people: Collection[int], words: _Words
) -> tuple[str, ...]:
    """Cut every way from a complaint to a person; returns the names of its files. Ticket, code, class, place, region,
    agency, status, stars, the number of its followers and the moments of its history stay."""
    this = {"id": complaint.id}
    for row_id, reason, note in words.notes:
        await connection.execute(_MASK_NOTE, {"id": row_id, "reason": reason, "note": note})
    for citizen, comment in words.comments:
        await connection.execute(_MASK_COMMENT, this | {"citizen": citizen, "comment": comment})
    citizens = [row.id for row in await connection.execute(_CITIZENS, this)]
    for citizen in citizens:
        await connection.execute(_REPLACE, this | {"citizen": citizen})
    await connection.execute(_ANONYMISE, this | {"title": words.title, "text": words.text, "happened": words.happened})
    for statement in (
        _WORDLESS_EDITS,
        _NAMELESS_NEWS,
        _NAMELESS_ACTS,
        _WORDLESS_ROUTINGS,
        _FORGET_NEWS,
        _DROP_FAILED_NEWS,
        _FORGET_MATTERS,
        _FORGET_ASSISTED,
        _FORGET_TOLD,
        _FORGET_POSTS,
    ):
        await connection.execute(statement, this)
    await connection.execute(_FORGET_LAST, {"ids": sorted(people), "ticket": complaint.ticket})
    for citizen in citizens:
        await connection.execute(_FORGET_CITIZEN, {"citizen": citizen})
    await complaints.write(connection, complaint.id, Actor("system", "retention"), "anonymised")
    return _names((await connection.execute(_DROP_COMPLAINT_FILES, this)).all())
