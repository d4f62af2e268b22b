"""How a turn looks between a provider, its webhook and its API: what the citizens of a benchmark speak through."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import parse_qs

BOT = {"id": 123456, "is_bot": True, "first_name": "LAPOR", "username": "lapor_uji_bot"}
ABILITIES = {"can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}
PHONE_ID = "106540352242922"
NUMBER = "628111000222"

# Tells the citizen of a chat what was said; returns the message's number there, None where there is no such chat.
Hear = Callable[[int, str], int | None]
Answer = tuple[bytes, dict[str, Any]]


def update(update_id: int, chat: int, message_id: int, words: str) -> dict[str, Any]:
    """A text message as the Bot API posts it to a webhook."""
    person = {"id": chat, "first_name": "Budi", "last_name": f"Santoso {chat}"}
    return {
        "update_id": update_id,
        "message": {
            "message_id": message_id,
            "from": {**person, "is_bot": False, "language_code": "id"},
            "chat": {**person, "type": "private"},
            "date": int(time.time()),
            "text": words,
        },
    }


class Wire(Protocol):
    """One provider: what it posts to a webhook, and what its API answers."""

    first_chat: int

    def message(self, number: int, chat: int, message_id: int, words: str) -> bytes:
        """The body of a post: a text message, the `number`-th of all, with its number in the chat."""

    def proof(self, body: bytes) -> bytes:
        """The header line by which the webhook knows that the provider posts."""

    def answer(self, path: bytes, body: bytes, hear: Hear) -> Answer:
        """Status and body of the answer to a call of the API."""


class TelegramWire:
    """Telegram's Bot API."""

    first_chat = 5_000_001

    def __init__(self, secret: str) -> None:
        self._proof = f"X-Telegram-Bot-Api-Secret-Token: {secret}\r\n".encode()

    def message(self, number: int, chat: int, message_id: int, words: str) -> bytes:
        """An update as the Bot API posts it."""
        return json.dumps(update(700_000_000 + number, chat, message_id, words)).encode()

    def proof(self, body: bytes) -> bytes:
        """The secret that was agreed on."""
        return self._proof

    def answer(self, path: bytes, body: bytes, hear: Hear) -> Answer:
        """What a bot calls."""
        match path.rpartition(b"/")[2].decode():
            case "sendMessage":
                return self._send_message(_arguments(body), hear)
            case "getMe":
                return b"200 OK", {"ok": True, "result": {**BOT, **ABILITIES}}
            case "setWebhook" | "deleteWebhook" | "answerCallbackQuery" | "sendChatAction" | "setMyCommands":
                return b"200 OK", {"ok": True, "result": True}
        return b"404 Not Found", {"ok": False, "error_code": 404, "description": "Not Found: method not found"}

    def _send_message(self, arguments: dict[str, Any], hear: Hear) -> Answer:
        chat, words = int(arguments["chat_id"]), arguments["text"]
        message_id = hear(chat, words)
        if message_id is None:
            description = "Bad Request: chat not found"
            return b"400 Bad Request", {"ok": False, "error_code": 400, "description": description}
        message: dict[str, Any] = {
            "message_id": message_id,
            "from": BOT,
            "chat": {"id": chat, "first_name": "Budi", "type": "private"},
            "date": int(time.time()),
            "text": words,
        }
        # A message tells of its inline keyboard, and of no other.
        if keyboard := arguments.get("reply_markup"):
            keyboard = json.loads(keyboard) if isinstance(keyboard, str) else keyboard
            if "inline_keyboard" in keyboard:
                message["reply_markup"] = keyboard
        return b"200 OK", {"ok": True, "result": message}


class WhatsAppWire:
    """Meta's Cloud API. Everybody has both ids, as Meta tells them of most: a number and one of our account."""

    first_chat = 6_281_200_000_001

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._sent = itertools.count(1)

    def message(self, number: int, chat: int, message_id: int, words: str) -> bytes:
        """A payload of one message as the Cloud API posts it."""
        user = str(chat)
        about = {"display_phone_number": NUMBER, "phone_number_id": PHONE_ID}
        value = {
            "messaging_product": "whatsapp",
            "metadata": about,
            "contacts": [{"profile": {"name": f"Budi Santoso {chat}"}, "wa_id": user, "user_id": f"ID.9{user}"}],
            "messages": [
                {
                    "from": user,
                    "from_user_id": f"ID.9{user}",
                    "id": f"wamid.HBgNIN{number:012d}",
                    "timestamp": str(int(time.time())),
                    "type": "text",
                    "text": {"body": words},
                }
            ],
        }
        entry = {"id": "102290129340398", "changes": [{"value": value, "field": "messages"}]}
        return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()

    def proof(self, body: bytes) -> bytes:
        """The signature of these very bytes."""
        return f"X-Hub-Signature-256: sha256={hmac.new(self._secret, body, hashlib.sha256).hexdigest()}\r\n".encode()

    def answer(self, path: bytes, body: bytes, hear: Hear) -> Answer:
        """What the channel calls: messages and read receipts; there are no templates and no files."""
        if not path.endswith(b"/messages"):
            return b"200 OK", {"data": []}
        arguments: dict[str, Any] = json.loads(body)
        if arguments.get("status") == "read":
            return b"200 OK", {"success": True}
        user = arguments["to"]
        if hear(int(user), _words(arguments)) is None:
            error = {"message": "(#131026) Message undeliverable", "type": "OAuthException", "code": 131026}
            return b"400 Bad Request", {"error": error}
        return b"200 OK", {
            "messaging_product": "whatsapp",
            "contacts": [{"input": user, "wa_id": user}],
            "messages": [{"id": f"wamid.HBgNOUT{next(self._sent):012d}"}],
        }


def _words(arguments: dict[str, Any]) -> str:
    """The words of a message, plain or with buttons below it."""
    if arguments["type"] == "text":
        return str(arguments["text"]["body"])
    return str(arguments["interactive"]["body"]["text"])


def _arguments(body: bytes) -> dict[str, Any]:
    """The arguments of a call: JSON, or a form as python-telegram-bot's httpx sends it."""
    if body.startswith(b"{"):
        arguments: dict[str, Any] = json.loads(body)
        return arguments
    return {name: values[0] for name, values in parse_qs(body.decode()).items()}
