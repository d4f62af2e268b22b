"""THE DIALOGUE, as data: what is asked, in which order, by whom it is read, and when it is needed.

The engine (`dialogue.py`) asks the first question that is needed and not answered. To change the
conversation, change this file and `texts/`; an old conversation that waits for a question which is
gone resumes with the next one that is needed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from bot import answers
from bot.conversation import Draft
from bot.lessons import CHOICES, LESSONS, WORDS

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


# Dangers that are done by somebody, or to oneself: nobody is asked for evidence of them, and silence is protected.
GRAVE = frozenset({"violence", "self_harm", "crime"})
# A sender who is faster than this is no reader any more: messages of a minute after which replies rest, and complaints
# of a day after which a person is asked to look. Nothing is refused or forgotten, and nobody is banned.
MESSAGES_A_MINUTE = 40
COMPLAINTS_A_DAY = 20
# So many characters of its title tell a report from others, on a button.
NAMED = 70
# After such a silence the draft is announced before the question is repeated; words of a chat that slept longer than
# a night may be about another matter.
RETURNS_AFTER = 6 * 3600.0
SLEPT = 16 * 3600.0
# A story of fewer words, of which nobody can tell whose matter it is, is asked for a little more, once.
TOO_SHORT = 4


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to answer with a tap: what the tap sends, the key of its label, and the label's parameters."""

    choice: str
    key: str
    params: Mapping[str, Any] = field(default_factory=dict)


def _no_params(_draft: Draft) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    `read` makes an answer of words or refuses them. `choices` are its buttons (text `choice.<name>.<choice>`), `offers`
    those that depend on the draft; `value` is the answer that a tapped choice stands for. `skippable` adds a way past
    it, labelled `past`; `free` says that almost any words could be an answer.
    `coaching`: it only makes a report better, and of all such questions one is asked at most. `default` is the choice
    that is meant by whoever just goes on telling. `words` is the key of its words, where they depend on the draft,
    `again` that of fewer words for whoever was just asked and has not answered.
    """

    name: str
    read: Callable[[str, answers.Locate, date], Any]
    choices: tuple[str, ...] = ()
    offers: Callable[[Draft], tuple[Choice, ...]] = lambda _draft: ()
    value: Callable[[str, Draft], Any] = lambda choice, _draft: choice
    skippable: bool = False
    past: str = "choice.skip"
    free: bool = False
    coaching: bool = False
    default: str | None = None
    needed: Callable[[Draft], bool] = lambda _draft: True
    words: Callable[[Draft], str] | None = None
    again: str | None = None
    params: Callable[[Draft], Mapping[str, Any]] = _no_params

    def choices_for(self, draft: Draft | None) -> tuple[Choice, ...]:
        """All that can be tapped, in order; the way past it comes last."""
        fixed = tuple(Choice(choice, f"choice.{self.name}.{choice}") for choice in self.choices)
        past = (Choice("skip", self.past),) if self.skippable else ()
        return (*(self.offers(draft) if draft else ()), *fixed, *past)


# --- what decides whether a question is needed -------------------------------------------------------


def _is_complaint(draft: Draft) -> bool:
    return draft.value("class") in {None, "pengaduan"}


def _photo_knows_the_place(draft: Draft) -> bool:
    """Whether a photo tells where it was taken, and nothing else does to the metre."""
    return bool(draft.context.get("photographed")) and (draft.value("place") or {}).get("latitude") is None


def _region_unknown(draft: Draft) -> bool:
    place = draft.value("place")
    return not (place and place.get("region"))


def _danger(draft: Draft) -> str:
    return str((draft.suggestion or {}).get("danger") or "")


def _in_danger(draft: Draft) -> bool:
    return bool(_danger(draft))


def _is_sensitive(draft: Draft) -> bool:
    suggestion = draft.suggestion or {}
    return suggestion.get("danger") in GRAVE or bool(suggestion.get("sensitive"))


def _is_delicate(draft: Draft) -> bool:
    """Whether a question that only makes the report better would be out of place."""
    return _in_danger(draft) or _is_sensitive(draft)


def _may_coach(name: str, draft: Draft) -> bool:
    return bool(draft.context.get("coached", name) == name)


# --- what is written for a resident ------------------------------------------------------------------


def is_assisted(draft: Draft) -> bool:
    """Whether this draft is written for a resident, by a volunteer or an officer at a counter (assisting.py)."""
    return bool(draft.context.get("assist"))


def consent_words(draft: Draft) -> Mapping[str, Any]:
    """The words that are read aloud before anything else, as a parameter of a text: what the resident agrees to."""
    assist = draft.context["assist"]
    return {
        "key": "assist.consent_counter" if assist.get("counter") else "assist.consent",
        "params": {"name": assist.get("by") or {"key": "none"}},
    }


def _assisted_words(name: str) -> Callable[[Draft], str]:
    """The key of a question that has words of its own to be read aloud to a resident."""
    return lambda draft: f"{name}_assisted" if is_assisted(draft) else name


def _agreed(draft: Draft) -> bool:
    return is_assisted(draft) and draft.value("consent") == "yes"


def _story_words(draft: Draft) -> str:
    if is_assisted(draft):
        return "story_letter" if draft.photos > draft.voices else "story_assisted"
    return "story_voice" if draft.voices else "story_photo" if draft.photos else "story"


def _instead_of_story(draft: Draft) -> tuple[Choice, ...]:
    """What may stand for the story: a voice note, or a photo of a resident's letter."""
    letter = is_assisted(draft) and draft.photos > draft.voices
    voice = (Choice("voice", "choice.story.voice"),) if draft.voices else ()
    return (*voice, Choice("letter", "choice.story.letter")) if letter else voice


