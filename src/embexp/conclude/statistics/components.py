"""Means of cells and what they would do with new seeds and new texts: crossed variance components.

All seeds of a study are judged on the same test texts, so correctness varies with the seed, with the text, and
with both together,

    correct[c, r, t] = mean[c] + seed effect[c, r] + text effect[c, t] + rest[c, r, t],

for every cell position c (a strategy at a train size). Any figure of a study that is linear in the means (a
difference, a difference between two sizes, an area under a curve) then has the variance

    w' (S / R + X / T + E / RT) w,

where S, X and E are the covariance matrices of the three effects over the positions. They are estimated from
averages of products of two observations that share seed and text, the seed only, the text only, or neither
(Hoeffding's U-statistics; with no cell missing these are the estimators of a two-way analysis of variance, Searle,
Casella and McCulloch 1992, section 4.3). Products over pairs of observations need no balance, so missing cells
need no special case.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from embexp.conclude.statistics.pivot import critical_value, two_sided_p

Array = npt.NDArray[np.float64]

# float32 products of 0 and 1 add up exactly below this many terms.
_EXACT_TERMS = 2**24


@dataclass(frozen=True)
class Estimate:
    """A linear figure with its standard error; arrays of one shape, NaN where seeds are too few.

    Attributes:
        value: The figure.
        se: Standard error over new seeds and new texts.
        seeds: Seeds behind it, at least 2 where `se` is a number.
        seed_share: Part of the variance seen between seeds (which contains the rest effects).
        rest_share: Part of the variance due to rest effects.
    """

    value: Array
    se: Array
    seeds: Array
    seed_share: Array
    rest_share: Array

    def half_width(self, level: float) -> Array:
        """Return half the width of the two-sided interval.

        The rest effects are known from all seeds and texts together, yet they are half of what makes the
        variance between seeds uncertain. Counting none of them as known made intervals cover up to 99 %,
        counting all of them 93 %; half of them is right within 2 points (docs/statistics.md).
        """
        share = np.clip(self.seed_share - self.rest_share / 2, 0.0, 1.0)
        critical = self._by_seeds(lambda chosen, df: critical_value(level, share[chosen], df))
        return np.asarray(critical * self.se)

    def interval(self, level: float) -> tuple[Array, Array]:
        """Return both ends of the two-sided interval."""
        half = self.half_width(level)
        return self.value - half, self.value + half

    def score_interval(self, level: float) -> tuple[Array, Array]:
        """Return both ends of the interval of a mean accuracy, made on the logit scale so that it stays in [0, 1].

        Near 100 % the plain interval covers 91 % (200 texts, accuracy .97), this one 96 %.
        """
        half = self.half_width(level)
        inside = (self.value > 0) & (self.value < 1)
        middle = np.where(inside, self.value, 0.5)
        step = half / (middle * (1 - middle))
        low = np.where(inside, expit(logit(middle) - step), np.clip(self.value - half, 0, 1))
        high = np.where(inside, expit(logit(middle) + step), np.clip(self.value + half, 0, 1))
        return low, high

    @property
    def p(self) -> Array:
        """Two-sided p of the hypothesis that the figure is 0 in the population of seeds and texts.

        Far out in the tail, where many comparisons look, the whole variance between seeds is taken as
        uncertain; so with few seeds p may exceed .05 where the 95 % interval just excludes 0.
        """
        share = np.clip(self.seed_share, 0.0, 1.0)
        return self._by_seeds(lambda chosen, df: two_sided_p(self.value[chosen] / self.se[chosen], share[chosen], df))

    def _by_seeds(self, function: Callable[[npt.NDArray[np.bool_], int], Array]) -> Array:
        result = np.full(self.value.shape, np.nan)
        for seeds in np.unique(self.seeds[~np.isnan(self.se)]):
            chosen = (self.seeds == seeds) & ~np.isnan(self.se)
            result[chosen] = function(chosen, int(seeds) - 1)
        return result


@dataclass(frozen=True)
class Sums:
    """Sums from which means and components follow, for C positions, R seeds, T texts.

    Attributes:
        products: sum over seeds and texts of the product of two positions, shape (C, C).
        by_seed: Right answers of each cell, shape (C, R); 0 where missing.
        by_text: Right answers to each text over the seeds, shape (C, T).
        present: Whether the cell exists, shape (C, R).
    """

    products: Array
    by_seed: Array
    by_text: Array
    present: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, correct: npt.NDArray[np.bool_], present: npt.NDArray[np.bool_]) -> Sums:
        """Add up correctness, bool, shape (C, R, T), over the cells that are present, (C, R)."""
        positions, seeds, texts = correct.shape
        products = np.zeros((positions, positions))
        by_seed = np.zeros((positions, seeds))
        by_text = np.zeros((positions, texts))
        kind: type[np.floating[Any]] = np.float32 if texts < _EXACT_TERMS else np.float64
        for r in range(seeds):  # one seed at a time keeps the copy in floats small
            one: npt.NDArray[np.floating[Any]] = correct[:, r, :].astype(kind)
            one[~present[:, r]] = 0
            products += one @ one.T
            by_seed[:, r] = one.sum(axis=1)
            by_text += one
        return cls(products, by_seed, by_text, present)

    def take(self, positions: npt.NDArray[np.intp]) -> Sums:
        """Return the sums of some positions."""
        return Sums(
            self.products[np.ix_(positions, positions)],
            self.by_seed[positions],
            self.by_text[positions],
            self.present[positions],
        )


@dataclass(frozen=True)
class Crossed:
    """Means of C positions and the covariances of their seed, text and rest effects.

    Attributes:
        mean: Mean correctness over present cells, shape (C,); NaN where there is none.
        shared: Number of seeds that two positions share, shape (C, C); the diagonal is each one's own.
        texts: Number of test texts.
        seed, text, rest: Covariance components, each (C, C); NaN where fewer than 2 seeds allow an estimate.
    """

    mean: Array
    shared: Array
    texts: int
    seed: Array
    text: Array
    rest: Array

    @classmethod
    def of(cls, sums: Sums) -> Crossed:
        """Estimate means and components from sums."""
        present = sums.present.astype(np.float64)
        texts = sums.by_text.shape[1]
        shared = present @ present.T
        own = np.diag(shared)
        pairs = np.outer(own, own)
        total = sums.by_seed.sum(axis=1)
        same_seed = sums.by_seed @ sums.by_seed.T - sums.products
        same_text = sums.by_text @ sums.by_text.T - sums.products
        neither = np.outer(total, total) - same_seed - same_text - sums.products
        with np.errstate(divide="ignore", invalid="ignore"):
            both_average = sums.products / (shared * texts)
            seed_average = same_seed / (shared * texts * (texts - 1))
            text_average = same_text / ((pairs - shared) * texts)
            neither_average = neither / ((pairs - shared) * texts * (texts - 1))
            mean = total / (own * texts)
        return cls(
            mean=mean,
            shared=shared,
            texts=texts,
            seed=seed_average - neither_average,
            text=text_average - neither_average,
            rest=both_average - seed_average - text_average + neither_average,
        )

    def parts(self, weights: Array) -> tuple[Array, Array, Array]:
        """Return the components (seed, text, rest) of one seed and one text of the weighted sum of positions.

        Only meaningful where the positions share all their seeds. Negative estimates count as 0.

        Args:
            weights: Shape (..., C).
        """
        return tuple(np.maximum(_quadratic(weights, part), 0) for part in (self.seed, self.text, self.rest))  # type: ignore[return-value]

    def estimate(self, weights: Array) -> Estimate:
        """Estimate weighted sums of the means, for new seeds and new texts.

        The variance is never below what seeds alone or texts
        alone account for (that is, components count as at least 0), nor below that of a single text judged
        differently: strategies that agree on all T texts may still differ on the next.

        Args:
            weights: Shape (..., C); a weight of 0 leaves a position out, also one that is missing.
        """
        weights = np.asarray(weights, dtype=np.float64)
        used = weights != 0
        value = _weighted(weights, self.mean, used)
        own = np.diag(self.shared)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = self.shared / np.outer(own, own)
            rest = self.rest * share / self.texts
            by_seed = _quadratic(weights, self.seed * share + rest)
            by_text = _quadratic(weights, self.text / self.texts + rest)
        by_both = _quadratic(weights, rest)
        seeds = self._fewest_seeds(used)
        variance = np.maximum.reduce([by_seed + by_text - by_both, by_seed, by_text, _one_text(weights, self.texts)])
        # One seed says nothing about seeds, one text nothing about texts.
        enough = (seeds >= 2) & (self.texts >= 2)
        return Estimate(
            value=value,
            se=np.where(enough, np.sqrt(variance), np.nan),
            seeds=seeds,
            seed_share=np.where(enough, by_seed / variance, np.nan),
            rest_share=np.where(enough, by_both / variance, np.nan),
        )

    def _fewest_seeds(self, used: npt.NDArray[np.bool_]) -> Array:
        """Return the smallest number of seeds that any two of the used positions share."""
        if (self.shared == self.shared.flat[0]).all():
            return np.full(used.shape[:-1], self.shared.flat[0])
        flat = used.reshape(-1, used.shape[-1])
        unique, inverse = np.unique(flat, axis=0, return_inverse=True)
        fewest = np.array([self.shared[np.ix_(row, row)].min() if row.any() else 0.0 for row in unique])
        return np.asarray(fewest[inverse.ravel()].reshape(used.shape[:-1]))


def _weighted(weights: Array, values: Array, used: npt.NDArray[np.bool_]) -> Array:
    """Add up weighted values, NaN only where a NaN is used."""
    return np.asarray(np.where(used, weights * np.where(used, values, 0.0), 0.0).sum(axis=-1))


def _quadratic(weights: Array, matrix: Array) -> Array:
    """Return w' M w along the last axis; entries of M that no weight uses may be NaN."""
    missing = np.isnan(matrix)
    if not missing.any():
        return np.asarray(((weights @ matrix) * weights).sum(axis=-1))
    result = ((weights @ np.where(missing, 0.0, matrix)) * weights).sum(axis=-1)
    used = (weights != 0).astype(np.float64)
    hurt = ((used @ missing.astype(np.float64)) * used).sum(axis=-1) > 0
    return np.asarray(np.where(hurt, np.nan, result))


def _one_text(weights: Array, texts: int) -> Array:
    """Return the variance of a mean over texts of which one is judged differently, as a floor.

    Its interval is then about as wide as the exact one for 0 of T (3/T at 95 %: the rule of three).
    """
    largest = np.abs(weights).max(axis=-1, initial=0.0)
    return np.asarray((1.5 * largest / texts) ** 2)
