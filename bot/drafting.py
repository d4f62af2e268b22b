"""The draft: how words, taps, files, pins and edits make a complaint of what a citizen tells.

Nothing that a citizen says is thrown away: what is no answer to the question that waits belongs to the story, and what
may belong elsewhere is held until the citizen has said where.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from functools import reduce
from typing import Any

from bot import answers, assisting, filed
from bot.answers import Refused
from bot.asides import Afterwards, change_in, privacy_in
from bot.asking import ask, go_on, greet, joined, next_question, offered, still, with_question
from bot.conversation import Answer, Conversation, Draft, Told
from bot.messages import Incoming, Media
from bot.problems import problems_in
from bot.script import (
    CHANGEABLE,
    CLASS_SURE,
    COMPLAINTS_A_DAY,
    FUNCTION_SURE,
    HELPLINES,
    QUESTIONS,
    RESUME,
    TRIES,
    WHICH,
    Question,
    is_assisted,
)
from bot.texts import speak
from bot.turns import (
    CallHuman,
    DropFiles,
    Facts,
    File,
    Follow,
    ForgetPlace,
    Forsake,
    Join,
    KeepMedia,
    Own,
    Reply,
    Say,
    Suggestion,
    TakePlace,
    Turn,
    as_data,
)

# A tap has no place among the messages; 0 would mean that its answer was only read out of the story.
TAPPED = -1
# A file without words that comes so many seconds after filing belongs to what was filed.
LATE_FILE = 86_400.0
# A refusal that says what to do needs no question after it.
ASKS_ITSELF = frozenset({"refused.photos.send"})
# Words of so few letters say nothing by themselves: di, ke, yang.
SHORT = 4
# A wish of so few words is a wish and nothing else.
ASIDE = 8
# Whoever assists and speaks of a name to change means the resident's.
_A_NAME = re.compile(r"\b(?:nama|namo|jeneng|name)(?:nya|nyo|ne)?\b", re.IGNORECASE)
# So few words are no story where a resident is asked something closed: "titip tetanggonyo bae".
ASIDE_OF_RESIDENT = 4
CLOSED_TO_RESIDENT = frozenset({"whose", "consent", "reach", "contact", "keeps"})
# So many complaints are offered to choose from; a message has room for ten buttons.
TICKETS = 8

# --- words ------------------------------------------------------------------------------------------


def take_words(conversation: Conversation, message: Incoming, facts: Facts, *, slept: bool = False) -> Turn:
    """Words: an answer, a change, a wish, a part of the story, or the beginning of one."""
    draft, question = conversation.draft, QUESTIONS.get(conversation.asking or "")
    if facts.quoted and draft is not None:
        if pressed := filed.pressed(conversation, message.text, facts):
            return pressed
        if not answers.is_bare(message.text):
            return filed.said_about(conversation, facts.quoted, message.text)
        if is_assisted(draft):
            return go_on(conversation, facts)  # a yes to something else is no resident's yes
    if draft is not None and not (question and offered(question, draft, message.text)):
        noted = _note_privacy(draft, question, message, facts)
        conversation = replace(conversation, draft=noted)
        if noted is not draft and not _says_more(message.text):
            return go_on(conversation, facts, Say("noted.privacy"))
        draft = noted
        if question is not RESUME and (turn := _take_change(conversation, draft, question, message, facts)):
            return turn
    if slept and draft is not None and question is not RESUME and len(message.text.split()) > ASIDE:
        # Whoever comes back after days with a whole story may mean another matter.
        return ask(_hold(conversation, message), RESUME, facts)
    if conversation.held and not _says_where(question, draft, message.text, facts):
        # More of the words that wait to be told where they belong.
        return go_on(conversation if answers.is_bare(message.text) else _hold(conversation, message), facts)
    if facts.unheard and not facts.quoted and (draft or (conversation.last and not assisting.is_active(facts))):
        return _add(conversation, message, facts)
    if draft is None:
        return begin(conversation, message, facts)
    if question is None:
        return _add(conversation, message, facts)
    return _answer(conversation, draft, question, message, facts)


def _hold(conversation: Conversation, message: Incoming) -> Conversation:
    """The conversation with these words among those that wait to be told where they belong."""
    parts = [part for part in conversation.held if part.sequence != message.sequence or not message.sequence]
    held = sorted([*parts, Told(message.text, message.sequence)], key=lambda part: part.sequence)
    return replace(conversation, held=tuple(held))


def _says_where(question: Question | None, draft: Draft | None, words: str, facts: Facts) -> bool:
    """Whether words answer the question where those belong that are held."""
    if question is not RESUME or draft is None:
        return False
    with suppress(Refused):
        return bool(offered(question, draft, words) or question.read(words, facts.locate, facts.today))
    return False


def _note_privacy(draft: Draft, question: Question | None, message: Incoming, facts: Facts) -> Draft:
    """The draft with a wish such as "anonim aja", at whatever time it comes; a question about that reads it itself."""
    wish = _wish_aside(message.text)
    if wish is None:
        return draft
    if question is not None and question.name in {"privacy", "secret", "name"}:
        with suppress(Refused):
            question.read(message.text, facts.locate, facts.today)
            return draft
    return draft.answer("privacy", {**(draft.value("privacy") or {}), **wish}, message.sequence)


def _wish_aside(words: str) -> dict[str, bool] | None:
    """The wish of a text that is too short to be a story of secrets and names."""
    change = change_in(words)
    short = len(words.split()) <= ASIDE or (change is not None and change.question == "privacy")
    return _privacy(words) if short else None


def _says_more(text: str) -> bool:
    """Whether a short text says something beside its wish: "lampu mati, jangan sebut nama saya" is a story too."""
    words, wish = text.split(), _privacy(text)
    spans = ((at, at + long) for long in range(1, len(words) + 1) for at in range(len(words) - long + 1))
    wishing = next((span for span in spans if _privacy(" ".join(words[slice(*span)])) == wish), (0, len(words)))
    return not answers.adds_nothing(" ".join(words[: wishing[0]] + words[wishing[1] :]))


def _take_change(
    conversation: Conversation, draft: Draft, question: Question | None, message: Incoming, facts: Facts
) -> Turn | None:
    """A correction such as "salah, maksudnya Plaju", at whatever time it comes."""
    change = change_in(message.text)
    theirs = bool(_A_NAME.search(message.text)) and offered_instead(WHICH, draft, "resident")
    if change is None or (change.question == "privacy" and change.rest and not theirs):
        return None
    if change.question == "story" and change.act == "add":
        if not change.rest:
            return ask(conversation, QUESTIONS["detail"], facts)
        return _tell(conversation, replace(message, text=change.rest), facts, Say("noted.story"))
    name = change.question or (_fitting(change.rest, facts) if change.rest else "which")
    if name == "privacy" and theirs:
        name = "resident"
    if name is None or (changed := QUESTIONS.get(name)) is None:
        return None
    if name == conversation.asking and change.act == "set":
        return None  # it is an answer to what is asked
    if name == "photos" and change.act == "remove":
        dropped = replace(draft, photos=0, voices=0, albums=()).forget("photos").know(photographed=None)
        turn = go_on(replace(conversation, draft=dropped), facts, Say("noted.changed"))
        return replace(turn, wishes=(DropFiles(draft.number), *turn.wishes))
    if name == "photos" or not change.rest:
        return ask(conversation, changed, facts)
    try:
        value = changed.read(change.rest, facts.locate, facts.today)
    except Refused:
        return ask(conversation, changed, facts)
    turn = _accept(conversation, draft, changed, value, message.sequence, facts)
    return replace(turn, replies=(Say("noted.changed"), *turn.replies))


def _fitting(words: str, facts: Facts) -> str | None:
    """The question that these words answer, if it is plain which."""
    if facts.locate(words):
        return "place"
    return "time" if answers.time_in_story(words, facts.today) else None


def _privacy(words: str) -> dict[str, bool] | None:
    """What the words wish of Anonim and Rahasia; None where they wish nothing."""
    wish = privacy_in(words)
    if wish is None:
        return None
    flags = {"anonymous": wish.anonymous, "secret": wish.secret}
    return {name: flag for name, flag in flags.items() if flag is not None} or None


def begin(conversation: Conversation, message: Incoming, facts: Facts) -> Turn:
    """The first words of a complaint, or words that are none."""
    text, last = message.text, conversation.last
    if pressed := filed.pressed(conversation, text, facts):
        return pressed
    if answers.thanks(text):
        return Turn(conversation, (Say("welcome"),))
    if last and not any(character.isalnum() or character == "?" for character in text):
        return Turn(conversation)  # folded hands after "Tercatat" want no answer
    if facts.quoted:
        return filed.said_about(conversation, facts.quoted, text)
    if answers.is_bare(text):
        if last and answers.plain(text) in answers.YES | answers.NO:
            return Turn(conversation, (Say("already_filed", {"ticket": last.ticket}),))
        return greet(conversation)
    act = filed.act_in(text)
    meant = _meant(act, text, facts) or _perhaps_anothers(act, text, facts)
    if act and not meant and (facts.own or (last and act.act in filed.AFTER_THE_END)):
        return filed.act_in_words(conversation, act, text, facts)
    if act and act.act == "resolved" and last and not facts.own:
        return Turn(conversation, (Say("welcome"),))
    if not meant and (waiting := next((own for own in facts.own if own.status == filed.WAITING), None)):
        if not assisting.is_active(facts):
            return Turn(conversation, wishes=(Reply(waiting.ticket, text),))
        meant = [waiting]  # what a volunteer writes may be a resident's
    suggestion = facts.suggest(text)
    if suggestion and suggestion.chatter and not suggestion.danger:
        key = suggestion.chatter if suggestion.chatter in {"abuse", "spam"} else None
        return still(conversation, facts, Say(f"chatter.{key}")) if key else greet(conversation)
    conversation = new_draft(conversation, facts)
    draft = _note_privacy(_draft_of(conversation), None, message, facts)
    if draft.answers and not _says_more(text):
        return go_on(replace(conversation, draft=draft), facts, Say("noted.privacy"))
    answered = meant or [own for own in facts.own if own.status in filed.ANSWERED]
    if answered:
        draft = draft.know(tickets=[[own.ticket, own.title] for own in answered[:TICKETS]])
    conversation = replace(conversation, draft=draft)
    said = (Say("noted.forwarded"),) if message.forwarded else (Say("noted.begun"),) if conversation.greeted else ()
    return _tell(conversation, message, facts, *said)


def _meant(act: Afterwards | None, text: str, facts: Facts) -> list[Own]:
    """The complaints that words may be about, where it must be asked which, or whether they are a new one."""
    own = [each for each in facts.own if each.role == "pelapor"]
    if act is None or filed.named(text, facts.own):
        return []
    tells = act.act in {"add", "answer"} or (act.act == "unresolved" and filed.gives_reason(text))
    return own if not act.sure or (tells and len(own) > 1) else []


def _perhaps_anothers(act: Afterwards | None, text: str, facts: Facts) -> list[Own]:
    """The volunteer's own complaints, where words for one of them may as well be a resident's: then it is asked, whose
    words they are and for which."""
    if act is None or not assisting.is_active(facts) or filed.named(text, facts.own):
        return []
    tells = act.act in {"add", "answer"} or (act.act == "unresolved" and filed.gives_reason(text))
    return [each for each in facts.own if each.role == "pelapor"] if tells else []


def _answer(conversation: Conversation, draft: Draft, question: Question, message: Incoming, facts: Facts) -> Turn:
    """Words that answer the question which waits, are refused by it, or belong to the story."""
    text = message.text
    chosen = offered(question, draft, text)
    if chosen is not None and chosen != "skip":
        return _accept(conversation, draft, question, question.value(chosen, draft), message.sequence, facts)
    untold = question.name == "resident" and answers.is_untold(text)
    if question.skippable and (chosen == "skip" or untold or answers.declines(text)):
        return _skip(conversation, draft, question, facts)
    if question.name == "place" and answers.tells_only_time(text, facts.locate, facts.today):
        draft = draft.answer("time", QUESTIONS["time"].read(text, facts.locate, facts.today), message.sequence)
        return still(replace(conversation, draft=draft), facts, Say("noted.time"))
    if answers.thanks(text):
        return still(conversation, facts, Say("welcome_short"))
    if question.name not in {"story", "detail"} and _tells_danger(text, facts):
        return _tell(conversation, message, facts, Say("noted.story"))
    if question.name == "reach" and answers.is_phone(text):
        # The number itself, instead of how: no telephone number belongs to a story.
        draft = draft.answer("reach", "phone", message.sequence).answer("contact", text.strip(), message.sequence)
        return go_on(replace(conversation, draft=draft), facts)
    try:
        value = question.read(text, facts.locate, facts.today)
    except Refused as refused:
        return _refuse(conversation, draft, question, message, refused, facts)
    if question.free:
        draft, value = _glean(draft, question, value, message, facts)
    return _accept(conversation, draft, question, value, message.sequence, facts)


def _glean(draft: Draft, question: Question, value: Any, message: Incoming, facts: Facts) -> tuple[Draft, Any]:
    """What an answer says beside what was asked: "di Simpang Polda, dari kemarin, nama saya jangan ditampilkan"."""
    text, sequence = message.text, message.sequence
    time = answers.time_in_story(text, facts.today)
    place = answers.place_in_story(text, facts.locate)
    wish = _privacy(text)
    if question.name == "place" and place and place["text"] and ((time and not answers.is_vague(time)) or wish):
        value = {**value, "text": place["text"]}
        if _tells_besides(text, place["text"], place["name"] or "", time["words"] if time else ""):
            draft = read_story(draft.tell(text, sequence), facts)
    given = draft.answers.get("time")
    if question.name not in {"time", "day"} and time and not answers.is_vague(time) and not (given and given.sequence):
        draft = draft.answer("time", time, sequence)
    given = draft.answers.get("place")
    if (
        question.name not in {"place", "region"}
        and place
        and not (given and given.sequence)
        and not draft.value("place")
    ):
        draft = draft.answer("place", place, sequence)
    if wish:
        draft = draft.answer("privacy", {**(draft.value("privacy") or {}), **wish}, sequence)
    return draft, value


def _tells_besides(text: str, *known: str) -> bool:
    """Whether an answer tells more than the known place, time and wish: then all of it stays with the story."""
    words = {word for part in known for word in part.casefold().split()}
    for clause in re.split(r"[,.;\n]", text.casefold()):
        rest = " ".join(word for word in clause.split() if word not in words and len(word) > SHORT)
        if not _privacy(clause) and not answers.adds_nothing(rest):
            return True
    return False


def _tells_danger(words: str, facts: Facts) -> bool:
    suggestion = facts.suggest(words)
    return suggestion is not None and suggestion.danger is not None


def _skip(conversation: Conversation, draft: Draft, question: Question, facts: Facts) -> Turn:
    if question.name == "day":
        time = draft.answers.get("time", Answer(None))
        draft = draft.answer("time", {"words": (time.value or {}).get("words", "")}, time.sequence)
    return go_on(replace(conversation, draft=draft.answer(question.name, None)), facts)


def _refuse(
    conversation: Conversation, draft: Draft, question: Question, message: Incoming, refused: Refused, facts: Facts
) -> Turn:
    """What is no answer is kept as part of the story, if it says anything; then the question is asked again, or left
    open for the operator when it was asked often enough."""
    said = not answers.is_bare(message.text)
    if is_assisted(draft) or question.name == "whose":
        # What whoever assists tells of the answer is no word of the resident's story.
        few = question.name in CLOSED_TO_RESIDENT and len(message.text.split()) <= ASIDE_OF_RESIDENT
        said = said and not few and not answers.tells_no_story(message.text)
    if said and question.name == "region":
        draft = _add_to_place(draft, message.text, message.sequence)
    elif said and question.name not in {"story", "resume"} and len(answers.plain(message.text).split()) > 1:
        if question.default:
            draft = draft.answer(question.name, question.default)
        draft = read_story(draft.tell(message.text, message.sequence), facts)
        if question.again and next_question(draft).name == question.name:
            return _again(replace(conversation, draft=draft, tries=conversation.tries + 1), facts, Say("noted.story"))
        turn = go_on(replace(conversation, draft=draft), facts, Say("noted.story"))
        if turn.conversation.asking != question.name:
            return turn
        # Told on and on instead of answered: a long story has some patience, but no question is asked for ever.
        if not question.skippable or conversation.tries < TRIES:
            return replace(turn, conversation=replace(turn.conversation, tries=conversation.tries + 1))
    if question.skippable and conversation.tries + 1 >= TRIES:
        turn = _skip(replace(conversation, draft=draft), draft, question, facts)
        return replace(turn, replies=(Say("left_open"), *turn.replies))
    conversation = replace(conversation, draft=draft, tries=conversation.tries + 1)
    return _again(conversation, facts, Say(f"refused.{refused.key}"))


def _again(conversation: Conversation, facts: Facts, said: Say) -> Turn:
    """Say this, then the same question, without forgetting how often it was asked; its words only where needed."""
    turn = with_question(Turn(conversation, (said,)), facts)
    return replace(turn, replies=(said,)) if said.key in ASKS_ITSELF else turn


def _add_to_place(draft: Draft, words: str, sequence: int) -> Draft:
    """The place with these words after those that were given before: whatever is said of it is kept."""
    place = draft.value("place") or {"text": "", "region": None, "name": None}
    known = place.get("text") or ""
    if not words.strip() or words.strip().casefold() in known.casefold():
        return draft
    text = f"{known}, {words.strip()}" if known else words.strip()
    return draft.answer("place", {**place, "text": text}, _place_of(draft, sequence))


def _place_of(draft: Draft, sequence: int) -> int:
    """The message that told the place; this one, if none has. An edit of that message tells the place anew."""
    given = draft.answers.get("place")
    return given.sequence if given is not None and given.sequence else sequence or TAPPED


# --- an answer --------------------------------------------------------------------------------------


def _accept(
    conversation: Conversation, draft: Draft, question: Question, value: Any, sequence: int, facts: Facts
) -> Turn:
    """An answer: it is kept, and what follows from it happens."""
    conversation = replace(conversation, tries=0, about=None)
    match question.name:
        case "confirm":
            return _confirmed(conversation, draft, value, facts)
        case "which" if value == "name":
            value = "resident" if offered_instead(question, draft, "resident") else "privacy"
            return ask(replace(conversation, draft=draft), QUESTIONS[value], facts)
        case "which":
            return ask(replace(conversation, draft=draft), QUESTIONS[value], facts)
        case "resume":
            return _resumed(conversation, draft, value, facts)
        case "whose":
            return assisting.told_whose(conversation, draft, value, facts)
        case "consent":
            return assisting.consented(conversation, draft, value, sequence, facts)
        case "reach":
            said = draft.context.get("said")
            draft = draft.answer("reach", value, sequence).forget("contact")
            if said and value != "phone":
                draft = draft.know(said=None)
                draft = draft.answer("contact", said, sequence) if value == "place" else draft
        case "contact" if value == "other":
            draft = draft.forget("contact").forget("reach").know(said=None)
        case "contact" if draft.value("reach") == "phone" and not answers.is_phone(value):
            # No number, but perhaps the place where they want to be called at.
            turn = ask(replace(conversation, draft=draft.know(said=value)), QUESTIONS["reach"], facts)
            return replace(turn, replies=(Say("refused.contact.phone"), *turn.replies))
        case "offer" if value == "nothing" and is_assisted(draft):
            return assisting.dropped(conversation, draft, facts, Say("offer_declined"))
        case "offer" if value == "nothing":
            return go_on(replace(conversation, draft=None, asking=None), facts, Say("offer_declined"))
        case "belongs" if value != "new":
            conversation = replace(conversation, draft=None, asking=None)
            return Turn(conversation, wishes=(Join(draft, value),))
        case "neighbours" if value == "follow":
            return _join_others(replace(conversation, draft=None, asking=None), draft)
        case "split":
            draft = draft.answer("split", value, sequence)
            if value == "split" and draft.context.get("parts"):
                conversation, draft = _split(conversation, draft, facts)
            draft = draft.know(parts=[])
        case "heard":
            draft = _heard(draft, value, facts)
        case "photo_place":
            return _photo_place_told(replace(conversation, draft=draft), draft, value, sequence, facts)
        case "story":
            instead = value in {"voice", "letter"} and offered_instead(question, draft, value)
            words = speak(f"{value}_story", None, conversation.language) if instead else value
            draft = read_story(replace(draft, told=()).tell(words, max(sequence, 0)).answer("story", True), facts)
        case "detail":
            draft = read_story(draft.tell(value, max(sequence, 0)).answer("detail", True, sequence), facts)
        case "region":
            draft = _add_to_place(draft, value["text"], sequence)
            place = {**(draft.value("place") or {"text": ""}), "region": value["region"], "name": value["name"]}
            place = {name: each for name, each in place.items() if name != "among"}
            draft = _moved(draft.answer("place", place, _place_of(draft, sequence)))
        case "place":
            draft = _moved(draft.answer("place", value, sequence).forget("region"))
        case "day":
            time = {k: v for k, v in (draft.value("time") or {}).items() if k not in {"doubt", "days"}}
            words = ", ".join(dict.fromkeys(filter(None, (time.get("words"), value.get("words")))))
            draft = draft.answer("time", {**time, "words": words, "day": value["day"]}, sequence)
            draft = draft.answer("day", value["day"], sequence)
        case "time":
            draft = draft.answer("time", value, sequence).forget("day")
        case "secret" | "name":
            flag = {"secret": value == "closed"} if question.name == "secret" else {"anonymous": value == "hidden"}
            draft = draft.answer("privacy", {**(draft.value("privacy") or {}), **flag}, sequence)
            draft = draft.answer(question.name, value, sequence)
        case _:
            draft = draft.answer(question.name, value, sequence)
    return go_on(replace(conversation, draft=draft), facts)


def offered_instead(question: Question, draft: Draft, value: str) -> bool:
    """Whether that choice is offered for this draft: "letter" may be a word of a story, too."""
    return any(each.choice == value for each in question.choices_for(draft))


def _moved(draft: Draft) -> Draft:
    """The draft in another place: what others report there is looked up anew."""
    context = {name: value for name, value in draft.context.items() if name != "around"}
    return replace(draft, context=context).forget("neighbours")


def _confirmed(conversation: Conversation, draft: Draft, value: str, facts: Facts) -> Turn:
    if value == "cancel":
        return cancel(conversation, facts)
    if value == "change":
        return ask(conversation, WHICH, facts)
    if is_assisted(draft):
        return assisting.send(conversation, draft, facts)
    if next_question(draft) is QUESTIONS["photo_place"]:
        return go_on(conversation, facts)  # the summary was said before the photo had been looked at
    day, filed_today = conversation.filed_on
    today = facts.today.isoformat()
    if day == today and filed_today >= COMPLAINTS_A_DAY:
        turn = still(conversation, facts, Say("too_many_today", {"limit": COMPLAINTS_A_DAY}))
        return replace(turn, wishes=(*turn.wishes, CallHuman()))
    conversation = replace(conversation, filed_on=(today, filed_today + 1 if day == today else 1))
    return Turn(conversation, wishes=(File(draft),))


def cancel(conversation: Conversation, facts: Facts) -> Turn:
    """The citizen drops the draft; one that was parked comes next."""
    if conversation.draft is None:
        return Turn(conversation, (Say("nothing_to_cancel"),))
    if is_assisted(conversation.draft):
        return assisting.dropped(conversation, conversation.draft, facts, Say("assist.cancelled"))
    draft = conversation.draft
    turn = go_on(replace(conversation, draft=None, asking=None, held=()), facts, Say("cancelled"))
    # Before it is settled whose it is, it may be what a resident told, who has not agreed to anything.
    return replace(turn, wishes=(Forsake(draft), *turn.wishes)) if assisting.stays_here(draft) else turn


def _resumed(conversation: Conversation, draft: Draft, value: str, facts: Facts) -> Turn:
    """What was held while the citizen was asked whether it belongs to the draft that waited."""
    held, conversation = conversation.held, replace(conversation, held=())
    if not held:
        return go_on(conversation, facts)
    if value == "continue":
        draft = read_story(reduce(lambda told, part: told.tell(part.text, part.sequence), held, draft), facts)
        return go_on(replace(conversation, draft=draft), facts, Say("noted.story"))
    conversation = new_draft(replace(conversation, parked=(draft, *conversation.parked)), facts)
    draft = replace(_draft_of(conversation), told=held).answer("story", True)
    return go_on(replace(conversation, draft=read_story(draft, facts)), facts, Say("noted.begun"))


def _join_others(conversation: Conversation, draft: Draft) -> Turn:
    around = draft.context.get("around") or {}
    if around.get("own"):
        return Turn(conversation, wishes=(Join(draft, around["own"]),))
    return Turn(conversation, wishes=(Follow(draft, tuple(around.get("ids", ()))),))


def _split(conversation: Conversation, draft: Draft, facts: Facts) -> tuple[Conversation, Draft]:
    """A draft for each problem: the first goes on, the others wait. A place that only one of them names counts for all,
    a time does not, unless the citizen was asked for it."""
    first, *others = draft.context["parts"]
    sequence = draft.told[0].sequence if draft.told else 0
    read = {"class", "time", "day"}
    kept = {name: each for name, each in draft.answers.items() if name not in read or each.sequence}
    context = {name: value for name, value in draft.context.items() if name != "parts"}
    each = replace(draft, told=(), answers=kept, context=context)
    # The files stay with the first one, and so does what is told by them.
    of_files = {"photographed", "spoken", "heard", "heard_next"}
    others_know = {name: value for name, value in context.items() if name not in of_files}
    waiting = tuple(
        read_story(
            replace(each, number=number, photos=0, voices=0, albums=(), context=others_know)
            .tell(part, sequence)
            .forget("photos"),
            facts,
        )
        for number, part in enumerate(others, conversation.drafts + 1)
    )
    conversation = replace(
        conversation, drafts=conversation.drafts + len(others), parked=(*waiting, *conversation.parked)
    )
    return conversation, read_story(each.tell(first, sequence), facts)


def _heard(draft: Draft, value: str, facts: Facts) -> Draft:
    """What a machine heard in a voice note becomes the story once the citizen has said that it is right."""
    words, sequence = draft.context["heard"]
    later = list(draft.context.get("heard_next") or ())
    draft = draft.know(heard=later[0] if later else None, heard_next=later[1:])
    if value == "wrong":
        return draft
    # What was written below the note has the same place in the chat.
    written = [part.text for part in draft.told if part.sequence == sequence and sequence]
    return read_story(draft.tell("\n".join([*written, words]), sequence).answer("story", True), facts)


# --- the story --------------------------------------------------------------------------------------


def _tell(conversation: Conversation, message: Incoming, facts: Facts, *said: Say) -> Turn:
    """The story grows by this message."""
    draft = _draft_of(conversation)
    overtaken = not message.edits and message.sequence and any(p.sequence == message.sequence for p in draft.told)
    if not overtaken:
        draft = draft.tell(message.text, message.sequence).answer("story", True)
    fresh = len(draft.told) == 1 and not overtaken
    draft = read_story(draft, facts)
    notes = []
    if not overtaken and facts.personal(message.text):
        notes.append(Say("noted.personal"))
    if fresh and (line := _helpline(draft)):
        notes.append(Say(line))
    return go_on(replace(conversation, draft=draft), facts, *said, *notes)


def _helpline(draft: Draft) -> str | None:
    functions = (draft.suggestion or {}).get("functions") or []
    return HELPLINES.get(functions[0][0]) if functions and functions[0][1] >= FUNCTION_SURE else None


def _add(conversation: Conversation, message: Incoming, facts: Facts) -> Turn:
    """Words that are no answer to anything: they belong to the story, or to the complaint just filed."""
    if answers.is_bare(message.text):
        return go_on(conversation, facts) if conversation.draft else Turn(conversation)
    if conversation.draft is None and conversation.last is not None:
        return Turn(conversation, wishes=(Reply(conversation.last.ticket, message.text),))
    return _tell(conversation, message, facts)


def read_story(draft: Draft, facts: Facts) -> Draft:
    """Take out of the story what it tells by itself; never over an answer that was given."""
    story = draft.story
    suggestion = facts.suggest(story)
    draft = replace(draft, suggestion=as_data(suggestion) if suggestion else None)
    if draft.told and "story" not in draft.answers:
        draft = draft.answer("story", True)
    time = answers.time_in_story(story, facts.today)
    if time and answers.is_vague(time):
        # "tiap sore" and "lah lame" are kept, but they do not tell since when.
        draft, time = draft.know(vague=time["words"]), None
    found: dict[str, Any] = {
        "place": answers.place_in_story(story, facts.locate),
        "time": time,
        "class": answers.class_in_story(story) or _sure_class(suggestion) or answers.class_perhaps(story),
        "privacy": _privacy(story),
    }
    for name, value in found.items():
        given = draft.answers.get(name)
        # Sequence 0 marks what was read out of the story: a better reading may replace it.
        if value is not None and (given is None or given.sequence == 0):
            draft = draft.answer(name, value)
        elif name == "place" and value and value["region"] and given and given.value and not given.value.get("region"):
            region = {"region": value["region"], "name": value["name"]}
            draft = draft.answer(name, {**given.value, **region}, given.sequence)
    return _look_for_several(draft, facts)


def _look_for_several(draft: Draft, facts: Facts) -> Draft:
    """Whether the one message of the story tells of several problems that belong to different offices: its parts, those
    beside each other for one office together."""
    if "split" in draft.answers:
        return draft
    parts: list[str] = []
    before: str | None = None
    for part in problems_in(draft.story) if len(draft.told) == 1 else ():
        function = _function(part, facts)
        if function is None:
            parts = []
            break
        if parts and function == before:
            parts[-1] = f"{parts[-1]}\n{part}"
        else:
            parts.append(part)
        before = function
    parts = parts if len(parts) > 1 else []
    return draft.know(parts=parts) if parts or draft.context.get("parts") else draft


# Whose matter a sentence is that only says that an earlier report was not answered: no problem of its own.
UNANSWERED = "kominfo"


def _function(words: str, facts: Facts) -> str | None:
    suggestion = facts.suggest(words)
    if suggestion is None or not suggestion.functions or suggestion.functions[0][1] < FUNCTION_SURE:
        return None
    function = suggestion.functions[0][0]
    return None if function == UNANSWERED else function


def _sure_class(suggestion: Suggestion | None) -> str | None:
    if suggestion and suggestion.danger:
        return "pengaduan"
    if suggestion and suggestion.report_class and suggestion.report_class[0][1] >= CLASS_SURE:
        return suggestion.report_class[0][0]
    return None


def take_transcript(conversation: Conversation, message: Incoming, facts: Facts) -> Turn:
    """What a machine heard in a voice note: the citizen is asked whether it is right before it counts.

    Of a note that belongs to nothing any more the words stand with the file alone.
    """
    draft, last = conversation.draft, conversation.last
    for at, parked in enumerate(conversation.parked):
        if message.sequence in parked.context.get("spoken", ()):
            drafts = (*conversation.parked[:at], _to_be_heard(parked, message), *conversation.parked[at + 1 :])
            return Turn(replace(conversation, parked=drafts))
    if draft is not None and message.sequence in draft.context.get("spoken", ()):
        conversation = replace(conversation, draft=_to_be_heard(draft, message))
        waits = conversation.about is not None or bool(conversation.held)
        return Turn(conversation) if waits else ask(conversation, QUESTIONS["heard"], facts)
    if last is not None and message.sequence in last.sequences:
        return Turn(conversation, wishes=(Reply(last.ticket, message.text),))
    return Turn(conversation)


def _to_be_heard(draft: Draft, message: Incoming) -> Draft:
    """The draft with these words to ask about, after those that are asked about already."""
    heard = [message.text, message.sequence]
    if draft.context.get("heard"):
        return draft.know(heard_next=[*draft.context.get("heard_next", ()), heard])
    return draft.know(heard=heard)


# --- files, pins, edits, taps -------------------------------------------------------------------------


def take_media(conversation: Conversation, message: Incoming, facts: Facts) -> Turn:
    """A file: with the draft it belongs to, with the complaint it is sent for, or a new draft."""
    media = message.media
    if media is None:
        return Turn(conversation)
    last, draft = conversation.last, conversation.draft
    here = draft.albums if draft else ()
    words = (lambda ticket: (Reply(ticket, message.text),)) if message.text else (lambda _ticket: ())
    if last and media.group and media.group in last.albums and media.group not in here:
        return Turn(conversation, wishes=(KeepMedia(media, None, last.ticket), *words(last.ticket)))
    if problem := unacceptable(media):
        if message.text:
            conversation = conversation if conversation.draft else new_draft(conversation, facts)
            return _tell(conversation, message, facts, problem, Say("refused.file_kept"))
        return still(conversation, facts, problem, *((Say("refused.file_kept"),) if draft else ()))
    if (draft is None or conversation.about) and (ticket := _ticket_for_file(conversation, message, facts)):
        if message.text and conversation.about == ticket and (answered := filed.answer(conversation, message, facts)):
            return replace(answered, wishes=(KeepMedia(media, None, ticket), *answered.wishes))
        if last and ticket == last.ticket:
            albums = (*last.albums, media.group) if media.group is not None else last.albums
            sequences = (*last.sequences, message.sequence) if media.kind == "voice" else last.sequences
            conversation = replace(conversation, last=replace(last, albums=albums, sequences=sequences))
        turn = Turn(conversation, (Say("added_file", {"ticket": ticket}),), wishes=(KeepMedia(media, None, ticket),))
        return with_question(replace(turn, wishes=(*turn.wishes, *words(ticket))), facts)
    conversation = conversation if draft else new_draft(conversation, facts)
    return _keep(conversation, media, message, facts)


def _ticket_for_file(conversation: Conversation, message: Incoming, facts: Facts) -> str | None:
    """The filed complaint that a file belongs to, as far as it can be told."""
    if facts.quoted:
        return facts.quoted
    if conversation.about:
        return conversation.about
    if assisting.is_active(facts):
        return None  # it may be a resident's: that is asked
    if waiting := next((own for own in facts.own if own.status == filed.WAITING), None):
        return waiting.ticket
    last = conversation.last
    recent = last is not None and facts.now.timestamp() - last.at < LATE_FILE
    return last.ticket if last and recent and not message.text else None


def _keep(conversation: Conversation, media: Media, message: Incoming, facts: Facts) -> Turn:
    draft = _draft_of(conversation)
    wish = KeepMedia(media, draft.number)
    repeated = media.group is not None and media.group in draft.albums
    voice = media.kind == "voice"
    draft = replace(
        draft,
        photos=draft.photos + 1,
        voices=draft.voices + voice,
        albums=draft.albums if repeated or media.group is None else (*draft.albums, media.group),
    )
    if "photos" not in draft.answers and not voice:
        draft = draft.answer("photos", "some", message.sequence)
    if voice:
        draft = draft.know(spoken=[*draft.context.get("spoken", ()), message.sequence])
    conversation = replace(conversation, draft=draft)
    noted = Say("noted.voice" if voice else "noted.photo")
    if not answers.is_bare(message.text):
        turn = _tell(conversation, message, facts, noted)
    elif repeated:
        # The rest of an album: counted, kept, and answered by what was said to its first picture.
        turn = Turn(conversation)
    else:
        turn = go_on(conversation, facts, noted)
    return replace(turn, wishes=(wish, *turn.wishes))


# The last one says nothing: it is for the bytes to tell.
DOCUMENTS = ("application/pdf", "image/jpeg", "image/png", "image/webp", "application/octet-stream")
# Photos as iPhones keep them; they send others if asked for a photo.
HEIC = ("image/heic", "image/heif")
DOCUMENT_LIMIT = 20 * 1024 * 1024


def unacceptable(media: Media) -> Say | None:
    """Why a file cannot be taken, as far as its description tells; the worker looks at its content."""
    if media.size is not None and media.size > DOCUMENT_LIMIT:
        return Say("refused.file_size", {"limit": DOCUMENT_LIMIT // 2**20, "size": f"{media.size / 2**20:.0f}"})
    described = media.content_type is not None or media.kind == "document"
    if media.kind in {"photo", "document"} and described and media.content_type not in DOCUMENTS:
        return Say("refused.file_heic" if media.content_type in HEIC else "refused.file_type")
    return None


def take_pin(conversation: Conversation, message: Incoming, facts: Facts) -> Turn:
    """A location pin answers the place; the region is asked if no words have told it."""
    if message.place is None:
        return Turn(conversation)
    pin = message.place
    point = f"{pin.latitude:.5f}, {pin.longitude:.5f}"
    if conversation.draft is None and (ticket := _ticket_for_pin(conversation, facts)):
        return filed.said_about(conversation, ticket, f"{pin.label} ({point})" if pin.label else point)
    conversation = conversation if conversation.draft else new_draft(conversation, facts)
    draft = _add_to_place(_draft_of(conversation), pin.label or "", message.sequence)
    place = draft.value("place") or {}
    if not place.get("region") and pin.label and (found := facts.locate(pin.label)) and not found.among:
        draft = draft.answer("place", {**place, "region": found.region, "name": found.name}, message.sequence)
    draft = _pinned(draft, pin.latitude, pin.longitude, message.sequence)
    return go_on(replace(conversation, draft=draft), facts, Say("noted.pin"))


def _pinned(draft: Draft, latitude: float, longitude: float, sequence: int) -> Draft:
    """The draft with this point as its place, beside the words that it has for it."""
    place = draft.value("place") or {}
    words = place.get("text") or f"{latitude:.5f}, {longitude:.5f}"
    place = {"region": None, "name": None, **place, "text": words, "latitude": latitude, "longitude": longitude}
    return _moved(draft.answer("place", place, sequence))


# --- where a photo was taken --------------------------------------------------------------------------


def take_photo_place(conversation: Conversation, photo: int, number: int) -> Turn:
    """A photo of the draft of that number tells where it was taken: the citizen is asked whether that counts, when the
    turn of that question comes, once for each draft. Where it will not be asked, the place is forgotten."""
    draft = conversation.draft
    if draft is not None and draft.number == number and _may_ask_for_photo_place(draft):
        return Turn(replace(conversation, draft=draft.know(photographed=photo)))
    for at, parked in enumerate(conversation.parked):
        if parked.number == number and _may_ask_for_photo_place(parked):
            drafts = (*conversation.parked[:at], parked.know(photographed=photo), *conversation.parked[at + 1 :])
            return Turn(replace(conversation, parked=drafts))
    return Turn(conversation, wishes=(ForgetPlace(photo),))


def _may_ask_for_photo_place(draft: Draft) -> bool:
    pinned = (draft.value("place") or {}).get("latitude") is not None
    return not (pinned or draft.context.get("photographed") or "photo_place" in draft.answers)


def _photo_place_told(conversation: Conversation, draft: Draft, value: str, sequence: int, facts: Facts) -> Turn:
    """Whether the place of a photo counts: it is brought only where it does, and forgotten in any case."""
    photo = draft.context.get("photographed")
    draft = draft.answer("photo_place", value, sequence).know(photographed=None)
    conversation = replace(conversation, draft=draft)
    if photo is None:
        return go_on(conversation, facts)
    if value == "yes":
        return Turn(conversation, wishes=(TakePlace(photo),))
    turn = go_on(conversation, facts, Say("noted.photo_place_left"))
    return replace(turn, wishes=(ForgetPlace(photo), *turn.wishes))


def placed(turn: Turn, found: tuple[float, float] | None, facts: Facts) -> Turn:
    """The place of the photo is that of the report; None: it has been forgotten meanwhile."""
    draft = turn.conversation.draft
    if draft is None:
        return turn
    if found is None:
        return joined(turn, go_on(turn.conversation, facts, Say("noted.photo_place_gone")))
    told = draft.answers.get("photo_place", Answer(None))
    conversation = replace(turn.conversation, draft=_pinned(draft, *found, told.sequence or TAPPED))
    return joined(turn, go_on(conversation, facts, Say("noted.pin")))


def _ticket_for_pin(conversation: Conversation, facts: Facts) -> str | None:
    """The filed complaint whose office has asked, and which this citizen is answering."""
    if conversation.about and conversation.asking == "reply":
        return conversation.about
    if facts.quoted or assisting.is_active(facts):
        return facts.quoted
    return next((own.ticket for own in facts.own if own.status == filed.WAITING), None)


def take_edit(conversation: Conversation, message: Incoming, facts: Facts) -> Turn:
    """An edited message replaces what it said before, or is added to the complaint that is filed already."""
    draft, last = conversation.draft, conversation.last
    if message.place is not None:
        return Turn(conversation)  # a live location goes on: where it began is where it is
    if any(part.sequence == message.sequence for part in conversation.held):
        return go_on(_hold(conversation, message), facts, Say("noted.edit"))
    if draft is not None and any(part.sequence == message.sequence for part in draft.told):
        draft = _retell(draft, message, facts)
        return go_on(replace(conversation, draft=draft), facts, Say("noted.edit"))
    if draft is not None:
        for name, answer in draft.answers.items():
            if answer.sequence == message.sequence and name in QUESTIONS and message.sequence:
                return _answer(conversation, draft, QUESTIONS[name], message, facts)
    for at, parked in enumerate(conversation.parked):
        if any(part.sequence == message.sequence for part in parked.told):
            drafts = (*conversation.parked[:at], _retell(parked, message, facts), *conversation.parked[at + 1 :])
            return still(replace(conversation, parked=drafts), facts, Say("noted.edit"))
    if last is not None and message.sequence in last.sequences:
        # Words that were taken back are no reply.
        return Turn(conversation, wishes=(Reply(last.ticket, message.text),) if message.text.strip() else ())
    if not message.text:
        return Turn(conversation)
    if draft is not None and _may_be_of_before(draft, message, facts):
        return still(conversation, facts, Say("assist.edit_unknown"))
    return _add(conversation, message, facts) if draft else still(conversation, facts, Say("edit_unknown"))


def _may_be_of_before(draft: Draft, message: Incoming, facts: Facts) -> bool:
    """Whether an edit may be of what another resident told, whose report has gone: where residents are assisted, all
    that is not newer than everything in this draft. An edit that has overtaken its message is."""
    if not (assisting.is_active(facts) or assisting.stays_here(draft)):
        return False
    known = [part.sequence for part in draft.told] + [answer.sequence for answer in draft.answers.values()]
    heard = [each for each in (*known, *draft.context.get("spoken", ())) if each > 0]
    return not heard or message.sequence <= max(heard)


def _retell(draft: Draft, message: Incoming, facts: Facts) -> Draft:
    """The draft with that part of its story as it reads now; without it, if all its words are gone."""
    if message.text.strip():
        return read_story(draft.tell(message.text, message.sequence), facts)
    draft = replace(draft, told=tuple(part for part in draft.told if part.sequence != message.sequence))
    return read_story(draft if draft.told else draft.forget("story"), facts)


def tap(conversation: Conversation, number: str, name: str, choice: str, message: Incoming, facts: Facts) -> Turn:
    """A button below a question about a draft: of this one, or of an old one."""
    draft, question = conversation.draft, QUESTIONS.get(name)
    if draft is None or question is None or number != str(draft.number):
        if draft is None and conversation.last and number == str(conversation.last.number):
            return still(conversation, facts, Say("already_filed", {"ticket": conversation.last.ticket}))
        return still(conversation, facts, Say("old_button"))
    choices = {each.choice for each in question.choices_for(draft)}
    if choice not in choices or _is_settled(conversation, question, choice, draft):
        return still(conversation, facts, Say("old_button"))
    if choice == "skip":
        return _skip(conversation, draft, question, facts)
    if name == "consent" and conversation.asking != name:
        return go_on(conversation, facts)  # read aloud again, before it is answered
    # Sent is what the summary shows: it must be complete, and have been said.
    if name == "confirm" and choice == "send" and (next_question(draft).name != name or conversation.asking is None):
        return go_on(conversation, facts)
    value = question.value(choice, draft)
    return _accept(conversation, draft, question, value, message.sequence or TAPPED, facts)


def _is_settled(conversation: Conversation, question: Question, choice: str, draft: Draft) -> bool:
    """Whether a button below this question comes too late: what it asked about is not there any more."""
    if conversation.held:
        return question is not RESUME
    if (choice == "skip" or question.name == "story") and question.name in draft.answers:
        return conversation.asking != question.name  # it was answered since
    around = draft.context.get("around") or {}
    if question.name == "neighbours" and not (around.get("ids") or around.get("own")):
        return True
    return question.name not in CHANGEABLE.values() and not question.needed(draft)


# --- drafts -------------------------------------------------------------------------------------------


def _draft_of(conversation: Conversation) -> Draft:
    """The draft that the caller knows to be there."""
    if conversation.draft is None:
        raise LookupError("no draft")
    return conversation.draft


def new_draft(conversation: Conversation, facts: Facts) -> Conversation:
    """The conversation with an empty draft, under the next number; where residents are assisted it says so."""
    number = conversation.drafts + 1
    draft = assisting.marked(Draft(number), facts)
    return replace(conversation, drafts=number, draft=draft, asking=None, about=None, tries=0)
