"""Warnings about a study: what its design or its gaps keep it from showing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from embexp.conclude.measurements import Measurements
from embexp.conclude.statistics.contrasts import Rules
from embexp.conclude.statistics.signflip import smallest_p
from embexp.conclude.statistics.wording import joined

_FEW_TEXTS = 200


def warnings(measurements: Measurements, contrasts: Sequence[dict[str, Any]], rules: Rules) -> list[str]:
    """Return one sentence for each thing that a reader must know before believing the numbers."""
    return [
        *_family(measurements, contrasts, rules),
        *_missing(measurements),
        *_few(measurements),
        *_overlap(measurements),
        *_identical(measurements),
    ]


def seeds_needed(family: int, alpha: float) -> int:
    """Return the number of seeds from which the sign-flip test can carry a family of comparisons."""
    return int(np.ceil(1 + np.log2(family / alpha)))


def _family(measurements: Measurements, contrasts: Sequence[dict[str, Any]], rules: Rules) -> list[str]:
    family = sum(row["planned"] for row in contrasts)
    seeds = len(measurements.seeds)
    smallest = smallest_p(seeds)
    if family == 0 or smallest * family <= rules.alpha:
        return []
    return [
        f"{seeds} seeds cannot carry the planned family of {family} contrasts: the smallest possible sign-flip p is "
        f"{smallest:.2g}, and {smallest:.2g} x {family} exceeds {rules.alpha:.2g}, so p_holm cannot become "
        f"significant for the first of them; from {seeds_needed(family, rules.alpha)} seeds on it can"
    ]


def _missing(measurements: Measurements) -> list[str]:
    sentences = []
    absent = np.argwhere(~measurements.present)
    if len(absent) == 0:
        return []
    cells = [
        f"{measurements.strategies[s]} at {measurements.train_sizes[k]:,} seed {measurements.seeds[r]}"
        for s, k, r in absent[:5]
    ]
    more = f" and {len(absent) - 5:,} more" if len(absent) > 5 else ""
    sentences.append(
        f"{len(absent):,} of {measurements.present.size:,} cells are missing ({', '.join(cells)}{more}): each mean is "
        "over the seeds that are there, each contrast over the seeds that both strategies have"
    )
    short = [
        f"{measurements.strategies[s]} at {measurements.train_sizes[k]:,}"
        for s, k in np.argwhere(measurements.present.sum(axis=2) < 2)
    ]
    if short and len(measurements.seeds) > 1:
        sentences.append(f"fewer than 2 seeds, so no interval: {joined(short)}")
    return sentences


def _few(measurements: Measurements) -> list[str]:
    sentences = []
    if len(measurements.seeds) < 2:
        sentences.append(
            "the study has 1 seed: without a second nothing is known about new seeds, so all intervals "
            "are missing and every contrast is undecided"
        )
    if measurements.texts < _FEW_TEXTS:
        sentences.append(
            f"the test has only {measurements.texts:,} texts; the intervals are calibrated from {_FEW_TEXTS} on"
        )
    return sentences


def _overlap(measurements: Measurements) -> list[str]:
    """Say where seeds share labels: two subsets of size n from a pool of N share n^2 / N of them on average."""
    pool = measurements.pool_size
    sentences = []
    half = [size for size in measurements.train_sizes if pool / 2 <= size < pool]
    if half:
        shares = joined([f"{size / pool:.0%} at {size:,}" for size in half])
        sentences.append(
            f"two seeds share much of their labels ({shares} labels), so the spread over seeds there is smaller than "
            "over independent choices of labels"
        )
    if pool in measurements.train_sizes:
        sentences.append(
            f"at {pool:,} labels, the whole pool, all seeds share every label: intervals there do not cover another "
            "choice of labels"
        )
    return sentences


def _identical(measurements: Measurements) -> list[str]:
    same = []
    for s, k in np.ndindex(measurements.present.shape[:2]):
        there = measurements.present[s, k]
        cells = measurements.correct[s, k, there]
        if there.sum() > 1 and (cells == cells[0]).all():
            same.append(f"{measurements.strategies[s]} at {measurements.train_sizes[k]:,}")
    if not same:
        return []
    return [
        f"all seeds gave the same answers ({joined(same)}): nothing there varies with the seed, and the interval "
        "covers new texts only"
    ]
