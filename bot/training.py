"""Becoming a Kawan LAPOR in the chat: the code of an invitation, and a short training that must be passed.

Who is one, and how many lessons they have passed, is a fact (`Facts.helper`): the conversation itself remembers only
which question waits. The lessons are data (lessons.py).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from bot.answers import Refused, is_bare, is_untold
from bot.asking import ask_about, go_on, joined, offered, still, with_question
from bot.conversation import Conversation
from bot.lessons import CHOICES, LESSONS, Lesson
from bot.messages import Incoming
from bot.script import AFTERWARDS, TRIES
from bot.turns import Facts, Helper, Learn, Redeem, Say, Turn

COUNT = {"count": str(len(LESSONS))}
QUESTIONS: dict[str, int] = {lesson.question: at for at, lesson in enumerate(LESSONS)}
# The code of an invitation has twelve signs, whatever stands between them. One word with a digit in it is meant as a
# code, too, and signs in groups of four; "kawan saya jatuh di sana" begins a story.
_SIGNS = r"(?:[1-9abcdfghjkmnprstuvwxyz][\s.-]*){11,13}|[0-9a-z]{4}(?:-[0-9a-z]{4}){1,3}|(?=[a-z]*\d)[0-9a-z]{4,20}"
_CODED = re.compile(rf"/?kawan(?:[\s_]+lapor!?)?[\s_]+(?:kode\s+)?(?P<code>{_SIGNS})")
# What a link to the bot carries.
_STARTED = re.compile(r"/start\s+kawan_(?P<code>[0-9a-z]{4,20})")
# What is said to a volunteer whose grant is not what it was, by its state.
ENDED = {"paused": "kawan.paused", "expired": "kawan.expired", "revoked": "kawan.revoked"}
# Why a code makes nobody a volunteer.
REFUSED = {"unknown": "kawan.unknown", "too_many": "kawan.too_many", "already": "kawan.already"}


def code_in(words: str) -> str | None:
    """The code of an invitation that a command carries ("kawan K4M2-…", "/start kawan_k4m2…"), in small letters."""
    found = _CODED.fullmatch(words) or _STARTED.fullmatch(words)
    return found["code"] if found else None


def obey(conversation: Conversation, code: str | None, facts: Facts) -> Turn:
    """`kawan`: redeem a code; else go on with the training, or tell how things stand."""
    helper = facts.helper
    if helper is not None and helper.counter:
        return _say(conversation, facts, Say("kawan.counter", {"name": helper.name, "left": str(helper.left)}))
    if code:
        return Turn(conversation, wishes=(Redeem(code),))
    if helper is None:
        return _say(conversation, facts, Say("kawan.none"))
    if helper.state == "untrained":
        return _teach(conversation, helper, facts, _progress(helper))
    return _say(conversation, facts, _standing(helper))


def redeemed(turn: Turn, outcome: Helper | str | None, facts: Facts) -> Turn:
    """The code was good, and the training begins; or why it was not, and the question that waited."""
    if not isinstance(outcome, Helper):
        return joined(turn, _say(turn.conversation, facts, Say(REFUSED.get(outcome or "", "kawan.unknown"))))
    said = Say("kawan.redeemed", {"name": outcome.name, "region": outcome.region, "until": _until(outcome)})
    if outcome.state != "untrained":
        return joined(turn, _say(turn.conversation, facts, said, _standing(outcome)))
    return joined(turn, _teach(turn.conversation, outcome, facts, said, Say("kawan.begin", COUNT)))


def answer(conversation: Conversation, message: Incoming, facts: Facts) -> Turn | None:
    """Words while a lesson's question waits; None where they are something else, such as a report."""
    question = AFTERWARDS[conversation.asking or ""]
    chosen = offered(question, None, message.text)
    if chosen is None:
        try:
            chosen = question.read(message.text, facts.locate, facts.today)
        except Refused as refused:
            story = not is_bare(message.text) and not is_untold(message.text)
            if story and (conversation.tries + 1 >= TRIES or len(message.text.split()) > 5):
                return None
            conversation = replace(conversation, tries=conversation.tries + 1)
            asked = with_question(Turn(conversation, (Say(f"refused.{refused.key}"),)), facts)
            # The question that comes again still counts how often it was not answered.
            return replace(asked, conversation=replace(asked.conversation, tries=conversation.tries))
    return tap(conversation, question.name, str(chosen), facts)


