"""How well a model reads reports that it has not learned from: every figure with the interval that chance leaves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from classifier.head import Bands, Calibration, confidences

LOCAL = frozenset(
    "bapenda bencana bkd dagin dinkes dinsos dishub disdik dispora dlh dp3a_kb dukcapil inspektorat keuangan_daerah "
    "kominfo koperasi_ukm naker pariwisata_budaya pdam perkim pertanian pmd ptsp pu satpol".split()
)
"""The functions of a regency's or city's own offices; the others are national bodies."""

_BINS = 10
_DRAWS = 1000


@dataclass(frozen=True, slots=True)
class Judged:
    """What was said of n reports: confidences (n, k) in the order of `labels`, the truth (n), the functions' bands."""

    labels: tuple[str, ...]
    sure: NDArray[np.float64]
    truth: tuple[str, ...]
    bands: Bands | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured share, and the middle 95 of 100 values that drawing the reports again would give."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """The value with its interval."""
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


@dataclass(frozen=True, slots=True)
class Label:
    """How one label fares: its reports, how often it was said, how often rightly, and the shares that follow."""

    label: str
    rows: int
    said: int
    right: int
    recall: float
    precision: float
    f1: float


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures over `rows` reports by name (see `measure`), and by label."""

    rows: int
    by_name: dict[str, Figure]
    by_label: tuple[Label, ...]


def judge(
    labels: tuple[str, ...],
    scores: NDArray[np.float64],
    truth: Sequence[str],
    calibration: Calibration,
    bands: Bands | None = None,
    trust: float | NDArray[np.float64] = 1.0,
) -> Judged:
    """Return scores (n, k) as confidences beside the truth."""
    return Judged(labels, confidences(scores, calibration, trust), tuple(truth), bands)


def only(judged: Judged, wanted: frozenset[str]) -> Judged:
    """Return the reports whose true label is among the wanted ones."""
    kept = [place for place, label in enumerate(judged.truth) if label in wanted]
    return Judged(judged.labels, judged.sure[kept], tuple(judged.truth[place] for place in kept), judged.bands)


def measure(judged: Judged, *, draws: int = _DRAWS, quiet: bool = True) -> Figures:
    """Return the figures; a label that the model does not know counts as missed.

    accuracy: the first guess is right. macro_f1: the mean of F1 over the labels that occur. top3: right among the
    first three. calibration_error: mean distance from "80 % sure" to being right in 80 of 100 (10 bins of equal width).
    With bands also coverage90, coverage95: the truth is in the set; size90, size95: labels in the set; auto_share and
    auto_precision: reports in the auto band, and how many of them are right. Intervals are percentiles of a bootstrap
    over reports with a fixed seed.
    """
    rows = len(judged.truth)
    if rows == 0:
        return Figures(0, {}, ())
    truth = np.array([judged.labels.index(label) if label in judged.labels else -1 for label in judged.truth])
    # A label that the model does not know still is a label: its F1 is 0.
    strange = sorted(set(judged.truth) - set(judged.labels))
    names = (*judged.labels, *strange)
    kinds = np.array([names.index(label) for label in judged.truth])
    order = np.argsort(-judged.sure, axis=1, kind="stable")
    best = order[:, 0]
    right = best == truth
    sure = judged.sure.max(axis=1)
    columns: dict[str, NDArray[np.float64]] = {
        "accuracy": right.astype(float),
        "top3": (order[:, :3] == truth[:, None]).any(axis=1).astype(float),
    }
    if judged.bands is not None:
        own = np.where(truth >= 0, judged.sure[np.arange(rows), truth], -1.0)
        for name, threshold in (("90", judged.bands.set90), ("95", judged.bands.set95)):
            size = np.maximum((judged.sure >= threshold).sum(axis=1), 1)
            columns[f"coverage{name}"] = ((own >= threshold) | right).astype(float)
            columns[f"size{name}"] = size.astype(float)
        columns["auto_share"] = (sure >= judged.bands.auto).astype(float)

    def once(chosen: NDArray[np.intp]) -> dict[str, float]:
        found = {name: float(column[chosen].mean()) for name, column in columns.items()}
        found["macro_f1"] = _macro_f1(kinds[chosen], best[chosen], len(names))
        found["calibration_error"] = _gap(sure[chosen], right[chosen])
        if judged.bands is not None:
            alone = sure[chosen] >= judged.bands.auto
            found["auto_precision"] = float(right[chosen][alone].mean()) if alone.any() else float("nan")
        return found

    said = [names[place] for place in best]
    return Figures(rows, _intervals(once, rows, draws, quiet), _by_label(np.array(judged.truth), np.array(said)))


def _intervals(
    once: Callable[[NDArray[np.intp]], dict[str, float]], rows: int, draws: int, quiet: bool
) -> dict[str, Figure]:
    chance = np.random.default_rng(0)
    values = once(np.arange(rows))
    drawn = [once(chance.integers(0, rows, rows)) for _ in tqdm(range(draws), desc="drawing again", disable=quiet)]
    found = {}
    for name, value in values.items():
        spread = [one[name] for one in drawn if one[name] == one[name]]  # an empty band has no precision
        low, high = np.percentile(spread, [2.5, 97.5]) if spread else (float("nan"), float("nan"))
        found[name] = Figure(value, float(low), float(high))
    return found


def _macro_f1(truth: NDArray[np.intp], said: NDArray[np.intp], kinds: int) -> float:
    """Return scikit-learn's macro F1 over the labels that occur, fast enough to be drawn a thousand times."""
    true, named = np.bincount(truth, minlength=kinds), np.bincount(said, minlength=kinds)
    hits = np.bincount(truth[truth == said], minlength=kinds)
    occur = true > 0
    return float((2 * hits[occur] / (true[occur] + named[occur])).mean())


def _by_label(truth: NDArray[np.str_], said: NDArray[np.str_]) -> tuple[Label, ...]:
    found = []
    for label in sorted(set(truth)):
        inside, named = truth == label, said == label
        hits = int((inside & named).sum())
        recall, precision = hits / int(inside.sum()), hits / max(1, int(named.sum()))
        f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
        found.append(Label(label, int(inside.sum()), int(named.sum()), hits, recall, precision, f1))
    return tuple(found)


def _gap(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Return the expected calibration error: how far "80 % sure" is from being right in 80 of 100 cases."""
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    claimed = np.bincount(bins, confidence, _BINS)
    true = np.bincount(bins, right.astype(float), _BINS)
    return float(np.abs(claimed - true).sum() / len(right))
