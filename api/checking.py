"""Whether what the operators of a channel have set up with its provider is as we need it: at the start of a worker, and
every quarter of an hour.

What a check finds stands in store/channels.py: shown at the desk and in /readyz, and asked before a template is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import structlog

from api.house import House
from api.unit import unit
from bot.channels.whatsapp import NAME, WhatsApp
from bot.channels.whatsapp.templates import CATEGORY, Submission, Templates, gaps_in, load
from bot.messages import Channel, TemplateNews, TryLater, Undeliverable
from store import channels
from store.channels import APPROVED, MISSING

log = structlog.get_logger(__name__)

# What our own look at a template may find, beside `MISSING`: its state then, or the reason beside "approved".
OTHER_CATEGORY, OTHER_GAPS, OTHER_WORDS = "other_category", "other_gaps", "other_words"
# What a list of templates that comes tells of the channel: that these are not so, or not any more. That an account is
# blocked, unpaid or complained of, it does not tell.
SEEN = ("token", "unreachable")


async def check_channels(house: House, opened: Mapping[str, Channel]) -> None:
    """Look at what can be looked at in these channels, and write down what is found. Raises ValueError or OSError where
    the file of templates is wrong."""
    channel = opened.get(NAME)
    if isinstance(channel, WhatsApp) and house.settings.whatsapp_business_account_id:
        await check_whatsapp(house, channel, load(house.settings.whatsapp_templates))


async def check_whatsapp(house: House, account: WhatsApp, wanted: Templates) -> None:
    """Compare the account's templates with those that we want."""
    try:
        listed = await account.templates()
    except (TryLater, Undeliverable) as error:
        log.warning("channel_check_failed", channel=NAME, problem=error.reason)
        async with unit(house) as work:
            if not_ours(error):
                await channels.miss_templates(work.connection, NAME, error.reason)
            elif isinstance(error, TryLater) and error.ails is not None:
                await channels.ail(work.connection, NAME, error.ails, error.reason)
        return
    async with unit(house) as work:
        await channels.learn_templates(work.connection, NAME, compare(wanted.submissions(), listed))
        await channels.heal(work.connection, NAME, only=SEEN)
        await channels.looked(work.connection, NAME)


def not_ours(error: TryLater | Undeliverable) -> bool:
    """Whether it is the account that is not there, or not for our token: messages may go through all the same. The
    provider says then that an object does not exist, which of a message would mean our number."""
    return not isinstance(error, TryLater) or error.ails == "number"


def compare(wanted: Iterable[Submission], listed: Iterable[TemplateNews]) -> list[tuple[str, str, str, str | None]]:
    """What is to be said of each template that we want: name, language, state, reason.

    One with other gaps, or in another category, is not used, even where it is approved. Nor is one with other words
    and several gaps, of which nobody knows the order; with one gap at most, other words do no harm and are told.
    """
    there = {(news.name, news.language): news for news in listed}
    return [(each.name, each.language, *_judge(each, there.get((each.name, each.language)))) for each in wanted]


def _judge(wanted: Submission, news: TemplateNews | None) -> tuple[str, str | None]:
    if news is None:
        return MISSING, None
    state = news.state.casefold()
    if state != APPROVED:
        return state, news.reason
    if news.category and news.category.casefold() != CATEGORY.casefold():
        return OTHER_CATEGORY, news.category.casefold()
    if news.body is None:
        return state, news.reason
    if gaps_in(news.body) != gaps_in(wanted.body):
        return OTHER_GAPS, None
    if news.body.split() != wanted.body.split():
        return (state if gaps_in(wanted.body) < 2 else OTHER_WORDS), OTHER_WORDS
    return state, news.reason
