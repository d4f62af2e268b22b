"""The WhatsApp channel: calls of the Cloud API over httpx."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import httpx

from bot.channels.sending import BEGUN, BEGUN_SECONDS, FILE_TRIES, Limits, Memory, digest
from bot.channels.whatsapp import NAME
from bot.channels.whatsapp.errors import judge
from bot.channels.whatsapp.transport import AiohttpTransport
from bot.channels.whatsapp.writing import bodies
from bot.messages import File, Outgoing, Sent, TemplateNews, TryLater, Undeliverable, WindowClosed

# Where Meta keeps files, beside the API's own host. Nobody else gets to see the token.
FILE_HOSTS = re.compile(r"[a-z0-9.-]+\.(fbsbx\.com|fbcdn\.net|whatsapp\.net)")
FILE_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")
NO_SUCH_FILE = (33, 100)  # codes that mean something else where no file was asked for
LONGEST_WAIT = 3600.0  # seconds that we wait because we were told to
PAGES, PAGE_SIZE = 100, 200  # of the account's templates, of which there are 6,000 at most

# At INFO, httpx writes the address of every file of a citizen into the log.
logging.getLogger("httpx").setLevel(logging.WARNING)

T = TypeVar("T")
Answer = Mapping[str, Any]


class WhatsApp:
    """The WhatsApp channel (see `bot.messages.Channel`). Use as `async with`, or call `start` and `stop`.

    `phone_number_id` and `account_id` are Meta's ids of our number and of our business account.
    """

    name = NAME

    def __init__(
        self,
        token: str,
        phone_number_id: str,
        base_url: str = "https://graph.facebook.com",
        version: str = "v23.0",
        account_id: str = "",
        limits: Limits | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self._base = httpx.URL(f"{base_url.rstrip('/')}/{version}/")
        self._number = phone_number_id
        self._account = account_id
        self._token = {"Authorization": f"Bearer {token}"}
        self._client: httpx.AsyncClient | None = None
        self._begun: Memory[_Progress] = Memory(BEGUN, BEGUN_SECONDS)
        self._uploaded: Memory[str] = Memory(1_000, 24 * 3600)  # Meta itself keeps them for 30 days

    async def __aenter__(self) -> WhatsApp:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Open the session; its connections come when needed."""
        self._open()

    async def stop(self) -> None:
        """Close the session and its connections; a later call opens a new one."""
        client, self._client = self._client, None
        if client:
            await client.aclose()

    async def send(self, message: Outgoing) -> Sent:
        """Send one message, in as many parts as it needs; tell the ids of all of them.

        If it fails between two parts, this process remembers which were taken: sent again, it goes on from there. A
        file that cannot go does not hold up the words.
        """
        bodies(message, [(file, "") for file in message.files])  # what cannot be sent is not tried
        key = digest(message)
        progress = self._begun.get(key) or self._begun.put(key, _Progress())
        trouble: TryLater | Undeliverable
        try:
            async with asyncio.timeout(self.limits.total + (self.limits.upload if message.files else 0)):
                await self._send_parts(message, progress)
        except TimeoutError:
            trouble = TryLater("WhatsApp did not answer in time")
        except TryLater as error:
            trouble = error
        except Undeliverable as error:
            trouble = error
            self._begun.drop(key)
        else:
            self._begun.drop(key)
            return Sent(ids=tuple(progress.ids))
        raise trouble

    async def fetch(self, provider_id: str) -> bytes:
        """The bytes of a file that a citizen sent; one of more than 20 MB is Undeliverable, whatever Meta said of it.

        For 7 days Meta tells, as often as we ask, where the file lies for the next 5 minutes.
        """
        content = None
        with suppress(TimeoutError):
            async with asyncio.timeout(self.limits.download):
                content = await self._download(await self._locate(provider_id))
                if content is None:
                    content = await self._download(await self._locate(provider_id))
        if content is None:
            raise TryLater("the file did not come in time, or does not lie where Meta says")
        return content

    async def mark_read(self, message_id: str, *, typing: bool) -> None:
        """Mark a citizen's message as read and, if `typing`, show that an answer is being written (25 s at most).

        It is only a courtesy, so failing is no matter.
        """
        receipt: dict[str, Any] = {"messaging_product": "whatsapp", "status": "read", "message_id": message_id}
        if typing:
            receipt["typing_indicator"] = {"type": "text"}
        with suppress(TryLater, Undeliverable, TimeoutError):
            async with asyncio.timeout(self.limits.total):
                await self._post(receipt)

    async def templates(self) -> list[TemplateNews]:
        """All templates of our business account, never a part of them. Raises `TryLater` or `Undeliverable`."""
        if not self._account:
            raise Undeliverable("no business account is named", gone=False)
        query = {"fields": "name,language,status,category,rejected_reason,components", "limit": str(PAGE_SIZE)}
        found: list[TemplateNews] = []
        for _ in range(PAGES):
            page = await self._ask("GET", f"{self._account}/message_templates", params=query)
            rows = page.get("data")
            if not isinstance(rows, list):
                raise TryLater("an answer that cannot be read")
            found += [news for row in rows if (news := _template_news(row))]
            after = _next_page(page)
            if after is None:
                return found
            query["after"] = after
        raise TryLater("a list of templates without an end")

    # --- the parts of a message --------------------------------------------------------------------------

    async def _send_parts(self, message: Outgoing, progress: _Progress) -> None:
        """Send what is left of a message, and write down in `progress` what was taken."""
        uploaded: list[tuple[File, str]] = []
        for file in message.files if not message.template else ():
            media_id = await self._try_file(file, progress, partial(self._upload, file))
            if media_id is not None:
                uploaded.append((file, media_id))
        while progress.taken < len(parts := bodies(message, uploaded)):
            post: Callable[[], Awaitable[Answer]] = partial(self._post, parts[progress.taken])
            if progress.taken < len(uploaded):
                answer = await self._try_file(uploaded[progress.taken][0], progress, post)
            else:
                answer = await post()
            if answer is None:
                del uploaded[progress.taken]
                continue
            progress.taken += 1
            progress.ids += _ids(answer)

    async def _try_file(self, file: File, progress: _Progress, call: Callable[[], Awaitable[T]]) -> T | None:
        """What a call about a file gives; None where the file is refused, or has failed too often."""
        key = digest(file)
        if progress.failures[key] >= FILE_TRIES:
            return None
        progress.failures[key] += 1  # counted before, as this attempt may be cut off
        try:
            result = await call()
        except Undeliverable as trouble:
            if trouble.gone or isinstance(trouble, WindowClosed):
                raise
            progress.failures[key] = FILE_TRIES
            self._uploaded.drop(key)
            return None
        except TryLater as trouble:
            if trouble.whole_channel or trouble.after is not None:
                progress.failures[key] -= 1  # no fault of the file
            raise
        progress.failures[key] -= 1
        return result

    async def _upload(self, file: File) -> str:
        """Meta's id of a file; one that went up within the last day, for whomever, is not sent again."""
        key = digest(file)
        known = self._uploaded.get(key)
        if known is not None:
            return known
        form = {"messaging_product": "whatsapp", "type": file.content_type}
        # As a stream: many megabytes written at once would hold up everybody else.
        parts = {"file": (" ".join(file.name.split()), io.BytesIO(file.content), file.content_type)}
        path, patience = f"{self._number}/media", httpx.Timeout(self.limits.upload, connect=self.limits.connect)
        answer = await self._ask("POST", path, data=form, files=parts, timeout=patience)
        media_id = answer.get("id")
        if not isinstance(media_id, str) or not media_id:
            raise TryLater("an answer that cannot be read")
        return self._uploaded.put(key, media_id)

    # --- files of citizens -------------------------------------------------------------------------------

    async def _locate(self, file_id: str) -> httpx.URL:
        """Where a file lies now."""
        if not FILE_ID.fullmatch(file_id):
            raise Undeliverable("not the id of a file", gone=False)
        asked = {"phone_number_id": self._number}
        answer = await self._ask("GET", file_id, judging=_judge_file, params=asked)
        size = str(answer.get("file_size", ""))
        if size.isascii() and size.isdecimal() and int(size[:20]) > self.limits.file_size:
            raise Undeliverable("file too large", gone=False)
        try:
            place = httpx.URL(answer.get("url", ""))
        except (httpx.InvalidURL, TypeError):
            place = httpx.URL("")
        if not self._may_see_token(place):
            raise Undeliverable("the file lies with a stranger, or nowhere", gone=False)
        return place

    def _may_see_token(self, url: httpx.URL) -> bool:
        """Whether this is a place of Meta's, or of whoever stands in for it as WHATSAPP_BASE_URL."""
        if (url.scheme, url.host, url.port) == (self._base.scheme, self._base.host, self._base.port):
            return True
        return url.scheme == "https" and url.port is None and bool(FILE_HOSTS.fullmatch(url.host))

    async def _download(self, url: httpx.URL) -> bytes | None:
        """The bytes that lie there; None where nothing lies there any more."""
        trouble: TryLater | Undeliverable
        try:
            async with self._open().stream("GET", url, headers=self._token) as response:
                if response.is_success:
                    return await self._read(response)
                if response.status_code in (404, 410):
                    return None
                trouble = judge({}, response.status_code)
        except Undeliverable:
            raise
        except Exception as error:
            trouble = _judge_failure(error)
        raise trouble

    async def _read(self, response: httpx.Response) -> bytes:
        length = response.headers.get("content-length", "")
        if length.isdecimal() and int(length[:20]) > self.limits.file_size:
            raise Undeliverable("file too large", gone=False)
        content = bytearray()
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > self.limits.file_size:
                raise Undeliverable("file too large", gone=False)
        return bytes(content)

    # --- how it travels ----------------------------------------------------------------------------------

    async def _post(self, body: Mapping[str, Any]) -> Answer:
        # In ASCII: half an emoji, which UTF-8 cannot spell, is then no reason to fail here.
        content, kind = json.dumps(body).encode(), {"Content-Type": "application/json"}
        return await self._ask("POST", f"{self._number}/messages", content=content, headers=kind)

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        judging: Callable[[Mapping[str, Any], int], TryLater | Undeliverable] = judge,
        headers: Mapping[str, str] | None = None,
        **request: Any,
    ) -> Answer:
        """Call the API; its answer where it took the call, empty where that cannot be read."""
        trouble: TryLater | Undeliverable
        try:
            url, headers = self._base.join(path), {**self._token, **(headers or {})}
            response = await self._open().request(method, url, headers=headers, **request)
        except Exception as error:
            trouble = _judge_failure(error)
        else:
            said = _parse(response)
            problem = said.get("error")
            if response.is_success and not isinstance(problem, dict):
                return said
            trouble = judging(problem if isinstance(problem, dict) else {}, response.status_code)
            wait = response.headers.get("retry-after", "")
            if isinstance(trouble, TryLater) and response.status_code == 429 and wait.isdecimal():
                trouble.after = min(float(wait), LONGEST_WAIT)
        # Raised out here, so that the error behind it, whose request carries the token, is not chained to it.
        raise trouble

    def _open(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                transport=AiohttpTransport(self.limits.connections),
                timeout=httpx.Timeout(self.limits.total, connect=self.limits.connect),
                headers={"User-Agent": "lapor-kanal/1.0.0"},
                follow_redirects=False,  # another host has no business with the token
                trust_env=False,
            )
        return self._client


