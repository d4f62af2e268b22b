"""Passwords: whether one will do, and what is kept of it (argon2id). Slow on purpose: call from a thread."""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 12, 256
# Fewer different characters than this are no password, however long.
_DIFFERENT = 5
_HASHER = PasswordHasher()


def problem(password: str, login: str, name: str) -> str | None:
    """Why a password will not do: "short", "long", "personal" (the login or the name) or "common"; None if it will."""
    given = _plain(password)
    if len(given) < SHORTEST:
        return "short"
    if len(given) > LONGEST:
        return "long"
    bare = _bare(given)
    if bare in {_bare(login), _bare(login.partition("@")[0]), _bare(name)} - {""}:
        return "personal"
    return "common" if len(set(given)) < _DIFFERENT or bare in _common() else None


def hashed(password: str) -> str:
    """What is kept of a password; tells how it was made."""
    return _HASHER.hash(_plain(password))


def matches(kept: str | None, password: str) -> bool:
    """Whether this is the password of which `kept` is kept. Where nothing is kept it takes as long to say no."""
    try:
        return _HASHER.verify(kept or _nobodys(), _plain(password)) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


def outdated(kept: str) -> bool:
    """Whether what is kept was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(kept)


@cache
def _nobodys() -> str:
    return _HASHER.hash("nobody has this password")


def _plain(password: str) -> str:
    """One form for all keyboards that can write the same characters."""
    return unicodedata.normalize("NFKC", password)


def _bare(words: str) -> str:
    """Letters and digits alone, without digits at the end: "Rahasia-2026!" is "rahasia"."""
    kept = "".join(each for each in _plain(words).casefold() if each.isalnum())
    return kept.rstrip("0123456789") or kept


@cache
def _common() -> frozenset[str]:
    file = Path(__file__).parent / "data" / "common_passwords.txt"
    lines = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    return frozenset(_bare(line) for line in lines if line and not line.startswith("#"))
