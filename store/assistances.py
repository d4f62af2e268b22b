"""Who assisted a resident with a report, with what consent, and how the resident is reached (docs/decisions/0014).

Whoever assists is no party to the report: `filed` cuts the chat in which it was told from the report and from its
files, and what the volunteer may go on seeing is read off the rows here (`kept_of`, `news_to`). The resident makes a
chat of their own the pelapor's with a code (`redeem`).

A draft that was split has the same consent under another number: `of_draft` makes a row of its own for it.

Whoever changes the row of a report that is filed has locked the complaint before it, and chats before that
(docs/decisions/0008); no chat is waited for here. A row is kept as a count when its words have gone (store/rights.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from rapidfuzz import fuzz
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import carryovers, complaints, guesses, receipts, staff
from store.carryovers import ASSISTED, TOO_MANY, UNKNOWN, Nothing
from store.complaints import Actor
from store.policy import Reach
from store.volunteers import CODE_LENGTH, COUNTER, VOLUNTEER, Grant

REACHES = ("chat", "phone", "place", "none")
# The matters (store/attention.py): drafts wait for an officer, one for all of them; a resident without a chat is to be
# told something; they take the consent back; a take-over code that was used is sent by somebody else.
DRAFTS, REACH, CONSENT, TWICE = "assisted_draft", "reach_resident", "consent_withdrawn", "code_used_twice"
# Whoever assists hears of news of one report no oftener than this.
TOLD_EVERY = timedelta(hours=1)
KEPT = 50

# Reports of the last days are compared, the newest of one assistant, so many characters of each.
LOOKED_BACK = timedelta(days=30)
COMPARED = 200
READ = 1500
# rapidfuzz's ratio from which two texts are nearly the same; of two towns only copies are.
NEARLY, COPIED = 85.0, 95.0
_CITY = len("16.71")


@dataclass(frozen=True, slots=True)
class Assistance:
    """A consent and what came of it. `outcome` is filed, dropped, desk or withdrawn (None: the draft goes on);
    `complaint_id` and `ticket` are those of the report, by the desk too."""

    id: int
    volunteer_id: int | None
    counter_id: int | None
    contact_id: int
    draft: int
    consented_at: datetime
    consent_language: str
    reach: str | None
    keeps: bool
    outcome: str | None
    citizen_id: int | None
    complaint_id: int | None
    ticket: str | None

    @property
    def kind(self) -> str:
        """volunteer or counter."""
        return VOLUNTEER if self.counter_id is None else COUNTER


class NoAssistance(LookupError):
    """There is no such consent in that chat."""


# --- drafts ------------------------------------------------------------------------------------------

# A turn that is done again has the same draft: the words that were read last count.
_BEGIN = text("""
    INSERT INTO assistances AS known
        (volunteer_id, counter_id, contact_id, draft, consented_at, consent_words, consent_language)
    VALUES (:volunteer_id, :counter_id, :contact_id, :draft, :now, :words, :language)
    ON CONFLICT (contact_id, draft) DO UPDATE
    SET consent_words = excluded.consent_words, consent_language = excluded.consent_language
    WHERE known.outcome IS NULL RETURNING id
""")


async def begin(
    connection: AsyncConnection,
    *,
    grant: Grant,
    contact_id: int,
    draft: int,
    words: str,
    language: str,
    now: datetime,
) -> int:
    """A resident has agreed to be assisted with the draft of that number, to these words, read aloud in that language.
    Returns the assistance's id. Raises ValueError where an assistance with that draft has ended."""
    parameters = {
        "volunteer_id": grant.id if grant.kind == VOLUNTEER else None,
        "counter_id": grant.id if grant.kind == COUNTER else None,
        "contact_id": contact_id,
        "draft": draft,
        "now": now,
        "words": words,
        "language": language,
    }
    found = (await connection.execute(_BEGIN, parameters)).scalar_one_or_none()
    if found is None:
        raise ValueError("the assistance with this draft has ended")
    return int(found)


_COLUMNS = """
    a.id, a.volunteer_id, a.counter_id, a.contact_id, a.draft, a.consented_at, a.consent_language, a.reach, a.keeps,
    a.outcome, a.citizen_id, a.complaint_id, (SELECT k.ticket FROM complaints k WHERE k.id = a.complaint_id) AS ticket
"""
_COPY = """
    INSERT INTO assistances
        (volunteer_id, counter_id, contact_id, draft, consented_at, consent_words, consent_language)
    SELECT volunteer_id, counter_id, contact_id, :draft, consented_at, consent_words, consent_language
    FROM assistances WHERE id = :id AND contact_id = :contact_id
    ON CONFLICT (contact_id, draft) DO NOTHING
"""
_SPLIT = text(_COPY)
_OF_DRAFT = text(f"""
    SELECT {_COLUMNS} FROM assistances a JOIN assistances first ON first.id = :id
    WHERE a.contact_id = :contact_id AND a.draft = :draft
      AND (a.consented_at, a.contact_id) = (first.consented_at, first.contact_id)
""")  # noqa: S608 (columns, and no value)


