"""A WhatsApp of our own: Meta's Cloud API over real HTTP, the citizens behind it, and all that can go wrong between.

`FakeCloudApi` runs in the event loop of a test. For benchmarks it is a process of its own:
`python tests/peers/cloud_api.py --port 0 [--count]` prints its port and then serves until it is stopped.
Where LAPOR_SHARED is set, every message is held against Meta's description of the API; that and what breaks Meta's own
limits stands in `FakeCloudApi.problems`.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import copy
import hashlib
import hmac
import itertools
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Protocol

import aiohttp
from aiohttp import web

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from peers import whatsapp_spec
from peers.cloud_limits import (
    BSUID,
    ERRORS,
    OUR_FAULT,
    UPLOADS,
    Refusal,
    Shown,
    StoredTemplate,
    error_body,
    no_such_object,
    read_interactive,
    read_template,
    words_of,
)
from peers.cloud_people import NUMBER, Chat
from peers.cloud_people import Change as Change
from peers.cloud_people import Citizen as Citizen
from peers.cloud_people import Sent as Sent
from peers.cloud_people import wamid_of as wamid_of

TOKEN = "EAATEST" + "0123456789abcdef" * 4
APP_SECRET = "an-app-secret-of-this-test"
VERIFY_TOKEN = "a-verify-token-of-this-test"
PHONE_ID = "106540352242922"
ACCOUNT_ID = "102290129340398"
# How long a link to a file may be used.
LINK_LIVES = timedelta(minutes=5)
PAGE = 25

State = Literal["sent", "delivered", "read", "failed"]


class Submission(Protocol):
    """A template as it is handed in."""

    @property
    def name(self) -> str: ...
    @property
    def language(self) -> str: ...
    @property
    def body(self) -> str: ...
    @property
    def button(self) -> str | None: ...


# --- what is remembered ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the Cloud API. `method` is messages, read, upload, media, download, templates or number;
    `user` is whom it is about, as it was given: a number or a BSUID."""

    method: str
    body: dict[str, Any]
    time: float
    user: str | None = None


@dataclass(slots=True)
class StoredMedia:
    """A file at Meta: one that a citizen sent or that we uploaded."""

    content: bytes
    content_type: str
    claimed_size: int
    name: str | None = None


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
    headers: Mapping[str, str] = field(default_factory=dict)


def refused(code: int, details: str = "", *, subcode: int | None = None, delivered: bool = False) -> Fault:
    """Meta's error of that code."""
    return Fault(ERRORS.get(code, (400, ""))[0], error_body(code, details, subcode), delivered=delivered)


def dead_token() -> Fault:
    """190: the token is not (or no longer) valid."""
    return refused(190, "Error validating access token: The session has been invalidated.")


def closed() -> Fault:
    """131047: the person last wrote more than a day ago."""
    return refused(131047, "Message failed to send because more than 24 hours have passed since the customer replied.")


def unreachable() -> Fault:
    """131026: the number is not on WhatsApp, or does not take our messages."""
    return refused(131026, "Message Undeliverable.")


def too_many(retry_after: int | None = None) -> Fault:
    """130429: too many messages from our number, maybe with the seconds to wait in the header."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Fault(429, error_body(130429, "Message failed to send because of throughput limits."), headers=headers)


def too_many_to_one() -> Fault:
    """131056: too many messages to this one person."""
    return refused(131056, "Too many messages sent from this number to the same phone number in a short time.")


def spam() -> Fault:
    """131048: too many people have blocked us."""
    return refused(131048, "There are restrictions on how many messages can be sent from this phone number.")


def locked() -> Fault:
    """131031: the account is locked."""
    return refused(131031, "Your WhatsApp Business Account has been locked.")


def unpaid() -> Fault:
    """131042: Meta wants to be paid."""
    return refused(131042, "There was an error related to your payment method.")


def broken(*, delivered: bool = False) -> Fault:
    """500 with Meta's own error 131000."""
    return refused(131000, "Message failed to send due to an unknown error.", delivered=delivered)


