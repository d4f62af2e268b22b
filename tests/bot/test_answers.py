"""The readers: what counts as an answer in everyday Indonesian, and what does not."""

from __future__ import annotations

import signal
from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from talking import NOW, locate

from bot import answers, script
from bot.answers import Refused

ANY = st.text(max_size=200)
TODAY: date = NOW.date()


@given(ANY)
def test_readers_answer_or_refuse_and_never_break(words: str) -> None:
    for question in (*script.QUESTIONS.values(), *script.AFTER):
        with suppress(Refused):
            question.read(words, locate, TODAY)
    answers.time_in_story(words, TODAY)
    answers.class_in_story(words)
    answers.place_in_story(words, locate)


@given(ANY)
def test_plain_is_stable(words: str) -> None:
    assert answers.plain(answers.plain(words)) == answers.plain(words)


@pytest.mark.parametrize("words", ["ya", "Ya.", " YA! ", "iya", "iyo", "ok", "oke", "sudah", "betul", "setuju", "siap"])
def test_yes(words: str) -> None:
    assert answers.accepts(words)
    assert not answers.declines(words)


@pytest.mark.parametrize(
    "words", ["tidak", "Tidak.", "gak", "ga", "nggak", "dak", "tidak ada", "dak ado", "gak ada", "no"]
)
def test_no(words: str) -> None:
    assert answers.declines(words)
    assert not answers.accepts(words)


MORE_NOES = [
    "ga ada",
    "nggak ada",
    "gk ada",
    "gada",
    "belum ada",
    "tidak ada foto",
    "ngga ada",
    "dakdo foto",
    "tidak punya",
]
MORE_SKIPS = ["tidak tau", "ga tau", "nggak tau", "gatau", "entah", "lupa", "tidak ingat", "kurang tau", "lewati aja"]


@pytest.mark.parametrize("words", MORE_NOES)
def test_everyday_noes(words: str) -> None:
    assert answers.declines(words)


@pytest.mark.parametrize("words", MORE_SKIPS)
def test_everyday_skips(words: str) -> None:
    assert answers.declines(words)


@pytest.mark.parametrize(
    ("story", "time"),
    [
        ("Jalan rusak sejak bulan lalu, banyak motor jatuh", "sejak bulan lalu"),
        ("lampu mati dari kemarin pak", "dari kemarin"),
        ("sudah 3 bulan sampah tidak diangkut", "sudah 3 bulan"),
        ("air PDAM mati sudah dua minggu", "sudah dua minggu"),
        ("lah lamo nian jalan ni rusak", "lah lamo"),
        ("kejadian tanggal 12 November 2026 di pasar", "tanggal 12 November 2026"),
        ("tadi malam banjir", "tadi malam"),
        ("tiap hujan banjir", "tiap hujan"),
        ("Since last week the lamp is broken", "Since last week"),
        ("jalan rusak parah", None),
        ("Jalan 3 meter itu hancur", None),
    ],
)
def test_time_in_a_story(story: str, time: str | None) -> None:
    found = answers.time_in_story(story, TODAY)
    assert (time or "") in (found["words"] if found else "")
    assert (found is None) == (time is None)


@pytest.mark.parametrize(
    ("story", "found"),
    [
        ("bagaimana cara mengurus KTP yang hilang", "permintaan_informasi"),
        ("mau tanya syarat membuat KIA", "permintaan_informasi"),
        ("usul supaya dibuatkan taman", "aspirasi"),
        ("usul: mohon info dipasang di kantor", None),
        ("jalan rusak", None),
    ],
)
def test_class_in_a_story(story: str, found: str | None) -> None:
    assert answers.class_in_story(story) == found


@pytest.mark.parametrize(
    ("story", "found"),
    [
        ("apakah puskesmas buka hari sabtu", "permintaan_informasi"),
        ("sebaiknya ada lampu di simpang itu", "aspirasi"),
        ("semoga segera diperbaiki, apakah dinas tidak tahu", None),
    ],
)
def test_words_that_only_hint_at_a_class(story: str, found: str | None) -> None:
    assert answers.class_in_story(story) is None
    assert answers.class_perhaps(story) == found


