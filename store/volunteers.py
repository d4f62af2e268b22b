"""Kawan LAPOR volunteers: a grant on a citizen, who may assist residents (docs/decisions/0014).

Invited at the desk, redeemed with a code in any chat, trained there; paused, revoked or over at once. Whether somebody
may assist now is read off the row each time (`grant_of`) and remembered nowhere. What they have assisted with is in
`store/assistances.py`; here it is counted, and no word of it is read.

Whoever changes a grant locks its row and nothing else. A turn has its own chat locked before it comes to the row, so
what follows in the chats of a volunteer (`chats_of`) is done in transactions of their own, after that commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import contacts, guesses, policy, receipts, staff
from store.policy import Reach
from store.statement import Statement

# About 51 bits, as for what carries a report from one chat to another.
CODE_LENGTH = 12
CODE_VALID = timedelta(days=14)
GUESSES = 5
GUESS = "invitation"

# What a grant can be: invited (no chat has redeemed it yet), and the states of a `Grant`.
STATES = ("invited", "untrained", "active", "paused", "expired", "revoked")
VOLUNTEER, COUNTER = "volunteer", "counter"


@dataclass(frozen=True, slots=True)
class Grant:
    """Who may assist residents in a chat: a volunteer, or an officer at a counter (`kind`); `id` is that of the
    volunteer or of the counter, `region` a Kemendagri code.

    `state` is untrained, active, paused, expired or revoked. `valid_until` is the last day (None for a counter),
    `lessons` how many are passed, `today` how many consents were given to the same person since the moment asked for.
    """

    kind: str
    id: int
    name: str
    region: str
    state: str
    valid_until: date | None
    lessons: int
    today: int


# --- who may assist ----------------------------------------------------------------------------------

# Of the volunteer `v`, on the day :today.
_STATE = """
    CASE WHEN v.revoked_at IS NOT NULL THEN 'revoked'
         WHEN v.valid_until < CAST(:today AS date) THEN 'expired'
         WHEN v.redeemed_at IS NULL THEN 'invited'
         WHEN v.paused_at IS NOT NULL THEN 'paused'
         WHEN v.trained_at IS NULL THEN 'untrained'
         ELSE 'active' END
"""
# Whether an account may still serve at a counter.
MAY_SERVE = """
    EXISTS (SELECT FROM staff z JOIN staff_grants g ON g.staff_id = z.id
            WHERE z.id = n.staff_id AND z.disabled_at IS NULL AND g.role = ANY(CAST(:serving AS text[]))
              AND (g.valid_to IS NULL OR g.valid_to >= CAST(CAST(:now AS timestamptz) AS date)))
"""
SERVING = sorted(policy.VERBS["counter.open"])
# Counted by person: a second grant, or a counter that is opened again, does not begin the day anew.
_GRANT_OF = Statement(f"""
    (SELECT 'counter' AS kind, n.id, n.name, n.region,
            CASE WHEN n.closed_at IS NOT NULL OR n.expires_at <= CAST(:now AS timestamptz) THEN 'expired'
                 WHEN {MAY_SERVE} THEN 'active' ELSE 'revoked' END AS state,
            CAST(NULL AS date) AS valid_until, 0 AS lessons,
            (SELECT count(*) FROM counters o JOIN assistances a ON a.counter_id = o.id
             WHERE o.staff_id = n.staff_id AND a.consented_at >= CAST(:since AS timestamptz)) AS today
     FROM contacts c JOIN counters n ON n.id = c.counter_id WHERE c.id = :contact_id)
    UNION ALL
    (SELECT 'volunteer', v.id, coalesce(v.name, ''), v.region, {_STATE}, v.valid_until, v.lessons,
            (SELECT count(*) FROM volunteers o JOIN assistances a ON a.volunteer_id = o.id
             WHERE o.citizen_id = v.citizen_id AND a.consented_at >= CAST(:since AS timestamptz))
     FROM volunteers v WHERE v.citizen_id = CAST(:citizen_id AS bigint)
     ORDER BY {_STATE} <> 'active', v.id DESC LIMIT 1)
    ORDER BY kind LIMIT 1
