"""Days and times as SP4N-LAPOR! and its exports write them: Indonesian or English, words or digits.

The day always stands before the month ("10/11/2024" is in November), and a day that does not exist, or that is not the
weekday written beside it, is no day at all: whoever wrote it meant another one.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache

LONGEST = 80

# Older spellings stand beside the present ones; of a longer word its beginning is enough where it is written short.
_MONTHS = (
    "jan januari january",
    "feb februari february peb pebruari",
    "mar maret march",
    "apr april",
    "mei may",
    "jun juni june",
    "jul juli july",
    "agu agt ags agst agust agustus aug august",
    "sep sept september",
    "okt oktober oct october",
    "nov november nop nopember",
    "des desember dec december",
)
_WEEKDAYS = (
    "senin sen monday mon",
    "selasa sel tuesday tue tues",
    "rabu rab wednesday wed",
    "kamis kam thursday thu thur thurs",
    "jumat jum friday fri",
    "sabtu sab saturday sat",
    "minggu min ahad sunday sun",
)
MONTH_OF = {word: number for number, words in enumerate(_MONTHS, start=1) for word in words.split()}
_WEEKDAY_OF = {word: number for number, words in enumerate(_WEEKDAYS) for word in words.split()}
ZONES = {
    "WIB": timezone(timedelta(hours=7), "WIB"),
    "WITA": timezone(timedelta(hours=8), "WITA"),
    "WIT": timezone(timedelta(hours=9), "WIT"),
    "UTC": UTC,
    "GMT": UTC,
    "Z": UTC,
}

_DAY = r"""
    (?:(?P<weekday>[a-z]+(?:['’`][a-z]+)?)\.?\s*,?\s+)?
    (?:(?P<day>[0-9]{1,2})\s*[-/.\s]\s*(?P<month>[0-9]{1,2}|[a-z]+)\.?\s*[-/.,\s]\s*(?P<year>[0-9]{4})
      |(?P<iso_year>[0-9]{4})[-/](?P<iso_month>[0-9]{1,2})[-/](?P<iso_day>[0-9]{1,2}))
"""
_TIME = r"""
    (?P<hour>[0-9]{1,2})[:.](?P<minute>[0-9]{2})(?:[:.](?P<second>[0-9]{2})(?:[.,][0-9]{1,9})?)?
    (?:\s*(?P<zone>[a-z]{1,4}|[+-][0-9]{2}:?[0-9]{2}))?
"""
_MOMENT = re.compile(
    rf"{_DAY}(?:(?:\s*[,|–-]\s*|\s+|T)(?:(?:pukul|jam|pkl\.?|at)\s+)?{_TIME})?", re.VERBOSE | re.IGNORECASE
)
_ONLY_TIME = re.compile(rf"(?:(?:pukul|jam|pkl\.?)\s+)?{_TIME}", re.VERBOSE | re.IGNORECASE)


@lru_cache(maxsize=4096)
def day(text: str) -> date:
    """The day in "23 Sep 2024", "Senin, 23 September 2024", "23-09-2024" or "2024-09-23"; a time behind it, as
    spreadsheets write one, is passed over. Raises `ValueError`."""
    return _day(_found(_MOMENT, text))


def moment(text: str, zone: tzinfo = UTC) -> datetime:
    """The moment in "Sabtu, 11 Februari 2023, 01:16" or "2024-09-23T00:41:43+07:00", with its zone.

    Where the text names no zone (WIB, WITA, WIT, UTC, an offset) it is told in `zone`; a day alone is its beginning.
    Raises `ValueError`.
    """
    found = _found(_MOMENT, text)
    on = _day(found)
    if found["hour"] is None:
        return datetime.combine(on, time(), zone)
    return datetime.combine(on, _time(found), _zone(found["zone"]) or zone)


def clock(text: str) -> time:
    """The time of day in "00:41:43", "00.41" or "pukul 00.41 WIB", without a zone. Raises `ValueError`."""
    return _time(_found(_ONLY_TIME, text))


def _found(pattern: re.Pattern[str], text: str) -> re.Match[str]:
    found = pattern.fullmatch(text.replace("\xa0", " ").strip()) if len(text) <= LONGEST else None
    if found is None:
        raise ValueError("no day or time")  # never the words: they may be anybody's
    return found


def _day(found: re.Match[str]) -> date:
    if found["iso_year"]:
        on = date(int(found["iso_year"]), int(found["iso_month"]), int(found["iso_day"]))
    else:
        written = found["month"].lower()
        month = int(written) if written.isdigit() else MONTH_OF.get(written, 0)
        on = date(int(found["year"]), month, int(found["day"]))
    if found["weekday"]:
        word = re.sub("['’`]", "", found["weekday"].lower())
        if _WEEKDAY_OF.get(word) != on.weekday():
            raise ValueError("not that weekday")
    return on


def _time(found: re.Match[str]) -> time:
    try:
        return time(int(found["hour"]), int(found["minute"]), int(found["second"] or 0))
    except ValueError:
        raise ValueError("no time of day") from None


def _zone(written: str | None) -> tzinfo | None:
    if not written:
        return None
    if written[0] in "+-":
        minutes = int(written[1:3]) * 60 + int(written[-2:])
        return timezone(timedelta(minutes=minutes if written[0] == "+" else -minutes))
    if written.upper() not in ZONES:
        raise ValueError("no zone that we know")
    return ZONES[written.upper()]
