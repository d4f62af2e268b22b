"""Forms that were sent after their session had ended: kept for their person, until the page takes them back.

Only words, no files; at most `LARGEST` bytes of a form, `MOST` forms of a person, for `LASTS`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

LARGEST = 64 << 10
MOST = 20
LASTS = timedelta(hours=24)
_LONGEST_PATH = 500

_KEEP = text("""
    INSERT INTO kept_forms (staff_id, path, fields) VALUES (:staff_id, :path, CAST(:fields AS jsonb))
    ON CONFLICT (staff_id, path) DO UPDATE SET fields = excluded.fields, kept_at = now()
""")
_CROWD_OUT = text("""
    DELETE FROM kept_forms WHERE staff_id = :staff_id AND path IN (
        SELECT path FROM kept_forms WHERE staff_id = :staff_id ORDER BY kept_at DESC, path OFFSET :most
    )
""")
_TAKE = text("""
    DELETE FROM kept_forms WHERE staff_id = :staff_id AND path = :path
    RETURNING fields, kept_at > now() - CAST(:lasts AS interval) AS lasts
""")
_WAITS = text("""
    SELECT EXISTS (
        SELECT 1 FROM kept_forms
        WHERE staff_id = :staff_id AND path = :path AND kept_at > now() - CAST(:lasts AS interval)
    )
""")
_SWEEP = text("""
    DELETE FROM kept_forms WHERE (staff_id, path) IN (
        SELECT staff_id, path FROM kept_forms WHERE kept_at <= now() - CAST(:lasts AS interval)
        LIMIT :most FOR UPDATE SKIP LOCKED
    ) RETURNING staff_id
""")


async def keep(connection: AsyncConnection, staff_id: int, path: str, fields: Mapping[str, str]) -> bool:
    """Keep what somebody typed on the page of that path, in the place of what was kept there before.

    False, and nothing kept, where it is empty or larger than `LARGEST` bytes.
    """
    # PostgreSQL has no character 0, and nobody types one.
    written = json.dumps({_typed(name): _typed(value) for name, value in fields.items()}, ensure_ascii=False)
    if not fields or len(written.encode("utf-8", "replace")) > LARGEST or len(path) > _LONGEST_PATH:
        return False
    await connection.execute(_KEEP, {"staff_id": staff_id, "path": path, "fields": written})
    await connection.execute(_CROWD_OUT, {"staff_id": staff_id, "most": MOST})
    return True


async def waits(connection: AsyncConnection, staff_id: int, path: str) -> bool:
    """Whether something is kept for that page."""
    row = await connection.execute(_WAITS, {"staff_id": staff_id, "path": path, "lasts": LASTS})
    return bool(row.scalar_one())


async def take(connection: AsyncConnection, staff_id: int, path: str) -> dict[str, str] | None:
    """What was kept for that page, which is then kept no longer; None if nothing was, or too long ago."""
    row = (await connection.execute(_TAKE, {"staff_id": staff_id, "path": path, "lasts": LASTS})).one_or_none()
    return dict(row.fields) if row is not None and row.lasts else None


async def sweep(connection: AsyncConnection, most: int) -> int:
    """Forget up to `most` forms that nobody came back for; returns how many."""
    return len((await connection.execute(_SWEEP, {"lasts": LASTS, "most": most})).all())


def _typed(words: str) -> str:
    return words.replace("\0", "").encode("utf-8", "replace").decode()
