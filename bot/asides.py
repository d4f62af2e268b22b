"""What people say beside their complaint: about their name, to correct an answer, about a complaint that is filed.

Every reader returns a small value or None and takes any str. A complaint *about* a secret, a name on a card or a
report that the police took back is no wish: in a long text only explicit words count. The words are data
(words/asides.toml); here stands which of them decide, and in what order.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

LIMIT = 4000
"""Characters of a text that are read."""

Topic = Literal["story", "place", "time", "class", "photos", "privacy"]
Act = Literal["unresolved", "resolved", "rate", "wrong_agency", "withdraw", "add", "answer"]
Command = Literal["move", "mydata", "erase"]

_FILE = Path(__file__).with_name("words") / "asides.toml"
# Words of a short text, and of one that can still be an answer rather than a story.
_SHORT, _ANSWER, _LONG = 8, 14, 40
_LINE = 120
"""Characters of an answer that is one wish and nothing else."""


@dataclass(frozen=True, slots=True)
class Privacy:
    """A wish about what others see: the name hidden (anonymous), the report hidden (secret). None: not said."""

    anonymous: bool | None = None
    secret: bool | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A correction: of which answer (None: to be found out), the new words or "", and what is done with them."""

    question: Topic | None
    rest: str = ""
    act: Literal["set", "add", "remove"] = "set"


@dataclass(frozen=True, slots=True)
class Afterwards:
    """What is said about a complaint that is filed: the act, the words beside it, stars (1 to 5) of a rating.

    sure: the words can hardly mean anything else; without it, ask before something follows from them.
    """

    act: Act
    rest: str = ""
    stars: int | None = None
    sure: bool = True


def privacy_in(text: str) -> Privacy | None:
    """Return the wish about the name and the report, told in a story or as an answer; None if there is none."""
    text = text[:LIMIT]
    if len(text) <= _LINE:
        for whole, wish in _WISHES.values():
            if whole.fullmatch(text):
                return wish
    anonymous = secret = None
    # No row of words crosses the end of a sentence, and few sentences speak of this at all.
    for sentence in _SENTENCE.findall(text):
        if _HINT.search(sentence) or (_REFUSAL.search(sentence) and _SUBJECT.search(sentence)):
            if _SAID["both"].search(sentence):
                return Privacy(anonymous=True, secret=True)
            hidden = _SAID["secret"].search(sentence) is not None
            secret = hidden or secret
            named = _SAID["anonymous"].search(sentence) or (not hidden and _SAID["hidden"].search(sentence))
            anonymous = True if named else anonymous
    return Privacy(anonymous, secret or None) if anonymous or secret else None


def change_in(text: str) -> Change | None:
    """Return the correction that a message is; None for one that is none. A story corrects nothing by the way."""
    text = text[:LIMIT].strip()
    words = len(_WORD.findall(text))
    if words > _LONG or not words:
        return None
    if words <= _SHORT + 2 and privacy_in(text):
        return Change("privacy", text)
    begun = _LEAD.match(text)
    said = text[begun.end() :] if begun else text
    return _ordered(said) or _called_wrong(said) or _corrected(text, words)


def afterwards_in(text: str) -> Afterwards | None:
    """Return what a message says about a complaint that is filed; None for what may as well be a new complaint."""
    text = text[:LIMIT].strip()
    words = len(_WORD.findall(text))
    if words > _LONG or not (words or _STAR.search(text)):
        return None
    for read in (_rating, _withdrawal, _wrong_agency, _addition, _verdict):
        if act := read(text, words):
            return act
    return None


def says_not_yet(text: str) -> bool:
    """Whether a message is a mere "belum", which says something only after an office has answered."""
    return len(text) <= _LINE and _NOT_YET.fullmatch(text) is not None


def command_in(text: str) -> Command | None:
    """Return what is wanted of the bot itself, said in a citizen's own words and in nothing else; None otherwise."""
    if len(text) > _LINE:
        return None
    return next((command for command in _COMMANDS if _COMMANDED[command].fullmatch(text)), None)


# --- corrections ---------------------------------------------------------------------------------


