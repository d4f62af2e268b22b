"""Reports as the desk reads them: what a decision must know of one, the inbox of triage, and the search.

Both lists show only what an officer reaches (`policy.COVERED`), a page at a time, each page beginning after the last
row of the one before: nothing is counted or sorted that nobody sees, except the inbox, which is as large as the work.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import moves
from store.clocks import DEADLINES
from store.complaints import NotFound
from store.neighbours import WORDS
from store.policy import COVERED, Reach, Subject, covered

_CONFIDENCE = Path(__file__).parent / "data" / "confidence.toml"
# The clocks of offices; the others run against the citizen.
_DEADLINE = f"c.kind IN ({', '.join(repr(kind) for kind in DEADLINES)})"
# Who was there within this many seconds is there still.
HERE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Found:
    """A complaint's number and version, and what the policy must know of it."""

    id: int
    ticket: str
    version: int
    subject: Subject


_SUBJECT = text("""
    SELECT k.id, k.ticket, k.version, coalesce(k.region, a.region, :home) AS region,
           ARRAY(SELECT d.agency FROM dispositions d WHERE d.complaint_id = k.id AND d.ended_at IS NULL
                 ORDER BY d.agency) AS agencies
    FROM complaints k LEFT JOIN agencies a ON a.code = k.agency WHERE k.ticket = :ticket
""")


async def subject(connection: AsyncConnection, ticket: str, home: str) -> Found:
    """What must be known of a complaint to decide who may do what with it; `home` is the region of those that tell
    none. Raises `NotFound`."""
    row = (await connection.execute(_SUBJECT, {"ticket": ticket, "home": home})).one_or_none()
    if row is None:
        raise NotFound(ticket)
    return Found(row.id, row.ticket, row.version, Subject(row.region, tuple(row.agencies)))


_VERSIONS = text(f"""
    SELECT k.ticket, k.version FROM complaints k LEFT JOIN agencies a ON a.code = k.agency
    WHERE k.ticket = ANY(CAST(:tickets AS text[])) AND {COVERED} ORDER BY k.id
""")  # noqa: S608 (the policy's clause, and no value)


async def versions(
    connection: AsyncConnection, tickets: Sequence[str], reach: Reach, home: str
) -> list[tuple[str, int]]:
    """Those of the tickets that lie within reach, with the version of each."""
    rows = await connection.execute(_VERSIONS, {"tickets": list(tickets), **covered(reach, home)})
    return [(row.ticket, row.version) for row in rows]


# --- how sure the classifier was ---------------------------------------------------------------------------


@cache
def _limits() -> Mapping[str, float]:
    return tomllib.loads(_CONFIDENCE.read_text(encoding="utf-8"))


def unsure_below() -> float:
    """The confidence (0 to 1) below which a suggestion is only a guess."""
    return _limits()["unsure"]


def band(confidence: float | None) -> str:
    """How sure that is, as a key: sure, fair, unsure, or none where the classifier said nothing."""
    if confidence is None:
        return "none"
    return "unsure" if confidence < unsure_below() else "sure" if confidence >= _limits()["sure"] else "fair"


# --- the inbox of triage -------------------------------------------------------------------------------------

