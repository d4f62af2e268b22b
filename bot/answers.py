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
# Words of address and of politeness that change nothing of what is said.
_FILLER = frozenset(
    "pak bu bapak ibu bpk min kak kakak gan bang mas mbak om admin ya yo dong deh sih aja saja dulu banyak semua "
    "semuanya kasih nian lah kok".split()
)
_NEGATION = r"(?:tidak|tdk|tak|ndak|dak|dk|gak|gk|ga|g|ngga|nggak|ngak|enggak|kagak|belum|blm|no)"
_DECLINES = re.compile(
    rf"(?:{_NEGATION}\s*(?:ada|ado|punya)|gada|gaada|dakdo|{_NEGATION}\s*(?:tahu|tau|ingat|yakin)|kurang\s+(?:tahu|tau)|"
    r"gatau|entah(?:lah)?|lupa|lewati?|skip)(?:\s+(?:foto|fotonya|gambar|photos?))?"
)
_THANKS = re.compile(
    r"(?:(?:ok|oke|siap|baik|ya|iya|sip)\s+)*(?:terima\s*kasih|trima\s*kasih|makasih|mksh|trims|thanks|thank\s+you|suwun|tq)"
    r"(?:\s+atas\s+\w+)?"
)
_HESITATES = re.compile(rf"(?:{_NEGATION}|jangan|bukan|ya\s+tapi|iya\s+tapi|tapi|kecuali|tunggu)\b")
_GREETING_WORDS = frozenset(
    "halo hallo hai hi hello permisi salam tabe wr wb selamat met pagi siang sore malam saya aku sy kami ingin mau nak "
    "hendak mohon izin ijin lapor melapor melaporkan ngelapor ngadu mengadu mengadukan adu".split()
)
_SALAM = re.compile(r"ass?alam[\w']*")

_TIME = re.compile(
    r"""\b(?:
        (?:sejak|dari|mulai|semenjak)\s+(?:\w+\s+){0,3}?(?:hari|minggu|bulan|tahun|tadi|kemarin|senin|selasa|rabu|kamis|
            jumat|jum'at|sabtu|ahad|lalu|dulu|semalam|awal|akhir|januari|februari|maret|april|mei|juni|juli|agustus|
            september|oktober|november|desember|\d{4}|\d{1,2})(?:\s+(?:lalu|ini|kemarin|yang\s+lalu|pagi|siang|sore|malam|\d{1,4}))*
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
    words = re.sub(r"[^\w\s']", " ", plain(text)).split()
    return bool(words) and words[0] in YES and all(word in YES | _FILLER | {"bener", "udah"} for word in words)


def declines(text: str) -> bool:
    """Whether the words are a no or a wish to skip."""
    words = _unadorned(text)
    return words in NO or words in SKIP or plain(text) in SKIP or _DECLINES.fullmatch(words) is not None


def thanks(text: str) -> bool:
    """Whether the words only thank."""
    return plain(text) in THANKS or _THANKS.fullmatch(_unadorned(text)) is not None


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


def story(text: str, _locate: Locate) -> Any:
    """The complaint itself. Something must have been said: a bare yes or a greeting is not a story."""
    if is_bare(text):
        raise Refused("story.empty")
    return text


def place(text: str, locate: Locate) -> Any:
    """Where it is: the citizen's words, always kept, and the region if the gazetteer knows one."""
    if is_bare(text):
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
    return {"region": found.region, "name": found.name, "text": text.strip()}


def time(text: str, _locate: Locate) -> Any:
    """When it happened or since when, in the citizen's words; a long text without any time is not an answer."""
    found = time_in_story(text)
    if is_bare(text) or (found is None and len(text) > 80):
        raise Refused("time.words")
    return text.strip()


def time_in_story(text: str) -> str | None:
    """The words of a story that tell the time; None if there are none."""
    found = _TIME.search(text)
    return found.group() if found else None


def tells_only_time(text: str, locate: Locate) -> bool:
    """Whether the words tell a time and nothing else."""
    found = time_in_story(text)
    return found is not None and plain(found) == plain(text) and place_in_story(text, locate) is None


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
    if accepts(text) or words in {"ada", "ado"}:
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


def confirmation(words: Mapping[str, str]) -> Callable[[str, Locate], Any]:
    """A reader for the last question: a yes in however many words, or one of these."""
    listed = choice(words)

    def read(text: str, locate: Locate) -> Any:
        if accepts(text):
            return "send"
        return "change" if _HESITATES.match(plain(text)) else listed(text, locate)

    return read
