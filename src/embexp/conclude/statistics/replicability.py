"""Over how many data sets does a finding hold? Replicability analysis with partial conjunctions.

Each of n data sets tests the same claim and gives a p-value. The partial conjunction hypothesis H(u/n) says that the
claim is true in fewer than u of them; rejecting it shows the claim in at least u (Benjamini, Heller and Yekutieli
2009). With the p-values in ascending order, p(1) to p(n), its p-value is

    Bonferroni (data sets may depend on each other)    p(u/n) = (n - u + 1) p(u)
    Fisher (independent data sets)                      p(u/n) = P(chi2 with 2 (n - u + 1) degrees >= -2 sum of ln p(i),
                                                                   i from u to n)

and the number of data sets is the largest u whose p, made monotone by the maximum of those before it, is at most
alpha. With probability 1 - alpha or more it is no more than the true number (Dror, Baumer, Bogomolov and Reichart
2017, Transactions of the ACL 5: 471-486, section 4). Which data sets they are is told by Holm's method.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embexp.conclude.statistics.signflip import holm

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Replicability:
    """Over how many data sets a claim holds.

    Attributes:
        data_sets: How many tested it.
        at_least: In so many it holds, whatever their dependence (Bonferroni), with probability 1 - alpha.
        at_least_independent: The same for independent data sets (Fisher); never less certain, often more.
        named: Places of the data sets in which Holm's method shows it.
    """

    data_sets: int
    at_least: int
    at_least_independent: int
    named: tuple[int, ...]


def replicability(p: Array, alpha: float = 0.05) -> Replicability:
    """Count the data sets in which a claim holds.

    Args:
        p: One one-sided p-value for each data set, of the hypothesis that the claim is false there.
        alpha: Chance of counting too many.

    Raises:
        ValueError: A p-value is no number from 0 to 1, or there is none.
    """
    p = np.asarray(p, dtype=np.float64)
    if len(p) == 0 or not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"p-values must be numbers from 0 to 1, at least one: {p.tolist()}")
    named = np.flatnonzero(holm(p) <= alpha)
    return Replicability(
        data_sets=len(p),
        at_least=_largest(bonferroni_partial(p), alpha),
        at_least_independent=_largest(fisher_partial(p), alpha),
        named=tuple(int(place) for place in named),
    )


def bonferroni_partial(p: Array) -> Array:
    """Return the monotone p-value of H(u/n) for u from 1 to n, valid under any dependence."""
    ordered = np.sort(p)
    factors = np.arange(len(p), 0, -1)
    return np.minimum(1.0, np.maximum.accumulate(factors * ordered))


def fisher_partial(p: Array) -> Array:
    """Return the monotone p-value of H(u/n) for u from 1 to n, valid for independent data sets."""
    from scipy.stats import chi2

    ordered = np.sort(p)
    with np.errstate(divide="ignore"):
        logs = -2 * np.log(ordered)
    sums = np.cumsum(logs[::-1])[::-1]
    return np.maximum.accumulate(chi2.sf(sums, 2 * np.arange(len(p), 0, -1)))


def one_sided(p: float, difference: float) -> float:
    """Return the p-value of "not greater than 0", of a two-sided one and the difference that it belongs to."""
    return p / 2 if difference > 0 else 1 - p / 2


def _largest(partial: Array, alpha: float) -> int:
    """Return the largest u whose hypothesis is rejected; 0 if none is."""
    return int(np.sum(partial <= alpha))
