"""Reports as rows of SP4N's "Laporan Ringkas": those that somebody may take out of the house, a few at a time.

A file is beyond our reach once it is written. It holds no name of a pelapor who is Anonim or whose report is Rahasia,
and no words that an operator has covered.
"""

from __future__ import annotations

from array import array
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from store import moves
from store.complaints import title_of
from store.policy import COVERED, Reach, Subject, covered

# So many reports are read at once; between two readings no connection is held, however slow the reader is, and others
# have their turn.
AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Which reports: filed from the first moment on and before the second, in that status, with that agency (or
    suggested to it). None: all."""

    since: datetime | None = None
    until: datetime | None = None
    status: str | None = None
    agency: str | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """A report as a row. `name` is None for every pelapor who is Anonim, and in every Rahasia report; `words` is the
    text without what was covered; `agencies` those that it was disposed to, the one that leads first; `reason` why it
    was put off or archived."""

    ticket: str
    filed_at: datetime
    name: str | None
    report_class: str
    supervised: bool | None
    category: str | None
    category_number: int | None
    title: str
    words: str
    anonymous: bool
    secret: bool
    channel: str
    agencies: tuple[str, ...]
    status: str
    reason: str | None
    region: str | None
    subject: Subject


_NARROWED = {
    "since": "k.filed_at >= :since",
    "until": "k.filed_at < :until",
    "status": "k.status = :status",
    "agency": """(k.agency = :agency OR EXISTS (
        SELECT 1 FROM dispositions x WHERE x.complaint_id = k.id AND x.ended_at IS NULL AND x.agency = :agency))""",
}


async def choose(connection: AsyncConnection, reach: Reach, home: str, narrowing: Narrowing) -> Sequence[int]:
    """The numbers of the reports within reach that are asked for, in the order of their filing: eight bytes each."""
    asked = {name: getattr(narrowing, name) for name in _NARROWED if getattr(narrowing, name) is not None}
    where = " AND ".join([COVERED, *(_NARROWED[name] for name in asked)])
    statement = text(f"""
        SELECT k.id FROM complaints k LEFT JOIN agencies a ON a.code = k.agency WHERE {where} ORDER BY k.id
    """)  # noqa: S608 (the clauses above, and no value)
    found = array("q")
    async for row in await connection.stream(statement, {**asked, **covered(reach, home)}):
        found.append(row.id)
    return found


# A name is not even read where it is not to be given.
_ROWS = text(f"""
    SELECT k.ticket, k.filed_at, k.report_class, k.supervised, k.category, k.title, k.anonymous, k.secret, k.channel,
           k.status, k.region, coalesce(k.masked_text, k.text) AS words,
           CASE WHEN k.masked_text IS NOT NULL THEN k.text END AS original,
           CASE WHEN NOT k.anonymous AND NOT k.secret THEN coalesce(c.name, z.name) END AS name,
           coalesce(k.region, a.region, :home) AS placed,
           ARRAY(SELECT d.agency FROM dispositions d WHERE d.complaint_id = k.id AND d.ended_at IS NULL
                 ORDER BY d.agency) AS present,
           ARRAY(SELECT d.agency FROM dispositions d
                 WHERE d.complaint_id = k.id AND (d.ended_at IS NULL OR d.ended_because = 'closed')
                 ORDER BY d.leads DESC, d.id) AS disposed,
           (SELECT coalesce(h.reason, h.note) FROM complaint_history h
            WHERE h.complaint_id = k.id AND h.became->>'status' = k.status AND k.status = ANY(CAST(:put_off AS text[]))
            ORDER BY h.id DESC LIMIT 1) AS reason
    FROM complaints k
    LEFT JOIN agencies a ON a.code = k.agency
    LEFT JOIN contacts c ON c.id = k.contact_id
    LEFT JOIN citizens z ON z.id = k.citizen_id
    WHERE k.id = ANY(CAST(:ids AS bigint[])) AND {COVERED} ORDER BY k.id
""")  # noqa: S608 (the policy's clause, and no value)
# Categories are kept as words: the official name, or the code of one.
_CATEGORIES = text("SELECT code, name, sp4n_id FROM categories ORDER BY code")
_PUT_OFF = tuple(each.name for each in moves.STATUSES if each.name.startswith(("Menunggu", "Diarsipkan")))


async def read(engine: AsyncEngine, ids: Sequence[int], reach: Reach, home: str) -> AsyncIterator[Summary]:
    """The reports of these numbers that still lie within reach, in their order."""
    async with engine.connect() as connection:
        known = (await connection.execute(_CATEGORIES)).all()
    names = {row.code: row.name for row in known}
    numbers = {key: row.sp4n_id for row in known for key in (row.name, row.code) if row.sp4n_id is not None}
    for begin in range(0, len(ids), AT_ONCE):
        parameters = {"ids": list(ids[begin : begin + AT_ONCE]), "put_off": list(_PUT_OFF), **covered(reach, home)}
        async with engine.connect() as connection:
            rows = (await connection.execute(_ROWS, parameters)).all()
        for row in rows:
            yield Summary(
                ticket=row.ticket,
                filed_at=row.filed_at,
                name=row.name,
                report_class=row.report_class,
                supervised=row.supervised,
                category=names.get(row.category, row.category),
                category_number=numbers.get(row.category),
                # A title that was made of the text has the same words in it.
                title=title_of(row.words) if row.original and row.title == title_of(row.original) else row.title,
                words=row.words,
                anonymous=row.anonymous,
                secret=row.secret,
                channel=row.channel,
                agencies=tuple(row.disposed),
                status=row.status,
                reason=row.reason,
                region=row.region,
                subject=Subject(row.placed, tuple(row.present)),
            )
