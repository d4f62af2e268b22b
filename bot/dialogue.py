"""The engine: `advance(conversation, message, facts) -> Turn`. Pure: the same values in, the same out.

What the engine must know comes in as `Facts`; what must be done comes out as wishes, which the shell
fulfils in the same transaction; a wish with an outcome the citizen waits for is given back through
`resume`. The way of a message: `advance` looks at what kind it is and hands it to `commands.py` (words that
work at any time), `filed.py` (complaints that are filed) or `drafting.py` (the report in the making; where
it is written for a resident, `assisting.py` begins, opens and ends it); `asking.py` then asks the next question that
is needed. A danger is answered before all that, and whoever may not assist any more goes no further.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot import answers, assisting, commands, drafting, filed, training
from bot.answers import Refused
from bot.asking import NOTHING_AROUND, go_on, joined, next_parked, still, title, with_question
from bot.conversation import Conversation, Draft, Filed
from bot.messages import Incoming
from bot.script import (
    AFTERWARDS,
    MESSAGES_A_MINUTE,
    QUESTIONS,
    RETURNS_AFTER,
    SLEPT,
    SP4N_TEXT,
    TICKET,
    is_assisted,
)
from bot.turns import (
    Act,
    Around,
    Assist,
    CarryIn,
    CarryOut,
    Erase,
    Facts,
    File,
    Follow,
    ForgetPlace,
    Forsake,
    Join,
    KeepMedia,
    Learn,
    LinkIn,
    LinkOut,
    LookAround,
    Receipt,
    Redeem,
    Reply,
    ReportDanger,
    Say,
    ShowAssisted,
    ShowData,
    ShowStatus,
    TakePlace,
    Turn,
    Unlink,
    Unreachable,
    Verdict,
    Wish,
    WithdrawConsent,
)

MINUTE = 60.0
# In the place of a draft's number, for words that are held.
HELD = 0
# Contents that are not words and that we have words for; any other kind has its own sentence.
UNSUPPORTED = frozenset({"unblocked", "sticker", "contact", "poll", "dice", "story", "game", "blank", "checklist"})
# What is said to the fastest writer too: a person is called, a report is dropped.
SAID_ALWAYS = frozenset({
    "human_called", "cancelled", "again", "offer_declined", "assist.cancelled", "assist.declined", "assist.not_kept",
    "assist.taken_back", "assist.ended", "assist.too_old",
})  # fmt: skip
# What may still be said to the draft of somebody who may not assist any more; any other command is done as always.
ABOUT_DRAFT = frozenset({"start", "cancel", "again", "change", "move", "carry", "assist", "assisted"})
# What is said to begin with, which gives way to what helps in a danger.
GREETINGS = frozenset({"greeting", "greeting_short", "privacy_notice"})


# --- one message ----------------------------------------------------------------------------------


def advance(conversation: Conversation, message: Incoming, facts: Facts) -> Turn:
    """The turn that this message makes of this conversation. Never raises on any message."""
    if conversation == Conversation() and message.language == "en":
        conversation = replace(conversation, language="en")
    if not message.private:
        return _point_to_private_chat(conversation, message, facts)
    if message.unsupported == "blocked":
        return Turn(conversation, wishes=(Unreachable(),))
    if message.unsupported == "service":
        return Turn(conversation)  # something happened in the chat; nobody spoke to us
    if message.unsupported == "reaction":
        return _paced(_seen(conversation, facts), _reacted(conversation, facts))
    if facts.released and _only_reads(message):
        return _hear_news(_seen(conversation, facts), message, facts)
    silence = facts.now.timestamp() - conversation.seen_at if conversation.seen_at else 0.0
    if conversation.warned_at and answers.is_bare(message.text):
        # "Ya" to the announced end of a draft says that it goes on; it is no yes to the question before that.
        facts = replace(facts, unheard=True)
    before = _seen(conversation, facts)
    turn = _ended(before, message, facts, silence)
    if turn is None:
        young = assisting.without_old(before, facts)
        turn = joined(young, _turn(young.conversation, message, facts, silence))
    turn = _danger_first(before, turn, message, facts)
    if before.moved and _speaks(turn):
        turn = _prepend(Say("move.moved_away"), replace(turn, conversation=replace(turn.conversation, moved=False)))
    elif before.draft is not None and _returns(before.draft, silence, turn) and _goes_on(before.draft, turn):
        key = "assist.welcome_back" if is_assisted(before.draft) else "welcome_back"
        turn = _prepend(Say(key, {"title": title(before.draft)}), turn)
    if _length(before) <= SP4N_TEXT < _length(turn.conversation):
        length = _length(turn.conversation)
        turn = _prepend(Say("long_text", {"limit": f"{SP4N_TEXT:,}".replace(",", "."), "length": length}), turn)
    return _paced(before, turn)


def _returns(draft: Draft, silence: float, turn: Turn) -> bool:
    """Whether the draft is announced after so long a silence (seconds): soon, where somebody else may sit there now,
    unless that is being asked."""
    if is_assisted(draft):
        return silence > assisting.ANOTHER_AFTER and turn.asks != "resume"
    return silence > RETURNS_AFTER


def _ended(conversation: Conversation, message: Incoming, facts: Facts, silence: float) -> Turn | None:
    """The turn in which it is found that nobody may be assisted in this chat any more, with drafts still open: they go
    to the desk, with what this message tells of the one that was open. None where there are none."""
    given = assisting.hand_over(conversation, facts)
    if given is None:
        return None
    if _is_beside_draft(conversation, message, facts):
        return joined(given, _turn(given.conversation, message, facts, silence))
    kept: tuple[Wish, ...] = ()
    # Words that were held, and whatever says where they belong, go nowhere: they may be another resident's.
    if message.choice is None and not conversation.held and commands.read(message.text)[0] is None:
        told = _turn(conversation, message, facts, silence)
        conversation = _with_last_words(conversation, told)
        given = assisting.hand_over(conversation, facts) or given
        kept = tuple(wish for wish in told.wishes if isinstance(wish, KeepMedia | ForgetPlace))
    given = replace(given, wishes=(*kept, *given.wishes))
    if given.conversation.draft is None:
        return given
    return joined(given, go_on(given.conversation, facts))


def _is_beside_draft(conversation: Conversation, message: Incoming, facts: Facts) -> bool:
    """Whether a message has nothing to do with the draft in the making."""
    if message.choice is not None:
        return not message.choice.partition(":")[0].isdigit()
    if facts.quoted or conversation.about is not None:
        return True
    if conversation.draft is None or not is_assisted(conversation.draft):
        return True
    if message.edits or message.media or message.transcribed or message.photographed or message.place:
        return False
    command, _ = commands.read(message.text)
    return (command is not None and command not in ABOUT_DRAFT) or bool(assisting.taken_back(message.text, facts))


def _with_last_words(conversation: Conversation, told: Turn) -> Conversation:
    """The conversation, whose drafts have what this message told of them."""
    later = told.conversation
    now = {draft.number: draft for draft in (later.draft, *later.parked) if draft}
    draft, *parked = (each and now.pop(each.number, each) for each in (conversation.draft, *conversation.parked))
    # A story that was just split has become two.
    new = [each for each in now.values() if is_assisted(each)]
    waiting = tuple(each for each in (*parked, *new) if each)
    return replace(conversation, drafts=later.drafts, draft=draft, parked=waiting, held=later.held)


def _goes_on(before: Draft, turn: Turn) -> bool:
    """Whether this is still the draft in the making: it is neither dropped nor sent."""
    draft = turn.conversation.draft
    sent = any(isinstance(wish, File) for wish in turn.wishes)
    return draft is not None and draft.number == before.number and not sent


def _seen(conversation: Conversation, facts: Facts) -> Conversation:
    """The conversation, in which one more message has come now."""
    now = facts.now.timestamp()
    messages, since = conversation.pace
    pace = (messages + 1, since) if 0 <= now - since < MINUTE else (1, now)
    return replace(conversation, seen_at=now, pace=pace, warned_at=0.0, nudged=False)


def _reacted(conversation: Conversation, facts: Facts) -> Turn:
    """A thumb or a heart below a message of ours. It is no answer, whatever was asked: the question is said once more,
    and once only."""
    seen = replace(_seen(conversation, facts), nudged=True)
    if conversation.nudged or not _waits(conversation):
        return Turn(seen)
    return with_question(Turn(seen), facts)


def _waits(conversation: Conversation) -> bool:
    """Whether a question waits for an answer."""
    known = commands.known_question(conversation.asking)
    return known and (conversation.draft is not None or conversation.about is not None)


def _only_reads(message: Incoming) -> bool:
    """Whether a message only asks for what waits: a tap on the announcement, "baca", "ok", "ya", folded hands."""
    if message.choice is not None:
        return message.choice.partition(":")[2].partition(":")[0] in {commands.NEWS, commands.READING}
    words = message.text
    if message.media or message.unsupported or message.edits or message.transcribed or not words.strip():
        return False
    command, _ = commands.read(words)
    signs = not any(character.isalnum() or character == "?" for character in words)
    return command == commands.NEWS or signs or answers.accepts(words) or answers.thanks(words)


def _hear_news(conversation: Conversation, message: Incoming, facts: Facts) -> Turn:
    """What waited is being said, and is all the reply that was wanted. A "ya" that could as well be the answer to a
    question of before is none: the announcement came after it. So that is asked again."""
    if message.choice is None and _waits(conversation) and _takes_yes(conversation, message.text, facts):
        return with_question(Turn(conversation), facts)
    return Turn(conversation)


def _takes_yes(conversation: Conversation, words: str, facts: Facts) -> bool:
    """Whether these words are a yes that the question which waits would take for its answer."""
    question = QUESTIONS.get(conversation.asking or "") or AFTERWARDS[conversation.asking or ""]
    with suppress(Refused):
        return answers.accepts(words) and question.read(words, facts.locate, facts.today) is not None
    return False


def _paced(before: Conversation, turn: Turn) -> Turn:
    """Whoever writes faster than anybody reads gets one notice instead of replies. Every message counts all the same,
    and whatever is urgent is said."""
    messages, _ = before.pace
    urgent = any(isinstance(wish, ReportDanger) for wish in turn.wishes) or any(
        say.key in SAID_ALWAYS for say in turn.replies
    )
    if messages <= MESSAGES_A_MINUTE or urgent or not turn.replies:
        return turn
    said = (Say("too_fast"),) if messages == MESSAGES_A_MINUTE + 1 else ()
    # A question that is not spoken waits for no answer, and a summary that was not shown for no yes.
    unasked = replace(turn.conversation, asking=None, about=None) if turn.asks else turn.conversation
    return replace(turn, conversation=unasked, replies=said, asks=None, buttons=())


def _length(conversation: Conversation) -> int:
    return len(conversation.draft.story) if conversation.draft else 0


def _turn(conversation: Conversation, message: Incoming, facts: Facts, silence: float) -> Turn:
    if conversation.asking and not commands.known_question(conversation.asking):
        # The script changed while this conversation slept.
        turn = _turn(replace(conversation, asking=None, about=None, tries=0), message, facts, silence)
        return _prepend(Say("resumed"), turn) if conversation.draft else turn
    if message.transcribed:
        return drafting.take_transcript(conversation, message, facts)
    if message.photographed is not None:
        return drafting.take_photo_place(conversation, *message.photographed)
    if message.edits:
        return drafting.take_edit(conversation, message, facts)
    if message.choice is not None:
        return _tap(conversation, message, facts)
    if message.media is not None:
        return drafting.take_media(conversation, message, facts)
    if message.place is not None:
        return drafting.take_pin(conversation, message, facts)
    if message.unsupported is not None:
        kind = message.unsupported if message.unsupported in UNSUPPORTED else "other"
        return still(conversation, facts, Say(f"unsupported.{kind}"))
    command, argument = commands.read(message.text)
    if command is not None:
        return commands.obey(conversation, command, argument, facts)
    if ticket := assisting.taken_back(message.text, facts):
        return commands.obey(conversation, "take_back", ticket, facts)
    if wanted := assisting.chosen(conversation, message.text):
        return assisting.open_draft(conversation, str(wanted), facts)
    if conversation.draft is None and not _waits(conversation) and (number := commands.bare_number(message.text)):
        return commands.obey(conversation, "status", number, facts)
    if conversation.about is not None and conversation.asking in AFTERWARDS and not facts.unheard:
        answer = training.answer if conversation.asking in training.QUESTIONS else filed.answer
        if answered := answer(conversation, message, facts):
            return answered
        conversation = replace(conversation, asking=None, about=None, tries=0)
    another = conversation.draft is not None and is_assisted(conversation.draft)
    slept = silence > (assisting.ANOTHER_AFTER if another else SLEPT)
    return drafting.take_words(conversation, message, facts, slept=slept)


def _tap(conversation: Conversation, message: Incoming, facts: Facts) -> Turn:
    """A button: `<draft>:<question>:<choice>`, `<ticket>:<act>`, or `chat:<question>:<choice>`."""
    about, _, rest = (message.choice or "").partition(":")
    name, _, choice = rest.partition(":")
    if name in {commands.NEWS, commands.READING}:
        return commands.obey(conversation, commands.NEWS, None, facts)
    if about == "chat" and name == commands.LINKING:
        return commands.obey(conversation, "link_in", choice, facts)
    if about == "chat" and name == "assist":
        return assisting.open_draft(conversation, choice, facts)
    if about == "chat" and name in training.QUESTIONS:
        return training.tap(conversation, name, choice, facts)
    if about == "chat" or TICKET.fullmatch(about.casefold()):
        return filed.tap(conversation, "" if about == "chat" else about, name, choice, facts)
    return drafting.tap(conversation, about, name, choice, message, facts)


def _point_to_private_chat(conversation: Conversation, message: Incoming, facts: Facts) -> Turn:
    """In a group only the way to the private chat is said: to whoever addresses us, and once a day by itself."""
    today = facts.today.isoformat()
    if conversation.group_told == today and not message.addressed:
        return Turn(conversation)
    return Turn(replace(conversation, group_told=today), (Say("group", {"link": facts.bot_link}),))


def _prepend(say: Say, turn: Turn) -> Turn:
    return replace(turn, replies=(say, *turn.replies)) if _speaks(turn) else turn


def _speaks(turn: Turn) -> bool:
    """Whether something will be said, at once or when a wish is fulfilled."""
    return bool(turn.replies) or any(not isinstance(wish, KeepMedia | ForgetPlace) for wish in turn.wishes)


# --- present danger ---------------------------------------------------------------------------------


def _danger_first(before: Conversation, turn: Turn, message: Incoming, facts: Facts) -> Turn:
    """A danger that this message tells of is reported, and the numbers that help come before everything else."""
    found = _new_danger(before, turn, message, facts)
    if found is None:
        return turn
    kind, region = found
    numbers = [
        {"key": "danger.number", "params": {"number": each.number, "who": {"key": f"emergency.number.{each.key}"}}}
        for each in facts.emergency(kind, region)
    ]
    said = [Say(f"danger.{kind}", {"numbers": numbers})]
    if at := facts.reads_next(region):
        said.append(Say("danger.reads_next", {"when": {"moment": at.isoformat()}}))
    rest = tuple(say for say in turn.replies if say.key not in GREETINGS)
    greeted = before.greeted or len(rest) == len(turn.replies)
    # What was left out is said with the next reply: who we are can wait, a fire cannot.
    conversation = replace(turn.conversation, greeted=greeted)
    return replace(turn, conversation=conversation, replies=(*said, *rest), wishes=(*turn.wishes, ReportDanger(kind)))


def _new_danger(before: Conversation, turn: Turn, message: Incoming, facts: Facts) -> tuple[str, str | None] | None:
    """The kind of a present danger that this message has brought into the story or tells of a filed complaint, and the
    region where it is, if that is known."""
    for wish in turn.wishes:
        if isinstance(wish, Reply | Act) and wish.text and (kind := _danger_in(wish.text, facts)):
            place = facts.locate(wish.text)
            return kind, place.region if place else None
    known, found = _dangers(before, facts), _dangers(turn.conversation, facts)
    if HELD in known and HELD not in found:
        return None  # the words that were held have found their place
    draft = turn.conversation.draft
    here = {HELD, draft and draft.number, *(each.number for each in before.parked)}
    if new := next((danger for number, danger in found.items() if number in here and number not in known), None):
        return new
    if (before.draft and before.draft.number in known) or not (kind := _danger_in(message.text, facts)):
        return None
    # These words became an answer, or were not kept; the numbers help all the same.
    place = facts.locate(message.text)
    return kind, place.region if place else None


def _dangers(conversation: Conversation, facts: Facts) -> dict[int, tuple[str, str | None]]:
    """The dangers that the words of a chat tell of, by the number of the draft, each with its region."""
    found = {}
    for draft in (conversation.draft, *conversation.parked):
        heard, *_ = (draft and draft.context.get("heard")) or [""]
        if draft and (kind := (draft.suggestion or {}).get("danger") or _danger_in(heard, facts)):
            found[draft.number] = (kind, (draft.value("place") or {}).get("region"))
    if kind := _danger_in("\n".join(part.text for part in conversation.held), facts):
        found[HELD] = (kind, None)
    return found


def _danger_in(words: str, facts: Facts) -> str | None:
    noted = facts.suggest(words) if words else None
    return noted.danger if noted else None


# --- what the shell found or did ------------------------------------------------------------------------


def resume(turn: Turn, wish: Wish, outcome: Any, facts: Facts) -> Turn:
    """The turn again, once the shell has fulfilled `wish`, with the words that tell its outcome."""
    match wish:
        case File():
            return _filed(turn, wish, outcome, facts)
        case LookAround():
            return _looked(turn, outcome, facts)
        case Follow() | Join():
            return _joined_others(turn, wish, outcome, facts)
        case Act() | Reply():
            return filed.told(turn, wish, outcome, facts)
        case ShowStatus():
            return filed.tell_states(turn, wish.ticket, outcome)
        case CarryOut():
            return commands.carried_out(turn, wish, outcome, facts)
        case CarryIn():
            return commands.carried_in(turn, outcome, facts)
        case LinkOut():
            return commands.link_offered(turn, outcome, facts)
        case LinkIn(code):
            return commands.linked(turn, code, outcome, facts)
        case Unlink():
            return replace(turn, replies=(*turn.replies, Say("link.left" if outcome else "link.alone")))
        case Assist():
            return assisting.began(turn, outcome, facts)
        case ShowAssisted():
            return assisting.tell_kept(turn, outcome, facts)
        case WithdrawConsent():
            return assisting.tell_taken_back(turn, outcome, facts)
        case Redeem():
            return training.redeemed(turn, outcome, facts)
        case Learn():
            return training.learned(turn, outcome, facts)
        case TakePlace():
            return drafting.placed(turn, outcome, facts)
        case ShowData():
            return replace(turn, replies=(Say("rights.held", outcome), *_of_others(outcome), *turn.replies))
        case Erase():
            return _erased(turn, outcome)
    return turn


def _filed(turn: Turn, wish: File, receipt: Receipt, facts: Facts) -> Turn:
    if is_assisted(wish.draft):
        return assisting.tell_filed(turn, wish.draft, receipt, facts)
    last = Filed(
        ticket=receipt.ticket,
        number=wish.draft.number,
        sequences=(*(part.sequence for part in wish.draft.told), *wish.draft.context.get("spoken", ())),
        albums=wish.draft.albums,
        at=facts.now.timestamp(),
    )
    said = [Say("filed", {"ticket": receipt.ticket})]
    if receipt.code:
        said.append(Say("receipt", {"code": receipt.code, "link": facts.check_link}))
    said.append(Say("filed_next"))
    if at := facts.reads_next((wish.draft.value("place") or {}).get("region")):
        said.append(Say("reads_next", {"when": {"moment": at.isoformat()}}))
    conversation = replace(turn.conversation, draft=None, asking=None, tries=0, last=last)
    return _then_parked(replace(turn, conversation=conversation, replies=(*turn.replies, *said)), facts)


def _then_parked(turn: Turn, facts: Facts) -> Turn:
    """Once a draft is done, the next one that was parked is taken up."""
    if turn.conversation.draft is not None or not next_parked(turn.conversation):
        return turn
    return joined(turn, go_on(turn.conversation, facts))


def _looked(turn: Turn, around: Around, facts: Facts) -> Turn:
    """What others have reported is asked about, if there is anything; else the next question comes."""
    draft = turn.conversation.draft
    if draft is None:
        return turn
    if is_assisted(draft):
        # Nobody is asked to support anything: how far texts are alike is said, once, and the next question comes.
        said = (Say("assist.alike"),) if around.ids and not draft.context.get("alike") else ()
        alike = bool(said) or bool(draft.context.get("alike"))
        draft = draft.know(around={"ids": [], "voices": 0, "own": None}, alike=alike)
        conversation = replace(turn.conversation, draft=draft.answer("neighbours", NOTHING_AROUND))
        return joined(turn, go_on(conversation, facts, *said))
    draft = draft.know(around={"ids": list(around.ids), "voices": around.voices, "own": around.own})
    if not around.ids and not around.own:
        draft = draft.answer("neighbours", NOTHING_AROUND)
    return joined(turn, go_on(replace(turn.conversation, draft=draft), facts))


def _joined_others(turn: Turn, wish: Follow | Join, verdict: Verdict, facts: Facts) -> Turn:
    """The draft went to another complaint; if that is gone meanwhile, it is a report of its own after all."""
    if verdict.key not in {"done", "ended"}:
        draft = wish.draft.answer("neighbours", "new").know(tickets=[]).answer("belongs", "new")
        conversation = replace(turn.conversation, draft=draft)
        return joined(turn, go_on(conversation, facts, Say("after.gone")))
    key = "followed" if isinstance(wish, Follow) else "after.ended" if verdict.key == "ended" else "after.reply.done"
    said = Say(key, {"ticket": verdict.ticket})
    return _then_parked(replace(turn, replies=(*turn.replies, said)), facts)


def _of_others(outcome: Mapping[str, Any]) -> tuple[Say, ...]:
    """That what is told or erased of a chat is this chat's alone, where it is linked with others."""
    return (Say("link.each_its_own"),) if outcome.get("linked") else ()


