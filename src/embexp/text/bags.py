"""Token counts per text, as the rows of a sparse matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from embexp.bags import Bags


def counts_of(
    ids: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    vocabulary_size: int,
    max_tokens: int,
) -> Bags:
    """Count the tokens of each text.

    Args:
        ids: token ids of all texts, one after the other; -1 is a token outside the vocabulary.
        offsets: shape (texts + 1,), where each text starts and ends in `ids`; need not start at 0.
        vocabulary_size: ids from here on are skipped, as -1 is.
        max_tokens: only so many first tokens of a text are looked at, skipped ones included.
    """
    from scipy.sparse import csr_array

    kept, kept_offsets = _kept(ids, offsets, vocabulary_size, max_tokens)
    ones = np.ones(len(kept), np.float32)
    matrix = csr_array((ones, kept, kept_offsets), shape=(len(offsets) - 1, max(vocabulary_size, 1)))
    matrix.sum_duplicates()  # sorts the ids within each text, then adds up
    return Bags(
        matrix.indices.astype(np.int32, copy=False),
        matrix.data.astype(np.float32, copy=False),
        matrix.indptr.astype(np.int64, copy=False),
    )


def _kept(
    ids: npt.NDArray[np.int32], offsets: npt.NDArray[np.int64], vocabulary_size: int, max_tokens: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[Any]]:
    """Return the ids that count, and where each text starts in them."""
    tokens = np.asarray(ids[offsets[0] : offsets[-1]])
    starts = offsets - offsets[0]
    keep = (tokens >= 0) & (tokens < vocabulary_size)
    lengths = np.diff(starts)
    for text in np.flatnonzero(lengths > max_tokens):  # few texts are longer; a mask per token costs more
        keep[starts[text] + max_tokens : starts[text + 1]] = False
    before = np.zeros(len(tokens) + 1, np.int64)
    np.cumsum(keep, out=before[1:])
    return tokens[keep], before[starts]
