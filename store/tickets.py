"""Ticket numbers: made to be read over a telephone, with a check digit, and not to be guessed.

Nine random digits and a Damm check digit, written `T-482-173-9056`. Digits are the same in every
dialect; Damm finds every single wrong digit and every swap of neighbours. The letter tells them
apart from SP4N's own numbers, which are digits only.
"""

from __future__ import annotations

import re
import secrets

from stdnum import damm

# Not within a longer number: a telephone or identity number is no ticket.
_SHAPE = re.compile(r"(?<![0-9])T?[\s.-]*([0-9]{3})[\s.-]*([0-9]{3})[\s.-]*([0-9]{4})(?![0-9])", re.IGNORECASE)


def new() -> str:
    """A fresh ticket number in its written form."""
    digits = f"{secrets.randbelow(10**9):09d}"
    digits += str(damm.calc_check_digit(digits))
    return f"T-{digits[:3]}-{digits[3:6]}-{digits[6:]}"


def read(words: str) -> str | None:
    """The ticket number that `words` spell, in its written form; None if it is none or misread."""
    found = _SHAPE.fullmatch(words.strip())
    if found is None or not damm.is_valid("".join(found.groups())):
        return None
    return "T-" + "-".join(found.groups())


def find(words: str) -> str | None:
    """The first valid ticket number within a sentence, in its written form."""
    for found in _SHAPE.finditer(words):
        ticket = read(found.group())
        if ticket is not None:
            return ticket
    return None
