"""What Meta's Cloud API takes and what it refuses: its errors, its limits, and how it reads a message."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

MEGABYTE = 1 << 20

# What Meta takes, by kind of message: content types and size.
UPLOADS: dict[str, tuple[tuple[str, ...], int]] = {
    "image": (("image/jpeg", "image/png"), 5 * MEGABYTE),
    "audio": (("audio/aac", "audio/mp4", "audio/mpeg", "audio/amr", "audio/ogg"), 16 * MEGABYTE),
    "video": (("video/mp4", "video/3gpp"), 16 * MEGABYTE),
    "document": ((), 100 * MEGABYTE),
}
BSUID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")
GAP = re.compile(r"\{\{(\d+)\}\}")

# Meta's errors: the status of the answer, and the title.
ERRORS: dict[int, tuple[int, str]] = {
    0: (401, "AuthException"),
    1: (400, "API Unknown"),
    2: (503, "API Service"),
    3: (500, "API Method"),
    4: (429, "API Too Many Calls"),
    10: (403, "Permission Denied"),
    33: (400, "Parameter value is not valid"),
    100: (400, "Invalid parameter"),
    190: (401, "Access token has expired"),
    200: (403, "API Permission"),
    368: (403, "Temporarily blocked for policies violations"),
    80007: (429, "Rate limit issues"),
    130429: (429, "Rate limit hit"),
    130472: (400, "User's number is part of an experiment"),
    130497: (403, "Business account is restricted from messaging users in this country."),
    131000: (500, "Something went wrong"),
    131005: (403, "Access denied"),
    131008: (400, "Required parameter is missing"),
    131009: (400, "Parameter value is not valid"),
    131016: (503, "Service unavailable"),
    131021: (400, "Recipient cannot be sender"),
    131026: (400, "Message undeliverable"),
    131031: (403, "Account has been locked"),
    131042: (400, "Business eligibility payment issue"),
    131047: (400, "Re-engagement message"),
    131048: (429, "Spam rate limit hit"),
    131049: (400, "Meta chose not to deliver."),
    131051: (400, "Unsupported message type"),
    131052: (400, "Media download error"),
    131053: (400, "Media upload error"),
    131056: (429, "(Business Account, Consumer Account) pair rate limit hit"),
    131057: (503, "Business Account is in maintenance mode"),
    132000: (400, "Template Param Count Mismatch"),
    132001: (404, "Template does not exist"),
    132005: (400, "Template Text too long"),
    132007: (400, "Template format character policy violated"),
    132012: (400, "Template parameter format mismatch"),
    132015: (400, "Template is Paused"),
    132016: (400, "Template is Disabled"),
    133010: (400, "Phone number not registered"),
}
# Those that no body of ours may ever meet.
OUR_FAULT = (100, 131008, 131009)

Shown = tuple[str, str, tuple[tuple[str, str], ...]]  # kind, words, and what can be tapped: (label, choice)


class Refusal(Exception):
    """The Cloud API's own no."""

    def __init__(self, code: int, details: str, *, subcode: int | None = None) -> None:
        super().__init__(f"{code}: {details}")
        self.code = code
        self.details = details
        self.subcode = subcode


@dataclass(slots=True)
class StoredTemplate:
    """A template as it stands in the account."""

    name: str
    language: str
    body: str
    button: str | None = None
    status: str = "APPROVED"
    category: str = "UTILITY"

    @property
    def gaps(self) -> int:
        """How many parameters its body takes."""
        return len(set(GAP.findall(self.body)))

    def described(self) -> dict[str, Any]:
        """As the account's list shows it."""
        components: list[dict[str, Any]] = [{"type": "BODY", "text": self.body}]
        if self.button:
            components.append({"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": self.button}]})
        return {
            "name": self.name,
            "language": self.language,
            "status": self.status,
            "category": self.category,
            "components": components,
            "id": str(int(hashlib.sha256(f"{self.name} {self.language}".encode()).hexdigest()[:13], 16)),
        }


# --- reading a message -------------------------------------------------------------------------


