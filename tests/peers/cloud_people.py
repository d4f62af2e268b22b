"""The people behind our Cloud API: their chats with us, and what Meta posts of all that they can do."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from peers.bot_api import JPEG

if TYPE_CHECKING:
    from peers.cloud_api import FakeCloudApi

NUMBER = "628111000222"  # ours
NUMBERED = re.compile(r"(\d{1,2})\. (.+)")

Change = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sent:
    """A message of ours as it stands in the chat.

    `kind` is text, button, list, location_request_message, template, image, audio, video or document. `buttons` are
    (label, choice), whether they are buttons, the rows of a list or a template's button; the label of a row whose title
    is cut is what stands below it. `content` is a file's.
    """

    user: str
    wamid: str
    kind: str
    text: str
    buttons: tuple[tuple[str, str], ...]
    time: float
    body: dict[str, Any] = field(repr=False)
    content: bytes | None = field(default=None, repr=False)

    @property
    def choices(self) -> list[str]:
        """What the buttons would send back."""
        return [choice for _, choice in self.buttons]

    @property
    def numbers(self) -> dict[str, str]:
        """Where the words number what can be answered: each label and its number."""
        for paragraph in reversed(self.text.split("\n\n") if self.kind == "text" else []):
            lines = [NUMBERED.fullmatch(line) for line in paragraph.split("\n")]
            found = {line[2]: line[1] for line in lines if line}
            if list(found.values()) == [str(number) for number in range(1, len(lines) + 1)]:
                return found
        return {}


class Chat:
    """The chat of one person with us, whatever ids the person goes by."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.wrote_at: datetime | None = None
        self.gone = False
        self.arrival = asyncio.Event()

    def add(self, sent: Sent) -> None:
        """Let a message arrive."""
        self.sent.append(sent)
        self.arrival.set()
        self.arrival = asyncio.Event()


