"""Words that work at any time, in the middle of any question: status, bantuan, batal, pindah, hubungkan, hapus ..."""

from __future__ import annotations

import re
from dataclasses import replace

from bot import assisting, drafting, training
from bot.asides import command_in
from bot.asking import ask, ask_about, go_on, greet, joined, next_parked, still, with_question
from bot.conversation import Conversation
from bot.script import (
    AFTERWARDS,
    ASKS_NUMBER,
    ASKS_STATUS,
    CARRIED,
    COMMANDS,
    NUMBER,
    NUMBER_DIGITS,
    QUESTIONS,
    TICKET,
    WHICH,
)
from bot.turns import (
    Adopt,
    CallHuman,
    Carried,
    CarryIn,
    CarryOut,
    Facts,
    LinkIn,
    LinkOut,
    Offer,
    Say,
    ShowData,
    ShowStatus,
    Turn,
    Unlink,
)

# That something waits was announced; this asks for it, in words or with the button below ("T-…:read", "chat:read").
NEWS, READING = "news", "read"
# A tap that says yes to linking this chat with another one ("chat:link:<code>").
LINKING = "link"
# What the reader of citizens' own words calls a command.
IN_WORDS = {"move": "move", "mydata": "data", "erase": "erase"}
# Two chats become those of one citizen, and are two again. What follows the word is a code, and the consent behind it;
# electricity and pipes are linked and cut, too, so other words must be about chats, and few (characters).
LONGEST = 80
_LINK, _UNLINK = "hubungkan|hubungkn|hubungin|sambungkan|link|connect", "putuskan|putusin|unlink|disconnect"
_CHATS = (
    r"(?:(?:dua|kedua|two|both|my|this|chat|percakapan|obrolan|akun|aplikasi|account|app|apps|chats|accounts|saya|ini|sy"
    r"|ke|dengan|dgn|sama|dan|dari|to|with|and|from|yang|lain|lainnya|other|another|the"
    r"|telegram|tele|tg|whatsapp|whatsap|wa|webchat|web|hp)(?:\s+|$))*"
)
_LINKS, _UNLINKS = (re.compile(rf"/?(?:{verb})(?:\s+{_CHATS})?") for verb in (_LINK, _UNLINK))
_CODED = re.compile(rf"/?(?:{_LINK})\s+(?P<code>.+?)(?P<agreed>\s+(?:setuju|agree))?")


def read(text: str) -> tuple[str | None, str | None]:
    """The command that a text is, and its argument (a ticket's words, a code). `/status@bot` is `/status`."""
    words = " ".join(text.casefold().split()).strip(" .!?")
    head, _, rest = words.partition(" ")
    if head.startswith("/"):
        head = head.split("@", 1)[0]
    whole = f"{head} {rest}".strip()
    if whole in COMMANDS:
        return COMMANDS[whole], None
    if code := training.code_in(whole):
        return "kawan", code
    if COMMANDS.get(head) in {"status", "move"} and TICKET.fullmatch(rest):
        return COMMANDS[head], rest
    if words.startswith("t") and TICKET.fullmatch(words):
        return "status", words.upper()
    if ASKS_STATUS.fullmatch(words):
        return "status", None
    if (numbered := NUMBER.fullmatch(words)) and ASKS_NUMBER.search(words):
        return "status", numbered["number"]
    if carried := CARRIED.fullmatch(re.sub(r"^/start\s+ambil_", "ambil ", whole)):
        return "carry", carried["code"]
    if (coded := _CODED.fullmatch(whole)) and CARRIED.fullmatch(f"pindah {coded['code']}"):
        return "link_in" if coded["agreed"] else "link_asked", coded["code"]
    if len(whole) <= LONGEST and _LINKS.fullmatch(whole):
        return "link", None
    if len(whole) <= LONGEST and _UNLINKS.fullmatch(whole):
        return "unlink", None
    if head == "/start":  # with what a link to the bot carries
        return "start", None
    return IN_WORDS.get(command_in(text) or ""), None


def bare_number(text: str) -> str | None:
    """What may be a number of SP4N-LAPOR! in a text that says no more than that, such as "no. 9171234". It could as
    well be something else: where a story is told, it is part of it."""
    found = NUMBER.fullmatch(" ".join(text.casefold().split()).strip(" .!?#"))
    return found["number"] if found and len(found["number"]) == NUMBER_DIGITS else None


