"""Ways of learning side by side on the same hold-outs: `python -m bench.models DATA.csv`.

Every way learns from the same examples and is measured on the same reports, which come from a year or a source that
it has not seen; what nearly repeats a held-out report is never learned from. Figures count the functions of local
offices. With `--json FILE` each result is kept as soon as it is there; with `--markdown docs/classifier.md` the table
of that page is written anew. fastText takes part where the package fasttext-numpy2-wheel is installed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import ComplementNB
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.preprocessing import normalize
from sklearn.svm import LinearSVC
from tqdm import tqdm

from classifier.evaluation import LOCAL, judge, measure, only
from classifier.examples import Example, read_examples, true_label
from classifier.features import Floats, counts, rarity, weighed
from classifier.head import AS_IT_IS, Calibration, confidences
from classifier.knowledge import TERMS, read_knowledge
from classifier.topics import read_topics
from classifier.training import Recipe, fit, hold_out, is_report, label_of, near_duplicates, scores
from classifier.trials import hold_outs

SHIPPED = "SVM and NB-SVM, as shipped"
FIGURES = ("accuracy", "macro_f1", "top3")
BEGIN, END = "<!-- written by bench.models: begin -->", "<!-- written by bench.models: end -->"

GROUPS = {
    "infrastructure": "pu perkim dishub dlh pdam bencana satpol pln esdm kai",
    "people": "dukcapil dinkes disdik dinsos dp3a_kb dispora pariwisata_budaya naker bpjs_kesehatan bpjs_tk kemenag",
    "economy": "dagin koperasi_ukm pertanian keuangan_perbankan pos_telekomunikasi ptsp bapenda",
    "government": "bkd pmd keuangan_daerah kominfo inspektorat polri imigrasi bpn hukum_ham",
}
"""Functions by what their reports speak of: things outdoors, people's lives, trade and dues, the state's own house."""

FASTTEXT = {"epoch": 40, "lr": 0.5, "dim": 60, "wordNgrams": 2, "minn": 3, "maxn": 5, "bucket": 200_000, "thread": 1}

_FUNCTIONS = tuple(name for line in GROUPS.values() for name in line.split())
_ROUNDS = 3
_MARGIN = 0.5  # between the best and the second score, from which on self-training believes its own label
_FOLDS = 2
_FILLERS = 20
_SHARPNESS = Calibration(temperature=0.25, doubt=0.0)


@dataclass(frozen=True, slots=True)
class Said:
    """What a way says of n held-out reports: scores (n, k) in the order of `labels`, higher is likelier."""

    labels: tuple[str, ...]
    scores: NDArray[np.float64]


@dataclass(slots=True)
class Split:
    """One hold-out: what may be learned from, and the reports with a label to be measured on.

    `said` remembers what a recipe said, since several ways are made of the same machines.
    """

    held: str
    examples: list[Example]
    reports: list[Example]
    said: dict[tuple[Recipe, bool], Said] = field(default_factory=dict)

    @property
    def texts(self) -> list[str]:
        """The normalised texts to be measured on."""
        return [report.text for report in self.reports]


Way = Callable[[Split], Said]


# --- the classifier's own machines -----------------------------------------------------------------


def ours(split: Split, *, second: bool = True, **changes: float) -> Said:
    """Return what the shipped recipe says with some of its values changed, with second readings or without."""
    recipe = replace(Recipe(), **changes)
    if recipe.margin and recipe.ratio:
        # The recipe's model is the mean of its two machines, and each of them is a way of its own.
        return _mean([ours(split, second=second, **{**changes, half: 0.0}) for half in ("ratio", "margin")])
    if (recipe, second) not in split.said:
        examples = split.examples if second else _without_second(split.examples)
        split.said[recipe, second] = _fitted(examples, recipe, split.texts)
    return split.said[recipe, second]


def _fitted(examples: Sequence[Example], recipe: Recipe, texts: Sequence[str]) -> Said:
    model, _ = fit(_functions_only(examples), recipe)
    return Said(model.heads["functions"].labels, scores(model, "functions", texts))


def _functions_only(examples: Sequence[Example]) -> list[Example]:
    """Return the examples with next to nothing for the other heads, which `fit` wants and nobody measures here.

    Reports of one source alone need not have topics.
    """
    found, fillers = [], 0
    for each in examples:
        filler = "ab"[fillers % 2] if is_report(each) and fillers < _FILLERS else ""
        fillers += bool(filler)
        found.append(replace(each, labels={**each.labels, "topics": filler, "report_class": filler}))
    return found


def _mean(parts: Sequence[Said]) -> Said:
    return Said(parts[0].labels, np.asarray(np.mean([part.scores for part in parts], axis=0)))


def _without_second(examples: Sequence[Example]) -> list[Example]:
    return [replace(example, second=None) for example in examples]


# --- other machines over the same features ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows to learn from: features (n, SIZE), labels and weights (n), and the rarities that weighed them."""

    features: csr_matrix
    labels: NDArray[np.str_]
    weights: NDArray[np.float64]
    rarities: Floats

    def of(self, texts: Sequence[str]) -> csr_matrix:
        """Return other texts as features of the same weights."""
        return weighed(counts(texts), self.rarities)


