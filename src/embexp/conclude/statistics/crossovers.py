"""Train sizes at which one strategy overtakes another."""

from __future__ import annotations

from typing import Any

import numpy as np

from embexp.conclude.statistics.contrasts import Rules
from embexp.conclude.statistics.moments import Moments, difference_weights
from embexp.conclude.statistics.regions import find_regions


def crossovers(moments: Moments, rules: Rules) -> list[dict[str, Any]]:
    """Find every crossover of every pair of strategies.

    Returns:
        One dict for each crossing, or one for a pair without any. `kind` is

        - `crossing`: the mean difference changes sign at `estimate`; `ahead_before` and `ahead_after` name the
          leader on either side;
        - `before_range`: no change of sign, and the leader's lead is larger at the largest size than at the
          smallest (the interval of this growth excludes 0): followed back to fewer labels the curves
          approach each other, so a crossover, if there is one, lies below the smallest size;
        - `none`: no change of sign in the range, and the lead does not grow.

        `ci_low` and `ci_high` bound the sizes around the estimate at which a crossover cannot be excluded; an
        end is None where that stretch reaches the smallest or largest size. Without an estimate they bound
        the first such stretch, and `possible` is False if there is none. Further stretches stand in
        `also_possible` of the pair's first dict.
    """
    rows: list[dict[str, Any]] = []
    for a, b in moments.measurements.pairs():
        rows.extend(_pair(moments, a, b, rules))
    return rows


def _pair(moments: Moments, a: int, b: int, rules: Rules) -> list[dict[str, Any]]:
    names = moments.measurements.strategies[a], moments.measurements.strategies[b]
    usable = np.flatnonzero(moments.shared(a, b).sum(axis=1) >= 2)
    if len(usable) == 0:
        return [_row(names, "none", None, (None, None), (None, None), possible=True)]
    crossed = moments.pair(a, b)
    weights = difference_weights(len(moments.sizes))[usable]
    regions = find_regions(crossed, weights, moments.sizes[usable], rules.level)
    leaders = [_leader(names, sign) for sign in regions.signs]
    pieces = list(regions.pieces)
    if not regions.roots:
        first = pieces.pop(0) if pieces else None
        growth = crossed.estimate(weights[-1] - weights[0]) if len(usable) > 1 else None
        kind = "none"
        if growth is not None and regions.signs[0] * growth.value - growth.half_width(rules.level) > 0:
            kind = "before_range"
        row = _row(names, kind, None, first or (None, None), (leaders[0], leaders[0]), possible=first is not None)
        return [{**row, "also_possible": [list(piece) for piece in pieces]}]
    rows = []
    for index, root in enumerate(regions.roots):
        piece = regions.around(root)
        if piece in pieces:
            pieces.remove(piece)
        rows.append(_row(names, "crossing", root, piece, (leaders[index], leaders[index + 1]), possible=True))
    rows[0]["also_possible"] = [list(piece) for piece in pieces]
    return rows


def _leader(names: tuple[str, str], sign: int) -> str | None:
    return {1: names[0], -1: names[1]}.get(sign)


def _row(
    names: tuple[str, str],
    kind: str,
    estimate: float | None,
    piece: tuple[float | None, float | None],
    leaders: tuple[str | None, str | None],
    *,
    possible: bool,
) -> dict[str, Any]:
    return {
        "a": names[0],
        "b": names[1],
        "kind": kind,
        "estimate": estimate,
        "ci_low": piece[0],
        "ci_high": piece[1],
        "ahead_before": leaders[0],
        "ahead_after": leaders[1],
        "possible": possible,
        "also_possible": [],
    }