async def of_draft(connection: AsyncConnection, assistance_id: int, contact_id: int, draft: int) -> Assistance:
    """The assistance with the draft of that number, in a chat that this transaction has locked; `assistance_id` is the
    one that the draft knows, which may be that of the draft that it was split from. Raises `NoAssistance`."""
    parameters = {"id": assistance_id, "contact_id": contact_id, "draft": draft}
    row = (await connection.execute(_OF_DRAFT, parameters)).one_or_none()
    if row is None:
        await connection.execute(_SPLIT, parameters)
        row = (await connection.execute(_OF_DRAFT, parameters)).one_or_none()
    if row is None:
        raise NoAssistance(assistance_id)
    return Assistance(*row)


# What the resident had told so far is not kept, nor how they would have been reached; the row stays as a count.
_END = text("""
    UPDATE assistances SET outcome = :outcome, ended_at = :now, consent_words = '', reach_words = NULL, saved = NULL
    WHERE id = :id AND outcome IS NULL RETURNING id
""")
# Other parts of a draft that was split, in the chat as it was last saved: theirs is the same consent.
_PARTS = text("""
    SELECT CAST(d->>'number' AS integer) AS number
    FROM assistances a JOIN contacts c ON c.id = a.contact_id,
         jsonb_array_elements(
             jsonb_path_query_array(c.conversation, '$.draft ? (@.context.assist.id == $id)', CAST(:known AS jsonb))
             || jsonb_path_query_array(c.conversation, '$.parked[*] ? (@.context.assist.id == $id)',
                                       CAST(:known AS jsonb))) d
    WHERE a.id = :id AND jsonb_typeof(d->'number') = 'number'
""")


async def ended(connection: AsyncConnection, assistance_id: int, outcome: str, now: datetime) -> None:
    """A draft is no more: `outcome` is dropped, or withdrawn where the resident has taken the consent back. Its words
    of consent and of contact go at once. What has ended stays as it was."""
    if outcome not in ("dropped", "withdrawn"):
        raise ValueError(f"{outcome!r} does not end a draft for nothing")
    await _separate(connection, assistance_id)
    await connection.execute(_END, {"id": assistance_id, "outcome": outcome, "now": now})


async def _separate(connection: AsyncConnection, assistance_id: int) -> None:
    """Give the other parts of a split draft rows of their own, before this one loses its words."""
    where = (await connection.execute(_WHERE, {"id": assistance_id})).one_or_none()
    if where is None:
        return
    of_draft = {"id": assistance_id, "known": json.dumps({"id": assistance_id})}
    parts = (await connection.execute(_PARTS, of_draft)).scalars().all()
    for number in sorted(set(parts) - {where.draft}):
        await connection.execute(_SPLIT, {"id": assistance_id, "contact_id": where.contact_id, "draft": number})


_WHERE = text("SELECT contact_id, draft FROM assistances WHERE id = :id")
_DROP_OPEN = text("""
    UPDATE assistances SET outcome = 'dropped', ended_at = :now, consent_words = '', reach_words = NULL, saved = NULL
    WHERE contact_id = :contact_id AND outcome IS NULL
""")


async def drop_open(connection: AsyncConnection, contact_id: int, now: datetime) -> None:
    """Nothing is left of the drafts of a chat, which is locked: those with consent are dropped."""
    await connection.execute(_DROP_OPEN, {"contact_id": contact_id, "now": now})


# --- filing ------------------------------------------------------------------------------------------

