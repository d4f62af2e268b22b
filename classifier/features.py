"""Hashed features: words and pairs of words, and pieces of words, as numbers of columns without their letters.

A text becomes SIZE columns: half of them for words, half for pieces of 3 to 5 characters within a word. Hashing goes
one way, so that nothing in a model's file can be read back as a citizen's sentence.
"""

from collections.abc import Collection, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.preprocessing import normalize
from sklearn.utils import murmurhash3_32

_BLOCK = 2**16
SIZE = 2 * _BLOCK

Floats = NDArray[np.float32]


def _hasher(analyzer: str, shortest: int, longest: int) -> HashingVectorizer:
    return HashingVectorizer(
        analyzer=analyzer,
        ngram_range=(shortest, longest),
        n_features=_BLOCK,
        alternate_sign=False,
        norm=None,
        lowercase=False,  # classifier.text has done it, and words are what stands between its spaces
        token_pattern=r"\S+",  # noqa: S106 - a token of text
        dtype=np.float32,
    )


# Stateless after construction, and therefore shared by all threads.
_HASHERS = (_hasher("word", 1, 2), _hasher("char_wb", 3, 5))
_PAIRS = _hasher("word", 2, 2)


def counts(texts: Sequence[str]) -> csr_matrix:
    """Return how often each column occurs in each normalised text: float32, len(texts) rows, SIZE columns."""
    if not texts:  # which scikit-learn refuses
        return csr_matrix((0, SIZE), dtype=np.float32)
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


def words_only(counted: csr_matrix) -> csr_matrix:
    """Return the columns of words and pairs of words, each row of length 1: for telling how alike two texts are."""
    return normalize(counted[:, :_BLOCK])


def features(text: str, rarities: Floats) -> tuple[NDArray[np.intp], Floats]:
    """Return the columns of one normalised text and their weights, as `weighed` would give them."""
    rows = [hasher.transform([text]) for hasher in _HASHERS]
    columns = np.concatenate([row.indices + start for row, start in zip(rows, (0, _BLOCK), strict=True)])
    return columns, _weigh(columns, np.concatenate([row.data for row in rows]), rarities)


def shares(forms: Sequence[str], rarities: Floats) -> tuple[NDArray[np.intp], Floats, NDArray[np.intp]]:
    """Return the features of a text with the word that each comes from: columns, weights, places of words.

    A feature that several words have is divided among them, a pair of words between its two; so the weights of one
    column add up to its weight in `features`.
    """
    words, pieces = _HASHERS
    single = words.transform(forms) if forms else None
    if single is None:
        return np.empty(0, np.intp), np.empty(0, np.float32), np.empty(0, np.intp)
    pairs = _PAIRS.transform([f"{left} {right}" for left, right in pairwise(forms)] or [""])
    parts = pieces.transform(forms)
    rows, half = _rows(single), _rows(pairs)
    columns = np.concatenate([single.indices, pairs.indices, pairs.indices, parts.indices + _BLOCK])
    tokens = np.concatenate([rows, half, half + 1, _rows(parts)])
    times = np.concatenate([single.data, pairs.data / 2, pairs.data / 2, parts.data])
    kinds, place = np.unique(columns, return_inverse=True)
    occurrences = np.bincount(place, times).astype(np.float32)
    each = _weigh(kinds, occurrences, rarities) / occurrences
    return columns, (each[place] * times).astype(np.float32), tokens


def _rows(matrix: csr_matrix) -> NDArray[np.intp]:
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


def word_hashes(text: str) -> list[int]:
    """Return a 32-bit number for each word of a normalised text."""
    return [int(murmurhash3_32(word, positive=True)) for word in text.split()]


# What stands for a number says who wrote, and nothing of the matter.
_MASKED = frozenset(word_hashes("nomornik nomortelepon"))


def trust(text: str, vocabulary: Collection[int]) -> float:
    """Return how far a normalised text can be read, 0 to 1, by its words that were ever learned from.

    Pieces of words say something of a misspelt word, and as much of nonsense: so nothing is believed of a text without
    a known word, half of a single one, all from three words on, if half of the words are known.
    """
    words = [word for word in word_hashes(text) if word not in _MASKED]
    known = sum(word in vocabulary for word in words)
    return min(1.0, (known + 1) / 4) * min(1.0, 2 * known / len(words)) if known else 0.0


def _weigh(columns: NDArray[np.intp], occurrences: Floats, rarities: Floats) -> Floats:
    weights: Floats = (1 + np.log(occurrences)) * rarities[columns]
    words = columns < _BLOCK
    for block in (words, ~words):
        length = np.sqrt(np.sum(weights[block] ** 2))
        if length > 0:
            weights[block] /= length
    return weights