@pytest.mark.parametrize(
    ("words", "region"),
    [
        ("Jalan Merdeka dekat pasar, Sekayu", "16.06.01"),
        ("kota palembang", "16.71"),
        ("di plaju", "16.71.14"),
        ("Makassar", "73.71"),
        ("dekat rumah saya", None),
    ],
)
def test_place_keeps_the_words_and_finds_the_region(words: str, region: str | None) -> None:
    found = answers.place(words, locate, TODAY)
    assert found["text"] == words
    assert found["region"] == region


def test_place_in_a_story_names_street_and_region() -> None:
    found = answers.place_in_story("Jalan di depan SMP 1 Sekayu rusak parah", locate)
    assert found["text"] == "depan SMP 1 Sekayu"
    assert found["region"] == "16.06.01"
    assert answers.place_in_story("petugas tidak ramah", locate) is None


@pytest.mark.parametrize("words", ["ya", "tidak", "ok"])
def test_a_bare_yes_or_no_is_no_place(words: str) -> None:
    with pytest.raises(Refused, match=r"place\.words"):
        answers.place(words, locate, TODAY)


NO_ANSWERS = ["?", "🙏", "...", "halo", "terima kasih", "makasih"]


@pytest.mark.parametrize("words", NO_ANSWERS)
def test_words_that_are_no_place(words: str) -> None:
    with pytest.raises(Refused):
        answers.place(words, locate, TODAY)


@pytest.mark.parametrize("words", NO_ANSWERS)
def test_words_that_are_no_time(words: str) -> None:
    with pytest.raises(Refused):
        answers.time(words, locate, TODAY)


def test_a_long_text_without_a_time_is_no_time() -> None:
    with pytest.raises(Refused, match=r"time\.words"):
        answers.time("jalan itu rusak parah dan banyak orang jatuh di sana " * 2, locate, TODAY)
    kept = answers.time(" kemarin ", locate, TODAY)
    assert (kept["words"], kept["day"]) == ("kemarin", "2026-11-19")


@pytest.mark.parametrize("words", ["", "  ", "?!", "🙏🙏", "ya", "halo", "Selamat pagi!", "Assalamualaikum", "p"])
def test_what_is_no_story(words: str) -> None:
    with pytest.raises(Refused, match=r"story\.empty"):
        answers.story(words, locate, TODAY)


@pytest.mark.parametrize(
    "words",
    [
        "halo pak",
        "selamat siang bapak/ibu",
        "Assalamualaikum pak",
        "mau lapor",
        "saya mau melapor",
        "lapor pak",
        "permisi min",
    ],
)
def test_a_polite_beginning_is_no_story(words: str) -> None:
    with pytest.raises(Refused):
        answers.story(words, locate, TODAY)


def test_a_choice_is_read_however_it_is_written() -> None:
    read = answers.choice({"dua-duanya": "both"})
    assert read(" Dua-duanya. ", locate, TODAY) == "both"
    with pytest.raises(Refused, match=r"choice\.words"):
        read("entahlah", locate, TODAY)


@pytest.mark.parametrize("words", ["asalam" * 11 + " xq", "ya " * 25, "assalamualaikum " * 4 + "x", "1" * 79])
def test_no_words_keep_a_reader_busy(words: str) -> None:
    """A pattern that can match one text in many ways never ends on it: the alarm rings after 2 s of CPU."""

    def ring(_number: int, _frame: object) -> None:
        raise TimeoutError(words)

    before = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, 2.0)
    try:
        answers.is_bare(words * 20)
        answers.is_bare(words)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@pytest.mark.parametrize(
    ("words", "day"),
    [
        ("11 Oktober 2026", "2026-10-11"),
        ("yang 11 Oktober pak", "2026-10-11"),
        ("kemarin", "2026-11-19"),
        ("25/10", "2026-10-25"),
    ],
)
def test_a_day_is_read_with_the_words_around_it(words: str, day: str) -> None:
    assert answers.day(f" {words} ", locate, TODAY) == {"day": day, "words": words}


