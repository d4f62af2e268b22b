"""The engine: `advance(conversation, message, facts) -> Turn`. Pure: the same values in, the same out.

What the engine must know comes in as `Facts`; what must be done comes out as wishes, which the shell
fulfils in the same transaction; a wish with an outcome the citizen waits for is given back through
`resume`. The way of a message: `advance` looks at what kind it is (group, command, tap, edit, media,
place, words), each of which changes the draft, and `_go_on` asks the next question that is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bot import answers
from bot.answers import Refused
from bot.conversation import Conversation, Draft, Filed
from bot.messages import Incoming, Media
from bot.script import (
    ASKS_STATUS,
    CLASS_SURE,
    COMMANDS,
    FUNCTION_SURE,
    PRIVACY,
    QUESTIONS,
    SCRIPT,
    SP4N_TEXT,
    TICKET,
    TRIES,
    WHICH,
    Question,
)
from bot.texts import LANGUAGES, speak
from bot.turns import (
    ASK,
    AUTO,
    AddNote,
    CallHuman,
    Facts,
    File,
    KeepMedia,
    Office,
    ReportDanger,
    Say,
    ShowStatus,
    Suggestion,
    TicketState,
    Turn,
    Unreachable,
    Wish,
    as_data,
)

# A tap has no place among the messages; 0 would mean that its answer was only read out of the story.
TAPPED = -1
# A file without words that comes so many seconds after filing belongs to what was filed.
LATE_FILE = 86_400.0


# --- one message ----------------------------------------------------------------------------------


def advance(conversation: Conversation, message: Incoming, facts: Facts) -> Turn:
    """The turn that this message makes of this conversation. Never raises on any message."""
    if conversation == Conversation() and message.language == "en":
        conversation = replace(conversation, language="en")
    turn = _turn(conversation, message, facts)
    if danger := _new_danger(conversation, turn, facts):
        turn = replace(turn, wishes=(*turn.wishes, ReportDanger(danger)))
    before, after = _length(conversation), _length(turn.conversation)
    if before <= SP4N_TEXT < after:
        told = Say("long_text", {"limit": f"{SP4N_TEXT:,}".replace(",", "."), "length": after})
        return _prepend(told, turn)
    return turn


def _length(conversation: Conversation) -> int:
    return len(conversation.draft.story) if conversation.draft else 0


def _new_danger(before: Conversation, turn: Turn, facts: Facts) -> str | None:
    """The kind of a present danger that this message has brought into the story, or tells of a filed complaint."""
    for wish in turn.wishes:
        if isinstance(wish, AddNote) and (noted := facts.suggest(wish.text)) and noted.danger:
            return noted.danger
    draft = turn.conversation.draft
    known = before.draft is not None and draft is not None and before.draft.number == draft.number
    return None if known and _danger(before.draft) else _danger(draft)


def _danger(draft: Draft | None) -> str | None:
    kind: str | None = ((draft and draft.suggestion) or {}).get("danger")
    return kind


def _turn(conversation: Conversation, message: Incoming, facts: Facts) -> Turn:
    if not message.private:
        return _point_to_private_chat(conversation, message, facts)
    if message.unsupported == "blocked":
        return Turn(conversation, wishes=(Unreachable(),))
    if conversation.asking and conversation.asking not in QUESTIONS:
        # The script changed while this conversation slept.
        turn = _turn(replace(conversation, asking=None, tries=0), message, facts)
        return _prepend(Say("resumed"), turn) if conversation.draft else turn
    if message.edits:
        return _edit(conversation, message, facts)
    if message.choice is not None:
        return _tap(conversation, message, facts)
    if message.media is not None:
        return _take_media(conversation, message, facts)
    if message.place is not None:
        return _take_pin(conversation, message, facts)
    if message.unsupported == "service":
        return Turn(conversation)  # something happened in the chat; nobody spoke to us
    if message.unsupported is not None:
        known = message.unsupported in {"unblocked", "sticker", "contact", "poll"}
        return _still(conversation, facts, Say(f"unsupported.{message.unsupported if known else 'other'}"))
    return _take_words(conversation, message, facts)


def resume(turn: Turn, wish: Wish, outcome: Any, facts: Facts) -> Turn:
    """The turn again, once the shell has fulfilled `wish`, with the words that tell its outcome."""
    if isinstance(wish, File):
        filed = Filed(
            ticket=outcome,
            number=wish.draft.number,
            sequences=tuple(part.sequence for part in wish.draft.told),
            albums=wish.draft.albums,
            at=facts.now.timestamp(),
        )
        conversation = replace(turn.conversation, draft=None, asking=None, tries=0, last=filed)
        said = (Say("filed", {"ticket": outcome}), Say("filed_next"))
        return replace(turn, conversation=conversation, replies=(*turn.replies, *said))
    if isinstance(wish, ShowStatus):
        states: list[TicketState] = outcome
        if not states:
            key = "status.unknown" if wish.ticket else "status.none"
            return replace(turn, replies=(Say(key, {"ticket": wish.ticket}), *turn.replies))
        return replace(turn, replies=(*map(_tell_state, states), *turn.replies))
    return turn


def _tell_state(state: TicketState) -> Say:
    key = f"state.{state.status}"
    return Say(
        "status.line",
        {
            "ticket": state.ticket,
            "title": state.title,
            "state": {"key": key, "params": {"agency": state.agency or {"key": "office.kominfo"}}},
            "date": f"{state.changed_at:%d-%m-%Y %H:%M %Z}",
        },
    )


# --- kinds of messages ----------------------------------------------------------------------------


def _point_to_private_chat(conversation: Conversation, message: Incoming, facts: Facts) -> Turn:
    """In a group only the way to the private chat is said: to whoever addresses us, and once a day by itself."""
    today = facts.now.date().isoformat()
    if conversation.group_told == today and not message.addressed:
        return Turn(conversation)
    return Turn(replace(conversation, group_told=today), (Say("group", {"link": facts.bot_link}),))


def _take_words(conversation: Conversation, message: Incoming, facts: Facts) -> Turn:
    command, ticket = _command(message.text)
    if command is not None:
        return _obey(conversation, command, ticket, facts)
    draft, question = conversation.draft, QUESTIONS.get(conversation.asking or "")
    if draft is not None and (early := _read_early(draft, question, message, facts)):
        return _go_on(replace(conversation, draft=early[0]), facts, early[1])
    if facts.unheard and (draft or conversation.last):
        return _add(conversation, message, facts)
    if draft is None:
        return _begin(conversation, message, facts)
    if question is None:
        return _add(conversation, message, facts)
    return _answer(conversation, draft, question, message, facts)


def _read_early(draft: Draft, question: Question | None, message: Incoming, facts: Facts) -> tuple[Draft, Say] | None:
    """Words that can only be meant for one question, such as "anonim", count before and after it is asked."""
    words = answers.plain(message.text)
    if words.isdigit() or words in answers.NO:
        return None
    for early in SCRIPT:
        if early.early and (early is not question or facts.unheard):
            try:
                value = early.read(message.text, facts.locate)
            except Refused:
                continue
            return draft.answer(early.name, value, message.sequence), Say(f"noted.{early.name}")
    return None


def _begin(conversation: Conversation, message: Incoming, facts: Facts) -> Turn:
    """The first words of a complaint, or words that are none."""
    words = answers.plain(message.text)
    if answers.thanks(message.text):
        return Turn(conversation, (Say("welcome"),))
    if conversation.last and not any(character.isalnum() or character == "?" for character in message.text):
        return Turn(conversation)  # folded hands after "Tercatat" want no answer
    try:
        answers.story(message.text, facts.locate)
    except Refused:
        if conversation.last and words in answers.YES | answers.NO:
            return Turn(conversation, (Say("already_filed", {"ticket": conversation.last.ticket}),))
        return _greet(conversation)
    if early := _read_early(Draft(0), None, message, facts):
        conversation = _new_draft(conversation)
        choices = early[0].answers
        conversation = replace(conversation, draft=replace(_draft_of(conversation), answers=choices))
        return _go_on(conversation, facts, early[1])
    if facts.awaiting:
        note = AddNote(facts.awaiting, message.text)
        return Turn(conversation, (Say("added", {"ticket": facts.awaiting}),), wishes=(note,))
    begun = (Say("noted.begun"),) if conversation.greeted else ()
    return _told(_new_draft(conversation), message, facts, *begun)


def _greet(conversation: Conversation) -> Turn:
    said = (Say("greeting"), Say("privacy_notice"), Say("ask.story"))
    return Turn(replace(conversation, greeted=True), said if not conversation.greeted else (said[0], said[2]))


def _answer(conversation: Conversation, draft: Draft, question: Question, message: Incoming, facts: Facts) -> Turn:
    """Words that answer the question which waits, are refused by it, or belong to the story."""
    offered = _offered(question, message.text)
    if offered is not None and offered != "skip":
        return _accept(conversation, draft, question, offered, message.sequence, facts)
    if question.skippable and (offered == "skip" or answers.declines(message.text)):
        return _go_on(replace(conversation, draft=draft.answer(question.name, None), tries=0), facts)
    if question.name == "place" and answers.tells_only_time(message.text, facts.locate):
        draft = draft.answer("time", message.text.strip(), message.sequence)
        return _still(replace(conversation, draft=draft), facts, Say("noted.time"))
    if answers.thanks(message.text):
        return _still(replace(conversation, draft=draft), facts, Say("welcome_short"))
    try:
        value = question.read(message.text, facts.locate)
    except Refused as refused:
        return _refuse(conversation, draft, question, message, refused, facts)
    return _accept(conversation, draft, question, value, message.sequence, facts)


def _offered(question: Question, words: str) -> str | None:
    """The choice whose button says just these words, in any language: not everybody sees buttons."""
    offers: tuple[str, ...] = (*question.choices, *(("skip",) if question.skippable else ()))
    for choice in offers:
        key = "choice.skip" if choice == "skip" else f"choice.{question.name}.{choice}"
        if any(answers.plain(words) == answers.plain(speak(key, None, language)) for language in LANGUAGES):
            return choice
    return None


def _refuse(
    conversation: Conversation, draft: Draft, question: Question, message: Incoming, refused: Refused, facts: Facts
) -> Turn:
    """What is no answer is kept as part of the story, if it says anything; then the question is asked again,
    or left open for the operator when it was asked often enough."""
    said = not answers.is_bare(message.text)
    if said and question.name == "region":
        draft = _add_to_place(draft, message.text, message.sequence)
    elif said and question.name != "story" and len(answers.plain(message.text).split()) > 1:
        conversation = replace(conversation, draft=_read_story(draft.tell(message.text, message.sequence), facts))
        return _go_on(conversation, facts, Say("noted.story"))
    if question.skippable and conversation.tries + 1 >= TRIES:
        conversation = replace(conversation, draft=draft.answer(question.name, None), tries=0)
        return _go_on(conversation, facts, Say("left_open"))
    conversation = replace(conversation, draft=draft, tries=conversation.tries + 1)
    return _still(conversation, facts, Say(f"refused.{refused.key}"))


def _add_to_place(draft: Draft, words: str, sequence: int) -> Draft:
    """The place with these words after those that were given before: whatever is said of it is kept."""
    place = draft.value("place") or {"text": "", "region": None, "name": None}
    known = place.get("text") or ""
    if words.strip().casefold() in known.casefold():
        return draft
    return draft.answer("place", {**place, "text": f"{known}, {words.strip()}" if known else words.strip()}, sequence)


def _accept(
    conversation: Conversation, draft: Draft, question: Question, value: Any, sequence: int, facts: Facts
) -> Turn:
    """An answer: it is kept, and what follows from it happens."""
    conversation = replace(conversation, tries=0)
    if question.name == "confirm":
        return _confirmed(conversation, draft, value, facts)
    if question.name == "which":
        return _ask(replace(conversation, draft=draft), QUESTIONS[value], facts)
    if question.name == "story":
        draft = _read_story(replace(draft, told=()).tell(value, sequence).answer("story", True), facts)
    elif question.name == "region":
        draft = _add_to_place(draft, value["text"], sequence)
        place = {**draft.value("place"), "region": value["region"], "name": value["name"]}
        draft = draft.answer("place", place, sequence)
    else:
        draft = draft.answer(question.name, value, sequence)
        if question.name == "place":
            draft = replace(draft, answers={k: v for k, v in draft.answers.items() if k != "region"})
    return _go_on(replace(conversation, draft=draft), facts)


def _confirmed(conversation: Conversation, draft: Draft, value: str, facts: Facts) -> Turn:
    if value == "send":
        return Turn(conversation, wishes=(File(draft),))
    if value == "cancel":
        return _obey(conversation, "cancel", None, facts)
    return _ask(conversation, WHICH, facts)


def _told(conversation: Conversation, message: Incoming, facts: Facts, *said: Say) -> Turn:
    """The story grows by this message."""
    draft = _draft_of(conversation)
    overtaken = not message.edits and message.sequence and any(p.sequence == message.sequence for p in draft.told)
    if not overtaken:
        draft = draft.tell(message.text, message.sequence).answer("story", True)
    return _go_on(replace(conversation, draft=_read_story(draft, facts)), facts, *said)


def _add(conversation: Conversation, message: Incoming, facts: Facts) -> Turn:
    """Words that are no answer to anything: they belong to the story, or to the complaint just filed."""
    if answers.is_bare(message.text):
        return _go_on(conversation, facts) if conversation.draft else Turn(conversation)
    if conversation.draft is None and conversation.last is not None:
        note = AddNote(conversation.last.ticket, message.text)
        return Turn(conversation, (Say("added", {"ticket": conversation.last.ticket}),), wishes=(note,))
    return _told(conversation, message, facts)


def _take_media(conversation: Conversation, message: Incoming, facts: Facts) -> Turn:
    """A file: with the draft it belongs to, with the complaint whose album it is part of, or a new draft."""
    media = message.media
    if media is None:
        return Turn(conversation)
    last = conversation.last
    here = conversation.draft.albums if conversation.draft else ()
    if last and media.group and media.group in last.albums and media.group not in here:
        note = (AddNote(last.ticket, message.text),) if message.text else ()
        return Turn(conversation, wishes=(KeepMedia(media, None, last.ticket), *note))
    if problem := _unacceptable(media):
        if message.text:
            conversation = conversation if conversation.draft else _new_draft(conversation)
            return _told(conversation, message, facts, problem, Say("refused.file_kept"))
        return _still(conversation, facts, problem, *((Say("refused.file_kept"),) if conversation.draft else ()))
    if conversation.draft is None and last and not message.text and facts.now.timestamp() - last.at < LATE_FILE:
        albums = last.albums if media.group is None else (*last.albums, media.group)
        conversation = replace(conversation, last=replace(last, albums=albums))
        return Turn(
            conversation, (Say("added_file", {"ticket": last.ticket}),), wishes=(KeepMedia(media, None, last.ticket),)
        )
    conversation = conversation if conversation.draft else _new_draft(conversation)
    draft = _draft_of(conversation)
    wish = KeepMedia(media, draft.number)
    repeated = media.group is not None and media.group in draft.albums
    draft = replace(
        draft,
        photos=draft.photos + 1,
        albums=draft.albums if repeated or media.group is None else (*draft.albums, media.group),
    )
    if "photos" not in draft.answers:
        draft = draft.answer("photos", "some", message.sequence)
    conversation = replace(conversation, draft=draft)
    if message.text:
        turn = _told(conversation, message, facts, Say("noted.photo"))
    elif repeated:
        # The rest of an album: counted, kept, and answered by what was said to its first picture.
        turn = Turn(conversation)
    else:
        turn = _go_on(conversation, facts, Say("noted.photo"))
    return replace(turn, wishes=(wish, *turn.wishes))


DOCUMENTS = ("application/pdf", "image/jpeg", "image/png")
DOCUMENT_LIMIT = 20 * 1024 * 1024


def _unacceptable(media: Media) -> Say | None:
    """Why a file cannot be taken, as far as its description tells; the worker looks at its content."""
    if media.size is not None and media.size > DOCUMENT_LIMIT:
        return Say("refused.file_size", {"limit": DOCUMENT_LIMIT // 2**20, "size": f"{media.size / 2**20:.0f}"})
    described = media.content_type is not None or media.kind == "document"
    if media.kind in {"photo", "document"} and described and media.content_type not in DOCUMENTS:
        return Say("refused.file_type")
    return None


def _take_pin(conversation: Conversation, message: Incoming, facts: Facts) -> Turn:
    """A location pin answers the place; the region is asked if no words have told it."""
    if message.place is None:
        return Turn(conversation)
    conversation = conversation if conversation.draft else _new_draft(conversation)
    draft = _draft_of(conversation)
    pin = message.place
    known = draft.value("place") or {}
    found = facts.locate(pin.label) if pin.label else None
    place = {
        "text": known.get("text") or pin.label or f"{pin.latitude:.5f}, {pin.longitude:.5f}",
        "region": known.get("region") or (found.region if found else None),
        "name": known.get("name") or (found.name if found else None),
        "latitude": pin.latitude,
        "longitude": pin.longitude,
    }
    draft = draft.answer("place", place, message.sequence)
    return _go_on(replace(conversation, draft=draft, tries=0), facts, Say("noted.pin"))


def _edit(conversation: Conversation, message: Incoming, facts: Facts) -> Turn:
    """An edited message replaces what it said before, or is added to the complaint that is filed already."""
    draft, last = conversation.draft, conversation.last
    if draft is not None and any(part.sequence == message.sequence for part in draft.told):
        draft = _read_story(draft.tell(message.text, message.sequence), facts)
        return _go_on(replace(conversation, draft=draft), facts, Say("noted.edit"))
    if draft is not None:
        for name, answer in draft.answers.items():
            if answer.sequence == message.sequence and name in QUESTIONS and message.sequence:
                return _answer(conversation, draft, QUESTIONS[name], message, facts)
    if last is not None and message.sequence in last.sequences:
        return Turn(
            conversation, (Say("added", {"ticket": last.ticket}),), wishes=(AddNote(last.ticket, message.text),)
        )
    if not message.text:
        return Turn(conversation)
    return _add(conversation, message, facts) if draft else Turn(conversation, (Say("edit_unknown"),))


def _tap(conversation: Conversation, message: Incoming, facts: Facts) -> Turn:
    """A button: `<draft>:<question>:<choice>`, of this draft or of an old one."""
    number, _, rest = (message.choice or "").partition(":")
    name, _, value = rest.partition(":")
    draft, question = conversation.draft, QUESTIONS.get(name)
    if draft is None or question is None or number != str(draft.number):
        if draft is None and conversation.last and number == str(conversation.last.number):
            return Turn(conversation, (Say("already_filed", {"ticket": conversation.last.ticket}),))
        return _still(conversation, facts, Say("old_button"))
    if value == "skip" and question.skippable:
        return _go_on(replace(conversation, draft=draft.answer(name, None), tries=0), facts)
    if value not in question.choices:
        return _still(conversation, facts, Say("old_button"))
    if name == "confirm" and value == "send" and _next(draft).name != "confirm":
        return _go_on(conversation, facts)
    return _accept(conversation, draft, question, value, message.sequence or TAPPED, facts)


# --- commands -------------------------------------------------------------------------------------


def _command(text: str) -> tuple[str | None, str | None]:
    """The command that a text is, and its argument (a ticket's words). `/status@bot` is `/status`."""
    words = " ".join(text.casefold().split()).strip(" .!?")
    head, _, rest = words.partition(" ")
    if head.startswith("/"):
        head = head.split("@", 1)[0]
    whole = f"{head} {rest}".strip()
    if whole in COMMANDS:
        return COMMANDS[whole], None
    if COMMANDS.get(head) == "status" and TICKET.fullmatch(rest):
        return "status", rest
    if words.startswith("t") and TICKET.fullmatch(words):
        return "status", words.upper()
    if ASKS_STATUS.fullmatch(words):
        return "status", None
    if head == "/start":  # with what a link to the bot carries
        return "start", None
    return None, None


def _obey(conversation: Conversation, command: str, ticket: str | None, facts: Facts) -> Turn:
    if command == "status":
        return _with_question(Turn(conversation, wishes=(ShowStatus(ticket),)), facts)
    if command == "human":
        return _with_question(Turn(conversation, (Say("human_called"),), wishes=(CallHuman(),)), facts)
    if command == "help":
        return _with_question(Turn(conversation, (Say("help"),)), facts)
    if command in {"english", "indonesian"}:
        conversation = replace(conversation, language="en" if command == "english" else "id")
        return _with_question(Turn(conversation, (Say("language"),)), facts)
    if command == "cancel":
        if conversation.draft is None:
            return Turn(conversation, (Say("nothing_to_cancel"),))
        return Turn(replace(conversation, draft=None, asking=None, tries=0), (Say("cancelled"),))
    if conversation.draft is None:
        return _greet(replace(conversation, greeted=False))
    return _go_on(conversation, facts, Say("draft_waits"))


# --- what is still missing ------------------------------------------------------------------------


def _draft_of(conversation: Conversation) -> Draft:
    """The draft that the caller knows to be there."""
    if conversation.draft is None:
        raise LookupError("no draft")
    return conversation.draft


def _new_draft(conversation: Conversation) -> Conversation:
    number = conversation.drafts + 1
    return replace(conversation, drafts=number, draft=Draft(number), asking=None, tries=0)


def _read_story(draft: Draft, facts: Facts) -> Draft:
    """Take out of the story what it tells by itself; never over an answer that was given."""
    story = draft.story
    suggestion = facts.suggest(story)
    draft = replace(draft, suggestion=as_data(suggestion) if suggestion else None)
    found: dict[str, Any] = {
        "place": answers.place_in_story(story, facts.locate),
        "time": answers.time_in_story(story),
        "class": answers.class_in_story(story) or _sure_class(suggestion),
    }
    for name, value in found.items():
        given = draft.answers.get(name)
        # Sequence 0 marks what was read out of the story: a better reading may replace it.
        if value is not None and (given is None or given.sequence == 0):
            draft = draft.answer(name, value)
        elif name == "place" and value and value["region"] and given and given.value and not given.value.get("region"):
            region = {"region": value["region"], "name": value["name"]}
            draft = draft.answer(name, {**given.value, **region}, given.sequence)
    return draft


def _sure_class(suggestion: Suggestion | None) -> str | None:
    if suggestion and suggestion.report_class and suggestion.report_class[0][1] >= CLASS_SURE:
        return suggestion.report_class[0][0]
    return None


def _next(draft: Draft) -> Question:
    """The first question that is needed and has no answer."""
    return next(q for q in SCRIPT if q.name == "confirm" or (q.name not in draft.answers and q.needed(draft)))


def _go_on(conversation: Conversation, facts: Facts, *said: Say) -> Turn:
    """Say this, then ask what is still missing."""
    if conversation.draft is None:
        if said:
            return Turn(conversation, said)
        return _greet(conversation)
    first = () if conversation.greeted else (Say("greeting_short"), Say("privacy_notice"))
    turn = _ask(replace(conversation, greeted=True), _next(conversation.draft), facts)
    return replace(turn, replies=(*first, *said, *turn.replies))


def _ask(conversation: Conversation, question: Question, facts: Facts) -> Turn:
    draft = _draft_of(conversation)
    said: tuple[Say, ...] = (Say(f"ask.{question.name}"),)
    if question.name == "confirm":
        said = (*_summary(draft, conversation.language, facts), *said)
    offers = (*question.choices, *(("skip",) if question.skippable else ()))
    buttons = tuple(
        (
            "choice.skip" if offer == "skip" else f"choice.{question.name}.{offer}",
            f"{draft.number}:{question.name}:{offer}",
        )
        for offer in offers
    )
    return Turn(replace(conversation, asking=question.name), said, question.name, buttons)


def _with_question(turn: Turn, facts: Facts) -> Turn:
    """The turn, followed by the question that waited when a command came in between."""
    question = QUESTIONS.get(turn.conversation.asking or "")
    if turn.conversation.draft is None or question is None:
        return turn
    asked = _ask(turn.conversation, question, facts)
    return replace(turn, replies=(*turn.replies, *asked.replies), asks=asked.asks, buttons=asked.buttons)


def _still(conversation: Conversation, facts: Facts, *said: Say) -> Turn:
    """Say this, then ask again what waits, be it a question of the script or one that the citizen went back to."""
    if conversation.asking in QUESTIONS and conversation.draft is not None and conversation.greeted:
        return _with_question(Turn(conversation, said), facts)
    return _go_on(conversation, facts, *said)


def _prepend(say: Say, turn: Turn) -> Turn:
    return replace(turn, replies=(say, *turn.replies))


# --- the summary ----------------------------------------------------------------------------------

EXCERPT = 600


def suggested_office(draft: Draft, facts: Facts) -> tuple[str | None, Office]:
    """The function that the classifier is sure enough of (or None), and the office that it leads to."""
    functions = (draft.suggestion or {}).get("functions") or []
    function = functions[0][0] if functions and functions[0][1] >= FUNCTION_SURE else None
    return function, facts.office(function, (draft.value("place") or {}).get("region"), draft.story)


def _summary(draft: Draft, language: str, facts: Facts) -> tuple[Say, ...]:
    place = draft.value("place") or {}
    function, office = suggested_office(draft, facts)
    auto = function is not None and (draft.suggestion or {}).get("band", ASK) == AUTO
    topics = (draft.suggestion or {}).get("topics") or []
    privacy = PRIVACY[draft.value("privacy") or "open"]
    story = draft.story
    lines: dict[str, Any] = {
        "class": {"key": f"class.{draft.value('class') or 'pengaduan'}"},
        "story": story if len(story) <= EXCERPT else story[:EXCERPT].rstrip() + " …",
        "place": _place_words(place) or {"key": "unknown"},
        "time": draft.value("time") or {"key": "unknown" if QUESTIONS["time"].needed(draft) else "not_asked"},
        "photos": str(draft.photos) if draft.photos else {"key": "none"},
        "name": {"key": "name.hidden" if privacy["anonymous"] else "name.shown"},
        "public": {"key": "public.no" if privacy["secret"] else "public.yes"},
        "agency": {
            "key": "office.sure" if auto and office.certain else "office.unsure",
            "params": {"agency": office.name},
        },
        "category": facts.category(topics[0][0], language) if topics else {"key": "unknown"},
    }
    return (Say("summary", lines),)


def _place_words(place: Mapping[str, Any]) -> str:
    """The citizen's words for the place, with the region's name where they do not contain it."""
    words, name = place.get("text") or "", place.get("name")
    bare = (name or "").removeprefix("Kota ").removeprefix("Kabupaten ")
    return f"{words} ({name})" if name and bare.casefold() not in words.casefold() else words
