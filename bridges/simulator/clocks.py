"""SP4N's deadlines: working days of its local time, or so many seconds for each where nobody can wait.

Monday to Friday are working days; the holidays are left to the real one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

WIB = timezone(timedelta(hours=7), "WIB")

_MONTHS = "Januari Februari Maret April Mei Juni Juli Agustus September Oktober November Desember".split()
_SHORT = "Jan Feb Mar Apr Mei Jun Jul Agu Sep Okt Nov Des".split()
_DAYS = "Senin Selasa Rabu Kamis Jumat Sabtu Minggu".split()


@dataclass(frozen=True, slots=True)
class Clocks:
    """How many working days an office has to verify and to follow up, how long a report waits until the system closes
    it, and how long for what is missing in it (SP4N does not say; our guess). `day`: seconds that stand for a day;
    None: working days."""

    verify: int = 3
    follow_up: int = 5
    close: int = 10
    complete: int = 10
    day: float | None = None

    def due(self, since: datetime, days: int) -> datetime:
        """When that many days have passed: by the calendar the same time of day."""
        if self.day is not None:
            return since + timedelta(seconds=days * self.day)
        local, left = since.astimezone(WIB), days
        while left:
            local += timedelta(days=1)
            left -= local.weekday() < 5
        return local.astimezone(UTC)


def long_date(at: datetime) -> str:
    """ "Sabtu, 11 Februari 2023, 01:16", in WIB."""
    local = at.astimezone(WIB)
    return f"{_DAYS[local.weekday()]}, {local.day} {_MONTHS[local.month - 1]} {local.year}, {local:%H:%M}"


def export_day(at: datetime) -> str:
    """ "23 Sep 2024", in UTC as SP4N's exports have it."""
    there = at.astimezone(UTC)
    return f"{there.day:02d} {_SHORT[there.month - 1]} {there.year}"


def export_time(at: datetime) -> str:
    """ "00:41:43", in UTC."""
    return f"{at.astimezone(UTC):%H:%M:%S}"
