"""A Telegram of our own: the Bot API over real HTTP, the citizens behind it, and all that can go wrong between.

`FakeBotApi` runs in the event loop of a test. For benchmarks it is a process of its own:
`python tests/peers/bot_api.py --port 0 [--count]` prints its port and then serves until it is stopped.
Where LAPOR_SHARED is set, every call and every update is held against Telegram's description of
its Bot API, and `FakeBotApi.problems` tells what was wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import copy
import itertools
import json
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from peers import telegram_spec

TOKEN = "123456:TEST-token"
BOT = {"id": 123456, "is_bot": True, "first_name": "LAPOR", "username": "lapor_uji_bot"}
BOT_ABILITIES = {"can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}
DOWNLOAD_LIMIT = 20 << 20
GROUP = -1001234567890

# The smallest photo worth the name: 8 by 8 pixels.
JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6jq62rZ4C8yb"
    "qmx5moq6T/2wBDARweHigjKE4rK06kbl1upKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKT/wAARCAAI"
    "AAgDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAT/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/8QAFAEBAAAAAAAAAAAAAAAAAAAAA//EAB"
    "QRAQAAAAAAAAAAAAAAAAAAAAD/2gAMAwEAAhEDEQA/AJgAlf/Z"
)

Update = dict[str, Any]


# --- what is remembered ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the Bot API; `by` says whether it came as a request or in the answer to a webhook."""

    method: str
    arguments: dict[str, Any]
    time: float
    by: str = "request"

    @property
    def chat_id(self) -> int | None:
        """The chat that the call is about, if it is about one."""
        given = str(self.arguments.get("chat_id", ""))
        return int(given) if given.lstrip("-").isdigit() else None


@dataclass(frozen=True, slots=True)
class Sent:
    """A message of the bot as it stands in the chat. `buttons` are (label, choice), row by row."""

    chat_id: int
    message_id: int
    text: str
    buttons: tuple[tuple[str, str], ...]
    time: float
    message: dict[str, Any] = field(repr=False)

    @property
    def choices(self) -> list[str]:
        """What the buttons would send back."""
        return [choice for _, choice in self.buttons]


# --- what can go wrong -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fault:
    """How a call goes wrong: `delivered` says that the message reached the citizen all the same.

    Without `status` there is no answer: the connection is reset, or stays silent.
    `delay` seconds pass before; a fault with only a delay goes well in the end.
    """

    status: int | None = None
    body: dict[str, Any] | str = ""
    delivered: bool = False
    reset: bool = False
    silent: bool = False
    delay: float = 0.0


def too_many(retry_after: int = 3) -> Fault:
    """429, with the seconds to wait."""
    description = f"Too Many Requests: retry after {retry_after}"
    return Fault(429, _error(429, description, {"retry_after": retry_after}))


def broken() -> Fault:
    """500, as the Bot API says it."""
    return Fault(500, _error(500, "Internal Server Error"))


def bad_gateway(*, delivered: bool = False) -> Fault:
    """502 with the page of some proxy instead of JSON."""
    return Fault(502, "<html><head><title>502 Bad Gateway</title></head></html>", delivered=delivered)


def blocked() -> Fault:
    """403: the citizen has blocked the bot."""
    return Fault(403, _error(403, "Forbidden: bot was blocked by the user"))


def unauthorized() -> Fault:
    """401: the token is not (or no longer) valid."""
    return Fault(401, _error(401, "Unauthorized"))


def refused(description: str) -> Fault:
    """400, for the given reason."""
    return Fault(400, _error(400, f"Bad Request: {description}"))


def migrated(chat_id: int) -> Fault:
    """400: the group has become a supergroup with another id."""
    description = "Bad Request: group chat was upgraded to a supergroup chat"
    return Fault(400, _error(400, description, {"migrate_to_chat_id": chat_id}))


def silence(*, delivered: bool = False) -> Fault:
    """The request is taken, and no answer ever comes."""
    return Fault(silent=True, delivered=delivered)


def reset(*, delivered: bool = False) -> Fault:
    """The connection is cut before an answer comes."""
    return Fault(reset=True, delivered=delivered)


def slow(seconds: float) -> Fault:
    """All goes well, later."""
    return Fault(delay=seconds)


