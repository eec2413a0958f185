"""Power laws through learning curves, e(n) = a + b n^-c, checked on sizes they have not seen."""

from __future__ import annotations

from typing import Any

import numpy as np

from embexp.conclude.statistics.components import Array, Crossed
from embexp.conclude.statistics.contrasts import Rules
from embexp.conclude.statistics.moments import Moments
from embexp.conclude.statistics.numbers import number
from embexp.errors import UserError

FARTHEST = 4.0  # times the largest size; learning curves change their law beyond (Viering and Loog 2021)
_FEWEST_SIZES = 4
_RATES = np.geomspace(0.02, 3.0, 61)
_REFINEMENTS = 6
_FORECASTS = 13


def fits(moments: Moments, rules: Rules) -> list[dict[str, Any]]:
    """Fit a power law to the error of each strategy.

    Returns:
        One dict for each strategy: `a`, `b`, `c` with e(n) = a + b n^-c (unstable one by one, Hoiem et al. 2021: use
        the curve, not them), `residual` (root mean square at the fitted sizes), `held_out` (the largest sizes,
        predicted by a fit to the smaller ones), and `forecasts` from the largest size to 4 times of it.
        All None or empty, with a `reason`, where fewer than 4 sizes have 2 seeds.
    """
    return [_strategy(moments, index, rules) for index in range(len(moments.measurements.strategies))]


def forecast(fit: dict[str, Any], n_labels: float) -> dict[str, Any]:
    """Read a forecast for a number of labels off a fit.

    Returns:
        `n_labels`, `expected`, `ci_low`, `ci_high`.

    Raises:
        UserError: The fit has no forecasts, or n_labels lies outside them: beyond 4 times the largest size
            nothing is known.
    """
    rows = fit["forecasts"]
    if not rows:
        raise UserError(f"strategy {fit['strategy']!r} has no forecast: {fit['reason']}")
    first, last = rows[0]["n_labels"], rows[-1]["n_labels"]
    if not first <= n_labels <= last:
        raise UserError(
            f"a forecast for {n_labels:,.0f} labels is refused: strategy {fit['strategy']!r} was measured up to "
            f"{first:,.0f} labels, and forecasts reach from there to {last:,.0f} ({FARTHEST:g} times as many); "
            "measure larger sizes to look further"
        )
    logs = np.log([row["n_labels"] for row in rows])
    answer: dict[str, Any] = {"n_labels": n_labels}
    for key in ("expected", "ci_low", "ci_high"):
        answer[key] = float(np.interp(np.log(n_labels), logs, [row[key] for row in rows]))
    return answer


def fit_power_law(sizes: Array, errors: Array, weights: Array) -> Array:
    """Fit e(n) = a + b (n / n0)^-c with a, b >= 0 by weighted least squares, n0 the smallest size.

    For a given c the best a and b are known, so only c is searched: on a grid, then on ever finer ones about the
    best point.

    Args:
        sizes: Train sizes, ascending, shape (sizes,).
        errors: Error at each size; several curves at once have the shape (curves, sizes).
        weights: Inverse variances, shape (sizes,).

    Returns:
        a, b, c in the last axis, shape (3,) or (curves, 3).
    """
    logs = np.log(sizes / sizes[0])
    curves = np.atleast_2d(errors)
    rates = np.broadcast_to(_RATES, (len(curves), len(_RATES)))
    for _ in range(_REFINEMENTS):
        best = np.argmin(_line(logs, curves, weights, rates)[0], axis=1)[:, None]
        low = np.take_along_axis(rates, np.maximum(best - 1, 0), axis=1)
        high = np.take_along_axis(rates, np.minimum(best + 1, rates.shape[1] - 1), axis=1)
        rates = low + (high - low) * np.linspace(0, 1, 21)
    loss, a, b = _line(logs, curves, weights, rates)
    best = np.argmin(loss, axis=1)[:, None]
    laws = np.concatenate([np.take_along_axis(part, best, axis=1) for part in (a, b, rates)], axis=1)
    return np.asarray(laws if np.ndim(errors) == 2 else laws[0])


def predict(law: Array, smallest: float, sizes: Array) -> Array:
    """Return the error that one law (3,) or several (laws, 3) give at some sizes, shape ([laws,] sizes)."""
    a, b, c = (law[..., part, None] for part in range(3))
    return np.asarray(a + b * (sizes / smallest) ** -c)


