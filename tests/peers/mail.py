"""Mail servers of our own: SMTP (aiosmtpd, with what can go wrong) and an IMAP server as small as our reader needs.

What aiosmtpd takes, it takes as the standard has it: it is no part of ours. The IMAP server keeps letters in folders,
by numbers that are never used twice, and says BAD to whatever it does not know.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, Literal, Self, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

NAME, PASSWORD = "lapor@example.go.id", "kata sandi é"

# How SMTP may fail once: before the content is asked for, with an answer to it, or without one.
SmtpFault = Literal[
    "later at rcpt", "never at rcpt", "later after data", "never after data", "too large", "cut at mail",
    "cut after data", "taken and cut", "taken and silent", "taken and muddled", "taken and otherwise",
]  # fmt: skip


@dataclass
class FakeSmtp:
    """A server on a free port of loopback; `taken` are the letters that it is responsible for, by recipient."""

    password: str = ""
    taken: list[tuple[str, EmailMessage]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    faults: deque[SmtpFault] = field(default_factory=deque)
    port: int = 0
    _server: asyncio.Server | None = None
    _open: list[SMTP] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.get_running_loop().create_server(self._speak, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self._server is not None:
            self._server.close()
        for each in self._open:
            _cut(each)

    def _speak(self) -> SMTP:
        wanted: dict[str, Any] = {}
        if self.password:
            wanted = {"authenticator": self._knows, "auth_required": True, "auth_require_tls": False}
        made = SMTP(self, hostname="surat.uji", **wanted)
        self._open.append(made)
        return made

    def _knows(self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=data.password == self.password.encode(), handled=False)

    def _fault(self, *kinds: SmtpFault) -> SmtpFault | None:
        return self.faults.popleft() if self.faults and self.faults[0] in kinds else None

    async def handle_MAIL(  # noqa: N802 -- aiosmtpd's name
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """A letter begins."""
        if self._fault("cut at mail"):
            _cut(server)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Whom it is for."""
        if fault := self._fault("later at rcpt", "never at rcpt"):
            return "451 4.2.1 come again" if fault == "later at rcpt" else "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Its content is here."""
        fault = self._fault(
            "later after data", "never after data", "too large", "cut after data", "taken and cut", "taken and silent",
            "taken and muddled", "taken and otherwise",
        )  # fmt: skip
        match fault:
            case "later after data":
                return "452 4.3.1 no room"
            case "never after data":
                return "554 5.7.1 not wanted"
            case "too large":
                return "552 5.3.4 too large"
            case "cut after data":
                _cut(server)
                return "250 OK"
        content = cast("bytes", envelope.original_content)
        self.raw.append(content)
        self.senders.append(str(envelope.mail_from))
        message = message_from_bytes(content, policy=default)
        self.taken += [(address, message) for address in envelope.rcpt_tos]
        if fault in ("taken and muddled", "taken and otherwise"):
            return "OK, it is here" if fault == "taken and muddled" else "251 it went on from here"
        if fault == "taken and cut":
            _cut(server)
        if fault == "taken and silent":
            await asyncio.Event().wait()
        return "250 OK"


def _cut(server: SMTP) -> None:
    if isinstance(server.transport, asyncio.Transport):
        server.transport.abort()


# How IMAP may fail once: at signing in, when a letter is fetched, when it is put away; or it says nothing at all.
ImapFault = Literal["locked", "cut at fetch", "cut at move", "silent", "nonsense"]


@dataclass
class Lying:
    """A letter as it lies in a folder."""

    number: int
    content: bytes
    flags: set[str] = field(default_factory=set)


@dataclass
class FakeImap:
    """A mailbox on a free port of loopback. `can` is what it says that it can do; `commands` what it was asked."""

    can: tuple[str, ...] = ("AUTH=PLAIN", "MOVE", "UIDPLUS")
    password: str = PASSWORD
    folders: dict[str, list[Lying]] = field(default_factory=lambda: {"INBOX": []})
    faults: deque[ImapFault] = field(default_factory=deque)
    commands: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    port: int = 0
    _next: int = 1
    _server: asyncio.Server | None = None
    _talking: set[asyncio.Task[None]] = field(default_factory=set)

    def put(self, content: bytes, folder: str = "INBOX") -> int:
        """A letter arrives; its number."""
        lying = Lying(self._next, content)
        self._next += 1
        self.folders.setdefault(folder, []).append(lying)
        return lying.number

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self._server is not None:
            self._server.close()
        for each in self._talking:
            each.cancel()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._talking.add(task)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await _Talk(self, reader, writer).run()
        writer.close()

    def fault(self, kind: ImapFault) -> bool:
        """Whether it fails so now."""
        if self.faults and self.faults[0] == kind:
            self.faults.popleft()
            return True
        return False


