"""Texts as bags of token ids: all that a mean-pooled text is, in compressed sparse rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Bags:
    """The distinct token ids of each text, with the number of times they occur.

    Text t holds the entries `offsets[t]` to `offsets[t + 1]`; an empty text holds none.

    Attributes:
        indices: Token ids, int32, shape (entries,), ascending within a text.
        counts: Occurrences, float32, shape (entries,).
        offsets: int64, shape (texts + 1,).
    """

    indices: NDArray[np.int32]
    counts: NDArray[np.float32]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def select(self, texts: NDArray[np.integer[Any]]) -> Bags:
        """Return the bags of some texts, in the order given, as a copy."""
        lengths = self.offsets[texts + 1] - self.offsets[texts]
        offsets = np.zeros(len(texts) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        places = np.repeat(self.offsets[texts] - offsets[:-1], lengths) + np.arange(offsets[-1])
        return Bags(self.indices[places], self.counts[places], offsets)

    def types(self, min_count: int) -> NDArray[np.int64]:
        """Return the token ids that occur at least `min_count` times in these texts, ascending."""
        if min_count <= 1:
            present = np.zeros(int(self.indices.max(initial=-1)) + 1, bool)
            present[self.indices] = True
            return np.flatnonzero(present)
        return np.flatnonzero(np.bincount(self.indices, weights=self.counts) >= min_count)

    def keep(self, types: NDArray[np.integer[Any]]) -> Bags:
        """Return the bags of some token ids, renumbered by their place in `types` (ascending); others are dropped."""
        numbers = np.full(1 + max(int(self.indices.max(initial=-1)), int(np.max(types, initial=-1))), -1, np.int32)
        numbers[types] = np.arange(len(types), dtype=np.int32)
        indices = numbers[self.indices]
        kept = indices >= 0
        if kept.all():
            return Bags(indices, self.counts, self.offsets)
        before = np.concatenate([np.zeros(1, np.int64), np.cumsum(kept)])
        return Bags(indices[kept], np.asarray(self.counts)[kept], before[self.offsets])

    def tokens(self) -> NDArray[np.int64]:
        """Return the number of tokens of each text, int64, shape (texts,)."""
        sums = np.zeros(len(self.counts) + 1, np.int64)
        np.cumsum(self.counts, out=sums[1:], dtype=np.int64)
        return sums[self.offsets[1:]] - sums[self.offsets[:-1]]

    def mean_weights(self) -> NDArray[np.float32]:
        """Return counts divided by the tokens of their text: the weights of a mean over tokens."""
        tokens = np.repeat(self.tokens(), np.diff(self.offsets))
        weights: NDArray[np.float32] = np.divide(self.counts, tokens, dtype=np.float32)
        return weights

    def save(self, folder: Path, part: str) -> None:
        """Write the three arrays as NumPy files whose names begin with `part`."""
        for name in ("indices", "counts", "offsets"):
            np.save(folder / f"{part}_{name}.npy", getattr(self, name))

    @classmethod
    def load(cls, folder: Path, part: str) -> Bags:
        """Map the arrays that `save` wrote into memory, read-only."""
        paths = (folder / f"{part}_{name}.npy" for name in ("indices", "counts", "offsets"))
        return cls(*(np.load(path, mmap_mode="r", allow_pickle=False) for path in paths))


def singletons(texts: int) -> Bags:
    """Return bags in which text t holds only row t, once: for texts that are pooled already."""
    return Bags(np.arange(texts, dtype=np.int32), np.ones(texts, np.float32), np.arange(texts + 1))
