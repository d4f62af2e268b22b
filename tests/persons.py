"""The citizens of golden conversations on Telegram, WhatsApp and in the web chat: what each word of a transcript means
there.

The terminal's citizen stands in api/replaying.py. What cannot be done on a channel at all: `scripted.CANNOT`.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from peers import cloud_api
from peers.bot_api import Citizen, FakeBotApi, Sent, Update

from api.replaying import FILM, PATIENCE, PDF, PHOTO, SOUND, Ear, StageFailed
from api.transcripts import Said, Turn
from bot.messages import Address


class TelegramPerson:
    """Somebody with Telegram: every act is an update that is posted to the webhook."""

    def __init__(self, api: FakeBotApi, ear: Ear, chat_id: int) -> None:
        self.address = Address("telegram", str(chat_id))
        self._api, self._ear = api, ear
        self._citizen: Citizen = api.citizen(chat_id)
        self._updates: dict[int, Update] = {}
        self._read: dict[int, Sent] = {}
        self._heard = 0

    async def do(self, turn: Turn, choice: str | None) -> None:
        """Post the update of this turn."""
        self._updates[turn.number] = update = self._update(turn, choice)
        await self._api.deliver(update)

    async def hear(self, count: int, turn: int, /) -> Said:
        """What the Bot API was asked to send; a long message comes in several."""
        await self._ear.heard(self.address.user, count)
        new = self._api.sent(self._citizen.chat_id)[self._heard :]
        self._heard += len(new)
        if new:
            self._read[turn] = new[-1]
        return Said(
            "\n\n".join(each.text for each in new), {label: choice for each in new for label, choice in each.buttons}
        )

    def _update(self, turn: Turn, choice: str | None) -> Update:
        citizen, what = self._citizen, turn.what
        match turn.action:
            case "citizen":
                return citizen.text(what)
            case "tap" | "old_tap":
                return citizen.tap(choice or "")
            case "photo":
                return citizen.photo(what or None, turn.details.get("album"))
            case "file":
                size = int(turn.details.get("megabytes", 1) * 2**20)
                file = {**self._file(PDF, size), "file_name": what, "mime_type": turn.details["type"]}
                caption = turn.details.get("caption")
                return citizen.message(document=file, **({"caption": caption} if caption else {}))
            case "voice":
                return citizen.voice(SOUND)
            case "video":
                return citizen.video(FILM, what or None)
            case "gif":
                film = {**self._file(FILM, len(FILM)), "mime_type": "video/mp4"}
                return citizen.message(animation={**film, "width": 90, "height": 90, "duration": 2}, document=film)
            case "sticker":
                return citizen.sticker()
            case "contact_card":
                return citizen.contact()
            case "poll":
                return citizen.message(poll=_poll())
            case "pin":
                return citizen.location(*what)
            case "edit":
                return citizen.edited(self._updates[what["turn"]], what["text"])
            case "forwarded":
                origin = {"type": "hidden_user", "date": int(time.time()), "sender_user_name": "Warga RT 05"}
                return citizen.message(text=what, forward_origin=origin)
            case "reply":
                return citizen.message(text=what["text"], reply_to_message=self._read[what["turn"]].message)
        raise StageFailed(f"nobody can {turn.action} on Telegram")

    def _file(self, content: bytes, size: int) -> dict[str, Any]:
        name = self._api.add_file(content, claimed_size=size)
        return {"file_id": name, "file_unique_id": f"u{name[-6:]}", "file_size": size}


def _poll() -> dict[str, Any]:
    option = {"persistent_id": "1", "text": "Ya", "voter_count": 0}
    return {
        "id": "1", "question": "Setuju?", "options": [option, {**option, "persistent_id": "2", "text": "Tidak"}],
        "total_voter_count": 0, "is_closed": False, "is_anonymous": True, "type": "regular",
        "allows_multiple_answers": False, "allows_revoting": False, "members_only": False,
    }  # fmt: skip


class WhatsappPerson:
    """Somebody with WhatsApp: every act is a payload that is posted to the webhook, signed."""

    def __init__(self, api: cloud_api.FakeCloudApi, ear: Ear, citizen: cloud_api.Citizen) -> None:
        self.address = Address("whatsapp", citizen.ids[-1])
        self._api, self._ear, self._citizen = api, ear, citizen
        self._changes: dict[int, cloud_api.Change] = {}
        self._read: dict[int, cloud_api.Sent] = {}
        self._heard = 0

    async def do(self, turn: Turn, choice: str | None) -> None:
        """Post the message of this turn."""
        self._changes[turn.number] = change = self._change(turn, choice)
        await self._api.post(change)

    async def hear(self, count: int, turn: int, /) -> Said:
        """What the Cloud API was asked to send: a message may come in several. Numbered choices count as buttons."""
        await self._ear.heard(self.address.user, count)
        new = self._api.sent(self._citizen)[self._heard :]
        self._heard += len(new)
        if new:
            self._read[turn] = new[-1]
        buttons = {label: choice for each in new for label, choice in (each.buttons or each.numbers.items())}
        return Said("\n\n".join(each.text for each in new), buttons)

    def _change(self, turn: Turn, choice: str | None) -> cloud_api.Change:
        citizen, what = self._citizen, turn.what
        match turn.action:
            case "citizen":
                return citizen.text(what)
            case "tap" | "old_tap":
                numbered = choice is not None and choice.isdigit()
                return citizen.text(choice or "") if numbered else citizen.choose(choice or "")
            case "photo":
                return citizen.image(what or None)
            case "file":
                size = int(turn.details.get("megabytes", 1) * 2**20)
                caption = turn.details.get("caption")
                return citizen.document(PDF, what, turn.details["type"], caption, claimed_size=size)
            case "voice":
                return citizen.voice(SOUND)
            case "video":
                return citizen.video(FILM, what or None)
            case "gif":
                return citizen.video(FILM)
            case "sticker":
                return citizen.sticker()
            case "contact_card":
                return citizen.contact()
            case "poll":
                return citizen.unsupported("poll")
            case "pin":
                return citizen.location(*what)
            case "edit":
                return citizen.edited(self._changes[what["turn"]], what["text"])
            case "forwarded":
                return citizen.forwarded(what)
            case "reply":
                return citizen.text(what["text"], reply_to=self._read[what["turn"]])
        raise StageFailed(f"nobody can {turn.action} on WhatsApp")


class WebPerson:
    """Somebody at the chat page: posts what its script posts, and listens to the stream that it listens to."""

    def __init__(self, session: aiohttp.ClientSession, address: str, cookie: str) -> None:
        self.address = Address("webchat", hashlib.sha256(cookie.encode()).hexdigest()[:32])
        self._session, self._address = session, address
        self._numbers = itertools.count(1)
        self._stream: aiohttp.ClientResponse | None = None
        self._count = 0

    async def do(self, turn: Turn, choice: str | None) -> None:
        """Post the message of this turn."""
        what = turn.what
        match turn.action:
            case "citizen":
                await self._post(text=what)
            case "tap" | "old_tap":
                await self._post(choice=choice, label=what)
            case "pin":
                await self._post(latitude=what[0], longitude=what[1])
            case "photo":
                await self._upload("foto.png", PHOTO, "image/png", what)
            case "file":
                await self._upload(what, PDF, turn.details["type"], turn.details.get("caption", ""))
            case "voice":
                await self._upload("suara.ogg", SOUND, "audio/ogg", "")
            case "video":
                await self._upload("video.mp4", FILM, "video/mp4", what)
            case _:
                raise StageFailed(f"nobody can {turn.action} in the web chat")

    async def hear(self, count: int, _turn: int = 0, /) -> Said:
        """What the stream of lines shows."""
        texts: list[str] = []
        buttons: dict[str, str] = {}
        if self._count < count:
            stream = await self._listen()
            while self._count < count:
                try:
                    line = await _next_line(stream)
                except TimeoutError:
                    raise StageFailed(f"the page shows {self._count} of {count} replies") from None
                if not line["mine"]:
                    self._count += 1
                    texts.append(line["text"])
                    buttons |= {button["label"]: button["choice"] for button in line["buttons"]}
        return Said("\n\n".join(texts), buttons)

    def close(self) -> None:
        """Leave the page."""
        if self._stream:
            self._stream.close()

    async def _listen(self) -> aiohttp.ClientResponse:
        if self._stream is None:
            self._stream = await self._session.get(f"{self._address}/chat/events?after=0")
            assert self._stream.ok, self._stream.status
        return self._stream

    async def _post(self, **content: Any) -> None:
        message = {"id": str(uuid.uuid4()), "n": next(self._numbers), **content}
        async with self._session.post(f"{self._address}/chat/messages", json=message) as answer:
            assert answer.ok, (answer.status, await answer.text())

    async def _upload(self, name: str, content: bytes, content_type: str, caption: str) -> None:
        form = aiohttp.FormData({"id": str(uuid.uuid4()), "n": str(next(self._numbers)), "text": caption})
        form.add_field("file", content, filename=name, content_type=content_type)
        async with self._session.post(f"{self._address}/chat/files", data=form) as answer:
            assert answer.ok, (answer.status, await answer.text())


async def _next_line(stream: aiohttp.ClientResponse) -> dict[str, Any]:
    """The next event of the stream that is a line of the chat."""
    event = ""
    while raw := await stream.content.readline():
        name, _, value = raw.decode().rstrip("\n").partition(": ")
        if name == "event":
            event = value
        elif name == "data":
            if not event:
                line: dict[str, Any] = json.loads(value)
                return line
        elif not raw.strip():
            event = ""
    raise StageFailed("the stream of the chat page has ended")


@asynccontextmanager
async def at_the_page(address: str) -> AsyncIterator[WebPerson]:
    """Somebody who opens the chat page at that address, with a cookie of their own."""
    headers = {"Sec-Fetch-Site": "same-origin"}
    jar = aiohttp.CookieJar(unsafe=True)  # that is: also on 127.0.0.1
    patience = aiohttp.ClientTimeout(total=None, sock_read=PATIENCE)
    async with aiohttp.ClientSession(headers=headers, cookie_jar=jar, timeout=patience) as session:
        async with session.get(f"{address}/chat") as page:
            cookie = page.cookies["chat"].value
        person = WebPerson(session, address, cookie)
        try:
            yield person
        finally:
            person.close()
