"""Telegram: updates of the Bot API become `Incoming`, an `Outgoing` becomes calls of `sendMessage`, after one call for
each of its files.

The Bot API's objects and errors are python-telegram-bot's. Its httpx backend is not: it is the
largest cost of a reply, so the requests travel over one aiohttp session (`AiohttpRequest`).
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import math
import unicodedata
from collections.abc import Awaitable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import urlencode

import aiohttp
from telegram import (
    Bot,
    CallbackQuery,
    ChatMemberUpdated,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputFile,
    LinkPreviewOptions,
    Message,
    MessageEntity,
    Update,
    User,
)
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)
from telegram.request import BaseRequest, RequestData

from bot.channels import splitting
from bot.channels.sending import BEGUN, BEGUN_SECONDS, FILE_TRIES, Limits, Memory, digest
from bot.messages import (
    Address,
    Button,
    File,
    Incoming,
    Media,
    MediaKind,
    Outgoing,
    Place,
    Sent,
    TryLater,
    Undeliverable,
    clean,
)

NAME = "telegram"
ALLOWED_UPDATES = ("message", "edited_message", "callback_query", "my_chat_member")
TEXT_LIMIT = 4096  # UTF-16 code units, which is how Telegram counts
CHOICE_LIMIT = 64  # bytes of UTF-8
FILE_LIMIT = 20 << 20  # bytes that getFile is ready to hand out
PHOTO_LIMIT = 10_000_000  # bytes of what sendPhoto takes; sendDocument takes five times as much
# How wide a label may be, in columns of text, where so many buttons stand in a row of a small phone.
ROWS = {5: 3, 2: 18, 1: math.inf}

# By which call a file of these content types goes, so that a phone shows or plays it. All others are documents, as is
# what such a call refuses.
CALLS = {
    "image/jpeg": "photo", "image/png": "photo", "audio/mpeg": "audio", "audio/mp4": "audio", "video/mp4": "video",
}  # fmt: skip

# What a document of this family of content types is.
KINDS: dict[str, MediaKind] = {"audio": "voice", "video": "video"}

# Contents that a citizen can send and we cannot use, by the name of their field in a Message.
UNUSABLE = (
    "sticker", "contact", "poll", "dice", "game", "story", "paid_media", "checklist", "rich_message", "invoice",
    "giveaway", "giveaway_winners", "passport_data",
)  # fmt: skip

# Fields that tell of something that happened in the chat, where nobody spoke to us.
SERVICE = frozenset({
    "new_chat_members", "left_chat_member", "chat_owner_left", "chat_owner_changed", "new_chat_title",
    "new_chat_photo", "delete_chat_photo", "group_chat_created", "supergroup_chat_created", "channel_chat_created",
    "message_auto_delete_timer_changed", "migrate_to_chat_id", "migrate_from_chat_id", "pinned_message",
    "successful_payment", "refunded_payment", "users_shared", "chat_shared", "gift", "unique_gift",
    "gift_upgrade_sent", "connected_website", "write_access_allowed", "proximity_alert_triggered", "boost_added",
    "chat_background_set", "checklist_tasks_done", "checklist_tasks_added", "direct_message_price_changed",
    "forum_topic_created", "forum_topic_edited", "forum_topic_closed", "forum_topic_reopened",
    "general_forum_topic_hidden", "general_forum_topic_unhidden", "giveaway_created", "giveaway_completed",
    "managed_bot_created", "paid_message_price_changed", "poll_option_added", "poll_option_deleted",
    "suggested_post_approved", "suggested_post_approval_failed", "suggested_post_declined", "suggested_post_paid",
    "suggested_post_refunded", "video_chat_scheduled", "video_chat_started", "video_chat_ended",
    "video_chat_participants_invited", "web_app_data",
})  # fmt: skip

# At DEBUG, python-telegram-bot writes the token and every text of a citizen into the log.
logging.getLogger("telegram").setLevel(logging.INFO)

T = TypeVar("T")


# --- what comes in ---------------------------------------------------------------------------


def read(update: Any, bot: Bot | None = None) -> list[Incoming]:
    """Translate one update of the Bot API; never raises.

    An update that cannot be understood still tells whose it is where that can be seen, so that
    its sender gets an answer; one that names no chat or no update_id gives nothing.
    """
    if not isinstance(update, dict) or not _is_id(update.get("update_id")):
        return []
    try:
        parsed = Update.de_json(update, bot)
        incoming = _read_parsed(parsed, update)
    except Exception:  # what Telegram adds next year must not stop the intake
        incoming = None
    if incoming is None or not _is_sound(incoming):
        incoming = _read_unknown(update)
    return [incoming] if incoming else []


def chat_of(update: Any) -> str | None:
    """The id of the chat that an update belongs to, as well as it can be seen."""
    chat = _find_chat(update)
    return str(chat["id"]) if chat else None


def addressed(update: Any, username: str | None = None) -> bool:
    """Whether a message in a group is meant for the bot: a command, a mention, a reply to it, or its being added.

    Without the bot's `username`, any bot that is mentioned or replied to is taken for ours
    (Telegram shows a bot little else, unless its privacy mode was turned off).
    """
    try:
        parsed = Update.de_json(update, None)
        if parsed.my_chat_member:
            return _is_added(parsed.my_chat_member)
        return parsed.message is not None and _is_for_bot(parsed.message, username and username.lower())
    except Exception:
        return False


def answer_tap(update: Any) -> dict[str, Any] | None:
    """The body to answer a tap's webhook request with (it stops the spinner on the button), None for other updates."""
    query = update.get("callback_query") if isinstance(update, dict) else None
    if not isinstance(query, dict) or not isinstance(query.get("id"), str):
        return None
    return {"method": "answerCallbackQuery", "callback_query_id": query["id"]}


