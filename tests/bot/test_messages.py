"""What nobody sees goes, what people write stays: in every script, for every character that there is."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.messages import clean

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
TRICKS = list("\u202e\u2066\u2069\u200e\u200f\u061c\u200b\u200c\u200d\u2060\ufeff\xad")


@pytest.mark.parametrize(
    "words",
    [
        "Jalan rusak,\nsejak bulan lalu…\t“parah”",
        "الطريق أمام المدرسة مكسور",
        "کتاب\u200cخانه",  # letters that must not join: U+200C is how they are spelt
        "הכביש שבור",
        "क्\u200dष",
        "ꦗꦭꦤ꧀ꦫꦸꦱꦏ꧀",
        "ᨍᨒ",
        "道路\U000e0100が壊れた",
        "👍🏽 ❤️ 1️⃣ 🇮🇩",
        f"{FAMILY} 👩🏽\u200d🚀 ❤️\u200d🔥 🙂\u200d↔️ 🏳️\u200d🌈 🏴\u200d☠️",
        "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",  # the flag of Scotland
        "e\u0301 g\u0306",
    ],
)
def test_what_people_write_stays(words: str) -> None:
    assert clean(words) == words


@pytest.mark.parametrize(
    ("words", "seen"),
    [
        ("laporan\u202egnaro nakub\u202c selesai", "laporangnaro nakub selesai"),
        ("ko\u200brup\u200csi", "korupsi"),
        ("ru\xadsak\u2060 be\ufeffrat", "rusak berat"),
        ("a\u2066b\u2069\u200ec\u200f\u061cd", "abcd"),
        ("satu\r\ndua\rtiga\u2028empat\x85lima", "satu\ndua\ntiga\nempat\nlima"),
        ("a\x00b\x1b[31mc\x7f\x9b", "ab[31mc"),
        ("\u3164\u2800\u115f", "   "),
        ("🙏\ufe0f\ufe0f\ufe0f", "🙏\ufe0f"),
        ("\ufe0fa", "a"),
        ("\u200d🔥", "🔥"),
        ("🔥\u200da", "🔥a"),
        ("a\U000e0068\U000e0061\U000e0069b", "ab"),  # words in characters that are made for flags
        ("🏴\U000e0048\U000e007f", "🏴"),
        ("\ud83d\ude4f \ud83d c", "🙏 \ufffd c"),
        ("", ""),
    ],
)
def test_what_nobody_sees_goes(words: str, seen: str) -> None:
    assert clean(words) == seen


def test_no_control_and_no_format_character_passes_between_letters() -> None:
    visible = {chr(each) for each in (*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD)}
    for number in range(sys.maxunicode + 1):
        character = chr(number)
        category = unicodedata.category(character)
        left = clean(f"a{character}b")
        if category in {"Cc", "Cf"} and character not in visible | set("\t\n"):
            assert left in {"ab", "a\nb"}, hex(number)
        elif category in {"Cs", "Zl", "Zp"}:
            assert left in {"a\ufffdb", "a\nb"}, hex(number)
        elif category[0] in "PS" or (category[0] in "LN" and "FILLER" not in unicodedata.name(character, "")):
            assert left == f"a{character}b" or character == "\u2800", hex(number)


@given(st.text(st.characters(exclude_categories=[]) | st.sampled_from([*TRICKS, "🔥", "\ufe0f", "ب", "🏴"])))
def test_cleaning_twice_is_cleaning_once_and_can_be_stored(words: str) -> None:
    once = clean(words)
    assert clean(once) == once
    assert "\0" not in once
    assert once.encode().decode() == once


@given(st.text("abc jalan.", min_size=1), st.lists(st.tuples(st.integers(0, 40), st.sampled_from(TRICKS))))
def test_no_trick_hides_a_word(words: str, tricks: list[tuple[int, str]]) -> None:
    hidden = words
    for at, trick in tricks:
        hidden = hidden[:at] + trick + hidden[at:]
    assert clean(hidden) == words
