"""Our mailbox, over IMAP: what lies in its folder is unread by us, whatever anybody has looked at in a browser.

A letter that is done is moved to another folder of the same mailbox; so nothing is ever deleted, and a mark that an
officer sets by hand hides nothing. The standard library's imaplib, in a thread of its own: we read once a minute, one
letter at a time, and aioimaplib would only add a dependency.

Everything here blocks. `Away` means that the next minute may do better, `Locked` that somebody must mend a setting.
"""

from __future__ import annotations

import imaplib
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal, Self

_SIZE = re.compile(rb"RFC822\.SIZE (\d+)")


class Away(Exception):
    """The server cannot be reached, went away, or says what no IMAP server says."""


class Locked(Exception):
    """It does not let us in, or lacks the folder: `what` is key or folder."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


@dataclass(frozen=True, slots=True)
class Box:
    """A mailbox, and the folders of what comes and of what is done. `patience` is in seconds, for each answer."""

    host: str
    port: int
    username: str
    password: str = field(repr=False)
    tls: Literal["starttls", "tls", "none"]
    folder: str = "INBOX"
    done: str = "LAPOR-selesai"
    patience: float = 30.0


class Mailbox:
    """An open mailbox; a context manager. Its numbers (UID) stay the same for as long as a letter lies where it is."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._imap: imaplib.IMAP4 | None = None
        self._can: frozenset[str] = frozenset()

    def __enter__(self) -> Self:
        """Connect and sign in. Raises `Away` and `Locked`."""
        box = self._box
        with _troubles():
            if box.tls == "tls":
                self._imap = imaplib.IMAP4_SSL(
                    box.host, box.port, ssl_context=ssl.create_default_context(), timeout=box.patience
                )
            else:
                self._imap = imaplib.IMAP4(box.host, box.port, timeout=box.patience)
                if box.tls == "starttls":
                    self._imap.starttls(ssl.create_default_context())
        try:
            self._sign_in(self._imap)
            self._select(self._imap)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        """Hang up."""
        if self._imap is not None:
            with suppress(Exception):
                self._imap.logout()
            self._imap = None

    def _sign_in(self, imap: imaplib.IMAP4) -> None:
        box = self._box
        secret = f"\0{box.username}\0{box.password}".encode()
        with _troubles(refused="key"):
            if "AUTH=PLAIN" in imap.capabilities:
                imap.authenticate("PLAIN", lambda _challenge: secret)
            else:
                imap.login(box.username, box.password)
        with _troubles():
            # What a server can do, many tell only to those they know; imaplib has asked before.
            _, said = imap.capability()
            self._can = frozenset((said[0] or b"").decode("ascii", "replace").upper().split())

    def _select(self, imap: imaplib.IMAP4) -> None:
        with _troubles(refused="folder"):
            imap.create(_quoted(self._box.done))  # says NO where it is there already
            kind, _ = imap.select(_quoted(self._box.folder))
            if kind != "OK":
                raise Locked("folder")

    @property
    def _open(self) -> imaplib.IMAP4:
        if self._imap is None:
            raise Away("closed")
        return self._imap

    def waiting(self) -> list[int]:
        """The numbers of all letters that wait, the oldest first."""
        with _troubles():
            kind, found = self._open.uid("SEARCH", "UNDELETED")
            _check(kind)
            return sorted(int(each) for each in (found[0] or b"").split())

    def size(self, number: int) -> int | None:
        """How many bytes a letter has; None where it is gone."""
        with _troubles():
            kind, found = self._open.uid("FETCH", str(number), "(RFC822.SIZE)")
            _check(kind)
        said = b" ".join(each if isinstance(each, bytes) else each[0] for each in found if each)
        size = _SIZE.search(said)
        return int(size[1]) if size else None

    def fetch(self, number: int, *, headers: bool = False) -> bytes | None:
        """The bytes of a letter, or of its headers alone, without marking it as read; None where it is gone."""
        with _troubles():
            wanted = "(BODY.PEEK[HEADER])" if headers else "(BODY.PEEK[])"
            kind, found = self._open.uid("FETCH", str(number), wanted)
            _check(kind)
        return next((bytes(each[1]) for each in found if isinstance(each, tuple)), None)

    def put_away(self, number: int, *, flagged: bool = False) -> None:
        """Move a letter to the folder of what is done; `flagged`: a person must look at it."""
        imap, folder = self._open, _quoted(self._box.done)
        with _troubles():
            if flagged:
                _check(imap.uid("STORE", str(number), "+FLAGS.SILENT", r"(\Flagged)")[0])
            if "MOVE" in self._can:
                _check(imap.uid("MOVE", str(number), folder)[0])
                return
            _check(imap.uid("COPY", str(number), folder)[0])
            _check(imap.uid("STORE", str(number), "+FLAGS.SILENT", r"(\Deleted)")[0])
            if "UIDPLUS" in self._can:  # without it, what others have marked would go as well
                imap.uid("EXPUNGE", str(number))


def _check(kind: str) -> None:
    if kind != "OK":
        raise Away("refused")


@contextmanager
def _troubles(*, refused: str = "") -> Iterator[None]:
    """What imaplib and sockets raise, as ours; a NO of the server is `Locked(refused)` where that is given."""
    try:
        yield
    except imaplib.IMAP4.abort:
        raise Away("cut") from None
    except (imaplib.IMAP4.error, UnicodeError) as error:
        raise (Locked(refused) if refused else Away(type(error).__name__)) from None
    except (OSError, EOFError, ValueError, IndexError) as error:  # also time-outs, TLS, and answers that are none
        raise Away(type(error).__name__) from None


def _quoted(folder: str) -> str:
    return '"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'
