"""What stands in the embedding layer when training begins, and whether it moves (Kim 2014, section 3.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
        static: Whether a second channel holds the same rows and keeps them (Kim 2014, multichannel).
    """

    name: str
    pretrained: bool
    trained: bool
    static: bool = False

    @property
    def scratch(self) -> bool:
        """Whether the task learns the rows from random ones."""
        return self.trained and not self.pretrained


STRATEGIES = {
    strategy.name: strategy
    for strategy in (
        Strategy("random", pretrained=False, trained=True),
        Strategy("frozen", pretrained=True, trained=False),
        Strategy("finetuned", pretrained=True, trained=True),
        Strategy("multichannel", pretrained=True, trained=True, static=True),
        Strategy("random_frozen", pretrained=False, trained=False),
    )
}


@dataclass(frozen=True)
class WordVectors:
    """Pre-trained vectors for a part of the vocabulary.

    Attributes:
        rows: Token ids that have a vector, int64, shape (known,).
        vectors: float32, shape (known, vector_size).
        unknown: What words without a vector start from: random (of matched norm), zero or mean; subword: as
            random, where the vectors come with those made from subwords already.
    """

    rows: NDArray[np.int64]
    vectors: NDArray[np.float32]
    unknown: str = "random"

    def keep(self, types: NDArray[np.integer[Any]]) -> WordVectors:
        """Return the vectors of some token ids, renumbered by their place in `types` (ascending)."""
        kept = np.isin(self.rows, types)
        rows = np.searchsorted(types, self.rows[kept]).astype(np.int64)
        return WordVectors(rows, np.asarray(self.vectors)[kept], self.unknown)


def random_matrix(
    vocabulary_size: int, vector_size: int, scale: float, seed: int, kind: str = "uniform"
) -> NDArray[np.float32]:
    """Return rows drawn from uniform(-scale, scale) or normal(0, scale), float32, shape (vocabulary, vector_size)."""
    rng = generator(seed, "rows")
    if kind == "normal":
        draws = rng.standard_normal((vocabulary_size, vector_size), np.float32)
        draws *= np.float32(scale)
        return draws
    draws = rng.random((vocabulary_size, vector_size), np.float32)
    draws -= np.float32(0.5)
    draws *= np.float32(2 * scale)
    return draws


def matched_matrix(pretrained: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Return random directions with the root mean square norm of a pre-trained matrix (Arora 2020, section 3).

    Args:
        pretrained: The matrix that the pre-trained strategies begin with, float32, shape (vocabulary, vector_size).
        seed: The cell's seed.
    """
    vocabulary_size, vector_size = pretrained.shape
    matrix = random_matrix(vocabulary_size, vector_size, 1.0, seed, "normal")
    norm = np.sqrt(np.square(pretrained).sum(axis=1).mean())
    matrix *= norm / np.linalg.norm(matrix, axis=1, keepdims=True)
    return matrix


def pretrained_matrix(word_vectors: WordVectors, vocabulary_size: int, seed: int) -> NDArray[np.float32]:
    """Return word2vec's rows, and for words without one what `word_vectors.unknown` says.

    `random` is the mean vector plus a normal one whose standard deviation is the root mean square distance of the
    known vectors from their mean: the expected squared norm is then exactly theirs, so unknown words neither stand
    out nor vanish.
    """
    vectors = word_vectors.vectors
    known = word_vectors.rows < vocabulary_size
    matrix: NDArray[np.float32] = np.zeros((vocabulary_size, vectors.shape[1]), np.float32)
    if word_vectors.unknown != "zero" and len(vectors) and known.sum() < vocabulary_size:
        mean = vectors.mean(axis=0)
        if word_vectors.unknown != "mean":
            matrix = generator(seed, "unknown rows").standard_normal(matrix.shape, np.float32)
            matrix *= np.sqrt(np.square(vectors - mean).mean())
        matrix += mean
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
    pool_texts(matrix, bags.indices, bags.counts, bags.offsets, pooled)
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
    initial: str = "uniform",
    standardised: str = "texts",
) -> NDArray[np.float32]:
    """Return the embedding matrix with which a cell begins, float32, shape (vocabulary, vector_size).

    `random` starts from small uniform rows. A matrix that is not learned from nothing (word2vec, and the control
    with random rows that stay) is standardised on the cell's labelled texts, so that the head, which has the same
    rate and budget everywhere, finds inputs of the same size: on the mean vectors of the `texts`, on the vectors of
    their `tokens` for encoders that read one token at a time, or not at all (`none`).
    """
    if strategy.pretrained:
        matrix = pretrained_matrix(_given(word_vectors, f"strategy {strategy.name!r}"), vocabulary_size, seed)
    elif strategy.trained and initial == "matched":
        start = pretrained_matrix(_given(word_vectors, "classifier.initial=matched"), vocabulary_size, seed)
        _standardise_on(labelled, start, standardised)
        return matched_matrix(start, seed)
    else:
        kind = "uniform" if initial == "uniform" else "normal"  # a frozen matrix is standardised: no scale to match
        matrix = random_matrix(vocabulary_size, vector_size, scale, seed, kind)
        if strategy.trained:
            return matrix
    _standardise_on(labelled, matrix, standardised)
    return matrix


def _given(word_vectors: WordVectors | None, what: str) -> WordVectors:
    if word_vectors is None:
        raise ValueError(f"{what} starts from word vectors, and none were given")
    return word_vectors


def _standardise_on(labelled: Bags, matrix: NDArray[np.float32], on: str) -> None:
    if on == "none":
        return
    if on == "tokens":
        found = np.bincount(labelled.indices, labelled.counts, len(matrix))
        types = np.flatnonzero(found)
        if len(types):
            tokens = np.repeat(matrix[types], found[types].astype(np.int64), axis=0)
            standardise(matrix, tokens)
        return
    pooled = pool_with(matrix, labelled)[labelled.tokens() > 0]  # an empty text has no mean to shift
    if len(pooled):
        standardise(matrix, pooled)
