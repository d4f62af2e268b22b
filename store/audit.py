"""Who did what at the desk, and who looked behind an Anonim: rows that nobody can change (a trigger refuses it)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store.complaints import Actor

_WRITE = text("""
    INSERT INTO audit (actor_kind, actor_id, verb, object_kind, object_id, detail)
    VALUES (:actor_kind, :actor_id, :verb, :object_kind, :object_id, CAST(:detail AS jsonb))
""")


async def write(
    connection: AsyncConnection,
    actor: Actor,
    verb: str,
    *,
    of: tuple[str, str] | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write down that `actor` did `verb`, to `of` (kind and id, such as ("report", ticket)).

    `detail` says what changed in codes, counts and names of columns; never anybody's words, name or number.
    """
    parameters = {
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "verb": verb,
        "object_kind": of[0] if of else None,
        "object_id": of[1] if of else None,
        "detail": json.dumps(dict(detail or {})),
    }
    await connection.execute(_WRITE, parameters)