def rows_of(examples: Sequence[Example], *, knowledge: bool = True) -> Rows:
    """Return the examples that teach a function as rows, terms at their weight in the shipped recipe."""
    taught = [each for each in examples if label_of(each, "functions") and (knowledge or is_report(each))]
    counted = counts([each.text for each in taught])
    rarities = rarity(counted)
    weights = [Recipe().term if each.channel in TERMS and not is_report(each) else 1.0 for each in taught]
    labels = np.array([label_of(each, "functions") for each in taught])
    return Rows(weighed(counted, rarities), labels, np.array(weights), rarities)


def complement(split: Split, *, knowledge: bool = True) -> Said:
    """Complement naive Bayes (Rennie et al. 2003)."""
    rows = rows_of(split.examples, knowledge=knowledge)
    machine = ComplementNB(alpha=0.3).fit(rows.features, rows.labels, sample_weight=rows.weights)
    return Said(_names(machine), machine.predict_joint_log_proba(rows.of(split.texts)))


def logistic(split: Split) -> Said:
    """Multinomial logistic regression."""
    rows = rows_of(split.examples)
    seen = np.flatnonzero(np.bincount(rows.features.indices, minlength=rows.features.shape[1]) > 1)
    machine = LogisticRegression(C=100, class_weight="balanced", max_iter=200)
    machine.fit(rows.features[:, seen], rows.labels, sample_weight=rows.weights)
    return Said(_names(machine), machine.decision_function(rows.of(split.texts)[:, seen]))


def self_taught(split: Split) -> Said:
    """Self-training: reports without a label get the one that the machine is sure of, and it learns again."""
    examples = [each for each in _without_second(split.examples) if is_report(each)]
    rows = rows_of(examples)
    unlabelled = rows.of([each.text for each in examples if not each.labels["functions"]])
    names, said = against_rest(rows, unlabelled)
    for _ in range(_ROUNDS):
        ranked = np.sort(said, axis=1)
        sure = ranked[:, -1] - ranked[:, -2] >= _MARGIN
        guessed = np.array(names)[said.argmax(axis=1)]
        more = Rows(
            _below(rows.features, unlabelled[sure]),
            np.concatenate([rows.labels, guessed[sure]]),
            np.concatenate([rows.weights, np.full(int(sure.sum()), 0.5)]),
            rows.rarities,
        )
        names, said = against_rest(more, unlabelled)
    return Said(*against_rest(more, rows.of(split.texts)))


def by_group(split: Split) -> Said:
    """Hierarchical: how sure of the group of functions, times how sure of the function within it."""
    rows, group_of = rows_of(split.examples), {name: group for group, line in GROUPS.items() for name in line.split()}
    new = rows.of(split.texts)
    groups = np.array([group_of[label] for label in rows.labels])
    names, said = against_rest(replace(rows, labels=groups), new)
    sure_of_group = confidences(said, _SHARPNESS)
    labels: list[str] = []
    parts = []
    for place, group in enumerate(names):
        inside = groups == group
        few = Rows(rows.features[inside], rows.labels[inside], rows.weights[inside], rows.rarities)
        within, said = against_rest(few, new)
        labels += within
        parts.append(sure_of_group[:, [place]] * confidences(said, _SHARPNESS))
    return Said(tuple(labels), np.hstack(parts))


