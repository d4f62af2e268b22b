"""Assisted drafts (pendampingan): a volunteer or an officer at a counter writes down what a resident says.

The dialogue is that of every other draft. What differs is data of the script: questions that look at the draft
(whose it is, consent, how the resident is reached), and their words. Here stands what is done with such drafts as a
whole: they are begun, opened one at a time, handed to the desk when whoever assists may not go on, and forgotten once
they are filed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from bot import training
from bot.asking import go_on, joined, next_question, still, title, with_question
from bot.conversation import Conversation, Draft
from bot.script import TICKET, begun, consent_words, is_assisted, privacy_of
from bot.texts import speak
from bot.turns import (
    Assist,
    Assisted,
    DropFiles,
    Facts,
    File,
    Forsake,
    GiveToDesk,
    Helper,
    Offer,
    Receipt,
    Say,
    ShowAssisted,
    Turn,
    Verdict,
    Wish,
    WithdrawConsent,
)

__all__ = [
    "Values", "began", "begin", "chosen", "consented", "done_with", "dropped", "give_up", "hand_over", "is_active",
    "is_assisted", "marked", "offer_list", "open_draft", "send", "started_anew", "stays_here", "take_back",
    "taken_back", "tell_filed", "tell_kept", "tell_taken_back", "told_whose", "values_of", "without_old",
]  # fmt: skip

# After such a silence (seconds) a whole story in an open assisted draft may be another resident's.
ANOTHER_AFTER = 1800.0
# So long does an assisted draft wait behind others: the time for which drafts are kept at most.
DRAFT_DAYS = 14
# So many may wait at once: a message has room for ten buttons.
MOST_WAITING = 8
# "buka nomor 3", in a chat where assisted drafts wait: not everybody sees buttons.
_OPENS = re.compile(r"/?(?:buka|open)\s+(?:(?:nomor|nomer|no|number)\b[\s.]*)?(?P<number>\d{1,6})")
# "cabut persetujuan T-…"; of whoever assists also "cabut T-…".
_TAKES_BACK = re.compile(
    rf"/?(?:(?:cabut|tarik|batalkan|withdraw)\s+(?P<said>persetujuan|consent)?\s*)(?P<ticket>{TICKET.pattern})"
)


@dataclass(frozen=True, slots=True)
class Values:
    """What an assisted draft says of the resident: how they are reached (chat, phone, place, none; None where that was
    not asked yet) and the number or the place for it, whether whoever assisted keeps ticket, place and status, and the
    resident's name, if it was told and is not to be hidden."""

    reach: str | None
    reach_words: str | None
    keeps: bool
    resident: str | None


def values_of(draft: Draft) -> Values:
    """What an assisted draft says of the resident, as it is filed or given to the desk."""
    reach = draft.value("reach")
    return Values(
        reach=reach,
        reach_words=draft.value("contact") if reach in {"phone", "place"} else None,
        keeps=draft.value("keeps") == "yes",
        resident=None if privacy_of(draft)["anonymous"] else draft.value("resident"),
    )


def is_active(facts: Facts) -> bool:
    """Whether residents may be assisted in this chat now."""
    return facts.helper is not None and facts.helper.active


# --- beginning ----------------------------------------------------------------------------------------


def marked(draft: Draft, facts: Facts) -> Draft:
    """A draft that somebody begins by just writing: of a volunteer it must be asked whose it is, at a counter it is a
    resident's."""
    helper = facts.helper
    if helper is None or not helper.active:
        return draft
    if helper.counter:
        return _assisted(draft, helper, facts)
    return draft.know(whose=True, began=facts.now.isoformat())


def _assisted(draft: Draft, helper: Helper, facts: Facts) -> Draft:
    """The draft as one that is written for a resident, before any consent."""
    assist = {"id": None, "at": facts.now.timestamp(), "by": helper.name, "counter": helper.counter}
    return draft.know(assist=assist, whose=False, tickets=[], began=draft.context.get("began", facts.now.isoformat()))


def begin(conversation: Conversation, facts: Facts) -> Turn:
    """`dampingi`: a draft for a resident; the one that is open waits. Whoever may not is told why, and what remains."""
    helper, draft = facts.helper, conversation.draft
    if helper is None or not helper.active:
        if helper is not None and helper.counter:
            return still(conversation, facts, Say("assist.why.counter"), Say("assist.ways"))
        first = Say("assist.train_first") if helper and helper.state == "untrained" else Say("assist.ways")
        return joined(Turn(conversation, (first,)), training.obey(conversation, None, facts))
    if draft is not None and draft.context.get("whose"):
        return told_whose(conversation, draft, "resident", facts)
    if conversation.held:
        return go_on(conversation, facts, Say("assist.first_where"))
    if draft is not None and is_assisted(draft) and _is_empty(draft):
        return go_on(conversation, facts)
    if problem := _no_more(conversation, helper):
        return still(conversation, facts, *problem)
    said: tuple[Say, ...] = ()
    if draft is not None:
        said = (Say("assist.waits", {"title": title(draft)}),)
        conversation = replace(conversation, parked=(draft, *conversation.parked))
    number = conversation.drafts + 1
    draft = _assisted(Draft(number), helper, facts)
    # Who we are is said to the resident, in the words that are read aloud.
    conversation = replace(conversation, drafts=number, draft=draft, asking=None, about=None, tries=0, greeted=True)
    return go_on(conversation, facts, *said)


