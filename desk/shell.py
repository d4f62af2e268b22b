"""What the desk needs of the process that runs it. The desk knows the store; the shell hands in the rest."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from fastapi import Response
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from store.complaints import Event
from store.deliveries import NewDelivery
from store.masterdata import Directory
from store.media import Shelf


@dataclass(frozen=True, slots=True)
class Span:
    """Characters of a text, from `start` up to `end`; `weight` says how much they decided, `kind` what they are."""

    start: int
    end: int
    weight: float = 0.0
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of SP4N-LAPOR!'s form as it is filled in for a report: our key, its label there, what is to be entered.

    `note` is a key of texts where a person must look twice, `code` the id of a choice there, `above` the branch of its
    tree.
    """

    key: str
    label: str
    value: str
    note: str | None = None
    code: str | None = None
    above: str | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of trying a connection: how many categories the other side has told, or a key of texts for what went
    wrong (desk/texts/id/troubles.toml) with its detail."""

    count: int | None = None
    trouble: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter that came by e-mail, as plain text: `words` are what was written anew, `whole` everything; of each file
    its name as the sender calls it and its bytes."""

    sender: str
    subject: str
    words: str
    whole: str
    files: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)


class Work(Protocol):
    """The work of one transaction, which the shell commits. What is recorded is followed by its reactions."""

    @property
    def connection(self) -> AsyncConnection:
        """The connection of the transaction."""

    def record(self, event: Event) -> Event:
        """Something happened to a complaint."""

    async def say(self, delivery: NewDelivery) -> None:
        """Put a message to a citizen into the ledger."""

    async def later(self, job: str, **ids: int) -> None:
        """Have a job of that name run after the commit. KeyError for an unknown name."""


@dataclass(frozen=True, slots=True)
class Codes:
    """The receipt of a resident who was assisted: the ticket, the code to look it up, and the one that makes a chat of
    theirs the pelapor's, up to that day. The codes are kept nowhere."""

    ticket: str
    code: str
    takeover: str
    until: date | None


class Shell(Protocol):
    """The running process."""

    @property
    def engine(self) -> AsyncEngine:
        """The database, for what only reads."""

    @property
    def directory(self) -> Directory:
        """Regions, agencies and the calendar as they are now."""

    @property
    def shelf(self) -> Shelf:
        """The bytes of files."""

    @property
    def home_region(self) -> str:
        """The province of reports whose place nobody knows."""

    @property
    def public_url(self) -> str:
        """How the outside reaches us, without a slash at the end."""

    @property
    def settings(self) -> Any:
        """The settings of the process (api/settings.py), for those of the desk alone."""

    def now(self) -> datetime:
        """The present moment, by the database's clock."""

    def today(self, region: str | None) -> date:
        """The day that it is in a region; in the home region where none is known."""

    def zone(self, region: str | None) -> ZoneInfo:
        """The time zone of a region; of the home region where none is known."""

    def unit(self) -> AbstractAsyncContextManager[Work]:
        """A transaction that commits at the end, or not at all if anything raises."""

    def why(self, text: str, function: str | None) -> Sequence[Span]:
        """The words of a text that spoke for a function, with their weights; none without a classifier."""

    def personal(self, text: str) -> Sequence[Span] | None:
        """Personal data in a text (kind: nik, phone, …); None where they cannot be found just now."""

    def topic(self, label: str, language: str) -> str:
        """The name of the classifier's topic, as officers read it."""

    def spoken(self, says: Sequence[tuple[str, Mapping[str, Any]]], language: str) -> list[str]:
        """What a citizen would read: text keys with their parameters, spoken in a language ("id", "en")."""

    async def infected(self, content: bytes) -> bool | None:
        """Whether a file carries something known to be harmful; None where that cannot be known just now. Where nobody
        looks for that, it does not."""

    def served(self, content: bytes, content_type: str | None, *, name: str, asked: str | None) -> Response:
        """The bytes of a file as an answer: shown or played where they are a picture, sound or film, else saved under
        `name` (plain ASCII). `asked` is the Range header."""

    def letter(self, raw: bytes) -> Letter:
        """A letter by its bytes; empty where it cannot be read. To be called in a thread."""

    def news(self) -> AsyncIterator[str]:
        """The tickets of complaints as they change, in any process, from now on; "" where some may have been missed."""

    async def form_of(self, ticket: str) -> Sequence[Field]:
        """SP4N-LAPOR!'s form for a report, in its order. Raises `NotFound`."""

    async def rest_pdf(self, ticket: str) -> bytes:
        """The whole report as PDF, for what SP4N-LAPOR!'s form has no room for. Raises `NotFound`."""

    def read_tracking_id(self, typed: str) -> tuple[str, bool]:
        """A number of SP4N-LAPOR! as somebody typed it: its digits, and whether it must be confirmed, being longer than
        usual. Raises ValueError."""

    @property
    def chats(self) -> Mapping[str, str]:
        """By channel, where a chat with us begins, without anything said in it yet; those that are set up and whose
        address we know: webchat, telegram, whatsapp."""

    async def end_grant(self, volunteer_id: int) -> None:
        """A volunteer may not go on, which is committed: end at once what is under way in their chats, in transactions
        of its own. What they have begun for residents goes to the desk."""

    async def close_counter(self, counter_id: int) -> None:
        """Close a service counter, with the chats that are open there, in transactions of its own. What residents had
        agreed to there and is not filed goes to an officer."""

    async def file_kept_draft(self, assistance_id: int, staff_id: int) -> Codes:
        """File a draft whose volunteer may not go on as the report of its resident, who has said yes to that officer;
        returns what the officer tells the resident, this once. Its own transaction, with its row of the audit. Raises
        LookupError where somebody has settled it meanwhile."""

    async def leads_inside(self, url: str) -> bool:
        """Whether nothing would be sent to that address as things are: its name leads into a network that is not
        public, and the house does not allow that. A network call; False where it cannot be known just now."""

    async def try_connection(self, connection_id: int) -> Trial:
        """Ask the system that a connection leads to for its categories; nothing is sent to it."""
