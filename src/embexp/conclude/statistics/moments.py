"""Means and components of the cells of a study, by strategy and by pair of strategies."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from embexp.conclude.measurements import Measurements
from embexp.conclude.statistics.components import Array, Crossed, Sums


class Moments:
    """Sums over a study's cells, taken once, from which every comparison draws.

    A strategy has K positions, one for each train size. A pair has 2 K: first a's, then b's, both restricted to
    the seeds that both have at that size, so that their difference is paired by seed.
    """

    def __init__(self, measurements: Measurements) -> None:
        self.measurements = measurements
        self.sizes = np.array(measurements.train_sizes, dtype=np.float64)
        self._pairs: dict[tuple[int, int], Crossed] = {}

    @cached_property
    def _sums(self) -> Sums:
        strategies, sizes, seeds, texts = self.measurements.correct.shape
        return Sums.of(
            self.measurements.correct.reshape(strategies * sizes, seeds, texts),
            self.measurements.present.reshape(strategies * sizes, seeds),
        )

    def strategy(self, index: int) -> Crossed:
        """Return means and components of one strategy, shape (K,)."""
        return Crossed.of(self._sums.take(self._positions(index)))

    def pair(self, a: int, b: int) -> Crossed:
        """Return means and components of two strategies on the seeds that they share, shape (2 K,)."""
        if (a, b) not in self._pairs:
            self._pairs[a, b] = Crossed.of(self._pair_sums(a, b))
        return self._pairs[a, b]

    def seed_differences(self, a: int, b: int, size: int) -> npt.NDArray[np.int64]:
        """Return right answers of a less those of b for each seed that both have at a size."""
        sums = self._sums.by_seed.reshape(self.measurements.present.shape)
        both = self.shared(a, b)[size]
        return np.asarray(np.rint(sums[a, size, both] - sums[b, size, both]), dtype=np.int64)

    def shared(self, a: int, b: int) -> npt.NDArray[np.bool_]:
        """Return which seeds both strategies have, shape (train_sizes, seeds)."""
        return np.asarray(self.measurements.present[a] & self.measurements.present[b])

    def _positions(self, index: int) -> npt.NDArray[np.intp]:
        count = len(self.sizes)
        return np.arange(index * count, (index + 1) * count)

    def _pair_sums(self, a: int, b: int) -> Sums:
        present = self.measurements.present
        if (present[a] == present[b]).all():
            return self._sums.take(np.concatenate([self._positions(a), self._positions(b)]))
        both = self.shared(a, b)
        return Sums.of(
            np.concatenate([self.measurements.correct[a], self.measurements.correct[b]]),
            np.concatenate([both, both]),
        )


def difference_weights(sizes: int) -> Array:
    """Return the weights of a - b at each size over the positions of a pair, shape (K, 2 K)."""
    return np.concatenate([np.eye(sizes), -np.eye(sizes)], axis=1)