DANGER, UNCLEAR, CLEAR = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Waiting:
    """A report that waits to be sorted. `rank` is DANGER, UNCLEAR or CLEAR; `due_at` its next deadline, if one runs;
    `back` says why it came back ("denied", "disputed"), if it did; `assisted`: somebody assisted the pelapor; `others`
    how many officers have it open."""

    id: int
    ticket: str
    version: int
    title: str
    status: str
    report_class: str
    region: str | None
    function: str | None
    agency: str | None
    confidence: float | None
    anonymous: bool
    secret: bool
    filed_at: datetime
    due_at: datetime | None
    rank: int
    back: str | None
    files: int
    followers: int
    merged: int
    sensitive: bool
    replied: bool
    assisted: bool
    others: int
    cursor: str


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What of the inbox is asked for: a kabupaten or kota ("" for no place), a class, a kind of office ("" for none
    yet). None: all."""

    city: str | None = None
    report_class: str | None = None
    function: str | None = None


@dataclass(frozen=True, slots=True)
class Inbox:
    """A page of what waits. `total` and `late` count what the narrowing leaves; the counts by city, class and function
    are of all that waits within reach. `more` says whether there is another page."""

    rows: tuple[Waiting, ...]
    total: int
    late: int
    cities: Mapping[str, int]
    classes: Mapping[str, int]
    functions: Mapping[str, int]
    more: bool


# The constants stand in the statement, so that the planner can use what it knows of them.
_WAITS = f"""
    matters AS MATERIALIZED (
        SELECT coalesce(m.complaint_id,
                        (SELECT c.id FROM complaints c WHERE c.contact_id = m.contact_id ORDER BY c.id DESC LIMIT 1)
               ) AS id,
               bool_or(m.kind = 'danger') AS danger, bool_or(m.kind = 'wrong_agency') AS denied,
               bool_or(m.kind = 'disputed') AS disputed
        FROM attention m WHERE m.closed_at IS NULL AND m.kind IN ('danger', 'wrong_agency', 'disputed') GROUP BY 1
    ), waits AS MATERIALIZED (
        SELECT k.id, left(k.region, 5) AS city, k.report_class, k.function,
               CASE WHEN m.danger THEN {DANGER}
                    WHEN m.denied OR m.disputed OR k.agency IS NULL OR k.function IS NULL
                         OR coalesce(k.confidence, 0) < :unsure THEN {UNCLEAR}
                    ELSE {CLEAR} END AS rank,
               CASE WHEN m.disputed AND k.status = 'Ditanggapi oleh Pelapor' THEN 'disputed'
                    WHEN m.denied THEN 'denied' END AS back,
               due.at AS due_at,
               coalesce(CAST(extract(epoch FROM due.at) AS double precision), 1e15) AS due
        FROM complaints k
        LEFT JOIN agencies a ON a.code = k.agency
        LEFT JOIN matters m ON m.id = k.id
        CROSS JOIN LATERAL (
            SELECT min(c.due_at) AS at FROM clocks c
            WHERE c.complaint_id = k.id AND c.stopped_at IS NULL AND {_DEADLINE}
        ) due
        WHERE k.status IN ('Belum Terverifikasi', 'Ditanggapi oleh Pelapor')
          AND (k.status = 'Belum Terverifikasi' OR m.disputed) AND k.merged_into IS NULL AND {COVERED}
    )
"""  # noqa: S608 (the policy's clause and constants)
_NARROWED = """
    (CAST(:city AS text) IS NULL OR coalesce(w.city, '') = :city)
    AND (CAST(:report_class AS text) IS NULL OR w.report_class = :report_class)
    AND (CAST(:function AS text) IS NULL OR coalesce(w.function, '') = :function)
"""
_DETAILS = f"""
    k.id, k.ticket, k.version, k.title, k.status, k.report_class, k.region, k.function, k.agency, k.confidence,
    k.anonymous, k.secret, k.filed_at, EXISTS (SELECT 1 FROM assistances s WHERE s.complaint_id = k.id) AS assisted,
    (SELECT count(*) FROM media f WHERE f.complaint_id = k.id AND f.state IN ('waiting', 'stored')) AS files,
    (SELECT count(*) FROM complaint_parties p WHERE p.complaint_id = k.id AND p.role = 'pengikut') AS followers,
    (SELECT count(*) FROM complaints j WHERE j.merged_into = k.id) AS merged,
    coalesce((SELECT r.suggested->>'sensitive' FROM routings r WHERE r.complaint_id = k.id ORDER BY r.id LIMIT 1), '')
        <> '' AS sensitive,
    coalesce((SELECT h.actor_kind = 'citizen' AND h.event IN ('replied', 'disputed', 'denied')
              FROM complaint_history h WHERE h.complaint_id = k.id ORDER BY h.id DESC LIMIT 1), false) AS replied,
    (SELECT count(*) FROM presence o WHERE o.complaint_id = k.id AND o.staff_id <> :staff_id
       AND o.seen_at > CAST(:now AS timestamptz) - make_interval(secs => {HERE_SECONDS})) AS others
