"""A report whole: what was covered in its words is covered in its recordings as well."""

from __future__ import annotations

import pytest
from desking import PALEMBANG
from making import file
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from store import dossiers, editing
from store.complaints import Actor

WORDS = "Jalan rusak, hubungi Zulkarnain."


@pytest.mark.parametrize(
    ("covered", "uncovered", "heard"), [(False, False, WORDS), (True, False, None), (True, True, WORDS)]
)
async def test_a_recording_tells_no_covered_words(
    engine: AsyncEngine, covered: bool, uncovered: bool, heard: str | None
) -> None:
    async with engine.connect() as connection:
        event = await file(connection, title="Jalan rusak", text=WORDS, region=PALEMBANG)
        await connection.execute(
            text("""
                INSERT INTO media (complaint_id, kind, channel, provider_id, state, transcript)
                VALUES (:id, 'voice', 'telegram', 'v1', 'stored', :words)
            """),
            {"id": event.complaint_id, "words": WORDS},
        )
        if covered:
            actor = Actor("operator", "staff:1")
            await editing.cover(connection, event.ticket, actor, "Jalan rusak, hubungi [nama].")
        found = await dossiers.get(connection, event.ticket, named=False, uncovered=uncovered)
    assert [each.transcript for each in found.files] == [heard]
