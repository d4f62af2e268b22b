"""Commands: train a model, evaluate one, predict for JSON lines, write the card. See `python -m classifier --help`."""

import argparse
import datetime as dt
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from classifier import card, knowledge, modelfile, report, succession
from classifier.evaluation import LOCAL, Figures, measure, only
from classifier.examples import Example, RowError, read_examples
from classifier.knowledge import read_knowledge
from classifier.modelfile import HEADS, Model, ModelRefused
from classifier.reading import Classifier, Guess, Reading, load
from classifier.topics import read_topics
from classifier.training import Recipe, fit, train
from classifier.trials import Trial, judge_reports, trials

_BATCH = 256


class Refused(Exception):
    """The new model is worse than the one in its place; the message says at what."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0: done. 1: a refused model file. 2: input that cannot be used. 3: a new model that is worse than the old one.
    """
    asked = _parser().parse_args(arguments)
    try:
        asked.run(asked)
    except ModelRefused as error:
        return _complain(error, 1)
    except (OSError, ValueError) as error:
        return _complain(error, 2)
    except Refused as error:
        return _complain(error, 3)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m classifier", description="What a text is about.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    data = argparse.ArgumentParser(add_help=False)
    data.add_argument("--categories", type=Path, help="topics and their categories (default: categories.csv beside it)")
    data.add_argument("--quiet", action="store_true", help="show no progress")

    command = commands.add_parser(
        "train",
        parents=[data],
        help="learn from reports and from classifier/knowledge, write model.skops and model.toml",
        description="The new model replaces the old one only if it is worse at no function: exit code 3 if not.",
    )
    command.add_argument(
        "data",
        type=Path,
        nargs="+",
        metavar="DATA.csv",
        help="reports with their labels; of equal texts the last counts",
    )
    command.add_argument(
        "--out", type=Path, default=modelfile.PATH.parent, help="folder to write to (default: this package)"
    )
    command.add_argument(
        "--date",
        type=dt.date.fromisoformat,
        default=dt.datetime.now(dt.UTC).date(),
        help="day of training, part of the model's version (default: today)",
    )
    command.add_argument(
        "--knowledge",
        type=Path,
        default=knowledge.FOLDER,
        help="folder of written knowledge (default: this package's)",
    )
    command.add_argument("--force", action="store_true", help="replace the old model even by a worse one")
    command.set_defaults(run=_train)

    command = commands.add_parser("evaluate", parents=[data], help="measure a model on reports that it has not seen")
    command.add_argument("data", type=Path, metavar="FILE.csv", help="reports with their true labels")
    command.add_argument("--model", type=Path, help="another model.skops (default: the shipped one)")
    command.set_defaults(run=_evaluate)

    command = commands.add_parser("predict", help='read {"id", "title", "text"} lines, write what they are about')
    command.add_argument("--model", type=Path, help="another model.skops (default: the shipped one)")
    command.set_defaults(run=_predict)

    command = commands.add_parser("card", help="write MODEL_CARD.md from model.toml")
    command.add_argument(
        "--out", type=Path, default=modelfile.PATH.parent, help="folder of both (default: this package)"
    )
    command.set_defaults(run=_card)
    return parser


def _complain(error: Exception, code: int) -> int:
    print(f"classifier: {error}", file=sys.stderr)
    return code


# --- train ---------------------------------------------------------------------------------------


def _train(asked: argparse.Namespace) -> None:
    topics = read_topics(asked.categories or asked.data[0].with_name("categories.csv"))
    reports = _last_of_each(example for path in asked.data for example in read_examples(path, topics))
    examples = [*reports, *read_knowledge(asked.knowledge)]
    recipe = Recipe()
    path = asked.out / modelfile.PATH.name

    def make(some: Sequence[Example]) -> Model:
        return train(some, recipe, quiet=asked.quiet).model

    # Measured first: a model whose quality is unknown is not written.
    tried = []
    for trial in trials(examples, make):
        print(f"Held out: {trial.held}. Learned from: {trial.learned}. With the mandates of then, and of today:")
        _print_figures(trial.local, trial.reference)
        _print_figures(trial.moved)
        tried.append(trial)
    if not asked.force:
        # Only the ranking is compared: promises need not be fitted for it.
        _succeed(path, examples, lambda some: fit(some, recipe)[0], tried)
    trained = train(examples, recipe, quiet=asked.quiet)
    data = modelfile.pack(trained.model)
    modelfile.unpack(data)
    path.write_bytes(data)
    facts = report.facts(trained, modelfile.seal(data), asked.date, examples, tried)
    path.with_suffix(".toml").write_text(facts, encoding="utf-8")
    print(f"{path.name}: {len(data):,} bytes from {len(reports):,} reports and {len(examples) - len(reports):,} lines")


def _last_of_each(examples: Iterator[Example]) -> list[Example]:
    """Return the examples, of equal reports the last: what was decided anew counts as decided last."""
    return list({example.key: example for example in examples}.values())