def tap(conversation: Conversation, name: str, choice: str, facts: Facts) -> Turn:
    """An answer to a lesson's question. A wrong one is told why, and the same is taught and asked again."""
    at, helper = QUESTIONS[name], facts.helper
    if helper is None or helper.counter or helper.state != "untrained":
        return obey(_left(conversation), None, facts)
    if helper.lessons != at or choice not in CHOICES:
        return still(conversation, facts, Say("old_button"))
    lesson = LESSONS[at]
    if choice != lesson.right:
        return _teach(conversation, helper, facts, Say("kawan.wrong", {"why": {"key": lesson.why}}))
    return Turn(_left(conversation), wishes=(Learn(at + 1, len(LESSONS)),))


def learned(turn: Turn, outcome: Helper | None, facts: Facts) -> Turn:
    """The lesson is passed: the next one comes, or the training is over."""
    if outcome is None:
        return joined(turn, _say(turn.conversation, facts, Say("kawan.none")))
    if outcome.state == "untrained":
        return joined(turn, _teach(turn.conversation, outcome, facts, Say("kawan.right")))
    if not outcome.active:
        return joined(turn, _say(turn.conversation, facts, _standing(outcome)))
    passed = Say("kawan.passed", {"region": outcome.region, "until": _until(outcome)})
    return joined(turn, go_on(_left(turn.conversation), facts, Say("kawan.right"), passed))


def _teach(conversation: Conversation, helper: Helper, facts: Facts, *said: Say) -> Turn:
    """The next lesson, and its question."""
    lesson = _next(helper)
    if lesson is None:  # all are passed, whatever the state says
        return _say(conversation, facts, *said)
    taught = Say(lesson.teaches, {"number": str(helper.lessons + 1), **COUNT})
    return ask_about(conversation, AFTERWARDS[lesson.question], None, *_first(conversation), *said, taught)


def _next(helper: Helper) -> Lesson | None:
    return LESSONS[helper.lessons] if 0 <= helper.lessons < len(LESSONS) else None


def _standing(helper: Helper) -> Say:
    """How things stand for a volunteer who is trained, or may not go on."""
    told: dict[str, Any] = {"name": helper.name, "region": helper.region, "until": _until(helper)}
    if helper.state in ENDED:
        return Say(ENDED[helper.state], told)
    passed = str(min(helper.lessons, len(LESSONS)))
    return Say("kawan.standing", {**told, **COUNT, "passed": passed, "left": str(helper.left)})


def _progress(helper: Helper) -> Say:
    if not helper.lessons:
        return Say("kawan.begin", COUNT)
    return Say("kawan.progress", {"passed": str(helper.lessons), **COUNT})


def _until(helper: Helper) -> dict[str, str]:
    return {"date": helper.until} if helper.until else {"key": "unknown"}


def _say(conversation: Conversation, facts: Facts, *said: Say) -> Turn:
    """Say this, then ask again what waited."""
    greeted = replace(conversation, greeted=True)
    return with_question(Turn(greeted, (*_first(conversation), *said)), facts)


def _first(conversation: Conversation) -> tuple[Say, ...]:
    """What nobody may miss who writes for the first time."""
    return () if conversation.greeted else (Say("privacy_notice"),)


def _left(conversation: Conversation) -> Conversation:
    """The conversation, in which no question of the training waits."""
    return conversation if conversation.about is None else replace(conversation, asking=None, about=None, tries=0)
