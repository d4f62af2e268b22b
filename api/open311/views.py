"""A report as a request of the standard: what of it is told, in whose words, and without whose names.

Everybody reads the same description and place: numbers that lead to a person are masked, and so are the name of the
pelapor and whoever is addressed by name. Only whoever filed it reads what offices say to the pelapor as it was said.
Where personal data cannot be looked for, there are no words of anybody.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from api.house import House
from api.open311 import moments
from api.open311.services import Catalogue
from api.open311.words import say
from store import moves
from store.published import Published

# What the standard allows.
DESCRIPTION = 4000
_COVER = say("server", "name")
# "Yth. Bapak Budi Santoso": a mask finds numbers, and an answer begins with a name.
_FORMS = r"(?:Yth|Bpk|Bapak|Ibu|Pak|Bu|Sdri?|Saudara|Saudari|Kakak|Kak|Mas|Mbak)\b"
_NAME = r"(?:[A-Z]\.|[A-Z][\w'’-]*)"
# Forms without a name are found as well, for "Pak Pak Pak ..." would be looked through again from each of them.
_ADDRESSED = re.compile(rf"\b((?:{_FORMS}\.?\s+)++)((?!{_FORMS}){_NAME}(?: {_NAME}){{0,3}})?")
# The house, not the street: the pin is rounded for the same reason.
_HOUSE_NUMBER = re.compile(r"[,\s]*\b(?:no|nomor|nomer|blok)\b\.?\s*[\w/-]*\d[\w/-]*", re.IGNORECASE)
_LINK = re.compile(rf"\n\n{re.escape(say('server', 'media', url=''))}\S+$")
Mask = Callable[[str], str | None]


def request(house: House, catalogue: Catalogue, found: Published) -> dict[str, Any]:
    """A report as a request, in the order of the standard."""
    zone = house.zone(found.region)
    code, name = catalogue.of(found.category)
    told = Telling(house.suggester.mask if house.suggester else _unmasked, found.name)
    words = told(_LINK.sub("", found.words))
    return {
        "service_request_id": found.ticket,
        "status": "closed" if found.ended else "open",
        "status_notes": _notes(found, told),
        "service_name": name,
        "service_code": code,
        "description": None if words is None else cut(words),
        "agency_responsible": found.agency,
        "service_notice": None,
        "requested_datetime": moments.write(found.filed_at, zone),
        "updated_datetime": moments.write(found.status_at if found.ended else found.changed_at, zone),
        # The moment at which the last day is over is the next day's.
        "expected_datetime": moments.write(found.due_at - timedelta(seconds=1) if found.due_at else None, zone),
        "address": _address(house, found, told),
        "address_id": found.region,
        "zipcode": None,
        "lat": found.latitude,
        "long": found.longitude,
        "media_url": None,
    }


def _unmasked(_words: str) -> None:
    return None


class Telling:
    """What is told of words: without numbers that lead to a person, the name of the pelapor, and other names as far as
    they follow a form of address."""

    def __init__(self, mask: Mask, name: str | None) -> None:
        """Take the house's mask, and the pelapor's name."""
        self._mask = mask
        parts = [re.escape(part) for part in re.findall(r"[^\W\d_]{3,}", name or "")]
        self._name = re.compile(rf"\b(?:{'|'.join(parts)})(?:\s+(?:{'|'.join(parts)}))*\b", re.I) if parts else None

    def __call__(self, words: str | None) -> str | None:
        """The words as anybody may read them; None where they cannot be looked through."""
        masked = self._mask(words) if words else None
        if masked is None:
            return None
        masked = _ADDRESSED.sub(lambda found: f"{found[1]}{_COVER}" if found[2] else found[0], masked)
        return masked if self._name is None else self._name.sub(_COVER, masked)


def _notes(found: Published, told: Telling) -> str:
    """The status by its name in SP4N-LAPOR!, and below it what was answered. An answer to an Anonim may name them where
    no mask finds it: only who filed the report reads it."""
    status = found.status
    if status == moves.DISPOSED and found.agency:
        status = say("server", "disposed", agency=found.agency)
    words = found.said if found.own else None if found.anonymous else told(found.answer)
    return f"{status}\n{words}" if words else status


def _address(house: House, found: Published, told: Telling) -> str | None:
    """From the smallest to the largest, as the standard has it."""
    words = told(found.place)
    names = [] if words is None else [_HOUSE_NUMBER.sub("", words).strip(" ,")]
    region = house.directory.regions.nearest(found.region)
    while region is not None:
        names.append(region.name)
        region = house.directory.regions.nearest(region.code.rpartition(".")[0])
    return ", ".join(filter(None, names)) or None


def cut(words: str) -> str:
    """At most as many characters as the standard allows, the last word whole."""
    if len(words) <= DESCRIPTION:
        return words
    head = words[: DESCRIPTION - 1]
    return (head.rsplit(maxsplit=1)[0] if " " in head[-200:] else head) + "…"