def bad_gateway(*, delivered: bool = False) -> Fault:
    """502 with the page of some proxy instead of JSON."""
    return Fault(502, "<html><head><title>502 Bad Gateway</title></head></html>", delivered=delivered)


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

    def __init__(self, api: FakeCloudApi) -> None:
        self.choose: Callable[[Call], Fault | None] | None = None
        self._api = api
        self._waiting: list[tuple[Fault, Chat | None, str | None, list[float]]] = []

    def add(
        self, fault: Fault, *, user: str | Citizen | None = None, method: str | None = "messages", times: float = 1
    ) -> None:
        """Let the next `times` calls (`math.inf`: all), of one person if named, go wrong so. `method` None: of all."""
        chat = None if user is None else self._api.chat(user)
        self._waiting.append((fault, chat, method, [times]))

    def clear(self) -> None:
        """Let all go well again."""
        self._waiting.clear()
        self.choose = None

    def take(self, call: Call) -> Fault | None:
        """The fault that this call meets."""
        if self.choose and (chosen := self.choose(call)):
            return chosen
        about = None if call.user is None else self._api.chat(call.user)
        for fault, chat, method, left in self._waiting:
            if left[0] > 0 and (chat is None or chat is about) and method in (None, call.method):
                left[0] -= 1
                return fault
        return None


# --- the Cloud API -----------------------------------------------------------------------------


