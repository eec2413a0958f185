"""Quantiles of an estimate whose variance is known in part: a t variable plus a normal one.

With few seeds the part of the variance that comes from seeds is itself poorly known, the part that comes from
thousands of texts is not. The error of an estimate is then distributed as

    sqrt(share) * T + sqrt(1 - share) * Z,      T: Student's t on (seeds - 1) degrees of freedom, Z: normal,

in units of its standard error, `share` being the part of the variance that seeds account for. This is the
solution of Behrens (1929) and Fisher (1935) for two variances, one of them known; the general form is
Weerahandi's generalised interval (1993). Satterthwaite's approximation by one t distribution is too short far
out in the tails (docs/statistics.md has the figures).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator
from scipy.special import gammaln, ndtr, ndtri, stdtrit

Array = npt.NDArray[np.float64]

_NODES = 400
_SHARES = 129


@lru_cache(maxsize=64)
def _chi_square_rule(df: int) -> tuple[Array, Array]:
    """Return nodes and weights to average over y = log(chi-square / df): the trapezoidal rule."""
    spread = 12 * np.sqrt(2 / df)
    low, high = -min(36 / df + 4, max(spread, 0.1)), min(3.5, spread)
    if df < 30:
        low, high = -36 / df - 4, 3.5
    y = np.linspace(low, high, _NODES)
    log_density = df / 2 * np.log(df / 2) - gammaln(df / 2) + df / 2 * (y - np.exp(y))
    weights = np.exp(log_density)
    kept = weights > 1e-18 * weights.max()
    return y[kept], weights[kept] / weights[kept].sum()


def two_sided_p(statistic: Array, share: Array, df: int) -> Array:
    """Return P(|sqrt(share) T + sqrt(1 - share) Z| >= |statistic|).

    Args:
        statistic: Estimates in units of their standard error.
        share: Part of the variance that seeds account for, in [0, 1], of the same shape.
        df: Degrees of freedom of T.
    """
    y, weights = _chi_square_rule(df)
    scale = np.sqrt(share[..., None] * np.exp(-y) + (1 - share[..., None]))
    return np.asarray(2 * (ndtr(-np.abs(statistic)[..., None] / scale) @ weights))


@lru_cache(maxsize=64)
def _critical_values(level: float, df: int) -> PchipInterpolator:
    """Tabulate the two-sided critical value over the square root of share."""
    root = np.linspace(0.0, 1.0, _SHARES)
    low = np.full(_SHARES, float(ndtri((1 + level) / 2)) * 0.999)
    high = np.full(_SHARES, float(stdtrit(df, (1 + level) / 2)) * 1.2)
    for _ in range(48):
        middle = (low + high) / 2
        outside = two_sided_p(middle, root**2, df) > 1 - level
        low, high = np.where(outside, middle, low), np.where(outside, high, middle)
    return PchipInterpolator(root, (low + high) / 2)


def critical_value(level: float, share: Array, df: int) -> Array:
    """Return the c with P(|sqrt(share) T + sqrt(1 - share) Z| <= c) = level."""
    return np.asarray(_critical_values(level, df)(np.sqrt(np.clip(share, 0.0, 1.0))))


def effect_interval(value: Array, by_seed: Array, by_text: Array, seeds: int, level: float) -> tuple[Array, Array]:
    """Return an interval for the mean divided by the standard deviation of one replication.

    A replication is one new seed judged on one new test set; its variance is seeds * by_seed + by_text. The
    ends are quantiles of the fiducial distribution, which for by_text = 0 inverts the noncentral t.

    Args:
        value: Estimated means.
        by_seed: Variance of `value` seen between seeds.
        by_text: The rest of the variance of `value`.
        seeds: Number of seeds, at least 2.
        level: Coverage.
    """
    y, weights = _chi_square_rule(seeds - 1)
    y, weights = y[::3], weights[::3] / weights[::3].sum()  # ends need less than far tails
    inflated = by_seed[..., None] * np.exp(-y)
    spread = np.sqrt(inflated + by_text[..., None])
    one = np.sqrt(seeds * inflated + by_text[..., None])

    def quantile(probability: float) -> Array:
        low, high = np.full(value.shape, -50.0), np.full(value.shape, 50.0)
        for _ in range(14):
            middle = (low + high) / 2
            below = ndtr((middle[..., None] * one - value[..., None]) / spread) @ weights < probability
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        for _ in range(4):  # Newton, from closer than .01
            at = (middle[..., None] * one - value[..., None]) / spread
            slope = (np.exp(-(at**2) / 2) / np.sqrt(2 * np.pi) * one / spread) @ weights
            step = (ndtr(at) @ weights - probability) / np.maximum(slope, 1e-12)
            middle = np.clip(middle - step, low, high)
        return np.asarray(middle)

    return quantile((1 - level) / 2), quantile((1 + level) / 2)
