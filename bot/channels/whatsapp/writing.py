"""What goes out: an `Outgoing` becomes the bodies of calls of the Cloud API. Nothing here touches the network.

Lengths are counted in UTF-16 code units. Meta says "characters" and not what it takes for one; so it fits either way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from bot.channels.splitting import fits, length, shorten, split
from bot.messages import Address, Button, File, Outgoing, Template, Undeliverable
from bot.texts import speak

TEXT_LIMIT = 4096
BODY_LIMIT = 1024  # of the text above buttons, a list or the request for a location
BUTTONS, BUTTON_LIMIT = 3, 20
ROWS, TITLE_LIMIT, DESCRIPTION_LIMIT = 10, 24, 72
CHOICE_LIMIT = 64  # bytes of UTF-8; Meta would take more
# A template with its gaps filled has at most 1,024; what fills them has so many in all, whatever the words around them.
PARAMETERS_LIMIT = 600
NOTHING = "–"  # in a gap that would be empty, which Meta refuses

# What Meta shows as what it is, up to so many bytes; every other file goes as a document.
SHOWN: dict[str, tuple[int, frozenset[str]]] = {
    "image": (5_000_000, frozenset({"image/jpeg", "image/png"})),
    "audio": (16_000_000, frozenset({"audio/aac", "audio/amr", "audio/mp4", "audio/mpeg", "audio/ogg"})),
    "video": (16_000_000, frozenset({"video/3gpp", "video/mp4"})),
}

Manner = Literal["buttons", "list", "numbers"]
Body = dict[str, Any]

NUMBER = re.compile(r"[0-9]{1,20}")
USER_ID = re.compile(r"[A-Za-z]{2}\.[A-Za-z0-9._-]{1,200}")  # a BSUID, or a parent one such as ID.ENT.1181…
_TYPED = re.compile(
    r"\W*(?:(?:yang|pilih|pilihan|nomor|nomer|no|number|option)(?=[\W\d])\W*)*(\d{1,3})\W*", re.IGNORECASE
)

_SIGN = re.compile(r"(?<=\w)([:,]) ")


def bodies(message: Outgoing, uploaded: Sequence[tuple[File, str]] = ()) -> list[Body]:
    """The bodies of the calls that say one message, in order: its files, its text, and its choices with the last of it.

    `uploaded` are the files that Meta has, with its ids; where some are missing, the text says so. Raises
    `Undeliverable` where there is nothing to say, for an address that is none of WhatsApp's and for a choice that no
    button can carry.
    """
    head = _head(message.address)
    if message.template:
        return [{**head, "type": "template", "template": _template(message.template)}]
    for button in message.buttons:
        if not 1 <= len(button.choice.encode()) <= CHOICE_LIMIT:
            raise Undeliverable(f"a button's choice must have 1 to {CHOICE_LIMIT} bytes", gone=False)
    contents = [*(_file(file, media_id) for file, media_id in uploaded), *_words(message, len(uploaded))]
    if not contents:
        raise Undeliverable("nothing to say", gone=False)
    return [{**head, **content} for content in contents]


def chosen(text: str, offers: Sequence[Button]) -> str | None:
    """The choice whose number was typed ("2", "2.", "nomor 2"), where `bodies` would have numbered these offers."""
    found = _TYPED.fullmatch(text)
    if not found or not offers or _manner(offers) != "numbers":
        return None
    number = int(found[1])
    return offers[number - 1].choice if 1 <= number <= len(offers) else None


def _head(address: Address) -> Body:
    head = {"messaging_product": "whatsapp", "recipient_type": "individual"}
    if NUMBER.fullmatch(address.user):
        return {**head, "to": address.user}
    if USER_ID.fullmatch(address.user):
        return {**head, "recipient": address.user}  # in `to`, Meta would take it and drop it without a word
    raise Undeliverable("not a WhatsApp number or user id", gone=True)


# --- words and choices -----------------------------------------------------------------------------------


def _words(message: Outgoing, uploaded: int) -> Iterable[Body]:
    """The text, with what is to be tapped below the last of it."""
    text, buttons, language = message.text.strip(), message.buttons, message.language
    if uploaded < len(message.files):
        text = f"{text}\n\n{message.missing}".strip()
    manner = _manner(buttons) if buttons else None
    if manner == "numbers":
        lines = "\n".join(f"{number}. {_label(button)}" for number, button in enumerate(buttons, 1))
        text = "\n\n".join(filter(None, (text, lines, speak("whatsapp.number", None, language))))
    locates = message.asks == "place"
    if manner in ("buttons", "list"):
        yield from _interactive(text, _choices(manner, buttons, language), speak("whatsapp.choose", None, language))
    elif not locates or manner:
        yield from map(_text, split(text, TEXT_LIMIT))
    if locates:
        request = {"type": "location_request_message", "action": {"name": "send_location"}}
        yield from _interactive("" if manner else text, request, speak("whatsapp.place", None, language))


def _manner(buttons: Sequence[Button]) -> Manner:
    """How choices are offered: by what their number, their labels and their ids allow."""
    labels, ids = [_label(button) for button in buttons], [button.choice for button in buttons]
    distinct = all(labels) and len(set(labels)) == len(labels) and len(set(ids)) == len(ids)
    if not distinct or any(each != each.strip() for each in ids):
        return "numbers"
    if len(labels) <= BUTTONS and all(fits(label, BUTTON_LIMIT) for label in labels):
        return "buttons"
    if len(labels) <= ROWS and all(fits(_row(each).get("description", ""), DESCRIPTION_LIMIT) for each in buttons):
        return "list"
    return "numbers"


def _choices(manner: Manner, buttons: Sequence[Button], language: str) -> Body:
    if manner == "buttons":
        replies = [{"id": button.choice, "title": _label(button)} for button in buttons]
        return {"type": "button", "action": {"buttons": [{"type": "reply", "reply": reply} for reply in replies]}}
    action = {"button": speak("whatsapp.list", None, language), "sections": [{"rows": list(map(_row, buttons))}]}
    return {"type": "list", "action": action}


def _row(button: Button) -> Body:
    """A row of a list. A label that is too long for a title goes on below it after its first sign ("T-1: lampu mati",
    "Sukarami, Kota Palembang"); where that does not fit, it stands whole below its beginning."""
    label = _label(button)
    if fits(label, TITLE_LIMIT):
        return {"id": button.choice, "title": label}
    head, _, rest = _SIGN.sub(r"\1\n", label, count=1).partition("\n")
    if rest and fits(head, TITLE_LIMIT):
        return {"id": button.choice, "title": head, "description": rest}
    return {"id": button.choice, "title": shorten(label, TITLE_LIMIT), "description": label}


def _label(button: Button) -> str:
    return " ".join(button.label.split())


def _interactive(text: str, below: Body, otherwise: str) -> Iterable[Body]:
    """What is to be tapped, below the text; of a long one, below its last paragraph; `otherwise` where that is too long
    as well, or there is no text."""
    if not fits(text, BODY_LIMIT):
        before, _, last = text.rpartition("\n\n")
        if not before or not fits(last, BODY_LIMIT):
            before, last = text, ""
        yield from map(_text, split(before, TEXT_LIMIT))
        text = last.strip()
    yield {"type": "interactive", "interactive": {**below, "body": {"text": text or otherwise}}}


def _text(text: str) -> Body:
    # A link is a citizen's own ticket page: Meta's servers need not open it to draw a preview.
    return {"type": "text", "text": {"body": text, "preview_url": False}}


# --- files and templates ---------------------------------------------------------------------------------


def _file(file: File, media_id: str) -> Body:
    content_type = file.content_type.partition(";")[0].strip().lower()
    for kind, (largest, types) in SHOWN.items():
        if content_type in types and len(file.content) <= largest:
            return {"type": kind, kind: {"id": media_id}}
    return {"type": "document", "document": {"id": media_id, "filename": file.name}}


def _template(template: Template) -> Body:
    components: list[Body] = []
    if template.parameters:
        parameters = [{"type": "text", "text": text} for text in _fitted(template.parameters)]
        components.append({"type": "body", "parameters": parameters})
    if template.payload is not None:
        payload = [{"type": "payload", "payload": template.payload}]
        components.append({"type": "button", "sub_type": "quick_reply", "index": "0", "parameters": payload})
    return {
        "name": template.name,
        "language": {"code": template.language},
        **({"components": components} if components else {}),
    }


def _fitted(parameters: Sequence[str]) -> list[str]:
    """What fills the gaps: each in one line, and where all together are too long, the longest are cut."""
    lines = [" ".join(parameter.split()) or NOTHING for parameter in parameters]
    left = PARAMETERS_LIMIT
    shares: dict[int, int] = {}
    for taken, at in enumerate(sorted(range(len(lines)), key=lambda each: length(lines[each]))):
        shares[at] = left // (len(lines) - taken)
        left -= min(shares[at], length(lines[at]))
    return [shorten(line, shares[at]) for at, line in enumerate(lines)]