def _is_empty(draft: Draft) -> bool:
    """Whether a draft was begun and nothing has been said since, not even a yes."""
    return not (draft.told or draft.photos or "consent" in draft.answers)


def _no_more(conversation: Conversation, helper: Helper) -> tuple[Say, ...]:
    """Why no other resident can be assisted just now, and what remains; empty where one can."""
    if helper.left <= 0:
        return (Say("assist.limit"), Say("assist.ways"))
    if sum(map(is_assisted, conversation.parked)) >= MOST_WAITING:
        return (Say("assist.too_many_open", {"most": str(MOST_WAITING)}),)
    return ()


def told_whose(conversation: Conversation, draft: Draft, value: str, facts: Facts) -> Turn:
    """Whose report it is, their own or a resident's. For a resident the consent is asked next; where that cannot be,
    the words are dropped: nothing of a resident is kept without it."""
    draft = draft.know(whose=False).answer("whose", value)
    if value == "self":
        return go_on(replace(conversation, draft=draft), facts)
    helper = facts.helper
    if helper is None or not helper.active or helper.left <= 0:
        why = "assist.limit" if helper and helper.active else "assist.not_now"
        turn = go_on(_without_draft(conversation), facts, Say(why), Say("assist.not_kept"), Say("assist.ways"))
        return _wishing(turn, Forsake(draft))
    return go_on(replace(conversation, draft=_assisted(draft, helper, facts)), facts)


def consented(conversation: Conversation, draft: Draft, value: str, sequence: int, facts: Facts) -> Turn:
    """The resident's answer to the words that were read aloud: the yes is stored with them; after a no nothing is."""
    helper = facts.helper
    if value != "yes":
        return dropped(conversation, draft, facts, Say("assist.declined"))
    if helper is None or helper.left <= 0:
        return dropped(conversation, draft, facts, Say("assist.limit"), Say("assist.not_kept"), Say("assist.ways"))
    words = consent_words(draft)
    language = conversation.language
    wish = Assist(draft.number, speak(words["key"], words["params"], language), language)
    return Turn(replace(conversation, draft=draft.answer("consent", value, sequence)), wishes=(wish,))


def began(turn: Turn, number: int | None, facts: Facts) -> Turn:
    """The consent is stored under this number; None: it is not, and must be asked anew."""
    draft = turn.conversation.draft
    if draft is None:
        return turn
    draft = draft.know(assist={**draft.context["assist"], "id": number}) if number else draft.forget("consent")
    return joined(turn, go_on(replace(turn.conversation, draft=draft), facts))


# --- going on ------------------------------------------------------------------------------------------


def offer_list(conversation: Conversation, facts: Facts) -> Turn:
    """`daftar`: the assisted drafts of this chat, to open one, and what was filed, as far as the residents agreed."""
    mine = [draft for draft in (conversation.draft, *conversation.parked) if draft and is_assisted(draft)]
    if facts.helper is None and not mine:
        return with_question(Turn(conversation, (Say("assist.nobody"),)), facts)
    lines = [_line(draft, open_now=draft is conversation.draft) for draft in mine]
    said = Say("assist.list", {"drafts": lines}) if mine else Say("assist.list_none")
    offers = tuple(
        Offer("choice.assist", f"chat:assist:{draft.number}", {"number": str(draft.number)})
        for draft in mine
        if draft is not conversation.draft
    )
    return Turn(conversation, (said,), buttons=offers, wishes=(ShowAssisted(),))


def _line(draft: Draft, *, open_now: bool) -> dict[str, Any]:
    """A draft in the list, by its number and when it was begun: none of a resident's words."""
    told = {"number": str(draft.number), **begun(draft)}
    return {"key": "assist.line_open" if open_now else "assist.line", "params": told}


def tell_kept(turn: Turn, filed: Iterable[Assisted], facts: Facts) -> Turn:
    """What was filed for residents who agreed that this is kept: ticket, place and status, nothing else."""
    lines = [
        {
            "key": "assist.kept_line",
            "params": {
                "ticket": each.ticket,
                "place": each.place or {"key": "unknown"},
                "date": {"date": each.filed_on.isoformat()},
                "state": {"key": f"state_followed.{each.status}", "params": {"agency": {"key": "assist.agency"}}},
            },
        }
        for each in filed
    ]
    if lines:
        turn = replace(turn, replies=(*turn.replies, Say("assist.kept", {"reports": lines})))
    return turn if turn.buttons else with_question(turn, facts)


