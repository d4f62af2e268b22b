"""Answers of this server in the two forms of the standard, JSON and XML, and its errors."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

# Only written with: XML of others is not read at all.
from xml.etree import ElementTree as Tree  # nosec B405

from fastapi import Response
from fastapi.responses import JSONResponse

from api.open311.words import say


class Form(StrEnum):
    """How an answer is written: the ending of the address."""

    JSON = "json"
    XML = "xml"


class Refusal(Exception):
    """An answer that is an error: the HTTP status, and the key of its sentence with its parameters."""

    def __init__(self, status: int, key: str, **params: Any) -> None:
        super().__init__(key)
        self.status, self.key, self.params = status, key, params

    @property
    def words(self) -> str:
        """The sentence."""
        return say("error", self.key, **self.params)


# The name of an entry, by the name of its list.
ENTRIES = {
    "services": "service",
    "attributes": "attribute",
    "values": "value",
    "service_requests": "request",
    "errors": "error",
    "endpoints": "endpoint",
    "formats": "format",
}
# What XML 1.0 has no way to write.
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


def form_of(path: str) -> Form:
    """The form that an address asks for; JSON where it does not say."""
    return Form.XML if path.endswith(".xml") else Form.JSON


def answer(
    form: Form, root: str, content: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer. `content` is built of dicts, lists and plain values; `root` is what XML calls the whole, where a list
    has entries by its name in `ENTRIES`."""
    headers = {**_HEADERS, **(headers or {})}
    if form is Form.JSON:
        return JSONResponse(content, status, headers=headers, media_type="application/json; charset=utf-8")
    return Response(xml(root, content), status, headers=headers, media_type="text/xml; charset=utf-8")


def error(form: Form, status: int, words: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error as the standard has it: a list of one."""
    return answer(form, "errors", [{"code": status, "description": words}], status, headers)


def refused(form: Form, refusal: Refusal, headers: Mapping[str, str] | None = None) -> Response:
    """A refusal as an answer."""
    return error(form, refusal.status, refusal.words, headers)


def xml(root: str, content: Any) -> bytes:
    """The content as an XML document in UTF-8; None is an empty element."""
    written: bytes = Tree.tostring(_element(root, content), encoding="utf-8", xml_declaration=True)
    return written


def _element(name: str, content: Any) -> Tree.Element:
    element = Tree.Element(name)
    if isinstance(content, Mapping):
        element.extend(_element(key, value) for key, value in content.items())
    elif isinstance(content, Sequence) and not isinstance(content, str):
        element.extend(_element(ENTRIES[name], each) for each in content)
    elif isinstance(content, bool):
        element.text = "true" if content else "false"
    elif content is not None:
        element.text = _UNWRITABLE.sub("", str(content))
    return element