# A draft that an officer files keeps its outcome: it was given to the desk.
_FILED = text("""
    UPDATE assistances SET
        outcome = coalesce(outcome, 'filed'), ended_at = coalesce(ended_at, :now), complaint_id = :complaint_id,
        citizen_id = :citizen_id, reach = :reach, reach_words = :reach_words, keeps = :keeps, alike = :alike,
        saved = NULL, code_sha256 = :digest, code_until = :until
    WHERE id = :id AND complaint_id IS NULL AND (outcome IS NULL OR outcome = 'desk' AND saved IS NOT NULL)
    RETURNING contact_id, consented_at
""")
_FREE = text("SELECT 1 FROM assistances WHERE code_sha256 = :digest")
_DETACH = [
    text(statement)
    for statement in (
        "UPDATE complaints SET contact_id = NULL, draft = NULL WHERE id = :complaint_id",
        "UPDATE complaint_parties SET contact_id = NULL WHERE complaint_id = :complaint_id AND role = 'pelapor'",
        # Nor is it told in the chat what is heard in them, or where they say that they were taken.
        """
        UPDATE media SET contact_id = NULL, draft = NULL, line_id = NULL, taken_at_place = NULL
        WHERE complaint_id = :complaint_id AND staff_id IS NULL
        """,
        # A danger that was raised in the chat while this was told: officers find it with the report, and nobody
        # answers it in a chat that is not the pelapor's.
        """
        UPDATE attention SET complaint_id = :complaint_id, contact_id = NULL
        WHERE contact_id = :contact_id AND kind = 'danger' AND complaint_id IS NULL AND closed_at IS NULL
          AND opened_at >= :consented_at
        """,
    )
]


async def filed(
    connection: AsyncConnection,
    assistance_id: int,
    *,
    complaint_id: int,
    citizen_id: int,
    reach: str | None,
    reach_words: str | None,
    keeps: bool,
    alike: int,
    now: datetime,
    valid_days: int,
) -> tuple[str, datetime]:
    """The draft is this complaint, filed in this transaction for that citizen, the resident. Nothing leads from it to
    the chat any more, nor from its files.

    `reach` is one of REACHES (None: it was not asked), `reach_words` the number or the place; `alike` what `look_alike`
    has found. Returns the code with which the resident takes it over, in its written form, and until when. Raises
    ValueError where the assistance has come to another end.
    """
    until = now + timedelta(days=valid_days)
    code = await _free_code(connection)
    parameters = {
        "id": assistance_id,
        "complaint_id": complaint_id,
        "citizen_id": citizen_id,
        "reach": reach,
        "reach_words": reach_words or None,
        "keeps": keeps,
        "alike": min(alike, 32_000),
        "digest": _digest(code),
        "now": now,
        "until": until,
    }
    row = (await connection.execute(_FILED, parameters)).one_or_none()
    if row is None:
        raise ValueError("this assistance has come to another end")
    told = {"complaint_id": complaint_id, "contact_id": row.contact_id, "consented_at": row.consented_at}
    for statement in _DETACH:
        await connection.execute(statement, told)
    return code, until


async def _free_code(connection: AsyncConnection) -> str:
    for _ in range(5):
        code = receipts.new_code(CODE_LENGTH)
        if (await connection.execute(_FREE, {"digest": _digest(code)})).first() is None:
            return code
    raise RuntimeError("no free code in five draws")


def _digest(code: str) -> str:
    return staff.digest(receipts.read_code(code, CODE_LENGTH) or code)


# --- how like others it is ---------------------------------------------------------------------------

_THEIRS = """
    SELECT a.complaint_id FROM assistances a
    WHERE {} AND a.consented_at > :since AND a.complaint_id IS NOT NULL ORDER BY a.consented_at DESC LIMIT :most
"""
_OF_VOLUNTEER = """
    a.volunteer_id IN (SELECT o.id FROM volunteers v JOIN volunteers o ON o.id = v.id OR o.citizen_id = v.citizen_id
                       WHERE v.id = :grant_id)
"""
_OF_COUNTER = """
    a.counter_id IN (SELECT o.id FROM counters n JOIN counters o ON o.staff_id = n.staff_id WHERE n.id = :grant_id)
"""


def _texts(whose: str) -> Any:
    return text(f"""
        SELECT k.id, left(k.text, :read) AS text, k.region FROM complaints k
        WHERE k.id IN ({_THEIRS.format(whose)}) OR k.id IN ({_THEIRS.format("a.contact_id = :contact_id")})
    """)  # noqa: S608 (the clauses above, and no value)


_TEXTS = {VOLUNTEER: _texts(_OF_VOLUNTEER), COUNTER: _texts(_OF_COUNTER)}
# A number as the network takes it: without what people put between its digits, and without +62, 0062 or 0 before it.
# The expression is that of an index (ix_assistances_telephone).
TELEPHONE = "regexp_replace(regexp_replace({}, '[^0-9]'::text, ''::text, 'g'::text), '^(00)?(62)?0*'::text, ''::text)"
_CALLED = text(f"""
    SELECT a.complaint_id FROM assistances a
    WHERE a.reach = 'phone' AND {TELEPHONE.format("a.reach_words")} = {TELEPHONE.format("CAST(:words AS text)")}
      AND a.consented_at > :since AND a.complaint_id IS NOT NULL LIMIT :most
""")  # noqa: S608 (the expression above, and no value)
_SHORTEST = 6