""")  # noqa: S608 (the clauses above, and no value)


async def grant_of(
    connection: AsyncConnection,
    contact_id: int,
    citizen_id: int | None,
    *,
    today: date,
    since: datetime,
    now: datetime,
) -> Grant | None:
    """Who may assist residents in this chat of that citizen on that day; None: nobody. One statement, for every turn.

    A chat of a counter is the counter's, whoever sits there. Of several grants of a citizen an active one counts, else
    the newest. `today` of the result counts from `since` on.
    """
    parameters = {
        "contact_id": contact_id,
        "citizen_id": citizen_id,
        "today": today,
        "since": since,
        "now": now,
        "serving": SERVING,
    }
    row = await _GRANT_OF.row(connection, parameters)
    return None if row is None else Grant(*row)


_HOLD = {
    VOLUNTEER: text("SELECT id FROM volunteers WHERE id = :id FOR NO KEY UPDATE"),
    COUNTER: text("SELECT id FROM counters WHERE id = :id FOR NO KEY UPDATE"),
}


async def hold(connection: AsyncConnection, grant: Grant) -> None:
    """Lock a grant, for a turn that has its chat: of two chats that begin with a resident at once, the second one sees
    the first one's consent when it asks `grant_of` again, and whoever ends the grant comes before or after both."""
    await connection.execute(_HOLD[grant.kind], {"id": grant.id})


_CHATS_OF = text("""
    SELECT c.id FROM volunteers v JOIN contacts c ON c.citizen_id = v.citizen_id
    WHERE v.id = :id AND c.merged_into IS NULL ORDER BY c.id
""")


async def chats_of(connection: AsyncConnection, volunteer_id: int) -> list[int]:
    """The ids of all chats of a volunteer, in order; none before the invitation is redeemed."""
    return list((await connection.execute(_CHATS_OF, {"id": volunteer_id})).scalars())


# --- becoming one ------------------------------------------------------------------------------------

_INVITE = text("""
    INSERT INTO volunteers (name, region, valid_until, invited_by, code_sha256, code_until, created_at)
    VALUES (:name, :region, :valid_until, :staff_id, :digest, :code_until, :now)
    ON CONFLICT (code_sha256) DO NOTHING RETURNING id
""")
_REISSUE = text("""
    UPDATE volunteers SET code_sha256 = :digest, code_until = :code_until
    WHERE id = :id AND redeemed_at IS NULL AND revoked_at IS NULL RETURNING id
""")


def _digest(code: str) -> str:
    return staff.digest(receipts.read_code(code, CODE_LENGTH) or code)


async def invite(
    connection: AsyncConnection, *, name: str, region: str, valid_until: date, staff_id: int | None, now: datetime
) -> tuple[int, str]:
    """Invite somebody to assist residents in a region (Kemendagri code) up to that day. Returns the volunteer's id, and
    the code in its written form, which is kept nowhere and good for `CODE_VALID`."""
    for _ in range(5):
        code = receipts.new_code(CODE_LENGTH)
        parameters = {
            "name": name,
            "region": region,
            "valid_until": valid_until,
            "staff_id": staff_id,
            "digest": _digest(code),
            "code_until": now + CODE_VALID,
            "now": now,
        }
        volunteer_id = (await connection.execute(_INVITE, parameters)).scalar_one_or_none()
        if volunteer_id is not None:
            return int(volunteer_id), code
    raise RuntimeError("no free code in five draws")


async def reissue(connection: AsyncConnection, volunteer_id: int, now: datetime) -> str | None:
    """Another code for an invitation, which voids the one before; None where it is redeemed or revoked."""
    code = receipts.new_code(CODE_LENGTH)
    parameters = {"id": volunteer_id, "digest": _digest(code), "code_until": now + CODE_VALID}
    done = (await connection.execute(_REISSUE, parameters)).scalar_one_or_none()
    return None if done is None else code


_CHAT = text("SELECT citizen_id, counter_id FROM contacts WHERE id = :contact_id")
# On the day that it is where the volunteer is to assist.
_INVITED = text("""
    SELECT v.id FROM volunteers v JOIN regions r ON r.code = v.region
    WHERE v.code_sha256 = :digest AND v.code_until > :now AND v.redeemed_at IS NULL AND v.revoked_at IS NULL
      AND v.valid_until >= CAST(CAST(:now AS timestamptz) AT TIME ZONE r.timezone AS date)
    FOR UPDATE OF v
""")
_HOLDS = text("""
    SELECT 1 FROM volunteers v JOIN regions r ON r.code = v.region
    WHERE v.citizen_id = :citizen_id AND v.revoked_at IS NULL
      AND v.valid_until >= CAST(CAST(:now AS timestamptz) AT TIME ZONE r.timezone AS date)
""")
_REDEEM = text("""
    UPDATE volunteers SET code_sha256 = NULL, code_until = NULL, citizen_id = :citizen_id, redeemed_at = :now
    WHERE id = :id
""")


