"""A report from another channel is filed: through the same verbs as every other, and once however often it is sent.

The standard has no key by which a repetition is known, and clients send again what they got no answer to. So a POST of
the same client with the same content gives the same report again, for a day.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from api import whole
from api.house import House
from api.open311.answers import Refusal
from api.open311.forms import Asked
from api.open311.services import Catalogue
from api.open311.words import say
from api.unit import unit
from bot.texts import speak
from bot.turns import Suggestion
from store import complaints, emergency, idempotency
from store.complaints import Actor, NewComplaint
from store.policy import lies_in

CHANNEL = "open311"
# How the history names a client, as it does over REST.
KIND = "operator"
# So long the same POST is a repetition.
REPEATED = timedelta(days=1)


async def file(
    house: House, asked: Asked, catalogue: Catalogue, jurisdiction: str | None, client: str, key: str
) -> dict[str, Any]:
    """File what a client asks for, and say under which number: the answer of the standard. Raises `Refusal`.

    `jurisdiction` is the code of the region that was named, `key` the client's API key.
    """
    if asked.service_code not in catalogue.services:
        raise Refusal(400, "service_code")
    region = _region(house, asked, jurisdiction)
    suggestion = house.suggester.suggest(asked.story, asked.title or "") if house.suggester else None
    new = _new_complaint(house, asked, region, catalogue.kept(asked.service_code), suggestion)
    digest = _digest(key, asked)
    # A key of the REST API has no space.
    once = f"{CHANNEL} {digest}"
    async with unit(house) as work:
        # Two POSTs of the same content wait for each other before either does anything.
        await idempotency.lock(work.connection, client, once)
        done = await idempotency.seen(work.connection, client, once, within=REPEATED)
        if done is not None:
            return _receipt(done.ticket, say("server", "again", ticket=done.ticket))
        event = await whole.file(work, new, Actor(KIND, client), name=asked.name, suggestion=suggestion)
        work.record(event)
        await idempotency.remember(work.connection, client, once, idempotency.Done(digest, event.ticket))
    return _receipt(event.ticket, _notice(house, event.ticket, suggestion, region))


def _new_complaint(
    house: House, asked: Asked, region: str | None, category: str, suggestion: Suggestion | None
) -> NewComplaint:
    stated = NewComplaint(
        text=asked.text,
        # Not of the text: the link below it is no part of what happened.
        title=asked.title or complaints.title_of(asked.story),
        report_class=asked.report_class or "",
        channel=CHANNEL,
        place=asked.place,
        region=region,
        latitude=asked.latitude,
        longitude=asked.longitude,
        happened=asked.happened_on.isoformat() if asked.happened_on else None,
        happened_on=asked.happened_on,
        anonymous=asked.anonymous,
        secret=asked.secret,
        category=category,
    )
    return whole.sorted_by(house, stated, asked.story, suggestion)


def _region(house: House, asked: Asked, jurisdiction: str | None) -> str | None:
    """Where it is: the region that was named by its code, or what the address names within it; else what the address
    or the description names; else the jurisdiction. Raises `Refusal`."""
    named = whole.region_in(house, asked.place, asked.address_id or jurisdiction)
    if asked.address_id is not None:
        stated = house.directory.regions.by_code.get(asked.address_id)
        if stated is None:
            raise Refusal(400, "address_id")
        if jurisdiction is not None and not lies_in(stated.code, jurisdiction):
            raise Refusal(400, "address_elsewhere")
        return named if named is not None and lies_in(named, stated.code) else stated.code
    return named or whole.region_in(house, asked.story, jurisdiction) or jurisdiction


def _digest(key: str, asked: Asked) -> str:
    """What names this request among those of its client. Under the client's key: nobody who has the table finds out a
    telephone number by trying all of them."""
    return hmac.new(key.encode(), json.dumps(asked.alike).encode(), hashlib.sha256).hexdigest()


def _receipt(ticket: str, notice: str) -> dict[str, Any]:
    return {"service_request_id": ticket, "service_notice": notice, "account_id": None}


def _notice(house: House, ticket: str, suggestion: Suggestion | None, region: str | None) -> str:
    """What the client may show to the citizen; where there is a danger, first whom to call."""
    filed = say("server", "filed", ticket=ticket)
    if suggestion is None or suggestion.danger is None:
        return filed
    numbers: Mapping[str, str] = {
        each.number: speak(f"emergency.number.{each.key}")
        for each in emergency.numbers(suggestion.danger, region or house.settings.home_region)
    }
    said = ", ".join(f"{number} ({who})" for number, who in numbers.items())
    return f"{say('server', 'danger', numbers=said)} {filed}"
