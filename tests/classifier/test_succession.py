"""A new model takes the old one's place only where it is not worse, judged by reports that neither has learned from."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from classifier import succession
from classifier.evaluation import measure
from classifier.examples import Example, key_of
from classifier.modelfile import Model
from classifier.training import Recipe, fit
from classifier.trials import Trial, fingerprint, judge_reports

WORDS = {
    "pu": "aspal berlubang jembatan trotoar drainase gorong".split(),
    "dlh": "sampah bau limbah asap pohon kotor".split(),
    "pdam": "keran pipa meteran keruh leding bocor".split(),
}


def report(function: str, number: int, *, label: str = "") -> Example:
    words = WORDS[function]
    text = " ".join([words[number % 6], words[(number // 6) % 6], words[number % 5], f"tempat{number}"])
    labels = {"functions": label or function, "topics": "AGAMA" if number % 2 else "KESEHATAN"}
    report_class = "aspirasi" if number % 3 else "pengaduan"
    return Example(text, {**labels, "report_class": report_class}, key_of(text), "ekspor", block="ekspor 2024")


def reports(start: int, **changed: str) -> list[Example]:
    """30 reports of each function; `changed` gives functions another label."""
    numbers = range(start, start + 30)
    return [report(function, number, label=changed.get(function, "")) for function in WORDS for number in numbers]


def make(examples: Sequence[Example]) -> Model:
    return fit(examples, Recipe())[0]


@pytest.fixture(scope="module")
def old() -> Model:
    return make(reports(0))


def test_what_the_old_model_learned_from_does_not_judge(old: Model) -> None:
    known, new = reports(0), reports(100)
    assert {example.key for example in succession.unseen(old, known + new)} == {example.key for example in new}


def test_an_equal_teacher_gives_no_reason_to_refuse(old: Model) -> None:
    changes = succession.compare(old, reports(0) + reports(100), make)
    assert {change.function for change in changes} == set(WORDS)
    assert all(change.rows == 30 for change in changes)
    assert not any(change.worse for change in changes)


def test_a_bad_teacher_is_caught_at_the_function_that_suffers(old: Model) -> None:
    def confused(examples: Sequence[Example]) -> Model:
        """Learn that water is waste."""
        taught = [
            replace(example, labels={**example.labels, "functions": "dlh"})
            if example.labels["functions"] == "pdam" and number % 4
            else example
            for number, example in enumerate(examples)
        ]
        return make(taught)

    worse = {change.function for change in succession.compare(old, reports(0) + reports(100), confused) if change.worse}
    assert worse == {"pdam"}


def test_too_few_reports_judge_nothing(old: Model) -> None:
    few = reports(100)[:10]
    assert succession.compare(old, reports(0) + few, make) == []


def test_without_anything_new_the_written_trial_judges(old: Model) -> None:
    held = reports(100)
    figures = measure(judge_reports(old, "functions", held), draws=0)
    trial = Trial("2024", "", fingerprint(held), figures, figures, figures, {"functions": figures})
    label = {one.label: {"rows": one.rows, "right": one.right} for one in figures.by_label}
    same = {"fingerprint": fingerprint(held[::-1]), "label": label}
    assert [change.worse for change in succession.compare_trials(same, trial)] == [False] * 3
    better = {**same, "label": {**label, "pu": {"rows": 30, "right": 30}}}
    half = replace(
        figures, by_label=tuple(replace(one, right=15) if one.label == "pu" else one for one in figures.by_label)
    )
    fallen = succession.compare_trials(better, replace(trial, by_head={"functions": half}))
    assert {change.function for change in fallen if change.worse} == {"pu"}
    assert succession.compare_trials({**same, "fingerprint": "0"}, trial) == []