async def redeem(
    connection: AsyncConnection, code: str, *, contact_id: int, name: str | None, language: str, now: datetime
) -> str:
    """Make the citizen of a chat, which this transaction has locked, the volunteer of this invitation; `name` and
    `language` are those of the chat, for a citizen that is new. Returns done, or why not:

    unknown: no such code, or it is used, void or out of date, or its grant is revoked or over; the guess was counted.
    Words that spell no code at all are no guess. too_many: five wrong guesses of this chat within the hour, so the code
    was not looked at. already: they hold such a grant, or the chat is one of a counter; the code stays good.
    """
    digits = receipts.read_code(code, CODE_LENGTH)
    if digits is None:
        return "unknown"
    if not await guesses.allowed(connection, GUESS, str(contact_id), GUESSES, now):
        return "too_many"
    found = (await connection.execute(_INVITED, {"digest": _digest(digits), "now": now})).one_or_none()
    if found is None:
        await guesses.wrong(connection, GUESS, str(contact_id), now)
        return "unknown"
    chat = (await connection.execute(_CHAT, {"contact_id": contact_id})).one()
    holds = await connection.execute(_HOLDS, {"citizen_id": chat.citizen_id, "now": now})
    if chat.counter_id is not None or holds.first() is not None:
        return "already"
    citizen = chat.citizen_id or await contacts.become_citizen(connection, contact_id, name, language)
    await connection.execute(_REDEEM, {"id": found.id, "citizen_id": citizen, "now": now})
    return "done"


_LEARNED = text("""
    UPDATE volunteers SET lessons = greatest(lessons, :lessons),
        trained_at = coalesce(trained_at, CASE WHEN greatest(lessons, :lessons) >= :of
                                               THEN CAST(:now AS timestamptz) END)
    WHERE id = :id
""")


async def learned(connection: AsyncConnection, volunteer_id: int, lessons: int, of: int, now: datetime) -> None:
    """So many lessons are passed, of so many. It never goes back; with the last one the training is done."""
    parameters = {"id": volunteer_id, "lessons": lessons, "of": of, "now": now}
    await connection.execute(_LEARNED, parameters)


# --- what the desk does with a grant -----------------------------------------------------------------

_PAUSE = "paused_at = :now WHERE id = :id AND paused_at IS NULL AND revoked_at IS NULL"
_RESUME = "paused_at = NULL WHERE id = :id AND paused_at IS NOT NULL AND revoked_at IS NULL"
_REVOKE = "revoked_at = :now, code_sha256 = NULL, code_until = NULL WHERE id = :id AND revoked_at IS NULL"
_EXTEND = "valid_until = :until WHERE id = :id AND revoked_at IS NULL"


async def pause(connection: AsyncConnection, volunteer_id: int, now: datetime) -> bool:
    """Let a volunteer assist nobody until `resume`; False where the grant is paused or revoked already."""
    return await _change(connection, _PAUSE, {"id": volunteer_id, "now": now})


async def resume(connection: AsyncConnection, volunteer_id: int, now: datetime) -> bool:
    """End a pause; False where there is none, or the grant is revoked."""
    return await _change(connection, _RESUME, {"id": volunteer_id})


async def revoke(connection: AsyncConnection, volunteer_id: int, now: datetime) -> bool:
    """End a grant, or an invitation, for good; False where that is done already."""
    return await _change(connection, _REVOKE, {"id": volunteer_id, "now": now})


async def extend(connection: AsyncConnection, volunteer_id: int, until: date) -> bool:
    """Let a grant hold up to that day, which may be an earlier one; False where it is revoked."""
    return await _change(connection, _EXTEND, {"id": volunteer_id, "until": until})


async def _change(connection: AsyncConnection, change: str, parameters: dict[str, Any]) -> bool:
    changed = await connection.execute(text(f"UPDATE volunteers SET {change} RETURNING id"), parameters)  # noqa: S608
    return changed.one_or_none() is not None


# --- what the desk sees ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Listed:
    """A volunteer with counts, and no word of any report. `name` is None once they have had their data erased; `state`
    is one of STATES; `code_until` until when the code of an open invitation is good.

    assisted: consents given; filed: of those, reports that came of it, by the desk too; desk: drafts that the desk got;
    open: drafts that are not finished; taken: reports that the resident has taken over; complete: reports that no
    office had to have completed, or archived because something was missing; disputed: answers that the resident did not
    accept; alike: reports whose text or telephone was nearly that of others when filed; unreachable: residents who are
    to be reached nowhere; quick: filed within two minutes of the consent; withdrawn: consents taken back; days: days
    with any consent, full_days: those on which the limit was used up. `last_at` is the last consent or end.
    """

    id: int
    name: str | None
    region: str
    state: str
    valid_until: date
    created_at: datetime
    code_until: datetime | None
    redeemed_at: datetime | None
    trained_at: datetime | None
    paused_at: datetime | None
    revoked_at: datetime | None
    lessons: int
    assisted: int
    filed: int
    desk: int
    open: int
    taken: int
    complete: int
    disputed: int
    alike: int
    unreachable: int
    quick: int
    withdrawn: int
    days: int
    full_days: int
    last_at: datetime | None


