"""The time in a citizen's words: when it happened or since when, to the day where the words tell the day.

Every text is cut into words, every word is given the kind that it has in a time (words/times.toml), and rows of kinds
are read: one letter a word, so that a row is a short regular expression however a word is spelt. Among several times
in a story the one that says most about it is taken: since when before when, a day before a month, a month before
"sudah lama", and of equals the first.

What is asked back instead of taken (`doubt`; Indonesians write day/month):

| Written | Taken | Else |
| --- | --- | --- |
| 25/10, 25/10/2026 | the only reading that is a date | neither is one: "impossible" |
| 12/11 on 22 November | day/month of this year, if only month/day would still be to come | |
| 11/10, 5/12 | nothing: both readings are past | "order", each the last such day |
| 11/10/2026, 12/11/2026 | with its year day/month, if that is past | 5/12/2026, only month/day is past: "order" |
| Selasa (11/10) | the one reading that is a Tuesday | both are or none is: "order", "weekday" |
| Selasa (11/10) 2020 | nothing: with its year, day/month is no Tuesday | "weekday", both readings |
| Senin 12 November 2026 | nothing: it is a Thursday | "weekday", the date and the Monday next to it |
| 30 Februari | nothing | "impossible" |
| 30 November 2026 on 22 November | nothing | "future", the same day a year before |

A date without a year is the last such day that is not to come. Nothing here knows the hour: "tadi" is today, "semalam"
and "kemarin" are yesterday, and the summary shows the citizen's own words. The date of a letter or a report is none.
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

LIMIT = 4000
"""Characters of a text that are read."""

Doubt = Literal["order", "weekday", "impossible", "future"]

_FILE = Path(__file__).with_name("words") / "times.toml"
_EARLIEST = 1950


@dataclass(frozen=True, slots=True)
class When:
    """A time that a citizen told.

    words: the citizen's own, a run of the text. day: the day it happened or began, where the words tell it to the day.
    about: otherwise the month or the year ("2026-08", "2019"), where they tell that much. since: it lasts since then
    rather than happened then. doubt: why it must be asked back; then `day` is None and `candidates` are the days to
    offer, the likeliest first, three at most.
    """

    words: str
    day: dt.date | None = None
    about: str | None = None
    since: bool = False
    doubt: Doubt | None = None
    candidates: tuple[dt.date, ...] = ()


def when_in(text: str, today: dt.date) -> When | None:
    """Return the time that a story tells by itself, or None. Accepts any str; reads LIMIT characters."""
    return _read(_tokens(text), text, today, asked=False)


def read_when(text: str, today: dt.date) -> When | None:
    """Return the time in the answer to "since when, or when?", where "senin", "2019" or "11/10" is enough; or None."""
    tokens = _tokens(text)
    return _read(tokens, text, today, asked=False) or _read(tokens, text, today, asked=True)


# --- choosing among the times of a text ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Row:
    """A kind of time: its letters, how little it says (the least is taken), and what makes a When of it."""

    letters: re.Pattern[str]
    rank: int
    read: Callable[[_Found], When | None]


@dataclass(frozen=True, slots=True)
class _Found:
    """A row where it stands: the matched letters, the words before it that belong to it, and what is asked."""

    tokens: Sequence[_Token]
    match: re.Match[str]
    lead: str
    before: str
    words: str
    today: dt.date
    asked: bool

    @property
    def since(self) -> bool:
        """Whether the words before it say that it lasts: "sejak", "dari", but not "lebih dari"."""
        return "S" in self.lead or re.search(r"(?<!R)D", self.lead) is not None

    def has(self, group: str) -> bool:
        return bool(self.match[group])

    def is_night(self, group: str) -> bool:
        """Whether the part of the day is the night: "malam Minggu" is the night before Sunday."""
        return self.has(group) and self.tokens[self.match.start(group)].word in _NIGHT

    def value(self, group: str) -> Any:
        """The value of the last word of a group, None if it is not there."""
        return self.tokens[self.match.end(group) - 1].value if self.match[group] else None

    def when(self, day: dt.date | None = None, about: dt.date | str | None = None, since: bool | None = None) -> When:
        """The time with these words; a month to come is in doubt."""
        about = f"{about:%Y-%m}" if isinstance(about, dt.date) else about
        since = self.since if since is None else since
        if about is not None and about > f"{self.today:%Y-%m}"[: len(about)]:
            return When(self.words, doubt="future", since=since)
        return When(self.words, day, about, since)

    def ask(self, doubt: Doubt, *candidates: dt.date) -> When:
        return When(self.words, since=self.since, doubt=doubt, candidates=tuple(dict.fromkeys(candidates))[:3])


def _read(tokens: Sequence[_Token], text: str, today: dt.date, *, asked: bool) -> When | None:
    """The time that says most; `asked` takes those too that would be too weak in a story."""
    letters = "".join(token.kind for token in tokens)
    if not _TELLING.search(letters):
        return None
    best: tuple[int, int, int, When] | None = None
    reach = [0] * len(letters)
    for row in _ROWS:
        for match in row.letters.finditer(letters):
            if reach[match.start()] >= match.end():
                continue  # part of a time that says more
            lead = _LEAD.search(letters, max(0, match.start() - _LONGEST_LEAD), match.start())
            begin = lead.start() if lead else match.start()
            end = _end(tokens, letters, begin, match.end())
            found = _Found(
                tokens,
                match,
                letters[begin : match.start()],
                letters[max(0, begin - 3) : begin],
                text[tokens[begin].start : tokens[end - 1].end],
                today,
                asked,
            )
            if _NOT_BEFORE.search(found.before):
                continue
            when = row.read(found)
            if when is None:
                continue
            reach[match.start() : match.end()] = [match.end()] * (match.end() - match.start())
            if row.read in _DATES and not when.since and _is_on_paper(tokens, letters, begin):
                continue
            rank = (row.rank - when.since, begin, -end)
            if best is None or rank < best[:3]:
                best = (*rank, when)
    return best[3] if best else None


def _end(tokens: Sequence[_Token], letters: str, begin: int, end: int) -> int:
    """Where the words end: with the time of day after them, and the bracket that was opened in them."""
    if tail := _TAIL.match(letters, end):
        end = tail.end()
    marks = [token.word for token in tokens[begin : end + 1]]
    return end + 1 if marks.count("(") == 1 and marks[-1] == ")" and len(marks) > end - begin else end


def _is_on_paper(tokens: Sequence[_Token], letters: str, begin: int) -> bool:
    """Whether a date that begins here is a letter's or a report's own: "surat nomor 12 tanggal 3 Oktober"."""
    paper = _PAPER.search(letters, max(0, begin - _FAR), begin)
    if paper is None:
        return False
    if paper["number"]:
        return _STREET.isdisjoint(token.word for token in tokens[max(0, paper.start() - _NEAR) : paper.start()])
    between = (token.word for token in tokens[paper.start() + 1 : begin])
    return bool(paper["made"]) or not any(map(_DONE.fullmatch, between))


# Before a date: "surat pengantar RT tanggal …", "nomor 045/12/2026 tanggal …", "laporan ini dibuat di Sekayu, …".
_PAPER = re.compile(r"(?:(?P<made>[BY]I?n?X[xCig,]{0,4})|B[BxyIQCi]{0,3},?|B?(?P<number>N)[xQB,3-8C]{1,9})$")
_FAR, _NEAR = 12, 6
# The number after these is a house's.
_STREET = frozenset("jalan jln jl gang gg lorong lrg blok kav kavling rumah rmh komplek kompleks perumahan".split())
# What was done with a letter, on that day: "surat saya ajukan tanggal 5".
_DONE = re.compile(r"(?:di|me|ber)\w{3,}|\w{3,}kan|kirim|urus|buat|masuk|keluar")


# What is left out of a story: "sampai Senin", "setiap Senin", "umur 3 tahun", "No. 5 tahun 2019", "lewat 3 hari".
_NOT_BEFORE = re.compile(r"(?:U[CgyHabioOI]{0,3}|E|0.{0,2}|[QN]|![al]?)$")
_LONGEST_LEAD = 12
_TELLING = re.compile(r"[^xQ,;nBNXY$]")
_LEAD = re.compile(r"(?:[SDAGRC]|(?<=[SDA])i|(?<=G)y|(?<=[Gy])q|[jJ]R?[68]k?,?)+$")
_TAIL = re.compile(r",?[RC]*(?:[jJ]R?[68]k?P?|8k)")


# --- rows and what is made of them ---------------------------------------------------------------


def _date(found: _Found) -> When | None:
    """12 November 2026, Selasa (11/10), tgl 3 bulan 10, 2026-11-12."""
    weekday, today = _weekday_of(found), found.today
    named = found.has("date") or weekday is not None
    year: int | None = found.value("year")
    if found.has("last"):
        year = today.year - 1
    numbers: tuple[int, ...] | None = found.value("numbers")
    if numbers is None:
        if found.has("number") and not found.has("date"):
            return None  # "3 bulan 10" is a date only after "tanggal"
        if found.has("short") and not (named or year or found.asked):
            return None
        month = found.value("month") or found.value("short") or found.value("number")
        return _judge(found, weekday, _day(today, found.value("day"), month, year), None, told=bool(year))
    kind = found.match["numbers"]
    if kind == _RANGE and found.has("date") and numbers[0] < numbers[1]:
        return found.when()  # "tanggal 10-12" are days of one month
    if not (kind == _DATE or named or year or found.since or (found.asked and len(found.tokens) <= _SHORT)):
        return None  # "12/5" in a story is a house or an RT
    if len(numbers) == 3 and numbers[0] > 31:
        return _judge(found, weekday, _day(today, numbers[2], numbers[1], numbers[0]), None, told=True)
    first, second = numbers[:2]
    year = numbers[2] if len(numbers) == 3 else year
    straight, crossed = _day(today, first, second, year), _day(today, second, first, year)
    return _judge(found, weekday, straight, None if straight == crossed else crossed, told=bool(year))


def _weekday_of(found: _Found) -> int | None:
    for group in ("weekday", "weekday_after"):
        if found.has(group):
            return _SUNDAY if found.match[group] == _WEEK else found.value(group)
    return None


def _day(today: dt.date, day: int, month: int, year: int | None) -> dt.date | None:
    """That day of that year; without a year the last one that is not to come. None if there is no such day."""
    if year is not None:
        year += 0 if year > 99 else 2000
        return _real(year, month, day) if year >= _EARLIEST else None
    # Four years back, for the sake of 29 February.
    days = (_real(year, month, day) for year in range(today.year, today.year - 5, -1))
    return next((day for day in days if day is not None and day <= today), None)


def _real(year: int, month: int, day: int) -> dt.date | None:
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None


def _judge(found: _Found, weekday: int | None, right: dt.date | None, other: dt.date | None, *, told: bool) -> When:
    """Take or ask back the day that a date means: `right` in the Indonesian order, `other` with day and month changed.

    told: whether the year was. This is the table at the top.
    """
    today = found.today
    readings = [day for day in (right, other) if day is not None]
    past = [day for day in readings if day <= today]
    if not readings:
        return found.ask("impossible")
    if not past:
        return found.ask("future", *(day for day in map(_year_before, readings) if day <= today))
    if weekday is not None:
        fitting = [day for day in past if day.weekday() == weekday]
        if len(fitting) == 1 and (fitting[0] == right or right is None or not told):
            return found.when(fitting[0])
        if len(readings) == 1:
            return found.ask("weekday", past[0], _nearest(past[0], weekday, today))
        return found.ask("order" if len(fitting) > 1 else "weekday", *past)
    if len(readings) == 1 or past == [right] or (told and right in past):
        return found.when(right if right in past else past[0])
    if right is not None and right > today:
        return found.ask("order", *past, _year_before(right))
    if not told and past[0].year == today.year > past[1].year:
        return found.when(past[0])
    return found.ask("order", *past)


def _year_before(day: dt.date) -> dt.date:
    return _real(day.year - 1, day.month, day.day) or dt.date(day.year - 1, day.month, 28)


def _nearest(day: dt.date, weekday: int, today: dt.date) -> dt.date:
    """The day with that name nearest to `day` that is not to come."""
    ahead = day + dt.timedelta((weekday - day.weekday()) % 7)
    behind = ahead - dt.timedelta(7)
    return ahead if ahead - day < day - behind and ahead <= today else behind


def _day_of_month(found: _Found) -> When | None:
    """tgl 3, tanggal 25 bulan lalu: the last such day."""
    day, today = found.value("day"), found.today
    if day > 31:
        return found.ask("impossible") if found.asked else None
    back = 1 if found.has("before") else 0
    for months in range(back, back + 3):
        first = _months_before(today, months)
        taken = _real(first.year, first.month, day)
        if taken is not None and taken <= today:
            return found.when(taken)
        if found.has("before") or found.has("this"):
            return found.ask("impossible")
    return found.when()


def _weekday(found: _Found) -> When | None:
    """hari Senin, Jumat kemarin, malam Minggu, Rabu minggu lalu; today's own name alone may be today or a week ago."""
    week = found.match["weekday"] == _WEEK
    weekday = _SUNDAY if week else found.value("weekday")
    night = found.is_night("eve")
    if week and not (found.has("day") or found.has("part") or night or (found.asked and not found.has("tail"))):
        return None  # "minggu" is the week
    called = any(map(found.has, ("day", "part", "tail", "last"))) or found.since or "C" in found.lead
    if not (called or night or found.asked) or (found.has("eve") and not night):
        return None
    today = found.today
    tail = found.match["tail"] or ""
    if "F" in tail:
        return found.ask("future") if found.asked else None
    if tail[:1] in tuple("wp") and tail:
        monday = today - dt.timedelta(today.weekday() + (0 if tail.endswith("I") else 7))
        day = monday + dt.timedelta(weekday - (1 if night else 0))
        return found.when(None if week or day > today else day)
    back = (today.weekday() - weekday) % 7
    if back == 0:
        if tail.endswith(("L", "K")) or found.has("last"):
            back = 7
        elif not tail.endswith(("I", "T")):
            return found.when()
    return found.when(today - dt.timedelta(back + (1 if night else 0)))


