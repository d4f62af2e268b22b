"""Personal data in a text: where it stands, and the text with marks in its place.

What is found are numbers that lead to one person: NIK, family card (KK), telephone, e-mail, vehicle plate, bank
account, NPWP, and other identity numbers (NIP, BPJS, passport, any other sixteen digits). What is not: ticket and
letter numbers, regulations, prices, dates, places on earth. Meter and customer numbers (PLN, PDAM) stay too: the
agency cannot help without them, and nobody else finds a person by them. Names are not looked for.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from stdnum.id import nik

MARKS = {
    "nik": "[NIK]",
    "kk": "[NO KK]",
    "phone": "[TELP]",
    "email": "[EMAIL]",
    "plate": "[PLAT]",
    "account": "[REKENING]",
    "npwp": "[NPWP]",
    "identity": "[NOMOR]",
}
"""What stands in a masked text, by kind. Officers read it, hence in the terms they know."""


@dataclass(frozen=True, slots=True)
class Found:
    """Personal data of a kind (a key of MARKS), from start to before end of the text."""

    kind: str
    start: int
    end: int


def personal(text: str) -> tuple[Found, ...]:
    """Return the personal data in a text, in order and without overlap. Accepts any str; never raises.

    All of the text is read, however long (in linear time): what was not read would be published unread.
    """
    if not _ANY.search(text):
        return ()
    taken: list[Found] = []
    for finder in _FINDERS:
        taken = _added(taken, finder(text))
    return tuple(found for found in taken if found.kind != _SPARED)


def mask(text: str) -> str:
    """Return the text with a mark of the same kind in place of each personal datum; the rest stays as it is."""
    parts: list[str] = []
    end = 0
    for found in personal(text):
        parts += (text[end : found.start], MARKS[found.kind])
        end = found.end
    return "".join((*parts, text[end:]))


def _added(taken: list[Found], fresh: Iterator[Found]) -> list[Found]:
    """Return both in order; a fresh one that overlaps one taken before is left out."""
    ends = [found.end for found in taken]
    free = []
    for found in fresh:
        # The first taken one that ends after the fresh one begins is the only one that it can meet first.
        place = bisect_right(ends, found.start)
        if place == len(taken) or found.end <= taken[place].start:
            free.append(found)
    return sorted([*taken, *free], key=lambda found: found.start) if free else taken


_SPARED = "spared"
_ANY = re.compile(r"[\d@]")

# Numbers that only look like personal ones: tickets of this channel's shape, sums, places on earth, customer numbers.
_NOT_PERSONAL = re.compile(
    r"(?<![\w-])[A-Z]{1,3}-\d{3}-\d{3}-\d{4}(?![\w-])"
    r"|(?i:\brp)[ .]{0,2}\d[\d.,]{0,30}"
    r"|(?<![\d.])-?\d{1,3}[.,]\d{4,15}(?!\d)"
    r"|(?i:\b(?:id ?pel(?:anggan)?|no(?:mor)?\.? (?:meter\w{0,3}|pelanggan|tiket|resi|laporan|surat|seri|token|va)"
    r"|meteran|resi|tiket|token))"
    r"[ .:=]{0,4}[A-Z]{0,3}\d[\d -]{5,24}"
)

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}(?<![._-])")

# Sixteen digits, also written in groups.
_SIXTEEN = re.compile(r"(?<!\d)(?<!\d[.,])(?:\d[ .\u00a0-]?){15}\d(?![.,]?\d)")
_USUAL_GROUPS = re.compile(
    r"\d{16}|(?:\d{4}\D){3}\d{4}|\d{6}\D\d{6}\D\d{4}|(?:\d{2}\D){3}\d{6}\D\d{4}|(?:\d{2}\D){6}\d{4}"
)
_SAYS_KK = re.compile(r"(?i)\b(?:no(?:mor)?\.? ?)?(?:kk|kartu keluarga)\b[^\d\n]{0,12}$")
_SAYS_ACCOUNT = re.compile(
    r"(?i)\b(?:rek|rekening|norek|atm|kartu (?:kredit|debit)|va|virtual account)\b[^\d\n]{0,24}$"
)
_SAYS_NIK = re.compile(r"(?i)\b(?:nik|e-?ktp|ktp)\b[^\d\n]{0,24}$")
_DIGITS_ONLY = re.compile(r"\D")
_SAYS_NPWP = re.compile(r"(?i)\bnpwp\b[^\d\n]{0,12}$")
_BEFORE = 48

_NPWP = re.compile(r"(?<!\d)\d{2}\.\d{3}\.\d{3}\.\d[-.]\d{3}\.\d{3}(?!\d)")
_NPWP_SAID = re.compile(r"(?i)\bnpwp\b[^\d\n]{0,12}(\d(?:[ .-]?\d){14})(?!\d)")
_NIP = re.compile(r"(?<!\d)(?:19|20)\d{6} ?(?:19|20)\d{4} ?[12] ?\d{3}(?!\d)")
_IDENTITY_SAID = re.compile(
    r"(?i)\b(?:nip|bpjs|jkn|kis|kpj|nuptk|nisn|nrp|no(?:mor)? peserta|no(?:mor)? kartu)\b[^\d\n]{0,16}"
    r"(\d(?:[ .-]?\d){8,17})(?!\d)"
)
_PASSPORT_SAID = re.compile(r"(?i)\b(?:paspor|passport|pasport)\b[^\d\n]{0,14}?([A-Z]{1,2} ?\d{6,7})(?!\w)")

# A mobile number opens with 081, 082, 083, 085 to 089; the first three digits stand together, so that "17-08-1990"
# and "08.00-16.00" stay what they are.
_MOBILE = re.compile(r"(?<!\d)(?<!\d[.,])(?:\(?(?:\+ ?)?62\)?[ .-]?|0)8[1-35-9](?:[ .\u00a0-]{0,2}\d){6,10}(?!\d)")
_LANDLINE = re.compile(
    r"(?<!\d)(?<!\d[.,/-])"
    r"(?:\(0\d{2,3}\)[ .-]{0,2}|0(?:2[1249]|31|61)[ -]{1,2}|0[2-9]\d{2}[ -]{1,2}|\+62[ -]?[2-9]\d{1,2}[ -]?)"
    r"\d{3}(?:[ -]?\d){2,5}(?![/.,-]?\d)"
)
_PHONE_SAID = re.compile(
    r"(?i)\b(?:hp|wa|whatsapp|telp|tlp|telepon|telpon|tlpn|no ?hp|nomor hp|handphone|fax|sms|call)\b[^\d\n]{0,12}"
    r"(\+?\d(?:[ .-]?\d){7,13})(?!\d)"
)

_ACCOUNT_SAID = re.compile(
    r"(?i)\b(rek|rekening|norek|no\.? ?rek|bri|bca|bni|btn|bsi|bsb|mandiri|cimb|bank \w{2,20}|gopay|ovo|shopeepay)\b"
    r"([^\d\n]{0,24}?)(\d(?:[ .-]?\d){8,17})(?![.,]?\d)"
)
_MONEY = re.compile(r"(?i)\b(?:rp|sebesar|senilai|saldo|uang|sejumlah|nominal|tanggal|tgl)\b")
_SUM = re.compile(r"\d{1,3}(?:\.\d{3})+")
_DATE = re.compile(r"\d{1,2}[ .-]\d{1,2}[ .-]\d{4}\b.*")

# The letters of all registration areas; RI, CC and CD are offices, not people.
_AREAS = (
    "AA|AB|AD|AE|AG|BA|BB|BD|BE|BG|BH|BK|BL|BM|BN|BP|DA|DB|DC|DD|DE|DG|DH|DK|DL|DM|DN|DP|DR|DS|DT|DW|EA|EB|ED|KB|KH|KT|KU|"
    "PA|PB|PE|PG|PS|A|B|D|E|F|G|H|K|L|M|N|P|R|S|T|W|Z"
)
_PLATE = re.compile(rf"(?<![\w./-])((?:{_AREAS}))[ .-]?(\d{{1,4}})[ .-]?([A-Z]{{1,3}})(?!\w)", re.IGNORECASE)
_SAYS_PLATE = re.compile(
    r"(?i)\b(?:plat|pelat|plate|nopol|no\.? ?pol|bernopol|nomor polisi|no\.? ?polisi|nomor kendaraan|bernomor polisi)\b"
    r"[^\n]{0,20}$"
)
_SAYS_ADDRESS = re.compile(
    r"(?i)\b(?:blok|block|blk|jl|jln|jalan|gang|gg|no|nomor|nomer|kav|kavling|km|rt|rw|lantai|tipe|type|kelas|ruang|uu|pasal|"
    r"perum|komplek|rumah|unit|kamar|sd|smp|sma|smk|tower|gedung|lorong|lrg|kode|seri)[ .:]{0,3}$"
)
_NO_ENDING = frozenset(
    """
    rt rw th thn tahun kg km m cm mm ml jt rb juta kw mw va v w wib wita am pm dan di ke ini itu yg dr dg an org
    oz gr ha l rp no tgl hr ltr kk pcs
    """.split()
)


def _spared(text: str) -> Iterator[Found]:
    for match in _NOT_PERSONAL.finditer(text):
        yield Found(_SPARED, *match.span())


def _sixteen(text: str) -> Iterator[Found]:
    for match in _SIXTEEN.finditer(text):
        before = text[max(0, match.start() - _BEFORE) : match.start()]
        usual = _USUAL_GROUPS.fullmatch(match[0])
        if _SAYS_KK.search(before):
            kind = "kk"
        elif _SAYS_ACCOUNT.search(before):
            kind = "account"
        elif _SAYS_NPWP.search(before):
            kind = "npwp"
        elif _SAYS_NIK.search(before):
            kind = "nik"
        elif usual:
            # Whoever mistypes an own NIK did not mean to publish fifteen digits of it.
            kind = "nik" if nik.is_valid(_DIGITS_ONLY.sub("", match[0])) else "identity"
        else:
            continue
        yield Found(kind, *match.span())


def _whole(kind: str, pattern: re.Pattern[str]) -> Callable[[str], Iterator[Found]]:
    """Return a finder of all that fits: all of it, or what is in the pattern's last group."""

    def find(text: str) -> Iterator[Found]:
        for match in pattern.finditer(text):
            yield Found(kind, *match.span(pattern.groups))

    return find


