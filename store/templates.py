"""Templates of what officers write: whose they are, from when to when, and the placeholders in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store.regions import read

# What a template is for: a message in between, asking for more, the first word, the answer in substance, handing a
# report back, and archiving it.
PURPOSES = ("message", "ask", "first_response", "answer", "hand_back", "archive")
PLACEHOLDERS = ("tiket", "instansi", "tanggal")
LONGEST = 4000


@dataclass(frozen=True, slots=True)
class Template:
    """One template, with its placeholders still in it."""

    id: int
    name: str
    body: str


_OF = text("""
    SELECT id, name, body FROM answer_templates
    WHERE purpose = :purpose
      AND (valid_from IS NULL OR valid_from <= :on) AND (valid_to IS NULL OR :on <= valid_to)
      AND (agency IS NULL OR agency = CAST(:agency AS text))
      AND (region IS NULL OR CAST(:region AS text) = region OR starts_with(CAST(:region AS text), region || '.'))
    -- An office's own first, then those of the smaller place.
    ORDER BY agency IS NULL, length(region) DESC NULLS LAST, name, id
""")


async def of(
    connection: AsyncConnection, purpose: str, *, region: str | None, agency: str | None, on: date
) -> list[Template]:
    """The templates for a purpose that hold on that day in a region (a report's) and for an agency (that of whoever
    writes); everybody's are among them. KeyError for an unknown purpose."""
    if purpose not in PURPOSES:
        raise KeyError(purpose)
    rows = await connection.execute(_OF, {"purpose": purpose, "region": region, "agency": agency, "on": on})
    return [Template(row.id, row.name, row.body) for row in rows]


_BRACES = re.compile(r"\{(\w+)\}")


def fill(body: str, values: Mapping[str, str]) -> str:
    """The body with what is known in place of its placeholders: {"tiket": …}. Braces that mean nothing stay."""
    return _BRACES.sub(lambda found: values.get(found[1], found[0]), body)


def unknown(body: str) -> list[str]:
    """The names in braces that no placeholder has: they would reach the citizen as they are."""
    return sorted({name for name in _BRACES.findall(body) if name not in PLACEHOLDERS})


def load() -> list[dict[str, Any]]:
    """The first edition, as rows of their table: everybody's."""
    return [
        {"name": row["name"], "purpose": row["purpose"], "body": row["body"]} for row in read("answer_templates.csv")
    ]
