"""Readers: each takes a citizen's words and makes an answer of them, or refuses with a text key.

Whatever words a reader does not use stay the citizen's: the dialogue never throws a text away.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

YES = frozenset(
    "ya iya iyo aok yo yes y ok oke okay baik betul benar sudah setuju lanjut kirim siap sip boleh iye nggih".split()
)
NO = frozenset("tidak tdk tak dak gak ga ngga nggak enggak no n dakdo kosong".split())
SKIP = frozenset("lewati lewat skip lanjut nanti".split()) | {
    "tidak tahu",
    "tdk tahu",
    "gak tau",
    "dak tau",
    "tidak ada",
    "gak ada",
    "dak ado",
}
THANKS = frozenset("terimakasih makasih thanks trims suwun".split()) | {
    "terima kasih",
    "terima kasih banyak",
    "makasih banyak",
    "thank you",
}
GREETINGS = frozenset(
    "halo hallo hai hi hello pagi siang sore malam permisi assalamualaikum salam tabe p ping test tes min admin".split()
) | {
    "assalamu'alaikum",
    "assalamualaikum wr wb",
    "selamat pagi",
    "selamat siang",
    "selamat sore",
    "selamat malam",
    "halo min",
    "halo admin",
}
_BARE = YES | NO | SKIP | THANKS | GREETINGS

_TIME = re.compile(
    r"""\b(?:
        (?:sejak|dari|mulai|semenjak)\s+(?:\w+\s+){0,3}?(?:hari|minggu|bulan|tahun|tadi|kemarin|senin|selasa|rabu|kamis|
            jumat|jum'at|sabtu|ahad|lalu|dulu|semalam|awal|akhir|januari|februari|maret|april|mei|juni|juli|agustus|
            september|oktober|november|desember|\d{4}|\d{1,2})(?:\s+(?:lalu|ini|kemarin|yang\s+lalu|\d{1,4}))*
      | (?:sudah|udah|sdh|lah|la|so)\s+(?:hampir\s+|lebih\s+dari\s+|sekitar\s+)?(?:\d+|se|satu|dua|tiga|empat|lima|enam|
            tujuh|delapan|sembilan|sepuluh|beberapa|ber)\W?\s*(?:jam|hari|minggu|bulan|bln|tahun|thn|lama)
      | (?:sudah|udah|sdh|lah|la)\s+(?:lama|lame|lamo|seminggu|sebulan|setahun|berbulan[\s-]*bulan|bertahun[\s-]*tahun|
            berhari[\s-]*hari)
      | (?:hari|minggu|bulan|tahun)\s+(?:ini|lalu|kemarin|kemaren)
      | (?:kemarin|kemaren|kmrn|tadi|semalam|barusan|sekarang|td)(?:\s+(?:pagi|siang|sore|malam|subuh))?
      | (?:setiap|tiap)\s+(?:hari|pagi|malam|minggu|bulan|hujan|sore|siang)
      | (?:pagi|siang|sore|malam)\s+(?:ini|tadi)
      | (?:tanggal|tgl)\s+\d{1,2}(?:\s+\w+)?(?:\s+\d{4})?
      | \d{1,2}\s+(?:januari|februari|maret|april|mei|juni|juli|agustus|september|oktober|november|desember|
            jan|feb|mar|apr|jun|jul|agu|agt|sep|okt|nov|des)\b(?:\s+\d{4})?
      | \d{1,2}[/-]\d{1,2}(?:[/-]\d{2,4})?
      | \d+\s+(?:jam|hari|minggu|bulan|bln|tahun|thn)(?:\s+(?:yang\s+)?(?:lalu|ini|terakhir))?
      | (?:yesterday|today|since\s+\w+(?:\s+\w+)?|last\s+(?:week|month|year|night)
      | \d+\s+(?:days?|weeks?|months?|years?))
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)
_PLACE = re.compile(
    r"\b(?:jalan|jln|jl|gang|gg|lorong|lrg|desa|dusun|kampung|kelurahan|kel|kecamatan|kec|rt|rw|komplek|kompleks|"
    r"perumahan|perum|pasar|depan|dekat|samping|belakang|simpang|jembatan)\b\.?"
    r"(?:\s+(?!(?:rusak|berlubang|hancur|sudah|udah|sdh|lah|la|yang|yg|tidak|tdk|dak|sejak|mati|banjir|ada|sangat|"
    r"belum|mohon|tolong|dan|sampai|karena|di|penuh|macet|licin|gelap)\b)[\w./'-]+){1,5}",
    re.IGNORECASE,
)
_INFORMATION = re.compile(
    r"\b(?:bagaimana\s+(?:cara|prosedur|syarat)|gimana\s+cara|apa\s+(?:saja\s+)?syarat|apakah|kapan\s+(?:jadwal|buka)|"
    r"mohon\s+(?:info|informasi)|minta\s+(?:info|informasi)|mau\s+(?:tanya|bertanya)|"
    r"berapa\s+biaya|di\s*mana\s+(?:bisa|saya))\b",
    re.IGNORECASE,
)
_ASPIRATION = re.compile(
    r"\b(?:usul|mengusulkan|usulan|saran|menyarankan|aspirasi|alangkah\s+baiknya|sebaiknya|semoga|apresiasi)\b",
    re.IGNORECASE,
)


