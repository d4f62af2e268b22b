"""E-mail to an agency that has no account: a report as a letter, whose answer comes back to an address of its own.

A letter is refused before its content is asked for, or nobody knows: once the content has left us, only the answer of
the mail server tells whether it has it. Rahasia never goes by mail.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import tomllib
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, timezone
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

import aiosmtplib

from bridges.contract import Category, File, Later, Office, Place, Refused, Report, Standing, Taken, Unknown
from bridges.threads import Threads, new_number
from bridges.wire import Limits

Tls = Literal["starttls", "tls", "none"]
# The content of the files of one letter, in bytes: with base64 and the words it stays below the 25 MB that most take.
MOST_FILES = 16_000_000
# What a mail server takes as an address without more ado; others would need SMTPUTF8, which few have.
ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
# Everything as seven bits: no server on the way has to change a byte.
_POLICY = SMTP.clone(cte_type="7bit")
_ZONES = {7: "WIB", 8: "WITA", 9: "WIT"}
_PER_MINUTE = 5_000_000  # bytes that a slow line must carry in a minute


@dataclass(frozen=True, slots=True)
class MailServer:
    """The server that sends, and how we are called. `reply_to` is a pattern such as "lapor+{token}@example.go.id";
    `key` seals the tokens, and whoever has it can answer in the name of every agency."""

    host: str
    port: int
    username: str
    password: str = field(repr=False)
    tls: Tls
    sender: str
    reply_to: str
    key: bytes = field(repr=False)
    name: str = "Kanal LAPOR"

    @property
    def threads(self) -> Threads:
        """The tokens and addresses of our letters."""
        return Threads(self.key, self.reply_to)


class Mail:
    """The mailbox of one agency, whose name is `office`, as a bridge. The number of a report there is that of its
    letter."""

    def __init__(self, server: MailServer, address: str, *, office: str = "", limits: Limits | None = None) -> None:
        self._server, self._address, self._limits = server, address.strip(), limits or Limits()
        self._office = office

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Every letter has a connection of its own: there is nothing to close."""

    async def submit(self, report: Report, files: Sequence[File]) -> Taken:
        """Send the report as a letter; its number is new each time."""
        if report.secret:
            raise Refused("secret")
        self._check_address()
        number = new_number()
        going, left = _fitting(files)
        to = replace(report, agency=Office("", self._office)) if self._office else report
        await self._send(letter(self._server, self._address, number, to, going, len(left)), number)
        return Taken(external_id=number, left=tuple(each.key for each in left))

    async def attach(self, external_id: str, file: File) -> None:
        """Send a file after it, in the same thread."""
        self._check_address()
        message = self._again(external_id, file.key, [])
        _attach(message, file)
        await self._send(message, external_id)

    async def reply(self, external_id: str, words: str, key: str) -> None:
        """Send words of the pelapor after it, in the same thread."""
        self._check_address()
        await self._send(self._again(external_id, key, [_plain(words)]), external_id)

    async def status(self, external_id: str | None, token: str | None = None) -> Standing:
        """Nothing is known until a letter comes back."""
        return Standing(external_id, None)

    async def categories(self) -> Sequence[Category]:
        """A mailbox has none."""
        raise Refused("not_offered")

    async def institutions(self, query: str) -> Sequence[Office]:
        """A mailbox knows none."""
        raise Refused("not_offered")

    def _check_address(self) -> None:
        if not self._address:
            raise Refused("no_address")
        if not ADDRESS.fullmatch(self._address) or ".." in self._address:
            raise Refused("invalid", "address")

    def _again(self, number: str, key: str, words: Sequence[str]) -> EmailMessage:
        """A later letter of a thread."""
        message = _addressed(self._server, self._address, number, key)
        message["Subject"] = _texts()["thread"].format(number=number)
        first = self._server.threads.message_id(number)
        message["In-Reply-To"], message["References"] = first, first
        said = [_texts()["said" if words else "sent"], *words, _texts()["how"].strip()]
        message.set_content(f"{_texts()['above']}\n\n" + "\n\n".join(said) + "\n", charset="utf-8")
        return message

    async def _send(self, message: EmailMessage, number: str) -> None:
        """Hand a letter to the mail server. Raises `Refused`, `Later` or `Unknown`."""
        try:
            content = message.as_bytes(policy=_POLICY)
        except (ValueError, LookupError, IndexError):
            raise Refused("invalid", "letter") from None
        patience = self._limits.total + 60 * len(content) / _PER_MINUTE
        begun = False
        client = self._client()
        try:
            async with asyncio.timeout(patience):
                await _greet(client, self._server)
                await client.mail(self._server.threads.address(number), options=_size(client, content))
                await _named(client, self._address)
                begun = True
                await client.data(content, timeout=patience)
        except aiosmtplib.SMTPResponseException as answer:
            if begun and not 400 <= answer.code < 600:  # no number, or one that says neither yes nor no
                raise Unknown("unreadable", str(answer.code)) from None
            raise _said_no(answer) from None
        except (TimeoutError, aiosmtplib.SMTPTimeoutError):
            raise (Unknown("timeout") if begun else Later("away")) from None
        except ssl.SSLError:
            raise (Unknown("cut") if begun else Later("away", "tls")) from None
        except (OSError, aiosmtplib.SMTPException):
            raise (Unknown("cut") if begun else Later("away")) from None
        except ValueError:  # what cannot be said in the protocol, such as a name that is none
            raise Refused("invalid", "address") from None
        finally:
            await _leave(client)

    def _client(self) -> aiosmtplib.SMTP:
        server = self._server
        return aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.tls == "tls",
            start_tls=server.tls == "starttls",
            timeout=self._limits.total,
            local_hostname=server.sender.rpartition("@")[2],
        )


