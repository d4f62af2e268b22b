"""A letter that came to our mailbox: what it answers, whether a person wrote it, its words and its files.

Headers are read as they stand and never trusted to be well formed; whatever cannot be read is said, not raised. That a
letter answers a report of ours, its token alone tells (bridges/threads.py): names and subjects are anybody's.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from email.policy import compat32
from email.utils import getaddresses
from typing import Any, Literal

from bridges import mail, quoting, reading
from bridges.threads import Threads

# So many characters of a letter are shown, so many parts of it are looked at.
MOST_WORDS, MOST_PARTS = 100_000, 200
# What no letter has that people write: so many line ends (40 MB of base64 have a million), so many lines that may begin
# a part, so many line ends times parts within parts. Python's parser keeps each part and header, and holds each line
# against the boundary of each part that is open: 40 MB can take 2 GB, or an hour.
_MOST_LINES, _MOST_DASHED, _MOST_COMPARED = 2_000_000, 20_000, 30_000_000
# A picture inside the page that is smaller than this many bytes is the logo of a signature.
SMALLEST_INSIDE = 20_000

Kind = Literal["answer", "automatic", "bounced", "delayed", "unreadable"]
# Where mail systems write whom a letter was for, and what it answers.
_TO = ("To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-Forwarded-To", "Resent-To")
_THREAD = ("In-Reply-To", "References")
_IDS = re.compile(r"^(?:message-id|reply-to):.*(?:\n[ \t].*)?", re.IGNORECASE | re.MULTILINE)
_STATUS = re.compile(r"\b([245])\.\d{1,3}\.\d{1,3}\b")


@dataclass(frozen=True, slots=True)
class Piece:
    """A file of a letter: its name as the sender calls it, its bytes."""

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Letter:
    """What is known of a letter.

    `key` is the same whenever the same letter comes again. `number` is that of the letter of ours that it answers, by
    a genuine token; `forged`: it has one that is none. `words` are what was written anew, without tokens, `whole`
    everything, `code` why it came back (a status such as 5.1.1), `of_report`: it was the report itself that came back.
    `not_ours`: it says that the report belongs to somebody else.
    """

    key: str
    kind: Kind
    number: str | None = None
    forged: bool = False
    sender: str = ""
    subject: str = ""
    words: str = ""
    whole: str = ""
    files: tuple[Piece, ...] = ()
    code: str = ""
    of_report: bool = True
    not_ours: bool = False


def read(raw: bytes, threads: Threads) -> Letter:
    """A letter by its bytes. What cannot be read at all is of the kind "unreadable", and has a key."""
    try:
        if _is_endless(raw):
            raise ValueError
        message = message_from_bytes(raw, policy=compat32)
        return _read(message, raw, threads)
    except Exception:  # a letter is anybody's bytes: parser, charsets and nesting may fail in any way
        digest = hashlib.sha256(raw).hexdigest()
        return Letter(f"sha256:{digest}", "unreadable")


def _is_endless(raw: bytes) -> bool:
    """Whether a letter is made to be read for ever."""
    lines = raw.count(b"\n") + raw.count(b"\r")
    dashed = raw.count(b"\n--") + raw.count(b"\r--")
    nested = raw.lower().count(b"boundary")
    return lines > _MOST_LINES or dashed > _MOST_DASHED or lines * nested > _MOST_COMPARED


def _read(message: Message, raw: bytes, threads: Threads) -> Letter:
    parts = list(_parts(message))
    said = [line for name in (*_TO, *_THREAD) for line in _all(message, name)]
    returned = list(_returned(parts))
    number = threads.number(said) or threads.number(returned)
    words, files = _content(message, parts)
    sender = next((address for _, address in getaddresses(_all(message, "From")) if "@" in address), "")
    kind, code = _kind(message, parts, sender)
    own = threads.without(quoting.answer(words[:MOST_WORDS], mail.marker()))
    return Letter(
        key=_key(message, words, files, raw),
        kind=kind,
        number=number,
        forged=number is None and threads.looks_alike(said),
        sender=sender.strip().casefold()[:320],
        subject=_decoded(message, "Subject")[:300],
        words=own,
        whole=words[:MOST_WORDS],
        files=tuple(files),
        code=code,
        of_report=number is None or not returned or threads.message_id(number) in " ".join(returned),
        not_ours=quoting.not_ours(own),
    )


def speaks_for(sender: str, address: str) -> bool:
    """Whether a letter from there is an answer of the office whose address that is: the same mailbox, or one of the
    same domain or of the domain above or below it, where not just anybody gets an address."""
    theirs, ours = sender.strip().casefold(), address.strip().casefold()
    if not theirs or theirs == ours:
        return bool(theirs)
    one, other = theirs.rpartition("@")[2], ours.rpartition("@")[2]
    if not one or not other or one in quoting.phrases("everybody") or other in quoting.phrases("everybody"):
        return False
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")


def _key(message: Message, words: str, files: list[Piece], raw: bytes) -> str:
    """Message-ID and content: mail systems deliver a letter twice, and broken programs use one id for several. The
    content is that of the parts, which may be encoded anew on the way."""
    digest = hashlib.sha256(words.encode("utf-8", "replace"))
    for each in files:
        digest.update(hashlib.sha256(each.content).digest())
    said = _decoded(message, "Message-ID").strip()
    if not said:
        return f"sha256:{hashlib.sha256(raw).hexdigest()}"
    return f"{said[:300]} {digest.hexdigest()[:16]}"


# --- headers ---------------------------------------------------------------------------------------------


def _all(message: Message, name: str) -> list[str]:
    return [str(value)[:20_000] for value in message.get_all(name, [])][:50]


def _first(message: Message, name: str) -> str:
    return next(iter(_all(message, name)), "").strip()


def _decoded(message: Message, name: str) -> str:
    """A header in words, on one line; as it stands where it is encoded wrongly."""
    value = _first(message, name)
    try:
        value = str(make_header(decode_header(value)))
    except Exception:  # unknown charsets, broken base64
        value = value.encode("ascii", "replace").decode()
    return " ".join(_storable(value).split())


def _kind(message: Message, parts: list[Message], sender: str) -> tuple[Kind, str]:
    reports = [part for part in parts if part.get_content_type() == "message/delivery-status"]
    if reports:
        return _of_delivery(reports)
    subject = _decoded(message, "Subject").casefold()
    automatic = (
        _first(message, "Auto-Submitted").casefold() not in ("", "no")
        or _first(message, "Precedence").casefold() in ("bulk", "junk", "list", "auto_reply")
        or any(_all(message, name) for name in ("X-Autoreply", "X-Autorespond", "X-Autoresponder"))
        or _first(message, "Return-Path") == "<>"
        or sender.casefold().startswith(("mailer-daemon@", "postmaster@", "noreply@", "no-reply@"))
        or any(subject.startswith(each) for each in quoting.phrases("automatic"))
    )
    return ("automatic" if automatic else "answer"), ""


def _of_delivery(reports: list[Message]) -> tuple[Kind, str]:
    """What a mail system says of a letter of ours (RFC 3464): it came back, it is late, or it arrived."""
    said = "\n".join(_flat(part) for part in reports)
    action = re.search(r"^action:\s*(\w+)", said, re.IGNORECASE | re.MULTILINE)
    code = re.search(r"^status:\s*([245]\.\d{1,3}\.\d{1,3})", said, re.IGNORECASE | re.MULTILINE)
    found = code[1] if code else (other[0] if (other := _STATUS.search(said)) else "")
    match action[1].casefold() if action else "":
        case "failed":
            return "bounced", found or "5"
        case "delayed":
            return "delayed", found
        case "":
            return ("bounced", found) if found.startswith("5") else ("automatic", found)
        case _:
            return "automatic", found


def _flat(part: Message) -> str:
    inside = _inside(part)
    if inside:
        return "\n".join(f"{name}: {value}" for each in inside for name, value in each.items())
    return str(part.get_payload())


def _returned(parts: list[Message]) -> Iterator[str]:
    """The ids and addresses of the letter that a mail system gives back, whole or its headers alone."""
    if not any(part.get_content_type() == "message/delivery-status" for part in parts):
        return
    for part in parts:
        if part.get_content_type() == "message/rfc822":
            for inner in _inside(part):
                yield from (line for name in ("Message-ID", "Reply-To") for line in _all(inner, name))
        elif part.get_content_type() == "text/rfc822-headers":
            yield from _IDS.findall(_text(part))


# --- words and files -------------------------------------------------------------------------------------


def _parts(message: Message) -> Iterator[Message]:
    """The parts of a letter, outside of letters that it carries."""
    waiting, seen = [message], 0
    while waiting and seen < MOST_PARTS:
        part = waiting.pop(0)
        seen += 1
        yield part
        if part.get_content_maintype() == "multipart":
            waiting[:0] = _inside(part)


def _inside(part: Message) -> list[Message]:
    """The parts of a part."""
    payload = part.get_payload()
    return [each for each in payload if isinstance(each, Message)] if isinstance(payload, list) else []


def _content(message: Message, parts: list[Message]) -> tuple[str, list[Piece]]:
    """The words of a letter as plain text, and its files."""
    said, files = list[str](), list[Piece]()
    chosen = _chosen(parts)
    for part in parts:
        kind = part.get_content_type()
        if part.get_content_maintype() == "multipart" or kind in ("message/delivery-status", "text/rfc822-headers"):
            continue
        if any(part is each for each in chosen):
            text = _text(part)
            said.append(reading.text_of(text) if kind == "text/html" else text)
        elif not _is_body(part) and (piece := _piece(part)) is not None:
            files.append(piece)
    return _storable("\n\n".join(each.strip("\n") for each in said if each.strip())), files


def _is_body(part: Message) -> bool:
    """Whether a part is words to be read, and no file."""
    attached = part.get_content_disposition() == "attachment" or part.get_filename() is not None
    return part.get_content_type() in ("text/plain", "text/html") and not attached


def _chosen(parts: list[Message]) -> list[Message]:
    """The parts that are read: plain ones, and HTML where there is no word in those."""
    bodies = [part for part in parts if _is_body(part)]
    plain = [part for part in bodies if part.get_content_type() == "text/plain"]
    if any(_text(part).strip() for part in plain):
        return plain
    return [part for part in bodies if part.get_content_type() == "text/html"] or plain


def _text(part: Message) -> str:
    content = _bytes(part)
    charset = (part.get_content_charset() or "utf-8").strip("'\"")
    for name in (charset, "utf-8", "windows-1252"):
        try:
            return content.decode(name)
        except (LookupError, ValueError):
            continue
    return content.decode("utf-8", "replace")


def _bytes(part: Message) -> bytes:
    payload: Any = part.get_payload(decode=True)
    if isinstance(payload, bytes):
        return payload
    inside = _inside(part)
    return inside[0].as_bytes() if inside else b""


def _piece(part: Message) -> Piece | None:
    """A part as a file; None for the logo of a signature, and for what has no bytes."""
    content = _bytes(part)
    inside = part.get_content_disposition() != "attachment" and part.get("Content-ID") is not None
    if not content or (inside and part.get_content_maintype() == "image" and len(content) < SMALLEST_INSIDE):
        return None
    if part.get_content_type() in ("text/calendar", "application/pgp-signature", "application/pkcs7-signature"):
        return None
    try:
        name = str(make_header(decode_header(part.get_filename() or "")))
    except Exception:  # as above
        name = ""
    return Piece(_storable(name) or part.get_content_type().replace("/", "."), content)


def _storable(words: str) -> str:
    """Words that a database takes, with one kind of line end."""
    plain = words.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    return plain.encode("utf-8", "replace").decode("utf-8")
