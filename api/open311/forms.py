"""A POST as it comes in: the fields of the form, and the report that they tell.

What a field holds is never repeated in an error. What we have no purpose for (email, phone, device_id, account_id and
whatever the standard does not know) is not kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from api.open311 import moments
from api.open311.answers import Refusal
from api.open311.services import ATTRIBUTES
from api.open311.words import say

# As long as over REST; the standard has 4,000, and what is longer is not cut off here.
DESCRIPTION = 100_000
ADDRESS = 600
NAME = 100
LINK = 2000
FIELDS = 200
# Indonesia with its seas, in degrees: south, north, west, east.
_SOUTH, _NORTH, _WEST, _EAST = -11.5, 6.5, 94.5, 141.5

Fields = Mapping[str, list[str]]
_YES, _NO = {"true", "1", "ya", "yes", "y", "on"}, {"", "false", "0", "tidak", "no", "n", "off"}
_ATTRIBUTE = re.compile(r"attribute\[([^\[\]]+)\](\[\])?", re.IGNORECASE)
# Degrees; many write a comma.
_DEGREES = re.compile(r"[-+]?\d{1,3}([.,]\d{1,20})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Asked:
    """A report as a client sends it. `story` is the description alone, `text` what is kept; `address_id` a code of a
    region, not looked up yet; `alike` names what makes two POSTs the same, the citizen's telephone and e-mail too."""

    service_code: str
    story: str
    text: str
    address: str | None
    landmark: str | None
    address_id: str | None
    latitude: float | None
    longitude: float | None
    title: str | None
    report_class: str | None
    happened_on: date | None
    anonymous: bool
    secret: bool
    name: str | None
    alike: tuple[tuple[str, str], ...] = field(repr=False, default=())

    @property
    def place(self) -> str | None:
        """Where it is, in the citizen's words."""
        return ", ".join(filter(None, (self.address, self.landmark))) or None


async def fields(request: Request) -> Fields:
    """The fields of a form, urlencoded or multipart, and of the address where the form has none of that name. Raises
    `Refusal`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        given = await _multipart(request)
    else:
        body = await request.body()
        if body and kind != "application/x-www-form-urlencoded":
            raise Refusal(400, "form", most=FIELDS)
        given = _urlencoded(body)
    found: dict[str, list[str]] = {}
    for name, value in given:
        found.setdefault(name, []).append(value)
    asked = request.query_params.multi_items()
    if len(asked) > FIELDS:
        raise Refusal(400, "form", most=FIELDS)
    for name in dict(asked).keys() - found.keys():
        found[name] = [value for each, value in asked if each == name]
    return found


def _urlencoded(body: bytes) -> list[tuple[str, str]]:
    """Many clients leave letters as they are instead of writing them as %XX: they are UTF-8 as well."""
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=FIELDS)
    except ValueError:
        raise Refusal(400, "form", most=FIELDS) from None


async def _multipart(request: Request) -> list[tuple[str, str]]:
    try:
        form = await request.form(max_files=FIELDS, max_fields=FIELDS)
    except HTTPException:
        raise Refusal(400, "form", most=FIELDS) from None
    found = []
    for name, value in form.multi_items():
        if not isinstance(value, UploadFile):
            found.append((name, value))
        elif value.filename or value.size:
            # Refused in words: a picture that is left behind in silence is lost.
            raise Refusal(400, "files")
    return found


def one(given: Fields, name: str, most: int = NAME) -> str:
    """The value of a field, "" where there is none. Raises `Refusal`."""
    values = {value.strip() for value in given.get(name, ())} - {""}
    if len(values) > 1:
        raise Refusal(400, "several", field=name)
    value = values.pop() if values else ""
    if len(value) > most:
        raise Refusal(400, "too_long", field=name, most=most)
    if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise Refusal(400, "characters", field=name)
    return value


def read(given: Fields, zone: ZoneInfo, today: date) -> Asked:
    """The report that a form tells; times without a zone are by that zone's clocks. Raises `Refusal` (400)."""
    service_code = _needed(given, "service_code", 200)
    story = _needed(given, "description", DESCRIPTION)
    latitude, longitude = _pin(given)
    address, address_id = one(given, "address_string", ADDRESS), one(given, "address_id")
    if latitude is None and not address and not address_id:
        raise Refusal(400, "location")
    said = _attributes(given, zone)
    if (on := said.get("tanggal_kejadian")) is not None and on > today:
        raise Refusal(400, "future", field="attribute[tanggal_kejadian]")
    link = _link(given)
    return Asked(
        service_code=service_code,
        story=story,
        text=f"{story}\n\n{say('server', 'media', url=link)}" if link else story,
        address=address or None,
        landmark=said.get("patokan"),
        address_id=address_id or None,
        latitude=latitude,
        longitude=longitude,
        title=said.get("judul"),
        report_class=said.get("klasifikasi"),
        happened_on=on,
        anonymous=said.get("anonim", False),
        secret=said.get("rahasia", False),
        name=" ".join(filter(None, (one(given, "first_name"), one(given, "last_name")))) or None,
        alike=_alike(given),
    )


