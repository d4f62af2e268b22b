"""What is remembered of a chat between two messages, and its saved form.

Everything is a frozen value; the saved form is plain JSON with short keys that must stay readable by
later versions: `load` takes whatever an older or newer script has left and never raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Told:
    """One message of the story, with its place among the messages of the chat."""

    text: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one question. `value` is what its reader made of the words; None means skipped."""

    value: Any
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Draft:
    """A complaint in the making. `number` counts the drafts of one chat and never repeats.

    `photos` counts its files, `voices` the voice notes among them. `context` is what single questions must know
    besides the answers, in plain JSON: the two problems that one message told, what others have reported nearby.
    """

    number: int
    told: tuple[Told, ...] = ()
    answers: Mapping[str, Answer] = field(default_factory=dict)
    photos: int = 0
    voices: int = 0
    albums: tuple[str, ...] = ()
    suggestion: Mapping[str, Any] | None = None
    context: Mapping[str, Any] = field(default_factory=dict)

    @property
    def story(self) -> str:
        """The citizen's own words, in the order in which they were written."""
        return "\n".join(part.text for part in self.told)

    def tell(self, text: str, sequence: int) -> Draft:
        """With one more part of the story, or with that part in its edited form."""
        parts = [part for part in self.told if part.sequence != sequence or not sequence]
        return replace(self, told=tuple(sorted([*parts, Told(text, sequence)], key=lambda part: part.sequence)))

    def answer(self, name: str, value: Any, sequence: int = 0) -> Draft:
        """With this answer in the place of any earlier one."""
        return replace(self, answers={**self.answers, name: Answer(value, sequence)})

    def forget(self, *names: str) -> Draft:
        """Without the answers to these questions."""
        return replace(self, answers={name: answer for name, answer in self.answers.items() if name not in names})

    def know(self, **context: Any) -> Draft:
        """With this context added."""
        return replace(self, context={**self.context, **context})

    def value(self, name: str) -> Any:
        """The value answered to question `name`; None if skipped or not answered yet."""
        answer = self.answers.get(name)
        return answer.value if answer else None


@dataclass(frozen=True, slots=True)
class Filed:
    """The last complaint that this chat filed (`at` in seconds since 1970), so that late photos and
    corrections find it."""

    ticket: str
    number: int
    sequences: tuple[int, ...] = ()
    albums: tuple[str, ...] = ()
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Conversation:
    """A chat between two messages.

    `asking` names the question that waits for an answer, `about` the filed complaint that it is about (None where it
    is about the draft). `parked` are drafts that wait until this one is done. `held` are words that were kept until
    it is clear where they belong. `seen_at` (seconds since 1970) is when the citizen wrote last, `warned_at` when
    the draft's end was announced since; `pace` is (messages, since when) of the running minute, `filed_on` is (ISO day,
    complaints). `moved` says that the draft has gone to another chat, which is not yet told, `nudged` that the question
    was asked again because the citizen had answered with a mere sign.
    """

    language: str = "id"
    greeted: bool = False
    asking: str | None = None
    about: str | None = None
    tries: int = 0
    drafts: int = 0
    draft: Draft | None = None
    parked: tuple[Draft, ...] = ()
    held: tuple[Told, ...] = ()
    last: Filed | None = None
    group_told: str | None = None
    seen_at: float = 0.0
    warned_at: float = 0.0
    pace: tuple[int, float] = (0, 0.0)
    filed_on: tuple[str, int] = ("", 0)
    moved: bool = False
    nudged: bool = False


def save(conversation: Conversation) -> dict[str, Any]:
    """The JSON form of a conversation."""
    last = conversation.last
    return {
        "language": conversation.language,
        "greeted": conversation.greeted,
        "asking": conversation.asking,
        "about": conversation.about,
        "tries": conversation.tries,
        "drafts": conversation.drafts,
        "group_told": conversation.group_told,
        "seen_at": conversation.seen_at,
        "warned_at": conversation.warned_at,
        "pace": list(conversation.pace),
        "filed_on": list(conversation.filed_on),
        "moved": conversation.moved,
        "nudged": conversation.nudged,
        "draft": save_draft(conversation.draft) if conversation.draft else None,
        "parked": [save_draft(draft) for draft in conversation.parked],
        "held": [[part.text, part.sequence] for part in conversation.held],
        "last": last
        and {
            "ticket": last.ticket,
            "number": last.number,
            "sequences": list(last.sequences),
            "albums": list(last.albums),
            "at": last.at,
        },
    }


def save_draft(draft: Draft) -> dict[str, Any]:
    """The JSON form of a draft."""
    return {
        "number": draft.number,
        "told": [[part.text, part.sequence] for part in draft.told],
        "answers": {name: [answer.value, answer.sequence] for name, answer in draft.answers.items()},
        "photos": draft.photos,
        "voices": draft.voices,
        "albums": list(draft.albums),
        "suggestion": draft.suggestion,
        "context": dict(draft.context),
    }


def load(saved: Mapping[str, Any] | None) -> Conversation:
    """The conversation that `save` wrote; what is missing has its default, what is unknown is passed over."""
    if not saved:
        return Conversation()
    try:
        return _load(saved)
    except (KeyError, TypeError, ValueError, AttributeError):
        # What cannot be read is in the inbox still; the numbers of drafts must not begin anew.
        drafts = saved.get("drafts")
        return Conversation(greeted=True, drafts=drafts if isinstance(drafts, int) else 1_000_000)


def _load(saved: Mapping[str, Any]) -> Conversation:
    draft, last = saved.get("draft"), saved.get("last")
    messages, since = saved.get("pace", (0, 0.0))
    day, filed = saved.get("filed_on", ("", 0))
    return Conversation(
        language=saved.get("language", "id"),
        greeted=saved.get("greeted", False),
        asking=saved.get("asking"),
        about=saved.get("about"),
        tries=saved.get("tries", 0),
        drafts=saved.get("drafts", 0),
        group_told=saved.get("group_told"),
        seen_at=saved.get("seen_at", 0.0),
        warned_at=saved.get("warned_at", 0.0),
        pace=(messages, since),
        filed_on=(day, filed),
        moved=saved.get("moved", False),
        nudged=saved.get("nudged", False),
        draft=load_draft(draft) if draft else None,
        parked=tuple(load_draft(each) for each in saved.get("parked", ())),
        held=tuple(Told(text, sequence) for text, sequence in saved.get("held") or ()),
        last=Filed(
            ticket=last["ticket"],
            number=last["number"],
            sequences=tuple(last.get("sequences", ())),
            albums=tuple(last.get("albums", ())),
            at=last.get("at", 0.0),
        )
        if last
        else None,
    )


def load_draft(saved: Mapping[str, Any]) -> Draft:
    """The draft that `save_draft` wrote. Raises KeyError, TypeError or ValueError where it is none."""
    answers = {name: Answer(_today(name, value), sequence) for name, (value, sequence) in saved["answers"].items()}
    return Draft(
        number=saved["number"],
        told=tuple(Told(text, sequence) for text, sequence in saved.get("told", ())),
        answers=answers,
        photos=saved.get("photos", 0),
        voices=saved.get("voices", 0),
        albums=tuple(saved.get("albums", ())),
        suggestion=saved.get("suggestion"),
        context=saved.get("context", {}),
    )


def _today(name: str, value: Any) -> Any:
    """The value of an answer in today's form: the first version kept bare words for the time and for privacy."""
    if name == "time" and isinstance(value, str):
        return {"words": value}
    if name == "privacy" and isinstance(value, str):
        return {"anonymous": value in {"anonymous", "both"}, "secret": value in {"secret", "both"}}
    return value
