"""How well a model reads reports that it has not learned from, beside a plain reference on the same reports."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline, make_union
from sklearn.svm import LinearSVC

from classifier.examples import Example
from classifier.head import confidences
from classifier.modelfile import HEADS
from classifier.training import TooFewError, Trained, labelled, last_year, scores, split, train

_BINS = 10


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares between 0 and 1 over `rows` reports; `gap` is the mean distance from confidence to truth."""

    rows: int
    accuracy: float
    macro_f1: float
    top3: float
    gap: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The figures of the model and of the reference, by head, on the reports of one year that neither had seen."""

    year: int
    model: dict[str, Figures]
    reference: dict[str, Figures]


def evaluate(examples: Sequence[Example]) -> Comparison:
    """Train on all but the last year, measure on the last year. Raises ValueError where there is no such year."""
    year = last_year(examples)
    if year is None:
        raise ValueError("no row has a date: nothing to hold out by time")
    earlier, later = split(examples, year)
    for name in HEADS:
        if not any(example.labels[name] for example in later):
            raise ValueError(f"{name}: no labelled row in {year} to measure on")
    try:
        trained = train(earlier)
    except TooFewError as error:
        raise ValueError(f"with {year} held out to measure on: {error}") from error
    return Comparison(
        year,
        {name: measure(trained, name, later) for name in HEADS},
        {name: _reference(earlier, later, name) for name in HEADS},
    )


def measure(trained: Trained, name: str, examples: Sequence[Example]) -> Figures:
    """Return the figures of one head on labelled examples; a label that the model does not know counts as missed."""
    texts, truth = labelled(examples, name)
    head = trained.model.heads[name]
    return _figures(head.labels, confidences(scores(trained.model, name, texts), head.calibration), truth, honest=True)


def _reference(earlier: Sequence[Example], later: Sequence[Example], name: str) -> Figures:
    """Measure TF-IDF of words (1-2) and characters (3-5) with a linear support vector machine, nothing tuned."""
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True)
    machine = make_pipeline(make_union(words, characters), LinearSVC(random_state=0))
    machine.fit(*labelled(earlier, name))
    texts, truth = labelled(later, name)
    found = machine.decision_function(texts)
    if found.ndim == 1:
        found = np.stack([-found, found], axis=1)
    return _figures(tuple(str(label) for label in machine.classes_), found, truth, honest=False)


def _figures(labels: tuple[str, ...], found: NDArray[np.floating], truth: list[str], *, honest: bool) -> Figures:
    judged = sorted(set(truth))
    ranked = np.array(labels, dtype=object)[np.argsort(-found, axis=1, kind="stable")]
    right = ranked == np.array(truth, dtype=object)[:, None]
    return Figures(
        rows=len(truth),
        accuracy=float(right[:, 0].mean()),
        macro_f1=float(f1_score(truth, ranked[:, 0].tolist(), labels=judged, average="macro", zero_division=0)),
        top3=float(right[:, :3].any(axis=1).mean()),
        gap=_gap(found.max(axis=1), right[:, 0]) if honest else None,
    )


def _gap(confidence: NDArray[np.floating], right: NDArray[np.bool_]) -> float:
    """Return the expected calibration error: how far "80 % sure" is from being right in 80 of 100 cases."""
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    distances = (abs((confidence[bins == place] - right[bins == place]).sum()) for place in set(bins.tolist()))
    return float(sum(distances) / len(right))