async def look_alike(
    connection: AsyncConnection,
    *,
    grant: Grant,
    contact_id: int,
    text: str,
    region: str | None,
    reach_words: str | None,
    now: datetime,
) -> int:
    """How many assisted reports of the last thirty days resemble one that is to be filed: those of the same assistant,
    or from the same chat, whose text is nearly the same, and anybody's that have the same telephone.

    `reach_words` is the telephone (None: there is none). A count, and no word of any of them; the work has a bound,
    whatever there is.
    """
    since = now - LOOKED_BACK
    parameters = {"grant_id": grant.id, "contact_id": contact_id, "since": since, "read": READ, "most": COMPARED}
    rows = (await connection.execute(_TEXTS[grant.kind], parameters)).all()
    asked = _plain(text[:READ])
    found = {row.id for row in rows if _nearly(asked, region, _plain(row.text), row.region)}
    if reach_words and sum(each.isdecimal() for each in reach_words) >= _SHORTEST:
        called = {"words": reach_words, "since": since, "most": COMPARED}
        found |= set((await connection.execute(_CALLED, called)).scalars())
    return len(found)


def _plain(words: str) -> str:
    return " ".join(words.casefold().split())


def _nearly(one: str, here: str | None, other: str, there: str | None) -> bool:
    """Whether two texts are nearly the same, also with their sentences in another order."""
    if not one or not other:
        return False
    elsewhere = here is not None and there is not None and here[:_CITY] != there[:_CITY]
    least = COPIED if elsewhere else NEARLY
    return fuzz.ratio(one, other) >= least or fuzz.token_sort_ratio(one, other) >= least


# --- who assisted, afterwards ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """The chat of a volunteer who is to hear that there is news for a ticket, and never what it is."""

    contact_id: int
    channel: str
    address: str
    language: str
    ticket: str
    assistance_id: int


# The chat must be one of the volunteer's still: they may have left it to somebody (links.leave).
_NEWS_TO = text("""
    SELECT c.id, c.channel, c.address, coalesce(c.conversation->>'language', 'id') AS language, k.ticket,
           a.id AS assistance_id
    FROM assistances a
    JOIN volunteers v ON v.id = a.volunteer_id JOIN regions r ON r.code = v.region
    JOIN contacts c ON c.id = a.contact_id AND c.citizen_id = v.citizen_id
    JOIN complaints k ON k.id = a.complaint_id
    WHERE a.complaint_id = :complaint_id AND a.keeps AND a.taken_at IS NULL AND a.withdrawn_at IS NULL
      AND v.revoked_at IS NULL AND v.paused_at IS NULL
      AND v.valid_until >= CAST(CAST(:now AS timestamptz) AT TIME ZONE r.timezone AS date)
      AND c.unreachable_since IS NULL AND c.merged_into IS NULL AND c.route IS DISTINCT FROM ''
      AND (a.told_at IS NULL OR a.told_at <= :before)
    FOR NO KEY UPDATE OF c NOWAIT
""")
_TELL = text("UPDATE assistances SET told_at = :now WHERE id = ANY(:ids)")


async def news_to(connection: AsyncConnection, complaint_id: int, now: datetime) -> list[Told]:
    """Who assisted with this report, which this transaction has locked, and is to be told that there is news: a
    volunteer whose grant holds, where the resident agreed and has no chat of their own; once an hour at most.

    The chat is locked, and nobody is waited for: raises psycopg's LockNotAvailable as `complaints.readers` does.
    """
    parameters = {"complaint_id": complaint_id, "now": now, "before": now - TOLD_EVERY}
    found = [Told(*row) for row in await connection.execute(_NEWS_TO, parameters)]
    if found:
        await connection.execute(_TELL, {"now": now, "ids": [each.assistance_id for each in found]})
    return found


@dataclass(frozen=True, slots=True)
class Kept:
    """What a volunteer keeps of a report, with the resident's consent: ticket, status (SP4N's own name), where and
    when. `place` is the name of the region or the words for the place, "" where none is known, and for Rahasia."""

    ticket: str
    status: str
    place: str
    filed_at: datetime


