"""How many labels one strategy is worth in another's, and how far apart two curves lie."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import isotonic_regression

from embexp.conclude.statistics.components import Array, Crossed
from embexp.conclude.statistics.contrasts import Rules
from embexp.conclude.statistics.moments import Moments
from embexp.conclude.statistics.numbers import number
from embexp.conclude.statistics.regions import find_regions


def label_equivalence(moments: Moments, rules: Rules) -> list[dict[str, Any]]:
    """Find, for each ordered pair and size N, the size N' at which b does as well as a does at N.

    Returns:
        Dicts with `equivalent_size` N', `ratio` N'/N (above 1: a saves labels), `saved` N' - N, each with ends
        that are None where the interval is open. Outside b's curve `censored` is `above` (b does not get
        there even at its largest size) or `below` (b is better already at its smallest), the three figures
        are None, `ratio_text` says `>16x` or `<0.2x`, and the bound stands at the end of the interval that the
        data can give. Where b's curve reaches a's score several times, the first counts.
    """
    strategies = range(len(moments.measurements.strategies))
    return [row for a in strategies for b in strategies if a != b for row in _ordered_pair(moments, a, b, rules)]


def _ordered_pair(moments: Moments, a: int, b: int, rules: Rules) -> list[dict[str, Any]]:
    measurements = moments.measurements
    count = len(moments.sizes)
    crossed = moments.pair(a, b)
    usable = np.flatnonzero(moments.shared(a, b).sum(axis=1) >= 2)
    identity = np.eye(2 * count)
    rows = []
    for k, size in enumerate(measurements.train_sizes):
        row = {"a": measurements.strategies[a], "b": measurements.strategies[b], "train_size": size}
        if k not in usable:
            rows.append(row | _equivalent(None, None, None, size, None))
            continue
        weights = identity[k] - identity[count + usable]
        regions = find_regions(crossed, weights, moments.sizes[usable], rules.level)
        first, last = moments.sizes[usable[0]], moments.sizes[usable[-1]]
        low, high = _hull(regions.pieces)
        estimate, censored = _first_reach(np.log(moments.sizes[usable]), crossed.estimate(weights).value)
        if censored == "below":
            bound = None if regions.pieces and high is None else (high if regions.pieces else first)
            rows.append(row | _equivalent(None, None, bound, size, censored, edge=first))
        elif censored == "above":
            bound = None if regions.pieces and low is None else (low if regions.pieces else last)
            rows.append(row | _equivalent(None, bound, None, size, censored, edge=last))
        else:
            rows.append(row | _equivalent(estimate, low, high, size, None))
    return rows


def _first_reach(logs: Array, lead: Array) -> tuple[float | None, str | None]:
    """Return the first size at which a lead is used up, or on which side of the curve it would be."""
    reached = np.flatnonzero(lead <= 0)
    if len(reached) == 0:
        return None, "above"
    k = int(reached[0])
    if k == 0:
        return (float(np.exp(logs[0])), None) if lead[0] == 0 else (None, "below")
    share = lead[k - 1] / (lead[k - 1] - lead[k])
    return float(np.exp(logs[k - 1] + share * (logs[k] - logs[k - 1]))), None


def _hull(pieces: tuple[tuple[float | None, float | None], ...]) -> tuple[float | None, float | None]:
    if not pieces:
        return None, None
    return pieces[0][0], pieces[-1][1]


def _equivalent(
    estimate: float | None,
    low: float | None,
    high: float | None,
    size: int,
    censored: str | None,
    edge: float | None = None,
) -> dict[str, Any]:
    def ratio(value: float | None) -> float | None:
        return None if value is None else float(value) / size

    def saved(value: float | None) -> float | None:
        return None if value is None else float(value) - size

    text = None
    if edge is not None:
        text = f"{'>' if censored == 'above' else '<'}{format_ratio(edge / size)}"
    elif estimate is not None:
        text = format_ratio(estimate / size)
    return {
        "equivalent_size": estimate,
        "equivalent_low": number(low),
        "equivalent_high": number(high),
        "ratio": ratio(estimate),
        "ratio_low": ratio(low),
        "ratio_high": ratio(high),
        "saved": saved(estimate),
        "saved_low": saved(low),
        "saved_high": saved(high),
        "censored": censored,
        "ratio_text": text,
    }


def format_ratio(ratio: float) -> str:
    """Write a ratio with two significant digits: `16x`, `2.3x`, `0.005x`."""
    if ratio >= 10:
        return f"{ratio:,.0f}x"
    return f"{float(f'{ratio:.2g}'):g}x"


def horizontal_distances(moments: Moments, rules: Rules) -> list[dict[str, Any]]:
    """Average the horizontal distance of two curves over the scores that both reach.

    Le Scao and Rush (2021) call this the average data advantage. The distance is taken in log labels, so `ratio`
    is the (geometric) average of how many times as many labels b needs; above 1 a saves labels. Curves are made
    monotone first (isotonic regression). The interval follows from the gradient of the distance.
    """
    rows = []
    for a, b in moments.measurements.pairs():
        usable = np.flatnonzero(moments.shared(a, b).sum(axis=1) >= 2)
        ratio, low, high, scores = _distance(moments.pair(a, b), usable, moments.sizes, rules.level)
        rows.append(
            {
                "a": moments.measurements.strategies[a],
                "b": moments.measurements.strategies[b],
                "ratio": ratio,
                "ratio_low": low,
                "ratio_high": high,
                "score_low": scores[0],
                "score_high": scores[1],
            }
        )
    return rows


def _distance(
    crossed: Crossed, usable: np.ndarray[Any, np.dtype[np.intp]], sizes: Array, level: float
) -> tuple[float | None, float | None, float | None, tuple[float | None, float | None]]:
    count = len(sizes)
    if len(usable) < 2:
        return None, None, None, (None, None)
    logs = np.log(sizes[usable])
    positions = np.concatenate([usable, count + usable])
    means = crossed.mean[positions]

    def gap(values: Array) -> float:
        return horizontal_gap(logs, values[: len(usable)], values[len(usable) :])

    value = gap(means)
    if np.isnan(value):
        return None, None, None, (None, None)
    step = 1e-5
    gradient = np.zeros(2 * count)
    for index, position in enumerate(positions):
        shift = np.zeros(len(positions))
        shift[index] = step
        gradient[position] = (gap(means + shift) - gap(means - shift)) / (2 * step)
    half = float(crossed.estimate(gradient).half_width(level))
    scores = _common_scores(*(isotonic_regression(part).x for part in np.split(means, 2)))
    low, high = number(np.exp(value - half)), number(np.exp(value + half))
    return float(np.exp(value)), low, high, (float(scores[0]), float(scores[1]))


def horizontal_gap(logs: Array, a: Array, b: Array) -> float:
    """Return the mean of log size of b less that of a over the scores that both curves reach; NaN if none."""
    a, b = isotonic_regression(a).x, isotonic_regression(b).x
    low, high = _common_scores(a, b)
    if not low < high:
        return float("nan")
    breaks = np.unique(np.clip(np.concatenate([a, b, [low, high]]), low, high))
    middle = (breaks[:-1] + breaks[1:]) / 2  # the distance is linear between breaks, so the middle is exact
    gap = _sizes_reaching(logs, b, middle) - _sizes_reaching(logs, a, middle)
    return float((gap * np.diff(breaks)).sum() / (high - low))


def _common_scores(a: Array, b: Array) -> tuple[float, float]:
    return max(a[0], b[0]), min(a[-1], b[-1])


def _sizes_reaching(logs: Array, curve: Array, scores: Array) -> Array:
    """Return the log size at which a monotone curve reaches scores strictly between its values."""
    right = np.clip(np.searchsorted(curve, scores, side="left"), 1, len(curve) - 1)
    rise = curve[right] - curve[right - 1]
    share = np.divide(scores - curve[right - 1], rise, out=np.zeros_like(scores), where=rise > 0)
    return np.asarray(logs[right - 1] + share * (logs[right] - logs[right - 1]))
