"""What Meta posts to our webhook becomes `Incoming` messages, `Report`s about ours, and news about people and us.

One POST may hold many entries, changes and parts; each part is read by itself, so that one that we do not understand
takes no other with it. What is in a group is not ours to keep: not its words, and not who said them.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

from bot.channels.whatsapp import NAME, WINDOW
from bot.channels.whatsapp.errors import judge
from bot.messages import (
    UNNUMBERED,
    AccountNews,
    Address,
    Incoming,
    Media,
    MediaKind,
    Place,
    Renamed,
    Report,
    TemplateNews,
    TryLater,
    Unknown,
    clean,
)

Part = Incoming | Report | Renamed | TemplateNews | AccountNews | Unknown

# Kinds of message that bring a file. A document may be a voice note of another messenger, or a film.
FILES: dict[str, MediaKind] = {
    "image": "photo", "document": "document", "audio": "voice", "voice": "voice", "video": "video"
}  # fmt: skip
DOCUMENTS: dict[str, MediaKind] = {"audio": "voice", "video": "video"}

# Kinds that we cannot use, by the word that the conversation has for them. Where nobody spoke to us ("service") nothing
# is answered: to a thumb below our message, or to the opening of a chat.
UNUSABLE = {"sticker": "sticker", "contacts": "contact", "reaction": "service", "request_welcome": "service"}
# The same for what Meta keeps from us, by `unsupported.type`.
WITHHELD = {
    "poll": "poll", "poll_creation": "poll", "poll_update": "service", "reaction": "service", "pin": "service",
    "keep_in_chat": "service", "sticker": "sticker",
}  # fmt: skip

# What Meta says of a message of ours. That a voice note was played is more than that it was read.
STATES: dict[str, Literal["sent", "delivered", "read", "failed"]] = {
    "sent": "sent", "delivered": "delivered", "read": "read", "played": "read", "failed": "failed"
}  # fmt: skip

# What was decided about a template, where Meta's list of templates has another word for it. One that is flagged may be
# sent as long as it is not paused.
TEMPLATE_STATES = {
    "reinstated": "approved", "unarchived": "approved", "unpause": "approved", "flagged": "approved",
    "first_pause": "paused", "second_pause": "paused", "rate_limiting_pause": "paused",
}  # fmt: skip

# The words about our account that we can judge: what ails it then, None where it is right again. Of the restrictions
# only those that keep us from writing: that we may add no other number, or call nobody, is no trouble here.
ACCOUNT_WORDS: dict[str, dict[str, str | None]] = {
    "account_update": {
        "ACCOUNT_DELETED": "account",
        "ACCOUNT_OFFBOARDED": "account",
        "ACCOUNT_RECONNECTED": None,
        "ACCOUNT_REINSTATED": None,
        "ACCOUNT_VIOLATION": "account",
        "DISABLE": "account",
        "SCHEDULE_FOR_DISABLE": "account",
        "REINSTATE": None,
        "RESTRICTED_BIZ_INITIATED_MESSAGING": "account",
        "RESTRICTED_CUSTOMER_INITIATED_MESSAGING": "account",
    },
    "account_review_update": {"REJECTED": "account", "APPROVED": None},
}

LONGEST_REASON = 500  # characters that we keep of Meta's own words

_ID = re.compile(r"[\x21-\x7e]{1,512}")
_NUMBER = re.compile(r"[0-9]{5,20}")
_WRITTEN_NUMBER = re.compile(r"\+?[0-9 ().-]{5,40}")
_USER_ID = re.compile(r"[A-Za-z]{2}\.[A-Za-z0-9._-]{1,200}")
_SECONDS = re.compile(r"[0-9]{9,11}")
# How Meta ends the words about a change of ids. A name stands before this, and cannot feign the end.
_CHANGED = re.compile(r" from (\S+) to (\S+)$")


@dataclass(frozen=True, slots=True)
class Heard:
    """A part of what was posted, and the smallest whole that tells it again: the change with this part alone.
    `account` is the id of the business account that it is about, which stands around all of that; None if none does."""

    part: Part
    payload: Mapping[str, Any]
    account: str | None = field(default=None, compare=False)


def read(payload: Any) -> list[Heard]:
    """Everything that one POST tells, in its order; never raises.

    A message is read for what it says, or is `unsupported` where its sender at least can be seen. Whatever else cannot
    be understood is an `Unknown`, so that it can be kept.
    """
    entries = _list(payload, "entry")
    heard = [replace(each, account=_id(_get(entry, "id"))) for entry in entries for each in _read_entry(entry)]
    return heard or [Heard(Unknown(), _as_mapping(payload))]


def signed(body: bytes, header: str, secret: str) -> bool:
    """Whether this header (X-Hub-Signature-256) was made of these very bytes by somebody who knows our app's secret."""
    wanted = f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"
    # Without a secret anybody could have signed it. As bytes, whatever stands in the header can be compared.
    return bool(secret) and hmac.compare_digest(wanted.encode(), header.encode(errors="replace"))


