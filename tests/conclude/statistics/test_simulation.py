"""The simulator shows what it says: accuracies, seed spread, disagreement, and the same study for the same seed."""

import numpy as np
import pytest
from scipy import stats

from embexp.conclude.simulation import both_right, plant, simulate_measurements


def test_the_same_seed_gives_the_same_study() -> None:
    one, other = (simulate_measurements(7, seeds=3, texts=200) for _ in range(2))
    np.testing.assert_array_equal(one.correct, other.correct)
    assert (one.correct != simulate_measurements(8, seeds=3, texts=200).correct).any()


def test_accuracy_and_disagreement_are_the_planted_ones() -> None:
    """Means of 200,000 texts and 40 seeds: each lies within 5 standard errors."""
    population = plant({"a": (0.80, 0.85), "b": (0.80, 0.85)}, (100, 1000), seed_sd=(0.01, 0.004), disagreement=0.06)
    study = simulate_measurements(0, population, seeds=40, texts=100_000)
    found = study.accuracy.mean(axis=2)
    se = np.sqrt(0.01**2 / 40 + 0.16 / 100_000)
    np.testing.assert_allclose(found, population.accuracy, atol=5 * se)
    # The deterministic cells aside, seeds spread as planted: chi-square bounds at 1e-4.
    spread = study.accuracy[:, 0].var(axis=1, ddof=1) / 0.01**2
    assert (spread > stats.chi2.ppf(1e-4, 39) / 39).all()
    assert (spread < stats.chi2.ppf(1 - 1e-4, 39) / 39).all()
    assert (study.correct[0] != study.correct[1]).mean() == pytest.approx(0.06, abs=0.004)


def test_tfidf_at_the_whole_pool_ignores_the_seed() -> None:
    study = simulate_measurements(0, seeds=4, texts=300)
    tfidf = study.correct[study.strategy("tfidf")]
    assert (tfidf[-1] == tfidf[-1][0]).all()
    assert (tfidf[-2] != tfidf[-2][0]).any()


def test_bivariate_normal_probabilities_equal_scipy() -> None:
    threshold = np.array([0.4, 1.1])
    correlation = np.array([[0.97, 0.3], [0.3, 0.0]])
    found = both_right(threshold, correlation)
    for i, j in np.ndindex(2, 2):
        cov = [[1, correlation[i, j]], [correlation[i, j], 1]]
        exact = stats.multivariate_normal(cov=cov).cdf([threshold[i], threshold[j]])
        assert found[i, j] == pytest.approx(exact, abs=1e-6)


def test_impossible_plans_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot disagree"):
        plant({"a": (0.99,)}, (100,), disagreement=0.1).variances()
    with pytest.raises(ValueError, match="no room"):
        plant({"a": (0.8,)}, (100,), seed_sd=(0.1, 0.1)).variances()