"""  # noqa: S608
_INBOX = text(f"""
    WITH {_WAITS}, page AS (
        SELECT * FROM waits w WHERE {_NARROWED}
          AND (w.rank, w.due, w.id) > (CAST(:after_rank AS int), CAST(:after_due AS double precision),
                                       CAST(:after_id AS bigint))
        ORDER BY w.rank, w.due, w.id LIMIT :most
    )
    SELECT n.*, page.rank, page.back, page.due_at, page.due, {_DETAILS}
    FROM (
        SELECT (SELECT count(*) FROM waits w WHERE {_NARROWED}) AS total,
               (SELECT count(*) FROM waits w WHERE {_NARROWED} AND w.due_at <= :now) AS late,
               (SELECT jsonb_object_agg(x.name, x.n) FROM (
                    SELECT coalesce(w.city, '') AS name, count(*) AS n FROM waits w GROUP BY 1) x) AS cities,
               (SELECT jsonb_object_agg(x.name, x.n) FROM (
                    SELECT w.report_class AS name, count(*) AS n FROM waits w GROUP BY 1) x) AS classes,
               (SELECT jsonb_object_agg(x.name, x.n) FROM (
                    SELECT coalesce(w.function, '') AS name, count(*) AS n FROM waits w GROUP BY 1) x) AS functions
    ) n LEFT JOIN page ON true LEFT JOIN complaints k ON k.id = page.id
    ORDER BY page.rank, page.due, page.id
""")  # noqa: S608
_ROWS = text(f"""
    WITH {_WAITS}
    SELECT w.rank, w.back, w.due_at, w.due, {_DETAILS} FROM waits w JOIN complaints k ON k.id = w.id
    WHERE k.ticket = ANY(CAST(:tickets AS text[])) ORDER BY w.rank, w.due, w.id
""")  # noqa: S608
_BEGINNING = (-1, 0.0, 0)


def _cursor(row: Any) -> str:
    return f"{row.rank}~{row.due!r}~{row.id}"


def read_cursor(words: str | None) -> tuple[int, float, int] | None:
    """Where a page begins, as a row's `cursor` says it; None if it says nothing that can be read."""
    parts = (words or "").split("~")
    try:
        rank, due, row = int(parts[0]), float(parts[1]), int(parts[2])
    except (ValueError, IndexError):
        return None
    fits = len(parts) == 3 and rank in (DANGER, UNCLEAR, CLEAR) and due == due and 0 <= row < 1 << 63
    return (rank, due, row) if fits else None


def _waiting(row: Any) -> Waiting:
    return Waiting(
        id=row.id,
        ticket=row.ticket,
        version=row.version,
        title=row.title,
        status=row.status,
        report_class=row.report_class,
        region=row.region,
        function=row.function,
        agency=row.agency,
        confidence=row.confidence,
        anonymous=row.anonymous,
        secret=row.secret,
        filed_at=row.filed_at,
        due_at=row.due_at,
        rank=row.rank,
        back=row.back,
        files=row.files,
        followers=row.followers,
        merged=row.merged,
        sensitive=row.sensitive,
        replied=row.replied,
        assisted=row.assisted,
        others=row.others,
        cursor=_cursor(row),
    )


async def inbox(
    connection: AsyncConnection,
    reach: Reach,
    home: str,
    now: datetime,
    staff_id: int,
    *,
    narrowing: Narrowing = Narrowing(),
    after: tuple[int, float, int] | None = None,
    most: int = 50,
) -> Inbox:
    """What waits to be sorted within reach: dangers first, then what nobody knows where to send, then the rest; each
    by its next deadline. Reports that were joined with another one are sorted with it."""
    rank, due, row_id = after or _BEGINNING
    parameters = {
        **covered(reach, home),
        "unsure": unsure_below(),
        "now": now,
        "staff_id": staff_id,
        "city": narrowing.city,
        "report_class": narrowing.report_class,
        "function": narrowing.function,
        "after_rank": rank,
        "after_due": due,
        "after_id": row_id,
        "most": most + 1,
    }
    rows = (await connection.execute(_INBOX, parameters)).all()
    found = tuple(_waiting(row) for row in rows if row.id is not None)
    head = rows[0]
    return Inbox(
        rows=found[:most],
        total=head.total,
        late=head.late,
        cities=head.cities or {},
        classes=head.classes or {},
        functions=head.functions or {},
        more=len(found) > most,
    )


