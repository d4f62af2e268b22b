"""What the shell asks of the classifier. Only processes that read texts load it: it is large and slow to import."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

import structlog

from api import metrics
from bot.turns import ASK, Suggestion
from classifier import Classifier, Guess, modelfile
from classifier import load as load_classifier
from classifier.chatter import chatter
from classifier.danger import danger
from classifier.labels import Names, read_names
from classifier.modelfile import ModelRefused
from classifier.personal import Found, mask, personal
from classifier.reading import Reason
from classifier.sensitive import sensitive
from classifier.text import LIMIT

log = structlog.get_logger(__name__)
Known = TypeVar("Known")
Rule = Callable[[str, str], str | None]


@dataclass(frozen=True, slots=True)
class Facts:
    """Which model it is: version, seal, day of training, figures by head, and the functions that it may suggest."""

    version: str
    sha256: str
    trained: date
    figures: Mapping[str, Any]
    functions: tuple[str, ...]


def _kind_of_danger(words: str, title: str) -> str | None:
    """Look at the whole and at each line: what was told before must not quieten a cry that comes as a message later."""
    for part in (words, *words[:LIMIT].splitlines()):
        if found := danger(part, title):
            return found.kind
    return None


class Suggester:
    """The classifier and what stands beside it: dangers, chatter, sensitive subjects, personal data.

    The model may be missing or fail: then complaints are filed unrouted and operators decide. Each part fails alone,
    and none of them stops a complaint.
    """

    def __init__(
        self,
        classifier: Classifier | None,
        names: Names,
        facts: Facts | None = None,
        *,
        endangers: Rule = _kind_of_danger,
        chats: Rule = chatter,
        confides: Rule = sensitive,
    ) -> None:
        """Take the model, the names of its labels, and the rules that tell from (words, title) a danger, chatter and a
        sensitive subject.
        """
        self._classifier = classifier
        self._names = names
        self._endangers = endangers
        self._chats = chats
        self._confides = confides
        self.facts = facts

    @classmethod
    def load(cls) -> Suggester:
        """With the shipped model, or without any if that is refused."""
        try:
            classifier = load_classifier()
            return cls(classifier, read_names(), read_facts(classifier))
        except ModelRefused as error:
            log.error("classifier_refused", problem=str(error))
            return cls(None, read_names())

    @property
    def works(self) -> bool:
        """Whether there is a model."""
        return self._classifier is not None

    @property
    def functions(self) -> Collection[str]:
        """The labels of all functions."""
        return self._names.functions.keys()

    def suggest(self, words: str, title: str = "") -> Suggestion | None:
        """The reading of a text; None where nothing is known of it: nothing waits for it.

        A danger, chatter and a sensitive subject are told by rules, also where there is no model or it fails.
        """
        classifier = self._classifier
        reading = None if classifier is None else _tried("model", lambda: classifier.read(words, title))
        kind = _tried("danger", lambda: self._endangers(words, title))
        small_talk = _tried("chatter", lambda: self._chats(words, title))
        subject = _tried("sensitive", lambda: self._confides(words, title))
        if reading is None and kind is None and small_talk is None and subject is None:
            return None
        return Suggestion(
            functions=_pairs(reading.functions) if reading else (),
            topics=_pairs(reading.topics) if reading else (),
            report_class=_pairs(reading.report_class) if reading else (),
            model=reading.model if reading else None,
            likely=reading.likely if reading else (),
            band=reading.band if reading else ASK,
            danger=kind,
            chatter=small_talk,
            sensitive=subject,
        )

    def why(self, words: str, function: str | None) -> tuple[Reason, ...]:
        """What in the text speaks for a function, strongest first; empty for none, or where nobody can tell."""
        classifier = self._classifier
        if classifier is None or function is None:
            return ()
        return _tried("why", lambda: classifier.why(words, function)) or ()

    def personal(self, words: str) -> tuple[Found, ...] | None:
        """Where personal data stand in a text. None where that is not known: then all of it may be personal."""
        return _tried("personal", lambda: personal(words))

    def mask(self, words: str) -> str | None:
        """The text without its personal data. None where they could not be looked for."""
        return _tried("personal", lambda: mask(words))

    def category(self, label: str, language: str) -> str:
        """A topic as people read it; the label itself where it has no name."""
        name = self._names.topics.get(label)
        return label if name is None else name.en if language == "en" else name.id


def _tried(part: str, read: Callable[[], Known]) -> Known | None:
    """What a part reads out of a text; None where it fails, which is counted and logged without the text."""
    try:
        return read()
    except Exception as error:
        metrics.classifier_failures.inc()
        log.error("classifier_failed", part=part, kind=type(error).__name__)
        return None


def _pairs(guesses: tuple[Guess, ...]) -> tuple[tuple[str, float], ...]:
    return tuple((guess.label, round(guess.confidence, 4)) for guess in guesses)


def read_facts(classifier: Classifier) -> Facts:
    """The facts of the shipped model, which that classifier was loaded from. Raises ModelRefused, a ValueError."""
    try:
        written = tomllib.loads(modelfile.PATH.with_suffix(".toml").read_text(encoding="utf-8"))
        return Facts(
            version=classifier.version,
            sha256=written.pop("sha256"),
            trained=date.fromisoformat(written.pop("trained")),
            figures=written,
            functions=classifier.functions,
        )
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ModelRefused("The model's facts cannot be read.") from error
