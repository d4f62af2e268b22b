"""The neutral vocabulary of all channels: what comes in, what goes out, and how sending can fail.

A channel module translates its platform's payload into `Incoming` and an `Outgoing` into its
platform's request. Nothing here knows a platform, a database or a clock.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

MediaKind = Literal["photo", "document", "voice", "video"]

# The sequence of a message in a channel that does not number them: the number of our own line stands in for it.
UNNUMBERED = -1


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
    keeps the sequence of the message it replaces (`UNNUMBERED` where the channel has no numbers; a tap has 0).
    `known_as` are all ids by which the provider names this sender in this message, the most lasting first; empty where
    the address is the only one. `window_until` is until when this message lets us answer in our own words, where the
    channel has such a limit. A message in a group (not `private`) may be
    `addressed` to us; what it says is not kept. `language` is one that the citizen chose, not the phone's.
    `replaces` is the `message_id` of the message that this one edits, where the channel names it so, without a number.
    `reply_to` is the provider's id of the message that this one answers, where the channel can quote; `forwarded` says
    that the words are somebody else's; `transcribed` that they were heard in a voice note, by a machine. `photographed`
    says that nobody has written: the photo of that id, sent for the draft of that number, tells where it was taken.
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
    reply_to: str | None = None
    forwarded: bool = False
    transcribed: bool = False
    photographed: tuple[int, int] | None = None
    known_as: tuple[str, ...] = ()
    window_until: datetime | None = None
    replaces: str | None = None


@dataclass(frozen=True, slots=True)
class Button:
    """A choice to tap. `choice` comes back in `Incoming.choice`; at most 64 bytes of UTF-8."""

    label: str
    choice: str


@dataclass(frozen=True, slots=True)
class File:
    """A file to be sent: its bytes, and the content type that they have been seen to be of."""

    kind: MediaKind
    content: bytes
    content_type: str
    name: str


@dataclass(frozen=True, slots=True)
class Template:
    """Words that the provider has approved beforehand, by their name and language there, and what fills their gaps.

    `payload` comes back as `Incoming.choice` from the template's one button, if it has one.
    """

    name: str
    language: str
    parameters: tuple[str, ...] = ()
    payload: str | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to one address, in plain text (no markup), with the choices below it and files before it.

    `asks` is the question that it ends with, so that a channel may offer its own way to answer (a pin for "place").
    `language` is that of the text, for the few words that a channel adds itself.
    With a `template`, that is sent and nothing else. `missing` is what is said below the text where not all of the
    files could be sent: a file never holds up the words. `key` tells it from another message of the same words, where
    a channel goes on with one of which parts were sent.
    """

    address: Address
    text: str
    buttons: tuple[Button, ...] = ()
    files: tuple[File, ...] = ()
    asks: str | None = None
    template: Template | None = None
    language: str = "id"
    missing: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """What the provider says of a message that it took: its number in the chat, or the ids of its parts."""

    sequence: int | None = None
    ids: tuple[str, ...] = ()


# Characters of a reason that are kept; in it may stand a provider's words, whatever these hold.
LONGEST_REASON = 500


