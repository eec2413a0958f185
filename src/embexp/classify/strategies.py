"""What stands in the embedding layer when training begins, and whether it moves (Kim 2014, section 3.1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embexp.bags import Bags
from embexp.classify.generators import generator


@dataclass(frozen=True)
class Strategy:
    """One way of getting an embedding layer.

    Attributes:
        name: The strategy's name in configuration and results.
        pretrained: Whether it starts from word vectors; else from random rows.
        trained: Whether the rows move with the task.
    """

    name: str
    pretrained: bool
    trained: bool


STRATEGIES = {
    strategy.name: strategy
    for strategy in (
        Strategy("random", pretrained=False, trained=True),
        Strategy("frozen", pretrained=True, trained=False),
        Strategy("finetuned", pretrained=True, trained=True),
        Strategy("random_frozen", pretrained=False, trained=False),
    )
}


@dataclass(frozen=True)
class WordVectors:
    """Pre-trained vectors for a part of the vocabulary.

    Attributes:
        rows: Token ids that have a vector, int64, shape (known,).
        vectors: float32, shape (known, vector_size).
    """

    rows: NDArray[np.int64]
    vectors: NDArray[np.float32]


def random_matrix(vocabulary_size: int, vector_size: int, scale: float, seed: int) -> NDArray[np.float32]:
    """Return rows drawn from uniform(-scale, scale), float32, shape (vocabulary, vector_size)."""
    draws = generator(seed, "rows").random((vocabulary_size, vector_size), np.float32)
    draws -= np.float32(0.5)
    draws *= np.float32(2 * scale)
    return draws


def pretrained_matrix(word_vectors: WordVectors, vocabulary_size: int, seed: int) -> NDArray[np.float32]:
    """Return word2vec's rows, and for words without one the mean vector plus a random one of typical length.

    "Typical" is the root mean square distance of the known vectors from their mean, so that unknown words neither
    stand out nor vanish.
    """
    vectors = word_vectors.vectors
    mean = vectors.mean(axis=0)
    spread = np.sqrt(np.square(vectors - mean).mean())
    matrix = generator(seed, "unknown rows").standard_normal((vocabulary_size, vectors.shape[1]), np.float32)
    matrix *= spread
    matrix += mean
    known = word_vectors.rows < vocabulary_size
    matrix[word_vectors.rows[known]] = vectors[known]
    return matrix


def standardise(matrix: NDArray[np.float32], pooled: NDArray[np.float32]) -> None:
    """Shift and scale a matrix in place, so that the pooled texts have mean 0 and standard deviation 1.

    A pooled text is a weighted mean of rows, so shifting and scaling the rows does the same to every pooled text.
    Raw skip-gram vectors share a large common component and differ little once averaged: the head then needs ten
    times the steps (docs/protocol.md). One scale for all dimensions, so that their proportions stay word2vec's.

    Args:
        matrix: The embedding matrix, float32, shape (vocabulary, vector_size); changed in place.
        pooled: The cell's labelled texts, pooled with that matrix, float32, shape (texts, vector_size); not changed.
    """
    centre = pooled.mean(axis=0)
    spread = float(pooled.std(axis=0).mean())
    matrix -= centre
    if spread > 0:
        matrix *= np.float32(1 / spread)


def pool_with(matrix: NDArray[np.float32], bags: Bags) -> NDArray[np.float32]:
    """Return the mean row of each text's tokens, float32, shape (texts, vector_size); zeros for empty texts."""
    from embexp.classify.kernels import pool_texts

    pooled = np.empty((len(bags), matrix.shape[1]), np.float32)
    pool_texts(matrix, bags.indices, bags.mean_weights(), bags.offsets, pooled)
    return pooled


def initial_matrix(
    strategy: Strategy,
    word_vectors: WordVectors | None,
    labelled: Bags,
    *,
    vocabulary_size: int,
    vector_size: int,
    scale: float,
    seed: int,
) -> NDArray[np.float32]:
    """Return the embedding matrix with which a cell begins, float32, shape (vocabulary, vector_size).

    `random` starts from small uniform rows. A matrix that is not learned from nothing (word2vec, and the control
    with random rows that stay) is standardised on the cell's labelled texts, so that the head, which has the same
    rate and budget everywhere, finds inputs of the same size.
    """
    if not strategy.pretrained:
        matrix = random_matrix(vocabulary_size, vector_size, scale, seed)
        if strategy.trained:
            return matrix
    else:
        if word_vectors is None:
            raise ValueError(f"strategy {strategy.name!r} starts from word vectors, and none were given")
        matrix = pretrained_matrix(word_vectors, vocabulary_size, seed)
    pooled = pool_with(matrix, labelled)[labelled.tokens() > 0]  # an empty text has no mean to shift
    if len(pooled):
        standardise(matrix, pooled)
    return matrix
