"""A report from another channel is filed: through the same verbs as every other, and once however often it is sent.

The standard has no key by which a repetition is known, and clients send again what they got no answer to. So a POST of
the same client with the same content gives the same report again, for a day.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from api import intake
from api.house import House
from api.open311.answers import Refusal
from api.open311.forms import Asked
from api.open311.services import Catalogue
from api.open311.words import say
from api.unit import unit
from bot.answers import class_in_story
from bot.script import CLASS_SURE, FUNCTION_SURE
from bot.texts import speak
from bot.turns import Suggestion, as_data
from store import attention, complaints, contacts, emergency
from store.complaints import Actor, NewComplaint
from store.policy import lies_in

CHANNEL = "open311"
# How the history names a client, as it does over REST.
KIND = "operator"

# Two POSTs of the same content wait for each other before either does anything.
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:client || chr(10) || :key, 0))")
_SEEN = text("""
    SELECT ticket FROM idempotency_keys
    WHERE client = :client AND key = :key AND created_at > now() - interval '1 day'
""")
_REMEMBER = text("""
    INSERT INTO idempotency_keys (client, key, request_sha256, ticket) VALUES (:client, :key, :digest, :ticket)
    ON CONFLICT (client, key) DO UPDATE SET ticket = excluded.ticket, created_at = now()
""")


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
    once = _once(client, key, asked)
    async with unit(house) as work:
        await work.connection.execute(_LOCK, once)
        ticket = (await work.connection.execute(_SEEN, once)).scalar_one_or_none()
        if ticket is not None:
            return _receipt(ticket, say("server", "again", ticket=ticket))
        event = await complaints.file(
            work.connection, await _of_citizen(work.connection, new, asked), Actor(KIND, client)
        )
        if suggestion and suggestion.danger:
            await attention.raise_matter(
                work.connection, "danger", complaint_id=event.complaint_id, detail=suggestion.danger
            )
        work.record(event)
        await work.connection.execute(_REMEMBER, {**once, "ticket": event.ticket})
    return _receipt(event.ticket, _notice(house, event.ticket, suggestion, region))


async def _of_citizen(connection: AsyncConnection, new: NewComplaint, asked: Asked) -> NewComplaint:
    return replace(new, citizen_id=await contacts.new_citizen(connection, asked.name)) if asked.name else new


def _new_complaint(
    house: House, asked: Asked, region: str | None, category: str, suggestion: Suggestion | None
) -> NewComplaint:
    function = suggestion.functions[0] if suggestion and suggestion.functions else None
    sure = function[0] if function and function[1] >= FUNCTION_SURE else None
    guessed = suggestion.report_class[0] if suggestion and suggestion.report_class else None
    responsible = intake.office(house, sure, region, asked.story)
    return NewComplaint(
        text=asked.text,
        # Not of the text: the link below it is no part of what happened.
        title=asked.title or complaints.title_of(asked.story),
        report_class=asked.report_class
        or class_in_story(asked.story)
        or (guessed[0] if guessed and guessed[1] >= CLASS_SURE else "pengaduan"),
        channel=CHANNEL,
        place=asked.place,
        region=region,
        latitude=asked.latitude,
        longitude=asked.longitude,
        happened=asked.happened_on.isoformat() if asked.happened_on else None,
        happened_on=asked.happened_on,
        anonymous=asked.anonymous,
        secret=asked.secret,
        function=sure,
        category=category,
        agency=responsible.code,
        model=suggestion.model if suggestion else None,
        suggested=intake.promised(as_data(suggestion), responsible) if suggestion else None,
    )


def _region(house: House, asked: Asked, jurisdiction: str | None) -> str | None:
    """Where it is: the region that was named by its code, or what the address names within it; else what the address
    or the description names; else the jurisdiction. Raises `Refusal`."""
    named = _named(house, asked.place, asked.address_id or jurisdiction)
    if asked.address_id is not None:
        stated = house.directory.regions.by_code.get(asked.address_id)
        if stated is None:
            raise Refusal(400, "address_id")
        if jurisdiction is not None and not lies_in(stated.code, jurisdiction):
            raise Refusal(400, "address_elsewhere")
        return named if named is not None and lies_in(named, stated.code) else stated.code
    return named or _named(house, asked.story, jurisdiction) or jurisdiction


def _named(house: House, words: str | None, near: str | None) -> str | None:
    """The region that the words certainly name; else the kabupaten in which all lie that may be meant, if it is one."""
    found = house.directory.gazetteer.find(words, near) if words else None
    if found is None or found.certain:
        return found.region if found else None
    meant = (found.region, *(code for code, _ in found.among))
    cities = {city.code if city else None for city in map(house.directory.regions.kabkota_of, meant)}
    return cities.pop() if len(cities) == 1 else None


def _once(client: str, key: str, asked: Asked) -> dict[str, str]:
    """The name of this request among those of its client. Digested under the client's key: nobody who has the table
    finds out a telephone number by trying all of them."""
    digest = hmac.new(key.encode(), json.dumps(asked.alike).encode(), hashlib.sha256).hexdigest()
    # A key of the REST API has no space.
    return {"client": client, "key": f"{CHANNEL} {digest}", "digest": digest}


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
