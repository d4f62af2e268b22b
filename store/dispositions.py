"""The verbs by which offices work on a report: dispose, hand back, ask, respond, answer, archive.

As those of `store/complaints.py` they take the connection of a transaction that the shell commits, write one history
row and return its event. Each raises `NotFound` for an unknown ticket, `Changed` where the version is not the expected
one, `NotAllowed` where the complaint's status does not permit it, and `WordsRefused`; and then it has changed nothing.

A first word and an answer in substance are different things (docs/decisions/0011): `respond` changes no status.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import closure, complaints, holders, moves
from store.agencies import load_functions
from store.complaints import Actor, Event, NotAllowed
from store.holders import Disposition
from store.regions import read

ANSWERED, FINISHED = moves.ANSWERS
ARCHIVED = "Diarsipkan oleh Admin"

__all__ = ["Disposition", "answer", "archive", "ask", "dispose", "hand_back", "of", "respond", "return_to_triage"]


class UnknownAgency(ValueError):
    """There is no such agency today, or the one that is to lead is not among those that are named."""

    def __init__(self, code: str) -> None:
        super().__init__("there is no such agency today")
        self.code = code


class UnknownFunction(ValueError):
    """functions.csv has no such function."""


class NotDisposed(NotAllowed):
    """That agency does not have the complaint; None: no agency does."""

    def __init__(self, now: str, wanted: str, agency: str | None) -> None:
        super().__init__(now, wanted, ())
        self.agency = agency


class NotLead(ValueError):
    """Several agencies have the complaint, and only the one that leads proposes to close it."""

    def __init__(self, agency: str | None, lead: str) -> None:
        super().__init__(f"{lead} leads")
        self.agency, self.lead = agency, lead


class EvidenceNeeded(ValueError):
    """Nothing proves that it is done: proposing to close needs a file that an office has attached."""


class UnknownEvidence(ValueError):
    """These are no files that an office has attached to this complaint."""

    def __init__(self, media_ids: Sequence[int]) -> None:
        super().__init__("not evidence of this complaint")
        self.media_ids = tuple(media_ids)


class UnknownReason(ValueError):
    """archive_reasons.csv has no such reason."""


class WordsRefused(ValueError):
    """Words that cannot be said: `why` is empty (nothing that anybody could read) or unstorable."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


async def of(connection: AsyncConnection, complaint_id: int) -> list[Disposition]:
    """The agencies that have a complaint now, the one that leads first, and then those that had it, oldest first."""
    return await holders.ever(connection, complaint_id)


def _needed(words: str) -> str:
    """The words without the space around them. Raises `WordsRefused`."""
    kept = _optional(words)
    if kept is None:
        raise WordsRefused("empty")
    return kept


def _optional(words: str | None) -> str | None:
    """The words without the space around them; None where nothing can be read in them. Raises `WordsRefused`."""
    if words is None:
        return None
    # NUL, and halves of characters: PostgreSQL takes neither.
    if any(letter == "\x00" or "\ud800" <= letter <= "\udfff" for letter in words):
        raise WordsRefused("unstorable")
    readable = any(unicodedata.category(letter)[0] not in "ZC" for letter in words)
    return words.strip() if readable else None


async def _open(connection: AsyncConnection, ticket: str, wanted: str, expected: int | None) -> Any:
    """The complaint, locked. Raises `NotFound`, `Changed`, and `NotAllowed` when it has ended."""
    row = await complaints.lock(connection, ticket, expected)
    if row.status in moves.ENDED:
        raise NotAllowed(row.status, wanted, ())
    return row


async def _held(connection: AsyncConnection, row: Any, agency: str | None, wanted: str) -> list[Disposition]:
    """The agencies that have it; raises `NotDisposed` where the one who speaks is not among them. Kominfo itself, None,
    may always speak."""
    held = await holders.present(connection, row.id)
    if agency is not None and agency not in {each.agency for each in held}:
        raise NotDisposed(row.status, wanted, agency)
    return held


# --- who has it ------------------------------------------------------------------------------------------

_VALID = text("""
    SELECT a.code FROM agencies a JOIN regions r ON r.code = a.region
    WHERE a.code = ANY(CAST(:codes AS text[]))
      AND coalesce(a.valid_from <= CAST(now() AT TIME ZONE r.timezone AS date), true)
      AND coalesce(CAST(now() AT TIME ZONE r.timezone AS date) <= a.valid_to, true)
""")
_DISPOSE = text("""
    UPDATE complaints SET status = :status, agency = :agency, function = :function, changed_at = now() WHERE id = :id
""")


_STANDING = text("""
    SELECT k.agency, k.function, coalesce((
        SELECT 'denied' = ANY(r.named) FROM routings r
        WHERE r.complaint_id = k.id AND r.named && ARRAY['function', 'agency', 'denied'] ORDER BY r.id DESC LIMIT 1
    ), false) AS denied
    FROM complaints k WHERE k.id = :id
""")


