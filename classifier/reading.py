"""Reading a text: ranked functions, topics and classes, each with a confidence between 0 and 1."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from classifier import modelfile
from classifier.features import features
from classifier.head import Head, confidences
from classifier.modelfile import Model
from classifier.text import normalise

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Guess:
    """A label and how sure the model is of it, 0 to 1."""

    label: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text is about, best guess first: five functions, five topics, three classes, and the model's version."""

    functions: tuple[Guess, ...]
    topics: tuple[Guess, ...]
    report_class: tuple[Guess, ...]
    model: str


class Classifier:
    """A model ready to read. It never changes after it was made, so that all threads may share one."""

    def __init__(self, model: Model, version: str) -> None:
        """Take the heads side by side, so that one product of numbers answers all three questions."""
        heads = [model.heads[name] for name in modelfile.HEADS]
        self._version = version
        self._rarities = model.rarities
        self._heads = heads
        self._weights = np.concatenate([head.weights for head in heads], axis=1)
        self._scale = np.concatenate([head.scale for head in heads])
        self._intercept = np.concatenate([head.intercept for head in heads])
        self._ends = np.cumsum([len(head.labels) for head in heads])[:-1]

    def read(self, text: str, title: str = "") -> Reading:
        """Return what the text is about. Accepts any str and reads about its first 4,000 characters; never raises.

        A text without a word gets the guesses that no word supports: low confidence, not none.
        """
        columns, weights = features(normalise(text, title), self._rarities)
        scores = weights @ self._weights[columns].astype(np.float32) * self._scale + self._intercept
        functions, topics, classes = (
            _guesses(head, part) for head, part in zip(self._heads, np.split(scores, self._ends), strict=True)
        )
        return Reading(functions, topics, classes, self._version)


def load(path: Path | None = None) -> Classifier:
    """Return the classifier of a model file, of the shipped one by default. Raises ModelRefused, a ValueError."""
    model, version = modelfile.read(path or modelfile.PATH)
    return Classifier(model, version)


def _guesses(head: Head, scores: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> tuple[Guess, ...]:
    probabilities = confidences(scores, head.calibration)
    best = np.argsort(-probabilities, kind="stable")[:_SHOWN]
    return tuple(Guess(head.labels[place], float(probabilities[place])) for place in best)
