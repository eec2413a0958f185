"""How much of a text has a word vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Coverage:
    """Shares of a vocabulary that have a vector, and the most frequent words that have none.

    Attributes:
        types: Share of the distinct words, 0 to 1.
        tokens: Share of the running words, 0 to 1.
        vocabulary_size: Number of distinct words.
        missing: The most frequent words without a vector, at most ten.
    """

    types: float
    tokens: float
    vocabulary_size: int
    missing: list[str]

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON."""
        return asdict(self)


def measure_coverage(words: Sequence[str], counts: NDArray[np.int64], rows: NDArray[np.int64]) -> Coverage:
    """Measure which part of a vocabulary has vectors.

    Args:
        words: The vocabulary, most frequent first.
        counts: Occurrences of each word, shape (vocabulary,).
        rows: Ids that have a vector; ids beyond the vocabulary are ignored.
    """
    known = np.zeros(len(words), bool)
    known[rows[rows < len(words)]] = True
    total = int(counts.sum())
    missing = [words[place] for place in np.flatnonzero(~known)[:10]]
    return Coverage(
        types=float(known.mean()) if len(words) else 0.0,
        tokens=float(counts[known].sum() / total) if total else 0.0,
        vocabulary_size=len(words),
        missing=missing,
    )