class Faults:
    """The faults to come, first added first used; `choose`, if set, is asked before them for each call."""

    def __init__(self) -> None:
        self.choose: Callable[[Call], Fault | None] | None = None
        self._waiting: list[tuple[Fault, int | None, str | None, list[float]]] = []

    def add(self, fault: Fault, *, chat: int | None = None, method: str | None = None, times: float = 1) -> None:
        """Let the next `times` calls (`math.inf`: all), of one chat or method if named, go wrong so."""
        self._waiting.append((fault, chat, method, [times]))

    def clear(self) -> None:
        """Let all go well again."""
        self._waiting.clear()
        self.choose = None

    def take(self, call: Call) -> Fault | None:
        """The fault that this call meets."""
        if self.choose and (chosen := self.choose(call)):
            return chosen
        for fault, chat, method, left in self._waiting:
            if left[0] > 0 and chat in (None, call.chat_id) and method in (None, call.method):
                left[0] -= 1
                return fault
        return None


class Upload(bytes):
    """A file that came with a call, with its name and its type."""

    name: str
    content_type: str

    @classmethod
    def of(cls, part: web.FileField) -> Upload:
        """The file that a part of a form is."""
        upload = cls(part.file.read())
        upload.name, upload.content_type = part.filename, part.content_type
        return upload