def chosen(conversation: Conversation, words: str) -> int | None:
    """The number of an assisted draft that words want to open ("buka nomor 3"); None for other words, and where no such
    draft waits: a story may speak of opening, too."""
    found = _OPENS.fullmatch(" ".join(words.casefold().split()).strip(" .!?"))
    number = int(found["number"]) if found else 0
    mine = (conversation.draft, *conversation.parked)
    return number if any(draft and is_assisted(draft) and draft.number == number for draft in mine) else None


def open_draft(conversation: Conversation, number: str, facts: Facts) -> Turn:
    """Open the assisted draft of that number; the one that was open waits."""
    draft = conversation.draft
    if draft is not None and str(draft.number) == number and is_assisted(draft):
        return still(conversation, facts)
    wanted = next((each for each in conversation.parked if is_assisted(each) and str(each.number) == number), None)
    if wanted is None:
        return still(conversation, facts, Say("old_button"))
    if conversation.held:
        return go_on(conversation, facts, Say("assist.first_where"))
    others = tuple(each for each in conversation.parked if each is not wanted)
    parked = others if draft is None else (draft, *others)
    conversation = replace(conversation, draft=wanted, parked=parked, asking=None, about=None)
    return go_on(conversation, facts, Say("assist.opened", {"title": title(wanted)}))


def started_anew(conversation: Conversation, draft: Draft, facts: Facts) -> Turn:
    """`ulang`: the same resident tells it anew. Their consent, and how they are reached, stay."""
    stay = {name: each for name, each in draft.answers.items() if name in {"consent", "reach", "contact"}}
    known = {name: draft.context[name] for name in ("assist", "began") if name in draft.context}
    fresh = Draft(draft.number, answers=stay, context=known)
    turn = go_on(replace(conversation, draft=fresh, asking=None, held=()), facts, Say("again"))
    return _wishing(turn, DropFiles(draft.number)) if draft.photos else turn


# --- ending --------------------------------------------------------------------------------------------


def stays_here(draft: Draft) -> bool:
    """Whether a draft cannot be carried to another app: one that is or may be a resident's, who takes over what is
    filed instead."""
    return is_assisted(draft) or bool(draft.context.get("whose"))


def send(conversation: Conversation, draft: Draft, facts: Facts) -> Turn:
    """The resident's yes to the text read aloud. It counts only where that text was the last thing said, nothing is
    missing, and whoever assists still may."""
    said = conversation.asking == "confirm" and next_question(draft).name == "confirm"
    if not said or not is_active(facts) or not draft.context["assist"].get("id"):
        return go_on(conversation, facts)
    return Turn(conversation, wishes=(File(draft),))


def tell_filed(turn: Turn, draft: Draft, receipt: Receipt, facts: Facts) -> Turn:
    """It is filed: the resident's number and codes, once. The chat forgets that it has filed it, and any report before
    it: late words and photos must find neither."""
    counter = draft.context["assist"].get("counter")
    said = [Say("assist.filed", {"ticket": receipt.ticket})]
    if receipt.takeover and receipt.until and receipt.code:
        codes = {"code": receipt.code, "takeover": receipt.takeover, "until": {"date": receipt.until.isoformat()}}
        said.append(Say("assist.receipt", {"ticket": receipt.ticket, "link": facts.check_link, **codes}))
    if at := facts.reads_next((draft.value("place") or {}).get("region")):
        said.append(Say("reads_next", {"when": {"moment": at.isoformat()}}))
    after = "after_counter" if counter else "after_kept" if values_of(draft).keeps else "after"
    said.append(Say(f"assist.{after}"))
    conversation = replace(turn.conversation, last=None)
    return joined(turn, done_with(conversation, draft, facts, *said))


def done_with(conversation: Conversation, draft: Draft, facts: Facts, *said: Say) -> Turn:
    """An assisted draft is done. What the same resident has told besides comes next, never what another one told."""
    conversation = _without_draft(conversation)
    same = _of_same(conversation, draft)
    if not same:
        return go_on(conversation, facts, *said)
    parked = tuple(each for each in conversation.parked if each is not same[0])
    return go_on(replace(conversation, draft=same[0], parked=parked), facts, *said, Say("assist.next"))


def dropped(conversation: Conversation, draft: Draft, facts: Facts, *said: Say) -> Turn:
    """An assisted draft is dropped; nothing of it is kept."""
    return _wishing(done_with(conversation, draft, facts, *said), Forsake(draft))


