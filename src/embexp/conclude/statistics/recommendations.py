"""What to use with N labels, for every N between the smallest and the largest size."""

from __future__ import annotations

from typing import Any

import numpy as np

from embexp.conclude.statistics.components import Array
from embexp.conclude.statistics.contrasts import Rules
from embexp.conclude.statistics.moments import Moments, difference_weights
from embexp.conclude.statistics.numbers import number
from embexp.conclude.statistics.regions import interpolate
from embexp.config import CONTROLS

GRID = 80


def recommendations(moments: Moments, rules: Rules, points: int = GRID) -> list[dict[str, Any]]:
    """Recommend a strategy for numbers of labels on a log grid that contains all sizes of the study.

    Returns:
        One dict for each number of labels, ascending: `strategy` is the one with the highest score (interpolated over
        log size), controls included, `control` whether it is one; `level_with` names the others whose
        difference from it the data cannot tell from 0; `embedding_strategy` and its figures are the best that is
        no control.
    """
    at = label_grid(moments.measurements.train_sizes, points)
    expected, low, high = _scores(moments, at, rules)
    own = [s for s, name in enumerate(moments.measurements.strategies) if name not in CONTROLS]
    rows = []
    for index, n_labels in enumerate(at):
        known = [s for s in range(len(expected)) if not np.isnan(expected[s, index])]
        if not known:
            continue
        best = max(known, key=lambda s: (expected[s, index], -s))
        own_known = [s for s in own if s in known]
        best_own = max(own_known, key=lambda s: (expected[s, index], -s)) if own_known else None
        rows.append(
            {"n_labels": int(n_labels)}
            | _named(moments, best, expected, low, high, index, "")
            | {"control": best not in own, "level_with": _level_with(moments, best, known, n_labels, rules)}
            | _named(moments, best_own, expected, low, high, index, "embedding_")
        )
    return rows


def label_grid(sizes: tuple[int, ...], points: int = GRID) -> Array:
    """Return whole numbers of labels, evenly spread over log size, all sizes among them."""
    even = np.rint(np.geomspace(sizes[0], sizes[-1], points))
    return np.unique(np.concatenate([even, sizes])).astype(np.float64)


def _scores(moments: Moments, at: Array, rules: Rules) -> tuple[Array, Array, Array]:
    """Return interpolated accuracy and its interval for each strategy, each (strategies, points)."""
    results = []
    for s in range(len(moments.measurements.strategies)):
        usable = np.flatnonzero(moments.measurements.present[s].any(axis=1))
        if len(usable) == 0:
            results.append([np.full(len(at), np.nan)] * 3)
            continue
        logs = np.log(moments.sizes[usable])
        estimate = moments.strategy(s).estimate(interpolate(logs, np.eye(len(moments.sizes))[usable], np.log(at)))
        ends = estimate.score_interval(rules.level)
        outside = (at < moments.sizes[usable[0]]) | (at > moments.sizes[usable[-1]])
        results.append([np.where(outside, np.nan, values) for values in (estimate.value, *ends)])
    expected, low, high = (np.array([result[part] for result in results]) for part in range(3))
    return expected, low, high


def _named(
    moments: Moments, strategy: int | None, expected: Array, low: Array, high: Array, index: int, prefix: str
) -> dict[str, Any]:
    names = moments.measurements.strategies
    values = [None] * 3 if strategy is None else [number(v[strategy, index]) for v in (expected, low, high)]
    return {
        f"{prefix}strategy": None if strategy is None else names[strategy],
        f"{prefix}expected": values[0],
        f"{prefix}ci_low": values[1],
        f"{prefix}ci_high": values[2],
    }


def _level_with(moments: Moments, best: int, known: list[int], n_labels: float, rules: Rules) -> list[str]:
    """Name the strategies whose difference from the best has an interval that holds 0, or none at all."""
    level = []
    count = len(moments.sizes)
    for other in known:
        if other == best:
            continue
        a, b = min(best, other), max(best, other)
        usable = np.flatnonzero(moments.shared(a, b).sum(axis=1) >= 2)
        if len(usable) == 0 or not moments.sizes[usable[0]] <= n_labels <= moments.sizes[usable[-1]]:
            level.append(moments.measurements.strategies[other])
            continue
        weights = difference_weights(count)[usable]
        logs = np.log(moments.sizes[usable])
        low, high = (
            moments.pair(a, b).estimate(interpolate(logs, weights, np.log(np.array([n_labels])))).interval(rules.level)
        )
        if not (low[0] > 0 or high[0] < 0):
            level.append(moments.measurements.strategies[other])
    return level
