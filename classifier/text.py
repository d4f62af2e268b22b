"""A citizen's words made plain for the model: one spelling for one word, no numbers, no names of places, no courtesy.

What each spelling means stands in lexicon.toml; here stands how a text is cut into words, and which endings go.
"""

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

LIMIT = 4000
"""Characters of a text that are read; a report that has not said what it is about by then will not say it later."""

TITLE_LIMIT = 300

_FILE = Path(__file__).with_name("lexicon.toml")
_LONGEST_WORD = 40
"""Letters of one word that are read: the longest Indonesian ones are shorter."""


@dataclass(frozen=True, slots=True)
class Word:
    """A plain word, and where in the citizen's own text it comes from: text[start:end]."""

    form: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Lexicon:
    """What lexicon.toml knows: plain words by spelling, phrases by their first word, and sets of plain words."""

    spellings: Mapping[str, tuple[str, ...]]
    stems: frozenset[str]
    where: frozenset[str]
    drop: frozenset[str]
    places: frozenset[str]
    known: frozenset[str]
    frames: Mapping[str, tuple[tuple[str, ...], ...]]


_SPELLINGS = ("abbreviation", "palembang", "makassar", "javanese", "sundanese")


def read_lexicon(path: Path = _FILE) -> Lexicon:
    """Return the words of a lexicon.toml. A spelling with two meanings is a ValueError."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    drop, keep, where, stem, place, matter = (
        frozenset(" ".join(tables[name]).split()) for name in ("drop", "keep", "where", "stem", "place", "matter")
    )
    spellings: dict[str, tuple[str, ...]] = {}
    for section in _SPELLINGS:
        for plain, line in tables[section].items():
            meaning = tuple(plain.split())
            for spelling in line.split():
                if spellings.setdefault(spelling, meaning) != meaning:
                    raise ValueError(f"{path.name}: {spelling!r} means {spellings[spelling]} and {meaning}")
    plain_words = {word for meaning in spellings.values() for word in meaning}
    frames: dict[str, list[tuple[str, ...]]] = {}
    for phrase in tables["frame"]:
        first, *rest = phrase.split()
        frames.setdefault(first, []).append(tuple(rest))
    return Lexicon(
        spellings=spellings,
        stems=where | stem,
        where=where,
        drop=drop,
        places=place,
        known=frozenset(spellings) | plain_words | drop | keep | where | stem | place | matter,
        # The longest phrase first: it may begin with a shorter one.
        frames={first: tuple(sorted(rests, key=len, reverse=True)) for first, rests in frames.items()},
    )


_LEXICON = read_lexicon()


def words(text: str) -> list[Word]:
    """Return the plain words of a text's first LIMIT characters, in order; any str is accepted.

    One spelling may give several words ("rs": rumah sakit) or none; a word that repeats the one before is left out.
    """
    lowered, places = _lower(text[:LIMIT])
    found = _plain(lowered)
    if places is None:
        return [Word(form, start, end) for form, start, end in found]
    places.append(min(len(text), LIMIT))  # where the last word ends
    # An accent written as a character of its own belongs to the word before it.
    return [Word(form, places[start], max(places[end - 1] + 1, places[end])) for form, start, end in found]


def normalise(text: str, title: str = "") -> str:
    """Return the plain words of title and text as one line of at most LIMIT characters; any str is accepted."""
    forms = [form for part in (title[:TITLE_LIMIT], text[:LIMIT]) for form, _, _ in _plain(_lower(part)[0])]
    line = " ".join(forms)
    return line if len(line) <= LIMIT else line[: LIMIT + 1].rpartition(" ")[0]


# 1. One case, and one character for those that look alike.


def _lower(text: str) -> tuple[str, list[int] | None]:
    """Return a text in lower case without accents, and the place in `text` of each character, None for the same."""
    if text.isascii():
        return text.lower(), None
    pieces = [_lower_character(character) for character in text]
    lowered = "".join(pieces)
    if all(len(piece) == 1 for piece in pieces):
        return lowered, None
    # One character can unfold to eighteen: hence the cut.
    places = [place for place, piece in enumerate(pieces) for _ in piece]
    return lowered[:LIMIT], places[:LIMIT]


@lru_cache(maxsize=2048)
def _lower_character(character: str) -> str:
    if character in "’‘ʼ`´":
        return "'"
    kind = unicodedata.category(character)
    if kind[0] == "C":  # a zero-width character stands inside a word; other control characters stand between words
        return "" if kind == "Cf" else " "
    unfolded = unicodedata.normalize("NFKD", character).lower()
    return "".join(part for part in unfolded if unicodedata.category(part)[0] != "M")


# 2. What must not be read at all: addressees, links, mentions. They leave a gap of the same length.

_OFFICE = (
    r"admin|badan|balai|bank|biro|bkd|bkpsdm|bpjs|bpn|bupati|camat|damkar|dinas|dinkes|dinsos|direksi|direktur|disdik|"
    r"dishub|disdukcapil|disnaker|dlh|dprd?|dukcapil|gubernur|imigrasi|instansi|jajaran|ka|kabag|kabid|kadis\w*|kadinkes|"
    r"kantor|kapolda|kapolres|kapolri|kecamatan|kelurahan|kemen\w*|kepala|ketua|komisi|lurah|menteri|mentri|pdam|pejabat|"
    r"pemda|pemerintah|pemkab|pemkot|pemprov|pengelola|petugas|pihak|pimpinan|plh|plt|pln|polda|polisi|polres|polsek|"
    r"presiden|pt|pupr|satpol|sekda|sekretaris|tim|wakil|wali ?kota"
)
_OFFICE_NAMED = (
    r"air|anak|aset|bencana|bidang|bina|binamarga|bpjs|catatan|cipta|daerah|dan|desa|hidup|indonesia|informatika|jaminan|"
    r"karya|kawasan|keamanan|kebakaran|kebersihan|kebudayaan|kecil|kehutanan|kelautan|kepegawaian|kependudukan|kerja|"
    r"kesehatan|ketahanan|ketenagakerjaan|keuangan|komunikasi|koperasi|lingkungan|marga|masyarakat|menengah|minum|modal|"
    r"negara|olah ?raga|pamong|pangan|pariwisata|pekerjaan|pelayanan|pemadam|pemberdayaan|pemuda|pemukiman|penanaman|"
    r"penanggulangan|penataan|pencatatan|pendapatan|pendidikan|penyelamatan|perdagangan|perempuan|perhubungan|perikanan|"
    r"perindustrian|perizinan|perkebunan|perlindungan|permukiman|pertamanan|pertanahan|pertanian|perumahan|peternakan|"
    r"pintu|pp|praja|rakyat|ri|ruang|satu|sipil|sosial|tata|tenaga|terpadu|transmigrasi|ukm|umkm|umum|usaha"
)
_REGION_NAMED = (
    r"(?:kota|kab(?:upaten)?|prov(?:insi)?|kec(?:amatan)?|kel(?:urahan)?)\b\.? ?(?!yang\b|yg\b|kami\b|ini\b)[^\W\d_]+"
)
# "Yth. Kepala Dinas ...," names the office that a report was sent to: a label, not a matter. In the training texts
# it would teach the model to read the address instead of the trouble. What follows the address must stay, also
# where nobody wrote a comma: so only words that offices and regions are named with are cut, and never a whole report.
_ADDRESSEE = re.compile(
    r"(?:\b(?:kepada|kpd)\b[ .,:]{0,4})?\b(?:yth|ytk|y(?:an)?g terhormat)\b[\s.,:-]{0,4}"
    r"(?:(?:bapak|bpk|ibu|pak|bu)\b[ ./]{0,3}){0,3}"
    rf"(?:\b(?:{_OFFICE})\b(?:[ ./&-]{{1,3}}(?:{_REGION_NAMED}|(?:{_OFFICE}|{_OFFICE_NAMED})\b)){{0,14}})?"
)
_LINK = re.compile(
    r"https?://\S+|www\.\S+|[^\s@]{1,64}@[^\s@]{1,255}|(?<!\w)@[\w.]+"
    r"|(?<![\w.-])(?:[\w-]{1,63}\.){1,6}(?:com|go\.id|co\.id|id|net|ly|gl)\b(?:/\S*)?"
)
# Python searches for a short word much faster than for a pattern.
_SIGNS_OF_ADDRESSEE = ("yth", "ytk", "terhormat")
_SIGNS_OF_LINK = ("://", "www.", "@", ".com", ".id", ".net", ".ly", ".gl")


def _gap(match: re.Match[str]) -> str:
    return " " * (match.end() - match.start())


# 3. Words and numbers.

# A group's name is the word that stands for what it finds. The training texts arrive with masks in brackets; a living
# text must arrive at the same words.
_TOKEN = re.compile(
    r"(?P<word>[^\W\d_]+(?:[-'][^\W\d_]+)*(?:2(?!\d)(?:-?(?:an|nya)(?![^\W\d_]))?|')?)"
    r"|(?P<nomortelepon>(?:\+?62[ -]?|0)8\d[\d -]{5,11}\d(?!\d)|\[(?:telp|nomor telepon disensor)\])"
    r"|(?P<nomornik>\d{16}(?!\d)|\[(?:nik|nomor ktp disensor)\])"
    r"|(?P<nothing>\d+|\[(?:nomor|nama|email disensor|\*+)\])"
)
_AFTER_SHORTENED = frozenset({".", ". "})  # "kec. X" is a name; after "di desa." begins another sentence


def _plain(lowered: str) -> list[tuple[str, int, int]]:
    """Return the plain words of a text in lower case, each with its place there."""
    if any(sign in lowered for sign in _SIGNS_OF_ADDRESSEE):
        lowered = _ADDRESSEE.sub(_gap, lowered)
    if any(sign in lowered for sign in _SIGNS_OF_LINK):
        lowered = _LINK.sub(_gap, lowered)
    found: list[tuple[str, int, int]] = []
    before: re.Match[str] | None = None  # the word before, where it is one that a name follows
    for match in _TOKEN.finditer(lowered):
        group, token = match.lastgroup, match.group()
        if group is None or group == "nothing":
            before = None
            continue
        start, end = match.span()
        if group != "word":
            found.append((group, start, end))
            before = None
            continue
        forms = _forms(token[:_LONGEST_WORD])
        if before is not None and _is_name(forms):
            gap = lowered[before.end() : start]
            if gap == " " or (gap in _AFTER_SHORTENED and before.group() not in _LEXICON.places):
                before = None
                continue
        before = match if forms[-1] in _LEXICON.places else None
        found += [(form, start, end) for form in forms]
    return _without_courtesy(found)


def _without_courtesy(found: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """Return the words that are neither part of a phrase of courtesy nor dropped, nor repeat the one before."""
    forms = [form for form, _, _ in found]
    kept: list[tuple[str, int, int]] = []
    place, last = 0, ""
    while place < len(forms):
        form = forms[place]
        for rest in _LEXICON.frames.get(form, ()):
            if tuple(forms[place + 1 : place + 1 + len(rest)]) == rest:
                place += len(rest)
                break
        else:
            if form not in _LEXICON.drop and form != last:
                kept.append(found[place])
                last = form
        place += 1
    return kept


# 4. One word.

_LONG_LETTER = re.compile(r"(?<=.)(.)\1{2,}")
_LAST_TWICE = re.compile(r"(.)\1$")
_PARTICLE = re.compile(r"(?<=...)(?:ny[ao])$|(?<=....)(?:lah|kah|pun)$")
# Possessives, and what Javanese (-e, -ne), Makassar (-mi, -ji, ...) and Sundanese (-na) hang on a word.
_SHORT_ENDING = re.compile(r"(?<=...)(?:ku|mu|n?e|mi|ji|pi|mo|ki|ta|na)$")
_VERB = re.compile(r"me|di|ber|ter|(?:ke|pe|se).*(?:an|nya)$")


@lru_cache(maxsize=2**14)
def _forms(token: str) -> tuple[str, ...]:
    """Return the plain words that one spelling stands for."""
    # "rusaaaak" is "rusak"; a doubled letter ("maaf", "saat") is spelling and stays, and so does "pppk".
    word = _LONG_LETTER.sub(r"\1", token)
    meaning = _LEXICON.spellings.get(word)
    if meaning is not None:
        return meaning
    if word in _LEXICON.known:
        return (word,)
    if "-" in word:
        forms = tuple(form for part in word.split("-") if part for form in _forms(part))
        return forms[:1] if len(forms) == 2 and forms[0].endswith(forms[1]) else forms  # berkali-kali
    if "'" in word:
        return _forms(word.replace("'", ""))
    if "2" in word:
        return _forms(word.partition("2")[0])  # jalan2, anak2nya
    if word[:2] in ("di", "ke") and len(word) > 3:
        rest = _forms(word[2:])
        if rest[0] in _LEXICON.where:
            return (word[:2], *rest)  # dijalan, kekantor
    if _PARTICLE.search(word):
        stem = _PARTICLE.sub("", word)
        if stem.endswith("aa") or (stem not in _LEXICON.known and stem + "n" in _LEXICON.stems):
            return (stem + "n",)  # pertanyaanya, bantuanya
        return _forms(stem)
    stem = _SHORT_ENDING.sub("", word)
    if stem != word and stem in _LEXICON.stems:
        return (stem,)
    if len(word) > 4 and _LAST_TWICE.search(word):
        return _forms(word[:-1])
    return (word,)


def _is_name(forms: tuple[str, ...]) -> bool:
    """Tell whether a word after "desa" is a name: no word that we know, and none that looks like a verb."""
    return not any(len(form) < 4 or form in _LEXICON.known or _VERB.match(form) for form in forms)