def _line(logs: Array, errors: Array, weights: Array, rates: Array) -> tuple[Array, Array, Array]:
    """Return loss, a, b of the best a + b x with x = (n/n0)^-rate and a, b >= 0, each (curves, rates)."""
    x = np.exp(-rates[..., None] * logs)
    share = weights / weights.sum()
    errors = errors[:, None, :]
    centre_x, centre_e = x @ share, errors @ share
    off_x, off_e = x - centre_x[..., None], errors - centre_e[..., None]
    b = np.maximum((off_x * off_e) @ share / (off_x**2 @ share), 0.0)
    a = centre_e - b * centre_x
    through_0 = (x * errors) @ share / (x**2 @ share)
    a, b = np.where(a < 0, 0.0, a), np.where(a < 0, through_0, b)
    loss = (errors - a[..., None] - b[..., None] * x) ** 2 @ share
    return loss, a, b


def _strategy(moments: Moments, index: int, rules: Rules) -> dict[str, Any]:
    measurements = moments.measurements
    usable = np.flatnonzero(measurements.present[index].sum(axis=1) >= 2)
    row: dict[str, Any] = {"strategy": measurements.strategies[index], "a": None, "b": None, "c": None}
    if len(usable) < _FEWEST_SIZES:
        reason = f"a power law needs {_FEWEST_SIZES} sizes with at least 2 seeds each, and there are {len(usable)}"
        return row | {"residual": None, "held_out": [], "forecasts": [], "reason": reason}
    crossed = moments.strategy(index)
    sizes = moments.sizes[usable]
    errors = 1 - crossed.mean[usable]
    weights = crossed.estimate(np.eye(len(moments.sizes))[usable]).se ** -2
    law = fit_power_law(sizes, errors, weights)
    held_out = _held_out(sizes, errors, weights)
    row |= {"a": float(law[0]), "b": float(law[1] * sizes[0] ** law[2]), "c": float(law[2])}
    row["residual"] = float(np.sqrt(np.mean((errors - predict(law, sizes[0], sizes)) ** 2)))
    row["held_out"] = held_out
    row["forecasts"] = _forecasts(crossed, usable, moments.sizes, weights, held_out, rules)
    row["reason"] = None
    return row


def _held_out(sizes: Array, errors: Array, weights: Array) -> list[dict[str, Any]]:
    """Predict the largest size, or the two largest of six and more, from the smaller ones."""
    kept = len(sizes) - (2 if len(sizes) >= 6 else 1)
    law = fit_power_law(sizes[:kept], errors[:kept], weights[:kept])
    predicted = 1 - predict(law, sizes[0], sizes[kept:])
    return [
        {
            "train_size": int(size),
            "predicted": float(guess),
            "measured": float(1 - error),
            "error": float(guess - (1 - error)),
        }
        for size, guess, error in zip(sizes[kept:], predicted, errors[kept:], strict=True)
    ]


def _forecasts(
    crossed: Crossed,
    usable: np.ndarray[Any, np.dtype[np.intp]],
    all_sizes: Array,
    weights: Array,
    held_out: list[dict[str, Any]],
    rules: Rules,
) -> list[dict[str, Any]]:
    """Forecast accuracy; the interval adds the error at held-out sizes to that of seeds and texts."""
    sizes = all_sizes[usable]
    targets = np.geomspace(sizes[-1], FARTHEST * sizes[-1], _FORECASTS)
    errors = 1 - crossed.mean[usable]

    def at_targets(values: Array) -> Array:
        return 1 - predict(fit_power_law(sizes, values, weights), sizes[0], targets)

    step = 1e-4
    shift = step * np.eye(len(usable))
    expected = at_targets(errors)
    gradient = np.zeros((len(targets), len(all_sizes)))
    gradient[:, usable] = (at_targets(errors - shift) - at_targets(errors + shift)).T / (2 * step)
    estimate = crossed.estimate(gradient)
    critical = estimate.half_width(rules.level) / estimate.se
    misfit = np.sqrt(np.mean([row["error"] ** 2 for row in held_out]))
    half = critical * np.sqrt(estimate.se**2 + misfit**2)
    return [
        {
            "n_labels": float(n),
            "expected": float(np.clip(value, 0, 1)),
            "ci_low": number(np.clip(value - wide, 0, 1)),
            "ci_high": number(np.clip(value + wide, 0, 1)),
        }
        for n, value, wide in zip(targets, expected, half, strict=True)
    ]
