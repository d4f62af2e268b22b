"""The values that go into and come out of the engine: facts, what is said, wishes, and the turn they make.

What the engine must know comes in as `Facts`; what must be done comes out as wishes, which the shell
fulfils in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from bot.answers import Locate
from bot.conversation import Conversation, Draft
from bot.messages import Media

AUTO, ASK = "auto", "ask"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The classifier's reading: (label, confidence) best first, and the model that said so.

    `likely` are the functions one of which is right in 90 of 100 reports. In the band `auto` the first function may
    be taken unseen; `ask` is for a person. `danger` is the kind of a present danger that the text tells of, `chatter`
    what kind of a text it is if it is no complaint, `sensitive` the kind of a subject on which Anonim and Rahasia are
    advised. Without a model the first three are empty and `model` is None.
    """

    functions: tuple[tuple[str, float], ...]
    topics: tuple[tuple[str, float], ...]
    report_class: tuple[tuple[str, float], ...]
    model: str | None
    likely: tuple[str, ...] = ()
    band: str = ASK
    danger: str | None = None
    chatter: str | None = None
    sensitive: str | None = None


@dataclass(frozen=True, slots=True)
class Office:
    """The agency that a function and a region lead to. `certain` is false where an operator must look; `why` is
    the key of the reason, such as road_status_unknown."""

    code: str
    name: str
    certain: bool
    why: str


@dataclass(frozen=True, slots=True)
class Own:
    """A complaint of this citizen that has not ended. `role` is pelapor or pengikut; `status` a key such as
    ditindaklanjuti."""

    ticket: str
    title: str
    status: str
    role: str = "pelapor"


@dataclass(frozen=True, slots=True)
class Number:
    """An emergency number: what is dialled, and the key of what answers there."""

    number: str
    key: str


@dataclass(frozen=True, slots=True)
class Helper:
    """Who assists residents in this chat: a Kawan LAPOR volunteer, or (`counter`) an officer at a service counter.

    `state` is untrained, active, paused, expired or revoked: only who is active may begin, go on with or file an
    assisted draft. `lessons` are passed, `until` is the last day of the grant (ISO), `left` how many more residents may
    be assisted today, `region` the name of where.
    """

    name: str
    state: str
    region: str = ""
    until: str | None = None
    lessons: int = 0
    left: int = 0
    counter: bool = False

    @property
    def active(self) -> bool:
        """Whether residents may be assisted now."""
        return self.state == "active"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the engine may know of the world in this turn. `now` has the zone of the citizen's province.

    `unheard`: when this message was written the question that waits had not been spoken yet, so its words cannot be
    the answer to it. `released` is how much that waited for the citizen's next message is said now, before the reply.
    `own` are the citizen's open complaints, newest first; `quoted` is the ticket that the message
    which this one answers was about. `suggest` returns None when nothing is known of the words. `emergency` gives the
    numbers for a kind of danger in a region, `reads_next` the moment when officers of a region read again (None while
    they do), `personal` whether words contain a number that identifies a person. `helper` says who assists residents in
    this chat (None: nobody).
    """

    now: datetime
    locate: Locate
    suggest: Callable[[str], Suggestion | None]
    office: Callable[[str | None, str | None, str], Office]
    unheard: bool = False
    released: int = 0
    bot_link: str = ""
    check_link: str = ""
    own: tuple[Own, ...] = ()
    quoted: str | None = None
    category: Callable[[str, str], str] = lambda label, _language: label
    emergency: Callable[[str, str | None], tuple[Number, ...]] = lambda _kind, _region: ()
    reads_next: Callable[[str | None], datetime | None] = lambda _region: None
    personal: Callable[[str], bool] = lambda _words: False
    helper: Helper | None = None

    @property
    def today(self) -> date:
        """The day where the citizen is."""
        return self.now.date()


@dataclass(frozen=True, slots=True)
class Say:
    """One paragraph to speak: a text key with its parameters."""

    key: str
    params: Mapping[str, Any] = field(default_factory=dict)


class Offer(NamedTuple):
    """A button: the text key of its label, what a tap on it sends, and the label's parameters."""

    key: str
    choice: str
    params: Mapping[str, Any] = {}


