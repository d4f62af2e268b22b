"""After filing: what a citizen says and does about complaints that are filed.

Closure belongs to the citizen: "belum selesai" sends a complaint back with a reason, "sudah selesai" closes it,
and only stars that were given are stars.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from bot import answers
from bot.answers import Refused
from bot.asides import Afterwards, afterwards_in, says_not_yet
from bot.asking import ASKING, ask_about, go_on, labelled, offered, still, with_question
from bot.conversation import Conversation
from bot.messages import Incoming
from bot.script import ACTS, AFTERWARDS, NAMED, TICKET, TRIES, Question, excerpt
from bot.turns import Act, Elsewhere, Erase, Facts, Offer, Own, Reply, Say, TicketState, Turn, Verdict

# Words that are longer than this are no name of an agency and no comment on stars, but a story.
LONGEST_ASIDE = {"agency": 12, "comment": 60}
# A message has room for ten buttons.
MOST_OFFERED = 8
# What can still be said of a complaint that has ended; that it is not solved is a new one.
AFTER_THE_END = frozenset({"rate", "add", "answer", "withdraw"})
_NOT_YET = re.compile(r"\b(?:belum|blm|blum|durung|lum)\s+(?:selesai|beres|tuntas|rampung)", re.IGNORECASE)
# What cannot be taken back is done only while it is asked: an old button does nothing.
IRREVOCABLE = frozenset({"erase", "withdraw"})
# States in which an agency has answered, and in which an office waits for the citizen.
ANSWERED = frozenset({"ditindaklanjuti", "selesai_otomatis"})
WAITING = "menunggu_kelengkapan"
# What is asked before an act is done, by its verb.
ASKED_FIRST = {"dispute": "reason", "withdraw": "withdraw", "reply": "reply"}
# What is asked once an act is done.
ASKED_NEXT = {"confirm": "rating", "rate": "comment", "deny": "agency"}


# --- buttons and words -----------------------------------------------------------------------------


def tap(conversation: Conversation, ticket: str, name: str, choice: str, facts: Facts) -> Turn:
    """A button below news about a complaint, or below a question about one; without a ticket about the chat itself."""
    if not ticket and name != "erase":
        return still(conversation, facts, Say("old_button"))
    # "T-…:reply" begins a reply, "T-…:withdraw:yes" answers the question that follows.
    if choice and (question := AFTERWARDS.get(name)):
        if choice not in {each.choice for each in question.choices_for(None)}:
            return still(conversation, facts, Say("old_button"))
        if name in IRREVOCABLE and (conversation.asking, conversation.about) != (name, ticket):
            return still(conversation, facts, Say("old_button"))
        return _answered(conversation, question, ticket, None if choice == "skip" else choice, facts)
    if verb := ACTS.get(name):
        return begin(conversation, verb, ticket, choice)
    return still(conversation, facts, Say("old_button"))


def begin(conversation: Conversation, verb: str, ticket: str, choice: str) -> Turn:
    """Begin an act on a complaint: what must be known for it is asked first."""
    if verb == "rate":
        if choice in {"1", "2", "3", "4", "5"}:
            return _wish(conversation, Act("rate", ticket, stars=int(choice)))
        return ask_about(conversation, AFTERWARDS["rating"], ticket)
    if asked := ASKED_FIRST.get(verb):
        return ask_about(conversation, AFTERWARDS[asked], ticket)
    return _wish(conversation, Act(verb, ticket))


def pressed(conversation: Conversation, text: str, facts: Facts) -> Turn | None:
    """What a button below news about a complaint does, where its words were written instead; None for other words, and
    where there is no complaint."""
    name = _pressed(text, facts)
    if name is None or not (facts.quoted or facts.own or conversation.last):
        return None
    theirs = _pressable(conversation, name, facts)
    if not theirs:
        return go_on(conversation, facts, Say("after.nothing_open"))
    return begin(conversation, ACTS[name], theirs[0], "") if len(theirs) == 1 else _which(conversation, name, facts)


def _pressed(text: str, facts: Facts) -> str | None:
    """The act whose button these words stand for. Other words for it count where they answer the news itself."""
    if name := labelled([(act, f"choice.ticket.{act}", {}) for act in ACTS], text):
        return name
    states = {each.status for each in facts.own}
    if says_not_yet(text) and states & ANSWERED and WAITING not in states:
        return "unresolved"
    act = act_in(text) if facts.quoted else None
    return act.act if act and act.sure and act.act in ACTS and not (act.rest or gives_reason(text)) else None


def _pressable(conversation: Conversation, name: str, facts: Facts) -> list[str]:
    """The tickets that a button of that name, which nobody tapped, may have stood below."""
    if facts.quoted:
        return [facts.quoted]
    own, last = _of_role(name, facts), conversation.last
    if name == "reply" and (waiting := [each for each in own if each.status == WAITING]):
        own = waiting
    ended = last is not None and name != "unfollow" and last.ticket not in {each.ticket for each in facts.own}
    if last is not None and ended and (name == "rate" or not own):
        return [last.ticket]
    return [each.ticket for each in own]


def _of_role(name: str, facts: Facts) -> list[Own]:
    """The citizen's own complaints; those that they follow, where it is about following."""
    return [each for each in facts.own if (each.role == "pengikut") == (name == "unfollow")]