def _needed(given: Fields, name: str, most: int) -> str:
    value = one(given, name, most)
    if not value:
        raise Refusal(400, "missing", field=name)
    return value


def _pin(given: Fields) -> tuple[float | None, float | None]:
    said = {name: one(given, name) for name in ("lat", "long")}
    if not any(said.values()):
        return None, None
    if not all(said.values()):
        raise Refusal(400, "pair")
    for name, value in said.items():
        if not _DEGREES.fullmatch(value):
            raise Refusal(400, "unreadable", field=name)
    latitude, longitude = (float(said[name].replace(",", ".")) for name in ("lat", "long"))
    if not (_SOUTH <= latitude <= _NORTH and _WEST <= longitude <= _EAST):
        raise Refusal(400, "outside")
    return latitude, longitude


def _link(given: Fields) -> str:
    """An address of a picture or the like. It is handed on as words: nobody makes us ask for addresses of theirs."""
    link = one(given, "media_url", LINK)
    if not link:
        return ""
    try:
        named = urlsplit(link)
        good = named.scheme in ("http", "https") and bool(named.hostname) and not re.search(r"[\s\x00-\x1f]", link)
    except ValueError:
        good = False
    if not good:
        raise Refusal(400, "media", most=LINK)
    return link


def _attributes(given: Fields, zone: ZoneInfo) -> dict[str, Any]:
    """What was said to the attributes, read as their kinds ask for. An unknown one is refused: whoever misspells
    "rahasia" must hear of it."""
    known = {each["code"]: each for each in ATTRIBUTES}
    collected: dict[str, list[str]] = {}
    for name in given:
        if not name.lower().startswith("attribute"):
            continue
        found = _ATTRIBUTE.fullmatch(name.strip())
        code = found[1].strip().lower() if found else ""
        if code not in known:
            raise Refusal(400, "attribute", known=", ".join(known))
        collected.setdefault(f"attribute[{code}]", []).extend(given[name])
    said = {}
    for code, each in known.items():
        name = f"attribute[{code}]"
        if value := one(collected, name, each.get("most", NAME)):
            said[code] = _KINDS[each["kind"]](name, value, each, zone)
    return said


def _flag(name: str, value: str, _attribute: Mapping[str, Any], _zone: ZoneInfo) -> bool:
    if value.lower() not in _YES | _NO:
        raise Refusal(400, "yes_no", field=name)
    return value.lower() in _YES


def _choice(name: str, value: str, attribute: Mapping[str, Any], _zone: ZoneInfo) -> str:
    keys = [each["key"] for each in attribute["values"]]
    if value.lower() not in keys:
        raise Refusal(400, "choice", field=name, choices=", ".join(keys))
    return value.lower()


def _day(name: str, value: str, _attribute: Mapping[str, Any], zone: ZoneInfo) -> date:
    return moments.read_day(name, value, zone)


def _words(_name: str, value: str, _attribute: Mapping[str, Any], _zone: ZoneInfo) -> str:
    return " ".join(value.split())


_KINDS: Mapping[str, Callable[[str, str, Mapping[str, Any], ZoneInfo], Any]] = {
    "flag": _flag,
    "choice": _choice,
    "day": _day,
    "words": _words,
}


def _alike(given: Fields) -> tuple[tuple[str, str], ...]:
    """All that was sent but the key: two citizens with the same words are two by their telephone or device alone."""
    pairs = {(name, value.strip()) for name, values in given.items() for value in values if name != "api_key"}
    return tuple(sorted(pair for pair in pairs if pair[1]))
