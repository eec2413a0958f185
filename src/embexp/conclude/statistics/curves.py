"""Learning curves: mean, spread and interval of each strategy at each size, and the area under them."""

from __future__ import annotations

from typing import Any

import numpy as np

from embexp.conclude.statistics.components import Array
from embexp.conclude.statistics.contrasts import Rules
from embexp.conclude.statistics.moments import Moments
from embexp.conclude.statistics.numbers import number


def curves(moments: Moments, rules: Rules) -> list[dict[str, Any]]:
    """Describe every strategy at every size; `sd`, `median`, `lowest` and `highest` are over its seeds.

    The interval covers the mean accuracy over new seeds and new texts; it is None with fewer than 2 seeds.
    """
    measurements = moments.measurements
    right = measurements.correct.sum(axis=3)  # whole numbers, so that equal seeds have a spread of exactly 0
    rows = []
    for s, strategy in enumerate(measurements.strategies):
        estimate = moments.strategy(s).estimate(np.eye(len(moments.sizes)))
        low, high = estimate.score_interval(rules.level)
        for k, size in enumerate(measurements.train_sizes):
            scores = right[s, k, measurements.present[s, k]]
            rows.append(
                {
                    "strategy": strategy,
                    "train_size": size,
                    "n": len(scores),
                    "mean": number(estimate.value[k]) if len(scores) else None,
                    "ci_low": number(low[k]),
                    "ci_high": number(high[k]),
                    "median": number(np.median(scores) / measurements.texts) if len(scores) else None,
                    "sd": number(np.std(scores, ddof=1) / measurements.texts) if len(scores) > 1 else None,
                    "lowest": number(scores.min() / measurements.texts) if len(scores) else None,
                    "highest": number(scores.max() / measurements.texts) if len(scores) else None,
                }
            )
    return rows


def area_under_curves(moments: Moments, rules: Rules) -> list[dict[str, Any]]:
    """Average each curve over log size, by trapezoids; None for a strategy without a cell at some size."""
    measurements = moments.measurements
    weights = log_size_weights(moments.sizes)
    rows = []
    for s, strategy in enumerate(measurements.strategies):
        estimate = moments.strategy(s).estimate(weights)
        low, high = estimate.score_interval(rules.level)
        complete = bool(measurements.present[s].any(axis=1).all())
        rows.append(
            {
                "strategy": strategy,
                "mean": number(estimate.value) if complete else None,
                "ci_low": number(low) if complete else None,
                "ci_high": number(high) if complete else None,
            }
        )
    return rows


def log_size_weights(sizes: Array) -> Array:
    """Return the weights of each size in an average over log size by trapezoids; they add up to 1."""
    if len(sizes) == 1:
        return np.ones(1)
    gaps = np.diff(np.log(sizes))
    weights = np.zeros(len(sizes))
    weights[:-1] += gaps / 2
    weights[1:] += gaps / 2
    return np.asarray(weights / gaps.sum())
