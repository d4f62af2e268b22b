"""Meta's own description of the Cloud API, and whether the body of a call keeps to it.

The description is a file that is not part of this project. `load` finds it through the environment variable
LAPOR_SHARED, and says None in a plain clone.
"""

from __future__ import annotations

import functools
import os
import re
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

SPEC_FILE = "whatsapp_cloud_api_v23.yaml"
MESSAGES = "/{Version}/{Phone-Number-ID}/messages"

TEXT_LIMIT = 4096  # of a text's body: told in Meta's guide, not in its description
BSUID = re.compile(r"[A-Z]{2}\.[A-Za-z0-9.]+")


class Spec:
    """The bodies that one version of the Cloud API takes for a message."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.version: str = document["info"]["version"]
        self.document = document
        schema = document["paths"][MESSAGES]["post"]["requestBody"]["content"]["application/json"]["schema"]
        self._components = {"components": {"schemas": document["components"]["schemas"]}}
        self._whole = self._validator(schema)
        self._kinds = {name: self._validator(ref) for ref in self._choices(schema) for name in self._marks(ref)}

    def check_body(self, body: Any) -> list[str]:
        """What is wrong with the body of a POST to /messages, in words; nothing if it is right.

        A body that names its recipient by the user-scoped id has `recipient` where the description, which is older
        than those ids, demands `to`: it is held against the description with that one field renamed.
        """
        if not isinstance(body, dict):
            return ["the body is not an object"]
        renamed = body
        problems = []
        if "recipient" in body:
            renamed = {**{name: value for name, value in body.items() if name != "recipient"}, "to": body["recipient"]}
            if "to" in body:
                problems.append("to: stands beside recipient")
        elif isinstance(body.get("to"), str) and BSUID.fullmatch(body["to"]):
            problems.append("to: a user-scoped id belongs into recipient")
        if not self._whole.is_valid(renamed):
            problems += self._tell(renamed)
        return problems + _check_words(renamed)

    def _tell(self, body: dict[str, Any]) -> list[str]:
        """What is wrong by the description's schema, told by the kind of message that was meant."""
        kind = "status" if "status" in body else body.get("type")
        validator = self._kinds.get(kind if isinstance(kind, str) else "")
        if validator is None:
            return [f"type: {kind!r} is no kind of message"]
        told = []
        for error in validator.iter_errors(body):
            error = best_match([error]) or error
            told.append(f"{'.'.join(map(str, error.absolute_path)) or 'body'}: {_show(error.message)}")
        return told or ["fits several kinds of message, or none"]

    def _validator(self, schema: dict[str, Any]) -> Draft202012Validator:
        return Draft202012Validator({**self._components, **schema})

    def _choices(self, schema: dict[str, Any]) -> list[dict[str, Any]]:
        return list(self._resolve(schema)["oneOf"])

    def _resolve(self, schema: dict[str, Any]) -> dict[str, Any]:
        named: dict[str, Any] = self._components["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return named

    def _marks(self, reference: dict[str, Any]) -> list[str]:
        """The values of `type` by which a kind of message is known; that of a read receipt is "status"."""
        for part in self._resolve(reference).get("allOf", ()):
            marks = part.get("properties", {}).get("type", {}).get("enum")
            if marks:
                return list(marks)
        return ["status"]


@functools.cache
def load() -> Spec | None:
    """The description, read once; None where LAPOR_SHARED names no folder that has it."""
    shared = os.environ.get("LAPOR_SHARED")
    path = Path(shared) / "peers" / SPEC_FILE if shared else None
    if path is None or not path.is_file():
        return None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return Spec(yaml.load(path.read_text(encoding="utf-8"), Loader=loader))  # noqa: S506 (both loaders are safe)


def check_body(body: Any) -> list[str]:
    """What is wrong with the body of a POST to /messages; nothing where the description is not at hand."""
    spec = load()
    return spec.check_body(body) if spec else []


# --- what the description says in words alone ----------------------------------------------------------


def _check_words(body: dict[str, Any]) -> list[str]:
    """Rules that stand in the descriptions of the fields, or in Meta's guide, and in no schema."""
    problems = []
    text = _inside(body, "text", "body")
    if body.get("type") == "text" and not (isinstance(text, str) and text.strip() and len(text) <= TEXT_LIMIT):
        problems.append(f"text.body: not 1 to {TEXT_LIMIT} characters")
    if body.get("type") == "interactive":
        problems += _check_interactive(body.get("interactive"))
    for name in ("image", "audio", "video"):
        if body.get("type") == name and "filename" in (_inside(body, name) or {}):
            problems.append(f"{name}.filename: only a document has one")
    for component in _inside(body, "template", "components") or ():
        problems += _check_parameters(component)
    return problems


def _check_interactive(interactive: Any) -> list[str]:
    problems = []
    text = _inside(interactive, "body", "text")
    if not isinstance(text, str) or not text.strip():
        problems.append("interactive.body: required, and cannot be empty")
    action = _inside(interactive, "action")
    replies = [_inside(button, "reply") for button in _inside(action, "buttons") or ()]
    sections = _inside(action, "sections") or ()
    rows = [row for section in sections for row in _inside(section, "rows") or ()]
    if _inside(interactive, "type") == "list":
        if not 1 <= len(rows) <= 10:
            problems.append(f"interactive.action.sections: {len(rows)} rows, not 1 to 10")
        if not _inside(action, "button"):
            problems.append("interactive.action.button: cannot be empty")
        if len(sections) > 1 and not all(_inside(section, "title") for section in sections):
            problems.append("interactive.action.sections: several, and one without a title")
    titles, ids = ([str(_inside(each, name) or "") for each in [*replies, *rows]] for name in ("title", "id"))
    if not all(title.strip() for title in titles):
        problems.append("title: cannot be empty")
    if replies and len(set(titles)) < len(titles):
        problems.append("title: must be unique")
    if len(set(ids)) < len(ids):
        problems.append("id: must be unique")
    if any(not each or each != each.strip() for each in ids):
        problems.append("id: empty, or with leading or trailing spaces")
    return problems


def _check_parameters(component: Any) -> list[str]:
    """Meta refuses gaps (132018, 131008) that are empty, or filled with line breaks, tabs or more than four blanks."""
    problems = []
    for parameter in _inside(component, "parameters") or ():
        if _inside(parameter, "type") == "text":
            text = _inside(parameter, "text")
            if not isinstance(text, str) or not text.strip() or re.search(r"[\n\r\t]| {5}", text):
                problems.append("template parameter: empty, or with a line break, a tab or five blanks")
    return problems


def _show(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:80]} … {text[-80:]}"


def _inside(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value