def _privacy_words(draft: Draft) -> str:
    advised = "_advised" if _is_sensitive(draft) else ""
    return f"privacy_assisted{advised}" if is_assisted(draft) else f"privacy{advised}"


def must_be_warned(draft: Draft) -> bool:
    """Whether whoever assists is to be told that the subject is a sensitive one: once, when the resident has agreed."""
    return _agreed(draft) and _is_sensitive(draft) and not draft.context.get("warned")


def begun(draft: Draft) -> Mapping[str, Any]:
    """When a draft that is or may be a resident's was begun, as the parameter `when` of a text."""
    began = draft.context.get("began")
    return {"when": {"moment": began} if began else {"key": "unknown"}}


def _wants_name(draft: Draft) -> bool:
    return is_assisted(draft) and not privacy_of(draft)["anonymous"]


def _may_keep(draft: Draft) -> bool:
    return is_assisted(draft) and not draft.context["assist"].get("counter")


def _sent_by(draft: Draft) -> tuple[Choice, ...]:
    return (Choice("send", "choice.confirm.agreed" if is_assisted(draft) else "choice.confirm.send"),)


def _changes_of_assisted(draft: Draft) -> tuple[Choice, ...]:
    """What else can be changed of a draft that is written for a resident."""
    if not is_assisted(draft):
        return ()
    name = (Choice("resident", "choice.which.resident"),) if _wants_name(draft) else ()
    return (Choice("reach", "choice.which.reach"), *name)


def _wants_more(draft: Draft) -> bool:
    functions = (draft.suggestion or {}).get("functions") or []
    vague = not functions or functions[0][1] < FUNCTION_SURE
    return _may_coach("detail", draft) and bool(vague) and len(draft.story.split()) < TOO_SHORT and not draft.photos


def _wants_time(draft: Draft) -> bool:
    return _is_complaint(draft) and _may_coach("time", draft) and not _is_delicate(draft)


def _wants_photos(draft: Draft) -> bool:
    return _is_complaint(draft) and _may_coach("photos", draft) and not _is_delicate(draft)


