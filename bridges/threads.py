"""By what a letter that comes back is known: an address and a Message-ID that nobody can guess.

The number of a letter (ten characters) is no secret: it stands at the desk, and whoever has it can do nothing with it.
Its token is the number and a seal of it by a key of ours (together 26 characters, the seal 80 bits). Both are
lower-case base32, which mail systems leave as it is. Nothing need be kept: whoever has the key knows them again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

_NUMBER = 10
_TOKEN = re.compile(r"(?<![a-z0-9])[a-z2-7]{26}(?![a-z0-9])")
_TOKEN_ANYHOW = re.compile(_TOKEN.pattern, re.IGNORECASE | re.ASCII)
# What the key is used for; it may be used for something else one day.
_PURPOSE = b"lapor mail thread\0"
PLACE = "{token}"


def new_number() -> str:
    """The number of a new letter: 50 random bits."""
    return base64.b32encode(secrets.token_bytes(7)).decode().lower()[:_NUMBER]


@dataclass(frozen=True, slots=True)
class Threads:
    """The tokens of a key, and the addresses of a pattern such as "lapor+{token}@example.go.id"."""

    key: bytes = field(repr=False)
    pattern: str

    def token(self, number: str) -> str:
        """The token of a number."""
        seal = hmac.digest(self.key, _PURPOSE + number.encode(), hashlib.sha256)[:10]
        return number + base64.b32encode(seal).decode().lower()

    def address(self, number: str) -> str:
        """Where an answer to that letter goes."""
        return self.pattern.replace(PLACE, self.token(number))

    @property
    def domain(self) -> str:
        """The domain of our addresses."""
        return self.pattern.rpartition("@")[2]

    def message_id(self, number: str, key: str = "") -> str:
        """The Message-ID of the letter of that number, or of a later one in its thread, which `key` tells apart."""
        again = f".{hashlib.sha256(key.encode()).hexdigest()[:16]}" if key else ""
        return f"<{self.token(number)}{again}@{self.domain}>"

    def number(self, said: Iterable[str]) -> str | None:
        """The number of the first token of ours in these lines; None where there is none, or only forged ones."""
        for line in said:
            for found in _TOKEN.findall(line.lower()):
                number = str(found[:_NUMBER])
                if hmac.compare_digest(self.token(number), found):
                    return number
        return None

    def without(self, words: str) -> str:
        """The words without our tokens: whoever reads one could answer in the name of the office."""

        def cover(found: re.Match[str]) -> str:
            return found[0] if self.number([found[0]]) is None else "…"

        return _TOKEN_ANYHOW.sub(cover, words)

    def looks_alike(self, said: Iterable[str]) -> bool:
        """Whether one of these lines has an address or a Message-ID in the way of ours, whatever its token."""
        before, _, after = (re.escape(each) for each in self.pattern.lower().partition(PLACE))
        alike = re.compile(rf"{before}[a-z0-9]{{8,40}}{after}")
        return any(alike.search(line.lower()) for line in said)
