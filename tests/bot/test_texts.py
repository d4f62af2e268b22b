"""Every word exists in every language, fits its place, and nothing a citizen writes is read as a template."""

from __future__ import annotations

import re
import string
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import answers, dialogue, script
from bot.texts import FOLDER, LANGUAGES, catalogue, knows, speak
from bot.turns import Say
from store import dispositions, moves
from store.emergency import numbers

ROOT = FOLDER.parent.parent
# Telegram and WhatsApp, the narrower of both.
BUTTON = 20
MESSAGE = 4096


def holes(words: str) -> set[str]:
    """The parameters of a text."""
    return {name for _, name, _, _ in string.Formatter().parse(words) if name is not None}


def test_every_language_has_every_text_with_the_same_parameters() -> None:
    for language in LANGUAGES:
        assert set(catalogue(language)) == set(catalogue("id"))
        for key, words in catalogue(language).items():
            assert holes(words) == holes(catalogue("id")[key]), key
            assert words.strip()


def test_every_key_in_the_code_has_a_text() -> None:
    keys = set()
    for file in (*ROOT.glob("bot/*.py"), *ROOT.glob("api/*.py")):
        keys |= set(re.findall(r"Say\(\"([\w.]+)\"", file.read_text()))
        keys |= set(re.findall(r"\(\"(push\.\w+)\"", file.read_text()))
        keys |= set(re.findall(r"\"key\": \"([\w.]+)\"", file.read_text()))
    assert len(keys) > 20
    assert [key for key in keys if not knows(key)] == []


DANGERS = {rule["kind"] for rule in tomllib.loads((ROOT / "classifier" / "danger.toml").read_text())["rule"]}
REGIONS = (None, "16.71", "16.06", "73.71")

# What a question can be asked with, where its words depend on the draft.
VARIANTS = {
    "offer": ("offer", "offer_self_harm", "offer_violence"),
    "consent": ("consent", "consent_again"),
    "contact": ("contact_phone", "contact_place"),
    "story": ("story", "story_voice", "story_photo", "story_assisted", "story_letter"),
    "region": ("region", "region_among"),
    "day": ("day_order", "day_weekday", "day_impossible", "day_future"),
    "neighbours": ("neighbours", "neighbours_own"),
    "privacy": ("privacy", "privacy_advised", "privacy_assisted", "privacy_assisted_advised"),
    "secret": ("secret", "secret_assisted"),
    "name": ("name", "name_assisted"),
    "confirm": ("confirm", "confirm_assisted"),
    "resume": ("resume", "resume_assisted"),
}


def test_every_question_can_be_asked_and_tapped() -> None:
    for question in (*script.QUESTIONS.values(), *script.AFTER):
        assert (question.words is not None or question.again is not None) == (question.name in VARIANTS), question.name
        for variant in VARIANTS.get(question.name, (question.name,)):
            assert knows(f"ask.{variant}"), variant
        for choice in question.choices_for(None):
            for language in LANGUAGES:
                assert len(speak(choice.key, choice.params, language)) <= 2 * BUTTON
            assert len(f"T-482-173-9056:{question.name}:{choice.choice}".encode()) <= 64


# What a code that carries something comes to where it carries nothing; what one that links chats comes to.
CARRYING = ("unknown", "too_many", "gone", "own", "link_code", "assisted", "used", "used_here")
LINKING = ("done", "unknown", "too_many", "own", "carry_code", "linked", "assisted")


# What is said of assisted drafts with a key that is put together.
ASSISTED = {
    *(f"assist.{key}" for key in ("after", "after_kept", "after_counter")),
    *(f"assist.reach.{reach}" for reach in ("chat", "phone", "place", "none")),
    *(f"assist.why.{why}" for why in ("nobody", "untrained", "paused", "expired", "revoked", "counter")),
    "letter_story",
}


