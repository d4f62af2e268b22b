"""Every text that a page asks for is there, in both languages, with the same parameters."""

from __future__ import annotations

import re
import string
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from desk import words

DESK = Path(words.__file__).parent
ID, EN = words.catalogue("id"), words.catalogue("en")
# t("inbox.title") in a template, words.say(language, "inbox.title") in a module; a key that ends in a dot is a prefix.
IN_TEMPLATES = re.compile(r"""\bt\(\s*["']([a-z0-9_.]+)["']""")
IN_MODULES = re.compile(r"""\bsay\(\s*[a-z_.]+,\s*["']([a-z0-9_.]+)["']""")


def asked() -> set[tuple[str, str]]:
    """Each key with the file that asks for it."""
    found = set()
    for pattern, files in ((IN_TEMPLATES, DESK.rglob("*.html")), (IN_MODULES, DESK.rglob("*.py"))):
        for file in files:
            found |= {(key, file.name) for key in pattern.findall(file.read_text(encoding="utf-8"))}
    return found


def parameters(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_the_same_keys() -> None:
    assert sorted(set(ID) ^ set(EN)) == []


@pytest.mark.parametrize("key", sorted(ID))
def test_both_languages_take_the_same_parameters(key: str) -> None:
    assert parameters(ID[key]) == parameters(EN[key])
    assert ID[key].strip()
    assert EN[key].strip()


def test_what_pages_ask_for_is_there() -> None:
    wanted = asked()
    assert len(wanted) > 50
    missing = [
        (key, file) for key, file in sorted(wanted) if not any(each == key or each.startswith(key) for each in ID)
    ]
    assert missing == []


def test_moments_are_written_in_the_time_of_the_place() -> None:
    at = datetime(2026, 11, 22, 16, 5, tzinfo=UTC)
    assert words.moment("id", at, ZoneInfo("Asia/Jakarta")) == "22 Nov 2026 23.05 WIB"
    assert words.moment("en", at, ZoneInfo("Asia/Makassar")) == "23 Nov 2026 00:05 WITA"
    assert words.day("id", date(2026, 11, 22), weekday=True) == "Min 22 Nov 2026"


def test_an_unknown_key_is_a_defect() -> None:
    with pytest.raises(KeyError):
        words.say("id", "desk.no_such_key")
