"""The words that tell the classes apart, and what the vectors put beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embexp.bags import Bags
from embexp.vectors.space import Space

PRIOR = 0.01  # of all tokens: the weight of the prior, which keeps rare words from the top
MOST_WORDS, MOST_PER_CLASS, NEIGHBOURS = 12, 4, 6


@dataclass(frozen=True)
class Labelled:
    """The labelled texts of the pool.

    Attributes:
        bags: Token counts of each text.
        labels: Class numbers, int64, shape (texts,).
        classes: Their names.
    """

    bags: Bags
    labels: NDArray[np.int64]
    classes: Sequence[str]


def log_odds(labelled: Labelled, vocabulary_size: int) -> NDArray[np.float64]:
    """Return how far each word's odds in a class exceed those in the rest, in standard deviations.

    Log odds ratio with an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008, section 3.5.1).

    Returns:
        float64, shape (classes, vocabulary).
    """
    text_of = np.repeat(np.arange(len(labelled.bags)), np.diff(labelled.bags.offsets))
    cell = labelled.labels[text_of] * vocabulary_size + labelled.bags.indices
    size = len(labelled.classes) * vocabulary_size
    counts = np.bincount(cell, weights=labelled.bags.counts, minlength=size).reshape(-1, vocabulary_size)
    total = counts.sum(axis=0)
    prior = np.maximum(PRIOR * total, 1e-9)
    inside, outside = counts + prior, total - counts + prior
    odds = np.log(inside / (inside.sum(axis=1, keepdims=True) - inside))
    odds -= np.log(outside / (outside.sum(axis=1, keepdims=True) - outside))
    return np.asarray(odds / np.sqrt(1 / inside + 1 / outside))


def telling_words(labelled: Labelled, vocabulary: Sequence[str], space: Space) -> list[dict[str, Any]]:
    """Return for each class its most telling words that have a vector, each with its nearest neighbours."""
    if len(space.words) < 2 or not len(labelled.bags.indices):
        return []
    scores = log_odds(labelled, len(vocabulary))
    per_class = max(1, min(MOST_PER_CLASS, MOST_WORDS // len(labelled.classes)))
    rows: list[dict[str, Any]] = []
    for name, score in zip(labelled.classes, scores, strict=True):
        chosen = []
        for word in map(int, np.argsort(-score, kind="stable")):
            place = space.find(vocabulary[word])
            if place is not None and vocabulary[word].isalpha() and score[word] > 0:
                chosen.append(place)
            if len(chosen) == per_class or score[word] <= 0:
                break
        for place, others in zip(chosen, space.neighbours(chosen, NEIGHBOURS), strict=True):
            neighbours = [space.words[int(other)] for other in others]
            rows.append({"class": name, "word": space.words[place], "neighbours": neighbours})
    return rows