_KEPT_OF = text("""
    SELECT k.ticket, k.status, CASE WHEN k.secret THEN '' ELSE coalesce(r.name, k.place, '') END AS place, k.filed_at
    FROM contacts c JOIN volunteers v ON v.citizen_id = c.citizen_id JOIN regions w ON w.code = v.region
    JOIN assistances a ON a.volunteer_id = v.id JOIN complaints k ON k.id = a.complaint_id
    LEFT JOIN regions r ON r.code = k.region
    WHERE c.id = :contact_id AND a.keeps AND a.taken_at IS NULL AND a.withdrawn_at IS NULL
      AND v.revoked_at IS NULL AND v.paused_at IS NULL
      AND (CAST(:today AS date) IS NULL OR v.valid_until >= CAST(:today AS date))
    ORDER BY k.id DESC LIMIT :most
""")


async def kept_of(
    connection: AsyncConnection, contact_id: int, today: date | None = None, most: int = KEPT
) -> list[Kept]:
    """What the volunteer of this chat keeps of reports that they assisted with in any of their chats, newest first;
    nothing under a grant that is paused, revoked or (with `today`) over, and nothing at a counter."""
    parameters = {"contact_id": contact_id, "today": today, "most": most}
    return [Kept(*row) for row in await connection.execute(_KEPT_OF, parameters)]


_TO_WITHDRAW = text("""
    SELECT a.id, a.complaint_id FROM complaints k JOIN assistances a ON a.complaint_id = k.id
    LEFT JOIN volunteers v ON v.id = a.volunteer_id
    WHERE k.ticket = :ticket AND a.taken_at IS NULL AND a.withdrawn_at IS NULL
      AND (a.contact_id = :contact_id OR a.keeps AND v.citizen_id = CAST(:citizen_id AS bigint))
""")
_LOCK_COMPLAINT = text("SELECT id FROM complaints WHERE id = :id FOR NO KEY UPDATE")
_WITHDRAW = text("""
    UPDATE assistances SET withdrawn_at = :now, keeps = false
    WHERE id = :id AND taken_at IS NULL AND withdrawn_at IS NULL RETURNING complaint_id
""")


async def withdrawn(
    connection: AsyncConnection, ticket: str, contact_id: int, citizen_id: int | None, now: datetime
) -> int | None:
    """The resident of this ticket takes the consent back, and says so through whoever assisted: in the chat in which it
    was told, or in another one of the volunteer's (`citizen_id`) while they keep the ticket.

    Returns the complaint's id, locked; None where there is no such ticket for this chat, or the resident has taken it
    over. The report is a matter of its own: an officer confirms it with the resident, for which the words of consent
    and of contact stay; and the code stays the resident's.
    """
    parameters = {"ticket": ticket, "contact_id": contact_id, "citizen_id": citizen_id}
    found = (await connection.execute(_TO_WITHDRAW, parameters)).one_or_none()
    if found is None:
        return None
    await connection.execute(_LOCK_COMPLAINT, {"id": found.complaint_id})
    await _separate(connection, found.id)
    done = (await connection.execute(_WITHDRAW, {"id": found.id, "now": now})).scalar_one_or_none()
    return None if done is None else int(done)


@dataclass(frozen=True, slots=True)
class Helped:
    """Who assisted the pelapor of a report, and how they are reached: for officers who may know, and written down each
    time. `kind` is volunteer or counter, `name` theirs (None once erased), `region` a Kemendagri code."""

    assistance_id: int
    kind: str
    name: str | None
    region: str
    reach: str | None
    reach_words: str | None
    taken_at: datetime | None
    withdrawn_at: datetime | None


_OF_COMPLAINT = text("""
    SELECT a.id, CASE WHEN a.counter_id IS NULL THEN 'volunteer' ELSE 'counter' END AS kind,
           coalesce(v.name, n.name) AS name, coalesce(v.region, n.region) AS region, a.reach, a.reach_words, a.taken_at,
           a.withdrawn_at
    FROM assistances a LEFT JOIN volunteers v ON v.id = a.volunteer_id LEFT JOIN counters n ON n.id = a.counter_id
    WHERE a.complaint_id = :complaint_id
""")


async def of_complaint(connection: AsyncConnection, complaint_id: int) -> Helped | None:
    """Who assisted with a report; None where its pelapor told it alone."""
    row = (await connection.execute(_OF_COMPLAINT, {"complaint_id": complaint_id})).one_or_none()
    return None if row is None else Helped(*row)


_HELPED_WITH = text("""
    SELECT a.complaint_id FROM assistances a JOIN contacts t ON t.id = a.contact_id
    LEFT JOIN volunteers v ON v.id = a.volunteer_id
    WHERE a.complaint_id = ANY(:ids)
      AND (a.contact_id = :contact_id OR CAST(:citizen_id AS bigint) IN (t.citizen_id, v.citizen_id))
""")


