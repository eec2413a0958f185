"""Power laws: exact ones are recovered, scipy agrees, and forecasts end at four times the largest size."""

import numpy as np
import pytest
from planted import sharp, without
from scipy import optimize

from embexp.conclude.simulation import simulate_measurements
from embexp.conclude.statistics.contrasts import Rules
from embexp.conclude.statistics.moments import Moments
from embexp.conclude.statistics.power_law import fit_power_law, fits, forecast, predict
from embexp.errors import UserError

SIZES = np.array([100.0, 300, 1000, 3000, 10000, 20000])


@pytest.mark.parametrize("law", [(0.1, 0.2, 0.4), (0.0, 0.3, 0.15), (0.15, 0.05, 1.2)])
def test_an_exact_law_is_recovered(law: tuple[float, float, float]) -> None:
    errors = predict(np.array(law), 100.0, SIZES)
    np.testing.assert_allclose(fit_power_law(SIZES, errors, np.ones(6)), law, atol=2e-5)


def test_the_fit_is_scipys_least_squares_fit() -> None:
    generator = np.random.default_rng(0)
    for _ in range(5):
        errors = 0.1 + 0.2 * (SIZES / 100) ** -0.4 + generator.normal(0, 0.003, 6)
        weights = generator.uniform(0.5, 2, 6)
        ours = fit_power_law(SIZES, errors, weights)
        reference, _ = optimize.curve_fit(
            lambda n, a, b, c: a + b * (n / 100) ** -c, SIZES, errors, p0=(0.1, 0.2, 0.4), sigma=weights**-0.5
        )
        np.testing.assert_allclose(predict(ours, 100, SIZES), predict(reference, 100, SIZES), atol=1e-6)


def test_several_curves_are_fitted_as_each_alone() -> None:
    curves = np.random.default_rng(1).uniform(0.1, 0.3, (4, 6))
    together = fit_power_law(SIZES, curves, np.ones(6))
    np.testing.assert_array_equal(together, [fit_power_law(SIZES, curve, np.ones(6)) for curve in curves])


def test_a_rising_error_is_fitted_by_a_flat_line_and_a_falling_one_never_below_0() -> None:
    a, b, _ = fit_power_law(SIZES, np.linspace(0.1, 0.2, 6), np.ones(6))
    assert (b, a) == (0.0, pytest.approx(0.15))
    assert fit_power_law(SIZES, 0.5 * (SIZES / 100) ** -1.0 - 0.002, np.ones(6))[0] == 0.0


def fit_of(study) -> dict:
    return fits(Moments(study), Rules())[0]


def test_held_out_sizes_are_the_two_largest_of_six() -> None:
    law = np.array([0.1, 0.2, 0.4])
    fit = fit_of(sharp({"a": 1 - predict(law, 100, SIZES)}, sizes=SIZES.astype(int), texts=100_000))
    assert [row["train_size"] for row in fit["held_out"]] == [10000, 20000]
    for row in fit["held_out"]:
        assert row["error"] == pytest.approx(row["predicted"] - row["measured"])
        assert abs(row["error"]) < 1e-3
    assert fit["a"] + fit["b"] * 1000 ** -fit["c"] == pytest.approx(0.1 + 0.2 * 10**-0.4, abs=1e-3)


def test_a_forecast_reaches_four_times_the_largest_size_and_no_further() -> None:
    study = simulate_measurements(2, seeds=5, texts=800)
    fit = fit_of(study)
    far = forecast(fit, 80000)
    assert far["ci_low"] < far["expected"] < far["ci_high"]
    assert forecast(fit, 20000)["expected"] == pytest.approx(fit["forecasts"][0]["expected"])
    for refused in (80001, 19999):
        with pytest.raises(UserError, match="refused: strategy 'random' was measured up to 20,000 labels"):
            forecast(fit, refused)


def test_too_few_sizes_give_no_fit_but_a_reason() -> None:
    study = simulate_measurements(2, seeds=2, texts=300)
    gaps = without(study, (0, 0, 0), (0, 1, 0), (0, 2, 1))
    fit = fit_of(gaps)
    assert (fit["a"], fit["held_out"], fit["forecasts"]) == (None, [], [])
    with pytest.raises(UserError, match="needs 4 sizes with at least 2 seeds each, and there are 3"):
        forecast(fit, 30000)
