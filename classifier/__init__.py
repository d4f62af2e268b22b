"""What a text is about: a ranked suggestion of functions, topics and class."""

from classifier.reading import Classifier, Guess, Reading, load

__all__ = ["Classifier", "Guess", "Reading", "load"]