def _time_in_doubt(draft: Draft) -> bool:
    return bool((draft.value("time") or {}).get("doubt"))


def _days(draft: Draft) -> tuple[Choice, ...]:
    days = (draft.value("time") or {}).get("days") or []
    return tuple(Choice(day, "choice.day.pick", {"day": {"date": day}}) for day in days)


def _regions_meant(draft: Draft) -> tuple[Choice, ...]:
    among = (draft.value("place") or {}).get("among") or []
    return tuple(Choice(code, "choice.region.pick", {"name": name}) for code, name in among[:5])


def _region_of(choice: str, draft: Draft) -> Any:
    names = dict((draft.value("place") or {}).get("among") or [])
    return {"region": choice, "name": names.get(choice, choice), "text": ""}


def may_have_neighbours(draft: Draft) -> bool:
    """Whether it makes sense to look at what others have reported: of a complaint in a known place, if that is no
    secret matter. What is written for residents is looked at always: nobody is asked to support anything, but texts
    that are alike are pointed out."""
    if is_assisted(draft):
        return True
    place = draft.value("place") or {}
    located = bool(place.get("region") or place.get("latitude") is not None)
    return located and _is_complaint(draft) and not _is_sensitive(draft)


# The number that a citizen gave to a problem: ours stands before it.
_OWN_NUMBER = re.compile(r"^\s*(?:\(?\w[.)]|[-•*])\s+")


def _ways_with_neighbours(draft: Draft) -> tuple[Choice, ...]:
    own = (draft.context.get("around") or {}).get("own")
    first = Choice("follow", "choice.neighbours.add" if own else "choice.neighbours.follow")
    return (first, Choice("new", "choice.neighbours.new"))


def _problems_told(draft: Draft) -> Mapping[str, Any]:
    parts = [_OWN_NUMBER.sub("", part) for part in draft.context["parts"]]
    lines = [f"{number}. {part[:120]}" for number, part in enumerate(parts, 1)]
    return {"count": {"key": f"number.{len(parts)}"}, "problems": lines}


def time_of(draft: Draft) -> Mapping[str, Any]:
    """The time as it is shown and filed: what was answered, or at least how the story puts it; empty for none."""
    vague = draft.context.get("vague")
    return draft.value("time") or ({"words": vague} if vague else {})


def _tickets_meant(draft: Draft) -> tuple[Choice, ...]:
    return tuple(
        Choice(ticket, "choice.belongs.ticket", {"ticket": ticket, "title": excerpt(title, NAMED)})
        for ticket, title in draft.context.get("tickets", ())
    )


def _privacy_half(name: str, draft: Draft) -> bool:
    privacy: Mapping[str, Any] = draft.value("privacy") or {}
    return bool(privacy) and privacy.get(name) is None


def privacy_of(draft: Draft) -> dict[str, bool]:
    """The two flags, as they are filed: what was not answered is not set."""
    privacy = draft.value("privacy") or {}
    return {"anonymous": bool(privacy.get("anonymous")), "secret": bool(privacy.get("secret"))}


# --- words for choices ---------------------------------------------------------------------------------