# --- wishes: what the shell does in the transaction of the turn -------------------------------------


@dataclass(frozen=True, slots=True)
class File:
    """Wish: file this draft as a complaint. Outcome: a `Receipt`."""

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
class Reply:
    """Wish: the citizen's words belong to a complaint that is filed. Outcome: a `Verdict`."""

    ticket: str
    text: str


@dataclass(frozen=True, slots=True)
class Act:
    """Wish: the citizen does something with a filed complaint. Outcome: a `Verdict`.

    `verb` is dispute, confirm, rate, comment, withdraw, deny or unfollow; `text` the reason or comment, if any.
    """

    verb: str
    ticket: str
    text: str | None = None
    stars: int | None = None


class Verdict(NamedTuple):
    """What became of a wish about a filed complaint: done, unknown (no such complaint of this citizen), not_allowed
    (its status does not allow it) or ended (the words are kept, but nobody works on it any more)."""

    key: str
    ticket: str = ""


@dataclass(frozen=True, slots=True)
class LookAround:
    """Wish: what have others reported, near this and about the same? Outcome: `Around`."""

    draft: Draft


@dataclass(frozen=True, slots=True)
class Around:
    """Open complaints that are probably the same matter: their ids, how many citizens stand behind them, and the
    citizen's own ticket, if one is among them."""

    ids: tuple[int, ...] = ()
    voices: int = 0
    own: str | None = None


@dataclass(frozen=True, slots=True)
class Follow:
    """Wish: this citizen supports the first of these complaints; the draft's words are kept with it.
    Outcome: a `Verdict` with its ticket."""

    draft: Draft
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Join:
    """Wish: this draft's words and files belong to the citizen's own complaint. Outcome: a `Verdict`."""

    draft: Draft
    ticket: str


@dataclass(frozen=True, slots=True)
class CarryOut:
    """Wish: a code that carries this draft, or this ticket (None: all of this chat's) elsewhere.
    Outcome: (code, valid until), or None where there is nothing to carry."""

    draft: int | None
    ticket: str | None = None


@dataclass(frozen=True, slots=True)
class CarryIn:
    """Wish: what this code carries comes into this chat. Outcome: `Carried`."""

    code: str


@dataclass(frozen=True, slots=True)
class Carried:
    """What a code brought: a draft (`origin` is its old chat and its number there), or tickets; else why not, in
    `problem`: unknown, too_many, gone, own, link_code (it is one that links chats), assisted (this citizen assisted
    with it), used (by somebody else) or used_here. `taken_over`: the tickets were filed for this citizen by somebody
    who assisted."""

    draft: Draft | None = None
    origin: tuple[int, int] = (0, 0)
    tickets: tuple[str, ...] = ()
    problem: str | None = None
    taken_over: bool = False


@dataclass(frozen=True, slots=True)
class Adopt:
    """Wish: the files of the draft that a code brought go with it, from that chat and number to this chat's number."""

    number: int
    chat: int
    old: int


@dataclass(frozen=True, slots=True)
class LinkOut:
    """Wish: a code that links this chat with the one that sends it. Outcome: (code, valid until)."""


@dataclass(frozen=True, slots=True)
class LinkIn:
    """Wish: link this chat with the one that has given this code. Outcome: done, or why not: unknown, too_many, own,
    carry_code (it is one that carries something), linked (they are already), assisted (one of them is that of whoever
    assisted the other)."""

    code: str


@dataclass(frozen=True, slots=True)
class Unlink:
    """Wish: this chat is linked with no other any more. Outcome: whether it was."""


@dataclass(frozen=True, slots=True)
class DropFiles:
    """Wish: the files of this draft are not to go with it after all."""

    draft: int


@dataclass(frozen=True, slots=True)
class TakePlace:
    """Wish: where this photo says that it was taken, which is then forgotten. Outcome: (latitude, longitude) in
    degrees, or None where that is forgotten already."""

    photo: int


@dataclass(frozen=True, slots=True)
class ForgetPlace:
    """Wish: where this photo was taken is to be forgotten."""

    photo: int


@dataclass(frozen=True, slots=True)
class ShowData:
    """Wish: what is kept about this person. Outcome: parameters of the text `rights.held`."""