def test_every_act_kind_and_problem_has_its_words() -> None:
    """Keys that the code puts together of a fixed part and a name."""
    keys = {f"danger.{kind}" for kind in DANGERS}
    keys |= {f"unsupported.{kind}" for kind in (*dialogue.UNSUPPORTED, "other")}
    keys |= {f"after.{verb}.done" for verb in {*script.ACTS.values(), "comment"}}
    keys |= {f"after.{verdict}" for verdict in ("unknown", "not_allowed", "ended", "gone")}
    keys |= {f"choice.ticket.{act}" for act in script.ACTS}
    keys |= {f"move.{problem}" for problem in CARRYING}
    keys |= {f"link.{outcome}" for outcome in LINKING}
    keys |= {f"move.code_{what}" for what in ("draft", "tickets")}
    keys |= {f"state_followed.{moves.key(status.name)}" for status in moves.STATUSES}
    keys |= {f"emergency.number.{each.key}" for kind in DANGERS for where in REGIONS for each in numbers(kind, where)}
    keys |= set(script.HELPLINES.values()) | ASSISTED
    assert sorted(key for key in keys if not knows(key)) == []


def spoken() -> set[str]:
    """Every key that something says: those that stand in the code, and those that it puts together."""
    code = [file.read_text() for room in ("bot", "api", "store") for file in (ROOT / room).rglob("*.py")]
    keys = {key for text in code for key in re.findall(r"\"([a-z_]+(?:\.[\w.]+)?)\"", text)}
    questions = (*script.QUESTIONS.values(), *script.AFTER)
    keys |= {f"ask.{variant}" for each in questions for variant in VARIANTS.get(each.name, (each.name,))}
    keys |= {choice.key for each in questions for choice in each.choices_for(None)}
    keys |= {f"choice.ticket.{act}" for act in script.ACTS}
    keys |= {f"class.{name}" for name in script.CLASSES.values()}
    keys |= {f"danger.{kind}" for kind in DANGERS} | {f"chatter.{kind}" for kind in ("abuse", "spam")}
    keys |= {f"emergency.number.{each.key}" for kind in DANGERS for where in REGIONS for each in numbers(kind, where)}
    keys |= {f"after.{verb}.{end}" for verb in (*script.ACTS.values(), "comment") for end in ("done", "ended")}
    keys |= {f"after.{verdict}" for verdict in ("unknown", "not_allowed", "ended")}
    keys |= {f"unsupported.{kind}" for kind in (*dialogue.UNSUPPORTED, "other")}
    keys |= {f"move.{name}" for name in (*CARRYING, "code_draft", "code_tickets")}
    keys |= {f"link.{outcome}" for outcome in LINKING}
    keys |= {f"refused.{key}" for text in code for key in re.findall(r"Refused\(\"([\w.]+)\"", text)}
    keys |= {f"{told}.{moves.key(status.name)}" for told in ("state", "state_followed") for status in moves.STATUSES}
    keys |= {f"push.{moves.key(status.name)}{more}" for status in moves.STATUSES for more in ("", "_next")}
    keys |= {f"push.reminded_{clock}" for clock in ("close", "archive")}
    keys |= {f"media.{problem}" for problem in ("unreadable", "too_large", "gone", "infected", "unchecked")}
    keys |= {f"media.{problem}" for problem in ("broken", "heic", "too_many_pixels")}
    keys |= {f"number.{count}" for count in (2, 3)} | {"system.sp4n"}
    keys |= {f"archived.{each.key}" for each in dispositions.reasons()} | {"push.merged", "push.unmerged"}
    keys |= ASSISTED
    return keys | {f"calendar.{names}" for names in ("weekdays", "months")}


def test_no_text_is_kept_that_nobody_says() -> None:
    assert sorted(set(catalogue("id")) - spoken()) == []


def test_dates_are_spoken_as_people_say_them() -> None:
    when = {"when": {"moment": "2026-11-23T08:00:00+07:00"}}
    assert "Senin, 23 November 2026 pukul 08.00 WIB" in speak("reads_next", when)
    assert "Monday, 23 November 2026 at 08:00 WIB" in speak("reads_next", when, "en")
    assert speak("choice.day.pick", {"day": {"date": "2026-10-11"}}) == "Minggu, 11 Oktober 2026"


def test_every_refusal_has_kind_words() -> None:
    files = [file.read_text() for file in Path(answers.__file__).parent.glob("*.py")]
    keys = {key for text in files for key in re.findall(r"Refused\(\"([\w.]+)\"", text)}
    assert keys
    assert [key for key in keys if not knows(f"refused.{key}")] == []


