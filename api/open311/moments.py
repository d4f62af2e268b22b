"""Times as the standard writes them: W3C, which is ISO 8601 with a zone."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from api.open311.answers import Refusal

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?")
# In an address a bare "+" is a space.
_LOST_PLUS = re.compile(r" (?=\d{2}:\d{2}$)")


def read(field: str, said: str, zone: ZoneInfo) -> datetime:
    """A moment in UTC. A day is its beginning, and a time without a zone is one, by the clocks of that zone. Raises
    `Refusal`."""
    plain = _LOST_PLUS.sub("+", said.strip().replace("t", "T").replace("z", "Z"))
    if not (plain.isascii() and (_DAY.fullmatch(plain) or _MOMENT.fullmatch(plain))):
        raise Refusal(400, "moment", field=field)
    try:
        found = datetime.fromisoformat(plain)
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refusal(400, "moment", field=field) from None


def read_day(field: str, said: str, zone: ZoneInfo) -> date:
    """The day of a moment, or a day, by the clocks of that zone. Raises `Refusal`."""
    try:
        return read(field, said, zone).astimezone(zone).date()
    except (Refusal, OverflowError):
        raise Refusal(400, "day", field=field) from None


def write(moment: datetime | None, zone: ZoneInfo) -> str | None:
    """A moment to the second, by the clocks of that zone and with its offset."""
    return None if moment is None else moment.astimezone(zone).isoformat(timespec="seconds")
