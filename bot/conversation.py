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
    """A complaint in the making. `number` counts the drafts of one chat and never repeats."""

    number: int
    told: tuple[Told, ...] = ()
    answers: Mapping[str, Answer] = field(default_factory=dict)
    photos: int = 0
    albums: tuple[str, ...] = ()
    suggestion: Mapping[str, Any] | None = None

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
    """A chat between two messages. `asking` names the question that waits for an answer."""

    language: str = "id"
    greeted: bool = False
    asking: str | None = None
    tries: int = 0
    drafts: int = 0
    draft: Draft | None = None
    last: Filed | None = None
    group_told: str | None = None


def save(conversation: Conversation) -> dict[str, Any]:
    """The JSON form of a conversation."""
    draft, last = conversation.draft, conversation.last
    return {
        "language": conversation.language,
        "greeted": conversation.greeted,
        "asking": conversation.asking,
        "tries": conversation.tries,
        "drafts": conversation.drafts,
        "group_told": conversation.group_told,
        "draft": draft
        and {
            "number": draft.number,
            "told": [[part.text, part.sequence] for part in draft.told],
            "answers": {name: [answer.value, answer.sequence] for name, answer in draft.answers.items()},
            "photos": draft.photos,
            "albums": list(draft.albums),
            "suggestion": draft.suggestion,
        },
        "last": last
        and {
            "ticket": last.ticket,
            "number": last.number,
            "sequences": list(last.sequences),
            "albums": list(last.albums),
            "at": last.at,
        },
    }


def load(saved: Mapping[str, Any] | None) -> Conversation:
    """The conversation that `save` wrote; what is missing has its default, what is unknown is passed over."""
    if not saved:
        return Conversation()
    try:
        return _load(saved)
    except (KeyError, TypeError, ValueError):
        # What cannot be read is in the inbox still; the numbers of drafts must not begin anew.
        drafts = saved.get("drafts")
        return Conversation(greeted=True, drafts=drafts if isinstance(drafts, int) else 1_000_000)


def _load(saved: Mapping[str, Any]) -> Conversation:
    draft, last = saved.get("draft"), saved.get("last")
    return Conversation(
        language=saved.get("language", "id"),
        greeted=saved.get("greeted", False),
        asking=saved.get("asking"),
        tries=saved.get("tries", 0),
        drafts=saved.get("drafts", 0),
        group_told=saved.get("group_told"),
        draft=Draft(
            number=draft["number"],
            told=tuple(Told(text, sequence) for text, sequence in draft.get("told", ())),
            answers={name: Answer(value, sequence) for name, (value, sequence) in draft.get("answers", {}).items()},
            photos=draft.get("photos", 0),
            albums=tuple(draft.get("albums", ())),
            suggestion=draft.get("suggestion"),
        )
        if draft
        else None,
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