class Refused(Exception):
    """The words are no answer to this question. `key` is the text that says why, kindly."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


@dataclass(frozen=True, slots=True)
class Located:
    """A region that the gazetteer found: its code, its name, the citizen's own words for it."""

    region: str
    name: str
    words: str


Locate = Callable[[str], Located | None]


def plain(text: str) -> str:
    """Words for comparison: lower case, no punctuation at the ends, single spaces."""
    return " ".join(text.casefold().split()).strip(" .,!?;:*\"'()/\\")


def accepts(text: str) -> bool:
    """Whether the words are a yes."""
    return plain(text) in YES


def declines(text: str) -> bool:
    """Whether the words are a no or a wish to skip."""
    return plain(text) in NO or plain(text) in SKIP


def is_bare(text: str) -> bool:
    """Whether the words say nothing by themselves: a yes, a no, a greeting, thanks, or no words at all."""
    return not any(character.isalnum() for character in text) or plain(text) in _BARE


def story(text: str, _locate: Locate) -> Any:
    """The complaint itself. Something must have been said: a bare yes or a greeting is not a story."""
    if is_bare(text):
        raise Refused("story.empty")
    return text


def place(text: str, locate: Locate) -> Any:
    """Where it is: the citizen's words, always kept, and the region if the gazetteer knows one."""
    if plain(text) in YES | NO:
        raise Refused("place.words")
    found = locate(text)
    return {"text": text.strip(), "region": found.region if found else None, "name": found.name if found else None}


def place_in_story(text: str, locate: Locate) -> Any:
    """The place that a story names by itself; None if it names none."""
    found = locate(text)
    street = _PLACE.search(text)
    if found is None and street is None:
        return None
    words = street.group() if street else ""
    if found and found.words.casefold() not in words.casefold():
        words = f"{words}, {found.words}" if words else found.words
    return {
        "text": words,
        "region": found.region if found else None,
        "name": found.name if found else None,
    }


def region(text: str, locate: Locate) -> Any:
    """The kabupaten or kota, where the place alone did not tell."""
    found = locate(text)
    if found is None:
        raise Refused("region.unknown")
    return {"region": found.region, "name": found.name}


def time(text: str, _locate: Locate) -> Any:
    """When it happened or since when, in the citizen's words; a long text without any time is not an answer."""
    found = time_in_story(text)
    if plain(text) in YES or (found is None and len(text) > 80):
        raise Refused("time.words")
    return text.strip()


def time_in_story(text: str) -> str | None:
    """The words of a story that tell the time; None if there are none."""
    found = _TIME.search(text)
    return found.group() if found else None


def class_in_story(text: str) -> str | None:
    """The class, where the words leave no doubt; None otherwise."""
    information, aspiration = _INFORMATION.search(text), _ASPIRATION.search(text)
    if information and not aspiration:
        return "permintaan_informasi"
    if aspiration and not information:
        return "aspirasi"
    return None


def photos(text: str, _locate: Locate) -> Any:
    """The answer to "any photos?" in words: no, or go on. A yes means that they are still to come."""
    words = plain(text)
    if declines(text) or words in {"selesai", "cukup", "sudah", "done", "itu saja"}:
        return "none"
    if words in YES | {"ada", "ado"}:
        raise Refused("photos.send")
    raise Refused("photos.words")


def choice(words: Mapping[str, str]) -> Callable[[str, Locate], Any]:
    """A reader for a closed question: `words` maps what people type to the choice that it means."""

    def read(text: str, _locate: Locate) -> Any:
        found = words.get(plain(text))
        if found is None:
            raise Refused("choice.words")
        return found

    return read