def _read_parsed(update: Update, raw: dict[str, Any]) -> Incoming | None:
    chat = update.effective_chat
    if chat is None:
        return None
    if chat.type != "private" and not update.callback_query:
        # What people say in a group is not ours to keep.
        sequence = update.effective_message.message_id if update.effective_message else 0
        return Incoming(_address(chat.id), str(update.update_id), sequence, private=False)
    if update.message:
        return _read_message(update.update_id, update.message, raw["message"])
    if update.edited_message:
        return _read_message(update.update_id, update.edited_message, raw["edited_message"], edits=True)
    if update.callback_query:
        return _read_tap(update.update_id, update.callback_query)
    if update.my_chat_member:
        return _read_membership(update.update_id, update.my_chat_member)
    return None


def _read_message(update_id: int, message: Message, raw: dict[str, Any], *, edits: bool = False) -> Incoming:
    media, place = _read_media(message), _read_place(message)
    text = _clean(message.text or message.caption or _spell(raw.get("rich_message")))
    return Incoming(
        address=_address(message.chat.id),
        message_id=str(update_id),
        sequence=message.message_id,
        text=text,
        media=media,
        place=place,
        edits=edits,
        unsupported=None if text or media or place else _name_content(raw),
        name=_name(message.from_user),
        reply_to=_quoted(message),
        forwarded="forward_origin" in raw,
    )


def _quoted(message: Message) -> str | None:
    """The number of the message that this one answers, if it stands in the same chat."""
    quoted = message.reply_to_message
    return str(quoted.message_id) if quoted and quoted.chat.id == message.chat.id else None


def _spell(part: Any) -> str:
    """The words of a rich message, a line for each of its blocks; what is not words in it is left out."""
    if not isinstance(part, dict):
        return ""
    return "\n".join(line for line in (_join_words(block) for block in _blocks(part)) if line.strip())


def _blocks(part: Any) -> Iterator[Any]:
    """The parts of a rich message that stand on lines of their own."""
    if isinstance(part, list):
        for each in part:
            yield from _blocks(each)
    elif isinstance(part, dict):
        yield [part.get("summary"), part.get("text")]
        for inner in ("blocks", "items", "cells", "caption"):
            yield from _blocks(part.get(inner))


