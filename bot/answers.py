"""Readers: each takes a citizen's words and makes an answer of them, or refuses with a text key.

Whatever words a reader does not use stay the citizen's: the dialogue never throws a text away.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from bot.places import may_be_place, places_in
from bot.times import When, read_when, when_in

_DATA: Mapping[str, Any] = tomllib.loads(
    Path(__file__).with_name("words").joinpath("answers.toml").read_text(encoding="utf-8")
)


def _listed(table: str, name: str = "words") -> frozenset[str]:
    """Words of words/answers.toml, with their phrases."""
    return frozenset(_DATA[table][name].split()).union(_DATA[table].get("phrases", ()))


YES, NO, SKIP = _listed("yes"), _listed("no"), _listed("skip")
THANKS, GREETINGS = _listed("thanks"), _listed("greeting")
_ALONG = _listed("yes", "along")
_DONE, _THERE = _listed("photos", "done"), _listed("photos", "there")
# Words of address and of politeness that change nothing of what is said.
_FILLER = _listed("filler")
_BESIDE, _AGREES, _DECLINED = (
    _listed("resident", "beside"),
    _listed("resident", "agrees"),
    _listed("resident", "declined"),
)
_NEG, _DONE_ONLY, _UNTOLD = _listed("resident", "neg"), _listed("resident", "done"), _listed("resident", "untold")
_SMALL = YES | NO | SKIP | THANKS | _FILLER
_GROUP = re.compile(r"<([a-z]+)>")


def _row(row: str) -> str:
    """A row of words/answers.toml as a regular expression."""
    return _GROUP.sub(lambda name: f"(?:{_DATA['declines'][name[1]]})", row)


_NEGATION = _row("<neg>")
_DECLINES = re.compile("|".join(map(_row, _DATA["declines"]["rows"])))
_THANKS = re.compile(
    r"(?:(?:ok|oke|siap|baik|ya|iya|sip|iyo|nggih)\s+)*"
    r"(?:(?:terima|trima|tarimo|matur|hatur)\s*(?:kasih|kase|kasi|nuwun|suwun|nuhun)|makasih|mksh|trims|thanks|thank\s+you|suwun|nuwun|tq)"
    r"(?:\s+atas\s+\w+)?"
)
_HESITATES = re.compile(rf"(?:{_NEGATION}|jangan|ojo|jgn|bukan|ya\s+tapi|iya\s+tapi|tapi|kecuali|tunggu)\b")
_GREETING_WORDS = frozenset(
    "halo hallo hai hi hello permisi salam tabe wr wb selamat met pagi siang sore malam saya aku sy kami ingin mau nak "
    "hendak mohon izin ijin lapor melapor melaporkan ngelapor ngadu mengadu mengadukan adu".split()
)
_SALAM = re.compile(r"ass?alam[\w']*")

_INFORMATION = re.compile(
    r"\b(?:bagaimana\s+(?:cara|prosedur|syarat)|gimana\s+cara|apa\s+(?:saja\s+)?syarat|kapan\s+(?:jadwal|buka)|"
    r"mohon\s+(?:info|informasi)|minta\s+(?:info|informasi)|(?:mau|ingin)\s+(?:tanya|bertanya|menanyakan)|"
    r"berapa\s+biaya|di\s*mana\s+(?:bisa|saya))\b",
    re.IGNORECASE,
)
_ASPIRATION = re.compile(
    r"\b(?:usul|mengusulkan|usulan|saran|menyarankan|aspirasi|alangkah\s+baiknya)\b", re.IGNORECASE
)
# Words that also stand in complaints, as politeness and as reproach: they count where the model is not sure.
_QUESTION = re.compile(r"\bapakah\b", re.IGNORECASE)
_WISH = re.compile(r"\b(?:sebaiknya|semoga|apresiasi)\b", re.IGNORECASE)


class Refused(Exception):
    """The words are no answer to this question. `key` is the text that says why, kindly."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


@dataclass(frozen=True, slots=True)
class Located:
    """A region that the gazetteer found: its code, its name, the citizen's own words for it.

    Where it is not certain both are None and the region is asked; `among` are (code, name) of those that the words may
    mean, to choose from.
    """

    region: str | None
    name: str | None
    words: str
    among: tuple[tuple[str, str], ...] = ()


Locate = Callable[[str], Located | None]


