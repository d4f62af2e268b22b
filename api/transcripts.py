"""Golden conversations: what a transcript file means, and how one is played and checked on any stage.

A transcript is a TOML file (tests/transcripts/README.md says how to write one). `read` makes a `Transcript` of it,
`play` performs it on a `Stage` (the pure engine, a terminal, Telegram, the web chat) and tells turn by turn what the
bot said and what of it is not as the file wants it. Nothing here knows a database or a channel.
"""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Protocol

from bot.texts import LANGUAGES, catalogue

# What may happen in a turn: one of these, or nothing but the passing of time.
ACTIONS = frozenset({
    "citizen", "tap", "old_tap", "photo", "file", "video", "voice", "transcript", "gif", "sticker", "contact_card",
    "poll", "pin", "edit", "reply", "forwarded", "agency", "grant", "look", "question_removed", "no_classifier",
})  # fmt: skip
# What more is said of some of them: the word, and the actions beside which it may stand.
DETAILS: dict[str, frozenset[str]] = {
    "times": frozenset({"citizen"}),
    "before_reading": frozenset({"citizen", "photo", "pin"}),
    "album": frozenset({"photo"}),
    "caption": frozenset({"file"}),
    "type": frozenset({"file"}),
    "megabytes": frozenset({"file"}),
}
# In whose chat it happens, where not in the first one: in a second chat of the same person, or in somebody else's.
CHATS = ("other", "resident")
TURN = ACTIONS | set(DETAILS) | {"wait", "then", "bot", "not", "buttons", *CHATS}
FILED = frozenset({
    "text", "class", "place", "region", "time", "happened_on", "photos", "anonymous", "secret", "office", "status",
    "followers", "rating", "notes", "assisted", "pelapor", "reach", "reach_words", "keeps", "taken_over", "withdrawn",
    "alike",
})  # fmt: skip
TOP = frozenset({
    "title", "defect", "pending", "pending_on", "now", "neighbours", "turn", "filed", "notes", "calls_for_human",
    "kawan", "counter", "assistances",
})  # fmt: skip
AGENCY = frozenset({
    "move", "deny", "message", "route", "note", "reason", "sp4n_number", "sp4n_status", "complaint", "neighbour",
})  # fmt: skip
NEIGHBOUR = frozenset({"story", "place", "region", "pin", "follow", "secret", "ago"})
# A volunteer who assists residents, or is invited to; and the counter whose chat the first one is.
KAWAN = frozenset({"name", "region", "chat", "lessons", "invited"})
COUNTER = frozenset({"name", "region"})
GRANT = frozenset({"pause", "resume", "revoke"})
# Actions during which no citizen acts: something changes, and the bot may or may not say something.
MEANWHILE = frozenset({"agency", "grant", "look", "question_removed", "no_classifier"})

ZONES = {"WIB": 7, "WITA": 8, "WIT": 9, "UTC": 0}
SPANS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
SPANS |= {f"{name}s": span for name, span in SPANS.items()}
# A Friday morning within office hours.
NOW = "2026-11-20 09:00 WIB"
# What the bot says when something is filed: for whom it writes, and for a resident who is assisted.
SAYS_FILED = ("filed", "assist.filed")
# How the numbers of complaints stand in a transcript: the n-th that was filed in it.
TICKET = re.compile(r"(?<!\d)(\d{3})-000-0000(?!\d)")


