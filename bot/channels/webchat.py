"""The web chat's translator: what the page at /chat posts becomes an `Incoming`.

There is no provider behind this channel. What the bot says is read by the page from the store, so
sending is only a check, and the bytes of a file arrive together with its message.
"""

from __future__ import annotations

import re
from typing import Any

from bot.messages import Address, Incoming, Media, MediaKind, Outgoing, Place, Sent, Undeliverable, clean

NAME = "webchat"
LONGEST_TEXT = 20_000  # characters; a complaint of ten pages. Longer is refused, never cut
LONGEST_CHOICE = 64  # bytes, as on the other channels
LONGEST_NAME = 200  # of a file
LARGEST_SEQUENCE = 2**53 - 1  # what a browser can count without losing one
FIELDS = ("id", "n", "text", "choice", "label", "latitude", "longitude", "file", "language")

# What a file of this family of content types is; all others are documents.
KINDS: dict[str, MediaKind] = {"image": "photo", "audio": "voice", "video": "video"}

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # PostgreSQL takes neither NUL nor half a character


class TooLong(ValueError):
    """The text is longer than a message may be."""


class Empty(ValueError):
    """There is nothing in the message."""


def name_of(user: str, id_: str) -> str:
    """The `Incoming.message_id` of the message that a page of `user` posted under that id."""
    return f"{user}:{id_}"


def read(user: str, payload: dict[str, Any]) -> Incoming:
    """Translate one posted message of `user`; raise `ValueError` where it is not one."""
    if not isinstance(payload, dict):
        raise ValueError("the message must be an object")
    id_ = _id(payload.get("id"))
    text = _string(payload, "text")
    if len(text) > LONGEST_TEXT:
        raise TooLong(f"text is longer than {LONGEST_TEXT} characters")
    choice, place, media = _choice(payload), _place(payload), _media(payload, id_)
    if sum((choice is not None, place is not None, media is not None)) > 1:
        raise ValueError("a message carries one of choice, place and file, not several")
    if text and (choice is not None or place is not None):
        raise ValueError("text goes alone or with a file")
    text = clean(text)
    if not text.strip() and choice is None and place is None and media is None:
        raise Empty("the message is empty")
    return Incoming(
        address=Address(NAME, user),
        message_id=name_of(user, id_),
        sequence=_sequence(payload.get("n")),
        text=text,
        choice=choice,
        media=media,
        place=place,
        language=_string(payload, "language") or None,
    )


def _id(value: object) -> str:
    if not isinstance(value, str) or not UUID.fullmatch(value):
        raise ValueError("id must be a UUID in lower case")
    return value


def _sequence(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_SEQUENCE:
        raise ValueError("n must be a whole number that is not negative")
    return value


def _string(payload: dict[str, Any], key: str) -> str:
    value = payload.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{key} must be a string")
    if _UNSTORABLE.search(value):
        raise ValueError(f"{key} contains a character that cannot be stored")
    return value


def _choice(payload: dict[str, Any]) -> str | None:
    if payload.get("choice") is None:
        return None
    choice = _string(payload, "choice")
    if not 0 < len(choice.encode()) <= LONGEST_CHOICE:
        raise ValueError(f"choice must have 1 to {LONGEST_CHOICE} bytes")
    # The label is what the citizen saw on the button; it is shown again in the history, nothing else.
    if len(_string(payload, "label")) > LONGEST_NAME:
        raise ValueError(f"label is longer than {LONGEST_NAME} characters")
    return choice


def _place(payload: dict[str, Any]) -> Place | None:
    if payload.get("latitude") is None and payload.get("longitude") is None:
        return None
    return Place(_degrees(payload, "latitude", 90), _degrees(payload, "longitude", 180))


def _degrees(payload: dict[str, Any], key: str, limit: int) -> float:
    value = payload.get(key)
    # The comparison also refuses NaN, and whole numbers too large for a float.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -limit <= value <= limit:
        raise ValueError(f"{key} must be a number from -{limit} to {limit}")
    return float(value)


def _media(payload: dict[str, Any], id_: str) -> Media | None:
    file = payload.get("file")
    if file is None:
        return None
    if not isinstance(file, dict):
        raise ValueError("file must be an object")
    size = file.get("size")
    if isinstance(size, bool) or not isinstance(size, int) or size <= 0:
        raise ValueError("size must be a positive whole number")
    # A recording's type goes on with its codec: audio/webm;codecs=opus.
    content_type = _string(file, "content_type")[:LONGEST_NAME].partition(";")[0].strip().lower()
    return Media(
        kind=KINDS.get(content_type.partition("/")[0], "document"),
        provider_id=f"upload:{id_}",
        size=size,
        content_type=content_type or None,
        name=clean(_string(file, "name"))[-LONGEST_NAME:] or None,  # the end keeps the extension
    )


class Webchat:
    """The channel as the speaker sees it: a message is published once its ledger row is committed."""

    name = NAME

    async def send(self, message: Outgoing) -> Sent:
        """Check that the page can show the message. There is nowhere to send it."""
        if message.address.channel != NAME:
            raise Undeliverable("wrong_channel", gone=False)
        if not message.text.strip():
            raise Undeliverable("empty_text", gone=False)
        if any(not 0 < len(button.choice.encode()) <= LONGEST_CHOICE for button in message.buttons):
            raise Undeliverable("bad_choice", gone=False)
        return Sent()

    async def fetch(self, provider_id: str) -> bytes:
        """A file of the web chat came with its message; it is nowhere else."""
        raise Undeliverable("no_such_file", gone=False)
