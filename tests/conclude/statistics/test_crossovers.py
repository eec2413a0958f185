"""Crossovers: planted ones are found, and their kind and ends mean what they say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import SIZES, reordered, sharp, without

from embexp.conclude.simulation import simulate_measurements
from embexp.conclude.statistics.contrasts import Rules
from embexp.conclude.statistics.crossovers import crossovers
from embexp.conclude.statistics.moments import Moments, difference_weights
from embexp.conclude.statistics.regions import find_regions, interpolate

RULES = Rules()


def pair(measurements) -> list[dict]:
    return crossovers(Moments(measurements), RULES)


def test_a_planted_crossover_is_found_on_the_line_between_its_sizes() -> None:
    (row,) = pair(sharp({"random": (0.70, 0.78, 0.82, 0.85, 0.88), "frozen": (0.79, 0.80, 0.81, 0.82, 0.83)}))
    # The lead of frozen falls from 2 points at 300 to -1 at 1,000: two thirds of the way in log size.
    assert row["kind"] == "crossing"
    assert row["estimate"] == pytest.approx(300 * (1000 / 300) ** (2 / 3), rel=1e-9)
    assert row["ci_low"] < row["estimate"] < row["ci_high"]
    assert (row["ahead_before"], row["ahead_after"]) == ("frozen", "random")


def test_curves_that_cross_three_times_give_three_answers() -> None:
    # CNN pre-trained against TF-IDF on 20 Newsgroups (Yao et al. 2019).
    rows = pair(sharp({"frozen": (0.149, 0.335, 0.486, 0.752, 0.822), "tfidf": (0.114, 0.452, 0.660, 0.747, 0.832)}))
    assert [row["kind"] for row in rows] == ["crossing"] * 3
    estimates = [row["estimate"] for row in rows]
    assert estimates == sorted(estimates)
    assert [row["ahead_after"] for row in rows] == ["tfidf", "frozen", "tfidf"]


def test_a_lead_that_grows_from_the_smallest_size_points_below_the_range() -> None:
    (row,) = pair(sharp({"random": (0.75, 0.80, 0.85, 0.88, 0.90), "frozen": (0.72, 0.75, 0.78, 0.79, 0.80)}))
    assert (row["kind"], row["estimate"], row["ahead_before"]) == ("before_range", None, "random")
    assert row["possible"] is False


def test_a_lead_that_shrinks_leaves_the_crossover_open() -> None:
    (row,) = pair(sharp({"random": (0.70, 0.75, 0.80, 0.84, 0.8791), "frozen": (0.80, 0.82, 0.84, 0.86, 0.8793)}))
    assert (row["kind"], row["estimate"], row["ahead_after"]) == ("none", None, "frozen")
    assert row["possible"] is True
    assert row["ci_low"] is not None
    assert row["ci_high"] is None


def test_equal_curves_may_cross_anywhere() -> None:
    (row,) = pair(sharp({"random": (0.7, 0.75, 0.8, 0.84, 0.87), "frozen": (0.7, 0.75, 0.8, 0.84, 0.87)}))
    assert (row["kind"], row["estimate"], row["ci_low"], row["ci_high"]) == ("none", None, None, None)
    assert row["possible"] is True
    assert row["ahead_before"] is None


def test_a_tie_at_one_size_counts_only_if_the_sign_changes_there() -> None:
    (touching,) = pair(sharp({"a": (0.70, 0.80, 0.85), "b": (0.60, 0.80, 0.80)}, sizes=(100, 1000, 10000)))
    assert touching["kind"] != "crossing"
    assert touching["possible"] is True
    (through,) = pair(sharp({"a": (0.70, 0.80, 0.85), "b": (0.60, 0.80, 0.90)}, sizes=(100, 1000, 10000)))
    assert through["estimate"] == pytest.approx(1000)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_exchanging_the_strategies_changes_names_only(seed: int) -> None:
    study = simulate_measurements(seed, seeds=4, texts=200)
    there = pair(study)
    back = pair(reordered(study, study.strategies[::-1]))
    assert len(there) == len(back)
    for row in there:
        same = [other for other in back if (other["b"], other["a"]) == (row["a"], row["b"])]
        nth = [other for other in there if (other["a"], other["b"]) == (row["a"], row["b"])].index(row)
        mirror = same[nth]
        assert (mirror["kind"], mirror["ahead_before"]) == (row["kind"], row["ahead_before"])
        for key in ("estimate", "ci_low", "ci_high"):
            assert mirror[key] == (None if row[key] is None else pytest.approx(row[key], rel=1e-6))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_the_region_is_where_the_interval_of_the_difference_holds_0(seed: int) -> None:
    moments = Moments(simulate_measurements(seed, seeds=5, texts=300))
    weights, logs = difference_weights(6), np.log(moments.sizes)
    regions = find_regions(moments.pair(0, 1), weights, moments.sizes, 0.95)
    at = np.random.default_rng(seed).uniform(logs[0], logs[-1], 50)
    low, high = moments.pair(0, 1).estimate(interpolate(logs, weights, at)).interval(0.95)
    edges = [end for piece in regions.pieces for end in piece if end is not None]
    for x, holds in zip(at, (low <= 0) & (high >= 0), strict=True):
        if all(abs(x - np.log(edge)) > 0.005 for edge in edges):
            assert regions.contains(np.exp(x)) == holds
    for root in regions.roots:
        assert regions.contains(root)


def test_between_two_sizes_the_interval_uses_their_covariance() -> None:
    """Interpolating answers themselves, seed by seed and text by text, gives the same standard error."""
    study = simulate_measurements(9, seeds=6, texts=250)
    moments = Moments(study)
    share = 0.37
    weights = difference_weights(6)
    estimate = moments.pair(0, 1).estimate((1 - share) * weights[1] + share * weights[2])
    answers = study.correct[0].astype(float) - study.correct[1]
    values = (1 - share) * answers[1] + share * answers[2]
    by_seed, by_text = values.mean(axis=1), values.mean(axis=0)
    residual = values - by_seed[:, None] - by_text + values.mean()
    rest = (residual**2).sum() / (5 * 249) / values.size
    expected = by_seed.var(ddof=1) / 6 + by_text.var(ddof=1) / 250 - rest
    assert estimate.se**2 == pytest.approx(expected, rel=1e-9)


def test_sizes_without_two_common_seeds_are_left_out() -> None:
    study = sharp({"random": (0.70, 0.78, 0.82, 0.85, 0.88), "frozen": (0.79, 0.80, 0.81, 0.82, 0.83)}, seeds=3)
    (row,) = pair(without(study, (0, 1, 0), (1, 1, 2)))
    # Without 300 the line runs from 9 points at 100 to -1 at 1,000.
    assert row["estimate"] == pytest.approx(100 * 10**0.9, rel=1e-9)
    everything = [(0, k, r) for k in range(len(SIZES)) for r in range(2)]
    (unknown,) = pair(without(study, *everything))
    assert (unknown["kind"], unknown["estimate"], unknown["possible"]) == ("none", None, True)
