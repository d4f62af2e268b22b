"""What an error of the Cloud API means for a message. The codes stand in `errors.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bot.messages import TemplateRefused, TryLater, Undeliverable, WindowClosed

FILE = Path(__file__).parent / "errors.toml"
CROWDED_SECONDS = 10.0  # how long we wait where the provider says 429 and nothing else


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code means: what it becomes, for operators in words, and what ails or after how many seconds."""

    becomes: str
    says: str
    ails: str | None = None
    after: float | None = None


def judge(error: Mapping[str, Any], status: int | None = None) -> TryLater | Undeliverable:
    """What an error means, to be raised or written down.

    `error` is Meta's object: `error` of an answer, or one of the `errors` of a status notice; empty where the answer
    was not Meta's. `status` is the answer's HTTP status, None for a notice. Never raises, whatever the object holds.
    The reason has the code and our own words: Meta's may repeat a number or a text.
    """
    code, subcode = _number(error.get("code")), _number(error.get("error_subcode"))
    meaning = meanings().get((code, subcode)) or meanings().get((code, None))
    if meaning is None:
        meaning = _guess(code, error.get("is_transient") is True, status)
    return _verdict(meaning, code if code is not None else status)


@cache
def meanings() -> Mapping[tuple[int | None, int | None], Meaning]:
    """The meaning of each code that we know, by the code and its subcode (None: whatever the subcode)."""
    table = tomllib.loads(FILE.read_text(encoding="utf-8"))["meaning"]
    known: dict[tuple[int | None, int | None], Meaning] = {}
    for row in table:
        meaning = Meaning(row["becomes"], row["says"], row.get("ails"), row.get("after"))
        known |= dict.fromkeys((pair for codes in row["codes"] for pair in _spell_out(codes)), meaning)
    return known


def _spell_out(codes: int | str) -> Iterator[tuple[int, int | None]]:
    """The codes of one entry: 190, "200-299" or "100.33"."""
    if isinstance(codes, int):
        yield codes, None
    elif "." in codes:
        code, subcode = map(int, codes.split("."))
        yield code, subcode
    else:
        first, last = map(int, codes.split("-"))
        yield from ((code, None) for code in range(first, last + 1))


def _guess(code: int | None, transient: bool, status: int | None) -> Meaning:
    """The meaning of an answer whose code we do not know, or that has none."""
    if status == 429:
        return Meaning("crowded", "too many calls", after=CROWDED_SECONDS)
    if transient or (status is not None and (status >= 500 or status == 408)):
        return Meaning("later", "the provider failed")
    if code is not None:
        return Meaning("never", "refused with a code that we do not know")
    if status == 401:
        return Meaning("channel", "the token is refused", ails="token")
    if status is None:
        return Meaning("never", "failed without a code")
    return Meaning("later", "an answer that cannot be read")  # of a gateway, not of Meta


def _verdict(meaning: Meaning, number: int | None) -> TryLater | Undeliverable:
    reason = meaning.says if number is None else f"{meaning.says} ({number})"
    match meaning.becomes:
        case "channel":
            return TryLater(reason, whole_channel=True, ails=meaning.ails)
        case "crowded":
            return TryLater(reason, after=meaning.after, whole_channel=True)
        case "address":
            return TryLater(reason, after=meaning.after)
        case "later":
            return TryLater(reason)
        case "window":
            return WindowClosed(reason)
        case "template" | "withheld" as kind:
            return TemplateRefused(reason, person=kind == "withheld")
        case kind:
            return Undeliverable(reason, gone=kind == "gone")


def _number(value: object) -> int | None:
    """A code as a number, however it was written; None for what is none."""
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        value = int(value[:12])
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12 else None
