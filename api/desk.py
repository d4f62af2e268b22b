"""The desk's shell: what its pages need of the house that they run in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from fastapi import Response
from sqlalchemy.ext.asyncio import AsyncEngine

from api import files
from api.house import House
from api.listening import CHANGED, listen
from api.scanning import ScannerAway, infection
from api.settings import Settings
from api.unit import Unit, unit
from bot.texts import speak
from desk.shell import Span
from store.masterdata import Directory
from store.media import Shelf

log = structlog.get_logger(__name__)

# News that a page has not fetched; one that is slower than that looks anew.
BACKLOG = 100


class DeskShell:
    """What `desk.shell.Shell` asks for, of a house that is open when the first request comes."""

    def __init__(self, house: Callable[[], House]) -> None:
        self._open = house
        self._readers: set[asyncio.Queue[str]] = set()

    @property
    def _house(self) -> House:
        return self._open()

    @property
    def engine(self) -> AsyncEngine:
        """The database, for what only reads."""
        return self._house.engine

    @property
    def directory(self) -> Directory:
        """Regions, agencies and the calendar as they are now."""
        return self._house.directory

    @property
    def shelf(self) -> Shelf:
        """The bytes of files."""
        return self._house.shelf

    @property
    def home_region(self) -> str:
        """The province of reports whose place nobody knows."""
        return self._house.settings.home_region

    @property
    def public_url(self) -> str:
        """How the outside reaches us."""
        return self._house.settings.public_url

    @property
    def settings(self) -> Settings:
        """The settings of the process."""
        return self._house.settings

    def now(self) -> datetime:
        """The present moment, by the database's clock."""
        return self._house.now()

    def today(self, region: str | None) -> date:
        """The day that it is in a region; in the home region where none is known."""
        return self._house.today(region)

    def zone(self, region: str | None) -> ZoneInfo:
        """The time zone of a region; of the home region where none is known."""
        return self._house.zone(region)

    def unit(self) -> AbstractAsyncContextManager[Unit]:
        """A transaction of the house."""
        return unit(self._house)

    def why(self, text: str, function: str | None) -> Sequence[Span]:
        """The words that spoke for a function."""
        suggester = self._house.suggester
        found = suggester.why(text, function) if suggester else ()
        return [Span(each.start, each.end, weight=each.weight) for each in found]

    def personal(self, text: str) -> Sequence[Span] | None:
        """Personal data in a text."""
        suggester = self._house.suggester
        found = suggester.personal(text) if suggester else None
        return None if found is None else [Span(each.start, each.end, kind=each.kind) for each in found]

    def topic(self, label: str, language: str) -> str:
        """The name of the classifier's topic."""
        suggester = self._house.suggester
        return suggester.category(label, language) if suggester else label

    def spoken(self, says: Sequence[tuple[str, Mapping[str, Any]]], language: str) -> list[str]:
        """What a citizen would read."""
        return [speak(key, parameters, language) for key, parameters in says]

    async def infected(self, content: bytes) -> bool | None:
        """Whether ClamAV finds something in a file; None where it is away."""
        try:
            found = await infection(self._house.settings.clamd_host, content)
        except ScannerAway as problem:
            log.warning("upload_not_checked", why=str(problem))
            return None
        if found is not None:
            log.warning("upload_infected", signature=found)
        return found is not None

    def served(self, content: bytes, content_type: str | None, *, name: str, asked: str | None) -> Response:
        """The bytes of a file as an answer."""
        return files.answer(content, content_type, asked, name=name)

    async def news(self) -> AsyncIterator[str]:
        """The tickets of complaints as they change."""
        queue: asyncio.Queue[str] = asyncio.Queue(BACKLOG)
        self._readers.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._readers.discard(queue)

    async def run(self) -> None:
        """Hear what changes, and pass it to all pages that listen, until cancelled."""
        await listen(self._house.url, CHANGED, self._heard)

    def _heard(self, ticket: str) -> None:
        for queue in self._readers:
            if queue.full():  # it missed some: one empty line says so
                while not queue.empty():
                    queue.get_nowait()
                ticket = ""
            queue.put_nowait(ticket)
