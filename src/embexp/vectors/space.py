"""Words in a vector space: look-up by any case, cosine neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

AT_A_TIME = 512  # queries; times the words compared, in 32 bits, is what a block needs of memory


@dataclass(frozen=True)
class Space:
    """Words with their vectors, most frequent first.

    Attributes:
        words: Each once.
        vectors: float32, shape (words, vector_size).
    """

    words: Sequence[str]
    vectors: NDArray[np.float32]

    @cached_property
    def unit(self) -> NDArray[np.float32]:
        """The vectors at length 1, float32; a zero vector stays one."""
        lengths = np.linalg.norm(self.vectors, axis=1, keepdims=True)
        scaled: NDArray[np.float32] = np.divide(self.vectors, np.where(lengths > 0, lengths, 1), dtype=np.float32)
        return scaled

    @cached_property
    def places(self) -> dict[str, int]:
        """Place of each word, whatever its case; of several spellings the first, which is the most frequent."""
        return {word.upper(): place for place, word in reversed(list(enumerate(self.words)))}

    def find(self, word: str) -> int | None:
        """Return the place of a word, None if it has no vector."""
        return self.places.get(word.upper())

    def head(self, size: int) -> Space:
        """Return the most frequent words alone."""
        return Space(self.words[:size], self.vectors[:size])

    def nearest(self, queries: NDArray[np.float32], excluded: Sequence[Sequence[int]], count: int) -> NDArray[np.int64]:
        """Return the places of the words nearest to each query by cosine, best first, shape (queries, count).

        Args:
            queries: float32, shape (queries, vector_size), of any length.
            excluded: Places that do not count, for each query.
            count: How many, at most as many as are left.
        """
        found = np.empty((len(queries), count), np.int64)
        for start in range(0, len(queries) if count else 0, AT_A_TIME):
            block = slice(start, start + AT_A_TIME)
            scores = queries[block] @ self.unit.T
            for row, places in enumerate(excluded[block]):
                scores[row, list(places)] = -np.inf
            best = np.argpartition(-scores, count - 1, axis=1)[:, :count]
            order = np.argsort(-np.take_along_axis(scores, best, 1), axis=1, kind="stable")
            found[block] = np.take_along_axis(best, order, 1)
        return found

    def neighbours(self, places: Sequence[int], count: int) -> NDArray[np.int64]:
        """Return the places of the words nearest to some words, those themselves left out."""
        count = min(count, len(self.words) - 1)
        return self.nearest(self.unit[list(places)], [[place] for place in places], count)
