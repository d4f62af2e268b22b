"""From examples to a model: linear heads over hashed features, their promises fitted on other times and places."""

import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC
from tqdm import tqdm

from classifier.calibration import HeldOut, fit_bands, fit_calibration
from classifier.examples import Example, true_label
from classifier.features import counts, rarity, weighed, word_hashes, words_only
from classifier.head import AS_IT_IS, ASK_ALWAYS, Bands, Calibration, Head, squeeze
from classifier.knowledge import SOURCE, TERMS
from classifier.modelfile import HEADS, Model

# A label with fewer reports is left out: two are the least a margin needs, ten the least a topic is worth showing for.
_FEWEST = {"functions": 2, "topics": 10, "report_class": 2}
_FEWEST_TO_FIT = 20
_SMOOTHING = 1.0
_ALIKE = 0.7  # cosine of the words and pairs of words of two reports, from which on they count as one


class TooFewError(ValueError):
    """The examples do not hold two labels with enough reports for one of the heads."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a head learns. The shipped values won the comparison in docs/classifier.md.

    `margin` and `ratio` are the strengths of the two machines whose mean is the model (0 leaves one out): a support
    vector machine, and one that sees each feature weighed by how much more often its label has it than the others
    (NB-SVM, Wang and Manning 2012). `line` and `term` weigh a row of knowledge against a report (0: not used).
    """

    margin: float = 0.3
    ratio: float = 1.0
    line: float = 1.0
    term: float = 0.5


@dataclass(frozen=True, slots=True)
class Trained:
    """A model, and the number of rows that each head learned from."""

    model: Model
    rows: dict[str, int]


def is_report(example: Example) -> bool:
    """Return whether a citizen wrote it; the rest is knowledge, which nothing is ever measured on."""
    return example.source != SOURCE


def label_of(example: Example, name: str) -> str:
    """Return what an example teaches a head: its own label, or what a second reader saw in it."""
    label, second = example.labels[name], example.second
    if name == "functions" and second and second.function != "none" and (second.overrides or not label):
        return second.function
    return label


def near_duplicates(examples: Sequence[Example]) -> NDArray[np.int32]:
    """Return a number for each example; those that share most of their words have the same number."""
    words = words_only(counts([example.text for example in examples]))
    alike = (words @ words.T) > _ALIKE
    return np.asarray(connected_components(alike, directed=False)[1])


def hold_out(examples: Sequence[Example], held: Sequence[Example]) -> list[Example]:
    """Return what may be learned from when these reports are held out: neither they nor what nearly repeats them.

    Campaigns send one text a hundred times.
    """
    reports = [example for example in examples if is_report(example)]
    out = {report.key for report in held}
    groups = near_duplicates(reports)
    twins = {group for report, group in zip(reports, groups, strict=True) if report.key in out}
    kept = [report for report, group in zip(reports, groups, strict=True) if group not in twins]
    return kept + [example for example in examples if not is_report(example)]


def folds(examples: Sequence[Example]) -> Iterator[tuple[list[Example], list[Example]]]:
    """Give for each block of reports the examples to learn from without it, and the reports of the block."""
    reports = [example for example in examples if is_report(example)]
    for block in sorted({report.block for report in reports}):
        held = [report for report in reports if report.block == block]
        yield hold_out(examples, held), held


def train(examples: Sequence[Example], recipe: Recipe | None = None, *, quiet: bool = True) -> Trained:
    """Return a model that learned from all examples. Its promises were fitted before, on blocks held out in turn.

    Equal examples give an equal model; `quiet` shows no progress. Raises TooFewError.
    """
    recipe = recipe or Recipe()
    rehearsed = rehearse(examples, recipe, quiet=quiet)
    model, rows = fit(examples, recipe)
    heads = {name: replace(head, calibration=_calibration(rehearsed.get(name))) for name, head in model.heads.items()}
    bands = _bands(rehearsed.get("functions"), heads["functions"].calibration)
    return Trained(replace(model, heads=heads, bands=bands), rows)


def rehearse(examples: Sequence[Example], recipe: Recipe, *, quiet: bool = True) -> dict[str, HeldOut]:
    """Return by head what models that had not seen a block said of its labelled reports, over all blocks."""
    found: dict[str, list[tuple[tuple[str, ...], NDArray[np.float64], list[str]]]] = {name: [] for name in HEADS}
    for others, held in tqdm(list(folds(examples)), desc="rehearsing", unit="block", disable=quiet):
        try:
            model, _ = fit(others, recipe)
        except TooFewError:
            continue  # the others know too little to learn from
        for name in model.heads:
            chosen = [report for report in held if report.labels[name]]
            if chosen:
                said = scores(model, name, [report.text for report in chosen])
                found[name].append((model.heads[name].labels, said, [true_label(report, name) for report in chosen]))
    return {name: _joined(parts) for name, parts in found.items() if parts}


def _joined(parts: Sequence[tuple[tuple[str, ...], NDArray[np.float64], list[str]]]) -> HeldOut:
    """Join the blocks; a label that one block's model did not know has the lowest score there."""
    labels = tuple(sorted({label for known, _, _ in parts for label in known}))
    places = {label: place for place, label in enumerate(labels)}
    joined = []
    for known, said, _ in parts:
        wide = np.repeat(said.min(axis=1, keepdims=True), len(labels), axis=1)
        wide[:, [places[label] for label in known]] = said
        joined.append(wide)
    return HeldOut(labels, np.vstack(joined), [label for _, _, truth in parts for label in truth])


