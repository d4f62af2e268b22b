"""From examples to a model: three linear heads over hashed features, their confidence fitted on later reports."""

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC

from classifier.examples import Example
from classifier.features import counts, rarity, weighed
from classifier.head import AS_IT_IS, Calibration, Head, confidences, squeeze
from classifier.modelfile import HEADS, Model

# A label with fewer reports is left out: two are the least a margin needs, ten the least a topic is worth showing for.
_FEWEST = {"functions": 2, "topics": 10, "report_class": 2}
_FEWEST_TO_FIT = 20
_REGULARISATION = 0.3
# A grid is fine enough for some hundred reports, and never gets stuck. Doubt begins above 0: nothing is ever certain.
_TEMPERATURES = [round(0.02 * 1.1**step, 4) for step in range(50)]
_DOUBTS = [round(0.01 * step, 2) for step in range(1, 31)]


class TooFewError(ValueError):
    """The examples do not hold two labels with enough reports for one of the heads."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A model, and the number of reports that each head learned from."""

    model: Model
    rows: dict[str, int]


def last_year(examples: Sequence[Example]) -> int | None:
    """Return the latest year among the dated examples."""
    return max((example.year for example in examples if example.year is not None), default=None)


def split(examples: Sequence[Example], year: int | None) -> tuple[list[Example], list[Example]]:
    """Return the examples before the year or without one, and those of the year; by time, because chance flatters."""
    earlier = [example for example in examples if year is None or example.year != year]
    return earlier, [example for example in examples if year is not None and example.year == year]


def train(examples: Sequence[Example]) -> Trained:
    """Return a model that learned from all examples. Its confidence was fitted before, on the last year held out.

    Equal examples give an equal model. Raises TooFewError.
    """
    year = last_year(examples)
    calibrations = dict.fromkeys(HEADS, AS_IT_IS)
    if year is not None:
        earlier, later = split(examples, year)
        try:
            rehearsal, _ = _fit(earlier, calibrations)
        except TooFewError:
            pass  # all in one year: nothing to hold out
        else:
            calibrations = {name: _calibration(rehearsal, name, later) for name in HEADS}
    model, rows = _fit(examples, calibrations)
    return Trained(model, rows)


def scores(model: Model, name: str, texts: Sequence[str]) -> NDArray[np.float32]:
    """Return the scores of one head for normalised texts, shape (len(texts), k): higher is likelier."""
    head = model.heads[name]
    product = weighed(counts(texts), model.rarities) @ head.weights.astype(np.float32)
    return np.asarray(product * head.scale + head.intercept, dtype=np.float32)


def labelled(examples: Sequence[Example], name: str) -> tuple[list[str], list[str]]:
    """Return texts and labels of the examples that have a label for this head."""
    chosen = [example for example in examples if example.labels[name]]
    return [example.text for example in chosen], [example.labels[name] for example in chosen]


def _fit(examples: Sequence[Example], calibrations: dict[str, Calibration]) -> tuple[Model, dict[str, int]]:
    counted = counts([example.text for example in examples]) if examples else csr_matrix((0, 0))
    rarities = rarity(counted)
    weights = weighed(counted, rarities)
    heads, rows = {}, {}
    for name in HEADS:
        labels = np.array([example.labels[name] for example in examples], dtype=object)
        often = {label for label, times in Counter(labels).items() if label and times >= _FEWEST[name]}
        if len(often) < 2:
            raise TooFewError(f"{name}: two labels with {_FEWEST[name]} reports or more are needed")
        chosen = np.array([label in often for label in labels])
        heads[name] = _head(weights[chosen], labels[chosen].tolist(), calibrations[name])
        rows[name] = int(chosen.sum())
    return Model(rarities, heads), rows


def _head(weights: csr_matrix, labels: list[str], calibration: Calibration) -> Head:
    machine = LinearSVC(C=_REGULARISATION, class_weight="balanced", random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)  # a half-fitted model must not be shipped
        machine.fit(weights, labels)
    coefficients, intercept = machine.coef_, machine.intercept_
    if len(machine.classes_) == 2:  # scikit-learn gives one line between two labels; we want one for each
        coefficients, intercept = np.vstack([-coefficients, coefficients]), np.concatenate([-intercept, intercept])
    names = tuple(str(label) for label in machine.classes_)
    return squeeze(names, coefficients.T.astype(np.float32), intercept, calibration)


def _calibration(model: Model, name: str, examples: Sequence[Example]) -> Calibration:
    """Return the calibration under which the examples' labels are likeliest, or none where they are too few to tell."""
    head = model.heads[name]
    places = {label: place for place, label in enumerate(head.labels)}
    known = [example for example in examples if example.labels[name] in places]
    if len(known) < _FEWEST_TO_FIT:
        return AS_IT_IS
    texts, labels = labelled(known, name)
    found = scores(model, name, texts)
    truth = np.array([places[label] for label in labels])

    def surprise(calibration: Calibration) -> float:
        return float(-np.log(confidences(found, calibration)[np.arange(len(truth)), truth]).mean())

    choices = (Calibration(temperature, doubt) for temperature in _TEMPERATURES for doubt in _DOUBTS)
    return min(choices, key=surprise)