async def _greet(client: aiosmtplib.SMTP, server: MailServer) -> None:
    """Connect, with TLS where that is asked for (never without it then), and sign in where there is a name."""
    await client.connect()
    try:
        await client.ehlo()
        if server.username and not client.supports_extension("auth"):
            raise Refused("key", "auth")
        if server.username:
            await client.login(server.username, server.password)
    except aiosmtplib.SMTPAuthenticationError as answer:
        raise (Refused("key") if answer.code >= 500 else Later("busy", str(answer.code))) from None


async def _named(client: aiosmtplib.SMTP, address: str) -> None:
    try:
        await client.rcpt(address)
    except aiosmtplib.SMTPRecipientRefused as answer:
        # 5xx: this mailbox is not there, or takes nothing from us: as a letter that comes back.
        if answer.code >= 500:
            raise Refused("bounced", str(answer.code)) from None
        raise


def _size(client: aiosmtplib.SMTP, content: bytes) -> list[str]:
    return [f"size={len(content)}"] if client.supports_extension("size") else []


def _said_no(answer: aiosmtplib.SMTPResponseException) -> Refused | Later:
    """What a mail server means by a number: 4 is for now, 5 for good."""
    code = answer.code
    if 400 <= code < 500 or code == -1:
        return Later("busy", str(code))
    if code in (552, 523):
        return Refused("too_large")
    return Refused("key") if code in (530, 534, 535, 538) else Refused("invalid", str(code))


async def _leave(client: aiosmtplib.SMTP) -> None:
    """Hang up; what the letter came to is decided before."""
    with suppress(Exception):
        if client.is_connected:
            async with asyncio.timeout(2.0):
                await client.quit()
    with suppress(Exception):
        client.close()


# --- the letter ------------------------------------------------------------------------------------------


def letter(
    server: MailServer, address: str, number: str, report: Report, files: Sequence[File], left: int = 0
) -> EmailMessage:
    """The report as a letter to that address; so many files are `left` and come after it."""
    message = _addressed(server, address, number)
    message["Subject"] = _texts()["subject"].format(ticket=_line(report.ticket), title=_line(report.title))
    message.set_content(body(report, len(files), left), charset="utf-8")
    for each in files:
        _attach(message, each)
    return message


def _addressed(server: MailServer, address: str, number: str, key: str = "") -> EmailMessage:
    threads = server.threads
    message = EmailMessage(policy=_POLICY)
    message["From"] = Address(_line(server.name), addr_spec=server.sender)
    message["To"] = address
    message["Reply-To"] = threads.address(number)
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = threads.message_id(number, key)
    # A machine has written it: no out-of-office notice shall answer.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "OOF, AutoReply"
    return message