def read_interactive(about: dict[str, Any]) -> Shown:
    """What an interactive message shows. Raises `Refusal`."""
    kind, action = about.get("type"), about.get("action", {})
    limit = 4096 if kind == "list" else 1024
    text = words_of(about.get("body", {}).get("text"), "interactive['body']['text']", limit)
    if "footer" in about:
        words_of(about["footer"].get("text"), "interactive['footer']['text']", 60)
    buttons: list[tuple[str, str]] = []
    match kind:
        case "button":
            for each in action.get("buttons", []):
                reply = each.get("reply", {})
                title = words_of(reply.get("title"), "button title", 20, 131009)
                buttons.append((title, words_of(reply.get("id"), "button id", 256, 131009)))
            if not 1 <= len(buttons) <= 3:
                raise Refusal(131009, f"Invalid buttons count. Min: 1, max: 3: {buttons}")
            labels = [label for label, _ in buttons]
        case "list":
            words_of(action.get("button"), "list button", 20, 131009)
            sections = action.get("sections", [])
            for section in sections:
                if len(sections) > 1 or "title" in section:
                    words_of(section.get("title"), "section title", 24, 131009)
                for row in section.get("rows", []):
                    title = words_of(row.get("title"), "row title", 24, 131009)
                    if "description" in row:
                        described = words_of(row["description"], "row description", 72, 131009)
                        if title.endswith(("…", ":", ",")):  # the label goes on below, or stands whole there
                            whole = title.endswith("…") and described.startswith(title[:-1])
                            title = described if whole else f"{title} {described}"
                    buttons.append((title, words_of(row.get("id"), "row id", 200, 131009)))
            if not 1 <= len(buttons) <= 10:
                raise Refusal(131009, f"Total row count exceed max allowed count: 10: {len(buttons)}")
            labels = [choice for _, choice in buttons]  # rows may have one title, but not one id
        case "location_request_message":
            if action != {"name": "send_location"}:
                raise Refusal(131009, "action name is not send_location")
            labels = []
        case _:
            raise Refusal(131009, f"interactive type {kind}")
    choices = [choice for _, choice in buttons]
    if len(set(labels)) < len(labels) or len(set(choices)) < len(choices):
        raise Refusal(131009, f"titles and ids must be unique: {buttons}")
    return str(kind), text, tuple(buttons)


def read_template(about: dict[str, Any], templates: dict[tuple[str, str], StoredTemplate]) -> Shown:
    """What a template shows, its gaps filled. Raises `Refusal`."""
    name, language = str(about.get("name")), str(about.get("language", {}).get("code"))
    template = templates.get((name, language))
    if template is None or template.status in ("REJECTED", "PENDING", "PENDING_DELETION", "DELETED", "ARCHIVED"):
        raise Refusal(132001, f"template name ({name}) does not exist in {language}")
    if template.status != "APPROVED":
        raise Refusal(132015 if template.status == "PAUSED" else 132016, f"template {name} is {template.status}")
    given: list[str] = []
    payload = None
    for component in about.get("components", []):
        parameters = component.get("parameters", [])
        match str(component.get("type")).lower():
            case "body":
                given = [_template_word(each) for each in parameters]
            case "button" if template.button and component.get("index") == "0" and len(parameters) == 1:
                payload = parameters[0].get("payload")
            case _:
                raise Refusal(132000, "a component that the template does not have")
    if len(given) != template.gaps:
        raise Refusal(132000, f"body: number of localizable_params ({len(given)}) is not {template.gaps}")
    text = GAP.sub(lambda gap: given[int(gap[1]) - 1], template.body)
    if len(text) > 1024:
        raise Refusal(132005, "Translated text too long")
    # A button without a payload sends back its own words.
    buttons = ((template.button, str(payload or template.button)),) if template.button else ()
    return "template", text, buttons


def _template_word(parameter: dict[str, Any]) -> str:
    word = parameter.get("text")
    if parameter.get("type") != "text" or not isinstance(word, str) or not word.strip():
        raise Refusal(131008, "Parameter of type text is missing text value")
    if re.search(r"[\n\r\t]| {5}", word):
        raise Refusal(132007, "Param text cannot have new-line/tab characters or more than 4 consecutive spaces")
    return word


def words_of(words: Any, where: str, limit: int, code: int = 100) -> str:
    """The words in a field. Raises `Refusal` where there are none or too many."""
    if not isinstance(words, str) or not words.strip():
        raise Refusal(code, f"The parameter {where} is required.")
    if len(words) > limit:
        raise Refusal(code, f"Param {where} must be at most {limit} characters long: {len(words)}")
    return words


# --- saying no ---------------------------------------------------------------------------------


def error_body(code: int, details: str = "", subcode: int | None = None) -> dict[str, Any]:
    """How Meta tells of an error."""
    title = ERRORS.get(code, (400, "Unknown"))[1]
    error: dict[str, Any] = {
        "message": f"(#{code}) {title}",
        "type": "OAuthException",
        "code": code,
        "error_data": {"messaging_product": "whatsapp", "details": details or title},
        "fbtrace_id": "AtTzGhLrTaJqSlYUe1T6pzW",
    }
    return {"error": error if subcode is None else {**error, "error_subcode": subcode}}


def no_such_object(name: str) -> Refusal:
    """What Meta answers about what it does not know."""
    details = f"Unsupported get request. Object with ID '{name}' does not exist, or permissions are missing"
    return Refusal(100, details, subcode=33)
