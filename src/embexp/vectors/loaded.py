"""What has been read of a file of word vectors, whatever its format."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embexp.vectors.subwords import Subwords


@dataclass(frozen=True)
class Loaded:
    """Rows of a file of vectors, in the order of the file.

    Attributes:
        words: Those that were kept.
        vectors: float32, shape (words, vector_size).
        read: Words in the file.
        subwords: The vectors of n-grams, from a fastText model.
    """

    words: list[str]
    vectors: NDArray[np.float32]
    read: int
    subwords: Subwords | None = None