def scores(model: Model, name: str, texts: Sequence[str]) -> NDArray[np.float64]:
    """Return the scores of one head for normalised texts, shape (len(texts), k): higher is likelier."""
    head = model.heads[name]
    product = weighed(counts(texts), model.rarities) @ head.weights.astype(np.float32)
    return np.asarray(product * head.scale + head.intercept, dtype=np.float64)


def fit(examples: Sequence[Example], recipe: Recipe) -> tuple[Model, dict[str, int]]:
    """Return a model that learned from all examples and promises nothing yet, and the rows that each head had."""
    examples = [example for example in examples if _weight(example, recipe) > 0]
    counted = counts([example.text for example in examples])
    rarities = rarity(counted)
    features = weighed(counted, rarities)
    weights = np.array([_weight(example, recipe) for example in examples])
    heads, rows = {}, {}
    for name in HEADS:
        labels = np.array([label_of(example, name) for example in examples], dtype=object)
        often = {label for label, times in Counter(labels).items() if label and times >= _FEWEST[name]}
        if len(often) < 2 and name == "functions":
            raise TooFewError("two functions with two reports or more are needed")
        if len(often) < 2:
            continue  # a source may know no topics or no class; such a model is for trials, and cannot be packed
        chosen = np.flatnonzero([label in often for label in labels])
        heads[name] = _head(features[chosen], labels[chosen], weights[chosen], recipe)
        rows[name] = len(chosen)
    seen = np.array(sorted({int(example.key, 16) for example in examples if is_report(example)}), dtype=np.uint64)
    return Model(rarities, heads, ASK_ALWAYS, vocabulary(examples), seen), rows


def vocabulary(examples: Sequence[Example]) -> NDArray[np.uint32]:
    """Return the hashes of the words that more than one example has, sorted."""
    times = Counter(word for example in examples for word in set(word_hashes(example.text)))
    return np.array(sorted(word for word, having in times.items() if having > 1), dtype=np.uint32)


def _weight(example: Example, recipe: Recipe) -> float:
    if is_report(example):
        return 1.0
    return recipe.term if example.channel in TERMS else recipe.line


def _head(features: csr_matrix, labels: NDArray[np.object_], weights: NDArray[np.float64], recipe: Recipe) -> Head:
    names = sorted(set(labels))
    # A column that a single row has can tell that row only.
    seen = np.flatnonzero(np.bincount(features.indices, minlength=features.shape[1]) > 1)
    small = features[:, seen].astype(np.float64)
    # One after the other: liblinear draws from one generator for the whole process, and threads would draw by chance.
    lines = [_line(small, labels == name, weights, recipe) for name in names]
    coefficients = np.zeros((features.shape[1], len(names)), dtype=np.float32)
    coefficients[seen] = np.stack([line for line, _ in lines], axis=1)
    intercept = np.array([start for _, start in lines], dtype=np.float32)
    return squeeze(tuple(names), coefficients, intercept, AS_IT_IS)


def _line(
    features: csr_matrix, inside: NDArray[np.bool_], weights: NDArray[np.float64], recipe: Recipe
) -> tuple[NDArray[np.float64], float]:
    """Return coefficients and intercept that tell one label from all others: the mean of the two machines."""
    coefficients, intercept, machines = np.zeros(features.shape[1]), 0.0, 0
    if recipe.margin:
        line, start = _machine(features, inside, weights, recipe.margin)
        coefficients, intercept, machines = coefficients + line, intercept + start, machines + 1
    if recipe.ratio:
        ratios = _ratios(features, inside, weights)
        line, start = _machine(features.multiply(ratios).tocsr(), inside, weights, recipe.ratio)
        coefficients, intercept, machines = coefficients + line * ratios, intercept + start, machines + 1
    return coefficients / machines, intercept / machines


def _machine(
    features: csr_matrix, inside: NDArray[np.bool_], weights: NDArray[np.float64], strength: float
) -> tuple[NDArray[np.float64], float]:
    # Scores differ by a few thousandths from those of a machine run to the end, which takes three times as long.
    machine = LinearSVC(C=strength, class_weight="balanced", random_state=0, max_iter=20_000, tol=0.01)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)  # a half-fitted model must not be shipped
        machine.fit(features, inside, sample_weight=weights)
    return machine.coef_[0], float(machine.intercept_[0])


def _ratios(features: csr_matrix, inside: NDArray[np.bool_], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each column the logarithm of how much more often the rows inside have it than those outside."""
    present = (features > 0).astype(np.float64)
    having = present.T @ (weights * inside) + _SMOOTHING
    others = present.T @ (weights * ~inside) + _SMOOTHING
    return np.asarray(np.log((having / having.sum()) / (others / others.sum())))


def _calibration(held_out: HeldOut | None) -> Calibration:
    return AS_IT_IS if held_out is None or len(held_out.truth) < _FEWEST_TO_FIT else fit_calibration(held_out)


def _bands(held_out: HeldOut | None, calibration: Calibration) -> Bands:
    if held_out is None or len(held_out.truth) < _FEWEST_TO_FIT:
        return ASK_ALWAYS
    return fit_bands(held_out, calibration)
