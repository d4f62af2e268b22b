"""Hashed features: words and pairs of words, and pieces of words, as numbers of columns without their letters.

A text becomes SIZE columns: half of them for words, half for pieces of 3 to 5 characters within a word. Hashing goes
one way, so that nothing in a model's file can be read back as a citizen's sentence.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import HashingVectorizer

_BLOCK = 2**15
SIZE = 2 * _BLOCK

Floats = NDArray[np.float32]


def _hasher(analyzer: str, shortest: int, longest: int) -> HashingVectorizer:
    return HashingVectorizer(
        analyzer=analyzer,
        ngram_range=(shortest, longest),
        n_features=_BLOCK,
        alternate_sign=False,
        norm=None,
        lowercase=False,  # classifier.text has done it
        dtype=np.float32,
    )


# Stateless after construction, and therefore shared by all threads.
_HASHERS = (_hasher("word", 1, 2), _hasher("char_wb", 3, 5))


def counts(texts: Sequence[str]) -> csr_matrix:
    """Return how often each column occurs in each normalised text: float32, len(texts) rows, SIZE columns."""
    return hstack([hasher.transform(texts) for hasher in _HASHERS]).tocsr()


def rarity(counted: csr_matrix) -> Floats:
    """Return the weight of each of the SIZE columns, higher where fewer of the counted texts have it."""
    having = np.bincount(counted.indices, minlength=SIZE)
    return np.asarray(np.log((1 + counted.shape[0]) / (1 + having)) + 1, dtype=np.float32)


def weighed(counted: csr_matrix, rarities: Floats) -> csr_matrix:
    """Return the counted texts as weights; the words of a text have length 1, and its pieces have length 1."""
    weights = counted.copy()
    for row in range(weights.shape[0]):
        part = slice(weights.indptr[row], weights.indptr[row + 1])
        weights.data[part] = _weigh(weights.indices[part], weights.data[part], rarities)
    return weights


def features(text: str, rarities: Floats) -> tuple[NDArray[np.intp], Floats]:
    """Return the columns of one normalised text and their weights, as `weighed` would give them."""
    rows = [hasher.transform([text]) for hasher in _HASHERS]
    columns = np.concatenate([row.indices + start for row, start in zip(rows, (0, _BLOCK), strict=True)])
    return columns, _weigh(columns, np.concatenate([row.data for row in rows]), rarities)


def _weigh(columns: NDArray[np.intp], occurrences: Floats, rarities: Floats) -> Floats:
    weights: Floats = (1 + np.log(occurrences)) * rarities[columns]
    words = columns < _BLOCK
    for block in (words, ~words):
        length = np.sqrt(np.sum(weights[block] ** 2))
        if length > 0:
            weights[block] /= length
    return weights
