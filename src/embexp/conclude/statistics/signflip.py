"""The exact sign-flip test over seeds, and Holm's adjustment.

The test answers whether the seeds favour one strategy on this test set. It says nothing about new texts.
"""

from __future__ import annotations

from math import gcd

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def sign_flip_p(differences: Integers) -> float:
    """Return the exact two-sided p that the sum of paired differences is symmetric about 0.

    All 2^n sign patterns count, for any n: the sums of integers are few, so their distribution is built by
    adding one pair after the other, and nothing has to be sampled.

    Args:
        differences: One whole number for each seed, as right answers of a less right answers of b.
    """
    sizes = [abs(int(value)) for value in differences if value != 0]
    observed = abs(int(np.sum(differences)))
    if observed == 0:
        return 1.0
    unit = gcd(*sizes)
    reach = sum(sizes) // unit
    chance = np.zeros(2 * reach + 1)
    chance[reach] = 1.0
    spread = 0
    for size in sizes:
        step = size // unit
        spread += step
        low, high = reach - spread, reach + spread + 1
        middle = chance[low + step : high - step].copy()
        chance[low:high] = 0.0
        chance[low : high - 2 * step] += middle / 2
        chance[low + 2 * step : high] += middle / 2
    at_least = observed // unit
    return float(min(1.0, 2 * chance[reach + at_least :].sum()))


def smallest_p(seeds: int) -> float:
    """Return the smallest two-sided p that the sign-flip test can give with this many seeds."""
    return min(1.0, 2.0 ** (1 - seeds))


def holm(p: Array) -> Array:
    """Adjust p values by Holm's step-down method (1979); NaN stays NaN and does not count."""
    p = np.asarray(p, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(p))
    adjusted = np.full(p.shape, np.nan)
    order = known[np.argsort(p[known], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * factors))
    return adjusted
