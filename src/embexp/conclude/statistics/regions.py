"""Where a figure that is interpolated between train sizes may be 0: roots, and their confidence region.

The region holds the sizes at which the pointwise interval of the figure contains 0. For the true root the interval
covers 0 at its own rate, so the region covers the root at that rate, whatever the number of seeds; it may be open
at either end, empty, or fall into pieces (Fieller 1954; for curves Cho, Hwang and Jeon call it the inversion set).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from embexp.conclude.statistics.components import Array, Crossed

# Points between two neighbouring sizes at which the interval is computed; between points it is interpolated.
_POINTS = 32


@dataclass(frozen=True)
class Regions:
    """Roots of a figure over train size and the sizes at which it may be 0.

    Attributes:
        roots: Train sizes at which the estimate changes sign.
        signs: Sign of the estimate before the first root, and after each root; all 0 if it is 0 throughout.
        pieces: Disjoint (low, high) train sizes; None where the piece reaches the first or last size.
    """

    roots: tuple[float, ...]
    signs: tuple[int, ...]
    pieces: tuple[tuple[float | None, float | None], ...]

    def around(self, root: float) -> tuple[float | None, float | None]:
        """Return the piece that holds a root."""
        for low, high in self.pieces:
            if (low is None or low <= root * (1 + 1e-9)) and (high is None or root * (1 - 1e-9) <= high):
                return low, high
        raise ValueError(f"no piece holds {root}: {self.pieces}")

    def contains(self, size: float) -> bool:
        """Return whether some piece holds a size."""
        return any((low is None or low <= size) and (high is None or size <= high) for low, high in self.pieces)


def find_regions(crossed: Crossed, weights: Array, sizes: Array, level: float) -> Regions:
    """Find roots and region of a figure given by weights at each size, linear in log size between them.

    Args:
        crossed: Means and components of the positions.
        weights: Shape (sizes, positions).
        sizes: At least one train size, ascending.
        level: Pointwise coverage.
    """
    logs = np.log(sizes)
    values = crossed.estimate(weights).value
    roots, signs = _roots(logs, values)
    grid = _grid(logs, roots)
    estimate = crossed.estimate(interpolate(logs, weights, grid))
    excess = np.abs(estimate.value) - estimate.half_width(level)
    excess = np.where(np.isnan(excess), -1.0, excess)  # no interval excludes nothing
    excess[np.isin(grid, roots)] = np.minimum(excess[np.isin(grid, roots)], 0.0)
    return Regions(tuple(float(np.exp(root)) for root in roots), signs, _pieces(grid, excess))


def interpolate(logs: Array, weights: Array, at: Array) -> Array:
    """Interpolate weights linearly in log size, shape (points, positions); outside, the ends go on.

    Args:
        logs: Log sizes, ascending, shape (sizes,).
        weights: Shape (sizes, positions).
        at: Log sizes wanted, shape (points,).
    """
    if len(logs) == 1:
        return np.repeat(weights, len(at), axis=0)
    left = np.clip(np.searchsorted(logs, at, side="right") - 1, 0, len(logs) - 2)
    share = np.clip((at - logs[left]) / (logs[left + 1] - logs[left]), 0.0, 1.0)[:, None]
    return np.asarray((1 - share) * weights[left] + share * weights[left + 1])


def _roots(logs: Array, values: Array) -> tuple[Array, tuple[int, ...]]:
    """Return log sizes at which the interpolated values change sign, and the signs around them.

    Where values are 0 at several sizes between opposite signs, the root is the middle of them.
    """
    sizes = np.flatnonzero(values != 0)
    if len(sizes) == 0:
        return np.empty(0), (0,)
    signs = [int(np.sign(values[sizes[0]]))]
    roots = []
    for left, right in pairwise(sizes):
        if np.sign(values[left]) == np.sign(values[right]):
            continue
        if right == left + 1:
            share = values[left] / (values[left] - values[right])
            roots.append(logs[left] + share * (logs[right] - logs[left]))
        else:
            roots.append((logs[left + 1] + logs[right - 1]) / 2)
        signs.append(int(np.sign(values[right])))
    return np.array(roots), tuple(signs)


def _grid(logs: Array, roots: Array) -> Array:
    if len(logs) == 1:
        return logs
    steps = np.arange(_POINTS) / _POINTS
    inner = (logs[:-1, None] + steps * np.diff(logs)[:, None]).ravel()
    return np.unique(np.concatenate([inner, logs[-1:], roots]))


def _pieces(grid: Array, excess: Array) -> tuple[tuple[float | None, float | None], ...]:
    """Return the stretches with excess <= 0, their ends interpolated between grid points."""
    inside = excess <= 0
    edges = np.diff(np.concatenate([[False], inside, [False]]).astype(int))
    pieces = []
    for first, last in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1, strict=True):
        low = None if first == 0 else _edge(grid, excess, int(first) - 1)
        high = None if last == len(grid) - 1 else _edge(grid, excess, int(last))
        pieces.append((low, high))
    return tuple(pieces)


def _edge(grid: Array, excess: Array, left: int) -> float:
    share = excess[left] / (excess[left] - excess[left + 1])
    return float(np.exp(grid[left] + share * (grid[left + 1] - grid[left])))