class TryLater(Exception):
    """The provider could not take the message now; it may be sent again.

    `after` is the provider's own wish in seconds, if it named one. `whole_channel` says that the
    trouble is the channel's (a dead token, a provider that is down), not this address's; `ails` is then what a person
    must do something about, one of `AILMENTS`, None where waiting helps.
    """

    def __init__(
        self, reason: str, *, after: float | None = None, whole_channel: bool = False, ails: str | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = clean(reason)[:LONGEST_REASON]
        self.after = after
        self.whole_channel = whole_channel
        self.ails = ails


# What can be wrong with a channel as a whole. token: ours is dead or lacks a permission. account: the provider has
# blocked or restricted it. number: ours is not registered or gone. payment: the provider wants to be paid. spam: too
# many people have blocked us. settings: a webhook or another process is in the way. unreachable: no answer at all.
AILMENTS = ("token", "account", "number", "payment", "spam", "settings", "unreachable")


class Undeliverable(Exception):
    """The provider will never take this message. `gone` says that the address itself is closed to us
    (blocked, deleted), so that later messages to it would fail too."""

    def __init__(self, reason: str, *, gone: bool) -> None:
        super().__init__(reason)
        self.reason = clean(reason)[:LONGEST_REASON]
        self.gone = gone


class WindowClosed(Undeliverable):
    """The person has been silent for too long: only a template goes through until they write again."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, gone=False)


class TemplateRefused(Undeliverable):
    """The provider does not take this template (not approved, paused, or its gaps do not fit). `person`: only this
    person does not get it, for now; others may."""

    def __init__(self, reason: str, *, person: bool = False) -> None:
        super().__init__(reason, gone=False)
        self.person = person


class Channel(Protocol):
    """What the speaker needs of a channel."""

    name: str

    async def send(self, message: Outgoing) -> Sent:
        """Send one message.

        Raises `TryLater` or `Undeliverable`, nothing else.
        """

    async def fetch(self, provider_id: str) -> bytes:
        """The bytes of a file that a citizen sent. Raises `TryLater` or `Undeliverable`."""


# --- what a provider tells us beside messages ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a part of a message of ours, by the provider's id of it. `trouble` is why, where it failed."""

    provider_id: str
    state: Literal["sent", "delivered", "read", "failed"]
    at: datetime | None = None
    trouble: TryLater | Undeliverable | None = None


@dataclass(frozen=True, slots=True)
class Renamed:
    """A person is known by other ids from now on (`at`, if it says when); the old ones may become somebody else's."""

    message_id: str
    old: tuple[str, ...]
    new: tuple[str, ...]
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TemplateNews:
    """The provider has decided about a template: `state` in its own words, in small letters. In a list of all templates
    stand its `category`, in small letters, and its `body`, with {{1}} for its gaps, too."""

    name: str
    language: str
    state: str
    reason: str | None = None
    category: str | None = None
    body: str | None = None


@dataclass(frozen=True, slots=True)
class AccountNews:
    """The provider tells that something is wrong with our account (`ails`, one of `AILMENTS`), or right again (None):
    in its own words, `detail`."""

    ails: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something that belongs to no chat and that we do not understand; it is kept. `name` is its id, if it has one."""

    name: str | None = None


# --- text that people and programs read alike -------------------------------------------------------

_BREAKS = re.compile("\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")
_BLANKS = re.compile("[\u115f\u1160\u2800\u3164\uffa0]")
_HALVES = re.compile("[\ud800-\udfff]")
_SELECTORS = "\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"
# Controls, marks that only turn the direction, characters of no width. A flag of a country's part is spelt with some.
_UNSEEN = re.compile(
    "\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,6}\U000e007f"
    "|[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\ufe00-\ufe0f\ufeff\ufff0-\ufffb\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)
_SELECTOR = re.compile(f"[{_SELECTORS}]")
# Scripts whose letters join, where U+200C and U+200D change how a word looks.
_JOINING = re.compile("[\u0600-\u1cff\ua800-\uabff]")
_ARROWS = "\u2194\u2195"  # that follow a joiner in emoji, though they are no pictures


def clean(text: str) -> str:
    """The text without what nobody sees: it could turn a line around, or hide words from whoever reads it for us.

    Controls and direction marks go, line breaks of any kind become "\\n", blank letters a space, and half a surrogate
    pair U+FFFD. What makes letters and emoji look as they were meant stays. Cleaning twice is cleaning once.
    """
    if text.isascii() and text.isprintable():
        return text
    if _HALVES.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _UNSEEN.sub(_keep_needed, _BLANKS.sub(" ", _BREAKS.sub("\n", text)))


def _keep_needed(found: re.Match[str]) -> str:
    """An unseen character if the letters or pictures beside it need it, else nothing."""
    unseen, text, at = found[0], found.string, found.start()
    if len(unseen) > 1:
        return unseen
    before, after = text[at - 1 : at], text[found.end() : found.end() + 1]
    if _SELECTOR.match(unseen):
        return unseen if _is_seen(before) else ""
    if unseen not in "\u200c\u200d":
        return ""
    if _is_letter_that_joins(before) and _is_letter_that_joins(after):
        return unseen
    if _SELECTOR.match(before):
        before = text[at - 2 : at - 1]
    pictures = _is_picture(before) and (_is_picture(after) or after in _ARROWS)
    return unseen if unseen == "\u200d" and after and pictures else ""


def _is_seen(character: str) -> bool:
    return bool(character) and not character.isspace() and not _UNSEEN.match(character)


def _is_letter_that_joins(character: str) -> bool:
    return bool(_JOINING.match(character)) and unicodedata.category(character)[0] in "LM" and _is_seen(character)


def _is_picture(character: str) -> bool:
    return bool(character) and (unicodedata.category(character) == "So" or "\U0001f3fb" <= character <= "\U0001f3ff")
