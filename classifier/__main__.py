"""Commands: train a model, evaluate how it is trained, predict for JSON lines. See `python -m classifier --help`."""

import argparse
import datetime as dt
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from classifier import modelfile
from classifier.evaluation import Figures, evaluate
from classifier.examples import Example, RowError, read_examples
from classifier.modelfile import HEADS, ModelRefused
from classifier.reading import Classifier, Guess, load
from classifier.topics import read_topics
from classifier.training import Trained, train


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 1 for a refused model file, 2 for input that cannot be used."""
    asked = _parser().parse_args(arguments)
    try:
        asked.run(asked)
    except ModelRefused as error:
        return _complain(error, 1)
    except (OSError, ValueError) as error:
        return _complain(error, 2)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m classifier", description="What a text is about.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    data = argparse.ArgumentParser(add_help=False)
    data.add_argument("data", type=Path, metavar="DATA.csv", help="reports with their true labels")
    data.add_argument(
        "--categories", type=Path, help="topics and their categories (default: categories.csv beside DATA.csv)"
    )

    command = commands.add_parser("train", parents=[data], help="write model.skops and model.toml")
    command.add_argument(
        "--out", type=Path, default=modelfile.PATH.parent, help="folder to write to (default: this package)"
    )
    command.add_argument(
        "--date",
        type=dt.date.fromisoformat,
        default=dt.datetime.now(dt.UTC).date(),
        help="day of training, part of the model's version (default: today)",
    )
    command.set_defaults(run=_train)

    command = commands.add_parser("evaluate", parents=[data], help="measure on the last year, trained on the rest")
    command.set_defaults(run=_evaluate)

    command = commands.add_parser("predict", help='read {"id", "title", "text"} lines, write what they are about')
    command.add_argument("--model", type=Path, help="another model.skops (default: the shipped one)")
    command.set_defaults(run=_predict)
    return parser


def _complain(error: Exception, code: int) -> int:
    print(f"classifier: {error}", file=sys.stderr)
    return code


def _examples(asked: argparse.Namespace) -> list[Example]:
    return read_examples(asked.data, read_topics(asked.categories or asked.data.with_name("categories.csv")))


def _train(asked: argparse.Namespace) -> None:
    examples = _examples(asked)
    # Measured first: a model whose quality is unknown is not written.
    compared = evaluate(examples)
    trained = train(examples)
    data = modelfile.pack(trained.model)
    modelfile.unpack(data)
    path = asked.out / modelfile.PATH.name
    path.write_bytes(data)
    facts = _facts(trained, asked.date, modelfile.seal(data), len(examples), compared.year, compared.model)
    path.with_suffix(".toml").write_text(facts, encoding="utf-8")
    print(f"{path.name}: {len(data):,} bytes from {len(examples):,} reports")


def _facts(trained: Trained, date: dt.date, digest: str, rows: int, year: int, figures: dict[str, Figures]) -> str:
    """Return the text of model.toml; its figures belong to a model of the same make that had not seen `year`."""
    lines = [
        "# Written by `python -m classifier train`. The figures are of a model of the same make, trained without the",
        f"# reports of {year} and measured on them. The shipped one has learned from these reports too, after its",
        "# temperatures and doubts were fitted on them.",
        "",
        f'sha256 = "{digest}"',
        f'trained = "{date.isoformat()}"',
        f"reports = {rows}",
    ]
    for name in HEADS:
        measured, head = figures[name], trained.model.heads[name]
        lines += [
            "",
            f"[{name}]",
            f"labels = {len(head.labels)}",
            f"reports = {trained.rows[name]}",
            f"temperature = {head.calibration.temperature}",
            f"doubt = {head.calibration.doubt}",
            f"measured_year = {year}",
            f"measured_reports = {measured.rows}",
            f"accuracy = {measured.accuracy:.3f}",
            f"macro_f1 = {measured.macro_f1:.3f}",
            f"top3 = {measured.top3:.3f}",
            f"calibration_error = {measured.gap:.3f}",
        ]
    return "\n".join(lines) + "\n"


def _evaluate(asked: argparse.Namespace) -> None:
    compared = evaluate(_examples(asked))
    print(f"Measured on the reports of {compared.year}, trained on all others.")
    print(f"{'':14}{'':11}{'reports':>9}{'accuracy':>10}{'macro-F1':>10}{'top-3':>8}{'calibration error':>19}")
    for name in HEADS:
        for who, figures in (("model", compared.model[name]), ("reference", compared.reference[name])):
            gap = "" if figures.gap is None else f"{figures.gap:.3f}"
            print(
                f"{name:14}{who:11}{figures.rows:9}{figures.accuracy:10.3f}{figures.macro_f1:10.3f}{figures.top3:8.3f}{gap:>19}"
            )


def _predict(asked: argparse.Namespace) -> None:
    classifier = load(asked.model)
    for number, line in enumerate(sys.stdin.buffer, start=1):
        if line.strip():
            print(json.dumps(_prediction(classifier, number, line)))


def _prediction(classifier: Classifier, number: int, line: bytes) -> dict[str, Any]:
    try:
        asked = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise RowError(f"line {number}: not JSON in UTF-8") from error
    if not isinstance(asked, dict) or not isinstance(asked.get("id"), str | int):
        raise RowError(f"line {number}: an object with an id is needed")
    title, text = asked.get("title") or "", asked.get("text")
    if not isinstance(text, str) or not isinstance(title, str):
        raise RowError(f"line {number}: title and text must be strings")
    reading = classifier.read(text, title)
    return {
        "id": asked["id"],
        "functions": _plain(reading.functions),
        "topics": _plain(reading.topics),
        "class": reading.report_class[0].label,
    }


def _plain(guesses: Sequence[Guess]) -> list[dict[str, Any]]:
    return [{"label": guess.label, "confidence": round(guess.confidence, 4)} for guess in guesses]


if __name__ == "__main__":
    sys.exit(main())
