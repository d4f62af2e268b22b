"""From the category of a report to its topic, the top level of the official tree."""

import csv
import tomllib
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

_RULES = Path(__file__).with_name("topics.toml")


def plain(name: str) -> str:
    """Return an official name with ordinary single spaces; its spelling stays, its misspelling too."""
    return " ".join(name.split())


def read_topics(path: Path) -> Mapping[str, str]:
    """Return the topic of each category, keyed by the category's name in plain spacing and case-folded.

    The file has the columns `topic` and `name`. Expired topics and names under two living topics are left out.
    Raises OSError or ValueError.
    """
    rules = tomllib.loads(_RULES.read_text(encoding="utf-8"))
    found: defaultdict[str, set[str]] = defaultdict(set)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        if not {"topic", "name"} <= set(rows.fieldnames or ()):
            raise ValueError(f"{path.name}: the columns topic and name are needed")
        for row in rows:
            topic = plain(row["topic"] or "")
            if topic and topic not in rules["expired"]:
                found[topic.casefold()].add(topic)
                found[plain(row["name"] or "").casefold()].add(topic)
    clear = {name: next(iter(topics)) for name, topics in found.items() if len(topics) == 1}
    return {**clear, **rules["alias"]}
