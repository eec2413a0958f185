"""Expected best score: equal to going through all sets of draws, and without bias."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from embexp.conclude.statistics.budget import expected_best, expected_best_rows


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("draws", [1, 2, 5, 8])
def test_it_is_the_mean_best_over_all_sets_of_draws(draws, seed):
    scores = np.random.default_rng(seed).integers(0, 6, draws) / 5  # with ties
    every = [np.mean([max(chosen) for chosen in combinations(scores, n)]) for n in range(1, draws + 1)]
    assert expected_best(scores) == pytest.approx(every, abs=1e-12)


def test_one_draw_is_the_mean_and_all_of_them_the_best():
    scores = np.random.default_rng(0).random(200)
    found = expected_best(scores)
    assert found[0] == pytest.approx(scores.mean())
    assert found[-1] == pytest.approx(scores.max())
    assert (np.diff(found) > 0).all()


def test_no_draw_has_no_best():
    assert expected_best([]).shape == (0,)


def test_the_mean_over_many_searches_is_the_truth_which_drawing_with_replacement_misses():
    """The best of 5 uniform numbers is 5/6 on average; 8 draws with replacement give .798 (Tang 2020, section 3)."""
    rng = np.random.default_rng(1)
    searches = rng.random((4000, 8))
    unbiased = np.mean([expected_best(scores)[4] for scores in searches])
    ranks = np.arange(1, 9)
    with_replacement = np.mean(np.sort(searches) @ ((ranks / 8) ** 5 - ((ranks - 1) / 8) ** 5))
    assert unbiased == pytest.approx(5 / 6, abs=0.006)
    assert with_replacement < 5 / 6 - 0.015


def test_rows_average_over_seeds():
    rows = expected_best_rows({("frozen", 100): [[0.1, 0.3], [0.5, 0.7]], ("random", 30): [[0.25]]})
    assert [(row["strategy"], row["train_size"], row["budget"], row["n"]) for row in rows] == [
        ("frozen", 100, 1, 2),
        ("frozen", 100, 2, 2),
        ("random", 30, 1, 1),
    ]
    assert [row["expected"] for row in rows] == pytest.approx([0.4, 0.5, 0.25])
    assert rows[1]["sd"] == pytest.approx(np.std([0.3, 0.7], ddof=1))
    assert rows[2]["sd"] is None
