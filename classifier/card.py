"""The model's card: what it is for, what it learned from, how well it does and where it does not. From model.toml."""

from pathlib import Path
from typing import Any

import jinja2

from classifier import modelfile, report
from classifier.knowledge import SOURCE, TERMS, read_knowledge
from classifier.labels import read_names

_TEMPLATE = Path(__file__).with_name("card.md.jinja")
_FIGURES = {
    "accuracy": "accuracy (first guess right)",
    "macro_f1": "macro-F1",
    "top3": "top-3",
    "calibration_error": "calibration error",
    "coverage90": "90 % set: truth inside",
    "size90": "90 % set: labels shown",
    "coverage95": "95 % set: truth inside",
    "size95": "95 % set: labels shown",
    "auto_share": "auto band: share of reports",
    "auto_precision": "auto band: right",
}


def write(path: Path) -> str:
    """Return the card of the model file at `path` in Markdown. Raises ModelRefused, OSError or ValueError."""
    model, version = modelfile.read(path)
    lines = [example for example in read_knowledge() if example.source == SOURCE]
    # What is written is Markdown.
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, autoescape=False)  # noqa: S701  # nosec B701
    environment.filters["figure"] = _figure
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        version=version,
        size=f"{path.stat().st_size / 2**20:.1f}",
        facts=report.read(path.with_suffix(".toml")),
        names=read_names().functions,
        labels=model.heads["functions"].labels,
        lines=sum(line.channel not in TERMS for line in lines),
        terms=sum(line.channel in TERMS for line in lines),
        figures=_FIGURES,
    )


def _figure(value: Any) -> str:
    """A measured share with its interval, or a dash where there is none."""
    return "–" if value is None else "{:.3f} ({:.3f}–{:.3f})".format(*value)
