"""Reading a text: ranked functions, topics and classes with honest confidence, and the words that decided."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from classifier import modelfile
from classifier.features import counts, features, shares, trust, weighed
from classifier.head import Head, confidences
from classifier.modelfile import Model
from classifier.text import normalise, words

Band = Literal["auto", "ask"]

_SHOWN = 5
_REASONS = 6


@dataclass(frozen=True, slots=True)
class Guess:
    """A label and how sure the model is of it, 0 to 1."""

    label: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text is about, best guess first: five functions, five topics, three classes, and the model's version.

    `likely` holds the functions that together contain the true one in 90 of 100 reports, `possible` in 95; there is
    always one at least. In the band `auto` the first function is right in 95 of 100 reports; `ask` is for a person.
    """

    functions: tuple[Guess, ...]
    topics: tuple[Guess, ...]
    report_class: tuple[Guess, ...]
    likely: tuple[str, ...]
    possible: tuple[str, ...]
    band: Band
    model: str


@dataclass(frozen=True, slots=True)
class Reason:
    """Characters start to end of the text that spoke for a function; weight is their share of all that spoke for it."""

    start: int
    end: int
    weight: float


class Classifier:
    """A model ready to read. It never changes after it was made, so that all threads may share one."""

    def __init__(self, model: Model, version: str) -> None:
        """Take the heads side by side, so that one product of numbers answers all three questions."""
        heads = [model.heads[name] for name in modelfile.HEADS]
        self.version = version
        self._rarities = model.rarities
        self._heads = heads
        self._bands = model.bands
        self._vocabulary = frozenset(model.vocabulary.tolist())
        self._weights = np.concatenate([head.weights for head in heads], axis=1)
        self._scale = np.concatenate([head.scale for head in heads])
        self._intercept = np.concatenate([head.intercept for head in heads])
        self._ends = np.cumsum([len(head.labels) for head in heads])[:-1]

    @property
    def functions(self) -> tuple[str, ...]:
        """The functions that this model can name."""
        return self._heads[0].labels

    @property
    def sure_from(self) -> float:
        """The confidence from which on a function is in the band `auto`."""
        return self._bands.auto

    def read(self, text: str, title: str = "") -> Reading:
        """Return what the text is about. Accepts any str and reads about its first 4,000 characters; never raises.

        A text without a word gets the guesses that no word supports: low confidence and the band `ask`.
        """
        plain = normalise(text, title)
        columns, weights = features(plain, self._rarities)
        return self._reading(weights @ self._weights[columns].astype(np.float32), plain)

    def read_many(self, texts: Sequence[tuple[str, str]]) -> list[Reading]:
        """Return the readings of (text, title) pairs, in order; faster than one by one."""
        if not texts:
            return []
        plain = [normalise(text, title) for text, title in texts]
        products = weighed(counts(plain), self._rarities) @ self._weights.astype(np.float32)
        return [self._reading(product, one) for product, one in zip(np.asarray(products), plain, strict=True)]

    def why(self, text: str, function: str) -> tuple[Reason, ...]:
        """Return the words of the text that spoke most for the function and not for others, strongest first.

        Empty for a function that the model does not know, and where nothing in the text spoke for it.
        """
        if function not in self.functions:
            return ()
        found = words(text)
        head = self._heads[0]
        columns, weights, tokens = shares([word.form for word in found], self._rarities)
        towards = head.weights[columns].astype(np.float32) * head.scale
        own = head.labels.index(function)
        spoke = np.bincount(tokens, weights * (towards[:, own] - towards.mean(axis=1)), minlength=len(found))
        by_span: dict[tuple[int, int], float] = {}
        for word, gain in zip(found, spoke.tolist(), strict=True):
            by_span[word.start, word.end] = by_span.get((word.start, word.end), 0.0) + gain
        total = sum(gain for gain in by_span.values() if gain > 0)
        best = sorted((item for item in by_span.items() if item[1] > 0), key=lambda item: -item[1])[:_REASONS]
        return tuple(Reason(start, end, gain / total) for (start, end), gain in best)

    def _reading(self, product: NDArray[np.float32], plain: str) -> Reading:
        scores = np.split(product * self._scale + self._intercept, self._ends)
        known = trust(plain, self._vocabulary)
        # Of an unknown matter one class is still likelier than another: nine of ten reports are complaints.
        trusted = (known, known, 1.0)
        sure = [
            confidences(part, head.calibration, share)
            for head, part, share in zip(self._heads, scores, trusted, strict=True)
        ]
        functions, topics, classes = (_guesses(head, part) for head, part in zip(self._heads, sure, strict=True))
        best = functions[0].confidence
        return Reading(
            functions=functions,
            topics=topics,
            report_class=classes,
            likely=_set(self._heads[0], sure[0], self._bands.set90),
            possible=_set(self._heads[0], sure[0], self._bands.set95),
            band="auto" if best >= self._bands.auto else "ask",
            model=self.version,
        )


def load(path: Path | None = None) -> Classifier:
    """Return the classifier of a model file, of the shipped one by default. Raises ModelRefused, a ValueError."""
    model, version = modelfile.read(path or modelfile.PATH)
    return Classifier(model, version)


def _ranked(probabilities: NDArray[np.float64]) -> NDArray[np.intp]:
    return np.argsort(-probabilities, kind="stable")


def _guesses(head: Head, probabilities: NDArray[np.float64]) -> tuple[Guess, ...]:
    return tuple(Guess(head.labels[place], float(probabilities[place])) for place in _ranked(probabilities)[:_SHOWN])


def _set(head: Head, probabilities: NDArray[np.float64], threshold: float) -> tuple[str, ...]:
    order = _ranked(probabilities)
    shown = max(1, int((probabilities >= threshold).sum()))
    return tuple(head.labels[place] for place in order[:shown])
