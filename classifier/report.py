"""What is written down about a model, in model.toml: its seal, what it learned from, how it was tried."""

import datetime as dt
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tomli_w

from classifier.evaluation import Figures, measure
from classifier.examples import Example
from classifier.knowledge import read_spoken
from classifier.training import Trained, is_report
from classifier.trials import Trial, judge_reports

_HEADER = """\
# Written by `python -m classifier train`. Each trial measured a model of the same make that had not seen what is held
# out; the shipped one has learned from that too. A figure is [value, low, high]: the interval holds 95 of 100 bootstrap
# draws. `local` counts the functions of local offices only, `reference` is TF-IDF with a linear support vector machine
# on the same reports. `spoken` are lines that the author wrote and nothing learned from (classifier/spoken.toml).

"""


def facts(trained: Trained, digest: str, day: dt.date, examples: Sequence[Example], tried: Sequence[Trial]) -> str:
    """Return the text of model.toml."""
    model = trained.model
    reports = [example for example in examples if is_report(example)]
    tree: dict[str, Any] = {
        "sha256": digest,
        "trained": day.isoformat(),
        "reports": len(reports),
        "lines": len(examples) - len(reports),
        "second_readings": sum(example.second is not None for example in reports),
        "bands": {"set90": model.bands.set90, "set95": model.bands.set95, "auto": model.bands.auto},
    }
    for name, head in model.heads.items():
        tree[name] = {
            "labels": len(head.labels),
            "rows": trained.rows[name],
            "temperature": head.calibration.temperature,
            "doubt": head.calibration.doubt,
        }
    tree["trial"] = [_trial(trial) for trial in tried]
    spoken = read_spoken()
    tree["spoken"] = {
        variety: _figures(measure(judge_reports(model, "functions", lines)))
        for variety in sorted({line.channel for line in spoken})
        if (lines := [line for line in spoken if line.channel == variety])
    }
    tree["spoken"]["all"] = _figures(measure(judge_reports(model, "functions", spoken)))
    return _HEADER + tomli_w.dumps(_rounded(tree))


def read(path: Path) -> dict[str, Any]:
    """Return the tables of a model.toml. Raises OSError or ValueError."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _trial(trial: Trial) -> dict[str, Any]:
    return {
        "held": trial.held,
        "learned": trial.learned,
        "fingerprint": trial.fingerprint,
        "local": _figures(trial.local),
        "reference": _figures(trial.reference),
        "moved": _figures(trial.moved),
        "heads": {name: _figures(figures) for name, figures in trial.by_head.items()},
        "channels": {channel: _figures(figures) for channel, figures in trial.by_channel.items()},
        "label": {
            label.label: {
                "rows": label.rows,
                "said": label.said,
                "right": label.right,
                "f1": label.f1,
            }
            for label in trial.by_head["functions"].by_label
        },
    }


def _figures(figures: Figures) -> dict[str, Any]:
    named = {name: [figure.value, figure.low, figure.high] for name, figure in figures.by_name.items()}
    return {"rows": figures.rows, **named}


def _rounded(tree: Any) -> Any:
    if isinstance(tree, Mapping):
        return {name: _rounded(value) for name, value in tree.items()}
    if isinstance(tree, list):
        return [_rounded(value) for value in tree]
    return round(tree, 4) if isinstance(tree, float) else tree