async def helped_with(
    connection: AsyncConnection, complaint_ids: Sequence[int], contact_id: int, citizen_id: int | None
) -> set[int]:
    """Those of these reports that whoever is behind this chat assisted somebody with: none of theirs to follow."""
    parameters = {"ids": list(complaint_ids), "contact_id": contact_id, "citizen_id": citizen_id}
    return set((await connection.execute(_HELPED_WITH, parameters)).scalars())


# --- the resident takes it over ----------------------------------------------------------------------

_BY_CODE = text("""
    SELECT a.id, a.complaint_id FROM assistances a
    WHERE a.code_sha256 = :digest AND a.code_until > :now AND a.taken_at IS NULL AND a.complaint_id IS NOT NULL
""")
# Whoever assisted: the chat in which it was told, all others of its citizen, the volunteer's, and any of a counter.
_TAKER = text("""
    SELECT c.citizen_id, c.name, c.conversation->>'language' AS language,
           c.counter_id IS NOT NULL OR c.id = a.contact_id
           OR coalesce(c.citizen_id IN (v.citizen_id, t.citizen_id), false) AS assisted
    FROM contacts c, assistances a
    JOIN contacts t ON t.id = a.contact_id LEFT JOIN volunteers v ON v.id = a.volunteer_id
    WHERE c.id = :by AND a.id = :id
""")
_STILL = text("""
    SELECT a.citizen_id, k.ticket, k.citizen_id AS pelapor,
           EXISTS (SELECT FROM contacts c WHERE c.citizen_id = k.citizen_id) AS has_chats
    FROM assistances a JOIN complaints k ON k.id = a.complaint_id
    WHERE a.id = :id AND a.code_sha256 = :digest AND a.code_until > :now AND a.taken_at IS NULL FOR UPDATE OF a
""")
# Whether this transaction has counted this very guess already, as a code that carries something.
_COUNTED = text("""
    SELECT 1 FROM guesses WHERE kind = :kind AND guesser = :guesser AND at > :since
      AND xmin = CAST(pg_current_xact_id() AS xid)
""")


# A code stays known until its last day: whoever comes second with it is told, and so is an officer.
_USED = text("""
    SELECT a.complaint_id, EXISTS (
        SELECT FROM complaint_parties p JOIN contacts c ON c.citizen_id = p.citizen_id
        WHERE p.complaint_id = a.complaint_id AND p.role = 'pelapor' AND c.id = :by) AS theirs
    FROM assistances a
    WHERE a.code_sha256 = :digest AND a.code_until > :now AND a.taken_at IS NOT NULL AND a.complaint_id IS NOT NULL
""")


@dataclass(frozen=True, slots=True)
class Used:
    """The code of this complaint has been used already: by the citizen who sends it again (`theirs`), or by another."""

    complaint_id: int
    theirs: bool


async def redeem(connection: AsyncConnection, code: str, *, by: int, now: datetime) -> str | Used | Nothing:
    """Make the chat `by`, which this transaction has locked, the pelapor's chat of the report with this code; its news
    go there from now on. Returns the ticket, or why not, as `carryovers.redeem` does: unknown (no such code, or it is
    over; counted as one wrong guess, also where `carryovers` has looked for it before), too_many, or assisted: the chat
    is of whoever assisted, or one of a counter; the code stays good. `Used`: somebody was quicker, which is no guess.

    A chat without a citizen becomes one of the resident's own; else the report goes over to its citizen, who follows it
    no more where they did. Raises `carryovers.Busy`.
    """
    digits = receipts.read_code(code, CODE_LENGTH)
    if digits is None:
        return UNKNOWN
    asked = {"kind": carryovers.KIND, "guesser": str(by), "since": now - guesses.WINDOW}
    counted = (await connection.execute(_COUNTED, asked)).first() is not None
    if not counted and not await guesses.allowed(connection, carryovers.KIND, str(by), carryovers.GUESSES, now):
        return TOO_MANY
    good = {"digest": _digest(digits), "now": now}
    found = (await connection.execute(_BY_CODE, good)).one_or_none()
    if found is not None:
        taker = (await connection.execute(_TAKER, {"by": by, "id": found.id})).one()
        if taker.assisted:
            return ASSISTED
        # Whoever redeems the same code at the same moment has the complaint: then it is looked for anew.
        await carryovers.lock(connection, [found.complaint_id])
        still = (await connection.execute(_STILL, {**good, "id": found.id})).one_or_none()
        if still is not None:
            await _take_over(connection, found, still, taker, by, now)
            return str(still.ticket)
    used = (await connection.execute(_USED, {**good, "by": by})).one_or_none()
    if used is not None:
        return Used(used.complaint_id, used.theirs)
    if not counted:
        await guesses.wrong(connection, carryovers.KIND, str(by), now)
    return UNKNOWN


