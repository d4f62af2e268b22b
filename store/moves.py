"""The statuses of SP4N-LAPOR!, by their own names, and which may follow which.

The names are what SP4N's exports print (domain specification 2.6). Archived is not finished; a status
that is closed stays closed: what comes after is a new complaint that cites the old one.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Status:
    """One status: its name in SP4N, the key of its words for citizens, and whether it ends the matter."""

    name: str
    key: str
    ends: bool = False


STATUSES: tuple[Status, ...] = (
    Status("Belum Terverifikasi", "belum_terverifikasi"),
    Status("Menunggu Kelengkapan Informasi", "menunggu_kelengkapan"),
    Status("Terdisposisi", "terdisposisi"),
    Status("Ditindaklanjuti oleh Instansi", "ditindaklanjuti"),
    Status("Ditanggapi oleh Pelapor", "ditanggapi"),
    Status("Selesai otomatis dalam 10 hari", "selesai_otomatis"),
    Status("Ditutup oleh Sistem", "ditutup_sistem", ends=True),
    Status("Ditutup oleh Admin", "ditutup_admin", ends=True),
    Status("Ditutup oleh Pelapor", "ditutup_pelapor", ends=True),
    Status("Diarsipkan oleh Admin", "diarsipkan_admin", ends=True),
    Status("Diarsipkan oleh Sistem", "diarsipkan_sistem", ends=True),
    Status("Diarsipkan oleh Pelapor", "diarsipkan_pelapor", ends=True),
    Status("Konten Terblokir", "konten_terblokir", ends=True),
)
FIRST = STATUSES[0].name
# An agency has it, and has not answered.
DISPOSED = STATUSES[2].name
# An office waits for the pelapor.
WAITING = STATUSES[1].name
ENDED = tuple(status.name for status in STATUSES if status.ends)
# An office has answered; what it answered is in the history row that led here.
ANSWERS = ("Ditindaklanjuti oleh Instansi", "Selesai otomatis dalam 10 hari")

_UNVERIFIED = ("Belum Terverifikasi", "Menunggu Kelengkapan Informasi")
_HANDLED = (
    "Terdisposisi",
    "Ditindaklanjuti oleh Instansi",
    "Ditanggapi oleh Pelapor",
    "Selesai otomatis dalam 10 hari",
)
_ARCHIVES = ("Diarsipkan oleh Admin", "Diarsipkan oleh Sistem", "Diarsipkan oleh Pelapor", "Konten Terblokir")
_CLOSES = ("Ditutup oleh Sistem", "Ditutup oleh Admin", "Ditutup oleh Pelapor")

# From each status, what it may become. An office may answer without a disposition ("Kelola").
MOVES: dict[str, tuple[str, ...]] = {
    "Belum Terverifikasi": (
        "Menunggu Kelengkapan Informasi",
        "Terdisposisi",
        "Ditindaklanjuti oleh Instansi",
        *_ARCHIVES,
    ),
    "Menunggu Kelengkapan Informasi": (
        "Belum Terverifikasi",
        "Terdisposisi",
        "Ditindaklanjuti oleh Instansi",
        *_ARCHIVES,
    ),
    # "Bukan wewenang" sends it back to be verified again.
    "Terdisposisi": (*_UNVERIFIED, *_HANDLED, *_ARCHIVES, "Ditutup oleh Admin", "Ditutup oleh Pelapor"),
    "Ditindaklanjuti oleh Instansi": (*_UNVERIFIED, *_HANDLED, *_CLOSES, *_ARCHIVES),
    "Ditanggapi oleh Pelapor": (*_UNVERIFIED, *_HANDLED, *_CLOSES, *_ARCHIVES),
    "Selesai otomatis dalam 10 hari": (
        "Belum Terverifikasi",
        "Terdisposisi",
        "Ditindaklanjuti oleh Instansi",
        "Ditanggapi oleh Pelapor",
        "Diarsipkan oleh Pelapor",
        *_CLOSES,
    ),
}

# What the pelapor's words make of a status; with any other they are words and change nothing.
AFTER_REPLY = {
    "Menunggu Kelengkapan Informasi": "Belum Terverifikasi",
    "Ditindaklanjuti oleh Instansi": "Ditanggapi oleh Pelapor",
    "Selesai otomatis dalam 10 hari": "Ditanggapi oleh Pelapor",
}
# What the pelapor's verbs make of any status that they are allowed in.
DISPUTED, CONFIRMED, WITHDRAWN = "Ditanggapi oleh Pelapor", "Ditutup oleh Pelapor", "Diarsipkan oleh Pelapor"

# How SP4N writes which unit has it, in small letters.
_TO_A_UNIT = "terdisposisi ke "
_BY_NAME = {status.name.casefold(): status for status in STATUSES}


def read(name: str) -> Status | None:
    """The status of that name, however it is capitalised; SP4N writes "Terdisposisi ke <unit>" and "... (tunda)"."""
    plain = " ".join(name.split()).casefold().removesuffix(" (tunda)")
    return _BY_NAME.get(DISPOSED.casefold() if plain.startswith(_TO_A_UNIT) else plain)


def unit_of(name: str | None) -> str | None:
    """The unit that a status names ("Terdisposisi ke Dinas Perhubungan"); None where it names none."""
    words = " ".join((name or "").split())
    return words[len(_TO_A_UNIT) :] or None if words.casefold().startswith(_TO_A_UNIT) else None


def key(name: str) -> str:
    """The key of a stored status's words."""
    return _BY_NAME[name.casefold()].key


def allowed(now: str) -> tuple[str, ...]:
    """What a complaint of this status may become; nothing once it has ended."""
    return MOVES.get(now, ())


def acts(now: str, role: str, *, answered: bool) -> tuple[str, ...]:
    """What a citizen of this role may do with a complaint of this status: reply, resolved, unresolved, wrong_agency,
    rate, withdraw; a pengikut may only unfollow. `answered`: an office has answered it at some time.

    Only the pelapor disposes of a report, and only of an answer can it be said that it helped or did not.
    """
    if role != "pelapor":
        return ("unfollow",) if role == "pengikut" else ()
    possible = {
        "reply": True,
        "resolved": answered and CONFIRMED in allowed(now),
        "unresolved": answered and DISPUTED in allowed(now),
        "wrong_agency": now not in ENDED,
        "rate": answered or now in ENDED,
        "withdraw": WITHDRAWN in allowed(now),
    }
    return tuple(act for act, may in possible.items() if may)
