"""What can be wrong with a channel or a template, in words, and what to do about it. Also for /readyz and the command
line, which say the same.

What a provider says in words that we do not know is said in its words, with a general remedy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from desk import words
from store.channels import APPROVED, Health, TemplateState

# Most ailments are mended alike everywhere; the remedy of a channel of its own goes before.
_ANY = "any"
_WORD = re.compile("[a-z0-9]+")


def name(language: str, ails: str) -> str:
    """What an ailment is called: "Token ditolak"."""
    return _say(language, f"channels.ails.{ails}", "channels.ails.other")


def remedy(language: str, channel: str, ails: str) -> str:
    """What to do about it, in one or a few sentences."""
    return _say(
        language,
        f"channels.mend.{channel}.{ails}",
        f"channels.mend.{_ANY}.{ails}",
        f"channels.mend.{_ANY}.other",
    )


def cause(language: str, problem: str | None) -> str:
    """Why a message was not sent, in words; as it was written down, where we know no others. A code stays behind it."""
    said, found, code = (problem or "").partition(" (")
    key = f"channels.cause.{'_'.join(_WORD.findall(said.casefold()))}"
    return f"{words.say(language, key)}{found}{code}" if words.knows(key) else problem or ""


def state(language: str, template: TemplateState) -> str:
    """What the state of a template is called; the provider's word where we know no other."""
    key = f"channels.template.{template.state}"
    return words.say(language, key) if words.knows(key) else template.state


def template_remedy(language: str, template: TemplateState) -> str:
    """What to do about a template; nothing for one that is as it should be."""
    if template.state == APPROVED:
        # The provider's reason may go on after its first word.
        key = f"channels.warning.{(template.reason or '').partition(':')[0].casefold()}"
        return words.say(language, key) if words.knows(key) else ""
    return _say(language, f"channels.mend_template.{template.state}", "channels.mend_template.other")


def sentence(
    language: str, channel: str, health: Health | None, templates: Mapping[tuple[str, str], TemplateState]
) -> str:
    """How a channel is, on one line: "ok", or what ails it and what to do; then the templates that cannot be used."""
    ails = health.ails if health else None
    said = f"{ails}: {remedy(language, channel, ails)}" if ails else "ok"
    refused = [f"{name} ({code}) {state(language, each)}" for (name, code), each in unusable(templates)]
    return f"{said}; {words.say(language, 'channels.not_approved')}: {', '.join(refused)}" if refused else said


def unusable(
    templates: Mapping[tuple[str, str], TemplateState],
) -> Iterable[tuple[tuple[str, str], TemplateState]]:
    """The templates that cannot be used, by name and language."""
    return [(key, each) for key, each in templates.items() if each.state != APPROVED]


def _say(language: str, *keys: str) -> str:
    return words.say(language, next((key for key in keys if words.knows(key)), keys[-1]))
