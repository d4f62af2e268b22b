"""Whether a new model may take the place of the old one: only where it is worse at no function that can be judged."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest

from classifier.examples import Example
from classifier.modelfile import Model
from classifier.training import hold_out, is_report, scores
from classifier.trials import Trial

ENOUGH = 20
"""Reports of a function from which on it is judged: below, one report more or less decides."""

_DOUBTFUL = 0.05  # the chance, below which "worse" is no longer taken for bad luck


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one function: of `rows` reports the old model had `before` right, the new make has `after`."""

    function: str
    rows: int
    before: int
    after: int
    chance: float

    @property
    def worse(self) -> bool:
        """Whether it is worse by more than bad luck explains."""
        return self.chance < _DOUBTFUL


def unseen(old: Model, examples: Sequence[Example]) -> list[Example]:
    """Return the labelled reports that the old model did not learn from."""
    seen = set(old.seen.tolist())
    labels = set(old.heads["functions"].labels)
    return [
        example
        for example in examples
        if is_report(example) and example.labels["functions"] in labels and int(example.key, 16) not in seen
    ]


def compare(old: Model, examples: Sequence[Example], make: Callable[[Sequence[Example]], Model]) -> list[Change]:
    """Return what a new model changes, by function, on the reports that the old one has not seen.

    The new one may not know its examiners either: they are split in two halves, and each half is judged by a model that
    `make` made from everything but that half.
    """
    judges = unseen(old, examples)
    halves = [[judge for judge in judges if int(judge.key, 16) % 2 == side] for side in (0, 1)]
    changes: dict[str, list[tuple[bool, bool]]] = {}
    for half in halves:
        if half:
            before, after = right(old, half), right(make(hold_out(examples, half)), half)
            for judge, was, becomes in zip(half, before, after, strict=True):
                changes.setdefault(judge.labels["functions"], []).append((was, becomes))
    return [_change(function, pairs) for function, pairs in sorted(changes.items()) if len(pairs) >= ENOUGH]


def compare_trials(before: Mapping[str, Any], trial: Trial) -> list[Change]:
    """Return what the new make changes by its trial and by the old make's that is written down.

    For when there is nothing that the old model has not seen. Empty where the two held out different reports.
    """
    if before.get("fingerprint") != trial.fingerprint:
        return []
    changes = []
    for label in trial.by_head["functions"].by_label:
        old = before["label"].get(label.label)
        if old and label.rows >= ENOUGH:
            share = old["right"] / old["rows"]
            chance = float(binomtest(label.right, label.rows, share, alternative="less").pvalue)
            changes.append(Change(label.label, label.rows, old["right"], label.right, chance))
    return changes


def right(model: Model, reports: Sequence[Example]) -> list[bool]:
    """Return for each report whether the model's first function is the true one."""
    labels = model.heads["functions"].labels
    best = scores(model, "functions", [report.text for report in reports]).argmax(axis=1)
    return [labels[place] == report.labels["functions"] for place, report in zip(best, reports, strict=True)]


def _change(function: str, pairs: Sequence[tuple[bool, bool]]) -> Change:
    """Judge by the reports at which the two differ: an exact sign test, one-sided."""
    won = sum(not was and becomes for was, becomes in pairs)
    lost = sum(was and not becomes for was, becomes in pairs)
    chance = float(binomtest(lost, lost + won, 0.5, alternative="greater").pvalue) if lost + won else 1.0
    before, after = (int(np.sum(column)) for column in zip(*pairs, strict=True))
    return Change(function, len(pairs), before, after, chance)