async def standing(connection: AsyncConnection, complaint_id: int) -> tuple[str, str | None] | None:
    """The agency, and the function, that are suggested and can be accepted as they stand.

    None where nothing is suggested, or where an office or the citizen has denied it: what stands there then is the
    office that sorts.
    """
    row = (await connection.execute(_STANDING, {"id": complaint_id})).one()
    return None if row.agency is None or row.denied else (row.agency, row.function)


async def dispose(
    connection: AsyncConnection,
    ticket: str,
    actor: Actor,
    agencies: Sequence[str],
    *,
    lead: str,
    function: str | None = None,
    note: str | None = None,
    reason: str | None = None,
    expected: int | None = None,
) -> Event:
    """Give a complaint to these agencies, of which one leads: "disposed". Those that have it and are not named lose it,
    those that are keep their times; so it is rerouted, too. Accepting the suggestion is disposing to it.

    What was named here becomes a training row, also where it confirms what stood there. `note` is told to the pelapor,
    `reason` stays among officers. The event says in `agencies` who has it, in `before` who had it (the lead first), and
    in `changed` whether that or the status is another now.

    Raises `UnknownAgency` and `UnknownFunction`.
    """
    named = list(dict.fromkeys(agencies))
    note, reason = _optional(note), _optional(reason)
    if function is not None and function not in _functions():
        raise UnknownFunction("no such function")
    row = await _open(connection, ticket, moves.DISPOSED, expected)
    await _check(connection, named, lead)
    before = [each.agency for each in await holders.present(connection, row.id)]
    stands = {"function": function or row.function, "category": row.category, "agency": lead}
    parameters = {"id": row.id, "status": moves.DISPOSED, "agency": lead, "function": stands["function"]}
    await connection.execute(_DISPOSE, parameters)
    await holders.hold(connection, row.id, named, lead)
    said = ["function", "agency"] if function else ["agency"]
    await complaints.write_routing(connection, row.id, actor, stands, said, reason)
    was = {"status": row.status, "agency": row.agency, "function": row.function, "agencies": before}
    became = {"status": moves.DISPOSED, "agency": lead, "function": stands["function"], "agencies": named}
    await complaints.write(
        connection, row.id, actor, "disposed", was=was, became=became, reason=reason, note=note, public=True
    )
    changed = row.status != moves.DISPOSED or set(before) != set(named) or before[0] != lead
    event = complaints.happened(row, actor, "disposed", moves.DISPOSED, note=note, before=before, changed=changed)
    return Event(event.kind, event.complaint_id, event.ticket, {**event.data, "agency": lead, "agencies": named})


async def _check(connection: AsyncConnection, agencies: Sequence[str], lead: str) -> None:
    """Raises `UnknownAgency`."""
    storable = [code for code in agencies if code.isprintable()]
    valid = set((await connection.execute(_VALID, {"codes": storable})).scalars())
    for code in (lead, *agencies):
        if code not in valid:
            raise UnknownAgency(code)


@cache
def _functions() -> frozenset[str]:
    return frozenset(each.function for each in load_functions())


async def return_to_triage(
    connection: AsyncConnection,
    ticket: str,
    actor: Actor,
    reason: str,
    *,
    agency: str | None,
    expected: int | None = None,
) -> Event:
    """Take a complaint back from the agencies that have it, since it is not theirs ("bukan wewenang"), without knowing
    yet whose it is: "denied", with `returned` set. `agency` is the Kominfo that sorts it again; the pelapor is told the
    reason. Raises `NotDisposed` where no agency has it.
    """
    reason = _needed(reason)
    row = await _open(connection, ticket, moves.FIRST, expected)
    if not await holders.present(connection, row.id):
        raise NotDisposed(row.status, moves.FIRST, None)
    return await closure.send_back(connection, row, actor, reason, agency, returned=True)


async def hand_back(
    connection: AsyncConnection,
    ticket: str,
    actor: Actor,
    agency: str,
    reason: str,
    *,
    kominfo: str | None,
    expected: int | None = None,
) -> Event:
    """An agency says that the complaint is not its own. From the one that leads it is "denied": no agency has it any
    more, and `kominfo` sorts it again. From another one it is "handed_back", which only officers hear; `denied` in
    both events is the agency. Raises `NotDisposed` where it does not have it.
    """
    reason = _needed(reason)
    row = await _open(connection, ticket, moves.FIRST, expected)
    held = await _held(connection, row, agency, moves.FIRST)
    await holders.end(connection, row.id, "handed_back", agency)
    if held[0].agency == agency:
        return await closure.send_back(connection, row, actor, reason, kominfo)
    was = [each.agency for each in held]
    left = [each for each in was if each != agency]
    await complaints.write(
        connection, row.id, actor, "handed_back", was={"agencies": was}, became={"agencies": left}, reason=reason
    )
    return complaints.happened(row, actor, "handed_back", row.status, reason=reason, denied=agency, agencies=left)