class FakeCloudApi:
    """The Cloud API on 127.0.0.1. Use as `async with FakeCloudApi() as api`, and give the channel `api.base_url`.

    `webhook` is (url, app secret), as it is set in Meta's forms. `now` is Meta's clock. `window_hours` is for how long
    after a person wrote we may answer in our own words (None: for ever); `refuses_late` says whether what Meta will
    not deliver is refused in a report, after the message was taken, and not in the answer. With `reports`, Meta tells
    of each message that it was sent and delivered, of every third before it has answered.
    """

    def __init__(self, token: str = TOKEN, port: int = 0, *, count_only: bool = False) -> None:
        self.token = token
        self.calls: list[Call] = []
        self.counts: Counter[str] = Counter()
        self.problems: list[str] = []
        self.refusals: list[tuple[int, str]] = []
        self.faults = Faults(self)
        self.webhook: tuple[str, str] | None = None
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.window_hours: float | None = 24.0
        self.refuses_late = False
        self.reports = False
        self.templates: dict[tuple[str, str], StoredTemplate] = {}
        self.page_size = PAGE
        self.read_messages: list[str] = []
        self.typed_for: list[str] = []
        self.dropped: list[dict[str, Any]] = []
        # So many links to come have expired before they are followed.
        self.stale_links = 0
        # Where the links to files lead, if not to us.
        self.media_url: str | None = None
        self.spec = None if count_only else whatsapp_spec.load()
        self.port = port
        self._count_only = count_only
        self._held_against: dict[str, list[str]] = {}
        self._chats: dict[str, Chat] = {}
        self._wamids: dict[str, str] = {}
        self._heard: set[str] = set()
        self._media: dict[str, StoredMedia] = {}
        self._links: dict[str, tuple[str, datetime]] = {}
        self._numbers = itertools.count(1)
        self._closing = asyncio.Event()
        self._telling: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None
        self._client: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> FakeCloudApi:
        app = web.Application(client_max_size=110 << 20)
        app.router.add_get("/stats", self._show_stats)
        app.router.add_get("/sent/{user}", self._show_sent)
        app.router.add_get("/attachments/{link}", self._hand_out)
        app.router.add_post("/{version}/{phone}/messages", self._take_message)
        app.router.add_post("/{version}/{phone}/media", self._take_upload)
        app.router.add_get("/{version}/{account}/message_templates", self._list_templates)
        app.router.add_get("/{version}/{node}", self._show_node)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._client = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        for task in list(self._telling):
            task.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)
        if self._client:
            await self._client.close()
        if self._runner:
            await self._runner.cleanup()

    @property
    def base_url(self) -> str:
        """What stands for https://graph.facebook.com."""
        return f"http://127.0.0.1:{self.port}"

    # people

    def citizen(
        self, number: str | None = "6281234567890", user_id: str | None = None, name: str = "Budi Santoso"
    ) -> Citizen:
        """Somebody with WhatsApp: by number, by BSUID, or by both; who has both has one chat.

        A number that belonged to somebody with another BSUID has been given out again, and is this person's now.
        """
        if number is None and user_id is None:
            raise ValueError("a citizen has a number, a BSUID, or both")
        chat = self._chats.get(user_id or "")
        if chat is None and number in self._chats:
            others = {each for each, found in self._chats.items() if found is self._chats[number] and BSUID.match(each)}
            if not user_id or not others:
                chat = self._chats[number]
        citizen = Citizen(self, chat or Chat(), number, user_id, name)
        for each in citizen.ids:
            self._chats[each] = citizen.chat
        return citizen

    def chat(self, user: str | Citizen) -> Chat:
        """The chat with that person, of whom we may know nothing but an id."""
        if isinstance(user, Citizen):
            return user.chat
        return self._chats.setdefault(user, Chat())

    def sent(self, user: str | Citizen | None = None) -> list[Sent]:
        """Our messages in one chat, or in all by time."""
        if user is not None:
            return list(self.chat(user).sent)
        chats = set(self._chats.values())
        return sorted((each for chat in chats for each in chat.sent), key=lambda each: each.time)

    async def wait_for_sent(self, user: str | Citizen, count: int, timeout: float = 30.0) -> list[Sent]:  # noqa: ASYNC109
        """All our messages in a chat, as soon as there are `count`."""
        chat = self.chat(user)
        async with asyncio.timeout(timeout):
            while len(chat.sent) < count:
                await chat.arrival.wait()
        return list(chat.sent)

    def called(self, method: str) -> list[dict[str, Any]]:
        """The bodies of all calls of one method."""
        return [call.body for call in self.calls if call.method == method]

    async def told(self) -> None:
        """Wait until all that Meta tells by itself has been taken."""
        while self._telling:
            await asyncio.wait(set(self._telling))

    # what is ready at Meta

    def add_templates(self, submissions: Iterable[Submission]) -> None:
        """Have all these in the account, approved."""
        for each in submissions:
            self.add_template(each.name, each.language, each.body, each.button)

    def add_template(
        self, name: str, language: str, body: str, button: str | None = None, status: str = "APPROVED"
    ) -> StoredTemplate:
        """Have a template in the account, with gaps such as {{1}} in its body."""
        template = self.templates[name, language] = StoredTemplate(name, language, body, button, status)
        return template

    def add_media(self, content: bytes, content_type: str, *, claimed_size: int | None = None) -> str:
        """Have a file ready; `claimed_size` may differ from the truth. Returns its id."""
        media_id = f"10034{next(self._numbers):011d}"
        size = len(content) if claimed_size is None else claimed_size
        self._media[media_id] = StoredMedia(content, content_type, size)
        return media_id

    def lose_media(self, media_id: str) -> None:
        """Keep the file's id but lose its bytes: the link is given, and says 404."""
        self._media[media_id].content = b""

    def forget_media(self, media_id: str) -> None:
        """A week has passed: nobody knows the file's id any more."""
        del self._media[media_id]

    def uploaded(self, media_id: str) -> StoredMedia:
        """What lies at Meta under that id."""
        return self._media[media_id]

    # what Meta posts

    def payload(self, changes: Change | Sequence[Change], *, apart: bool = False) -> dict[str, Any]:
        """One POST: messages that follow each other stand in one change, and so do reports; or each `apart`."""
        given = [changes] if isinstance(changes, dict) else list(changes)
        merged: list[Change] = []
        for change in copy.deepcopy(given):  # tests distort what they get
            if not apart and merged and _belong(merged[-1], change):
                _join(merged[-1]["value"], change["value"])
            else:
                merged.append(change)
        return {"object": "whatsapp_business_account", "entry": [{"id": ACCOUNT_ID, "changes": merged}]}

    async def post(
        self,
        changes: Change | Sequence[Change],
        *,
        apart: bool = False,
        repeat: int = 1,
        attempts: int = 8,
        pause: float = 0.05,
    ) -> int:
        """Post changes, signed, in one payload to the webhook until it is taken, `repeat` times over.

        Returns the last status. Raises AssertionError if it is never taken.
        """
        body = as_meta_writes(self.payload(changes, apart=apart))
        status = 0
        for _ in range(repeat):
            status = await self._post_until_taken(body, attempts, pause)
        return status

    async def post_raw(self, body: bytes, signature: str | None = None) -> tuple[int, str]:
        """Post these bytes once, under that signature, else a right one; returns the answer."""
        assert self.webhook
        assert self._client
        url, secret = self.webhook
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "facebookexternalua",
            "X-Hub-Signature-256": sign(body, secret) if signature is None else signature,
        }
        async with self._client.post(url, data=body, headers=headers) as response:
            return response.status, await response.text()

    async def verify(self, token: str = VERIFY_TOKEN, challenge: str = "1158201444") -> tuple[int, str]:
        """Ask the webhook whether it is ours, as Meta does when it is entered; returns the answer."""
        assert self.webhook
        assert self._client
        query = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": token}
        async with self._client.get(self.webhook[0], params=query) as response:
            return response.status, await response.text()

    def report(self, wamid: str, state: State, code: int | None = None, *, details: str = "") -> Change:
        """What became of a message of ours; `code` is why it failed."""
        status: dict[str, Any] = {"id": wamid, "status": state, "timestamp": self.timestamp()}
        user = self._wamids.get(wamid, "")
        status |= {"recipient_user_id" if BSUID.match(user) else "recipient_id": user}
        if state != "failed":
            status["conversation"] = {"id": _hash(wamid)[:32].lower(), "origin": {"type": "service"}}
            status["pricing"] = {"billable": False, "pricing_model": "PMP", "category": "service", "type": "regular"}
        else:
            code = code or 131000
            title = ERRORS[code][1]
            status["errors"] = [
                {"code": code, "title": title, "message": title, "error_data": {"details": details or title}}
            ]
        return self.change("messages", {**self._of_our_number(), "statuses": [status]})

    def template_news(self, name: str, language: str, event: str, reason: str = "NONE") -> Change:
        """Meta has decided about a template: APPROVED, REJECTED, PAUSED, DISABLED and so on; so it stands, too."""
        if template := self.templates.get((name, language)):
            template.status = event
        return self.change(
            "message_template_status_update",
            {
                "event": event,
                "message_template_id": 1689556908129832,
                "message_template_name": name,
                "message_template_language": language,
                "reason": reason,
            },
        )

    def account_news(self, event: str, **details: Any) -> Change:
        """Something has happened to the account: ACCOUNT_RESTRICTION, DISABLED_UPDATE, ACCOUNT_REINSTATED and so on."""
        return self.change("account_update", {"phone_number": NUMBER, "event": event, **details})

    def change(self, field: str, value: dict[str, Any]) -> Change:  # (Meta's own name of it)
        """Anything that Meta can tell."""
        return {"value": value, "field": field}

    def message(self, content: dict[str, Any], contact: dict[str, Any] | None) -> Change:
        """A message that came in."""
        self._heard.add(content["id"])
        contacts = {} if contact is None else {"contacts": [contact]}
        return self.change("messages", {**self._of_our_number(), **contacts, "messages": [content]})

    def next_wamid(self) -> str:
        """The id of a message that nobody has yet."""
        mark = b"\x1c\x18\x0c" + _hash(f"{id(self)} {next(self._numbers)}")[:20].encode() + b"\x00"
        return f"wamid.{base64.b64encode(mark).decode()}"

    def timestamp(self) -> str:
        """Now, as Meta writes it."""
        return str(int(self.now().timestamp()))

    def _of_our_number(self) -> dict[str, Any]:
        metadata = {"display_phone_number": NUMBER, "phone_number_id": PHONE_ID}
        return {"messaging_product": "whatsapp", "metadata": metadata}

    async def _post_until_taken(self, body: bytes, attempts: int, pause: float) -> int:
        status: int | str = 0
        for attempt in range(attempts):
            try:
                status, _ = await self.post_raw(body)
            except (aiohttp.ClientError, TimeoutError) as error:
                status = type(error).__name__
            else:
                if status == 200:
                    return status
            await asyncio.sleep(pause * 2**attempt)
        raise AssertionError(f"the webhook never took what was posted: {status}")

    # requests

    async def _take_message(self, request: web.Request) -> web.StreamResponse:
        body = _as_object(await request.read())
        if self._count_only:
            return self._count(body)
        if body.get("status") == "read":
            call = Call("read", body, time.monotonic())
            return await self._answer(request, call, lambda: self._mark_read(body))
        user = body.get("recipient") or re.sub(r"^\+", "", str(body.get("to", "")))
        call = Call("messages", body, time.monotonic(), str(user))
        if request.match_info["phone"] != PHONE_ID:
            return self._refuse(no_such_object(request.match_info["phone"]))
        return await self._answer(request, call, lambda: self._send(body, str(user)))

    async def _take_upload(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        file = form.get("file")
        content, kind, name = b"", "", None
        if isinstance(file, web.FileField):
            content, kind, name = file.file.read(), file.content_type, file.filename
        described: dict[str, Any] = {key: value for key, value in form.items() if isinstance(value, str)}
        described |= {"content_type": kind, "filename": name, "size": len(content)}
        return await self._answer(
            request, Call("upload", described, time.monotonic()), lambda: self._upload(described, content, kind, name)
        )

    async def _list_templates(self, request: web.Request) -> web.StreamResponse:
        query = dict(request.query)
        account = request.match_info["account"]
        return await self._answer(
            request, Call("templates", query, time.monotonic()), lambda: self._page(account, query, request.path)
        )

    async def _show_node(self, request: web.Request) -> web.StreamResponse:
        node, query = request.match_info["node"], dict(request.query)
        if node == PHONE_ID:
            about = {"id": node, "display_phone_number": NUMBER, "verified_name": "LAPOR", "quality_rating": "GREEN"}
            return await self._answer(request, Call("number", query, time.monotonic()), lambda: about)
        call = Call("media", {"id": node, **query}, time.monotonic())
        return await self._answer(request, call, lambda: self._link(node, query))

    async def _hand_out(self, request: web.Request) -> web.StreamResponse:
        link = request.match_info["link"]
        media_id, until = self._links.get(link, ("", datetime.min.replace(tzinfo=UTC)))
        call = Call("download", {"id": media_id}, time.monotonic())
        self._note(call)
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return self._refuse(Refusal(190, "Invalid OAuth access token"))
        if (fault := self.faults.take(call)) and (failed := await self._fail(request, fault)) is not None:
            return failed
        media = self._media.get(media_id)
        if media is None or not media.content or until <= self.now():
            return web.Response(status=404, text="Not Found")
        response = web.StreamResponse(headers={"Content-Type": media.content_type})
        await response.prepare(request)  # in chunks, without a length, so that a lie about it can be told
        for start in range(0, len(media.content), 1 << 16):
            await response.write(media.content[start : start + (1 << 16)])
        await response.write_eof()
        return response

    async def _answer(self, request: web.Request, call: Call, run: Callable[[], Any]) -> web.StreamResponse:
        self._note(call)
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return self._refuse(Refusal(190, "Invalid OAuth access token - Cannot parse access token"))
        try:
            if fault := self.faults.take(call):
                await asyncio.sleep(fault.delay)
                if fault.delivered:
                    run()
                if (failed := await self._fail(request, fault)) is not None:
                    return failed
            answer = run()
        except Refusal as refusal:
            return self._refuse(refusal)
        if call.method == "messages":
            await self._tell(answer)
        return web.json_response(answer)

    def _note(self, call: Call) -> None:
        self.calls.append(call)
        self.counts[call.method] += 1
        if self.spec and call.method in ("messages", "read"):
            # The same words to another person are no other body; to look at one takes milliseconds.
            told = {**call.body, **{name: "62" for name in ("to", "message_id") if _is_an_id(call.body.get(name))}}
            shape = json.dumps(told)
            if shape not in self._held_against:
                self._held_against[shape] = self.spec.check_body(told)
            self.problems += self._held_against[shape]

    def _refuse(self, refusal: Refusal) -> web.Response:
        self.refusals.append((refusal.code, refusal.details))
        if refusal.code in OUR_FAULT and refusal.subcode is None:
            self.problems.append(str(refusal))
        status = ERRORS[refusal.code][0]
        return web.json_response(error_body(refusal.code, refusal.details, refusal.subcode), status=status)

    async def _fail(self, request: web.Request, fault: Fault) -> web.StreamResponse | None:
        """Let a request go wrong; None if it goes well in the end."""
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
            return web.Response(status=fault.status, text=fault.body, content_type="text/html", headers=fault.headers)
        return web.json_response(fault.body, status=fault.status, headers=fault.headers)

    def _count(self, body: dict[str, Any]) -> web.Response:
        if body.get("status") == "read":
            self.counts["read"] += 1
            return web.json_response({"success": True})
        self.counts["messages"] += 1
        return web.json_response(_taken(str(body.get("recipient") or body.get("to")), self.next_wamid()))

    async def _show_stats(self, _: web.Request) -> web.Response:
        return web.json_response({"calls": dict(self.counts), "sent": self.counts["messages"]})

    async def _show_sent(self, request: web.Request) -> web.Response:
        """For drivers in other processes: the messages in a chat from number `after` on, as soon as there is one."""
        user, after = request.match_info["user"], int(request.query.get("after", "0"))
        try:
            await self.wait_for_sent(user, after + 1, float(request.query.get("timeout", "10")))
        except TimeoutError:
            return web.json_response([])
        return web.json_response([{"id": each.wamid, **each.body} for each in self.sent(user)[after:]])

    # messages

    def _mark_read(self, body: dict[str, Any]) -> dict[str, Any]:
        message_id = str(body.get("message_id"))
        if message_id not in self._heard:
            raise Refusal(131009, "Parameter value is not valid: message_id")
        self.read_messages.append(message_id)
        if "typing_indicator" in body:
            if body["typing_indicator"] != {"type": "text"}:
                raise Refusal(100, "typing_indicator")
            self.typed_for.append(message_id)
        return {"success": True}

    def _send(self, body: dict[str, Any], user: str) -> dict[str, Any]:
        if body.get("messaging_product") != "whatsapp":
            raise Refusal(100, "The parameter messaging_product is required.")
        if not user:
            raise Refusal(100, "The parameter to is required.")
        (kind, text, buttons), content = self._read_body(body)
        wamid = self.next_wamid()
        self._wamids[wamid] = user
        if "recipient" in body:
            if not BSUID.fullmatch(user) or body.get("recipient_type") != "individual":
                raise Refusal(100, "Param recipient is not a business-scoped user id of an individual.")
        elif BSUID.fullmatch(user):
            self.dropped.append(body)  # it is taken for a number that nobody has
            return _taken(user, wamid)
        if not self._is_open_to(user, wamid, kind):
            return _taken(user, wamid)
        sent = Sent(user, wamid, kind, text, buttons, time.monotonic(), body, content)
        self.chat(user).add(sent)
        return _taken(user, wamid)

    def _is_open_to(self, user: str, wamid: str, kind: str) -> bool:
        """Whether the message arrives; False if Meta says only later that it does not."""
        chat, code = self.chat(user), None
        if chat.gone:
            code = 131026
        elif kind != "template" and self.window_hours is not None:
            silent = None if chat.wrote_at is None else self.now() - chat.wrote_at
            if silent is None or silent >= timedelta(hours=self.window_hours):
                code = 131047
        if code is None:
            return True
        if not self.refuses_late:
            raise Refusal(code, ERRORS[code][1])
        self._tell_soon(self.report(wamid, "failed", code))
        return False

    def _read_body(self, body: dict[str, Any]) -> tuple[Shown, bytes | None]:
        """What a message shows, and its file. Raises `Refusal` where it breaks Meta's limits."""
        kind = str(body.get("type", "text"))
        about = body.get(kind)
        if not isinstance(about, dict):
            raise Refusal(100, f"The parameter {kind} is required.")
        match kind:
            case "text":
                return ("text", words_of(about.get("body"), "text['body']", 4096), ()), None
            case "interactive":
                return read_interactive(about), None
            case "template":
                return read_template(about, self.templates), None
            case "image" | "audio" | "video" | "document":
                return self._read_media(kind, about)
        raise Refusal(131009, f"type {kind}")

    def _read_media(self, kind: str, about: dict[str, Any]) -> tuple[Shown, bytes]:
        caption = about.get("caption")
        if kind == "audio" and (caption is not None or "filename" in about):
            raise Refusal(100, "Unexpected key on param audio.")
        if kind in ("image", "video") and "filename" in about:
            raise Refusal(100, f"Unexpected key on param {kind}: filename")
        text = "" if caption is None else words_of(caption, "caption", 1024)
        media = self._media.get(str(about.get("id")))
        if media is None:
            raise Refusal(131053, f"Param {kind}['id'] is not a valid whatsapp business account media attachment ID")
        types, _ = UPLOADS[kind]
        if types and media.content_type not in types:
            raise Refusal(131053, f"Media of type {media.content_type} cannot be sent as {kind}.")
        return (kind, text, ()), media.content

    async def _tell(self, answer: dict[str, Any]) -> None:
        """Tell that the message was sent and delivered: soon, or before its sender knows the id."""
        wamid = answer["messages"][0]["id"]
        if not self.reports or self.webhook is None:
            return
        user = self._wamids[wamid]
        if all(each.wamid != wamid for each in self.chat(user).sent):
            return
        tales = [self.report(wamid, "sent"), self.report(wamid, "delivered")]
        if self.counts["messages"] % 3 == 0:
            await self.post(tales)
        else:
            self._tell_soon(tales)

    def _tell_soon(self, changes: Change | Sequence[Change]) -> None:
        """Post something after the answer has gone out."""
        if self.webhook is None:
            return

        async def tell() -> None:
            await asyncio.sleep(0.01)
            try:
                await self.post(changes)
            except AssertionError as error:
                self.problems.append(str(error))

        task = asyncio.create_task(tell())
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    # files and templates

    def _upload(self, described: dict[str, Any], content: bytes, kind: str, name: str | None) -> dict[str, Any]:
        if described.get("messaging_product") != "whatsapp" or not content:
            raise Refusal(100, "The parameters messaging_product and file are required.")
        if described.get("type", kind) != kind:
            raise Refusal(131053, f"the file is of {kind}, not {described['type']}")
        family = kind.partition("/")[0]
        types, limit = UPLOADS.get(family, UPLOADS["document"])
        if family in UPLOADS and kind not in types:
            raise Refusal(131053, f"Unsupported media type: {kind}")
        if len(content) > limit:
            raise Refusal(131053, f"Media file size too big: {len(content)}")
        media_id = self.add_media(content, kind)
        self._media[media_id].name = name
        return {"id": media_id}

    def _link(self, media_id: str, query: dict[str, str]) -> dict[str, Any]:
        media = self._media.get(media_id)
        if media is None or query.get("phone_number_id", PHONE_ID) != PHONE_ID:
            raise no_such_object(media_id)
        link = f"{_hash(media_id)[:12]}{next(self._numbers)}"
        until = self.now() + LINK_LIVES
        if self.stale_links > 0:
            self.stale_links -= 1
            until = self.now()
        self._links[link] = media_id, until
        return {
            "messaging_product": "whatsapp",
            "url": f"{self.media_url or self.base_url}/attachments/{link}",
            "mime_type": media.content_type,
            "sha256": hashlib.sha256(media.content).hexdigest(),
            "file_size": media.claimed_size,
            "id": media_id,
        }

    def _page(self, account: str, query: dict[str, str], path: str) -> dict[str, Any]:
        if account != ACCOUNT_ID:
            raise no_such_object(account)
        after = int(base64.b64decode(query["after"])) if "after" in query else 0
        size = min(int(query.get("limit", self.page_size)), self.page_size)
        whole = [each.described() for each in self.templates.values()]
        end = min(after + size, len(whole))
        cursors = {"before": _cursor(after), "after": _cursor(end)}
        answer: dict[str, Any] = {"data": whole[after:end], "paging": {"cursors": cursors}}
        if end < len(whole):
            answer["paging"]["next"] = f"{self.base_url}{path}?limit={size}&after={cursors['after']}"
        return answer


# --- small things ------------------------------------------------------------------------------


def sign(body: bytes, secret: str) -> str:
    """What stands in X-Hub-Signature-256."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def as_meta_writes(payload: Any) -> bytes:
    """JSON as Meta writes it: all but ASCII escaped, and slashes too."""
    return json.dumps(payload, separators=(",", ":")).replace("/", "\\/").encode()


def _belong(one: Change, other: Change) -> bool:
    """Whether two changes are of one kind, so that Meta may tell them as one."""
    kinds = [next((kind for kind in ("messages", "statuses") if kind in each["value"]), None) for each in (one, other)]
    return one["field"] == other["field"] == "messages" and kinds[0] == kinds[1] is not None


def _join(value: dict[str, Any], other: dict[str, Any]) -> None:
    for kind in ("messages", "statuses"):
        if kind in other:
            value[kind] = [*value[kind], *other[kind]]
    known = value.get("contacts", [])
    if new := [each for each in other.get("contacts", []) if each not in known]:
        value["contacts"] = [*known, *new]


def _taken(user: str, wamid: str) -> dict[str, Any]:
    known_as = {"user_id": user} if BSUID.fullmatch(user) else {"wa_id": user.lstrip("+")}
    return {
        "messaging_product": "whatsapp",
        "contacts": [{"input": user, **known_as}],
        "messages": [{"id": wamid}],
    }


def _is_an_id(value: Any) -> bool:
    return isinstance(value, str) and (value.isdecimal() or value.startswith("wamid."))


def _as_object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _hash(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest().upper()


def _cursor(number: int) -> str:
    return base64.b64encode(str(number).encode()).decode()


# --- as a process ------------------------------------------------------------------------------


async def _serve(port: int, token: str, *, count_only: bool) -> None:
    async with FakeCloudApi(token, port, count_only=count_only) as api:
        print(api.port, flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any free one; it is printed")
    parser.add_argument("--token", default=TOKEN, help="the system user's token (with --count any is taken)")
    parser.add_argument("--count", action="store_true", help="answer as fast as possible, remember only numbers")
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(options.port, options.token, count_only=options.count))


if __name__ == "__main__":
    main()
