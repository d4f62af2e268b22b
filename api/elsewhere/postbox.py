"""The mail server and the mailbox that the settings name."""

from __future__ import annotations

from api.settings import Settings
from bridges.mail import MailServer
from bridges.mailbox import Box
from bridges.threads import Threads

_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_IMAP_PORTS = {"starttls": 143, "tls": 993, "none": 143}


def server_of(settings: Settings) -> MailServer | None:
    """The server that sends to agencies; None where no e-mail is set up."""
    if not settings.mail_host:
        return None
    return MailServer(
        host=settings.mail_host,
        port=settings.mail_port or _PORTS[settings.mail_tls],
        username=settings.mail_username,
        password=settings.mail_password.get_secret_value(),
        tls=settings.mail_tls,
        sender=settings.mail_from,
        reply_to=settings.mail_reply_to,
        key=settings.mail_key.get_secret_value().encode(),
        name=settings.mail_name,
    )


def box_of(settings: Settings) -> Box | None:
    """The mailbox that answers come to; None where none is read."""
    if not settings.mail_imap_host:
        return None
    own = settings.mail_imap_password.get_secret_value()
    return Box(
        host=settings.mail_imap_host,
        port=settings.mail_imap_port or _IMAP_PORTS[settings.mail_imap_tls],
        username=settings.mail_imap_username or settings.mail_username,
        password=own or settings.mail_password.get_secret_value(),
        tls=settings.mail_imap_tls,
        folder=settings.mail_imap_folder,
        done=settings.mail_imap_done,
        patience=settings.mail_imap_patience_seconds,
    )


def threads_of(settings: Settings) -> Threads:
    """By what answers to our letters are known; nothing is known where no e-mail is set up."""
    server = server_of(settings)
    return server.threads if server else Threads(b"", "{token}@invalid")