def _ordered(said: str) -> Change | None:
    """ganti lokasi, ubah tempatnya jadi Jalan Merdeka, hapus fotonya, tambah foto."""
    found = _ORDER.match(said)
    if found is None:
        return None
    question, act = _group(found, _QUESTIONS), _group(found, _ACTIONS)
    rest = said[found.end() :].strip(_MARKS)
    if rest and not found["becomes"]:
        loose = act == "set" and question in {"place", "time"} and len(rest.split()) <= _SHORT
        if _is_elsewhere(rest) or not (loose or _is_polite(rest) or (act == "add" and question == "story")):
            return None
    if act == "add" and question not in {"photos", "story"}:
        return None
    if _is_polite(rest):
        rest = ""
    return Change(question, rest, act)


def _called_wrong(said: str) -> Change | None:
    """lokasinya salah, tempatnya bukan di Plaju tapi Kertapati, waktunya harusnya kemarin."""
    found = _WRONG.match(said)
    if found is None:
        return None
    rest = said[found.end() :].strip(_MARKS)
    if _is_elsewhere(rest):
        return None
    if found["rather"] or found["meant"]:
        return Change(_group(found, _QUESTIONS), rest) if rest else None
    return Change(_group(found, _QUESTIONS), "") if _is_polite(rest) else None


def _corrected(text: str, words: int) -> Change | None:
    """ralat: sejak kemarin; salah, maksudnya Plaju; eh bukan Plaju tapi Kertapati."""
    for pattern in _CORRECTIONS:
        found = pattern.match(text)
        if found is None or (pattern is not _ANNOUNCED and words > _ANSWER):
            continue
        rest = text[found.end() :].strip(_MARKS)
        if _is_elsewhere(rest):
            return None
        about = _ABOUT.match(rest)
        if about is None:
            return Change(None, rest)
        return Change(_group(about, _QUESTIONS), rest[about.end() :].strip(_MARKS))
    return None


def _is_elsewhere(words: str) -> bool:
    """Whether what follows makes it the complaint itself: "ubah alamat KTP"."""
    return not _ELSEWHERE.isdisjoint(_WORD.findall(words.casefold())[:4])


def _is_polite(words: str) -> bool:
    return _POLITE.fullmatch(words) is not None


# --- about what is filed -------------------------------------------------------------------------


def _rating(text: str, _words: int) -> Afterwards | None:
    """nilai 4, bintang 5, 5 bintang, 4/5, ★★★★."""
    if stars := _STARS.fullmatch(text):
        count = len(_STAR.findall(text))
        return Afterwards("rate", (stars["rest"] or "").strip(_MARKS), count) if 1 <= count <= 5 else None
    found = _RATE.match(text)
    if found is None:
        return None
    stars_said = next(number for number in range(1, 6) if found[f"before{number}"] or found[f"after{number}"])
    rest = text[found.end() :].strip(_MARKS)
    return Afterwards("rate", "" if _is_polite(rest) else rest, stars_said)


def _withdrawal(text: str, words: int) -> Afterwards | None:
    """tarik laporan, saya cabut laporannya, laporan T-… dibatalkan saja."""
    found = _WITHDRAW.match(text)
    told = found or _TAKES_BACK.search(text)
    if told is None:
        return None
    rest = text[told.end() :].strip(_MARKS)
    if _is_elsewhere(rest):
        return None
    sure = found is not None and words <= _SHORT + 2
    return Afterwards("withdraw", "" if _is_polite(rest) else rest, sure=sure)


def _wrong_agency(text: str, words: int) -> Afterwards | None:
    """salah dinas, bukan dinas itu, harusnya ke Dishub."""
    found = _AGENCY.search(text) if words <= _ANSWER else None
    if found is None:
        return None
    sent = _SENT.search(text)
    sure = words <= _SHORT and found["plain"] is not None
    return Afterwards("wrong_agency", text[sent.end() :].strip(_MARKS) if sent else "", sure=sure)


def _addition(text: str, _words: int) -> Afterwards | None:
    """tambahan: …, tambah keterangan …, jawaban saya: …"""
    if found := _ADD.match(text):
        return Afterwards("add", text[found.end() :].strip(_MARKS), sure=bool(found["sure"]))
    if found := _REPLY.match(text):
        return Afterwards("answer", text[found.end() :].strip(_MARKS), sure=bool(found["sure"]))
    return None