# --- what can go wrong -----------------------------------------------------------------------------------


def _judge_failure(error: Exception) -> TryLater:
    """What a call means that had no answer."""
    match error:
        case httpx.ConnectError() | httpx.ConnectTimeout():
            return TryLater("WhatsApp cannot be reached", whole_channel=True, ails="unreachable")
        case httpx.TimeoutException():
            return TryLater("WhatsApp did not answer in time")
        case _:
            return TryLater("WhatsApp failed, or its answer cannot be read")


def _judge_file(error: Mapping[str, Any], status: int) -> TryLater | Undeliverable:
    """What an error means where we asked for a file by its id."""
    if error.get("code") in NO_SUCH_FILE or status == 404:
        return Undeliverable("the file is not there any more", gone=False)
    return judge(error, status)


# --- what Meta answers -----------------------------------------------------------------------------------


def _parse(response: httpx.Response) -> dict[str, Any]:
    try:
        said = response.json()
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _ids(answer: Answer) -> list[str]:
    """The ids of the messages that Meta says it has taken. An answer without one is taken for a yes all the same:
    sending again would double what the citizen reads."""
    messages = answer.get("messages")
    found = [each.get("id") for each in messages if isinstance(each, dict)] if isinstance(messages, list) else []
    return [each for each in found if isinstance(each, str) and each]