def obey(conversation: Conversation, command: str, argument: str | None, facts: Facts) -> Turn:
    """Do what a command says; the question that waited is asked again."""
    match command:
        case "status":
            return with_question(Turn(conversation, wishes=(ShowStatus(argument),)), facts)
        case "human":
            said = (Say("human_called"), *_when_read(facts))
            return with_question(Turn(conversation, said, wishes=(CallHuman(),)), facts)
        case "help":
            more = (Say("assist.help"),) if assisting.is_active(facts) else ()
            return with_question(Turn(conversation, (Say("help"), *more)), facts)
        case "english" | "indonesian":
            conversation = replace(conversation, language="en" if command == "english" else "id")
            return with_question(Turn(conversation, (Say("language"),)), facts)
        case "cancel":
            if conversation.about is not None:
                return go_on(replace(conversation, asking=None, about=None), facts, Say("after.left"))
            return drafting.cancel(conversation, facts)
        case "again":
            if conversation.draft is None:
                return greet(replace(conversation, greeted=False))
            if assisting.is_assisted(conversation.draft):
                return assisting.started_anew(conversation, conversation.draft, facts)
            said = (Say("again"),) if next_parked(conversation) else (Say("again"), Say("ask.story"))
            return go_on(replace(conversation, draft=None, asking=None, held=()), facts, *said)
        case "change":
            return (
                ask(conversation, WHICH, facts)
                if conversation.draft
                else still(conversation, facts, Say("nothing_to_change"))
            )
        case "move":
            if conversation.draft is not None and not argument and assisting.stays_here(conversation.draft):
                return still(conversation, facts, Say("assist.no_move"))
            draft = conversation.draft.number if conversation.draft and not argument else None
            return Turn(conversation, wishes=(CarryOut(draft, argument and argument.upper()),))
        case "carry":
            if conversation.draft is not None:
                return still(conversation, facts, Say("move.finish_first"))
            return Turn(conversation, wishes=(CarryIn(argument or ""),))
        case "link":
            return Turn(conversation, wishes=(LinkOut(),))
        case "link_asked":
            return _ask_to_link(conversation, argument or "", facts)
        case "link_in":
            return Turn(conversation, wishes=(LinkIn(argument or ""),))
        case "unlink":
            return Turn(conversation, wishes=(Unlink(),))
        case "assist":
            return assisting.begin(conversation, facts)
        case "assisted":
            return assisting.offer_list(conversation, facts)
        case "take_back":
            return assisting.take_back(conversation, argument, facts)
        case "kawan":
            return training.obey(conversation, argument, facts)
        case "news":
            return with_question(Turn(conversation, (Say("news_none"),)), facts)
        case "data":
            return with_question(Turn(conversation, wishes=(ShowData(),)), facts)
        case "erase":
            return ask_about(conversation, AFTERWARDS["erase"], None, Say("rights.erase_explained"))
    if conversation.draft is None:
        return greet(replace(conversation, greeted=False))
    return go_on(conversation, facts, Say("draft_waits"))


def _when_read(facts: Facts) -> tuple[Say, ...]:
    at = facts.reads_next(None)
    return (Say("reads_next", {"when": {"moment": at.isoformat()}}),) if at else ()


def carried_out(turn: Turn, wish: CarryOut, outcome: tuple[str, str] | None, facts: Facts) -> Turn:
    """The code is there, or there is nothing that it could carry."""
    if outcome is None:
        return with_question(replace(turn, replies=(*turn.replies, Say("move.nothing"))), facts)
    code, until = outcome
    what = "draft" if wish.draft is not None else "tickets"
    said = Say(f"move.code_{what}", {"code": code, "until": {"time": until}})
    return replace(turn, replies=(*turn.replies, said))


def carried_in(turn: Turn, carried: Carried, facts: Facts) -> Turn:
    """What the code brought: a draft goes on where it stood, under this chat's next number; tickets are told."""
    conversation = turn.conversation
    if carried.problem:
        return with_question(replace(turn, replies=(*turn.replies, Say(f"move.{carried.problem}"))), facts)
    if carried.draft is None:
        said = Say("move.taken_over" if carried.taken_over else "move.tickets", {"tickets": "\n".join(carried.tickets)})
        arrived = with_question(replace(turn, replies=(*turn.replies, said)), facts)
        # Whoever takes a report over has heard nothing of it yet: how it stands, the answer, what can be done.
        looked = tuple(ShowStatus(ticket) for ticket in carried.tickets) if carried.taken_over else ()
        return replace(arrived, wishes=(*arrived.wishes, *looked))
    number = conversation.drafts + 1
    # The messages of the other chat have no place among those of this one: nothing here can edit them.
    told = tuple(
        replace(part, sequence=-len(carried.draft.told) + at - 1) for at, part in enumerate(carried.draft.told)
    )
    answers = {
        name: replace(each, sequence=-1 if each.sequence > 0 else each.sequence)
        for name, each in carried.draft.answers.items()
    }
    draft = replace(carried.draft, number=number, told=told, answers=answers)
    if heard := draft.context.get("heard"):
        others = [[words, 0] for words, _ in draft.context.get("heard_next") or ()]
        draft = draft.know(heard=[heard[0], 0], heard_next=others)
    conversation = replace(conversation, drafts=number, draft=draft, greeted=True)
    later = joined(replace(turn, replies=(*turn.replies, Say("move.draft"))), go_on(conversation, facts))
    return replace(later, wishes=(*later.wishes, Adopt(number, *carried.origin)))


def link_offered(turn: Turn, offered: tuple[str, str], facts: Facts) -> Turn:
    """The code is there; the question that waited goes on."""
    code, until = offered
    said = Say("link.code", {"code": code, "until": {"time": until}})
    return with_question(replace(turn, replies=(*turn.replies, said)), facts)


def _ask_to_link(conversation: Conversation, code: str, facts: Facts) -> Turn:
    """Ask for consent before anything is linked: somebody may have talked the citizen into sending a code that is not
    theirs, and would read all their reports. No question waits for it, since words such as "ya" answer the one about
    the draft; consent has words and a button of its own, and works once, as the code does."""
    code = code.upper()
    turn = with_question(Turn(conversation, (Say("link.confirm", {"code": code}),)), facts)
    agree = Offer("choice.link", f"chat:{LINKING}:{code}")
    return turn if turn.buttons or turn.asks else replace(turn, buttons=(agree,))


def linked(turn: Turn, code: str, outcome: str, facts: Facts) -> Turn:
    """Both chats are one citizen's, or the code was no good; the question that waited goes on."""
    said = Say(f"link.{outcome}", {"code": code.upper()})
    return with_question(replace(turn, replies=(*turn.replies, said)), facts)


def known_question(name: str | None) -> bool:
    """Whether the script still has this question."""
    return name in QUESTIONS or name in AFTERWARDS
