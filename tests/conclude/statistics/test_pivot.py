"""The distribution of a t variable plus a normal one, at its ends and against the noncentral t."""

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from embexp.conclude.statistics.pivot import critical_value, effect_interval, two_sided_p


@pytest.mark.parametrize("df", [1, 2, 4, 9, 29, 30, 99, 500])
def test_the_ends_are_student_and_normal(df: int) -> None:
    at = np.array([0.0, 0.5, 2.0, 5.0])
    np.testing.assert_allclose(two_sided_p(at, np.ones(4), df), 2 * stats.t.sf(at, df), rtol=1e-6)
    np.testing.assert_allclose(two_sided_p(at, np.zeros(4), df), 2 * stats.norm.sf(at), rtol=1e-6)
    for level in (0.9, 0.95):
        ends = critical_value(level, np.array([0.0, 1.0]), df)
        np.testing.assert_allclose(ends, [stats.norm.ppf((1 + level) / 2), stats.t.ppf((1 + level) / 2, df)], rtol=1e-6)


@pytest.mark.parametrize("df", [1, 4, 19])
@pytest.mark.parametrize("share", [0.03, 0.5, 0.9])
def test_between_the_ends_it_is_the_convolution(df: int, share: float) -> None:
    def tail(x: float) -> float:
        return integrate.quad(
            lambda t: stats.t.pdf(t, df) * stats.norm.sf((x - np.sqrt(share) * t) / np.sqrt(1 - share)), -np.inf, np.inf
        )[0]

    critical = float(critical_value(0.95, np.array(share), df))
    assert tail(critical) == pytest.approx(0.025, abs=2e-5)
    assert float(two_sided_p(np.array(2.0), np.array(share), df)) == pytest.approx(2 * tail(2.0), rel=1e-5)


def test_without_text_variance_the_effect_interval_inverts_the_noncentral_t() -> None:
    seeds, mean, sd = 8, 0.9, 1.3
    low, high = effect_interval(np.array([mean]), np.array([sd**2 / seeds]), np.zeros(1), seeds, 0.95)
    statistic = np.sqrt(seeds) * mean / sd

    def effect(probability: float) -> float:
        return optimize.brentq(lambda d: stats.nct.cdf(statistic, seeds - 1, d * np.sqrt(seeds)) - probability, -5, 5)

    # The fiducial ends are close to, not equal to, the inverted ones: Weerahandi 1993.
    assert low[0] == pytest.approx(effect(0.975), abs=0.02)
    assert high[0] == pytest.approx(effect(0.025), abs=0.02)