async def waiting(
    connection: AsyncConnection, tickets: Sequence[str], reach: Reach, home: str, now: datetime, staff_id: int
) -> list[Waiting]:
    """Those of the tickets that wait to be sorted within reach, in the order of the inbox."""
    parameters = {
        **covered(reach, home),
        "unsure": unsure_below(),
        "now": now,
        "staff_id": staff_id,
        "tickets": list(tickets),
    }
    return [_waiting(row) for row in await connection.execute(_ROWS, parameters)]


# --- the search ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for. `words` in the way of a search box ("jalan rusak", -aspal); `before` the id at which the
    page ends; `late`: only what is over a deadline. None and False: whatever."""

    words: str | None = None
    status: str | None = None
    agency: str | None = None
    region: str | None = None
    report_class: str | None = None
    channel: str | None = None
    filed_from: datetime | None = None
    filed_to: datetime | None = None
    late: bool = False
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A report that was found; `due_at` is its next deadline, if one runs."""

    id: int
    ticket: str
    title: str
    status: str
    report_class: str
    channel: str
    region: str | None
    agency: str | None
    anonymous: bool
    secret: bool
    merged: bool
    filed_at: datetime
    due_at: datetime | None


_FILTERS = {
    "status": "k.status = :status",
    "agency": "k.agency = :agency",
    "report_class": "k.report_class = :report_class",
    "channel": "k.channel = :channel",
    "filed_from": "k.filed_at >= :filed_from",
    "filed_to": "k.filed_at < :filed_to",
}
_LATE = f"""
    k.id = ANY(ARRAY(SELECT c.complaint_id FROM clocks c
                     WHERE c.stopped_at IS NULL AND c.due_at <= :now AND {_DEADLINE}))
"""  # noqa: S608
# The first is for the index; a region is told to the dot.
_IN_CITY = "left(k.region, 5) = left(:region, 5) AND (k.region = :region OR starts_with(k.region, :region || '.'))"
_IN_REGION = "starts_with(k.region, :region || '.')"
_WITH_AGENCIES = """
    k.id = ANY(ARRAY(SELECT d.complaint_id FROM dispositions d
                     WHERE d.ended_at IS NULL AND d.agency = ANY(CAST(:agencies AS text[]))))
"""
_IN_CITIES = "left(k.region, 5) = ANY(CAST(:cities AS text[])) OR left(k.region, 5) IS NULL"
# What somebody may not read in the text they do not find by it either.
_MASKED_WORDS = WORDS.replace("text ||", "masked_text ||")
_COVERED_WORDS = f"(k.masked_text IS NULL OR {_MASKED_WORDS} @@ websearch_to_tsquery('indonesian', :words))"
# Nor by what it leaves out: "jalan -0812…" that finds less than "jalan" would tell what is covered. The words to leave
# out are held against what may be read alone; the others lead to the rows by the index.
_READ_WORDS = f"""
    {WORDS} @@ CAST(:leading AS tsquery)
    AND CASE WHEN k.masked_text IS NULL THEN {WORDS} ELSE {_MASKED_WORDS} END
        @@ websearch_to_tsquery('indonesian', :words)
"""
_CITY_CODE = 5


def _narrowed(reach: Reach) -> tuple[list[str], dict[str, Any]]:
    """Clauses that are wider than `COVERED` and that an index answers: few reports of few places need no walk through
    all. None where somebody reaches a province or more."""
    if reach.everywhere or any(len(region) < _CITY_CODE for region in reach.regions):
        return [], {}
    ways = [_IN_CITIES] if reach.regions else []
    if reach.agencies:
        ways.append(_WITH_AGENCIES)
    cities = {region[:_CITY_CODE] for region in reach.regions}
    return [f"({' OR '.join(ways)})"] if ways else [], {"cities": sorted(cities)} if cities else {}


# The sum keeps the range from the primary key, which would be walked instead of the words' index; without words that
# is just what is wanted.
_WINDOW, _WINDOW_OF_WORDS = (f"k.id{plus} >= :down_to AND k.id{plus} < :before" for plus in ("", " + 0"))


