"""Means and crossed components against the analysis of variance, and where scipy computes the same."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from embexp.conclude.simulation import plant, simulate_measurements, true_components
from embexp.conclude.statistics.components import Crossed, Estimate, Sums
from embexp.conclude.statistics.moments import Moments, difference_weights


def draw(positions: int = 4, seeds: int = 5, texts: int = 60, seed: int = 0) -> np.ndarray:
    """Correctness with seed, text and joint effects, (positions, seeds, texts)."""
    generator = np.random.default_rng(seed)
    effect = generator.normal(size=(positions, 1, texts)) + 0.5 * generator.normal(size=(positions, seeds, 1))
    return effect + 0.7 * generator.normal(size=(positions, seeds, texts)) > -0.5


def crossed(correct: np.ndarray, present: np.ndarray | None = None) -> Crossed:
    return Crossed.of(Sums.of(correct, np.ones(correct.shape[:2], bool) if present is None else present))


def mean_squares(values: np.ndarray) -> tuple[float, float, float]:
    """Two-way analysis of variance without replication: mean squares of rows, columns, residual."""
    rows, columns = values.shape
    by_row, by_column = values.mean(axis=1), values.mean(axis=0)
    residual = values - by_row[:, None] - by_column[None, :] + values.mean()
    return (
        columns * by_row.var(ddof=1),
        rows * by_column.var(ddof=1),
        (residual**2).sum() / ((rows - 1) * (columns - 1)),
    )


@pytest.mark.parametrize("weights", [[1, 0, 0, 0], [1, -1, 0, 0], [0.3, 0.7, -0.6, -0.4]])
def test_any_weighted_sum_has_the_variance_of_its_own_analysis_of_variance(weights: list[float]) -> None:
    correct = draw()
    values = np.einsum("c,crt->rt", weights, correct.astype(float))
    seeds, texts = values.shape
    rows, columns, residual = mean_squares(values)
    estimate = crossed(correct).estimate(np.array(weights))
    expected = max(rows + columns - residual, rows, columns) / (seeds * texts)
    assert estimate.value == pytest.approx(values.mean(), abs=1e-12)
    assert estimate.se**2 == pytest.approx(expected, rel=1e-9)
    assert estimate.seed_share * estimate.se**2 == pytest.approx(rows / (seeds * texts), rel=1e-9)
    assert estimate.rest_share * estimate.se**2 == pytest.approx(residual / (seeds * texts), rel=1e-9)


def test_components_with_missing_cells_are_averages_over_pairs_of_observations() -> None:
    correct = draw(positions=2, seeds=4, texts=7).astype(float)
    present = np.array([[True, True, False, True], [True, False, True, True]])
    found = crossed(correct > 0, present)
    products: dict[tuple[bool, bool], list[float]] = {}
    for r in np.flatnonzero(present[0]):
        for s in np.flatnonzero(present[1]):
            for t in range(7):
                for u in range(7):
                    products.setdefault((r == s, t == u), []).append(correct[0, r, t] * correct[1, s, u])
    mean = {kind: np.mean(values) for kind, values in products.items()}
    neither = mean[False, False]
    assert found.seed[0, 1] == pytest.approx(mean[True, False] - neither, abs=1e-12)
    assert found.text[0, 1] == pytest.approx(mean[False, True] - neither, abs=1e-12)
    rest = mean[True, True] - mean[True, False] - mean[False, True] + neither
    assert found.rest[0, 1] == pytest.approx(rest, abs=1e-12)
    assert found.shared.tolist() == [[3, 2], [2, 3]]


def test_what_a_missing_cell_holds_is_never_read() -> None:
    correct, other = draw(), draw()
    present = np.ones(correct.shape[:2], bool)
    present[1, 2] = present[3, 0] = False
    other[~present] = ~other[~present]
    for name in ("mean", "seed", "text", "rest"):
        np.testing.assert_array_equal(getattr(crossed(correct, present), name), getattr(crossed(other, present), name))


def test_with_identical_seeds_the_interval_is_the_paired_one_over_texts() -> None:
    correct = np.repeat(draw(positions=2, seeds=1, texts=400), 6, axis=1)
    estimate = crossed(correct).estimate(np.array([1.0, -1.0]))
    test = stats.ttest_rel(*correct[:, 0].astype(float))
    assert estimate.value / estimate.se == pytest.approx(test.statistic, rel=1e-9)
    assert estimate.p == pytest.approx(2 * stats.norm.sf(abs(test.statistic)), rel=1e-6)


def test_the_variance_between_seeds_is_the_squared_standard_error_over_seeds() -> None:
    correct = draw(positions=2)
    by_seed = correct.mean(axis=2)
    estimate = crossed(correct).estimate(np.array([1.0, -1.0]))
    assert estimate.seed_share * estimate.se**2 == pytest.approx(stats.sem(by_seed[0] - by_seed[1]) ** 2, rel=1e-9)


def test_where_texts_add_nothing_the_interval_is_the_t_interval_over_seeds() -> None:
    by_seed = np.random.default_rng(1).normal(size=6)
    estimate = Estimate(np.array(by_seed.mean()), stats.sem(by_seed), np.array(6.0), np.array(1.0), np.array(0.0))
    reference = stats.ttest_1samp(by_seed, 0)
    np.testing.assert_allclose(estimate.interval(0.95), reference.confidence_interval(0.95), rtol=1e-6)
    assert estimate.p == pytest.approx(reference.pvalue, rel=1e-6)


def test_strategies_that_agree_on_every_text_get_an_interval_like_the_rule_of_three() -> None:
    correct = np.repeat(draw(positions=1, seeds=5, texts=1000), 2, axis=0)
    estimate = crossed(correct).estimate(np.array([1.0, -1.0]))
    assert estimate.value == 0
    assert float(estimate.half_width(0.95)) == pytest.approx(3 / 1000, rel=0.05)


def test_one_seed_gives_a_mean_without_an_interval() -> None:
    estimate = crossed(draw(seeds=1)).estimate(np.eye(4))
    assert np.isfinite(estimate.value).all()
    assert np.isnan(estimate.se).all()
    assert np.isnan(np.stack([*estimate.interval(0.95), estimate.p])).all()


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(2, 6), st.integers(2, 40))
def test_the_order_of_seeds_and_of_texts_does_not_matter(random, seeds: int, texts: int) -> None:
    correct = draw(seeds=seeds, texts=texts, seed=random.randrange(10**6))
    present = np.ones(correct.shape[:2], bool)
    present[random.randrange(4), random.randrange(seeds)] = False
    seed_order = random.sample(range(seeds), seeds)
    text_order = random.sample(range(texts), texts)
    one = crossed(correct, present).estimate(np.eye(4))
    other = crossed(correct[:, seed_order][:, :, text_order], present[:, seed_order]).estimate(np.eye(4))
    np.testing.assert_allclose(one.value, other.value, rtol=1e-12)
    np.testing.assert_allclose(one.se, other.se, rtol=1e-7)


def test_a_pair_is_compared_on_the_seeds_that_both_have() -> None:
    complete = simulate_measurements(3, seeds=6, texts=300)
    first = complete.train_sizes[0]
    gaps = simulate_measurements(3, seeds=6, texts=300, missing=[("random", first, 1), ("frozen", first, 4)])
    estimate = Moments(gaps).pair(0, 1).estimate(difference_weights(6))
    kept = [0, 2, 3, 5]
    accuracy = complete.correct[:2, 0, kept].mean(axis=(1, 2))
    assert estimate.value[0] == pytest.approx(accuracy[0] - accuracy[1], abs=1e-12)
    assert estimate.seeds.tolist() == [4, 6, 6, 6, 6, 6]
    whole = Moments(complete).pair(0, 1).estimate(difference_weights(6))
    np.testing.assert_allclose(estimate.se[1:], whole.se[1:], rtol=1e-9)


def test_components_are_unbiased_for_the_planted_ones() -> None:
    """Each of 3 x 16 means lies within 5 standard errors: false alarm below 48 x 6e-7 = 3e-5 per seed."""
    curves = {"a": (0.75, 0.84), "b": (0.70, 0.86)}
    population = plant(curves, (100, 10000), seed_sd=(0.02, 0.005), pool_size=10**6)
    truth = true_components(population)
    generator = np.random.default_rng(0)
    found: list[list[np.ndarray]] = [[], [], []]
    for _ in range(300):
        study = population.draw(generator, 4, 300)
        moments = crossed(study.correct.reshape(4, 4, 300), study.present.reshape(4, 4))
        for kept, part in zip(found, (moments.seed, moments.text, moments.rest), strict=True):
            kept.append(part)
    for kept, exact in zip(found, truth, strict=True):
        values = np.array(kept)
        z = (values.mean(axis=0) - exact) / (values.std(axis=0, ddof=1) / np.sqrt(len(values)))
        assert np.abs(z).max() < 5
