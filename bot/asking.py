"""What is asked next, and how: the first question of the script that is needed and has no answer, or the summary."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from bot.conversation import Conversation, Draft
from bot.script import (
    AFTERWARDS,
    FUNCTION_SURE,
    QUESTIONS,
    RESUME,
    SCRIPT,
    Question,
    begun,
    excerpt,
    is_assisted,
    must_be_warned,
    privacy_of,
    time_of,
)
from bot.texts import LANGUAGES, speak
from bot.turns import ASK, AUTO, Facts, LookAround, Offer, Office, Say, Turn

EXCERPT = 600
# The texts that end a reply with what is asked.
ASKING = ("ask.", "summary")
# A label that a small button has cut shows at least so many letters: "tidak..." is a no and no label.
CUT = 6
NOTHING_AROUND = "none"


def next_question(draft: Draft) -> Question:
    """The first question that is needed and has no answer; the last one is always needed."""
    return next(q for q in SCRIPT if q.name == "confirm" or (q.name not in draft.answers and q.needed(draft)))


def go_on(conversation: Conversation, facts: Facts, *said: Say) -> Turn:
    """Say this, then ask what is still missing; with no draft, take up one that was parked."""
    conversation = replace(conversation, tries=0, about=None)
    if conversation.draft is None:
        if waited := next_parked(conversation):
            others = tuple(each for each in conversation.parked if each is not waited)
            conversation = replace(conversation, draft=waited, parked=others, asking=None)
            return go_on(conversation, facts, *said, Say("parked_next", {"title": title(waited)}))
        conversation = replace(conversation, asking=None)
        if not said:
            return greet(conversation)
        # What another resident told is not taken up by itself, but it is not forgotten either.
        count = {"count": str(len(conversation.parked))}
        return Turn(conversation, (*said, Say("assist.parked", count)) if conversation.parked else said)
    first = () if conversation.greeted else (Say("greeting_short"), Say("privacy_notice"))
    draft = conversation.draft
    if must_be_warned(draft):
        draft = draft.know(warned=True)
        conversation = replace(conversation, draft=draft)
        said = (*said, Say("assist.sensitive"))
    # Words that are held must find their place before anything else is asked.
    question = RESUME if conversation.held else next_question(draft)
    turn = ask(replace(conversation, greeted=True), question, facts)
    return replace(turn, replies=(*first, *said, *turn.replies))


def next_parked(conversation: Conversation) -> Draft | None:
    """The draft that is taken up by itself once none is open: never one that is written for a resident, who may be
    somebody else than who sits there now."""
    return next((draft for draft in conversation.parked if not is_assisted(draft)), None)


def greet(conversation: Conversation) -> Turn:
    """Who we are, what happens with what is written here, and what to write."""
    said = (Say("greeting"), Say("privacy_notice"), Say("ask.story"))
    conversation = replace(conversation, asking=None, about=None) if conversation.draft is None else conversation
    return Turn(replace(conversation, greeted=True), said if not conversation.greeted else (said[0], said[2]))


def ask(conversation: Conversation, question: Question, facts: Facts) -> Turn:
    """Ask this question about the draft. What others reported must be looked up first: then that is wished."""
    draft = conversation.draft
    if draft is None:
        raise LookupError("no draft")
    if question.name == "neighbours" and "around" not in draft.context:
        return Turn(replace(conversation, asking=question.name, about=None), wishes=(LookAround(draft),))
    if question.coaching:
        draft = draft.know(coached=question.name)
        conversation = replace(conversation, draft=draft)
    name = question.words(draft) if question.words else question.name
    if question.again and conversation.tries:
        name = question.again
    said: tuple[Say, ...] = (Say(f"ask.{name}", question.params(draft)),)
    if question.name == "confirm":
        said = (summary(draft, conversation.language, facts), *said)
    buttons = tuple(
        Offer(each.key, f"{draft.number}:{question.name}:{each.choice}", each.params)
        for each in question.choices_for(draft)
    )
    return Turn(replace(conversation, asking=question.name, about=None), said, question.name, buttons)


def ask_about(conversation: Conversation, question: Question, ticket: str | None, *said: Say) -> Turn:
    """Ask something about a complaint that is filed, or (without a ticket) about the chat itself."""
    about = ticket or ""
    buttons = tuple(
        Offer(each.key, f"{about or 'chat'}:{question.name}:{each.choice}", each.params)
        for each in question.choices_for(None)
    )
    conversation = replace(conversation, asking=question.name, about=about, tries=0, greeted=True)
    asked = Say(f"ask.{question.name}", {"ticket": ticket} if ticket else {})
    return Turn(conversation, (*said, asked), question.name, buttons)


def offered(question: Question, draft: Draft | None, words: str) -> str | None:
    """The choice of this question whose button says just these words."""
    return labelled([(each.choice, each.key, each.params) for each in question.choices_for(draft)], words)


def labelled(offers: Iterable[tuple[str, str, Mapping[str, Any]]], words: str) -> str | None:
    """The choice (of choice, text key, parameters) whose button says just these words, in any language: not everybody
    sees buttons. Words that end in "…" are one where they begin one label alone: small buttons show no more."""
    said = _bare(words)
    cut = len(said) >= CUT and words.rstrip().endswith(("…", "..."))
    begun = []
    for choice, key, params in offers if said else ():
        labels = [_bare(speak(key, params, language)) for language in LANGUAGES]
        if said in labels:
            return choice
        if cut and any(label.startswith(said) for label in labels):
            begun.append(choice)
    return begun[0] if len(begun) == 1 else None


_MARKS = re.compile(r"[^\w\s]")


def _bare(words: str) -> str:
    """The words without any marks between them: nobody types the comma of a button."""
    return " ".join(_MARKS.sub(" ", words.casefold()).split())


def with_question(turn: Turn, facts: Facts) -> Turn:
    """The turn, followed by the question that waited when something came in between."""
    conversation = turn.conversation
    if conversation.about is not None and (after := AFTERWARDS.get(conversation.asking or "")):
        asked = ask_about(conversation, after, conversation.about or None)
    elif conversation.draft is None:
        return turn
    elif question := QUESTIONS.get(conversation.asking or ""):
        asked = ask(conversation, question, facts)
    else:
        asked = go_on(conversation, facts)
    return joined(turn, asked)


def joined(turn: Turn, later: Turn) -> Turn:
    """One turn of two: what the first says and wishes, then what the second says, asks and wishes."""
    return replace(later, replies=(*turn.replies, *later.replies), wishes=(*turn.wishes, *later.wishes))


def still(conversation: Conversation, facts: Facts, *said: Say) -> Turn:
    """Say this, then ask again what waits, be it a question of the script or one that the citizen went back to."""
    waits = conversation.asking in QUESTIONS and conversation.draft is not None
    if conversation.greeted and (waits or conversation.about is not None):
        return with_question(Turn(conversation, said), facts)
    return go_on(conversation, facts, *said)


# --- the summary ----------------------------------------------------------------------------------


def suggested_office(draft: Draft, facts: Facts) -> tuple[str | None, Office]:
    """The function that the classifier is sure enough of (or None), and the office that it leads to."""
    functions = (draft.suggestion or {}).get("functions") or []
    function = functions[0][0] if functions and functions[0][1] >= FUNCTION_SURE else None
    return function, facts.office(function, (draft.value("place") or {}).get("region"), draft.story)


def summary(draft: Draft, language: str, facts: Facts) -> Say:
    """The report as it would be filed; the whole of it, where it is read aloud to a resident."""
    place = draft.value("place") or {}
    function, office = suggested_office(draft, facts)
    auto = function is not None and (draft.suggestion or {}).get("band", ASK) == AUTO
    topics = (draft.suggestion or {}).get("topics") or []
    privacy = privacy_of(draft)
    lines: dict[str, Any] = {
        "class": {"key": f"class.{draft.value('class') or 'pengaduan'}"},
        "story": excerpt(draft.story, EXCERPT),
        "place": place_words(place) or {"key": "unknown"},
        "time": _time_words(draft),
        "photos": str(draft.photos) if draft.photos else {"key": "none"},
        "name": {"key": "name.hidden" if privacy["anonymous"] else "name.shown"},
        "public": {"key": "public.no" if privacy["secret"] else "public.yes"},
        "agency": {
            "key": "office.sure" if auto and office.certain else "office.unsure",
            "params": {"agency": office.name},
        },
        "category": facts.category(topics[0][0], language) if topics else {"key": "unknown"},
    }
    if not is_assisted(draft):
        return Say("summary", lines)
    reach, resident = draft.value("reach") or "none", draft.value("resident")
    named = resident if resident and not privacy["anonymous"] else {"key": "name.unsaid"}
    lines |= {
        "story": draft.story,
        "name": {"key": "name.hidden"} if privacy["anonymous"] else named,
        "reach": {"key": f"assist.reach.{reach}", "params": {"words": draft.value("contact")}},
    }
    return Say("summary_assisted", lines)


def _time_words(draft: Draft) -> Any:
    time = time_of(draft)
    if not time:
        return {"key": "unknown" if draft.value("class") in {None, "pengaduan"} else "not_asked"}
    if time.get("day"):
        return {"key": "time_on_day", "params": {"words": time["words"], "day": {"date": time["day"]}}}
    return time["words"]


def place_words(place: Mapping[str, Any]) -> str:
    """The citizen's words for the place, with the region's name where they do not contain it."""
    words, name = place.get("text") or "", place.get("name")
    bare = (name or "").removeprefix("Kota ").removeprefix("Kabupaten ")
    return f"{words} ({name})" if name and bare.casefold() not in words.casefold() else words


def title(draft: Draft) -> Any:
    """The first words of a draft, to tell it from others; of one without words its place, or that it has none. Of one
    that is or may be a resident's, when it was begun: their words are for nobody who comes later."""
    if is_assisted(draft) or draft.context.get("whose"):
        return {"key": "assist.title" if is_assisted(draft) else "assist.title_unsettled", "params": begun(draft)}
    words = " ".join(draft.story.split()) or (draft.value("place") or {}).get("text")
    return excerpt(words, 60) if words else {"key": "wordless"}