def _erased(turn: Turn, outcome: Any) -> Turn:
    """Nothing is remembered of the chat but its language and the numbers that drafts must not repeat. What residents
    were telling in it goes, too."""
    was = turn.conversation
    assisted = [draft for draft in (was.draft, *was.parked) if draft and is_assisted(draft)]
    conversation = Conversation(
        language=was.language,
        greeted=True,
        drafts=was.drafts,
        seen_at=was.seen_at,
        pace=was.pace,
        filed_on=was.filed_on,
    )
    helper = (Say(outcome["helper"]["key"]),) if outcome.get("helper") else ()
    said = (Say("rights.erased", outcome), *helper, *_of_others(outcome))
    wishes = (*turn.wishes, *map(Forsake, assisted))
    return replace(turn, conversation=conversation, replies=said, wishes=wishes)


# --- silence --------------------------------------------------------------------------------------------


def elapse(conversation: Conversation, facts: Facts, keep: timedelta, notice: timedelta) -> Turn:
    """What silence makes of a draft: its end is announced `notice` before it, and `keep` after the last message it is
    dropped, with a word. Nothing else happens to a chat by silence."""
    waiting = tuple(draft for draft in (conversation.draft, *conversation.parked) if draft)
    if not waiting or not conversation.seen_at:
        return Turn(conversation)
    now = facts.now.timestamp()
    silence = timedelta(seconds=now - conversation.seen_at)
    if not conversation.warned_at:
        if silence < keep - notice:
            return Turn(conversation)
        ends = max(facts.now + notice, facts.now + keep - silence)
        when = {"moment": ends.isoformat()}
        said = tuple(Say("draft_expires", {"title": title(draft), "when": when}) for draft in waiting)
        return Turn(replace(conversation, warned_at=now), said)
    if silence < keep or timedelta(seconds=now - conversation.warned_at) < notice:
        return Turn(conversation)
    dropped = replace(conversation, draft=None, parked=(), held=(), asking=None, about=None, warned_at=0.0)
    said = tuple(Say("draft_expired", {"title": title(draft)}) for draft in waiting)
    return Turn(dropped, said, wishes=tuple(map(Forsake, filter(assisting.stays_here, waiting))))


def remind(conversation: Conversation, facts: Facts, until: Any) -> Turn:
    """The one reminder of a draft before we may not write any more (`until`, a parameter of a text), with the question
    that waits; nothing where its end has been announced since the citizen wrote."""
    draft = conversation.draft
    if draft is None or conversation.warned_at:
        return Turn(conversation)
    alone = Turn(conversation, (Say("push.window_draft", {"title": title(draft), "until": until}),))
    if assisting.stays_here(draft):
        return alone  # the question may show what a resident told, and they are not there now
    asked = with_question(alone, facts)
    return alone if asked.wishes else asked
