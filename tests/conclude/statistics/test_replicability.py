"""Partial conjunctions: formulas against their definitions, and the promise not to count too many."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embexp.conclude.statistics.replicability import (
    bonferroni_partial,
    fisher_partial,
    one_sided,
    replicability,
)

P_VALUES = st.lists(st.floats(1e-12, 1.0), min_size=1, max_size=12).map(np.array)


def test_worked_by_hand():
    # n = 4, in order .001 .02 .03 .6: Bonferroni 4 x .001, 3 x .02, 2 x .03, 1 x .6
    p = np.array([0.03, 0.001, 0.6, 0.02])
    assert bonferroni_partial(p) == pytest.approx([0.004, 0.06, 0.06, 0.6])
    found = replicability(p)
    assert (found.data_sets, found.at_least, found.named) == (4, 1, (1,))
    # Fisher for u = 3: -2 (ln .03 + ln .6) = 8.03 with 4 degrees; its tail is exp(-x/2) (1 + x/2)
    x = -2 * (math.log(0.03) + math.log(0.6))
    assert fisher_partial(p)[2] == pytest.approx(math.exp(-x / 2) * (1 + x / 2))
    assert fisher_partial(p)[3] == pytest.approx(0.6)
    assert found.at_least_independent == 2


@given(P_VALUES)
def test_one_data_set_needs_its_own_p_and_all_need_the_largest(p):
    for partial in (bonferroni_partial(p), fisher_partial(p)):
        assert partial[-1] >= p.max() * (1 - 1e-12)
        assert (np.diff(partial) >= 0).all()
    found = replicability(p)
    assert len(found.named) <= found.at_least
    if found.at_least == len(p):
        assert p.max() <= 0.05


@given(P_VALUES, st.randoms(use_true_random=False))
def test_the_order_of_data_sets_does_not_count(p, random):
    shuffled = p.tolist()
    random.shuffle(shuffled)
    assert replicability(np.array(shuffled)).at_least == replicability(p).at_least


@pytest.mark.parametrize("true", [0, 2, 5])
def test_the_count_is_too_large_at_most_at_its_rate(true):
    """Of 2,000 collections of 8 data sets about 5 % may be counted too high: at most 6.5 % (3 standard errors)."""
    rng = np.random.default_rng(true)
    too_many = np.zeros(2)
    for _ in range(2000):
        p = rng.uniform(size=8)
        p[:true] = rng.beta(0.02, 1.0, size=true)  # strong effects: the hardest case for the rest
        found = replicability(p)
        too_many += [found.at_least > true, found.at_least_independent > true]
    assert (too_many / 2000 <= 0.065).all()
    assert too_many[1] / 2000 >= 0.02  # and Fisher's is not idle


def test_strong_effects_are_counted():
    found = replicability(np.full(6, 1e-6))
    assert (found.at_least, found.at_least_independent, found.named) == (6, 6, (0, 1, 2, 3, 4, 5))


def test_a_side_is_chosen_by_the_difference():
    assert one_sided(0.04, 0.1) == 0.02
    assert one_sided(0.04, -0.1) == 0.98


@pytest.mark.parametrize("p", [[], [0.5, 1.2], [float("nan")], [-0.1]])
def test_what_is_no_p_value_is_refused(p):
    with pytest.raises(ValueError, match="from 0 to 1"):
        replicability(np.array(p))