def _join_words(text: Any) -> str:
    """The plain words of a RichText: a string, a list of such, or an object with such a text inside."""
    if isinstance(text, list):
        return "".join(map(_join_words, text))
    if isinstance(text, dict):
        return _join_words(text.get("text", text.get("alternative_text")))
    return text if isinstance(text, str) else ""


def _read_tap(update_id: int, query: CallbackQuery) -> Incoming | None:
    if query.message is None:  # a message sent in inline mode, which is not ours
        return None
    return Incoming(
        address=_address(query.message.chat.id),
        message_id=str(update_id),
        sequence=0,  # a tap has no number of its own; that of the message with the button says when it was asked
        choice=_clean(query.data) if query.data else None,
        private=query.message.chat.type == "private",
        unsupported=None if query.data else "unknown",
        name=_name(query.from_user),
    )


def _read_membership(update_id: int, change: ChatMemberUpdated) -> Incoming:
    meaning = {"kicked": "blocked", "member": "unblocked"}
    return Incoming(
        address=_address(change.chat.id),
        message_id=str(update_id),
        sequence=0,
        unsupported=meaning.get(change.new_chat_member.status, "unknown"),
        name=_name(change.from_user),
    )


def _read_media(message: Message) -> Media | None:
    group = message.media_group_id
    if message.photo:
        fitting = [size for size in message.photo if (size.file_size or 0) <= FILE_LIMIT] or message.photo[:1]
        photo = max(fitting, key=lambda size: size.width * size.height)
        return Media("photo", photo.file_id, photo.file_size, group=group)
    if clip := message.animation or message.video:  # an animation is repeated as a document: look here first
        return Media("video", clip.file_id, clip.file_size, clip.mime_type, _clean(clip.file_name), group)
    if note := message.video_note:
        return Media("video", note.file_id, note.file_size)
    if document := message.document:
        name = _clean(document.file_name)
        # Voice notes of other messengers come as files.
        kind = KINDS.get((document.mime_type or "").partition("/")[0], "document")
        return Media(kind, document.file_id, document.file_size, document.mime_type, name, group)
    if audio := message.audio:
        return Media("voice", audio.file_id, audio.file_size, audio.mime_type, _clean(audio.file_name), group)
    if voice := message.voice:
        return Media("voice", voice.file_id, voice.file_size, voice.mime_type)
    return None


def _read_place(message: Message) -> Place | None:
    if message.venue:  # a venue is repeated as a location: look here first
        pin = message.venue.location
        return Place(pin.latitude, pin.longitude, _clean(message.venue.title))
    if message.location:
        return Place(message.location.latitude, message.location.longitude)
    return None


def _read_unknown(update: dict[str, Any]) -> Incoming | None:
    chat = _find_chat(update)
    if chat is None:
        return None
    kind = chat.get("type")
    private = kind == "private" if isinstance(kind, str) else chat["id"] > 0  # groups have negative ids
    unsupported = "unknown" if private else None
    return Incoming(_address(chat["id"]), str(update["update_id"]), 0, private=private, unsupported=unsupported)


def _find_chat(update: Any) -> dict[str, Any] | None:
    for part in update.values() if isinstance(update, dict) else ():
        if not isinstance(part, dict):
            continue
        message = part.get("message")
        for chat in (part.get("chat"), message.get("chat") if isinstance(message, dict) else None):
            if isinstance(chat, dict) and _is_id(chat.get("id")):
                return chat
    return None


def _name_content(message: dict[str, Any]) -> str:
    for kind in UNUSABLE:
        if kind in message:
            return kind
    if "text" in message or "caption" in message:
        return "blank"
    return "service" if SERVICE & message.keys() else "unknown"


