"""Files that officers send with a form: read after the officer is known, judged by their content, never by their name.

Of a picture only its clean copy is kept (store/pictures.py): what a camera wrote beside it (place, owner, device) does
not leave this module. What cannot be used, or has not been looked through for viruses where that is done, is named with
its reason; the words of the form are kept in any case.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi import Request
from starlette.datastructures import Headers, UploadFile
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from desk.access import shell_of
from desk.shell import Shell
from store import pictures

MIB = 1024 * 1024
MOST_FILES, LARGEST_FILE = 10, 10 * MIB
NAME = 100
_SUFFIXES = {"image/jpeg": ".jpg", "image/png": ".png", "application/pdf": ".pdf"}
# The end of a PDF stands within its last bytes; some programs write a little after it.
_PDF_TAIL = 2048


@dataclass(frozen=True, slots=True)
class Ready:
    """A file that can be kept: its cleaned name, its type by content, its bytes."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that cannot be used, and why: the last part of a text key (empty, too_large, too_many, other_kind, heic,
    broken, too_many_pixels, infected, unchecked)."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Filled:
    """A form as it was filled in: its words, and its files by what became of them. `several` holds all values of a
    field, in their order."""

    words: Mapping[str, str]
    several: Mapping[str, Sequence[str]]
    ready: tuple[Ready, ...]
    refused: tuple[Refused, ...]

    def get(self, name: str) -> str:
        """The last value of a field, without the space around it; empty where it was not sent."""
        return self.words.get(name, "")

    def numbers(self, name: str) -> tuple[int, ...]:
        """The values of a field that are ids, each once; others are left out."""
        found = (value for value in self.several.get(name, ()) if value.isascii() and value.isdecimal())
        return tuple(dict.fromkeys(int(value) for value in found if len(value) <= 18))


async def form(request: Request, files: str = "files") -> Filled:
    """The form of a request, with or without files in the field of that name.

    To be called when the officer is known: what strangers send is never read. Raises HTTPException 413 where it is
    larger than `Bodies` allows, 422 where it is no form.
    """
    several: dict[str, list[str]] = {}
    sent: list[UploadFile] = []
    try:
        async with request.form(max_files=5 * MOST_FILES, max_fields=200, max_part_size=MIB) as found:
            for name, value in found.multi_items():
                if isinstance(value, str):
                    several.setdefault(name, []).append(written(value))
                elif name == files and (value.filename or value.size):  # an empty field comes as a file without a name
                    sent.append(value)
            ready, refused = await _judge(request, sent)
    except HTTPException as problem:
        raise HTTPException(422 if problem.status_code == 400 else problem.status_code) from None
    return Filled({name: values[-1] for name, values in several.items()}, several, ready, refused)


def written(words: str) -> str:
    """What somebody has typed, as it is kept: one kind of line end, no space around it, nothing that cannot be
    stored."""
    return words.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n").strip()


async def _judge(request: Request, sent: Sequence[UploadFile]) -> tuple[tuple[Ready, ...], tuple[Refused, ...]]:
    ready: list[Ready] = []
    refused: list[Refused] = []
    for place, each in enumerate(sent):
        name = clean(each.filename or "")
        if place >= MOST_FILES:
            refused.append(Refused(name, "too_many"))
        elif (each.size or 0) > LARGEST_FILE:
            refused.append(Refused(name, "too_large"))
        else:
            content = await each.read()
            harm = await harm_of(shell_of(request), content)
            judged = Refused(name, harm) if harm else await asyncio.to_thread(read, content, name)
            if isinstance(judged, Ready):
                ready.append(judged)
            else:
                refused.append(judged)
    return tuple(ready), tuple(refused)


async def harm_of(shell: Shell, content: bytes) -> str:
    """Why nobody may keep these bytes: infected, or unchecked where that cannot be known just now; else empty. To be
    asked before anything reads them."""
    found = await shell.infected(content)
    return "unchecked" if found is None else "infected" if found else ""


