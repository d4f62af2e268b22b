"""The hour in a house: what is said outside office hours would else depend on when a test runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from api.house import House


def in_office_hours(house: House) -> None:
    """Let it be ten o'clock in the house on the next day on which officers read, and go on from there.

    Never earlier than now: what the database dates would else lie in the house's future.
    """
    home = house.settings.home_region
    at = datetime.now(house.zone(home)).replace(hour=10, minute=0, second=0, microsecond=0)
    while at < datetime.now(UTC) or house.directory.calendar.reads_next(at, home) is not None:
        at += timedelta(days=1)
    house.skew = at - datetime.now(UTC)


def on_sunday(house: House) -> None:
    """Let it be ten o'clock of the next Sunday, when nobody reads."""
    at = datetime.now(house.zone(None)).replace(hour=10, minute=0, second=0, microsecond=0) + timedelta(days=1)
    house.skew = at + timedelta(days=7 - at.isoweekday()) - datetime.now(UTC)
