"""Days and times as SP4N-LAPOR! writes them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridges import dates

WIB = timezone(timedelta(hours=7))
MONTHS = "Januari Februari Maret April Mei Juni Juli Agustus September Oktober November Desember".split()
SHORT = "Jan Feb Mar Apr Mei Jun Jul Agu Sep Okt Nov Des".split()
ENGLISH = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
WEEKDAYS = "Senin Selasa Rabu Kamis Jumat Sabtu Minggu".split()


@pytest.mark.parametrize(
    "written",
    [
        "23 Sep 2024",
        "23 September 2024",
        "23 Sept. 2024",
        "23-09-2024",
        "23/9/2024",
        "23.09.2024",
        "2024-09-23",
        "2024/09/23",
        "2024-09-23 00:00:00",
        "2024-09-23T00:41:43",
        "Senin, 23 September 2024",
        "Senin 23 Sep 2024",
        "Monday, 23 September 2024",
        " 23\xa0SEP 2024 ",
    ],
)
def test_a_day_is_read_however_it_is_written(written: str) -> None:
    assert dates.day(written) == date(2024, 9, 23)


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("Sabtu, 11 Februari 2023, 01:16", datetime(2023, 2, 11, 1, 16, tzinfo=WIB)),
        ("11 Feb 2023 01.16", datetime(2023, 2, 11, 1, 16, tzinfo=WIB)),
        ("11 Feb 2023 01:16:09", datetime(2023, 2, 11, 1, 16, 9, tzinfo=WIB)),
        ("11 Feb 2023", datetime(2023, 2, 11, tzinfo=WIB)),
        ("11 Feb 2023 01.16 WIB", datetime(2023, 2, 10, 18, 16, tzinfo=UTC)),
        ("11 Feb 2023 pukul 01.16 WITA", datetime(2023, 2, 10, 17, 16, tzinfo=UTC)),
        ("11 Feb 2023 01:16 WIT", datetime(2023, 2, 10, 16, 16, tzinfo=UTC)),
        ("2023-02-10T18:16:00Z", datetime(2023, 2, 10, 18, 16, tzinfo=UTC)),
        ("2023-02-11T01:16:00.000+07:00", datetime(2023, 2, 10, 18, 16, tzinfo=UTC)),
        ("Jum'at, 10 Pebruari 2023, 18:16 UTC", datetime(2023, 2, 10, 18, 16, tzinfo=UTC)),
    ],
)
def test_a_moment_is_in_the_zone_that_it_names_or_that_of_the_file(written: str, at: datetime) -> None:
    found = dates.moment(written, WIB)
    assert found == at
    assert found.tzinfo is not None


@pytest.mark.parametrize(
    "written",
    [
        "31/02/2024",
        "29 Feb 2023",
        "0 Sep 2024",
        "09/23/2024",
        "23 Foo 2024",
        "23 Sep 24",
        "Selasa, 23 September 2024",
        "Selasa, 11/10/2020",
        "Besok, 23 September 2024",
        "2024-13-01",
        "23 Sep 2024 24:00",
        "23 Sep 2024 00:60",
        "23 Sep 2024 10:00 XYZ",
        "2024-09-23T10:00+99:99",
        "kemarin",
        "",
        "45558",
        "23 Sep 2024" + " " * 200,
        "٢٣/٠٩/٢٠٢٤",
    ],
)
def test_what_is_no_day_raises(written: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        dates.moment(written)


def test_a_time_of_day_stands_alone_too() -> None:
    assert dates.clock("00:41:43") == time(0, 41, 43)
    assert dates.clock("pukul 7.05 WIB") == time(7, 5)
    with pytest.raises(ValueError, match="no time"):
        dates.clock("25:00")


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)), st.sampled_from([MONTHS, SHORT, ENGLISH]), st.booleans())
def test_every_day_comes_back(on: date, months: list[str], with_weekday: bool) -> None:
    weekday = f"{WEEKDAYS[on.weekday()]}, " if with_weekday else ""
    assert dates.day(f"{weekday}{on.day} {months[on.month - 1]} {on.year}") == on
    assert dates.day(on.isoformat()) == dates.day(f"{on:%d-%m-%Y}") == on


@given(
    st.text(max_size=40) | st.from_regex(r"\w{0,8},? ?[0-9]{1,3}[ /.-]\w{1,9}[ /.-][0-9]{1,5}[ ,T]{0,2}[0-9:.]{0,9}")
)
def test_nothing_but_a_value_error_comes_of_any_words(written: str) -> None:
    for reads in (dates.moment, dates.day, dates.clock):
        try:
            reads(written)
        except ValueError:
            continue
