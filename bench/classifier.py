"""How fast one suggestion is, on one core, beside a plain recipe and fastText: `python -m bench.classifier`.

A suggestion is what a report costs the house: its functions, topics and class with their confidences
(`Classifier.read`), and whether somebody is in danger (`classifier.danger`). The others name a function only, and
learned from the same reports. All take turns at each text, so that whatever else the machine does falls on all alike;
times are CPU time, as nothing here waits, and the time on the clock stands beside them.

The texts are the reports in LAPOR_SHARED/data/complaints_train.csv; where there are none, the author's own lines.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import sys
import time
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil
from tqdm import tqdm

import classifier
from bench.models import fasttext_machine, reference_machine
from classifier import Classifier, modelfile
from classifier.danger import danger
from classifier.examples import NEVER_PREDICTED
from classifier.knowledge import STYLES

OURS = "suggestion"
WARMUP = 100
ROUNDS = 3
BATCH = 256
AIM_MS, AIM_PER_SECOND = 3.0, 1000.0


@dataclass(frozen=True, slots=True)
class Line:
    """A text as somebody wrote it, and its function, empty where unknown."""

    title: str
    text: str
    function: str

    @property
    def whole(self) -> str:
        """Title and text as one line, for those who know of no titles."""
        return " ".join(f"{self.title} {self.text}".split())


@dataclass(frozen=True, slots=True)
class Speed:
    """CPU time of one text in ms, the median on the clock, and texts a CPU second in batches (0: no batches)."""

    median: float
    p95: float
    clock: float
    per_second: float


One = Callable[[Line], object]
Many = Callable[[Sequence[Line]], object]


def read_lines() -> tuple[str, list[Line]]:
    """Return where the texts come from, in words, and the texts."""
    shared = os.environ.get("LAPOR_SHARED")
    path = Path(shared) / "data" / "complaints_train.csv" if shared else None
    if path and path.exists():
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [Line(row["title"], row["text"], row["function"]) for row in csv.DictReader(file)]
        return "reports", rows
    room = Path(classifier.__file__).parent
    spoken = tomllib.loads((room / "spoken.toml").read_text(encoding="utf-8"))["line"]
    lines = [Line("", line["text"], line["function"]) for line in spoken]
    for path in sorted((room / "knowledge").glob("*.toml")):
        known = tomllib.loads(path.read_text(encoding="utf-8"))
        lines += [Line("", text, known["function"]) for style in STYLES for text in known.get(style, ())]
    return "lines of the author", lines


def systems(model: Classifier, lines: Sequence[Line]) -> dict[str, tuple[One, Many | None]]:
    """Return by name how each reads one text, and many; the others learn from the labelled lines first."""
    taught = [line for line in lines if line.function and line.function not in NEVER_PREDICTED]
    texts, labels = [line.whole for line in taught], [line.function for line in taught]
    reference = reference_machine().fit(texts, labels)

    def suggest(line: Line) -> object:
        return model.read(line.text, line.title), danger(line.text, line.title)

    def suggest_many(some: Sequence[Line]) -> object:
        return model.read_many([(line.text, line.title) for line in some])

    found: dict[str, tuple[One, Many | None]] = {
        OURS: (suggest, suggest_many),
        "– without danger": (lambda line: model.read(line.text, line.title), None),
        "– danger alone": (lambda line: danger(line.text, line.title), None),
        "TF-IDF, linear SVM": (
            lambda line: reference.predict([line.whole]),
            lambda some: reference.predict([line.whole for line in some]),
        ),
    }
    if find_spec("fasttext"):
        fasttext = fasttext_machine(texts, labels)
        found["fastText"] = (
            lambda line: fasttext.predict(line.whole),
            lambda some: fasttext.predict([line.whole for line in some]),
        )
    else:
        print("fastText is left out: the package fasttext-numpy2-wheel is not installed.", file=sys.stderr)
    return found


def speeds(ways: dict[str, tuple[One, Many | None]], lines: Sequence[Line]) -> dict[str, Speed]:
    """Return how fast each way is: one text after the other, then the best of some rounds of batches."""
    for one, _ in ways.values():
        for line in lines[:WARMUP]:
            one(line)
    took: dict[str, list[float]] = {name: [] for name in ways}
    waited: dict[str, list[float]] = {name: [] for name in ways}
    for line in tqdm(lines, desc="one by one", unit="text"):
        for name, (one, _) in ways.items():
            began, clock = time.process_time(), time.perf_counter()
            one(line)
            took[name].append(time.process_time() - began)
            waited[name].append(time.perf_counter() - clock)
    batches = [lines[start : start + BATCH] for start in range(0, len(lines), BATCH)]
    best = dict.fromkeys(ways, 0.0)
    for _ in tqdm(range(ROUNDS), desc="in batches", unit="round"):
        for name, (_, many) in ways.items():
            if many is not None:
                began = time.process_time()
                for batch in batches:
                    many(batch)
                best[name] = max(best[name], len(lines) / (time.process_time() - began))
    return {
        name: Speed(
            median=statistics.median(took[name]) * 1000,
            p95=statistics.quantiles(took[name], n=20)[-1] * 1000,
            clock=statistics.median(waited[name]) * 1000,
            per_second=best[name],
        )
        for name in ways
    }


def time_loading(path: Path) -> float:
    """Return the milliseconds of CPU that loading the model takes, the median of a few times."""
    took = []
    for _ in range(5):
        began = time.process_time()
        classifier.load(path)
        took.append(time.process_time() - began)
    return statistics.median(took) * 1000


def show(found: dict[str, Speed]) -> str:
    """Return a table; a ratio is how many times as long, or as many, as ours in the same run."""
    ours = found[OURS]
    lines = [
        f"{'':20}{'median ms':>10}{'ratio':>7}{'p95 ms':>8}{'on the clock':>14}{'texts/s in batches':>20}{'ratio':>7}"
    ]
    for name, speed in found.items():
        line = f"{name:20}{speed.median:10.2f}{speed.median / ours.median:7.2f}{speed.p95:8.2f}{speed.clock:14.2f}"
        if speed.per_second:
            line += f"{speed.per_second:20,.0f}{speed.per_second / ours.per_second:7.2f}"
        lines.append(line)
    return "\n".join(lines)


def main() -> int:
    """Measure and print; the exit code is 1 where a suggestion misses its aims."""
    parser = argparse.ArgumentParser(prog="python -m bench.classifier", description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, default=modelfile.PATH, help="another model.skops (default: the shipped)")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    asked = parser.parse_args()
    whence, lines = read_lines()
    ways = systems(classifier.load(asked.model), lines)
    # One core for all threads there are or will be; on it numbers are not multiplied side by side.
    for thread in psutil.Process().threads():
        os.sched_setaffinity(thread.id, {min(os.sched_getaffinity(0))})
    load_ms = time_loading(asked.model)
    found = speeds(ways, lines)
    size, length = asked.model.stat().st_size, statistics.median(len(line.whole) for line in lines)
    print(f"{len(lines):,} {whence}, median {length:.0f} characters, one core.")
    print(f"The model: {size / 2**20:.1f} MB, loaded in {load_ms:.0f} ms.\n\n{show(found)}")
    if asked.json:
        tree = {
            "texts": len(lines),
            "of": whence,
            "characters": length,
            "bytes": size,
            "load_ms": load_ms,
            "speed": {name: asdict(speed) for name, speed in found.items()},
        }
        asked.json.write_text(json.dumps(tree, indent=1, ensure_ascii=False), encoding="utf-8")
    missed = found[OURS].median >= AIM_MS or found[OURS].per_second < AIM_PER_SECOND
    if missed:
        print(f"\nMissed: a suggestion in less than {AIM_MS} ms, {AIM_PER_SECOND:,.0f} texts a second in batches.")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