class TranscriptWrong(ValueError):
    """A transcript that cannot be read; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn: what happens, and what the bot must (`bot`), must not (`never`) and may say; `buttons` exactly.

    `what` is the value of the action, `details` the words beside it. None in `bot` means that anything may be said,
    an empty one that nothing may. `hasty` was written before the last reply was read; `chat` is one of `CHATS`, empty
    for the first one; `clocks` says that the periodic jobs run once `wait` has passed.
    """

    number: int
    action: str | None
    what: Any = None
    details: Mapping[str, Any] = field(default_factory=dict)
    wait: timedelta | None = None
    clocks: bool = False
    chat: str = ""
    hasty: bool = False
    bot: tuple[str, ...] | None = None
    never: tuple[str, ...] = ()
    buttons: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """A golden conversation. `pending` says what the house has not learnt yet, `pending_on` on which stages (all).

    `kawan` are volunteers, `counter` whose chat the first one is, if it is a counter's; `assistances` how each one
    ended (filed, dropped, desk, withdrawn; open where it has not).
    """

    name: str
    title: str
    now: datetime
    turns: tuple[Turn, ...]
    filed: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    calls_for_human: int = 0
    neighbours: tuple[Mapping[str, Any], ...] = ()
    kawan: tuple[Mapping[str, Any], ...] = ()
    counter: Mapping[str, Any] | None = None
    assistances: tuple[str, ...] = ()
    pending: str | None = None
    pending_on: tuple[str, ...] = ()

    @property
    def words(self) -> frozenset[str]:
        """Everything that this conversation asks of a stage: its actions, and what else not every stage can do."""
        begins_with = {"neighbours": self.neighbours, "kawan": self.kawan, "counter": self.counter}
        found: set[str] = {word for word, there in begins_with.items() if there}
        for turn in self.turns:
            found |= {turn.action} if turn.action else set()
            found |= turn.details.keys() & {"album"}
            found |= {turn.chat} if turn.chat else set()
            found |= {"clocks"} if turn.clocks else set()
            if turn.action == "file" and turn.details.get("megabytes", 1) > 20:
                found.add("file of more than 20 MB")
            if turn.action == "citizen" and len(turn.what) > 4096:
                found.add("more than 4,096 letters")
        return frozenset(found)


# --- reading ------------------------------------------------------------------------------------------


def read(file: Path) -> Transcript:
    """The transcript in a file. Raises `TranscriptWrong`."""
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TranscriptWrong(f"{file}: {error}") from None
    where = file.name
    _known(data, TOP, where)
    try:
        return Transcript(
            name=file.stem,
            title=data["title"],
            now=moment(data.get("now", NOW)),
            turns=tuple(_turn(turn, number, where) for number, turn in enumerate(data["turn"], 1)),
            filed=tuple(_known(each, FILED, f"{where}, filed {n}") for n, each in enumerate(data.get("filed", ()), 1)),
            notes=tuple(data.get("notes", ())),
            calls_for_human=data.get("calls_for_human", 0),
            neighbours=tuple(_known(each, NEIGHBOUR, f"{where}, neighbours") for each in data.get("neighbours", ())),
            kawan=tuple(_known(each, KAWAN, f"{where}, kawan") for each in data.get("kawan", ())),
            counter=_known(data["counter"], COUNTER, f"{where}, counter") if "counter" in data else None,
            assistances=tuple(data.get("assistances", ())),
            pending=data.get("pending") or data.get("defect"),
            pending_on=tuple(data.get("pending_on", ())),
        )
    except KeyError as error:
        raise TranscriptWrong(f"{where}: {error.args[0]} is missing") from None
    except TranscriptWrong:
        raise
    except ValueError as error:
        raise TranscriptWrong(f"{where}: {error}") from None


def _known(table: Mapping[str, Any], words: frozenset[str] | set[str], where: str) -> Mapping[str, Any]:
    if unknown := sorted(set(table) - words):
        raise TranscriptWrong(f"{where}: unknown words: {', '.join(unknown)}")
    return table


def _turn(data: Mapping[str, Any], number: int, where: str) -> Turn:
    where = f"{where}, turn {number}"
    _known(data, TURN, where)
    actions = [name for name in data if name in ACTIONS]
    if len(actions) > 1 or not (actions or "wait" in data or "then" in data):
        raise TranscriptWrong(f"{where}: exactly one thing must happen, not {' and '.join(actions) or 'nothing'}")
    action = actions[0] if actions else None
    for word, beside in DETAILS.items():
        if word in data and action not in beside:
            raise TranscriptWrong(f"{where}: {word} stands only beside {' or '.join(sorted(beside))}")
    what: Any = data[action] if action else None
    if action == "citizen":
        what *= data.get("times", 1)
    if action == "agency":
        _known(what, AGENCY, where)
    if action == "grant" and what not in GRANT:
        raise TranscriptWrong(f"{where}: a grant can only {' or '.join(sorted(GRANT))}")
    if sum(bool(data.get(chat)) for chat in CHATS) > 1:
        raise TranscriptWrong(f"{where}: it happens either in the other or in the resident's chat")
    if data.get("then", "clocks") != "clocks":
        raise TranscriptWrong(f"{where}: after then there can only be clocks")
    if action in {"edit", "reply"} and not 0 < what["turn"] < number:
        raise TranscriptWrong(f"{where}: turn {what['turn']} is not an earlier one")
    return Turn(
        number=number,
        action=action,
        what=what,
        details={word: data[word] for word in DETAILS if word in data},
        wait=span(data["wait"]) if "wait" in data else None,
        clocks="then" in data,
        chat=next((chat for chat in CHATS if data.get(chat)), ""),
        hasty=data.get("before_reading", False),
        bot=tuple(data["bot"]) if "bot" in data else None,
        never=tuple(data.get("not", ())),
        buttons=tuple(data["buttons"]) if "buttons" in data else None,
    )