_SAME = text("UPDATE contacts SET citizen_id = :citizen WHERE id = :by")
_SPEAKS = text("""
    UPDATE citizens SET name = coalesce(name, :name), language = coalesce(:language, language) WHERE id = :citizen
""")
_MOVE = [
    text(statement)
    for statement in (
        # Pelapor is the stronger role, and stays alone.
        "DELETE FROM complaint_parties WHERE complaint_id = :id AND citizen_id = :citizen AND role = 'pengikut'",
        """
        UPDATE complaint_parties SET citizen_id = :citizen, contact_id = :by
        WHERE complaint_id = :id AND citizen_id = :old AND role = 'pelapor'
        """,
        "UPDATE complaints SET citizen_id = :citizen WHERE id = :id AND citizen_id = :old",
        """
        DELETE FROM ratings WHERE complaint_id = :id AND citizen_id = :citizen AND :old <> :citizen
          AND EXISTS (SELECT FROM ratings r WHERE r.complaint_id = :id AND r.citizen_id = :old)
        """,
        "UPDATE ratings SET citizen_id = :citizen WHERE complaint_id = :id AND citizen_id = :old",
        # The history tells the pelapor's own words by this id.
        """
        UPDATE complaint_history SET actor_id = CAST(CAST(:citizen AS bigint) AS text)
        WHERE complaint_id = :id AND actor_kind = 'citizen' AND actor_id = CAST(CAST(:old AS bigint) AS text)
        """,
        """
        UPDATE routings SET actor_id = CAST(CAST(:citizen AS bigint) AS text)
        WHERE complaint_id = :id AND actor_kind = 'citizen' AND actor_id = CAST(CAST(:old AS bigint) AS text)
        """,
        """
        UPDATE assistances SET citizen_id = :citizen, taken_at = :now
        WHERE id = :assistance
        """,
        # The name that the resident was filed under, where the chat has told none.
        """
        UPDATE citizens SET name = coalesce(name, (SELECT name FROM citizens WHERE id = :old)) WHERE id = :citizen
        """,
        # Of a resident with no other report nothing is left.
        """
        DELETE FROM citizens z WHERE z.id = :old AND z.id <> :citizen
          AND NOT EXISTS (SELECT FROM complaint_parties p WHERE p.citizen_id = z.id)
          AND NOT EXISTS (SELECT FROM complaints k WHERE k.citizen_id = z.id)
          AND NOT EXISTS (SELECT FROM ratings r WHERE r.citizen_id = z.id)
          AND NOT EXISTS (SELECT FROM contacts c WHERE c.citizen_id = z.id)
          AND NOT EXISTS (SELECT FROM assistances a WHERE a.citizen_id = z.id)
          AND NOT EXISTS (SELECT FROM volunteers v WHERE v.citizen_id = z.id)
        """,
    )
]
_NEW_CITIZEN = text("""
    INSERT INTO citizens (name, language) VALUES (:name, coalesce(:language, 'id')) RETURNING id
""")


async def _take_over(connection: AsyncConnection, found: Any, still: Any, taker: Any, by: int, now: datetime) -> None:
    resident = still.pelapor
    citizen = taker.citizen_id
    if citizen is None and still.has_chats:
        # The resident has a chat already, by another report's code: only "hubungkan" makes two chats one citizen's.
        new = {"name": taker.name, "language": taker.language}
        citizen = (await connection.execute(_NEW_CITIZEN, new)).scalar_one()
        await connection.execute(_SAME, {"citizen": citizen, "by": by})
    elif citizen is None:
        citizen = resident
        await connection.execute(_SAME, {"citizen": citizen, "by": by})
        await connection.execute(_SPEAKS, {"citizen": citizen, "name": taker.name, "language": taker.language})
    moved = {
        "id": found.complaint_id,
        "assistance": found.id,
        "citizen": citizen,
        "old": resident,
        "by": by,
        "now": now,
    }
    for statement in _MOVE:
        await connection.execute(statement, moved)
    await complaints.write(connection, found.complaint_id, Actor("citizen", str(citizen)), "carried")


# --- drafts at the desk ------------------------------------------------------------------------------

_GIVE = text("""
    UPDATE assistances SET outcome = 'desk', ended_at = :now, saved = CAST(:saved AS jsonb),
        reach = coalesce(:reach, reach), reach_words = coalesce(:reach_words, reach_words)
    WHERE id = :id AND outcome IS NULL RETURNING id
""")


