#!/usr/bin/env python
"""Compare ways to make an interval on the planted studies of calibration.py: what embexp does, and what failed.

    scripts/bench/calibration_methods.py                   1,000 simulations of each setting, about 3 minutes
    scripts/bench/calibration_methods.py --simulations 200

Prints how often each 95 % interval covers the true difference at the size in `SIZE`, and the true crossover.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import calibration as setup  # sets the number of threads before NumPy is imported
import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtr, stdtrit

from embexp.conclude.measurements import Measurements
from embexp.conclude.statistics.components import Estimate
from embexp.conclude.statistics.moments import Moments, difference_weights
from embexp.conclude.statistics.pivot import critical_value
from embexp.conclude.statistics.regions import find_regions

Array = npt.NDArray[np.float64]

SIZE = 3000
LEVEL = 0.95
RESAMPLES = 400
TAIL = 0.05 / 18
SETTINGS = tuple(
    index for index, s in enumerate(setup.SETTINGS) if (s.disagreement, s.persistence) in ((0.06, 0.6), (0.10, 0.2))
)


def by_seed(measurements: Measurements) -> Array:
    """Return the difference of the two strategies for each size and seed."""
    accuracy = measurements.accuracy
    return np.asarray(accuracy[0] - accuracy[1])


def seeds_t(measurements: Measurements, k: int, generator: np.random.Generator) -> tuple[float, float]:
    """Student interval over seeds: as if the test texts were all texts."""
    values = by_seed(measurements)[k]
    half = stdtrit(len(values) - 1, (1 + LEVEL) / 2) * values.std(ddof=1) / np.sqrt(len(values))
    return values.mean() - half, values.mean() + half


def seeds_bootstrap(measurements: Measurements, k: int, generator: np.random.Generator) -> tuple[float, float]:
    """Percentile bootstrap over seeds."""
    values = by_seed(measurements)[k]
    means = values[generator.integers(len(values), size=(RESAMPLES, len(values)))].mean(axis=1)
    return float(np.quantile(means, (1 - LEVEL) / 2)), float(np.quantile(means, (1 + LEVEL) / 2))


def texts_z(measurements: Measurements, k: int, generator: np.random.Generator) -> tuple[float, float]:
    """Normal interval over texts, each averaged over the seeds: as if these were all seeds."""
    values = measurements.correct[0, k].mean(axis=0) - measurements.correct[1, k].mean(axis=0)
    half = ndtri((1 + LEVEL) / 2) * values.std(ddof=1) / np.sqrt(len(values))
    return values.mean() - half, values.mean() + half


def both_bootstrap(measurements: Measurements, k: int, generator: np.random.Generator) -> tuple[float, float]:
    """Percentile bootstrap that draws seeds and texts (Owen's pigeonhole bootstrap; Sellam et al. 2021)."""
    values = measurements.correct[0, k].astype(np.float32) - measurements.correct[1, k]
    seeds, texts = values.shape
    seed_weights = generator.multinomial(seeds, np.full(seeds, 1 / seeds), RESAMPLES) / seeds
    text_weights = generator.poisson(1.0, (RESAMPLES, texts))
    sums = ((seed_weights.astype(np.float32) @ values) * text_weights).sum(axis=1)
    means = sums / text_weights.sum(axis=1)
    return float(np.quantile(means, (1 - LEVEL) / 2)), float(np.quantile(means, (1 + LEVEL) / 2))


def _estimate(measurements: Measurements, k: int) -> Estimate:
    moments = Moments(measurements)
    return moments.pair(0, 1).estimate(difference_weights(len(moments.sizes))[k : k + 1])


def _around(estimate: Estimate, critical: Array) -> tuple[float, float]:
    half = float(critical[0] * estimate.se[0])
    return float(estimate.value[0]) - half, float(estimate.value[0]) + half


def satterthwaite_df(estimate: Estimate, texts: int) -> Array:
    """Return Satterthwaite's degrees of freedom of a two-way variance."""
    text_share = 1 - estimate.seed_share + estimate.rest_share
    return np.asarray(
        1
        / (
            estimate.seed_share**2 / (estimate.seeds - 1)
            + text_share**2 / (texts - 1)
            + estimate.rest_share**2 / ((estimate.seeds - 1) * (texts - 1))
        )
    )


def satterthwaite(measurements: Measurements, k: int, generator: np.random.Generator) -> tuple[float, float]:
    """Two-way components with one t distribution on Satterthwaite's degrees of freedom."""
    estimate = _estimate(measurements, k)
    return _around(estimate, stdtrit(satterthwaite_df(estimate, measurements.texts), (1 + LEVEL) / 2))


def none_known(measurements: Measurements, k: int, generator: np.random.Generator) -> tuple[float, float]:
    """Two-way components, the whole variance between seeds taken as uncertain."""
    estimate = _estimate(measurements, k)
    return _around(estimate, critical_value(LEVEL, estimate.seed_share, len(measurements.seeds) - 1))


def all_known(measurements: Measurements, k: int, generator: np.random.Generator) -> tuple[float, float]:
    """Two-way components, the rest part of the variance between seeds taken as known."""
    estimate = _estimate(measurements, k)
    share = np.clip(estimate.seed_share - estimate.rest_share, 0, 1)
    return _around(estimate, critical_value(LEVEL, share, len(measurements.seeds) - 1))


def shipped(measurements: Measurements, k: int, generator: np.random.Generator) -> tuple[float, float]:
    """Two-way components, half of the rest part taken as known: what embexp does."""
    low, high = _estimate(measurements, k).interval(LEVEL)
    return float(low[0]), float(high[0])


Method = Callable[[Measurements, int, np.random.Generator], tuple[float, float]]
METHODS: dict[str, Method] = {
    "seeds only, t": seeds_t,
    "seeds only, bootstrap": seeds_bootstrap,
    "texts only, z": texts_z,
    "both, percentile bootstrap": both_bootstrap,
    "both, Satterthwaite": satterthwaite,
    "both, no rest known": none_known,
    "both, all rest known": all_known,
    "both, half known (shipped)": shipped,
}


def first_root(logs: Array, lead: Array) -> float | None:
    """Return the first log size at which a lead changes sign."""
    changes = np.flatnonzero(np.sign(lead[:-1]) != np.sign(lead[1:]))
    if len(changes) == 0:
        return None
    k = int(changes[0])
    return float(logs[k] + lead[k] / (lead[k] - lead[k + 1]) * (logs[k + 1] - logs[k]))


def crossover_bootstrap(measurements: Measurements, truth: float, generator: np.random.Generator) -> bool:
    """Percentile bootstrap of the root over seeds; resamples without a root are dropped."""
    values, logs = by_seed(measurements), np.log(setup.SIZES)
    chosen = generator.integers(values.shape[1], size=(RESAMPLES, values.shape[1]))
    roots = [first_root(logs, values[:, pick].mean(axis=1)) for pick in chosen]
    found = [root for root in roots if root is not None]
    if not found:
        return False
    return bool(np.quantile(found, (1 - LEVEL) / 2) <= np.log(truth) <= np.quantile(found, (1 + LEVEL) / 2))


def crossover_seeds(measurements: Measurements, truth: float) -> bool:
    """Inverted t interval over seeds alone, at the true crossover."""
    values, logs = by_seed(measurements), np.log(setup.SIZES)
    at = np.array([np.interp(np.log(truth), logs, column) for column in values.T])
    half = stdtrit(len(at) - 1, (1 + LEVEL) / 2) * at.std(ddof=1) / np.sqrt(len(at))
    return bool(abs(at.mean()) <= half)


def far_tails(moments: Moments, truth: Array) -> tuple[int, int]:
    """Count the true differences, of all sizes, that get p below TAIL: by Satterthwaite's t, and by p_new."""
    estimate = moments.pair(0, 1).estimate(difference_weights(len(setup.SIZES)))
    off = replace(estimate, value=estimate.value - truth)
    df = satterthwaite_df(estimate, moments.measurements.texts)
    by_t = 2 * stdtr(df, -np.abs(off.value) / off.se)
    return int((by_t < TAIL).sum()), int((off.p < TAIL).sum())


def run(index: int, simulations: int) -> dict[str, float]:
    """Return the coverage of every method in one setting, in percent, and how often far tails come up."""
    setting = setup.SETTINGS[index]
    truth = setup.Truth(setting)
    k = setup.SIZES.index(SIZE)
    difference = float(truth.random[k] - truth.frozen[k])
    generator = np.random.default_rng([7, index])
    hits: Counter[str] = Counter()
    tails = np.zeros(2)
    weights = difference_weights(len(setup.SIZES))
    for _ in range(simulations):
        measurements = truth.population.draw(generator, setting.seeds, setting.texts)
        for name, method in METHODS.items():
            low, high = method(measurements, k, generator)
            hits[name] += bool(low <= difference <= high)
        moments = Moments(measurements)
        regions = find_regions(moments.pair(0, 1), weights, moments.sizes, LEVEL)
        hits["crossover: bootstrap over seeds"] += crossover_bootstrap(measurements, truth.crossover, generator)
        hits["crossover: inversion, seeds only"] += crossover_seeds(measurements, truth.crossover)
        hits["crossover: inversion, both (shipped)"] += regions.contains(truth.crossover)
        by_t, by_p = far_tails(moments, truth.random - truth.frozen)
        tails += np.array([by_t, by_p])
    found = {name: 100 * count / simulations for name, count in hits.items()}
    expected = simulations * len(setup.SIZES) * TAIL
    found["p < .05/18, times as often as it should: Satterthwaite"], found["the same: p_new (shipped)"] = (
        tails / expected
    )
    return found


def main(arguments: list[str] | None = None) -> int:
    """Run all settings and print a table in Markdown, one row for each method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=1000, help="studies per setting (default 1000)")
    options = parser.parse_args(arguments)
    columns = {}
    for index in SETTINGS:
        s = setup.SETTINGS[index]
        name = f"{s.seeds} x {s.texts}, {100 * s.disagreement:g} %, {s.persistence}"
        columns[name] = run(index, options.simulations)
        print(f"done: {name}", file=sys.stderr)
    print("| method |", " | ".join(columns), "|")
    print("|" + "---|" * (len(columns) + 1))
    for method in next(iter(columns.values())):
        print(f"| {method} |", " | ".join(f"{column[method]:.1f}" for column in columns.values()), "|")
    return 0


if __name__ == "__main__":
    sys.exit(main())
