"""What a provider tells of our messages after it took them, from the door of its channel to the ledger."""

from __future__ import annotations

import structlog

from api.condition import TOLD_LATER
from api.delivery import REFUSED, silent
from api.unit import Unit
from bot.messages import Report, TemplateRefused, TryLater, Undeliverable, WindowClosed
from store import channels, reported
from store.reported import Trouble

log = structlog.get_logger(__name__)


async def told(work: Unit, channel: str, report: Report) -> None:
    """One report, in a transaction of its own: it locks chats, and two in one would do so in any order. A repeat
    changes nothing. Raises the store's errors; `store.database.is_busy` tells those that pass by themselves."""
    trouble = report.trouble
    news = await reported.report(
        work.connection,
        channel,
        report.provider_id,
        report.state,
        report.at,
        trouble=_kind(trouble) if report.state == "failed" else None,
        problem=trouble.reason if trouble is not None else None,
        silent=silent(work.house.settings.channels),
    )
    if news is None:
        return
    template = news.part.template if news.part is not None else None
    if report.state == "failed":
        log.info("delivery_reported_failed", channel=channel, problem=trouble.reason if trouble else None)
        work.spoke = True  # there may be something to say again
        if isinstance(trouble, TryLater) and trouble.ails is not None:
            await channels.ail(work.connection, channel, trouble.ails, trouble.reason)
        if isinstance(trouble, TemplateRefused) and not trouble.person and template is not None:
            name, _, language = template.partition(" ")
            await channels.learn_template(work.connection, channel, name, language, REFUSED, trouble.reason)
    elif report.state != "sent" and template is not None:
        # What is paid for has arrived.
        await channels.heal(work.connection, channel, only=TOLD_LATER)


def _kind(trouble: TryLater | Undeliverable | None) -> Trouble:
    """What can be done about it."""
    match trouble:
        case WindowClosed():
            return "window"
        case TemplateRefused():
            return "template"
        case TryLater():
            return "channel" if trouble.whole_channel else "later"
        case Undeliverable(gone=True):
            return "gone"
        case _:
            return "never"