def account_of(payload: Any) -> str | None:
    """The id of the business account that this is about; None if it names none."""
    return next((name for entry in _list(payload, "entry") if (name := _id(_get(entry, "id")))), None)


# --- the whole ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Around:
    """What stands around the parts of one change: the people they are about, and for which of our numbers they are."""

    change: Mapping[str, Any]
    field: str | None
    value: Mapping[str, Any]
    contacts: tuple[Mapping[str, Any], ...]

    def tell(self, name: str, part: Any, contact: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The payload of one part."""
        told = {"field": self.change.get("field"), "metadata": self.value.get("metadata")}
        return told | ({"contacts": [contact]} if contact else {}) | {name: [part]}


def _read_entry(entry: Any) -> Iterator[Heard]:
    changes = _list(entry, "changes")
    for change in changes:
        yield from _read_change(change)
    if not changes:
        yield Heard(Unknown(), _as_mapping(entry))


def _read_change(change: Any) -> Iterator[Heard]:
    value = _mapping(change, "value")
    field = _get(change, "field")
    contacts = tuple(contact for contact in _list(value, "contacts") if isinstance(contact, dict))
    around = _Around(_as_mapping(change), field if isinstance(field, str) else None, value, contacts)
    told = False
    # A field of another name has other readers: the echoes of what we wrote ourselves are no messages to us.
    for name, parts in value.items():
        reader = PARTS.get((around.field or "messages", name))
        if reader is None or not parts:
            continue
        told = True
        for part in parts if isinstance(parts, list) else [parts]:
            yield reader(around, part)
    if not told:
        yield Heard(_read_news(around) or Unknown(), around.change)


# --- messages -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Said:
    """What a message says, whoever said it."""

    text: str = ""
    choice: str | None = None
    media: Media | None = None
    place: Place | None = None
    unsupported: str | None = None
    replaces: str | None = None


_NOT_UNDERSTOOD = _Said(unsupported="unknown")


def _read_message(around: _Around, message: Any) -> Heard:
    if not isinstance(message, dict):
        return Heard(Unknown(), around.tell("messages", message))
    name = _id(message.get("id"))
    if message.get("group_id"):
        bare = {key: message[key] for key in ("id", "group_id", "timestamp", "type") if key in message}
        return Heard(_read_in_group(name, message) or Unknown(name), around.tell("messages", bare))
    if message.get("type") == "system":
        return Heard(_read_system(name, message) or Unknown(name), around.tell("messages", message))
    contact, known_as = _sender(around, message)
    payload = around.tell("messages", message, contact)
    if name is None or not known_as:
        return Heard(Unknown(name), payload)
    said, context = _read_content(message), _mapping(message, "context")
    incoming = Incoming(
        address=Address(NAME, known_as[-1]),
        message_id=name,
        sequence=UNNUMBERED if said.choice is None else 0,
        text=said.text,
        choice=said.choice,
        media=said.media,
        place=said.place,
        edits=said.replaces is not None,
        unsupported=said.unsupported,
        name=_name(contact),
        reply_to=_id(context.get("id")),
        forwarded=context.get("forwarded") is True or context.get("frequently_forwarded") is True,
        known_as=known_as,
        window_until=_window(message),
        replaces=said.replaces,
    )
    return Heard(incoming, payload)


def _read_in_group(name: str | None, message: Mapping[str, Any]) -> Incoming | None:
    """That something was said in a group, and nothing else. The chat is the group, not whoever spoke."""
    group = _id(message.get("group_id"))
    if name is None or group is None:
        return None
    return Incoming(Address(NAME, group), name, UNNUMBERED, private=False, window_until=_window(message))


def _sender(around: _Around, message: Mapping[str, Any]) -> tuple[Mapping[str, Any] | None, tuple[str, ...]]:
    """Who has sent the message, as described among the people of the change, and all their ids: the BSUID, the number.

    A description is theirs if the BSUID is the same, or the number where it or the message has no BSUID. What the
    message says itself goes before it.
    """
    number, user_id = _ids(message.get("from_user_id"), message.get("from"))
    alone = len(around.contacts) == 1 and len(_list(around.value, "messages")) == 1
    for contact in around.contacts:
        its_number, its_user_id = _ids(contact.get("user_id"), contact.get("wa_id"))
        same = its_user_id == user_id if user_id and its_user_id else number is not None and its_number == number
        if same or (alone and not (number or user_id)):
            return contact, tuple(filter(None, (user_id or its_user_id, number or its_number)))
    return None, tuple(filter(None, (user_id, number)))


def _ids(*values: Any) -> tuple[str | None, str | None]:
    """The telephone number and the user-scoped id (BSUID) among these: the first of each. Either may stand anywhere."""
    known = _persons(*values)
    numbers = (each for each in known if _NUMBER.fullmatch(each))
    return next(numbers, None), next((each for each in known if not _NUMBER.fullmatch(each)), None)


def _persons(*values: Any) -> tuple[str, ...]:
    """The numbers and BSUIDs among these, each once."""
    return tuple(dict.fromkeys(each for value in values if (each := _person(value))))


def _person(value: Any) -> str | None:
    """A number in digits alone, or a BSUID as it is."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**20:
        value = str(value)
    if not isinstance(value, str):
        return None
    if _USER_ID.fullmatch(value):
        return value
    digits = re.sub("[^0-9]", "", value) if _WRITTEN_NUMBER.fullmatch(value) else ""
    return digits if _NUMBER.fullmatch(digits) else None


def _name(contact: Mapping[str, Any] | None) -> str | None:
    profile = _mapping(contact, "profile")
    return _words(profile.get("name")).strip() or _words(profile.get("username")).strip() or None


def _window(message: Mapping[str, Any]) -> datetime | None:
    written = _moment(message.get("timestamp"))
    return written + WINDOW if written else None


# --- what a message says ------------------------------------------------------------------------------


def _read_content(message: Mapping[str, Any]) -> _Said:
    kind = message.get("type")
    if kind not in ("edit", "revoke"):
        return _read_words(message)
    about = _mapping(message, kind)
    replaces = _id(about.get("original_message_id"))
    # What was taken back says nothing any more.
    said = _read_words(_mapping(about, "message")) if kind == "edit" else _Said()
    if replaces is None or said.unsupported or said.choice is not None:
        return _NOT_UNDERSTOOD
    return _Said(said.text, media=said.media, place=said.place, replaces=replaces)


def _read_words(message: Mapping[str, Any]) -> _Said:
    kind = message.get("type")
    if not isinstance(kind, str):
        return _NOT_UNDERSTOOD
    about = _mapping(message, kind)
    if kind in FILES:
        return _read_file(FILES[kind], about)
    match kind:
        case "text":
            return _text_or(about.get("body"), "blank")
        case "location":
            place = _read_place(about)
            return _Said(place=place) if place else _NOT_UNDERSTOOD
        case "button":
            # Without a payload of ours Meta repeats the label: then it is as if the label had been typed.
            payload, label = _words(about.get("payload")), _words(about.get("text"))
            return _Said(choice=payload) if payload not in ("", label) else _text_or(label, "unknown")
        case "interactive":
            return _read_tap(about)
        case "unsupported":
            return _Said(unsupported=WITHHELD.get(_words(about.get("type")), "unknown"))
        case _:
            return _Said(unsupported=UNUSABLE.get(kind, "unknown"))


def _read_tap(about: Mapping[str, Any]) -> _Said:
    """A tap on a button or a row below a message of ours; its label, if we cannot see which."""
    kind = about.get("type")
    if kind not in ("button_reply", "list_reply"):
        return _NOT_UNDERSTOOD
    reply = _mapping(about, kind)
    choice = _words(reply.get("id"))
    return _Said(choice=choice) if choice else _text_or(reply.get("title"), "unknown")


def _read_file(kind: MediaKind, about: Mapping[str, Any]) -> _Said:
    """A file with its caption, which counts as words even where the file cannot be named."""
    name, text = _id(about.get("id")), _words(about.get("caption"))
    if name is None:
        return _text_or(text, "unknown")
    # Of "audio/ogg; codecs=opus" the type is what others compare.
    content_type = _words(about.get("mime_type")).partition(";")[0].strip().lower()
    if kind == "document":
        kind = DOCUMENTS.get(content_type.partition("/")[0], kind)
    return _Said(text, media=Media(kind, name, None, content_type or None, _words(about.get("filename")) or None))


def _read_place(about: Mapping[str, Any]) -> Place | None:
    latitude, longitude = (_degrees(about.get(name), limit) for name, limit in (("latitude", 90), ("longitude", 180)))
    if latitude is None or longitude is None:
        return None
    called = [words for name in ("name", "address") if (words := _words(about.get(name)).strip())]
    return Place(latitude, longitude, ", ".join(dict.fromkeys(called)) or None)


def _text_or(value: Any, unsupported: str) -> _Said:
    if not isinstance(value, str):
        return _NOT_UNDERSTOOD
    text = clean(value)
    return _Said(text) if text else _Said(unsupported=unsupported)


# --- people -------------------------------------------------------------------------------------------


def _read_system(name: str | None, message: Mapping[str, Any]) -> Renamed | None:
    """That somebody has another number or another BSUID. The old ids are the sender's; where Meta names no sender, the
    old one stands only in the words."""
    about = _mapping(message, "system")
    if about.get("type") not in ("user_changed_number", "user_changed_user_id"):
        return None
    new = _persons(about.get("wa_id"), about.get("user_id"))
    told = _CHANGED.search(_words(about.get("body")).rstrip())
    told_old = told[1] if told and _person(told[2]) in new else None
    return _renamed(
        name,
        _persons(message.get("from"), message.get("from_user_id"), about.get("previous_user_id"), told_old),
        new,
        _moment(message.get("timestamp")),
    )


def _read_user_id(around: _Around, update: Any) -> Heard:
    """The other notice of the same: that a BSUID has given way to another."""
    pair = _mapping(update, "user_id")
    new = _persons(_get(update, "wa_id"), pair.get("current"))
    renamed = _renamed(None, _persons(pair.get("previous")), new, _moment(_get(update, "timestamp")))
    return Heard(renamed or Unknown(), around.tell("user_id_update", update))


def _renamed(name: str | None, old: tuple[str, ...], new: tuple[str, ...], at: datetime | None) -> Renamed | None:
    """The renaming, under its own id or one made of all that it says. None if nothing changes."""
    left = tuple(each for each in old if each not in new)
    if not left or not new:
        return None
    digest = hashlib.sha256(" ".join((*left, "to", *new)).encode()).hexdigest()
    return Renamed(name or f"sha256:{digest}", left, new, at)


# --- our messages, our templates, our account ---------------------------------------------------------


def _read_status(around: _Around, status: Any) -> Heard:
    payload = around.tell("statuses", status)
    name, state = _id(_get(status, "id")), STATES.get(_words(_get(status, "status")))
    if name is None or state is None:
        return Heard(Unknown(), payload)
    trouble = None
    if state == "failed":
        trouble = judge(next((error for error in _list(status, "errors") if isinstance(error, dict)), {}))
    return Heard(Report(name, state, _moment(_get(status, "timestamp")), trouble), payload)


def _read_error(around: _Around, error: Any) -> Heard:
    """An error that belongs to no message: of the account or of our number, if it means anything to us."""
    payload = around.tell("errors", error)
    trouble = judge(error) if isinstance(error, dict) else None
    if isinstance(trouble, TryLater) and trouble.ails:
        return Heard(AccountNews(trouble.ails, trouble.reason), payload)
    return Heard(Unknown(), payload)


def _read_news(around: _Around) -> TemplateNews | AccountNews | None:
    """What a whole change says, by its field."""
    if around.field == "message_template_status_update":
        return _read_template(around.value)
    if around.field in ACCOUNT_WORDS:
        return _read_account(ACCOUNT_WORDS[around.field], around.value)
    return None


def _read_template(value: Mapping[str, Any]) -> TemplateNews | None:
    name, event = _words(value.get("message_template_name")), _words(value.get("event")).lower()
    language = _words(value.get("message_template_language")).replace("-", "_")  # here "en-US", in the list "en_US"
    if not (name and language and event):
        return None
    other = _mapping(value, "other_info")
    state = TEMPLATE_STATES.get(_words(other.get("title")).lower()) or TEMPLATE_STATES.get(event, event)
    reason = _words(value.get("reason"))
    why = ["" if reason == "NONE" else reason, _words(_mapping(value, "rejection_info").get("reason"))]
    why = [event.upper() if state != event else "", *why, _words(other.get("description"))]
    category = _words(value.get("message_template_category")).lower() or None
    return TemplateNews(name, language, state, _joined(why), category)


def _read_account(judged: Mapping[str, str | None], value: Mapping[str, Any]) -> AccountNews | None:
    """What ails the account, by every word about it that we know: one that ails counts more than one that heals."""
    banned = _mapping(value, "ban_info").get("waba_ban_state")
    restricted = [_get(each, "restriction_type") for each in _list(value, "restriction_info")]
    said = [value.get("event"), value.get("decision"), *(banned if isinstance(banned, list) else [banned])]
    said += [_mapping(value, "violation_info").get("violation_type"), *restricted]
    words = [word for each in said if (word := _words(each))]
    known = [judged[word] for word in words if word in judged]
    if not known:
        return None
    return AccountNews(next(filter(None, known), None), _joined(words) or "")


def _joined(words: list[str]) -> str | None:
    return ": ".join(filter(None, words))[:LONGEST_REASON] or None


# Who reads the parts of a change, by its field and by the name of the list that they stand in. A field without a
# readable name is taken for "messages".
PARTS: dict[tuple[str, str], Callable[[_Around, Any], Heard]] = {
    ("messages", "messages"): _read_message,
    ("messages", "statuses"): _read_status,
    ("messages", "errors"): _read_error,
    ("user_id_update", "user_id_update"): _read_user_id,
}


# --- values of any type -------------------------------------------------------------------------------


def _get(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _mapping(value: Any, name: str) -> Mapping[str, Any]:
    inner = _get(value, name)
    return inner if isinstance(inner, dict) else {}


def _list(value: Any, name: str) -> list[Any]:
    inner = _get(value, name)
    return inner if isinstance(inner, list) else []


def _as_mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {"payload": value}


def _words(value: Any) -> str:
    """A text without what nobody sees and no database takes; empty for what is no text."""
    return clean(value) if isinstance(value, str) else ""


def _id(value: Any) -> str | None:
    """An id of Meta's: of a message, a file, a group or an account."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**20:
        value = str(value)
    return value if isinstance(value, str) and _ID.fullmatch(value) else None


def _degrees(value: Any, limit: int) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if -limit <= value <= limit else None


def _moment(value: Any) -> datetime | None:
    """The moment that many seconds after 1970, in UTC."""
    seconds = str(value) if isinstance(value, int) and 0 <= value < 10**12 else value
    found = isinstance(seconds, str) and _SECONDS.fullmatch(seconds)
    return datetime.fromtimestamp(int(seconds), UTC) if found else None
