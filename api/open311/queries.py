"""What a GET of requests asks for, as the standard has it and as many servers have added to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from api.open311 import moments
from api.open311.answers import Refusal
from api.open311.services import Catalogue
from store import tickets
from store.published import Circle, Wanted

# The standard's: no more than this between the two dates, nor more requests than that in an answer.
DAYS = 90
MOST = 1000
# Values of one parameter, separated by commas.
LISTED = 200
RADIUS = 1000.0


def listed(field: str, said: str | None) -> list[str]:
    """The values of a parameter that may have several. Raises `Refusal`."""
    values = [value.strip() for value in (said or "").split(",")]
    if len(values) > LISTED:
        raise Refusal(400, "too_many", field=field, most=LISTED)
    if any("\x00" in value for value in values):
        raise Refusal(400, "characters", field=field)
    return list(filter(None, values))


def by_tickets(said: Sequence[str]) -> Wanted:
    """The requests of these numbers, whatever else was asked for; what is none of our numbers is nobody's."""
    return Wanted(tickets=[ticket for ticket in map(tickets.read, said) if ticket is not None])


def ended(said: str | None) -> bool | None:
    """Whether closed requests (True) or open ones (False) are asked for; None: both. Raises `Refusal`."""
    states = {state.lower() for state in listed("status", said)}
    if not states <= {"open", "closed"}:
        raise Refusal(400, "status")
    return "closed" in states if len(states) == 1 else None


def span(start: str | None, end: str | None, zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime]:
    """The two moments between which requests were filed: 90 days at most, and the last 90 unless said otherwise.
    Raises `Refusal`."""
    days = timedelta(days=DAYS)
    since = moments.read("start_date", start, zone) if start else None
    until = moments.read("end_date", end, zone) if end else None
    try:
        if since is None:
            since = (until or now.astimezone(UTC)) - days
        if until is None:
            until = since + days
    except OverflowError:
        raise Refusal(400, "span", days=DAYS) from None
    if not timedelta() <= until - since <= days:
        raise Refusal(400, "span", days=DAYS)
    return since, until


def circle(latitude: float | None, longitude: float | None, radius: float | None) -> Circle | None:
    """The circle that is asked for, if one is; the radius in metres, one kilometre unless said otherwise. Raises
    `Refusal`."""
    if latitude is None and longitude is None and radius is None:
        return None
    if latitude is None or longitude is None:
        raise Refusal(400, "area" if radius is not None else "pair")
    return Circle(latitude, longitude, RADIUS if radius is None else radius)


def of_services(wanted: Wanted, codes: Sequence[str], catalogue: Catalogue) -> Wanted:
    """The same of these services alone; a code that is none of ours has no requests."""
    if not codes:
        return wanted
    categories, others = catalogue.meant(codes)
    return replace(wanted, categories=categories, others=others, known=catalogue.known() if others else ())
