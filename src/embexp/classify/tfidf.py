"""The control every study runs: TF-IDF with logistic regression on the same labelled texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embexp.bags import Bags
from embexp.sequences import Sequences

# Chosen on validation texts (docs/protocol.md): sublinear counts gain 2 to 5 points below 3,000 labels, C = 10
# between 0.4 and 1.4 points over scikit-learn's default of 1.
INVERSE_REGULARISATION = 10.0
LEAST_TEXTS = 2  # labelled texts that hold a pair of words which counts as a feature


@dataclass(frozen=True)
class TfidfSettings:
    """What the control is fitted with.

    Attributes:
        inverse_regularisation: scikit-learn's C.
        ngrams: 1, or 2 for pairs of neighbouring words beside the words.
        sublinear: Whether 1 + log(count) stands for a count.
    """

    inverse_regularisation: float = INVERSE_REGULARISATION
    ngrams: int = 1
    sublinear: bool = True


def tfidf_predictions(
    labelled: Bags,
    labels: NDArray[np.int64],
    texts: Bags,
    vocabulary_size: int,
    settings: TfidfSettings = TfidfSettings(),
    sequences: tuple[Sequences | None, Sequences | None] = (None, None),
) -> tuple[NDArray[np.int64], int]:
    """Fit TF-IDF and logistic regression on the labelled texts alone and classify other texts.

    Args:
        labelled: The labelled texts.
        labels: Their class numbers, int64.
        texts: The texts to classify.
        vocabulary_size: Number of columns.
        settings: Of the fit.
        sequences: Labelled and other texts in their order, for pairs of words.

    Returns:
        The class number of each text, int64, shape (texts,), and the number of fitted parameters.
    """
    return fit_and_predict(*features(labelled, texts, vocabulary_size, settings.ngrams, sequences), labels, settings)


def fit_and_predict(
    counts: Any, others: Any, labels: NDArray[np.int64], settings: TfidfSettings
) -> tuple[NDArray[np.int64], int]:
    """Do the same with features that are there already (`features`)."""
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.linear_model import LogisticRegression

    tfidf = TfidfTransformer(sublinear_tf=settings.sublinear).fit(counts)
    model = LogisticRegression(C=settings.inverse_regularisation, max_iter=1000)
    model.fit(tfidf.transform(counts), labels)
    predicted = model.predict(tfidf.transform(others))
    return np.asarray(predicted, np.int64), int(model.coef_.size + model.intercept_.size)


def features(
    labelled: Bags,
    texts: Bags,
    vocabulary_size: int,
    ngrams: int = 1,
    sequences: tuple[Sequences | None, Sequences | None] = (None, None),
) -> tuple[Any, Any]:
    """Return the counts of labelled and of other texts, sparse, shape (texts, features).

    Args:
        labelled: The labelled texts.
        texts: The others; they add no feature.
        vocabulary_size: Number of words.
        ngrams: 2 adds the pairs of neighbouring words that at least `LEAST_TEXTS` labelled texts hold.
        sequences: Both kinds of texts in their order, for pairs.
    """
    from scipy.sparse import hstack

    words = _sparse(labelled, vocabulary_size), _sparse(texts, vocabulary_size)
    if ngrams == 1:
        return words
    first, second = sequences
    if first is None or second is None:
        raise ValueError("pairs of words need the texts in their order")
    known, pairs = _frequent_pairs(*_pairs(first, vocabulary_size), len(labelled))
    of_others = _pair_counts(*_pairs(second, vocabulary_size), known, len(texts))
    return hstack([words[0], pairs], format="csr"), hstack([words[1], of_others], format="csr")


def _pairs(texts: Sequences, vocabulary_size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the text and the number of each pair of neighbouring words, int64."""
    ids, offsets = texts.read()
    text = np.repeat(np.arange(len(texts)), np.diff(offsets))
    inside = text[1:] == text[:-1]
    return text[:-1][inside], (ids[:-1].astype(np.int64) * vocabulary_size + ids[1:])[inside]


def _frequent_pairs(texts: NDArray[np.int64], pairs: NDArray[np.int64], number: int) -> tuple[NDArray[np.int64], Any]:
    """Return the pairs that are features, ascending, and their counts in the labelled texts."""
    from scipy.sparse import csr_matrix

    known, columns = np.unique(pairs, return_inverse=True)
    counts = csr_matrix((np.ones(len(pairs), np.float32), (texts, columns)), shape=(number, len(known)))
    frequent = np.flatnonzero(np.bincount(counts.indices, minlength=len(known)) >= LEAST_TEXTS)
    return known[frequent], counts[:, frequent]


def _pair_counts(texts: NDArray[np.int64], pairs: NDArray[np.int64], known: NDArray[np.int64], number: int) -> Any:
    """Count known pairs (ascending), sparse, shape (number of texts, known)."""
    from scipy.sparse import csr_matrix

    columns = np.searchsorted(known, pairs)
    columns[columns == len(known)] = 0
    there = known[columns] == pairs if len(known) else np.zeros(len(pairs), bool)
    ones = np.ones(np.count_nonzero(there), np.float32)
    return csr_matrix((ones, (texts[there], columns[there])), shape=(number, len(known)))


def _sparse(bags: Bags, vocabulary_size: int) -> Any:
    from scipy.sparse import csr_matrix

    return csr_matrix((bags.counts, bags.indices, bags.offsets), shape=(len(bags), vocabulary_size))
