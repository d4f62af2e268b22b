"""Talk to the pure engine: real regions, agencies and classifier as facts, no database and no network.

`Chat` does for one conversation what the shell does: it hands over each message, fulfils the wishes
and speaks the replies. Tests of the dialogue and the golden conversations use it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from typing import Any

from api import facts
from api.settings import Settings
from api.suggesting import Suggester
from bot import answers, asking, dialogue
from bot.conversation import Conversation, Draft, load, save
from bot.messages import Address, Incoming, Media, Place
from bot.script import is_assisted
from bot.texts import speak
from bot.turns import (
    Act,
    Around,
    Assist,
    Assisted,
    Carried,
    CarryIn,
    CarryOut,
    DropFiles,
    Erase,
    Facts,
    File,
    Follow,
    ForgetPlace,
    Helper,
    Join,
    KeepMedia,
    Learn,
    LinkIn,
    LinkOut,
    LookAround,
    Number,
    Office,
    Receipt,
    Redeem,
    Reply,
    ShowAssisted,
    ShowData,
    ShowStatus,
    Suggestion,
    TakePlace,
    TicketState,
    Turn,
    Unlink,
    Verdict,
    Wish,
    WithdrawConsent,
)
from classifier.labels import read_names
from store import agencies as agencies_data
from store import emergency
from store import regions as regions_data
from store.agencies import Agencies
from store.gazetteer import Gazetteer
from store.regions import Regions

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
LARGER = regions_data.load()
REGIONS = Regions((*LARGER, *regions_data.load_villages(LARGER)))
GAZETTEER = Gazetteer(REGIONS)
AGENCIES = Agencies(agencies_data.load(LARGER), REGIONS)
NAMES = read_names()
# The code with which a resident takes over what was filed for them.
TAKEOVER = "ACFK-2345-KMRT"
HOME = Settings.model_fields["home_region"].default


@cache
def suggester() -> Suggester:
    """The shipped model, and what stands beside it."""
    return Suggester.load()


def locate(words: str) -> answers.Located | None:
    """The region that some words name."""
    return facts.located(GAZETTEER.find(words))


@cache
def suggest(words: str) -> Suggestion | None:
    """The classifier's reading, as the shell passes it on."""
    return suggester().suggest(words)


def office(function: str | None, region: str | None, words: str) -> Office:
    """The responsible agency."""
    found = AGENCIES.responsible(function, region, NOW.date(), words)
    return Office(found.agency.code, found.agency.name, found.certain, found.why)


def category(label: str, language: str) -> str:
    """A topic as people read it."""
    name = NAMES.topics.get(label)
    return label if name is None else name.en if language == "en" else name.id


def numbers(kind: str, region: str | None) -> tuple[Number, ...]:
    """The numbers that help in a danger there; without a region, those of the province."""
    return tuple(Number(each.number, each.key) for each in emergency.numbers(kind, region or HOME))


# A story that leaves one coaching question and that about the name.
STORY = "Jalan di depan SMP 1 Sekayu rusak parah sejak bulan lalu, banyak motor jatuh."

FACTS = Facts(
    now=NOW,
    locate=locate,
    suggest=suggest,
    office=office,
    bot_link="https://t.me/lapor_uji_bot",
    category=category,
    emergency=numbers,
    personal=lambda words: bool(suggester().personal(words)),
)


@dataclass(frozen=True, slots=True)
class FiledComplaint:
    """What a wish to file held; `ticket` is the number that the citizen was told."""

    ticket: str
    draft: Draft
    office: Office