def _verdict(text: str, words: int) -> Afterwards | None:
    """masih rusak; laporan saya ditandai selesai padahal belum; sudah beres, terima kasih."""
    about = _FILED.search(text) is not None
    for act, patterns in _VERDICTS:
        found = next((match for pattern in patterns if (match := pattern.search(text))), None)
        if found is None or (act == "resolved" and _DOUBTFUL.search(text)):
            continue
        beside = _WORD.findall(_FILLERS.sub(" ", f"{text[: found.start()]} {text[found.end() :]}"))
        referred = len(beside) == 1 and beside[0].casefold().endswith(("nya", "nyo"))
        if not beside or referred or about:
            return Afterwards(act, sure=words <= _ANSWER)
        if len(beside) <= 3 and not _TELLS_PLACE.search(text):
            return Afterwards(act, sure=False)
        return None
    return None


# --- words ---------------------------------------------------------------------------------------

_DATA: Mapping[str, Any] = tomllib.loads(_FILE.read_text(encoding="utf-8"))
_GROUPS = {
    name: words
    for table in ("groups", "change", "questions", "filed")
    for name, words in _DATA[table].items()
    if isinstance(words, str)
}
_QUESTIONS: tuple[Topic, ...] = ("place", "time", "photos", "class", "privacy", "story")
_ACTIONS: tuple[Literal["set", "add", "remove"], ...] = ("set", "add", "remove")
_COMMANDS: tuple[Command, ...] = ("move", "mydata", "erase")
_ELSEWHERE = frozenset(_DATA["elsewhere"]["words"].split())
_MARKS = " \t\r\n.,:;-–—=!\"'()"
_WORD = re.compile(r"[^\W_]+")
# Between two words of one sentence.
_GAP = r"[^\w.!?\n]+"


_NAME = TypeVar("_NAME", bound=str)
_GROUP = re.compile(r"(?<!P)<([a-z_]+)>")


def _row(row: str) -> str:
    """A row of words as a regular expression: groups filled in, any gap for a space."""
    while _GROUP.search(row):
        row = _GROUP.sub(lambda name: f"(?:{_GROUPS[name[1]]})", row)
    return row.replace(" ?", r"[\s-]?").replace(" ", _GAP)


def _compiled(row: str, edges: bool = True) -> re.Pattern[str]:
    """A row that begins and, with edges, ends where words do."""
    end = r"(?![^\W_])" if edges else ""
    return re.compile(rf"(?<![^\W_])(?:{_row(row)}){end}", re.IGNORECASE)


def _begins(row: str) -> re.Pattern[str]:
    """A row that a text begins with, after politeness."""
    return re.compile(rf"\W*(?:{_row('(?:<filler>|<my>)')}{_GAP})*{_row(row)}", re.IGNORECASE)


def _whole(rows: Iterable[str]) -> re.Pattern[str]:
    """One of the rows and nothing beside it but politeness."""
    filler = _row("(?:<filler>|<my>)")
    return re.compile(rf"\W*(?:{filler}\W+)*?(?:{_row('|'.join(rows))})(?:\W+{filler})*\W*", re.IGNORECASE)


def _named(names: Iterable[str]) -> str:
    """One of some groups, each under its own name."""
    return "|".join(f"(?P<{name}_><{name}>)" for name in names)


def _group(found: re.Match[str], names: Iterable[_NAME]) -> _NAME:
    """Which of some groups was found."""
    return next(name for name in names if found[f"{name}_"])