def plain(text: str) -> str:
    """Words for comparison: lower case, no punctuation at the ends, single spaces."""
    return " ".join(text.casefold().split()).strip(" .,!?;:*\"'()/\\")


def accepts(text: str) -> bool:
    """Whether the words are a yes."""
    words = _small_words(text)
    return bool(words) and words[0] in YES and all(word in YES | _FILLER | _ALONG for word in words)


def denies(text: str) -> bool:
    """Whether the words are a no and nothing else: not "tidak tahu", not "tidak ada"."""
    words = [word for word in _small_words(text) if word not in _FILLER]
    return bool(words) and all(word in NO for word in words)


def declines(text: str) -> bool:
    """Whether the words are a no or a wish to skip."""
    words = _unadorned(text)
    if words in NO or words in SKIP or plain(text) in SKIP or denies(text):
        return True
    return _DECLINES.fullmatch(" ".join(word for word in _small_words(text) if word not in _FILLER)) is not None


def thanks(text: str) -> bool:
    """Whether the words only thank."""
    return plain(text) in THANKS or _THANKS.fullmatch(_unadorned(text)) is not None


# What is longer is no small answer.
_LONGEST_SMALL = 200
_DOUBLED = re.compile(r"(.)\1+")


def _small_words(text: str) -> list[str]:
    """The words of a small answer without apostrophes, and of "iyaaa" what is known of it; of a long text none."""
    if len(text) > _LONGEST_SMALL:
        return []
    words = re.sub(r"[^\w\s]", " ", re.sub(r"['’‘`]", "", plain(text))).split()
    return [word if word in _SMALL or (once := _DOUBLED.sub(r"\1", word)) not in _SMALL else once for word in words]


def _unadorned(text: str) -> str:
    """The words without "pak", "ya", "aja" at the end: politeness is no content."""
    words = plain(re.sub(r"[^\w\s']", " ", text)).split()
    while len(words) > 1 and words[-1] in _FILLER and words[-2:] != ["terima", "kasih"]:
        words.pop()
    return " ".join(words)


def is_bare(text: str) -> bool:
    """Whether the words say nothing by themselves: a yes, a no, a greeting, thanks, or no words at all."""
    if len(text) > 80:
        return not any(character.isalnum() for character in text)
    words = _unadorned(text)
    if not words or plain(text) in GREETINGS | THANKS or accepts(text) or declines(text) or thanks(text):
        return True
    return all(word in _GREETING_WORDS or _SALAM.fullmatch(word) for word in words.split())


# What stands around a wish such as "anonim" and says nothing else.
_WISHING = frozenset(
    "tolong mohon minta biar supaya agar bisa boleh pilih jadi jadikan menjadi ubah ganti buat nama laporan laporannya "
    "privasi ini itu untuk dan please make it my the report".split()
)


def adds_nothing(text: str) -> bool:
    """Whether words beside a wish are only its courtesy."""
    return all(word in _WISHING | _GREETING_WORDS | _FILLER | YES for word in _unadorned(text).split())


# --- readers of answers: words, what the gazetteer knows, and today ------------------------------------


def story(text: str, _locate: Locate, _today: date) -> Any:
    """The complaint itself. Something must have been said: a bare yes or a greeting is not a story."""
    if is_bare(text):
        raise Refused("story.empty")
    return text


# Whoever tells so much without naming a place is still telling the story.
_LONGEST_PLACE = 12


def place(text: str, locate: Locate, _today: date) -> Any:
    """Where it is: the citizen's words, always kept, and the region if the gazetteer knows one. Talk that names no
    place ("rusak", "kan sudah saya bilang") is no answer."""
    if is_bare(text):
        raise Refused("place.words")
    found = locate(text)
    if found is None and (
        not may_be_place(text) if len(text.split()) <= _LONGEST_PLACE else place_in_story(text, locate) is None
    ):
        raise Refused("place.words")
    return _place(text.strip(), found)


def _place(words: str, found: Located | None) -> dict[str, Any]:
    place: dict[str, Any] = {"text": words, "region": None, "name": None}
    if found is None:
        return place
    if found.among:
        return {**place, "among": [list(pair) for pair in found.among]}
    return {**place, "region": found.region, "name": found.name}


def place_in_story(text: str, locate: Locate) -> Any:
    """The place that a story names by itself, its phrases joined by commas; None if it names none."""
    found, phrases = locate(text), places_in(text)
    if found is None and not phrases:
        return None
    words = ", ".join(phrases)
    if found and found.words.casefold() not in words.casefold():
        words = f"{words}, {found.words}" if words else found.words
    return _place(words, found)


