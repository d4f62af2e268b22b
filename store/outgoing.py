"""What is read of a report that leaves the house: the row itself, its category, and the files that its pelapor sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store.complaints import NotFound

_COMPLAINT = text("""
    SELECT k.*, a.name AS agency_name, coalesce(c.name, z.name) AS citizen_name
    FROM complaints k
    LEFT JOIN agencies a ON a.code = k.agency
    LEFT JOIN contacts c ON c.id = k.contact_id
    LEFT JOIN citizens z ON z.id = k.citizen_id
    WHERE k.id = :id
""")
_CATEGORY = text("""
    SELECT c.code, c.name, c.sp4n_id, p.name AS parent FROM categories c LEFT JOIN categories p ON p.code = c.parent
    WHERE c.code = :category OR c.name = :category ORDER BY c.code <> :category LIMIT 2
""")
_FILES = text("""
    SELECT m.* FROM media m WHERE m.complaint_id = :id AND m.staff_id IS NULL AND m.state = 'stored' ORDER BY m.id
""")
_FILE = text("""
    SELECT m.*, k.anonymous FROM media m JOIN complaints k ON k.id = m.complaint_id
    WHERE m.id = :id AND m.state = 'stored'
""")


async def complaint(connection: AsyncConnection, complaint_id: int) -> Any:
    """The columns of a complaint, with `agency_name` and `citizen_name` (also of an Anonim one). Raises `NotFound`."""
    row = (await connection.execute(_COMPLAINT, {"id": complaint_id})).one_or_none()
    if row is None:
        raise NotFound(str(complaint_id))
    return row


async def category(connection: AsyncConnection, named: str) -> Any:
    """The category that a complaint names, by its code or its official name: code, name, sp4n_id, and the name of its
    `parent`. None where there is none, and where several have that name: none of them is meant for sure."""
    rows = (await connection.execute(_CATEGORY, {"category": named})).all()
    return rows[0] if rows and (len(rows) == 1 or rows[0].code == named) else None


async def files(connection: AsyncConnection, complaint_id: int) -> Sequence[Any]:
    """The files that the pelapor has sent and that are on the shelf, the oldest first: rows of media."""
    return (await connection.execute(_FILES, {"id": complaint_id})).all()


async def file(connection: AsyncConnection, media_id: int) -> Any:
    """One of them: its row, with `anonymous` of its complaint; None where it is not on the shelf."""
    return (await connection.execute(_FILE, {"id": media_id})).one_or_none()