def _succeed(
    path: Path, examples: Sequence[Example], make: Callable[[Sequence[Example]], Model], tried: Sequence[Trial]
) -> None:
    """Raise Refused where the old model, if there is one that can be read, is better at some function."""
    try:
        old, version = modelfile.read(path)
    except ModelRefused as error:
        print(f"No comparison with a model in its place. {error}")
        return
    written = report.read(path.with_suffix(".toml")).get("trial") or [{}]
    changes = succession.compare(old, examples, make) or succession.compare_trials(written[0], tried[0])
    print(f"Compared with {version}: {len(changes)} functions with {succession.ENOUGH} reports or more to judge by.")
    for change in changes:
        print(f"  {change.function:20}{change.rows:6} reports{change.before:6} right before{change.after:6} now")
    worse = [change.function for change in changes if change.worse]
    if worse:
        raise Refused(f"not replaced: the new model is worse at {', '.join(worse)} (--force replaces it all the same)")


# --- evaluate ------------------------------------------------------------------------------------


def _evaluate(asked: argparse.Namespace) -> None:
    model, version = modelfile.read(asked.model or modelfile.PATH)
    categories = asked.categories or asked.data.with_name("categories.csv")
    topics = read_topics(categories) if asked.categories or categories.exists() else {}
    reports = read_examples(asked.data, topics, {})
    seen = set(model.seen.tolist())
    known = sum(int(report.key, 16) in seen for report in reports)
    print(f"Model {version} on {len(reports):,} reports.")
    if known:
        print(f"The model has learned from {known:,} of them: the figures flatter.")
    judged = judge_reports(model, "functions", reports)
    for what, some in (("all functions", judged), ("functions of local offices", only(judged, LOCAL))):
        figures = measure(some, quiet=asked.quiet)
        print(f"\n{what}: {figures.rows:,} reports")
        _print_figures(figures)
    print(f"\n{'function':20}{'reports':>8}{'said':>6}{'recall':>8}{'precision':>11}{'F1':>7}")
    for label in measure(judged, draws=0).by_label:
        print(f"{label.label:20}{label.rows:8}{label.said:6}{label.recall:8.2f}{label.precision:11.2f}{label.f1:7.2f}")
    for name in HEADS[1:]:
        figures = measure(judge_reports(model, name, reports), quiet=asked.quiet)
        if figures.rows:
            print(f"\n{name}: {figures.rows:,} reports")
            _print_figures(figures)


def _print_figures(figures: Figures, reference: Figures | None = None) -> None:
    for name, figure in figures.by_name.items():
        beside = f"   reference {reference.by_name[name]}" if reference and name in reference.by_name else ""
        print(f"  {name:18}{figure}{beside}")


# --- predict and card ----------------------------------------------------------------------------


def _predict(asked: argparse.Namespace) -> None:
    classifier = load(asked.model)
    lines = ((number, line) for number, line in enumerate(sys.stdin.buffer, start=1) if line.strip())
    while batch := list(islice(lines, _BATCH)):
        for answer in _predictions(classifier, batch):
            print(json.dumps(answer))


def _predictions(classifier: Classifier, lines: Sequence[tuple[int, bytes]]) -> Iterator[dict[str, Any]]:
    """Give the answers in the order of the lines; what stands before a bad line is answered before it is told."""
    questions, bad = [], None
    for number, line in lines:
        try:
            questions.append(_question(number, line))
        except RowError as error:
            bad = error
            break
    readings = classifier.read_many([(text, title) for _, text, title in questions])
    for (identity, _, _), reading in zip(questions, readings, strict=True):
        yield _answer(identity, reading)
    if bad:
        raise bad


def _question(number: int, line: bytes) -> tuple[str | int, str, str]:
    try:
        asked = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise RowError(f"line {number}: not JSON in UTF-8") from error
    if not isinstance(asked, dict) or not isinstance(asked.get("id"), str | int):
        raise RowError(f"line {number}: an object with an id is needed")
    title, text = asked.get("title") or "", asked.get("text")
    if not isinstance(text, str) or not isinstance(title, str):
        raise RowError(f"line {number}: title and text must be strings")
    return asked["id"], text, title


def _answer(identity: str | int, reading: Reading) -> dict[str, Any]:
    return {
        "id": identity,
        "functions": _plain(reading.functions),
        "topics": _plain(reading.topics),
        "class": reading.report_class[0].label,
        "set": list(reading.likely),
        "band": reading.band,
    }


def _plain(guesses: Sequence[Guess]) -> list[dict[str, Any]]:
    return [{"label": guess.label, "confidence": round(guess.confidence, 4)} for guess in guesses]


def _card(asked: argparse.Namespace) -> None:
    path = asked.out / "MODEL_CARD.md"
    path.write_text(card.write(asked.out / modelfile.PATH.name), encoding="utf-8")
    print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    sys.exit(main())
