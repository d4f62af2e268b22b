"""Trials: what a model of this make says of a time and a place that it has not seen, beside a plain reference."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline, make_union
from sklearn.svm import LinearSVC

from classifier.evaluation import LOCAL, Figures, Judged, judge, measure, only
from classifier.examples import Example, true_label
from classifier.features import trust
from classifier.head import AS_IT_IS
from classifier.modelfile import Model
from classifier.training import hold_out, is_report, scores

_FEWEST = 20  # labelled reports: fewer say nothing


@dataclass(frozen=True, slots=True)
class Trial:
    """One hold-out. `by_head` has the figures of the model and `local` those over the functions of local offices.

    `reference` is measured on the same local reports, `by_channel` has the model's figures on them by channel. `moved`
    is like `local`, but with the true function of today where a mandate has moved since the report.
    """

    held: str
    learned: str
    fingerprint: str
    local: Figures
    moved: Figures
    reference: Figures
    by_head: dict[str, Figures]
    by_channel: dict[str, Figures] = field(default_factory=dict)


def trials(examples: Sequence[Example], make: Callable[[Sequence[Example]], Model]) -> Iterator[Trial]:
    """Give the trials that the examples allow: the last year held out, then each source in turn.

    `make` makes a model from examples. Raises ValueError where nothing can be held out.
    """
    ways = list(hold_outs(examples))
    if not ways:
        raise ValueError("nothing to hold out: reports of two years or of two sources are needed")
    for held, learned, reports in ways:
        others = hold_out(examples, reports)
        model = make(others)
        judged = judge_reports(model, "functions", reports)
        channels = sorted({report.channel for report in reports if report.channel})
        by_channel = {
            channel: _local(model, [report for report in reports if report.channel == channel]) for channel in channels
        }
        yield Trial(
            held=held,
            learned=learned,
            fingerprint=fingerprint(reports),
            moved=measure(only(judge_reports(model, "functions", [_moved(report) for report in reports]), LOCAL)),
            local=measure(only(judged, LOCAL)),
            reference=measure(only(_reference(others, reports), LOCAL)),
            by_head={name: measure(judge_reports(model, name, reports)) for name in model.heads},
            by_channel={channel: figures for channel, figures in by_channel.items() if figures.rows >= _FEWEST},
        )


def fingerprint(reports: Sequence[Example]) -> str:
    """Return a number that is equal for equal reports, in any order."""
    return f"{sum(int(report.key, 16) for report in reports) % 2**64:016x}"


def _moved(report: Example) -> Example:
    """Return the report with the label that it has today."""
    return replace(report, labels={**report.labels, "functions": true_label(report, "functions")})


def hold_outs(examples: Sequence[Example]) -> Iterator[tuple[str, str, list[Example]]]:
    """Give what is held out and what is learned from, in words, and the reports held out."""
    reports = [example for example in examples if is_report(example)]
    years = {report.year for report in reports if report.year}
    if years and len({report.block for report in reports}) > 1:
        last = max(years)
        yield str(last), f"all before {last}", [report for report in reports if report.year == last]
    sources = sorted({report.source for report in reports})
    for source in sources if len(sources) > 1 else ():
        rest = ", ".join(other for other in sources if other != source)
        yield source, rest, [report for report in reports if report.source == source]


def judge_reports(model: Model, name: str, reports: Sequence[Example]) -> Judged:
    """Return what a model says of the reports that have a label for this head."""
    labelled = [report for report in reports if report.labels[name]]
    head = model.heads[name]
    truth = [report.labels[name] for report in labelled]
    found = scores(model, name, [report.text for report in labelled])
    known = frozenset(model.vocabulary.tolist())
    trusted = np.array([1.0 if name == "report_class" else trust(report.text, known) for report in labelled])
    return judge(head.labels, found, truth, head.calibration, model.bands if name == "functions" else None, trusted)


def _local(model: Model, reports: Sequence[Example]) -> Figures:
    return measure(only(judge_reports(model, "functions", reports), LOCAL))


def _reference(others: Sequence[Example], reports: Sequence[Example]) -> Judged:
    """TF-IDF of words (1-2) and characters (3-5) with a linear support vector machine, nothing tuned, reports alone."""
    known = [example for example in others if is_report(example) and example.labels["functions"]]
    judged = [report for report in reports if report.labels["functions"]]
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True)
    machine = make_pipeline(make_union(words, characters), LinearSVC(random_state=0))
    machine.fit([example.text for example in known], [example.labels["functions"] for example in known])
    found: NDArray[np.float64] = machine.decision_function([report.text for report in judged])
    if found.ndim == 1:  # scikit-learn gives one line between two labels; we want one for each
        found = np.stack([-found, found], axis=1)
    labels = tuple(str(label) for label in machine.classes_)
    return judge(labels, found, [report.labels["functions"] for report in judged], AS_IT_IS)
