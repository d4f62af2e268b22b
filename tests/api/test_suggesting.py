"""What the shell learns of a text: all of it at once, each part failing alone, and never a word of it in a log."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import metrics
from api.suggesting import Suggester
from bot.turns import ASK, AUTO, Suggestion, as_data
from classifier import Classifier
from classifier.labels import read_names

ROAD = "Jalan di depan SMP 1 Sekayu rusak parah sejak bulan lalu, banyak motor jatuh."
FIRE = "Tolong, rumah tetangga saya kebakaran sekarang, apinya besar, di Plaju"
GREETING = "Assalamualaikum, selamat pagi min"


@pytest.fixture(scope="module")
def suggester() -> Suggester:
    """With the shipped model."""
    return Suggester.load()


def suggested(suggester: Suggester, words: str) -> Suggestion:
    found = suggester.suggest(words)
    assert found is not None
    return found


def test_the_model_is_loaded_with_its_facts(suggester: Suggester) -> None:
    assert suggester.works
    assert suggester.facts is not None
    assert suggested(suggester, ROAD).model == suggester.facts.version
    assert suggester.facts.version.endswith(suggester.facts.sha256[:8])
    assert set(suggester.facts.functions) <= set(suggester.functions)


@given(words=st.text(max_size=300))
def test_any_text_gets_a_set_that_begins_with_the_best_function(suggester: Suggester, words: str) -> None:
    found = suggested(suggester, words)
    assert found.likely[0] == found.functions[0][0]
    assert found.band in {AUTO, ASK}
    assert json.loads(json.dumps(as_data(found))) == as_data(found)


def test_what_is_kept_of_a_suggestion_has_no_word_of_the_text(suggester: Suggester) -> None:
    kept = json.dumps(as_data(suggested(suggester, f"{FIRE}, hubungi Budi 081234567890"))).casefold()
    assert json.loads(kept)["danger"] == "fire"
    for word in ("tetangga", "budi", "0812", "apinya", "plaju"):
        assert word not in kept


@pytest.mark.parametrize(
    ("words", "danger", "chatter"),
    [
        (ROAD, None, None),
        (FIRE, "fire", None),
        (f"{ROAD}\n{FIRE}", "fire", None),
        (GREETING, None, "greeting"),
    ],
)
def test_danger_and_chatter_stand_beside_the_functions(
    suggester: Suggester, words: str, danger: str | None, chatter: str | None
) -> None:
    found = suggested(suggester, words)
    assert (found.danger, found.chatter) == (danger, chatter)
    assert found.functions


# --- each part fails alone ----------------------------------------------------------------------------


def failing(words: str, title: str) -> str | None:
    """A rule with a defect, whose message holds the text."""
    raise ZeroDivisionError(words)


class Failing(Classifier):
    """A model with a defect."""

    def __init__(self) -> None:
        pass

    def read(self, text: str, title: str = "") -> Any:
        raise ZeroDivisionError(text)

    def why(self, text: str, function: str) -> Any:
        raise ZeroDivisionError(text)


def failures() -> float:
    [family] = metrics.classifier_failures.collect()
    return next(sample.value for sample in family.samples if sample.name.endswith("_total"))


@pytest.fixture
def unheard(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """All that was logged and printed."""

    def printed() -> str:
        read = capfd.readouterr()
        return read.out + read.err + caplog.text

    return printed


def test_without_the_rule_of_dangers_the_rest_is_said(suggester: Suggester, unheard: Callable[[], str]) -> None:
    before = failures()
    broken = Suggester(suggester._classifier, read_names(), endangers=failing)
    found, whole = suggested(broken, FIRE), suggested(suggester, FIRE)
    assert (found.functions, found.likely, found.danger) == (whole.functions, whole.likely, None)
    assert failures() == before + 1
    said = unheard()
    assert "ZeroDivisionError" in said
    assert "tetangga" not in said


def test_without_the_rule_of_chatter_the_rest_is_said(suggester: Suggester, unheard: Callable[[], str]) -> None:
    before = failures()
    found = suggested(Suggester(suggester._classifier, read_names(), chats=failing), FIRE)
    assert (found.danger, found.chatter) == ("fire", None)
    assert found.functions
    assert failures() == before + 1
    assert "tetangga" not in unheard()


@pytest.mark.parametrize(("classifier", "failed"), [(Failing(), 1), (None, 0)], ids=["failing", "missing"])
def test_a_danger_is_told_without_a_model_too(
    classifier: Classifier | None, failed: int, unheard: Callable[[], str]
) -> None:
    before = failures()
    broken = Suggester(classifier, read_names())
    found = suggested(broken, FIRE)
    assert found == Suggestion((), (), (), model=None, danger="fire")
    assert broken.suggest(ROAD) is None
    assert broken.why(ROAD, "pu") == ()
    assert failures() == before + 3 * failed
    said = unheard()
    assert "tetangga" not in said
    assert "Sekayu" not in said


def test_all_parts_may_fail_at_once() -> None:
    assert Suggester(Failing(), read_names(), endangers=failing, chats=failing).suggest(FIRE) is None


# --- reasons and personal data --------------------------------------------------------------------------


def test_the_reasons_are_words_as_the_citizen_wrote_them(suggester: Suggester) -> None:
    words = "min JLN di dpn rumah aku ni lah ancur nian, aspalnya bolong2"
    reasons = suggester.why(words, "pu")
    shown = [words[each.start : each.end] for each in reasons]
    assert shown
    assert set(shown) & {"JLN", "aspalnya", "bolong2", "ancur"}
    assert [each.weight for each in reasons] == sorted((each.weight for each in reasons), reverse=True)
    assert 0 < sum(each.weight for each in reasons) <= 1 + 1e-6


@pytest.mark.parametrize("function", [None, "nothing", ""])
def test_nothing_speaks_for_a_function_that_is_none(suggester: Suggester, function: str | None) -> None:
    assert suggester.why(ROAD, function) == ()


def test_personal_data_are_found_and_masked(suggester: Suggester) -> None:
    words = "Lampu mati. Hubungi 081234567890 atau budi@example.com"
    found = suggester.personal(words)
    assert found is not None
    assert [(each.kind, words[each.start : each.end]) for each in found] == [
        ("phone", "081234567890"),
        ("email", "budi@example.com"),
    ]
    assert suggester.mask(words) == "Lampu mati. Hubungi [TELP] atau [EMAIL]"
    assert suggester.personal(ROAD) == ()
