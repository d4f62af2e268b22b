"""Files that go out with a message: what an office has attached, as whoever gets the message may have it.

A picture is handed on as its clean copy where there is one: what a camera wrote beside it stays here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class Attached:
    """A stored file: what it is (photo, document, voice, video), and where its bytes lie, how many and of which content
    type."""

    id: int
    kind: str
    sha256: str
    content_type: str
    size: int
    name: str | None


_COPY = """
    m.id, m.kind, coalesce(m.clean_sha256, m.sha256) AS sha256,
    coalesce(CASE WHEN m.clean_sha256 IS NULL THEN m.content_type ELSE m.clean_type END,
             'application/octet-stream') AS content_type,
    coalesce(CASE WHEN m.clean_sha256 IS NULL THEN m.size ELSE m.clean_size END, 0) AS size, m.name
"""
_OF = text(f"""
    SELECT {_COPY} FROM unnest(CAST(:ids AS bigint[])) WITH ORDINALITY AS wanted (id, place)
    JOIN media m ON m.id = wanted.id
    WHERE m.state = 'stored' AND m.sha256 IS NOT NULL ORDER BY wanted.place
""")  # noqa: S608 -- ours, above
# What a chat was sent, its page may show; whatever else has that number is none of its business.
_SENT = text(f"""
    SELECT {_COPY} FROM media m
    WHERE m.id = :id AND m.state = 'stored' AND m.sha256 IS NOT NULL AND EXISTS (
        SELECT FROM deliveries d JOIN contacts c ON c.id = d.contact_id
        WHERE c.channel = :channel AND c.address = :address AND d.sent_at IS NOT NULL
          AND d.says <> '[]' AND d.files @> jsonb_build_array(m.id)
    )
""")  # noqa: S608 -- ours, above


_OF_LINES = text(f"""
    SELECT d.id AS line, {_COPY}
    FROM deliveries d
    CROSS JOIN LATERAL jsonb_array_elements_text(d.files) WITH ORDINALITY AS f (id, place)
    JOIN media m ON m.id = CAST(f.id AS bigint)
    WHERE d.id = ANY(CAST(:lines AS bigint[])) AND m.state = 'stored' AND m.sha256 IS NOT NULL
    ORDER BY d.id, f.place
""")  # noqa: S608 -- ours, above


async def of(connection: AsyncConnection, ids: Sequence[int]) -> list[Attached]:
    """The files of these ids, in their order; those that are not stored are left out."""
    return [Attached(*row) for row in await connection.execute(_OF, {"ids": list(ids)})]


async def of_lines(connection: AsyncConnection, lines: Sequence[int]) -> dict[int, list[Attached]]:
    """The files of each of these messages of ours, by the message's id; messages without files are left out."""
    found: dict[int, list[Attached]] = {}
    for line, *file in await connection.execute(_OF_LINES, {"lines": list(lines)}):
        found.setdefault(line, []).append(Attached(*file))
    return found


async def sent_to(connection: AsyncConnection, channel: str, address: str, media_id: int) -> Attached | None:
    """A file, if a message with it was sent to this chat; else None."""
    parameters = {"channel": channel, "address": address, "id": media_id}
    row = (await connection.execute(_SENT, parameters)).one_or_none()
    return None if row is None else Attached(*row)
