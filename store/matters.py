"""Matters that wait for a person, as a desk sees them: those within an officer's reach, and the chat behind one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import attention, deliveries
from store.deliveries import Line
from store.policy import COVERED, Reach, covered


@dataclass(frozen=True, slots=True)
class Waiting:
    """One matter. `number` is that of `attention`, None for what is read off the ledger of deliveries and goes when it
    is delivered; `chat`: there is somebody to talk to."""

    id: str
    number: int | None
    kind: str
    at: datetime
    channel: str | None
    chat: bool
    ticket: str | None
    title: str | None
    region: str | None
    detail: str | None


# All that is open, before anybody asks how much: the reach comes first, or a busy region would hide the others.
_ALL = 100_000
_OPEN = text(f"""
    SELECT m.id, m.kind, m.at, m.channel, m.contact_id IS NOT NULL AS chat, m.ticket, k.title, k.region, m.detail
    FROM ({attention._LIST.text}) m
    LEFT JOIN complaints k ON k.ticket = m.ticket LEFT JOIN agencies a ON a.code = k.agency
    WHERE {COVERED} AND (CAST(:id AS text) IS NULL OR m.id = :id)
    ORDER BY m.kind <> 'danger', m.kind <> 'call_for_human', m.at DESC LIMIT :shown
""")  # noqa: S608 (the statements of the store, and no value)


async def waiting(
    connection: AsyncConnection, reach: Reach, home: str, *, most: int = 200, matter: str | None = None
) -> list[Waiting]:
    """The open matters of the reports within reach, dangers first, then calls for a person, then the newest; those
    without a report are the home region's. `matter` is the id of a single one."""
    parameters = {**covered(reach, home), "most": _ALL, "shown": most, "id": matter}
    found = await connection.execute(_OPEN, parameters)
    return [
        Waiting(
            id=row.id,
            number=int(row.id[1:]) if row.id.startswith("a") else None,
            kind=row.kind,
            at=row.at,
            channel=row.channel,
            chat=row.chat,
            ticket=row.ticket,
            title=row.title,
            region=row.region,
            detail=row.detail,
        )
        for row in found
    ]


_CHAT = text("""
    SELECT c.channel, c.address, coalesce(c.conversation->>'language', 'id') AS language
    FROM attention a JOIN contacts c ON c.id = a.contact_id WHERE a.id = :id AND a.closed_at IS NULL
""")
# The line before the last so many.
_BEFORE_LAST = text("""
    SELECT id FROM (
        (SELECT id FROM inbox WHERE channel = :channel AND address = :address ORDER BY id DESC LIMIT :most)
        UNION ALL
        (SELECT d.id FROM deliveries d JOIN contacts c ON c.id = d.contact_id
         WHERE c.channel = :channel AND c.address = :address AND d.sent_at IS NOT NULL ORDER BY d.id DESC LIMIT :most)
    ) lines ORDER BY id DESC OFFSET :most LIMIT 1
""")


@dataclass(frozen=True, slots=True)
class Chat:
    """The last lines of the chat behind a matter, and the language in which its citizen is spoken to."""

    language: str
    lines: tuple[Line, ...]


async def chat(connection: AsyncConnection, number: int, most: int) -> Chat | None:
    """The last lines of the chat behind an open matter, at most so many; None where there is no chat. Whoever reads
    it is written down in the same transaction."""
    row: Any = (await connection.execute(_CHAT, {"id": number})).one_or_none()
    if row is None:
        return None
    where = {"channel": row.channel, "address": row.address}
    before = (await connection.execute(_BEFORE_LAST, {**where, "most": most})).scalar_one_or_none()
    lines = await deliveries.lines(connection, row.channel, row.address, before or 0, most)
    return Chat(row.language, tuple(lines))