def _search(query: Query, reach: Reach, *, as_written: bool, leading: str | None = None) -> tuple[str, dict[str, Any]]:
    """The statement, and the parameters that not all of them have. `leading`: the words that are not to be left out,
    where others are and not all may be read as it was written."""
    wanted = {name: getattr(query, name) for name in _FILTERS if getattr(query, name) is not None}
    clauses, parameters = _narrowed(reach)
    clauses += [_FILTERS[name] for name in wanted]
    if query.region is not None:
        clauses.append(_IN_CITY if len(query.region) >= _CITY_CODE else _IN_REGION)
        parameters["region"] = query.region
    if query.late:
        clauses.append(_LATE)
    if query.words:
        parameters["words"] = query.words
        if leading is not None:
            clauses.append(_READ_WORDS)
            parameters["leading"] = leading
        else:
            clauses.append(f"{WORDS} @@ websearch_to_tsquery('indonesian', :words)")
            if not as_written:
                clauses.append(_COVERED_WORDS)
    where = " AND ".join([_WINDOW_OF_WORDS if query.words else _WINDOW, *clauses, COVERED])
    # OFFSET 0 is a fence: with the LIMIT in sight the planner would walk on from the newest report and read the words
    # of each of them anew.
    fence = "OFFSET 0" if query.words else ""
    statement = f"""
        SELECT f.id, k.ticket, k.title, k.status, k.report_class, k.channel, k.region, k.agency, k.anonymous, k.secret,
               k.merged_into IS NOT NULL AS merged, k.filed_at,
               (SELECT min(c.due_at) FROM clocks c
                WHERE c.complaint_id = k.id AND c.stopped_at IS NULL AND {_DEADLINE}) AS due_at
        FROM (
            SELECT s.id FROM (
                SELECT k.id FROM complaints k LEFT JOIN agencies a ON a.code = k.agency WHERE {where} {fence}
            ) s ORDER BY s.id DESC LIMIT :most
        ) f JOIN complaints k ON k.id = f.id ORDER BY f.id DESC
    """  # noqa: S608 (clauses from above; every value is a parameter)
    return statement, {**parameters, **wanted}


# A word that is in a third of all reports is in plenty of the newest: only of so many it is asked first who may read
# them; of all others where that is not enough.
_NEWEST_FIRST = 10_000
# Never a walk through all reports, reading the words of each anew: the planner thinks that cheaper than it is.
_BY_INDEX = text("SET LOCAL enable_seqscan = off")
_NEWEST = text("SELECT coalesce(max(id), 0) + 1 FROM complaints")


async def search(
    connection: AsyncConnection,
    query: Query,
    reach: Reach,
    home: str,
    now: datetime,
    *,
    uncovered: Reach,
    most: int = 50,
) -> list[Hit]:
    """Reports within reach that fit, newest first, at most `most`.

    `uncovered` is how far somebody reads what was covered in a text: where that is less than they reach, covered words
    neither find a report nor keep it from being found. Words must hold one that `can_search`. Names are no part of what
    is searched.
    """
    as_written, leading = uncovered == reach, None
    if query.words and not as_written:
        asked = (await connection.execute(_ASKED, {"words": query.words})).one()
        leading = asked.tree if asked.tree != asked.whole else None
    statement, parameters = _search(query, reach, as_written=as_written, leading=leading)
    given = {**covered(reach, home), **parameters, **({"now": now} if query.late else {})}
    before: int = query.before or (await connection.execute(_NEWEST)).scalar_one()
    if query.words:
        await connection.execute(_BY_INDEX)
    found: list[Hit] = []
    for down_to in (max(0, before - _NEWEST_FIRST), 0) if query.words else (0,):
        window = {"down_to": down_to, "before": before, "most": most - len(found)}
        found += [Hit(**row._mapping) for row in await connection.execute(text(statement), {**given, **window})]
        before = down_to
        if len(found) >= most or before == 0:
            break
    return found


_ASKED = text("""
    SELECT querytree(q) AS tree, CAST(q AS text) AS whole FROM websearch_to_tsquery('indonesian', :words) q
""")


async def can_search(connection: AsyncConnection, words: str) -> bool:
    """Whether the words hold any that can be looked for, and not only signs or words to leave out."""
    return (await connection.execute(_ASKED, {"words": words})).one().tree not in ("", "T")


STATUSES = tuple(status.name for status in moves.STATUSES)