class _Talk:
    def __init__(self, house: FakeImap, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._house, self._reader, self._writer = house, reader, writer
        self._signed_in, self._folder = False, ""

    async def run(self) -> None:
        if self._house.fault("silent"):
            await asyncio.Event().wait()
        self._say("* OK surat siap" if not self._house.fault("nonsense") else "HTTP/1.1 400 Bad Request")
        while line := await self._reader.readline():
            tag, _, rest = line.decode().strip().partition(" ")
            command, _, said = rest.partition(" ")
            if command.upper() == "UID":
                command, _, said = said.partition(" ")
                command = f"UID_{command}"
            self._house.commands.append(command.upper())
            act: Callable[[str], Awaitable[str]] | None = getattr(self, f"_{command.lower()}", None)
            if act is None:
                self._house.problems.append(f"unknown: {command}")
            answer = await act(said) if act else "BAD unknown"
            self._say(f"{tag} {answer}")
            await self._writer.drain()
            if command.upper() == "LOGOUT":
                return

    def _say(self, line: str) -> None:
        self._writer.write(line.encode() + b"\r\n")

    async def _capability(self, _said: str) -> str:
        # As Dovecot, it tells most of it only to those it knows.
        can = [each for each in self._house.can if self._signed_in or each.startswith("AUTH")]
        self._say(" ".join(["* CAPABILITY IMAP4rev1", *can]))
        return "OK done"

    async def _authenticate(self, _said: str) -> str:
        self._say("+ ")
        await self._writer.drain()
        _, name, password = base64.b64decode(await self._reader.readline()).decode().split("\0")
        return self._let_in(name, password)

    async def _login(self, said: str) -> str:
        name, _, password = said.partition(" ")
        return self._let_in(name.strip('"'), password.strip('"'))

    def _let_in(self, name: str, password: str) -> str:
        if self._house.fault("locked") or (name, password) != (NAME, self._house.password):
            return "NO [AUTHENTICATIONFAILED] no"
        self._signed_in = True
        return "OK in"

    async def _create(self, said: str) -> str:
        name = said.strip('"')
        if not self._signed_in or name in self._house.folders:
            return "NO [ALREADYEXISTS] there"
        self._house.folders[name] = []
        return "OK made"

    async def _select(self, said: str) -> str:
        self._folder = said.strip('"')
        if not self._signed_in or self._folder not in self._house.folders:
            return "NO no such folder"
        self._say(f"* {len(self._lying)} EXISTS")
        return "OK [READ-WRITE] chosen"

    @property
    def _lying(self) -> list[Lying]:
        return self._house.folders[self._folder]

    def _letter(self, number: str) -> Lying | None:
        return next((each for each in self._lying if each.number == int(number)), None)

    async def _uid_search(self, said: str) -> str:
        assert said == "UNDELETED"
        found = [str(each.number) for each in self._lying if r"\Deleted" not in each.flags]
        self._say(" ".join(["* SEARCH", *found]))
        return "OK done"

    async def _uid_fetch(self, said: str) -> str:
        number, _, wanted = said.partition(" ")
        letter = self._letter(number)
        if letter is None:
            return "OK nothing"
        if wanted == "(RFC822.SIZE)":
            self._say(f"* 1 FETCH (UID {number} RFC822.SIZE {len(letter.content)})")
            return "OK done"
        head = wanted == "(BODY.PEEK[HEADER])"
        assert head or wanted == "(BODY.PEEK[])"
        content = re.split(rb"(?<=\n)\r?\n", letter.content, maxsplit=1)[0] if head else letter.content
        self._writer.write(b"* 1 FETCH (UID %d BODY[] {%d}\r\n" % (letter.number, len(content)))
        if self._house.fault("cut at fetch"):
            self._writer.write(content[: len(content) // 2])
            await self._writer.drain()
            raise ConnectionResetError
        self._writer.write(content + b")\r\n")
        return "OK done"

    async def _uid_store(self, said: str) -> str:
        number, kind, flags = said.split(" ", 2)
        letter = self._letter(number)
        assert kind == "+FLAGS.SILENT"
        if letter is not None:
            letter.flags |= set(flags.strip("()").split())
        return "OK done"

    async def _uid_copy(self, said: str) -> str:
        number, _, folder = said.partition(" ")
        letter = self._letter(number)
        if letter is not None:
            copied = self._house.put(letter.content, folder.strip('"'))
            self._house.folders[folder.strip('"')][-1].flags |= letter.flags
            assert copied
        return "OK done"

    async def _uid_move(self, said: str) -> str:
        if self._house.fault("cut at move"):
            raise ConnectionResetError
        await self._uid_copy(said)
        return await self._remove(said.partition(" ")[0])

    async def _uid_expunge(self, said: str) -> str:
        return await self._remove(said)

    async def _remove(self, number: str) -> str:
        letter = self._letter(number)
        if letter is not None:
            self._lying.remove(letter)
        return "OK done"

    async def _logout(self, _said: str) -> str:
        self._say("* BYE")
        return "OK bye"
