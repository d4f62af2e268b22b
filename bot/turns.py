"""The values that go into and come out of the engine: facts, what is said, wishes, and the turn they make.

What the engine must know comes in as `Facts`; what must be done comes out as wishes, which the shell
fulfils in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.answers import Locate
from bot.conversation import Conversation, Draft
from bot.messages import Media

AUTO, ASK = "auto", "ask"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The classifier's reading: (label, confidence) best first, and the model that said so.

    `likely` are the functions one of which is right in 90 of 100 reports. In the band `auto` the first function may
    be taken unseen; `ask` is for a person. `danger` is the kind of a present danger that the text tells of, `chatter`
    what kind of a text it is if it is no complaint. Without a model the first three are empty and `model` is None.
    """

    functions: tuple[tuple[str, float], ...]
    topics: tuple[tuple[str, float], ...]
    report_class: tuple[tuple[str, float], ...]
    model: str | None
    likely: tuple[str, ...] = ()
    band: str = ASK
    danger: str | None = None
    chatter: str | None = None


@dataclass(frozen=True, slots=True)
class Office:
    """The agency that a function and a region lead to. `certain` is false where an operator must look; `why` is
    the key of the reason, such as road_status_unknown."""

    code: str
    name: str
    certain: bool
    why: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What the engine may know of the world in this turn.

    `unheard`: when this message was written the question that waits had not been spoken yet, so its
    words cannot be the answer to it. `awaiting` is the ticket of a complaint of this chat for which an
    officer waits for more. `suggest` returns None when nothing is known of the words.
    """

    now: datetime
    locate: Locate
    suggest: Callable[[str], Suggestion | None]
    office: Callable[[str | None, str | None, str], Office]
    unheard: bool = False
    bot_link: str = ""
    awaiting: str | None = None
    category: Callable[[str, str], str] = lambda label, _language: label


@dataclass(frozen=True, slots=True)
class Say:
    """One paragraph to speak: a text key with its parameters."""

    key: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class File:
    """Wish: file this draft as a complaint. Outcome: the ticket number."""

    draft: Draft


@dataclass(frozen=True, slots=True)
class ShowStatus:
    """Wish: the state of this ticket, or of all of this citizen's. Outcome: a list of `TicketState`."""

    ticket: str | None


@dataclass(frozen=True, slots=True)
class KeepMedia:
    """Wish: keep this file, with the draft of that number or with a ticket that is filed already."""

    media: Media
    draft: int | None
    ticket: str | None = None


@dataclass(frozen=True, slots=True)
class AddNote:
    """Wish: add the citizen's words to a complaint that is filed already."""

    ticket: str
    text: str


@dataclass(frozen=True, slots=True)
class CallHuman:
    """Wish: an operator should look at this chat."""


@dataclass(frozen=True, slots=True)
class ReportDanger:
    """Wish: an operator should look at this chat now, as its words tell of a present danger of that kind."""

    kind: str


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Wish: remember that the citizen has closed this chat to us."""


Wish = File | ShowStatus | KeepMedia | AddNote | CallHuman | ReportDanger | Unreachable


@dataclass(frozen=True, slots=True)
class TicketState:
    """One complaint of the citizen, as `status` shows it."""

    ticket: str
    title: str
    status: str
    agency: str | None
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Turn:
    """What follows from one message. `buttons` are (text key, choice); `asks` names the question spoken."""

    conversation: Conversation
    replies: tuple[Say, ...] = ()
    asks: str | None = None
    buttons: tuple[tuple[str, str], ...] = ()
    wishes: tuple[Wish, ...] = ()


def as_data(suggestion: Suggestion) -> dict[str, Any]:
    """The form in which a suggestion is kept with a draft and with the routing. No word of the citizen is in it.

    What earlier versions kept has no likely, band, danger and chatter: readers must do without them.
    """
    return {
        "functions": [list(pair) for pair in suggestion.functions],
        "topics": [list(pair) for pair in suggestion.topics],
        "class": [list(pair) for pair in suggestion.report_class],
        "model": suggestion.model,
        "likely": list(suggestion.likely),
        "band": suggestion.band,
        "danger": suggestion.danger,
        "chatter": suggestion.chatter,
    }
