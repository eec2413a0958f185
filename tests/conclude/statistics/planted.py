"""Studies that show exactly what is planted: no seed and hardly a text differs from its strategy's curve."""

from collections.abc import Mapping, Sequence

import numpy as np

from embexp.conclude.measurements import Measurements
from embexp.conclude.simulation import Population, plant

SIZES = (100, 300, 1000, 3000, 10000)


def sharp(
    curves: Mapping[str, Sequence[float]], sizes: Sequence[int] = SIZES, texts: int = 10000, seeds: int = 4
) -> Measurements:
    """Every seed gives the first so many texts a right answer, so accuracies are exact and intervals narrow."""
    counts = np.rint(np.array([curves[name] for name in curves]) * texts).astype(int)
    correct = np.broadcast_to(
        np.arange(texts) < counts[:, :, None, None], (len(curves), len(sizes), seeds, texts)
    ).copy()
    present = np.ones(correct.shape[:3], bool)
    return Measurements(tuple(curves), tuple(sizes), tuple(range(seeds)), correct, present, 10**6)


def equal_population(strategies: Sequence[str], sizes: Sequence[int] = (100, 1000, 10000)) -> Population:
    """Strategies that do not differ at any size."""
    curve = tuple(np.linspace(0.74, 0.86, len(sizes)))
    return plant(dict.fromkeys(strategies, curve), tuple(sizes), seed_sd=(0.01, 0.003), pool_size=10**6)


def without(measurements: Measurements, *cells: tuple[int, int, int]) -> Measurements:
    """The same study with some cells (strategy, size, seed) missing; what they hold is turned over."""
    correct, present = measurements.correct.copy(), measurements.present.copy()
    for cell in cells:
        present[cell] = False
        correct[cell] = ~correct[cell]
    return Measurements(
        measurements.strategies,
        measurements.train_sizes,
        measurements.seeds,
        correct,
        present,
        measurements.pool_size,
    )


def reordered(measurements: Measurements, strategies: Sequence[str]) -> Measurements:
    """The same study with its strategies in another order."""
    order = [measurements.strategies.index(name) for name in strategies]
    return Measurements(
        tuple(strategies),
        measurements.train_sizes,
        measurements.seeds,
        measurements.correct[order],
        measurements.present[order],
        measurements.pool_size,
    )