def region(text: str, locate: Locate, _today: date) -> Any:
    """The kabupaten or kota, where the place alone did not tell."""
    found = locate(text)
    if found is None or found.region is None:
        raise Refused("region.unknown")
    return {"region": found.region, "name": found.name, "text": text.strip()}


# So many words without any time in them are no answer to "since when"; more words than that are a story.
_LONGEST_TIME = 6
_LONGEST_WITH_TIME = 14
_PHOTO = re.compile(r"\b(?:foto|photo|gambar|video)", re.IGNORECASE)


def time(text: str, _locate: Locate, today: date) -> Any:
    """When it happened or since when, in the citizen's words; many words are not an answer, but a part of the story,
    out of which the time is read."""
    when, words = read_when(text, today), len(text.split())
    about_photos = when is None and _PHOTO.search(text) is not None
    if is_bare(text) or about_photos or words > (_LONGEST_WITH_TIME if when else _LONGEST_TIME):
        raise Refused("time.words")
    return {**_time(when), "words": text.strip()} if when else {"words": text.strip()}


def _time(when: When) -> dict[str, Any]:
    """The saved form of a time: the words, the day that they name, and the days that it may be if that is in doubt."""
    time: dict[str, Any] = {"words": when.words, "since": when.since}
    if when.about:
        time["about"] = when.about
    if when.doubt:
        return {**time, "doubt": when.doubt, "days": [day.isoformat() for day in when.candidates]}
    return {**time, "day": when.day.isoformat()} if when.day else time


# Whoever says more than this beside a day is telling the story.
_BESIDE_DAY = 3


def day(text: str, _locate: Locate, today: date) -> Any:
    """The day that was meant, where the first words left it open."""
    when = read_when(text, today)
    if when is None or when.day is None or when.doubt or len(text.split()) > len(when.words.split()) + _BESIDE_DAY:
        raise Refused("day.words")
    return {"day": when.day.isoformat(), "words": text.strip()}


def time_in_story(text: str, today: date) -> dict[str, Any] | None:
    """The time that a story tells; None if it tells none."""
    when = when_in(text, today)
    return _time(when) if when else None


_VAGUE = re.compile(
    r"\b(?:(?:se)?tiap|saban|every|lam[aoe]|suwe|dulu|akhir-akhir|ber(?:hari|minggu|bulan|tahun))", re.I
)


def is_vague(time: Mapping[str, Any]) -> bool:
    """Whether a time tells how often or only "sudah lama", but not since when."""
    told = any(time.get(name) for name in ("day", "about", "doubt"))
    return not told and _VAGUE.search(time["words"]) is not None


def tells_only_time(text: str, locate: Locate, today: date) -> bool:
    """Whether the words tell a time and nothing else."""
    when = when_in(text, today)
    return when is not None and plain(when.words) == plain(text) and place_in_story(text, locate) is None


def class_in_story(text: str) -> str | None:
    """The class, where the words leave no doubt; None otherwise."""
    return _one_class(_INFORMATION.search(text), _ASPIRATION.search(text))


def class_perhaps(text: str) -> str | None:
    """The class that words hint at, for where nobody knows better; None otherwise."""
    return _one_class(_QUESTION.search(text), _WISH.search(text))


def _one_class(information: object, aspiration: object) -> str | None:
    if information and not aspiration:
        return "permintaan_informasi"
    return "aspirasi" if aspiration and not information else None


def detail(text: str, _locate: Locate, _today: date) -> Any:
    """A little more of the story."""
    if is_bare(text):
        raise Refused("detail.words")
    return text.strip()


# Words of a number to call or of a place to call at, and of a name; more is a story.
_LONGEST_CONTACT, _LONGEST_NAME = 14, 8
# A telephone number has at least so many digits.
SHORTEST_PHONE = 7


def is_phone(text: str) -> bool:
    """Whether the words are a telephone number, with little beside it."""
    return sum(map(str.isdigit, text)) >= SHORTEST_PHONE and len(text.split()) <= _LONGEST_CONTACT


def is_untold(text: str) -> bool:
    """Whether the words say that a name, a number or a place is not told: "dak galak nyebut namo"."""
    words = _small_words(text)
    return 0 < len(words) <= _LONGEST_NAME and (words[0] in _UNTOLD or declines(text)) and not is_phone(text)


