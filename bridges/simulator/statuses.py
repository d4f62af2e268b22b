"""What an officer of SP4N may do with a report of which status, and what it becomes by it.

The names are SP4N's own. A report that is closed, archived or blocked stays so.
"""

from __future__ import annotations

from dataclasses import dataclass

UNVERIFIED = "Belum Terverifikasi"
INCOMPLETE = "Menunggu Kelengkapan Informasi"
# What stands in a report's row; SP4N shows it with the unit behind it.
DISPOSED = "Terdisposisi"
FOLLOWED_UP = "Ditindaklanjuti oleh Instansi"
REPLIED = "Ditanggapi oleh Pelapor"
COUNTDOWN = "Selesai otomatis dalam 10 hari"
CLOSED_BY_SYSTEM = "Ditutup oleh Sistem"
CLOSED_BY_ADMIN = "Ditutup oleh Admin"
CLOSED_BY_REPORTER = "Ditutup oleh Pelapor"
ARCHIVED_BY_SYSTEM = "Diarsipkan oleh Sistem"
ARCHIVED_BY_ADMIN = "Diarsipkan oleh Admin"
ARCHIVED_BY_REPORTER = "Diarsipkan oleh Pelapor"
BLOCKED = "Konten Terblokir"

OPEN = (UNVERIFIED, INCOMPLETE, DISPOSED, FOLLOWED_UP, REPLIED, COUNTDOWN)
ENDED = (
    CLOSED_BY_SYSTEM,
    CLOSED_BY_ADMIN,
    CLOSED_BY_REPORTER,
    ARCHIVED_BY_SYSTEM,
    ARCHIVED_BY_ADMIN,
    ARCHIVED_BY_REPORTER,
    BLOCKED,
)
# Something was said to the pelapor, and whoever is silent long enough after it is taken to be content.
CLOSES_SILENTLY = (FOLLOWED_UP, REPLIED, COUNTDOWN)


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that an officer does: its name in addresses, on the button, the statuses in which it can be done and
    the one that it leads to. `says`: it comes with words for the pelapor; `names_unit`: with an institution."""

    name: str
    label: str
    becomes: str
    of: tuple[str, ...]
    says: bool = False
    names_unit: bool = False


DEEDS = {
    each.name: each
    for each in (
        Deed("verifikasi", "Verifikasi", UNVERIFIED, (UNVERIFIED,)),
        Deed(
            "disposisi", "Disposisikan", DISPOSED, (UNVERIFIED, DISPOSED, FOLLOWED_UP, REPLIED, COUNTDOWN), False, True
        ),
        Deed("tunda", "Tunda", INCOMPLETE, (UNVERIFIED, DISPOSED), True),
        Deed("jawab", "Jawab", FOLLOWED_UP, (UNVERIFIED, DISPOSED, FOLLOWED_UP, REPLIED, COUNTDOWN), True),
        Deed("selesai", "Jawab dan nyatakan selesai", COUNTDOWN, (DISPOSED, FOLLOWED_UP, REPLIED), True),
        Deed("bukan-wewenang", "Bukan wewenang", UNVERIFIED, (DISPOSED, FOLLOWED_UP, REPLIED, COUNTDOWN), True),
        Deed("arsip", "Arsipkan", ARCHIVED_BY_ADMIN, (UNVERIFIED, INCOMPLETE, DISPOSED, FOLLOWED_UP, REPLIED), True),
        Deed("blokir", "Blokir isi", BLOCKED, (UNVERIFIED, INCOMPLETE, DISPOSED, FOLLOWED_UP, REPLIED)),
        Deed("tutup", "Tutup", CLOSED_BY_ADMIN, (DISPOSED, FOLLOWED_UP, REPLIED, COUNTDOWN)),
    )
}


def after_reply(status: str) -> str:
    """What the words of the pelapor make of an open report."""
    if status == INCOMPLETE:
        return UNVERIFIED
    return REPLIED if status in CLOSES_SILENTLY else status


def after_leaving(status: str) -> str:
    """What it becomes when the pelapor wants no more of it: closed once somebody has dealt with it, else archived."""
    return CLOSED_BY_REPORTER if status in (DISPOSED, *CLOSES_SILENTLY) else ARCHIVED_BY_REPORTER