def nearest_knowledge(split: Split) -> Said:
    """No report at all: how alike a text and the middle of what is written down of each function are."""
    rows = rows_of([each for each in split.examples if not is_report(each)])
    names, middles = _middles(rows)
    return Said(names, np.asarray((rows.of(split.texts) @ middles.T).todense()))


def knowledge_as_features(split: Split) -> Said:
    """Reports only, and for each how alike it and the middle of each function's knowledge are, as further features."""
    rows = rows_of(split.examples, knowledge=False)
    lines = [each for each in split.examples if not is_report(each)]
    counted = rows.of([each.text for each in lines])
    labels = np.array([label_of(each, "functions") for each in lines])
    _, middles = _middles(Rows(counted, labels, np.ones(len(lines)), rows.rarities))
    widen = partial(_beside, middles=middles)
    return Said(*against_rest(replace(rows, features=widen(rows.features)), widen(rows.of(split.texts))))


def stacked(split: Split) -> Said:
    """Stacking: logistic regression over what the shipped recipe's machines and naive Bayes say out of fold."""
    reports = [each for each in split.examples if is_report(each)]
    knowledge = [each for each in split.examples if not is_report(each)]
    groups = near_duplicates(reports)
    inner, truth = [], []
    for fold in range(_FOLDS):
        others = [each for each, group in zip(reports, groups, strict=True) if group % _FOLDS != fold]
        held = [each for each, group in zip(reports, groups, strict=True) if group % _FOLDS == fold]
        part = Split("", others + knowledge, [each for each in held if label_of(each, "functions")])
        inner.append(_bases(part))
        truth += [label_of(each, "functions") for each in part.reports]
    machine = LogisticRegression(C=1.0, max_iter=1000).fit(np.vstack(inner), truth)
    return Said(_names(machine), machine.decision_function(_bases(split)))


def three_machines(split: Split) -> Said:
    """The mean of the shipped recipe's two machines and naive Bayes, each divided by its spread."""
    return Said(_FUNCTIONS, np.asarray(np.mean(np.hsplit(_bases(split), 3), axis=0)))


def _bases(split: Split) -> NDArray[np.float64]:
    """Return what three machines say, side by side in one order of labels; a label not known has the lowest score."""
    wide = []
    for said in (ours(split, ratio=0.0), ours(split, margin=0.0), complement(split)):
        part = np.repeat(said.scores.min(axis=1, keepdims=True), len(_FUNCTIONS), axis=1)
        part[:, [_FUNCTIONS.index(label) for label in said.labels]] = said.scores
        part -= part.mean(axis=1, keepdims=True)
        wide.append(part / part.std())
    return np.hstack(wide)


def against_rest(rows: Rows, new: csr_matrix) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Return the labels, and for each how far new rows lie on its side of a support vector machine's margin."""
    names = sorted(set(rows.labels.tolist()))
    learned, asked = rows.features.astype(np.float64), new.astype(np.float64)
    learned.sort_indices()

    def line(name: str) -> NDArray[np.float64]:
        machine = LinearSVC(C=Recipe().margin, class_weight="balanced", random_state=0, max_iter=20_000)
        machine.fit(learned, rows.labels == name, sample_weight=rows.weights)
        return np.asarray(machine.decision_function(asked))

    return tuple(names), np.stack(Parallel(n_jobs=-1, prefer="threads")(delayed(line)(name) for name in names), axis=1)


def _middles(rows: Rows) -> tuple[tuple[str, ...], csr_matrix]:
    names = sorted(set(rows.labels.tolist()))
    inside = csr_matrix(np.array([(rows.labels == name) * rows.weights for name in names]))
    return tuple(names), normalize(inside @ rows.features)


