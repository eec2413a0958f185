"""The exact sign-flip test and Holm's method against references."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from embexp.conclude.statistics.signflip import holm, sign_flip_p, smallest_p

counts = st.lists(st.integers(-60, 60), min_size=1, max_size=10)


@settings(max_examples=60, deadline=None)
@given(counts)
def test_p_counts_all_sign_patterns(differences: list[int]) -> None:
    observed = abs(sum(differences))
    patterns = list(product((-1, 1), repeat=len(differences)))
    as_large = sum(abs(np.dot(signs, differences)) >= observed for signs in patterns)
    assert sign_flip_p(np.array(differences)) == pytest.approx(as_large / len(patterns), abs=1e-12)


@pytest.mark.parametrize("seeds", [5, 8, 12])
def test_p_equals_scipy(seeds: int) -> None:
    differences = np.random.default_rng(seeds).integers(-20, 30, seeds)
    reference = stats.permutation_test(
        (differences,),
        lambda x, axis: x.sum(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    )
    assert sign_flip_p(differences) == pytest.approx(reference.pvalue, abs=1e-12)


def test_p_stays_exact_where_patterns_are_too_many_to_list() -> None:
    # 60 equal differences: a two-sided binomial test.
    differences = np.array([7] * 40 + [-7] * 20)
    assert sign_flip_p(differences) == pytest.approx(stats.binomtest(40, 60).pvalue, rel=1e-12)


def test_the_smallest_p_is_reached_when_all_seeds_agree() -> None:
    for seeds in range(1, 25):
        assert sign_flip_p(np.arange(1, seeds + 1)) == pytest.approx(smallest_p(seeds), rel=1e-12)


def test_no_difference_at_all_has_p_1() -> None:
    assert sign_flip_p(np.zeros(6, dtype=np.int64)) == 1.0
    assert sign_flip_p(np.array([5, -5])) == 1.0


def holm_by_definition(p: list[float]) -> list[float]:
    """The largest factor times p over all values that are not larger (Holm 1979)."""
    ranked = sorted(p)
    adjusted = []
    for value in p:
        steps = [(len(p) - i) * ranked[i] for i in range(len(p)) if ranked[i] <= value]
        adjusted.append(min(1.0, max(steps)))
    return adjusted


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_follows_its_definition(p: list[float]) -> None:
    np.testing.assert_allclose(holm(np.array(p)), holm_by_definition(p), rtol=1e-12)


def test_holm_on_a_worked_example_leaves_unknown_values_out() -> None:
    found = holm(np.array([0.01, np.nan, 0.04, 0.03, 0.005]))
    np.testing.assert_allclose(found, [0.03, np.nan, 0.06, 0.06, 0.02])