def _yesterday(found: _Found) -> When:
    """kemarin, kemarin sore, kemarin lusa."""
    return found.when(found.today - dt.timedelta(2 if "2" in found.match.group() else 1))


def _last_night(found: _Found) -> When:
    """semalam, tadi malam: it began yesterday."""
    return found.when(found.today - dt.timedelta(1))


def _today(found: _Found) -> When | None:
    """tadi pagi, hari ini, barusan; "yang tadi", and in a long story "orang tadi", only point back."""
    if found.before.endswith("y") and not found.lead and found.words.casefold() in _AFORESAID:
        return None
    points_back = found.match.group() == "T" and not found.lead and found.before.endswith("x")
    return None if points_back and not found.asked and len(found.tokens) > _CHAT else found.when(found.today)


def _now(found: _Found) -> When | None:
    """sekarang: in a long story it is a manner of speaking."""
    return found.when(found.today) if found.asked or len(found.tokens) <= _SHORT else None


def _stretch(found: _Found) -> When | None:
    """sudah 3 bulan, 2 minggu yang lalu, hampir setahun, 3 hari terakhir."""
    unit = found.match["unit"] or ""
    amount = found.value("one") if found.has("one") else found.value("amount")
    tail = found.match["tail"] or ""
    lasting = found.since or bool(set(found.lead) & set("AG")) or tail.endswith(("l", "I"))
    past = tail.endswith(("L", "K"))
    long = "R" in found.lead and (unit or "b") in _LONG_UNITS
    if not (lasting or past or found.asked or long or _is_how_long(found)):
        return None
    since = found.since or not past
    if isinstance(amount, tuple):
        amount = sum(amount) / 2
    if amount is None or amount > _MOST.get(unit, 999):
        return found.when(since=since)
    if found.has("one"):
        if amount < 2:
            return found.when(found.today - dt.timedelta(amount) if past else None, since=since)
        return found.when(about=_about(found.today, amount), since=since)
    if unit == "t" or unit == "b":
        months = round(amount * (12 if unit == "t" else 1))
        about = _months_before(found.today, months)
        return found.when(about=f"{about.year}" if unit == "t" and amount >= 2 else about, since=since)
    if unit in {"j", "e"}:
        return found.when(found.today if unit == "e" or amount <= _HOURS else None, since=since)
    days = round(amount * (1 if unit == "H" else 7))
    exact = unit == "H" and days <= _DAYS and "R" not in found.lead and isinstance(amount, int)
    day = found.today - dt.timedelta(days)
    return found.when(day, since=since) if exact else found.when(about=day, since=since)


