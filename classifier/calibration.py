"""From scores to promises: how sure, which labels to show, and when nobody needs to look.

Everything here is fitted on reports from another time or place than those that the scores' model learned from.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier.head import Bands, Calibration, confidences

COVERAGES = (0.90, 0.95)
"""How often the true function is among those of the set, for the two sets that are kept."""

PRECISION = 0.95
"""How often the first function is right in the `auto` band."""

# A grid is fine enough for some thousand reports, and never gets stuck. Doubt begins above 0: nothing is ever certain.
_TEMPERATURES = [round(0.02 * 1.1**step, 4) for step in range(60)]
_DOUBTS = [round(0.01 * step, 2) for step in range(1, 31)]
_NEVER = 1.01  # a confidence that no report has: the band is empty
_FEWEST_IN_BAND = 100  # fewer are right together by luck


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What a model said of n reports that it had not seen: scores (n, k) in the order of `labels`, and the truth."""

    labels: tuple[str, ...]
    scores: NDArray[np.float64]
    truth: Sequence[str]


def fit_calibration(held_out: HeldOut) -> Calibration:
    """Return the calibration under which the true labels are likeliest."""
    places = {label: place for place, label in enumerate(held_out.labels)}
    known = np.array([label in places for label in held_out.truth])
    found = held_out.scores[known]
    truth = np.array([places[label] for label in held_out.truth if label in places])
    rows = np.arange(len(truth))

    def surprise(calibration: Calibration) -> float:
        return float(-np.log(confidences(found, calibration)[rows, truth]).mean())

    return min((Calibration(heat, doubt) for heat in _TEMPERATURES for doubt in _DOUBTS), key=surprise)


def fit_bands(held_out: HeldOut, calibration: Calibration) -> Bands:
    """Return the thresholds of the sets and of the auto band.

    A set is split conformal (least ambiguous sets, Sadinle et al. 2019): all labels that are likelier than the
    quantile of the true labels' likelihoods. A label that the model does not know counts as never shown.
    """
    sure = confidences(held_out.scores, calibration)
    places = {label: place for place, label in enumerate(held_out.labels)}
    strange = np.array(
        [1 - sure[row, places[label]] if label in places else 1.0 for row, label in enumerate(held_out.truth)]
    )
    rows = len(strange)
    levels = [min(1.0, np.ceil((rows + 1) * coverage) / rows) for coverage in COVERAGES]
    set90, set95 = (float(1 - np.quantile(strange, level, method="inverted_cdf")) for level in levels)
    best = sure.argmax(axis=1)
    right = np.array([held_out.labels[place] == label for place, label in zip(best, held_out.truth, strict=True)])
    return Bands(set90, set95, _auto(sure.max(axis=1), right))


def _auto(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Return the lowest confidence from which on at least PRECISION of the reports are right."""
    order = np.argsort(-confidence, kind="stable")
    share = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero((share >= PRECISION) & (np.arange(len(order)) >= _FEWEST_IN_BAND - 1))
    return float(confidence[order[enough[-1]]]) if len(enough) else _NEVER
