"""What the statistics read: whether each test text was classified rightly, for every cell of a study."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embexp.config import CONTROLS


@dataclass(frozen=True)
class Measurements:
    """Per-text correctness of every cell, all cells judged on the same test texts.

    Attributes:
        strategies: Strategies, controls included; first axis of `correct`.
        train_sizes: Labels spent, strictly ascending; second axis.
        seeds: Seeds, each of which fixes subset, initialisation and batch order; third axis.
        correct: bool, shape (strategies, train_sizes, seeds, texts): was the test text classified rightly.
        present: bool, shape (strategies, train_sizes, seeds): False where a cell is missing. What `correct`
            holds for a missing cell is never read.
        pool_size: Labelled texts in the pool; at this train size all seeds share every label.
        word2vec_fixed: Whether all seeds start from the same word vectors, so that no interval speaks of them.
    """

    strategies: tuple[str, ...]
    train_sizes: tuple[int, ...]
    seeds: tuple[int, ...]
    correct: npt.NDArray[np.bool_]
    present: npt.NDArray[np.bool_]
    pool_size: int
    word2vec_fixed: bool = True

    def __post_init__(self) -> None:
        shape = (len(self.strategies), len(self.train_sizes), len(self.seeds))
        if self.correct.ndim != 4 or self.correct.shape[:3] != shape or self.present.shape != shape:
            raise ValueError(
                f"correct {self.correct.shape} and present {self.present.shape} do not match "
                f"{shape} = (strategies, train_sizes, seeds)"
            )
        if self.correct.dtype != np.bool_ or self.present.dtype != np.bool_:
            raise ValueError(f"both arrays must be bool, not {self.correct.dtype} and {self.present.dtype}")
        if self.correct.shape[3] == 0:
            raise ValueError("there are no test texts: the last axis of correct has length 0")
        if list(self.train_sizes) != sorted(set(self.train_sizes)) or min(self.train_sizes, default=1) < 1:
            raise ValueError(f"train_sizes must be positive and strictly ascending, got {self.train_sizes}")
        for name, values in (("strategies", self.strategies), ("seeds", self.seeds)):
            if len(set(values)) != len(values):
                raise ValueError(f"{name} holds a value twice: {values}")

    @property
    def texts(self) -> int:
        """Number of test texts."""
        return int(self.correct.shape[3])

    @property
    def controls(self) -> tuple[str, ...]:
        """Strategies that are controls, in the order of `strategies`."""
        return tuple(name for name in self.strategies if name in CONTROLS)

    @property
    def accuracy(self) -> npt.NDArray[np.float64]:
        """Accuracy of every cell, shape (strategies, train_sizes, seeds); NaN where the cell is missing."""
        return np.where(self.present, self.correct.mean(axis=3), np.nan)

    def strategy(self, name: str) -> int:
        """Return the index of a strategy."""
        return self.strategies.index(name)

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Yield the indices of each unordered pair of strategies once, in the order of `strategies`."""
        for first in range(len(self.strategies)):
            for second in range(first + 1, len(self.strategies)):
                yield first, second
