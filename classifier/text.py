"""A citizen's words made plain for the model: one case, one spacing, no numbers, no addressee."""

import re
import unicodedata

LIMIT = 4000
"""Characters of a text that are read; a report that has not said what it is about by then will not say it later."""

TITLE_LIMIT = 300

# Control characters other than tab and newline, and lone surrogates, which no encoder accepts.
_UNREADABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")

_OFFICE = (
    r"admin|badan|balai|bank|biro|bkd|bpjs|bpn|bupati|camat|dinas|dinkes|direksi|direktur|disdik|dishub|disdukcapil|dlh|"
    r"dprd?|dukcapil|gubernur|imigrasi|instansi|jajaran|kadis|kadinkes|kantor|kapolda|kapolres|kapolri|kecamatan|"
    r"kelurahan|kemen\w*|kepala|ketua|komisi|lurah|menteri|pdam|pejabat|pemda|pemerintah|pemkab|pemkot|pemprov|pengelola|"
    r"petugas|pihak|pimpinan|pln|polda|polisi|polres|presiden|pt|satpol|sekda|sekretaris|tim|wakil|wali ?kota"
)
_BEGINNING = (
    r"ada|bagaimana|dengan|di|dimohon|ijin|ingin|izin|jalan|kami|kapan|kenapa|mau|melalui|mengapa|mohon|perihal|saya|sy|"
    r"terkait|tolong"
)
# "Yth. Kepala Dinas ...," names the office that a report was sent to: a label, not a matter. In the training texts
# it would teach the model to read the address instead of the trouble. What follows the address must stay, also
# where nobody wrote a comma: so the cut needs an office's name and ends at a stop or at a word that opens a sentence.
_ADDRESSEE = re.compile(
    r"(?:\b(?:kepada|kpd)\b[ .,:]{0,4})?\b(?:yth|ytk|y(?:an)?g terhormat)\b[\s.,:]{0,4}"
    r"(?:(?:bapak|bpk|ibu|pak|bu)\b[ ./]{0,3}){0,3}"
    rf"(?:\b(?:{_OFFICE})\b[^.,;:!?\n]{{0,80}}?(?=[.,;:!?\n]|$|\b(?:{_BEGINNING})\b))?"
)

# The training texts arrive with masks; a living text must arrive at the same words.
_MASKS = {"[nik]": " nomornik ", "[telp]": " nomortelepon ", "[nomor]": " 0 ", "[nama]": " "}
_STARS = re.compile(r"\[\*+\]")
_LINK = re.compile(r"https?://\S+|www\.\S+|[^\s@]{1,64}@[^\s@]{1,255}")
_IDENTITY_NUMBER = re.compile(r"(?<!\d)\d{16}(?!\d)")
_PHONE = re.compile(r"(?<!\d)(?:\+?62[ -]?|0)8\d[\d -]{5,11}\d(?!\d)")
_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")
_LONG_LETTER = re.compile(r"([^\W\d_])\1{2,}")
_SPACES = re.compile(r"[^\S\n]+")


def normalise(text: str, title: str = "") -> str:
    """Return title and text as one lower-case line of at most LIMIT characters; any str is accepted."""
    raw = _UNREADABLE.sub(" ", f"{title[:TITLE_LIMIT]}\n{text[:LIMIT]}")
    # One character can unfold to eighteen, hence the second cut.
    plain = _SPACES.sub(" ", unicodedata.normalize("NFKC", raw)[:LIMIT].lower())
    plain = _ADDRESSEE.sub(" ", plain)
    for mask, word in _MASKS.items():
        plain = plain.replace(mask, word)
    plain = _STARS.sub(" 0 ", plain)
    plain = _LINK.sub(" tautan ", plain)
    plain = _IDENTITY_NUMBER.sub(" nomornik ", plain)
    plain = _PHONE.sub(" nomortelepon ", plain)
    plain = _NUMBER.sub(" 0 ", plain)
    # "rusaaaak" is "rusak"; a doubled letter ("maaf", "saat") is spelling and stays.
    plain = _LONG_LETTER.sub(r"\1", plain)
    return " ".join(plain.split())[:LIMIT]