_SAID = {kind: _compiled("|".join(_DATA["privacy"][kind])) for kind in ("both", "secret", "anonymous", "hidden")}
# Whole answers, in the order in which they are tried.
_WISHES = {
    kind: (_whole(_DATA["privacy"][kind]), wish)
    for kind, wish in {
        "by_both": Privacy(anonymous=True, secret=True),
        "by_name": Privacy(anonymous=True),
        "by_report": Privacy(secret=True),
        "by_either": Privacy(anonymous=True),
        "open_name": Privacy(anonymous=False),
        "open_report": Privacy(secret=False),
        "open": Privacy(anonymous=False, secret=False),
    }.items()
}
_SENTENCE = re.compile(r"[^.!?\n]+")
# Without one of these, or one of each of the two after it, no sentence holds a wish.
_HINT = re.compile(r"rahasia|anon[iy]m|sembunyi|samar|tanp[ao] |secret|priva|confid|hid", re.IGNORECASE)
_REFUSAL = re.compile(
    r"\b(?:jang\w*|jgn|jngn|ojo|aja|usah|takut|never|don.?t|dont|do not|mau|ingin|galak|gelem|pengen|biar|supaya|"
    r"boleh)\b",
    re.IGNORECASE,
)
_SUBJECT = re.compile(
    r"nam[aeo]|jeneng|identit|biodata|data diri|nomor|nomer|lapor|aduan|ngadu|mengadu|wadul|kirim|isi|report|complaint",
    re.IGNORECASE,
)
_NOT_YET = _whole([_DATA["filed"]["not_yet"]])
_COMMANDED = {command: _whole(_DATA["commands"][command]) for command in _COMMANDS}

_SUFFIX = "(?:nya|nyo|ku|ne|e)?"
_ABOUT_WORDS = f"(?:{_named(_QUESTIONS)}){_SUFFIX}"
_POLITE = re.compile(rf"\W*(?:{_row('(?:<filler>|<my>|laporan|laporannya)')}(?:\W+|$))*", re.IGNORECASE)
_LEAD = _begins("")
_ORDER = _compiled(
    f"(?:{_named(_ACTIONS)}) (?:(?:<filler>|<my>) ){{0,3}}{_ABOUT_WORDS}(?![^\\W_])"
    r"(?:(?: (?:<filler>|<my>|laporan|laporannya)(?![^\W_]))*(?P<becomes>\s*[:=]| (?:<becomes>)(?![^\W_])))?",
    edges=False,
)
_WRONG = _compiled(
    f"{_ABOUT_WORDS}(?: (?:<filler>|<my>|laporan))* "
    r"(?:(?P<meant>(?:(?:<wrong>) (?:(?:<filler>) )*)?(?:<meant>))"
    r"|(?P<rather>(?:bukan|bkn|dudu|not) (?:[\w.'/-]+ ){1,6}?(?:<rather>))|<wrong>)"
)
_ANNOUNCED = _begins(r"(?:(?:ralat|koreksi|revisi|pembetulan|correction|typo)\s*(?:[:,;=-]|$)|ralat\s)")
_CORRECTIONS = (
    _ANNOUNCED,
    _begins(r"(?:(?:salah|keliru|bukan|kliru|klentu|wrong|sorry)\W+(?:itu\W+)?)?(?:<intended>)(?:\W+itu)?(?![^\W_])"),
    _begins(r"(?:salah|keliru|kliru|klentu|bukan|wrong)\W+(?:itu\W+)?(?:<ought>)(?![^\W_])"),
    _begins(
        r"(?:bukan|bkn|dudu|not) (?!(?:hanya|cuma|cuman|saja|sekedar|sekadar|lagi|main|karena|rahasia)\b)"
        r"(?:[\w.'/-]+ ){1,6}?(?:<rather>)(?![^\W_])"
    ),
    _begins(r"(?:salah|keliru|kliru|klentu|wrong)(?: (?:ketik|tulis|pencet|sebut))?\s*(?=$|[,:;.!-])"),
    re.compile(r"\W*(?:eh|oh|maaf|sorry)\W+(?:bukan|salah|keliru|kliru)\s*,\s*", re.IGNORECASE),
)
_ABOUT = _compiled(
    f"(?:{_named(_QUESTIONS)})(?:(?:nya|nyo|ne)(?: (?:itu|di|adalah|<ought>))?|\\s*:| (?:itu|di|adalah|<ought>))",
)

