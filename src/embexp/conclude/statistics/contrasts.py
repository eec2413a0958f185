"""Differences of two strategies at each train size, and the word that each deserves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.special import ndtr, stdtrit

from embexp.conclude.statistics.components import Array, Estimate
from embexp.conclude.statistics.moments import Moments, difference_weights
from embexp.conclude.statistics.numbers import number
from embexp.conclude.statistics.pivot import effect_interval
from embexp.conclude.statistics.signflip import holm, sign_flip_p
from embexp.config import PLANNED

MOST_SEEDS = 1000
MOST_TEXTS = 10_000_000
DIFFERENT = ("better", "slightly better", "slightly worse", "worse")


@dataclass(frozen=True)
class Rules:
    """What counts as a finding.

    Attributes:
        margin: Differences up to this much accuracy do not matter; .01 is one point.
        level: Coverage of the intervals.
    """

    margin: float = 0.01
    level: float = 0.95

    @property
    def alpha(self) -> float:
        """Largest p of a finding."""
        return 1 - self.level

    @property
    def equivalence_level(self) -> float:
        """Coverage of the interval that two one-sided tests at `alpha` compare with the margin."""
        return 1 - 2 * self.alpha


@dataclass(frozen=True)
class _Parts:
    """Components of one difference: of one seed, of one text, of one seed and text together."""

    seed: float
    text: float
    rest: float


def contrasts(moments: Moments, rules: Rules) -> list[dict[str, Any]]:
    """Compare every pair of strategies at every train size, paired by seed and by text.

    Returns:
        One dict for each pair and size, a before b in the order of the study's strategies. `p` is the sign-flip p
        over seeds on this test set, `p_new` that of no difference for new seeds and new texts, `p_holm` is
        Holm's adjustment of the larger of the two over the planned family and None outside it.
    """
    rows = [row for a, b in moments.measurements.pairs() for row in _pair(moments, a, b, rules)]
    _adjust(rows)
    different = pairs_that_differ(rows, rules)
    comparisons = sum(row["p_new"] is not None for row in rows)
    for row in rows:
        parts = row.pop("_parts")
        row["pair_differs"] = (row["a"], row["b"]) in different
        row["verdict"] = _word(row, rules)
        row["decide"] = None
        if row["verdict"] == "undecided" and parts is not None:
            row["decide"] = _what_would_decide(row, parts, rules, comparisons, moments.measurements.texts)
    return rows


def pairs_that_differ(rows: Sequence[dict[str, Any]], rules: Rules) -> set[tuple[str, str]]:
    """Return the pairs of strategies that are shown to differ at some size.

    A pair's p is its smallest p_new times its sizes (Bonferroni), and Holm's method goes over the pairs. Only the
    contrasts of these pairs may be called better or worse: with 18 contrasts, 95 % intervals alone would claim
    a difference in almost half of the studies in which there is none (docs/statistics.md).
    """
    by_pair: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        if row["p_new"] is not None:
            by_pair.setdefault((row["a"], row["b"]), []).append(row["p_new"])
    smallest = np.array([min(1.0, min(p) * len(p)) for p in by_pair.values()])
    return {pair for pair, p in zip(by_pair, holm(smallest), strict=True) if p <= rules.alpha}


def _pair(moments: Moments, a: int, b: int, rules: Rules) -> list[dict[str, Any]]:
    measurements = moments.measurements
    crossed = moments.pair(a, b)
    weights = difference_weights(len(moments.sizes))
    columns = _columns(crossed.estimate(weights), rules)
    parts = np.array(crossed.parts(weights))
    names = measurements.strategies[a], measurements.strategies[b]
    rows = []
    for k, size in enumerate(measurements.train_sizes):
        by_seed = moments.seed_differences(a, b, k)
        enough = len(by_seed) >= 2
        rows.append(
            {
                "a": names[0],
                "b": names[1],
                "train_size": size,
                "n": len(by_seed),
                **{name: number(values[k]) for name, values in columns.items()},
                "p": sign_flip_p(by_seed) if enough else None,
                "p_holm": None,
                "planned": names[0] in PLANNED and names[1] in PLANNED,
                "seeds_a_ahead": int((by_seed > 0).sum()),
                "seeds_level": int((by_seed == 0).sum()),
                "_parts": _Parts(*(float(part) for part in parts[:, k])) if enough else None,
            }
        )
    return rows


def _columns(estimate: Estimate, rules: Rules) -> dict[str, Array]:
    low, high = estimate.interval(rules.level)
    equivalence_low, equivalence_high = estimate.interval(rules.equivalence_level)
    chance, chance_low, chance_high = superiority(estimate, rules.level)
    return {
        "difference": estimate.value,
        "ci_low": low,
        "ci_high": high,
        "equivalence_low": equivalence_low,
        "equivalence_high": equivalence_high,
        "se": estimate.se,
        "p_new": estimate.p,
        "p_superiority": chance,
        "p_superiority_low": chance_low,
        "p_superiority_high": chance_high,
    }


def superiority(estimate: Estimate, level: float) -> tuple[Array, Array, Array]:
    """Return P(A > B) and its interval: with one new seed, on a new test set as large as this one.

    Bouthillier et al. (2021) propose .75 as the mark of a meaningful win. Seeds and texts are taken as normal.
    """
    shape = estimate.value.shape
    chance, low, high = np.full(shape, np.nan), np.full(shape, np.nan), np.full(shape, np.nan)
    for seeds in np.unique(estimate.seeds[~np.isnan(estimate.se)]):
        chosen = (estimate.seeds == seeds) & ~np.isnan(estimate.se)
        variance = estimate.se[chosen] ** 2
        by_seed = variance * np.clip(estimate.seed_share[chosen], 0, 1)
        by_text = variance - by_seed
        value = estimate.value[chosen]
        chance[chosen] = ndtr(value / np.sqrt(seeds * by_seed + by_text))
        ends = effect_interval(value, by_seed, by_text, int(seeds), level)
        low[chosen], high[chosen] = ndtr(ends[0]), ndtr(ends[1])
    return chance, low, high


def _adjust(rows: list[dict[str, Any]]) -> None:
    family = [row for row in rows if row["planned"] and row["p"] is not None and row["p_new"] is not None]
    adjusted = holm(np.array([max(row["p"], row["p_new"]) for row in family]))
    for row, p in zip(family, adjusted, strict=True):
        row["p_holm"] = float(p)


def _word(row: dict[str, Any], rules: Rules) -> str:
    low, high, difference = row["ci_low"], row["ci_high"], row["difference"]
    if low is None:
        return "undecided"
    if row["pair_differs"] and (low > 0 or high < 0):
        word = "better" if low > 0 else "worse"
        return word if abs(difference) > rules.margin else f"slightly {word}"
    if row["equivalence_low"] > -rules.margin and row["equivalence_high"] < rules.margin:
        return "equivalent"
    return "undecided"


def _what_would_decide(
    row: dict[str, Any], parts: _Parts, rules: Rules, comparisons: int, texts: int
) -> dict[str, Any]:
    """Say how many seeds, or else texts, would decide a contrast if its difference stays what it is."""
    tests = 1 if row["pair_differs"] else comparisons
    start = ""
    if row["ci_low"] > 0 or row["ci_high"] < 0:
        start = f"its interval excludes 0, but these two differ nowhere after Holm over {comparisons} comparisons; "
    seeds = _candidates(row["n"] + 1, max(MOST_SEEDS, 2 * row["n"]))
    decided = _decided(row["difference"], parts, seeds, float(texts), rules, tests)
    if decided.any():
        needed = int(seeds[np.argmax(decided)])
        return {"seeds": needed, "texts": None, "reason": f"{start}about {needed:,} seeds would decide it"}
    reason = f"{start}no number of seeds would decide it, since the test has only {texts:,} texts"
    if _decided(row["difference"], parts, np.array([1e9]), float(texts), rules, tests).any():
        reason = f"{start}more than {MOST_SEEDS:,} seeds would be needed"
    more = _candidates(texts, max(MOST_TEXTS, 2 * texts))
    decided = _decided(row["difference"], parts, float(row["n"]), more, rules, tests)
    if not decided.any():
        return {"seeds": None, "texts": None, "reason": f"{reason}; it takes more of both"}
    needed = round_up(float(more[np.argmax(decided)]))
    return {"seeds": None, "texts": needed, "reason": f"{reason}; about {needed:,} texts would"}


@lru_cache(maxsize=256)
def _candidates(fewest: int, most: int) -> Array:
    return np.unique(np.rint(np.geomspace(fewest, most, 60)))


def _decided(
    difference: float, parts: _Parts, seeds: Array | float, texts: Array | float, rules: Rules, tests: int
) -> Array:
    """Return where so many seeds and texts would show a difference, or equivalence."""
    seeds, texts = np.broadcast_arrays(np.asarray(seeds, dtype=float), np.asarray(texts, dtype=float))
    by_seed = parts.seed / seeds + parts.rest / (seeds * texts)
    variance = by_seed + parts.text / texts
    se = np.sqrt(np.maximum(variance, (1.5 / texts) ** 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        df = np.where(by_seed > 0, variance**2 / by_seed**2 * (seeds - 1), 1e9)
    df = np.clip(df, 1.0, 1e9)
    shown = abs(difference) > stdtrit(df, 1 - rules.alpha / 2 / tests) * se
    equivalent = abs(difference) + stdtrit(df, 1 - rules.alpha) * se < rules.margin
    return np.asarray(shown | equivalent)


def round_up(value: float) -> int:
    """Round up to two significant digits, which is all that a plan for texts can promise."""
    unit = 10 ** max(int(np.floor(np.log10(value))) - 1, 0)
    return int(np.ceil(value / unit) * unit)
