"""What the shell asks of the classifier. Only processes that read texts load it: it is large and slow to import."""

from __future__ import annotations

from collections.abc import Collection

import structlog

from api import metrics
from bot.turns import Suggestion
from classifier import Classifier
from classifier import load as load_classifier
from classifier.labels import Names, read_names
from classifier.modelfile import ModelRefused

log = structlog.get_logger(__name__)


class Suggester:
    """The classifier, which may be missing or fail: then complaints are filed unrouted and operators decide."""

    def __init__(self, classifier: Classifier | None, names: Names) -> None:
        self._classifier = classifier
        self._names = names

    @classmethod
    def load(cls) -> Suggester:
        """With the shipped model, or without any if that is refused."""
        try:
            return cls(load_classifier(), read_names())
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
        """The reading of a text; None when there is no model or it fails: nothing waits for it."""
        if self._classifier is None:
            return None
        try:
            reading = self._classifier.read(words, title)
        except Exception as error:
            metrics.classifier_failures.inc()
            log.error("classifier_failed", kind=type(error).__name__)
            return None
        return Suggestion(
            functions=tuple((guess.label, round(guess.confidence, 4)) for guess in reading.functions),
            topics=tuple((guess.label, round(guess.confidence, 4)) for guess in reading.topics),
            report_class=tuple((guess.label, round(guess.confidence, 4)) for guess in reading.report_class),
            model=reading.model,
        )

    def category(self, label: str, language: str) -> str:
        """A topic as people read it; the label itself where it has no name."""
        name = self._names.topics.get(label)
        return label if name is None else name.en if language == "en" else name.id