async def give_to_desk(
    connection: AsyncConnection,
    assistance_id: int,
    contact_id: int,
    draft: int,
    saved: Mapping[str, Any],
    reach: str | None,
    reach_words: str | None,
    now: datetime,
) -> bool:
    """Keep a draft for an officer, because whoever assisted may not go on. `saved` is its JSON in the form of
    bot/conversation.py; its files stay where they are, for as long. False where the assistance has ended already. The
    chat must be locked by this transaction. Raises `NoAssistance`."""
    row = await of_draft(connection, assistance_id, contact_id, draft)
    parameters = {"id": row.id, "saved": json.dumps(saved), "reach": reach, "reach_words": reach_words, "now": now}
    return (await connection.execute(_GIVE, parameters)).one_or_none() is not None


@dataclass(frozen=True, slots=True)
class DeskDraft:
    """A draft whose volunteer or counter may not go on, with the resident's consent. `name` and `region` (Kemendagri
    code) are those of whoever assisted; `saved` its JSON in the form of bot/conversation.py; `files` how many are with
    it. `contact_id` and `draft` are where its files stand, and nobody's to write to."""

    id: int
    kind: str
    name: str | None
    region: str
    consented_at: datetime
    given_at: datetime
    reach: str | None
    reach_words: str | None
    saved: Mapping[str, Any]
    contact_id: int
    draft: int
    channel: str
    files: int


_AT_DESK = """
    SELECT a.id, CASE WHEN a.counter_id IS NULL THEN 'volunteer' ELSE 'counter' END AS kind,
           coalesce(v.name, n.name) AS name, coalesce(v.region, n.region) AS region, a.consented_at,
           a.ended_at AS given_at, a.reach, a.reach_words, a.saved, a.contact_id, a.draft, c.channel,
           (SELECT count(*) FROM media m WHERE m.contact_id = a.contact_id AND m.draft = a.draft) AS files
    FROM assistances a JOIN contacts c ON c.id = a.contact_id
    LEFT JOIN volunteers v ON v.id = a.volunteer_id LEFT JOIN counters n ON n.id = a.counter_id
    WHERE a.saved IS NOT NULL
"""
_ALL_AT_DESK = text(f"""
    {_AT_DESK} AND (:everywhere OR EXISTS (
        SELECT FROM unnest(CAST(:regions AS text[])) w
        WHERE coalesce(v.region, n.region) = w OR starts_with(coalesce(v.region, n.region), w || '.')))
    ORDER BY a.id
""")
_ONE_AT_DESK = text(f"{_AT_DESK} AND a.id = :id")
_HELD_AT_DESK = text(f"{_AT_DESK} AND a.id = :id FOR UPDATE OF a")


async def drafts_at_desk(connection: AsyncConnection, reach: Reach) -> Sequence[DeskDraft]:
    """The drafts that wait for an officer, the oldest first; those of volunteers and counters in the regions of
    `reach`."""
    parameters = {"everywhere": reach.everywhere, "regions": list(reach.regions)}
    return [DeskDraft(*row) for row in await connection.execute(_ALL_AT_DESK, parameters)]


async def draft_at_desk(connection: AsyncConnection, assistance_id: int, *, lock: bool = False) -> DeskDraft | None:
    """One draft that waits for an officer, wherever; locked so that only one officer settles it, if `lock`. None where
    there is none, or it is settled."""
    statement = _HELD_AT_DESK if lock else _ONE_AT_DESK
    row = (await connection.execute(statement, {"id": assistance_id})).one_or_none()
    return None if row is None else DeskDraft(*row)


_SETTLE = text("""
    UPDATE assistances SET saved = NULL, consent_words = '', reach_words = NULL
    WHERE id = :id AND saved IS NOT NULL RETURNING contact_id, draft
""")
_LEAVE_FILES = text("""
    UPDATE media SET draft = NULL, taken_at_place = NULL
    WHERE contact_id = :contact_id AND draft = :draft AND complaint_id IS NULL
""")


async def settle_draft(connection: AsyncConnection, assistance_id: int) -> bool:
    """An officer drops a draft: nothing of it is kept, and its files go with the retention. False where it is settled
    already. A draft that is filed is settled by `filed`."""
    row = (await connection.execute(_SETTLE, {"id": assistance_id})).one_or_none()
    if row is None:
        return False
    await connection.execute(_LEAVE_FILES, {"contact_id": row.contact_id, "draft": row.draft})
    return True
