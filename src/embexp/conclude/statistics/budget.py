"""Expected best score against the budget of a random search.

Dodge et al. 2019, "Show Your Work: Improved Reporting of Experimental Results", section 3: how well would the best of n
draws have done? Their estimate draws with replacement from the scores and is too low; Tang et al. 2020, "Showing Your
Work Doesn't Always Work", section 3, average over all sets of n different draws, which is unbiased. Both hold for
independent draws only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from embexp.conclude.statistics.components import Array
from embexp.conclude.statistics.numbers import number


def expected_best(scores: Sequence[float]) -> Array:
    """Return the mean of the best score over all sets of n draws, n = 1 ... all of them, float64, shape (draws,).

    With the scores in ascending order v_1 ... v_B the best of a set of n is v_i in C(i - 1, n - 1) of the C(B, n) sets.
    """
    ordered = np.sort(np.asarray(scores, np.float64))
    places = np.arange(1, len(ordered) + 1)
    weights = np.full(len(ordered), 1 / len(ordered)) if len(ordered) else np.zeros(0)
    found = []
    for n in range(1, len(ordered) + 1):
        found.append(float(weights @ ordered))
        if n < len(ordered):  # C(i - 1, n) / C(B, n + 1) from C(i - 1, n - 1) / C(B, n)
            weights = weights * (places - n).clip(0) * (n + 1) / (n * (len(ordered) - n))
    return np.array(found)


def expected_best_rows(searches: Mapping[tuple[str, int], Sequence[Sequence[float]]]) -> list[dict[str, Any]]:
    """Average the expected best score over the searches (seeds) of each strategy and train size.

    Args:
        searches: By strategy and train size the scores of each seed's draws; all searches have as many.

    Returns:
        {strategy, train_size, budget, expected, sd, n}: the mean over n seeds and their standard deviation, None with
        one seed. The scores are those inside the labels, so the best is too good by chance: it says what another
        draw still brings, and is no estimate of the score on other texts.
    """
    rows = []
    for (strategy, train_size), scores in searches.items():
        curves = np.array([expected_best(each) for each in scores])
        for place, column in enumerate(curves.T):
            rows.append(
                {
                    "strategy": strategy,
                    "train_size": train_size,
                    "budget": place + 1,
                    "expected": number(column.mean()),
                    "sd": number(column.std(ddof=1)) if len(column) > 1 else None,
                    "n": len(column),
                }
            )
    return rows