def _is_added(change: ChatMemberUpdated) -> bool:
    inside = ("member", "administrator", "restricted")
    is_group = change.chat.type in ("group", "supergroup")
    return is_group and change.new_chat_member.status in inside and change.old_chat_member.status not in inside


def _is_for_bot(message: Message, username: str | None) -> bool:
    def is_ours(name: str) -> bool:
        return name.lower() == username if username else name.lower().endswith("bot")

    answered = message.reply_to_message and message.reply_to_message.from_user
    if answered and answered.is_bot and is_ours(answered.username or ""):
        return True
    wanted: list[str | None] = [MessageEntity.BOT_COMMAND, MessageEntity.MENTION]
    for entity, said in {**message.parse_entities(wanted), **message.parse_caption_entities(wanted)}.items():
        command, _, name = said.partition("@")
        if is_ours(name) if name else entity.offset == 0 and bool(command):
            return True
    return False


def _address(chat_id: int) -> Address:
    return Address(NAME, str(chat_id))


def _name(user: User | None) -> str | None:
    return _clean(user.full_name) if user else None


def _clean(text: Any) -> Any:
    return clean(text) if isinstance(text, str) else text  # of another type, it is for `_is_sound` to tell


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_sound(incoming: Incoming) -> bool:
    """Whether the values are of the promised types: python-telegram-bot passes on whatever it was given."""

    def are(kind: type, *values: Any) -> bool:
        return all(value is None or isinstance(value, kind) for value in values)

    sound = _is_id(incoming.sequence) and isinstance(incoming.text, str)
    sound = sound and (incoming.reply_to is None or incoming.reply_to.lstrip("-").isdecimal())
    sound = sound and are(str, incoming.choice, incoming.name, incoming.language)
    if media := incoming.media:
        sound = sound and isinstance(media.provider_id, str) and (media.size is None or _is_id(media.size))
        sound = sound and are(str, media.content_type, media.name, media.group)
    if place := incoming.place:
        degrees = (place.latitude, place.longitude)
        sound = sound and all(isinstance(each, int | float) and math.isfinite(each) for each in degrees)
        sound = sound and are(str, place.label)
    return sound


# --- what goes out ---------------------------------------------------------------------------


@dataclass(slots=True)
class _Underway:
    """How far the files of a message have come: how many are done with, how many of them were left out, and how often
    the next one has failed."""

    done: int = 0
    left: int = 0
    tries: int = 0