class Refusal(Exception):
    """The Bot API's own no."""

    def __init__(self, status: int, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.description = description


# --- the Bot API -------------------------------------------------------------------------------


class FakeBotApi:
    """The Bot API on 127.0.0.1. Use as `async with FakeBotApi() as api`, and give the bot `api.base_url`.

    `webhook` is (url, secret) as the bot set it, or as a test sets it itself.
    """

    def __init__(self, token: str = TOKEN, port: int = 0, *, count_only: bool = False) -> None:
        self.token = token
        self.calls: list[Call] = []
        self.counts: Counter[str] = Counter()
        self.problems: list[str] = []
        self.faults = Faults()
        self.webhook: tuple[str, str] | None = None
        self.blocked: set[int] = set()
        self.answered_taps: list[str] = []
        self.spec = None if count_only else telegram_spec.load()
        self.port = port
        self._count_only = count_only
        self._sent: defaultdict[int, list[Sent]] = defaultdict(list)
        self._arrivals: defaultdict[int, asyncio.Event] = defaultdict(asyncio.Event)
        self._files: dict[str, tuple[bytes, int | None]] = {}
        self._pending: list[Update] = []
        self._pending_came = asyncio.Event()
        self._last_message_ids: defaultdict[int, int] = defaultdict(int)
        self._update_ids = itertools.count(700_000_001)
        self._closing = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._client: aiohttp.ClientSession | None = None
        self._methods: dict[str, Callable[[dict[str, Any]], Awaitable[Any]]] = {
            "getme": self._get_me,
            "sendmessage": self._send_message,
            "sendphoto": self._send_photo,
            "senddocument": self._send_document,
            "sendaudio": self._send_audio,
            "sendvideo": self._send_video,
            "getfile": self._get_file,
            "getupdates": self._get_updates,
            "setwebhook": self._set_webhook,
            "deletewebhook": self._delete_webhook,
            "answercallbackquery": self._answer_callback_query,
            "sendchataction": self._say_true,
            "setmycommands": self._say_true,
        }

    async def __aenter__(self) -> FakeBotApi:
        app = web.Application(client_max_size=60 << 20)
        app.router.add_route("*", "/bot{token}/{method}", self._handle)
        app.router.add_get("/file/bot{token}/{path:.+}", self._hand_out)
        app.router.add_get("/stats", self._show_stats)
        app.router.add_get("/sent/{chat}", self._show_sent)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._client = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        if self._client:
            await self._client.close()
        if self._runner:
            await self._runner.cleanup()

    @property
    def base_url(self) -> str:
        """What stands for https://api.telegram.org."""
        return f"http://127.0.0.1:{self.port}"

    def citizen(self, chat_id: int, name: str = "Budi Santoso", language: str | None = "id") -> Citizen:
        """Somebody with a phone, in a private chat with the bot."""
        return Citizen(self, chat_id, name, language)

    def sent(self, chat_id: int | None = None) -> list[Sent]:
        """The bot's messages in one chat, or in all by time."""
        if chat_id is not None:
            return list(self._sent.get(chat_id, ()))
        return sorted((each for chat in self._sent.values() for each in chat), key=lambda each: each.time)

    def called(self, method: str) -> list[dict[str, Any]]:
        """The arguments of all calls of one method."""
        return [call.arguments for call in self.calls if call.method == method]

    def add_file(self, data: bytes, *, claimed_size: int | None = -1) -> str:
        """Have a file ready for getFile; `claimed_size` may differ from the truth, or be kept back (None)."""
        file_id = f"BQACAgUAAxkBAAI{len(self._files) + 1:06d}"
        self._files[file_id] = (data, len(data) if claimed_size == -1 else claimed_size)
        return file_id

    def lose_file(self, file_id: str) -> None:
        """Keep the file's name but lose its bytes: getFile works, the download says 404."""
        _, claimed = self._files[file_id]
        self._files[file_id] = (b"", claimed)

    async def deliver(self, update: Update, *, repeat: int = 1, attempts: int = 8, pause: float = 0.05) -> int:
        """Post an update to the webhook until it is taken, `repeat` times over; return the last status.

        Without a webhook the update waits for getUpdates, and the status is 0.
        """
        if self.webhook is None:
            self._pending.extend([update] * repeat)
            self._pending_came.set()
            return 0
        status = 0
        for _ in range(repeat):
            status = await self._deliver_once(update, attempts, pause)
        return status

    async def wait_for_sent(self, chat_id: int, count: int, timeout: float = 30.0) -> list[Sent]:  # noqa: ASYNC109
        """All messages of the bot in a chat, as soon as there are `count`."""
        async with asyncio.timeout(timeout):
            while len(self._sent[chat_id]) < count:
                await self._arrivals[chat_id].wait()
        return self.sent(chat_id)

    def next_message_id(self, chat_id: int) -> int:
        """Citizen and bot share the counter of their chat."""
        self._last_message_ids[chat_id] += 1
        return self._last_message_ids[chat_id]

    def make_update(self, **content: Any) -> Update:
        """An update with the next update_id, held against Telegram's description."""
        # A copy through and through: tests distort what they get.
        update = {"update_id": next(self._update_ids), **copy.deepcopy(content)}
        if self.spec:
            self.problems += self.spec.check_object("Update", update)
        return update

    # requests

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        arguments = await _read_arguments(request)
        if self._count_only:
            return await self._count(method, arguments)
        call = Call(method, arguments, time.monotonic())
        if request.match_info["token"] != self.token:
            return _answer_error(401, "Unauthorized")
        self._note(call)
        if fault := self.faults.take(call):
            failed = await self._fail(request, fault, call)
            if failed is not None:
                return failed
        try:
            return web.json_response({"ok": True, "result": await self._run(call)})
        except Refusal as refusal:
            return _answer_error(refusal.status, refusal.description)

    async def _count(self, method: str, arguments: dict[str, Any]) -> web.Response:
        self.counts[method] += 1
        run = self._methods.get(method.lower())
        if run is None:
            return _answer_error(404, "Not Found: method not found")
        if method != "sendMessage":
            return web.json_response({"ok": True, "result": await run(arguments)})
        chat_id = int(arguments["chat_id"])
        message = {"message_id": self.next_message_id(chat_id), "date": 1_800_000_000, "from": BOT, "text": "…"}
        message["chat"] = {"id": chat_id, "type": "private", "first_name": "Budi"}
        return web.json_response({"ok": True, "result": message})

    def _note(self, call: Call) -> None:
        self.calls.append(call)
        self.counts[call.method] += 1
        if self.spec and call.method != "file":
            self.problems += self.spec.check_call(call.method, call.arguments)

    async def _run(self, call: Call) -> Any:
        run = self._methods.get(call.method.lower())
        if run is None:
            raise Refusal(404, "Not Found: method not found")
        return await run(call.arguments)

    async def _fail(self, request: web.Request, fault: Fault, call: Call) -> web.StreamResponse | None:
        """Let a request go wrong; None if it goes well in the end."""
        await asyncio.sleep(fault.delay)
        if fault.delivered:
            await self._run(call)
        if fault.reset:
            if request.transport:
                request.transport.abort()
            return web.Response()
        if fault.silent:
            await self._closing.wait()
            return web.Response(status=504)
        if fault.status is None:
            return None
        if isinstance(fault.body, str):
            return web.Response(status=fault.status, text=fault.body, content_type="text/html")
        return web.json_response(fault.body, status=fault.status)

    async def _hand_out(self, request: web.Request) -> web.StreamResponse:
        file_id = Path(request.match_info["path"]).stem
        if request.match_info["token"] != self.token:
            return _answer_error(401, "Unauthorized")
        call = Call("file", {"file_id": file_id}, time.monotonic())
        self._note(call)
        if (fault := self.faults.take(call)) and (failed := await self._fail(request, fault, call)) is not None:
            return failed
        data, _ = self._files.get(file_id, (b"", None))
        if not data:
            return _answer_error(404, "Not Found")
        response = web.StreamResponse()  # in chunks, without a length, so that a lie about it can be told
        await response.prepare(request)
        for start in range(0, len(data), 1 << 16):
            await response.write(data[start : start + (1 << 16)])
        await response.write_eof()
        return response

    async def _show_stats(self, _: web.Request) -> web.Response:
        return web.json_response({"calls": dict(self.counts), "sent": self.counts["sendMessage"]})

    async def _show_sent(self, request: web.Request) -> web.Response:
        """For drivers in other processes: the messages in a chat from number `after` on, as soon as there is one."""
        chat_id, after = int(request.match_info["chat"]), int(request.query.get("after", "0"))
        try:
            await self.wait_for_sent(chat_id, after + 1, float(request.query.get("timeout", "10")))
        except TimeoutError:
            return web.json_response([])
        return web.json_response([each.message for each in self.sent(chat_id)[after:]])

    # methods

    async def _get_me(self, _: dict[str, Any]) -> dict[str, Any]:
        return {**BOT, **BOT_ABILITIES}

    async def _send_message(self, arguments: dict[str, Any]) -> dict[str, Any]:
        text = str(arguments.get("text", "")).strip()
        if not text:
            raise Refusal(400, "Bad Request: message text is empty")
        if telegram_spec.count_units(text) > 4096:
            raise Refusal(400, "Bad Request: message is too long")
        return self._say(arguments, {"text": text}, text)

    async def _send_photo(self, arguments: dict[str, Any]) -> dict[str, Any]:
        sizes = [{**self._describe_file(arguments.get("photo")), "width": 90, "height": 90}]
        return self._say(arguments, {"photo": sizes}, str(arguments.get("caption", "")))

    async def _send_document(self, arguments: dict[str, Any]) -> dict[str, Any]:
        document = {**self._describe_file(arguments.get("document")), **_naming(arguments.get("document"))}
        return self._say(arguments, {"document": document}, str(arguments.get("caption", "")))

    async def _send_audio(self, arguments: dict[str, Any]) -> dict[str, Any]:
        audio = {**self._describe_file(arguments.get("audio")), **_naming(arguments.get("audio")), "duration": 3}
        return self._say(arguments, {"audio": audio}, str(arguments.get("caption", "")))

    async def _send_video(self, arguments: dict[str, Any]) -> dict[str, Any]:
        screen = {"duration": 3, "width": 64, "height": 64}
        video = {**self._describe_file(arguments.get("video")), **_naming(arguments.get("video")), **screen}
        return self._say(arguments, {"video": video}, str(arguments.get("caption", "")))

    def _say(self, arguments: dict[str, Any], content: dict[str, Any], text: str) -> dict[str, Any]:
        chat_id = int(arguments["chat_id"])
        if chat_id in self.blocked:
            raise Refusal(403, "Forbidden: bot was blocked by the user")
        markup = _as_object(arguments.get("reply_markup"))
        keyboard = markup.get("inline_keyboard", []) if markup else []
        buttons = tuple((key["text"], key.get("callback_data", "")) for row in keyboard for key in row)
        if any(len(choice.encode()) > 64 for _, choice in buttons):
            raise Refusal(400, "Bad Request: BUTTON_DATA_INVALID")
        message_id = self.next_message_id(chat_id)
        message = {"message_id": message_id, "from": BOT, "chat": _chat(chat_id), "date": int(time.time()), **content}
        if "text" not in content and text:
            message["caption"] = text
        if keyboard:
            message["reply_markup"] = {"inline_keyboard": keyboard}
        self._sent[chat_id].append(Sent(chat_id, message_id, text, buttons, time.monotonic(), message))
        self._arrivals.pop(chat_id, asyncio.Event()).set()
        return message

    async def _get_file(self, arguments: dict[str, Any]) -> dict[str, Any]:
        described = self._describe_file(arguments.get("file_id"))
        if described.get("file_size", 0) > DOWNLOAD_LIMIT:
            raise Refusal(400, "Bad Request: file is too big")
        return {**described, "file_path": f"files/{described['file_id']}.bin"}

    def _describe_file(self, file_id: Any) -> dict[str, Any]:
        if isinstance(file_id, Upload):
            return self._describe_file(self.add_file(bytes(file_id)))
        if file_id not in self._files:
            raise Refusal(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
        claimed = self._files[file_id][1]
        size = {} if claimed is None else {"file_size": claimed}
        return {"file_id": file_id, "file_unique_id": f"u{file_id[-6:]}", **size}

    def bytes_of(self, sent: Sent) -> bytes:
        """The bytes of the file that a message of the bot is."""
        [kind] = {"photo", "document", "audio", "video"} & sent.message.keys()
        part = sent.message[kind]
        return self._files[(part[-1] if kind == "photo" else part)["file_id"]][0]

    async def _get_updates(self, arguments: dict[str, Any]) -> list[Update]:
        if self.webhook:
            raise Refusal(409, "Conflict: can't use getUpdates method while webhook is active")
        offset = int(arguments.get("offset", 0))
        self._pending = [update for update in self._pending if update["update_id"] >= offset]
        if not self._pending:
            self._pending_came.clear()
            waits = [asyncio.ensure_future(event.wait()) for event in (self._pending_came, self._closing)]
            await asyncio.wait(waits, timeout=float(arguments.get("timeout", 0)), return_when="FIRST_COMPLETED")
            for wait in waits:
                wait.cancel()
        return self._pending[: int(arguments.get("limit", 100))]

    async def _set_webhook(self, arguments: dict[str, Any]) -> bool:
        self.webhook = (str(arguments["url"]), str(arguments.get("secret_token", "")))
        return True

    async def _delete_webhook(self, arguments: dict[str, Any]) -> bool:
        self.webhook = None
        return True

    async def _answer_callback_query(self, arguments: dict[str, Any]) -> bool:
        self.answered_taps.append(str(arguments["callback_query_id"]))
        return True

    async def _say_true(self, _: dict[str, Any]) -> bool:
        return True

    # the webhook

    async def _deliver_once(self, update: Update, attempts: int, pause: float) -> int:
        assert self.webhook
        assert self._client
        url, secret = self.webhook
        headers = {"X-Telegram-Bot-Api-Secret-Token": secret} if secret else {}
        status: int | str = 0
        for attempt in range(attempts):
            try:
                async with self._client.post(url, json=update, headers=headers) as response:
                    status, body = response.status, await response.read()
            except (aiohttp.ClientError, TimeoutError) as error:
                status = type(error).__name__
            else:
                if 200 <= response.status < 300:
                    await self._obey(body)
                    return response.status
            await asyncio.sleep(pause * 2**attempt)
        raise AssertionError(f"the webhook never took update {update['update_id']}: {status}")

    async def _obey(self, body: bytes) -> None:
        """The answer to a webhook may itself be a call."""
        answer = _as_object(body.decode(errors="replace"))
        if answer and isinstance(answer.get("method"), str):
            call = Call(answer.pop("method"), answer, time.monotonic(), "webhook")
            self._note(call)
            try:
                await self._run(call)
            except Refusal as refusal:
                self.problems.append(f"in the answer to a webhook: {refusal.description}")


# --- the people --------------------------------------------------------------------------------


class Citizen:
    """Somebody who writes to the bot: each method makes the update that Telegram would, `deliver` it yourself."""

    def __init__(self, api: FakeBotApi, chat_id: int, name: str, language: str | None) -> None:
        self.api = api
        self.chat_id = chat_id
        self.name = name
        self.language = language
        self._heard = 0

    def message(self, **content: Any) -> Update:
        """A new message with this content, as fields of Telegram's Message."""
        return self.api.make_update(message=self._message(content))

    def text(self, text: str, reply_to: Sent | Update | None = None, quote: str | None = None) -> Update:
        """A message in words; commands, mentions and links in it are marked as Telegram marks them.

        It may answer an earlier message of the chat, or a part of its words that the citizen has marked (`quote`).
        """
        content: dict[str, Any] = {"text": text, **_entities(text)}
        if reply_to is not None:
            said = dict(reply_to.message if isinstance(reply_to, Sent) else reply_to["message"])
            said.pop("reply_to_message", None)
            content["reply_to_message"] = said
            if quote is not None:
                position = telegram_spec.count_units(said["text"].partition(quote)[0])
                content["quote"] = {"text": quote, "position": position, "is_manual": True}
        return self.message(**content)

    def forwarded(self, origin: str = "hidden_user", **content: Any) -> Update:
        """A message that was written elsewhere: by a user, by one who hides, in a group (`chat`) or a channel."""
        stranger = {"id": 4711, "is_bot": False, "first_name": "Sari"}
        channel = {"id": -100200300, "type": "channel", "title": "Info Sekayu"}
        whose: dict[str, dict[str, Any]] = {
            "user": {"sender_user": stranger},
            "hidden_user": {"sender_user_name": "Sari"},
            "chat": {"sender_chat": {**channel, "type": "supergroup"}},
            "channel": {"chat": channel, "message_id": 12},
        }
        about = {"type": origin, "date": int(time.time()) - 3600, **whose[origin]}
        return self.message(forward_origin=about, **(content or {"text": "Jalan di depan pasar berlubang"}))

    def tap(self, choice: str, on_message: Sent | None = None, *, inaccessible: bool = False) -> Update:
        """A tap on a button of one of the bot's messages (the last with that choice, if none is named).

        Of a message that is too old, Telegram shows only that it was there (`inaccessible`).
        """
        if on_message is None:
            on_message = next((each for each in reversed(self.api.sent(self.chat_id)) if choice in each.choices), None)
        if on_message is None:
            raise ValueError(f"no message of the bot has a button for {choice!r}")
        message = on_message.message
        if inaccessible:
            message = {"chat": message["chat"], "message_id": message["message_id"], "date": 0}
        update_id = next(self.api._update_ids)
        query = {"id": f"{self.chat_id}{update_id}", "from": self._user(), "message": message}
        return self.api.make_update(callback_query={**query, "chat_instance": "-77", "data": choice})

    def photo(self, caption: str | None = None, group: str | None = None, data: bytes = JPEG) -> Update:
        """A photo, in two sizes."""
        sizes = [{**self._file(data), "width": side, "height": side} for side in (90, 1280)]
        return self.message(photo=sizes, **_caption(caption), **({"media_group_id": group} if group else {}))

    def album(self, count: int, caption: str | None = None) -> list[Update]:
        """Several photos at once; the caption belongs to the first."""
        group = f"1399{next(self.api._update_ids)}"
        return [self.photo(caption if number == 0 else None, group) for number in range(count)]

    def document(
        self,
        data: bytes = b"%PDF-1.4",
        name: str = "surat.pdf",
        mime_type: str = "application/pdf",
        caption: str | None = None,
    ) -> Update:
        """A file."""
        document = {**self._file(data), "file_name": name, "mime_type": mime_type}
        return self.message(document=document, **_caption(caption))

    def voice(self, data: bytes = b"OggS", seconds: int = 7) -> Update:
        """A voice message."""
        return self.message(voice={**self._file(data), "duration": seconds, "mime_type": "audio/ogg"})

    def video(self, data: bytes = b"ftyp", caption: str | None = None) -> Update:
        """A video."""
        size = {"width": 640, "height": 360, "duration": 9}
        return self.message(video={**self._file(data), **size, "mime_type": "video/mp4"}, **_caption(caption))

    def video_note(self, data: bytes = b"ftyp") -> Update:
        """A round video."""
        return self.message(video_note={**self._file(data), "length": 384, "duration": 5})

    def animation(self, data: bytes = b"ftyp", caption: str | None = None) -> Update:
        """A GIF, which Telegram makes a film of, and repeats as a document."""
        file = {**self._file(data), "file_name": "lucu.mp4", "mime_type": "video/mp4"}
        screen = {"width": 320, "height": 180, "duration": 3}
        return self.message(animation={**file, **screen}, document=file, **_caption(caption))

    def audio(self, data: bytes = b"ID3", caption: str | None = None) -> Update:
        """A sound file, as of a recorder."""
        about = {"duration": 60, "file_name": "rekaman.mp3", "mime_type": "audio/mpeg", "title": "Rekaman"}
        return self.message(audio={**self._file(data), **about}, **_caption(caption))

    def poll(self, question: str = "Siapa setuju?") -> Update:
        """A poll of two options."""
        options = [
            {"persistent_id": str(number), "text": text, "voter_count": 0}
            for number, text in enumerate(("Ya", "Tidak"))
        ]
        flags = dict.fromkeys(("is_closed", "allows_multiple_answers", "allows_revoting", "members_only"), False)
        about = {"id": "1", "question": question, "options": options, "total_voter_count": 0, "type": "regular"}
        return self.message(poll={**about, **flags, "is_anonymous": True})

    def dice(self) -> Update:
        """A die that was thrown."""
        return self.message(dice={"emoji": "🎲", "value": 3})

    def story(self) -> Update:
        """A story of somebody, passed on."""
        return self.message(story={"id": 1, "chat": {"id": 5, "type": "private", "first_name": "Sari"}})

    def checklist(self, *tasks: str) -> Update:
        """A list to be ticked off."""
        items = [{"id": number, "text": text} for number, text in enumerate(tasks, 1)]
        return self.message(checklist={"title": "Daftar", "tasks": items})

    def rich(self, *blocks: dict[str, Any]) -> Update:
        """A message with headings, lists or tables."""
        return self.message(rich_message={"blocks": list(blocks)})

    def live_location(self, latitude: float = -2.8903, longitude: float = 103.8367, seconds: int = 3600) -> Update:
        """A pin that follows the phone for so long."""
        return self.message(location={"latitude": latitude, "longitude": longitude, "live_period": seconds})

    def moved(self, update: Update, latitude: float, longitude: float, *, last: bool = False) -> Update:
        """A live location somewhere else; with the `last` one it has stopped."""
        old = update.get("message") or update["edited_message"]
        period = {} if last else {"live_period": old["location"]["live_period"]}
        pin = {"latitude": latitude, "longitude": longitude, "horizontal_accuracy": 12.5, **period}
        return self.api.make_update(edited_message={**old, "location": pin, "edit_date": int(time.time())})

    def location(self, latitude: float = -2.8903, longitude: float = 103.8367) -> Update:
        """A pin on the map."""
        return self.message(location={"latitude": latitude, "longitude": longitude})

    def venue(self, title: str, latitude: float = -2.8903, longitude: float = 103.8367) -> Update:
        """A place with a name."""
        pin = {"latitude": latitude, "longitude": longitude}
        return self.message(venue={"location": pin, "title": title, "address": "Sekayu"}, location=pin)

    def sticker(self) -> Update:
        """A sticker."""
        looks = {"type": "regular", "width": 512, "height": 512, "is_animated": False, "is_video": False}
        return self.message(sticker={**self._file(b"RIFF"), **looks, "emoji": "🙏"})

    def contact(self) -> Update:
        """Somebody's card."""
        return self.message(contact={"phone_number": "+628123456789", "first_name": "Ani"})

    def edited(self, update: Update, text: str) -> Update:
        """An earlier message, written anew."""
        content = {**update["message"], "text": text, "edit_date": int(time.time())}
        content.pop("entities", None)
        return self.api.make_update(edited_message={**content, **_entities(text)})

    def edited_caption(self, update: Update, caption: str) -> Update:
        """What stands below an earlier photo or file, written anew."""
        content = {**update["message"], "caption": caption, "edit_date": int(time.time())}
        return self.api.make_update(edited_message=content)

    def group_text(self, text: str, group: int = GROUP, reply_to: Sent | None = None) -> Update:
        """Something said in a group where the bot is too."""
        chat = {"id": group, "type": "supergroup", "title": "Warga RT 05"}
        said: dict[str, Any] = {"text": text, **_entities(text)}
        if reply_to:
            said["reply_to_message"] = reply_to.message
        return self.api.make_update(message={**self._message(said, group), "chat": chat})

    def add_to_group(self, group: int = GROUP) -> Update:
        """Take the bot into a group."""
        chat = {"id": group, "type": "supergroup", "title": "Warga RT 05"}
        return self._change(chat, "left", "member")

    def block(self) -> Update:
        """Block the bot: from now on, its messages to this citizen are refused."""
        self.api.blocked.add(self.chat_id)
        return self._change(self._chat(), "member", "kicked")

    def unblock(self) -> Update:
        """Take the bot back."""
        self.api.blocked.discard(self.chat_id)
        return self._change(self._chat(), "kicked", "member")

    async def say(self, text: str) -> int:
        """Deliver a text at once; return the status of the webhook's answer."""
        return await self.api.deliver(self.text(text))

    async def reply(self, timeout: float = 30.0) -> Sent:  # noqa: ASYNC109
        """The bot's next message that this citizen has not looked at yet."""
        try:
            sent = await self.api.wait_for_sent(self.chat_id, self._heard + 1, timeout)
        except TimeoutError:
            last = self.api.sent(self.chat_id)[-1:]
            raise TimeoutError(f"the bot said nothing more to {self.chat_id} in {timeout} s; last: {last}") from None
        self._heard += 1
        return sent[self._heard - 1]

    def _message(self, content: dict[str, Any], chat_id: int | None = None) -> dict[str, Any]:
        message_id = self.api.next_message_id(chat_id or self.chat_id)
        start = {"message_id": message_id, "from": self._user(), "chat": self._chat(), "date": int(time.time())}
        return {**start, **content}

    def _change(self, chat: dict[str, Any], old: str, new: str) -> Update:
        def member(status: str) -> dict[str, Any]:
            return {"user": BOT, "status": status, **({"until_date": 0} if status == "kicked" else {})}

        about = {"chat": chat, "from": self._user(), "date": int(time.time())}
        return self.api.make_update(
            my_chat_member={**about, "old_chat_member": member(old), "new_chat_member": member(new)}
        )

    def _file(self, data: bytes) -> dict[str, Any]:
        return self.api._describe_file(self.api.add_file(data))

    def _user(self) -> dict[str, Any]:
        language = {"language_code": self.language} if self.language else {}
        return {"id": self.chat_id, "is_bot": False, **_names(self.name), **language}

    def _chat(self) -> dict[str, Any]:
        return {"id": self.chat_id, "type": "private", **_names(self.name)}


# --- small things ------------------------------------------------------------------------------


async def _read_arguments(request: web.Request) -> dict[str, Any]:
    """The arguments of a call, in any of the four ways that the Bot API allows."""
    arguments: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        arguments |= _as_object((await request.read()).decode()) or {}
    elif request.can_read_body:
        for name, value in (await request.post()).items():
            arguments[name] = Upload.of(value) if isinstance(value, web.FileField) else value
    return arguments


def _as_object(value: Any) -> dict[str, Any] | None:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    return value if isinstance(value, dict) else None


def _naming(file: Any) -> dict[str, str]:
    return {"file_name": file.name, "mime_type": file.content_type} if isinstance(file, Upload) else {}


def _error(status: int, description: str, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
    body: dict[str, Any] = {"ok": False, "error_code": status, "description": description}
    return {**body, "parameters": parameters} if parameters else body


def _answer_error(status: int, description: str) -> web.Response:
    return web.json_response(_error(status, description), status=status)


def _chat(chat_id: int) -> dict[str, Any]:
    if chat_id < 0:
        return {"id": chat_id, "type": "supergroup", "title": "Warga RT 05"}
    return {"id": chat_id, "type": "private", "first_name": "Budi"}


def _names(name: str) -> dict[str, str]:
    first, _, last = name.partition(" ")
    return {"first_name": first, "last_name": last} if last else {"first_name": first}


def _caption(caption: str | None) -> dict[str, str]:
    return {"caption": caption} if caption else {}


def _entities(text: str) -> dict[str, Any]:
    """The parts of a text that Telegram marks, with offsets in UTF-16 code units."""
    kinds = (("bot_command", r"(?<!\S)/\w+(?:@\w+)?"), ("mention", r"(?<![\w/])@\w{4,}"), ("url", r"https?://\S+"))
    found = []
    for kind, pattern in kinds:
        for match in re.finditer(pattern, text):
            offset, length = (telegram_spec.count_units(part) for part in (text[: match.start()], match[0]))
            found.append({"type": kind, "offset": offset, "length": length})
    return {"entities": sorted(found, key=lambda entity: entity["offset"])} if found else {}


# --- as a process ------------------------------------------------------------------------------


async def _serve(port: int, token: str, *, count_only: bool) -> None:
    async with FakeBotApi(token, port, count_only=count_only) as api:
        print(api.port, flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any free one; it is printed")
    parser.add_argument("--token", default=TOKEN, help="the bot's token (with --count any is taken)")
    parser.add_argument("--count", action="store_true", help="answer as fast as possible, remember only numbers")
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(options.port, options.token, count_only=options.count))


if __name__ == "__main__":
    main()
