"""An operator puts a report right, and what the citizen filed is still there to be read."""

from __future__ import annotations

from typing import Any

import pytest
from making import OPERATOR, STORY, file, rows, value
from sqlalchemy.ext.asyncio import AsyncEngine

from store import complaints, editing, learning
from store.complaints import Changed, Event, NotFound
from store.editing import NotWorded, Originals


async def filed(engine: AsyncEngine) -> Event:
    async with engine.begin() as connection:
        return await file(connection, title="Jalan rusak", function="pu", category="a", agency="16-pu")


async def edit(engine: AsyncEngine, ticket: str, **changes: Any) -> Event:
    async with engine.begin() as connection:
        return await editing.edit(connection, ticket, OPERATOR, **changes)


async def originals(engine: AsyncEngine, event: Event) -> Originals:
    async with engine.connect() as connection:
        return await editing.originals(connection, event.complaint_id)


async def test_the_original_outlives_every_change(engine: AsyncEngine) -> None:
    event = await filed(engine)
    assert await originals(engine, event) == Originals()
    await edit(engine, event.ticket, title="Jalan  berlubang di Sekayu ", report_class="aspirasi")
    await edit(engine, event.ticket, title="Lubang di Sekayu", category="b")
    [row] = await rows(engine, "SELECT title, report_class, category, text FROM complaints")
    assert tuple(row) == ("Lubang di Sekayu", "aspirasi", "b", STORY)
    assert await originals(engine, event) == Originals("Jalan rusak", "pengaduan", "a")
    await edit(engine, event.ticket, title="Jalan rusak", report_class="pengaduan")
    assert await originals(engine, event) == Originals(category="a")


async def test_what_changes_nothing_leaves_no_trace(engine: AsyncEngine) -> None:
    event = await filed(engine)
    again = await edit(engine, event.ticket, title="Jalan rusak", report_class="pengaduan")
    assert again.data["changed"] == []
    assert await value(engine, "SELECT version FROM complaints") == 1
    assert await value(engine, "SELECT count(*) FROM complaint_history") == 1


async def test_a_named_category_is_a_label_also_where_it_confirms(engine: AsyncEngine) -> None:
    event = await filed(engine)
    async with engine.begin() as connection:
        await complaints.route(
            connection, event.ticket, OPERATOR, function="pu", agency=None, category=None, reason=None
        )
    await edit(engine, event.ticket, category="a")
    async with engine.connect() as connection:
        found = [row async for row in learning.corrections(connection)]
    assert [(row.function, row.category) for row in found] == [("pu", "a")]


async def test_berkadar_is_an_officers_word(engine: AsyncEngine) -> None:
    event = await filed(engine)
    assert await value(engine, "SELECT supervised FROM complaints") is None
    said = await edit(engine, event.ticket, supervised=True)
    assert (said.data["supervised"], said.data["changed"]) == (True, ["supervised"])
    assert (await edit(engine, event.ticket, title="x")).data["supervised"] is True


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": " "}, "title"),
        ({"title": "x" * 101}, "title"),
        ({"title": "a\x00b"}, "title"),
        ({"report_class": "keluhan"}, "report_class"),
        ({"category": ""}, "category"),
    ],
)
async def test_what_cannot_be_kept_changes_nothing(engine: AsyncEngine, changes: dict[str, str], field: str) -> None:
    event = await filed(engine)
    with pytest.raises(NotWorded) as refused:
        await edit(engine, event.ticket, **changes)
    assert refused.value.field == field
    assert await value(engine, "SELECT version FROM complaints") == 1


async def test_who_read_an_older_version_is_told(engine: AsyncEngine) -> None:
    event = await filed(engine)
    await edit(engine, event.ticket, title="Baru", expected=1)
    with pytest.raises(Changed) as refused:
        await edit(engine, event.ticket, title="Lain", expected=1)
    assert refused.value.version == 2
    assert await value(engine, "SELECT title FROM complaints") == "Baru"
    with pytest.raises(NotFound):
        await edit(engine, "T-000-000-0000", title="x")


async def test_covered_data_can_be_uncovered(engine: AsyncEngine) -> None:
    event = await filed(engine)
    for words in ("Jalan [tertutup] rusak", None):
        async with engine.begin() as connection:
            done = await editing.cover(connection, event.ticket, OPERATOR, words)
        assert done.data["covered"] is (words is not None)
        [row] = await rows(engine, "SELECT text, masked_text FROM complaints")
        assert tuple(row) == (STORY, words)
    told = await rows(engine, "SELECT was::text, became::text, note FROM complaint_history WHERE event = 'covered'")
    assert not any("Jalan" in str(row) for row in told)
    async with engine.begin() as connection:
        with pytest.raises(NotWorded):
            await editing.cover(connection, event.ticket, OPERATOR, "\x00")


async def test_a_title_that_was_made_of_the_text_is_covered_with_it(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        made = await file(connection, text="Rumah Bu Siti di Sekayu kebanjiran lagi")
        own = await file(connection, title="Banjir", text="Rumah Bu Siti kebanjiran")
    covered = "Rumah [tertutup] di Sekayu kebanjiran lagi"
    for event, words, title in (
        (made, covered, covered),
        (own, covered, "Banjir"),
        (made, None, "Rumah Bu Siti di Sekayu kebanjiran lagi"),
    ):
        async with engine.begin() as connection:
            await editing.cover(connection, event.ticket, OPERATOR, words)
        assert await value(engine, "SELECT title FROM complaints WHERE id = :id", id=event.complaint_id) == title
