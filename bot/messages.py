"""The neutral vocabulary of all channels: what comes in, what goes out, and how sending can fail.

A channel module translates its platform's payload into `Incoming` and an `Outgoing` into its
platform's request. Nothing here knows a platform, a database or a clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

MediaKind = Literal["photo", "document", "voice", "video"]


@dataclass(frozen=True, slots=True)
class Address:
    """Where a person can be reached: a channel and that provider's user (or chat) id."""

    channel: str
    user: str


@dataclass(frozen=True, slots=True)
class Media:
    """A file that a citizen sent, known by the provider's id until it is fetched.

    `group` is the provider's album id: five photos of one album share it. `size` is in bytes and,
    like `content_type`, is what the provider says, to be checked when the bytes are here.
    """

    kind: MediaKind
    provider_id: str
    size: int | None = None
    content_type: str | None = None
    name: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A location pin, in WGS 84 degrees; `label` is the venue's name where the citizen chose one."""

    latitude: float
    longitude: float
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message of one citizen.

    `message_id` identifies the delivery in its channel (the inbox key: the same id is the same
    message, whatever its text). `sequence` orders the messages of one chat, and an edited message
    keeps the sequence of the message it replaces. A message in a group (not `private`) may be
    `addressed` to us; what it says is not kept. `language` is one that the citizen chose, not the phone's.
    `reply_to` is the sequence of the message that this one answers, where the channel can quote; `forwarded` says
    that the words are somebody else's; `transcribed` that they were heard in a voice note, by a machine.
    """

    address: Address
    message_id: str
    sequence: int
    text: str = ""
    choice: str | None = None
    media: Media | None = None
    place: Place | None = None
    edits: bool = False
    private: bool = True
    addressed: bool = False
    unsupported: str | None = None
    name: str | None = None
    language: str | None = None
    reply_to: int | None = None
    forwarded: bool = False
    transcribed: bool = False


@dataclass(frozen=True, slots=True)
class Button:
    """A choice to tap. `choice` comes back in `Incoming.choice`; at most 64 bytes of UTF-8."""

    label: str
    choice: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to one address, in plain text (no markup), with the choices below it."""

    address: Address
    text: str
    buttons: tuple[Button, ...] = ()


class TryLater(Exception):
    """The provider could not take the message now; it may be sent again.

    `after` is the provider's own wish in seconds, if it named one. `whole_channel` says that the
    trouble is the channel's (a dead token, a provider that is down), not this address's.
    """

    def __init__(self, reason: str, *, after: float | None = None, whole_channel: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after
        self.whole_channel = whole_channel


class Undeliverable(Exception):
    """The provider will never take this message. `gone` says that the address itself is closed to us
    (blocked, deleted), so that later messages to it would fail too."""

    def __init__(self, reason: str, *, gone: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.gone = gone


class Channel(Protocol):
    """What the speaker needs of a channel."""

    name: str

    async def send(self, message: Outgoing) -> int | None:
        """Send one message; return the provider's sequence number of it, if it has one.

        Raises `TryLater` or `Undeliverable`, nothing else.
        """

    async def fetch(self, provider_id: str) -> bytes:
        """The bytes of a file that a citizen sent. Raises `TryLater` or `Undeliverable`."""
