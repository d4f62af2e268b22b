"""THE DIALOGUE, as data: what is asked, in which order, by whom it is read, and when it is needed.

The engine (`dialogue.py`) asks the first question that is needed and not answered. To change the
conversation, change this file and `texts/`; an old conversation that waits for a question which is
gone resumes with the next one that is needed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot import answers
from bot.conversation import Draft

# Below this confidence the class is asked instead of taken from the text. On a year that the model had not seen, the
# class was right in 94 of 100 reports from here on (the model is less sure of classes than it may be), and the summary
# shows it before anything is filed.
CLASS_SURE = 0.65
# Below this confidence the report goes to the Kominfo, which sorts it by hand. The confidence is calibrated: of all
# reports at 0.35 the function is right in 35 of 100. That is enough for a first address, because an operator looks at
# every report and corrects it with one call, whereas a report at the Kominfo must always be sorted. It is not enough
# for a promise: without "an officer will make sure" an agency is named only in the band "auto", where the threshold is
# fitted so that the function is right in 95 of 100.
FUNCTION_SURE = 0.35
# After so many refusals a question is left open for the operator: nobody is held up by a form.
TRIES = 2
# What SP4N-LAPOR! takes of a text; longer ones are kept in full and the citizen is told.
SP4N_TEXT = 3000


@dataclass(frozen=True, slots=True)
class Question:
    """One question. `choices` are its buttons (text `choice.<name>.<choice>`); `skippable` adds a way past
    it; `early` says that its words count as an answer at any time, `free` that almost any words could be one."""

    name: str
    read: Callable[[str, answers.Locate], Any]
    choices: tuple[str, ...] = ()
    skippable: bool = False
    early: bool = False
    free: bool = False
    needed: Callable[[Draft], bool] = lambda _draft: True


def _is_complaint(draft: Draft) -> bool:
    return draft.value("class") in {None, "pengaduan"}


def _region_unknown(draft: Draft) -> bool:
    place = draft.value("place")
    return not (place and place.get("region"))


CLASSES = {
    "pengaduan": "pengaduan",
    "aduan": "pengaduan",
    "keluhan": "pengaduan",
    "complaint": "pengaduan",
    "aspirasi": "aspirasi",
    "usul": "aspirasi",
    "usulan": "aspirasi",
    "saran": "aspirasi",
    "proposal": "aspirasi",
    "permintaan informasi": "permintaan_informasi",
    "informasi": "permintaan_informasi",
    "pertanyaan": "permintaan_informasi",
    "tanya": "permintaan_informasi",
    "question": "permintaan_informasi",
    "1": "pengaduan",
    "2": "aspirasi",
    "3": "permintaan_informasi",
}
# The two flags are independent of each other; one question asks for both.
PRIVACY = {
    "open": {"anonymous": False, "secret": False},
    "anonymous": {"anonymous": True, "secret": False},
    "secret": {"anonymous": False, "secret": True},
    "both": {"anonymous": True, "secret": True},
}
PRIVACY_WORDS = {
    "anonim": "anonymous",
    "anonim aja": "anonymous",
    "anonim saja": "anonymous",
    "anonymous": "anonymous",
    "rahasia": "secret",
    "rahasia aja": "secret",
    "rahasia saja": "secret",
    "secret": "secret",
    "dua-duanya": "both",
    "dua duanya": "both",
    "duanya": "both",
    "keduanya": "both",
    "anonim dan rahasia": "both",
    "both": "both",
    "terbuka": "open",
    "biasa": "open",
    "biasa saja": "open",
    "open": "open",
    "tidak": "open",
    "tidak usah": "open",
    "tidak perlu": "open",
    "dak usah": "open",
    "gak usah": "open",
    "no": "open",
    "1": "open",
    "2": "anonymous",
    "3": "secret",
    "4": "both",
}
CONFIRM_WORDS = {
    **dict.fromkeys(answers.YES, "send"),
    "1": "send",
    "ubah": "change",
    "ganti": "change",
    "ada yang salah": "change",
    "salah": "change",
    "change": "change",
    "tidak": "change",
    "2": "change",
    "3": "cancel",
}
# What can be changed on the summary, and the words for it.
CHANGEABLE = {
    "isi": "story",
    "laporan": "story",
    "story": "story",
    "tempat": "place",
    "lokasi": "place",
    "place": "place",
    "waktu": "time",
    "time": "time",
    "jenis": "class",
    "type": "class",
    "foto": "photos",
    "photos": "photos",
    "privasi": "privacy",
    "nama": "privacy",
    "privacy": "privacy",
}

SCRIPT: tuple[Question, ...] = (
    Question("story", answers.story),
    Question("place", answers.place, skippable=True, free=True),
    Question("region", answers.region, skippable=True, free=True, needed=_region_unknown),
    Question(
        "class", answers.choice(CLASSES), choices=("pengaduan", "aspirasi", "permintaan_informasi"), skippable=False
    ),
    Question("time", answers.time, skippable=True, free=True, needed=_is_complaint),
    Question("photos", answers.photos, choices=("none",)),
    Question("privacy", answers.choice(PRIVACY_WORDS), choices=("open", "anonymous", "secret", "both"), early=True),
    Question("confirm", answers.confirmation(CONFIRM_WORDS), choices=("send", "change", "cancel")),
)
# Asked only when the citizen wants to change something: never needed by itself.
WHICH = Question("which", answers.choice(CHANGEABLE), choices=("story", "place", "time", "class", "photos", "privacy"))

QUESTIONS: dict[str, Question] = {question.name: question for question in (*SCRIPT, WHICH)}

# Words that work at any time, in the middle of any question.
COMMANDS: dict[str, str] = {
    "/start": "start",
    "mulai": "start",
    "/mulai": "start",
    "status": "status",
    "/status": "status",
    "cek status": "status",
    "batal": "cancel",
    "/batal": "cancel",
    "cancel": "cancel",
    "batalkan": "cancel",
    **{f"{no} jadi": "cancel" for no in ("tidak", "gak", "ga", "nggak", "dak", "tak")},
    "bantuan": "help",
    "/bantuan": "help",
    "/help": "help",
    "help": "help",
    "menu": "help",
    "bantu petugas": "human",
    "/petugas": "human",
    "/bantu_petugas": "human",
    "hubungi petugas": "human",
    "bicara dengan petugas": "human",
    "bicara dengan manusia": "human",
    "saya ingin bicara dengan manusia": "human",
    "hubungi admin": "human",
    "bahasa": "indonesian",
    "/bahasa": "indonesian",
    "bahasa indonesia": "indonesian",
    "english": "english",
    "/english": "english",
}
# The same as "status", in a citizen's own words; and a ticket number by itself.
ASKS_STATUS = re.compile(
    r"(?:(?:cek|lihat|gimana|bagaimana|mana)\s+)?(?:status|perkembangan)"
    r"(?:\s+(?:laporan|aduan|pengaduan|saya|sy|aku|ku|nya|pak|bu|min))*"
)
TICKET = re.compile(r"t?[\s.-]*\d{3}[\s.-]*\d{3}[\s.-]*\d{4}")