def moment(words: str) -> datetime:
    """A moment such as "2026-11-20 09:00 WIB". Raises ValueError."""
    at, _, zone = words.rpartition(" ")
    if zone not in ZONES:
        raise ValueError(f"{words!r} does not end with one of {', '.join(ZONES)}")
    return datetime.fromisoformat(at).replace(tzinfo=timezone(timedelta(hours=ZONES[zone]), zone))


def span(words: str) -> timedelta:
    """A length of time such as "3 days". Raises ValueError."""
    count, _, unit = words.partition(" ")
    if not count.isdigit() or unit not in SPANS:
        raise ValueError(f"{words!r} is no length of time such as '10 minutes', '2 hours' or '3 days'")
    return int(count) * SPANS[unit]


# --- playing ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Said:
    """What the bot said in a turn: all of it as one text, and the buttons below (label to choice).

    Where several messages got one joint reply, `again` is what of it was the reply to those before.
    """

    text: str = ""
    buttons: Mapping[str, str] = field(default_factory=dict)
    again: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a conversation: the complaints with the words of `[[filed]]` that the stage can tell, all notes
    that the citizen added to them, how often a human was called for, and how each assistance ended."""

    filed: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...]
    calls_for_human: int
    assistances: tuple[str, ...] = ()


class Stage(Protocol):
    """Where a conversation can be played."""

    async def begin(self, transcript: Transcript) -> None:
        """Make the world that the transcript begins in: its clock, complaints of others, and who assists residents."""

    async def wait(self, time: timedelta) -> None:
        """Let time pass."""

    async def run_clocks(self) -> None:
        """Run the periodic jobs."""

    async def act(self, turn: Turn, choice: str | None, *, more: bool) -> Said:
        """Let the turn happen; returns what the bot says then.

        A tap sends `choice`. `more` says that the next turn is written before this one's reply is read.
        """

    async def tickets(self) -> Sequence[str]:
        """The numbers of the complaints that were filed in this conversation, in order."""

    async def names(self) -> Mapping[str, str]:
        """What {code}, {takeover}, {invitation}, {neighbour} and the like stand for by now."""

    async def outcome(self) -> Outcome:
        """What became of it all."""


@dataclass(frozen=True, slots=True)
class Played:
    """A turn as it went. `problems` are the differences from the file, in words."""

    turn: Turn
    said: Said
    problems: tuple[str, ...]


Before = Callable[[Turn], Awaitable[None]]


async def _nothing(_turn: Turn) -> None:
    return None


async def play(transcript: Transcript, stage: Stage, before: Before = _nothing) -> AsyncIterator[Played]:
    """Play a transcript; yields each turn as it went, and last a turn without a number that tells of the outcome.

    `before` is called with each turn, its words filled in, just before it happens.
    """
    await stage.begin(transcript)
    shown: defaultdict[str, dict[str, str]] = defaultdict(dict)  # every button that was seen in a chat
    below: defaultdict[str, Mapping[str, str]] = defaultdict(dict)  # those below the last reply
    following = [*transcript.turns[1:], None]
    for written, after in zip(transcript.turns, following, strict=True):
        filed = await stage.tickets()
        turn = fill(written, filed, await stage.names())
        await before(turn)
        if turn.wait:
            await stage.wait(turn.wait)
        if turn.clocks:
            await stage.run_clocks()
        choice = None
        if turn.action in {"tap", "old_tap"}:
            offered = below[turn.chat] if turn.action == "tap" else shown[turn.chat]
            choice = offered.get(turn.what)
            if choice is None:
                offers = ", ".join(offered) or "none at all"
                yield Played(turn, Said(), (f"there is no button {turn.what!r}; there are: {offers}",))
                return
        said = await stage.act(turn, choice, more=after is not None and after.hasty)
        now_filed = await stage.tickets()
        if said.text or turn.action not in MEANWHILE:
            below[turn.chat] = said.buttons
        shown[turn.chat].update(said.buttons)
        expected = fill(written, now_filed, await stage.names())
        yield Played(turn, said, tuple(_differences(expected, said, len(now_filed) > len(filed))))
    yield Played(Turn(0, None), Said(), tuple(_differences_in_outcome(transcript, await stage.outcome())))


def fill(turn: Turn, tickets: Sequence[str], names: Mapping[str, str]) -> Turn:
    """The turn with real numbers in its words: {ticket} is the last complaint's, T-001-000-0000 the first one's,
    {code} what the bot gave last. What is not known yet stays as it is."""
    known = {**names, **({"ticket": tickets[-1]} if tickets else {})}

    def number(found: re.Match[str]) -> str:
        which = int(found[1])
        return tickets[which - 1].removeprefix("T-") if 0 < which <= len(tickets) else found[0]

    def filled(value: Any) -> Any:
        if isinstance(value, str):
            words = re.sub(r"\{([a-z]+(?: \d+)?)\}", lambda found: known.get(found[1], found[0]), value)
            return TICKET.sub(number, words)
        if isinstance(value, Mapping):
            return {key: filled(each) for key, each in value.items()}
        if isinstance(value, tuple):
            return tuple(map(filled, value))
        return value

    return replace(turn, what=filled(turn.what), bot=filled(turn.bot), never=filled(turn.never))


def _differences(turn: Turn, said: Said, filed: bool) -> list[str]:
    found = [f"{phrase!r} is missing" for phrase in turn.bot or () if phrase not in said.text]
    found += [
        f"{phrase!r} must not be there" for phrase in turn.never if phrase in said.text and phrase not in said.again
    ]
    if turn.bot == () and said.text:
        found.append("the bot should be silent")
    if turn.buttons is not None and tuple(said.buttons) != turn.buttons:
        found.append(f"the buttons are {list(said.buttons)}, not {list(turn.buttons)}")
    if filed != (says_filed(said.text) and not says_filed(said.again)):
        found.append("it is filed and not said" if filed else "it says that it is filed when it is not")
    return found


def says_filed(words: str) -> bool:
    """Whether the bot says that a complaint is filed now, in any language."""
    said = [catalogue(language).get(key, "") for language in LANGUAGES for key in SAYS_FILED]
    heads = [each.split("{")[0].strip() for each in said]
    return any(head and head in words for head in heads)


def _differences_in_outcome(transcript: Transcript, found: Outcome) -> list[str]:
    """Only what the transcript names is compared, but the number of complaints, notes and calls always."""
    problems = []
    if len(found.filed) != len(transcript.filed):
        problems.append(f"{len(found.filed)} complaints were filed, not {len(transcript.filed)}")
    for number, (wanted, filed) in enumerate(zip(transcript.filed, found.filed, strict=False), 1):
        for word, value in wanted.items():
            wish = value.strip() if isinstance(value, str) else str(value) if word == "happened_on" else value
            if word in filed and filed[word] != wish:
                problems.append(f"complaint {number}: {word} is {filed[word]!r}, not {wish!r}")
    if found.notes != transcript.notes:
        problems.append(f"the notes are {list(found.notes)}, not {list(transcript.notes)}")
    if found.calls_for_human != transcript.calls_for_human:
        problems.append(f"a human was called {found.calls_for_human} times, not {transcript.calls_for_human}")
    if found.assistances != transcript.assistances:
        problems.append(f"the assistances are {list(found.assistances)}, not {list(transcript.assistances)}")
    return problems


def tell(played: Played) -> str:
    """The problems of a turn in words, with what the bot said; empty where there is none."""
    if not played.problems:
        return ""
    where = f"turn {played.turn.number}" if played.turn.number else "in the end"
    said = f"\nThe bot said:\n{played.said.text or '(nothing)'}" if played.turn.number else ""
    return f"{where}: {'; '.join(played.problems)}{said}"