def _accounts(text: str) -> Iterator[Found]:
    for match in _ACCOUNT_SAID.finditer(text):
        if not (_MONEY.search(match[2]) or _SUM.fullmatch(match[3]) or _DATE.match(match[3])):
            yield Found("account", *match.span(3))


def _plates(text: str) -> Iterator[Found]:
    for match in _PLATE.finditer(text):
        area, number, ending = match.groups()
        before = text[max(0, match.start() - _BEFORE) : match.start()]
        if _SAYS_PLATE.search(before):
            yield Found("plate", *match.span())
            continue
        if ending.casefold() in _NO_ENDING or _SAYS_ADDRESS.search(before):
            continue
        # Without the word "plat" a plate must look like one: "A 12 B" is a house, and in small letters much else is.
        upper = area.isupper() and ending.isupper() and len(number) > 2
        sure = len(number) == 4 and len(area) == 2 and len(ending) > 1 and number[:2] not in ("19", "20")
        if upper or sure:
            yield Found("plate", *match.span())


_FINDERS = (
    _whole("email", _EMAIL),
    _sixteen,
    _whole("npwp", _NPWP),
    _whole("npwp", _NPWP_SAID),
    _whole("identity", _NIP),
    _spared,
    _whole("identity", _PASSPORT_SAID),
    _whole("phone", _MOBILE),
    _whole("identity", _IDENTITY_SAID),
    _accounts,
    _whole("phone", _LANDLINE),
    _whole("phone", _PHONE_SAID),
    _plates,
)
"""From the surest to the least sure: what one of them took, the next ones leave."""