def _template_news(row: Any) -> TemplateNews | None:
    """One template of the account's list; None for what is not one."""
    if not isinstance(row, dict):
        return None
    name, language, state = (row.get(key) for key in ("name", "language", "status"))
    if not (isinstance(name, str) and isinstance(language, str) and isinstance(state, str)):
        return None
    reason, category = (row.get(key) for key in ("rejected_reason", "category"))
    parts = row.get("components")
    texts = [
        part.get("text")
        for part in (parts if isinstance(parts, list) else ())
        if isinstance(part, dict) and str(part.get("type")).upper() == "BODY"
    ]
    return TemplateNews(
        name,
        language,
        state.lower(),
        reason if isinstance(reason, str) and reason not in ("", "NONE") else None,
        category.lower() if isinstance(category, str) else None,
        texts[0] if texts and isinstance(texts[0], str) else None,
    )


def _next_page(page: Answer) -> str | None:
    """What to ask for after this page; None after the last. The address in `next` is never called: it is Meta's to
    choose, and the token is not for everybody."""
    paging = page.get("paging")
    following = paging.get("next") if isinstance(paging, dict) else None
    if not isinstance(paging, dict) or not isinstance(following, str):
        return None
    cursors = paging.get("cursors")
    after = cursors.get("after") if isinstance(cursors, dict) else None
    if isinstance(after, str) and after:
        return after
    with suppress(ValueError):
        return next(iter(parse_qs(urlsplit(following).query).get("after", [])), None)
    return None


# --- what a process remembers ----------------------------------------------------------------------------


@dataclass(slots=True)
class _Progress:
    """How far a message has come: the parts that were taken and their ids, and how often each of its files failed."""

    taken: int = 0
    ids: list[str] = field(default_factory=list)
    failures: Counter[bytes] = field(default_factory=Counter)