class Citizen:
    """Somebody who writes to us: each method makes the change that Meta would tell of, `api.post` it yourself."""

    def __init__(self, api: FakeCloudApi, chat: Chat, number: str | None, user_id: str | None, name: str) -> None:
        self.api = api
        self.chat = chat
        self.number = number
        self.user_id = user_id
        self.name = name
        self.hides_number = False
        self._read = 0

    @property
    def ids(self) -> tuple[str, ...]:
        """All by which Meta knows this person."""
        return tuple(each for each in (self.user_id, self.number) if each)

    def message(self, kind: str, content: Any, **beside: Any) -> Change:
        """A new message of this kind, as fields of Meta's message."""
        self.chat.wrote_at = self.api.now()
        start = {**self._sender(), "id": self.api.next_wamid(), "timestamp": self.api.timestamp(), "type": kind}
        return self.api.message({**start, **({} if content is None else {kind: content}), **beside}, self._contact())

    def text(self, text: str, reply_to: Sent | Change | str | None = None) -> Change:
        """A message in words; it may answer an earlier one of the chat."""
        return self.message("text", {"body": text}, **_context(reply_to))

    def forwarded(self, text: str, *, often: bool = False) -> Change:
        """A text that was written elsewhere."""
        return self.message("text", {"body": text}, context={"frequently_forwarded" if often else "forwarded": True})

    def tap(self, label: str, on_message: Sent | None = None) -> Change:
        """Tap that button, row or template's button of one of our messages (the last that shows it, if none is
        named); where the choices are numbered in the words, write the number."""
        said = [on_message] if on_message else list(reversed(self.chat.sent))
        for each in said:
            for shown, choice in each.buttons:
                if shown == label:
                    return self._tapped(each, shown, choice)
            if label in each.numbers:
                return self.text(each.numbers[label])
        raise ValueError(f"no message to this citizen shows {label!r}")

    def choose(self, choice: str, on_message: Sent | None = None) -> Change:
        """Tap what sends back this choice."""
        said = [on_message] if on_message else list(reversed(self.chat.sent))
        for each in said:
            for label, found in each.buttons:
                if found == choice:
                    return self._tapped(each, label, found)
        raise ValueError(f"no message to this citizen has a button for {choice!r}")

    def image(self, caption: str | None = None, content: bytes = JPEG, content_type: str = "image/jpeg") -> Change:
        """A photo."""
        return self.message("image", self._file(content, content_type, caption))

    def album(self, count: int, caption: str | None = None, contents: Sequence[bytes] = ()) -> list[Change]:
        """Several photos at once, which Meta tells one by one; the caption belongs to the first."""
        return [
            self.image(caption if number == 0 else None, contents[number] if contents else JPEG)
            for number in range(count)
        ]

    def document(
        self,
        content: bytes = b"%PDF-1.4",
        name: str = "surat.pdf",
        content_type: str = "application/pdf",
        caption: str | None = None,
        *,
        claimed_size: int | None = None,
    ) -> Change:
        """A file."""
        file = self._file(content, content_type, caption, claimed_size)
        return self.message("document", {**file, "filename": name})

    def voice(self, content: bytes = b"OggS") -> Change:
        """A voice message."""
        return self.message("audio", {**self._file(content, "audio/ogg; codecs=opus"), "voice": True})

    def audio(self, content: bytes = b"ID3", content_type: str = "audio/mpeg") -> Change:
        """A sound file."""
        return self.message("audio", {**self._file(content, content_type), "voice": False})

    def video(self, content: bytes = b"\x00\x00\x00\x18ftypmp42", caption: str | None = None) -> Change:
        """A video; a GIF is one, too."""
        return self.message("video", self._file(content, "video/mp4", caption))

    def sticker(self) -> Change:
        """A sticker."""
        return self.message("sticker", {**self._file(b"RIFF0000WEBP", "image/webp"), "animated": False})

    def location(
        self, latitude: float = -2.8903, longitude: float = 103.8367, name: str | None = None, address: str = "Sekayu"
    ) -> Change:
        """A pin on the map, or a place with a name."""
        place = {} if name is None else {"name": name, "address": address}
        return self.message("location", {"latitude": latitude, "longitude": longitude, **place})

    def contact(self) -> Change:
        """Somebody's card."""
        card = {"name": {"first_name": "Ani", "formatted_name": "Ani"}, "phones": [{"phone": "+62 812-3456-789"}]}
        return self.message("contacts", [card])

    def reaction(self, emoji: str = "👍", on_message: Sent | str | None = None) -> Change:
        """An emoji at one of our messages (the last, if none is named)."""
        if on_message is None:
            on_message = self.chat.sent[-1]
        wamid = on_message if isinstance(on_message, str) else on_message.wamid
        return self.message("reaction", {"message_id": wamid, "emoji": emoji})

    def unsupported(self, kind: str = "poll") -> Change:
        """What Meta does not pass on: a poll, an edited message, something that disappears."""
        title = "Message type unknown"
        data = {"details": "Message type is currently not supported."}
        error = {"code": 131051, "title": title, "message": title, "error_data": data}
        return self.message("unsupported", {"type": kind}, errors=[error])

    def unknown(self, kind: str = "hologram") -> Change:
        """A kind of message that Meta has yet to think of."""
        return self.message(kind, {"depth": 3})

    def edited(self, change: Change, text: str) -> Change:
        """An earlier message, written anew. Meta tells it only where our number is in the WhatsApp Business app too."""
        original = {"original_message_id": wamid_of(change), "message": {"type": "text", "text": {"body": text}}}
        return self.message("edit", original)

    def in_group(self, text: str, group_id: str = "Y2FwaV9ncm91cDox") -> Change:
        """Something said in a group that our number is in."""
        return self.message("text", {"body": text}, group_id=group_id)

    def hide_number(self) -> None:
        """Take a user name: from now on Meta does not tell the number."""
        assert self.user_id, "who has no BSUID cannot hide the number"
        self.hides_number = True

    def change_number(self, number: str, user_id: str | None = None) -> Change:
        """Move to another number, which brings another BSUID with it where this person has one."""
        old = self._ids()
        if self.user_id and not user_id:
            user_id = f"ID.{int(hashlib.sha256(number.encode()).hexdigest()[:15], 16)}"
        old_user_id = self.user_id
        self._become(number, user_id)
        ids = {"user_id": user_id, "previous_user_id": old_user_id} if user_id and old_user_id else {}
        body = f"User {self.name} changed from {old.get('from', '')} to {number}"
        return self._system(old, {"body": body, "wa_id": number, **ids, "type": "user_changed_number"})

    def change_user_id(self, user_id: str) -> Change:
        """Get another BSUID; the number, if there is one, Meta does not tell."""
        assert self.user_id
        old = {"from_user_id": self.user_id}
        system = {"body": f"User {self.name} changed", "user_id": user_id, "previous_user_id": self.user_id}
        self._become(self.number, user_id)
        return self._system(old, {**system, "type": "user_changed_user_id"})

    def leave(self) -> None:
        """Have WhatsApp no longer: what is sent to this person is undeliverable."""
        self.chat.gone = True

    async def say(self, text: str) -> int:
        """Post a text at once; return the status of the webhook's answer."""
        return await self.api.post(self.text(text))

    async def reply(self, timeout: float = 30.0) -> Sent:  # noqa: ASYNC109
        """Our next message that this citizen has not looked at yet."""
        try:
            sent = await self.api.wait_for_sent(self, self._read + 1, timeout)
        except TimeoutError:
            last = self.chat.sent[-1:]
            raise TimeoutError(f"nothing more came to {self.ids} in {timeout} s; last: {last}") from None
        self._read += 1
        return sent[self._read - 1]

    def _tapped(self, sent: Sent, label: str, choice: str) -> Change:
        context = _context(sent)
        if sent.kind == "template":
            return self.message("button", {"payload": choice, "text": label}, **context)
        kind = "list_reply" if sent.kind == "list" else "button_reply"
        reply = {"id": choice, "title": label}
        if sent.kind == "list" and (described := _description(sent.body, choice)):
            reply = {"id": choice, "title": described[0], "description": described[1]}
        return self.message("interactive", {"type": kind, kind: reply}, **context)

    def _file(
        self, content: bytes, content_type: str, caption: str | None = None, claimed_size: int | None = None
    ) -> dict[str, Any]:
        media_id = self.api.add_media(content, content_type, claimed_size=claimed_size)
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        file = {"mime_type": content_type, "sha256": digest, "id": media_id}
        return file if caption is None else {"caption": caption, **file}

    def _ids(self) -> dict[str, str]:
        """The sender of a message."""
        number = {} if self.number is None or self.hides_number else {"from": self.number}
        return {**number, **({"from_user_id": self.user_id} if self.user_id else {})}

    _sender = _ids

    def _contact(self) -> dict[str, Any]:
        number = {} if self.number is None or self.hides_number else {"wa_id": self.number}
        username = {"username": "budi.santoso"} if self.hides_number else {}
        user_id = {"user_id": self.user_id} if self.user_id else {}
        return {"profile": {"name": self.name, **username}, **number, **user_id}

    def _system(self, sender: dict[str, str], about: dict[str, Any]) -> Change:
        start = {**sender, "id": self.api.next_wamid(), "timestamp": self.api.timestamp(), "type": "system"}
        return self.api.message({**start, "system": about}, None)

    def _become(self, number: str | None, user_id: str | None) -> None:
        for old in self.ids:
            self.api._chats.pop(old, None)
        self.number, self.user_id = number, user_id
        for new in self.ids:
            self.api._chats[new] = self.chat


# --- small things ------------------------------------------------------------------------------


def wamid_of(change: Change) -> str:
    """The id of the message in a change."""
    return str(change["value"]["messages"][0]["id"])


def _context(reply_to: Sent | Change | str | None) -> dict[str, Any]:
    if reply_to is None:
        return {}
    if isinstance(reply_to, Sent):
        return {"context": {"from": NUMBER, "id": reply_to.wamid}}
    if isinstance(reply_to, str):
        return {"context": {"from": NUMBER, "id": reply_to}}
    message = reply_to["value"]["messages"][0]
    return {"context": {"from": message.get("from", message.get("from_user_id")), "id": message["id"]}}


def _description(body: dict[str, Any], choice: str) -> tuple[str, str] | None:
    """Title and description of the row with that id, if it has both."""
    for section in body["interactive"]["action"]["sections"]:
        for row in section["rows"]:
            if row["id"] == choice and "description" in row:
                return row["title"], row["description"]
    return None
