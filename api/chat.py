"""The house behind the chat page: takes its messages, shows the lines of the ledger, hears what is new."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from api import intake
from api.delivery import button
from api.house import House
from api.listening import SPOKEN, listen
from api.media import attachments, fetching, files
from api.webchat import Attachment, Line, Played, StoreDown
from bot.channels import webchat
from bot.messages import Address, Incoming, Media, clean
from bot.texts import speak
from store import attachments as attached
from store import deliveries, media, sittings
from store.attachments import Attached
from store.database import is_down


class Chat:
    """The backend of the chat page (see `api.webchat.Backend`)."""

    def __init__(self, house: Callable[[], House]) -> None:
        self._open_house = house
        self._waiting: dict[str, set[asyncio.Event]] = defaultdict(set)

    @property
    def _house(self) -> House:
        return self._open_house()

    async def run(self) -> None:
        """Pass on what speakers announce, until cancelled."""
        await listen(self._house.url, SPOKEN, self._heard)

    def _heard(self, address: str) -> None:
        # An empty address comes after a lost connection: everybody looks again.
        for events in [self._waiting.get(address, set())] if address else list(self._waiting.values()):
            for event in events:
                event.set()

    async def take(self, message: Incoming, payload: dict[str, Any], content: bytes | None = None) -> None:
        """Take one message of the page; a file's bytes go onto the shelf before its row exists."""
        received_at = self._house.now()
        if content is not None and message.media is not None:
            name = await asyncio.to_thread(self._house.shelf.put, content)
            message = replace(message, media=replace(message.media, provider_id=name))
        try:
            await intake.take(self._house, message, payload, received_at)
        except Exception as error:
            if is_down(error):
                raise StoreDown from None
            raise
        self._heard(message.address.user)

    async def lines(self, address: Address, after: int) -> list[Line]:
        """The lines of one chat after a cursor."""
        found: list[deliveries.Line] = []
        sent: dict[int, list[Attached]] = {}
        try:
            async with self._house.engine.connect() as connection:
                while more := await deliveries.lines(connection, address.channel, address.user, after):
                    found += more
                    after = more[-1].id
                    if said := [line.id for line in more if not line.heard]:
                        sent |= await attached.of_lines(connection, said)
        except Exception as error:
            if is_down(error):
                raise StoreDown from None
            raise
        lines = [
            _heard_line(address, line) if line.heard else _spoken_line(line, sent.get(line.id, ())) for line in found
        ]
        return [line for line in lines if line is not None]

    async def played(self, address: Address, id_: str) -> Played | None:
        """The sound or film that this chat's message of that id brought along; what it is, its bytes tell."""
        try:
            async with self._house.engine.connect() as connection:
                row = await media.of_message(connection, address.channel, webchat.name_of(address.user, id_))
        except Exception as error:
            if is_down(error):
                raise StoreDown from None
            raise
        if row is None or row.kind not in PLAYERS or row.state not in {"waiting", "stored"}:
            return None
        with suppress(FileNotFoundError, fetching.UselessFile):
            # The page brought the bytes along: they lie on the shelf before the worker has looked at them.
            content = await asyncio.to_thread(self._house.shelf.get, row.sha256 or row.provider_id)
            return Played(content, fetching.look(content, row.kind))
        return None

    async def attached(self, address: Address, id_: int, *, small: bool) -> Played | None:
        """A file that was sent to this chat, whole; or, of a picture, a small one."""
        try:
            async with self._house.engine.connect() as connection:
                file = await attached.sent_to(connection, address.channel, address.user, id_)
        except Exception as error:
            if is_down(error):
                raise StoreDown from None
            raise
        if file is None:
            return None
        with suppress(FileNotFoundError):
            content = await asyncio.to_thread(self._house.shelf.get, file.sha256)
            if small and (picture := await asyncio.to_thread(attachments.glimpse, content)):
                return Played(picture, "image/jpeg", f"{id_}.jpg")
            return Played(content, file.content_type, attachments.plain_name(file))
        return None

    async def cleared(self, address: Address) -> int:
        """The line up to which what was said in this chat is not shown any more."""
        try:
            async with self._house.engine.connect() as connection:
                return await sittings.cleared(connection, address.channel, address.user)
        except Exception as error:
            if is_down(error):
                raise StoreDown from None
            raise

    async def wait(self, address: Address, seconds: float) -> None:
        """Return when this address may have new lines, at the latest after so many seconds."""
        event = asyncio.Event()
        self._waiting[address.user].add(event)
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), seconds)
        finally:
            self._waiting[address.user].discard(event)
            if not self._waiting[address.user]:
                del self._waiting[address.user]


PLAYERS = {"voice": "audio", "video": "video"}
# What is shown on the page; everything else is a link.
PICTURES = frozenset(kind for _, kind in files.PICTURES)


def _heard_line(address: Address, line: deliveries.Line) -> Line | None:
    """What the citizen said; None for a row that no page has posted, such as the words heard in a voice note."""
    try:
        message = webchat.read(address.user, line.content)
    except ValueError:
        return None
    words = message.text or clean(str(line.content.get("label") or ""))
    if message.place is not None:
        words = f"📍 {message.place.latitude:.5f}, {message.place.longitude:.5f}"
    return Line(
        cursor=line.id,
        from_citizen=True,
        text=words,
        buttons=(),
        at=line.at,
        photo=_name(message.media) if message.media else None,
        plays=PLAYERS.get(message.media.kind) if message.media else None,
        message_id=message.message_id,
    )


def _name(media: Media) -> str:
    """What a file is called, as on the device it came from; a "/" would make it a path."""
    return (media.name or "").rpartition("/")[2] or media.kind


def _spoken_line(line: deliveries.Line, sent: Sequence[Attached]) -> Line:
    return Line(
        cursor=line.id,
        from_citizen=False,
        text="\n\n".join(speak(key, params, line.language) for key, params in line.content),
        buttons=tuple(button(offer, line.language) for offer in line.buttons),
        at=line.at,
        photo=None,
        files=tuple(
            Attachment(file.id, attachments.name_of(file, place), file.content_type in PICTURES)
            for place, file in enumerate(sent, 1)
        ),
        receipt=any(key == deliveries.RECEIPT for key, _ in line.content),
    )
