"""What the engine may know in this house at this moment, and what a draft says as a complaint to be filed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Any

from api.house import House
from bot import answers, asking
from bot.conversation import Draft
from bot.script import privacy_of, time_of
from bot.turns import Facts, Number, Office
from store import emergency
from store.complaints import NewComplaint
from store.gazetteer import Found


def facts_of(house: House) -> Facts:
    """What the engine may know in this house at this moment."""
    suggester, home = house.suggester, house.settings.home_region
    calendar = house.directory.calendar
    return Facts(
        now=house.now().astimezone(house.zone(None)),
        bot_link=house.bot_link,
        check_link=f"{house.settings.public_url}/periksa",
        # One text is read several times in a turn: by itself, as part of the story, for a danger.
        locate=cache(lambda words: located(house.directory.gazetteer.find(words))),
        suggest=cache(lambda words: suggester.suggest(words) if suggester else None),
        office=lambda function, region, words: office(house, function, region, words),
        category=lambda label, language: suggester.category(label, language) if suggester else label,
        personal=lambda words: bool(suggester and suggester.personal(words)),
        emergency=lambda kind, region: tuple(Number(n.number, n.key) for n in emergency.numbers(kind, region or home)),
        reads_next=lambda region: calendar.reads_next(house.now(), region or home),
    )


def located(found: Found | None) -> answers.Located | None:
    """What the gazetteer found, as the conversation takes it: only what is certain is taken unasked."""
    if found is None:
        return None
    if not found.certain:
        return answers.Located(None, None, found.words, found.among)
    return answers.Located(found.region, found.full or found.name, found.words)


def office(house: House, function: str | None, region: str | None, words: str) -> Office:
    """The agency that is responsible for this function in this region."""
    found = house.directory.agencies.responsible(function, region, house.today(region), words)
    return Office(found.agency.code, found.agency.name, found.certain, found.why)


def promised(reading: Mapping[str, Any] | None, responsible: Office) -> dict[str, Any]:
    """A reading as it is kept with the routing: with what was said of the office. Empty where there is none."""
    return {**reading, "office": {"certain": responsible.certain, "why": responsible.why}} if reading else {}


def complaint_of(
    draft: Draft, facts: Facts, *, channel: str, contact_id: int, citizen_id: int, code: str
) -> NewComplaint:
    """The complaint that a draft of that chat makes, for that citizen; `code` stands on its receipt."""
    place = draft.value("place") or {}
    function, responsible = asking.suggested_office(draft, facts)
    privacy, time = privacy_of(draft), time_of(draft)
    reading = promised(draft.suggestion, responsible)
    topics = reading.get("topics") or []
    return NewComplaint(
        text=draft.story,
        report_class=draft.value("class") or "pengaduan",
        channel=channel,
        citizen_id=citizen_id,
        contact_id=contact_id,
        draft=draft.number,
        place=place.get("text"),
        region=place.get("region"),
        latitude=place.get("latitude"),
        longitude=place.get("longitude"),
        happened=time.get("words"),
        happened_on=date.fromisoformat(time["day"]) if time.get("day") else None,
        code=code,
        anonymous=privacy["anonymous"],
        secret=privacy["secret"],
        function=function,
        category=topics[0][0] if topics else None,
        agency=responsible.code,
        model=reading.pop("model", None),
        suggested=reading or None,
    )
