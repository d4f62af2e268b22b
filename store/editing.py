"""What an operator puts right in a report: its title, class and category, personal data that others need not read, and
that it is to be Anonim after all.

The citizen's own words stay. What a title, a class or a category were when the report was filed is in the history, and
`originals` reads it there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import complaints
from store.complaints import TITLE, Actor, Event, title_of

CLASSES = ("pengaduan", "aspirasi", "permintaan_informasi")


class NotWorded(ValueError):
    """The new words cannot be kept: empty, too long, or not text. `field` says which."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


_EDIT = text("""
    UPDATE complaints SET title = :title, report_class = :report_class, category = :category, supervised = :supervised,
                          anonymous = :anonymous, changed_at = now()
    WHERE id = :id
""")


async def edit(
    connection: AsyncConnection,
    ticket: str,
    actor: Actor,
    *,
    title: str | None = None,
    report_class: str | None = None,
    category: str | None = None,
    supervised: bool | None = None,
    anonymous: bool | None = None,
    expected: int | None = None,
) -> Event:
    """Put title, class, category or "berkadar pengawasan" right, or make the report Anonim; what is None stays:
    "edited", with what `changed`.

    A category that an officer names is a training label, also where it confirms the one that stood there. The citizen
    is not told: none of it changes what is done about the matter. Anonim is the pelapor's to give up: no officer takes
    it back. What other systems have with the name already stays there. Raises `NotWorded` for a title of no or over 100
    characters, an unknown class or an Anonim that is to be no more, `NotFound`, and `Changed`.
    """
    if anonymous is False:
        raise NotWorded("anonymous")
    said = {
        "title": _title(title),
        "report_class": report_class,
        "category": category,
        "supervised": supervised,
        "anonymous": anonymous,
    }
    if report_class is not None and report_class not in CLASSES:
        raise NotWorded("report_class")
    if category is not None and (not category.strip() or "\x00" in category):
        raise NotWorded("category")
    row = await complaints.lock(connection, ticket, expected)
    stood = {name: getattr(row, name) for name in said}
    becomes = {name: stood[name] if value is None else value for name, value in said.items()}
    changed = [name for name in said if becomes[name] != stood[name]]
    if changed:
        await connection.execute(_EDIT, {**becomes, "id": row.id})
    if category is not None:
        where = {"function": row.function, "category": category, "agency": row.agency}
        await complaints.write_routing(connection, row.id, actor, where, ["category"], None)
    if changed or category is not None:
        was, became = ({name: each[name] for name in changed} for each in (stood, becomes))
        await complaints.write(connection, row.id, actor, "edited", was=was, became=became)
    data = {"report_class": becomes["report_class"], "supervised": becomes["supervised"], "changed": changed}
    return complaints.happened(row, actor, "edited", row.status, **data)


def _title(words: str | None) -> str | None:
    if words is None:
        return None
    title = " ".join(words.split())
    if not 0 < len(title) <= TITLE or "\x00" in title:
        raise NotWorded("title")
    return title


_WORDS = text("SELECT text, masked_text FROM complaints WHERE id = :id")
_COVER = text("UPDATE complaints SET masked_text = :masked, title = :title, changed_at = now() WHERE id = :id")


async def cover(
    connection: AsyncConnection, ticket: str, actor: Actor, masked_text: str | None, *, expected: int | None = None
) -> Event:
    """Give agencies and overseers another text to read, in which personal data are covered; None gives them the
    citizen's own again: "covered". The original stays for the operators of the region. A title that was made of the
    text is made anew, as it stands in lists.

    Raises `NotWorded`, `NotFound` and `Changed`.
    """
    if masked_text is not None and (not masked_text.strip() or "\x00" in masked_text):
        raise NotWorded("masked_text")
    row = await complaints.lock(connection, ticket, expected)
    before: Any = (await connection.execute(_WORDS, {"id": row.id})).one()
    shown = before.text if before.masked_text is None else before.masked_text
    made = row.title == title_of(shown)
    title = title_of(before.text if masked_text is None else masked_text) if made else row.title
    await connection.execute(_COVER, {"masked": masked_text, "title": title, "id": row.id})
    await complaints.write(connection, row.id, actor, "covered", became={"covered": masked_text is not None})
    return complaints.happened(row, actor, "covered", row.status, covered=masked_text is not None)


@dataclass(frozen=True, slots=True)
class Originals:
    """What was filed, where an officer has changed it since; None where it is as it was."""

    title: str | None = None
    report_class: str | None = None
    category: str | None = None


# The first change of a field tells what stood there before anybody changed it. Routing rows change the category, too.
_FIRST = text("""
    SELECT was FROM complaint_history
    WHERE complaint_id = :id AND event IN ('edited', 'rerouted') AND was IS NOT NULL ORDER BY id
""")


async def originals(connection: AsyncConnection, complaint_id: int) -> Originals:
    """The title, class and category as they were filed, where they are different now."""
    present: Any = (
        await connection.execute(
            text("SELECT title, report_class, category FROM complaints WHERE id = :id"), {"id": complaint_id}
        )
    ).one()
    first: dict[str, str | None] = {}
    for was in (await connection.execute(_FIRST, {"id": complaint_id})).scalars():
        for name in ("title", "report_class", "category"):
            if name in was:
                first.setdefault(name, was[name])
    return Originals(**{name: value for name, value in first.items() if value != getattr(present, name)})