def read(content: bytes, name: str) -> Ready | Refused:
    """A file by its content: a PDF as it is, of a picture the clean copy."""
    if not content:
        return Refused(name, "empty")
    if len(content) > LARGEST_FILE:
        return Refused(name, "too_large")
    if content.startswith(b"%PDF-"):
        if b"%%EOF" not in content[-_PDF_TAIL:]:
            return Refused(name, "broken")
        return Ready(clean(name, "application/pdf"), "application/pdf", content)
    try:
        picture = pictures.read(content)
    except pictures.Unusable as problem:
        return Refused(name, problem.why)
    return Ready(clean(name, picture.content_type), picture.content_type, picture.content)


def clean(name: str, content_type: str | None = None) -> str:
    """A name that harms nobody who saves or reads it: its last part, without control and direction signs, at most
    `NAME` characters, with the suffix of what it is. Cleaning it again changes nothing."""
    last = re.split(r"[/\\]", name)[-1]
    # Cc and Cf: control, direction, zero width; Cs and Co: what no database or font knows.
    shown = "".join(sign for sign in last if unicodedata.category(sign) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))
    plain = _trimmed(re.sub(r'[<>:"|?*]', "_", unicodedata.normalize("NFC", shown)))[:NAME]
    stem, dot, suffix = plain.rpartition(".")
    if not dot or not 1 <= len(suffix) <= 8 or not suffix.isalnum():
        stem, suffix = plain, ""
    ending = _SUFFIXES[content_type] if content_type else (f".{suffix}" if suffix else "")
    if content_type == "image/jpeg" and suffix.lower() == "jpeg":
        ending = ".jpeg"
    return (_trimmed(stem[: NAME - len(ending)]) or "berkas") + ending


def _trimmed(name: str) -> str:
    return " ".join(name.split()).strip(" .")


# --- how much may be sent at all --------------------------------------------------------------------

LARGEST_BODY = MIB
# Where files are sent: paths of the desk, and how many bytes they take.
ROOM: tuple[tuple[re.Pattern[str], int], ...] = (
    (re.compile(r"/laporan/[^/]+/instansi/(jawaban|lampiran)"), 60 * MIB),
    (re.compile(r"/data/impor"), 6 * MIB),  # sheets of master data: store/sheets.py takes 5
    (re.compile(r"/sp4n/impor"), 81 * MIB),  # exports of SP4N: desk/ringkas.py takes 80
)
# So much more is let through our hands unread, that the browser has sent it all and shows our answer, not its own.
_SWALLOWED = 4


class Bodies:
    """Refuses bodies that are larger than their page takes, 1 MiB where it takes no files: HTTPException 413.

    They are counted as they pass, in pieces, and never gathered here.
    """

    def __init__(self, app: ASGIApp, room: Sequence[tuple[re.Pattern[str], int]] = ROOM) -> None:
        self._app, self._room = app, room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._most(scope["path"].removeprefix(scope.get("root_path", "")))
        said = Headers(scope=scope).get("content-length", "")
        received, refused, begun = 0, False, False

        async def counted() -> Message:
            nonlocal received, refused
            message = await receive()
            received += len(message.get("body", b""))
            if received > most or (said.isdecimal() and int(said) > most):
                refused = True
                while message.get("more_body") and received <= _SWALLOWED * most:
                    message = await receive()
                    received += len(message.get("body", b""))
                raise HTTPException(413)
            return message

        async def watched(message: Message) -> None:
            nonlocal begun
            if refused and not begun and message.get("status") != 413:
                return  # what an app in between makes of the refusal: the desk's own page follows
            begun = True
            await send(message)

        try:
            await self._app(scope, counted, watched)
        except Exception:
            if begun or not refused:
                raise
        if refused and not begun:
            raise HTTPException(413)

    def _most(self, path: str) -> int:
        return next((most for pattern, most in self._room if pattern.fullmatch(path)), LARGEST_BODY)
