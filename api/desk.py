"""The desk's shell: what its pages need of the house that they run in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from fastapi import Response
from sqlalchemy.ext.asyncio import AsyncEngine

from api import assisting, emptying
from api.elsewhere.bridging import open_bridge
from api.elsewhere.outward import report_of
from api.elsewhere.postbox import threads_of
from api.house import House
from api.listening import CHANGED, listen
from api.media import files
from api.media.scanning import ScannerAway, infection
from api.settings import Settings
from api.unit import Unit, unit
from bot.texts import speak
from bridges import letters, sp4n_form, webhook
from bridges.contract import Report, Trouble
from desk.shell import Codes, Field, Letter, Span, Trial
from store import reports, ways
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

    async def form_of(self, ticket: str) -> Sequence[Field]:
        """SP4N-LAPOR!'s form for a report."""
        fields = sp4n_form.fields(await self._report(ticket))
        return [Field(each.key, each.label, each.value, each.note, each.code, each.above) for each in fields]

    async def rest_pdf(self, ticket: str) -> bytes:
        """The whole report as PDF."""
        return await asyncio.to_thread(sp4n_form.rest_pdf, await self._report(ticket))

    def read_tracking_id(self, typed: str) -> tuple[str, bool]:
        """A number of SP4N-LAPOR! as somebody typed it."""
        return sp4n_form.read_tracking_id(typed)

    async def _report(self, ticket: str) -> Report:
        house = self._house
        async with house.engine.connect() as connection:
            found = await reports.subject(connection, ticket, house.settings.home_region)
            return await report_of(house, connection, found.id)

    @property
    def chats(self) -> Mapping[str, str]:
        """By channel, where a chat with us begins."""
        settings = self._house.settings
        known = {
            "webchat": f"{settings.public_url}/chat",
            "telegram": self._house.bot_link,
            "whatsapp": f"https://wa.me/{settings.whatsapp_number}" if settings.whatsapp_number else "",
        }
        return {channel: address for channel, address in known.items() if address and channel in settings.channels}

    async def end_grant(self, volunteer_id: int) -> None:
        """End at once what a volunteer has under way."""
        await assisting.end_grant(self._house, volunteer_id)

    async def close_counter(self, counter_id: int) -> None:
        """Close a service counter, with the chats there."""
        await emptying.close(self._house, counter_id)

    async def file_kept_draft(self, assistance_id: int, staff_id: int) -> Codes:
        """File a draft whose volunteer may not go on."""
        receipt = await assisting.file_kept(self._house, assistance_id, staff_id)
        return Codes(receipt.ticket, receipt.code or "", receipt.takeover or "", receipt.until)

    async def leads_inside(self, url: str) -> bool:
        """Whether nothing would be sent to that address as things are."""
        return not self._house.settings.webhook_private and await webhook.leads_inside(url)

    async def try_connection(self, connection_id: int) -> Trial:
        """Ask the system that a connection leads to for its categories."""
        house = self._house
        async with house.engine.connect() as connection:
            known = await ways.get(connection, connection_id)
        if known is None or known.kind not in ways.MACHINES:
            return Trial(trouble="not_offered")
        try:
            # One that is switched off is tried before it is switched on.
            async with open_bridge(house, replace(known, disabled=False), None) as bridge:
                return Trial(count=len(await bridge.categories()))
        except Trouble as problem:
            return Trial(trouble=problem.reason, detail=problem.detail)

    def letter(self, raw: bytes) -> Letter:
        """A letter as plain text."""
        found = letters.read(raw, threads_of(self._house.settings))
        files = tuple((each.name, each.content) for each in found.files)
        return Letter(found.sender, found.subject, found.words, found.whole, files)

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
