"""What an operator of the WhatsApp channel does at a terminal: print the words that Meta must approve, and look what is
wrong with the account. Neither needs the database. See docs/whatsapp.md."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from api import checking
from api.providers import whatsapp
from api.settings import Settings, SettingsWrong
from bot.channels.whatsapp.templates import Submission, Templates, load
from bot.messages import TryLater, Undeliverable
from desk import ailments, words
from store.channels import APPROVED, TemplateState

NAME = "whatsapp"


def run(settings: Settings, what: str, form: str, language: str) -> None:
    """Print the templates (`what` is "templates") as `form` says: "text", a Markdown "table", or "json", one request to
    the API a line. Or "check" the account: sentences, and status 1 where something is wrong.

    Raises `SettingsWrong` where WHATSAPP_TEMPLATES is wrong.
    """
    try:
        wanted = load(settings.whatsapp_templates)
    except ValueError as error:
        raise SettingsWrong(f"Settings: WHATSAPP_TEMPLATES: {error}") from None
    if what == "templates":
        print("\n".join(FORMS[form](wanted.submissions())))
        return
    found = asyncio.run(check(settings, wanted, language))
    print("\n".join(sentence for sentence, _ in found))
    if not all(good for _, good in found):
        sys.exit(1)


# --- what to submit ---------------------------------------------------------------------------------------


def as_text(submissions: Iterable[Submission]) -> Iterator[str]:
    """One after the other, to be copied."""
    for each in submissions:
        yield f"{each.name} ({each.language}, {each.category})"
        yield each.body
        yield from (f"  {{{{{at}}}}}: {example}" for at, example in enumerate(each.examples, 1))
        yield from [f"  [{each.button}]"] if each.button else []
        yield ""


def as_table(submissions: Iterable[Submission]) -> Iterator[str]:
    """A table in Markdown."""
    yield "| Nama | Bahasa | Isi (body) | Contoh isian | Tombol |"
    yield "| --- | --- | --- | --- | --- |"
    for each in submissions:
        examples = "<br>".join(f"{{{{{at}}}}} {example}" for at, example in enumerate(each.examples, 1))
        cells = (f"`{each.name}`", each.language, each.body.replace("\n", "<br>"), examples or "–", each.button or "–")
        yield f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def as_json(submissions: Iterable[Submission]) -> Iterator[str]:
    """One request a line, for POST /{version}/{account}/message_templates."""
    for each in submissions:
        body: dict[str, Any] = {"type": "BODY", "text": each.body}
        if each.examples:
            body["example"] = {"body_text": [list(each.examples)]}
        components = [body]
        if each.button:
            components.append({"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": each.button}]})
        request = {"name": each.name, "language": each.language, "category": each.category, "components": components}
        yield json.dumps(request, ensure_ascii=False)


FORMS = {"text": as_text, "table": as_table, "json": as_json}


# --- what is wrong ----------------------------------------------------------------------------------------


async def check(settings: Settings, wanted: Templates, language: str) -> list[tuple[str, bool]]:
    """What is to be said of the account, each sentence with whether it is good."""

    def say(key: str, *, good: bool = False, **parameters: object) -> tuple[str, bool]:
        return words.say(language, f"channels.check.{key}", **parameters), good

    if not settings.whatsapp_token:
        return [say("no_token")]
    found = [say("webhook", address=f"{settings.public_url}/webhooks/whatsapp", good=True)]
    if not settings.public_url.startswith("https://"):
        found.append(say("no_https"))
    if not settings.whatsapp_business_account_id:
        return [*found, say("no_account")]
    try:
        async with whatsapp(settings) as account:
            listed = await account.templates()
    except (TryLater, Undeliverable) as error:
        if checking.not_ours(error):
            return [*found, (f"{words.say(language, 'channels.mend_template.unreadable')} ({error.reason})", False)]
        if not isinstance(error, TryLater) or error.ails is None:
            return [*found, say("not_now", reason=error.reason)]
        name, remedy = ailments.name(language, error.ails), ailments.remedy(language, NAME, error.ails)
        return [*found, say("ails", name=name, remedy=remedy, reason=error.reason)]
    found.append(say("token_works", good=True))
    judged = checking.compare(wanted.submissions(), listed)
    for name, code, state, reason in judged:
        template = TemplateState(state, reason, datetime.now(UTC))
        remedy = ailments.template_remedy(language, template)
        if remedy:
            called = ailments.state(language, template)
            good = state == APPROVED
            found.append(say("template", name=name, code=code, state=called, remedy=remedy, good=good))
    if all(state == APPROVED for _, _, state, _ in judged):
        found.append(say("good", count=len(judged), good=True))
    return found
