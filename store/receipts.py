"""Receipts: the code beside a ticket, and what whoever holds both may see.

A code has eight characters, written `7K4M-W2XR`: about 34 bits, so that it cannot be guessed before the count of wrong
guesses (store/guesses.py) ends the attempt. Its alphabet survives a telephone and a scrap of paper: of characters
that look alike (0 O Q, 1 I L, 2 Z, 5 S, 6 G, 8 B, U V) or sound alike in Indonesian (T D P, C J, M N, K H) it has one
at most, and what it leaves out is read as the one that it has.
"""

from __future__ import annotations

import hmac
import re
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import moves

ALPHABET = "23456789ACFKMRTUWXY"
LENGTH = 8

# What people write for a character that looks or sounds the same. None of these is in the alphabet itself.
_MEANT = str.maketrans("1BDGHJNPSVZ", "78T6KCMT5U2")
# What people put between the characters, and around them.
_BETWEEN = re.compile(r"[\s\-‐‑‒–—−_.,:;/'\"“”‘’*`()]+")


def new_code(length: int = LENGTH) -> str:
    """A fresh code of so many characters, a multiple of four, in its written form."""
    return _written("".join(secrets.choice(ALPHABET) for _ in range(length)))


def read_code(words: str, length: int = LENGTH) -> str | None:
    """The code that `words` spell, in its written form; None if they spell none. All of the words must be the code."""
    if len(words) > 100:
        return None
    plain = _BETWEEN.sub("", unicodedata.normalize("NFKC", words)).upper().translate(_MEANT)
    if len(plain) != length or not set(plain) <= set(ALPHABET):
        return None
    return _written(plain)


def _written(plain: str) -> str:
    return "-".join(plain[at : at + 4] for at in range(0, len(plain), 4))


@dataclass(frozen=True, slots=True)
class Shown:
    """What a receipt shows. `status` is a key such as ditindaklanjuti, `status_at` when it became that; `changed_at` is
    the last change of any kind. `region` is a Kemendagri code.

    A citizen may hand the receipt to somebody else, such as a village head. So neither the text, title, place, name and
    category are in it, nor what the agency answered: answers greet people by name and repeat what they complained
    about, and the citizen has them in the chat. Nor is its number in SP4N-LAPOR!, under which all of its words may be
    read there. Of a Rahasia complaint agency and region are left out too, since they tell what and whom it is about.
    """

    ticket: str
    filed_at: datetime
    status: str
    status_at: datetime
    agency: str | None
    region: str | None
    changed_at: datetime
    secret: bool


_CODE = text("SELECT id, code FROM complaints WHERE ticket = :ticket")
_SHOWN = text("""
    SELECT k.ticket, k.filed_at, k.status, k.changed_at, k.secret, k.region, a.name AS agency,
           coalesce((SELECT max(h.at) FROM complaint_history h
                     WHERE h.complaint_id = k.id AND h.became->>'status' IS NOT NULL), k.filed_at) AS status_at
    FROM complaints k LEFT JOIN agencies a ON a.code = k.agency
    WHERE k.id = :id
""")


async def check(connection: AsyncConnection, ticket: str, code: str) -> Shown | None:
    """What the page may show to whoever holds this ticket and this code, both in their written form.

    None where they do not belong together. An unknown ticket and a wrong code take the same statements, and the
    comparison does not depend on how much of the code is right.
    """
    found = (await connection.execute(_CODE, {"ticket": ticket})).one_or_none()
    kept = found.code if found is not None else None
    right = hmac.compare_digest((kept or new_code()).encode(), code.encode()) and kept is not None
    row = (await connection.execute(_SHOWN, {"id": found.id if found is not None and right else 0})).one_or_none()
    if row is None:
        return None
    return Shown(
        ticket=row.ticket,
        filed_at=row.filed_at,
        status=moves.key(row.status),
        status_at=row.status_at,
        agency=None if row.secret else row.agency,
        region=None if row.secret else row.region,
        changed_at=row.changed_at,
        secret=row.secret,
    )