def _of_same(conversation: Conversation, draft: Draft) -> list[Draft]:
    """The drafts that wait and hold what the same resident has told besides."""
    number = (draft.context.get("assist") or {}).get("id")
    return [each for each in conversation.parked if number and (each.context.get("assist") or {}).get("id") == number]


def _without_draft(conversation: Conversation) -> Conversation:
    return replace(conversation, draft=None, asking=None, about=None, held=(), tries=0)


def _wishing(turn: Turn, *wishes: Wish) -> Turn:
    return replace(turn, wishes=(*wishes, *turn.wishes))


def taken_back(words: str, facts: Facts) -> str | None:
    """The ticket of which these words take the consent back ("cabut persetujuan T-…"; from whoever assists "cabut T-…"
    is enough, unless the report is their own); None for other words."""
    found = _TAKES_BACK.fullmatch(" ".join(words.casefold().split()).strip(" .!?"))
    if found is None:
        return None
    digits = "".join(filter(str.isdigit, found["ticket"]))
    own = any("".join(filter(str.isdigit, each.ticket)) == digits for each in facts.own)
    return found["ticket"].upper() if found["said"] or (facts.helper is not None and not own) else None


def take_back(conversation: Conversation, ticket: str | None, facts: Facts) -> Turn:
    """The resident takes the consent back: of what is filed that is passed on; what is in the making ends here."""
    draft = conversation.draft
    if ticket:
        return Turn(conversation, wishes=(WithdrawConsent(ticket),))
    if draft is None or not is_assisted(draft):
        return with_question(Turn(conversation, (Say("assist.taken_back_which"),)), facts)
    theirs = (draft, *_of_same(conversation, draft))
    parked = tuple(each for each in conversation.parked if each not in theirs)
    conversation = replace(_without_draft(conversation), parked=parked)
    turn = go_on(conversation, facts, Say("assist.taken_back"))
    return _wishing(turn, *(Forsake(each, withdrawn=True) for each in theirs))


def tell_taken_back(turn: Turn, verdict: Verdict, facts: Facts) -> Turn:
    """The consent to what is filed is taken back, or there is no such report of this chat's."""
    key = "assist.taken_back_filed" if verdict.key == "done" else "assist.taken_back_unknown"
    said = Say(key, {"ticket": verdict.ticket})
    return with_question(replace(turn, replies=(*turn.replies, said)), facts)


# --- who may not go on ---------------------------------------------------------------------------------


def give_up(conversation: Conversation, facts: Facts) -> Turn | None:
    """Whoever assists may not any more: the drafts go to the desk, and what the resident is to hear is said. The
    citizen's own draft that waited goes on. None where there is nothing to give up."""
    turn = hand_over(conversation, facts)
    if turn is None or turn.conversation.draft is None:
        return turn
    return joined(turn, go_on(turn.conversation, facts))


def hand_over(conversation: Conversation, facts: Facts) -> Turn | None:
    """The same, without a question after it."""
    given = [draft for draft in (conversation.draft, *conversation.parked) if draft and is_assisted(draft)]
    if not given or is_active(facts):
        return None
    said = [Say("assist.ended", {"why": {"key": f"assist.why.{_why(facts.helper)}"}})]
    kept = [draft for draft in given if draft.context["assist"].get("id") and (draft.told or draft.photos)]
    # An officer goes on with what is told only where they find the resident.
    found = all(values_of(draft).reach_words for draft in kept)
    to_desk = "assist.ended_desk" if found else "assist.ended_waits"
    said.append(Say(to_desk if kept else "assist.ended_nothing"))
    own = tuple(draft for draft in conversation.parked if not is_assisted(draft))
    if conversation.draft is None or is_assisted(conversation.draft):
        if conversation.held:
            said.append(Say("assist.ended_held"))
        conversation = replace(conversation, draft=next(iter(own), None), held=())
        if conversation.about is None:
            conversation = replace(conversation, asking=None, tries=0)
        own = own[1:]
    conversation = replace(conversation, parked=own)
    return Turn(conversation, tuple(said), wishes=tuple(GiveToDesk(draft) for draft in given))


def _why(helper: Helper | None) -> str:
    """Why nobody may be assisted here: the end of the texts' key."""
    return "nobody" if helper is None else "counter" if helper.counter else helper.state


def without_old(conversation: Conversation, facts: Facts) -> Turn:
    """The conversation without assisted drafts that have waited for too long, which are forsaken, with a word."""
    oldest = facts.now.timestamp() - DRAFT_DAYS * 86_400
    old = [each for each in conversation.parked if is_assisted(each) and each.context["assist"].get("at", 0) < oldest]
    if not old:
        return Turn(conversation)
    parked = tuple(each for each in conversation.parked if each not in old)
    said = tuple(Say("assist.too_old", {"title": title(each), "days": str(DRAFT_DAYS)}) for each in old)
    return Turn(replace(conversation, parked=parked), said, wishes=tuple(map(Forsake, old)))