def _is_how_long(found: _Found) -> bool:
    """Whether "seminggu" or "setahun lebih" by itself is how long it lasts: where a clause begins or ends, and where
    it is no age, price or number of times ("anak setahun", "50 ribu sebulan", "seminggu 2 kali")."""
    if not found.has("one") or found.value("one") < _WEEK_LONG:
        return False
    tokens, (begin, end) = found.tokens, found.match.span()
    before = "".join(token.kind for token in tokens[max(0, begin - 3) : begin]).rpartition(_STOP)[2]
    after = "".join(token.kind for token in tokens[end : end + 3]).partition(_STOP)[0]
    beside = [token.word for token in (*tokens[max(0, begin - 1) : begin], *tokens[end : end + 1])]
    if _COUNTED.search(before + _STOP + after) or any(word[0].isdigit() or word == "rp" for word in beside):
        return False
    return before[-1:] in _BREAKS or after[:1] in _BREAKS


# A clause begins or ends at these kinds, and at the ends of a text.
_BREAKS = frozenset(("", ",", "n", "~", "&"))
_COUNTED = re.compile(r"[$0!]|[%iE67fF1](?=;)|;(?:[67f]|.?F)")
_WEEK_LONG = 7


def _about(today: dt.date, days: int) -> dt.date:
    return _months_before(today, days // 30) if days >= 30 else today - dt.timedelta(days)


def _months_before(today: dt.date, months: int) -> dt.date:
    """The first day of the month that was so many months before."""
    year, month = divmod(today.year * 12 + today.month - 1 - months, 12)
    return dt.date(max(year, 1), month + 1, 1)


def _month(found: _Found) -> When | None:
    """bulan Maret, sejak Maret 2022, bulan 8 kemarin, Maret tahun lalu."""
    month = found.value("month") or found.value("number")
    if found.has("number") and not (found.has("called") and 1 <= month <= 12):
        return None
    called = found.has("called") and not found.has("number")
    told = called or found.has("year") or found.has("tail") or found.has("last") or found.since or "C" in found.lead
    if not (told or found.asked):
        return None
    today = found.today
    year = found.value("year")
    if found.has("last"):
        year = today.year - 1
    if year is None:
        year = today.year if month <= today.month else today.year - 1
    return _past(found, found.when(about=f"{year}-{month:02}"))


def _year(found: _Found) -> When | None:
    """sejak 2019, pada tahun 2021, tahun 2020 lalu."""
    told = found.since or (found.has("called") and ("C" in found.lead or found.has("inside"))) or found.has("tail")
    if not (told or (found.asked and len(found.tokens) <= _SHORT)):
        return None
    return _past(found, found.when(about=str(found.value("year"))))


def _past(found: _Found, when: When) -> When | None:
    """A month or a year to come is asked back where a time was asked, and is none of a story's."""
    return when if found.asked or when.doubt is None else None


def _last(found: _Found) -> When | None:
    """minggu lalu, bulan kemarin, tahun ini."""
    unit, today = found.match["unit"] or found.match["english"], found.today
    if unit == "t" and not found.asked and not (found.since or found.match.group().endswith(("L", "K"))):
        return None  # "tahun ini" is said of much
    back = 0 if (found.match["tail"] or "").endswith("I") or found.match.group().startswith("I") else 1
    if unit == "t":
        return found.when(about=str(today.year - back))
    if unit == "b":
        return found.when(about=_months_before(today, back))
    return found.when(about=today - dt.timedelta(7 * back))


def _edge(found: _Found) -> When | None:
    """awal tahun, akhir bulan lalu, pertengahan 2021, awal Maret."""
    today = found.today
    month, year = found.value("month") or found.value("number"), found.value("year")
    back = 1 if found.has("last") else 0
    if found.has("number") and not 1 <= month <= 12:
        return None
    if month:
        year = year or (today.year - 1 if back or month > today.month else today.year)
        return _past(found, found.when(about=f"{year}-{month:02}"))
    if year:
        return _past(found, found.when(about=str(year)))
    early = found.tokens[found.match.start()].word == "awal"
    if not (back or found.has("this") or early):
        return found.when() if found.asked or found.since else None  # the end of this year, or of the last?
    return found.when(about=str(today.year - back) if found.match["unit"] == "t" else _months_before(today, back))


def _long(found: _Found) -> When | None:
    """sudah lama, dari dulu, belum lama ini."""
    lead = found.lead
    if not (found.asked or found.since or "A" in lead or found.match.group().startswith("~")):
        return None
    return found.when(since=not found.match.group().startswith("~"))


def _vague(found: _Found) -> When | None:
    """berbulan-bulan, akhir-akhir ini, baru-baru ini."""
    return found.when(since="z" in found.match.group())


def _feast(found: _Found) -> When | None:
    """sejak lebaran, waktu puasa kemarin, setelah pandemi."""
    return found.when() if found.asked or found.since or found.has("tail") else None


def _event(found: _Found) -> When | None:
    """sejak ada tambang pasir: what it began with is told, though not when."""
    return found.when(since=True)


def _event_then(found: _Found) -> When | None:
    """sejak gedung baru dibuka bulan lalu: what it began with, and when that was."""
    first, end = found.match.span("time")
    tokens = found.tokens[first:end]
    # The words of the time alone: only its day, month or doubt is taken from it.
    text = " " * tokens[-1].end
    then = _read(tokens, text, found.today, asked=True)
    if then is None:
        return None
    return found.ask(then.doubt, *then.candidates) if then.doubt else found.when(then.day, then.about, since=True)


def _part(found: _Found) -> When | None:
    """dari pagi, sejak jam 7, jam 10 malam."""
    return found.when() if found.asked or found.since else None


def _again(found: _Found) -> When | None:
    """tiap malam, setiap hujan, tiap hari; "setiap Senin" and "setiap bulan" only where a time was asked."""
    return found.when(since=False) if found.asked or found.has("told") else None


def _loose(found: _Found) -> When | None:
    """sering, baru: a time only where one was asked, and in few words."""
    return found.when(since=False) if found.asked and len(found.tokens) <= _SHORT else None


def _to_come(found: _Found) -> When | None:
    """besok, minggu depan."""
    return found.ask("future") if found.asked else None


# Words of an answer, and of what is written in a chat rather than in a letter.
_SHORT, _CHAT = 8, 40
_HOURS, _DAYS = 6, 14
_LONG_UNITS = frozenset("wpbt")
# After "yang" these are the aforesaid.
_AFORESAID = frozenset("tadi td tdi tadik tadinyo".split())
_DATES = (_date, _day_of_month)
# More of a unit than this is no stretch of a complaint but a number beside a word.
_MOST = {"t": 80, "b": 120, "w": 99, "p": 99, "H": 400, "j": 72, "e": 600}

_ROWS = tuple(
    _Row(letters=re.compile(letters), rank=rank, read=read)
    for rank, read, letters in (
        # First, so that their time is not taken without what it began with.
        (2, _event_then, r"(?<=S)[xQNBYhcdirs$][xQNBYhcdirs$6ID]{0,8}?(?P<time>g,?6(?:,?b?M5?)?|6,?M5?|g?3)"),
        (
            6,
            _event_then,
            r"(?<=S)[xQNBYhcdirs$][xQNBYhcdirs$6ID]{0,8}?"
            r"(?P<time>(?:[6f][wpbtHj]|1)y?L|[wpbt]y?[LK]|bM5?|M5?|t5|HW[LK]|H?P?K|V)",
        ),
        (
            2,
            _date,
            r"(?:(?:O|HI),*)?(?:(?<![67f])H?(?P<weekday>W|w(?!P?[KLI]))P?[KLI]?,*)?(?:C?(?P<date>g),?)?"
            r"(?:(?P<numbers>[347](?![HwpbtjeQN]))|(?P<day>6),?(?:b?(?P<month>M)|(?P<short>m)|b(?P<number>6)(?![Hwpbtje])))"
            r"(?:,{0,2}(?P<year>5)|(?P<last>ty?[LK]))?(?:,*H?(?P<weekday_after>W|(?<=,)w(?!P?[LKI])),?)?(?:y?[LKI])?",
        ),
        (3, _day_of_month, r"g,?(?P<day>6)(?:b(?:(?P<before>y?L|K)|(?P<this>I)))?(?![Hwpbtje])"),
        (
            4,
            _weekday,
            r"(?P<last>q)?(?P<eve>P)?(?P<day>H)?(?P<weekday>[Ww])(?P<part>P)?(?P<tail>[wp]?y?[LKI]|T|[wp]?y?F)?"
            r"(?!,?U?H?W)",
        ),
        (8, _last, r"(?P<unit>[wpbt])(?P<tail>y?[LKI])|[qI](?P<english>[wpbt])"),
        (8, _feast, r"b?@(?P<tail>y?[LKI]|t?5|t?y?[LKI])?"),
        (
            6,
            _stretch,
            r"(?:(?P<one>1)|(?P<amount>6(?:,6,|6)?|7|f)(?P<unit>[Hwpbtje]))(?!%)(?:[RZ])?(?P<tail>y?L|l|I|K)?(?!%)",
        ),
        (
            7,
            _edge,
            r"a(?:b?(?P<month>M)|b(?P<number>6)|(?P<unit>[tb])|(?=5))"
            r"(?:t?(?P<year>5)|t?(?P<last>y?L|K)|(?P<this>I))?",
        ),
        (
            7,
            _month,
            r"(?<![67])(?P<called>b)?(?:(?P<month>M)|(?P<number>6)(?![Hwpbtje]))(?:(?P<year>5)|(?P<last>ty?[LK]))?"
            r"(?P<tail>y?[LKI])?",
        ),
        (8, _year, r"(?P<inside>i)?(?P<called>t)?(?P<year>5)(?P<tail>y?L|K)?"),
        (4, _last_night, r"V"),
        (4, _yesterday, r"(?:(?<!y)H?P?K|2)P?"),
        (4, _today, r"P?TP?|P[TI]|O|(?<![67f])HI"),
        (9, _now, r"o"),
        (8, _vague, r"z[Hwpbtj]?[LI]?|rI"),
        (8, _long, r"~?v?Zv?I?|u"),
        (9, _event, r"(?<=S)[^;,&UA~ynZuD][^;,&UA~yn]{0,3}"),
        (9, _part, r"(?:[jJ]R?[68]|8)k?P?(?!U|,[jJ68])|P(?!U)"),
        (9, _again, r"(?P<told>R?E(?:H?(?:Ph?|d?h)|d?c|d)|R?EH(?![Ww%]))|E.[Ph]?"),
        (9, _loose, r"[srZ]+"),
        (9, _to_come, r"(?:[HwpbtP]y?)?FP?"),
    )
)


# --- words and their kinds -----------------------------------------------------------------------

# One letter for every kind of word. What has no list is a digit or a mark: see `_tokens`.
_LETTERS = {
    "since": "S",
    "from": "D",
    "already": "A",
    "during": "G",
    "roughly": "R",
    "every": "E",
    "until": "U",
    "at": "C",
    "inside": "i",
    "stretch": "l",
    "ago": "L",
    "last": "q",
    "beyond": "!",
    "joint": "n",
    "which": "y",
    "this": "I",
    "day": "H",
    "week": "w",
    "week_only": "p",
    "month": "b",
    "year": "t",
    "hour": "j",
    "minute": "e",
    "clock": "J",
    "zone": "k",
    "date": "g",
    "part": "P",
    "yesterday": "K",
    "day_before": "2",
    "earlier": "T",
    "last_night": "V",
    "today": "O",
    "now": "o",
    "future": "F",
    "edge": "a",
    "long": "Z",
    "once": "u",
    "very": "v",
    "not": "~",
    "rain": "h",
    "flood": "c",
    "season": "d",
    "feast": "@",
    "few": "f",
    "often": "s",
    "recent": "r",
    "repeated": "z",
    "no_time": "Q",
    "number": "N",
    "paper": "B",
    "report": "Y",
    "made": "X",
    "counted": "$",
    "whole": "x",
    "age": "0",
    "afterwards": "%",
    "whenever": "&",
}
_WEEKDAY, _WEEK, _MONTH, _SHORT_MONTH, _ONE = "W", "w", "M", "m", "1"
_DATE, _SHORT_DATE, _YEAR, _NUMBER, _RANGE, _CLOCK = "3", "4", "5", "6", "7", "8"
_FEW, _COMMA, _STOP, _OTHER = "f", ",", ";", "x"
_SUNDAY = 6
_NIGHT = frozenset("malam malem bengi night".split())
# What Makassar and Malay hang on a word without changing it.
_CLITICS = ("lah", "mi", "ji", "pi", "mo")
# After these a full stop is part of the word: "tgl. 12".
_ABBREVIATED = frozenset("tgl tggl tg thn th bln hr jl jln no gg rt rw pkl dr sdh mgg kec kel rp".split())


@dataclass(frozen=True, slots=True)
class _Token:
    """A word, a number or a mark: its kind, where it stands, itself in lower case, and its number if it has one."""

    kind: str
    start: int
    end: int
    word: str
    value: Any = None


class _Words:
    """The lists of times.toml. They never change after they were made."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        """Take the tables of a times.toml. A word in two lists, or a list without a letter, is a ValueError."""
        self._by_word: dict[str, tuple[str, Any]] = {}
        valued = {
            "weekday": _WEEKDAY,
            "months": _MONTH,
            "short_months": _SHORT_MONTH,
            "numbers": _NUMBER,
            "one": _ONE,
        }
        for name, words in data.items():
            if name in valued:
                for value, line in words.items():
                    self._add(line, valued[name], int(value))
            elif name != "pairs":
                if name not in _LETTERS:
                    raise ValueError(f"times.toml: {name} has no letter")
                self._add(words, _LETTERS[name], None)
        self._pairs = {tuple(pair.split()): _LETTERS[name] for name, pairs in data["pairs"].items() for pair in pairs}

    def _add(self, words: str, kind: str, value: int | None) -> None:
        for word in words.split():
            if self._by_word.setdefault(word, (kind, value)) != (kind, value):
                raise ValueError(f"times.toml: {word!r} stands in two lists")

    def kind(self, word: str) -> tuple[str, int | None]:
        """The kind and the number of a lower-case word; a clitic at its end changes neither."""
        found = self._by_word.get(word)
        if found is None and word.endswith(_CLITICS):
            stem = word[: -3 if word.endswith("lah") else -2]
            found = self._by_word.get(stem) if len(stem) > 2 else None
        return found or (_OTHER, None)

    def pair(self, first: str, second: str) -> str | None:
        """The kind of two words together."""
        return self._pairs.get((first, second))


_WORDS = _Words(tomllib.loads(_FILE.read_text(encoding="utf-8")))
_TOKEN = re.compile(
    r"""
    (?P<date>(?<![\w/-])(?<![0-9][.,])(?:[0-9]{4}(?P<s>[-/.])[0-9]{1,2}(?P=s)[0-9]{1,2}
        | [0-9]{1,2}\ ?(?P<t>[-/.])\ ?[0-9]{1,2}\ ?(?P=t)\ ?(?:[0-9]{4}|[0-9]{2}(?!\w)))(?![0-9]|[-/.,][0-9]))
  | (?P<short>(?<![\w/-])(?<![0-9][.,])[0-9]{1,2}\ ?[-/]\ ?[0-9]{1,2}(?![\w%]|[-/.,]\ ?[0-9]))
  | (?P<clock>(?<![\w.,])[0-9]{1,2}[.:][0-9]{2}(?![0-9]|[.,:][0-9]))
  | (?P<number>[0-9]+(?:[.,][0-9]+)*)
  | (?P<word>s/d|[^\W\d_]+(?:['’`-][^\W\d_]+)*(?:(?<=[^\W\d_]{5})2(?![0-9]))?)
  | (?P<comma>[,()/–—-])
  | (?P<stop>[.;!?\n…])
    """,
    re.VERBOSE,
)


def _tokens(text: str) -> list[_Token]:
    """The words, numbers and marks of a text with their kinds, in order; "dua puluh" and "tadi malam" are one."""
    tokens: list[_Token] = []
    for match in _TOKEN.finditer(text, 0, LIMIT):
        start, end = match.span()
        word = match.group().casefold()
        before = tokens[-1] if tokens else None
        if match.lastgroup == "word":
            kind, value = _WORDS.kind(word)
            if before is not None:
                if pair := _WORDS.pair(before.word, word):
                    tokens[-1] = _Token(pair, before.start, end, word)
                    continue
                if before.kind == _NUMBER and word in {"puluh", "belas"}:
                    number = before.value * 10 if word == "puluh" else before.value + 10
                    tokens[-1] = _Token(_NUMBER, before.start, end, word, number)
                    continue
            tokens.append(_Token(kind, start, end, word, value))
        elif match.lastgroup == "stop":
            if not (word == "." and before is not None and before.word in _ABBREVIATED and before.end == start):
                tokens.append(_Token(_STOP, start, end, word))
        elif match.lastgroup == "comma":
            tokens.append(_Token(_COMMA, start, end, word))
        else:
            tokens.append(_figure(match))
    return tokens


def _figure(match: re.Match[str]) -> _Token:
    """A token of digits: a date, a year, a time of day, a small number, or a number that is no part of a time."""
    digits = match.group()
    parts = tuple(map(int, re.findall("[0-9]+", digits)))
    kind = _OTHER
    value: Any = None
    if match.lastgroup == "date":
        # "1.2.24" may be a version: like a date without a year it wants a word that says so.
        kind, value = (_SHORT_DATE if "." in digits and max(parts) < 100 else _DATE), parts
    elif match.lastgroup == "short":
        kind, value = (_RANGE if "-" in digits else _SHORT_DATE), parts
    elif match.lastgroup == "clock":
        kind = _CLOCK if parts[0] < 25 and parts[1] < 60 else _OTHER
    elif len(parts) == 2 and parts[0] < 100 and parts[1] == 5:
        kind, value = _FEW, parts[0] + 0.5
    elif len(parts) == 1 and len(digits) == 4 and _EARLIEST <= parts[0] < 2100:
        kind, value = _YEAR, parts[0]
    elif len(parts) == 1 and len(digits) <= 3:
        kind, value = _NUMBER, parts[0]
    return _Token(kind, match.start(), match.end(), digits, value)