class Telegram:
    """The Telegram channel (see `bot.messages.Channel`). Use as `async with`, or call `start` and `stop`."""

    name = NAME

    def __init__(self, token: str, base_url: str = "https://api.telegram.org", limits: Limits | None = None) -> None:
        base = base_url.rstrip("/")
        self.limits = limits or Limits()
        self._token = token
        self._request = AiohttpRequest(self.limits)
        self.bot = Bot(
            token,
            base_url=f"{base}/bot",
            base_file_url=f"{base}/file/bot",
            request=self._request,
            get_updates_request=self._request,
        )
        self._username: str | None = None
        self._underway: Memory[_Underway] = Memory(BEGUN, BEGUN_SECONDS)

    async def __aenter__(self) -> Telegram:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Open the session. Not `Bot.initialize`: its getMe would tie our start to Telegram's being up."""
        await self._request.initialize()

    async def stop(self) -> None:
        """Close the session and its connections."""
        await self._request.shutdown()

    async def send(self, message: Outgoing) -> Sent:
        """Send one message: its files, then its words, in several parts if they are long, with the buttons below the
        last; tell that one's number.

        If it fails between two parts of the words nothing is remembered: sent again, they start from the first. Files
        that have gone are not sent again by this process, and a file that cannot go does not hold up the words.
        """
        chat_id = _chat_id(message.address)
        keyboard = _keyboard(message.buttons)
        if not split(message.text):
            raise Undeliverable("nothing to say", gone=False)
        try:
            async with asyncio.timeout(self.limits.total + (self.limits.upload if message.files else 0)):
                parts = split(await self._send_files(chat_id, message) if message.files else message.text)
                for part in parts[:-1]:
                    await self._send_part(chat_id, part, None)
                number = await self._send_part(chat_id, parts[-1], keyboard)
                self._underway.drop(digest(message))
                return Sent(number)
        except TimeoutError:
            trouble = TryLater("Telegram did not answer in time")
        raise trouble

    async def fetch(self, provider_id: str) -> bytes:
        """The bytes of a file; one of more than 20 MB is Undeliverable, whatever Telegram said about its size."""
        file = await self._ask(self.bot.get_file(provider_id))
        if (file.file_size or 0) > self.limits.file_size:
            raise Undeliverable("file too large", gone=False)
        # A path of the server's own disk is what a Bot API server with --local gives: nothing that we could read.
        if not file.file_path or not file.file_path.startswith(f"{self.bot.base_file_url}/"):
            raise Undeliverable("file without a path", gone=False)
        return await self._ask(self._request.retrieve(file.file_path, read_timeout=self.limits.download))

    async def poll(self, offset: int | None, timeout: float) -> list[dict[str, Any]]:  # noqa: ASYNC109 (Telegram waits, not we)
        """Updates from `offset` on, as Telegram wrote them, after waiting up to `timeout` seconds for the first.

        Not `Bot.get_updates`: one update that it cannot parse would hide all others, for ever.
        """
        query = {"timeout": int(timeout), "allowed_updates": json.dumps(ALLOWED_UPDATES)}
        if offset is not None:
            query["offset"] = offset
        url = f"{self.bot.base_url}/getUpdates?{urlencode(query)}"
        updates: Any = await self._ask(self._request.post(url, read_timeout=timeout + self.limits.total))
        return [update for update in updates if isinstance(update, dict)] if isinstance(updates, list) else []

    async def stop_spinner(self, update: dict[str, Any]) -> None:
        """Answer a tap where no webhook's answer can do it; it is only a courtesy, so failing is no matter."""
        answer = answer_tap(update)
        if answer is not None:
            with suppress(TryLater, Undeliverable):
                await self._ask(self.bot.answer_callback_query(answer["callback_query_id"]))

    async def set_webhook(self, url: str, secret: str) -> None:
        """Have Telegram post the updates to `url`, with `secret` in the header X-Telegram-Bot-Api-Secret-Token."""
        await self._ask(self.bot.set_webhook(url, secret_token=secret, allowed_updates=ALLOWED_UPDATES))

    async def delete_webhook(self) -> None:
        """Have Telegram keep the updates for `poll`; those that wait already stay."""
        await self._ask(self.bot.delete_webhook(drop_pending_updates=False))

    async def username(self) -> str:
        """The bot's name without the @, asked of Telegram once."""
        if self._username is None:
            self._username = (await self._ask(self.bot.get_me())).username or ""
        return self._username

    async def _send_files(self, chat_id: int, message: Outgoing) -> str:
        """Send the files, from where an earlier attempt has left off; returns the words that come after them, which say
        so where some were left out."""
        key = digest(message)
        underway = self._underway.get(key) or self._underway.put(key, _Underway())
        while underway.done < len(message.files):
            # Counted before, as this attempt may be cut off.
            underway.tries += 1
            try:
                taken = underway.tries <= FILE_TRIES and await self._send_file(chat_id, message.files[underway.done])
            except TryLater as trouble:
                if trouble.whole_channel or trouble.after is not None:
                    underway.tries -= 1  # no fault of the file
                raise
            underway.done, underway.left, underway.tries = underway.done + 1, underway.left + (not taken), 0
        return f"{message.text}\n\n{message.missing}" if underway.left and message.missing else message.text

    async def _send_file(self, chat_id: int, file: File) -> bool:
        """Send one file as what it is, else as a document; False where Telegram takes it as neither."""
        fits = len(file.content) <= PHOTO_LIMIT or file.kind != "photo"
        call = CALLS.get(file.content_type, "document") if fits else "document"
        calls = {
            "photo": self.bot.send_photo,
            "audio": self.bot.send_audio,
            "video": self.bot.send_video,
            "document": self.bot.send_document,
        }
        for way in dict.fromkeys((call, "document")):
            try:
                upload = InputFile(file.content, filename=" ".join(file.name.split()))
                await calls[way](chat_id, upload, read_timeout=self.limits.upload)  # type: ignore[operator]
            except TelegramError as error:
                trouble = _judge(error, self._token, file.name)
            except Exception:
                return True  # as in `_send_part`: it was taken
            else:
                return True
            if isinstance(trouble, TryLater) or trouble.gone:
                raise trouble
        return False

    async def _send_part(self, chat_id: int, text: str, keyboard: InlineKeyboardMarkup | None) -> int | None:
        try:
            sent = await self.bot.send_message(chat_id, text, reply_markup=keyboard, link_preview_options=NO_PREVIEW)
        except TelegramError as error:
            trouble = _judge(error, self._token, text)
        except Exception:
            # Telegram took the message; only its answer has a shape that python-telegram-bot does not know.
            # Sending again would double what the citizen reads.
            return None
        else:
            return sent.message_id
        raise trouble

    async def _ask(self, request: Awaitable[T]) -> T:
        try:
            return await request
        except Exception as error:
            trouble = _judge(error, self._token)
        # Raised out here, so that the error behind it, whose text may carry the token, is not chained to it.
        raise trouble