def test_every_status_is_told_in_plain_words() -> None:
    for status in moves.STATUSES:
        for language in LANGUAGES:
            said = speak(f"state.{moves.key(status.name)}", {"agency": "Dinas Perhubungan"}, language)
            assert "{" not in said
            assert len(said) <= 200


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_too_long_for_one_message(language: str) -> None:
    for key, words in catalogue(language).items():
        assert len(words) <= MESSAGE - 3000, key


@given(st.text(max_size=60))
def test_what_a_citizen_writes_is_never_a_template(words: str) -> None:
    for hostile in (words, f"{{{words}}}", "{ticket}", "{0}", "{story.__class__}"):
        assert speak("status.unknown", {"ticket": hostile}) == catalogue("id")["status.unknown"].replace(
            "{ticket}", hostile
        )
        assert hostile in speak("push.note", {"note": hostile}, "en")


def test_nested_texts_follow_the_language() -> None:
    state = {"key": "state.terdisposisi", "params": {"agency": {"key": "office.kominfo"}}}
    assert "Sudah diteruskan ke Dinas Kominfo" in speak("push.moved", {"ticket": "T-1", "state": state})
    assert "Passed on to Dinas Kominfo" in speak("push.moved", {"ticket": "T-1", "state": state}, "en")


def test_an_unknown_language_is_indonesian_and_an_unknown_key_is_a_defect() -> None:
    assert speak("none", language="jv") == speak("none")
    with pytest.raises(KeyError):
        speak("no.such.text")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_note_after_the_agency_stands_apart(language: str) -> None:
    assert speak("office.unsure", {"agency": "Dinas Pekerjaan Umum"}, language).startswith("Dinas Pekerjaan Umum (")
    assert speak("office.sure", {"agency": "Dinas Pekerjaan Umum"}, language) == "Dinas Pekerjaan Umum"


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_promises_more_than_we_do(language: str) -> None:
    """Only `filed` says that something is recorded under a number; nothing promises a result or an official seal."""
    said = {"id": "Tercatat.", "en": "Recorded."}[language]
    assert [key for key, words in catalogue(language).items() if words.startswith(said)] == ["filed"]
    for key, words in catalogue(language).items():
        assert not re.search(r"\b(resmi|pasti selesai|guaranteed|official bot)\b", words), key


# What nobody may promise, and what needs a dictionary.
PROMISES = {
    "id": r"dijamin|menjamin|kami jamin|berjanji|secepatnya|sesegera|tidak diketahui siapa pun|"
    r"(?:akan|pasti|segera) (?:selesai|diselesaikan|ditangani|diperbaiki|dijawab)",
    "en": r"guarantee|promise|certainly|as soon as possible|nobody can|"
    r"will be (?:solved|fixed|repaired|handled|answered)",
}
LOANS = (
    r"upload|download|submit|update|klik|chat|error|file|feedback|form|loading|rating|login|input|save|voice|komplain"
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_promises_what_an_office_must_do(language: str) -> None:
    promising = re.compile(rf"\b(?:{PROMISES[language]})\b", re.IGNORECASE)
    found = {key: words for key, words in catalogue(language).items() if promising.search(words)}
    # That a report will *not* be handled any more is told before it is withdrawn.
    assert found.keys() <= {"ask.withdraw"} if language == "en" else not found


def test_indonesian_is_spoken_without_loans() -> None:
    loaned = re.compile(rf"\b(?:{LOANS})\b", re.IGNORECASE)
    assert {key: words for key, words in catalogue("id").items() if loaned.search(words)} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_anonim_promises_no_more_than_it_does(language: str) -> None:
    """The officers of the channel see the account: whoever offers Anonim says so."""
    for key in ("ask.privacy_assisted", "ask.privacy_assisted_advised", "ask.secret_assisted"):
        words = catalogue(language)[key]
        assert re.search(
            {"id": "memilah laporan tetap bisa melihatnya", "en": "sort reports can still see"}[language], words
        )
    for key in ("ask.privacy", "ask.privacy_advised", "ask.secret"):
        words = catalogue(language)[key]
        assert re.search({"id": "etugas .*melihat akun", "en": "officers .*see your account"}[language], words), key


def test_say_takes_any_parameters() -> None:
    assert Say("none").params == {}
