"""Promises hold on reports that nobody fitted them on; the set is the one that a well-kept library would give."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapie.classification import SplitConformalClassifier
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from classifier.calibration import COVERAGES, PRECISION, HeldOut, fit_bands, fit_calibration
from classifier.evaluation import judge, measure
from classifier.head import AS_IT_IS, Calibration, confidences

LABELS = tuple("abcdef")


def drawn(seed: int, rows: int, *, noise: float = 0.0, heat: float = 1.0) -> HeldOut:
    """Scores whose softmax at `heat` is the chance of each label, but for `noise`: a share of truths drawn blindly."""
    chance = np.random.default_rng(seed)
    scores = chance.normal(0, 2, (rows, len(LABELS)))
    sure = confidences(scores, Calibration(heat, 0.0))
    truth = [LABELS[chance.choice(len(LABELS), p=one)] for one in sure]
    blind = chance.random(rows) < noise
    truth = [LABELS[chance.integers(len(LABELS))] if lost else label for lost, label in zip(blind, truth, strict=True)]
    return HeldOut(LABELS, scores, truth)


@pytest.mark.parametrize(("heat", "noise"), [(0.3, 0.0), (1.0, 0.0), (0.5, 0.2), (3.0, 0.1)])
def test_confidence_becomes_honest(heat: float, noise: float) -> None:
    calibration = fit_calibration(drawn(1, 3000, heat=heat, noise=noise))
    fresh = drawn(2, 3000, heat=heat, noise=noise)
    fitted = measure(judge(LABELS, fresh.scores, fresh.truth, calibration), draws=0).by_name["calibration_error"].value
    assert fitted < 0.03
    if heat != 1.0 or noise:
        before = measure(judge(LABELS, fresh.scores, fresh.truth, AS_IT_IS), draws=0).by_name["calibration_error"].value
        assert fitted < before


@pytest.mark.parametrize("noise", [0.0, 0.03])
def test_sets_and_the_auto_band_hold_on_other_reports(noise: float) -> None:
    known, fresh = drawn(3, 3000, heat=0.3, noise=noise), drawn(4, 3000, heat=0.3, noise=noise)
    calibration = fit_calibration(known)
    bands = fit_bands(known, calibration)
    figures = measure(judge(LABELS, fresh.scores, fresh.truth, calibration, bands), draws=0).by_name
    assert figures["coverage90"].value == pytest.approx(COVERAGES[0], abs=0.02)
    assert figures["coverage95"].value == pytest.approx(COVERAGES[1], abs=0.02)
    assert figures["auto_precision"].value >= PRECISION - 0.02
    assert 0 < figures["auto_share"].value < 1


class Given(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier that says the probabilities that it is asked about."""

    classes_ = np.arange(len(LABELS))

    def fit(self, probabilities: object, truth: object) -> "Given":
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict_proba(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        return probabilities

    def predict(self, probabilities: NDArray[np.float64]) -> NDArray[np.intp]:
        return np.asarray(probabilities.argmax(axis=1))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(40, 400))
def test_the_sets_are_those_of_mapie(seed: int, rows: int) -> None:
    known, fresh = drawn(seed, rows), drawn(seed + 1, 50)
    bands = fit_bands(known, AS_IT_IS)
    theirs = SplitConformalClassifier(
        estimator=Given(), confidence_level=list(COVERAGES), prefit=True, conformity_score="lac"
    )
    theirs.conformalize(confidences(known.scores, AS_IT_IS), np.array([LABELS.index(label) for label in known.truth]))
    sure = confidences(fresh.scores, AS_IT_IS)
    _, sets = theirs.predict_set(sure)
    for place, threshold in enumerate((bands.set90, bands.set95)):
        assert ((sure >= threshold - 1e-12) == sets[:, :, place]).all()


def test_a_label_that_the_model_does_not_know_is_never_covered() -> None:
    known = drawn(5, 200, heat=0.1)
    strange = HeldOut(LABELS, known.scores, ["z"] * 30 + list(known.truth[30:]))
    assert fit_bands(strange, AS_IT_IS).set95 == 0.0


def test_without_a_precise_enough_beginning_nobody_is_taken_unseen() -> None:
    known = drawn(6, 300, noise=1.0)
    assert fit_bands(known, AS_IT_IS).auto > 1