# A link is a citizen's own ticket page: Telegram's servers need not open it to draw a preview.
NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


def split(text: str, limit: int = TEXT_LIMIT) -> list[str]:
    """Cut a text into parts that Telegram takes (see `splitting.split`)."""
    return splitting.split(text, limit)


def _keyboard(buttons: tuple[Button, ...]) -> InlineKeyboardMarkup | None:
    if not buttons:
        return None
    for button in buttons:
        if not 1 <= len(button.choice.encode()) <= CHOICE_LIMIT:
            raise Undeliverable(f"a button's choice must have 1 to {CHOICE_LIMIT} bytes", gone=False)
    rows: list[list[InlineKeyboardButton]] = []
    rest = list(buttons)
    while rest:
        count = next(n for n, width in ROWS.items() if all(_width(each.label) <= width for each in rest[:n]))
        rows.append([InlineKeyboardButton(button.label, callback_data=button.choice) for button in rest[:count]])
        rest = rest[count:]
    return InlineKeyboardMarkup(rows)


def _width(label: str) -> int:
    """How many columns a label takes: an emoji is as wide as two letters."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in label)


def _chat_id(address: Address) -> int:
    try:
        return int(address.user)
    except ValueError:
        pass
    raise Undeliverable("not a Telegram chat id", gone=True)


# --- what can go wrong -----------------------------------------------------------------------

GONE = ("chat not found", "user is deactivated", "user_deactivated", "user_is_deactivated", "peer_id_invalid")


class TooLargeError(TelegramError):
    """A file is larger than its download may be."""


class UnreachableError(NetworkError):
    """No connection came about, so that nothing was sent either."""


def _judge(error: Exception, *secrets: str) -> TryLater | Undeliverable:
    """What an error means for the message. The reasons name neither token nor text: they are kept and shown."""
    match error:
        case RetryAfter():
            wait = error.retry_after
            return TryLater("too many messages", after=wait.total_seconds() if isinstance(wait, timedelta) else wait)
        case ChatMigrated():
            return Undeliverable("the group has moved", gone=True)
        case Forbidden():
            return Undeliverable(_describe(error, "forbidden", secrets), gone=True)
        case InvalidToken():
            return TryLater("the bot's token is refused", whole_channel=True, ails="token")
        case Conflict():
            return TryLater("another process polls, or a webhook is set", whole_channel=True, ails="settings")
        case TooLargeError():
            return Undeliverable("file too large", gone=False)
        case BadRequest():
            gone = any(sign in error.message.lower() for sign in GONE)
            return Undeliverable(_describe(error, "refused", secrets), gone=gone)
        case UnreachableError():
            return TryLater("Telegram cannot be reached", whole_channel=True, ails="unreachable")
        case TimedOut():
            return TryLater("Telegram did not answer in time")
        case _:
            return TryLater("Telegram failed, or its answer cannot be read")


def _describe(error: TelegramError, kind: str, secrets: tuple[str, ...]) -> str:
    said = error.message
    if "Parsing the server response" in said or any(secret in said for secret in secrets):
        return kind  # a gateway's page, or an echo
    return f"{kind}: {said[:100]}"


# --- how it travels --------------------------------------------------------------------------


class AiohttpRequest(BaseRequest):
    """The requests of python-telegram-bot over one aiohttp session with connections kept alive."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._session: aiohttp.ClientSession | None = None
        self._timeout = aiohttp.ClientTimeout(total=limits.total, sock_connect=limits.connect)

    @property
    def read_timeout(self) -> float:
        """Seconds that a call may take, if it does not say otherwise."""
        return self._limits.total

    async def initialize(self) -> None:
        """Open the session; its connections come when needed."""
        self._open()

    async def shutdown(self) -> None:
        """Close the session; a later request opens a new one."""
        session, self._session = self._session, None
        if session:
            await session.close()

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,
        write_timeout: Any = BaseRequest.DEFAULT_NONE,
        connect_timeout: Any = BaseRequest.DEFAULT_NONE,
        pool_timeout: Any = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """Make one request, a call as JSON, or as a form where it brings files; `read_timeout` is the time for all of
        it, and the others are ours."""
        session = self._session or self._open()
        body: bytes | aiohttp.FormData | None = None
        headers = None
        if request_data and request_data.contains_files:
            body = _form(request_data)
        elif request_data:
            body = json.dumps(request_data.parameters).encode()
            headers = {"Content-Type": "application/json"}
        timeout = self._timeout
        if read_timeout is not BaseRequest.DEFAULT_NONE:
            timeout = aiohttp.ClientTimeout(total=read_timeout, sock_connect=self._limits.connect)
        try:
            # No redirects: the token is in the path, and another host has no business with it.
            async with session.request(
                method, url, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                if method == "GET":
                    return response.status, await self._download(response)
                if response.status == 413:
                    raise TooLargeError("file too large")
                return response.status, await response.read()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            raise UnreachableError("no connection") from None
        except TimeoutError:
            raise TimedOut from None
        except aiohttp.ClientError as error:
            raise NetworkError(type(error).__name__) from None

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """Parse an answer, quietly: python-telegram-bot would log a gateway's whole error page."""
        try:
            answer = json.loads(payload)
        except ValueError:
            answer = None
        if not isinstance(answer, dict) or "ok" not in answer:
            raise TelegramError("Invalid server response")
        return answer

    async def _download(self, response: aiohttp.ClientResponse) -> bytes:
        if response.status == 404:  # python-telegram-bot would take it for a dead token
            raise NetworkError("the file is not there")
        if (response.content_length or 0) > self._limits.file_size:
            raise TooLargeError("file too large")
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > self._limits.file_size:
                raise TooLargeError("file too large")
        return bytes(body)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._limits.connections),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "lapor-kanal"},
            )
        return self._session


def _form(data: RequestData) -> aiohttp.FormData:
    """A call that brings files, as multipart/form-data."""
    form = aiohttp.FormData(quote_fields=False)  # Telegram takes the names of files as they are, not percent-encoded
    for field, value in data.json_parameters.items():
        form.add_field(field, value)
    for field, (name, content, content_type) in data.multipart_data.items():
        # As a stream: many megabytes written at once would hold up everybody else.
        stream = io.BytesIO(content) if isinstance(content, bytes) else content
        form.add_field(field, stream, filename=name, content_type=content_type)
    return form