@dataclass(frozen=True, slots=True)
class Erase:
    """Wish: erase what can be erased of this person. Outcome: parameters of the text `rights.erased`."""


@dataclass(frozen=True, slots=True)
class CallHuman:
    """Wish: an operator should look at this chat."""


@dataclass(frozen=True, slots=True)
class ReportDanger:
    """Wish: an operator should look at this chat now, as its words tell of a present danger of that kind."""

    kind: str


@dataclass(frozen=True, slots=True)
class Redeem:
    """Wish: this code of an invitation makes the chat's citizen a Kawan LAPOR. Outcome: the `Helper`, or why not:
    unknown, too_many, or already (they are one)."""

    code: str


@dataclass(frozen=True, slots=True)
class Learn:
    """Wish: remember that so many lessons of the training are passed now, of so many. Outcome: the `Helper`."""

    lessons: int
    of: int


@dataclass(frozen=True, slots=True)
class Assist:
    """Wish: a resident has agreed to be assisted with this draft, to these words, read aloud in that language.
    Outcome: the number of the assistance, which the draft keeps."""

    draft: int
    words: str
    language: str


@dataclass(frozen=True, slots=True)
class Forsake:
    """Wish: an assisted draft, or one that may be a resident's, is no more: dropped, or (`withdrawn`) the resident has
    taken the consent back. Nothing of it is kept."""

    draft: Draft
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class GiveToDesk:
    """Wish: whoever assisted with this draft may not go on: an officer takes care of it. Outcome: whether there was
    anything to take care of (no consent, or no word and no file: nothing is kept)."""

    draft: Draft


@dataclass(frozen=True, slots=True)
class ShowAssisted:
    """Wish: what was filed for residents in this chat, as far as they agreed. Outcome: a list of `Assisted`."""


@dataclass(frozen=True, slots=True)
class Assisted:
    """A report that was filed for a resident who agreed that whoever assisted keeps this of it, and nothing else."""

    ticket: str
    status: str
    place: str
    filed_on: date


@dataclass(frozen=True, slots=True)
class WithdrawConsent:
    """Wish: the resident of this ticket takes the consent back, and says so through whoever assisted. Outcome: a
    `Verdict`: done or unknown."""

    ticket: str


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Wish: remember that the citizen has closed this chat to us."""


Wish = (
    File | ShowStatus | KeepMedia | DropFiles | Reply | Act | LookAround | Follow | Join | CarryOut | CarryIn | Adopt
    | LinkOut | LinkIn | Unlink | TakePlace | ForgetPlace | ShowData | Erase | CallHuman | ReportDanger | Unreachable
    | Redeem | Learn | Assist | Forsake | GiveToDesk | ShowAssisted | WithdrawConsent
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A complaint in another system: what that is called (a key of texts, or a name), the number there; its status in
    the words of that system, and since when, where it is not the same as ours."""

    system: Mapping[str, str] | str
    number: str
    status: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TicketState:
    """One complaint of the citizen, as `status` shows it. `answer` is the agency's last one, `closes` the day on which
    silence would close or archive it, `acts` what the citizen may do now."""

    ticket: str
    title: str
    status: str
    agency: str | None
    changed_at: datetime
    role: str = "pelapor"
    answer: str | None = None
    closes: date | None = None
    acts: tuple[str, ...] = ()
    elsewhere: tuple[Elsewhere, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """The outcome of filing: the ticket, and the code with which its state can be looked up. Of an assisted report
    also the code with which the resident takes it over, until that day."""

    ticket: str
    code: str | None = None
    takeover: str | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """What follows from one message. `asks` names the question spoken."""

    conversation: Conversation
    replies: tuple[Say, ...] = ()
    asks: str | None = None
    buttons: tuple[Offer, ...] = ()
    wishes: tuple[Wish, ...] = ()


def as_data(suggestion: Suggestion) -> dict[str, Any]:
    """The form in which a suggestion is kept with a draft and with the routing. No word of the citizen is in it.

    What earlier versions kept has no likely, band, danger, chatter and sensitive: readers must do without them.
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
        "sensitive": suggestion.sensitive,
    }
