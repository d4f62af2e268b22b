"""Figures mean what their names say, and their intervals are those of chance."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from classifier.evaluation import judge, measure, only
from classifier.head import AS_IT_IS, Bands

LABELS = ("pu", "dlh", "pln")
SCORES = np.array([[9.0, 1, 0], [8, 7, 0], [0, 9, 1], [0, 1, 9], [9, 0, 1], [2, 1, 0]])
TRUTH = ("pu", "dlh", "dlh", "pln", "pln", "kai")


def test_each_figure_of_a_small_example() -> None:
    figures = measure(judge(LABELS, SCORES, TRUTH, AS_IT_IS, Bands(0.2, 0.05, 0.9)), draws=200)
    assert figures.rows == 6
    value = {name: figure.value for name, figure in figures.by_name.items()}
    said = ("pu", "pu", "dlh", "pln", "pu", "pu")
    assert value["accuracy"] == pytest.approx(3 / 6)
    assert value["top3"] == pytest.approx(5 / 6)
    expected = f1_score(TRUTH, said, labels=sorted(set(TRUTH)), average="macro", zero_division=0)
    assert value["macro_f1"] == pytest.approx(expected)
    assert value["coverage90"] == pytest.approx(4 / 6)
    assert value["size90"] == pytest.approx((1 + 2 + 1 + 1 + 1 + 2) / 6)
    assert value["auto_share"] == pytest.approx(4 / 6)
    assert value["auto_precision"] == pytest.approx(3 / 4)


def test_by_label() -> None:
    labels = {label.label: label for label in measure(judge(LABELS, SCORES, TRUTH, AS_IT_IS), draws=0).by_label}
    assert set(labels) == {"pu", "dlh", "pln", "kai"}
    assert (labels["pu"].rows, labels["pu"].said, labels["pu"].right) == (1, 4, 1)
    assert (labels["kai"].rows, labels["kai"].said, labels["kai"].f1) == (1, 0, 0.0)


def test_only_some_labels_are_judged() -> None:
    judged = only(judge(LABELS, SCORES, TRUTH, AS_IT_IS), frozenset({"pln"}))
    assert judged.truth == ("pln", "pln")
    assert measure(judged, draws=0).by_name["accuracy"].value == 0.5


def test_nothing_to_judge_has_no_figures() -> None:
    assert measure(only(judge(LABELS, SCORES, TRUTH, AS_IT_IS), frozenset())).by_name == {}


def test_an_interval_is_the_one_that_chance_leaves() -> None:
    """Of 400 reports with 80 % right the standard error is 2 %: the interval reaches about 4 points to each side."""
    right = np.arange(400) % 5 > 0
    scores = np.where(right[:, None], [[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]])
    accuracy = measure(judge(LABELS, scores, ["pu"] * 400, AS_IT_IS)).by_name["accuracy"]
    assert accuracy.value == 0.8
    assert accuracy.low == pytest.approx(0.76, abs=0.01)
    assert accuracy.high == pytest.approx(0.84, abs=0.01)


def test_overconfidence_is_measured() -> None:
    scores = np.tile([[3.0, 0.0, 0.0]], (200, 1))
    judged = judge(LABELS, scores, ["pu", "dlh"] * 100, AS_IT_IS)
    assert measure(judged, draws=0).by_name["calibration_error"].value == pytest.approx(judged.sure[0, 0] - 0.5)