# --- what is said ----------------------------------------------------------------------------------------


async def respond(
    connection: AsyncConnection,
    ticket: str,
    actor: Actor,
    agency: str | None,
    words: str,
    *,
    expected: int | None = None,
) -> Event:
    """Say a first word to the pelapor, as an agency or as Kominfo (None): "responded", in the event `speaker`. The
    status stays, so that silence afterwards closes nothing. Raises `NotDisposed`.
    """
    words = _needed(words)
    row = await _open(connection, ticket, "responded", expected)
    await _held(connection, row, agency, "responded")
    if agency is not None:
        await holders.responded(connection, row.id, agency, answered=False)
    await complaints.write(
        connection, row.id, actor, "responded", became={"answered_by": agency}, note=words, public=True
    )
    return complaints.happened(row, actor, "responded", row.status, note=words, public=True, speaker=agency)


async def answer(
    connection: AsyncConnection,
    ticket: str,
    actor: Actor,
    agency: str | None,
    words: str,
    *,
    finished: bool,
    evidence: Sequence[int] = (),
    expected: int | None = None,
) -> Event:
    """Answer in substance, as an agency or as Kominfo itself (None, "Kelola"): "moved", with `speaker`, `finished` and
    the `evidence` (ids of media that offices have attached to this complaint).

    Whoever has `finished` proposes to close it: the pelapor, or ten working days, do. Where several agencies have it,
    only the one that leads may; an answer of another one does not take back such a proposal.

    Raises `NotDisposed`, `NotLead`, `EvidenceNeeded`, `UnknownEvidence`.
    """
    words = _needed(words)
    wanted = FINISHED if finished else ANSWERED
    row = await _open(connection, ticket, wanted, expected)
    held = await _held(connection, row, agency, wanted)
    leads = not held or agency == held[0].agency
    if finished and not leads and len(held) > 1:
        raise NotLead(agency, held[0].agency)
    if finished and not evidence:
        raise EvidenceNeeded("no evidence")
    proof = list(dict.fromkeys(evidence))
    await _check_evidence(connection, row.id, proof)
    if row.status == FINISHED and not leads:
        wanted = FINISHED
    said = {"answered_by": agency, "finished": finished, "evidence": proof}
    event = await complaints.become(connection, row, wanted, actor, "moved", note=words, also=said, stays=True)
    if agency is not None:
        await holders.responded(connection, row.id, agency, answered=True)
    return Event(event.kind, event.complaint_id, event.ticket, {**event.data, "speaker": agency})


_EVIDENCE = text("""
    SELECT id FROM media
    WHERE complaint_id = :id AND staff_id IS NOT NULL AND state = 'stored' AND id = ANY(CAST(:ids AS bigint[]))
""")


async def _check_evidence(connection: AsyncConnection, complaint_id: int, media_ids: Sequence[int]) -> None:
    possible = [each for each in media_ids if 0 < each < 2**63]
    found = set((await connection.execute(_EVIDENCE, {"id": complaint_id, "ids": possible})).scalars())
    if strange := [each for each in media_ids if each not in found]:
        raise UnknownEvidence(strange)


async def ask(
    connection: AsyncConnection, ticket: str, actor: Actor, words: str, *, expected: int | None = None
) -> Event:
    """Ask the pelapor for what is missing ("tunda"): "moved". Agencies that have the complaint keep it."""
    words = _needed(words)
    row = await _open(connection, ticket, moves.WAITING, expected)
    return await complaints.become(connection, row, moves.WAITING, actor, "moved", note=words)


# --- what is not handled ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a report is archived, in SP4N's own sentence (`id`) and in English; how to mend it stands in the bot's texts
    under its key. `words_needed`: the officer must say more. A duplicate is no reason: it is joined or followed."""

    key: str
    id: str
    en: str
    words_needed: bool
    source: str


@cache
def reasons() -> tuple[Reason, ...]:
    """The reasons of archive_reasons.csv, in its order."""
    return tuple(
        Reason(row["key"], row["id"], row["en"], row["words"] == "needed", row["source"])
        for row in read("archive_reasons.csv")
    )


async def archive(
    connection: AsyncConnection,
    ticket: str,
    actor: Actor,
    reason_key: str,
    words: str | None,
    *,
    expected: int | None = None,
) -> Event:
    """Archive a complaint for one of the official reasons: "moved", with `reason_key`. It is not settled by that, and
    the pelapor is told how to mend it. Raises `UnknownReason`, and `WordsRefused` where the reason needs words.
    """
    reason = next((each for each in reasons() if each.key == reason_key), None)
    if reason is None:
        raise UnknownReason("no such reason")
    note = _needed(words or "") if reason.words_needed else _optional(words)
    row = await _open(connection, ticket, ARCHIVED, expected)
    also = {"reason_key": reason.key}
    return await complaints.become(connection, row, ARCHIVED, actor, "moved", reason=reason.id, note=note, also=also)