def contact(text: str, _locate: Locate, _today: date) -> Any:
    """Where somebody is reached: a telephone number, or a place such as a posko; "other" where it is not known."""
    if is_untold(text):
        return "other"
    if is_bare(text) or len(text.split()) > _LONGEST_CONTACT:
        raise Refused("contact.words")
    return text.strip()


def name(text: str, _locate: Locate, _today: date) -> Any:
    """A person's name. Hardly any word is none: Selamat is one."""
    said = text.strip()
    if not any(letter.isalpha() for letter in said) or len(said.split()) > _LONGEST_NAME or accepts(said):
        raise Refused("name.words")
    return said


def words(text: str, _locate: Locate, _today: date) -> Any:
    """Any words."""
    if not text.strip():
        raise Refused("choice.words")
    return text.strip()


_STARS = re.compile(r"(?:nilai|bintang|rating|skor)?\s*:?\s*(?P<stars>[1-5])\s*(?:bintang|stars?|/\s*5|dari\s+5)?")


def stars(text: str, _locate: Locate, _today: date) -> Any:
    """A number of stars from 1 to 5, as a digit's text."""
    if found := _STARS.fullmatch(plain(text)):
        return found["stars"]
    count = text.count("⭐")
    if 1 <= count <= 5 and not plain(text.replace("⭐", "").replace("️", "")):
        return str(count)
    raise Refused("rating.words")


def photos(text: str, _locate: Locate, _today: date) -> Any:
    """The answer to "any photos?" in words: no, or go on. A yes means that they are still to come."""
    words = _unadorned(text)
    if declines(text) or words in _DONE:
        return "none"
    if accepts(text) or words in _THERE:
        raise Refused("photos.send")
    raise Refused("photos.words")


Reader = Callable[[str, Locate, date], Any]


def choice(words: Mapping[str, str], values: Mapping[str, Any] | None = None) -> Reader:
    """A reader for a closed question: `words` maps what people type to the choice that it means, `values` the choice
    to the answer that it stands for."""

    def read(text: str, _locate: Locate, _today: date) -> Any:
        found = words.get(plain(text))
        if found is None:
            found = words.get(_unadorned(text))
        # Who knows "ya" knows every yes.
        if found is None and "ya" in words and accepts(text):
            found = words["ya"]
        if found is None and "tidak" in words and denies(text):
            found = words["tidak"]
        if found is None:
            raise Refused("choice.words")
        return values[found] if values else found

    return read


def said_of_resident(text: str) -> str:
    """A short text without the words in which whoever assists tells what a resident has said."""
    return " ".join(word for word in _small_words(text) if word not in _BESIDE | _FILLER)


def tells_no_story(text: str) -> bool:
    """Whether words say only that something was read aloud, or what the resident answered: "la dibaco galo"."""
    words = _small_words(text)
    return bool(words) and is_bare(said_of_resident(text))


def of_resident(words: Mapping[str, str], *, done: bool = True) -> Reader:
    """A reader for a closed question to a resident: `choice`, which also takes what whoever assists tells of the answer
    ("warganyo la setuju", "lewat wa bae"). Where `done` is False, a bare "sudah" is none: it may say that the words
    were read aloud."""
    listed = choice(words)

    def read(text: str, locate: Locate, today: date) -> Any:
        said = said_of_resident(text).split()
        if not done and said and all(word in _DONE_ONLY for word in said):
            raise Refused("choice.words")
        if said and "ya" in words and said[0] in YES | _AGREES and all(word in YES | _AGREES | _ALONG for word in said):
            return words["ya"]
        if (
            len(said) > 1
            and "tidak" in words
            and said[0] in _NEG
            and all(word in _DECLINED | _AGREES | YES for word in said[1:])
        ):
            return words["tidak"]
        try:
            return listed(text, locate, today)
        except Refused:
            return listed(" ".join(said), locate, today)

    return read


def confirmation(words: Mapping[str, str]) -> Reader:
    """A reader for the last question: a yes in however many words, or one of these."""
    listed = choice(words)

    def read(text: str, locate: Locate, today: date) -> Any:
        if accepts(text):
            return "send"
        said = said_of_resident(text)
        if _HESITATES.match(plain(text)) or _HESITATES.match(said):
            return "change"
        return "send" if accepts(said) else listed(text, locate, today)

    return read