# What was archived because something was missing: by the clock always, by an officer for these reasons
# (store/data/archive_reasons.csv).
INCOMPLETE = ("tanpa_bukti", "tidak_jelas")
_LISTED = f"""
    SELECT v.id, v.name, v.region, {_STATE} AS state, v.valid_until, v.created_at,
           CASE WHEN v.redeemed_at IS NULL AND v.revoked_at IS NULL AND v.code_until > :now THEN v.code_until END,
           v.redeemed_at, v.trained_at, v.paused_at, v.revoked_at, v.lessons,
           n.assisted, n.filed, n.desk, n.open, n.taken, n.complete, n.disputed, n.alike, n.unreachable, n.quick,
           n.withdrawn, days.days, days.full_days, n.last_at
    FROM volunteers v JOIN regions r ON r.code = v.region
    CROSS JOIN LATERAL (
        SELECT count(*) AS assisted,
               count(a.complaint_id) AS filed,
               count(*) FILTER (WHERE a.outcome = 'desk') AS desk,
               count(*) FILTER (WHERE a.outcome IS NULL) AS open,
               count(a.taken_at) AS taken,
               count(*) FILTER (WHERE a.complaint_id IS NOT NULL AND NOT EXISTS (
                   SELECT FROM complaint_history h WHERE h.complaint_id = a.complaint_id
                     AND (h.became->>'status' IN ('Menunggu Kelengkapan Informasi', 'Diarsipkan oleh Sistem')
                          OR h.became->>'reason_key' = ANY(CAST(:incomplete AS text[]))))) AS complete,
               count(*) FILTER (WHERE EXISTS (
                   SELECT FROM complaint_history h
                   WHERE h.complaint_id = a.complaint_id AND h.event = 'disputed')) AS disputed,
               count(*) FILTER (WHERE a.alike > 0) AS alike,
               count(*) FILTER (WHERE a.complaint_id IS NOT NULL AND a.reach = 'none') AS unreachable,
               count(*) FILTER (WHERE a.outcome = 'filed'
                                AND a.ended_at < a.consented_at + interval '2 minutes') AS quick,
               count(*) FILTER (WHERE a.outcome = 'withdrawn' OR a.withdrawn_at IS NOT NULL) AS withdrawn,
               max(greatest(a.consented_at, a.ended_at)) AS last_at
        FROM assistances a WHERE a.volunteer_id = v.id
    ) n
    CROSS JOIN LATERAL (
        SELECT count(*) AS days, count(*) FILTER (WHERE each.consents >= :daily) AS full_days
        FROM (SELECT count(*) AS consents FROM assistances a WHERE a.volunteer_id = v.id
              GROUP BY CAST(a.consented_at AT TIME ZONE r.timezone AS date)) each
    ) days
"""  # noqa: S608 (the clause above, and no value)
_WITHIN = """
    (:everywhere OR EXISTS (
        SELECT FROM unnest(CAST(:regions AS text[])) w WHERE v.region = w OR starts_with(v.region, w || '.')))
"""
_PAGE = text(f"""
    {_LISTED}
    WHERE {_WITHIN} AND v.id > :after
      AND (CAST(:region AS text) IS NULL OR v.region = :region OR starts_with(v.region, :region || '.'))
      AND (CAST(:state AS text) IS NULL OR {_STATE} = :state)
    ORDER BY v.id LIMIT :most
""")
_ONE = text(f"{_LISTED} WHERE v.id = :id")


async def page(
    connection: AsyncConnection,
    reach: Reach,
    *,
    today: date,
    now: datetime,
    daily: int,
    region: str | None = None,
    state: str | None = None,
    after: int | None = None,
    most: int = 50,
) -> Sequence[Listed]:
    """The volunteers within reach, by id from the one behind `after` on; only those of a region with all that lies in
    it, or in that state. `daily` is the limit of a day."""
    parameters = {
        "everywhere": reach.everywhere,
        "regions": list(reach.regions),
        "region": region,
        "state": state,
        "after": after or 0,
        "most": most,
        **_moment(today, now, daily),
    }
    return [Listed(*row) for row in await connection.execute(_PAGE, parameters)]


async def get(
    connection: AsyncConnection, volunteer_id: int, *, today: date, now: datetime, daily: int
) -> Listed | None:
    """One volunteer, wherever; None if there is none of that id. `daily` is the limit of a day."""
    parameters = {"id": volunteer_id, **_moment(today, now, daily)}
    row = (await connection.execute(_ONE, parameters)).one_or_none()
    return None if row is None else Listed(*row)


def _moment(today: date, now: datetime, daily: int) -> dict[str, Any]:
    return {"today": today, "now": now, "daily": daily, "incomplete": list(INCOMPLETE)}
