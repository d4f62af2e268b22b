"""What we and another system say to each other: a report that is handed over, and what is heard of it.

A bridge sends what it is given once, and says which of four things came of it: it was taken, it was refused, it was
surely not taken and may be tried later, or nobody knows. What it says without certainty is `Unknown`, never `Later`:
a report that is in the other system twice is worse than one that a person must look for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Place:
    """Where it is: names of the regions as the Kemendagri writes them, its code, the citizen's words, and a pin in
    degrees (WGS 84); None where it is not known."""

    code: str | None = None
    province: str | None = None
    city: str | None = None
    district: str | None = None
    village: str | None = None
    words: str | None = None
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True)
class Category:
    """A category of the other system: its id there, its name, that of the one above it."""

    id: str
    name: str
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Office:
    """An institution: its id in the system that names it, its name."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class File:
    """A file that goes along: the bytes (clean of metadata, at most 2 MB), what they are, a plain name, and a key by
    which both sides know it again."""

    key: str
    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Report:
    """A report as it leaves the house.

    `report_class` is pengaduan, permintaan_informasi or aspirasi; `title` has at most 100 characters, `text` any
    number; `function` is our own word for what it is about, by which a service of the other side is chosen; `name` is
    the pelapor's, None where Anonim or where the other side has no business with it; `source` how the channel is called
    there. `ticket` is ours, and the key by which the other side could tell a repetition. `due_on` is the last day for
    an answer, where one is known.
    """

    ticket: str
    report_class: str
    title: str
    text: str
    filed_at: datetime
    place: Place = field(default_factory=Place)
    happened: str | None = None
    happened_on: date | None = None
    category: Category | None = None
    agency: Office | None = None
    anonymous: bool = False
    secret: bool = False
    name: str | None = None
    source: str = ""
    due_on: date | None = None
    function: str | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """The other side has it: under this number, or under a token until it has given one. `link` leads to it there;
    `left` are the keys of files that did not go along, and are to be sent after it."""

    external_id: str | None
    token: str | None = None
    raw_status: str | None = None
    link: str | None = None
    left: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that the other side tells of a report: when, its status then in its own words, what was said to the
    pelapor, and by whom. `key` is the same whenever it is told again."""

    key: str
    at: datetime | None
    raw_status: str | None = None
    words: str | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a report is over there: its number (which it may have been given meanwhile), its status in the words of
    the other side, and what was told of it, the oldest first."""

    external_id: str | None
    raw_status: str | None
    raw_status_at: datetime | None = None
    log: Sequence[Entry] = ()


class Trouble(Exception):
    """Something did not work. `reason` is a key of texts (see desk/texts/id/troubles.toml), `detail` a code or a number
    of the other side's, never anybody's words."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason} {detail}".strip())
        self.reason, self.detail = reason, detail


class Refused(Trouble):
    """The other side said no, and will say it again; nothing was taken."""


class Later(Trouble):
    """It was surely not taken, and may be tried again; `after` that many seconds, where the other side says so."""

    def __init__(self, reason: str, detail: str = "", after: float | None = None) -> None:
        super().__init__(reason, detail)
        self.after = after


class Unknown(Trouble):
    """Nobody knows whether it was taken. It is not sent again by a machine."""


class Bridge(Protocol):
    """A way into another system, on one connection; all of it may raise the troubles above and nothing else.

    What only asks (`status`, `categories`, `institutions`) raises no `Unknown`. A bridge that cannot do one of these
    raises `Refused("not_offered")`.
    """

    async def submit(self, report: Report, files: Sequence[File]) -> Taken:
        """Hand a report over, with its files where they go along in the same request."""

    async def attach(self, external_id: str, file: File) -> None:
        """Send a file after it."""

    async def status(self, external_id: str | None, token: str | None = None) -> Standing:
        """How far it is, by its number, or by the token where it has none yet."""

    async def reply(self, external_id: str, words: str, key: str) -> None:
        """Words of the pelapor; `key` is the same whenever they are sent again."""

    async def categories(self) -> Sequence[Category]:
        """The categories of the other side."""

    async def institutions(self, query: str) -> Sequence[Office]:
        """The institutions whose names have these words, at most 50."""


@runtime_checkable
class Closing(Protocol):
    """A bridge that can also say that the pelapor has ended a report: content with it, or by taking it back."""

    async def close(self, external_id: str, words: str | None, key: str) -> None:
        """The pelapor has ended it, with these words where there are any; `key` as in `reply`."""
