"""One question to a text and the numbers that answer it: a linear model with honest confidence."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier.features import Floats


@dataclass(frozen=True, slots=True)
class Calibration:
    """From scores to honest confidence: temperature spreads it, doubt is the share that no score moves.

    Doubt caps a confidence at about 1 - doubt: some reports went to an office that no text could have foretold.
    """

    temperature: float
    doubt: float


AS_IT_IS = Calibration(1.0, 0.0)


@dataclass(frozen=True, slots=True)
class Bands:
    """Confidences from which on a function is in the 90 % set, in the 95 % set, and safe to take unseen."""

    set90: float
    set95: float
    auto: float


ASK_ALWAYS = Bands(0.0, 0.0, 1.01)


@dataclass(frozen=True, slots=True)
class Head:
    """A linear model over SIZE columns and k labels: weights (SIZE, k) int8, scale (k,) and intercept (k,) float32.

    A weight is one byte: the score of a text moves by less than a hundredth, and the file is a quarter of its size.
    """

    labels: tuple[str, ...]
    weights: NDArray[np.int8]
    scale: Floats
    intercept: Floats
    calibration: Calibration


def squeeze(labels: tuple[str, ...], coefficients: Floats, intercept: Floats, calibration: Calibration) -> Head:
    """Return the head for coefficients of shape (SIZE, k), each label's largest weight becoming 127."""
    largest = np.abs(coefficients).max(axis=0)
    scale = np.where(largest > 0, largest / 127, 1).astype(np.float32)
    return Head(labels, np.rint(coefficients / scale).astype(np.int8), scale, intercept.astype(np.float32), calibration)


def confidences(
    scores: NDArray[np.floating], calibration: Calibration, trust: float | NDArray[np.float64] = 1.0
) -> NDArray[np.float64]:
    """Return probabilities for scores (k labels on the last axis); trust (0 to 1, by text) is the share that counts."""
    heat = np.asarray(scores, dtype=np.float64) / calibration.temperature
    weights = np.exp(heat - heat.max(axis=-1, keepdims=True))
    probabilities = weights / weights.sum(axis=-1, keepdims=True)
    certain = (1 - calibration.doubt) * np.asarray(trust)[..., None]
    return np.asarray(certain * probabilities + (1 - certain) / heat.shape[-1])