def excerpt(words: str, length: int) -> str:
    """The beginning of a text, with a sign that it goes on: cut between words where one ends in its second half."""
    if len(words) <= length:
        return words
    cut = words.rfind(" ", length // 2, length + 1)
    return words[: cut if cut > 0 else length].rstrip() + " …"


CLASSES = {
    "pengaduan": "pengaduan",
    "aduan": "pengaduan",
    "keluhan": "pengaduan",
    "komplain": "pengaduan",
    "lapor": "pengaduan",
    "laporan": "pengaduan",
    "ngadu": "pengaduan",
    "complaint": "pengaduan",
    "aspirasi": "aspirasi",
    "usul": "aspirasi",
    "usulan": "aspirasi",
    "saran": "aspirasi",
    "proposal": "aspirasi",
    "permintaan informasi": "permintaan_informasi",
    "informasi": "permintaan_informasi",
    "pertanyaan": "permintaan_informasi",
    **dict.fromkeys(("tanya", "bertanya", "nanya", "nanyo", "betanyo", "takon", "mau tanya"), "permintaan_informasi"),
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
    **dict.fromkeys(("anonim", "anonimkan", "anonim aja", "anonim saja", "anonymous", "tanpa nama", "2"), "anonymous"),
    **dict.fromkeys(("rahasia", "rahasia aja", "rahasia saja", "secret", "3"), "secret"),
    **dict.fromkeys(("rahasiakan", "rahasiake", "rahasioke", "rahasiakno", "dirahasiakan", "dirahasiake"), "secret"),
    **dict.fromkeys(("dua-duanya", "dua duanya", "duo duonyo", "duanya", "keduanya", "both", "4"), "both"),
    **dict.fromkeys(("loro lorone", "karo karone", "anonim dan rahasia", "rahasia dan anonim"), "both"),
    **dict.fromkeys(("terbuka", "terbuko", "biasa", "biasa saja", "biaso", "biase", "biyasa", "open", "1"), "open"),
    **dict.fromkeys(("tidak", "tidak usah", "tidak perlu", "dak usah", "gak usah", "nda usah", "ora usah"), "open"),
    **dict.fromkeys(("mboten usah", "dak perlu", "gak perlu", "no"), "open"),
}
CONFIRM_WORDS = {
    **dict.fromkeys(answers.YES, "send"),
    **dict.fromkeys(("1", "gas", "gaskan", "gaskeun", "gaspol"), "send"),
    "ubah": "change",
    "ganti": "change",
    "ada yang salah": "change",
    "salah": "change",
    "change": "change",
    "keliru": "change",
    "tidak": "change",
    "2": "change",
    "3": "cancel",
}
# What can be changed on the summary, and the words for it.
CHANGEABLE = {
    "isi": "story",
    "laporan": "story",
    "story": "story",
    **dict.fromkeys(
        ("tempat", "tempatnya", "tempatnyo", "lokasi", "lokasinya", "alamat", "panggonan", "nggon"), "place"
    ),
    "place": "place",
    **dict.fromkeys(("waktu", "waktunya", "wektu", "tanggal"), "time"),
    "time": "time",
    "jenis": "class",
    "type": "class",
    **dict.fromkeys(("foto", "fotonya", "fotonyo", "poto"), "photos"),
    "photos": "photos",
    "privasi": "privacy",
    **dict.fromkeys(("nama", "namanya", "namo", "namonyo", "jeneng", "jenenge", "name"), "name"),
    "privacy": "privacy",
}

AROUND_WORDS = {
    **dict.fromkeys(
        ("1", "ikut", "dukung", "ikut mendukung", "ikut saja", "melok", "melu", "gabung", "support"), "follow"
    ),
    **dict.fromkeys(("2", "baru", "laporan baru", "anyar", "beda", "bedo", "lain", "bukan itu", "new"), "new"),
    **dict.fromkeys(answers.YES, "follow"),
    **dict.fromkeys(answers.NO, "new"),
}
PHOTO_PLACE_WORDS = {
    **dict.fromkeys(
        ("1", "pakai", "ya pakai", "iya pakai", "pakai saja", "pakai aja", "boleh pakai", "pake", "gunakan", "use it"),
        "yes",
    ),
    **dict.fromkeys(("2", "jangan", "jangan dipakai", "tidak usah dipakai", "gak usah dipakai", "ojo"), "no"),
    **dict.fromkeys(answers.YES, "yes"),
    **dict.fromkeys(answers.NO, "no"),
}
SPLIT_WORDS = {
    **dict.fromkeys(("1", "pisah", "pisahkan", "pisahke", "dipisah", "dua laporan", "split"), "split"),
    **dict.fromkeys(
        ("2", "satu", "sikok", "siji", "gabung", "jadi satu", "satu saja", "satu laporan", "together"), "together"
    ),
    **dict.fromkeys(answers.YES, "split"),
    **dict.fromkeys(answers.NO, "together"),
}

WHOSE_WORDS = {
    **dict.fromkeys(("1", "warga", "laporan warga", "punya warga", "untuk warga", "orang lain"), "resident"),
    **dict.fromkeys(("pendampingan", "warga lain", "resident", "a resident", "a residents"), "resident"),
    **dict.fromkeys(
        ("wargo", "warganya", "warganyo", "punyo warga", "punya wargo", "punyo wargo", "warga nian", "kagungane warga"),
        "resident",
    ),
    **dict.fromkeys(("2", "saya", "saya sendiri", "laporan saya", "sendiri", "punya saya", "aku"), "self"),
    **dict.fromkeys(
        ("dewek", "aku dewek", "saya dewek", "punyo aku", "punyo dewek", "laporan aku", "aku nian"), "self"
    ),
    **dict.fromkeys(("dewe", "aku dewe", "kulo", "kulo piyambak", "punyaku", "punyoku", "laporanku"), "self"),
    **dict.fromkeys(("laporan saya sendiri", "untuk saya", "untuk saya sendiri", "my own", "mine", "me"), "self"),
}
CONSENT_WORDS = {
    **dict.fromkeys(("warga setuju", "beliau setuju", "dia setuju", "bersedia", "sudah setuju", "agreed"), "yes"),
    **dict.fromkeys(("tidak setuju", "tidak mau", "warga tidak setuju", "keberatan", "tidak bersedia"), "no"),
    **dict.fromkeys(("gak setuju", "gak mau", "dak galak", "dak mau", "warga tidak mau", "does not agree"), "no"),
}
REACH_WORDS = {
    **dict.fromkeys(("1", "chat", "hp", "hp sendiri", "wa", "whatsapp", "telegram", "own phone"), "chat"),
    **dict.fromkeys(("hape", "hp keluarga", "keluarga", "hp anak", "hp anaknya", "hp anaknyo", "hp dewek"), "chat"),
    **dict.fromkeys(("hp anake", "tulis", "pesan", "kode", "tele"), "chat"),
    **dict.fromkeys(("2", "telepon", "telp", "ditelepon", "telpon", "nomor telepon", "phone", "call"), "phone"),
    **dict.fromkeys(("ditelpon", "tilpun", "ditelpon petugas", "telpon petugas", "telepon petugas"), "phone"),
    **dict.fromkeys(("3", "tempat", "posko", "kantor desa", "balai desa", "titip", "place"), "place"),
    **dict.fromkeys(("tempat aman", "kantor kades", "balai deso", "kantor lurah", "kelurahan"), "place"),
    **dict.fromkeys(("4", "tidak usah", "tidak perlu", "tidak mau", "tidak ingin dihubungi", "none"), "none"),
    **dict.fromkeys(answers.NO, "none"),
}


def _yes_or_no_words(yes: str, no: str, **more: str) -> dict[str, str]:
    return {"1": yes, "2": no} | dict.fromkeys(answers.YES, yes) | dict.fromkeys(answers.NO, no) | more


def _yes_or_no(yes: str, no: str, **more: str) -> Callable[[str, answers.Locate, date], Any]:
    return answers.choice(_yes_or_no_words(yes, no, **more))


SCRIPT: tuple[Question, ...] = (
    # Present danger: the numbers are said first; a report is only offered.
    Question(
        "offer",
        _yes_or_no("report", "nothing", lapor="report", laporkan="report"),
        choices=("report", "nothing"),
        default="report",
        needed=_in_danger,
        words=lambda draft: {"self_harm": "offer_self_harm", "violence": "offer_violence"}.get(_danger(draft), "offer"),
    ),
    # A volunteer files for themselves, too: of words that come by themselves it is asked whose they are.
    Question(
        "whose",
        answers.of_resident(WHOSE_WORDS),
        choices=("resident", "self"),
        needed=lambda draft: bool(draft.context.get("whose")),
    ),
    # Read aloud to a resident before anything is asked. A button below it counts once.
    Question(
        "consent",
        answers.of_resident(_yes_or_no_words("yes", "no", **CONSENT_WORDS), done=False),
        choices=("yes", "no"),
        again="consent_again",
        needed=lambda draft: is_assisted(draft) and "consent" not in draft.answers,
        params=lambda draft: {"words": consent_words(draft)} if is_assisted(draft) else {},
    ),
    Question("reach", answers.of_resident(REACH_WORDS), choices=("chat", "phone", "place", "none"), needed=is_assisted),
    Question(
        "contact",
        answers.contact,
        choices=("other",),
        needed=lambda draft: is_assisted(draft) and draft.value("reach") in {"phone", "place"},
        words=lambda draft: "contact_place" if draft.value("reach") == "place" else "contact_phone",
    ),
    # Words that may belong to a complaint that was answered, or be a new one.
    Question(
        "belongs",
        answers.choice({"baru": "new", "laporan baru": "new", "masalah baru": "new", "masalah lain": "new"}),
        choices=("new",),
        offers=_tickets_meant,
        needed=lambda draft: bool(draft.context.get("tickets")) and not is_assisted(draft),
    ),
    Question(
        "heard",
        _yes_or_no("right", "wrong"),
        choices=("right", "wrong"),
        needed=lambda draft: bool(draft.context.get("heard")),
        params=lambda draft: {"words": draft.context["heard"][0]},
    ),
    Question(
        "story",
        answers.story,
        offers=_instead_of_story,
        words=_story_words,
    ),
    Question(
        "split",
        answers.choice(SPLIT_WORDS),
        choices=("split", "together"),
        needed=lambda draft: bool(draft.context.get("parts")),
        params=_problems_told,
    ),
    # Asked once, when its turn comes: nobody is interrupted for it, and who just goes on telling means no.
    Question(
        "photo_place",
        answers.choice(PHOTO_PLACE_WORDS),
        choices=("yes", "no"),
        default="no",
        needed=_photo_knows_the_place,
    ),
    Question("place", answers.place, skippable=True, free=True),
    Question(
        "region",
        answers.region,
        skippable=True,
        free=True,
        needed=_region_unknown,
        offers=_regions_meant,
        value=_region_of,
        words=lambda draft: "region_among" if _regions_meant(draft) else "region",
    ),
    Question("class", answers.choice(CLASSES), choices=("pengaduan", "aspirasi", "permintaan_informasi")),
    Question("detail", answers.detail, skippable=True, free=True, coaching=True, needed=_wants_more),
    Question("time", answers.time, skippable=True, free=True, coaching=True, needed=_wants_time),
    Question(
        "day",
        answers.day,
        skippable=True,
        free=True,
        needed=_time_in_doubt,
        offers=_days,
        value=lambda choice, _draft: {"day": choice},
        words=lambda draft: f"day_{(draft.value('time') or {}).get('doubt')}",
        params=lambda draft: {"words": (draft.value("time") or {}).get("words")},
    ),
    Question("photos", answers.photos, choices=("none",), coaching=True, needed=_wants_photos),
    Question(
        "neighbours",
        answers.choice(AROUND_WORDS),
        offers=_ways_with_neighbours,
        needed=may_have_neighbours,
        words=lambda draft: "neighbours_own" if (draft.context.get("around") or {}).get("own") else "neighbours",
        params=lambda draft: {
            "voices": (draft.context.get("around") or {}).get("voices"),
            "ticket": (draft.context.get("around") or {}).get("own"),
        },
    ),
    Question(
        "privacy",
        answers.choice(PRIVACY_WORDS, PRIVACY),
        choices=("open", "anonymous", "secret", "both"),
        value=lambda choice, _draft: PRIVACY[choice],
        words=_privacy_words,
    ),
    Question(
        "secret",
        _yes_or_no("public", "closed", **dict.fromkeys(("rahasia", "dua-duanya", "dua duanya", "jangan"), "closed")),
        choices=("public", "closed"),
        needed=lambda draft: _privacy_half("secret", draft),
        words=_assisted_words("secret"),
    ),
    Question(
        "name",
        _yes_or_no("shown", "hidden", anonim="hidden"),
        choices=("shown", "hidden"),
        needed=lambda draft: _privacy_half("anonymous", draft),
        words=_assisted_words("name"),
    ),
    # Of a resident: their name, unless it is to be hidden, and what whoever assists may go on seeing.
    Question("resident", answers.name, skippable=True, past="choice.resident.unsaid", needed=_wants_name),
    Question(
        "keeps",
        answers.of_resident(_yes_or_no_words("yes", "no", boleh="yes")),
        choices=("yes", "no"),
        needed=_may_keep,
    ),
    Question(
        "confirm",
        answers.confirmation(CONFIRM_WORDS),
        choices=("change", "cancel"),
        offers=_sent_by,
        words=_assisted_words("confirm"),
    ),
)
# Asked only when something leads there: never needed by themselves.
WHICH = Question(
    "which",
    answers.choice(CHANGEABLE),
    choices=("story", "place", "time", "class", "photos", "privacy"),
    offers=_changes_of_assisted,
)
RESUME = Question(
    "resume",
    _yes_or_no("continue", "new", lanjut="continue", baru="new"),
    choices=("continue", "new"),
    words=_assisted_words("resume"),
    params=begun,
)
# About a complaint that is filed, or about the chat itself.
AFTER: tuple[Question, ...] = (
    Question("reason", answers.words, skippable=True, past="choice.pass", free=True),
    Question("reply", answers.words, free=True),
    Question("rating", answers.stars, choices=("5", "4", "3", "2", "1"), skippable=True, past="choice.pass"),
    Question("comment", answers.words, skippable=True, past="choice.pass", free=True),
    Question("agency", answers.words, skippable=True, past="choice.pass", free=True),
    Question("withdraw", _yes_or_no("yes", "no"), choices=("yes", "no")),
    Question("erase", _yes_or_no("yes", "no"), choices=("yes", "no")),
    # The training of a Kawan LAPOR (training.py).
    *(Question(lesson.question, answers.choice(WORDS), choices=CHOICES) for lesson in LESSONS),
)

QUESTIONS: dict[str, Question] = {question.name: question for question in (*SCRIPT, WHICH, RESUME)}
AFTERWARDS: dict[str, Question] = {question.name: question for question in AFTER}

# Words that work at any time, in the middle of any question.
COMMANDS: dict[str, str] = {
    "/start": "start",
    "mulai": "start",
    "/mulai": "start",
    "status": "status",
    "/status": "status",
    "cek status": "status",
    "baca": "news",
    "bacakan": "news",
    "read": "news",
    "batal": "cancel",
    "/batal": "cancel",
    "cancel": "cancel",
    "batalkan": "cancel",
    **{f"{no} jadi": "cancel" for no in "tidak gak ga nggak dak tak nda ndak dide mboten ora".split()},
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
    "ulang": "again",
    "/ulang": "again",
    "mulai ulang": "again",
    "start over": "again",
    "ganti": "change",
    "ubah": "change",
    "/ubah": "change",
    **dict.fromkeys(("kembali", "balik", "back", "salah pencet", "salah tekan", "salah pilih"), "change"),
    "pindah": "move",
    "/pindah": "move",
    "move": "move",
    "dampingi": "assist",
    "/dampingi": "assist",
    "dampingi warga": "assist",
    "assist": "assist",
    "daftar": "assisted",
    "/daftar": "assisted",
    "daftar dampingan": "assisted",
    "daftar pendampingan": "assisted",
    "cabut persetujuan": "take_back",
    "/cabut": "take_back",
    "tarik persetujuan": "take_back",
    "withdraw consent": "take_back",
    "kawan": "kawan",
    "/kawan": "kawan",
    "kawan lapor": "kawan",
    "/kawan_lapor": "kawan",
    "jadi kawan lapor": "kawan",
    "mau jadi kawan lapor": "kawan",
    "pelatihan": "kawan",
    "lanjut pelatihan": "kawan",
    "data saya": "data",
    "/data": "data",
    "/data_saya": "data",
    "my data": "data",
    "hapus": "erase",
    "/hapus": "erase",
    "hapus data": "erase",
    "hapus data saya": "erase",
    "erase": "erase",
}
# The same as "status", in a citizen's own words; and a ticket number by itself.
ASKS_STATUS = re.compile(
    r"(?:(?:cek|lihat|gimana|bagaimana|mana)\s+)?(?:status|perkembangan)"
    r"(?:\s+(?:laporan|aduan|pengaduan|saya|sy|aku|ku|nya|pak|bu|min))*"
)
TICKET = re.compile(r"t?[\s.-]*\d{3}[\s.-]*\d{3}[\s.-]*\d{4}")
# A number of SP4N-LAPOR!, and the words around it; some of them say that it is one, or ask how it is.
_ASKING = (
    r"bagaimana|gimana|bgmn|gmn|apa|kabar|kabarnya|nasib|nasibnya|perkembangan|perkembangannya|tentang|soal|dengan|untuk"
    r"|saya|sy|tolong|mohon|mau|tanya|how|what|is|about|the|of|my|report|news"
)
_AFTER = (
    r"bagaimana|gimana|bgmn|gmn|kabarnya|statusnya|status|sudah|udah|sampai|sampe|mana|dimana|apa|itu|ini|ya|dong|kak|min"
    r"|pak|bu|please"
)
NUMBER = re.compile(
    rf"(?:/?(?:{_ASKING}|status|statusnya|cek|lihat|tracking|sp4n(?:[\s-]*lapor)?|lapor|laporan|nomor|nomer|no|id|number)"
    rf"\b[\s.,:!#-]*)*(?P<number>[0-9]{{7,10}})(?:[\s,]+(?:{_AFTER})\b)*"
)
ASKS_NUMBER = re.compile(
    r"\b(?:status|cek|lihat|tracking|sp4n|bagaimana|gimana|bgmn|gmn|kabar|nasib|perkembangan|sampai|sampe|how|news)"
)
# So many digits do they have today.
NUMBER_DIGITS = 7
# A code that carries a draft or tickets into this chat, after "pindah"; after "ambil" one with which a resident takes
# over what was filed for them. Nobody is refused for the wrong one of both words.
# It has twelve signs, none of which is an e, i, l or o: hardly any words are made without them. Signs in groups of four
# are meant as a code, whatever they are.
_SIGNS = r"(?:[1-9abcdfghjkmnprstuvwxyz][\s.-]*){11,13}|[0-9a-z]{4}(?:-[0-9a-z]{4}){1,3}"
CARRIED = re.compile(rf"/?(?:pindah|move|ambil(?:\s+alih)?|take\s+over)\s+(?P<code>{_SIGNS})")
# What a citizen may do with a filed complaint, by the last part of a button's choice; the verb of the wish.
ACTS: dict[str, str] = {
    "unresolved": "dispute",
    "resolved": "confirm",
    "rate": "rate",
    "wrong_agency": "deny",
    "withdraw": "withdraw",
    "reply": "reply",
    "unfollow": "unfollow",
}
# What helps at once beside the report, by function of the office: the key of a sentence.
HELPLINES: dict[str, str] = {"pln": "helpline.pln"}
