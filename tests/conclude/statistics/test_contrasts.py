"""Differences, their words, and what would decide the undecided ones."""

import numpy as np
import pytest
from planted import equal_population, reordered, sharp, without
from scipy import stats

from embexp.conclude.simulation import plant, simulate_measurements
from embexp.conclude.statistics.contrasts import Rules, contrasts, pairs_that_differ, superiority
from embexp.conclude.statistics.moments import Moments, difference_weights
from embexp.conclude.statistics.signflip import holm, sign_flip_p

RULES = Rules()


def rows_of(measurements, rules: Rules = RULES) -> dict[tuple[str, str, int], dict]:
    return {(row["a"], row["b"], row["train_size"]): row for row in contrasts(Moments(measurements), rules)}


def test_words_follow_the_interval_and_the_margin() -> None:
    curves = {"random": (0.80, 0.80, 0.800), "frozen": (0.85, 0.807, 0.8002), "tfidf": (0.75, 0.793, 0.7999)}
    rows = rows_of(sharp(curves, sizes=(100, 300, 1000)))
    words = {key: row["verdict"] for key, row in rows.items()}
    assert words["random", "frozen", 100] == "worse"
    assert words["random", "frozen", 300] == "slightly worse"
    assert words["random", "frozen", 1000] == "equivalent"
    assert words["random", "tfidf", 100] == "better"
    assert words["random", "tfidf", 300] == "slightly better"
    wide = rows_of(sharp(curves, sizes=(100, 300, 1000)), Rules(margin=0.06))
    assert wide["random", "frozen", 100]["verdict"] == "slightly worse"


def test_exchanging_two_strategies_mirrors_everything() -> None:
    study = simulate_measurements(5, seeds=6, texts=500)
    study = without(study, (0, 1, 2), (1, 3, 0))
    there = rows_of(study)
    back = rows_of(reordered(study, study.strategies[::-1]))
    opposite = {"better": "worse", "slightly better": "slightly worse"}
    opposite |= {word: start for start, word in opposite.items()}
    for (a, b, size), row in there.items():
        mirror = back[b, a, size]
        assert mirror["difference"] == pytest.approx(-row["difference"], abs=1e-12)
        assert mirror["ci_low"] == pytest.approx(-row["ci_high"], abs=1e-9)
        assert mirror["equivalence_high"] == pytest.approx(-row["equivalence_low"], abs=1e-9)
        assert mirror["p"] == pytest.approx(row["p"], abs=1e-12)
        assert mirror["p_new"] == pytest.approx(row["p_new"], abs=1e-9)
        assert mirror["p_superiority"] == pytest.approx(1 - row["p_superiority"], abs=1e-9)
        assert mirror["p_superiority_low"] == pytest.approx(1 - row["p_superiority_high"], abs=1e-6)
        assert mirror["verdict"] == opposite.get(row["verdict"], row["verdict"])
        assert mirror["p_holm"] == (None if row["p_holm"] is None else pytest.approx(row["p_holm"], abs=1e-9))