def _which(conversation: Conversation, name: str, facts: Facts) -> Turn:
    """Ask which complaint is meant, with a button of that act for each."""
    offers = tuple(
        Offer(
            "choice.belongs.ticket",
            f"{each.ticket}:{name}",
            {"ticket": each.ticket, "title": excerpt(each.title, NAMED)},
        )
        if each.title
        else Offer("choice.belongs.followed", f"{each.ticket}:{name}", {"ticket": each.ticket})
        for each in _of_role(name, facts)[:MOST_OFFERED]
    )
    return Turn(conversation, (Say("after.which_ticket"),), buttons=offers)


def act_in(text: str) -> Afterwards | None:
    """The act that words speak of, or that they begin with: "belum selesai pak, atapnya masih bocor"."""
    if act := afterwards_in(text):
        return act
    head, mark, _ = re.split(r"([,.;:!])", text, maxsplit=1) if re.search(r"[,.;:!]", text) else (text, "", "")
    act = afterwards_in(head) if mark else None
    return act if act and act.act == "unresolved" and act.sure and _NOT_YET.search(head) else None


def act_in_words(conversation: Conversation, act: Afterwards, text: str, facts: Facts) -> Turn:
    """An act that the citizen has put into words, such as "belum selesai"."""
    ticket, last = named(text, facts.own), conversation.last
    own = [ticket] if ticket else [each.ticket for each in facts.own if each.role == "pelapor"]
    if not own and last is not None:
        own = [last.ticket]  # it has ended, and can still be rated
    if len(own) != 1:
        if not own:
            return go_on(conversation, facts, Say("after.nothing_open"))
        return _which(conversation, act.act if act.act in ACTS else "reply", facts)
    [ticket] = own
    if act.act in {"add", "answer"}:
        return _wish(conversation, Reply(ticket, act.rest or text))
    if act.act == "unresolved" and gives_reason(text):
        return _wish(conversation, Act("dispute", ticket, text))
    if act.act == "rate" and act.stars:
        return _wish(conversation, Act("rate", ticket, act.rest or None, act.stars))
    if act.act == "wrong_agency" and act.rest:
        return _wish(conversation, Act("deny", ticket, act.rest))
    return begin(conversation, ACTS[act.act], ticket, str(act.stars or ""))


def said_about(conversation: Conversation, ticket: str, text: str) -> Turn:
    """Words that answer a message of ours about this complaint."""
    return _wish(conversation, Reply(ticket, text))


def gives_reason(text: str) -> bool:
    """Whether words that something is not solved also say what."""
    return len(answers.plain(text).split()) > 3


def named(text: str, own: tuple[Own, ...]) -> str | None:
    """The one of these complaints whose number is in the text."""
    digits = {"".join(filter(str.isdigit, found.group())) for found in TICKET.finditer(text.casefold())}
    return next((each.ticket for each in own if "".join(filter(str.isdigit, each.ticket)) in digits), None)


# --- a question that waits -----------------------------------------------------------------------------


def answer(conversation: Conversation, message: Incoming, facts: Facts) -> Turn | None:
    """Words while a question about a filed complaint waits; None if they are something else."""
    question = AFTERWARDS[conversation.asking or ""]
    text, about = message.text, conversation.about or ""
    if len(text.split()) > LONGEST_ASIDE.get(question.name, 10_000):
        return None
    if chosen := offered(question, None, text):
        return _answered(conversation, question, about, None if chosen == "skip" else chosen, facts)
    if question.skippable and (answers.declines(text) or answers.plain(text) in answers.SKIP):
        return _answered(conversation, question, about, None, facts)
    if question.name in {"rating", "comment", "agency"} and answers.thanks(text):
        return _answered(conversation, question, about, None, facts)
    try:
        value = question.read(text, facts.locate, facts.today)
    except Refused as refused:
        if conversation.tries + 1 >= TRIES or len(text.split()) > 5:
            return None  # the citizen speaks of something else
        conversation = replace(conversation, tries=conversation.tries + 1)
        return with_question(Turn(conversation, (Say(f"refused.{refused.key}"),)), facts)
    return _answered(conversation, question, about, value, facts)