@pytest.mark.parametrize(
    "words",
    ["11/10", "30 Februari", "entah kapan", "bulan lalu", "kemarin malah ada dua motor lagi yang jatuh di situ"],
)
def test_what_is_no_day(words: str) -> None:
    with pytest.raises(Refused, match=r"day\.words"):
        answers.day(words, locate, TODAY)


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("sejak bulan lalu", {"words": "sejak bulan lalu", "since": True}),
        ("tanggal 12 November 2026", {"words": "tanggal 12 November 2026", "since": False, "day": "2026-11-12"}),
        (
            "tanggal 11/10",
            {"words": "tanggal 11/10", "since": False, "doubt": "order", "days": ["2026-10-11", "2026-11-10"]},
        ),
        ("sekitar habis lebaran", {"words": "sekitar habis lebaran"}),
    ],
)
def test_a_time_is_kept_with_what_is_known_of_it(words: str, value: dict[str, Any]) -> None:
    found = answers.time(words, locate, TODAY)
    assert {name: found[name] for name in value} == value
    assert ("doubt" in found, "day" in found) == ("doubt" in value, "day" in value)


@pytest.mark.parametrize(
    ("words", "only"), [("sejak kemarin", True), ("sejak kemarin di Plaju", False), ("lampu mati kemarin", False)]
)
def test_words_that_tell_nothing_but_a_time(words: str, only: bool) -> None:
    assert answers.tells_only_time(words, locate, TODAY) == only


@given(ANY)
def test_a_text_that_tells_only_a_time_is_read_as_one(words: str) -> None:
    """The engine reads it then without a net."""
    if answers.tells_only_time(words, locate, TODAY):
        assert answers.time(words, locate, TODAY)["words"]


@pytest.mark.parametrize("words", ["pagi", "siang", "sore", "malam", "nanti", "kemarin", "minggu", "senin"])
def test_a_greeting_that_is_also_a_time_is_read_without_a_net(words: str) -> None:
    if answers.tells_only_time(words, locate, TODAY):
        assert answers.time(words, locate, TODAY)["words"] == words


@pytest.mark.parametrize(
    ("words", "stars"),
    [
        ("4", "4"),
        ("bintang 5", "5"),
        ("5 bintang", "5"),
        ("nilai: 3", "3"),
        ("2/5", "2"),
        ("⭐⭐⭐", "3"),
        ("4 dari 5", "4"),
    ],
)
def test_stars(words: str, stars: str) -> None:
    assert answers.stars(words, locate, TODAY) == stars


@pytest.mark.parametrize("words", ["0", "6", "45", "bagus", "⭐⭐⭐⭐⭐⭐", "4 hari lagi", ""])
def test_what_are_no_stars(words: str) -> None:
    with pytest.raises(Refused, match=r"rating\.words"):
        answers.stars(words, locate, TODAY)


def test_a_region_that_several_names_may_mean_is_refused() -> None:
    two = answers.Located(None, None, "Sukajadi", (("16.71", "Palembang"), ("16.06", "Muba")))
    with pytest.raises(Refused, match=r"region\.unknown"):
        answers.region("Sukajadi", lambda _words: two, TODAY)
    place = answers.place("Sukajadi", lambda _words: two, TODAY)
    assert (place["region"], place["among"]) == (None, [["16.71", "Palembang"], ["16.06", "Muba"]])


@pytest.mark.parametrize("words", ["", "tolong ya pak", "nama saya", "ubah laporan ini jadi", "mohon", "please"])
def test_courtesy_adds_nothing_to_a_wish(words: str) -> None:
    assert answers.adds_nothing(words)


@pytest.mark.parametrize("words", ["lampu mati", "kepala desa", "di Plaju"])
def test_anything_else_does(words: str) -> None:
    assert not answers.adds_nothing(words)