def _beside(features: csr_matrix, middles: csr_matrix) -> csr_matrix:
    return hstack([features, normalize(features @ middles.T)]).tocsr()


def _below(upper: csr_matrix, lower: csr_matrix) -> csr_matrix:
    return hstack([upper.T, lower.T]).T.tocsr()


def _names(machine: Any) -> tuple[str, ...]:
    return tuple(str(label) for label in machine.classes_)


# --- from outside ----------------------------------------------------------------------------------


def reference_machine() -> Pipeline:
    """Return what many would begin with: TF-IDF of words and characters and a linear support vector machine."""
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True)
    return make_pipeline(make_union(words, characters), LinearSVC(random_state=0))


def labelled_reports(examples: Sequence[Example]) -> tuple[list[str], list[str]]:
    """Return the texts and functions of the reports that have one of their own."""
    known = [each for each in examples if is_report(each) and each.labels["functions"]]
    return [each.text for each in known], [each.labels["functions"] for each in known]


def reference(split: Split) -> Said:
    """The plain reference, on reports and their own labels."""
    machine = reference_machine().fit(*labelled_reports(split.examples))
    return Said(_names(machine), machine.decision_function(split.texts))


def fasttext_machine(texts: Sequence[str], labels: Sequence[str]) -> Any:
    """Return a fastText model (Joulin et al. 2017) of these texts; it wants a file, which is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.txt"
        lines = (f"__label__{label} {text}\n" for text, label in zip(texts, labels, strict=True))
        path.write_text("".join(lines), encoding="utf-8")
        return import_module("fasttext").train_supervised(input=str(path), verbose=0, **FASTTEXT)


def fasttext(split: Split, *, knowledge: bool) -> Said:
    """Return what fastText says after learning from reports alone, or from all that the shipped recipe learns from."""
    if knowledge:
        taught = [each for each in split.examples if label_of(each, "functions")]
        machine = fasttext_machine([each.text for each in taught], [label_of(each, "functions") for each in taught])
    else:
        machine = fasttext_machine(*labelled_reports(split.examples))
    names = sorted(machine.labels)
    said = np.zeros((len(split.texts), len(names)))
    for row, text in enumerate(split.texts):
        labels, sure = machine.predict(text, k=len(names))
        said[row, [names.index(label) for label in labels]] = sure
    return Said(tuple(name.removeprefix("__label__") for name in names), said)


WAYS: Mapping[str, Way] = {
    SHIPPED: ours,
    "– SVM alone": partial(ours, ratio=0.0),
    "– NB-SVM alone": partial(ours, margin=0.0),
    "– without knowledge": partial(ours, line=0.0, term=0.0),
    "– without second readings": partial(ours, second=False),
    "– without both": partial(ours, line=0.0, term=0.0, second=False),
    "reference: TF-IDF, linear SVM": reference,
    "hashed SVM, reports": partial(ours, ratio=0.0, line=0.0, term=0.0),
    "hashed SVM, reports, lines": partial(ours, ratio=0.0, term=0.0),
    "hashed SVM, own labels": partial(ours, ratio=0.0, line=0.0, term=0.0, second=False),
    "– with self-training": self_taught,
    "knowledge alone, nearest middle": nearest_knowledge,
    "knowledge as features": knowledge_as_features,
    "complement naive Bayes": complement,
    "complement naive Bayes, reports": partial(complement, knowledge=False),
    "logistic regression": logistic,
    "group first, then function": by_group,
    "SVM, NB-SVM and naive Bayes": three_machines,
    "stacking of SVM, NB-SVM, naive Bayes": stacked,
    "fastText": partial(fasttext, knowledge=True),
    "fastText, reports": partial(fasttext, knowledge=False),
}


# --- the run ---------------------------------------------------------------------------------------


def splits(examples: Sequence[Example]) -> list[Split]:
    """Return the hold-outs that the examples allow: the last year, then each source in turn."""
    return [
        Split(held, hold_out(examples, reports), [each for each in reports if each.labels["functions"]])
        for held, _, reports in hold_outs(examples)
    ]


def compare(split: Split, way: Way) -> dict[str, Any]:
    """Return the figures of a way, each as [value, low, high], and which local reports it got right, as 1 and 0.

    `moved` is the accuracy when a report counts for today's owner where a mandate has moved since.
    """
    began = time.perf_counter()
    said = way(split)
    seconds = time.perf_counter() - began
    truth = [each.labels["functions"] for each in split.reports]
    today = [true_label(each, "functions") for each in split.reports]
    local, moved = (only(judge(said.labels, said.scores, each, AS_IT_IS), LOCAL) for each in (truth, today))
    figures = measure(local).by_name | {"moved": measure(moved).by_name["accuracy"]}
    first = [local.labels[place] for place in local.sure.argmax(axis=1)]
    return {
        **{name: [figures[name].value, figures[name].low, figures[name].high] for name in (*FIGURES, "moved")},
        "right": "".join(str(int(one == other)) for one, other in zip(first, local.truth, strict=True)),
        "seconds": round(seconds, 1),
    }


Results = dict[str, dict[str, dict[str, Any]]]


def table(results: Results) -> str:
    """Return the results as Markdown, one table for each hold-out."""
    lines = []
    for held, by_way in results.items():
        yardstick = by_way.get(SHIPPED)
        rows = len(next(iter(by_way.values()))["right"])
        lines += [f"**Held out: {held}**, {rows} reports to local offices.", ""]
        lines += ["| | accuracy | macro-F1 | top-3 | accuracy, today's owner | rows won, lost |", "|" + " --- |" * 6]
        for name in [*(way for way in WAYS if way in by_way), *(way for way in by_way if way not in WAYS)]:
            figures = [_cell(by_way[name][figure]) for figure in (*FIGURES, "moved")]
            lines.append(f"| {' | '.join([name, *figures, _duel(by_way[name], yardstick)])} |")
        lines.append("")
    return "\n".join(lines)


def _cell(figure: Sequence[float]) -> str:
    value, low, high = figure
    return f"{value:.3f} ({low:.2f} to {high:.2f})"


def _duel(result: Mapping[str, Any], yardstick: Mapping[str, Any] | None) -> str:
    """Return how many reports only this way got right, and how many only the shipped one did."""
    if yardstick is None or result is yardstick:
        return ""
    pairs = list(zip(result["right"], yardstick["right"], strict=True))
    return f"{pairs.count(('1', '0'))}, {pairs.count(('0', '1'))}"


def write_into(path: Path, text: str) -> None:
    """Put the text between the two marks of a page. Raises ValueError where they are missing."""
    page = path.read_text(encoding="utf-8")
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path.name}: the marks of the table are missing")
    path.write_text(f"{head}{BEGIN}\n\n{text}\n{END}{tail}", encoding="utf-8")


def main() -> int:
    """Measure the ways asked for on every hold-out, and print, keep and write what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.models", description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path, metavar="DATA.csv", help="reports, with categories.csv beside them")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=list(WAYS), help=f"of: {'; '.join(WAYS)}")
    parser.add_argument("--json", type=Path, help="keep the results here, beside those already there")
    parser.add_argument("--markdown", type=Path, help="write the tables into this page, between its two marks")
    asked = parser.parse_args()
    examples = [*read_examples(asked.data, read_topics(asked.data.with_name("categories.csv"))), *read_knowledge()]
    results: Results = {}
    if asked.json and asked.json.exists():
        results = json.loads(asked.json.read_text(encoding="utf-8"))
    chosen = asked.only or list(WAYS)
    if find_spec("fasttext") is None and any(name.startswith("fastText") for name in chosen):
        print("fastText is left out: the package fasttext-numpy2-wheel is not installed.", file=sys.stderr)
        chosen = [name for name in chosen if not name.startswith("fastText")]
    for split in splits(examples):
        for name in tqdm(chosen, desc=split.held, unit="way"):
            results.setdefault(split.held, {})[name] = compare(split, WAYS[name])
            if asked.json:
                asked.json.write_text(json.dumps(results, indent=1, ensure_ascii=False), encoding="utf-8")
    print(table(results))
    if asked.markdown:
        write_into(asked.markdown, table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