def _answered(conversation: Conversation, question: Question, about: str, value: Any, facts: Facts) -> Turn:
    match question.name:
        case "reason":
            return _wish(conversation, Act("dispute", about, value))
        case "rating" if value:
            return _wish(conversation, Act("rate", about, stars=int(value)))
        case "comment" if value:
            return _wish(conversation, Act("comment", about, value))
        case "reply" | "agency" if value:
            return _wish(conversation, Reply(about, value))
        case "withdraw" if value == "yes":
            return _wish(conversation, Act("withdraw", about))
        case "erase" if value == "yes":
            return Turn(_done_asking(conversation), wishes=(Erase(),))
    return go_on(_done_asking(conversation), facts, Say("after.left"))


def _wish(conversation: Conversation, wish: Act | Reply) -> Turn:
    return Turn(_done_asking(conversation), wishes=(wish,))


def _done_asking(conversation: Conversation) -> Conversation:
    return conversation if conversation.about is None else replace(conversation, asking=None, about=None, tries=0)


# --- what became of it --------------------------------------------------------------------------------


def told(turn: Turn, wish: Act | Reply, verdict: Verdict, facts: Facts) -> Turn:
    """The words for what became of a wish about a filed complaint, and what is asked next."""
    verb = wish.verb if isinstance(wish, Act) else "reply"
    ticket = verdict.ticket or wish.ticket
    said = Say(f"after.{verb}.done" if verdict.key == "done" else f"after.{verdict.key}", {"ticket": ticket})
    conversation = turn.conversation
    following = None if isinstance(wish, Act) and wish.text else ASKED_NEXT.get(verb)
    if verdict.key == "done" and following and conversation.draft is None:
        return replace(turn, **_parts(ask_about(conversation, AFTERWARDS[following], ticket, *turn.replies, said)))
    later = (
        (Say("reads_next", {"when": {"moment": at.isoformat()}}),)
        if verb == "dispute" and (at := facts.reads_next(None))
        else ()
    )
    if (conversation.draft is not None or conversation.about is not None) and turn.asks is None:
        return replace(turn, **_parts(still(conversation, facts, *turn.replies, said, *later)))
    return replace(turn, replies=(*turn.replies, said, *later))


def _parts(turn: Turn) -> dict[str, Any]:
    return {
        "conversation": turn.conversation,
        "replies": turn.replies,
        "asks": turn.asks,
        "buttons": turn.buttons,
    }


def tell_states(turn: Turn, ticket: str | None, states: list[TicketState]) -> Turn:
    """What `status` shows: a line for each, and of a single one also its numbers in other systems, the answer, the last
    day, and what can be done."""
    if not states:
        key = "status.unknown" if ticket else "status.none"
        return replace(turn, replies=(Say(key, {"ticket": ticket}), *turn.replies))
    says = [_line(state) for state in states]
    if len(states) == 1:
        [state] = states
        says += [_number(each) for each in state.elsewhere]
        if state.answer:
            says.append(Say("status.answer", {"answer": state.answer}))
        if state.closes:
            says.append(Say("status.closes", {"day": {"date": state.closes.isoformat()}}))
        if not turn.buttons:
            turn = replace(turn, buttons=tuple(Offer(f"choice.ticket.{a}", f"{state.ticket}:{a}") for a in state.acts))
    # What was said before stays first, the question that waits last.
    said = turn.replies
    at = next((at for at, say in enumerate(said) if say.key.startswith(ASKING)), len(said))
    return replace(turn, replies=(*said[:at], *says, *said[at:]))


def _number(known: Elsewhere) -> Say:
    said = {"system": known.system, "number": known.number}
    if known.status is None or known.at is None:
        return Say("status.reference", said)
    return Say("status.reference_status", {**said, "status": known.status, "date": {"moment": known.at.isoformat()}})


def _line(state: TicketState) -> Say:
    own = state.role == "pelapor"
    return Say(
        "status.line" if own else "status.line_followed",
        {
            "ticket": state.ticket,
            "title": state.title,
            "state": {
                "key": f"{'state' if own else 'state_followed'}.{state.status}",
                "params": {"agency": state.agency or {"key": "office.kominfo"}},
            },
            "date": {"moment": state.changed_at.isoformat()},
        },
    )