@dataclass(slots=True)
class Chat:
    """One citizen's conversation with the engine. `sequence` counts all messages, the bot's too, as Telegram does."""

    facts: Facts = FACTS
    conversation: Conversation = field(default_factory=Conversation)
    filed: list[FiledComplaint] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    media: list[KeepMedia] = field(default_factory=list)
    wishes: list[Wish] = field(default_factory=list)
    around: Around = field(default_factory=Around)
    verdict: str = "done"
    carried: Carried = field(default_factory=lambda: Carried(problem="unknown"))
    code: tuple[str, str] | None = None
    link_outcome: str = "unknown"
    linked: bool = False
    states: list[TicketState] | None = None
    person: dict[str, Any] = field(default_factory=dict)
    photo_places: dict[int, tuple[float, float]] = field(default_factory=dict)
    invitations: dict[str, Helper] = field(default_factory=dict)
    assistances: int = 0
    kept: list[Assisted] = field(default_factory=list)
    turn: Turn | None = None
    sequence: int = 0
    _ids: count[int] = field(default_factory=lambda: count(1))

    @property
    def draft(self) -> Draft:
        """The draft that must be open."""
        assert self.conversation.draft is not None
        return self.conversation.draft

    @property
    def asking(self) -> str | None:
        """The question that waits."""
        return self.conversation.asking

    @property
    def keys(self) -> list[str]:
        """The text keys of the last reply."""
        assert self.turn is not None
        return [say.key for say in self.turn.replies]

    @property
    def buttons(self) -> dict[str, str]:
        """The buttons below the last reply: label to choice."""
        assert self.turn is not None
        return {speak(key, params, self.conversation.language): choice for key, choice, params in self.turn.buttons}

    def take(self, message: Incoming, *, unheard: bool = False) -> str:
        """One message; returns the reply as it would be spoken. In between the conversation is saved and loaded."""
        facts = replace(self.facts, unheard=unheard)
        turn = dialogue.advance(self.conversation, message, facts)
        done = 0
        while done < len(turn.wishes):
            wish = turn.wishes[done]
            turn = dialogue.resume(turn, wish, self._fulfil(wish), facts)
            done += 1
        return self._spoken(turn)

    def _spoken(self, turn: Turn) -> str:
        """What a turn says; the conversation after it, saved and loaded, is the one that goes on."""
        self.turn = turn
        self.conversation = load(json.loads(json.dumps(save(turn.conversation))))
        assert self.conversation == turn.conversation, "what is saved must load as it was"
        if turn.replies:
            self.sequence += 1
        return "\n\n".join(speak(say.key, say.params, turn.conversation.language) for say in turn.replies)

    def message(self, **content: Any) -> Incoming:
        """A new message of this citizen."""
        self.sequence += 1
        return Incoming(Address("terminal", "1"), str(next(self._ids)), self.sequence, **content)

    def say(self, text: str, *, unheard: bool = False) -> str:
        """A message in words."""
        return self.take(self.message(text=text), unheard=unheard)

    def tap(self, label: str) -> str:
        """A tap on a button of the last reply, by its label."""
        return self.choose(self.buttons[label])

    def choose(self, choice: str) -> str:
        """A tap on any button, by what it sends; a tap has no number in the chat."""
        return self.take(Incoming(Address("terminal", "1"), str(next(self._ids)), 0, choice=choice))

    def photo(self, caption: str = "", group: str | None = None, **description: Any) -> str:
        """A photo."""
        media = Media("photo", f"file-{self.sequence}", size=90_000, group=group)
        return self.take(self.message(text=caption, media=replace(media, **description)))

    def pin(self, latitude: float, longitude: float, label: str | None = None) -> str:
        """A location pin."""
        return self.take(self.message(place=Place(latitude, longitude, label)))

    def edit(self, sequence: int, text: str) -> str:
        """An earlier message, written anew."""
        return self.take(Incoming(Address("terminal", "1"), str(next(self._ids)), sequence, text=text, edits=True))

    def unusable(self, kind: str) -> str:
        """A sticker, a card, a poll."""
        return self.take(self.message(unsupported=kind))

    def voice(self, caption: str = "") -> str:
        """A voice note."""
        return self.photo(caption, kind="voice", content_type="audio/ogg")

    def hear(self, sequence: int, words: str) -> str:
        """What a machine heard in the voice note with that place in the chat."""
        return self.take(
            Incoming(Address("terminal", "1"), str(next(self._ids)), sequence, text=words, transcribed=True)
        )

    def photographed(self, photo: int, place: tuple[float, float], draft: int | None = None) -> str:
        """The photo of that id, sent for that draft (else the one in the making), tells where it was taken."""
        self.photo_places[photo] = place
        number = self.draft.number if draft is None else draft
        return self.take(Incoming(Address("terminal", "1"), str(next(self._ids)), 0, photographed=(photo, number)))

    def quote(self, ticket: str, text: str) -> str:
        """Words that answer a message of ours about this complaint."""
        message = self.message(text=text)
        before, self.facts = self.facts, replace(self.facts, quoted=ticket)
        said = self.take(message)
        self.facts = before
        return said

    def wait(self, time: timedelta) -> None:
        """Time passes."""
        self.facts = replace(self.facts, now=self.facts.now + time)

    def elapse(self, keep: timedelta = timedelta(days=7), notice: timedelta = timedelta(days=1)) -> str:
        """The worker looks whether a draft has waited for too long."""
        return self._spoken(dialogue.elapse(self.conversation, self.facts, keep, notice))

    def _fulfil(self, wish: Wish) -> Any:
        self.wishes.append(wish)
        match wish:
            case File(draft):
                ticket = f"T-{len(self.filed) + 1:03d}-000-0000"
                self.filed.append(FiledComplaint(ticket, draft, asking.suggested_office(draft, self.facts)[1]))
                if is_assisted(draft):
                    return Receipt(ticket, "K7QM-2WXR", TAKEOVER, NOW.date() + timedelta(days=90))
                return Receipt(ticket)
            case ShowStatus(words):
                return (
                    self.states
                    if self.states is not None
                    else [
                        TicketState(each.ticket, each.draft.story[:40], "belum_terverifikasi", None, NOW)
                        for each in reversed(self.filed)
                        if words is None or words.casefold() == each.ticket.casefold()
                    ]
                )
            case Reply(ticket, text):
                self.notes.append((ticket, text))
                return Verdict(self.verdict, ticket)
            case Act(_, ticket) | Join(_, ticket):
                return Verdict(self.verdict, ticket)
            case Follow():
                return Verdict(self.verdict, "T-999-000-0000")
            case LookAround():
                return self.around
            case CarryIn():
                return self.carried
            case CarryOut():
                return self.code
            case LinkOut():
                return self.code or ("ACFK-2345-KMRT", NOW.isoformat())
            case LinkIn():
                return self.link_outcome
            case Unlink():
                return self.linked
            case Assist():
                return self._assisted()
            case ShowAssisted():
                return self.kept
            case WithdrawConsent(ticket):
                return Verdict(self.verdict, ticket)
            case Redeem(code):
                return self._invited(code)
            case Learn(lessons, of):
                return self._taught(lessons, of)
            case ShowData() | Erase():
                return self.person
            case TakePlace(photo) | ForgetPlace(photo):
                return self.photo_places.pop(photo, None)
            case KeepMedia():
                self.media.append(wish)
            case DropFiles(number):
                self.media = [each for each in self.media if each.draft != number]
        return None

    def _assisted(self) -> int:
        """The number of one more assistance, of which today has one less left."""
        if helper := self.facts.helper:
            self.facts = replace(self.facts, helper=replace(helper, left=helper.left - 1))
        self.assistances += 1
        return self.assistances

    def _invited(self, code: str) -> Helper | str:
        """Whom the code of an invitation makes of this citizen; it works once."""
        helper = self.invitations.pop(code.upper(), None)
        if helper is not None and self.facts.helper is not None:
            return "already"
        self.facts = replace(self.facts, helper=helper or self.facts.helper)
        return helper or "unknown"

    def _taught(self, lessons: int, of: int) -> Helper | None:
        """The volunteer with so many lessons passed."""
        if (helper := self.facts.helper) is None:
            return None
        lessons = max(lessons, helper.lessons)
        helper = replace(helper, lessons=lessons, state="active" if lessons >= of else helper.state)
        self.facts = replace(self.facts, helper=helper)
        return helper


def chat_after(*words: str, **facts: Any) -> Chat:
    """A chat that has heard these words, in a world in which these facts differ."""
    chat = Chat(replace(FACTS, **facts))
    for each in words:
        chat.say(each)
    return chat


def filed_chat(**facts: Any) -> Chat:
    """A chat that has filed its first complaint, T-001-000-0000; since then these facts are others."""
    chat = chat_after(STORY, "tidak ada", "biasa saja", "ya")
    assert [each.ticket for each in chat.filed] == ["T-001-000-0000"]
    chat.facts = replace(chat.facts, **facts)
    return chat


def saying(**promise: Any) -> Callable[[str], Suggestion]:
    """A classifier that says this of every text, and is sure of roads."""
    said = {"functions": (("pu", 0.9),), "topics": (), "report_class": (("pengaduan", 0.9),), "model": "of this test"}
    suggestion = Suggestion(**{**said, **promise})
    return lambda _words: suggestion
