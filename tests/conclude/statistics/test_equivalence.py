"""Label equivalence and the horizontal distance of curves."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import SIZES, sharp, without

from embexp.conclude.simulation import CURVES, plant, simulate_measurements
from embexp.conclude.statistics.contrasts import Rules
from embexp.conclude.statistics.equivalence import (
    format_ratio,
    horizontal_distances,
    horizontal_gap,
    label_equivalence,
)
from embexp.conclude.statistics.moments import Moments

RULES = Rules()
LOGS = np.log(SIZES)


def rows_of(measurements) -> dict[tuple[str, str, int], dict]:
    return {(row["a"], row["b"], row["train_size"]): row for row in label_equivalence(Moments(measurements), RULES)}


def test_a_curve_shifted_by_one_size_is_worth_the_ratio_of_the_sizes() -> None:
    scores = (0.60, 0.66, 0.72, 0.78, 0.84, 0.90)
    rows = rows_of(sharp({"frozen": scores[1:], "random": scores[:-1]}))
    for smaller, larger in pairwise(SIZES):
        row = rows["frozen", "random", smaller]
        assert row["equivalent_size"] == pytest.approx(larger, rel=1e-9)
        assert row["ratio"] == pytest.approx(larger / smaller, rel=1e-9)
        assert row["saved"] == pytest.approx(larger - smaller, rel=1e-9)
        assert row["ratio_low"] < row["ratio"]
        assert row["censored"] is None
        back = rows["random", "frozen", larger]
        assert back["ratio"] == pytest.approx(smaller / larger, rel=1e-9)


def test_outside_the_other_curve_the_ratio_is_a_bound() -> None:
    rows = rows_of(sharp({"frozen": (0.80, 0.82, 0.84, 0.86, 0.88), "random": (0.50, 0.55, 0.60, 0.65, 0.70)}))
    above = rows["frozen", "random", 300]
    assert (above["censored"], above["ratio"], above["saved"], above["ratio_text"]) == ("above", None, None, ">33x")
    assert (above["ratio_low"], above["ratio_high"]) == (pytest.approx(10000 / 300), None)
    below = rows["random", "frozen", 1000]
    assert (below["censored"], below["ratio_text"]) == ("below", "<0.1x")
    assert (below["ratio_low"], below["ratio_high"]) == (None, pytest.approx(0.1))


def test_a_score_that_the_other_reaches_exactly_at_an_end_is_not_censored() -> None:
    rows = rows_of(sharp({"a": (0.6, 0.65, 0.7, 0.75, 0.8), "b": (0.6, 0.62, 0.7, 0.72, 0.8)}))
    assert rows["a", "b", 100]["ratio"] == pytest.approx(1)
    assert rows["a", "b", 10000]["ratio"] == pytest.approx(1)


def test_where_the_other_curve_falls_again_the_first_size_counts() -> None:
    rows = rows_of(sharp({"a": (0.74, 0.76, 0.77, 0.80, 0.85), "b": (0.70, 0.78, 0.72, 0.76, 0.90)}))
    assert rows["a", "b", 100]["equivalent_size"] == pytest.approx(100 * 3**0.5, rel=1e-9)
    assert rows["a", "b", 100]["ratio_high"] > 10  # sizes near 1,000 and 3,000 cannot be excluded either


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_intervals_hold_their_estimate_and_bounds_point_outwards(seed: int) -> None:
    population = plant({name: CURVES[name] for name in ("random", "frozen")})
    for row in label_equivalence(Moments(simulate_measurements(seed, population, seeds=4, texts=200)), RULES):
        if row["ratio"] is not None:
            assert row["ratio_low"] is None or row["ratio_low"] <= row["ratio"] * (1 + 1e-9)
            assert row["ratio_high"] is None or row["ratio_high"] >= row["ratio"] * (1 - 1e-9)
            assert row["ratio"] * row["train_size"] == pytest.approx(row["equivalent_size"])
        elif row["censored"] == "above":
            assert row["ratio_high"] is None
        else:
            assert row["ratio_low"] is None


def test_a_strategy_without_two_seeds_at_a_size_has_no_equivalence_there() -> None:
    study = sharp({"a": (0.6, 0.65, 0.7, 0.75, 0.8), "b": (0.6, 0.62, 0.7, 0.72, 0.8)}, seeds=2)
    row = rows_of(without(study, (0, 1, 0)))["a", "b", 300]
    assert {row[key] for key in ("ratio", "ratio_low", "ratio_high", "saved", "censored", "ratio_text")} == {None}


def test_the_horizontal_distance_of_shifted_curves_is_the_shift() -> None:
    logs = np.log([100, 200, 400, 800, 1600])
    curve = np.array([0.6, 0.66, 0.74, 0.78, 0.84])
    faster = np.append(curve[1:], 0.9)  # does with any number of labels what the other does with twice as many
    assert horizontal_gap(logs, faster, curve) == pytest.approx(np.log(2), rel=1e-9)
    assert horizontal_gap(logs, curve, faster) == pytest.approx(-np.log(2), rel=1e-9)
    assert horizontal_gap(LOGS, curve, curve) == 0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0.3, 0.95), min_size=5, max_size=5), st.lists(st.floats(0.3, 0.95), min_size=5, max_size=5))
def test_the_horizontal_distance_is_antisymmetric(first: list[float], second: list[float]) -> None:
    a, b = np.array(first), np.array(second)
    there, back = horizontal_gap(LOGS, a, b), horizontal_gap(LOGS, b, a)
    assert there == pytest.approx(-back, abs=1e-9, nan_ok=True)


def test_curves_without_a_common_score_have_no_horizontal_distance() -> None:
    (row,) = horizontal_distances(
        Moments(sharp({"a": (0.80, 0.82, 0.84, 0.86, 0.88), "b": (0.5, 0.55, 0.6, 0.65, 0.7)})), RULES
    )
    assert {row[key] for key in ("ratio", "ratio_low", "ratio_high", "score_low")} == {None}


def test_ratios_are_written_with_two_digits() -> None:
    assert [format_ratio(value) for value in (1234.5, 16.4, 2.345, 1.0, 0.0052)] == [
        "1,234x",
        "16x",
        "2.3x",
        "1x",
        "0.0052x",
    ]