_STAR = re.compile("[⭐★🌟]")
_STARS = re.compile(r"(?:[⭐★🌟]\ufe0f?\s*)+(?P<rest>(?:[^⭐★🌟].*)?)", re.DOTALL)
_RATE = _begins(
    r"(?:(?:beri nilai|kasih nilai|kasih bintang|nilai|nilainya|beri|kasih|rating|skor|bintang|rate|stars?|ngasih)"
    r"(?:\W+(?:<filler>|bintang|nilai))*\W*(?:{before})(?: (?:dari|out of) 5|\s*/\s*5)?(?: (?:bintang|stars?))?"
    r"|(?:{after})(?: (?:bintang|stars?)|\s*/\s*5))(?![^\W_])"
    r"(?=\s*(?:$|[!?;:\n–-]|[.,](?![0-9]))|\s+(?:<filler>)\b)".replace(
        "{before}", "|".join(f"(?P<before{number}>{words})" for number, words in _DATA["stars"].items())
    ).replace("{after}", "|".join(f"(?P<after{number}>{words})" for number, words in _DATA["stars"].items()))
)
_WITHDRAW = _begins(
    r"(?:(?:<withdraw>) (?:(?:<filler>|<my>) )*(?:<complaint>|<ticket>)(?: (?:<filler>|<my>|nomor|no|<ticket>))*"
    r"|(?:<complaint>)(?: (?:<filler>|<my>|nomor|no|<ticket>))* (?:<withdrawn>))(?![^\W_])"
)
_TAKES_BACK = _compiled(r"(?:<complaint>) (?:<my>) (?:[\w'-]+ ){0,8}?(?:<my>) (?:cabut|tarik|batalkan)")
_AGENCY = _compiled(
    r"(?P<plain>salah (?:<agency>|disposisi|alamat dinas|alamat instansi)|wrong (?:agency|office|department)"
    r"|(?:bukan|bkn|dudu|not) (?:(?:di|ke|untuk|urusan|tugas|wewenang|kewenangan|tanggung jawab|bidang|the|right) )*"
    r"(?:(?:<agency>)(?: \w+)?|kewenangan|wewenang))"
    r"|(?:<sent>) (?:\w+ ){0,2}?(?:dinas|instansi|pu|pupr|dishub|pdam|pln|dlh)"
)
_SENT = _compiled("(?:<sent>)")
_ADD = _begins(
    r"(?:(?P<sure>(?:<add>|tambahan|update|susulan)(?: (?:<filler>|<my>))* (?:<more>)(?![^\W_])"
    r"(?: (?:<filler>|<my>|laporan))*"
    r"|(?:info|informasi|keterangan|data|foto|bukti) (?:tambahan|susulan)(?![^\W_])"
    r"|(?:tambahan|sebagai tambahan|tambah|update|nambah|menambahkan|in addition)\s*[:;=,-])"
    r"|(?:menambahkan|nambahin|tambahin|tambahkan|nambahke)(?![^\W_]))"
)
_REPLY = _begins(
    r"(?:(?P<sure>(?:jawab|jawaban|jawabnya|jawabannya|balas|balasan|reply|answer)"
    r"(?: (?:<filler>|<my>|pertanyaan|petugas))*\s*[:=])"
    r"|(?:menjawab pertanyaan|jawaban saya|saya jawab)(?: (?:<filler>|petugas|dinas))*(?![^\W_]))"
)
_VERDICTS: tuple[tuple[Act, tuple[re.Pattern[str], ...]], ...] = (
    ("unresolved", tuple(map(_compiled, _DATA["filed"]["unresolved"]))),
    ("resolved", tuple(map(_compiled, _DATA["filed"]["resolved"]))),
)
_DOUBTFUL = _compiled(
    r"belum|blm|tidak|gak|dak|masih|tapi|tp|kapan|apakah|kok|kalau|kalo|jika|harap|mohon|tolong|semoga|supaya|agar|not|minta"
)
_FILED = _compiled(
    r"(?:<complaint>) (?:<my>|ini|tadi|kemarin|kemaren|sebelumnya|nomor|no|itu)|laporannya|laporanku|aduanku|aduannya"
    r"|<ticket>|<claimed>"
)
_FILLERS = _compiled(
    "<filler>|<my>|<already>|<still>|<yet>|sekarang|sampai|juga|sama|<complaint>|<ticket>|<claimed>|status|statusnya"
)
_TELLS_PLACE = _compiled(
    "di|jl|jln|desa|kel|kelurahan|kec|kecamatan|rt|rw|gang|lorong|lrg|depan|dekat|sejak|simpang|kampung"
)
