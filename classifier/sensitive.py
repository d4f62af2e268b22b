"""Subjects on which people should be offered not to be named and not to be read by everybody.

Who tells of a beating, a bribe or an illness may pay for it if the neighbours read it. Such subjects are data
(sensitive.toml), read as dangers are. What is told here is the kind of subject; whoever calls this recommends Anonim
and Rahasia, and the citizen decides.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path

from classifier.danger import LIMIT, Rules

__all__ = ["LIMIT", "sensitive"]

_FILE = Path(__file__).with_name("sensitive.toml")
_DANGER = Path(__file__).with_name("danger.toml")


def sensitive(text: str, title: str = "") -> str | None:
    """Return the kind of sensitive subject that a text speaks of, or None.

    Any str is accepted; LIMIT characters are read. The kinds are those of sensitive.toml: harassment, violence,
    bullying, corruption, debt, retaliation, addiction, drugs, intimate, child, health, employer, hostility.
    """
    found = _RULES.read(text, title)
    return None if found is None else found.kind


def _load() -> Rules:
    """The rules of sensitive.toml. People spell as they do, whatever they tell: danger.toml knows how."""
    danger, own = (tomllib.loads(file.read_text(encoding="utf-8")) for file in (_DANGER, _FILE))
    return Rules({**own, "spelling": _joined(danger["spelling"], own["spelling"])})


def _joined(one: Mapping[str, str], other: Mapping[str, str]) -> dict[str, str]:
    """The spellings of both, by the word that they stand for."""
    return {word: f"{one.get(word, '')} {other.get(word, '')}" for word in {**one, **other}}


_RULES = _load()