def test_p_is_the_sign_flip_test_on_the_seeds_accuracies() -> None:
    study = simulate_measurements(8, seeds=7, texts=400)
    row = rows_of(study)["random", "tfidf", 1000]
    accuracy = study.accuracy[:, 2]
    difference = accuracy[0] - accuracy[3]
    reference = stats.permutation_test(
        (np.rint(difference * 400),),
        lambda x, axis: x.sum(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    )
    assert row["p"] == pytest.approx(reference.pvalue, abs=1e-12)
    assert row["seeds_a_ahead"] == (difference > 0).sum()


def test_holm_goes_over_the_planned_family_and_nothing_else() -> None:
    rows = list(rows_of(simulate_measurements(1, seeds=8, texts=600)).values())
    family = [row for row in rows if {row["a"], row["b"]} <= {"random", "frozen", "finetuned"}]
    assert len(family) == 18
    expected = holm(np.array([max(row["p"], row["p_new"]) for row in family]))
    np.testing.assert_allclose([row["p_holm"] for row in family], expected)
    assert all(row["p_holm"] is None for row in rows if row not in family)


def test_a_pair_that_differs_nowhere_is_never_called_better_or_worse() -> None:
    """In these 40 studies without a difference some interval excludes 0; no word may follow from it alone."""
    population = equal_population(("random", "frozen", "finetuned"))
    excluded = 0
    for seed in range(40):
        rows = list(rows_of(simulate_measurements(seed, population, seeds=5, texts=400)).values())
        different = pairs_that_differ(rows, RULES)
        for row in rows:
            excludes = row["ci_low"] > 0 or row["ci_high"] < 0
            excluded += excludes
            if (row["a"], row["b"]) not in different:
                assert row["verdict"] in ("equivalent", "undecided")
                if excludes and row["verdict"] == "undecided":
                    assert "after Holm" in row["decide"]["reason"]
    assert excluded > 0


def test_an_undecided_contrast_says_what_would_decide_it() -> None:
    few_texts = equal_population(("random", "frozen"), (100, 1000))
    rows = rows_of(simulate_measurements(2, few_texts, seeds=10, texts=300))
    undecided = [row for row in rows.values() if row["verdict"] == "undecided"]
    assert undecided
    for row in undecided:
        assert row["decide"]["seeds"] is None
        assert "only 300 texts" in row["decide"]["reason"]
        assert row["decide"]["texts"] is None or row["decide"]["texts"] > 300


def test_the_number_of_seeds_that_decides_is_one_that_does() -> None:
    """Five times as many seeds decide what so many are said to, in at least 3 of 4 studies."""
    population = plant(
        {"random": (0.80, 0.85), "frozen": (0.818, 0.85)}, (100, 1000), seed_sd=(0.02, 0.002), pool_size=10**6
    )
    kept = decided = 0
    for seed in range(10):
        row = rows_of(simulate_measurements(seed, population, seeds=4, texts=4000))["random", "frozen", 100]
        needed = row["decide"] and row["decide"]["seeds"]
        if needed and needed <= 20:
            larger = simulate_measurements(seed, population, seeds=needed * 5, texts=4000)
            kept += 1
            decided += rows_of(larger)["random", "frozen", 100]["verdict"] != "undecided"
    assert kept >= 3
    assert decided >= 0.75 * kept


def test_superiority_agrees_with_the_share_of_new_studies_that_a_wins() -> None:
    """The 95 % interval of one study holds the share among 400 replications; false alarm about 5 % per seed, fixed."""
    population = plant({"a": (0.800,), "b": (0.793,)}, (100,), seed_sd=(0.01, 0.01), pool_size=10**6)
    study = simulate_measurements(1, population, seeds=12, texts=1500)
    estimate = Moments(study).pair(0, 1).estimate(difference_weights(1))
    chance, low, high = superiority(estimate, 0.95)
    wins = [
        (lambda s: float(s.accuracy[0, 0, 0] > s.accuracy[1, 0, 0]))(
            simulate_measurements(s, population, seeds=1, texts=1500)
        )
        for s in range(100, 500)
    ]
    assert low[0] < np.mean(wins) < high[0]
    assert low[0] < chance[0] < high[0]


def test_missing_cells_leave_the_seeds_that_both_have() -> None:
    study = simulate_measurements(4, seeds=4, texts=400)
    rows = rows_of(without(study, (0, 0, 1), (1, 0, 2), (0, 2, 0), (0, 2, 1), (0, 2, 2)))
    row = rows["random", "frozen", 100]
    kept = study.correct[:2, 0][:, [0, 3]]
    assert row["n"] == 2
    assert row["difference"] == pytest.approx(kept[0].mean() - kept[1].mean(), abs=1e-12)
    assert row["p"] == sign_flip_p(kept[0].sum(axis=1) - kept[1].sum(axis=1))
    lonely = rows["random", "frozen", 1000]
    assert lonely["n"] == 1
    assert lonely["difference"] is not None
    for key in ("ci_low", "ci_high", "se", "p", "p_new", "p_holm", "p_superiority", "p_superiority_low"):
        assert lonely[key] is None
    assert lonely["verdict"] == "undecided"


def test_a_contrast_without_a_common_seed_has_no_number_at_all() -> None:
    study = simulate_measurements(4, seeds=2, texts=300)
    row = rows_of(without(study, (0, 0, 0), (1, 0, 1)))["random", "frozen", 100]
    assert row["n"] == 0
    assert row["difference"] is None
    assert row["verdict"] == "undecided"