def _fitting(files: Sequence[File]) -> tuple[list[File], list[File]]:
    """Those that go along, in their order, and those that one letter cannot carry with them."""
    going, left, room = list[File](), list[File](), MOST_FILES
    for each in files:
        fits = len(each.content) <= room
        (going if fits else left).append(each)
        room -= len(each.content) if fits else 0
    return going, left


def _attach(message: EmailMessage, file: File) -> None:
    kind, _, sort = file.content_type.partition("/")
    if not (kind.isascii() and kind.isalnum() and re.fullmatch(r"[A-Za-z0-9.+-]+", sort)):
        kind, sort = "application", "octet-stream"
    message.add_attachment(file.content, maintype=kind, subtype=sort, filename=_line(file.name) or "lampiran")


def body(report: Report, files: int = 0, left: int = 0) -> str:
    """The words of the letter; `files` go along, `left` do not."""
    texts = _texts()
    parts = [texts["above"]]
    agency = _line(report.agency.name) if report.agency else ""
    parts.append(texts["greeting"].format(agency=agency) if agency else texts["greeting_nobody"])
    due = f" {texts['due'].format(date=_day(report.due_on))}" if report.due_on else ""
    parts.append(texts["intro"] + due)
    facts = [(texts["label"][name], said) for name, said in _facts(report) if said]
    widest = max(len(label) for label, _ in facts)
    parts.append("\n".join(f"{label:<{widest}} : {said}" for label, said in facts))
    parts.append(f"{texts['text']}:\n\n{_plain(report.text)}")
    told = [texts["files"].format(count=files)] * bool(files) + [texts["files_left"].format(count=left)] * bool(left)
    parts += ["\n".join(told)] * bool(told)
    return "\n\n".join([*parts, texts["how"].strip()]) + "\n"


def _facts(report: Report) -> list[tuple[str, str]]:
    texts = _texts()
    category = report.category.name if report.category else ""
    happened = report.happened or (_day(report.happened_on) if report.happened_on else "")
    # Anonim is anonymous whatever stands beside it.
    name = texts["anonymous"] if report.anonymous else _line(report.name or "") or texts["unnamed"]
    return [
        ("ticket", _line(report.ticket)),
        ("class", texts["class"].get(report.report_class, _line(report.report_class))),
        ("title", _line(report.title)),
        ("category", _line(category)),
        ("place", _where(report.place)),
        ("happened", _line(happened)),
        ("filed", _moment(report.filed_at)),
        ("name", name),
    ]


def _where(place: Place) -> str:
    named = [_line(each) for each in (place.village, place.district, place.city, place.province) if each]
    said = [_line(place.words)] if place.words else []
    if place.latitude is not None and place.longitude is not None:
        pin = {"latitude": f"{place.latitude:.5f}", "longitude": f"{place.longitude:.5f}"}
        said.append(_texts()["pin"].format(**pin))
    return "; ".join([", ".join(named)] * bool(named) + said)


def _day(on: date) -> str:
    return f"{on.day} {_texts()['calendar']['months'].split()[on.month - 1]} {on.year}"


def _moment(at: datetime) -> str:
    """A moment in the zone that it brings, if that is one of Indonesia's; else in Jakarta's."""
    offset = at.utcoffset()
    hours = int(offset.total_seconds() // 3600) if offset is not None else 0
    if hours not in _ZONES:
        at, hours = at.astimezone(timezone(timedelta(hours=7))), 7
    return f"{_day(at.date())} {at:%H.%M} {_ZONES[hours]}"


def _line(words: str) -> str:
    """Words as one line that no header and no reader stumbles over."""
    return " ".join(_plain(words).split())


def _plain(words: str) -> str:
    """Words without signs that are no words: controls, directions, halves of characters."""
    kept = words.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        sign if sign in "\n\t" or unicodedata.category(sign) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") else " "
        for sign in kept
    ).strip()


@cache
def _texts() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "mail.toml").read_text(encoding="utf-8"))


def marker() -> str:
    """The line above which an answer is written."""
    return str(_texts()["above"])
