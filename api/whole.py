"""A report that comes whole, from another system: what its client has not said is read off its words, as the
conversation does where it asks nobody."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from api import facts
from bot.answers import class_in_story
from bot.script import CLASS_SURE, FUNCTION_SURE
from bot.turns import Suggestion, as_data
from store import attention, complaints, contacts
from store.complaints import Actor, Event, NewComplaint

if TYPE_CHECKING:
    from api.house import House
    from api.unit import Unit

# The class of a report of which nothing says another one.
_CLASS = "pengaduan"


def region_in(house: House, words: str | None, near: str | None = None) -> str | None:
    """The code of the region that the words certainly name; else the kabupaten in which all lie that may be meant, if
    it is one. `near` is the code of the region that they were said in, where that is known."""
    found = house.directory.gazetteer.find(words, near) if words else None
    if found is None or found.certain:
        return found.region if found else None
    meant = (found.region, *(code for code, _ in found.among))
    cities = {city.code if city else None for city in map(house.directory.regions.kabkota_of, meant)}
    return cities.pop() if len(cities) == 1 else None


def sure_function(suggestion: Suggestion | None) -> str | None:
    """The function of the first suggestion, where nobody need be asked whether it is the one."""
    function, confidence = suggestion.functions[0] if suggestion and suggestion.functions else (None, 0.0)
    return function if confidence >= FUNCTION_SURE else None


def sorted_by(house: House, new: NewComplaint, story: str, suggestion: Suggestion | None) -> NewComplaint:
    """A report with what its words tell: class and category where it has none yet, function, agency, and the reading
    that they came from.

    `story` is what the citizen told, without what a client has put beside it; `suggestion` what was read there.
    """
    function = sure_function(suggestion)
    office = facts.office(house, function, new.region, story)
    return replace(
        new,
        report_class=new.report_class or class_in_story(story) or _sure_class(suggestion) or _CLASS,
        function=function,
        category=new.category or (suggestion.topics[0][0] if suggestion and suggestion.topics else None),
        agency=office.code,
        model=suggestion.model if suggestion else None,
        suggested=facts.promised(as_data(suggestion), office) if suggestion else None,
    )


def _sure_class(suggestion: Suggestion | None) -> str | None:
    name, confidence = suggestion.report_class[0] if suggestion and suggestion.report_class else (None, 0.0)
    return name if confidence >= CLASS_SURE else None


async def file(
    work: Unit, new: NewComplaint, actor: Actor, *, name: str | None, suggestion: Suggestion | None
) -> Event:
    """File it, for a citizen of that name where one is known. A present danger waits for a person at once. Returns the
    event, which is not recorded yet."""
    if name:
        new = replace(new, citizen_id=await contacts.new_citizen(work.connection, name))
    event = await complaints.file(work.connection, new, actor)
    if suggestion and suggestion.danger:
        await attention.raise_matter(
            work.connection, "danger", complaint_id=event.complaint_id, detail=suggestion.danger
        )
    return event
